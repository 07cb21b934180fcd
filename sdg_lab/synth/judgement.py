"""A synthetic table judged: every figure beside what the same figure is of tables whose faults are known.

A figure alone says little: a distance of .03 is much between tables of a million rows, and nothing between tables of a
hundred. So each is measured of references, too:

=================  ======================================================================================
real rows          other rows of the real table: what no synthesiser can be better than
independent        the real columns, each shuffled by itself: right columns, and nothing between them
copies             real rows, drawn with replacement: perfectly faithful, and no one is protected
changed copies     real rows of which four in five values are drawn anew: they pass distances to the closest
                   record, and give away who was in the table
=================  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import whole
from sdg_lab.metrics.tables.attacks import LEAST, Disclosure, Membership, attribute_inference, membership_inference
from sdg_lab.metrics.tables.copies import Copies, copies
from sdg_lab.metrics.tables.dependence import pair_distances
from sdg_lab.metrics.tables.downstream import Downstream, downstream
from sdg_lab.metrics.tables.marginals import column_distances
from sdg_lab.metrics.tables.two_sample import Giveaway, ToldApart, giveaways, told_apart
from sdg_lab.tables.columns import check_columns, check_same_columns, check_table, kind_of

if TYPE_CHECKING:
    import pandas as pd

CHANGED = 0.8
"""Share of the values of a changed copy that are drawn anew from their columns."""

FEWEST = 40
"""So many real rows are needed to judge by: with fewer every figure is luck."""

COMMONEST = 20
"""Categories of a column that are told apart in pairs; the others are one."""

ROWS = 2_000
"""Rows of each kind that the costly questions are asked about."""


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
class Judgement:
    """A synthetic table, judged.

    Attributes:
        synthetic: its figures.
        references: those of the references, by their names.
        giveaways: the columns and pairs that betray it, the worst first.
        disclosures: how often a value is guessed of rows that were learnt from, beside others; the largest first.
        sizes: how many rows there are of ``real``, ``held out`` and ``synthetic``.
        held_out: whether real rows were held out. Without, real rows are compared with each other, and nothing can be
            said about who was learnt from.
        real: the rows to compare with in figures.
        made: the synthetic rows.
    """

    synthetic: Figures
    references: dict[str, Figures]
    giveaways: tuple[Giveaway, ...]
    disclosures: tuple[Disclosure, ...]
    sizes: dict[str, int]
    held_out: bool
    real: pd.DataFrame
    made: pd.DataFrame

    @property
    def figures(self) -> pd.DataFrame:
        """One line for each figure, one column for the table and each reference; NaN where it was not measured."""
        import pandas as pd

        tables = {"synthetic": self.synthetic, **self.references}
        return pd.DataFrame({name: dict(_values(of)) for name, of in tables.items()})

    def in_words(self) -> str:
        """Return the verdict, and what to do next, for people who have no statistics."""
        from sdg_lab.synth.verdict import verdict_of

        return str(verdict_of(self))

    def save(self, path: str | Path) -> None:
        """Write the report, one HTML file that needs nothing else; the same judgement gives the same bytes."""
        from sdg_lab.files import replace_atomically
        from sdg_lab.synth.report import page_of

        with replace_atomically(path) as temporary:
            temporary.write_text(page_of(self), "utf-8")


def judge(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    held_out: pd.DataFrame | None = None,
    *,
    target: str = "",
    seed: int = 0,
    model: Any = None,
    progress: bool = True,
) -> Judgement:
    """Judge a synthetic table.

    Args:
        real: the rows that were learnt from: numbers and categories, as a preparation encodes them.
        synthetic: the rows that were made, encoded alike.
        held_out: real rows that were not learnt from. Without them one half of ``real`` is compared with, and what
            gives people away cannot be measured: no one can tell a synthetic row that is near to a real one because it
            was copied from one that is near because such rows are common.
        target: the column to predict; by default the last one with two values.
        seed: of every draw and every judge.
        model: what made the rows; if it has a likelihood, attacks use it.
        progress: show a bar.

    Raises:
        TypeError: if a table is none, or holds dates.
        ValueError: if the tables have different columns, too few rows to judge by, or no column called ``target``.
    """
    from tqdm.auto import tqdm

    seed = whole("seed", seed, least=0, most=2**31 - 1)
    tables = {"real": real, "synthetic": synthetic} | ({} if held_out is None else {"held_out": held_out})
    for name, table in tables.items():
        check_table(table, name)
    check_same_columns(tables)
    if target:
        check_columns(real, [target], "the table")
    order = np.random.default_rng(seed).permutation(len(real) if held_out is None else len(held_out))
    if len(order) < FEWEST:
        raise ValueError(
            f"there are {len(order)} {'real' if held_out is None else 'held-out'} rows, and fewer than {FEWEST} cannot "
            "tell a good table from a bad one; hold out more"
        )
    pool = real if held_out is None else held_out
    halves = [pool.iloc[part].reset_index(drop=True) for part in np.array_split(order, 2)]
    learnt, unseen = (halves[0], halves[1]) if held_out is None else (real, held_out)
    others: dict[str, Callable[[], pd.DataFrame]] = {
        "independent": lambda: _shuffled(learnt, seed),
        "copies": lambda: _bootstrap(learnt, seed),
        "changed copies": lambda: _changed(learnt, seed),
    }
    asker = _Asker(learnt, unseen, target, seed, secret=held_out is not None and len(unseen) >= LEAST)
    with tqdm(total=len(others) + 3, unit="table", leave=False, disable=not progress) as bar:

        def step(name: str) -> None:
            bar.update()
            bar.set_postfix_str(name)

        step("synthetic")
        ours = asker.all_of(synthetic, model)
        step("real rows")
        references = {"real rows": asker.faithful(learnt)}
        for name, make in others.items():
            step(name)
            references[name] = asker.all_of(make())
        step("what betrays it")
        found = giveaways(unseen, synthetic, seed=seed)
        guessed: tuple[Disclosure, ...] = ()
        if asker.secret and real.shape[1] > 1:
            guessed = attribute_inference(synthetic, learnt, unseen, seed=seed)
    sizes = {"real": len(real), "held out": 0 if held_out is None else len(held_out), "synthetic": len(synthetic)}
    return Judgement(ours, references, found, guessed, sizes, held_out is not None, unseen, synthetic)


@dataclass(frozen=True)
class _Asker:
    """Asks the same of every table."""

    learnt: pd.DataFrame
    unseen: pd.DataFrame
    target: str
    seed: int
    secret: bool

    def faithful(self, table: pd.DataFrame) -> Figures:
        """Return what can be asked of rows that were learnt from, too."""
        return Figures(
            column_distances(self.unseen, table, seed=self.seed),
            _pairs(self.unseen, table),
            told_apart(self.unseen, table, rows=ROWS, seed=self.seed),
        )

    def all_of(self, table: pd.DataFrame, model: Any = None) -> Figures:
        """Return all figures of a table that a model, or a reference, made."""
        made = self.faithful(table)
        if table.shape[1] > 1:
            target = self.target or None
            made = replace(made, downstream=downstream(table, self.learnt, self.unseen, target=target, seed=self.seed))
        if not self.secret:
            return made
        log_prob = getattr(model, "log_prob", None)
        attacked = membership_inference(table, self.learnt, self.unseen, log_prob=log_prob, rows=ROWS, seed=self.seed)
        return replace(
            made, membership=attacked, copies=copies(table, self.learnt, self.unseen, rows=ROWS, seed=self.seed)
        )


def _pairs(real: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the distances of pairs, rare categories taken together; what is constant is left out."""
    import pandas as pd

    coarse: dict[str, list[pd.Series[Any]]] = {}
    for name in real.columns:
        sides = [real[name], other[name]]
        if kind_of(real[name]) != "numbers":
            common = real[name].value_counts().index[:COMMONEST]
            sides = [
                side.astype(object).where(side.isin(common) | side.isna(), "\0other").map(str, na_action="ignore")
                for side in sides
            ]
            known = sorted({*sides[0].dropna(), *sides[1].dropna()})
            sides = [pd.Series(pd.Categorical(side, known), name=name) for side in sides]
        if sides[0].nunique() + sides[0].isna().any() > 1:
            coarse[name] = sides
    if not coarse:
        return pd.DataFrame()
    tables = [pd.DataFrame({name: sides[i].reset_index(drop=True) for name, sides in coarse.items()}) for i in (0, 1)]
    return pair_distances(*tables)


def _shuffled(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 1])
    return _with(table, lambda column: rng.permutation(len(table)))


def _bootstrap(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    return table.iloc[np.random.default_rng([seed, 2]).integers(len(table), size=len(table))].reset_index(drop=True)


def _changed(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the rows with most of their values replaced by those that other rows have in the same column."""
    rng, n = np.random.default_rng([seed, 3]), len(table)
    return _with(table, lambda column: np.where(rng.random(n) < CHANGED, rng.integers(n, size=n), np.arange(n)))


def _with(table: pd.DataFrame, places: Callable[[str], NDArray[np.int64]]) -> pd.DataFrame:
    """Return a table of the same columns, each with its values at other places."""
    import pandas as pd

    return pd.DataFrame({name: table[name].iloc[places(name)].array for name in table.columns})


def _values(of: Figures) -> Iterator[tuple[str, float]]:
    yield "columns apart", of.mean_column
    yield "pairs apart", of.mean_pair
    yield "told apart", of.apart.auc.value
    if of.downstream is not None and of.downstream.synthetic is not None:
        yield "learnt from it", of.downstream.synthetic.value
    if of.membership is not None:
        yield "members found (area)", of.membership.strongest.auc.value
        yield "members found at 1 %", of.membership.strongest.tpr.value
        yield "outlying members found (area)", of.membership.strongest_outlying.auc.value
    if of.copies is not None:
        yield "exact copies", of.copies.exact.value
        yield "near copies", of.copies.near.value
        yield "nearer to what was learnt", of.copies.nearer.value
