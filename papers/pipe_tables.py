"""Cut the lines of a Markdown (pipe) table into cells, with their positions."""

from __future__ import annotations

import itertools
import re

from papers.blocks import Blocks, Span
from papers.html_tables import Cell, RawRow, RawTable

# GitHub's rule: a pipe separates unless a backslash stands before it, in code spans too.
_PIPE = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r"\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?)?")
_LINE_END = re.compile(r"\r\n?|\n")
_COMMENTS = re.compile(r"(?:\s*<!--(?:(?!-->)[^\r\n])*-->)+\s*")
_PADDING = " \t\ufeff"


def find_pipe_tables(text: str, blocks: Blocks) -> list[RawTable]:
    """Return the pipe tables of a Markdown text, in order.

    Kept are also lines of the form ``| … |`` that a blank line parts from their table, as its rows, and tables whose
    delimiter row is missing or not as wide as the header: a Markdown reader shows both as plain text, but their author
    meant them (the audit reports the fault).
    """
    tables = [_table(text, lines) for lines in blocks.pipe_tables]
    after = {table.end: table for table in tables}
    for span in blocks.prose:
        if text.find("|", *span) < 0:
            continue
        lines = _prose_lines(text, span)
        piped = bool(lines) and all(text[start] == "|" for start, _ in lines)
        table = _continued(text, span[0], lines, after) if piped else None
        if not table and (table := _without_delimiter(text, lines, piped=piped)):
            tables.append(table)
        if table:
            after[table.end] = table
    return sorted(tables, key=lambda table: table.start)


def _continued(text: str, begin: int, lines: list[Span], after: dict[int, RawTable]) -> RawTable | None:
    """Return the table before a blank line, with these lines added to its rows, if they are as wide as it is."""
    gap_start = len(text[:begin].rstrip(" \t\r\n"))
    table = after.get(gap_start)
    rows = [_row(text, *line) for line in lines]
    if not table or any(len(row.cells) != len(table.rows[0].cells) for row in rows):
        return None
    table.blank_lines += [match.end() for match in _LINE_END.finditer(text, gap_start, begin)][:-1]
    table.rows += rows
    table.end = rows[-1].end
    return table


def _without_delimiter(text: str, lines: list[Span], *, piped: bool) -> RawTable | None:
    """Return the table that a paragraph would be if its delimiter row were right; None if it looks like no table."""
    place = next((i for i, line in enumerate(lines) if i and _DELIMITER.fullmatch(text, *line)), None)
    if place is None:
        if not piped or len(lines) < 2:
            return None
        end = lines[0][1]
        place, lines = 1, [lines[0], (end, end), *lines[1:]]
    else:
        header, delimiter = (_row(text, *line) for line in lines[place - 1 : place + 1])
        if len(header.cells) == len(delimiter.cells):
            return None
    table = _table(text, lines[place - 1 :])
    table.delimiter = lines[place]
    return table


def _table(text: str, lines: list[Span]) -> RawTable:
    header, _, *body = lines
    rows = [_row(text, *line) for line in (header, *body)]
    for cell in rows[0].cells:
        cell.header = True
    for row in rows[1:]:  # | a | b | <!-- a comment on the row, in no column -->
        for index in range(len(rows[0].cells), len(row.cells)):
            if _COMMENTS.fullmatch(text, row.cells[index].start, row.end):
                del row.cells[index:]
                break
    return RawTable(header[0], lines[-1][1], rows)


def _row(text: str, start: int, end: int) -> RawRow:
    bounds = [start - 1, *(match.start() for match in _PIPE.finditer(text, start, end)), end]
    row = RawRow(start, end)
    for index, (left, right) in enumerate(itertools.pairwise(bounds)):
        content = text[left + 1 : right]
        if not content.strip(_PADDING) and index in (0, len(bounds) - 2):
            continue  # the outer pipes are optional
        begin = left + 1 + len(content) - len(content.lstrip(_PADDING))
        stripped = len(content.strip(_PADDING))
        # An empty cell is a place between its pipes, after one space of padding if there is one.
        begin = begin if stripped else min(left + 2, right)
        row.cells.append(Cell(begin, begin + stripped))
    return row


def _prose_lines(text: str, span: Span) -> list[Span]:
    lines = []
    for match in re.compile(r"[^\r\n]+").finditer(text, *span):
        content = match[0].strip(" \t")
        start = match.start() + len(match[0]) - len(match[0].lstrip(" \t"))
        if content:
            lines.append((start, start + len(content)))
    return lines
