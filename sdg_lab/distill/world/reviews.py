"""Reviews whose every judgement is known, and readers who weigh them differently: subjectivity under control.

A review names some aspects of a film and praises or blames each. Whether that makes a good review, a **criterion**
says: it weighs the aspects, and the sign of the sum is the label. The teacher has its own criterion, the annotators
have theirs, and the share of reviews on which the two differ is set beforehand. That is one way in which labels
disagree. The other is **noise**: the annotators have the teacher's criterion, and label so many reviews by mistake.
Both look the same in a table of agreement, and they are not: what was learnt from a teacher of another criterion stays
wrong however much there is of it, and noise averages out.

Li et al., *Synthetic Data Generation with Large Language Models for Text Classification: Potential and Limitations*
(2023), compare tasks of more and less agreement among people; here everything but the agreement is the same.

A review is like ``plot gripping . acting wooden . music catchy .``: a bag of words says all of it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, one_of, whole
from sdg_lab.distill.teacher import FunctionTeacher, Prompt

POSITIVE, NEGATIVE = "positive", "negative"
"""The labels."""


def _listed(praise: str, blame: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(praise.split()), tuple(blame.split())


WORDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "plot": _listed(
            "gripping clever twisting logical rich tense coherent layered",
            "thin silly muddled stale absurd patchy trite hollow",
        ),
        "acting": _listed(
            "superb natural nuanced brilliant heartfelt subtle convincing fine",
            "wooden flat stiff hammy lifeless forced weak awkward",
        ),
        "music": _listed(
            "catchy soaring haunting lovely fitting inspired melodic stirring",
            "grating loud shrill monotonous cheap intrusive tinny bland",
        ),
        "pictures": _listed(
            "beautiful stunning crisp painterly luminous striking bold vivid",
            "murky ugly grainy dim shaky garish blurred drab",
        ),
        "jokes": _listed(
            "hilarious witty sharp fresh dry charming playful sly",
            "lame tired crude unfunny corny childish feeble rude",
        ),
        "pace": _listed(
            "brisk lively steady fluid swift tight relaxed measured",
            "slow dragging hectic sluggish uneven plodding rushed endless",
        ),
    }
)
"""For each aspect words that praise it and words that blame it; no word stands in two places."""

ASPECTS = tuple(WORDS)
NAMED = (2, 5)
"""A review names at least and at most so many aspects."""

FAVOURITES = 5
"""A teacher that is shown nothing uses the first so many words of each list."""

_SIGNS: Mapping[str, tuple[int, float]] = MappingProxyType(
    {
        word: (place, sign)
        for place, lists in enumerate(WORDS.values())
        for sign, words in zip((1.0, -1.0), lists, strict=True)
        for word in words
    }
)

Judgements = NDArray[np.float64]
"""What a review says of each aspect, 1, -1, or 0 where it is not named, (aspects,)."""

Kind = Literal["criterion", "noise"]
"""Why annotators do not label as the teacher does."""


def judgements(review: str) -> Judgements:
    """Return what a review says of each aspect, (aspects,); words that are not known say nothing."""
    found = np.zeros(len(ASPECTS))
    for word in re.findall("[a-z]+", review.lower()):
        if word in _SIGNS:
            place, sign = _SIGNS[word]
            found[place] = np.clip(found[place] + sign, -1, 1)
    return found


@dataclass(frozen=True)
class Criterion:
    """How somebody decides whether a review is positive.

    Attributes:
        weights: of the aspects; the sign of the weighted sum of the judgements is the label.
        noise: share of the reviews that are labelled by mistake.

    Raises:
        ValueError: if there are not as many weights as aspects, or the noise is no share up to a half.
    """

    weights: tuple[float, ...]
    noise: float = 0.0

    def __post_init__(self) -> None:
        if len(self.weights) != len(ASPECTS):
            raise ValueError(f"weights must be one for each of {', '.join(ASPECTS)}; got {self.weights!r}")
        object.__setattr__(self, "weights", tuple(number("each of weights", weight) for weight in self.weights))
        number("noise", self.noise, least=0, most=0.5)

    def score(self, review: str) -> float:
        """Return the weighted sum of a review's judgements: above 0 it is positive."""
        return float(judgements(review) @ np.array(self.weights))

    def label(self, reviews: Sequence[str], *, seed: int = 0) -> list[str]:
        """Label reviews; the seed decides where the mistakes are, if there is noise."""
        wrong = np.random.default_rng(whole("seed", seed, least=0)).random(len(reviews)) < self.noise
        return [
            POSITIVE if (self.score(review) > 0) != mistaken else NEGATIVE
            for review, mistaken in zip(reviews, wrong.tolist(), strict=True)
        ]


TEACHER = Criterion((0.94, 0.97, 0.47, 0.53, 0.37, 0.24))
"""The teacher looks at plot and acting first. No sum of these weights, with any signs, is 0."""

_OTHER = (-0.25, -0.5, 0.95, 0.35, 0.8, 0.9)
"""What annotators of another taste look at more, and less."""


def annotators(disagreement: float, kind: Kind = "criterion") -> Criterion:
    """Return annotators whose labels differ from the teacher's on this share of the reviews.

    Args:
        disagreement: a share, at most 0.4.
        kind: "criterion" moves the weights from the teacher's towards other ones, as far as it takes; "noise" keeps the
            teacher's criterion, with mistakes.

    Raises:
        ValueError: if an argument is out of range.
    """
    number("disagreement", disagreement, least=0, most=0.4)
    if one_of("kind", kind, get_args(Kind)) == "noise":
        return Criterion(TEACHER.weights, noise=disagreement)
    said = _sample()
    teacher, other = np.array(TEACHER.weights), np.array(_OTHER)
    by_teacher = said @ teacher > 0
    steps = np.linspace(0, 1, 201)
    shares = np.array([np.mean((said @ ((1 - s) * teacher + s * other) > 0) != by_teacher) for s in steps])
    if disagreement == 0:
        return TEACHER
    step = steps[int(np.abs(shares - disagreement).argmin())]
    return Criterion(tuple(((1 - step) * teacher + step * other).tolist()))


@functools.cache
def _sample() -> Judgements:
    """Return the judgements of reviews by which criteria are compared, (4,000, aspects)."""
    return np.array([judgements(review) for review in write(4_000, seed=0)])


def write(n: int, *, seed: int) -> list[str]:
    """Draw real reviews: all aspects and all of their words are equally likely."""
    rng = np.random.default_rng(whole("seed", seed, least=0))
    return [_review(rng, len(WORDS["plot"][0])) for _ in range(whole("n", n, least=1))]


def _review(rng: np.random.Generator, vocabulary: int) -> str:
    named = rng.permutation(len(ASPECTS))[: rng.integers(NAMED[0], NAMED[1] + 1)]
    return " ".join(_sentence(ASPECTS[int(place)], bool(rng.random() < 0.5), rng, vocabulary) for place in named)


def _sentence(aspect: str, praise: bool, rng: np.random.Generator, vocabulary: int) -> str:
    words = WORDS[aspect][0 if praise else 1]
    return f"{aspect} {words[int(rng.integers(vocabulary))]} ."


# The teacher


def teacher(openings: Mapping[str, Sequence[str]]) -> FunctionTeacher:
    """Return a teacher of this world, which writes and labels reviews by its own criterion.

    Shown nothing, it writes what it would call a review of the label that was asked for, in the few words that come to
    its mind first. Shown reviews, it takes one of them, says the same of most aspects in other words of the whole
    language, and something new of one aspect. So examples of the annotators widen its language, and carry some of
    their criterion with them. That is built in, as what a language model does; how much it is worth is measured.

    Args:
        openings: how reviews of each label begin, as the recipe has them; words that stand in no review.
    """
    label_of = {begin: label for label, several in openings.items() for begin in several}

    def reply(prompt: Prompt, seed: int) -> str:
        *before, last = str(prompt).split("\n\n")
        rng = np.random.default_rng(seed)
        begin = last.partition(": ")[2]
        positive = label_of[begin] == POSITIVE
        shown = [text.partition(": ")[2] for text in before]
        while True:
            text = _reworded(shown[int(rng.integers(len(shown)))], rng) if shown else _review(rng, FAVOURITES)
            if shown or (TEACHER.score(text) > 0) == positive:
                return f" {text}"

    def likely(prompt: Prompt, answer: str) -> float:
        text = str(prompt).split("\n\n")[-1].split("\n")[0]
        z = 4 * TEACHER.score(text) * (1 if answer.strip() == POSITIVE else -1)
        return -float(np.logaddexp(0, -z))

    return FunctionTeacher(reply, score=likely, name="a teacher of reviews", batch=256)


def _reworded(review: str, rng: np.random.Generator) -> str:
    """Return a review that says nearly what another one says."""
    said = judgements(review)
    named = [int(place) for place in np.flatnonzero(said)]
    changed = named[int(rng.integers(len(named)))] if named else 0
    if rng.random() < 0.5:
        changed = int(rng.integers(len(ASPECTS)))
    said[changed] = 1.0 if rng.random() < 0.5 else -1.0
    places = [int(place) for place in rng.permutation(np.flatnonzero(said))]
    vocabulary = len(WORDS["plot"][0])
    return " ".join(_sentence(ASPECTS[place], bool(said[place] > 0), rng, vocabulary) for place in places)


# Students


def classifier_accuracy(
    texts: Sequence[str], labels: Sequence[str], test: Sequence[str], truth: Sequence[str], *, C: float = 1.0
) -> float:
    """Train a logistic regression on bags of words, and return its accuracy on test texts.

    With labels of one kind only it says that one.

    Raises:
        ValueError: if there are no texts.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if not texts or not test:
        raise ValueError(
            f"a classifier needs texts to learn from and to be tested on, got {len(texts)} and {len(test)}"
        )
    if len(set(labels)) == 1:
        return float(np.mean([label == labels[0] for label in truth]))
    student = make_pipeline(CountVectorizer(binary=True), LogisticRegression(C=C, max_iter=1_000))
    student.fit(list(texts), list(labels))
    return float(student.score(list(test), list(truth)))


def agreement(first: Sequence[str], second: Sequence[str]) -> tuple[float, float]:
    """Return the share of labels on which two agree, and Cohen's kappa, which is 0 for chance.

    Raises:
        ValueError: if there are none, or not equally many.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"give equally many labels of two, at least one, got {len(first)} and {len(second)}")
    from sklearn.metrics import cohen_kappa_score

    share = float(np.mean([a == b for a, b in zip(first, second, strict=True)]))
    kappa = 1.0 if share == 1 else float(cohen_kappa_score(list(first), list(second)))
    return share, kappa
