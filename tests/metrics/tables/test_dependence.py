"""Distances of pairs of columns: by hand on small tables, and against cross tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sdg_lab.metrics import mean_pair_distance, pair_distances


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    kind = pd.Categorical(np.where(x + rng.normal(size=n) > 0, "a", "b"), ["a", "b"])
    return pd.DataFrame({"x": x, "kind": kind, "count": rng.poisson(2, n)})


def test_pair_distances_by_hand():
    real = pd.DataFrame({"a": ["u", "u", "v", "v"], "b": ["p", "q", "p", "q"]})
    other = pd.DataFrame({"a": ["u", "u", "v", "v"], "b": ["p", "p", "q", "q"]})
    want = pd.DataFrame([[0.0, 0.5], [0.5, 0.0]], ["a", "b"], ["a", "b"])
    pd.testing.assert_frame_equal(pair_distances(real, other), want)
    assert pair_distances(real, real).to_numpy().max() == 0


def test_the_mean_is_over_pairs_of_different_columns():
    real = pd.DataFrame({"a": list("uuvv"), "b": list("pqpq"), "c": list("xxyy")})
    other = real.assign(c=list("yyxx"))
    assert pair_distances(real, other).to_numpy().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert mean_pair_distance(real, other) == pytest.approx(1 / 3)


def test_pair_distances_are_total_variation_of_cross_tables():
    real, other = mixed(400, 0), mixed(300, 1)
    ours = pair_distances(real, other, bins=4)
    edges = np.quantile(real["x"], [0.25, 0.5, 0.75])
    tables = [pd.crosstab(np.searchsorted(edges, t["x"]), t["kind"], normalize=True).to_numpy() for t in (real, other)]
    assert ours.loc["x", "kind"] == pytest.approx(np.abs(tables[0] - tables[1]).sum() / 2, abs=0.01)
    np.testing.assert_allclose(ours, ours.T, atol=1e-12)


def test_the_bins_are_those_of_the_real_table_and_as_many_as_one_says():
    """Ten equal bins of 0 … 99; the other table has the first only, so 9 of 10 shares lie elsewhere."""
    real = pd.DataFrame({"x": np.arange(100.0), "y": [0, 1] * 50})
    other = pd.DataFrame({"x": np.arange(10.0), "y": [0, 1] * 5})
    assert pair_distances(real, other).loc["x", "x"] == pytest.approx(0.9)
    assert pair_distances(real, other, bins=2).loc["x", "x"] == pytest.approx(0.5)
    assert mean_pair_distance(real, other) == pair_distances(real, other, bins=10).loc["x", "y"] == pytest.approx(0.9)
    assert mean_pair_distance(real, other, bins=2) == pair_distances(real, other, bins=2).loc["x", "y"]
    assert (
        mean_pair_distance(other, real) == pair_distances(other, real).loc["x", "y"] != mean_pair_distance(real, other)
    )


def test_a_missing_value_is_a_value():
    real = pd.DataFrame({"x": [1.0, 1.0, np.nan, np.nan], "kind": ["a", None, "a", None]})
    other = pd.DataFrame({"x": [1.0, 1.0, 1.0, np.nan], "kind": ["a", "a", "a", None]})
    want = [[0.25, 0.5], [0.5, 0.25]]
    np.testing.assert_allclose(pair_distances(real, other), want)


def test_independent_columns_keep_singles_and_lose_pairs():
    real, rng = mixed(3000, 0), np.random.default_rng(0)
    shuffled = pd.DataFrame({name: real[name].take(rng.permutation(3000)).reset_index(drop=True) for name in real})
    distances = pair_distances(real, shuffled)
    assert np.diag(distances).max() < 1e-12
    assert distances.loc["x", "kind"] > 0.2 > distances.loc["x", "count"]


@pytest.mark.parametrize("bins", [0, 1, True, 2.5])
def test_there_are_at_least_two_bins(bins):
    with pytest.raises(ValueError, match=f"bins must be a whole number >= 2, got {bins}"):
        pair_distances(mixed(50, 0), mixed(50, 1), bins=bins)


def test_a_column_that_real_has_not_is_refused():
    with pytest.raises(ValueError, match=r"real lacks the columns \['new'\]"):
        pair_distances(mixed(50, 0), mixed(50, 1).assign(new=1))


def test_one_column_has_no_pair():
    with pytest.raises(ValueError, match="real has the one column 'x'; a pair needs at least 2"):
        mean_pair_distance(mixed(50, 0)[["x"]], mixed(50, 1)[["x"]])


def test_a_category_that_real_has_not_is_refused():
    with pytest.raises(ValueError, match="column 'kind' has 'c' in row 0"):
        pair_distances(mixed(50, 0), mixed(50, 1).assign(kind="c"))
