"""Columns of states as cells of standard normals, and the correlations of the normals behind them.

A state that holds a share of the rows is a cell of the normal distribution with that share. All that is seen of the
normal is its cell, so its best guess is the mean of the cell, its score; and scores correlate less than the normals
behind them do. How much less is known: by Mehler's formula the covariance of two scores is a power series of the
normals' correlation, with coefficients that the cells' edges give; so many terms of it are summed.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

TERMS = 40
"""Of Mehler's series. Between columns of two equal states a correlation of .95 is found as .951, and .99 as .997."""

MOST = 0.999
"""Normals behind two columns correlate at most so much: two copies of a column would leave no room for a third."""

HALVINGS = 40


def edges_of(mass: Floats) -> Floats:
    """Return where the cells of states with these shares end, shape (states + 1,), from -inf to inf."""
    from scipy.special import ndtri

    upto = np.concatenate([[0.0], np.cumsum(mass) / mass.sum()])
    upto[-1] = 1.0
    edges: Floats = ndtri(upto)
    return edges


def scores_of(mass: Floats) -> Floats:
    """Return the mean of a standard normal in the cell of each state, (states,); 0 for a state without a share."""
    density = _density(edges_of(mass))
    share = mass / mass.sum()
    score: Floats = np.divide(density[:-1] - density[1:], share, out=np.zeros_like(share), where=share > 0)
    return score


def series_of(mass: Floats) -> Floats:
    """Return the coefficients of the scores in normalised Hermite polynomials of degree 1 to :data:`TERMS`.

    The coefficient of degree k is E[score · hₖ(Z)]: over a cell from a to b, hₖφ integrates to
    (hₖ₋₁(a)φ(a) - hₖ₋₁(b)φ(b)) / √k.
    """
    edges = edges_of(mass)
    finite = np.where(np.isfinite(edges), edges, 0.0)
    density, score = _density(edges), scores_of(mass)
    before, now = np.zeros_like(finite), np.ones_like(finite)
    found = np.empty(TERMS)
    for degree in range(1, TERMS + 1):
        along = now * density
        found[degree - 1] = score @ (along[:-1] - along[1:]) / np.sqrt(degree)
        before, now = now, (finite * now - np.sqrt(degree - 1) * before) / np.sqrt(degree)
    return found


def behind(covariance: Floats, series: Floats) -> Floats:
    """Return the correlations of the normals behind the columns whose scores have this covariance, (d, d).

    The series rises with the correlation, so halving finds it; what is beyond the most, by chance, is the most.

    Source: Mehler (1866); Lancaster (1957), Some Properties of the Bivariate Normal Distribution.

    Args:
        covariance: of the scores, (d, d).
        series: of each column, (d, TERMS), of :func:`series_of`.
    """
    first, second = np.triu_indices(len(series), k=1)
    product, wanted = series[first] * series[second], covariance[first, second]
    low, high = np.full(len(first), -MOST), np.full(len(first), MOST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        total = np.zeros_like(middle)
        for degree in reversed(range(TERMS)):  # Horner's rule
            total = (total + product[:, degree]) * middle
        low, high = np.where(total < wanted, middle, low), np.where(total < wanted, high, middle)
    found = np.eye(len(series))
    found[first, second] = found[second, first] = (low + high) / 2
    return found


def nearest_correlation(matrix: Floats, *, least: float = 1e-6) -> Floats:
    """Return a correlation matrix near a symmetric matrix with ones on its diagonal, (d, d).

    Pairs that were measured one by one need not fit together: where they do not, the matrix has negative eigenvalues.
    Alternating between the matrices without and those with a diagonal of ones ends at the nearest of both.

    Source: Higham (2002), Computing the Nearest Correlation Matrix, algorithm 3.3.
    """
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(100):
        shifted = found - correction
        values, vectors = np.linalg.eigh(shifted)
        projected = (vectors * values.clip(min=least)) @ vectors.T
        correction, found = projected - shifted, projected.copy()
        np.fill_diagonal(found, 1.0)
        if values[0] >= least * 0.99:
            break
    values, vectors = np.linalg.eigh(found)
    found = (vectors * values.clip(min=least)) @ vectors.T  # the alternation comes near, and a root needs it exact
    scale = np.sqrt(np.diag(found))
    return np.asarray(found / np.outer(scale, scale))


def _density(edges: Floats) -> Floats:
    """Return the standard normal density, 0 where an edge is infinite."""
    finite = np.isfinite(edges)
    density: Floats = np.where(finite, np.exp(-(np.where(finite, edges, 0.0) ** 2) / 2), 0.0) / np.sqrt(2 * np.pi)
    return density
