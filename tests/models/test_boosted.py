"""Autoregressive boosting: an exact likelihood, known distributions, and what every kind of column owes."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from sdg_lab import extras
from sdg_lab.models.boosted import Boosted, model
from sdg_lab.models.boosted.cells import Cells
from sdg_lab.models.boosted.paths import Paths


def fitted(table: pd.DataFrame, **options: Any) -> Boosted:
    return Boosted(**{"bags": 2, **options}).fit(table, progress=False)


def everything(boosted: Boosted) -> np.ndarray:
    """Return all rows of states that there are, (columns, rows)."""
    return np.array(list(itertools.product(*(range(len(column.counts)) for column in boosted._columns)))).T


def dependent(n: int, seed: int = 0) -> pd.DataFrame:
    """Three columns, each depending on those before, one with missing values."""
    rng = np.random.default_rng(seed)
    town = rng.choice(["Bern", "Graz", "Ulm"], n, p=[0.6, 0.3, 0.1])
    rooms = rng.poisson(1 + 2 * (town == "Graz"), n)
    rent = 300 + 200 * rooms + rng.normal(0, 50, n).round()
    rent[rng.random(n) < 0.1 + 0.3 * (town == "Ulm")] = np.nan
    return pd.DataFrame({"town": town, "rooms": rooms, "rent": rent})


# The likelihood


def test_over_all_rows_of_states_the_likelihood_sums_to_one():
    boosted = fitted(dependent(1_000), cells=12, bags=3)
    assert len(boosted._all()) > 0
    assert sum(len(forest.leaves) for forest in boosted._all()) > 20
    assert np.exp(boosted._log_prob(everything(boosted))).sum() == pytest.approx(1, abs=1e-9)


def test_rows_are_drawn_as_often_as_the_likelihood_says():
    boosted, n = fitted(dependent(1_000), cells=6, bags=3), 60_000
    rows = everything(boosted)
    expected = n * np.exp(boosted._log_prob(rows))
    drawn = boosted.sample(n, seed=0)
    states = [column.encode(drawn[column.name]) for column in boosted._columns]
    sizes = [len(column.counts) for column in boosted._columns]
    found = np.bincount(np.ravel_multi_index(states, sizes), minlength=rows.shape[1])
    common = expected >= 5
    statistic = ((found - expected)[common] ** 2 / expected[common]).sum()
    degrees = common.sum()
    assert common.sum() > 30
    assert statistic < degrees + 4 * np.sqrt(2 * degrees)


def test_of_one_column_it_is_the_share_of_the_rows():
    table = pd.DataFrame({"x": list("aab") * 30})
    np.testing.assert_allclose(fitted(table).log_prob(table.iloc[[0, 2]]), np.log([2 / 3, 1 / 3]))


def test_it_comes_near_the_truth_on_rows_that_it_has_not_seen():
    """Of y given x with noise in a tenth of the rows, log p is known; independence costs 0.7 nats more."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 8_000)
    y = np.where(rng.random(8_000) < 0.1, rng.integers(0, 4, 8_000), 3 - x)
    table = pd.DataFrame({"x": x, "y": y}).astype("str").astype("category")
    truth = np.log(np.where(y == 3 - x, 0.9 + 0.1 / 4, 0.1 / 4)) + np.log(1 / 4)
    ours = fitted(table.iloc[:4_000]).log_prob(table.iloc[4_000:])
    assert ours.mean() == pytest.approx(truth[4_000:].mean(), abs=0.03)


def test_a_category_that_is_only_declared_has_probability_0_and_is_never_drawn():
    values = pd.Categorical(list("ab") * 50, ["never", "b", "a"])
    boosted = fitted(pd.DataFrame({"x": values, "y": np.arange(100) % 5}))
    assert set(boosted.sample(500, seed=0)["x"]) == {"a", "b"}
    asked = pd.DataFrame({"x": pd.Categorical(["never", "a"], values.categories), "y": [0, 0]})
    found = boosted.log_prob(asked)
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"x": [0.5], "y": ["z"]}, "column 'y' has 'z' in row 0, which was never seen in training"),
        ({"x": [np.nan], "y": ["a"]}, "column 'x' lacks a value in row 0"),
        ({"x": [np.inf], "y": ["a"]}, "column 'x' is infinite in row 0"),
        ({"x": [0.5]}, r"the table lacks the columns \['y'\]"),
    ],
)
def test_rows_that_have_no_states_are_refused(asked: dict[str, Any], said: str):
    boosted = fitted(pd.DataFrame({"x": np.arange(40) / 8, "y": list("ab") * 20}))
    with pytest.raises(ValueError, match=said):
        boosted.log_prob(pd.DataFrame(asked))


def test_rows_that_repeat_are_asked_once_and_answered_alike():
    table = dependent(300)
    boosted = fitted(table)
    alone = boosted.log_prob(table)
    np.testing.assert_array_equal(boosted.log_prob(pd.concat([table] * 5, ignore_index=True)), np.tile(alone, 5))


# The method


@given(st.lists(st.integers(1, 50), min_size=2, max_size=40), st.booleans())
def test_each_state_has_a_path_of_its_own_whose_odds_are_its_share(counts: list[int], apart: bool):
    share = np.zeros(len(counts))
    ways: list[list[bool]] = [[] for _ in counts]
    for level in Paths.of(np.array(counts), apart=apart).levels:
        for state in np.flatnonzero(level.node >= 0):
            right = state >= level.middle[level.node[state]]
            odds = level.odds[level.node[state]]
            share[state] -= np.logaddexp(0, -odds if right else odds)
            ways[state].append(bool(right))
    np.testing.assert_allclose(np.exp(share), np.array(counts) / sum(counts))
    assert len(set(map(tuple, ways))) == len(counts)
    if apart:
        assert ways[-1] == [True]


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
    drawn = fitted(table).sample(n, seed=1)
    for name in ("town", "member", "children"):
        both = pd.crosstab(np.repeat(["real", "drawn"], n), pd.concat([table[name], drawn[name]], ignore_index=True))
        assert chi2_contingency(both).pvalue > 1e-3, name
    assert ks_2samp(table["height"], drawn["height"]).pvalue > 1e-3
    tall = pd.qcut(drawn["height"], 4)
    for name in ("town", "member", "children"):
        table_of = pd.crosstab(drawn[name].clip(upper=4) if name == "children" else drawn[name], tall)
        assert np.sqrt(chi2_contingency(table_of).statistic / n) < 0.1, name


def test_a_dependence_of_numbers_is_kept():
    rng = np.random.default_rng(0)
    x = rng.normal(size=6_000)
    drawn = fitted(pd.DataFrame({"x": x, "y": x**2 + 0.3 * rng.normal(size=6_000)})).sample(6_000, seed=0)
    assert np.abs(drawn["y"] - drawn["x"] ** 2).median() < 1.5 * 0.3 * 0.6745, "half more than that of the noise"


def test_missing_values_go_missing_together():
    rng = np.random.default_rng(0)
    n = 3_000
    lost = rng.random(n) < 0.2
    table = pd.DataFrame(
        {
            "x": np.where(lost, np.nan, rng.normal(size=n)),
            "y": pd.array(np.where(lost, None, rng.integers(0, 90, n)), dtype="Int64"),
            "z": pd.Series(np.where(lost, None, rng.choice(["here", "there"], n)), dtype=object),
        }
    )
    drawn = fitted(table).sample(n, seed=0)
    together = drawn.isna().sum(axis=1)
    assert together.isin([0, 3]).mean() > 0.99
    assert (together == 3).mean() == pytest.approx(0.2, abs=0.03)


def test_noise_is_not_learned_by_heart():
    """Of labels tossed by a coin nothing can be learned: early stopping leaves next to no trees."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.random(2_000), "y": rng.choice(["a", "b"], 2_000)})
    boosted = fitted(table, order=["x", "y"])
    assert sum(len(forest.leaves) for forest in boosted._all()) <= 12
    assert boosted.log_prob(table).mean() == pytest.approx(
        fitted(table[["x"]]).log_prob(table).mean() + np.log(0.5), abs=0.02
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("falling", ("many", "three", "two")),
        ("rising", ("two", "three", "many")),
        (["many", "two", "three"], ("many", "two", "three")),
    ],
)
def test_columns_are_drawn_in_the_order_asked_for(order: Any, expected: tuple[str, ...]):
    table = pd.DataFrame({"two": [0, 1] * 20, "many": range(40), "three": list("abca") * 10})
    boosted = fitted(table, order=order)
    assert boosted.columns == expected
    assert list(boosted.sample(3, seed=0).columns) == list(table.columns)


@pytest.mark.parametrize("order", [["x"], ["x", "y", "y"], ["x", "z"]])
def test_an_order_of_other_columns_is_refused(order: list[str]):
    with pytest.raises(ValueError, match=r"^order must name each column once: the columns are \['x', 'y'\], got "):
        fitted(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), order=order)


def test_every_option_acts():
    table = dependent(1_500)

    def trees(boosted: Boosted) -> int:
        return sum(len(forest.leaves) for forest in boosted._all())

    plain = fitted(table)
    assert len(fitted(table, cells=4)._columns[2].counts) < len(plain._columns[2].counts)
    assert len(fitted(table, min_count=100)._columns[2].counts) < len(plain._columns[2].counts)
    assert len(fitted(table, bags=1)._all()) * 2 == len(plain._all())
    assert trees(fitted(table, learning_rate=0.05)) > 2 * trees(plain)
    assert max(forest.leaves.max(initial=0) for forest in fitted(table, leaves=3)._all()) == 3
    assert trees(fitted(table, rounds=1)) <= len(plain._all())
    assert trees(fitted(table, least=700)) == 0
    assert not plain.sample(50, seed=0).equals(Boosted(bags=2).fit(table, seed=1, progress=False).sample(50, seed=0))


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
    assert drawn.isin(set(table["income"]) - {0.0}).mean() < 0.01, "equal by chance only"


def test_a_scale_keeps_to_its_values_that_are_common():
    """Answers such as 1/3, 2/3, 3.25: between them there is nothing; one that a single person gave is not given out."""
    rng = np.random.default_rng(0)
    scale = np.array([0, 1 / 3, 2 / 3, 3.25, 7.5])
    answers = np.append(rng.choice(scale, 999), 5.123456789)
    drawn = fitted(pd.DataFrame({"answer": answers, "sex": rng.choice(["f", "m"], 1_000)})).sample(20_000, seed=0)
    assert set(drawn["answer"]) == set(scale)


def test_whole_numbers_of_a_stretch_are_drawn_alike():
    """Rounding must not halve the share of the first and the last."""
    table = pd.DataFrame({"x": np.arange(64), "y": np.arange(64) % 2})
    drawn = Cells.of(table["x"], 1, common=100).decode(np.zeros(64_000, np.int64), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=64)
    assert len(counts) == 64
    assert 800 < counts.min() <= counts.max() < 1_200


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 30)), min_size=2, max_size=40, unique_by=lambda v: v[0]),
    st.integers(2, 30),
    st.integers(1, 20),
    st.integers(0, 2),
)
def test_a_number_comes_back_into_its_cell(values: list[tuple[int, int]], cells: int, common: int, decimals: int):
    """What is drawn of a cell lies between its neighbours' values, and all cells' rows add up."""
    numbers, counts = np.array(values).T
    column = pd.Series(np.repeat(numbers / 10.0**decimals, counts).round(decimals), name="x")
    found = Cells.of(column, cells, common=common)
    assert found.counts.sum() == found.rows.sum() == len(column)
    np.testing.assert_array_equal(np.bincount(found.encode(column), minlength=len(found.counts)), found.counts)
    drawn = found.decode(np.repeat(np.arange(len(found.counts)), 20), np.random.default_rng(0))
    assert drawn.between(column.min(), column.max()).all()
    np.testing.assert_array_equal(drawn, drawn.round(decimals))
    found.check()


# Every kind of column


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(4, 40))
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


@given(tables(), st.integers(2, 12), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_what_comes_out_is_of_the_kind_that_went_in(table: pd.DataFrame, cells: int, min_count: int):
    if any(len(table[name].unique()) < 2 for name in table):
        return
    boosted = fitted(table, cells=cells, min_count=min_count, least=2)
    drawn = boosted.sample(20, seed=0)
    assert list(drawn.columns) == list(table.columns)
    pd.testing.assert_series_equal(drawn.dtypes, table.dtypes)
    assert np.isfinite(boosted.log_prob(drawn)).all()
    for name in table:
        if pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]):
            assert drawn[name].dropna().between(table[name].min(), table[name].max()).all()
        else:
            assert set(drawn[name].dropna()) <= set(table[name].dropna())
        assert table[name].isna().any() or not drawn[name].isna().any()


def test_thousands_of_categories_are_no_hindrance():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 5_000, 12_000)
    table = pd.DataFrame({"plane": [f"N{value}" for value in ids], "seats": 50 * (1 + ids % 4)})
    drawn = fitted(table, bags=1).sample(3_000, seed=0)
    assert drawn["plane"].isin(table["plane"]).all()
    assert drawn["seats"].isin(table["seats"]).all()


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}),
        pd.DataFrame({"x": np.arange(200) % 7, "y": ["once", *["often"] * 199]}),
    ],
    ids=["two rows", "a class that appears once"],
)
def test_little_to_learn_from_is_enough(table: pd.DataFrame):
    boosted = fitted(table)
    assert set(boosted.sample(3_000, seed=0)["y"]) == set(table["y"])
    assert np.isfinite(boosted.log_prob(table)).all()


def test_an_array_and_a_target_are_a_table():
    x, y = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50) % 2
    drawn = Boosted().fit(x, y, progress=False).sample(5, seed=0)
    assert list(drawn.columns) == ["x0", "x1", "y"]


# Fitting, files, refusals


def test_the_bar_names_the_column_in_work(capsys: pytest.CaptureFixture[str]):
    Boosted().fit(pd.DataFrame({"hello": [1, 2] * 9, "there": range(18)}), progress=True)
    shown = capsys.readouterr().err
    assert "hello" in shown
    assert "there" in shown


def test_an_interrupted_fit_leaves_a_model_as_it_was(monkeypatch: pytest.MonkeyPatch):
    table = dependent(300)
    boosted = fitted(table)
    before = boosted.sample(30, seed=0)

    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "grow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        boosted.fit(table.assign(rooms=2 * table["rooms"]), progress=False)
    assert boosted.sample(30, seed=0).equals(before)


def test_a_file_gives_the_same_rows_and_the_same_likelihood(tmp_path: Path):
    table = dependent(600)
    boosted = fitted(table)
    boosted.save(tmp_path / "boosted")
    again = Boosted.load(tmp_path / "boosted")
    assert again.sample(200, seed=1).equals(boosted.sample(200, seed=1))
    np.testing.assert_array_equal(again.log_prob(table), boosted.log_prob(table))
    assert again.columns == boosted.columns
    assert repr(again) == repr(boosted)
    assert repr(boosted).startswith("<Boosted: 3 columns, ")


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("trees.leaves", 1),
        ("trees.left", 0),
        ("trees.splits", 9),
        ("trees.value", np.nan),
        ("0.place", 7),
        ("1.counts", 0),
        ("2.first", 5),
        ("2.low", np.inf),
    ],
)
def test_arrays_that_are_no_model_are_refused(array: str, value: float):
    boosted = fitted(dependent(600))
    state = {name: values.copy() for name, values in boosted.state().items()}
    state[array][0] = value
    with pytest.raises(ValueError, match="this is no Boosted"):
        Boosted.from_header(boosted.header(), state)


@pytest.mark.parametrize(
    "fact", [{"order": [0, 0, 1]}, {"trees": [1]}, {"columns": []}, {"columns": [{"kind": "cells"}]}]
)
def test_facts_that_are_of_no_model_are_refused(fact: dict[str, Any]):
    boosted = fitted(dependent(300))
    header = boosted.header()
    header["facts"] = {**header["facts"], **fact}
    with pytest.raises(ValueError, match="this is no Boosted"):
        Boosted.from_header(header, boosted.state())


def test_without_lightgbm_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    class Nowhere:
        """A finder from which the package is hidden."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
            return None if name == "lightgbm" else self.inner.find_spec(name, path, target)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    for name in [name for name in sys.modules if name.split(".")[0] == "lightgbm"]:
        monkeypatch.delitem(sys.modules, name)
    finders = [f if isinstance(f, extras._Explainer) else Nowhere(f) for f in sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", finders)
    with pytest.raises(ModuleNotFoundError, match=r'^lightgbm is not installed; run: .*"sdg-lab\[tables\]"'):
        Boosted().fit(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), progress=False)


@pytest.mark.parametrize(
    ("option", "wrong", "rule"),
    [
        ("cells", 1, "a whole number >= 2"),
        ("min_count", 0, "a whole number >= 1"),
        ("bags", 6, "a whole number >= 1 and <= 5"),
        ("learning_rate", 0, "> 0 and <= 1"),
        ("leaves", 1, "a whole number >= 2 and <= 1024"),
        ("least", 0, "a whole number >= 1"),
        ("rounds", True, "a whole number >= 1"),
        ("order", "up", "one of falling, rising"),
        ("order", 3, "several values"),
    ],
)
def test_arguments_out_of_range_are_refused(option: str, wrong: Any, rule: str):
    with pytest.raises(ValueError, match=f"^{option} must be {rule}"):
        Boosted(**{option: wrong})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame(), "data is empty"),
        (pd.DataFrame({"x": [1, 1]}), "column 'x' is constant"),
        (pd.DataFrame({"x": pd.Categorical(["a", "a"], ["a", "b"])}), "column 'x' is constant, always 'a'"),
        (pd.DataFrame({"x": [1.0, np.inf]}), "column 'x' is infinite in row 1"),
        (pd.DataFrame({"x": [None, None]}), "column 'x' is all missing"),
        (pd.DataFrame({"x": pd.to_datetime(["2020-01-01", "2020-01-02"])}), "column 'x' holds dates; turn them"),
    ],
)
def test_tables_from_which_nothing_can_be_learned_are_refused(table: pd.DataFrame, said: str):
    with pytest.raises((TypeError, ValueError), match=said):
        Boosted().fit(table, progress=False)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "a"])
def test_a_seed_of_the_fit_that_is_none_is_refused(seed: Any):
    with pytest.raises(ValueError, match=r"^seed must be a whole number"):
        Boosted().fit(pd.DataFrame({"x": [1, 2]}), seed=seed, progress=False)
