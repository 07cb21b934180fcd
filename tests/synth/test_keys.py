"""New keys look like the old ones, are all different, and are none of them."""

import json
import re
import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.synth.keys import Keys, permuted

ROUNDS = np.random.SeedSequence(0).generate_state(6, np.uint64)


@given(st.integers(1, 3000), st.integers(0, 2**63 - 1))
def test_a_permutation_carries_every_number_to_another(size, seed):
    keys = np.random.SeedSequence(seed).generate_state(6, np.uint64)
    assert sorted(permuted(np.arange(size, dtype=np.uint64), size, keys).tolist()) == list(range(size))


def test_it_shuffles():
    """Neighbours go anywhere: the mean distance of a random permutation's neighbours is a third of the size."""
    places = permuted(np.arange(10_000, dtype=np.uint64), 10_000, ROUNDS).astype(float)
    assert abs(np.abs(np.diff(places)).mean() / 10_000 - 1 / 3) < 0.02


RNG = np.random.default_rng(0)
TEXTS = {
    "prefixed": ([f"PAT-{i:05d}" for i in range(3000)], r"PAT-\d{5}"),
    "random digits": ([f"{i:09d}" for i in RNG.choice(10**9, 5000, replace=False)], r"\d{9}"),
    "letters and digits": ([f"{a}{b}-{c:03d}" for a in "ABCDEF" for b in "xyz" for c in range(50)], r"[A-Z][a-z]-\d+"),
    "with dots": ([f"10.{i}.{i * 7 % 256}.{i * 13 % 256}" for i in range(256)], r"10(\.\d{1,3}){3}"),
    "UUIDs": ([str(uuid.UUID(int=i * 2**90 + 7)) for i in range(60)], r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab].*"),
    "UUIDs without dashes": ([uuid.UUID(int=i << 90).hex.upper() for i in range(9)], r"[0-9A-F]{12}4[0-9A-F]{19}"),
    "hashes": ([f"{i:064x}" for i in range(10**6, 10**6 + 200)], r"[0-9a-f]{64}"),
    "e-mail": ([f"anna{i}@mail{i % 3}.de" for i in range(500)], r"[a-z]{10}@example\.com"),
    "e-mail of the example": ([f"{c}aaaaaaaaa@example.com" for c in "abcdef"], r"[a-z]{10}@example\.com"),
    "phones": ([f"+49 30 {i:07d}" for i in RNG.choice(10**7, 900, replace=False)], r"\+49 30 \d{7}"),
    "two lengths": ([f"A{i:03d}" for i in range(300)] + [f"B-{i:04d}" for i in range(100)], r"A\d{3,4}|B-\d{4,5}"),
    "umlauts": ([f"Ü{i:04d}" for i in range(40)], r"[A-Z]\d{4}"),
    "few": (["X1", "Y2"], r"[A-Z]\d"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_keep_their_form(name):
    real, form = TEXTS[name]
    keys = Keys.of_texts(real, wanted=4 * len(real))
    assert keys == Keys.from_config(json.loads(json.dumps(keys.config())))
    blocks = [keys.make(0, len(real), 5), keys.make(len(real), 3 * len(real), 5)]
    made = np.concatenate(blocks).tolist()
    assert len(set(made)) == len(made)
    assert not set(made) & set(real)
    assert all(re.fullmatch(form, key) for key in made), made[:5]
    assert keys.make(0, len(real), 6).tolist() != blocks[0].tolist()


@settings(deadline=None)
@given(st.sets(st.text("AB01-", min_size=1, max_size=4), min_size=1, max_size=60), st.integers(0, 2**32))
def test_no_key_is_real_or_made_twice(real, seed):
    keys = Keys.of_texts(sorted(real), wanted=len(real))
    made = keys.make(0, min(keys.room, 3000), seed).tolist()
    assert keys.room >= len(real)
    assert len(set(made)) == len(made)
    assert not set(made) & real


@settings(deadline=None)
@given(st.sets(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 2000), min_size=1, max_size=60), st.integers(0, 99))
def test_nor_is_a_number(real, seed):
    ends = np.iinfo(np.int64)
    keys = Keys.of_numbers(np.array(sorted(real)), ends=(ends.min, ends.max), wanted=len(real))
    made = keys.make(0, min(keys.room, 500), seed).astype(np.int64).tolist()
    assert keys.room >= len(real) or max(real) > 2**63 - 100
    assert len(set(made)) == len(made)
    assert not set(made) & real


def test_numbers_that_count_up_are_counted_on_from_a_round_one():
    keys = Keys.of_numbers(np.arange(1, 6367), ends=(-(2**63), 2**63 - 1))
    assert keys.make(0, 3, 0).tolist() == [7001, 7002, 7003]
    assert keys.make(3, 2, 9).tolist() == [7004, 7005]


def test_other_numbers_keep_their_digits():
    real = np.random.default_rng(0).choice(9 * 10**8, 2000, replace=False) + 10**8
    made = Keys.of_numbers(real, ends=(0, 2**31 - 1), wanted=8000).make(0, 8000, 0).astype(np.int64)
    assert (made >= 10**8).all()
    assert (made < 10**9).all()
    assert not np.isin(made, real).any()


def test_the_form_of_a_dtype_is_kept_within():
    real = np.random.default_rng(0).choice(10**9, 500, replace=False) + 10**9
    made = Keys.of_numbers(real, ends=(-(2**31), 2**31 - 1), wanted=2000).make(0, 2000, 0).astype(np.int64)
    assert made.max() < 2**31


def test_a_form_without_room_grows_and_says_so():
    keys = Keys.of_texts([f"{i:02d}" for i in range(90)], wanted=1000)
    made = keys.make(0, 500, 0).tolist()
    assert {len(key) for key in made} > {2} or {len(key) for key in made} <= {4, 5}
    assert "longer than real ones" in keys.notes[0]


def test_a_counter_at_the_end_of_its_dtype_has_no_room():
    keys = Keys.of_numbers(np.arange(1, 101), ends=(-128, 127), wanted=400)
    with pytest.raises(ValueError, match="column 'id': its form has room for 27 new keys, and 28 are asked for; ask"):
        keys.make(0, 28, 0, name="id")
    assert keys.make(0, 27, 0).tolist() == list(range(101, 128))


def test_what_is_kept_of_real_keys_is_not_them():
    real = [f"K{i:06d}" for i in RNG.choice(10**6, 2000, replace=False)]
    kept = json.dumps(Keys.of_texts(real, wanted=8000).config())
    assert not [key for key in real if key[1:] in kept]
