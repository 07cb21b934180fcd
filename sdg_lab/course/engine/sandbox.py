"""Call somebody's function so that nothing it does outlives the call: time, output, exits, and global state."""

from __future__ import annotations

import ctypes
import io
import os
import random
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
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
        alarm = _Alarm(self._left, f"it ran longer than {self._allowed:g} seconds; does a loop never end?")
        begin = time.monotonic()
        try:
            with (
                torch.enable_grad() if torch else nullcontext(),  # whatever the notebook has set
                _unchanged(self.changed),
                redirect_stdout(self._output),
                redirect_stderr(self._output),
                warnings.catch_warnings(),
                alarm.set(),
            ):
                warnings.simplefilter("ignore")
                yield
        except SystemExit:
            raise Stopped("it called exit, which would have ended the whole notebook; return a value instead") from None
        finally:
            if not alarm.importing:  # a call that had to import something is not charged for it
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
    loaded = len(sys.modules)
    modules = [(module, vars(module).copy()) for name in _SHARED if (module := sys.modules.get(name))]
    try:
        yield
    finally:
        for module, names in modules:  # first: what follows calls them
            changed.extend(words for words in _restore(module, names) if words not in changed)
        for words, value, get, put in before:
            if repr(get()) != repr(value):
                put(value)
                by_import = "random state" in words and len(sys.modules) > loaded  # some libraries draw when they load
                if words and words not in changed and not by_import:
                    changed.append(words)


_SHARED = ("math", "numpy", "torch", "torch.nn.functional")
"""Modules whose functions an answer might replace, which every later check calls."""


def _restore(module: types.ModuleType, names: dict[str, Any]) -> Iterator[str]:
    """Put back what a module held, and yield in words what somebody replaced; what is new, a submodule say, is left."""
    now = vars(module)
    for name, value in names.items():
        other = now.get(name)
        if other is not value and not name.startswith("_"):
            now[name] = value
            # torch.Storage follows the default dtype, and torch wraps torch.manual_seed when it loads its compiler.
            own = isinstance(other, types.FunctionType | type) and str(other.__module__).startswith(module.__name__)
            if not own:
                yield f"{module.__name__}.{name} (give what is yours a name of its own)"


State = tuple[str, Callable[[], Any], Callable[[Any], Any]]


def _state() -> Iterator[State]:
    """Yield each part of the global state in words, with how it is read and put back.

    Without words it is put back and nothing is said: an answer may well set it, and no other answer depends on it.
    """
    yield "", sys.getrecursionlimit, sys.setrecursionlimit
    yield "", os.getcwd, os.chdir
    yield "", np.get_printoptions, lambda options: np.set_printoptions(**options)
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


_AGAIN = 0.1
"""Seconds until a body that caught the first one is stopped once more."""

_ENGINE = str(Path(__file__).parent)
"""Where frames begin that are not the student's."""

_LONGEST_IMPORT = 120.0
"""Seconds for which an import is left in peace."""


class _Alarm:
    """Raises :class:`Stopped` in a body once its time is over, and again while the body lives on.

    An import is never broken off: half of a library in C cannot be imported again. It has its own time.
    """

    def __init__(self, seconds: float, sentence: str) -> None:
        self.seconds, self.sentence = seconds, sentence
        self.importing = 0.0
        """Seconds that were left to imports."""

    @contextmanager
    def set(self) -> Iterator[None]:
        """Watch over the body."""
        in_main = threading.current_thread() is threading.main_thread()
        yield from self._by_signal() if in_main and hasattr(signal, "setitimer") else self._by_thread()

    def _spares(self, frame: types.FrameType | None) -> bool:
        """Tell whether the body is importing something, and note that it gets its time once more for it."""
        while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
            frame = frame.f_back
        spared = frame is not None and self.importing < _LONGEST_IMPORT
        self.importing += self.seconds if spared else 0.0
        return spared

    def _by_signal(self) -> Iterator[None]:
        running, rung, tracer = True, 0, sys.gettrace()
        traced: list[tuple[types.FrameType, Any]] = []

        def ring(number: int, frame: types.FrameType | None) -> None:
            nonlocal rung
            if not running:
                return
            if self._spares(frame):  # what follows the import has the whole time
                signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
                return
            rung += 1
            if rung % 2 == 0:  # the body caught the last one, so this one is raised where no try may stand around it
                traced.extend(self._raise_at_the_next_line(frame))
            else:
                raise Stopped(self.sentence)

        handler = signal.signal(signal.SIGALRM, ring)
        remaining, interval = signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
        begin = time.monotonic()
        try:
            yield
        finally:
            running = False
            if traced:
                for frame, before in reversed(traced):
                    frame.f_trace = before
                sys.settrace(tracer)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if remaining:  # somebody else's alarm, a test runner's for instance: it still rings
                signal.setitimer(signal.ITIMER_REAL, max(remaining - (time.monotonic() - begin), 0.001), interval)

    def _raise_at_the_next_line(self, frame: types.FrameType | None) -> list[tuple[types.FrameType, Any]]:
        """Have the body stopped when it goes on to another line, such as the head of its loop; return what was set."""
        traced = []

        def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
            if event == "line":
                raise Stopped(self.sentence)

        while frame is not None and not frame.f_code.co_filename.startswith(_ENGINE):
            traced.append((frame, frame.f_trace))
            frame.f_trace = trace
            frame = frame.f_back
        sys.settrace(trace)
        return traced

    def _by_thread(self) -> Iterator[None]:
        """Have another thread raise: on Windows, and for a check that does not run in the main thread."""
        here = threading.get_ident()
        late, done, lock = threading.Event(), threading.Event(), threading.Lock()
        traced: list[tuple[types.FrameType, Any]] = []
        tracer = sys.gettrace()

        class Again(Stopped):
            """What a body that caught the first one gets: it is made in the body's own thread, where a trace is set."""

            def __init__(this) -> None:
                traced.extend(self._raise_at_the_next_line(sys._getframe(1)))

        def raise_there(error: type[BaseException] | None) -> None:
            what = None if error is None else ctypes.py_object(error)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(here), what)

        def watch() -> None:
            wait = self.seconds
            while not done.wait(wait):
                with lock:
                    if done.is_set():
                        return
                    wait = _AGAIN
                    if self._spares(sys._current_frames().get(here)):
                        wait = self.seconds
                        continue
                    error = Again if late.is_set() else Stopped
                    late.set()
                    raise_there(error)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        except Stopped as stopped:  # one that was raised from outside has no message
            raise Stopped(self.sentence) if late.is_set() and not stopped.args else stopped from None
        finally:
            with lock:
                done.set()
                raise_there(None)
            if traced:
                for frame, before in reversed(traced):
                    frame.f_trace = before
                sys.settrace(tracer)
            watcher.join()
