"""What a training run leaves behind: its curves, its seconds, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class History:
    """What happened: losses in the model's own unit, times in seconds.

    Attributes:
        loss: one value a step, shape (steps,).
        train_loss: mean of the steps' losses, one value an epoch.
        validation_loss: mean over the validation examples after each epoch; empty if there were none.
        players: the losses of each player of an adversarial game, one value for each of its steps; else empty. ``loss``
            and ``train_loss`` are then those of the player who begins.
        seconds: wall-clock time of the whole call, earlier calls of a resumed run included.
        cpu_seconds: time of the processor, likewise.
        stopped: why it ended, in words.
    """

    loss: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    players: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """Epochs that were run to their end."""
        return len(self.train_loss)

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int | None:
        """Epoch (from 0) with the lowest validation loss, or None without validation data."""
        return int(np.argmin(self.validation_loss)) if self.validation_loss else None

    def __str__(self) -> str:
        held_out = f", validation {self.validation_loss[-1]:.4g}" if self.validation_loss else ""
        last = f"loss {self.train_loss[-1]:.4g}" if self.train_loss else "no epoch run"
        return f"{self.epochs} epochs, {self.steps} steps, {self.seconds:.1f} s: {last}{held_out} ({self.stopped})"
