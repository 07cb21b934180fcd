"""Privacy: shares counted by hand, neighbours against a full table of distances, planted copies found."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from sdg_lab.data.types import Images
from sdg_lab.metrics import Memorisation, memorisation, near_copies, nearest_training

TRAIN, TEST = [f"train{i}" for i in range(8)], ["test0", "test1"]


def test_names_are_sorted_into_train_test_and_new():
    found = memorisation(["train0", "train0", "train3", "test1", "new", "Train0", "", "other"], TRAIN, TEST)
    assert found == Memorisation(in_train=3 / 8, in_test=1 / 8, new=4 / 8, by_chance=4 / 8)
    assert str(found) == "37.5% in train (by chance 50.0%), 12.5% in test, 50.0% new"


def test_a_sample_in_both_parts_counts_once_as_in_train():
    found = memorisation(["train0", "new"], TRAIN, [*TEST, "train0"])
    assert (found.in_train, found.in_test, found.new) == (0.5, 0.0, 0.5)


def test_a_model_that_remembers_nothing_finds_train_as_often_as_chance_says():
    """Draw from the very distribution that train and test were cut from: every word of it is equally likely."""
    words = [f"{i:04d}" for i in range(1000)]
    samples = [words[i] for i in np.random.default_rng(0).integers(0, 1000, size=20_000)]
    found = memorisation(samples, words[:400], words[400:500])
    assert found.in_train == pytest.approx(0.4, abs=0.015)
    assert found.by_chance == pytest.approx(0.4, abs=0.03)


def test_rows_of_tables_are_found_whatever_the_order_of_columns():
    train = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    samples = pd.DataFrame({"y": pd.Categorical(["b", "a", "a"]), "x": [2.0, 1.0, 2.0]})
    found = memorisation(samples, train, pd.DataFrame({"x": [2], "y": ["a"]}))
    assert (found.in_train, found.in_test, found.new) == pytest.approx((2 / 3, 1 / 3, 0))


RNG = np.random.default_rng(0)
POINTS = RNG.uniform(size=(200, 16))


def test_planted_copies_are_found_and_new_points_are_not():
    copies = POINTS[:10] + RNG.normal(0, 1e-4, size=(10, 16))
    fresh = RNG.uniform(size=(30, 16))
    np.testing.assert_array_equal(near_copies(np.vstack([copies, fresh]), POINTS), [True] * 10 + [False] * 30)


def test_a_near_copy_of_a_point_that_is_there_twice_is_a_copy():
    assert near_copies(POINTS[:1] + 1e-4, np.vstack([POINTS, POINTS[:1]])).all()


def test_the_limit_of_a_near_copy_is_the_ratio():
    train = np.array([[0.0], [4.0]])
    samples = np.array([[0.99], [1.01], [3.01], [-1.0], [-3.0]])  # ratios .33, .34, .33, .2, .43
    np.testing.assert_array_equal(near_copies(samples, train), [True, False, True, True, False])


def test_pictures_are_sorted_by_near_copies():
    pixels = POINTS.astype(np.float32).reshape(200, 1, 4, 4)
    train, test = Images(pixels[:100]), Images(pixels[100:150])
    samples = Images(np.concatenate([pixels[:2], pixels[100:101], pixels[150:155]]))
    found = memorisation(samples, train, test)
    assert (found.in_train, found.in_test, found.new) == (2 / 8, 1 / 8, 5 / 8)


def test_neighbours_are_those_of_the_full_table():
    samples = RNG.uniform(size=(20, 16))
    distances, indices = nearest_training(samples, POINTS)
    table = cdist(samples, POINTS)
    np.testing.assert_array_equal(indices, table.argmin(axis=1))
    np.testing.assert_allclose(distances, table.min(axis=1), rtol=1e-12)


def test_an_exact_copy_is_at_distance_zero_even_far_from_the_origin():
    distances, indices = nearest_training(POINTS[[3, 7]] + 1e6, POINTS + 1e6)
    assert distances.tolist() == [0.0, 0.0]
    assert indices.tolist() == [3, 7]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: memorisation(["a"], POINTS, ["b"]),
            TypeError,
            "must be of one type, got a list of str, points, a list of str",
        ),
        (lambda: memorisation([], TRAIN, TEST), ValueError, "samples is empty"),
        (lambda: near_copies(POINTS, POINTS[:1]), ValueError, "train has only 1 different point"),
        (lambda: near_copies(POINTS[:, :3], POINTS), ValueError, "samples has 3 numbers a row and train 16"),
        (lambda: nearest_training(POINTS[:, :3], POINTS), ValueError, "samples has 3 numbers a row and train 16"),
        (lambda: nearest_training(["a"], POINTS), TypeError, "samples must be Images or an array, got list"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_a_near_copy_of_train_and_of_test_counts_once_as_in_train_and_for_chance():
    pixels = POINTS.astype(np.float32).reshape(200, 1, 4, 4)
    train, test = Images(pixels[:100]), Images(pixels[90:150])  # ten of them in both
    found = memorisation(Images(np.concatenate([pixels[90:98], pixels[148:150]])), train, test)
    assert (found.in_train, found.in_test, found.new, found.by_chance) == (0.8, 0.2, 0.0, 1.0)


def test_chance_is_a_share():
    assert memorisation(["a", "b"], ["x", "y", "z"], ["a", "b"]).by_chance == 1.0
    assert memorisation(["a", "q", "r", "s"], ["x", "y"], ["a", "b"]).by_chance == 0.25


def test_points_are_near_copies_by_chance_as_often_of_train_as_of_test():
    rng = np.random.default_rng(0)
    samples, train, test = rng.random((3000, 2)), rng.random((4000, 2)), rng.random((500, 2))
    found = memorisation(samples, train, test)
    assert found.by_chance == pytest.approx(found.in_train, abs=0.02)


@pytest.mark.parametrize(
    ("train", "kinds"),
    [([("a", "b")], "a list of str, a list of tuple"), (pd.DataFrame({"a": ["ab"]}), "a list of str, DataFrame")],
)
def test_rows_of_another_kind_are_not_simply_new(train, kinds):
    with pytest.raises(TypeError, match=f"must be of one type, got {kinds}"):
        memorisation(["ab"], train, train)
