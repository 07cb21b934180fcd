"""Autoregressive gradient boosting for tables of mixed types: every column from boosted classifiers on those before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import number, one_of, seed_or_none, several, whole
from sdg_lab.models.boosted.cells import Coding, coding_from, coding_of
from sdg_lab.models.boosted.classifier import Growth, grow
from sdg_lab.models.boosted.forest import Forest
from sdg_lab.models.boosted.paths import Floats, Paths, States
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.tables.columns import as_table, check_columns, check_table
from sdg_lab.threads import choose

if TYPE_CHECKING:
    import pandas as pd

Order: TypeAlias = Literal["falling", "rising"]
ORDERS: tuple[str, ...] = get_args(Order)

Seen: TypeAlias = NDArray[np.float32]
"""What trees may ask for, shape (n, 1 + columns): the question, and the states of the columns in the order of draws."""

Numbers: TypeAlias = NDArray[np.int64]

HELD = 5
"""One row of so many is held out from a bag, to say when its trees are enough."""


class Boosted(SyntheticModel["pd.DataFrame"]):
    """Autoregressive gradient boosting, with an exact likelihood.

    Columns are drawn one after another. The values of one are states: categories, or the quantile cells of numbers
    with a cell of its own for a value that many rows share, and a state for a missing one. The states are the leaves
    of a binary tree, and at each of its levels a boosted classifier says, given the columns before, which way a row
    goes. It begins with the shares of the training rows, so that columns that depend on nothing cost nothing. Trees
    are added only while they help on rows that are held out: this is what keeps the model from learning rows by
    heart.

    There are several bags, each of which holds out other rows. A column's distribution is the mean of theirs, and a row
    is drawn by asking one of them, chosen at random: more bags are more private and no slower to draw from.

    Within a cell, numbers are drawn from its smoothed quantile function, independent of the rest of the row. A number
    that fewer than ``min_count`` rows share is never handed out for itself: it is drawn anew among its neighbours, and
    rounded as the column was recorded. A category is a name, and there is nothing between two names: a rare one is
    handed out, as often as it occurs. Merge rare categories before ``fit`` if they must not appear.

    A saved model holds cells that end at training values, and counts of rows: treat it as you would the table.

    Source: McCarter (2025), Unmasking Trees for Tabular Data, TMLR; the bags are ours.

    Args:
        cells: about how many cells a column of numbers gets.
        min_count: a number that so many training rows share is handed out as it is; a cell holds about so many.
        bags: how many times a column's trees are grown, each time without other rows.
        learning_rate: by which each tree's step is shortened.
        leaves: most leaves of a tree.
        least: fewest rows of a leaf.
        rounds: most trees of one classifier.
        order: in which the columns are drawn, by their number of distinct values: ``"falling"`` or ``"rising"``; or the
            columns themselves, one after another.

    Raises:
        ValueError: if a number is outside its bounds, or the order is none.
    """

    def __init__(
        self,
        *,
        cells: int = 256,
        min_count: int = 10,
        bags: int = 3,
        learning_rate: float = 0.5,
        leaves: int = 16,
        least: int = 20,
        rounds: int = 400,
        order: Order | Sequence[str] = "rising",
    ) -> None:
        self.cells, self.min_count = whole("cells", cells, least=2), whole("min_count", min_count, least=1)
        self.bags = whole("bags", bags, least=1, most=HELD)
        self.learning_rate = number("learning_rate", learning_rate, above=0, most=1)
        self.leaves, self.least = whole("leaves", leaves, least=2, most=1024), whole("least", least, least=1)
        self.rounds = whole("rounds", rounds, least=1)
        named = not isinstance(order, str)
        self.order: Order | tuple[str, ...] = several("order", order) if named else one_of("order", order, ORDERS)
        self._columns: list[Coding] = []
        self._order: list[int] = []
        self._paths: list[Paths] = []
        self._forests: list[list[list[Forest]]] = []
        self._walkers: dict[tuple[int, int, int], Any] = {}

    def __repr__(self) -> str:
        if not self.fitted:
            return "<Boosted: not fitted>"
        return f"<Boosted: {len(self._columns)} columns, {sum(len(f.leaves) for f in self._all()):,} trees>"

    # Stage 1: boosting

    def fit(
        self, data: pd.DataFrame | ArrayLike, y: ArrayLike | None = None, *, seed: int = 0, progress: bool = True
    ) -> Self:
        """Boost the classifiers of each column.

        Args:
            data: a table of numbers, categories, text and booleans, with missing values or without. An array
                (n, columns) becomes a table of the columns x0, x1, ...
            y: one value for each row: one more column, the last, called y unless it brings a name of its own.
            seed: which rows each bag holds out.
            progress: show a bar with the column in work.

        Raises:
            ModuleNotFoundError: if LightGBM is not installed; the message says how to get it.
            TypeError: if it is neither, or a column holds something else.
            ValueError: if it is empty, a shape does not fit, ``order`` names other columns, or a column is all missing,
                constant, infinite or of whole numbers beyond 2⁵³.
        """
        import lightgbm  # noqa: F401 - said before the work, if it is not there
        from tqdm.auto import tqdm

        seed = whole("seed", seed, least=0, most=2**31 - 1 - HELD)
        table = check_table(as_table(data, y))
        columns = [coding_of(table[name], self.cells, common=self.min_count) for name in table.columns]
        order = self._places_of(columns, table.nunique().tolist())
        seen = np.zeros((len(table), 1 + len(columns)), np.float32)
        part = np.random.default_rng(seed).permutation(len(table)) % HELD
        growth = Growth(self.learning_rate, self.leaves, self.least, self.rounds)
        paths, forests = [], []
        bar = tqdm(order, unit="column", leave=False, disable=not progress)
        for step, i in enumerate(bar):
            bar.set_postfix_str(columns[i].name, refresh=True)
            states = columns[i].encode(table[columns[i].name])
            paths.append(columns[i].paths())
            unordered = [1 + k for k, j in enumerate(order[:step]) if not columns[j].ordered]
            found: list[list[Forest]] = []
            for level in paths[-1].levels if step else ():
                node = level.node[states]
                at = np.flatnonzero(node >= 0)
                node = node[at]
                right = states[at] >= level.middle[node]
                rows = np.column_stack([node.astype(np.float32), seen[at, 1 : step + 1]])
                found.append(
                    [
                        grow(rows, right, level.odds[node], part[at] == bag, categories=unordered, growth=growth,
                             seed=seed + bag)
                        for bag in range(self.bags)
                    ]
                )  # fmt: skip
            forests.append(found)
            seen[:, step + 1] = states
        self._columns, self._order, self._paths, self._forests = columns, order, paths, forests
        self._walkers = {}
        return self

    def _places_of(self, columns: list[Coding], distinct: list[int]) -> list[int]:
        """Return the columns' numbers in the order in which they are to be drawn."""
        if not isinstance(self.order, str):
            names = [column.name for column in columns]
            if sorted(self.order) != sorted(names):
                raise ValueError(f"order must name each column once: the columns are {names}, got {list(self.order)}")
            return [names.index(name) for name in self.order]
        sign = 1 if self.order == "rising" else -1
        return sorted(range(len(columns)), key=lambda i: sign * distinct[i])

    @property
    def fitted(self) -> bool:
        """Whether there are columns."""
        return bool(self._columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they are drawn."""
        self.require_fitted()
        return tuple(self._columns[i].name for i in self._order)

    @property
    def n_parameters(self) -> int:
        """Numbers in the arrays of all trees and cells."""
        return sum(array.size for array in self.state().values())

    # Stage 2: drawing

    def sample(self, n: int, *, seed: int | None = None) -> pd.DataFrame:
        """Draw rows: each column from its classifiers' answers to what has been drawn so far.

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
        seen, drawn = np.zeros((n, 1 + len(self._columns)), np.float32), {}
        alike = np.zeros(n, np.int64)
        for step, i in enumerate(self._order):
            bag = rng.integers(0, self.bags, n)
            first, end = np.zeros(n, np.int64), np.full(n, len(self._columns[i].counts))
            for depth, level in enumerate(self._paths[step].levels):
                at = np.flatnonzero(end - first > 1)
                node = level.node[first[at]]
                odds = self._odds(step, depth, node, seen, at, bag[at], alike)
                right = rng.random(len(at)) < _sigmoid(odds)
                middle = level.middle[node]
                first[at], end[at] = np.where(right, middle, first[at]), np.where(right, end[at], middle)
            seen[:, step + 1] = first
            alike = np.unique(alike * len(self._columns[i].counts) + first, return_inverse=True)[1]
            drawn[self._columns[i].name] = self._columns[i].decode(first, rng)
        return pd.DataFrame({column.name: drawn[column.name] for column in self._columns})

    def log_prob(self, x: pd.DataFrame | ArrayLike) -> Floats:
        """Return the log-probability of each row's states in nats, shape (n,).

        It is of the cells that a row's numbers lie in, not of the numbers: over all rows of states it sums to one. A
        category that is declared and that no training row had has probability 0.

        Raises:
            ValueError: if a column is lacking, a category is unknown, or a value is missing in a column that had none
                missing in training.
        """
        self.require_fitted()
        table = as_table(x)
        check_columns(table, [column.name for column in self._columns])
        states = [column.encode(table[column.name]) for column in self._columns]
        return self._log_prob(np.array(states).reshape(len(self._columns), -1))

    def _log_prob(self, states: States) -> Floats:
        """Return the log-probability of rows of states, shape (columns, n)."""
        n = states.shape[1]
        seen, total = np.zeros((n, 1 + len(self._columns)), np.float32), np.zeros(n)
        alike = np.zeros(n, np.int64)
        for step, i in enumerate(self._order):
            of_bag = np.zeros((self.bags, n))
            for depth, level in enumerate(self._paths[step].levels):
                node = np.where(states[i] >= 0, level.node[states[i]], -1)
                at = np.flatnonzero(node >= 0)
                right = states[i, at] >= level.middle[node[at]]
                for bag in range(self.bags):
                    odds = self._odds(step, depth, node[at], seen, at, np.full(len(at), bag), alike)
                    of_bag[bag, at] -= np.logaddexp(0, np.where(right, -odds, odds))
            total += np.where(states[i] >= 0, np.logaddexp.reduce(of_bag, axis=0) - np.log(self.bags), -np.inf)
            seen[:, step + 1] = states[i]
            alike = np.unique(alike * (len(self._columns[i].counts) + 1) + states[i] + 1, return_inverse=True)[1]
        return total

    def _odds(
        self, step: int, depth: int, node: Numbers, seen: Seen, at: Numbers, bag: Numbers, alike: Numbers
    ) -> Floats:
        """Return the log odds that rows ``at`` go right at their questions, each as its bag has them, shape (at,).

        Rows of all n that have the same number in ``alike``, (n,), have the same states so far: where many do, the
        trees are asked once for all of them.
        """
        level = self._paths[step].levels[depth]
        odds = level.odds[node]
        repeat = 2 * int(alike.max(initial=0)) < len(alike)
        for which, forest in enumerate(self._forests[step][depth] if step else ()):
            asked = np.flatnonzero(bag == which)
            if len(forest.leaves) and len(asked):
                key = (step, depth, which)
                if key not in self._walkers:
                    self._walkers[key] = forest.walker(step + 1)
                back: Any = slice(None)
                once = asked
                if repeat:
                    of_row = alike[at[asked]] * len(level.middle) + node[asked]
                    _, first, back = np.unique(of_row, return_index=True, return_inverse=True)
                    once = asked[first]
                rows = seen[at[once], : step + 1]
                rows[:, 0] = node[once]
                odds[asked] += self._walkers[key].predict(rows, raw_score=True, num_threads=choose())[back]
        return odds

    # Stage 3: keeping

    def _all(self) -> list[Forest]:
        """Return the forests of all columns, levels and bags, one after another."""
        return [forest for of_column in self._forests for of_level in of_column for forest in of_level]

    def facts(self) -> dict[str, Any]:
        """Return the columns, in the table's order, the order in which they are drawn, and the forests' sizes."""
        self.require_fitted()
        sizes = [len(forest.leaves) for forest in self._all()]
        return {"columns": [column.config() for column in self._columns], "order": self._order, "trees": sizes}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of all trees, and those of each column by its number."""
        self.require_fitted()
        arrays = {f"trees.{name}": values for name, values in vars(Forest.joined(self._all())).items()}
        for i, column in enumerate(self._columns):
            arrays |= {f"{i}.{name}": values for name, values in column.arrays().items()}
        return arrays

    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Take the trees and columns of a saved model; :class:`ValueError` if they do not fit together."""
        arrays = {name: np.asarray(values) for name, values in state.items()}
        columns = [coding_from(config, arrays, f"{i}.") for i, config in enumerate(facts["columns"])]
        order = [int(i) for i in facts["order"]]
        if not columns or sorted(order) != list(range(len(columns))):
            raise ValueError(f"the order of {len(columns)} columns is {order}")
        paths = [columns[i].paths() for i in order]
        parts = {name.removeprefix("trees."): values for name, values in arrays.items() if name.startswith("trees.")}
        sizes = [int(size) for size in facts["trees"]]
        if len(sizes) != self.bags * sum(len(path.levels) for path in paths[1:]):
            raise ValueError(f"there are forests for {len(sizes)} questions, and others are asked")
        separate = iter(Forest(**parts).parted(sizes))
        forests = []
        for step, path in enumerate(paths):
            found = [[next(separate) for _ in range(self.bags)] for _ in path.levels if step]
            for forest in (forest for of_level in found for forest in of_level):
                forest.check(step + 1)
            forests.append(found)
        self._columns, self._order, self._paths, self._forests, self._walkers = columns, order, paths, forests, {}


def _sigmoid(odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-odds))
