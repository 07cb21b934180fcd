"""Sums of whole numbers, written out step by step: a small world in which a program knows each answer and each step.

A problem is the prompt ``347+285=``, both numbers of one width. A solution adds digit by digit from the right, each
step with the carry of the one before, and ends with the answer:

    7+5+0=12;4+8+1=13;3+2+1=06;#0632

The two digits of a step may stand in either order, so a problem has several right solutions. All numbers have a fixed
width: a small network learns that from a few hundred solutions, and a width that varies from thousands.

What a model wrote is read by :func:`read_solution` and never evaluated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, get_args

import numpy as np

from sdg_lab.checks import several, whole

SYMBOLS = "#+0123456789;=_{}"
"""All characters of prompts, hints and solutions."""

MAX_DIGITS = 9
"""Digits that a number has at most."""

MAX_TEXT = 1_000
"""A longer text is not read: the longest solution has 92 characters."""

Verdict = Literal["right", "right answer by a wrong chain", "wrong answer", "unreadable"]
"""What a solution is worth; the second is what a check of the answer alone would let pass."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_PROMPT = re.compile(r"([0-9]{1,9})\+([0-9]{1,9})=")
_STEP = re.compile(r"([0-9])\+([0-9])\+([0-9])=([0-9]{2})")
_ANSWER = re.compile(r"[0-9]{1,12}")


class Step(NamedTuple):
    """One addition in a chain: two digits and a carry, and what they are said to make."""

    first: int
    second: int
    carry: int
    total: int

    def __str__(self) -> str:
        return f"{self.first}+{self.second}+{self.carry}={self.total:02d}"


@dataclass(frozen=True, order=True)
class Sum:
    """A problem.

    Args:
        digits: of both numbers, zeros in front included.
        a: the first number.
        b: the second number.

    Raises:
        ValueError: if a number has more digits, or there are more than :data:`MAX_DIGITS`.
    """

    digits: int
    a: int
    b: int

    def __post_init__(self) -> None:
        whole("digits", self.digits, least=1, most=MAX_DIGITS)
        for name in ("a", "b"):
            whole(name, getattr(self, name), least=0, most=10**self.digits - 1)

    @classmethod
    def read(cls, prompt: str) -> Self:
        """Return the problem of a prompt; a hint before it is left out.

        Raises:
            ValueError: if it is no prompt of this world.
        """
        _, _, text = prompt[-MAX_TEXT:].rpartition("}")
        found = _PROMPT.fullmatch(text)
        if found is None or len(found[1]) != len(found[2]):
            raise ValueError(f"a prompt must be like '347+285=', both numbers of one width, got {prompt[:40]!r}")
        return cls(len(found[1]), int(found[1]), int(found[2]))

    @property
    def prompt(self) -> str:
        """What a model reads."""
        return f"{self.a:0{self.digits}d}+{self.b:0{self.digits}d}="

    @property
    def answer(self) -> int:
        """The truth."""
        return self.a + self.b

    def steps(self) -> list[Step]:
        """Return the right steps, the units first, the digit of ``a`` first in each."""
        found, carry = [], 0
        for place in range(self.digits):
            first, second = (number // 10**place % 10 for number in (self.a, self.b))
            found.append(Step(first, second, carry, first + second + carry))
            carry = found[-1].total // 10
        return found

    def solution(self, swapped: Sequence[bool] = ()) -> str:
        """Write the solution.

        Args:
            swapped: for each step, from the units on, whether the digit of ``b`` stands first; the others are not.

        Raises:
            ValueError: if there are more of them than steps.
        """
        steps = self.steps()
        if len(swapped) > len(steps):
            raise ValueError(f"swapped must name at most {len(steps)} steps, got {len(swapped)}")
        for place, other_way in enumerate(swapped):
            first, second, *rest = steps[place]
            steps[place] = Step(second, first, *rest) if other_way else steps[place]
        return "".join(f"{step};" for step in steps) + f"#{self.answer:0{self.digits + 1}d}"


def write(problems: Sequence[Sum], *, seed: int) -> list[tuple[str, str]]:
    """Return a prompt and a right solution of each problem, the order of the digits in each step drawn at random."""
    rng = np.random.default_rng(whole("seed", seed, least=0))
    return [(problem.prompt, problem.solution((rng.random(problem.digits) < 0.5).tolist())) for problem in problems]


# Problems


class Parts(NamedTuple):
    """Problems of a world; no two are equal, in one part or in two."""

    train: list[Sum]
    validation: list[Sum]
    test: list[Sum]


def split(digits: int | Sequence[int], sizes: tuple[int, int, int], *, seed: int) -> Parts:
    """Draw different problems, and divide them.

    A problem and its mirror image, ``12+34`` and ``34+12``, have the same solutions, and stay in one part.

    Args:
        digits: of the numbers; of several lengths each has an equal share of every part, the first ones the rest.
        sizes: problems for training, validation and test.
        seed: another one draws others.

    Raises:
        ValueError: if there are not so many problems, or a length is out of range.
    """
    lengths = (digits,) if isinstance(digits, int) else several("digits", digits)
    if len(set(lengths)) < len(lengths):
        raise ValueError(f"each length may be named once, or parts would share problems; got {list(lengths)}")
    if len(sizes) != 3 or not lengths:
        raise ValueError(f"give at least one length and three sizes, got {lengths!r} and {sizes!r}")
    rng = np.random.default_rng(whole("seed", seed, least=0))
    parts = Parts([], [], [])
    for place, length in enumerate(lengths):
        whole("digits", length, least=1, most=MAX_DIGITS)
        shares = [whole("each of sizes", size, least=0) for size in sizes]
        shares = [size // len(lengths) + (place < size % len(lengths)) for size in shares]
        numbers = 10**length
        if sum(shares) > numbers * numbers // 4:
            raise ValueError(
                f"{sum(shares)} different problems of {length} digits are too many: there are {numbers**2} in all, and "
                "a part must not know those of another; ask for a quarter of them at most, or for more digits"
            )
        # Test is filled first, so that it stays what it is when the training part grows.
        homes: dict[tuple[int, int], list[Sum]] = {}
        for part, share in zip(reversed(parts), reversed(shares), strict=True):
            until = len(part) + share
            taken: set[tuple[int, int]] = set()
            while len(part) < until:
                a, b = (int(number) for number in rng.integers(0, numbers, 2))
                key = (min(a, b), max(a, b))
                if (a, b) not in taken and homes.setdefault(key, part) is part:
                    taken.add((a, b))
                    part.append(Sum(length, a, b))
    return parts


# The checker


class Solution(NamedTuple):
    """What was read in a text.

    Attributes:
        steps: in the order of the text; None for what stands between two ``;`` and is no step.
        answer: what stands behind the ``#``.
    """

    steps: tuple[Step | None, ...]
    answer: int


def read_solution(text: str) -> Solution | None:
    """Return what a text says, or None if it gives no answer: one ``#``, and behind it a number in plain digits.

    Any text may come: nothing is evaluated, and the work grows with its length at most up to :data:`MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        return None
    chain, _, said = text.rpartition("#")
    if "#" in chain or _ANSWER.fullmatch(said.strip(" \n")) is None:
        return None
    pieces = chain.strip(" \n").removesuffix(";").split(";") if chain.strip(" \n") else []
    return Solution(tuple(map(_step, pieces)), int(said))


def check(problem: Sum, text: str) -> Verdict:
    """Say what a text is worth as a solution: the answer is verified, and so is each step that leads to it."""
    found = read_solution(text)
    if found is None:
        return "unreadable"
    if found.answer != problem.answer:
        return "wrong answer"
    return "right" if all(fault is None for fault in faults(problem, found)) else "right answer by a wrong chain"


def shares(problems: Sequence[Sum], texts: Sequence[str]) -> dict[Verdict, float]:
    """Return the share of each verdict on the texts, one a problem; ``shares(...)["right"]`` is the accuracy.

    Raises:
        ValueError: if there are none, or not as many texts as problems.
    """
    if not problems or len(problems) != len(texts):
        raise ValueError(f"give a text for each problem, and one at least, got {len(problems)} and {len(texts)}")
    found = Counter(map(check, problems, texts))
    return {verdict: found[verdict] / len(texts) for verdict in VERDICTS}


def faults(problem: Sum, solution: Solution) -> list[str | None]:
    """Say what is wrong with each step, None where nothing is; a missing step has a fault too, and so has one too many.

    A step is held against the problem, and not against the steps before it: a carry that was got wrong is a fault of
    the step that made it, and of the one that used it.
    """
    said, right = solution.steps, problem.steps()
    found: list[str | None] = [_fault(*pair) for pair in zip(said, right, strict=False)]
    found += ["it is missing"] * (len(right) - len(said))
    return found + ["it is one too many"] * (len(said) - len(right))


def explain(problem: Sum, text: str) -> Iterator[str]:
    """Yield each thing that is wrong with a text, in words; nothing if it is right."""
    solution = read_solution(text)
    if solution is None:
        yield "it gives no answer that can be read"
        return
    yield from (f"step {place}: {fault}" for place, fault in enumerate(faults(problem, solution), start=1) if fault)
    if solution.answer != problem.answer:
        yield f"the answer is {problem.answer}, not {solution.answer}"


def refuse(prompt: str, text: str) -> str | None:
    """Say why a text is no right solution of a prompt's problem, in words that many texts share; None if it is one."""
    verdict = check(Sum.read(prompt), text)
    return None if verdict == "right" else verdict


def refuse_answer(prompt: str, text: str) -> str | None:
    """Do what :func:`refuse` does, but look at the answer alone: a weaker program, which wrong chains get past."""
    verdict = check(Sum.read(prompt), text)
    return verdict if verdict in ("wrong answer", "unreadable") else None


def _step(piece: str) -> Step | None:
    found = _STEP.fullmatch(piece.strip(" \n"))
    return None if found is None else Step(*map(int, found.groups()))


def _fault(said: Step | None, right: Step) -> str | None:
    """Return what is wrong with a step, the first thing that is."""
    if said is None:
        return "it cannot be read"
    if {said.first, said.second} != {right.first, right.second}:
        return f"the digits are {right.first} and {right.second}, not {said.first} and {said.second}"
    if said.carry != right.carry:
        return f"the carry is {right.carry}, not {said.carry}"
    return None if said.total == right.total else f"the total is {right.total}, not {said.total}"


# Hints


def masked(solution: str) -> str:
    """Return a solution without what was worked out in it, ``7+5+0=__;4+8+_=__;…``: the digits stay, results do not.

    The masked-solution prompts of Toshniwal et al., *OpenMathInstruct-1* (2024), hold such a text: a teacher that reads
    the whole reference solution is led to copy its results.

    Raises:
        ValueError: if it is no solution.
    """
    found = read_solution(solution)
    if found is None or not found.steps or None in found.steps:
        raise ValueError(f"only a solution can be masked, got {solution[:60]!r}")
    steps = [step for step in found.steps if step is not None]
    carries = ["0", *"_" * (len(steps) - 1)]
    return "".join(f"{s.first}+{s.second}+{carry}=__;" for s, carry in zip(steps, carries, strict=True))


def hinted(problem: Sum, hint: str) -> str:
    """Return the prompt of a problem with a hint before it: ``{7+5+0=__;…}347+285=``."""
    return f"{{{hint}}}{problem.prompt}"
