"""Intervals for what is counted and for areas under the ROC curve, as sound for 30 rows as for 3,000.

They say how far a figure would move for other rows from the same source, the synthesiser and the classifiers being what
they are: another fit of these would move it, too. The usual ± of a normal law is of no width just where it matters:
where nobody, or everybody, is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import number, whole
from sdg_lab.metrics.rows import reals

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure and its confidence interval, of 95 % unless its maker says otherwise."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def proportion(hits: int, n: int, *, level: float = LEVEL) -> Estimate:
    """Return the share of hits among n independent rows, with its exact interval.

    Source: Clopper and Pearson (1934).

    Raises:
        ValueError: if n is below 1, there are more hits than rows, or the level is no number between 0 and 1.
    """
    n = whole("n", n, least=1)
    hits, tail = whole("hits", hits, least=0, most=n), _tail(level)
    return Estimate(hits / n, _at_least(hits, n, tail), _at_most(hits, n, tail))


def difference(hits: int, n: int, others: int, of: int, *, level: float = LEVEL) -> Estimate:
    """Return by how much the share of hits among n rows exceeds that of other hits among other rows.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.

    Raises:
        ValueError: as :func:`proportion`.
    """
    z = _z(level)
    p, low, high = _wilson(whole("hits", hits, least=0, most=whole("n", n, least=1)), n, z)
    q, other_low, other_high = _wilson(whole("others", others, least=0, most=whole("of", of, least=1)), of, z)
    by = p - q
    return Estimate(
        by, by - sqrt((p - low) ** 2 + (other_high - q) ** 2), by + sqrt((high - p) ** 2 + (q - other_low) ** 2)
    )


def area(positive: npt.ArrayLike, negative: npt.ArrayLike, *, level: float = LEVEL) -> Estimate:
    """Return the area under the ROC curve: how often a positive row scores above a negative one, ties counting half.

    Args:
        positive: scores (m,), infinite ones included.
        negative: scores (n,).
        level: of the interval, see :func:`area_interval`.

    Raises:
        ValueError: if one of them is empty, has another shape, or holds NaN.
    """
    from scipy.stats import rankdata

    ours, theirs = _scores(positive, "positive"), _scores(negative, "negative")
    m, n = len(ours), len(theirs)
    ranks = rankdata(np.concatenate([ours, theirs]))[:m]
    value = float((ranks.sum() - m * (m + 1) / 2) / (m * n))
    return area_interval(min(max(value, 0.0), 1.0), m, n, level=level)


def area_interval(value: float, m: int, n: int, *, level: float = LEVEL) -> Estimate:
    """Return an area under the ROC curve, measured on m positive and n negative rows, with its interval.

    All areas that are not z standard errors off, with the error that each of them would have: at 0.5 the square root of
    (m + n + 1) / (12 m n), as in the rank sum test; and an area of 1 still has an interval. Ties make it a little too
    wide.

    Source: Newcombe (2006), Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part
    2, method 5, with the variance of Hanley and McNeil (1982).

    Raises:
        ValueError: if the area lies outside [0, 1], or there are no rows.
    """
    from scipy.optimize import brentq

    value = number("value", value, least=0, most=1)
    m, n, z = whole("m", m, least=1), whole("n", n, least=1), _z(level)

    def off(true: float) -> float:
        """How far the true area would be from the measured one, beyond z of its errors."""
        larger = (1 - true) / (2 - true) + true / (1 + true)
        return abs(value - true) - z * sqrt(true * (1 - true) * (1 + ((m + n) / 2 - 1) * larger) / (m * n))

    tiny = 1e-12
    low = float(brentq(off, 0, value - tiny)) if value > 2 * tiny else 0.0
    high = float(brentq(off, value + tiny, 1)) if value < 1 - 2 * tiny else 1.0
    return Estimate(value, low, high)


def found(positive: npt.ArrayLike, negative: npt.ArrayLike, *, rate: float = 0.01, level: float = LEVEL) -> Estimate:
    """Return the share of positive rows that score above all but a rate of the negative ones (TPR at that FPR).

    The interval covers at least as often as its level says, and takes in that the threshold is itself estimated: half
    of the error is spent on where it may lie among the negative rows, half on the count beyond it. Under 1 / rate
    negative rows none may be accused.

    Args:
        positive: scores (m,), the higher the more suspicious.
        negative: scores (n,).
        rate: of negative rows that may be accused, between 0 and 1.
        level: of the interval.

    Raises:
        ValueError: if one of them is empty, has another shape, or holds NaN, or the rate is not between 0 and 1.
    """
    from scipy.stats import beta

    ours, theirs = _scores(positive, "positive"), _scores(negative, "negative")
    rate, tail = number("rate", rate, above=0, below=1), _tail(level) / 2
    m, n = len(ours), len(theirs)
    falling = np.sort(theirs)[::-1]

    def beyond(accused: int) -> int:
        """How many positive rows score above the first negative one that must not be accused; above none: all."""
        return int((ours > falling[accused]).sum()) if accused < n else m

    # Beyond the j-th highest of n scores lies a share of the source that has the law Beta(j, n - j + 1).
    place = np.arange(1, n + 1)
    surely_less = int((beta.cdf(rate, place, n - place + 1) >= 1 - tail).sum())  # the j-th leaves less than the rate
    surely_more = int((beta.cdf(rate, place, n - place + 1) > tail).sum())
    low = 0.0 if surely_less == 0 else _at_least(beyond(surely_less - 1), m, tail)
    return Estimate(beyond(int(rate * n + 1e-9)) / m, low, _at_most(beyond(surely_more), m, tail))


def _scores(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    scores = reals(values, name)
    if scores.ndim != 1 or scores.size == 0 or np.isnan(scores).any():
        raise ValueError(f"{name} must be scores (n,) without NaN, got shape {scores.shape}")
    return scores


def _tail(level: float) -> float:
    return (1 - number("level", level, above=0, below=1)) / 2


def _z(level: float) -> float:
    from scipy.stats import norm

    return float(norm.isf(_tail(level)))


def _at_least(hits: int, n: int, tail: float) -> float:
    from scipy.stats import beta

    return 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))


def _at_most(hits: int, n: int, tail: float) -> float:
    from scipy.stats import beta

    return 1.0 if hits == n else float(beta.isf(tail, hits + 1, n - hits))


def _wilson(hits: int, n: int, z: float) -> tuple[float, float, float]:
    p = hits / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
