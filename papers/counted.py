"""The papers of a list, each with its latest known count: its history's last one, else the newest that the list shows.

A paper that stands in several rows is one paper, by its id or its full title, and has one count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from papers.history import Count
from papers.table import Row
from papers.titles import FULL, simplify


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper of a list, and what is known of its citations."""

    rows: tuple[Row, ...]
    count: int | None
    """The latest known one, None if none is."""
    day: str | None
    """When it was counted, as far as that is known."""
    course: dict[date, int]
    """The counts of its history by day."""


def papers_of(rows: Iterable[Row], history: Sequence[Count]) -> list[Paper]:
    """Return the papers of a list in the order of their first rows.

    Args:
        rows: the rows of the list.
        history: its history. Services count differently: of each paper only the counts of the last one are taken.
    """
    last = {counted.id: counted.source for counted in history}
    courses: dict[str, dict[date, int]] = defaultdict(dict)
    for counted in history:
        if counted.source == last[counted.id]:
            courses[counted.id][date.fromisoformat(counted.date)] = counted.count
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_key(row), []).append(row)
    return [_paper(group, courses.get(group[0].paper_id or "", {})) for group in groups.values()]


def _key(row: Row) -> str:
    title = simplify(row.title or "")
    return row.paper_id or (title if len(title.split()) >= FULL else f"line {row.line}")


def _paper(rows: list[Row], course: dict[date, int]) -> Paper:
    if course:
        day = max(course)
        return Paper(tuple(rows), course[day], day.isoformat(), course)
    shown = [row for row in rows if row.count is not None]
    newest = max(shown, key=lambda row: row.citation.as_of or "", default=None)
    return Paper(tuple(rows), newest.count if newest else None, newest.citation.as_of if newest else None, course)
