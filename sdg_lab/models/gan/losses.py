"""The objectives of generator and discriminator, and the penalties that keep the discriminator smooth.

A discriminator answers with logits, shape (n,): numbers above 0 say "real". D = sigmoid(logit) is the probability that
Goodfellow et al., *Generative Adversarial Nets* (2014), write; the critic of Arjovsky et al., *Wasserstein GAN* (2017),
is the logit itself. All results are scalars, means over the batch, to be minimised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Objective = Literal["non-saturating", "hinge", "wgan-gp"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)


def discriminator_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return what the discriminator minimises, nats for the first kind.

    - "non-saturating" (and "saturating"): -E log D(real) - E log(1 - D(fake)) (Goodfellow et al. 2014, eq. 1). The best
      discriminator, with logit log p(x) - log q(x), reaches log 4 - 2 JSD(p, q).
    - "hinge": E max(0, 1 - real) + E max(0, 1 + fake) (Lim & Ye 2017): no gradient beyond the margin.
    - "wgan-gp": E fake - E real, to which :func:`gradient_penalty` belongs (Gulrajani et al. 2017, eq. 3).

    Raises:
        ValueError: if there is no such kind.
    """
    match kind:
        case "non-saturating" | "saturating":
            # -log sigmoid(l) = softplus(-l), which does not overflow.
            return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        case "hinge":
            return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()
        case "wgan-gp":
            return fake_logits.mean() - real_logits.mean()
        case _:
            raise _unknown(kind)


def generator_loss(kind: str, fake_logits: Tensor) -> Tensor:
    """Return what the generator minimises.

    - "saturating": E log(1 - D(fake)), the value function as it was first written. Where the discriminator is sure of
      a fake its gradient vanishes, just where it is needed. With the best discriminator its gradient is that of
      2 JSD(p, q).
    - "non-saturating": -E log D(fake): the same fixed point, with a gradient there (Goodfellow et al. 2014, section 3).
      With the best discriminator its gradient is that of KL(q‖p) - 2 JSD(p, q) (Arjovsky & Bottou 2017, theorem 2.5).
    - "hinge" and "wgan-gp": -E fake.

    Raises:
        ValueError: if there is no such kind.
    """
    match kind:
        case "saturating":
            return -F.softplus(fake_logits).mean()
        case "non-saturating":
            return F.softplus(-fake_logits).mean()
        case "hinge" | "wgan-gp":
            return -fake_logits.mean()
        case _:
            raise _unknown(kind)


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """Return E (‖∇ D(x̂)‖ - 1)² at points x̂ = u real + (1 - u) fake between the two (Gulrajani et al. 2017, eq. 3).

    Args:
        discriminator: gives a logit for each row, each from its own row alone (so no batch normalisation).
        real: (n, ...).
        fake: (n, ...).
        u: (n,), uniform on [0, 1]: where between them, one number a pair.
    """
    share = u.reshape(-1, *[1] * (real.ndim - 1))
    between = share * real.detach() + (1 - share) * fake.detach()
    # vector_norm's gradient at 0 is 0; that of a square root would be infinite where ∇ D vanishes.
    norm: Tensor = torch.linalg.vector_norm(_gradient(discriminator, between), dim=1)
    return (norm - 1).square().mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Return ½ E ‖∇ D(x)‖² at real rows; times γ it is R1 (Mescheder, Geiger & Nowozin 2018, eq. 9).

    Args:
        discriminator: gives a logit for each row, each from its own row alone (so no batch normalisation).
        real: (n, ...).
    """
    return 0.5 * _gradient(discriminator, real.detach()).square().sum(1).mean()


def _gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return ∇ D(x) of each row, (n, d), itself differentiable in the discriminator's weights."""
    x = x.clone().requires_grad_()
    with torch.enable_grad():
        # Each logit depends on its own row only, so the gradient of their sum holds every row's gradient.
        (gradient,) = cast(tuple[Tensor], torch.autograd.grad(discriminator(x).sum(), x, create_graph=True))
    return gradient.flatten(1)


def _unknown(kind: str) -> ValueError:
    return ValueError(f"the objective must be one of saturating, {', '.join(OBJECTIVES)}, got {kind!r}")
