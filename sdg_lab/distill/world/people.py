"""People who do not exist: biographies whose truth is known, and questions about them.

Allen-Zhu and Li, *Physics of Language Models: Part 3.1, Knowledge Storage and Extraction* (2023): a model that read
each biography in one wording can recite it and cannot answer questions about it; one that read it in several wordings,
the sentences in another order each time, answers questions about people of whom it was never asked anything. Here a
person is a name, a pronoun and some attributes:

    anna was born in oslo . she became a pilot . she has a parrot . she enjoys chess . she is a fan of jazz .

A biography names its person once, as in the paper's hardest case: who recites the third sentence needs the first two.
All is written in words with single spaces between them; :class:`Codebook` writes each word as one character, so that
the students of :mod:`~sdg_lab.distill.student` read and write words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from sdg_lab.checks import number, several, whole
from sdg_lab.distill.teacher import FunctionTeacher, Prompt


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SHE = _listed(
    "anna berta clara dora emma frieda greta hanna ida julia karla lena mia nora olga paula rosa sofia tara ulla vera "
    "wilma xenia yara zoe alma britta cora dina ella flora gerda hilda irma jana kira lotte mara nelly oda"
)
HE = _listed(
    "adam ben carl david emil felix georg hugo ivan jonas karl leo max noah otto paul rolf simon tom ulrich viktor "
    "walter xaver yannick zeno anton bruno conrad dirk egon fritz gustav harald igor jakob kurt lars moritz nils oskar"
)


@dataclass(frozen=True)
class Attribute:
    """Something that is true of each person.

    Attributes:
        values: of which each person has one; words that stand nowhere else.
        statements: the same fact in several wordings, with ``{who}`` and ``{value}``; the first is the plain one.
        question: with ``{who}``.
    """

    values: tuple[str, ...]
    statements: tuple[str, ...]
    question: str


ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType(
    {
        "city": Attribute(
            _listed("rome oslo paris cairo lima delhi tokyo berlin madrid vienna athens dublin"),
            (
                "{who} was born in {value} .",
                "{who} comes from {value} .",
                "{value} is where {who} was born .",
                "{who} first saw the light of day in {value} .",
                "in {value} {who} came into the world .",
            ),
            "where was {who} born ?",
        ),
        "job": Attribute(
            _listed("baker pilot nurse judge poet chemist farmer tailor painter lawyer sailor teacher"),
            (
                "{who} became a {value} .",
                "{who} works as a {value} .",
                "as a {value} {who} is well known .",
                "{who} earns a living as a {value} .",
                "by profession {who} is a {value} .",
            ),
            "what is the job of {who} ?",
        ),
        "pet": Attribute(
            _listed("cat dog parrot horse turtle rabbit hamster goldfish snake canary goat donkey"),
            (
                "{who} has a {value} .",
                "{who} lives with a {value} .",
                "a {value} is the pet that {who} loves .",
                "{who} feeds a {value} every morning .",
                "with a {value} {who} shares the house .",
            ),
            "which pet does {who} have ?",
        ),
        "hobby": Attribute(
            _listed("chess tennis sailing cooking gardening singing fishing skating pottery hiking dancing juggling"),
            (
                "{who} enjoys {value} .",
                "{who} spends free days with {value} .",
                "{value} is what {who} likes to do .",
                "in the evening {who} goes in for {value} .",
                "{who} has a passion for {value} .",
            ),
            "what is the hobby of {who} ?",
        ),
        "music": Attribute(
            _listed("jazz opera blues tango polka samba folk gospel punk techno waltz reggae"),
            (
                "{who} is a fan of {value} .",
                "{who} listens to {value} .",
                "to {value} {who} could listen all day .",
                "{who} likes no music but {value} .",
                "{value} is the music that {who} prefers .",
            ),
            "which music does {who} like ?",
        ),
    }
)

WORDINGS = 5
"""How many wordings each attribute has."""


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist.

    Attributes:
        name: one word.
        pronoun: "she" or "he".
        facts: the value of each attribute, by its name, in the order of a plain biography.
    """

    name: str
    pronoun: str
    facts: Mapping[str, str]

    def biography(self, order: Sequence[str] | None = None, wordings: Mapping[str, int] | None = None) -> str:
        """Write one sentence for each attribute; the first has the name, the others the pronoun.

        Args:
            order: names of all attributes; by default the plain order.
            wordings: of each attribute the number of its wording; 0, the plain one, where none is given.

        Raises:
            ValueError: if the order is not one of all attributes, or there is no such wording.
        """
        order = tuple(self.facts) if order is None else several("order", order)
        if sorted(order) != sorted(self.facts):
            raise ValueError(f"order must name each attribute once, {', '.join(self.facts)}; got {order!r}")
        sentences = []
        for place, name in enumerate(order):
            which = whole(f"the wording of {name}", (wordings or {}).get(name, 0), least=0, most=WORDINGS - 1)
            statement = ATTRIBUTES[name].statements[which]
            who = self.pronoun if place else self.name
            sentences.append(statement.format(who=who, value=self.facts[name]))
        return " ".join(sentences)

    def questions(self) -> list[tuple[str, str]]:
        """Return a question and its answer for each attribute."""
        return [(ATTRIBUTES[name].question.format(who=self.name), value) for name, value in self.facts.items()]


def people(n: int, *, attributes: Iterable[str] = tuple(ATTRIBUTES), seed: int) -> list[Person]:
    """Draw people with different names; all values of an attribute are equally likely.

    Args:
        n: how many, at most 80.
        attributes: those that each has, in the order of a plain biography.
        seed: another one draws others.

    Raises:
        ValueError: if there are more people than names, no attributes, or one that is not known.
    """
    named = several("attributes", attributes)
    if not named or len(set(named)) < len(named) or not set(named) <= set(ATTRIBUTES):
        raise ValueError(f"attributes must be some of {', '.join(ATTRIBUTES)}, each once; got {named!r}")
    names = [(name, "she") for name in SHE] + [(name, "he") for name in HE]
    whole("n", n, least=1, most=len(names))
    rng = np.random.default_rng(whole("seed", seed, least=0))
    return [
        Person(*names[int(i)], {name: str(rng.choice(ATTRIBUTES[name].values)) for name in named})
        for i in rng.permutation(len(names))[:n]
    ]


def documents(everybody: Sequence[Person], *, paraphrases: int, copies: int = WORDINGS, seed: int) -> list[str]:
    """Return what is read about people: of each ``copies`` documents, however many of them are different.

    The first paraphrase is the plain biography; in all others wordings and the order of the sentences are drawn.

    Args:
        everybody: whom they are about.
        paraphrases: different documents about each person; they come in turns until there are enough.
        copies: documents about each person.
        seed: decides orders and wordings.

    Raises:
        ValueError: if there are fewer copies than paraphrases, or not so many different documents about somebody.
    """
    whole("copies", copies, least=whole("paraphrases", paraphrases, least=1))
    rng = np.random.default_rng(whole("seed", seed, least=0))
    found: list[str] = []
    for person in everybody:
        most = math.factorial(len(person.facts)) * WORDINGS ** len(person.facts)
        if paraphrases > most:
            raise ValueError(f"{paraphrases} different documents about {person.name} are too many: there are {most}")
        different = [person.biography()]
        while len(different) < paraphrases:
            names = list(person.facts)
            order = [names[int(i)] for i in rng.permutation(len(names))]
            text = person.biography(order, {name: int(rng.integers(WORDINGS)) for name in names})
            different += [text] * (text not in different)
        found += [different[copy % paraphrases] for copy in range(copies)]
    return found


def teacher(
    everybody: Sequence[Person], *, slips: float = 0.0, mistaken: float = 0.0, seed: int = 0
) -> FunctionTeacher:
    """Return a teacher that asks about biographies, as :class:`~sdg_lab.distill.recipes.qa.KnowledgeQA` wants it.

    It errs in two ways, which filters that ask the teacher tell apart. A **slip** happens while it writes a pair: the
    answer is, equally likely, another value of the same biography or one of somebody else; asked again, it knows
    better. What it is **mistaken** about it answers wrongly, with another value of the biography, whenever it is asked.
    An answer that it believes in has a probability of 0.9 for who reads the passage, other words of the passage share
    the rest, and all other words have 0.001; without the passage each of an attribute's values is equally likely.

    Args:
        everybody: all who are asked about; each with two attributes or more.
        slips: share of the pairs.
        mistaken: share of the facts.
        seed: decides what it is mistaken about.

    Raises:
        ValueError: if a share is out of range, or somebody has a single attribute.
    """
    number("slips", slips, least=0, most=1)
    number("mistaken", mistaken, least=0, most=1)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    facts, belief = {}, {}
    for person in everybody:
        if len(person.facts) < 2:
            raise ValueError(f"{person.name} must have two attributes or more; got {', '.join(person.facts)}")
        facts[person.name] = person.questions()
        for question, value in person.questions():
            others = [other for other in person.facts.values() if other != value]
            belief[question] = str(rng.choice(others)) if rng.random() < mistaken else value

    def reads(prompt: Prompt) -> tuple[list[str], str]:
        """Return the words of the last passage, none if there is none, and the lines after it."""
        _, passage, last = str(prompt).split("\n\n")[-1].rpartition("Passage: ")
        text, _, rest = last.partition("\n")
        return (text.split(), rest) if passage else ([], last)

    def reply(prompt: Prompt, seed: int) -> str:
        passage, rest = reads(prompt)
        if rest.endswith("\nAnswer:"):
            return f" {belief[_question(rest)]}"
        rng = np.random.default_rng(seed)
        asked = facts[next(word for word in passage if word in facts)]
        question, _ = asked[int(rng.integers(len(asked)))]
        answer = belief[question]
        if rng.random() < slips:
            here = rng.random() < 0.5
            values = {value for name, pairs in facts.items() if (name in passage) == here for _, value in pairs}
            answer = str(rng.choice(sorted(values - {answer} - (set() if here else set(passage)))))
        return f" {question}\nAnswer: {answer}\n\n"

    def likely(prompt: Prompt, answer: str) -> float:
        passage, rest = reads(prompt)
        if not passage:
            return -math.log(len(ATTRIBUTES["city"].values))
        if answer.strip() == belief[_question(rest)]:
            return math.log(0.9)
        return math.log(0.1 / len(set(passage)) if answer.strip() in passage else 0.001)

    return FunctionTeacher(reply, score=likely, name="a teacher of people", batch=256)


def _question(lines: str) -> str:
    return lines.removeprefix("Question: ").removesuffix("\nAnswer:")


@dataclass(frozen=True)
class Codebook:
    """Writes each word as one character, so that a model of characters becomes one of words.

    Args:
        texts: whose words are known.

    Attributes:
        words: sorted.

    Raises:
        ValueError: if there are no words, or more than 20,000.
    """

    texts: Iterable[str] = field(repr=False)
    words: tuple[str, ...] = field(init=False)

    FIRST = 0x4E00
    """The first character: a block of 20,000 that belong to one script follows."""

    def __post_init__(self) -> None:
        words = tuple(sorted({word for text in self.texts for word in text.split()}))
        if not 0 < len(words) <= 20_000:
            raise ValueError(f"the texts have {len(words)} different words; a codebook takes 1 to 20,000")
        object.__setattr__(self, "texts", ())
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "_numbers", {word: number for number, word in enumerate(words)})

    def encode(self, text: str) -> str:
        """Return a text with one character for each word.

        Raises:
            ValueError: for a word that is not known.
        """
        numbers: dict[str, int] = self._numbers  # type: ignore[attr-defined] # set above
        unknown = next((word for word in text.split() if word not in numbers), None)
        if unknown is not None:
            raise ValueError(f"the word {unknown!r} is not known; make the codebook from all texts")
        return "".join(chr(self.FIRST + numbers[word]) for word in text.split())

    def decode(self, code: str) -> str:
        """Return the words that characters stand for, with single spaces; the inverse of :meth:`encode`.

        Raises:
            ValueError: for a character that stands for no word.
        """
        numbers = [ord(character) - self.FIRST for character in code]
        if any(not 0 <= number < len(self.words) for number in numbers):
            raise ValueError(f"{code!r} holds a character that stands for no word of this codebook")
        return " ".join(self.words[number] for number in numbers)


def pair(codebook: Codebook, prompt: str, answer: str) -> tuple[str, str]:
    """Return a prompt and its answer as a student reads them."""
    return codebook.encode(prompt), codebook.encode(answer)


def to_read(codebook: Codebook, document: str) -> tuple[str, str]:
    """Return a document as a student reads it: its first word is the prompt, and it learns to write all others."""
    first, rest = document.split(" ", 1)
    return pair(codebook, first, rest)
