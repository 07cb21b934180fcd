"""Chapter 08: its references against autograd, numpy, and the losses that the models use."""

import numpy as np
import torch

from sdg_lab.course.ch08.exercises import bandit_gradient, clipped, group_advantages, penalised_rewards, policy_loss
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
