"""Stationary distribution and mixing time against closed forms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sdg_lab import data
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.markov.stationary import (
    distance_from_stationary,
    eigenvalue_moduli,
    mixing_time,
    stationary_distribution,
)


def two_states(a: float, b: float) -> np.ndarray:
    return np.array([[1 - a, a], [b, 1 - b]])


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.3), (0.9, 0.8), (0.01, 0.02), (0.5, 0.5)])
def test_two_states_have_a_closed_form(a, b):
    """pi = (b, a) / (a + b), the second eigenvalue is 1 - a - b, and d(t) = max(pi) |1 - a - b|^t."""
    matrix, pi, second = two_states(a, b), np.array([b, a]) / (a + b), abs(1 - a - b)
    np.testing.assert_allclose(stationary_distribution(matrix), pi, rtol=1e-12)
    np.testing.assert_allclose(eigenvalue_moduli(matrix), [1, second], rtol=1e-12, atol=1e-15)
    assert distance_from_stationary(matrix, 0) == pytest.approx(pi.max())
    assert distance_from_stationary(matrix, 3) == pytest.approx(pi.max() * second**3, rel=1e-9, abs=1e-15)
    for epsilon in (0.25, 0.01):
        fewest = max(1, np.ceil(np.log(epsilon / pi.max()) / np.log(second))) if second > 1e-12 else 1
        assert mixing_time(matrix, epsilon) == fewest


def test_the_lazy_walk_on_a_cycle_has_the_published_eigenvalues():
    """Levin & Peres, section 12.3: (1 + cos(2 pi j / n)) / 2."""
    n = 9
    matrix = 0.5 * np.eye(n) + 0.25 * (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))
    want = np.sort((1 + np.cos(2 * np.pi * np.arange(n) / n)) / 2)[::-1]
    np.testing.assert_allclose(eigenvalue_moduli(matrix), want, atol=1e-12)
    np.testing.assert_allclose(stationary_distribution(matrix), np.full(n, 1 / n), atol=1e-12)


def matrix_of(chain):
    """Return what follows each symbol of a chain of order 1, one row each; it starts anew after each end."""
    return np.stack([chain.next_distribution(symbol) for symbol in ("", *chain.symbols[1:])])


def test_the_stationary_distribution_of_an_unsmoothed_chain_is_the_share_of_each_letter():
    """As many arrows lead into a letter as out of it, once each end leads to the next start."""
    names = data.names().train
    counts = Counter("".join(names))
    model = MarkovChain(1).fit(names)
    want = np.array([len(names), *(counts[letter] for letter in model.symbols[1:])], dtype=float)
    np.testing.assert_allclose(stationary_distribution(matrix_of(model)), want / want.sum(), atol=1e-12)


def test_the_second_eigenvalue_bounds_the_mixing_time_from_below():
    matrix = matrix_of(MarkovChain(1, "witten-bell").fit(data.names().train))
    second, steps, epsilon = eigenvalue_moduli(matrix)[1], mixing_time(matrix, 0.01), 0.01
    assert steps >= np.log(1 / (2 * epsilon)) / np.log(1 / second)
    assert distance_from_stationary(matrix, steps) <= epsilon < distance_from_stationary(matrix, steps - 1)


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (np.ones((2, 3)) / 3, r"must be square, got shape \(2, 3\)"),
        (np.array([[1.5, -0.5], [0.5, 0.5]]), r"must be >= 0, got -0\.5 in row 0, column 1"),
        (np.array([[0.5, 0.5], [np.nan, 1.0]]), r"must be >= 0, got nan in row 1, column 0"),
        (np.array([[0.5, 0.5], [0.5, 0.6]]), r"row 1 sums to 1\.1; divide each row by its sum"),
        (np.eye(2), r"eigenvalue 1 occurs 2 times"),
    ],
)
def test_what_has_no_stationary_distribution_is_refused(matrix, sentence):
    with pytest.raises(ValueError, match=sentence):
        stationary_distribution(matrix)


def test_a_chain_that_never_mixes_is_refused():
    with pytest.raises(ValueError, match=r"periodic or falls into parts, and never mixes"):
        mixing_time(two_states(1, 1))


@pytest.mark.parametrize("epsilon", [0, 1, -0.1, np.nan])
def test_epsilon_out_of_range_is_refused(epsilon):
    with pytest.raises(ValueError, match=f"epsilon must be >= 1e-12 and < 1, got {epsilon}"):
        mixing_time(two_states(0.2, 0.3), epsilon)


@pytest.mark.parametrize("steps", [-1, 1.5, True])
def test_a_chain_does_not_run_backwards(steps):
    with pytest.raises(ValueError, match=f"steps must be a whole number >= 0, got {steps}"):
        distance_from_stationary(two_states(0.2, 0.3), steps)
