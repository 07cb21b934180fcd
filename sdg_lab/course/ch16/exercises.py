"""Chapter 16: what its notebook's header says, and its exercises.

The references are written out here: the two packages of this project never import each other. The chapter and its tests
compare them with the catalog's own functions.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

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

# The id in a link.


def id_in_link(link: str) -> str:
    """Return the id that a link names, as the service wants it, or an empty string."""
    parts = urlsplit(link)
    host, path = (parts.hostname or "").removeprefix("www."), unquote(parts.path)
    if host == "arxiv.org":
        number = r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}"
        match = re.fullmatch(rf"/(?:abs|pdf|html)/({number})(?:v\d+)?(?:\.pdf)?", path)
        return f"ARXIV:{match[1]}" if match else ""
    if host in ("doi.org", "dx.doi.org"):
        match = re.fullmatch(r"/(10\.\d+/.+)", path)
        return f"DOI:{match[1].lower()}" if match else ""
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
    f"http://semanticscholar.org/paper/{_SHA}": _SHA,
    "https://openreview.net/forum?id=Sy2fzU9gl": "",
    "https://example.org/report/2019.12345": "",
    "https://example.org/?see=https://arxiv.org/abs/2310.07849": "",
    "https://arxiv.org/list/cs.LG/2310": "",
    "http://doi.org/10.1145/3292500.3330701": "DOI:10.1145/3292500.3330701",
    "https://arxiv.org/abs/quant-ph%2F9508027v3": "ARXIV:quant-ph/9508027",
    "https://www.doi.org/10.1000/ABC#section": "DOI:10.1000/abc",
    "https://notarxiv.org/abs/2310.07849": "",
    "https://arxiv.org.example.com/abs/2310.07849": "",
    "https://arxiv.org/abs/2310.07849/comments": "",
    f"https://www.semanticscholar.org/author/Somebody/{_SHA}": "",
    f"https://example.org/paper/{_SHA}": "",
    "https://doi.org/": "",
    "https://doi.org/about": "",
    "no link at all": "",
    "": "",
}
"""Links as people write them, and the id that each names."""

NEAR_MISSES = {
    "https://doi.org/10.18653/v1/P16-1162": "DOI:10.18653/v1/p16-1162",
    "https://doi.org/10.1093/biomet/57.1.97": "DOI:10.1093/biomet/57.1.97",
    "https://doi.org/10.1000/(2000)19:1%3C1::AID%3E3.0.CO%23": "DOI:10.1000/(2000)19:1<1::aid>3.0.co#",
    "https://dx.doi.org/10.1007/BF00992696": "DOI:10.1007/bf00992696",
    "https://wwarxiv.org/abs/2310.07849": "",
    "https://mirror.arxiv.org/abs/2310.07849": "",
    "https://www.arxiv.org.example.com/abs/2310.07849": "",
    "https://arxiv.org/abs/123": "",
    "https://arxiv.org/abs/2310.078": "",
    "https://arxiv.org/abs/2310.078490": "",
    "https://arxiv.org/abs/23100.7849": "",
    f"https://api.semanticscholar.org/paper/{_SHA}": "",
    f"https://www.semanticscholar.org/paper/{_SHA[:-1]}": "",
    f"https://www.semanticscholar.org/paper/{_SHA}0": "",
    f"https://www.semanticscholar.org/paper/A-Title/{_SHA[:-1]}g": "",
    f"https://www.semanticscholar.org/paper/A/B/{_SHA}": "",
    "https://doi.org/11.1007/BF00992696": "",
    "https://doi.org/10.x1007/BF00992696": "",
}
"""Links that differ from those above in one part only."""

OTHER_PAGES = ("https://arxiv.org/format/2310.07849", f"https://www.semanticscholar.org/paper/{_SHA}/figures")
"""Pages beside a paper's own: the exercise leaves them out, the catalog knows some of them."""


def _link_cases(rng: np.random.Generator) -> Iterator[Case]:
    for link in (*LINKS, *NEAR_MISSES, *OTHER_PAGES):
        yield Case(link, name=repr(link))
    for _ in range(12):
        year, month, number = rng.integers(8, 27), rng.integers(1, 13), rng.integers(1, 99_999)
        page = rng.choice(["abs", "pdf", "html", "list", "format"])
        tail = rng.choice(["", "v1", "v12", "v3.pdf", "?context=cs", "#S3"])
        yield Case(f"http{rng.choice(['', 's'])}://arxiv.org/{page}/{year:02}{month:02}.{number:05}{tail}")
    for _ in range(4):
        sha = "".join(rng.choice(list("0123456789abcdef"), 40))
        yield Case(f"https://www.semanticscholar.org/{rng.choice(['paper', 'author', 'paper/A-Title'])}/{sha}")


def _with_version(link: str) -> str:
    found, version = id_in_link(link), re.search(r"\dv\d+", link)
    return found + version[0][1:] if found.startswith("ARXIV:") and version else found


def _with_suffix(link: str) -> str:
    found = id_in_link(link)
    return found + ".pdf" if found and urlsplit(link).path.endswith(".pdf") else found


def _last_segment(link: str) -> str:
    found = id_in_link(link)
    return "ARXIV:" + found.rsplit("/", 1)[-1] if found.startswith("ARXIV:") and "/" in found else found


def _digits_anywhere(link: str) -> str:
    match = re.search(r"\d{4}\.\d{5}", link)
    return id_in_link(link) or ("ARXIV:" + match[0] if match else "")


def _host_ends_so(link: str) -> str:
    host = urlsplit(link).hostname or ""
    return id_in_link(link.replace(host, "arxiv.org", 1)) if host.endswith("arxiv.org") else id_in_link(link)


def _host_begins_so(link: str) -> str:
    host = urlsplit(link).hostname or ""
    return id_in_link(link.replace(host, "arxiv.org", 1)) if host.startswith("arxiv.org") else id_in_link(link)


def _any_page_of_arxiv(link: str) -> str:
    return id_in_link(re.sub(r"arxiv\.org/[a-z]+/", "arxiv.org/abs/", link))


def _match_for_fullmatch(link: str) -> str:
    return id_in_link(re.sub(r"(/[0-9a-f]{40}|/abs/\d{4}\.\d{5})/[a-z]+$", r"\1", link))


def _any_page_of_the_service(link: str) -> str:
    return id_in_link(link.replace("/author/", "/paper/"))


def _forty_digits_anywhere(link: str) -> str:
    match = re.search(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])", link)
    return id_in_link(link) or (match[0] if match else "")


def _doi_as_written(link: str) -> str:
    found = id_in_link(link)
    return "DOI:" + unquote(urlsplit(link).path[1:]) if found.startswith("DOI:") else found


def _doi_of_nothing(link: str) -> str:
    parts = urlsplit(link)
    host = (parts.hostname or "").removeprefix("www.")
    return f"DOI:{unquote(parts.path[1:]).lower()}" if host in ("doi.org", "dx.doi.org") else id_in_link(link)


def _still_escaped(link: str) -> str:
    return "" if "%2F" in link else id_in_link(link)


def _only_without_dx(link: str) -> str:
    return "" if "dx.doi.org" in link else id_in_link(link)


def _doi_of_two_parts(link: str) -> str:
    found = id_in_link(link)
    return "" if found.startswith("DOI:") and found.count("/") > 1 else found


def _unquoted_first(link: str) -> str:
    return id_in_link(unquote(link))


def _only_with_www(link: str) -> str:
    return id_in_link(link) if "semanticscholar.org" not in link or "//www." in link else ""


def _only_https(link: str) -> str:
    return id_in_link(link) if link.startswith("https://") else ""


def _without_kind(link: str) -> str:
    return id_in_link(link).partition(":")[2] or id_in_link(link)


# A batch answer.


def counts_by_id(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    """Return the count of each id that was asked for; unknown ids are left out."""
    if len(records) != len(asked):
        raise ValueError(f"{len(asked)} ids, but {len(records)} answers")
    pairs = zip(asked, records, strict=True)
    return {paper: record["citationCount"] for paper, record in pairs if record}


def _batch_cases(rng: np.random.Generator) -> Iterator[Case]:
    merged = {"paperId": "c" * 40, "citationCount": 7}
    yield Case(
        ["a" * 40, "b" * 40], [merged, {"paperId": "b" * 40, "citationCount": 1}], name="a paper that was merged"
    )
    yield Case(["ARXIV:1409.3215"], [{"paperId": "1" * 40, "citationCount": 0}], name="a count that really is 0")
    yield Case(["DOI:10.1/a", "DOI:10.1/b"], [None, {"paperId": "2" * 40, "citationCount": 5}], name="a null first")
    yield Case(["x", "y"], [None, None], name="two ids that nobody knows")
    yield Case([], [], name="nothing asked")
    yield Case(["x", "y"], [{"paperId": "d" * 40, "citationCount": 3}], name="an answer with one record too few")
    yield Case(["x"], [None, {"paperId": "d" * 40, "citationCount": 3}], name="an answer with one record too many")
    for n in (3, 8, 40):
        known = rng.random(n) < 0.7
        records = [{"paperId": f"{i:040x}", "citationCount": int(rng.integers(0, 4))} for i in range(n)]
        yield Case(
            [f"ARXIV:2001.{i:05}" for i in rng.permutation(n)],
            [r if k else None for r, k in zip(records, known, strict=True)],
        )


def _by_returned_id(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    counts_by_id(asked, records)
    return {record["paperId"]: record["citationCount"] for record in records if record}


def _nulls_first(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    counts_by_id(asked, records)
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
    if len(records) > len(asked):
        raise ValueError
    return {paper: record["citationCount"] for paper, record in zip(asked, records, strict=False) if record}


def _long_is_fine(asked: Sequence[str], records: Sequence[Record | None]) -> dict[str, int]:
    if len(records) < len(asked):
        raise ValueError
    return {paper: record["citationCount"] for paper, record in zip(asked, records, strict=False) if record}


# A splice.


def splice_text(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with new characters in some places, all others as they were."""
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        if start < done:
            raise ValueError(f"two edits overlap at character {start}")
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


# A byte order mark, both kinds of line end, a number in a title, two spaces, and no line end at the end.
TABLE = "\ufeff| Paper | Cited |\r\n|---|---|\r\n| 99 problems | 99 |\r\n| Another |  7 |\n| Last |\t100 |"


def _splice_cases(rng: np.random.Generator) -> Iterator[Case]:
    at_99, at_7, at_100, end = TABLE.rindex("99"), TABLE.rindex("7"), TABLE.rindex("100"), len(TABLE)
    change_99, change_7, change_100 = (at_99, at_99 + 2, "1204"), (at_7, at_7 + 1, "12"), (at_100, at_100 + 3, "99")
    yield Case(TABLE, [], name="no edit")
    yield Case(TABLE, [(at_99, at_99 + 2, "98")], name="99 → 98")
    yield Case(TABLE, [change_99, change_7], name="99 → 1204 and 7 → 12")
    yield Case(TABLE, [change_100, change_7, change_99], name="three edits, the last one first")
    yield Case(TABLE, [(at_7, at_7 + 1, "8"), change_100, (at_99, at_99 + 2, "100")], name="three edits in any order")
    yield Case(TABLE, [(end, end, "12")], name="12 put in at the very end")
    yield Case(TABLE, [(at_99, at_99, "1"), (at_7, at_7, "2")], name="characters put in, and none taken out")
    yield Case(TABLE, [(at_99, at_99 + 2, ""), change_7], name="characters taken out, and none put in")
    yield Case(TABLE, [(at_99 - 1, at_99 + 3, " 98 ")], name="new characters that begin and end with a space")
    yield Case(TABLE, [(at_99, at_99 + 1, "1"), (at_99 + 1, at_99 + 2, "2")], name="two edits that touch")
    yield Case(TABLE, [(at_99, at_99 + 2, "1"), (at_99 + 1, at_99 + 3, "2")], name="two edits that overlap")
    yield Case(
        TABLE, [(at_99 + 1, at_99 + 3, "2"), (at_99, at_99 + 2, "1")], name="two that overlap, the later one first"
    )
    yield Case(TABLE, [(at_99 - 3, at_99 + 5, "1"), (at_99, at_99 + 2, "2")], name="an edit inside another")
    yield Case(TABLE, [(at_99, at_99 + 2, "1"), (at_99, at_99 + 3, "2")], name="two edits that begin at one place")
    yield Case(TABLE, [(at_99 - 3, at_99 + 5, "1"), (at_99, at_99, "2")], name="characters put in inside another edit")
    yield Case(TABLE, [(at_99 + 2, at_99 + 2, "1"), (at_99, at_99 + 2, "2")], name="characters put in where one ends")
    yield Case(
        TABLE, [(0, end - 9, ""), (end - 9, end - 8, "1"), (end - 8, end - 7, "2")], name="nearly all of it taken out"
    )
    for _ in range(12):
        text = "".join(rng.choice(list("ab7 |\r\n"), rng.integers(1, 60)))
        cuts = np.sort(rng.integers(0, len(text) + 1, 2 * rng.integers(0, 4))).tolist()
        edits = [(a, b, "7" * int(rng.integers(0, 4))) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if a < b]
        yield Case(text, [edits[i] for i in rng.permutation(len(edits))])


def _refusing(slip: Callable[[str, list[Edit]], str]) -> Callable[[str, Iterable[Edit]], str]:
    """Return a slip that does refuse edits which overlap."""

    def answer(text: str, edits: Iterable[Edit]) -> str:
        edits = list(edits)
        splice_text(text, edits)
        return slip(text, edits)

    return answer


def _drifting(text: str, edits: Iterable[Edit]) -> str:
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    return text


def _by_value(text: str, edits: list[Edit]) -> str:
    for old, new in [(text[start:end], new) for start, end, new in edits]:
        text = text.replace(old, new) if old else text
    return text


def _refuses_touching(text: str, edits: Iterable[Edit]) -> str:
    ordered = sorted(edits)
    if any(start <= end for (_, end, _), (start, _, _) in itertools.pairwise(ordered)):
        raise ValueError
    return splice_text(text, ordered)


def _overlap_in_the_given_order(text: str, edits: Iterable[Edit]) -> str:
    given = list(edits)
    if any(a[0] <= b[0] < a[1] for a, b in itertools.pairwise(given)):
        raise ValueError
    return _drifting(text, sorted(given, reverse=True))


def _overlap_of_ends(text: str, edits: Iterable[Edit]) -> str:
    ordered = sorted(edits)
    if any(a[0] < b[0] < a[1] < b[1] for a, b in itertools.pairwise(ordered)):
        raise ValueError
    return _drifting(text, reversed(ordered))


def _overlap_of_characters(text: str, edits: Iterable[Edit]) -> str:
    ordered = sorted(edits)
    taken = [at for start, end, _ in ordered for at in range(start, end)]
    if len(set(taken)) < len(taken):
        raise ValueError
    return _drifting(text, reversed(ordered))


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
        cases=_link_cases,
        returns="the id",
        mistakes=(
            Mistake("This id still has its version; the service knows papers, not versions.", _with_version),
            Mistake("`.pdf` is the end of a file's name, not of the id.", _with_suffix),
            Mistake("An old arXiv id begins with its archive, such as `quant-ph/`; keep it.", _last_segment),
            Mistake("Digits in any link are no arXiv number: ask the host first.", _digits_anywhere),
            Mistake("A host that only ends in arxiv.org is another host; compare the whole name.", _host_ends_so),
            Mistake("A host that only begins with arxiv.org is another host; compare the whole name.", _host_begins_so),
            Mistake("Only abs, pdf and html are pages of a paper; other pages of arXiv name none.", _any_page_of_arxiv),
            Mistake("Something follows the id in this path: match all of it (re.fullmatch).", _match_for_fullmatch),
            Mistake(
                "This page of Semantic Scholar is not a paper's: its path begins otherwise.", _any_page_of_the_service
            ),
            Mistake("Forty hexadecimal digits on another host are no paper's id.", _forty_digits_anywhere),
            Mistake(
                "Case means nothing in a DOI, so write it in small letters: one id for each paper.", _doi_as_written
            ),
            Mistake("This link has no DOI in it: a DOI is `10.`, digits, a slash and more.", _doi_of_nothing),
            Mistake("The path is still escaped: urllib.parse.unquote turns %2F into a slash.", _still_escaped),
            Mistake("dx.doi.org is the older name of doi.org; its links name DOIs, too.", _only_without_dx),
            Mistake("A DOI may hold a slash behind the first one, too.", _doi_of_two_parts),
            Mistake(
                "Split the link first and unquote its path afterwards: %23 would begin a fragment.", _unquoted_first
            ),
            Mistake("The `www.` may be missing.", _only_with_www),
            Mistake("A link may begin with http, too.", _only_https),
            Mistake("The kind is missing: write `ARXIV:` or `DOI:` before it, or nobody can tell.", _without_kind),
        ),
    ),
    Exercise(
        key="16.batch",
        title="Whose count is it?",
        task="Pair the ids of a batch with the records that came back; leave out the unknown, and refuse an answer of "
        "another length.",
        points=2,
        minutes=10,
        hints=(
            "What do the ids and the answers have in common? Only their order.",
            "Pair first, look for None afterwards, and compare with None, not with 'nothing'.",
            "`{paper: record['citationCount'] for paper, record in zip(asked, records, strict=True) if record is not "
            "None}`: what does strict=True do?",
        ),
        reference=counts_by_id,
        cases=_batch_cases,
        returns="the counts",
        mistakes=(
            Mistake("The keys must be the ids asked for; of a merged paper another id comes back.", _by_returned_id),
            Mistake("An unknown id got its neighbour's count: drop nulls after pairing, not before.", _nulls_first),
            Mistake("A null is not a 0: nothing is known of this id, and a good count would be lost.", _null_is_zero),
            Mistake("Leave an unknown id out, so that nobody writes None into a table.", _null_is_none),
            Mistake("A count of 0 is a count; `if count` takes it for nothing.", _zero_is_nothing),
            Mistake("An answer came that is too short: somebody's count would go to somebody else.", _short_is_fine),
            Mistake("An answer came that is too long: nobody knows which record is whose.", _long_is_fine),
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
        cases=_splice_cases,
        returns="the text",
        mistakes=(
            Mistake(
                "An edit that changes the length moves all that follows; positions are those of the old text.",
                _refusing(_drifting),
            ),
            Mistake(
                "Edits come in any order: sort them before you go from right to left.",
                _refusing(lambda text, edits: _drifting(text, reversed(edits))),
            ),
            Mistake(
                "The same characters stand elsewhere, too: the positions say which are meant.", _refusing(_by_value)
            ),
            Mistake(
                "The line ends have changed, and a diff would show every line.",
                _refusing(lambda text, edits: "\n".join(splice_text(text, edits).splitlines())),
            ),
            Mistake(
                "One character too many is gone: `end` is the first that stays.",
                _refusing(
                    lambda text, edits: splice_text(text, [(a, min(b + (a < b), len(text)), n) for a, b, n in edits])
                ),
            ),
            Mistake(
                "An edit may put in nothing: then its characters are taken out.",
                _refusing(lambda text, edits: splice_text(text, [edit for edit in edits if edit[2]])),
            ),
            Mistake(
                "An edit may take out nothing: then its characters are put in.",
                _refusing(lambda text, edits: splice_text(text, [edit for edit in edits if edit[0] < edit[1]])),
            ),
            Mistake(
                "What is put in at the very end of the text is lost: `text[done:]` is not the last piece.",
                _refusing(lambda text, edits: splice_text(text, [edit for edit in edits if edit[0] < len(text)])),
            ),
            Mistake(
                "Spaces around the new characters are part of them; keep them.",
                _refusing(lambda text, edits: splice_text(text, [(a, b, new.strip()) for a, b, new in edits])),
            ),
            Mistake(
                "Two edits overlap: raise a ValueError, since nobody knows which one is right.",
                lambda text, edits: _drifting(text, sorted(edits, reverse=True)),
            ),
            Mistake("Two edits that only touch do not overlap: `end` is not part of the first.", _refuses_touching),
            Mistake(
                "What is put in inside another edit overlaps with it, though it takes nothing out: compare positions.",
                _overlap_of_characters,
            ),
            Mistake("These overlap, whichever is given first: sort, then look.", _overlap_in_the_given_order),
            Mistake("An edit that lies inside another overlaps with it, too.", _overlap_of_ends),
        ),
    ),
)
