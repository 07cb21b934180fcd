"""Chapter 08: its references against autograd, numpy, and the losses that the models use."""

import numpy as np
import pytest
import torch

from sdg_lab.course.ch08.exercises import bandit_gradient, clipped, group_advantages, penalised_rewards, policy_loss
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import verdict
from sdg_lab.models.policy.gradient import advantages, clipped_surrogate


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_closed_form_is_the_gradient_of_the_mean_reward() -> None:
    theta, rewards = _normal(6, seed=0).requires_grad_(), 3 * _normal(6, seed=1)
    (gradient,) = torch.autograd.grad((torch.softmax(theta, 0) * rewards).sum(), theta)
    torch.testing.assert_close(bandit_gradient(theta.detach(), rewards), gradient)


def test_the_penalty_s_mean_under_the_policy_is_the_kl() -> None:
    """Over all levers, weighted by π, the penalised rewards make J - β KL(π || π_ref)."""
    p, q = (torch.distributions.Categorical(logits=_normal(5, seed=seed)) for seed in (2, 3))
    rewards = _normal(5, seed=4)
    penalised = penalised_rewards(rewards, p.logits, q.logits, 0.7)
    torch.testing.assert_close(
        (p.probs * penalised).sum(), (p.probs * rewards).sum() - 0.7 * torch.distributions.kl_divergence(p, q)
    )


def test_the_loss_s_gradient_is_right_in_the_mean() -> None:
    """Over all pairs of pulls, weighted by their probability, descending the loss is climbing J."""
    theta, rewards = _normal(4, seed=5).requires_grad_(), _normal(4, seed=6)
    pi, log_pi = torch.softmax(theta, 0).detach(), torch.log_softmax(theta, 0)
    mean = sum(pi[a] * pi[b] * policy_loss(log_pi[[a, b]], rewards[[a, b]]) for a in range(4) for b in range(4))
    (gradient,) = torch.autograd.grad(mean, theta)
    torch.testing.assert_close(-gradient, bandit_gradient(theta.detach(), rewards))


def test_advantages_and_surrogate_are_those_of_numpy_and_of_the_library() -> None:
    rewards = 2 * _normal(3, 7, seed=7) + 1
    x = rewards.numpy()
    by_numpy = (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-6)
    torch.testing.assert_close(group_advantages(rewards), torch.from_numpy(by_numpy))
    torch.testing.assert_close(group_advantages(rewards), advantages(rewards, "group"))
    new, old, gain = (_normal(40, seed=seed) for seed in (8, 9, 10))
    ratio = np.exp((new - old).numpy())
    smaller = np.minimum(ratio * gain.numpy(), np.clip(ratio, 0.7, 1.3) * gain.numpy())
    torch.testing.assert_close(clipped(new, old, gain, 0.3), torch.from_numpy(smaller))
    torch.testing.assert_close(clipped(new, old, gain, 0.3), clipped_surrogate(new, old, gain, 0.3))


def _others_one_by_one(log_probs, rewards):
    n = len(rewards)
    others = [torch.cat([rewards[:i], rewards[i + 1 :]]).mean() for i in range(n)]
    return -torch.stack([(rewards[i] - others[i]) * log_probs[i] for i in range(n)]).mean()


def _others_by_a_matrix(log_probs, rewards):
    n = len(rewards)
    weights = (torch.ones(n, n) - torch.eye(n)).to(rewards.dtype) / (n - 1)
    return -((rewards - weights @ rewards) * log_probs).mean()


@pytest.mark.parametrize("answer", [_others_one_by_one, _others_by_a_matrix])
def test_rounding_of_terms_that_cancel_is_no_mistake(answer) -> None:
    for seed in range(10):
        result = verdict(registry.find("08.policy_loss"), answer, seed=seed)
        assert result.status == "passed", result


def test_advantages_are_not_clamped() -> None:
    def answer(log_probs, rewards):
        advantages = rewards - (rewards.sum() - rewards) / (len(rewards) - 1)
        return -(advantages.clamp(-10, 10) * log_probs).mean()

    for seed in range(10):
        assert "rewards that lie hundreds apart" in verdict(registry.find("08.policy_loss"), answer, seed=seed).message


def _clamped(theta, rewards):
    powers = theta.clamp(-50, 50).exp()
    pi = powers / powers.sum()
    return pi * (rewards - (pi * rewards).sum())


def _forward_mode(theta, rewards):
    units = torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([torch.func.jvp(lambda t: t.softmax(0) @ rewards, (theta,), (unit,))[1] for unit in units])


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("08.bandit", _clamped, "800, 799 and 797"),
        ("08.bandit", _forward_mode, "without jvp"),
        ("08.kl_penalty", lambda r, new, old, beta: r - beta * (new - old).detach().clamp(-10, 10), "±10"),
        ("08.group_advantages", lambda r: group_advantages(r).clamp(-2, 2), "±2"),
        ("08.clipped", lambda new, *rest: clipped(new.exp().log(), *rest), "very unlikely"),
    ],
)
def test_what_only_the_extremes_tell_is_refused_on_every_seed(key, answer, says) -> None:
    for seed in range(6):
        result = verdict(registry.find(key), answer, seed=seed)
        assert result.status == "failed"
        assert says in result.message
