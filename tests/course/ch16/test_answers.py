"""Answers to chapter 16's exercises as people write them: wrong ones of each kind are refused, right ones pass.

None of them is made from the references, so they also witness that the cases alone tell right from wrong.
"""

import itertools
import re
from urllib.parse import unquote, urlparse, urlsplit

import pytest

from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import verdict

SEEDS = (0, 1, 2)
ARXIV = r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}"
SHA = r"[0-9a-f]{40}"


# The id in a link.


def link_id(
    link,
    *,
    arxiv=lambda host: host in ("arxiv.org", "www.arxiv.org"),
    doi=lambda host: host.removeprefix("www.") in ("doi.org", "dx.doi.org"),
    scholar=lambda host: host.removeprefix("www.") == "semanticscholar.org",
    pages="abs|pdf|html",
    matches=re.fullmatch,
    paper=rf"/paper/(?:[^/]+/)?({SHA})",
    in_doi=r"/(10\.\d+/.+)",
    unescape=unquote,
):
    """A right answer, of which each part can be replaced by one that people get wrong."""
    parts = urlparse(link)
    host, path = parts.hostname or "", unescape(parts.path)
    if arxiv(host) and (found := matches(rf"/(?:{pages})/({ARXIV})(v\d+)?(\.pdf)?", path)):
        return "ARXIV:" + found[1]
    if doi(host) and (found := matches(in_doi, path)):
        return "DOI:" + found[1].lower()
    if scholar(host) and (found := matches(paper, path)):
        return found[1]
    return ""


def by_one_pattern(link):
    """A right answer in one regular expression, which unescapes at the end."""
    link = re.sub(r"[?#].*", "", link)
    for pattern, kind in (
        (rf"https?://(?:www\.)?arxiv\.org/(?:abs|pdf|html)/({ARXIV})(?:v\d+)?(?:\.pdf)?", "ARXIV:"),
        (r"https?://(?:www\.|dx\.)?doi\.org/(10\.\d+/.+)", "DOI:"),
        (rf"https?://(?:www\.)?semanticscholar\.org/paper/(?:[^/]+/)?({SHA})", ""),
    ):
        if match := re.fullmatch(pattern, unquote(link)):
            return kind + (match[1].lower() if kind == "DOI:" else match[1])
    return ""


def by_pieces(link):
    """A right answer without one regular expression for the whole."""
    _, found, rest = link.partition("://")
    rest = rest.partition("#")[0].partition("?")[0]
    host, _, path = rest.partition("/")
    segments = unquote(path).split("/")
    match host.removeprefix("www."), segments:
        case "arxiv.org", ["abs" | "pdf" | "html", *number] if found:
            number = re.sub(r"(v\d+)?$", "", "/".join(number).removesuffix(".pdf"))
            return f"ARXIV:{number}" if re.fullmatch(ARXIV, number) else ""
        case "doi.org" | "dx.doi.org", [prefix, *suffix]:
            right = re.fullmatch(r"10\.\d+", prefix) and "".join(suffix)
            return f"DOI:{'/'.join(segments).lower()}" if right else ""
        case "semanticscholar.org", ["paper", *_, sha] if len(segments) <= 3 and re.fullmatch(SHA, sha):
            return sha
    return ""


def last_segment_of_any_page(link):
    if "semanticscholar.org" in link:
        last = urlsplit(link).path.split("/")[-1]
        return last if re.fullmatch(SHA, last) else ""
    return link_id(link)


def any_forty_digits(link):
    found = re.search(rf"(?<![0-9a-f]){SHA}(?![0-9a-f])", link)
    return found[0] if found else link_id(link)


WRONG_LINKS = {
    "notarxiv.org is taken for arXiv": lambda link: link_id(link, arxiv=lambda host: host.endswith("arxiv.org")),
    "a mirror is taken for arXiv": lambda link: link_id(link, arxiv=lambda host: "arxiv.org" in host),
    "any page of Semantic Scholar": last_segment_of_any_page,
    "any forty hexadecimal digits": any_forty_digits,
    "www. is needed": lambda link: link_id(link, scholar=lambda host: host == "www.semanticscholar.org"),
    "www. is needed for arXiv, or is not known": lambda link: link_id(link, arxiv=lambda host: host == "arxiv.org"),
    "https is needed for doi.org": lambda link: "" if link.startswith("http://doi.org") else link_id(link),
    "dx.doi.org is not known": lambda link: link_id(
        link, doi=lambda host: host.endswith("doi.org") and "dx" not in host
    ),
    "%2F stays": lambda link: link_id(link, unescape=lambda path: path),
    "any page of arXiv": lambda link: link_id(link, pages="[a-z]+"),
    "match for fullmatch": lambda link: link_id(link, matches=re.match),
    "search for fullmatch": lambda link: link_id(link, matches=re.search),
    "DOI: for a link without one": lambda link: link_id(link, in_doi=r"/(.*)"),
    "any address in the text": lambda link: link_id(re.search(r"https?://arxiv.org\S*|$", link)[0] or link),
}


@pytest.mark.parametrize("answer", [link_id, by_one_pattern, by_pieces, lambda link: str(link_id(link))])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_of_any_style_name_the_id_in_a_link(answer, seed):
    result = verdict(registry.find("16.link_id"), answer, seed=seed)
    assert result.status == "passed", result


@pytest.mark.parametrize("kind", WRONG_LINKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_wrong_answer_about_links_is_refused(kind, seed):
    assert verdict(registry.find("16.link_id"), WRONG_LINKS[kind], seed=seed).status in ("failed", "error")


# A batch answer.


def counts_in_a_loop(asked, records):
    if len(asked) != len(records):
        raise ValueError("not one answer for each")
    counts = {}
    for at in range(len(asked)):
        if records[at] is None:
            continue
        counts[asked[at]] = int(records[at]["citationCount"])
    return counts


def counts_by_zip(asked, records):
    return {i: r["citationCount"] for i, r in zip(asked, records, strict=True) if r is not None}


def counts_by_filter(asked, records):
    if len(list(records)) - len(list(asked)):
        raise ValueError
    known = filter(lambda pair: pair[1], zip(asked, records, strict=True))
    return dict([(paper, record["citationCount"]) for paper, record in known])  # noqa: C404, a style of its own


WRONG_BATCHES = {
    "too long an answer passes": lambda asked, records: counts_in_a_loop(asked, records[: len(asked)]),
    "too short an answer passes": lambda asked, records: {
        i: r["citationCount"] for i, r in zip(asked, records, strict=False) if r
    },
    "a short answer is an IndexError": lambda asked, records: {
        asked[at]: records[at]["citationCount"] for at in range(len(asked)) if records[at]
    },
    "0 is dropped": lambda asked, records: {k: v for k, v in counts_in_a_loop(asked, records).items() if v},
    "null is 0": lambda asked, records: {
        i: (r or {"citationCount": 0})["citationCount"] for i, r in zip(asked, records, strict=True)
    },
    "by the id that came back": lambda asked, records: (
        counts_in_a_loop(asked, records) and {r["paperId"]: r["citationCount"] for r in records if r}
    ),
}


@pytest.mark.parametrize("answer", [counts_in_a_loop, counts_by_zip, counts_by_filter])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_of_any_style_pair_ids_with_counts(answer, seed):
    result = verdict(registry.find("16.batch"), answer, seed=seed)
    assert result.status == "passed", result


@pytest.mark.parametrize("kind", WRONG_BATCHES)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_wrong_answer_about_batches_is_refused(kind, seed):
    assert verdict(registry.find("16.batch"), WRONG_BATCHES[kind], seed=seed).status in ("failed", "error")


# A splice.


def overlaps(edits):
    ordered = sorted(edits, key=lambda edit: edit[0])
    return any(b[0] < a[1] for a, b in itertools.pairwise(ordered))


def from_the_right(text, edits):
    if overlaps(edits):
        raise ValueError("they overlap")
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def with_an_offset(text, edits):
    moved, last = 0, 0
    for start, end, new in sorted(edits):
        if start < last:
            raise ValueError
        text = text[: start + moved] + new + text[end + moved :]
        moved, last = moved + len(new) - (end - start), end
    return text


def one_character_at_a_time(text, edits):
    if overlaps(edits):
        raise ValueError
    kept, put = [*map(str, text), ""], {}
    for start, end, new in sorted(edits):
        put.setdefault(start, []).append(new)
        kept[start:end] = [""] * (end - start)
    return "".join("".join(put.get(at, [])) + character for at, character in enumerate(kept))


def keyed_by_start(text, edits):
    return from_the_right(text, [(start, *rest) for start, rest in {s: (e, n) for s, e, n in edits}.items()])


def checked_in_the_given_order(text, edits):
    if any(b[0] < a[1] and a[0] < b[1] for a, b in itertools.pairwise(edits) if a[0] <= b[0]):
        raise ValueError
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def misses_one_inside_another(text, edits):
    ordered = sorted(edits)
    if any(a[0] < b[0] < a[1] < b[1] for a, b in itertools.pairwise(ordered)):
        raise ValueError
    for start, end, new in reversed(ordered):
        text = text[:start] + new + text[end:]
    return text


def refuses_touching(text, edits):
    ordered = sorted(edits)
    if any(b[0] <= a[1] for a, b in itertools.pairwise(ordered)):
        raise ValueError
    return from_the_right(text, edits)


def only(text, edits, keep):
    from_the_right(text, edits)
    return from_the_right(text, [edit for edit in edits if keep(edit, text)])


WRONG_SPLICES = {
    "drops deletions": lambda text, edits: only(text, edits, lambda edit, _: edit[2]),
    "drops what is only put in": lambda text, edits: only(
        text, edits, lambda edit, text: edit[0] < edit[1] or edit[0] == len(text)
    ),
    "drops what is put in at the end": lambda text, edits: only(text, edits, lambda edit, text: edit[0] < len(text)),
    "strips": lambda text, edits: from_the_right(text, [(a, b, new.strip()) for a, b, new in edits]),
    "refuses edits that touch": refuses_touching,
    "looks for overlap in the given order only": checked_in_the_given_order,
    "misses an edit inside another": misses_one_inside_another,
    "a dictionary keyed by start": keyed_by_start,
    "never looks for overlap": lambda text, edits: one_at_a_time(text, sorted(edits, reverse=True)),
    "positions that have moved": lambda text, edits: from_the_right(text, edits) and one_at_a_time(text, sorted(edits)),
    "splits lines": lambda text, edits: "\n".join(from_the_right(text, edits).splitlines()),
}


def one_at_a_time(text, edits):
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("answer", [from_the_right, with_an_offset, one_character_at_a_time])
@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_of_any_style_splice(answer, seed):
    result = verdict(registry.find("16.splice"), answer, seed=seed)
    assert result.status == "passed", result


@pytest.mark.parametrize("kind", WRONG_SPLICES)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_wrong_splice_is_refused(kind, seed):
    assert verdict(registry.find("16.splice"), WRONG_SPLICES[kind], seed=seed).status in ("failed", "error")
