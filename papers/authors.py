"""Who wrote the papers of a list: as the list's own column says, else as a kept answer of a service does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from papers.cache import Kept
from papers.markup import plain_text
from papers.table import Row, Table

OTHERS = "others"
"""The name, as BibTeX has it, of those who are left out."""
_ET_AL = re.compile(r"[,;&\s]*(?:\bet\.?\s*al\b\.?|\band others\b|等|…|\.{3})\s*\Z", re.I)
_BETWEEN = re.compile(r"\s*(?:[;；、，]|\band\b|&)\s*")
_COMMA = re.compile(r"\s*[,;；、，]\s*(?:and\b\s*|&\s*)?|\s+(?:and|&)\s+")
_INITIALS = re.compile(r"(?:[^\W\d_]\.[\s-]?){1,4}|[A-Z]{1,3}")


def authors_of(text: str, tables: Iterable[Table], kept: Mapping[str, Kept] | None = None) -> dict[int, list[str]]:
    """Return the authors of each row by its line, first name first; rows of which none is known are left out.

    Args:
        text: the whole text.
        tables: its tables.
        kept: answers of a service by paper id, which say more than a list that names one author "and others".
    """
    found = {}
    for table in tables:
        for row in table.rows:
            cell = row.cell("author")
            written = split_names(plain_text(text[cell.start : cell.end], markdown=table.markdown)) if cell else []
            recorded = _recorded(row, kept or {})
            if names := recorded if recorded and (not written or OTHERS in written) else written:
                found[row.line] = names
    return found


def split_names(written: str) -> list[str]:
    """Return the names in a cell: "A. One, B. Two and C. Three", "One, A.; Two, B.", "A. One et al."."""
    whole = _ET_AL.sub("", written.strip())
    others = [OTHERS] if len(whole) < len(written.strip()) else []
    pieces = [piece for piece in _COMMA.split(whole) if piece]
    # "Kingma, D. P., Welling, M.": every second piece is initials.
    if len(pieces) > 1 and len(pieces) % 2 == 0 and all(_INITIALS.fullmatch(piece) for piece in pieces[1::2]):
        return [f"{last}, {first}" for last, first in zip(pieces[::2], pieces[1::2], strict=True)] + others
    if ";" in whole:
        pieces = [piece for piece in _BETWEEN.split(whole) if piece]
    return [name for name in pieces if re.search(r"[^\W\d_]", name)] + others


def _recorded(row: Row, kept: Mapping[str, Kept]) -> list[str]:
    for paper in filter(None, (row.badge_id, row.link_id, row.url_id)):
        record = kept[paper].record if paper in kept else None
        if record and (names := list(_names(record.get("authors")))):
            return names
    return []


def _names(authors: object) -> Iterator[str]:
    for author in authors if isinstance(authors, list) else []:
        name = author.get("name") if isinstance(author, dict) else None
        if isinstance(name, str) and name.strip():
            yield name.strip()
