"""Chapter 08: what its notebook's header says, its exercises, and the weights that ship with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

if TYPE_CHECKING:
    from sdg_lab.models.transformer import GPT

CHAPTER = Chapter(
    number="08",
    title="Reinforcement learning",
    builds="The policy gradient, from five levers to a transformer that writes molecules with a wanted property: "
    "baseline, KL penalty, a judge as reward, group-relative advantages, and a reward that is cheated and mended.",
    read_first="Chapter 07: a model of sequences, its log-probability, and how it is sampled.",
    papers=(
        Paper(
            "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning",
            "Williams",
            1992,
            "https://doi.org/10.1007/BF00992696",
        ),
        Paper(
            "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient",
            "Yu et al.",
            2017,
            "https://arxiv.org/abs/1609.05473",
        ),
        Paper(
            "Molecular De Novo Design through Deep Reinforcement Learning",
            "Olivecrona et al.",
            2017,
            "https://arxiv.org/abs/1704.07555",
        ),
        Paper("Proximal Policy Optimization Algorithms", "Schulman et al.", 2017, "https://arxiv.org/abs/1707.06347"),
        Paper(
            "Fine-Tuning Language Models from Human Preferences",
            "Ziegler et al.",
            2019,
            "https://arxiv.org/abs/1909.08593",
        ),
        Paper(
            "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models",
            "Shao et al.",
            2024,
            "https://arxiv.org/abs/2402.03300",
        ),
    ),
)


MAX_TOKENS = 60
"""Molecules with longer names, one in twenty, are left out: they would make every batch several times as wide."""


def train_molecules() -> GPT:
    """Train the policy of section 6 by likelihood, on molecules of up to 60 tokens: 140 CPU seconds."""
    from sdg_lab import data
    from sdg_lab.models.transformer import GPT
    from sdg_lab.training.schedules import cosine

    molecules = data.molecules()
    train, validation = ([s for s in part if len(s) <= MAX_TOKENS] for part in (molecules.train, molecules.validation))
    model = GPT(
        context=MAX_TOKENS + 4,
        d_model=96,
        n_layers=3,
        n_heads=4,
        d_ff=256,
        positions="rotary",
        norm="rms",
        dropout=0.05,
    )
    return model.fit(
        train,
        validation=validation,
        epochs=12,
        batch_size=64,
        lr=5e-3,
        optimizer="muon",
        weight_decay=0.05,
        schedule=lambda share: max(0.02, min(1, 20 * share) * cosine(share)),
        progress=False,
    )


WEIGHTS = {"08-molecules": train_molecules}


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# The gradient of a bandit.


def bandit_gradient(theta: Tensor, rewards: Tensor) -> Tensor:
    """Return ∂J/∂θ of J = Σ_a π_a r_a with π = softmax(θ): π_k (r_k - J)."""
    pi = torch.softmax(theta, dim=0)
    return pi * (rewards - (pi * rewards).sum())


def _bandit_cases(rng: np.random.Generator) -> Iterator[Case]:
    for levers, scale in ((5, 3), (2, 1), (3, 10), (12, 2)):
        yield Case(_normal(rng, levers), scale * _normal(rng, levers) + 1)
    yield Case(_normal(rng, 7, dtype=torch.float32), _normal(rng, 7, dtype=torch.float32))
    yield Case(_normal(rng, 1), _normal(rng, 1), name="a single lever")
    yield Case(torch.tensor([800.0, 800.0, -800.0]).double(), _normal(rng, 3), name="θ of 800 and -800")
    for dtype in (torch.float64, torch.float32):
        theta = torch.tensor([800, 799, 797, 0, -800], dtype=dtype)
        yield Case(theta, _normal(rng, 5, dtype=dtype), name="θ of 800, 799 and 797, which differ")


def _bandit_as(gradient: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return an answer made of π, the rewards and J."""

    def answer(theta: Tensor, rewards: Tensor) -> Tensor:
        pi = torch.softmax(theta, dim=0)
        return gradient(pi, rewards, (pi * rewards).sum())

    return answer


def _overflowing(theta: Tensor, rewards: Tensor) -> Tensor:
    pi = theta.exp() / theta.exp().sum()
    return pi * (rewards - (pi * rewards).sum())


# The reward that remembers where the policy came from.


def penalised_rewards(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return r - β (log π(x) - log π_ref(x)), (n,), numbers without a gradient."""
    return rewards - beta * (log_probs - reference).detach()


def _penalty_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, beta, dtype in (
        (5, 0.5, torch.float64),
        (1, 0.1, torch.float64),
        (8, 1.7, torch.float64),
        (3, 0.03, torch.float64),
        (16, 4.0, torch.float32),
        (4, 0.0, torch.float64),
    ):
        log_probs, reference = (3 * _normal(rng, n, dtype=dtype) - 9 for _ in range(2))
        yield Case(_normal(rng, n, dtype=dtype), log_probs, reference, beta, name=f"{n} sequences and β = {beta:g}")
    for dtype in (torch.float64, torch.float32):
        log_probs = -(torch.tensor([12, 110, 130, 900], dtype=dtype) + _normal(rng, 4, dtype=dtype).abs())
        reference = log_probs + torch.tensor([-12, 0.5, -25, 40], dtype=dtype)
        yield Case(_normal(rng, 4, dtype=dtype), log_probs, reference, 0.5, name="long sequences, some far from π_ref")


def _penalty_as(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return rewards from which β times another distance is taken off."""
    return lambda rewards, log_probs, reference, beta: rewards - beta * distance(log_probs.detach(), reference.detach())


# A loss whose gradient is the policy gradient.


def policy_loss(log_probs: Tensor, rewards: Tensor) -> Tensor:
    """Return -mean of (r_i - mean of the other rewards) log π(x_i)."""
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return -((rewards - others) * log_probs).mean()


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, dtype in ((6, torch.float64), (2, torch.float64), (3, torch.float64), (33, torch.float32)):
        yield Case(-3 * _normal(rng, n, dtype=dtype).abs() - 1, 2 * _normal(rng, n, dtype=dtype) + 5)
    obeys = torch.zeros(8).double()
    obeys[rng.integers(8)] = 1
    yield Case(-_normal(rng, 8).abs() - 10, obeys, name="one sequence of 8 that is rewarded")
    yield Case(-_normal(rng, 4).abs() - 1, torch.full((4,), 7.0).double(), name="rewards that are all equal")
    yield Case(-_normal(rng, 5).abs() - 1, 300 * _normal(rng, 5), name="rewards that lie hundreds apart")


def _loss_as(advantage: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return the loss with another advantage."""
    return lambda log_probs, rewards: -(advantage(rewards) * log_probs).mean()


# Advantages within a group.


def group_advantages(rewards: Tensor) -> Tensor:
    """Return (r - mean) / (standard deviation + 1e-6) within each row."""
    mean = rewards.mean(dim=1, keepdim=True)
    return (rewards - mean) / (rewards.std(dim=1, keepdim=True, correction=0) + 1e-6)


def _group_cases(rng: np.random.Generator) -> Iterator[Case]:
    for groups, size in ((3, 8), (1, 5), (4, 4), (6, 2)):
        scale, shift = torch.as_tensor(10.0 ** rng.integers(-1, 2, (groups, 1))), 5 * _normal(rng, groups, 1)
        yield Case(scale * _normal(rng, groups, size) + shift)
    yield Case(_normal(rng, 5, 3, dtype=torch.float32))
    yield Case(1e-5 * _normal(rng, 3, 6), name="groups whose rewards hardly differ, by 0.00001")
    yield Case(torch.full((2, 4), 3.0).double(), name="groups of equal rewards")
    mixed = torch.as_tensor(rng.random((6, 5)) < 0.5, dtype=torch.float64)
    mixed[0], mixed[1] = 0, 1
    yield Case(mixed, name="rewards of 0 and 1, in two groups all equal")
    rare = torch.zeros(2, 32).double()
    rare[torch.arange(2), torch.as_tensor(rng.integers(0, 32, 2))] = torch.tensor([1.0, -2.0]).double()
    large = _normal(rng, 12, 8, dtype=torch.float32) / 2 + 10_000
    yield Case(large, name="rewards near 10,000 in single precision")
    yield Case(rare, name="one of 32 rewards that is far from all others")


def _group_as(spread: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return advantages with another divisor."""
    return lambda rewards: (rewards - rewards.mean(1, keepdim=True)) / spread(rewards)


def _deviation(rewards: Tensor) -> Tensor:
    return rewards.std(1, keepdim=True, correction=0)


# How far one batch may carry.


def clipped(log_probs: Tensor, old_log_probs: Tensor, advantage: Tensor, clip_ratio: float) -> Tensor:
    """Return min(ρ A, clip(ρ, 1 - ε, 1 + ε) A) with ρ = π/π_old."""
    ratio = torch.exp(log_probs - old_log_probs)
    near = ratio.clamp(1 - clip_ratio, 1 + clip_ratio)
    return torch.minimum(ratio * advantage, near * advantage)


def _clip_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, epsilon, spread, dtype in (
        ((12,), 0.2, 0.4, torch.float64),
        ((3, 5), 0.1, 0.2, torch.float64),
        ((1,), 0.3, 1.0, torch.float64),
        ((4, 7), 0.05, 0.1, torch.float32),
        ((2, 3, 4), 0.2, 0.5, torch.float64),
    ):
        old = -_normal(rng, *shape, dtype=dtype).abs() - 0.5
        new = old + spread * _normal(rng, *shape, dtype=dtype)
        yield Case(new, old, _normal(rng, *shape, dtype=dtype), epsilon, name=f"shape {shape}, ε = {epsilon}")
    old, steps = -_normal(rng, 6).abs() - 4, torch.tensor([0.5, -0.5, 0.5, -0.5, 0.05, -0.05]).double()
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0, 2.0, -2.0]).double()
    yield Case(old + steps, old, advantage, 0.2, name="ratios inside and outside of 1 ± ε, both signs of A")
    far = torch.tensor([3.0, -3.0, 3.0, -3.0]).double()
    yield Case(old[:4] + far, old[:4].clone(), advantage[:4].clone(), 0.2, name="ratios of 20 and 1/20")
    yield Case(old.clone(), old.clone(), _normal(rng, 6), 0.1, name="the first step, where ρ = 1")
    for dtype in (torch.float64, torch.float32):
        old = -(torch.tensor([25, 110, 130, 800], dtype=dtype) + _normal(rng, 4, dtype=dtype).abs())
        new = old + torch.tensor([0.5, -0.5, 0.125, -0.125], dtype=dtype)
        yield Case(new, old, _normal(rng, 4, dtype=dtype), 0.2, name="actions that were very unlikely")


def _clip_as(gain: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return an answer made of the ratio, the advantage and ε."""
    return lambda log_probs, old_log_probs, advantage, clip_ratio: gain(
        torch.exp(log_probs - old_log_probs), advantage, clip_ratio
    )


def _smaller(ratio: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return torch.minimum(ratio * advantage, _near(ratio, epsilon) * advantage)


def _near(ratio: Tensor, epsilon: float) -> Tensor:
    return ratio.clamp(1 - epsilon, 1 + epsilon)


def _dual(ratio: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    both = _smaller(ratio, advantage, epsilon)
    return torch.where(advantage < 0, torch.maximum(both, 3 * advantage), both)


def _straight_through(ratio: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return _smaller(ratio, advantage, epsilon).detach() + ratio * advantage - (ratio * advantage).detach()


EXERCISES = (
    Exercise(
        key="08.bandit",
        title="The gradient of a bandit",
        task="Return the gradient of the mean reward of a softmax policy, in closed form, without autograd.",
        points=2,
        minutes=15,
        hints=(
            "Write π_a = exp(θ_a) / Σ exp(θ_b), and differentiate Σ π_a r_a by θ_k.",
            "∂π_a/∂θ_k = π_a (1[a = k] - π_k).",
            "What is left is π_k (r_k - J), with J = Σ π_a r_a.",
        ),
        reference=bandit_gradient,
        cases=_bandit_cases,
        returns="the gradient",
        without=(
            *("autograd", "backward", "requires_grad", "requires_grad_", "grad", "grad_and_value", "optim"),
            *("jacobian", "jacrev", "jacfwd", "vjp", "jvp", "vhp", "hvp", "linearize", "forward_ad"),
        ),
        mistakes=(
            Mistake("The mean reward J is not taken off: r_k - J.", _bandit_as(lambda pi, r, mean: pi * r)),
            Mistake(
                "J is the mean under π, not the plain mean of the rewards.",
                _bandit_as(lambda pi, r, mean: pi * (r - r.mean())),
            ),
            Mistake(
                "The factor π_k is missing: a lever that is never pulled teaches nothing.",
                _bandit_as(lambda pi, r, mean: r - mean),
            ),
            Mistake(
                "The sign is wrong: the gradient points to more reward.",
                _bandit_as(lambda pi, r, mean: pi * (mean - r)),
            ),
            Mistake(
                "θ is not a distribution: take its softmax first.",
                lambda theta, rewards: theta * (rewards - (theta * rewards).sum()),
            ),
            Mistake(
                "That is J itself; its gradient has one number for each lever.",
                _bandit_as(lambda pi, r, mean: mean),
            ),
            Mistake(
                "That is ∂π_k/∂θ_k r_k alone: θ_k moves the probabilities of the other levers, too.",
                _bandit_as(lambda pi, r, mean: pi * (1 - pi) * r),
            ),
            Mistake("exp(θ) overflows where θ is large; take torch.softmax.", _overflowing),
        ),
    ),
    Exercise(
        key="08.kl_penalty",
        title="A penalty for going astray",
        task="Take β times the log-ratio to the reference policy off each reward.",
        points=2,
        minutes=10,
        hints=(
            "KL(π || π_ref) is the mean, over sequences of π, of log π(x) - log π_ref(x).",
            "Each sequence has a penalty of its own: the result has one number a sequence.",
            "A reward is a number: .detach() what came out of the network.",
        ),
        reference=penalised_rewards,
        cases=_penalty_cases,
        returns="the rewards",
        differentiable=("log_probs", "reference"),
        mistakes=(
            Mistake(
                "The sign is wrong: going away from the reference is what is penalised.",
                _penalty_as(lambda new, ref: ref - new),
            ),
            Mistake(
                "β is missing.",
                lambda rewards, log_probs, reference, beta: penalised_rewards(rewards, log_probs, reference, 1.0),
            ),
            Mistake(
                "That is the ratio itself; take its logarithm, the difference of the log-probabilities.",
                _penalty_as(lambda new, ref: (new - ref).exp()),
            ),
            Mistake(
                "The distance is squared; the penalty is the log-ratio itself, whose mean is the KL.",
                _penalty_as(lambda new, ref: (new - ref).square()),
            ),
            Mistake(
                "That is the reference's log-probability alone; the log-ratio is a difference.",
                _penalty_as(lambda new, ref: ref),
            ),
            Mistake(
                "That is the policy's log-probability alone: going away from the reference is what is penalised.",
                _penalty_as(lambda new, ref: new),
            ),
            Mistake(
                "The absolute value's mean is no KL: the log-ratio of a sequence that became less likely is negative.",
                _penalty_as(lambda new, ref: (new - ref).abs()),
            ),
            Mistake(
                "The log-ratio is cut at 0; it is negative for a sequence that has become less likely.",
                _penalty_as(lambda new, ref: (new - ref).clamp(min=0)),
            ),
            Mistake(
                "That is a difference of probabilities; the KL is the mean of a difference of their logarithms.",
                _penalty_as(lambda new, ref: new.exp() - ref.exp()),
            ),
            Mistake(
                "The log-ratio is cut at ±10; it is as large as it is.",
                _penalty_as(lambda new, ref: (new - ref).clamp(-10, 10)),
            ),
            Mistake(
                "exp of the log-probability of a long sequence is 0 in a computer: subtract the logarithms.",
                _penalty_as(lambda new, ref: (new.exp() / ref.exp()).log()),
            ),
            Mistake(
                "One mean is taken for all; each sequence has a penalty of its own.",
                _penalty_as(lambda new, ref: (new - ref).mean().expand(len(new))),
            ),
            Mistake(
                "A gradient flows through the rewards; a reward is a number, so detach the log-ratio.",
                lambda rewards, log_probs, reference, beta: rewards - beta * (log_probs - reference),
            ),
        ),
    ),
    Exercise(
        key="08.policy_loss",
        title="A loss for REINFORCE",
        task="Return the loss whose descent climbs the mean reward, with the mean of the other rewards as baseline.",
        points=3,
        minutes=15,
        hints=(
            "The gradient wanted is the mean of (reward - baseline) ∇ log π.",
            "The mean of the others is (rewards.sum() - rewards) / (n - 1).",
            "The optimiser descends: the loss is -((rewards - others) * log_probs).mean().",
        ),
        reference=policy_loss,
        cases=_loss_cases,
        returns="the loss",
        differentiable=("log_probs",),
        mistakes=(
            Mistake(
                "The sign is wrong: an optimiser descends, so the loss is minus what is to grow.",
                lambda log_probs, rewards: -policy_loss(log_probs, rewards),
            ),
            Mistake(
                "There is no baseline: take the mean of the other rewards off each reward.",
                _loss_as(lambda rewards: rewards),
            ),
            Mistake(
                "The baseline holds the sequence's own reward; take the mean of the *others*.",
                _loss_as(lambda rewards: rewards - rewards.mean()),
            ),
            Mistake(
                "The others are n - 1, so their sum is divided by n - 1.",
                _loss_as(lambda rewards: rewards - (rewards.sum() - rewards) / len(rewards)),
            ),
            Mistake(
                "That is a sum over the sequences; take the mean, or the step grows with the batch.",
                lambda log_probs, rewards: policy_loss(log_probs, rewards) * len(rewards),
            ),
            Mistake(
                "That takes π in place of log π: the score function is ∇ log π.",
                lambda log_probs, rewards: policy_loss(log_probs.exp(), rewards),
            ),
            Mistake(
                "The advantages are divided by the rewards' spread, which is not asked for here.",
                _loss_as(lambda rewards: (rewards - rewards.mean()) / (rewards.std() + 1e-6)),
            ),
            Mistake(
                "That is one number a sequence; take their mean.",
                lambda log_probs, rewards: -((rewards - (rewards.sum() - rewards) / (len(rewards) - 1)) * log_probs),
            ),
        ),
    ),
    Exercise(
        key="08.group_advantages",
        title="Advantages within a group",
        task="Return how many standard deviations each reward lies above the mean of its own group, a row.",
        points=2,
        minutes=10,
        hints=(
            "Each row is one prompt's group: mean and spread are taken along the row.",
            "keepdim=True keeps the shapes so that they can be subtracted.",
            "rewards.std(dim=1, keepdim=True, correction=0) + 1e-6 is what to divide by.",
        ),
        reference=group_advantages,
        cases=_group_cases,
        returns="the advantages",
        mistakes=(
            Mistake(
                "One mean serves all groups: a hard prompt would look like bad answers.",
                lambda rewards: (rewards - rewards.mean()) / (rewards.std(correction=0) + 1e-6),
            ),
            Mistake(
                "Groups are rows; you compared across them.",
                lambda rewards: group_advantages(rewards.T).T,
            ),
            Mistake("The variance divides; take its root.", _group_as(lambda r: _deviation(r).square() + 1e-6)),
            Mistake(
                "The advantages are not divided by the spread of their group.",
                _group_as(lambda r: torch.ones_like(r)),
            ),
            Mistake(
                "The spread of a group divides by its size, not by size - 1: correction=0.",
                _group_as(lambda r: r.std(1, keepdim=True) + 1e-6),
            ),
            Mistake(
                "A group of equal rewards divides 0 by 0: add 1e-6 to the standard deviation.",
                _group_as(_deviation),
            ),
            Mistake(
                "1e-6 is added to the standard deviation, after the root, not to the variance.",
                _group_as(lambda r: (_deviation(r).square() + 1e-6).sqrt()),
            ),
            Mistake(
                "1e-6 is added to every standard deviation, also where the rewards of a group differ.",
                _group_as(lambda r: _deviation(r).clamp(min=1e-6)),
            ),
            Mistake(
                "Mean of r² less squared mean may round to less than 0 where rewards are large: square the deviations.",
                _group_as(lambda r: (r.square().mean(1, keepdim=True) - r.mean(1, keepdim=True) ** 2).sqrt() + 1e-6),
            ),
            Mistake(
                "The advantages are cut at ±2; a rare reward lies further from the mean.",
                lambda rewards: group_advantages(rewards).clamp(-2, 2),
            ),
            Mistake(
                "1e-6 is added to the quotient; add it to what divides.",
                lambda rewards: (rewards - rewards.mean(1, keepdim=True)) / _deviation(rewards) + 1e-6,
            ),
        ),
    ),
    Exercise(
        key="08.clipped",
        title="How far one batch may carry",
        task="Return the clipped surrogate of PPO and GRPO, one number an action: this is what is to grow.",
        points=2,
        minutes=10,
        hints=(
            "ρ = π/π_old is the exponential of a difference.",
            "Two candidates: ρ A, and ρ kept within 1 ± ε, times A.",
            "Take the smaller: torch.minimum.",
        ),
        reference=clipped,
        cases=_clip_cases,
        returns="the surrogate",
        differentiable=("log_probs",),
        mistakes=(
            Mistake(
                "It is clipped always: a step that went wrong must still be undone, so take the smaller of both.",
                _clip_as(lambda ratio, gain, epsilon: _near(ratio, epsilon) * gain),
            ),
            Mistake(
                "That is the larger of both: the clip must make the gain smaller.",
                _clip_as(lambda ratio, gain, epsilon: torch.maximum(ratio * gain, _near(ratio, epsilon) * gain)),
            ),
            Mistake("It is not clipped.", _clip_as(lambda ratio, gain, epsilon: ratio * gain)),
            Mistake(
                "The ratio is upside down: it is new over old.",
                _clip_as(lambda ratio, gain, epsilon: _smaller(1 / ratio, gain, epsilon)),
            ),
            Mistake(
                "The policy that sampled is not used: ρ is new over old.",
                lambda new, old, advantage, epsilon: _smaller(new.exp(), advantage, epsilon),
            ),
            Mistake(
                "A difference of log-probabilities is the logarithm of the ratio; take exp.",
                lambda new, old, advantage, epsilon: _smaller(new - old, advantage, epsilon),
            ),
            Mistake(
                "exp of a very negative log-probability is 0 in a computer: subtract first, then take exp.",
                lambda new, old, advantage, epsilon: _smaller(new.exp() / old.exp(), advantage, epsilon),
            ),
            Mistake(
                "A quotient of log-probabilities is no ratio of probabilities: subtract, then take exp.",
                lambda new, old, advantage, epsilon: _smaller(new / old, advantage, epsilon),
            ),
            Mistake(
                "That is one mean; return one number an action.",
                lambda new, old, advantage, epsilon: clipped(new, old, advantage, epsilon).mean(),
            ),
            Mistake(
                "The sign is wrong: this is what is to grow, not the loss.",
                lambda new, old, advantage, epsilon: -clipped(new, old, advantage, epsilon),
            ),
            Mistake(
                "ε is an argument; 0.2 is only its usual value.",
                lambda new, old, advantage, epsilon: clipped(new, old, advantage, 0.2),
            ),
            Mistake(
                "The clip has one side only; ρ is kept above 1 - ε, too.",
                _clip_as(lambda ratio, gain, epsilon: torch.minimum(ratio * gain, ratio.clamp(max=1 + epsilon) * gain)),
            ),
            Mistake(
                "That is the dual clip, which bounds the loss of a bad action as well; here that stays unbounded.",
                _clip_as(_dual),
            ),
            Mistake(
                "The gradient goes past the clip; where ρ A was clipped, it must be 0.",
                _clip_as(_straight_through),
            ),
        ),
    ),
)
