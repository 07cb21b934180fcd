"""Shared by all tests: the thread policy first, figures without a screen, the same examples every time."""

import sdg_lab  # noqa: F401, I001 - before anything that loads torch

import os
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from sdg_lab import threads
from sdg_lab.course.engine import notebooks

os.environ["MPLBACKEND"] = "Agg"
# A GPU's last digits are others, so it is not there but for the tests that say where they want it: `make gpu`.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.load_profile("same-every-time")


MEMORY_OF_A_WORKER = 2e9
"""Bytes, at most: torch, and a chapter's kernel."""


@pytest.hookimpl(optionalhook=True)  # no hook at all where xdist is switched off
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker for each physical core that this process may use, and for which there is memory."""
    physical = psutil.cpu_count(logical=False) or 1
    return max(1, min(physical, threads.available_cores(), int(psutil.virtual_memory().total / MEMORY_OF_A_WORKER)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long chapters first: where workers share the tests, none is left alone with a long one at the end."""
    items.sort(key=_cpu_seconds, reverse=True)  # the order is kept where this is 0


def _cpu_seconds(item: pytest.Item) -> float:
    """Return what a test that runs a chapter takes, by the chapter's stamp; 0 for every other test."""
    path = item.callspec.params.get("path") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    if item.get_closest_marker("notebook") is None or not isinstance(path, Path):
        return 0.0
    stamp = notebooks.stamp(notebooks.read(path))
    return 0.0 if stamp is None else stamp.seconds * int(stamp.executed_with["threads"])
