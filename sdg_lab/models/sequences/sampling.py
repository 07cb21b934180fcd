"""From logits to a symbol: temperature, top-k, top-p, and the draw itself, for every model of sequences.

Top-p is the nucleus sampling of Holtzman et al., *The Curious Case of Neural Text Degeneration* (2020).
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor


def filter_logits(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return logits whose softmax is the distribution to draw from: tempered first, then cut by rank, then by mass.

    Args:
        logits: shape (..., symbols).
        temperature: the logits are divided by it: below 1 the likely becomes likelier, above 1 everything evens out.
            For the likeliest symbol alone ask for ``top_k=1``.
        top_k: keep the k likeliest symbols, and those as likely as the k-th; the others get -inf.
        top_p: of what is left keep the fewest symbols, likeliest first, whose probabilities reach p together.

    Raises:
        ValueError: if an argument is out of range.
    """
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be > 0 and finite, got {temperature}")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"top_k must be a whole number >= 1, got {top_k!r}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie in (0, 1], got {top_p}")
    if temperature != 1:
        logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if top_p is not None and top_p < 1:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        probability = ordered.softmax(dim=-1)
        before = probability.cumsum(dim=-1) - probability  # the mass of all likelier symbols
        reached = before >= top_p
        reached[..., 0] = False  # the likeliest always stays
        logits = logits.masked_fill(torch.zeros_like(reached).scatter(-1, index, reached), -math.inf)
    return logits


def draw(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw one symbol a row from softmax(logits), shape (n, symbols) -> (n,), with one uniform number a row.

    Raises:
        ValueError: if a row is no distribution: it holds NaN or +inf, or nothing but -inf.
    """
    cumulative = logits.double().softmax(dim=-1).cumsum(dim=-1)
    total = cumulative[:, -1:]
    if not bool(torch.isfinite(total).all()):
        row = int((~torch.isfinite(total[:, 0])).nonzero()[0, 0])
        raise ValueError(f"the logits of row {row} are no distribution: they hold NaN, +inf, or nothing but -inf")
    uniform = torch.rand(len(logits), 1, dtype=torch.float64, device=logits.device, generator=generator)
    return torch.searchsorted(cumulative, uniform * total, right=True)[:, 0]
