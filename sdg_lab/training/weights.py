"""The weights of a module: how many, drawn anew, averaged over the steps."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sdg_lab.training.randomness import seeded


def n_parameters(module: nn.Module) -> int:
    """Count the numbers that training changes."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def reinitialise(module: nn.Module, seed: int) -> None:
    """Draw all weights anew with a seed, as each layer's own ``reset_parameters`` does; ``fit`` begins with this."""
    with seeded(seed):
        for layer in module.modules():
            reset = getattr(layer, "reset_parameters", None)
            if callable(reset):
                reset()


def moving_average(module: nn.Module, decay: float) -> AveragedModel:
    """Return a copy whose weights and buffers follow the module's: average ← decay · average + (1 − decay) · weights.

    It begins with the weights after the first step, so that none of it is what training began with.
    """
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]
