"""Quantities over time, cut in time order: the past is train, the end is test."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sdg_lab.checks import one_of
from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.split import split_series
from sdg_lab.data.types import Card, Dataset, Series

_CO2 = Card(
    name="co2",
    title="carbon dioxide in the air at Mauna Loa, weekly",
    kind="series",
    source="C. D. Keeling and T. P. Whorf (2004), Scripps Institution of Oceanography, March 1958 to December 2001. "
    "Shipped by statsmodels",
    licence="public domain",
    shape="2,284 weeks",
    units="parts per million by volume (ppmv), mean of a week; times are Saturdays",
    package="statsmodels",
    extra="59 weeks were not measured; they are filled on the straight line between their neighbours.",
)

_SUNSPOTS = Card(
    name="sunspots",
    title="sunspot numbers, yearly",
    kind="series",
    source="National Geophysical Data Center (NOAA), 1700 to 2008. Shipped by statsmodels",
    licence="public domain",
    shape="309 years",
    units="mean sunspot number of a year; times are years as floats",
    package="statsmodels",
)

_WEATHER = Card(
    name="weather",
    title="weather in Seattle, daily",
    kind="series",
    source="NOAA, 2012 to 2015. Shipped by vega-datasets (seattle-weather)",
    licence="public domain (NOAA); vega-datasets: BSD-3-Clause",
    shape="1,461 days",
    units="highest temperature of the day in °C; also temp_min in °C, precipitation in mm, wind in m/s",
    package="vega_datasets",
)

_WEATHER_UNITS = {"temp_max": "°C", "temp_min": "°C", "precipitation": "mm", "wind": "m/s"}


@register(_CO2)
def co2() -> Dataset[Series]:
    """Load the weekly CO₂ record of Mauna Loa: a rising trend and a yearly season."""
    import pandas as pd

    table = pd.read_csv(packages.file("statsmodels", "datasets", "co2", "co2.csv"), dtype={"date": str})
    # No gap crosses a border between two parts, so that filling lets nothing leak from the future.
    values = table["co2"].interpolate(limit_area="inside").to_numpy(np.float64)
    times = pd.to_datetime(table["date"], format="%Y%m%d").to_numpy("datetime64[D]")
    return split_series(_CO2, Series(values, times, "ppmv"))


@register(_SUNSPOTS)
def sunspots() -> Dataset[Series]:
    """Load the yearly sunspot numbers: a cycle of about eleven years whose height varies."""
    import pandas as pd

    table = pd.read_csv(packages.file("statsmodels", "datasets", "sunspots", "sunspots.csv"), dtype=np.float64)
    return split_series(_SUNSPOTS, Series(table["SUNACTIVITY"].to_numpy(), table["YEAR"].to_numpy(), "sunspot number"))


@register(_WEATHER)
def weather(
    column: Literal["temp_max", "temp_min", "precipitation", "wind"] = "temp_max",
) -> Dataset[Series]:
    """Load four years of daily weather in Seattle.

    Args:
        column: the quantity.

    Raises:
        ValueError: for another column.
    """
    import pandas as pd

    one_of("column", column, _WEATHER_UNITS)
    table = pd.read_csv(packages.file("vega_datasets", "_data", "seattle-weather.csv"))
    times = pd.to_datetime(table["date"], format="%Y/%m/%d").to_numpy("datetime64[D]")
    return split_series(_WEATHER, Series(table[column].to_numpy(np.float64), times, _WEATHER_UNITS[column]))
