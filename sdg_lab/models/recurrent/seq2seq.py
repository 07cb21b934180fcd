"""One sequence from another: an encoder reads the source, a decoder writes the target, token by token.

Sutskever, Vinyals & Le, *Sequence to Sequence Learning with Neural Networks* (2014); attention after Bahdanau, Cho &
Bengio (2015), in the form of Luong, Pham & Manning (2015). log P(y | x) = Σ_t log p(y_t | y_1 … y_{t-1}, x), the end of
the target being one token more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self, Unpack, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.checks import number, truth, whole
from sdg_lab.models.contract import check_count
from sdg_lab.models.neural import NeuralModel, naming, new_generator
from sdg_lab.models.recurrent.encoder_decoder import Decoder, Encoder, Memory
from sdg_lab.models.sequences import padding
from sdg_lab.models.sequences.alphabet import Alphabet, Sequences
from sdg_lab.models.sequences.base import Text
from sdg_lab.models.sequences.sampling import draw, filter_logits
from sdg_lab.tables.columns import got
from sdg_lab.training.randomness import seeded
from sdg_lab.training.recipe import Recipe, defaults

Pairs = list[tuple[Text, Text]]
"""Source and target, such as a spelling and its phonemes."""

MAX_SOURCES = 1_024
"""Sources that are read side by side when targets are written."""

MAX_LENGTH = 50
"""A target that has not ended by itself after so many tokens is cut there, unless the caller says otherwise."""


class Seq2Seq(NeuralModel[Pairs]):
    """An encoder and a decoder, both GRUs, with or without attention.

    Args:
        width: numbers in a state.
        embedding: numbers in a token's embedding.
        attention: whether the decoder may attend to all states of the encoder; if not, it has the last one only.
        bidirectional: whether a second encoder reads the source from its end.
        reverse_source: read the source backwards, as Sutskever et al. (2014) do.
        dropout: share of the units that are dropped out in training.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        *,
        width: int = 128,
        embedding: int = 64,
        attention: bool = True,
        bidirectional: bool = True,
        reverse_source: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width, self.embedding = whole("width", width, least=1), whole("embedding", embedding, least=1)
        self.dropout = number("dropout", dropout, least=0, below=1)
        self.attention, self.bidirectional = truth("attention", attention), truth("bidirectional", bidirectional)
        self.reverse_source = truth("reverse_source", reverse_source)
        self._alphabets: tuple[Alphabet, Alphabet] | None = None

    # Likelihood, on tensors.

    def logits(self, source: Tensor, source_lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits of the token after each target position, and the attention weights.

        Args:
            source: codes, (n, S).
            source_lengths: tokens in each source, (n,).
            target: true codes from the boundary on, (n, T): the decoder reads what it should have written so far
                (teacher forcing).

        Returns:
            (n, T, symbols), and the weights (n, T, S), or None for a model without attention.
        """
        if self._alphabets is None:  # there are no layers: fit makes them, and calls this before it is done
            self.require_fitted()
        memory = self.encoder(source, source_lengths)
        logits, _, weights = self.decoder(target, memory.first, memory)
        return logits, weights

    def token_log_probs(self, source: Tensor, source_lengths: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probability of every target token that counts, nats, (n, T), and 0 for the others."""
        logits, _ = self.logits(source, source_lengths, target[:, :-1])
        found = -F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), reduction="none")
        return found.view_as(target[:, 1:]) * padding.mask_of(lengths, target.shape[1] - 1)

    def loss(self, source: Tensor, source_lengths: Tensor, target: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        """Return the mean over pairs of their nats, each times its weight: nats per token over all training pairs.

        All arguments hold groups of pairs, as :meth:`fit` makes them: (groups, pairs, ...). A group is what the loop
        takes for an example.
        """
        total = torch.zeros((), device=source.device)
        for group in range(len(source)):
            x = source[group][:, : int(source_lengths[group].max())]
            y = target[group][:, : int(lengths[group].max()) + 1]
            nats = -self.token_log_probs(x, source_lengths[group], y, lengths[group]).sum(dim=1)
            total = total + (nats * weights[group]).mean()
        return total / len(source)

    # The contract, on pairs.

    @defaults(epochs=10, batch_size=128, lr=2e-3, clip=1.0)
    def fit(
        self,
        data: Pairs,
        *,
        validation: Pairs | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights; the loss is in nats per token.

        A step is made on pairs whose sources are equally long, as far as there are enough of them.

        Args:
            data: pairs of a source and a target, each a ``str`` or a tuple of tokens.
            validation: held-out pairs over the same symbols, measured after each epoch.
            seed: decides weights, which pairs make a step together, their order, and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no pairs, a source or a target is empty, or a symbol of the validation pairs is not
                in the data.
        """
        whole("seed", seed, least=0)
        sources, targets = _unzipped(data)
        alphabets = Alphabet.of(sources), Alphabet.of(targets)
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # under torchrun each of them takes a group of its own
        size, rest = divmod(whole("batch_size", recipe["batch_size"], least=1), processes)
        if rest:
            raise ValueError(f"batch_size must be a multiple of the {processes} processes, got {recipe['batch_size']}")
        batch = _grouped(self._tensors(alphabets, data), min(size, len(data)), seed)
        with naming("validation"):
            held_out = None if validation is None else _grouped(self._tensors(alphabets, validation), 256, seed)
        with self.as_before_on_failure():
            self._prepare(alphabets, seed)
            recipe["batch_size"] = processes
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    def log_prob(self, x: Pairs) -> NDArray[np.float64]:
        """Return the exact log P(target | source) of each pair, the target's end included, in nats, (n,).

        Raises:
            TypeError: if the pairs are of another kind than the training data.
            ValueError: if a symbol was never seen in training.
            NotFittedError: before ``fit``.
        """
        nats: NDArray[np.float64] = self.log_prob_by_token(x).sum(axis=1)
        return nats

    @torch.no_grad()
    def log_prob_by_token(self, x: Pairs) -> NDArray[np.float64]:
        """Return log P(token | source, the tokens before it) of each target token, nats, (n, longest target + 1).

        The end of a target is its last token; what stands behind it is 0. Raises what :meth:`log_prob` does.
        """
        tensors = self._tensors(self.alphabets, x)
        found = np.zeros((len(x), tensors[2].shape[1] - 1))
        for rows in torch.argsort(tensors[1], stable=True).split(MAX_SOURCES):  # type: ignore[no-untyped-call]
            source, read, target, lengths = (tensor[rows].to(self.device) for tensor in tensors)
            longest = int(lengths.max())
            part = self.token_log_probs(source[:, : int(read.max())], read, target[:, : longest + 1], lengths)
            found[rows.numpy(), :longest] = part.cpu().double().numpy()
        return found

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        source: Text | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int = MAX_LENGTH,
    ) -> Pairs:
        """Draw ``n`` targets of one source; the pairs are returned.

        Args:
            n: how many.
            seed: the same seed draws the same targets; without one they are different each time.
            source: what to write targets for; the model predicts nothing without one.
            temperature: as in :func:`~sdg_lab.models.sequences.sampling.filter_logits`, and so are the next two.
            top_k: draw only from the k likeliest tokens.
            top_p: draw only from the likeliest tokens that together have this probability.
            max_length: a target that has not ended by itself is cut after so many tokens.

        Raises:
            ValueError: if there is no source, it holds an unknown symbol, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, generator = check_count(n), new_generator(seed)
        if source is None:
            raise ValueError("targets depend on a source: give one, as in sample(n, source=...)")

        def choose(logits: Tensor) -> Tensor:
            return draw(filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p), generator)

        memory = self._encode(cast(Sequences, [source])).rows(torch.zeros(n, dtype=torch.int64, device=self.device))
        return [(source, target) for target in self._decode(memory, choose, max_length)]

    def translate(self, sources: Sequences, *, max_length: int = MAX_LENGTH) -> Sequences:
        """Return for each source the target that has the likeliest token at each step (greedy decoding).

        Args:
            sources: n sources.
            max_length: a target that has not ended by itself is cut after so many tokens.

        Raises:
            TypeError: if the sources are of another kind than the training data.
            ValueError: if a symbol was never seen in training, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        found: list[Any] = []
        for first in range(0, len(sources), MAX_SOURCES):
            memory = self._encode(sources[first : first + MAX_SOURCES])
            found += self._decode(memory, lambda logits: logits.argmax(dim=1), max_length)
        return found

    @torch.no_grad()
    def attention_weights(self, source: Text, target: Text) -> NDArray[np.float32]:
        """Return the weights with which each target token, and its end, attends to the source: (target + 1, source).

        Raises:
            ValueError: if the model has no attention, or a symbol was never seen in training.
            NotFittedError: before ``fit``.
        """
        tensors = self._tensors(self.alphabets, [(source, target)])
        x, read, y, _ = (tensor.to(self.device) for tensor in tensors)
        _, weights = self.logits(x, read, y[:, :-1])
        if weights is None:
            raise ValueError("this model has no attention; make it with Seq2Seq(attention=True)")
        return weights[0].cpu().numpy()[:, ::-1] if self.reverse_source else weights[0].cpu().numpy()

    # From a memory to targets.

    @torch.no_grad()
    def _encode(self, sources: Sequences) -> Memory:
        source, lengths = self._source_tensors(self.alphabets[0], sources)
        return cast(Memory, self.encoder(source.to(self.device), lengths.to(self.device)))

    @torch.no_grad()
    def _decode(self, memory: Memory, choose: Callable[[Tensor], Tensor], max_length: int) -> Sequences:
        """Write token by token, each chosen from its logits (n, symbols) -> (n,), until all targets have ended."""
        h, token = memory.first, torch.zeros(len(memory.first), dtype=torch.int64, device=self.device)
        goes_on, columns = torch.ones_like(token, dtype=torch.bool), []
        for _ in range(whole("max_length", max_length, least=1)):
            logits, h, _ = self.decoder(token[:, None], h, memory)
            token = torch.where(goes_on, choose(logits[:, 0]), 0)
            goes_on = token != 0
            columns.append(token)
            if not goes_on.any():
                break
        written = torch.stack(columns, dim=1)
        return self.alphabets[1].decode(written[written != 0].cpu().numpy(), (written != 0).sum(dim=1).cpu().numpy())

    # Codes and keeping.

    @property
    def alphabets(self) -> tuple[Alphabet, Alphabet]:
        """The symbols of sources and of targets; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        return cast(tuple[Alphabet, Alphabet], self._alphabets)

    def _tensors(self, alphabets: tuple[Alphabet, Alphabet], data: Pairs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        sources, targets = _unzipped(data)
        return *self._source_tensors(alphabets[0], sources), *padding.pad(*alphabets[1].encode(targets))

    def _source_tensors(self, alphabet: Alphabet, sources: Sequences) -> tuple[Tensor, Tensor]:
        codes, lengths = alphabet.encode(sources)
        if int(lengths.min()) == 0:
            raise ValueError(f"source {int(lengths.argmin())} is empty; leave it out")
        if self.reverse_source:
            ends = np.cumsum(lengths)
            places = np.arange(len(codes))
            codes = codes[np.repeat(2 * ends - lengths - 1, lengths) - places]
        tokens, _ = padding.pad(codes, lengths)
        return tokens[:, 1:-1], torch.from_numpy(lengths)

    def _prepare(self, alphabets: tuple[Alphabet, Alphabet], seed: int) -> None:
        self._alphabets = alphabets
        sizes: dict[str, Any] = {"embedding": self.embedding, "width": self.width, "dropout": self.dropout}
        with seeded(seed):
            self.encoder = Encoder(len(alphabets[0]), bidirectional=self.bidirectional, **sizes)
            self.decoder = Decoder(len(alphabets[1]), memory=self.encoder.size, attention=self.attention, **sizes)

    def facts(self) -> dict[str, Any]:
        """Return the symbols of sources and of targets; nothing before ``fit``."""
        if self._alphabets is None:
            return {}
        return {"alphabets": [alphabet.facts() for alphabet in self._alphabets]}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over the symbols, and make the layers for them."""
        source, target = map(Alphabet.from_facts, facts["alphabets"])
        self._prepare((source, target), seed=0)


def _unzipped(data: Pairs) -> tuple[Sequences, Sequences]:
    """Return sources and targets, or refuse what is not a list of pairs."""
    if not isinstance(data, list):
        raise TypeError(f"data must be a list of pairs (source, target), got {got(data)}")
    if not data:
        raise ValueError("data holds no pairs; give at least one")
    for index, pair in enumerate(data):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"pair {index} is {pair!r}; it must be a tuple (source, target)")
    return cast(Sequences, [source for source, _ in data]), cast(Sequences, [target for _, target in data])


def _grouped(tensors: tuple[Tensor, ...], size: int, seed: int) -> tuple[Tensor, ...]:
    """Put pairs with sources of like length together: tensors of (n, ...) become (groups, size, ...).

    Which of the equally long ones meet is drawn with the seed. The last group is filled up with the first pair, as
    often as needed, but none of its tokens is counted (its target length there is 0). The last of the tensors that are
    returned are the weights that make nats per token of the mean over all groups.
    """
    source, read, target, lengths = tensors
    mixed = torch.randperm(len(read), generator=torch.Generator().manual_seed(seed))
    order = mixed[torch.argsort(read[mixed], stable=True)]
    filling = -len(order) % size
    order = torch.cat([order, order.new_zeros(filling)])
    counted = lengths[order]
    counted[len(order) - filling :] = 0
    grouped = source[order], read[order], target[order], counted, padding.weights(counted)
    return tuple(tensor.reshape(-1, size, *tensor.shape[1:]) for tensor in grouped)
