"""Columns to states and back: what is drawn from a state belongs to it, whatever the column holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from sdg_lab.tables.codec import code_table, column_from_config, column_of
from sdg_lab.tables.numbers import CELLS, REPEATS

KINDS = (
    st.integers(-50, 50).map(float),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.integers(0, 10_000).map(lambda cents: cents / 100),
)
NUMBERS = st.one_of(KINDS)
BOUNDS = NUMBERS | st.integers(-200, 200).map(lambda quarters: quarters / 4)
LISTS = st.one_of([st.lists(kind, min_size=2, max_size=200) for kind in (*KINDS, NUMBERS)])


@given(LISTS, st.integers(2, 12), st.booleans())
def test_a_number_drawn_from_a_state_is_in_it(numbers, bins, missing):
    values = pd.Series([*numbers, *([np.nan] if missing else [])], name="x")
    if values.nunique() < 2:
        return
    column = column_of(values, bins)
    codes = column.encode(values)
    assert codes.max() == len(column.labels) - 1
    for rng in (np.random.default_rng(0), np.random.default_rng(1)):
        drawn = column.decode(codes, rng)
        np.testing.assert_array_equal(column.encode(drawn), codes)
        assert drawn.dtype == values.dtype
        assert drawn.isna().equals(values.isna())
        assert values.min() <= drawn.min() <= drawn.max() <= values.max()
    again = column_from_config(column.config())
    pd.testing.assert_series_equal(
        again.decode(codes, np.random.default_rng(3)), column.decode(codes, np.random.default_rng(3))
    )


@given(LISTS, st.integers(2, 12), BOUNDS, BOUNDS)
@example([*range(10)], 4, 0.5, 2.5)  # what is rounded out of the range is not in it
def test_a_number_drawn_on_a_condition_meets_it(numbers, bins, one, other):
    values = pd.Series(numbers, name="x")
    if values.nunique() < 2:
        return
    least, most = sorted((one, other))
    weights, narrowed = column_of(values, bins).given((least, most))
    assert (weights >= 0).all()
    assert (weights <= 1).all()
    codes = np.repeat(np.flatnonzero(weights), 20).astype(np.uint8)
    if len(codes):
        drawn = narrowed.decode(codes, np.random.default_rng(0))
        assert drawn.between(least - 1e-9, most + 1e-9).all()


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([3, 1, 2, 2], dtype="int32", name="x"),
        pd.Series([3, None, 2, 2], dtype="Int64", name="x"),
        pd.Series([0.1, 0.2, 0.7], dtype="float32", name="x"),
        pd.Series([True, False, True], name="x"),
        pd.Series([True, None, False], dtype="boolean", name="x"),
        pd.Series(["b", "a", None], dtype="str", name="x"),
        pd.Series(["b", "a", None], dtype="object", name="x"),
        pd.Series(pd.Categorical([10, 20, 10], categories=[30, 20, 10], ordered=True), name="x"),
        pd.Series(pd.Categorical(["b", None, "a"], categories=["a", "b", "c"]), name="x"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_few_values_come_back_as_they_were(values):
    column = column_of(values, 8)
    back = column.decode(column.encode(values), np.random.default_rng(0))
    pd.testing.assert_series_equal(back, values)


def test_a_value_that_fills_a_bin_is_a_state_of_its_own():
    rng = np.random.default_rng(0)
    values = pd.Series(np.where(rng.random(2000) < 0.6, 0.0, rng.exponential(1, 2000)), name="x")
    column = column_of(values, 6)
    assert column.labels[0] == "0"
    shares = np.bincount(column.encode(values)) / 2000
    assert shares[0] == pytest.approx((values == 0).mean())
    np.testing.assert_allclose(shares[1:], (1 - shares[0]) / (len(shares) - 1), atol=0.01)


def test_values_that_repeat_are_kept_and_others_are_drawn_in_between():
    rng = np.random.default_rng(0)
    repeated = pd.Series(rng.integers(0, 50, 5000) * 1.37, name="x")
    spread = pd.Series(rng.normal(0, 1, 5000).round(3), name="x")
    for values, kept in ((repeated, True), (spread, False)):
        column = column_of(values, 8)
        drawn = column.decode(column.encode(values), rng)
        assert drawn.isin(values).all() == kept
    assert (drawn.round(3) == drawn).all()


def test_what_is_drawn_is_distributed_as_the_data():
    rng = np.random.default_rng(0)
    n = 5000
    repeated = rng.choice(np.arange(50) * 1.37, n, p=np.arange(1, 51) / 1275)
    spread = rng.normal(0, 1, n)
    zeros = np.where(rng.random(n) < 0.3, 0, rng.exponential(1, n))
    for numbers, distinct in ((repeated, 50), (spread, n), (zeros, (zeros != 0).sum() + 1)):
        values = pd.Series(numbers, name="x")
        column = column_of(values, 8)
        drawn = column.decode(column.encode(values), rng)
        assert ks_2samp(values, drawn).pvalue > 0.01
        assert drawn.nunique() == distinct  # not one number for each cell


def test_numbers_beyond_the_ends_belong_to_the_end_bins():
    column = column_of(pd.Series(np.arange(100.0), name="x"), 4)
    np.testing.assert_array_equal(column.encode(pd.Series([-5.0, 1e9, 24.0, 25.0], name="x")), [0, 3, 0, 1])
    # Between two bins the border is halfway.
    np.testing.assert_array_equal(column.encode(pd.Series([24.499, 24.501, 74.499, 74.501], name="x")), [0, 1, 2, 3])


@given(
    st.lists(st.integers(0, 60), min_size=REPEATS * 2, max_size=REPEATS * 6).filter(lambda found: len(set(found)) > 1),
    st.integers(2, 4),
)
def test_a_row_on_a_knot_counts_half_to_each_side(numbers, bins):
    values = np.sort(np.array(numbers, float))
    column = column_of(pd.Series(values, name="x"), bins)
    codes = column.encode(pd.Series(values, name="x"))
    assert len(column.low) <= CELLS * len(column.labels)
    for cell, state in enumerate(column.state):
        inside, low, high = values[codes == state], column.low[cell], column.high[cell]
        if low == high:
            assert column.mass[cell] == pytest.approx((inside == low).mean())
            continue
        first, last = column.state[cell - 1] != state or cell == 0, state not in column.state[cell + 1 :]
        rows = ((inside > low) & (inside < high)).sum()
        rows += (inside == low).sum() * (1 if first else 0.5) + (inside == high).sum() * (1 if last else 0.5)
        assert column.mass[cell] == pytest.approx(rows / len(inside))


def test_pairs_are_counted_as_pandas_counts_them():
    rng = np.random.default_rng(0)
    n = 2**13 + 100  # more than one block
    table = pd.DataFrame({"a": rng.choice(list("xyz"), n), "b": rng.choice([0, 1], n), "c": rng.choice(list("uv"), n)})
    coded = code_table(table)
    pairs = coded.pair_counts()
    labels = [(name, label) for name in table for label in column_of(table[name], 8).labels]
    for i, (one, first) in enumerate(labels):
        for j, (other, second) in enumerate(labels):
            together = (table[one].astype(str) == first) & (table[other].astype(str) == second)
            assert pairs[i, j] == together.sum()
    expected = table.groupby(["c", "a", "b"]).size().to_numpy().reshape(2, 3, 2)
    np.testing.assert_array_equal(coded.counts(1, (2, 0)), expected)
