"""What a model of notes is told of each note before it is heard: a linear prediction, and how large its errors will be.

A note is an instrument at a pitch. Few of them are in the training data, so the others are made of the instrument's
nearest pitch, played faster or slower, as samplers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SILENT = 1e-4
"""Added to the mean size of errors: in silence there are none."""


def require(given: Mapping[str, Any], *names: str) -> None:
    """Refuse what a file says of a model if it lacks one of these."""
    if missing := [name for name in names if name not in given]:
        raise ValueError(f"it lacks {', '.join(missing)}")


def check_notes(
    notes: NDArray[Any], *, labels: tuple[int, int | None], pitches: tuple[int, int | None]
) -> NDArray[np.int64]:
    """Return the notes of the training data that a file names, a label and a pitch each, (n, 2).

    Args:
        notes: what the file has.
        labels: the lowest and the highest that there may be, -1 where none is known; None for any.
        pitches: the same of them.

    Raises:
        ValueError: if there is none, or they are no such numbers.
    """
    if notes.size == 0:
        raise ValueError("it names no note of its training data")
    if notes.shape[1:] != (2,) or notes.ndim != 2 or notes.dtype.kind != "i":
        raise ValueError(f"notes must be whole numbers of shape (n, 2), got {notes.dtype} of shape {notes.shape}")
    for name, (low, high), column in zip(("labels", "pitches"), (labels, pitches), notes.T, strict=True):
        if len(wrong := column[(column < low) | (column > (np.inf if high is None else high))]):
            raise ValueError(
                f"the {name} of its notes must lie in {low}..{'' if high is None else high}, got {wrong[0]}"
            )
    return notes.astype(np.int64)


def played(wave: NDArray[np.float64], semitones: int) -> NDArray[np.float64]:
    """Return a wave played so much faster or slower that it sounds higher by some semitones; (T,), cut or filled."""
    from scipy import signal

    if semitones == 0:
        return wave
    found: NDArray[np.float64] = signal.resample(wave, max(1, round(len(wave) * 2 ** (-semitones / 12))))[: len(wave)]
    return np.pad(found, (0, len(wave) - len(found)))


def every_note(
    waves: NDArray[np.float64], labels: NDArray[np.int64], tones: NDArray[np.int64], n_tones: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return waves of each label at each tone: its own, or those of its nearest tone played at this one.

    Args:
        waves: (n, T).
        labels: of each, (n,).
        tones: of each in semitones, 0 … n_tones - 1, (n,).
        n_tones: how many there are.

    Returns:
        Waves, (m, T), their labels and their tones, (m,). A label without waves has none.
    """
    rows = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        for tone in range(n_tones):
            away = np.abs(tones[own] - tone)
            nearest = own[away == away.min()]
            rows += [(row, label, tone) for row in nearest[tones[nearest] == tones[nearest[0]]]]
    made = np.array([played(waves[row], tone - int(tones[row])) for row, _, tone in rows])
    return made, np.array([label for _, label, _ in rows], np.int64), np.array([tone for *_, tone in rows], np.int64)


def expected_errors(
    errors: NDArray[np.float64], classes: NDArray[np.int64], count: int, grain: int, grains: int
) -> NDArray[np.float64]:
    """Return log(mean |error|) in each grain of time, the mean over a class's waves, (count, grains).

    A class without waves gets the mean over all; a grain after the end what the last one before it has.

    Args:
        errors: of a prediction of each sample, (n, T).
        classes: of each wave, in 0..count-1, (n,).
        count: how many classes there are.
        grain: samples that a grain has.
        grains: how many are wanted.
    """
    whole = max(1, min(grains, errors.shape[1] // grain))
    size = np.abs(errors[:, : whole * grain]).reshape(len(errors), whole, -1).mean(axis=2)
    logarithms = np.log(size + SILENT)
    found = np.tile(logarithms.mean(axis=0), (count, 1))
    for label in np.unique(classes):
        found[label] = logarithms[classes == label].mean(axis=0)
    return np.pad(found, ((0, 0), (0, grains - whole)), mode="edge")
