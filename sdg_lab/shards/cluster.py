"""Shards on a Dask cluster: the workers compute, this process writes.

The bytes of a part travel to the process that started the run, and that one alone touches its folder. So the machines
need no common disk; they need this package in the same version, and whatever files the task reads.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Sequence
from typing import Any, TypeAlias

from sdg_lab import __version__
from sdg_lab.shards.tasks import MAX_DEATHS, Job, Outcome, Task, attempt, name_of

Client: TypeAlias = Any
Future: TypeAlias = Any
"""Of ``distributed``, which is imported where it is used and is typed by halves."""

PATIENCE = 60.0
"""Seconds for which a cluster may be without any worker: so long a supervisor may take to start new ones."""

_CONNECT = 10.0
"""Seconds within which a scheduler must answer."""

_LOOK = 5.0
"""Seconds between two looks at whether anybody is still working."""

_ALONE = threading.Lock()


def on_dask(task: Task, jobs: Sequence[Job], address: str) -> Generator[Outcome]:
    """Do the jobs on the cluster whose scheduler is at ``address``; yield outcomes as they come.

    Dask itself gives the work of a worker that dies to another one, until several have died during a shard (by the
    scheduler's ``allowed-failures``, 3 unless set). Which of the shards at hand it was that killed them Dask cannot
    tell: each is tried once more, alone, and given up if that fails too. A task that raises would raise again, so it
    is not retried.
    Only as many shards as there is room for are on the way, so results do not pile up in the cluster's memory.

    Functions of a notebook may be tasks: Dask sends them by value. A task should be small: let it name the file of a
    model, rather than hold its weights.

    Raises:
        ConnectionError: if no scheduler answers, or if there is no worker for a minute.
        ModuleNotFoundError: if ``distributed`` is not installed; the sentence says what brings it.
    """
    import distributed

    library: Any = distributed
    try:
        client = library.Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address!r} ({_in_one_line(error)}); start one with `dask scheduler` and "
            "give the address that it prints, such as tcp://127.0.0.1:8786"
        ) from None
    queue, pending, losses = deque(jobs), dict[Future, Job](), Counter[int]()
    suspects, alone = deque[Job](), set[Job]()
    last_seen = time.monotonic()
    try:
        while queue or pending or suspects:
            if not queue and not pending:
                job = suspects.popleft()
                alone.add(job)
                queue.append(job)
            room = 2 * max(1, sum(_threads(client, address).values()))  # one at work, one at hand
            while queue and len(pending) < room:
                job = queue.popleft()
                pending[_submit(client, task, job)] = job
            try:
                done = library.wait(list(pending), timeout=_LOOK, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                done = set()
            except Exception:  # some were lost with the scheduler's memory of them; each says so itself
                done = {future for future in pending if future.done()}
            if _threads(client, address):
                last_seen = time.monotonic()
            elif not done and time.monotonic() - last_seen > PATIENCE:
                raise ConnectionError(
                    f"the Dask cluster at {address!r} has no workers; start some with `dask worker {address}`"
                )
            for future in done:
                job = pending.pop(future)
                if job not in alone and _is_suspect(future):
                    suspects.append(job)
                    continue
                outcome = _outcome(future, job)
                if outcome is None:
                    losses[job[0]] += 1
                    if losses[job[0]] < MAX_DEATHS:
                        queue.append(job)
                        continue
                    outcome = Outcome(job[0], error=f"the cluster lost it {MAX_DEATHS} times")
                yield outcome
    finally:
        if client.status == "running":
            client.cancel(list(pending), force=True)
        client.close(timeout=_CONNECT)


def _submit(client: Client, task: Task, job: Job) -> Future:
    try:
        return client.submit(_on_worker, task, *job, __version__, pure=False)
    except TypeError as error:
        raise ValueError(f"the task {name_of(task)} cannot be sent to the cluster ({_in_one_line(error)})") from None


def _is_suspect(future: Future) -> bool:
    """Return whether workers died while they had this job, though perhaps by another one that was beside it."""
    from distributed import KilledWorker

    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def _outcome(future: Future, job: Job) -> Outcome | None:
    """Return what came of a job; None if it got lost on the way and is worth another try."""
    from distributed import KilledWorker

    try:
        outcome: Outcome = future.result()
    except KilledWorker as error:
        return Outcome(job[0], error=f"its worker died again and again ({_in_one_line(error)})")
    except Exception as error:
        if future.status in ("cancelled", "lost"):
            return None
        return Outcome(job[0], error=f"{type(error).__name__}: {_in_one_line(error)}")
    return outcome


def _threads(client: Client, address: str) -> dict[str, int]:
    """Return the threads of each worker."""
    try:
        threads: dict[str, int] = client.nthreads()
    except Exception as error:
        raise ConnectionError(
            f"the Dask scheduler at {address!r} is gone ({_in_one_line(error)}); start the same run again: finished "
            "parts are kept"
        ) from None
    return threads


def _on_worker(task: Task, shard: int, seed: int, version: str) -> Outcome:
    """Do one job on a worker: one at a time in a process, for threads would share its random state."""
    if version != __version__:
        return Outcome(
            shard, error=f"the worker has sdg_lab {__version__}, this run {version}; install the same everywhere"
        )
    with _ALONE:
        return attempt(task, shard, seed)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
