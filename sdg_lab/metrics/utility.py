"""Utility: what the synthetic data are good for. Train on synthetic, test on real."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.metrics.rows import Array, as_points, same_kinds, same_width

Labelled: TypeAlias = Images | tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Images with labels, or features (n, d) and labels (n,)."""


def train_on_synthetic(synthetic: Labelled, real_test: Labelled, *, classifier: Any = None, seed: int = 0) -> float:
    """Train a classifier on synthetic rows and return its accuracy on real ones, 0 to 1 (TSTR).

    It catches labels that do not belong to their rows, and classes or kinds that are lost; it misses whatever does not
    help to tell the classes apart, and copies, which are as useful as real rows. The reference to print beside it is
    the same call with as many real training rows in place of the synthetic ones.

    Source: Esteban et al. (2017), Real-valued Medical Time Series Generation, section 4.2.

    Args:
        synthetic: what to train on.
        real_test: what to test on, held out from the generator.
        classifier: a scikit-learn classifier; by default a random forest of 200 trees, which needs no scaling.
        seed: of the default classifier.

    Raises:
        ValueError: if labels, or some of them, are missing, not one a row, or of another type than the others; if the
            widths differ, a number is not finite, or the synthetic labels hold one class only.
    """
    from sklearn.base import clone
    from sklearn.ensemble import RandomForestClassifier

    whole("seed", seed, least=0)
    if isinstance(synthetic, Images) and isinstance(real_test, Images):
        every = dict.fromkeys(synthetic.classes + real_test.classes)  # a class that the generator lost is none to it
        real_test = real_test.numbered_as(tuple(every) if synthetic.classes else ())
    rows, labels = _labelled(synthetic, "synthetic")
    test_rows, test_labels = _labelled(real_test, "real_test")
    same_width(rows, test_rows, "synthetic", "real_test")
    classes = np.unique(labels).tolist()
    same_kinds(np.unique(test_labels).tolist(), classes, "the label of real_test")
    if len(classes) < 2:
        raise ValueError(f"synthetic holds the one class {classes[0]!r}; a classifier needs at least 2")
    judge = RandomForestClassifier(n_estimators=200, random_state=seed) if classifier is None else clone(classifier)
    return float(judge.fit(rows, labels).score(test_rows, test_labels))


def _labelled(data: Labelled, name: str) -> tuple[Array, npt.NDArray[Any]]:
    if isinstance(data, Images):
        if data.labels is None:
            raise ValueError(f"{name} has no labels; give Images with labels, or (features, labels)")
        return as_points(data, name), data.labels
    points, labels = as_points(data[0], name), np.asarray(data[1])
    if labels.shape != (len(points),):
        raise ValueError(f"{name} must have one label a row: {len(points)} rows, labels of shape {labels.shape}")
    missing = [row for row, label in enumerate(labels.tolist()) if label is None or label != label]
    if missing:
        raise ValueError(f"{name} has no label in row {missing[0]}; leave such rows out")
    return points, labels
