"""Dropout with one mask for a whole sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Dropout that drops the same units at all steps of a sequence: (n, T, width) with one mask a row.

    Gal & Ghahramani, *A Theoretically Grounded Application of Dropout in Recurrent Neural Networks* (2016).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, h: Tensor) -> Tensor:  # noqa: D102 - said by the class
        if not self.training or self.p == 0:
            return h
        return h * torch.empty_like(h[:, :1]).bernoulli_(1 - self.p) / (1 - self.p)
