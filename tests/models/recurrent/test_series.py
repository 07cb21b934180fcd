"""A density at each step of a series: against torch.distributions and quadrature, and the contract of every model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from sdg_lab.data import co2
from sdg_lab.data.types import Series
from sdg_lab.models.contract import HasLogProb, NotFittedError
from sdg_lab.models.recurrent.series import MIN_SCALE, RecurrentSeries


def waves(n: int = 160, seed: int = 0) -> Series:
    """Make a season of 20 days with noise, in a unit of its own."""
    rng = np.random.default_rng(seed)
    values = 50 + 8 * np.sin(2 * np.pi * np.arange(n) / 20) + rng.normal(size=n)
    return Series(values, np.datetime64("2020-01-01") + np.arange(n), "litres")


def years(n: int = 80) -> Series:
    return Series(waves(n).values, 1900.0 + np.arange(n), "spots")


def small(**changes: Any) -> RecurrentSeries:
    arguments: dict[str, Any] = {"width": 8, "components": 2, "context": 16} | changes
    return RecurrentSeries(**arguments)


@pytest.fixture(scope="module")
def fitted() -> RecurrentSeries:
    return small(period=20).fit(waves(), epochs=40, lr=1e-2, progress=False)


def test_the_density_is_that_of_torchs_mixture() -> None:
    torch.manual_seed(0)
    model = small()
    hidden, values = torch.randn(5, 7, 8), torch.randn(5, 7)
    weights, means, scales = model.eval().mixture(hidden)
    mixture = MixtureSameFamily(Categorical(logits=weights), Normal(means, scales))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(model.density(hidden, values), mixture.log_prob(values))  # type: ignore[no-untyped-call]


def test_the_density_of_the_next_value_has_area_one_in_the_unit_of_the_data(fitted: RecurrentSeries) -> None:
    past = waves()[:30]
    grid = np.linspace(25, 75, 151)
    density = [
        np.exp(fitted.log_prob(Series(np.array([value]), past.times[-1:] + 1, "litres"), after=past)[0])
        for value in grid
    ]
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)
    # Many samples of the next value have the mean and the spread of this density.
    draws = fitted.sample_paths(4_000, 1, seed=0, after=past)[:, 0]
    mean = np.trapezoid(density * grid, grid)
    deviation = np.sqrt(np.trapezoid(density * (grid - mean) ** 2, grid))
    assert draws.mean() == pytest.approx(mean, abs=5 * deviation / np.sqrt(4_000))
    assert draws.std() == pytest.approx(deviation, rel=0.1)


def test_a_series_cut_in_two_has_the_same_density(fitted: RecurrentSeries) -> None:
    whole = fitted.log_prob(waves())
    assert whole.shape == (160,)
    later = fitted.log_prob(waves()[100:], after=waves()[:100])
    np.testing.assert_allclose(later, whole[100:], atol=1e-4)


def test_the_future_changes_no_density_before_it(fitted: RecurrentSeries) -> None:
    other = waves().values.copy()
    other[50] += 5
    changed, before = fitted.log_prob(Series(other, waves().times, "litres")), fitted.log_prob(waves())
    np.testing.assert_allclose(changed[:50], before[:50], rtol=1e-4, atol=1e-4)
    assert abs(changed[50] - before[50]) > 1  # the value itself, five of its deviations away
    assert np.abs(changed[51:] - before[51:]).max() > 1e-2


def test_loss_is_the_mean_surprise_and_training_lowers_it(fitted: RecurrentSeries) -> None:
    values, phases = fitted._standardised(waves(16))
    nats = fitted.log_prob(waves(16)).mean() + np.log(waves().values.std())
    assert fitted.loss(values[None], phases[None]).item() == pytest.approx(-nats, abs=1e-4)
    # Gaussian noise of deviation 1 around a known season costs ½ ln(2πe) = 1.42 nats; knowing no season, 3.2.
    assert 1.2 < -fitted.log_prob(waves(seed=1)).mean() < 2.2


def test_paths_follow_the_season(fitted: RecurrentSeries) -> None:
    path = fitted.sample(200, seed=0)
    assert path.unit == "litres"
    assert path.times[0] == waves().times[0]
    season = np.sin(2 * np.pi * np.arange(200) / 20)
    assert np.corrcoef(path.values, season)[0, 1] > 0.8
    np.testing.assert_array_equal(path.values, fitted.sample(200, seed=0).values)
    assert not np.array_equal(path.values, fitted.sample(200).values)
    assert fitted.sample(3, after=waves()).times[0] == waves().times[-1] + 1


def test_a_path_is_the_only_one_of_one(fitted: RecurrentSeries) -> None:
    for after in (None, waves()):
        (alone,) = fitted.sample_paths(1, 6, seed=3, after=after)
        np.testing.assert_array_equal(fitted.sample(6, seed=3, after=after).values, alone)


def test_years_as_numbers_and_no_season() -> None:
    model = small().fit(years(), epochs=1, progress=False)
    assert model.sample(4, seed=0, after=years()).times.tolist() == [1980.0, 1981.0, 1982.0, 1983.0]
    assert np.isfinite(model.log_prob(years())).all()


def test_the_curve_of_validation_is_that_of_what_follows() -> None:
    fitted = small(dropout=0.0, noise=0.0)
    options = {"epochs": 1, "lr": 1e-12, "batch_size": 73, "progress": False}  # it stays as it begins; one step
    fitted.fit(waves(), validation=waves(40, seed=1), **options)
    assert fitted.history is not None
    for series, found in ((waves(), fitted.history.train_loss), (waves(40, seed=1), fitted.history.validation_loss)):
        starts = range(0, len(series) - 15, 2)
        windows = [fitted.log_prob(series[start : start + 16]) + np.log(waves().values.std()) for start in starts]
        assert found == pytest.approx([-np.mean(windows)], rel=1e-3)


def test_noise_is_read_in_training_alone_and_has_the_deviation_that_is_asked_for() -> None:
    model = small(dropout=0.0, noise=0.5).fit(waves(), epochs=1, progress=False)
    values, phases = model._windows(waves(), "the series")
    read: list[torch.Tensor] = []
    inputs = model._inputs
    model._inputs = lambda x, y: (read.append(x), inputs(x, y))[1]  # type: ignore[method-assign]
    model.loss(values, phases)
    model.train().loss(values, phases)
    assert torch.equal(read[0], torch.nn.functional.pad(values[:, :-1], (1, 0)))
    noise = read[1] - read[0]
    assert noise.std().item() == pytest.approx(0.5, rel=0.1)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)


def test_no_component_is_narrower_than_the_floor_and_units_are_dropped_in_training() -> None:
    model = small(dropout=0.9).eval()
    with torch.no_grad():
        model.head.bias.fill_(-50)
        scales = model.mixture(torch.zeros(3, 8))[2]
        torch.testing.assert_close(scales, torch.full((3, 2), MIN_SCALE), rtol=1e-4, atol=0)
        hidden = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
        assert torch.equal(model.mixture(hidden)[1], model.mixture(hidden)[1])
        model.train()
        assert not torch.equal(model.mixture(hidden)[1], model.mixture(hidden)[1])


@pytest.mark.parametrize("n", range(16, 24))
def test_every_value_is_in_a_window_and_the_newest_is_the_last_of_one(n: int) -> None:
    model = small().fit(waves(), epochs=1, progress=False)
    values, _ = model._standardised(waves(n))
    windows, phases = model._windows(waves(n), "the series")
    assert windows.shape == phases.shape
    assert windows.shape[1] == 16
    assert set(windows.flatten().tolist()) == set(values.tolist())
    assert torch.equal(windows[-1], values[-16:])
    assert len(windows) == 1 + -((16 - n) // 2)  # a window begins at every eighth of the context, and one ends last
    assert len({tuple(window) for window in windows.tolist()}) == len(windows)


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, list], ids=["numpy", "torch", "list"])
def test_values_alone_are_a_series_too(wrap: Any) -> None:
    values, past = years().values, Series(years().values, np.arange(80.0), "")
    want, got = small().fit(past, epochs=1, progress=False), small().fit(wrap(values), epochs=1, progress=False)
    assert torch.equal(got.head.weight, want.head.weight)
    np.testing.assert_array_equal(got.log_prob(wrap(values)), want.log_prob(past))
    np.testing.assert_array_equal(
        got.log_prob(wrap(values[50:]), after=wrap(values[:50])), want.log_prob(past[50:], after=past[:50])
    )
    path = got.sample(3, seed=0, after=wrap(values))
    assert isinstance(path, Series)
    assert path.times.tolist() == [80.0, 81.0, 82.0]
    np.testing.assert_array_equal(path.values, want.sample(3, seed=0, after=past).values)


def test_values_alone_follow_in_the_seasons(fitted: RecurrentSeries) -> None:
    later, past = waves()[105:], waves()[:105]
    np.testing.assert_array_equal(fitted.log_prob(later.values, after=past), fitted.log_prob(later, after=past))
    shifted = fitted.log_prob(later.values)  # without a past they begin when the training series did
    assert np.abs(shifted - fitted.log_prob(later)).max() > 0.1


def test_a_fit_that_fails_leaves_the_model_as_it_was() -> None:
    def stop(epoch: int, model: Any) -> None:
        raise KeyboardInterrupt

    fresh = small()
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(waves(), on_epoch=stop, progress=False)
    for ask in (lambda: fresh.sample(2), lambda: fresh.log_prob(waves()), lambda: fresh.state()):
        with pytest.raises(NotFittedError, match="this RecurrentSeries has not been fitted"):
            ask()
    model = small().fit(waves(), epochs=1, progress=False)
    before = model.log_prob(waves())
    for options in ({"on_epoch": stop}, {"epochs": 0}, {"lr": -1.0}, {"validation": waves(9)}, {"widht": 3}):
        with pytest.raises((KeyboardInterrupt, ValueError, TypeError)):
            model.fit(years(), progress=False, **options)
        np.testing.assert_array_equal(model.log_prob(waves()), before)
        assert model.sample(2).unit == "litres"


def test_weights_bring_their_units_along(fitted: RecurrentSeries) -> None:
    again = small(period=20)
    again.load_state_dict({name: value.clone() for name, value in fitted.state_dict().items()})
    np.testing.assert_array_equal(again.sample(5, seed=0).values, fitted.sample(5, seed=0).values)
    assert again.sample(5).times.dtype == np.dtype("datetime64[D]")


def test_the_same_seed_gives_the_same_model() -> None:
    first, again, other = (small().fit(waves(), epochs=1, seed=seed, progress=False) for seed in (5, 5, 6))
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize("changes", [{}, {"cell": "lstm", "period": 20.0}], ids=str)
def test_save_and_load_give_back_the_same_model(changes: dict[str, Any], tmp_path: Path) -> None:
    model = small(**changes).fit(waves(), validation=waves(40), epochs=1, progress=False)
    model.save(tmp_path / "model.safetensors")
    again = RecurrentSeries.load(tmp_path / "model.safetensors")
    assert again.config() == model.config()
    assert again.sample(5).times.dtype == np.dtype("datetime64[D]")
    np.testing.assert_array_equal(again.log_prob(waves()), model.log_prob(waves()))
    np.testing.assert_array_equal(again.sample(5, seed=0).values, model.sample(5, seed=0).values)
    assert isinstance(again, HasLogProb)


# What it refuses, and the sentence.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cell": "gri"}, "cell must be one of rnn, lstm, gru, got 'gri'"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"components": 0}, "components must be a whole number >= 1, got 0"),
        ({"context": 1}, "context must be a whole number >= 2, got 1"),
        ({"period": 0.0}, "period must be > 0, got 0.0"),
        ({"noise": -0.1}, "noise must be >= 0, got -0.1"),
        ({"dropout": 1.0}, "dropout must be >= 0 and < 1, got 1.0"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_bad_data_and_questions_are_refused(fitted: RecurrentSeries) -> None:
    with pytest.raises(TypeError, match=r"data must be a Series, or its values \(n,\), got str"):
        small().fit("warm")
    with pytest.raises(ValueError, match=r"the values of a series must have shape \(n,\), got \(2, 80\)"):
        small().fit(waves().values.reshape(2, 80))
    with pytest.raises(ValueError, match="values must be finite, got nan at index 1"):
        small().fit([1.0, float("nan"), 2.0])
    with pytest.raises(ValueError, match=r"^values up to .*e\+30. have no finite deviation; take a larger unit$"):
        small().fit(waves().values * 1e300)
    with pytest.raises(TypeError, match="got Dataset; pass one of its parts"):
        small().fit(co2())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the series is empty"):
        small().fit(waves()[:0])
    with pytest.raises(ValueError, match="the series has 9 values, fewer than a window of context=16"):
        small().fit(waves(9))
    with pytest.raises(ValueError, match="the validation series has 9 values"):
        small().fit(waves(), validation=waves(9))
    with pytest.raises(ValueError, match=r"all 20 values of the series are 3.0; there is nothing to learn"):
        small().fit(Series(np.full(20, 3.0), waves(20).times, "litres"))
    for paths in (0, -1):
        with pytest.raises(ValueError, match=f"paths must be a whole number >= 1, got {paths}"):
            fitted.sample_paths(paths, 3)
    with pytest.raises(NotFittedError, match="this RecurrentSeries has not been fitted"):
        small().sample(3)
    with pytest.raises(NotFittedError, match="this RecurrentSeries has not been fitted"):
        small().log_prob(waves())
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got 0"):
        fitted.sample(0)


def test_a_series_of_pandas_brings_its_dates() -> None:
    from pandas import Series as Dated  # beside pandas, ruff would take every .values for its own
    from pandas import date_range

    days = date_range("2020-01-01", periods=60, freq="7D")
    values = np.sin(np.arange(60) / 3)
    model = RecurrentSeries(width=4, context=16, period=365.25)
    model.fit(Dated(values, index=days), epochs=1, progress=False)
    drawn = model.sample(3, seed=0, after=Dated(values, index=days))
    assert drawn.times.tolist() == [day.date() for day in date_range(days[-1], periods=4, freq="7D")[1:]]
    by_hand = Series(values, days.to_numpy().astype("datetime64[D]"), "")
    again = RecurrentSeries(width=4, context=16, period=365.25).fit(by_hand, epochs=1, progress=False)
    np.testing.assert_array_equal(again.sample(3, seed=0, after=by_hand).values, drawn.values)
