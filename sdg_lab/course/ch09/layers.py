"""What a layer can see and what it keeps, found by trying: receptive fields, and equivariance to translation.

A layer is any function of a tensor whose last axis is time (or another axis of positions), such as (n, channels, T).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sdg_lab.checks import whole

Layer = Callable[[Tensor], Tensor]

NOISE = 1e-5
"""Outputs that differ by less than this share of the largest are equal: sums may be taken in another order."""


@torch.no_grad()
def outputs_reached(layer: Layer, x: Tensor, at: int, *, amount: float = 1.0) -> Tensor:
    """Return which outputs change when the input at one position does: (T_out,), of bool.

    Args:
        layer: (n, c_in, T) -> (n, c_out, T_out).
        x: (n, c_in, T); all channels of all rows are changed at this position.
        at: the position.
        amount: what is added there.
    """
    changed, before = x.clone(), layer(x)
    changed[..., at] += amount
    difference = (layer(changed) - before).abs()
    return difference.flatten(0, -2).amax(dim=0) > NOISE * before.abs().max()


def inputs_seen(layer: Layer, x: Tensor, at: int = -1) -> Tensor:
    """Return on which inputs an output depends, those whose gradient is not 0: (T,), of bool.

    A ReLU that is off has no gradient, so several channels or rows of random numbers are needed to see all.

    Args:
        layer: (n, c_in, T) -> (n, c_out, T_out).
        x: (n, c_in, T).
        at: the position of the output, by default the last.
    """
    x = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[..., at].square().sum(), x)
    return gradient.flatten(0, -2).abs().amax(dim=0) > 0


def receptive_field(layer: Layer, x: Tensor, at: int = -1) -> int:
    """Return how many samples there are from the first on which an output depends to the last; 0 if there is none."""
    seen = inputs_seen(layer, x, at).nonzero()
    return int(seen.max() - seen.min()) + 1 if len(seen) else 0


@torch.no_grad()
def equivariance_error(layer: Layer, x: Tensor, shift: int, *, stride: int = 1, margin: int = 0) -> float:
    """Return max |f(shifted x) - shifted f(x)| away from the edges, as a share of max |f(x)|.

    A layer that is equivariant to translation has 0, up to rounding. Where it keeps only every ``stride``-th position,
    the output is shifted by shift / stride, to the nearest whole position.

    Args:
        layer: (..., T) -> (..., T / stride).
        x: (..., T); what leaves at one end comes in at the other.
        shift: positions of the input, to the right.
        stride: of the layer.
        margin: so many outputs at both ends are left out, where the layer sees the edge.

    Raises:
        ValueError: if the margin leaves no output, or the stride is not positive.
    """
    y, shifted = layer(x), layer(x.roll(whole("shift", shift), dims=-1))
    whole("margin", margin, least=0, most=(y.shape[-1] - 1) // 2)
    wanted = y.roll(round(shift / whole("stride", stride, least=1)), dims=-1)
    inner = slice(margin, y.shape[-1] - margin)
    return float((shifted - wanted)[..., inner].abs().max() / y.abs().max())
