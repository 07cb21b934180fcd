"""Privacy: whether the samples are new, or the training data again.

A share of samples found in train says little alone: short names repeat by themselves. So it stands beside the share
that chance would bring, estimated from the held-out rows, which the model has never seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdg_lab.metrics.distances import nearest
from sdg_lab.metrics.rows import Array, Rows, as_points, is_continuous, keys, same_width

COPY_RATIO = 1 / 3
"""A point is a near copy if its nearest neighbour is at most this part as far as the second nearest."""


@dataclass(frozen=True)
class Memorisation:
    """Where samples are found; the first three sum to 1.

    Attributes:
        in_train: share of samples found in the training data.
        in_test: share found in the test data and not in train.
        new: share found in neither.
        by_chance: the share in train to expect of a model that remembers nothing, estimated from the test rows: the
            share that is equal to one of them, times the rows of train per row of test; for images and arrays, the
            share that is a near copy of one, which does not depend on how many there are.
    """

    in_train: float
    in_test: float
    new: float
    by_chance: float

    def __str__(self) -> str:
        train = f"{self.in_train:.1%} in train (by chance {self.by_chance:.1%})"
        return f"{train}, {self.in_test:.1%} in test, {self.new:.1%} new"


def memorisation(samples: Rows, train: Rows, test: Rows) -> Memorisation:
    """Sort samples into in train, in test, and new.

    Sequences and table rows are found where they are equal, missing values counting as one value. Images and arrays are
    found where they are near copies (see :func:`near_copies`), since a copy is never exact to the last bit.

    It catches copies of whole rows. It misses pieces of rows, and rows that are changed a little: a share of 0 is no
    proof of privacy.

    Args:
        samples: what the model made.
        train: what it was trained on, same type.
        test: held-out rows, same type, none of them in train.

    Raises:
        TypeError: if the types are not the same, or are no rows.
        ValueError: if one is empty, an array holds NaN, or a table lacks a column or has text where train has numbers.
    """
    kinds = [_kind(rows) for rows in (samples, train, test)]
    if len(set(kinds) - {"an empty list"}) > 1:
        raise TypeError(f"samples, train and test must be of one type, got {', '.join(kinds)}")
    if is_continuous(samples):
        in_train, copies_test = near_copies(samples, train), near_copies(samples, test)
        in_test, chance = copies_test & ~in_train, float(copies_test.mean())
    else:
        seen, held_out = set(keys(train, "train")), set(keys(test, "test", like=train))
        rows = keys(samples, "samples", like=train)
        in_train = np.array([row in seen for row in rows])
        in_test = np.array([row in held_out for row in rows]) & ~in_train
        chance = min(1.0, float(in_test.mean()) * len(train) / len(test))
    return Memorisation(
        in_train=float(in_train.mean()),
        in_test=float(in_test.mean()),
        new=float((~in_train & ~in_test).mean()),
        by_chance=chance,
    )


def _kind(rows: Rows) -> str:
    """Say what rows are, as far as finding them again goes."""
    if is_continuous(rows):
        return "points"  # Images or an array
    if isinstance(rows, list):
        return f"a list of {type(rows[0]).__name__}" if rows else "an empty list"
    return type(rows).__name__


def near_copies(samples: Rows, train: Rows) -> npt.NDArray[np.bool_]:
    """Say of each sample whether it copies one training point: far nearer to it than to the second nearest.

    It catches copies of single points, however the data are scaled. It misses a copy of one of several points that lie
    close together (a burst of photographs), and whatever is moved or turned.

    Source: Yoon et al. (2023), Diffusion Probabilistic Models Generalize when They Fail to Memorize, section 3.

    Args:
        samples: Images or points (n, d).
        train: Images or points (m, d), m >= 2; twins in it are taken as one point.

    Returns:
        (n,) booleans.

    Raises:
        ValueError: if the widths differ, or train has fewer than 2 different points.
    """
    points = np.unique(as_points(train, "train"), axis=0)
    if len(points) < 2:
        raise ValueError("train has only 1 different point; near copies need a second one to compare with")
    ours = as_points(samples, "samples")
    same_width(ours, points, "samples", "train")
    distances, _ = nearest(ours, points, 2)
    return distances[:, 0] <= COPY_RATIO * distances[:, 1]


def nearest_training(samples: Rows, train: Rows) -> tuple[Array, npt.NDArray[np.int64]]:
    """Find the training point closest to each sample, to be drawn beside it (``show.nearest_pairs``).

    Args:
        samples: Images or points (n, d).
        train: Images or points (m, d).

    Returns:
        Euclidean distances (n,) over all numbers of a row, and indices (n,) into train.

    Raises:
        TypeError: if one is neither Images nor an array.
        ValueError: if one is empty, holds NaN, or the widths differ.
    """
    ours, theirs = as_points(samples, "samples"), as_points(train, "train")
    same_width(ours, theirs, "samples", "train")
    distances, indices = nearest(ours, theirs)
    return distances[:, 0], indices[:, 0]
