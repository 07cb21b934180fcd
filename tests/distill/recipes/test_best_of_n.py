"""Several answers to a prompt: estimates are held against the truth by enumeration, and choices against plain code."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from sdg_lab.distill.recipes.best_of_n import Samples, draw, likeliest, majority, verified
from sdg_lab.distill.student import Student

SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 6}

SAMPLES = Samples(["a"], [["b", "c"]], np.array([[-1.0, -2.0]]), np.array([[True, False]]))


def refuse(prompt: str, text: str) -> str | None:
    return None if text.startswith("b") else "wrong"


@pytest.fixture(scope="module")
def student() -> Student:
    return Student(**SIZES).fit([("a", "b"), ("a", "ab"), ("b", "ba")] * 5, epochs=4, progress=False)


@pytest.fixture(scope="module")
def drawn(student: Student) -> Samples:
    return draw(student, ["a", "b"], refuse, 400, seed=1)


class TestSamples:
    def test_they_are_the_student_s(self, student: Student, drawn: Samples):
        letters = student.alphabet.symbols
        for prompt, texts, right in zip(drawn.prompts, drawn.texts, drawn.right, strict=True):
            with torch.no_grad():
                first = student.logits(torch.tensor([[0, letters.index(prompt)]]))[0, -1].softmax(0)
            assert abs(right.mean() - float(first[letters.index("b")])) < 5 * np.sqrt(0.25 / 400)
            assert [refuse(prompt, text) is None for text in texts] == right.tolist()
        assert drawn.log_probs.shape == drawn.right.shape == (2, 400)
        ended = [(row, i) for row in range(2) for i in range(40) if 0 < len(drawn.texts[row][i]) < 4]
        exact = student.log_prob([(drawn.prompts[row], drawn.texts[row][i]) for row, i in ended])
        np.testing.assert_allclose([drawn.log_probs[where] for where in ended], exact, rtol=1e-4, atol=1e-4)

    def test_the_entropy_is_that_of_the_distribution(self):
        """All answers that there can be, of two tokens at most, with their probabilities."""
        short = Student(**{**SIZES, "context": 3}).fit([("a", "b"), ("b", "a")], epochs=2, progress=False)
        texts = ["a", "b", *("".join(letters) for letters in itertools.product("ab", repeat=2))]
        found = draw(short, ["a"], refuse, 4_000, seed=0)
        assert {*found.texts[0]} <= {"", *texts}
        nats: dict[str, set[float]] = {}
        for text, value in zip(found.texts[0], found.log_probs[0].round(4), strict=True):
            nats.setdefault(text, set()).add(float(value))
        assert all(len(values) <= 1 for values in nats.values()), "an answer has one probability"
        p = {text: np.exp(max(values)) for text, values in nats.items()}
        assert sum(p.values()) == pytest.approx(1, abs=1e-3)
        exact = -sum(chance * np.log(chance) for chance in p.values())
        spread = np.sqrt(sum(chance * (np.log(chance) + exact) ** 2 for chance in p.values()) / 4_000)
        assert abs(found.entropy() - exact) < 5 * spread

    def test_distinct_counts_different_right_answers(self):
        samples = Samples(
            ["x", "y"],
            [["b", "b", "ba", "a"], ["a", "a", "a", "b"]],
            np.zeros((2, 4)),
            np.array([[True, True, True, False], [False, False, False, True]]),
        )
        assert samples.distinct() == 1.5
        assert samples.pass_at(1) == 0.5
        assert samples.pass_at(2) == pytest.approx((1 + 0.5) / 2)

    def test_repeated_is_the_chance_that_two_right_answers_agree(self):
        """By enumeration of all pairs; a prompt with fewer than two right answers has no say."""
        texts = [["b", "b", "ba", "a", "bb"], ["b", "a", "a", "a", "a"]]
        right = np.array([[True, True, True, False, True], [True, False, False, False, False]])
        pairs = list(itertools.combinations([text for text, good in zip(texts[0], right[0], strict=True) if good], 2))
        samples = Samples(["x", "y"], texts, np.zeros((2, 5)), right)
        assert samples.repeated() == pytest.approx(np.mean([one == other for one, other in pairs]))
        assert np.isnan(Samples(["y"], texts[1:], np.zeros((1, 5)), right[1:]).repeated())

    def test_the_same_seed_draws_the_same(self, student: Student):
        first, again, other = (draw(student, ["a"], refuse, 20, seed=seed) for seed in (3, 3, 4))
        assert first.texts == again.texts != other.texts

    @pytest.mark.parametrize(
        ("arguments", "said"), [(([], refuse, 3), "prompts is empty"), ((["a"], refuse, 0), "n must be a whole number")]
    )
    def test_what_cannot_be_drawn_is_refused(self, student: Student, arguments: Any, said: str):
        with pytest.raises(ValueError, match=said):
            draw(student, *arguments, seed=0)

    def test_without_chance_nothing_is_drawn(self, student: Student):
        with pytest.raises(ValueError, match="temperature must be > 0, got 0"):
            draw(student, ["a"], refuse, 2, seed=0, temperature=0)

    @pytest.mark.parametrize("answer", [True, False, 1])
    def test_a_verifier_says_a_reason_or_nothing(self, student: Student, answer: Any):
        with pytest.raises(TypeError, match=f"as a text, or None, got {answer}"):
            draw(student, ["a"], lambda prompt, text: answer, 2, seed=0)
        with pytest.raises(TypeError, match="as a text, or None"):
            verified(lambda prompt, text: answer)("", ["a"], np.zeros(1))


class TestChoices:
    def test_a_verifier_s_best_of_n_is_pass_at_n_on_average(self, drawn: Samples):
        for n in (1, 2, 4):
            found, expected = drawn.best_of(n, verified(refuse)), drawn.pass_at(n)
            assert abs(found - expected) < 4 * np.sqrt(0.25 * n / 800)

    def test_all_of_them_at_once_is_one_group(self, drawn: Samples):
        assert drawn.best_of(400, verified(refuse)) == drawn.pass_at(400)
        assert drawn.best_of(3, lambda *_: 0) == drawn.right[:, :399:3].mean(), "a rest is left out"

    def test_the_likeliest(self):
        assert likeliest("", ["a", "b", "c"], np.array([-3.0, -1.0, -2.0])) == 1

    def test_the_majority_s_conclusion_by_its_likeliest_answer(self):
        choose = majority(lambda text: text[-1] if text else None)
        texts = ["x1", "x2", "y2", "", "z1", "w2"]
        assert choose("", texts, np.array([-0.1, -5.0, -2.0, -0.0, -0.2, -3.0])) == 2
        assert choose("", ["x1", "x2"], np.array([-2.0, -1.0])) == 0, "with equally many votes the first"
        assert choose("", ["", ""], np.array([-2.0, -1.0])) == 1, "nobody has a vote"

    def test_where_nothing_is_right_the_first_is_taken(self):
        assert verified(refuse)("", ["a", "aa"], np.zeros(2)) == 0

    @pytest.mark.parametrize("place", [-1, 4, None, True])
    def test_a_choice_of_no_answer_is_refused(self, drawn: Samples, place: Any):
        with pytest.raises(ValueError, match=f"what choose returns, .* >= 0 and <= 3, got {place}"):
            drawn.best_of(4, lambda prompt, texts, log_probs: place)

    def test_more_than_there_are_are_refused(self, drawn: Samples):
        with pytest.raises(ValueError, match="n must be a whole number"):
            drawn.best_of(401, likeliest)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: verified(None), "verify must be a function of a prompt and an answer, got None"),
        (lambda: majority("last"), "conclusion must be a function of an answer, got 'last'"),
        (lambda: SAMPLES.best_of(2, None), "choose must be a function .*, got None"),
        (lambda: SAMPLES.best_of(2, majority(lambda text: float("nan"))), "conclusion must return None .*, got nan"),
        (
            lambda: Samples(["a"], [["b"]], np.zeros((1, 2)), np.ones((1, 1), bool)),
            r"of one shape, .*\(1, 1\), \(1, 2\)",
        ),
        (lambda: Samples(["a"], [["b", "c"], ["b"]], np.zeros((2, 2)), np.ones((2, 2), bool)), "of one shape"),
        (lambda: Samples(["a"], [[]], np.zeros((1, 0)), np.ones((1, 0), bool)), "of one shape"),
        (lambda: Samples([], [], np.zeros((0, 0)), np.ones((0, 0), bool)), "of one shape"),
    ],
)
def test_what_cannot_choose_is_refused(call: Any, said: str):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_conclusion_that_cannot_be_counted_is_refused():
    with pytest.raises(TypeError, match=r"conclusion must return what can be counted, .* got \['b'\]"):
        SAMPLES.best_of(2, majority(list))  # type: ignore[arg-type] # that is the point


def test_nothing_is_drawn_that_nobody_can_judge(student: Student, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Student, "generate", None)
    with pytest.raises(ValueError, match="verify must be a function"):
        draw(student, ["a"], None, 2, seed=0)  # type: ignore[arg-type] # that is the point
    with pytest.raises(TypeError, match="student must be a Student, got Transformer"):
        draw(student.network, ["a"], refuse, 2, seed=0)  # type: ignore[arg-type] # that is the point
