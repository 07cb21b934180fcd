"""Notes of eight instruments, made of recordings; or the sounds in a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdg_lab.checks import number, whole
from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.own import read_sounds
from sdg_lab.data.soundfont import Bank
from sdg_lab.data.split import split_each
from sdg_lab.data.types import Card, Dataset, Sounds

INSTRUMENTS = {
    "alto saxophone": ("AltoSax (TB) v2.3", 49, 80),
    "choir": ("Choir Aahs1", 48, 81),
    "flute": ("Flute TB", 60, 83),
    "horn": ("French Horns1", 48, 77),
    "oboe": ("Oboe (Orch)", 58, 83),
    "piano": ("Piano 1", 48, 83),
    "strings": ("Strings CLP5", 48, 83),
    "trumpet": ("SoloTrumpet", 52, 83),
}
"""Each instrument: its name in the bank, and its lowest and highest note as MIDI numbers, within what players reach."""

PEAKS = (0.3, 0.8)
"""The largest absolute value of a soft and of a loud note: 8.5 dB apart."""

_SOUNDS = Card(
    name="sounds",
    title="notes of eight instruments",
    kind="sounds",
    source="TimGM6mb, a SoundFont bank of recorded instruments put together by Tim Brechbill; shipped by pretty_midi",
    licence="GPL-2.0 (the bank, as Debian's package timgm6mb-soundfont states); pretty_midi: MIT",
    shape="498 notes, 8,000 samples each: 1 s at 8 kHz; 316, 92 and 90 notes of 34, 9 and 10 recordings in train, "
    "validation and test",
    units="pressure of the air in [-1, 1], ±1 is full scale; pitches are MIDI note numbers (69 = A4 = 440 Hz)",
    package="pretty_midi",
    extra="Loud and soft are one note at two amplitudes, not two ways to play it. The bank has no note 64 of the "
    "saxophone.",
)


@register(_SOUNDS)
def sounds(folder: str | Path | None = None, *, rate: int = 8_000, seconds: float = 1.0) -> Dataset[Sounds]:
    """Load notes of eight instruments, at every semitone of each one's range; or the sounds of a folder.

    They are made of 5 to 12 recordings an instrument, most of them half a second to two seconds long. A note is one of
    these, played faster or slower, by a few semitones as a rule, and going round the recording's loop if it lasts
    longer. Neighbouring notes are near copies of one another, and a split note by note would put copies of training
    notes into the test part. The split is by recording instead, for each instrument by itself: all notes that are made
    of one recording lie in one part. In the test part each instrument plays in a range of pitches that a model has
    never heard it play in, though it has heard most of these pitches from other instruments.

    Args:
        folder: one of your own, read as :func:`read_sounds` does; without it, the notes of the bank.
        rate: samples per second (Hz), 4,000 to 48,000. Tones above half of it cannot be held, and are filtered out.
        seconds: length of each sound.

    Raises:
        FileNotFoundError, ValueError: for a folder, as :func:`read_sounds`.
        ImportError: if the package that ships the bank is not installed.
        ValueError: for a rate or a length out of range.
    """
    if folder is not None:
        return read_sounds(folder, rate=rate, seconds=seconds)
    rate = whole("rate", rate, least=4_000, most=48_000)
    samples = round(rate * number("seconds", seconds, least=0.1, most=10))
    bank = Bank(packages.file("pretty_midi", "TimGM6mb.sf2"))
    waves, labels, pitches, recordings = [], [], [], []
    for label, (instrument, (stored, lowest, highest)) in enumerate(INSTRUMENTS.items()):
        for zone in bank.zones(stored):
            for pitch in zone.keys:
                if lowest <= pitch <= highest:
                    wave = zone.note(pitch, rate=rate, samples=samples)
                    wave /= np.abs(wave).max()
                    waves += [wave * np.float32(peak) for peak in PEAKS]
                    labels += [label] * len(PEAKS)
                    pitches += [pitch] * len(PEAKS)
                    recordings += [f"{instrument}/{zone.recording}".encode()] * len(PEAKS)
    notes = Sounds(np.stack(waves), rate, np.array(labels), tuple(INSTRUMENTS), np.array(pitches))
    loudness = np.tile(PEAKS, len(notes) // len(PEAKS))
    keys = [repr(key).encode() for key in zip(labels, pitches, loudness.tolist(), strict=True)]
    parts = split_each(keys, groups=recordings, kinds=[b"%d" % label for label in labels])
    return Dataset(_SOUNDS, *(notes[part] for part in parts))
