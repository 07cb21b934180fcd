"""The Gaussian mixture whose every answer is known: against torch.distributions and quadrature."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from sdg_lab.models.diffusion import noise
from sdg_lab.models.diffusion.mixture import GaussianMixture


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def three() -> GaussianMixture:
    return GaussianMixture(
        torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
        torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -2.0]], dtype=torch.float64),
        torch.tensor([0.3, 0.6, 0.1], dtype=torch.float64),
    )


def two_on_a_line() -> GaussianMixture:
    line = torch.tensor([[-1.0], [0.5]], dtype=torch.float64)
    return GaussianMixture(torch.tensor([0.3, 0.7], dtype=torch.float64), line, torch.tensor([0.2, 0.4]).double())


def test_density_and_score_agree_with_torch_distributions() -> None:
    mixture, x = three(), (2 * normal(50, 2)).requires_grad_()
    components = Independent(Normal(mixture.means, mixture.scales[:, None].expand(3, 2)), 1)
    peer = MixtureSameFamily(Categorical(mixture.weights), components)  # type: ignore[no-untyped-call]
    log_prob = peer.log_prob(x)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(mixture.log_prob(x), log_prob)
    (gradient,) = torch.autograd.grad(log_prob.sum(), x)
    torch.testing.assert_close(mixture.score(x), gradient)


def test_points_of_the_mixture_have_its_moments() -> None:
    mixture, n = three(), 100_000
    x = mixture.sample(n, torch.Generator().manual_seed(3))
    mean = mixture.weights @ mixture.means
    second = (mixture.weights[:, None] * (mixture.means**2 + mixture.scales[:, None] ** 2)).sum(0)
    for got, want, spread in ((x, mean, x.std(0)), (x.square(), second, x.square().std(0))):
        assert ((got.mean(0) - want).abs() < 5 * spread / math.sqrt(n)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_point_is_the_mean_of_its_component_and_noise_and_the_generator_alone_decides(dtype: torch.dtype) -> None:
    mixture = GaussianMixture(*(part.to(dtype) for part in (three().weights, three().means, three().scales)))
    generator = torch.Generator().manual_seed(4)
    chosen = torch.multinomial(mixture.weights, 50, replacement=True, generator=generator)
    z = torch.randn(50, 2, generator=generator, dtype=dtype)
    torch.testing.assert_close(
        mixture.sample(50, torch.Generator().manual_seed(4)), mixture.means[chosen] + mixture.scales[chosen, None] * z
    )


@pytest.mark.parametrize("gain_and_spread", [(0.9, math.sqrt(1 - 0.81)), (0.3, math.sqrt(1 - 0.09))])
def test_the_best_prediction_is_the_posterior_mean_by_quadrature(gain_and_spread: tuple[float, float]) -> None:
    gain, spread = gain_and_spread
    mixture, table = two_on_a_line(), torch.tensor([1.0, gain**2], dtype=torch.float64)
    x0 = torch.linspace(-4, 4, 20_001, dtype=torch.float64)
    prior = mixture.log_prob(x0[:, None])
    for at in (-1.5, 0.0, 0.8):
        likelihood = Normal(gain * x0, spread).log_prob(torch.tensor(at))  # type: ignore[no-untyped-call]
        weights = (prior + likelihood).softmax(0)
        got = mixture.denoise(torch.tensor([[at]], dtype=torch.float64), 1, table)
        assert got.item() == pytest.approx((weights * x0).sum().item(), abs=1e-6)


@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_the_velocity_is_the_mean_direction_by_quadrature(time: float) -> None:
    mixture, x0 = two_on_a_line(), torch.linspace(-4, 4, 20_001, dtype=torch.float64)
    for at in (-1.0, 0.2):
        eps = (at - (1 - time) * x0) / time  # the noise that leads from this x_0 through the point
        log_weight = mixture.log_prob(x0[:, None]) + Normal(0.0, 1.0).log_prob(eps)  # type: ignore[no-untyped-call]
        want = (log_weight.softmax(0) * (eps - x0)).sum().item()
        got = mixture.velocity(torch.tensor([[at]], dtype=torch.float64), time)
        assert got.item() == pytest.approx(want, abs=1e-6)


def test_the_modes_of_a_ring_lie_evenly_on_it() -> None:
    ring = GaussianMixture.ring(5, radius=3.0, scale=0.2)
    torch.testing.assert_close(ring.means.norm(dim=1), torch.full((5,), 3.0).double())
    sides = (ring.means - ring.means.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(sides, torch.full((5,), 6 * math.sin(math.pi / 5)).double())
    assert ring.weights.tolist() == pytest.approx([0.2] * 5)
    assert ring.scales.tolist() == pytest.approx([0.2] * 5)


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
    with pytest.raises(ValueError, match=r"time must be the same for all rows, got 0\.25 to 0\.5"):
        mixture.velocity(torch.zeros(2, 2), torch.tensor([0.25, 0.5]))
