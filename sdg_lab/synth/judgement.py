"""A synthetic table judged: every figure beside what the same figure is of tables whose faults are known.

A figure alone says little: a distance of .03 is much between tables of a million rows, and nothing between tables of a
hundred. So each is measured of references, too:

=================  ======================================================================================
real rows          other rows of the real table: what a perfect synthesiser would be expected to reach
independent        the real columns, each shuffled by itself: right columns, and nothing between them
copies             real rows, drawn with replacement: perfectly faithful, and no one is protected
changed copies     real rows of which four in five values are drawn anew: they pass distances to the closest
                   record, though where values are exact what is left of a row gives away whose it was
=================  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import whole
from sdg_lab.files import replace_atomically
from sdg_lab.metrics.tables.attacks import LEAST, Disclosure, attribute_inference, membership_inference
from sdg_lab.metrics.tables.copies import copies
from sdg_lab.metrics.tables.dependence import pair_distances
from sdg_lab.metrics.tables.downstream import downstream
from sdg_lab.metrics.tables.marginals import column_distances
from sdg_lab.metrics.tables.two_sample import giveaways, told_apart
from sdg_lab.synth.figures import Figures, Judged
from sdg_lab.synth.report import page_of
from sdg_lab.synth.verdict import verdict_of
from sdg_lab.tables.columns import check_columns, check_same_columns, check_table, kind_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

CHANGED = 0.8
"""Share of the values of a changed copy that are drawn anew from their columns."""

FEWEST = 20
"""So many real rows are needed to judge by: with fewer every figure is luck."""

COMMONEST = 20
"""Categories of a column that are told apart in pairs; the others are one."""

ROWS = 2_000
"""Rows of each kind that the costly questions are asked about."""


@dataclass(frozen=True)
class Judgement(Judged):
    """A synthetic table, judged: its figures, the verdict in words, and the report."""

    def in_words(self) -> str:
        """Return the verdict, and what to do next, for people who have no statistics."""
        return str(verdict_of(self))

    def save(self, path: str | Path) -> None:
        """Write the report, one HTML file that needs nothing else; the same judgement gives the same bytes."""
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
        ours = asker.all_of(synthetic, model, importance=True)
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
    return Judgement(ours, references, found, guessed, sizes, held_out is not None, seed, unseen, synthetic)


@dataclass(frozen=True)
class _Asker:
    """Asks the same of every table."""

    learnt: pd.DataFrame
    unseen: pd.DataFrame
    target: str
    seed: int
    secret: bool

    def faithful(self, table: pd.DataFrame, *, importance: bool = False) -> Figures:
        """Return what can be asked of rows that were learnt from, too."""
        return Figures(
            column_distances(self.unseen, table, seed=self.seed),
            _pairs(self.unseen, table),
            told_apart(self.unseen, table, rows=ROWS, seed=self.seed, importance=importance),
        )

    def all_of(self, table: pd.DataFrame, model: Any = None, *, importance: bool = False) -> Figures:
        """Return all figures of a table that a model, or a reference, made."""
        made = self.faithful(table, importance=importance)
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
        sides = [real[name].reset_index(drop=True), other[name].reset_index(drop=True)]
        numbers = kind_of(real[name]) == "numbers"
        # Missing values that the real rows do not have are a cell like any other.
        if not numbers or (sides[1].isna().any() and not sides[0].isna().any()):
            places = _cut(sides) if numbers else _places(sides)
            known, codes = np.unique(np.concatenate(places), return_inverse=True)
            labels = pd.Index([str(place) for place in known])
            halves = np.split(codes, [len(real)])
            sides = [pd.Series(pd.Categorical.from_codes(half, labels), name=name) for half in halves]
        if sides[0].nunique() + sides[0].isna().any() > 1:
            coarse[name] = sides
    if not coarse:
        return pd.DataFrame()
    return pair_distances(*(pd.DataFrame({name: sides[i] for name, sides in coarse.items()}) for i in (0, 1)))


def _places(sides: list[pd.Series[Any]]) -> list[NDArray[np.int64]]:
    """Return the rank of each category among the first column's commonest, one more for all others, -1 for missing."""
    import pandas as pd

    common = pd.Index(list(sides[0].value_counts().index[:COMMONEST]), dtype=object)
    places = []
    for side in sides:
        codes, values = pd.factorize(side)
        rank = common.get_indexer(pd.Index(list(values), dtype=object))
        places.append(np.append(np.where(rank < 0, COMMONEST, rank), -1)[codes].astype(np.int64))
    return places


def _cut(sides: list[pd.Series[Any]]) -> list[NDArray[np.int64]]:
    """Return the tenth of the first column's numbers in which each number lies, -1 for missing."""
    values = [numbers_of(side) for side in sides]
    edges = np.unique(np.quantile(values[0], np.linspace(0, 1, 11)[1:-1]))
    return [np.where(np.isnan(of), -1, np.searchsorted(edges, of, side="right")) for of in values]


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
