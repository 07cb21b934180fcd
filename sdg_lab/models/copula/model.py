"""A Gaussian copula for tables of mixed types: each column by itself, and one correlation for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import seed_or_none, whole
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.copula.scores import behind, edges_of, nearest_correlation, scores_of, series_of
from sdg_lab.tables.categories import Categories, Column
from sdg_lab.tables.codec import column_from_config
from sdg_lab.tables.columns import as_table, check_column, check_table
from sdg_lab.tables.numbers import Numbers

if TYPE_CHECKING:
    import pandas as pd

MAX_BINS = 250
"""States of numbers are single bytes."""


class GaussianCopula(SyntheticModel["pd.DataFrame"]):
    """A Gaussian copula with discrete margins.

    Each column is cut into states, and each state is a cell of a standard normal that holds its share of the rows; the
    normals of all columns have one correlation matrix. That a value is missing is a column of its own, with two states,
    so that what is missing together stays so as far as pairs can say.

    What is kept: each column by itself, and how any two rise and fall together. What is not: dependence that is not
    monotone, what only three columns show together, and of a category with many values all but one direction.
    (Categories without an order are put in the one in which the other columns' scores differ most.) Shares of single
    columns and correlations are all that it learns, so it has no place for a whole row; rare values of a column it may
    hand out.

    There is no ``log_prob``: the probability of a row is that of a box under a normal of as many dimensions as columns,
    for which there is no closed form.

    Source: Sklar (1959); Patki, Wedge and Veeramachaneni (2016), The Synthetic Data Vault, section III; for discrete
    margins Genest and Nešlehová (2007), A Primer on Copulas for Count Data.

    Args:
        bins: about how many states a column of numbers gets.

    Raises:
        ValueError: if bins is below 2 or above 250.
    """

    def __init__(self, *, bins: int = 100) -> None:
        self.bins = whole("bins", bins, least=2, most=MAX_BINS)
        self._columns: tuple[Column, ...] = ()
        self._masses: list[NDArray[np.float64]] = []
        self._ranks: list[NDArray[np.int64]] = []
        self._correlation = np.empty((0, 0))

    def __repr__(self) -> str:
        if not self.fitted:
            return "<GaussianCopula: not fitted>"
        return f"<GaussianCopula: {len(self._columns)} columns, {self.n_parameters:,} parameters>"

    def fit(
        self, data: pd.DataFrame | ArrayLike, y: ArrayLike | None = None, *, seed: int = 0, progress: bool = True
    ) -> Self:
        """Count the states, and find the correlations behind them. Nothing is random.

        Args:
            data: a table of numbers, categories, text and booleans, with missing values or without. An array
                (n, columns) becomes a table of the columns x0, x1, ...
            y: one value for each row: one more column, the last, called y unless it brings a name of its own.
            seed: not used.
            progress: show a bar with the column in work.

        Raises:
            TypeError: if it is neither, or a column holds something else.
            ValueError: if it is empty, a shape does not fit, or a column is all missing, constant, infinite or of whole
                numbers beyond 2⁵³.
        """
        from tqdm.auto import tqdm

        whole("seed", seed, least=0)
        table = check_table(as_table(data, y))
        columns, states, nominal = [], [], []
        bar = tqdm(table.columns, unit="column", leave=False, disable=not progress)
        for name in bar:
            bar.set_postfix_str(name)
            numeric = check_column(table[name]) == "numbers"
            column: Column = Numbers.of(table[name], self.bins) if numeric else Categories.of(table[name])
            columns.append(column)
            for codes, size in _seen(column, column.encode(table[name]).astype(np.int64)):
                states.append((codes, size))
                nominal.append(not numeric and size > 2 and not getattr(column, "ordered", False))
        ranks = _ranks(states, nominal)
        ranked = [rank[codes] for rank, (codes, _) in zip(ranks, states, strict=True)]
        masses = [
            np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)[np.argsort(rank)]
            for (codes, size), rank in zip(states, ranks, strict=True)
        ]
        scores = np.stack(
            [_score(codes, of, mass) for (of, _), codes, mass in zip(states, ranked, masses, strict=True)]
        )
        there = np.stack([codes >= 0 for codes, _ in states]).astype(np.float64)
        covariance = scores @ scores.T / np.maximum(there @ there.T, 1)
        correlation = nearest_correlation(behind(covariance, np.stack([series_of(mass) for mass in masses])))
        self._columns, self._masses, self._ranks, self._correlation = tuple(columns), masses, ranks, correlation
        return self

    def sample(self, n: int, *, seed: int | None = None) -> pd.DataFrame:
        """Draw ``n`` rows.

        Raises:
            NotFittedError: before ``fit``.
            ValueError: if n is below 1 or the seed below 0.
        """
        import pandas as pd

        self.require_fitted()
        n = check_count(n)
        rng = np.random.default_rng(seed_or_none(seed))
        root = np.linalg.cholesky(self._correlation)
        normals = root @ rng.standard_normal((len(root), n))
        drawn = []
        for mass, rank, normal in zip(self._masses, self._ranks, normals, strict=True):
            place = np.searchsorted(edges_of(mass)[1:-1], normal, side="right")
            filled = np.flatnonzero(mass)  # rounding must not bring a state that no row was in
            drawn.append(np.argsort(rank)[filled[np.searchsorted(filled, place).clip(max=len(filled) - 1)]])
        made, used = {}, 0
        for column in self._columns:
            width = _width(column)
            made[column.name] = column.decode(_codes(column, drawn[used : used + width]), rng)
            used += width
        return pd.DataFrame(made)

    def correlations(self) -> pd.DataFrame:
        """Return the correlations of the normals behind the columns, by name; "… missing" where one may be missing."""
        import pandas as pd

        self.require_fitted()
        names = [name for column in self._columns for name in (column.name, f"{column.name} missing")[: _width(column)]]
        return pd.DataFrame(self._correlation, names, names)

    @property
    def fitted(self) -> bool:
        """Whether it has learnt."""
        return bool(self._columns)

    @property
    def n_parameters(self) -> int:
        """The shares of the states that are free, and the correlations."""
        self.require_fitted()
        d = len(self._correlation)
        return sum(len(mass) - 1 for mass in self._masses) + d * (d - 1) // 2

    def state(self) -> dict[str, NDArray[Any]]:
        """Return correlations, shares and orders of the states."""
        self.require_fitted()
        arrays: dict[str, NDArray[Any]] = {"correlation": self._correlation}
        for i, (mass, rank) in enumerate(zip(self._masses, self._ranks, strict=True)):
            arrays |= {f"{i}.mass": mass, f"{i}.rank": rank}
        return arrays

    def facts(self) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": [column.config() for column in self._columns]}

    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Become the model that these describe."""
        columns = tuple(map(column_from_config, facts["columns"]))
        sizes = [size for column in columns for size in _sizes(column)]
        masses = [np.asarray(state[f"{i}.mass"], np.float64) for i in range(len(sizes))]
        ranks = [np.asarray(state[f"{i}.rank"], np.int64) for i in range(len(sizes))]
        correlation = np.asarray(state["correlation"], np.float64)
        for size, mass, rank in zip(sizes, masses, ranks, strict=True):
            whole_shares = np.isfinite(mass).all() and (mass >= 0).all() and mass.sum() > 0
            if mass.shape != (size,) or not whole_shares or not np.array_equal(np.sort(rank), np.arange(size)):
                raise ValueError("the shares of the states do not fit the columns")
        if correlation.shape != (len(sizes),) * 2 or not np.isfinite(correlation).all():
            raise ValueError("the correlations do not fit the columns")
        np.linalg.cholesky(correlation)
        self._columns, self._masses, self._ranks, self._correlation = columns, masses, ranks, correlation


def _sizes(column: Column) -> tuple[int, ...]:
    """Return how many states each normal of a column has: of the values, and whether one is missing."""
    lacks = bool(getattr(column, "missing", False))
    values = len(column.labels) - lacks
    return (values, 2) if lacks else (values,)


def _width(column: Column) -> int:
    return len(_sizes(column))


def _seen(column: Column, codes: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], int]]:
    """Return the states of each normal of a column, -1 where it is not seen since the value is missing."""
    sizes = _sizes(column)
    if len(sizes) == 1:
        return [(codes, sizes[0])]
    missing = codes == sizes[0]
    return [(np.where(missing, -1, codes), sizes[0]), (missing.astype(np.int64), 2)]


def _codes(column: Column, drawn: list[NDArray[np.int64]]) -> NDArray[np.uint32]:
    """Return the states of a column from those of its normals."""
    codes = drawn[0] if len(drawn) == 1 else np.where(drawn[1] == 1, _sizes(column)[0], drawn[0])
    return codes.astype(np.uint32)


def _score(ranked: NDArray[np.int64], codes: NDArray[np.int64], mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of each row, 0 where the value is missing, which is all that is known of the normal there."""
    return np.where(codes >= 0, scores_of(mass)[ranked.clip(min=0)], 0.0)


def _ranks(states: list[tuple[NDArray[np.int64], int]], nominal: list[bool]) -> list[NDArray[np.int64]]:
    """Return the place of each state in its column's order, (states,) each; without an order the columns choose one.

    States without an order get the one in which the scores of the ordered columns, or the indicators of the other
    columns' commonest state, differ most between them: the first principal direction of their means.
    """
    seen = []
    for (codes, size), unordered in zip(states, nominal, strict=True):
        mass = np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)
        if unordered:
            seen.append(np.where(codes >= 0, codes == mass.argmax(), mass.max() / max(mass.sum(), 1)))
        else:
            seen.append(_score(codes, codes, mass))
    ranks = []
    for i, ((codes, size), unordered) in enumerate(zip(states, nominal, strict=True)):
        others = [values for j, values in enumerate(seen) if j != i]
        if not unordered or not others:
            ranks.append(np.arange(size))
            continue
        counts = np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)
        kept = codes >= 0
        sums = np.stack([np.bincount(codes[kept], values[kept], minlength=size) for values in others], axis=1)
        means = sums / counts.clip(min=1)[:, None]
        means = (means - sums.sum(axis=0) / counts.sum()) * np.sqrt(counts)[:, None]
        direction = np.linalg.eigh(means.T @ means)[1][:, -1]
        along = means @ direction / np.sqrt(counts.clip(min=1))
        ranks.append(np.argsort(np.argsort(along, kind="stable")))
    return ranks
