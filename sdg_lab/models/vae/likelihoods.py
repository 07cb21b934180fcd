"""The distributions of a variational autoencoder: Gaussians in closed form, and the likelihoods of an image.

Shapes: images (..., channels, height, width), latents (..., latent); all results are in nats, summed over the
dimensions of one example.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

LOG_2_PI = math.log(2 * math.pi)


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return z = mean + σ · noise, a draw of N(mean, σ²) through which gradients reach mean and σ.

    Kingma & Welling (2014), section 2.4; σ = exp(log_variance / 2).
    """
    return mean + (0.5 * log_variance).exp() * noise


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, diag σ²), summed over the last dimension."""
    return -0.5 * (LOG_2_PI + log_variance + (z - mean).square() * (-log_variance).exp()).sum(-1)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, diag σ²) || N(0, I)) = ½ Σ (σ² + mean² - 1 - log σ²), summed over the last dimension.

    Kingma & Welling (2014), appendix B.
    """
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1)


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Return log (1/k) Σ exp(log_weights) over the first dimension, shape (k, n) -> (n,), without underflow.

    With log_weights = log p(x, z_i) - log q(z_i|x) it is the bound of Burda et al. (2016), equation 8.
    """
    return log_weights.logsumexp(dim=0) - math.log(len(log_weights))


class Bernoulli(nn.Module):
    """Pixels are bits, independent Bernoulli draws with the probabilities sigmoid(logits).

    A Bernoulli gives probabilities to 0 and 1 and none to the greys between them, so the pixels of a grey image are
    read as probabilities, and its bits are drawn anew at each step (dynamic binarisation). Bits stay as they are, so
    the same rule holds in training and test.
    """

    def observe(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the binarised image, the same shape."""
        return torch.bernoulli(x, generator=generator)

    def log_prob(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return log p(x|z) in nats, summed over channels, height and width."""
        return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum((-3, -2, -1))

    def mean(self, logits: Tensor) -> Tensor:
        """Return E[x|z], a grey image."""
        return torch.sigmoid(logits)


class Gaussian(nn.Module):
    """Grey values with normal noise of one learned standard deviation: a density, so its nats depend on the unit."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def reset_parameters(self) -> None:
        """Start from a standard deviation of 1, wider than the range of any pixel."""
        nn.init.zeros_(self.log_scale)

    def observe(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the image itself: this is a likelihood of grey values."""
        return x

    def log_prob(self, mean: Tensor, x: Tensor) -> Tensor:
        """Return log p(x|z) = log N(x; mean, σ² I) in nats, summed over channels, height and width."""
        squares = ((x - mean) / self.log_scale.exp()).square()
        return -(0.5 * squares + self.log_scale + 0.5 * LOG_2_PI).sum((-3, -2, -1))

    def mean(self, mean: Tensor) -> Tensor:
        """Return E[x|z], clipped to the range of a pixel."""
        return mean.clamp(0, 1)


LIKELIHOODS: dict[str, type[Bernoulli] | type[Gaussian]] = {"bernoulli": Bernoulli, "gaussian": Gaussian}
