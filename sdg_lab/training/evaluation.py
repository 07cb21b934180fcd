"""The loss on data that are not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from sdg_lab.training.batches import as_batch
from sdg_lab.training.players import HasLoss
from sdg_lab.training.randomness import seeded


@torch.no_grad()
def evaluate(model: nn.Module, data: Tensor | Sequence[Tensor], *, batch_size: int = 256, seed: int = 0) -> float:
    """Return the mean of ``model.loss`` over all examples, in evaluation mode, with the same noise at each call.

    Args:
        model: a module with ``loss(*batch)``, the mean over the batch's examples; its mode is put back afterwards.
        data: one tensor or several, as in :func:`sdg_lab.training.train`.
        batch_size: examples at a time; the mean does not depend on it, but for the noise.
        seed: of the noise that ``loss`` draws.

    Raises:
        ValueError: as :func:`sdg_lab.training.train` does for data.
    """
    tensors = as_batch(data, "data")
    was_training, total = model.training, 0.0
    model.eval()
    try:
        with seeded(seed):
            for batch in zip(*(torch.split(t, batch_size) for t in tensors), strict=True):
                total += float(cast(HasLoss, model).loss(*batch)) * len(batch[0])
    finally:
        model.train(was_training)
    return total / len(tensors[0])
