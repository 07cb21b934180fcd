from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import co2, sunspots

from sdg_lab import data
from sdg_lab.data import Dataset, Series, packages


def whole(dataset: Dataset[Series]) -> tuple[np.ndarray, np.ndarray]:
    parts = dataset.parts.values()
    return np.concatenate([part.values for part in parts]), np.concatenate([part.times for part in parts])  # noqa: PD011


def test_co2_is_that_of_statsmodels_where_it_was_measured() -> None:
    theirs = co2.load_pandas().data["co2"]
    values, times = whole(data.co2())
    assert np.array_equal(times, theirs.index.to_numpy("datetime64[D]"))
    measured = theirs.notna().to_numpy()
    assert np.array_equal(values[measured], theirs[measured])
    assert f"{(~measured).sum()} weeks were not measured" in data.co2().card.extra


def test_weeks_that_were_not_measured_lie_on_a_straight_line() -> None:
    theirs = co2.load_pandas().data["co2"].to_numpy()
    values, _ = whole(data.co2())
    known = np.flatnonzero(~np.isnan(theirs))
    assert np.allclose(values, np.interp(np.arange(len(theirs)), known, theirs[known]), rtol=0, atol=1e-9)


def test_no_gap_is_filled_from_the_next_part() -> None:
    theirs = co2.load_pandas().data["co2"].to_numpy()
    dataset = data.co2()
    for border in (len(dataset.train), len(dataset.train) + len(dataset.validation)):
        assert not np.isnan(theirs[border - 1 : border + 1]).any()


def test_sunspots_are_those_of_statsmodels() -> None:
    theirs = sunspots.load_pandas().data
    values, times = whole(data.sunspots())
    assert np.array_equal(times, theirs["YEAR"])
    assert np.array_equal(values, theirs["SUNACTIVITY"])


@pytest.mark.parametrize(
    ("column", "unit"), [("temp_max", "°C"), ("temp_min", "°C"), ("precipitation", "mm"), ("wind", "m/s")]
)
def test_weather_has_every_day_of_four_years(column: str, unit: str) -> None:
    dataset = data.weather(column)  # type: ignore[arg-type]
    values, times = whole(dataset)
    assert np.array_equal(times, np.arange("2012-01-01", "2016-01-01", dtype="datetime64[D]"))
    assert np.array_equal(values, pd.read_csv(packages.file("vega_datasets", "_data", "seattle-weather.csv"))[column])
    assert dataset.test.unit == unit


def test_weather_knows_no_other_column() -> None:
    with pytest.raises(
        ValueError, match=r"^column must be one of temp_max, temp_min, precipitation, wind, got 'snow'$"
    ):
        data.weather("snow")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["co2", "sunspots", "weather"])
def test_the_past_is_train_and_the_end_is_test(name: str) -> None:
    dataset = data.load(name)
    assert dataset.train.times[-1] < dataset.validation.times[0]
    assert dataset.validation.times[-1] < dataset.test.times[0]
