"""Chapter 05: what its notebook's header says, its exercises, and the weights that ship with it.

Each check computes what it expects from the definitions, by Bayes' rule or with numpy, and tries the usual mistakes on
the same numbers, so that a refusal can name the one that was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.models.diffusion import noise as library

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
    """Train the chapter's U-Net of MNIST: 32 passes over 4,000 pictures.

    What it took is saved with the weights, as the model's ``trained``.
    """
    from sdg_lab import data
    from sdg_lab.models.diffusion import Diffusion

    model = Diffusion((1, 28, 28), architecture="unet", widths=(48, 96), unshuffle=2, timesteps=200, classes=10)
    return model.fit(data.mnist().train, epochs=32, batch_size=64, lr=2e-3, ema=0.995, seed=0)


WEIGHTS = {"05-mnist": train_mnist}


# What the checks share.


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _like(values: Tensor) -> Tensor:
    """Return one factor a picture in the shape that multiplies (n, 1, 4, 4)."""
    return values.reshape(-1, 1, 1, 1)


def _alphas(alphas_bar: Tensor) -> Tensor:
    """Return α_t at index t, with α_0 = 1: what people take for ᾱ_t."""
    return torch.cat([alphas_bar[:1], alphas_bar[1:] / alphas_bar[:-1]])


# Exercise: all steps of noise at once.


def _check_q_sample(answer: Answer) -> None:
    x0, noise = _normal(2, 5, 1, 4, 4, seed=0)
    bar, t = library.cosine_schedule(50), torch.tensor([0, 1, 20, 35, 50])
    a, alpha = _like(bar[t]), _like(_alphas(bar)[t])
    want = a.sqrt() * x0 + (1 - a).sqrt() * noise
    got = answer(x0, t, noise, bar)
    before = _like(bar[(t - 1).clamp(min=0)])
    mistakes = {
        "that is one step with α_t; all t steps together need ᾱ_t": alpha.sqrt() * x0 + (1 - alpha).sqrt() * noise,
        "the square roots are missing: ᾱ_t and 1-ᾱ_t are variances": a * x0 + (1 - a) * noise,
        "the picture is multiplied by √ᾱ_t, not by ᾱ_t": a * x0 + (1 - a).sqrt() * noise,
        "the noise is multiplied by √(1-ᾱ_t), a standard deviation, not by the variance": a.sqrt() * x0
        + (1 - a) * noise,
        "the two factors are exchanged: at t = 0 it must be the picture": (1 - a).sqrt() * x0 + a.sqrt() * noise,
        "alphas_bar[t] is ᾱ_t, for ᾱ_0 = 1 stands in front: do not subtract 1 from t": before.sqrt() * x0
        + (1 - before).sqrt() * noise,
        "noise is added at t = 0; there it must be the picture itself": torch.where(_like(t) == 0, x0 + noise, want),
    }
    name_the_mistake(got, want, mistakes, what="x_t")
    expect_close(got, want, what="x_t", case="5 pictures, t = 0, 1, 20, 35, 50 of 50")


def _one_step(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    a = _like(_alphas(alphas_bar)[t])
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def _without_roots(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    a = _like(alphas_bar[t])
    return a * x0 + (1 - a) * noise


def _one_root(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    a = _like(alphas_bar[t])
    return a.sqrt() * x0 + (1 - a) * noise


def _exchanged(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    return library.q_sample(noise, t, x0, alphas_bar)


def _off_by_one(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    return library.q_sample(x0, (t - 1).clamp(min=0), noise, alphas_bar)


def _noise_at_zero(x0: Tensor, t: Tensor, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    return torch.where(_like(t) == 0, x0 + noise, library.q_sample(x0, t, noise, alphas_bar))


# Exercise: one step back, when the picture is known.


def posterior(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (n, …) and variance, one number, of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, equations 6 and 7)."""
    now, before = alphas_bar[t], alphas_bar[t - 1]
    alpha, beta = now / before, 1 - now / before
    mean = (before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt) / (1 - now)
    return mean, (1 - before) / (1 - now) * beta


def _check_posterior(answer: Answer) -> None:
    x0, xt = _normal(2, 3, 1, 4, 4, seed=1)
    bar = library.linear_schedule(60)
    for t in (25, 2, 1):
        now, before = bar[t], bar[t - 1]
        alpha, beta = now / before, 1 - now / before
        if t == 1:
            mean, variance = x0, torch.zeros((), dtype=torch.float64)  # it is the picture, and that is known
        else:  # two Gaussians multiplied: precisions add up, means are weighed by them
            known, seen = 1 / (1 - before), alpha / beta
            variance = 1 / (known + seen)
            mean = variance * (known * before.sqrt() * x0 + seen * xt / alpha.sqrt())
        got = answer(x0, xt, t, bar)
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong(f"t = {t}: return two things, the mean and the variance, got a {type(got).__name__}")
        denominator = 1 - now
        means = {
            "x_0 and x_t are exchanged": (before.sqrt() * beta * xt + alpha.sqrt() * (1 - before) * x0) / denominator,
            "a factor is ᾱ where it should be α: x_t is weighed with √α_t": (
                before.sqrt() * beta * x0 + now.sqrt() * (1 - before) * xt
            )
            / denominator,
            "x_0 is weighed with √ᾱ_{t-1}, the step before, not with √ᾱ_t": (
                now.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt
            )
            / denominator,
            "the square roots are missing": (before * beta * x0 + alpha * (1 - before) * xt) / denominator,
            "both terms are divided by 1-ᾱ_t": before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt,
        }
        name_the_mistake(got[0], mean, means, what=f"the mean at t = {t}")
        expect_close(got[0], mean, what="the mean", case=f"t = {t} of 60", atol=1e-7)
        variances = {
            "that is β_t, the variance of a step forward; knowing x_0 makes it smaller": beta,
            "that is the standard deviation; the variance is asked for": variance.sqrt(),
            "that is its logarithm; the variance is asked for": variance.log(),
            "the fraction is upside down": denominator / (1 - before) * beta,
        }
        name_the_mistake(got[1], variance, variances, what=f"the variance at t = {t}")
        expect_close(got[1], variance, what="the variance", case=f"t = {t} of 60", atol=1e-9)


def _beta_as_variance(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    return posterior(x0, xt, t, alphas_bar)[0], 1 - alphas_bar[t] / alphas_bar[t - 1]


def _deviation(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    mean, variance = posterior(x0, xt, t, alphas_bar)
    return mean, variance.sqrt()


def _exchanged_pictures(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    return posterior(xt, x0, t, alphas_bar)


def _bar_for_alpha(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    now, before = alphas_bar[t], alphas_bar[t - 1]
    mean = (before.sqrt() * (1 - now / before) * x0 + now.sqrt() * (1 - before) * xt) / (1 - now)
    return mean, posterior(x0, xt, t, alphas_bar)[1]


def _now_for_before(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    now, before = alphas_bar[t], alphas_bar[t - 1]
    mean = (now.sqrt() * (1 - now / before) * x0 + (now / before).sqrt() * (1 - before) * xt) / (1 - now)
    return mean, posterior(x0, xt, t, alphas_bar)[1]


def _mean_alone(x0: Tensor, xt: Tensor, t: int, alphas_bar: Tensor) -> Tensor:
    return posterior(x0, xt, t, alphas_bar)[0]


# Exercise: what v is.


def _check_v(answer: Answer) -> None:
    x0, noise = _normal(2, 4, 1, 4, 4, seed=2)
    bar, t = library.cosine_schedule(40), torch.tensor([1, 10, 25, 40])
    a, alpha = _like(bar[t]), _like(_alphas(bar)[t])
    want = a.sqrt() * noise - (1 - a).sqrt() * x0
    got = answer(x0, noise, t, bar)
    mistakes = {
        "that is x_t itself; v is how it moves": a.sqrt() * x0 + (1 - a).sqrt() * noise,
        "picture and noise are exchanged: near t = 0 v is the noise": a.sqrt() * x0 - (1 - a).sqrt() * noise,
        "the sign is turned": -want,
        "x_0 is added; v moves away from it: subtract": a.sqrt() * noise + (1 - a).sqrt() * x0,
        "the square roots are missing": a * noise - (1 - a) * x0,
        "that takes α_t of one step; v needs ᾱ_t": alpha.sqrt() * noise - (1 - alpha).sqrt() * x0,
        "noise - x_0 is the velocity on a straight path; on the arc each has its factor": noise - x0,
    }
    name_the_mistake(got, want, mistakes, what="v")
    expect_close(got, want, what="v", case="4 pictures, t = 1, 10, 25, 40 of 40")


def _v_as_xt(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    return library.q_sample(x0, t, noise, alphas_bar)


def _v_exchanged(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    return library.v_from(noise, x0, t, alphas_bar)


def _v_sign(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    return -library.v_from(x0, noise, t, alphas_bar)


def _v_without_roots(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    a = _like(alphas_bar[t])
    return a * noise - (1 - a) * x0


def _v_of_alpha(x0: Tensor, noise: Tensor, t: Tensor, alphas_bar: Tensor) -> Tensor:
    a = _like(_alphas(alphas_bar)[t])
    return a.sqrt() * noise - (1 - a).sqrt() * x0


# Exercise: a step of DDIM.


def ddim_step(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    """Return x_s from x_t and the guess of x_0, without new noise (Song et al. 2021, equation 12 with σ = 0)."""
    return library.ddim_step(x0_hat, xt, t, s, alphas_bar)


def _check_ddim(answer: Answer) -> None:
    x0, xt = _normal(2, 3, 1, 4, 4, seed=3)
    bar = library.cosine_schedule(100)
    for t, s in ((80, 60), (30, 0)):
        now, later = bar[t], bar[s]
        epsilon = (xt - now.sqrt() * x0) / (1 - now).sqrt()
        want = later.sqrt() * x0 + (1 - later).sqrt() * epsilon
        got = answer(x0, xt, t, s, bar)
        mean = (later.sqrt() * (1 - now / later) * x0 + (now / later).sqrt() * (1 - later) * xt) / (1 - now)
        mistakes = {
            "that is the posterior's mean; DDIM keeps the noise that it sees": mean,
            "the roots of ᾱ are missing in the last line": later * x0 + (1 - later) * epsilon,
            "the noise was taken out of x_t without its root √(1-ᾱ_t)": later.sqrt() * x0
            + (1 - later).sqrt() * (xt - now.sqrt() * x0) / (1 - now),
            "the noise that x_t holds is (x_t - √ᾱ_t x̂_0)/√(1-ᾱ_t); the division is missing": later.sqrt() * x0
            + (1 - later).sqrt() * (xt - now.sqrt() * x0),
            "x_t stands for its noise: take √ᾱ_t x̂_0 out of it first": later.sqrt() * x0 + (1 - later).sqrt() * xt,
            "that is x_t again: the new x_s is mixed with ᾱ_s, not with ᾱ_t": now.sqrt() * x0
            + (1 - now).sqrt() * epsilon,
            "that is the guess alone; put the noise back, as much as belongs to s": x0,
        }
        name_the_mistake(got, want, mistakes, what=f"x_s for t = {t}, s = {s}")
        expect_close(got, want, what="x_s", case=f"t = {t}, s = {s}; no new noise is drawn")


def _ddim_posterior(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    now, later = alphas_bar[t], alphas_bar[s]
    return (later.sqrt() * (1 - now / later) * x0_hat + (now / later).sqrt() * (1 - later) * xt) / (1 - now)


def _ddim_raw_xt(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    later = alphas_bar[s]
    return later.sqrt() * x0_hat + (1 - later).sqrt() * xt


def _ddim_no_division(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    now, later = alphas_bar[t], alphas_bar[s]
    return later.sqrt() * x0_hat + (1 - later).sqrt() * (xt - now.sqrt() * x0_hat)


def _ddim_same_t(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    return xt.clone()


def _ddim_without_roots(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    later = alphas_bar[s]
    return later * x0_hat + (1 - later) * library.epsilon_from_x0(x0_hat, xt, t, alphas_bar)


def _ddim_new_noise(x0_hat: Tensor, xt: Tensor, t: int, s: int, alphas_bar: Tensor) -> Tensor:
    fresh = torch.randn(xt.shape, generator=torch.Generator().manual_seed(0), dtype=xt.dtype)
    return library.ddim_step(x0_hat, xt, t, s, alphas_bar, eta=1.0, noise=fresh)


# Exercise: guidance.


def _check_guided(answer: Answer) -> None:
    conditional, unconditional = _normal(2, 3, 1, 4, 4, seed=4)
    for scale in (3.0, 1.0, 0.0):
        want = unconditional + scale * (conditional - unconditional)
        got = answer(conditional, unconditional, scale)
        mistakes = {
            "the paper's weight w is scale - 1; here scale = 1 is the conditional model": conditional
            + scale * (conditional - unconditional),
            "the two are exchanged: scale = 1 must be the conditional answer": conditional
            + scale * (unconditional - conditional),
            "the sign is turned: go from the unconditional towards the conditional, and on": unconditional
            - scale * (conditional - unconditional),
            "the unconditional answer is missing: start from it": scale * (conditional - unconditional),
            "the unconditional answer is added, not moved away from": scale * conditional + unconditional,
            "cut at 1: to exaggerate is the point, let it go beyond": unconditional
            + min(scale, 1.0) * (conditional - unconditional),
        }
        name_the_mistake(got, want, mistakes, what=f"scale = {scale:g}")
        expect_close(got, want, what="the guided answer", case=f"scale = {scale:g}")


def _guided_paper(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return (1 + scale) * conditional - scale * unconditional


def _guided_exchanged(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return library.guided(unconditional, conditional, scale)


def _guided_sign(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return unconditional - scale * (conditional - unconditional)


def _guided_interpolation(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return library.guided(conditional, unconditional, min(scale, 1.0))


def _guided_difference(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return scale * (conditional - unconditional)


EXERCISES = (
    Exercise(
        key="05.q_sample",
        title="All steps at once",
        task="Make x_t from x_0 and standard normal noise in one step.",
        points=1,
        minutes=5,
        hints=(
            "x_t has the mean √ᾱ_t x_0 and the variance 1-ᾱ_t. How is noise of variance 1 stretched to another?",
            "alphas_bar[t] has shape (n,), the pictures (n, channels, height, width): reshape it to (n, 1, 1, 1).",
            "a = alphas_bar[t].reshape(-1, 1, 1, 1); then a.sqrt() * x0 + ...",
        ),
        reference=library.q_sample,
        check=_check_q_sample,
        wrong=(
            WrongAnswer("takes α_t for ᾱ_t", _one_step, says="one step with α_t"),
            WrongAnswer("forgets both roots", _without_roots, says="square roots are missing"),
            WrongAnswer("forgets the root of the noise's factor", _one_root, says="not by the variance"),
            WrongAnswer("exchanges the factors", _exchanged, says="factors are exchanged"),
            WrongAnswer("is off by one step", _off_by_one, says="do not subtract 1"),
            WrongAnswer("adds noise at t = 0", _noise_at_zero, says="noise is added at t = 0"),
        ),
    ),
    Exercise(
        key="05.posterior",
        title="One step back, when the picture is known",
        task="Compute the mean and the variance of q(x_{t-1} | x_t, x_0).",
        points=2,
        minutes=15,
        hints=(
            "Begin with two names: now = alphas_bar[t] and before = alphas_bar[t - 1]. What is α_t in terms of them?",
            "α_t = now / before, β_t = 1 - α_t. Both terms of the mean are divided by 1 - now.",
            "mean = (before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * xt) / (1 - now); at t = 1 it is x0.",
        ),
        reference=posterior,
        check=_check_posterior,
        wrong=(
            WrongAnswer("takes β_t for the variance", _beta_as_variance, says="step forward"),
            WrongAnswer("returns the standard deviation", _deviation, says="standard deviation"),
            WrongAnswer("exchanges x_0 and x_t", _exchanged_pictures, says="exchanged"),
            WrongAnswer("takes ᾱ_t for α_t", _bar_for_alpha, says="ᾱ where it should be α"),
            WrongAnswer("takes ᾱ_t for ᾱ_{t-1}", _now_for_before, says="the step before"),
            WrongAnswer("forgets the variance", _mean_alone, says="return two things|the mean and the variance"),
        ),
    ),
    Exercise(
        key="05.v_target",
        title="What v is",
        task="Compute the target v of the network from picture, noise and time.",
        points=1,
        minutes=5,
        hints=(
            "x_t lies on an arc: cos φ times the picture plus sin φ times the noise. What is its derivative by φ?",
            "cos φ = √ᾱ_t and sin φ = √(1-ᾱ_t); the derivative of cos is -sin, that of sin is cos.",
            "a.sqrt() * noise - (1 - a).sqrt() * x0, with a of shape (n, 1, 1, 1).",
        ),
        reference=library.v_from,
        check=_check_v,
        wrong=(
            WrongAnswer("returns x_t", _v_as_xt, says="x_t itself"),
            WrongAnswer("exchanges picture and noise", _v_exchanged, says="exchanged"),
            WrongAnswer("turns the sign", _v_sign, says="sign is turned"),
            WrongAnswer("forgets the roots", _v_without_roots, says="square roots are missing"),
            WrongAnswer("takes α_t for ᾱ_t", _v_of_alpha, says="α_t of one step"),
        ),
    ),
    Exercise(
        key="05.ddim",
        title="A long step without new noise",
        task="Go from x_t to x_s for any s < t, given the guess of x_0, without drawing noise.",
        points=2,
        minutes=15,
        hints=(
            "Two things are known once x̂_0 is: the picture, and the noise that must then be in x_t.",
            "epsilon = (xt - sqrt(ᾱ_t) x̂_0) / sqrt(1-ᾱ_t). Which x_s do the same picture and the same noise make?",
            "The closed form of q_sample at s, with x̂_0 for the picture and that epsilon for the noise.",
        ),
        reference=ddim_step,
        check=_check_ddim,
        wrong=(
            WrongAnswer("takes the posterior's mean", _ddim_posterior, says="keeps the noise that it sees"),
            WrongAnswer("takes x_t for its noise", _ddim_raw_xt, says="stands for its noise"),
            WrongAnswer("forgets to divide", _ddim_no_division, says="division is missing"),
            WrongAnswer("mixes with ᾱ_t again", _ddim_same_t, says="mixed with ᾱ_s"),
            WrongAnswer("forgets the roots", _ddim_without_roots, says="roots of ᾱ are missing"),
            WrongAnswer("draws new noise", _ddim_new_noise, says="no new noise"),
        ),
    ),
    Exercise(
        key="05.guided",
        title="Further in the direction of the label",
        task="Mix the conditional and the unconditional answer with a scale: 0 is unconditional, 1 conditional.",
        points=1,
        minutes=5,
        hints=(
            "The difference of the two answers is what the label adds. Where do you start, and how far do you go?",
            "Start at the unconditional answer and go scale times the difference.",
            "unconditional + scale * (conditional - unconditional)",
        ),
        reference=library.guided,
        check=_check_guided,
        wrong=(
            WrongAnswer("takes the scale for the paper's w", _guided_paper, says="w is scale - 1"),
            WrongAnswer("exchanges the two", _guided_exchanged, says="exchanged"),
            WrongAnswer("turns the sign", _guided_sign, says="sign is turned"),
            WrongAnswer("only interpolates", _guided_interpolation, says="let it go beyond"),
            WrongAnswer("forgets where to start", _guided_difference, says="start from it"),
        ),
    ),
)
