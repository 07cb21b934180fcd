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
