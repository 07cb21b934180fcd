r"""Labels: training data for a text classifier that a teacher wrote.

Li et al., *Synthetic Data Generation with Large Language Models for Text Classification: Potential and Limitations*
(2023): the teacher writes texts for each label, zero-shot from the label alone or few-shot with real examples before
it, and a classifier is trained on them. They found that it falls behind one that is trained on real data the more,
the more subjective the task is; few-shot helps, and does not close the gap.

A small teacher ignores a label that it is told, so here the label lies in how a text begins ("I loved this film
because"): the teacher goes on. What it wrote is labelled afterwards, by the log-probabilities of the labels' names
after a few labelled examples; a text stays if that label is the one it was written for, by a wide margin.
Log-probabilities lean to one label whatever the text (Zhao et al., *Calibrate Before Use*, 2021). As the recipe asks
for equally many texts of each label, the mean over all of them is taken off: they are **centred**.

Records are of the kinds ``text``, ``score`` and ``example``.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, several, truth, whole
from sdg_lab.distill import filters
from sdg_lab.distill.filters import Novel
from sdg_lab.distill.pipeline import Proposal, Request, Score, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import Options
from sdg_lab.models.completion import Completion

WRITE = Options(max_tokens=48, temperature=0.8, stop=("\n",))

OPENINGS: Mapping[str, tuple[str, ...]] = {
    "positive": ("I loved this film because", "What a wonderful film", "This is one of the best films that"),
    "negative": ("I hated this film because", "What a boring film", "This is one of the worst films that"),
}
"""How reviews of films begin, by their label."""

EXAMPLES = (
    ("A warm and clever story. I laughed and cried, and I will see it again.", "positive"),
    ("Two hours of my life that I will never get back. The plot makes no sense.", "negative"),
    ("The acting is dull, the jokes fall flat, and the end is silly.", "negative"),
    ("The pictures are beautiful and the music is perfect. A masterpiece.", "positive"),
)
"""Reviews with their labels, which the labeller reads before each text."""


TEST_REVIEWS = (
    ("The story drags, and I looked at my watch every five minutes.", "negative"),
    ("A charming film with a wonderful cast.", "positive"),
    ("I fell asleep before the end.", "negative"),
    ("My children still talk about it, and so do I.", "positive"),
    ("The dialogue sounds as if nobody had read it aloud.", "negative"),
    ("Every scene is a small work of art.", "positive"),
    ("Save your money and stay at home.", "negative"),
    ("I have rarely been so moved in a cinema.", "positive"),
    ("A clumsy remake that nobody needed.", "negative"),
    ("The two leads are a joy to watch.", "positive"),
    ("The script is lazy and the effects look cheap.", "negative"),
    ("Funny, fast and full of heart.", "positive"),
    ("It starts well and then goes nowhere.", "negative"),
    ("I would gladly pay for a second ticket.", "positive"),
    ("The hero is so bland that I forgot his name.", "negative"),
    ("A thrilling ride from the first minute to the last.", "positive"),
    ("An empty film with loud music.", "negative"),
    ("Tender, honest and beautifully shot.", "positive"),
    ("None of the characters made me care.", "negative"),
    ("The best comedy of the year.", "positive"),
    ("What a waste of a great actor.", "negative"),
    ("The final twist took my breath away.", "positive"),
    ("Too long, too loud and too predictable.", "negative"),
    ("A gentle story that stays with you for days.", "positive"),
)
"""Reviews with their labels, to test a labeller with; none of them is among the examples."""


@dataclass(frozen=True)
class Labels:
    """The recipe; see the module's text.

    Attributes:
        target: texts that are asked for, a label.
        openings: how texts begin, by label; they come in turns.
        examples: real texts with their labels: the labeller reads the first ones of each label, and with ``shots`` so
            does the writer.
        shots: examples of the label, drawn at random, before each text that is written; 0 is zero-shot.
        labelled: examples of each label before a text that is labelled.
        text, label: what a text and its label are called in the prompts.
        opened: whether texts keep their openings, from which a student can read the label and learn nothing else.
        least, most: words of a text.
        threshold: of ROUGE-L F, from which a text is too much like one of its label that was kept; above 1 none is.
        centred: whether the mean over all texts is taken off their log-probabilities.
        margin: nats by which the label must be likelier than the next one.
        options: how the teacher writes.

    Raises:
        ValueError: if one is out of range, there are fewer than two labels, or a label has too few examples.
    """

    target: int = 100
    openings: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: dict(OPENINGS))
    examples: Sequence[tuple[str, str]] = EXAMPLES
    shots: int = 0
    labelled: int = 2
    text: str = "Film review"
    label: str = "Sentiment"
    opened: bool = True
    least: int = 8
    most: int = 80
    threshold: float = 0.7
    centred: bool = True
    margin: float = 0.5
    options: Options = WRITE

    def __post_init__(self) -> None:
        for name, least in (("target", 1), ("shots", 0), ("labelled", 1), ("least", 1)):
            whole(name, getattr(self, name), least=least)
        whole("most", self.most, least=self.least)
        number("threshold", self.threshold, above=0)
        number("margin", self.margin, least=0)
        for name in ("opened", "centred"):
            truth(name, getattr(self, name))
        openings = {label: several(f"openings of {label!r}", begin) for label, begin in self.openings.items()}
        if len(openings) < 2 or not all(openings.values()):
            raise ValueError(f"openings must have at least two labels, and a text for each, got {self.openings!r}")
        object.__setattr__(self, "openings", openings)
        object.__setattr__(self, "examples", tuple((text, label) for text, label in self.examples))
        for label in openings:
            there = sum(label == own for _, own in self.examples)
            if there < max(self.labelled, self.shots):
                raise ValueError(
                    f"{max(self.labelled, self.shots)} examples of {label!r} are shown, and there are {there}; add some"
                )

    @property
    def result(self) -> Sequence[str]:
        """The texts whose label is certain."""
        return ("example",)

    @property
    def scores(self) -> bool:
        """Whether answers are scored, which a server does not do."""
        return True

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """What judges texts, and their labels."""
        bounds = functools.partial(filters.word_count, field="text", least=self.least, most=self.most)
        new = Novel(("text",), field="text", threshold=self.threshold)
        return {"text": (bounds, new), "example": (agrees, functools.partial(wide, margin=self.margin))}

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Yield texts of all labels, their scores, and what the scores make of them."""
        yield [self.write(label, place, random) for place in range(self.target) for label in self.openings]
        yield [self.score(record) for record in list(pool.of("text"))]
        scores = list(pool.of("score"))
        if not scores:
            return
        found = np.array([record["log_probs"] for record in scores])
        labels = list(self.openings)
        if self.centred:
            found = found - centre(found, [record["asked"] for record in scores])
        yield [
            Record.new(
                "example",
                {"text": record["text"], "asked": record["asked"], **decided(row, labels)},
                parents=record.parents,
            )
            for record, row in zip(scores, found, strict=True)
        ]

    def part(self, index: int, of: int) -> Labels:
        """Return the recipe of one of several parts, each with a share of the texts.

        Raises:
            ValueError: if there are more parts than texts of a label.
        """
        share = self.target // of + (index < self.target % of)
        if not share:
            raise ValueError(f"{self.target} texts of a label cannot be cut into {of} parts; take fewer parts")
        return dataclasses.replace(self, target=share)

    def write(self, label: str, place: int, random: np.random.Generator) -> Request:
        """Ask for a text of a label."""
        begin = self.openings[label][place % len(self.openings[label])]
        own = [text for text, name in self.examples if name == label]
        shown = [own[int(i)] for i in random.permutation(len(own))[: self.shots]]
        prompt = "".join(f"{self.text}: {text}\n\n" for text in shown) + f"{self.text}: {begin}"
        read = functools.partial(read_text, begin=begin if self.opened else "")
        return Request(prompt, "text", {"asked": label}, options=self.options, read=read, whole=False)

    def score(self, record: Record) -> Score:
        """Ask how likely each label is for a text."""
        answers = [f" {label}" for label in self.openings]
        known = {"text": record["text"], "asked": record["asked"]}
        return Score(self.question(record["text"]), answers, "score", known, [record.id])

    def question(self, text: str) -> str:
        """Return the prompt after which a label follows."""
        counts = dict.fromkeys(self.openings, 0)
        shown = ""
        for example, label in self.examples:
            counts[label] = counts.get(label, 0) + 1
            if label in self.openings and counts[label] <= self.labelled:
                shown += f"{self.text}: {example}\n{self.label}: {label}\n\n"
        return f"{shown}{self.text}: {text}\n{self.label}:"


def read_text(completion: Completion, begin: str = "") -> dict[str, str]:
    """Read a text whose beginning was given, up to its last whole sentence.

    Raises:
        ValueError: if no sentence has an end.
    """
    text = " ".join(f"{begin}{completion.text}".split())
    ends = [found.end() for found in re.finditer(r"[.!?](?=\s|$)", text)]
    if not ends:
        raise ValueError("no sentence has an end")
    return {"text": text[: ends[-1]]}


def centre(log_probs: NDArray[np.float64], asked: Sequence[str]) -> NDArray[np.float64]:
    """Return what a labeller says whatever the text: the mean of the labels' mean log-probabilities, (labels,), nats.

    Args:
        log_probs: (n, labels).
        asked: the label that each text was written for; the filters may have kept more of one.
    """
    own = [log_probs[[name == label for name in asked]] for label in dict.fromkeys(asked)]
    found: NDArray[np.float64] = np.mean([rows.mean(axis=0) for rows in own], axis=0)
    return found


def decided(log_probs: NDArray[np.float64], labels: Sequence[str]) -> dict[str, str | float]:
    """Return the likeliest label, and by how many nats it is likelier than the next one.

    Args:
        log_probs: (labels,), nats; centred or not.
        labels: at least two.
    """
    order = np.argsort(-log_probs, kind="stable")
    return {"label": labels[int(order[0])], "margin": float(log_probs[order[0]] - log_probs[order[1]])}


def agrees(record: Record, pool: Pool) -> str | None:
    """Refuse a text that is labelled otherwise than it was asked for."""
    return None if record["label"] == record["asked"] else f"asked for {record['asked']}, is {record['label']}"


def wide(record: Record, pool: Pool, *, margin: float) -> str | None:
    """Refuse a text whose label is uncertain."""
    return None if record["margin"] >= margin else f"a margin of less than {margin:g} nats"


def examples(records: Sequence[Record]) -> tuple[list[str], list[str]]:
    """Return texts and labels, as a classifier learns from them."""
    return [record["text"] for record in records], [record["label"] for record in records]
