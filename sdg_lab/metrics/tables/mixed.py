"""Mixed tables as numbers: coded alike for all who judge them, as points for distances, as columns for boosted trees.

:func:`~sdg_lab.metrics.features.fit_features` gives each category a column, which is right for a few thousand rows and
some hundred categories. Here a table may have 200,000 rows and a column any number of categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.metrics.distances import nearest
from sdg_lab.metrics.rows import LARGEST, Array, same_kinds
from sdg_lab.tables.columns import (
    categories_of,
    check_column,
    check_same_columns,
    check_table,
    kind_of,
    numbers_of,
    refuse_infinite,
)

if TYPE_CHECKING:
    import pandas as pd

Floats32 = npt.NDArray[np.float32]

WIDEST = 32
"""So many columns of a point a column of categories gets at most."""

CODES = 255
"""So many categories a column of scikit-learn's boosted trees may have."""


@dataclass(frozen=True)
class Mixed:
    """Tables of the same columns, coded alike.

    Attributes:
        names: of the columns, d of them.
        sizes: how many categories each column has in all tables together, 0 for a column of numbers.
        tables: by name, (n, d): numbers as they are, categories as 0, 1, ... from the commonest, missing as NaN.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    tables: dict[str, Array]

    @classmethod
    def of(cls, tables: Mapping[str, pd.DataFrame]) -> Mixed:
        """Code tables; the first says what each column holds.

        Raises:
            TypeError: if one is no DataFrame, a column's name is not text, or a column holds dates.
            ValueError: if one has no rows, lacks a column of another, or holds text where the first has numbers; or a
                number is infinite or beyond ±1e30.
        """
        for name, table in tables.items():
            check_table(table, name)
        check_same_columns(tables)
        first = next(iter(tables.values()))
        coded: dict[str, list[Array]] = {name: [] for name in tables}
        sizes = []
        for column in first.columns:
            parts = {name: table[column] for name, table in tables.items()}
            for part in parts.values():
                if kind_of(part) == "dates":
                    check_column(part)
            if kind_of(first[column]) == "numbers":
                values, size = _numbers(parts), 0
            else:
                values, size = _categories(parts)
            sizes.append(size)
            for name, numbers in zip(parts, values, strict=True):
                coded[name].append(numbers)
        return cls(tuple(first.columns), tuple(sizes), {name: np.column_stack(found) for name, found in coded.items()})

    def rows(self, name: str) -> list[bytes]:
        """Return one key a row of a table: rows are the same, missing values included, exactly if their keys are."""
        plain = np.where(np.isnan(self.tables[name]), np.nan, self.tables[name]) + 0.0  # one NaN, and -0 is 0
        keys: list[Any] = np.ascontiguousarray(plain).view(np.dtype((np.void, plain.shape[1] * 8))).ravel().tolist()
        return keys


def some(table: pd.DataFrame, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return so many rows of a table, drawn without replacement, in random order; all of them if there are no more."""
    check_table(table)
    chosen = rng.choice(len(table), size=min(rows, len(table)), replace=False)
    return table.iloc[chosen].reset_index(drop=True)


def _numbers(parts: Mapping[str, pd.Series[Any]]) -> list[Array]:
    found = []
    for name, part in parts.items():
        if kind_of(part) != "numbers":
            same_kinds(part.dropna().unique(), [0.0], f"column {part.name!r} of {name}")
        values = numbers_of(part)
        refuse_infinite(str(part.name), values)
        if (np.abs(values) > LARGEST).any():
            row = int(np.argmax(np.abs(values) > LARGEST))
            raise ValueError(
                f"column {part.name!r} of {name} has {values[row]:g} in row {row}; every number must be within "
                f"±{LARGEST:g}: leave such rows out, or scale the column"
            )
        found.append(values)
    return found


def _categories(parts: Mapping[str, pd.Series[Any]]) -> tuple[list[Array], int]:
    """Return the codes of a column in each table, and how many categories there are."""
    import pandas as pd

    place: dict[Any, int] = {}
    coded, counts = [], np.zeros(0)
    known: list[Any] | None = None
    for name, part in parts.items():
        try:
            codes, found = pd.factorize(part)
        except TypeError:
            categories_of(part)  # says which values are no categories
            raise
        values = list(found)
        if known:
            same_kinds(values, known, f"column {part.name!r} of {name}")
        known = known or values
        to = np.array([place.setdefault(value, len(place)) for value in values] + [-1])
        coded.append(to[codes])
        counts = np.pad(counts, (0, len(place) - len(counts)))
        counts += np.bincount(coded[-1][coded[-1] >= 0], minlength=len(place))
    rank = np.empty(len(place) + 1)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(place))
    rank[-1] = np.nan
    return [rank[codes] for codes in coded], len(place)


@dataclass(frozen=True)
class Forest:
    """Coded rows as the columns that scikit-learn's boosted trees take: at most 255 categories each.

    A column of more keeps its commonest ones, the others are one; beside it stands how common each row's category is,
    so that categories that nobody else has are seen.

    Attributes:
        x: (n, at least d).
        categorical: which columns of ``x`` hold categories.
        of: which column of the table each column of ``x`` comes from.
    """

    x: Array
    categorical: npt.NDArray[np.bool_]
    of: npt.NDArray[np.int64]


def forest(mixed: Mixed, *names: str) -> Forest:
    """Return the rows of the tables named, one after the other."""
    rows = np.vstack([mixed.tables[name] for name in names])
    columns, categorical, of = [], [], []
    for i, size in enumerate(mixed.sizes):
        codes = rows[:, i]
        columns.append(np.minimum(codes, CODES - 1) if size else codes)
        categorical.append(size > 0)
        of.append(i)
        if size > CODES:
            there = ~np.isnan(codes)
            common = np.full(len(codes), np.nan)
            common[there] = np.bincount(codes[there].astype(np.int64))[codes[there].astype(np.int64)]
            columns.append(common)
            categorical.append(False)
            of.append(i)
    return Forest(np.column_stack(columns), np.array(categorical), np.array(of, dtype=np.int64))


def boosted(
    x: Array,
    y: npt.NDArray[Any],
    categorical: npt.NDArray[np.bool_],
    *,
    seed: int,
    rounds: int = 100,
    regression: bool = False,
) -> Any:
    """Return scikit-learn's gradient boosting over histograms, fitted; it is not stopped early, so that it is the same.

    A column that has no value at all is given one: scikit-learn cannot cut it, and no tree will.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    trees = kind(max_iter=rounds, categorical_features=categorical, early_stopping=False, random_state=seed)
    return trees.fit(np.where(np.isnan(x).all(axis=0), 0.0, x), y)


@dataclass(frozen=True)
class Space:
    """Where mixed rows are points: two that differ in one category are √2 apart, as are numbers √2 deviations apart.

    A missing number stands at the mean and is marked in a column of its own; a missing category is a category. From 32
    categories on they get random directions in 32 dimensions: the same is at 0 still, others at about √2.

    Attributes:
        mixed: the tables.
        scale: which of them says what a deviation is.
        blocks: for each column, mean and deviation of its numbers, or the place of each category.
        marked: which columns of numbers have a mark beside them of what is missing.
    """

    mixed: Mixed
    scale: str
    blocks: tuple[Array, ...]
    marked: tuple[bool, ...]

    @classmethod
    def of(cls, mixed: Mixed, name: str) -> Space:
        """Take the scale of numbers from the table named, which nothing that is judged has chosen."""
        rng = np.random.default_rng(0)
        blocks: list[Array] = []
        for i, size in enumerate(mixed.sizes):
            if size:
                place = np.eye(size + 1)  # the last is what is missing
                blocks.append(place if size < WIDEST else rng.choice([-1.0, 1.0], (size + 1, WIDEST)) / WIDEST**0.5)
            else:
                there = mixed.tables[name][:, i]
                there = there[~np.isnan(there)]
                varied = there.size > 0 and there.min() < there.max()
                blocks.append(np.array([there.mean() if there.size else 0.0, there.std() if varied else 1.0]))
        marked = tuple(
            not size and any(np.isnan(table[:, i]).any() for table in mixed.tables.values())
            for i, size in enumerate(mixed.sizes)
        )
        return cls(mixed, name, tuple(blocks), marked)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns of a point each column of the table gets."""
        return tuple(
            block.shape[1] if size else 1 + mark
            for size, block, mark in zip(self.mixed.sizes, self.blocks, self.marked, strict=True)
        )

    def points(self, rows: Array) -> Array:
        """Return coded rows (n, d) as points (n, width)."""
        return np.hstack([self._block(i, rows) for i in range(rows.shape[1])])

    def _block(self, i: int, rows: Array) -> Array:
        block, values = self.blocks[i], rows[:, i]
        missing = np.isnan(values)
        if self.mixed.sizes[i]:
            return block[np.where(missing, len(block) - 1, values).astype(np.int64)]
        scaled = np.where(missing, 0.0, (values - block[0]) / block[1])
        return np.column_stack([scaled, missing] if self.marked[i] else [scaled])

    @cached_property
    def _directions(self) -> tuple[Array, Array]:
        """The centre of some points, and the directions (width, 24) in which they vary most, about."""
        rows = self.mixed.tables[self.scale]
        points = self.points(rows[:: max(1, len(rows) // 4_000)])
        centre = points.mean(axis=0)
        points -= centre
        basis = np.random.default_rng(0).normal(size=(points.shape[1], DIRECTIONS))
        for _ in range(4):  # subspace iteration; what is lacking to the true ones costs a little time, nothing else
            basis, _ = np.linalg.qr(points.T @ (points @ basis))
        return centre, basis

    def projected(self, rows: Array) -> Floats32:
        """Return coded rows on the directions in which rows vary most, (n, 24), without holding all points at once."""
        centre, basis = self._directions
        out = np.tile(-(centre @ basis).astype(np.float32), (len(rows), 1))
        start = 0
        for i, width in enumerate(self.widths):
            part = basis[start : start + width]
            start += width
            if self.mixed.sizes[i]:
                codes = np.where(np.isnan(rows[:, i]), len(self.blocks[i]) - 1, rows[:, i]).astype(np.int64)
                out += (self.blocks[i] @ part).astype(np.float32)[codes]
            else:
                out += (self._block(i, rows) @ part).astype(np.float32)
        return out


PLAIN = 6e9
"""Above so many products of asked rows, rows among which to look, and columns, neighbours are looked for quickly."""

DIRECTIONS = 24
PIECES = 64
CANDIDATES = 16
BLOCK = 4_096


def neighbours(
    space: Space, asked: Array, among: Array, k: int = 1, *, plain: float = PLAIN
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distances of coded rows to the k nearest of others, rising, and where these stand, both (n, k).

    Exact while that is quick. In a large table each of 64 pieces of it names the row nearest in the 24 directions in
    which rows vary most, and the best 16 of these are measured plainly: a distance is then never too small, a copy is
    nearly always found, and now and then the second best is taken for the best.

    Raises:
        ValueError: if there are fewer than k rows among which to look.
    """
    if len(among) < k:
        raise ValueError(f"{k} neighbours need as many rows, got {len(among)}")
    points = space.points(asked)
    if len(asked) * len(among) * points.shape[1] <= plain or len(among) < PIECES:
        return nearest(points, space.points(among), k)
    # |b|² - 2 a·b, to which |a|² is lacking, which changes no order: as one product of matrices.
    here = space.projected(asked)
    here = np.hstack([-2 * here, np.ones((len(here), 1), dtype=np.float32)])
    far, where = np.empty((len(asked), PIECES), dtype=np.float32), np.empty((len(asked), PIECES), dtype=np.int64)
    for p, piece in enumerate(np.array_split(np.arange(len(among)), PIECES)):
        there = space.projected(among[piece])
        there = np.hstack([there, (there * there).sum(axis=1, keepdims=True)]).T
        for start in range(0, len(here), BLOCK):
            rows = slice(start, start + BLOCK)
            apart = here[rows] @ there
            best = apart.argmin(axis=1)
            far[rows, p], where[rows, p] = apart[np.arange(len(best)), best], piece[best]
    kept = np.argpartition(far, CANDIDATES, axis=1)[:, :CANDIDATES]
    candidates = np.take_along_axis(where, kept, axis=1)
    exact = np.empty(candidates.shape)
    for c in range(CANDIDATES):
        exact[:, c] = np.linalg.norm(points - space.points(among[candidates[:, c]]), axis=1)
    order = np.argsort(exact, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(candidates, order, axis=1)
