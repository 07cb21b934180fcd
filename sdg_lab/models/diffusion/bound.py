"""The exact variational bound of a diffusion model: what its images' log-probability is at least, in nats.

DDPM (Ho et al. 2020), equation 5. With L the negative bound,

    L = KL(q(x_T | x_0) || N(0, I))  +  Σ_{t=2}^T KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))  -  log p(x_0 | x_1),

each term an expectation over q(x_t | x_0). All T terms are summed; none is sampled. The expectation over x_t is
estimated with one draw at each t, so the value of one image varies a little with the seed, without bias.

The first term is a closed form. In the others p has the variance β̃_t of the true posterior, so two Gaussians of equal
variance are compared. The last term is the probability of whole grey levels (equation 13), so the bound is one of a
probability, not of a density: its bits/dim mean bits per pixel, and no unit of the pixels enters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from sdg_lab.models.diffusion.noise import betas, posterior, q_sample
from sdg_lab.models.diffusion.samplers import Denoise, at_time, standard_normal


@dataclass(frozen=True, eq=False)
class BoundTerms:
    """The parts of the negative bound, all in nats and summed over the pixels.

    Attributes:
        prior: (n,): how far x_T is from pure noise.
        kl: (n, T-1): one column for each t = 2…T.
        decoder: (n,): -log p(x_0 | x_1).
    """

    prior: Tensor
    kl: Tensor
    decoder: Tensor

    @property
    def log_prob_bound(self) -> Tensor:
        """The bound on log p(x), (n,), nats."""
        return -(self.prior + self.kl.sum(dim=1) + self.decoder)


def bound_terms(
    denoise: Denoise, x0: Tensor, alphas_bar: Tensor, levels: int, generator: Generator | None = None
) -> BoundTerms:
    """Return every term of the bound for images x_0 (n, …) in [-1, 1], with one draw of x_t at each t.

    Args:
        denoise: predicts x_0 from (x_t, t); T function evaluations for each image.
        x0: grey levels -1, -1 + 2/(levels-1), …, 1.
        alphas_bar: (T+1,).
        levels: number of grey levels: 256 for 8 bits.
        generator: of the draws.

    Raises:
        ValueError: if a pixel is not one of the levels.
    """
    check_levels(x0, levels)
    timesteps = len(alphas_bar) - 1
    columns = []
    for t in range(timesteps, 1, -1):
        xt, x0_hat = _noise_and_denoise(denoise, x0, t, alphas_bar, generator)
        mean, log_variance = posterior(x0, xt, t, alphas_bar)
        ours, _ = posterior(x0_hat, xt, t, alphas_bar)
        columns.append(kl_of_equal_variance(mean, ours, log_variance))
    _, x0_hat = _noise_and_denoise(denoise, x0, 1, alphas_bar, generator)
    log_scale = 0.5 * betas(alphas_bar)[0].log()
    log_likelihood = discretised_log_prob(x0, x0_hat, log_scale.to(x0), levels)
    return BoundTerms(prior_kl(x0, alphas_bar), torch.stack(columns[::-1], dim=1), -_sum(log_likelihood))


def prior_kl(x0: Tensor, alphas_bar: Tensor) -> Tensor:
    """Return KL(q(x_T | x_0) || N(0, I)) = ½ Σ (ᾱ x_0² - ᾱ - log(1-ᾱ)), (n,), nats."""
    a = alphas_bar[-1].to(x0)
    return 0.5 * _sum(a * x0.square() - a - torch.log1p(-a))


def kl_of_equal_variance(mean: Tensor, other: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, σ² I) || N(other, σ² I)) = ½ Σ (mean - other)² / σ², (n,), nats."""
    return 0.5 * _sum((mean - other).square() * (-log_variance).exp())


def discretised_log_prob(x0: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """Return the log-probability of each pixel's grey level under N(mean, scale²), cut into bins; the shape of x_0.

    A bin reaches half-way to its neighbours, the first and the last to infinity, so the levels' probabilities sum to 1
    (DDPM, equation 13).
    """
    half, scale = 1 / (levels - 1), log_scale.exp()
    lower = torch.where(x0 < -1 + half, -torch.inf, (x0 - half - mean) / scale)
    upper = torch.where(x0 > 1 - half, torch.inf, (x0 + half - mean) / scale)
    # Φ(b) - Φ(a) = Φ(-a) - Φ(-b): taken in the lower tail, where small numbers are still told apart.
    mirrored = lower > 0
    low, high = torch.where(mirrored, -upper, lower), torch.where(mirrored, -lower, upper)
    log_low, log_high = torch.special.log_ndtr(low), torch.special.log_ndtr(high)
    log_probability: Tensor = log_high + torch.log1p(-(log_low - log_high).exp())
    return log_probability


def check_levels(x0: Tensor, levels: int) -> None:
    """Refuse images in [-1, 1] whose pixels are not among so many evenly spaced grey levels."""
    steps = (x0 + 1) * (levels - 1) / 2
    off = (steps - steps.round()).abs().flatten(1).amax(dim=1)
    if bool((off > 1e-3).any()):
        row = int(off.argmax())
        raise ValueError(
            f"image {row} has pixels between the {levels} grey levels: give the number that the data have "
            "(levels=17 for the 8×8 digits, 256 for 8 bits), or round the pixels"
        )


def _noise_and_denoise(
    denoise: Denoise, x0: Tensor, t: int, alphas_bar: Tensor, generator: Generator | None
) -> tuple[Tensor, Tensor]:
    xt = q_sample(x0, t, standard_normal(x0, generator), alphas_bar)
    return xt, denoise(xt, at_time(xt, t))


def _sum(each: Tensor) -> Tensor:
    return each.flatten(1).sum(dim=1)
