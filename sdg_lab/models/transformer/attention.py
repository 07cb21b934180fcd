"""Attention, with rotary positions, and with its past in a cache.

Vaswani et al., *Attention Is All You Need* (2017). Shapes: n sequences, T queries, S keys, heads of width d. Several
query heads may share one key and value head (Ainslie et al., *GQA*, 2023), so keys and values have ``kv_heads`` heads.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.transformer.cache import KVCache, causal_mask
from sdg_lab.models.transformer.config import Pairs, TransformerConfig


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return softmax(Q Kᵀ / √d) V, and the softmax itself, the attention weights (Vaswani et al. 2017, eq. 1).

    This is the equation as it is read. The networks use torch's fused form of it, which a test proves to be equal.

    Args:
        q: queries, (n, heads, T, d).
        k: keys, (n, kv_heads, S, d); query head i attends to key head i // (heads / kv_heads).
        v: values, (n, kv_heads, S, d).
        mask: bool, broadcast to (n, heads, T, S): True where a query may attend to a key.

    Returns:
        Outputs (n, heads, T, d), and weights (n, heads, T, S), each row of which sums to 1.

    Raises:
        ValueError: if the heads of the queries are not a multiple of those of the keys.
    """
    if q.shape[1] % k.shape[1]:
        raise ValueError(f"heads must be a multiple of kv_heads, got {q.shape[1]} heads and {k.shape[1]} kv_heads")
    shared_by = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(shared_by, dim=1), v.repeat_interleave(shared_by, dim=1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def rotations(positions: Tensor, width: int, base: float) -> Tensor:
    """Return the rotation of each pair of numbers of a head as a complex number e^{i t θ_j}, (..., width / 2).

    θ_j = base^(-2j / width) for pair j and position t (Su et al., *RoFormer*, 2021, eq. 15).
    """
    exponents = torch.arange(0, width, 2, dtype=torch.float32, device=positions.device) / width
    angles = positions.float()[..., None] * base**-exponents
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, by: Tensor, pairs: Pairs = "halves") -> Tensor:
    """Rotate each pair of numbers of x, (..., T, d), by its position's :func:`rotations`, (..., T, d / 2).

    The product of a query rotated by position t and a key rotated by position s depends on t - s alone.
    """
    if pairs == "neighbours":
        complex_x = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(complex_x * by).flatten(-2).type_as(x)
    real, imaginary = x.chunk(2, dim=-1)
    cos, sin = by.real.to(x.dtype), by.imag.to(x.dtype)
    return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)


class SelfAttention(nn.Module):
    """Attention of a sequence to its own past, with several heads."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        # One matrix for queries, keys and values, in this order: one large product is quicker than three.
        rows = (config.n_heads + 2 * config.kv_heads) * config.d_head
        self.qkv = nn.Linear(config.d_model, rows, bias=config.bias)
        self.out = nn.Linear(config.d_model, config.d_model, bias=config.bias)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return what each position gathers, (n, T, d_model).

        Args:
            x: (n, T, d_model).
            rotation: of each position, (T, d / 2) or (n, 1, T, d / 2); None if positions are not rotary.
            cache: keys and values of what came before.
            layer: number of this layer in the cache.
            mask: what the queries may attend to; used with a cache only, without one each attends to its own past.
        """
        q, k, v = self.heads(self.qkv(x), rotation)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        return self.gather(q, k, v, mask, is_causal=cache is None)

    def heads(self, qkv: Tensor, rotation: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Cut a product, (n, T, ...), into queries and keys, rotated, and values, each (n, its heads, T, d)."""
        c = self.config
        heads = qkv.view(*qkv.shape[:2], -1, c.d_head).transpose(1, 2)
        q_and_k, v = heads.tensor_split([c.n_heads + c.kv_heads], dim=1)
        if rotation is not None:
            q_and_k = rotate(q_and_k, rotation, c.rope_pairs)
        q, k = q_and_k.tensor_split([c.n_heads], dim=1)
        return q, k, v

    def gather(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, is_causal: bool) -> Tensor:
        """Return softmax(Q Kᵀ / √d) V of all heads, joined by the last matrix: :func:`attention`, fused."""
        shape = q.shape
        if q.shape[2] == 1 and mask is None:
            # One query a head: those that share a key head are then as good as several queries of one head, and faster.
            q = q.reshape(len(q), k.shape[1], -1, q.shape[3])
        grouped = q.shape[1] != k.shape[1]
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal, enable_gqa=grouped)
        return cast(Tensor, self.out(found.view(shape).transpose(1, 2).flatten(2)))

    def weights(self, x: Tensor, rotation: Tensor | None = None) -> Tensor:
        """Return the attention weights of each head, (n, heads, T, T)."""
        q, k, v = self.heads(self.qkv(x), rotation)
        return attention(q, k, v, causal_mask(x.shape[1], x.shape[1], x.device))[1]
