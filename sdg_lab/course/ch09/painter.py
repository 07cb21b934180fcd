"""Patches of eight photographs painted by a diffusion model, and where in the photographs one might have been found.

A patch may be a training patch moved by a few pixels, which no distance between whole patches would show. So each is
laid on the training photographs at every place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab import data
from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.models.diffusion import Diffusion

EPOCHS = 60
"""Of the training that ships: minutes on a GPU, and more than an hour on one core."""


def train_painter(checkpoint: str | Path | None = None) -> Diffusion:
    """Train the chapter's U-Net on the colour patches, with the photograph as the label.

    It works on single pixels. A pixel-unshuffle of 4 with widths (64, 96) and batches of 16 is quicker a step, but with
    the same learning rate it learnt nothing of the noise in 600 steps, and with a fifth of it the loss was 0.20 after 7
    epochs in place of 0.08; 48 numbers of noise have to pass through 64 channels there.

    What it took, and on which device, is saved with the weights, as the model's ``trained``.

    Args:
        checkpoint: a file that is written after each epoch, and from which an interrupted training goes on.
    """
    patches = data.photographs().train
    model = Diffusion(
        patches.shape,
        architecture="unet",
        widths=(16, 32, 64, 80, 80),
        timesteps=200,
        classes=len(patches.classes),
    )
    model.fit(patches, epochs=EPOCHS, batch_size=32, lr=2e-3, ema=0.998, seed=0, checkpoint=checkpoint)
    model.trained["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "one core"
    return model


@torch.no_grad()
def closest_windows(images: Images, patches: Images, *, margin: int = 4) -> tuple[NDArray[np.float64], Images]:
    """Find where each image fits best, among all windows of the patches of the same label.

    Of an image its inner part is compared, without a margin; it is laid on each patch at all (2·margin + 1)² places.
    The patches of :func:`sdg_lab.data.photographs` lie every eighth of their side, so with a margin of a sixteenth of
    it these are all windows of the photographs' bands.

    Source: |a - b|² = |a|² + |b|² - 2 a·b, the last for all places at once by the correlation theorem.

    Args:
        images: labelled, (n, channels, height, width).
        patches: labelled, (m, channels, height, width), at least one of each label of the images.
        margin: in pixels, at least 0 and less than half of the shorter side.

    Returns:
        Root mean square of the difference in pixels, (n,), 0 for a copy; and the windows, like the inner parts.

    Raises:
        ValueError: if the shapes differ, labels are missing, a label has no patch, or the margin leaves no inner part.
    """
    if images.shape != patches.shape:
        raise ValueError(f"the images have shape {images.shape}, the patches {patches.shape}; they must be equal")
    if images.labels is None or patches.labels is None:
        raise ValueError("images and patches must have labels: only patches of the same label are looked at")
    _, height, width = images.shape
    whole("margin", margin, least=0, most=(min(height, width) - 1) // 2)
    inner = images.pixels[:, :, margin : height - margin, margin : width - margin]
    found = np.empty_like(inner)
    for label in np.unique(images.labels):
        rows, there = images.labels == label, patches.pixels[patches.labels == label]
        if len(there) == 0:
            raise ValueError(f"no patch has the label {label}, which an image has")
        found[rows] = _best(torch.from_numpy(inner[rows]), torch.from_numpy(there)).numpy()
    distance = np.sqrt(np.square(inner.astype(np.float64) - found).mean(axis=(1, 2, 3)))
    return distance, Images(found, images.labels, images.classes)


def _best(inner: Tensor, patches: Tensor) -> Tensor:
    """Return the window of the patches that is nearest to each inner part, both (…, channels, height, width)."""
    size, (height, width) = patches.shape[-2:], inner.shape[-2:]
    shades = patches.mean()  # near 0 the sums of squares lose less
    inner, spectra = inner - shades, torch.fft.rfft2(patches - shades)
    window = F.avg_pool2d((patches - shades).square().sum(1), (height, width), stride=1) * height * width
    places = window.shape[1:]  # one for each shift, down and across
    chosen = []
    for one in inner:
        product = (torch.fft.rfft2(one, s=size).conj() * spectra).sum(1)
        agreement = torch.fft.irfft2(product, s=size)[:, : places[0], : places[1]]
        patch, down, across = np.unravel_index(int((window - 2 * agreement).argmin()), window.shape)
        chosen.append(patches[patch, :, down : down + height, across : across + width])
    return torch.stack(chosen)
