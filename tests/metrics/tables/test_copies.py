"""Copies: counts by hand and by pandas; fresh rows are no copies, and a passing share proves nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sdg_lab.metrics.tables.copies import copies


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "y": rng.normal(size=n),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n), ["a", "b", "c"]),
        }
    )


def coarse(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"age": rng.integers(20, 40, n), "kind": rng.choice([*"abcde", None], n)})


def test_equal_rows_are_those_that_a_join_finds():
    synthetic, train, held_out = coarse(200, 0), coarse(100, 1), coarse(80, 2)
    found = copies(synthetic, train, held_out)

    def joined(table):
        return table.merge(train.drop_duplicates(), how="left", indicator="side")["side"].eq("both").to_numpy()

    np.testing.assert_array_equal(found.is_copy, joined(synthetic))
    assert found.exact.value == joined(synthetic).mean()
    assert found.exact_by_chance.value == joined(held_out).mean()


@pytest.mark.parametrize("make", [mixed, coarse])
@pytest.mark.parametrize("seed", range(3))
def test_fresh_rows_are_as_common_as_held_out_ones(make, seed):
    found = copies(make(1000, 3 * seed), make(1500, 3 * seed + 1), make(500, 3 * seed + 2))
    for excess in (found.exact_excess, found.near_excess):
        assert excess.value == pytest.approx(0, abs=2.2 * (excess.high - excess.low) / 2)  # 4 errors
    assert found.nearer.value == pytest.approx(0.5, abs=2.2 * (found.nearer.high - found.nearer.low) / 2)


def test_the_interval_of_nearer_takes_in_neighbours_that_are_shared():
    widths, off = [], []
    for seed in range(40):
        tables = [
            pd.DataFrame({"x": np.random.default_rng([seed, i]).normal(size=n)}) for i, n in enumerate((2000, 30, 30))
        ]
        found = copies(*tables).nearer
        widths.append(found.high - found.low)
        off.append(abs(found.value - 0.5) > (found.high - found.low) / 2)
    assert min(widths) > 4 * 0.5 / np.sqrt(2000)  # far more than that of 2,000 coins
    assert np.mean(off) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 40)


def test_a_copier_is_found_and_one_who_moves_rows_a_little():
    train, held_out = mixed(1000, 0), mixed(500, 1)
    bootstrap = train.sample(800, replace=True, random_state=0)
    found = copies(bootstrap, train, held_out)
    assert found.exact.value == 1
    assert found.near.value == 0  # they are exact
    assert found.exact_excess.low > 0.95
    assert found.nearer.low > 0.5
    moved = bootstrap.assign(y=bootstrap["y"] + np.random.default_rng(0).normal(0, 0.001, 800))
    found = copies(moved, train, held_out)
    assert found.exact.value == 0
    assert found.near_excess.low > 0.7
    assert found.nearer.low > 0.5


def test_a_near_copy_is_at_most_a_third_as_far_as_the_second():
    train = pd.DataFrame({"x": [0.0, 0.0, 3.0, 50.0]})  # twins are one row
    synthetic = pd.DataFrame({"x": [0.0, 0.74, 0.76, 2.5]})
    found = copies(synthetic, train, pd.DataFrame({"x": [1.5, 10.0]}))
    assert found.exact.value == 0.25
    assert found.near.value == 0.5  # 0.74 and 2.5; 0.76 is more than a third as far from 0 as from 3
    assert found.near_by_chance.value == 0


def test_a_row_as_near_to_both_counts_half():
    train, held_out = pd.DataFrame({"x": [0.0, 9.0]}), pd.DataFrame({"x": [0.0, 5.0]})
    assert copies(pd.DataFrame({"x": [0.0, 8.0]}), train, held_out).nearer.value == 0.75


def test_the_seed_says_which_rows_are_asked():
    tables = mixed(500, 0), mixed(500, 1), mixed(500, 2)
    first, again, other = (copies(*tables, rows=50, seed=seed) for seed in (0, 0, 1))
    assert (first.near, first.nearer) == (again.near, again.nearer)
    assert (first.near, first.nearer) != (other.near, other.nearer)
    assert len(first.is_copy) == 500


def test_what_has_no_second_neighbour_is_refused():
    same = pd.DataFrame({"x": [1.0, 1.0]})
    with pytest.raises(ValueError, match="train has only 1 different row; near copies need a second one"):
        copies(same, same, same)
    with pytest.raises(ValueError, match="rows must be a whole number >= 1, got 0"):
        copies(same, same, same, rows=0)
