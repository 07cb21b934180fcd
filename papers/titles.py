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
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A letter of a script that puts no spaces between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer."""
_LETTERS = 2
"""Letters of such a script that make a word, more or less."""
_SIGNS = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "λ": "lambda", "μ": "mu", "π": "pi", "×": "x"}
)


@lru_cache(maxsize=4096)
def simplify(title: str) -> str:
    """Return a title's words in lower case, without accents, punctuation and markup."""
    plain = unicodedata.normalize("NFKD", title)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    plain = re.sub(r"\\[a-z]+|<[^>]*>", " ", plain).translate(_SIGNS)
    return " ".join(re.findall(r"\w+", plain.replace("'", "").replace("’", "")))


def words_of(title: str) -> list[str]:
    """Return a title's simplified words; where a script does not part words, its letters one by one."""
    return _UNSPACED.sub(r" \g<0> ", simplify(title)).split()


def length(title: str) -> int:
    """Return how many words a title has, by its letters where the script does not part words."""
    letters = len(_UNSPACED.findall(simplify(title)))
    return len(_UNSPACED.sub(" ", simplify(title)).split()) + letters // _LETTERS


def unspaced(word: str) -> bool:
    """Whether a word is a letter of a script that does not part words."""
    return bool(_UNSPACED.fullmatch(word))


def same_script(one: str, other: str) -> bool:
    """Whether both titles are in Latin letters, or neither: a translation is not contradicted by its original."""
    a, b = (sum(c.isascii() for c in title) * 2 > len(title) for title in (one, other))
    return a == b


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
    if length(short) >= FULL and long.startswith(short + " "):
        return True
    return likeness(one, other) >= SAME


def other_title(one: str, other: str) -> bool:
    """Whether two titles are certainly those of different papers; both must be full titles for that."""
    a, b = simplify(one), simplify(other)
    if a == b or min(length(a), length(b)) < FULL or f" {a} " in f" {b} " or f" {b} " in f" {a} ":
        return False
    return likeness(one, other) < OTHER
