"""Utility: scikit-learn's own score is the oracle."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from sdg_lab.data.types import Images
from sdg_lab.metrics import train_on_synthetic

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16)[:600], Y[:600].astype(np.int64)


def test_the_accuracy_is_that_of_scikit_learn():
    theirs = KNeighborsClassifier(3).fit(X[:300], Y[:300]).score(X[300:], Y[300:])
    assert train_on_synthetic((X[:300], Y[:300]), (X[300:], Y[300:]), classifier=KNeighborsClassifier(3)) == theirs


def test_pictures_and_arrays_give_the_same_and_labels_matter():
    pictures = Images(X.astype(np.float32).reshape(-1, 1, 8, 8), Y)
    good = train_on_synthetic(pictures[:300], pictures[300:], seed=1)
    assert good == train_on_synthetic((X[:300].astype(np.float32), Y[:300]), (X[300:], Y[300:]), seed=1)
    shuffled = np.random.default_rng(0).permutation(Y[:300])
    assert good > 0.75
    assert train_on_synthetic((X[:300], shuffled), (X[300:], Y[300:]), seed=1) < 0.3


def test_the_default_is_a_random_forest_of_scikit_learn():
    train, test = (X[:200], Y[:200]), (X[200:400], Y[200:400])

    def theirs(seed):
        return RandomForestClassifier(200, random_state=seed).fit(*train).score(*test)

    assert train_on_synthetic(train, test) == theirs(0)
    assert train_on_synthetic(train, test, seed=2) == theirs(2)


def test_two_classes_are_enough():
    few = np.flatnonzero(Y < 2)
    assert train_on_synthetic((X[few], Y[few]), (X[few], Y[few]), classifier=KNeighborsClassifier(1)) == 1.0


def test_the_classifier_that_is_given_is_left_as_it_was():
    judge = DummyClassifier()
    train_on_synthetic((X, Y), (X, Y), classifier=judge)
    assert not hasattr(judge, "classes_")


@pytest.mark.parametrize(
    ("synthetic", "sentence"),
    [
        ((X, Y.astype(str)), "the label of real_test holds numbers, what it is compared with text"),
        ((X, np.full(600, 3)), "synthetic holds the one class 3; a classifier needs at least 2"),
        ((X, Y[:5]), r"synthetic must have one label a row: 600 rows, labels of shape \(5,\)"),
        ((X, np.where(Y == 0, None, Y)), "synthetic has no label in row 0; leave such rows out"),
        ((X, np.where(Y == 1, np.nan, Y)), "synthetic has no label in row 1; leave such rows out"),
        ((X[:, :8], Y), "synthetic has 8 numbers a row and real_test 64"),
        (Images(np.zeros((2, 1, 8, 8), np.float32)), "synthetic has no labels; give Images with labels"),
    ],
)
def test_what_cannot_be_learned_is_refused(synthetic, sentence):
    with pytest.raises(ValueError, match=sentence):
        train_on_synthetic(synthetic, (X, Y))


def test_a_seed_is_a_whole_number():
    with pytest.raises(ValueError, match="seed must be a whole number >= 0, got True"):
        train_on_synthetic((X, Y), (X, Y), seed=True)


def test_classes_that_have_names_are_matched_by_them():
    train = Images(X.astype(np.float32).reshape(-1, 1, 8, 8), Y)[np.isin(Y, [0, 1, 2])]
    shifted = Images(train.pixels, (train.labels + 1) % 3, ("c", "a", "b"))  # the same classes, numbered otherwise
    named = Images(train.pixels, train.labels, ("a", "b", "c"))
    assert train_on_synthetic(named, shifted, classifier=KNeighborsClassifier(1)) == 1
    lost = named[named.labels > 0]
    only = Images(lost.pixels, lost.labels - 1, ("b", "c"))
    share = float(np.mean(train.labels > 0))
    assert train_on_synthetic(only, named, classifier=KNeighborsClassifier(1)) == pytest.approx(share)
