"""Problems small enough to be solved by hand, and their solution in numpy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdg_lab.training import History, reinitialise, start_epoch, train
from sdg_lab.training.randomness import caller_keeps_randomness

Floats = NDArray[np.float64]
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}
"""Tolerances of a few sums of 32-bit floats near 1."""


def run(model: nn.Module, data: Any = None, **changes: Any) -> History:
    """Train for six epochs on :func:`problem`, if nothing else is said."""
    settings: dict[str, Any] = {"epochs": 6, "batch_size": 16, "progress": False, "device": "cpu"} | changes
    return train(model, problem() if data is None else data, **settings)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Line(nn.Module):
    """Least squares with a hidden layer; ``noise`` makes the loss draw random numbers, as a VAE's does."""

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        self.noise = noise

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return ((self.net(x + self.noise * torch.randn_like(x)) - y) ** 2).mean()


def problem(n: int = 50) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(1))
    return x, x.sum(dim=1, keepdim=True)


def fresh(noise: float = 0.0) -> Line:
    model = Line(noise)
    reinitialise(model, 0)
    return model


class Point(nn.Module):
    """A point that is drawn to the data: half the squared distance, whose gradient is the point minus their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(2))

    def loss(self, x: Tensor) -> Tensor:
        return 0.5 * (self.at - x).square().sum(dim=1).mean()


class Scripted(Point):
    """A point whose validation losses are those of a script, whatever its weights are."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        told = iter(losses)
        self.verdict = lambda: next(told)  # a function: an average of the weights asks the same one

    def loss(self, x: Tensor) -> Tensor:
        return super().loss(x) if self.training else torch.tensor(self.verdict())


CLOUD = torch.randn(10, 2, generator=torch.Generator().manual_seed(2)) * 2 + torch.tensor([3.0, -1.0])


def pull(model: Point, **changes: Any) -> History:
    """Train a point on :data:`CLOUD` by plain gradient descent, in batches of 4, 4 and 2."""
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 4, "optimizer": descent(0.3), "ema": None} | changes
    return run(model, CLOUD, **settings)


def pulled(
    *,
    epochs: int = 4,
    lr: float = 0.3,
    schedule: Callable[[float], float] = lambda share: 1.0,
    clip: float = np.inf,
    ema: float = 0.0,
    seed: int = 0,
) -> tuple[list[float], Floats]:
    """Do by hand what :func:`pull` does: return each step's loss, and the (averaged) point after each epoch."""
    cloud, at, average = CLOUD.double().numpy(), np.zeros(2), None
    losses: list[float] = []
    after: list[Floats] = []
    for epoch in range(epochs):
        with caller_keeps_randomness():
            order = start_epoch(seed, epoch, 10).numpy()
        for batch in (cloud[order[:4]], cloud[order[4:8]], cloud[order[8:]]):
            gradient = at - batch.mean(0)
            rate = lr * schedule(len(losses) / (3 * epochs)) * min(1.0, clip / np.linalg.norm(gradient))
            losses.append(0.5 * ((at - batch) ** 2).sum(1).mean())
            at = at - rate * gradient
            average = at if average is None else ema * average + (1 - ema) * at
        assert average is not None
        after.append(average)
    return losses, np.stack(after)


def descent(lr: float) -> Callable[[Any], torch.optim.Optimizer]:
    """Return what makes an optimiser: torch's plain steps along the gradient."""
    return partial(torch.optim.SGD, lr=lr)
