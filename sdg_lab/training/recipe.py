"""How neural models are trained: the options that every ``fit`` takes, with one meaning for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypedDict, TypeVar, Unpack

import torch
from torch import Tensor, nn

from sdg_lab import options, training
from sdg_lab.checks import number, one_of
from sdg_lab.training.muon import Muon
from sdg_lab.training.optimizers import AdamW

P = ParamSpec("P")
R = TypeVar("R")


class Recipe(TypedDict, total=False):
    """The options of every neural ``fit``; a family says in its signature what counts where they are left out.

    Attributes:
        epochs: passes over the data, in all: a resumed run makes those that are missing.
        batch_size: examples a step; the last batch of an epoch may be smaller.
        lr: learning rate; for a game also by player.
        optimizer: "adamw", or "muon" for models that name the matrices it shall step (``matrices()``).
        betas: AdamW's decay rates of the gradient's first and second moments, (0.9, 0.999) unless given; with "muon"
            of the parameters that are no such matrices, (0.9, 0.99).
        weight_decay: on matrices only, not on biases and gains.
        schedule: factor on the learning rate as a function of the share of training done, in [0, 1);
            :mod:`sdg_lab.training.schedules` has the usual ones.
        patience: stop after this many epochs without a lower validation loss and go back to the best weights.
        ema: decay of an exponential moving average of the weights; it is what is validated and kept.
        clip: largest norm of the gradient.
        device: "auto", "cpu", "cuda" or "mps": where it is trained. Afterwards the model is where it was.
        precision: as Lightning Fabric names it, such as "32-true" or "bf16-mixed".
        compile: translate the loss with ``torch.compile``; worth its minute on a GPU.
        checkpoint: a file, written atomically after each epoch; if it is there, the run is resumed from it.
        on_epoch: called after each epoch with its number, from 0, and the model that is kept, which can be sampled.
    """

    epochs: int
    batch_size: int
    lr: float | Mapping[str, float]
    optimizer: Literal["adamw", "muon"]
    betas: tuple[float, float] | None
    weight_decay: float
    schedule: Callable[[float], float] | None
    patience: int | None
    ema: float | None
    clip: float | None
    device: str
    precision: Any
    compile: bool | str
    checkpoint: str | Path | None
    on_epoch: Callable[[int, Any], None] | None


DEFAULTS: Recipe = {
    "epochs": 30,
    "batch_size": 64,
    "lr": 1e-3,
    "optimizer": "adamw",
    "betas": None,
    "weight_decay": 0.0,
    "schedule": None,
    "patience": None,
    "ema": None,
    "clip": None,
    "device": "auto",
    "precision": "32-true",
    "compile": False,
    "checkpoint": None,
    "on_epoch": None,
}


def defaults(**chosen: Unpack[Recipe]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a ``fit(…, **recipe: Unpack[Recipe])``: its family's own defaults, the others being :data:`DEFAULTS`."""
    return options.takes(Recipe, {**DEFAULTS, **chosen})


def run(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    validation: tuple[Tensor, ...] | None,
    recipe: Recipe,
    *,
    seed: int,
    progress: bool,
) -> tuple[training.History, dict[str, float]]:
    """Train as the recipe says.

    Returns:
        How it went; and what is kept beside the weights: seconds by the clock and of the processor, epochs, steps.

    Raises:
        ValueError: for an optimiser that does not exist, or that the model cannot be trained with; and as
            :func:`sdg_lab.training.train`.
    """
    chosen: dict[str, Any] = {**DEFAULTS, **recipe}
    kind, betas, decay = (chosen.pop(name) for name in ("optimizer", "betas", "weight_decay"))
    one_of("optimizer", kind, ("adamw", "muon"))
    number("weight_decay", decay, least=0)
    own: dict[str, Any] = {} if betas is None else {"betas": _both("betas", betas)}
    if kind == "muon" and not hasattr(model, "matrices"):
        raise ValueError(f"a {type(model).__name__} does not say which matrices muon shall step; use optimizer='adamw'")

    def optimizer(parameters: Iterator[nn.Parameter], lr: float) -> torch.optim.Optimizer:
        if kind == "muon":
            inner: list[nn.Parameter] = model.matrices()  # type: ignore[operator] # asked for above
            known = {id(p) for p in inner}
            return Muon(inner, [p for p in parameters if id(p) not in known], lr=lr, weight_decay=decay, **own)
        owned = list(parameters)
        matrices, others = [p for p in owned if p.ndim >= 2], [p for p in owned if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        return AdamW(groups, lr=lr, **own)

    rates = chosen["lr"]
    make = (
        {name: lambda p, lr=rate: optimizer(p, lr) for name, rate in rates.items()}
        if isinstance(rates, Mapping)
        else lambda p: optimizer(p, rates)
    )
    history = training.train(
        model, batch, validation=validation, optimizer=make, seed=seed, progress=progress, **chosen
    )
    return history, {
        "seconds": round(history.seconds, 1),
        "cpu_seconds": round(history.cpu_seconds, 1),
        "epochs": history.epochs,
        "steps": history.steps,
    }


def _both(name: str, rates: Any) -> tuple[float, float]:
    """Return two decay rates, or refuse them."""
    if not isinstance(rates, (tuple, list)) or len(rates) != 2:
        raise ValueError(f"{name} must be two decay rates, got {rates!r}")
    first, second = (number(f"each of {name}", rate, least=0, below=1) for rate in rates)
    return first, second
