"""What every metric asks of data: how many rows, some of them, and whether two rows are the same.

A set of rows is one of the course's data types (Images, an array, strings, token sequences, a table); a model's samples
have the type of its training data, so one metric serves every family.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from sdg_lab.data.types import Images

Array: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = Images | npt.NDArray[Any] | Sequence[str] | Sequence[tuple[str, ...]] | pd.DataFrame
R = TypeVar("R", bound=Rows)


def take(data: R, indices: npt.NDArray[np.int64]) -> R:
    """Return the rows at some indices, as the same type."""
    if isinstance(data, pd.DataFrame):
        return data.iloc[indices].reset_index(drop=True)
    if isinstance(data, Images | np.ndarray):
        return data[indices]  # type: ignore[return-value]
    return [data[i] for i in indices]  # type: ignore[return-value]


def subsample(data: R, n: int, *, seed: int = 0) -> R:
    """Return n rows drawn without replacement.

    Raises:
        ValueError: if n is below 1 or there are fewer than n rows.
    """
    if not 1 <= n <= len(data):
        raise ValueError(f"cannot draw {n} rows without replacement from {len(data)}")
    return take(data, np.random.default_rng(seed).choice(len(data), size=n, replace=False))


def is_continuous(data: object) -> bool:
    """Say whether rows are points in a space (Images, arrays), where equality means little and distance much."""
    return isinstance(data, Images | np.ndarray)


def as_points(data: Images | npt.NDArray[Any], name: str = "data") -> Array:
    """Return Images or an array as points (n, d), one row each, every number finite.

    Raises:
        TypeError: if data is neither.
        ValueError: if there is no row, fewer than two axes, or a number that is not finite.
    """
    if not is_continuous(data):
        raise TypeError(f"{name} must be Images or an array, got {type(data).__name__}; see metrics.fit_features")
    values = data.pixels if isinstance(data, Images) else data
    if values.ndim < 2:
        raise ValueError(f"{name} must have a row for each example, got shape {values.shape}")
    if values.size == 0:
        raise ValueError(f"{name} is empty: shape {values.shape}")
    points = values.reshape(len(values), -1).astype(np.float64)
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0]
        raise ValueError(f"{name} has {points[row, column]} in row {row}, column {column}; every number must be finite")
    return points


def same_columns(a: Array, b: Array, name_a: str = "real", name_b: str = "fake") -> None:
    """Refuse two sets of points of different dimension."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{name_a} has {a.shape[1]} numbers a row and {name_b} {b.shape[1]}; both must be features of one kind"
        )


def keys(data: Rows, name: str = "data", *, like: pd.DataFrame | None = None) -> list[Hashable]:
    """Return one hashable key a row: two rows are the same exactly if their keys are equal.

    Args:
        data: the rows.
        name: what to call them in an error.
        like: for a table, another one whose columns (in its order) are to be compared.

    Raises:
        TypeError: if data is no set of rows.
        ValueError: if there is no row, a table lacks a column of ``like``, or a value is missing.
    """
    if is_continuous(data):
        return [row.tobytes() for row in as_points(data, name) + 0.0]  # type: ignore[arg-type]  # + 0.0: -0 is 0
    if isinstance(data, pd.DataFrame):
        return _table_keys(data, name, like)
    if isinstance(data, str) or not isinstance(data, Sequence):
        raise TypeError(f"{name} must be Images, an array, a table, or a list of sequences, got {type(data).__name__}")
    if len(data) == 0:
        raise ValueError(f"{name} is empty")
    for i, row in enumerate(data):
        if not isinstance(row, str | tuple):
            raise TypeError(f"{name}[{i}] must be a string or a tuple of tokens, got {type(row).__name__}")
    return list(data)


def _table_keys(table: pd.DataFrame, name: str, like: pd.DataFrame | None) -> list[Hashable]:
    if like is not None:
        check_columns(table, name, list(like.columns))
        table = table[list(like.columns)]
    if table.empty:
        raise ValueError(f"{name} is empty: shape {table.shape}")
    check_complete(table, name)
    return list(table.astype(object).itertuples(index=False, name=None))


def check_columns(table: pd.DataFrame, name: str, wanted: list[Any]) -> None:
    """Refuse a table that lacks a column."""
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise ValueError(f"{name} lacks the columns {missing}; it has {list(table.columns)}")


def check_complete(table: pd.DataFrame, name: str) -> None:
    """Refuse a table with a missing value."""
    for column in table.columns:
        missing = table[column].isna().to_numpy()
        if missing.any():
            raise ValueError(
                f"{name}: column {column!r} lacks a value in row {int(missing.argmax())}; fill it or drop it"
            )
