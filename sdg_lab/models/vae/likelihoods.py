"""What a variational autoencoder is made of: Gaussians in closed form, likelihoods of a picture, and networks.

Shapes: pictures (..., channels, height, width), latents (..., latent); all results are in nats, summed over the
dimensions of one example.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

Architecture = Literal["dense", "convolutional"]
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
    """Pixels are bits, tossed independently with the probabilities sigmoid(logits).

    A Bernoulli gives probabilities to 0 and 1 and none to the grays between them, so a gray picture is read as the
    probabilities of its bits and tossed anew each time that it is looked at (dynamic binarisation). Bits stay as they
    are, so the same rule holds in training and test.
    """

    def observe(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the bits of a picture, the same shape."""
        return torch.bernoulli(x, generator=generator)

    def log_prob(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return log p(x|z) in nats, summed over channels, height and width."""
        return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum((-3, -2, -1))

    def mean(self, logits: Tensor) -> Tensor:
        """Return E[x|z], a gray picture."""
        return torch.sigmoid(logits)


class Gaussian(nn.Module):
    """Gray values with normal noise of one learned standard deviation: a density, so its nats depend on the unit."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def reset_parameters(self) -> None:
        """Start from a standard deviation of 1, wider than any picture."""
        nn.init.zeros_(self.log_scale)

    def observe(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the picture itself: gray values are what this likelihood speaks of."""
        return x

    def log_prob(self, mean: Tensor, x: Tensor) -> Tensor:
        """Return log p(x|z) = log N(x; mean, σ² I) in nats, summed over channels, height and width."""
        squares = ((x - mean) / self.log_scale.exp()).square()
        return -(0.5 * squares + self.log_scale + 0.5 * LOG_2_PI).sum((-3, -2, -1))

    def mean(self, mean: Tensor) -> Tensor:
        """Return E[x|z], clipped to the range of a picture."""
        return mean.clamp(0, 1)


LIKELIHOODS: dict[str, type[Bernoulli] | type[Gaussian]] = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def build_networks(
    architecture: Architecture, shape: tuple[int, ...], hidden: tuple[int, ...], latent: int, classes: int
) -> tuple[nn.Sequential, nn.Sequential, nn.Sequential]:
    """Return three stacks of layers: picture to features, features to q(z|x), and latents to what p(x|z) is made of.

    The features are flat; the last two stacks expect ``classes`` indicators appended to their inputs.
    """
    if architecture == "convolutional":
        features, n_features, decoder = _convolutional(shape, hidden, latent + classes)
        head = _perceptron(n_features + classes, 2 * latent)
    else:  # every pixel is connected with every unit, so parameters grow with the number of pixels
        pixels = math.prod(shape)
        features, head = nn.Sequential(nn.Flatten()), _perceptron(pixels + classes, *hidden, 2 * latent)
        decoder = _perceptron(latent + classes, *reversed(hidden), pixels)
    return features, head, decoder


def _perceptron(*widths: int) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    layers = [layer for n_in, n_out in pairwise(widths) for layer in (nn.ReLU(), nn.Linear(n_in, n_out))]
    return nn.Sequential(*layers[1:])


def _convolutional(
    shape: tuple[int, ...], hidden: tuple[int, ...], n_inputs: int
) -> tuple[nn.Sequential, int, nn.Sequential]:
    """Each layer halves (or doubles) height and width with one small filter bank that is used at every place."""
    channels, height, width = shape
    small = (hidden[-1], height >> len(hidden), width >> len(hidden))
    encoder, decoder = nn.Sequential(), nn.Sequential()
    for few, many in pairwise((channels, *hidden)):
        encoder.extend([nn.Conv2d(few, many, kernel_size=4, stride=2, padding=1), nn.ReLU()])
    encoder.append(nn.Flatten())
    decoder.extend([nn.Linear(n_inputs, math.prod(small)), nn.Unflatten(1, small)])
    for many, few in pairwise((*reversed(hidden), channels)):
        decoder.extend([nn.ReLU(), nn.ConvTranspose2d(many, few, kernel_size=4, stride=2, padding=1)])
    return encoder, math.prod(small), decoder
