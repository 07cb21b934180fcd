"""Downstream: whether one learns as much from synthetic rows as from real ones about what holds in real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array
from sdg_lab.metrics.tables.intervals import Estimate, area
from sdg_lab.metrics.tables.mixed import Mixed, boosted, forest, some
from sdg_lab.tables.columns import check_columns, check_same_columns, check_table

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["two classes", "classes", "number"]

CLASSES = 6
"""Of more classes the commonest are kept and the others are one, so that a rare class cannot make a figure of luck."""

LEAST = 10
"""A table needs so many rows with a target to be learnt from or judged on."""


@dataclass(frozen=True)
class Downstream:
    """Areas under the ROC curve, 0.5 (guessing) to 1; None where one cannot be measured, with the reason.

    Attributes:
        target: the column that was predicted from the others.
        task: what the target holds.
        real: learnt from real rows, tested on real ones (TRTR): the reference of the other two.
        synthetic: learnt from synthetic rows, tested on real ones (TSTR).
        on_synthetic: learnt from real rows, tested on synthetic ones (TRTS).
        why: sentences, one for each figure that is None.
    """

    target: str
    task: Task
    real: Estimate | None
    synthetic: Estimate | None
    on_synthetic: Estimate | None
    why: tuple[str, ...] = ()

    @property
    def lost(self) -> float | None:
        """By how much learning from synthetic rows is worse than from real ones; below 0: better."""
        return None if self.real is None or self.synthetic is None else self.real.value - self.synthetic.value


def downstream(
    synthetic: pd.DataFrame,
    real_train: pd.DataFrame,
    real_test: pd.DataFrame,
    *,
    target: str | None = None,
    rows: int = 5_000,
    seed: int = 0,
) -> Downstream:
    """Predict one column from the others: learnt from synthetic rows and from as many real ones, tested on both kinds.

    The figure is one for every kind of target: the area under the ROC curve. Of several classes it is the mean over
    the classes, each against all others (six at most: the commonest, and the rest as one); of a number it is that of
    whether it lies above its median in the real rows to learn from, which no outlier can move, as it can an R². Rows
    without a target are left out. The interval is of the test rows, and for several classes is the mean of theirs,
    which is rather too wide.

    It catches a lost dependence of the target on the other columns (TSTR low), and rows that are noisier than real ones
    (TRTS below TRTR), or cleaner, or remembered (TRTS above TRTR: the rows learnt from come back). It misses whatever
    does not help to predict this one column, and in TSTR copies, which are as useful as real rows.

    Source: Esteban et al. (2017), Real-valued Medical Time Series Generation, section 4.2.

    Args:
        synthetic: what the model made.
        real_train: what it was fitted on.
        real_test: real rows that it has not seen.
        target: the column to predict; by default the last one that has two values in the real rows, which is where
            tables mostly keep what is asked of them.
        rows: at most so many are learnt from, equally many of both kinds, and so many tested on.
        seed: of the draws and of the trees.

    Returns:
        The figures; those that cannot be measured, as with one class left, are None and say why.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, there is only one, or none is called
            ``target``, or an argument is out of range.
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    tables = {"real_train": real_train, "real_test": real_test, "synthetic": synthetic}
    for name, table in tables.items():
        check_table(table, name)
    check_same_columns(tables)
    if real_train.shape[1] < 2:
        raise ValueError(f"real_train has the one column {real_train.columns[0]!r}; predicting needs another")
    if target is not None:
        check_columns(real_train, [target], "real_train")
    learn = min(whole("rows", rows, least=LEAST), len(real_train), len(synthetic))
    mixed = Mixed.of(
        {
            "real": some(real_train, learn, rng),
            "made": some(synthetic, learn, rng),
            "real test": some(real_test, rows, rng),
            "made test": some(synthetic, rows, rng),
        }
    )
    at = mixed.names.index(target) if target is not None else _default(mixed)
    task, labels, classes = _labels(mixed, at)
    x = _others(mixed, at)
    (real, why_not_real), (on_ours, why_not_on_ours) = _measure(
        x, labels, "real", ["real test", "made test"], classes, seed
    )
    ((ours, why_not_ours),) = _measure(x, labels, "made", ["real test"], classes, seed)
    why = [
        f"{figure} is not measurable for the target {mixed.names[at]!r}: {reason}"
        for figure, reason in (("TRTR", why_not_real), ("TSTR", why_not_ours), ("TRTS", why_not_on_ours))
        if reason
    ]
    return Downstream(mixed.names[at], task, real, ours, on_ours, tuple(why))


def _default(mixed: Mixed) -> int:
    """Return the last column of which the real rows have two values."""
    for i in reversed(range(len(mixed.names))):
        values = [mixed.tables[name][:, i] for name in ("real", "real test")]
        if all(len(np.unique(column[~np.isnan(column)])) > 1 for column in values):
            return i
    return len(mixed.names) - 1


def _labels(mixed: Mixed, at: int) -> tuple[Task, dict[str, Array], int]:
    """Return the class of each row, NaN where the target is missing, and how many classes there are."""
    values = {name: table[:, at] for name, table in mixed.tables.items()}
    size = mixed.sizes[at]
    if size:
        kept = {name: np.minimum(codes, CLASSES - 1) for name, codes in values.items()}
        # In the real rows it is, or is not, a question of two classes: one that only a model made up is beside it.
        real = np.concatenate([kept["real"], kept["real test"]])
        two = len(np.unique(real[~np.isnan(real)])) <= 2
        return "two classes" if two else "classes", kept, min(size, CLASSES)
    there = values["real"][~np.isnan(values["real"])]
    middle = float(np.median(there)) if there.size else 0.0
    if there.size and middle == there.max():  # half of them or more are the largest: those against the others
        middle = float(np.nextafter(middle, -np.inf))
    return "number", {n: np.where(np.isnan(v), np.nan, v > middle) for n, v in values.items()}, 2


def _others(mixed: Mixed, at: int) -> tuple[dict[str, Array], npt.NDArray[np.bool_]]:
    """Return the other columns of each table as trees take them, and which of these are categories."""
    trees = forest(mixed, *mixed.tables)
    kept = trees.of != at
    edges = np.cumsum([len(table) for table in mixed.tables.values()])[:-1]
    return dict(zip(mixed.tables, np.split(trees.x[:, kept], edges), strict=True)), trees.categorical[kept]


def _measure(
    x: tuple[Mapping[str, Array], npt.NDArray[np.bool_]],
    labels: Mapping[str, Array],
    learn: str,
    tests: Sequence[str],
    classes: int,
    seed: int,
) -> list[tuple[Estimate | None, str]]:
    """Learn from one table; return for each of the others the area there, or why there is none."""
    tables, categorical = x
    known = {name: ~np.isnan(labels[name]) for name in (learn, *tests)}
    lacking = {name: _lacking(labels[name][known[name]], name, "to test on") for name in tests}
    unlearnt = _lacking(labels[learn][known[learn]], learn, "to learn from")
    if unlearnt or all(lacking.values()):
        return [(None, unlearnt or lacking[name]) for name in tests]
    found = np.unique(labels[learn][known[learn]])
    rounds = 100 if len(found) == 2 else 40  # of a tree for each class
    trees = boosted(tables[learn][known[learn]], labels[learn][known[learn]], categorical, seed=seed, rounds=rounds)

    def measured(test: str) -> Estimate:
        shares = np.zeros((int(known[test].sum()), classes))  # a class that was not there to be learnt has no share
        shares[:, found.astype(np.int64)] = trees.predict_proba(tables[test][known[test]])
        truth = labels[test][known[test]]
        judged = [c for c in range(classes) if 0 < (truth == c).sum() < len(truth)]
        if len(judged) == 2:
            judged = judged[1:]  # the other is the same area
        areas = [area(shares[truth == c, c], shares[truth != c, c]) for c in judged]
        return Estimate(*(float(np.mean([getattr(a, part) for a in areas])) for part in ("value", "low", "high")))

    return [(None, lacking[test]) if lacking[test] else (measured(test), "") for test in tests]


def _lacking(there: Array, name: str, what: str) -> str:
    """Say why a table's targets do not do; empty if they do."""
    kind = "synthetic" if name.startswith("made") else "real"
    if len(there) < LEAST:
        return f"only {len(there)} {kind} rows {what} have it, {LEAST} are needed"
    return f"it has one value in all {kind} rows {what}" if len(np.unique(there)) < 2 else ""
