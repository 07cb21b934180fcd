"""Loopback servers that answer as OpenAlex and Crossref document it: another order, gaps without a word, own errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from semantic_scholar_server import Library, Request


@dataclass
class OpenAlexLibrary(Library):
    works: list[dict[str, Any]] = field(default_factory=list)

    def work(self, number: int, count: int, title: str, year: int = 2020, doi: str | None = None, **ids: str) -> dict:
        made = {
            "id": f"https://openalex.org/W{number}",
            "doi": f"https://doi.org/{doi}" if doi else None,
            "title": title,
            "publication_year": year,
            "publication_date": f"{year}-02-03",
            "cited_by_count": count,
            "ids": {"openalex": f"https://openalex.org/W{number}", **ids},
            "authorships": [{"author_position": "first", "author": {"display_name": "Ada Lovelace"}}],
        }
        self.works.insert(0, made)  # the last one made comes first: never in the order asked
        return made

    def answer(self, request: Request) -> tuple[int, Any]:
        path, query = unquote(request.path), {name: values[0] for name, values in request.query.items()}
        if path.endswith("/works"):
            name, _, value = query["filter"].partition(":")
            assert int(query["per_page"]) <= 100
            if "," in value:
                return 400, {"error": "Invalid query parameters error.", "message": f"{value} is not a valid field"}
            if name == "doi":
                wanted = value.lower().split("|")
                if len(wanted) > 50:
                    return 400, {"error": "Invalid query parameters error.", "message": "Maximum number of values"}
                found = [w for w in self.works if w["doi"] and w["doi"].lower().partition(".org/")[2] in wanted]
            else:
                assert name == "title.search"
                words = value.lower().split()
                found = [w for w in self.works if set(words) <= set(re.findall(r"\w+", w["title"].lower()))]
            results = self.scramble(found) if self.scramble else found
            return 200, {"meta": {"count": len(found), "per_page": int(query["per_page"])}, "results": results}
        kind, _, value = path.partition("/works/")[2].partition(":")
        for work in self.works:
            if re.findall(r"\d+", str(work["ids"].get(kind, "")))[-1:] == [value]:
                return 200, work
        return 404, {"error": "Not found", "message": f"Work {kind}:{value} not found"}


@dataclass
class CrossrefLibrary(Library):
    items: dict[str, dict[str, Any]] = field(default_factory=dict)

    def item(self, doi: str, count: int, title: str, year: int = 2020) -> dict[str, Any]:
        made = {"DOI": doi, "title": [title], "is-referenced-by-count": count, "issued": {"date-parts": [[year, 2]]}}
        self.items[doi.lower()] = made | {"author": [{"given": "Ada", "family": "Lovelace", "sequence": "first"}]}
        return made

    def answer(self, request: Request) -> tuple[int, Any]:
        query = {name: values[0] for name, values in request.query.items()}
        if request.path.endswith("/works"):
            if "query.bibliographic" in query:
                words = set(query["query.bibliographic"].lower().split())
                found = [i for i in self.items.values() if words & set(i["title"][0].lower().split())]
                found.sort(key=lambda item: -len(words & set(item["title"][0].lower().split())))
            else:
                filters = [part.partition(":")[::2] for part in query["filter"].split(",")]
                if any(name != "doi" for name, _ in filters):
                    said = {"type": "filter-not-available", "value": query["filter"], "message": "Filter not available"}
                    return 400, {"status": "failed", "message-type": "validation-failure", "message": [said]}
                found = [i for doi, i in reversed(self.items.items()) if ("doi", doi) in filters]
            shown = found[: int(query["rows"])]
            shown = self.scramble(shown) if self.scramble else shown
            message = {"total-results": len(found), "items": shown, "items-per-page": int(query["rows"])}
            return 200, {"status": "ok", "message-type": "work-list", "message-version": "1.0.0", "message": message}
        item = self.items.get(unquote(request.path.partition("/works/")[2]).lower())
        if item is None:
            return 404, b"Resource not found."
        return 200, {"status": "ok", "message-type": "work", "message-version": "1.0.0", "message": item}
