"""A client for Crossref, for papers with a DOI of a publisher; its records are brought to Semantic Scholar's form.

What it relies on, as documented (github.com/CrossRef/rest-api-doc and crossref.org, read in 2026):

- "Multiple filters": ``GET /works?filter=doi:A,doi:B``, the same filter more than once, is an OR. A work that is not
  there is left out, so answers are found by the DOI that each carries. "Result controls": ``rows`` and ``select``.
- "Resource components": ``GET /works/{doi}``; a DOI that is not Crossref's (arXiv's are DataCite's) is a 404 with the
  text ``Resource not found.``
- "Field queries": ``query.bibliographic`` searches titles, authors and years.
- api_format.md: ``{"status": "ok", "message-type": …, "message": …}``, ``DOI``, ``title`` (an array), ``issued`` with
  ``date-parts``, ``author`` with ``family``; the count is ``is-referenced-by-count``.
- "Access and authentication": those who give an address (``mailto``) are in the polite pool. How much may be asked is
  said by ``X-Rate-Limit-Limit`` and ``X-Rate-Limit-Interval``; what is more is a 429.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import quote

from papers.escape import one_line
from papers.identifiers import normalise
from papers.records import Record
from papers.service import Answer, Service, best_title
from papers.transport import Reply, Settings, Transport

BASE_URL = "https://api.crossref.org"
_SELECT = "DOI,title,issued,is-referenced-by-count"


class Crossref(Service):
    """Asks Crossref, or another service with the same paths.

    Args:
        base_url: by default ``CROSSREF_URL``, else the public service.
        mailto: whom Crossref may write to; those who say it are served more reliably.
        cache, max_age, settings: as for :class:`papers.SemanticScholar`.

    Raises:
        ValueError: if an argument is out of range.
    """

    name = "crossref"
    title = "Crossref"
    batch = 50

    def __init__(
        self,
        base_url: str | None = None,
        *,
        mailto: str | None = None,
        cache: str | Path | None = None,
        max_age: float = 0.0,
        **settings: Unpack[Settings],
    ) -> None:
        transport = Transport(
            base_url or os.environ.get("CROSSREF_URL") or BASE_URL,
            who=self.title,
            key_hint="wait a while, ask with a longer --pace, or give your address with --mailto",
            mailto=mailto,
            **settings,
        )
        super().__init__(transport, cache, max_age)

    def takes(self, paper: str) -> bool:
        """Whether Crossref can be asked for this id: a DOI."""
        return paper.startswith("DOI:")

    def _groups(self, asked: list[str]) -> list[list[str]]:
        plain = [paper for paper in asked if "," not in paper]
        return [plain, *([paper] for paper in asked if "," in paper)]

    def _ask_batch(self, ids: list[str], fields: str, *, patience: int | None) -> dict[str, Answer]:
        if "," in ids[0]:  # which would end a filter
            return {ids[0]: self._single(lambda: self._ask_one(ids[0], fields))}
        query = {
            "filter": ",".join("doi:" + paper.removeprefix("DOI:") for paper in ids),
            "rows": "100",
            "select": _SELECT,
            **self.transport.courtesy,
        }
        items = self.transport.call("GET", "/works", query, _items, divisible=len(ids) > 1, patience=patience)
        records = {normalise(f"DOI:{item['DOI']}"): _record(item) for item in items}
        return {paper: self._found(records.get(paper)) for paper in ids}

    def _ask_one(self, paper: str, fields: str) -> Record | None:
        path = "/works/" + quote(paper.removeprefix("DOI:"), safe="")
        query = self.transport.courtesy
        return _record(self.transport.call("GET", path, query, _message, says_unknown=_says_unknown))

    def _ask_title(self, title: str, fields: str) -> Record | None:
        query = {
            "query.bibliographic": one_line(title)[:300],
            "rows": "10",
            "select": f"{_SELECT},author",
            **self.transport.courtesy,
        }
        items = self.transport.call("GET", "/works", query, _some_items)
        return best_title(title, [_record(item) for item in items])


def _says_unknown(reply: Reply) -> bool:
    return reply.body.strip().lower().startswith(b"resource not found")


def _item(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("DOI"), str):
        raise TypeError("no work")
    return item


def _message(body: Any) -> dict[str, Any]:
    if body["status"] != "ok":
        raise TypeError("no message")
    return _item(body["message"])


def _some_items(body: Any) -> list[dict[str, Any]]:
    if body["status"] != "ok":
        raise TypeError("no list")
    return [_item(item) for item in body["message"]["items"]]


def _items(body: Any) -> list[dict[str, Any]]:
    items = _some_items(body)
    if body["message"]["total-results"] > len(items):
        raise TypeError("not all works")
    return items


def _record(item: dict[str, Any]) -> Record:
    """Return a work in the form of Semantic Scholar's records."""
    titles, issued, authors = item.get("title"), item.get("issued"), item.get("author")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    day = parts[0] if isinstance(parts, list) and parts and isinstance(parts[0], list) else []
    day = [part for part in day if type(part) is int]
    people = [one for one in authors if isinstance(one, dict)] if isinstance(authors, list) else []
    return {
        "paperId": item["DOI"],
        "title": titles[0] if isinstance(titles, list) and titles else titles if isinstance(titles, str) else None,
        "year": day[0] if day else None,
        "publicationDate": "-".join(f"{part:02}" for part in day) or None,
        "externalIds": {"DOI": item["DOI"]},
        "citationCount": item.get("is-referenced-by-count"),
        "authors": [{"name": one.get("family") or one.get("name")} for one in people],
        "url": f"https://doi.org/{item['DOI']}",
    }
