"""Chapter 16: what its notebook's header says, and its exercises.

The references are written out here: the two packages of this project never import each other. The chapter and its tests
compare them with the catalog's own functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_equal, expect_raises, expect_type
from sdg_lab.course.engine.exercise import Answer

Edit = tuple[int, int, str]
Record = dict[str, Any]

CHAPTER = Chapter(
    number="16",
    title="The literature catalog",
    builds="A catalog of papers that tells the truth: a table that is read as it stands, searched, audited row by row, "
    "and refreshed by one question to a service, with nothing else in the file touched.",
    read_first="Nothing; it stands beside the other chapters.",
    papers=(
        Paper(
            "Construction of the Literature Graph in Semantic Scholar",
            "Ammar and others",
            2018,
            "https://arxiv.org/abs/1805.02262",
        ),
        Paper("The Semantic Scholar Open Data Platform", "Kinney and others", 2023, "https://arxiv.org/abs/2301.10140"),
    ),
)

# Exercise: the id in a link.

_ARXIV_ID = r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}"


def id_in_link(link: str) -> str:
    """Return the id that a link names, as the service wants it, or an empty string."""
    parts = urlsplit(link)
    host, path = (parts.hostname or "").removeprefix("www."), unquote(parts.path)
    if host == "arxiv.org":
        match = re.fullmatch(rf"/(?:abs|pdf|html)/({_ARXIV_ID})(?:v\d+)?(?:\.pdf)?", path)
        return f"ARXIV:{match[1]}" if match else ""
    if host in ("doi.org", "dx.doi.org"):
        return f"DOI:{path[1:].lower()}"
    if host == "semanticscholar.org":
        match = re.fullmatch(r"/paper/(?:[^/]+/)?([0-9a-f]{40})", path)
        return match[1] if match else ""
    return ""


_SHA = "cea967b59209c6be22829699f05b8b1ac4dc092d"
LINKS = {
    "https://arxiv.org/abs/2310.07849": "ARXIV:2310.07849",
    "https://arxiv.org/pdf/2310.07849": "ARXIV:2310.07849",
    "https://arxiv.org/abs/2310.07849v2": "ARXIV:2310.07849",
    "https://arxiv.org/pdf/1409.3215v3.pdf": "ARXIV:1409.3215",
    "http://www.arxiv.org/html/2310.07849v1#S2": "ARXIV:2310.07849",
    "https://arxiv.org/abs/quant-ph/9508027": "ARXIV:quant-ph/9508027",
    "https://arxiv.org/pdf/math.GT/0309136v1": "ARXIV:math.GT/0309136",
    "https://doi.org/10.1007/BF00992696": "DOI:10.1007/bf00992696",
    "https://dx.doi.org/10.1162%2Fneco.1997.9.8.1735": "DOI:10.1162/neco.1997.9.8.1735",
    f"https://www.semanticscholar.org/paper/Sequence-to-Sequence-Sutskever-Vinyals/{_SHA}": _SHA,
    f"https://www.semanticscholar.org/paper/{_SHA}?sort=relevance": _SHA,
    "https://openreview.net/forum?id=Sy2fzU9gl": "",
    "https://example.org/report/2019.12345": "",
    "https://example.org/?see=https://arxiv.org/abs/2310.07849": "",
    "https://arxiv.org/list/cs.LG/2310": "",
}
"""Links as people write them, and the id that each names."""


def _check_id(answer: Answer) -> None:
    for link, want in LINKS.items():
        got = answer(link)
        expect_type(got, str, what="the id", case=link)
        if got != want:
            _name_the_slip(got, want, link)
        expect_equal(got, want, what="the id", case=link)


def _name_the_slip(got: str, want: str, link: str) -> None:
    bare = want.partition(":")[2]
    for happened, sentence in (
        (not want, f"this link names no paper that the service is sure to know, but you found {got!r} in it"),
        (not got, f"it names {want}, and you found nothing"),
        (got.endswith(".pdf"), f"'.pdf' is the end of a file's name, not of the id: {got!r}"),
        (bool(re.search(r"\dv\d+$", got)), f"{got!r} still has the version; the service knows papers, not versions"),
        (bool(bare) and got == bare, f"{got!r} lacks its kind; write {want!r}, or nobody can tell arXiv from DOI"),
        ("%" in got, f"{got!r} is still escaped as addresses are; urllib.parse.unquote takes that away"),
        (got.lower() == want.lower(), f"{got!r}: case means nothing in a DOI, so write it small: one id a paper"),
        ("/" in bare and got.endswith(bare.split("/")[1]), f"an old id begins with its archive: {want!r}, not {got!r}"),
    ):
        if happened:
            raise Wrong(f"{link}: {sentence}")


def _with_version(link: str) -> str:
    found = id_in_link(link)
    version = re.search(r"v\d+", link)
    return found + version[0] if found.startswith("ARXIV:") and version else found


def _last_segment(link: str) -> str:
    found = id_in_link(link)
    return "ARXIV:" + found.rsplit("/", 1)[-1] if found.startswith("ARXIV:") and "/" in found else found


def _anywhere(link: str) -> str:
    match = re.search(r"\d{4}\.\d{5}", link)
    return id_in_link(link) or ("ARXIV:" + match[0] if match else "")


def _doi_as_written(link: str) -> str:
    parts = urlsplit(link)
    return "DOI:" + unquote(parts.path[1:]) if "doi.org" in parts.netloc else id_in_link(link)


def _without_kind(link: str) -> str:
    return id_in_link(link).partition(":")[2] or id_in_link(link)


# Exercise: a batch answer.


def counts_by_id(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    """Return the count of each id that was asked for; ids that the service does not know are left out."""
    if len(records) != len(asked):
        raise ValueError(f"{len(asked)} ids were asked for, {len(records)} answers came: whose are they?")
    return {paper: record["citationCount"] for paper, record in zip(asked, records, strict=True) if record is not None}


_ASKED = ["ARXIV:1409.3215", "DOI:10.1/nobody", "a" * 40, "ARXIV:2310.07849", "DOI:10.1/nothing", "b" * 40]
_RECORDS: list[Record | None] = [
    {"paperId": "1" * 40, "citationCount": 31},
    None,
    {"paperId": "c" * 40, "citationCount": 7},  # merged: another id comes back
    {"paperId": "2" * 40, "citationCount": 0},
    None,
    {"paperId": "b" * 40, "citationCount": 12},
]
_COUNTS = {"ARXIV:1409.3215": 31, "a" * 40: 7, "ARXIV:2310.07849": 0, "b" * 40: 12}


def _check_batch(answer: Answer) -> None:
    case = "six ids with two nulls, a merged paper and a real 0"
    got = answer(list(_ASKED), list(_RECORDS))
    expect_type(got, dict, what="the counts", case=case)
    back = {record["paperId"] for record in _RECORDS if record} - set(_ASKED)
    unknown, zero = _ASKED[1], _ASKED[3]
    for happened, sentence in (
        (bool(back & set(got)), "the keys must be the ids asked for; of a merged paper another id comes back"),
        (got.get(unknown) == 7, f"{unknown} is unknown and got the next count: drop nulls after pairing, not before"),
        (got.get(unknown, 1) is None, f"{unknown} is unknown: leave it out, so that nobody writes None into a table"),
        (got.get(unknown) == 0, f"a null is not a 0: nothing is known of {unknown}, and a good count would be lost"),
        (zero not in got, f"{zero} has a real count, 0, and is missing: 'if count' takes 0 for nothing"),
    ):
        if happened:
            raise Wrong(sentence)
    expect_equal(got, _COUNTS, what="the counts", case=case)
    expect_equal(answer(["x", "y"], [None, None]), {}, what="the counts", case="two ids that nobody knows")
    short = "an answer with one record too few (somebody's count would go to somebody else)"
    expect_raises(ValueError, answer, list(_ASKED), list(_RECORDS)[:-1], what=short)


def _by_returned_id(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    return {record["paperId"]: record["citationCount"] for record in records if record}


def _nulls_first(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    known = [record for record in records if record]
    return {paper: record["citationCount"] for paper, record in zip(asked, known, strict=False)}


def _null_is_zero(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    return {paper: (record or {}).get("citationCount", 0) for paper, record in zip(asked, records, strict=True)}


def _zero_is_nothing(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    return {paper: count for paper, count in counts_by_id(asked, records).items() if count}


def _null_is_none(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int | None]:
    pairs = zip(asked, records, strict=True)
    return {paper: record["citationCount"] if record else None for paper, record in pairs}


def _short_is_fine(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    return {paper: record["citationCount"] for paper, record in zip(asked, records, strict=False) if record}


# Exercise: splice.


def splice_text(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with new characters in some places, and every other character as it was."""
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        if start < done:
            raise ValueError(f"two edits overlap at character {start}")
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


# A byte order mark, both kinds of line end, a number in a title, two spaces, and no line end at the end.
_TABLE = "\ufeff| Paper | Cited |\r\n|---|---|\r\n| 99 problems | 99 |\r\n| Another |  7 |\n| Last |\t100 |"
_AT_99, _AT_7, _AT_100 = _TABLE.rindex("99"), _TABLE.rindex("7"), _TABLE.rindex("100")
_SPLICES: tuple[tuple[str, list[Edit], str], ...] = (
    ("no edit", [], _TABLE),
    ("99 → 98", [(_AT_99, _AT_99 + 2, "98")], _TABLE[:_AT_99] + "98" + _TABLE[_AT_99 + 2 :]),
    (
        "99 → 1204 and 7 → 12",
        [(_AT_99, _AT_99 + 2, "1204"), (_AT_7, _AT_7 + 1, "12")],
        "\ufeff| Paper | Cited |\r\n|---|---|\r\n| 99 problems | 1204 |\r\n| Another |  12 |\n| Last |\t100 |",
    ),
    (
        "100 → 99, 99 → 100 and 7 → 8, in this order",
        [(_AT_100, _AT_100 + 3, "99"), (_AT_99, _AT_99 + 2, "100"), (_AT_7, _AT_7 + 1, "8")],
        "\ufeff| Paper | Cited |\r\n|---|---|\r\n| 99 problems | 100 |\r\n| Another |  8 |\n| Last |\t99 |",
    ),
    (
        "12 put in where the last cell ends",
        [(len(_TABLE), len(_TABLE), "12")],
        "\ufeff| Paper | Cited |\r\n|---|---|\r\n| 99 problems | 99 |\r\n| Another |  7 |\n| Last |\t100 |12",
    ),
)


def _check_splice(answer: Answer) -> None:
    for case, edits, want in _SPLICES:
        got = answer(_TABLE, list(edits))
        expect_type(got, str, what="the text", case=case)
        if got == want:
            continue
        drifted = "an edit that changes the length moves all that follows; the positions are those of the old text"
        for happened, sentence in (
            ("\r" not in got, "the line ends have changed: \\r\\n is gone, and a diff would show every line"),
            (not got.startswith("\ufeff"), "the byte order mark at the beginning is gone"),
            (bool(edits) and "| 99 problems" not in got, "the 99 in a title was changed, too: the span says which one"),
            (got == _drifting(_TABLE, edits), drifted),
            (got == _inclusive(_TABLE, edits), "one character too many is gone: end is the first that stays"),
            (got == _from_the_right(_TABLE, edits), "edits come in any order: sort them first"),
        ):
            if happened:
                raise Wrong(f"{case}: {sentence}")
        expect_equal(got, want, what="the text", case=case)
    two = [(_AT_99, _AT_99 + 2, "1"), (_AT_99 + 1, _AT_99 + 3, "2")]
    expect_raises(ValueError, answer, _TABLE, two, what="two edits that overlap (which of them is right?)")


def _drifting(text: str, edits: Iterable[Edit]) -> str:
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    return text


def _inclusive(text: str, edits: Iterable[Edit]) -> str:
    return splice_text(text, [(start, min(end + 1, len(text)), new) for start, end, new in edits])


def _from_the_right(text: str, edits: Iterable[Edit]) -> str:
    return _drifting(text, reversed(list(edits)))


def _by_value(text: str, edits: Iterable[Edit]) -> str:
    for old, new in [(text[start:end], new) for start, end, new in edits]:
        text = text.replace(old, new) if old else text
    return text


def _by_lines(text: str, edits: Iterable[Edit]) -> str:
    return "\n".join(splice_text(text, edits).splitlines())


def _overlap_is_fine(text: str, edits: Iterable[Edit]) -> str:
    return _drifting(text, sorted(edits, reverse=True))


EXERCISES = (
    Exercise(
        key="16.link_id",
        title="The id in a link",
        task="Return the id that a link names, in the form that the service wants, or an empty string.",
        points=3,
        minutes=20,
        hints=(
            "Take the link apart first: urllib.parse.urlsplit gives you the host and the path.",
            "Ask the host whose link it is, then match the whole path (re.fullmatch), not a part of the text.",
            r"arXiv: `/(?:abs|pdf|html)/(ID)(?:v\d+)?(?:\.pdf)?`, where ID is `\d{4}\.\d{4,5}` or an old one, "
            r"`[a-z-]+(?:\.[A-Z]{2})?/\d{7}`.",
        ),
        reference=id_in_link,
        check=_check_id,
        wrong=(
            WrongAnswer("keeps arXiv's version", _with_version, says="still has the version"),
            WrongAnswer("takes what stands after the last slash", _last_segment, says="begins with its archive"),
            WrongAnswer("looks for digits anywhere in the link", _anywhere, says="names no paper"),
            WrongAnswer("leaves capitals in a DOI", _doi_as_written, says="case means nothing in a DOI"),
            WrongAnswer("forgets to say which kind of id it is", _without_kind, says="lacks its kind"),
        ),
    ),
    Exercise(
        key="16.batch",
        title="Whose count is it?",
        task="Pair the ids of a batch with the records that came back; leave out the unknown, refuse a short answer.",
        points=2,
        minutes=10,
        hints=(
            "What do the ids and the answers have in common? Only their order.",
            "Pair first, look for None afterwards, and compare with None, not with 'nothing'.",
            "`{paper: record['citationCount'] for paper, record in zip(asked, records, strict=True) if record is not "
            "None}`: what does strict=True do?",
        ),
        reference=counts_by_id,
        check=_check_batch,
        wrong=(
            WrongAnswer("takes the id that comes back", _by_returned_id, says="the keys must be the ids asked for"),
            WrongAnswer("throws nulls away before pairing", _nulls_first, says="drop nulls after pairing"),
            WrongAnswer("writes 0 for what is unknown", _null_is_zero, says="a null is not a 0"),
            WrongAnswer("writes None for what is unknown", _null_is_none, says="leave it out"),
            WrongAnswer("takes a real 0 for no data", _zero_is_nothing, says="takes 0 for nothing"),
            WrongAnswer("does not mind a short answer", _short_is_fine, says="one record too few"),
        ),
    ),
    Exercise(
        key="16.splice",
        title="Splice a cell",
        task="Put new characters into some places of a text and leave every other character as it was.",
        points=2,
        minutes=15,
        hints=(
            "Build a new text out of slices of the old one; never change the text and then use an old position.",
            "Sort the edits. Between two of them stands text that is copied as it is.",
            "`pieces += [text[done:start], new]; done = end`, and at the end what is left: `text[done:]`.",
        ),
        reference=splice_text,
        check=_check_splice,
        wrong=(
            WrongAnswer("uses old positions in the new text", _drifting, says="moves all that follows"),
            WrongAnswer("replaces the number wherever it stands", _by_value, says="the 99 in a title"),
            WrongAnswer("takes the text apart into lines", _by_lines, says="the line ends have changed"),
            WrongAnswer("takes end for the last character", _inclusive, says="one character too many"),
            WrongAnswer("goes from right to left without sorting", _from_the_right, says="sort them first"),
            WrongAnswer("lets two edits overlap", _overlap_is_fine, says="two edits that overlap"),
        ),
    ),
)
