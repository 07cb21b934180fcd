"""The WaveNet that plays in chapter 09: trained longer than the chapter may take, on finer codes than a telephone's."""

from __future__ import annotations

from functools import partial

from sdg_lab import data
from sdg_lab.models.waveforms import WaveNet
from sdg_lab.training.schedules import warm_up_then_linear

EPOCHS = 4
"""Of the training that ships."""

PULL = 0.2
"""Of a note's level: more than the default, for this one is to be heard (``python -m benchmarks.levels``)."""

LOWEST, HIGHEST = 48, 83
"""MIDI note numbers that the sounds have."""


def train_player() -> WaveNet:
    """Train the chapter's WaveNet on the notes of eight instruments; what it took is saved as its ``trained``."""
    notes = data.sounds().train
    model = WaveNet(classes=len(notes.classes), pitches=(LOWEST, HIGHEST), levels=4_096, pull=PULL, dropout=0.1)
    schedule = partial(warm_up_then_linear, warm_up=0.03)
    return model.fit(notes, epochs=EPOCHS, batch_size=4, lr=3e-3, weight_decay=0.3, schedule=schedule, seed=0)
