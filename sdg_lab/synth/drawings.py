"""Small drawings of a report as SVG text: bars of a column, a heat map of pairs, an interval; colours are the page's.

Real values are coarsened: a category that fewer than ten real rows have is one of the others, the ten smallest and the
ten largest numbers share a bar with all that lies beyond, and an axis ends at a round number. A bar between may hold a
single row, whose value is shown to the bar's width.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.metrics.tables.intervals import Estimate
from sdg_lab.synth.verdict import legible
from sdg_lab.tables.columns import kind_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

RARE = 10
"""A value that fewer real rows have is not shown by itself."""

BARS, CELLS = 12, 24
"""So many categories have bars of their own, and about so many bars are drawn of numbers."""

HEAVY = 0.4
"""A number that a larger share of the real rows have is said in words; the others are drawn without it."""

SHORT = 16
"""So many letters of a name stand beside a drawing."""

LEVELS = 10
WIDTH, HEIGHT = 320, 110


def plain(text: object, most: int = 60) -> str:
    """Return a name or a value of someone's table as text of a page: legible, and never markup."""
    return escape(legible(text, most))


@dataclass(frozen=True)
class Bars:
    """One column, as it is to be drawn: shares of the rows that have a value, real and synthetic.

    Attributes:
        labels: of the bars; of numbers the two ends of the axis.
        real: share in each bar.
        made: the same of the synthetic rows.
        numbers: whether bars stand side by side on an axis of numbers.
        note: what is not drawn, in words.
    """

    labels: tuple[str, ...]
    real: NDArray[np.float64]
    made: NDArray[np.float64]
    numbers: bool
    note: str = ""

    @classmethod
    def of(cls, real: pd.Series[Any], made: pd.Series[Any]) -> Bars:
        """Cut a column into bars; what is rare or extreme shares one."""
        numbers = kind_of(real) == "numbers"
        return _of_numbers(numbers_of(real), numbers_of(made)) if numbers else _of_categories(real, made)

    def svg(self, label: str) -> str:
        """Draw it; ``label`` is read to those who do not see it."""
        if not len(self.real):
            return ""
        drawn = self._steps() if self.numbers else self._lines()
        height = HEIGHT + 16 if self.numbers else 18 * len(self.labels) + 4
        return f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {height}">{drawn}</svg>'

    def _steps(self) -> str:
        """Draw areas on one axis: the real one filled, the synthetic one as a line."""
        top = max(self.real.max(), self.made.max(), 1e-9)
        edges = np.linspace(0, WIDTH, len(self.real) + 1)
        path = {}
        for name, shares in (("real", self.real), ("made", self.made)):
            heights = HEIGHT - (HEIGHT - 4) * shares / top
            steps = "".join(f"V{h:.0f}H{x:.0f}" for h, x in zip(heights, edges[1:], strict=True))
            path[name] = f'<path class="{name}" d="M0 {HEIGHT}{steps}V{HEIGHT}"/>'
        axis = f'<path class="axis" d="M0 {HEIGHT}H{WIDTH}"/>'
        ends = "".join(
            f'<text x="{x}" y="{HEIGHT + 13}" text-anchor="{anchor}">{escape(text)}</text>'
            for x, anchor, text in ((0, "start", self.labels[0]), (WIDTH, "end", self.labels[-1]))
        )
        return path["real"] + axis + path["made"] + ends

    def _lines(self) -> str:
        """Draw a pair of bars for each category, its name on the left."""
        left, top = 124, max(self.real.max(), self.made.max(), 1e-9)
        parts = []
        for i, (name, real, made) in enumerate(zip(self.labels, self.real, self.made, strict=True)):
            y, scale = 18 * i + 2, (WIDTH - left - 2) / top
            parts.append(
                f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{plain(name, SHORT)}</text>'
                f'<rect class="real" x="{left}" y="{y}" width="{real * scale:.0f}" height="14"/>'
                f'<path class="made" d="M{left} {y + 2}H{left + made * scale:.0f}v10H{left}"/>'
            )
        return "".join(parts)


def _of_numbers(real: NDArray[np.float64], made: NDArray[np.float64]) -> Bars:
    real, made = real[~np.isnan(real)], made[~np.isnan(made)]
    note = ""
    if len(real) >= 2 * RARE:
        values, counts = np.unique(real, return_counts=True)
        most = int(counts.argmax())
        if counts[most] >= max(RARE, HEAVY * len(real)):
            heavy = float(values[most])
            here, there = (_percent(float((side == heavy).mean())) for side in (real, made))
            note = f"{_short(heavy)}: {here} of real, {there} of synthetic values"
            real, made = real[real != heavy], made[made != heavy]
    if len(real) < 2 * RARE or not len(made):
        few = "" if note and not len(real) else f"fewer than {2 * RARE} others: not drawn" if note else "not drawn"
        return Bars((), np.zeros(0), np.zeros(0), True, "; ".join(part for part in (note, few) if part))
    edges = _edges(real)
    bars = [np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] for side in (real, made)]
    shares = [_gathered(side, bars[0]) / side.sum() for side in bars]
    ends = (edges[0], edges[-1])
    if (real == np.round(real)).all() and edges[1] - edges[0] == 1:
        ends = (edges[0] + 0.5, edges[-1] - 0.5)  # each bar stands for one number
    rest = f"{note}; the others are drawn" if note else ""
    return Bars(tuple(_short(end) for end in ends), shares[0], shares[1], True, rest)


def _gathered(counts: NDArray[np.int64], real: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each bar holds once a bar of a few real rows, which shows persons, is part of the nearest of more."""
    enough = np.flatnonzero(real >= RARE)
    if not len(enough):
        return counts
    to = np.arange(len(real))
    for few in np.flatnonzero((real > 0) & (real < RARE)):
        to[few] = enough[np.abs(enough - few).argmin()]
    return np.bincount(to, counts, minlength=len(real)).astype(np.int64)


def _edges(real: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return round edges; the ten smallest and the ten largest values lie in the outermost cells, or beyond them."""
    low, high = np.sort(real)[[RARE - 1, -RARE]]
    whole = bool((real == np.round(real)).all())
    if whole and high - low <= CELLS:
        return np.arange(low - 0.5, high + 1)
    wide = max(high - low, abs(low) * 1e-9, 1e-30)
    size = 10.0 ** floor(log10(wide / CELLS))
    step = next(size * k for k in (1, 2, 5, 10) if size * k * CELLS >= wide * (1 - 1e-9))
    if whole:
        step = max(step, 1.0)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    return np.arange(first, last + 1) * step


def _of_categories(real: pd.Series[Any], made: pd.Series[Any]) -> Bars:
    import pandas as pd

    counts = real.value_counts()
    common = list(counts.index[(counts >= RARE).to_numpy()][:BARS])
    if isinstance(real.dtype, pd.CategoricalDtype) and real.cat.ordered:
        common = [value for value in real.cat.categories if value in set(common)]
    shares = []
    for side in (real.dropna(), made.dropna()):
        found = side.value_counts()
        of = np.array([float(found.get(value, 0)) for value in common]) / max(len(side), 1)
        shares.append(np.append(of, max(1 - of.sum(), 0.0) if len(side) else 0.0))
    labels = (*(legible(value, SHORT) for value in common), "(others)")
    if max(shares[0][-1], shares[1][-1]) < 1e-9:  # there are no others
        labels, shares = labels[:-1], [side[:-1] for side in shares]
    return Bars(labels, shares[0], shares[1], False)


def heat_map(table: pd.DataFrame, top: float, label: str) -> str:
    """Draw distances of pairs, (d, d), the darker the farther apart; rows are named, columns numbered alike.

    Args:
        table: distances, by names of columns; NaN is left blank.
        top: what is drawn darkest.
        label: read to those who do not see it.
    """
    d, cell, left = len(table), 12, 140
    values = table.to_numpy(dtype=float)
    by_level: dict[int, list[str]] = {}
    for i in range(d):
        for j in range(i):
            if isfinite(values[i, j]):
                level = min(LEVELS, round(LEVELS * values[i, j] / max(top, 1e-9)))
                by_level.setdefault(level, []).append(f"M{left + j * cell} {i * cell}h11v11h-11z")
    cells = "".join(
        f'<path class="heat" fill-opacity="{0.04 + 0.96 * level / LEVELS:.2f}" d="{"".join(by_level[level])}"/>'
        for level in sorted(by_level)
    )
    names = "".join(
        f'<text x="{left - 6}" y="{i * cell + 9}" text-anchor="end">{plain(name, SHORT)} {i + 1}</text>'
        for i, name in enumerate(table.columns)
    )
    numbers = "".join(
        f'<text x="{left + j * cell + 5.5}" y="{d * cell + 9}" text-anchor="middle">{j + 1}</text>'
        for j in range(d)
        if d <= BARS or j % 2 == 0
    )
    wide, high = left + d * cell + 4, d * cell + 14
    size = f'viewBox="0 0 {wide} {high}" style="width:{1.25 * wide:.0f}px"'
    return f'<svg role="img" aria-label="{escape(label)}" class="map" {size}>{cells}{names}{numbers}</svg>'


def whisker(estimate: Estimate, low: float, high: float, chance: float | None = None) -> str:
    """Draw an estimate and its interval on an axis from ``low`` to ``high``; the numbers stand beside it."""

    def at(value: float) -> str:
        return f"{4 + 112 * (min(max(value, low), high) - low) / (high - low):.1f}"

    mark = "" if chance is None else f'<path class="chance" d="M{at(chance)} 0V14"/>'
    return (
        f'<svg aria-hidden="true" class="whisker" viewBox="0 0 120 14"><path class="axis" d="M4 7H116"/>{mark}'
        f'<path class="span" d="M{at(estimate.low)} 7H{at(estimate.high)}"/>'
        f'<circle class="dot" cx="{at(estimate.value)}" cy="7" r="2.5"/></svg>'
    )


def _short(value: float) -> str:
    """Write a number as briefly as its reader would."""
    return f"{value + 0.0:,.6g}" if abs(value) < 1e15 else f"{value:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"
