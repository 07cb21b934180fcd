"""A round of self-improvement: hints go to what was not solved, and a hint is no part of what is learnt."""

from __future__ import annotations

from typing import Any

import pytest

from sdg_lab.distill.pipeline import run
from sdg_lab.distill.recipes.star import Star, anything
from sdg_lab.distill.recipes.verified import PROBLEM, SOLUTION, Verified, pairs
from sdg_lab.distill.teacher import FunctionTeacher, Prompt
from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum

PROBLEMS = sums.split(2, (10, 0, 0), seed=0).train
QUESTIONS = [problem.prompt for problem in PROBLEMS]


def hint(question: str) -> str:
    problem = Sum.read(question)
    return sums.hinted(problem, f"#{problem.answer}")


class Teacher:
    """Knows some of the questions, and given their answers half of the others; of the rest it gets the chain wrong."""

    def __init__(self):
        self.asked: list[str] = []

    def __call__(self, prompt: Prompt, seed: int) -> str:
        self.asked.append(str(prompt))
        problem = Sum.read(str(prompt))
        place = PROBLEMS.index(problem)
        if place < 4 or (place < 7 and str(prompt).startswith("{")):
            return problem.solution([bool(seed & 1), bool(seed & 2)])
        return f"1+1+0=02;#{problem.answer if str(prompt).startswith('{') else 0}"


def asked(recipe: Verified) -> tuple[list[str], Any]:
    teacher = Teacher()
    return teacher.asked, run(recipe, FunctionTeacher(teacher), progress=False)


def test_only_what_no_sample_solved_is_asked_with_a_hint():
    prompts, result = asked(Star(QUESTIONS, sums.refuse, samples=2, hint=hint, hinted_samples=3, distinct=False))
    assert prompts == QUESTIONS * 2 + [hint(question) for question in QUESTIONS[4:]] * 3
    solved = {record["question"] for record in result.pool.of(SOLUTION)}
    assert solved == set(QUESTIONS[:7])
    with_hint = [record for record in result.pool.of(SOLUTION) if record["sample"] >= 2]
    assert {record["question"] for record in with_hint} == set(QUESTIONS[4:7])
    assert {record["sample"] for record in with_hint} == {2, 3, 4}
    assert all(result.pool.get(record.parents[0])["question"] == record["question"] for record in with_hint)


def test_a_student_learns_hinted_solutions_as_if_there_had_been_no_hint():
    _, result = asked(Star(QUESTIONS, sums.refuse, samples=1, hint=hint))
    learnt = pairs(result.pool.of(SOLUTION))
    assert {question for question, _ in learnt} == set(QUESTIONS[:7])
    assert all(sums.check(Sum.read(question), solution) == "right" for question, solution in learnt)


def test_with_the_answer_in_the_prompt_a_check_of_the_answer_is_none():
    _, result = asked(Star(QUESTIONS, sums.refuse_answer, samples=1, hint=hint))
    learnt = pairs(result.pool.of(SOLUTION))
    assert [question for question, _ in learnt] == QUESTIONS, "each question counts as solved"
    verdicts = [sums.check(Sum.read(question), solution) for question, solution in learnt]
    assert verdicts == ["right"] * 7 + ["right answer by a wrong chain"] * 3


def test_without_a_hint_it_is_the_recipe_of_verified_solutions():
    prompts, result = asked(Star(QUESTIONS, sums.refuse, samples=3))
    others, verified = asked(Verified(QUESTIONS, sums.refuse, samples=3))
    assert prompts == others == QUESTIONS * 3
    assert [record.fields for record in result.pool] == [record.fields for record in verified.pool]


def test_where_all_is_solved_nothing_is_asked_again():
    prompts, _ = asked(Star(QUESTIONS[:4], sums.refuse, samples=1, hint=hint))
    assert prompts == QUESTIONS[:4]


def test_unverified_keeps_all_but_what_is_empty():
    texts = {QUESTIONS[0]: "", QUESTIONS[1]: "nonsense"}
    teacher = FunctionTeacher(lambda prompt, seed: texts[str(prompt)])
    result = run(Star(QUESTIONS[:2], anything, samples=1), teacher, progress=False)
    assert pairs(result.pool.of(SOLUTION)) == [(QUESTIONS[1], "nonsense")]
    assert len(result.pool.of(PROBLEM)) == 2


@pytest.mark.parametrize("wrong", [None, 3, ["a"]])
def test_a_hint_is_a_text(wrong: Any):
    with pytest.raises(TypeError, match="hint must return a prompt, as a text, got"):
        asked(Star(QUESTIONS, sums.refuse, samples=1, hint=lambda question: wrong))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hint": "its answer"}, "hint must be a function of a question, got 'its answer'"),
        ({"hinted_samples": 0}, "hinted_samples must be a whole number >= 1"),
        ({"samples": 0}, "samples must be a whole number >= 1"),
        ({"questions": ()}, "questions is empty"),
    ],
)
def test_what_cannot_run_is_refused(wrong: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        Star(**{"questions": QUESTIONS, "verify": sums.refuse, **wrong})
