"""Several small models of sequences in one file, and how chapter 07's are trained: on names three times, on melodies.

A comparison over seeds trains each network several times, which a page has no time for. The chapter loads what was
trained here, and measures it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sdg_lab import data
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequence_model import SequenceModel
from sdg_lab.models.transformer import GPT

SEEDS = 3
"""How often each network learns the names."""

KINDS: Mapping[str, type[SequenceModel]] = {"GPT": GPT, "Recurrent": Recurrent}

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Shelf(dict[str, SequenceModel]):
    """Fitted models by name; one file holds them all."""

    def save(self, path: str | Path) -> None:
        """Write all models.

        Raises:
            NotFittedError: if one is not fitted.
        """
        tensors = {f"{name}/{key}": value for name, model in self.items() for key, value in model.state().items()}
        config = {name: {"kind": type(model).__name__, "config": model.config()} for name, model in self.items()}
        write_tensors(path, tensors, config)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is damaged, or no file of this package.
        """
        tensors, config = read_tensors(path)
        found = cls()
        for name, about in config.items():
            own = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
            found[name] = KINDS[about["kind"]].from_state(about["config"], own)
        return found


def cosine(share: float) -> float:
    """Return the factor on the learning rate: from 1 to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * share))


def warm(share: float) -> float:
    """Return the factor on the learning rate: up to 1 within a twentieth of the training, then straight down to 0."""
    return min(1.0, share / 0.05) * (1 - share)


def in_common_key(melody: tuple[str, ...]) -> tuple[str, ...]:
    """Return the notes of tokens such as ``F#4:0.5`` in semitones above the last one; rests are left out."""
    notes = [token.split(":")[0] for token in melody if token[0] != "R"]
    pitch = [12 * int(note[-1]) + _SEMITONES[note[0]] + note.count("#") - note.count("-") for note in notes]
    return tuple(f"{p - pitch[-1]:+d}" for p in pitch)


def lstm_of_names(seed: int) -> Recurrent:
    """Train chapter 06's network on the names; about 10 s."""
    model = Recurrent("lstm", width=192, embedding=32, dropout=0.3)
    return model.fit(data.names().train, epochs=20, lr=3e-3, schedule=cosine, seed=seed, progress=False)


def gpt_of_names(seed: int) -> GPT:
    """Train a transformer on the names; about 30 s."""
    model = GPT(d_model=64, n_layers=3, n_heads=4, context=18, positions="rotary", dropout=0.25)
    return model.fit(
        data.names().train,
        epochs=30,
        lr=6e-3,
        optimizer="muon",
        weight_decay=0.1,
        schedule=warm,
        seed=seed,
        progress=False,
    )


def gpt_of_melodies() -> GPT:
    """Train a transformer on the melodies of the chorales; about 15 s."""
    tunes = [in_common_key(melody) for melody in data.chorales().train]
    model = GPT(d_model=48, n_layers=2, n_heads=4, context=256, positions="rotary", dropout=0.3)
    return model.fit(
        tunes,
        epochs=16,
        batch_size=16,
        lr=8e-3,
        optimizer="muon",
        weight_decay=0.1,
        schedule=warm,
        progress=False,
    )


def train_shelf() -> Shelf:
    """Train the networks of chapter 07's comparisons."""
    shelf = Shelf()
    for seed in range(SEEDS):
        shelf[f"LSTM {seed}"] = lstm_of_names(seed)
        shelf[f"transformer {seed}"] = gpt_of_names(seed)
    shelf["melodies"] = gpt_of_melodies()
    return shelf
