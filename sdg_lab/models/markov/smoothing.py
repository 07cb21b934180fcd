"""Counts of n-grams, and what each smoothing makes of them.

Every rule here has one form. After the context h the symbol w has probability ::

    P(w | h) = α(w | h) + γ(h) P(w | h')

where h' is the context without its oldest symbol: α is what the counts after h themselves say, γ the share of belief
handed down to the shorter context. A context that was never seen hands down everything. The rules differ in α and γ
only (Chen & Goodman, 1999, "An empirical study of smoothing techniques for language modeling", section 2).

An n-gram is held as one whole number: its symbols' codes are the digits in base V, the newest symbol last. Its last
digit is the symbol predicted, the digits before are the context, and its last m digits are its newest m symbols.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.sequences.alphabet import Integers

Smoothing = Literal["none", "add", "witten-bell", "kneser-ney"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """All contexts of one length, with what was seen after each of them.

    Its methods take longer contexts and n-grams as well, and look at the newest symbols of each.

    Attributes:
        length: of the contexts, in symbols.
        n_symbols: V, the base of the codes.
        contexts: the contexts seen, ascending, shape (C,).
        gamma: share of belief that each hands down to the shorter context, and a last 1.0 for a context that was never
            seen, shape (C + 1,).
        grams: the n-grams seen (context, then symbol), ascending, shape (E,).
        alpha: what the counts give each of them, and a last 0.0 for an n-gram that was never seen, shape (E + 1,).
        starts: ``grams[starts[i]:starts[i + 1]]`` are those of context ``i``, none for the unseen one, shape (C + 2,).
    """

    length: int
    n_symbols: int
    contexts: Integers
    gamma: Floats
    grams: Integers
    alpha: Floats
    starts: Integers
    cumulative: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cumulative", np.concatenate([[0.0], np.cumsum(self.alpha)]))

    def row_of(self, contexts: Integers) -> Integers:
        """Return where each context stands among those seen, or C."""
        return _find(self.contexts, contexts % self.n_symbols**self.length)

    def mix(self, shorter: Floats, grams: Integers) -> Floats:
        """Return P(w | h) of n-grams, shape (n,), from P(w | h') of the next shorter contexts."""
        entries = _find(self.grams, grams % self.n_symbols ** (self.length + 1))
        return self.alpha[entries] + self.gamma[self.row_of(grams // self.n_symbols)] * shorter

    def mix_rows(self, shorter: Floats, contexts: Integers) -> Floats:
        """Return P(· | h) of contexts, shape (n, V), from P(· | h') of the next shorter ones."""
        rows = self.row_of(contexts)
        mixed = shorter * self.gamma[rows, None]
        sizes = self.starts[rows + 1] - self.starts[rows]
        entries = _ranges(self.starts[rows], sizes)
        mixed[np.repeat(np.arange(len(rows)), sizes), self.grams[entries] % self.n_symbols] += self.alpha[entries]
        return mixed

    def draw(self, contexts: Integers, uniform: Floats) -> tuple[Integers, Floats]:
        """Draw a symbol after each context, by inversion of one uniform number each.

        Returns:
            The symbols, shape (n,), -1 where the shorter context is to decide; and a uniform number for it to use.
        """
        rows = self.row_of(contexts)
        own = 1.0 - self.gamma[rows]
        first, last = self.starts[rows], self.starts[rows + 1] - 1
        entries = np.searchsorted(self.cumulative, self.cumulative[first] + uniform, side="right") - 1
        # Rounding in the running sum must not carry a draw into the neighbouring context.
        entries = np.clip(entries, first, np.maximum(last, 0))
        handed_down = uniform >= own
        symbols = np.where(handed_down, -1, self.grams[np.minimum(entries, len(self.grams) - 1)] % self.n_symbols)
        left = np.divide(uniform - own, self.gamma[rows], out=np.zeros_like(uniform), where=handed_down)
        return symbols, left


@dataclass(frozen=True)
class Occurrences:
    """The training data sorted by context: to draw from unsmoothed counts is to pick an occurrence, without a search.

    Attributes:
        starts: the occurrences of context ``i`` begin at ``starts[i]``, shape (C,).
        counts: how many there are, shape (C,).
        symbols: the symbol that followed at each occurrence, shape (events,).
        rows: the row of the context that this led to, shape (events,); after an end it means nothing.
    """

    starts: Integers
    counts: Integers
    symbols: Integers
    rows: Integers

    @classmethod
    def of(cls, grams: Integers, n_symbols: int, order: int) -> Occurrences:
        """Index all (order + 1)-grams, ascending and as often as they occur, shape (events,)."""
        contexts, starts, counts = np.unique(grams // n_symbols, return_index=True, return_counts=True)
        return cls(starts, counts, grams % n_symbols, _find(contexts, grams % n_symbols**order))

    def step(self, rows: Integers, uniform: Floats) -> tuple[Integers, Integers]:
        """Draw a symbol after each context, from one uniform number each; return the symbols and the new contexts."""
        places = self.starts[rows] + (uniform * self.counts[rows]).astype(np.int64)
        return self.symbols[places], self.rows[places]


def _find(sorted_values: Integers, wanted: Integers) -> Integers:
    """Return where each of ``wanted`` stands in ``sorted_values``, or ``len(sorted_values)`` if it is not there."""
    places: Integers = np.searchsorted(sorted_values, wanted)
    places[sorted_values[np.minimum(places, len(sorted_values) - 1)] != wanted] = len(sorted_values)
    return places


def _ranges(starts: Integers, sizes: Integers) -> Integers:
    """Return ``arange(start, start + size)`` for every pair, one after another."""
    before = np.cumsum(sizes) - sizes
    places: Integers = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    return places


def build_levels(
    grams: Integers, *, n_symbols: int, order: int, smoothing: Smoothing, alpha: float, discount: float
) -> list[Level]:
    """Make the levels of one rule, the shortest context first; "none" and "add" have the longest context only.

    Args:
        grams: every (order + 1)-gram of the training data, as often as it occurs, shape (events,).
        n_symbols: V.
        order: length of the longest context.
        smoothing: the rule.
        alpha: what "add" adds to each count.
        discount: what "kneser-ney" takes from each count.
    """
    levels: list[Level] = []
    types, counts = np.unique(grams, return_counts=True)
    for length in range(order, -1, -1) if smoothing in ("witten-bell", "kneser-ney") else [order]:
        if length < order:
            # Witten-Bell counts occurrences. Kneser-Ney asks in how many longer contexts an n-gram occurs and counts
            # each once: "Francisco", frequent but only after "San", is then not expected everywhere.
            longer = grams if smoothing == "witten-bell" else types
            types, counts = np.unique(longer % n_symbols ** (length + 1), return_counts=True)
        levels.append(_level(types, counts, n_symbols, length, smoothing, alpha, discount))
    return levels[::-1]


def _level(
    grams: Integers, counts: Integers, n_symbols: int, length: int, smoothing: Smoothing, alpha: float, discount: float
) -> Level:
    """Apply one rule to the counts c(h, w) of one context length."""
    contexts, first, types = np.unique(grams // n_symbols, return_index=True, return_counts=True)
    total = np.add.reduceat(counts, first).astype(np.float64)  # c(h) = sum over w of c(h, w)
    if smoothing == "add":
        # Lidstone: (c(h, w) + a) / (c(h) + a V) is a mixture with the uniform distribution.
        own, divisor, gamma = counts + 0.0, total + alpha * n_symbols, alpha * n_symbols / (total + alpha * n_symbols)
    elif smoothing == "none" or length == 0:
        own, divisor, gamma = counts + 0.0, total, np.zeros_like(total)
    elif smoothing == "witten-bell":
        # Witten & Bell (1991): something new follows h as often as it has, gamma = N1+(h .) / (c(h) + N1+(h .)).
        own, divisor, gamma = counts + 0.0, total + types, types / (total + types)
    else:
        # Kneser & Ney (1995), interpolated: each count gives up D, and what was given up follows the shorter context.
        own, divisor, gamma = counts - discount, total, discount * types / total
    starts = np.append(first, len(grams))
    return Level(
        length=length,
        n_symbols=n_symbols,
        contexts=contexts,
        gamma=np.append(gamma, 1.0),
        grams=grams,
        alpha=np.append(own / np.repeat(divisor, types), 0.0),
        starts=np.append(starts, len(grams)),
    )
