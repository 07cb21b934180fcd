"""Recurrent networks of sequences: a state that is changed by each symbol, and predicts the next one.

tokens (n, T) -> embedding (n, T, embedding) -> cells, one layer above the other -> hidden (n, T, width) -> scores
(n, T, symbols).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdg_lab.models.recurrent.cells import Cell, State, make_cell
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.dropout import LockedDropout

CellKind = Literal["rnn", "lstm", "gru"]


class Recurrent(SequenceModel):
    """A recurrent network that predicts the next symbol.

    Args:
        cell: "rnn", "lstm" or "gru".
        width: numbers in the state of a layer.
        layers: cells above each other.
        embedding: numbers in which a symbol is read.
        dropout: share of the hidden units that are silent in training, the same ones at each step of a sequence
            (Gal & Ghahramani 2016).
        fused: run over sequences with torch's kernels; if not, with our own loop over steps. The weights are ours in
            both cases, and the numbers are the same.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        cell: CellKind = "lstm",
        *,
        width: int = 192,
        layers: int = 1,
        embedding: int = 32,
        dropout: float = 0.0,
        fused: bool = True,
    ) -> None:
        super().__init__()
        if cell not in get_args(CellKind):
            raise ValueError(f"cell must be one of {', '.join(get_args(CellKind))}, got {cell!r}")
        for name, number in (("width", width), ("layers", layers), ("embedding", embedding)):
            if number < 1:
                raise ValueError(f"{name} must be >= 1, got {number}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        self.cell: CellKind = cell
        self.width, self.layers, self.embedding = width, layers, embedding
        self.dropout, self.fused = dropout, fused

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``."""
        return {name: getattr(self, name) for name in ("cell", "width", "layers", "embedding", "dropout", "fused")}

    def build(self, n_symbols: int) -> None:
        """Make the layers, with new random weights."""
        self.embed = nn.Embedding(n_symbols, self.embedding)
        widths = [self.embedding] + [self.width] * self.layers
        self.cells = nn.ModuleList(make_cell(self.cell, inputs, self.width) for inputs in widths[:-1])
        self.silence = LockedDropout(self.dropout)
        self.head = nn.Linear(self.width, n_symbols)

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices of the cells: what ``optimizer="muon"`` steps as matrices."""
        return [parameter for parameter in self.cells.parameters() if parameter.ndim == 2]

    # All symbols at once.

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the scores of the symbol after each position: (n, T) -> (n, T, symbols)."""
        scores: Tensor = self.head(self._layers(tokens)[-1])
        return scores

    def hidden(self, sequence: str | tuple[str, ...]) -> NDArray[np.float32]:
        """Return what the units of the last layer say after the boundary and after each symbol, (1 + length, width)."""
        self.require_fitted()
        tokens, _ = self.pad([sequence])  # type: ignore[arg-type] # one of both kinds
        with torch.no_grad():
            return self._layers(tokens[:, :-1])[-1][0].cpu().numpy()

    def _layers(self, tokens: Tensor) -> list[Tensor]:
        """Return the embedded symbols and h of each layer, each (n, T, numbers)."""
        outputs: list[Tensor] = [self.embed(tokens)]
        for cell in self._cells():
            state = cell.zero_state(len(tokens))
            h, _ = cell.fused(outputs[-1], state) if self.fused else cell.along(outputs[-1], state)
            outputs.append(self.silence(h))
        return outputs

    def _cells(self) -> Iterator[Cell]:
        return cast(Iterator[Cell], iter(self.cells))

    # One by one.

    def start(self, n: int) -> list[State]:
        """Return the states of all layers before anything was read."""
        return [cell.zero_state(n) for cell in self._cells()]

    def step(self, tokens: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """Read one symbol a row; return the scores of the next, (n, symbols), and the new states."""
        x, states = self.embed(tokens), []
        for cell, before in zip(self._cells(), state, strict=True):
            states.append(cell(x, before))
            x = self.silence(states[-1][0][:, None])[:, 0]
        return self.head(x), states

    def keep(self, state: list[State], rows: Tensor) -> list[State]:
        """Return the states of some rows only."""
        return [tuple(part[rows] for part in layer) for layer in state]
