"""Mixed tables as numbers: pandas, scipy's distances and the points of fit_features are the oracles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from sdg_lab.metrics import fit_features
from sdg_lab.metrics.tables.mixed import CODES, WIDEST, Mixed, Space, forest, neighbours, some


def mixed_table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "k": pd.array(rng.integers(0, 4, n), dtype="Int64"),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n), ["a", "b", "c", "never"]),
            "text": rng.choice(np.array(["u", "v", None], dtype=object), n),
            "yes": rng.random(n) < 0.3,
        }
    )


cells = st.one_of(st.none(), st.sampled_from(["a", "b"]))


@given(st.lists(st.tuples(cells, st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5]))), min_size=1, max_size=12))
def test_keys_are_equal_exactly_where_rows_are(rows):
    table = pd.DataFrame(rows, columns=["kind", "x"]).astype({"kind": object, "x": float})
    keys = Mixed.of({"table": table}).rows("table")
    same = [tuple(None if pd.isna(v) else v for v in row) for row in rows]
    assert [[a == b for a in keys] for b in keys] == [[a == b for a in same] for b in same]


def test_each_category_has_one_code_in_all_tables_whatever_dtype_holds_it():
    real = pd.DataFrame({"kind": pd.Categorical(["b", "a", "b"], ["a", "b"])})
    other = pd.DataFrame({"kind": ["new", "a", None, "b"]})
    coded = Mixed.of({"real": real, "other": other})
    assert coded.sizes == (3,)
    assert coded.tables["real"][:, 0].tolist() == [0, 1, 0]  # from the commonest
    np.testing.assert_array_equal(coded.tables["other"][:, 0], [2, 1, np.nan, 0])


def test_points_are_as_far_apart_as_features():
    table = mixed_table(200, 0)
    space = Space.of(Mixed.of({"table": table}), "table")
    ours, theirs = space.points(space.mixed.tables["table"]), fit_features(table)(table)
    np.testing.assert_allclose(cdist(ours, ours), cdist(theirs, theirs), atol=1e-9)


def test_many_categories_stay_apart_in_few_columns():
    table = pd.DataFrame({"code": [f"{i:03}" for i in range(400)] * 2})
    space = Space.of(Mixed.of({"table": table}), "table")
    points = space.points(space.mixed.tables["table"])
    apart = cdist(points, points)
    assert points.shape[1] == WIDEST
    assert apart[np.arange(400), np.arange(400) + 400].max() == 0
    different = apart[:400, :400][np.triu_indices(400, k=1)]
    assert different.min() > 0.3
    assert different.mean() == pytest.approx(np.sqrt(2), abs=0.05)


def test_quick_neighbours_are_nearly_those_of_all_distances():
    space = Space.of(Mixed.of({"among": mixed_table(5_000, 0), "asked": mixed_table(300, 1)}), "among")
    asked, among = space.mixed.tables["asked"], space.mixed.tables["among"]
    exact = np.sort(cdist(space.points(asked), space.points(among)), axis=1)[:, :3]
    plain, _ = neighbours(space, asked, among, 3)
    np.testing.assert_allclose(plain, exact, atol=1e-9)
    quick, where = neighbours(space, asked, among, 3, plain=0)
    assert (quick >= exact - 1e-9).all()
    assert (quick[:, 0] <= exact[:, 0] + 1e-9).mean() > 0.95
    again = np.linalg.norm(space.points(asked) - space.points(among[where[:, 0]]), axis=1)
    np.testing.assert_allclose(quick[:, 0], again)


def test_quick_neighbours_find_every_copy():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(2_000, 60)), columns=[f"x{i}" for i in range(60)])
    space = Space.of(Mixed.of({"wide": wide}), "wide")
    rows = space.mixed.tables["wide"]
    apart, where = neighbours(space, rows[:200], rows, plain=0)
    assert apart.max() == 0
    assert where[:, 0].tolist() == list(range(200))


def test_trees_get_at_most_so_many_categories_and_how_common_the_others_are():
    table = pd.DataFrame({"code": [f"{min(i, 500)}" for i in range(600)], "x": np.arange(600.0)})
    trees = forest(Mixed.of({"table": table}), "table")
    assert trees.categorical.tolist() == [True, False, False]
    assert trees.of.tolist() == [0, 0, 1]
    assert trees.x[:, 0].max() == CODES - 1
    assert trees.x[:, 1].tolist() == [1.0] * 500 + [100.0] * 100


def test_a_draw_is_of_different_rows_and_no_more_than_there_are():
    table = pd.DataFrame({"x": range(10)})
    rng = np.random.default_rng(0)
    assert some(table, 4, rng)["x"].is_unique
    assert sorted(some(table, 40, rng)["x"]) == list(range(10))


@pytest.mark.parametrize(
    ("tables", "error", "sentence"),
    [
        ([{"x": [1.0]}, {"y": [1.0]}], ValueError, r"a lacks the columns \['y'\]; it has \['x'\]"),
        ([{"x": [1.0]}, {"x": ["1"]}], ValueError, "column 'x' of b holds text, what it is compared with numbers"),
        ([{"x": ["1"]}, {"x": [1]}], ValueError, "column 'x' of b holds numbers, what it is compared with text"),
        ([{"x": [1.0]}, {"x": [np.inf]}], ValueError, "column 'x' is infinite in row 0"),
        (
            [{"x": [1.0]}, {"x": [1.0, 1e40]}],
            ValueError,
            r"column 'x' of b has 1e\+40 in row 1; every number",
        ),
        ([{"x": [1.0]}, {"x": []}], ValueError, r"b is empty: shape \(0, 1\)"),
        ([{"x": [["a"]]}], TypeError, "column 'x' holds list values; turn them into text or numbers"),
        ([{"x": pd.to_datetime(["2020-01-01"])}], TypeError, "column 'x' holds dates; turn them into numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(tables, error, sentence):
    with pytest.raises(error, match=sentence):
        Mixed.of({name: pd.DataFrame(table) for name, table in zip("ab", tables, strict=False)})


def test_more_neighbours_than_rows_are_refused():
    space = Space.of(Mixed.of({"t": pd.DataFrame({"x": [1.0, 2.0]})}), "t")
    with pytest.raises(ValueError, match="3 neighbours need as many rows, got 2"):
        neighbours(space, space.mixed.tables["t"], space.mixed.tables["t"], 3)
