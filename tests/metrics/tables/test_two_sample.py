"""Telling tables apart: real rows must read one half, and each planted fault must be found in its column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from sdg_lab.metrics.tables.two_sample import giveaways, told_apart


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    height = rng.normal(170, 10, n)
    return pd.DataFrame(
        {
            "height": height.round(1),
            "weight": (0.9 * (height - 100) + rng.normal(0, 6, n)).round(1),
            "income": np.where(rng.random(n) < 0.3, 0, rng.integers(1_000, 9_000, n)),
            "town": pd.Categorical(rng.choice(list("abcd"), n, p=[0.4, 0.3, 0.2, 0.1]), list("abcd")),
            "member": rng.random(n) < 0.5,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_other_real_rows_are_not_told_apart(seed):
    found = told_apart(people(1000, 2 * seed), people(1000, 2 * seed + 1), seed=seed)
    assert found.auc.value == pytest.approx(0.5, abs=4 * np.sqrt(2001 / 12) / 1000)
    assert giveaways(people(1000, 2 * seed), people(1000, 2 * seed + 1), seed=seed) == ()


def test_the_area_is_that_of_the_best_test_there_is():
    rng = np.random.default_rng(0)
    real, synthetic = (pd.DataFrame({"x": rng.normal(shift, 1, 3000)}) for shift in (0, 1))
    best = norm.cdf(1 / np.sqrt(2))
    found = told_apart(real, synthetic)
    assert best - 0.04 < found.auc.value < best + 0.03  # trees lose a little to the likelihood ratio
    assert found.auc.low < found.auc.value < found.auc.high
    (column,) = giveaways(real, synthetic)
    assert best - 0.04 < column.auc.value < best + 0.03


def shuffled(table, *columns):
    rng = np.random.default_rng(9)
    return table.assign(**{name: table[name].array[rng.permutation(len(table))] for name in columns})


def test_a_column_that_goes_with_nothing_is_found_beside_its_partner():
    real, synthetic = people(2000, 0), shuffled(people(2000, 1), "weight")
    found = told_apart(real, synthetic)
    assert found.auc.low > 0.6
    assert set(list(found.importance)[:2]) == {"height", "weight"}
    (pair,) = giveaways(real, synthetic)
    assert (set(pair.columns), pair.how) == ({"height", "weight"}, "together")
    assert pair.gain > 0.1


def test_wrong_digits_are_found_where_the_values_are_right():
    real, synthetic = people(2000, 0), people(2000, 1)
    synthetic["height"] = synthetic["height"] + np.random.default_rng(0).integers(-4, 5, 2000) / 100
    first = giveaways(real, synthetic)[0]
    assert (first.columns, first.how) == (("height",), "digits")
    tens = people(2000, 1).assign(income=lambda table: table["income"].round(-2))
    assert giveaways(real, tens)[0].columns == ("income",)


def test_one_bad_column_does_not_bring_its_pairs_with_it():
    synthetic = people(2000, 1).assign(height=lambda table: table["height"] + 5)
    synthetic["weight"] += 4.5  # so that the two still go together
    assert {giveaway.how for giveaway in giveaways(people(2000, 0), synthetic)} == {"values"}


def test_a_fault_in_a_small_group_is_found():
    synthetic = people(3000, 1)
    synthetic.loc[synthetic["town"] == "d", "income"] = 0
    found = giveaways(people(3000, 0), synthetic)
    assert set(found[0].columns) == {"town", "income"}
    assert all("income" in giveaway.columns for giveaway in found)
    assert found[0].auc.value < 0.6  # one in ten: a small area


def test_missing_values_give_away():
    synthetic = people(1000, 1)
    synthetic.loc[::5, "weight"] = np.nan
    found = told_apart(people(1000, 0), synthetic)
    assert next(iter(found.importance)) == "weight"
    assert giveaways(people(1000, 0), synthetic)[0].columns == ("weight",)


def test_names_that_nobody_has_are_found_among_a_thousand():
    rng = np.random.default_rng(0)
    towns = np.array([f"town {i}" for i in range(1000)])
    real, synthetic = (pd.DataFrame({"town": rng.choice(towns, 3000), "x": rng.normal(size=3000)}) for _ in range(2))
    assert told_apart(real, synthetic).auc.value == pytest.approx(0.5, abs=0.04)
    synthetic["town"] = [f"made up {i}" for i in range(3000)]
    found = told_apart(real, synthetic)
    assert found.auc.value > 0.9
    assert next(iter(found.importance)) == "town"


def test_of_many_rows_some_are_drawn_by_the_seed():
    real, synthetic = people(800, 0), people(600, 1)
    first, again, other = (told_apart(real, synthetic, rows=200, folds=2, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.rows == 200
    assert first.auc != other.auc


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda a: told_apart(a, a.drop(columns="town")), r"synthetic lacks the columns \['town'\]"),
        (lambda a: told_apart(a, a, folds=1), "folds must be a whole number >= 2 and <= 50, got 1"),
        (lambda a: told_apart(a, a, rows=1), "rows must be a whole number >= 2, got 1"),
        (lambda a: told_apart(a, a, seed=-1), "seed must be a whole number >= 0, got -1"),
        (lambda a: giveaways(a, a.head(7)), "giveaways need at least 8 rows of each kind, got 7"),
    ],
)
def test_what_cannot_be_judged_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(people(50, 0))
