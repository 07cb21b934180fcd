"""Continue several texts at once, a token a step, with the keys and values of what was read kept in a cache.

Prompts of different lengths are padded at the left, so that all of them end at the same place; nothing attends to the
padding, and positions are counted after it, so that each text has the whole context to itself. Texts that have ended
are dropped from the batch as soon as they are at least half of it, or one of them has no position left in the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from sdg_lab.checks import whole
from sdg_lab.models.neural import new_generator
from sdg_lab.models.sequences.sampling import draw, filter_logits
from sdg_lab.models.transformer import Transformer
from sdg_lab.models.transformer.cache import KVCache


@dataclass(frozen=True)
class Decoding:
    """How the next token is chosen.

    Attributes:
        max_tokens: the most tokens that are added to a text.
        temperature: 0 is greedy and takes the likeliest token; above 0 one is drawn.
        top_k: draw from the k likeliest only.
        top_p: draw from the fewest that have this probability together.
        seed: of the draws; None for others each time.

    Raises:
        ValueError: if one is out of range.
    """

    max_tokens: int = 128
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = 0

    def __post_init__(self) -> None:
        whole("max_tokens", self.max_tokens, least=1)
        self.filter(torch.zeros(1, 2))  # it checks the others

    def filter(self, logits: Tensor) -> Tensor:
        """Return the logits of the distribution that is drawn from."""
        return filter_logits(logits, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p)

    def choose(self, logits: Tensor, generator: torch.Generator) -> list[int]:
        """Return a token a row of the logits, (n, symbols)."""
        if self.temperature == 0:
            return list(logits.numpy(force=True).argmax(axis=-1).tolist())  # torch's takes ten times as long on a CPU
        return list(draw(self.filter(logits), generator).tolist())


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Decoding)}
"""The options by name, as they are where nothing is said."""


def continuations(
    network: Transformer,
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    ended: Callable[[int, int], bool],
) -> Iterator[list[tuple[int, int]]]:
    """Yield the new tokens of each step as pairs: number of the prompt, token.

    A text goes on until it has ended, has got its ``max_tokens``, or fills the context, whatever stands beside it.

    Args:
        network: reads and predicts.
        prompts: codes, at least one each, none longer than the context.
        decoding: how tokens are chosen.
        ended: says of a prompt's number and its newest token whether its text ends there.
    """
    device, context = network.norm.weight.device, network.config.context
    generator = new_generator(decoding.seed)
    lengths = [len(prompt) for prompt in prompts]
    width = max(lengths)
    room = [min(decoding.max_tokens, context - length + 1) for length in lengths]  # the last one is not read
    padding = None if min(lengths) == width else torch.tensor([width - length for length in lengths], device=device)
    tokens = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    cache = network.cache(len(prompts), width + max(room) - 1, padding)  # with padding maybe more than the context
    rows, going_on = list(range(len(prompts))), set(range(len(prompts)))
    for step in range(1, max(room) + 1):
        chosen = decoding.choose(_next_logits(network, tokens, cache), generator)
        newest = [(row, token) for row, token in zip(rows, chosen, strict=True) if row in going_on]
        yield newest
        going_on = {row for row, token in newest if step < room[row] and not ended(row, token)}
        if not going_on:
            return
        full = any(lengths[row] + step > context for row in rows)
        if full or 2 * len(going_on) <= len(rows):
            places = [place for place, row in enumerate(rows) if row in going_on]
            cache = cache.keep(torch.tensor(places, device=device))
            rows, chosen = [rows[place] for place in places], [chosen[place] for place in places]
        tokens = torch.tensor(chosen, device=device)[:, None]


@torch.inference_mode()
def _next_logits(network: Transformer, tokens: Tensor, cache: KVCache) -> Tensor:
    """Read tokens (n, T), and return the logits of the next one only, (n, symbols): the last matrix is the largest."""
    return network.unembed(network.hidden(tokens, cache)[:, -1])
