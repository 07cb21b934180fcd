"""Rows of single persons are thinned to what chance would bring, and rows that many share are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.synth.guard import RARE, Guard, learnt_by, row_hashes, without_rare_numbers

LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def coarse(n: int, seed: int) -> pd.DataFrame:
    """Rows of a population of some thousand kinds, a few common, most of them rare."""
    kind = np.random.default_rng(seed).lognormal(6, 1.5, n).astype(int)
    return pd.DataFrame({"a": kind // 26, "b": pd.Categorical.from_codes(kind % 26, LETTERS)})


def passed(guard: Guard, drawn: pd.DataFrame) -> pd.DataFrame:
    return drawn[guard.passes(drawn, np.random.default_rng(0))]


def test_new_rows_of_the_population_pass() -> None:
    train = coarse(2_000, 0)
    guard = Guard.of(train, coarse(20_000, 1))
    assert guard.keep[1:].min() > 0.8  # no more of them repeat than chance has


def test_a_copier_is_thinned_to_what_chance_would_bring() -> None:
    train, fresh = coarse(2_000, 0), coarse(20_000, 1)
    copies = train.sample(20_000, replace=True, random_state=0, ignore_index=True)
    guard = Guard.of(train, copies)
    share = (guard.classes(passed(guard, copies)) == 1).mean()
    by_chance = (guard.classes(fresh) == 1).mean()
    assert (guard.classes(copies) == 1).mean() > by_chance + 0.1
    # Three deviations: 220 rows stand twice, of 2,000.
    assert share == pytest.approx(by_chance, abs=0.045)


def test_in_a_table_without_equal_rows_no_copy_passes() -> None:
    train = pd.DataFrame({"x": np.random.default_rng(0).normal(size=500)})
    drawn = pd.concat([train.iloc[:50], train.iloc[:450] + 1], ignore_index=True)
    guard = Guard.of(train, drawn)
    assert passed(guard, drawn).index.tolist() == list(range(50, 500))


def test_copies_do_not_pass_either_where_none_was_drawn_to_measure() -> None:
    train = pd.DataFrame({"x": np.random.default_rng(0).normal(size=500)})
    guard = Guard.of(train, train + 1)
    assert not len(passed(guard, train))
    assert len(passed(guard, train + 1)) == 500


def test_what_many_share_always_passes() -> None:
    train = pd.DataFrame({"x": np.repeat([1, 2, 3], RARE)})
    guard = Guard.of(train, train)
    assert len(passed(guard, train)) == len(train)
    assert not len(guard.hashes)


def sparse(n: int = 400) -> pd.DataFrame:
    """Mostly zeros, and gains that are somebody's own."""
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(n) < 0.8, 0, rng.choice(10**5, n, replace=False) * 1_000)
    bonus = np.where(rng.random(n) < 0.9, np.nan, rng.lognormal(8, 1, n).round(2))
    return pd.DataFrame({"gain": gain, "bonus": bonus, "age": rng.integers(18, 60, n)})


@pytest.mark.parametrize("family", ["copula", "bayesnet"])
def test_no_number_of_one_person_is_handed_out(family: str) -> None:
    table = sparse()
    drawn = learnt_by(family, {}, table, seed=0).sample(2_000, seed=0)
    for name in ("gain", "bonus"):
        counts = table[name].value_counts()
        own = set(counts.index[counts == 1])
        assert len(own) > 20
        assert not own & set(drawn[name])
    assert drawn["gain"].eq(0).mean() == pytest.approx(0.8, abs=0.06)  # what many share stays as it was


def test_numbers_are_drawn_anew_in_their_order_and_steps() -> None:
    table = sparse()
    made = without_rare_numbers(table, seed=0)
    assert made.dtypes.equals(table.dtypes)
    assert made["bonus"].isna().equals(table["bonus"].isna())
    assert made["gain"].corr(table["gain"], method="spearman") > 0.999
    assert made["gain"].between(table["gain"].min(), table["gain"].max()).all()
    assert set(made["gain"] % 1_000) == {0}
    assert without_rare_numbers(table, seed=0).equals(made)


@given(st.lists(st.integers(-(2**52), 2**52) | st.integers(-3, 3), min_size=1, max_size=30))
def test_whole_numbers_stay_whole_and_between_the_ends(values: list[int]) -> None:
    made = without_rare_numbers(pd.DataFrame({"x": values}), seed=0)["x"]
    assert made.dtype == np.int64
    assert made.between(min(values), max(values)).all()
    assert made.iloc[np.argsort(values, kind="stable")].is_monotonic_increasing or len(set(values)) < len(values)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-5, 5)), min_size=1, max_size=8))
def test_equal_rows_have_equal_hashes_whatever_their_dtype(values: list[float | None]) -> None:
    numbers = pd.DataFrame(
        {"x": pd.Series(values, dtype="Float64"), "y": pd.Series(map(str, values), dtype="category")}
    )
    other = numbers.astype({"x": "float64", "y": "object"})
    assert np.array_equal(row_hashes(numbers), row_hashes(other))
    same = numbers["x"].eq(numbers["x"].iloc[0]).fillna(numbers["x"].isna() & pd.isna(numbers["x"].iloc[0]))
    first = row_hashes(numbers[["x"]])
    assert np.array_equal(first == first[0], same.to_numpy(bool))


def test_it_comes_back_from_its_arrays_or_is_refused() -> None:
    train = coarse(300, 0)
    guard = Guard.of(train, coarse(300, 1))
    again = Guard.restored(guard.arrays())
    assert np.array_equal(again.passes(train, np.random.default_rng(1)), guard.passes(train, np.random.default_rng(1)))
    with pytest.raises(ValueError, match="do not fit together"):
        Guard.restored({**guard.arrays(), "keep": guard.keep * 2})
    with pytest.raises(ValueError, match="do not fit together"):
        Guard.restored({**guard.arrays(), "once": guard.once[1:]})
