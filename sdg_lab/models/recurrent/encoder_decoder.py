"""The two networks of a sequence-to-sequence model, and the attention between them.

Shapes: source tokens (n, S) -> memory (n, S, size) and a first state of the decoder (n, width); the decoder reads the
target up to t, and predicts token t + 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdg_lab.models.recurrent.cells import GRUCell
from sdg_lab.models.sequences.padding import mask_of


class Memory(NamedTuple):
    """What the encoder leaves behind.

    Attributes:
        states: h after each source token, (n, S, size).
        there: which of them are tokens, and not padding, bool (n, S).
        first: the decoder's first state, (n, width).
    """

    states: Tensor
    there: Tensor
    first: Tensor

    def rows(self, rows: Tensor) -> Memory:
        """Return the memory of some sources only, by number."""
        return Memory(self.states[rows], self.there[rows], self.first[rows])


def reversed_along(x: Tensor, lengths: Tensor) -> Tensor:
    """Turn each sequence round and leave its padding where it is: (n, S, ...) -> (n, S, ...); its own inverse."""
    place = torch.arange(x.shape[1], device=x.device)
    turned = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)
    return x.gather(1, turned.reshape(*turned.shape, *[1] * (x.ndim - 2)).expand_as(x))


class Encoder(nn.Module):
    """GRU over the source, from its start and, if it is bidirectional, a second one from its end."""

    def __init__(self, n_symbols: int, *, embedding: int, width: int, bidirectional: bool, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols, embedding)
        self.forwards = GRUCell(embedding, width)
        self.backwards = GRUCell(embedding, width) if bidirectional else None
        self.size = width * (2 if bidirectional else 1)
        self.to_first = nn.Linear(self.size, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: Tensor, lengths: Tensor) -> Memory:
        """Read source codes, (n, S)."""
        x = self.dropout(self.embed(source))
        states, _ = self.forwards.fused(x, self.forwards.zero_state(len(x)))
        rows = torch.arange(len(x), device=x.device)
        last = states[rows, lengths - 1]
        if self.backwards is not None:
            turned, _ = self.backwards.fused(reversed_along(x, lengths), self.backwards.zero_state(len(x)))
            last = torch.cat([last, turned[rows, lengths - 1]], dim=1)
            states = torch.cat([states, reversed_along(turned, lengths)], dim=2)
        there = mask_of(lengths, source.shape[1])
        return Memory(self.dropout(states), there, torch.tanh(self.to_first(last)))


class Attention(nn.Module):
    """For each state of the decoder, a mean of the memory, weighted by how well the two fit.

    weight_s = softmax_s(h W m_s); h' = tanh(V [Σ_s weight_s m_s, h])  (Luong, Pham & Manning 2015, "general").
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, size, bias=False)
        self.mix = nn.Linear(size + width, width)

    def forward(self, h: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return h', (n, T, width), and the weights, (n, T, S), each row of which sums to 1."""
        scores = self.query(h) @ memory.states.transpose(1, 2)
        weights = scores.masked_fill(~memory.there[:, None], -math.inf).softmax(dim=-1)
        context = weights @ memory.states
        return torch.tanh(self.mix(torch.cat([context, h], dim=-1))), weights


class Decoder(nn.Module):
    """GRU over the target; it starts from the encoder's last state and may attend to all of them."""

    def __init__(
        self, n_symbols: int, *, embedding: int, width: int, memory: int, attention: bool, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols, embedding)
        self.cell = GRUCell(embedding, width)
        self.attention = Attention(memory, width) if attention else None
        self.head = nn.Linear(width, n_symbols)
        self.dropout = nn.Dropout(dropout)

    def forward(self, target: Tensor, h: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor | None]:
        """Read target codes, (n, T), in the state h, (n, width).

        Returns:
            Logits of the token after each, (n, T, symbols); the state after the last; and the attention weights,
            (n, T, S), None for a decoder without attention.
        """
        states, (h,) = self.cell.fused(self.dropout(self.embed(target)), (h,))
        weights = None
        if self.attention is not None:
            states, weights = self.attention(states, memory)
        return self.head(self.dropout(states)), h, weights
