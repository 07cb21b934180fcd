"""Every family of the course on the same data: the 8×8 digits.

One entry a family: a function that fits a small model on the training digits within seconds, and returns what draws
samples of it. A chapter that is written replaces its family's None; nothing else has to be told.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdg_lab import data, show
from sdg_lab.course.ch00 import writers
from sdg_lab.course.ch00.families import FAMILIES, Family
from sdg_lab.course.ch00.writers import SHADES, grey_levels
from sdg_lab.data.types import Dataset, Images
from sdg_lab.files import replace_atomically
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.gan import GAN
from sdg_lab.models.gaussian import ClassGaussian
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.vae import VAE
from sdg_lab.show.style import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sampler = Callable[[int, int], Images]
"""Draws n images with a seed."""

Fit = Callable[[Images], Sampler]
"""Fits a model on the training digits."""

BASELINE = "One Gaussian a class"
"""What chapter 00 builds: no family of its own, but what every family has to beat."""


def _gaussian(train: Images) -> Sampler:
    model = ClassGaussian().fit(train)
    return lambda n, seed: model.sample(n, seed=seed)


def _markov(train: Images) -> Sampler:
    """Read a picture like a text, line by line; what a pixel becomes depends on its place and the six before it."""
    chain = MarkovChain(order=6).fit(to_symbols(train))

    def sample(n: int, seed: int) -> Images:
        sequences = chain.sample(n, seed=seed)
        return from_symbols([tuple(sequence) for sequence in sequences], train.shape)

    return sample


def _bayesnet(train: Images) -> Sampler:
    """Read a picture as a row of a table: a column for the digit and one for each pixel that is not always blank."""
    import pandas as pd

    levels = grey_levels(train)
    drawn_on = np.flatnonzero(levels.any(axis=0))
    table = pd.DataFrame(levels[:, drawn_on], columns=drawn_on.astype(str), dtype="category")
    net = BayesNet("hill-climb").fit(table.assign(digit=pd.Series(train.labels, dtype="category")))

    def sample(n: int, seed: int) -> Images:
        pixels = np.zeros((n, levels.shape[1]), dtype=np.float32)
        pixels[:, drawn_on] = net.sample(n, seed=seed).drop(columns="digit").to_numpy(np.float32)
        return Images((pixels / np.float32(SHADES - 1)).reshape(-1, *train.shape))

    return sample


def _vae(train: Images) -> Sampler:
    model = VAE(train.shape, classes=10, likelihood="gaussian").fit(train, epochs=40, lr=3e-3, progress=False)
    return lambda n, seed: model.sample(n, seed=seed)


def _gan(train: Images) -> Sampler:
    model = GAN(train.shape, classes=10, architecture="dense", width=256, r1=3.0)
    model.fit(train, epochs=60, progress=False)
    return lambda n, seed: model.sample(n, seed=seed)


def _diffusion(train: Images) -> Sampler:
    model = Diffusion(train.shape, classes=10, levels=17).fit(train, epochs=60, progress=False)
    return lambda n, seed: model.sample(n, seed=seed)


GALLERY: Mapping[str, Fit] = {
    "markov": _markov,
    "bayesnet": _bayesnet,
    "vae": _vae,
    "gan": _gan,
    "diffusion": _diffusion,
    "rnn": writers.recurrent,
    "transformer": writers.transformer,
    "rl": writers.rewarded,
}
"""By the key of ``FAMILIES``."""


def samples(family: str, n: int = 16, *, seed: int = 0) -> Images:
    """Draw digits of one family; its model is fitted when it is first asked for, and kept.

    Args:
        family: a key of ``FAMILIES``, or :data:`BASELINE`.
        n: how many.
        seed: the same seed gives the same digits.

    Raises:
        ValueError: if there is no such family.
    """
    return _fitted(family)(n, seed)


def draw(family: str, seed: int = 0) -> Figure:
    """Draw held-out real digits over samples of one family; for a widget.

    Raises:
        ValueError: if there is no such family.
    """
    row = _family(family)
    n, columns = 48, 16
    grids = {"real": _digits().test[:n], row.name: samples(family, n, seed=seed)}
    return show.compare_grids(
        {_wrapped(name): images for name, images in grids.items()},
        title=f"{row.name}: {row.idea}",
        columns=columns,
        rows_each=n // columns,
    )


def shelf(*, seed: int = 0) -> Figure:
    """Draw a row of real digits, of the baseline, and of every family; ``seed`` is that of the samples."""
    columns = 16
    rows = {"Real, held out": _digits().test[:columns], BASELINE: samples(BASELINE, columns, seed=seed)}
    rows |= {family.name: samples(family.key, columns, seed=seed) for family in FAMILIES}
    figure = show.compare_grids(
        {_wrapped(name): images for name, images in rows.items()},
        title="Only the digits of the first row were ever written by a hand",
        columns=columns,
    )
    figure.set_figheight(0.41 * len(rows) + 0.4)  # a row of sixteen at the page's width, and the title
    return figure


def picture(path: str | Path) -> Path:
    """Write the README's picture: real digits, and a row of each family.

    Returns:
        The path of the PNG.
    """
    path = Path(path)
    with replace_atomically(path) as temporary:
        temporary.write_bytes(png(shelf()))
    return path


def to_symbols(images: Images, shades: int = SHADES) -> list[tuple[str, ...]]:
    """Write each image as a sequence of ``"place:shade"`` in reading order, 1 channel of ``shades`` grey levels.

    The place is part of the symbol, so that a model of sequences knows where on the paper it is, and when to end.

    Raises:
        ValueError: if the images have colours, or there are fewer than two shades.
    """
    if images.shape[0] != 1:
        raise ValueError(f"only images of one channel can be written as symbols, got {images.shape[0]} channels")
    if shades < 2:
        raise ValueError(f"shades must be >= 2, got {shades}")
    rows = grey_levels(images, shades).tolist()
    return [tuple(f"{place}:{shade}" for place, shade in enumerate(row)) for row in rows]


def from_symbols(sequences: list[tuple[str, ...]], shape: tuple[int, int, int], shades: int = SHADES) -> Images:
    """Read images back from what :func:`to_symbols` wrote.

    Raises:
        ValueError: if a sequence does not name every pixel of the shape, in order.
    """
    n_pixels = int(np.prod(shape))
    levels: NDArray[np.float32] = np.empty((len(sequences), n_pixels), dtype=np.float32)
    for index, sequence in enumerate(sequences):
        places = [int(symbol.partition(":")[0]) for symbol in sequence]
        if places != list(range(n_pixels)):
            raise ValueError(f"sequence {index} does not name the pixels 0 to {n_pixels - 1} in order")
        levels[index] = [int(symbol.partition(":")[2]) for symbol in sequence]
    return Images((levels / np.float32(shades - 1)).reshape(-1, *shape))


@functools.cache
def _digits() -> Dataset[Images]:
    return data.digits()


@functools.cache
def _fitted(family: str) -> Sampler:
    if family == BASELINE:
        return _gaussian(_digits().train)
    return GALLERY[_family(family).key](_digits().train)


def _family(key: str) -> Family:
    for family in FAMILIES:
        if family.key == key:
            return family
    raise ValueError(f"no family {key!r}; there are {', '.join(family.key for family in FAMILIES)}")


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, 20))
