"""The one training loop of the project, and what stands around it: players, checkpoints, schedules, the recipe."""

from sdg_lab.training.history import History
from sdg_lab.training.loop import (
    DivergedError,
    as_batch,
    evaluate,
    n_parameters,
    reinitialise,
    train,
)
from sdg_lab.training.players import Adversarial, HasLoss

__all__ = [
    "Adversarial",
    "DivergedError",
    "HasLoss",
    "History",
    "as_batch",
    "evaluate",
    "n_parameters",
    "reinitialise",
    "train",
]
