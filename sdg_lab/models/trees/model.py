"""Sequential CART for tables of mixed types: every column is drawn from a tree on the columns before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import one_of, seed_or_none, several, whole
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.trees.cart import Floats, Forest, Places, grow, order_of
from sdg_lab.models.trees.coding import Coding, Seen, coding_from, coding_of
from sdg_lab.models.trees.donors import Donors, is_rare
from sdg_lab.tables.columns import as_table, check_columns, check_table

if TYPE_CHECKING:
    import pandas as pd


Order: TypeAlias = Literal["auto", "falling", "rising"]
ORDERS: tuple[str, ...] = get_args(Order)

SMALL = 1_000
"""Of fewer rows a leaf of 20 is so large a part that a class is lost between its rows, as TSTR shows."""


class Trees(SyntheticModel["pd.DataFrame"]):
    """Sequential CART: columns are drawn one after another, each from a tree on those before it.

    Each column has two trees, one grown on a half of the rows and one on the other, and each new row walks one of them
    at random; the donors of a leaf are all rows that fall into it. What a tree learnt of its half by chance holds less
    for the other: members are harder to find than with one tree of all rows, and the rows no easier to tell from real
    ones. (Measured on validation rows, see ``benchmarks/trees.py``, as all defaults.)

    The columns with the most distinct values come first. A column that comes late is drawn when nearly all is known of
    the row, from donors that are like it in all else, and numbers drawn so come closer to a single training row than
    categories do: in this order trees are about as hard to tell from real rows, and members are harder to find. Last
    come categories that on average fill no leaf: no tree can learn from them. Of fewer than 1,000 rows the other order,
    and smaller leaves, keep better what a class depends on.

    What is kept: the columns' order, dtypes and categories, missing values and where they are missing together (a
    missing value is drawn like any other, and a later tree sees it), the decimals, and numbers that many rows share.
    A number that fewer than ``min_count`` rows share is never handed out for itself: it is drawn anew between the
    donors beside it, so that the extremes of a column are approached and, unless its decimals are that coarse, not
    reached. (Of a column that has one number only, there is nothing to draw between.)
    A category is a name, and there is nothing between two names: a rare one is handed out, as often as it occurs. Merge
    rare categories before ``fit`` if they must not appear, and leave out names of persons.

    A saved model holds the donors' intervals, which end at training values: treat it as you would the table.

    Source: Reiter (2005), Using CART to Generate Partially Synthetic Public Use Microdata.

    Args:
        leaf: fewest rows of a leaf among those that grow its tree, about half of its donors: more is more private and
            less faithful. If None it is 20, or 10 if the table has fewer than 1,000 rows.
        trees: how many a column has. Each is grown on a half of the rows, drawn at random, and the next on the other
            half; a single one on all rows.
        min_count: a number that so many training rows share is handed out as it is.
        reach: a rarer one is drawn between the donors so many places below and above it in its leaf.
        order: in which the columns are drawn, by their number of distinct values: ``"falling"``, ``"rising"``, or
            ``"auto"``, which is rising if the table has fewer than 1,000 rows and else falling; or the columns
            themselves, one after another.

    Raises:
        ValueError: if a number is no whole number >= 1, or the order is none.
    """

    def __init__(
        self,
        *,
        leaf: int | None = None,
        trees: int = 2,
        min_count: int = 10,
        reach: int = 1,
        order: Order | Sequence[str] = "auto",
    ) -> None:
        self.leaf = None if leaf is None else whole("leaf", leaf, least=1)
        self.trees = whole("trees", trees, least=1)
        self.min_count, self.reach = whole("min_count", min_count, least=1), whole("reach", reach, least=1)
        named = not isinstance(order, str)
        self.order: Order | tuple[str, ...] = several("order", order) if named else one_of("order", order, ORDERS)
        self._columns: list[Coding] = []
        self._order: list[int] = []
        self._forests: list[Forest] = []
        self._places: list[dict[int, NDArray[np.float32]]] = []
        self._donors: list[Donors] = []

    def __repr__(self) -> str:
        if not self.fitted:
            return "<Trees: not fitted>"
        leaves = sum(forest.n_leaves for forest in self._forests)
        return f"<Trees: {len(self._columns)} columns, {leaves:,} leaves>"

    # Stage 1: growing

    def fit(
        self, data: pd.DataFrame | ArrayLike, y: ArrayLike | None = None, *, seed: int = 0, progress: bool = True
    ) -> Self:
        """Grow a tree for each column, and collect the donors of its leaves.

        Args:
            data: a table of numbers, categories, text and booleans, with missing values or without. An array
                (n, columns) becomes a table of the columns x0, x1, ...
            y: one value for each row: one more column, the last, called y unless it brings a name of its own.
            seed: which of equally good splits are taken.
            progress: show a bar with the column in work.

        Raises:
            TypeError: if it is neither, or a column holds something else.
            ValueError: if it is empty, a shape does not fit, ``order`` names other columns, or a column is all missing,
                constant, infinite or of whole numbers beyond 2⁵³.
        """
        from tqdm.auto import tqdm

        seed = whole("seed", seed, least=0, most=2**32 - 1)
        table = check_table(as_table(data, y))
        columns = [coding_of(table[name], common=self.min_count) for name in table.columns]
        values = [column.encode(table[column.name]) for column in columns]
        seen = [column.see(numbers) for column, numbers in zip(columns, values, strict=True)]
        leaf = (10 if len(table) < SMALL else 20) if self.leaf is None else self.leaf
        order = self._places_of(columns, table.nunique().tolist(), len(table), leaf)
        rng = np.random.default_rng(seed)
        forests, places, donors = [], [], []
        bar = tqdm(order, unit="column", leave=False, disable=not progress)
        for step, i in enumerate(bar):
            bar.set_postfix_str(columns[i].name)
            before = order[:step]
            target = columns[i].target(seen[i], rng)
            place = {
                j: order_of(seen[j], columns[j].size, target, least=leaf) for j in before if not columns[j].ordered
            }
            rows = _rows(before, columns, seen, place, len(table))
            rare = is_rare(values[i], self.min_count) if columns[i].between else np.zeros(len(table), bool)
            halves = _halves(len(table), self.trees if step else 1, rng)
            forest = Forest.of([grow(rows[:, half], target[half], leaf=leaf, seed=seed) for half in halves])
            leaves = np.concatenate([forest.leaves(rows, tree) for tree in _each(forest, len(table))])
            k = len(halves)
            donors.append(
                Donors.of(leaves, forest.n_leaves, np.tile(values[i], k), rare=np.tile(rare, k), reach=self.reach)
            )
            forests.append(forest)
            places.append(place)
        self._columns, self._order, self._forests, self._places, self._donors = columns, order, forests, places, donors
        return self

    def _places_of(self, columns: list[Coding], distinct: list[int], n: int, leaf: int) -> list[int]:
        """Return the columns' numbers in the order in which they are to be drawn."""
        if not isinstance(self.order, str):
            names = [column.name for column in columns]
            if sorted(self.order) != sorted(names):
                raise ValueError(f"order must name each column once: the columns are {names}, got {list(self.order)}")
            return [names.index(name) for name in self.order]
        if self.order == "rising" or (self.order == "auto" and n < SMALL):
            return sorted(range(len(columns)), key=lambda i: distinct[i])
        sparse = [not column.between and count * leaf > n for column, count in zip(columns, distinct, strict=True)]
        return sorted(range(len(columns)), key=lambda i: (sparse[i], -distinct[i]))

    @property
    def fitted(self) -> bool:
        """Whether there are trees."""
        return bool(self._forests)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they are drawn."""
        self.require_fitted()
        return tuple(self._columns[i].name for i in self._order)

    @property
    def n_parameters(self) -> int:
        """Numbers in the arrays of all trees and their donors."""
        return sum(array.size for array in self.state().values())

    # Stage 2: drawing

    def sample(self, n: int, *, seed: int | None = None) -> pd.DataFrame:
        """Draw rows: each column from the leaves into which its tree sorts what has been drawn so far.

        Args:
            n: how many.
            seed: the same seed draws the same rows; without one they are different each time.

        Returns:
            A table with the columns, dtypes and categories of the training data.

        Raises:
            ValueError: if n < 1.
        """
        import pandas as pd

        self.require_fitted()
        n, rng = check_count(n), np.random.default_rng(seed_or_none(seed))
        drawn: dict[str, pd.Series[Any]] = {}
        seen: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(self._columns)
        for step, i in enumerate(self._order):
            column = self._columns[i]
            rows, forest = _rows(self._order[:step], self._columns, seen, self._places[step], n), self._forests[step]
            tree = rng.integers(len(forest.roots), size=n) if len(forest.roots) > 1 else np.zeros(n, np.int64)
            values = column.rounded(self._donors[step].draw(forest.leaves(rows, tree), rng))
            drawn[column.name], seen[i] = column.decode(values), column.see(values)
        return pd.DataFrame({column.name: drawn[column.name] for column in self._columns})

    # Stage 3: saying how likely

    def log_prob(self, x: pd.DataFrame | ArrayLike, y: ArrayLike | None = None) -> Floats:
        """Return the exact log-probability of each row as the trees see it, log P(x) = Σⱼ log P(xⱼ | x₁ … xⱼ₋₁), (n,).

        Each factor is the mean over the trees of a column of what the donors of the row's leaf give to the value. A
        number counts as the level that it belongs to (each value of a column is one; of more than 1,000 it is a
        quantile), so this is the probability of a row of levels in nats, and comparable only between models of the same
        levels. It is ``-inf`` where no tree has a donor that could become the value, as happens to real rows that were
        not learnt from: nothing is smoothed that :meth:`sample` does not draw.

        Args:
            x: a table with the columns of the training data, or an array, as in :meth:`fit`.
            y: as in :meth:`fit`.

        Raises:
            TypeError: if it is neither, or a column of numbers holds something else.
            ValueError: if a column is lacking, a number is infinite, or a category was never seen, or is missing where
                none was.
        """
        self.require_fitted()
        table = as_table(x, y)
        check_columns(table, [column.name for column in self._columns])
        seen = [column.see(column.rounded(column.encode(table[column.name]))) for column in self._columns]
        total = np.zeros(len(table))
        for step, i in enumerate(self._order):
            rows = _rows(self._order[:step], self._columns, seen, self._places[step], len(table))
            forest = self._forests[step]
            mass = [self._mass(step, forest.leaves(rows, tree), seen[i]) for tree in _each(forest, len(table))]
            with np.errstate(divide="ignore"):
                total += np.log(np.mean(mass, axis=0))
        return total

    def _mass(self, step: int, leaves: Places, seen: Seen) -> Floats:
        """Return what the leaves give to what is seen of a column, (n,); each pair is asked for once."""
        pairs, row = np.unique(np.stack([leaves, seen]), axis=1, return_inverse=True)
        above, upto = self._columns[self._order[step]].bounds(pairs[1])
        return self._donors[step].mass(pairs[0], above, upto)[row.ravel()]

    # Stage 4: keeping

    def facts(self) -> dict[str, Any]:
        """Return the columns, in the table's order, and the order in which they are drawn."""
        self.require_fitted()
        return {"columns": [column.config() for column in self._columns], "order": self._order}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of trees and donors, and the edges of numbers, by the number of the column."""
        self.require_fitted()
        arrays: dict[str, NDArray[Any]] = {}
        for step, i in enumerate(self._order):
            parts = {**vars(self._forests[step]), **vars(self._donors[step])}
            parts |= {f"place.{j}": place for j, place in self._places[step].items()}
            parts |= self._columns[i].arrays()
            arrays |= {f"{i}.{name}": values for name, values in parts.items()}
        return arrays

    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Take the trees and columns of a saved model; :class:`ValueError` if they do not fit together."""
        arrays = {name: np.asarray(values) for name, values in state.items()}
        columns = [coding_from(config, arrays, f"{i}.") for i, config in enumerate(facts["columns"])]
        order = [int(i) for i in facts["order"]]
        if sorted(order) != list(range(len(columns))):
            raise ValueError(f"the order of {len(columns)} columns is {order}")
        forests, places, donors = [], [], []
        for step, i in enumerate(order):
            forest = Forest(*(arrays[f"{i}.{part.name}"] for part in fields(Forest)))
            forest.check(step)
            found = Donors(*(arrays[f"{i}.{part.name}"] for part in fields(Donors)))
            found.check(forest.n_leaves)
            forests.append(forest)
            donors.append(found)
            places.append({j: arrays[f"{i}.place.{j}"] for j in order[:step] if not columns[j].ordered})
        self._columns, self._order, self._forests, self._places, self._donors = columns, order, forests, places, donors


def _halves(n: int, trees: int, rng: np.random.Generator) -> list[Places]:
    """Return the rows that grow each tree: all for a single one, else a half drawn at random, and then the other."""
    if trees == 1 or n < 2:
        return [np.arange(n, dtype=np.int32)]
    halves: list[Places] = []
    while len(halves) < trees:
        halves += [np.sort(half) for half in np.split(rng.permutation(n).astype(np.int32), [n // 2])]
    return halves[:trees]


def _each(forest: Forest, n: int) -> Iterator[Places]:
    """Yield for each tree its number, n times."""
    yield from (np.full(n, tree, np.int32) for tree in range(len(forest.roots)))


def _rows(
    columns: list[int],
    codings: list[Coding],
    seen: list[NDArray[np.int64]],
    places: dict[int, NDArray[np.float32]],
    n: int,
) -> NDArray[np.float32]:
    """Return what a tree asks for, (columns, n): levels, and categories without an order by their place."""
    rows = np.empty((len(columns), n), np.float32)
    for row, j in zip(rows, columns, strict=True):
        row[:] = places[j][seen[j]] if j in places else codings[j].rank(seen[j])
    return rows
