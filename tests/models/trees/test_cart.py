"""A tree as arrays: walked as scikit-learn walks it, and split where enumeration says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from sdg_lab.models.trees.cart import BLOCK, Forest, grow, order_of


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows (columns, n), more than are walked at once, in steps so that many lie on a threshold's side by little."""
    return np.random.default_rng(0).integers(0, 40, (4, BLOCK + 100)).astype(np.float32)


def first(rows: np.ndarray) -> np.ndarray:
    """Say that each row walks the first tree."""
    return np.zeros(rows.shape[1], np.int32)


@pytest.fixture(scope="module")
def target(rows: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(2, rows.shape[1]))
    return np.stack([np.sin(rows[0] / 5) + rows[1] / 20 + noise[0], (rows[2] > 10) + 0.3 * noise[1]], axis=1)


@pytest.fixture(scope="module")
def tree(rows: np.ndarray, target: np.ndarray) -> Forest:
    return grow(rows, target, leaf=30, seed=0)


def test_rows_reach_the_leaves_of_scikit_learn(rows: np.ndarray, target: np.ndarray, tree: Forest):
    peer = DecisionTreeRegressor(min_samples_leaf=30, random_state=0).fit(rows.T, target)
    new = np.random.default_rng(2).uniform(-5, 45, rows.shape).astype(np.float32)
    for asked in (rows, new):
        np.testing.assert_array_equal(tree.leaves(asked, first(asked)), tree.leaf[peer.apply(asked.T)])


def test_many_rows_go_where_one_goes(rows: np.ndarray, tree: Forest):
    found = tree.leaves(rows, first(rows))
    for row in (*range(200), BLOCK - 1, BLOCK, BLOCK + 99):
        assert found[row] == tree.leaf_of(rows[:, row])


def test_side_by_side_each_row_walks_its_own_tree(rows: np.ndarray, target: np.ndarray, tree: Forest):
    stump = grow(np.empty((0, 5), np.float32), np.zeros((5, 1)), leaf=1, seed=0)
    other = grow(rows[:, ::2], target[::2], leaf=100, seed=0)
    forest = Forest.of([tree, stump, other])
    forest.check(4)
    assert forest.n_leaves == tree.n_leaves + 1 + other.n_leaves
    which = np.random.default_rng(0).integers(0, 3, rows.shape[1])
    found = forest.leaves(rows, which)
    own = [tree.leaves(rows, first(rows)), first(rows), other.leaves(rows, first(rows))]
    before = [0, tree.n_leaves, tree.n_leaves + 1]
    for number in range(3):
        mine = which == number
        np.testing.assert_array_equal(found[mine], own[number][mine] + before[number])
    assert [forest.leaf_of(rows[:, 7], number) for number in range(3)] == [
        part[7] + start for part, start in zip(own, before, strict=True)
    ]


def test_no_leaf_is_smaller_than_asked(rows: np.ndarray, tree: Forest):
    counts = np.bincount(tree.leaves(rows, first(rows)), minlength=tree.n_leaves)
    assert tree.n_leaves > 50
    assert counts.min() >= 30
    assert counts.sum() == rows.shape[1]


def test_without_anything_to_ask_there_is_one_leaf():
    tree = grow(np.empty((0, 7), np.float32), np.zeros((7, 1)), leaf=1, seed=0)
    assert tree.n_leaves == 1
    assert tree.leaves(np.empty((0, 5), np.float32), np.zeros(5, int)).tolist() == [0] * 5
    assert tree.leaf_of(np.empty(0)) == 0
    tree.check(0)


def best_of_all_splits(codes: np.ndarray, size: int, target: np.ndarray) -> float:
    """Return the least squared error of all ways to cut categories in two."""
    errors = []
    for chosen in itertools.chain.from_iterable(itertools.combinations(range(size), k) for k in range(1, size)):
        left = np.isin(codes, chosen)
        errors.append(sum(((part - part.mean()) ** 2).sum() for part in (target[left], target[~left])))
    return min(errors)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_categories_holds_the_best_split_of_all(seed: int):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 7, 200)
    target = rng.normal(size=7)[codes] + rng.normal(size=200)
    place = order_of(codes, 7, target[:, None])[codes]
    stump = DecisionTreeRegressor(max_depth=1).fit(place[:, None], target)
    error = ((target - stump.predict(place[:, None])) ** 2).sum()
    assert error == pytest.approx(best_of_all_splits(codes, 7, target), rel=1e-9)


def test_with_several_outputs_the_order_is_that_along_which_categories_differ():
    codes = np.repeat(np.arange(6), 50)
    along = np.array([3.0, -1.0, 2.0, 0.0, 5.0, -4.0])
    target = along[codes, None] * [[0.6, 0.8, 0.0]] + np.random.default_rng(0).normal(size=(300, 3)) * 0.01
    order = order_of(codes, 6, target).argsort().tolist()
    expected = along.argsort().tolist()
    assert order in (expected, expected[::-1])


def test_a_category_that_never_occurs_stands_in_the_middle():
    place = order_of(np.array([0, 2]), 3, np.array([[1.0], [3.0]]))
    assert place.tolist() == [-1, 0, 1]


def test_categories_of_few_rows_share_a_place():
    codes, target = np.array([0, 1, 2, 2, 3, 3]), np.array([[9.0], [-9.0], [1.0], [1.0], [-1.0], [-1.0]])
    assert order_of(codes, 4, target, least=2).tolist() == [0, 0, 1, -1]
    assert order_of(codes, 4, target).tolist() == [9, -9, 1, -1]


BROKEN = {
    "a circle": ("left", 0),
    "a child that is not there": ("right", 10_000),
    "a column that is not there": ("feature", 4),
    "a leaf of another number": ("leaf", 3),
    "a root that is not there": ("roots", 10_000),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_arrays_that_are_no_tree_are_refused(fault: str, tree: Forest):
    name, value = BROKEN[fault]
    values = getattr(tree, name).copy()
    values[-1 if name == "leaf" else 0] = value
    tree.check(4)
    with pytest.raises(ValueError, match="of a tree"):
        replace(tree, **{name: values}).check(4)


def test_arrays_of_different_lengths_are_refused(tree: Forest):
    with pytest.raises(ValueError, match="do not fit together"):
        replace(tree, threshold=tree.threshold[1:]).check(4)
