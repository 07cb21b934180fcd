"""Differentiable augmentation of what the discriminator is shown, real and generated alike.

Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training* (2020). From few images a discriminator
learns the images themselves by heart. If only real images were augmented, the generator would learn to make augmented
ones; so both are, and the gradient reaches the generator through the augmentation. Of the paper's three kinds, of
colour only brightness is kept; contrast, which grey images have too, is left out.

Images are (n, channels, height, width) in [-1, 1], -1 being the background that fills what moves in from outside.
Every image has its own draw; the same generator's state gives the same draws.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

BACKGROUND = -1.0


def augment(x: Tensor, generator: Generator | None = None) -> Tensor:
    """Change brightness, move, and cover a part of each image."""
    return cutout(translation(brightness(x, generator), generator), generator)


def brightness(x: Tensor, generator: Generator | None = None, *, most: float = 0.5) -> Tensor:
    """Add a number, uniform on ±``most``, to all pixels of an image."""
    shift = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device, dtype=x.dtype)
    return x + (2 * shift - 1) * most


def translation(x: Tensor, generator: Generator | None = None, *, share: float = 1 / 8) -> Tensor:
    """Move each image by whole pixels, at most a ``share`` of its height and width each way."""
    _, _, height, width = x.shape
    rows, down = _moves(len(x), height, share, x.device, generator)
    columns, right = _moves(len(x), width, share, x.device, generator)
    padded = F.pad(x, (right, right, down, down), value=BACKGROUND)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(x: Tensor, generator: Generator | None = None, *, share: float = 1 / 2) -> Tensor:
    """Cover a rectangle of a ``share`` of height and width with background; it may reach over the edge."""
    _, _, height, width = x.shape
    rows = _covered(len(x), height, share, x.device, generator)
    columns = _covered(len(x), width, share, x.device, generator)
    covered = rows[:, None, :, None] & columns[:, None, None, :]
    return x.masked_fill(covered, BACKGROUND)


def _moves(n: int, size: int, share: float, device: torch.device, generator: Generator | None) -> tuple[Tensor, int]:
    """Return which of the padded rows each image shows, (n, size), and the padding on each side."""
    most = int(size * share + 0.5)
    start = torch.randint(0, 2 * most + 1, (n, 1), generator=generator, device=device)
    return start + torch.arange(size, device=device), most


def _covered(n: int, size: int, share: float, device: torch.device, generator: Generator | None) -> Tensor:
    """Return which rows (or columns) of each image lie in its rectangle, (n, size)."""
    length = int(size * share + 0.5)
    # As in the paper's code: the middle is anywhere on the image.
    first = torch.randint(0, size + (1 - length % 2), (n, 1), generator=generator, device=device) - length // 2
    places = torch.arange(size, device=device)
    return (places >= first) & (places < first + length)
