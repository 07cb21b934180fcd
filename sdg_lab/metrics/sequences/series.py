"""Judge a synthetic time series: its memory, its values, its windows, and what it is good for.

Each figure is read beside its reference: the same call with real values of another time in place of the synthetic ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.metrics.fidelity import c2st
from sdg_lab.metrics.rows import Array, finite


@dataclass(frozen=True)
class SeriesQuality:
    """What :func:`judge_series` found; the lower, the better.

    Attributes:
        autocorrelation: mean absolute difference of the autocorrelations, over all lags.
        marginal: Wasserstein distance of the values, in the unit of the data.
        c2st: accuracy of a classifier that tells windows apart, 0.5 being best.
        forecast: mean absolute error, in the unit of the data, of forecasts of real values by a rule that was fitted on
            the synthetic series (train on synthetic, test on real).
    """

    autocorrelation: float
    marginal: float
    c2st: float
    forecast: float


def judge_series(synthetic: Array, real: Array, *, lags: int = 30, window: int = 7, seed: int = 0) -> SeriesQuality:
    """Compare a synthetic series with a real one that the model has not seen, of the same length and season.

    The autocorrelation catches a memory that is too short or a period that is missing, the marginal catches wrong
    values, the classifier what happens within a window, the forecast a rule that does not hold. All four miss slow
    changes longer than the lags, rare events, and copies of a stretch of the training series.

    Source: train on synthetic, test on real is Esteban et al. (2017), section 4.2; the classifier two-sample test is
    Lopez-Paz and Oquab (2017), section 3.

    Args:
        synthetic: values, (n,).
        real: values, (n,).
        lags: largest lag of the autocorrelation.
        window: values in a window, of which the classifier sees n / window; and values from which the next is forecast.
        seed: of the classifier.

    Raises:
        ValueError: if the two differ in length, one is not finite, or they are too short.
    """
    from scipy.stats import wasserstein_distance

    if len(synthetic) != len(real):
        raise ValueError(f"synthetic has {len(synthetic)} values and real {len(real)}; compare equally long series")
    difference = np.abs(autocorrelation(synthetic, lags) - autocorrelation(real, lags))[1:]
    return SeriesQuality(
        autocorrelation=float(difference.mean()),
        marginal=float(wasserstein_distance(synthetic, real)),
        c2st=c2st(windows(real, window), windows(synthetic, window), seed=seed),
        forecast=forecast_error(synthetic, real, window=window),
    )


def autocorrelation(values: Array, lags: int) -> Array:
    """Return the correlation of a series with itself, 0 … ``lags`` steps later, (lags + 1,); the first is 1.

    All lags are divided by the variance of the whole series, as statistics programs do.

    Raises:
        ValueError: if the values are constant or not finite, or not more than the lags.
    """
    numbers = finite(values, "values")
    whole("lags", lags, least=1, most=len(numbers) - 1)
    centred = numbers - numbers.mean()
    power = float(centred @ centred)
    if power == 0:
        raise ValueError(f"all values are {numbers[0]}; a constant has no autocorrelation")
    return np.array([centred[: len(centred) - lag] @ centred[lag:] for lag in range(lags + 1)]) / power


def windows(values: Array, length: int, *, stride: int | None = None) -> Array:
    """Cut a series into windows, (n, length), that begin ``stride`` values apart (by default they do not overlap).

    Raises:
        ValueError: if the series is shorter than a window, or an argument is below 1.
    """
    numbers = finite(values, "values")
    whole("length", length, least=1, most=len(numbers))
    step = whole("stride", length if stride is None else stride, least=1)
    return np.lib.stride_tricks.sliding_window_view(numbers, length)[::step].copy()


def forecast_error(fit_on: Array, test_on: Array, *, window: int = 7) -> float:
    """Fit a linear rule that forecasts a value from the ``window`` before it; return its mean absolute error elsewhere.

    Args:
        fit_on: the series from which the rule is fitted by least squares.
        test_on: the series whose values are forecast.
        window: values that the rule sees.

    Raises:
        ValueError: if a series is too short or not finite.
    """
    rows = windows(fit_on, window + 1, stride=1)
    rule, *_ = np.linalg.lstsq(_with_one(rows[:, :-1]), rows[:, -1], rcond=None)
    test = windows(test_on, window + 1, stride=1)
    return float(np.abs(_with_one(test[:, :-1]) @ rule - test[:, -1]).mean())


def _with_one(rows: Array) -> Array:
    return np.column_stack([rows, np.ones(len(rows))])
