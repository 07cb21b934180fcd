"""Under which heading a row stands: the same paper under two of them is cross-listed, not listed twice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from papers.blocks import find_blocks
from papers.table import Row


def sections(text: str, rows: Sequence[Row]) -> list[tuple[int, str | None]]:
    """Return for each row what tells its section from others; equal values mean the same section.

    A heading begins a section, so does any text between two rows (a line across a table, a bullet without a paper, a
    bold line), and within them a row's category says which one it is in.

    Args:
        text: the whole text.
        rows: its rows in order of their places.
    """
    titles = {row.start for row in rows}
    headings = [start for start in find_blocks(text).headings if start not in titles]
    found: list[tuple[int, str | None]] = []
    group, end, heading = 0, 0, -1
    for row in rows:
        here = bisect_right(headings, row.start)
        if here != heading or text[end : row.start].strip():
            group += 1
        heading, end = here, max(end, row.end)
        found.append((group, row.category.casefold() if row.category else None))
    return found
