"""Verified solutions: a teacher solves each problem many times, and a program keeps what is right.

Toshniwal et al., *OpenMathInstruct-1: A 1.8 Million Math Instruction Tuning Dataset* (2024). What counts is
**coverage**, the share of problems with at least one right solution: it grows with the number of samples, and a student
never sees a problem that has none. Problems that are often solved would crowd out the others, so that all give equally
many solutions as far as they have them (fair down-sampling).

As published: 224 samples of each problem of MATH with the default prompt, as many with the masked reference solution in
it, and 32 with each subject's own examples; 128 and 128 for GSM8K; temperature 1, top-p 0.95. Ours is smaller: the
numbers of samples, and two forms of prompt; a solution is checked step by step and not in its answer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import several, whole
from sdg_lab.distill.pipeline import Proposal, Request, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import Options
from sdg_lab.models.completion import Completion

Verify = Callable[[str, str], str | None]
"""Takes a question and a solution; returns what is wrong with the solution, or None."""

Form = Callable[[str], str]
"""Makes a prompt of a question, such as one that has a hint in it."""

PROBLEM, SOLUTION = "problem", "solution"
"""Kinds of records."""


AS_PUBLISHED = Options(max_tokens=128, temperature=1.0, top_p=0.95)
"""How the teacher writes; the length is ours."""


def plainly(question: str) -> str:
    """Ask the question as it is."""
    return question


@dataclass(frozen=True)
class Verified:
    """The recipe. Its records of kind "solution" have the fields question, solution, and sample, counted from 0.

    Args:
        questions: what is to be solved.
        verify: a program that knows what is right.
        samples: solutions that are asked for, a question.
        forms: makers of prompts; a question's samples take turns.
        test: questions that students are tested on; they are not asked (decontamination).
        distinct: refuse a solution that the question has already, letter by letter.
        options: how the teacher writes.

    Raises:
        ValueError: if there are no questions or no forms, or fewer samples than forms.
    """

    questions: Sequence[str]
    verify: Verify
    samples: int = 4
    forms: Sequence[Form] = (plainly,)
    test: Sequence[str] = ()
    distinct: bool = True
    options: Options = AS_PUBLISHED

    def __post_init__(self) -> None:
        for name in ("questions", "forms"):
            if not several(name, getattr(self, name)):
                raise ValueError(f"{name} is empty; give at least one")
        whole("samples", self.samples, least=len(self.forms))

    @property
    def result(self) -> Sequence[str]:
        """Name the kind of the data set's records."""
        return (SOLUTION,)

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """Return what judges questions and solutions."""
        solutions: list[Stage] = [Right(self.verify)]
        return {PROBLEM: [Untested(frozenset(map(_words, self.test)))], SOLUTION: solutions + [new] * self.distinct}

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Propose the questions, then a round of solutions for each sample."""
        yield [Record.new(PROBLEM, {"question": question}) for question in self.questions]
        problems = tuple(pool.of(PROBLEM))
        for sample in range(self.samples):
            form = self.forms[sample % len(self.forms)]
            yield [
                Request(
                    form(problem["question"]),
                    kind=SOLUTION,
                    fields={"question": problem["question"], "sample": sample},
                    parents=(problem.id,),
                    options=self.options,
                    read=_solution,
                )
                for problem in problems
            ]


def _solution(completion: Completion) -> dict[str, str]:
    return {"solution": completion.text.strip()}


# Stages


@dataclass(frozen=True)
class Right:
    """Refuse a solution that the program finds wrong."""

    verify: Verify

    def __call__(self, record: Record, pool: Pool) -> str | None:
        """Say what is wrong with a solution."""
        return self.verify(record["question"], record["solution"])


@dataclass(frozen=True)
class Untested:
    """Refuse a question that is one of the test's, whatever the spaces and the case of its letters."""

    test: frozenset[str]

    def __call__(self, record: Record, pool: Pool) -> str | None:
        """Say whether students are tested on a question."""
        return "it is a question of the test" if _words(record["question"]) in self.test else None


def new(record: Record, pool: Pool) -> str | None:
    """Refuse a solution that the same question has already, letter by letter."""
    there = (other["solution"] for parent in record.parents for other in pool.children(parent, SOLUTION))
    return "the question has this solution already" if record["solution"] in there else None


def _words(question: str) -> str:
    return " ".join(question.casefold().split())


# What was made


def pass_at_k(samples: int, right: ArrayLike, k: int) -> NDArray[np.float64]:
    """Estimate the probability that at least one of k samples is right, without bias.

    Chen et al., *Evaluating Large Language Models Trained on Code* (2021), equation 1: 1 - C(n - c, k) / C(n, k), which
    is the share of all choices of k samples, out of the n that were drawn, with a right one among them. The plain
    estimate 1 - (1 - c / n)^k is too small.

    Args:
        samples: n, drawn for each problem.
        right: c, how many of them were right, (problems,).
        k: at most n.

    Returns:
        One estimate a problem; their mean is the coverage with k samples.

    Raises:
        ValueError: if a number is out of range.
    """
    whole("samples", samples, least=1)
    whole("k", k, least=1, most=samples)
    counts = np.asarray(right)
    if counts.size and (counts.dtype.kind not in "iu" or counts.min() < 0 or counts.max() > samples):
        raise ValueError(f"right must be whole numbers from 0 to samples = {samples}, got {right!r}")
    # C(n - c, k) / C(n, k) is the product of 1 - k / i for i from n - c + 1 to n; it has a zero if n - c < k.
    place = np.arange(1, samples + 1)
    factors = np.where(place > samples - counts[..., None], 1 - k / place, 1.0)
    found: NDArray[np.float64] = 1.0 - np.where(samples - counts < k, 0.0, factors.prod(axis=-1))
    return found


def coverage(pool: Pool, samples: int) -> NDArray[np.float64]:
    """Return the share of the questions that have a right solution after 1, 2, … samples, (samples,).

    It is what the run found, in the order of its samples; :func:`pass_at_k` is steadier where all counts are known.

    Raises:
        ValueError: if the pool holds no questions, or samples is below 1.
    """
    questions = pool.of(PROBLEM)
    if not questions:
        raise ValueError("the pool holds no questions; give the pool of a run of Verified")
    first = [min((one["sample"] for one in pool.children(q, SOLUTION)), default=np.inf) for q in questions]
    counted = np.arange(whole("samples", samples, least=1))
    found: NDArray[np.float64] = np.mean(np.asarray(first)[:, None] <= counted, axis=0)
    return found


def fair(solutions: Iterable[Record], total: int, *, seed: int) -> list[Record]:
    """Choose solutions so that no question crowds out another: in turns each question gives one, while it has any.

    The fair down-sampling of Toshniwal et al. (2024). Which of its solutions a question gives, and which questions come
    first in the last turn, is drawn at random.

    Args:
        solutions: with the field "question".
        total: how many to choose; all if there are fewer.
        seed: of the draws.
    """
    whole("total", total, least=0)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    by_question: dict[str, list[Record]] = {}
    for solution in solutions:
        by_question.setdefault(solution["question"], []).append(solution)
    turns: dict[int, list[Record]] = {}
    for group in by_question.values():
        for turn, index in enumerate(rng.permutation(len(group))):
            turns.setdefault(turn, []).append(group[index])
    chosen: list[Record] = []
    for turn in sorted(turns):
        wanted = total - len(chosen)
        chosen += [turns[turn][index] for index in rng.permutation(len(turns[turn]))[:wanted]]
    return chosen


def pairs(solutions: Iterable[Record]) -> list[tuple[str, str]]:
    """Return questions and solutions as a student learns them."""
    return [(solution["question"], solution["solution"]) for solution in solutions]
