"""Self-play: a student learns to prefer gold answers to its own, round after round.

Chen et al., *Self-Play Fine-Tuning Converts Weak Language Models to Strong Language Models* (SPIN, 2024). A round draws
the student's answers to the prompts of the gold data, and is DPO with gold as the preferred answers and the student's
own as the rejected ones; the reference is the student as the round before left it (algorithm 1, equation 4.7 with the
logistic loss). No program judges anything, so the gold is all there is to learn from: minimised exactly, a round gives

    π_{t+1}(y | x) ∝ π_t(y | x) (p(y | x) / π_t(y | x))^{1/λ}    (theorem 5.4; λ is DPO's β),

which stands still only where π is p, the gold's distribution (theorem 5.2). With λ = 1 one round would be enough; with
λ < 1/2 a round that is carried to its minimum leaps over p, further than it was away. The paper's λ of 0.1 therefore
goes with few and small steps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Unpack

import numpy as np
from torch import Tensor

from sdg_lab.checks import number, whole
from sdg_lab.distill.generations import named_folder
from sdg_lab.distill.preference import Triples, check_alike, check_student, optimum, prefer
from sdg_lab.distill.student import Pairs, Student, check_pairs
from sdg_lab.training.recipe import Recipe, defaults


def next_policy(policy: Tensor, gold: Tensor, beta: float) -> Tensor:
    """Return log π_{t+1} of a round that is carried to its minimum (theorem 5.4).

    It is the optimum for the reward log p/π_t, the best that can tell gold from the student's own.

    Args:
        policy: log π_t of all answers, (..., answers).
        gold: log p of the same.
        beta: the paper's λ > 0.

    Raises:
        TypeError, ValueError: as :func:`~sdg_lab.distill.preference.optimum`; so where π_t never gives an answer that
            the gold holds.
    """
    check_alike(policy=policy, gold=gold)
    return optimum(policy, gold - policy, beta)


def own_answers(student: Student, gold: Pairs, *, temperature: float = 1.0, seed: int = 0) -> Triples:
    """Draw an answer to each prompt of the gold data, and return triples that prefer the gold to it.

    What the student wrote letter by letter as the gold has it teaches nothing, and is left out; so are answers that are
    empty or do not end.

    Raises:
        TypeError: if the student is none, or the data is of another kind.
        ValueError: if there is none, an argument is out of range, or no answer comes to an end.
        NotFittedError: if the student has not been fitted.
    """
    check_student("student", student)
    check_pairs(gold)
    number("temperature", temperature, above=0)
    seeds = np.random.SeedSequence(whole("seed", seed, least=0)).generate_state(len(gold), np.uint32).tolist()
    drawn = student.generate([prompt for prompt, _ in gold], seeds=seeds, temperature=temperature)
    ended = [(*pair, own.text) for pair, own in zip(gold, drawn, strict=True) if own.text and own.reason == "end"]
    if not ended:
        raise ValueError(f"none of the student's {len(gold)} answers comes to an end; it has to be taught first")
    return [triple for triple in ended if triple[1] != triple[2]]


@defaults(epochs=2, batch_size=32, lr=1e-3, optimizer="muon", clip=1.0)
def spin(
    student: Student,
    gold: Pairs,
    *,
    rounds: int = 3,
    beta: float = 0.1,
    temperature: float = 1.0,
    folder: str | Path | None = None,
    on_round: Callable[[int, Student], None] | None = None,
    seed: int = 0,
    progress: bool = True,
    **recipe: Unpack[Recipe],
) -> Student:
    """Train a student by self-play against its last round, from the weights that it has; return the student.

    It ends early when the student writes nothing but gold: there is nothing left to tell apart.

    Args:
        student: fitted, as a rule on the same gold; it is changed, or left as it was if anything fails.
        gold: prompts with right answers.
        rounds: of drawing and training.
        beta: the paper's λ > 0.
        temperature: at which the student's own answers are drawn, > 0.
        folder: where a checkpoint of each round is kept; a run that was killed goes on from there when it is called
            again with the student that it began with.
        on_round: called after each round with its number, from 1, and the student.
        seed: decides the answers that are drawn, the order of triples, and noise.
        progress: show a bar.
        recipe: of each round; see :class:`~sdg_lab.training.recipe.Recipe`.

    Raises:
        TypeError: if the student is none, or the data or the folder's name is of another kind.
        ValueError: as :func:`own_answers` and :func:`~sdg_lab.distill.preference.prefer`, if ``rounds`` is below 1,
            ``folder`` is an empty text, ``on_round`` cannot be called, or for a ``checkpoint``: each round needs one
            of its own.
        NotADirectoryError: if the folder's name is a file's.
    """
    check_student("student", student)
    whole("rounds", rounds, least=1)
    whole("seed", seed, least=0)
    if recipe.get("checkpoint") is not None:
        raise ValueError(f"checkpoint must be left out, got {recipe['checkpoint']!r}; name a folder for all rounds")
    if on_round is not None and not callable(on_round):
        raise ValueError(f"on_round must be a function of a round's number and a student, got {on_round!r}")
    if folder is not None:
        named_folder(folder).mkdir(parents=True, exist_ok=True)
    with student.as_before_on_failure():
        for place, state in enumerate(np.random.SeedSequence(seed).generate_state(rounds).tolist(), start=1):
            triples = own_answers(student, gold, temperature=temperature, seed=state)
            if not triples:
                break
            if folder is not None:  # a round that is over is read from its checkpoint, and refused if it is another's
                recipe["checkpoint"] = Path(folder) / f"round-{place}.safetensors"
            prefer(student, triples, beta=beta, seed=state, progress=progress, **recipe)
            if on_round is not None:
                on_round(place, student)
    return student
