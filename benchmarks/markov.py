"""Markov chains beside markovify and nltk.lm: fit on first names, then 10,000 sampled names.

All get the same names and the same order, and hand back a list of strings.
"""

from __future__ import annotations

from functools import partial
from random import Random
from statistics import mean

import markovify
from nltk.lm import MLE

from benchmarks.timing import Row, interleaved
from sdg_lab import data
from sdg_lab.models.markov import MarkovChain

ORDER = 3
SAMPLES = 10_000
REPEATS = 7
SLOW_REPEATS = 3
"""nltk.lm takes seconds a round."""

Names = list[str]


def run() -> list[Row]:
    names = data.names().train
    contestants = {f.__name__: partial(f, names) for f in (ours, markovify_plain, markovify_compiled, nltk_mle)}
    lengths = {name: mean(map(len, contestant())) for name, contestant in contestants.items()}
    if max(lengths.values()) - min(lengths.values()) > 0.2:
        raise AssertionError(f"the chains do not write the same kind of names; their mean lengths are {lengths}")
    slow = interleaved({name: contestants[name] for name in ("ours", "nltk_mle")}, repeats=SLOW_REPEATS)
    fast = interleaved({name: f for name, f in contestants.items() if name != "nltk_mle"}, repeats=REPEATS)
    what = f"Markov chain, order {ORDER}: fit {len(names):,} names, sample {SAMPLES:,}"
    return [
        Row(what, fast["ours"], "markovify", fast["markovify_plain"], goal=3),
        Row(what, fast["ours"], "markovify, compiled", fast["markovify_compiled"], goal=3),
        Row(what, slow["ours"], "nltk.lm, MLE", slow["nltk_mle"], goal=10),
    ]


def ours(names: Names) -> Names:
    return [str(name) for name in MarkovChain(ORDER).fit(names).sample(SAMPLES, seed=0)]


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
