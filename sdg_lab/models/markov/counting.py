"""A Markov chain as plainly as it can be written: count what follows each context, and divide. Read this one first.

The chain believes that the next symbol depends on the last k alone, its context h, and learns by counting how often
each symbol w followed it, c(h, w). With V symbols and add-α smoothing (Lidstone; α = 0 is maximum likelihood) ::

    P(w | h) = (c(h, w) + α) / (c(h) + α V),  c(h) = Σ_w c(h, w)

:class:`sdg_lab.models.markov.chain.MarkovChain` is the same model with sorted arrays in place of dictionaries, which is
a hundred times faster, and with smoothings that ask shorter contexts.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Self

from sdg_lab.checks import number, seed_or_none, whole
from sdg_lab.models.contract import NotFittedError, check_count
from sdg_lab.models.sequences.alphabet import Alphabet, Sequences

Context = tuple[str | None, ...]
EDGE = None
"""What stands before the first symbol of a sequence, k times, and after the last, once: not to be confused with any."""


class CountingChain:
    """A Markov chain of a given order, with a dictionary of counts for each context."""

    def __init__(self, order: int = 3, alpha: float = 0.0) -> None:
        self.order, self.alpha = whole("order", order, least=0), number("alpha", alpha, least=0)

    def fit(self, data: Sequences) -> Self:
        """Count every symbol after every context; ``counts[context][symbol]`` is all that the chain remembers."""
        alphabet = Alphabet.of(data)
        counts: defaultdict[Context, Counter[str | None]] = defaultdict(Counter)
        for sequence in data:
            for context, symbol in self._steps(sequence):
                counts[context][symbol] += 1
        self.alphabet, self.symbols, self.counts = alphabet, (EDGE, *alphabet.letters), counts
        return self

    def _require_fitted(self) -> None:
        if not hasattr(self, "counts"):
            raise NotFittedError("this CountingChain has not been fitted: call fit(data) first")

    def _steps(self, sequence: str | tuple[str, ...]) -> Iterator[tuple[Context, str | None]]:
        """Yield each symbol of a sequence, its end included, together with the k symbols before it."""
        context: Context = (EDGE,) * self.order
        for symbol in (*sequence, EDGE):
            yield context, symbol
            context = (*context, symbol)[1:]

    def probability(self, symbol: str | None, context: Context) -> float:
        """Return P(symbol | context); 0 after a context that was never seen, unless α > 0."""
        self._require_fitted()
        seen = self.counts.get(context, Counter())
        total = seen.total() + self.alpha * len(self.symbols)
        return (seen[symbol] + self.alpha) / total if total else 0.0

    def log_prob(self, data: Sequences) -> list[float]:
        """Return log P(sequence) = Σₜ log P(xₜ | the k before it) of each sequence, its end included, in nats."""
        self._require_fitted()
        self.alphabet.encode(data)  # refuses symbols that were never seen, and says where they are
        rows = ([self.probability(symbol, context) for context, symbol in self._steps(x)] for x in data)
        return [sum(math.log(p) if p else -math.inf for p in row) for row in rows]

    def sample(self, n: int, *, seed: int | None = None) -> Sequences:
        """Draw n sequences, each symbol from its distribution given the k before it, until the end is drawn."""
        self._require_fitted()
        rng = random.Random(seed_or_none(seed))
        samples: list[tuple[str, ...]] = []
        for _ in range(check_count(n)):
            context: Context = (EDGE,) * self.order
            sequence: list[str] = []
            while True:
                weights = [self.probability(symbol, context) for symbol in self.symbols]
                (symbol,) = rng.choices(self.symbols, weights)
                if symbol is None:  # the end
                    break
                sequence.append(symbol)
                context = (*context, symbol)[1:]
            samples.append(tuple(sequence))
        return ["".join(sequence) for sequence in samples] if self.alphabet.characters else samples
