"""Noise and its removal, against composed Gaussians, Bayes on a grid, and diffusers' schedulers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from sdg_lab.models.diffusion import noise

SCHEDULES = {"linear": noise.linear_schedule, "cosine": noise.cosine_schedule}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


# The schedules.


@pytest.mark.parametrize(("ours", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_schedules_of_a_thousand_steps_are_those_of_diffusers(ours: str, theirs: str) -> None:
    from diffusers.schedulers import DDPMScheduler

    peer = DDPMScheduler(1000, beta_start=1e-4, beta_end=0.02, beta_schedule=theirs)
    table = SCHEDULES[ours](1000)
    assert table.dtype == torch.float64
    assert table[0] == 1
    torch.testing.assert_close(table[1:].float(), peer.alphas_cumprod, rtol=2e-3, atol=1e-7)
    torch.testing.assert_close(noise.betas(table).float(), peer.betas, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("timesteps", [10, 50, 200, 1000])
def test_every_schedule_goes_from_the_image_to_noise(name: str, timesteps: int) -> None:
    table = SCHEDULES[name](timesteps)
    assert len(table) == timesteps + 1
    assert bool((table[1:] < table[:-1]).all())
    assert 0 < table[-1] < 1e-3


def test_the_linear_schedule_ends_in_noise_as_pure_for_more_steps_and_purer_for_fewer() -> None:
    left = {steps: float(noise.linear_schedule(steps)[-1]) for steps in (20, 50, 200, 1000, 5000)}
    assert left[1000] == pytest.approx(4e-5, rel=0.05)
    assert left[5000] == pytest.approx(left[1000], rel=0.1)
    assert left[20] < left[50] < left[200] < left[1000]


# The forward process.


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_steps_at_once_are_the_steps_one_by_one(name: str) -> None:
    table = SCHEDULES[name](100)
    gain, variance = 1.0, 0.0  # x_t = gain x_0 + N(0, variance), composed step by step
    for t, beta in enumerate(noise.betas(table).tolist(), start=1):
        gain, variance = math.sqrt(1 - beta) * gain, (1 - beta) * variance + beta
        assert noise.q_sample(torch.ones(1, 1), t, torch.zeros(1, 1), table).item() == pytest.approx(gain, rel=1e-6)
        spread = noise.q_sample(torch.zeros(1, 1), t, torch.ones(1, 1), table).item()
        assert spread**2 == pytest.approx(variance, rel=1e-5)


def test_each_row_has_its_own_time() -> None:
    table, x0, eps = noise.cosine_schedule(20), normal(4, 1, 3, 3), normal(4, 1, 3, 3, seed=1)
    t = torch.tensor([1, 7, 20, 7])
    together = noise.q_sample(x0, t, eps, table)
    for row, step in enumerate(t.tolist()):
        alone = noise.q_sample(x0[row : row + 1], step, eps[row : row + 1], table)
        torch.testing.assert_close(together[row : row + 1], alone)


@pytest.mark.parametrize("t", [2, 5, 10])
def test_posterior_is_bayes_rule_on_a_grid(t: int) -> None:
    table = noise.cosine_schedule(10)
    x0, xt = torch.tensor([[0.6]], dtype=torch.float64), torch.tensor([[-0.3]], dtype=torch.float64)
    beta, before = float(noise.betas(table)[t - 1]), float(table[t - 1])
    x = torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    given_image = Normal(math.sqrt(before) * 0.6, math.sqrt(1 - before))
    then = Normal(math.sqrt(1 - beta) * x, math.sqrt(beta))
    product = (given_image.log_prob(x) + then.log_prob(xt.squeeze())).exp()  # type: ignore[no-untyped-call]
    weights = product / product.sum()
    mean, log_variance = noise.posterior(x0, xt, t, table)
    centre = (weights * x).sum().item()
    assert mean.item() == pytest.approx(centre, abs=1e-6)
    assert log_variance.exp().item() == pytest.approx((weights * (x - centre) ** 2).sum().item(), rel=1e-5)


def test_the_last_step_adds_no_noise() -> None:
    table, x0, x1 = noise.linear_schedule(10), normal(3, 2), normal(3, 2, seed=1)
    mean, log_variance = noise.posterior(x0, x1, 1, table)
    torch.testing.assert_close(mean, x0)
    assert log_variance.item() == -math.inf
    torch.testing.assert_close(noise.p_sample(x0, x1, 1, normal(3, 2, seed=2), table), mean)


# Three parametrisations.


@pytest.mark.parametrize("t", [1, 6, 20])
def test_image_noise_and_v_are_equivalent(t: int) -> None:
    table, x0, eps = noise.cosine_schedule(20), normal(5, 1, 2, 2), normal(5, 1, 2, 2, seed=1)
    xt = noise.q_sample(x0, t, eps, table)
    torch.testing.assert_close(noise.x0_from_epsilon(eps, xt, t, table), x0, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(noise.epsilon_from_x0(x0, xt, t, table), eps)
    torch.testing.assert_close(noise.x0_from_v(noise.v_from(x0, eps, t, table), xt, t, table), x0)


def test_v_is_the_derivative_along_the_angle() -> None:
    # Salimans & Ho: x_φ = cos φ x_0 + sin φ ε, and v = dx_φ / dφ.
    table, x0, eps = noise.cosine_schedule(20), normal(5, 3), normal(5, 3, seed=1)
    angle = torch.arccos(table[7].sqrt())
    ahead, behind = ((angle + h).cos() * x0 + (angle + h).sin() * eps for h in (1e-5, -1e-5))
    torch.testing.assert_close(noise.v_from(x0, eps, 7, table), (ahead - behind) / 2e-5)


def test_guidance_of_one_is_conditional_and_of_zero_is_not() -> None:
    conditional, unconditional = normal(3, 4), normal(3, 4, seed=1)
    torch.testing.assert_close(noise.guided(conditional, unconditional, 1.0), conditional)
    torch.testing.assert_close(noise.guided(conditional, unconditional, 0.0), unconditional)
    for w in (0.5, 2.0):  # the paper's weight: (1 + w) conditional - w unconditional
        want = (1 + w) * conditional - w * unconditional
        torch.testing.assert_close(noise.guided(conditional, unconditional, 1 + w), want)


# One step back, against diffusers' schedulers.


@pytest.mark.parametrize("t", [1, 13, 40])
def test_an_ancestral_step_is_that_of_diffusers(t: int) -> None:
    from diffusers.schedulers import DDPMScheduler

    table = noise.linear_schedule(40)
    peer = DDPMScheduler(40, trained_betas=noise.betas(table).numpy(), clip_sample=False, variance_type="fixed_small")
    eps, xt = normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=1)
    theirs = peer.step(eps, t - 1, xt, generator=generator(5)).prev_sample
    fresh = torch.randn(xt.shape, generator=generator(5), dtype=xt.dtype)
    ours = noise.p_sample(noise.x0_from_epsilon(eps, xt, t, table), xt, t, fresh, table)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_step_of_ddim_is_that_of_diffusers(eta: float) -> None:
    from diffusers.schedulers import DDIMScheduler

    table = noise.linear_schedule(40)
    peer = DDIMScheduler(40, trained_betas=noise.betas(table).numpy(), clip_sample=False, set_alpha_to_one=True)
    peer.set_timesteps(8)
    eps, xt, fresh = normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=1), normal(2, 1, 4, 4, seed=2)
    for t in (40, 20, 10):  # theirs counts from 0 and goes down by 40 / 8
        theirs = peer.step(eps, t - 1, xt, eta=eta, variance_noise=fresh).prev_sample
        x0 = noise.x0_from_epsilon(eps, xt, t, table)
        ours = noise.ddim_step(x0, xt, t, t - 5, table, eta=eta, noise=fresh)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_times_of_ddim_fall_evenly_from_the_noise_to_the_image() -> None:
    assert noise.ddim_times(200, 4) == [200, 150, 100, 50, 0]
    assert noise.ddim_times(10, 10) == list(range(10, -1, -1))
    for steps in range(1, 38):
        times = noise.ddim_times(37, steps)
        assert len(times) == steps + 1
        assert times == sorted(set(times), reverse=True)


# What is refused, and the sentence.


def test_schedules_and_steps_that_make_no_sense_are_refused() -> None:
    table, x = noise.cosine_schedule(10), torch.zeros(2, 2)
    for wrong in (1, 0, 2.5, True):
        with pytest.raises(ValueError, match=f"timesteps must be a whole number >= 2, got {wrong}"):
            noise.linear_schedule(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="offset must be >= 0, got -1"):
        noise.cosine_schedule(10, offset=-1)
    with pytest.raises(ValueError, match=r"s must be smaller than t: .* got s = 5, t = 5"):
        noise.ddim_step(x, x, 5, 5, table)
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"eta must be >= 0 and <= 1, got {wrong}"):
            noise.ddim_step(x, x, 5, 4, table, eta=wrong)
    with pytest.raises(ValueError, match=r"eta = 1\.0 adds noise: pass noise="):
        noise.ddim_step(x, x, 5, 4, table, eta=1.0)
    for steps in (0, 11):
        with pytest.raises(ValueError, match=f"steps must be a whole number >= 1 and <= 10, got {steps}"):
            noise.ddim_times(10, steps)


def test_numbers_near_one_keep_their_precision() -> None:
    # 1 - ᾱ_1 is about 4e-5: in float32 it would be off by parts in a thousand.
    table = noise.cosine_schedule(1000)
    spread = noise.q_sample(torch.zeros(1, 1), 1, torch.ones(1, 1), table).item()
    f = [np.cos((t / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 for t in (0, 1)]
    assert spread**2 == pytest.approx(1 - f[1] / f[0], rel=1e-6)
