"""From logits to a token: temperature, top-k, top-p, and the draw itself, for every model of sequences.

Top-p is the nucleus sampling of Holtzman et al., *The Curious Case of Neural Text Degeneration* (2020).
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from sdg_lab.checks import number, whole


def filter_logits(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return logits whose softmax is the distribution to draw from: tempered first, then cut by rank, then by mass.

    Args:
        logits: shape (..., tokens).
        temperature: the logits are divided by it: below 1 the likely becomes likelier, above 1 everything evens out; 0
            is greedy and leaves the likeliest token alone.
        top_k: keep the k likeliest tokens, and those as likely as the k-th; the others get -inf.
        top_p: of what is left keep the fewest tokens, likeliest first, whose probabilities reach p together.

    Raises:
        ValueError: if an argument is out of range.
    """
    number("temperature", temperature, least=0)
    if top_k is not None:
        whole("top_k", top_k, least=1)
    if top_p is not None:
        number("top_p", top_p, above=0, most=1)
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.full_like(logits, -math.inf).scatter(-1, best, logits.gather(-1, best))
    if temperature != 1:
        # The softmax does not change when the largest logit is taken off, and a tiny temperature cannot overflow.
        logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if top_p is not None and top_p < 1:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        probability = ordered.softmax(dim=-1)
        before = probability.cumsum(dim=-1) - probability  # the mass of all likelier tokens
        reached = before >= top_p
        reached[..., 0] = False  # the likeliest always stays
        logits = logits.masked_fill(torch.zeros_like(reached).scatter(-1, index, reached), -math.inf)
    return logits


def draw(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw one token a row from softmax(logits), shape (n, tokens) -> (n,), with one uniform number a row.

    The draw is made on the CPU in 64-bit floats, whatever the logits' device: a seed means the same everywhere.

    Raises:
        ValueError: if a row is no distribution: it holds NaN or +inf, or nothing but -inf.
    """
    cumulative = logits.cpu().double().softmax(dim=-1).cumsum(dim=-1)
    total = cumulative[:, -1:]
    if not bool(torch.isfinite(total).all()):
        row = int((~torch.isfinite(total[:, 0])).nonzero()[0, 0])
        raise ValueError(f"the logits of row {row} are no distribution: they hold NaN, +inf, or nothing but -inf")
    uniform = torch.rand(len(logits), 1, dtype=torch.float64, generator=generator)
    return torch.searchsorted(cumulative, uniform * total, right=True)[:, 0].to(logits.device)
