"""Recurrent cells from scratch: what one step does to the state. The weights are laid out as in ``torch.nn``'s cells.

A state is a tuple of tensors (n, width): (h,), or (h, c) for the LSTM, whose c is the cell state. h is what the rest of
the network sees.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = tuple[Tensor, ...]
CellKind = Literal["rnn", "lstm", "gru"]


class Cell(nn.Module):
    """What the cells share: weights for all gates in one matrix, and running along a sequence.

    Args:
        inputs: numbers in an input x.
        width: numbers in h.
    """

    gates: ClassVar[int]
    """Blocks of ``width`` rows in each weight matrix."""

    tensors: ClassVar[int]
    """Tensors in a state."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.inputs, self.width = inputs, width
        self.weight_ih = nn.Parameter(torch.empty(self.gates * width, inputs))
        self.weight_hh = nn.Parameter(torch.empty(self.gates * width, width))
        self.bias_ih = nn.Parameter(torch.empty(self.gates * width))
        self.bias_hh = nn.Parameter(torch.empty(self.gates * width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights from U(-1/√width, 1/√width), as ``torch.nn`` does."""
        bound = 1 / math.sqrt(self.width)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def zero_state(self, n: int) -> State:
        """Return the state before anything was read."""
        return tuple(self.bias_ih.new_zeros(n, self.width) for _ in range(self.tensors))

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> State:
        """Read x, (n, inputs); return the new state."""

    @abstractmethod
    def fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Do what :meth:`along` does, with torch's own kernel and these weights: the same numbers, sooner."""

    def along(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a sequence x, (n, T, inputs), step by step; return h at each step, (n, T, width), and the last state."""
        hidden = []
        for x_t in x.unbind(1):
            state = self(x_t, state)
            hidden.append(state[0])
        return torch.stack(hidden, dim=1), state

    def _weights(self) -> list[Tensor]:
        return [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]


class RNNCell(Cell):
    """The plain recurrent cell (Elman 1990): h' = tanh(W x + b + U h + b')."""

    gates, tensors = 1, 1

    def forward(self, x: Tensor, state: State) -> State:  # noqa: D102 - said by the base
        (h,) = state
        return (torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)),)

    def fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # noqa: D102
        hidden, h = torch.rnn_tanh(x, state[0][None], self._weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (h[0],)


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    i, f, o = σ(…), g = tanh(…), each of W x + b + U h + b';  c' = f c + i g;  h' = o tanh(c').
    """

    gates, tensors = 4, 2

    def forward(self, x: Tensor, state: State) -> State:  # noqa: D102
        h, c = state
        both = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = both.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # noqa: D102
        h, c = state[0][None], state[1][None]
        hidden, h, c = torch.lstm(x, [h, c], self._weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (h[0], c[0])


class GRUCell(Cell):
    """The gated recurrent unit (Cho et al. 2014).

    r, z = σ(W x + b + U h + b');  n = tanh(W x + b + r (U h + b'));  h' = (1 - z) n + z h. As in ``torch.nn``, the
    reset gate r acts on U h, where the paper's acts on h.
    """

    gates, tensors = 3, 1

    def forward(self, x: Tensor, state: State) -> State:  # noqa: D102
        (h,) = state
        r_x, z_x, n_x = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=1)
        r_h, z_h, n_h = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)

    def fused(self, x: Tensor, state: State) -> tuple[Tensor, State]:  # noqa: D102
        hidden, h = torch.gru(x, state[0][None], self._weights(), True, 1, 0.0, self.training, False, True)
        return hidden, (h[0],)


CELLS: dict[CellKind, type[Cell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
