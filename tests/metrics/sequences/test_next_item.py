"""Next-item prediction: ranks counted by hand, rules counted by hand, and memory that only a judge with memory sees."""

import numpy as np
import pytest

from sdg_lab import data
from sdg_lab.metrics import hit_rate, mean_reciprocal_rank, next_item_cases, sequential_rules
from sdg_lab.metrics.sequences.next_item import ranks

ITEMS = ("a", "b", "c", "d")
SCORES = np.array([[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.4, 0.1]])
FOLLOWING = np.array([0, 2, 1])  # ranks 1, 3, and 3: a shares b's score and so stands above it


def test_every_click_after_the_first_is_a_case():
    prefixes, following = next_item_cases([("a", "b", "a"), ("c",), ("d", "d")], ITEMS)
    assert prefixes == [("a",), ("a", "b"), ("d",)]
    assert following.tolist() == [1, 0, 3]


def test_figures_are_those_counted_by_hand():
    assert ranks(SCORES, FOLLOWING).tolist() == [1, 3, 3]
    assert [hit_rate(SCORES, FOLLOWING, k) for k in (1, 2, 3, 4)] == pytest.approx([1 / 3, 1 / 3, 1, 1])
    assert mean_reciprocal_rank(SCORES, FOLLOWING) == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)


def test_a_list_has_ten_items_unless_one_says_otherwise():
    scores, following = np.tile(np.arange(12.0), (12, 1)), np.arange(12)  # rank 1 is item 11
    assert hit_rate(scores, following) == hit_rate(scores, following, 10) == 10 / 12


def test_what_is_clicked_twice_is_counted_twice_and_a_long_memory_is_a_mean():
    score = sequential_rules([("a", "a", "b", "a", "c")], ITEMS)
    popular = np.array([3, 1, 1, 0]) / 5
    after_a = (np.array([1, 1, 1, 0]) + 5 * popular) / (3 + 5)
    later_a = (np.array([2, 1, 2, 0]) + 5 * popular) / (5 + 5)  # two steps and more behind an a: b, a, a, c, c
    later_b = (np.array([0, 0, 1, 0]) + 5 * popular) / (1 + 5)
    np.testing.assert_allclose(score([("a", "a", "b", "a")]), [after_a + (2 * later_a + later_b) / 3])


def test_not_deciding_gains_nothing():
    assert hit_rate(np.ones((5, 4)), np.arange(5) % 4, 3) == 0
    assert mean_reciprocal_rank(np.ones((5, 4)), np.arange(5) % 4) == 0.25


def test_guessing_hits_k_in_the_number_of_items():
    rng = np.random.default_rng(0)
    scores, following = rng.random((20_000, 20)), rng.integers(0, 20, 20_000)
    assert hit_rate(scores, following, 5) == pytest.approx(5 / 20, abs=0.01)
    assert mean_reciprocal_rank(scores, following) == pytest.approx(np.mean(1 / np.arange(1, 21)), abs=0.01)


def test_rules_are_those_counted_by_hand():
    """Sessions a b c and a b: after a at once b, b; after a later c; popularity 2, 2, 1, 0 of 5."""
    score = sequential_rules([("a", "b", "c"), ("a", "b")], ITEMS)
    popular, w = np.array([2, 2, 1, 0]) / 5, 5
    after_a = (np.array([0, 2, 0, 0]) + w * popular) / (2 + w)
    after_b = (np.array([0, 0, 1, 0]) + w * popular) / (1 + w)
    later_a = (np.array([0, 0, 1, 0]) + w * popular) / (1 + w)
    later_d = popular  # no rule of d: popularity alone
    np.testing.assert_allclose(score([("a",), ("a", "b"), ("a", "d", "b")]), [
        after_a,
        after_b + later_a,
        after_b + (later_a + later_d) / 2,
    ])  # fmt: skip


def test_rules_learn_what_is_to_be_learned_and_the_truth_knows_more():
    train, process = data.sessions().train, data.session_process()
    prefixes, following = next_item_cases(data.sessions().test, process.items)
    popular = np.array([sum(session.count(item) for session in train) for item in process.items])
    found = [
        hit_rate(scores, following, 10)
        for scores in (
            np.tile(popular, (len(prefixes), 1)),
            sequential_rules(train, process.items)(prefixes),
            process.next_item(prefixes),
        )
    ]
    assert found[0] + 0.2 < found[1] < found[2] - 0.02


def test_sessions_without_memory_teach_less():
    """Shuffled clicks keep what is liked and lose what follows what."""
    rng = np.random.default_rng(0)
    train, process = data.sessions().train, data.session_process()
    shuffled = [tuple(rng.permutation(session).tolist()) for session in train]
    prefixes, following = next_item_cases(data.sessions().test, process.items)
    real, without = (
        hit_rate(sequential_rules(sessions, process.items)(prefixes), following, 10) for sessions in (train, shuffled)
    )
    assert without < real - 0.05


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: next_item_cases([("a",)], ITEMS), "no session has a second click: there is nothing to predict"),
        (lambda: next_item_cases([("a", "x")], ITEMS), "session 0 has the item 'x', which is not among the 4 items"),
        (lambda: ranks(SCORES[0], FOLLOWING), r"scores must be \(n, items\) and following \(n,\), got shapes \(4,\)"),
        (lambda: ranks(np.log(SCORES * [1, 1, 1, 0] + 0.0), FOLLOWING), "case 0 has a score that is not finite"),
        (lambda: ranks(SCORES, FOLLOWING + 2), r"following\[1\] must be a whole number >= 0 and <= 3, got 4"),
        (lambda: ranks(SCORES, FOLLOWING - 1), r"following\[0\] must be a whole number >= 0 and <= 3, got -1"),
        (lambda: hit_rate(SCORES[:2], [True, False], 1), r"following\[0\] must be a whole number .* got True"),
        (lambda: hit_rate(SCORES[:2], [0.5, 1], 1), r"following\[0\] must be a whole number .* got 0\.5"),
        (
            lambda: hit_rate(SCORES, FOLLOWING, 5),
            "k must be a whole number >= 1 and <= 4, got 5",
        ),
        (lambda: sequential_rules([], ITEMS), "sessions is empty: give at least one to learn from"),
        (lambda: sequential_rules([("a", "x")], ITEMS), "session 0 has the item 'x', which is not among the 4 items"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_predicted_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize("learn", [next_item_cases, sequential_rules])
def test_a_text_is_not_taken_for_sessions_of_letters(learn):
    with pytest.raises(ValueError, match="sessions must be several values, such as \\['abba'\\], got 'abba'"):
        learn("abba", ITEMS)
