"""A mixture of Gaussians: the one data set on which a diffusion model's right answer is known at every noise level.

Gaussian noise added to a Gaussian mixture gives a Gaussian mixture. So its density, its score ∇ log p(x_t), the best
prediction of x_0 and the velocity of flow matching are closed forms, to compare a network or a sampler with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from sdg_lab.models.diffusion.noise import Steps


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Σ_k w_k N(μ_k, σ_k² I) in d dimensions.

    Attributes:
        weights: (k,), >= 0, sum 1.
        means: (k, d).
        scales: standard deviations (k,), > 0.

    Raises:
        ValueError: if the shapes do not fit, the weights are no distribution, or a scale is not positive.
    """

    weights: Tensor
    means: Tensor
    scales: Tensor

    def __post_init__(self) -> None:
        k = len(self.weights)
        if self.weights.shape != (k,) or self.scales.shape != (k,) or self.means.ndim != 2 or len(self.means) != k:
            raise ValueError(
                "weights (k,), means (k, d) and scales (k,) must have the same k components, got shapes "
                f"{tuple(self.weights.shape)}, {tuple(self.means.shape)} and {tuple(self.scales.shape)}"
            )
        if not bool((self.weights >= 0).all()) or not math.isclose(float(self.weights.sum()), 1, abs_tol=1e-6):
            raise ValueError(f"weights must be >= 0 and sum to 1, got {self.weights.tolist()}")
        if not bool((self.scales > 0).all()):
            raise ValueError(f"scales must be > 0, got {self.scales.tolist()}")

    @classmethod
    def ring(cls, modes: int = 8, *, radius: float = 2.0, scale: float = 0.1) -> Self:
        """Return equal components, evenly spread on a circle in the plane."""
        angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
        means = radius * torch.stack([angle.cos(), angle.sin()], dim=1)
        return cls(torch.full((modes,), 1 / modes, dtype=torch.float64), means, means.new_full((modes,), scale))

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Draw points, (n, d)."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return self.means[chosen] + self.scales[chosen, None] * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats, (n,)."""
        return self._log_joint(x).logsumexp(dim=1)

    def score(self, x: Tensor) -> Tensor:
        """Return ∇ log p(x), (n, d): where to go to find more of the data."""
        towards = (self.means - x[:, None]) / self.scales.square()[:, None]
        return (self.responsibilities(x)[..., None] * towards).sum(dim=1)

    def responsibilities(self, x: Tensor) -> Tensor:
        """Return p(component | x), (n, k)."""
        return self._log_joint(x).softmax(dim=1)

    def noisy(self, alpha_bar: float | Tensor) -> GaussianMixture:
        """Return the distribution of x_t = √ᾱ_t x_0 + √(1-ᾱ_t) ε."""
        a = torch.as_tensor(alpha_bar, dtype=self.means.dtype)
        return GaussianMixture(self.weights, a.sqrt() * self.means, (a * self.scales.square() + 1 - a).sqrt())

    def denoise(self, xt: Tensor, t: Steps, alphas_bar: Tensor) -> Tensor:
        """Return E[x_0 | x_t], (n, d), for one t: the prediction with the least squared error.

        By Tweedie's formula it is (x_t + (1-ᾱ_t) ∇ log p(x_t)) / √ᾱ_t.

        Raises:
            ValueError: if the rows have different t.
        """
        a = alphas_bar[_one(t, "t")]
        return (xt + (1 - a).to(xt) * self.noisy(a).score(xt)) / a.sqrt().to(xt)

    def velocity(self, x: Tensor, time: Tensor | float) -> Tensor:
        """Return E[ε - x_0 | (1-time) x_0 + time ε = x], (n, d), for one time in [0, 1]: flow matching's answer.

        Within a component both ends are Gaussian, so the expectations given x are linear in x.

        Raises:
            ValueError: if the rows have different times.
        """
        share = _one(time, "time").to(x)
        spread = ((1 - share) ** 2 * self.scales.square() + share**2).sqrt()
        moved = GaussianMixture(self.weights, (1 - share) * self.means, spread)
        gain = (share - (1 - share) * self.scales.square()) / spread.square()  # cov(ε - x_0, x) / var(x)
        each = gain[:, None] * (x[:, None] - moved.means) - self.means
        return (moved.responsibilities(x)[..., None] * each).sum(dim=1)

    def _log_joint(self, x: Tensor) -> Tensor:
        """Return log w_k + log N(x; μ_k, σ_k² I), (n, k)."""
        d = self.means.shape[1]
        squares = (x[:, None] - self.means).square().sum(dim=-1) / self.scales.square()
        return self.weights.log() - 0.5 * squares - d * (self.scales.log() + 0.5 * math.log(2 * math.pi))


def _one(values: Tensor | float, name: str) -> Tensor:
    """Return the one value that all rows share, or refuse them: each noise level is another mixture."""
    every = torch.as_tensor(values).reshape(-1)
    if bool((every != every[0]).any()):
        raise ValueError(f"{name} must be the same for all rows, got {float(every.min()):g} to {float(every.max()):g}")
    return every[0]
