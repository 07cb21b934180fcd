"""The number in a citation cell: a live badge, a static badge, or text; where it stands, and how to write another.

Live badges are drawn by shields.io from the API's answer when somebody looks; their alternative text carries the last
known count and its date, so that readers see a number when that service fails.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from papers.blocks import Span
from papers.escape import for_html, for_markdown
from papers.headers import leads_to_other_source, names_other_source, plain_name, says_citations
from papers.identifiers import from_badge, from_url
from papers.markup import Image, Link, Markup, References, find_markup, plain_text
from papers.numbers import read_count, write_count

Style = Literal["live", "static", "text"]
API = "https://api.semanticscholar.org/graph/v1/paper/"
PAGE = "https://www.semanticscholar.org/paper/"

_STATIC_PATH = re.compile(r"img\.shields\.io/badge/(?P<parts>[^?#\s]+)", re.I)
AND = "&(?:amp;|#38;|#x26;)?"
"""What parts two parameters of an address, as HTML or Markdown may write it."""
_MESSAGE = re.compile(rf"(?:\?|{AND})message=(?P<message>[^&#]*)", re.I)
_LABEL = re.compile(rf"(?:\?|{AND})label=(?P<label>[^&#]*)", re.I)
_LOGO = re.compile(r"[?&](?:amp;)?logo=(?P<logo>[^&#]*)", re.I)
_ELSEWHERE = "its count bears the name, or the link, of another source, whose count it is; take that away to refresh it"
"""A keeper who sets Google Scholar's mark beside a number wants its number there, and no other one under its name."""
_SAYS_NOTHING = frozenset(["", "s2", "semantic scholar", "count", "counts", "total", "c"])
_NUMBER_BEHIND = re.compile(r"[:\s]*\d[\d,]*\Z")
_DASHES = "-&#45;"
_MARKS = re.compile(r"<[^<>]*>|[*_`]|\s")
_ALT = re.compile(r"(?P<label>.*?)[:\s]*(?P<count>\d[\d,]*) \((?P<date>\d{4}-\d\d-\d\d)\)\s*", re.S)
_KEPT = re.compile(  # the words are ours before backticks, or in HTML
    r"(?:Cited by (?=`|[^\s<>]{1,20}<!-- <))?`?(?P<number>\d[^\s<>`\[\]|]{0,20})`?"
    r"<!-- (?P<image>(?:(?!-->)[^\n]){1,2000}) -->"
)
_PLACEHOLDER = re.compile(
    r"n/?a|none|null|nan|unknown|inaccessible|unavailable|invalid|error|tbd|tba|not found|\?|-{1,3}|[–—…]|\.{3}", re.I
)


@dataclass(frozen=True, slots=True)
class Citation:
    """What a citation cell holds."""

    style: Style | None
    """None: nothing that could be a count."""
    count: int | None = None
    as_of: str | None = None
    """The day of a live badge's last known count, YYYY-MM-DD."""
    count_span: Span | None = None
    """The characters of the count, with the marks and the date that belong to it; None where it is not written yet."""
    image: Image | None = None
    badge_id: str | None = None
    link: Link | None = None
    link_id: str | None = None
    shown_span: Span | None = None
    """A count in text with what it is set in (backticks, bold): what a badge takes the place of."""
    kept: Span | None = None
    """Where a text stands that keeps its badge in a comment: the text and the comment."""
    kept_url: Span | None = None
    """Where the address of that badge stands, if it is kept by reference: in the reference's definition."""
    doubt: str | None = None
    """Why nothing that stands there is taken for the count, where something might be."""


def read_citation(
    text: str,
    start: int,
    end: int,
    *,
    markdown: bool,
    known: bool,
    references: References | None = None,
    markup: Markup | None = None,
) -> Citation:
    """Read a citation cell.

    Args:
        text: the whole text.
        start: where the cell begins.
        end: where it ends.
        markdown: whether Markdown is read there.
        known: whether the column is one of citations; elsewhere only a badge that names its paper counts.
        references: what links by reference lead to.
        markup: what has been found there already.
    """
    markup = markup or find_markup(text, start, end, markdown=markdown, references=references)
    if kept := _read_kept(text, start, end, markup.links, references):
        return kept
    if markup.images:
        return _read_badges(text, markup, known=known)
    if not known:
        return Citation(None)
    link = next((k for k in markup.links if from_url(k.url)), markup.links[0] if len(markup.links) == 1 else None)
    link_id = from_url(link.url) if link else None
    inside = link.inside if link else (start, end)
    shown = plain_text(text[slice(*inside)], markdown=markdown)
    if (span := _bare(text, *inside)) and (written := read_count(text[slice(*span)])):
        if link and leads_to_other_source(link.url):
            return Citation(None, doubt=_ELSEWHERE)
        shown_span = _trimmed(text, *inside)
        return Citation("text", written.value, written.as_of, span, None, None, link, link_id, shown_span)
    if _PLACEHOLDER.fullmatch(shown) and (place := text.find(shown, *inside)) >= 0:
        span = (place, place + len(shown))
        return Citation("text", None, None, span, None, None, link, link_id, _trimmed(text, *inside))
    return Citation(None, link=link, link_id=link_id)


def _read_badges(text: str, markup: Markup, *, known: bool) -> Citation:
    """Read the badge of citations among several badges: the first that names its paper, else the only one that says so.

    In a column of citations a badge without a label will do. Several that say so may count differently: none is taken.
    """
    static: list[tuple[Image, Span, str | None]] = []
    bare: list[tuple[Image, Span, str | None]] = []
    elsewhere = False
    for image in markup.images:
        badge_id = from_badge(image.url) if "citationCount" in image.url else None
        if badge_id and "/static/v1" not in image.url:
            known_alt = _ALT.fullmatch(image.alt)
            count = int(known_alt["count"].replace(",", "")) if known_alt else None
            as_of = known_alt["date"] if known_alt else None
            return Citation("live", count, as_of, image.alt_span, image, badge_id, *_link_around(markup, image))
        if not (span := _static_count(text, image)):
            continue
        label, logo, link = _label(text, image), _LOGO.search(image.url), _link_around(markup, image)[0]
        names = f"{label} {image.alt} {unquote(logo['logo']) if logo else ''}"
        if not badge_id and (names_other_source(names) or (link and leads_to_other_source(link.url))):
            elsewhere = True
            continue
        nothing = plain_name(label) in _SAYS_NOTHING
        if badge_id:
            static = [(image, span, badge_id)]
            break
        if says_citations(label) or (nothing and says_citations(_NUMBER_BEHIND.sub("", image.alt))):
            static.append((image, span, None))
        elif known and nothing:
            bare.append((image, span, None))
    if len(static or bare) != 1:
        several = "it has several badges of citations, and it is not certain which is the paper's count; leave one"
        return Citation(None, doubt=several if static or bare else _ELSEWHERE if elsewhere else None)
    ((image, span, badge_id),) = static or bare
    written = read_count(_decoded(text[slice(*span)]))
    value, as_of = (written.value, written.as_of) if written else (None, None)
    return Citation("static", value, as_of, span, image, badge_id, *_link_around(markup, image))


def _link_around(markup: Markup, image: Image) -> tuple[Link | None, str | None]:
    link = next((k for k in markup.links if k.span[0] <= image.span[0] and image.span[1] <= k.span[1]), None)
    return link, from_url(link.url) if link else None


def _read_kept(
    text: str, start: int, end: int, links: Sequence[Link], references: References | None
) -> Citation | None:
    """Read a count in text that keeps its badge in a comment behind it, as ``--style text`` writes it."""
    if text.find("<!-- ", start, end) < 0 or text.find(" -->", start, end) < 0:
        return None
    for match in _KEPT.finditer(text, start, end):
        source = unhidden(match["image"])
        images = find_markup(source, 0, len(source), markdown=not source.startswith("<")).images
        whole, url = (0, len(source)), None
        if not images and references and source.endswith("]"):
            whole = match.span("image")
            images = find_markup(text, *whole, markdown=True, references=references).images
            url = images[0].url_span if images else None
        written = read_count(match["number"])
        if len(images) == 1 and images[0].span == whole and written:
            link = next((k for k in links if k.span[0] <= match.start() and match.end() <= k.span[1]), None)
            return Citation(
                "text",
                written.value,
                count_span=match.span("number"),
                badge_id=from_badge(images[0].url),
                link=link,
                link_id=from_url(link.url) if link else None,
                kept=match.span(),
                shown_span=match.span(),
                kept_url=url,
            )
    return None


def hidden(source: str) -> str:
    """Return a badge's source as a comment that no Markdown reader shows: GitHub's allows no ``--`` in one."""
    return f"<!-- {source.replace('--', _DASHES)} -->"


def unhidden(comment: str) -> str:
    """Return the source that :func:`hidden` has put into a comment."""
    return comment.replace(_DASHES, "--")


def write_message(count: int, like: str, as_of: str | None = None) -> str:
    """Write a count as the message of a static badge, in the manner and with the escapes of the one it replaces."""
    escapes = like.lower()
    pieces = []
    for char in write_count(count, _decoded(like), as_of):
        escaped = quote(char, safe="")
        if char.isascii() and (char.isalnum() or char == "."):
            pieces.append(char)
        elif escaped.lower() in escapes:
            pieces.append(escaped)
        else:
            pieces.append({" ": "_", "-": "--", "_": "__"}.get(char, char))
    return "".join(pieces)


def live_url(paper_id: str) -> str:
    """Return the address of a live badge for a paper."""
    address = quote(f"{API}{paper_id}?fields=citationCount", safe="")
    return f"https://img.shields.io/badge/dynamic/json?label=citation&query=citationCount&url={address}"


def static_url(count: int) -> str:
    """Return the address of a badge that shows one number for good."""
    return f"https://img.shields.io/badge/citation-{count}-blue"


def image_source(url: str, alt: str, *, markdown: bool) -> str:
    """Write an image, escaped for where it goes."""
    if markdown:
        return f"![{for_markdown(alt)}]({url})"
    return f'<img src="{for_html(url)}" alt="{for_html(alt)}">'


def _static_count(text: str, image: Image) -> Span | None:
    """Return where the number of a static badge stands in the text."""
    begin = image.url_span[0]
    source = text[slice(*image.url_span)]
    if "static/v1" in source.lower() and (match := _MESSAGE.search(source)):
        span = match.span("message")
    elif (match := _STATIC_PATH.search(source)) and not match["parts"].lower().startswith("dynamic/"):
        # label-message-colour; a dash inside a part is doubled
        parts = list(re.finditer(r"(?:[^-]|--)+", match["parts"]))
        part = parts[-2] if len(parts) > 1 else None
        if not part:
            return None
        span = (match.start("parts") + part.start(), match.start("parts") + part.end())
    else:
        return None
    message = _decoded(source[slice(*span)])
    if not read_count(message) and not _PLACEHOLDER.fullmatch(message):
        return None
    return begin + span[0], begin + span[1]


def _label(text: str, image: Image) -> str:
    """Return what a static badge says before its number."""
    source = text[slice(*image.url_span)]
    if match := _LABEL.search(source):
        return _decoded(match["label"])
    match = _STATIC_PATH.search(source)
    parts = re.findall(r"(?:[^-]|--)+", match["parts"]) if match else []
    return _decoded(parts[-3]) if len(parts) > 2 else ""


def _decoded(message: str) -> str:
    """Return what a badge's message shows: escapes undone, a line for a space, a doubled dash for one."""
    return unquote(message).replace("--", "-").replace("_", " ").strip()


def _bare(text: str, start: int, end: int) -> Span | None:
    """Return where the only words of a cell stand: inside the tags and marks around them."""
    source = _MARKS.sub(lambda mark: " " * len(mark[0]), text[start:end])
    content = source.strip()
    begin = start + len(source) - len(source.lstrip())
    return (begin, begin + len(content)) if content else None


def _trimmed(text: str, start: int, end: int) -> Span:
    source = text[start:end]
    begin = start + len(source) - len(source.lstrip())
    return begin, begin + len(source.strip())
