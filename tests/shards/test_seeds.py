"""Seeds of shards depend on two numbers, differ, and are numpy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.shards import seed_of

SEEDS = st.integers(0, 2**63 - 1)


@given(run=SEEDS, shard=st.integers(0, 99_998))
def test_a_seed_is_that_of_numpys_spawned_sequence(run: int, shard: int):
    spawned = np.random.SeedSequence(run, n_children_spawned=shard).spawn(1)[0]
    assert seed_of(run, shard) == int(spawned.generate_state(1, np.uint64)[0]) // 2


@given(run=SEEDS, shard=st.integers(0, 2**40))
def test_a_seed_suits_numpy_and_torch(run: int, shard: int):
    assert 0 <= seed_of(run, shard) < 2**63


def test_no_two_shards_share_a_seed():
    seeds = {seed_of(run, shard) for run in range(20) for shard in range(500)}
    assert len(seeds) == 20 * 500


def test_a_seed_stays_what_it_is():
    """A run that was begun with one version is finished with another; numpy promises that its sequences stay."""
    assert [seed_of(0, 0), seed_of(0, 1)] == [4334430513956379144, 2440950710608614359]
    assert seed_of(1, 0) == 4215923173971654960


@pytest.mark.parametrize(("run", "shard"), [(-1, 0), (2**63, 0), (0, -1), (0, 0.5), ("0", 0), (True, 0)])
def test_what_is_no_number_of_a_run_or_shard_is_refused(run: int, shard: int):
    with pytest.raises(ValueError, match=r"(run_seed|shard) must be a whole number >= 0"):
        seed_of(run, shard)
