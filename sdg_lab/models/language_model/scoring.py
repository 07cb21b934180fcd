"""How likely given texts are: log p(text | what stands before it), exact, in nats.

What stands before a text is read once, however many texts are scored after it, and what several prompts begin with is
read once too (:mod:`~sdg_lab.models.language_model.prefill`). The texts are then read on from copies of its keys and
values, padded at the right, where nothing real attends to the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdg_lab.models.language_model.prefill import MAX_TOKENS, Codes, max_cached, read
from sdg_lab.models.transformer import Transformer

MAX_POSITIONS = 256
"""Positions whose logits of 49,152 tokens stand in memory together."""

Pair = tuple[Codes, Codes]


@torch.inference_mode()
def log_probs(network: Transformer, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Return log p(second | first) of pairs, (n,), nats.

    Args:
        network: predicts.
        pairs: codes of what stands before, and of the text; at least one each, together within the context.
    """
    found = np.empty(len(pairs))
    for batch in _batches(network, pairs):
        found[batch] = _score(network, [pairs[index] for index in batch])
    return found


def _batches(network: Transformer, pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the numbers of pairs that are read together, those with the same beginnings side by side."""
    most, context = max_cached(network.config), network.config.context
    batches: list[list[int]] = [[]]
    before = after = 0
    for index in sorted(range(len(pairs)), key=lambda i: (list(pairs[i][0]), len(pairs[i][1]))):
        before, after = max(before, len(pairs[index][0])), max(after, len(pairs[index][1]))
        n = len(batches[-1]) + 1
        if n > 1 and (n * after > MAX_TOKENS or n * (before + after) > most or before + after > context):
            batches.append([])
            before, after = map(len, pairs[index])
        batches[-1].append(index)
    return batches


def _score(network: Transformer, pairs: Sequence[Pair]) -> list[float]:
    firsts = list(dict.fromkeys(tuple(first) for first, _ in pairs))
    place_of = {first: place for place, first in enumerate(firsts)}
    hidden, cache = read(network, firsts)
    rows = torch.tensor([place_of[tuple(first)] for first, _ in pairs], device=hidden.device)
    streams = hidden[rows, None]  # what predicts the first token of each text
    width = max(len(text) for _, text in pairs) - 1  # the last one is not read
    if width:
        lengths = torch.tensor([len(first) for first, _ in pairs], device=hidden.device)
        texts = torch.tensor([[*text[:-1], *[0] * (width + 1 - len(text))] for _, text in pairs], device=hidden.device)
        rest = network.hidden(texts, cache.take(rows, lengths, int(lengths.max()) + width))
        streams = torch.cat([streams, rest], dim=1)
    real = torch.tensor([[row, place] for row, (_, text) in enumerate(pairs) for place in range(len(text))])
    nats = _nats(network, streams[real[:, 0], real[:, 1]], [token for _, text in pairs for token in text])
    return [float(part.sum()) for part in torch.split(nats, [len(text) for _, text in pairs])]


def _nats(network: Transformer, streams: Tensor, tokens: Sequence[int]) -> Tensor:
    """Return log p(token) given the residual stream before each, (T, d_model) -> (T,), float64, on the CPU."""
    target = torch.tensor(tokens, device=streams.device)
    found = torch.empty(len(target), dtype=torch.float64)
    for first in range(0, len(target), MAX_POSITIONS):
        part = slice(first, first + MAX_POSITIONS)
        logits = network.unembed(streams[part])
        found[part] = (logits.gather(1, target[part, None])[:, 0] - logits.logsumexp(dim=1)).double().cpu()
    return found
