"""Who does what: the rows of a shard, and the shards of one among several machines.

Shards are counted from 0, in names of files, on the command line and here: ``--shard 3/10`` of a run of ten shards
makes ``part-00003-of-00010``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sdg_lab import checks


@dataclass(frozen=True)
class Share:
    """One of several equal shares of a run's shards: ``Share(3, 10)`` has every tenth shard, from shard 3 on.

    The number of shares says who works and leaves the run itself alone: ten shards make the same bytes in 1, 2 or 10
    shares.

    Attributes:
        index: which share, counted from 0.
        count: of how many.

    Raises:
        ValueError: if there is no such share.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        checks.whole("count", self.count, least=1)
        checks.whole("index", self.index, least=0, most=self.count - 1)

    def of(self, n_shards: int) -> range:
        """Return this share of the shards 0 to ``n_shards - 1``; empty where there are more shares than shards."""
        return range(self.index, n_shards, self.count)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Share:
    """Read the value of ``--shard``, such as ``"3/10"``: share 3 of the shares 0 to 9.

    Raises:
        ValueError: if it is none; the sentence says which would be.
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, flags=re.ASCII)
    if not found:
        raise ValueError(f"--shard must be i/n, such as 0/10 for the first of ten, got {text!r}")
    index, count = int(found[1]), int(found[2])
    if count == 0:
        raise ValueError(f"--shard must name at least one share, such as 0/1, got {text!r}")
    if index >= count:
        last = f"0/{count}" if count == 1 else f"0/{count} to {count - 1}/{count}"
        raise ValueError(f"--shard counts from 0, so the shares of {count} are {last}, got {text!r}")
    return Share(index, count)


def rows_of(shard: int, n_shards: int, n_rows: int) -> range:
    """Return which of ``n_rows`` rows a shard makes: all shards in order make them all, sizes differ by at most one.

    Raises:
        ValueError: if a number is out of bounds.
    """
    shards = checks.whole("n_shards", n_shards, least=1)
    rows = checks.whole("n_rows", n_rows, least=0)
    index = checks.whole("shard", shard, least=0, most=shards - 1)
    return range(index * rows // shards, (index + 1) * rows // shards)


def in_words(shards: range | tuple[int, ...] | list[int], *, most: int = 10) -> str:
    """Return numbers of shards for a sentence, runs of them drawn together: ``"0, 3 to 5, 9"``.

    Args:
        shards: in rising order.
        most: how many runs are named before ``"..."``.
    """
    said = [f"{a}" if a == b else f"{a}, {b}" if b == a + 1 else f"{a} to {b}" for a, b in _runs(shards)]
    return ", ".join(said[:most]) + (", ..." if len(said) > most else "")


def _runs(shards: range | tuple[int, ...] | list[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for shard in shards:
        if first is not None and last is not None and shard != last + 1:
            yield first, last
            first = None
        first, last = shard if first is None else first, shard
    if first is not None and last is not None:
        yield first, last
