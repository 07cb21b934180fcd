"""What the next sample may be: a mixture of logistic distributions over waves, which gives each code its probability.

Salimans et al., *PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood* (2017), as van den
Oord et al. use it for sound in *Parallel WaveNet* (2018). The first WaveNet has 256 logits instead, and has to learn
from data that code 130 lies beside code 131. The sigmoid is a logistic's distribution function, so that

    p(k) = Σ_i w_i [σ((e_{k+1} - m_i) / s_i) - σ((e_k - m_i) / s_i)],        e the ends of the codes' intervals.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.models.waveforms import mu_law

FAR = 1e6
"""In place of infinity at both ends, far beyond the widest component: no difference of sigmoids is then NaN."""

NARROW, WIDE = -9.0, 6.0
"""Bounds of the logarithm of a component's width, in units of the wave's recent steps."""


def edges(levels: int = mu_law.LEVELS) -> Tensor:
    """Return the ends of the codes' intervals, (levels + 1,), both of the outermost being finite."""
    return torch.from_numpy(np.clip(mu_law.edges(levels), -FAR, FAR).astype(np.float32))


def log_prob(codes: Tensor, outputs: Tensor, centre: Tensor, step: Tensor, ends: Tensor) -> Tensor:
    """Return the log-probability of codes, (...), nats.

    Args:
        codes: whole numbers 0 … levels - 1, (...).
        outputs: of the network, (..., 3 K): logits of the weights, shifts from the centre and logarithms of the
            widths, both in units of the step.
        centre: the linear prediction, (...).
        step: the size of the wave's recent steps, (...).
        ends: of the intervals, :func:`edges`.
    """
    weights, shift, width = outputs.chunk(3, dim=-1)
    step = step[..., None]
    middle = centre[..., None] + step * shift
    inverse = torch.exp(-width.clamp(NARROW, WIDE)) / step
    codes = codes.long()
    low, high = (ends[codes][..., None] - middle) * inverse, (ends[codes + 1][..., None] - middle) * inverse
    # log(σ(b) - σ(a)) = log σ(b) + log σ(-a) + log(1 - exp(a - b)), which holds where both are far out, too; and b - a
    # is known better than b and a are, where an interval is small beside a component
    between = (ends[codes + 1] - ends[codes])[..., None] * inverse
    inside = F.logsigmoid(high) + F.logsigmoid(-low) + torch.log(-torch.expm1(-between))
    return torch.logsumexp(inside + F.log_softmax(weights, dim=-1), dim=-1)


def draw(
    outputs: NDArray[np.float32],
    centre: NDArray[np.float32],
    step: NDArray[np.float32],
    temperature: float,
    rng: Generator,
    levels: int = mu_law.LEVELS,
) -> mu_law.Codes:
    """Draw a code of each row, (n,): a component, then a wave from it.

    Args:
        outputs: of the network, (n, 3 K), as of :func:`log_prob`.
        centre: the linear prediction, (n,).
        step: the size of the wave's recent steps, (n,).
        temperature: of the choice among components (their logits are divided by it) and of their widths (they are
            multiplied by it); at 0 the heaviest component's middle is taken.
        rng: what is random.
        levels: of the codes.
    """
    weights, shift, width = np.split(outputs, 3, axis=1)
    rows = np.arange(len(outputs))
    if temperature == 0:
        chosen = weights.argmax(axis=1)
        noise: NDArray[np.float64] | float = 0.0
    else:
        gumbel = -np.log(-np.log(rng.random(weights.shape)))
        chosen = (weights / temperature + gumbel).argmax(axis=1)
        uniform = rng.random(len(outputs)).clip(1e-12, 1 - 1e-12)
        noise = temperature * np.exp(width[rows, chosen].clip(NARROW, WIDE)) * np.log(uniform / (1 - uniform))
    return mu_law.encode(np.clip(centre + step * (shift[rows, chosen] + noise), -1, 1), levels)
