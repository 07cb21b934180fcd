"""What a transformer keeps of the tokens that it has read, and which of them the next ones may attend to."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor

from sdg_lab.models.transformer.config import TransformerConfig


def causal_mask(queries: int, keys: int, device: torch.device | None = None) -> Tensor:
    """Return which keys each query may attend to: itself and what stands before it; bool, (queries, keys).

    The last query stands at the last key, so that the mask also serves queries that follow cached keys.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


class KVCache:
    """The keys and values of all tokens read so far, so that a new token costs one query instead of the whole past.

    Args:
        config: of the network.
        n: sequences.
        like: a weight of the network: keys and values have its dtype and device.
        capacity: tokens that it can hold, padding included; the context where None is given.
        padding: how many tokens at the left of each row are none, (n,), where prompts of different lengths are read
            together; nothing attends to them, and positions are counted after them.

    Attributes:
        length: tokens read so far, padding included.
    """

    def __init__(
        self,
        config: TransformerConfig,
        n: int,
        *,
        like: Tensor,
        capacity: int | None = None,
        padding: Tensor | None = None,
    ) -> None:
        self.length = 0
        self.padding = padding
        self.capacity = config.context if capacity is None else capacity
        shape = (n, config.kv_heads, self.capacity, config.d_head)
        self.keys, self.values = ([like.new_empty(shape) for _ in range(config.n_layers)] for _ in range(2))

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store a layer's keys and values of new tokens, (n, kv_heads, T, d); return those of all tokens so far.

        ``length`` moves on when the whole network has read the tokens: :meth:`advance`.
        """
        end = self.length + k.shape[2]
        self.keys[layer][:, :, self.length : end] = k
        self.values[layer][:, :, self.length : end] = v
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]

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
        """Return what the next tokens may attend to, bool, (T, S) or (n, 1, T, S); None if that is everything."""
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

    def keep(self, rows: Tensor) -> Self:
        """Return the cache of some sequences only; ``rows`` are their numbers, (m,)."""
        kept = copy.copy(self)
        kept.padding = None if self.padding is None else self.padding[rows]
        kept.keys = [keys[rows] for keys in self.keys]
        kept.values = [values[rows] for values in self.values]
        return kept

    def take(self, rows: Tensor, lengths: Tensor, capacity: int) -> Self:
        """Return a cache that has read beginnings of what this one has read: its rows may share a past.

        Args:
            rows: which row of this cache each new row begins with, (m,); one may come several times.
            lengths: how many of its tokens, padding not counted, (m,). Below 0 the row has read nothing, and as many of
                the tokens that are read next are padding too.
            capacity: tokens that the new cache can hold, padding included.
        """
        width = max(int(lengths.max()), 0)
        taken = copy.copy(self)
        taken.length, taken.capacity = width, capacity
        padding = width - lengths
        taken.padding = padding if bool(padding.any()) else None
        # What is taken ends at the right, so that what is read next follows it.
        first = 0 if self.padding is None else self.padding[rows]
        column = torch.arange(width, device=lengths.device) + (first - padding)[:, None]
        column = column.clamp(min=0)  # padding: whatever stands there, nothing attends to it

        def moved(before: Tensor) -> Tensor:
            after = before.new_empty((len(rows), before.shape[1], capacity, before.shape[3]))
            after[:, :, :width] = before[rows[:, None], :, column].transpose(1, 2)
            return after

        taken.keys, taken.values = [moved(keys) for keys in self.keys], [moved(values) for values in self.values]
        return taken
