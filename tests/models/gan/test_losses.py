"""The objectives and the penalties on gradients, against closed forms and an independent library."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from torch import Tensor, nn

from sdg_lab.models.gan.losses import OBJECTIVES, discriminator_loss, generator_loss, gradient_penalty, r1_penalty

REAL = torch.tensor([2.5, -0.3, 0.0], dtype=torch.float64)
FAKE = torch.tensor([-4.0, 0.7, -1.0], dtype=torch.float64)


def test_the_non_saturating_objective_is_binary_cross_entropy() -> None:
    bce = nn.BCEWithLogitsLoss()
    real, fake = torch.ones_like(REAL), torch.zeros_like(FAKE)
    torch.testing.assert_close(discriminator_loss("non-saturating", REAL, FAKE), bce(REAL, real) + bce(FAKE, fake))
    torch.testing.assert_close(generator_loss("non-saturating", FAKE), bce(FAKE, real))
    # As first written the generator maximises what the discriminator minimises.
    torch.testing.assert_close(generator_loss("saturating", FAKE), -bce(FAKE, fake))


def test_a_sure_discriminator_overflows_nothing() -> None:
    sure = torch.tensor([1e4])
    assert discriminator_loss("non-saturating", sure, -sure).item() == 0
    assert discriminator_loss("non-saturating", -sure, sure).item() == pytest.approx(2e4)


def test_the_best_discriminator_reaches_the_jensen_shannon_divergence() -> None:
    p, q = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])
    logits = torch.from_numpy(np.log(p) - np.log(q))

    loss = partial(discriminator_loss, "non-saturating")

    def value(logits: Tensor) -> float:
        """Return the loss expected over all four outcomes."""
        pairs = np.array([[loss(logits[i : i + 1], logits[j : j + 1]).item() for j in range(4)] for i in range(4)])
        return float(p @ pairs @ q)

    # SciPy gives the distance, which is the root of the divergence in nats.
    assert value(logits) == pytest.approx(math.log(4) - 2 * jensenshannon(p, q) ** 2, abs=1e-12)
    for other in (0.9 * logits, logits + 0.1, logits + torch.tensor([0, 0.1, -0.1, 0])):
        assert value(other) > value(logits)


def test_the_hinge_has_no_gradient_beyond_the_margin() -> None:
    real, fake = torch.tensor([3.0, 0.25, -2.0]), torch.tensor([-1.5, -0.5, 4.0])
    assert discriminator_loss("hinge", real, fake).item() == pytest.approx((0 + 0.75 + 3) / 3 + (0 + 0.5 + 5) / 3)
    assert generator_loss("hinge", fake).item() == pytest.approx(-2 / 3)


def test_the_critic_s_loss_is_a_difference_of_means() -> None:
    assert discriminator_loss("wgan-gp", REAL, FAKE).item() == pytest.approx((-4.3 - 2.2) / 3)
    assert generator_loss("wgan-gp", FAKE).item() == pytest.approx(4.3 / 3)


def test_only_the_saturating_loss_loses_its_gradient_once_the_discriminator_wins() -> None:
    def gradient(kind: str) -> float:
        logits = torch.tensor([-12.0], requires_grad=True)
        generator_loss(kind, logits).backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        return logits.grad.item()

    sigmoid = 1 / (1 + math.exp(12))  # what the discriminator makes of the fake
    assert gradient("non-saturating") == pytest.approx(sigmoid - 1, rel=1e-3)
    assert gradient("saturating") == pytest.approx(-sigmoid, rel=1e-3)


@pytest.mark.parametrize("loss", [lambda kind: discriminator_loss(kind, REAL, FAKE), lambda k: generator_loss(k, FAKE)])
def test_an_unknown_objective_is_refused(loss: Callable[[str], Tensor]) -> None:
    for kind in OBJECTIVES:
        assert loss(kind).ndim == 0
    with pytest.raises(
        ValueError, match="the objective must be one of saturating, non-saturating, hinge, wgan-gp, got 'minimax'"
    ):
        loss("minimax")


# Penalties on gradients.


def linear() -> tuple[nn.Linear, Callable[[Tensor], Tensor], Tensor, Tensor]:
    """Make a linear discriminator w·x + b with ‖w‖ = 3, and two batches."""
    layer = nn.Linear(4, 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, -2.0, 1.0, 0.0]]))
    real, fake = torch.randn(2, 6, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return layer, lambda x: layer(x.flatten(1)).squeeze(1), real, fake


def test_penalties_of_a_linear_discriminator_are_those_of_its_weights() -> None:
    layer, discriminator, real, fake = linear()
    u = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    penalty = gradient_penalty(discriminator, real, fake, u)
    assert penalty.item() == pytest.approx((3 - 1) ** 2)
    penalty.backward()  # type: ignore[no-untyped-call]
    # d/dw (‖w‖ - 1)² = 2 (‖w‖ - 1) w / ‖w‖
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, 4 * layer.weight.detach() / 3)

    layer.weight.grad = None
    r1 = r1_penalty(discriminator, real)
    assert r1.item() == pytest.approx(3**2 / 2)
    r1.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(layer.weight.grad, layer.weight.detach())  # d/dw ½‖w‖² = w


def test_penalties_of_a_quadratic_discriminator_say_where_they_were_taken() -> None:
    # D(x) = ½‖x‖² has the gradient x, so the penalties are functions of the points themselves.
    _, _, real, fake = linear()
    u = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], dtype=torch.float64)
    between = u[:, None] * real.flatten(1) + (1 - u[:, None]) * fake.flatten(1)

    def discriminator(x: Tensor) -> Tensor:
        return 0.5 * x.flatten(1).square().sum(1)

    got = gradient_penalty(discriminator, real, fake, u)
    torch.testing.assert_close(got, (between.norm(dim=1) - 1).square().mean())
    torch.testing.assert_close(r1_penalty(discriminator, real), 0.5 * real.flatten(1).square().sum(1).mean())


def test_penalties_reach_no_generator() -> None:
    _, discriminator, real, fake = linear()
    fake.requires_grad_()
    gradient_penalty(discriminator, real, fake, torch.full((6,), 0.5)).backward()  # type: ignore[no-untyped-call]
    assert fake.grad is None


@pytest.mark.parametrize("penalty", [lambda d, x: gradient_penalty(d, x, -x, torch.full((6,), 0.5)), r1_penalty])
def test_where_the_gradient_vanishes_penalties_have_a_finite_one(penalty: Callable[..., Tensor]) -> None:
    layer, discriminator, real, _ = linear()
    with torch.no_grad():
        layer.weight.zero_()  # as where all of a discriminator's units are off
    value = penalty(discriminator, real)
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == (0 if penalty is r1_penalty else 1)
    assert layer.weight.grad is not None
    assert not layer.weight.grad.any()


def test_penalties_of_coloured_images_count_every_channel() -> None:
    real = torch.randn(5, 3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def discriminator(x: Tensor) -> Tensor:
        return 0.5 * x.flatten(1).square().sum(1)

    torch.testing.assert_close(r1_penalty(discriminator, real), 0.5 * real.square().sum((1, 2, 3)).mean())
    got = gradient_penalty(discriminator, real, real, torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(got, (real.square().sum((1, 2, 3)).sqrt() - 1).square().mean())
