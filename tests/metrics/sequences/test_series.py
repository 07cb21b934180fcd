"""Figures of a time series, against statsmodels, scikit-learn and processes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from sklearn.linear_model import LinearRegression
from statsmodels.tsa.stattools import acf

from sdg_lab.metrics import c2st
from sdg_lab.metrics.sequences import series
from sdg_lab.metrics.sequences.series import autocorrelation, forecast_error, judge_series, windows


def autoregressive(n: int, memory: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    values = np.zeros(n)
    for t in range(1, n):
        values[t] = memory * values[t - 1] + noise[t]
    return values


def test_autocorrelation_is_that_of_statsmodels() -> None:
    values = autoregressive(300, 0.7, 0)
    np.testing.assert_allclose(autocorrelation(values, 25), acf(values, nlags=25), atol=1e-12)
    np.testing.assert_allclose(autocorrelation(values[:4], 3), acf(values[:4], nlags=3), atol=1e-12)
    assert len(autocorrelation(values, 1)) == 2


def test_windows_stand_where_they_should() -> None:
    np.testing.assert_array_equal(windows(np.arange(7.0), 3), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(windows(np.arange(4.0), 3, stride=1), [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(windows(np.arange(3.0), 1, stride=2), [[0], [2]])
    np.testing.assert_array_equal(windows(np.arange(3.0), 3), [[0, 1, 2]])


def test_forecasts_are_those_of_linear_regression() -> None:
    a, b = autoregressive(200, 0.8, 1), autoregressive(100, 0.8, 2)
    rows, test = windows(a, 5, stride=1), windows(b, 5, stride=1)
    rule = LinearRegression().fit(rows[:, :4], rows[:, 4])
    want = np.abs(rule.predict(test[:, :4]) - test[:, 4]).mean()
    assert forecast_error(a, b, window=4) == pytest.approx(want)


def test_each_figure_is_that_of_its_measure_on_the_series_it_is_meant_for() -> None:
    synthetic, real = autoregressive(300, 0.2, 1), 1.3 * autoregressive(300, 0.5, 2) + 0.3
    found = judge_series(synthetic, real, lags=9, window=5, seed=3)
    lags = np.abs(acf(synthetic, nlags=9) - acf(real, nlags=9))[1:]
    assert found.autocorrelation == pytest.approx(lags.mean())
    assert found.marginal == pytest.approx(wasserstein_distance(real, synthetic))
    assert found.c2st == c2st(real.reshape(-1, 5), synthetic.reshape(-1, 5), seed=3)
    rows, test = windows(synthetic, 6, stride=1), windows(real, 6, stride=1)
    rule = LinearRegression().fit(rows[:, :5], rows[:, 5])  # learned on synthetic, tested on real
    assert found.forecast == pytest.approx(np.abs(rule.predict(test[:, :5]) - test[:, 5]).mean())
    assert len({judge_series(synthetic, real, seed=seed).c2st for seed in range(4)}) > 1


def test_the_classifier_is_shown_the_real_windows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "c2st", lambda real, fake, seed: (real.tolist(), fake.tolist(), seed))
    found: object = judge_series(np.arange(6.0), np.arange(6.0) ** 2, lags=2, window=2, seed=4).c2st
    assert found == ([[0, 1], [4, 9], [16, 25]], [[0, 1], [2, 3], [4, 5]], 4)


def test_thirty_lags_and_a_week_are_what_is_asked_of_days() -> None:
    synthetic, real = autoregressive(300, 0.2, 1), autoregressive(300, 0.8, 2)
    assert judge_series(synthetic, real) == judge_series(synthetic, real, lags=30, window=7, seed=0)
    assert forecast_error(synthetic, real) == forecast_error(synthetic, real, window=7)


def test_every_figure_tells_a_good_series_from_a_bad_one() -> None:
    real, same, white = autoregressive(500, 0.8, 3), autoregressive(500, 0.8, 4), 3 * autoregressive(500, 0.0, 5)
    good, bad = judge_series(same, real, lags=8), judge_series(white, real, lags=8)
    assert good.autocorrelation < 0.5 * bad.autocorrelation
    assert good.marginal < bad.marginal
    assert good.c2st == pytest.approx(0.5, abs=0.12)
    assert bad.c2st > 0.8
    assert good.forecast < 0.8 * bad.forecast
    assert judge_series(real, real, window=50).marginal == 0


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="synthetic has 10 values and real 11; compare equally long series"):
        judge_series(np.arange(10.0), np.arange(11.0))
    with pytest.raises(ValueError, match="lags must be a whole number >= 1 and <= 9, got 10"):
        autocorrelation(np.arange(10.0), 10)
    with pytest.raises(ValueError, match=r"all values are 2\.0; a constant has no autocorrelation"):
        autocorrelation(np.full(5, 2.0), 2)
    with pytest.raises(ValueError, match="length must be a whole number >= 1 and <= 3, got 4"):
        windows(np.arange(3.0), 4)
    with pytest.raises(ValueError, match="length must be a whole number >= 1 and <= 3, got 0"):
        windows(np.arange(3.0), 0)
    with pytest.raises(ValueError, match="stride must be a whole number >= 1, got 0"):
        windows(np.arange(3.0), 2, stride=0)
    with pytest.raises(ValueError, match="lags must be a whole number >= 1 and <= 9, got 0"):
        autocorrelation(np.arange(10.0), 0)
    with pytest.raises(ValueError, match=r"values\[1\] is nan; every value must be finite"):
        windows(np.array([1.0, np.nan]), 1)
