"""Read prompts into a cache, and what several of them begin with once.

Prompts that are made from one template begin alike: the same instruction, the same examples. Reading is most of the
work where answers are short, so a shared beginning is read as one row, and its keys and values are copied to all rows
that go on from it. Copies of one prompt are the simplest case: it is read once.

Rows of different lengths are padded at the left, so that all of them end at the same place; nothing attends to the
padding, and positions are counted after it, so that each text has the whole context to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

import torch
from torch import Tensor

from sdg_lab.models.transformer import Transformer
from sdg_lab.models.transformer.cache import KVCache
from sdg_lab.models.transformer.config import TransformerConfig

MAX_TOKENS = 4096
"""Tokens that go through the network together; longer reading is done in parts."""

MAX_BYTES = 2**30
"""Memory for the keys and values of texts that are read or written together; while they are copied it takes twice."""

WORTH = 16
"""Tokens that a shared beginning must save to be read apart."""

Codes = Sequence[int]


def max_cached(config: TransformerConfig) -> int:
    """Return how many tokens, padding included, fit into :data:`MAX_BYTES` of float32 keys and values."""
    return MAX_BYTES // (2 * 4 * config.n_layers * config.kv_heads * config.d_head)


@torch.inference_mode()
def read(network: Transformer, prompts: Sequence[Codes], room: int = 0) -> tuple[Tensor, KVCache]:
    """Read prompts, beginnings that they share once.

    Args:
        network: reads them.
        prompts: codes, at least one each, none longer than the context.
        room: tokens for which the cache shall have room besides.

    Returns:
        The residual stream after the last token of each, (n, d_model), and a cache that has read all of them.
    """
    different = sorted({tuple(prompt) for prompt in prompts})
    cache: KVCache | None = None
    row_of, known = [0] * len(different), [0]  # the row that each prompt goes on from, and the tokens read in each row
    for level in shared_beginnings(different):
        rows = [row_of[group.start] for group, _ in level]
        beginnings = [different[group.start][:length] for group, length in level]
        _, cache = _go_on(network, cache, rows, known, beginnings)
        row_of = [row for row, (group, _) in enumerate(level) for _ in group]
        known = [length for _, length in level]
    once = list(dict.fromkeys(map(tuple, prompts)))  # in the order in which they were given
    place_of = {prompt: place for place, prompt in enumerate(different)}
    hidden, cache = _go_on(network, cache, [row_of[place_of[prompt]] for prompt in once], known, once, room)
    if len(once) < len(prompts):
        place_of = {prompt: place for place, prompt in enumerate(once)}
        copies = torch.tensor([place_of[tuple(prompt)] for prompt in prompts], device=hidden.device)
        hidden, cache = hidden[copies], cache.keep(copies)
    return hidden, cache


def _go_on(
    network: Transformer,
    cache: KVCache | None,
    rows: Sequence[int],
    known: Sequence[int],
    texts: Sequence[Codes],
    room: int = 0,
) -> tuple[Tensor, KVCache]:
    """Read texts that begin with what rows of the cache have read; return the last position of each, and their cache.

    The new tokens are one rectangle as wide as the longest of the rests. A text with a shorter rest reads the last of
    what was known once more, so that no padding comes between the two.
    """
    device = network.norm.weight.device
    width = max(1, *(len(text) - known[row] for row, text in zip(rows, texts, strict=True)))
    lengths = torch.tensor([len(text) - width for text in texts], device=device)
    if cache is None:
        padding = -lengths if bool(lengths.any()) else None
        cache = network.cache(len(texts), width + room, padding)
    else:
        cache = cache.take(torch.tensor(rows, device=device), lengths, max(int(lengths.max()), 0) + width + room)
    tokens = torch.tensor([[0] * (width - len(text)) + list(text[-width:]) for text in texts], device=device)
    for part in torch.split(tokens, max(1, MAX_TOKENS // len(texts)), dim=1):
        hidden = network.hidden(part, cache)
    return hidden[:, -1], cache


def shared_beginnings(prompts: Sequence[Codes]) -> list[list[tuple[range, int]]]:
    """Return what is read before the prompts themselves, level by level.

    Args:
        prompts: different ones, sorted, so that those that begin alike stand together.

    Returns:
        Levels, each a list of groups that cover all prompts in their order: the places of prompts that begin with the
        same tokens, and how many tokens that is. Each group is part of one in the level before.
    """
    alike = [_alike(left, right) for left, right in pairwise(prompts)]

    def shared(group: range) -> int:
        return min(alike[group.start : group.stop - 1])

    levels: list[list[tuple[range, int]]] = []
    groups, known = [range(len(prompts))], [0]
    while any(len(group) > 1 for group in groups):
        longest = max(shared(group) for group in groups if len(group) > 1)
        # A prompt that shares no more reads on beside the others, where they would be padded.
        lengths = [
            shared(group) if len(group) > 1 else max(before, min(longest, len(prompts[group.start])))
            for group, before in zip(groups, known, strict=True)
        ]
        saved = sum((len(g) - 1) * (end - start) for g, end, start in zip(groups, lengths, known, strict=True))
        if saved >= WORTH:
            levels.append(list(zip(groups, lengths, strict=True)))
        else:
            lengths = known
        parts = [_cut(group, alike, shared(group) + WORTH) if len(group) > 1 else [group] for group in groups]
        known = [length for length, cut in zip(lengths, parts, strict=True) for _ in cut]
        groups = [part for cut in parts for part in cut]
    return levels


def _alike(left: Codes, right: Codes) -> int:
    """Return how many tokens two texts have in common before they part."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _cut(group: range, alike: Sequence[int], least: int) -> list[range]:
    """Cut a group where neighbours have fewer tokens in common than ``least``."""
    cuts = [place + 1 for place in group[:-1] if alike[place] < least]
    return [range(first, end) for first, end in pairwise([group.start, *cuts, group.stop])]
