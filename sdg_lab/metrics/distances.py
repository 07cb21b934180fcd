"""Euclidean distances that can be compared: a point is at distance 0 from its copy, and equal distances are equal.

The quick way to many distances, |a|² + |b|² - 2ab, loses all digits near 0, just where copies are: equal points come
out at 1e-8 or so, outside a ball of radius 0. Distances that are compared with each other therefore come from here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdg_lab.metrics.rows import Array


def distances(a: Array, b: Array) -> Array:
    """Return the distance of each row of a (n, d) to each row of b (m, d), as (n, m)."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(a, b), dtype=np.float64)


def neighbour_radii(points: Array, k: int) -> Array:
    """Return each point's distance to its k-th neighbour other than itself, (n,); a twin is a neighbour."""
    table = distances(points, points)
    np.fill_diagonal(table, np.inf)
    radii: Array = np.partition(table, k - 1, axis=1)[:, k - 1]
    return radii


def nearest(points: Array, among: Array, k: int = 1) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distances to the k nearest of ``among``, rising, and where they stand there, each of shape (n, k)."""
    from sklearn.neighbors import NearestNeighbors

    # Where there are many columns the quick way finds them, among tens of thousands of images; about the median, where
    # it loses least and which no single row can move far. Then they are measured again, plainly.
    middle = np.median(among, axis=0)
    index = NearestNeighbors(n_neighbors=k).fit(among - middle)
    found = index.kneighbors(points - middle, return_distance=False)
    exact = np.linalg.norm(points[:, None, :] - among[found], axis=2)
    order = np.argsort(exact, axis=1, kind="stable")
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(found, order, axis=1).astype(np.int64)
