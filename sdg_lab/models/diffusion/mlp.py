"""The condition on time and label, and the smaller of the two networks of noisy data.

Both are called alike: ``net(x, time, y)`` with x (n, *shape), time float (n,) in [0, 1], y labels (n,) or None, and
return a tensor like x. What it means (ε, v, a velocity) is decided by the loss, not by the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.images import wholes


def time_features(time: Tensor, width: int) -> Tensor:
    """Return sines and cosines of time at ``width / 2`` frequencies, (n, width), for time in [0, 1].

    Vaswani et al. (2017), section 3.5, as DDPM uses it with t = 1000 · time: the slowest wave tells early from late,
    the quickest tells neighbouring times apart.

    Raises:
        ValueError: if width is odd or below 4.
    """
    if width % 2 or width < 4:
        raise ValueError(f"width must be even and >= 4, got {width}")
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half, device=time.device, dtype=time.dtype))
    angle = 1000 * time[:, None] * frequencies
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Condition(nn.Module):
    """Turn time and label into one vector, (n, width).

    Labels are 0..classes-1; ``classes`` itself, and None, are the null token, which has an embedding like any other.
    """

    def __init__(self, width: int, classes: int | None = None) -> None:
        super().__init__()
        self.width, self.classes = width, classes
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.label = nn.Embedding(classes + 1, width) if classes is not None else None

    def forward(self, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the vector that every layer is conditioned on, (n, width)."""
        if y is not None and self.label is None:
            raise ValueError("labels were given to a network without classes: make it with classes=...")
        code = self.second(F.silu(self.first(time_features(time, self.width))))
        if self.label is not None:
            null = torch.full((len(time),), cast(int, self.classes), device=time.device)
            code = code + self.label(null if y is None else y)
        return F.silu(code)


class DenoisingMLP(nn.Module):
    """Dense layers with residual connections: for points, and for images of a few dozen pixels.

    Args:
        shape: of one example, e.g. (1, 8, 8), or (2,) for points in the plane.
        widths: of the hidden layers.
        classes: number of labels, or None.

    Raises:
        ValueError: without a hidden layer.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (256, 256, 256), *, classes: int | None = None
    ) -> None:
        super().__init__()
        widths = wholes("widths", widths, least=4)
        if not widths or widths[0] % 2:
            raise ValueError(f"widths must name at least one hidden layer, the first of them even, got {widths}")
        self.shape, pixels = tuple(shape), math.prod(shape)
        self.condition = Condition(widths[0], classes)
        self.entry = nn.Linear(pixels, widths[0])
        self.layers = nn.ModuleList(nn.Linear(few, many) for few, many in pairwise((*widths, widths[-1])))
        self.shifts = nn.ModuleList(nn.Linear(widths[0], width) for width in widths)
        self.exit = nn.Linear(widths[-1], pixels)

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Return one number for each number of x."""
        code = self.condition(time, y)
        h = self.entry(x.flatten(1))
        for layer, shift in zip(self.layers, self.shifts, strict=True):
            new = layer(F.silu(F.layer_norm(h, h.shape[1:]) + shift(code)))
            h = h + new if new.shape == h.shape else new
        return cast(Tensor, self.exit(F.silu(h))).reshape(x.shape)
