"""People: what is written about somebody says what is true of them, and the questions ask for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.world import people as world
from sdg_lab.distill.world.people import ATTRIBUTES, WORDINGS, Codebook, Person, documents, pair, people, to_read

ANNA = Person("anna", "she", {"city": "oslo", "job": "pilot", "pet": "parrot"})


@st.composite
def biographies(draw: st.DrawFn) -> tuple[Person, list[str], dict[str, int]]:
    person = draw(st.sampled_from(people(20, seed=draw(st.integers(0, 5)))))
    order = draw(st.permutations(list(ATTRIBUTES)))
    wordings = {name: draw(st.integers(0, WORDINGS - 1)) for name in ATTRIBUTES}
    return person, list(order), wordings


class TestWorld:
    def test_a_value_stands_in_one_attribute_and_nowhere_else(self):
        values = [value for attribute in ATTRIBUTES.values() for value in attribute.values]
        templates = [t for a in ATTRIBUTES.values() for t in (*a.statements, a.question)]
        other = {word for template in templates for word in template.split()} | {"she", "he"}
        names = {*world.SHE, *world.HE}
        assert len(set(values)) == len(values)
        assert not set(values) & (other | names)
        assert not names & other
        assert len(names) == len(world.SHE) + len(world.HE)

    @pytest.mark.parametrize("name", ATTRIBUTES)
    def test_each_wording_names_who_and_what(self, name: str):
        assert len(ATTRIBUTES[name].statements) == len(set(ATTRIBUTES[name].statements)) == WORDINGS
        for statement in ATTRIBUTES[name].statements:
            assert statement.split().count("{who}") == statement.split().count("{value}") == 1
            assert statement.endswith(" .")


class TestPeople:
    def test_names_are_different_and_the_seed_decides(self):
        everybody = people(80, seed=3)
        assert len({person.name for person in everybody}) == 80
        assert everybody == people(80, seed=3) != people(80, seed=4)
        assert all(person.pronoun == ("she" if person.name in world.SHE else "he") for person in everybody)

    def test_all_values_come_about_equally_often(self):
        """Of 4,000 draws each of 12 values is expected 333 times, give or take 17.5."""
        counts = Counter(person.facts["city"] for seed in range(50) for person in people(80, seed=seed))
        assert set(counts) == set(ATTRIBUTES["city"].values)
        assert all(abs(count - 4000 / 12) < 5 * 17.5 for count in counts.values())

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"n": 81}, "n must be a whole number >= 1 and <= 80"),
            ({"n": 3, "attributes": ()}, "attributes must be some of city"),
            ({"n": 3, "attributes": ("city", "city")}, "each once"),
            ({"n": 3, "attributes": ("shoes",)}, "got .*shoes"),
        ],
    )
    def test_refusals(self, arguments: dict[str, Any], said: str):
        with pytest.raises(ValueError, match=said):
            people(**arguments, seed=0)


class TestBiographies:
    def test_the_plain_one(self):
        assert ANNA.biography() == "anna was born in oslo . she became a pilot . she has a parrot ."

    @given(biographies())
    def test_it_names_the_person_once_and_holds_each_fact(self, drawn: tuple[Person, list[str], dict[str, int]]):
        person, order, wordings = drawn
        text = person.biography(order, wordings)
        sentences = text.removesuffix(" .").split(" . ")
        assert text.split().count(person.name) == 1
        assert person.name in sentences[0].split()
        assert all(person.pronoun in sentence.split() for sentence in sentences[1:])
        assert all(person.facts[name] in s.split() for name, s in zip(order, sentences, strict=True))

    def test_questions_have_the_truth_as_their_answers(self):
        assert ANNA.questions() == [
            ("where was anna born ?", "oslo"),
            ("what is the job of anna ?", "pilot"),
            ("which pet does anna have ?", "parrot"),
        ]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((["city", "job"],), "order must name each attribute once"),
            ((["city", "job", "job"],), "order must name each attribute once"),
            ((None, {"city": 5}), "the wording of city must be a whole number >= 0 and <= 4"),
        ],
    )
    def test_refusals(self, arguments: tuple[Any, ...], said: str):
        with pytest.raises(ValueError, match=said):
            ANNA.biography(*arguments)


class TestDocuments:
    @pytest.mark.parametrize("paraphrases", [1, 2, 5])
    def test_everybody_has_as_many_documents_and_so_many_different_ones(self, paraphrases: int):
        everybody = people(12, seed=1)
        texts = documents(everybody, paraphrases=paraphrases, copies=5, seed=2)
        for place, person in enumerate(everybody):
            own = texts[5 * place : 5 * place + 5]
            assert own[0] == person.biography()
            assert len(set(own)) == paraphrases
            assert all(value in text.split() for text in own for value in person.facts.values())

    def test_more_paraphrases_than_copies_are_refused(self):
        with pytest.raises(ValueError, match="copies must be a whole number >= 3"):
            documents([ANNA], paraphrases=3, copies=2, seed=0)

    def test_somebody_of_whom_there_is_little_to_say(self):
        """One attribute has five sentences, so there are not six different documents: refused, and not looked for."""
        little = Person("anna", "she", {"city": "oslo"})
        assert len(set(documents([little], paraphrases=5, copies=5, seed=0))) == 5
        with pytest.raises(ValueError, match="6 different documents"):
            documents([little], paraphrases=6, copies=6, seed=0)


class TestCodebook:
    @given(st.lists(st.sampled_from(["anna", "oslo", "was", "born", "in", ".", "?"]), min_size=1))
    def test_there_and_back(self, words: list[str]):
        text = " ".join(words)
        book = Codebook([text])
        code = book.encode(text)
        assert len(code) == len(words)
        assert book.decode(code) == text
        assert len(set(code)) == len(set(words)) == len(book.words)

    def test_what_a_student_reads(self):
        book = Codebook([ANNA.biography(), *(text for pair in ANNA.questions() for text in pair)])
        begin, rest = to_read(book, ANNA.biography())
        assert book.decode(begin) == "anna"
        assert book.decode(rest) == ANNA.biography().removeprefix("anna ")
        question, answer = pair(book, *ANNA.questions()[1])
        assert (book.decode(question), book.decode(answer)) == ("what is the job of anna ?", "pilot")

    def test_refusals(self):
        with pytest.raises(ValueError, match="0 different words"):
            Codebook([" "])
        with pytest.raises(ValueError, match="the word 'ben' is not known"):
            Codebook(["anna"]).encode("anna ben")
        with pytest.raises(ValueError, match="stands for no word"):
            Codebook(["anna"]).decode("x")
