"""Draw how citations have grown, and how they are spread over categories."""

from __future__ import annotations

import shlex
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from papers.escape import one_line
from papers.files import read_text
from papers.history import read_history
from papers.table import read_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_counts(path: str | Path, most: int = 10) -> Figure:
    """Draw a list's citation counts: over time, a line for each of the most cited papers; and summed by category.

    Args:
        path: the list; its history is read from the file beside it.
        most: how many papers get a line.

    Raises:
        ValueError: if there is no list, or neither it nor its history holds a count.
    """
    found = read_rows(read_text(path))
    if not found:
        raise ValueError(f"there is no table of papers in {path}; name a file that holds one")
    rows = [row for row in found if row.paper_id or row.count is not None]
    courses: dict[str, dict[date, int]] = defaultdict(dict)
    for counted in read_history(path):
        courses[counted.id][date.fromisoformat(counted.date)] = counted.count
    latest = [(_latest(courses.get(row.paper_id or ""), row.count), row) for row in rows]
    counts = sorted(((count, row) for count, row in latest if count is not None), key=lambda pair: -pair[0])
    if not counts:
        raise ValueError(f"no count is known for {path}; first run: papers refresh {shlex.quote(str(path))}")

    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    over_time, by_category = figure.subplots(1, 2)
    for count, row in counts[:most]:
        course = sorted((courses.get(row.paper_id or "") or {date.today(): count}).items())
        label = one_line(row.title or row.paper_id or "")
        over_time.plot(*zip(*course, strict=True), marker="o", markersize=3, label=label[:40].replace("$", r"\$"))
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    over_time.xaxis.set_major_locator(locator)
    over_time.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    over_time.set(title="Citations over time", ylabel="citations", yscale="symlog", ylim=(0, None))
    over_time.legend(fontsize="x-small", loc="upper left")

    sums: dict[str, int] = defaultdict(int)
    for count, row in counts:
        sums[one_line(row.category or "no category").replace("$", r"\$")] += count
    names = sorted(sums, key=lambda name: sums[name])
    by_category.barh(names, [sums[name] for name in names])
    by_category.set(title="Citations by category", xlabel="citations")
    return figure


def _latest(course: dict[date, int] | None, shown: int | None) -> int | None:
    return course[max(course)] if course else shown
