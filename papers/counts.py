"""Put a count into a row: the edits that change its characters and no others, or turn one style into another."""

from __future__ import annotations

import re
from typing import Literal

from papers.badges import (
    PAGE,
    Citation,
    hidden,
    image_source,
    live_url,
    read_citation,
    static_url,
    unhidden,
    write_message,
)
from papers.escape import for_html, for_markdown
from papers.markup import Image, find_markup, sole_label
from papers.numbers import read_count, write_count
from papers.restyle import restyled, with_known
from papers.table import Edit, Row

_WORDS_BEFORE = re.compile(r"(?P<two>(?:[^\W\d_]+[ -])?(?P<one>[^\W\d_]+))\s*[*_]*[:：]?[\s*_`\[(（]*\Z")
_WORD_BEHIND = re.compile(r"[*_`]*\s*(?P<word>[^\W\d_]+)")
_MOST_SHOWN = 40
"""Characters of a cell that a remark quotes."""
Target = Literal["keep", "live", "static", "text"]


def count_edits(
    text: str, row: Row, count: int, as_of: str, style: Target, paper_id: str, *, markdown: bool, linked: bool = True
) -> list[Edit]:
    """Return the edits after which a row shows a count; none if it shows it already or has no place for it.

    Args:
        text: the whole text.
        row: the row as it was read.
        count: citations.
        as_of: the day they were counted, YYYY-MM-DD; a live badge says it.
        style: ``keep``, or the style to turn the row into.
        paper_id: for a badge that has to be made.
        markdown: whether the row stands in a pipe table.
        linked: whether a count in an empty cell becomes a link to the paper's page.
    """
    citation, image = row.citation, row.citation.image
    target = citation.style if style == "keep" else style
    if citation.style == target:
        if citation.count == count or target is None:
            return []
        if target == "live" and image:
            return [_with_known(text, image, f"{count} ({as_of})")]
        assert citation.count_span
        start, end = citation.count_span
        old = text[start:end]
        new = write_message(count, old, as_of) if target == "static" else write_count(count, old, as_of)
        return [Edit(start, end, new)] if new != old else []
    if image is not None or citation.kept:
        return _converted(text, row, count, as_of, target, paper_id, markdown=markdown)
    new = _shown(count, as_of, target, paper_id, markdown=markdown)
    if span := citation.shown_span or citation.count_span:
        return [Edit(*span, new)]
    cell = row.cell("citation")
    if cell and not text[cell.start : cell.end].strip():
        shown = _linked(new, paper_id, markdown=markdown) if linked else new
        space = " " if text[cell.start - 1 : cell.start + 1] == " |" else ""  # "| |" becomes "| 12 |"
        return [Edit(cell.start, cell.start, shown + space)]
    return []


def why_no_place(text: str, row: Row) -> str:
    """Say why a row has no place for a count, and what would make one.

    An empty cell in a column of citations is not filled unasked: its keeper may have left it empty on purpose.
    """
    if row.citation.doubt:
        return row.citation.doubt
    if "citation" not in row.columns:
        return "the row shows no count; --add-column citation makes a place for it"
    cell = row.cell("citation")
    if not cell:
        return "the row has no cell of its own in the column of citations; add one"
    content = text[cell.start : cell.end].strip()
    if not content:
        return "the cell for its citations is empty; --add-column citation fills it"
    shown = content if len(content) <= _MOST_SHOWN else f"{content[:_MOST_SHOWN]}…"
    return f"the cell for its citations holds {shown!r}, which is no plain count; write one there"


def _by_reference(image: Image) -> bool:
    """Whether an image's address stands elsewhere, in the definition of a reference."""
    return not image.span[0] <= image.url_span[0] < image.span[1]


def _with_known(text: str, image: Image, known: str) -> Edit:
    """Return the edit after which a badge's alternative text ends in the last known count."""
    edit = Edit(*with_known(text, image, known))
    if not _by_reference(image) or not image.alt_span or text[image.alt_span[1] : image.span[1]] not in ("]", "][]"):
        return edit
    label = text[slice(*image.alt_span)]  # ![label] stays the name of its reference
    begin = image.alt_span[0]
    alt = label[: edit.start - begin] + edit.new + label[edit.end - begin :]
    return Edit(*image.span, f"![{alt}][{label}]")


def _converted(
    text: str, row: Row, count: int, as_of: str, target: Target | None, paper_id: str, *, markdown: bool
) -> list[Edit]:
    """Turn a badge, or a text that keeps one in a comment, into another style.

    A badge by reference stays one, with its address changed in the definition, unless another uses that too.
    """
    citation, url = row.citation, row.citation.kept_url
    if citation.image:
        start, end = citation.image.span
        source = text[start:end]
        url = citation.image.url_span if _by_reference(citation.image) else None
    else:
        assert citation.kept
        start, end = citation.kept
        source = unhidden(text[text.index("<!-- ", start) + len("<!-- ") : end - len(" -->")])
    label = None
    if url:
        label = sole_label(text, source) if "--" not in source else None  # which a comment would change
        source = _inlined(source, text[slice(*url)])
    badge = read_citation(source, 0, len(source), markdown=not source.startswith("<"), known=True)
    assert badge.image
    if target == "text":
        return [Edit(start, end, _as_text(text, row, source, badge, count, as_of, label, markdown=markdown))]
    if target == "live" and badge.style == "live":
        new = _replaced(source, with_known(source, badge.image, f"{count} ({as_of})"))
    elif target == "static" and badge.style == "static" and badge.count_span:
        old = source[slice(*badge.count_span)]
        new = _replaced(source, (*badge.count_span, write_message(count, old, as_of)))
    else:
        assert target in ("live", "static")
        new = restyled(source, badge.image, target, count, as_of, paper_id)
    if url and label is not None:
        shown, address = _by_label(new, label)
        return [Edit(start, end, shown), *([Edit(*url, address)] if address != text[slice(*url)] else [])]
    return [Edit(start, end, new)]


def _inlined(source: str, url: str) -> str:
    """Return a badge by reference with its address in it: ``![citations](…)`` for ``![citations][label]``."""
    return f"![{source[2 : source.index(']', 2)]}]({f'<{url}>' if re.search('[ ()]', url) else url})"


def _by_label(source: str, label: str) -> tuple[str, str]:
    """Return a badge with its address in it as one by reference, and that address."""
    (image,) = find_markup(source, 0, len(source), markdown=True).images
    return f"![{image.alt}][{label}]", source[slice(*image.url_span)]


def _as_text(
    text: str,
    row: Row,
    source: str,
    badge: Citation,
    count: int,
    as_of: str,
    label: str | None,
    *,
    markdown: bool,
) -> str:
    """Return a number for a badge, and the badge in a comment where the number alone could not become it again."""
    assert badge.image
    assert badge.style
    assert row.citation.image
    kept = _replaced(source, with_known(source, badge.image, None)) if badge.style == "live" else source
    cell, (start, end) = row.cell("citation"), row.citation.image.span
    shows = "" if badge.style == "live" else str(badge.count)
    number = str(count)
    if cell and cell.start <= start and end <= cell.end:
        plain = _shown(int(shows or 0), as_of, badge.style, row.paper_id or "", markdown=markdown)
        plain = _replaced(plain, (*_known_span(plain), "")) if badge.style == "live" else plain
        if kept == plain and label is None:
            alone = text[cell.start : start] + number + text[end : cell.end]
            read = read_citation(alone, 0, len(alone), markdown=markdown, known=True)
            if (read.style, read.count) == ("text", count) and row.paper_id in (read.link_id or row.url_id, None):
                return number
    elif not _is_labelled(text, start, end):
        number = f"Cited by `{count}`" if markdown else f"Cited by {count}"
    return number + hidden(kept if label is None else _by_label(kept, label)[0])


def _is_labelled(text: str, start: int, end: int) -> bool:
    """Whether the words around a badge say already what its number counts: ``**Cited by ![…](…)**``."""
    before, behind = _WORDS_BEFORE.search(text, max(0, start - _MOST_SHOWN), start), _WORD_BEHIND.match(text, end)
    told = [f"{before[place]}: 1" for place in ("two", "one") if before[place]] if before else []
    return any(map(read_count, [*told, *([f"1 {behind['word']}"] if behind else [])]))


def _known_span(source: str) -> tuple[int, int]:
    image = find_markup(source, 0, len(source), markdown=not source.startswith("<")).images[0]
    return with_known(source, image, None)[:2]


def _replaced(source: str, change: tuple[int, int, str]) -> str:
    start, end, new = change
    return source[:start] + new + source[end:]


def _shown(count: int, as_of: str, target: Target | None, paper_id: str, *, markdown: bool) -> str:
    if target == "text":
        return str(count)
    if target == "static":
        return image_source(static_url(count), "citation", markdown=markdown)
    return image_source(live_url(paper_id), f"citation {count} ({as_of})", markdown=markdown)


def _linked(shown: str, paper_id: str, *, markdown: bool) -> str:
    """Wrap what is shown in a link to the paper's page, where its address is known for certain."""
    url = page_url(paper_id)
    if not url:
        return shown
    return f"[{shown}]({url})" if markdown else f'<a href="{for_html(url)}">{shown}</a>'


def page_url(paper_id: str) -> str | None:
    """Return the address of a paper's page from its id in API form."""
    if re.fullmatch(r"[0-9a-f]{40}", paper_id):
        return PAGE + paper_id
    kind, _, value = paper_id.partition(":")
    if kind == "ARXIV":
        return f"https://api.semanticscholar.org/arXiv:{value}"
    if kind == "CorpusId":
        return f"https://api.semanticscholar.org/CorpusID:{value}"
    return f"https://doi.org/{value}" if kind == "DOI" else None


def badge_source(paper_id: str, style: Target, count: int | None, as_of: str, *, markdown: bool) -> str:
    """Return the source of a new citation cell; without a known count a live badge, and nothing in the other styles."""
    if count is None:
        if style != "live":
            return ""
        return _linked(image_source(live_url(paper_id), "citation", markdown=markdown), paper_id, markdown=markdown)
    return _linked(_shown(count, as_of, style, paper_id, markdown=markdown), paper_id, markdown=markdown)


def link_source(title: str, url: str | None, *, markdown: bool) -> str:
    """Return the source of a title cell: text from elsewhere, made harmless, in a link."""
    shown = for_markdown(title) if markdown else for_html(title)
    if not url:
        return shown
    return f"[{shown}]({url})" if markdown else f'<a href="{for_html(url)}">{shown}</a>'
