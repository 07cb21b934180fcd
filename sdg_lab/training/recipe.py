"""How the models of sequences are trained: the settings that a caller may give, with one meaning for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypedDict

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from sdg_lab import training
from sdg_lab.training.muon import Muon


class Settings(TypedDict, total=False):
    """How to train; each is optional, and handed to :func:`sdg_lab.training.train`, which explains it.

    ``optimizer`` is "adamw", or "muon" for models that name the matrices it shall step (``matrices()``).
    ``weight_decay`` acts on matrices only, not on biases and gains.
    """

    epochs: int
    batch_size: int
    lr: float
    optimizer: Literal["adamw", "muon"]
    weight_decay: float
    schedule: Callable[[float], float] | None
    patience: int | None
    ema: float | None
    clip: float | None
    device: str
    precision: Any
    compile: bool | str
    checkpoint: str | Path | None
    on_epoch: Callable[[int, nn.Module], None] | None


def run(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    validation: tuple[Tensor, ...] | None,
    settings: Settings,
    *,
    seed: int,
    progress: bool,
) -> tuple[training.History, dict[str, float]]:
    """Train as the settings say; those that they leave out are ``training.train``'s.

    Returns:
        How it went; and what is kept beside the weights: seconds by the clock and of the processor, epochs, steps.

    Raises:
        ValueError: for an optimiser that there is not, or that the model cannot be trained with.
    """
    chosen: dict[str, Any] = dict(settings)
    decay, kind = chosen.pop("weight_decay", 0.0), chosen.pop("optimizer", "adamw")
    if kind not in ("adamw", "muon"):
        raise ValueError(f"optimizer must be adamw or muon, got {kind!r}")
    if kind == "muon" and not hasattr(model, "matrices"):
        raise ValueError(f"a {type(model).__name__} does not say which matrices muon shall step; use optimizer='adamw'")

    def optimizer(_: Iterator[nn.Parameter]) -> Optimizer:
        if kind == "muon":
            inner: list[nn.Parameter] = model.matrices()  # type: ignore[operator] # asked for above
            known = {id(p) for p in inner}
            outer = [p for p in model.parameters() if id(p) not in known]
            return Muon(inner, outer, lr=chosen["lr"], weight_decay=decay)
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        others = [p for p in model.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        return AdamW(groups, lr=chosen["lr"])

    begin = time.process_time()
    history = training.train(
        model, batch, validation=validation, optimizer=optimizer, seed=seed, progress=progress, **chosen
    )
    return history, {
        "seconds": round(history.seconds, 1),
        "cpu_seconds": round(time.process_time() - begin, 1),
        "epochs": history.epochs,
        "steps": history.steps,
    }
