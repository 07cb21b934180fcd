"""How chapter 07's networks learn Shakespeare's plays, and sums of two numbers.

All settings were chosen on validation data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab import data, training
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.subwords import Subwords
from sdg_lab.models.transformer import GPT, Transformer
from sdg_lab.training.muon import Muon
from sdg_lab.training.schedules import warm_up_then_linear

SUBWORDS = 2_048
"""Tokens that the plays are cut into."""

PLAYS_CONTEXT = 64
"""Tokens a window."""


# The plays

PLAYS_FIT: dict[str, Any] = {"optimizer": "muon", "schedule": partial(warm_up_then_linear, warm_up=0.03)}
"""What both networks' trainings on the plays have in common."""


def plays_subwords() -> Subwords:
    """Learn the tokens of the training plays; takes seconds, and the result is always the same."""
    return Subwords.learn(data.plays().train, SUBWORDS)


def train_plays(*, progress: bool = True) -> GPT:
    """Train on the plays, cut into subwords: 175 characters a window, each read for a third of the price."""
    model = GPT(context=PLAYS_CONTEXT, d_model=128, n_layers=4, n_heads=4, positions="rotary")
    with _bfloat16_products():
        return model.fit_text(
            _plays_tokens(),
            epochs=1,
            batch_size=32,
            lr=8e-3,
            progress=progress,
            **PLAYS_FIT,
        )


def train_plays_lstm(*, progress: bool = True) -> Recurrent:
    """Train an LSTM on the same tokens in the same windows, for as long: it reads everything twice in that time."""
    model = Recurrent("lstm", width=256, embedding=128)
    with _bfloat16_products():
        return model.fit_text(
            _plays_tokens(),
            context=PLAYS_CONTEXT,
            epochs=2,
            batch_size=16,
            lr=2e-2,
            progress=progress,
            **PLAYS_FIT,
        )


def _plays_tokens() -> tuple[str, ...]:
    """Return the training plays in tokens.

    Tokens that were only a step to longer ones, such as a lone "q", are read once too: one may occur later.
    """
    subwords = plays_subwords()
    return subwords.tokens + subwords.encode(data.plays().train)


@contextmanager
def _bfloat16_products() -> Iterator[None]:
    """Let matrices be multiplied in bfloat16 where the processor has units for it, which about halves the time."""
    usual = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(usual)


# Sums

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

    def scores(self, sums: Tensor) -> Tensor:
        """Return the scores of the answer's four digits, (n, 4, 12)."""
        return self.network.unembed(self.network.hidden(sums[:, :-1])[:, -4:])

    def loss(self, sums: Tensor) -> Tensor:
        """Return the surprise at the answer's digits, nats each: the question is anything at all, and not learnt."""
        return F.cross_entropy(self.scores(sums).flatten(0, 1), sums[:, -4:].flatten())

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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
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
            schedule=PLAYS_FIT["schedule"],
            clip=1.0,
            seed=seed,
            progress=progress,
        )
        return history.seconds
