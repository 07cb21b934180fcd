from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.dates import read_date, write_date


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2018.9", (2018, 9)),
        ("2018.10", (2018, 10)),
        ("2023-10", (2023, 10)),
        ("2023/10/05", (2023, 10)),
        ("202309", (2023, 9)),
        ("20230905", (2023, 9)),
        ("arxiv 202311", (2023, 11)),
        ("TOIS 2023", (2023, None)),
        ("ACL'23", (2023, None)),
        ("23-10", (2023, 10)),
        ("24.03", (2024, 3)),
        ("10-11", (None, None)),  # which of the two is the month?
        ("23-13", (None, None)),
        ("pages 23-10", (None, None)),
        ("Sept. 5, 2023", (2023, 9)),
        ("Oct 2023", (2023, 10)),
        ("2023 October", (2023, 10)),
        ("10/2023", (2023, 10)),
        ("2023年10月", (2023, 10)),
        ("2023년 10월", (2023, 10)),
        ("2018.13", (2018, None)),
        ("2001.04830", (None, None)),  # an arXiv id
        ("n.d.", (None, None)),
        ("", (None, None)),
    ],
)
def test_dates_are_read_in_the_forms_that_people_type(written: str, expected: tuple[int | None, int | None]) -> None:
    assert read_date(written) == expected


FORMS = ["2018.9", "2018.09", "2018-10", "2018/01", "201809"]


@given(st.integers(1950, 2049), st.integers(1, 12), st.sampled_from(FORMS))
def test_a_date_written_in_the_manner_of_a_cell_reads_back(year: int, month: int, like: str) -> None:
    written = write_date(year, month, like)
    assert read_date(written) == (year, month)
    assert len(written) == len(like) or like == "2018.9"


def test_a_date_with_two_digits_of_the_year_is_written_so_again() -> None:
    assert write_date(2024, 3, "23-10") == "24-03"
    assert read_date(write_date(2024, 3, "23-10")) == (2024, 3)


def test_a_column_of_years_gets_a_year() -> None:
    assert write_date(2023, 10, "2018") == "2023"
    assert write_date(2023, None, "2018.9") == "2023"
    assert write_date(2023, 10, "soon") == "2023.10"


@pytest.mark.parametrize(
    ("like", "written"),
    [
        ("16 Aug 2022", "12 Jun 2017"),
        ("Aug. 2022", "Jun. 2017"),
        ("Aug 16, 2022", "Jun 12, 2017"),
        ("August 16 2022", "June 12 2017"),
        ("October 2022", "June 2017"),
        ("10/2022", "6/2017"),
        ("2022年10月", "2017年6月"),
        ("2022-10-05", "2017-06-12"),
    ],
)
def test_a_date_is_written_in_words_and_with_days_as_others_are(like: str, written: str) -> None:
    assert write_date(2017, 6, like, 12) == written
    assert read_date(written) == (2017, 6)
