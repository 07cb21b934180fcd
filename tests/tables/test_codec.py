"""Columns to states and back: what is drawn from a state belongs to it, whatever the column holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.tables.codec import column_from_config, column_of

NUMBERS = st.one_of(
    st.integers(-50, 50).map(float),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.integers(0, 10_000).map(lambda cents: cents / 100),
)


@given(st.lists(NUMBERS, min_size=2, max_size=200), st.integers(2, 12), st.booleans())
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


@given(st.lists(NUMBERS, min_size=2, max_size=200), st.integers(2, 12), NUMBERS, NUMBERS)
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


def test_numbers_beyond_the_ends_belong_to_the_end_bins():
    column = column_of(pd.Series(np.arange(100.0), name="x"), 4)
    np.testing.assert_array_equal(column.encode(pd.Series([-5.0, 1e9, 24.0, 25.0], name="x")), [0, 3, 0, 1])
