"""What a U-Net costs: a training step and a sampling step of three networks of about as many parameters.

The same diffusion process, loss, optimiser and batch of 64 MNIST images around each; the peers' shapes are in
:mod:`benchmarks.peers.unet`. A training step is forward, backward and Adam; a sampling step is one step of DDIM.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch

from benchmarks.peers.unet import models
from benchmarks.timing import Row, interleaved
from sdg_lab import data
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.diffusion.noise import ddim_step
from sdg_lab.training import n_parameters

BATCH, REPEATS, GOAL = 64, 7, 2.0


def run() -> list[Row]:
    x = torch.from_numpy(data.mnist().train.pixels[:BATCH])
    ours, *peers = named = models()
    work = {
        "training": {name: train_step(model, x) for name, model in named.items()},
        "sampling": {name: partial(sampling_step, model, torch.randn_like(x)) for name, model in named.items()},
    }
    size = n_parameters(named[ours])
    rows = []
    for kind, steps in work.items():
        seconds = interleaved(steps, repeats=REPEATS)
        what = f"U-Net of {size:,} parameters, a {kind} step on {BATCH} images of 28×28"
        rows += [Row(what, seconds[ours], peer, seconds[peer], goal=GOAL) for peer in peers]
    return rows


def train_step(model: Diffusion, x: torch.Tensor) -> Callable[[], None]:
    """Return a function that trains the model for one step on the same images."""
    optimiser = torch.optim.Adam(model.parameters())
    model.train()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        model.loss(x).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


@torch.no_grad()
def sampling_step(model: Diffusion, xt: torch.Tensor) -> torch.Tensor:
    """Take one step of DDIM from the middle of the trajectory."""
    t = model.timesteps // 2
    return ddim_step(model.denoise(xt, torch.full((len(xt),), t)), xt, t, t - 10, model.alphas_bar)
