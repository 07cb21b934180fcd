"""How chapter 07's networks learn Shakespeare's plays.

All settings were chosen on validation data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from sdg_lab import data
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.subwords import Subwords
from sdg_lab.models.transformer import GPT
from sdg_lab.training.schedules import warm_up_then_linear

SUBWORDS = 2_048
"""Tokens that the plays are cut into."""

PLAYS_CONTEXT = 64
"""Tokens a window."""

PLAYS_FIT: dict[str, Any] = {"optimizer": "muon", "schedule": partial(warm_up_then_linear, warm_up=0.03)}
"""What both networks' trainings on the plays have in common."""


def plays_subwords() -> Subwords:
    """Learn the tokens of the training plays; takes seconds, and the result is always the same."""
    return Subwords.learn(data.plays().train, SUBWORDS)


def train_plays(*, progress: bool = True) -> GPT:
    """Train on the plays, cut into subwords: 175 characters a window, each read for a third of the price."""
    model = GPT(context=PLAYS_CONTEXT, d_model=128, n_layers=4, n_heads=4, positions="rotary")
    with _bfloat16_products():
        return model.fit_text(_plays_tokens(), epochs=1, batch_size=32, lr=8e-3, progress=progress, **PLAYS_FIT)


def train_plays_lstm(*, progress: bool = True) -> Recurrent:
    """Train an LSTM on the same tokens in the same windows, for as long: it reads everything twice in that time."""
    model = Recurrent("lstm", width=256, embedding=128)
    with _bfloat16_products():
        context = PLAYS_CONTEXT
        return model.fit_text(
            _plays_tokens(), context=context, epochs=2, batch_size=16, lr=2e-2, progress=progress, **PLAYS_FIT
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
