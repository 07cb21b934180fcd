"""Figures of tables: by hand on small ones, and at the ends that they must reach."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sdg_lab.metrics.tables.quality import closest_record, mean_pair_distance, pair_distances, table_utility


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": x,
            "kind": pd.Categorical(np.where(x + rng.normal(size=n) > 0, "a", "b"), ["a", "b"]),
            "count": rng.poisson(2, n),
        }
    )


def shuffled(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: table[name].take(rng.permutation(len(table))).reset_index(drop=True) for name in table})


def test_pair_distances_by_hand():
    real = pd.DataFrame({"a": ["u", "u", "v", "v"], "b": ["p", "q", "p", "q"]})
    other = pd.DataFrame({"a": ["u", "u", "v", "v"], "b": ["p", "p", "q", "q"]})
    want = pd.DataFrame([[0.0, 0.5], [0.5, 0.0]], ["a", "b"], ["a", "b"])
    pd.testing.assert_frame_equal(pair_distances(real, other), want)
    assert mean_pair_distance(real, other) == 0.5
    assert pair_distances(real, real).to_numpy().max() == 0


def test_pair_distances_are_total_variation_of_cross_tables():
    real, other = mixed(400, 0), mixed(300, 1)
    real.loc[::7, "count"] = np.nan
    ours = pair_distances(real, other, bins=4)
    edges = np.quantile(real["x"], [0.25, 0.5, 0.75])
    tables = [pd.crosstab(np.searchsorted(edges, t["x"]), t["kind"], normalize=True).to_numpy() for t in (real, other)]
    assert ours.loc["x", "kind"] == pytest.approx(np.abs(tables[0] - tables[1]).sum() / 2, abs=0.01)
    np.testing.assert_allclose(ours, ours.T, atol=1e-12)


def test_independent_columns_keep_singles_and_lose_pairs():
    real = mixed(3000, 0)
    distances = pair_distances(real, shuffled(real))
    assert np.diag(distances).max() < 1e-12
    assert distances.loc["x", "kind"] > 0.2 > distances.loc["x", "count"]


def test_a_category_that_real_has_not_is_refused():
    with pytest.raises(ValueError, match="column 'kind' has 'c' in row 0, which was never seen"):
        pair_distances(mixed(50, 0), mixed(50, 1).assign(kind="c"))


def test_utility_is_the_area_of_the_classifier_on_real_rows():
    from sklearn.linear_model import LogisticRegression

    train, test = mixed(2000, 0), mixed(1000, 1)
    got = table_utility(train[["x", "kind"]], test[["x", "kind"]], target="kind", classifier=LogisticRegression())
    assert got == pytest.approx(roc_auc_score(test["kind"] == "b", -test["x"]), abs=1e-12)
    assert table_utility(shuffled(train), test, target="kind") < 0.6 < table_utility(train, test, target="kind")


def test_utility_needs_a_target_of_two_values():
    table = mixed(50, 0)
    with pytest.raises(ValueError, match="synthetic has no column 'y'"):
        table_utility(table, table, target="y")
    with pytest.raises(ValueError, match="real_test: the target 'kind' must have 2 values, it has 1"):
        table_utility(table, table.assign(kind="a"), target="kind")


def test_fresh_rows_are_as_near_to_train_as_to_others_and_copies_nearer():
    train, held_out, fresh = mixed(600, 0), mixed(600, 1), mixed(600, 2)
    assert closest_record(fresh, train, held_out).nearer_to_train == pytest.approx(0.5, abs=0.07)
    copies = closest_record(train, train, held_out)
    assert copies.to_train.max() == 0
    assert copies.nearer_to_train > 0.95
    assert closest_record(held_out, train, held_out).nearer_to_train < 0.05
