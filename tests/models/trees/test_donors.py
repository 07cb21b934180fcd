"""What leaves hand out: counted by brute force, and nothing rare for itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from sdg_lab.models.trees import donors as module
from sdg_lab.models.trees.donors import Donors, is_rare

VALUES = st.sampled_from([0.0, 0.0, 0.0, 1.5, 2.5, 2.75, 9.0, -3.0, 1e300, float("nan")])
TABLES = st.lists(st.tuples(st.integers(0, 2), VALUES), min_size=1, max_size=60)


def parts(table: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray, int]:
    leaves, values = (np.array(part) for part in zip(*table, strict=True))
    _, leaves = np.unique(leaves, return_inverse=True)
    return leaves.astype(np.int32), values, int(leaves.max()) + 1


def collect(leaves: np.ndarray, n_leaves: int, values: np.ndarray, *, common: int, reach: int = 1) -> Donors:
    return Donors.of(leaves, n_leaves, values, rare=is_rare(values, common), reach=reach)


def intervals(donors: Donors) -> tuple[np.ndarray, np.ndarray]:
    """Return low and high of each donor, leaf after leaf."""
    counts = np.diff(donors.upto.astype(int))
    return np.repeat(donors.ends[donors.low], counts), np.repeat(donors.ends[donors.high], counts)


@given(TABLES)
def test_if_every_value_is_common_donors_are_the_rows_of_the_leaf(table: list[tuple[int, float]]):
    leaves, values, n = parts(table)
    donors = collect(leaves, n, values, common=1)
    donors.check(n)
    low, high = intervals(donors)
    first = donors.upto[donors.first]
    for leaf in range(n):
        ours = low[first[leaf] : first[leaf + 1]]
        np.testing.assert_array_equal(ours, np.sort(values[leaves == leaf]))
    np.testing.assert_array_equal(low, high)
    for leaf in range(n):
        among = donors.low[donors.first[leaf] : donors.first[leaf + 1]]
        assert len(np.unique(among)) == len(among), "equal donors are one entry"


@given(TABLES, st.integers(2, 6), st.integers(1, 3))
def test_rare_numbers_are_kept_back_and_all_else_is_as_it_was(table: list[tuple[int, float]], common: int, reach: int):
    leaves, values, n = parts(table)
    lows, highs = intervals(collect(leaves, n, values, common=common, reach=reach))
    plain = intervals(collect(leaves, n, values, common=1))[0]
    present = np.unique(values[~np.isnan(values)])
    for value, low, high in zip(plain, lows, highs, strict=True):
        if np.isnan(value):
            assert np.isnan(low)
            assert np.isnan(high)
        elif (values == value).sum() >= common or len(present) == 1:
            assert low == high == value
        else:
            assert low <= value <= high
            assert low < high
            assert present[0] <= low
            assert high <= present[-1]


def test_a_rare_number_is_drawn_between_the_donors_beside_it_in_its_leaf():
    values = np.array([1.0, 2.0, 4.0, 7.0, 3.0, 5.0])
    low, high = intervals(collect(np.array([0, 0, 0, 0, 1, 1], np.int32), 2, values, common=2))
    assert low.tolist() == [1, 1, 2, 4, 3, 3]
    assert high.tolist() == [2, 4, 7, 7, 5, 5]


def test_one_that_is_alone_in_its_leaf_is_drawn_between_its_neighbours_in_the_column():
    values = np.array([0.0, 0.0, 6.0, 2.0, 8.0, 9.0])
    low, high = intervals(collect(np.array([0, 0, 0, 1, 1, 1], np.int32), 2, values, common=2))
    assert (low[2], high[2]) == (2, 8)


def test_donors_are_drawn_evenly_and_numbers_evenly_between_them():
    leaves = np.repeat(np.array([0, 1], np.int32), [4, 2])
    values = np.array([0.0, 0.0, np.nan, 1.0, 5.0, 6.0])
    donors = collect(leaves, 2, values, common=2)
    rng = np.random.default_rng(0)
    first = donors.draw(np.zeros(20_000, np.int32), rng)
    zero, missing = first == 0, np.isnan(first)
    assert chisquare([zero.sum(), missing.sum(), (~zero & ~missing).sum()], [10_000, 5_000, 5_000]).pvalue > 1e-3
    second = donors.draw(np.ones(5_000, np.int32), rng)  # both donors are drawn between 5 and 6
    assert kstest(second, "uniform", (5, 1)).pvalue > 1e-3


def test_the_largest_numbers_do_not_overflow():
    values = np.array([-1.7e308, 1.7e308, 1e308])
    drawn = collect(np.zeros(3, np.int32), 1, values, common=2, reach=3).draw(
        np.zeros(100, np.int32), np.random.default_rng(0)
    )
    assert np.isfinite(drawn).all()


@given(TABLES, st.integers(1, 6), st.integers(1, 3), st.integers(1, 40))
def test_the_mass_of_what_is_handed_out_is_that_of_its_donors(
    table: list[tuple[int, float]], common: int, reach: int, pairs: int
):
    leaves, values, n = parts(table)
    donors = collect(leaves, n, values, common=common, reach=reach)
    cuts = np.array([-np.inf, -3.0, 0.0, 1.0, 2.6, 9.0, np.inf])
    above, upto = np.append(cuts[:-1], np.nan), np.append(cuts[1:], np.nan)
    asked = np.repeat(np.arange(n), len(above)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAIRS", pairs)  # however few are looked at at once
        mass = donors.mass(asked, np.tile(above, n), np.tile(upto, n)).reshape(n, -1)
    np.testing.assert_allclose(mass.sum(axis=1), 1, rtol=1e-12)
    low, high = intervals(donors)
    for leaf in range(n):
        mine = slice(*donors.upto[donors.first[leaf : leaf + 2]])
        for k, (least, most) in enumerate(pairwise(cuts)):
            parts_of = [
                max(min(b, most) - max(a, least), 0) / (b - a) if a < b else float(least < a <= most)
                for a, b in zip(low[mine], high[mine], strict=True)
            ]
            assert mass[leaf, k] == pytest.approx(np.mean(parts_of), abs=1e-12)


def test_donors_that_do_not_fit_are_refused():
    donors = collect(np.array([0, 1], np.int32), 2, np.array([1.0, 2.0]), common=1)
    donors.check(2)
    for n_leaves, broken in ((3, donors), (2, replace(donors, low=donors.low[1:])),
                             (2, replace(donors, first=np.array([0, 2, 2]))),
                             (2, replace(donors, first=np.array([1, 2, 2]))),
                             (2, replace(donors, upto=np.array([0, 1, 1]))),
                             (2, replace(donors, ends=donors.ends[1:]))):  # fmt: skip
        with pytest.raises(ValueError, match="do not fit its leaves"):
            broken.check(n_leaves)
    with pytest.raises(ValueError, match="ends before it begins"):
        replace(donors, high=np.array([0, 0], np.uint8)).check(2)
