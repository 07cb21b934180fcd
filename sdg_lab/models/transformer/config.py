"""What a transformer is made of: every size and every choice, checked once."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sdg_lab.checks import number, one_of, truth, whole

Positions = Literal["learned", "rotary"]
Norm = Literal["layer", "rms"]
Activation = Literal["gelu", "swiglu"]
Pairs = Literal["halves", "neighbours"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The options of a transformer; those of GPT-2 are the defaults, and Llama is four other choices.

    Attributes:
        d_model: width of the residual stream.
        n_layers: blocks.
        n_heads: query heads a block; d_model must be a multiple of it.
        n_kv_heads: key and value heads that the query heads share; n_heads where None is given.
        context: the most tokens that can be read.
        d_ff: width inside the feed-forward network. By default 4 d_model for GELU, and for SwiGLU, which has three
            matrices in place of two, 8/3 d_model rounded up to a multiple of 8.
        positions: "learned", one vector each; or "rotary" position embedding of queries and keys.
        norm: "layer" or "rms".
        feed_forward: "gelu" or "swiglu".
        dropout: share of the numbers that are dropped out in training, after the embedding and in what each block adds.
        tied: whether the embedding's matrix also gives the logits.
        bias: whether matrices and LayerNorms have a bias.
        rope_base: base of the rotary frequencies, at least 1.
        rope_pairs: which numbers of a head turn together: "halves", i and i + d/2 (Hugging Face), or "neighbours",
            2i and 2i + 1 (llama files in GGUF).
        norm_eps: what is added under the norms' root, above 0.

    Raises:
        ValueError: if an option is out of range.
    """

    d_model: int = 128
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: int | None = None
    context: int = 256
    d_ff: int | None = None
    positions: Positions = "learned"
    norm: Norm = "layer"
    feed_forward: Activation = "gelu"
    dropout: float = 0.0
    tied: bool = True
    bias: bool = False
    rope_base: float = 10_000.0
    rope_pairs: Pairs = "halves"
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("d_model", "n_layers", "n_heads", "n_kv_heads", "context", "d_ff"):
            if (size := getattr(self, name)) is not None:
                object.__setattr__(self, name, whole(name, size, least=1))  # numpy's whole numbers are not JSON's
        for name in ("tied", "bias"):
            object.__setattr__(self, name, truth(name, getattr(self, name)))
        choices = {"positions": Positions, "norm": Norm, "feed_forward": Activation, "rope_pairs": Pairs}
        for name, kinds in choices.items():
            one_of(name, getattr(self, name), get_args(kinds))
        number("dropout", self.dropout, least=0, below=1)
        number("rope_base", self.rope_base, least=1)  # below, frequencies can overflow
        number("norm_eps", self.norm_eps, above=0)  # without it a stream of zeros has no norm
        for of, by, sizes in (
            ("d_model", "n_heads", (self.d_model, self.n_heads)),
            ("n_heads", "n_kv_heads", (self.n_heads, self.kv_heads)),
        ):
            if sizes[0] % sizes[1]:
                raise ValueError(f"{of} must be a multiple of {by}, got {sizes[0]} and {sizes[1]}")
        if self.positions == "rotary" and self.d_head % 2:
            raise ValueError(
                f"rotary positions turn pairs of numbers: d_model / n_heads must be even, got {self.d_head}"
            )

    @property
    def d_head(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Key and value heads."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def d_hidden(self) -> int:
        """Width inside the feed-forward network."""
        if self.d_ff is not None:
            return self.d_ff
        return 4 * self.d_model if self.feed_forward == "gelu" else 8 * math.ceil(self.d_model / 3)


DEFAULTS: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(TransformerConfig)}
"""The options by name, as they are where nothing is said."""
