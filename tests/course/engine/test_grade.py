"""Whatever an answer does, the student gets a sentence that is true of it."""

import asyncio
import dataclasses
import functools
import sys

import numpy as np
import pytest
import torch

from sdg_lab.course.engine import Case, Exercise, Mistake, Wrong
from sdg_lab.course.engine.grade import IN_THE_NOTEBOOK, WHEN_GRADING, verdict


def reference(counts, alpha):
    smoothed = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def cases(rng):
    yield Case(np.array([[1.0, 3.0], [0.0, 2.0]]), 1.0, name="the first")
    for size in (4, 5):
        yield Case(rng.poisson(3.0, size=(size, size)).astype(float), 2.0)


SMOOTHING = Exercise(
    key="01.smoothing",
    title="Smoothing",
    task="Smooth.",
    points=2,
    minutes=10,
    hints=("add",),
    reference=reference,
    cases=cases,
    returns="the matrix",
    mistakes=(
        Mistake("Rows, not columns.", lambda counts, alpha: reference(counts.T, alpha).T),
        Mistake("α is missing.", lambda counts, alpha: counts / counts.sum(axis=1, keepdims=True)),
        Mistake("The whole sums to 1.", lambda counts, alpha: (counts + alpha) / (counts + alpha).sum()),
    ),
)


def test_a_right_answer_earns_its_points():
    for seed in (IN_THE_NOTEBOOK, WHEN_GRADING):
        result = verdict(SMOOTHING, reference, seed=seed)
        assert (result.status, result.points, result.message, result.printed) == ("passed", 2, "", "")


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


def test_the_case_the_place_and_both_values_are_told():
    result = verdict(SMOOTHING, lambda counts, alpha: reference(counts, alpha) + (alpha == 1) * np.eye(len(counts)))
    assert result.message == (
        "The matrix for the first: at [0, 0] expected 0.333333, got 1.33333 "
        "(2 of 4 values differ; largest difference 1)"
    )


def test_a_case_without_a_name_is_described_by_its_arguments():
    result = verdict(SMOOTHING, lambda counts, alpha: reference(counts, alpha) * (1 if alpha == 1 else 2))
    assert result.message.startswith("The matrix for counts = 4×4 numbers, alpha = 2: at [0, 0]")


class TestMistakes:
    def test_each_is_named_before_the_case_that_shows_it(self):
        for mistake in SMOOTHING.mistakes:
            result = verdict(SMOOTHING, mistake.answer)
            assert result.message.startswith(f"{mistake.sentence}\nThe matrix for the first: at [0, 0] expected")

    def test_another_style_of_it_is_named_too(self):
        mistake = SMOOTHING.mistakes[1]
        result = verdict(SMOOTHING, lambda counts, alpha: mistake.answer(counts, alpha).astype(np.float32).tolist())
        assert result.message.startswith("α is missing.")

    def test_what_agrees_in_one_case_of_three_is_not_named(self):
        def answer(counts, alpha):
            return SMOOTHING.mistakes[2].answer(counts, alpha) if alpha == 1 else 3 * counts

        assert verdict(SMOOTHING, answer).message.startswith(
            "The matrix for the first: at [0, 0] expected 0.333333, got 0.2"
        )

    def test_the_one_that_explains_more_cases_is_named(self):
        both = Mistake("Columns, in the first.", lambda c, a: SMOOTHING.mistakes[0].answer(c, a) if a == 1 else 2 * c)
        exercise = dataclasses.replace(SMOOTHING, mistakes=(both, *SMOOTHING.mistakes))
        assert verdict(exercise, SMOOTHING.mistakes[0].answer).message.startswith("Rows, not columns.")

    def test_the_case_that_shows_it_is_told_not_another_that_is_wrong_too(self):
        def answer(counts, alpha):
            return 7 * counts if alpha == 1 else SMOOTHING.mistakes[2].answer(counts, alpha)

        message = verdict(SMOOTHING, answer).message
        assert message.startswith("The whole sums to 1.\nThe matrix for counts = 4×4 numbers")

    def test_one_that_raises_is_named_beside_the_error(self):
        raises = Mistake("There are no more rows than columns.", lambda counts, alpha: counts[len(counts)])
        exercise = dataclasses.replace(SMOOTHING, mistakes=(raises, *SMOOTHING.mistakes))

        def answer(counts, alpha):
            return counts[len(counts)]

        result = verdict(exercise, answer)
        assert result.status == "error"
        assert result.message.startswith("There are no more rows than columns.\nYour code raised IndexError")

    def test_one_that_raises_for_another_reason_is_not_named(self):
        raises = Mistake("There are no more rows than columns.", lambda counts, alpha: counts[len(counts)])
        exercise = dataclasses.replace(SMOOTHING, mistakes=(raises, *SMOOTHING.mistakes))

        def of_too_many_axes(counts, alpha):
            return counts[0, 0, 0]

        def far_off(counts, alpha):
            return counts[:, 99]

        for answer, says in ((of_too_many_axes, "too many indices"), (far_off, "index 99 is out of bounds")):
            assert verdict(exercise, answer).message.startswith(f"Your code raised IndexError: {says}")


class TestHarm:
    def test_a_changed_argument_is_refused_by_name(self):
        def greedy(counts, alpha):
            counts += alpha
            counts /= counts.sum(axis=1, keepdims=True)
            return counts

        result = verdict(SMOOTHING, greedy)
        assert result.status == "failed"
        assert result.message.startswith(
            "The values are right, but your function changes counts in place; work on a copy"
        )

    def test_it_is_what_explains_wrong_values_if_no_mistake_does(self):
        shared = np.ones((2, 2))
        exercise = dataclasses.replace(
            SMOOTHING, cases=lambda rng: [Case(shared.copy(), 1.0), *_twice(rng.random((3, 3)))]
        )

        def greedy(counts, alpha):
            counts += alpha
            return reference(counts, 0)

        assert verdict(exercise, greedy).message.startswith("Your function changes counts in place; work on a copy")

    def test_a_changed_global_state_is_refused_by_name_and_put_back(self):
        def answer(counts, alpha):
            np.random.seed(0)  # noqa: NPY002
            np.seterr(all="ignore")
            return reference(counts, alpha)

        before = np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002
        result = verdict(SMOOTHING, answer)
        assert result.message.startswith(
            "The values are right, but your function changes numpy's global random state "
            "(nothing is to be drawn here: what is given is enough)"
        )
        assert (np.random.get_state()[1].tolist(), np.geterr()) == before  # noqa: NPY002

    @pytest.mark.parametrize("chance", ["seed", "generator", "rng"])
    def test_an_exercise_that_gives_a_seed_says_what_to_do_with_it(self, chance):
        exec(f"def draw(n, {chance}):\n    return np.arange(n)", names := {"np": np})

        def answer(n, *_):
            return np.random.permutation(n) * 0 + np.arange(n)  # noqa: NPY002

        drawing = dataclasses.replace(SMOOTHING, reference=names["draw"], cases=lambda rng: [Case(3, 0)])
        message = verdict(drawing, answer).message
        assert "changes numpy's global random state (use np.random.default_rng(seed))" in message

    def test_what_is_printed_is_shown_and_cut(self, capsys):
        def answer(counts, alpha):
            print("alpha is", alpha)
            return reference(counts, alpha)

        result = verdict(SMOOTHING, answer)
        assert capsys.readouterr().out == ""
        assert result.printed == "alpha is 1.0\nalpha is 2.0\nalpha is 2.0"
        assert "Your function printed:\nalpha is 1.0" in str(result)
        assert "<pre>alpha is 1.0" in result._repr_html_()

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (sys.exit, "it called exit, which would have ended the whole notebook"),
            (lambda: [print("x" * 1000) for _ in range(10**6)], "it printed more than 100 kB"),
            (lambda: [None for _ in iter(int, 1)], r"it ran longer than 0.3 seconds; does a loop never end?"),
        ],
    )
    def test_what_would_not_end_ends_the_check(self, body, says):
        exercise = dataclasses.replace(SMOOTHING, seconds=0.3)
        result = verdict(exercise, lambda counts, alpha: body())
        assert result.status == "error"
        assert result.message.startswith(f"Your function was stopped: {says}")
        assert len(str(result)) < 3000

    def test_a_name_that_is_not_to_be_used_is_found_in_nested_functions_too(self):
        exercise = dataclasses.replace(SMOOTHING, without=("sum", "mean"))
        result = verdict(exercise, lambda counts, alpha: [row.sum() for row in counts])
        assert (result.status, result.message) == ("failed", "This exercise is to be done without sum.")


def _twice(counts):
    yield Case(counts, 1.0)
    yield Case(counts, 1.0)


class TestErrors:
    def test_an_exception_is_told_with_the_line_it_came_from(self):
        def answer(counts, alpha):
            total = counts.sum()
            return counts[7] / total

        result = verdict(SMOOTHING, answer)
        assert result.status == "error"
        assert result.message.startswith("Your code raised IndexError: index 7 is out of bounds")
        assert result.message.endswith("line 3 of answer: return counts[7] / total\n(for the first)")

    def test_the_deepest_line_of_the_answer_is_told_not_that_of_a_library(self):
        def answer(counts, alpha):
            def inner():
                return np.linalg.inv(np.ones((2, 3)))

            return inner()

        assert "line 2 of inner: return np.linalg.inv(np.ones((2, 3)))" in verdict(SMOOTHING, answer).message

    def test_a_generator_that_raises_is_the_student_s_own(self):
        def answer(counts, alpha):
            return (row / (row - row).sum(where=row > "x") for row in counts)

        result = verdict(SMOOTHING, answer)
        assert result.status == "error"
        assert "of <genexpr>: return (row / " in result.message

    def test_a_not_implemented_error_of_a_library_is_an_error_not_a_stub(self):
        def answer(counts, alpha):
            return raises_inside(counts)

        def raises_inside(counts):
            raise NotImplementedError("not for this dtype")

        result = verdict(SMOOTHING, answer)
        assert result.status == "error"
        assert "NotImplementedError: not for this dtype" in result.message

    def test_a_wrong_signature_is_told_as_such(self):
        result = verdict(SMOOTHING, lambda counts: counts)
        assert result.status == "error"
        assert result.message.startswith("Calling your function raised TypeError: ")
        assert "2 were given" in result.message

    def test_an_interrupt_is_not_swallowed(self):
        def answer(counts, alpha):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            verdict(SMOOTHING, answer)

    @pytest.mark.parametrize("answer", [reference(np.ones((2, 2)), 1.0), None, "smooth"])
    def test_an_answer_that_cannot_be_called_is_refused(self, answer):
        with pytest.raises(TypeError, match=r"takes the function itself, got an? \w+; pass its name, without brackets"):
            verdict(SMOOTHING, answer)


def careful(counts, alpha):
    if alpha < 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}")
    return reference(counts, alpha)


def test_a_refusal_that_the_reference_makes_is_wanted():
    exercise = dataclasses.replace(
        SMOOTHING, reference=careful, cases=lambda rng: [*cases(rng), Case(np.eye(2), -1.0, name="a negative α")]
    )
    assert verdict(exercise, careful).status == "passed"
    result = verdict(exercise, reference)
    assert result.message.startswith("The matrix for a negative α: expected a ValueError, but your function returned")

    def otherwise(counts, alpha):
        return reference(counts, alpha) if alpha >= 0 else {}["alpha"]

    assert "Your code raised KeyError" in verdict(exercise, otherwise).message
    assert verdict(exercise, stub).status == "not attempted"


def test_a_form_compares_what_may_be_written_in_several_ways():
    def form(value, case):
        if len(value) != len(case.args[0]):
            raise Wrong("one row each, please")
        return sorted(np.ravel(value).tolist())

    exercise = dataclasses.replace(SMOOTHING, form=form)
    assert verdict(exercise, lambda counts, alpha: reference(counts, alpha)[::-1]).status == "passed"
    assert verdict(exercise, lambda counts, alpha: reference(counts, alpha)[:-1]).message == (
        "The matrix for the first: one row each, please"
    )
    result = verdict(exercise, lambda counts, alpha: 3.0)
    assert result.status == "failed"
    assert result.message.startswith(
        "The check could not read what your function returned (TypeError: object of type 'float'"
    )
    assert verdict(exercise, stub).status == "not attempted"
    assert verdict(exercise, empty).status == "not attempted"


def test_wrong_is_an_assertion():
    assert issubclass(Wrong, AssertionError)


class Rude:
    def __repr__(self):
        raise RuntimeError("no")


class Exits:
    def __array__(self, *args, **kwargs):
        sys.exit()


class Endless:
    def __array__(self, *args, **kwargs):
        while True:
            pass


class Unsaid(Exception):
    def __str__(self):
        raise RuntimeError("no")


class EndlesslySaid(Exception):
    def __str__(self):
        while True:
            pass


class SaidByExit(Exception):
    def __str__(self):
        raise GeneratorExit


def raises(error):
    def answer(counts, alpha):
        raise error

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda counts, alpha: Rude(),
        lambda counts, alpha: Exits(),
        lambda counts, alpha: Endless(),
        raises(Unsaid()),
        lambda counts, alpha: torch.empty(5, device="meta"),
        raises(EndlesslySaid()),
        raises(SaidByExit()),
        raises(GeneratorExit()),
        raises(asyncio.CancelledError()),
    ],
)
def test_what_is_rude_to_the_check_gets_a_sentence_too(answer):
    result = verdict(dataclasses.replace(SMOOTHING, seconds=0.3), answer)
    assert result.status in ("failed", "error")
    assert result.message


def test_an_answer_that_wraps_itself_is_checked():
    def answer(counts, alpha):
        return reference(counts, alpha)

    answer.__wrapped__ = answer
    assert verdict(SMOOTHING, answer).status == "passed"


@pytest.mark.parametrize(
    ("module", "name"), [(np, "asarray"), (np, "isfinite"), (torch, "softmax"), (torch.nn.functional, "relu")]
)
def test_what_replaces_a_library_s_function_is_named_and_the_next_check_is_sound(module, name):
    before = getattr(module, name)

    def answer(counts, alpha):
        setattr(module, name, lambda *args, **kwargs: 0)
        return reference(counts, alpha)

    assert f"our function changes {module.__name__}.{name}" in verdict(SMOOTHING, answer).message
    assert getattr(module, name) is before
    assert verdict(SMOOTHING, reference).status == "passed"


def test_numpy_with_another_isclose_compares_as_before(monkeypatch):
    monkeypatch.setattr(np, "isclose", lambda *args, **kwargs: np.ones(1, bool))
    assert verdict(SMOOTHING, lambda counts, alpha: 0 * counts).status == "failed"


def test_terms_that_cancel_may_be_added_in_any_order():
    def sums(counts, alpha):
        return counts.sum()

    def cases(rng):
        for n in (40, 60, 80):
            values = rng.normal(size=n).astype(np.float32)
            yield Case(np.concatenate([values, -values, [np.float32(1e-3)]]), 1.0)

    exercise = dataclasses.replace(SMOOTHING, reference=sums, cases=cases)
    assert verdict(exercise, lambda counts, alpha: np.float32(sum(counts))).status == "passed"
    assert verdict(exercise, lambda counts, alpha: counts.sum() + 0.1).status == "failed"


def test_a_form_looks_at_the_arguments_as_they_were_and_a_change_is_named():
    exercise = dataclasses.replace(SMOOTHING, form=lambda value, case: [value, case.args[0]])

    def greedy(counts, alpha):
        value = reference(counts, alpha)
        counts += 1
        return value

    assert verdict(exercise, greedy).message.startswith("The values are right, but your function changes counts in")


def test_where_a_refusal_is_wanted_another_one_is_told_so():
    exercise = dataclasses.replace(
        SMOOTHING, reference=careful, cases=lambda rng: [*cases(rng), Case(np.eye(2), -1.0, name="a negative α")]
    )

    def otherwise(counts, alpha):
        return reference(counts, alpha) if alpha >= 0 else {}["alpha"]

    assert "where a ValueError was expected" in verdict(exercise, otherwise).message
