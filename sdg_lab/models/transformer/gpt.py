"""The transformer that predicts the next token: GPT, and, by four of its options, Llama.

Radford et al., *Language Models are Unsupervised Multitask Learners* (2019): learned positions, LayerNorm, GELU.
Touvron et al., *LLaMA* (2023): rotary positions, RMSNorm, SwiGLU. Both put each norm before what it feeds, and add what
attention and feed-forward network find to the residual stream, which runs through all layers.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from sdg_lab.checks import whole
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.transformer.attention import SelfAttention, rotations
from sdg_lab.models.transformer.cache import KVCache
from sdg_lab.models.transformer.config import DEFAULTS, TransformerConfig
from sdg_lab.models.transformer.layers import make_feed_forward, make_norm
from sdg_lab.options import takes


class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = make_norm(config)
        self.attention = SelfAttention(config)
        self.feed_forward_norm = make_norm(config)
        self.feed_forward = make_feed_forward(config)
        self.dropout: nn.Module = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor | None = None,
        cache: KVCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the residual stream after this layer, (n, T, d_model); arguments as of :class:`SelfAttention`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), rotation, cache, layer, mask))
        return x + cast(Tensor, self.dropout(self.feed_forward(self.feed_forward_norm(x))))

    def attention_weights(self, x: Tensor, rotation: Tensor | None = None) -> Tensor:
        """Return the attention weights of each head, (n, heads, T, T)."""
        return self.attention.weights(self.attention_norm(x), rotation)


class Transformer(nn.Module):
    """The network: codes in, logits of the next token out.

    Args:
        symbols: number of different codes.
        options: the fields of :class:`~sdg_lab.models.transformer.config.TransformerConfig`.

    Raises:
        TypeError: if there is no such option.
        ValueError: if an argument is out of range.
    """

    @takes(TransformerConfig, DEFAULTS)
    def __init__(self, symbols: int, **options: Any) -> None:
        super().__init__()
        self.config = config = TransformerConfig(**options)
        self.token_embedding = nn.Embedding(whole("symbols", symbols, least=1), config.d_model)
        learned = config.positions == "learned"
        self.position_embedding = nn.Embedding(config.context, config.d_model) if learned else None
        self.dropout: nn.Module = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(self.make_block() for _ in range(config.n_layers))
        self.norm = make_norm(config)
        self.head = None if config.tied else nn.Linear(config.d_model, symbols, bias=False)
        self.reset_parameters()

    def make_block(self) -> Block:
        """Make one of the blocks."""
        return Block(self.config)

    def reset_parameters(self) -> None:
        """Draw the weights as GPT-2 does: N(0, 0.02²), and what each block adds smaller the more layers there are."""
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                added = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * len(self.blocks)) if added else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)
            elif weight.ndim == 1:
                nn.init.ones_(weight)  # gains of the norms

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Return the logits of the token after each, (n, T) -> (n, T, symbols).

        Args:
            tokens: codes; with a cache those that follow what it has read.
            cache: made by :meth:`cache`; it has read these tokens too afterwards.

        Raises:
            ValueError: if there are more tokens than the context or the cache can hold.
        """
        return self.unembed(self.hidden(tokens, cache))

    def hidden(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Return the residual stream after the last norm, (n, T, d_model); arguments as of :meth:`forward`."""
        x, rotation = self._embed(tokens, cache)
        mask = None if cache is None else cache.mask(tokens.shape[1])
        for layer, block in enumerate(self.blocks):
            x = block(x, rotation, cache, layer, mask)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return cast(Tensor, self.norm(x))

    def unembed(self, hidden: Tensor) -> Tensor:
        """Return logits, (..., d_model) -> (..., symbols)."""
        if self.head is not None:
            return cast(Tensor, self.head(hidden))
        return hidden @ self.token_embedding.weight.T

    @torch.no_grad()
    def attention_weights(self, tokens: Tensor) -> Tensor:
        """Return the attention weights of all heads, (layers, n, heads, T, T), rows being queries."""
        x, rotation = self._embed(tokens, None)
        found = []
        for block in cast(list[Block], self.blocks):
            found.append(block.attention_weights(x, rotation))
            x = block(x, rotation)
        return torch.stack(found)

    def cache(self, n: int, capacity: int | None = None, padding: Tensor | None = None) -> KVCache:
        """Return an empty cache for n sequences.

        Args:
            n: sequences.
            capacity: tokens that it can hold, padding included; the context where None is given. Padded rows may need
                more: the context is what a row holds without its padding.
            padding: tokens at the left of each row that are none, (n,).

        Raises:
            ValueError: if the capacity is below 1.
        """
        if capacity is not None:
            whole("capacity", capacity, least=1)
        return KVCache(self.config, n, capacity=capacity, padding=padding, like=self.norm.weight)

    def _embed(self, tokens: Tensor, cache: KVCache | None) -> tuple[Tensor, Tensor | None]:
        """Return the residual stream before the first block, and the rotation of each position if they are rotary."""
        length, context = tokens.shape[1], self.config.context
        read = length if cache is None else cache.longest() + length
        if read > context:
            raise ValueError(f"{read} tokens are more than the context of {context}; give fewer")
        if cache is not None and cache.length + length > cache.capacity:
            raise ValueError(
                f"{cache.length + length} tokens, padding included, are more than the cache's capacity of "
                f"{cache.capacity}; make a cache with a larger capacity"
            )
        x = self.token_embedding(tokens)
        positions = torch.arange(length, device=tokens.device) if cache is None else cache.positions(length)
        if self.position_embedding is not None:
            return self.dropout(x + self.position_embedding(positions)), None
        rotation = rotations(positions, self.config.d_head, self.config.rope_base)
        # Where rows are padded, each has its own rotations: one for all of its heads.
        return self.dropout(x), rotation if rotation.ndim == 2 else rotation[:, None]


class GPT(SequenceModel):
    """A model of sequences whose network is a :class:`Transformer`, trained from scratch.

    Args:
        options: the fields of :class:`~sdg_lab.models.transformer.config.TransformerConfig`; the context counts the
            boundary.

    Raises:
        TypeError: if there is no such option.
        ValueError: if an argument is out of range.
    """

    @takes(TransformerConfig, DEFAULTS)
    def __init__(self, **options: Any) -> None:
        chosen = TransformerConfig(**options)
        super().__init__(context=chosen.context)
        self.options = chosen

    def config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``."""
        return dataclasses.asdict(self.options)

    def build(self, n_symbols: int) -> None:
        """Make the network, with new random weights."""
        self.network = Transformer(n_symbols, **self.config())

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices inside the blocks: what ``optimizer="muon"`` steps as matrices."""
        self.require_layers()
        return [parameter for parameter in self.network.blocks.parameters() if parameter.ndim == 2]

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits of the token after each position, (n, T) -> (n, T, symbols)."""
        self.require_layers()
        return cast(Tensor, self.network(tokens))

    def start(self, n: int) -> KVCache:
        """Return an empty cache for n sequences."""
        self.require_layers()
        return self.network.cache(n)

    def read(self, tokens: Tensor, state: KVCache) -> tuple[Tensor, KVCache]:
        """Read on, (n, T); return the logits of the token after the last, (n, symbols), and the cache."""
        return self.network.unembed(self.network.hidden(tokens, state)[:, -1]), state

    def keep(self, state: KVCache, rows: Tensor) -> KVCache:
        """Return the cache of some rows only."""
        return state.keep(rows)
