"""Diversity: whether the samples cover what is real, or one corner of it again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.distances import distances, neighbour_radii
from sdg_lab.metrics.rows import Rows, as_points, keys, same_width


@dataclass(frozen=True)
class PRDC:
    """Precision and recall, density and coverage; each is near 1 for real against real, density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def unique_fraction(samples: Rows) -> float:
    """Return the share of different rows among samples: 1 if no two are equal.

    It catches a model that says the same again and again. It misses near repeats, and in a small space, such as short
    names, even the real distribution repeats itself. It falls with the number of samples; compare equal numbers.

    Raises:
        TypeError: if samples is no set of rows.
        ValueError: if it is empty, or an array holds NaN.
    """
    rows = keys(samples, "samples")
    return len(set(rows)) / len(rows)


def prdc(real: npt.NDArray[Any], fake: npt.NDArray[Any], k: int = 5) -> PRDC:
    """Measure how well two clouds of points cover each other, by balls that reach to the k-th neighbour of each point.

    - precision: share of fake points inside the ball of some real point (fidelity);
    - recall: share of real points inside the ball of some fake point (diversity);
    - density: how many real balls a fake point lies in on average, over k: precision that one outlier cannot lift;
    - coverage: share of real balls that hold a fake point: recall that wide fake balls cannot lift.

    Coverage of real by real rises to 1 - (½)^k or so with equal numbers of both: take equally many. None of the four
    sees copies, and in many dimensions, where all distances are much alike, all four tell less than in few.

    Source: Kynkäänniemi et al. (2019), equations 1 and 2; Naeem et al. (2020), equations 3 and 4.

    Args:
        real: features (n, d), n > k.
        fake: features (m, d), m > k, on the same basis.
        k: which neighbour the balls reach to.

    Raises:
        ValueError: if the widths differ, a number is not finite, or there are not more than k rows.
    """
    ours, theirs = as_points(real, "real"), as_points(fake, "fake")
    same_width(ours, theirs, "real", "fake")
    whole("k", k, least=1)
    for name, points in (("real", ours), ("fake", theirs)):
        if len(points) <= k:
            raise ValueError(f"{name} has {len(points)} rows; the neighbour k = {k} needs at least {k + 1}")
    distance = distances(ours, theirs)  # (n, m)
    in_real_ball = distance <= neighbour_radii(ours, k)[:, None]
    return PRDC(
        precision=float(in_real_ball.any(axis=0).mean()),
        recall=float((distance <= neighbour_radii(theirs, k)).any(axis=1).mean()),
        density=float(in_real_ball.sum(axis=0).mean() / k),
        coverage=float(in_real_ball.any(axis=1).mean()),
    )
