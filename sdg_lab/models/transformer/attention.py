"""Attention and what stands around it in a transformer: masks, positions, norms, feed-forward networks, and a cache.

Vaswani et al., *Attention Is All You Need* (2017). Shapes: n sequences, T queries, S keys, heads of width d. Several
query heads may share one key and value head (Ainslie et al., *GQA*, 2023), so keys and values have ``kv_heads`` heads.
"""

from __future__ import annotations

import copy
import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Pairs = Literal["halves", "neighbours"]
"""Which numbers of a head turn together: i and i + d/2 (Hugging Face), or 2i and 2i + 1 (llama files in GGUF)."""


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return softmax(Q Kᵀ / √d) V, and the softmax itself: who looked where (Vaswani et al. 2017, eq. 1).

    This is the equation as it is read. The networks use torch's fused form of it, which a test proves to be equal.

    Args:
        q: queries, (n, heads, T, d).
        k: keys, (n, kv_heads, S, d); query head i looks at key head i // (heads / kv_heads).
        v: values, (n, kv_heads, S, d).
        mask: bool, broadcast to (n, heads, T, S): True where a query may look at a key.

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


def causal_mask(queries: int, keys: int, device: torch.device | None = None) -> Tensor:
    """Return which keys each query may look at: itself and what stands before it; bool, (queries, keys).

    The last query stands at the last key, so that the mask also serves queries that follow cached keys.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


def rotations(positions: Tensor, width: int, base: float) -> Tensor:
    """Return the rotation of each pair of numbers of a head as a complex number e^{i t θ_j}, (..., width / 2).

    θ_j = base^(-2j / width) for pair j and position t (Su et al., *RoFormer*, 2021, eq. 15).
    """
    exponents = torch.arange(0, width, 2, dtype=torch.float32, device=positions.device) / width
    angles = positions.float()[..., None] * base**-exponents
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, turns: Tensor, pairs: Pairs = "halves") -> Tensor:
    """Turn each pair of numbers of x, (..., T, d), by its position's rotation, (..., T, d / 2).

    The product of a query turned by position t and a key turned by position s depends on t - s alone.
    """
    if pairs == "neighbours":
        complex_x = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(complex_x * turns).flatten(-2).type_as(x)
    real, imaginary = x.chunk(2, dim=-1)
    cos, sin = turns.real.to(x.dtype), turns.imag.to(x.dtype)
    return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)


class KVCache:
    """The keys and values of all tokens read so far, so that a new token costs one query instead of the whole past.

    Args:
        layers: of the network.
        n: sequences.
        kv_heads: key and value heads.
        capacity: tokens that it can hold, padding included.
        width: of a head.
        padding: how many tokens at the left of each row are none, (n,), where prompts of different lengths are read
            together; nobody looks at them, and positions are counted after them.
        dtype: of the keys and values.
        device: where they are.

    Attributes:
        length: tokens read so far, padding included.
    """

    def __init__(
        self,
        layers: int,
        n: int,
        kv_heads: int,
        capacity: int,
        width: int,
        *,
        padding: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        self.length = 0
        self.padding = padding
        self.capacity = capacity
        self.keys, self.values = (
            [torch.empty(n, kv_heads, capacity, width, dtype=dtype, device=device) for _ in range(layers)]
            for _ in range(2)
        )
        self.tails: dict[tuple[int, str], Tensor] = {}  # what convolutions still need, see `follow`

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store the keys and values of new tokens, (n, kv_heads, T, d); return those of all tokens so far.

        ``length`` moves on when the whole network has read the tokens: :meth:`advance`.
        """
        end = self.length + k.shape[2]
        self.keys[layer][:, :, self.length : end] = k
        self.values[layer][:, :, self.length : end] = v
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]

    def follow(self, layer: int, place: str, rows: Tensor, size: int) -> Tensor:
        """Return new rows, (n, T, width), behind the ``size`` rows before them (zeros before the first token).

        The last ones are kept for the tokens that come next, under the layer and the place in it.
        """
        tail = self.tails.get((layer, place))
        joined = F.pad(rows, (0, 0, size, 0)) if tail is None else torch.cat([tail, rows], dim=1)
        self.tails[layer, place] = joined[:, -size:]
        return joined

    def advance(self, tokens: int) -> None:
        """Count tokens that all layers have stored."""
        self.length += tokens

    def longest(self) -> int:
        """Return how many tokens the row with the least padding has read, without its padding."""
        return self.length if self.padding is None else self.length - int(self.padding.min())

    def positions(self, tokens: int) -> Tensor:
        """Return the positions of the next tokens, (T,), or (n, T) where rows are padded; padding has position 0."""
        place = torch.arange(self.length, self.length + tokens, device=self.keys[0].device)
        return place if self.padding is None else (place - self.padding[:, None]).clamp(min=0)

    def mask(self, tokens: int) -> Tensor | None:
        """Return what the next tokens may look at, bool, (T, S) or (n, 1, T, S); None if that is everything."""
        if self.padding is None and tokens == 1:
            return None
        end = self.length + tokens
        causal = causal_mask(tokens, end, self.keys[0].device)
        if self.padding is None:
            return causal
        place = torch.arange(end, device=causal.device)
        real = place >= self.padding[:, None]
        itself = place == place[self.length :, None]  # so that no row of the softmax is empty, not even of padding
        return ((causal & real[:, None]) | itself)[:, None]

    def keep(self, rows: Tensor) -> KVCache:
        """Return the cache of some sequences only; ``rows`` are their numbers, (m,)."""
        kept = copy.copy(self)
        kept.padding = None if self.padding is None else self.padding[rows]
        kept.keys = [keys[rows] for keys in self.keys]
        kept.values = [values[rows] for values in self.values]
        kept.tails = {place: tail[rows] for place, tail in self.tails.items()}
        return kept


class SelfAttention(nn.Module):
    """Attention of a sequence to its own past, with several heads.

    Args:
        d_model: width of the network.
        n_heads: query heads, each of width d_model / n_heads.
        n_kv_heads: key and value heads.
        bias: whether the two matrices have one.
        pairs: which numbers of a head turn together, where positions are rotary.
        convolution: positions that a :class:`Convolution` of the queries, keys and values covers; 0 for none.
    """

    def __init__(
        self, d_model: int, n_heads: int, n_kv_heads: int, *, bias: bool, pairs: Pairs, convolution: int = 0
    ) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_model // n_heads
        self.pairs = pairs
        # One matrix for queries, keys and values, in this order: one large product is quicker than three.
        self.qkv = nn.Linear(d_model, (n_heads + 2 * n_kv_heads) * self.d_head, bias=bias)
        self.out = nn.Linear(d_model, d_model, bias=bias)
        self.convolution = Convolution(self.qkv.out_features, convolution) if convolution else None

    def project(
        self, x: Tensor, turns: Tensor | None, cache: KVCache | None = None, layer: int = 0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values of x, (n, T, d_model), each (n, its heads, T, d_head)."""
        n, length, _ = x.shape
        rows = self.qkv(x)
        if self.convolution is not None:
            rows = self.convolution(rows, cache, layer, "attention")
        heads = rows.view(n, length, -1, self.d_head).transpose(1, 2)
        turning, v = heads.split([self.n_heads + self.n_kv_heads, self.n_kv_heads], dim=1)
        if turns is not None:
            turning = rotate(turning, turns, self.pairs)
        q, k = turning.split([self.n_heads, self.n_kv_heads], dim=1)
        return q, k, v

    def forward(
        self,
        x: Tensor,
        turns: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return what each position gathers, (n, T, d_model).

        Args:
            x: (n, T, d_model).
            turns: rotations by position, (T, d / 2) or (n, 1, T, d / 2); None if positions are not rotary.
            cache: keys and values of what came before.
            layer: number of this layer in the cache.
            mask: what the queries may look at; used with a cache only, without one each looks at its own past.
        """
        q, k, v = self.project(x, turns, cache, layer)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        # softmax(Q Kᵀ / √d) V, as `attention` above, fused.
        shape = q.shape
        if q.shape[2] == 1 and mask is None:
            # One query a head: those that share a key head are then as good as several queries of one head, and faster.
            q = q.reshape(len(q), self.n_kv_heads, -1, self.d_head)
        gathered = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=cache is None,
            enable_gqa=q.shape[1] != self.n_kv_heads,
        )
        return cast(Tensor, self.out(gathered.view(shape).transpose(1, 2).flatten(2)))

    def weights(self, x: Tensor, turns: Tensor | None = None) -> Tensor:
        """Return where each head looks, (n, heads, T, T)."""
        q, k, v = self.project(x, turns)
        return attention(q, k, v, causal_mask(x.shape[1], x.shape[1], x.device))[1]


class Convolution(nn.Module):
    """Mix the last positions into each, number by number: x_t + Σ_j w_j ⊙ x_{t-(size-1-j)}, for j from 0 to size - 1.

    So et al., *Primer* (2021), have it behind queries, keys and values; Allen-Zhu, *Canon layers* (2025), also before
    attention and feed-forward network. A head then sees at once what the last few tokens were, which attention alone
    has to learn. w_j is ``weight[..., j]``, as in torch's Conv1d: the first belongs to the oldest position, the last to
    the position itself. The weights begin at 0, and nothing is added.

    Args:
        width: numbers at a position.
        size: positions that are mixed, the position itself included.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, 1, size))  # shaped as that of torch's depthwise Conv1d

    def forward(self, x: Tensor, cache: KVCache | None = None, layer: int = 0, place: str = "") -> Tensor:
        """Return (n, T, width).

        Args:
            x: (n, T, width).
            cache: where the positions before are kept.
            layer: number of the layer in the cache.
            place: a name for this convolution in its layer.
        """
        before, length = self.weight.shape[-1] - 1, x.shape[1]
        joined = F.pad(x, (0, 0, before, 0)) if cache is None else cache.follow(layer, place, x, before)
        for j in range(before + 1):
            x = torch.addcmul(x, joined[:, j : j + length], self.weight[:, 0, j])
        return x


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale: x / √(mean(x²) + ε) · g (Zhang & Sennrich 2019, eq. 4)."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (..., width), at the scale of ``weight``."""
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class GELU(nn.Module):
    """The feed-forward network of GPT: W₂ gelu(W₁ x)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., d_model)."""
        return cast(Tensor, self.down(F.gelu(self.up(x))))


class SwiGLU(nn.Module):
    """The feed-forward network of Llama: W₃ (silu(W₁ x) ⊙ W₂ x) (Shazeer 2020, eq. 6)."""

    def __init__(self, d_model: int, d_ff: int, *, bias: bool) -> None:
        super().__init__()
        self.gate_up = nn.Linear(d_model, 2 * d_ff, bias=bias)  # W₁ over W₂: one product
        self.down = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., d_model)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return cast(Tensor, self.down(F.silu(gate) * up))
