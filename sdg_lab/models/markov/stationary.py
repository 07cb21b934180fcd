"""Where a Markov chain ends up, and how soon: what the eigenvalues of its transition matrix say.

The distribution after t steps is μ Pᵗ. If the chain can go from everywhere to everywhere and has no rhythm, all of P's
eigenvalues but one lie inside the unit circle, and what remains of the start dies out like |λ₂|ᵗ (Levin & Peres, 2017,
"Markov Chains and Mixing Times", chapters 1, 4 and 12).
"""

from __future__ import annotations

import numpy as np

from sdg_lab.checks import number, whole
from sdg_lab.models.markov.smoothing import Floats


def check_transition_matrix(matrix: Floats) -> Floats:
    """Return ``matrix`` as float64, or refuse it.

    Raises:
        ValueError: if it is not square, holds a negative number or NaN, or has a row that does not sum to 1.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"a transition matrix must be square, got shape {matrix.shape}")
    if not (matrix >= 0).all():
        row, column = np.argwhere(~(matrix >= 0))[0]
        raise ValueError(f"probabilities must be >= 0, got {matrix[row, column]} in row {row}, column {column}")
    sums = matrix.sum(axis=1)
    if not np.allclose(sums, 1.0, rtol=0, atol=1e-9):
        row = int(np.argmax(np.abs(sums - 1.0)))
        raise ValueError(f"every row must sum to 1, row {row} sums to {sums[row]:.6g}; divide each row by its sum")
    return matrix


def eigenvalue_moduli(matrix: Floats) -> Floats:
    """Return the absolute eigenvalues of a transition matrix, the largest (always 1) first, shape (V,)."""
    moduli: Floats = np.sort(np.abs(np.linalg.eigvals(check_transition_matrix(matrix))))[::-1]
    return moduli


def stationary_distribution(matrix: Floats) -> Floats:
    """Return the distribution that a step of the chain leaves as it is, π P = π, shape (V,).

    It is the left eigenvector of the eigenvalue 1, scaled to sum to 1.

    Raises:
        ValueError: if ``matrix`` is no transition matrix, or if there are several such distributions.
    """
    matrix = check_transition_matrix(matrix)
    values, vectors = np.linalg.eig(matrix.T)
    ones = np.flatnonzero(np.abs(values - 1.0) < 1e-9)
    if len(ones) != 1:
        raise ValueError(
            f"the eigenvalue 1 occurs {len(ones)} times: the chain falls into as many parts that cannot be left, and "
            "each has a stationary distribution of its own; look at one part alone"
        )
    vector = vectors[:, ones[0]].real
    distribution: Floats = np.abs(vector) / np.abs(vector).sum()
    return distribution


def distance_from_stationary(matrix: Floats, steps: int) -> float:
    """Return d(t), the largest total variation between a row of Pᵗ and π: what is left of the worst start.

    Total variation is half the summed absolute difference, in [0, 1].

    Raises:
        ValueError: if ``matrix`` is no transition matrix, or ``steps`` is negative.
    """
    power = np.linalg.matrix_power(check_transition_matrix(matrix), whole("steps", steps, least=0))
    return float(0.5 * np.abs(power - stationary_distribution(matrix)).sum(axis=1).max())


def mixing_time(matrix: Floats, epsilon: float = 0.25) -> int:
    """Return the fewest steps t with d(t) ≤ ε, found from matrix powers.

    The second eigenvalue bounds it from below: |λ₂|ᵗ ≤ 2 d(t) (Levin & Peres, section 12.2), so that no chain mixes
    before log(1 / 2ε) / log(1 / |λ₂|).

    Args:
        matrix: transition matrix, shape (V, V).
        epsilon: total variation that may be left, from 1e-12 to 1.

    Raises:
        ValueError: if ``epsilon`` is out of range, or the chain never mixes: it is periodic, or falls into parts.
    """
    number("epsilon", epsilon, least=1e-12, below=1)  # below is rounding
    moduli = eigenvalue_moduli(matrix)
    if len(moduli) > 1 and moduli[1] > 1 - 1e-9:
        raise ValueError(
            "a second eigenvalue has modulus 1: the chain is periodic or falls into parts, and never mixes"
        )
    # d(t) never grows: double t until it is small enough, then halve the interval.
    high = 1
    while distance_from_stationary(matrix, high) > epsilon:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if distance_from_stationary(matrix, middle) <= epsilon else (middle, high)
    return high
