from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.data.split import FRACTIONS, split, split_in_order, split_items, split_rows, split_table
from sdg_lab.data.types import Card

CARD = Card("x", "x", "sequences", "", "", "", "", "")

keys = st.lists(st.binary(max_size=3), min_size=3, max_size=80).filter(lambda found: len(set(found)) >= 3)


def contents(found: list[bytes], parts: tuple[np.ndarray, ...]) -> list[list[bytes]]:
    return [[found[index] for index in part] for part in parts]


@given(keys)
def test_the_parts_are_a_partition_of_the_distinct_items(found: list[bytes]) -> None:
    held = contents(found, split(found))
    assert sorted(key for part in held for key in part) == sorted(set(found))
    assert all(part for part in held)


@given(keys)
def test_without_deduplication_every_item_is_placed_once_and_equal_ones_together(found: list[bytes]) -> None:
    parts = split(found, deduplicate=False)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(found)))
    held = [set(part) for part in contents(found, parts)]
    assert len(set().union(*held)) == sum(map(len, held))


@given(keys, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_items_does_not_matter(found: list[bytes], shuffler: random.Random, deduplicate: bool) -> None:
    shuffled = list(found)
    shuffler.shuffle(shuffled)
    before = contents(found, split(found, deduplicate=deduplicate))
    assert before == contents(shuffled, split(shuffled, deduplicate=deduplicate))


@given(keys, st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), min_size=80, max_size=80))
def test_a_group_is_never_separated(found: list[bytes], names: list[bytes]) -> None:
    groups = [b"a", b"b", b"c", *names][: len(found)]
    parts = split([*found], groups=groups, deduplicate=False)
    placed = [{groups[index] for index in part} for part in parts]
    assert len(set().union(*placed)) == sum(map(len, placed))
    assert sum(map(len, parts)) == len(found)


@given(st.integers(20, 500))
def test_sizes_are_the_shares_to_the_nearest_item(length: int) -> None:
    train, validation, test = split(str(index).encode() for index in range(length))
    assert abs(len(test) - length * FRACTIONS[2]) <= 0.5
    assert abs(len(validation) - length * FRACTIONS[1]) <= 0.5
    assert len(train) == length - len(validation) - len(test)


def test_each_part_has_its_own_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdg_lab.data.split.FRACTIONS", (0.5, 0.2, 0.3))
    assert [len(part) for part in split(str(index).encode() for index in range(100))] == [50, 20, 30]
    assert split_in_order(100) == (slice(0, 50), slice(50, 70), slice(70, 100))


def test_the_split_is_the_one_that_was_published() -> None:
    """Whoever has trained on a part is held against the same rest tomorrow."""
    parts = split(str(index).encode() for index in range(20))
    assert [part.tolist() for part in parts[1:]] == [[16, 17], [18, 0]]


def test_a_new_item_hardly_moves_the_others() -> None:
    many = [str(index).encode() for index in range(1000)]
    before = set(split(many).test.tolist())
    after = set(split([*many, b"new"]).test.tolist())
    assert len(before - after) <= 1


@given(st.integers(3, 300))
def test_cuts_in_order_follow_each_other(length: int) -> None:
    parts = split_in_order(length)
    assert [index for part in parts for index in range(length)[part]] == list(range(length))
    assert parts[1].stop > parts[1].start
    assert parts[2].stop > parts[2].start


def test_a_repeated_name_does_not_reach_the_test_part() -> None:
    dataset = split_items(CARD, ["ada", "bob", "cyd", "ada", "dee", "ada"])
    assert sorted([*dataset.train, *dataset.validation, *dataset.test]) == ["ada", "bob", "cyd", "dee"]


def test_missing_values_are_equal_to_each_other_in_tables() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan, 2.0, np.nan, 3.0], "b": list("xyzyx")})
    assert sum(len(part) for part in split_table(CARD, table).parts.values()) == 4


rows = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 1.0, np.nan])), min_size=3, max_size=60)


@given(rows, st.randoms(use_true_random=False), st.booleans())
def test_rows_that_stand_for_themselves_are_placed_one_by_one(
    found: list[tuple[str, float]], shuffler: random.Random, deduplicate: bool
) -> None:
    table = pd.DataFrame(found, columns=["x", "y"])
    distinct = table.drop_duplicates()
    expected = distinct if deduplicate else table
    if len(expected) < 3:
        return
    parts = list(split_rows(CARD, table, deduplicate=deduplicate).parts.values())
    for part, share in zip(parts[1:], FRACTIONS[1:], strict=True):
        assert len(part) == 1 or abs(len(part) - len(expected) * share) <= 0.5
    both = [frame.sort_values(["x", "y"], ignore_index=True) for frame in (pd.concat(parts), expected)]
    pd.testing.assert_frame_equal(*both)
    shuffled = table.sample(frac=1, random_state=shuffler.randrange(2**32))
    for before, after in zip(parts, split_rows(CARD, shuffled, deduplicate=deduplicate).parts.values(), strict=True):
        pd.testing.assert_frame_equal(before, after)


def test_equal_rows_are_in_every_part() -> None:
    parts = split_rows(CARD, pd.DataFrame({"x": ["yes", "no"] * 100})).parts.values()
    assert [part["x"].nunique() for part in parts] == [2, 2, 2]


@given(st.lists(st.integers(0, 9), min_size=3, max_size=60).filter(lambda found: len(set(found)) >= 3))
def test_the_latest_rows_are_the_test_part(found: list[int]) -> None:
    table = pd.DataFrame({"when": found, "row": range(len(found))})
    train, validation, test = split_rows(CARD, table, time="when").parts.values()
    assert train["when"].max() < validation["when"].min() <= validation["when"].max() < test["when"].min()
    pd.testing.assert_frame_equal(
        pd.concat([train, validation, test], ignore_index=True),
        table.sort_values("when", kind="stable", ignore_index=True),
    )


@given(st.lists(st.sampled_from("abcdef"), min_size=3, max_size=60).filter(lambda found: len(set(found)) >= 3))
def test_the_rows_of_a_group_stay_together(found: list[str]) -> None:
    parts = split_rows(CARD, pd.DataFrame({"who": found, "x": 1}), group="who").parts.values()
    held = [set(part["who"]) for part in parts]
    assert sum(map(len, held)) == len(set().union(*held)) == len(set(found))
    assert sum(map(len, parts)) == len(found)


def test_refuses_too_few_items() -> None:
    with pytest.raises(ValueError, match=r"^three parts need at least 3 distinct items, got 2; add data$"):
        split([b"a", b"b", b"a", b"b"])
    with pytest.raises(ValueError, match=r"^three parts need at least 3 values, got 2; add data$"):
        split_in_order(2)


def test_a_word_is_neither_true_nor_false() -> None:
    with pytest.raises(ValueError, match=r"^deduplicate must be True or False, got 'no'$"):
        split([b"a", b"b", b"c"], deduplicate="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^deduplicate must be True or False, got 'no'$"):
        split_rows(CARD, pd.DataFrame({"x": [1, 2, 3]}), deduplicate="no")  # type: ignore[arg-type]


def test_refuses_groups_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^groups must say one group for each item: 3 items, 1 groups$"):
        split([b"a", b"b", b"c"], groups=[b"x"])
