"""Judge synthetic tables: whether pairs of columns are kept, a classifier learns as much, and rows come too close.

Every figure here moves with the number of rows and the kind of data. Print it beside the same figure of real rows that
the model has not seen (the floor), and beside that of independent columns, which keep nothing but the single columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from sdg_lab.metrics.features import fit_features
from sdg_lab.metrics.privacy import nearest_training
from sdg_lab.metrics.rows import subsample
from sdg_lab.tables.codec import code_table, columns_of
from sdg_lab.tables.coded import Coded


def pair_distances(real: pd.DataFrame, other: pd.DataFrame, *, bins: int = 10) -> pd.DataFrame:
    """Return how far two tables differ in every pair of columns: total variation of the pair's joint shares.

    0 says that the pair is distributed alike, 1 that no cell of one is found in the other. On the diagonal is the same
    for single columns. Numbers are cut at quantiles of ``real``; a missing value is a value. The distance is never 0
    between finite tables, and falls with the number of rows.

    Args:
        real: the table that says what the cells are.
        other: the table to compare, of the same columns.
        bins: about how many cells a column of numbers gets.

    Returns:
        A table of d × d distances in [0, 1], by the names of the columns.

    Raises:
        ValueError: if a column is lacking, or a category is not one of ``real``.
    """
    columns = columns_of(real, bins)
    coded, theirs = code_table(real, columns), code_table(other, columns)
    ours, fake = (_pair_shares(table) for table in (coded, theirs))
    edges = np.cumsum([0, *coded.sizes[:-1]])
    blocks = np.add.reduceat(np.add.reduceat(np.abs(ours - fake), edges, axis=0), edges, axis=1)
    return pd.DataFrame(blocks / 2, coded.names, coded.names)


def _pair_shares(coded: Coded) -> npt.NDArray[np.float64]:
    return np.asarray(coded.pair_counts() / coded.codes.shape[1])


def mean_pair_distance(real: pd.DataFrame, other: pd.DataFrame, *, bins: int = 10) -> float:
    """Return the mean of :func:`pair_distances` over all pairs of different columns."""
    distances = pair_distances(real, other, bins=bins).to_numpy()
    return float(distances[np.triu_indices(len(distances), k=1)].mean())


def table_utility(
    synthetic: pd.DataFrame,
    real_test: pd.DataFrame,
    *,
    target: str,
    classifier: Any = None,
    seed: int = 0,
) -> float:
    """Train on synthetic rows, test on real ones: the area under the ROC curve, 0.5 (guessing) to 1.

    Args:
        synthetic: what to train on.
        real_test: real rows that the generator has not seen.
        target: the column to predict; it must have two values.
        classifier: a scikit-learn classifier; by default gradient boosting over histograms.
        seed: of the default classifier.

    Raises:
        ValueError: if the target is no column, or has not two values in both tables.
    """
    for name, table in (("synthetic", synthetic), ("real_test", real_test)):
        if target not in table.columns:
            raise ValueError(f"{name} has no column {target!r}; it has {list(table.columns)}")
        if table[target].nunique() != 2:
            raise ValueError(f"{name}: the target {target!r} must have 2 values, it has {table[target].nunique()}")
    # Columns of both: a category that the generator has lost must not stop the judge. (Trees do not mind the scale.)
    featurise = fit_features(pd.concat([synthetic, real_test], ignore_index=True).drop(columns=target))
    judge = HistGradientBoostingClassifier(random_state=seed) if classifier is None else clone(classifier)
    positive = sorted(real_test[target].unique())[1]
    judge.fit(featurise(synthetic.drop(columns=target)), synthetic[target].to_numpy() == positive)
    chance = judge.predict_proba(featurise(real_test.drop(columns=target)))[:, 1]
    return float(roc_auc_score(real_test[target].to_numpy() == positive, chance))


@dataclass(frozen=True)
class ClosestRecord:
    """How near rows come to the training data, and to as many real rows that the model has not seen.

    Attributes:
        to_train: distance of each synthetic row to the closest of m training rows, shape (n,).
        to_held_out: the same to the closest of m held-out rows.
    """

    to_train: npt.NDArray[np.float64]
    to_held_out: npt.NDArray[np.float64]

    @property
    def nearer_to_train(self) -> float:
        """Share of synthetic rows nearer to train than to held-out rows, ties counting half; 0.5: no sign of memory."""
        return float((self.to_train < self.to_held_out).mean() + (self.to_train == self.to_held_out).mean() / 2)


def closest_record(
    samples: pd.DataFrame, train: pd.DataFrame, held_out: pd.DataFrame, *, seed: int = 0
) -> ClosestRecord:
    """Measure the distance to the closest record, on numbers standardised and categories one-hot by ``train``.

    A distance alone says little: a coarse table has equal rows by chance. So each row is asked whether it is nearer to
    the training data or to an equally large set of real rows that the model never saw.

    Args:
        samples: what the model made.
        train: what it was fitted on; as many rows as there are held-out ones are drawn from it.
        held_out: real rows that it has not seen, at most as many as train has.
        seed: of that draw.

    Raises:
        ValueError: if a table is empty, lacks a column or a value, or has a category that train has not.
    """
    featurise = fit_features(train)
    points = featurise(samples)
    seen = subsample(train, min(len(held_out), len(train)), seed=seed)
    to_train, to_held_out = (nearest_training(points, featurise(table))[0] for table in (seen, held_out))
    return ClosestRecord(to_train, to_held_out)
