"""Sounds as images, and back: what a model of images can learn of sound, and what has to be guessed.

The short-time Fourier transform (STFT) gives a magnitude and a phase for each frequency at each moment. The image keeps
the magnitudes, as what is heard depends on them and a phase looks like noise. On the way back a phase is missing.
Griffin and Lim's algorithm searches for one: overlapping frames are not independent, and few phases make them agree.

An image has 128 rows of frequencies, the lowest at the bottom, and a column each 128 samples; at 8 kHz a row is 31 Hz
and a column 16 ms. Loudness is logarithmic, as for the ear: log(1 + m / floor), scaled so that a tone at full scale is
1. Far above the floor, which lies 60 dB below full scale, equal steps are equal decibels; below it everything is nearly
0, and silence is 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import number, whole
from sdg_lab.data.types import Images, Sounds

WINDOW = 256
"""Samples a frame, which fade in and out; half as many frequencies are kept, without the highest."""

HOP = 128
"""Samples from one column to the next: each sample lies in two frames."""

COLUMNS = 16
"""The width is a multiple of it, so that four layers may halve it; silence is added at the end."""

FLOOR = 10 ** (-60 / 20)
"""The magnitude that counts as quiet, 60 dB below a tone at full scale."""

_FADE = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW) ** 2
"""Hann's window."""

_SCALE = 2 / _FADE.sum()
"""Makes the magnitude of a sine its amplitude."""


def to_images(sounds: Sounds) -> Images:
    """Return the log-magnitudes of the STFT of each sound, with its labels.

    Returns:
        Images (n, 1, 128, columns), the highest frequency first, 1 beyond full scale; 1 s at 8 kHz makes 64
        columns.

    Raises:
        TypeError: if they are no Sounds.
    """
    if not isinstance(sounds, Sounds):
        raise TypeError(f"sounds must be sdg_lab.data.Sounds, got {type(sounds).__name__}")
    magnitudes = np.abs(_stft(sounds.waves.astype(np.float64), _columns(sounds.waves.shape[1])))
    pixels = np.log1p(magnitudes[:, :, :-1] / FLOOR) / math.log1p(1 / FLOOR)
    pixels = np.minimum(pixels, 1).transpose(0, 2, 1)[:, None, ::-1]
    return Images(np.ascontiguousarray(pixels, np.float32), sounds.labels, sounds.classes)


def to_sounds(
    images: Images,
    rate: int = 8_000,
    *,
    length: int | None = None,
    pitches: npt.ArrayLike | None = None,
    steps: int = 60,
    momentum: float = 0.99,
    seed: int = 0,
) -> Sounds:
    """Return sounds whose spectrograms are as near to the images as Griffin and Lim's algorithm comes.

    Each step makes a wave of the magnitudes and the phases found so far, and takes the phases of that wave's STFT.
    Without momentum the distance between the spectrograms never rises.

    Source: Griffin and Lim (1984), Signal Estimation from Modified Short-Time Fourier Transform; with momentum,
    Perraudin, Balazs and Søndergaard (2013), A Fast Griffin-Lim Algorithm.

    Args:
        images: of :func:`to_images`, or like those: one channel, 128 rows.
        rate: samples per second (Hz) of the sounds that the images were made of.
        length: samples a sound; by default 128 a column. It may be less, by the silence that :func:`to_images` added.
        pitches: MIDI numbers that the sounds should have, if known; an image bears none.
        steps: of the algorithm; 0 leaves random phases.
        momentum: 0 for the algorithm of 1984, to below 1.
        seed: of the phases that it begins with.

    Returns:
        Sounds, each divided by its peak where that is beyond full scale.

    Raises:
        TypeError: if they are no Images.
        ValueError: if they have another shape, or a number is out of range.
    """
    phases, magnitudes = _start(images, seed)
    columns = images.shape[2]
    length = columns * HOP if length is None else whole("length", length, least=1)
    if _columns(length) != columns:
        raise ValueError(f"length={length:,} makes {_columns(length)} columns, the images have {columns}")
    steps, momentum = whole("steps", steps, least=0), number("momentum", momentum, least=0, below=1)
    before: npt.NDArray[np.complex128] | None = None
    for _ in range(steps):
        rebuilt = _stft(_inverse(magnitudes * phases, length), columns)
        ahead = rebuilt if before is None else rebuilt + momentum * (rebuilt - before)
        phases, before = ahead / np.maximum(np.abs(ahead), 1e-12), rebuilt
    waves = _inverse(magnitudes * phases, length)
    waves = waves / np.maximum(np.abs(waves).max(axis=1, keepdims=True), 1)
    pitched = None if pitches is None else np.asarray(pitches)
    return Sounds(waves.astype(np.float32), rate, images.labels, images.classes, pitched)


def spectral_convergence(sounds: Sounds, images: Images) -> npt.NDArray[np.float64]:
    """Return how far the spectrogram of each sound is from its image: |S - M| / |M| over all magnitudes, (n,).

    0 is the same, 1 as far as silence; below 0.1 the rest is hard to hear.

    Raises:
        ValueError: if there are not as many sounds as images, or their shapes differ.
    """
    ours, theirs = to_images(sounds), images
    if ours.pixels.shape != theirs.pixels.shape:
        raise ValueError(f"the sounds make images {ours.pixels.shape}, got images {theirs.pixels.shape}")
    found, wanted = _magnitudes(ours), _magnitudes(theirs)
    return np.asarray(
        np.linalg.norm(found - wanted, axis=(1, 2)) / np.maximum(np.linalg.norm(wanted, axis=(1, 2)), 1e-12)
    )


def _start(images: Images, seed: int) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.float64]]:
    """Return random phases and the magnitudes, both (n, columns, 129)."""
    if not isinstance(images, Images):
        raise TypeError(f"images must be sdg_lab.data.Images, got {type(images).__name__}")
    if images.shape[:2] != (1, WINDOW // 2):
        raise ValueError(f"images must have shape (1, {WINDOW // 2}, columns), got {images.shape}; see to_images")
    magnitudes = _magnitudes(images)
    angles = np.random.default_rng(whole("seed", seed, least=0)).uniform(0, 2 * np.pi, magnitudes.shape)
    return np.exp(1j * angles), magnitudes


def _magnitudes(images: Images) -> npt.NDArray[np.float64]:
    """Undo the logarithm: (n, columns, 129), nothing at the highest frequency."""
    magnitudes = FLOOR * np.expm1(images.pixels[:, 0, ::-1].astype(np.float64) * math.log1p(1 / FLOOR))
    return np.pad(magnitudes.transpose(0, 2, 1), ((0, 0), (0, 0), (0, 1)))


def _columns(length: int) -> int:
    """Return how many columns a sound makes: its frames, and silence up to a multiple of 16."""
    return COLUMNS * math.ceil(length / HOP / COLUMNS)


def _stft(waves: npt.NDArray[np.float64], columns: int) -> npt.NDArray[np.complex128]:
    """Return the transform, (n, columns, 129): column k is centred half a hop after sample k times the hop."""
    before = (WINDOW - HOP) // 2
    padded = np.pad(waves, ((0, 0), (before, columns * HOP - waves.shape[1] + before)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, ::HOP]
    return np.asarray(np.fft.rfft(frames * _FADE) * _SCALE)


def _inverse(spectra: npt.NDArray[np.complex128], length: int) -> npt.NDArray[np.float64]:
    """Return the waves whose transform is nearest to the given one (Griffin and Lim 1984, equation 6), (n, length)."""
    frames = np.fft.irfft(spectra / _SCALE, WINDOW) * _FADE
    n, columns, _ = spectra.shape
    parts = WINDOW // HOP
    total, weight = np.zeros((n, columns + parts - 1, HOP)), np.zeros((columns + parts - 1, HOP))
    for part in range(parts):
        here = slice(part * HOP, (part + 1) * HOP)
        total[:, part : part + columns] += frames[:, :, here]
        weight[part : part + columns] += _FADE[here] ** 2
    before = (WINDOW - HOP) // 2
    wave: npt.NDArray[np.float64] = (total / weight).reshape(n, weight.size)[:, before : before + length]
    return wave
