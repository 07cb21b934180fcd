"""Shares of shards and rows of shards: each exactly once, and sentences for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.shards import Share, parse_shard, rows_of
from sdg_lab.shards.division import in_words


@given(count=st.integers(1, 50), n_shards=st.integers(1, 60))
def test_all_shares_together_are_all_shards_once(count: int, n_shards: int):
    together = [shard for index in range(count) for shard in Share(index, count).of(n_shards)]
    assert sorted(together) == list(range(n_shards))


@given(st.integers(1, 10**9 - 1).flatmap(lambda count: st.tuples(st.integers(0, count - 1), st.just(count))))
def test_a_share_is_read_as_it_is_written(numbers: tuple[int, int]):
    assert parse_shard(str(Share(*numbers))) == Share(*numbers)
    assert parse_shard(f" {numbers[0]} / {numbers[1]} ") == Share(*numbers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3", r"must be i/n, such as 0/10 for the first of ten, got '3'"),
        ("", "must be i/n"),
        ("a/b", "must be i/n"),
        ("-1/10", "must be i/n"),
        ("1/2/3", "must be i/n"),
        ("1.0/2", "must be i/n"),
        ("²/3", "must be i/n"),
        ("0/0", "at least one share, such as 0/1"),
        ("10/10", r"counts from 0, so the shares of 10 are 0/10 to 9/10, got '10/10'"),
        ("1/1", r"counts from 0, so the shares of 1 are 0/1, got '1/1'"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(text: str, sentence: str):
    with pytest.raises(ValueError, match=f"^--shard {sentence}|^--shard .*{sentence}"):
        parse_shard(text)


@given(st.text(max_size=8))
def test_any_text_is_a_share_or_gets_a_sentence(text: str):
    said = ""
    try:
        share = parse_shard(text)
    except ValueError as error:
        said = str(error)
    assert said.startswith("--shard ") if said else 0 <= share.index < share.count


@pytest.mark.parametrize("numbers", [(2, 2), (-1, 2), (0, 0), (0.0, 1)])
def test_there_is_no_share_outside_the_count(numbers: tuple[int, int]):
    with pytest.raises(ValueError, match="must be a whole number"):
        Share(*numbers)


@given(n_shards=st.integers(1, 40), n_rows=st.integers(0, 300))
def test_all_shards_in_order_have_all_rows(n_shards: int, n_rows: int):
    of_each = [rows_of(shard, n_shards, n_rows) for shard in range(n_shards)]
    assert [row for rows in of_each for row in rows] == list(range(n_rows))
    assert max(map(len, of_each)) - min(map(len, of_each)) <= 1


@pytest.mark.parametrize("numbers", [(2, 2, 5), (-1, 2, 5), (0, 0, 5), (0, 1, -1)])
def test_rows_of_no_shard_are_refused(numbers: tuple[int, int, int]):
    with pytest.raises(ValueError, match="must be a whole number"):
        rows_of(*numbers)


@pytest.mark.parametrize(
    ("shards", "words"),
    [([], ""), ([4], "4"), ([4, 5], "4, 5"), ([0, 3, 4, 5, 9], "0, 3 to 5, 9"), (range(100), "0 to 99")],
)
def test_numbers_are_drawn_together(shards: list[int], words: str):
    assert in_words(shards) == words


def test_a_long_list_is_cut():
    assert in_words(range(0, 100, 2), most=3) == "0, 2, 4, ..."
