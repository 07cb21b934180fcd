"""What a tree sees of a column, what it should tell apart in it, and how what a donor hands out becomes a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.trees.cart import Floats
from sdg_lab.tables.categories import Categories
from sdg_lab.tables.columns import check_column, numbers_of, refuse_infinite
from sdg_lab.tables.numbers import decimals_of, is_scale

if TYPE_CHECKING:
    import pandas as pd

Seen: TypeAlias = NDArray[np.int64]

LEVELS = 1000
"""A tree tells so many numbers of a column apart, spread evenly over its rows."""

OUTPUTS = 12
"""Indicators of more categories than this are projected to so many."""


class Coding(ABC):
    """One column of a table as numbers, and back.

    Attributes:
        name: of the column.
        size: how many different things a tree sees.
        ordered: whether they have an order by which to split them.
        between: whether there are values between two values.
    """

    name: str
    size: int
    ordered: bool
    between: bool

    @abstractmethod
    def encode(self, values: pd.Series[Any]) -> Floats:
        """Return the number of each value, (n,), as donors hand it out."""

    @abstractmethod
    def decode(self, numbers: Floats) -> pd.Series[Any]:
        """Return such numbers as the column's own values."""

    @abstractmethod
    def see(self, numbers: Floats) -> Seen:
        """Return what a tree sees of such numbers, (n,), from 0 to below ``size``."""

    def rank(self, seen: Seen) -> Seen:
        """Return what is compared with a threshold, if there is an order, (n,)."""
        return seen

    @abstractmethod
    def target(self, seen: Seen, rng: np.random.Generator) -> Floats:
        """Return what should vary little within a leaf, shape (n, outputs)."""

    @abstractmethod
    def bounds(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return between which drawn numbers, before they are rounded, each of these is seen: (above, up to)."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return what JSON needs to say for :func:`coding_from`, beside :meth:`arrays`."""

    def rounded(self, numbers: Floats) -> Floats:
        """Round drawn numbers as the column was recorded."""
        return numbers

    def arrays(self) -> dict[str, Floats]:
        """Return what it has of arrays."""
        return {}


@dataclass(frozen=True, eq=False)
class Levels(Coding):
    """A column of numbers. A tree asks only which of two is larger, so it sees their ranks, level 0 being missing.

    Attributes:
        name: of the column.
        dtype: pandas' name of the dtype.
        decimals: with which it was recorded; None if it is continuous.
        edges: between the levels, rising.
        grid: what drawn numbers are brought to, rising; if empty, to the decimals.
    """

    name: str
    dtype: str
    decimals: int | None
    edges: Floats
    grid: Floats
    ordered = True
    between = True

    @classmethod
    def of(cls, column: pd.Series[Any], *, common: int) -> Levels:
        """Make a level of each number, or of quantiles if there are many; a value of ``common`` rows may be drawn."""
        numbers = numbers_of(column)
        distinct, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
        decimals = decimals_of(distinct, column.dtype)
        grid = distinct[counts >= common] if is_scale(distinct, counts, decimals, common) else distinct[:0]
        if len(distinct) > LEVELS:
            shares = np.linspace(0, 1, LEVELS)
            distinct = np.unique(np.quantile(numbers[~np.isnan(numbers)], shares, method="nearest"))
        return cls(str(column.name), str(column.dtype), decimals, distinct[:-1] / 2 + distinct[1:] / 2, grid)

    @property
    def size(self) -> int:  # type: ignore[override] # computed here, stored elsewhere
        """How many levels there are, missing included."""
        return len(self.edges) + 2

    def encode(self, values: pd.Series[Any]) -> Floats:
        """Return the numbers, NaN where one is missing."""
        numbers = numbers_of(values)
        refuse_infinite(self.name, numbers)
        return numbers

    def decode(self, numbers: Floats) -> pd.Series[Any]:
        """Return them in the column's dtype."""
        import pandas as pd

        return pd.Series(numbers, name=self.name).astype(self.dtype)  # type: ignore[call-overload,no-any-return]

    def see(self, numbers: Floats) -> Seen:
        """Return the levels."""
        return np.where(np.isnan(numbers), 0, np.searchsorted(self.edges, numbers) + 1)

    def target(self, seen: Seen, rng: np.random.Generator) -> Floats:
        """Return the levels and, if some are missing, where; both weigh alike."""
        missing = seen == 0
        if not missing.any():
            return seen[:, None].astype(np.float64)
        levels = np.where(missing, seen[~missing].mean(), seen)
        deviation = levels.std()
        return np.stack([levels / (deviation if deviation > 0 else 1), missing / missing.std()], axis=1)

    def rank(self, seen: Seen) -> Seen:
        """Return the levels, missing far below: half-way to the least level that grew a tree no other is found."""
        return np.where(seen == 0, -self.size, seen)

    def bounds(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return the edges, moved to where a drawn number is rounded beyond them; NaN for a missing value."""
        edges = self.edges
        if len(self.grid):
            middle = np.concatenate([[-np.inf], self.grid[:-1] / 2 + self.grid[1:] / 2, [np.inf]])
            edges = middle[np.searchsorted(self.grid, edges, side="right")]
        elif self.decimals is not None:
            scale = 10.0**self.decimals
            below = np.floor(edges * scale + 0.25)  # edges lie on whole or half places: a quarter away, floor is safe
            edges = np.where(below / scale > edges, below - 0.5, below + 0.5) / scale
        edges = np.concatenate([[np.nan, -np.inf], edges, [np.inf]])
        return np.where(seen == 0, np.nan, edges[seen]), np.where(seen == 0, np.nan, edges[seen + 1])

    def config(self) -> dict[str, Any]:
        """Return the fields that are no array."""
        return {"kind": "levels", "name": self.name, "dtype": self.dtype, "decimals": self.decimals}

    def rounded(self, numbers: Floats) -> Floats:
        """Round to the nearest value of the grid, or to the column's decimals."""
        if len(self.grid):
            nearest = np.searchsorted(self.grid[:-1] / 2 + self.grid[1:] / 2, numbers)
            return np.where(np.isnan(numbers), np.nan, self.grid[nearest])
        return numbers if self.decimals is None else numbers.round(self.decimals)

    def arrays(self) -> dict[str, Floats]:
        """Return edges and grid."""
        return {"edges": self.edges, "grid": self.grid}


@dataclass(frozen=True, eq=False)
class Names(Coding):
    """A column of categories; a missing value is one more, the last.

    Attributes:
        categories: in the order of their numbers.
    """

    categories: Categories
    between = False

    @property
    def name(self) -> str:  # type: ignore[override] # computed here, stored elsewhere
        """The column's name."""
        return self.categories.name

    @property
    def size(self) -> int:  # type: ignore[override]
        """How many categories there are, missing included."""
        return len(self.categories.labels)

    @property
    def ordered(self) -> bool:  # type: ignore[override]
        """Whether they have an order; any two have."""
        return self.categories.ordered or self.size <= 2

    def encode(self, values: pd.Series[Any]) -> Floats:
        """Return the numbers of the categories."""
        return self.categories.encode(values).astype(np.float64)

    def decode(self, numbers: Floats) -> pd.Series[Any]:
        """Return the categories."""
        return self.categories.decode(numbers.astype(np.uint32), np.random.default_rng(0))  # which draws nothing

    def see(self, numbers: Floats) -> Seen:
        """Return the numbers of the categories."""
        return numbers.astype(np.int64)

    def target(self, seen: Seen, rng: np.random.Generator) -> Floats:
        """Return an indicator of each category, projected at random if they are many.

        The variance of indicators, summed, is the Gini impurity; the projection keeps distances between categories,
        and so the impurity, roughly (Johnson and Lindenstrauss, 1984).
        """
        if self.size == 2:
            return seen[:, None].astype(np.float64)
        if self.size <= OUTPUTS:
            return np.eye(self.size)[seen]
        return rng.normal(size=(self.size, OUTPUTS))[seen]

    def bounds(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return half a number below and above each."""
        numbers = seen.astype(np.float64)
        return numbers - 0.5, numbers + 0.5

    def config(self) -> dict[str, Any]:
        """Return the categories."""
        return self.categories.config()


def coding_of(column: pd.Series[Any], *, common: int) -> Coding:
    """Choose how a column is coded; a number that ``common`` rows share is common.

    Raises:
        TypeError, ValueError: as :func:`sdg_lab.tables.columns.check_column`.
    """
    return Levels.of(column, common=common) if check_column(column) == "numbers" else Names(Categories.of(column))


def coding_from(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefix: str) -> Coding:
    """Make a coding again from its :meth:`Coding.config` and its arrays, whose names begin with ``prefix``."""
    fields = {key: value for key, value in config.items() if key != "kind"}
    if config["kind"] == "levels":
        return Levels(**fields, edges=arrays[f"{prefix}edges"], grid=arrays[f"{prefix}grid"])
    return Names(Categories(**{**fields, "values": tuple(fields["values"])}))
