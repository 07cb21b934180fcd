"""Intervals: closed forms, scipy and scikit-learn are the oracles; and they cover what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score, roc_curve

from sdg_lab.metrics.tables.intervals import area, area_interval, difference, found, proportion


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (30, 30), (1, 3), (17, 2000)])
def test_a_proportion_has_the_interval_of_scipy(hits, n):
    theirs = binomtest(hits, n).proportion_ci(method="exact")
    ours = proportion(hits, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_a_difference_is_that_of_the_example_in_newcombes_paper():
    ours = difference(56, 70, 48, 80)  # his example (a), method 10
    assert (ours.value, ours.low, ours.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_an_area_with_ties_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 8, 300) + 1.0, rng.integers(0, 8, 200)
    theirs = roc_auc_score(np.repeat([1, 0], [300, 200]), np.concatenate([positive, negative]))
    assert area(positive, negative).value == pytest.approx(theirs)


@pytest.mark.parametrize(("m", "n"), [(20, 20), (500, 100)])
def test_at_one_half_the_error_of_an_area_is_that_of_the_rank_sum(m, n):
    error = np.sqrt((m + n + 1) / (12 * m * n))
    edge = area_interval(0.5 + 1.959964 * error, m, n)
    assert edge.low == pytest.approx(0.5, abs=1e-6)  # just as far off as 0.5 may bring


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("n", [15, 150])
def test_intervals_of_areas_hold_the_true_one(shift, n):
    from scipy.stats import norm

    rng = np.random.default_rng(n)
    true = norm.cdf(shift / np.sqrt(2))
    draws = [area(rng.normal(shift, 1, n), rng.normal(size=n)) for _ in range(400)]
    held = np.mean([draw.low <= true <= draw.high for draw in draws])
    assert held > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def test_no_interval_is_a_point_where_all_is_told_apart():
    assert area([2, 3, 4], [0, 1]).value == 1
    assert 0.3 < area([2, 3, 4], [0, 1]).low < 0.9
    assert area([0, 1], [2, 3, 4]).high > 0.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("coarse", [True, False])
def test_the_share_found_is_read_from_the_curve_of_scikit_learn(seed, coarse):
    rng = np.random.default_rng(seed)
    positive, negative = rng.normal(1, 1, 400), rng.normal(0, 1, 300)
    if coarse:
        positive, negative = positive.round(1), negative.round(1)
    wrong, right, _ = roc_curve(np.repeat([1, 0], [400, 300]), np.concatenate([positive, negative]))
    assert found(positive, negative).value == right[wrong <= 0.01].max()
    assert found(positive, negative, rate=0.2).value == right[wrong <= 0.2].max()


@pytest.mark.parametrize("shift", [0.0, 2.0])
@pytest.mark.parametrize("n", [40, 1000])
def test_intervals_of_the_share_found_take_in_that_the_threshold_is_guessed(shift, n):
    from scipy.stats import norm

    rng = np.random.default_rng(n)
    true = norm.sf(norm.isf(0.01) - shift)
    draws = [found(rng.normal(shift, 1, n), rng.normal(size=n)) for _ in range(400)]
    held = np.mean([draw.low <= true <= draw.high for draw in draws])
    assert held > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def test_a_higher_level_is_wider():
    narrow, wide = area_interval(0.6, 50, 50, level=0.9), area_interval(0.6, 50, 50, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert str(narrow) == f"0.600 ({narrow.low:.3f} to {narrow.high:.3f})"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: proportion(4, 3), "hits must be a whole number >= 0 and <= 3, got 4"),
        (lambda: proportion(0, 0), "n must be a whole number >= 1, got 0"),
        (lambda: difference(1, 2, 5, 4), "others must be a whole number >= 0 and <= 4, got 5"),
        (lambda: area([], [1]), r"positive must be scores \(n,\) without NaN, got shape \(0,\)"),
        (lambda: found([1.0], [float("nan")]), r"negative must be scores \(n,\) without NaN"),
        (lambda: found([1.0], [1.0], rate=1), "rate must be > 0 and < 1, got 1"),
        (lambda: area_interval(1.5, 2, 2), "value must be >= 0 and <= 1, got 1.5"),
        (lambda: area_interval(0.5, 2, 2, level=95), "level must be > 0 and < 1, got 95"),
    ],
)
def test_what_makes_no_sense_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
