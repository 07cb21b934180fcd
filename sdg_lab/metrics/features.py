"""Turn any data type into numbers, on a basis that is fitted on the real training data only.

Images become their pixels, sequences become counts of their 1- to 3-grams, tables become standardised numbers and
one-hot categories. Fitting the basis on samples, too, would let a poor model choose what it is judged by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import Array, Rows, as_points, is_continuous, is_table, keys, same_kinds
from sdg_lab.tables.columns import (
    categories_of,
    check_column,
    check_same_columns,
    check_table,
    kind_of,
    numbers_of,
    refuse_infinite,
)

if TYPE_CHECKING:
    import pandas as pd

    from sdg_lab.data.types import Images

Featurise: TypeAlias = Callable[[Any], Array]
"""Turns rows of the type it was fitted on into features (n, d)."""

N_GRAMS = 500
"""How many of the commonest n-grams get a column of their own."""


def fit_features(train: Rows, *, n_grams: int = N_GRAMS, unseen: bool = False) -> Featurise:
    """Choose a basis on the real training data; return the function that turns any rows of its type into features.

    In a table a missing category is a category, and a missing number becomes the mean of the column, beside a column
    that marks where it is missing. (If train lacks none, there is nothing to mark with: it becomes the mean alone.)

    Args:
        train: Images, an array (n, ...), strings, tuples of tokens, or a table.
        n_grams: for sequences, the number of commonest n-grams that get a column.
        unseen: for tables, take a category that train has not for none of those it has, and a column of one value as it
            is, in place of refusing them.

    Returns:
        A function from rows to a float array (n, d), the same d for every call.

    Raises:
        TypeError: if train is none of these types, or a column of a table holds dates.
        ValueError: if it is empty, an array holds NaN, or nothing can be learned from a column of a table
            (``tables.columns.check_column``).
    """
    if is_table(train):
        return _fit_table(train, unseen=unseen)
    if is_continuous(train):
        return _fit_points(train)
    return _fit_sequences(train, n_grams)  # type: ignore[arg-type]


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
    common = Counter(gram for sequence in train for gram in grams(sequence)).most_common(
        whole("n_grams", n_grams, least=1)
    )
    column = {gram: i for i, (gram, _) in enumerate(common)}

    def counts(data: Any) -> Array:
        keys(data)
        table = np.zeros((len(data), len(column) + 1))
        for row, sequence in zip(table, data, strict=True):
            for gram in grams(sequence):
                row[column.get(gram, len(column))] += 1
        return table

    return counts


def _fit_table(train: pd.DataFrame, *, unseen: bool) -> Featurise:
    check_table(train, "train")
    columns = train.iloc[:0]
    encoders = {name: _fit_column(train[name], unseen=unseen) for name in train.columns}

    def table(data: Any) -> Array:
        check_same_columns({"data": data, "train": columns})
        return np.hstack([encode(data[name]) for name, encode in encoders.items()])

    return table


def _fit_column(train: pd.Series[Any], *, unseen: bool) -> Callable[[pd.Series[Any]], Array]:
    kind = kind_of(train)
    if kind == "dates" or not unseen:  # a generator may have made one value only: no reason not to judge it
        check_column(train)
    return _fit_numbers(train) if kind == "numbers" else _fit_categories(train, unseen=unseen)


def _fit_numbers(train: pd.Series[Any]) -> Callable[[pd.Series[Any]], Array]:
    """Standardise by the mean and deviation of train."""
    values = numbers_of(train)
    there = values[~np.isnan(values)]
    varied = there.size > 0 and there.min() < there.max()
    # A column that is constant in train keeps its unit, so that what differs from it is seen.
    mean, deviation = (there.mean() if there.size else 0.0, there.std() if varied else 1.0)
    some_missing = there.size < values.size

    def standardised(data: pd.Series[Any]) -> Array:
        if kind_of(data) != "numbers":
            same_kinds(data.dropna().unique(), [0.0], f"column {data.name!r}")
        values = numbers_of(data)
        refuse_infinite(str(data.name), values)
        missing = np.isnan(values)
        scaled = np.where(missing, 0.0, (values - mean) / deviation)
        return np.column_stack([scaled, missing] if some_missing else [scaled])

    return standardised


def _fit_categories(train: pd.Series[Any], *, unseen: bool) -> Callable[[pd.Series[Any]], Array]:
    """Give every category of train a 0/1 column, those that its dtype declares included, and missing the last."""
    known = categories_of(train)
    code = {category: i for i, category in enumerate(known)}
    width = len(known) + bool(train.isna().any())

    def one_hot(data: pd.Series[Any]) -> Array:
        same_kinds(data.dropna().unique(), known, f"column {data.name!r}")
        places = np.array([code.get(value, -1) for value in data], dtype=np.int64)
        places[data.isna().to_numpy()] = len(known)
        if not unseen and (places < 0).any():
            value = data.iloc[int(np.argmin(places))]
            raise ValueError(
                f"column {data.name!r} has the category {value!r}, which train has not: {known}; merge rare ones, or "
                "declare all in a category dtype"
            )
        there = (places >= 0) & (places < width)
        table = np.zeros((len(data), width))
        table[there, places[there]] = 1
        return table

    return one_hot
