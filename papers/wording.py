"""Whether the words in which two titles differ are those of two papers, or of two versions of one.

Papers are named after each other: "… Zero-Shot Reasoners", "… Few-Shot Reasoners". So one word may be all the
difference, while a letter, an ending, a hyphen or "LLMs" for "Large Language Models" is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from papers.slips import american, difference, one_edit
from papers.titles import unspaced, words_of

DULL = frozenset(
    (
        *("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "the", "to", "towards", "toward", "via"),
        *("with", "using", "の", "に", "を", "は", "が", "と", "的", "与", "和", "及", "之"),
    )
)
"""Words that tell no two papers apart."""
CONTRARY = frozenset(
    (
        *("not", "no", "non", "never", "without", "beyond", "against", "anti", "un", "free", "less", "more", "better"),
        *("zero", "one", "two", "three", "few", "many", "single", "multi", "i", "ii", "iii", "iv", "v", "vi", "part"),
        *("improved", "improving", "improvements", "fast", "faster", "efficient", "mask", "wide", "deep", "deeper"),
        *("conditional", "unconditional", "supervised", "unsupervised", "semi", "self", "weakly", "fully", "partially"),
        *("implicit", "explicit", "probabilistic", "deterministic", "discrete", "continuous", "online", "offline"),
        *("local", "global", "forward", "backward", "inverse", "linear", "nonlinear", "convex", "nonconvex"),
        *("rethinking", "revisiting", "revisited", "understanding", "evaluating", "evaluation", "analysis", "survey"),
    )
)
"""Words that make another paper's title of a title: its contrary, its successor, a study of it."""
STUDY = re.compile(
    r"\b(?:surveys?|(?:over|re)?views?|revisit(?:ed|ing)|rethinking|reply|response to|comments? on|commentary|"
    r"correction|corrigendum|erratum|retract(?:ed|ion)|tutorial|reproducibility|replication|supplement(?:ary)?)\b"
)
"""Words beside a title, in plain letters, that make a study or a correction of that paper of it."""
GENERIC = frozenset(
    (
        *("technical", "report", "system", "card", "paper", "model", "models", "method", "algorithm", "algorithms"),
        *("network", "networks", "net", "nets", "framework", "architecture", "dataset", "transformer", "transformers"),
    )
)
"""Words that may follow a name in the title of its own paper: "GPT-4 Technical Report"."""
_PAIRS = frozenset((frozenset(("word", "world")), frozenset(("text", "test")), frozenset(("micro", "macro"))))
"""Words with one letter of difference that are no slip of the keyboard."""
_ENDING = re.compile(r"(?<=\w{4})(?:ations?|ions?|ing|ed|es|(?<!s)s|e)\Z")
_NAMED = re.compile(r"\A\s*\S{2,24}\s*:\s+")
"""A name before a colon."""
_NETS = frozenset(("net", "nets", "network", "networks"))
_ADDED, _REPLACED = 5, 7
"""Words that have to agree where one is added, or replaced, for that to be a version of one title."""
_SHARED = 0.7
"""Of the words of a title that was changed in several places, so many are still there."""


def unlike_words(ours: str, theirs: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words of one title that stand for other ones of another title, or for none, in their order."""
    mine, other = words_of(ours), words_of(theirs)
    keys, others = [_stem(word) for word in mine], [_stem(word) for word in other]
    for kind, a, b, c, d in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes():
        one, two = mine[a:b], other[c:d]
        if kind == "equal" or "".join(keys[a:b]) == "".join(others[c:d]) or "".join(one) == "".join(two):
            continue
        if len(one) == len(two) and all(map(_alike, one, two)):
            continue
        if not (_initials(one, two) or _initials(two, one)):
            yield one, two


def same_words(one: str, other: str) -> bool:
    """Whether two titles have the same words in their order.

    Spelling, hyphens, a singular for a plural and initials ("LLMs") for the words that they stand for make none other.
    """
    a, b = ([_singular(word) for word in words_of(title) if word not in ("and", "the")] for title in (one, other))
    if "".join(a) == "".join(b):
        return True
    for kind, start, end, begin, stop in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        mine, theirs = a[start:end], b[begin:stop]
        if kind != "equal" and not (_initials(mine, theirs) or _initials(theirs, mine)):
            return False
    return True


def _singular(word: str) -> str:
    if word in _NETS:
        return "net"
    word = american(word)
    return word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] not in "siu" else word


def version_of(ours: str, theirs: str, *, agreed: bool, dated: bool = False) -> bool:
    """Whether two full titles are versions of one: no word that tells papers apart is another's.

    Args:
        ours: one title.
        theirs: the other.
        agreed: whether a year and an author agree; then a long title may have a word more, fewer or other.
        dated: whether a year does; then the words of a long title may stand in another order.
    """
    if difference(ours, theirs) is None:
        return True
    if (":" in ours) != (":" in theirs):  # keepers add the name of a method, and drop it
        without = [_NAMED.sub("", title) for title in (ours, theirs)]
        if without != [ours, theirs] and version_of(*without, agreed=agreed, dated=dated):
            return True
    if re.findall(r"\d+", " ".join(words_of(ours))) != re.findall(r"\d+", " ".join(words_of(theirs))):
        return False
    found = [(_telling(one), _telling(two)) for one, two in unlike_words(ours, theirs)]
    found = [(one, two) for one, two in found if one or two]
    if not found:
        return True
    if (agreed or dated) and Counter(_telling(words_of(ours))) == Counter(_telling(words_of(theirs))):
        return len(_telling(words_of(ours))) > _ADDED  # the same words in another order
    (one, two), *more = found
    if agreed and more:  # renamed: in several places, while papers named after each other differ in one
        a, b = (Counter(map(_stem, _telling(words_of(title)))) for title in (ours, theirs))
        shared = (a & b).total()
        return bool(a - b) and bool(b - a) and shared > _ADDED and shared >= _SHARED * max(a.total(), b.total())
    if more or not agreed or max(len(one), len(two)) > 1:
        return False
    if any(word in CONTRARY or unspaced(word) for word in (*one, *two)):
        return False
    return len(_telling(words_of(ours))) - len(one) >= (_REPLACED if one and two else _ADDED)


def place_of(short: str, long: str) -> Literal["start", "elsewhere"] | None:
    """Say where a title holds the words of a nickname together, None if with a word that makes another paper of it."""
    whole, part = words_of(long), words_of(short)
    while part and part[0] in ("a", "an", "the") and len(part) > 1:
        part = part[1:]
    for start in range(len(whole)):
        end = _read(part, whole, start)
        if end is not None:
            rest = whole[:start] + whole[end:] if start else whole[end : end + 3]
            return None if not CONTRARY.isdisjoint(rest) else "elsewhere" if start else "start"
    return "start" if "".join(part) in ("".join(whole[: n + 1]) for n in range(len(whole))) else None


def _read(part: Sequence[str], whole: Sequence[str], start: int) -> int | None:
    """Return where some words end that stand in others from a place on, as they are or by their initials."""
    for word in part:
        if start < len(whole) and _alike(word, whole[start]):
            start += 1
            continue
        size = len(word.removesuffix("s"))
        if size < 2 or not _initials([word], whole[start : start + size]):
            return None
        start += size
    return start


def _telling(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in DULL]


def _stem(word: str) -> str:
    return "net" if word in _NETS else _ENDING.sub("", american(word))


def _alike(one: str, other: str) -> bool:
    """Whether two words are one: the same, but for an ending or a slip of the keyboard."""
    if _stem(one) == _stem(other):
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < 4 or not (one.isalpha() and other.isalpha()) or one[0] != other[0]:
        return False  # "un-", "a-", "im-" and "ex-" are no slips
    if {one, other} & CONTRARY or frozenset((one, other)) in _PAIRS or (short[-1] == "e" and long == short + "r"):
        return False
    return one_edit(one, other)


def _initials(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a single word stands for several: "LLMs" for "Large Language Models"."""
    return len(one) == 1 and len(other) > 1 and one[0].removesuffix("s") == "".join(word[0] for word in other)
