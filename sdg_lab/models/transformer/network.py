"""The transformer that predicts the next symbol: GPT, and, by its options, Llama.

Radford et al., *Language Models are Unsupervised Multitask Learners* (2019): learned positions, LayerNorm, GELU.
Touvron et al., *LLaMA* (2023): rotary positions, RMSNorm, SwiGLU. Both put each norm before what it feeds, and add what
attention and feed-forward network find to the stream that runs through all layers.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.dropout import LockedDropout
from sdg_lab.models.transformer.attention import (
    GELU,
    Convolution,
    KVCache,
    Pairs,
    RMSNorm,
    SelfAttention,
    SwiGLU,
    rotations,
)

Positions = Literal["learned", "rotary"]
Norm = Literal["layer", "rms"]
FeedForward = Literal["gelu", "swiglu"]


class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int,
        d_ff: int,
        *,
        norm: Norm,
        feed_forward: FeedForward,
        dropout: float,
        bias: bool,
        pairs: Pairs,
        eps: float,
        convolution: int,
        locked: bool,
    ) -> None:
        super().__init__()
        self.attention_norm = _norm(norm, d_model, eps, bias)
        self.attention = SelfAttention(d_model, n_heads, n_kv_heads, bias=bias, pairs=pairs, convolution=convolution)
        self.feed_forward_norm = _norm(norm, d_model, eps, bias)
        self.feed_forward = (GELU if feed_forward == "gelu" else SwiGLU)(d_model, d_ff, bias=bias)
        self.dropout = _dropout(dropout, locked)
        # Before each of the two; attention has a third one behind its queries, keys and values.
        self.convolutions = nn.ModuleList(Convolution(d_model, convolution) for _ in range(2 if convolution else 0))

    def forward(
        self, x: Tensor, turns: Tensor | None, cache: KVCache | None = None, layer: int = 0, mask: Tensor | None = None
    ) -> Tensor:
        """Return the stream after this layer, (n, T, d_model); arguments as of :class:`SelfAttention`."""
        read = self.read(0, self.attention_norm(x), cache, layer)
        x = x + self.dropout(self.attention(read, turns, cache, layer, mask))
        read = self.read(1, self.feed_forward_norm(x), cache, layer)
        return x + cast(Tensor, self.dropout(self.feed_forward(read)))

    def read(self, half: int, x: Tensor, cache: KVCache | None = None, layer: int = 0) -> Tensor:
        """Return what attention (half 0) or the feed-forward network (1) is given of the normed stream."""
        if not self.convolutions:
            return x
        return cast(Tensor, self.convolutions[half](x, cache, layer, str(half)))


class Transformer(nn.Module):
    """The network: codes in, scores of the next symbol out.

    Args:
        symbols: number of different codes.
        d_model: width of the stream.
        n_layers: blocks.
        n_heads: query heads a block; d_model must be a multiple of it.
        n_kv_heads: key and value heads that the query heads share; n_heads where None is given.
        context: the most tokens that can be read.
        d_ff: width inside the feed-forward network. By default 4 d_model for GELU, and for SwiGLU, which has three
            matrices in place of two, 8/3 d_model rounded up to a multiple of 8.
        positions: "learned", one vector each; or "rotary", by turning queries and keys.
        norm: "layer" or "rms".
        feed_forward: "gelu" or "swiglu".
        dropout: share of the numbers dropped in training, after the embedding and in what each block adds.
        tied: whether the embedding's matrix also gives the scores.
        bias: whether matrices and LayerNorms have a bias.
        rope_base: base of the rotary frequencies, at least 1.
        rope_pairs: which numbers of a head turn together: "halves" or "neighbours".
        norm_eps: what is added under the norms' root, above 0.
        convolution: positions that the three convolutions of a block cover, each position itself included; 0 for none
            (:class:`~sdg_lab.models.transformer.attention.Convolution`).
        locked: whether dropout drops the same numbers at all positions of a sequence.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        symbols: int,
        *,
        d_model: int = 128,
        n_layers: int = 4,
        n_heads: int = 4,
        n_kv_heads: int | None = None,
        context: int = 256,
        d_ff: int | None = None,
        positions: Positions = "learned",
        norm: Norm = "layer",
        feed_forward: FeedForward = "gelu",
        dropout: float = 0.0,
        tied: bool = True,
        bias: bool = False,
        rope_base: float = 10_000.0,
        rope_pairs: Pairs = "halves",
        norm_eps: float = 1e-5,
        convolution: int = 0,
        locked: bool = False,
    ) -> None:
        super().__init__()
        if n_kv_heads is None:
            n_kv_heads = n_heads
        if d_ff is None:
            d_ff = 4 * d_model if feed_forward == "gelu" else 8 * math.ceil(d_model / 3)
        whole = {"symbols": symbols, "d_model": d_model, "n_layers": n_layers, "n_heads": n_heads}
        _check_sizes({**whole, "n_kv_heads": n_kv_heads, "context": context, "d_ff": d_ff})
        _check_choices(positions, norm, feed_forward, rope_pairs)
        _check_numbers(rope_base, norm_eps)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        if isinstance(convolution, bool) or not isinstance(convolution, int) or convolution == 1 or convolution < 0:
            raise ValueError(f"convolution must be 0, for none, or a whole number >= 2, got {convolution!r}")
        if positions == "rotary" and (d_model // n_heads) % 2:
            raise ValueError(
                f"rotary positions turn pairs of numbers: d_model / n_heads must be even, got {d_model // n_heads}"
            )
        self.n_kv_heads, self.d_head, self.context = n_kv_heads, d_model // n_heads, context
        self.convolution = convolution
        self.rope_base = rope_base if positions == "rotary" else None
        self.token_embedding = nn.Embedding(symbols, d_model)
        self.position_embedding = nn.Embedding(context, d_model) if positions == "learned" else None
        self.dropout = _dropout(dropout, locked)
        self.blocks = nn.ModuleList(
            Block(
                d_model,
                n_heads,
                n_kv_heads,
                d_ff,
                norm=norm,
                feed_forward=feed_forward,
                dropout=dropout,
                bias=bias,
                pairs=rope_pairs,
                eps=norm_eps,
                convolution=convolution,
                locked=locked,
            )
            for _ in range(n_layers)
        )
        self.norm = _norm(norm, d_model, norm_eps, bias)
        self.head = None if tied else nn.Linear(d_model, symbols, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as GPT-2 does: N(0, 0.02²), and what is added to the stream smaller the more layers add."""
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                added = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * len(self.blocks)) if added else 0.02)
            elif name.endswith("bias") or weight.ndim == 3:  # convolutions
                nn.init.zeros_(weight)
            else:
                nn.init.ones_(weight)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Return the scores of the symbol after each token, (n, T) -> (n, T, symbols).

        Args:
            tokens: codes; with a cache those that follow what it has read.
            cache: made by :meth:`cache`; it has read these tokens too afterwards.

        Raises:
            ValueError: if there are more tokens than the context or the cache can hold.
        """
        return self.unembed(self.hidden(tokens, cache))

    def hidden(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Return the stream after the last norm, (n, T, d_model); arguments as of :meth:`forward`."""
        x, turns = self._embed(tokens, cache)
        mask = None if cache is None else cache.mask(tokens.shape[1])
        for layer, block in enumerate(self.blocks):
            x = block(x, turns, cache, layer, mask)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return cast(Tensor, self.norm(x))

    def unembed(self, hidden: Tensor) -> Tensor:
        """Return scores, (..., d_model) -> (..., symbols)."""
        if self.head is not None:
            return cast(Tensor, self.head(hidden))
        return hidden @ self.token_embedding.weight.T

    @torch.no_grad()
    def attention_weights(self, tokens: Tensor) -> Tensor:
        """Return where each head looks, (layers, n, heads, T, T), rows being queries."""
        x, turns = self._embed(tokens, None)
        found = []
        for block in cast(list[Block], list(self.blocks)):
            found.append(block.attention.weights(block.read(0, block.attention_norm(x)), turns))
            x = block(x, turns)
        return torch.stack(found)

    def cache(self, n: int, capacity: int | None = None, padding: Tensor | None = None) -> KVCache:
        """Return an empty cache for n sequences.

        Args:
            n: sequences.
            capacity: tokens that it can hold, padding included; the context where None is given. Padded rows may need
                more: the context is what a row holds without its padding.
            padding: tokens at the left of each row that are none, (n,).

        Raises:
            ValueError: if the capacity is below 1, or if there is padding, which a network with convolutions would mix
                into what follows.
        """
        if capacity is None:
            capacity = self.context
        _check_size("capacity", capacity)
        if padding is not None and self.convolution:
            raise ValueError("padding: a network with convolutions reads unpadded rows only; give texts of one length")
        weight = self.norm.weight
        return KVCache(
            len(self.blocks),
            n,
            self.n_kv_heads,
            capacity,
            self.d_head,
            padding=padding,
            dtype=weight.dtype,
            device=weight.device,
        )

    def _embed(self, tokens: Tensor, cache: KVCache | None) -> tuple[Tensor, Tensor | None]:
        """Return the stream before the first block, and the rotations of the positions if they are rotary."""
        length = tokens.shape[1]
        read = length if cache is None else cache.longest() + length
        if read > self.context:
            raise ValueError(f"{read} tokens are more than the context of {self.context}; give fewer")
        if cache is not None and cache.length + length > cache.capacity:
            raise ValueError(
                f"{cache.length + length} tokens, padding included, are more than the cache's capacity of "
                f"{cache.capacity}; make a cache with a larger capacity"
            )
        x = self.token_embedding(tokens)
        positions = torch.arange(length, device=tokens.device) if cache is None else cache.positions(length)
        if self.position_embedding is not None:
            x = x + self.position_embedding(positions)
        turns = None
        if self.rope_base is not None:
            turns = rotations(positions, self.d_head, self.rope_base)
            if turns.ndim == 3:
                turns = turns[:, None]  # one row of positions for all heads
        return self.dropout(x), turns


class GPT(SequenceModel):
    """A model of sequences whose network is a :class:`Transformer`, trained from scratch.

    Args:
        context: the most symbols that are read, boundary included.
        options: the others of :class:`Transformer`, by name.

    Raises:
        TypeError: if there is no such option.
        ValueError: if an argument is out of range.
    """

    def __init__(self, *, context: int = 256, **options: Any) -> None:
        super().__init__(context=context)
        self.options = options
        self.build(2)  # so that wrong options are refused here, and not when the data are there

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``."""
        return {"context": self.context, **self.options}

    def build(self, n_symbols: int) -> None:
        """Make the network."""
        self.network = Transformer(n_symbols, context=cast(int, self.context), **self.options)

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices inside the blocks: what ``optimizer="muon"`` steps as matrices."""
        return [parameter for parameter in self.network.blocks.parameters() if parameter.ndim == 2]

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the scores of the symbol after each position, (n, T) -> (n, T, symbols)."""
        return cast(Tensor, self.network(tokens))

    def start(self, n: int) -> KVCache:
        """Return an empty cache for n sequences."""
        return self.network.cache(n)

    def step(self, tokens: Tensor, state: KVCache) -> tuple[Tensor, KVCache]:
        """Read one symbol a row, (n,); return the scores of the next, (n, symbols), and the cache."""
        return self.advance(tokens[:, None], state)

    def advance(self, tokens: Tensor, state: KVCache) -> tuple[Tensor, KVCache]:
        """Read several symbols a row at once, (n, T); return the scores of the next, (n, symbols), and the cache."""
        hidden = self.network.hidden(tokens, state)
        return self.network.unembed(hidden[:, -1]), state

    def keep(self, state: KVCache, rows: Tensor) -> KVCache:
        """Return the cache of some rows only."""
        return state.keep(rows)


def _dropout(share: float, locked: bool) -> nn.Module:
    return LockedDropout(share) if locked else nn.Dropout(share)


def _norm(kind: Norm, width: int, eps: float, bias: bool) -> nn.LayerNorm | RMSNorm:
    return nn.LayerNorm(width, eps=eps, bias=bias) if kind == "layer" else RMSNorm(width, eps)


def _check_size(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {size!r}")


def _check_numbers(rope_base: float, norm_eps: float) -> None:
    # Frequencies can overflow below a base of 1, and without an epsilon a stream of zeros has no norm: both end in NaN.
    for name, number in (("rope_base", rope_base), ("norm_eps", norm_eps)):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise ValueError(f"{name} must be a finite number, got {number!r}")
    if rope_base < 1:
        raise ValueError(f"rope_base must be >= 1, got {rope_base}")
    if norm_eps <= 0:
        raise ValueError(f"norm_eps must be > 0, got {norm_eps}")


def _check_sizes(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        _check_size(name, size)
    for of, by in (("d_model", "n_heads"), ("n_heads", "n_kv_heads")):
        if sizes[of] % sizes[by]:
            raise ValueError(f"{of} must be a multiple of {by}, got {sizes[of]} and {sizes[by]}")


def _check_choices(positions: str, norm: str, feed_forward: str, rope_pairs: str) -> None:
    for name, choice, kinds in (
        ("positions", positions, Positions),
        ("norm", norm, Norm),
        ("feed_forward", feed_forward, FeedForward),
        ("rope_pairs", rope_pairs, Pairs),
    ):
        if choice not in get_args(kinds):
            raise ValueError(f"{name} must be one of {', '.join(get_args(kinds))}, got {choice!r}")
