"""Recognise a paper's id in whatever form it was written, and say it the way the Semantic Scholar API wants it.

API forms: 40 hex digits, ``CorpusId:1``, ``ARXIV:2310.07849`` (never with a version), ``DOI:10.1/x`` (lower case: DOIs
are case-insensitive), ``ACL:P19-1423``, ``MAG:1``, ``PMID:1``, ``PMCID:1``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_ARXIV = r"\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Za-z]{2})?/\d{2}(?:0[1-9]|1[0-2])\d{3}"
_SHA = re.compile(r"[0-9a-f]{40}", re.I)
_ARXIV_ID = re.compile(rf"(?P<id>{_ARXIV})(?:v\d+)?", re.I)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(?P<id>.+)", re.I)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.I)
_NUMBERED = {"corpusid": "CorpusId", "mag": "MAG", "pmid": "PMID", "pmcid": "PMCID"}
_ACL = re.compile(r"[A-Z]\d{2}-\d{4,5}|\d{4}\.[a-z0-9_]+-[a-z0-9_]+\.\d+", re.I)
_PREFIXED = re.compile(r"(?P<kind>[a-z]+):(?P<value>.+)", re.I | re.S)

_ARXIV_HOSTS = frozenset({"arxiv.org", "export.arxiv.org", "ar5iv.org", "ar5iv.labs.arxiv.org"})
_ARXIV_PATH = re.compile(rf"/(?:abs|pdf|html|format|ps)/(?P<id>{_ARXIV})(?:v\d+)?(?:\.pdf)?/?", re.I)
_DOI_PATH = re.compile(
    r"/(?:doi|article|chapter)/(?:(?:abs|full|epub|epdf|pdf|pdfdirect|pdfplus)/)?(?P<id>10\.\d{4,9}/[^\s?#]+)", re.I
)
# The two forms that most links have, read without taking the address apart: lists are long.
_S2_PAGE = re.compile(
    r"https://(?:www|api)\.semanticscholar\.org/(?:graph/v1/)?paper/(?:[^/?#]+/)?([0-9a-f]{40})(?:[?#]|\Z)"
)
_ARXIV_PAGE = re.compile(
    r"https?://(?:www\.)?arxiv\.org/(?:abs|pdf)/(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})(?:v\d+)?(?:\.pdf)?\Z"
)
_S2_SLUG = re.compile(r"/paper/(?P<slug>[^/]+)/[0-9a-f]{40}", re.I)


def normalise(written: str) -> str | None:
    """Return an id in API form, or None if it is not one that the service could know.

    Args:
        written: an id as somebody typed it: with or without prefix, in any case, with or without arXiv version.
    """
    written = written.strip()
    if _SHA.fullmatch(written):
        return written.lower()
    if match := _ARXIV_ID.fullmatch(written):
        return _arxiv(match["id"])
    if _DOI.fullmatch(written):
        return _doi(written)
    if not (match := _PREFIXED.fullmatch(written)):
        return None
    kind, value = match["kind"].lower(), match["value"].strip()
    if kind in _NUMBERED:
        return f"{_NUMBERED[kind]}:{int(value)}" if re.fullmatch(r"[0-9]{1,15}", value) else None
    if kind == "arxiv":
        found = _ARXIV_ID.fullmatch(value)
        return _arxiv(found["id"]) if found else None
    if kind == "doi":
        return _doi(value) if _DOI.fullmatch(value) else None
    if kind == "acl":
        return f"ACL:{value}" if _ACL.fullmatch(value) else None
    if kind in ("http", "https"):
        return from_url(written)
    return None


def from_url(url: str) -> str | None:
    """Return the id that a link names, in API form, or None.

    Knows Semantic Scholar's pages and API, arXiv, doi.org, publishers that carry the DOI in the path, and the ACL
    Anthology. Other addresses (OpenReview, a blog) name no id that the API is sure to know.
    """
    if match := _S2_PAGE.match(url):
        return match[1]
    if match := _ARXIV_PAGE.match(url):
        return "ARXIV:" + match[1]
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # a bracketed host that is no address
        return None
    if parts.scheme.lower() not in ("http", "https"):
        return None
    path = unquote(parts.path)
    if host == "semanticscholar.org" or host.endswith(".semanticscholar.org"):
        return _from_semantic_scholar(path)
    if host in _ARXIV_HOSTS:
        match = _ARXIV_PATH.fullmatch(path)
        return _arxiv(match["id"]) if match else None
    if host in ("doi.org", "dx.doi.org"):
        return normalise("DOI:" + path.lstrip("/"))
    if host == "aclanthology.org":
        return normalise("ACL:" + path.strip("/").removesuffix(".pdf"))
    if match := _DOI_PATH.match(path):
        return normalise("DOI:" + match["id"].rstrip("/"))
    return None


def from_badge(url: str) -> str | None:
    """Return the paper whose citation count a dynamic badge shows, or None if the address is not such a badge.

    Args:
        url: the image's address, HTML entities already decoded. Parameters may stand in any order, and the inner
            address may have been escaped once or twice.
    """
    parameters = dict(part.partition("=")[::2] for part in url.partition("?")[2].split("&"))
    if "url" not in parameters:
        return None
    field = unquote(parameters.get("query", "citationCount")).rsplit(".", 1)[-1].strip("$[]'\" ")
    inner = unquote(parameters["url"])
    if "%3a%2f%2f" in inner.lower():
        inner = unquote(inner)
    return from_url(inner) if field == "citationCount" else None


def slug_words(url: str) -> list[str]:
    """Return the words of the title that a Semantic Scholar link shows (some are left out there), without the authors.

    ``…/paper/Sequence-to-Sequence-Learning-Sutskever-Vinyals/<sha>`` ends in at most two surnames.
    """
    match = _S2_SLUG.search(url)
    if not match:
        return []
    words = re.findall(r"\w+", unquote(match["slug"]).lower())
    return words[:-2]


def arxiv_month(paper_id: str | None) -> tuple[int, int] | None:
    """Return the year and month in which an ``ARXIV:`` id was given out, or None for other ids."""
    if not paper_id or not paper_id.startswith("ARXIV:"):
        return None
    digits = paper_id.rsplit("/", 1)[-1].removeprefix("ARXIV:")
    year, month = int(digits[:2]), int(digits[2:4])
    return (1900 if year > 90 else 2000) + year, month


def _arxiv(written: str) -> str:
    return "ARXIV:" + written.lower() if "/" not in written else "ARXIV:" + written


def _doi(written: str) -> str:
    if (match := _ARXIV_DOI.fullmatch(written)) and (found := _ARXIV_ID.fullmatch(match["id"])):
        return _arxiv(found["id"])
    return "DOI:" + written.lower()


def _from_semantic_scholar(path: str) -> str | None:
    segments = [segment for segment in path.split("/") if segment]
    for position, segment in enumerate(segments):
        if segment in ("paper", "reader"):
            rest = segments[position + 1 :]
            # A page's address ends in the sha; an API's holds the id, and a DOI has slashes of its own.
            return next((s.lower() for s in rest if _SHA.fullmatch(s)), None) or normalise("/".join(rest))
        if segment.lower() == "arxiv":
            return normalise("ARXIV:" + "/".join(segments[position + 1 :]))
        if _PREFIXED.fullmatch(segment):
            return normalise("/".join(segments[position:]))
    return None
