"""A teacher: a model that is asked to continue texts or to answer chats, here or behind a server.

All teachers are asked alike, so that a recipe that runs on a small world runs on a real model too. What a teacher
writes for a prompt depends on the prompt, its seed and the options only: neither on its neighbours nor on the order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, several, whole
from sdg_lab.models.completion import Completion

if TYPE_CHECKING:
    from sdg_lab.models.language_model import LanguageModel

Message = Mapping[str, str]
"""Who speaks, and what: ``{"role": "user", "content": "..."}``."""

Prompt = str | Sequence[Message]
"""A text is continued; messages are a chat that the assistant answers. If the last one is the assistant's, it is how
the answer begins, and only what follows it comes back."""


@dataclass(frozen=True)
class Options:
    """How a teacher writes.

    Attributes:
        max_tokens: the most tokens of one text.
        temperature: 0 takes the likeliest token; above 0 one is drawn.
        top_p: draw from the fewest tokens that have this probability together.
        min_p: draw from the tokens that have at least this share of the likeliest one's probability.
        repetition_penalty: divides the logits of tokens that were there already; 1 changes nothing.
        stop: texts at the first of which a text ends, without it.
        regex: what the text must match, where the teacher can.
        schema: a JSON schema that the text must obey, where the teacher can.

    Raises:
        ValueError: if one is out of range, or both ``regex`` and ``schema`` are given.
    """

    max_tokens: int = 128
    temperature: float = 0.7
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] = ()
    regex: str | None = None
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        whole("max_tokens", self.max_tokens, least=1)
        number("temperature", self.temperature, least=0)
        if self.top_p is not None:
            number("top_p", self.top_p, above=0, most=1)
        if self.min_p is not None:
            number("min_p", self.min_p, above=0, most=1)
        if self.repetition_penalty is not None:
            number("repetition_penalty", self.repetition_penalty, above=0)
        stop = several("stop", self.stop)
        if not all(isinstance(text, str) and text for text in stop):
            raise ValueError(f"stop must be texts that are not empty, got {self.stop!r}")
        object.__setattr__(self, "stop", stop)
        if self.regex is not None and self.schema is not None:
            raise ValueError("give a regex or a schema, not both: a text obeys one of them")

    def given(self) -> dict[str, Any]:
        """Return the options that say something, by name."""
        return {name: value for name, value in vars(self).items() if value is not None and value != ()}


class UnansweredError(Exception):
    """A prompt that got no usable answer, however often it was tried.

    Attributes:
        reason: what happened, in a few words that many failures share.
        remedy: what a person can do about it.
        refused: whether the service is well and will not answer this prompt; many such in a row are no outage.
    """

    def __init__(self, reason: str, remedy: str = "", *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.refused = reason, remedy, refused


@runtime_checkable
class Teacher(Protocol):
    """What a pipeline asks.

    Attributes:
        name: of the model, as records and the data card give it.
        licence: of the model.
        terms: what its owner says of the use of its texts; empty where nothing is known.
        batch: how many prompts a call of :meth:`generate` shall have at most.
        concurrency: how many calls may go on at a time.
        can_score: whether it has :meth:`log_prob`.
    """

    name: str
    licence: str
    terms: str
    batch: int
    concurrency: int
    can_score: bool

    def generate(self, prompts: Sequence[Prompt], *, seeds: Sequence[int], options: Options) -> list[Completion]:
        """Return a text for each prompt; each depends on its own prompt and seed, and on the options.

        Raises:
            UnansweredError: if a prompt got no answer.
        """

    def log_prob(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-probability of each answer after its prompt, (n,), in nats.

        Raises:
            ValueError: if this teacher cannot.
        """


@runtime_checkable
class Counting(Protocol):
    """A teacher that can count tokens; of others the budget takes the most that a prompt may have."""

    def tokens(self, prompt: Prompt, answer: str = "") -> int:
        """Return how many tokens are read for a prompt, and for an answer after it that is scored.

        It is what :meth:`Teacher.generate` will count, or more; 0 for what will be refused unread.
        """


class LocalTeacher:
    """A language model in this process.

    Args:
        model: reads and writes; with it come its name, licence and terms, as its file gives them.
        batch: prompts that are continued side by side; more are faster and take more memory.
        name, licence, terms: what to say instead of what the file says.
    """

    concurrency = 1
    can_score = True

    def __init__(
        self,
        model: LanguageModel,
        *,
        batch: int = 16,
        name: str | None = None,
        licence: str | None = None,
        terms: str | None = None,
    ) -> None:
        self.model = model
        self.batch = whole("batch", batch, least=1)
        said = {key: str(model.metadata.get(f"general.{key}") or "") for key in ("name", "license", "license.link")}
        self.name = name or said["name"] or "a language model without a name"
        self.licence = licence or said["license"] or "not said in its file"
        self.terms = (
            terms or said["license.link"] or (f"those of its licence, {self.licence}" if said["license"] else "")
        )

    def __repr__(self) -> str:
        return f"LocalTeacher({self.name!r}, batch={self.batch})"

    def generate(self, prompts: Sequence[Prompt], *, seeds: Sequence[int], options: Options) -> list[Completion]:
        """Continue the prompts; see :class:`Teacher`.

        Raises:
            UnansweredError: for a prompt that the model cannot read, such as one of more tokens than its context, with
                a character that has no token, or with the spelling of a mark of turns: prompts are made of what models
                and files say, and that is data.
            TypeError, ValueError: for messages that are none, and for options that the model refuses.
        """
        if not prompts:
            return []
        texts = [self._text(prompt)[0] for prompt in prompts]
        rows = self.model.complete(texts, n=1, seeds=list(seeds), **options.given())
        return [row[0] for row in rows]

    def log_prob(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-probability of each answer after its prompt, (n,), in nats.

        Raises:
            UnansweredError: for an empty answer, and a prompt that, with its answer, the model cannot read; see
                :meth:`generate`.
        """
        if not prompts:
            return np.empty(0)
        if not all(answers):
            raise UnansweredError("an empty answer cannot be scored", refused=True)
        given = [self._text(prompt, answer)[0] for prompt, answer in zip(prompts, answers, strict=True)]
        return self.model.log_prob(list(answers), given=given)

    def tokens(self, prompt: Prompt, answer: str = "") -> int:
        """Return how many tokens the model reads; see :class:`Counting`."""
        try:
            return self._text(prompt, answer)[1]
        except UnansweredError:
            return 0

    def _text(self, prompt: Prompt, answer: str = "") -> tuple[str, int]:
        """Return a prompt as the model reads it, and how many tokens that are, the answer's included.

        Raises:
            UnansweredError: if the model cannot read it; prompts are made of what models wrote.
        """
        try:
            text = self._read(prompt)
            length = max(1, len(self.model.encode(text)))  # an empty prompt is read as the mark that begins a document
            length += len(self.model.encode(answer)) if answer else 0
        except ValueError as error:  # marks of a turn, a character without a token, or a model not made to chat
            raise UnansweredError(f"the model cannot be asked so: {error}"[:200], refused=True) from None
        if length > self.model.context:
            raise UnansweredError(f"{length} tokens, more than the context of {self.model.context}", refused=True)
        return text, length

    def _read(self, prompt: Prompt) -> str:
        """Return a text as it is, or a chat by the model's template; both without the spelling of a mark of turns."""
        if isinstance(prompt, str):
            from sdg_lab.models.language_model.chat import refuse_special

            refuse_special("the text", prompt, self.model.tokeniser.special)
            return prompt
        asked = self.model.prompt(prompt)  # it checks every message, also the one that is opened
        if prompt[-1]["role"] != "assistant":
            return asked
        *before, last = prompt
        return self.model.prompt(before) + last["content"]


class FunctionTeacher:
    """A function that answers: for tests, and for small worlds whose truth is known.

    Args:
        function: of a prompt and a seed; returns the text.
        score: of a prompt and an answer; returns the log-probability in nats.
        name, licence, terms: what the records and the data card say.
        batch, concurrency: see :class:`Teacher`.

    Tokens are words here.
    """

    def __init__(
        self,
        function: Callable[[Prompt, int], str],
        *,
        score: Callable[[Prompt, str], float] | None = None,
        name: str = "",
        licence: str = "that of the program",
        terms: str = "none: a program wrote the texts",
        batch: int = 16,
        concurrency: int = 1,
    ) -> None:
        self.function, self.score = function, score
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.licence, self.terms = licence, terms
        self.batch = whole("batch", batch, least=1)
        self.concurrency = whole("concurrency", concurrency, least=1)
        self.can_score = score is not None

    def __repr__(self) -> str:
        return f"FunctionTeacher({self.name})"

    def generate(self, prompts: Sequence[Prompt], *, seeds: Sequence[int], options: Options) -> list[Completion]:
        """Call the function for each prompt; see :class:`Teacher`."""
        return [self._one(prompt, seed, options) for prompt, seed in zip(prompts, seeds, strict=True)]

    def log_prob(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return what the scoring function says, (n,), in nats.

        Raises:
            ValueError: if there is none.
        """
        if self.score is None:
            raise ValueError(f"{self.name} cannot score answers; give FunctionTeacher a function as score=")
        return np.array([self.score(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)], float)

    def tokens(self, prompt: Prompt, answer: str = "") -> int:
        """Return how many words there are; see :class:`Counting`."""
        return len(as_text(prompt).split()) + len(answer.split())

    def _one(self, prompt: Prompt, seed: int, options: Options) -> Completion:
        text = self.function(prompt, seed)
        length = self.tokens(prompt)
        cuts = [place for place in map(text.find, options.stop) if place >= 0]
        text = text[: min(cuts)] if cuts else text
        words = text.split()
        if len(words) > options.max_tokens:
            return Completion(" ".join(words[: options.max_tokens]), "length", options.max_tokens, length)
        return Completion(text, "stop" if cuts else "end", len(words), length)


def as_text(prompt: Prompt) -> str:
    """Return a prompt as one text; a chat as JSON."""
    return prompt if isinstance(prompt, str) else json.dumps([dict(message) for message in prompt], ensure_ascii=False)
