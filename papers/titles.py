"""Say whether two titles are those of one paper: typing and typesetting aside, but not "2" for "3"."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

SAME = 0.93
"""Least likeness of two spellings of one title. True matches have been seen from 0.95 on, a wrong one at 0.85."""
OTHER = 0.6
"""Below this likeness, two full titles are those of different papers."""
FULL = 4
"""Words from which on a title is full; a shorter one may be a nickname ("BERT"), which contradicts nothing."""


@lru_cache(maxsize=4096)
def simplify(title: str) -> str:
    """Return a title's words in lower case, without accents, punctuation and markup."""
    plain = unicodedata.normalize("NFKD", title)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    plain = re.sub(r"\\[a-z]+|<[^>]*>", " ", plain)
    return " ".join(re.findall(r"\w+", plain.replace("'", "").replace("’", "")))


def likeness(one: str, other: str) -> float:
    """Return how alike two titles are, from 0 to 1, by their matching characters."""
    a, b = simplify(one), simplify(other)
    return 1.0 if a == b else SequenceMatcher(None, a, b, autojunk=False).ratio()


def same_title(one: str, other: str) -> bool:
    """Whether two titles name one paper: nearly the same words, the same numbers, or one cut off at a whole word."""
    a, b = simplify(one), simplify(other)
    if a == b:
        return True
    if re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return False
    short, long = sorted((a, b), key=len)
    if len(short.split()) >= FULL and long.startswith(short + " "):
        return True
    return likeness(one, other) >= SAME


def other_title(one: str, other: str) -> bool:
    """Whether two titles are certainly those of different papers; both must be full titles for that."""
    a, b = simplify(one), simplify(other)
    if a == b or min(len(a.split()), len(b.split())) < FULL or f" {a} " in f" {b} " or f" {b} " in f" {a} ":
        return False
    return likeness(one, other) < OTHER
