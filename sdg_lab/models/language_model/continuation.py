"""Continue several texts at once, a token a step, with the keys and values of what was read kept in a cache.

The prompts are read into the cache; then each step draws one token for each text, and reads it. Texts that have ended
are dropped from the batch as soon as they are at least half of it, or one of them has no position left in the context.

Each text has its own generator of random numbers, which it alone uses, once a token. So a text depends on its prompt,
its generator and the options, and on nothing that stands beside it, but for rounding: a product of 16 rows adds up in
another order than one of a single row. Where that moves the logits by ε, a token changes with a probability of about ε
(:func:`~sdg_lab.models.sequences.sampling.draw_each`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sdg_lab.models.completion import Reason
from sdg_lab.models.language_model.constraint import Matcher
from sdg_lab.models.language_model.decoding import Decoding
from sdg_lab.models.language_model.prefill import max_cached, read
from sdg_lab.models.sequences.sampling import penalise_repeats
from sdg_lab.models.transformer import Transformer
from sdg_lab.models.transformer.cache import KVCache

MAX_ROWS = 64
"""Texts that are written together: beyond it a token costs as much as before, and the memory grows."""


@dataclass(eq=False)
class Continuation:
    """A text that is being written.

    Attributes:
        prompt: codes, at least one and at most the context.
        generator: of its draws, its own.
        matcher: where it stands in the rule that it follows, if there is one.
        tokens: what has been added.
        log_prob: of these under the model itself, whatever was filtered, nats.
        reason: why it has ended; None while it goes on.
    """

    prompt: Sequence[int]
    generator: np.random.Generator
    matcher: Matcher | None = None
    tokens: list[int] = field(default_factory=list)
    log_prob: float = 0.0
    reason: Reason | None = None

    def room(self, decoding: Decoding, context: int) -> int:
        """Return how many tokens can be added: the last one is not read, so it needs no place in the context."""
        return min(decoding.max_tokens, context - len(self.prompt) + 1)


Ended = Callable[[Continuation], Reason | None]
"""Says of a text and its newest token whether it ends there, and why."""


def continuations(
    network: Transformer, texts: Sequence[Continuation], decoding: Decoding, ended: Ended
) -> Iterator[list[Continuation]]:
    """Continue texts until each has ended, got its ``max_tokens``, or filled the context, whatever stands beside it.

    Args:
        network: reads and predicts.
        texts: with nothing added to them yet.
        decoding: how tokens are chosen; its seed is not asked for, each text has its generator.
        ended: is asked after each token.

    Yields:
        After each step the texts that have got a token.
    """
    context = network.config.context
    rows = list(texts)  # those in the batch; some of them may have ended
    room = max(text.room(decoding, context) for text in rows)
    hidden, cache = read(network, [text.prompt for text in rows], room - 1)
    while True:
        places = [place for place, text in enumerate(rows) if text.reason is None]
        newest = [rows[place] for place in places]
        _add(newest, _logits(network, hidden[places]), decoding)
        for text in newest:
            text.reason = ended(text)
            if text.reason is None and len(text.tokens) == text.room(decoding, context):
                text.reason = "length" if len(text.tokens) == decoding.max_tokens else "context"
        yield newest
        places = [place for place in places if rows[place].reason is None]
        if not places:
            return
        written = len(rows[places[0]].tokens)
        full = any(len(text.prompt) + written > context for text in rows)
        if full or 2 * len(places) <= len(rows):
            cache = cache.keep(torch.tensor(places, device=hidden.device))
            rows = [rows[place] for place in places]
        hidden = _read_on(network, [text.tokens[-1] for text in rows], cache)  # who has ended reads on unheard


def together(texts: Sequence[Continuation], decoding: Decoding, network: Transformer) -> Iterator[list[Continuation]]:
    """Yield the texts in groups that fit into memory, those that begin alike in one group where possible."""
    most, context = max_cached(network.config), network.config.context
    group: list[Continuation] = []
    longest = 0
    for text in sorted(texts, key=lambda text: list(text.prompt)):
        needs = len(text.prompt) + text.room(decoding, context)
        longest = max(longest, needs)
        if group and (len(group) == MAX_ROWS or longest * (len(group) + 1) > most):
            yield group
            group, longest = [], needs
        group.append(text)
    yield group


def _add(texts: Sequence[Continuation], logits: Tensor, decoding: Decoding) -> None:
    """Choose a token for each text, given the logits, (n, symbols), and add it with its log-probability."""
    filtered = logits
    if decoding.repetition_penalty != 1:
        filtered = penalise_repeats(filtered, _seen(texts, logits), decoding.repetition_penalty)
    if any(text.matcher is not None for text in texts):
        filtered = filtered.masked_fill(~_allowed(texts, logits), -torch.inf)
    chosen = decoding.choose(filtered, [text.generator for text in texts])
    index = torch.tensor(chosen, device=logits.device)[:, None]
    nats = logits.gather(1, index)[:, 0] - logits.logsumexp(dim=1)
    for text, token, log_p in zip(texts, chosen, nats.tolist(), strict=True):
        text.tokens.append(token)
        text.log_prob += log_p
        if text.matcher is not None:
            text.matcher.read(token)


def _seen(texts: Sequence[Continuation], logits: Tensor) -> Tensor:
    """Return which tokens stand in each text, its prompt included, bool, as large as the logits."""
    seen = torch.zeros(logits.shape, dtype=torch.bool)
    for row, text in enumerate(texts):
        seen[row, [*text.prompt, *text.tokens]] = True
    return seen.to(logits.device)


def _allowed(texts: Sequence[Continuation], logits: Tensor) -> Tensor:
    """Return which tokens may come next in each text, bool, as large as the logits."""
    allowed = np.ones(logits.shape, bool)
    for row, text in enumerate(texts):
        if text.matcher is not None:
            allowed[row] = text.matcher.allowed()
    return torch.from_numpy(allowed).to(logits.device)


@torch.inference_mode()
def _logits(network: Transformer, hidden: Tensor) -> Tensor:
    """Return the logits of the next token, (n, d_model) -> (n, symbols)."""
    return network.unembed(hidden)


@torch.inference_mode()
def _read_on(network: Transformer, tokens: Sequence[int], cache: KVCache) -> Tensor:
    """Read one token more a text; return the residual stream after it, (n, d_model)."""
    return network.hidden(torch.tensor(tokens, device=network.norm.weight.device)[:, None], cache)[:, -1]
