"""Fidelity: whether somebody could tell the synthetic rows from real ones.

All of these compare two sets of the same kind. None is a likelihood, and none sees copies: a bootstrap of the training
data looks perfect here, so fidelity is read beside diversity and memorisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array, as_points, reals, same_width, whole_numbers


def c2st(
    real: npt.NDArray[Any],
    fake: npt.NDArray[Any],
    *,
    seed: int = 0,
    folds: int = 5,
    classifier: Any = None,
) -> float:
    """Return the accuracy of a classifier two-sample test: telling real rows from fake ones, on rows it has not seen.

    0.5 says that it cannot tell, 1.0 that it always can. Cross-validated, so every row is judged once. The accuracy of
    guessing has a standard error of 0.5 / sqrt(2 n), see :func:`chance_error`; read the figure beside that of real rows
    against other real rows.

    It catches any difference that the classifier can learn, whatever its kind. It misses copies, so compare rows that
    the model has not seen: against its training rows a copy would be praised. And it does not say how large a
    difference is, because a classifier takes the easiest way: bring samples into the format of the data first (whole
    numbers, the same grey levels), or that alone gives them away.

    Source: Lopez-Paz and Oquab (2017), Revisiting Classifier Two-Sample Tests, section 3.

    Args:
        real: features (n, d), held out from the model.
        fake: features (n, d) on the same basis.
        seed: of the folds and of the default classifier.
        folds: number of parts; each is judged by a classifier trained on the others.
        classifier: a scikit-learn classifier, of which clones are trained; by default a random forest of 100 trees.

    Raises:
        ValueError: if the shapes differ, a number is not finite, or there are fewer rows than folds.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    ours, theirs = as_points(real, "real"), as_points(fake, "fake")
    same_width(ours, theirs, "real", "fake")
    if len(ours) != len(theirs):
        raise ValueError(
            f"real has {len(ours)} rows and fake {len(theirs)}: naming the larger would already beat 0.5; "
            "take equally many with metrics.subsample"
        )
    whole("folds", folds, least=2, most=len(ours))
    whole("seed", seed, least=0)
    if classifier is None:
        classifier = RandomForestClassifier(n_estimators=100, min_samples_leaf=2, random_state=seed)
    rows, is_fake = np.vstack([ours, theirs]), np.repeat([0, 1], len(ours))
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return float(cross_val_score(classifier, rows, is_fake, cv=cut, scoring="accuracy").mean())


def frechet_distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two sets of features (FID-like).

    |mean_a - mean_b|² + tr(A + B - 2 (A^½ B A^½)^½), with A and B the covariances; in squared units of the features.
    The root is taken of a symmetric matrix whose eigenvalues are clipped at 0, so it is real however few the rows.

    It catches other means, spreads and correlations, poor fidelity and poor diversity alike, without telling one from
    the other. It misses whatever leaves means and covariances as they are, and copies. It is biased upwards when rows
    are few: compare only equal numbers of rows.

    Source: Dowson and Landau (1982); used as FID by Heusel et al. (2017), equation 6.

    Args:
        a: features (n, d), n >= 2.
        b: features (m, d), m >= 2.

    Raises:
        ValueError: if the widths differ, a number is not finite, or there are fewer than 2 rows.
    """
    first, second = _two_sets(a, b, "a covariance needs")
    cov_a, cov_b = np.atleast_2d(np.cov(first.T)), np.atleast_2d(np.cov(second.T))
    root_a = _root(cov_a)
    cross = np.linalg.eigvalsh(root_a @ cov_b @ root_a).clip(min=0)  # those of A B, but real for certain
    shift = first.mean(axis=0) - second.mean(axis=0)
    return max(0.0, float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(cross).sum()))


def kernel_distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return the squared maximum mean discrepancy of two sets of features, cubic kernel, no bias (KID-like).

    mean k(a, a') + mean k(b, b') - 2 mean k(a, b) with k(x, y) = (x·y / d + 1)³, over pairs of different rows.

    It catches other means, covariances and third moments; it misses what only higher ones show, and copies. Where both
    sets come from one distribution its expectation is 0 whatever their sizes, so it may be a little below 0, and sets
    of different sizes may be compared.

    Source: Gretton et al. (2012), A Kernel Two-Sample Test, equation 3; with this kernel in the features of a
    classifier it is the KID of Bińkowski et al. (2018), Demystifying MMD GANs, section 4.

    Args:
        a: features (n, d), n >= 2.
        b: features (m, d), m >= 2.

    Raises:
        ValueError: if the widths differ, a number is not finite, or there are fewer than 2 rows.
    """
    first, second = _two_sets(a, b, "pairs of different rows need")
    return _mean_of_pairs(first) + _mean_of_pairs(second) - 2 * float(_cubic(first, second).mean())


def frechet_by_size(
    a: npt.NDArray[Any], b: npt.NDArray[Any], sizes: Sequence[int], *, seed: int = 0, draws: int = 5
) -> Array:
    """Return the Fréchet distance of n rows of each set for each n: how it falls as rows are added, all else equal.

    Args:
        a: features (rows, d).
        b: features (rows, d).
        sizes: numbers of rows, each from 2 to that of the smaller set.
        seed: of the draws.
        draws: independent draws of rows for each size.

    Returns:
        (draws, sizes), as ``show.line_with_error`` takes it.

    Raises:
        ValueError: if draws is below 1, a size is out of range, or the sets do not fit (see :func:`frechet_distance`).
    """
    whole("draws", draws, least=1)
    whole_numbers(sizes, "sizes", least=2, most=min(len(a), len(b)))
    rng = np.random.default_rng(whole("seed", seed, least=0))

    def once(size: int) -> float:
        return frechet_distance(*(rows[rng.choice(len(rows), size, replace=False)] for rows in (a, b)))

    return np.array([[once(size) for size in sizes] for _ in range(draws)])


def total_variation(p: npt.NDArray[Any], q: npt.NDArray[Any]) -> float:
    """Return the total variation distance ½ Σ |p - q| of two discrete distributions, 0 (equal) to 1 (disjoint).

    It is the largest difference in the probability of any event. It misses how near two different outcomes are.

    Raises:
        ValueError: if the shapes differ or one is no distribution.
    """
    first, second = reals(p, "p"), reals(q, "q")
    if first.shape != second.shape:
        raise ValueError(f"p has shape {first.shape} and q {second.shape}; they must share one set of outcomes")
    for name, values in (("p", first), ("q", second)):
        wrong = ~(np.isfinite(values) & (values >= 0))
        if wrong.any():
            raise ValueError(f"{name} must hold probabilities >= 0, got {values[wrong][0]}")
        if abs(values.sum() - 1) > 1e-6:
            raise ValueError(f"{name} must sum to 1, got {values.sum():.6g}; divide it by its sum")
    return float(np.abs(first - second).sum() / 2)


def _two_sets(a: npt.NDArray[Any], b: npt.NDArray[Any], why: str) -> tuple[Array, Array]:
    """Return two sets of features as points, or refuse them: other widths, or fewer than the two rows that ``why``."""
    first, second = as_points(a, "a"), as_points(b, "b")
    same_width(first, second, "a", "b")
    for name, points in (("a", first), ("b", second)):
        if len(points) < 2:
            raise ValueError(f"{name} has {len(points)} row; {why} at least 2")
    return first, second


def _cubic(a: Array, b: Array) -> Array:
    """Return k(x, y) = (x·y / d + 1)³ of each row of a with each of b, (n, m)."""
    inner = a @ b.T / a.shape[1] + 1
    cube: Array = inner * inner * inner
    return cube


def _mean_of_pairs(points: Array) -> float:
    """Return the mean kernel of all pairs of different rows."""
    kernel, n = _cubic(points, points), len(points)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def _root(covariance: Array) -> Array:
    """Return the symmetric square root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
