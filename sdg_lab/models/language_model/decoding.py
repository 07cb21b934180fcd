"""How the next token is chosen from the logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdg_lab.checks import number, seed_or_none, whole
from sdg_lab.models.sequences.sampling import draw_each, filter_logits


@dataclass(frozen=True)
class Decoding:
    """How the next token is chosen.

    Attributes:
        max_tokens: the most tokens that are added to a text.
        temperature: 0 is greedy and takes the likeliest token; above 0 one is drawn.
        top_k: draw from the k likeliest only.
        top_p: draw from the fewest that have this probability together.
        min_p: draw from those that are at least this share as likely as the likeliest.
        repetition_penalty: above 1 tokens that stand in the prompt or in the text so far become less likely.
        seed: of the draws; None for others each time.

    Raises:
        ValueError: if one is out of range.
    """

    max_tokens: int = 128
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    seed: int | None = 0

    def __post_init__(self) -> None:
        whole("max_tokens", self.max_tokens, least=1)
        number("repetition_penalty", self.repetition_penalty, above=0)
        number("repetition_penalty", self.repetition_penalty, least=1e-6, most=1e6)  # beyond, logits overflow
        seed_or_none(self.seed)
        self.filter(torch.zeros(1, 2))  # it checks the others

    def filter(self, logits: Tensor) -> Tensor:
        """Return the logits of the distribution that is drawn from."""
        return filter_logits(logits, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, min_p=self.min_p)

    def choose(self, logits: Tensor, generators: Sequence[np.random.Generator]) -> list[int]:
        """Return a token a row of the logits, (n, symbols); each row draws from its own generator."""
        if self.temperature == 0:
            return list(logits.numpy(force=True).argmax(axis=-1).tolist())  # torch's takes ten times as long on a CPU
        return draw_each(self.filter(logits), generators)


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Decoding)}
"""The options by name, as they are where nothing is said."""
