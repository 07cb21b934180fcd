"""A discriminator of sequences: trained on real and generated ones, it says for each how real it looks.

The network is that of SeqGAN (Yu et al. 2017, after Kim 2014): convolutions over a few neighbouring symbols, the
maximum of each over the sequence, and one logit. Its log-odds can be the reward of a policy; trained anew, it is the
classifier of a two-sample test.
"""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.checks import truth
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.sequences.alphabet import Alphabet, Sequences
from sdg_lab.models.sequences.padding import pad

WIDTH, CHANNELS, SIZES, DROPOUT = 32, 64, (2, 3, 5), 0.25
"""Numbers in an embedding, channels of each convolution, symbols that they cover, and dropout before the logit."""

MAX_ROWS = 1_024
"""Sequences that are judged at a time."""


class SequenceDiscriminator(nn.Module):
    """A convolutional classifier of sequences: real against generated.

    Args:
        alphabet: the symbols; sequences with others are refused.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__()
        self.alphabet = alphabet
        self.embedding = nn.Embedding(len(alphabet), WIDTH)
        self.convolutions = nn.ModuleList(nn.Conv1d(WIDTH, CHANNELS, size) for size in SIZES)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(CHANNELS * len(SIZES), 1)
        self.fitted = False

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the log-odds that each row is real, (n, T) -> (n,); rows as :meth:`_tokens` makes them."""
        x = self.embedding(tokens).transpose(1, 2)
        strongest = [F.relu(convolution(x)).amax(dim=2) for convolution in self.convolutions]
        logits: Tensor = self.head(self.dropout(torch.cat(strongest, dim=1)))
        return logits[:, 0]

    def loss(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Return the mean cross-entropy, nats; it is ln 2 for a discriminator that cannot tell."""
        return F.binary_cross_entropy_with_logits(self(tokens), real)

    def fit(
        self,
        real: Sequences,
        generated: Sequences,
        *,
        epochs: int = 5,
        lr: float = 1e-3,
        seed: int = 0,
        fresh: bool = True,
    ) -> Self:
        """Learn to tell real sequences from generated ones; give as many of each, or the odds are shifted.

        Args:
            real: from the training data.
            generated: from the model that is judged.
            epochs: passes over both.
            lr: learning rate of Adam.
            seed: of weights, order and dropout.
            fresh: begin with new weights, or go on with those there are.

        Raises:
            ValueError: if a list is empty, or a symbol is not in the alphabet.
        """
        if not real or not generated:
            raise ValueError(
                f"a discriminator needs real and generated sequences, got {len(real)} and {len(generated)}"
            )
        tokens = self._tokens([*real, *generated])
        labels = torch.cat([torch.ones(len(real)), torch.zeros(len(generated))])
        learner = copy.deepcopy(self)  # what a refused or interrupted fit leaves half done is not this one
        if truth("fresh", fresh):
            training.reinitialise(learner, seed)
        training.train(learner, (tokens, labels), epochs=epochs, lr=lr, seed=seed, progress=False)
        self.__dict__, self.fitted = learner.__dict__, True
        return self

    @torch.no_grad()
    def log_odds(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return log P(real | x) / P(generated | x) of each sequence, (n,): above 0 it looks real.

        Raises:
            ValueError: if a symbol is not in the alphabet.
            NotFittedError: before ``fit``.
        """
        if not self.fitted:
            raise NotFittedError("this SequenceDiscriminator has not been fitted: call fit(real, generated) first")
        found = [self(rows) for rows in self._tokens(sequences).split(MAX_ROWS)]  # type: ignore[no-untyped-call]
        return torch.cat(found).cpu().double().numpy()

    def accuracy(self, real: Sequences, generated: Sequences) -> float:
        """Return the share that is classified correctly; give as many of each. 0.5 is a guess."""
        right = np.concatenate([self.log_odds(real) > 0, self.log_odds(generated) <= 0])
        return float(right.mean())

    def _tokens(self, sequences: Sequences) -> Tensor:
        """Return codes between so many boundaries that longer company in the batch adds no window of a new kind."""
        tokens, _ = pad(*self.alphabet.encode(sequences))
        return F.pad(tokens, (max(SIZES) - 1, max(SIZES))).to(self.embedding.weight.device)
