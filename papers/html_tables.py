"""Find HTML tables in a text with the position of every cell, as a browser would read them.

A tokeniser after the WHATWG specification (section 13.2.5) and the part of its tree construction that tables need:
end tags may be left out, ``<table>`` between cells ends the table before it, a comment hides what is in it. The text is
never serialised again, so nothing has to survive a round trip.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from papers.blocks import Blocks, Span

# Possessive and atomic, so that no input makes it slow. An unclosed tag swallows the rest, as the specification says.
_S = r"\t\n\f\r "  # what HTML takes for white space, less than \s
_ASSIGNED = rf"[{_S}]*+=[{_S}]*+"
_BARE = rf"""[^{_S}>"'][^{_S}>]*+"""
_ATTRIBUTE = rf"""[^{_S}/>][^{_S}/>=]*+(?>{_ASSIGNED}(?>"[^"]*+"|'[^']*+'|{_BARE})?)?"""
TAG = rf"<(?P<close>/?)(?P<name>[A-Za-z][^{_S}/>]*+)(?P<attributes>(?>[{_S}/]++|{_ATTRIBUTE})*+)>"
COMMENT = r"<!--(?>-?>|(?s:.*?)--!?>)"
_TOKEN = re.compile(rf"(?P<comment>{COMMENT}|<!--|<[!?][^>]*+>|</[^A-Za-z>][^>]*+>)|{TAG}|(?P<cut><[/]?[A-Za-z])")
_NAMED = re.compile(rf"""([^{_S}/>][^{_S}/>=]*+)(?>{_ASSIGNED}(?>"([^"]*+)"|'([^']*+)'|({_BARE}))?)?""")
_RAW_TEXT = frozenset({"script", "style", "textarea", "title", "xmp", "iframe"})
_OURS = frozenset({"table", "tr", "td", "th", "thead", "tbody", "tfoot"})
_TABLE_TAG = re.compile(rf"<(?P<close>/?)table[{_S}/>]", re.I)
_BLANK_LINE = re.compile(r"(?>\r\n?|\n)[ \t]*(?=[\r\n])")
_INLINE_CODE = re.compile(r"\\[`<]|(?P<ticks>(?<!`)`++)(?:.*?[^`])?(?P=ticks)(?!`)", re.S)


@dataclass(slots=True)
class Cell:
    """The inside of a ``td`` or ``th``, or of a pipe table's cell without its padding: ``text[start:end]``."""

    start: int
    end: int
    header: bool = False
    spanning: bool = False


@dataclass(slots=True)
class RawRow:
    """One row: from its start tag to its end tag, or a line."""

    start: int
    end: int
    cells: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class RawTable:
    """One table's rows, and how it ends."""

    start: int
    end: int
    rows: list[RawRow] = field(default_factory=list)
    closed: bool = True
    cut: bool = False
    """Broken off inside a tag: no closing tag can repair it."""
    blank_lines: list[int] = field(default_factory=list)
    """For each blank line inside (it ends the table for a Markdown reader), a position on it."""


def attributes(text: str, start: int, end: int) -> dict[str, Span]:
    """Return where the value of each attribute stands (the first of each name wins); an empty span if it has none."""
    found: dict[str, Span] = {}
    for match in _NAMED.finditer(text, start, end):
        group = next((number for number in (2, 3, 4) if match[number] is not None), 0)
        found.setdefault(match[1].lower(), match.span(group) if group else (match.end(), match.end()))
    return found


def find_html_tables(text: str, blocks: Blocks) -> list[RawTable]:
    """Return the HTML tables of a Markdown text, in order, cut off or not."""
    if "<table" not in text.lower():
        return []
    text = _without_code(text, blocks)
    return _Builder(text, blocks).build()


def _without_code(text: str, blocks: Blocks) -> str:
    """Blank out fences, and code spans and escapes in prose, keeping every position."""
    pieces, done = [], 0
    hidden = list(blocks.fences)
    for start, end in blocks.prose:
        hidden.extend(match.span() for match in _INLINE_CODE.finditer(text, start, end))
    for start, end in sorted(hidden):
        pieces += [text[done:start], " " * (end - max(start, done))]
        done = max(done, end)
    return "".join(pieces) + text[done:]


class _Tag(NamedTuple):
    name: str
    start: int
    end: int
    close: bool = False
    spanning: bool = False


def _tokens(text: str, blocks: Blocks) -> Iterator[_Tag]:
    """Yield the tags that build tables; a last one named ``cut`` if the text ends inside a tag."""
    position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        if name := match["name"]:
            name = name.lower()
            if name in _OURS:
                spanning = "colspan" in match["attributes"].lower()
                yield _Tag(name, match.start(), position, match["close"] == "/", spanning)
            elif name in _RAW_TEXT and not match["close"] and not _inside(match.start(), blocks.prose):
                closing = re.compile(rf"</{name}[{_S}/>]", re.I).search(text, position)
                position = closing.start() if closing else len(text)
            continue
        prose = _inside(match.start(), blocks.prose)
        if match["cut"]:
            if not prose:
                yield _Tag("cut", match.start(), len(text))
                return
        elif match[0] == "<!--" and not prose:  # never closed: hides the rest of raw HTML, is plain text in prose
            return
        elif prose and match.end() > prose[1]:
            position = match.start() + 4


def _inside(position: int, spans: list[Span]) -> Span | None:
    index = bisect_left(spans, (position + 1,)) - 1
    return spans[index] if index >= 0 and position < spans[index][1] else None


class _Builder:
    """Turns table tags into tables."""

    def __init__(self, text: str, blocks: Blocks) -> None:
        self.text, self.blocks = text, blocks
        self.tables: list[RawTable] = []
        self.table: RawTable | None = None
        self.row: RawRow | None = None
        self.cell: Cell | None = None
        self.depth = 0
        self.next_table: re.Match[str] | None = None
        self.searched_to = -1

    def build(self) -> list[RawTable]:
        heading, headings = 0, self.blocks.headings
        for tag in _tokens(self.text, self.blocks):
            while heading < len(headings) and headings[heading] < tag.start:
                # A heading before the table's end tag stands in a cell; with no end tag to come, it ends the table.
                if self.table and headings[heading] > self.table.start and not self.ends_after(headings[heading]):
                    self.end_table(headings[heading], closed=False)
                heading += 1
            if tag.name == "cut":
                if self.table:
                    self.table.cut = True
                break
            self.take(tag)
        if self.table:
            later = [h for h in headings[heading:] if h > self.table.start]
            self.end_table(later[0] if later and not self.table.cut else len(self.text), closed=False)
        for table in self.tables:
            table.blank_lines = [match.end() for match in _BLANK_LINE.finditer(self.text, table.start, table.end)]
        return self.tables

    def ends_after(self, position: int) -> bool:
        """Whether the next table tag is an end tag."""
        if self.searched_to < position:
            self.next_table = _TABLE_TAG.search(self.text, position)
            self.searched_to = self.next_table.start() if self.next_table else len(self.text)
        return self.next_table is not None and bool(self.next_table["close"])

    def take(self, tag: _Tag) -> None:
        if self.table is None:
            if tag.name == "table" and not tag.close and not _inside(tag.start, self.blocks.indented):
                self.table = RawTable(tag.start, tag.end)
        elif tag.name == "table":
            self.take_table(tag)
        elif self.depth:
            return
        elif tag.name == "tr":
            self.end_row(tag.end if tag.close else tag.start, tag.start)
            if not tag.close:
                self.row = RawRow(tag.start, tag.end)
        elif tag.name in ("td", "th"):
            self.end_cell(tag.start)
            if not tag.close:
                self.row = self.row or RawRow(tag.start, tag.end)
                self.cell = Cell(tag.end, tag.end, tag.name == "th", tag.spanning)
            elif self.row:
                self.row.end = tag.end
        else:  # thead, tbody, tfoot
            self.end_row(tag.start, tag.start)
        if self.table:
            self.table.end = tag.end

    def take_table(self, tag: _Tag) -> None:
        if tag.close and self.depth:
            self.depth -= 1
        elif tag.close:
            self.end_table(tag.end, closed=True, cell_end=tag.start)
        elif self.cell:
            self.depth += 1
        else:
            self.end_table(tag.start, closed=False)
            self.table = RawTable(tag.start, tag.end)

    def end_cell(self, end: int) -> None:
        if self.cell and self.row:
            self.cell.end = end
            self.row.cells.append(self.cell)
            self.row.end = end
        self.cell = None

    def end_row(self, end: int, cell_end: int) -> None:
        closed_here = self.cell is not None or end != cell_end
        self.end_cell(cell_end)
        if self.row and self.table:
            if closed_here:
                self.row.end = end
            self.table.rows.append(self.row)
        self.row = None

    def end_table(self, end: int, *, closed: bool, cell_end: int | None = None) -> None:
        assert self.table is not None
        cell_end = end if cell_end is None else cell_end
        if not closed and self.cell:  # an unclosed cell must not swallow the prose after the table
            blank = _BLANK_LINE.search(self.text, self.cell.start, end)
            cell_end = end = blank.start() if blank else end
            self.table.cut = self.table.cut or self.depth > 0
        self.end_row(cell_end, cell_end)
        self.table.closed = closed
        if closed or self.table.rows:
            self.table.end = end if closed else max(self.table.end, self.table.rows[-1].end)
        self.tables.append(self.table)
        self.table, self.depth = None, 0
