"""What was counted when, and by whom: a CSV file next to the list.

A line is ``date,id,count``. Where another service than Semantic Scholar counted, its name is a fourth field: its counts
differ, and one paper's line over time is drawn of one service's.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path

from papers.files import check_folder, read_text, replace_text

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIRST = 1990
"""Before this year no service counted citations."""
_LONGEST = 16
"""Digits that no count has."""
_HEADER = ("date", "id", "count")
_SOURCE = "semantic-scholar"


@dataclass(frozen=True, slots=True)
class Count:
    """A paper's citations on one day."""

    date: str
    id: str
    count: int
    source: str = _SOURCE


def history_path(path: str | Path) -> Path:
    """Return where the history of a list is kept: ``papers.md`` has ``papers.history.csv`` beside it."""
    return Path(path).resolve().with_suffix(".history.csv")


def read_history(path: str | Path) -> list[Count]:
    """Return all counts of a list's history, oldest first; none if there is no history.

    Damaged lines are left out, and those of a day on which nobody can have counted: see :func:`impossible_days`.

    Raises:
        UnreadableFileError: if there is something of that name which cannot be read.
    """
    file = history_path(path)
    counts = []
    for row in csv.reader(_lines(read_text(file))) if file.exists() else ():
        number = row[2] if len(row) in (3, 4) else ""
        if number.isascii() and number.isdigit() and len(number) < _LONGEST and _is_day(row[0]):
            counts.append(Count(row[0], row[1], int(number), *row[3:]))
    return counts


def impossible_days(path: str | Path) -> list[str]:
    """Return the days of a history that are before there was any service, or more than a year to come."""
    file = history_path(path)
    rows = csv.reader(_lines(read_text(file))) if file.exists() else ()
    return sorted({row[0] for row in rows if row and _DAY.fullmatch(row[0]) and not _is_day(row[0])})


def check_history(path: str | Path) -> None:
    """Refuse a list whose history could not be carried on, before anything is asked or written.

    Raises:
        UnreadableFileError: if the history is a folder, or is not UTF-8.
        OSError: if it is read-only, or has another name: see :func:`papers.files.check_folder`.
    """
    read_history(path)
    check_folder(history_path(path))


def append_history(path: str | Path, counts: Iterable[Count]) -> int:
    """Append counts to a list's history and return how many; one that is there already is not repeated."""
    known = set(read_history(path))
    new = [count for count in dict.fromkeys(counts) if count not in known]
    if not new:
        return 0
    file = history_path(path)
    old = read_text(file) if file.exists() else None
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if not old:
        writer.writerow(_HEADER)
    elif not old.endswith("\n"):
        buffer.write("\n")
    writer.writerows(astuple(count)[: 3 if count.source == _SOURCE else 4] for count in new)
    replace_text(file, old, _wide_enough((old or "") + buffer.getvalue(), new))
    return len(new)


def _wide_enough(text: str, new: Iterable[Count]) -> str:
    """Name the fourth field in the header once it is used: some readers go by the header's width."""
    head, rest = text.partition("\n")[::2]
    if head.rstrip("\r") == ",".join(_HEADER) and any(count.source != _SOURCE for count in new):
        return f"{head.rstrip()},source\n{rest}"
    return text


def _lines(text: str) -> Iterable[str]:
    """Yield the lines of a text without what the reader of CSV gives up at: zero bytes, and quotes left open."""
    return (
        line
        for line in io.StringIO(text, newline="")
        if "\0" not in line and len(line) < 1000 and line.count('"') % 2 == 0
    )


def _is_day(written: str) -> bool:
    with suppress(ValueError):
        return bool(_DAY.fullmatch(written)) and _FIRST <= date.fromisoformat(written).year <= date.today().year + 1
    return False
