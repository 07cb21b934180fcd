"""Recognise a paper's id in whatever form it was written, and say it the way the Semantic Scholar API wants it.

API forms: 40 hex digits, ``CorpusId:1``, ``ARXIV:2310.07849`` (never with a version), ``DOI:10.1/x`` (lower case: DOIs
are case-insensitive), ``ACL:P19-1423``, ``MAG:1``, ``PMID:1``, ``PMCID:1``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

_ARXIV = r"\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Za-z]{2})?/\d{2}(?:0[1-9]|1[0-2])\d{3}"
_SHA = re.compile(r"[0-9a-f]{40}", re.I)
_ARXIV_ID = re.compile(rf"(?P<id>{_ARXIV})(?:v\d+)?", re.I)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(?P<id>.+)", re.I)
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.I)
_NUMBERED = {"corpusid": "CorpusId", "mag": "MAG", "pmid": "PMID", "pmcid": "PMCID"}
_ACL = re.compile(r"[A-Z]\d{2}-\d{4,5}|\d{4}\.[a-z0-9_]+-[a-z0-9_]+\.\d+", re.I)
_DOI_IN_TEXT = re.compile(r"(?<![\w./])10\.\d{4,9}/[^\s\"<>|`\]}，；]+", re.I)
_ARXIV_IN_TEXT = re.compile(rf"\barXiv(?:\s*:\s*|\s+|\.)(?P<id>{_ARXIV})(?:v\d+)?(?!\d)", re.I)
_NUMBERED_IN_TEXT = re.compile(r"\b(?P<kind>PMID|PMCID|CorpusID)\s*:?\s*(?:PMC)?(?P<value>\d{4,15})\b", re.I)
_BARE_ARXIV = re.compile(
    r"(?<![\w./-])(?P<id>\d{2}(?:0[1-9]|1[0-2])\.\d{5}|0[7-9]\d{2}\.\d{4}|1[0-4]\d{2}\.\d{4})(?:v\d+)?(?![\w-]|\.\d)"
)
_PREFIXED = re.compile(r"(?P<kind>[a-z]+):(?P<value>.+)", re.I | re.S)

# Sites that show papers of arXiv under its own numbers, each with the folders that they stand in.
_ARXIV_PATHS = {
    "arxiv.org": "abs|pdf|html|format|ps",
    "ar5iv.org": "abs|pdf|html",
    "alphaxiv.org": "abs|pdf|overview",
    "huggingface.co": "papers",
    "hf.co": "papers",
    "arxiv-vanity.com": "papers",
    "emergentmind.com": "papers",
    "papers.cool": "arxiv",
    "scirate.com": "arxiv",
}
_ARXIV_REST = re.compile(rf"(?P<id>{_ARXIV})(?:v\d+)?(?:\.pdf|\.md)?/?", re.I)
_DOI_PATH = re.compile(r"/(?P<id>10\.\d{4,9}/[^\s?#]+)", re.I)
# What publishers append to a DOI: the form of the page, and bioRxiv's version.
_DOI_TAIL = re.compile(
    r"(?:[/.](?:full(?:[-.]?(?:text|html|pdf|txt))*|abs(?:tract)?|e?pdf|meta|html|summary|short|figures|tables|references)"
    r"|v\d+|[.,;/])+\Z",
    re.I,
)
_VERSION = re.compile(r"v\d+\Z")
_SCHEMELESS = re.compile(r"(?://|(?=(?:www\.)?(?:arxiv\.org|(?:dx\.)?doi\.org|aclanthology\.org)/))", re.I)
_CODE = re.compile(
    r"https?://(?:www\.)?(?:github|gitlab|bitbucket|gitee|colab\.research\.google)\.(?:com|org)(?![\w.])", re.I
)
_NESTED = re.compile(r"\[(https?://[^\]\s]+)\]")
# The two forms that most links have, read without taking the address apart: lists are long.
_S2_PAGE = re.compile(
    r"https://(?:www|api)\.semanticscholar\.org/(?:graph/v1/)?paper/(?:[^/?#]+/)?([0-9a-f]{40})(?:[?#]|\Z)"
)
_ARXIV_PAGE = re.compile(
    r"https?://(?:www\.)?arxiv\.org/(?:abs|pdf)/(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})(?:v\d+)?(?:\.pdf)?\Z"
)
_S2_BADGE = re.compile(
    r"https://img\.shields\.io/badge/dynamic/json\?(?:label=[^&#]*&)?query=(?:%24\.|\$\.)?citationCount&url="
    r"https%3A%2F%2Fapi\.semanticscholar\.org%2Fgraph%2Fv1%2Fpaper%2F([0-9a-f]{40})(?:%3F[\w%]*)?\Z"
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

    Knows Semantic Scholar's pages and API, arXiv and sites that show its papers, doi.org, any publisher whose address
    carries the DOI, the ACL Anthology in its old places too, PubMed, Nature, and the like. Other addresses (OpenReview,
    a blog) name no id that the API is sure to know.
    """
    if match := _S2_PAGE.match(url):
        return match[1]
    if match := _ARXIV_PAGE.match(url):
        return "ARXIV:" + match[1]
    url = url.strip()
    if is_code(url):
        return None
    if nested := _NESTED.match(url):  # [![pdf](…)]([https://…](https://…)), a slip that is often copied
        url = nested[1]
    elif bare := _SCHEMELESS.match(url):
        url = "https://" + url[bare.end() :]
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # a bracketed host that is no address
        return None
    if parts.scheme.lower() not in ("http", "https"):
        return None
    path = unquote(parts.path)
    if "%2f" in path.lower():  # escaped twice
        path = unquote(path)
    if host == "semanticscholar.org" or host.endswith(".semanticscholar.org"):
        return _from_semantic_scholar(path)
    site = "arxiv.org" if host.endswith(".arxiv.org") and host != "ar5iv.labs.arxiv.org" else host
    if site in _ARXIV_PATHS or host == "ar5iv.labs.arxiv.org":
        return _from_arxiv(path, _ARXIV_PATHS.get(site, "abs|pdf|html"))
    if read := _SITES.get(host):
        found = read(path, parts.query)
        if found or host in _CLOSED:
            return found
    if match := _DOI_PATH.search(path):
        return _doi_in_path(match["id"])
    query = parts.query
    return _doi_in_path(query[query.index("10.") :]) if query.startswith(("id=10.", "doi=10.")) else None


def is_code(url: str) -> bool:
    """Whether an address is one where code lies, which is never the paper itself."""
    return bool(_CODE.match(url))


def from_text(text: str, *, bare: bool = False) -> str | None:
    """Return the id that stands in plain text: ``arXiv:2310.07849``, ``10.1145/1.2``, ``PMID: 1``; or None.

    Args:
        text: what a reader sees of a cell.
        bare: take a number like 2310.07849 for arXiv's even without its name.
    """
    if "10." in text and (match := _DOI_IN_TEXT.search(text)):
        return _doi_in_path(match[0])
    if match := _ARXIV_IN_TEXT.search(text):
        return _arxiv(match["id"])
    if match := _NUMBERED_IN_TEXT.search(text):
        return normalise(f"{match['kind']}:{match['value']}")
    if bare and (match := _BARE_ARXIV.search(text)):
        return "ARXIV:" + match["id"]
    return None


def from_badge(url: str) -> str | None:
    """Return the paper whose citation count a dynamic badge shows, or None if the address is not such a badge.

    Args:
        url: the image's address, HTML entities already decoded. Parameters may stand in any order, and the inner
            address may have been escaped once or twice.
    """
    if match := _S2_BADGE.match(url):
        return match[1]
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


def _from_arxiv(path: str, folders: str) -> str | None:
    folder, _, rest = path.lstrip("/").partition("/")
    match = _ARXIV_REST.fullmatch(rest) if folder.lower() in folders.split("|") else None
    return _arxiv(match["id"]) if match else None


def _doi_in_path(written: str) -> str | None:
    """Return a DOI without what a publisher's address has behind it."""
    written = unquote(written).partition("&")[0]
    if written.startswith("10.1101/"):  # bioRxiv, medRxiv: 10.1101/2020.01.01.123456v2.full.pdf
        written = re.sub(r"v\d+(?:\.[a-z.-]+)?\Z", "", written)
    else:
        written = _DOI_TAIL.sub("", written) if not _VERSION.search(written) else written
    while written.endswith(")") and written.count(")") > written.count("("):
        written = written[:-1]
    return normalise("DOI:" + written)


def _from_doi_org(path: str, query: str) -> str | None:
    match = _DOI.search(path)
    return normalise("DOI:" + match[0].rstrip(".,;/")) if match else None


def _from_anthology(path: str, query: str) -> str | None:
    for segment in reversed(path.split("/")):
        name = re.sub(r"(?:v\d+)?(?:\.pdf|\.bib)?\Z", "", segment, flags=re.I)
        if name and _ACL.fullmatch(name):
            return "ACL:" + (name.upper() if name[0].isalpha() else name)
    return None


def _from_pubmed(path: str, query: str) -> str | None:
    if match := re.search(r"/PMC(\d+)\b", path, re.I):
        return normalise("PMCID:" + match[1])
    match = re.search(r"\A/(?:pubmed/|(?:article|abstract)/MED/|m/pubmed/)?(\d+)/?\Z", path, re.I)
    return normalise("PMID:" + match[1]) if match else None


def _from_nature(path: str, query: str) -> str | None:
    match = re.fullmatch(r"/articles/([a-z0-9-]+(?:\.\d+)?)(?:\.pdf|\.epdf|/.*)?", path, re.I)
    return normalise("DOI:10.1038/" + match[1]) if match else None


def _from_acm(path: str, query: str) -> str | None:
    """Read ``citation.cfm?id=3292500.3330701``; newer addresses carry the whole DOI."""
    written = parse_qs(query).get("id", [""])[0]
    return normalise("DOI:10.1145/" + written) if re.fullmatch(r"\d+\.\d+", written) else None


def _from_ssrn(path: str, query: str) -> str | None:
    match = re.search(r"abstract(?:_id)?=(\d+)", f"{path}?{query}", re.I)
    return normalise("DOI:10.2139/ssrn." + match[1]) if match else None


def _from_elife(path: str, query: str) -> str | None:
    match = re.fullmatch(r"/articles/(\d{5,6})(?:v\d+)?(?:\.pdf)?/?", path)
    return normalise("DOI:10.7554/elife." + match[1]) if match else None


def _from_connected_papers(path: str, query: str) -> str | None:
    return next((segment.lower() for segment in path.split("/") if _SHA.fullmatch(segment)), None)


_Reader = Callable[[str, str], str | None]
_SITES: dict[str, _Reader] = {
    **dict.fromkeys(("doi.org", "dx.doi.org"), _from_doi_org),
    **dict.fromkeys(("aclanthology.org", "aclweb.org", "anthology.aclweb.org", "aclanthology.info"), _from_anthology),
    **dict.fromkeys(("pubmed.ncbi.nlm.nih.gov", "ncbi.nlm.nih.gov", "pmc.ncbi.nlm.nih.gov"), _from_pubmed),
    "europepmc.org": _from_pubmed,
    "nature.com": _from_nature,
    "dl.acm.org": _from_acm,
    **dict.fromkeys(("papers.ssrn.com", "ssrn.com"), _from_ssrn),
    "elifesciences.org": _from_elife,
    "connectedpapers.com": _from_connected_papers,
}
_CLOSED = frozenset({"doi.org", "dx.doi.org", "aclanthology.org"})
"""Sites whose every address is read by their own reader."""


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
