"""Labels: a text stays if it is labelled as it was asked for, by a wide margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.pipeline import run
from sdg_lab.distill.recipes import labels
from sdg_lab.distill.recipes.labels import EXAMPLES, OPENINGS, Labels, decided
from sdg_lab.distill.teacher import FunctionTeacher, Prompt, as_text
from sdg_lab.distill.world import reviews as world
from sdg_lab.models.completion import Completion

TEXTS = ("it is a joy", "it is a bore", "it is so so", "it is a delight")
"""What the writer below goes on with; the second is the other label's whatever was asked for, the third is nothing."""


def writes(prompt: Prompt, seed: int) -> str:
    return f" {TEXTS[seed % 4]} number {seed}. And then"


def leaning(prompt: Prompt, answer: str) -> float:
    """Log-odds: what was asked for, unless the text says otherwise, and 3 nats for "positive" whatever the text."""
    text = as_text(prompt).split("\n\n")[-1].split("\n")[0]
    asked = 2.0 if any(begin in text for begin in OPENINGS["positive"]) else -2.0
    z = -asked if "bore" in text else 0.2 if "so so" in text else asked
    return -float(np.logaddexp(0, -(z + 3.0) * (1 if answer == " positive" else -1)))


def made(**parameters: Any) -> Any:
    teacher = FunctionTeacher(writes, score=leaning, name="writer")
    return run(Labels(**{"target": 40, "threshold": 1.1, "least": 3, **parameters}), teacher, progress=False)


class TestRecipe:
    def test_what_is_kept_is_as_it_was_asked_for_and_certain(self):
        kept = made().pool.of("example")
        assert {record["label"] for record in kept} == {"positive", "negative"}
        assert all(record["label"] == record["asked"] and record["margin"] >= 0.5 for record in kept)
        assert not any("bore" in record["text"] or "so so" in record["text"] for record in kept)

    def test_without_centring_a_teacher_that_leans_names_one_label_only(self):
        assert {record["label"] for record in made(centred=False).pool.of("example")} == {"positive"}

    def test_openings_come_in_turns_and_stay_if_they_shall(self):
        texts = [record["text"] for record in made(target=3).pool.of("text")]
        begins = [begin for label in OPENINGS for begin in OPENINGS[label]]
        assert sorted(begin for begin in begins for text in texts if text.startswith(begin)) == sorted(begins)
        plain = made(opened=False).pool.of("text")
        assert all(record["text"].startswith("it is") for record in plain)
        assert any(record.prompt.endswith(OPENINGS["negative"][0]) for record in plain)

    def test_shots_are_of_the_label_and_before_the_text(self):
        texts = made(target=3, shots=2).pool.of("text")
        own = {label: [text for text, name in EXAMPLES if name == label] for label in OPENINGS}
        for record in texts:
            *shown, last = record.prompt.split("\n\n")
            assert sorted(shown) == sorted(f"Film review: {text}" for text in own[record["asked"]])
            assert last.removeprefix("Film review: ") in OPENINGS[record["asked"]]

    def test_the_labeller_reads_equally_many_of_each_label(self):
        prompt = Labels(labelled=1).question("Fine.")
        assert prompt.count("Sentiment: positive") == prompt.count("Sentiment: negative") == 1
        assert prompt.endswith("Film review: Fine.\nSentiment:")

    def test_parts_share_the_target(self):
        assert [Labels(target=5).part(i, 2).target for i in range(2)] == [3, 2]
        with pytest.raises(ValueError, match="cannot be cut into 6 parts"):
            Labels(target=5).part(5, 6)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"openings": {"positive": ("a",)}}, "at least two labels"),
            ({"openings": {"positive": ("a",), "negative": ()}}, "a text for each"),
            ({"shots": 3}, "3 examples of 'positive' are shown, and there are 2"),
            ({"target": 0}, "target must be a whole number >= 1"),
            ({"margin": -1}, "margin must be"),
            ({"least": 9, "most": 8}, "most must be a whole number >= 9"),
        ],
    )
    def test_refusals(self, arguments: dict[str, Any], said: str):
        with pytest.raises(ValueError, match=said):
            Labels(**arguments)


class TestReading:
    def test_up_to_the_last_whole_sentence(self):
        found = labels.read_text(Completion(" it has 3.5 stars. It moved\n me! And the", "length", 1, 1), "I liked")
        assert found == {"text": "I liked it has 3.5 stars. It moved me!"}
        with pytest.raises(ValueError, match="no sentence has an end"):
            labels.read_text(Completion("never ends", "length", 1, 1))

    @given(st.lists(st.floats(-50, 0), min_size=2, max_size=5))
    def test_the_margin_is_to_the_next_label(self, nats: list[float]):
        names = [f"label {place}" for place in range(len(nats))]
        found = decided(np.array(nats), names)
        assert nats[names.index(str(found["label"]))] == max(nats)
        assert found["margin"] == pytest.approx(max(nats) - sorted(nats)[-2])


class TestCentre:
    def test_it_is_the_mean_of_the_labels_means(self):
        """Worked out by hand: means (-2, -4) of two texts and (-6, -1) of one."""
        nats = np.array([[-1.0, -3.0], [-3.0, -5.0], [-6.0, -1.0]])
        np.testing.assert_allclose(labels.centre(nats, ["a", "a", "b"]), [-4.0, -2.5])

    def test_no_test_review_is_an_example(self):
        texts = [text for text, _ in labels.TEST_REVIEWS]
        assert len(set(texts)) == len(texts) == 24
        assert not set(texts) & {text for text, _ in EXAMPLES}
        assert [label for _, label in labels.TEST_REVIEWS].count("positive") == 12


class TestSmallWorld:
    """The same recipe in the world whose labels are known."""

    def test_few_shot_texts_use_more_of_the_language(self):
        openings = {"positive": ("good",), "negative": ("bad",)}
        texts = world.write(30, seed=1)
        examples = tuple(zip(texts, world.TEACHER.label(texts), strict=True))
        used = []
        for shots in (0, 3):
            recipe = Labels(40, openings, examples, shots=shots, opened=False, least=3, threshold=1.1, margin=0.0)
            found = run(recipe, world.teacher(openings), progress=False).pool.of("example")
            said, named = labels.examples(found)
            assert named == world.TEACHER.label(said)
            used.append(len({word for text in said for word in text.split()}))
        assert used[0] < used[1]
