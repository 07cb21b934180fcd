"""Self-improvement by verification: a student solves problems, a program keeps what is right, and it learns from that.

This is what one round asks. Two methods are one recipe with other numbers, and
:func:`~sdg_lab.distill.improvement.improve` goes from round to round.

**STaR**: Zelikman et al., *STaR: Bootstrapping Reasoning With Reasoning* (2022), algorithm 1. Each question is solved
once, at temperature 0; a question that was got wrong is asked again with its answer as a hint (rationalisation), and
what is right now is kept as if no hint had been there. The next student is trained from the base. As published only the
answer is checked, and with the answer in the prompt that is no check at all: a program that reads the chain is.

**ReST-EM**: Singh et al., *Beyond Human Data: Scaling Self-Training for Problem-Solving with Language Models* (2023),
algorithm 1. Each question is solved many times (32 for MATH, temperature 1, top-k 40), a binary reward filters, at most
ten solutions of a question are kept, and the next student is trained from the base; no hints.

Ours is smaller: the numbers of samples. The published models were pre-trained; ours know only the seed data, which is
why each training holds them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.distill.pipeline import Proposal, Request
from sdg_lab.distill.recipes.verified import PROBLEM, SOLUTION, Form, Verified
from sdg_lab.distill.records import Pool
from sdg_lab.models.completion import Completion


@dataclass(frozen=True)
class Star(Verified):
    """The recipe of a round. Its records are those of :class:`~sdg_lab.distill.recipes.verified.Verified`.

    Args:
        hint: makes a prompt with a hint of a question that no sample solved; None asks no second time.
        hinted_samples: solutions that are asked for with the hint, a question; they are counted on from ``samples``.

    The other arguments are those of ``Verified``.

    Raises:
        TypeError: while a round goes on, if ``hint`` returns no text.
        ValueError: as ``Verified``, and if ``hint`` cannot be called or ``hinted_samples`` is below 1.
    """

    hint: Form | None = None
    hinted_samples: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hint is not None and not callable(self.hint):
            raise ValueError(f"hint must be a function of a question, got {self.hint!r}")
        whole("hinted_samples", self.hinted_samples, least=1)

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Propose questions and solutions; then, with a hint, solutions of the questions that have none."""
        yield from super().rounds(pool, random)
        if self.hint is None:
            return
        unsolved = [problem for problem in pool.of(PROBLEM) if not pool.children(problem, SOLUTION)]
        for sample in range(self.samples, self.samples + self.hinted_samples):
            yield [
                Request(
                    _text(self.hint(problem["question"])),
                    kind=SOLUTION,
                    fields={"question": problem["question"], "sample": sample},
                    parents=(problem.id,),
                    options=self.options,
                    read=_read,
                )
                for problem in unsolved
            ]


def _text(prompt: object) -> str:
    if not isinstance(prompt, str):
        raise TypeError(f"hint must return a prompt, as a text, got {prompt!r}")
    return prompt


def _read(completion: Completion) -> dict[str, str]:
    return {"solution": completion.text.strip()}


def anything(question: str, solution: str) -> str | None:
    """Let any solution pass that is not empty: self-improvement without verification, to compare with."""
    return None if solution else "it is empty"
