"""How good a GAN's images are after so many CPU seconds, and what the training loop costs in a game.

The digits' error after training on them here; MNIST's Fréchet distance over its floor, from the weights that ship with
chapter 04; and a step of both networks through ``sdg_lab.training.train`` beside a bare PyTorch loop that makes the
same step, so that both end with the same weights to the bit, which is checked.
"""

from __future__ import annotations

import copy
import time
from functools import partial

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch

from benchmarks.timing import Row, interleaved
from sdg_lab import course, data, metrics, training
from sdg_lab.models.gan import GAN

SEEDS = (0, 1, 2)
SAMPLES = 1000
BATCH, REPEATS = 64, 9


def run() -> list[Row]:
    return [*digits(), shipped(), *steps()]


def digits() -> list[Row]:
    """Train on the 8×8 digits, sample 5,000 labelled ones, and let a forest trained on these alone classify real ones.

    Chapter 04 prints this accuracy for its DCGAN, and takes a support vector machine, which is quicker, for the rest.
    """
    real = data.digits()
    errors, seconds = [], []
    for seed in SEEDS:
        start = time.process_time()
        model = GAN(real.train.shape, classes=10, architecture="dense", width=256, r1=3.0)
        model.fit(real.train, epochs=120, ema=0.995, seed=seed, progress=False)
        seconds.append(time.process_time() - start)
        made = model.sample(5_000, seed=seed, labels=np.arange(5_000) % 10)
        errors.append(100 * (1 - metrics.train_on_synthetic(made, real.test, seed=seed)))
    each = ", ".join(f"{error:.1f}" for error in errors)
    of_real = 100 * (1 - metrics.train_on_synthetic(real.train, real.test))
    what = f"digits 8×8: mean error on test of a forest trained on 5,000 generated ({each}; on real ones {of_real:.1f})"
    return [
        Row(what, np.mean(errors).item(), "the limit", 7, 1, "%"),
        Row(f"digits 8×8: training of that GAN, longest of {len(SEEDS)}", max(seconds), "the limit", 60, 1, "CPU s"),
    ]


def shipped() -> Row:
    """Judge samples of the weights that ship."""
    mnist = data.mnist()
    judge = metrics.ImageClassifier().fit(mnist.train)
    model = course.weights("04-mnist", GAN)
    ratios = []
    for seed in SEEDS:
        made = model.sample(SAMPLES, seed=seed, labels=np.arange(SAMPLES) % 10)
        ratios.append(metrics.judge_images(made, data=mnist, classifier=judge).times_floor)
    what = f"MNIST, shipped weights, {SAMPLES:,} samples, mean of {len(SEEDS)} draws: Fréchet distance / floor"
    return Row(what, np.mean(ratios).item(), "the limit", 3, 1, "")


def steps() -> list[Row]:
    """Compare a step of both networks in the project's loop and in a bare one."""
    models = {
        "DCGAN": (GAN((1, 28, 28), width=16, latent=64, classes=10), data.mnist().train[:1280]),
        "dense GAN with R1": (GAN(architecture="dense", width=256, classes=10, r1=3.0), data.digits().train[:1280]),
    }
    rows = []
    for name, (start, images) in models.items():
        batch = start.batch(images)
        work = {"ours": partial(by_the_loop, start, *batch), "bare": partial(by_a_bare_loop, start, *batch)}
        ours, bare = (function().state_dict() for function in work.values())
        for key, value in ours.items():
            if not torch.equal(value, bare[key]):
                raise AssertionError(f"the two loops did different work: {key} differs")
        seconds = interleaved(work, repeats=REPEATS)
        n = len(images) // BATCH
        side = images.shape[1]
        what = f"{name}, a step of both networks on {BATCH} images of {side}×{side}"
        peer = "bare PyTorch loop, same weights at the end"
        rows.append(Row(what, seconds["ours"] / n, peer, seconds["bare"] / n, goal=0.95))
    return rows


def by_the_loop(start: GAN, x: torch.Tensor, y: torch.Tensor) -> GAN:
    """Train a copy with the project's loop for one epoch."""
    model = copy.deepcopy(start)
    training.train(model, (x, y), epochs=1, batch_size=BATCH, seed=0, device="cpu", progress=False)
    return model


def by_a_bare_loop(start: GAN, x: torch.Tensor, y: torch.Tensor) -> GAN:
    """Train a copy as a tutorial would, from the same random state; it keeps the loss curves too."""
    model = copy.deepcopy(start).train()
    players = model.players()
    optimisers = {name: torch.optim.Adam(player.parameters(), lr=1e-3) for name, player in players.items()}
    losses: dict[str, list[float]] = {name: [] for name in players}
    order = training.start_epoch(0, 0, len(x))
    for first in range(0, len(x), BATCH):
        chosen = order[first : first + BATCH]
        for name, optimiser in optimisers.items():
            for other, player in players.items():
                player.requires_grad_(other == name)
            optimiser.zero_grad(set_to_none=True)
            loss = model.loss_of(name, x[chosen], y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses[name].append(loss.item())
    return model.requires_grad_(True).eval()
