"""What the neural models of sequences have in common: one symbol is predicted from all that stand before it.

log P(x) = Σ_t log p(x_t | x_1 … x_{t-1}), the end of the sequence being one more symbol. A subclass says how its
network reads symbols, all at once (:meth:`SequenceModel.logits`) and one by one (:meth:`SequenceModel.step`).
Everything else is here: training, exact likelihoods, sampling, saving, and running text, which is cut into windows
(:mod:`sdg_lab.models.sequences.padding` says how both look as tensors).
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar, Self, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.models.contract import NeuralModel, NotFittedError, check_count, new_generator
from sdg_lab.models.sequences import padding
from sdg_lab.models.sequences.alphabet import Alphabet, Integers, Sequences, one_text
from sdg_lab.models.sequences.generation import generate
from sdg_lab.models.sequences.sampling import draw, filter_logits
from sdg_lab.training.recipe import Settings, run

MAX_LENGTH = 1_000
"""A sample that has not ended by itself after so many symbols is cut there, unless the caller says otherwise."""

MOST_ROWS = 2_048
"""Sequences that are drawn side by side."""


class SequenceModel(NeuralModel[Sequences]):
    """Base of the models that predict the next symbol.

    A subclass hands ``context`` to this ``__init__`` and implements :meth:`arguments`, :meth:`build`, :meth:`logits`,
    :meth:`start`, :meth:`step` and :meth:`keep`; it may override :meth:`advance` and :attr:`defaults`.

    Args:
        context: the largest number of symbols that the network can read, boundary included; None if there is no limit.

    Attributes:
        history: how the last fit went; None for a model that was loaded.
        trained: what of it is saved with the model: seconds, cpu_seconds, epochs, steps.
    """

    defaults: ClassVar[Settings] = {"epochs": 30, "batch_size": 64, "lr": 2e-3, "clip": 1.0}
    """The settings that count where the caller says nothing."""

    def __init__(self, *, context: int | None = None) -> None:
        super().__init__()
        if context is not None and context < 2:
            raise ValueError(f"context must be >= 2, got {context}")
        self.context = context
        self.text_context: int | None = None  # characters a window, where the model was fitted on running text
        self.history: training.History | None = None
        self.trained: dict[str, float] = {}
        self._alphabet: Alphabet | None = None

    # What a subclass says.

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Return the JSON-able arguments of ``__init__``."""

    @abstractmethod
    def build(self, n_symbols: int) -> None:
        """Make the layers, with new random weights, for codes 0 … n_symbols - 1."""

    @abstractmethod
    def logits(self, tokens: Tensor) -> Tensor:
        """Return the scores of the symbol after each position: (n, T) -> (n, T, symbols). ``tokens[:, 0]`` is 0."""

    @abstractmethod
    def start(self, n: int) -> Any:
        """Return the state of n networks that have read nothing yet."""

    @abstractmethod
    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one symbol a row, (n,); return the scores of the next, (n, symbols), and the new state."""

    @abstractmethod
    def keep(self, state: Any, rows: Tensor) -> Any:
        """Return the state of some rows only; ``rows`` are their numbers, (m,)."""

    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read several symbols a row, (n, T); return the scores of the next, (n, symbols), and the new state."""
        scores, state = self.step(tokens[:, 0], state)
        for column in tokens.T[1:]:
            scores, state = self.step(column, state)
        return scores, state

    # Stage 1: likelihood, on tensors.

    def token_log_probs(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probability of every symbol that counts, nats, and 0 for the others.

        Args:
            tokens: (n, T + 1), as :meth:`pad` makes them.
            lengths: predictions that count in each row, (n,).

        Returns:
            Shape (n, T): entry t belongs to ``tokens[:, t + 1]``. Gradients flow.
        """
        scores = self.logits(tokens[:, :-1])
        found = -F.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        return found.view_as(tokens[:, 1:]) * padding.mask_of(lengths, tokens.shape[1] - 1)

    def loss(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean surprise of the symbols that count, nats a symbol."""
        tokens = tokens[:, : int(lengths.max()) + 1]  # what is padding in all rows of this batch is not computed
        return -self.token_log_probs(tokens, lengths).sum() / lengths.sum()

    # Stage 2: the contract, on sequences.

    def fit(
        self,
        data: Sequences,
        *,
        validation: Sequences | None = None,
        seed: int = 0,
        progress: bool = True,
        **settings: Unpack[Settings],
    ) -> Self:
        """Train from new weights.

        Args:
            data: n sequences, all ``str`` (symbols are characters) or all tuples of ``str`` (symbols are tokens).
            validation: held-out sequences over the same symbols, measured after each epoch; needed for ``patience``.
            seed: decides weights, order of sequences and noise.
            progress: show a bar.
            settings: see :class:`~sdg_lab.training.recipe.Settings`; :attr:`defaults` fills what is left out.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no sequences, one is empty or longer than the context, or a symbol of the
                validation sequences is not in the data.
        """
        alphabet = Alphabet.of(data)
        batch = self._padded(alphabet, data)
        held_out = None if validation is None else self._padded(alphabet, validation)
        return self._train(alphabet, batch, held_out, None, seed, progress, settings)

    @torch.no_grad()
    def log_prob(self, x: Sequences) -> NDArray[np.float64]:
        """Return the exact log-probability of each sequence, its end included, in nats, (n,).

        Raises:
            TypeError: if the sequences are of another kind than the training data.
            ValueError: if a symbol was never seen in training, or a sequence is longer than the context.
            NotFittedError: before ``fit``.
        """
        tokens, lengths = self.pad(x)
        found = np.empty(len(lengths))
        # Sequences of like length are computed together, so that little is padding.
        for rows in padding.parts(torch.argsort(lengths, stable=True), tokens.shape[1]):
            part = tokens[rows, : int(lengths[rows].max()) + 1]
            found[rows.cpu().numpy()] = self.token_log_probs(part, lengths[rows]).double().sum(1).cpu().numpy()
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
        prompt: str | tuple[str, ...] = "",
    ) -> Sequences:
        """Draw ``n`` sequences, all of them one symbol at a time together.

        Args:
            n: how many.
            seed: the same seed draws the same sequences; without one they are different each time.
            temperature: divides the scores: below 1 the likely becomes likelier, above 1 everything evens out.
            top_k: draw only from the k likeliest symbols.
            top_p: draw only from the likeliest symbols that together have this probability.
            max_length: a sequence that has not ended by itself is cut after so many drawn symbols. A network with a
                context cuts its sequences there too; running text goes on, the older half being forgotten.
            prompt: how all of them start; it is part of what is returned.

        Raises:
            ValueError: if an argument is out of range, or the prompt holds an unknown symbol or fills the context.
            NotFittedError: before ``fit``.
        """
        self.alphabet  # noqa: B018 - refuses before fit
        n = check_count(n)
        options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        generator = new_generator(seed, self.device)
        found: list[Any] = []
        for first in range(0, n, MOST_ROWS):
            rows = min(MOST_ROWS, n - first)
            tokens, lengths = self.sample_tokens(
                rows, generator=generator, max_length=max_length, prompt=prompt, **options
            )
            found += self.unpad(tokens, lengths)
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
        prompt: str | tuple[str, ...] = "",
    ) -> tuple[Tensor, Tensor]:
        """Draw as :meth:`sample` does, and return tensors as :meth:`pad` makes them.

        A sequence that was cut has no boundary behind its last symbol, and its length does not count one.
        """
        if isinstance(max_length, bool) or not isinstance(max_length, (int, np.integer)) or max_length < 1:
            raise ValueError(f"max_length must be a whole number >= 1, got {max_length!r}")
        begin = self._read_prompt(prompt)
        if self.context is not None and self.text_context is None:
            max_length = min(max_length, self.context + 1 - len(begin))
        filtered = partial(filter_logits, temperature=temperature, top_k=top_k, top_p=top_p)
        return generate(self, begin.expand(n, -1), max_length, lambda scores: draw(filtered(scores), generator))

    # Stage 3: running text.

    def fit_text(
        self,
        text: str | tuple[str, ...],
        *,
        validation: str | tuple[str, ...] | None = None,
        context: int | None = None,
        seed: int = 0,
        progress: bool = True,
        **settings: Unpack[Settings],
    ) -> Self:
        """Train from new weights on running text, in windows that predict each character once an epoch.

        Args:
            text: characters, or a tuple of tokens, which then take the place of characters; any length.
            validation: held-out text over the same characters.
            context: characters a window; by default the network's context, or 128 where it has none.
            seed: decides weights, order of windows and noise.
            progress: show a bar.
            settings: see :class:`~sdg_lab.training.recipe.Settings`.

        Raises:
            TypeError: if the text is neither a ``str`` nor a tuple.
            ValueError: if it is empty, the context is out of range, or a character of the validation text is unknown.
        """
        context = self._text_context(context, default=self.context or 128)
        alphabet = Alphabet.of(one_text(text))
        batch = padding.windows(alphabet.encode(one_text(text))[0], context)
        held_out = None
        if validation is not None:
            held_out = padding.windows(alphabet.encode(one_text(validation))[0], context)
        return self._train(alphabet, batch, held_out, context, seed, progress, settings)

    @torch.no_grad()
    def text_log_prob(
        self, text: str | tuple[str, ...], *, context: int | None = None, stride: int | None = None
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
        stride = context // 2 if stride is None else stride
        if not 1 <= stride <= context:
            raise ValueError(f"stride must be from 1 to the context of {context}, got {stride}")
        tokens, lengths, counted = (t.to(self.device) for t in padding.overlapping(codes, context, stride))
        found = []
        for rows in padding.parts(torch.arange(len(tokens), device=self.device), tokens.shape[1]):
            nats = self.token_log_probs(tokens[rows], lengths[rows])
            new = padding.mask_of(lengths[rows], nats.shape[1]) & ~padding.mask_of(counted[rows], nats.shape[1])
            found.append(nats[new].double())
        return torch.cat(found).cpu().numpy()

    # Stage 4: codes.

    @property
    def alphabet(self) -> Alphabet:
        """The symbols seen in training; raises :class:`NotFittedError` before ``fit``."""
        if self._alphabet is None:
            raise NotFittedError(f"this {type(self).__name__} has not been fitted: call fit(data) or load(path) first")
        return self._alphabet

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in the order of all scores; the first, the boundary ``"·"``, is as next one the end."""
        return self.alphabet.symbols

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

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

    def _read_prompt(self, prompt: str | tuple[str, ...]) -> Tensor:
        """Return the boundary and the prompt's codes, (1 + length,)."""
        codes: Integers = np.empty(0, dtype=np.int64)
        if len(prompt):
            codes, _ = self.alphabet.encode([prompt])  # type: ignore[arg-type] # one of both kinds
        if self.context is not None and len(codes) >= self.context:
            raise ValueError(
                f"the prompt has {len(codes)} symbols, but this model reads at most {self.context - 1} before the next "
                f"one (its context is {self.context}, boundary included); shorten the prompt"
            )
        return torch.from_numpy(np.concatenate([[0], codes])).to(self.device)

    def _text_context(self, context: int | None, *, default: int) -> int:
        context = default if context is None else context
        if context < 2 or (self.context is not None and context > self.context):
            limit = "" if self.context is None else f" and at most {self.context}, the context of this model"
            raise ValueError(f"context must be >= 2{limit}, got {context}")
        return context

    # Stage 5: training and keeping.

    def _train(
        self,
        alphabet: Alphabet,
        batch: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor] | None,
        text_context: int | None,
        seed: int,
        progress: bool,
        settings: Settings,
    ) -> Self:
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        self._prepare(alphabet, text_context, seed)
        chosen: Settings = {**self.defaults, **settings}
        self.history, self.trained = run(self, batch, validation, chosen, seed=seed, progress=progress)
        self.fitted = True
        return self

    def _prepare(self, alphabet: Alphabet, text_context: int | None, seed: int) -> None:
        self._alphabet, self.text_context = alphabet, text_context
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.build(len(alphabet))

    def config(self) -> dict[str, Any]:
        """Return the arguments, the symbols, and how long the training took."""
        return {
            "arguments": self.arguments(),
            "letters": list(self.alphabet.letters),
            "characters": self.alphabet.characters,
            "text_context": self.text_context,
            "trained": self.trained,
        }

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make a fitted model from what :meth:`config` and :meth:`state` returned."""
        model = cls(**config["arguments"])
        model._prepare(Alphabet(tuple(config["letters"]), config["characters"]), config["text_context"], seed=0)
        model.trained = config["trained"]
        model.load_state_dict(state)
        model.fitted = True
        return model.eval()
