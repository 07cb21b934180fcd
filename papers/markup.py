"""Links, images and plain text in one cell, each link and image with the position of its address.

HTML tags are found by the tokeniser of :mod:`papers.html_tables` and their values decoded by Lexbor; Markdown's links,
inline and by reference, follow CommonMark 0.31, section 6.3, and text with other Markdown in it is read by
markdown-it-py.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from selectolax.lexbor import LexborHTMLParser

from papers.blocks import Blocks, Span
from papers.html_tables import COMMENT, MARKDOWN_TAG, TAG, attributes

_DESTINATION = r"<(?P<angle>[^<>\n]*)>|(?P<plain>(?:[^\s()<\\]++|\\.|\((?:[^\s()\\]++|\\.|\([^\s()]*+\))*+\))*+)"
_TITLE = r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?"""
_MARKDOWN = re.compile(
    rf"(?P<skip>\\[!-/:-@\[-`{{-~]|{COMMENT}|(?P<ticks>(?<!`)`++)(?:.*?[^`])?(?P=ticks)(?!`))"
    rf"|<(?P<auto>https?://[^\s<>]*)>|{MARKDOWN_TAG}|(?P<open>!?\[)"
    rf"|\]\(\s*(?:{_DESTINATION}){_TITLE}\s*(?P<target>\))|(?P<end>\])",
    re.S,
)
_DEFINITION = re.compile(
    r"^\ufeff? {0,3}\[(?P<label>(?:[^\[\]\\]|\\.){1,999})\]:[ \t]*(?:(?:\r\n?|\n)[ \t]*)?"
    r"(?:<(?P<angle>[^<>\r\n]*)>|(?P<plain>[^\s<]\S*))",
    re.M,
)
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){0,999})\]")
_USED_LABEL = re.compile(r"\[([^\[\]\r\n]{1,200})\](?!:)")
_MOST_PARSED = 20_000
"""Characters of Markdown that are parsed for their plain text: hostile ones take a time that grows with the square."""
_STARTS = re.compile(r"[\\`<!\[\]]")  # what any of these begins with: a set is searched for much faster than they are
_BARE_URL = re.compile(r"(?<![\w/])https?://[^\s<>|]*[^\s<>|.,;:!?)]")
_RAW = re.compile(r"<(?:[!?]|/[^a-z]|(?:script|style|textarea|title|xmp|iframe|no|svg|math|select|plaintext))", re.I)
# One "<" before all branches, so that the search runs from one to the next.
_HTML = re.compile(rf"<(?:(?P<skip>{COMMENT[1:]})|{TAG[1:]}|(?P<cut>[/A-Za-z]))", re.S)
_TAG = re.compile(TAG)
_HREF = re.compile(r'\s+href="([^"]+)"')
_BREAKING = re.compile(r"<(?=(?:/?(?:li|ul|ol|p|div|table|tr|td|th)|br)\b)", re.I)
# In an attribute, a name without semicolon is no entity if a letter, digit or = follows (13.2.5.73): &query=x stays.
_MAYBE_ENTITY = re.compile(r"&(?:#|[A-Za-z0-9]++[^A-Za-z0-9=]|[A-Za-z0-9]++\Z)")
_SPECIAL = re.compile(r"[\\`*_~<&\[\]!]")
_PLAIN = r"[^\0\\`*_~<&\[\]!]"
_ONLY_LINK = re.compile(rf"({_PLAIN}*)\[({_PLAIN}+)\]\(https?://[\w./?=%#+:-]+\)({_PLAIN}*)", re.A)
# Emphasis that needs no parser: stars around words, lines inside them.
_OTHER_SPECIAL = re.compile(r"[\\`~<&\[\]!]|(?<![^\W_])_|_(?![^\W_])")
_STARRED = re.compile(r"(?<!\*)(\*\*?)(?=[^\W_])([^*]*[^\W_])\1(?!\*)")
_PLAIN_MARKDOWN = MarkdownIt("commonmark").enable("strikethrough")


@dataclass(frozen=True, slots=True)
class References:
    """The definitions of links by reference."""

    spans: dict[str, Span]
    """For each label, as markdown-it writes it, where the address stands."""
    environment: dict[str, dict[str, dict[str, str]]]
    """The same for markdown-it's inline parser."""

    def find(self, label: str) -> Span | None:
        """Return where the address of a label stands, however the label is spelt; None if nothing defines it."""
        return self.spans.get(normalizeReference(label))


@dataclass(slots=True)
class Link:
    """A link: where it leads, where that address stands, and what it is written around."""

    url: str
    url_span: Span
    """For a link by reference, in the reference's definition: somewhere else in the text."""
    inside: Span
    span: Span


@dataclass(slots=True)
class Image:
    """An image: its address and alternative text, decoded and as positions; ``alt_span`` is None where it has none."""

    url: str
    url_span: Span
    alt: str
    alt_span: Span | None
    span: Span
    html: bool


@dataclass(slots=True)
class Markup:
    """What was found in a cell, in reading order."""

    links: list[Link] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)


def find_references(text: str, blocks: Blocks) -> References | None:
    """Return the addresses that links by reference lead to: the first definition of each label outside code."""
    if "]:" not in text:
        return None
    found: dict[str, Span] = {}
    code = sorted((*blocks.fences, *blocks.indented))
    for match in _DEFINITION.finditer(text):
        before = bisect_right(code, (match.start(), len(text))) - 1
        if before >= 0 and match.start() < code[before][1]:
            continue
        label = normalizeReference(match["label"])
        if label.strip() and not label.startswith("^"):  # which is a footnote
            found.setdefault(label, match.span("plain" if match["angle"] is None else "angle"))
    environment = {"references": {label: {"href": "", "title": ""} for label in found}}
    return References(found, environment) if found else None


def sole_label(text: str, source: str) -> str | None:
    """Return the label of a link or image by reference, if nothing else in the text uses it.

    Args:
        text: the whole text.
        source: ``![alt][label]``, ``![label][]`` or ``![label]``, as it stands in it.
    """
    labels = _USED_LABEL.findall(source)
    used = sum(label.casefold() == labels[-1].casefold() for label in labels)
    return labels[-1] if labels and _uses(text)[labels[-1].casefold()] <= used else None


@lru_cache(maxsize=1)
def _uses(text: str) -> Counter[str]:
    """Return how often each label stands in a text, other than before its own definition."""
    return Counter(match[1].casefold() for match in _USED_LABEL.finditer(text))


def find_markup(text: str, start: int, end: int, *, markdown: bool, references: References | None = None) -> Markup:
    """Return the links and images between two positions.

    Args:
        text: the whole text.
        start: where the cell begins.
        end: where it ends.
        markdown: whether Markdown is read there (a pipe table) or only HTML.
        references: what :func:`find_references` has found.
    """
    found = Markup()
    after = start
    anchor: Link | None = None
    brackets: list[tuple[int, bool]] = []
    for match in _markdown_matches(text, start, end) if markdown else _HTML.finditer(text, start, end):
        if name := match["name"]:
            name = name.lower()
            if name == "a":
                if anchor:
                    _close(found, anchor, match.start(), match.end())
                anchor = None if match["close"] else _anchor(text, match)
            elif name == "img" and not match["close"]:
                found.images.append(_img(text, match))
        elif match.start() < after:  # the label of a link by reference
            continue
        elif not markdown:
            if match["cut"]:  # a tag without end swallows the rest
                break
        elif match["skip"]:
            continue
        elif match["open"]:
            brackets.append((match.start(), match["open"] == "!["))
        elif match["end"]:
            if brackets:
                begin, image = brackets.pop()
                if references and (end_of_link := _referred(found, text, match, begin, references, image=image)):
                    after = end_of_link
        elif match["target"]:
            _inline(found, text, match, brackets)
        else:
            span = match.span("auto")
            found.links.append(Link(match["auto"], span, span, match.span()))
    if anchor:
        _close(found, anchor, end, end)
    if markdown and not _STARTS.search(text, start, end) and (bare := _BARE_URL.search(text, start, end)):
        found.links.append(Link(bare[0], bare.span(), bare.span(), bare.span()))
    if len(found.links) > 1:
        found.links.sort(key=lambda link: link.span)
    return found


def _markdown_matches(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    position = start
    while begin := _STARTS.search(text, position, end):
        match = _MARKDOWN.match(text, begin.start(), end)
        position = match.end() if match else begin.end()
        if match:
            yield match


def plain_text(source: str, *, markdown: bool, references: References | None = None) -> str:
    """Return what a reader sees of a cell's source: no tags, no images, entities decoded, white space made single."""
    if markdown:
        source = source.replace("\\|", "|")
        if len(source) <= _MOST_PARSED and _SPECIAL.search(source):
            source = _emphasised(source) or _markdown_text(source, references)
    elif "<" in source or "&" in source:
        source = _html_text(source)
    return " ".join(source.split())


def decode(value: str) -> str:
    """Return what an HTML attribute's source means (``&amp;`` and its like; ``&copy=1`` in an address stays)."""
    if "&" not in value or not _MAYBE_ENTITY.search(value):
        return value
    quote = "'" if '"' in value else '"'
    node = LexborHTMLParser(f"<p x={quote}{value}{quote}>").css_first("p")
    return (node.attributes.get("x") if node else None) or ""


def _anchor(text: str, match: re.Match[str]) -> Link | None:
    start, end = match.span("attributes")
    if plain := _HREF.fullmatch(text, start, end):  # as nearly all are
        return Link(decode(plain[1]).strip(), plain.span(1), (match.end(), match.end()), match.span())
    span = attributes(text, start, end).get("href")
    return Link(decode(text[slice(*span)]).strip(), span, (match.end(), match.end()), match.span()) if span else None


def _close(found: Markup, anchor: Link, inside_end: int, end: int) -> None:
    anchor.inside = (anchor.inside[0], inside_end)
    anchor.span = (anchor.span[0], end)
    found.links.append(anchor)


def _img(text: str, match: re.Match[str]) -> Image:
    values = attributes(text, *match.span("attributes"))
    url, alt = values.get("src", (match.end() - 1,) * 2), values.get("alt")
    return Image(
        decode(text[slice(*url)]).strip(), url, decode(text[slice(*alt)]) if alt else "", alt, match.span(), True
    )


def _inline(found: Markup, text: str, match: re.Match[str], brackets: list[tuple[int, bool]]) -> None:
    """Take ``](address)``: it belongs to the last open bracket; around a link there is no other link."""
    if not brackets:
        return
    begin, image = brackets.pop()
    span = match.span("angle" if match["angle"] is not None else "plain")
    url = _unescape(text[slice(*span)])
    if image:
        alt = (begin + 2, match.start())
        found.images.append(Image(url, span, text[slice(*alt)], alt, (begin, match.end()), False))
    elif not _holds_link(found, begin):
        found.links.append(Link(url, span, (begin + 1, match.start()), (begin, match.end())))


def _referred(
    found: Markup, text: str, match: re.Match[str], begin: int, references: References, *, image: bool
) -> int | None:
    """Take ``[text][label]``, ``[text][]`` or ``[text]``; returns where it ends, or None if it is none of them."""
    inside = (begin + (2 if image else 1), match.start())
    shown = text[slice(*inside)]
    label = _LABEL.match(text, match.end())
    end = label.end() if label else match.end()
    place = references.find((label[1] if label else "") or shown)
    if not place and label:  # [text][no label] may still be the short form of the first
        place, end = references.find(shown), match.end()
    if not place:
        return None
    url = _unescape(text[slice(*place)])
    if image:
        found.images.append(Image(url, place, shown, inside, (begin, end), False))
    elif not _holds_link(found, begin):
        found.links.append(Link(url, place, inside, (begin, end)))
    return end


def _holds_link(found: Markup, begin: int) -> bool:
    """Whether a link has begun since a place: links are found in the order in which they end."""
    for link in reversed(found.links):
        if link.span[1] <= begin:
            return False
        if link.span[0] > begin:
            return True
    return False


def _unescape(destination: str) -> str:
    """Return a Markdown address without backslashes and entities; an ``&`` without semicolon is itself there."""
    if "\\" in destination:
        destination = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", destination)
    if "&" not in destination:
        return destination
    return re.sub(r"&(?:#\w+|\w+);", lambda entity: decode(entity[0]), destination)


def _html_text(source: str) -> str:
    source = _BREAKING.sub(" <", source)
    if "&" not in source and source.count("<") == source.count(">") and not _RAW.search(source):
        plain = _TAG.sub("", source)
        if "<" not in plain:  # whole tags only, and no text that Lexbor would read otherwise
            return plain
    parser = LexborHTMLParser(source)
    return parser.body.text() if parser.body else ""


def _emphasised(source: str) -> str | None:
    """Return the text of Markdown whose only marks are one link, or stars around words; None if there is more in it."""
    if linked := _ONLY_LINK.fullmatch(source):
        return "".join(linked.groups())
    if _OTHER_SPECIAL.search(source):
        return None
    plain = _STARRED.sub(r"\2", source)
    return None if "*" in plain else plain


def _markdown_text(source: str, references: References | None) -> str:
    # The text of one line of Markdown is that of its inline tokens; images have alternative text, which is not text.
    pieces = []
    environment = references.environment if references else {}
    for token in _PLAIN_MARKDOWN.parseInline(source, environment)[0].children or []:
        if token.type in ("text", "code_inline"):
            pieces.append(token.content)
        elif token.type in ("softbreak", "hardbreak") or _BREAKING.match(token.content):
            pieces.append(" ")
    return "".join(pieces)
