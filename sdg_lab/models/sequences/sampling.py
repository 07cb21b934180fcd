"""From logits to a token: temperature, top-k, top-p, min-p, and the draw itself, for every model of sequences.

Top-p is the nucleus sampling of Holtzman et al., *The Curious Case of Neural Text Degeneration* (2020); min-p is of
Nguyen et al., *Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs* (2024).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from sdg_lab.checks import number, whole


def filter_logits(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Tensor:
    """Return logits whose softmax is the distribution to draw from: tempered, then cut by rank, by mass, by likelihood.

    Args:
        logits: shape (..., tokens).
        temperature: the logits are divided by it: below 1 the likely becomes likelier, above 1 everything evens out; 0
            is greedy and leaves the likeliest token alone.
        top_k: keep the k likeliest tokens, and those as likely as the k-th; the others get -inf.
        top_p: of what is left keep the fewest tokens, likeliest first, whose probabilities reach p together.
        min_p: keep the tokens that are at least this share as likely as the likeliest: p(x) >= min_p max p.

    Raises:
        ValueError: if an argument is out of range.
    """
    number("temperature", temperature, least=0)
    if top_k is not None:
        whole("top_k", top_k, least=1)
    if top_p is not None:
        number("top_p", top_p, above=0, most=1)
    if min_p is not None:
        number("min_p", min_p, above=0, most=1)
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.full_like(logits, -math.inf).scatter(-1, best, logits.gather(-1, best))
    if temperature != 1:
        # The softmax does not change when the largest logit is taken off, and a tiny temperature cannot overflow; one
        # that is 0 in the logits' precision is taken for the least that is not.
        logits = (logits - logits.amax(dim=-1, keepdim=True)) / max(temperature, torch.finfo(logits.dtype).tiny)
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
    if min_p is not None:
        logits = logits.masked_fill(logits < logits.amax(dim=-1, keepdim=True) + math.log(min_p), -math.inf)
    return logits


def penalise_repeats(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Return logits in which what was seen is less likely: l / penalty where l > 0, l * penalty where it is not.

    Keskar et al., *CTRL* (2019), section 4.1, divide all of them, which makes those below 0 likelier; libraries
    multiply these.

    Args:
        logits: (n, tokens).
        seen: bool, (n, tokens): which tokens stand in the text so far.
        penalty: above 1 repeats become rarer, below 1 more frequent; 1 changes nothing.

    Raises:
        ValueError: if the penalty is not above 0.
    """
    number("repetition_penalty", penalty, above=0)
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


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


def draw_each(logits: Tensor, generators: Sequence[np.random.Generator]) -> list[int]:
    r"""Draw one token a row from softmax(logits), (n, tokens), each row by its own generator.

    Every token gets a waiting time E / p, with E exponential, and the first one is taken: token x with probability
    p(x). (This is the Gumbel-max trick: -log of the time is log p + Gumbel noise; Maddison, Tarlow & Minka, *A\*
    Sampling*, 2014.) Rounding errors in the logits, which differ with what else stands in a batch, matter only where
    the first two arrive at nearly the same time: errors of at most ε change a draw with a probability of at most 2ε.
    One uniform number held against cumulated probabilities, as in :func:`draw`, meets the errors of all tokens before.

    Raises:
        ValueError: if a row is no distribution: it holds NaN or +inf, or nothing but -inf.
    """
    probability = logits.double().softmax(dim=-1).numpy(force=True)
    drawn = []
    for row, (p, generator) in enumerate(zip(probability, generators, strict=True)):
        if not np.isfinite(p[0]):  # softmax makes the whole row NaN
            raise ValueError(f"the logits of row {row} are no distribution: they hold NaN, +inf, or nothing but -inf")
        noise = generator.standard_exponential(len(p))  # of all tokens, so that a filter moves no other token's noise
        possible = np.flatnonzero(p)
        drawn.append(int(possible[np.argmin(noise[possible] / p[possible])]))
    return drawn
