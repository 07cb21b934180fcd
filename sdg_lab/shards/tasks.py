"""One attempt at one shard: its bytes, or in words what went wrong."""

from __future__ import annotations

import errno
import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Task = Callable[[int, int], bytes]
"""``task(shard, seed)`` returns the bytes of a part, which depend on these two numbers and on nothing else: not on the
time, the machine, an earlier call, a global random state that it has not seeded itself, or the order of a set of texts,
which is another one in each process."""

Job = tuple[int, int]
"""A shard and its seed."""

MAX_DEATHS = 3
"""A shard during which so many workers have died is given up: most likely it needs more memory than there is."""


@dataclass(frozen=True)
class Outcome:
    """What came of a shard.

    Attributes:
        content: the part; None where there is none.
        error: why there is none, in one line.
        details: the traceback, as text: an exception itself may not survive the way between processes.
    """

    shard: int
    content: bytes | None = None
    error: str = ""
    details: str = ""


def attempt(task: Task, shard: int, seed: int) -> Outcome:
    """Call a task. What it raises, an attempt to exit included, becomes an outcome; only Ctrl-C is passed on."""
    try:
        content: Any = task(shard, seed)
        if not isinstance(content, (bytes, bytearray, memoryview)):
            kind = type(content).__name__
            return Outcome(shard, error=f"the task must return bytes, got {kind}; encode it, as text.encode() does")
        return Outcome(shard, bytes(content))
    except OSError as error:
        return Outcome(shard, error=system_error(error), details=traceback.format_exc())
    except (Exception, SystemExit) as error:
        kind, text = type(error).__name__, str(error).strip()
        return Outcome(shard, error=f"{kind}: {text}" if text else kind, details=traceback.format_exc())


_REMEDIES = {
    errno.ENOENT: "is not there; see how it is spelt",
    errno.EACCES: "may not be read or written by you; choose another place, or ask its owner",
    errno.EPERM: "may not be read or written by you; choose another place, or ask its owner",
    errno.EROFS: "lies on a disk that can only be read; choose another place",
    errno.ENOTDIR: "is no folder, or lies below a file; name a folder",
    errno.EEXIST: "is there already, and is no folder; name a folder",
    errno.EISDIR: "is a folder; name a file",
    errno.ENOSPC: "cannot be written: the disk is full; make room, and the same command goes on",
    errno.EDQUOT: "cannot be written: your share of the disk is full; make room, and the same command goes on",
    errno.ENAMETOOLONG: "has a longer name than the disk allows; take a shorter one",
}


def system_error(error: OSError) -> str:
    """Return what an error of the system means in a sentence: which path, what is wrong with it, what to do."""
    if error.errno is None:  # our own sentence
        return str(error)
    where = error.filename or "a file"
    return f"{where} {_REMEDIES.get(error.errno, f'cannot be used ({error.strerror}); choose another place')}"


def name_of(task: Task) -> str:
    """Return a task's name for a sentence."""
    function = function_of(task)
    return str(getattr(function, "__qualname__", type(function).__name__))


def function_of(task: Task) -> Any:
    """Return the function below any ``functools.partial``."""
    function: Any = task
    while isinstance(function, functools.partial):
        function = function.func
    return function
