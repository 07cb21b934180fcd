"""Counts in words: ``Cited by `12` ``, ``Citations: 1,234``, ``(cited 12 times)``, ``12 citations``.

A count is a field of its own: it stands at the end of its line, or between links, brackets and separators. A number in
a sentence ("a survey of 500 citations", "cited by 12 of our authors", "12 citations/year") counts something else. Of
several counts, the labelled one at the end of its line is meant; if that is not one alone, it is uncertain and none is.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from papers.badges import Citation
from papers.blocks import Span
from papers.headers import (
    OTHER_SOURCES,
    OTHER_SOURCES_CJK,
    OWN_SOURCE,
    counts_other_things,
    leads_to_other_source,
    measures_people,
)
from papers.markup import Link
from papers.numbers import LABELS, Written, read_count
from papers.paper_links import id_of

_LINKED = "\0"
_AROUND = 30
"""How far before "citations" their number may stand, in characters."""
_NUMBER = r"(?:[~≈>] ?)?\d[\d,.'’]{0,14}(?<=\d)(?: ?[kKmM万])?\+?|\?|N/?A"
_OWN = rf"{OWN_SOURCE}|total"
_BEFORE = (
    rf"(?:{LABELS}|(?<=times )cited)"
    r"(?:[- ](?:counts?|total|so far))?"
    rf"(?P<said>\s*(?:[(\[（]\s*(?:{_OWN})\s*[)\]）]|(?:on|by|in|from)\s+(?:{_OWN})\b))?"
    r"(?P<closed>\s*[:：]?</(?:b|strong|em|i|u)>)?"
    r"\s*[*_]{0,2}\s*(?:[:：=]|\s[–—-](?=\s))?\s*[*_]{0,2}\s*"
    rf"[`*_\[(（]{{0,3}}(?P<number>{_NUMBER})[`*_]{{0,3}}(?: ?(?:次|回|件|회)(?!\w)| papers\b)?"
    rf"|cited\s+[`*_]{{0,3}}(?P<times>{_NUMBER})[`*_]{{0,3}}\s+times"
)
_BEHIND = (
    rf"(?<![\w.,])[`*_]{{0,3}}(?P<amount>{_NUMBER})[`*_]{{0,3}}\s*(?:times |次被?|件の|회 )?"
    rf"(?:(?:citations?|cites)\b(?: (?:on|by|in|from) (?:{_OWN})\b)?|cited\b|引用|인용|zitate\b|citas\b)"
)
_BEFORE_IT, _BEHIND_IT = re.compile(_BEFORE, re.I), re.compile(_BEHIND, re.I)
_LAST = re.compile(rf"\s*[,;:.(（\[|–—-]\s*(?:{_BEFORE}|{_BEHIND})\s*[)）\]]?[\s.,;]*\Z", re.I)
_SIGN = re.compile(r"cit|zit|被?引|인용|цит|atıf", re.I)
_ASCII_SIGN = re.compile(r"[cCzZ][iI][tT]")  # a set is searched for much faster
_MARKS = re.compile(r"\*\*|__|`")
_OPEN = re.compile(r"[\[(（]")
_DIGIT = re.compile(r"\d")
_TAG = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9]{0,15})(?:\s[^<>]{0,2000})?/?>")
_BREAKS = frozenset(["br", "p", "div", "li", "td", "hr", "summary", "details"])
_TICKS = re.compile("``*")  # which is searched for much faster than a repetition
_NEAR = 80
"""How many characters around a count are looked at."""
_OF_ALL = rf"(?:\btimes|\b(?:num(?:ber|\.)?(?: of)?|no\.? of)|\b(?:{_OWN})|#(?: ?of)?) ?"
_TOTAL = re.compile(rf"{_OF_ALL}\Z", re.I)
_LABEL = _BEFORE[: _BEFORE.index("(?P<said>")] + rf"(?:\s*[(\[（](?:{_OWN})[)\]）])?"
_ALONE = re.compile(rf"(?:{_OF_ALL})?(?:{_LABEL}[\s:：]*|{_BEFORE})", re.I)
"""A label of a count, with or without its number, that is no title: ``**Cited by** 12``."""
_OTHERS = rf"(?:{OTHER_SOURCES})\b|{OTHER_SOURCES_CJK}"
_ELSEWHERE_BEFORE = re.compile(rf"(?:\b|(?<=\W))(?:{_OTHERS})\W*\Z", re.I)
_ELSEWHERE_BEHIND = re.compile(rf"[\W_]*(?:(?:on|in|from|by|via|per|at) )?(?:{_OTHERS})", re.I)
_SET = " \t*_~="
"""White space, and marks in which words may be set."""
_BETWEEN = frozenset(",;:.|()[]（）【】，。；：、·•∙⋅‖→⇒\0\\")
_PROSE_BETWEEN = frozenset(",;:.，。；：、")
"""Separators that stand in sentences, too."""
_NO_FIELD = frozenset("/\\#$%&@={}<>^'‘?!")
_GOES_ON = re.compile(r"[\s>]*[a-zа-я]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATED = re.compile(r"[\s,;.(\[（`*_]*(?:(?:as of|since|until|stand)\b|截至|in (?:19|20)\d\d)", re.I)
_YEAR_BEHIND = re.compile(r"[\s`*_]*[(\[（]\s*(?:[A-Za-z]{3,9}\.? )?(?:19|20)\d\d(?:[-./]\d\d?)*\s*[)\]）]")
_COUNTED_BY = re.compile(r"cited[- ]by|cited:|cited\s+[`*_]*\d", re.I)
_SINGULAR = re.compile(r"(?:citation|cite|引用)(?!s\b|次|数|量|回|[- ]count)", re.I)
_COLON = re.compile(r"[:：=]")
_IN_BRACKETS = re.compile(r"[\s`*_]*[(\[（]([^()\[\]（）\r\n]{1,40})[)\]）]")
_FIELD = re.compile(r"[;|·•。；\0()\[\]（）\r\n,，]|(?<=\w{4})\.\s|\s[–—-]\s")
"""What parts the fields of a line; the dot of "Avg." does not."""
_OURS = re.compile(r"Cited by `[^`]*`")
"""As this program writes it, behind a link and whatever follows."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or a paragraph, in which counts are looked for."""

    start: int
    end: int
    view: str
    """The line as it is laid out: links, images and the title are ``\0``, tags are blank or separators."""
    tags: list[Span]
    code: list[Span]
    mask: str
    """The line with links and images blotted out, tags too, and the title as it is."""
    title: Span | None
    html: bool
    """It has links in HTML, and is then likely an item of an HTML list."""

    def before(self, position: int) -> str:
        """Return the last characters before a place."""
        place = position - self.start
        return self.view[max(0, place - _NEAR) : place]

    def behind(self, position: int) -> str:
        """Return the next characters from a place on."""
        place = position - self.start
        return self.view[place : place + _NEAR]


class _Links:
    """The links of some lines, by their places."""

    def __init__(self, links: Sequence[Link], title: Span | None) -> None:
        self.links = sorted(links, key=lambda link: link.inside)
        self.insides = [link.inside for link in self.links]
        self.hidden = sorted({*(link.url_span for link in links), *([title] if title else [])})

    def around(self, start: int, end: int) -> Link | None:
        """Return the link in whose words a stretch stands."""
        index = bisect_right(self.insides, (start, sys.maxsize)) - 1
        return self.links[index] if index >= 0 and end <= self.insides[index][1] else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    citation: Citation
    last: bool
    """It is labelled, and nothing stands behind it on its line."""


def is_count(words: str) -> bool:
    """Whether words begin as a count does, or are the label of one."""
    return bool(_BEFORE_IT.match(words) or _BEHIND_IT.match(words) or _ALONE.fullmatch(words.strip(_SET)))


def without_count(words: str) -> str:
    """Return words without a count that closes them, set off: ``A title (cited 12 times)``."""
    if not (_ASCII_SIGN if words.isascii() else _SIGN).search(words):
        return words
    match = _LAST.search(words)
    return words[: match.start()] if match else words


def find_count(
    text: str, lines: Iterable[tuple[Span, str]], links: Sequence[Link], title: Span | None
) -> Citation | None:
    """Return the count that some lines name in words, or why none is certain; None if they name none.

    Args:
        text: the whole text.
        lines: where the lines stand, and each again with links and images blotted out.
        links: their links; a count may stand in one, or be one.
        title: where the title stands, which may speak of citations, too.
    """
    lines = list(lines)
    counted = [
        link for link in links if link.inside[1] - link.inside[0] < 2 * _AROUND and _SIGN.search(text, *link.inside)
    ]
    if not counted and not any((_ASCII_SIGN if mask.isascii() else _SIGN).search(mask) for _, mask in lines):
        return None
    if title and _ALONE.fullmatch(text[slice(*title)]):
        title = None
    around = _Links(links, title)
    found: dict[Span, _Candidate] = {}
    laid_out: list[_Line] = []
    for (start, end), mask in lines:
        signs = list((_ASCII_SIGN if mask.isascii() else _SIGN).finditer(mask))
        if not signs and not counted:
            continue
        line = _lay_out(text, start, end, mask, title)
        laid_out.append(line)
        done = start
        for sign in signs:
            begin = start + sign.start()
            if begin < done or (title and title[0] <= begin < title[1]):
                continue
            match = _BEFORE_IT.match(text, begin, end) or _behind(text, max(start, begin - _AROUND), begin, end)
            if match and (candidate := _candidate(match, line, around)):
                found[candidate.citation.count_span or match.span()] = candidate
                done = match.end()
    for link in counted:  # [Cited by 12](…)
        match = _BEFORE_IT.search(text, *link.inside) or _BEHIND_IT.search(text, *link.inside)
        holding = next((one for one in laid_out if one.start <= link.span[0] and link.span[1] <= one.end), None)
        if match and holding and (candidate := _candidate(match, holding, around)):
            found[candidate.citation.count_span or match.span()] = candidate
    certain = list(found.values())
    if len(certain) > 1:
        certain = [candidate for candidate in certain if candidate.last]
    if found and len(certain) != 1:
        return Citation(None, doubt="it names several counts, and it is not certain which is the paper's; leave one")
    return certain[0].citation if certain else None


def _lay_out(text: str, start: int, end: int, mask: str, title: Span | None) -> _Line:
    view, tags, code = mask, [], []
    if title and start <= title[0] and title[1] <= end:
        view = f"{view[: title[0] - start]}{_LINKED * (title[1] - title[0])}{view[title[1] - start :]}"
    if "<" in view:
        tags = [(start + tag.start(), start + tag.end()) for tag in _TAG.finditer(view)]
        view = _TAG.sub(_blank, view)
    if text.find("`", start, end) >= 0:  # in a link, too
        code = _code_spans(text, start, end)
    plain = _TAG.sub(_blank, mask) if tags else mask
    return _Line(start, end, view, tags, code, plain, title, text.find("</a", start, end) >= 0)


def _blank(tag: re.Match[str]) -> str:
    return ("|" if tag["name"].lower() in _BREAKS else " ") * len(tag[0])


def _code_spans(text: str, start: int, end: int) -> list[Span]:
    """Return where code stands: between two rows of backticks that are equally long."""
    runs = [match.span() for match in _TICKS.finditer(text, start, end)]
    following: dict[int, list[int]] = {}
    for index in range(len(runs) - 1, -1, -1):
        following.setdefault(runs[index][1] - runs[index][0], []).append(index)
    spans, index = [], 0
    while index < len(runs):
        same = following[runs[index][1] - runs[index][0]]
        while same and same[-1] <= index:
            same.pop()
        if same:
            spans.append((runs[index][0], runs[same[-1]][1]))
            index = same[-1]
        index += 1
    return spans


def _behind(text: str, start: int, sign: int, end: int) -> re.Match[str] | None:
    """Return the count that stands before a word: ``12 citations``."""
    found = _BEHIND_IT.finditer(text, start, end) if _DIGIT.search(text, start, sign) else ()
    return next((match for match in found if match.start() < sign < match.end()), None)


def _meets(spans: Sequence[Span], begin: int, end: int) -> Span | None:
    """Return the one of some spans, in their order, that meets a stretch of the text; None if none does."""
    index = bisect_right(spans, (end - 1, sys.maxsize)) - 1
    return spans[index] if index >= 0 and spans[index][1] > begin else None


def _candidate(match: re.Match[str], line: _Line, links: _Links) -> _Candidate | None:
    """Return the count that a match is, None if it is no field of its own."""
    begin, end = match.span()
    text, kind = match.string, match.lastgroup
    assert kind
    closed = match.span("closed") if kind == "number" and match["closed"] else None
    if _meets(links.hidden, begin, end) or _meets(line.tags, closed[1] if closed else begin, end):
        return None
    if closed and _meets(line.tags, begin, closed[0]):
        return None
    start, stop = span = match.span(kind)
    labelled = kind in ("number", "times")
    words = _without_source(match, kind)
    if labelled and _is_vague(match, kind, words):
        return None
    if total := _TOTAL.search(text, max(line.start, begin - 20), begin):
        begin = total.start()
    shown = (begin, end)
    link = links.around(start, stop)
    cut = link and not (link.span[0] <= begin and end <= link.span[1])
    whole = shown
    if link and cut:
        if link.inside != span and text[slice(*link.inside)].strip("`*_ ") != match[kind]:
            return None
        whole = (min(begin, link.span[0]), max(end, link.span[1]))
    elif link:
        if not _fills(text, link.inside, shown):
            return None
        whole = link.span
    elif (bracket := _OPEN.search(words)) and text[end : end + 1] not in tuple(")]）"):
        return None
    elif bracket:
        if bracket[0] == "[":
            return None  # see citation [12]
        whole = (begin, end + 1)
    code = _meets(line.code, start, stop)
    if code and not (
        begin <= code[0] and code[1] <= end
    ):  # all of it is code, `Cited by 12`, and a badge takes the place of all
        if not _fills(text, code, shown):
            return None
        shown = code
        whole = (min(whole[0], code[0]), max(whole[1], code[1]))
    elif cut or closed or _OPEN.search(words) or len(_MARKS.findall(match[0])) % 2:
        shown = code if code and _fills(text, code, span) else span  # marks are open: only the number's place is left
    behind = line.behind(whole[1])
    if _ELSEWHERE_BEHIND.match(behind) or _DATED.match(behind):  # another's count, or that of a day or a time
        return None
    if _is_of_others(line, whole, match[0]) or (link and leads_to_other_source(link.url)):
        return None
    last = _ends(line, whole[1])
    if not _is_own(line, whole[0], match[0]) and not (
        _is_parted_before(line, whole[0], match[0], labelled=labelled, last=last)
        and _is_parted_behind(line, whole[1], labelled=labelled)
    ):
        return None
    digits = match[kind]
    written = Written(int(digits), None) if digits.isascii() and digits.isdigit() else read_count(digits)
    value, as_of = (written.value, written.as_of) if written else (None, None)
    link_id = id_of(link.url) if link else None
    return _Candidate(
        Citation("text", value, as_of, span, link=link, link_id=link_id, shown_span=shown), labelled and last
    )


def _without_source(match: re.Match[str], kind: str) -> str:
    """Return a count's words without the name of the source that this program asks: "Citations (S2): 12"."""
    said = match["said"] if kind == "number" else None
    return match[0].replace(said, "", 1) if said else match[0]


def _is_vague(match: re.Match[str], kind: str, words: str) -> bool:
    """Whether a label and a number say something else as well as a count: "cites 40 papers", "Citation: 2018"."""
    if kind == "times" or _COUNTED_BY.match(match[0]):
        return False
    if words.endswith("papers"):
        return True
    label = words[: words.rindex(match[kind])].lower()
    one = _SINGULAR.match(label) is not None
    if one and label.isascii() and not _COLON.search(label):  # 引用 has no plural
        return True
    return _YEAR.fullmatch(match[kind]) is not None and (one or bool(_OPEN.search(label)))


def _is_of_others(line: _Line, whole: Span, words: str) -> bool:
    """Whether the label before a count, brackets behind it or a measure beside it say that it is not the paper's."""
    inside = _IN_BRACKETS.match(line.behind(whole[1]))
    if inside and counts_other_things(inside[1]):
        return True
    place = whole[0] - line.start
    before = line.mask[max(0, place - _NEAR) : place]
    title = line.mask[line.title[0] - line.start : line.title[1] - line.start] if line.title else ""
    if measures_people(before + line.mask[whole[1] - line.start :][:_NEAR]):
        return not measures_people(title) or counts_other_things(title, whole=True)
    if _is_own(line, whole[0], words):
        return False
    label = before.rstrip(_SET + ":：-–—.(（[")
    position = line.start + place - len(before) + len(label)
    if line.title and line.title[0] < position <= line.title[1]:
        return counts_other_things(title, whole=True)
    colon = _COLON.match(before[len(label) :].lstrip(_SET))
    return counts_other_things(_FIELD.split(label)[-1], whole=not colon)


def _fills(text: str, around: Span, shown: Span) -> bool:
    """Whether nothing but marks and symbols stands in a link, or in code, beside a count."""
    rest = _TAG.sub("", text[around[0] : shown[0]] + text[shown[1] : around[1]])
    return not any(char.isalnum() or char in "/%$@#{}=" for char in rest)


def _ends(line: _Line, position: int) -> bool:
    """Whether a line ends behind a count."""
    rest = line.behind(position).lstrip(_SET + "`)]）.。,;|\\")
    return not rest or (rest[0] in "\r\n" and not _GOES_ON.match(rest))


def _is_own(line: _Line, position: int, words: str) -> bool:
    """Whether a count is written as this program writes it, and where it does: directly behind a link."""
    return bool(_OURS.fullmatch(words)) and line.before(position).rstrip(_SET + ")]").endswith(_LINKED)


def _is_parted_before(line: _Line, position: int, words: str, *, labelled: bool, last: bool) -> bool:
    """Whether what stands before a count parts it from other words."""
    near = line.before(position)
    if _ELSEWHERE_BEFORE.search(near):
        return False
    before = near.rstrip(_SET)
    if not before:
        return labelled or position - line.start <= _NEAR
    char, gap = before[-1], len(near) - len(before)
    if char in "\r\n>":
        above = before.rstrip(_SET + "\r\n>")
        broken = before[len(above) :].startswith("  ") or above.endswith("\\")
        return broken or not above[-1:].isalnum() or (labelled and not words[:1].islower())
    if char in "-–—":
        return gap > 0 and (len(before) == 1 or char == "—" or before[-2] in " \t\0")
    if char in _PROSE_BETWEEN and not labelled:
        further = before.rstrip(_SET + "".join(_PROSE_BETWEEN))
        return not further[-1:].isalpha()
    if char in _BETWEEN:
        return True
    if char.isalnum():  # (2023) by A. Author Cited by `12`
        return last and words.startswith("Cited by" if line.html else "Cited by `")
    if char in "\"”»’'":
        return labelled and gap > 0
    return char not in _NO_FIELD and char not in "“«"


def _is_parted_behind(line: _Line, position: int, *, labelled: bool) -> bool:
    """Whether what stands behind a count parts it from other words."""
    near = line.behind(position)
    if _YEAR_BEHIND.match(near):
        return False
    behind = near.lstrip(_SET + "`")
    if not behind:
        return len(near) < _NEAR
    char, gap = behind[0], len(near) - len(behind)
    if char in "\r\n":
        return not _GOES_ON.match(behind)
    if char in "-–—":
        return gap > 0
    if char in _PROSE_BETWEEN:
        after = behind[1:].lstrip(_SET + "`)]）")
        if char in ":：" or (char in ".," and behind[1:2].isalnum()):
            return False
        return labelled or not after[:1].isalnum()
    if char in _BETWEEN:
        return True
    return not char.isalnum() and char not in _NO_FIELD and char not in '"“”'
