"""The date in the words of an entry or a heading, where no column says which words are one."""

from __future__ import annotations

import re
from functools import lru_cache

from papers.dates import MONTHS, read_date

YEAR = re.compile(r"(?:19|20)\d\d|['’] ?\d\d(?!\d)|(?<!\d)\d\d['’]")
_SHORT_YEAR = re.compile(
    r"['’] ?(?P<after>\d\d)(?!\d)|(?<![\d'’])(?P<before>\d\d)['’]|(?<=[A-Z]{2})(?P<close>\d\d)(?!\d)"
)
_NUMBERED = re.compile(r"arXiv:? ?\d{4}\.\d{4,5}(?:v\d+)?|10\.\d{4,9}/\S+|abs/\S+", re.I)
_ONLY_YEAR = re.compile(r"[^\d'’]*(?<!\.)(?P<year>(?:19|20)\d\d)[^\d'’]*")
_MONTH = re.compile("|".join(MONTHS), re.I)
_IN_BRACKETS = re.compile(r"[(（\[]([^()（）\[\]]*)[)）\]]")
_KEY = re.compile(r"[^\W\d_]{3,20}[:：]\s*")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ET_AL = re.compile(r".*\bet al\b\.?,?\s*", re.S)
_LONGEST = 30
"""Characters of a date that is shown as it stands; of a longer text only year and month are."""


def may_hold_date(text: str) -> bool:
    """Whether a text holds anything like a year."""
    return bool(YEAR.search(text) or _SHORT_YEAR.search(text))


@lru_cache(maxsize=4096)
def date_in(text: str) -> tuple[int | None, int | None]:
    """Return the year and month in some words: ``NeurIPS 2023``, ``16 Aug 2022``, ``ICLR '24``, ``CVPR18``."""
    if (match := _ONLY_YEAR.fullmatch(text)) and not _MONTH.search(text):
        return int(match["year"]), None
    if "/" in text or "rxiv" in text:
        text = _NUMBERED.sub(" ", text)
    year, month = read_date(text)
    if year or not (match := _SHORT_YEAR.search(text)):
        return year, month
    short = int(match["after"] or match["before"] or match["close"])
    return (2000 + short if short < 60 else 1900 + short), None


@lru_cache(maxsize=4096)
def shown_date(text: str, year: int, month: int | None) -> str:
    """Return a date as its words say it, or its year and month, if there are many words."""
    text = _TAG.sub(" ", text) if "<" in text else text
    for inside in _IN_BRACKETS.findall(text):
        text = inside if date_in(inside) == (year, month) else text
    if "(" in text and ")" not in text and date_in(text.rpartition("(")[2]) == (year, month):
        text = text.rpartition("(")[2]  # Author, A. (2015, October)
    text = _ET_AL.sub("", text) if "et al" in text else text
    text = _KEY.sub("", text.strip(' ()[]（）.,:;!·•\\<>|-–—"“”'))
    return text if 0 < len(text) <= _LONGEST else f"{year}-{month:02}" if month else str(year)
