"""Ask a service over HTTP: at its pace, no more often than is polite, within bounds of time and size.

Only a 200 is an answer. What else comes is a fault that may pass (and is asked for again), a refusal, or no answer at
all; none of them is ever taken for "there is no such paper" unless the service says so in its own words.
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from papers.escape import one_line

if TYPE_CHECKING:
    import requests  # at run time only where something is asked: most commands ask nothing

MOST_BYTES = 16 * 2**20
"""The largest answer that is read, unpacked: the services promise at most 10 MB."""
_DEEPEST = 24
"""How deep an answer may be nested; records are four deep."""
_REDIRECTS = 5
_DAY = 24 * 3600
_PIECE = 65536
_MOVED = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429)
_TOO_MUCH = (413, 414, 504)
"""Statuses that say that a question was too large, or took too long."""


class ServiceError(RuntimeError):
    """The service gave no answer. ``final`` says that asking for other papers is no use now either."""

    final = False


class ForbiddenError(ServiceError):
    """401 or 403: a bad or expired key, or a blocked region."""

    final = True


class UnreachableError(ServiceError):
    """No connection, or no answer in time."""

    final = True


class NoAnswerError(ServiceError):
    """A status or a size that no answer has: a firewall's challenge, a page in its place, far too much of it."""

    final = True


class TimeUpError(ServiceError):
    """The time for all questions together is used up."""

    final = True


class RefusedError(ServiceError):
    """400: the service does not take the question as it is."""


class UnknownError(ServiceError):
    """404, and the service says that there is no such paper."""


class OverloadedError(ServiceError):
    """413, 500, 502 or 504: too much may have been asked for at once, or one of the ids is a stumbling block."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status, headers and a body of bounded size."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """Return the body's JSON.

        Raises:
            ValueError: if it is none, or is nested too deeply.
        """
        try:
            value = json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        _check_depth(value)
        return value


Read = Callable[[Any], Any]


class Settings(TypedDict, total=False):
    """How long and how often a service is asked; every client takes these by name and hands them on."""

    timeout: float
    """Seconds that one whole answer may take, 30 by default."""
    pace: float
    """Least seconds between two requests, 1 by default."""
    retries: int
    """How often a request is repeated after a fault that may pass, 5 times by default."""
    max_wait: float
    """The longest wait, in seconds, before one repetition, whatever ``Retry-After`` asks for; 30 by default."""
    max_time: float
    """The longest, in seconds, that all questions of one run or call may take together; 600 by default."""


class Transport:
    """Sends requests to one service.

    Args:
        base_url: where the service is. A name and password in it are sent to its host and shown nowhere.
        who: what messages call the service.
        key: a secret; it goes to the host of ``base_url`` only, never along a redirect to another, and into no message.
        key_header: the header that takes the key.
        key_parameter: the parameter that takes it instead, for services that know no header.
        key_hint: what to say on a 429 when there is no key.
        key_remedy: what to say on a refusal when there is one.
        timeout, pace, retries, max_wait, max_time: see :class:`Settings`.
        mailto: whom the service may write to; some are quicker for those who say it.

    Raises:
        ValueError: if an argument is out of range or the key holds white space.
    """

    def __init__(
        self,
        base_url: str,
        *,
        who: str = "the service",
        key: str = "",
        key_header: str = "x-api-key",
        key_parameter: str | None = None,
        key_hint: str = "",
        key_remedy: str = "",
        timeout: float = 30.0,
        pace: float = 1.0,
        retries: int = 5,
        max_wait: float = 30.0,
        max_time: float = 600.0,
        mailto: str | None = None,
    ) -> None:
        for name, value in (("pace", pace), ("retries", retries), ("max_wait", max_wait)):
            if not value >= 0:
                raise ValueError(f"{name} must be >= 0, got {value}")
        for name, value in (("timeout", timeout), ("max_time", max_time)):
            if not value > 0:
                raise ValueError(f"{name} must be > 0 seconds, got {value}")
        for name, value in (("pace", pace), ("timeout", timeout), ("max_wait", max_wait), ("max_time", max_time)):
            if value > _DAY:  # the clocks of operating systems overflow
                raise ValueError(f"{name} must be at most a day, {_DAY} seconds, got {value}")
        if type(retries) is not int:
            raise ValueError(f"retries must be a whole number, got {retries}")
        if not re.fullmatch(r"[!-~]*", key):
            raise ValueError("the API key holds white space or other characters that no key has; copy it again")
        if mailto and not re.fullmatch(r"[^\s@<>()]+@[^\s@<>()]+", mailto):
            raise ValueError(f"mailto must be an address such as you@example.org, got {mailto!r}")
        self.base_url, self._auth = _without_password(base_url.rstrip("/"))
        self.who, self.mailto = who, mailto
        self.timeout, self.pace, self.retries, self.max_wait, self.max_time = timeout, pace, retries, max_wait, max_time
        self._key, self._key_header, self._key_hint, self._key_remedy = key, key_header, key_hint, key_remedy
        self._key_parameter = key_parameter
        if key and key_parameter:  # the library below writes addresses into its log
            logging.getLogger("urllib3.connectionpool").addFilter(_Hide(key))
        self.requests = 0
        """How many requests have been sent, repetitions included."""
        self._session: requests.Session | None = None
        self._not_before = 0.0
        self._deadline: float | None = None

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return bool(self._key)

    @property
    def courtesy(self) -> dict[str, str]:
        """The parameter that says whom the service may write to, if that is known."""
        return {"mailto": self.mailto} if self.mailto else {}

    def start_clock(self) -> None:
        """Let the time for all questions together run from now on."""
        self._deadline = time.monotonic() + self.max_time

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Count what is asked within the block against one limit of time, unless a clock is running already."""
        outer = self._deadline
        if outer is None:
            self.start_clock()
        try:
            yield
        finally:
            self._deadline = outer

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        read: Read,
        body: Any = None,
        *,
        divisible: bool = False,
        patience: int | None = None,
        says_unknown: Callable[[Reply], bool] | None = None,
    ) -> Any:
        """Send a request until it is answered, refused, or repeated often enough.

        Args:
            method: ``GET`` or ``POST``.
            path: below the base address, or a whole address.
            query: the parameters.
            read: makes sense of the answer's JSON; a ValueError, LookupError or TypeError says that it is none.
            body: what to post, as JSON.
            divisible: whether a part could be asked for instead: then what was too much is not repeated.
            patience: how often to repeat what seems too much, if less often than other faults.
            says_unknown: whether a 404 says that there is no such paper; by default if it is JSON with an error.

        Raises:
            ServiceError: of the kind that tells what to do next.
        """
        url = path if "://" in path else self.base_url + path
        last, attempt = self.retries, 0
        while True:
            wait: float | None = None
            try:
                reply = self._send(method, url, query, body)
                if reply.status == 200:
                    return read(reply.json())
                failure = self._failure(reply, says_unknown or _says_error)
                if reply.status in _TOO_MUCH and divisible:
                    raise failure
                if isinstance(failure, OverloadedError) and patience is not None:
                    last = min(last, patience)
                if isinstance(failure, NoAnswerError):
                    last = min(last, 1)  # a challenge may be over, but it is no fault that passes
                wait = _retry_after(reply.headers.get("Retry-After"))
            except _TooLargeError as error:
                raise NoAnswerError(f"{self.who} sent {error}; nothing of it was used") from None
            except _SlowError:
                failure = UnreachableError(f"no answer in time from {_place(url)}; check the network")
            except _OfflineError:
                failure = UnreachableError(f"no connection from {_place(url)}; check the network")
            except (ValueError, LookupError, TypeError) as error:
                kind = type(error.__cause__ or error).__name__
                failure = ServiceError(f"the answer was cut off, or is not what was asked for ({kind})")
            if isinstance(failure, ForbiddenError | RefusedError | UnknownError) or attempt >= last:
                raise failure
            if wait is not None and wait > self.max_wait:
                last = attempt + 1  # the service wants to be left alone for long: one more try, not five
            longest = min(self.max_wait, max(self.pace, 0.1) * 2**attempt)
            self._sleep(min(wait, self.max_wait) if wait is not None else random.uniform(0, longest))
            attempt += 1

    # One request

    def _send(self, method: str, url: str, query: Mapping[str, str], body: Any) -> Reply:
        """Send one request at the polite pace, following redirects by hand so that the key stays with its host."""
        home = urlsplit(self.base_url)[:2]
        parameters: Mapping[str, str] | None = query
        for _ in range(_REDIRECTS):
            self._sleep(max(0.0, self._not_before - time.monotonic()))
            self._not_before = time.monotonic() + self.pace
            at_home = urlsplit(url)[:2] == home
            headers = {self._key_header: self._key} if self._key and at_home and not self._key_parameter else {}
            if self._key and self._key_parameter and at_home and parameters is not None:
                parameters = {**parameters, self._key_parameter: self._key}
            auth = self._auth if at_home else None
            self.requests += 1
            reply = self._fetch(method, url, parameters, body, headers, auth)
            self._heed(reply.headers)
            location = reply.headers.get("Location")
            if reply.status not in _MOVED or not location:
                return reply
            url, parameters = urljoin(reply.url, location), None
            if reply.status == 303:
                method, body = "GET", None
        from requests import TooManyRedirects

        raise ValueError("too many redirects") from TooManyRedirects()

    def _heed(self, headers: Mapping[str, str]) -> None:
        """Ask no more often than a reply says that the service allows: so many requests in so many seconds."""
        allowed, interval = headers.get("X-Rate-Limit-Limit", ""), headers.get("X-Rate-Limit-Interval", "")
        if re.fullmatch(r"[1-9]\d{0,5}", allowed) and re.fullmatch(r"\d{1,4}s?", interval):
            least = min(int(interval.rstrip("s")) / int(allowed), self.max_wait)
            self._not_before = max(self._not_before, time.monotonic() + least)

    def _fetch(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None,
    ) -> Reply:
        """Fetch one reply in a thread of its own, and leave it alone when its time is up.

        A server that sends a byte now and then is never silent for long, in its headers either: only a clock from
        outside sees that the whole takes too long.
        """
        seconds = self._seconds_left()
        session = self._session = self._session or self._new_session()
        outcome: list[Reply | BaseException] = []

        def work() -> None:
            try:
                outcome.append(_exchange(session, method, url, parameters, body, headers, auth, seconds))
            except BaseException as error:  # raised where it is waited for
                outcome.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(seconds + 0.05)  # the socket's own timeout is a moment quicker where it can be
        if not outcome:
            self._session = None  # the other one is still in use
            raise _SlowError
        (found,) = outcome
        if isinstance(found, BaseException):
            raise found
        return found

    def _new_session(self) -> requests.Session:
        from requests import Session

        session = Session()
        contact = f"; mailto:{self.mailto}" if self.mailto else ""
        session.headers["User-Agent"] = f"papers (literature catalog{contact})"
        session.headers["Accept-Encoding"] = "gzip, deflate"
        return session

    def _seconds_left(self) -> float:
        """Return how long the next answer may take."""
        if self._deadline is None:
            return self.timeout
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._time_up()
        return min(self.timeout, left)

    def _sleep(self, seconds: float) -> None:
        if seconds and self._deadline is not None and time.monotonic() + seconds > self._deadline:
            raise self._time_up()
        time.sleep(seconds)

    def _time_up(self) -> TimeUpError:
        return TimeUpError(f"the time limit of {self.max_time:g} seconds is used up (--max-time)")

    # What a reply that is no answer means

    def _failure(self, reply: Reply, says_unknown: Callable[[Reply], bool]) -> ServiceError:
        status, reason = reply.status, self._reason(reply)
        said = f"{self.who} answered {status} ({reason})"
        if status in (401, 403):
            remedy = self._key_remedy if self._key else "get a key, or try from elsewhere"
            return ForbiddenError(f"{self.who} refuses access ({status}: {reason}); {remedy}")
        if status == 404 and says_unknown(reply):
            return UnknownError(said)
        if status == 400 and _says_error(reply):
            return RefusedError(f"{self.who} refuses the question (400: {reason})")
        if status == 429:
            slower = "wait a while, or ask with a longer --pace"
            return ServiceError(f"{said}; {slower if self._key else self._key_hint or slower}")
        if status in (413, 414, 500, 502, 504):
            return OverloadedError(said)
        if status in _PASSING or status >= 500:
            return ServiceError(said)
        return NoAnswerError(f"{said}, which is no answer")

    def _reason(self, reply: Reply) -> str:
        """Return what an error answer says, on one line, short, and without the key should it be echoed."""
        try:
            body = reply.json()
        except ValueError:
            body = None
        said = (body.get("error") or body.get("message")) if isinstance(body, dict) else None
        if isinstance(said, list) and said and isinstance(said[0], dict):
            said = said[0].get("message")
        said = said if isinstance(said, str) else None
        text = one_line(str(said or _PHRASES.get(reply.status) or "no reason given"))
        for secret in (self._key, *(self._auth or ())):
            text = text.replace(secret, "…") if secret else text
        return text[:200]


_PHRASES = {
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    410: "Gone",
    429: "Too Many Requests",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class _Hide(logging.Filter):
    """Keeps a secret out of a log."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().replace(self._secret, "…"), ()
        return True


class _TooLargeError(Exception):
    pass


class _SlowError(Exception):
    pass


class _OfflineError(Exception):
    pass


def _exchange(
    session: requests.Session,
    method: str,
    url: str,
    parameters: Mapping[str, str] | None,
    body: Any,
    headers: Mapping[str, str],
    auth: tuple[str, str] | None,
    seconds: float,
) -> Reply:
    """Send a request and read its reply, no more than may be read; faults are told apart by who can mend them."""
    from requests import ConnectionError, RequestException, Timeout
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    try:
        with session.request(
            method,
            url,
            params=dict(parameters) if parameters is not None else None,
            json=body,
            headers=dict(headers),
            auth=auth,
            timeout=seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            return Reply(response.status_code, response.headers, _body(response), response.url)
    except (Timeout, ReadTimeoutError):
        raise _SlowError from None
    except ConnectionError:
        raise _OfflineError from None
    except (RequestException, HTTPError, OSError, zlib.error) as error:
        raise ValueError("cut off") from error


def _body(response: requests.Response) -> bytes:
    """Return a reply's body, unpacked here so that a small one cannot unfold into more than may be read."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise ValueError(f"packed in a way that was not asked for ({coding[:20]})")
    unpack = zlib.decompressobj(wbits=47) if coding not in ("", "identity") else None
    pieces, size = [], 0
    for packed in response.raw.stream(_PIECE, decode_content=False):
        piece = unpack.decompress(packed, MOST_BYTES + 1 - size) if unpack else packed
        size += len(piece)
        if size > MOST_BYTES:
            raise _TooLargeError(f"more than {MOST_BYTES // 2**20} MB")
        pieces.append(piece)
    if unpack and size and not unpack.eof:
        raise ValueError("the packed answer is cut off")
    return b"".join(pieces)


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        if not level:
            return
        inner = (part for outer in level for part in (outer.values() if isinstance(outer, dict) else outer))
        level = [part for part in inner if isinstance(part, dict | list)]
    raise ValueError("nested too deeply")


def _says_error(reply: Reply) -> bool:
    """Whether a reply is JSON in which a service says what is wrong, and not a page of whatever stands before it."""
    try:
        body = reply.json()
    except ValueError:
        return False
    return isinstance(body, dict) and bool(body.get("error") or body.get("message"))


def _without_password(url: str) -> tuple[str, tuple[str, str] | None]:
    """Split an address into one that can be shown, and the name and password that stood in it.

    Raises:
        ValueError: if it is no http(s) address; what it says holds no password.
    """
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("base_url is no address; it must begin with http:// or https:// and name a host") from None
    if parts.scheme not in ("http", "https") or not host:
        shown = re.sub(r"//[^/]*@", "//…@", url)
        raise ValueError(f"base_url must begin with http:// or https://, got {shown!r}")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    return parts._replace(netloc=netloc).geturl(), auth


def _place(url: str) -> str:
    """Return the host and port of an address, without what is secret in it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _retry_after(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header (seconds or a date) asks for, None if it says nothing."""
    if not header:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", header):
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
