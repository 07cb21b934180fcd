"""Copies of the tree in which a fault is tried, one test process at a time in each, forked from one that is warm.

Importing torch takes longer than most tests. The runner imports what the tests need from elsewhere once; each process
is then a fork that imports this project alone, so it sees the fault in its own copy and nobody else does.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COPIED = ("sdg_lab", "papers", "tests", "benchmarks", "notebooks", "pyproject.toml", "README.md")
MEMORY = 8 * 2**30
"""Bytes that a fault may ask for beyond what the runner itself holds."""


@dataclass
class Job:
    """A piece of work for one process.

    Attributes:
        work: runs in the fork, in the copy; what it returns is the exit status.
        seconds: of the processor, after which it is stopped; of the clock it may take ten times as many.
        file: source that is other than it was, with its bytes, if any.
        about: what the job is about; kept for whoever gave it.
        status: how it ended; negative: which signal stopped it.
    """

    work: Callable[[], int]
    seconds: float
    file: str = ""
    content: bytes = b""
    about: Any = None
    status: int = 0
    begin: float = field(default=0.0)


class Trees:
    """As many copies as run side by side."""

    def __init__(self, source: Path, folder: Path, n: int) -> None:
        self.pristine = folder / "pristine"
        for name in filter(lambda name: (source / name).exists(), COPIED):
            _copy(source / name, self.pristine / name)
        self.free = [folder / f"tree{index}" for index in range(n)]
        for tree in self.free:
            _copy(self.pristine, tree)
        self.running: dict[int, tuple[Path, Job]] = {}

    def run(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Do the jobs side by side; yield each when it has ended."""
        for job in jobs:
            while not self.free:
                yield from self._ended()
            self._start(job)
        while self.running:
            yield from self._ended()

    def stop(self) -> None:
        """End what is running."""
        for child in self.running:
            _kill(child)

    def _start(self, job: Job) -> None:
        tree = self.free.pop()
        if job.file:
            self._put(tree / job.file, job.content)
        job.begin = time.monotonic()
        child = os.fork()
        if child == 0:
            _become(tree, job)
        self.running[child] = (tree, job)

    def _ended(self) -> list[Job]:
        """Look for what has ended, after a moment."""
        time.sleep(0.02)
        ended = []
        for child, (tree, job) in list(self.running.items()):
            if time.monotonic() - job.begin > 30 + 10 * job.seconds:
                _kill(child)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                _kill(child)  # whatever it has started
                job.status = os.waitstatus_to_exitcode(status)
                if job.file:
                    self._put(tree / job.file, (self.pristine / job.file).read_bytes())
                del self.running[child]
                self.free.append(tree)
                ended.append(job)
        return ended

    @staticmethod
    def _put(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):  # two texts may share second and size
            compiled.unlink()


def _become(tree: Path, job: Job) -> None:
    """Be the process that does the job; never return."""
    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        seconds = int(job.seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        if sys.platform == "linux":
            held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        sys.path.insert(0, str(tree))
        status = job.work()
    finally:
        os._exit(status)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _kill(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
