"""The variational bound: terms against torch.distributions, the sum against entropies and a Monte Carlo one."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from sdg_lab.metrics import bits_per_dim
from sdg_lab.models.diffusion import noise
from sdg_lab.models.diffusion.bound import bound_terms, discretised_log_prob, kl_of_equal_variance, prior_kl


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def shades(levels: int) -> Tensor:
    return torch.linspace(-1, 1, levels, dtype=torch.float64)


def best_prediction(levels: int, table: Tensor, xt: Tensor, t: Tensor) -> Tensor:
    """Return E[x_0 | x_t] for pixels that take each level equally often, by Bayes' rule."""
    a, grid = table[t[0]], shades(levels)
    log_likelihood = -0.5 * (xt[..., None] - a.sqrt() * grid).square() / (1 - a)
    return (log_likelihood.softmax(-1) * grid).sum(-1)


# The terms.


def test_kls_agree_with_torch_distributions() -> None:
    mean, other, log_variance = normal(6, 1, 3, 3), normal(6, 1, 3, 3, seed=1), torch.tensor(-1.3).double()
    scale = (0.5 * log_variance).exp()
    want = kl_divergence(Normal(mean, scale), Normal(other, scale)).sum((1, 2, 3))
    torch.testing.assert_close(kl_of_equal_variance(mean, other, log_variance), want)
    for table in (noise.linear_schedule(50), noise.cosine_schedule(5)):
        a = table[-1]
        at_the_end = Normal(a.sqrt() * mean, (1 - a).sqrt())
        want = kl_divergence(at_the_end, Normal(torch.zeros_like(mean), 1.0)).sum((1, 2, 3))
        torch.testing.assert_close(prior_kl(mean, table), want, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("scale", [0.003, 0.1, 2.0])
def test_the_probabilities_of_all_grey_levels_sum_to_one(levels: int, scale: float) -> None:
    log_scale = torch.tensor(scale, dtype=torch.float64).log()
    for mean in (-1.0, -0.37, 0.02, 0.996):
        every = discretised_log_prob(shades(levels), torch.tensor(mean).double(), log_scale, levels)
        assert every.exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_grey_level_has_the_probability_of_its_bin() -> None:
    p = Normal(torch.tensor(0.21, dtype=torch.float64), torch.tensor(0.15, dtype=torch.float64))
    grid, half = shades(17), 1 / 16
    got = discretised_log_prob(grid, p.mean, p.stddev.log(), 17)
    cdf = [p.cdf(edge).item() for edge in grid[:-1] + half]  # type: ignore[no-untyped-call]
    want = [b - a for a, b in zip([0.0, *cdf], [*cdf, 1.0], strict=True)]
    assert got.exp().tolist() == pytest.approx(want, abs=1e-12)


def test_levels_far_from_the_mean_have_finite_log_probabilities() -> None:
    # Both ends of a bin lie 100 and more standard deviations away: the difference of the two Φ is 0 in any float.
    scale = 0.005
    got = discretised_log_prob(shades(17), torch.tensor(0.0).double(), torch.tensor(scale).double().log(), 17)
    assert bool(torch.isfinite(got).all())
    torch.testing.assert_close(got, got.flip(0))
    edge = (1 - 1 / 16) / scale
    assert got[-1].item() == pytest.approx(-(edge**2) / 2 - math.log(edge * math.sqrt(2 * math.pi)), rel=1e-6)


# The sum.


def test_with_the_best_prediction_the_bound_nears_the_entropy_from_above() -> None:
    # Fair dice of so many faces: no model can code a pixel in fewer than log2(levels) bits.
    for levels in (2, 5):
        x0 = shades(levels)[torch.randint(levels, (100, 16), generator=generator(1))]
        bits = []
        for timesteps in (30, 100, 300):
            table = noise.cosine_schedule(timesteps)
            x0_hat = partial(best_prediction, levels, table)
            terms = bound_terms(x0_hat, x0, table, levels, generator())
            assert terms.kl.shape == (100, timesteps - 1)
            bits.append(bits_per_dim(terms.log_prob_bound.numpy(), 16))
        entropy = math.log2(levels)
        assert bits[0] > bits[1] > bits[2] > entropy - 0.01
        assert bits[2] == pytest.approx(entropy, rel=0.06)  # the price of 300 steps, 2 % of it


def test_every_step_between_costs_what_quadrature_says() -> None:
    # One pixel, two levels: KL_t = ½ (SNR(t-1) - SNR(t)) E (x_0 - E[x_0|x_t])², an integral over one number.
    timesteps, n = 6, 100_000
    table = noise.cosine_schedule(timesteps)
    x0 = torch.ones(n, 1, dtype=torch.float64)
    terms = bound_terms(lambda x, t: best_prediction(2, table, x, t), x0, table, 2, generator())
    eps = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    weight = Normal(0.0, 1.0).log_prob(eps).softmax(0)  # type: ignore[no-untyped-call]
    snr = table / (1 - table)
    for t in range(2, timesteps + 1):
        xt = noise.q_sample(torch.ones_like(eps), t, eps, table)
        error = (1 - torch.tanh(table[t].sqrt() * xt / (1 - table[t]))).square()
        want = (0.5 * (snr[t - 1] - snr[t]) * (weight * error).sum()).item()
        got = terms.kl[:, t - 2]
        assert got.mean().item() == pytest.approx(want, abs=5 * got.std().item() / math.sqrt(n) + 1e-12)


def test_the_exact_bound_is_the_mean_of_a_monte_carlo_one_over_random_steps() -> None:
    levels, timesteps, rounds = 5, 12, 80
    table, half = noise.cosine_schedule(timesteps), 0.5
    x0 = shades(levels)[torch.randint(levels, (20, 4), generator=generator(1))]

    def poor(x: Tensor, t: Tensor) -> Tensor:
        return half * best_prediction(levels, table, x, t)

    exact = torch.stack(
        [-bound_terms(poor, x0, table, levels, generator(seed)).log_prob_bound for seed in range(rounds)]
    )
    # By hand, from torch.distributions: the prior's term, and T times the term of one random t.
    g, values = generator(7), []
    end = Normal(table[-1].sqrt() * x0, (1 - table[-1]).sqrt())
    prior = kl_divergence(end, Normal(torch.zeros_like(x0), 1.0)).sum(1)
    for _ in range(20 * rounds):
        t = int(torch.randint(1, timesteps + 1, (), generator=g))
        xt = noise.q_sample(x0, t, torch.randn(x0.shape, generator=g, dtype=x0.dtype), table)
        x0_hat = poor(xt, torch.full((len(x0),), t))
        if t > 1:
            mean, log_variance = noise.posterior(x0, xt, t, table)
            scale = (0.5 * log_variance).exp()
            term = kl_divergence(Normal(mean, scale), Normal(noise.posterior(x0_hat, xt, t, table)[0], scale))
        else:
            p, width = Normal(x0_hat, (1 - table[1]).sqrt()), 1 / (levels - 1)
            upper = torch.where(x0 == 1, 1.0, p.cdf(x0 + width))  # type: ignore[no-untyped-call]
            lower = torch.where(x0 == -1, 0.0, p.cdf(x0 - width))  # type: ignore[no-untyped-call]
            term = -(upper - lower).clamp(min=1e-300).log()
        values.append(prior + timesteps * term.sum(1))
    sampled = torch.stack(values).mean(1)  # the mean over images, one value a round
    error = math.hypot(exact.mean(1).std().item() / math.sqrt(rounds), sampled.std().item() / math.sqrt(len(sampled)))
    assert exact.mean().item() == pytest.approx(sampled.mean().item(), abs=4 * error)
    assert error < 0.05 * exact.mean().item()


def test_the_decoder_has_the_variance_of_the_first_step() -> None:
    levels, n = 5, 50
    table = noise.cosine_schedule(6)
    x0 = shades(levels)[torch.randint(levels, (n, 3), generator=generator(2))]
    terms = bound_terms(lambda x, t: torch.full_like(x, 0.1), x0, table, levels, generator())
    p = Normal(torch.tensor(0.1).double(), (1 - table[1]).sqrt())  # β_1 = 1 - ᾱ_1
    edges = torch.tensor([-torch.inf, -0.75, -0.25, 0.25, 0.75, torch.inf]).double()
    probability = p.cdf(edges).diff()  # type: ignore[no-untyped-call]
    index = ((x0 + 1) * 2).round().long()
    torch.testing.assert_close(terms.decoder, -probability[index].log().sum(1), rtol=1e-5, atol=1e-6)


def test_every_term_is_asked_at_its_own_time() -> None:
    table, times = noise.cosine_schedule(6), []
    x0 = shades(2)[torch.randint(2, (7, 3), generator=generator(2))]

    def exact(x: Tensor, t: Tensor) -> Tensor:
        times.append(t.tolist())
        return x0  # who knows the image pays for the prior and the decoder only

    terms = bound_terms(exact, x0, table, 2, generator())
    assert sorted(times) == [[t] * 7 for t in range(1, 7)]
    assert terms.kl.abs().max() < 1e-9


def test_no_term_is_negative() -> None:
    table = noise.linear_schedule(10)
    x0 = shades(17)[torch.randint(17, (30, 1, 4, 4), generator=generator())]
    terms = bound_terms(lambda x, t: torch.zeros_like(x), x0, table, 17, generator(1))
    assert terms.prior.shape == terms.decoder.shape == (30,)
    assert min(terms.prior.min().item(), terms.kl.min().item(), terms.decoder.min().item()) >= 0
    torch.testing.assert_close(-terms.log_prob_bound, terms.prior + terms.kl.sum(1) + terms.decoder)


def test_pixels_between_the_levels_are_refused() -> None:
    x0 = shades(17)[torch.randint(17, (3, 4), generator=generator())]
    x0[1, 2] = 0.03
    with pytest.raises(ValueError, match="image 1 has pixels between the 17 grey levels: give the number"):
        bound_terms(lambda x, t: x, x0, noise.cosine_schedule(5), 17)
