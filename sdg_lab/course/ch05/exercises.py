"""Chapter 05: what its notebook's header says, its exercises, and the weights that ship with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

if TYPE_CHECKING:
    from sdg_lab.models.diffusion import Diffusion

CHAPTER = Chapter(
    number="05",
    title="Diffusion",
    builds="A diffusion model from its first speck of noise: the forward chain, the bound and the loss that comes of "
    "it, a score field held against the true one, digits judged by figures, a U-Net, few steps, guidance, and flow "
    "matching.",
    read_first="Chapters 00 and 03 (the evidence lower bound); the density of a Gaussian; what a convolution does.",
    papers=(
        Paper(
            "Deep Unsupervised Learning using Nonequilibrium Thermodynamics",
            "Sohl-Dickstein et al.",
            2015,
            "https://arxiv.org/abs/1503.03585",
        ),
        Paper(
            "Denoising Diffusion Probabilistic Models", "Ho, Jain and Abbeel", 2020, "https://arxiv.org/abs/2006.11239"
        ),
        Paper(
            "Improved Denoising Diffusion Probabilistic Models",
            "Nichol and Dhariwal",
            2021,
            "https://arxiv.org/abs/2102.09672",
        ),
        Paper("Denoising Diffusion Implicit Models", "Song, Meng and Ermon", 2021, "https://arxiv.org/abs/2010.02502"),
        Paper(
            "Progressive Distillation for Fast Sampling of Diffusion Models",
            "Salimans and Ho",
            2022,
            "https://arxiv.org/abs/2202.00512",
        ),
        Paper("Classifier-Free Diffusion Guidance", "Ho and Salimans", 2022, "https://arxiv.org/abs/2207.12598"),
        Paper("Flow Matching for Generative Modeling", "Lipman et al.", 2023, "https://arxiv.org/abs/2210.02747"),
    ),
)

# The weights that ship: what a page has no time for.


def train_mnist() -> Diffusion:
    """Train the chapter's U-Net of MNIST: 32 epochs on 4,000 images.

    What it took is saved with the weights, as the model's ``trained``.
    """
    from sdg_lab import data
    from sdg_lab.models.diffusion import Diffusion

    model = Diffusion((1, 28, 28), architecture="unet", widths=(48, 96), unshuffle=2, timesteps=200, classes=10)
    return model.fit(data.mnist().train, epochs=32, batch_size=64, lr=2e-3, ema=0.995, seed=0)


WEIGHTS = {"05-mnist": train_mnist}


# What the cases share.


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


def _cosine(timesteps: int) -> Tensor:
    share = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    fall = torch.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2
    return (fall / fall[0]).clamp(min=1e-5)


def _linear(timesteps: int) -> Tensor:
    beta = torch.linspace(0.001, 0.2, timesteps, dtype=torch.float64)
    return torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - beta, 0)])


_SHAPES = (
    ((5, 1, 4, 4), _cosine(50), torch.float64),
    ((3, 3, 2, 5), _linear(20), torch.float64),
    ((1, 2, 3, 3), _cosine(10), torch.float64),
    ((4, 3, 5, 2), _linear(30), torch.float32),
)
"""Images, schedule, precision. In the first the width is no batch size, in the others neither."""


def _like(values: Tensor) -> Tensor:
    """Return one factor for each image in the shape that multiplies (n, channels, height, width)."""
    return values.reshape(-1, 1, 1, 1)


def _alphas(alphas_bar: Tensor) -> Tensor:
    """Return α_t at index t, with α_0 = 1: what people take for ᾱ_t."""
    return torch.cat([alphas_bar[:1], alphas_bar[1:] / alphas_bar[:-1]])


# All steps of noise at once.


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    """Return x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε (Ho et al. 2020, equation 4)."""
    a = alphas_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def _q_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, bar, dtype in _SHAPES:
        x0, noise = (_normal(rng, *shape, dtype=dtype) for _ in range(2))
        t = torch.as_tensor(rng.integers(0, len(bar), shape[0]))
        t[0] = 0
        yield Case(x0, t, noise, bar.to(dtype, copy=True), name=f"images {shape}, t = {t.tolist()} of {len(bar) - 1}")
    x0, noise = (_normal(rng, 3, 1, 4, 2, dtype=torch.float32) for _ in range(2))
    t = torch.tensor([12, 1, 7])
    yield Case(x0, t, noise, _cosine(12), name="images in single precision, ᾱ in double, as in the notebook")


# One step back, when the image is known.


def posterior(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7)."""
    now, before = alphas_bar[t], alphas_bar[t - 1]
    alpha, beta = now / before, 1 - now / before
    mean = (before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt) / (1 - now)
    return mean, (1 - before) / (1 - now) * beta


def _posterior_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, bar, dtype in _SHAPES:
        for t in (len(bar) // 2, 1, len(bar) - 1):
            x0, xt = (_normal(rng, *shape, dtype=dtype) for _ in range(2))
            yield Case(x0, xt, t, bar.to(dtype, copy=True), name=f"images {shape}, t = {t} of {len(bar) - 1}")


def _variance_as(variance: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the right mean beside a variance made of ᾱ_t and ᾱ_{t-1}."""
    return lambda x0, xt, t, alphas_bar: (
        posterior(x0, xt, t, alphas_bar)[0],
        variance(alphas_bar[t], alphas_bar[t - 1]),
    )


def _mean_as(weights: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the right variance beside a mean whose two weights are made of ᾱ_t and ᾱ_{t-1}."""

    def answer(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
        of_x0, of_xt = weights(alphas_bar[t], alphas_bar[t - 1])
        return of_x0 * x0 + of_xt * xt, posterior(x0, xt, t, alphas_bar)[1]

    return answer


# What v is.


def v_target(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    """Return v = √ᾱ_t ε - √(1 - ᾱ_t) x_0 (Salimans & Ho 2022)."""
    a = alphas_bar[t].reshape(-1, 1, 1, 1)
    return a.sqrt() * noise - (1 - a).sqrt() * x0


def _v_cases(rng: np.random.Generator) -> Iterator[Case]:
    for case in _q_cases(rng):
        x0, t, noise, bar = case.args
        yield Case(x0, noise, t, bar, name=case.name)
    square = torch.tensor([1, 10, 25, 40])
    x0, noise = _normal(rng, 2, 4, 1, 4, 4)
    yield Case(x0, noise, square, _cosine(40), name="4 images of 4×4, t = 1, 10, 25, 40 of 40")


def _along_the_width(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    a = alphas_bar[t]
    return a.sqrt() * noise - (1 - a).sqrt() * x0


# A step of DDIM.


def ddim_step(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    """Return x_s from x_t and x̂_0, without new noise (Song et al. 2021, σ = 0)."""
    now, later = alphas_bar[t], alphas_bar[s]
    epsilon = (xt - now.sqrt() * x0_hat) / (1 - now).sqrt()
    return later.sqrt() * x0_hat + (1 - later).sqrt() * epsilon


def _ddim_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, bar, dtype in _SHAPES:
        last = len(bar) - 1
        for t, s in ((last, last // 2), (last // 2, last // 2 - 1), (last // 3, 0)):
            x0_hat, xt = (_normal(rng, *shape, dtype=dtype) for _ in range(2))
            yield Case(
                x0_hat, xt, t, s, bar.to(dtype, copy=True), name=f"images {shape}, from t = {t} to s = {s} of {last}"
            )


def _ddim_as(mix: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a step made of x̂_0, x_t, ᾱ_t and ᾱ_s."""
    return lambda x0_hat, xt, t, s, alphas_bar: mix(x0_hat, xt, alphas_bar[t], alphas_bar[s])


def _ddim_new_noise(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    fresh = torch.randn(xt.shape, generator=torch.Generator().manual_seed(0), dtype=xt.dtype)
    later = alphas_bar[s]
    return later.sqrt() * x0_hat + (1 - later).sqrt() * fresh


# Guidance.


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Return unconditional + scale · (conditional - unconditional)."""
    return unconditional + scale * (conditional - unconditional)


def _guided_cases(rng: np.random.Generator) -> Iterator[Case]:
    scales = (3.0, 1.0, 0.0, 1.5, 0.4, 7.5)
    shapes = ((3, 1, 4, 4), (1, 3, 2, 5), (4, 2, 3, 3), (2, 3, 4, 2), (5, 1, 2, 2), (6,))
    for scale, shape in zip(scales, shapes, strict=True):
        dtype = torch.float32 if shape == (2, 3, 4, 2) else torch.float64
        both = (_normal(rng, *shape, dtype=dtype) for _ in range(2))
        yield Case(*both, scale, name=f"outputs {shape}, scale = {scale:g}")


EXERCISES = (
    Exercise(
        key="05.q_sample",
        title="All steps at once",
        task="Make x_t from x_0 and standard normal noise in one step.",
        points=1,
        minutes=5,
        hints=(
            "x_t has the mean √ᾱ_t x_0 and the variance 1-ᾱ_t. How is noise of variance 1 stretched to another?",
            "alphas_bar[t] has shape (n,), the images (n, channels, height, width): reshape it to (n, 1, 1, 1).",
            "a = alphas_bar[t].reshape(-1, 1, 1, 1); then a.sqrt() * x0 + ...",
        ),
        reference=q_sample,
        cases=_q_cases,
        returns="x_t",
        mistakes=(
            Mistake(
                "That is one step with α_t; all t steps together need ᾱ_t.",
                lambda x0, t, noise, bar: q_sample(x0, t, noise, _alphas(bar)),
            ),
            Mistake(
                "The square roots are missing: ᾱ_t and 1-ᾱ_t are variances.",
                lambda x0, t, noise, bar: _like(bar[t]) * x0 + (1 - _like(bar[t])) * noise,
            ),
            Mistake(
                "The image is multiplied by √ᾱ_t, not by ᾱ_t.",
                lambda x0, t, noise, bar: _like(bar[t]) * x0 + (1 - _like(bar[t])).sqrt() * noise,
            ),
            Mistake(
                "The noise is multiplied by √(1-ᾱ_t), a standard deviation, not by the variance.",
                lambda x0, t, noise, bar: _like(bar[t]).sqrt() * x0 + (1 - _like(bar[t])) * noise,
            ),
            Mistake(
                "The two factors are exchanged: at t = 0 it must be the image.",
                lambda x0, t, noise, bar: q_sample(noise, t, x0, bar),
            ),
            Mistake(
                "alphas_bar[t] is ᾱ_t, since ᾱ_0 = 1 stands in front: do not subtract 1 from t.",
                lambda x0, t, noise, bar: q_sample(x0, (t - 1).clamp(min=0), noise, bar),
            ),
            Mistake(
                "Noise is added at t = 0; there it must be the image itself.",
                lambda x0, t, noise, bar: torch.where(_like(t) == 0, x0 + noise, q_sample(x0, t, noise, bar)),
            ),
            Mistake(
                "All images got the time of the first; each has its own.",
                lambda x0, t, noise, bar: q_sample(x0, t[:1].expand(len(t)), noise, bar),
            ),
        ),
    ),
    Exercise(
        key="05.posterior",
        title="One step back, when the image is known",
        task="Compute the mean and the variance of q(x_{t-1} | x_t, x_0).",
        points=2,
        minutes=15,
        hints=(
            "Begin with two names: now = alphas_bar[t] and before = alphas_bar[t - 1]. What is α_t in terms of them?",
            "α_t = now / before, β_t = 1 - α_t. Both terms of the mean are divided by 1 - now.",
            "mean = (before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt) / (1 - now); at t = 1 it is x0.",
        ),
        reference=posterior,
        cases=_posterior_cases,
        returns=("the mean", "the variance"),
        mistakes=(
            Mistake(
                "x_0 and x_t are exchanged in the mean.",
                lambda x0, xt, t, bar: posterior(xt, x0, t, bar),
            ),
            Mistake(
                "A factor is ᾱ where it should be α: x_t is multiplied by √α_t.",
                _mean_as(
                    lambda now, before: (
                        before.sqrt() * (1 - now / before) / (1 - now),
                        now.sqrt() * (1 - before) / (1 - now),
                    )
                ),
            ),
            Mistake(
                "x_0 is multiplied by √ᾱ_{t-1}, the step before, not by √ᾱ_t.",
                _mean_as(
                    lambda now, before: (
                        now.sqrt() * (1 - now / before) / (1 - now),
                        (now / before).sqrt() * (1 - before) / (1 - now),
                    )
                ),
            ),
            Mistake(
                "The square roots are missing in the mean.",
                _mean_as(
                    lambda now, before: (
                        before * (1 - now / before) / (1 - now),
                        now / before * (1 - before) / (1 - now),
                    )
                ),
            ),
            Mistake(
                "Both terms of the mean are divided by 1-ᾱ_t.",
                _mean_as(
                    lambda now, before: (before.sqrt() * (1 - now / before), (now / before).sqrt() * (1 - before))
                ),
            ),
            Mistake(
                "That is β_t, the variance of a step forward; knowing x_0 makes it smaller.",
                _variance_as(lambda now, before: 1 - now / before),
            ),
            Mistake(
                "That is the standard deviation; the variance is asked for.",
                _variance_as(lambda now, before: ((1 - before) / (1 - now) * (1 - now / before)).sqrt()),
            ),
            Mistake(
                "That is the logarithm of the variance; the variance is asked for.",
                _variance_as(lambda now, before: ((1 - before) / (1 - now) * (1 - now / before)).log()),
            ),
            Mistake(
                "The variance's fraction is upside down.",
                _variance_as(lambda now, before: (1 - now) / (1 - before) * (1 - now / before)),
            ),
        ),
    ),
    Exercise(
        key="05.v_target",
        title="What v is",
        task="Compute the network's target v from image, noise and time.",
        points=1,
        minutes=5,
        hints=(
            "x_t lies on an arc: cos φ times the image plus sin φ times the noise. What is its derivative by φ?",
            "cos φ = √ᾱ_t and sin φ = √(1-ᾱ_t); the derivative of cos is -sin, that of sin is cos.",
            "a.sqrt() * noise - (1 - a).sqrt() * x0, with a of shape (n, 1, 1, 1).",
        ),
        reference=v_target,
        cases=_v_cases,
        returns="v",
        mistakes=(
            Mistake(
                "That is x_t itself; v is how it moves.",
                lambda x0, noise, t, bar: q_sample(x0, t, noise, bar),
            ),
            Mistake(
                "Image and noise are exchanged: near t = 0 v is the noise.",
                lambda x0, noise, t, bar: v_target(noise, x0, t, bar),
            ),
            Mistake("The sign is wrong.", lambda x0, noise, t, bar: -v_target(x0, noise, t, bar)),
            Mistake(
                "x_0 is added; v moves away from it: subtract.",
                lambda x0, noise, t, bar: v_target(-x0, noise, t, bar),
            ),
            Mistake(
                "The square roots are missing.",
                lambda x0, noise, t, bar: _like(bar[t]) * noise - (1 - _like(bar[t])) * x0,
            ),
            Mistake(
                "That takes α_t of one step; v needs ᾱ_t.",
                lambda x0, noise, t, bar: v_target(x0, noise, t, _alphas(bar)),
            ),
            Mistake(
                "noise - x_0 is the velocity on a straight path; on the arc each has its factor.",
                lambda x0, noise, t, bar: noise - x0,
            ),
            Mistake(
                "The factors of the images were spread along the width: reshape alphas_bar[t] to (n, 1, 1, 1).",
                _along_the_width,
            ),
        ),
    ),
    Exercise(
        key="05.ddim",
        title="A long step without new noise",
        task="Go from x_t to x_s for any s < t, given x̂_0, without new noise.",
        points=2,
        minutes=15,
        hints=(
            "Two things are known once x̂_0 is: the image, and the noise that must then be in x_t.",
            "epsilon = (xt - sqrt(ᾱ_t) x̂_0) / sqrt(1-ᾱ_t). Which x_s do the same image and the same noise make?",
            "The closed form of q_sample at s, with x̂_0 for the image and that epsilon for the noise.",
        ),
        reference=ddim_step,
        cases=_ddim_cases,
        returns="x_s",
        mistakes=(
            Mistake(
                "That is the posterior's mean; DDIM keeps the noise that it sees.",
                _ddim_as(
                    lambda x0, xt, now, later: (
                        (later.sqrt() * (1 - now / later) * x0 + (now / later).sqrt() * (1 - later) * xt) / (1 - now)
                    )
                ),
            ),
            Mistake(
                "The roots of ᾱ_s are missing in the last line.",
                _ddim_as(
                    lambda x0, xt, now, later: later * x0 + (1 - later) * (xt - now.sqrt() * x0) / (1 - now).sqrt()
                ),
            ),
            Mistake(
                "The noise was taken out of x_t without its root √(1-ᾱ_t).",
                _ddim_as(
                    lambda x0, xt, now, later: (
                        later.sqrt() * x0 + (1 - later).sqrt() * (xt - now.sqrt() * x0) / (1 - now)
                    )
                ),
            ),
            Mistake(
                "The noise that x_t holds is (x_t - √ᾱ_t x̂_0)/√(1-ᾱ_t); the division is missing.",
                _ddim_as(lambda x0, xt, now, later: later.sqrt() * x0 + (1 - later).sqrt() * (xt - now.sqrt() * x0)),
            ),
            Mistake(
                "x_t stands for its noise: take √ᾱ_t x̂_0 out of it first.",
                _ddim_as(lambda x0, xt, now, later: later.sqrt() * x0 + (1 - later).sqrt() * xt),
            ),
            Mistake(
                "That is x_t again: the new x_s is mixed with ᾱ_s, not with ᾱ_t.",
                lambda x0_hat, xt, t, s, alphas_bar: xt.clone(),
            ),
            Mistake(
                "That is x̂_0 alone; put the noise back, as much as belongs to s.",
                lambda x0_hat, xt, t, s, alphas_bar: x0_hat.clone(),
            ),
            Mistake("New noise was sampled; DDIM keeps the noise that x_t holds.", _ddim_new_noise),
            Mistake(
                "A single step back was made; s may be any time before t.",
                lambda x0_hat, xt, t, s, alphas_bar: ddim_step(x0_hat, xt, t, t - 1, alphas_bar),
            ),
        ),
    ),
    Exercise(
        key="05.guided",
        title="Further in the direction of the label",
        task="Mix the conditional and the unconditional output with a scale: 0 is unconditional, 1 conditional.",
        points=1,
        minutes=5,
        hints=(
            "The difference of the two outputs is what the label adds. Where do you start, and how far do you go?",
            "Start at the unconditional output and go scale times the difference.",
            "unconditional + scale * (conditional - unconditional)",
        ),
        reference=guided,
        cases=_guided_cases,
        returns="the guided output",
        mistakes=(
            Mistake(
                "The paper's weight w is scale - 1; here scale = 1 is the conditional model.",
                lambda conditional, unconditional, scale: guided(conditional, unconditional, scale + 1),
            ),
            Mistake(
                "The two are exchanged: scale = 1 must be the conditional output.",
                lambda conditional, unconditional, scale: guided(unconditional, conditional, scale),
            ),
            Mistake(
                "The sign is wrong: go from the unconditional towards the conditional, and on.",
                lambda conditional, unconditional, scale: guided(conditional, unconditional, -scale),
            ),
            Mistake(
                "The unconditional output is missing: start from it.",
                lambda conditional, unconditional, scale: scale * (conditional - unconditional),
            ),
            Mistake(
                "The unconditional output is added, not moved away from.",
                lambda conditional, unconditional, scale: scale * conditional + unconditional,
            ),
            Mistake(
                "It is cut at 1: to exaggerate is the point, let it go beyond.",
                lambda conditional, unconditional, scale: guided(conditional, unconditional, min(scale, 1.0)),
            ),
            Mistake(
                "The scale was made a whole number; 1.5 is 1.5.",
                lambda conditional, unconditional, scale: guided(conditional, unconditional, int(scale)),
            ),
            Mistake(
                "The scale is squared where it is below 1; it is the same factor everywhere.",
                lambda conditional, unconditional, scale: guided(
                    conditional, unconditional, scale**2 if scale < 1 else scale
                ),
            ),
        ),
    ),
)
