"""WaveNet: a model of sound that predicts the next sample from all that it has heard.

Van den Oord et al., *WaveNet: A Generative Model for Raw Audio* (2016). A sound is a sequence of μ-law codes k_1 … k_T,
and log P(k | h) = Σ_t log p(k_t | k_1 … k_{t-1}, h), exactly; h says which instrument plays which note. Before its
first sample there was silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, Unpack

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.checks import number, seed_or_none, several, whole
from sdg_lab.data.types import Sounds, as_sounds
from sdg_lab.models.contract import check_count
from sdg_lab.models.images import wholes
from sdg_lab.models.neural import NeuralModel, naming
from sdg_lab.models.waveforms.generation import Queues
from sdg_lab.models.waveforms.linear import by_class, errors_of
from sdg_lab.models.waveforms.mu_law import LEVELS, MOST_LEVELS, Codes, audible, decode, encode, silence
from sdg_lab.models.waveforms.network import Network, Note
from sdg_lab.models.waveforms.notes import check_notes, every_note, expected_errors, require
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe

SAMPLES_AT_ONCE = 65_536
"""Samples that are computed side by side outside training: enough to be quick, few enough for a small memory."""

ROWS_AT_ONCE = 256
"""Sounds that are generated side by side."""

LONGEST = 3_600.0
"""Seconds that may be asked for: an hour."""

CLOCKS = (0.01, 0.05, 0.2, 1.0)
"""Seconds in which each of a note's clocks runs down to 1/e."""

GRAIN, GRAINS = 0.02, 50
"""Seconds for which the errors of the linear prediction are expected to have one size, and how many such there are."""


class WaveNet(NeuralModel[Sounds]):
    """A WaveNet of notes, with or without instrument and pitch as conditions.

    Args:
        classes: number of instruments if the model is conditioned on the label in 0..classes-1; None if not.
        pitches: the lowest and the highest MIDI note number if it is conditioned on the pitch; None if not.
        rate: samples per second of the sounds, in Hz.
        levels: of the μ-law codes: 256, as in telephones, or more. Errors of rounding are heard by the next sample, so
            that finer codes are easier to go on from; the mixture has the same size whatever they are. An even number
            has no level for 0: silence is then half a step, which is much of few levels.
        channels: width of the residual stream.
        dilations: of the layers, in samples.
        taps: samples that the linear prediction sees.
        skip: width of the two layers that lead to the output.
        components: of the mixture that the next sample is drawn from.
        pull: how strongly the level of a note is led back to what it was in training, at least 0 and below 1. At 0
            nothing holds it; much of it costs likelihood, since recordings differ in their levels.
        dropout: in training, share of the gated values that the output does not see, and of the examples that are not
            told their label, or their pitch.
        window: samples of a training example; what it has heard before comes on top.

    Attributes:
        prediction: coefficients of the linear prediction of each note, the oldest sample's first, (classes · pitches,
            taps): by least squares, before training, which leaves them as they are.
        expected: logarithm of the mean size of its errors in each fiftieth of a second, (classes · pitches, 50).
        length: samples of a sound of the training data; 0 before.
        class_names: what the labels of the training data mean, if they were named.
        notes: which label and pitch each training sound has, (n, 2), -1 where the model is not conditioned on it;
            sounds are sampled with these frequencies.

    Raises:
        ValueError: if an argument is out of range.
    """

    prediction: Tensor
    expected: Tensor

    def __init__(
        self,
        *,
        classes: int | None = None,
        pitches: Sequence[int] | None = None,
        rate: int = 8_000,
        levels: int = LEVELS,
        channels: int = 32,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128),
        taps: int = 64,
        skip: int = 64,
        components: int = 4,
        pull: float = 0.1,
        dropout: float = 0.2,
        window: int = 1_000,
    ) -> None:
        super().__init__()
        self.classes = None if classes is None else whole("classes", classes, least=2)
        self.pitches = None if pitches is None else wholes("pitches", pitches, least=0)
        if self.pitches is not None and (len(self.pitches) != 2 or not self.pitches[0] <= self.pitches[1] <= 127):
            raise ValueError(f"pitches must be the lowest and the highest note, such as (48, 83), got {pitches!r}")
        self.channels, self.skip = whole("channels", channels, least=1), whole("skip", skip, least=1)
        self.dilations, self.taps = wholes("dilations", dilations), whole("taps", taps, least=2)
        if not self.dilations:
            raise ValueError("dilations must name at least one layer")
        self.window = whole("window", window, least=1)
        self.rate, self.length = whole("rate", rate, least=1), 0
        self.levels = whole("levels", levels, least=2, most=MOST_LEVELS)
        self.class_names: tuple[str, ...] = ()
        self.notes: NDArray[np.int64] = np.empty((0, 2), np.int64)
        self.components = whole("components", components, least=1)
        self.pull, self.dropout = number("pull", pull, least=0, below=1), number("dropout", dropout, least=0, below=1)
        self.network = Network(
            taps=self.taps,
            channels=self.channels,
            dilations=self.dilations,
            skip=self.skip,
            components=self.components,
            condition=self.channels,
            clocks=[seconds * self.rate for seconds in CLOCKS],
            grain=max(1, round(GRAIN * self.rate)),
            pull=self.pull,
            dropout=self.dropout,
            levels=self.levels,
        )
        self.instruments = None if self.classes is None else nn.Embedding(self.classes, self.channels)
        low, high = self.pitches or (0, 0)
        self.tones = None if self.pitches is None else nn.Embedding(high - low + 1, self.channels)
        notes = (self.classes or 1) * (high - low + 1)
        self.register_buffer("prediction", torch.zeros(notes, self.taps))
        self.register_buffer("expected", torch.zeros(notes, GRAINS))

    # Likelihood, on tensors.

    def note(self, labels: Tensor, pitches: Tensor, starts: Tensor) -> Note:
        """Return what is known of each row: h = tanh(e_label + e_pitch), its linear prediction, its start and level.

        Args:
            labels: instrument of each row, (n,).
            pitches: MIDI note number of each row, (n,).
            starts: which sample of its sound comes first, (n,): negative in the silence before.
        """
        h = torch.zeros(len(labels), self.channels, device=self.device, dtype=self.dtype)
        notes = torch.zeros_like(labels)
        if self.instruments is not None:
            notes = labels
            h = h + self._told(self.instruments(labels))
        if self.tones is not None and self.pitches is not None:
            tones = pitches - self.pitches[0]
            notes = notes * len(self.tones.weight) + tones
            h = h + self._told(self.tones(tones))
        return Note(torch.tanh(h), self.prediction[notes], starts, self.expected[notes])

    def _told(self, embedded: Tensor) -> Tensor:
        """Return embeddings, in training without those of some rows."""
        if not self.training or not self.dropout:
            return embedded
        return embedded * torch.empty_like(embedded[:, :1]).bernoulli_(1 - self.dropout)

    def sample_log_probs(self, heard: Tensor, labels: Tensor, pitches: Tensor, starts: Tensor) -> Tensor:
        """Return the log-probability of each sample that comes after a whole receptive field, nats, (n, T).

        Args:
            heard: codes, (n, receptive field + T).
            labels: instrument of each row, (n,).
            pitches: MIDI note number of each row, (n,).
            starts: which sample of its sound comes first, (n,).
        """
        return self.network.log_prob(heard, self.note(labels, pitches, starts))

    def loss(self, heard: Tensor, labels: Tensor, pitches: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
        """Return the mean over rows of their nats, each times its weight.

        Args:
            heard: codes, (n, receptive field + T).
            labels: instrument of each row, (n,).
            pitches: MIDI note number of each row, (n,).
            starts: which sample of its sound comes first, (n,).
            weights: of each sample, (n, T); 0 for what fills the last window of a sound. :meth:`fit` scales them so
                that the mean over all windows is in nats per sample.
        """
        return -(self.sample_log_probs(heard, labels, pitches, starts) * weights).sum(dim=1).mean()

    # The contract, on sounds.

    @recipes.defaults(epochs=5, batch_size=4, lr=5e-3, betas=(0.9, 0.99), clip=1.0)
    def fit(
        self,
        data: Sounds,
        *,
        validation: Sounds | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights; the loss is in nats per sample.

        Args:
            data: sounds of one length, with the labels and pitches that the model is conditioned on.
            validation: held-out sounds, measured after each epoch; needed for ``patience``.
            seed: decides weights, order of the windows and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if the data are no sounds.
            ValueError: if there are none, all are silent as codes, labels or pitches are missing or out of range, or
                they name more or fewer classes than there are.
        """
        sounds = as_sounds(data)
        if self.classes is not None and sounds.classes and len(sounds.classes) != self.classes:
            raise ValueError(
                f"the sounds name {len(sounds.classes)} classes ({', '.join(sounds.classes)}), this WaveNet has "
                f"{self.classes}: make it with WaveNet(classes={len(sounds.classes)})"
            )
        with self.as_before_on_failure():
            self.length = sounds.waves.shape[1]
            self.class_names = () if self.classes is None else sounds.classes
            batch = self._windows(sounds)
            self.notes = np.stack(self._conditions(sounds), axis=1)
            with naming("validation"):
                held_out = None if validation is None else self._windows(as_sounds(validation))
            training.reinitialise(self, seed)
            self._hear_all_notes(sounds)
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Leave nothing to chance inside but what is drawn; the mode is then what it was."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)

    def log_prob(self, x: Sounds) -> NDArray[np.float64]:
        """Return the exact log-probability of each sound's μ-law codes, given its label and pitch, in nats, (n,).

        Raises:
            TypeError: if these are no sounds.
            ValueError: if they have another rate, or labels or pitches are missing or out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        sounds = as_sounds(x)
        conditions = [torch.from_numpy(column).to(self.device) for column in self._conditions(sounds)]
        codes = self._codes(sounds)
        field = self.network.receptive_field
        found = np.empty(len(sounds))
        rows = max(1, SAMPLES_AT_ONCE // codes.shape[1])
        for first in range(0, len(sounds), rows):
            part = slice(first, first + rows)
            nats = np.zeros(len(codes[part]))
            # A long sound goes through in pieces, each with the field that it needs to hear.
            for start in range(0, codes.shape[1] - field, SAMPLES_AT_ONCE):
                heard = torch.from_numpy(codes[part, start : start + field + SAMPLES_AT_ONCE]).to(self.device)
                label, pitch = (column[part] for column in conditions)
                starts = torch.full((len(heard),), start - field, device=self.device)
                with self._evaluating():
                    found_here = self.sample_log_probs(heard, label, pitch, starts)
                nats += found_here.double().sum(dim=1).cpu().numpy()
            found[part] = nats
        return found

    def bits_per_sample(self, x: Sounds) -> NDArray[np.float64]:
        """Return -log₂ P of each sound over its samples, (n,); 8 is what codes cost that nothing is known of."""
        found: NDArray[np.float64] = -self.log_prob(x) / (np.log(2) * as_sounds(x).waves.shape[1])
        return found

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        labels: ArrayLike | None = None,
        pitches: ArrayLike | None = None,
        seconds: float | None = None,
    ) -> Sounds:
        """Draw ``n`` sounds, sample by sample, side by side.

        Args:
            n: how many.
            seed: the same seed draws the same sounds.
            temperature: divides the logits of the mixture's weights and multiplies its widths; below 1 sounds become
                purer, and 0 takes the middle of the heaviest component each time.
            labels: of a model with classes: one for all, or (n,); numbers, or names of the training data's classes.
            pitches: of a model with pitches: one MIDI note number for all, or (n,).
            seconds: how long, up to an hour; as long as the training data's sounds where None is given.

        What is not given is drawn with the training sounds' frequencies: labels and pitches together, or one of them
        among the training sounds that have the other as given, if there are any.

        Raises:
            ValueError: if an argument is out of range, or the model is not conditioned on what is given.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, rng = check_count(n), np.random.default_rng(seed_or_none(seed))
        number("temperature", temperature, least=0)
        length = self.length
        if seconds is not None:
            length = round(number("seconds", seconds, above=0, most=LONGEST) * self.rate)
        known = [
            None if given is None else self._given(name, given, n)
            for name, given in (("labels", labels), ("pitches", pitches))
        ]
        label, pitch = self._completed(known, n, rng)
        codes = []
        for first in range(0, n, ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            told = [torch.from_numpy(column[part]).to(self.device) for column in (label, pitch)]
            with self._evaluating():
                note = self.note(told[0], told[1], torch.zeros(1))
            codes.append(Queues(self.network, note).generate(max(length, 1), temperature=temperature, rng=rng))
        return Sounds(
            decode(np.concatenate(codes), self.levels),
            self.rate,
            None if self.classes is None else label,
            self.class_names,
            None if self.pitches is None else pitch,
        )

    def facts(self) -> dict[str, Any]:
        """Return what it knows of its training data."""
        facts = {"length": self.length, "class_names": list(self.class_names), "notes": self.notes.tolist()}
        return facts if self.length else {}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over what a model knew of its training data."""
        require(facts, "length", "class_names", "notes")
        length, names = whole("length", facts["length"], least=1), several("class_names", facts["class_names"])
        if len(names) not in (0, self.classes):
            raise ValueError(f"it names {len(names)} classes, {', '.join(map(str, names))}, and has {self.classes}")
        self.notes = check_notes(
            np.array(facts["notes"]),
            labels=(-1, -1) if self.classes is None else (0, self.classes - 1),
            pitches=(-1, -1) if self.pitches is None else (self.pitches[0], self.pitches[1]),
        )
        self.length, self.class_names = length, tuple(map(str, names))

    def _hear_all_notes(self, sounds: Sounds) -> None:
        """Let training begin where linear prediction ends, and note how large its errors are."""
        waves = decode(encode(sounds.waves, self.levels), self.levels).astype(np.float64)
        label, pitch = self._conditions(sounds)
        loud = audible(sounds.waves, self.levels)
        labels = np.zeros(len(waves), np.int64) if self.classes is None else label
        low, high = self.pitches or (0, 0)
        tones = np.zeros(len(waves), np.int64) if self.pitches is None else pitch - low
        count, n_tones = len(self.prediction), high - low + 1
        if not loud.any():
            raise ValueError("all sounds are silent; give some that are heard")
        waves, labels, tones = every_note(waves[loud], labels[loud], tones[loud], n_tones)
        notes = labels * n_tones + tones
        found = by_class(waves, notes, count, self.taps, groups=np.arange(count) % n_tones)
        errors = errors_of(waves, found[notes])
        grain = self.network.grain
        for buffer, values in (
            (self.prediction, found[:, ::-1].copy()),
            (self.expected, expected_errors(errors, notes, count, grain, GRAINS)),
        ):
            buffer.copy_(torch.from_numpy(values))

    def _completed(
        self, known: Sequence[NDArray[np.int64] | None], n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return labels and pitches of n notes, (n,) each, of which some are known already."""
        fitting = np.ones((n, len(self.notes)), bool)
        for given, column in zip(known, self.notes.T, strict=True):
            if given is not None:
                fitting &= given[:, None] == column
        fitting[~fitting.any(axis=1)] = True
        drawn = self.notes[np.where(fitting, rng.random(fitting.shape), -1).argmax(axis=1)]
        label, pitch = (own if given is None else given for given, own in zip(known, drawn.T, strict=True))
        return label, pitch

    # Sounds as tensors.

    def _codes(self, sounds: Sounds) -> Codes:
        """Return codes with the silence that is heard before them, (n, receptive field + samples)."""
        if len(sounds) == 0:
            raise ValueError("there are no sounds; give at least one")
        if sounds.rate != self.rate:
            raise ValueError(
                f"the sounds have {sounds.rate:,} samples a second, not {self.rate:,}; resample them first"
            )
        codes = encode(sounds.waves, self.levels)
        before = np.full((len(sounds), self.network.receptive_field), silence(self.levels), codes.dtype)
        return np.concatenate([before, codes], axis=1)

    def _windows(self, sounds: Sounds) -> tuple[Tensor, ...]:
        """Return windows of codes, each with its receptive field before it, and all that :meth:`loss` wants."""
        codes, (label, pitch) = self._codes(sounds), self._conditions(sounds)
        field, length = self.network.receptive_field, sounds.waves.shape[1]
        window = min(self.window, length)
        count = -(-length // window)
        padded = np.pad(codes, ((0, 0), (0, count * window - length)), constant_values=silence(self.levels))
        views = np.lib.stride_tricks.sliding_window_view(padded, field + window, axis=1)[:, ::window]
        counts = (np.arange(count * window) < length).reshape(count, window)
        weights = np.tile(counts, (len(sounds), 1)) * np.float32(count / length)
        starts = np.tile(np.arange(count) * window - field, len(sounds))
        rows = (views.reshape(-1, field + window), label.repeat(count), pitch.repeat(count), starts, weights)
        return tuple(torch.from_numpy(np.array(row)).to(self.device) for row in rows)

    def _conditions(self, sounds: Sounds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return label and pitch of each sound, -1 where the model is not conditioned on it."""
        if self.classes is not None and self.class_names and sounds.classes and sounds.classes != self.class_names:
            raise ValueError(
                f"the sounds' classes are {', '.join(sounds.classes)}, those of the training data "
                f"{', '.join(self.class_names)}; number the labels as there"
            )
        found = []
        for name, model_has, given in (
            ("labels", self.classes, sounds.labels),
            ("pitches", self.pitches, sounds.pitches),
        ):
            if model_has is not None and given is None:
                raise ValueError(f"this WaveNet is conditioned on {name}: its sounds need {name}")
            unused = np.full(len(sounds), -1, np.int64)
            found.append(unused if model_has is None or given is None else self._given(name, given, len(sounds)))
        return found[0], found[1]

    def _given(self, name: str, given: ArrayLike, n: int) -> NDArray[np.int64]:
        """Return labels or pitches as whole numbers, (n,), or refuse them."""
        has = self.classes if name == "labels" else self.pitches
        if has is None:
            raise ValueError(f"this WaveNet is not conditioned on {name}: make it with {_REMEDY[name]}")
        values = np.asarray(given)
        if name == "labels" and values.dtype.kind == "U":
            places = {word: place for place, word in enumerate(self.class_names)}
            if unknown := [word for word in values.flat if word not in places]:
                known = ", ".join(self.class_names) or "no names"
                raise ValueError(f"labels must be among {known}, got {str(unknown[0])!r}")
            values = np.vectorize(places.__getitem__, otypes=[np.int64])(values)
        values = np.full(n, values) if values.ndim == 0 else values
        if values.shape != (n,) or values.dtype.kind not in "iu":
            raise ValueError(f"{name} must be {n} whole numbers, got {values.dtype} of shape {values.shape}")
        low, high = (0, self.classes - 1) if name == "labels" and self.classes else self.pitches or (0, 0)
        if len(outside := values[(values < low) | (values > high)]):
            raise ValueError(f"{name} must lie in {low}..{high}, got {outside[0]}")
        return values.astype(np.int64)


_REMEDY = {"labels": "WaveNet(classes=...)", "pitches": "WaveNet(pitches=(lowest, highest))"}
