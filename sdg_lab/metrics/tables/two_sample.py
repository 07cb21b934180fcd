"""Two samples: whether anything tells synthetic rows from real ones, and which columns give them away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array
from sdg_lab.metrics.tables.intervals import Estimate, area, area_interval
from sdg_lab.metrics.tables.mixed import Forest, Mixed, boosted, forest, some

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ToldApart:
    """How well boosted trees tell synthetic rows from real ones that they have not seen.

    Attributes:
        auc: how often a synthetic row looks more synthetic than a real one; 0.5: they cannot be told apart. Its
            interval is that of other rows to judge by the same trees.
        importance: by column, the largest first, by how much that area falls when the column's values are shuffled
            among the rows that are judged; near 0, or below, for a column that does not help. Empty if not asked for.
        rows: how many of each kind were judged.
    """

    auc: Estimate
    importance: dict[str, float]
    rows: int


def told_apart(
    real_held_out: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    rows: int = 3_000,
    folds: int = 5,
    seed: int = 0,
    importance: bool = True,
) -> ToldApart:
    """Let gradient boosting tell real rows from as many synthetic ones (a classifier two-sample test).

    It catches whatever trees can learn from so many rows, of one column or of several together. It misses what needs
    more rows to be seen, so compare only figures of equal numbers, and copies: give rows that the model has not seen,
    or a copier is praised. The area does not say how large a fault is: half a year in every age gives 1, and wrong
    cents in every price much less, since these trees cut a column at no more than 255 places. References are the same
    call with other real rows (0.5) and with columns shuffled independently. With a few dozen rows the area tends to lie
    below 0.5, because the rows that are judged are lacking among those that the trees have learnt from.

    An importance is small, too, where another column says the same: :func:`giveaways` looks at each by itself.

    Source: Lopez-Paz and Oquab (2017), Revisiting Classifier Two-Sample Tests, with the area in place of the accuracy;
    importance by permutation: Breiman (2001), section 10.

    Args:
        real_held_out: real rows that the model has not seen.
        synthetic: what the model made.
        rows: of each kind at most so many are drawn; equally many of both are.
        folds: each is judged by trees that learnt from the others.
        seed: of the draw, the folds, the trees and the permutations.
        importance: measure that of each column, too, which takes a third of the time.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, there are fewer rows than folds, or an argument
            is out of range.
    """
    from sklearn.model_selection import StratifiedKFold

    mixed, n = _equally_many(real_held_out, synthetic, rows, seed)
    whole("folds", folds, least=2, most=n)
    rng = np.random.default_rng([seed, 1])
    trees = forest(mixed, "real_held_out", "synthetic")
    fake = np.repeat([0, 1], n)
    areas, drops = [], []
    for learn, judge in StratifiedKFold(folds, shuffle=True, random_state=seed).split(trees.x, fake):
        classifier = boosted(trees.x[learn], fake[learn], trees.categorical, seed=seed)
        score = classifier.decision_function
        areas.append(_area(score(trees.x[judge]), fake[judge]))
        if importance:
            drops.append(_drops(trees, rng.permutation(judge)[:ASKED], fake, score, rng))
    by_column = zip(mixed.names, np.mean(drops, axis=0).tolist(), strict=True) if drops else ()
    ranked = dict(sorted(by_column, key=lambda item: -item[1]))
    return ToldApart(area_interval(float(np.mean(areas)), n, n), ranked, n)


def _equally_many(real: pd.DataFrame, synthetic: pd.DataFrame, rows: int, seed: int) -> tuple[Mixed, int]:
    """Return as many real rows as synthetic ones, and how many of each."""
    rng = np.random.default_rng(whole("seed", seed, least=0))
    n = min(whole("rows", rows, least=2), len(real), len(synthetic))
    return Mixed.of({"real_held_out": some(real, n, rng), "synthetic": some(synthetic, n, rng)}), n


def _area(scores: Array, fake: Ints) -> float:
    return area(scores[fake == 1], scores[fake == 0]).value


ASKED = 400
"""So many rows of a fold tell how important each column is; judging all with each column takes longer than the rest."""


def _drops(
    trees: Forest, judge: Ints, fake: Ints, score: Callable[[Any], Array], rng: np.random.Generator
) -> list[float]:
    """Return by how much the area falls when one column of the table at a time is shuffled."""
    whole_area, drops = _area(score(trees.x[judge]), fake[judge]), []
    for column in range(trees.of.max() + 1):
        places = np.flatnonzero(trees.of == column)
        x = trees.x[judge]
        x[:, places] = x[rng.permutation(len(x))][:, places]
        drops.append(whole_area - _area(score(x), fake[judge]))
    return drops


@dataclass(frozen=True)
class Giveaway:
    """One column, or two together, that tell synthetic rows from real ones.

    Attributes:
        columns: one name or two.
        auc: how well they do, alone.
        gain: how much of that is due to this: all above 0.5 for one column, for two what they do beyond the better one
            and beyond both added up.
        how: "values" (one column has wrong ones), "digits" (they are written with others), or "together" (two columns,
            each for itself perhaps right, do not belong together).
    """

    columns: tuple[str, ...]
    auc: Estimate
    gain: float
    how: str


ONE, TWO = 128, 12
"""Into so many cells a column is cut to look at it alone, or with another."""

DIGITS = 8
FOLDS = 4
MOST = 100


def giveaways(
    real_held_out: pd.DataFrame, synthetic: pd.DataFrame, *, rows: int = 3_000, seed: int = 0
) -> tuple[Giveaway, ...]:
    """Return which columns, and which pairs of columns, betray synthetic rows; the worst first, none if none does.

    Each column, the digits of its numbers, and each pair is cut into cells (128 for one column, 12 × 12 for two), of
    which three quarters of the rows say how synthetic they are; the other rows are judged by that. Listed is what lies
    beyond the luck of the best of so many looks (Bonferroni, 5 % in all). A pair is listed only for what two columns do
    beyond one of them, so that one bad column does not bring its pairs with it.

    It catches wrong values, wrong digits, and two columns that go together otherwise than in real rows. It misses what
    only three columns together show (see :func:`told_apart`), what happens within a cell, and copies. The reference is
    the same call with other real rows, which returns nothing in about 19 of 20 cases.

    Source: the cells are the classifier two-sample test of Lopez-Paz and Oquab (2017), by histograms.

    Args:
        real_held_out: real rows that the model has not seen.
        synthetic: what the model made.
        rows: of each kind at most so many are drawn; equally many of both are.
        seed: of the draw and the folds.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if the columns of the tables differ in name or kind, there are fewer than 8 rows of a kind, or an
            argument is out of range.
    """
    from scipy.stats import norm

    mixed, n = _equally_many(real_held_out, synthetic, rows, seed)
    if n < 2 * FOLDS:
        raise ValueError(f"giveaways need at least {2 * FOLDS} rows of each kind, got {n}")
    both = np.vstack([mixed.tables["real_held_out"], mixed.tables["synthetic"]])
    fake = np.repeat([0, 1], n)
    fold = np.concatenate([np.random.default_rng([seed, kind]).permutation(n) % FOLDS for kind in (2, 3)])
    d = len(mixed.names)
    fine = [_cells(both[:, i], size, ONE) for i, size in enumerate(mixed.sizes)]
    coarse = [_cells(both[:, i], size, TWO) for i, size in enumerate(mixed.sizes)]
    digits = {i: _digits(both[:, i]) for i, size in enumerate(mixed.sizes) if not size}
    looks = d + len(digits) + d * (d - 1) // 2
    # The error of an area at 0.5, times how far the best of so many looks may lie off by luck.
    luck = float(norm.isf(0.05 / looks) * np.sqrt((2 * n + 1) / (12 * n * n)))

    found = []

    def consider(columns: tuple[int, ...], value: float, gain: float, how: str) -> None:
        if gain > luck:
            names = tuple(mixed.names[i] for i in columns)
            found.append(Giveaway(names, area_interval(value, n, n), gain, how))

    for i in range(d):
        values = _judged(fine[i], fake, fold)[0]
        written = _judged(digits[i], fake, fold)[0] if i in digits else 0.0
        # A value that is too common shows in its digits, too: they are to blame where they say clearly more.
        how, value = ("digits", written) if written > values + luck / 2 else ("values", values)
        consider((i,), value, value - 0.5, how)
    alone = [_judged(cells, fake, fold) for cells in coarse]
    for i, j in combinations(range(d), 2):
        value, _ = _judged(coarse[i] * (coarse[j].max() + 1) + coarse[j], fake, fold)
        best = max(0.5, alone[i][0], alone[j][0])
        if value - best > luck:  # else it need not be added up
            best = max(best, _area_by_fold(alone[i][1] + alone[j][1], fake, fold))
        consider((i, j), value, value - best, "together")
    return tuple(sorted(found, key=lambda giveaway: -giveaway.gain))[:MOST]


def _cells(values: Array, size: int, cells: int) -> Ints:
    """Cut a column into cells of about equally many rows; a heavy value has one of its own, as have missing ones."""
    missing = np.isnan(values)
    if size:  # categories stand in the order of how common they are: the rare ones are one
        return np.where(missing, cells, np.minimum(values, cells - 1)).astype(np.int64)
    if missing.all():
        return np.zeros(len(values), dtype=np.int64)
    there = values[~missing]
    edges = np.unique(np.quantile(there, np.linspace(0, 1, cells + 1)[1:-1], method="inverted_cdf"))
    # An edge that is a heavy value (both its neighbouring quantiles) closes a cell before it and one at it.
    heavy = edges[np.array([(there == edge).mean() > 1 / cells for edge in edges])]
    edges = np.sort(np.concatenate([edges, np.nextafter(heavy, -np.inf)]))
    codes = np.searchsorted(edges, values)
    return np.where(missing, len(edges) + 1, codes).astype(np.int64)


def _digits(values: Array) -> Ints:
    """Return with how many decimals each number is written, 9 for more than 8, 10 for a missing one.

    Whole numbers are counted by their final zeros, -1 for one, down to -6: a synthetic price may be rounded to tens.
    """
    codes = np.full(len(values), DIGITS + 1)
    for decimals in range(DIGITS, -7, -1):
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = np.round(values, decimals)
        codes[np.isclose(rounded, values, rtol=1e-12, atol=1e-12 * 10.0 ** min(0, -decimals))] = decimals
    codes[np.isnan(values)] = DIGITS + 2
    return codes.astype(np.int64) + 6


def _judged(cells: Ints, fake: Ints, fold: Ints) -> tuple[float, Array]:
    """Return the area of how synthetic each row's cell is by the rows of the other folds, and that score."""
    size = int(cells.max()) + 1
    counts = np.bincount((fold * 2 + fake) * size + cells, minlength=2 * FOLDS * size).reshape(FOLDS, 2, size)
    others = counts.sum(axis=0) - counts
    scores = np.log((others[:, 1] + 1.0) / (others[:, 0] + 1.0))
    areas = [_area_of_cells(counts[f], scores[f]) for f in range(FOLDS)]
    return float(np.mean(areas)), scores[fold, cells]


def _area_of_cells(counts: Ints, scores: Array) -> float:
    """Return the area under the ROC curve of rows whose score is that of their cell: counts (2, cells)."""
    _, place = np.unique(scores, return_inverse=True)
    real, fake = (np.bincount(place, weights=of) for of in counts)
    below = np.cumsum(real) - real
    return float((fake * (below + real / 2)).sum() / (real.sum() * fake.sum()))


def _area_by_fold(scores: Array, fake: Ints, fold: Ints) -> float:
    return float(np.mean([_area(scores[fold == f], fake[fold == f]) for f in range(FOLDS)]))
