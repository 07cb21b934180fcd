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
_BARE = rf"""[^{_S}>"'][^{_S}>]*+"""  # a value without quotes
_ATTRIBUTE = rf"""[^{_S}/>][^{_S}/>=]*+(?>{_ASSIGNED}(?>"[^"]*+"|'[^']*+'|{_BARE})?)?"""
TAG = rf"<(?P<close>/?)(?P<name>[A-Za-z][^{_S}/>]*+)(?P<attributes>(?>[{_S}/]++|{_ATTRIBUTE})*+)>"
MARKDOWN_TAG = TAG.replace("[^", "[^<").replace('[^<"]', '[^"]').replace("[^<']", "[^']")
"""A tag in Markdown holds no ``<`` but in quotes (CommonMark, section 6.6): one that is not closed ends there."""
COMMENT = r"<!--(?>-?>|(?s:.*?)--!?>)"
_NAMES = ("td", "tr", "th", "table", "tbody", "thead", "tfoot")
_OURS = f"(?i:{'|'.join(_NAMES)})"
_RAW_TEXT = "(?i:script|style|textarea|title|xmp|iframe)"  # what is in these is text to a browser
_SEEN = rf"(?:{_OURS}|{_RAW_TEXT})[{_S}/>]"
# Text and other tags are passed over inside the pattern: a long list has more of them than of ours.
_PASSED = rf"[^<]++|<(?![A-Za-z/!?])|</(?![^>])|<(?!/?{_SEEN})/?[A-Za-z][^{_S}/>]*+(?>[{_S}/]++|{_ATTRIBUTE})*+>"
_HIDDEN = rf"(?P<hidden>{COMMENT}|<!--|<[!?][^>]*+>|</[^A-Za-z>][^>]*+>)"
# A cell whose end tag is the next tag of ours, as nearly all are, is one match.
_WHOLE_CELL = rf"(?:(?P<inside>(?>{_PASSED})*+)</(?i:t[dh])[{_S}]*+>)?"
_TOKEN = re.compile(rf"(?>{_PASSED})*+(?:{_HIDDEN}|{TAG}{_WHOLE_CELL}|(?P<cut><))")
_CODE = r"\\[`<]|(?P<ticks>(?<!`)`++)(?:.*?[^`])?(?P=ticks)(?!`)"
_PROSE = re.compile(rf"(?P<hidden>{_CODE}|</?{_RAW_TEXT}[{_S}/>])|{COMMENT}|{MARKDOWN_TAG}|(?P<lone><)", re.S)
_NAMED = re.compile(rf"""([^{_S}/>][^{_S}/>=]*+)(?>{_ASSIGNED}(?>"([^"]*+)"|'([^']*+)'|({_BARE}))?)?""")
_TABLE_TAG = re.compile(rf"<(?P<close>/?)table[{_S}/>]", re.I)
_WIDEST = 100
"""Columns that a cell reaches over at most; no table of papers is as wide."""
_BLANK_LINE = re.compile(r"\n[ \t]*(?=\r?\n)|\r[ \t]*(?=\r)")


@dataclass(slots=True)
class Cell:
    """The inside of a ``td`` or ``th``, or of a pipe table's cell without its padding: ``text[start:end]``."""

    start: int
    end: int
    header: bool = False
    columns: int = 1
    rows: int = 1
    shared: Cell | None = None
    """For a place that a cell before it, or one above it, reaches into: that cell. The place itself is empty."""


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
    delimiter: Span | None = None
    """Where a pipe table's delimiter row is not as wide as its header, or is missing: its place."""
    spans: bool = False
    """Whether a cell reaches over several columns or rows."""


def attributes(text: str, start: int, end: int) -> dict[str, Span]:
    """Return where the value of each attribute stands (the first of each name wins); an empty span if it has none."""
    found: dict[str, Span] = {}
    for match in _NAMED.finditer(text, start, end):
        name, group = match[1].lower(), match.lastindex or 1
        if name not in found:
            found[name] = match.span(group) if group > 1 else (match.end(), match.end())
    return found


def find_html_tables(text: str, blocks: Blocks) -> list[RawTable]:
    """Return the HTML tables of a Markdown text, in order, cut off or not."""
    if "<table" not in text.lower():
        return []
    text = _readable(text, blocks)
    return _Builder(text, blocks).build()


def _readable(text: str, blocks: Blocks) -> str:
    """Blank out, keeping positions, what is no markup: code, escapes, and in prose a ``<`` that begins no whole tag.

    In raw HTML a tag reaches to its ``>`` wherever that is; in a paragraph "a <b" must not swallow the table below it.
    """
    hidden = list(blocks.fences)
    lines = [line for table in blocks.pipe_tables for line in table]
    for start, end in (*blocks.prose, *lines, *blocks.indented):
        if text.find("<", start, end) >= 0:
            found = _PROSE.finditer(text, start, end)
            hidden += [match.span() for match in found if match["hidden"] or match["lone"]]
    pieces, done = [], 0
    for start, end in sorted(hidden):
        pieces += [text[done:start], " " * (end - max(start, done))]
        done = max(done, end)
    return "".join(pieces) + text[done:]


class _Tag(NamedTuple):
    name: str
    start: int
    end: int
    close: bool = False
    columns: int = 1
    rows: int = 1
    whole: Span | None = None
    """For a cell whose end tag is the next tag of ours: where that begins and ends."""


def _tokens(text: str) -> Iterator[_Tag]:
    """Yield the tags that build tables; a last one named ``cut`` if the text ends inside a tag."""
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        if name := match["name"]:
            name, close = name.lower(), bool(match["close"])
            start, after = match.start("close") - 1, match.end("attributes") + 1
            if name in _NAMES:
                whole = match["inside"] is not None and not close and name in ("td", "th")
                columns, rows = _reach(text, match) if after - start > len("<td rowspan=>") else (1, 1)
                yield _Tag(name, start, after, close, columns, rows, (match.end("inside"), position) if whole else None)
                position = position if whole else after
            elif close:
                position = after
            else:
                closing = re.compile(rf"</{name}[{_S}/>]", re.I).search(text, after)
                position = closing.start() if closing else len(text)
        elif match["cut"]:
            yield _Tag("cut", match.start("cut"), len(text))
            return
        elif match["hidden"] == "<!--":  # never closed: it hides the rest
            return


def _reach(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Return how many columns and rows a cell takes, within reason."""
    if "span" not in match["attributes"].lower():
        return 1, 1
    found = attributes(text, *match.span("attributes"))
    columns, rows = (text[slice(*found[name])].strip() if name in found else "" for name in ("colspan", "rowspan"))
    return (
        min(max(int(columns), 1), _WIDEST) if columns.isascii() and columns.isdigit() and len(columns) < 5 else 1,
        max(int(rows), 1) if rows.isascii() and rows.isdigit() and len(rows) < 6 else 1,
    )


def _lay_out(table: RawTable) -> None:
    """Give each cell the column that a browser shows it in: leave a place where another cell reaches into its row."""
    hanging: dict[int, tuple[Cell, int]] = {}
    for row in table.rows:
        cells: list[Cell] = []
        reached = dict(hanging)
        position = row.start
        for cell in row.cells:
            while len(cells) in reached:
                cells.append(Cell(position, position, shared=reached[len(cells)][0]))
            position = cell.end
            for column in range(len(cells), min(len(cells) + cell.columns, _WIDEST)):
                if cell.rows > 1:
                    hanging[column] = (cell, cell.rows)
            cells.append(cell)
            cells += [Cell(position, position, shared=cell) for _ in range(min(cell.columns, _WIDEST) - 1)]
        for column in range(len(cells), max(reached, default=-1) + 1):
            nothing = Cell(position, position)
            cells.append(Cell(position, position, shared=reached.get(column, (nothing, 0))[0]))
        row.cells = cells
        hanging = {column: (cell, rows - 1) for column, (cell, rows) in hanging.items() if rows > 1}


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
        for tag in _tokens(self.text):
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
            if table.spans:
                _lay_out(table)
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
            self.table.spans = self.table.spans or tag.columns > 1 or tag.rows > 1
            if tag.whole:
                self.row = self.row or RawRow(tag.start, tag.end)
                self.row.cells.append(Cell(tag.end, tag.whole[0], tag.name == "th", tag.columns, tag.rows))
                self.row.end = tag.whole[1]
            elif not tag.close:
                self.row = self.row or RawRow(tag.start, tag.end)
                self.cell = Cell(tag.end, tag.end, tag.name == "th", tag.columns, tag.rows)
            elif self.row:
                self.row.end = tag.end
        else:  # thead, tbody, tfoot
            self.end_row(tag.start, tag.start)
        if self.table:
            self.table.end = tag.whole[1] if tag.whole else tag.end

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
