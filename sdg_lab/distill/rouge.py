"""ROUGE-L between texts: how long a subsequence of words they share, one pair at a time and ten thousand at once.

Lin, *ROUGE: A Package for Automatic Evaluation of Summaries* (2004). With L the length of the longest common
subsequence (LCS) of two texts of m and n words, precision is L/n, recall L/m, and their harmonic mean
F = 2L / (m + n). Words are runs of a–z and 0–9 in lower case, without stemming, as in the package ``rouge-score``.

The plain functions stand first. :class:`Texts` is the fast one, and equal to them: it looks first at what F can be at
most, F <= 2 min(m, n, shared words) / (m + n), and then runs one LCS against many texts in the bits of a number.
Hyyrö, *Bit-Parallel LCS-length Computation Revisited* (2004).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number

N = TypeVar("N", bound=np.generic)

BITS = 64
"""Words of a text that one number holds."""

FIRST_LOOK = 32
"""Texts of the highest bounds whose F is found first; most others are then out of reach."""


def words(text: str) -> list[str]:
    """Return the words of a text as ROUGE counts them: ``"Don't!"`` has two, and a text in Greek has none."""
    return re.findall("[a-z0-9]+", text.lower())


def lcs_length(first: Sequence[object], second: Sequence[object]) -> int:
    """Return the length of the longest common subsequence: what is left of both by leaving out, in the same order.

    The table of dynamic programming, one row at a time; O(m n).
    """
    row = [0] * (len(second) + 1)
    for a in first:
        diagonal = 0
        for j, b in enumerate(second, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if a == b else max(row[j], row[j - 1])
    return row[-1]


def rouge_l(first: str, second: str) -> float:
    """Return ROUGE-L F of two texts, in [0, 1]; 0 where one has no words."""
    a, b = words(first), words(second)
    return 2 * lcs_length(a, b) / (len(a) + len(b)) if a and b else 0.0


class Texts:
    """Texts that others are compared with by ROUGE-L F, and to which more can be added.

    >>> pool = Texts(["Write a poem about rain.", "Name three rivers."])
    >>> pool.nearest("Write a song about rain.")
    (0.8, 0)

    Args:
        texts: those to begin with.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._number: dict[str, int] = {}  # of each word
        self._flat = np.zeros(1024, np.int32)  # the words of all texts, one after another
        self._start = np.zeros(64, np.int64)  # where each text begins in it
        self._length = np.zeros(64, np.int64)
        self._texts = self._words = 0
        self._shared = np.zeros(1024, np.uint8)  # which words a text has; zeros between two calls
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return self._texts

    def add(self, text: str) -> None:
        """Add a text."""
        ids = [self._number.setdefault(word, len(self._number)) for word in words(text)]
        self._flat = _with_room(self._flat, self._words + len(ids))
        self._start, self._length = (_with_room(a, self._texts + 1) for a in (self._start, self._length))
        self._shared = _with_room(self._shared, len(self._number))
        self._flat[self._words : self._words + len(ids)] = ids
        self._start[self._texts], self._length[self._texts] = self._words, len(ids)
        self._texts, self._words = self._texts + 1, self._words + len(ids)

    def scores(self, text: str) -> NDArray[np.float64]:
        """Return ROUGE-L F of a text with each of these, (n,)."""
        return self._f(self._ids(text), np.arange(self._texts))

    def nearest(self, text: str, *, threshold: float = 0.0) -> tuple[float, int]:
        """Return the largest F with any of these, and the first text that has it.

        Args:
            text: what is compared.
            threshold: what lies below it is not looked for, which is quicker: then (0.0, -1) is returned, as it is
                where no text shares a word with this one.

        Raises:
            ValueError: if the threshold is not in [0, 1].
        """
        number("threshold", threshold, least=0, most=1)
        ids = self._ids(text)
        bound = self._bound(ids)
        possible = np.flatnonzero((bound >= threshold) & (bound > 0))
        if len(possible) > FIRST_LOOK:
            highest = possible[np.argpartition(bound[possible], -FIRST_LOOK)[-FIRST_LOOK:]]
            possible = possible[bound[possible] >= self._f(ids, highest).max()]
        f = self._f(ids, possible)
        best = int(f.argmax()) if len(f) else -1
        return (0.0, -1) if best < 0 or f[best] < max(threshold, 1e-9) else (float(f[best]), int(possible[best]))

    def similar(self, text: str, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return which of these have F >= threshold > 0 with a text, in their order, and their F."""
        number("threshold", threshold, above=0, most=1)
        ids = self._ids(text)
        possible = np.flatnonzero(self._bound(ids) >= threshold)
        f = self._f(ids, possible)
        return possible[f >= threshold], f[f >= threshold]

    def _ids(self, text: str) -> list[int]:
        """Return the numbers of a text's words, -1 for one that none of these has."""
        return [self._number.get(word, -1) for word in words(text)]

    def _bound(self, ids: Sequence[int]) -> NDArray[np.float64]:
        """Return what F is at most, (n,): a common subsequence is no longer than a text, nor than the shared words."""
        known = [i for i in ids if i >= 0]
        if not known:  # and none of these, perhaps
            return np.zeros(self._texts)
        self._shared[known] = 1
        running = np.zeros(self._words + 1, np.int32)
        np.cumsum(self._shared[self._flat[: self._words]], dtype=np.int32, out=running[1:])
        self._shared[known] = 0
        start, length = self._start[: self._texts], self._length[: self._texts]
        shared = running[start + length] - running[start]
        bound: NDArray[np.float64] = 2 * np.minimum(shared, len(known)) / (length + len(ids))
        return bound

    def _f(self, ids: Sequence[int], which: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return F of a text with some of these, (k,)."""
        order = np.argsort(-self._length[which], kind="stable")  # the longest first: at word t the first so many go on
        chosen = which[order]
        f = np.zeros(len(which))
        if ids and len(which):
            f[order] = 2 * self._lcs(ids, self._start[chosen], self._length[chosen]) / (len(ids) + self._length[chosen])
        return f

    def _lcs(self, ids: Sequence[int], start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the LCS of one text with several of these, given in the order of falling lengths, (k,).

        Bit i of ``v`` is 0 once the LCS with the words read so far grew at word i of the text; the sum of the zeros is
        the LCS. A word of the other text changes it by v' = (v + (v & match)) | (v & ~match): in each run of ones that
        has a match, the carry moves the zero to the first match.
        """
        parts = -(-len(ids) // BITS)
        match = np.zeros((parts, len(self._number)), np.uint64)
        for place, i in enumerate(ids):
            if i >= 0:
                match[place // BITS, i] |= np.uint64(1 << place % BITS)
        v = np.full((parts, len(start)), ~np.uint64(0))
        alive = np.searchsorted(-length, -np.arange(length.max(initial=0)))  # how many texts have more than t words
        for t, k in enumerate(alive):
            found = self._flat[start[:k] + t]
            carry = np.zeros(k, np.uint64)
            for part in range(parts):
                m, old = match[part, found], v[part, :k]
                hit = old & m
                total = old + hit
                summed = total + carry
                carry = ((total < old) | (summed < total)).astype(np.uint64)  # what does not fit goes to the next part
                v[part, :k] = summed | (old & ~m)
        last = len(ids) - BITS * (parts - 1)
        v[-1] |= ~np.uint64((1 << last) - 1)  # bits beyond the text's end
        zeros: NDArray[np.int64] = (BITS - np.bitwise_count(v).astype(np.int64)).sum(axis=0)
        return zeros


def similar_pairs(
    first: Sequence[str], second: Sequence[str], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of texts whose ROUGE-L F is at least a threshold above 0, by the first and then the second.

    Args:
        first: texts.
        second: texts; the same list gives each pair both ways, and each text with itself.
        threshold: least F, in (0, 1].

    Returns:
        Places in ``first`` and ``second``, (k, 2), and F, (k,).

    Raises:
        ValueError: if the threshold is out of range.
    """
    number("threshold", threshold, above=0, most=1)
    pool = Texts(second)
    places, scores = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for i, text in enumerate(first):
        found, f = pool.similar(text, threshold)
        places.append(np.stack([np.full_like(found, i), found], axis=1))
        scores.append(f)
    return np.concatenate(places), np.concatenate(scores)


def _with_room(array: NDArray[N], size: int) -> NDArray[N]:
    """Return an array with room for ``size`` numbers: itself, or a copy twice as long."""
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
