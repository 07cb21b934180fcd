"""How good the samples of a diffusion model are, for equal and for given CPU seconds.

Three kinds of rows: the digits' error after a minute of training, three trainings; MNIST's Fréchet distance over its
floor, three draws from the weights that ship with chapter 05, so one training; and the Fréchet distance that three
U-Nets of about as many parameters reach in equal CPU seconds, with the same diffusion process, loss, optimiser, batches
and sampler around each: one seed, so a part of the difference may be luck. Less is better in all of them. Reported on
test and validation images, which no model has seen.

A training of four minutes on two cores has 480 CPU seconds to spend, if both are busy all the time. The shipped weights
took the CPU seconds that their row names, on one thread: fewer than 480, but more than four minutes by that thread's
clock. How long the same training takes on two threads is not measured here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch

from benchmarks.peers.unet import models
from benchmarks.timing import Row
from sdg_lab import course, data, metrics
from sdg_lab.data.types import Dataset, Images
from sdg_lab.metrics.images.classifier import ImageClassifier
from sdg_lab.metrics.images.quality import judge_images
from sdg_lab.models.diffusion import Diffusion

SEEDS = (0, 1, 2)
SAMPLES, DDIM_STEPS, GUIDANCE = 1000, 10, 1.5  # as chapter 05 draws them
PEER_SECONDS, PEER_SAMPLES, PEER_STEPS = 60.0, 250, 10
"""The peers sample slowly: fewer images in fewer steps, the same for all three."""


def run() -> list[Row]:
    mnist = data.mnist()
    judge = ImageClassifier().fit(mnist.train)
    return [*digits(), shipped(mnist, judge), *equal_seconds(mnist, judge)]


def digits() -> list[Row]:
    """Train on the 8×8 digits, sample 5,000 with labels, and let a forest trained on these alone classify real ones."""
    real = data.digits()
    errors, seconds = [], []
    for seed in SEEDS:
        start = time.process_time()
        model = Diffusion(classes=10, levels=17).fit(real.train, epochs=150, seed=seed, progress=False)
        seconds.append(time.process_time() - start)
        made = model.sample(5_000, seed=seed, labels=np.arange(5_000) % 10, steps=50)
        errors.append(100 * (1 - metrics.train_on_synthetic(made, real.test, seed=seed)))
    each = ", ".join(f"{error:.1f}" for error in errors)
    of_real = 100 * (1 - metrics.train_on_synthetic(real.train, real.test))
    what = f"digits 8×8: mean error on test of a forest trained on 5,000 generated ({each}; on real ones {of_real:.1f})"
    return [
        Row(what, np.mean(errors).item(), "the limit", 7, 1, "%"),
        Row(
            f"digits 8×8: training of that diffusion model, longest of {len(SEEDS)}",
            max(seconds),
            "the limit",
            60,
            1,
            "CPU s",
        ),
    ]


def shipped(mnist: Dataset[Images], judge: ImageClassifier) -> Row:
    """Judge three sets of samples from the weights that ship, guided, in the chapter's number of DDIM steps."""
    model = course.weights("05-mnist", Diffusion)
    labels, ratios = np.arange(SAMPLES) % 10, []
    for seed in SEEDS:
        made = model.sample(SAMPLES, seed=seed, labels=labels, steps=DDIM_STEPS, guidance=GUIDANCE)
        ratios.append(judge_images(made, data=mnist, classifier=judge).times_floor)
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    what = (
        f"MNIST, weights shipped after {model.trained['cpu_seconds']:.0f} CPU s, {SAMPLES:,} samples in {DDIM_STEPS} "
        f"steps of DDIM, guidance {GUIDANCE}: mean Fréchet distance / floor ({each})"
    )
    return Row(what, np.mean(ratios).item(), "the limit", 3, 1, "")


def equal_seconds(mnist: Dataset[Images], judge: ImageClassifier) -> list[Row]:
    """Train each network for the same CPU seconds, with one seed, and compare their samples."""
    held_out = judge.features(mnist.validation)
    x = torch.from_numpy(mnist.train.pixels)
    distances = {}
    for name, model in models().items():
        steps = train_for(PEER_SECONDS, model, x)
        made = model.sample(PEER_SAMPLES, seed=0, steps=PEER_STEPS)
        distances[f"{name}, {steps} steps"] = metrics.frechet_distance(judge.features(made), held_out)
    (ours, best), *peers = distances.items()
    what = (
        f"MNIST, {PEER_SECONDS:.0f} CPU s of training each, one seed ({ours}): "
        f"Fréchet distance of {PEER_SAMPLES} samples"
    )
    return [Row(what, best, peer, distance, goal=1, unit="") for peer, distance in peers]


def train_for(seconds: float, model: Diffusion, x: torch.Tensor) -> int:
    """Train until so many CPU seconds are over, with an average of the weights; return the number of steps."""
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=_average(0.98))  # type: ignore[no-untyped-call]
    model.train()
    start, steps = time.process_time(), 0
    while (done := (time.process_time() - start) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - done)
        optimiser.zero_grad(set_to_none=True)
        model.loss(x[torch.randint(len(x), (64,))]).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(model)
        steps += 1
    model.load_state_dict(average.module.state_dict())
    model.eval()
    model.fitted = True
    return steps


def _average(decay: float) -> Callable[..., None]:
    return torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call, no-any-return]
