"""Noise and its removal, against composed Gaussians, Bayes on a grid, quadrature, and diffusers' schedulers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers.schedulers import DDIMScheduler, DDPMScheduler
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from sdg_lab.models.diffusion import noise
from sdg_lab.models.diffusion.mixture import GaussianMixture
from sdg_lab.models.diffusion.samplers import ancestral, ddim

SCHEDULES = {"linear": noise.linear_schedule, "cosine": noise.cosine_schedule}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


# The schedules.


@pytest.mark.parametrize(("ours", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_schedules_of_a_thousand_steps_are_those_of_diffusers(ours: str, theirs: str) -> None:
    peer = DDPMScheduler(1000, beta_start=1e-4, beta_end=0.02, beta_schedule=theirs)
    table = SCHEDULES[ours](1000)
    assert table.dtype == torch.float64
    assert table[0] == 1
    torch.testing.assert_close(table[1:].float(), peer.alphas_cumprod, rtol=2e-3, atol=1e-7)
    torch.testing.assert_close(noise.betas(table).float(), peer.betas, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("timesteps", [10, 50, 200, 1000])
def test_every_schedule_goes_from_the_picture_to_noise(name: str, timesteps: int) -> None:
    table = SCHEDULES[name](timesteps)
    assert len(table) == timesteps + 1
    assert bool((table[1:] < table[:-1]).all())
    assert 0 < table[-1] < 1e-3
    snr = noise.signal_to_noise(table)
    assert snr[0] == math.inf
    assert bool((snr[1:] < snr[:-1]).all())


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
        assert torch.equal(together[row : row + 1], alone)


@pytest.mark.parametrize("t", [2, 5, 10])
def test_posterior_is_bayes_rule_on_a_grid(t: int) -> None:
    table = noise.cosine_schedule(10)
    x0, xt = torch.tensor([[0.6]], dtype=torch.float64), torch.tensor([[-0.3]], dtype=torch.float64)
    beta, before = float(noise.betas(table)[t - 1]), float(table[t - 1])
    x = torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    given_picture = Normal(math.sqrt(before) * 0.6, math.sqrt(1 - before))
    then = Normal(math.sqrt(1 - beta) * x, math.sqrt(beta))
    product = (given_picture.log_prob(x) + then.log_prob(xt.squeeze())).exp()  # type: ignore[no-untyped-call]
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
    assert torch.equal(noise.p_sample(x0, x1, 1, normal(3, 2, seed=2), table), mean)


# What the network may be asked for.


@pytest.mark.parametrize("t", [1, 6, 20])
def test_picture_noise_and_v_say_the_same(t: int) -> None:
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
    told, untold = normal(3, 4), normal(3, 4, seed=1)
    torch.testing.assert_close(noise.guided(told, untold, 1.0), told)
    assert torch.equal(noise.guided(told, untold, 0.0), untold)
    w = 2.0  # the paper's weight: (1 + w) conditional - w unconditional
    torch.testing.assert_close(noise.guided(told, untold, 1 + w), (1 + w) * told - w * untold)


# One step back, against diffusers' schedulers.


@pytest.mark.parametrize("t", [1, 13, 40])
def test_an_ancestral_step_is_that_of_diffusers(t: int) -> None:
    table = noise.linear_schedule(40)
    peer = DDPMScheduler(40, trained_betas=noise.betas(table).numpy(), clip_sample=False, variance_type="fixed_small")
    eps, xt = normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=1)
    theirs = peer.step(eps, t - 1, xt, generator=generator(5)).prev_sample
    fresh = torch.randn(xt.shape, generator=generator(5), dtype=xt.dtype)
    ours = noise.p_sample(noise.x0_from_epsilon(eps, xt, t, table), xt, t, fresh, table)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_step_of_ddim_is_that_of_diffusers(eta: float) -> None:
    table = noise.linear_schedule(40)
    peer = DDIMScheduler(40, trained_betas=noise.betas(table).numpy(), clip_sample=False, set_alpha_to_one=True)
    peer.set_timesteps(8)
    eps, xt, fresh = normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=1), normal(2, 1, 4, 4, seed=2)
    for t in (40, 20, 10):  # theirs counts from 0 and goes down by 40 / 8
        theirs = peer.step(eps, t - 1, xt, eta=eta, variance_noise=fresh).prev_sample
        x0 = noise.x0_from_epsilon(eps, xt, t, table)
        ours = noise.ddim_step(x0, xt, t, t - 5, table, eta=eta, noise=fresh)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_times_of_ddim_fall_evenly_from_the_noise_to_the_picture() -> None:
    assert noise.ddim_times(200, 4) == [200, 150, 100, 50, 0]
    assert noise.ddim_times(10, 10) == list(range(10, -1, -1))
    for steps in range(1, 38):
        times = noise.ddim_times(37, steps)
        assert len(times) == steps + 1
        assert times == sorted(set(times), reverse=True)


# A data set whose every answer is known.


def three() -> GaussianMixture:
    return GaussianMixture(
        torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
        torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -2.0]], dtype=torch.float64),
        torch.tensor([0.3, 0.6, 0.1], dtype=torch.float64),
    )


def test_density_and_score_agree_with_torch_distributions() -> None:
    mixture, x = three(), (2 * normal(50, 2)).requires_grad_()
    components = Independent(Normal(mixture.means, mixture.scales[:, None].expand(3, 2)), 1)
    peer = MixtureSameFamily(Categorical(mixture.weights), components)  # type: ignore[no-untyped-call]
    log_prob = peer.log_prob(x)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(mixture.log_prob(x), log_prob)
    (gradient,) = torch.autograd.grad(log_prob.sum(), x)
    torch.testing.assert_close(mixture.score(x), gradient)


def test_points_of_the_mixture_have_its_moments() -> None:
    mixture = three()
    x = mixture.sample(100_000, generator(3))
    mean = mixture.weights @ mixture.means
    second = (mixture.weights[:, None] * (mixture.means**2 + mixture.scales[:, None] ** 2)).sum(0)
    torch.testing.assert_close(x.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(x.square().mean(0), second, atol=0.05, rtol=0)


def two_on_a_line() -> GaussianMixture:
    line = torch.tensor([[-1.0], [0.5]], dtype=torch.float64)
    return GaussianMixture(torch.tensor([0.3, 0.7], dtype=torch.float64), line, torch.tensor([0.2, 0.4]).double())


@pytest.mark.parametrize("gain_and_spread", [(0.9, math.sqrt(1 - 0.81)), (0.3, math.sqrt(1 - 0.09))])
def test_the_best_guess_is_the_posterior_mean_by_quadrature(gain_and_spread: tuple[float, float]) -> None:
    gain, spread = gain_and_spread
    mixture, table = two_on_a_line(), torch.tensor([1.0, gain**2], dtype=torch.float64)
    x0 = torch.linspace(-4, 4, 20_001, dtype=torch.float64)
    prior = mixture.log_prob(x0[:, None])
    for at in (-1.5, 0.0, 0.8):
        likelihood = Normal(gain * x0, spread).log_prob(torch.tensor(at))  # type: ignore[no-untyped-call]
        weights = (prior + likelihood).softmax(0)
        got = mixture.denoise(torch.tensor([[at]], dtype=torch.float64), 1, table)
        assert got.item() == pytest.approx((weights * x0).sum().item(), abs=1e-6)


# The samplers, with the true answer in place of a network.


def last(states: list[Tensor]) -> Tensor:
    return states[-1]


def one_gaussian() -> GaussianMixture:
    return GaussianMixture(torch.ones(1).double(), torch.tensor([[0.7, -0.4]]).double(), torch.tensor([0.3]).double())


def test_ancestral_sampling_recovers_a_gaussian() -> None:
    data, table, n = one_gaussian(), noise.cosine_schedule(200), 4_000
    states = list(ancestral(lambda x, t: data.denoise(x, t, table), normal(n, 2), table, generator(1)))
    assert len(states) == 201
    x = last(states)
    torch.testing.assert_close(x.mean(0), data.means[0], atol=4 * 0.3 / math.sqrt(n), rtol=0)
    torch.testing.assert_close(x.std(0), torch.full((2,), 0.3).double(), atol=0.015, rtol=0)


def test_ddim_goes_to_the_quantile_that_it_came_from() -> None:
    # For a Gaussian the deterministic way maps standard normal x_T to mean + scale x_T.
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
    with pytest.raises(ValueError, match=r"eta must be >= 0, got -0\.1"):
        noise.ddim_step(x, x, 5, 4, table, eta=-0.1)
    with pytest.raises(ValueError, match=r"eta = 1\.0 adds noise: pass noise="):
        noise.ddim_step(x, x, 5, 4, table, eta=1.0)
    for steps in (0, 11):
        with pytest.raises(ValueError, match=f"steps must be from 1 to timesteps = 10, got {steps}"):
            noise.ddim_times(10, steps)


def test_mixtures_that_are_none_are_refused() -> None:
    weights, means, scales = torch.tensor([0.5, 0.5]), torch.zeros(2, 2), torch.ones(2)
    with pytest.raises(ValueError, match=r"the same k components, got shapes \(2,\), \(3, 2\) and \(2,\)"):
        GaussianMixture(weights, torch.zeros(3, 2), scales)
    with pytest.raises(ValueError, match=r"weights must be >= 0 and sum to 1, got \[0.5, 1.0\]"):
        GaussianMixture(torch.tensor([0.5, 1.0]), means, scales)
    with pytest.raises(ValueError, match=r"scales must be > 0, got \[1.0, 0.0\]"):
        GaussianMixture(weights, means, torch.tensor([1.0, 0.0]))
    mixture, table = GaussianMixture(weights, means, scales), noise.cosine_schedule(10)
    with pytest.raises(ValueError, match="t must be the same for all rows, got 1 to 3"):
        mixture.denoise(torch.zeros(2, 2), torch.tensor([1, 3]), table)


def test_numbers_near_one_keep_their_precision() -> None:
    # 1 - ᾱ_1 is about 4e-5: in float32 it would be off by parts in a thousand.
    table = noise.cosine_schedule(1000)
    spread = noise.q_sample(torch.zeros(1, 1), 1, torch.ones(1, 1), table).item()
    f = [np.cos((t / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 for t in (0, 1)]
    assert spread**2 == pytest.approx(1 - f[1] / f[0], rel=1e-6)
