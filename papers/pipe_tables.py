"""Cut the lines of a Markdown (pipe) table into cells, with their positions."""

from __future__ import annotations

import itertools
import re

from papers.blocks import Blocks, Span
from papers.html_tables import Cell, RawRow, RawTable

# GitHub's rule: a pipe separates unless a backslash stands before it, in code spans too.
_PIPE = re.compile(r"(?<!\\)\|")
_LINE_END = re.compile(r"\r\n?|\n")
_PADDING = " \t\ufeff"


def find_pipe_tables(text: str, blocks: Blocks) -> list[RawTable]:
    """Return the pipe tables of a Markdown text, in order.

    Lines of the form ``| … |`` that a blank line parts from their table are kept as its rows: a Markdown reader shows
    them as plain text, but their author meant them (the audit reports the blank line).
    """
    tables = [_table(text, lines) for lines in blocks.pipe_tables]
    after = {table.end: table for table in tables}
    for span in blocks.prose:
        lines = _prose_lines(text, span)
        if not lines or not all(text[start] == "|" for start, _ in lines):
            continue
        gap_start = len(text[: span[0]].rstrip(" \t\r\n"))
        table = after.get(gap_start)
        width = len(table.rows[0].cells) if table else 0
        rows = [_row(text, start, end) for start, end in lines]
        if table and all(len(row.cells) == width for row in rows):
            ends = [match.end() for match in _LINE_END.finditer(text, gap_start, span[0])]
            table.blank_lines += ends[:-1]
            table.rows += rows
            table.end = rows[-1].end
            after[table.end] = table
    return tables


def _table(text: str, lines: list[Span]) -> RawTable:
    header, _, *body = lines
    rows = [_row(text, *line) for line in (header, *body)]
    for cell in rows[0].cells:
        cell.header = True
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
