"""Markov chains beside markovify and nltk.lm: fit on first names, then 10,000 sampled names.

Every contestant gets the same names and the same order, and hands back a list of strings. Each round runs all of them
in turn, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import median
from time import perf_counter

import markovify
from nltk.lm import MLE

from sdg_lab import data
from sdg_lab.models.markov import MarkovChain

ORDER = 3
SAMPLES = 10_000
ROUNDS = 5
SLOW_ROUNDS = 3
"""nltk.lm takes seconds a round."""

Row = tuple[str, float, str, float]
"""What was done, our seconds, the peer's name, its seconds."""

Names = list[str]


def ours(names: Names) -> Names:
    return list(map(str, MarkovChain(ORDER).fit(names).sample(SAMPLES, seed=0)))


def markovify_plain(names: Names) -> Names:
    chain = markovify.Chain([list(name) for name in names], state_size=ORDER)
    return ["".join(chain.gen()) for _ in range(SAMPLES)]


def markovify_compiled(names: Names) -> Names:
    chain = markovify.Chain([list(name) for name in names], state_size=ORDER).compile(inplace=True)
    return ["".join(chain.gen()) for _ in range(SAMPLES)]


def nltk_mle(names: Names) -> Names:
    model = MLE(ORDER + 1)
    start, end = "<s>", "</s>"
    padded = [[start] * ORDER + [*name, end] for name in names]
    model.fit(
        (
            [
                tuple(name[last - length : last])
                for last in range(ORDER + 1, len(name) + 1)
                for length in range(1, ORDER + 2)
            ]
            for name in padded
        ),
        vocabulary_text=[start, end, *"".join(names)],
    )
    samples = []
    rng = Random(0)
    for _ in range(SAMPLES):
        text = [start] * ORDER
        while (symbol := model.generate(text_seed=text, random_seed=rng)) != end:
            text.append(symbol)
        samples.append("".join(text[ORDER:]))
    return samples


def run() -> list[Row]:
    """Time every pair in one run; the figures are medians over rounds."""
    names = data.names().train
    fast = _medians([ours, markovify_plain, markovify_compiled], names, ROUNDS)
    slow = _medians([ours, nltk_mle], names, SLOW_ROUNDS)
    what = f"Markov chain, order {ORDER}: fit {len(names):,} names, sample {SAMPLES:,}"
    return [
        (what, fast[ours], "markovify", fast[markovify_plain]),
        (what, fast[ours], "markovify, compiled", fast[markovify_compiled]),
        (what, slow[ours], "nltk.lm, MLE", slow[nltk_mle]),
    ]


def _medians(
    contestants: list[Callable[[Names], Names]], names: Names, rounds: int
) -> dict[Callable[[Names], Names], float]:
    seconds: dict[Callable[[Names], Names], list[float]] = {contestant: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            begin = perf_counter()
            samples = contestant(names)
            seconds[contestant].append(perf_counter() - begin)
            if len(samples) != SAMPLES:
                raise RuntimeError(f"{contestant.__name__} made {len(samples)} names, not {SAMPLES}")
    return {contestant: median(times) for contestant, times in seconds.items()}
