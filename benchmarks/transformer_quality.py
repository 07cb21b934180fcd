"""What the transformers of chapter 07 have learnt, on test data: names and plays beside the best counts, and sums.

Names and plays are those of the weights that ship with the chapter (``sdg-lab train 07-shelf`` and ``07-plays`` make
them anew); the sums are learnt here. Orders and discounts of the counts were chosen on validation data.
"""

from __future__ import annotations

import time
from statistics import mean, stdev

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch

from benchmarks.timing import Row
from sdg_lab import data, metrics
from sdg_lab.course import trained
from sdg_lab.course.gpts import Adder, write_sums
from sdg_lab.course.shelf import SEEDS, Shelf
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.subwords import Subwords
from sdg_lab.models.transformer import GPT

HELD_OUT, TRAINED_ON = 5_000, 128_000


def run() -> list[Row]:
    return [names(), plays(), sums()]


def names() -> Row:
    """Compare nats a character, the end of a name being one."""
    names = data.names()
    symbols = [len(name) + 1 for name in names.test]
    counts = MarkovChain(5, "kneser-ney", discount=0.9).fit(names.train)
    shelf = Shelf.load(trained.path("07-shelf"))
    models = [shelf[f"transformer {seed}"] for seed in range(SEEDS)]
    found = [metrics.nats_per_symbol(model.log_prob(names.test), symbols) for model in models]
    seconds = mean(model.trained["cpu_seconds"] for model in models)
    return Row(
        f"names, test: GPT after {seconds:.0f} CPU s, mean of {SEEDS} seeds (± {stdev(found):.3f})",
        mean(found),
        "Kneser–Ney counts of order 5",
        metrics.nats_per_symbol(counts.log_prob(names.test), symbols),
        goal=1.0,
        unit="nats/char",
    )


def plays() -> Row:
    """Compare nats a character; the GPT's are an upper bound, as it scores one way to cut the text."""
    plays = data.plays()
    known = set(plays.train)
    test = "".join(character for character in plays.test if character in known)
    counts = MarkovChain(7, "kneser-ney", discount=0.95).fit([plays.train])
    model = GPT.load(trained.path("07-plays"))
    tokens = Subwords(model.symbols[1:]).encode(test)
    return Row(
        f"plays, test: GPT on subwords after {model.trained['cpu_seconds']:.0f} CPU s",
        -model.text_log_prob(tokens).sum() / len(test),
        "Kneser–Ney counts of order 7",
        -counts.log_prob([test])[0] / len(test),
        goal=1.0,
        unit="nats/char",
    )


def sums() -> Row:
    """Measure the CPU seconds of a training after which 99 % of the held-out sums are right."""
    pairs = torch.randperm(1_000_000, generator=torch.Generator().manual_seed(0))
    a, b = pairs // 1000, pairs % 1000
    start = time.process_time()
    adder = Adder()
    adder.fit(write_sums(a[HELD_OUT : HELD_OUT + TRAINED_ON], b[HELD_OUT : HELD_OUT + TRAINED_ON]), progress=False)
    seconds = time.process_time() - start
    exact = float((adder.add(a[:HELD_OUT], b[:HELD_OUT]) == a[:HELD_OUT] + b[:HELD_OUT]).float().mean())
    if exact < 0.99:
        raise AssertionError(f"only {exact:.2%} of the held-out sums are right")
    return Row(f"three-digit sums, {exact:.2%} of {HELD_OUT:,} held out", seconds, "the aim for 99 %", 100.0, goal=1.0)
