"""Shards on one machine: in this process, or in several that are started anew, so that nothing is inherited by chance.

Each worker is a process with a pipe of its own. So it is known whose shard is lost when a worker dies, the others work
on, and none outlives the process that started it, however that one ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler

from sdg_lab.shards.tasks import MAX_DEATHS, Job, Outcome, Task, attempt, function_of, name_of

PATIENCE = 5.0
"""Seconds in which an idle worker may end by itself, and give back semaphores, which Python would miss aloud."""

_CONTEXT = multiprocessing.get_context("spawn")  # the same on every system; a fork of a process with threads may hang


def here(task: Task, jobs: Sequence[Job]) -> Generator[Outcome]:
    """Do the jobs one after another in this process. Any function will do."""
    for shard, seed in jobs:
        yield attempt(task, shard, seed)


def in_processes(task: Task, jobs: Sequence[Job], workers: int) -> Generator[Outcome]:
    """Do the jobs in worker processes; yield outcomes as they come. Closing the iterator ends the workers at once.

    A worker that dies (killed, or out of memory) is replaced and its shard done again, at most three times. The workers
    keep this process's policy of threads (:mod:`sdg_lab.threads`): one each, unless somebody asked for more.

    Raises:
        ValueError: if the task cannot be sent to another process: it is a lambda, stands in another function or in a
            notebook, or the module that holds it cannot be imported there.
    """
    _check_sendable(task)
    queue, deaths = deque(jobs), Counter[int]()
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []
    try:
        while queue or busy:
            while queue and len(busy) < workers:
                worker = idle.pop() if idle else _Worker(task)
                busy[worker.connection] = worker
                worker.give(queue.popleft())
            outcomes = []
            for worker in [busy[connection] for connection in busy.keys() & set(wait(list(busy)))]:
                outcome = worker.take()
                del busy[worker.connection]
                if outcome is not None:
                    idle.append(worker)
                else:
                    how, job = worker.bury(), worker.job
                    deaths[job[0]] += 1
                    if deaths[job[0]] < MAX_DEATHS:
                        queue.append(job)
                        continue
                    outcome = Outcome(job[0], error=f"its worker died {MAX_DEATHS} times ({how})")
                outcomes.append(outcome)
            while queue and idle:  # they work while the caller writes parts to the disk
                worker = idle.pop()
                busy[worker.connection] = worker
                worker.give(queue.popleft())
            yield from outcomes
    finally:
        for worker in idle:
            worker.dismiss()
        for worker in [*busy.values(), *idle]:
            worker.kill()


def _check_sendable(task: Task) -> None:
    """Refuse, before any process is started, what another process could not find."""
    function = function_of(task)
    if getattr(function, "__module__", "") == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        raise ValueError(
            f"the task {name_of(task)} was defined in a notebook or typed in, where worker processes cannot see it; "
            "write it into a .py file and import it from there, or take workers=1"
        )
    try:
        ForkingPickler.dumps(task)
    except Exception as error:  # it may hold anything
        raise ValueError(
            f"the task {name_of(task)} cannot be sent to worker processes ({error}); define it at the top level of a "
            ".py file and give what it needs by functools.partial, or take workers=1"
        ) from None


class _Worker:
    """A process that does one job after another."""

    def __init__(self, task: Task) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        self.job: Job = (-1, 0)
        self._task: Task | None = task
        self._process = _CONTEXT.Process(target=_serve, args=(theirs,), name="shards")
        self._process.start()
        theirs.close()  # now only the worker holds it, and its death is seen as the end of the pipe

    def give(self, job: Job) -> None:
        """Send a job. If the worker is dead, :meth:`take` will say so."""
        self.job = job
        try:
            if self._task is not None:  # through the pipe, so that a worker that cannot load it lives to say so
                self.connection.send(self._task)
                self._task = None
            self.connection.send(job)
        except OSError:
            pass

    def take(self) -> Outcome | None:
        """Receive what came of the job; None if the worker died."""
        try:
            said = self.connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(said, str):
            raise ValueError(
                f"the worker processes cannot load the task ({said}); define it at the top level of a file that can be "
                "imported, or take workers=1"
            )
        assert isinstance(said, Outcome)
        return said

    def bury(self) -> str:
        """Say how a dead worker ended."""
        self._process.join(timeout=1.0)
        self.kill()
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}; a script that starts workers does so below if __name__ == '__main__':"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{name}: was it out of memory?" if name == "SIGKILL" else name

    def dismiss(self) -> None:
        """Tell an idle worker that there is no more to do, so that it ends by itself and gives back what it holds."""
        self.connection.close()

    def kill(self) -> None:
        if self.connection.closed:
            self._process.join(timeout=PATIENCE)
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(connection: Connection) -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        task: Task = connection.recv()
    except (EOFError, OSError):
        return
    except Exception as error:  # whatever importing the task's module raised
        connection.send(f"{type(error).__name__}: {error}")
        return
    while True:
        try:
            shard, seed = connection.recv()
            connection.send(attempt(task, shard, seed))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    """End this process in the middle of its work when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
