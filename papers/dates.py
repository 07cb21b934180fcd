"""Read the dates that people type into tables, and write one in the manner of another."""

from __future__ import annotations

import re

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
MONTHS = tuple(name[:3].lower() for name in MONTH_NAMES)
_NAME = rf"(?P<name>{'|'.join(MONTHS)})[a-z]*\.?"
_ANY_YEAR = r"(?P<year>(?:19|20)\d\d)"
_YEAR = r"(?<![\d.])" + _ANY_YEAR
_FORMS = tuple(
    re.compile(form, re.I)
    for form in (
        rf"{_YEAR}\s*[./年년-]\s*(?P<month>0?[1-9]|1[0-2])(?!\d)",  # 2018.9  2023-10-05  2023年10月
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?:[0-3]\d)?(?!\d)",  # 202309  20230905
        rf"(?<![a-z]){_NAME},?\s*(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?{_YEAR}(?!\d)",  # Sept. 5, 2023
        rf"{_YEAR}\s*,?\s*(?<![a-z]){_NAME}",  # 2023 Oct
        rf"(?<!\d)(?P<month>0?[1-9]|1[0-2])\s*[./-]\s*{_ANY_YEAR}(?!\d)",  # 10/2023
        rf"{_YEAR}(?!\d|\.\d{{3}})",  # NeurIPS 2023
        r"['’](?P<short>\d\d)(?!\d)",  # ACL'23
        r"\A\s*(?P<short>1[3-9]|[2-4]\d)[./-](?P<month>0[1-9]|1[0-2])\s*\Z",  # 23-10: no month begins so
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
                return year, MONTHS.index(found["name"].lower()) + 1
            return year, int(found["month"]) if found.get("month") else None
    return None, None


def date_span(text: str) -> tuple[int, int] | None:
    """Return where in a cell the date stands that :func:`read_date` reads, its day included; None if there is none."""
    match = next(filter(None, (form.search(text) for form in _FORMS)), None)
    if not match:
        return None
    before = re.search(r"(?<!\d)\d{1,2}(?:st|nd|rd|th)?\.?\s*\Z", text[: match.start()])
    after = re.match(r"[./-]\d{1,2}(?!\d)|[日일]|\s*\d{1,2}[日일]", text[match.end() :])
    return before.start() if before else match.start(), match.end() + (after.end() if after else 0)


def write_date(year: int, month: int | None, like: str = "2018.9", day: int | None = None) -> str:
    """Write a date in the manner of another: its order and separators, padded or not, months in digits or names.

    Args:
        year: four digits.
        month: 1 to 12, or None if only the year is known.
        like: the other; a form that is none of those that :func:`read_date` knows falls back to ``2018.9``.
        day: for a manner that says it; without one, only year and month are written.
    """
    if month is None or re.fullmatch(r"\s*\d{4}\s*", like):
        return str(year)
    if match := re.fullmatch(r"\s*\d\d([./-])\d\d\s*", like):
        return f"{year % 100:02}{match[1]}{month:02}"
    if re.fullmatch(r"\s*\d{6}\s*", like):
        return f"{year}{month:02}"
    if match := re.search(rf"(?P<day>\d{{1,2}} )?{_NAME}(?P<comma>,?) ?{_ANY_YEAR}", like, re.I):
        long = len(match["name"]) < len(match[0].lstrip("0123456789 ").split()[0].rstrip(".,"))
        name = MONTH_NAMES[month - 1] if long else MONTH_NAMES[month - 1][:3]
        dot = "." if "." in match[0] and not long else ""
        return f"{f'{day} ' if match['day'] and day else ''}{name}{dot}{match['comma']} {year}"
    if match := re.search(rf"{_NAME} \d{{1,2}}(?P<comma>,?) {_ANY_YEAR}", like, re.I):
        name = MONTH_NAMES[month - 1] if len(match[0].split()[0].rstrip(".")) > 4 else MONTH_NAMES[month - 1][:3]
        return f"{name} {day}{match['comma']} {year}" if day else f"{name} {year}"
    if match := re.fullmatch(r"\s*(\d{1,2})([./-])\d{4}\s*", like):
        return f"{month:0{len(match[1]) if match[1].startswith('0') else 1}}{match[2]}{year}"
    if "年" in like:
        return f"{year}年{month}月"
    match = re.search(r"\d{4}(?P<separator>[./-])(?P<month>\d{1,2})(?P<day>(?P=separator)\d{1,2}(?!\d))?", like)
    separator, digits = (match["separator"], match["month"]) if match else (".", "9")
    padded = separator != "." or digits.startswith("0")
    tail = f"{separator}{day:02}" if match and match["day"] and day else ""
    return f"{year}{separator}{month:02}{tail}" if padded else f"{year}.{month}{tail}"
