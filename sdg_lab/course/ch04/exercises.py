"""Chapter 04: what its notebook's header says, its exercises, and how the weights that ship with it are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper
from sdg_lab.data import mnist
from sdg_lab.models.gan import GAN

Discriminator = Callable[[Tensor], Tensor]

CHAPTER = Chapter(
    number="04",
    title="Generative adversarial networks",
    builds="A game between two networks: solved on a line, seen to collapse on a ring, and played for digits with and "
    "without labels, with three losses, two penalties, and few pictures; every picture that comes out is measured.",
    read_first="Chapters 00 and 03; the chain rule; what a gradient step does.",
    papers=(
        Paper("Generative Adversarial Networks", "Goodfellow et al.", 2014, "https://arxiv.org/abs/1406.2661"),
        Paper(
            "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
            "Radford, Metz and Chintala",
            2016,
            "https://arxiv.org/abs/1511.06434",
        ),
        Paper("Improved Training of Wasserstein GANs", "Gulrajani et al.", 2017, "https://arxiv.org/abs/1704.00028"),
        Paper(
            "Spectral Normalization for Generative Adversarial Networks",
            "Miyato et al.",
            2018,
            "https://arxiv.org/abs/1802.05957",
        ),
        Paper(
            "Which Training Methods for GANs do actually Converge?",
            "Mescheder, Geiger and Nowozin",
            2018,
            "https://arxiv.org/abs/1801.04406",
        ),
        Paper(
            "Differentiable Augmentation for Data-Efficient GAN Training",
            "Zhao et al.",
            2020,
            "https://arxiv.org/abs/2006.10738",
        ),
    ),
)


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# The optimal discriminator.


def optimal_discriminator(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return D*(x) = p(x) / (p(x) + q(x)), the probability that a point is real.

    p / (p + q) = 1 / (1 + exp(log q - log p)): only the difference is needed, however
    small both densities are.
    """
    return torch.sigmoid(log_p - log_q)


def _densities(rng: np.random.Generator) -> Iterator[Case]:
    for n, dtype in ((7, torch.float64), (1, torch.float64), (40, torch.float32)):
        yield Case(_normal(rng, n, dtype=dtype) - 1, _normal(rng, n, dtype=dtype) - 2)
    yield Case(_normal(rng, 3, 4), _normal(rng, 3, 4), name="a grid of points")
    small = torch.tensor([-30.0, -31.0, -60.0, -80.0]).double()
    yield Case(small, torch.tensor([-31.0, -30.0, -63.0, -80.0]).double(), name="densities near 10⁻¹³ and below")
    far = torch.tensor([-2000.0, -3000.0]).double()
    yield Case(far, far.flip(0), name="points far from both, where exp of either log-density is 0")
    for dtype in (torch.float64, torch.float32):  # whoever takes the largest of all points out loses the far ones
        log_p, log_q = _normal(rng, 2, 6, dtype=dtype) - torch.tensor([1, 400, 2000, 1, 400, 2000], dtype=dtype)
        yield Case(log_p, log_q, name="points near both and far from both")


# The generator's loss.


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return -E log D(fake): D = sigmoid(logit), and -log sigmoid(l) = softplus(-l)."""
    return F.softplus(-fake_logits).mean()


def _logits(rng: np.random.Generator) -> Iterator[Case]:
    for n, dtype in ((9, torch.float64), (1, torch.float64), (64, torch.float32)):
        yield Case(2 * _normal(rng, n, dtype=dtype))
    for dtype in (torch.float64, torch.float32):
        yield Case(torch.tensor([-800.0, 800.0, -900.0], dtype=dtype), name="a discriminator that is sure")


# The two penalties.


class _Smooth(nn.Module):
    """A small smooth discriminator of n images, whose gradients are about as long as ``scale``.

    Each image has a label, as in the notebook, where a lambda holds them: all images are to be given at once.
    """

    def __init__(self, rng: np.random.Generator, n: int, numbers: int, scale: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.w = nn.Parameter(_normal(rng, numbers, 6, dtype=dtype) / numbers**0.5)
        self.v = nn.Parameter(scale * _normal(rng, 6, dtype=dtype))
        self.labels = _normal(rng, n, 6, dtype=dtype) / 2

    def forward(self, x: Tensor) -> Tensor:
        if len(x) != len(self.labels):
            raise ValueError(
                f"the discriminator has labels of {len(self.labels)} images, got {len(x)}; give it all images at once"
            )
        logits: Tensor = torch.tanh(x.flatten(1) @ self.w.to(x.dtype) + self.labels.to(x.dtype)) @ self.v.to(x.dtype)
        return logits


_SETTINGS = (
    ((5, 1, 2, 2), 1.0, torch.float64),
    ((1, 3, 2, 4), 6.0, torch.float64),
    ((8, 3, 4, 2), 0.2, torch.float64),
    ((3, 2, 5, 3), 2.0, torch.float32),
)
"""Images, the length of the gradients (below 1 and above), and the precision."""


def gradient_penalty_of(discriminator: Discriminator, real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """Return E (‖∇D(x̂)‖ - 1)² at x̂ = u real + (1 - u) fake."""
    u = u.reshape(-1, 1, 1, 1)
    between = (u * real + (1 - u) * fake).detach().requires_grad_()
    logits = discriminator(between)
    # The penalty is differentiated once more, by the weights: keep the graph.
    (gradient,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
    lengths: Tensor = gradient.flatten(1).norm(dim=1)
    return (lengths - 1).square().mean()


def _penalty_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, scale, dtype in _SETTINGS:
        discriminator = _Smooth(rng, shape[0], int(np.prod(shape[1:])), scale, dtype)
        real, fake = (_normal(rng, *shape, dtype=dtype) for _ in range(2))
        u = torch.as_tensor(rng.random(shape[0]), dtype=dtype)
        n, channels, height, width = shape
        name = f"{n} images of {channels}×{height}×{width}, gradients about {scale:g} long"
        yield Case(discriminator, real, fake, u, name=name)


def r1(discriminator: Discriminator, real: Tensor) -> Tensor:
    """Return ½ E ‖∇D(x)‖² at real images."""
    real = real.detach().requires_grad_()
    logits = discriminator(real)
    # The penalty is differentiated once more, by the weights: keep the graph.
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return 0.5 * gradient.square().sum(dim=(1, 2, 3)).mean()


def _r1_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in _penalty_cases(rng):
        yield Case(*case.args[:2], name=case.name)


def _gradient(discriminator: Discriminator, x: Tensor, *, create_graph: bool = True, mean: bool = False) -> Tensor:
    x = x.detach().clone().requires_grad_()
    logits = discriminator(x)
    (gradient,) = torch.autograd.grad(logits.mean() if mean else logits.sum(), x, create_graph=create_graph)
    return gradient.flatten(1)


def _between(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return u.reshape(-1, 1, 1, 1) * real + (1 - u).reshape(-1, 1, 1, 1) * fake


def _penalty(slip: Callable[[Tensor], Tensor]) -> Any:
    """Return WGAN-GP's penalty as a slip makes it of the gradients (n, numbers), taken where they should be."""
    return lambda discriminator, real, fake, u: slip(_gradient(discriminator, _between(real, fake, u)))


def _around_one(gradient: Tensor) -> Tensor:
    lengths: Tensor = gradient.norm(dim=1)
    return (lengths - 1).square().mean()


def _r1_as(slip: Callable[[Tensor], Tensor]) -> Any:
    return lambda discriminator, real: slip(_gradient(discriminator, real))


# The largest singular value by power iteration.


def largest_singular_value(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    """Return uᵀ W v after some steps of power iteration (Miyato et al. 2018).

    Each step turns v towards Wᵀu and u towards W v, both of length 1: the direction
    that W stretches most wins.
    """
    for _ in range(steps):
        v = F.normalize(weight.T @ u, dim=0)
        u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


def _matrices(rng: np.random.Generator) -> Iterator[Case]:
    for shape, steps, dtype in (
        ((6, 4), 100, torch.float64),
        ((6, 4), 1, torch.float64),
        ((3, 7), 3, torch.float64),
        ((5, 5), 2, torch.float32),
        ((1, 3), 4, torch.float64),
        ((4, 1), 5, torch.float64),
    ):
        name = f"a {shape[0]}×{shape[1]} matrix, {steps} step{'s' if steps > 1 else ''}"
        yield Case(_normal(rng, *shape, dtype=dtype), _normal(rng, shape[0], dtype=dtype), steps, name=name)
    large, short = 50 * _normal(rng, 4, 3), 1e-3 * _normal(rng, 4)
    yield Case(large, short, steps=200, name="a large matrix and a short u, steps=200 by name, as in the notebook")


def _squared_stretch(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        u = F.normalize(weight @ (weight.T @ u), dim=0)
    return u @ weight @ (weight.T @ u)


def _never_normalised(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        v = weight.T @ u
        u = weight @ v
    return u @ weight @ v


def _ratio(log_p: Tensor, log_q: Tensor, small: float = 0.0) -> Tensor:
    return log_p.exp() / (log_p.exp() + log_q.exp() + small)


_CUT_OFF = "No gradient of the penalty reaches the discriminator's weights: create_graph=True, and nothing detached."
_FROM_LOGITS = "Far from both, exp of either log-density is 0: use only log_p - log_q."

EXERCISES = (
    Exercise(
        key="04.optimal_discriminator",
        title="The best discriminator there is",
        task="From log p(x) and log q(x), compute the probability that a point is real when half of the points are.",
        points=1,
        minutes=5,
        hints=(
            "Bayes' rule with prior ½ for either side: the halves cancel.",
            "Divide numerator and denominator of p / (p + q) by p. What is q / p in terms of the logarithms?",
            "1 / (1 + exp(-(log_p - log_q))) has a name in torch.",
        ),
        reference=optimal_discriminator,
        cases=_densities,
        returns="D*",
        mistakes=(
            Mistake(
                "That is how probable it is that the point is generated; D* says how probable real is.",
                lambda log_p, log_q: torch.sigmoid(log_q - log_p),
            ),
            Mistake(
                "The ratio p / q is no probability: divide by p + q.",
                lambda log_p, log_q: torch.exp(log_p - log_q),
            ),
            Mistake("That is the logit, log p - log q; take its sigmoid.", lambda log_p, log_q: log_p - log_q),
            Mistake(
                "These are log-densities: p is exp(log_p).",
                lambda log_p, log_q: log_p / (log_p + log_q),
            ),
            Mistake(_FROM_LOGITS, _ratio),
            Mistake(
                "A small constant in the denominator changes the answer where densities are small: use log_p - log_q.",
                lambda log_p, log_q: _ratio(log_p, log_q, 1e-12),
            ),
        ),
    ),
    Exercise(
        key="04.generator_loss",
        title="A loss that does not saturate",
        task="Compute -E log D(fake) from the discriminator's logits for a batch of fakes.",
        points=1,
        minutes=5,
        hints=(
            "The discriminator gives logits. What turns a logit into the probability D?",
            "-log sigmoid(l) = log(1 + exp(-l)), which torch.nn.functional knows under a name.",
            "softplus(l) is log(1 + exp(l)). Which sign does l need? And the mean at the end.",
        ),
        reference=generator_loss,
        cases=_logits,
        returns="the loss",
        differentiable=("fake_logits",),
        mistakes=(
            Mistake(
                "That is log(1 - D), the loss that saturates: its gradient vanishes where D is sure of a fake.",
                lambda fake_logits: -F.softplus(fake_logits).mean(),
            ),
            Mistake(
                "-log(1 - D) is small when the fakes are found out: the sign of the logits is wrong.",
                lambda fake_logits: F.softplus(fake_logits).mean(),
            ),
            Mistake(
                "That is log D, which is to be made large: take its negative, since the optimiser minimises.",
                lambda fake_logits: -generator_loss(fake_logits),
            ),
            Mistake(
                "These are the logits themselves; D is their sigmoid, and the loss its -log.",
                lambda fake_logits: -fake_logits.mean(),
            ),
            Mistake("That is -D, without the logarithm.", lambda fake_logits: -torch.sigmoid(fake_logits).mean()),
            Mistake("That is a sum over the batch; take the mean.", lambda fake_logits: F.softplus(-fake_logits).sum()),
            Mistake("That is one loss for each image; take the mean.", lambda fake_logits: F.softplus(-fake_logits)),
            Mistake(
                "For a logit of -800 a computer takes the sigmoid for 0 and exp(800) for inf: use softplus.",
                lambda fake_logits: -torch.sigmoid(fake_logits).log().mean(),
            ),
            Mistake(
                "The gradient reaches one logit only; every fake teaches the generator.",
                lambda fake_logits: F.softplus(-torch.cat([fake_logits[:1], fake_logits[1:].detach()])).mean(),
            ),
        ),
    ),
    Exercise(
        key="04.gradient_penalty",
        title="WGAN-GP's penalty",
        task="Compute E (‖∇D(x̂)‖ - 1)² at x̂ = u real + (1 - u) fake, so that the discriminator can learn from it.",
        points=3,
        minutes=20,
        hints=(
            "u has shape (n,), images (n, channels, height, width): give u three more dimensions of size 1.",
            "Let x̂ require a gradient, give all of it to the discriminator, then torch.autograd.grad(logits.sum(), x̂).",
            "The penalty is differentiated once more, so create_graph=True. One norm for each image: flatten(1).",
        ),
        reference=gradient_penalty_of,
        cases=_penalty_cases,
        returns="the gradient penalty",
        mistakes=(
            Mistake(
                "Its gradient is taken at the real images; take it between real and fake.",
                lambda discriminator, real, fake, u: _around_one(_gradient(discriminator, real)),
            ),
            Mistake(
                "Its gradient is taken at the fakes; take it between real and fake.",
                lambda discriminator, real, fake, u: _around_one(_gradient(discriminator, fake)),
            ),
            Mistake(
                "u is the share of the real image, 1 - u that of the fake.",
                lambda discriminator, real, fake, u: _around_one(_gradient(discriminator, _between(fake, real, u))),
            ),
            Mistake(
                _CUT_OFF,
                lambda discriminator, real, fake, u: _around_one(
                    _gradient(discriminator, _between(real, fake, u), create_graph=False)
                ),
            ),
            Mistake(
                "The mean of the logits was differentiated, which divides each gradient by n; differentiate their sum.",
                lambda discriminator, real, fake, u: _around_one(
                    _gradient(discriminator, _between(real, fake, u), mean=True)
                ),
            ),
            Mistake(
                "That is one norm of the whole batch; each image has a gradient, and a norm, of its own.",
                _penalty(lambda gradient: (gradient.norm() - 1).square()),
            ),
            Mistake(
                "The difference from 1 is not squared, so a gradient of 0 would be the best.",
                _penalty(lambda gradient: (gradient.norm(dim=1) - 1).mean()),
            ),
            Mistake(
                "That is ‖∇‖² - 1; take the root before 1 is subtracted.",
                _penalty(lambda gradient: (gradient.square().sum(1) - 1).square().mean()),
            ),
            Mistake(
                "That is one-sided: a gradient shorter than 1 is to be lengthened, too.",
                _penalty(lambda gradient: F.relu(gradient.norm(dim=1) - 1).square().mean()),
            ),
            Mistake(
                "That is a sum over the batch; take the mean.",
                _penalty(lambda gradient: (gradient.norm(dim=1) - 1).square().sum()),
            ),
            Mistake(
                "The norm goes over all of an image's channels and pixels together: flatten(1) first.",
                lambda discriminator, real, fake, u: (
                    (_gradient(discriminator, _between(real, fake, u)).reshape(real.shape).flatten(2).norm(dim=2) - 1)
                    .square()
                    .mean()
                ),
            ),
        ),
    ),
    Exercise(
        key="04.r1",
        title="The R1 penalty",
        task="Compute ½ E ‖∇D(x)‖² at real images, so that the discriminator can learn from it.",
        points=2,
        minutes=10,
        hints=(
            "As for WGAN-GP, but at the real images themselves and without the 1.",
            "‖∇‖² is a sum of squares over an image's numbers: no root is needed.",
            "Mean over images, sum within each, a half in front, create_graph=True.",
        ),
        reference=r1,
        cases=_r1_cases,
        returns="R1",
        mistakes=(
            Mistake("The factor ½ is missing.", _r1_as(lambda gradient: gradient.square().sum(1).mean())),
            Mistake(
                "That is ½ E ‖∇‖; R1 squares the norm.", _r1_as(lambda gradient: 0.5 * gradient.norm(dim=1).mean())
            ),
            Mistake(
                "That is WGAN-GP's (‖∇‖ - 1)²; R1 wants gradients of 0 at the data, not of 1.",
                _r1_as(_around_one),
            ),
            Mistake(
                "That is a mean over the pixels; the squares of an image's gradient add up to ‖∇‖².",
                _r1_as(lambda gradient: 0.5 * gradient.square().mean()),
            ),
            Mistake(
                "That is a sum over the batch; take the mean.",
                _r1_as(lambda gradient: 0.5 * gradient.square().sum()),
            ),
            Mistake(
                "The mean of the logits was differentiated, which divides each gradient by n; differentiate their sum.",
                lambda discriminator, real: 0.5 * _gradient(discriminator, real, mean=True).square().sum(1).mean(),
            ),
            Mistake(
                "The sum goes over all of an image's channels and pixels, not over the pixels of each channel.",
                lambda discriminator, real: (
                    0.5 * _gradient(discriminator, real).reshape(real.shape).square().sum((2, 3)).mean()
                ),
            ),
            Mistake(
                _CUT_OFF,
                lambda discriminator, real: (
                    0.5 * _gradient(discriminator, real, create_graph=False).square().sum(1).mean()
                ),
            ),
        ),
    ),
    Exercise(
        key="04.spectral_norm",
        title="The largest singular value by power iteration",
        task="Run power iteration on W from u for a number of steps and return uᵀ W v.",
        points=2,
        minutes=10,
        hints=(
            "A vector that is multiplied by WᵀW again and again turns towards the direction that W stretches most.",
            "One step: v = Wᵀu, made of length 1; then u = W v, made of length 1.",
            "F.normalize(x, dim=0) makes a vector of length 1. At the end: u @ weight @ v.",
        ),
        reference=largest_singular_value,
        cases=_matrices,
        returns="the singular value",
        mistakes=(
            Mistake(
                "That is the root of the sum of all squares (Frobenius); only the largest stretch is wanted.",
                lambda weight, u, steps: weight.norm(),
            ),
            Mistake("That is the square of it: WᵀW stretches twice.", _squared_stretch),
            Mistake("The vectors grow without end: bring u and v to length 1 in each step.", _never_normalised),
            Mistake(
                "One step was made, whatever `steps` says.",
                lambda weight, u, steps: largest_singular_value(weight, u, 1),
            ),
            Mistake(
                "That is one step too many.",
                lambda weight, u, steps: largest_singular_value(weight, u, steps + 1),
            ),
            Mistake(
                "That is the exact value; return what so many steps give.",
                lambda weight, u, steps: torch.linalg.matrix_norm(weight, 2),
            ),
        ),
    ),
)


# The weights that ship with the chapter.


def train_mnist() -> GAN:
    """Train a conditional DCGAN on the 4,000 training digits of MNIST: some minutes on one core."""
    gan = GAN((1, 28, 28), classes=10, latent=64, width=32, r1=0.5)
    return gan.fit(mnist().train, epochs=32, lr=1e-3, ema=0.995)


WEIGHTS = {"04-mnist": train_mnist}
