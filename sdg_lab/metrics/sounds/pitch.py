"""The pitch of a note: the delay after which its wave repeats itself.

A wave of period T is like itself T later, and 2T, 3T … later, also where its lowest frequency is weak or missing, as a
listener still hears the pitch then. The **autocorrelation** of a frame of the wave says how much it is like itself at
each delay: 1 is a copy. A frame fades in and out, and its autocorrelation falls with the delay for this reason alone;
dividing it by that of the fading undoes this. Of equally high peaks the first is taken, or each note would be an octave
or more too low.

Source: Boersma (1993), Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of
a sampled sound. Its path through all frames is a median here, for our sounds are single notes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import number
from sdg_lab.data.types import Sounds

FRAME = 0.064
"""Seconds a frame: four periods of the lowest pitch, too short for a vibrato to move it."""

STEP = 0.016
"""Seconds from one frame to the next."""

LOUD = 12.0
"""Decibels below the loudest frame down to which frames count."""

VOICED = 0.5
"""Autocorrelation that a frame with a pitch reaches; white noise stays below it."""

OCTAVE_COST = 0.03
"""By so much a peak must be higher than another at half its delay (Boersma 1993, equation 26)."""

FINE = 4
"""The autocorrelation is computed at so many delays a sample, by its band-limited interpolation."""

AT_ONCE = 2**22
"""Values of autocorrelations that are held in memory at a time: 32 MB."""

HIGHEST = 90.0
"""The highest pitch that is looked for if the rate allows."""


def pitch(sounds: Sounds, *, lowest: float = 40.0, highest: float | None = None) -> npt.NDArray[np.float64]:
    """Measure the pitch of each sound, in its loud part.

    It catches notes that are out of tune or have no pitch. It misses the pitches of several notes at once, of which it
    gives one that all have in common or none, and any that glides: of that it gives the median.

    Args:
        sounds: at least 64 ms each.
        lowest: the lowest pitch that is looked for, a MIDI number of at least 36 (65 Hz); 40 is 82 Hz.
        highest: the highest, at most a quarter of the rate; by default 90 (1480 Hz), or that where it is less.

    Returns:
        (n,) MIDI numbers with fractions, hundredths of a semitone being true; NaN where a sound has no pitch in this
        range, as noise and silence.

    Raises:
        TypeError: if they are no Sounds.
        ValueError: if they are too short, or the bounds are out of order or range.
    """
    if not isinstance(sounds, Sounds):
        raise TypeError(f"sounds must be sdg_lab.data.Sounds, got {type(sounds).__name__}")
    lowest, most = number("lowest", lowest, least=36), float(midi(sounds.rate / 4))
    if most <= lowest:
        raise ValueError(
            f"of sounds with {sounds.rate:,} samples a second no pitch above {lowest:g} can be measured; they need "
            f"more than {4 * 440 * 2 ** ((lowest - 69) / 12):,.0f}"
        )
    highest = number(
        "highest", min(max(HIGHEST, lowest + 1), most) if highest is None else highest, above=lowest, most=most
    )
    size = round(FRAME * sounds.rate)
    if sounds.waves.shape[1] < size:
        raise ValueError(f"sounds have {sounds.waves.shape[1]} samples; their pitch needs {size} ({FRAME * 1000:g} ms)")
    return _pitch(sounds.waves, sounds.rate, lowest, highest)


def within(sounds: Sounds, semitones: float = 1.0) -> float:
    """Return the share of sounds whose measured pitch is at most so many semitones from the one they are labelled with.

    A sound without a pitch is not. Real notes give the reference.

    Raises:
        TypeError: if they are no Sounds.
        ValueError: if there is none, they have no pitches, or are too short; if semitones is below 0.
    """
    semitones = number("semitones", semitones, least=0)
    measured = pitch(sounds)
    if sounds.pitches is None or len(sounds) == 0:
        raise ValueError("sounds must be one or more, with the pitches that they should have; give Sounds with pitches")
    return float((np.abs(measured - sounds.pitches) <= semitones).mean())  # NaN is near nothing


def midi(hertz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return frequencies as MIDI numbers: 69 is 440 Hz, and 12 more is twice the frequency."""
    return np.asarray(69 + 12 * np.log2(np.asarray(hertz) / 440))


def _pitch(waves: npt.NDArray[np.float32], rate: int, lowest: float, highest: float) -> npt.NDArray[np.float64]:
    size, step = round(FRAME * rate), round(STEP * rate)
    frames = np.lib.stride_tricks.sliding_window_view(waves, size, axis=1)[:, ::step]
    shape = frames.shape[:2]
    power = _of_blocks(lambda block: np.square(block).mean(axis=1), frames, np.ones(shape, bool)).reshape(shape)
    loud = (power > 0) & (power >= power.max(axis=1, keepdims=True) * 10 ** (-LOUD / 10))
    found = _of_blocks(lambda block: _of_frames(block, rate, lowest, highest), frames, loud)
    result = np.full(len(waves), np.nan)
    for sound, values in enumerate(np.split(found, np.cumsum(loud.sum(axis=1))[:-1])):
        heard = values[np.isfinite(values)]
        if 2 * len(heard) > len(values):
            result[sound] = np.median(heard)
    return np.where((result >= lowest) & (result <= highest), result, np.nan)


def _of_blocks(
    measure: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    frames: npt.NDArray[np.float32],
    chosen: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Return one number for each chosen frame, its mean taken off: a view, (n, frames, size), is copied in blocks."""
    sound, place = np.nonzero(chosen)
    rows = max(1, AT_ONCE // (2 * FINE * frames.shape[2]))
    found = [np.empty(0)]
    for first in range(0, len(sound), rows):
        block = frames[sound[first : first + rows], place[first : first + rows]].astype(np.float64)
        found.append(measure(block - block.mean(axis=1, keepdims=True)))
    return np.concatenate(found)


def _of_frames(frames: npt.NDArray[np.float64], rate: int, lowest: float, highest: float) -> npt.NDArray[np.float64]:
    """Return the pitch of each frame, (n, size) -> (n,), NaN where it has none."""
    window = np.hanning(frames.shape[1] + 2)[1:-1]
    alike = _autocorrelation(frames * window) / _autocorrelation(window)  # Boersma's equation 9
    alike /= alike[:, :1]  # (loud frames, delays), 1 without a delay
    shortest, longest = (FINE * rate / (440 * 2 ** ((bound - 69) / 12)) for bound in (highest + 0.5, lowest - 0.5))
    delay = np.arange(int(shortest), int(longest) + 2)
    here, before, after = (alike[:, delay + shift] for shift in (0, -1, 1))
    # A peak between two delays: the parabola through three of them.
    curve = np.minimum(before - 2 * here + after, -1e-12)
    offset = np.clip((before - after) / (2 * curve), -0.5, 0.5)
    height = here - (before - after) * offset / 4
    peak = (here >= before) & (here > after)
    strength = np.where(peak, height - OCTAVE_COST * np.log2(delay / shortest), -np.inf)
    best = strength.argmax(axis=1)
    rows = np.arange(len(best))
    found = midi(FINE * rate / (delay[best] + offset[rows, best]))
    found[~(peak[rows, best] & (height[rows, best] >= VOICED))] = np.nan
    return found


def _autocorrelation(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Σ x(t) x(t + delay) at ``FINE`` delays a sample, up to half a frame: (…, size) -> (…, FINE size / 2)."""
    size = frames.shape[-1]
    power = np.abs(np.fft.rfft(frames, 2 * size)) ** 2  # twice as long, so that the end does not meet the beginning
    return np.fft.irfft(power, 2 * size * FINE)[..., : FINE * size // 2]
