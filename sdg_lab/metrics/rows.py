"""What every metric asks of data: how many rows, some of them, and whether two rows are the same.

A set of rows is one of the course's data types (Images, an array, strings, token sequences, a table); a model's samples
have the type of its training data, so one metric serves every family.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, TypeVar

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.tables.columns import check_same_columns

if TYPE_CHECKING:
    import pandas as pd

Array: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = "Images | npt.NDArray[Any] | Sequence[str] | Sequence[tuple[str, ...]] | pd.DataFrame"
R = TypeVar("R", bound="Rows")


def is_table(data: object) -> TypeGuard[pd.DataFrame]:
    """Say whether rows are a pandas DataFrame; whoever has one has imported pandas, so it is not imported here."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def is_continuous(data: object) -> TypeGuard[Images | npt.NDArray[Any]]:
    """Say whether rows are points in a space (Images, arrays), where equality means little and distance much."""
    return isinstance(data, Images | np.ndarray)


def subsample(data: R, n: int, *, seed: int = 0) -> R:
    """Return n rows drawn without replacement, as the same type.

    Raises:
        TypeError: if data is no set of rows.
        ValueError: if n is below 1 or there are fewer than n rows, or the seed is no whole number >= 0.
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    chosen = rng.choice(len(data), size=whole("n", n, least=1, most=len(data)), replace=False)
    if is_table(data):
        return data.iloc[chosen].reset_index(drop=True)  # type: ignore[return-value]
    if is_continuous(data):
        return data[chosen]  # type: ignore[return-value]
    rows = as_list(data, "data")
    return [rows[i] for i in chosen]  # type: ignore[return-value]


LARGEST = 1e30
"""Numbers of a row may be so large, so that distances and their cubes are numbers too."""


def reals(values: npt.ArrayLike, name: str) -> Array:
    """Return numbers as an array of their own, or refuse text, and complex numbers, which would lose a part."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "buifO":
        raise TypeError(f"{name} must hold real numbers, got {numbers.dtype}")
    return numbers.astype(np.float64)


def as_points(data: Rows, name: str = "data") -> Array:
    """Return Images or an array as points (n, d), one row each, every number finite.

    Raises:
        TypeError: if data is neither, or holds text or complex numbers.
        ValueError: if there is no row, fewer than two axes, or a number that is not finite or beyond ±1e30.
    """
    if not is_continuous(data):
        raise TypeError(f"{name} must be Images or an array, got {type(data).__name__}; see metrics.fit_features")
    values = data.pixels if isinstance(data, Images) else data
    if values.ndim < 2:
        raise ValueError(f"{name} must have a row for each example, got shape {values.shape}")
    if values.size == 0:
        raise ValueError(f"{name} is empty: shape {values.shape}")
    points = reals(values, name).reshape(len(values), -1)
    good = (points >= -LARGEST) & (points <= LARGEST)
    if not good.all():
        row, column = np.argwhere(~good)[0]
        raise ValueError(
            f"{name} has {points[row, column]} in row {row}, column {column}; every number must be finite and within "
            f"±{LARGEST:g}: leave such rows out, or scale the column"
        )
    return points


def finite(values: npt.ArrayLike, name: str, *, axes: int = 1) -> Array:
    """Return numbers as an array of so many axes.

    Raises:
        TypeError: if they are text or complex.
        ValueError: if there are more axes or fewer, there is no number, or one is not finite.
    """
    numbers = reals(values, name)
    if numbers.ndim != axes or numbers.size == 0:
        raise ValueError(f"{name} must be an array of {axes} axes, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        where = np.argwhere(~np.isfinite(numbers))[0].tolist()
        value = numbers[tuple(where)]
        why = " (a model without smoothing holds what it never saw to be impossible)" if value == -np.inf else ""
        raise ValueError(f"{name}{where} is {value}; every value must be finite{why}")
    return numbers


def whole_numbers(values: npt.ArrayLike, name: str, *, least: int, most: int | None = None) -> npt.NDArray[np.int64]:
    """Return whole numbers as an array (n,).

    Raises:
        ValueError: if there is none, they have more axes, or one is not whole (as NaN and ``True``) or out of range.
    """
    numbers = np.asarray(values)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"{name} must be an array of 1 axes, got shape {numbers.shape}")
    checked = [whole(f"{name}[{i}]", number, least=least, most=most) for i, number in enumerate(numbers.tolist())]
    return np.array(checked, dtype=np.int64)


def as_list(rows: object, name: str) -> Sequence[Any]:
    """Return rows, or refuse what is no list of them; text is none, although it could be taken letter by letter."""
    if isinstance(rows, str) or not isinstance(rows, Sequence):
        raise TypeError(f"{name} must be Images, an array, a table, or a list of sequences, got {type(rows).__name__}")
    return rows


def same_width(a: Array, b: Array, name_a: str, name_b: str) -> None:
    """Refuse two sets of points of different dimension."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"{name_a} has {a.shape[1]} numbers a row and {name_b} {b.shape[1]}; both must be features of one kind"
        )


def keys(data: Rows, name: str = "data", *, like: Rows | None = None) -> list[Hashable]:
    """Return one hashable key a row: two rows are the same exactly if their keys are equal.

    In a table a missing value equals a missing value.

    Args:
        data: the rows.
        name: what to call them in an error.
        like: for a table, another one whose columns (in its order) are to be compared.

    Raises:
        TypeError: if data is no set of rows.
        ValueError: if there is no row, a table has not the columns of ``like``, or text where that has numbers.
    """
    if is_continuous(data):
        return [row.tobytes() for row in as_points(data, name) + 0.0]  # + 0.0: -0 is 0
    if is_table(data):
        return _table_keys(data, name, like if is_table(like) else data)
    rows = as_list(data, name)
    if len(rows) == 0:
        raise ValueError(f"{name} is empty")
    for i, row in enumerate(rows):
        if not isinstance(row, str | tuple):
            raise TypeError(f"{name}[{i}] must be a string or a tuple of tokens, got {type(row).__name__}")
    return list(rows)


def _table_keys(table: pd.DataFrame, name: str, like: pd.DataFrame) -> list[Hashable]:
    check_same_columns({name: table, "what it is compared with": like})
    table = table[list(like.columns)]
    if table.empty:
        raise ValueError(f"{name} is empty: shape {table.shape}")
    for column in table.columns:
        same_kinds(table[column].dropna().unique(), like[column].dropna().unique(), f"column {column!r} of {name}")
    return list(table.astype(object).where(table.notna(), None).itertuples(index=False, name=None))


def same_kinds(values: Iterable[Any], known: Iterable[Any], name: str) -> None:
    """Refuse text that would be compared with numbers, and the other way round: "1" is never found among 1s."""
    kinds, wanted = {_kind(value) for value in values}, {_kind(value) for value in known}
    if wanted and not kinds <= wanted:
        raise ValueError(
            f"{name} holds {' and '.join(sorted(kinds))}, what it is compared with {' and '.join(sorted(wanted))}; "
            "give both one type"
        )


def _kind(value: object) -> str:
    if isinstance(value, bool | int | float | np.bool_ | np.number):
        return "numbers"
    return "text" if isinstance(value, str) else type(value).__name__
