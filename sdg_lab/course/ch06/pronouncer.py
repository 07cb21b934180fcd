"""How chapter 06's models of pronunciation are trained: a short training on the page, and the long one that ships."""

from __future__ import annotations

from pathlib import Path

from sdg_lab import data
from sdg_lab.models.recurrent.seq2seq import Pairs, Seq2Seq
from sdg_lab.training.schedules import cosine


def train_pronouncer(
    pairs: Pairs | None = None, *, epochs: int = 4, checkpoint: Path | None = None, progress: bool = True
) -> Seq2Seq:
    """Train spelling → phonemes, with attention.

    Args:
        pairs: what to train on; by default all 100,842 training words.
        epochs: how often each is seen.
        checkpoint: a file from which an interrupted training goes on.
        progress: show a bar.
    """
    words: Pairs = list(data.pronunciations().train) if pairs is None else pairs
    model = Seq2Seq(width=128, embedding=64, dropout=0.05)
    return model.fit(words, epochs=epochs, lr=3e-3, schedule=cosine, checkpoint=checkpoint, seed=0, progress=progress)
