"""Reviews: judgements can be read back, and annotators disagree as much as was said, in the way that was said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.teacher import Options
from sdg_lab.distill.world import reviews as world
from sdg_lab.distill.world.reviews import ASPECTS, TEACHER, WORDS, Criterion, agreement, annotators, judgements, write

pytest.importorskip("sklearn.linear_model")  # loaded here: its seconds belong to no test

OPENINGS = {"positive": ("good",), "negative": ("bad",)}


class TestWorld:
    def test_no_word_stands_in_two_places(self):
        listed = [word for lists in WORDS.values() for words in lists for word in words]
        assert len(set(listed) | set(ASPECTS)) == len(listed) + len(ASPECTS)
        assert {len(words) for lists in WORDS.values() for words in lists} == {8}

    @given(st.integers(0, 1_000))
    def test_a_review_says_what_can_be_read(self, seed: int):
        review = write(1, seed=seed)[0]
        said = judgements(review)
        sentences = review.removesuffix(" .").split(" . ")
        assert world.NAMED[0] <= len(sentences) == np.abs(said).sum() <= world.NAMED[1]
        for sentence in sentences:
            aspect, word = sentence.split()
            assert word in WORDS[aspect][0 if said[ASPECTS.index(aspect)] > 0 else 1]

    @given(st.text())
    def test_any_text_can_be_read(self, text: str):
        assert set(judgements(text)) <= {-1.0, 0.0, 1.0}

    def test_the_teacher_is_never_undecided(self):
        """All reviews, by enumeration: no sum of its weights, with signs or left out, is 0 but the empty one."""
        signs = np.array(np.meshgrid(*[[-1, 0, 1]] * len(ASPECTS))).reshape(len(ASPECTS), -1).T
        named = signs[np.abs(signs).sum(axis=1) > 0]
        assert np.abs(named @ np.array(TEACHER.weights)).min() > 0.01


class TestAnnotators:
    @pytest.mark.parametrize("kind", ["criterion", "noise"])
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.3])
    def test_they_disagree_on_the_share_that_was_asked_for(self, kind: Any, share: float):
        """Of 2,000 other reviews: the standard error is 0.01."""
        reviews = write(2_000, seed=99)
        agreed, _ = agreement(annotators(share, kind).label(reviews, seed=1), TEACHER.label(reviews))
        assert 1 - agreed == pytest.approx(share, abs=0.04)

    def test_noise_differs_from_reading_to_reading_and_a_criterion_does_not(self):
        reviews = write(500, seed=1)
        noisy, other = annotators(0.2, "noise"), annotators(0.2)
        assert noisy.label(reviews, seed=1) != noisy.label(reviews, seed=2)
        assert other.label(reviews, seed=1) == other.label(reviews, seed=2)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [((0.5,), "disagreement must be"), ((0.1, "mood"), "kind must be one of"), ((-0.1,), "disagreement must be")],
    )
    def test_refusals(self, arguments: tuple[Any, ...], said: str):
        with pytest.raises(ValueError, match=said):
            annotators(*arguments)

    def test_a_criterion_weighs_all_aspects(self):
        with pytest.raises(ValueError, match="weights must be one for each of plot"):
            Criterion((1.0,))
        with pytest.raises(ValueError, match="noise must be"):
            Criterion(TEACHER.weights, noise=0.6)


class TestTeacher:
    def test_shown_nothing_it_writes_what_it_would_label_so_in_few_words(self):
        teacher = world.teacher(OPENINGS)
        for label, (opening,) in OPENINGS.items():
            found = teacher.generate([f"Review: {opening}"] * 60, seeds=range(60), options=Options())
            texts = [one.text for one in found]
            assert set(TEACHER.label(texts)) == {label}
            words = {word for text in texts for word in text.split()} - set(ASPECTS) - {"."}
            favourites = {w for lists in WORDS.values() for some in lists for w in some[: world.FAVOURITES]}
            assert words <= favourites

    def test_shown_a_review_it_says_nearly_the_same(self):
        teacher, review = world.teacher(OPENINGS), write(1, seed=5)[0]
        prompt = f"Review: {review}\n\nReview: good"
        found = teacher.generate([prompt] * 60, seeds=range(60), options=Options())
        differences = [int(np.sum(judgements(one.text) != judgements(review))) for one in found]
        assert max(differences) == 1
        assert 0 in differences

    def test_it_labels_the_last_review_of_a_prompt_by_its_criterion(self):
        teacher, (one, other) = world.teacher(OPENINGS), write(2, seed=3)
        prompt = f"Review: {one}\nSentiment: positive\n\nReview: {other}\nSentiment:"
        nats = teacher.log_prob([prompt] * 2, [" positive", " negative"])
        assert np.exp(nats).sum() == pytest.approx(1)
        assert (nats[0] > nats[1]) == (TEACHER.score(other) > 0)


class TestStudents:
    def test_a_classifier_learns_the_criterion(self):
        texts, test = write(600, seed=1), write(600, seed=2)
        found = world.classifier_accuracy(texts, TEACHER.label(texts), test, TEACHER.label(test))
        assert 0.8 < found < 1

    def test_of_one_label_it_says_that_one(self):
        assert world.classifier_accuracy(["a", "b"], ["x", "x"], ["c"] * 4, ["x", "x", "y", "x"]) == 0.75

    def test_agreement_worked_out_by_hand(self):
        """Observed 3/4, by chance 1/2 · 1/4 + 1/2 · 3/4 = 1/2: kappa = (3/4 - 1/2) / (1 - 1/2)."""
        assert agreement(["p", "p", "n", "n"], ["p", "n", "n", "n"]) == (0.75, pytest.approx(0.5))
        assert agreement(["p", "p"], ["p", "p"]) == (1.0, 1.0)

    def test_refusals(self):
        with pytest.raises(ValueError, match="needs texts"):
            world.classifier_accuracy([], [], ["a"], ["x"])
        with pytest.raises(ValueError, match="equally many labels"):
            agreement(["p"], [])
