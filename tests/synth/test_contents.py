"""A column of any dtype becomes a plain array, and comes back in that very dtype."""

import datetime
import json
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dateutil.tz import tzoffset

from sdg_lab.synth.contents import Storage, contents_of

MOMENTS = [datetime.datetime(2024, 3, 31, 0, 30), None, datetime.datetime(1969, 7, 20, 20, 17, 40, 5)]
BERLIN = [moment and moment.replace(tzinfo=ZoneInfo("Europe/Berlin")) for moment in MOMENTS]


def arrow(values: list, kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(values, type=kind)])))


COLUMNS = {
    "int64": pd.Series([3, -1, 2**62]),
    "uint8": pd.Series([0, 255, 3], dtype="uint8"),
    "uint64": pd.Series([0, 2**64 - 1], dtype="uint64"),
    "Int16": pd.Series([1, None, -5], dtype="Int16"),
    "UInt64": pd.Series([1, None, 2**64 - 1], dtype="UInt64"),
    "float64": pd.Series([1.5, np.nan, -1e300]),
    "float32": pd.Series([0.1, np.nan, 3.0], dtype="float32"),
    "Float32": pd.Series([0.1, None, 3.0], dtype="Float32"),
    "sparse": pd.Series([0.0, 1.5, 0.0], dtype=pd.SparseDtype("float64", np.nan)),
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "str": pd.Series(["b", "a", None, "b"]),
    "string": pd.Series(["b", "a", None, "b"], dtype="string"),
    "string of objects": pd.Series(["b", "a", None], dtype=pd.StringDtype("python")),
    "objects": pd.Series(["b", None, "a"], dtype=object),
    "objects, nan": pd.Series(["b", np.nan, "a"], dtype=object),
    "objects, NA": pd.Series(["b", pd.NA, "a"], dtype=object),
    "Python bools": pd.Series([True, None, False], dtype=object),
    "Python ints": pd.Series([1, None, -3], dtype=object),
    "large ints": pd.Series([10**30, None, 7], dtype=object),
    "Python floats": pd.Series([1.5, 2, None], dtype=object),
    "Decimals": pd.Series([Decimal("1.50"), None, Decimal("-3.25")], dtype=object),
    "dates of Python": pd.Series([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)], dtype=object),
    "datetimes of Python": pd.Series(MOMENTS, dtype=object),
    "datetimes with a zone": pd.Series(BERLIN, dtype=object),
    "timestamps": pd.Series([pd.Timestamp("2024-05-01 12:00"), pd.NaT], dtype=object),
    "timedeltas of Python": pd.Series([datetime.timedelta(days=-1, microseconds=7), None], dtype=object),
    "times of day": pd.Series([datetime.time(23, 59, 59, 999999), None, datetime.time(0)], dtype=object),
    "UUIDs": pd.Series([uuid.UUID(int=7), None, uuid.UUID(int=2**127)], dtype=object),
    "categories": pd.Series(pd.Categorical(["b", None, "a"], categories=["c", "b", "a"], ordered=True)),
    "categories of ints": pd.Series(pd.Categorical([3, 1, None], categories=[3, 2, 1])),
    "categories of bools": pd.Series(pd.Categorical([True, False])),
    "categories of floats": pd.Series(pd.Categorical([0.5, 1.5, None])),
    "categories of objects": pd.Series(pd.Categorical(pd.Series(["b", "a"], dtype=object))),
    **{f"datetime64[{u}]": pd.Series(MOMENTS).astype(f"datetime64[{u}]") for u in ("s", "ms", "us", "ns")},
    "zone": pd.Series(BERLIN).astype("datetime64[ns, Europe/Berlin]"),
    "offset": pd.Series(pd.to_datetime(["2024-05-01T12:00+02:00", None])),
    "timedelta64": pd.Series(pd.to_timedelta(["1 day", None, "-3 ns"])),
    "arrow int": arrow([1, None, -3], pa.int8()),
    "arrow uint": arrow([1, None, 2**64 - 1], pa.uint64()),
    "arrow float": arrow([1.5, None], pa.float32()),
    "arrow bool": arrow([True, None], pa.bool_()),
    "arrow text": arrow(["b", None, "a"], pa.string()),
    "arrow large text": arrow(["b", None, "a"], pa.large_string()),
    "arrow decimal": arrow([Decimal("1.50"), None], pa.decimal128(10, 2)),
    "arrow date": arrow([datetime.date(2024, 2, 29), None, datetime.date(1890, 1, 1)], pa.date32()),
    "arrow date64": arrow([datetime.date(2024, 2, 29), None], pa.date64()),
    "arrow timestamp": arrow(MOMENTS, pa.timestamp("us")),
    "arrow zone": arrow(BERLIN, pa.timestamp("ms", "Europe/Berlin")),
    "arrow duration": arrow([datetime.timedelta(days=-1), None], pa.duration("s")),
    "arrow time": arrow([datetime.time(1, 2, 3), None], pa.time32("s")),
    "arrow time64": arrow([datetime.time(1, 2, 3, 4), None], pa.time64("us")),
    "arrow dictionary": arrow(["b", None, "a"], pa.dictionary(pa.int8(), pa.string())),
    "arrow nulls": arrow([None, None], pa.null()),
    "nothing at all": pd.Series([None, None], dtype=object),
    "missing floats": pd.Series([np.nan, np.nan]),
    "missing Int64": pd.Series([None, None], dtype="Int64"),
    "missing dates": pd.Series([None, None], dtype="datetime64[ns, UTC]"),
    "missing text": pd.Series([None, None], dtype="string"),
    "missing categories": pd.Series(pd.Categorical([None, None], categories=["a"])),
    "categories without any": pd.Series(pd.Categorical([None, None])),
    "missing arrow": arrow([None, None], pa.string()),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(name: str):
    column = COLUMNS[name].rename("x")
    held = contents_of(column)
    assert held.missing.tolist() == column.isna().tolist()
    storage = Storage.from_config(json.loads(json.dumps(held.storage.config())))
    assert storage == held.storage
    if held.labels and not held.missing.all():
        back = storage.labels(held.labels, np.where(held.missing, -1, held.plain), "x")
    else:
        back = storage.column(held.plain, held.missing, "x")
    pd.testing.assert_series_equal(back, column)
    for one, other in zip(back, column, strict=True):
        assert type(one) is type(other) or {type(one), type(other)} == {int, float}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, "a"], "column 'x' holds int and str values; make them text: table['x'] = table['x'].map(str"),
        ([True, 1], "column 'x' holds bool and int values"),
        ([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)], "column 'x' holds date and datetime values"),
        ([[1], [2]], "column 'x' holds list values; make them a column for each item, or leave it out"),
        ([{"a": 1}, None], "column 'x' holds dict values; make them a column for each item"),
        ([1j, 2j], "column 'x' holds complex numbers; make two columns of it: np.real(table['x'])"),
        ([b"a", b"b"], "column 'x' holds bytes; decode them"),
        ([MOMENTS[0], BERLIN[0]], "column 'x' holds dates of several zones; bring them to one"),
        ([pd.Period("2024-01"), None], "column 'x' holds periods; make them dates"),
    ],
)
def test_what_is_of_no_kind_is_refused(values: list, said: str):
    with pytest.raises(TypeError) as error:
        contents_of(pd.Series(values, dtype=object, name="x"))
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pd.Series([1j, 2j]), "complex numbers"),
        (pd.Series(pd.period_range("2024-01", periods=2, freq="M")), "periods"),
        (pd.Series(pd.interval_range(0, 2)), "intervals"),
        (pd.Series(pd.cut([1, 2], 2)), "Interval values"),
        (arrow([[1], [2]], pa.list_(pa.int64())), "list<"),
        (arrow([b"a"], pa.binary()), "binary"),
        (pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize(tzoffset("X", 60)), "make it one that its"),
    ],
)
def test_so_are_dtypes_that_no_model_takes(column: pd.Series, said: str):
    with pytest.raises(TypeError, match=f"column 'x' holds .*{said}"):
        contents_of(column.rename("x"))


def test_numbers_beyond_a_dtype_are_brought_to_its_ends():
    storage = contents_of(pd.Series([1, 2], dtype="uint8")).storage
    assert storage.column(np.array([-5, 300]), np.zeros(2, bool), "x").tolist() == [0, 255]
