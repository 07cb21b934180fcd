"""Rows: taking some of them, and telling when two are the same."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sdg_lab import metrics
from sdg_lab.data.types import Images
from sdg_lab.metrics import subsample
from sdg_lab.metrics.rows import as_points, keys

PIXELS = np.linspace(0, 1, 5 * 4, dtype=np.float32).reshape(5, 1, 2, 2)
KINDS = {
    "images": Images(PIXELS, np.arange(5)),
    "array": PIXELS.reshape(5, 4),
    "strings": ["a", "b", "c", "d", "e"],
    "tokens": [("a",), ("b",), ("c", "d"), ("e",), ()],
    "table": pd.DataFrame({"x": range(5), "kind": pd.Categorical(list("aabbb"))}),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_subsample_has_the_type_the_size_and_only_rows_of_the_whole_each_once(data):
    part = subsample(data, 3, seed=4)
    assert type(part) is type(data)
    assert len(part) == 3
    chosen = keys(part)
    assert len(set(chosen)) == 3
    assert set(chosen) <= set(keys(data))
    assert keys(subsample(data, 3, seed=4)) == chosen
    assert keys(subsample(data, 5)) == keys(subsample(data, 5, seed=0)) != keys(subsample(data, 5, seed=1))


def test_a_subsample_keeps_labels_with_their_pictures():
    part = subsample(KINDS["images"], 5, seed=1)
    np.testing.assert_array_equal(part.pixels, PIXELS[part.labels])


def test_one_row_and_all_rows_are_subsamples():
    assert len(subsample(KINDS["strings"], 1)) == 1
    assert sorted(subsample(KINDS["strings"], 5)) == KINDS["strings"]


@pytest.mark.parametrize("n", [0, 6, True, 2.0])
def test_a_subsample_cannot_be_empty_or_larger_than_the_whole(n):
    with pytest.raises(ValueError, match=f"n must be a whole number >= 1 and <= 5, got {n}"):
        subsample(KINDS["strings"], n)


def test_a_text_is_not_drawn_from_letter_by_letter():
    with pytest.raises(TypeError, match="data must be Images, an array, a table, or a list of sequences, got str"):
        subsample("hello", 2)
    with pytest.raises(ValueError, match="seed must be a whole number >= 0, got -1"):
        subsample(KINDS["strings"], 2, seed=-1)


def test_equal_rows_have_equal_keys_whatever_the_number_type():
    assert keys(np.array([[0.0, 1.0]])) == keys(np.array([[-0.0, 1.0]], dtype=np.float32))
    whole = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    fractional = pd.DataFrame({"y": pd.Categorical(["b", "a"]), "x": [2.0, 1.0]})
    assert set(keys(fractional, like=whole)) == set(keys(whole))


def test_keys_are_a_list_of_their_own():
    names = ["anna", "bob"]
    keys(names).append("eve")
    assert names == ["anna", "bob"]
    assert keys(tuple(names)) == names


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        ("anna", TypeError, "data must be Images, an array, a table, or a list of sequences, got str"),
        ([], ValueError, "data is empty"),
        (["a", 3], TypeError, r"data\[1\] must be a string or a tuple of tokens, got int"),
        (np.zeros(3), ValueError, r"data must have a row for each example, got shape \(3,\)"),
        (np.zeros((0, 3)), ValueError, r"data is empty: shape \(0, 3\)"),
        (np.array([[0.0, 1.0], [2.0, np.nan]]), ValueError, "data has nan in row 1, column 1; every number"),
        (np.array([[0.0, 1e31]]), ValueError, r"data has 1e\+31 in row 0, column 1; every number must be .*±1e\+30"),
        (np.array([[1 + 2j]]), TypeError, "data must hold real numbers, got complex128"),
        (np.array([["1", "2"]]), TypeError, "data must hold real numbers, got <U1"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), ValueError, "there are two columns 'x' in data; rename one"),
        (pd.DataFrame({"x": []}), ValueError, r"data is empty: shape \(0, 1\)"),
    ],
)
def test_what_is_no_set_of_rows_is_refused(data, error, sentence):
    with pytest.raises(error, match=sentence):
        keys(data)


def test_a_table_without_the_columns_of_train_is_refused():
    with pytest.raises(ValueError, match=r"samples lacks the columns \['y'\]; it has \['x'\]"):
        keys(pd.DataFrame({"x": [1]}), "samples", like=pd.DataFrame({"x": [1], "y": [2]}))


def test_a_missing_value_equals_a_missing_value_and_no_other():
    table = pd.DataFrame({"x": [1.0, np.nan, np.nan, 1.0], "y": ["a", None, None, None], "z": [1, None, None, 2]})
    first, second, third, fourth = keys(table.astype({"z": "Int64"}))
    assert second == third
    assert len({first, second, fourth}) == 3


def test_numbers_are_never_looked_for_among_text():
    numbers, text = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": ["1", "2"]})
    for data, like, said in ((text, numbers, "holds text"), (numbers, text, "holds numbers")):
        with pytest.raises(ValueError, match=f"column 'x' of samples {said}, what it is compared with"):
            keys(data, "samples", like=like)
    assert len(keys(pd.DataFrame({"x": [True, None]}), like=pd.DataFrame({"x": [1.0, 2.0]}))) == 2


def test_judging_loads_numpy_alone_until_something_is_measured():
    heavy = "{'torch', 'sklearn', 'scipy', 'matplotlib'}"
    program = f"import sys, sdg_lab.metrics; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
    assert "ImageClassifier" in dir(metrics)
    with pytest.raises(AttributeError, match=r"module 'sdg_lab\.metrics' has no attribute 'judge'"):
        _ = metrics.judge


def test_strings_are_no_points():
    with pytest.raises(TypeError, match="data must be Images or an array, got list"):
        as_points(["a"])


def test_a_table_with_a_column_that_train_has_not_is_refused():
    with pytest.raises(ValueError, match=r"what it is compared with lacks the columns \['y'\]; it has \['x'\]"):
        keys(pd.DataFrame({"x": [1], "y": [2]}), "samples", like=pd.DataFrame({"x": [1]}))


@pytest.mark.parametrize("size", [1e30, -1e30])
def test_the_largest_numbers_are_still_judged(size):
    far = np.array([[0.0, size], [size, 1.0], [1.0, 0.0], [0.0, 0.0]])
    assert np.isfinite(metrics.kernel_distance(far, far[::-1]))
    assert np.isfinite(metrics.frechet_distance(far, far))
    assert metrics.near_copies(far, far).all()
    assert metrics.prdc(far, far, 1).recall == 1.0
    assert metrics.c2st(far, far, folds=2) <= 1.0
