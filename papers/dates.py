"""Read the dates that people type into tables, and write one in the manner of another."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_ANY_YEAR = r"(?P<year>(?:19|20)\d\d)"
_YEAR = r"(?<![\d.])" + _ANY_YEAR
_FORMS = tuple(
    re.compile(form, re.I)
    for form in (
        rf"{_YEAR}\s*[./年-]\s*(?P<month>0?[1-9]|1[0-2])(?!\d)",  # 2018.9  2023-10-05  2023年10月
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?:[0-3]\d)?(?!\d)",  # 202309  20230905
        rf"(?<![a-z]){_NAME},?\s*(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?{_YEAR}(?!\d)",  # Sept. 5, 2023
        rf"{_YEAR}\s*,?\s*(?<![a-z]){_NAME}",  # 2023 Oct
        rf"(?<!\d)(?P<month>0?[1-9]|1[0-2])\s*[./-]\s*{_ANY_YEAR}(?!\d)",  # 10/2023
        rf"{_YEAR}(?!\d|\.\d{{3}})",  # NeurIPS 2023
        r"['’](?P<short>\d\d)(?!\d)",  # ACL'23
    )
)


def read_date(text: str) -> tuple[int | None, int | None]:
    """Return the year and the month that a cell names, None for each that cannot be read.

    ``2018.10`` is October: the dot separates, it is not a decimal point.
    """
    for form in _FORMS:
        if match := form.search(text):
            found = match.groupdict()
            year = int(found["year"]) if found.get("year") else 2000 + int(found["short"])
            if found.get("name"):
                return year, _MONTHS.index(found["name"].lower()) + 1
            return year, int(found["month"]) if found.get("month") else None
    return None, None


def write_date(year: int, month: int | None, like: str = "2018.9") -> str:
    """Write a date in the manner of another cell: its separator and whether months are padded.

    Args:
        year: four digits.
        month: 1 to 12, or None if only the year is known.
        like: a cell of the same column; a form that is not numeric falls back to ``2018.9``.
    """
    if month is None or re.fullmatch(r"\s*\d{4}\s*", like):
        return str(year)
    if re.fullmatch(r"\s*\d{6}\s*", like):
        return f"{year}{month:02}"
    match = re.search(r"\d{4}([./-])(\d{1,2})", like)
    separator, digits = match.groups() if match else (".", "9")
    return f"{year}{separator}{month:02}" if separator != "." or digits.startswith("0") else f"{year}.{month}"
