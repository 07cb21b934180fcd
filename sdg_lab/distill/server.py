"""A teacher behind a server that speaks OpenAI's protocol: a service, or one's own vLLM, llama.cpp or Ollama.

A server may be down, slow or overloaded, and may answer with half an answer or with nonsense. Each kind of failure is
counted under its name, what may pass is tried again after a growing pause, and a prompt that got no usable answer is
refused with its reason. What comes back is data: its form is checked here, and its text is never believed.

The key is read from the environment when the first prompt is sent. It is in no attribute, text or error of ours, and
is cut out of what the server sends back.
"""

from __future__ import annotations

import dataclasses
import email.utils
import functools
import importlib
import json
import math
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, whole
from sdg_lab.distill.budget import RateLimit
from sdg_lab.distill.records import well_formed
from sdg_lab.distill.teacher import Options, Prompt, UnansweredError, as_text
from sdg_lab.models.completion import Completion, Reason

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the second attempt, doubled before each further one; and the most."""

LONGEST_WISH = 300.0
"""Seconds; a server that asks for a longer pause is asked again after these."""

MAX_BYTES = 2**24
"""Of one answer; it is read no further."""

MAX_CHARACTERS_A_TOKEN = 64
"""A text that has more is no text of so many tokens; the longest ones, of spaces, are rare."""

BYTES_A_TOKEN = 3
"""Where the server does not say how many tokens a text has: English has about four."""

MAX_TOKENS_COUNTED = 10**7
"""A server that counts more in one answer miscounts."""

SHORTEST_KEY = 8
"""A shorter one guards nothing, and cutting it out of a text would tear words apart."""

_FINISHED: dict[str, Reason] = {"stop": "end", "length": "length"}


@dataclass(frozen=True)
class _Failure:
    """Why an attempt failed.

    Attributes:
        kind: counted under this name; the reason of a refused record.
        again: whether the next attempt may fare better.
        pause: seconds that the server asked for.
        remedy: what a person can do.
        refused: whether the server is well and will not answer this prompt.
    """

    kind: str
    again: bool = True
    pause: float | None = None
    remedy: str = ""
    refused: bool = False


class ServerTeacher:
    """A model that a server offers by name.

    Texts are continued by ``/completions``, chats answered by ``/chat/completions``.

    Args:
        base_url: such as ``"http://127.0.0.1:8000/v1"``.
        model: the model's name at the server.
        licence, terms: of the model, for the data card; a server does not say them.
        key_variable: the environment variable that holds the key. Where it is not set, the server gets none.
        concurrency: requests under way at a time.
        requests_per_minute, tokens_per_minute: the most that are sent; None sets no bound. A request counts as the most
            tokens that it may need.
        attempts: how often a prompt is sent before it counts as unanswered.
        timeout: seconds that the server may be silent, and that an answer may take to arrive once it has begun.
        extra: further fields of each request, as the server wants them.
        clock, sleep: seconds that only grow, and a function that waits so many; for tests.

    Attributes:
        failures: how often each kind of failure was met, retried ones included.

    Raises:
        ValueError: for an address that is none, or that holds a password: addresses are printed.
    """

    batch = 1
    can_score = False

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        licence: str = "not said by the server",
        terms: str = "",
        key_variable: str = "OPENAI_API_KEY",
        concurrency: int = 8,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        attempts: int = 5,
        timeout: float = 120.0,
        extra: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.base_url, self.name = _address(base_url), model
        self.licence, self.terms, self.key_variable = licence, terms, key_variable
        self.concurrency = whole("concurrency", concurrency, least=1)
        self.attempts = whole("attempts", attempts, least=1)
        self.timeout = number("timeout", timeout, above=0)
        if extra is not None and not isinstance(extra, Mapping):
            raise ValueError(f"extra must be names with values, got {extra!r}")
        self.extra = dict(extra or {})
        self.failures: Counter[str] = Counter()
        self._limit = RateLimit(requests_per_minute, tokens_per_minute, clock=clock)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def __repr__(self) -> str:
        return f"ServerTeacher({self.base_url!r}, {self.name!r})"

    def generate(self, prompts: Sequence[Prompt], *, seeds: Sequence[int], options: Options) -> list[Completion]:
        """Ask for the prompts, several at a time; see :class:`~sdg_lab.distill.teacher.Teacher`.

        Raises:
            UnansweredError: if a prompt got no usable answer; the others are answered first, and lost.
            ValueError: if the options hold a regex, which the protocol has no word for.
        """
        if options.regex is not None:
            raise ValueError("a server is not told a regex: the protocol has none; give a JSON schema instead")
        ask = functools.partial(self._ask, options=options, stop=self._stop)
        if len(prompts) == 1:
            return [ask(prompts[0], seeds[0])]
        with ThreadPoolExecutor(self.concurrency) as threads:
            return list(threads.map(ask, prompts, seeds))

    def log_prob(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Refuse: the protocol does not score given answers."""
        raise ValueError(f"{self.name} behind {self.base_url} cannot score answers; a LocalTeacher can")

    def stop(self) -> None:
        """End the waiting of requests under way, which then count as unanswered; later ones are not touched."""
        with self._lock:
            self._stop.set()
            self._stop = threading.Event()

    def _ask(self, prompt: Prompt, seed: int, *, options: Options, stop: threading.Event) -> Completion:
        """Send a prompt until there is a usable answer."""
        needs = len(as_text(prompt).encode(errors="replace")) // BYTES_A_TOKEN + options.max_tokens
        sleep = functools.partial(self._wait, stop)
        attempt = 0
        while True:
            attempt += 1
            self._limit.wait(needs, sleep)
            found = self._once(prompt, seed, options)
            if isinstance(found, Completion):
                return found
            with self._lock:
                self.failures[found.kind] += 1
            if not found.again or attempt == self.attempts:
                times = f" in {attempt} attempts" if attempt > 1 else ""
                remedy = found.remedy or f"look at the log of the server at {self.base_url}"
                raise UnansweredError(f"no answer{times}: {found.kind}", remedy, refused=found.refused)
            if found.pause:
                self._limit.pause(found.pause)  # it is meant for all that is sent
            else:
                longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
                sleep(longest * random.Random(f"{seed}/{attempt}").uniform(0.5, 1.0))  # not all at the same moment

    def _wait(self, stop: threading.Event, seconds: float) -> None:
        if self._sleep is not None:
            self._sleep(seconds)
        elif stop.wait(seconds):
            raise UnansweredError("not waited for: the run was stopped")

    def _once(self, prompt: Prompt, seed: int, options: Options) -> Completion | _Failure:
        """Send a prompt once. Errors of the client are described, not passed on: they may hold the key."""
        import openai

        request = self._request(seed, options, chat=not isinstance(prompt, str))
        try:
            if isinstance(prompt, str):
                raw: Any = self._client.completions.with_raw_response.create(prompt=prompt, **request)
            else:
                messages: Any = [dict(message) for message in prompt]
                raw = self._client.chat.completions.with_raw_response.create(messages=messages, **request)
            content = raw.http_response.content
        except openai.APITimeoutError:
            return _Failure(
                f"nothing within {self.timeout:g} s",
                remedy=f"is {self.base_url} overloaded? Give a longer timeout, or lower concurrency",
            )
        except openai.APIStatusError as error:
            return self._refusal(error.status_code, error.response.headers)
        except openai.APIConnectionError as error:
            return self._broken(error.__cause__)
        except openai.OpenAIError as error:
            return _Failure(type(error).__name__)
        found = read_answer(content, prompt, options)
        return self._without_key(found) if isinstance(found, Completion) else found

    def _request(self, seed: int, options: Options, *, chat: bool) -> dict[str, Any]:
        """Return the fields of a request but for its prompt."""
        of_openai = urlsplit(self.base_url).hostname == "api.openai.com"  # it has renamed this field
        request: dict[str, Any] = {
            "model": self.name,
            "seed": seed,
            "n": 1,
            "temperature": options.temperature,
            "max_completion_tokens" if of_openai and chat else "max_tokens": options.max_tokens,
        }
        if options.top_p is not None:
            request["top_p"] = options.top_p
        if options.stop:
            request["stop"] = list(options.stop)
        if options.schema is not None:
            form = {"name": "answer", "schema": dict(options.schema), "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": form}
        beyond = {"min_p": options.min_p, "repetition_penalty": options.repetition_penalty}
        extra = {name: value for name, value in beyond.items() if value is not None} | self.extra
        if not chat and "response_format" in request:  # servers take it there too, the client does not
            extra["response_format"] = request.pop("response_format")
        return request | ({"extra_body": extra} if extra else {})

    def _refusal(self, status: int, headers: Mapping[str, str]) -> _Failure:
        """Say what an HTTP status means."""
        if status == 429:
            return _Failure(
                "HTTP 429, too many requests",
                pause=wished_pause(headers),
                remedy=f"{self.base_url} takes fewer: lower requests_per_minute, tokens_per_minute or concurrency",
            )
        if status in (408, 409, 425) or status >= 500:
            return _Failure(f"HTTP {status}", pause=wished_pause(headers))
        remedies = {
            401: f"set the environment variable {self.key_variable} to a key that {self.base_url} takes",
            403: f"set the environment variable {self.key_variable} to a key that {self.base_url} takes",
            404: f"see {self.base_url}/models for what there is; not every server continues texts, most answer chats",
        }
        moved = f"{self.base_url} sends one elsewhere; give the address that it names"
        remedy = remedies.get(status, moved if status < 400 else f"{self.base_url} does not take such a request")
        return _Failure(f"HTTP {status}", again=False, remedy=remedy)

    def _broken(self, cause: BaseException | None) -> _Failure:
        """Say how a connection failed."""
        name = type(cause).__name__
        if name == "DecodingError":  # ours, see _bound
            return _Failure(str(cause), remedy=f"is {self.base_url} the address of a language model?")
        if name in ("ConnectError", "UnsupportedProtocol", "ProxyError"):
            return _Failure(
                "cannot be reached", remedy=f"is a server running at {self.base_url}? Start it, or name another address"
            )
        return _Failure(
            "the connection was cut in mid-answer", remedy=f"look at the log of the server at {self.base_url}"
        )

    def _without_key(self, completion: Completion) -> Completion:
        key = self._key()
        if len(key) < SHORTEST_KEY or key not in completion.text:
            return completion
        return dataclasses.replace(completion, text=completion.text.replace(key, "[key]"))

    def _key(self) -> str:
        """Return the key, or nothing.

        Raises:
            ValueError: if it holds what no header may; the message does not show it.
        """
        key = os.environ.get(self.key_variable, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError(
                f"the environment variable {self.key_variable} holds no key: it has characters that none has"
            )
        return key

    @functools.cached_property
    def _client(self) -> Any:
        import openai

        return openai.OpenAI(
            api_key=self._key() or "none",
            base_url=self.base_url,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(
                timeout=self.timeout,
                follow_redirects=False,
                headers={"Accept-Encoding": "identity"},
                event_hooks={"response": [functools.partial(_bound, seconds=self.timeout)]},
            ),
        )


def read_answer(content: bytes, prompt: Prompt, options: Options) -> Completion | _Failure:
    """Read what a server sent, whatever it is; nothing in it is taken for granted.

    Tokens that the server does not count are taken as three bytes each.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return _Failure("no JSON came")
    if not isinstance(answer, dict):
        return _Failure("JSON of another form came")
    choices = answer.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return _Failure("an error came instead of choices" if "error" in answer else "JSON of another form came")
    if len(choices) != 1:
        return _Failure("another number of choices came than 1" if choices else "no choices came")
    [choice] = choices
    message = choice if isinstance(prompt, str) else choice.get("message")
    text = message.get("text" if isinstance(prompt, str) else "content") if isinstance(message, dict) else None
    finished = choice.get("finish_reason")
    if finished == "content_filter":
        return _Failure("the server filtered it", again=False, refused=True)
    if not isinstance(text, str):
        return _Failure("no text came")
    if finished is None or finished == "":
        return _Failure("half an answer came: it does not say why it ended")
    if not isinstance(finished, str) or finished not in _FINISHED:
        return _Failure("the answer ended for a reason that has no meaning here")
    if len(text) > MAX_CHARACTERS_A_TOKEN * (options.max_tokens + 1):
        return _Failure("a text of absurd length came")
    opened = "" if isinstance(prompt, str) or prompt[-1]["role"] != "assistant" else prompt[-1]["content"]
    text = well_formed(text).removeprefix(opened)  # some repeat how the answer begins
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    written = _count(counts.get("completion_tokens"), text)
    return Completion(text, _FINISHED[finished], written, _count(counts.get("prompt_tokens"), as_text(prompt)))


def _count(count: Any, text: str) -> int:
    """Return how many tokens a server counted; where that can be no such number, what the text's length suggests."""
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_TOKENS_COUNTED:
        return count
    return -(-len(text.encode(errors="replace")) // BYTES_A_TOKEN)


def wished_pause(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (Retry-After, RFC 9110, 10.2.3), at most 300; None if none."""
    try:
        if (text := headers.get("retry-after-ms")) is not None:
            seconds = float(text) / 1000
        elif (text := headers.get("retry-after")) is None:
            return None
        elif text.strip()[:1].isalpha():
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        else:
            seconds = float(text)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WISH)


def _address(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must be an address such as 'http://127.0.0.1:8000/v1', got {base_url!r}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "base_url must hold neither a password nor a query, for it is printed; "
            f"put the key into an environment variable and name it: key_variable=... ({parts.scheme}://{parts.hostname})"
        )
    return base_url.rstrip("/")


def _bound(response: Any, *, seconds: float) -> None:
    """Have an answer end in an error when it is absurdly long, or comes by drips: each drip alone would be in time."""
    http = importlib.import_module(type(response).__module__.partition(".")[0])  # the client has changed it once
    if response.headers.get("content-encoding", "identity") != "identity":
        raise http.DecodingError("an answer came packed, though none was asked for that way", request=response.request)
    response.stream = _bounded_stream(http)(response.stream, seconds, response.request)


@functools.cache
def _bounded_stream(http: Any) -> Any:
    class Bounded(http.SyncByteStream):  # type: ignore[misc]
        """A stream of bytes that ends in an error when it has too many, or takes too long."""

        def __init__(self, stream: Any, seconds: float, request: Any) -> None:
            self.stream, self.end, self.request = stream, time.monotonic() + seconds, request

        def __iter__(self) -> Iterator[bytes]:
            length = 0
            for block in self.stream:
                length += len(block)
                if length > MAX_BYTES:
                    raise http.DecodingError("an answer of absurd length came", request=self.request)
                if time.monotonic() > self.end:
                    raise http.ReadTimeout("it came by drips", request=self.request)
                yield block

        def close(self) -> None:
            self.stream.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

    return Bounded
