"""A seed for each shard, from the run's seed and the shard's number alone: who computes it, and when, plays no part."""

from __future__ import annotations

import numpy as np

from sdg_lab import checks


def seed_of(run_seed: int, shard: int) -> int:
    """Return the seed of a shard, at least 0 and below 2⁶³.

    The shard's number is the spawn key of numpy's ``SeedSequence``, which is made for this: neighbouring shards, and
    equal shards of neighbouring runs, get streams of random numbers that have nothing to do with each other. (The sum
    of both numbers would give shard 1 of run 0 and shard 0 of run 1 the same one.)

    Source: https://numpy.org/doc/stable/reference/random/parallel.html

    Args:
        run_seed: at least 0 and below 2⁶³.
        shard: counted from 0.

    Raises:
        ValueError: if one of them is no such number.
    """
    entropy = checks.whole("run_seed", run_seed, least=0, most=2**63 - 1)
    key = checks.whole("shard", shard, least=0)
    state = np.random.SeedSequence(entropy, spawn_key=(key,)).generate_state(1, np.uint64)
    return int(state[0]) >> 1  # numpy and torch both take 63 bits
