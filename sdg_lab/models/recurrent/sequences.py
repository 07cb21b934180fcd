"""Recurrent networks of sequences: a state that each token changes, and from which the next one is predicted.

tokens (n, T) -> embedding (n, T, embedding) -> cells, one layer above the other -> hidden (n, T, width) -> logits
(n, T, symbols).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdg_lab.checks import number, one_of, whole
from sdg_lab.models.recurrent.cells import CELLS, Cell, CellKind, State
from sdg_lab.models.sequences.base import SequenceModel, Text
from sdg_lab.models.sequences.dropout import LockedDropout


class Recurrent(SequenceModel):
    """A recurrent network that predicts the next token.

    Args:
        cell: "rnn", "lstm" or "gru".
        width: numbers in the state of a layer.
        layers: cells above each other.
        embedding: numbers in a token's embedding.
        dropout: share of the hidden units that are dropped out in training, the same ones at each step of a sequence
            (Gal & Ghahramani 2016).

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
    ) -> None:
        super().__init__()
        self.cell: CellKind = one_of("cell", cell, CELLS)
        self.width, self.layers = whole("width", width, least=1), whole("layers", layers, least=1)
        self.embedding = whole("embedding", embedding, least=1)
        self.dropout = number("dropout", dropout, least=0, below=1)

    @classmethod
    def from_header(cls, header: Mapping[str, Any], state: dict[str, Tensor]) -> Self:
        """Make the fitted model; files of version 0.1.0 name one argument more, ``fused``, which changed no number."""
        config = dict(header["config"])
        if "arguments" in config:
            config["arguments"] = {k: v for k, v in config["arguments"].items() if k != "fused"}
        return super().from_header({**header, "config": config}, state)

    def build(self, n_symbols: int) -> None:
        """Make the layers, with new random weights."""
        self.embed = nn.Embedding(n_symbols, self.embedding)
        widths = [self.embedding] + [self.width] * self.layers
        self.cells = nn.ModuleList(CELLS[self.cell](inputs, self.width) for inputs in widths[:-1])
        self.drop = LockedDropout(self.dropout)
        self.head = nn.Linear(self.width, n_symbols)

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices of the cells: what ``optimizer="muon"`` steps as matrices."""
        self.require_layers()
        return [parameter for parameter in self.cells.parameters() if parameter.ndim == 2]

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits of the token after each position: (n, T) -> (n, T, symbols)."""
        hidden, _ = self._run(tokens, self.start(len(tokens)))
        return cast(Tensor, self.head(hidden))

    def hidden(self, sequence: Text) -> NDArray[np.float32]:
        """Return h of the last layer after the boundary and after each symbol, (1 + length, width)."""
        tokens, _ = self.pad([sequence])  # type: ignore[arg-type] # one of both kinds
        with torch.no_grad():
            return self._run(tokens[:, :-1], self.start(1))[0][0].cpu().numpy()

    def start(self, n: int) -> list[State]:
        """Return the states of all layers before anything was read."""
        self.require_layers()
        return [cell.zero_state(n) for cell in cast(list[Cell], self.cells)]

    def read(self, tokens: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """Read on, (n, T); return the logits of the token after the last, (n, symbols), and the new states."""
        hidden, state = self._run(tokens, state)
        return self.head(hidden[:, -1]), state

    def keep(self, state: list[State], rows: Tensor) -> list[State]:
        """Return the states of some rows only."""
        return [tuple(part[rows] for part in layer) for layer in state]

    def _run(self, tokens: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """Return h of the last layer after each token, (n, T, width), and the states of all layers after the last."""
        x, after = self.embed(tokens), []
        for cell, before in zip(cast(list[Cell], self.cells), state, strict=True):
            x, last = cell.fused(x, before)
            x = self.drop(x)
            after.append(last)
        return x, after
