"""A whole table as numbers of states and back: each column gets its states by what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.tables.categories import Categories, Column
from sdg_lab.tables.coded import Coded
from sdg_lab.tables.columns import check_column, check_columns, check_table
from sdg_lab.tables.numbers import Numbers

if TYPE_CHECKING:
    import pandas as pd

MAX_STATES = 255
"""Numbers of states are single bytes."""


def columns_of(table: pd.DataFrame, bins: int) -> tuple[Column, ...]:
    """Choose the states of every column of a training table.

    Args:
        table: the training data.
        bins: about how many states a column of numbers gets.

    Raises:
        TypeError: if it is no table, a column's name is not text, or a column holds neither numbers nor text.
        ValueError: if bins is below 2, or the table has no rows, two columns of one name, or a column from which
            nothing can be learned.
    """
    check_table(table)
    whole("bins", bins, least=2)
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
    check_columns(table, [column.name for column in columns])
    codes = np.stack([column.encode(table[column.name]) for column in columns])
    return Coded(tuple(column.name for column in columns), codes, tuple(len(column.labels) for column in columns))


def column_of(values: pd.Series[Any], bins: int) -> Column:
    """Choose the states of a column.

    Raises:
        TypeError, ValueError: as :func:`sdg_lab.tables.columns.check_column`; also if it has too many categories.
    """
    column = Numbers.of(values, bins) if check_column(values) == "numbers" else Categories.of(values)
    if len(column.labels) > MAX_STATES:
        remedy = f"give fewer bins than {bins}" if isinstance(column, Numbers) else "remove it, or merge rare ones"
        raise ValueError(
            f"column {column.name!r} has {len(column.labels):,} states, more than {MAX_STATES}: a table of "
            f"probabilities cannot learn them; {remedy}"
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
