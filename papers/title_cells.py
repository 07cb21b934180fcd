"""The title of a paper in a cell, among icons, links to code, numbers, nicknames and authors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from papers.blocks import Span
from papers.identifiers import from_url, is_code
from papers.markup import Link, References, find_markup, plain_text

_SAYS_LITTLE = """
paper papers pdf link links arxiv abs abstract html doi url code codes here github gitlab project page homepage website
site web demo demos video videos slides poster data dataset datasets blog post talk openreview official unofficial
pytorch tensorflow jax keras tf star stars model models weights hf huggingface hugging face bib bibtex supp
supplementary supplement appendix repo repository download review full text preprint version journal conference
proceedings proc acm ieee springer science direct semantic scholar google s2 citation citations cite badge icon image
img logo read more 论文 代码 链接 项目 主页 原文 下载 論文 リンク コード 논문 링크 코드 статья код ссылка lien enlace
"""
_GENERIC = frozenset(_SAYS_LITTLE.split())
_IDENTIFIER = re.compile(
    r"(?:arxiv|doi|pmid|acl)?\W{0,3}(?:\d{4}\.\d{4,5}(?:v\d+)?|10\.\d{4,9}/\S+|[A-Z]\d{2}-\d{4})(?:\W.{0,12})?", re.I
)
_LEADING_ID = re.compile(r"(?:arXiv:? ?)?\d{4}\.\d{4,5}(?:v\d+)?\s*[—–:|-]\s*", re.I)
_VENUE = re.compile(r"(?:[A-Z][A-Za-z&+-]{1,14} ?){1,3}[ '’`]*(?:(?:19|20)\d\d|[12]\d)(?: ?[\w()]{1,12})?")
_AUTHORS = re.compile(r"\bet[ .]*al\b|等$|^by\s|^作者|\band others\b", re.I)
_NAMED = re.compile(r"[A-ZÀ-Þ][\w.’'-]*(?: [A-ZÀ-Þ][\w.’'-]*){0,3}")
_LINE = re.compile(r"<(?:br|p|/p|div|/div|li|/li)\b[^<>]*>", re.I)
_SET_OFF = re.compile(
    r"(?P<before>[^*_<\"“«]{0,80})(?P<open>\*\*\*?|__|<b>|<strong>|<em>|<i>|[*_](?=[^\s*_])|[\"“«])(?P<inside>.+?)"
    r"(?P<close>\*\*\*?|__|</b>|</strong>|</em>|</i>|[*_]|[\"”»])(?P<rest>.*)",
    re.I | re.S,
)
_AFTER = re.compile(r"\s*(?:[—–\-(\[（,:：|/<·]|by\b|\Z)", re.I)
_QUOTES = '"“«'
_CREDIT = re.compile(r"\s*(?:[—–-] [^—–]{2,60}\bet al\.?|\((?:[^()]*\bet al\b[^()]*|[^()]*\b(?:19|20)\d\d)\))\Z", re.I)
_FEW = 5
"""Spaces from which on words are a title, whatever they are."""
_WORDY = re.compile(r"[^\W\d_]{2}")
_IN_BRACKETS = re.compile(r"\s*\(([^()]+)\)\Z")
_FOOTNOTE = re.compile(r"\[\^\w+\]")
_OPENERS = "\"'“‘«¿¡$([<&\\*_`~#@"
_TRAILING = " [(:,-–—|/·（【"


@dataclass(frozen=True, slots=True)
class TitleCell:
    """What a cell says of a paper."""

    title: str | None
    span: Span | None
    """Where the title's source stands."""
    link: Link | None
    """The paper's own link: the title's, else another that is not one to code."""
    links: tuple[Link, ...]
    """All links of the cell."""


def read_title(text: str, start: int, end: int, *, markdown: bool, references: References | None = None) -> TitleCell:
    """Read the cell of a paper's title.

    A link that names the paper is the title; one that says "pdf", "code" or a number is not, nor is an icon. Without
    such a link it is the first words, up to the authors.

    Args:
        text: the whole text.
        start: where the cell begins.
        end: where it ends.
        markdown: whether Markdown is read there.
        references: what links by reference lead to.
    """
    markup = find_markup(text, start, end, markdown=markdown, references=references)
    links = [link for link in markup.links if link.url and not link.url.startswith("#")]
    shown = [plain_text(text[slice(*link.inside)], markdown=markdown, references=references) for link in links]
    named = [index for index, words in enumerate(shown) if not is_generic(words)]
    best = next((index for index in named if len(shown[index].split()) > 2), named[0] if named else None)
    own = _own_link(links, best)
    gaps = sorted([*(link.span for link in markup.links), *(image.span for image in markup.images)])
    if best is not None:
        span = trimmed(text, *links[best].inside)
        words = shown[best]
        if len(words.split()) > 2:
            return TitleCell(words, span, own, tuple(links))
        around = _beside_nickname(text, links[best], start, end, gaps, markdown=markdown, references=references)
        words, span = around or (words, span)
        return TitleCell(words, span, own, tuple(links))
    between = list(_gaps(start, end, gaps))
    for weak in (False, True) if len(between) == 1 else (False,):  # the only words of a cell may be "Smith et al."
        for gap in between:
            if found := _words(text, *gap, markdown=markdown, references=references, weak=weak):
                return TitleCell(*found, own, tuple(links))
    return TitleCell(None, None, own, tuple(links))


def is_generic(words: str) -> bool:
    """Whether a link's words name no paper: "pdf", "Official code", a number, a venue, somebody's name."""
    words = words.strip(" []()（）【】.,:;!*_`|")
    if not words or words.startswith(("http://", "https://", "www.")):
        return True
    if words.count(" ") > _FEW:
        return False
    plain = re.findall(r"[^\W_]+", words.lower())
    if all(word in _GENERIC or word.isdigit() for word in plain):
        return True
    if _IDENTIFIER.fullmatch(words) or _VENUE.fullmatch(words):
        return True
    return bool(_AUTHORS.search(words))


def trimmed(text: str, start: int, end: int) -> Span:
    """Return a span without the white space at its ends."""
    content = text[start:end]
    begin = start + len(content) - len(content.lstrip())
    return begin, begin + len(content.strip())


def _own_link(links: list[Link], best: int | None) -> Link | None:
    """Return the title's link if it leads to a paper, else one that does, else any."""
    if best is not None and (len(links) == 1 or from_url(links[best].url)):
        return links[best]
    named = next((link for link in links if from_url(link.url)), None)
    if best is not None and not is_code(links[best].url):
        return links[best]
    return named or next((link for link in links if not is_code(link.url)), links[0] if links else None)


def _gaps(start: int, end: int, taken: list[Span]) -> Iterator[Span]:
    """Yield what lies between links and images."""
    edges = [(start, start), *taken, (end, end)]
    for (_, before), (after, _) in pairwise(edges):
        if before < after:
            yield before, after


def _words(
    text: str, start: int, end: int, *, markdown: bool, references: References | None, weak: bool = False
) -> tuple[str, Span] | None:
    """Return the title that stands in a stretch of text without links, and where; None if there is none.

    With ``weak`` any words will do that are not a number or an address.
    """
    span, words = _first_words(text, start, end, markdown=markdown, references=references)
    if words is None and weak:
        words = plain_text(text[slice(*span)], markdown=markdown, references=references)
        words = words if _WORDY.search(words) and not _IDENTIFIER.fullmatch(words) and "://" not in words else None
    if words is None:
        return None
    source = text[slice(*span)]
    match = None if source.strip("*_") == words else _SET_OFF.fullmatch(source)
    if match and (match["before"].strip() or match["rest"].strip()):
        before, after = match["before"].strip(_TRAILING), match["rest"]
        alone = match["open"] in _QUOTES or _AFTER.match(after) or before
        if alone and (not _WORDY.search(before) or is_credit(before)):
            inside = plain_text(match["inside"], markdown=markdown, references=references)
            if len(inside.split()) > 3 and not _AUTHORS.search(inside):
                place = match.span("inside")
                span, words = trimmed(text, span[0] + place[0], span[0] + place[1]), inside
                source = text[slice(*span)]
    words = _bare(words)
    place_of_words = source.find(words)
    if place_of_words >= 0:
        span = (span[0] + place_of_words, span[0] + place_of_words + len(words))
    return (words, span) if words else None


def _first_words(
    text: str, start: int, end: int, *, markdown: bool, references: References | None
) -> tuple[Span, str | None]:
    """Return the lines of a cell up to the one that says who wrote the paper, and what a reader sees of them."""
    span = trimmed(text, start, end)
    if not _LINE.search(text, start, end):
        words = plain_text(text[slice(*span)], markdown=markdown, references=references)
        return span, None if is_generic(_bare(words)) else words
    lines = list(_gaps(start, end, [match.span() for match in _LINE.finditer(text, start, end)]))
    shown = [plain_text(text[slice(*line)], markdown=markdown, references=references) for line in lines]
    first = next((index for index, words in enumerate(shown) if not is_generic(_bare(words))), None)
    if first is None:
        return span, None
    last = first + 1
    while last < len(lines) and shown[last] and not is_credit(shown[last], text[slice(*lines[last])]):
        last += 1
    return trimmed(text, lines[first][0], lines[last - 1][1]), " ".join(shown[first:last])


def _bare(words: str) -> str:
    """Return a title without icons and numbers before it and brackets left open behind it."""
    words = _FOOTNOTE.sub("", words).strip()
    while words and not (words[0].isalnum() or words[0] in _OPENERS):
        words = words[1:]
    if words.startswith("[]"):
        words = words[2:].strip()
    words = _CREDIT.sub("", _LEADING_ID.sub("", words)).rstrip(_TRAILING)
    if (behind := _IN_BRACKETS.search(words)) and _are_names(behind[1]):
        words = words[: behind.start()]
    for opening, closing in ("()", "[]"):
        while words.endswith(closing) and words.count(closing) > words.count(opening):
            words = words[:-1].rstrip(_TRAILING)
    return words[1:].strip() if words.startswith("[") and "]" not in words else words


def is_credit(words: str, source: str = "") -> bool:
    """Whether words below a title say who wrote it or where it stands.

    Args:
        words: what a reader sees.
        source: how it is written; a line in italics or small print is no title.
    """
    if _AUTHORS.search(words) or is_generic(words) or words.startswith(("(", "[", "（")):
        return True
    if re.match(r"\s*(?:\*(?!\*)|_(?!_)|<(?:i|em|sub|sup|small)\b)", source, re.I):
        return True
    return _are_names(words)


def _are_names(words: str) -> bool:
    names = re.split(r"\s*[,;、，]\s*|\s+(?:and|&|und|et|y)\s+", words)
    return len(names) > 1 and sum(bool(_NAMED.fullmatch(name)) for name in names) > 0.7 * len(names)


def _beside_nickname(
    text: str,
    link: Link,
    start: int,
    end: int,
    taken: list[Span],
    *,
    markdown: bool,
    references: References | None,
) -> tuple[str, Span] | None:
    """Return the full title that stands before or behind a link with a short name: ``[BERT](…): Pre-training of …``."""
    for gap_start, gap_end in _gaps(start, end, taken):
        found = _words(text, gap_start, gap_end, markdown=markdown, references=references)
        if not found or len(found[0].split()) < 4:
            continue
        if gap_start == link.span[1] and text[gap_start:gap_end].lstrip(" *_").startswith((":", "：")):
            nickname = plain_text(text[slice(*link.inside)], markdown=markdown, references=references)
            return f"{nickname}: {found[0]}", (link.span[0], found[1][1])
        beside = gap_end <= link.span[0] or (
            gap_start == link.span[1] and text[gap_start:gap_end].lstrip()[0].isalnum()
        )
        if beside and not is_credit(found[0]):
            return found
    return None
