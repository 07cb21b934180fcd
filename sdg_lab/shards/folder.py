"""A run's folder: finished parts under their checksums, and nothing that is half finished.

A part is one file, ``part-00003-of-00010.9f86d081884c7d65.jsonl``, which appears whole or not at all. The sixteen
digits are the checksum of the run, the shard and the bytes. So one look at a file says whether it is whole and whether
it belongs here, no list of finished parts has to be kept in step with the files, and parts that were made on machines
without a common disk are simply copied into one folder.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sdg_lab.files import replace_atomically
from sdg_lab.shards.division import in_words
from sdg_lab.shards.manifest import NAME, Manifest, read

_AGAIN = 10
"""Times that a part is written whose temporary file was cleared away by another call on the same shard."""

_CLEARED = (errno.ENOENT, errno.ESTALE)
"""What a writer hears whose temporary file was cleared away; the second from a network's disk."""


@dataclass(frozen=True)
class Status:
    """What of a run is there.

    Attributes:
        n_shards: of the whole run.
        finished: the part of each finished shard, checksum verified, in order.
        missing: shards without a part.
        damaged: shards whose part is not what was written, or belongs to another run; they are made again.
    """

    n_shards: int
    finished: dict[int, Path]
    missing: tuple[int, ...]
    damaged: tuple[int, ...]

    def __str__(self) -> str:
        said = [f"{len(self.finished)} of {self.n_shards} shards are finished"]
        said += [f"{len(self.missing)} missing ({in_words(self.missing)})"] if self.missing else []
        said += [f"{len(self.damaged)} damaged ({in_words(self.damaged)})"] if self.damaged else []
        return ", ".join(said)


class Folder:
    """The parts of one run.

    Args:
        path: where they are, or will be.
        manifest: what run it is.
    """

    def __init__(self, path: str | Path, manifest: Manifest) -> None:
        self.path, self.manifest, self._run = Path(path), manifest, manifest.run.encode()
        name = rf"part-(\d{{5}})-of-{manifest.shards:05}\.([0-9a-f]{{16}})\.{manifest.extension}"
        self._name = re.compile(name, flags=re.ASCII)

    def open(self, shards: Iterable[int]) -> None:
        """Make the folder and its manifest, or see that they belong to this run; clear away what was left half written.

        Args:
            shards: which are to be made. Of others nothing is cleared away: somebody may be writing them just now.

        Raises:
            OSError: if it cannot be made, or is no folder.
            ValueError: if it belongs to another run, or its manifest is damaged.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"{self.path} is a file; name a folder")
        if not (self.path / NAME).exists():
            with _unless(*_CLEARED):  # then another call was quicker: it clears away only once the manifest is there
                self.manifest.write(self.path)
        self.manifest.check(self.path)
        ours = {f".part-{shard:05}-of-{self.manifest.shards:05}." for shard in shards}
        for left in self.path.glob(".*.tmp"):  # however young: whoever is writing the same shard just now writes again
            if left.name.startswith(f".{NAME}.") or left.name[: len(".part-00003-of-00010.")] in ours:
                with suppress(OSError):
                    left.unlink()

    def write(self, shard: int, content: bytes) -> Path:
        """Write a shard's part, atomically, and return its path."""
        name = f"part-{shard:05}-of-{self.manifest.shards:05}.{self._checksum(shard, [content])}"
        path = self.path / f"{name}.{self.manifest.extension}"
        for attempt in range(_AGAIN):
            with _unless(*_CLEARED if attempt < _AGAIN - 1 else ()):
                with replace_atomically(path) as temporary:
                    temporary.write_bytes(content)
                break
        return path

    def tidy(self, shards: Iterable[int]) -> None:
        """Remove what bears the name of a finished shard beside its part: damaged ones, or of other bytes.

        Where a task's bytes were not the same twice, the longest part is kept, and among equals the first name: every
        process would choose this one, and what was made further counts.
        """
        for paths in self._candidates(shards).values():
            kept = self._chosen(paths) if len(paths) > 1 else None
            for path in paths:
                if kept and path != kept:
                    path.unlink(missing_ok=True)

    def look(self, shards: Iterable[int] | None = None) -> Status:
        """Read the parts of these shards, or of all, and say which are finished, missing and damaged."""
        there = self._candidates(range(self.manifest.shards) if shards is None else shards)
        whole = {shard: self._chosen(paths) for shard, paths in there.items()}
        return Status(
            n_shards=self.manifest.shards,
            finished={shard: path for shard, path in whole.items() if path},
            missing=tuple(shard for shard, paths in there.items() if not paths),
            damaged=tuple(shard for shard, paths in there.items() if paths and not whole[shard]),
        )

    def _candidates(self, shards: Iterable[int]) -> dict[int, list[Path]]:
        """Return the files that bear the name of each shard, in order."""
        there: dict[int, list[Path]] = {shard: [] for shard in shards}
        for path in sorted(self.path.iterdir()):
            found = self._name.fullmatch(path.name)
            if found and int(found[1]) in there:
                there[int(found[1])].append(path)
        return there

    def _chosen(self, paths: Iterable[Path]) -> Path | None:
        """Return the whole one of several files that bear the name of a shard."""
        whole = [(path.stat().st_size, path) for path in paths if self._is_whole(path)]
        return max(whole, key=lambda pair: pair[0])[1] if whole else None

    def _is_whole(self, path: Path) -> bool:
        found = self._name.fullmatch(path.name)
        try:
            return found is not None and found[2] == self._checksum(int(found[1]), _blocks(path))
        except FileNotFoundError:  # another process has just made it anew, or removed it
            return False

    def _checksum(self, shard: int, content: Iterable[bytes]) -> str:
        digest = hashlib.sha256(self._run + b" %d\n" % shard)
        for block in content:
            digest.update(block)
        return digest.hexdigest()[:16]


@contextmanager
def _unless(*numbers: int) -> Iterator[None]:
    """Pass over an error of the system that has one of these numbers."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            yield block


def status(folder: str | Path) -> Status:
    """Say of a run's folder which shards are finished, missing and damaged. Every part is read.

    Raises:
        FileNotFoundError: if the folder holds no run.
        ValueError: if its manifest is damaged.
    """
    return Folder(folder, read(folder)).look()


def join(folder: str | Path) -> Iterator[Path]:
    """Return the parts of a finished run, in the order of the shards. Every part is read once to see that it is whole.

    Raises:
        FileNotFoundError: if the folder holds no run, or if parts are missing or damaged.
        ValueError: if its manifest is damaged.
    """
    now = status(folder)
    if len(now.finished) < now.n_shards:
        raise FileNotFoundError(
            f"{folder} is not complete: {now}; start the same command with the same folder again, which makes only "
            "what is not there (--workers N on this machine, --shard i/n to share it among several)"
        )
    return iter(now.finished.values())
