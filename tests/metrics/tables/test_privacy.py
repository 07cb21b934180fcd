"""Distance to the closest record: the full table of distances is the oracle; fresh rows must read one half."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from sdg_lab.metrics import closest_record


def mixed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = pd.Categorical(rng.choice(["a", "b", "c"], n), ["a", "b", "c"])
    return pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(3, 20, size=n), "kind": kind})


@pytest.mark.parametrize(("train", "held_out"), [(600, 600), (2400, 600), (600, 2400)])
def test_fresh_rows_are_as_near_to_train_as_to_others_however_many_there_are_of_each(train, held_out):
    found = closest_record(mixed(1000, 2), mixed(train, 0), mixed(held_out, 1))
    assert found.nearer_to_train == pytest.approx(0.5, abs=0.07)  # 4 standard errors of 1,000 rows


def test_copies_are_nearer_to_where_they_come_from():
    train, held_out = mixed(500, 0), mixed(500, 1)
    copies = closest_record(train, train, held_out)
    assert copies.to_train.max() == 0
    assert copies.nearer_to_train > 0.95
    assert closest_record(held_out, train, held_out).nearer_to_train < 0.05


def test_distances_are_those_of_the_full_table_on_the_scale_of_train():
    samples, train, held_out = mixed(20, 2), mixed(50, 0), mixed(50, 1)
    scaler = StandardScaler().fit(train[["x", "y"]].to_numpy())

    def points(table):
        return np.hstack([scaler.transform(table[["x", "y"]].to_numpy()), pd.get_dummies(table["kind"]).to_numpy()])

    found = closest_record(samples, train, held_out)
    np.testing.assert_allclose(found.to_train, cdist(points(samples), points(train)).min(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.to_held_out, cdist(points(samples), points(held_out)).min(axis=1), rtol=1e-9)


def test_the_seed_decides_which_rows_of_the_larger_set_are_drawn():
    samples, train, held_out = mixed(50, 2), mixed(400, 0), mixed(100, 1)
    first, again, other = (closest_record(samples, train, held_out, **seed) for seed in ({}, {"seed": 0}, {"seed": 1}))
    np.testing.assert_array_equal(first.to_train, again.to_train)
    assert (first.to_train != other.to_train).any()
    np.testing.assert_array_equal(first.to_held_out, other.to_held_out)


def test_a_tie_counts_half():
    table = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    assert closest_record(table, table, table).nearer_to_train == 0.5
    mostly = pd.DataFrame({"x": [0.0, 1.0, 2.0, 9.0]})  # 3 is nearer to train's 3, the others are ties
    assert closest_record(table, table, mostly).nearer_to_train == 5 / 8


def test_a_row_with_gaps_is_closest_to_one_with_the_same_gaps():
    train = pd.DataFrame({"x": [1.0, np.nan, 3.0, 5.0], "kind": ["a", "a", None, "b"]})
    held_out = pd.DataFrame({"x": [1.0, 2.0, 3.0, 5.0], "kind": list("aabb")})
    found = closest_record(train.iloc[[1, 2]], train, held_out)
    assert found.to_train.tolist() == [0, 0]
    assert (found.to_held_out >= 1).all()


@pytest.mark.parametrize("place", range(3))
def test_a_column_that_one_table_alone_has_is_refused(place):
    tables = [mixed(20, 0), mixed(20, 1), mixed(20, 2)]
    tables[place] = tables[place].drop(columns="x")
    name = ("samples", "train", "held_out")[place]
    with pytest.raises(ValueError, match=rf"{name} lacks the columns \['x'\]; it has \['y', 'kind'\]"):
        closest_record(*tables)


def test_what_has_no_distance_is_refused():
    huge = mixed(20, 0).assign(x=1e200)
    with pytest.raises(ValueError, match=r"samples has 1\..*e\+200 in row 0, column 0; every number must be finite"):
        closest_record(huge, mixed(20, 1), mixed(20, 2))
    with pytest.raises(ValueError, match="there are two columns 'x' in held_out; rename one"):
        closest_record(mixed(20, 0), mixed(20, 1), mixed(20, 2).set_axis(["x", "y", "x"], axis=1))
