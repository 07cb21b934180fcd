"""Draw sounds, and play them: the wave, the spectrogram, several spectrograms side by side, and a player."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import number, whole
from sdg_lab.data.types import Sounds
from sdg_lab.metrics.rows import finite
from sdg_lab.show.axes import axes_or_new, panels, set_title
from sdg_lab.show.style import SEQUENTIAL, WIDTH, Role, colour
from sdg_lab.tables.columns import as_array

if TYPE_CHECKING:
    from IPython.display import Audio
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

WINDOW = 0.032
"""Seconds that each column of a spectrogram looks at: tones 31 Hz apart are two."""

_STEPS = 3
"""Columns a window."""

RANGE = 60.0
"""Decibels from the loudest to what is drawn as silence."""

_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def note_name(pitch: int) -> str:
    """Return the name of a MIDI note number: 69 is A4, 60 is C4, middle C.

    Raises:
        ValueError: if it is no whole number in 0..127.
    """
    octave, note = divmod(whole("pitch", pitch, least=0, most=127), 12)
    return f"{_NOTES[note]}{octave - 1}"


def waveform(
    wave: npt.ArrayLike,
    rate: int,
    *,
    title: str,
    start: float = 0.0,
    seconds: float | None = None,
    role: Role = "real",
    ax: Axes | None = None,
) -> Figure:
    """Draw a wave, or a piece of it, over time.

    Args:
        wave: (samples,), 1 at full scale.
        rate: samples per second (Hz).
        title: a sentence that says what is seen.
        start: seconds from which on it is drawn.
        seconds: how much is drawn; by default all that follows. At 0.01 s single vibrations are seen.
        role: gives the colour.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the wave is not one row of finite numbers, or nothing is left to draw.
    """
    values, rate = _checked(wave, rate)
    first = round(number("start", start, least=0) * rate)
    count = len(values) if seconds is None else round(number("seconds", seconds, above=0) * rate)
    piece = values[first : first + count]
    if len(piece) < 2:
        raise ValueError(f"start={start:g} and seconds={seconds} leave {len(piece)} samples of {len(values):,} to draw")
    figure, ax = axes_or_new(ax, (WIDTH, 2.4))
    ax.plot((first + np.arange(len(piece))) / rate, piece, color=colour(role), linewidth=0.8)
    ax.margins(x=0.01)
    ax.set_xlabel("time (s)")
    ax.set_ylabel("amplitude\n(1 is full scale)")
    set_title(ax, title)
    return figure


def spectrogram(
    wave: npt.ArrayLike,
    rate: int,
    *,
    title: str,
    highest: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw how loud each frequency is at each moment, in decibels below the loudest.

    Args:
        wave: (samples,), at least 32 ms of it.
        rate: samples per second (Hz).
        title: a sentence that says what is seen.
        highest: frequency at which the axis ends (Hz); by default half the rate, the highest there is.
        ax: axes to draw on; by default a new figure.

    Raises:
        ValueError: if the wave is not one row of finite numbers, too short, or ``highest`` is beyond half the rate.
    """
    values, rate = _checked(wave, rate)
    figure, ax = axes_or_new(ax, (WIDTH, 3.2))
    image = _draw(ax, values, rate, highest)
    bar = figure.colorbar(image, ax=ax, pad=0.02, fraction=0.05)
    bar.set_label("dB below the loudest")
    bar.outline.set_visible(False)
    ax.set_xlabel("time (s)")
    ax.set_ylabel("frequency (kHz)")
    set_title(ax, title)
    return figure


def spectrograms(
    sounds: Sounds | Mapping[str, Sounds],
    *,
    title: str,
    columns: int = 4,
    rows: int | None = None,
    labels: Sequence[object] | None = None,
    highest: float | None = None,
) -> Figure:
    """Draw several spectrograms on the same axes, each in decibels below its own loudest.

    Args:
        sounds: drawn row by row; or sounds by name, such as ``{"real": test, "WaveNet": samples}``: the first of each
            in a row of its own, named at its left.
        title: a sentence that says what is seen.
        columns: sounds a row.
        rows: number of rows; the rest is not drawn. By default all are. Not for sounds by name.
        labels: one short text a sound, printed above it; by default its class and its note. Not for sounds by name.
        highest: frequency at which the axes end (Hz); by default half the rate.

    Raises:
        TypeError: if the sounds are none.
        ValueError: if there is none, rows or columns is below 1, the labels are not as many as the sounds, sounds by
            name have several rates, or one has fewer than ``columns``; and as :func:`spectrogram`.
    """
    whole("columns", columns, least=1)
    named = sounds if isinstance(sounds, Mapping) else {"": sounds}
    for name, part in named.items():
        if not isinstance(part, Sounds):
            raise TypeError(f"sounds must be Sounds, or Sounds by name, got {type(part).__name__} {name}".rstrip())
    if isinstance(sounds, Mapping):
        if rows is not None or labels is not None:
            raise ValueError("sounds by name have a row each, and labels of their own; leave rows and labels out")
        for name, part in named.items():
            if len(part) < columns:
                raise ValueError(f"{name} has {len(part)} sounds, {columns} are wanted; sample more, or ask for fewer")
        shown = [(part, place) for part in named.values() for place in range(columns)]
    else:
        if labels is not None and len(labels) != len(sounds):
            raise ValueError(f"labels must be one a sound: got {len(labels)} labels for {len(sounds)} sounds")
        most = len(sounds) if rows is None else whole("rows", rows, least=1) * columns
        shown = [(sounds, place) for place in range(min(most, len(sounds)))]
    if not shown:
        raise ValueError("there is no sound to draw")
    if len(rates := sorted({part.rate for part in named.values()})) > 1:
        raise ValueError(f"the sounds have several rates, {rates} Hz; resample them to one first")
    columns = min(columns, len(shown))
    down = -(-len(shown) // columns)
    figure, axes = panels(down, columns, size=(WIDTH, 1.0 + 1.35 * down), title=title, sharex=True, sharey=True)
    cells: list[Axes] = axes.ravel().tolist()
    for cell, (ax, (part, place)) in enumerate(zip(cells, shown, strict=False)):
        image = _draw(ax, part.waves[place].astype(np.float64), part.rate, highest)
        said = _label(part, place) if labels is None else str(labels[cell])
        ax.set_title(said, fontsize=9, pad=3)
    for ax in cells[len(shown) :]:
        ax.set_visible(False)
    for ax, name in zip(cells[::columns], named if isinstance(sounds, Mapping) else [], strict=False):
        ax.set_ylabel(name)
    figure.supxlabel("time (s)", fontsize=10)
    figure.supylabel("frequency (kHz)", fontsize=10)
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
    bar.set_label("dB below each one's loudest")
    bar.outline.set_visible(False)
    return figure


def player(wave: npt.ArrayLike, rate: int, *, text: str | None = None) -> Audio:
    """Return a player for a notebook, of 16-bit samples; the wave is played as loud as it is.

    Args:
        wave: (samples,), in [-1, 1].
        rate: samples per second (Hz); browsers play 3,000 to 768,000.
        text: what is heard, for those who read or hear the page without it; by default its length and rate.

    Raises:
        ValueError: if the wave is not one row of finite numbers, or one is beyond full scale.
    """
    from IPython.display import Audio

    values, rate = _checked(wave, rate)
    if (loudest := float(np.abs(values).max())) > 1:
        raise ValueError(
            f"wave reaches {loudest:.3g}, beyond full scale (1), and would be clipped; divide by {loudest:.3g}"
        )
    said = text or f"{len(values) / rate:g} s at {rate:,} Hz"

    class Player(Audio):
        """IPython's player, with a text beside it."""

        def __repr__(self) -> str:
            return f"Sound: {said}"

        def _repr_html_(self) -> str:
            shown = str(super()._repr_html_())  # type: ignore[no-untyped-call]
            return shown.replace("<audio", f'<audio aria-label="{html.escape(said)}"', 1)

    return Player(values, rate=rate, normalize=False)  # type: ignore[no-untyped-call]


def _checked(wave: npt.ArrayLike, rate: int) -> tuple[npt.NDArray[np.float64], int]:
    if isinstance(wave, Sounds):
        raise TypeError(f"wave must be one wave, got {wave!r}; take one: sounds.waves[0], sounds.rate")
    values = as_array(wave)
    if values.size == 0:
        raise ValueError("wave has no samples; give at least one")
    return finite(values, "wave"), whole("rate", rate, least=1)


def _label(sounds: Sounds, place: int) -> str:
    name = "" if sounds.labels is None else str(sounds.labels[place])
    if sounds.labels is not None and sounds.classes:
        name = sounds.classes[sounds.labels[place]]
    return f"{name} {'' if sounds.pitches is None else note_name(int(sounds.pitches[place]))}".strip()


def _draw(ax: Axes, wave: npt.NDArray[np.float64], rate: int, highest: float | None) -> AxesImage:
    """Draw decibels below the loudest on axes in seconds and kilohertz."""
    from scipy.signal import spectrogram as power_spectrogram

    top = rate / 2 if highest is None else number("highest", highest, above=0, most=rate / 2)
    window = max(2 * _STEPS, round(WINDOW * rate))
    if len(wave) < window:
        raise ValueError(f"wave has {len(wave)} samples; a spectrogram needs {window} or more ({WINDOW * 1000:g} ms)")
    step = window // _STEPS
    frequencies, times, power = power_spectrogram(
        wave, rate, window="hann", nperseg=window, noverlap=window - step, detrend=False
    )
    loudest = power.max() or 1.0
    decibels = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE / 10)))
    half = (frequencies[1] - frequencies[0]) / 2
    extent = (
        times[0] - step / rate / 2,
        times[-1] + step / rate / 2,
        (frequencies[0] - half) / 1000,
        (frequencies[-1] + half) / 1000,
    )
    image = ax.imshow(
        decibels, cmap=SEQUENTIAL, vmin=-RANGE, vmax=0, aspect="auto", origin="lower", extent=extent, rasterized=True
    )
    ax.set_ylim(0, top / 1000)
    ax.grid(False)
    return image
