"""Execute chapters in fresh kernels of this environment, and stamp them.

Nothing is written unless every cell ran and :func:`sdg_lab.course.engine.outputs.problems` finds none; the file is then
replaced in one step.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from sdg_lab.course.engine import notebooks, outputs
from sdg_lab.course.engine.display import duration
from sdg_lab.course.engine.notebooks import METADATA, Stamp
from sdg_lab.files import replace_atomically
from sdg_lab.threads import DEFAULT

OnCell = Callable[[Path, int, int], None]
"""Called with the chapter, the number of code cells done, and the number there are."""

SECONDS_A_CELL = 600.0
"""A cell that takes longer is given up."""


class ChapterError(RuntimeError):
    """A chapter that did not run through, or printed what must not be committed."""


class Stopped(ChapterError):
    """A chapter that was not finished because the reader interrupted the run."""


def execute(
    path: Path,
    *,
    threads: int = DEFAULT,
    write: bool = False,
    timeout: float = SECONDS_A_CELL,
    on_cell: OnCell = lambda path, done, total: None,
    stop: threading.Event | None = None,
) -> Stamp:
    """Run a chapter from top to bottom in a fresh kernel.

    Args:
        path: the notebook.
        threads: how many threads its numerical libraries use.
        write: save the outputs and the stamp in place.
        timeout: seconds that one cell may take.
        on_cell: told at the start and of each cell done.
        stop: when set, the chapter ends after the cell that is running.

    Returns:
        The stamp, with the wall-clock seconds from the start of the first cell to the end of the last.

    Raises:
        ChapterError: if the file cannot be read or is no notebook, if a cell fails, takes too long or kills its kernel
            (the message names chapter, cell, its first line and the error), if an output must not be committed, or if
            the file cannot be written. It is then as it was.
    """
    import nbformat

    try:
        before = path.read_bytes()
        notebook = _notebook(path)
        earlier, fingerprint = notebooks.stamp(notebook), notebooks.fingerprint(notebook, path)
    except (OSError, ValueError) as error:
        raise ChapterError(str(error)) from None
    laid: list[float] = []  # between the cells: a machine that is shared is as fast at the end as it happens to be

    def measured(path: Path, done: int, total: int) -> None:
        laid.append(yardstick())
        on_cell(path, done, total)

    measured(path, 0, len(notebooks.code_cells(notebook)))
    seconds = _run_cells(notebook, path, threads, timeout, measured, stop or threading.Event())
    seconds = max(seconds - sum(laid[1:]) / 1000, 0.0)  # of a chapter of next to no seconds nothing is left

    stamp = Stamp(fingerprint, round(seconds, 1), _environment(threads) | {"yardstick_ms": round(median(laid))})
    notebook.metadata[METADATA] = stamp.to_metadata()
    outputs.clean(notebook)
    outputs.replace_text(notebook, duration(earlier), duration(stamp), where="header(")
    if found := list(outputs.problems(notebook)):
        raise ChapterError(f"{path.stem}: " + "\n".join(found))
    if write:
        if path.read_bytes() != before:
            raise ChapterError(f"{path.stem} was changed on the disk while it ran; nothing was written, run it again")
        try:
            with replace_atomically(path) as temporary:
                temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]
        except OSError as error:
            raise ChapterError(f"{path.stem} ran, but cannot be written: {error}; it is as it was") from None
    return stamp


def _notebook(path: Path) -> Any:
    """Read a notebook that its own format allows.

    Raises:
        ValueError: if it is not one; the message says why.
    """
    import nbformat

    notebooks.read(path)
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (nbformat.ValidationError, AttributeError, LookupError, TypeError) as error:
        why = str(error).strip().split("\n")[0]
        raise ValueError(f"{path.name} is not a notebook in format 4 ({why})") from None
    return notebook


def execute_many(
    paths: Sequence[Path], *, workers: int, threads: int, write: bool, on_cell: OnCell
) -> Iterator[tuple[Path, Stamp | ChapterError]]:
    """Run chapters side by side, each in its own kernel; yield each one's stamp or error as soon as it ends.

    Args:
        paths: the chapters.
        workers: how many run at a time.
        threads: threads of each.
        write: save outputs and stamps.
        on_cell: told of each cell done, from the workers' threads.
    """
    stop = threading.Event()

    def work(path: Path) -> Stamp | ChapterError:
        try:
            return execute(path, threads=threads, write=write, on_cell=on_cell, stop=stop)
        except ChapterError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(work, path): path for path in paths}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:  # an interrupt, or a reader that turns away: end after the cells that run now
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _run_cells(
    notebook: Any, path: Path, threads: int, timeout: float, on_cell: OnCell, stop: threading.Event
) -> float:
    """Run every cell in place; return the seconds that they took."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    code = notebooks.code_cells(notebook)
    numbers = {id(cell): number for number, cell in enumerate(code, start=1)}
    current, marks = 0, []

    def started(cell: Any, cell_index: int) -> None:
        nonlocal current
        if stop.is_set():
            raise Stopped(f"{path.stem}: stopped before the end")
        marks.append(time.perf_counter())
        current = numbers.get(id(cell), current)

    def done(cell: Any, cell_index: int, execute_reply: Any) -> None:
        marks.append(time.perf_counter())
        on_cell(path, numbers[id(cell)], len(code))

    # Holds the kernel's sockets and a profile that is not the user's; gone afterwards.
    with tempfile.TemporaryDirectory(prefix="sdg-lab-") as private:
        client = NotebookClient(
            notebook,
            km=_kernel_manager(private),
            timeout=timeout,
            resources={"metadata": {"path": str(path.parent)}},
            store_widget_state=False,
            record_timing=False,
            coalesce_streams=True,
            on_cell_start=started,
            on_cell_executed=done,
        )
        try:
            client.execute(cleanup_kc=True, env=_kernel_environment(threads, private))
        except CellExecutionError as error:
            raise _failed(path, code, current, f"{error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise _failed(path, code, current, f"took longer than {timeout:.0f} s") from None
        except DeadKernelError:
            raise _failed(path, code, current, "the kernel died; is there enough memory?") from None
        except ChapterError:
            raise
        except RuntimeError as error:  # how nbclient says that no kernel came up
            raise ChapterError(f"{path.stem}: no kernel: {error}") from error
    return marks[-1] - marks[0] if marks else 0.0


def _kernel_manager(private: str) -> Any:
    """Return a manager of kernels of the running interpreter, whatever the user has installed under the same name."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisEnvironment(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name=outputs.KERNEL["display_name"], language="python")

    manager = AsyncKernelManager(kernel_spec_manager=ThisEnvironment())
    if sys.platform != "win32":  # sockets that only this user can open, rather than ports that anybody here can
        manager.transport, manager.ip = "ipc", f"{private}/kernel"
    return manager


def _failed(path: Path, code: Sequence[Any], number: int, why: str) -> ChapterError:
    first = notebooks.source(code[number - 1]).strip().split("\n")[0]
    return ChapterError(f"{path.stem}, cell [{number}], which begins {first!r}: {why}")


def _kernel_environment(threads: int, private: str) -> dict[str, str]:
    """Return the environment of the kernel: this many threads, no profile of the user, figures drawn inline."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "OMP_NUM_THREADS")}
    return {**environment, "SDG_LAB_THREADS": str(threads), "IPYTHONDIR": private}


def _environment(threads: int) -> dict[str, str | int]:
    versions = {name: version(name) for name in ("torch", "numpy", "matplotlib")}
    return {"python": platform.python_version(), **versions, "threads": threads}


def yardstick() -> float:
    """Return how many ms a fixed piece of work takes here and now: by its median chapters' seconds can be compared.

    The work is like that of small networks: products of small matrices, a function of each number, and Python.
    """
    import numpy as np

    x = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    begin = time.perf_counter()
    for _ in range(60):
        np.tanh(x @ x)
        sum(range(20_000))
    return 1000 * (time.perf_counter() - begin)
