"""Boosted trees as arrays: the same answers as LightGBM's own model, and no array that leads astray is believed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.models.boosted.forest import BY_CATEGORY, Forest


def rows(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, 70, n), rng.normal(size=n), rng.integers(0, 5, n)], axis=1)


@pytest.fixture(scope="module")
def booster() -> Any:
    """Trees that ask for numbers, and for categories in sets of several words."""
    x = rows(3_000, 0)
    right = np.isin(x[:, 0], [3, 5, 20, 33, 40, 66]) ^ (x[:, 1] > 0.3)
    parameters = {"objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "num_leaves": 9}
    return lightgbm.train(parameters, lightgbm.Dataset(x, right, categorical_feature=[0]), num_boost_round=12)


@pytest.fixture(scope="module")
def forest(booster: Any) -> Forest:
    found = Forest.from_text(booster.model_to_string())
    assert (found.decision & BY_CATEGORY).any()
    assert not (found.decision & BY_CATEGORY).all()
    return found


def same(a: Forest, b: Forest) -> bool:
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(Forest))


def test_written_anew_it_answers_as_lightgbm_s_own(booster: Any, forest: Forest):
    x = rows(500, 1)
    forest.check(3)
    np.testing.assert_array_equal(forest.walker(3).predict(x, raw_score=True), booster.predict(x, raw_score=True))
    assert same(Forest.from_text(forest.to_text(3)), forest)


def test_joined_and_parted_they_are_what_they_were(booster: Any, forest: Forest):
    few = Forest.from_text(booster.model_to_string(num_iteration=2))
    none = Forest.from_text("")
    joined = Forest.joined([few, none, forest, few])
    joined.check(3)
    assert all(map(same, joined.parted([2, 0, 12, 2]), [few, none, forest, few]))


@pytest.mark.parametrize("sizes", [[11], [13], [-1, 13], []])
def test_other_numbers_of_trees_are_refused(forest: Forest, sizes: list[int]):
    with pytest.raises(ValueError, match="trees are expected"):
        forest.parted(sizes)


@pytest.mark.parametrize("name", [field.name for field in fields(Forest)])
def test_an_array_that_was_cut_is_refused(forest: Forest, name: str):
    with pytest.raises(ValueError, match="tree"):
        replace(forest, **{name: getattr(forest, name)[:-1]}).parted([12])


@given(st.data())
def test_no_number_that_leads_astray_is_believed(forest: Forest, data: st.DataObject):
    """Whatever number stands in whatever place: it is refused, or it is walked, to an end that is a number."""
    name = data.draw(st.sampled_from([field.name for field in fields(Forest)]))
    values = getattr(forest, name).copy()
    place = data.draw(st.integers(0, len(values) - 1))
    wrong = [-(2**31), -9, -2, -1, 0, 1, 2, 3, 8, 9, 2**31 - 1] + [0.5, np.nan, np.inf] * (values.dtype.kind == "f")
    wrong = [value for value in wrong if values.dtype.kind != "u" or 0 <= value <= np.iinfo(values.dtype).max]
    values[place] = data.draw(st.sampled_from(wrong))
    changed = replace(forest, **{name: values})
    try:
        (whole,) = changed.parted([12])
        whole.check(3)
    except ValueError:
        return
    assert np.isfinite(whole.walker(3).predict(rows(50, 2), raw_score=True)).all()
