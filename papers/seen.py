"""What a text holds where no list of papers was found in it, what is looked for, and what helps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from papers.blocks import Blocks, Item, find_blocks
from papers.headers import find_columns
from papers.headings import Sections
from papers.html_tables import RawTable
from papers.identifiers import from_url
from papers.markup import plain_text
from papers.table import Table, find_tables

_SHOWN = 3
"""Tables that are described; of more it is said how many there are."""
_LINK = re.compile(r"\]\(|\]\[|<a\s|https?://", re.I)
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"']+")
_HEADERS = 6


def what_was_seen(text: str) -> str:
    """Return in a few sentences what a text holds, what a list of papers would look like, and which option helps."""
    blocks = find_blocks(text)
    tables = [(table, markdown) for table, markdown in find_tables(text, blocks) if table.rows and not table.delimiter]
    bullets = list(_flat(blocks.items))
    linked = sum(any(_LINK.search(text, *paragraph) for paragraph in item.paragraphs) for item in bullets)
    seen = []
    if tables:
        described = [_described(text, table, blocks, markdown=markdown) for table, markdown in tables[:_SHOWN]]
        more = f"; and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else ""
        seen.append(f"{len(tables)} table{'s' if len(tables) > 1 else ''} ({'; '.join(described)}{more})")
    if bullets:
        links = f"{linked} of them with links" if linked else "none of them with a link"
        seen.append(f"{len(bullets)} bullet{'s' if len(bullets) > 1 else ''}, {links}")
    sentences = [f"Seen: {'; '.join(seen)}." if seen else "It holds neither a table nor bullets."]
    sentences.append(
        "A table is read if a header says which column is the title (Title, Paper, 论文, Titel, título, … in many "
        "languages) and a row names a paper: by a link to arXiv, a DOI or Semantic Scholar, a badge, or a count under "
        "Citations; a bullet if it links to a paper."
    )
    if tables:
        sentences.append("If a table is one of papers, say which columns hold what: --columns title=2,citation=5.")
    return " ".join(sentences)


def unread_bullets(text: str, tables: Iterable[Table]) -> list[int]:
    """Return the lines of bullets that link to a paper and were not read, for they show no title.

    Args:
        text: the whole text.
        tables: what was read in it.
    """
    blocks = find_blocks(text)
    rows = sorted((row.start, row.end) for table in tables for row in table.rows)
    sections = Sections(text, blocks)
    lines = []
    for item in _flat(blocks.items):
        at = bisect_right(rows, (item.paragraphs[0][1], 0)) - 1 if item.paragraphs else -1
        if not item.paragraphs or (at >= 0 and item.start < rows[at][1]) or sections.above(item.start).aside:
            continue
        links = (match[0] for paragraph in item.paragraphs for match in _ADDRESS.finditer(text, *paragraph))
        if any(from_url(link) for link in links):
            lines.append(bisect_right(blocks.line_starts, item.start))
    return lines


def _flat(items: list[Item]) -> list[Item]:
    return [deeper for item in items for deeper in (item, *_flat(item.items))]


def _described(text: str, table: RawTable, blocks: Blocks, *, markdown: bool) -> str:
    """Return a table's line and its headers, each that is understood with its meaning."""
    line = bisect_right(blocks.line_starts, table.start)
    names = [
        plain_text(text[cell.start : cell.end], markdown=markdown) for cell in table.rows[0].cells if not cell.shared
    ]
    meant = {index: kind for kind, index in find_columns(names).items()}
    shown = [
        f"{name[:24] or '–'}{f' = {meant[index]}' if index in meant and meant[index] != name.lower() else ''}"
        for index, name in enumerate(names[:_HEADERS])
    ]
    more = " | …" if len(names) > _HEADERS else ""
    return f"line {line}: {' | '.join(shown)}{more}"
