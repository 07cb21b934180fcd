"""How the titles of one paper differ: a slip of the keyboard, another spelling of the same, or other words."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal

from papers.titles import simplify

Difference = Literal["slip", "words"]
_SPELLINGS = (
    (re.compile(r"is(?=(?:e|ed|er|es|ing|ation|ations)\b)"), "iz"),
    (re.compile(r"ys(?=(?:e|ed|er|ing)\b)"), "yz"),
    (re.compile(r"our(?=(?:s|ed|ing|al|ally|ful|fully|less|able|ably|ite|ites)?\b|i[sz])"), "or"),
    (re.compile(r"ll(?=(?:ed|er|ing)\b)"), "l"),
    (re.compile(r"(?<=[bt])re\b"), "er"),
    (re.compile(r"(?<=en)ce\b"), "se"),
)
"""British and American; each word is brought to one of the two, whether that is a word or not."""


def difference(ours: str, theirs: str) -> Difference | None:
    """Return how a title differs from the record's; None if only in spelling, typesetting or a name before the colon.

    A ``slip`` is one letter too many, too few, wrong or in another place, in words that otherwise agree; it is none if
    it makes a singular of a plural, or the like. All else is other ``words``: the paper may have had that title once.
    """
    mine, other = _words(ours), _words(theirs)
    whole, rest = "".join(mine), _after_the_name(ours)
    if "".join(other) in (whole, rest) or whole == _after_the_name(theirs):
        return None
    slips = 0
    for kind, a, b, c, d in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
        if kind == "equal" or "".join(mine[a:b]) == "".join(other[c:d]):
            continue
        if kind != "replace" or b - a != d - c:
            return "words"
        if not all(_is_slip(x, y) for x, y in zip(mine[a:b], other[c:d], strict=True) if x != y):
            return "words"
        slips += 1
    return "slip" if slips else None


def _after_the_name(title: str) -> str:
    """Return what follows the name before a title's colon, which keepers add and drop; all of a title without one."""
    name, _, rest = title.partition(":")
    return "".join(_words(rest if rest.strip() and len(name.split()) <= 2 else title))


def american(word: str) -> str:
    """Return a word in one of its two spellings, whether that is a word or not."""
    for pattern, new in _SPELLINGS if len(word) > 4 else ():
        word = pattern.sub(new, word)
    return word


def _words(title: str) -> list[str]:
    return [american(word) for word in simplify(title.replace("&", " and ")).split() if word != "and"]


def _is_slip(ours: str, theirs: str) -> bool:
    """Whether one word is the other with one letter changed, added, left out, or swapped with its neighbour."""
    if min(len(ours), len(theirs)) < 4 or not (ours.isalpha() and theirs.isalpha()):
        return False
    short, long = sorted((ours, theirs), key=len)
    if long == short + "s" or (short.endswith("e") and long in (short + "d", short + "r", short + "n")):
        return False
    return one_edit(ours, theirs)


def one_edit(one: str, other: str) -> bool:
    """Whether one letter changed, added, left out, or swapped with its neighbour makes one word of another."""
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    x, y = one[start:], other[start:]
    return x[1:] == y[1:] or x == y[1:] or x[1:] == y or (x[:2] == y[1::-1] and x[2:] == y[2:])
