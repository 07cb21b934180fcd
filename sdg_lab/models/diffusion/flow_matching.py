"""Flow matching: the same network, asked for the direction of a straight way from noise to picture.

Lipman et al., *Flow Matching for Generative Modeling* (2023); with these straight paths also Liu, Gong & Liu, *Flow
Straight and Fast* (2023), rectified flow. Time is counted as in diffusion: 0 is the picture and 1 the noise, so the
papers' time is one minus ours and their velocity is ours with its sign turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from sdg_lab.data.types import Images
from sdg_lab.models.diffusion.base import DenoisingModel, Walk
from sdg_lab.models.diffusion.samplers import euler, heun

SOLVERS = {"euler": euler, "heun": heun}
Solver = Literal["euler", "heun"]


def interpolate(x0: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Return (1 - time) x_0 + time · noise, for time (n,) in [0, 1] (Liu et al. 2023, equation 1)."""
    share = time.reshape(-1, *[1] * (x0.ndim - 1))
    return (1 - share) * x0 + share * noise


class FlowMatching(DenoisingModel):
    """A flow of pictures, with or without a class label as a condition.

    Args:
        shape: of a picture: (channels, height, width).
        network: "mlp" for pictures of a few dozen pixels, "unet" for larger ones.
        widths: mlp: of the hidden layers; unet: channels at each resolution, multiples of 16.
        blocks: unet: residual blocks at each resolution, each way.
        fold: unet: side of the squares of pixels that become channels.
        classes: number of classes if the label is told, None if not.
        unconditional: share of the training labels left out, so that guidance has something to move away from.
        levels: grey levels of the data; samples are rounded to them.

    Raises:
        ValueError: for arguments out of range, and for sizes that the U-Net cannot halve.
    """

    def loss(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the mean squared error a pixel of the velocity noise - x_0, at a uniform time for each picture."""
        x0, noise = 2 * x - 1, torch.randn_like(x)
        time = torch.rand(len(x), device=x.device)
        return F.mse_loss(self.velocity(interpolate(x0, noise, time), time, self.forget_some(y)), noise - x0)

    def velocity(self, x: Tensor, time: Tensor, y: Tensor | None = None, *, guidance: float = 1.0) -> Tensor:
        """Return dx/dtime at x (n, …) and time (n,), like x."""
        return self.answer(x, time, y, guidance)

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: int | ArrayLike | None = None,
        steps: int = 20,
        guidance: float = 1.0,
        solver: Solver = "heun",
    ) -> Images:
        """Follow the flow from noise to pictures, rounded to the grey levels of the data.

        Args:
            n: number of pictures.
            seed: the same seed gives the same pictures.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are drawn with the
                training set's frequencies.
            steps: equal steps of time; the network is asked once a step by "euler" and twice by "heun".
            guidance: 1 is the conditional model, 0 ignores the labels, more than 1 exaggerates what they say.
            solver: "heun" or "euler".

        Raises:
            ValueError: for n or steps < 1, guidance without classes, and labels that do not fit.
            NotFittedError: before ``fit``.
        """
        return self.draw(n, seed, labels, guidance, self._walk(guidance, steps, solver))

    def chain(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: int | ArrayLike | None = None,
        steps: int = 20,
        guidance: float = 1.0,
        solver: Solver = "heun",
    ) -> NDArray[np.float32]:
        """Return the states that :meth:`sample` goes through, (steps + 1, n, channels, height, width), noise first."""
        return self.trace(n, seed, labels, guidance, self._walk(guidance, steps, solver))

    def _walk(self, guidance: float, steps: int, solver: str) -> Walk:
        """Return the way from noise to pictures; nothing is drawn on it."""
        if solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, got {solver!r}")

        def walk(noise: Tensor, y: Tensor | None, _: Generator) -> Iterator[Tensor]:
            return SOLVERS[solver](lambda x, time: self.velocity(x, time, y, guidance=guidance), noise, steps)

        return walk
