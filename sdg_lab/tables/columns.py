"""What a table and a column must be before anything is learned from them: the one place where they are refused.

A column holds numbers, categories (text and booleans, too) or dates. Whoever learns from a table asks here first, so
that the same fault is answered by the same sentence everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import several

if TYPE_CHECKING:
    import pandas as pd

Kind: TypeAlias = Literal["numbers", "categories", "dates"]


def as_table(data: Any, y: Any = None, *, names: Sequence[str] | None = None, target: str = "y") -> pd.DataFrame:
    """Return a table as it is; make one of an array or tensor, and of a target beside it.

    Args:
        data: a pandas DataFrame, or n rows of numbers, text or booleans as numpy or torch hold them, (n, columns).
        y: what belongs to each row, (n,): one more column, the last.
        names: of an array's columns, by default x0, x1, ...
        target: the name of ``y``'s column; that of a Series is its own.

    Raises:
        TypeError: if the data are neither.
        ValueError: if a shape or the number of names does not fit, the names are one text, or the table has a column of
            the target's name.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        if y is None:
            return data
        table = data.copy()
    else:
        if not isinstance(data, np.ndarray) and not hasattr(data, "detach"):
            raise TypeError(f"data must be a pandas DataFrame or an array (n, columns), got {got(data)}")
        rows = as_array(data)
        if rows.ndim != 2:
            raise ValueError(f"an array must have shape (n, columns) to be a table, got {rows.shape}")
        names = [f"x{column}" for column in range(rows.shape[1])] if names is None else list(several("names", names))
        if len(names) != rows.shape[1]:
            raise ValueError(f"names must say one name for each column: {rows.shape[1]} columns, {len(names)} names")
        table = pd.DataFrame(rows, columns=names).infer_objects()
    if y is not None:
        values = as_array(y)
        if values.shape != (len(table),):
            raise ValueError(f"y must have shape ({len(table)},), one value for each row, got {values.shape}")
        target = str(getattr(y, "name", None) or target)
        if target in table.columns:
            raise ValueError(f"the table has a column {target!r} already; call the target otherwise")
        table[target] = y.set_axis(table.index) if isinstance(y, pd.Series) else values
    return table


def check_table(table: Any, name: str = "data") -> pd.DataFrame:
    """Return a table that has rows, and columns whose names are text and different.

    Raises:
        TypeError: if it is no DataFrame, or a column's name is not text.
        ValueError: if it has no rows, or two columns of one name.
    """
    _check_frame(table, name)
    for column in table.columns:
        if not isinstance(column, str):
            raise TypeError(f"column names must be text, got {column!r}; rename it")
    if table.empty:
        raise ValueError(f"{name} is empty: shape {table.shape}")
    return table  # type: ignore[no-any-return]


def check_columns(table: Any, wanted: Sequence[str], name: str = "the table") -> None:
    """Refuse a table that lacks a column.

    Raises:
        TypeError: if it is no DataFrame.
        ValueError: naming what is lacking, and what there is; or if two columns have one name.
    """
    _check_frame(table, name)
    lacking = [column for column in wanted if column not in table.columns]
    if lacking:
        raise ValueError(f"{name} lacks the columns {lacking}; it has {list(table.columns)}")


def check_same_columns(tables: Mapping[str, Any]) -> None:
    """Refuse tables, given by their names, of which one lacks a column of another.

    Raises:
        TypeError: if one is no DataFrame.
        ValueError: naming what is lacking, and what there is.
    """
    for name, table in tables.items():
        _check_frame(table, name)
    every = dict.fromkeys(column for table in tables.values() for column in table.columns)
    for name, table in tables.items():
        check_columns(table, list(every), name)


def check_complete(column: pd.Series[Any], name: str = "", *, first: int = 0) -> None:
    """Refuse a missing value.

    Raises:
        ValueError: naming the table, if it has a name, the column and the row, counted from ``first``.
    """
    missing = column.isna().to_numpy()
    if missing.any():
        where = f"{name}: " if name else ""
        raise ValueError(
            f"{where}column {column.name!r} lacks a value in row {int(missing.argmax()) + first}; fill it, "
            "or drop the row"
        )


def kind_of(column: pd.Series[Any]) -> Kind:
    """Say what a column holds, by its dtype: numbers, dates, or categories, which is all else."""
    from pandas.api import types

    if column.dtype.kind in "mM":  # pyarrow's, too
        return "dates"
    return "numbers" if types.is_numeric_dtype(column) and not types.is_bool_dtype(column) else "categories"


def check_column(column: pd.Series[Any], *, dates: bool = False, large: bool = False, first: int = 0) -> Kind:
    """Return the kind of a column from which something can be learned.

    Args:
        column: values, single ones of which may be missing.
        dates: whether dates can be taken.
        large: whether whole numbers beyond 2⁵³ can.
        first: the number of the first row in messages.

    Raises:
        TypeError: if it holds dates that cannot be taken, what is neither numbers nor text nor booleans, or has a dtype
            that cannot be made again of its name.
        ValueError: if it is all missing, has always the same value (a missing one is another; and what a category dtype
            declares counts), holds an infinite number, whole ones that float64 cannot tell apart, or two categories
            that read the same.
    """
    kind = kind_of(column)
    if column.isna().all():
        raise ValueError(f"column {column.name!r} is all missing; remove it")
    if kind == "dates" and not dates:
        raise TypeError(
            f"column {column.name!r} holds dates; turn them into numbers, in every part of the data alike: "
            f"{dates_to_numbers(column)}"
        )
    _refuse_nameless(column)
    if kind == "numbers" and not (large and first_large(column) is not None):
        refuse_infinite(str(column.name), numbers_of(column, first=first), first=first)
    values: list[Any] = categories_of(column) if kind == "categories" else column.dropna().unique()[:2].tolist()
    if len(values) + int(column.isna().any()) < 2:
        raise ValueError(f"column {column.name!r} is constant, always {values[0]!r}; remove it, it tells nothing")
    return kind


def dates_to_numbers(column: pd.Series[Any]) -> str:
    """Return the line of pandas that makes a column of dates one of numbers.

    Its zero is fixed: with the earliest date of each part as zero, the same number would mean another day in each.
    """
    place = f"table[{column.name!r}]"
    if column.dtype.kind == "m":
        return f"{place} = {place}.dt.total_seconds()"
    zone, moments = "", column.dropna()
    if str(column.dtype).startswith(("date32", "date64")):  # pyarrow's days, which have neither zone nor time
        return f"{place} = ({place} - pd.Timestamp('1970-01-01')).dt.days"
    if column.dt.tz is not None:
        zone, moments = ", tz='UTC'", moments.dt.tz_convert("UTC")
    unit = "days" if (moments == moments.dt.normalize()).all() else "total_seconds()"
    return f"{place} = ({place} - pd.Timestamp('1970-01-01'{zone})).dt.{unit}"


def categories_of(column: pd.Series[Any]) -> list[str | int | float | bool]:
    """Return the categories of a column, in order: all that its dtype declares, or all that occur, sorted.

    Raises:
        TypeError: if one is neither text nor a number nor a boolean.
        ValueError: if two of them read the same, as 1 and "1" do.
    """
    declared = hasattr(column, "cat")
    found = column.cat.categories if declared else column.dropna()
    values = (found if found.dtype == object else found.unique()).tolist()  # what is no category may have no hash
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    odd = next((value for value in values if not isinstance(value, str | int | float | bool)), None)
    if odd is not None:
        place = f"table[{column.name!r}]"
        text = f"{place}.cat.rename_categories(str)" if declared else f"{place}.astype(str)"
        kind = type(odd).__name__
        raise TypeError(f"column {column.name!r} holds {kind} values; turn them into text or numbers: {place} = {text}")
    if not declared:
        values = sorted(dict.fromkeys(values), key=str)
    seen: dict[str, Any] = {}
    for value in values:
        if str(value) in seen:
            raise ValueError(
                f"column {column.name!r} holds both {seen[str(value)]!r} and {value!r}, which read the same; "
                "make all of them text, or all numbers"
            )
        seen[str(value)] = value
    return values


def numbers_of(column: pd.Series[Any], *, first: int = 0) -> NDArray[np.float64]:
    """Return a column as numbers, (n,), NaN where a value is missing.

    Raises:
        TypeError: if it holds something else.
        ValueError: if it holds whole numbers that float64 cannot tell apart; the first row has the number ``first``.
    """
    try:
        if column.dtype.kind in "cmM":
            raise TypeError
        numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise TypeError(f"column {column.name!r} must hold numbers, got {column.dtype}") from None
    row = first_large(column)
    if row is not None:
        raise ValueError(
            f"column {column.name!r} holds {column.iloc[row]} in row {row + first}: whole numbers beyond 2⁵³ would be "
            f"rounded; {'; or '.join(f'{use}: {line}' for use, line in large_remedies(column).items())}"
        )
    return numbers


def first_large(column: pd.Series[Any]) -> int | None:
    """Return the first row of a whole number beyond 2⁵³, above which float64 has not all of them; None if none is."""
    if column.dtype.kind not in "iu":
        return None
    large = ((column > 2**53) | (column < -(2**53))).fillna(value=False).to_numpy(bool)
    return int(large.argmax()) if large.any() else None


FROM_THE_LEAST = "count from the least"


def large_remedies(column: pd.Series[Any]) -> dict[str, str]:
    """Return what can be done about whole numbers beyond 2⁵³, and the line of pandas that does it."""
    place, least, most = f"table[{column.name!r}]", int(column.min()), int(column.max())
    remedies = {"make an id text": f"{place} = {place}.astype(str)"}
    if most - least <= 2**53:
        remedies[FROM_THE_LEAST] = f"{place} -= {least}"
    return remedies


def _refuse_nameless(column: pd.Series[Any]) -> None:
    """Refuse a dtype, such as pyarrow's decimals, that pandas cannot make of its name: no sample could have it."""
    import pandas as pd

    try:
        pd.api.types.pandas_dtype(str(column.dtype))
    except (TypeError, NotImplementedError):
        place = f"table[{column.name!r}]"
        to = "float" if pd.api.types.is_numeric_dtype(column) else "str"
        raise TypeError(
            f"column {column.name!r} has the dtype {column.dtype}, which pandas cannot make of its name; "
            f"turn it into another: {place} = {place}.astype({to})"
        ) from None


def refuse_infinite(name: str, numbers: NDArray[np.float64], *, first: int = 0) -> None:
    """Refuse infinite numbers; the first row has the number ``first`` in the message."""
    infinite = np.isinf(numbers)
    if infinite.any():
        raise ValueError(f"column {name!r} is infinite in row {int(infinite.argmax()) + first}; repair or remove it")


def _check_frame(table: Any, name: str) -> None:
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a pandas DataFrame, got {got(table)}")
    if not table.columns.is_unique:
        raise ValueError(
            f"there are two columns {table.columns[table.columns.duplicated()][0]!r} in {name}; rename one"
        )


def got(data: object) -> str:
    """Return the type of what a refusal is about; of a whole data set, that a part of it is wanted."""
    whole = hasattr(data, "train") and hasattr(data, "test")
    return f"{type(data).__name__}; pass one of its parts, such as .train" if whole else type(data).__name__


def as_array(data: Any) -> NDArray[Any]:
    """Return what numpy or torch holds as an array; torch itself need not be there."""
    try:
        return np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    except ValueError:
        raise ValueError("the items of a list must be of one shape to be an array; bring them to one size") from None
    except TypeError:
        raise TypeError(
            f"numpy cannot hold a tensor of {getattr(data, 'dtype', type(data).__name__)}, or it is sparse; "
            "pass tensor.float(), or tensor.to_dense()"
        ) from None
