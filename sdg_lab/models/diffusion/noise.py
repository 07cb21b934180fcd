"""Gaussian noise added step by step, and taken away again: every closed form of a diffusion model.

Ho, Jain & Abbeel, *Denoising Diffusion Probabilistic Models* (2020), called DDPM below. An image x_0 becomes noise x_T
by q(x_t | x_{t-1}) = N(√(1-β_t) x_{t-1}, β_t I). Everything follows from one table, ᾱ_t = Π_{s≤t} (1-β_s), which is
kept in float64 with ᾱ_0 = 1 in front: ``alphas_bar[t]`` is ᾱ_t for t = 0…T, and index 0 is the image itself.

Shapes: x_0, x_t and noise (n, …) alike; t whole numbers (n,), or one for all. No function draws random numbers:
noise is an argument.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sdg_lab.checks import number, whole

Steps = Tensor | int
"""t of each row, int64 (n,), or one t for all rows."""

LARGEST_BETA = 0.999
"""More noise than this in one step would leave nothing to divide by (Nichol & Dhariwal 2021, section 3.2)."""


# Stage 1: how much noise at which step.


def linear_schedule(timesteps: int) -> Tensor:
    """Return ᾱ (T+1,) of variances β_t that rise linearly from 0.0001 to 0.02 (DDPM, section 4).

    These ends were chosen for T = 1000, where ᾱ_T = 4e-5. For another T the β_t are multiplied by 1000 / T, so that x_T
    is nearly pure noise there too: ᾱ_T is about the same for more steps, and smaller for fewer.

    Raises:
        ValueError: for fewer than 2 steps.
    """
    whole("timesteps", timesteps, least=2)
    scale = 1000 / timesteps
    return _from_betas(torch.linspace(scale * 1e-4, scale * 0.02, timesteps, dtype=torch.float64))


def cosine_schedule(timesteps: int, offset: float = 0.008) -> Tensor:
    """Return ᾱ (T+1,) that falls like a squared cosine (Nichol & Dhariwal 2021, equation 17).

    The linear schedule spends many steps on what is nearly pure noise; this one spends them evenly.

    Args:
        timesteps: T.
        offset: keeps the first steps from being too small.

    Raises:
        ValueError: for fewer than 2 steps, or a negative offset.
    """
    whole("timesteps", timesteps, least=2)
    number("offset", offset, least=0)
    share = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    f = torch.cos((share + offset) / (1 + offset) * math.pi / 2).square()
    return _from_betas(1 - f[1:] / f[:-1])


def betas(alphas_bar: Tensor) -> Tensor:
    """Return β_1 … β_T, (T,): the variance that each step adds."""
    return 1 - alphas_bar[1:] / alphas_bar[:-1]


# Stage 2: the forward process, which has nothing to learn.


def q_sample(x0: Tensor, t: Steps, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    """Return x_t = √ᾱ_t x_0 + √(1-ᾱ_t) noise: all t steps at once (DDPM, equation 4)."""
    a = _at(alphas_bar, t, x0)
    return _as(a.sqrt(), x0) * x0 + _as((1 - a).sqrt(), x0) * noise


def posterior(x0: Tensor, xt: Tensor, t: Steps, alphas_bar: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (n, …) and log-variance (n, 1, …) of q(x_{t-1} | x_t, x_0) (DDPM, equations 6 and 7).

    At t = 1 nothing is uncertain, for x_0 is given: the log-variance is -inf.
    """
    now, before = _at(alphas_bar, t, x0), _at(alphas_bar, t - 1, x0)
    beta = 1 - now / before
    mean = (
        _as(before.sqrt() * beta / (1 - now), x0) * x0 + _as((now / before).sqrt() * (1 - before) / (1 - now), x0) * xt
    )
    return mean, _as((beta * (1 - before) / (1 - now)).log(), x0)


# Stage 3: three equivalent parametrisations. Given x_t, one of x_0, ε and v gives the others.


def epsilon_from_x0(x0: Tensor, xt: Tensor, t: Steps, alphas_bar: Tensor) -> Tensor:
    """Return the noise ε that made x_t from x_0."""
    a = _at(alphas_bar, t, xt)
    return (xt - _as(a.sqrt(), xt) * x0) / _as((1 - a).sqrt(), xt)


def x0_from_epsilon(epsilon: Tensor, xt: Tensor, t: Steps, alphas_bar: Tensor) -> Tensor:
    """Return the image x_0 that the noise ε turned into x_t (DDPM, equation 15)."""
    a = _at(alphas_bar, t, xt)
    return (xt - _as((1 - a).sqrt(), xt) * epsilon) / _as(a.sqrt(), xt)


def v_from(x0: Tensor, noise: Tensor, t: Steps, alphas_bar: Tensor) -> Tensor:
    """Return v = √ᾱ_t ε - √(1-ᾱ_t) x_0 (Salimans & Ho 2022, appendix D).

    Where x_t is nearly the image, v is nearly the noise; where it is nearly noise, v is nearly the image: never what
    can be read off x_t.
    """
    a = _at(alphas_bar, t, x0)
    return _as(a.sqrt(), x0) * noise - _as((1 - a).sqrt(), x0) * x0


def x0_from_v(v: Tensor, xt: Tensor, t: Steps, alphas_bar: Tensor) -> Tensor:
    """Return x_0 = √ᾱ_t x_t - √(1-ᾱ_t) v: no division, so no error grows (Salimans & Ho 2022, appendix D)."""
    a = _at(alphas_bar, t, xt)
    return _as(a.sqrt(), xt) * xt - _as((1 - a).sqrt(), xt) * v


# Stage 4: one step of the reverse process, given a prediction x̂_0.


def p_sample(x0_hat: Tensor, xt: Tensor, t: Steps, noise: Tensor, alphas_bar: Tensor) -> Tensor:
    """Return x_{t-1} drawn from q(x_{t-1} | x_t, x̂_0): an ancestral step (DDPM, algorithm 2).

    The variance is β̃_t, the smaller of the two that the paper tries. The last step, t = 1, adds no noise.
    """
    mean, log_variance = posterior(x0_hat, xt, t, alphas_bar)
    return mean + (0.5 * log_variance).exp() * noise


def ddim_step(
    x0_hat: Tensor,
    xt: Tensor,
    t: Steps,
    s: Steps,
    alphas_bar: Tensor,
    *,
    eta: float = 0.0,
    noise: Tensor | None = None,
) -> Tensor:
    """Return x_s for any s < t (Song, Meng & Ermon 2021, equations 12 and 16).

    Args:
        x0_hat: the prediction of x_0, (n, …).
        xt: where we are, (n, …).
        t: the step we are at.
        s: the step to go to.
        alphas_bar: (T+1,).
        eta: 0 is deterministic; 1 adds the noise of an ancestral step, and for s = t - 1 is one.
        noise: standard normal, like x_t; needed for eta > 0.

    Raises:
        ValueError: if s >= t, eta is not in [0, 1], or noise is missing.
    """
    if not bool(torch.as_tensor(s < t).all()):
        raise ValueError(f"s must be smaller than t: a step of DDIM leads towards the image; got s = {s}, t = {t}")
    number("eta", eta, least=0, most=1)  # beyond, the noise could be more than what x_s has room for
    if eta > 0 and noise is None:
        raise ValueError(f"eta = {eta} adds noise: pass noise=torch.randn_like(xt)")
    now, later = _at(alphas_bar, t, xt), _at(alphas_bar, s, xt)
    variance = eta**2 * (1 - later) / (1 - now) * (1 - now / later)
    direction = _as((1 - later - variance).clamp(min=0).sqrt(), xt) * epsilon_from_x0(x0_hat, xt, t, alphas_bar)
    mean = _as(later.sqrt(), xt) * x0_hat + direction
    return mean if noise is None else mean + _as(variance.sqrt(), xt) * noise


def ddim_times(timesteps: int, steps: int) -> list[int]:
    """Return steps + 1 falling times, T … 0, evenly spread.

    Raises:
        ValueError: if there are fewer than 1 step or more than T.
    """
    whole("steps", steps, least=1, most=timesteps)
    return [round(timesteps * (steps - i) / steps) for i in range(steps + 1)]


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Return unconditional + scale · (conditional - unconditional): classifier-free guidance (Ho & Salimans 2022).

    0 ignores the label, 1 is the conditional model, and more than 1 goes further in the label's direction: stronger
    conditioning, less diversity. The paper's weight w is ``scale - 1``.
    """
    return unconditional + scale * (conditional - unconditional)


# Stage 5: what the stages above share.


def _from_betas(variances: Tensor) -> Tensor:
    alphas_bar = torch.cumprod(1 - variances.clamp(max=LARGEST_BETA), dim=0)
    return torch.cat([torch.ones(1, dtype=torch.float64), alphas_bar])


def _at(alphas_bar: Tensor, t: Steps, like: Tensor) -> Tensor:
    """Return ᾱ_t in float64, shape (n, 1, …) or (1, …): near 1 a float32 would lose what 1 - ᾱ_t is."""
    index = torch.as_tensor(t, device=alphas_bar.device).reshape(-1, *[1] * (like.ndim - 1))
    return alphas_bar[index]


def _as(coefficient: Tensor, like: Tensor) -> Tensor:
    """Return a factor in the precision, and on the device, of what it multiplies."""
    return coefficient.to(like)
