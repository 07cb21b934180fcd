"""What a list's keeper has looked at and wants no finding about: comments in the list itself.

``<!-- papers: ignore date -->`` in a row, or on the line before it, is about that row; ``<!-- papers: ignore-all
no-description -->`` anywhere is about the whole file. Several kinds are separated by spaces or commas.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from papers.blocks import find_blocks
from papers.table import Row

_COMMENT = re.compile(r"<!--\s*papers:\s*ignore(?P<all>-all)?\b(?P<kinds>[^<>]*?)-->", re.I)


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: the kinds that it names, and the line of the row that it is about (None: all of the file)."""

    line: int
    """Where the comment itself begins."""
    kinds: frozenset[str]
    row: int | None

    def covers(self, line: int, kind: str) -> bool:
        """Whether a finding of a kind on a line is not wanted."""
        return kind in self.kinds and self.row in (None, line)


def read_ignores(text: str, rows: Sequence[Row]) -> list[Ignore]:
    """Return the comments of a text, in order; those in code fences are text.

    Args:
        text: the whole text.
        rows: its rows; a comment is about the row in which it stands or on whose last line, else about the next line.
    """
    if not _COMMENT.search(text):
        return []
    blocks = find_blocks(text)
    starts = [row.start for row in rows]
    found = []
    for match in _COMMENT.finditer(text):
        if any(start <= match.start() < end for start, end in blocks.fences):
            continue
        line = bisect_right(blocks.line_starts, match.start())
        kinds = frozenset(match["kinds"].lower().replace(",", " ").split())
        before = bisect_right(starts, match.start()) - 1
        last = rows[before] if before >= 0 else None
        if match["all"]:
            about = None
        elif last and (match.start() < last.end or line == bisect_right(blocks.line_starts, last.end - 1)):
            about = last.line
        else:
            after = rows[before + 1] if before + 1 < len(rows) else None
            about = after.line if after and not text[match.end() : after.start].strip() else line
        found.append(Ignore(line, kinds, about))
    return found


def unknown_kinds(ignores: Sequence[Ignore], known: Collection[str]) -> list[tuple[int, str]]:
    """Return the words that are no kind of finding, each with the line of its comment; "" for a comment without any."""
    return [(ignore.line, word) for ignore in ignores for word in sorted(ignore.kinds) or [""] if word not in known]
