"""The journal of a run: each item in one line of JSON as soon as it is decided, so that a run that was killed goes on.

The first line describes the run; a run of another description is refused. A request may give several items, and counts
as answered when the last of them stands here with its line ended: what a killed process left of the last request is cut
off, and the request is asked again. Lines are written in the order in which the recipe proposed the requests, whichever
was answered first, so the file is a function of the run alone.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from sdg_lab.distill.records import Record

FORMAT = "sdg-lab journal 1"
SYNC_SECONDS = 1.0
"""A power cut takes at most what was written since; a killed process loses nothing that was written."""


@dataclass(frozen=True)
class Answered:
    """What came of one request.

    Attributes:
        request: its number in the run, from 0.
        records: at least one, kept or refused.
        tokens: read and written for it.
    """

    request: int
    records: Sequence[Record]
    tokens: int = 0

    def lines(self) -> Iterator[bytes]:
        """Yield a line for each record."""
        for item, record in enumerate(self.records):
            place = {"request": self.request, "item": item, "of": len(self.records), "tokens": self.tokens}
            yield _line({**place, **record.to_json()})


class Journal:
    """A file that is written at its end only, by one process at a time; use it in a ``with``.

    Args:
        path: the file; parents are made.
        run: what describes the run, as JSON can say it: another run of the same description gives the same lines.

    Raises:
        ValueError: if the file is the journal of another run (the message names each difference), is damaged other
            than at its end, or is no journal.
        RuntimeError: if another process writes it.
    """

    def __init__(self, path: str | Path, run: Mapping[str, Any]) -> None:
        from filelock import FileLock, Timeout

        self.path = Path(path)
        self._run = json.loads(json.dumps(run))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RuntimeError(f"another process writes {self.path}; wait for it, or choose another folder") from None
        try:
            self._handle, self.answered = self._open()
        except BaseException:
            self._lock.release()
            raise
        self._synced = time.monotonic()

    def _open(self) -> tuple[BinaryIO, int]:
        """Return the file, ready to be written at its end, and how many requests it holds; what is torn is cut off."""
        header = _line({"format": FORMAT, "run": self._run})
        handle = self.path.open("a+b")
        try:
            handle.seek(0)
            first = handle.readline()
            if not first.endswith(b"\n"):
                if not header.startswith(first):
                    raise ValueError(f"{self.path} is no journal; choose another folder, or move it away")
                handle.truncate(0)
                handle.write(header)
                handle.flush()
                return handle, 0
            self._check_header(first)
            end, number = len(first), -1
            for end, number in _ends(self.path, handle, len(first)):  # noqa: B007 - the last one is wanted
                pass
            handle.truncate(end)
            return handle, number + 1
        except BaseException:
            handle.close()
            raise

    def _check_header(self, line: bytes) -> None:
        try:
            content = json.loads(line)
            known = content["format"] == FORMAT and isinstance(content["run"], dict)
        except (ValueError, TypeError, KeyError):
            known = False
        if not known:
            raise ValueError(f"{self.path} is no journal of this version; choose another folder, or move it away")
        if content["run"] != self._run:
            said = "; ".join(differences(content["run"], self._run))
            raise ValueError(
                f"{self.path} is the journal of another run: {said}. Choose another folder, or run what it describes"
            )

    def replay(self) -> Iterator[Answered]:
        """Yield what was answered before this start, in order; records are read one request at a time."""
        return itertools.islice(_read(self.path), self.answered)

    def restart(self) -> None:
        """Leave nothing but the first line: all that follows is written anew."""
        self._handle.seek(0)
        self._handle.truncate(len(self._handle.readline()))
        self.answered = 0

    def write(self, answered: Iterable[Answered]) -> None:
        """Write what came of the next requests.

        Raises:
            ValueError: if one is not the next.
        """
        lines: list[bytes] = []
        for one in answered:
            if one.request != self.answered:
                raise ValueError(f"the next request is {self.answered}, got {one.request}; write them in their order")
            lines += one.lines()
            self.answered += 1
        self._handle.write(b"".join(lines))
        self._handle.flush()
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._handle.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Bring all to the disk, and let others write."""
        if not self._handle.closed:
            self._sync()
            self._handle.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def read(path: str | Path) -> Iterator[Record]:
    """Yield the records of a journal, kept and refused; what is torn at its end is left out.

    Raises:
        ValueError: if it is no journal, or is damaged other than at its end.
    """
    return (record for answered in read_answered(path) for record in answered.records)


def read_answered(path: str | Path) -> Iterator[Answered]:
    """Yield what came of each request of a journal; as :func:`read`."""
    path = Path(path)
    with path.open("rb") as handle:
        first = handle.readline()
        if not first.startswith(_line({"format": FORMAT})[:-2]):
            raise ValueError(f"{path} is no journal of this version; name a journal.jsonl that a run wrote")
        count = sum(1 for _ in _ends(path, handle, len(first)))
    return itertools.islice(_read(path), count)


def _read(path: Path) -> Iterator[Answered]:
    """Yield what came of each request of a journal that is known to be whole so far."""
    with path.open("rb") as handle:
        handle.readline()
        records: list[Record] = []
        for line in handle:
            content = json.loads(line)
            records.append(Record.from_json(content))
            if len(records) == content["of"]:
                yield Answered(content["request"], records, content["tokens"])
                records = []


def differences(old: Mapping[str, Any], new: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Yield a phrase for each entry in which two descriptions differ, however deep it is."""
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from differences(before, after, f"{name}{key}.")
        elif before != after:
            yield f"{name}{key} is {_shown(before)} there and {_shown(after)} here"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _ends(path: Path, handle: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the lines of each complete request end, and its number; stop at what is torn.

    Raises:
        ValueError: for a whole line that is no record, or not the next one.
    """
    number = item = 0
    for line in handle:
        end += len(line)
        if not line.endswith(b"\n"):
            return
        try:
            content = json.loads(line)
            if (content["request"], content["item"]) != (number, item) or not 0 <= item < content["of"]:
                raise ValueError(f"item {item} of request {number} should stand there")
            if not isinstance(content["tokens"], int):
                raise ValueError(f"its tokens are {content['tokens']!r}")
            Record.from_json(content)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{path} is damaged in the line of request {number} that ends at byte {end:,} ({error}); copy it anew, "
                "or cut it off before that line: what followed is then made again"
            ) from None
        item += 1
        if item == content["of"]:
            yield end, number
            number, item = number + 1, 0
