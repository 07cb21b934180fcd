"""Schedules against their closed forms, written out."""

import math
from collections.abc import Callable
from functools import partial

import pytest

from sdg_lab.training import schedules

SHARES = [place / 400 for place in range(400)]


@pytest.mark.parametrize(
    ("schedule", "closed_form"),
    [
        (schedules.linear, lambda t: 1 - t),
        (schedules.cosine, lambda t: math.cos(math.pi * t / 2) ** 2),
        (schedules.warm_up_then_linear, lambda t: 20 * t * (1 - t) if t < 0.05 else 1 - t),
        (partial(schedules.warm_up_then_linear, warm_up=0.03), lambda t: t * (1 - t) / 0.03 if t < 0.03 else 1 - t),
        (
            schedules.warm_up_then_cosine,
            lambda t: 20 * t if t < 0.05 else math.cos(math.pi * (t - 0.05) / 1.9) ** 2,
        ),
        (
            partial(schedules.warm_up_then_cosine, warm_up=0.5),
            lambda t: 2 * t if t < 0.5 else math.sin(math.pi * t) ** 2,
        ),
    ],
)
def test_a_schedule_is_its_closed_form(schedule: Callable[[float], float], closed_form: Callable[[float], float]):
    assert [schedule(t) for t in SHARES] == pytest.approx([closed_form(t) for t in SHARES], abs=1e-12)


@pytest.mark.parametrize("schedule", [schedules.linear, schedules.cosine])
def test_without_a_warm_up_it_begins_with_the_whole_rate(schedule: Callable[[float], float]):
    assert schedule(0.0) == 1


def test_a_warm_up_of_nothing_is_none():
    assert [schedules.warm_up_then_cosine(t, warm_up=0.0) for t in SHARES] == [schedules.cosine(t) for t in SHARES]
    assert [schedules.warm_up_then_linear(t, warm_up=0.0) for t in SHARES] == [schedules.linear(t) for t in SHARES]


@pytest.mark.parametrize("schedule", [schedules.warm_up_then_linear, schedules.warm_up_then_cosine])
def test_with_a_warm_up_it_begins_at_nothing_and_is_never_above_1(schedule: Callable[[float], float]):
    assert schedule(0.0) == 0
    assert 0.95 <= max(map(schedule, SHARES)) <= 1
