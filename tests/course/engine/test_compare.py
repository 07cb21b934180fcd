"""Each comparison names what differs, where, and by how much."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdg_lab.course import Wrong
from sdg_lab.course.engine.compare import (
    expect_close,
    expect_equal,
    expect_raises,
    expect_rows_sum_to_one,
    expect_type,
    name_the_mistake,
)

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.5, 0.5),
        ([1, 2], np.array([1.0, 2.0])),
        (torch.tensor([1.0, 2.0], requires_grad=True), [1, 2]),
        (torch.tensor([0.5], dtype=torch.bfloat16), [0.5]),
        ([-INF, 0.0], [-INF, 0.0]),
        ([NAN], [NAN]),
        (1 + 1e-9, 1.0),
        (np.float32(0.1), 0.1),
        ([], []),
    ],
)
def test_close_accepts(got, want):
    expect_close(got, want, what="the values")


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        ([1, 2, 3], [[1, 2, 3]], r"the values for n = 3: expected shape \(1, 3\), got \(3,\)"),
        (1.0, [1.0], r"expected shape \(1,\), got \(\)"),
        ("hello", [1.0], "expected numbers, got a str: 'hello'"),
        ({"a": 1}, [1.0], "expected numbers, got a dict"),
        ([[1], [1, 2]], [1.0], "expected numbers, got a list"),
        (None, [1.0], "expected numbers, got a NoneType"),
        ([1j], [1.0], "expected real numbers, got complex ones"),
        ([1.0, NAN], [1.0, 2.0], r"at \[1\] expected 2, got nan, which is not finite"),
        ([[1.0], [-INF]], [[1.0], [2.0]], r"at \[1, 0\] expected 2, got -inf, which is not finite"),
        ([0.0], [-INF], r"at \[0\] expected -inf, got 0$"),
        (
            [1.0, 2.5, 3.0],
            [1.0, 2.0, 4.0],
            r"at \[1\] expected 2, got 2\.5 \(2 of 3 values differ, largest difference 1\)",
        ),
        (0.25, 0.75, r"for n = 3: expected 0\.75, got 0\.25 \(largest difference 0\.5\)"),
        ([True, False], [True, True], r"at \[1\] expected True, got False"),
        ([3, 4], [3, 5], r"at \[1\] expected 5, got 4"),
    ],
)
def test_close_refuses(got, want, says):
    with pytest.raises(Wrong, match=says):
        expect_close(got, want, what="the values", case="n = 3")


FLOATS = arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6))


@given(FLOATS, st.data())
def test_close_finds_one_changed_entry(values, data):
    at = tuple(data.draw(st.integers(0, side - 1)) for side in values.shape)
    changed = values.copy()
    changed[at] += 1 + abs(changed[at])
    expect_close(values.tolist(), values, what="it")
    with pytest.raises(Wrong, match=rf"at \[{', '.join(map(str, at))}\] "):
        expect_close(changed, values, what="it")


@pytest.mark.parametrize(
    ("got", "want"),
    [("abc", "abc"), ({"a": 1}, Counter("a")), ([1, [2]], [1, [2]]), ((1, "x"), (1, "x")), (np.arange(3), [0, 1, 2])],
)
def test_equal_accepts(got, want):
    expect_equal(got, want, what="it")


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        ("abd", "abc", "expected 'abc', got 'abd'$"),
        (["a"], ("a",), r"expected \('a',\), got \['a'\] \(a list, not a tuple\)"),
        ({"a": 1}, {"a": 1, "b": 2}, r"the key 'b' is missing \(1 of 2 are\)"),
        ({"a": 1, "c": 3}, {"a": 1}, r"the key 'c' should not be there \(1 such\)"),
        ({"a": {"b": 2}}, {"a": {"b": 3}}, "the value at 'a': the value at 'b': expected 3, got 2"),
        ([1, 2], [1], r"expected 1 items, got 2: \[1, 2\]"),
        ([1, [2, 4]], [1, [2, 3]], "item 1: item 1: expected 3, got 4"),
        (np.array([0, 2]), np.array([0, 1]), r"at \[1\] expected 1, got 2"),
        (np.array([1.0]), "abc", "expected numbers, got a str"),
    ],
)
def test_equal_refuses(got, want, says):
    with pytest.raises(Wrong, match=says):
        expect_equal(got, want, what="it")


@given(FLOATS.filter(lambda a: a.ndim >= 1).map(abs).map(lambda a: a + 1e-3))
def test_rows_that_were_divided_by_their_sums_are_distributions(values):
    expect_rows_sum_to_one(values / values.sum(-1, keepdims=True), what="it")
    with pytest.raises(Wrong, match=r"(row .* sums|the probabilities sum) to .*, not to 1"):
        expect_rows_sum_to_one(1.5 * values / values.sum(-1, keepdims=True), what="it")


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ([[0.5, 0.5], [0.5, 0.75]], "the rows: row 1 sums to 1.25, not to 1"),
        ([0.5, 0.25], "the rows: the probabilities sum to 0.75, not to 1"),
        ([[1.5, -0.5]], r"at \[0, 1\] a probability must be >= 0 and finite, got -0\.5"),
        ([NAN, 1.0], r"at \[0\] a probability must be >= 0 and finite, got nan"),
        (1.0, "expected a distribution, got the single number 1"),
        ("0.5", "expected numbers, got a str"),
    ],
)
def test_rows_that_are_no_distributions_are_refused(got, says):
    with pytest.raises(Wrong, match=says):
        expect_rows_sum_to_one(got, what="the rows")


def test_type_names_both():
    expect_type(torch.ones(1), torch.Tensor, what="z")
    with pytest.raises(Wrong, match=r"z for n = 1: expected a torch\.Tensor, got a numpy\.ndarray"):
        expect_type(np.ones(1), torch.Tensor, what="z", case="n = 1")


def test_raises_wants_the_error_and_its_sentence():
    def refuse(value):
        raise ValueError(f"must be > 0, got {value}")

    expect_raises(ValueError, refuse, 0, what="zero", says="got 0")
    with pytest.raises(Wrong, match="zero: the ValueError must say 'positive', yours says 'must be > 0, got 0'"):
        expect_raises(ValueError, refuse, 0, what="zero", says="positive")
    with pytest.raises(Wrong, match="zero: expected a ValueError, but your function returned 0"):
        expect_raises(ValueError, lambda value: value, value=0, what="zero")
    with pytest.raises(ZeroDivisionError):  # another error is the student's, and is shown as such
        expect_raises(ValueError, lambda value: 1 / value, 0, what="zero")


class TestNameTheMistake:
    MISTAKES: ClassVar = {"the sign is turned": [-1.0, -2.0], "the sum, not the values": 3.0}

    @pytest.mark.parametrize(
        ("got", "says"), [(np.array([-1.0, -2.0]), "x: the sign is turned"), (3, "x: the sum, not the values")]
    )
    def test_a_usual_mistake_is_named(self, got, says):
        with pytest.raises(Wrong, match=says):
            name_the_mistake(got, [1.0, 2.0], self.MISTAKES, what="x")

    @pytest.mark.parametrize("got", [[1.0, 2.0], torch.tensor([1.0, 2.0]), [1.0, 5.0], [1.0], "text", object()])
    def test_what_is_right_or_wrong_in_another_way_is_left_to_what_follows(self, got):
        name_the_mistake(got, [1.0, 2.0], self.MISTAKES, what="x")

    def test_a_mistake_that_gives_the_right_value_is_none(self):
        name_the_mistake([1.0], [1.0], {"nothing": [1.0]}, what="x")
