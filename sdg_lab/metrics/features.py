"""Turn any data type into numbers, on a basis that is fitted on the real training data only.

Pictures become their pixels, sequences become counts of their 1- to 3-grams, tables become standardised numbers and
one-hot categories. Fitting the basis on samples, too, would let a poor model choose what it is judged by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sdg_lab.data.types import Images
from sdg_lab.metrics.rows import Array, Rows, as_points, check_columns, check_complete, is_continuous, keys

Featurise: TypeAlias = Callable[[Any], Array]
"""Turns rows of the type it was fitted on into features (n, d)."""

N_GRAMS = 500
"""How many of the commonest n-grams get a column of their own."""


def fit_features(train: Rows, *, n_grams: int = N_GRAMS) -> Featurise:
    """Choose a basis on the real training data; return the function that turns any rows of its type into features.

    Args:
        train: Images, an array (n, ...), strings, tuples of tokens, or a table.
        n_grams: for sequences, the number of commonest n-grams that get a column.

    Returns:
        A function from rows to a float array (n, d), the same d for every call.

    Raises:
        TypeError: if train is none of these types.
        ValueError: if it is empty, holds NaN, or a column of a table is constant or is a date.
    """
    if isinstance(train, pd.DataFrame):
        return _fit_table(train)
    if is_continuous(train):
        return _fit_points(train)  # type: ignore[arg-type]
    return _fit_sequences(train, n_grams)  # type: ignore[arg-type]


def features(data: Rows, *, fit_on: Rows | None = None) -> Array:
    """Return the features of data, (n, d), on the basis of ``fit_on``, by default of data itself."""
    return fit_features(data if fit_on is None else fit_on)(data)


def grams(sequence: str | tuple[str, ...], longest: int = 3) -> Iterator[tuple[str | None, ...]]:
    """Yield the n-grams of a sequence for n = 1 … longest; None marks its start and its end, so "a" ≠ "ab" at both."""
    padded = (None, *sequence, None)
    for n in range(1, longest + 1):
        for i in range(len(padded) - n + 1):
            gram = padded[i : i + n]
            if gram != (None,):
                yield gram


def _fit_points(train: Images | npt.NDArray[Any]) -> Featurise:
    width = as_points(train, "train").shape[1]

    def points(data: Any) -> Array:
        values = as_points(data)
        if values.shape[1] != width:
            raise ValueError(f"data has {values.shape[1]} numbers a row, the training data had {width}")
        return values

    return points


def _fit_sequences(train: Sequence[str] | Sequence[tuple[str, ...]], n_grams: int) -> Featurise:
    """Count the commonest n-grams, each in a column; the last column counts all others, which the data rarely have."""
    keys(train, "train")  # refuses what is not sequences
    if n_grams < 1:
        raise ValueError(f"n_grams must be >= 1, got {n_grams}")
    common = Counter(gram for sequence in train for gram in grams(sequence)).most_common(n_grams)
    column = {gram: i for i, (gram, _) in enumerate(common)}

    def counts(data: Any) -> Array:
        keys(data)
        table = np.zeros((len(data), len(column) + 1))
        for row, sequence in zip(table, data, strict=True):
            for gram in grams(sequence):
                row[column.get(gram, len(column))] += 1
        return table

    return counts


def _fit_table(train: pd.DataFrame) -> Featurise:
    """Standardise numbers by the mean and deviation of train; give every category of train a 0/1 column."""
    if train.empty:
        raise ValueError(f"train is empty: shape {train.shape}")
    check_complete(train, "train")
    names = list(train.columns)
    encoders = {column: _fit_column(train[column]) for column in names}

    def table(data: Any) -> Array:
        if not isinstance(data, pd.DataFrame):
            raise TypeError(f"data must be a table like the training data, got {type(data).__name__}")
        check_columns(data, "data", names)
        check_complete(data[names], "data")
        return np.hstack([encoders[column](data[column]) for column in names])

    return table


def _fit_column(train: pd.Series[Any]) -> Callable[[pd.Series[Any]], Array]:
    if pd.api.types.is_datetime64_any_dtype(train) or pd.api.types.is_timedelta64_dtype(train):
        raise ValueError(f"column {train.name!r} holds dates; turn them into numbers or categories first")
    if pd.api.types.is_numeric_dtype(train) and not pd.api.types.is_bool_dtype(train):
        return _fit_numbers(train)
    return _fit_categories(train)


def _fit_numbers(train: pd.Series[Any]) -> Callable[[pd.Series[Any]], Array]:
    values = train.to_numpy(dtype=np.float64)
    _check_finite(values, train.name)
    mean, deviation = values.mean(), values.std()
    if deviation == 0:
        raise ValueError(f"column {train.name!r} is constant ({values[0]:g}) in train; drop it, it tells nothing")

    def standardised(data: pd.Series[Any]) -> Array:
        if not pd.api.types.is_numeric_dtype(data):
            raise ValueError(f"column {train.name!r} must hold numbers as in train, got {data.dtype}")
        values = data.to_numpy(dtype=np.float64)
        _check_finite(values, train.name)
        scaled: Array = (values[:, None] - mean) / deviation
        return scaled

    return standardised


def _fit_categories(train: pd.Series[Any]) -> Callable[[pd.Series[Any]], Array]:
    known = (
        list(train.cat.categories) if isinstance(train.dtype, pd.CategoricalDtype) else sorted(train.unique(), key=str)
    )
    if (train == train.iloc[0]).all():
        raise ValueError(f"column {train.name!r} is constant ({train.iloc[0]!r}) in train; drop it, it tells nothing")
    code = {category: i for i, category in enumerate(known)}

    def one_hot(data: pd.Series[Any]) -> Array:
        codes = [code.get(value) for value in data]
        if None in codes:
            unseen = data.iloc[codes.index(None)]
            raise ValueError(f"column {train.name!r} has the category {unseen!r}, which train has not: {known}")
        return np.eye(len(known))[np.array(codes, dtype=np.int64)]

    return one_hot


def _check_finite(values: Array, column: Hashable) -> None:
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"column {column!r} has {values[row]} in row {row}; every number must be finite")
