"""The same training on a processor and on a GPU: an epoch of the U-Net and of a GPT, with each switch of ``train``.

Half precision, channels-last memory and compilation are meant for a GPU; on most processors they cost. Where torch
finds no CUDA device this prints so and returns no rows: there is nothing to measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch

from benchmarks.peers.unet import TIMESTEPS, UNSHUFFLE, WIDTHS
from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.transformer import GPT
from sdg_lab.training import train

EPOCHS, IMAGES, CONTEXT, TEXT = 20, 256, 256, 200_000
Ways = dict[str, dict[str, Any]]
Epoch = Callable[..., float]
GPT_WAYS: Ways = {
    "float32": {},
    "bf16": {"precision": "bf16-mixed"},
    "bf16, compiled": {"precision": "bf16-mixed", "compile": True},
}
UNET_WAYS: Ways = {
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
    return [
        *rows(f"U-Net, an epoch of {len(data.mnist().train):,} images", unet, UNET_WAYS),
        *rows(f"GPT, an epoch of {TEXT:,} characters", gpt, GPT_WAYS),
    ]


def rows(what: str, epoch: Epoch, ways: Ways) -> list[Row]:
    """Compare an epoch on the processor with one on the GPU, a row for each way."""
    processor, name = epoch(device="cpu", epochs=1), torch.cuda.get_device_name()
    return [
        Row(
            f"{what}: {name}, {way}",
            epoch(device="cuda", epochs=EPOCHS, **switches),
            "the processor, float32",
            processor,
            goal=1,
        )
        for way, switches in ways.items()
    ]


def unet(*, epochs: int, **settings: Any) -> float:
    """Return the seconds of an epoch of chapter 05's network on images of 28×28."""
    model = Diffusion((1, 28, 28), architecture="unet", widths=WIDTHS, unshuffle=UNSHUFFLE, timesteps=TIMESTEPS)
    images = torch.from_numpy(data.mnist().train.pixels)
    watch = Watch()
    train(model, images, epochs=epochs + 1, batch_size=IMAGES, on_epoch=watch, progress=False, **settings)
    return watch.seconds()


def gpt(*, epochs: int, **settings: Any) -> float:
    """Return the seconds of an epoch of a GPT on running text."""
    text = data.plays().train[:TEXT]
    watch = Watch()
    model = GPT(context=CONTEXT, d_model=128, n_layers=4, n_heads=4)
    model.fit_text(text, epochs=epochs + 1, batch_size=32, on_epoch=watch, progress=False, **settings)
    return watch.seconds()


class Watch:
    """Notes when epochs end; the first one, which warms up and compiles, is not counted."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, _: int, __: torch.nn.Module) -> None:
        """Wait for the GPU, and note the time."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def seconds(self) -> float:
        """Return the mean wall-clock seconds of an epoch."""
        return (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)
