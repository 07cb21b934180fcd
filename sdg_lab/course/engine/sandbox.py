"""Call somebody's function so that nothing it does outlives the call: time, output, exits, and global state."""

from __future__ import annotations

import ctypes
import io
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

SHOWN = 2_000
"""Characters of output that a student sees."""

MOST_PRINTED = 100_000
"""A function that prints more is stopped."""


class Stopped(BaseException):
    """The function was stopped. Not an Exception: ``except Exception`` in a student's loop must not keep it alive."""


class Sandbox:
    """Runs calls under one allowance of seconds and of output.

    Args:
        seconds: how long all calls together may take.
    """

    def __init__(self, seconds: float) -> None:
        self._allowed = self._left = seconds
        self._output = _Output()
        self.changed: list[str] = []
        """What of the interpreter's global state the calls have changed, in words; it was put back."""

    @property
    def printed(self) -> str:
        """What was printed so far, cut where it is long."""
        return self._output.shown()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Run the body; a :class:`Stopped` says why it was ended, anything else that it raises is passed on."""
        torch = sys.modules.get("torch")
        begin = time.monotonic()
        try:
            with (
                torch.enable_grad() if torch else nullcontext(),  # whatever the notebook has set
                _unchanged(self.changed),
                redirect_stdout(self._output),
                redirect_stderr(self._output),
                warnings.catch_warnings(),
                _alarm(self._left, f"it ran longer than {self._allowed:g} seconds; does a loop never end?"),
            ):
                warnings.simplefilter("ignore")
                yield
        except SystemExit:
            raise Stopped("it called exit, which would have ended the whole notebook; return a value instead") from None
        finally:
            self._left = max(self._left - (time.monotonic() - begin), 0.01)


class _Output(io.TextIOBase):
    """Keeps the beginning of what is printed, and ends whatever prints without end."""

    def __init__(self) -> None:
        self._kept = ""
        self._total = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._kept += text[: SHOWN - len(self._kept)]
        self._total += len(text)
        if self._total > MOST_PRINTED:
            raise Stopped(f"it printed more than {MOST_PRINTED // 1000} kB; take the print out of the loop")
        return len(text)

    def shown(self) -> str:
        cut = self._total - len(self._kept)
        return self._kept.rstrip() + (f"\n... and {cut:,} characters more" if cut else "")


@contextmanager
def _unchanged(changed: list[str]) -> Iterator[None]:
    """Put the global state back behind the body, and note what of it was changed."""
    before = [(words, get(), get, put) for words, get, put in _state()]
    try:
        yield
    finally:
        for words, value, get, put in before:
            if repr(get()) != repr(value):
                put(value)
                if words not in changed:
                    changed.append(words)


State = tuple[str, Callable[[], Any], Callable[[Any], Any]]


def _state() -> Iterator[State]:
    """Yield each part of the global state in words, with how it is read and put back."""
    yield "Python's global random state (use random.Random(seed))", random.getstate, random.setstate
    yield (
        "numpy's global random state (use np.random.default_rng(seed))",
        lambda: _Legible(np.random.get_state()),  # noqa: NPY002
        lambda state: np.random.set_state(state.value),  # noqa: NPY002
    )
    yield "numpy's settings for errors (use with np.errstate(...))", np.geterr, lambda state: np.seterr(**state)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        yield (
            "torch's global random state (use torch.Generator().manual_seed(seed))",
            lambda: _Legible(torch.get_rng_state()),
            lambda state: torch.set_rng_state(state.value),
        )
        yield "torch's default dtype", torch.get_default_dtype, torch.set_default_dtype
        gradients = "whether torch records gradients (use with torch.no_grad())"
        yield gradients, torch.is_grad_enabled, torch.set_grad_enabled


class _Legible:
    """A state with an array in it, which is compared by every number of it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        parts = self.value if isinstance(self.value, tuple) else (self.value,)
        return repr([np.asarray(part).tobytes() if np.ndim(part) else part for part in parts])


@contextmanager
def _alarm(seconds: float, sentence: str) -> Iterator[None]:
    """Raise :class:`Stopped` in the body once the time is over, and again while the body lives on."""
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        yield from _by_signal(seconds, sentence)
    else:
        yield from _by_thread(seconds, sentence)


_AGAIN = 0.2
"""Seconds until a body that caught the first one is stopped once more."""


def _by_signal(seconds: float, sentence: str) -> Iterator[None]:
    running = True

    def ring(number: int, frame: Any) -> None:
        if running:
            raise Stopped(sentence)

    handler = signal.signal(signal.SIGALRM, ring)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    begin = time.monotonic()
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if remaining:  # somebody else's alarm, a test runner's for instance: it still rings
            signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - begin), 0.001), interval)


def _by_thread(seconds: float, sentence: str) -> Iterator[None]:
    """Have another thread raise: on Windows, and for a check that does not run in the main thread."""
    here = ctypes.c_ulong(threading.get_ident())
    late, done, lock = threading.Event(), threading.Event(), threading.Lock()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    late.set()
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(Stopped))
            wait = _AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Stopped as stopped:  # one that was raised from outside has no message
        raise Stopped(sentence) if late.is_set() and not stopped.args else stopped from None
    finally:
        with lock:
            done.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(here, None)
        watcher.join()
