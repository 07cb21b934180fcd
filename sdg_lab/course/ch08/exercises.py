"""Chapter 08: what its notebook's header says, and its exercises.

Expected values come from closed forms, from PyTorch's own gradient of an enumerated mean, and from numpy; the usual
mistakes are tried on the same numbers, so that a refusal can name the one that was made.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sdg_lab import data
from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.models.policy import advantages, clipped_surrogate
from sdg_lab.models.transformer import GPT
from sdg_lab.training.schedules import cosine

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


MOST_SYMBOLS = 60
"""Molecules with longer names, one in twenty, are left out: they would make every batch several times as wide."""


def train_molecules() -> GPT:
    """Train the policy of section 6 by likelihood, on molecules of up to 60 symbols: 140 CPU seconds."""
    molecules = data.molecules()
    train, validation = (
        [s for s in part if len(s) <= MOST_SYMBOLS] for part in (molecules.train, molecules.validation)
    )
    model = GPT(
        context=MOST_SYMBOLS + 4,
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


def _numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Exercise: the gradient of a bandit.


def bandit_gradient(theta: Tensor, rewards: Tensor) -> Tensor:
    """Return ∂J/∂θ of J = Σ_a π_a r_a with π = softmax(θ): π_k (r_k - J), shape (levers,)."""
    pi = torch.softmax(theta, dim=0)
    return pi * (rewards - (pi * rewards).sum())


def _check_bandit(answer: Answer) -> None:
    for levers in (2, 5):
        theta, rewards = _numbers(levers, seed=levers), 3 * _numbers(levers, seed=10 + levers)
        leaf = theta.clone().requires_grad_()
        (want,) = torch.autograd.grad((torch.softmax(leaf, 0) * rewards).sum(), leaf)
        pi = torch.softmax(theta, 0)
        mean = (pi * rewards).sum()
        mistakes = {
            "the mean reward J is not taken off: r_k - J": pi * rewards,
            "J must be the mean under π, not the plain mean of the rewards": pi * (rewards - rewards.mean()),
            "the factor π_k is missing: a lever that is never pulled teaches nothing": rewards - mean,
            "the sign is turned: this gradient points to more reward": -want,
            "θ is not a distribution: take its softmax first": theta * (rewards - (theta * rewards).sum()),
        }
        what = f"the gradient for {levers} levers"
        got = answer(theta, rewards)
        name_the_mistake(got, want, mistakes, what=what)
        expect_close(got, want, what=what)


def _bandit_without_mean(theta: Tensor, rewards: Tensor) -> Tensor:
    return torch.softmax(theta, 0) * rewards


def _bandit_plain_mean(theta: Tensor, rewards: Tensor) -> Tensor:
    return torch.softmax(theta, 0) * (rewards - rewards.mean())


def _bandit_without_pi(theta: Tensor, rewards: Tensor) -> Tensor:
    return rewards - (torch.softmax(theta, 0) * rewards).sum()


def _bandit_down(theta: Tensor, rewards: Tensor) -> Tensor:
    return -bandit_gradient(theta, rewards)


# Exercise: a loss whose gradient is the policy gradient.


def policy_loss(log_probs: Tensor, rewards: Tensor) -> Tensor:
    """Return -mean of (r_i - mean of the other rewards) log π(x_i): descending it climbs the mean reward."""
    return -(advantages(rewards[None], "leave-one-out")[0] * log_probs).mean()


def _check_policy_loss(answer: Answer) -> None:
    for n in (6, 3):
        log_probs, rewards = -_numbers(n, seed=n).abs() - 1, 2 * _numbers(n, seed=20 + n) + 5
        others = (rewards.sum() - rewards) / (n - 1)
        want = -((rewards - others) * log_probs).mean()
        got = answer(log_probs.clone().requires_grad_(), rewards)
        uprooted = "the loss carries no gradient: stay within torch, and do not detach log_probs"
        if isinstance(got, Tensor) and got.grad_fn is None:  # torch.tensor(…, requires_grad=True) has none either
            raise Wrong(uprooted)
        what = f"the loss of {n} sequences"
        name_the_mistake(got, want, _mistaken_losses(log_probs, rewards), what=what)
        expect_close(got, want, what=what)
        if not isinstance(got, Tensor):
            raise Wrong(uprooted)
    equal = torch.full((n,), 7.0, dtype=torch.float64)
    expect_close(answer(log_probs, equal), 0.0, what="the loss when all rewards are equal", atol=1e-12)


def _mistaken_losses(log_probs: Tensor, rewards: Tensor) -> dict[str, Tensor]:
    n = len(rewards)
    others = (rewards.sum() - rewards) / (n - 1)
    gain, centred = (rewards - others) * log_probs, rewards - rewards.mean()
    return {
        "the sign is turned: an optimiser descends, so the loss is minus what is to grow": gain.mean(),
        "there is no baseline: take the mean of the other rewards off each reward": -(rewards * log_probs).mean(),
        "the baseline holds the sequence's own reward; take the mean of the *others*": -(centred * log_probs).mean(),
        "the others are n - 1, so their sum is divided by n - 1": -(
            (rewards - (rewards.sum() - rewards) / n) * log_probs
        ).mean(),
        "a sum over the sequences; take the mean, or the step grows with the batch": -gain.sum(),
        "π in place of log π: the score function is ∇ log π": -((rewards - others) * log_probs.exp()).mean(),
        "divided by the rewards' spread, which is not asked for here": -(centred / rewards.std() * log_probs).mean(),
        "one number a sequence; take their mean": -gain,
    }


def _loss_up(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return -policy_loss(log_probs, rewards)


def _loss_without_baseline(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return -(rewards * log_probs).mean()


def _loss_of_probabilities(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return policy_loss(log_probs.exp(), rewards)


def _loss_with_own_reward(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return -((rewards - rewards.mean()) * log_probs).mean()


def _loss_over_n(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return -((rewards - (rewards.sum() - rewards) / len(rewards)) * log_probs).mean()


def _loss_summed(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return policy_loss(log_probs, rewards) * len(rewards)


def _loss_as_a_number(log_probs: Tensor, rewards: Tensor) -> float:
    return policy_loss(log_probs, rewards).item()


def _loss_replanted(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return torch.tensor(policy_loss(log_probs, rewards).item(), dtype=torch.float64, requires_grad=True)


def _loss_detached(log_probs: Tensor, rewards: Tensor) -> Tensor:
    return policy_loss(log_probs.detach(), rewards)


# Exercise: the reward that remembers where the policy came from.


def penalised_rewards(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return r - β (log π(x) - log π_ref(x)) of each sequence, (n,), a number without gradient."""
    return rewards - beta * (log_probs - reference).detach()


def _check_penalty(answer: Answer) -> None:
    rewards, log_probs, reference = (_numbers(5, seed=s) for s in (3, 4, 5))
    for beta in (0.5, 0.0):
        leaf = log_probs.clone().requires_grad_()
        got = answer(rewards, leaf, reference, beta)
        want = rewards - beta * (log_probs - reference)
        mistakes = {
            "the sign is turned: going away from the reference must cost": rewards + beta * (log_probs - reference),
            "β is missing": rewards - (log_probs - reference),
            "the ratio itself; take its logarithm, the difference of the log-probabilities": rewards
            - beta * (log_probs - reference).exp(),
            "the distance is squared; the penalty is the log-ratio itself, whose mean is the KL": rewards
            - beta * (log_probs - reference).square(),
            "the reference's log-probability alone": rewards - beta * reference,
            "the policy's log-probability alone: going away from the reference is what costs": rewards
            - beta * log_probs,
            "the absolute value; its mean is no KL, for a sequence that has become less likely pays less": rewards
            - beta * (log_probs - reference).abs(),
            "a difference of probabilities; the KL is the mean of a difference of their logarithms": rewards
            - beta * (log_probs.exp() - reference.exp()),
            "one mean for all; each sequence pays for itself": rewards - beta * (log_probs - reference).mean(),
        }
        name_the_mistake(got, want, mistakes, what=f"the rewards for β = {beta}")
        expect_close(got, want, what="the rewards", case=f"β = {beta}")
        if isinstance(got, Tensor) and got.requires_grad:
            raise Wrong("the rewards carry a gradient: a reward is a number, so detach the log-ratio")


def _penalty_turned(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return penalised_rewards(rewards, log_probs, reference, -beta)


def _penalty_of_the_ratio(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return rewards - beta * (log_probs - reference).exp().detach()


def _penalty_of_the_batch(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return rewards - beta * (log_probs - reference).mean().detach()


def _penalty_without_reference(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return rewards - beta * log_probs.detach()


def _penalty_absolute(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return rewards - beta * (log_probs - reference).abs().detach()


def _penalty_with_gradient(rewards: Tensor, log_probs: Tensor, reference: Tensor, beta: float) -> Tensor:
    return rewards - beta * (log_probs - reference)


# Exercise: advantages within a group.


def group_advantages(rewards: Tensor) -> Tensor:
    """Return (r - mean) / (standard deviation + 1e-6) within each row, (groups, size) -> same shape."""
    return advantages(rewards, "group")


def _check_group(answer: Answer) -> None:
    rewards = _numbers(3, 8, seed=6) * torch.tensor([[1.0], [10.0], [0.1]]) + torch.tensor([[0.0], [5.0], [-2.0]])
    x = rewards.numpy()
    want = torch.from_numpy((x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-6))
    got = answer(rewards)
    centred = rewards - rewards.mean(1, keepdim=True)
    mistakes = {
        "one mean for all groups: a hard prompt would look like bad answers": (rewards - rewards.mean())
        / (rewards.std(correction=0) + 1e-6),
        "groups are rows; you compared across them": (rewards - rewards.mean(0))
        / (rewards.std(0, correction=0) + 1e-6),
        "divided by the variance; take its root": centred / (rewards.var(1, keepdim=True, correction=0) + 1e-6),
        "not divided by the spread": centred,
        "the spread of a group divides by its size, not by size - 1 (correction=0)": centred
        / (rewards.std(1, keepdim=True) + 1e-6),
    }
    name_the_mistake(got, want, mistakes, what="the advantages")
    expect_close(got, want, what="the advantages", case="3 groups of 8", rtol=1e-4)
    equal = answer(torch.full((1, 4), 3.0, dtype=torch.float64))
    expect_close(equal, torch.zeros(1, 4), what="the advantages of a group of equal rewards (0 / 0 needs the 1e-6)")


def _group_over_all(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean()) / (rewards.std(correction=0) + 1e-6)


def _group_across(rewards: Tensor) -> Tensor:
    return advantages(rewards.T, "group").T


def _group_without_floor(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean(1, keepdim=True)) / rewards.std(1, keepdim=True, correction=0)


def _group_of_a_sample(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-6)


def _group_by_variance(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.var(1, keepdim=True, correction=0) + 1e-6)


# Exercise: how far one batch may carry.


def _check_clip(answer: Answer) -> None:
    old = torch.tensor([-1.0, -2.0, -0.5, -1.5, -3.0, -0.7], dtype=torch.float64)
    new = old + torch.tensor([0.5, -0.5, 0.5, -0.5, 0.05, -0.05], dtype=torch.float64)
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0, 2.0, -2.0], dtype=torch.float64)
    ratio, gain = np.exp((new - old).numpy()), advantage.numpy()
    for epsilon in (0.2, 0.1):
        want = torch.from_numpy(np.minimum(ratio * gain, np.clip(ratio, 1 - epsilon, 1 + epsilon) * gain))
        what = f"the surrogate for ε = {epsilon}"
        got = answer(new, old, advantage, epsilon)
        name_the_mistake(got, want, _mistaken_surrogates(new, old, advantage, epsilon), what=what)
        expect_close(got, want, what=what, case="ratios inside and outside of 1 ± ε")


def _mistaken_surrogates(new: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> dict[str, Tensor]:
    def smaller(ratio: Tensor) -> Tensor:
        return torch.minimum(ratio * advantage, ratio.clamp(1 - epsilon, 1 + epsilon) * advantage)

    ratio = (new - old).exp()
    cut = ratio.clamp(1 - epsilon, 1 + epsilon)
    return {
        "clipped always: a step that went wrong must still be undone, so take the smaller of both": cut * advantage,
        "the larger of both: the clip must make the gain smaller": torch.maximum(ratio * advantage, cut * advantage),
        "not clipped": ratio * advantage,
        "the ratio is turned: new over old": smaller(1 / ratio),
        "the policy that drew is not used: ρ is new over old": smaller(new.exp()),
        "a difference of log-probabilities is the logarithm of the ratio; take exp": smaller(new - old),
        "a quotient of log-probabilities is no ratio of probabilities: subtract, then take exp": smaller(new / old),
        "one number an action; take no mean": smaller(ratio).mean(),
        "the sign is turned: this is what is to grow, not the loss": -smaller(ratio),
    }


def _clip_always(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return torch.exp(log_probs - old).clamp(1 - epsilon, 1 + epsilon) * advantage


def _clip_never(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return torch.exp(log_probs - old) * advantage


def _clip_turned(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return clipped_surrogate(old, log_probs, advantage, epsilon)


def _clip_of_the_logarithms(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    ratio = log_probs / old
    return torch.minimum(ratio * advantage, ratio.clamp(1 - epsilon, 1 + epsilon) * advantage)


def _clip_without_old(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return clipped_surrogate(log_probs, torch.zeros_like(old), advantage, epsilon)


def _clip_as_loss(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return -clipped_surrogate(log_probs, old, advantage, epsilon)


def _clip_by_habit(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    return clipped_surrogate(log_probs, old, advantage, 0.2)


def _clip_larger(log_probs: Tensor, old: Tensor, advantage: Tensor, epsilon: float) -> Tensor:
    ratio = torch.exp(log_probs - old)
    return torch.maximum(ratio * advantage, ratio.clamp(1 - epsilon, 1 + epsilon) * advantage)


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
        check=_check_bandit,
        wrong=(
            WrongAnswer("forgets to take the mean reward off", _bandit_without_mean, says="J is not taken off"),
            WrongAnswer("takes the unweighted mean of the rewards", _bandit_plain_mean, says="mean under π"),
            WrongAnswer("forgets how often each lever is pulled", _bandit_without_pi, says="factor π_k is missing"),
            WrongAnswer("points downhill", _bandit_down, says="sign is turned"),
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
            "Each sequence pays for itself: the result has one number a sequence.",
            "A reward is a number: .detach() what came out of the network.",
        ),
        reference=penalised_rewards,
        check=_check_penalty,
        wrong=(
            WrongAnswer("pays for going away", _penalty_turned, says="going away from the reference must cost"),
            WrongAnswer("uses the ratio itself", _penalty_of_the_ratio, says="take its logarithm"),
            WrongAnswer("takes the mean over the batch", _penalty_of_the_batch, says="each sequence pays for itself"),
            WrongAnswer("forgets the reference", _penalty_without_reference, says="log-probability alone"),
            WrongAnswer("makes every distance positive", _penalty_absolute, says="the absolute value"),
            WrongAnswer("lets the gradient flow through", _penalty_with_gradient, says="detach the log-ratio"),
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
        check=_check_policy_loss,
        wrong=(
            WrongAnswer("gives the gain to an optimiser that descends", _loss_up, says="optimiser descends"),
            WrongAnswer("uses no baseline", _loss_without_baseline, says="no baseline"),
            WrongAnswer("weighs probabilities, not their logarithms", _loss_of_probabilities, says="∇ log π"),
            WrongAnswer("takes the mean of all rewards", _loss_with_own_reward, says=r"mean of the \*others\*"),
            WrongAnswer("divides the sum of the others by n", _loss_over_n, says="n - 1"),
            WrongAnswer("sums over the batch", _loss_summed, says="grows with the batch"),
            WrongAnswer("returns a number", _loss_as_a_number, says="carries no gradient"),
            WrongAnswer("makes a new tensor of it", _loss_replanted, says="carries no gradient"),
            WrongAnswer("cuts the graph", _loss_detached, says="carries no gradient"),
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
        check=_check_group,
        wrong=(
            WrongAnswer("compares over all groups", _group_over_all, says="one mean for all groups"),
            WrongAnswer("compares down the columns", _group_across, says="groups are rows"),
            WrongAnswer("divides by zero where all are equal", _group_without_floor, says="equal rewards|not finite"),
            WrongAnswer("leaves std's correction as it is", _group_of_a_sample, says="correction=0"),
            WrongAnswer("divides by the variance", _group_by_variance, says="take its root"),
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
        reference=clipped_surrogate,
        check=_check_clip,
        wrong=(
            WrongAnswer("clips what went wrong as well", _clip_always, says="still be undone"),
            WrongAnswer("does not clip", _clip_never, says="not clipped"),
            WrongAnswer("divides old by new", _clip_turned, says="new over old"),
            WrongAnswer("takes the larger of both", _clip_larger, says="larger of both"),
            WrongAnswer("divides log-probabilities", _clip_of_the_logarithms, says="subtract, then take exp"),
            WrongAnswer("forgets the policy that drew", _clip_without_old, says="policy that drew is not used"),
            WrongAnswer("returns the loss", _clip_as_loss, says="what is to grow, not the loss"),
            WrongAnswer("types 0.2 for ε", _clip_by_habit, says="ε = 0.1"),
        ),
    ),
)
