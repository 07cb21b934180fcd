"""Decide once how many threads the numerical libraries use, and how their threads wait.

One thread is the default. The networks of this course are small: a second thread that must be woken for each operation
costs more than it brings (a dense 784-400-784 step takes 3.9 ms on one thread and 5.6 ms on two), the results do not
depend on the machine's number of cores, and chapters and tests can run side by side. Large convolutions and batches of
texts gain from more; no chapter as a whole does. ``SDG_LAB_THREADS`` asks for more.

Idle OpenMP threads spin by default. On a quiet machine that is quickest, but beside one busy process it makes a step of
two threads ten times slower than on one. So waiting is made passive before torch is imported. ``import sdg_lab`` calls
:func:`configure`; notebooks, the command line and the tests therefore share one policy.
"""

from __future__ import annotations

import os
import sys
import warnings

DEFAULT = 1
"""Threads, unless somebody asks for more."""


def available_cores() -> int:
    """Return the number of cores that this process may use (its affinity mask where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose() -> int:
    """Return the number of threads: ``SDG_LAB_THREADS`` where it is set, else 1.

    Raises:
        ValueError: if ``SDG_LAB_THREADS`` is not a whole number of at least 1.
    """
    wanted = os.environ.get("SDG_LAB_THREADS", str(DEFAULT))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"SDG_LAB_THREADS must be a whole number >= 1, got {wanted!r}; unset it for {DEFAULT}")
    return int(wanted)


def configure() -> int:
    """Set the environment that OpenMP reads when torch is loaded; return the number of threads.

    What the user has already set is kept. If torch is there already, its thread count is set directly, and a warning
    says that the waiting policy came too late. A ``SDG_LAB_THREADS`` that is no number is said, too, and forgotten: a
    slip in the environment keeps nobody from importing the package.
    """
    try:
        threads = choose()
    except ValueError as error:
        warnings.warn(f"{error}; for now it counts as unset", stacklevel=3)
        del os.environ["SDG_LAB_THREADS"]
        threads = DEFAULT
    late = "torch" in sys.modules and os.environ.get("OMP_WAIT_POLICY", "").lower() != "passive"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if "SDG_LAB_THREADS" in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    else:
        threads = _whole(os.environ.setdefault("OMP_NUM_THREADS", str(threads)), default=threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if late:
        warnings.warn(
            "torch was imported before sdg_lab: its idle threads spin, which slows training beside other work; "
            "import sdg_lab first, or set OMP_WAIT_POLICY=passive",
            stacklevel=3,
        )
    return threads


def _whole(text: str, *, default: int) -> int:
    """Read the first number of an ``OMP_NUM_THREADS`` such as ``"4"`` or ``"4,2"``."""
    first = text.split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) >= 1 else default
