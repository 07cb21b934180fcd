"""A client for the Semantic Scholar API that asks in batches, waits politely, and never takes a fault for an answer.

Batches are answered in the order asked, an unknown id with null. A service, or what stands before it, has been seen to
answer in another order and with entries missing; so each record has to carry the id that it was asked for. A paper that
has been merged into another does not, and is asked for again on its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import quote

from papers.escape import one_line
from papers.records import Record, carries, record_ids
from papers.service import FIELDS, Answer, Service
from papers.transport import RefusedError, Settings, Transport

BASE_URL = "https://api.semanticscholar.org/graph/v1"
_ANCHOR = "ARXIV:1706.03762"
"""A paper that the service knows for certain. Beside it, unknown papers are answered with null, and not refused."""
_NONE_KNOWN = "valid paper id"
"""What a refusal says where no id of a batch is known, or one of them is a stumbling block."""
_KEY_VARIABLES = ("SEMANTIC_SCHOLAR_API_KEY", "S2_API_KEY")


class SemanticScholar(Service):
    """Asks the Semantic Scholar API, or another with the same paths.

    Args:
        api_key: by default the value of ``SEMANTIC_SCHOLAR_API_KEY`` or ``S2_API_KEY``; no key is needed. It goes to
            the host of ``base_url`` only, never along a redirect to another, and into no message, log or file.
        base_url: by default ``SEMANTIC_SCHOLAR_URL``, else the public service. A name and password in it are sent to
            that host and shown nowhere.
        cache: a file that keeps the last answers; None keeps none.
        max_age: how many seconds old a kept answer may be to be taken without asking; 0 always asks.
        settings: ``timeout``, ``pace`` (the service allows one request a second with a key), ``retries``, ``max_wait``
            and ``max_time``, as :class:`papers.transport.Settings` explains them.

    Raises:
        ValueError: if an argument is out of range or the key holds white space.
    """

    name = "semantic-scholar"
    title = "Semantic Scholar"
    batch = 500

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        cache: str | Path | None = None,
        max_age: float = 0.0,
        **settings: Unpack[Settings],
    ) -> None:
        key = api_key or next((os.environ[name] for name in _KEY_VARIABLES if os.environ.get(name)), "")
        transport = Transport(
            base_url or os.environ.get("SEMANTIC_SCHOLAR_URL") or BASE_URL,
            key=key.strip(),
            key_hint="without a key all share one pool: wait a while, or set SEMANTIC_SCHOLAR_API_KEY",
            key_remedy="check SEMANTIC_SCHOLAR_API_KEY, or unset it",
            **settings,
        )
        super().__init__(transport, cache, max_age)
        self._anchored: bool | None = None
        """Whether the service knows the anchor, as far as that is known."""

    def recommended(self, ids: Sequence[str], limit: int = 10, fields: str = FIELDS) -> list[Record]:
        """Return papers that the service recommends to somebody who likes these.

        Args:
            ids: ids that the service has given out itself (40 hex digits).
            limit: how many at most.
            fields: the fields of a record.

        Raises:
            ServiceError: if the service gives no answer.
        """
        root = self.base_url.removesuffix("/graph/v1")
        query = {"fields": fields, "limit": str(limit)}
        body = {"positivePaperIds": list(ids)}
        with self.transport.limited():
            found = self.transport.call("POST", f"{root}/recommendations/v1/papers", query, _recommended, body)
        return list(found)

    def _ask_batch(self, ids: list[str], fields: str, *, patience: int | None) -> dict[str, Answer]:
        try:
            records = self._records(ids, fields, patience)
        except RefusedError as error:
            maybe = self._anchored or (self._anchored is None and not self._answered)
            if not maybe or _NONE_KNOWN not in str(error).lower() or not 1 < len(ids) < self.batch:
                raise
            # Are all of them unknown, then? A known one among them says so in one request.
            self._anchored = False
            records = self._records([*ids, _ANCHOR], fields, patience)[:-1]
            self._anchored = True
        answers = {}
        unconfirmed: dict[str, set[str]] = {}
        for paper, record in zip(ids, records, strict=True):
            sure = record is None or carries(record, paper)
            answers[paper] = self._found(record, sure=sure)
            if record is not None and not sure:
                unconfirmed[paper] = record_ids(record)
        if _out_of_order(answers, unconfirmed):
            # Then a null may be another's, too: only what carries its own id is an answer.
            lost = Answer(failure="the service answered in another order than it was asked", source=self.name)
            answers |= {paper: lost for paper, answer in answers.items() if answer.record is None}
        return answers

    def _records(self, ids: list[str], fields: str, patience: int | None) -> list[Record | None]:
        found: list[Record | None] = self.transport.call(
            "POST",
            "/paper/batch",
            {"fields": fields},
            _batch(len(ids)),
            {"ids": ids},
            divisible=len(ids) > 1,
            patience=patience,
        )
        return found

    def _ask_one(self, paper: str, fields: str) -> Record | None:
        found: Record = self.transport.call("GET", "/paper/" + quote(paper, safe=":/"), {"fields": fields}, _record)
        return found

    def _ask_title(self, title: str, fields: str) -> Record | None:
        # The authors confirm a title where no year does.
        query = {"query": one_line(title)[:300], "fields": f"{fields},authors"}
        found: Record = self.transport.call("GET", "/paper/search/match", query, _first)
        return found

    def _refused(self, paper: str, error: RefusedError) -> Answer:
        # If none of the ids is known, a batch is refused with these words.
        return self._found(None) if _NONE_KNOWN in str(error).lower() else super()._refused(paper, error)


def _out_of_order(answers: dict[str, Answer], unconfirmed: dict[str, set[str]]) -> bool:
    """Whether an answer carries the id of another question, which was answered with something else.

    Where that one was answered with the same paper, the two have been merged.
    """
    for paper, carried in unconfirmed.items():
        mine = answers[paper].record or {}
        for other in carried & answers.keys() - {paper}:
            theirs = answers[other].record
            if theirs is None or theirs.get("paperId") != mine.get("paperId"):
                return True
    return False


# What a good answer looks like; anything else is a fault and asked for again.


def _record(body: Any) -> Record:
    if not isinstance(body, dict) or "paperId" not in body:
        raise TypeError("no record")
    return body


def _first(body: Any) -> Record:
    return _record(body["data"][0] if isinstance(body, dict) and "data" in body else body)


def _batch(size: int) -> Callable[[Any], list[Record | None]]:
    def read(body: Any) -> list[Record | None]:
        if not isinstance(body, list) or len(body) != size:
            raise TypeError("not one answer for each id")
        return [None if record is None else _record(record) for record in body]

    return read


def _recommended(body: Any) -> list[Record]:
    return [_record(record) for record in body["recommendedPapers"]]
