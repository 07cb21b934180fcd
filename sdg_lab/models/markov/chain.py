"""Markov chains of any order over characters or tokens.

The chain says what comes next from the last k symbols alone, k being its order ::

    P(x₁ … xₙ) = ∏ₜ P(xₜ | xₜ₋ₖ … xₜ₋₁),  t = 1 … n + 1

where xₙ₊₁ is the end, and what stands before the first symbol is the boundary, k times. All of its knowledge is a table
of counts (:mod:`sdg_lab.models.markov.smoothing`): fitting is sorting, and the likelihood is exact.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Self, get_args

import numpy as np
import torch

from sdg_lab.models.contract import Arrays, NotFittedError, SyntheticModel, check_count
from sdg_lab.models.markov.smoothing import Floats, Level, Occurrences, Smoothing, build_levels, find
from sdg_lab.models.sequences.alphabet import Alphabet, Integers, Sequences

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
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 0:
            raise ValueError(f"order must be a whole number >= 0, got {order!r}")
        if smoothing not in get_args(Smoothing):
            raise ValueError(f"smoothing must be one of {', '.join(get_args(Smoothing))}, got {smoothing!r}")
        if not (alpha > 0 and math.isfinite(alpha)):
            raise ValueError(f"alpha must be > 0 and finite, got {alpha}; smoothing='none' adds nothing")
        if not 0 < discount <= 1:
            raise ValueError(f"discount must be in (0, 1], got {discount}")
        self.order = int(order)
        self.smoothing: Smoothing = smoothing
        self.alpha = float(alpha)
        self.discount = float(discount)
        self._alphabet: Alphabet | None = None
        self._grams: Integers = np.empty(0, dtype=np.int64)
        self._levels: list[Level] = []
        self._occurrences: Occurrences | None = None

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
        if len(alphabet) ** (self.order + 1) > np.iinfo(np.int64).max:
            raise ValueError(
                f"order {self.order} over {len(alphabet)} symbols has more n-grams than a 64-bit number can name; "
                "lower the order, or merge rare symbols"
            )
        self._alphabet = alphabet
        self._grams = np.sort(self._events(data)[0])
        self._build()
        return self

    def _events(self, data: Sequences) -> tuple[Integers, Integers]:
        """Return the (order + 1)-gram that ends at every symbol and at every sequence's end, and whose it is.

        Each of both has shape (symbols + sequences,).
        """
        alphabet = self.alphabet
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

    def _build(self) -> None:
        self._levels = build_levels(
            self._grams,
            n_symbols=len(self.alphabet),
            order=self.order,
            smoothing=self.smoothing,
            alpha=self.alpha,
            discount=self.discount,
        )
        if self.smoothing == "none":
            self._occurrences = Occurrences.of(self._grams, len(self.alphabet), self.order)
        # What is left when no level has spoken: the whole alphabet alike for "add", nothing for the others.
        self._floor = 1.0 / len(self.alphabet) if self.smoothing == "add" else 0.0

    @property
    def alphabet(self) -> Alphabet:
        """The symbols seen in training; raises :class:`NotFittedError` before ``fit``."""
        if self._alphabet is None:
            raise NotFittedError("this MarkovChain has not been fitted: call fit(data) or load(path) first")
        return self._alphabet

    @property
    def symbols(self) -> tuple[str, ...]:
        """The V symbols in the order of every distribution; the first, the boundary ``"·"``, is as next one the end."""
        return self.alphabet.symbols

    @property
    def n_parameters(self) -> int:
        """How many different n-grams the chain remembers, over all context lengths that it uses."""
        self.alphabet  # noqa: B018 - refuses before fit
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
        grams, owner = self._events(x)
        base = len(self.alphabet)
        probability = np.full(len(grams), self._floor)
        for length, level in self._lengths():
            rows = find(level.contexts, grams // base % base**length)
            entries = find(level.grams, grams % base ** (length + 1))
            probability = level.alpha[entries] + level.gamma[rows] * probability  # P(w|h) = alpha + gamma P(w|h')
        with np.errstate(divide="ignore"):
            return np.bincount(owner, weights=np.log(probability)).astype(np.float64)

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

    def transition_matrix(self) -> Floats:
        """Return the matrix of an order-1 chain, shape (V, V): row the symbol now, column the next one.

        Row 0 is how sequences start and column 0 how they end, so that the matrix as a whole describes the endless
        chain that starts a new sequence after each end.

        Raises:
            ValueError: if the order is not 1.
        """
        if self.order != 1:
            raise ValueError(
                f"only a chain of order 1 has one row a symbol, this one has order {self.order}; fit order=1"
            )
        return self._rows(np.arange(len(self.alphabet)))

    def _rows(self, contexts: Integers) -> Floats:
        """Return the next-symbol distribution after each context, shape (n, V)."""
        rows = np.full((len(contexts), len(self.alphabet)), self._floor)
        for length, level in self._lengths():
            rows = level.add_to(rows, contexts % len(self.alphabet) ** length)
        return rows

    def _lengths(self) -> list[tuple[int, Level]]:
        """Return the levels with the length of their contexts, the shortest first."""
        return list(enumerate(self._levels, start=self.order + 1 - len(self._levels)))

    # Stage 3: sampling

    def sample(
        self, n: int, *, seed: int | None = None, temperature: float = 1.0, max_length: int = MAX_LENGTH
    ) -> Sequences:
        """Draw ``n`` sequences, all of them one symbol at a time together.

        Args:
            n: how many.
            seed: the same seed draws the same sequences; without one they are different each time.
            temperature: each next-symbol distribution is raised to the power 1/temperature and normalised: below 1 the
                likely becomes likelier, above 1 everything evens out.
            max_length: a sequence that has not ended by itself is cut after so many symbols.

        Raises:
            ValueError: if an argument is out of range.
        """
        check_count(n)
        if not (temperature > 0 and math.isfinite(temperature)):
            raise ValueError(f"temperature must be > 0 and finite, got {temperature}")
        if isinstance(max_length, bool) or not isinstance(max_length, (int, np.integer)) or max_length < 1:
            raise ValueError(f"max_length must be a whole number >= 1, got {max_length!r}")
        self.alphabet  # noqa: B018 - refuses before fit
        # A step draws a symbol after every state, from one uniform number each, and returns symbols and new states.
        step = self._step_mixture if self._occurrences is None else self._occurrences.step
        if temperature != 1:
            step = partial(self._step_at, temperature)
        rng = np.random.default_rng(seed)
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

    def _step_mixture(self, contexts: Integers, uniform: Floats) -> tuple[Integers, Integers]:
        """Draw from the mixture itself: no row of V probabilities is ever written out; a state is a context's code."""
        symbols = np.empty(len(contexts), dtype=np.int64)
        waiting = np.arange(len(contexts))
        for length, level in reversed(self._lengths()):
            found, uniform = level.draw(contexts[waiting] % len(self.alphabet) ** length, uniform)
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
        # Scaled by the largest, so that a low temperature does not underflow everywhere.
        cumulative = np.cumsum((probability / probability.max(axis=1, keepdims=True)) ** (1.0 / temperature), axis=1)
        height = uniform * cumulative[row, -1]  # below the top even when rounded, as uniform <= 1 - 2**-53
        symbols = np.count_nonzero(cumulative[row] <= height[:, None], axis=1).astype(np.int64)
        return symbols, self._after(contexts, symbols)

    def _after(self, contexts: Integers, symbols: Integers) -> Integers:
        """Append a symbol to every context and forget the oldest."""
        after: Integers = (contexts * len(self.alphabet) + symbols) % len(self.alphabet) ** self.order
        return after

    # Stage 4: keeping

    def config(self) -> dict[str, Any]:
        """Return the arguments of the chain and its alphabet."""
        return {
            "order": self.order,
            "smoothing": self.smoothing,
            "alpha": self.alpha,
            "discount": self.discount,
            "letters": list(self.alphabet.letters),
            "characters": self.alphabet.characters,
        }

    def state(self) -> Arrays:
        """Return the different (order + 1)-grams and how often each occurs; everything else follows from them."""
        self.alphabet  # noqa: B018 - refuses before fit
        grams, counts = np.unique(self._grams, return_counts=True)
        return {"grams": grams, "counts": counts}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, torch.Tensor]) -> Self:
        """Make the chain from what :meth:`config` and :meth:`state` returned."""
        model = cls(config["order"], config["smoothing"], alpha=config["alpha"], discount=config["discount"])
        model._alphabet = Alphabet(tuple(config["letters"]), config["characters"])
        model._grams = np.repeat(state["grams"].numpy(), state["counts"].numpy())
        model._build()
        return model
