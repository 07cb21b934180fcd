"""Counts in running text: ``Cited by `12` ``, ``Citations: 1,234``, ``(cited 12 times)``, ``12 citations``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from papers.badges import Citation
from papers.blocks import Span
from papers.markup import Link
from papers.numbers import Written, read_count
from papers.paper_links import id_of

_AROUND = 30
"""How far before "citations" their number may stand, in characters."""
_NUMBER = r"(?:[~≈>] ?)?\d[\d,.'’]{0,14}(?<=\d)(?: ?[kKmM万])?\+?|\?|N/?A"
_BEFORE = (
    r"(?:cited[- ]by|citations?|cites|citas|citado por|citações|cité par|zitate|zitiert von|"
    r"被引用?(?:次数|数|量|回数)?|引用(?:次数|数|量|回数)?|인용(?: ?수| 횟수)?|цитирований|atıf)"
    r"(?:[- ]counts?)?\s*[*_]{0,2}\s*[:：=]?\s*[*_]{0,2}\s*"
    rf"[`*_\[(（]{{0,3}}(?P<number>{_NUMBER})[`*_]{{0,3}}"
    rf"|cited\s+[`*_]{{0,3}}(?P<times>{_NUMBER})[`*_]{{0,3}}\s+times"
)
_BEHIND = (
    rf"(?<![\w.,])[`*_]{{0,3}}(?P<amount>{_NUMBER})[`*_]{{0,3}}\s*(?:google scholar |scholar |times |次被?|件の|회 )?"
    r"(?:citations?\b|cites\b|cited\b|引用|인용|zitate\b|citas\b)"
)
_BEFORE_IT, _BEHIND_IT = re.compile(_BEFORE, re.I), re.compile(_BEHIND, re.I)
_LAST = re.compile(rf"\s*[,;:.(（\[|–—-]\s*(?:{_BEFORE}|{_BEHIND})\s*[)）\]]?[\s.,;]*\Z", re.I)
_SIGN = re.compile(r"cit|zit|被?引|인용|цит|atıf", re.I)
_ASCII_SIGN = re.compile(r"[cCzZ][iI][tT]")  # a set is searched for much faster
_MARKS = re.compile(r"\*\*|__|`")
_OPEN = re.compile(r"[\[(（]")
_DIGIT = re.compile(r"\d")


def is_count(words: str) -> bool:
    """Whether words begin as a count does."""
    return bool(_BEFORE_IT.match(words) or _BEHIND_IT.match(words))


def without_count(words: str) -> str:
    """Return words without a count that closes them, set off: ``A title (cited 12 times)``."""
    if not (_ASCII_SIGN if words.isascii() else _SIGN).search(words):
        return words
    match = _LAST.search(words)
    return words[: match.start()] if match else words


def find_count(
    text: str, lines: Iterable[tuple[Span, str]], links: Sequence[Link], title: Span | None
) -> Citation | None:
    """Return the first count that some lines name in words, None if they name none.

    Args:
        text: the whole text.
        lines: where the lines stand, and each again with links and images blotted out.
        links: their links; a count may stand in one, or be one.
        title: where the title stands, which may speak of citations, too.
    """
    hidden = [title] if title else []
    hidden += [link.url_span for link in links]
    for (start, end), mask in lines:
        for sign in (_ASCII_SIGN if mask.isascii() else _SIGN).finditer(mask):
            begin = start + sign.start()
            if title and title[0] <= begin < title[1]:
                continue
            match = _BEFORE_IT.match(text, begin, end) or _behind(text, max(start, begin - _AROUND), begin, end)
            if match and (counted := _counted(match, links, hidden)):
                return counted
    for link in links:  # [Cited by 12](…)
        if link.inside[1] - link.inside[0] < 2 * _AROUND and _SIGN.search(text, *link.inside):
            match = _BEFORE_IT.search(text, *link.inside) or _BEHIND_IT.search(text, *link.inside)
            if match and (counted := _counted(match, links, hidden)):
                return counted
    return None


def _behind(text: str, start: int, sign: int, end: int) -> re.Match[str] | None:
    """Return the count that stands before a word: ``12 citations``."""
    found = _BEHIND_IT.finditer(text, start, end) if _DIGIT.search(text, start, sign) else ()
    return next((match for match in found if match.start() < sign < match.end()), None)


def _counted(match: re.Match[str], links: Sequence[Link], hidden: Sequence[Span]) -> Citation | None:
    begin, end = shown = match.span()
    for a, b in hidden:
        if a < end and begin < b:
            return None
    assert match.lastgroup
    start, stop = span = match.span(match.lastgroup)
    digits = match[match.lastgroup]
    written = Written(int(digits), None) if digits.isascii() and digits.isdigit() else read_count(digits)
    link = next((link for link in links if link.inside[0] <= start and stop <= link.inside[1]), None)
    cut = link and not (link.span[0] <= begin and end <= link.span[1])
    if cut or _OPEN.search(match[0]) or len(_MARKS.findall(match[0])) % 2:
        shown = span  # marks that are open: a badge could only take the number's place
    value, as_of = (written.value, written.as_of) if written else (None, None)
    link_id = id_of(link.url) if link else None
    return Citation("text", value, as_of, span, link=link, link_id=link_id, shown_span=shown)
