"""Any number of worker processes makes the same bytes, whoever of them is killed, and none outlives its parent."""

import functools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from sdg_lab import shards
from sdg_lab.shards import ShardsFailed
from tests.shards.folders import N_SHARDS, RUN, contents, finished_run
from tests.shards.tasks import die_at, draw, say_who

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0
"""Seconds; a test that waits so long has failed."""


def wait_until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def names(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


def test_a_worker_makes_the_same_bytes(tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")
    shards.run(draw, N_SHARDS, tmp_path / "run", only=[3, 5], workers=1, **RUN)
    shards.run(draw, N_SHARDS, tmp_path / "run", only=[3, 4, 5], workers=2, **RUN)
    shards.run(draw, N_SHARDS, tmp_path / "run", **RUN)
    assert contents(tmp_path / "run") == wanted


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_shard_done_again(tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")
    (tmp_path / "notes").mkdir()
    task = functools.partial(die_at, 3, 1, tmp_path / "notes")
    assert len(shards.run(task, N_SHARDS, tmp_path / "run", workers=2, **RUN).made) == N_SHARDS
    assert names(tmp_path / "notes") == [0]
    assert contents(tmp_path / "run") == wanted


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_given_up_and_only_this_one(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    task = functools.partial(die_at, 3, 99, tmp_path / "notes")
    with pytest.raises(ShardsFailed, match=r"shard 3: its worker died 3 times \(SIGKILL: was it out of memory\?\)"):
        shards.run(task, N_SHARDS, tmp_path / "run", workers=2, **RUN)
    assert names(tmp_path / "notes") == [0, 1, 2]
    assert shards.status(tmp_path / "run").missing == (3,)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3, 12])
def test_any_number_of_workers_makes_the_same_bytes(workers: int, tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")
    (tmp_path / "notes").mkdir()
    task = functools.partial(say_who, tmp_path / "notes")
    shards.run(task, N_SHARDS, tmp_path / "run", workers=workers, **RUN)
    assert contents(tmp_path / "run") == wanted
    who = names(tmp_path / "notes")
    assert os.getpid() not in who
    assert len(who) <= min(workers, N_SHARDS)
    assert {path.read_text() for path in (tmp_path / "notes").iterdir()} == {os.environ["OMP_NUM_THREADS"]}
    assert not any(map(psutil.pid_exists, who))


def test_a_task_that_no_process_could_find_is_refused_before_any_is_started(tmp_path: Path):
    with pytest.raises(ValueError, match=r"<lambda> cannot be sent to worker processes .*top level of a \.py file"):
        shards.run(lambda shard, seed: b"", N_SHARDS, tmp_path, workers=2, **RUN)
    with pytest.raises(ValueError, match="cannot be sent to worker processes"):
        shards.run(functools.partial(say_who, sys.stderr), N_SHARDS, tmp_path, workers=2, **RUN)  # type: ignore[arg-type]


NOTEBOOK = """
from sdg_lab import shards
def draw(shard, seed):
    return b"abc"
arguments = dict(description={}, seed=0, progress=False)
print(shards.run(draw, 3, FOLDER + "/one", **arguments))
try:
    shards.run(draw, 3, FOLDER + "/two", workers=2, **arguments)
except ValueError as error:
    print(error)
"""


def test_a_function_of_a_notebook_is_refused_by_a_sentence(tmp_path: Path):
    code = f"FOLDER = {str(tmp_path)!r}\n{NOTEBOOK}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    one, two = done.stdout.splitlines()
    assert one == "3 of 3 shards made"
    assert two == (
        "the task draw was defined in a notebook or typed in, where worker processes cannot see it; "
        "write it into a .py file and import it from there, or take workers=1"
    )


@pytest.mark.slow
@pytest.mark.slow
def test_what_a_task_holds_is_given_back_when_its_worker_ends(tmp_path: Path):
    """A worker that is killed gives back no semaphore, and Python says so aloud when the program ends."""
    program = tmp_path / "program.py"
    program.write_text(
        "from sdg_lab import shards\nfrom tests.shards.tasks import hold_a_semaphore as task\n"
        "if __name__ == '__main__':\n"
        f"    shards.run(task, 2, {str(tmp_path / 'run')!r}, description={{}}, seed=0, workers=2, progress=False)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_that_workers_cannot_import_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "only_here.py").write_text(
        "import os\nif os.path.exists('gone'): raise OSError\ndef task(s, d): return b''"
    )
    monkeypatch.syspath_prepend(tmp_path)
    task = __import__("only_here").task
    (tmp_path / "only_here.py").write_text("raise LookupError('no weights')")
    os.utime(tmp_path / "only_here.py", (0, 0))  # or the compiled one would be taken
    with pytest.raises(ValueError, match=r"cannot load the task \(LookupError: no weights\)"):
        shards.run(task, N_SHARDS, tmp_path / "run", workers=2, **RUN)


@pytest.mark.slow
def test_a_script_without_a_main_block_is_told(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "from sdg_lab import shards\nfrom tests.shards.tasks import draw\n"
        f"shards.run(draw, 2, {str(tmp_path / 'run')!r}, description={{}}, seed=0, workers=2, progress=False)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a script that starts workers does so below if __name__ == '__main__':" in done.stderr.splitlines()[-1]


# Killed or interrupted from outside

PROGRAM = """
import functools, sys
from pathlib import Path
from sdg_lab import shards
from tests.shards import tasks
from tests.shards.folders import RUN

if __name__ == "__main__":
    run, notes, workers, task = sys.argv[1:]
    task = functools.partial(getattr(tasks, task), Path(notes))
    shards.run(task, 40, run, workers=int(workers), **RUN)
"""


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a run in a process group of its own, as a terminal does. At the end all that is left of it is killed."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "program.py").write_text(PROGRAM)
    started: list[subprocess.Popen[str]] = []

    def begin(*, workers: int, task: str) -> "subprocess.Popen[str]":
        command = [sys.executable, tmp_path / "program.py", tmp_path / "run", tmp_path / "notes", str(workers), task]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=environment, start_new_session=True, **pipes))
        return started[-1]

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [True, False])
def test_ctrl_c_keeps_what_is_finished_and_leaves_nobody_behind(to_all: bool, tmp_path: Path, start: Start):
    program = start(workers=2, task="wait_for_ever")
    assert wait_until(lambda: len(names(tmp_path / "notes")) == 2), "the workers have not begun"
    (os.killpg if to_all else os.kill)(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=PATIENCE)
    assert said.splitlines()[-1] == "KeyboardInterrupt"
    assert said.count("Traceback") == 1, said  # the workers say nothing
    assert not any(map(psutil.pid_exists, names(tmp_path / "notes")))


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path, start: Start):
    program = start(workers=2, task="wait_for_ever")
    assert wait_until(lambda: len(names(tmp_path / "notes")) == 2), "the workers have not begun"
    program.kill()
    program.wait()
    assert wait_until(lambda: not any(map(psutil.pid_exists, names(tmp_path / "notes"))))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ten_kills_at_random_moments_end_in_the_same_folder(workers: int, tmp_path: Path, start: Start):
    shards.run(draw, 40, tmp_path / "wanted", **RUN)
    moments, finished = random.Random(workers), []
    for _ in range(10):
        program = start(workers=workers, task="say_who")
        began = len(finished_parts(tmp_path / "run"))
        wait_until(
            lambda began=began, program=program: len(finished_parts(tmp_path / "run")) > began or program.poll() == 0
        )
        time.sleep(moments.uniform(0, 0.12))  # one shard takes 0.05 s or more
        program.kill()
        program.wait()
        finished.append(len(finished_parts(tmp_path / "run")))
    assert finished == sorted(finished), "a finished part was lost"
    assert finished[4] < 40, "the runs were not killed in the middle"
    shards.run(draw, 40, tmp_path / "run", **RUN)
    assert contents(tmp_path / "run") == contents(tmp_path / "wanted")


@pytest.mark.slow
def test_many_commands_started_at_once_share_the_work(tmp_path: Path):
    """As a cluster's scheduler starts an array of jobs: six shares, and one who does not know of them."""
    wanted = finished_run(tmp_path / "wanted")
    code = (
        "import sys; from sdg_lab import shards; from tests.shards import folders, tasks\n"
        "only = shards.parse_shard(sys.argv[2]) if len(sys.argv) > 2 else None\n"
        "shards.run(tasks.draw, 7, sys.argv[1], only=only, **folders.RUN)"
    )
    for _ in range(3):
        options = [[], *([f"{index}/6"] for index in range(6))]
        commands = [[sys.executable, "-c", code, str(tmp_path / "run"), *option] for option in options]
        running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for command in commands]
        said = [process.communicate(timeout=PATIENCE)[1] for process in running]
        assert [process.returncode for process in running] == [0] * 7, said
        assert contents(tmp_path / "run") == wanted
        shutil.rmtree(tmp_path / "run")


def finished_parts(folder: Path) -> list[Path]:
    return list(folder.glob("part-*"))
