"""A GPT with short convolutions, chapter 07's for small data: each position is mixed with the two before it.

So et al., *Primer* (2021), have a convolution behind queries, keys and values; Allen-Zhu, *Canon layers* (2025), also
before attention and feed-forward network. A head then reads at once what the last tokens were, which attention alone
has to learn.
"""

from __future__ import annotations

from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.sequences.dropout import LockedDropout
from sdg_lab.models.transformer import GPT, Transformer, TransformerConfig
from sdg_lab.models.transformer.attention import SelfAttention, attention
from sdg_lab.models.transformer.cache import KVCache, causal_mask
from sdg_lab.models.transformer.gpt import Block

SIZE = 3
"""Positions that a convolution covers, the position itself included."""


class Convolution(nn.Module):
    """x_t + w_0 ⊙ x_{t-2} + w_1 ⊙ x_{t-1} + w_2 ⊙ x_t, number by number: (n, T, width) -> (n, T, width).

    The weights begin at 0, where nothing is added.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, 1, SIZE))  # shaped as that of torch's depthwise Conv1d

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """Mix; the positions before the first are zeros, or what the cache has of them."""
        joined = cache.follow(self, x) if isinstance(cache, TailCache) else F.pad(x, (0, 0, SIZE - 1, 0))
        length = x.shape[1]
        for j in range(SIZE):
            x = torch.addcmul(x, joined[:, j : j + length], self.weight[:, 0, j])
        return x


class TailCache(KVCache):
    """A cache that also has the last inputs of every convolution."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tails: dict[Convolution, Tensor] = {}

    def follow(self, convolution: Convolution, x: Tensor) -> Tensor:
        """Return x, (n, T, width), behind the two positions before it, and remember its last two."""
        before = self.tails.get(convolution, x.new_zeros(len(x), SIZE - 1, x.shape[2]))
        joined = torch.cat([before, x], dim=1)
        self.tails[convolution] = joined[:, 1 - SIZE :]
        return joined

    def keep(self, rows: Tensor) -> Self:
        """Return the cache of some sequences only; ``rows`` are their numbers, (m,)."""
        kept = super().keep(rows)
        kept.tails = {convolution: tail[rows] for convolution, tail in self.tails.items()}
        return kept


class ConvolutionalAttention(SelfAttention):
    """Self-attention with a convolution of queries, keys and values."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.convolution = Convolution(self.qkv.out_features)

    def forward(  # noqa: D102 - said by the base
        self,
        x: Tensor,
        rotation: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        q, k, v = self.heads(self.convolution(self.qkv(x), cache), rotation)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        return self.gather(q, k, v, mask, is_causal=cache is None)

    def weights(self, x: Tensor, rotation: Tensor | None = None) -> Tensor:  # noqa: D102
        q, k, v = self.heads(self.convolution(self.qkv(x)), rotation)
        return attention(q, k, v, causal_mask(x.shape[1], x.shape[1], x.device))[1]


class ConvolutionalBlock(Block):
    """A block with two convolutions more: before attention, and before the feed-forward network."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.attention = ConvolutionalAttention(config)
        self.convolutions = nn.ModuleList(Convolution(config.d_model) for _ in range(2))

    def forward(  # noqa: D102 - said by the base
        self,
        x: Tensor,
        rotation: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        read = self.convolutions[0](self.attention_norm(x), cache)
        x = x + self.dropout(self.attention(read, rotation, cache, layer, mask))
        read = self.convolutions[1](self.feed_forward_norm(x), cache)
        return x + cast(Tensor, self.dropout(self.feed_forward(read)))

    def attention_weights(self, x: Tensor, rotation: Tensor | None = None) -> Tensor:  # noqa: D102
        return self.attention.weights(self.convolutions[0](self.attention_norm(x)), rotation)


class ConvolutionalTransformer(Transformer):
    """A transformer of such blocks."""

    def make_block(self) -> Block:
        """Make one of the blocks."""
        return ConvolutionalBlock(self.config)

    def cache(self, n: int, capacity: int | None = None, padding: Tensor | None = None) -> KVCache:
        """Return an empty cache; there is no padding, which a convolution would mix into what follows."""
        if padding is not None:
            raise ValueError("padding: a network with convolutions reads unpadded rows only; give texts of one length")
        return TailCache(self.config, n, like=self.norm.weight, capacity=capacity)


class ConvolutionalGPT(GPT):
    """A GPT with short convolutions.

    Args:
        locked: whether dropout drops the same numbers at all positions of a sequence.
        options: those of :class:`~sdg_lab.models.transformer.GPT`.
    """

    def __init__(self, *, locked: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.locked = locked

    def config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``."""
        return {**super().config(), "locked": self.locked}

    def build(self, n_symbols: int) -> None:
        """Make the network, with new random weights."""
        self.network = ConvolutionalTransformer(n_symbols, **super().config())
        if self.locked:
            for module in (self.network, *cast(list[Block], self.network.blocks)):
                module.dropout = LockedDropout(self.options.dropout)
