"""Flow matching: its target and its velocity against quadrature, its solvers against a flow in closed form.

What it shares with diffusion (labels, saving, refusals) is tested beside it in test_diffusion.py.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from sdg_lab.data.types import Images
from sdg_lab.models.diffusion.flow_matching import FlowMatching, interpolate
from sdg_lab.models.diffusion.mixture import GaussianMixture
from sdg_lab.models.diffusion.samplers import euler, heun


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_flow_matching_asks_for_the_way_from_picture_to_noise() -> None:
    model = FlowMatching((1, 4, 4), network="unet", widths=(16,)).eval()  # a new U-Net answers zero
    x = torch.rand(4_000, 1, 4, 4, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(0)
    with torch.no_grad():
        loss = model.loss(x).item()
    assert loss == pytest.approx(1 + (2 * x - 1).square().mean().item(), abs=0.02)
    x0, eps, time = torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([0.25, 1.0])
    assert torch.equal(interpolate(x0, eps, time), time[:, None].expand(2, 3))


@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_the_velocity_is_the_mean_direction_by_quadrature(time: float) -> None:
    line = torch.tensor([[-1.0], [0.5]], dtype=torch.float64)
    mixture = GaussianMixture(torch.tensor([0.3, 0.7]).double(), line, torch.tensor([0.2, 0.4]).double())
    x0 = torch.linspace(-4, 4, 20_001, dtype=torch.float64)
    for at in (-1.0, 0.2):
        eps = (at - (1 - time) * x0) / time  # the noise that leads from this x_0 through the point
        log_weight = mixture.log_prob(x0[:, None]) + Normal(0.0, 1.0).log_prob(eps)  # type: ignore[no-untyped-call]
        want = (log_weight.softmax(0) * (eps - x0)).sum().item()
        got = mixture.velocity(torch.tensor([[at]], dtype=torch.float64), time)
        assert got.item() == pytest.approx(want, abs=1e-6)


def test_solvers_follow_the_flow_of_a_gaussian_with_their_orders_of_error() -> None:
    mean, scale = torch.tensor([[0.7, -0.4]], dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    data, start = GaussianMixture(torch.ones(1).double(), mean, scale), normal(200, 2)
    want = mean + scale * start  # each point keeps its quantile
    errors = {
        solve: [(list(solve(data.velocity, start, n))[-1] - want).abs().max().item() for n in (20, 40)]
        for solve in (euler, heun)
    }
    assert errors[euler][0] / errors[euler][1] == pytest.approx(2, rel=0.2)
    assert errors[heun][0] / errors[heun][1] == pytest.approx(4, rel=0.3)
    assert errors[heun][1] < 0.01 < errors[euler][1]


def test_a_flow_of_few_steps_reaches_every_mode_of_a_ring() -> None:
    ring, n = GaussianMixture.ring(), 2_000
    x = list(heun(ring.velocity, normal(n, 2), 40))[-1]
    distance = (x[:, None] - ring.means).norm(dim=-1)
    share = torch.bincount(distance.argmin(1), minlength=8) / n
    assert share.min() > 0.125 - 5 * math.sqrt(0.125 * 0.875 / n)
    assert (distance.min(1).values < 4 * 0.1).double().mean() > 0.97


def test_what_makes_no_sense_is_refused() -> None:
    pictures = Images(torch.rand(10, 1, 4, 4).numpy())
    model = FlowMatching((1, 4, 4), widths=(16,)).fit(pictures, epochs=1, progress=False)
    with pytest.raises(ValueError, match="solver must be one of euler, heun, got 'runge'"):
        model.sample(1, solver="runge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps must be >= 1, got 0"):
        list(euler(lambda x, time: x, torch.zeros(2, 2), 0))
    with pytest.raises(ValueError, match=r"time must be the same for all rows, got 0\.25 to 0\.5"):
        GaussianMixture.ring().velocity(normal(2, 2), torch.tensor([0.25, 0.5]))
