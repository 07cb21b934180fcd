"""Read a count as people write it, and write another in its manner.

``22,480``, ``22.480``, ``1 024``, ``1,00,000``, ``999+``, ``~6,220``, ``2.5k``, ``1.2万`` and ``500 (2024-01)`` are
counts. What is kept of a manner:

- the separator and the grouping of thousands, where the old number shows them; a shorter one grows plain (999 → 1024);
- words and marks around the number: ``Cited by 12``, ``12 次``, ``~``, ``>``, ``+``;
- how coarse it is, where a mark or a unit says that it is rounded: ``4,000+`` turns into ``5,000+``, never into 5,120+,
  and ``2.5k`` into ``2.7k``. Before ``+`` and after ``>`` a number is rounded down, so that it stays true;
- a unit, as long as the number reaches it: ``2.5k`` falls to ``980``, and rises to ``1.2M``;
- the form of a date in brackets, which then says when the new count was taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from papers.dates import MONTH_NAMES, MONTHS

_UNITS = {
    **dict.fromkeys(("k", "千", "천", "tsd.", "tsd", "тыс.", "тыс", "mil", "bin"), 1_000),
    **dict.fromkeys(("万", "萬", "만"), 10_000),
    **dict.fromkeys(("m", "mio.", "mio", "млн"), 1_000_000),
}
_FLOORS = (">", "≥", "&gt;", "over", "more than", "超过", "超")
_SPACE = "[ \u00a0\u2009\u202f]|&nbsp;|&thinsp;|&#8239;|&#160;"
LABELS = (
    r"cited[- ]by|citations?|cites|citas|citado por|citações|citazioni|cité par|zitate|zitiert von|"
    r"被引用?(?:次数|数|量|回数)?|引用(?:次数|数|量|回数)?|인용(?: ?수| 횟수)?|цитирований|atıf"
)
"""What stands before a count and says that it is one, for a pattern."""
_BEFORE = rf"#?(?:{LABELS}|citations :|cited?|cita)"
_AFTER = r"(?:citations?|cites?|times|次|回|件|회|citas|citações|citazioni|zitate|atıf|цит\.)"
_MARK = r"\\?~|[≈≃∼≥>]|&gt;|about|approx\.?|ca\.|over|more than|约|約|超过|超"
_DATE = (
    r"(?:(?:as of|on|am|stand|截至) *)?(?P<date>"
    r"(?P<year>(?:19|20)\d\d)(?:[-./年](?P<month>\d\d?)(?:[-./月](?P<day>\d\d?))?)?[月日]?"
    rf"|(?P<name>(?:{'|'.join(MONTHS)})[a-z]*)\.? (?P<named_year>(?:19|20)\d\d))"
)
_COUNT = re.compile(
    rf"(?:{_BEFORE} *[:\uff1a=]? *)?(?P<mark>{_MARK})? *"
    r"(?P<digits>"
    rf"\d{{1,3}}(?P<separator>[,.'’]|{_SPACE})\d{{3}}(?:(?P=separator)\d{{3}})*+(?![.,]?\d)"
    r"|\d{1,2}(?:,\d\d)+,\d{3}(?![.,]?\d)"
    r"|\d+(?:[.,]\d{1,2}(?=(?: ?[a-zA-Zа-я万萬만千천]))|(?![.,]?\d)))"
    rf"(?: ?(?P<unit>{'|'.join(map(re.escape, _UNITS))})(?!\w))?"
    r"(?P<plus> ?\+)?"
    rf"(?: *{_AFTER})?"
    rf"(?: *[(\[（]{_DATE}[)\]）])?",
    re.I,
)
_LONGEST = 15
"""Digits of the longest number that is a count; no paper will ever need more."""


@dataclass(frozen=True, slots=True)
class Written:
    """A count as it was written."""

    value: int
    as_of: str | None
    """The day or month that stands beside it, in ISO form, None if there is none."""


def read_count(written: str) -> Written | None:
    """Return the count that a text is, or None if it is anything else.

    A dot before three digits parts thousands, as a comma does: counts have no decimals, but ``2.5k`` has.

    Args:
        written: the whole text, without markup.
    """
    match = _COUNT.fullmatch(written.strip())
    if not match:
        return None
    value = _value(match)
    return Written(value, _iso(match)) if value is not None else None


def write_count(count: int, like: str = "", as_of: str | None = None) -> str:
    """Write a count in the manner of another; see the module's own text for what is kept.

    Args:
        count: citations.
        like: the text that is replaced; one that is no count gives plain digits.
        as_of: the day of the count, YYYY-MM-DD, for a manner that shows it.
    """
    match = _COUNT.fullmatch(like.strip())
    if not match or _value(match) is None:
        return str(count)
    start = match.start("digits")
    before, middle = match[0][:start], match[0][start:]
    digits = _digits(count, match)
    rest = middle[match.end("unit") - start :] if match["unit"] else middle[len(match["digits"]) :]
    if match["date"]:
        begin = len(match[0]) - match.start("date")
        end = len(match[0]) - match.end("date")
        rest = rest[: len(rest) - begin] + _date(match, as_of) + rest[len(rest) - end :]
    return before + digits + rest


def _value(match: re.Match[str]) -> int | None:
    unit = match["unit"]
    whole, _, decimals = _split(match)
    if len(whole) > _LONGEST or not whole.isascii():
        return None
    if not unit:
        return int(whole)
    return int(whole + decimals) * _UNITS[unit.lower()] // int("1" + "0" * len(decimals))


def _split(match: re.Match[str]) -> tuple[str, str, str]:
    """Return a number's whole digits, its decimal point and its decimals."""
    digits = match["digits"]
    if decimal := re.fullmatch(r"(\d+)([.,])(\d{1,2})", digits):
        return decimal[1], decimal[2], decimal[3]
    return re.sub(r"&\w+;|&#\d+;|\D", "", digits), "", ""


def _digits(count: int, match: re.Match[str]) -> str:
    """Return the digits, and the unit, of a count in the manner of a number."""
    mark = (match["mark"] or "").lower()
    floor = bool(match["plus"]) or mark in _FLOORS
    whole, point, decimals = _split(match)
    if unit := match["unit"]:
        return _with_unit(count, unit, match, point or ".", len(decimals), floor=floor)
    if mark or match["plus"]:
        zeros = len(whole) - len(whole.rstrip("0")) if int(whole) else 0
        count = _rounded(count, min(10**zeros, 10 ** (len(str(count)) - 1)), floor=floor)
    return _grouped(count, match)


def _with_unit(count: int, unit: str, match: re.Match[str], point: str, places: int, *, floor: bool) -> str:
    size = _UNITS[unit.lower()]
    if count < size:
        return str(count)
    gap = match.string[match.end("digits") : match.start("unit")]
    steps = _rounded(count, size // 10**places, floor=floor) * 10**places // size
    if unit.lower() == "k" and steps >= 1000 * 10**places:
        return _with_unit(max(count, 1_000_000), "M", match, point, places, floor=floor)
    whole, decimals = divmod(steps, 10**places)
    return f"{whole}{point}{decimals:0{places}}{gap}{unit}" if places else f"{whole}{gap}{unit}"


def _rounded(count: int, step: int, *, floor: bool) -> int:
    return (count if floor else count + step // 2) // step * step


def _grouped(count: int, match: re.Match[str]) -> str:
    if separator := match["separator"]:
        return f"{count:,}".replace(",", separator)
    if "," not in match["digits"]:
        return str(count)
    digits = str(count)  # 1,00,000: twos before the last three
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(pairs), tail])


def _iso(match: re.Match[str]) -> str | None:
    if match["name"]:
        return f"{match['named_year']}-{MONTHS.index(match['name'][:3].lower()) + 1:02}"
    parts = [match["year"], *(f"{int(part):02}" for part in (match["month"], match["day"]) if part)]
    return "-".join(parts) if match["year"] else None


def _date(match: re.Match[str], as_of: str | None) -> str:
    """Return the day of a count in the manner of the date that stands beside the old one."""
    if not as_of:
        return match["date"]
    year, month, day = as_of.split("-")
    if name := match["name"]:
        long = len(name) > 3 or name.lower() == "may"
        new = MONTH_NAMES[int(month) - 1][: None if long else 3]
        return match["date"].replace(name, new).replace(match["named_year"], year)
    pieces, end = [], match.start("date")
    for group, new in (("year", year), ("month", month), ("day", day)):
        if match[group]:
            padded = new if len(match[group]) == len(new) else str(int(new))
            pieces += [match.string[end : match.start(group)], padded]
            end = match.end(group)
    return "".join(pieces) + match.string[end : match.end("date")]
