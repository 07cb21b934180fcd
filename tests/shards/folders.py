"""What the tests of shards compare: all that is in a folder, names and bytes."""

from pathlib import Path
from typing import Any

from sdg_lab import shards
from tests.shards.tasks import draw

N_SHARDS = 7
RUN: dict[str, Any] = {"description": {"rows": "some", "model": {"temperature": 0.7}}, "seed": 3, "progress": False}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def finished_run(folder: Path) -> dict[str, bytes]:
    """Make a run of :func:`draw` here, one shard after another, and return all of it."""
    shards.run(draw, N_SHARDS, folder, **RUN)
    return contents(folder)
