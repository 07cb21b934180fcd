"""A few examples of any data set as plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdg_lab.data import Images, Network, Series, Sounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

INKS = " ░▒▓█"
"""From no ink to full ink."""

BARS = "▁▂▃▄▅▆▇█"
"""From silence to full scale."""

SMALL = 16
"""Pictures up to this many pixels wide have two characters a pixel."""

GAP = "   "
EXAMPLES = 6
CHARACTERS = 400


def preview(part: Any, *, width: int = 80) -> str:
    """Return a few examples of one part of a data set (or of a network) as text.

    Args:
        part: any of the types that ``sdg_lab.data`` loads.
        width: characters a line, which says how many pictures stand side by side.
    """
    if isinstance(part, Images):
        return "\n".join(_pictures(part, width))
    if isinstance(part, Sounds):
        return "\n".join(_outlines(part[:EXAMPLES], width))
    if isinstance(part, Series):
        return "\n".join(f"{time}  {value:g} {part.unit}" for time, value in _some(part))
    if isinstance(part, Network):
        return "\n".join(f"{', '.join(part.parents[node]) or '()'} → {node}" for node in part.nodes[: 2 * EXAMPLES])
    if isinstance(part, str):
        return part[:CHARACTERS] + ("…" if len(part) > CHARACTERS else "")
    if isinstance(part, Sequence):
        return "\n".join(map(_line, part[:EXAMPLES]))
    return str(part.head(EXAMPLES))


def _some(series: Series) -> Iterator[tuple[Any, float]]:
    return zip(series.times[:EXAMPLES], series.values[:EXAMPLES], strict=True)


def _line(item: Any) -> str:
    """Put one sequence, or one pair, on one line."""
    if isinstance(item, str):
        return item
    if len(item) == 2 and isinstance(item[0], str) and not isinstance(item[1], str):
        return f"{item[0]} → {' '.join(item[1])}"
    return " ".join(item)[: CHARACTERS // 4]


def _pictures(images: Images, width: int) -> Iterator[str]:
    """Draw pictures side by side with their labels above; a small picture has two characters a pixel."""
    _, height, across = images.shape
    wide = 2 if across <= SMALL else 1
    images = images[: max(1, (width + len(GAP)) // (wide * across + len(GAP)))]
    if images.labels is not None:
        names = [images.classes[label] if images.classes else str(label) for label in images.labels]
        yield GAP.join(f"{name:<{wide * across}}" for name in names).rstrip()
    grey: NDArray[np.float32] = images.pixels.mean(axis=1)
    # A character is twice as high as wide: where a pixel is one character, two rows of pixels make one line.
    rows = 1 if wide == 2 else 2
    for top in range(0, height, rows):
        line = grey[:, top : top + rows].mean(axis=1)
        yield GAP.join("".join(INKS[round(float(ink) * (len(INKS) - 1))] * wide for ink in row) for row in line)


def _outlines(sounds: Sounds, width: int) -> Iterator[str]:
    """Draw how loud each sound is over time, one a line, after its class and pitch."""
    names = [""] * len(sounds)
    if sounds.labels is not None:
        names = [f"{sounds.classes[label] if sounds.classes else label} " for label in sounds.labels]
    if sounds.pitches is not None:
        names = [f"{name}{pitch} " for name, pitch in zip(names, sounds.pitches, strict=True)]
    room = max(map(len, names))
    columns = min(max(8, width - room), sounds.waves.shape[1])
    for name, wave in zip(names, sounds.waves, strict=True):
        loudest = [float(np.abs(piece).max()) for piece in np.array_split(wave, columns)]
        yield f"{name:<{room}}" + "".join(BARS[round(level * (len(BARS) - 1))] for level in loudest)
