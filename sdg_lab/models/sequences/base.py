"""What the neural models of sequences share: each predicts the next token from all that stand before it.

log P(x) = Σ_t log p(x_t | x_1 … x_{t-1}), the end of the sequence being one token more. A subclass says how its network
reads tokens, all at once (:meth:`SequenceModel.logits`) and on from where it stopped (:meth:`SequenceModel.read`).
Everything else is here: training, exact likelihoods, sampling, and running text, which is cut into windows
(:mod:`sdg_lab.models.sequences.padding` says how both look as tensors).
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self, Unpack, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.checks import whole
from sdg_lab.models.contract import check_count
from sdg_lab.models.neural import NeuralModel, naming, new_generator
from sdg_lab.models.sequences import padding
from sdg_lab.models.sequences.alphabet import Alphabet, Sequences, one_text
from sdg_lab.models.sequences.sampling import draw, filter_logits
from sdg_lab.training.randomness import seeded
from sdg_lab.training.recipe import Recipe, defaults

MAX_LENGTH = 1_000
"""A sample that has not ended by itself after so many tokens is cut there, unless the caller says otherwise."""

MAX_ROWS = 2_048
"""Sequences that are sampled side by side."""

Text = str | tuple[str, ...]
"""A running text, or one sequence: characters, or tokens."""

_recipe = defaults(epochs=30, batch_size=64, lr=2e-3, clip=1.0)


class SequenceModel(NeuralModel[Sequences]):
    """Base of the models that predict the next token.

    A subclass hands ``context`` to this ``__init__`` and implements :meth:`build`, :meth:`logits`, :meth:`start`,
    :meth:`read` and :meth:`keep`.

    Args:
        context: the largest number of tokens that the network can read, boundary included; None if there is no limit.

    Attributes:
        text_context: tokens a window, where the model was fitted on running text; None where it was on sequences.
    """

    def __init__(self, *, context: int | None = None) -> None:
        super().__init__()
        self.context = None if context is None else whole("context", context, least=2)
        self.text_context: int | None = None
        self._alphabet: Alphabet | None = None

    # What a subclass says.

    @abstractmethod
    def build(self, n_symbols: int) -> None:
        """Make the layers, with new random weights, for codes 0 … n_symbols - 1."""

    @abstractmethod
    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits of the token after each position: (n, T) -> (n, T, symbols). ``tokens[:, 0]`` is 0."""

    @abstractmethod
    def start(self, n: int) -> Any:
        """Return the state of n networks that have read nothing yet."""

    @abstractmethod
    def read(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read on, (n, T); return the logits of the token after the last, (n, symbols), and the new state."""

    @abstractmethod
    def keep(self, state: Any, rows: Tensor) -> Any:
        """Return the state of some rows only; ``rows`` are their numbers, (m,)."""

    # Likelihood, on tensors.

    def token_log_probs(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probability of every token that counts, nats, and 0 for the others.

        Args:
            tokens: (n, T + 1), as :meth:`pad` makes them.
            lengths: predictions that count in each row, (n,).

        Returns:
            Shape (n, T): entry t belongs to ``tokens[:, t + 1]``. Gradients flow.
        """
        logits = self.logits(tokens[:, :-1])
        found = -F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        return found.view_as(tokens[:, 1:]) * padding.mask_of(lengths, tokens.shape[1] - 1)

    def loss(self, tokens: Tensor, lengths: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over rows of their nats, each times its weight.

        Args:
            tokens: (n, T + 1), as :meth:`pad` makes them.
            lengths: predictions that count in each row, (n,).
            weights: (n,), 1 by default. :meth:`fit` gives every row 1 / (mean length of all rows): the mean over all is
                then in nats per token, whatever batches it is taken in.
        """
        width = int(lengths.max())  # what is padding in all rows of this batch is not computed
        nats = -self.token_log_probs(tokens[:, : width + 1], lengths).sum(dim=1)
        return (nats if weights is None else nats * weights).mean()

    # The contract, on sequences.

    @_recipe
    def fit(
        self,
        data: Sequences,
        *,
        validation: Sequences | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights; the loss is in nats per token.

        Args:
            data: n sequences, all ``str`` (symbols are characters) or all tuples of ``str`` (symbols are tokens).
            validation: held-out sequences over the same symbols, measured after each epoch; needed for ``patience``.
            seed: decides weights, order of sequences and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no sequences, one is empty or longer than the context, or a symbol of the
                validation sequences is not in the data.
        """
        alphabet = Alphabet.of(data)
        batch = self._padded(alphabet, data)
        if validation is not None and len(validation) == 0:
            raise ValueError("validation holds no sequences; give at least one, or leave it out")
        with naming("validation"):
            held_out = None if validation is None else self._padded(alphabet, validation)
        return self._train(alphabet, None, batch, held_out, recipe, seed, progress)

    @torch.no_grad()
    def log_prob(self, x: Sequences) -> NDArray[np.float64]:
        """Return the exact log-probability of each sequence, its end included, in nats, (n,).

        Running text has no end: a model that was fitted on it gives the sum of :meth:`text_log_prob` for each text.

        Raises:
            TypeError: if the sequences are of another kind than the training data.
            ValueError: if a symbol was never seen in training, or a sequence is longer than the context.
            NotFittedError: before ``fit``.
        """
        if self.text_context is not None:
            self.alphabet.encode(x)  # refuses what is no list of texts, and says where an unknown symbol is
            return np.array([self.text_log_prob(text).sum() for text in x])
        tokens, lengths = self.pad(x)
        found = np.empty(len(lengths))
        # Sequences of like length are computed together, so that little is padding.
        for rows in padding.chunks(torch.argsort(lengths, stable=True), tokens.shape[1]):
            part = tokens[rows, : int(lengths[rows].max()) + 1]
            found[rows.cpu().numpy()] = self.token_log_probs(part, lengths[rows]).cpu().double().sum(1).numpy()
        return found

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int = MAX_LENGTH,
        prompt: Text = "",
    ) -> Sequences:
        """Draw ``n`` sequences, all of them one token at a time together.

        Args:
            n: how many.
            seed: the same seed draws the same sequences; without one they are different each time.
            temperature: divides the logits: below 1 the likely becomes likelier, above 1 everything evens out; 0 is
                greedy and takes the likeliest token at each step.
            top_k: draw only from the k likeliest tokens.
            top_p: draw only from the likeliest tokens that together have this probability.
            max_length: a sequence that has not ended by itself is cut after so many drawn tokens. A network with a
                context cuts its sequences there too; running text goes on, the older half being forgotten.
            prompt: how all of them start; it is part of what is returned.

        Raises:
            ValueError: if an argument is out of range, or the prompt holds an unknown symbol or fills the context.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, generator = check_count(n), new_generator(seed)
        options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        options |= {"generator": generator, "max_length": max_length, "prompt": prompt}
        found: list[Any] = []
        for first in range(0, n, MAX_ROWS):
            found += self.unpad(*self.sample_tokens(min(MAX_ROWS, n - first), **options))
        return found

    @torch.no_grad()
    def sample_tokens(
        self,
        n: int,
        *,
        generator: torch.Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int = MAX_LENGTH,
        prompt: Text = "",
    ) -> tuple[Tensor, Tensor]:
        """Draw as :meth:`sample` does, and return tensors as :meth:`pad` makes them; the generator is one of the CPU.

        A sequence that was cut has no boundary behind its last token, and its length does not count one.
        """
        whole("max_length", max_length, least=1)
        begin = self._codes_of(prompt)
        if self.context is not None and self.text_context is None:
            max_length = min(max_length, self.context + 1 - len(begin))

        def choose(logits: Tensor) -> Tensor:
            return draw(filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p), generator)

        return self.generate(begin.expand(n, -1), max_length, choose)

    @torch.no_grad()
    def generate(self, begin: Tensor, max_length: int, choose: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Go on with each row until it has ended, or ``max_length`` tokens were chosen.

        Rows that have ended are dropped from the batch as soon as they are at least half of it. Where the others fill
        the context, as running text does, the younger half of what was read is read anew, and the older half forgotten;
        of running text that is the window of its training: no position beyond it was ever trained.

        Args:
            begin: the boundary and how the rows start, (n, 1 + symbols).
            max_length: tokens to choose at most, >= 1.
            choose: takes logits, (m, symbols), and returns the next token of each row, (m,).

        Returns:
            tokens, (n, 1 + symbols + chosen), and how many of each row stand behind the first boundary, a boundary at
            the end included, (n,).
        """
        n, device = len(begin), begin.device
        lengths = torch.full((n,), begin.shape[1] - 1, device=device)
        rows = torch.arange(n, device=device)  # the sequences that the rows of the state belong to
        goes_on = torch.ones(n, dtype=torch.bool, device=device)
        window = self.context and (self.text_context or self.context)
        read = begin if window is None or begin.shape[1] <= window else _latest(begin, window)
        logits, state = self.read(read, self.start(n))
        n_read, columns = read.shape[1], [begin]
        for place in range(max_length):
            if self.text_context is not None:
                logits[:, 0] = -torch.inf  # running text has no end
            chosen = torch.where(goes_on, choose(logits), 0)
            columns.append(torch.zeros(n, dtype=torch.int64, device=device).index_copy(0, rows, chosen)[:, None])
            lengths[rows[goes_on]] += 1
            goes_on = chosen != 0
            if not goes_on.any() or place == max_length - 1:
                break
            if 2 * int(goes_on.sum()) <= len(rows):
                state, rows, chosen = self.keep(state, goes_on.nonzero()[:, 0]), rows[goes_on], chosen[goes_on]
                goes_on = goes_on[goes_on]
            if n_read == window:
                read = _latest(torch.cat(columns, dim=1)[rows], window)
                logits, state = self.read(read, self.start(len(rows)))
                n_read = read.shape[1]
            else:
                logits, state = self.read(chosen[:, None], state)
                n_read += 1
        return torch.cat(columns, dim=1), lengths

    # Running text.

    @_recipe
    def fit_text(
        self,
        text: Text,
        *,
        validation: Text | None = None,
        context: int | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights on running text, in windows that predict each character once an epoch.

        Args:
            text: characters, or a tuple of tokens, which then take the place of characters; any length.
            validation: held-out text over the same characters.
            context: characters a window; by default the network's context, or 128 where it has none.
            seed: decides weights, order of windows and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if the text is neither a ``str`` nor a tuple.
            ValueError: if it is empty, the context is out of range, or a character of the validation text is unknown.
        """
        if isinstance(text, str) and os.path.isfile(text):
            raise ValueError(f"{text!r} is the name of a file; read it first, as sdg_lab.data.read_text does")
        context = self._text_context(context, default=self.context or 128)
        alphabet = Alphabet.of(one_text(text))
        batch = padding.windows(alphabet.encode(one_text(text))[0], context)
        held_out = None
        if validation is not None:
            with naming("validation"):
                held_out = padding.windows(alphabet.encode(one_text(validation))[0], context)
        return self._train(alphabet, context, batch, held_out, recipe, seed, progress)

    @torch.no_grad()
    def text_log_prob(
        self, text: Text, *, context: int | None = None, stride: int | None = None
    ) -> NDArray[np.float64]:
        """Return the log-probability of every character of a running text, nats, shape (len(text),).

        The text is read in overlapping windows, and every character is predicted exactly once: the first ``context``
        from all that stand before them, each later one from at least ``context - stride`` characters.

        Args:
            text: any length.
            context: characters a window; by default as in :meth:`fit_text`.
            stride: new characters a window; by default half of the context. Fewer cost more, and help a little.

        Raises:
            TypeError: if the text is of another kind than the training text.
            ValueError: if it is empty, holds an unknown character, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        codes, _ = self.alphabet.encode(one_text(text))
        context = self._text_context(context, default=self.text_context or self.context or 128)
        stride = context // 2 if stride is None else whole("stride", stride, least=1, most=context)
        tokens, lengths, counted = (t.to(self.device) for t in padding.overlapping(codes, context, stride))
        found = []
        for rows in padding.chunks(torch.arange(len(tokens), device=self.device), tokens.shape[1]):
            nats = self.token_log_probs(tokens[rows], lengths[rows])
            new = padding.mask_of(lengths[rows], nats.shape[1]) & ~padding.mask_of(counted[rows], nats.shape[1])
            found.append(nats[new])
        return torch.cat(found).cpu().double().numpy()

    # Codes.

    def require_layers(self) -> None:
        """Refuse to compute before there are layers, which ``fit`` makes: it computes, too, before it is done."""
        if self._alphabet is None:
            self.require_fitted()

    @property
    def alphabet(self) -> Alphabet:
        """The symbols seen in training; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        return cast(Alphabet, self._alphabet)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in the order of all logits; the first, the boundary ``"·"``, is as next one the end."""
        return self.alphabet.symbols

    def pad(self, data: Sequences) -> tuple[Tensor, Tensor]:
        """Return sequences as tokens (n, longest + 2) and the predictions in each row, (n,), on the model's device."""
        tokens, lengths = self._padded(self.alphabet, data)
        return tokens.to(self.device), lengths.to(self.device)

    def unpad(self, tokens: Tensor, lengths: Tensor) -> Sequences:
        """Return the sequences; the inverse of :meth:`pad`, also for sequences that were cut before their end."""
        last = tokens.gather(1, lengths[:, None])[:, 0]
        symbols = lengths - (last == 0).long()
        codes = tokens[:, 1:][padding.mask_of(symbols, tokens.shape[1] - 1)]
        return self.alphabet.decode(codes.cpu().numpy(), symbols.cpu().numpy())

    def _padded(self, alphabet: Alphabet, data: Sequences) -> tuple[Tensor, Tensor]:
        codes, lengths = alphabet.encode(data)
        if self.context is not None and int(lengths.max()) >= self.context:
            index = int(lengths.argmax())
            raise ValueError(
                f"sequence {index} has {lengths[index]} symbols, with its boundary more than the context of "
                f"{self.context}; make the model with context={lengths[index] + 1} or more, or leave the sequence out"
            )
        return padding.pad(codes, lengths)

    def _codes_of(self, prompt: Text) -> Tensor:
        """Return the boundary and the prompt's codes, (1 + length,)."""
        if not isinstance(prompt, str | tuple):
            raise TypeError(f"prompt must be a str, or a tuple of tokens, got {prompt!r}")
        alphabet, codes = self.alphabet, np.empty(0, dtype=np.int64)
        if len(prompt):
            codes, _ = alphabet.encode([prompt])  # type: ignore[arg-type] # one of both kinds
        if self.context is not None and len(codes) >= self.context:
            raise ValueError(
                f"the prompt has {len(codes)} symbols, but this model reads at most {self.context - 1} before the next "
                f"one (its context is {self.context}, boundary included); shorten the prompt"
            )
        return torch.from_numpy(np.concatenate([[0], codes])).to(self.device)

    def _text_context(self, context: int | None, *, default: int) -> int:
        return whole("context", default if context is None else context, least=2, most=self.context)

    # Training and keeping.

    def _train(
        self,
        alphabet: Alphabet,
        text_context: int | None,
        batch: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor] | None,
        recipe: Recipe,
        seed: int,
        progress: bool,
    ) -> Self:
        held_out = None if validation is None else (*validation, padding.weights(validation[1]))
        with self.as_before_on_failure():
            self._prepare(alphabet, text_context, seed)
            data = (*batch, padding.weights(batch[1]))
            self.learn(data, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    def _prepare(self, alphabet: Alphabet, text_context: int | None, seed: int) -> None:
        self._alphabet, self.text_context = alphabet, text_context
        with seeded(seed):
            self.build(len(alphabet))

    def facts(self) -> dict[str, Any]:
        """Return the symbols, and the window of a running text; nothing before ``fit``."""
        if self._alphabet is None:
            return {}
        return self._alphabet.facts() | {"text_context": self.text_context}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over the symbols, and make the layers for them."""
        context = facts["text_context"]
        if context is not None:
            whole("text_context", context, least=1)
        self._prepare(Alphabet.from_facts(facts), context, seed=0)


def _latest(tokens: Tensor, window: int) -> Tensor:
    """Return the last tokens, half a window of them, behind a boundary."""
    return F.pad(tokens[:, -(window // 2) :], (1, 0))
