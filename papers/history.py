"""What was counted when: a CSV file next to the list, and a figure drawn from it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from papers.files import UnreadableFileError, read_text, replace_text

_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_HEADER = ("date", "id", "count")


@dataclass(frozen=True, slots=True)
class Count:
    """A paper's citations on one day."""

    date: str
    id: str
    count: int


def history_path(path: str | Path) -> Path:
    """Return where the history of a list is kept: ``papers.md`` has ``papers.history.csv`` beside it."""
    return Path(path).resolve().with_suffix(".history.csv")


def read_history(path: str | Path) -> list[Count]:
    """Return all counts of a list's history, oldest first; none if there is no history. Damaged lines are left out."""
    try:
        text = read_text(history_path(path))
    except UnreadableFileError:
        return []
    counts = []
    for row in csv.reader(io.StringIO(text)):
        if len(row) == 3 and _DAY.fullmatch(row[0]) and row[2].isascii() and row[2].isdigit():
            counts.append(Count(row[0], row[1], int(row[2])))
    return counts


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
    writer.writerows(astuple(count) for count in new)
    replace_text(file, old, (old or "") + buffer.getvalue())
    return len(new)
