"""What was measured of a synthetic table and of its references, by name and with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdg_lab.metrics.tables.attacks import Disclosure, Membership
from sdg_lab.metrics.tables.copies import Copies
from sdg_lab.metrics.tables.downstream import Downstream
from sdg_lab.metrics.tables.intervals import Estimate
from sdg_lab.metrics.tables.two_sample import Giveaway, ToldApart

if TYPE_CHECKING:
    import pandas as pd

COLUMNS, PAIRS, APART, LEARNT = "columns apart", "pairs apart", "told apart", "learnt from it"
MEMBERS, FOUND = "members found (area)", "members found at 1 %"
OUTLYING = "outlying members found (area)"
EXACT, NEAR, NEARER = "exact copies", "near copies", "nearer to what was learnt"
FIGURES = (COLUMNS, PAIRS, APART, LEARNT, MEMBERS, FOUND, OUTLYING, EXACT, NEAR, NEARER)
"""The figures' names, in the order in which they are shown."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one table; None where it cannot be, or says nothing.

    Attributes:
        columns: :func:`~sdg_lab.metrics.tables.marginals.column_distances` to real rows that were not learnt from.
        pairs: :func:`~sdg_lab.metrics.tables.dependence.pair_distances` to them, (d, d) by the columns' names.
        apart: how well boosted trees tell the table from them.
        downstream: what a classifier learns from it.
        membership: what attacks find out about who was learnt from.
        copies: rows that were learnt from, found in it.
    """

    columns: pd.DataFrame
    pairs: pd.DataFrame
    apart: ToldApart
    downstream: Downstream | None = None
    membership: Membership | None = None
    copies: Copies | None = None

    @property
    def mean_column(self) -> float:
        """The mean distance of a column, in [0, 1]."""
        return float(self.columns["distance"].mean())

    @property
    def mean_pair(self) -> float:
        """The mean distance of a pair of columns, in [0, 1]; NaN of a single column."""
        off = self.pairs.to_numpy()[np.triu_indices(len(self.pairs), k=1)]
        return float(off.mean()) if off.size else float("nan")


@dataclass(frozen=True)
class Judged:
    """A synthetic table's figures, beside those of the references.

    Attributes:
        synthetic: its figures.
        references: those of the references, by their names.
        giveaways: the columns and pairs that betray it, the worst first.
        disclosures: how often a value is guessed of rows that were learnt from, beside others; the largest first.
        sizes: how many rows there are of ``real``, ``held out`` and ``synthetic``.
        held_out: whether real rows were held out. Without, real rows are compared with each other, and nothing can be
            said about who was learnt from.
        seed: of every draw and every judge.
        real: the rows to compare with in figures.
        made: the synthetic rows.
    """

    synthetic: Figures
    references: dict[str, Figures]
    giveaways: tuple[Giveaway, ...]
    disclosures: tuple[Disclosure, ...]
    sizes: dict[str, int]
    held_out: bool
    seed: int
    real: pd.DataFrame
    made: pd.DataFrame

    @property
    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """By table and by name, each figure that was measured, with its interval; without width where it has none.

        Those of real rows are what held-out rows, or a judge that learnt from real rows, have of the same.
        """
        found = {name: dict(_estimates(of)) for name, of in {"synthetic": self.synthetic, **self.references}.items()}
        if self.synthetic.downstream is not None and self.synthetic.downstream.real is not None:
            found["real rows"][LEARNT] = self.synthetic.downstream.real
        if self.synthetic.copies is not None:
            found["real rows"][EXACT] = self.synthetic.copies.exact_by_chance
            found["real rows"][NEAR] = self.synthetic.copies.near_by_chance
        return found

    @property
    def figures(self) -> pd.DataFrame:
        """One line for each figure, one column for the table and each reference; NaN where it was not measured."""
        import pandas as pd

        tables = {table: {name: of.value for name, of in found.items()} for table, found in self.estimates.items()}
        return pd.DataFrame(tables).reindex([name for name in FIGURES if name in tables["synthetic"]])


def _estimates(of: Figures) -> Iterator[tuple[str, Estimate]]:
    yield COLUMNS, Estimate(of.mean_column, of.mean_column, of.mean_column)
    if of.mean_pair == of.mean_pair:
        yield PAIRS, Estimate(of.mean_pair, of.mean_pair, of.mean_pair)
    yield APART, of.apart.auc
    if of.downstream is not None and of.downstream.synthetic is not None:
        yield LEARNT, of.downstream.synthetic
    if of.membership is not None:
        yield MEMBERS, of.membership.by_table.auc
        yield FOUND, of.membership.by_table.tpr
        yield OUTLYING, of.membership.by_table_outlying.auc
    if of.copies is not None:
        yield EXACT, of.copies.exact
        yield NEAR, of.copies.near
        yield NEARER, of.copies.nearer
