"""Markov chains of any order over characters or tokens: the fast form of :mod:`~sdg_lab.models.markov.counting`.

The chain says what comes next from the last k symbols alone, k being its order ::

    P(x₁ … xₙ) = ∏ₜ P(xₜ | xₜ₋ₖ … xₜ₋₁),  t = 1 … n + 1

where xₙ₊₁ is the end, and what stands before the first symbol is the boundary, k times. All of its knowledge is a table
of counts, held as sorted arrays; :mod:`~sdg_lab.models.markov.smoothing` makes probabilities of them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Self, get_args

import numpy as np

from sdg_lab.checks import number, one_of, seed_or_none, whole
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.markov.smoothing import Floats, Level, Occurrences, Smoothing, build_levels
from sdg_lab.models.sequences.alphabet import Alphabet, Integers, Sequences

if TYPE_CHECKING:
    from torch import Tensor

MAX_LENGTH = 10_000
"""A sample that has not ended by itself after so many symbols is cut there, unless the caller says otherwise."""


class MarkovChain(SyntheticModel[Sequences]):
    """A Markov chain of a given order, fitted by counting.

    Args:
        order: how many of the last symbols the next one depends on; 0 forgets everything.
        smoothing: what to believe about n-grams that were never seen: ``"none"`` (they are impossible), ``"add"``
            (every count begins at ``alpha``; Lidstone), ``"witten-bell"`` or ``"kneser-ney"`` (both interpolated with
            all shorter contexts; Chen & Goodman, 1999).
            Given the same n-grams these are the models of ``nltk.lm``, whose ``order`` is one more, whose Kneser-Ney
            discount is 0.1 unless said, and whose padding functions add more ends than one to each sequence.
        alpha: what ``"add"`` adds to each count, > 0.
        discount: what ``"kneser-ney"`` takes from each count, in (0, 1].

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self, order: int = 3, smoothing: Smoothing = "none", *, alpha: float = 1.0, discount: float = 0.75
    ) -> None:
        self.order = whole("order", order, least=0)
        self.smoothing: Smoothing = one_of("smoothing", smoothing, get_args(Smoothing))
        self.alpha = number("alpha", alpha, above=0)
        self.discount = number("discount", discount, above=0, most=1)
        self._alphabet: Alphabet | None = None
        self._grams: Integers = np.empty(0, dtype=np.int64)
        self._levels: list[Level] = []
        self._occurrences: Occurrences | None = None

    def __repr__(self) -> str:
        fitted = f"{len(self.alphabet) - 1:,} symbols, {self.n_parameters:,} n-grams" if self.fitted else "not fitted"
        return f"<MarkovChain of order {self.order}, smoothing {self.smoothing!r}: {fitted}>"

    # Stage 1: counting

    def fit(self, data: Sequences, *, seed: int = 0, progress: bool = True) -> Self:
        """Count every n-gram of the data. Nothing is random and nothing takes long: both options are the contract's.

        Args:
            data: n sequences, all ``str`` (symbols are characters) or all tuples of ``str`` (symbols are tokens).
            seed: not used.
            progress: not used.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no sequences, one is empty, or the n-grams are too many to be numbered.
        """
        alphabet = Alphabet.of(data)
        grams, _ = self._events(alphabet, data)
        self._become(alphabet, np.sort(grams))
        return self

    def _events(self, alphabet: Alphabet, data: Sequences) -> tuple[Integers, Integers]:
        """Return the (order + 1)-gram that ends at every symbol and at every sequence's end, and whose it is.

        Each of both has shape (symbols + sequences,).
        """
        self._refuse_too_many(alphabet)
        codes, lengths = alphabet.encode(data)
        # Write all sequences into one row of zeros, each after ``order`` boundaries and followed by one: its end.
        row = np.zeros(self.order + int((lengths + 1 + self.order).sum()), dtype=np.int64)
        owner = np.repeat(np.arange(len(lengths)), lengths + 1)
        places = np.arange(len(owner)) + self.order * (owner + 1)
        last = np.cumsum(lengths + 1) - 1
        row[np.delete(places, last)] = codes
        grams = np.zeros(len(places), dtype=np.int64)
        for back in range(self.order, -1, -1):
            grams = grams * len(alphabet) + row[places - back]
        return grams, owner

    def _refuse_too_many(self, alphabet: Alphabet) -> None:
        if (self.order + 1) * math.log2(len(alphabet)) >= 63:
            raise ValueError(
                f"order {self.order} over {len(alphabet)} symbols has more n-grams than a 64-bit number can name; "
                "lower the order, or merge rare symbols"
            )

    def _become(self, alphabet: Alphabet, grams: Integers) -> None:
        """Take the alphabet and all (order + 1)-grams, ascending; everything else follows from them."""
        levels = build_levels(
            grams,
            n_symbols=len(alphabet),
            order=self.order,
            smoothing=self.smoothing,
            alpha=self.alpha,
            discount=self.discount,
        )
        occurrences = Occurrences.of(grams, len(alphabet), self.order) if self.smoothing == "none" else None
        self._alphabet, self._grams, self._levels, self._occurrences = alphabet, grams, levels, occurrences

    @property
    def fitted(self) -> bool:
        """Whether the chain has counted anything."""
        return self._alphabet is not None

    @property
    def alphabet(self) -> Alphabet:
        """The symbols seen in training; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        assert self._alphabet is not None
        return self._alphabet

    @property
    def symbols(self) -> tuple[str, ...]:
        """The V symbols in the order of every distribution; the first, the boundary ``"·"``, is as next one the end."""
        return self.alphabet.symbols

    @property
    def n_parameters(self) -> int:
        """How many different n-grams the chain remembers, over all context lengths that it uses."""
        self.require_fitted()
        return sum(len(level.grams) for level in self._levels)

    # Stage 2: probabilities

    def log_prob(self, x: Sequences) -> Floats:
        """Return the exact log-probability of each sequence, its end included.

        Args:
            x: n sequences of symbols seen in training; here a sequence may be empty.

        Returns:
            Nats, shape (n,); ``-inf`` for what an unsmoothed chain holds to be impossible.

        Raises:
            TypeError: if the data is of another kind than the training data.
            ValueError: if a symbol was never seen in training.
        """
        grams, owner = self._events(self.alphabet, x)
        probability = np.full(len(grams), self._floor)
        for level in self._levels:
            probability = level.mix(probability, grams)
        with np.errstate(divide="ignore"):
            return np.bincount(owner, weights=np.log(probability)).astype(np.float64)

    @property
    def _floor(self) -> float:
        """P(w) below the shortest context: all symbols alike; without smoothing, after an unseen context, none."""
        return 0.0 if self.smoothing == "none" else 1.0 / len(self.alphabet)

    def next_distribution(self, context: str | tuple[str, ...] = "") -> Floats:
        """Return the probabilities of the next symbol, shape (V,), in the order of :attr:`symbols`.

        Args:
            context: the sequence so far, from its start; all but the last ``order`` symbols are forgotten.

        Raises:
            ValueError: if a symbol was never seen, or if the chain is unsmoothed and the context was never seen.
        """
        empty: str | tuple[str, ...] = "" if self.alphabet.characters else ()
        codes, _ = self.alphabet.encode([context or empty])  # type: ignore[arg-type] # one of both kinds
        code = 0
        for digit in codes[len(codes) - min(self.order, len(codes)) :].tolist():
            code = code * len(self.alphabet) + digit
        row: Floats = self._rows(np.array([code]))[0]
        if not row.any():
            raise ValueError(
                f"context {context!r} never occurs in training, so an unsmoothed chain of order {self.order} says "
                "nothing about what follows; choose a smoothing, or a lower order"
            )
        return row

    def _rows(self, contexts: Integers) -> Floats:
        """Return the next-symbol distribution after each context, shape (n, V)."""
        rows = np.full((len(contexts), len(self.alphabet)), self._floor)
        for level in self._levels:
            rows = level.mix_rows(rows, contexts)
        return rows

    # Stage 3: sampling

    def sample(
        self, n: int, *, seed: int | None = None, temperature: float = 1.0, max_length: int = MAX_LENGTH
    ) -> Sequences:
        """Draw ``n`` sequences, all of them one symbol at a time together.

        Args:
            n: how many.
            seed: the same seed draws the same sequences; without one they are different each time.
            temperature: each next-symbol distribution is raised to the power 1/temperature and normalised: below 1 the
                likely becomes likelier, above 1 everything evens out. 0 is greedy: always the most probable symbol, the
                first of them in the order of :attr:`symbols`.
            max_length: a sequence that has not ended by itself is cut after so many symbols.

        Raises:
            ValueError: if an argument is out of range.
        """
        n, temperature = check_count(n), number("temperature", temperature, least=0)
        max_length = whole("max_length", max_length, least=1)
        self.require_fitted()
        # A step draws a symbol after every state, from one uniform number each, and returns symbols and new states.
        step = self._step if self._occurrences is None else self._occurrences.step
        if temperature != 1:
            step = partial(self._step_at, temperature)
        rng = np.random.default_rng(seed_or_none(seed))
        state = np.zeros(n, dtype=np.int64)  # nothing but boundaries so far: context 0, and the first of all contexts
        alive = np.arange(n)
        nothing = np.empty(0, dtype=np.int64)
        drawn, owners = [nothing], [nothing]
        for _ in range(max_length):
            symbols, state = step(state, rng.random(len(state)))
            goes_on = np.flatnonzero(symbols)
            alive, symbols, state = alive[goes_on], symbols[goes_on], state[goes_on]
            if not len(alive):
                break
            drawn.append(symbols)
            owners.append(alive)
        owner = np.concatenate(owners)
        codes = np.concatenate(drawn)[np.argsort(owner, kind="stable")]
        return self.alphabet.decode(codes, np.bincount(owner, minlength=n))

    def _step(self, contexts: Integers, uniform: Floats) -> tuple[Integers, Integers]:
        """Draw from the mixture itself; a state is a context's code.

        Either the counts of the whole context decide or, with probability γ, those of the next shorter one: no row of V
        probabilities is ever written out.
        """
        symbols = np.empty(len(contexts), dtype=np.int64)
        waiting = np.arange(len(contexts))
        for level in reversed(self._levels):
            found, uniform = level.draw(contexts[waiting], uniform)
            symbols[waiting] = found
            handed_down = found < 0
            waiting, uniform = waiting[handed_down], uniform[handed_down]
            if not len(waiting):
                break
        symbols[waiting] = (uniform * len(self.alphabet)).astype(np.int64)
        return symbols, self._after(contexts, symbols)

    def _step_at(self, temperature: float, contexts: Integers, uniform: Floats) -> tuple[Integers, Integers]:
        """Draw at a temperature, from rows written out once a different context; a state is a context's code."""
        different, row = np.unique(contexts, return_inverse=True)
        probability = self._rows(different)
        if temperature == 0:
            symbols = probability.argmax(axis=1)[row]
        else:
            # Scaled by the largest, so that a low temperature does not underflow everywhere.
            scaled = (probability / probability.max(axis=1, keepdims=True)) ** (1.0 / temperature)
            cumulative = np.cumsum(scaled, axis=1)
            height = uniform * cumulative[row, -1]  # below the top even when rounded, as uniform <= 1 - 2**-53
            symbols = np.count_nonzero(cumulative[row] <= height[:, None], axis=1)
        return symbols, self._after(contexts, symbols)

    def _after(self, contexts: Integers, symbols: Integers) -> Integers:
        """Append a symbol to every context and forget the oldest."""
        after: Integers = (contexts * len(self.alphabet) + symbols) % len(self.alphabet) ** self.order
        return after

    # Stage 4: keeping

    def state(self) -> dict[str, Integers]:
        """Return all (order + 1)-grams, ascending and as often as they occur; everything else follows from them."""
        self.require_fitted()
        return {"grams": self._grams}

    def facts(self) -> dict[str, Any]:
        """Return the alphabet."""
        return self.alphabet.facts()

    def restore(self, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take the alphabet and the n-grams of a saved chain; :class:`ValueError` if they do not belong together."""
        alphabet = Alphabet.from_facts(facts)
        self._refuse_too_many(alphabet)
        grams = np.asarray(state["grams"])
        ascending = grams.dtype == np.int64 and grams.ndim == 1 and grams.size > 0 and (np.diff(grams) >= 0).all()
        if not (ascending and grams[0] >= 0 and grams[-1] < len(alphabet) ** (self.order + 1)):
            raise ValueError("the n-grams are not those of the alphabet and the order")
        self._become(alphabet, grams)
