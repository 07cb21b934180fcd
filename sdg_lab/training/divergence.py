"""When training blows up: what became NaN or infinite, and at which step."""

from __future__ import annotations

import math

import torch
from torch import nn


class DivergedError(FloatingPointError):
    """A loss or the weights became NaN or infinite; the message names the step."""


class NotFinite(Exception):
    """Something became NaN or infinite; the loop says at which step."""

    def __init__(self, what: str, value: float) -> None:
        super().__init__(f"the {what} became {value}")


def finite(what: str, value: float) -> float:
    """Return ``value``, or raise :class:`NotFinite`."""
    if not math.isfinite(value):
        raise NotFinite(what, value)
    return value


def require_finite_weights(module: nn.Module) -> None:
    """Raise :class:`NotFinite` if a weight is NaN or infinite."""
    if not all(bool(torch.isfinite(p).all()) for p in module.parameters()):
        raise NotFinite("weights", math.nan)
