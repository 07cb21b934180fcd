"""What stands under which heading, Markdown's or HTML's."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from papers.blocks import Blocks, Heading, line_start
from papers.entry_dates import date_in
from papers.markup import plain_text
from papers.title_cells import is_generic

_HASHES = re.compile(r"^[\s>]*#*|[\s=#-]*\Z")
_ICONS = re.compile(r"^\W+(?=\w)|\s*[🔝#¶]+\Z")
_HTML = re.compile(
    r"<(?:h(?P<level>[1-6])|summary)\b[^>]*>(?P<inside>(?:(?!</?(?:h[1-6]|summary)\b)[^\0]){0,500})"
    r"</(?:h[1-6]|summary)>",
    re.I,
)
_BOLD_LINE = re.compile(
    r"[\s>]*(?:\*\*|__)(?P<inside>[^*_\[\]<>\r\n]{2,250})(?:\*\*|__)[ \t]*[:：]?[ \t]*(?:[\r\n]|\Z)"
)
_YEAR_FIRST = re.compile(r"^((?:19|20)\d\d) (\S+)$")
_ASIDE = re.compile(
    r"news|updates?|change ?log|(?:table of )?contents?|toc|目录|licen[cs]e|contribut\w+|acknowledge?ments?|citations?|"
    r"cite(?: us| this)?|citing|bibtex|star history|contact|how to cite|maintainers?|sponsors?|更新|引用",
    re.I,
)
_LONGEST = 60
"""Characters up to which a line in bold may name what stands below it."""
_LOWEST = 7
"""The level of a line in bold above a list: below every heading."""


class Section(NamedTuple):
    """What stands under one heading."""

    name: str | None
    """What the heading says, or the one above it, if it names no more than a venue and a year; None at the top."""
    aside: bool
    """Where papers are spoken of, but not listed: news, contents, how to cite."""
    year: int | None
    """The year that a heading names."""
    start: int
    """Where it begins."""


class Sections:
    """The headings of a text."""

    def __init__(self, text: str, blocks: Blocks) -> None:
        self._headings = _headings(text, blocks)
        self._starts = [heading.start for heading, _ in self._headings]
        self._parents = _parents([heading.level for heading, _ in self._headings])
        self._known: dict[int, Section] = {}
        self._titles: set[int] = set()

    @property
    def headings(self) -> list[Heading]:
        """Markdown's and HTML's, and lines in bold above a list, in the order of their places."""
        return [heading for heading, _ in self._headings]

    def are_titles(self, starts: set[int]) -> None:
        """Take the headings that begin at some places for titles of papers, which name no section."""
        self._titles, self._known = starts, {}

    def above(self, position: int) -> Section:
        """Return the section in which a position lies."""
        index = bisect_right(self._starts, position) - 1
        if index not in self._known:
            self._known[index] = self._section(index)
        return self._known[index]

    def _section(self, index: int) -> Section:
        start, year = None, None
        while index >= 0:
            heading, words = self._headings[index]
            first, index = index == 0, self._parents[index]
            if heading.start in self._titles or (heading.level == _LOWEST and len(words) > _LONGEST):
                continue
            start = heading.start if start is None else start
            if is_generic(_YEAR_FIRST.sub(r"\2 \1", words)) and (found := date_in(words)[0]):
                year = year or found
                continue
            if first and heading.level == 1 and len(self._headings) > 1:
                break  # the title of the whole page
            aside = bool(_ASIDE.fullmatch(words.strip(" :：!")))
            return Section(None if aside else words, aside and not year, year, start)
        return Section(None, False, year, start or 0)


def _headings(text: str, blocks: Blocks) -> list[tuple[Heading, str]]:
    found = []
    for heading in blocks.sections:
        words = plain_text(_HASHES.sub("", text[slice(*heading.text)]), markdown=True)
        found.append((heading, _ICONS.sub("", words).strip()))
    for start, end in blocks.html:
        for match in _HTML.finditer(text, start, end):
            words = plain_text(match["inside"], markdown=False)
            found.append((Heading(match.start(), int(match["level"] or 6), match.span("inside")), words))
    lists = {item.start for item in blocks.items}
    for start, end in blocks.loose:
        line = _BOLD_LINE.match(text, start, end)
        if line and line.end() >= end and _next_block(text, end) in lists:
            found.append((Heading(start, _LOWEST, line.span("inside")), line["inside"].strip(" :：")))
    return sorted(found, key=lambda pair: pair[0].start)


def _parents(levels: Sequence[int]) -> list[int]:
    """Return for each heading the last one before it of a higher rank, -1 where there is none."""
    parents: list[int] = []
    for index, level in enumerate(levels):
        above = index - 1
        while above >= 0 and levels[above] >= level:
            above = parents[above]
        parents.append(above)
    return parents


def _next_block(text: str, position: int) -> int:
    """Return where the line begins on which a text goes on."""
    rest = len(text) - len(text[position:].lstrip()) if position < len(text) else position
    return line_start(text, rest)
