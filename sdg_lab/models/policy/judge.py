"""A judge of sequences: told real ones and drawn ones apart, it says for each how real it looks.

The network is the one of SeqGAN's discriminator (Yu et al. 2017, after Kim 2014): convolutions over a few neighbouring
symbols, the strongest answer of each, and one score. Its log-odds can be the reward of a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.sequences.alphabet import Alphabet, Sequences
from sdg_lab.models.sequences.padding import pad

MOST_ROWS = 1_024
"""Sequences that are scored at a time."""


class SequenceJudge(nn.Module):
    """A convolutional classifier of sequences: real against drawn.

    Args:
        alphabet: the symbols; sequences with others are refused.
        width: of the embedding.
        channels: of the convolution of each size.
        sizes: how many neighbouring symbols the convolutions see.
        dropout: before the score.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        *,
        width: int = 32,
        channels: int = 64,
        sizes: Sequence[int] = (2, 3, 5),
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        if width < 1 or channels < 1 or not sizes or min(sizes) < 1:
            raise ValueError(f"width, channels and sizes must be >= 1, got {width}, {channels} and {tuple(sizes)}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        self.alphabet, self.reach = alphabet, max(sizes)
        self.embedding = nn.Embedding(len(alphabet), width)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, channels, size) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(channels * len(sizes), 1)
        self.fitted = False

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the log-odds that each row is real, (n, T) -> (n,); rows as :meth:`_tokens` makes them."""
        x = self.embedding(tokens).transpose(1, 2)
        strongest = [F.relu(convolution(x)).amax(dim=2) for convolution in self.convolutions]
        scores: Tensor = self.score(self.dropout(torch.cat(strongest, dim=1)))
        return scores[:, 0]

    def loss(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Return the mean cross-entropy, nats; ln 2 is what a judge who cannot tell pays."""
        return F.binary_cross_entropy_with_logits(self(tokens), real)

    def fit(
        self, real: Sequences, drawn: Sequences, *, epochs: int = 5, lr: float = 1e-3, seed: int = 0, fresh: bool = True
    ) -> Self:
        """Learn to tell real sequences from drawn ones; give as many of each, or the odds are shifted.

        Args:
            real: from the training data.
            drawn: from the model that is judged.
            epochs: passes over both.
            lr: learning rate of Adam.
            seed: of weights, order and dropout.
            fresh: begin with new weights, or go on with those there are.

        Raises:
            ValueError: if a list is empty, or a symbol is not in the alphabet.
        """
        if fresh:
            training.reinitialise(self, seed)
        tokens = self._tokens([*real, *drawn])
        labels = torch.cat([torch.ones(len(real)), torch.zeros(len(drawn))])
        if labels.min() == labels.max():
            raise ValueError(f"a judge needs real and drawn sequences, got {len(real)} and {len(drawn)}")
        training.train(self, (tokens, labels), epochs=epochs, lr=lr, seed=seed, progress=False)
        self.fitted = True
        return self

    @torch.no_grad()
    def log_odds(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return log P(real | x) / P(drawn | x) of each sequence, (n,): above 0 it looks real.

        Raises:
            ValueError: if a symbol is not in the alphabet.
            NotFittedError: before ``fit``.
        """
        if not self.fitted:
            raise NotFittedError("this SequenceJudge has not been fitted: call fit(real, drawn) first")
        tokens = self._tokens(sequences)
        parts = [self(tokens[first : first + MOST_ROWS]) for first in range(0, len(tokens), MOST_ROWS)]
        return torch.cat(parts).double().cpu().numpy()

    def accuracy(self, real: Sequences, drawn: Sequences) -> float:
        """Return the share of sequences that the judge tells rightly; give as many of each. 0.5 is a guess."""
        right = np.concatenate([self.log_odds(real) > 0, self.log_odds(drawn) <= 0])
        return float(right.mean())

    def _tokens(self, sequences: Sequences) -> Tensor:
        """Return codes between so many boundaries that longer company in the batch adds no window of a new kind."""
        tokens, _ = pad(*self.alphabet.encode(sequences))
        return F.pad(tokens, (self.reach - 1, self.reach)).to(self.embedding.weight.device)
