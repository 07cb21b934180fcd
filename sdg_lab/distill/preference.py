"""Direct preference optimisation: a student learns which of two answers is better, and no reward model is trained.

Rafailov et al., *Direct Preference Optimization: Your Language Model is Secretly a Reward Model* (2023). What is wanted
is a policy of high reward that stays near a reference, and its optimum is known (equation 4):

    max_π E_{y ~ π}[r(x, y)] - β KL(π ‖ π_ref)    has    π*(y | x) = π_ref(y | x) exp(r(x, y) / β) / Z(x).

Read from right to left, every policy is the optimum for a reward, its **implicit reward** r̂ = β log π/π_ref, up to a
constant of the prompt. Under the model of Bradley & Terry a preference then has the probability σ(r̂_w - r̂_l), in which
the constant cancels, and the negative log-likelihood of the preferences is DPO's loss (equation 7):

    L = -log σ(β [log π(y_w | x) - log π_ref(y_w | x)] - β [log π(y_l | x) - log π_ref(y_l | x)]).

Only the difference of the two brackets counts: both may fall. Pang et al., *Iterative Reasoning Preference
Optimization* (2024), therefore add the plain loss of the preferred answer, α · (-log π(y_w | x)) / |y_w|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import number, whole
from sdg_lab.distill.student import Pairs, Student, check_pairs, fingerprint, is_right
from sdg_lab.models.sequences.alphabet import Alphabet
from sdg_lab.tables.columns import got
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe, defaults

Triples = list[tuple[str, str, str]]
"""Prompts, each with the answer that is preferred and the one that is rejected: (x, y_w, y_l)."""


# The loss, on log-probabilities.


def dpo_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float = 0.1) -> Tensor:
    """Return -log σ(r̂_w - r̂_l), DPO's loss (Rafailov et al. 2023, equation 7), in nats.

    Args:
        chosen: log π(y_w | x) of the preferred answers, whole answers, in nats.
        rejected: log π(y_l | x) of the rejected ones.
        ref_chosen: log π_ref(y_w | x); no gradient flows into the reference.
        ref_rejected: log π_ref(y_l | x).
        beta: β > 0; the smaller, the further the optimum lies from the reference.

    Returns:
        One number a triple, in the arguments' common shape; log 2 where the policy is its reference.

    Raises:
        TypeError: if an argument is no tensor of floats.
        ValueError: if the arguments differ in shape, or beta is not above 0.
    """
    return -F.logsigmoid(_margin(chosen, rejected, ref_chosen, ref_rejected, beta))


def dpo_weight(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float = 0.1) -> Tensor:
    """Return β σ(r̂_l - r̂_w): how much each triple counts in the gradient of :func:`dpo_loss`; arguments as there.

    The gradient is -β σ(r̂_l - r̂_w) [∇ log π(y_w) - ∇ log π(y_l)] (section 4): a triple counts β/2 at the start, β while
    its order is wrong, and next to nothing once the margin is wide against 1, which is 1/β in log-probabilities.
    """
    return beta * torch.sigmoid(-_margin(chosen, rejected, ref_chosen, ref_rejected, beta))


def implicit_reward(log_probs: Tensor, reference: Tensor, beta: float = 0.1) -> Tensor:
    """Return r̂ = β (log π(y | x) - log π_ref(y | x)), known up to a constant of each prompt (equation 5).

    Raises:
        TypeError, ValueError: as :func:`dpo_loss`.
    """
    check_alike(log_probs=log_probs, reference=reference)
    return number("beta", beta, above=0) * (log_probs - reference.detach())


def optimum(reference: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """Return log π* of the policy with the highest E[r] - β KL(π ‖ π_ref) (equation 4).

    Args:
        reference: log π_ref of all answers, (..., answers).
        rewards: of the same shape.
        beta: β > 0.

    Raises:
        TypeError, ValueError: as :func:`dpo_loss`, and if no policy is the best: where an answer that the reference
            never gives has an infinite reward, for one, or rewards / β overflow.
    """
    check_alike(reference=reference, rewards=rewards)
    found = (reference + rewards / number("beta", beta, above=0)).log_softmax(dim=-1)
    if found.isnan().any():
        raise ValueError(
            "reference + rewards / beta must have a finite largest entry in each row and no NaN; raise beta, got "
            f"{beta:g}, or leave out answers that one of both never gives"
        )
    return found


def _margin(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
    check_alike(chosen=chosen, rejected=rejected, ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    return implicit_reward(chosen, ref_chosen, beta) - implicit_reward(rejected, ref_rejected, beta)


def check_alike(**parts: Any) -> None:
    """Refuse what is no tensor of floats, and other shapes: (n,) beside (n, 1) would compare each with all others."""
    for name, part in parts.items():
        if not isinstance(part, Tensor) or not part.is_floating_point():
            what = f"one of {part.dtype}" if isinstance(part, Tensor) else type(part).__name__
            raise TypeError(f"{name} must be a tensor of floats, got {what}; torch.as_tensor(...).double() makes one")
    shapes = [tuple(part.shape) for part in parts.values()]
    if len({*shapes}) > 1:
        raise ValueError(f"{', '.join(parts)} must be of one shape, got {', '.join(map(str, shapes))}")


def check_student(name: str, student: Any) -> None:
    """Refuse what is no student, such as its network alone."""
    if not isinstance(student, Student):
        what = "the class; make one and fit it" if student is Student else type(student).__name__
        raise TypeError(f"{name} must be a Student, got {what}")


def check_verify(verify: Any) -> None:
    """Refuse what cannot be called, before anything is asked or drawn."""
    if not callable(verify):
        raise ValueError(f"verify must be a function of a prompt and an answer, got {verify!r}")


# Triples


def contrasts(answers: Pairs, verify: Callable[[str, str], str | None], *, most: int = 1, seed: int = 0) -> Triples:
    """Make triples of a right and a wrong answer to the same prompt.

    Prompts whose answers are all right, or all wrong, give none. Answers that are equal letter by letter count once.

    Args:
        answers: prompts with the answers that were drawn, several a prompt; in any order.
        verify: takes a prompt and an answer; returns what is wrong with it, or None.
        most: triples a prompt; no answer stands in two of them, so a prompt with fewer right ones, or fewer wrong ones,
            gives fewer.
        seed: decides which answers are taken, and which meet.

    Raises:
        TypeError: if the answers are of another kind, or ``verify`` returns something else.
        ValueError: if an argument is out of range, or ``verify`` cannot be called.
    """
    check_pairs(answers)
    check_verify(verify)
    whole("most", most, least=1)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    sides: dict[str, tuple[list[str], list[str]]] = {}
    for prompt, answer in dict.fromkeys(answers):
        right, wrong = sides.setdefault(prompt, ([], []))
        (right if is_right(verify, prompt, answer) else wrong).append(answer)
    found: Triples = []
    for prompt, (right, wrong) in sides.items():
        several = min(most, len(right), len(wrong))
        taken = [[side[i] for i in rng.permutation(len(side))[:several]] for side in (right, wrong)]
        found += [(prompt, *both) for both in zip(*taken, strict=True)]
    return found


def check_triples(triples: Triples) -> None:
    """Refuse what is not a list of triples of texts, none of them empty, with two different answers."""
    if not isinstance(triples, list):
        raise TypeError(f"triples must be a list of (prompt, preferred, rejected), got {got(triples)}")
    if not triples:
        raise ValueError("there are no triples; give at least one, or draw more answers to find both kinds")
    for index, triple in enumerate(triples):
        if not isinstance(triple, tuple) or len(triple) != 3 or not all(isinstance(text, str) for text in triple):
            raise TypeError(f"triple {index} is {triple!r}; it must be a tuple of three texts")
        if not all(triple):
            part = ("prompt", "preferred answer", "rejected answer")[[bool(text) for text in triple].index(False)]
            raise ValueError(f"the {part} of triple {index} is empty; leave it out")
        if triple[1] == triple[2]:
            raise ValueError(f"both answers of triple {index} are {triple[1]!r}; nothing is preferred, leave it out")


def both_sides(triples: Triples) -> Pairs:
    """Return each prompt with its preferred answer and then with its rejected one: twice as many pairs."""
    check_triples(triples)
    return [pair for prompt, preferred, rejected in triples for pair in ((prompt, preferred), (prompt, rejected))]


# Training


class Preference(nn.Module):
    """A student with DPO's loss, as the training loop takes it.

    Args:
        student: fitted; the policy π.
        beta: β > 0.
        likelihood: α >= 0, the weight of the preferred answer's own nats per token.
    """

    def __init__(self, student: Student, *, beta: float, likelihood: float = 0.0) -> None:
        super().__init__()
        check_student("student", student)
        self.student = student
        self.beta = number("beta", beta, above=0)
        self.likelihood = number("likelihood", likelihood, least=0)

    def tensors(self, alphabet: Alphabet, triples: Triples, reference: Student) -> tuple[Tensor, ...]:
        """Return what :meth:`loss` takes: the reference's log-probabilities are computed here, once."""
        pairs = both_sides(triples)
        log_probs = torch.from_numpy(reference.log_prob(pairs)).float()
        both = (*self.student.tensors(alphabet, pairs), log_probs)
        return tuple(part.view(len(triples), 2, *part.shape[1:]) for part in both)

    def loss(self, tokens: Tensor, starts: Tensor, lengths: Tensor, reference: Tensor) -> Tensor:
        """Return the mean over triples of :func:`dpo_loss`, and of α times the preferred answer's nats per token.

        Args:
            tokens: (n, 2, T + 1): a prompt with its preferred answer, and with its rejected one, as
                :meth:`~sdg_lab.distill.student.Student.tensors` makes them.
            starts: tokens of each prompt, (n, 2).
            lengths: tokens of prompt and answer, the end included, (n, 2).
            reference: log π_ref of both answers in nats, (n, 2).
        """
        width = int(lengths.max())
        rows = tokens[..., : width + 1].flatten(0, 1)  # both answers in one pass
        nats = self.student.answer_log_probs(rows, starts.flatten(), lengths.flatten()).sum(dim=1)
        chosen, rejected = nats.view_as(reference).unbind(1)
        losses = dpo_loss(chosen, rejected, reference[:, 0], reference[:, 1], self.beta)
        if self.likelihood:
            losses = losses - self.likelihood * chosen / (lengths - starts)[:, 0]
        return losses.mean()

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices that ``optimizer="muon"`` steps as matrices."""
        return self.student.matrices()

    def config(self) -> dict[str, Any]:
        """Return what a checkpoint must have in common with the run that takes it up, beside data and settings.

        The reference is the student as it is now: the loop asks before the first step.
        """
        own = {"beta": self.beta, "likelihood": self.likelihood}
        return {**own, "reference": fingerprint(self.student), **self.student.config()}


@defaults(epochs=4, batch_size=32, lr=1e-3, optimizer="muon", clip=1.0)
def prefer(
    student: Student,
    triples: Triples,
    *,
    beta: float = 0.1,
    likelihood: float = 0.0,
    validation: Triples | None = None,
    seed: int = 0,
    progress: bool = True,
    **recipe: Unpack[Recipe],
) -> Student:
    """Train a student on preferences by DPO, from the weights that it has; return the student.

    The reference is the student as it comes in. It is frozen: its log-probabilities are computed once, before the first
    step, so that no second model is kept. Keep a copy of the student to compare with: ``copy.deepcopy(student)``.

    Args:
        student: fitted; it is changed, or left as it was if anything fails.
        triples: prompts, preferred and rejected answers; :func:`contrasts` makes them with a program that judges.
        beta: β > 0: how much a distance from the reference costs.
        likelihood: α >= 0: how much the preferred answer's own likelihood counts beside the preference (Pang et al.
            2024, with 1); 0 is DPO as it was published.
        validation: held-out triples, measured after each epoch with the same loss.
        seed: decides the order of triples, and noise.
        progress: show a bar.
        recipe: see :class:`~sdg_lab.training.recipe.Recipe`. A run that was killed goes on from its ``checkpoint`` when
            it is called again with the student that it began with.

    Raises:
        TypeError: if the student is none, or the triples are of another kind.
        ValueError: if there are none, an argument is out of range, a text is longer than the context, a character is
            not known, or all weights are frozen.
        NotFittedError: if the student has not been fitted.
    """
    module = Preference(student, beta=beta, likelihood=likelihood)
    whole("seed", seed, least=0)
    batch = module.tensors(student.alphabet, triples, student)
    student.require_trainable()
    held_out = None if validation is None else module.tensors(student.alphabet, validation, student)
    if callable(hook := recipe.get("on_epoch")):
        recipe["on_epoch"] = lambda epoch, trained: hook(epoch, trained.student)
    with student.as_before_on_failure():
        student.history, student.trained = recipes.run(module, batch, held_out, recipe, seed=seed, progress=progress)
    return student


# What it did


@dataclass(frozen=True)
class Shift:
    """How far a student has gone from its reference along triples, means over triples, in nats an answer.

    Attributes:
        chosen: of log π(y_w | x) - log π_ref(y_w | x). It may be negative, though the loss fell.
        rejected: of the same of y_l.
        won: share of triples whose implicit reward is higher for the preferred answer; 0 for a student that is its
            reference.
    """

    chosen: float
    rejected: float
    won: float

    @property
    def margin(self) -> float:
        """What the loss makes wide: chosen - rejected."""
        return self.chosen - self.rejected


def shift(student: Student, reference: Student, triples: Triples) -> Shift:
    """Measure how the log-probabilities of preferred and of rejected answers have moved.

    Raises:
        TypeError: if one of both is no student, or the triples are of another kind.
        ValueError: if there are none, or a text is unknown to one of both.
        NotFittedError: if one of them has not been fitted.
    """
    check_student("student", student)
    check_student("reference", reference)
    pairs = both_sides(triples)
    moved = (student.log_prob(pairs) - reference.log_prob(pairs)).reshape(-1, 2)
    chosen, rejected = moved.mean(axis=0)
    return Shift(float(chosen), float(rejected), float((moved[:, 0] > moved[:, 1]).mean()))
