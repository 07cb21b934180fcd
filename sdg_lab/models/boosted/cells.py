"""The states of a column, and back: numbers in quantile cells, heavy values in cells of their own, and categories.

Within a cell a number is drawn from the cell's empirical quantile function, smoothed: a value that many rows share is
handed out as it is, and rarer ones are drawn evenly over pieces that hold several of them each, then rounded as the
column was recorded. So a rare number is never handed out for itself, and met by chance only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.boosted.paths import Counts, Floats, Paths, States
from sdg_lab.tables.categories import Categories, refuse_missing
from sdg_lab.tables.columns import check_column, numbers_of, refuse_infinite
from sdg_lab.tables.numbers import decimals_of, is_scale

if TYPE_CHECKING:
    import pandas as pd

NEVER = -1
"""The state of a category that is declared, but that no training row has."""


class Coding(ABC):
    """One column as numbers of states, from 0, each of which some training row has; and back.

    Attributes:
        name: of the column.
        counts: training rows of each state, shape (states,).
        ordered: whether the order of the states means something.
    """

    name: str
    counts: Counts
    ordered: bool

    @abstractmethod
    def encode(self, values: pd.Series[Any]) -> States:
        """Return the state of each value, (n,); :data:`NEVER` where no training row had it.

        Raises:
            ValueError: if a value cannot be of this column.
        """

    @abstractmethod
    def decode(self, states: States, rng: np.random.Generator) -> pd.Series[Any]:
        """Draw a value of each state, in the column's own dtype."""

    @abstractmethod
    def paths(self) -> Paths:
        """Return the tree of the states."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return what JSON needs to say for :func:`coding_from`, beside :meth:`arrays`."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it has of arrays."""

    @abstractmethod
    def check(self) -> None:
        """Refuse arrays that do not fit together.

        Raises:
            ValueError: if they do not.
        """


@dataclass(frozen=True, eq=False)
class Cells(Coding):
    """A column of numbers: cells in rising order, the last state being a missing value.

    Attributes:
        dtype: pandas' name of the dtype.
        decimals: with which it was recorded; None if it is continuous.
        missing: whether values are missing.
        edges: between the cells, rising.
        first: where each cell's pieces begin, and where the last one's end, shape (cells + 1,).
        low: where each piece begins, shape (pieces,).
        high: where it ends; equal to ``low`` where the value itself is handed out.
        rows: training rows of each piece.
    """

    name: str
    dtype: str
    decimals: int | None
    missing: bool
    counts: Counts
    edges: Floats
    first: NDArray[np.int64]
    low: Floats
    high: Floats
    rows: Counts
    ordered = True

    @classmethod
    def of(cls, column: pd.Series[Any], cells: int, *, common: int) -> Self:
        """Cut a column into about so many cells; a value of ``common`` rows is handed out as it is."""
        numbers = numbers_of(column)
        present = np.sort(numbers[~np.isnan(numbers)])
        values, counts = np.unique(present, return_counts=True)
        decimals = decimals_of(values, column.dtype)
        if is_scale(values, counts, decimals, common):
            kept = values[counts >= common]
            present = kept[np.searchsorted(kept[:-1] / 2 + kept[1:] / 2, present)]
            values, counts = np.unique(present, return_counts=True)
        begin = _begins(counts, max(len(present) / cells, common))
        pieces = [
            _pieces(values, counts, first, end, common, decimals)
            for first, end in zip(begin, [*begin[1:], len(values)], strict=True)
        ]
        low, high, rows = (np.concatenate(part) for part in zip(*pieces, strict=True))
        lost = len(numbers) - len(present)
        of_cells = np.add.reduceat(counts, begin)
        return cls(
            name=str(column.name),
            dtype=str(column.dtype),
            decimals=decimals,
            missing=lost > 0,
            counts=np.append(of_cells, lost) if lost else of_cells,
            edges=values[begin[1:] - 1] / 2 + values[begin[1:]] / 2,
            first=np.cumsum([0, *(len(part[0]) for part in pieces)]),
            low=low,
            high=high,
            rows=rows,
        )

    def encode(self, values: pd.Series[Any]) -> States:
        """Return the cell of each number; beyond both ends it is the first or the last."""
        numbers = numbers_of(values)
        lost = np.isnan(numbers)
        refuse_missing(self.name, lost, self.missing)
        refuse_infinite(self.name, numbers)
        return np.where(lost, len(self.edges) + 1, np.searchsorted(self.edges, numbers, side="right"))

    def decode(self, states: States, rng: np.random.Generator) -> pd.Series[Any]:
        """Draw a piece of each cell by its rows, and a number evenly from the piece."""
        import pandas as pd

        lost = states > len(self.edges)
        cell = np.where(lost, 0, states)
        upto = np.append(0, np.cumsum(self.rows))
        start, end = upto[self.first[cell]], upto[self.first[cell + 1]]
        piece = np.searchsorted(upto, start + (rng.random(len(cell)) * (end - start)).astype(np.int64), "right") - 1
        low, high, share = self.low[piece], self.high[piece], rng.random(len(cell))
        if self.decimals is None:
            numbers = low * (1 - share) + high * share
        else:  # whole steps: each of those from the first to the last is as likely as the others
            step = 10.0**-self.decimals
            numbers = (low - step / 2) * (1 - share) + (high + step / 2) * share
            numbers = numbers.round(self.decimals).clip(low, high)
        numbers = np.where(low < high, numbers, low)
        return pd.Series(np.where(lost, np.nan, numbers), name=self.name).astype(self.dtype)  # type: ignore[call-overload,no-any-return]

    def paths(self) -> Paths:
        """Return the tree; whether a value is missing is asked first."""
        return Paths.of(self.counts, apart=self.missing)

    def config(self) -> dict[str, Any]:
        """Return the fields that are no array."""
        fields = {"name": self.name, "dtype": self.dtype, "decimals": self.decimals, "missing": self.missing}
        return {"kind": "cells", **fields}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return cells and pieces."""
        return {name: getattr(self, name) for name in ("counts", "edges", "first", "low", "high", "rows")}

    def check(self) -> None:
        """Refuse cells that do not fit their pieces."""
        pieces = len(self.low)
        sizes = len(self.first) == len(self.edges) + 2 == len(self.counts) + 1 - self.missing
        sizes = sizes and pieces == len(self.high) == len(self.rows)
        if not sizes or self.first[0] != 0 or self.first[-1] != pieces or (np.diff(self.first) < 1).any():
            raise ValueError(f"the cells of column {self.name!r} do not fit together")
        rising = (np.diff(self.edges) > 0).all() and (self.low <= self.high).all()
        if not rising or (self.rows < 1).any() or (self.counts < 1).any():
            raise ValueError(f"the cells of column {self.name!r} are not in order")


@dataclass(frozen=True, eq=False)
class Names(Coding):
    """A column of categories, those of one order in it, others from the most frequent to the rarest.

    Attributes:
        categories: all that are declared.
        place: the number of each state among the categories, missing being the last, shape (states,).
    """

    categories: Categories
    place: NDArray[np.int64]
    counts: Counts

    @property
    def name(self) -> str:  # type: ignore[override] # computed here, stored elsewhere
        """The column's name."""
        return self.categories.name

    @property
    def ordered(self) -> bool:  # type: ignore[override]
        """Whether they have an order; any two have."""
        return self.categories.ordered or len(self.counts) <= 2

    @classmethod
    def of(cls, column: pd.Series[Any]) -> Self:
        """Take the categories that occur in a column."""
        categories = Categories.of(column)
        counts = np.bincount(categories.encode(column), minlength=len(categories.labels))
        order = np.arange(len(counts)) if categories.ordered else np.argsort(-counts, kind="stable")
        place = order[counts[order] > 0]
        return cls(categories, place, counts[place])

    def encode(self, values: pd.Series[Any]) -> States:
        """Return the states of categories."""
        state = np.full(len(self.categories.labels), NEVER)
        state[self.place] = np.arange(len(self.place))
        return state[self.categories.encode(values)]

    def decode(self, states: States, rng: np.random.Generator) -> pd.Series[Any]:
        """Return the categories; nothing is drawn."""
        return self.categories.decode(self.place[states].astype(np.uint32), rng)

    def paths(self) -> Paths:
        """Return the tree; of ordered categories, whether one is missing is asked first."""
        missing = self.categories.missing and self.place[-1] == len(self.categories.values)
        return Paths.of(self.counts, apart=self.categories.ordered and missing)

    def config(self) -> dict[str, Any]:
        """Return the categories."""
        return self.categories.config()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return which categories occur, and how often."""
        return {"place": self.place, "counts": self.counts}

    def check(self) -> None:
        """Refuse states that are none of the categories."""
        n = len(self.categories.labels)
        places = len(set(self.place.tolist())) == len(self.place) == len(self.counts) >= 1
        if not places or self.place.min() < 0 or self.place.max() >= n or (self.counts < 1).any():
            raise ValueError(f"the categories of column {self.name!r} do not fit their states")


def coding_of(column: pd.Series[Any], cells: int, *, common: int) -> Coding:
    """Choose the states of a column.

    Raises:
        TypeError, ValueError: as :func:`sdg_lab.tables.columns.check_column`; also if only one of several declared
            categories occurs.
    """
    if check_column(column) == "numbers":
        return Cells.of(column, cells, common=common)
    names = Names.of(column)
    if len(names.counts) < 2:
        raise ValueError(f"column {column.name!r} is constant, always {column.iloc[0]!r}; remove it, it tells nothing")
    return names


def coding_from(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefix: str) -> Coding:
    """Make a coding again from its :meth:`Coding.config` and its arrays, whose names begin with ``prefix``.

    Raises:
        KeyError, TypeError, ValueError: if they describe none.
    """
    fields = {key: value for key, value in config.items() if key != "kind"}
    if config["kind"] == "cells":
        fields |= {part: arrays[prefix + part] for part in ("counts", "edges", "first", "low", "high", "rows")}
        coding: Coding = Cells(**fields)
    else:
        categories = Categories(**{**fields, "values": tuple(fields["values"])})
        coding = Names(categories, arrays[f"{prefix}place"], arrays[f"{prefix}counts"])
    coding.check()
    return coding


def _begins(counts: Counts, wanted: float) -> NDArray[np.int64]:
    """Return the value at which each cell begins: one of so many rows stands alone, others are gathered until then."""
    begins, rows, alone = [], 0, True
    for place, count in enumerate(counts.tolist()):
        heavy = count >= wanted
        if heavy or alone or rows >= wanted:
            begins.append(place)
            rows = 0
        rows, alone = rows + count, heavy
    return np.array(begins)


def _pieces(
    values: Floats, counts: Counts, first: int, end: int, common: int, decimals: int | None
) -> tuple[Floats, Floats, Counts]:
    """Return low, high and rows of the pieces of a cell: common values, and stretches of about ``common`` rare rows."""
    here, rows = values[first:end], counts[first:end]
    shared = rows >= common
    rare, rare_rows = here[~shared], rows[~shared]
    if len(rare) == 0:
        return here, here, rows
    upto = np.cumsum(rare_rows)
    stretch = (upto - rare_rows) * max(1, int(upto[-1]) // common) // upto[-1]
    begin = np.append(True, np.diff(stretch) > 0).nonzero()[0]
    last = np.append(begin[1:], len(rare)) - 1
    # Halfway to the next stretch; one that is a single value reaches to those beside it in the whole column.
    low, high = rare[begin].copy(), rare[last].copy()
    between = rare[begin[1:] - 1] / 2 + rare[begin[1:]] / 2
    low[1:] = between if decimals is None else between.round(decimals)
    high[:-1] = low[1:]
    single = low == high
    place = np.searchsorted(values, low[single])
    low[single], high[single] = values[np.maximum(place - 1, 0)], values[np.minimum(place + 1, len(values) - 1)]
    return (
        np.concatenate([here[shared], low]),
        np.concatenate([here[shared], high]),
        np.concatenate([rows[shared], np.add.reduceat(rare_rows, begin)]),
    )
