"""Sums of two numbers, written out as tokens, and a transformer that learns to continue them.

All settings were chosen on validation data.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import training
from sdg_lab.models.neural import seeded
from sdg_lab.models.transformer import Transformer
from sdg_lab.training.muon import Muon
from sdg_lab.training.schedules import warm_up_then_linear

DIGITS, PLUS, EQUALS = 10, 10, 11
"""Codes: 0 to 9 are the digits themselves."""


def write_sums(a: Tensor, b: Tensor) -> Tensor:
    """Write sums as codes, (n, 12): three digits, plus, three digits, equals, and the four of the sum, last one first.

    Reversed, each digit of the sum follows from two digits and a carry that the network has just seen.
    """
    first, second = (_digits(number, 3).flip(1) for number in (a, b))
    plus, equals = (torch.full((len(a), 1), code) for code in (PLUS, EQUALS))
    return torch.cat([first, plus, second, equals, _digits(a + b, 4)], dim=1)


def _digits(numbers: Tensor, width: int) -> Tensor:
    """Return the decimal digits, the last one first, (n, width)."""
    return numbers[:, None] // 10 ** torch.arange(width) % 10


class Adder(nn.Module):
    """A transformer that continues ``123+456=`` with the digits of the sum, the last one first."""

    def __init__(self, d_model: int = 64, n_layers: int = 3, n_heads: int = 4) -> None:
        super().__init__()
        self.network = Transformer(12, d_model=d_model, n_layers=n_layers, n_heads=n_heads, context=12)

    def logits(self, sums: Tensor) -> Tensor:
        """Return the logits of the answer's four digits, (n, 4, 12)."""
        return self.network.unembed(self.network.hidden(sums[:, :-1])[:, -4:])

    def loss(self, sums: Tensor) -> Tensor:
        """Return the mean nats of the answer's digits: the question is anything at all, and not learnt."""
        return F.cross_entropy(self.logits(sums).flatten(0, 1), sums[:, -4:].flatten())

    @torch.no_grad()
    def add(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the sums that it writes, digit by digit, likeliest first, (n,)."""
        tokens = write_sums(a, b)[:, :8]
        cache, answer = self.network.cache(len(a)), []
        for _ in range(4):
            tokens = self.network(tokens, cache)[:, -1:, :DIGITS].argmax(-1)
            answer.append(tokens)
        return (torch.cat(answer, dim=1) * 10 ** torch.arange(4)).sum(1)

    def fit(
        self, sums: Tensor, *, batch_size: int = 256, lr: float = 1e-2, seed: int = 0, progress: bool = True
    ) -> float:
        """Train from new weights with Muon, each sum being seen once; return the seconds it took."""
        with seeded(seed):
            self.network.reset_parameters()
        matrices = [p for p in self.network.blocks.parameters() if p.ndim == 2]
        inside = {id(p) for p in matrices}
        others = [p for p in self.parameters() if id(p) not in inside]
        history = training.train(
            self,
            sums,
            epochs=1,
            batch_size=batch_size,
            optimizer=lambda _: Muon(matrices, others, lr=lr),
            schedule=partial(warm_up_then_linear, warm_up=0.03),
            clip=1.0,
            seed=seed,
            progress=progress,
        )
        return history.seconds
