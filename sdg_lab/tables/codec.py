"""A whole table as numbers of states and back: each column gets its states by what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sdg_lab.tables.categories import Categories, Column, refuse_infinite
from sdg_lab.tables.coded import Coded
from sdg_lab.tables.numbers import Numbers

MOST_STATES = 255
"""Numbers of states are single bytes, and one value of the byte means "undecided" while rows are drawn."""


def columns_of(table: pd.DataFrame, bins: int) -> tuple[Column, ...]:
    """Choose the states of every column of a training table.

    Args:
        table: the training data.
        bins: about how many states a column of numbers gets.

    Raises:
        TypeError: if it is no table, a column's name is not text, or a column holds neither numbers nor text.
        ValueError: if it has no rows, two columns of one name, or a column from which nothing can be learned.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"data must be a pandas DataFrame, got {type(table).__name__}")
    for name in table.columns:
        if not isinstance(name, str):
            raise TypeError(f"column names must be text, got {name!r}; rename it")
    if table.empty:
        raise ValueError(f"data is empty: shape {table.shape}")
    if not table.columns.is_unique:
        raise ValueError(f"there are two columns {table.columns[table.columns.duplicated()][0]!r}; rename one")
    return tuple(column_of(table[name], bins) for name in table.columns)


def code_table(table: pd.DataFrame, columns: tuple[Column, ...] | None = None) -> Coded:
    """Return a table as numbers of states.

    Args:
        table: n rows.
        columns: the states; by default those of the table itself, numbers in about 8 bins.

    Raises:
        TypeError, ValueError: as :func:`columns_of`; also if a column is lacking, or a value has no state.
    """
    columns = columns_of(table, 8) if columns is None else columns
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"data must be a pandas DataFrame, got {type(table).__name__}")
    lacking = [column.name for column in columns if column.name not in table.columns]
    if lacking:
        raise ValueError(f"the table lacks the columns {lacking}; it has {list(table.columns)}")
    codes = np.stack([column.encode(table[column.name]) for column in columns])
    return Coded(tuple(column.name for column in columns), codes, tuple(len(column.labels) for column in columns))


def column_of(values: pd.Series[Any], bins: int) -> Column:
    """Choose the states of a column.

    Raises:
        TypeError: if it holds neither numbers nor text nor booleans (dates, lists).
        ValueError: if it is all missing, has one state only, holds an infinite number, or has too many categories.
    """
    name = str(values.name)
    if values.isna().all():
        raise ValueError(f"column {name!r} is all missing; remove it")
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        raise TypeError(f"column {name!r} holds dates; turn them into numbers, such as days since the first")
    column: Column
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        refuse_infinite(name, values.to_numpy(dtype=np.float64, na_value=np.nan))
        column = Numbers.of(values, bins)
    else:
        column = Categories.of(values)
    if len(column.labels) < 2:
        raise ValueError(f"column {name!r} is constant, always {column.labels[0]}; remove it, it tells nothing")
    if len(column.labels) > MOST_STATES:
        raise ValueError(
            f"column {name!r} has {len(column.labels):,} states, more than {MOST_STATES}: a table of probabilities "
            "cannot learn them; remove it, or merge rare ones"
        )
    return column


def column_from_config(config: dict[str, Any]) -> Column:
    """Make a column again from its :meth:`Column.config`."""
    fields = {key: value for key, value in config.items() if key != "kind"}
    if config["kind"] == "categories":
        return Categories(**{**fields, "values": tuple(fields["values"])})
    arrays = {key: np.array(fields[key], dtype=np.float64) for key in ("edges", "low", "high", "mass")}
    state = np.array(fields["state"], dtype=np.int64)
    return Numbers(**{**fields, "labels": tuple(fields["labels"]), **arrays, "state": state})
