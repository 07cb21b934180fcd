"""Whatever an answer does, the student gets a sentence that is true of it."""

import functools

import numpy as np
import pytest
import torch

from sdg_lab.course import Exercise, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, expect_raises
from sdg_lab.course.engine.grade import verdict

COUNTS = np.array([[1.0, 3.0], [0.0, 2.0]])


def reference(counts, alpha):
    smoothed = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def exercise(check):
    wrong = tuple(WrongAnswer(f"mistake {number}", reference, "no") for number in range(3))
    return Exercise("01.smoothing", "Smoothing", "Smooth.", 2, 10, ("add",), reference, check, wrong)


@exercise
def SMOOTHING(answer):
    """The counts must be as they were for the second case."""
    for alpha, first in ((1.0, 2 / 6), (3.0, 4 / 10)):
        expect_close(answer(COUNTS, alpha)[0][0], first, what="the first entry", case=f"alpha = {alpha}")


def test_a_right_answer_earns_its_points():
    result = verdict(SMOOTHING, reference)
    assert (result.status, result.points, result.message) == ("passed", 2, "")


def stub(counts, alpha):
    raise NotImplementedError("your turn")


def empty(counts, alpha): ...


def ellipsis(counts, alpha):
    return ...


@pytest.mark.parametrize("answer", [stub, empty, ellipsis, functools.wraps(stub)(lambda *a: stub(*a))])
def test_an_untouched_answer_is_not_attempted(answer):
    result = verdict(SMOOTHING, answer)
    assert (result.status, result.points) == ("not attempted", 0)


def test_a_missing_return_in_one_branch_is_a_failure_not_a_stub():
    result = verdict(SMOOTHING, lambda counts, alpha: reference(counts, alpha) if alpha < 2 else None)
    assert result.status == "failed"
    assert "is a return missing in a branch?" in result.message


def test_an_answer_that_changes_its_inputs_harms_nobody():
    def greedy(counts, alpha):
        counts += alpha
        counts /= counts.sum(axis=1, keepdims=True)
        return counts

    assert verdict(SMOOTHING, greedy).status == "passed"
    assert COUNTS.tolist() == [[1, 3], [0, 2]]


def test_tensors_in_a_graph_and_generators_are_handed_out_as_copies():
    leaf = torch.ones(2, requires_grad=True)
    middle, generator = leaf * 2, torch.Generator().manual_seed(1)

    def check(answer):
        twice = [answer(middle, x=leaf, generator=generator) for _ in range(2)]
        expect_close(twice[0], twice[1], what="two calls")

    def answer(value, x, generator):
        assert value.requires_grad
        assert value is not middle
        return value.detach().mul_(2) + torch.rand(2, generator=generator)

    assert verdict(exercise(check), answer).status == "passed"
    assert middle.tolist() == [2, 2]


def test_an_exception_is_told_with_the_line_it_came_from():
    def answer(counts, alpha):
        total = counts.sum()
        return counts[7] / total

    result = verdict(SMOOTHING, answer)
    assert result.status == "error"
    assert result.message.startswith("Your code raised IndexError: index 7 is out of bounds")
    assert result.message.endswith("line 3 of answer: return counts[7] / total")


def test_the_deepest_line_of_the_answer_is_told_not_that_of_a_library():
    def answer(counts, alpha):
        def inner():
            return np.linalg.inv(np.ones((2, 3)))

        return inner()

    assert verdict(SMOOTHING, answer).message.endswith("line 2 of inner: return np.linalg.inv(np.ones((2, 3)))")


def test_a_not_implemented_error_of_a_library_is_an_error_not_a_stub():
    def answer(counts, alpha):
        return raises_inside(counts)

    def raises_inside(counts):
        raise NotImplementedError("not for this dtype")

    result = verdict(SMOOTHING, answer)
    assert result.status == "error"
    assert "NotImplementedError: not for this dtype" in result.message


def test_a_wrong_signature_is_told_as_such():
    result = verdict(SMOOTHING, lambda counts: counts)
    assert result.status == "error"
    assert result.message.startswith("Calling your function raised TypeError: ")
    assert "2 were given" in result.message


def test_a_value_that_the_check_cannot_read_is_a_failure():
    result = verdict(SMOOTHING, lambda counts, alpha: 3.0)  # the check takes the first entry of it
    assert result.status == "failed"
    assert result.message.startswith("The check could not read what your function returned (TypeError: 'float'")


def test_a_class_may_be_the_answer():
    class Chain:
        def __init__(self, counts):
            self.counts = counts

        def row(self, index):
            return self.counts[index] / self.total

    def check(answer):
        expect_close(answer(COUNTS).row(0), [0.25, 0.75], what="row 0")

    result = verdict(exercise(check), Chain)
    assert (result.status, "line 2 of row" in result.message) == ("error", True)
    Chain.total = 4
    assert verdict(exercise(check), Chain).status == "passed"


def test_a_refusal_that_is_wanted_is_not_an_error_of_the_answer():
    def check(answer):
        expect_raises(ValueError, answer, COUNTS, -0.5, what="a negative alpha", says="alpha")

    def careful(counts, alpha):
        if alpha < 0:
            raise ValueError(f"alpha must be >= 0, got {alpha}")
        return reference(counts, alpha)

    assert verdict(exercise(check), careful).status == "passed"
    assert "expected a ValueError, but your function returned" in verdict(exercise(check), reference).message
    assert verdict(exercise(check), stub).status == "not attempted"


def test_an_interrupt_is_not_swallowed():
    def answer(counts, alpha):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(SMOOTHING, answer)


@pytest.mark.parametrize("answer", [reference(COUNTS, 1.0), None, "smooth"])
def test_an_answer_that_cannot_be_called_is_refused(answer):
    with pytest.raises(TypeError, match=r"takes the function itself, got a \w+; pass its name, without brackets"):
        verdict(SMOOTHING, answer)


def test_wrong_is_an_assertion():
    assert issubclass(Wrong, AssertionError)
