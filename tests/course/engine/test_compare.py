"""What is right passes in any style; what is not is told by what differs, where, and by how much."""

from collections import Counter, deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_matrix

from sdg_lab.course.engine.compare import FAR, NEAR, coarsest, difference, in_the_form_of, same, scales, settle

INF, NAN = float("inf"), float("nan")


def told(got, want, **options):
    return difference(settle(got), want, **options)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.5, 0.5),
        ([1, 2], np.array([1.0, 2.0])),
        ((1, 2), [1.0, 2.0]),
        (iter([1, 2]), [1.0, 2.0]),
        (map(abs, [1, 2]), np.array([1, 2])),
        (range(3), [0, 1, 2]),
        (deque([0, 1]), [0, 1]),
        ({"a": 1, "b": 2}.values(), [1, 2]),
        (torch.tensor([1.0, 2.0], requires_grad=True), [1, 2]),
        ([torch.tensor(1.0), torch.tensor(2.0, requires_grad=True)], np.array([1.0, 2.0])),
        ([np.array([1.0, 2.0])], np.array([[1.0, 2.0]])),
        (torch.tensor([0.5], dtype=torch.bfloat16), [0.5]),
        (torch.eye(2).to_sparse(), np.eye(2)),
        (csr_matrix(np.eye(2)), np.eye(2)),
        (pd.Series([1.0, 2.0]), [1.0, 2.0]),
        (pd.DataFrame(np.eye(2)), np.eye(2)),
        ([Fraction(1, 4), Decimal("0.75")], np.array([0.25, 0.75])),
        (np.array([[Fraction(1, 4)]], dtype=object), np.array([[0.25]])),
        ([0.25], 0.25),
        (torch.tensor([[0.25]]), 0.25),
        (np.float32(0.1), 0.1),
        (np.array([0.1, 100.0], dtype=np.float32), np.array([0.1, 100.0])),
        (np.int64(3), 3),
        (3.0, 3),
        (np.bool_(True), True),
        (torch.tensor([True, False]), np.array([True, False])),
        ([-INF, 0.0, NAN], np.array([-INF, 0.0, NAN])),
        ([], np.zeros(0)),
        (1 + 1e-7, 1.0),
        (np.str_("abc"), "abc"),
        (Counter("aab"), {"a": 2, "b": 1}),
        ({"a": [0.5, 0.5]}, {"a": np.array([0.5, 0.5])}),
        (["x", 1], ("x", 1)),
        ([["a", "b"], [0.5]], [("a", "b"), np.array([0.5])]),
        ({"b", "a"}, {"a", "b"}),
        (["b", "a"], frozenset("ab")),
        (np.array(["x", "y"]), ["x", "y"]),
    ],
)
def test_right_in_any_style(got, want):
    assert told(got, want) == ""


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        ([1, 2, 3], np.array([[1, 2, 3]]), r"expected shape \(1, 3\), got \(3,\)"),
        ([1.0, 2.0], 1.0, r"expected shape \(\), got \(2,\)"),
        ("hello", np.array([1.0]), "expected numbers, got 'hello', a str"),
        ({"a": 1}, 1.0, "expected numbers, got {'a': 1}, a dict"),
        ([[1], [1, 2]], np.ones((2, 1)), "expected numbers, got .*, a list"),
        (object(), 1.0, "expected numbers, got"),
        ([1j], np.array([1.0]), "expected real numbers, got complex ones$"),
        ([1 + 0j], np.array([1.0]), r"complex ones; their imaginary part is 0, take \.real"),
        ([1.0, NAN], np.array([1.0, 2.0]), r"at \[1\] expected 2, got nan \(1 of 2 values differ; not finite\)"),
        ([[1.0], [-INF]], np.array([[1.0], [2.0]]), r"at \[1, 0\] expected 2, got -inf"),
        ([0.0], np.array([-INF]), r"at \[0\] expected -inf, got 0$"),
        (
            [1.0, 2.5, 3.0],
            np.array([1.0, 2.0, 4.0]),
            r"at \[1\] expected 2, got 2\.5 \(2 of 3 .*; largest difference 1\)",
        ),
        (0.25, 0.75, r"^expected 0\.75, got 0\.25 \(largest difference 0\.5\)$"),
        (0.3333331, 1 / 3 + 1e-5, r"expected 0\.333343, got 0\.333333 .*is something rounded"),
        (1, True, "expected True or False, got 1"),
        (np.array([1, 0]), np.array([True, False]), "expected True or False"),
        (True, 1.0, "expected numbers, got True"),
        ([3, 4], np.array([3, 5]), r"at \[1\] expected 5, got 4"),
        (3.0001, 3, "expected 3, got 3.0001"),
        (np.float32(3.0001), 3, "expected 3, got 3.0001"),
        (1_000_001, 1_000_000, "expected 1000000, got 1000001"),
        ("abd", "abc", "expected 'abc', got 'abd'$"),
        (b"abc", "abc", "a bytes, not a str"),
        (list("abc"), "abc", "a list, not a str"),
        ("abc", ["a", "b", "c"], "expected a list of 3 items, got 'abc', a str"),
        (["a"], ["a", "b"], r"expected 2 items, got 1: \['a'\]"),
        (["a", "c"], ["a", "b"], "item 1: expected 'b', got 'c'"),
        ([("x", [1.0]), ("y", [3.0])], [("x", np.array([1.0])), ("y", np.array([2.0]))], r"item 1: item 1: at \[0\]"),
        ({"a": 1}, {"a": 1, "b": 2}, r"the key 'b' is missing \(1 of 2 are\)"),
        ({"a": 1, "c": 3}, {"a": 1}, r"the key 'c' should not be there \(1 such\)"),
        ({"a": {"b": 2}}, {"a": {"b": 3}}, "the value at 'a': the value at 'b': expected 3, got 2"),
        ([1], {"a": 1}, "expected a dictionary, got"),
        ({"a"}, {"a", "b"}, "'b' is missing"),
        ({"a", "b"}, {"a"}, "'b' should not be there"),
        (["a", "a"], {"a"}, "some stand there twice"),
        ("a", {"a"}, "expected a set, got 'a', a str"),
    ],
)
def test_wrong_is_told(got, want, says):
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(told(got, want))


def test_parts_have_names():
    parts = ("the mean", "the error")
    assert told([1.0, 0.5], (1.0, 0.5), parts=parts) == ""
    assert told(np.array([1.0, 0.5]), (1.0, 0.5), parts=parts) == ""
    assert told(torch.tensor([1.0, 0.5]), (1.0, 0.5), parts=parts) == ""
    assert told(torch.ones(2, 3), (np.ones(3), np.ones(3)), parts=parts) == ""
    assert told(np.ones((2, 3)), (torch.ones(3), torch.ones(3)), parts=parts) == ""
    assert told(np.ones((2, 3)), (torch.ones(3), torch.ones(3))) == ""
    assert told((1.0, 0.6), (1.0, 0.5), parts=parts).startswith("the error: expected 0.5, got 0.6")
    for got in (1.0, np.array(1.0), torch.tensor(1.0), (1.0,), "ab", {"a": 1, "b": 2}):
        assert told(got, (1.0, 0.5), parts=parts).startswith("expected 2 things (the mean, the error), got ")


def test_the_tolerance_is_that_of_the_coarsest_arithmetic():
    assert told(1 + 3e-5, 1.0) != ""
    assert told(np.float32(1 + 3e-5), 1.0) == ""
    assert told(1 + 3e-5, np.float32(1.0)) == ""
    assert told(1 + 3e-5, 1.0, size=coarsest([np.ones(3, dtype=np.float32)])) == ""
    assert told(1 + 3e-5, 1.0, rtol=1e-4) == ""
    assert told(np.float32(1 + 3e-4), 1.0) != ""
    assert told(torch.tensor(1.01, dtype=torch.bfloat16), 1.0) == ""
    assert told([1e-9, 1000.0], np.array([0.0, 1000.0])) == ""  # next to 1000, this is 0
    assert told([1e-9, 1e-9], np.array([0.0, 1e-9])) != ""


def test_a_dtype_matters_where_it_is_said():
    want = torch.ones(2)
    assert told(torch.ones(2, dtype=torch.float64), want) == ""
    wrong = told(torch.ones(2, dtype=torch.float64), want, keeps_dtype=True)
    assert wrong == "expected numbers of dtype float32, got float64"
    assert told(np.ones(2, dtype=np.float32), want, keeps_dtype=True) == ""


FLOATS = arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6))


@given(FLOATS, st.data())
def test_one_changed_entry_is_found(values, data):
    at = tuple(data.draw(st.integers(0, side - 1)) for side in values.shape)
    changed = values.copy()
    changed[at] += 1 + np.abs(values).max()
    assert told(values.tolist(), values) == ""
    assert told(changed, values).startswith(f"at [{', '.join(map(str, at))}] ") or values.size == 1


@pytest.mark.parametrize(
    "value",
    [np.array([1.0, NAN]), torch.tensor([1, 2]), [1, ("a", {2})], {"a": np.eye(2)}, np.array(["a"]), NAN, None, "x"],
)
def test_same_is_to_the_last_bit(value):
    import copy

    assert same(value, copy.deepcopy(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1.0]), np.array([1.0 + 1e-15])),
        (np.array([1.0]), np.array([1.0], dtype=np.float32)),
        (torch.ones(2), torch.ones(2, 1)),
        ([1, 2], [2, 1]),
        ([1], (1,)),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1}, {2}),
    ],
)
def test_what_differs_at_all_is_not_the_same(one, other):
    assert not same(one, other)


@pytest.mark.parametrize(
    ("got", "like", "kind"),
    [
        ([[1, 2], [3, 4]], np.eye(2), np.ndarray),
        (torch.eye(3), np.eye(2), np.ndarray),
        ([torch.tensor(1.0), torch.tensor(2.0)], torch.zeros(5), torch.Tensor),
        ([1.0, 2.0], torch.zeros(5), torch.Tensor),
        (np.ones((1, 1)), torch.tensor(0.0), torch.Tensor),
        ([Fraction(1, 2)], 0.5, float),
        (np.array([3]), 3, int),
        (torch.tensor(1.5), np.float64(0), np.float32),
        (np.bool_(True), False, bool),
        (("a", "b"), [""], list),
        (["a", "b"], {"c"}, set),
        ("a", "b", str),
    ],
)
def test_a_right_answer_is_handed_on_in_the_form_of_the_reference(got, like, kind):
    value = in_the_form_of(settle(got), like)
    assert type(value) is kind
    assert (
        told(value, got if isinstance(got, str) else settle(got) if kind in (np.ndarray, torch.Tensor) else value) == ""
    )


def test_in_that_form_gradients_and_pairs_are_kept():
    x = torch.ones(2, requires_grad=True)
    (gradient,) = torch.autograd.grad(in_the_form_of([2 * x[0], 3 * x[1]], torch.zeros(2)).sum(), x)
    assert gradient.tolist() == [2, 3]
    mean, error = in_the_form_of([[0.5], np.float32(1)], (np.zeros(3), 0.0))
    assert type(mean) is np.ndarray
    assert type(error) is float
    pairs = in_the_form_of([(("a",), [1.0]), (("b",), [2.0])], [(("z",), np.zeros(2))])
    assert [type(values) for _, values in pairs] == [np.ndarray, np.ndarray]


def test_texts_are_shown_where_they_part_and_every_space_with_them():
    assert told("a  b", "a b") == "expected 'a b', got 'a  b'"
    long = "word " * 40
    for got in (long.replace("word word", "word  word", 1), long[:-1], long + "\n", "x" + long):
        wrong = told(got, long)
        expected, mine = wrong.split("expected ")[1].split(", got ")
        assert expected != mine, wrong
        assert len(wrong) < 150


def test_the_absolute_tolerance_is_of_the_terms_that_cancel():
    moved = [((1e6 * (1 + FAR), -1e6 * FAR), (1e6 * (1 + NEAR), -1e6 * NEAR))]
    scale = scales((1e6, 0.0), moved)
    assert scale == pytest.approx([1e6, 1e6], rel=1e-4)
    assert told(1e-3, 0.0, scale=scale[1]) == ""
    assert told(1e-3, 0.0) != ""
    assert told(1.0, 0.0, scale=scale[1]) != ""
    assert scales({"a": 0.0}, [({"a": 1.0}, {"a": 1.0})]) == {"a": 0.0}  # a jump is no rounding


@pytest.mark.filterwarnings("ignore")  # torch says of two of them that they may go
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(5, device="meta"),
        lambda: torch.quantize_per_tensor(torch.ones(5), 0.1, 0, torch.qint8),
        lambda: torch.ones(5).to(torch.float8_e4m3fn),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    ],
)
def test_a_tensor_that_numpy_cannot_read_is_told(make):
    assert told(make(), np.ones(5)).startswith("expected numbers, got")
    assert told([make(), 1.0], [np.ones(5), 1.0], parts=("one", "two")).startswith("one: expected numbers, got")


def test_what_answers_with_methods_of_its_own_is_taken_down_once():
    class Rude:
        def __repr__(self):
            raise RuntimeError("no")

    assert "a test_compare.Rude" in told(Rude(), 1.0) or "Rude" in told(Rude(), 1.0)
    masked = np.ma.array([3.0, 4.0], mask=True)
    assert told(masked, np.array([1.0, 2.0])) != ""
