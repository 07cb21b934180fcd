"""A client for the Semantic Scholar API that asks once, waits politely, and never takes a fault for an answer."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from papers.cache import Cache
from papers.escape import one_line
from papers.identifiers import normalise
from papers.titles import simplify

if TYPE_CHECKING:
    import requests  # at run time only where something is asked: most commands ask nothing

BASE_URL = "https://api.semanticscholar.org/graph/v1"
BATCH = 500
"""The most ids that the service takes in one request."""
FIELDS = "title,year,publicationDate,externalIds,citationCount"
_KEY_VARIABLES = ("SEMANTIC_SCHOLAR_API_KEY", "S2_API_KEY")
_REDIRECTS = 5
_DAY = 24 * 3600
Progress = Callable[[int, int], None]


class ServiceError(RuntimeError):
    """The service gave no answer. ``final`` says that asking for other papers is no use now either."""

    final = False


class ForbiddenError(ServiceError):
    """403: a bad or expired key, or a blocked region."""

    final = True


class UnreachableError(ServiceError):
    """No connection, or no answer in time."""

    final = True


class RefusedError(ServiceError):
    """400: the service does not take the request as it is."""


class UnknownError(ServiceError):
    """404: there is no such paper."""


class GatewayTimeoutError(ServiceError):
    """504: too much was asked for at once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one paper: a record, or that the service knows none, or why nothing is known."""

    record: dict[str, Any] | None = None
    failure: str | None = None
    at: float = 0.0
    """When the record was given, in seconds since 1970."""
    final: bool = False
    """Asking for other papers would fail likewise."""
    stale: bool = False
    """Taken from the cache because the service failed; ``failure`` says how."""

    @property
    def as_of(self) -> str | None:
        """The day (UTC) on which the record was given, YYYY-MM-DD."""
        return datetime.fromtimestamp(self.at, UTC).date().isoformat() if self.record is not None else None


class SemanticScholar:
    """Asks the Semantic Scholar API, or another with the same paths.

    Args:
        api_key: by default the value of ``SEMANTIC_SCHOLAR_API_KEY`` or ``S2_API_KEY``; no key is needed. It goes to
            the host of ``base_url`` only, never along a redirect to another, and into no message, log or file.
        base_url: by default ``SEMANTIC_SCHOLAR_URL``, else the public service.
        timeout: seconds to wait for a connection, and for each piece of an answer.
        cache: a file that keeps the last answers; None keeps none.
        pace: least seconds between two requests. The service allows one request a second with a key.
        max_age: how many seconds old a kept answer may be to be taken without asking; 0 always asks.
        retries: how often a request is repeated after a fault that may pass.
        max_wait: the longest wait, in seconds, before one repetition, whatever ``Retry-After`` asks for.

    Raises:
        ValueError: if an argument is out of range or the key holds white space.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        cache: str | Path | None = None,
        *,
        pace: float = 1.0,
        max_age: float = 0.0,
        retries: int = 5,
        max_wait: float = 30.0,
    ) -> None:
        from requests import Session

        for name, value in (("pace", pace), ("max_age", max_age), ("retries", retries), ("max_wait", max_wait)):
            if not value >= 0:
                raise ValueError(f"{name} must be >= 0, got {value}")
        if not timeout > 0:
            raise ValueError(f"timeout must be > 0 seconds, got {timeout}")
        for name, value in (("pace", pace), ("timeout", timeout), ("max_wait", max_wait)):
            if value > _DAY:  # the clocks of operating systems overflow
                raise ValueError(f"{name} must be at most a day, {_DAY} seconds, got {value}")
        if type(retries) is not int:
            raise ValueError(f"retries must be a whole number, got {retries}")
        key = api_key or next((os.environ[name] for name in _KEY_VARIABLES if os.environ.get(name)), "")
        self._key = key.strip()
        if not re.fullmatch(r"[!-~]*", self._key):
            raise ValueError("the API key holds white space or other characters that no key has; copy it again")
        self.base_url = (base_url or os.environ.get("SEMANTIC_SCHOLAR_URL") or BASE_URL).rstrip("/")
        if urlsplit(self.base_url).scheme not in ("http", "https") or not urlsplit(self.base_url).hostname:
            raise ValueError(f"base_url must begin with http:// or https://, got {self.base_url!r}")
        self.timeout, self.pace, self.max_age = timeout, pace, max_age
        self.retries, self.max_wait = retries, max_wait
        self.cache = Cache(cache, self.base_url) if cache else None
        self.requests = 0
        """How many requests have been sent, repetitions included."""
        self._session = Session()
        self._session.headers["User-Agent"] = "papers (literature catalog)"
        self._not_before = 0.0

    def __repr__(self) -> str:
        return f"SemanticScholar(base_url={self.base_url!r}, api_key={'set' if self._key else 'none'})"

    # Questions

    def papers(self, ids: Iterable[str], fields: str = FIELDS, progress: Progress | None = None) -> dict[str, Answer]:
        """Ask for many papers in as few requests as there can be.

        Args:
            ids: ids in any form that :func:`papers.identifiers.normalise` knows; others are not sent.
            fields: the fields of a record, separated by commas.
            progress: called with the number of ids answered and the number of all.

        Returns:
            One answer for each id as it was given. A fault is an answer too; nothing is raised.
        """
        wanted = {written: normalise(written) for written in dict.fromkeys(ids)}
        unique = list(dict.fromkeys(paper for paper in wanted.values() if paper))
        answers = self._kept(unique)
        asked = [paper for paper in unique if paper not in answers]
        done, stop = len(answers), None
        for start in range(0, len(asked), BATCH):
            chunk = asked[start : start + BATCH]
            fresh = dict.fromkeys(chunk, stop) if stop else self._ask(chunk, fields)
            stop = next((answer for answer in fresh.values() if answer.final), None)
            answers |= self._with_fallback(fresh)
            done += len(chunk)
            if progress:
                progress(done, len(unique))
        malformed = Answer(failure="this is no id that the service could know")
        return {written: answers[paper] if paper else malformed for written, paper in wanted.items()}

    def match(self, title: str, fields: str = FIELDS) -> Answer:
        """Ask for the one paper whose title is most like this one. It may be another paper: compare before use."""
        name = "title:" + simplify(title)
        if kept := self._kept([name]):
            return kept[name]
        query = one_line(title)[:300]
        fresh = self._single(
            lambda: self._call("GET", "/paper/search/match", {"query": query, "fields": fields}, _first)
        )
        return self._with_fallback({name: fresh})[name]

    def paper(self, paper_id: str, fields: str = FIELDS) -> Answer:
        """Ask for one paper by its id.

        Raises:
            ValueError: if it is no id in any known form.
        """
        known = normalise(paper_id)
        if not known:
            raise ValueError(
                f"{paper_id!r} is no paper id; give 40 hex digits, ARXIV:…, DOI:…, CorpusId:… or a link to the paper"
            )
        path = "/paper/" + quote(known, safe=":/")
        fresh = self._single(lambda: self._call("GET", path, {"fields": fields}, _record))
        return self._with_fallback({known: fresh})[known]

    def recommended(self, ids: Sequence[str], limit: int = 10, fields: str = FIELDS) -> list[dict[str, Any]]:
        """Return papers that the service recommends to somebody who likes these.

        Args:
            ids: ids that the service has given out itself (40 hex digits).
            limit: how many at most.
            fields: the fields of a record.

        Raises:
            ServiceError: if the service gives no answer.
        """
        root = self.base_url.removesuffix("/graph/v1")
        address = f"{root}/recommendations/v1/papers"
        body = {"positivePaperIds": list(ids)}
        found = self._call("POST", address, {"fields": fields, "limit": str(limit)}, _recommended, body)
        return list(found)

    # Batches

    def _ask(self, chunk: list[str], fields: str) -> dict[str, Answer]:
        """Ask for a batch. One bad id fails it whole, and it can be too large: then ask for its halves."""
        read, several = _batch(len(chunk)), len(chunk) > 1
        try:
            records = self._call("POST", "/paper/batch", {"fields": fields}, read, {"ids": chunk}, may_halve=several)
        except ServiceError as error:
            if isinstance(error, RefusedError) and "field" in str(error).lower():  # no half would be taken either
                return dict.fromkeys(chunk, Answer(failure=str(error)))
            if several and isinstance(error, RefusedError | GatewayTimeoutError):
                left, right = chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]
                answers = self._ask(left, fields)
                stop = next((answer for answer in answers.values() if answer.final), None)
                return answers | (dict.fromkeys(right, stop) if stop else self._ask(right, fields))
            if isinstance(error, RefusedError):
                return {chunk[0]: Answer()}
            return dict.fromkeys(chunk, Answer(failure=str(error), final=error.final))
        now = time.time()
        # By position: the id that comes back is another one where papers have been merged.
        return {paper: Answer(record, at=now) for paper, record in zip(chunk, records, strict=True)}

    def _single(self, call: Callable[[], dict[str, Any] | None]) -> Answer:
        try:
            return Answer(call(), at=time.time())
        except (UnknownError, RefusedError):
            return Answer()
        except ServiceError as error:
            return Answer(failure=str(error), final=error.final)

    def _kept(self, names: list[str]) -> dict[str, Answer]:
        if not self.cache or not self.max_age:
            return {}
        return {name: Answer(kept.record, at=kept.at) for name, kept in self.cache.get(names, self.max_age).items()}

    def _with_fallback(self, fresh: dict[str, Answer]) -> dict[str, Answer]:
        """Keep the new answers, and put kept ones in the place of failures."""
        if not self.cache:
            return fresh
        self.cache.put({name: answer.record for name, answer in fresh.items() if answer.record is not None})
        failed = [name for name, answer in fresh.items() if answer.failure]
        kept = self.cache.get(failed) if failed else {}
        return fresh | {
            name: Answer(found.record, fresh[name].failure, found.at, fresh[name].final, stale=True)
            for name, found in kept.items()
        }

    # One request

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        read: Callable[[Any], Any],
        body: Any = None,
        *,
        may_halve: bool = False,
    ) -> Any:
        """Send a request until it is answered, refused, or repeated often enough; ``read`` makes sense of the JSON."""
        from requests import ConnectionError, RequestException, Timeout

        url = path if "://" in path else self.base_url + path
        last = self.retries
        for attempt in range(last + 1):
            wait: float | None = None
            try:
                response = self._send(method, url, query, body)
                status = response.status_code
                if status == 200:
                    return read(response.json())
                self._raise_final(response, may_halve=may_halve)
                failure: ServiceError = ServiceError(f"the service answered {status} ({self._reason(response)})")
                wait = _retry_after(response.headers.get("Retry-After"))
            except (ConnectionError, Timeout) as error:
                kind = "no answer in time" if isinstance(error, Timeout) else "no connection"
                failure = UnreachableError(f"{kind} from {urlsplit(url).netloc}; check the network")
            except (RequestException, ValueError, LookupError, TypeError) as error:
                failure = ServiceError(f"the answer was cut off, or is not what was asked for ({type(error).__name__})")
            if attempt >= last:
                break
            if wait is not None and wait > self.max_wait:
                last = attempt + 1  # the service wants to be left alone for long: one more try, not five
            longest = min(self.max_wait, max(self.pace, 0.1) * 2**attempt)
            time.sleep(min(wait, self.max_wait) if wait is not None else random.uniform(0, longest))
        raise failure

    def _send(self, method: str, url: str, query: dict[str, str], body: Any) -> requests.Response:
        """Send one request at the polite pace, following redirects by hand so that the key stays with its host."""
        from requests import TooManyRedirects

        home = urlsplit(self.base_url)[:2]
        parameters: dict[str, str] | None = query
        for _ in range(_REDIRECTS):
            time.sleep(max(0.0, self._not_before - time.monotonic()))
            self._not_before = time.monotonic() + self.pace
            self.requests += 1
            headers = {"x-api-key": self._key} if self._key and urlsplit(url)[:2] == home else {}
            response = self._session.request(
                method, url, params=parameters, json=body, headers=headers, timeout=self.timeout, allow_redirects=False
            )
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            url, parameters = urljoin(response.url, location), None
            if response.status_code == 303:
                method, body = "GET", None
        raise TooManyRedirects

    def _raise_final(self, response: requests.Response, *, may_halve: bool) -> None:
        """Raise for an answer that no repetition changes."""
        status, reason = response.status_code, self._reason(response)
        if status in (401, 403):
            remedy = "check SEMANTIC_SCHOLAR_API_KEY, or unset it" if self._key else "get a key, or try from elsewhere"
            raise ForbiddenError(f"the service refuses access ({status}: {reason}); {remedy}")
        if status == 404:
            raise UnknownError(reason)
        if status == 504 and may_halve:
            raise GatewayTimeoutError(f"the service took too long (504: {reason})")
        if status not in (408, 429) and status < 500:
            raise RefusedError(f"{status}: {reason}")

    def _reason(self, response: requests.Response) -> str:
        """Return what an error answer says, on one line, short, and without the key should it be echoed."""
        try:
            body = response.json()
            said = body.get("error") or body.get("message") if isinstance(body, dict) else None
        except ValueError:
            said = None
        text = one_line(str(said or response.reason or "no reason given"))
        return (text.replace(self._key, "…") if self._key else text)[:200]


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


# What a good answer looks like; anything else is a fault and asked for again.


def _record(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or "paperId" not in body:
        raise TypeError("no record")
    return body


def _first(body: Any) -> dict[str, Any]:
    return _record(body["data"][0] if isinstance(body, dict) and "data" in body else body)


def _batch(size: int) -> Callable[[Any], list[dict[str, Any] | None]]:
    def read(body: Any) -> list[dict[str, Any] | None]:
        if not isinstance(body, list) or len(body) != size:
            raise TypeError("not one answer for each id")
        return [None if record is None else _record(record) for record in body]

    return read


def _recommended(body: Any) -> list[dict[str, Any]]:
    return [_record(record) for record in body["recommendedPapers"]]
