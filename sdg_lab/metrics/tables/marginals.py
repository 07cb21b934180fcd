"""Marginals: whether each column alone is distributed as in the real table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array
from sdg_lab.metrics.tables.mixed import Mixed, some

if TYPE_CHECKING:
    import pandas as pd

KOLMOGOROV_MEAN = float(np.sqrt(np.pi / 2) * np.log(2))
"""The mean of Kolmogorov's law: the largest gap between the shares of two samples, in units of sqrt(1/n + 1/m)."""


def column_distances(
    real: pd.DataFrame, synthetic: pd.DataFrame, *, rows: int = 100_000, seed: int = 0
) -> pd.DataFrame:
    """Return how far each column of two tables is apart, 0 (distributed alike) to 1 (nothing in common).

    Of numbers the Kolmogorov-Smirnov distance, the largest gap between their distribution functions; of categories the
    total variation, half the sum of the gaps between their shares. Missing values are left out of both, and how many
    are missing is compared by itself. 1 - distance is what sdmetrics calls KSComplement and TVComplement.

    It catches any fault of a single column that moves a share of its rows. It misses everything between columns, a
    value that repeats too often but is spread rightly, and copies. Two samples of one source are not at 0: beside each
    distance stands the mean that chance alone would bring. (For numbers that repeat often it is a little too large.)

    Source: Massey (1951), The Kolmogorov-Smirnov Test for Goodness of Fit, and Kolmogorov's law for its mean.

    Args:
        real: real rows, best those that the model has not seen.
        synthetic: what the model made.
        rows: if a table has more, so many of it are drawn.
        seed: of that draw.

    Returns:
        A table by the names of the columns: ``kind`` (numbers or categories), ``distance``, ``by_chance``,
        ``missing_real`` and ``missing_synthetic`` (shares). A distance is NaN if one table has no value in the column.

    Raises:
        TypeError: if a column holds dates.
        ValueError: if a table is empty, lacks a column of the other or has text where that has numbers, or rows is
            below 1.
    """
    import pandas as pd

    whole("rows", rows, least=1)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    mixed = Mixed.of({"real": some(real, rows, rng), "synthetic": some(synthetic, rows, rng)})
    lines = []
    for i, size in enumerate(mixed.sizes):
        ours, theirs = (mixed.tables[name][:, i] for name in ("real", "synthetic"))
        missing = [float(np.isnan(values).mean()) for values in (ours, theirs)]
        a, b = ours[~np.isnan(ours)], theirs[~np.isnan(theirs)]
        if not len(a) or not len(b):
            distance = chance = float("nan")
        else:
            distance, chance = _of_categories(a, b, size) if size else _of_numbers(a, b)
        lines.append(("categories" if size else "numbers", distance, chance, *missing))
    headings = ["kind", "distance", "by_chance", "missing_real", "missing_synthetic"]
    return pd.DataFrame(lines, index=list(mixed.names), columns=headings)


def _of_numbers(a: Array, b: Array) -> tuple[float, float]:
    """Return the largest gap between two distribution functions, and its mean if both were one."""
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    gap = np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b)
    return float(np.abs(gap).max()), min(1.0, KOLMOGOROV_MEAN * float(np.sqrt(1 / len(a) + 1 / len(b))))


def _of_categories(a: Array, b: Array, size: int) -> tuple[float, float]:
    """Return the total variation of codes, and its mean if both were drawn from the shares of both together."""
    counts = [np.bincount(codes.astype(np.int64), minlength=size) for codes in (a, b)]
    shares, other = counts[0] / len(a), counts[1] / len(b)
    common = (counts[0] + counts[1]) / (len(a) + len(b))
    # Each gap is about normal, of which the mean size is sqrt(2 / pi) deviations; but never more than twice the share.
    deviation = np.sqrt(common * (1 - common) * (1 / len(a) + 1 / len(b)))
    chance = float(np.minimum(np.sqrt(2 / np.pi) * deviation, 2 * common).sum() / 2)
    return float(np.abs(shares - other).sum() / 2), chance
