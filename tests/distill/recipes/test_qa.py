"""Questions about documents: what is kept stands in the passage, and each fault falls where it should."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.pipeline import EmptyError, Score, run
from sdg_lab.distill.recipes import qa
from sdg_lab.distill.recipes.qa import Document, KnowledgeQA, chunks, plain, read_documents, word_f
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import FunctionTeacher, Prompt, as_text
from sdg_lab.distill.world.people import ATTRIBUTES, people
from sdg_lab.models.completion import Completion

PEOPLE = people(8, seed=0)
DOCUMENTS = [Document(person.name, person.biography()) for person in PEOPLE]
TRUTH = {question: answer for person in PEOPLE for question, answer in person.questions()}


def about(prompt: Prompt) -> tuple[str, str]:
    """Return the last passage of a prompt, and what follows it."""
    passage, _, rest = as_text(prompt).rpartition("Passage: ")[2].partition("\n")
    return passage, rest


class Writer:
    """Asks about people, and makes a fault that the seed chooses."""

    FAULTS = ("none", "no answer", "not there", "given away", "copied", "statement", "long")

    def __init__(self, *faults: str, changes_its_mind: bool = False) -> None:
        self.faults, self.changes_its_mind = faults or ("none",), changes_its_mind

    def __call__(self, prompt: Prompt, seed: int) -> str:
        passage, rest = about(prompt)
        name = passage.split()[0]
        person = next(person for person in PEOPLE if person.name == name)
        if rest.endswith("Answer:"):
            question = rest.removeprefix("Question: ").removesuffix("\nAnswer:")
            return " nobody knows" if self.changes_its_mind else f" {TRUTH[question]}"
        question, answer = person.questions()[seed % len(person.questions())]
        match self.faults[seed % len(self.faults)]:
            case "no answer":
                return f" {question}"
            case "not there":
                answer = "atlantis"
            case "given away":
                question = f"is {answer} {question}"
            case "copied":
                question = f"{passage.split(' . ')[0]} ?"
                answer = "she" if "she" in passage.split() else "he"
            case "statement":
                question = question.replace("?", ".")
            case "long":
                answer = passage
        return f" {question}\nAnswer: {answer}\n\nPassage: and so on"


def knows(prompt: Prompt, answer: str) -> float:
    """Log-probabilities of somebody who reads the passage; without one all twelve values are equally likely."""
    passage = about(prompt)[0] if "Passage: " in as_text(prompt) else ""
    return float(np.log(0.9 if answer.strip() in passage.split() else 1 / 12))


def asked(writer: Writer | None = None, **parameters: Any) -> Any:
    teacher = FunctionTeacher(writer or Writer(), score=knows, name="writer")
    parameters = {"documents": DOCUMENTS, "pairs": 5, "openings": (), "least": 10, "threshold": 1.0, **parameters}
    return run(KnowledgeQA(**parameters), teacher, progress=False, seed=1)


class TestRecipe:
    def test_what_is_kept_is_true(self):
        found = asked()
        pairs = found.pool.of("pair")
        assert len(pairs) > 15
        assert all(TRUTH[pair["question"]] == pair["answer"] for pair in pairs)
        assert all(pair["document"] == pair["passage"].split()[0] for pair in pairs)
        assert len({pair["question"] for pair in pairs}) == len(pairs)
        assert found.result == ("pair",)

    @pytest.mark.parametrize(
        ("fault", "stage"),
        [
            ("no answer", "read"),
            ("not there", "grounded"),
            ("given away", "given_away"),
            ("copied", "copied"),
            ("statement", "question_form"),
            ("long", "word_count"),
        ],
    )
    def test_a_fault_falls_at_its_stage(self, fault: str, stage: str):
        found = asked(Writer("none", fault))
        fallen = Counter({name: n for (kind, name), n in refusals(found).items() if kind == "question" and n})
        assert fallen.keys() <= {stage, "Novel", "repeated"}
        assert fallen[stage] > 8
        assert all(TRUTH[pair["question"]] == pair["answer"] for pair in found.pool.of("pair"))

    def test_what_one_knows_without_the_passage_is_refused(self):
        """ln(0.9 · 12) = 2.38 nats is what a passage adds here."""
        gains = {round(record["gain"], 2) for record in asked(margin=2.3).pool.of("blind")}
        assert gains == {2.38}
        with pytest.raises(EmptyError, match="'answerable' took") as caught:
            asked(margin=2.4)
        assert refusals(caught.value)["blind", "answerable"] == len(asked().pool.of("question"))

    def test_an_answer_that_does_not_come_back_is_refused(self):
        with pytest.raises(EmptyError, match="'round_trip' took") as caught:
            asked(Writer(changes_its_mind=True))
        assert refusals(caught.value)["again", "round_trip"] == len(asked().pool.of("question"))
        assert asked(Writer(changes_its_mind=True), agreement=0).pool.of("pair")

    def test_a_judge_in_a_chat(self):
        """Asked in a chat, the teacher writes several pairs and grades them: those of seven and more are kept."""

        def chats(prompt: Prompt, seed: int) -> str:
            text = as_text(prompt)
            name = next(person.name for person in PEOPLE if person.biography()[:-2] in text)
            person = next(person for person in PEOPLE if person.name == name)
            if "How good is this pair" in text:
                return "9/10" if "born" in text.rpartition("Question:")[2] else "Grade: 6"
            return "Sure!\n" + "\n\n".join(f"1. Question: {q}\nAnswer: {a}." for q, a in person.questions())

        teacher = FunctionTeacher(chats)
        recipe = KnowledgeQA(DOCUMENTS, style="chat", least=10, margin=None, agreement=0, grade=7, threshold=1.0)
        found = run(recipe, teacher, progress=False)
        assert len(found.pool.of("question")) == 40
        assert {pair["question"].split()[0] for pair in found.pool.of("pair")} == {"where"}
        assert len(found.pool.of("pair")) == 8

    def test_the_published_parameters_are_the_defaults(self):
        recipe = KnowledgeQA([Document("a", "b")])
        assert (recipe.chunk, recipe.overlap, recipe.pairs, qa.LEAST_GRADE) == (4_000, 200, 25, 7)

    def test_openings_are_forced(self):
        found = asked(openings=("Which",), pairs=1, margin=None, agreement=0)
        assert found.pool.of("question")
        assert all(record.prompt.endswith("Question: Which") for record in found.pool.of("question"))
        completion = Completion(" pet ?\nAnswer: cat.", "stop", 5, 5)
        assert qa.read_pair(completion, "Which") == {"question": "Which pet ?", "answer": "cat"}

    def test_scores_are_of_the_same_question_with_and_without_its_passage(self):
        recipe, pool = KnowledgeQA(DOCUMENTS[:1], least=10), Pool()
        passage = Record.new("passage", {"document": "d", "start": 0, "passage": "Anna has a cat."})
        question = Record.new("question", {"question": "Who?", "answer": "Anna", "document": "d"}, parents=[passage.id])
        pool.add(passage)
        pool.add(question)
        informed = recipe.informed(question, pool)
        blind = recipe.blind(Record.new("informed", {**question.fields, "informed": -1.0}, parents=[question.id]))
        assert isinstance(informed, Score)
        assert str(informed.prompt).endswith("Passage: Anna has a cat.\nQuestion: Who?\nAnswer:")
        assert "Passage" not in str(blind.prompt)
        assert str(blind.prompt).endswith("Question: Who?\nAnswer:")
        assert informed.answers == blind.answers == (" Anna",)
        assert blind.read((-3.5,)) == {"gain": 2.5}

    def test_parts_share_the_documents(self):
        recipe = KnowledgeQA(DOCUMENTS)
        names = [d.name for i in range(3) for d in recipe.part(i, 3).documents]
        assert sorted(names) == sorted(d.name for d in DOCUMENTS)
        with pytest.raises(ValueError, match="8 documents cannot be cut into 9 parts"):
            recipe.part(0, 9)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"documents": []}, "documents is empty"),
            ({"overlap": 3_000}, "overlap must be a whole number >= 0 and <= 2000"),
            ({"pairs": 0}, "pairs must be a whole number >= 1"),
            ({"passages": 0}, "passages must be a whole number >= 1"),
            ({"style": "poem"}, "style must be one of"),
            ({"grade": 11}, "grade must be a whole number >= 0 and <= 10"),
            ({"agreement": 1.5}, "agreement must be"),
            ({"margin": "wide"}, "margin must be"),
        ],
    )
    def test_refusals(self, arguments: dict[str, Any], said: str):
        with pytest.raises((ValueError, TypeError), match=said):
            KnowledgeQA(**{"documents": DOCUMENTS, **arguments})

    def test_documents_that_are_too_short(self):
        with pytest.raises(ValueError, match="no document has a passage of 1000 characters"):
            asked(least=1_000)


def refusals(found: Any) -> Counter[tuple[str, str]]:
    """Return how many fell at each stage of each kind."""
    kinds = found.funnel.kinds.items()
    return Counter({(kind, name): stage.fell for kind, there in kinds for name, _, stage in there.fallen()})


class TestStages:
    def judged(
        self, stage: Any, question: str, answer: str, passage: str = "Oslo lies on a fjord. It has a port."
    ) -> Any:
        pool = Pool()
        pool.add(parent := Record.new("passage", {"passage": passage}))
        return stage(Record.new("question", {"question": question, "answer": answer}, parents=[parent.id]), pool)

    @pytest.mark.parametrize("answer", ["oslo", "a  FJORD", "on a fjord. It has", "port"])
    def test_a_span_is_grounded(self, answer: str):
        assert self.judged(qa.grounded, "?", answer) is None

    @pytest.mark.parametrize("answer", ["Bergen", "osl", "fjor", "a port.*", "It lies on a fjord"])
    def test_what_is_no_span_is_not(self, answer: str):
        assert "does not stand" in self.judged(qa.grounded, "?", answer)

    def test_copies(self):
        assert "is a sentence" in self.judged(qa.copied, "Oslo lies on a fjord?", "x")
        assert self.judged(qa.copied, "Where does Oslo lie?", "x") is None

    def test_given_away(self):
        assert self.judged(qa.given_away, "Does Oslo have a port?", "a port")
        assert self.judged(qa.given_away, "Does Oslo support it?", "port") is None


class TestReading:
    @pytest.mark.parametrize(
        ("text", "grade"), [("7", 7), ("10", 10), ("10/10", 10), ("Grade: 8.", 8), ("I say 3 of 10", 3)]
    )
    def test_grades(self, text: str, grade: int):
        assert qa.read_grade(Completion(text, "end", 1, 1)) == {"grade": grade}

    @pytest.mark.parametrize("text", ["", "eleven", "11", "7.5", "0", "-3", "100"])
    def test_what_is_no_grade(self, text: str):
        with pytest.raises(ValueError, match="no grade"):
            qa.read_grade(Completion(text, "end", 1, 1))

    def test_word_f_is_that_of_squad(self):
        """Worked out by hand: 2 of 3 and 2 of 4 words are shared, F = 2 · 2 / 7."""
        assert word_f("the old port of", "old port in town") == pytest.approx(4 / 7)
        assert word_f("The Danube", "Danube") == 1.0
        assert word_f("", "the") == 1.0
        assert word_f("", "x") == 0.0


class TestChunks:
    @given(st.text("ab .\n", max_size=200), st.integers(1, 40), st.data())
    def test_they_cover_the_text_in_order(self, text: str, size: int, data: st.DataObject):
        overlap = data.draw(st.integers(0, size // 2))
        found = chunks(text, size, overlap)
        covered = 0
        for start, chunk in found:
            assert text[start : start + len(chunk)] == chunk
            assert 0 < len(chunk) <= size
            assert covered - overlap <= start <= covered
            assert start + len(chunk) > covered
            covered = start + len(chunk)
        assert covered == len(text)

    def test_they_end_where_a_paragraph_or_a_sentence_does(self):
        text = "One two three. Four five six.\n\nSeven eight nine. Ten eleven twelve."
        assert [chunk for _, chunk in chunks(text, 40, 0)] == [
            "One two three. Four five six.\n\n",
            "Seven eight nine. Ten eleven twelve.",
        ]
        assert [chunk for _, chunk in chunks("One two three. Four five six.", 20, 7)] == [
            "One two three. ",
            "three. Four five ",
            "five six.",
        ]

    def test_refusals(self):
        with pytest.raises(ValueError, match="overlap must be"):
            chunks("text", 10, 6)


class TestDocuments:
    def test_markdown_becomes_sentences(self):
        text = (
            "# Title\n\nA **bold** [link](http://x.org) and `code`.\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n"
            "\n- one\n2. two <br> ![picture](a.png)\n<!-- not\nseen -->\nEnd: 1 < 2 and 3 > 2."
        )
        assert plain(text).split() == "A bold link and code. one two End: 1 < 2 and 3 > 2.".split()  # noqa: SIM905

    def test_files(self, tmp_path: Path):
        cells = [
            {"cell_type": "markdown", "source": ["Some ", "*text*."]},
            {"cell_type": "code", "source": ["secret = 1"]},
        ]
        (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
        (tmp_path / "b.txt").write_text("# as it is", encoding="utf-8")
        found = read_documents(tmp_path / "*")
        assert [document.text for document in found] == ["Some *text*.", "# as it is"]
        recipe = KnowledgeQA([str(tmp_path / "b.txt"), Document("c", "text")])
        assert [d.text for d in recipe.documents if isinstance(d, Document)] == ["# as it is", "text"]

    def test_refusals(self, tmp_path: Path):
        (tmp_path / "a.ipynb").write_text("[]", encoding="utf-8")
        (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xfa")
        with pytest.raises(ValueError, match="is no notebook"):
            read_documents(tmp_path / "a.ipynb")
        with pytest.raises(ValueError, match="no text in UTF-8"):
            read_documents(tmp_path / "b.txt")
        with pytest.raises(FileNotFoundError, match="no file fits"):
            read_documents(tmp_path / "*.md")
        with pytest.raises(FileNotFoundError):
            read_documents(tmp_path / "none.md")


def test_the_world_asks_what_its_people_answer():
    """The tests above stand on it."""
    assert len(TRUTH) == len(PEOPLE) * len(ATTRIBUTES)
    assert not any(re.search(r"[{}]", question) for question in TRUTH)
