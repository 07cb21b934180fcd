"""Counts as people write them are read, and another is written in their manner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.numbers import Written, read_count, write_count


@pytest.mark.parametrize(
    ("written", "value", "as_of"),
    [
        ("0", 0, None),
        ("1,234", 1234, None),
        ("22.480", 22480, None),
        ("1 024", 1024, None),
        ("1\u00a0024", 1024, None),
        ("1\u202f024", 1024, None),
        ("1'234'567", 1234567, None),
        ("1,00,000", 100000, None),
        ("12,34,567", 1234567, None),
        ("999+", 999, None),
        ("~6,220", 6220, None),
        ("≥ 100", 100, None),
        ("2.5k", 2500, None),
        ("2,5k", 2500, None),
        ("10K+", 10000, None),
        ("1.2M", 1200000, None),
        ("1.2万", 12000, None),
        ("50 mil", 50000, None),
        ("500 (2024-01)", 500, "2024-01"),
        ("500 (as of 2024-1-5)", 500, "2024-01-05"),
        ("500 (Mar 2024)", 500, "2024-03"),
        ("500（2024年3月）", 500, "2024-03"),
        ("Cited by 12", 12, None),
        ("引用数：5", 5, None),
        ("12 citations", 12, None),
        ("3 次", 3, None),
        ("1234567890123", 1234567890123, None),
    ],
)
def test_counts_of_many_manners_are_read(written: str, value: int, as_of: str | None) -> None:
    assert read_count(written) == Written(value, as_of)


@pytest.mark.parametrize(
    "written",
    ["", "12 of 30", "2.48", "1,23", "2024-01", "8.5/10", "300-400", "1,234.5", "12%", "k", "1000,00,0", "1" * 16, "٣"],
)
def test_other_numbers_are_no_counts(written: str) -> None:
    assert read_count(written) is None


@pytest.mark.parametrize(
    ("like", "count", "written"),
    [
        ("7", 1234567, "1234567"),
        ("1,234", 999, "999"),
        ("1,234", 1234567, "1,234,567"),
        ("22.480", 1234567, "1.234.567"),
        ("1 024", 10240, "10 240"),
        ("1&nbsp;024", 10240, "10&nbsp;240"),
        ("1,00,000", 1234567, "12,34,567"),
        ("999+", 1043, "1043+"),
        ("4,000+", 4999, "4,000+"),
        ("4,000+", 5120, "5,000+"),
        ("100+", 7, "7+"),
        ("~6,220", 6231, "~6,230"),
        ("2.5k", 2731, "2.7k"),
        ("2.5k", 980, "980"),
        ("2.5k", 999_960, "1.0M"),
        ("10k+", 12_999, "12k+"),
        ("1.2万", 34_500, "3.5万"),
        ("500 (2024-01)", 512, "512 (2026-11)"),
        ("500 (as of 2024-1-5)", 512, "512 (as of 2026-11-7)"),
        ("500 (Mar 2024)", 512, "512 (Nov 2026)"),
        ("500 (March 2024)", 512, "512 (November 2026)"),
        ("500（2024年3月）", 512, "512（2026年11月）"),
        ("Cited by 12", 15, "Cited by 15"),
        ("12 次", 15, "15 次"),
        ("N/A", 15, "15"),
        ("", 15, "15"),
    ],
)
def test_another_count_is_written_in_the_same_manner(like: str, count: int, written: str) -> None:
    assert write_count(count, like, "2026-11-07") == written


PLAIN = st.sampled_from(
    ["1", "1,234", "1.234", "1 024", "1'024", "1,00,000", "Cited by 1", "1 citations", "1 (2024-01)"]
)
MARKED = st.sampled_from(["~1", "~1,220", "≈1000", "100+", "4,000+", ">50", "2.5k", "3k", "10K+", "1.2万", "~1.5M"])


@given(st.integers(0, 10**12), PLAIN)
def test_what_is_written_is_read_again(count: int, like: str) -> None:
    written = read_count(write_count(count, like, "2026-11-07"))
    assert written is not None
    assert written.value == count


@given(st.integers(1, 10**9), MARKED)
def test_a_rounded_manner_stays_near_and_below_where_it_says_so(count: int, like: str) -> None:
    written = read_count(write_count(count, like))
    assert written is not None
    assert written.value == pytest.approx(count, rel=0.5, abs=1)
    if "+" in like or ">" in like:
        assert written.value <= count


@given(st.integers(0, 10**9), PLAIN | MARKED)
def test_writing_the_same_count_again_changes_nothing(count: int, like: str) -> None:
    once = write_count(count, like, "2026-11-07")
    assert write_count(count, once, "2026-11-07") == once


@given(st.text(st.sampled_from("0123456789,. '+~kM()-万cited "), max_size=16))
def test_any_text_is_a_count_or_is_not(text: str) -> None:
    written = read_count(text)
    assert written is None or written.value >= 0
    assert write_count(5, text)
