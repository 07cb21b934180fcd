"""The README's first picture: notes that a WaveNet wrote, and patches that a diffusion model painted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdg_lab import show
from sdg_lab.data.types import Images, Sounds
from sdg_lab.files import replace_atomically
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.waveforms import WaveNet
from sdg_lab.show.style import colour, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
GAP = 4
"""White pixels between two patches."""

NOTES = {"alto saxophone": 65, "horn": 60, "piano": 67}
"""Instruments and the MIDI note numbers that they play."""

START, LENGTH = 0.30, 0.03
"""Seconds at which a wave is looked at, and for how long."""


def draw(notes: Sounds, patches: Images) -> Figure:
    """Draw a piece of each wave over rows of eight patches."""
    figure, axes = show.panels(2, 1, size=(8.2, 5.2), height_ratios=(1.1, 2.0))
    waves, painted = axes[:, 0]
    first, count = round(START * notes.rate), round(LENGTH * notes.rate)
    for place, wave in enumerate(notes.waves):
        piece = wave[first : first + count] / np.abs(wave[first : first + count]).max()
        waves.plot(1_000 * np.arange(count) / notes.rate, piece - 2.4 * place, color=colour("synthetic"), linewidth=1)
    names = [f"{notes.classes[label]}, {show.note_name(int(note))}" for label, note in _of(notes)]
    waves.set_yticks([-2.4 * place for place in range(len(names))], names)
    waves.set_xlabel("time (ms)")
    waves.set_title(
        "Written by a WaveNet, 8,000 samples a second: notes that it never heard on these instruments", fontsize=10
    )
    painted.imshow(grid(patches))
    painted.set_axis_off()
    painted.set_title("Painted by a diffusion model of eight photographs", fontsize=10)
    return figure


def picture(path: str | Path, wavenet: WaveNet, painter: Diffusion) -> Path:
    """Write the picture as a PNG of samples of two fitted models; return its path."""
    notes = wavenet.sample(len(NOTES), labels=list(NOTES), pitches=list(NOTES.values()), seed=0)
    labels = np.tile(np.arange(COLUMNS), 2)
    patches = painter.sample(len(labels), labels=labels, seed=0)
    path = Path(path)
    with replace_atomically(path) as temporary:
        temporary.write_bytes(png(draw(notes, patches)))
    return path


def grid(patches: Images) -> NDArray[np.float32]:
    """Return one image of all patches, eight a row, white between them, (height, width, 3)."""
    channels, height, width = patches.shape
    rows = -(-len(patches) // COLUMNS)
    sheet = np.ones((rows * (height + GAP) - GAP, COLUMNS * (width + GAP) - GAP, channels), np.float32)
    for place, pixels in enumerate(patches.pixels):
        top, left = (height + GAP) * (place // COLUMNS), (width + GAP) * (place % COLUMNS)
        sheet[top : top + height, left : left + width] = pixels.transpose(1, 2, 0)
    return sheet


def _of(notes: Sounds) -> list[tuple[int, int]]:
    """Return instrument and pitch of each note."""
    if notes.labels is None or notes.pitches is None:
        raise ValueError("the notes of the picture need labels and pitches")
    return list(zip(notes.labels.tolist(), notes.pitches.tolist(), strict=True))
