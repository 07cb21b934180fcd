"""Chapter 03: its references against torch's distributions and layers."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from sdg_lab.course.ch03.exercises import conv_size, elbo, iwae, kl, reparameterise


def test_the_terms_of_the_bound_are_those_of_torch_distributions() -> None:
    torch.manual_seed(0)
    mean, log_variance, noise = torch.randn(3, 6, 5, dtype=torch.float64)
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(kl(mean, log_variance), kl_divergence(q, prior))
    z = reparameterise(mean, log_variance, noise)
    torch.testing.assert_close((z - q.mean) / q.stddev, noise)
    logits = torch.randn(6, 2, 3, 4, dtype=torch.float64)
    x = (torch.rand(6, 2, 3, 4) < 0.5).double()
    fit = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    torch.testing.assert_close(elbo(logits, x, mean, log_variance), fit - kl_divergence(q, prior))


def test_the_weighted_bound_is_the_logarithm_of_the_mean() -> None:
    log_weights = torch.randn(9, 4, dtype=torch.float64)
    torch.testing.assert_close(iwae(log_weights), log_weights.exp().mean(0).log())
    torch.testing.assert_close(iwae(log_weights - 2000), log_weights.exp().mean(0).log() - 2000)
    assert iwae(torch.full((3, 1), math.log(0.5))).item() == pytest.approx(math.log(0.5), rel=1e-5)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(28, 4, 2, 1), (9, 3, 2, 0), (10, 4, 3, 1), (7, 7, 1, 0)]
)
def test_the_size_is_that_of_torch_s_layer(size: int, kernel: int, stride: int, padding: int) -> None:
    layer = torch.nn.Conv2d(1, 1, kernel, stride, padding)
    assert conv_size(size, kernel, stride, padding) == layer(torch.zeros(1, 1, size, size)).shape[-1]
