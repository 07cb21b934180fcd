"""What the training loop costs: a VAE trained by ``sdg_lab.training.train``, and by a bare PyTorch loop.

Both train the same network from the same weights on the same batches with the same optimiser and noise, so that they
end with the same weights to the bit, which is checked.
"""

from __future__ import annotations

import copy
from functools import partial

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch

from benchmarks.timing import Row, interleaved
from sdg_lab import data, training
from sdg_lab.models.vae import VAE

EPOCHS, BATCH, SEED, REPEATS = 5, 64, 0, 9


def run() -> list[Row]:
    x = torch.from_numpy(data.mnist().train.pixels)
    start = VAE(x.shape[1:], latent=20, hidden=(400,))
    steps = EPOCHS * -(-len(x) // BATCH)
    by_train, by_hand = by_the_loop(start, x), by_a_bare_loop(start, x)
    for (name, ours), theirs in zip(by_train.state_dict().items(), by_hand.state_dict().values(), strict=True):
        if not torch.equal(ours, theirs):
            raise AssertionError(f"the two loops did different work: {name} differs")
    seconds = interleaved(
        {"ours": partial(by_the_loop, start, x), "bare": partial(by_a_bare_loop, start, x)}, repeats=REPEATS
    )
    return [
        Row(
            what="VAE 784-400-20, a training step on 64 MNIST images",
            ours=seconds["ours"] / steps,
            peer="bare PyTorch loop, same weights at the end",
            theirs=seconds["bare"] / steps,
            goal=0.95,
        )
    ]


def by_the_loop(start: VAE, x: torch.Tensor) -> VAE:
    """Train a copy with the project's loop."""
    model = copy.deepcopy(start)
    training.train(model, x, epochs=EPOCHS, batch_size=BATCH, seed=SEED, device="cpu", progress=False)
    return model


def by_a_bare_loop(start: VAE, x: torch.Tensor) -> VAE:
    """Train a copy as a tutorial would, from the same random state; it keeps the loss curve too."""
    model = copy.deepcopy(start).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for epoch in range(EPOCHS):
        order = training.start_epoch(SEED, epoch, len(x))
        for first in range(0, len(x), BATCH):
            optimiser.zero_grad(set_to_none=True)
            loss = model.loss(x[order[first : first + BATCH]])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.item())
    return model.eval()
