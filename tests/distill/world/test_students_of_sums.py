"""What was measured of the students of sums: the kept figures are whole, and say what the chapter says."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks import distill_sums
from benchmarks.distill_sums import CORE, COVERAGE, SAMPLES, SCARCE, SEEDS, World, interval, points, read, table
from sdg_lab.distill.student import Student, accuracy
from sdg_lab.distill.world import sums
from sdg_lab.training.schedules import warm_up_then_linear


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return read()


def test_each_seed_has_each_student_once(rows: list[dict[str, str]], tmp_path):
    names = list(World(0, tmp_path).students())
    there = [(row["seed"], row["student"]) for row in rows]
    assert len(set(there)) == len(there)
    wanted = {*names[:CORE], *(f"{COVERAGE}{k}" for k in range(1, SAMPLES + 1))}
    wanted |= {SCARCE + name for name in ("teacher", "seed data", "unverified", "verified", "gold")}
    assert {(str(seed), name) for seed in SEEDS for name in wanted} <= set(there)
    assert all(
        abs(sum(float(row[v]) for v in ("right", "wrong_chain", "wrong", "unreadable")) - 1) < 1e-3
        for row in rows
        if row["wrong"]
    )


def test_a_student_has_at_most_a_quarter_of_its_teacher_s_parameters(rows: list[dict[str, str]]):
    sizes = {row["student"]: int(row["parameters"]) for row in rows if row["parameters"]}
    assert all(
        4 * size <= sizes["teacher"] for name, size in sizes.items() if name not in ("teacher", f"{SCARCE}teacher")
    )


def test_the_goals_are_reached_by_each_seed(rows: list[dict[str, str]]):
    of = partial(points, rows)
    assert all(student >= teacher - 5 for student, teacher in zip(of("distributions"), of("teacher"), strict=True))
    assert all(good >= seed + 20 for good, seed in zip(of(f"{SCARCE}verified"), of(f"{SCARCE}seed data"), strict=True))


def test_an_interval_is_student_s():
    """Of 1, 2, 3: s / √3 = 0.577, times t(0.975; 2) = 4.303."""
    assert interval([1.0, 2.0, 3.0]) == "2.0 ± 2.5"


def test_a_table_has_a_line_for_all_that_several_seeds_measured(rows: list[dict[str, str]]):
    lines = table(rows).split("\n")
    assert lines[0].startswith("teacher")
    assert f"right {interval(points(rows, 'teacher'))} %" in lines[0]
    assert len(lines) >= CORE + SAMPLES


@pytest.mark.slow
def test_a_small_student_learns_sums_from_a_thousand_solutions():
    parts = sums.split(3, (1_000, 0, 200), seed=5)
    student = Student(**distill_sums.STUDENT)
    schedule = partial(warm_up_then_linear, warm_up=0.05)
    student.fit(sums.write(parts.train, seed=5), epochs=20, schedule=schedule, seed=5, progress=False)
    assert accuracy(student, sums.write(parts.test, seed=0), sums.refuse) > 0.9
