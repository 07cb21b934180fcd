"""The closed forms of a VAE, against torch.distributions, quadrature and enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sdg_lab.models.vae.likelihoods import (
    Bernoulli,
    Gaussian,
    kl_to_standard_normal,
    log_mean_exp,
    log_normal,
    reparameterise,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_kl_and_log_normal_agree_with_torch_distributions() -> None:
    mean, log_variance, z = normal(3, 50, 7)
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    kl = torch.distributions.kl_divergence(q, p).sum(-1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), kl)
    want = q.log_prob(z).sum(-1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(log_normal(z, mean, log_variance), want)


def test_reparameterised_gradients_are_those_of_the_closed_form() -> None:
    # E[z²] = mean² + σ², so its gradients are 2 mean and σ² with respect to mean and log σ².
    mean = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([-0.4], dtype=torch.float64, requires_grad=True)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    z = reparameterise(mean, log_variance, torch.from_numpy(nodes))
    (torch.from_numpy(weights / weights.sum()) * z.square()).sum().backward()  # type: ignore[no-untyped-call]
    assert mean.grad is not None
    assert log_variance.grad is not None
    assert mean.grad.item() == pytest.approx(2 * 0.7)
    assert log_variance.grad.item() == pytest.approx(math.exp(-0.4))


def test_the_logarithm_of_a_mean_is_taken_without_underflow() -> None:
    weights = normal(5, 3).exp()
    torch.testing.assert_close(log_mean_exp(weights.log()), weights.mean(0).log())
    torch.testing.assert_close(log_mean_exp(weights.log() - 5_000), weights.mean(0).log() - 5_000)


def test_bernoulli_gives_a_total_probability_of_one_over_all_binary_images() -> None:
    logits = torch.tensor([[[0.3, -1.2], [2.0, -0.1]]])
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).reshape(16, 1, 2, 2)
    probabilities = Bernoulli().log_prob(logits.expand(16, 1, 2, 2), every).exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)
    # The probability of ink in the first pixel is the mean that the likelihood names.
    assert probabilities[every[:, 0, 0, 0] == 1].sum().item() == pytest.approx(
        Bernoulli().mean(logits)[0, 0, 0].item(), abs=1e-5
    )


def test_bernoulli_binarises_greys_and_leaves_bits_alone() -> None:
    bits = torch.tensor([0.0, 1.0]).repeat(500)
    assert torch.equal(Bernoulli().observe(bits), bits)
    greys = torch.full((20_000,), 0.3)
    observed = Bernoulli().observe(greys, torch.Generator().manual_seed(0))
    assert set(observed.tolist()) == {0.0, 1.0}
    assert observed.mean().item() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 20_000))
    assert torch.equal(observed, Bernoulli().observe(greys, torch.Generator().manual_seed(0)))


def test_gaussian_likelihood_agrees_with_torch_distributions() -> None:
    likelihood = Gaussian()
    with torch.no_grad():
        likelihood.log_scale.fill_(-0.8)
    x, mean = torch.randn(2, 5, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    noise = torch.distributions.Normal(mean, math.exp(-0.8))
    want = noise.log_prob(x).sum((1, 2, 3))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(likelihood.log_prob(mean, x), want, rtol=1e-4, atol=1e-4)
    assert torch.equal(likelihood.observe(x), x)
    assert torch.equal(likelihood.mean(torch.tensor([-0.5, 0.25, 1.5])), torch.tensor([0.0, 0.25, 1.0]))
    likelihood.reset_parameters()
    assert likelihood.log_scale.item() == 0
