"""The last answer for each paper, on disk: a fallback when the network fails, and a reason not to ask again.

One row a paper and service in an SQLite file, so an answer is found whatever list it was asked for with. A run that was
broken off leaves its beginning there, and the next one takes what has been answered since. The key that pays for the
requests is in none of it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (service TEXT, id TEXT, at REAL, record TEXT, PRIMARY KEY (service, id))",
    "CREATE TABLE IF NOT EXISTS unknown (service TEXT, id TEXT, at REAL, PRIMARY KEY (service, id))",
    "CREATE TABLE IF NOT EXISTS runs (service TEXT, list TEXT, began REAL, PRIMARY KEY (service, list))",
)
_TOGETHER = 500
"""Ids that are looked for with one query."""
_MAGIC = b"SQLite format 3\0"
_ENDINGS = (".sqlite", ".sqlite3", ".db")
_LATELY = 24 * 3600.0
"""Seconds after which a run that was broken off is not gone on with."""


class Kept(NamedTuple):
    """A kept answer and when it was given (seconds since 1970); no record if the service knew no such paper."""

    record: dict[str, Any] | None
    at: float


class Cache:
    """Answers by service and paper id.

    A damaged file is moved aside, to the same name with ``.damaged`` behind it, and a new one begun; ``notes`` says so.

    Args:
        path: the SQLite file; it and its folder are made when the first answer is kept.
        service: base address of the service; answers of one are never taken for those of another.

    Raises:
        ValueError: if the path is that of a file of another kind: nothing of it is touched.
    """

    def __init__(self, path: str | Path, service: str) -> None:
        self.path, self.service = Path(path), service
        self.notes: list[str] = []
        if self.path.suffix.lower() not in _ENDINGS and self._is_of_another_kind():
            raise ValueError(f"{path} is no cache of answers; name another file, or one that is not there yet")

    def get(self, ids: Iterable[str], max_age: float | None = None) -> dict[str, Kept]:
        """Return what is kept for these ids, no older than ``max_age`` seconds; a damaged file holds nothing.

        That a paper is unknown is returned only where an age is given: it is no answer to fall back on.
        """
        oldest = time.time() - max_age if max_age is not None else 0.0
        wanted = list(ids)

        def look(database: sqlite3.Connection) -> dict[str, Kept]:
            found: dict[str, Kept] = {}
            for start in range(0, len(wanted), _TOGETHER):
                some = wanted[start : start + _TOGETHER]
                where = f"WHERE service = ? AND at >= ? AND id IN ({','.join('?' * len(some))})"
                given = (self.service, oldest, *some)
                if max_age is not None:
                    unknown = database.execute(f"SELECT id, at FROM unknown {where}", given)
                    found |= {paper: Kept(None, at) for paper, at in unknown}
                for paper, at, text in database.execute(f"SELECT id, at, record FROM answers {where}", given):
                    if isinstance(record := _loads(text), dict) and (paper not in found or at >= found[paper].at):
                        found[paper] = Kept(record, at)
            return found

        return self._use(look, {}) if self.path.is_file() else {}

    def put(self, records: Mapping[str, dict[str, Any] | None]) -> None:
        """Keep answers; fields asked for earlier and not now stay. A folder that cannot be written is let be."""
        if not records:
            return
        now, before = time.time(), self.get([paper for paper, record in records.items() if record is not None])
        rows = []
        for paper, record in records.items():
            if record is not None:
                older = before[paper].record if paper in before else None
                rows.append((self.service, paper, now, json.dumps({**(older or {}), **record})))
        unknown = [(self.service, paper, now) for paper, record in records.items() if record is None]

        def keep(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
            database.executemany("INSERT OR REPLACE INTO unknown VALUES (?, ?, ?)", unknown)

        self._use(keep, None, make=True)

    def begin(self, name: str) -> float | None:
        """Note that a run for a list has begun; return when an earlier one did that was broken off lately, if so."""
        now, which = time.time(), (self.service, name)

        def note(database: sqlite3.Connection) -> float | None:
            row = database.execute("SELECT began FROM runs WHERE service = ? AND list = ?", which).fetchone()
            earlier: float | None = row[0] if row and now - _LATELY < row[0] <= now else None
            database.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (*which, earlier or now))
            return earlier

        return self._use(note, None, make=True)

    def finish(self, name: str) -> None:
        """Note that the run for a list has come to its end."""

        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM runs WHERE service = ? AND list = ?", (self.service, name))

        if self.path.is_file():
            self._use(forget, None)

    def _use(self, work: Callable[[sqlite3.Connection], T], default: T, *, make: bool = False) -> T:
        """Do something with the file; what cannot be done is noted, and a damaged file moved out of the way."""
        for _ in range(2 if make else 1):
            try:
                if make:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(self.path, timeout=5)) as database, database:
                    database.execute("PRAGMA synchronous = OFF")  # what a power cut takes is asked for again
                    for table in _TABLES:
                        database.execute(table)
                    return work(database)
            except sqlite3.OperationalError as error:  # locked, full, not to be written
                self._note(f"the cache {self.path} cannot be used ({error}); answers are not kept")
                return default
            except sqlite3.DatabaseError:
                if not self._move_aside():
                    return default
            except OSError as error:
                self._note(f"the cache {self.path} cannot be used ({error.strerror or error}); answers are not kept")
                return default
        return default

    def _move_aside(self) -> bool:
        aside = self.path.with_name(self.path.name + ".damaged")
        try:
            self.path.replace(aside)
            for ending in ("-journal", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        except OSError:
            self._note(f"the cache {self.path} is damaged and cannot be moved aside; answers are not kept")
            return False
        self._note(f"the cache {self.path} was damaged; it is now {aside.name}, and a new one is begun")
        return True

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _is_of_another_kind(self) -> bool:
        try:
            with self.path.open("rb") as handle:
                begins = handle.read(len(_MAGIC))
        except OSError:  # not there, or a folder: said when it is used
            return False
        return begins not in (b"", _MAGIC)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return None
