"""Norms and feed-forward networks: what works on each position of a transformer alone."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.transformer.config import TransformerConfig


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale: x / √(mean(x²) + ε) · g (Zhang & Sennrich 2019, eq. 4)."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (..., width), at the scale of ``weight``."""
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class FeedForward(nn.Module):
    """The feed-forward network of GPT: W₂ gelu(W₁ x)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_hidden, bias=config.bias)
        self.down = nn.Linear(config.d_hidden, config.d_model, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., d_model)."""
        return cast(Tensor, self.down(F.gelu(self.up(x))))


class SwiGLU(nn.Module):
    """The feed-forward network of Llama: W₃ (silu(W₁ x) ⊙ W₂ x) (Shazeer 2020, eq. 6)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.gate_up = nn.Linear(config.d_model, 2 * config.d_hidden, bias=config.bias)  # W₁ over W₂: one product
        self.down = nn.Linear(config.d_hidden, config.d_model, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., d_model)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return cast(Tensor, self.down(F.silu(gate) * up))


def make_norm(config: TransformerConfig) -> nn.LayerNorm | RMSNorm:
    """Make one of the network's norms."""
    if config.norm == "rms":
        return RMSNorm(config.d_model, config.norm_eps)
    return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.bias)


def make_feed_forward(config: TransformerConfig) -> FeedForward | SwiGLU:
    """Make one of the network's feed-forward networks."""
    return (FeedForward if config.feed_forward == "gelu" else SwiGLU)(config)
