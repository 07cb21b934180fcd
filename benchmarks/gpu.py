"""The same training on a processor and on a GPU: an epoch of the U-Net, with each switch of ``training.train``.

Half precision, channels-last memory and compilation are meant for a GPU; on most processors they cost. Where torch
finds no CUDA device this prints so and returns no rows: there is nothing to measure.
"""

from __future__ import annotations

import time
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch

from benchmarks.timing import Row
from benchmarks.unet_peers import FOLD, TIMESTEPS, WIDTHS
from sdg_lab import data, training
from sdg_lab.models.diffusion import Diffusion

BATCH, EPOCHS = 256, 20
WAYS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bf16": {"precision": "bf16-mixed"},
    "bf16, channels last": {"precision": "bf16-mixed", "channels_last": True},
    "bf16, channels last, compiled": {"precision": "bf16-mixed", "channels_last": True, "compile": True},
}
"""Settings of ``training.train``, each row adding one to the row before."""


def run() -> list[Row]:
    if not torch.cuda.is_available():
        print("no CUDA device is found here: the table of processor against GPU has no rows")
        return []
    x = torch.from_numpy(data.mnist().train.pixels)
    processor = seconds_an_epoch(x, device="cpu", epochs=1)
    name = torch.cuda.get_device_name()
    return [
        Row(
            f"U-Net, an epoch of {len(x):,} pictures of 28×28 in batches of {BATCH}: {name}, {way}",
            seconds_an_epoch(x, device="cuda", epochs=EPOCHS, **switches),
            "the processor, float32",
            processor,
            goal=1,
        )
        for way, switches in WAYS.items()
    ]


def seconds_an_epoch(x: torch.Tensor, *, device: str, epochs: int, **switches: Any) -> float:
    """Return the wall-clock seconds of an epoch, after a first one that warms up and compiles."""
    model = Diffusion((1, 28, 28), network="unet", widths=WIDTHS, fold=FOLD, timesteps=TIMESTEPS)
    ends: list[float] = []

    def on_epoch(_: int, __: torch.nn.Module) -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    training.train(
        model, x, epochs=epochs + 1, batch_size=BATCH, device=device, on_epoch=on_epoch, progress=False, **switches
    )
    return (ends[-1] - ends[0]) / epochs
