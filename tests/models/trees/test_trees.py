"""Sequential CART: against its own plain layer, known distributions, and what every kind of column owes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare, ks_2samp

from sdg_lab.models.trees import Trees, model
from sdg_lab.models.trees.cart import Forest
from sdg_lab.models.trees.coding import LEVELS
from sdg_lab.models.trees.sequential import sequential_cart


def fitted(table: pd.DataFrame, **options: Any) -> Trees:
    return Trees(**options).fit(table, progress=False)


# The method


def test_it_draws_what_the_plain_layer_draws():
    rng = np.random.default_rng(0)
    columns = [1 + rng.permutation(np.arange(800) % size) for size in (3, 7, 12, 30)]
    columns[3] = np.where(rng.random(800) < 0.7, 1 + (columns[1] * 4 + columns[0]) % 30, columns[3])
    table = pd.DataFrame({f"x{i}": column for i, column in enumerate(columns)})
    assert table.nunique().is_monotonic_increasing
    ours = fitted(table, leaf=15, trees=1, min_count=1, order="rising").sample(500, seed=3)
    plain = sequential_cart(table.to_numpy(np.float64), 500, leaf=15, seed=3)
    np.testing.assert_array_equal(ours.to_numpy(np.float64), plain)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("auto", ("two", "more", "three", "many")),
        ("falling", ("many", "three", "two", "more")),
        ("rising", ("two", "more", "three", "many")),
        (["more", "many", "two", "three"], ("more", "many", "two", "three")),
    ],
)
def test_columns_are_drawn_in_the_order_asked_for(order: Any, expected: tuple[str, ...]):
    table = pd.DataFrame({"two": [0, 1] * 20, "many": range(40), "three": list("abca") * 10, "more": list("xy") * 20})
    trees = fitted(table, leaf=5, order=order)
    assert trees.columns == expected
    assert list(trees.sample(3, seed=0).columns) == list(table.columns)


def test_tables_of_fewer_rows_have_smaller_leaves_and_the_other_order():
    rng = np.random.default_rng(0)
    for rows, leaf, first in ((999, 10, "y"), (1_000, 20, "x")):
        table = pd.DataFrame({"x": rng.permutation(rows), "y": np.arange(rows) % 9, "z": rng.permutation(rows)})
        trees = fitted(table, trees=1)
        assert trees.columns[0] == first
        assert trees.sample(50, seed=0).equals(fitted(table, trees=1, leaf=leaf).sample(50, seed=0))
        assert not trees.sample(50, seed=0).equals(fitted(table, trees=1, leaf=30 - leaf).sample(50, seed=0))


@pytest.mark.parametrize("order", ["up", "falling ", 3, None])
def test_an_order_that_is_none_is_refused(order: Any):
    with pytest.raises(ValueError, match=r"^order must be "):
        Trees(order=order)


@pytest.mark.parametrize("order", [["x"], ["x", "y", "y"], ["x", "z"]])
def test_an_order_of_other_columns_is_refused(order: list[str]):
    with pytest.raises(ValueError, match=r"^order must name each column once: the columns are \['x', 'y'\], got "):
        fitted(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), order=order)


def test_independent_columns_keep_their_marginals_and_stay_independent():
    rng = np.random.default_rng(0)
    n = 4_000
    table = pd.DataFrame(
        {
            "town": rng.choice(["Bern", "Graz", "Ulm"], n, p=[0.6, 0.3, 0.1]),
            "member": rng.random(n) < 0.3,
            "children": rng.poisson(1.5, n),
            "height": rng.normal(170, 9, n),
        }
    )
    drawn = fitted(table, leaf=50).sample(n, seed=1)
    for name in ("town", "member", "children"):
        both = pd.crosstab(np.repeat(["real", "drawn"], n), pd.concat([table[name], drawn[name]], ignore_index=True))
        assert chi2_contingency(both).pvalue > 1e-3, name
    assert ks_2samp(table["height"], drawn["height"]).pvalue > 1e-3
    tall = pd.qcut(drawn["height"], 4)
    for name in ("town", "member", "children"):
        table_of = pd.crosstab(drawn[name].clip(upper=4) if name == "children" else drawn[name], tall)
        v = np.sqrt(chi2_contingency(table_of).statistic / n)
        assert v < 0.12, f"{name}: a tree of leaves of 50 follows chance a little, not more"


def test_a_relation_without_exception_stays_one():
    rng = np.random.default_rng(0)
    code = rng.integers(0, 8, 3_000)
    table = pd.DataFrame(
        {
            "code": [f"c{value}" for value in rng.permutation(8)[code]],
            "double": 2 * code,
            "odd": np.where(code % 2, "odd", "even"),
        }
    )
    allowed = set(table.itertuples(index=False, name=None))
    assert len(allowed) == 8
    assert set(fitted(table).sample(2_000, seed=0).itertuples(index=False, name=None)) == allowed


def test_a_dependence_of_numbers_is_kept():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4_000)
    table = pd.DataFrame({"x": x, "y": x**2 + 0.1 * rng.normal(size=4_000)})
    drawn = fitted(table).sample(4_000, seed=0)
    assert np.abs(drawn["y"] - drawn["x"] ** 2).median() < 2 * 0.1 * 0.6745, "twice that of the noise"


def test_missing_values_go_missing_together():
    rng = np.random.default_rng(0)
    n = 3_000
    lost, kind = rng.random(n) < 0.2, rng.choice(["a", "b"], n)
    table = pd.DataFrame(
        {
            "kind": kind,
            "x": np.where(lost | (kind == "b"), np.nan, rng.normal(size=n)),
            "y": pd.array(np.where(lost, None, rng.integers(0, 90, n)), dtype="Int64"),
            "z": pd.Series(np.where(lost, None, "there"), dtype=object),
        }
    )
    drawn = fitted(table).sample(n, seed=0)
    pattern = [part[["x", "y", "z"]].isna().assign(kind=part["kind"]).value_counts() for part in (table, drawn)]
    assert set(pattern[1].index) == set(pattern[0].index), "no pattern is made up, none is lost"
    expected = pattern[0].reindex(pattern[1].index)
    assert chisquare(pattern[1], expected * pattern[1].sum() / expected.sum()).pvalue > 1e-3


def test_what_goes_missing_is_split_from_the_least_number_by_trees_that_have_not_seen_it():
    """A half that lacks the least numbers must not send them where the missing ones are."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(400) < 0.5, np.nan, rng.permutation(400))
    table = pd.DataFrame({"x": x, "there": np.where(np.isnan(x), "no", "yes")})
    drawn = fitted(table).sample(5_000, seed=0)
    assert ((drawn["there"] == "no") == drawn["x"].isna()).all()


def test_trees_of_halves_have_twice_the_donors_and_a_single_one_has_all_rows():
    table = pd.DataFrame({"x": np.arange(4_000), "y": np.random.default_rng(0).permutation(4_000)})
    least, roots = {}, {}
    for trees in (1, 2, 5):
        found = fitted(table, trees=trees)
        forest, donors = found._forests[1], found._donors[1]
        roots[trees] = len(forest.roots)
        least[trees] = np.diff(donors.upto[donors.first].astype(int)).min()
        assert donors.upto[-1] == trees * 4_000, "every row is a donor of every tree"
    assert roots == {1: 1, 2: 2, 5: 5}
    assert least[1] == 20
    assert min(least[2], least[5]) >= 20


def test_each_tree_is_walked_by_its_share_of_the_rows(monkeypatch: pytest.MonkeyPatch):
    trees = fitted(pd.DataFrame({"x": np.arange(600) % 7, "y": np.arange(600) % 2}), trees=3)
    walked, leaves = [], Forest.leaves

    def walk(forest: Forest, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        walked.append(np.bincount(which, minlength=3))
        return leaves(forest, rows, which)

    monkeypatch.setattr(Forest, "leaves", walk)
    trees.sample(6_000, seed=0)
    assert walked[0].tolist() == [6_000, 0, 0], "of the first column there is one tree"
    assert chisquare(walked[1]).pvalue > 1e-3


# How likely


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Few enough different rows to write all of them down: categories, a number, missing values."""
    rng = np.random.default_rng(0)
    n = 900
    smokes = rng.random(n) < 0.4
    return pd.DataFrame(
        {
            "smokes": np.where(smokes, "yes", "no"),
            "age": pd.array(np.where(rng.random(n) < 0.1, None, 20 + rng.binomial(4, 0.3 + 0.4 * smokes)), "Int64"),
            "town": pd.Categorical(rng.choice(["Bern", "Graz", "Ulm"], n, p=[0.6, 0.3, 0.1])),
            "fit": rng.random(n) < 0.8 - 0.5 * smokes,
        }
    )


def every_row(table: pd.DataFrame) -> pd.DataFrame:
    values = [table[name].drop_duplicates() for name in table]
    rows = pd.DataFrame(list(itertools.product(*(range(len(part)) for part in values))))
    return pd.DataFrame(
        {
            name: part.iloc[rows[i]].reset_index(drop=True)
            for i, (name, part) in enumerate(zip(table, values, strict=True))
        }
    )


@pytest.mark.parametrize("options", [{}, {"trees": 1}, {"trees": 3, "order": "rising", "leaf": 5}, {"min_count": 200}])
def test_probabilities_of_all_rows_sum_to_1_and_are_the_shares_in_which_they_are_drawn(
    people: pd.DataFrame, options: dict[str, Any]
):
    trees, rows = fitted(people, **options), every_row(people)
    p = np.exp(trees.log_prob(rows))
    assert p.sum() == pytest.approx(1, rel=1e-9)
    n = 60_000
    drawn = trees.sample(n, seed=1).merge(rows.assign(row=range(len(rows))), how="left")["row"]
    counts = np.bincount(drawn, minlength=len(rows))
    assert counts[p == 0].sum() == 0
    often = p * n >= 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(p[often], max(p[~often].sum(), 1e-12)) * n
    assert chisquare(observed, expected * n / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("decimals", [0, 1, None])
def test_numbers_drawn_between_donors_count_in_the_level_to_which_they_are_rounded(decimals: int | None):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 9, 300) if decimals is None else rng.normal(0, 9, 300).round(decimals)
    table = pd.DataFrame({"x": values, "half": values > np.median(values)})
    trees = fitted(table, order=["half", "x"])
    rows = pd.concat([pd.DataFrame({"half": side, "x": np.unique(values)}) for side in (False, True)])
    p = np.exp(trees.log_prob(rows))
    assert p.sum() == pytest.approx(1, rel=1e-9)
    drawn = trees.sample(40_000, seed=0)
    coding = trees._columns[0]
    level = coding.see(drawn["x"].to_numpy()) - 1
    counts = np.bincount(level + len(np.unique(values)) * drawn["half"].to_numpy(), minlength=len(p))
    assert counts[p == 0].sum() == 0
    often = p * len(drawn) >= 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(p[often], max(p[~often].sum(), 1e-12)) * len(drawn)
    assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def test_a_row_that_is_never_drawn_has_probability_0(people: pd.DataFrame):
    table = people.assign(twin=people["smokes"])
    wrong = table.assign(twin=np.where(table["smokes"] == "yes", "no", "yes"))
    trees = fitted(table)
    assert np.isneginf(trees.log_prob(wrong)).all()
    assert np.isneginf(fitted(people.assign(size=range(900))).log_prob(people.assign(size=np.nan))).all()
    assert np.isfinite(trees.log_prob(trees.sample(2_000, seed=0))).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns="age"), r"the table lacks the columns \['age'\]"),
        (lambda table: table.assign(smokes="perhaps"), "'smokes' has 'perhaps' in row 0, which was never seen"),
        (lambda table: table.assign(smokes=None), "column 'smokes' lacks a value in row 0"),
        (lambda table: table.assign(size=-np.inf), "column 'size' is infinite in row 0"),
        (lambda table: table.assign(size="tall"), "column 'size' must hold numbers"),
    ],
)
def test_rows_that_cannot_be_asked_for_are_refused(people: pd.DataFrame, change: Any, said: str):
    table = people.assign(size=np.arange(len(people)) % 9)
    trees = fitted(table)
    with pytest.raises((TypeError, ValueError), match=said):
        trees.log_prob(change(table))


# What is kept back


@pytest.fixture(scope="module")
def incomes() -> pd.DataFrame:
    """Numbers of which half are 0, and the others all different."""
    rng = np.random.default_rng(0)
    income = np.where(rng.random(2_000) < 0.5, 0, rng.lognormal(8, 1, 2_000))
    return pd.DataFrame({"works": np.where(income > 0, "yes", "no"), "income": income})


def test_no_rare_number_is_handed_out_and_heavy_ones_stay(incomes: pd.DataFrame):
    drawn = fitted(incomes).sample(20_000, seed=0)
    assert (drawn["income"] == 0).mean() == pytest.approx((incomes["income"] == 0).mean(), abs=0.02)
    assert not set(drawn["income"]) & set(incomes["income"]) - {0.0}
    assert ks_2samp(drawn["income"], incomes["income"]).statistic < 0.03
    assert drawn["income"].max() < incomes["income"].max()


def test_with_decimals_a_rare_number_is_drawn_near_and_rounded(incomes: pd.DataFrame):
    table = incomes.round(2)
    drawn = fitted(table).sample(20_000, seed=0)["income"]
    np.testing.assert_array_equal(drawn, drawn.round(2))
    rare = set(table["income"]) - {0.0}
    assert drawn.isin(rare).mean() < 0.01, "equal by chance only"
    assert fitted(table, min_count=1).sample(2_000, seed=0)["income"].isin(set(table["income"])).all()


def test_a_scale_keeps_to_its_values_that_are_common():
    """Answers such as 1/3, 2/3, 3.25: between them there is nothing; one that a single person gave is not given out."""
    rng = np.random.default_rng(0)
    scale = np.array([0, 1 / 3, 2 / 3, 3.25, 7.5])
    answers = np.append(rng.choice(scale, 999), 5.123456789)
    drawn = fitted(pd.DataFrame({"answer": answers, "sex": rng.choice(["f", "m"], 1_000)})).sample(20_000, seed=0)
    assert set(drawn["answer"]) == set(scale)


def test_a_scale_of_rare_values_is_drawn_between_them():
    """To bring most answers to the few that are common would change the table more than new values do."""
    answers = np.repeat(np.append(0.0, 100 + np.arange(1, 21) / 7), [600, *[20] * 20])
    table = pd.DataFrame({"answer": answers, "sex": np.arange(1_000) % 2})
    drawn = fitted(table, min_count=30).sample(5_000, seed=0)["answer"]
    assert (drawn == 0).mean() == pytest.approx(0.6, abs=0.03)
    assert drawn[drawn > 0].min() > 50
    assert (drawn[drawn > 0] > 100).mean() > 0.95


def test_numbers_that_are_rare_but_fill_their_grid_may_be_met():
    """Of ages in years there is nothing between two: the grid is so coarse that a rare age cannot be avoided."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.binomial(100, 0.5, 1_000), "sex": rng.choice(["f", "m"], 1_000)})
    drawn = fitted(table).sample(5_000, seed=0)["age"]
    assert drawn.dtype == table["age"].dtype
    assert table["age"].min() <= drawn.min() <= drawn.max() <= table["age"].max()


def test_a_wider_reach_draws_farther_from_the_donors():
    values = np.cumsum(np.random.default_rng(0).exponential(size=400))
    table = pd.DataFrame({"x": values, "y": np.arange(400) % 2})
    ours = [fitted(table, reach=reach, order="rising") for reach in (1, 5)]
    donors = [trees._donors[1] for trees in ours]
    widths = [np.mean(found.ends[found.high] - found.ends[found.low]) for found in donors]
    assert widths[1] > 3 * widths[0]


def test_a_rare_category_is_as_common_as_it_is():
    table = pd.DataFrame({"rare": ["x"] * 3 + ["y"] * 2_997, "z": np.arange(3_000) % 7})
    assert 20 <= (fitted(table).sample(50_000, seed=0)["rare"] == "x").sum() <= 85  # 50 are expected


# Every kind of column


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(4, 30))
    rng = np.random.default_rng(draw(st.integers(0, 1_000)))
    makers = {
        "float": lambda: rng.normal(size=n) * 10.0 ** draw(st.integers(-300, 300)),
        "float32": lambda: rng.normal(size=n).astype(np.float32),
        "int8": lambda: rng.integers(-128, 128, n).astype(np.int8),
        "uint64": lambda: rng.integers(0, 2**50, n).astype(np.uint64),
        "int64": lambda: rng.integers(-(2**53), 2**53, n),
        "nullable": lambda: pd.array([None, *rng.integers(0, 5, n - 1)], dtype="Int16"),
        "nullable float": lambda: pd.array([None, *rng.normal(size=n - 1)], dtype="Float64"),
        "bool": lambda: rng.permutation(np.arange(n) % 2 == 0),
        "nullable bool": lambda: pd.array([None, *(np.arange(n - 1) % 2 == 0)], dtype="boolean"),
        "text": lambda: pd.Series([*rng.choice(["b", "a", "ä"], n - 1).tolist(), None], dtype="str"),
        "object": lambda: pd.Series([*rng.choice(["01", "1"], n - 2), "2", 7], dtype=object),
        "category": lambda: pd.Categorical([*rng.choice(list("zab"), n - 1), None], list("zabq"), ordered=True),
        "category of numbers": lambda: pd.Categorical(rng.choice([3, 1], n), [3, 1, 2]),
    }
    kinds = draw(st.lists(st.sampled_from(sorted(makers)), min_size=1, max_size=5))
    return pd.DataFrame({f"{i} {kind}": makers[kind]() for i, kind in enumerate(kinds)})


@given(tables(), st.integers(1, 12), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_what_comes_out_is_of_the_kind_that_went_in(table: pd.DataFrame, leaf: int, min_count: int):
    if any(len(table[name].unique()) < 2 for name in table):
        return
    drawn = fitted(table, leaf=leaf, min_count=min_count).sample(20, seed=0)
    assert list(drawn.columns) == list(table.columns)
    pd.testing.assert_series_equal(drawn.dtypes, table.dtypes)
    for name in table:
        if pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]):
            assert drawn[name].dropna().between(table[name].min(), table[name].max()).all()
        else:
            assert set(drawn[name].dropna()) <= set(table[name].dropna())
        assert table[name].isna().any() or not drawn[name].isna().any()


def test_thousands_of_categories_are_no_hindrance():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 3_000, 12_000)
    table = pd.DataFrame(
        {"plane": [f"N{value}" for value in ids], "seats": 50 * (1 + ids % 4), "miles": rng.random(12_000)}
    )
    real = dict(zip(table["plane"], table["seats"], strict=True))
    for trees, least in ((1, 0.99), (2, 0.95)):  # of 4 rows a plane, a tree of half the rows has seen 2
        drawn = fitted(table, trees=trees).sample(4_000, seed=0)
        assert drawn["plane"].isin(table["plane"]).all()
        assert (drawn["plane"].map(real) == drawn["seats"]).mean() > least


EXTREMES = {
    "two rows": pd.DataFrame({"x": [1, 2], "y": ["a", "b"], "z": [0.5, None]}),
    "one column of numbers": pd.DataFrame({"x": np.arange(50) / 7}),
    "one column of booleans": pd.DataFrame({"x": np.arange(50) % 3 == 0}),
    "one column with missing values": pd.DataFrame({"x": pd.array([1, None] * 9, "Int64")}),
    "a class of one row": pd.DataFrame({"x": np.arange(90), "class": ["rare", *["a", "b", "c"] * 29, "a", "a"]}),
    "5,000 categories": pd.DataFrame({"id": [f"c{i}" for i in range(5_000)], "x": np.arange(5_000) % 7}),
    "41 columns": pd.DataFrame(
        np.random.default_rng(0).integers(0, 3, (200, 41)), columns=[f"x{i}" for i in range(41)]
    ),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("trees", [1, 2, 3])
def test_extremes_are_learnt(name: str, trees: int, tmp_path: Path):
    table = EXTREMES[name]
    found = fitted(table, trees=trees, leaf=3)
    drawn = found.sample(40, seed=0)
    pd.testing.assert_series_equal(drawn.dtypes, table.dtypes)
    assert np.isfinite(found.log_prob(drawn)).all()
    found.save(tmp_path / "trees")
    assert Trees.load(tmp_path / "trees").sample(40, seed=0).equals(drawn)


def test_names_come_last_and_tell_nothing_of_a_single_row():
    """Given a name, a synthetic row holds no more of that person's row than chance."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"name": [f"n{i}" for i in range(2_000)], "x": rng.normal(size=2_000), "y": np.arange(2_000) % 2}
    )
    assert fitted(table, order="falling").columns[-1] == "name"
    drawn = fitted(table, order=["name", "x", "y"]).sample(2_000, seed=0)
    real = table.set_index("name").loc[drawn["name"]]
    assert abs(np.corrcoef(real["x"], drawn["x"])[0, 1]) < 0.1
    assert abs((real["y"].to_numpy() == drawn["y"].to_numpy()).mean() - 0.5) < 0.05


def test_more_numbers_than_levels_are_all_drawn():
    values = np.arange(5.0 * LEVELS)
    table = pd.DataFrame({"x": values, "y": 3 * values})
    drawn = fitted(table, leaf=10, min_count=1).sample(5_000, seed=0)
    assert len(set(drawn["x"])) > 2_500
    assert np.abs(drawn["y"] / 3 - drawn["x"]).max() < 60, "within a leaf or two"


def test_an_array_and_a_target_are_a_table():
    x, y = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 2
    drawn = Trees().fit(x, y, progress=False).sample(5, seed=0)
    assert list(drawn.columns) == ["x0", "x1", "y"]


# Fitting, files, refusals


def test_the_bar_names_the_column_in_work(capsys: pytest.CaptureFixture[str]):
    Trees().fit(pd.DataFrame({"hello": [1, 2] * 9, "there": range(18)}), progress=True)
    shown = capsys.readouterr().err
    assert "hello" in shown
    assert "there" in shown


def test_an_interrupted_fit_leaves_a_model_as_it_was(monkeypatch: pytest.MonkeyPatch):
    table = pd.DataFrame({"x": range(60), "y": np.arange(60) % 3})
    trees = fitted(table)
    before = trees.sample(30, seed=0)

    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "grow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trees.fit(table.assign(x=1.5 * table["x"]), progress=False)
    assert trees.sample(30, seed=0).equals(before)


def test_a_file_gives_the_same_rows(tmp_path: Path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(list("xyz"), 300), "c": rng.integers(0, 9, 300)})
    trees = fitted(table)
    trees.save(tmp_path / "trees")
    again = Trees.load(tmp_path / "trees")
    assert again.sample(200, seed=1).equals(trees.sample(200, seed=1))
    assert again.columns == trees.columns
    assert (
        repr(again) == repr(trees) == f"<Trees: 3 columns, {sum(forest.n_leaves for forest in trees._forests)} leaves>"
    )


@pytest.mark.parametrize("fault", ["order", "kind", "circle", "donors"])
def test_what_is_no_model_is_refused(fault: str):
    trees = fitted(pd.DataFrame({"x": np.arange(200) % 90, "y": np.arange(200) % 3}), leaf=5, order="rising")
    state, header = {name: values.copy() for name, values in trees.state().items()}, trees.header()
    match fault:
        case "order":
            header["facts"] = {**header["facts"], "order": [0, 0]}
        case "kind":
            header["facts"] = {**header["facts"], "columns": [{"kind": "levels"}] * 2}
        case "circle":
            state["0.left"][0] = 0
        case "donors":
            state["0.first"][1] = state["0.first"][2]
    with pytest.raises(ValueError, match="this is no Trees"):
        Trees.from_header(header, state)


@pytest.mark.parametrize("option", ["leaf", "trees", "min_count", "reach"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3"])
def test_arguments_out_of_range_are_refused(option: str, wrong: Any):
    with pytest.raises(ValueError, match=f"^{option} must be a whole number >= 1, got "):
        Trees(**{option: wrong})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame(), "data is empty"),
        (pd.DataFrame({"x": [1, 1]}), "column 'x' is constant"),
        (pd.DataFrame({"x": [1.0, np.inf]}), "column 'x' is infinite in row 1"),
        (pd.DataFrame({"x": [None, None]}), "column 'x' is all missing"),
        (pd.DataFrame({"x": pd.to_datetime(["2020-01-01", "2020-01-02"])}), "column 'x' holds dates; turn them"),
    ],
)
def test_tables_from_which_nothing_can_be_learned_are_refused(table: pd.DataFrame, said: str):
    with pytest.raises((TypeError, ValueError), match=said):
        Trees().fit(table, progress=False)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "a"])
def test_a_seed_of_the_fit_that_is_none_is_refused(seed: Any):
    with pytest.raises(ValueError, match=r"^seed must be a whole number"):
        Trees().fit(pd.DataFrame({"x": [1, 2]}), seed=seed, progress=False)
