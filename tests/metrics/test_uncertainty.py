"""Uncertainty: scipy's standard error, and the spread of real coin throws, are the oracles."""

import numpy as np
import pytest
from scipy.stats import sem

from sdg_lab.metrics import chance_error, mean_and_error


def test_the_standard_error_is_scipys():
    values = [0.81, 0.83, 0.86]
    assert mean_and_error(values) == pytest.approx((np.mean(values), sem(values)))
    assert all(isinstance(figure, float) for figure in mean_and_error(values))


def test_two_seeds_have_an_error_and_one_row_an_error_of_guessing():
    assert mean_and_error([1.0, 2.0]) == pytest.approx((1.5, 0.5))
    assert chance_error(1) == pytest.approx(0.5 / np.sqrt(2))


def test_curves_of_several_seeds_have_a_mean_and_an_error_at_each_point():
    curves = np.random.default_rng(0).normal(size=(4, 3))
    mean, error = mean_and_error(curves)
    np.testing.assert_allclose(mean, curves.mean(axis=0))
    np.testing.assert_allclose(error, sem(curves))


def test_the_error_of_guessing_is_that_of_coin_throws():
    throws = np.random.default_rng(0).binomial(200, 0.5, size=20_000) / 200
    assert chance_error(100) == pytest.approx(throws.std(), rel=0.03)  # 6 standard errors of a deviation


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: chance_error(0), "n must be a whole number >= 1, got 0"),
        (lambda: mean_and_error([0.5]), "a standard error needs at least 2 values, got 1; run more seeds"),
        (lambda: mean_and_error(0.5), r"values must be an array of 1 axes, got shape \(\)"),
        (lambda: mean_and_error([]), r"values must be an array of 1 axes, got shape \(0,\)"),
        (lambda: mean_and_error([0.5, np.nan]), r"values\[1\] is nan; every value must be finite"),
        (lambda: mean_and_error(np.array([[0.5, 1], [2, np.inf]])), r"values\[1, 1\] is inf"),
    ],
)
def test_what_has_no_error_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_complex_numbers_and_text_have_no_mean_here():
    for values, kind in ((np.array([1j, 2.0]), "complex128"), (["1", "2"], "<U1")):
        with pytest.raises(TypeError, match=f"values must hold real numbers, got {kind}"):
            mean_and_error(values)
