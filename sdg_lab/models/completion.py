"""What a language model wrote for one prompt, wherever the model runs: here, or behind a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["end", "stop", "length", "context"]
"""Why a text ends: the model ended it; a stop text came; it got its ``max_tokens``; the context is full."""


@dataclass(frozen=True)
class Completion:
    """A text that continues a prompt.

    Attributes:
        text: what was added to the prompt, without the stop text.
        reason: why it ends there.
        tokens: how many tokens were written, one that ends the text included.
        prompt_tokens: how many tokens the prompt has.
        log_prob: of the tokens that were written, under the model itself (temperature 1, nothing filtered), in nats;
            None where whoever wrote it does not say.
    """

    text: str
    reason: Reason
    tokens: int
    prompt_tokens: int
    log_prob: float | None = None
