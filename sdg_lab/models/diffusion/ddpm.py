"""Denoising diffusion: a network that takes noise away a little at a time, and makes pictures out of nothing else.

Ho, Jain & Abbeel (2020), DDPM; cosine schedule of Nichol & Dhariwal (2021); v-prediction of Salimans & Ho (2022); few
deterministic steps by DDIM (Song, Meng & Ermon 2021); classifier-free guidance (Ho & Salimans 2022). The mathematics is
in ``noise``, ``samplers`` and ``bound`` beside this file; here a network is put into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from sdg_lab.data.types import Images
from sdg_lab.models.diffusion import bound as diffusion_bound
from sdg_lab.models.diffusion.base import MOST_PICTURES, DenoisingModel, Walk
from sdg_lab.models.diffusion.bound import BoundTerms
from sdg_lab.models.diffusion.noise import (
    cosine_schedule,
    linear_schedule,
    q_sample,
    v_from,
    x0_from_epsilon,
    x0_from_v,
)
from sdg_lab.models.diffusion.samplers import ancestral, ddim

SCHEDULES = {"cosine": cosine_schedule, "linear": linear_schedule}
Prediction = Literal["v", "epsilon"]


class Diffusion(DenoisingModel):
    """A diffusion model of pictures, with or without a class label as a condition.

    Args:
        shape: of a picture: (channels, height, width).
        network: "mlp" for pictures of a few dozen pixels, "unet" for larger ones.
        widths: mlp: of the hidden layers; unet: channels at each resolution, multiples of 16.
        blocks: unet: residual blocks at each resolution, each way.
        fold: unet: side of the squares of pixels that become channels.
        timesteps: T.
        schedule: "cosine" or "linear".
        prediction: what the network is asked for: "v" or "epsilon".
        classes: number of classes if the label is told, None if not.
        unconditional: share of the training labels left out, so that guidance has something to move away from.
        levels: grey levels of the data: 256 for 8 bits, 17 for the 8×8 digits. Samples are rounded to them, and the
            bound is about their probabilities.

    Attributes:
        alphas_bar: the schedule, float64 (T+1,).
        history: how the last ``fit`` went; None for a model that was loaded.
        trained: what of it is saved with the model: seconds, cpu_seconds, epochs, steps.

    Raises:
        ValueError: for arguments out of range, and for sizes that the U-Net cannot halve.
    """

    own_options = ("timesteps", "schedule", "prediction")

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        timesteps: int = 200,
        schedule: str = "cosine",
        prediction: Prediction = "v",
        **shared: Any,
    ) -> None:
        super().__init__(shape, **shared)
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
        if prediction not in ("v", "epsilon"):
            raise ValueError(f"prediction must be v or epsilon, got {prediction!r}")
        self.timesteps, self.schedule, self.prediction = timesteps, schedule, prediction
        self.alphas_bar = SCHEDULES[schedule](timesteps)  # no buffer: some devices have no float64

    # Stage 1: the network, asked once.

    def loss(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the mean squared error a pixel of the prediction, at a random t for each picture.

        DDPM's simple loss (equation 14), or the same for v. It weighs the terms of the bound anew: no nats.
        """
        x0, noise = 2 * x - 1, torch.randn_like(x)
        t = self._random_times(len(x)).to(x.device)
        xt = q_sample(x0, t, noise, self.alphas_bar)
        target = noise if self.prediction == "epsilon" else v_from(x0, noise, t, self.alphas_bar)
        return F.mse_loss(self.predict(xt, t, self.forget_some(y)), target)

    def predict(self, xt: Tensor, t: Tensor, y: Tensor | None = None, *, guidance: float = 1.0) -> Tensor:
        """Return the network's v (or ε), like x_t; without labels, that of the unconditional model."""
        return self.answer(xt, t.to(xt) / self.timesteps, y, guidance)

    def denoise(self, xt: Tensor, t: Tensor, y: Tensor | None = None, *, guidance: float = 1.0) -> Tensor:
        """Return the guess x̂_0, like x_t, clipped to [-1, 1], where every picture lies."""
        to_x0 = x0_from_epsilon if self.prediction == "epsilon" else x0_from_v
        return to_x0(self.predict(xt, t, y, guidance=guidance), xt, t, self.alphas_bar).clamp(-1, 1)

    # Stage 2: the model contract, on pictures.

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: int | ArrayLike | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        eta: float = 0.0,
    ) -> Images:
        """Draw pictures out of noise, rounded to the grey levels of the data.

        Args:
            n: number of pictures.
            seed: the same seed gives the same pictures.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are drawn with the
                training set's frequencies.
            steps: None for all T ancestral steps, or a number of DDIM steps; 10 to 50 are usual.
            guidance: 1 is the conditional model, 0 ignores the labels, more than 1 exaggerates what they say.
            eta: DDIM: 0 is deterministic, 1 as noisy as ancestral sampling.

        Raises:
            ValueError: for n < 1, steps out of range, guidance without classes, and labels that do not fit.
            NotFittedError: before ``fit``.
        """
        return self.draw(n, seed, labels, guidance, self._walk(guidance, steps, eta))

    def chain(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: int | ArrayLike | None = None,
        steps: int | None = None,
        guidance: float = 1.0,
        eta: float = 0.0,
    ) -> NDArray[np.float32]:
        """Return what :meth:`sample` goes through, (steps + 1, n, channels, height, width): noise first, picture last.

        The states are in the scale of x_t, where a picture lies in [-1, 1].
        """
        return self.trace(n, seed, labels, guidance, self._walk(guidance, steps, eta))

    def log_prob_bound(self, data: Images, *, seed: int = 0) -> NDArray[np.float64]:
        """Return the variational bound on log p(x[|y]) of the grey levels, (n,), nats; T looks at each picture.

        Args:
            data: pictures with ``levels`` grey levels.
            seed: of the noise; the same seed gives the same numbers.

        Raises:
            ValueError: for pixels between the levels, and for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        return self.bound_terms(data, seed=seed).log_prob_bound.numpy()

    @torch.no_grad()
    def bound_terms(self, data: Images, *, seed: int = 0) -> BoundTerms:
        """Return each term of the bound, in nats: prior (n,), kl (n, T-1) for t = 2…T, decoder (n,)."""
        self.require_fitted()
        x, *rest = self.batch(data)
        generator = torch.Generator().manual_seed(seed)
        parts = []
        for first in range(0, len(x), MOST_PICTURES):
            part = slice(first, first + MOST_PICTURES)
            y = rest[0][part] if rest else None

            def denoise(xt: Tensor, t: Tensor, y: Tensor | None = y) -> Tensor:
                """Ask the network on its own device; the terms themselves are computed in float64."""
                return self.denoise(xt.float().to(x.device), t.to(x.device), y).cpu().double()

            x0 = 2 * x[part].cpu().double() - 1
            parts.append(diffusion_bound.bound_terms(denoise, x0, self.alphas_bar, self.levels, generator))
        prior, kl, decoder = (torch.cat([getattr(p, name) for p in parts]) for name in ("prior", "kl", "decoder"))
        return BoundTerms(prior, kl, decoder)

    def _walk(self, guidance: float, steps: int | None, eta: float) -> Walk:
        """Return the way from noise to pictures: all steps of the ancestral sampler, or so many of DDIM."""

        def walk(noise: Tensor, y: Tensor | None, generator: Generator) -> Iterator[Tensor]:
            def denoise(xt: Tensor, t: Tensor) -> Tensor:
                return self.denoise(xt, t, y, guidance=guidance)

            if steps is None:
                return ancestral(denoise, noise, self.alphas_bar, generator)
            return ddim(denoise, noise, self.alphas_bar, steps, eta=eta, generator=generator)

        return walk

    def _random_times(self, n: int) -> Tensor:
        """Return t (n,), evenly spread over 1…T together, so that every batch sees all of the way.

        Row i of a batch gets the i-th stratum; the order of examples is random, so a picture sees every part of the
        way over the epochs. After Kingma et al. (2021), *Variational Diffusion Models*, whose sampler lets each row
        meet every stratum.
        """
        share = (torch.arange(n) + torch.rand(1)) / n
        return 1 + (share * self.timesteps).long().clamp(max=self.timesteps - 1)
