"""Sequences of symbols to whole numbers and back: the front door of every model of names, melodies and text.

A sequence is a ``str`` (its symbols are characters) or a ``tuple[str, ...]`` (its symbols are tokens). Code 0 is the
boundary: what stands before the first symbol and after the last. The symbols seen in training are 1, 2, ... in sorted
order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.tables.columns import got

Sequences = list[str] | list[tuple[str, ...]]
"""What a model of sequences learns from, and returns."""

Integers = NDArray[np.int64]

BOUNDARY = "·"
"""How code 0 is written where symbols are listed: it starts and ends every sequence."""

_UTF32 = ("utf-32-le", "surrogatepass")
"""One whole number a character, whatever the character."""


@dataclass(frozen=True)
class Alphabet:
    """The symbols of a data set.

    Attributes:
        letters: the distinct symbols, sorted; ``letters[i]`` has code ``i + 1``.
        characters: whether sequences are strings; if not, they are tuples of tokens.
    """

    letters: tuple[str, ...]
    characters: bool

    @classmethod
    def of(cls, sequences: Sequences) -> Alphabet:
        """Collect the symbols of the training data.

        Raises:
            TypeError: if ``sequences`` is not a list of ``str`` or a list of tuples of ``str``.
            ValueError: if there are no sequences, or one of them is empty.
        """
        check_sequences(sequences)
        for index, sequence in enumerate(sequences):
            if not sequence:
                raise ValueError(f"sequence {index} is empty; leave it out of the training data")
        return cls(tuple(sorted(set(chain.from_iterable(sequences)))), isinstance(sequences[0], str))

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Make the alphabet that :meth:`facts` describes; :class:`ValueError` if they describe none."""
        letters, characters = tuple(facts["letters"]), facts["characters"]
        texts = all(isinstance(letter, str) for letter in letters)
        if not texts or list(letters) != sorted(set(letters)) or not isinstance(characters, bool):
            raise ValueError("its letters must be different texts in order, and characters true or false")
        return cls(letters, characters)

    def facts(self) -> dict[str, Any]:
        """Return the symbols and their kind, as JSON can say them."""
        return {"letters": list(self.letters), "characters": self.characters}

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols by code: the boundary, then the letters."""
        return (BOUNDARY, *self.letters)

    def __len__(self) -> int:
        return len(self.letters) + 1

    def encode(self, sequences: Sequences) -> tuple[Integers, Integers]:
        """Return all codes one after another, shape (total,), and the length of each sequence, shape (n,).

        Raises:
            TypeError: if the sequences are not of the kind that the alphabet was made of.
            ValueError: if a symbol is not in the alphabet; the message says where.
        """
        check_sequences(sequences)
        if isinstance(sequences[0], str) != self.characters:
            kinds = ("strings", "tuples of tokens")
            want, got = kinds if self.characters else kinds[::-1]
            raise TypeError(f"the model was fitted on {want}, got {got}; give it the kind of data it was fitted on")
        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        codes = self._codes(sequences, int(lengths.sum()))
        if not codes.all():
            flat = int(np.flatnonzero(codes == 0)[0])
            index = int(np.searchsorted(np.cumsum(lengths), flat, side="right"))
            position = flat - int(lengths[:index].sum())
            raise ValueError(
                f"sequence {index}, position {position}: symbol {sequences[index][position]!r} was never seen in "
                "training; leave the sequence out, or replace rare symbols by one common symbol before fitting"
            )
        return codes, lengths

    def _codes(self, sequences: Sequences, total: int) -> Integers:
        """Return the code of every symbol, 0 for those outside the alphabet."""
        if not self.characters:
            code_of = {letter: code for code, letter in enumerate(self.letters, start=1)}
            return np.fromiter((code_of.get(s, 0) for s in chain.from_iterable(sequences)), dtype=np.int64, count=total)
        points = np.frombuffer("".join(sequences).encode(*_UTF32), dtype="<u4")  # type: ignore[arg-type] # all are str
        known = [ord(letter) for letter in self.letters]
        code_of_point = np.zeros(1 + max(int(points.max(initial=0)), known[-1]), dtype=np.int64)
        code_of_point[known] = np.arange(1, len(self))
        codes: Integers = code_of_point[points]
        return codes

    def decode(self, codes: Integers, lengths: Integers) -> Sequences:
        """Return the sequences whose codes stand one after another; the inverse of :meth:`encode`."""
        ends = np.cumsum(lengths)
        bounds = list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
        if self.characters:
            points = np.array([ord(letter) for letter in self.letters], dtype="<u4")
            text = points[codes - 1].tobytes().decode(*_UTF32)
            return [text[start:end] for start, end in bounds]
        letters = [self.letters[code - 1] for code in codes.tolist()]
        return [tuple(letters[start:end]) for start, end in bounds]


def check_sequences(sequences: Sequence[object]) -> None:
    """Refuse what is not a non-empty list of strings, or of tuples of strings.

    Raises:
        TypeError: saying which sequence, which position, and what was found there.
        ValueError: if there are no sequences.
    """
    if isinstance(sequences, str) or not isinstance(sequences, Sequence):
        raise TypeError(
            f"data must be a list of strings or a list of tuples of tokens, got {got(sequences)}"
            + "; one sequence alone is a list of length 1, running text is for fit_text, which the neural models have"
            * isinstance(sequences, str)
        )
    if len(sequences) == 0:
        raise ValueError("data holds no sequences; give at least one")
    if isinstance(sequences[0], str):
        for index, sequence in enumerate(sequences):
            if not isinstance(sequence, str):
                raise TypeError(
                    f"sequence {index} is {_described(sequence)}, but sequence 0 is a str; make all of them str"
                )
        return
    for index, sequence in enumerate(sequences):
        if not isinstance(sequence, tuple):
            raise TypeError(
                f"sequence {index} is {_described(sequence)}; make every sequence a str, or every one a tuple"
            )
        for position, token in enumerate(sequence):
            if not isinstance(token, str):
                raise TypeError(f"sequence {index}, position {position} is {_described(token)}; a token must be a str")


def one_text(text: object) -> Sequences:
    """Return a running text as a list of one sequence, or refuse it.

    Raises:
        TypeError: if it is neither a ``str`` nor a tuple of tokens.
        ValueError: if it is empty.
    """
    if not isinstance(text, (str, tuple)):
        raise TypeError(
            f"running text must be one str, or one tuple of tokens, got {got(text)}; fit(data) learns from sequences"
        )
    if not text:
        raise ValueError("the text is empty; give at least one character")
    return [text]  # type: ignore[return-value] # a list of one kind


def _described(value: object) -> str:
    return f"{value!r}, a {type(value).__name__}"
