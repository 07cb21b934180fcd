"""Put a count into a row: the edits that change its characters and no others, or turn one style into another."""

from __future__ import annotations

import re
from typing import Literal

from papers.badges import PAGE, alt_label, image_source, live_url, static_url, write_message
from papers.escape import for_html, for_markdown
from papers.markup import Image
from papers.numbers import write_count
from papers.table import Edit, Row

Target = Literal["keep", "live", "static", "text"]
_KNOWN = re.compile(r"\d[\d,]* \(\d{4}-\d\d-\d\d\)\s*\Z")


def count_edits(
    text: str, row: Row, count: int, as_of: str, style: Target, paper_id: str, *, markdown: bool
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
    """
    citation, image = row.citation, row.citation.image
    target = citation.style if style == "keep" else style
    if citation.style == target:
        if citation.count == count or target is None:
            return []
        if target == "live" and image:
            return [_alt_edit(text, image, count, as_of)]
        assert citation.count_span
        start, end = citation.count_span
        old = text[start:end]
        new = write_message(count, old, as_of) if target == "static" else write_count(count, old, as_of)
        return [Edit(start, end, new)] if new != old else []
    if image is not None:
        return _convert_image(text, image, count, as_of, target, paper_id)
    new = _shown(count, as_of, target, paper_id, markdown=markdown)
    if span := citation.shown_span or citation.count_span:
        return [Edit(*span, new)]
    cell = row.cell("citation")
    if cell and not text[cell.start : cell.end].strip():
        return [Edit(cell.start, cell.start, _linked(new, paper_id, markdown=markdown))]
    return []


def _convert_image(text: str, image: Image, count: int, as_of: str, target: Target | None, paper_id: str) -> list[Edit]:
    if target == "text":
        return [Edit(*image.span, str(count))]
    if target == "static":
        edits = [Edit(*image.url_span, static_url(count))]
        if image.alt_span and _KNOWN.search(text[slice(*image.alt_span)]):
            edits.append(Edit(*image.alt_span, alt_label(text[slice(*image.alt_span)])))
        return edits
    return [Edit(*image.url_span, live_url(paper_id)), _alt_edit(text, image, count, as_of)]


def _alt_edit(text: str, image: Image, count: int, as_of: str) -> Edit:
    """Write count and date at the end of an image's alternative text, over those that stand there."""
    known = f"{count} ({as_of})"
    if image.alt_span is None:  # an <img> without alt
        end = image.span[1] - (2 if text[image.span[1] - 2] == "/" else 1)
        return Edit(end, end, f'{"" if text[end - 1].isspace() else " "}alt="citation {known}"')
    start, end = image.alt_span
    alt = text[start:end]
    if match := _KNOWN.search(alt):
        return Edit(start + match.start(), end, known)
    label = alt.rstrip() or "citation"
    before = text[start - 1]
    if not image.html or before in "\"'":
        return Edit(start, end, f"{label} {known}") if not alt.strip() else Edit(start + len(label), end, f" {known}")
    # an attribute without quotes, or without a value
    return Edit(start, end, f'"{label} {known}"' if before == "=" else f'="{label} {known}"')


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
