"""Features: scikit-learn is the oracle for counts, scaling and one-hot; the basis comes from train alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sdg_lab.data.types import Images
from sdg_lab.metrics import fit_features
from sdg_lab.metrics.features import grams


def test_pictures_become_their_pixels():
    pixels = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 2, 2)
    np.testing.assert_array_equal(fit_features(Images(pixels))(Images(pixels)), pixels.reshape(2, 12))
    np.testing.assert_array_equal(fit_features(Images(pixels))(pixels[:1]), pixels[:1].reshape(1, 12))


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match="data has 9 numbers a row, the training data had 4"):
        fit_features(np.zeros((1, 2, 2)))(np.zeros((1, 3, 3)))


def test_counts_agree_with_scikit_learn():
    names = ["anna", "hannah", "bob", "b", "otto"]
    ours = fit_features(names)(names)
    vectorizer = CountVectorizer(analyzer=lambda name: list(map(repr, grams(name))))
    theirs = vectorizer.fit_transform(names).toarray()
    assert ours.shape == (5, theirs.shape[1] + 1)
    assert (ours[:, -1] == 0).all()  # train has no n-gram outside its own
    assert sorted(map(tuple, ours[:, :-1].T)) == sorted(map(tuple, theirs.T))


def test_grams_of_a_word_are_those_one_writes_down():
    assert list(grams("ab", 2)) == [("a",), ("b",), (None, "a"), ("a", "b"), ("b", None)]


@given(st.lists(st.text("abc", max_size=6), min_size=1), st.integers(1, 6))
def test_every_gram_is_counted_once_wherever_its_column_is(names, n_grams):
    table = fit_features(["abc", "cab"], n_grams=n_grams)(names)
    assert table.shape == (len(names), n_grams + 1)
    assert table.sum(axis=1).tolist() == [len(list(grams(name))) for name in names]


def test_the_five_hundred_commonest_n_grams_get_a_column():
    names = [f"{i:03d}" for i in range(600)]
    assert fit_features(names)(names).shape == (600, 501)
    assert fit_features(names[:2])(names).shape[1] == fit_features(names[:2], n_grams=500)(names).shape[1]
    assert fit_features(names, n_grams=1)(names).shape == (600, 2)


def test_n_grams_are_those_up_to_three():
    assert max(len(gram) for gram in grams("abcd")) == 3
    assert list(grams("ab", 1)) == [("a",), ("b",)]
    assert list(grams("")) == [(None, None)]


def test_tokens_are_not_letters():
    np.testing.assert_array_equal(
        fit_features([("C4", "D4")])([("C4", "D4")]), fit_features(["ab"])(["ab"]), "the same pattern of symbols"
    )
    assert fit_features(["C4"])([("C4",)])[0, -1] > 0


TRAIN = pd.DataFrame(
    {
        "age": [20.0, 30.0, 60.0, 31.0],
        "kind": pd.Categorical(list("abba"), list("abc")),
        "ill": [True, False, True, True],
    }
)


def test_a_table_agrees_with_scikit_learn():
    new = pd.DataFrame({"ill": [False, False], "kind": ["c", "a"], "age": [25, 40]})
    ours = fit_features(TRAIN)(new)
    scaled = StandardScaler().fit(TRAIN[["age"]]).transform(new[["age"]].astype(float))
    one_hot = OneHotEncoder(categories=[["a", "b", "c"], [False, True]], sparse_output=False)
    theirs = np.hstack([scaled, one_hot.fit(TRAIN[["kind", "ill"]]).transform(new[["kind", "ill"]])])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_basis_does_not_move_with_the_samples():
    featurise = fit_features(TRAIN)
    np.testing.assert_allclose(featurise(TRAIN)[:1], featurise(TRAIN[:1]), rtol=1e-12)


GAPS = pd.DataFrame(
    {"age": [20.0, np.nan, 60.0, 31.0], "kind": ["a", "b", None, "a"], "ill": [True, None, True, False]}
)


def test_missing_values_are_categories_and_marked_numbers_as_scikit_learn_makes_them():
    new = pd.DataFrame({"age": [np.nan, 40.0], "kind": ["b", None], "ill": [None, True]})
    ours = fit_features(GAPS)(new)
    scaler = StandardScaler().fit(GAPS[["age"]].dropna().to_numpy())
    imputer = SimpleImputer(add_indicator=True).fit(GAPS[["age"]])
    age, marked = imputer.transform(new[["age"]]).T
    kinds = OneHotEncoder(categories=[["a", "b", "gap"], ["False", "True", "gap"]], sparse_output=False)
    others = kinds.fit(GAPS[["kind", "ill"]].fillna("gap").astype(str))
    theirs = [
        scaler.transform(age[:, None]),
        marked[:, None],
        others.transform(new[["kind", "ill"]].fillna("gap").astype(str)),
    ]
    np.testing.assert_allclose(ours, np.hstack(theirs), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["Float64", "float32"])
def test_pandas_own_missing_number_is_one_as_well(dtype):
    ages = fit_features(GAPS[["age"]])
    np.testing.assert_allclose(ages(GAPS[["age"]].astype(dtype)), ages(GAPS[["age"]]), rtol=1e-6)


def test_a_value_that_is_missing_although_train_lacks_none_is_the_mean_or_no_category():
    new = TRAIN.assign(age=[np.nan, 1, 2, 3], kind=[None, "a", "b", "c"])
    np.testing.assert_allclose(fit_features(TRAIN)(new)[0, :4], 0, atol=1e-12)


def test_a_column_of_one_value_may_be_taken_and_another_value_is_seen():
    train = pd.DataFrame({"x": [0.1] * 7, "none": np.nan, "kind": "a"})
    new = pd.DataFrame({"x": [0.1, 2.1], "none": [np.nan, 5.0], "kind": "a"})
    np.testing.assert_allclose(fit_features(train, unseen=True)(new), [[0, 0, 1, 1], [2, 5, 0, 1]], atol=1e-12)


def test_categories_that_train_has_not_may_be_taken_for_none_of_its_own():
    new = pd.DataFrame({"kind": ["a", "d"]})
    known = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(TRAIN[["kind"]].astype(object))
    train = TRAIN[["kind"]].astype(object)
    np.testing.assert_array_equal(fit_features(train, unseen=True)(new), known.transform(new))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": ["a", "d", "a", "e"]}, r"column 'kind' has the category 'd', which train has not: \['a', 'b', 'c'\]"),
        ({"kind": [1, 2, 1, 2]}, "column 'kind' holds numbers, what it is compared with text; give both one type"),
        ({"ill": ["yes"] * 4}, "column 'ill' holds text, what it is compared with numbers; give both one type"),
        ({"age": ["x"] * 4}, "column 'age' holds text, what it is compared with numbers; give both one type"),
        ({"age": [1, 2, 3, np.inf]}, "column 'age' is infinite in row 3"),
    ],
)
def test_a_table_that_does_not_fit_the_basis_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_features(TRAIN)(TRAIN.assign(**change))


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("column", [pd.to_datetime(["2020-01-01", "2020-01-02"]), pd.to_timedelta([1, 2])])
def test_dates_are_no_feature(column, unseen):
    with pytest.raises(TypeError, match="column 'x' holds dates; turn them into numbers"):
        fit_features(pd.DataFrame({"x": column}), unseen=unseen)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ([1.0, -np.inf], "column 'x' is infinite in row 1"),
        ([2.0, 2.0], r"column 'x' is constant, always 2\.0; remove it"),
        (["a", "a"], "column 'x' is constant, always 'a'; remove it"),
        ([np.nan, np.nan], "column 'x' is all missing; remove it"),
    ],
)
def test_a_real_column_from_which_nothing_can_be_learned_is_refused(column, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_features(pd.DataFrame({"x": column}))


def test_a_column_that_train_has_not_is_refused():
    with pytest.raises(ValueError, match=r"train lacks the columns \['new'\]; it has \['age', 'kind', 'ill'\]"):
        fit_features(TRAIN)(TRAIN.assign(new=1))


def test_sequences_of_another_kind_are_refused():
    with pytest.raises(TypeError, match=r"data\[0\] must be a string or a tuple of tokens, got int"):
        fit_features(["ab"])([1])


def test_a_list_is_no_table_and_no_grams_is_no_basis():
    with pytest.raises(TypeError, match="data must be a pandas DataFrame, got list"):
        fit_features(TRAIN)(["a"])
    with pytest.raises(ValueError, match="n_grams must be a whole number >= 1, got 0"):
        fit_features(["a"], n_grams=0)
    with pytest.raises(ValueError, match=r"train is empty: shape \(0, 3\)"):
        fit_features(TRAIN[:0])
