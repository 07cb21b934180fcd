"""Figures of one synthetic table: a function each, on tables of numbers and categories with the same columns.

Those of privacy are the package's own (:mod:`sdg_lab.metrics.tables`). The two that a classifier measures are those of
:mod:`benchmarks.trees`; of a column with more than 254 categories its judges see the commonest, and the rest as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.trees import told_apart, useful
from sdg_lab.metrics.tables.attacks import membership_inference
from sdg_lab.metrics.tables.copies import copies
from sdg_lab.metrics.tables.mixed import Mixed

if TYPE_CHECKING:
    import pandas as pd

TOLD = 20_000
"""At most so many rows of each kind are told apart."""

ASKED = 3_000
"""So many rows of each kind are asked about by the attacks, and for their nearest neighbours."""

CATEGORIES = 254
BINS = 10


@dataclass(frozen=True)
class Figures:
    """What is measured of one synthetic table; all but the CPU seconds are shares, areas or scores.

    Attributes:
        c2st: area of boosted trees that tell held-out rows from synthetic ones, cross-validated; .5 at best.
        tstr: area on held-out rows of boosted trees trained on synthetic ones.
        mia: area of the strongest membership attack; .5 at best.
        tpr: training rows that are found where 1 % of the others are accused; .01 at best.
        copies: synthetic rows that equal a training row, above the share of held-out rows that do.
        nearer: synthetic rows nearer to training rows than to as many held-out ones; .5 at best.
        quality: as sdmetrics scores it, against held-out rows; 1 at best.
        fit: CPU seconds to learn.
        draw: CPU seconds to draw as many rows as were learnt from.
    """

    c2st: float
    tstr: float
    mia: float
    tpr: float
    copies: float
    nearer: float
    quality: float
    fit: float
    draw: float


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of floats and categories; a time becomes its seconds since 1970."""
    out = table.copy(deep=False)
    for name, column in table.items():
        if column.dtype.kind == "M":
            out[name] = column.dt.tz_localize(None).astype("datetime64[s]").astype("int64").astype("float64")
        elif column.dtype != "category":
            out[name] = column.astype("float64")
    return out


def limited(table: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return the table with at most 255 categories a column: the commonest ones of another table, and the rest."""
    out = table.copy(deep=False)
    for name, column in table.items():
        if column.dtype == "category" and len(column.cat.categories) > CATEGORIES:
            kept = like[name].value_counts().index[:CATEGORIES]
            rest = column.astype(object).where(column.isin(kept) | column.isna(), "(the rest)")
            out[name] = rest.astype(type(column.dtype)([*kept, "(the rest)"]))
    return out


def figures(
    synthetic: pd.DataFrame,
    train: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    target: str,
    seed: int,
    fit: float,
    draw: float,
) -> Figures:
    """Measure a synthetic table that has as many rows as ``train``, of which it was made."""
    made, real = limited(synthetic, train), limited(held_out, train)
    n = min(TOLD, len(real))
    attacks = membership_inference(synthetic, train, held_out, rows=ASKED, seed=seed)
    found = copies(synthetic, train, held_out, rows=ASKED, seed=seed)
    return Figures(
        told_apart(made.sample(n, random_state=seed), real.sample(n, random_state=seed), seed),
        useful(made, real, target, float(train[target].median()) if target == "price" else 0, seed),
        attacks.strongest.auc.value,
        attacks.strongest.tpr.value,
        found.exact.value - found.exact_by_chance.value,
        found.nearer.value,
        quality(held_out, synthetic),
        fit,
        draw,
    )


def quality(real: pd.DataFrame, synthetic: pd.DataFrame, *, own_bins: bool = False) -> float:
    """Return the score of sdmetrics' QualityReport, 0 to 1, by the formulas that its documentation gives.

    Column Shapes is the mean over the columns of 1 - D: of numbers the Kolmogorov-Smirnov distance (KSComplement,
    missing values left out), of categories the total variation (TVComplement, missing being one more category). Column
    Pair Trends is the mean over the pairs: of two columns of numbers 1 - |r - r'| / 2 with Pearson's r, pairs with a
    missing value left out (CorrelationSimilarity); of the others 1 - the total variation of their joint shares, numbers
    cut into 10 cells of equal width between the least and the largest (ContingencySimilarity). A pair for which it is
    not defined (r of a constant) is left out. The score is the mean of the two.

    Source: https://docs.sdv.dev/sdmetrics, Quality Report.

    Args:
        real: real rows; the cells are cut on them.
        synthetic: synthetic rows.
        own_bins: cut each table between its own extremes, as releases of 2024 do.
    """
    mixed = Mixed.of({"real": real, "synthetic": synthetic})
    both = (mixed.tables["real"], mixed.tables["synthetic"])
    d = len(mixed.names)
    coded = [_cells(both[0][:, i], both[1][:, i], size, own_bins) for i, size in enumerate(mixed.sizes)]
    shapes = [
        1 - (_variation(*coded[i][:2], coded[i][2]) if size else _kolmogorov(both[0][:, i], both[1][:, i]))
        for i, size in enumerate(mixed.sizes)
    ]
    trends = []
    for i, j in combinations(range(d), 2):
        if mixed.sizes[i] == mixed.sizes[j] == 0:
            trends.append(1 - abs(_correlation(both[0][:, [i, j]]) - _correlation(both[1][:, [i, j]])) / 2)
        else:
            (a, b, size), (c, e, other) = coded[i], coded[j]
            trends.append(1 - _variation(a * other + c, b * other + e, size * other))
    return float((np.nanmean(shapes) + np.nanmean(trends)) / 2)


def _cells(
    real: NDArray[np.float64], made: NDArray[np.float64], size: int, own_bins: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the cell of each value in both tables, missing being the last, and how many there are."""
    if size:
        codes = (real, made)
    else:
        edges = _edges(real)
        codes = (np.digitize(real, edges), np.digitize(made, _edges(made) if own_bins else edges))
        size = BINS + 2
    found = [np.where(np.isnan(of), size, code).astype(np.int64) for of, code in zip((real, made), codes, strict=True)]
    return found[0], found[1], size + 1


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram_bin_edges(values[~np.isnan(values)], BINS)


def _variation(real: NDArray[np.int64], made: NDArray[np.int64], size: int) -> float:
    shares = [np.bincount(of, minlength=size) / len(of) for of in (real, made)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _kolmogorov(real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    from scipy.stats import ks_2samp

    result: Any = ks_2samp(real[~np.isnan(real)], made[~np.isnan(made)], method="asymp")
    return float(result.statistic)


def _correlation(pair: NDArray[np.float64]) -> float:
    known = pair[~np.isnan(pair).any(axis=1)]
    if len(known) < 2 or (known.min(axis=0) == known.max(axis=0)).any():
        return float("nan")
    return float(np.corrcoef(known.T)[0, 1])
