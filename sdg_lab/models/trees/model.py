"""Sequential CART for tables of mixed types: every column is drawn from a tree on the columns before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import one_of, seed_or_none, several, whole
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.trees.cart import Tree, grow, order_of
from sdg_lab.models.trees.coding import Coding, coding_from, coding_of
from sdg_lab.models.trees.donors import Donors
from sdg_lab.tables.columns import as_table, check_table

if TYPE_CHECKING:
    import pandas as pd


Order: TypeAlias = Literal["falling", "rising"]
ORDERS: tuple[str, ...] = get_args(Order)


class Trees(SyntheticModel["pd.DataFrame"]):
    """Sequential CART: columns are drawn one after another, each from a tree on those before it.

    The columns with the most distinct values come first. A column that comes late is drawn when nearly all is known of
    the row, from donors that are like it in all else, and numbers drawn so come closer to a single training row than
    categories do: in this order trees are about as hard to tell from real rows, and members are harder to find. Of a
    few hundred rows the other order keeps better what a class depends on. (Both are measured in
    ``benchmarks/trees.py``.) Last come categories that on average fill no leaf: no tree can learn from them.

    What is kept: the columns' order, dtypes and categories, missing values and where they are missing together (a
    missing value is drawn like any other, and a later tree sees it), the decimals, and numbers that many rows share.
    A number that fewer than ``min_count`` rows share is never handed out for itself: it is drawn anew between the
    donors beside it, so that the extremes of a column are approached and, unless its decimals are that coarse, not
    reached. (Of a column that has one number only, there is nothing to draw between.)
    A category is a name, and there is nothing between two names: a rare one is handed out, as often as it occurs. Merge
    rare categories before ``fit`` if they must not appear, and leave out names of persons.

    There is no ``log_prob``: what no donor of its leaf has gets probability 0, and of rows that the model has not seen
    12 % (``fair``) to 97 % (``breast_cancer``) hold such a value somewhere.

    A saved model holds the donors' intervals, which end at training values: treat it as you would the table.

    Source: Reiter (2005), Using CART to Generate Partially Synthetic Public Use Microdata.

    Args:
        leaf: fewest donors of a leaf: more is more private and less faithful.
        min_count: a number that so many training rows share is handed out as it is.
        reach: a rarer one is drawn between the donors so many places below and above it in its leaf.
        order: in which the columns are drawn, by their number of distinct values: ``"falling"`` or ``"rising"``; or the
            columns themselves, one after another.

    Raises:
        ValueError: if a number is no whole number >= 1, or the order is none.
    """

    def __init__(
        self, *, leaf: int = 20, min_count: int = 10, reach: int = 1, order: Order | Sequence[str] = "falling"
    ) -> None:
        self.leaf, self.min_count = whole("leaf", leaf, least=1), whole("min_count", min_count, least=1)
        self.reach = whole("reach", reach, least=1)
        named = not isinstance(order, str)
        self.order: Order | tuple[str, ...] = several("order", order) if named else one_of("order", order, ORDERS)
        self._columns: list[Coding] = []
        self._order: list[int] = []
        self._trees: list[Tree] = []
        self._places: list[dict[int, NDArray[np.float32]]] = []
        self._donors: list[Donors] = []

    def __repr__(self) -> str:
        if not self.fitted:
            return "<Trees: not fitted>"
        leaves = sum(tree.n_leaves for tree in self._trees)
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
        order = self._places_of(columns, table.nunique().tolist(), len(table))
        rng = np.random.default_rng(seed)
        trees, places, donors = [], [], []
        bar = tqdm(order, unit="column", leave=False, disable=not progress)
        for step, i in enumerate(bar):
            bar.set_postfix_str(columns[i].name)
            before = order[:step]
            target = columns[i].target(seen[i], rng)
            place = {
                j: order_of(seen[j], columns[j].size, target, least=self.leaf) for j in before if not columns[j].ordered
            }
            rows = _rows(before, seen, place)
            tree = grow(rows, target, leaf=self.leaf, seed=seed)
            leaves = tree.leaves(rows, len(table))
            common = self.min_count if columns[i].between else 1
            donors.append(Donors.of(leaves, tree.n_leaves, values[i], common=common, reach=self.reach))
            trees.append(tree)
            places.append(place)
        self._columns, self._order, self._trees, self._places, self._donors = columns, order, trees, places, donors
        return self

    def _places_of(self, columns: list[Coding], distinct: list[int], n: int) -> list[int]:
        """Return the columns' numbers in the order in which they are to be drawn."""
        if not isinstance(self.order, str):
            names = [column.name for column in columns]
            if sorted(self.order) != sorted(names):
                raise ValueError(f"order must name each column once: the columns are {names}, got {list(self.order)}")
            return [names.index(name) for name in self.order]
        if self.order == "rising":
            return sorted(range(len(columns)), key=lambda i: distinct[i])
        sparse = [not column.between and count * self.leaf > n for column, count in zip(columns, distinct, strict=True)]
        return sorted(range(len(columns)), key=lambda i: (sparse[i], -distinct[i]))

    @property
    def fitted(self) -> bool:
        """Whether there are trees."""
        return bool(self._trees)

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
            rows = _rows(self._order[:step], seen, self._places[step])
            values = column.rounded(self._donors[step].draw(self._trees[step].leaves(rows, n), rng))
            drawn[column.name], seen[i] = column.decode(values), column.see(values)
        return pd.DataFrame({column.name: drawn[column.name] for column in self._columns})

    # Stage 3: keeping

    def facts(self) -> dict[str, Any]:
        """Return the columns, in the table's order, and the order in which they are drawn."""
        self.require_fitted()
        return {"columns": [column.config() for column in self._columns], "order": self._order}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of trees and donors, and the edges of numbers, by the number of the column."""
        self.require_fitted()
        arrays: dict[str, NDArray[Any]] = {}
        for step, i in enumerate(self._order):
            parts = {**vars(self._trees[step]), **vars(self._donors[step])}
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
        trees, places, donors = [], [], []
        for step, i in enumerate(order):
            tree = Tree(*(arrays[f"{i}.{part}"] for part in ("feature", "threshold", "left", "right", "leaf")))
            tree.check(step)
            found = Donors(*(arrays[f"{i}.{part}"] for part in ("first", "low", "high")))
            found.check(tree.n_leaves)
            trees.append(tree)
            donors.append(found)
            places.append({j: arrays[f"{i}.place.{j}"] for j in order[:step] if not columns[j].ordered})
        self._columns, self._order, self._trees, self._places, self._donors = columns, order, trees, places, donors


def _rows(
    columns: list[int], seen: list[NDArray[np.int64]], places: dict[int, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return what a tree asks for, (columns, n): levels, and categories without an order by their place."""
    return np.array([places[j][seen[j]] if j in places else seen[j] for j in columns], np.float32)
