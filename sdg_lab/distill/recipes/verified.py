"""Verified solutions: a teacher solves each problem many times, and a program keeps what is right.

Toshniwal et al., *OpenMathInstruct-1: A 1.8 Million Math Instruction Tuning Dataset* (2024). What counts is
**coverage**, the share of problems with at least one right solution: it grows with the number of samples, and a student
never sees a problem that has none. Problems that are often solved would crowd out the others, so that all give equally
many solutions as far as they have them (fair down-sampling).

As published: 224 samples of each problem of MATH with the default prompt, as many with the masked reference solution in
it, and 32 with each subject's own examples; 128 and 128 for GSM8K; temperature 1, top-p 0.95. Ours is smaller: the
numbers of samples, and two forms of prompt; a solution is checked step by step and not in its answer alone.

In a recipe's file::

    recipe: verified
    parameters:
      questions: {world: sums, digits: 3, count: 200}   # or sums of your own: a list, or a file, one a line
      verify: sums                                      # the program that knows what is right
      samples: 4
      hints: true                                       # every second prompt holds the masked solution

A file's program verifies sums only. Other questions need a program of their own, which Python has a word for:
``Verified(questions, verify)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import did_you_mean, one_of, several, truth, whole
from sdg_lab.distill.pipeline import Proposal, Request, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.scripts import plain
from sdg_lab.distill.teacher import Options
from sdg_lab.distill.world import sums
from sdg_lab.models.completion import Completion

Verify = Callable[[str, str], str | None]
"""Takes a question and a solution; returns what is wrong with the solution, or None."""

Form = Callable[[str], str]
"""Makes a prompt of a question, such as one that has a hint in it."""

PROBLEM, SOLUTION = "problem", "solution"
"""Kinds of records."""


AS_PUBLISHED = Options(max_tokens=128, temperature=1.0, top_p=0.95)
"""How the teacher writes; the length is ours."""

VERIFIERS: Mapping[str, Verify] = {"sums": sums.refuse, "sums by their answers": sums.refuse_answer}
"""Programs by the names that a recipe's file has for them; the second looks at the answer alone."""


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
        truth("distinct", self.distinct)
        whole("samples", self.samples, least=len(self.forms))

    @property
    def result(self) -> Sequence[str]:
        """Name the kind of the data set's records."""
        return (SOLUTION,)

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """Return what judges questions and solutions."""
        solutions: list[Stage] = [Right(self.verify)]
        return {PROBLEM: [Untested(frozenset(map(plain, self.test)))], SOLUTION: solutions + [new] * self.distinct}

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

    def part(self, index: int, of: int) -> Verified:
        """Return the recipe of every so many-th question.

        Raises:
            ValueError: if there are more parts than questions.
        """
        if not self.questions[index::of]:
            raise ValueError(f"{len(self.questions)} questions cannot be cut into {of} parts; take fewer parts")
        return dataclasses.replace(self, questions=self.questions[index::of])


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
        return "it is a question of the test" if plain(record["question"]) in self.test else None


def new(record: Record, pool: Pool) -> str | None:
    """Refuse a solution that the same question has already, letter by letter."""
    there = (other["solution"] for parent in record.parents for other in pool.children(parent, SOLUTION))
    return "the question has this solution already" if record["solution"] in there else None


# In a recipe's file

SOLVE = dataclasses.replace(AS_PUBLISHED, stop=("\n",))
"""How a language model writes: one line, as the solved questions before it are."""


@dataclass(frozen=True)
class Shown:
    """A form of prompt that shows solved questions, one a line, and then the question.

    Attributes:
        examples: question and solution in one text each.
        hinted: whether the question's own solution stands before it, masked.
    """

    examples: tuple[str, ...] = ()
    hinted: bool = False

    def __call__(self, question: str) -> str:
        """Return the prompt of a question."""
        return "".join(f"{example}\n" for example in self.examples) + (_hinted(question) if self.hinted else question)


def _hinted(question: str) -> str:
    problem = sums.Sum.read(question)
    return sums.hinted(problem, sums.masked(problem.solution()))


def recipe(
    *,
    questions: object,
    verify: str = "sums",
    samples: int = 4,
    hints: bool = False,
    shown: int = 4,
    test: str | None = None,
    distinct: bool = True,
    options: Options = SOLVE,
) -> Verified:
    """Return the recipe that a file describes.

    Args:
        questions: sums such as ``347+285=``, as a list or the path of a file, one a line; or a small world's, such as
            ``{world: sums, digits: 3, count: 200, seed: 0}``; ``seed`` draws others.
        verify: ``sums``, or ``sums by their answers``, which looks at the answer alone.
        samples: solutions that are asked for, a question.
        hints: have every second sample's prompt hold the question's solution, masked.
        shown: solved questions in each prompt, so that the teacher sees the form; none of them is asked.
        test: the path of a file of questions that students are tested on, one a line; they are not asked.
        distinct: refuse a solution that the question has already, letter by letter.
        options: how the teacher writes.

    Raises:
        OSError: if a file cannot be read.
        ValueError: if a value is out of range, or a line is no question that the program can verify.
    """
    program = VERIFIERS[one_of("verify", verify, VERIFIERS)]
    asked = _asked(questions)
    tested = () if test is None else _lines("test", test)
    known = {sums.Sum.read(question) for question in (*asked, *tested)}
    known |= {sums.Sum(problem.digits, problem.b, problem.a) for problem in known}  # its solutions are the same
    digits = sums.Sum.read(asked[0]).digits
    whole("shown", shown, least=0, most=MOST_SHOWN)
    many = sums.split(digits, (min(shown + len(known), 10 ** (2 * digits) // 4), 0, 0), seed=0).train
    examples = [problem for problem in many if problem not in known][:shown]
    if len(examples) < shown:
        raise ValueError(f"shown must be at most {len(examples)}: there are no more questions of {digits} digits left")
    solved = tuple(problem.prompt + problem.solution() for problem in examples)
    forms: tuple[Form, ...] = (Shown(solved),)
    if truth("hints", hints):
        masked = tuple(_hinted(problem.prompt) + problem.solution() for problem in examples)
        forms += (Shown(masked, hinted=True),)
    return Verified(asked, program, samples, forms, tested, distinct, options)


FORMS = "the path of a file, a list of questions, or a small world's: {world: sums, digits: 3, count: 200}"
"""What may be said of questions."""

SUMS_ONLY = "a file's program verifies sums only; others need their own, in Python: Verified(questions, verify)"
"""What is said to those who ask something else."""

MOST_SHOWN = 64
"""Solved questions in a prompt."""


_WORLD: dict[str, Any] = {"world": "sums", "digits": 3, "count": 100, "seed": 0}
"""What is said of a small world's questions, unless a file says something else."""


def _asked(said: object) -> tuple[str, ...]:
    """Return the questions that an entry of a file means."""
    if isinstance(said, Mapping):
        return _of_world(said)
    if isinstance(said, str):
        if not Path(said).exists():
            raise FileNotFoundError(f"there is no file {said}; questions must be {FORMS}")
        return _lines("questions", said)
    if not isinstance(said, (list, tuple)) or not all(isinstance(question, str) for question in said):
        raise ValueError(f"questions must be {FORMS}, got {said!r}")
    return _verifiable("questions", "the list", "entry", said)


def _of_world(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the questions of a small world."""
    entries = _WORLD | dict(said)
    for name in said:
        if name not in _WORLD:
            near, known = did_you_mean(name, _WORLD), ", ".join(_WORLD)
            raise ValueError(f"questions say {name!r}, which means nothing here{near}; they may say {known}")
    one_of("the world of questions", entries["world"], ("sums",))
    digits = whole("digits", entries["digits"], least=1, most=sums.MAX_DIGITS)
    count = whole("count", entries["count"], least=1)
    return tuple(problem.prompt for problem in sums.split(digits, (count, 0, 0), seed=entries["seed"]).train)


def _lines(name: str, path: str) -> tuple[str, ...]:
    """Return the questions of a file, each of which can be verified."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; write {name} into one, one a line") from None
    return _verifiable(name, path, "line", lines)


def _verifiable(name: str, where: str, place: str, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines that are not blank, or refuse one that is no sum."""
    found = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    for number, line in found:
        try:
            sums.Sum.read(line)
        except ValueError as error:
            raise ValueError(f"{where}, {place} {number}: {error}; {SUMS_ONLY}") from None
    if not found:
        raise ValueError(f"there are no {name} in {where}; give at least one")
    return tuple(line for _, line in found)


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
