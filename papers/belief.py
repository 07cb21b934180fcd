"""Are a row and a record the same paper? One answer for all commands, with what speaks for it.

A link is a claim, and so is a badge: people copy them. What a row is about is what its title says. A record whose title
is certainly another's is another paper, whatever ids agree; one that is only similar may be its sibling, and an id
alone does not make it the same. A title that is a nickname ("BERT", "AlexNet") contradicts little and proves nothing;
short titles ("Deep Learning") have namesakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from papers.records import Record, carries, differs, surnames, title_of, year_of
from papers.slips import one_edit
from papers.table import Row
from papers.titles import (
    ASIDE,
    FULL,
    bare,
    length,
    likeness,
    other_title,
    same_script,
    same_title,
    simplify,
    unspaced,
    words_of,
)
from papers.wording import CONTRARY, DULL, GENERIC, STUDY, place_of, same_words, unlike_words, version_of

Relation = Literal["same", "short", "near", "silent", "other"]
Verdict = Literal["same", "other", "open"]
Evidence = Literal["title", "id", "year", "author"]

_HEAD = re.compile(r"\s*(\S{2,24})\s*:\s+\S")
_SUBTITLE = re.compile(r"[:.?!(–—|]|\s-\s")
_NAME = re.compile(r".+[A-Z0-9]|[A-Z]{2}")
_NAMED = 3
"""Words of the longest name that is written as one: "Faster-R-CNN"."""
_NAMED_BEFORE = re.compile(r"\A\s*((?:[^\s:]{1,24}\s+){0,2}[^\s:]{1,24}?)\s*(?::|\s[-–—|])\s+")
"""A name of up to three words before a colon or a dash."""
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_SIZE = re.compile(r"\d+[bm]|x?x?(?:base|large|small|tiny|medium|mini|huge|l)")
_LEAST = 12
"""Letters of a title cut with dots that still say something."""
_UNLIKE = 0.75
"""Below this likeness, two names of methods are two names."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Whether a record is a row's paper, what says so, and what says the contrary.

    ``open``: nothing says that it is another paper, and too little that it is this one.
    """

    verdict: Verdict
    evidence: frozenset[Evidence]
    against: str | None = None

    def supported(self, *, without: Evidence | None = None) -> bool:
        """Whether two pieces of evidence, each independent of the other, say so; one of them can be left out."""
        return self.verdict == "same" and len(self.evidence - {without}) >= 2


def believe(row: Row, record: Record, asked: str | None = None, *, around: str = "", sure: bool = True) -> Belief:
    """Say whether a record is the paper of a row.

    Args:
        row: the row as it was read.
        record: what a service says of a paper.
        asked: the id that the record was asked for; None if it was looked for by the row's title.
        around: the row's source, in which an author's name may stand.
        sure: whether the record itself, or a question of its own, confirmed that it is the answer for ``asked``.
            Otherwise the title has to.

    Returns:
        ``other`` where the titles are certainly those of two papers, or where the row's own link names another arXiv
        number or DOI and the titles do not agree. By an id, a title that is the record's or a nickname of it is
        believed; for a long one that was changed in few places it takes two of a year, an author and another id of the
        row; for a title in another script one of them. A title that goes on, or has another number or a word that tells
        papers apart, is another paper's, whatever agrees. By a title alone nothing is believed: a year within one, an
        id or an author has to confirm a full title, and the very year, an id or an author a short one; a single name
        before a colon ("BERT") takes an id or an author, since others bear it in the same year.
    """
    title, year = title_of(record), year_of(record)
    relation = compare(row.title, title)
    found = _evidence(row, record, relation, around)
    if relation == "other":
        kind = "id is that of another paper" if asked else "nearest title is another paper's"
        return Belief("other", frozenset(), f"the {kind}: {title}")
    if asked is not None:
        if relation != "same" and differs(record, row.url_id):
            return Belief("other", frozenset(), f"the id is that of another paper: {title}")
        if not sure and relation not in ("same", "short"):
            return Belief("open", found, "nothing confirms that the answer is the one for this id")
        if not _by_id(row, record, relation, found):
            return Belief("open", found, f"the id is that of a paper of another title: {title}")
        return Belief("same", found)
    cut = relation == "silent" and is_cut(bare(row.title or ""), title)
    if relation not in ("same", "short") and not cut:
        return Belief("open", found, f"the nearest title is another paper's: {title}")
    if "id" in found or "author" in found:
        return Belief("same", found)
    if row.year is None or year is None:
        return Belief("open", found, "a paper has this title, but no year or id confirms that it is this one")
    if year != row.year and (relation != "same" or "year" not in found):
        return Belief("open", found, f"a paper has this title, but it is of {year}, not {row.year}")
    if cut and _nickname(bare(row.title or "")):  # "CLIP" has been the name of two papers in one year
        return Belief("open", found, f"several papers may go by this name in a year; this one is: {title}")
    return Belief("same", found)


def _by_id(row: Row, record: Record, relation: Relation, found: frozenset[Evidence]) -> bool:
    """Whether a record that an id has led to can be the row's paper, by all else that the two say."""
    ours, theirs = bare(row.title or ""), bare(title_of(record))
    several = sum(carries(record, paper) for paper in {row.badge_id, row.link_id, *row.named} if paper) > 1
    if relation == "near":
        agreed = len(found & {"year", "author"}) + several >= 2
        return not _goes_on(ours, theirs) and version_of(ours, theirs, agreed=agreed, dated="year" in found)
    if relation == "silent" and ours and theirs and not same_script(ours, theirs) and not _nickname(ours):
        return several or bool(found & {"year", "author"})
    return True


def contradiction(row: Row, record: Record, around: str = "") -> str | None:
    """Say why a record cannot be taken for the row's paper, or None if it can.

    A record that carries the id of the row's badge or link, or of which nothing else is known, was asked for by it.
    """
    return believe(row, record, row.paper_id, around=around).against


def evidence(row: Row, record: Record, *, around: str = "") -> frozenset[Evidence]:
    """Return what says, each for itself, that a record is a row's paper; nothing if its title is another's.

    ``title``: the same full title. ``id``: that in the row's own link. ``year``: within one, since a preprint's and a
    conference's differ. ``author``: the name of the first author stands in the row's source, outside its title.
    """
    return _evidence(row, record, compare(row.title, title_of(record)), around)


def _evidence(row: Row, record: Record, relation: Relation, around: str) -> frozenset[Evidence]:
    if relation == "other":
        return frozenset()
    found: set[Evidence] = set()
    year = year_of(record)
    if relation == "same":
        found.add("title")
    if row.url_id and carries(record, row.url_id):
        found.add("id")
    if row.year is not None and year is not None and abs(year - row.year) <= 1:
        found.add("year")
    names = surnames(record)[:1]
    if names and _names(around, names[0], row.title or ""):
        found.add("author")
    return frozenset(found)


def compare(ours: str | None, theirs: str | None) -> Relation:
    """Say how a row's title stands to a record's; what lists set around a title is left aside.

    ``same``: one full title, with or without its subtitle or the name before it. ``short``: the same, of so few words
    that others may have it too. ``near``: titles that may be two versions of one, or two papers named after each other.
    ``silent``: one is missing, is a nickname that the other does not contradict, or is in another script. ``other``:
    two papers.
    """
    ours, theirs = ours or "", theirs or ""
    a, b = simplify(ours), simplify(theirs)
    if not a or not b:
        return "silent"
    if a == b:
        return "short" if length(ours) < FULL else "same"
    if not _edition(ours, theirs):
        ours = bare(ours)
    theirs = ASIDE.sub("", theirs) or theirs
    a, b = simplify(ours), simplify(theirs)
    size = _agreeing(ours, theirs)
    if not size and same_title(ours, theirs) and not _other_word(a, b) and not _goes_on(ours, theirs):
        size = min(length(ours), length(theirs))
    if size:
        return "short" if size < FULL else "same"
    if not same_script(ours, theirs):
        return "silent"
    if min(length(ours), length(theirs)) < FULL:
        return _of_few_words(ours, theirs)
    mine, other = _head(ours), _head(theirs)
    if other_title(ours, theirs) or (mine and other and _two_names(mine, other)) or _only_numbers_differ(a, b):
        return "other"
    return "near"


def _edition(ours: str, theirs: str) -> bool:
    """Whether the record's own title names a year: then that of the list's is a part of its title, too."""
    return bool(_YEAR.search(theirs)) and _YEAR.findall(ours) != _YEAR.findall(theirs)


def _agreeing(ours: str, theirs: str) -> int:
    """Return of how many words two titles are that have the same ones, 0 if they have not.

    Left aside are the name of a method before one of them, "CLIP: …", and what follows the dots of a list's title.
    """
    if same_words(ours, theirs):
        return max(1, length(theirs))
    if ours.rstrip().endswith(("…", "...")):
        begins = simplify(ours.rstrip(" .…"))
        if simplify(theirs).startswith(begins) and len(begins) >= _LEAST:
            return length(begins) + (not simplify(theirs).startswith(begins + " "))
    for named, plain in ((ours, theirs), (theirs, ours)):
        match = _NAMED_BEFORE.match(named)
        if match and not STUDY.search(simplify(match[1])) and same_words(named[match.end() :], plain):
            size = length(plain)
            # "SAM 2: Segment Anything" names another edition; a record's name is one that the list's title lacks.
            return size if named is ours or size >= FULL else 0
    return 0


def is_cut(ours: str, theirs: str) -> bool:
    """Whether a title is all that stands before another's colon or dash, and no study of it follows.

    A single name may be followed by what kind of thing it is: "GPT-4 Technical Report", "Swin Transformer: …".
    """
    name = _nickname(ours)
    for stop in [*(mark.start() for mark in _SUBTITLE.finditer(theirs)), *([len(theirs)] if name else [])]:
        head = theirs[:stop]
        if same_words(ours, head) or (name and same_words(ours, _without_kind(head))):
            rest = words_of(theirs[stop:])
            part = bool(rest) and all(word in CONTRARY or word.isdigit() for word in rest)  # "… (Part II)"
            return not part and not STUDY.search(" ".join(rest))
    return False


def _without_kind(title: str) -> str:
    words = words_of(title)
    while len(words) > 1 and words[-1] in GENERIC:
        words.pop()
    return " ".join(words)


def _of_few_words(ours: str, theirs: str) -> Relation:
    """Say how two titles stand to each other of which one may be a nickname."""
    if is_cut(ours, theirs) or (is_cut(theirs, ours) and length(theirs) > 1):
        return "silent"
    name = _nickname(ours)
    if name:
        other = _head(theirs) or _nickname(theirs)
        if other and _two_names(name.split()[0], other.split()[0]):
            return "other"
        if other:
            return "silent" if _one_name(name, other) else "near"
        return "near" if _sibling(name, theirs) or _speaks_of(name, theirs) else "silent"
    if length(ours) > length(theirs):
        return "near"
    place = place_of(ours, theirs)
    if place == "start":
        whole, mine = words_of(theirs), words_of(ours)
        goes_on = [word for word in whole[len(mine) :] if word not in GENERIC]
        named = place_of(ours, theirs) and "".join(mine) not in "".join(whole)  # by initials, to the end
        return "silent" if not goes_on or named or any(map(unspaced, whole)) else "near"
    ends = place and length(ours) < FULL - 1 and not _NAMED_BEFORE.match(theirs)
    return "silent" if ends and _closes(ours, theirs) else "near"


def _closes(name: str, title: str) -> bool:
    """Whether a title ends in the words of a name: "… with Latent Diffusion Models", but not "Visual Prompt Tuning"."""
    rest = _without_kind(title).removesuffix(" ".join(words_of(name))).split()
    return bool(rest) and rest[-1] in ("with", "via", "using", "by", "through")


def _one_name(name: str, other: str) -> bool:
    """Whether two names are one, or one with its size: "LLaMA-7B", "BERT-large"."""
    a, b = (simplify(one).replace(" ", "") for one in (name, other))
    return a == b or (a.startswith(b) and bool(_SIZE.fullmatch(a[len(b) :])))


def _speaks_of(name: str, title: str) -> bool:
    """Whether a title has a name in it, or the name that one is made of, without being its own: "What Does BERT …"."""
    plain, whole = simplify(name).replace(" ", ""), words_of(title)
    joined = ["".join(whole[start : start + size]) for start in range(len(whole)) for size in (1, 2, 3)]
    if plain in joined:
        start = 0 if plain in ("".join(whole[:size]) for size in (1, 2, 3)) else -1
        rest = [word for word in whole if word not in GENERIC and word not in words_of(name) and word != plain]
        return bool(rest) or start < 0
    stem = simplify(re.split(r"[-–]", name)[0]) if re.search(r"\w{4,}[-–]", name) else ""
    return bool(stem) and stem in (word.removesuffix("s") for word in whole)


def _nickname(title: str) -> str | None:
    """Return a title that is one name, without its article, venue and number: "The AlexNet (2012)", "Llama 2"."""
    words = [word for word in re.sub(r"\([^()]*\)", " ", title).split() if simplify(word) not in DULL]
    if not words or not all(re.fullmatch(r"[vV]?\d[\w.]*", word) for word in words[1:]):
        return None
    letters = sum(map(unspaced, words_of(words[0])))
    return " ".join(words) if letters <= FULL and length(words[0]) <= _NAMED else None


def _sibling(name: str, title: str) -> bool:
    """Whether a title is that of a model named after another: "Llama 2: …" for LLaMA, or "D… D… I… M…" for DDPM."""
    stem, number = _stem_and_number(name)
    first, _ = _stem_and_number(name.split()[0])
    words = title.split()
    for word, after in zip(words, [*words[1:], ""], strict=True):
        other, counted = _stem_and_number(word)
        behind = simplify(after).replace(" ", "")
        counted = counted or (behind if behind.isdigit() else "")
        if len(stem) > 2 and stem == other:
            return bool(counted) and counted != number
        if len(first) > FULL and first.removesuffix("s") != other.removesuffix("s") and one_edit(first, other):
            return True  # "Mixtral …" for Mistral
    initials = "".join(word[0] for word in words_of(title) if word not in DULL).upper()
    if not re.fullmatch(r"[A-Z]{4,}", name) or len(name) != len(initials):
        return False
    return sum(one != two for one, two in zip(name, initials, strict=True)) == 1


def _stem_and_number(word: str) -> tuple[str, str]:
    plain = simplify(word).replace(" ", "")
    stem = plain.rstrip("0123456789")
    return stem, plain[len(stem) :]


def _head(title: str) -> str | None:
    """Return the name before a title's colon ("BERT: Pre-training of …"), if there is one."""
    match = _HEAD.match(title)
    return match[1] if match and _NAME.match(match[1]) else None


def _two_names(one: str, other: str) -> bool:
    """Whether two names of methods are certainly different: "ScanRefer", "ScanQA"; but not "LLaMA-7B", "LLaMA"."""
    if not _NAME.match(one) or not _NAME.match(other):
        return False
    a, b = (simplify(name).replace(" ", "") for name in (one, other))
    return a not in b and b not in a and SequenceMatcher(None, a, b, autojunk=False).ratio() < _UNLIKE


def _other_word(a: str, b: str) -> bool:
    """Whether a word of one title stands in the place of an unlike one, or is left out: "for code …", "is not …"."""
    for one, two in unlike_words(a, b):
        if one and two:
            return True
        if not DULL.issuperset(one + two):
            return not (a.startswith(b + " ") or b.startswith(a + " "))
    return False


def _goes_on(one: str, other: str) -> bool:
    """Whether one title is the other and more, which is no name, no subtitle and not left out with dots."""
    short, long = sorted((one.strip(), other.strip()), key=lambda title: len(simplify(title)))
    begins = simplify(short)
    if simplify(long).endswith(" " + begins):
        return all(simplify(long[mark.end() :]) != begins for mark in _SUBTITLE.finditer(long))
    if not simplify(long).startswith(begins + " ") or short.endswith(("…", "...")):
        return False
    subtitle = short.partition(":")[2].split()
    if len(subtitle) > 1:  # "Switch Transformers: Scaling to Trillion Parameter Models": cut behind its colon
        return bool(STUDY.search(simplify(long.partition(":")[2])))
    return not is_cut(short, long)


def _only_numbers_differ(a: str, b: str) -> bool:
    numbers = [re.findall(r"\d+", words) for words in (a, b)]
    if not all(numbers) or numbers[0] == numbers[1] or f" {a} " in f" {b} " or f" {b} " in f" {a} ":
        return False
    return likeness(re.sub(r"\d+", "", a), re.sub(r"\d+", "", b)) >= _UNLIKE


def _names(source: str, surname: str, title: str) -> bool:
    """Whether a last name stands in a row's source, as a word and not as one of its title's."""
    name = simplify(surname)
    return len(name) >= 3 and name not in simplify(title).split() and name in simplify(source).split()
