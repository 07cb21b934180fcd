"""Colour: patches of eight photographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import whole
from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.types import Card, Dataset, Images

_SKIMAGE, _SKLEARN = ("skimage", "data"), ("sklearn", "datasets", "images")

PHOTOGRAPHS = {
    "astronaut": ((*_SKIMAGE, "astronaut.png"), "test train validation"),
    "cat": ((*_SKIMAGE, "chelsea.png"), "validation test train"),
    "coffee": ((*_SKIMAGE, "coffee.png"), "validation test train"),
    "dahlia": ((*_SKLEARN, "flower.jpg"), "validation test train"),
    "galaxies": ((*_SKIMAGE, "hubble_deep_field.jpg"), "test train validation"),
    "retina": ((*_SKIMAGE, "retina.jpg"), "validation train test"),
    "rocket": ((*_SKIMAGE, "rocket.jpg"), "train test validation"),
    "temple": ((*_SKLEARN, "china.jpg"), "test train validation"),
}
"""Each photograph: its file, and the parts that its bands belong to, from left to right."""

_CROPPED = {"retina": 0.13}
"""Share that is cut off at each edge: round the eye it is black."""

# In eighths of a patch's side, so that everything grows with it.
_HEIGHT = 32
_BAND = 9
_GAP = 1

_PHOTOGRAPHS = Card(
    name="photographs",
    title="colour patches of eight photographs, 64×64",
    kind="images",
    source="shipped by scikit-image: astronaut (Eileen Collins; NASA), cat (Chelsea, by Stéfan van der Walt), coffee "
    "(by Rachel Michetti, courtesy of Pikolo Espresso Bar), galaxies (Hubble eXtreme Deep Field; NASA), retina (by "
    "Mikael Häggström), rocket (Falcon 9 with DSCOVR; SpaceX); by scikit-learn: temple (china.jpg, by danielbuechele "
    "on Flickr), dahlia (flower.jpg, by vultilion on Flickr)",
    licence="cat, coffee, retina: CC0; astronaut, galaxies, rocket: public domain; temple, dahlia: CC BY 2.0 (both are "
    "made smaller and cut into patches here)",
    shape="3,900 images, 3×64×64: 3,100 in train, 400 in validation, 400 in test",
    units="red, green and blue light in [0, 1] (256 levels, sRGB); labels say from which photograph",
    package="skimage",
    extra="Patches of one part overlap one another; those of two parts share no pixel, and lie 8 or more apart.",
)


@register(_PHOTOGRAPHS)
def photographs(side: int = 64) -> Dataset[Images]:
    """Load square patches of eight colour photographs.

    Each photograph is made so small that four patches make its height, so that a patch shows something: an eye, a
    roof, a flame. It is then cut from left to right into three bands, one for each part, with a gap of an eighth of a
    patch between them; in its band a patch lies every eighth of its side, across and down. Neighbouring patches of a
    part therefore have most of their pixels in common, and there are far fewer things to see than patches; but no
    pixel of the test part is in train. The order of the bands was chosen for each photograph, so that each part shows
    some of what it is about.

    Args:
        side: of a patch, in pixels; a multiple of 8 from 16 to 72.

    Raises:
        ImportError: if a package that ships photographs, or Pillow, is not installed.
        ValueError: for another side.
    """
    if whole("side", side, least=16, most=72) % 8:
        raise ValueError(f"side must be a multiple of 8, for a patch lies every eighth of it, got {side}")
    found: dict[str, list[tuple[int, NDArray[np.uint8]]]] = {"train": [], "validation": [], "test": []}
    for label, (name, (path, order)) in enumerate(PHOTOGRAPHS.items()):
        pixels, step = _small(path, _CROPPED.get(name, 0.0), side // 8 * _HEIGHT), side // 8
        left = 0
        for part in order.split():
            across = pixels.shape[2] // step - 2 * (_BAND + _GAP) if part == "train" else _BAND
            band = pixels[:, :, left * step : (left + across) * step]
            windows = np.lib.stride_tricks.sliding_window_view(band, (side, side), axis=(1, 2))
            patches = windows[:, ::step, ::step].transpose(1, 2, 0, 3, 4).reshape(-1, 3, side, side)
            found[part] += [(label, patch) for patch in patches]
            left += across + _GAP
    return Dataset(_PHOTOGRAPHS, *(_shuffled(patches) for patches in found.values()))


def _small(path: tuple[str, ...], cropped: float, height: int) -> NDArray[np.uint8]:
    """Return a photograph of a height, its edges cut off, as (3, height, width)."""
    from PIL import Image

    with Image.open(packages.file(*path)) as photograph:
        across, down = photograph.size
        box = (cropped * across, cropped * down, (1 - cropped) * across, (1 - cropped) * down)
        width = round(height * across / down)
        small = photograph.convert("RGB").resize((width, height), Image.Resampling.BICUBIC, box)
    return np.asarray(small).transpose(2, 0, 1)


def _shuffled(patches: list[tuple[int, NDArray[np.uint8]]]) -> Images:
    order = np.random.default_rng(0).permutation(len(patches))
    pixels = np.stack([patches[place][1] for place in order]).astype(np.float32) / np.float32(255)
    return Images(pixels, np.array([patches[place][0] for place in order]), tuple(PHOTOGRAPHS))
