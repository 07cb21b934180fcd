"""Ancestral sampling and DDIM, with the exact prediction of a known distribution in place of a network."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from sdg_lab.models.diffusion import noise
from sdg_lab.models.diffusion.mixture import GaussianMixture
from sdg_lab.models.diffusion.samplers import ancestral, ddim, standard_normal


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def last(states: list[Tensor]) -> Tensor:
    return states[-1]


def one_gaussian() -> GaussianMixture:
    return GaussianMixture(torch.ones(1).double(), torch.tensor([[0.7, -0.4]]).double(), torch.tensor([0.3]).double())


def ends_of_the_exact_chain(timesteps: int, mean: float, scale: float) -> tuple[float, float]:
    """Return mean and standard deviation of x_0 for data N(mean, scale²): each step is a linear map plus noise.

    E[x_0|x_t] = m + g (x_t - √ᾱ m) with g = √ᾱ s² / (ᾱ s² + 1 - ᾱ), put into DDPM's equation 7.
    """
    bars = [math.cos((t / timesteps + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(timesteps + 1)]
    betas = [min(1 - after / before, 0.999) for before, after in pairwise(bars)]
    table = [math.prod(1 - b for b in betas[:t]) for t in range(timesteps + 1)]
    m, v = 0.0, 1.0
    for t in range(timesteps, 0, -1):
        now, before, beta = table[t], table[t - 1], betas[t - 1]
        g = math.sqrt(now) * scale**2 / (now * scale**2 + 1 - now)
        of_x0, of_xt = math.sqrt(before) * beta / (1 - now), math.sqrt(1 - beta) * (1 - before) / (1 - now)
        slope = of_x0 * g + of_xt
        m = slope * m + of_x0 * (mean - g * math.sqrt(now) * mean)
        v = slope**2 * v + beta * (1 - before) / (1 - now)
    return m, math.sqrt(v)


def test_ancestral_sampling_recovers_a_gaussian() -> None:
    data, table, n = one_gaussian(), noise.cosine_schedule(200), 10_000
    states = list(ancestral(lambda x, t: data.denoise(x, t, table), normal(n, 2), table, generator(1)))
    assert len(states) == 201
    x = last(states)
    for pixel, mean in enumerate((0.7, -0.4)):
        m, s = ends_of_the_exact_chain(200, mean, 0.3)
        assert abs(x[:, pixel].mean().item() - m) < 5 * s / math.sqrt(n)
        assert abs(x[:, pixel].std().item() - s) < 5 * s / math.sqrt(2 * n)
        assert abs(m - mean) < 0.01  # the chain itself is near the data, with 200 steps
        assert abs(s - 0.3) < 0.02


def test_ddim_goes_to_the_quantile_that_it_came_from() -> None:
    # For a Gaussian the deterministic trajectory maps standard normal x_T to mean + scale x_T.
    data, start = one_gaussian(), normal(200, 2)
    want = data.means[0] + 0.3 * start
    errors = []
    for steps in (10, 40, 160):
        table = noise.cosine_schedule(640)
        x = last(list(ddim(lambda x, t, table=table: data.denoise(x, t, table), start, table, steps)))  # type: ignore[misc]
        errors.append((x - want).abs().max().item())
    assert errors[2] < 0.02
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_samples_of_a_ring_share_its_modes() -> None:
    ring, table, n = GaussianMixture.ring(), noise.cosine_schedule(100), 2_000
    x = last(list(ancestral(lambda x, t: ring.denoise(x, t, table), normal(n, 2), table, generator(1))))
    distance = (x[:, None] - ring.means).norm(dim=-1)
    share = torch.bincount(distance.argmin(1), minlength=8) / n
    assert share.min() > 0.125 - 5 * math.sqrt(0.125 * 0.875 / n)
    assert (distance.min(1).values < 4 * 0.1).double().mean() > 0.98


def test_ddim_with_all_its_noise_and_steps_is_ancestral_sampling() -> None:
    ring, table, start = GaussianMixture.ring(), noise.cosine_schedule(30), normal(50, 2)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        return ring.denoise(x, t, table)

    by_steps = list(ancestral(denoise, start, table, generator(4)))
    by_ddim = list(ddim(denoise, start, table, 30, eta=1.0, generator=generator(4)))
    for ours, theirs in zip(by_steps, by_ddim, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_ddim_draws_nothing_where_nothing_is_added() -> None:
    table, start, source = noise.cosine_schedule(30), normal(5, 2), generator(4)
    before = source.get_state()
    list(ddim(lambda x, t: 0 * x, start, table, 6, generator=source))
    assert torch.equal(source.get_state(), before)
    list(ddim(lambda x, t: 0 * x, start, table, 6, eta=0.01, generator=source))
    assert not torch.equal(source.get_state(), before)


def test_noise_is_like_what_it_is_added_to_with_or_without_a_generator() -> None:
    for dtype in (torch.float32, torch.float64):
        x = torch.zeros(3, 1, 2, dtype=dtype)
        seeded = standard_normal(x, generator(1))
        torch.testing.assert_close(seeded, torch.randn(3, 1, 2, generator=generator(1), dtype=dtype))
        torch.manual_seed(1)
        torch.testing.assert_close(standard_normal(x), seeded)
