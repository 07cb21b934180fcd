"""What a pandas column of any dtype holds, as a plain array, and the way back to exactly that dtype.

A person's table keeps the same whole numbers as int64, Int64, ``int64[pyarrow]`` or Python objects. Whoever asks what a
column means should not care; whoever hands rows back must. So :func:`contents_of` returns plain arrays beside a
:class:`Storage`, and ``Storage.column`` makes a column of such arrays again.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.tables.columns import categories_of

if TYPE_CHECKING:
    import pandas as pd

What: TypeAlias = Literal["integers", "numbers", "booleans", "dates", "durations", "labels", "nothing"]
Value: TypeAlias = str | int | float | bool

UNITS = ("D", "h", "m", "s", "ms", "us", "ns")
"""Of time, by numpy's names."""

NANOSECONDS = dict(zip(UNITS, (86_400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9, 10**6, 1000, 1), strict=True))


@dataclass(frozen=True)
class Storage:
    """How a column keeps its values: all that is needed to make such a column again, as JSON can say it.

    Attributes:
        what: kind of the plain array.
        dtype: pandas' name of the dtype.
        unit: of dates and durations: the array counts it, dates from 1970 (UTC where there is a zone).
        zone: of dates.
        python: class of the values in a column of objects.
        absent: what stands for a missing value there: None, nan, NA or NaT.
        arrow: the type of pyarrow's, as a serialised schema in base64.
        text: which of pandas' text dtypes it is: its storage, and nan or NA.
        categories: that a category dtype declares.
        ordered: whether they have an order.
        inner: how the categories themselves are kept.
    """

    what: What
    dtype: str
    unit: str = ""
    zone: str = ""
    python: str = ""
    absent: str = "None"
    arrow: str = ""
    text: tuple[str, str] | None = None
    categories: tuple[Value, ...] | None = None
    ordered: bool = False
    inner: Storage | None = None

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make it again from :meth:`config`, also after a way through JSON."""
        lists = {key: tuple(config[key]) for key in ("text", "categories") if config[key] is not None}
        inner = {"inner": cls.from_config(config["inner"])} if config["inner"] else {}
        return cls(**{**config, **lists, **inner})

    # Plain arrays to columns

    def column(self, values: NDArray[Any], missing: NDArray[np.bool_], name: str) -> pd.Series[Any]:
        """Return a column that keeps its values so.

        Args:
            values: int64 for integers, dates and durations; float64, bool; objects for labels; (n,). Of a category
                dtype none is read: :meth:`labels` makes its columns, this one where all is missing.
            missing: where there is none, (n,).
            name: of the column.
        """
        import pandas as pd

        if self.what == "integers":
            values = self._within(values)
        if self.categories is not None:
            return self.labels((), np.full(len(values), -1), name)
        if self.arrow:
            return pd.Series(self._arrow_array(values, missing), name=name)
        if self.what == "nothing":
            nothing = pd.Series([_absent(self.absent)] * len(values), dtype=object, name=name)
            return nothing if self.python == "object" else nothing.astype(self._dtype())
        if self.python:
            objects = _filled(self._objects(values, missing), missing, _absent(self.absent))
            return pd.Series(objects, name=name, dtype=object)
        if self.what == "dates":
            moments = values.astype(f"datetime64[{self.unit}]")
            moments[missing] = np.datetime64("NaT")
            dates: pd.Series[Any] = pd.Series(moments, name=name)
            return dates.dt.tz_localize("UTC").dt.tz_convert(self.zone) if self.zone else dates
        if self.what == "durations":
            spans = values.astype(f"timedelta64[{self.unit}]")
            spans[missing] = np.timedelta64("NaT")
            return pd.Series(spans, name=name)
        return self._plain(values, missing, name)

    def labels(self, values: Sequence[Any], codes: NDArray[np.int64], name: str) -> pd.Series[Any]:
        """Return a column of few different values: the number of each, -1 where one is missing."""
        import pandas as pd

        if self.categories is not None:
            declared = self._index()
            place = declared.categories.get_indexer(self._inner(list(values)))
            return pd.Series(pd.Categorical.from_codes(np.append(place, -1)[codes], dtype=declared), name=name)
        absent = (codes < 0).any()
        known = _array(self.what, [*values, values[0]] if absent else values)
        small: Any = self.column(known, np.arange(len(known)) == len(values), name)
        taken = small.array.take(np.where(codes < 0, len(values), codes))
        found: pd.Series[Any] = pd.Series(taken, name=name, dtype=small.dtype)
        return found

    def _plain(self, values: NDArray[Any], missing: NDArray[np.bool_], name: str) -> pd.Series[Any]:
        """Return numbers, booleans or text in a dtype of numpy's or pandas' own."""
        import pandas as pd

        dtype: Any = self._dtype()
        found: Any
        if not missing.any():
            found = pd.Series(values, name=name).astype(dtype)
        elif self.what == "labels":
            found = pd.Series(_filled(values, missing, None), name=name, dtype=dtype)
        elif self.what == "numbers" and isinstance(dtype, np.dtype | pd.SparseDtype):
            found = pd.Series(np.where(missing, np.nan, values), name=name).astype(dtype)
        else:
            if isinstance(dtype, np.dtype):  # which has no missing values, and had none
                size = self.dtype.removeprefix("u").removeprefix("int")
                dtype = {"b": "boolean", "i": f"Int{size}", "u": f"UInt{size}"}[dtype.kind]
            found = pd.Series(values, name=name).astype(dtype)
            found[missing] = pd.NA
        return pd.Series(found)

    def _dtype(self) -> Any:
        import pandas as pd

        if self.text is None:
            return pd.api.types.pandas_dtype(self.dtype)
        storage, absent = self.text
        if absent == "NA":
            return pd.StringDtype(storage)
        try:
            return pd.StringDtype(storage, na_value=np.nan)
        except TypeError:  # pandas 2.2
            return pd.StringDtype("pyarrow_numpy")

    def _index(self) -> pd.CategoricalDtype:
        import pandas as pd

        return pd.CategoricalDtype(self._inner(list(self.categories or ())), ordered=self.ordered)

    def _inner(self, values: list[Any]) -> pd.Index[Any]:
        """Return categories as the dtype declares them."""
        import pandas as pd

        assert self.inner is not None
        index: pd.Index[Any] = pd.Index(self.inner.labels(values, np.arange(len(values)), ""), name=None)
        index.name = None
        return index

    def _within(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return whole numbers, brought to the ends of what the dtype can hold."""
        size = re.search(r"(u?int)(8|16|32|64)", self.dtype.lower())
        if size is None:
            return values
        ends = np.iinfo(size[0])
        if size[1] == "uint" and values.dtype != np.uint64:
            values = values.clip(min=0)
        return values.clip(max(ends.min, np.iinfo(values.dtype).min), min(ends.max, np.iinfo(values.dtype).max))

    def _objects(self, values: NDArray[Any], missing: NDArray[np.bool_]) -> list[Any]:
        """Return values as the class of Python's that the column holds."""
        import pandas as pd

        if self.python == "Decimal":
            return _decimals(values)
        if self.python == "UUID":
            return [value if gone else uuid.UUID(value) for value, gone in zip(values, missing, strict=True)]
        if self.python == "time":
            return [_time_of(count, self.unit) for count in np.where(missing, 0, values).tolist()]
        if self.what == "dates":
            moments = pd.Series(np.where(missing, 0, values).astype(f"datetime64[{self.unit}]"))
            if self.python == "date":
                return list(moments.to_numpy().astype("datetime64[D]").tolist())
            if self.zone:
                moments = moments.dt.tz_localize("UTC").dt.tz_convert(self.zone)
            return list(moments) if self.python == "Timestamp" else [one.to_pydatetime() for one in moments]
        if self.what == "durations":
            spans = pd.Series(values.astype(f"timedelta64[{self.unit}]"))
            return list(spans) if self.python == "Timedelta" else [span.to_pytimedelta() for span in spans]
        return list(values.tolist())

    def _arrow_array(self, values: NDArray[Any], missing: NDArray[np.bool_]) -> Any:
        """Return an array of pyarrow's in its type."""
        import pandas as pd
        import pyarrow as pa

        kind = _arrow_type(self.arrow)
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if self.what == "labels":
            found = pa.array(_filled(values, missing, None).tolist(), type=inner)
        elif self.what == "nothing":
            found = pa.nulls(len(values), inner)
        elif pa.types.is_decimal(inner):
            most = 10.0 ** (inner.precision - inner.scale) - 10.0**-inner.scale
            rounded = _decimals(np.where(missing, 0, values).clip(-most, most).round(inner.scale))
            found = pa.array(_filled(rounded, missing, None).tolist(), type=inner)
        elif self.what == "dates":
            found = pa.array(values.astype(f"datetime64[{self.unit}]"), mask=missing).cast(inner)
        elif self.what == "durations":
            found = pa.array(values.astype(f"i{inner.bit_width // 8}"), mask=missing).cast(inner)
        else:
            found = pa.array(values, mask=missing).cast(inner, safe=False)
        return pd.arrays.ArrowExtensionArray(pa.chunked_array([found]).cast(kind))


@dataclass(frozen=True, eq=False)
class Contents:
    """What a column holds, whatever keeps it.

    Attributes:
        storage: what keeps it, and what kind of values these are.
        plain: int64 (or uint64) whole numbers, float64, bool, counts of the storage's unit, or for labels the number
            of each value's label; shape (n,). What stands where a value is missing means nothing.
        missing: shape (n,).
        labels: the different values of labels, sorted as text, or in the order that a category dtype declares.
    """

    storage: Storage
    plain: NDArray[Any]
    missing: NDArray[np.bool_]
    labels: tuple[Value, ...] = ()

    @property
    def what(self) -> What:
        """Kind of the values."""
        return self.storage.what

    @property
    def present(self) -> NDArray[Any]:
        """The values that there are."""
        return self.plain[~self.missing]


def contents_of(column: pd.Series[Any]) -> Contents:
    """Return what a column holds.

    Raises:
        TypeError: if its values are of several kinds, nested, complex, bytes, periods or intervals, or its dtype cannot
            be made again from its name; the message names the column and the remedy.
        ValueError: if two categories read the same.
    """
    import pandas as pd

    dtype, missing = column.dtype, column.isna().to_numpy()
    if isinstance(dtype, pd.CategoricalDtype):
        return _of_categories(column, missing)
    if isinstance(dtype, pd.ArrowDtype):
        return _of_arrow(column, missing)
    if dtype == "object":
        return _of_objects(column, missing)
    name = str(dtype)
    if isinstance(dtype, pd.StringDtype):
        absent = "NA" if dtype.na_value is pd.NA else "nan"
        return _of_text(column, missing, Storage("labels", name, text=(str(dtype.storage), absent)))
    if isinstance(dtype, pd.PeriodDtype):
        raise _refusal(column, "periods", "make them dates", "{place}.dt.to_timestamp()")
    if isinstance(dtype, pd.IntervalDtype):
        raise _refusal(column, "intervals", "make them text", "{place}.map(str, na_action='ignore')")
    _check_name(column)
    if dtype.kind == "b":
        return Contents(_storage("booleans", name, missing), column.to_numpy(bool, na_value=False), missing)
    if dtype.kind in "iu":
        return Contents(_storage("integers", name, missing), _whole_numbers(column, missing), missing)
    if dtype.kind == "f":
        return Contents(_storage("numbers", name, missing), column.to_numpy(np.float64, na_value=np.nan), missing)
    if dtype.kind in "mM":
        zone = str(dtype.tz) if isinstance(dtype, pd.DatetimeTZDtype) else ""
        plain = (column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column).to_numpy()
        unit = np.datetime_data(plain.dtype)[0]
        what: What = "dates" if dtype.kind == "M" else "durations"
        return Contents(replace(_storage(what, name, missing), unit=unit, zone=zone), plain.astype(np.int64), missing)
    if dtype.kind == "c":
        raise _complex(column)
    raise _refusal(column, f"values of the dtype {name}", "make them text", "{place}.map(str, na_action='ignore')")


def _storage(what: What, dtype: str, missing: NDArray[np.bool_]) -> Storage:
    return Storage(what if not missing.all() else "nothing", dtype)


def _whole_numbers(column: pd.Series[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Return int64, or uint64 if there are larger ones."""
    wide = np.uint64 if column.dtype.kind == "u" else np.int64
    found = column.to_numpy(dtype=wide, na_value=0) if missing.any() else column.to_numpy(dtype=wide)
    return found if (found > np.iinfo(np.int64).max).any() else found.astype(np.int64)


def _of_categories(column: pd.Series[Any], missing: NDArray[np.bool_]) -> Contents:
    import pandas as pd

    values = tuple(categories_of(column))
    inner = contents_of(pd.Series(column.cat.categories, name=column.name)).storage
    storage = Storage("labels", "category", categories=values, ordered=bool(column.cat.ordered), inner=inner)
    if missing.all():
        storage = replace(storage, what="nothing")
    return Contents(storage, column.cat.codes.to_numpy(np.int64), missing, values)


def _of_text(column: pd.Series[Any], missing: NDArray[np.bool_], storage: Storage) -> Contents:
    """Return text as the numbers of its labels, sorted."""
    import pandas as pd

    codes, found = pd.factorize(column)
    values = [str(value) if isinstance(value, str) else value for value in found.tolist()]
    order = sorted(range(len(values)), key=lambda place: str(values[place]))
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    if missing.all():
        storage = replace(storage, what="nothing")
    return Contents(storage, rank[codes], missing, tuple(values[place] for place in order))


def _of_objects(column: pd.Series[Any], missing: NDArray[np.bool_]) -> Contents:
    """Return what is in a column of Python's objects, all of one class."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    there = column[~missing]
    first = column[missing].iloc[0] if missing.any() else None
    absent = "None" if first is None else {pd.NA: "NA", pd.NaT: "NaT"}.get(first, "nan")

    def storage(what: What, python: str, unit: str = "", zone: str = "") -> Storage:
        return Storage(what, "object", unit, zone, python, absent)

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        full = np.zeros(len(column), dtype=values.dtype)
        full[~missing] = values
        return full

    if missing.all():
        return Contents(storage("nothing", "object"), np.zeros(len(column), np.int64), missing)
    if kind == "string":
        return _of_text(column, missing, storage("labels", "str"))
    classes = sorted({type(value) for value in there}, key=lambda one: one.__name__)
    if classes == [uuid.UUID]:
        return _of_text(column.map(str, na_action="ignore"), missing, storage("labels", "UUID"))
    if kind == "boolean":
        return Contents(storage("booleans", "bool"), spread(there.to_numpy(bool)), missing)
    if kind == "integer":
        if not all(-(2**63) <= value < 2**63 for value in there):
            return _of_text(column.map(int, na_action="ignore").astype(object), missing, storage("labels", "int"))
        return Contents(storage("integers", "int"), spread(there.to_numpy(np.int64)), missing)
    if kind in ("floating", "mixed-integer-float"):
        return Contents(storage("numbers", "float"), spread(there.to_numpy(np.float64)), missing)
    if kind == "decimal":
        return Contents(storage("numbers", "Decimal"), spread(there.to_numpy(np.float64)), missing)
    if kind == "date" and classes == [datetime.date]:
        days = np.array(there.tolist(), "datetime64[D]").astype(np.int64)
        return Contents(storage("dates", "date", "D"), spread(days), missing)
    if kind in ("datetime", "datetime64"):
        zones = {_zone(value) for value in there}
        if len(zones) > 1:
            raise _refusal(column, "dates of several zones", "bring them to one", "pd.to_datetime({place}, utc=True)")
        (zone,) = zones
        moments = pd.to_datetime(there, utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        python = "Timestamp" if classes == [pd.Timestamp] else "datetime"
        return Contents(storage("dates", python, "us", zone), spread(moments.astype(np.int64)), missing)
    if kind in ("timedelta", "timedelta64"):
        spans = pd.to_timedelta(there).to_numpy().astype("timedelta64[us]").astype(np.int64)
        python = "Timedelta" if classes == [pd.Timedelta] else "timedelta"
        return Contents(storage("durations", python, "us"), spread(spans), missing)
    if kind == "time":
        counts = np.array([_count_of(value) for value in there], dtype=np.int64)
        return Contents(storage("durations", "time", "us"), spread(counts), missing)
    if kind == "complex":
        raise _complex(column)
    if kind == "bytes":
        raise _refusal(column, "bytes", "decode them", "{place}.str.decode('utf-8')")
    if kind == "period":
        raise _refusal(column, "periods", "make them dates", "pd.PeriodIndex({place}).to_timestamp()")
    names = [one.__name__ for one in classes]
    if len(classes) > 1:
        names = [f"{names[0]} and {names[1]}"]
    kept = "a column for each item, or leave it out" if set(classes) & {list, dict, set, tuple, np.ndarray} else "text"
    raise _refusal(column, f"{names[0]} values", f"make them {kept}", "{place}.map(str, na_action='ignore')")


def _of_arrow(column: pd.Series[Any], missing: NDArray[np.bool_]) -> Contents:
    """Return what is in a column of pyarrow's."""
    import pandas as pd
    import pyarrow as pa

    dtype: Any = column.dtype
    kind = dtype.pyarrow_dtype
    schema = base64.b64encode(pa.schema([pa.field("x", kind)]).serialize().to_pybytes()).decode()
    array = pa.array(column)
    array = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        array = array.cast(kind)
        column = pd.Series(pd.arrays.ArrowExtensionArray(array), name=column.name)
    is_a, name = pa.types, str(column.dtype)

    def storage(what: What, unit: str = "", zone: str = "") -> Storage:
        return Storage("nothing" if missing.all() else what, name, unit, zone, arrow=schema)

    if is_a.is_null(kind):
        return Contents(storage("nothing"), np.zeros(len(column), np.int64), missing)
    if is_a.is_boolean(kind):
        return Contents(storage("booleans"), column.to_numpy(bool, na_value=False), missing)
    if is_a.is_integer(kind):
        return Contents(storage("integers"), _whole_numbers(column, missing), missing)
    if is_a.is_floating(kind) or is_a.is_decimal(kind):
        numbers = array.cast(pa.float64()).to_numpy()
        if is_a.is_decimal(kind):  # which pyarrow turns into a neighbour of the nearest float
            numbers = numbers.round(kind.scale)
        return Contents(storage("numbers"), numbers.astype(np.float64), missing)
    if is_a.is_string(kind) or is_a.is_large_string(kind):
        return _of_text(column, missing, storage("labels"))
    if is_a.is_date(kind):
        days = array.cast(pa.timestamp("s")).cast(pa.int64()).fill_null(0).to_numpy() // 86400
        return Contents(storage("dates", "D"), days, missing)
    if is_a.is_timestamp(kind) or is_a.is_duration(kind):
        counts = array.cast(pa.int64()).fill_null(0).to_numpy()
        what: What = "dates" if is_a.is_timestamp(kind) else "durations"
        return Contents(storage(what, kind.unit, getattr(kind, "tz", None) or ""), counts, missing)
    if is_a.is_time(kind):
        counts = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64()).fill_null(0)
        return Contents(storage("durations", kind.unit), counts.to_numpy(), missing)
    raise _refusal(column, f"{kind} values", "make them text", "{place}.map(str, na_action='ignore')")


# Clocks


def to_local(counts: NDArray[np.int64], storage: Storage) -> NDArray[np.int64]:
    """Return moments by the clocks of their zone, in the storage's unit."""
    import pandas as pd

    moments = pd.Series(counts.astype(f"datetime64[{storage.unit}]"))
    local = moments.dt.tz_localize("UTC").dt.tz_convert(storage.zone).dt.tz_localize(None)
    return local.to_numpy().astype(f"datetime64[{storage.unit}]").astype(np.int64)


def from_local(counts: NDArray[np.int64], storage: Storage) -> NDArray[np.int64]:
    """Return the moments at which clocks of the zone show something; a gap ends before it, of two the first counts."""
    import pandas as pd

    local = pd.Series(counts.astype(f"datetime64[{storage.unit}]"))
    first = np.ones(len(local), dtype=bool)
    moments = local.dt.tz_localize(storage.zone, ambiguous=first, nonexistent="shift_forward").dt.tz_convert("UTC")
    return moments.dt.tz_localize(None).to_numpy().astype(f"datetime64[{storage.unit}]").astype(np.int64)


# Small matters


def _arrow_type(schema: str) -> Any:
    import pyarrow as pa

    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema))).field(0).type


def _check_name(column: pd.Series[Any]) -> None:
    """Refuse a dtype that pandas cannot make of its name, as of a zone without one."""
    import pandas as pd

    try:
        same = pd.api.types.pandas_dtype(str(column.dtype)) == column.dtype
    except (TypeError, NotImplementedError):
        same = False
    if not same:
        remedy = "{place}.dt.tz_convert('UTC')" if column.dtype.kind == "M" else "{place}.astype(object)"
        raise _refusal(column, f"values of the dtype {column.dtype}", "make it one that its name tells", remedy)


def _refusal(column: pd.Series[Any], what: str, remedy: str, line: str) -> TypeError:
    place = f"table[{column.name!r}]"
    return TypeError(f"column {column.name!r} holds {what}; {remedy}: {place} = {line.format(place=place)}")


def _complex(column: pd.Series[Any]) -> TypeError:
    place = f"table[{column.name!r}]"
    return TypeError(
        f"column {column.name!r} holds complex numbers; make two columns of it: np.real({place}) and np.imag({place})"
    )


def _zone(moment: Any) -> str:
    zone = getattr(moment, "tzinfo", None)
    return "" if zone is None else str(getattr(zone, "key", None) or zone)


def _count_of(time: datetime.time) -> int:
    """Return a time of day in microseconds."""
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 10**6 + time.microsecond


def _time_of(count: int, unit: str) -> datetime.time:
    microseconds = min(max(count * NANOSECONDS[unit] // 1000, 0), 86400 * 10**6 - 1)
    return (datetime.datetime.min + datetime.timedelta(microseconds=microseconds)).time()


def _decimals(values: NDArray[np.float64]) -> list[Any]:
    """Return numbers as decimals of no more digits than they need."""
    return [decimal.Decimal(repr(value)) if np.isfinite(value) else None for value in values.tolist()]


def _array(what: What, values: Sequence[Any]) -> NDArray[Any]:
    """Return values as the plain array of their kind."""
    if what == "integers":
        return np.array(values, dtype=np.uint64 if max(values) > np.iinfo(np.int64).max else np.int64)
    if what in ("numbers", "booleans"):
        return np.array(values, dtype=np.float64 if what == "numbers" else bool)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _absent(name: str) -> Any:
    import pandas as pd

    return {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}[name]


def _filled(values: Sequence[Any] | NDArray[Any], missing: NDArray[np.bool_], absent: Any) -> NDArray[Any]:
    """Return objects, and what stands for a missing one."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    found[missing] = absent
    return found
