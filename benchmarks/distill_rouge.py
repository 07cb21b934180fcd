"""ROUGE-L F of 10,000 texts against 10,000, those of at least 0.7, beside the package ``rouge-score``.

The texts are as long as instructions are: 5 to 25 words, drawn from 3,000 by Zipf's law. The package takes a quarter of
an hour or more for all pairs, so it is asked about a share of them, and its seconds are multiplied.
"""

from __future__ import annotations

import random
import time

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from benchmarks.timing import Row
from sdg_lab.distill.rouge import similar_pairs

TEXTS, THRESHOLD, LIMIT = 10_000, 0.7, 60.0
SHARE = 100
"""The package compares every so many-th of both lists."""


def run() -> list[Row]:
    first, second = texts(0), texts(1)
    start = time.perf_counter()
    places, _ = similar_pairs(first, second, THRESHOLD)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    theirs_found = by_the_package(first[::SHARE], second[::SHARE])
    theirs = (time.perf_counter() - start) * SHARE**2
    found = {(i // SHARE, j // SHARE) for i, j in places.tolist() if i % SHARE == j % SHARE == 0}
    if found != theirs_found:
        raise AssertionError(f"the pairs differ: {found ^ theirs_found}")
    what = f"ROUGE-L >= {THRESHOLD:g} of {TEXTS:,} texts against {TEXTS:,}"
    return [
        Row(what, ours, "rouge-score, from a share of the pairs", theirs, goal=100),
        Row(what, ours, "the limit set for one core", LIMIT, goal=1),
    ]


def texts(seed: int) -> list[str]:
    """Make texts; every tenth is nearly one of the same list of other seeds."""
    vocabulary = [f"word{rank}" for rank in range(3_000)]
    weights = 1 / np.arange(1, 3_001)
    rng, shared = random.Random(seed), random.Random("shared")
    made = []
    for place in range(TEXTS):
        alike = shared.choices(vocabulary, weights, k=shared.randint(5, 25))
        own = rng.choices(vocabulary, weights, k=rng.randint(5, 25))
        made.append(" ".join([*alike[:-1], rng.choice(vocabulary)] if place % 10 == 0 else own))
    return made


def by_the_package(first: list[str], second: list[str]) -> set[tuple[int, int]]:
    scorer = RougeScorer(["rougeL"])
    return {
        (i, j)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if scorer.score(a, b)["rougeL"].fmeasure >= THRESHOLD - 1e-12
    }
