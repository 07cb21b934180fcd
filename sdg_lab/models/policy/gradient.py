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

from sdg_lab import training
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.padding import mask_of

Reward = Callable[[Sequences], ArrayLike]
"""Says how good each sequence is: one finite number each, (n,)."""

Baseline = Literal["none", "mean", "leave-one-out", "group"]
Penalty = Literal["reward", "loss"]


def advantages(rewards: Tensor, baseline: Baseline) -> Tensor:
    """Return how much better each reward is than its group would let one expect, (groups, size) -> same shape.

    "none" leaves the rewards as they are. "mean" takes the group's mean off, which shrinks the gradient by 1/size;
    "leave-one-out" takes the mean of the others off and is unbiased (Kool et al. 2019). "group" divides what "mean"
    leaves by the group's standard deviation (Shao et al. 2024); a group of equal rewards teaches nothing.

    Raises:
        ValueError: for another baseline, or groups of one where the baseline needs company.
    """
    if baseline not in get_args(Baseline):
        raise ValueError(f"baseline must be one of {', '.join(get_args(Baseline))}, got {baseline!r}")
    if baseline == "none":
        return rewards
    size = rewards.shape[1]
    if size < 2:
        raise ValueError(f"baseline {baseline!r} compares the sequences of a group: groups must hold >= 2, got {size}")
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if baseline == "leave-one-out":
        return centred * (size / (size - 1))
    if baseline == "group":
        return centred / (rewards.std(dim=1, keepdim=True, correction=0) + 1e-6)
    return centred


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
        length: mean number of symbols drawn, the end included.
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
            :func:`kl_term` of each symbol to the loss, as GRPO does.
        prompts: how sequences begin; as many groups are drawn a round, each compared within itself.
        max_length: symbols drawn at most.
        reuse: steps that are made with what one round has drawn.
        clip_ratio: ε of :func:`clipped_surrogate`; it acts from the second step with the same sequences on.

    Attributes:
        rounds: what each round showed.

    Ratios, clip and penalty in the loss count symbol by symbol. A sequence's terms are summed and not divided by its
    length, as the policy gradient has it; GRPO as published takes their mean, which makes a long mistake a cheap one.

    Raises:
        ValueError: if an argument is out of range.
        NotFittedError: if the policy is not fitted.
    """

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
        clip_ratio: float = 0.2,
    ) -> None:
        super().__init__()
        policy.require_fitted()
        advantages(torch.zeros(1, 2), baseline)  # refuses an unknown one here, and not when training begins
        if penalty not in get_args(Penalty):
            raise ValueError(f"penalty must be one of {', '.join(get_args(Penalty))}, got {penalty!r}")
        if not kl >= 0:
            raise ValueError(f"kl must be >= 0, got {kl}")
        if not 0 < clip_ratio < 1:
            raise ValueError(f"clip_ratio must lie between 0 and 1, got {clip_ratio}")
        for name, whole in (("max_length", max_length), ("reuse", reuse), ("the number of prompts", len(prompts))):
            if whole < 1:
                raise ValueError(f"{name} must be >= 1, got {whole}")
        self.policy, self.reward = policy, reward
        self.reference = copy.deepcopy(policy).requires_grad_(False)
        self.baseline, self.kl, self.penalty = baseline, kl, penalty
        self.prompts, self.max_length = tuple(prompts), max_length
        self.reuse, self.clip_ratio = reuse, clip_ratio
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
        gain = clipped_surrogate(log_probs, episode.log_probs, episode.advantage[:, None], self.clip_ratio)
        if self.penalty == "loss":
            gain = gain - self.kl * kl_term(log_probs, episode.reference)
        return -(gain * episode.drawn).sum(dim=1).mean()

    def _draw(self, n: int) -> tuple[_Episode, Tensor]:
        """Return what was drawn, and the policy's log-probabilities of it with their gradient."""
        size, left = divmod(n, len(self.prompts))
        if left or size < 1:
            raise ValueError(f"batch_size must be a multiple of the {len(self.prompts)} prompts, got {n}")
        seed = int(torch.randint(2**62, ()))  # follows from the loop's own seed
        generator = torch.Generator(self.policy.device).manual_seed(seed)
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
    game: PolicyGradient,
    *,
    rounds: int,
    batch_size: int = 64,
    lr: float = 1e-4,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> training.History:
    """Let the policy draw, be rewarded and learn, so many times; ``game.rounds`` then says how it went.

    Args:
        game: what is trained.
        rounds: how often new sequences are drawn.
        batch_size: sequences a round, over all prompts.
        lr: learning rate of Adam; a tenth of what the model was trained with is a good beginning.
        seed: decides what is drawn.
        progress: show a bar.
        settings: others of :func:`sdg_lab.training.train`, e.g. ``clip``, ``schedule``, ``on_epoch``.

    Raises:
        ValueError: if a reward is not finite, or ``batch_size`` does not fit the prompts.
        DivergedError: if the loss or the weights become NaN.
    """
    places = torch.arange(batch_size * game.reuse)  # nothing is learnt from them: a round draws its own data
    return training.train(
        game, places, epochs=rounds, batch_size=batch_size, lr=lr, seed=seed, progress=progress, **settings
    )
