"""What was measured of self-improvement on longer sums: the kept figures are whole, and say what the chapter says."""

from __future__ import annotations

from collections import Counter
from statistics import mean

import pytest
from scipy import stats

from benchmarks.improve_lengths import (
    BASE,
    BEYOND,
    CONDITIONS,
    GOLD,
    LONGEST,
    QUESTIONS,
    RESULTS,
    ROUNDS,
    SEED_DATA,
    SEEDS,
    STUDENT,
    TAUGHT,
    TEST,
    WIDTH,
    World,
    form,
    gains,
    learn,
    length,
)
from benchmarks.improve_sums import read, values
from sdg_lab.distill.recipes.verified import SOLUTION
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return read(RESULTS)


def test_each_figure_stands_once_and_all_seeds_have_all_of_them(rows: Rows):
    keys = Counter(tuple(value for name, value in row.items() if name != "value") for row in rows)
    assert set(keys.values()) == {1}
    by_seed = [{key[1:] for key in keys if key[0] == str(seed)} for seed in SEEDS]
    assert len(keys) == sum(map(len, by_seed))
    assert len(SEEDS) >= 3
    assert all(figures == by_seed[0] for figures in by_seed)
    assert {condition for condition, *_ in by_seed[0]} == {BASE, GOLD, *CONDITIONS}


def test_no_seed_solution_is_longer_than_what_was_taught_and_rounds_ask_for_one_digit_more(tmp_path):
    world = World(0, tmp_path)
    assert len(world.seed_data) == SEED_DATA * len(TAUGHT)
    for question, solution in world.seed_data:
        found = sums.read_solution(solution)
        assert found is not None
        assert found.answer < 2 * 10 ** max(TAUGHT)
        rows = question.split(";")[:-1]
        assert len(rows) == WIDTH
        assert all(row in ("0+0+_=__", "_+_+_=__") for row in rows[max(TAUGHT) :])
    asked = [problem for number in range(1, ROUNDS + 1) for problem in world.asked(number)]
    assert len(set(asked)) == len(asked)
    for number, longest in ((1, 4), (2, 5), (ROUNDS, 5)):
        of_lengths = Counter(map(length, world.asked(number)))
        assert of_lengths == dict.fromkeys(range(min(TAUGHT), longest + 1), QUESTIONS)
    tested = {problem for test in world.test.values() for problem in test}
    assert len(tested) == TEST * len(TAUGHT + BEYOND)
    mirrored = {Sum(WIDTH, problem.b, problem.a) for problem in asked}
    taught = {Sum(WIDTH, p.a, p.b) for digits in TAUGHT for p in world.train[digits][:SEED_DATA]}
    assert not tested & (set(asked) | mirrored | taught)
    assert not taught & set(asked)


def test_a_form_has_a_row_for_each_digit_and_its_solution_stands_in_equal_steps():
    problem = Sum(3, 347, 285)
    assert form(problem.prompt) == "7+5+_=__;4+8+_=__;3+2+_=__;_+_+_=__;_+_+_=__;"
    text = form(problem.prompt) + problem.solution()
    apart = WIDTH * len("7+5+_=__;")
    for row in range(problem.digits):
        place = 9 * row
        assert text[place : place + 3] == text[place + apart : place + apart + 3]
    widest = Sum(WIDTH, 99_999, 99_999)
    assert len(widest.solution()) + 1 <= LONGEST
    assert len(form(widest.prompt)) + LONGEST < STUDENT["context"]


def test_a_length_leaves_zeros_in_front_out():
    assert [length(Sum(WIDTH, *numbers)) for numbers in ((7, 12), (999, 1000), (12345, 0))] == [2, 4, 5]


def test_what_is_learnt_is_an_answer_to_a_form_and_each_once():
    pool = Pool()
    for solution in ("7+5+0=12;#012", "7+5+0=12;#012", "5+7+0=12;#012"):
        pool.add(Record.new(SOLUTION, {"question": "7+5=", "solution": solution, "sample": len(pool)}))
    assert sorted(learn(pool)) == [(form("7+5="), "5+7+0=12;#012"), (form("7+5="), "7+5+0=12;#012")]


def test_three_verified_rounds_gain_15_points_on_longer_sums_in_each_seed(rows: Rows):
    gained = gains(rows, "verified", BEYOND, rounds=3)
    assert len(gained) == len(SEEDS)
    assert min(gained) >= 15
    for number in range(1, ROUNDS + 1):
        assert values(rows, "verified", number, "kept, right") == [1.0] * len(SEEDS)
        assert max(values(rows, "unverified", number, "kept, right")) < 1


@pytest.mark.parametrize(("lengths", "rounds"), [(TAUGHT, 3), (TAUGHT, ROUNDS), (BEYOND, ROUNDS)])
def test_unverified_rounds_lose(rows: Rows, lengths: tuple[int, ...], rounds: int):
    """The 95 % interval of the change over seeds (Student's t) lies below zero, where one answer is sampled."""
    lost = gains(rows, "unverified", lengths, "right, sampled", rounds)
    _, high = stats.t.interval(0.95, len(lost) - 1, mean(lost), stats.sem(lost))
    assert high < 0
    kept = gains(rows, "verified", lengths, "right, sampled", rounds)
    assert all(one > other + 5 for one, other in zip(kept, lost, strict=True))


def test_unverified_lessons_of_the_same_lengths_grow_worse(rows: Rows):
    """Rounds from the second on ask for the same lengths."""
    second, last = (values(rows, "unverified", number, "kept, right") for number in (2, ROUNDS))
    assert len(second) == len(SEEDS)
    assert all(later < earlier for earlier, later in zip(second, last, strict=True))
