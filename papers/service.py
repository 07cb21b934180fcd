"""What every service of citation counts can be asked, and how its answers are kept, checked and believed.

A service is asked for many papers in as few requests as there can be. A batch that is refused or too much is halved
until what is wrong with it stands alone, with a bound on how often; an answer that does not carry the id that was asked
for is asked for again on its own. No fault is an answer.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from papers.belief import compare
from papers.cache import Cache
from papers.identifiers import normalise
from papers.records import Record, count_of, title_of
from papers.titles import simplify
from papers.transport import (
    OverloadedError,
    RefusedError,
    ServiceError,
    TimeUpError,
    Transport,
    UnknownError,
)

FIELDS = "title,year,publicationDate,externalIds,citationCount"
_MOST_REFUSALS = 60
"""Requests of one question that may be refused, or be too much, before the rest of it is given up."""
_MOST_CHECKS = 20
"""Papers of one question that are asked for again on their own because their answer did not carry their id."""
_MOST_MISSES = 3
"""Questions in a row without an answer, each repeated as often as may be, after which no more are asked."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one paper: a record, or that the service knows none, or why nothing is known."""

    record: Record | None = None
    failure: str | None = None
    at: float = 0.0
    """When the record was given, in seconds since 1970."""
    final: bool = False
    """Asking for other papers would fail likewise."""
    stale: bool = False
    """Taken from the cache because the service failed; ``failure`` says how."""
    source: str = ""
    """The name of the service that gave the record."""
    sure: bool = True
    """The record carries the id that was asked for, or came for that id alone. Otherwise the row has to confirm it."""

    @property
    def as_of(self) -> str | None:
        """The day (UTC) on which the record was given, YYYY-MM-DD."""
        return datetime.fromtimestamp(self.at, UTC).date().isoformat() if self.record is not None else None


@dataclass(slots=True)
class _Piece:
    """A part of a question, and what became of the two halves that it is one of."""

    ids: list[str]
    halves: list[int] | None = None
    """The sizes of those of the two halves that were answered, shared by both."""


class Service(ABC):
    """One source of records. Subclasses say how a batch, one paper and a title are asked for."""

    name: ClassVar[str]
    """As ``--source`` and JSON name it."""
    title: ClassVar[str]
    """As people call it."""
    batch: ClassVar[int]
    """The most ids that are asked for in one request."""

    def __init__(self, transport: Transport, cache: str | Path | None, max_age: float) -> None:
        if not max_age >= 0:
            raise ValueError(f"max_age must be >= 0, got {max_age}")
        self.transport, self.max_age = transport, max_age
        self.cache = Cache(cache, transport.base_url) if cache else None
        self._since: float | None = None
        self._cut_short = False
        self._answered = False
        """Whether anything of the question that is being asked has been answered."""
        self._misses = 0
        """How many questions in a row got no answer, repetitions and all."""

    @property
    def base_url(self) -> str:
        """Where the service is, without a name or password."""
        return self.transport.base_url

    @property
    def requests(self) -> int:
        """How many requests have been sent, repetitions included."""
        return self.transport.requests

    @property
    def notes(self) -> list[str]:
        """What the user should hear besides the answers."""
        return list(self.cache.notes) if self.cache else []

    def __repr__(self) -> str:
        key = "set" if self.transport.has_key else "none"
        return f"{type(self).__name__}(base_url={self.base_url!r}, api_key={key})"

    def start_clock(self) -> None:
        """Let the time for all questions together run from now on."""
        self.transport.start_clock()

    @contextmanager
    def run(self, name: str | Path) -> Iterator[float | None]:
        """Ask for all of a list within one limit of time, and go on where an earlier run was broken off.

        Args:
            name: the list's file.

        Yields:
            When the earlier run began, in seconds since 1970; None if there is none to go on with.
        """
        key = str(Path(name).resolve()).encode("utf-8", "backslashreplace").decode()
        self._since, self._cut_short = (self.cache.begin(key) if self.cache else None), False
        try:
            with self.transport.limited():
                yield self._since
            if self.cache and not self._cut_short:
                self.cache.finish(key)
        finally:
            self._since = None

    # Questions

    def papers(
        self,
        ids: Iterable[str],
        fields: str = FIELDS,
        progress: Progress | None = None,
        *,
        titles: Mapping[str, str] | None = None,
    ) -> dict[str, Answer]:
        """Ask for many papers in as few requests as there can be.

        Args:
            ids: ids in any form that :func:`papers.identifiers.normalise` knows; others are not sent.
            fields: the fields of a record, separated by commas.
            progress: called with the number of ids answered and the number of all.
            titles: by id, what the papers are called as far as it is known. An answer that does not carry its id is
                asked for again on its own, unless it has the full title.

        Returns:
            One answer for each id as it was given. A fault is an answer too; nothing is raised.
        """
        wanted = {written: normalise(written) for written in dict.fromkeys(ids)}
        unique = list(dict.fromkeys(paper for paper in wanted.values() if paper))
        answers = self._kept(unique)
        answers |= {paper: self._unknown() for paper in unique if paper not in answers and not self.takes(paper)}
        asked = [paper for paper in unique if paper not in answers]
        done = len(answers)

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if progress:
                progress(done, len(unique))

        with self.transport.limited():
            answers |= self._with_fallback(self._checked(self._ask(asked, fields, tell), fields, titles or {}))
        malformed = Answer(failure="this is no id that the service could know")
        return {written: answers[paper] if paper else malformed for written, paper in wanted.items()}

    def match(self, title: str, fields: str = FIELDS) -> Answer:
        """Ask for the one paper whose title is most like this one. It may be another paper: compare before use."""
        name = "title:" + simplify(title)
        if kept := self._kept([name]):
            return kept[name]
        with self.transport.limited():
            return self._remembered(name, partial(self._ask_title, title, fields))

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
        if not self.takes(known):
            return self._unknown()
        with self.transport.limited():
            return self._remembered(known, partial(self._ask_one, known, fields))

    def recommended(self, ids: Sequence[str], limit: int = 10, fields: str = FIELDS) -> list[Record]:
        """Return papers that the service recommends to somebody who likes these; few services do.

        Raises:
            ServiceError: if it does not, or gives no answer.
        """
        raise ServiceError(f"{self.title} recommends no papers; ask Semantic Scholar")

    def takes(self, paper: str) -> bool:
        """Whether the service can be asked for this id (in API form)."""
        return True

    # What subclasses say

    @abstractmethod
    def _ask_batch(self, ids: list[str], fields: str, *, patience: int | None) -> dict[str, Answer]:
        """Send one request for all of these; ``patience``: how often to try again if that seems too much, None: often.

        Raises:
            ServiceError: if there is no answer.
        """

    @abstractmethod
    def _ask_one(self, paper: str, fields: str) -> Record | None:
        """Ask for one paper; None if the service knows none."""

    @abstractmethod
    def _ask_title(self, title: str, fields: str) -> Record | None:
        """Ask for the paper that has a title; None if the service knows none."""

    def _groups(self, asked: list[str]) -> list[list[str]]:
        """Sort ids into those that can be asked for together."""
        return [asked]

    def _refused(self, paper: str, error: RefusedError) -> Answer:
        """Say what it means that the service does not take the question for this one paper."""
        return self._failed(error)

    # Batches

    def _ask(self, asked: list[str], fields: str, tell: Callable[[int], None]) -> dict[str, Answer]:
        """Ask in batches. One bad id fails a batch whole, and it can be too large: then ask for its halves.

        A size of which both halves were answered is not asked for again. Two papers that fail each on its own, before
        anything was answered, are an outage.
        """
        answers: dict[str, Answer] = {}
        limit, fell, refusals, self._answered = self.batch, 0, 0, False
        stop: Answer | None = None
        pending = [piece for group in self._groups(asked)[::-1] for piece in _pieces(group, limit)]
        while pending:
            piece = pending.pop()
            ids, several = piece.ids, len(piece.ids) > 1
            if len(ids) > limit and not stop:
                pending += _pieces(ids, limit)
                continue
            if stop:
                found = dict.fromkeys(ids, stop)
            else:
                patience = (None, 2)[several] if piece.halves is None else (1, 0)[several]
                try:
                    found = self._ask_batch(ids, fields, patience=patience)
                    self._answered = True
                    self._remember(found)
                    if piece.halves is not None:
                        piece.halves.append(len(ids))
                        limit = min(limit, max(piece.halves)) if len(piece.halves) == 2 else limit
                except (RefusedError, OverloadedError) as error:
                    refusals += 1
                    too_much = isinstance(error, OverloadedError)
                    if not too_much and "field" in str(error).lower():  # no half would be taken either
                        stop = Answer(failure=str(error), source=self.name)
                    elif refusals >= _MOST_REFUSALS:
                        stop = Answer(failure=f"{error}; too many such answers to go on", final=True, source=self.name)
                    elif several:
                        middle = len(ids) // 2
                        halves: list[int] | None = [] if too_much else None
                        pending += [_Piece(ids[middle:], halves), _Piece(ids[:middle], halves)]
                        continue
                    fell += too_much and not several
                    if too_much and fell >= 2 and not self._answered:
                        stop = Answer(failure=str(error), final=True, source=self.name)
                    found = {paper: stop or self._stumbled(paper, error, several) for paper in ids}
                except ServiceError as error:
                    failed = self._failed(error)
                    found, stop = dict.fromkeys(ids, failed), failed if failed.final else None
            answers |= found
            tell(len(ids))
        return answers

    def _checked(self, answers: dict[str, Answer], fields: str, titles: Mapping[str, str]) -> dict[str, Answer]:
        """Ask again, one by one, for papers whose answer did not carry their id: merged ones, or another's."""
        unsure = {paper: answer.record for paper, answer in answers.items() if answer.record and not answer.sure}
        doubtful = [paper for paper, record in unsure.items() if not _confirmed(record, titles.get(paper))]
        for paper in doubtful[:_MOST_CHECKS]:
            alone = self._single(partial(self._ask_one, paper, fields))
            if not alone.failure:
                answers[paper] = alone
                self._remember({paper: alone})
            elif alone.final:
                break
        return answers

    def _stumbled(self, paper: str, error: ServiceError, several: bool) -> Answer:
        return self._refused(paper, error) if isinstance(error, RefusedError) and not several else self._failed(error)

    # Answers

    def _found(self, record: Record | None, *, sure: bool = True) -> Answer:
        self._misses = 0
        return Answer(record, at=time.time(), source=self.name, sure=sure)

    def _unknown(self) -> Answer:
        return Answer(source=self.name)

    def _failed(self, error: ServiceError) -> Answer:
        self._cut_short |= isinstance(error, TimeUpError)
        self._misses += not isinstance(error, RefusedError | OverloadedError)
        return Answer(failure=str(error), final=error.final or self._misses >= _MOST_MISSES, source=self.name)

    def _single(self, call: Callable[[], Record | None]) -> Answer:
        try:
            return self._found(call())
        except UnknownError:
            return self._found(None)
        except ServiceError as error:
            return self._failed(error)

    def _remembered(self, name: str, call: Callable[[], Record | None]) -> Answer:
        fresh = self._single(call)
        self._remember({name: fresh})
        return self._with_fallback({name: fresh})[name]

    def _remember(self, fresh: dict[str, Answer]) -> None:
        if self.cache:
            self.cache.put({name: a.record for name, a in fresh.items() if a.sure and a.failure is None})

    def _kept(self, names: list[str]) -> dict[str, Answer]:
        age = max(self.max_age, time.time() - self._since if self._since else 0.0)
        if not self.cache or not age:
            return {}
        kept = self.cache.get(names, age)
        return {name: Answer(found.record, at=found.at, source=self.name) for name, found in kept.items()}

    def _with_fallback(self, fresh: dict[str, Answer]) -> dict[str, Answer]:
        """Put kept answers in the place of failures."""
        failed = [name for name, answer in fresh.items() if answer.failure]
        kept = self.cache.get(failed) if self.cache and failed else {}
        return fresh | {
            name: replace(fresh[name], record=found.record, at=found.at, stale=True) for name, found in kept.items()
        }


def _confirmed(record: Record, title: str | None) -> bool:
    """Whether a record has the title that it should have; a short one will do where the service tells no other ids."""
    relation = compare(title, title_of(record))
    return relation == "same" or (relation == "short" and not record.get("externalIds"))


def best_title(title: str, records: Sequence[Record]) -> Record | None:
    """Return the record that has a title, the most cited of several; else the first, which is another paper's."""
    same = [record for record in records if compare(title, title_of(record)) in ("same", "short")]
    most = max(same, key=lambda record: count_of(record) or 0, default=None)
    return most or (records[0] if records else None)


def _pieces(ids: list[str], size: int) -> list[_Piece]:
    """Cut a question up, the first piece last: pieces are taken from the end."""
    return [_Piece(ids[start : start + size]) for start in range(0, len(ids), size)][::-1]
