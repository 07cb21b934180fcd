"""A client for OpenAlex, for papers that Semantic Scholar does not know; its records are brought to the same form.

What it relies on, as documented (developers.openalex.org, read in 2026):

- guides/filtering: ``GET /works?filter=doi:A|B`` is an OR; a value cannot hold a comma or a bar. A work that is not
  there is left out without a word, so answers are found by the DOI that each work carries, never by position.
- guides/page-through-results: ``per_page`` is at most 100. Up to 50 values fit into one filter on any version.
- guides/get: ``GET /works/pmid:…``, ``/works/pmcid:…``, ``/works/mag:…`` for one work; a merged one is a 301.
- api-reference/errors: ``{"error": …, "message": …}``; 404 for a work that is not there, 429 for a spent allowance.
- api-reference/authentication: a free key, as the parameter ``api_key``; without one the day's allowance is small. It
  used to be ``mailto`` that made answers quicker; it does no harm.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import quote

from papers.identifiers import normalise
from papers.records import Record, record_ids
from papers.service import Answer, Service, best_title
from papers.transport import Settings, Transport

BASE_URL = "https://api.openalex.org"
_KEY_VARIABLE = "OPENALEX_API_KEY"
_SELECT = "id,doi,ids,title,publication_year,publication_date,cited_by_count"
_ARXIV = "10.48550/arxiv."
_ALONE = {"PMID": "pmid", "PMCID": "pmcid", "MAG": "mag"}


class OpenAlex(Service):
    """Asks OpenAlex, or another service with the same paths.

    Args:
        api_key: by default the value of ``OPENALEX_API_KEY``; it goes to the host of ``base_url`` only.
        base_url: by default ``OPENALEX_URL``, else the public service.
        mailto: an address that is sent along.
        cache, max_age, settings: as for :class:`papers.SemanticScholar`.

    Raises:
        ValueError: if an argument is out of range or the key holds white space.
    """

    name = "openalex"
    title = "OpenAlex"
    batch = 50

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        mailto: str | None = None,
        cache: str | Path | None = None,
        max_age: float = 0.0,
        **settings: Unpack[Settings],
    ) -> None:
        transport = Transport(
            base_url or os.environ.get("OPENALEX_URL") or BASE_URL,
            who=self.title,
            key=(api_key or os.environ.get(_KEY_VARIABLE) or "").strip(),
            key_parameter="api_key",
            key_hint=f"the day's allowance without a key is small: set {_KEY_VARIABLE} (it is free), or go on tomorrow",
            key_remedy=f"check {_KEY_VARIABLE}, or ask with a longer --pace",
            mailto=mailto,
            **settings,
        )
        super().__init__(transport, cache, max_age)

    def takes(self, paper: str) -> bool:
        """Whether OpenAlex can be asked for this id: an arXiv number, a DOI that a filter holds, PMID, PMCID, MAG."""
        doi = _doi(paper)
        return paper.partition(":")[0] in _ALONE if doi is None else not re.search(r"[,|]", doi)

    def _groups(self, asked: list[str]) -> list[list[str]]:
        dois = [paper for paper in asked if _doi(paper)]
        return [dois, *([paper] for paper in asked if not _doi(paper))]

    def _ask_batch(self, ids: list[str], fields: str, *, patience: int | None) -> dict[str, Answer]:
        if _doi(ids[0]) is None:
            return {ids[0]: self._single(lambda: self._ask_one(ids[0], fields))}
        query = {
            "filter": "doi:" + "|".join(_doi(paper) or "" for paper in ids),
            "select": _SELECT,
            "per_page": "100",
            **self.transport.courtesy,
        }
        works = self.transport.call("GET", "/works", query, _all_works, divisible=len(ids) > 1, patience=patience)
        records: dict[str, Record] = {}
        for record in map(_record, works):
            for paper in record_ids(record):
                known = records.setdefault(paper, record)
                if (record.get("citationCount") or 0) > (known.get("citationCount") or 0):
                    records[paper] = record  # two works of one DOI: the other is a stub
        return {paper: self._found(records.get(paper)) for paper in ids}

    def _ask_one(self, paper: str, fields: str) -> Record | None:
        if _doi(paper):
            return self._ask_batch([paper], fields, patience=None)[paper].record
        kind, _, value = paper.partition(":")
        path = f"/works/{_ALONE[kind]}:{quote(value, safe='')}"
        return _record(self.transport.call("GET", path, {"select": _SELECT, **self.transport.courtesy}, _work))

    def _ask_title(self, title: str, fields: str) -> Record | None:
        words = " ".join(re.findall(r"\w+", title))[:300]
        if not words:
            return None
        query = {
            "filter": f"title.search:{words}",
            "select": f"{_SELECT},authorships",
            "per_page": "10",
            **self.transport.courtesy,
        }
        return best_title(title, [_record(work) for work in self.transport.call("GET", "/works", query, _works)])


def _doi(paper: str) -> str | None:
    """Return the DOI of an id in API form, that of arXiv for one of its numbers; None for other ids."""
    kind, _, value = paper.partition(":")
    return _ARXIV + value.lower() if kind == "ARXIV" else value if kind == "DOI" else None


def _work(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise TypeError("no work")
    return body


def _works(body: Any) -> list[dict[str, Any]]:
    return [_work(work) for work in body["results"]]


def _all_works(body: Any) -> list[dict[str, Any]]:
    works = _works(body)
    if body["meta"]["count"] > len(works):
        raise TypeError("not all works")
    return works


def _record(work: dict[str, Any]) -> Record:
    """Return a work in the form of Semantic Scholar's records."""
    ids = work.get("ids")
    ids = ids if isinstance(ids, dict) else {}
    external: dict[str, str] = {}
    for written in (work.get("doi"), ids.get("doi")):
        if isinstance(written, str) and (
            paper := normalise("DOI:" + re.sub(r"^https?://(dx\.)?doi\.org/", "", written))
        ):
            kind, _, value = paper.partition(":")
            external["ArXiv" if kind == "ARXIV" else "DOI"] = value
    for name, field in (("pmid", "PubMed"), ("pmcid", "PubMedCentral"), ("mag", "MAG")):
        if digits := re.findall(r"\d+", str(ids.get(name) or "")):
            external[field] = digits[-1]
    authors = work.get("authorships")
    names = [one.get("author") for one in authors if isinstance(one, dict)] if isinstance(authors, list) else []
    return {
        "paperId": work["id"].rstrip("/").rpartition("/")[2],
        "title": work.get("title") or work.get("display_name"),
        "year": work.get("publication_year"),
        "publicationDate": work.get("publication_date"),
        "externalIds": external,
        "citationCount": work.get("cited_by_count"),
        "authors": [{"name": name.get("display_name")} for name in names if isinstance(name, dict)],
        "url": work["id"],
    }
