"""Chapter 04: what its notebook's header says, its exercises, and how the weights that ship with it are trained.

The checks compute what they expect from closed forms: a discriminator that is a quadratic function has a gradient that
can be written down, and power iteration can be followed in the basis that numpy's singular value decomposition gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.data import mnist
from sdg_lab.models.gan import GAN
from sdg_lab.models.gan.losses import gradient_penalty, r1_penalty

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


def _normal_numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Exercise: the optimal discriminator.


def optimal_discriminator(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return D*(x) = p(x) / (p(x) + q(x)), the probability that a point is real, from the log-densities.

    p / (p + q) = 1 / (1 + exp(log q - log p)): only the difference is needed, however small both densities are.
    """
    return torch.sigmoid(log_p - log_q)


def _check_optimal(answer: Answer) -> None:
    log_p, log_q = _normal_numbers(7, seed=0) - 1, _normal_numbers(7, seed=1) - 2
    p, q = np.exp(log_p.numpy()), np.exp(log_q.numpy())
    want = p / (p + q)
    got = answer(log_p, log_q)
    mistakes = {
        "that is how probable it is that the point is generated; the discriminator says how probable real is": 1 - want,
        "the ratio p / q, which is no probability: divide by p + q": p / q,
        "that is the logit, log p - log q; take its sigmoid": np.log(p / q),
        "these are log-densities: p is exp(log_p)": log_p.numpy() / (log_p + log_q).numpy(),
    }
    name_the_mistake(got, want, mistakes, what="D*")
    expect_close(got, want, what="D*", case="seven points")
    far = torch.tensor([-2000.0, -3000.0], dtype=torch.float64)
    expect_close(
        answer(far, far.flip(0)),
        [1.0, 0.0],
        what="D*",
        case="far from both, where exp of either log-density is 0 (use only log_p - log_q)",
    )


def _ratio_of_densities(log_p: Tensor, log_q: Tensor) -> Tensor:
    return torch.exp(log_p - log_q)


def _probability_of_fake(log_p: Tensor, log_q: Tensor) -> Tensor:
    return torch.sigmoid(log_q - log_p)


def _logit(log_p: Tensor, log_q: Tensor) -> Tensor:
    return log_p - log_q


def _through_densities(log_p: Tensor, log_q: Tensor) -> Tensor:
    return log_p.exp() / (log_p.exp() + log_q.exp())


# Exercise: the generator's loss.


def non_saturating_loss(fake_logits: Tensor) -> Tensor:
    """Return -E log D(fake) for logits (n,): D = sigmoid(logit), and -log sigmoid(l) = softplus(-l)."""
    return F.softplus(-fake_logits).mean()


def _check_generator_loss(answer: Answer) -> None:
    logits = (2 * _normal_numbers(9, seed=2)).requires_grad_()
    values = logits.detach().numpy()
    each = np.logaddexp(0, -values)
    want = each.mean()
    got = answer(logits)
    mistakes = {
        "log(1 - D), the loss that saturates: its gradient vanishes where D is sure of a fake": -np.logaddexp(
            0, values
        ).mean(),
        "-log(1 - D) is small when the fakes are found out: the sign of the logits is turned": np.logaddexp(
            0, values
        ).mean(),
        "log D, which is to be made large: turn its sign, the optimiser goes down": -want,
        "the logits themselves; D is their sigmoid, and the loss its -log": -values.mean(),
        "-D, without the logarithm": -(1 / (1 + np.exp(-values))).mean(),
        "a sum over the batch; take the mean": each.sum(),
        "one loss a picture; take the mean of the batch": each,
    }
    name_the_mistake(got, want, mistakes, what="the loss")
    expect_close(got, want, what="the loss", case="nine logits")
    if not isinstance(got, Tensor) or not got.requires_grad:
        raise Wrong(
            "the loss carries no gradient to the logits, so the generator would learn nothing: stay within torch, "
            "and do not detach"
        )
    expect_close(
        answer(torch.tensor([-800.0, -800.0], dtype=torch.float64)),
        800.0,
        what="the loss",
        case="a discriminator that is sure (logits of -800, whose sigmoid is 0 in a computer: use softplus)",
    )


def _saturating(fake_logits: Tensor) -> Tensor:
    return -F.softplus(fake_logits).mean()


def _wants_to_be_found(fake_logits: Tensor) -> Tensor:
    return F.softplus(fake_logits).mean()


def _forgot_sigmoid(fake_logits: Tensor) -> Tensor:
    return -fake_logits.mean()


def _detached(fake_logits: Tensor) -> Tensor:
    return F.softplus(-fake_logits.detach()).mean()


def _log_of_sigmoid(fake_logits: Tensor) -> Tensor:
    return -torch.sigmoid(fake_logits).log().mean()


# Exercises: the two penalties. The discriminator is ½ xᵀA x + bᵀx with symmetric A, so its gradient is A x + b.

_ROWS, _NUMBERS = 5, 4


def _quadratic(seed: int) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor]:
    """Return a discriminator of pictures of 4 pixels, and its A and b; b wants a gradient."""
    a = _normal_numbers(_NUMBERS, _NUMBERS, seed=seed)
    a, b = (a + a.T) / 2, _normal_numbers(_NUMBERS, seed=seed + 1).requires_grad_()

    def discriminator(x: Tensor) -> Tensor:
        flat = x.flatten(1)
        return 0.5 * ((flat @ a) * flat).sum(1) + flat @ b

    return discriminator, a, b


def _expect_gradient(penalty: Any, b: Tensor, want: Tensor) -> None:
    """Refuse a penalty that cannot teach the discriminator, or teaches it something else."""
    if not isinstance(penalty, Tensor) or not penalty.requires_grad:
        raise Wrong(
            "the penalty carries no gradient to the discriminator's weights, so it would change nothing: "
            "call torch.autograd.grad with create_graph=True, and stay within torch"
        )
    (got,) = torch.autograd.grad(penalty, b, allow_unused=True)
    if got is None:
        raise Wrong("the penalty does not depend on the discriminator's weights: differentiate its logits")
    expect_close(got, want, what="the penalty's gradient with respect to the discriminator's weights")


def _check_gradient_penalty(answer: Answer) -> None:
    discriminator, a, b = _quadratic(seed=3)
    real, fake = _normal_numbers(2, _ROWS, 1, 2, 2, seed=5)
    u = torch.rand(_ROWS, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def gradients(share: Tensor) -> Tensor:
        between = share[:, None] * real.flatten(1) + (1 - share)[:, None] * fake.flatten(1)
        gradient: Tensor = between @ a + b.detach()
        return gradient

    g = gradients(u)
    norm = g.norm(dim=1)
    want = (norm - 1).square().mean()
    got = answer(discriminator, real, fake, u)
    one, nothing = torch.ones(_ROWS, dtype=torch.float64), torch.zeros(_ROWS, dtype=torch.float64)
    mistakes = {
        "its gradient is taken at the real pictures; take it between real and fake": (
            (gradients(one).norm(dim=1) - 1).square().mean()
        ),
        "its gradient is taken at the fakes; take it between real and fake": (
            (gradients(nothing).norm(dim=1) - 1).square().mean()
        ),
        "u is the share of the real picture, 1 - u that of the fake": (
            (gradients(1 - u).norm(dim=1) - 1).square().mean()
        ),
        "one norm of the whole batch; each picture has a gradient, and a norm, of its own": (g.norm() - 1).square(),
        "the difference from 1 is not squared, so a gradient of 0 would be the best": (norm - 1).mean(),
        "that is ‖∇‖² - 1; take the root before 1 is subtracted": (norm.square() - 1).square().mean(),
        "the mean of the logits was differentiated, which divides each gradient by n; differentiate their sum": (
            (norm / _ROWS - 1).square().mean()
        ),
        "a sum over the batch; take the mean": (norm - 1).square().sum(),
    }
    name_the_mistake(got, want, mistakes, what="the gradient penalty")
    expect_close(got, want, what="the gradient penalty", case="five pictures of 2×2 pixels")
    _expect_gradient(got, b, 2 * ((1 - 1 / norm)[:, None] * g).mean(0))  # d ‖g‖ / d b = g / ‖g‖


def _gradient_at(
    discriminator: Callable[[Tensor], Tensor], x: Tensor, *, create_graph: bool = True, mean: bool = False
) -> Tensor:
    x = x.detach().clone().requires_grad_()
    logits = discriminator(x)
    (gradient,) = torch.autograd.grad(logits.mean() if mean else logits.sum(), x, create_graph=create_graph)
    return gradient.flatten(1)


def _lengths(gradient: Tensor) -> Tensor:
    return gradient.square().sum(1).sqrt()


def _between(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return u.reshape(-1, 1, 1, 1) * real + (1 - u).reshape(-1, 1, 1, 1) * fake


def _at_real_points(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return (_lengths(_gradient_at(discriminator, real)) - 1).square().mean()


def _no_graph(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    gradient = _gradient_at(discriminator, _between(real, fake, u), create_graph=False)
    return (_lengths(gradient) - 1).square().mean()


def _norm_of_the_batch(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return (_gradient_at(discriminator, _between(real, fake, u)).square().sum().sqrt() - 1).square()


def _not_squared(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return (_lengths(_gradient_at(discriminator, _between(real, fake, u))) - 1).mean()


def _of_the_mean_logit(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    return (_lengths(_gradient_at(discriminator, _between(real, fake, u), mean=True)) - 1).square().mean()


def _check_r1(answer: Answer) -> None:
    discriminator, a, b = _quadratic(seed=7)
    real = _normal_numbers(_ROWS, 1, 2, 2, seed=9)
    g = real.flatten(1) @ a + b.detach()
    squared = g.square().sum(1)
    want = squared.mean() / 2
    got = answer(discriminator, real)
    mistakes = {
        "the factor ½ is missing": 2 * want,
        "that is ½ E ‖∇‖; R1 squares the norm": squared.sqrt().mean() / 2,
        "that is WGAN-GP's (‖∇‖ - 1)²; R1 wants gradients of 0 at the data, not of 1": (
            (squared.sqrt() - 1).square().mean()
        ),
        "a mean over the pixels; the squares of a picture's gradient add up to ‖∇‖²": want / _NUMBERS,
        "a sum over the batch; take the mean": want * _ROWS,
        "the mean of the logits was differentiated, which divides each gradient by n; differentiate their sum": (
            want / _ROWS**2
        ),
    }
    name_the_mistake(got, want, mistakes, what="R1")
    expect_close(got, want, what="R1", case="five pictures of 2×2 pixels")
    _expect_gradient(got, b, g.mean(0))  # d ½ ‖g‖² / d b = g


def _r1_without_half(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    return _gradient_at(discriminator, real).square().sum(1).mean()


def _r1_of_the_norm(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    return 0.5 * _lengths(_gradient_at(discriminator, real)).mean()


def _r1_mean_of_pixels(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    return 0.5 * _gradient_at(discriminator, real).square().mean()


def _r1_around_one(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    return (_lengths(_gradient_at(discriminator, real)) - 1).square().mean()


def _r1_without_graph(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    return 0.5 * _gradient_at(discriminator, real, create_graph=False).square().sum(1).mean()


# Exercise: the largest singular value by power iteration.


def largest_singular_value(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    """Return uᵀ W v after some steps of power iteration (Miyato et al. 2018, algorithm 1).

    Each step turns v towards Wᵀu and u towards W v, both of length 1: what W stretches most wins.

    Args:
        weight: W, (n_out, n_in).
        u: where to begin, (n_out,).
        steps: how often both are turned, at least once.
    """
    for _ in range(steps):
        v = F.normalize(weight.T @ u, dim=0)
        u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


def _check_singular_value(answer: Answer) -> None:
    weight, u = _normal_numbers(6, 4, seed=10), _normal_numbers(6, seed=11)
    left, values, _ = np.linalg.svd(weight.numpy(), full_matrices=False)
    mistakes = {
        "that is the root of the sum of all squares (Frobenius); only the largest stretch is wanted": np.linalg.norm(
            weight.numpy()
        ),
        "that is the square of it: WᵀW stretches twice": values[0] ** 2,
        "the smallest singular value": values[-1],
        "the largest entry of W": weight.abs().max().item(),
    }
    for steps in (100, 1, 3):
        case = f"a 6×4 matrix, {steps} step{'s' if steps > 1 else ''}"
        # In the basis of singular vectors, each step multiplies u's coordinates by σ² and v's by σ.
        at = left.T @ u.numpy()
        along_u, along_v = (at * (values / values[0]) ** power for power in (2 * steps, 2 * steps - 1))
        want = (along_u / np.linalg.norm(along_u) * values * along_v / np.linalg.norm(along_v)).sum()
        got = answer(weight, u, steps)
        exact = {f"that is the exact one; return what {steps} of the steps give": values[0]}
        name_the_mistake(got, want, mistakes | exact, what=f"the singular value for {case}")
        expect_close(got, want, what="the singular value (u and v of length 1 in each step)", case=case)


def _frobenius(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    return weight.square().sum().sqrt()


def _squared_stretch(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        u = F.normalize(weight @ (weight.T @ u), dim=0)
    return u @ weight @ (weight.T @ u)


def _never_normalised(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        v = weight.T @ u
        u = weight @ v
    return u @ weight @ v


def _one_step_only(weight: Tensor, u: Tensor, steps: int) -> Tensor:
    return largest_singular_value(weight, u, 1)


def _by_decomposition(weight: Tensor, u: Tensor, steps: int) -> float:
    return float(np.linalg.norm(weight.numpy(), 2))


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
        check=_check_optimal,
        wrong=(
            WrongAnswer("returns the ratio of the densities", _ratio_of_densities, says="no probability"),
            WrongAnswer("takes fake for real", _probability_of_fake, says="how probable real is"),
            WrongAnswer("returns the logit", _logit, says="take its sigmoid"),
            WrongAnswer("computes the densities first", _through_densities, says="use only log_p - log_q"),
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
        reference=non_saturating_loss,
        check=_check_generator_loss,
        wrong=(
            WrongAnswer("takes the saturating loss", _saturating, says="saturates"),
            WrongAnswer("rewards being found out", _wants_to_be_found, says="sign of the logits"),
            WrongAnswer("forgets the sigmoid", _forgot_sigmoid, says="D is their sigmoid"),
            WrongAnswer("detaches the logits", _detached, says="no gradient to the logits"),
            WrongAnswer("takes the logarithm of a sigmoid", _log_of_sigmoid, says="use softplus"),
        ),
    ),
    Exercise(
        key="04.gradient_penalty",
        title="WGAN-GP's penalty",
        task="Compute E (‖∇D(x̂)‖ - 1)² at x̂ = u real + (1 - u) fake, so that the discriminator can learn from it.",
        points=3,
        minutes=20,
        hints=(
            "u has shape (n,), pictures (n, channels, height, width): give u three more dimensions of size 1.",
            "x̂ must require a gradient before the discriminator sees it; torch.autograd.grad(logits.sum(), x̂).",
            "The penalty is differentiated once more, so create_graph=True. One norm a picture: flatten(1).",
        ),
        reference=gradient_penalty,
        check=_check_gradient_penalty,
        wrong=(
            WrongAnswer("takes the gradient at real pictures", _at_real_points, says="between real and fake"),
            WrongAnswer("forgets create_graph", _no_graph, says="create_graph=True"),
            WrongAnswer("takes one norm of the batch", _norm_of_the_batch, says="of its own"),
            WrongAnswer("does not square", _not_squared, says="not squared"),
            WrongAnswer("differentiates the mean logit", _of_the_mean_logit, says="differentiate their sum"),
        ),
    ),
    Exercise(
        key="04.r1",
        title="The R1 penalty",
        task="Compute ½ E ‖∇D(x)‖² at real pictures, so that the discriminator can learn from it.",
        points=2,
        minutes=10,
        hints=(
            "As for WGAN-GP, but at the real pictures themselves and without the 1.",
            "‖∇‖² is a sum of squares over a picture's numbers: no root is needed.",
            "Mean over pictures, sum within each, a half in front, create_graph=True.",
        ),
        reference=r1_penalty,
        check=_check_r1,
        wrong=(
            WrongAnswer("forgets the half", _r1_without_half, says="½ is missing"),
            WrongAnswer("does not square the norm", _r1_of_the_norm, says="squares the norm"),
            WrongAnswer("averages over the pixels", _r1_mean_of_pixels, says="mean over the pixels"),
            WrongAnswer("wants gradients of 1", _r1_around_one, says="WGAN-GP"),
            WrongAnswer("forgets create_graph", _r1_without_graph, says="create_graph=True"),
        ),
    ),
    Exercise(
        key="04.spectral_norm",
        title="The largest singular value, by turning a vector",
        task="Run power iteration on W from u for a number of steps and return uᵀ W v.",
        points=2,
        minutes=10,
        hints=(
            "A vector that is multiplied by WᵀW again and again turns towards the direction that W stretches most.",
            "One step: v = Wᵀu, made of length 1; then u = W v, made of length 1.",
            "F.normalize(x, dim=0) makes a vector of length 1. At the end: u @ weight @ v.",
        ),
        reference=largest_singular_value,
        check=_check_singular_value,
        wrong=(
            WrongAnswer("returns the Frobenius norm", _frobenius, says="Frobenius"),
            WrongAnswer("returns the square", _squared_stretch, says="square of it"),
            WrongAnswer("never makes the vectors short", _never_normalised, says="not finite|length 1"),
            WrongAnswer("takes one step only", _one_step_only, says="100 steps"),
            WrongAnswer("decomposes W", _by_decomposition, says="exact one"),
        ),
    ),
)


# The weights that ship with the chapter.


def train_mnist() -> GAN:
    """Train a conditional DCGAN on the 4,000 training digits of MNIST: some minutes on one core."""
    gan = GAN((1, 28, 28), classes=10, latent=64, width=32, r1=0.5)
    return gan.fit(mnist().train, epochs=32, lr=1e-3, ema=0.995)


WEIGHTS = {"04-mnist": train_mnist}
