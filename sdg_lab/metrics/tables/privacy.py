"""Privacy: whether synthetic rows come nearer to the training rows than to others from the same source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdg_lab.metrics.distances import nearest
from sdg_lab.metrics.features import fit_features
from sdg_lab.metrics.rows import Array, as_points, subsample
from sdg_lab.tables.columns import check_same_columns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ClosestRecord:
    """How near rows come to the training data, and to as many real rows that the model has not seen.

    Attributes:
        to_train: distance of each synthetic row to the closest of m training rows, shape (n,).
        to_held_out: the same to the closest of m held-out rows.
    """

    to_train: Array
    to_held_out: Array

    @property
    def nearer_to_train(self) -> float:
        """Share of synthetic rows nearer to train than to held-out rows, ties counting half; 0.5: no sign of memory."""
        return float((self.to_train < self.to_held_out).mean() + (self.to_train == self.to_held_out).mean() / 2)


def closest_record(
    samples: pd.DataFrame, train: pd.DataFrame, held_out: pd.DataFrame, *, seed: int = 0
) -> ClosestRecord:
    """Measure the distance to the closest record (DCR), on numbers standardised and categories one-hot by ``train``.

    A distance alone says little: a coarse table has equal rows by chance. So each row is asked whether it is nearer to
    the training data or to an equally large set of real rows that the model never saw; the larger of the two sets is
    drawn from. It catches copies and near copies of many rows. It misses what was learnt of a few rows only, and rows
    that are near to training rows in some columns and far in others: 0.5 is no proof of privacy.

    Source: Platzer and Reutterer (2021), Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data.

    Args:
        samples: what the model made.
        train: what it was fitted on.
        held_out: real rows that it has not seen.
        seed: of the draw from the larger of train and held-out rows.

    Raises:
        ValueError: if a table is empty, lacks a column of another, or has a category that train has not.
    """
    tables = {"samples": samples, "train": train, "held_out": held_out}
    check_same_columns(tables)
    featurise = fit_features(train)
    m = min(len(train), len(held_out))
    tables |= {name: subsample(tables[name], m, seed=seed) for name in ("train", "held_out")}
    points = {name: as_points(featurise(table), name) for name, table in tables.items()}
    to_train, to_held_out = (nearest(points["samples"], points[name])[0][:, 0] for name in ("train", "held_out"))
    return ClosestRecord(to_train, to_held_out)
