"""The last answer for each paper, on disk: a fallback when the network fails, and a reason not to ask again.

One row a paper and service in an SQLite file, so an answer is found whatever list it was asked for with. The key that
pays for the requests is in none of them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

_TABLE = "CREATE TABLE IF NOT EXISTS answers (service TEXT, id TEXT, at REAL, record TEXT, PRIMARY KEY (service, id))"


class Kept(NamedTuple):
    """A kept answer and when it was given (seconds since 1970)."""

    record: dict[str, Any]
    at: float


class Cache:
    """Answers by service and paper id.

    Args:
        path: the SQLite file; it and its folder are made when the first answer is kept.
        service: base address of the service; answers of one are never taken for those of another.
    """

    def __init__(self, path: str | Path, service: str) -> None:
        self.path, self.service = Path(path), service

    def get(self, ids: Iterable[str], max_age: float | None = None) -> dict[str, Kept]:
        """Return what is kept for these ids, no older than ``max_age`` seconds; a damaged file holds nothing."""
        oldest = time.time() - max_age if max_age is not None else 0.0
        found = {}
        if not self.path.exists():
            return {}
        try:
            with closing(sqlite3.connect(self.path, timeout=5)) as database:
                query = "SELECT at, record FROM answers WHERE service = ? AND id = ? AND at >= ?"
                for paper in ids:
                    row = database.execute(query, (self.service, paper, oldest)).fetchone()
                    if row and isinstance(record := json.loads(row[1]), dict):
                        found[paper] = Kept(record, row[0])
        except (sqlite3.Error, ValueError):
            return {}
        return found

    def put(self, records: Mapping[str, dict[str, Any]]) -> None:
        """Keep answers; fields asked for earlier and not now stay. A folder that cannot be written is let be."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            now, before = time.time(), self.get(records)
            rows = [
                (self.service, paper, now, json.dumps({**(before[paper].record if paper in before else {}), **record}))
                for paper, record in records.items()
            ]
            with closing(sqlite3.connect(self.path, timeout=5)) as database, database:
                database.execute(_TABLE)
                database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
        except (sqlite3.Error, OSError):
            return
