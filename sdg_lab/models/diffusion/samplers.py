"""From noise to data in many small steps: ancestral sampling and DDIM.

They know no network: each takes a function that denoises, and evaluates it once per step. So they can be run with the
exact x̂_0 of a distribution that is known (:mod:`sdg_lab.models.diffusion.mixture`), which is how they are tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Generator, Tensor

from sdg_lab.models.diffusion.noise import ddim_step, ddim_times, p_sample

Denoise = Callable[[Tensor, Tensor], Tensor]
"""(x_t (n, …), t int64 (n,)) -> the prediction x̂_0, like x_t."""


def ancestral(
    denoise: Denoise, noise: Tensor, alphas_bar: Tensor, generator: Generator | None = None
) -> Iterator[Tensor]:
    """Yield x_T = noise, x_{T-1}, …, x_0: T steps, each drawn from q(x_{t-1} | x_t, x̂_0) (DDPM, algorithm 2)."""
    x = noise
    yield x
    for t in range(len(alphas_bar) - 1, 0, -1):
        x = p_sample(denoise(x, at_time(x, t)), x, t, standard_normal(x, generator), alphas_bar)
        yield x


def ddim(
    denoise: Denoise,
    noise: Tensor,
    alphas_bar: Tensor,
    steps: int,
    *,
    eta: float = 0.0,
    generator: Generator | None = None,
) -> Iterator[Tensor]:
    """Yield x_T = noise and the ``steps`` states after it, the last of them x_0 (Song, Meng & Ermon 2021).

    With eta = 0 the noise fixes the whole trajectory; with eta = 1 and T steps this is ancestral sampling.

    Raises:
        ValueError: if steps is not in 1..T, or eta not in [0, 1].
    """
    x = noise
    yield x
    for t, s in pairwise(ddim_times(len(alphas_bar) - 1, steps)):
        fresh = standard_normal(x, generator) if eta > 0 else None
        x = ddim_step(denoise(x, at_time(x, t)), x, t, s, alphas_bar, eta=eta, noise=fresh)
        yield x


def at_time(x: Tensor, t: int) -> Tensor:
    """Return t for each row of ``x``, (n,)."""
    return torch.full((len(x),), t, device=x.device)


def standard_normal(x: Tensor, generator: Generator | None = None) -> Tensor:
    """Return noise of the shape of ``x``."""
    source = x.device if generator is None else generator.device  # one seed draws the same on every device
    return torch.randn(x.shape, generator=generator, device=source, dtype=x.dtype).to(x.device)
