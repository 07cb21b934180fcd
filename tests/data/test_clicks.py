"""Click sessions: the process against plain enumeration of every path of the taste, the draws against the process."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sdg_lab import data
from sdg_lab.data import SessionProcess

ITEMS = ("a", "b", "c")
TINY: dict[str, Any] = {
    "items": ITEMS,
    "prior": np.array([0.7, 0.3]),
    "moves": np.array([[0.9, 0.1], [0.4, 0.6]]),
    "choices": np.array([[0.8, 0.2, 0.0], [0.1, 0.3, 0.6]]),
    "links": np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 1.0]]),
    "follow": 0.25,
    "ending": np.array([0.6, 0.5]),
}
PROCESS = SessionProcess(**TINY)


def by_enumeration(session: tuple[str, ...], *, ended: bool) -> float:
    """Return p(clicks), and with ``ended`` that the last is the last, by summing over every path of the taste."""
    clicks = [ITEMS.index(item) for item in session]
    total = 0.0
    for path in itertools.product(range(2), repeat=len(clicks)):
        p = TINY["prior"][path[0]] * TINY["choices"][path[0], clicks[0]]
        for t in range(1, len(clicks)):
            linked, chosen = TINY["links"][clicks[t - 1], clicks[t]], TINY["choices"][path[t], clicks[t]]
            p *= (1 - TINY["ending"][path[t - 1]]) * TINY["moves"][path[t - 1], path[t]]
            p *= TINY["follow"] * linked + (1 - TINY["follow"]) * chosen
        total += p * (TINY["ending"][path[-1]] if ended else 1)
    return total


def every_session(longest: int) -> Iterator[tuple[str, ...]]:
    for length in range(1, longest + 1):
        yield from itertools.product(ITEMS, repeat=length)


def test_the_likelihood_is_the_sum_over_every_path_of_the_taste() -> None:
    every = list(every_session(5))
    expected = [by_enumeration(session, ended=True) for session in every]
    np.testing.assert_allclose(np.exp(PROCESS.log_prob(every)), expected, rtol=1e-12)


def test_all_sessions_together_have_probability_1() -> None:
    """What is longer than 8 clicks has the probability that a session goes on 8 times."""
    going_on = TINY["moves"] * (1 - TINY["ending"])[:, None]
    tail = float((TINY["prior"] @ np.linalg.matrix_power(going_on, 8)).sum())
    assert np.exp(PROCESS.log_prob(list(every_session(8)))).sum() + tail == pytest.approx(1, abs=1e-12)


def test_the_next_click_is_that_of_bayes_rule() -> None:
    prefixes = list(every_session(4))
    expected = np.array([[by_enumeration((*p, item), ended=False) for item in ITEMS] for p in prefixes])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(PROCESS.next_item(prefixes), expected, rtol=1e-12)


def test_what_comes_next_depends_on_more_than_the_last_click() -> None:
    process = data.session_process()
    books, tools = ("books-1", "books-2", "books-1", "toys-8"), ("tools-1", "tools-2", "tools-1", "toys-8")
    after_books, after_tools = process.next_item([books, tools])
    first = process.items.index("books-1")
    assert after_books[first] > 2 * after_tools[first]


def test_draws_are_as_frequent_as_they_are_likely() -> None:
    n = 20_000
    counts = Counter(PROCESS.sample(n, seed=1))
    short = list(every_session(3))
    p = np.exp(PROCESS.log_prob(short))
    found = np.array([counts[session] for session in short])
    assert (found[p == 0] == 0).all()
    deviations = (found - n * p)[p > 0] / np.sqrt(n * p * (1 - p))[p > 0]
    assert np.abs(deviations).max() < 4
    assert np.mean(deviations**2) == pytest.approx(1, abs=0.6)


def test_the_seed_decides_the_draws() -> None:
    assert PROCESS.sample(50, seed=3) == PROCESS.sample(50, seed=3) != PROCESS.sample(50, seed=4)


def test_an_impossible_session_has_no_probability_and_no_next_click() -> None:
    sure = SessionProcess(**{**TINY, "follow": 0.0, "choices": np.array([[1.0, 0, 0], [0.0, 1, 0]])})
    assert sure.log_prob([("c", "a"), ("a", "c"), ("a", "a")])[:2].tolist() == [-math.inf, -math.inf]
    assert np.isfinite(sure.log_prob([("a", "a")])).all()
    with pytest.raises(ValueError, match=r"^session 1 cannot happen in this process$"):
        sure.next_item([("a",), ("c",)])


def test_a_session_that_ends_for_certain_has_no_next_click() -> None:
    short = SessionProcess(**{**TINY, "ending": np.array([1.0, 1.0])})
    assert {len(session) for session in short.sample(100, seed=0)} == {1}
    with pytest.raises(ValueError, match=r"^session 0 has no next click: it ends for certain$"):
        short.next_item([("a",)])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"links": np.eye(2)}, r"^links must have shape \(3, 3\), got \(2, 2\)$"),
        ({"moves": np.full((2, 2), 0.4)}, r"^each row of moves must be probabilities that sum to 1$"),
        ({"prior": np.array([1.5, -0.5])}, r"^each row of prior must be probabilities that sum to 1$"),
        ({"ending": np.array([0.0, 0.5])}, r"^ending must hold 2 probabilities in \(0, 1\], got \[0\.  0\.5\]$"),
        ({"follow": 1.1}, r"^follow must lie in \[0, 1\], got 1\.1$"),
    ],
)
def test_what_is_no_process_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SessionProcess(**{**TINY, **change})


@pytest.mark.parametrize(
    ("sessions", "sentence"),
    [
        ([], "^there is no session: give at least one$"),
        ([("a",), ()], "^session 1 is empty; a session has at least one click$"),
        ([("a", "x")], "^session 0 has the item 'x', which the process does not know$"),
    ],
)
def test_what_is_no_session_is_refused(sessions: list[tuple[str, ...]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PROCESS.log_prob(sessions)
    with pytest.raises(ValueError, match=r"^n must be a whole number >= 1, got 0$"):
        PROCESS.sample(0, seed=0)
    with pytest.raises(ValueError, match=r"^seed must be a whole number >= 0, got -1$"):
        PROCESS.sample(1, seed=-1)


def test_the_data_set_is_all_draws_of_the_process_each_once() -> None:
    drawn = data.session_process().sample(6000, 2026)
    parts = data.sessions().parts.values()
    assert Counter(session for part in parts for session in part) == Counter(drawn)
    assert len(set(drawn)) < len(drawn)


def test_the_data_set_has_the_items_that_its_card_counts() -> None:
    process = data.session_process()
    assert len(process.items) == 64
    assert {item for session in data.sessions().train for item in session} == set(process.items)
    for first, second in itertools.pairwise(f"books-{rank}" for rank in range(1, 9)):
        chosen = process.prior @ process.choices
        assert chosen[process.items.index(first)] > chosen[process.items.index(second)]
    assert ((process.links > 0).sum(axis=1) == 3).all()
    assert not np.diag(process.links).any()
