"""From noise to data in many small steps: ancestral sampling, DDIM, and the two solvers of flow matching.

They know no network: each takes a function that looks at noisy data. So they can be run with the exact answer of a
distribution that is known (:mod:`sdg_lab.models.diffusion.mixture`), which is how they are tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Generator, Tensor

from sdg_lab.models.diffusion.noise import ddim_step, ddim_times, p_sample

Denoise = Callable[[Tensor, Tensor], Tensor]
"""(x_t (n, …), t int64 (n,)) -> a guess of x_0, like x_t."""

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x (n, …), time float (n,)) -> dx/dtime, like x; time 0 is the data and time 1 the noise."""


def ancestral(
    denoise: Denoise, noise: Tensor, alphas_bar: Tensor, generator: Generator | None = None
) -> Iterator[Tensor]:
    """Yield x_T = noise, x_{T-1}, …, x_0: T steps, each drawn from q(x_{t-1} | x_t, x̂_0) (DDPM, algorithm 2)."""
    x = noise
    yield x
    for t in range(len(alphas_bar) - 1, 0, -1):
        x = p_sample(denoise(x, _times(x, t)), x, t, _normal(x, generator), alphas_bar)
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

    With eta = 0 the way is fixed by the noise it starts from; with eta = 1 and T steps this is ancestral sampling.

    Raises:
        ValueError: if steps is not in 1..T, or eta is negative.
    """
    x = noise
    yield x
    for t, s in pairwise(ddim_times(len(alphas_bar) - 1, steps)):
        fresh = _normal(x, generator) if eta > 0 else None
        x = ddim_step(denoise(x, _times(x, t)), x, t, s, alphas_bar, eta=eta, noise=fresh)
        yield x


def euler(velocity: Velocity, noise: Tensor, steps: int) -> Iterator[Tensor]:
    """Yield the states from time 1 (noise) to 0 (data) in equal steps along the tangent; one look a step.

    Raises:
        ValueError: for fewer than 1 step.
    """
    x = noise
    yield x
    for now, then in pairwise(_clock(steps)):
        x = x + (then - now) * velocity(x, _share(x, now))
        yield x


def heun(velocity: Velocity, noise: Tensor, steps: int) -> Iterator[Tensor]:
    """Yield the states as :func:`euler` does, along the mean of the tangents at both ends; two looks a step.

    Its error falls with the square of the step.

    Raises:
        ValueError: for fewer than 1 step.
    """
    x = noise
    yield x
    for now, then in pairwise(_clock(steps)):
        slope = velocity(x, _share(x, now))
        ahead = velocity(x + (then - now) * slope, _share(x, then))
        x = x + (then - now) * (slope + ahead) / 2
        yield x


def _clock(steps: int) -> list[float]:
    if steps < 1:
        raise ValueError(f"steps must be >= 1, got {steps}")
    return [1 - i / steps for i in range(steps + 1)]


def _times(x: Tensor, t: int) -> Tensor:
    return torch.full((len(x),), t, device=x.device)


def _share(x: Tensor, time: float) -> Tensor:
    return torch.full((len(x),), time, device=x.device, dtype=x.dtype)


def _normal(x: Tensor, generator: Generator | None) -> Tensor:
    source = x.device if generator is None else generator.device  # one seed draws the same on every device
    return torch.randn(x.shape, generator=generator, device=source, dtype=x.dtype).to(x.device)
