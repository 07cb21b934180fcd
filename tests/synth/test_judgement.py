"""Figures beside references: each reference shows the fault that it stands for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.metrics.tables.dependence import pair_distances
from sdg_lab.synth.figures import FIGURES
from sdg_lab.synth.judgement import Judgement, _changed, _pairs, judge


def world(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    income = np.round(100.0 * age + rng.normal(0, 300, n), 2)
    table = {"age": age, "income": income, "height": np.round(rng.normal(170, 10, n), 2)}
    table |= {f"x{i}": np.round(rng.normal(size=n), 3) for i in range(6)}
    return pd.DataFrame({**table, "smokes": pd.Categorical(np.where(age + rng.normal(0, 15, n) > 50, "yes", "no"))})


@pytest.fixture(scope="module")
def judged() -> Judgement:
    return judge(world(400, 0), world(400, 2), world(400, 1), seed=3, progress=False)


@pytest.mark.slow
def test_each_reference_shows_its_fault(judged: Judgement) -> None:
    figures = judged.figures
    assert list(figures.index) == list(FIGURES)
    assert list(figures.columns) == ["synthetic", "real rows", "independent", "copies", "changed copies"]
    assert figures.loc["told apart", "independent"] > 0.8
    assert figures.loc["learnt from it", "independent"] < 0.65
    assert figures.loc["learnt from it", "real rows"] > 0.8
    apart = {name: of.pairs.loc["age", "income"] for name, of in judged.references.items()}
    assert apart["independent"] > 2 * apart["real rows"]
    assert figures.loc["members found (area)", "copies"] > 0.7
    assert figures.loc["exact copies", "copies"] == 1
    assert figures.loc["exact copies", "real rows"] == 0
    # The leak passes the test of distances, and attacks find it.
    assert figures.loc["nearer to what was learnt", "changed copies"] == pytest.approx(0.5, abs=0.06)
    assert figures.loc["members found (area)", "changed copies"] > 0.55
    assert figures["synthetic"].notna().all()


@pytest.mark.slow
def test_what_is_said_of_the_judging(judged: Judgement) -> None:
    assert judged.sizes == {"real": 400, "held out": 400, "synthetic": 400}
    assert judged.seed == 3
    assert judged.held_out
    assert judged.synthetic.apart.importance
    assert not judged.references["copies"].apart.importance
    assert judged.synthetic.downstream is not None
    assert judged.synthetic.downstream.target == "smokes"


@pytest.mark.slow
def test_a_seed_says_all() -> None:
    tables = world(100, 0), world(100, 2), world(100, 1)
    first, again, other = (judge(*tables, seed=seed, progress=False) for seed in (5, 5, 6))
    assert first.figures.equals(again.figures)
    assert not first.figures.equals(other.figures)


@pytest.mark.slow
def test_without_held_out_rows_halves_are_compared() -> None:
    found = judge(world(200, 0), world(200, 1), progress=False)
    assert not found.held_out
    assert found.sizes["held out"] == 0
    assert len(found.real) == 100
    assert found.synthetic.membership is None
    assert found.synthetic.copies is None
    assert found.disclosures == ()


def test_tables_that_cannot_be_judged_are_refused() -> None:
    real, made = world(60, 0), world(60, 1)
    for tables, options, message in (
        ((real[:19], made), {}, "there are 19 real rows, and fewer than 20 cannot tell"),
        ((real, made, real[:15]), {}, "there are 15 held-out rows"),
        ((real, made.drop(columns="age")), {}, r"synthetic lacks the columns \['age'\]"),
        ((real, made), {"target": "no"}, r"the table lacks the columns \['no'\]"),
        ((real, made), {"seed": -1}, "seed must be a whole number"),
        ((real, made[:0]), {}, "synthetic is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            judge(*tables, **options, progress=False)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a"):
        judge([1], made, progress=False)  # type: ignore[arg-type]


def test_changed_copies_keep_a_fifth_of_their_values() -> None:
    real = world(2_000, 0)[["income", "height", "x0"]]
    kept = (_changed(real, 0) == real).mean()
    assert kept.tolist() == pytest.approx([0.2] * 3, abs=0.04)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=2, max_size=40))
def test_pairs_of_few_categories_are_the_plain_ones(rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["one", "two"]).astype("category")
    other = table.iloc[: len(rows) // 2 + 1].copy()
    varied = [name for name in table if len(set(table[name])) > 1]
    found = _pairs(table, other)
    assert list(found.columns) == varied
    if varied:
        pd.testing.assert_frame_equal(found, pair_distances(table[varied], other[varied]))


def test_what_only_synthetic_rows_lack_is_a_difference() -> None:
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"n": rng.normal(size=200), "c": rng.choice(["a", "b"], 200)})
    other = real.copy()
    other.loc[:49, "n"] = np.nan
    other.loc[100:119, "c"] = None
    found = _pairs(real, other)
    assert found.loc["n", "n"] == pytest.approx(50 / 200)
    assert found.loc["c", "c"] == pytest.approx(20 / 200)
    assert found.loc["n", "c"] == pytest.approx(70 / 200)


def test_rare_categories_are_one_in_pairs() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"town": [f"t{i}" for i in range(500)], "n": rng.normal(size=500)})
    other = pd.DataFrame({"town": [f"u{i}" for i in range(500)], "n": rng.normal(size=500)})
    # Names that are all different are one category, up to the 20 that happen to come first.
    assert _pairs(table, other).loc["town", "town"] == pytest.approx(20 / 500)
