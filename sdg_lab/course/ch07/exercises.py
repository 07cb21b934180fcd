"""Chapter 07: what its notebook's header says, its exercises, and the weights that ship with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdg_lab.course.ch07.plays import train_plays, train_plays_lstm
from sdg_lab.course.ch07.shelf import train_melodies, train_molecules, train_names
from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper, Wrong

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


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return standard normal numbers, by default in the networks' precision: an answer may make tensors of its own."""
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# Attention.


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return softmax(Q Kᵀ / √d) V, and the softmax, the weights."""
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def _attention_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, heads, queries, keys, d, masked in (
        (3, 2, 5, 6, 4, False),  # two sequences would look like the two things that are returned
        (2, 3, 5, 6, 4, True),
        (1, 2, 4, 4, 5, True),
        (3, 1, 7, 3, 16, True),
        (1, 1, 1, 8, 3, False),
    ):
        q, k, v = _normal(rng, n, heads, queries, d), *(_normal(rng, n, heads, keys, d) for _ in range(2))
        mask = torch.as_tensor(rng.random((queries, keys)) < 0.5) if masked else None
        if mask is not None:  # a query that may attend to nothing has no weights
            mask[torch.arange(queries), torch.as_tensor(rng.integers(0, keys, queries))] = True
            mask[0], mask[0, -1] = False, True  # whoever brings a causal mask of their own is wrong here
        sizes = f"{n} × {heads} heads, {queries} queries, {keys} keys, d = {d}"
        yield Case(q, k, v, mask, name=f"{sizes}, {'a mask' if masked else 'no mask'}")
    q, k, v = (_normal(rng, 2, 2, 6, 8) for _ in range(3))
    yield Case(q, k, v, torch.ones(6, 6, dtype=torch.bool).tril(), name="a causal mask, d = 8")
    q, k, v = _normal(rng, 1, 2, 4, 9).abs() + 4, -_normal(rng, 1, 2, 4, 9).abs() - 4, _normal(rng, 1, 2, 4, 9)
    k[:, :, 0] = -2 * k[:, :, 1] / 4
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[:, 0] = False
    yield Case(q, k, v, mask, name="scores that are far below 0, and one above it that is masked")
    q, k = torch.zeros(2, 1, 1, 4, 4)
    q[..., 0], k[..., 0], q[..., 1], k[..., 1] = 20, 10, torch.arange(4), torch.arange(4)
    yield Case(q, k, _normal(rng, 1, 1, 4, 4), None, name="scores between 100 and 105")
    # Each query has a level of its own, and a clear winner, so that rounding of such scores does not matter.
    q, k = torch.zeros(2, 2, 1, 4, 16)
    q[..., 0], q[..., 1] = torch.tensor([0, 64, 1024, 0]), 1
    k[..., 0], k[..., 1] = torch.tensor([-256, -320, 256, -288]), _normal(rng, 2, 1, 4)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[:, 2] = False
    yield Case(q, k, _normal(rng, 2, 1, 4, 16), mask, name="scores near 0, -4096 and -65536, those above them masked")


def _attention_as(
    divisor: Callable[[int], float] = math.sqrt,
    dim: int = -1,
    hidden: float = -math.inf,
    late: bool = False,
    change: Callable[[Tensor], Tensor] = lambda mask: mask,
) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return attention with one mistake."""

    def answer(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scores = q @ k.transpose(-1, -2) / divisor(q.shape[-1])
        if mask is not None and not late:
            scores = scores.masked_fill(~change(mask), hidden)
        weights = scores.softmax(dim)
        if mask is not None and late:
            weights = weights * mask
        return weights @ v, weights

    return answer


def _overflowing(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    powers = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).exp()
    if mask is not None:
        powers = powers * mask
    weights = powers / powers.sum(-1, keepdim=True)
    return weights @ v, weights


# The causal mask.


def causal_mask(queries: int, keys: int) -> Tensor:
    """Return True where a query may attend: the last one stands at the last key."""
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


def _mask_cases(rng: np.random.Generator) -> Iterator[Case]:
    for queries, keys in ((4, 4), (1, 5), (3, 7), (1, 1), (6, 8)):
        yield Case(queries, keys, name=f"{queries} queries and {keys} keys")
    for _ in range(10):
        queries = int(rng.integers(1, 9))
        keys = queries + int(rng.integers(0, 6))
        yield Case(queries, keys, name=f"{queries} queries and {keys} keys")


def _additive(queries: int, keys: int) -> Tensor:
    return torch.zeros(queries, keys).masked_fill(~causal_mask(queries, keys), -math.inf)


# One step with a cache.


def cache_step(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a new query gathers, and the cache with the new key and value."""
    keys, values = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
    weights = torch.softmax(q @ keys.transpose(-1, -2) / q.shape[-1] ** 0.5, dim=-1)
    return weights @ values, keys, values


def _cache_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, heads, before, d in ((2, 4, 6, 8), (1, 1, 3, 5), (3, 2, 1, 16), (2, 3, 0, 4), (4, 4, 4, 4)):
        new, past = (n, heads, 1, d), (n, heads, before, d)
        tensors = [_normal(rng, *shape) for shape in (new, new, new, past, past)]
        name = f"{before} tokens in the cache, {n} × {heads} heads, d = {d}"
        yield Case(*tensors, name=name if before else "a cache that is still empty")
    q, k, keys = torch.zeros(3, 2, 1, 4), torch.zeros(3, 2, 1, 4), torch.zeros(3, 2, 5, 4)
    q[..., 0], q[..., 1] = 16, 1
    level = torch.tensor([16.0, -16.0])[:, None]
    k[..., 0], keys[..., 0] = level, level
    k[..., 1], keys[..., 1] = (torch.as_tensor(rng.integers(-2, 3, (3, 2, size))) for size in (1, 5))
    v, values = _normal(rng, 3, 2, 1, 4), _normal(rng, 3, 2, 5, 4)
    yield Case(q, k, v, keys, values, name="scores near 128 in one head and near -128 in the other")
    new, past = (1, 2, 1, 4), (1, 2, 45, 4)
    tensors = [_normal(rng, *shape) for shape in (new, new, new, past, past)]
    yield Case(*tensors, name="45 tokens in the cache, all of which are to stay")


def _gathered(q: Tensor, keys: Tensor, values: Tensor, divisor: float) -> Tensor:
    return torch.softmax(q @ keys.transpose(-1, -2) / divisor, dim=-1) @ values


def _exponentials(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return _overflowing(q, torch.cat([keys, k], 2), torch.cat([values, v], 2))[0]


def _looks_before_it_stores(
    q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return _gathered(q, keys, values, q.shape[-1] ** 0.5), *cache_step(q, k, v, keys, values)[1:]


def _step_as(
    look: Callable[..., Tensor] = lambda *given: cache_step(*given)[0],
    store: Callable[[Tensor, Tensor], Tensor] = lambda old, new: torch.cat([old, new], 2),
) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """Return a step that looks or stores in another way."""
    return lambda q, k, v, keys, values: (look(q, k, v, keys, values), store(keys, k), store(values, v))


def _divided_by(divisor: Callable[[int], float]) -> Callable[..., Tensor]:
    return lambda q, k, v, keys, values: _gathered(
        q, torch.cat([keys, k], 2), torch.cat([values, v], 2), divisor(q.shape[-1])
    )


# The nucleus.


def nucleus(probabilities: Tensor, p: float) -> Tensor:
    """Keep the fewest tokens, likeliest first, that reach p together."""
    ordered, index = probabilities.sort(descending=True, stable=True)
    before = ordered.cumsum(0) - ordered  # the mass of all likelier tokens
    ordered[before >= p] = 0
    kept = torch.zeros_like(probabilities).scatter(0, index, ordered)
    return kept / kept.sum()


def _nucleus_cases(rng: np.random.Generator) -> Iterator[Case]:
    given = [([0.1, 0.4, 0.05, 0.3, 0.15], p) for p in (0.6, 0.2, 0.8, 0.97)]
    given += [([0.25, 0.5, 0.125, 0.125], p) for p in (0.5, 0.75, 0.8)]
    for numbers, p in given:
        yield Case(torch.tensor(numbers).double(), p, name=f"{numbers} and p = {p}")
    for n in (3, 30, 7, 12, 5, 20):
        p = round(float(rng.uniform(0.1, 0.95)), 2) + 0.0037  # no sum of probabilities meets it by chance
        dtype = torch.float32 if n == 7 else torch.float64
        yield Case(torch.as_tensor(rng.dirichlet(np.ones(n)), dtype=dtype), p, name=f"{n} tokens and p = {p:.4f}")
    for n, p in ((8, 0.5), (4, 0.3), (16, 0.8)):
        yield Case(torch.full((n,), 1 / n).double(), p, name=f"{n} tokens that are equally likely, and p = {p}")
    ties = torch.tensor([0.125, 0.25, 0.25, 0.125, 0.25]).double()
    yield Case(ties, 0.4, name=f"{ties.tolist()}, three of them equal, and p = 0.4")
    # Ten times 0.1 is 0.9999999999999999: a sum that never reaches p.
    yield Case(torch.full((10,), 0.1).double(), 1.0, name="ten tokens of 0.1 each, and p = 1.0")
    for n in (6, 25):
        yield Case(torch.as_tensor(rng.dirichlet(np.ones(n))), 1.0, name=f"{n} tokens and p = 1.0")
    yield Case(torch.tensor([1.0]).double(), 0.7, name="a single token")


def _whichever_of_equals(value: Any, case: Case) -> Tensor:
    """Among equally likely tokens it does not matter which are kept: those that are come first."""
    given: Tensor = case.args[0]
    kept = torch.as_tensor(value).detach()
    if kept.shape != given.shape:
        raise Wrong(
            f"The nucleus must have a number for each token, shape {tuple(given.shape)}, got {tuple(kept.shape)}."
        )
    kept = kept.clone()
    for probability in set(given.tolist()):
        equal = given == probability
        kept[equal] = kept[equal].sort(descending=True).values
    return kept


def _keeping(keep: Callable[[Tensor, float], Tensor], *, descending: bool = True) -> Callable[[Tensor, float], Tensor]:
    """Return an answer that keeps other tokens, chosen from the sorted probabilities."""

    def answer(probabilities: Tensor, p: float) -> Tensor:
        ordered, index = probabilities.sort(descending=descending, stable=True)
        kept = torch.zeros_like(probabilities).scatter(0, index, ordered * keep(ordered, p))
        return kept / kept.sum()

    return answer


def _before(ordered: Tensor) -> Tensor:
    return ordered.cumsum(0) - ordered


def _first_that_reaches(ordered: Tensor, p: float) -> Tensor:
    return torch.arange(len(ordered)) <= (ordered.cumsum(0) >= p).int().argmax()


def _with_all_ties(ordered: Tensor, p: float) -> Tensor:
    return ordered >= ordered[_before(ordered) < p].min()


# RMSNorm.


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """Return x / √(mean(x²) + ε) · g, the mean over the last axis."""
    return x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + eps) * gain


def _norm_cases(rng: np.random.Generator) -> Iterator[Case]:
    for shape, eps, dtype in (
        ((2, 5, 8), 0.5, torch.float64),
        ((3, 4), 1e-5, torch.float64),
        ((7,), 0.1, torch.float64),
        ((2, 3, 2, 6), 1e-3, torch.float32),
        ((5, 5), 0.02, torch.float64),
        ((1, 4, 1), 1.7, torch.float64),
    ):
        x, gain = 2 * _normal(rng, *shape, dtype=dtype) + 1, _normal(rng, shape[-1], dtype=dtype).exp()
        yield Case(x, gain, eps, name=f"x of shape {shape}, ε = {eps:g}")
    small = 1e-3 * _normal(rng, 3, 5, dtype=torch.float64)
    yield Case(small, _normal(rng, 5, dtype=torch.float64), 1e-5, name="numbers near 0.001, ε = 1e-05")
    nothing = torch.zeros(2, 4, dtype=torch.float64)
    yield Case(nothing, _normal(rng, 4, dtype=torch.float64), 0.01, name="zeros")


def _norm_as(divisor: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, Tensor, float], Tensor]:
    """Return a norm with another divisor."""
    return lambda x, gain, eps: x / divisor(x, eps) * gain


def _mean_square(x: Tensor) -> Tensor:
    return x.square().mean(-1, keepdim=True)


def _layer_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    return rms_norm(x - x.mean(-1, keepdim=True), gain, eps)


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
        cases=_attention_cases,
        returns=("the outputs", "the weights"),
        differentiable=("q", "k", "v"),
        mistakes=(
            Mistake("The scores are not divided by √d.", _attention_as(lambda d: 1.0)),
            Mistake("The scores are divided by d; take its root.", _attention_as(float)),
            Mistake(
                "√d depends on the width of a head, the last axis of q; 2 is √4 only.", _attention_as(lambda d: 2.0)
            ),
            Mistake(
                "√(d/2) is no √d: divide by the root of the whole width.", _attention_as(lambda d: math.sqrt(d / 2))
            ),
            Mistake(
                "The softmax runs over the queries; each query's weights over the keys, the last axis, sum to 1.",
                _attention_as(dim=-2),
            ),
            Mistake(
                "The mask came after the softmax, so that what is left no longer sums to 1; mask the scores.",
                _attention_as(late=True),
            ),
            Mistake(
                "Masked scores were set to 0, and e⁰ = 1 is no small weight; set them to -inf.",
                _attention_as(hidden=0.0),
            ),
            Mistake(
                "Masked scores were made low, but not low enough where the others are lower still; set them to -inf.",
                _attention_as(hidden=-20.0),
            ),
            Mistake(
                "The mask is reversed: True where a query may attend.",
                _attention_as(change=lambda mask: ~mask),
            ),
            Mistake("exp overflows where a score is large; softmax takes care of that.", _overflowing),
            Mistake("The mask is not used.", _attention_as(change=torch.ones_like)),
            Mistake(
                "That is a causal mask of your own; use the one that is given.",
                _attention_as(change=lambda mask: causal_mask(*mask.shape)),
            ),
            Mistake(
                "The given mask is made causal, too; use it as it is.",
                _attention_as(change=lambda mask: mask & causal_mask(*mask.shape)),
            ),
            Mistake(
                "The scores came back in place of the weights; return what the softmax gave.",
                lambda q, k, v, mask=None: (
                    attention(q, k, v, mask)[0],
                    q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]),
                ),
            ),
        ),
    ),
    Exercise(
        key="07.causal_mask",
        title="The causal mask",
        task="Return which keys each query may attend to, where the last query stands at the last key.",
        points=1,
        minutes=5,
        hints=(
            "Draw 4 queries and 4 keys on paper: the first query sees one key, the last one sees all.",
            "With more keys than queries, the first query has keys - queries of them before its own.",
            "torch.ones(queries, keys, dtype=torch.bool).tril(...): which diagonal is the last that stays?",
        ),
        reference=causal_mask,
        cases=_mask_cases,
        returns="the mask",
        mistakes=(
            Mistake(
                "A query may attend to its own key, too.",
                lambda queries, keys: causal_mask(queries, keys).tril(keys - queries - 1),
            ),
            Mistake(
                "It lets each query attend to what comes after it; reverse it.",
                lambda queries, keys: ~causal_mask(queries, keys),
            ),
            Mistake(
                "It lets each query attend to what comes after it, and not to what came before.",
                lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool).triu(keys - queries),
            ),
            Mistake(
                "The last query stands at the last key, so the first one has keys before it.",
                lambda queries, keys: torch.ones(queries, keys, dtype=torch.bool).tril(),
            ),
            Mistake(
                "A row is a query and a column is a key: the mask has the shape (queries, keys).",
                lambda queries, keys: causal_mask(queries, keys).T,
            ),
            Mistake("A mask holds True and False; 0 and -inf are what it does to scores.", _additive),
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
            "Does a token attend to itself? Then its key has to be in the cache first.",
            "torch.cat([keys, k], dim=2), the same for values, then attention without any mask.",
        ),
        reference=cache_step,
        cases=_cache_cases,
        returns=("the output", "the keys", "the values"),
        mistakes=(
            Mistake(
                "The new token does not attend to itself; store its key and value first.",
                _looks_before_it_stores,
            ),
            Mistake(
                "The new key and value are missing in the cache; the next step will need them.",
                _step_as(store=lambda old, new: old.clone()),
            ),
            Mistake(
                "The new key and value stand before the old ones; time runs on at the end.",
                _step_as(store=lambda old, new: torch.cat([new, old], 2)),
            ),
            Mistake(
                "The oldest token was dropped; the cache grows by one.",
                _step_as(store=lambda old, new: torch.cat([old, new], 2)[:, :, 1:]),
            ),
            Mistake("The scores are not divided by √d.", _step_as(_divided_by(lambda d: 1.0))),
            Mistake("The scores are divided by d; take its root.", _step_as(_divided_by(float))),
            Mistake(
                "√8 is right for a width of 8 only: take d from the query.", _step_as(_divided_by(lambda d: 8**0.5))
            ),
            Mistake(
                "The new token attends to itself only; the past is in the cache.",
                _step_as(lambda q, k, v, keys, values: v.clone()),
            ),
            Mistake(
                "That is the plain mean of all values; weight them by a softmax of the scores.",
                _step_as(lambda q, k, v, keys, values: torch.cat([values, v], 2).mean(2, keepdim=True)),
            ),
            Mistake(
                "That is the plain mean of the old values; weight all, the new one too, by a softmax of the scores.",
                _step_as(lambda q, k, v, keys, values: values.mean(2, keepdim=True)),
            ),
            Mistake("exp overflows where a score is large; softmax takes care of that.", _step_as(_exponentials)),
        ),
    ),
    Exercise(
        key="07.top_p",
        title="The nucleus",
        task="Keep the fewest tokens whose probabilities reach p together, and make what is kept sum to 1.",
        points=2,
        minutes=15,
        hints=(
            "Sort from the likeliest down, and add up as you go. Where do you stop?",
            "The token with which the sum reaches p is the last that stays. What is the sum before each token?",
            "Keep where cumsum - probability < p, in sorted order; put them back in their places; divide by their sum.",
        ),
        reference=nucleus,
        cases=_nucleus_cases,
        returns="the nucleus",
        form=_whichever_of_equals,
        mistakes=(
            Mistake(
                "What is kept does not sum to 1; divide it by its sum.",
                lambda probabilities, p: torch.where(nucleus(probabilities, p) > 0, probabilities, 0.0),
            ),
            Mistake(
                "The token that crosses p is dropped; it belongs in, or too little is kept.",
                _keeping(lambda ordered, p: ordered.cumsum(0) <= p),
            ),
            Mistake(
                "Where the sum meets p exactly, that is enough; one token more is kept.",
                _keeping(lambda ordered, p: _before(ordered) <= p),
            ),
            Mistake(
                "The unlikeliest are kept; sort from the likeliest down.",
                _keeping(lambda ordered, p: _before(ordered) < p, descending=False),
            ),
            Mistake(
                "p is no threshold for single probabilities; it is for their sum.",
                _keeping(lambda ordered, p: ordered >= p),
            ),
            Mistake(
                "The probabilities were added up in the order of the tokens; sort them first.",
                lambda probabilities, p: (
                    (kept := probabilities * (probabilities.cumsum(0) - probabilities < p)) / kept.sum()
                ),
            ),
            Mistake(
                "The probabilities are no longer in the order of the tokens; undo the sorting.",
                lambda probabilities, p: nucleus(probabilities, p).sort(descending=True)[0],
            ),
            Mistake(
                "Tokens as likely as the last one are kept as well; keep the fewest that reach p.",
                _keeping(_with_all_ties),
            ),
            Mistake(
                "At p = 1 rounding may keep the sum below p, and argmax then finds the first token; keep all.",
                _keeping(_first_that_reaches),
            ),
            Mistake(
                "That is min-p, a threshold in proportion to the likeliest token; here the sum has to reach p.",
                _keeping(lambda ordered, p: ordered >= p * ordered[0]),
            ),
            Mistake(
                "What is kept was made equal; it stays in proportion.",
                lambda probabilities, p: (kept := (nucleus(probabilities, p) > 0).to(probabilities)) / kept.sum(),
            ),
            Mistake(
                "A softmax changes the proportions; divide what is kept by its sum.",
                lambda probabilities, p: torch.where(nucleus(probabilities, p) > 0, probabilities, -math.inf).softmax(
                    0
                ),
            ),
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
        cases=_norm_cases,
        returns="the norm",
        differentiable=("x", "gain"),
        mistakes=(
            Mistake("The mean is subtracted, too; that is LayerNorm.", _layer_norm),
            Mistake("The root is missing.", _norm_as(lambda x, eps: _mean_square(x) + eps)),
            Mistake(
                "That divides by the length, √(sum of squares); take the mean of the squares.",
                _norm_as(lambda x, eps: torch.sqrt(x.square().sum(-1, keepdim=True) + eps)),
            ),
            Mistake("The gain is missing.", lambda x, gain, eps: rms_norm(x, torch.ones_like(gain), eps)),
            Mistake(
                "The gain is 1 + g in some models; here it is g.",
                lambda x, gain, eps: rms_norm(x, 1 + gain, eps),
            ),
            Mistake("ε stands outside of the root.", _norm_as(lambda x, eps: (_mean_square(x) + 1e-30).sqrt() + eps)),
            Mistake(
                "ε is an argument; 1e-5 is only its usual value.",
                _norm_as(lambda x, eps: torch.sqrt(_mean_square(x) + 1e-5)),
            ),
            Mistake(
                "Take the mean of x², not the square of the mean.",
                _norm_as(lambda x, eps: torch.sqrt(x.mean(-1, keepdim=True) ** 2 + eps)),
            ),
            Mistake(
                "One scale serves the whole batch; each position has its own: the last axis.",
                _norm_as(lambda x, eps: torch.sqrt(x.square().mean() + eps)),
            ),
            Mistake(
                "The mean runs over the first axis; each vector along the last axis has its own.",
                _norm_as(lambda x, eps: torch.sqrt(x.square().mean(0, keepdim=True) + eps)),
            ),
        ),
    ),
)
