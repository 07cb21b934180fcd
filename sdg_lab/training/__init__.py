"""The one training loop of the project, and what stands around it: players, checkpoints, schedules, the recipe."""

from sdg_lab.training.batches import as_batch
from sdg_lab.training.divergence import DivergedError
from sdg_lab.training.history import History
from sdg_lab.training.loop import evaluate, train
from sdg_lab.training.players import Adversarial, HasLoss
from sdg_lab.training.randomness import start_epoch
from sdg_lab.training.weights import n_parameters, reinitialise

__all__ = [
    "Adversarial",
    "DivergedError",
    "HasLoss",
    "History",
    "as_batch",
    "evaluate",
    "n_parameters",
    "reinitialise",
    "start_epoch",
    "train",
]
