"""What was measured of self-improvement on sums: the kept figures are whole, and say what the chapter says."""

from __future__ import annotations

import pytest

from benchmarks.improve_sums import (
    BASE,
    DRAWN,
    GOLD,
    ROUNDS,
    SEEDS,
    TAUGHT,
    World,
    carries,
    conclusion,
    interval,
    read,
    values,
    with_answer,
)
from sdg_lab.distill.world.sums import Sum

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return read()


def test_each_figure_stands_once(rows: Rows):
    keys = [tuple(value for name, value in row.items() if name != "value") for row in rows]
    assert len(set(keys)) == len(keys)
    promised = (BASE, GOLD, "verified", "unverified", "hint", "hint, answer checked")
    assert {(str(seed), name) for seed in SEEDS for name in promised} <= {(r["seed"], r["condition"]) for r in rows}


def test_what_is_asked_and_tested_is_harder_than_what_was_taught(tmp_path):
    world = World(0, tmp_path)
    taught = [Sum.read(question) for question, _ in world.gold]
    assert max(map(carries, taught)) == TAUGHT < min(map(carries, [*world.new, *world.beyond]))
    assert not {*world.new} & {*world.beyond}
    steps = {step for problem in taught for step in problem.steps()}
    unseen = [p for p in world.beyond if any(step.carry and step.total > 9 for step in p.steps())]
    assert not any(step.carry and step.total > 9 for step in steps), "no seed solution carries twice in a row"
    assert len(unseen) > len(world.beyond) / 2


def test_three_verified_rounds_gain_15_points_in_each_seed_and_unverified_ones_do_not(rows: Rows):
    base, good, bare = (
        values(rows, name, number, "right") for name, number in ((BASE, 0), ("hint", ROUNDS), ("unverified", ROUNDS))
    )
    assert len(base) == len(good) == len(bare) == len(SEEDS)
    assert all(after >= before + 0.15 for before, after in zip(base, good, strict=True))
    assert all(without < before + 0.15 for before, without in zip(base, bare, strict=True))


def test_where_answers_alone_are_checked_wrong_chains_are_learnt_and_written(rows: Rows):
    for number in range(1, ROUNDS + 1):
        assert values(rows, "hint", number, "kept, right") == [1.0] * len(SEEDS)
        assert max(values(rows, "hint, answer checked", number, "kept, right")) < 1
    strong, weak = (values(rows, name, ROUNDS, "right") for name in ("hint", "hint, answer checked"))
    assert all(less < more for less, more in zip(weak, strong, strict=True))
    strong, weak = (values(rows, name, ROUNDS, "wrong chain") for name in ("hint", "hint, answer checked"))
    assert all(more > less for more, less in zip(weak, strong, strict=True))


def test_a_verifier_s_best_of_n_is_pass_at_n(rows: Rows):
    for condition, number in ((BASE, 0), ("hint", ROUNDS)):
        best = values(rows, condition, number, "best of n, verifier", DRAWN)
        assert values(rows, condition, number, "pass@k", DRAWN) == best
        assert len(best) == len(SEEDS)


def test_an_interval_is_student_s():
    """Of 1, 2, 3: s / √3 = 0.577, times t(0.975; 2) = 4.303."""
    assert interval([1.0, 2.0, 3.0]) == "2 ± 2.5"


def test_the_small_things():
    problem = Sum(3, 347, 285)
    assert carries(problem) == 2
    assert with_answer("347+285=") == "{#0632}347+285="
    assert Sum.read(with_answer("347+285=")) == problem
    assert conclusion(problem.solution()) == 632
    assert conclusion("7+5") is None
