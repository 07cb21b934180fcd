"""Chapter 07: what its notebook's header says, and its exercises.

Each check computes what it expects with torch's own functions or by enumeration, and tries the usual mistakes on the
same numbers, so that a refusal can name the one that was made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.ch07.plays import train_plays, train_plays_lstm
from sdg_lab.course.ch07.shelf import train_melodies, train_molecules, train_names
from sdg_lab.course.engine.compare import expect_close, expect_equal, expect_rows_sum_to_one, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.models.transformer.attention import attention, causal_mask

CHAPTER = Chapter(
    number="07",
    title="Transformers",
    builds="Attention, and around it a GPT that is trained on names, molecules, melodies, sums and Shakespeare; then, "
    "by four options of the same class, a real language model that talks on this computer, offline.",
    read_first="Chapters 01 and 06; what a matrix product and a softmax are.",
    papers=(
        Paper("Attention Is All You Need", "Vaswani et al.", 2017, "https://arxiv.org/abs/1706.03762"),
        Paper(
            "The Curious Case of Neural Text Degeneration", "Holtzman et al.", 2020, "https://arxiv.org/abs/1904.09751"
        ),
        Paper(
            "RoFormer: Enhanced Transformer with Rotary Position Embedding",
            "Su et al.",
            2021,
            "https://arxiv.org/abs/2104.09864",
        ),
        Paper("Root Mean Square Layer Normalization", "Zhang and Sennrich", 2019, "https://arxiv.org/abs/1910.07467"),
        Paper("GLU Variants Improve Transformer", "Shazeer", 2020, "https://arxiv.org/abs/2002.05202"),
        Paper(
            "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
            "Ainslie et al.",
            2023,
            "https://arxiv.org/abs/2305.13245",
        ),
        Paper(
            "Primer: Searching for Efficient Transformers for Language Modeling",
            "So et al.",
            2021,
            "https://arxiv.org/abs/2109.08668",
        ),
        Paper("On Calibration of Modern Neural Networks", "Guo et al.", 2017, "https://arxiv.org/abs/1706.04599"),
        Paper(
            "SmolLM2: When Smol Goes Big -- Data-Centric Training of a Small Language Model",
            "Allal et al.",
            2025,
            "https://arxiv.org/abs/2502.02737",
        ),
    ),
)


WEIGHTS = {
    "07-names": train_names,
    "07-melodies": train_melodies,
    "07-molecules": train_molecules,
    "07-plays": train_plays,
    "07-plays-lstm": train_plays_lstm,
}
"""LSTMs and transformers; of names and melodies three seeds each."""


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Exercise: attention.


def _check_attention(answer: Answer) -> None:
    q, k, v = _normal(2, 3, 5, 4, seed=0), _normal(2, 3, 6, 4, seed=1), _normal(2, 3, 6, 4, seed=2)
    mask = causal_mask(5, 6)
    for allowed, case in ((None, "no mask"), (mask, "a causal mask")):
        got = answer(q, k, v, allowed)
        if not isinstance(got, tuple) or len(got) != 2:
            raise Wrong(f"expected a pair (outputs, weights), got a {type(got).__name__}")
        outputs, weights = got
        want = F.scaled_dot_product_attention(q, k, v, allowed)
        name_the_mistake(
            outputs,
            want,
            {
                sentence: wrong(q, k, v, allowed)[0]
                for sentence, wrong in _ATTENTION_MISTAKES.items()
                if allowed is not None or "mask" not in sentence
            },
            what=f"the outputs for {case}",
        )
        expect_close(outputs, want, what="the outputs", case=case)
        expect_rows_sum_to_one(weights, what="the weights", case=case)
        expect_close(weights @ v, want, what="weights @ v", case=case)


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    divisor: float = 2.0,  # √4, the width of a head in the check
    dim: int = -1,
    hidden: float = -math.inf,
    late: bool = False,
    inverted: bool = False,
) -> tuple[Tensor, Tensor]:
    """Compute attention with one mistake or none."""
    scores = q @ k.transpose(-1, -2) / divisor
    if mask is not None and not late:
        scores = scores.masked_fill(mask if inverted else ~mask, hidden)
    weights = scores.softmax(dim)
    if mask is not None and late:
        weights = weights * mask
    return weights @ v, weights


_ATTENTION_MISTAKES: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "the scores are not divided by √d": partial(_attention, divisor=1.0),
    "the scores are divided by d; take its root": partial(_attention, divisor=4.0),
    "the softmax runs over the queries; each query's weights over the keys, the last axis, sum to 1": partial(
        _attention, dim=-2
    ),
    "the mask came after the softmax, so that what is left no longer sums to 1; mask the scores": partial(
        _attention, late=True
    ),
    "masked scores were set to 0, and e⁰ = 1 is no small weight; set them to -inf": partial(_attention, hidden=0.0),
    "the mask is turned around: True says that a query may look": partial(_attention, inverted=True),
}

_NO_ROOT, _WHOLE_D, _OVER_QUERIES, _LATE_MASK, _ZERO_MASK, _TURNED_MASK = _ATTENTION_MISTAKES.values()


# Exercise: the causal mask.


def _check_causal_mask(answer: Answer) -> None:
    for queries, keys in ((4, 4), (1, 5), (3, 7)):
        case = f"{queries} queries and {keys} keys"
        past = keys - queries  # of the first query
        want = [[key <= past + query for key in range(keys)] for query in range(queries)]
        got = answer(queries, keys)
        if not isinstance(got, Tensor | np.ndarray | list | tuple):
            raise Wrong(f"the mask for {case}: expected a tensor, got a {type(got).__name__}")
        table = np.asarray(got)
        if table.dtype.kind == "f":
            raise Wrong(f"the mask for {case}: expected True and False, got {table.dtype}: True where a query may look")
        allowed = torch.tensor(want)
        ones = torch.ones(queries, keys, dtype=torch.bool)
        mistakes = {
            "a query may look at its own key too": ones.tril(past - 1),
            "it lets each query look at what comes after it; turn it around": ~allowed,
            "it lets each query look ahead, and not back": ones.triu(past),
            "it stands on the wrong foot: the last query stands at the last key, so the first one has keys before it": (
                ones.tril()
            ),
        }
        name_the_mistake(table.astype(int), allowed.int(), {s: m.int() for s, m in mistakes.items()}, what=case)
        expect_equal(table, np.asarray(want), what="the mask", case=case)


def _without_itself(queries: int, keys: int) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries - 1)


def _looks_ahead(queries: int, keys: int) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool).triu(keys - queries)


def _forgets_the_past(queries: int, keys: int) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool).tril()


def _additive(queries: int, keys: int) -> Tensor:
    return torch.zeros(queries, keys).masked_fill(~causal_mask(queries, keys), -math.inf)


# Exercise: one step with a cache.


def cache_step(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what one new query gathers, and the cache with the new key and value behind the old ones."""
    keys, values = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
    return attention(q, keys, values)[0], keys, values


def _check_cache_step(answer: Answer) -> None:
    q, k, v = _normal(3, 2, 4, 1, 8, seed=3)
    keys, values = _normal(2, 2, 4, 6, 8, seed=4)
    got = answer(q, k, v, keys, values)
    if not isinstance(got, tuple) or len(got) != 3:
        raise Wrong(f"expected three tensors (output, keys, values), got a {type(got).__name__}")
    all_keys, all_values = torch.cat([keys, k], 2), torch.cat([values, v], 2)
    for part, want, what, old in ((got[1], all_keys, "keys", keys), (got[2], all_values, "values", values)):
        new = want[:, :, -1:]
        mistakes = {
            "the new one is missing; the next step will need it": old,
            "the new one stands before the old ones; time runs on at the end": torch.cat([new, old], 2),
        }
        name_the_mistake(part, want, mistakes, what=f"the cached {what}")
        expect_close(part, want, what=f"the cached {what}", case="6 tokens in the cache and 1 new one")
    want = F.scaled_dot_product_attention(q, all_keys, all_values)
    mistakes = {
        "the new token does not look at itself; store its key and value first": attention(q, keys, values)[0],
        "the scores are not divided by √d": _attention(q, all_keys, all_values, divisor=1.0)[0],
        "the new token looks at itself only": v,
    }
    name_the_mistake(got[0], want, mistakes, what="the output")
    expect_close(got[0], want, what="the output", case="6 tokens in the cache and 1 new one")


def _looks_before_it_stores(
    q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return attention(q, keys, values)[0], torch.cat([keys, k], 2), torch.cat([values, v], 2)


def _stores_nothing(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return cache_step(q, k, v, keys, values)[0], keys, values


def _stores_in_front(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return cache_step(q, k, v, keys, values)[0], torch.cat([k, keys], 2), torch.cat([v, values], 2)


def _stores_as_heads(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wide = (keys.shape[0], keys.shape[1], keys.shape[2], keys.shape[3])
    keys, values = torch.cat([keys, k.expand(wide)], 1), torch.cat([values, v.expand(wide)], 1)
    return q, keys, values


# Exercise: the nucleus.


def nucleus(probabilities: Tensor, p: float) -> Tensor:
    """Keep the fewest symbols, likeliest first, whose probabilities reach p together; the kept ones sum to 1."""
    ordered, index = probabilities.sort(descending=True, stable=True)
    before = ordered.cumsum(0) - ordered  # the mass of all likelier symbols
    ordered[before >= p] = 0
    kept = torch.zeros_like(probabilities).scatter(0, index, ordered)
    return kept / kept.sum()


def _check_nucleus(answer: Answer) -> None:
    cases = (([0.1, 0.4, 0.05, 0.3, 0.15], 0.6), ([0.1, 0.4, 0.05, 0.3, 0.15], 0.2), ([0.25, 0.5, 0.125, 0.125], 0.5))
    for numbers, p in cases:
        case = f"{numbers} and p = {p}"
        given = torch.tensor(numbers, dtype=torch.float64)
        got = answer(given, p)
        ranks = sorted(range(len(numbers)), key=lambda i: -numbers[i])
        size = next(n for n in range(1, len(ranks) + 1) if math.fsum(numbers[i] for i in ranks[:n]) >= p)
        want = _renormalised(given, ranks[:size])
        cut = torch.zeros_like(given)
        cut[ranks[:size]] = given[ranks[:size]]
        mistakes = {
            "it does not sum to 1; divide what is kept by its sum": cut,
            "the symbol that crosses p is dropped; it belongs in, or too little is kept": _nucleus_below(given, p),
            "the unlikeliest are kept; sort from the likeliest down": _nucleus_ascending(given, p),
            "p is no threshold for single probabilities; it is for their sum": _nucleus_by_threshold(given, p),
            "the probabilities are no longer in the order of the symbols; undo the sorting": want.sort(descending=True)[
                0
            ],
        }
        name_the_mistake(got, want, mistakes, what=f"the nucleus of {case}")
        expect_close(got, want, what="the nucleus", case=case)


def _renormalised(probabilities: Tensor, kept: list[int]) -> Tensor:
    cut = torch.zeros_like(probabilities)
    cut[kept] = probabilities[kept]
    return cut / cut.sum() if kept else cut


def _nucleus_below(probabilities: Tensor, p: float) -> Tensor:
    ordered, index = probabilities.sort(descending=True, stable=True)
    return _renormalised(probabilities, index[ordered.cumsum(0) <= p - 1e-12].tolist())


def _nucleus_ascending(probabilities: Tensor, p: float) -> Tensor:
    ordered, index = probabilities.sort(stable=True)
    return _renormalised(probabilities, index[ordered.cumsum(0) - ordered < p].tolist())


def _nucleus_by_threshold(probabilities: Tensor, p: float) -> Tensor:
    return _renormalised(probabilities, torch.nonzero(probabilities >= p)[:, 0].tolist())


def _nucleus_unscaled(probabilities: Tensor, p: float) -> Tensor:
    return torch.where(nucleus(probabilities, p) > 0, probabilities, 0.0)


def _nucleus_sorted(probabilities: Tensor, p: float) -> Tensor:
    return nucleus(probabilities, p).sort(descending=True)[0]


# Exercise: RMSNorm.


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """Divide by the root mean square of the last axis, then multiply by the gain: x / √(mean(x²) + ε) · g."""
    return x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + eps) * gain


def _check_rms_norm(answer: Answer) -> None:
    x, gain = 3 * _normal(2, 5, 8, seed=5) + 1, _normal(8, seed=6).exp()
    for eps in (0.5, 1e-5):
        want = F.rms_norm(x, (8,), gain, eps)
        got = answer(x, gain, eps)
        square = x.square()
        mistakes = {
            "the mean is subtracted too; that is LayerNorm": F.layer_norm(x, (8,), gain, None, eps),
            "the root is missing": x / (square.mean(-1, keepdim=True) + eps) * gain,
            "divided by the length, √(sum of squares); take the mean of the squares": x
            / torch.sqrt(square.sum(-1, keepdim=True) + eps)
            * gain,
            "the gain is missing": want / gain,
            "ε stands outside of the root": x / (square.mean(-1, keepdim=True).sqrt() + eps) * gain,
            "the mean of x², not the square of the mean": x / torch.sqrt(x.mean(-1, keepdim=True) ** 2 + eps) * gain,
            "one scale for the whole batch; each position has its own: the last axis": x
            / torch.sqrt(square.mean() + eps)
            * gain,
        }
        name_the_mistake(got, want, mistakes, what=f"the norm with ε = {eps}")
        expect_close(got, want, what="the norm", case=f"shape (2, 5, 8) and ε = {eps}")


def _layer_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],), gain, None, eps)


def _no_gain(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return rms_norm(x, torch.ones_like(gain), eps)


def _length(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt(x.square().sum(-1, keepdim=True) + eps) * gain


def _whole_batch(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt(x.square().mean() + eps) * gain


def _eps_outside(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * gain


EXERCISES = (
    Exercise(
        key="07.attention",
        title="Attention",
        task="From queries, keys, values and a mask compute softmax(QKᵀ/√d)V, and return outputs and weights.",
        points=2,
        minutes=15,
        hints=(
            "q @ k.transpose(-1, -2) holds the product of every query with every key. What is its shape?",
            "A masked score must have no weight after the softmax. Which score does e^score = 0 belong to?",
            "scores / sqrt(d), then masked_fill(~mask, -inf) if there is a mask, then softmax(-1), then @ v.",
        ),
        reference=attention,
        check=_check_attention,
        wrong=(
            WrongAnswer("forgets √d", _NO_ROOT, says="not divided by √d"),
            WrongAnswer("divides by d", _WHOLE_D, says="take its root"),
            WrongAnswer("takes the softmax over the queries", _OVER_QUERIES, says="runs over the queries"),
            WrongAnswer("masks after the softmax", _LATE_MASK, says="after the softmax"),
            WrongAnswer("masks with 0", _ZERO_MASK, says="set them to -inf"),
            WrongAnswer("turns the mask around", _TURNED_MASK, says="turned around|not finite|nan"),
        ),
    ),
    Exercise(
        key="07.causal_mask",
        title="The causal mask",
        task="Say which keys each query may look at, where the last query stands at the last key.",
        points=1,
        minutes=5,
        hints=(
            "Draw 4 queries and 4 keys on paper: the first query sees one key, the last one sees all.",
            "With more keys than queries, the first query has keys - queries of them before its own.",
            "torch.ones(queries, keys, dtype=torch.bool).tril(...): which diagonal is the last that stays?",
        ),
        reference=causal_mask,
        check=_check_causal_mask,
        wrong=(
            WrongAnswer("leaves itself out", _without_itself, says="its own key"),
            WrongAnswer("looks ahead", _looks_ahead, says="look ahead"),
            WrongAnswer("forgets the keys before the first query", _forgets_the_past, says="last query stands"),
            WrongAnswer("returns 0 and -inf", _additive, says="expected True and False"),
        ),
    ),
    Exercise(
        key="07.cache_step",
        title="One step with a cache",
        task="Add a new token's key and value to the cache, and return what its query gathers, keys, and values.",
        points=2,
        minutes=10,
        hints=(
            "Which axis of (n, heads, T, d) is time?",
            "Does a token look at itself? Then its key has to be in the cache before it looks.",
            "torch.cat([keys, k], dim=2), the same for values, then attention without any mask.",
        ),
        reference=cache_step,
        check=_check_cache_step,
        wrong=(
            WrongAnswer("looks before it stores", _looks_before_it_stores, says="does not look at itself"),
            WrongAnswer("returns the old cache", _stores_nothing, says="new one is missing"),
            WrongAnswer("stores in front", _stores_in_front, says="before the old ones"),
            WrongAnswer("stores along the heads", _stores_as_heads, says="expected shape"),
        ),
    ),
    Exercise(
        key="07.top_p",
        title="The nucleus",
        task="Keep the fewest symbols whose probabilities reach p together, and make what is kept sum to 1.",
        points=2,
        minutes=15,
        hints=(
            "Sort from the likeliest down, and add up as you go. Where do you stop?",
            "The symbol with which the sum reaches p is the last that stays. What is the sum before each symbol?",
            "Keep where cumsum - probability < p, in sorted order; put them back in their places; divide by their sum.",
        ),
        reference=nucleus,
        check=_check_nucleus,
        wrong=(
            WrongAnswer("drops the symbol that crosses p", _nucleus_below, says="crosses p"),
            WrongAnswer("sorts ascending", _nucleus_ascending, says="likeliest down"),
            WrongAnswer("compares single probabilities with p", _nucleus_by_threshold, says="no threshold"),
            WrongAnswer("does not renormalise", _nucleus_unscaled, says="divide what is kept"),
            WrongAnswer("returns them sorted", _nucleus_sorted, says="undo the sorting"),
        ),
    ),
    Exercise(
        key="07.rms_norm",
        title="RMSNorm",
        task="Divide each vector by its root mean square, and multiply by the gain.",
        points=1,
        minutes=5,
        hints=(
            "Read the name backwards: first the square, then the mean, then the root.",
            "The mean runs over the last axis, one number a position; keepdim=True lets it divide x.",
            "x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + eps) * gain",
        ),
        reference=rms_norm,
        check=_check_rms_norm,
        wrong=(
            WrongAnswer("subtracts the mean", _layer_norm, says="LayerNorm"),
            WrongAnswer("forgets the gain", _no_gain, says="gain is missing"),
            WrongAnswer("divides by the length", _length, says="mean of the squares"),
            WrongAnswer("takes one scale for all", _whole_batch, says="each position has its own"),
            WrongAnswer("adds ε outside of the root", _eps_outside, says="outside of the root"),
        ),
    ),
)
