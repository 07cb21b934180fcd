"""Learning from a reward: the policy gradient, on a model of sequences that was trained on data before.

The model is the policy π: it draws a whole sequence x, and a reward r(x) says how good that was. What is raised is

    J = E_{x ~ π}[r(x)] - β KL(π || π_ref),    ∇J = E_{x ~ π}[(r(x) - β log π(x)/π_ref(x) - b) ∇ log π(x)],

where π_ref is the model as it was before, and b is any baseline that does not depend on x (Williams, *Simple
Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning*, 1992: REINFORCE). With the group's
advantages, clipped ratios and the penalty in the loss it is GRPO (Shao et al., *DeepSeekMath*, 2024).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sdg_lab import options, training
from sdg_lab.checks import number, one_of, several, whole
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.padding import mask_of

Reward = Callable[[Sequences], ArrayLike]
"""Says how good each sequence is: one finite number each, (n,)."""

Baseline = Literal["none", "leave-one-out", "group"]
Penalty = Literal["reward", "loss"]

CLIP_RATIO = 0.2
"""ε of :func:`clipped_surrogate`: how far a policy goes from the one that drew, with one round's draws."""


def advantages(rewards: Tensor, baseline: Baseline) -> Tensor:
    """Return how much better each reward is than its group would let one expect, (groups, size) -> same shape.

    "none" leaves the rewards as they are. "leave-one-out" takes the mean of the others off and is unbiased (Kool et al.
    2019). "group" says how many standard deviations a reward lies above the group's mean (Shao et al. 2024); a group of
    equal rewards teaches nothing.

    Raises:
        ValueError: for another baseline, or groups of one where the baseline needs company.
    """
    one_of("baseline", baseline, get_args(Baseline))
    if baseline == "none":
        return rewards
    size = rewards.shape[1]
    if size < 2:
        raise ValueError(f"baseline {baseline!r} compares the sequences of a group: groups must hold >= 2, got {size}")
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if baseline == "leave-one-out":
        return centred * (size / (size - 1))
    return centred / (rewards.std(dim=1, keepdim=True, correction=0) + 1e-6)


def clipped_surrogate(log_probs: Tensor, old_log_probs: Tensor, advantage: Tensor, clip_ratio: float) -> Tensor:
    """Return min(ρ A, clip(ρ, 1 - ε, 1 + ε) A) with ρ = π/π_old (Schulman et al. 2017, *PPO*, eq. 7), elementwise.

    Where both policies are the same its gradient is A ∇ log π. Beyond the clip it is 0: no more is to be gained there.
    """
    ratio = torch.exp(log_probs - old_log_probs)
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip_ratio, 1 + clip_ratio) * advantage)


def kl_term(log_probs: Tensor, reference: Tensor) -> Tensor:
    """Return π_ref/π - log(π_ref/π) - 1, elementwise: for x drawn from π its mean is KL(π || π_ref), never below 0.

    Source: Shao et al. (2024), eq. 4; the estimator is Schulman's (2020).
    """
    log_ratio = reference - log_probs
    return torch.exp(log_ratio) - log_ratio - 1


@dataclass(frozen=True)
class Round:
    """What one round of drawing showed, before it was learnt from.

    Attributes:
        reward: mean over the sequences, in the reward's own unit.
        kl: mean of log π(x) - log π_ref(x), nats a sequence.
        unique: share of different sequences.
        length: mean number of tokens drawn, the end included.
    """

    reward: float
    kl: float
    unique: float
    length: float


@dataclass(frozen=True)
class _Episode:
    """What was drawn: rows as ``SequenceModel.pad`` makes them, and what is needed to learn from them again."""

    tokens: Tensor
    lengths: Tensor
    drawn: Tensor  # bool (n, T): what the policy chose, prompt and padding excluded
    log_probs: Tensor  # (n, T) of the policy that drew them
    reference: Tensor  # (n, T)
    advantage: Tensor  # (n,)


class PolicyGradient(nn.Module):
    """A policy, its reward, and the loss whose descent raises the reward; :func:`learn` trains it.

    Args:
        policy: fitted; it is changed in place. A copy of it as it is now becomes the reference.
        reward: called with the sequences of each group.
        baseline: see :func:`advantages`.
        kl: β, in units of reward a nat; 0 lets the policy go wherever the reward leads.
        penalty: "reward" takes β log π/π_ref off each reward, whose gradient is exact in the mean; "loss" adds β times
            :func:`kl_term` of each token to the loss, as GRPO does.
        prompts: how sequences begin; as many groups are drawn a round, each compared within itself.
        max_length: tokens drawn at most.
        reuse: steps that are made with what one round has drawn; from the second on, ratios are clipped.

    Attributes:
        rounds: what each round showed.

    Ratios, clip and penalty in the loss count token by token. A sequence's terms are summed and not divided by its
    length, as the policy gradient has it; GRPO as published takes their mean, which makes a long mistake a cheap one.

    Raises:
        ValueError: if an argument is out of range.
        NotFittedError: if the policy is not fitted.
    """

    @options.known
    def __init__(
        self,
        policy: SequenceModel,
        reward: Reward,
        *,
        baseline: Baseline = "leave-one-out",
        kl: float = 0.0,
        penalty: Penalty = "reward",
        prompts: Sequence[str | tuple[str, ...]] = ("",),
        max_length: int = 100,
        reuse: int = 1,
    ) -> None:
        super().__init__()
        policy.require_fitted()
        one_of("baseline", baseline, get_args(Baseline))
        one_of("penalty", penalty, get_args(Penalty))
        self.policy, self.reward = policy, reward
        self.reference = copy.deepcopy(policy).requires_grad_(False)
        self.baseline, self.penalty, self.prompts = baseline, penalty, several("prompts", prompts)
        whole("the number of prompts", len(self.prompts), least=1)
        self.kl, self.reuse = number("kl", kl, least=0), whole("reuse", reuse, least=1)
        self.max_length = whole("max_length", max_length, least=1)
        self.rounds: list[Round] = []
        self._episode: _Episode | None = None
        self._steps = 0

    def train(self, mode: bool = True) -> Self:
        """Set the mode of this module only: a policy with dropout would not be the one that drew the sequences."""
        self.training = mode
        self.policy.eval()
        self.reference.eval()
        return self

    def loss(self, rows: Tensor) -> Tensor:
        """Draw as many sequences as there are rows, or take those drawn last once more; return what is to be lowered.

        Its gradient is that of -J, estimated from the sequences.
        """
        if self._episode is None or self._steps % self.reuse == 0:
            self._episode, log_probs = self._draw(len(rows))
        else:
            log_probs = self.policy.token_log_probs(self._episode.tokens, self._episode.lengths)
        self._steps += 1
        episode = self._episode
        gain = clipped_surrogate(log_probs, episode.log_probs, episode.advantage[:, None], CLIP_RATIO)
        if self.penalty == "loss":
            gain = gain - self.kl * kl_term(log_probs, episode.reference)
        return -(gain * episode.drawn).sum(dim=1).mean()

    def _draw(self, n: int) -> tuple[_Episode, Tensor]:
        """Return what was drawn, and the policy's log-probabilities of it with their gradient."""
        size, left = divmod(n, len(self.prompts))
        if left or size < 1:
            raise ValueError(f"batch_size must be a multiple of the {len(self.prompts)} prompts, got {n}")
        seed = int(torch.randint(2**62, ()))  # follows from the loop's own seed
        generator = torch.Generator().manual_seed(seed)
        groups = [
            self.policy.sample_tokens(size, generator=generator, max_length=self.max_length, prompt=prompt)
            for prompt in self.prompts
        ]
        width = max(tokens.shape[1] for tokens, _ in groups)
        tokens = torch.cat([nn.functional.pad(tokens, (0, width - tokens.shape[1])) for tokens, _ in groups])
        lengths = torch.cat([lengths for _, lengths in groups])
        given = torch.tensor([len(prompt) for prompt in self.prompts], device=tokens.device).repeat_interleave(size)
        drawn = mask_of(lengths, width - 1) & ~mask_of(given, width - 1)

        sequences = self.policy.unpad(tokens, lengths)
        rewards = self._rewards(sequences).to(tokens.device)
        log_probs = self.policy.token_log_probs(tokens, lengths)
        old, reference = log_probs.detach(), self.reference.token_log_probs(tokens, lengths)
        log_ratio = ((old - reference) * drawn).sum(dim=1)
        self.rounds.append(
            Round(
                reward=float(rewards.mean()),
                kl=float(log_ratio.mean()),
                unique=len(set(sequences)) / n,
                length=float(drawn.sum(dim=1).float().mean()),
            )
        )
        penalised = rewards - self.kl * log_ratio if self.penalty == "reward" else rewards
        advantage = advantages(penalised.reshape(-1, size), self.baseline).reshape(n)
        return _Episode(tokens, lengths, drawn, old, reference, advantage), log_probs

    def _rewards(self, sequences: Any) -> Tensor:
        rewards = np.asarray(self.reward(sequences), dtype=np.float64)
        if rewards.shape != (len(sequences),):
            raise ValueError(
                f"the reward must give {len(sequences)} numbers, one a sequence, got shape {rewards.shape}"
            )
        if not np.isfinite(rewards).all():
            index = int(np.argmin(np.isfinite(rewards)))
            raise ValueError(
                f"the reward of sequence {index}, {sequences[index]!r}, is {rewards[index]}; "
                "every sequence needs a finite number"
            )
        return torch.from_numpy(rewards).float()


def learn(
    objective: PolicyGradient,
    *,
    rounds: int,
    batch_size: int = 64,
    lr: float = 1e-4,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> training.History:
    """Let the policy draw, be rewarded and learn, so many times; ``objective.rounds`` then says how it went.

    Args:
        objective: what is trained.
        rounds: how often new sequences are drawn.
        batch_size: sequences a round, over all prompts.
        lr: learning rate of Adam; a tenth of what the model was trained with is a good beginning.
        seed: decides what is drawn.
        device: "auto", "cpu", "cuda" or "mps".
        progress: show a bar.

    Raises:
        ValueError: if a reward is not finite, or ``batch_size`` does not fit the prompts.
        DivergedError: if the loss or the weights become NaN.
    """
    whole("rounds", rounds, least=1)
    whole("batch_size", batch_size, least=1)
    places = torch.arange(batch_size * objective.reuse)  # nothing is learnt from them: a round draws its own data
    options: dict[str, Any] = {"lr": lr, "seed": seed, "device": device, "progress": progress}
    return training.train(objective, places, epochs=rounds, batch_size=batch_size, **options)
