"""Does it help to read the source backwards? Chapter 06's experiment, too long for its page: only results ship.

Sutskever, Vinyals & Le, *Sequence to Sequence Learning with Neural Networks* (2014), section 3.3, found that it does,
in translation. Here the sources are spellings, and there is no attention: all that the decoder learns about a word
passes through one state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab import data
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.metrics.sequences.edit_distance import error_rate
from sdg_lab.models.recurrent.seq2seq import Pairs, Seq2Seq
from sdg_lab.training.schedules import cosine

ORDERS = {"forwards": False, "backwards": True}
"""Whether the source is reversed."""

RATES = (5e-3, 1e-2)
"""Learning rates that are tried with the first seed, in each order; the one with fewer validation nats is used."""

SEEDS, EPOCHS, MIN_LETTERS, PLACES = 3, 6, 8, 9
"""Trainings of each order, epochs in each, letters of a word at least, and phonemes measured one by one."""


class Results(dict[str, NDArray[np.float64]]):
    """Figures by name; one file holds them all. The first axis is the order of reading, the second the seed."""

    def save(self, path: str | Path) -> None:
        """Write all figures."""
        write_tensors(path, dict(self), {"kind": "results"})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is damaged, or no file of this package.
        """
        tensors, _ = read_tensors(path)
        return cls((name, tensor.numpy()) for name, tensor in tensors.items())


def long_words(pairs: list[tuple[str, tuple[str, ...]]]) -> Pairs:
    """Return the words in which the first letter stands far from the first phoneme when it is read first."""
    return [pair for pair in pairs if len(pair[0]) >= MIN_LETTERS]


def compare_orders(
    train: Pairs, validation: Pairs, test: Pairs, *, seeds: int = SEEDS, epochs: int = EPOCHS, batch_size: int = 64
) -> Results:
    """Train without attention in both orders; choose the learning rate on validation, and only then look at test.

    Returns:
        By name: ``tried``, validation nats of the first seed by order and rate; ``rate``, the chosen one by order;
        ``validation``, nats after each epoch, (orders, seeds, epochs), and the same of single phonemes, counted from
        the start of the word, ``learning``, (orders, seeds, epochs, PLACES); on test ``nats`` and ``errors``, a
        phoneme, (orders, seeds), and nats of single phonemes, counted from either end of the word, ``from_start`` and
        ``from_end``, (orders, seeds, PLACES); ``seconds`` of the processor in training; ``words``, how many train and
        test.
    """
    found: dict[str, list[object]] = {}
    for backwards in ORDERS.values():

        def training(rate: float, seed: int, backwards: bool = backwards) -> _Training:
            return _Training(train, validation, backwards, rate, seed, epochs, batch_size)

        tried = [training(rate, 0) for rate in RATES]
        best = int(np.argmin([one.validation[-1] for one in tried]))
        chosen = [tried[best], *(training(RATES[best], seed) for seed in range(1, seeds))]
        measured = [one.measure(test) for one in chosen]
        row: dict[str, object] = {name: [result[name] for result in measured] for name in measured[0]}
        row |= {"tried": [one.validation[-1] for one in tried], "rate": RATES[best]}
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    results = Results((name, np.array(value)) for name, value in found.items())
    results["words"] = np.array([len(train), len(test)], dtype=np.float64)
    return results


class _Training:
    """One training, and what was seen of it on validation."""

    def __init__(
        self, train: Pairs, validation: Pairs, backwards: bool, rate: float, seed: int, epochs: int, batch_size: int
    ) -> None:
        self.model = Seq2Seq(attention=False, bidirectional=False, reverse_source=backwards)
        self.learning: list[NDArray[np.float64]] = []
        self.model.fit(
            train,
            validation=validation,
            epochs=epochs,
            batch_size=batch_size,
            lr=rate,
            schedule=cosine,
            seed=seed,
            progress=False,
            on_epoch=lambda *_: self.learning.append(by_place(self.model, validation)[0]),
        )
        assert self.model.history is not None  # it was fitted just now
        self.validation = self.model.history.validation_loss

    def measure(self, test: Pairs) -> dict[str, object]:
        """Return the figures of this training."""
        written = self.model.translate([source for source, _ in test])  # type: ignore[arg-type] # of one kind
        from_start, from_end = by_place(self.model, test)
        return {
            "nats": -self.model.log_prob(test).sum() / sum(len(target) + 1 for _, target in test),
            "errors": error_rate(written, [target for _, target in test]),
            "from_start": from_start,
            "from_end": from_end,
            "validation": self.validation,
            "learning": self.learning,
            "seconds": self.model.trained["cpu_seconds"],
        }


def by_place(model: Seq2Seq, pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean nats of the first phoneme, the second, …, and of the last, the last but one, …, each (PLACES,).

    The end of a word is none of them, and only words that have a phoneme at the place count.
    """
    nats = -model.log_prob_by_token(pairs)
    phonemes = np.array([len(target) for _, target in pairs])[:, None]
    places = np.arange(PLACES)
    there = places < phonemes
    found = []
    for place in (np.minimum(places, phonemes - 1), np.maximum(phonemes - 1 - places, 0)):
        found.append((np.take_along_axis(nats, place, axis=1) * there).sum(axis=0) / there.sum(axis=0))
    return found[0], found[1]


def try_both_orders() -> Results:
    """Make the experiment on the long words of the dictionary: eight trainings, about a minute each."""
    words = data.pronunciations()
    return compare_orders(long_words(words.train), long_words(words.validation), long_words(words.test))
