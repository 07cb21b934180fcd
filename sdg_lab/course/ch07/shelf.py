"""Several small models of sequences in one file, and how chapter 07's are trained: on names, melodies and molecules.

A comparison over seeds trains each network several times, which a page has no time for. The chapter loads what was
trained here, and measures it. All settings were chosen on validation data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from torch.nn import functional as F

from sdg_lab import data
from sdg_lab.course.ch07.convolutions import ConvolutionalGPT
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.padding import mask_of
from sdg_lab.models.transformer import GPT
from sdg_lab.training.schedules import cosine, warm_up_then_linear

SEEDS = 3
"""How often each network learns the names, and the melodies."""

MAX_SYMBOLS = 60
"""Molecules with longer names, one in twenty, are left out: they would make every batch several times as wide."""

SMALL_DATA: dict[str, Any] = {"positions": "rotary", "norm": "rms", "feed_forward": "swiglu"}
"""The options with which a transformer learns most from few sequences."""

WITH_MUON: dict[str, Any] = {"optimizer": "muon", "weight_decay": 0.1, "progress": False}

TEMPERATURES = tuple(round(0.9 + 0.02 * step, 2) for step in range(36))
"""Those that `calibrated` tries."""

KINDS: Mapping[str, type[SequenceModel]] = {kind.__name__: kind for kind in (GPT, ConvolutionalGPT, Recurrent)}

M = TypeVar("M", GPT, Recurrent)

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Shelf(dict[str, SequenceModel]):
    """Fitted models by name; one file holds them all."""

    def save(self, path: str | Path) -> None:
        """Write all models.

        Raises:
            NotFittedError: if one is not fitted.
        """
        tensors = {f"{name}/{key}": value for name, model in self.items() for key, value in model.state().items()}
        write_tensors(path, tensors, {name: model.header() for name, model in self.items()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is damaged, or no file of this package.
        """
        tensors, headers = read_tensors(path)
        found = cls()
        for name, header in headers.items():
            own = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
            try:
                kind, header = _kind(header)
                found[name] = KINDS[kind].from_header(header, own)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path} is damaged, or no shelf of models: {name}: {error}") from error
        return found

    def by_kind(self) -> dict[str, list[SequenceModel]]:
        """Return the models of each kind, such as ``"LSTM"``: those named ``"LSTM 0"``, ``"LSTM 1"``, in order."""
        found: dict[str, list[SequenceModel]] = {}
        for name, model in self.items():
            found.setdefault(name.rpartition(" ")[0], []).append(model)
        return found


def _kind(header: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a model's class and its header; files of version 0.1.0 call every transformer a GPT."""
    if "model" in header:
        return header["model"], header
    arguments = dict(header["config"]["arguments"])
    kind = "ConvolutionalGPT" if arguments.pop("convolution", 0) else header["kind"]
    return kind, {"config": {**header["config"], "arguments": arguments}}


def in_common_key(melody: tuple[str, ...]) -> tuple[str, ...]:
    """Return the notes of tokens such as ``F#4:0.5`` in semitones above the last one; rests are left out."""
    notes = [token.split(":")[0] for token in melody if token[0] != "R"]
    pitch = [12 * int(note[-1]) + _SEMITONES[note[0]] + note.count("#") - note.count("-") for note in notes]
    return tuple(f"{p - pitch[-1]:+d}" for p in pitch)


def calibrated(model: M, held_out: Sequences) -> M:
    """Divide a network's logits, in place and for good, by the temperature that held-out sequences ask for.

    A network that has seen its training data many times is too sure of itself; one number makes up for most of it
    (Guo et al., *On Calibration of Modern Neural Networks*, 2017).
    """
    tokens, lengths = model.pad(held_out)
    counted = mask_of(lengths, tokens.shape[1] - 1)
    with torch.no_grad():
        logits, following = model.logits(tokens[:, :-1])[counted], tokens[:, 1:][counted]
        temperature = min(TEMPERATURES, key=lambda t: float(F.cross_entropy(logits / t, following)))
        # The logits are linear in these: with them they are divided too.
        for weight in (model.head if isinstance(model, Recurrent) else model.network.norm).parameters():
            weight.div_(temperature)
    model.trained["temperature"] = temperature
    return model


# Names


def lstm_of_names(seed: int) -> Recurrent:
    """Train chapter 06's network on the names; about 10 s."""
    names = data.names()
    model = Recurrent("lstm", width=192, embedding=32, dropout=0.3)
    model.fit(names.train, epochs=20, lr=3e-3, schedule=cosine, seed=seed, progress=False)
    return calibrated(model, names.validation)


def gpt_of_names(seed: int) -> GPT:
    """Train a transformer on the names; about 50 s."""
    names = data.names()
    model = ConvolutionalGPT(d_model=64, n_layers=3, n_heads=4, context=18, dropout=0.2, locked=True, **SMALL_DATA)
    model.fit(names.train, epochs=22, lr=6e-3, schedule=warm_up_then_linear, ema=0.99, seed=seed, **WITH_MUON)
    return calibrated(model, names.validation)


# Melodies


def lstm_of_melodies(seed: int) -> Recurrent:
    """Train an LSTM on the melodies of the chorales; about 5 s."""
    train, validation = _tunes()
    model = Recurrent("lstm", width=128, embedding=64, dropout=0.5)
    model.fit(train, epochs=15, batch_size=16, lr=8e-3, optimizer="muon", schedule=cosine, seed=seed, progress=False)
    return calibrated(model, validation)


def gpt_of_melodies(seed: int) -> GPT:
    """Train a transformer on the melodies of the chorales; about 15 s.

    With so little data it gains from narrow feed-forward networks, from weights that decay fast, and from symbols that
    are read by one matrix and predicted by another.
    """
    train, validation = _tunes()
    options: dict[str, Any] = SMALL_DATA | {"tied": False, "d_ff": 64}
    model = ConvolutionalGPT(d_model=48, n_layers=3, n_heads=2, context=256, dropout=0.3, **options)
    fit: dict[str, Any] = WITH_MUON | {"lr": 12e-3, "weight_decay": 1.0}
    model.fit(train, epochs=16, batch_size=16, schedule=warm_up_then_linear, ema=0.99, seed=seed, **fit)
    return calibrated(model, validation)


def _tunes() -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the training melodies, and those of the validation melodies that have no other notes."""
    chorales = data.chorales()
    train, validation = ([in_common_key(melody) for melody in part] for part in (chorales.train, chorales.validation))
    known = {note for tune in train for note in tune}
    return train, [tune for tune in validation if known.issuperset(tune)]


# Molecules


def lstm_of_molecules() -> Recurrent:
    """Train an LSTM on the molecules of up to 60 symbols; about a minute, after which it gets no better."""
    train, validation = _molecules()
    model = Recurrent("lstm", width=256, embedding=32, dropout=0.5)
    model.fit(train, epochs=12, lr=8e-3, optimizer="muon", schedule=cosine, progress=False)
    return calibrated(model, validation)


def gpt_of_molecules() -> GPT:
    """Train a transformer on the same molecules; about two minutes."""
    train, validation = _molecules()
    context = MAX_SYMBOLS + 4
    model = ConvolutionalGPT(d_model=96, n_layers=3, n_heads=4, context=context, dropout=0.1, positions="rotary")
    model.fit(train, epochs=10, lr=8e-3, schedule=warm_up_then_linear, **WITH_MUON)
    return calibrated(model, validation)


def _molecules() -> tuple[list[str], list[str]]:
    molecules = data.molecules()
    train, validation = ([s for s in part if len(s) <= MAX_SYMBOLS] for part in (molecules.train, molecules.validation))
    return train, validation


# What ships


def train_names() -> Shelf:
    """Train both networks on the names, with three seeds each."""
    return _over_seeds(lstm_of_names, gpt_of_names)


def train_melodies() -> Shelf:
    """Train both networks on the melodies, with three seeds each."""
    return _over_seeds(lstm_of_melodies, gpt_of_melodies)


def train_molecules() -> Shelf:
    """Train both networks on the molecules, once."""
    return Shelf({"LSTM 0": lstm_of_molecules(), "transformer 0": gpt_of_molecules()})


def _over_seeds(lstm: Callable[[int], Recurrent], gpt: Callable[[int], GPT]) -> Shelf:
    shelf = Shelf()
    for seed in range(SEEDS):
        shelf[f"LSTM {seed}"] = lstm(seed)
        shelf[f"transformer {seed}"] = gpt(seed)
    return shelf
