"""Knowledge distillation: a student that learns its teacher's distributions, and not only what the teacher wrote.

Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network* (2015). A text tells the student one token at
each place; the teacher's distribution there tells how likely every other one was. A temperature τ softens both models:

    L = α τ² KL(p_τ ‖ q_τ) + (1 - α) · (-log q(y)),    p_τ = softmax(teacher's logits / τ),  q_τ of the student's

The factor τ² keeps the gradient's size, which falls as 1 / τ² (section 2). With τ = 1 and α = 1 it is the cross-entropy
to the teacher's distributions less their entropy, and what is left is in nats how much of the teacher is missing.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import number
from sdg_lab.distill.student import Pairs, Student, answer_mask
from sdg_lab.models.sequences import padding
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe, defaults


def soft_loss(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Return τ² KL(p_τ ‖ q_τ) in nats: the loss of soft targets (Hinton et al. 2015, section 2).

    Args:
        student: logits, (..., symbols).
        teacher: logits of the same shape; no gradient flows into them.
        temperature: τ > 0. As it grows, the gradient in the student's logits z goes to (z - v) / symbols, v being the
            teacher's, both less their means: logits are matched (section 2.1).

    Returns:
        Shape (...).
    """
    number("temperature", temperature, above=0)
    log_q = (student / temperature).log_softmax(dim=-1)
    log_p = (teacher.detach() / temperature).log_softmax(dim=-1)
    return temperature**2 * F.kl_div(log_q, log_p, log_target=True, reduction="none").sum(dim=-1)


class Distillation(nn.Module):
    """A student with the loss of a distillation, as the training loop takes it.

    Args:
        student: with layers, as :meth:`~sdg_lab.distill.student.Student.prepare` makes them.
        temperature: τ > 0.
        alpha: share of the soft targets in the loss, from 0 to 1.
    """

    def __init__(self, student: Student, *, temperature: float, alpha: float) -> None:
        super().__init__()
        self.student = student
        self.temperature = number("temperature", temperature, above=0)
        self.alpha = number("alpha", alpha, least=0, most=1)

    def loss(self, tokens: Tensor, starts: Tensor, lengths: Tensor, weights: Tensor, teacher: Tensor) -> Tensor:
        """Return the mean over pairs of their answers' nats, each times its weight.

        Args:
            tokens: prompts and answers; this and the next three are made by
                :meth:`~sdg_lab.distill.student.Student.weighted`.
            starts: tokens of each prompt.
            lengths: tokens of prompt and answer.
            weights: of the pairs.
            teacher: the teacher's logits of the token after each position, (n, T, symbols).
        """
        width = int(lengths.max())
        logits = self.student.logits(tokens[:, :width])
        hard = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1 : width + 1], reduction="none")
        nats = self.alpha * soft_loss(logits, teacher[:, :width], self.temperature) + (1 - self.alpha) * hard
        return ((nats * answer_mask(starts, lengths, width)).sum(dim=1) * weights).mean()

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices that ``optimizer="muon"`` steps as matrices."""
        return self.student.matrices()


@defaults(epochs=20, batch_size=64, lr=1e-2, optimizer="muon", clip=1.0)
def distil(
    student: Student,
    teacher: Student,
    data: Pairs,
    *,
    temperature: float = 2.0,
    alpha: float = 0.9,
    validation: Pairs | None = None,
    seed: int = 0,
    progress: bool = True,
    **recipe: Unpack[Recipe],
) -> Student:
    """Train a student from new weights on its teacher's distributions along given answers; return the student.

    With ``alpha=0`` it is ``student.fit(data)``.

    Args:
        student: learns, and knows the teacher's characters afterwards.
        teacher: fitted; its logits are computed once, and kept in memory: one float32 for each symbol at each place.
        data: prompts, and answers along which the distributions are taken: the teacher's own, or others.
        temperature: τ > 0 of the soft targets.
        alpha: their share in the loss, from 0 to 1; the others are the answers themselves, as hard labels.
        validation: held-out pairs, measured after each epoch with the same loss.
        seed: decides weights, order of pairs and noise.
        progress: show a bar.
        recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

    Raises:
        ValueError: if an argument is out of range, a pair is longer than a context, or a character is not one of the
            teacher's.
        NotFittedError: if the teacher has not been fitted.
    """
    number("temperature", temperature, above=0)
    number("alpha", alpha, least=0, most=1)
    if (hook := recipe.get("on_epoch")) is not None and not callable(hook):
        raise ValueError(f"on_epoch must be a function of an epoch's number and a student, got {hook!r}")
    alphabet = teacher.alphabet
    batch = (*student.weighted(alphabet, data), logits_along(teacher, data))
    held_out = None
    if validation is not None:
        held_out = (*student.weighted(alphabet, validation), logits_along(teacher, validation))
    if hook is not None:
        recipe["on_epoch"] = lambda epoch, module: hook(epoch, _answering(module.student))
    with student.as_before_on_failure():
        student.prepare(alphabet, seed)
        module = Distillation(student, temperature=temperature, alpha=alpha)
        student.history, student.trained = recipes.run(module, batch, held_out, recipe, seed=seed, progress=progress)
    return student


@torch.no_grad()
def logits_along(model: Student, pairs: Pairs) -> Tensor:
    """Return a model's logits of the token after each position of prompt and answer, (n, longest + 1, symbols), on CPU.

    Raises:
        ValueError: if a character is not known, or a pair is longer than the context.
        NotFittedError: before ``fit``.
    """
    tokens, _, _ = model.tensors(model.alphabet, pairs)
    rows = padding.chunks(torch.arange(len(tokens)), tokens.shape[1])
    return torch.cat([model.logits(tokens[part, :-1].to(model.device)).cpu() for part in rows])


@dataclasses.dataclass(frozen=True)
class Carried:
    """What is known of a teacher along some answers, in nats per answer token.

    Attributes:
        entropy: of the teacher's distributions: what a single token leaves open, and a distribution tells.
        missing: KL(teacher ‖ student): what the student has not learnt of them; 0 if it is the teacher's equal.
        cross_entropy: of the student's distributions to the teacher's: the sum of both.
    """

    entropy: float
    missing: float

    @property
    def cross_entropy(self) -> float:
        """Nats per answer token that the student pays for what the teacher writes."""
        return self.entropy + self.missing


def carried(teacher: Student, student: Student, pairs: Pairs) -> Carried:
    """Compare two models' distributions along answers, exactly at each place, averaged over all answer tokens.

    Along answers that the teacher drew at temperature 1, the means are estimates of the entropy of the teacher's
    answers, and of the divergence KL(teacher ‖ student) between both models' answers, per token.

    Raises:
        ValueError: if the models know different characters, and what :func:`logits_along` refuses.
        NotFittedError: if one of them has not been fitted.
    """
    if teacher.alphabet != student.alphabet:
        raise ValueError(
            f"teacher and student must know the same characters, got {''.join(teacher.alphabet.letters)!r} and "
            f"{''.join(student.alphabet.letters)!r}; name them in fit(symbols=...)"
        )
    _, starts, lengths = teacher.tensors(teacher.alphabet, pairs)
    log_p, log_q = (logits_along(model, pairs).double().log_softmax(dim=-1) for model in (teacher, student))
    counted = answer_mask(starts, lengths, log_p.shape[1])
    p = log_p.exp()
    return Carried(
        entropy=float(-(p * log_p).sum(dim=-1)[counted].mean()),
        missing=float((p * (log_p - log_q)).sum(dim=-1)[counted].mean()),
    )


def _answering(student: Any) -> Any:
    """Return the student in a training, told that it may answer."""
    student.fitted = True
    return student
