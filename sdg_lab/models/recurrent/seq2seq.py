"""One sequence from another: an encoder reads the source, a decoder writes the target, symbol by symbol.

Sutskever, Vinyals & Le, *Sequence to Sequence Learning with Neural Networks* (2014); attention after Bahdanau, Cho &
Bengio (2015), in the form of Luong, Pham & Manning (2015). log P(y | x) = Σ_t log p(y_t | y_1 … y_{t-1}, x), the end of
the target being one more symbol.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, Unpack, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.models.contract import NeuralModel, NotFittedError, check_count, new_generator
from sdg_lab.models.recurrent.encoder_decoder import Decoder, Encoder, Memory
from sdg_lab.models.sequences import padding
from sdg_lab.models.sequences.alphabet import Alphabet, Integers, Sequences
from sdg_lab.models.sequences.sampling import draw, filter_logits
from sdg_lab.training.recipe import Settings, run

Symbols = str | tuple[str, ...]
Pairs = list[tuple[Symbols, Symbols]]
"""Source and target, such as a spelling and its phonemes."""

MOST_SOURCES = 1_024
"""Sources that are read side by side when targets are written."""

MAX_LENGTH = 50
"""A target that has not ended by itself after so many symbols is cut there, unless the caller says otherwise."""


class Seq2Seq(NeuralModel[Pairs]):
    """An encoder and a decoder, both GRUs, with or without attention.

    Args:
        width: numbers in a state.
        embedding: numbers in which a symbol is read.
        attention: whether the decoder may look back at all states of the encoder; if not, it has the last one only.
        bidirectional: whether a second encoder reads the source from its end.
        reverse_source: read the source backwards, as Sutskever et al. (2014) do.
        dropout: share of the units that are silent in training.

    Attributes:
        history: how the last fit went; None for a model that was loaded.
        trained: what of it is saved with the model: seconds, cpu_seconds, epochs, steps.

    Raises:
        ValueError: if an argument is out of range.
    """

    defaults: ClassVar[Settings] = {"epochs": 10, "batch_size": 128, "lr": 2e-3, "clip": 1.0}
    """The settings that count where the caller says nothing."""

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
        for name, number in (("width", width), ("embedding", embedding)):
            if number < 1:
                raise ValueError(f"{name} must be >= 1, got {number}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        self.width, self.embedding, self.dropout = width, embedding, dropout
        self.attention, self.bidirectional, self.reverse_source = attention, bidirectional, reverse_source
        self.history: training.History | None = None
        self.trained: dict[str, float] = {}
        self._alphabets: tuple[Alphabet, Alphabet] | None = None

    # Stage 1: likelihood, on tensors.

    def scores(self, source: Tensor, read: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the scores of the symbol after each target position, and the attention.

        Args:
            source: codes, (n, S).
            read: symbols in each source, (n,).
            target: true codes from the boundary on, (n, T): the decoder is told what it should have written so far
                (teacher forcing).

        Returns:
            (n, T, symbols), and the weights (n, T, S), or None for a model without attention.
        """
        scores, weights = self.decoder(target, self.encoder(source, read))
        return scores, weights

    def token_log_probs(self, source: Tensor, read: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probability of every target symbol that counts, nats, (n, T), and 0 for the others."""
        scores, _ = self.scores(source, read, target[:, :-1])
        found = -F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), reduction="none")
        return found.view_as(target[:, 1:]) * padding.mask_of(lengths, target.shape[1] - 1)

    def loss(self, source: Tensor, read: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean surprise of the target symbols that count, nats a symbol.

        All arguments hold groups of pairs, as :meth:`fit` makes them: (groups, pairs, ...).
        """
        total = torch.zeros((), device=source.device)
        for group in range(len(source)):
            x = source[group][:, : int(read[group].max())]
            y = target[group][:, : int(lengths[group].max()) + 1]
            total = total - self.token_log_probs(x, read[group], y, lengths[group]).sum()
        return total / lengths.sum()

    # Stage 2: the contract, on pairs.

    def fit(
        self,
        data: Pairs,
        *,
        validation: Pairs | None = None,
        seed: int = 0,
        progress: bool = True,
        **settings: Unpack[Settings],
    ) -> Self:
        """Train from new weights. A step is made on pairs whose sources are equally long, as far as there are enough.

        Args:
            data: pairs of a source and a target, each a ``str`` or a tuple of tokens.
            validation: held-out pairs over the same symbols, measured after each epoch.
            seed: decides weights, which pairs make a step together, their order, and noise.
            progress: show a bar.
            settings: see :class:`~sdg_lab.training.recipe.Settings`.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no pairs, a source or a target is empty, or a symbol of the validation pairs is not
                in the data.
        """
        sources, targets = _unzipped(data)
        alphabets = Alphabet.of(sources), Alphabet.of(targets)
        chosen: Settings = {**self.defaults, **settings}
        size = chosen["batch_size"]
        batch = _grouped(self._tensors(alphabets, data), size, seed)
        held_out = None if validation is None else _grouped(self._tensors(alphabets, validation), 256, seed)
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        self._prepare(alphabets, seed)
        chosen["batch_size"] = 1  # a group, which is a whole batch
        self.history, self.trained = run(self, batch, held_out, chosen, seed=seed, progress=progress)
        self.fitted = True
        return self

    def log_prob(self, x: Pairs) -> NDArray[np.float64]:
        """Return the exact log P(target | source) of each pair, the target's end included, in nats, (n,).

        Raises:
            TypeError: if the pairs are of another kind than the training data.
            ValueError: if a symbol was never seen in training.
            NotFittedError: before ``fit``.
        """
        nats: NDArray[np.float64] = self.symbol_log_prob(x).sum(axis=1)
        return nats

    @torch.no_grad()
    def symbol_log_prob(self, x: Pairs) -> NDArray[np.float64]:
        """Return log P(symbol | source, the symbols before it) of each target symbol, nats, (n, longest target + 1).

        The end of a target is its last symbol; what stands behind it is 0. Raises what :meth:`log_prob` does.
        """
        tensors = self._tensors(self.alphabets, x)
        found = np.zeros((len(x), tensors[2].shape[1] - 1))
        for rows in torch.argsort(tensors[1], stable=True).split(MOST_SOURCES):  # type: ignore[no-untyped-call]
            source, read, target, lengths = (tensor[rows].to(self.device) for tensor in tensors)
            longest = int(lengths.max())
            part = self.token_log_probs(source[:, : int(read.max())], read, target[:, : longest + 1], lengths)
            found[rows.numpy(), :longest] = part.double().cpu().numpy()
        return found

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        source: Symbols | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int = MAX_LENGTH,
    ) -> Pairs:
        """Draw ``n`` targets of one source; the pairs are returned.

        Args:
            n: how many.
            seed: the same seed draws the same targets; without one they are different each time.
            source: what to write targets for; the model says nothing without one.
            temperature: as in :func:`~.sampling.filter_logits`, and so are ``top_k`` and ``top_p``.
            top_k: draw only from the k likeliest symbols.
            top_p: draw only from the likeliest symbols that together have this probability.
            max_length: a target that has not ended by itself is cut after so many symbols.

        Raises:
            ValueError: if there is no source, it holds an unknown symbol, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        n = check_count(n)
        if source is None:
            raise ValueError("targets depend on a source: give one, as in sample(n, source=...)")
        generator = new_generator(seed, self.device)

        def choose(scores: Tensor) -> Tensor:
            return draw(filter_logits(scores, temperature=temperature, top_k=top_k, top_p=top_p), generator)

        memory = self._remember(cast(Sequences, [source])).rows(torch.zeros(n, dtype=torch.int64, device=self.device))
        return [(source, target) for target in self._write(memory, choose, max_length)]

    def translate(self, sources: Sequences, *, beam: int = 1, max_length: int = MAX_LENGTH) -> Sequences:
        """Return for each source the likeliest target that is found.

        Args:
            sources: n sources.
            beam: unfinished targets that are followed side by side; 1 takes the likeliest symbol at each step (greedy).
            max_length: a target that has not ended by itself is cut after so many symbols.

        Raises:
            TypeError: if the sources are of another kind than the training data.
            ValueError: if a symbol was never seen in training, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        if beam < 1:
            raise ValueError(f"beam must be >= 1, got {beam}")
        found: list[Any] = []
        for first in range(0, len(sources), MOST_SOURCES):
            memory = self._remember(sources[first : first + MOST_SOURCES])
            if beam == 1:
                found += self._write(memory, lambda scores: scores.argmax(dim=1), max_length)
            else:
                found += self._search(memory, beam, max_length)
        return found

    @torch.no_grad()
    def attention_weights(self, source: Symbols, target: Symbols) -> NDArray[np.float32]:
        """Return where the decoder looks when it writes each target symbol and its end: (target + 1, source).

        Raises:
            ValueError: if the model has no attention, or a symbol was never seen in training.
            NotFittedError: before ``fit``.
        """
        tensors = self._tensors(self.alphabets, [(source, target)])
        x, read, y, _ = (tensor.to(self.device) for tensor in tensors)
        _, weights = self.scores(x, read, y[:, :-1])
        if weights is None:
            raise ValueError("this model has no attention; make it with Seq2Seq(attention=True)")
        return weights[0].cpu().numpy()[:, ::-1] if self.reverse_source else weights[0].cpu().numpy()

    # Stage 3: writing.

    @torch.no_grad()
    def _remember(self, sources: Sequences) -> Memory:
        source, read = self._source_tensors(self.alphabets[0], sources)
        return cast(Memory, self.encoder(source.to(self.device), read.to(self.device)))

    @torch.no_grad()
    def _write(self, memory: Memory, choose: Any, max_length: int) -> Sequences:
        """Write symbol by symbol, each chosen from its scores (n, symbols) -> (n,), until all have ended."""
        h = memory.first
        symbol = torch.zeros(len(h), dtype=torch.int64, device=self.device)
        written, ended = [], torch.zeros(len(h), dtype=torch.bool, device=self.device)
        for _ in range(_checked_length(max_length)):
            scores, h = self.decoder.step(symbol, h, memory)
            symbol = choose(scores).masked_fill(ended, 0)
            written.append(symbol)
            ended |= symbol == 0
            if ended.all():
                break
        return self._decoded(torch.stack(written, dim=1))

    @torch.no_grad()
    def _search(self, memory: Memory, beam: int, max_length: int) -> Sequences:
        """Follow the ``beam`` likeliest beginnings of each target, and return the likeliest one of those that ended."""
        n, width = len(memory.first), beam
        rows = torch.arange(n, device=self.device).repeat_interleave(width)
        memory, h = memory.rows(rows), memory.first[rows]
        nats = torch.full((n, width), -torch.inf, device=self.device)
        nats[:, 0] = 0.0  # all beginnings are equal at first: one of them is enough
        written = torch.zeros(n * width, 1, dtype=torch.int64, device=self.device)
        ended = torch.zeros(n * width, dtype=torch.bool, device=self.device)
        for _ in range(_checked_length(max_length)):
            scores, h = self.decoder.step(written[:, -1], h, memory)
            step = scores.log_softmax(dim=1)
            step[ended] = -torch.inf
            step[ended, 0] = 0.0  # a target that has ended stays as it is
            total = (nats.flatten()[:, None] + step).reshape(n, -1)
            nats, best = total.topk(width, dim=1)
            parent = (best // step.shape[1] + torch.arange(n, device=self.device)[:, None] * width).flatten()
            symbol = (best % step.shape[1]).flatten()
            written = torch.cat([written[parent], symbol[:, None]], dim=1)
            h, ended = h[parent], ended[parent] | (symbol == 0)
            if ended.all():
                break
        return self._decoded(written.reshape(n, width, -1)[:, 0, 1:])

    def _decoded(self, written: Tensor) -> Sequences:
        """Return the targets written in rows of codes, (n, T), up to the first boundary of each."""
        going = (written != 0).long().cumprod(dim=1).bool()
        return self.alphabets[1].decode(written[going].cpu().numpy(), going.sum(dim=1).cpu().numpy())

    # Stage 4: codes and keeping.

    @property
    def alphabets(self) -> tuple[Alphabet, Alphabet]:
        """The symbols of sources and of targets; raises :class:`NotFittedError` before ``fit``."""
        if self._alphabets is None:
            raise NotFittedError("this Seq2Seq has not been fitted: call fit(data) or load(path) first")
        return self._alphabets

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def _tensors(self, alphabets: tuple[Alphabet, Alphabet], data: Pairs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        sources, targets = _unzipped(data)
        codes: tuple[Integers, Integers] = alphabets[1].encode(targets)
        return *self._source_tensors(alphabets[0], sources), *padding.pad(*codes)

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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = Encoder(len(alphabets[0]), bidirectional=self.bidirectional, **sizes)
            self.decoder = Decoder(len(alphabets[1]), memory=self.encoder.size, attention=self.attention, **sizes)

    def config(self) -> dict[str, Any]:
        """Return the arguments, the symbols, and how long the training took."""
        names = ("width", "embedding", "attention", "bidirectional", "reverse_source", "dropout")
        return {
            "arguments": {name: getattr(self, name) for name in names},
            "alphabets": [{"letters": list(a.letters), "characters": a.characters} for a in self.alphabets],
            "trained": self.trained,
        }

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make a fitted model from what :meth:`config` and :meth:`state` returned."""
        model = cls(**config["arguments"])
        source, target = (Alphabet(tuple(a["letters"]), a["characters"]) for a in config["alphabets"])
        model._prepare((source, target), seed=0)
        model.trained = config["trained"]
        model.load_state_dict(state)
        model.fitted = True
        return model.eval()


def _unzipped(data: Pairs) -> tuple[Sequences, Sequences]:
    """Return sources and targets, or refuse what is not a list of pairs."""
    if not isinstance(data, list):
        raise TypeError(f"data must be a list of pairs (source, target), got {type(data).__name__}")
    if not data:
        raise ValueError("data holds no pairs; give at least one")
    for index, pair in enumerate(data):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"pair {index} is {pair!r}; it must be a tuple (source, target)")
    return cast(Sequences, [source for source, _ in data]), cast(Sequences, [target for _, target in data])


def _grouped(tensors: tuple[Tensor, ...], size: int, seed: int) -> tuple[Tensor, ...]:
    """Put pairs with sources of like length together: tensors of (n, ...) become (groups, size, ...).

    Which of the equally long ones meet is drawn with the seed. The last group is filled up with the first pair, as
    often as needed, but none of its symbols is counted (its target length there is 0).
    """
    source, read, target, lengths = tensors
    mixed = torch.randperm(len(read), generator=torch.Generator().manual_seed(seed))
    order = mixed[torch.argsort(read[mixed], stable=True)]
    missing = -len(order) % size
    order = torch.cat([order, order.new_zeros(missing)])
    counted = lengths[order]
    counted[len(order) - missing :] = 0
    groups = len(order) // size
    read, target = read[order].reshape(groups, size), target[order].reshape(groups, size, -1)
    return source[order].reshape(groups, size, -1), read, target, counted.reshape(groups, size)


def _checked_length(max_length: int) -> int:
    if isinstance(max_length, bool) or not isinstance(max_length, (int, np.integer)) or max_length < 1:
        raise ValueError(f"max_length must be a whole number >= 1, got {max_length!r}")
    return int(max_length)
