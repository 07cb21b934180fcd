"""Draw what the citations of a list look like: by date, by category, and their growth where there is a history."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from papers.counted import papers_of
from papers.escape import one_line
from papers.files import read_text
from papers.headers import Columns
from papers.history import read_history
from papers.table import Row, read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

_NAMED = 8
"""Papers that are named beside the cloud of all; more would not be read."""
_FEW = 10
"""A paper with fewer citations is no landmark."""
_BARS = 12
_LETTERS = (
    *("Noto Sans CJK", "Noto Sans", "Source Han", "WenQuanYi", "Droid Sans Fallback", "IPA", "Takao", "Nanum"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun", "PingFang", "Hiragino", "Arial Unicode"),
)
"""How the names of fonts begin that hold what matplotlib's own lacks: Chinese, Japanese, Korean and more."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A paper of a list with its latest known count."""

    row: Row
    count: int
    when: float | None
    """The paper's date in years; a year without a month counts as its middle."""
    course: dict[date, int]
    """The counts of its history by day."""


def counted_papers(path: str | Path, columns: Columns | None = None) -> list[Counted]:
    """Return the papers of a list of which a count is known, from its history or the list itself, the most cited first.

    A paper that stands in the list twice is one paper.

    Raises:
        ValueError: if there is no table of papers in the file.
    """
    rows = read_rows(read_text(path), columns)
    if not rows:
        raise ValueError(f"there is no table of papers in {path}; name a file that holds one")
    found = []
    for paper in papers_of(rows, read_history(path)):
        if paper.count is None:
            continue
        row = next((row for row in paper.rows if row.year), paper.rows[0])
        when = row.year + ((row.month or 6.5) - 0.5) / 12 if row.year else None
        found.append(Counted(row, paper.count, when, paper.course))
    return sorted(found, key=lambda paper: -paper.count)


def plot_counts(path: str | Path, most: int = 10, columns: Columns | None = None) -> Figure:
    """Draw a list's citation counts.

    From one refresh: the age of each paper against its citations, and their sum by category (by year where the list has
    no categories). From several, above these: a line over time for each of the most cited papers.

    Args:
        path: the list; its history is read from the file beside it.
        most: how many papers get a line.
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.

    Raises:
        ValueError: if there is no list, or neither it nor its history holds a count.
    """
    papers = counted_papers(path, columns)
    if not papers:
        raise ValueError(f"no count is known for {path}; first run: papers refresh {shlex.quote(str(path))}")

    from matplotlib import rc_context
    from matplotlib.figure import Figure

    days = {day for paper in papers for day in paper.course}
    names = _Names(papers)
    with rc_context({"font.family": names.fonts}):
        below = ["cloud", "bars"] if any(paper.when for paper in papers) else ["bars", "bars"]
        places = [["lines", "lines"], below] if len(days) > 1 else [below]
        figure = Figure(figsize=(11, 9.6 if len(days) > 1 else 5), layout="constrained")
        axes = figure.subplot_mosaic(places)  # type: ignore[arg-type]
        draw = {"lines": _lines, "cloud": _cloud, "bars": _bars}
        for place in axes:
            draw[place](axes[place], papers[:most] if place == "lines" else papers, names)
        if names.lacking:
            note = f"Named by their lines: titles with letters that no installed font has ({names.lacking})."
            figure.supxlabel(note, fontsize="small", x=0.01, ha="left")
    return figure


def standing_out(papers: Iterable[Counted]) -> list[Counted]:
    """Return the landmarks of a list, oldest first: at most eight, the most cited.

    A landmark is cited at least 1.5 times as often as every newer paper, of which there has to be one, and at least as
    often as :func:`least_cited` says.
    """
    dated = sorted((p for p in papers if p.when is not None), key=lambda paper: (-(paper.when or 0), -paper.count))
    newest, least = dated[0].when if dated else None, least_cited(dated)
    best, found = 0, []
    for paper in dated:
        if paper.when != newest and paper.count >= max(1.5 * best, least):
            found.append(paper)
        best = max(best, paper.count)
    return sorted(sorted(found, key=lambda paper: -paper.count)[:_NAMED], key=lambda paper: paper.when or 0)


def least_cited(papers: Sequence[Counted]) -> int:
    """Return how often a landmark is cited at least: as often as half of the papers are, and ten times."""
    return max(_FEW, ceil(median(paper.count for paper in papers))) if papers else _FEW


class _Names:
    """What papers and categories are called in a figure: text from elsewhere, in letters that a font here can draw."""

    def __init__(self, papers: Sequence[Counted]) -> None:
        from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

        texts = [text for paper in papers for text in (paper.row.title, paper.row.category) if text]
        wanted = {ord(c) for text in texts for c in one_line(text) if not c.isspace()}
        self.fonts = ["DejaVu Sans"]
        self._known = set(get_font(findfont(FontProperties(family=self.fonts))).get_charmap())
        others = {font.name: font.fname for font in fontManager.ttflist if font.name.startswith(_LETTERS)}
        for name, file in sorted(others.items()):
            if wanted <= self._known:
                break
            has = set(get_font(file).get_charmap())
            if wanted & (has - self._known):
                self.fonts.append(name)
                self._known |= has
        self.lacking = sum(not self._has(paper.row.title or "") for paper in papers)
        """How many titles cannot be drawn."""

    def _has(self, text: str) -> bool:
        return {ord(c) for c in one_line(text) if not c.isspace()} <= self._known

    def paper(self, paper: Counted, length: int) -> str:
        """Return a paper's title, shortened; its line where there is none or it cannot be drawn."""
        title = paper.row.title or paper.row.paper_id or ""
        return self._safe(title, length) if title and self._has(title) else f"line {paper.row.line}"

    def category(self, name: str) -> str:
        """Return a category's name, shortened, without the letters that cannot be drawn."""
        return self._safe("".join(c if self._has(c) else "?" for c in name), 24)

    @staticmethod
    def _safe(text: str, length: int) -> str:
        text = one_line(text)
        text = text if len(text) <= length else text[: length - 1].rstrip() + "…"
        return text.replace("$", r"\$")  # otherwise it would be typeset as mathematics


def _lines(axes: Axes, papers: Sequence[Counted], names: _Names) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for paper in papers:
        course = sorted(paper.course.items())
        if course:
            axes.plot(*zip(*course, strict=True), marker="o", markersize=3, label=names.paper(paper, 52))
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    counts = [count for paper in papers for count in paper.course.values()]
    scale = ("log", min(counts) / 1.3) if counts and min(counts) > 0 else ("symlog", 0)
    axes.set(title="Citations over time, the most cited papers", ylabel="citations", yscale=scale[0])
    axes.set_ylim(bottom=scale[1])
    axes.yaxis.set_major_formatter(_whole_numbers())
    axes.yaxis.set_minor_formatter(_whole_numbers("25"))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=2, frameon=False)


def _cloud(axes: Axes, papers: Sequence[Counted], names: _Names) -> None:
    """Draw date against citations; the papers that stand out have a number, and their titles stand below."""
    from matplotlib.ticker import MaxNLocator

    dated = [paper for paper in papers if paper.when is not None]
    dates = [paper.when for paper in dated if paper.when is not None]
    axes.plot(dates, [paper.count for paper in dated], "o", alpha=0.5, markersize=5, color="#0072B2")
    outstanding = standing_out(dated)
    for number, paper in enumerate(outstanding, 1):
        assert paper.when is not None
        axes.plot([paper.when], [paper.count], "o", markersize=6, color="#D55E00")
        axes.annotate(
            str(number), (paper.when, paper.count), xytext=(5, 4), textcoords="offset points", fontsize="small"
        )
    top = max((paper.count for paper in dated), default=1)
    axes.set(title=f"Date against citations, {len(dated)} papers", ylabel="citations", yscale="symlog")
    axes.set_ylim(-0.3, max(top, 1) * 3)
    axes.yaxis.set_major_formatter(_whole_numbers())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.grid(alpha=0.3)
    listed = "\n".join(f"{number}  {names.paper(paper, 62)}" for number, paper in enumerate(outstanding, 1))
    axes.set_xlabel(
        f"Cited at least 1.5 times as often as every newer paper, and at least {least_cited(dated):,} times:\n{listed}"
        if listed
        else "",
        fontsize="small",
        loc="left",
        linespacing=1.4,
    )


def _bars(axes: Axes, papers: Sequence[Counted], names: _Names) -> None:
    """Draw the sum of each category, and how much of it is its most cited paper's; by year without categories."""
    from matplotlib.ticker import MaxNLocator

    by_category = any(paper.row.category for paper in papers)
    groups: dict[str, list[int]] = defaultdict(list)
    for paper in papers:
        name = paper.row.category if by_category else str(paper.row.year or "no year")
        groups[one_line(name or "no category")].append(paper.count)
    sums = sorted(groups.items(), key=lambda group: sum(group[1]) if by_category else group[0])
    left_out, shown = sums[:-_BARS], sums[-_BARS:]
    labels = [f"{names.category(name)} · {len(counts)}" for name, counts in shown]
    places = range(len(shown))
    axes.barh(places, [sum(counts) for _, counts in shown], color="#56B4E9", label="all papers")
    axes.barh(places, [max(counts) for _, counts in shown], height=0.4, color="#0072B2", label="the most cited one")
    axes.set_yticks(places, labels)
    axes.set_ylim(-0.8, max(len(shown), 5) - 0.4)
    axes.xaxis.set_major_formatter(_whole_numbers())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    what = "category" if by_category else "year"
    axes.set_title(f"Citations by {what} · number of papers")
    middle = median(paper.count for paper in papers)
    more = f"{len(left_out)} more are left out.\n" if left_out else ""
    axes.set_xlabel(
        f"citations\n{more}Half of all papers have {middle:,.0f} or more.", fontsize="small", linespacing=1.4
    )
    axes.legend(fontsize="small")


def _whole_numbers(first_digits: str = "123456789") -> FuncFormatter:
    """Return what writes numbers out, those that begin with one of some digits."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:,.0f}" if f"{value:.0f}"[0] in first_digits + "0" else "")
