"""A Dask cluster makes the same bytes as one process, with workers killed in mid-run; its loss is said."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sdg_lab import shards
from sdg_lab.shards import ShardsFailed, cluster
from tests.shards.folders import N_SHARDS, RUN, contents, finished_run
from tests.shards.tasks import draw, draw_slowly, fail_at

NEVER = "tcp://127.0.0.1:9"
"""No scheduler is there."""


def test_on_one_worker_one_task_runs_at_a_time():
    """Threads of a worker would share torch's and numpy's global random state."""
    inside, most = [0], [0]

    def watched(shard: int, seed: int) -> bytes:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        inside[0] -= 1
        return b""

    arguments = (watched, 0, 0, cluster.__version__)
    threads = [threading.Thread(target=cluster._on_worker, args=arguments) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert most == [1]


def test_a_worker_of_another_version_is_refused():
    outcome = cluster._on_worker(draw, 1, 2, "0.0.1")
    assert outcome.content is None
    assert outcome.error.endswith("this run 0.0.1; install the same everywhere")


def test_where_nothing_is_to_do_no_cluster_is_asked(tmp_path: Path):
    finished_run(tmp_path)
    assert len(shards.run(draw, N_SHARDS, tmp_path, dask=NEVER, **RUN).kept) == N_SHARDS


@pytest.mark.slow
@pytest.mark.parametrize("address", [NEVER, "nonsense://here", "127.0.0.1:notaport"])
def test_an_address_where_nobody_answers_is_said(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "_CONNECT", 0.5)
    with pytest.raises(
        ConnectionError, match=rf"no Dask scheduler answers at '{address}' .*start one with `dask sched"
    ):
        shards.run(draw, N_SHARDS, tmp_path, dask=address, **RUN)


def local_cluster(**options: Any) -> Any:
    from distributed import LocalCluster

    here = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    return LocalCluster(threads_per_worker=1, processes=True, **here, **options)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    with local_cluster(n_workers=2) as local:
        yield local


@pytest.mark.slow
def test_a_cluster_makes_the_same_bytes(two_workers: Any, tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")
    report = shards.run(draw, N_SHARDS, tmp_path / "run", dask=two_workers.scheduler_address, **RUN)
    assert len(report.made) == N_SHARDS
    assert contents(tmp_path / "run") == wanted


@pytest.mark.slow
def test_a_function_of_a_notebook_reaches_the_cluster(two_workers: Any, tmp_path: Path):
    number = 3
    local: Any = lambda shard, seed: b"%d" % (number * shard)  # noqa: E731
    shards.run(local, 4, tmp_path, dask=two_workers.scheduler_address, **RUN)
    assert [path.read_bytes() for path in shards.join(tmp_path)] == [b"0", b"3", b"6", b"9"]


@pytest.mark.slow
def test_a_task_that_raises_on_a_cluster_is_reported_with_its_shard(two_workers: Any, tmp_path: Path):
    with pytest.raises(ShardsFailed, match="shard 2: ArithmeticError: no numbers for 2") as failed:
        shards.run(functools.partial(fail_at, (2,)), N_SHARDS, tmp_path, dask=two_workers.scheduler_address, **RUN)
    assert 'raise ArithmeticError(f"no numbers for {shard}")' in failed.value.__notes__[0]
    assert shards.status(tmp_path).missing == (2,)


@pytest.mark.slow
def test_a_task_that_cannot_be_sent_is_said(two_workers: Any, tmp_path: Path):
    lock = threading.Lock()
    with pytest.raises(ValueError, match="cannot be sent to the cluster"):
        shards.run(lambda shard, seed: lock and b"", 2, tmp_path, dask=two_workers.scheduler_address, **RUN)


@pytest.mark.slow
def test_a_cluster_whose_worker_is_killed_in_mid_run_makes_the_same_bytes(two_workers: Any, tmp_path: Path):
    shards.run(draw, 30, tmp_path / "wanted", **RUN)
    killed: list[int] = []

    def kill_one() -> None:
        while len(parts := list((tmp_path / "run").glob("part-*"))) < 4:
            time.sleep(0.01)
        worker = next(iter(two_workers.workers.values()))
        pid = worker.pid  # the nanny forgets it as soon as the process is gone
        os.kill(pid, signal.SIGKILL)
        killed.extend([len(parts), pid])

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    task = functools.partial(draw_slowly, 0.1)
    report = shards.run(task, 30, tmp_path / "run", dask=two_workers.scheduler_address, **RUN)
    killer.join(timeout=10)
    assert killed[0] < 20, "it was not killed in mid-run"
    assert not psutil.pid_exists(killed[1])
    assert len(report.made) == 30
    assert contents(tmp_path / "run") == contents(tmp_path / "wanted")


@pytest.mark.slow
def test_shards_that_the_cluster_forgets_are_sent_again(two_workers: Any, tmp_path: Path):
    from distributed import Client

    shards.run(draw, 20, tmp_path / "wanted", **RUN)

    def restart() -> None:
        while len(list((tmp_path / "run").glob("part-*"))) < 4:
            time.sleep(0.01)
        with Client(two_workers.scheduler_address, set_as_default=False) as somebody_else:
            somebody_else.restart()

    restarter = threading.Thread(target=restart, daemon=True)
    restarter.start()
    task = functools.partial(draw_slowly, 0.1)
    assert len(shards.run(task, 20, tmp_path / "run", dask=two_workers.scheduler_address, **RUN).made) == 20
    restarter.join(timeout=30)
    assert contents(tmp_path / "run") == contents(tmp_path / "wanted")


def kill_worker(wrong: int, shard: int, seed: int) -> bytes:
    if shard == wrong:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(shard, seed)


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_of_a_cluster_is_given_up(tmp_path: Path):
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        local_cluster(n_workers=2) as local,
        pytest.raises(ShardsFailed, match="shard 3: its worker died again and again"),
    ):
        shards.run(functools.partial(kill_worker, 3), N_SHARDS, tmp_path, dask=local.scheduler_address, **RUN)
    assert set(shards.status(tmp_path).finished) >= set(range(N_SHARDS)) - {3}


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A scheduler in a process of its own, without workers."""
    import json

    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(tmp_path / "where.json")]
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *options], stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 30
    while not (tmp_path / "where.json").exists() and time.monotonic() < end:
        time.sleep(0.05)
    try:
        yield json.loads((tmp_path / "where.json").read_text())["address"], process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_cluster_without_workers_is_said(scheduler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    monkeypatch.setattr(cluster, "_LOOK", 0.2)
    with pytest.raises(ConnectionError, match=f"has no workers; start some with `dask worker {scheduler[0]}`"):
        shards.run(draw, N_SHARDS, tmp_path / "run", dask=scheduler[0], **RUN)


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_said(scheduler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "_LOOK", 0.2)
    monkeypatch.setattr(cluster, "_CONNECT", 2.0)
    threading.Timer(1.5, scheduler[1].kill).start()
    with pytest.raises(ConnectionError, match=r"is gone .*start the same run again: finished parts are kept"):
        shards.run(draw, N_SHARDS, tmp_path / "run", dask=scheduler[0], **RUN)
