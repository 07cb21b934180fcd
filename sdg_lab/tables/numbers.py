"""A column of numbers as states: values and quantile bins on the way in, numbers drawn from them on the way out.

A column gets a state for every value if it has few; otherwise a state for each value that fills a bin by itself (a
survey's zeros), and between those, bins that hold equal shares of the rows. On the way back a number is drawn from its
bin: if the column's values repeat, one of them, as often as it occurred; if they hardly do, evenly between quantiles of
the bin, rounded to the decimals with which the column was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.tables.categories import (
    MISSING,
    Codes,
    Column,
    Floats,
    asked_for,
    is_missing,
    is_text,
    refuse_missing,
)
from sdg_lab.tables.columns import numbers_of, refuse_infinite

if TYPE_CHECKING:
    import pandas as pd

REPEATS = 20
"""A column whose values occur so often on average keeps to them; otherwise new values are drawn in between."""

CELLS = 16
"""Most pieces into which a bin is cut to draw numbers from."""

MAX_DECIMALS = 6

SPARSE = 2
"""Values that leave free more places of their decimals than this for each are a scale of their own."""

COMMON_SHARE = 0.95
"""Of a scale, common values hold at least this share of the rows that do not have its commonest one."""


@dataclass(frozen=True, eq=False)
class Numbers(Column):
    """A column of numbers: each state is a value or a bin, and is drawn from cells.

    Attributes:
        name: of the column.
        labels: the states as text, in rising order; "missing" last.
        dtype: pandas' name of the dtype.
        edges: between the states, halfway from the largest value of one to the smallest of the next.
        state: the state of each cell, rising, shape (cells,).
        low: where each cell begins.
        high: where it ends; equal to low if the cell is a single value.
        mass: how much of its state is drawn from each cell; sums to 1 over each state.
        decimals: what is drawn from a cell is rounded to so many; None if the column is continuous.
        missing: whether there is a state for missing values.
    """

    name: str
    labels: tuple[str, ...]
    dtype: str
    edges: Floats
    state: NDArray[np.int64]
    low: Floats
    high: Floats
    mass: Floats
    decimals: int | None = None
    missing: bool = False

    @classmethod
    def of(cls, column: pd.Series[Any], bins: int) -> Self:
        """Choose the states of a column, and measure what is drawn from each."""
        numbers = numbers_of(column)
        present = np.sort(numbers[~np.isnan(numbers)])
        values, counts = np.unique(present, return_counts=True)
        repeats = len(values) <= bins or len(present) >= REPEATS * len(values)
        groups = list(_groups(counts, bins))
        cells = [_cells(values[group], counts[group], repeats=repeats) for group in groups]
        texts = _texts(values)
        missing = len(present) < len(numbers)
        labels = [_label(texts[group]) for group in groups] + [MISSING] * missing
        low, high, mass = (np.concatenate(part) for part in zip(*cells, strict=True))
        return cls(
            name=str(column.name),
            labels=tuple(labels),
            dtype=str(column.dtype),
            edges=np.array([(values[g.stop - 1] + values[g.stop]) / 2 for g in groups[:-1]]),
            state=np.repeat(np.arange(len(cells)), [len(part[0]) for part in cells]),
            low=low,
            high=high,
            mass=mass,
            decimals=decimals_of(values, column.dtype),
            missing=missing,
        )

    def encode(self, values: pd.Series[Any]) -> Codes:
        """Return the state that each number is nearest to; beyond both ends that is the first or the last."""
        numbers = numbers_of(values)
        missing = np.isnan(numbers)
        refuse_missing(self.name, missing, self.missing)
        refuse_infinite(self.name, numbers)
        state = np.searchsorted(self.edges, numbers, side="right")
        return np.where(missing, len(self.edges) + 1, state).astype(np.uint8)

    def decode(self, codes: Codes, rng: np.random.Generator) -> pd.Series[Any]:
        """Choose a cell of each state by its mass, and a number evenly from the cell."""
        import pandas as pd

        missing = codes == len(self.edges) + 1
        state = np.where(missing, self.state[0], codes)
        mass = np.bincount(self.state, self.mass, minlength=len(self.edges) + 1)
        upto = np.cumsum(self.mass)
        height = (np.cumsum(mass) - mass)[state] + mass[state] * rng.random(len(codes))
        # Rounding must not carry a height out of the cells of its state.
        first, last = np.searchsorted(self.state, state, "left"), np.searchsorted(self.state, state, "right")
        cell = np.searchsorted(upto, height, side="right").clip(first, last - 1)
        numbers = self.low[cell] + (self.high[cell] - self.low[cell]) * rng.random(len(codes))
        if self.decimals is not None:
            numbers = numbers.round(self.decimals)
        return pd.Series(np.where(missing, np.nan, numbers), name=self.name).astype(self.dtype)  # type: ignore[call-overload,no-any-return]

    def given(self, condition: object) -> tuple[Floats, Column]:
        """Return how much of each state meets a condition: a number, a list of numbers, or (least, most).

        Either bound may be None. A missing value is asked for by None, NaN or the state's label, alone.
        """
        if self.missing and (is_missing(condition) or is_text(condition, MISSING)):
            return np.eye(len(self.labels))[-1], self
        if isinstance(condition, tuple) and len(condition) == 2:
            ranges = [(_bound(self.name, condition[0], -np.inf), _bound(self.name, condition[1], np.inf))]
        else:
            wanted = [condition] if isinstance(condition, tuple) else asked_for(self.name, condition)
            ranges = [(number, number) for number in sorted({_bound(self.name, value) for value in wanted})]
        parts = [self._within(least, most) for least, most in ranges]
        state, low, high, mass = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(state, kind="stable")
        weights = np.bincount(state, mass, minlength=len(self.labels)).clip(max=1)
        weights[np.isclose(weights, 1, rtol=0, atol=1e-12)] = 1
        if not weights.any():
            return weights, self
        return weights, replace(self, state=state[order], low=low[order], high=high[order], mass=mass[order])

    def _within(self, least: float, most: float) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
        """Return the parts of the cells from which numbers between two bounds are drawn: state, low, high, mass."""
        reach = 0.0
        if self.decimals is not None:  # what is rounded into the range is in it
            step = 10.0**-self.decimals
            above, below = np.round([least, most], self.decimals)
            least = above if above >= least else above + step
            most = below if below <= most else below - step
            reach = step / 2
        width = self.high - self.low
        low = np.maximum(self.low, np.where(width > 0, least - reach, self.low))
        high = np.minimum(self.high, np.where(width > 0, most + reach, self.high))
        single = (width == 0) & (self.low >= least - reach) & (self.low <= most + reach)
        part = np.divide((high - low).clip(min=0), width, out=single.astype(np.float64), where=width > 0)
        some = (part > 0) & (least <= most)
        return self.state[some], low[some], high[some], (self.mass * part)[some]

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        arrays = {key: value.tolist() for key, value in self.__dict__.items() if isinstance(value, np.ndarray)}
        return {"kind": "numbers", **self.__dict__, "labels": list(self.labels), **arrays}


def _groups(counts: NDArray[np.int64], bins: int) -> Iterator[slice]:
    """Yield the stretches of sorted distinct values that make a state each."""
    heavy = (counts >= counts.sum() / bins) | (len(counts) <= bins)
    left = max(bins - int(heavy.sum()), 1) / max(int(counts[~heavy].sum()), 1)
    start = 0
    while start < len(counts):
        if heavy[start]:
            yield slice(start, start + 1)
            start += 1
            continue
        stop = start + int(np.argmax(heavy[start:])) if heavy[start:].any() else len(counts)
        share = counts[start:stop].cumsum()
        pieces = max(1, round(share[-1] * left))
        cuts = np.searchsorted(share, share[-1] * np.arange(1, pieces) / pieces, side="left") + 1
        bounds = np.unique([0, *cuts.clip(max=len(share)), len(share)]) + start
        yield from (slice(low, high) for low, high in pairwise(bounds.tolist()))
        start = stop


def _cells(values: Floats, counts: NDArray[np.int64], *, repeats: bool) -> tuple[Floats, Floats, Floats]:
    """Return low, high and mass of the cells from which a state is drawn."""
    if repeats or len(values) == 1:
        return values, values, counts / counts.sum()
    inside = np.repeat(values, counts)
    pieces = int(np.clip(len(inside) // REPEATS, 1, CELLS))
    knots = np.unique(np.quantile(inside, np.linspace(0, 1, pieces + 1), method="nearest"))
    # A row on a knot counts half to each side, as a draw that is rounded to it comes from either.
    below = (np.searchsorted(inside, knots, "left") + np.searchsorted(inside, knots, "right")) / 2
    below[[0, -1]] = 0, len(inside)
    return knots[:-1], knots[1:], np.diff(below) / len(inside)


def is_scale(values: Floats, counts: NDArray[np.int64], decimals: int | None, common: int) -> bool:
    """Say whether numbers keep to a few common values that are not all there is with these decimals, as answers do.

    The commonest value settles nothing: a column of zeros and a few amounts is no scale, however many zeros it has.

    Args:
        values: distinct ones, rising.
        counts: how often each occurs.
        decimals: with how many they were recorded; None if it cannot be said.
        common: a value of so many rows is common.
    """
    n, most = counts.sum(), counts.max()
    if n < REPEATS * len(values) or counts[counts >= common].sum() - most < COMMON_SHARE * (n - most):
        return False
    return decimals is None or bool((values[-1] - values[0]) * 10.0**decimals > SPARSE * len(values))


def decimals_of(values: Floats, dtype: Any) -> int | None:
    """Return with how many decimals the values were recorded; None if it is more than :data:`MAX_DECIMALS`."""
    kind = np.float32 if str(dtype).lower() == "float32" else np.float64
    for decimals in range(MAX_DECIMALS + 1):
        if np.array_equal(values.round(decimals).astype(kind), values.astype(kind)):
            return decimals
    return None


def _texts(values: Floats) -> NDArray[np.str_]:
    """Write numbers as shortly as they stay different, with at least four digits."""
    for digits in range(4, 18):
        texts = np.array([f"{value:.{digits}g}" for value in values.tolist()])
        if len(set(texts.tolist())) == len(values):
            break
    return texts


def _label(texts: NDArray[np.str_]) -> str:
    return str(texts[0]) if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"


def _bound(name: str, value: object, default: float | None = None) -> float:
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or np.isnan(value):
        raise ValueError(
            f"column {name!r} holds numbers; ask for a number, a list of numbers or (least, most), got {value!r}"
        )
    return float(value)
