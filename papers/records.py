"""What services say of a paper, in one form: the fields of Semantic Scholar's records, whoever gave them.

A record is a dictionary with ``paperId`` (the service's own id), ``title``, ``year``, ``publicationDate``,
``externalIds`` (by kind: ``ArXiv``, ``DOI``, ``ACL``, ``CorpusId``, ``PubMed``, ``PubMedCentral``, ``MAG``),
``citationCount`` and, where it was asked for, ``authors`` (each with a ``name``). Any of them may be missing or null.
"""

from __future__ import annotations

from typing import Any

from papers.identifiers import normalise

Record = dict[str, Any]
_EXTERNAL = {
    "ArXiv": "ARXIV",
    "DOI": "DOI",
    "ACL": "ACL",
    "CorpusId": "CorpusId",
    "PubMed": "PMID",
    "PubMedCentral": "PMCID",
    "MAG": "MAG",
}
_MOST_CITATIONS = 10**8
"""The most cited paper has less than a hundredth of this."""
_KINDS = {kind: name for name, kind in _EXTERNAL.items()}


def record_ids(record: Record) -> set[str]:
    """Return all ids of a record in API form."""
    external = record.get("externalIds")
    external = external if isinstance(external, dict) else {}
    written = [f"{_EXTERNAL[kind]}:{value}" for kind, value in external.items() if kind in _EXTERNAL]
    written += [str(record.get("paperId"))]
    if type(record.get("corpusId")) is int:
        written.append(f"CorpusId:{record['corpusId']}")
    return {paper for paper in map(normalise, written) if paper}


def carries(record: Record, paper: str) -> bool:
    """Whether a record says itself that it is the paper with this id (in API form)."""
    if record.get("paperId") == paper:
        return True
    theirs = _of_kind(record, paper.partition(":")[0])
    return theirs is not None and normalise(theirs) == paper


def differs(record: Record, paper: str | None) -> bool:
    """Whether a record carries an id of the same kind (arXiv or DOI) as this one, and it is another."""
    kind = (paper or "").partition(":")[0]
    theirs = _of_kind(record, kind) if kind in ("ARXIV", "DOI") else None
    return theirs is not None and normalise(theirs) not in (None, paper)


def _of_kind(record: Record, kind: str) -> str | None:
    external = record.get("externalIds")
    value = external.get(_KINDS.get(kind, "")) if isinstance(external, dict) else None
    if value is None and kind == "CorpusId":
        value = record.get("corpusId")
    return f"{kind}:{value}" if value is not None else None


def title_of(record: Record) -> str:
    """Return a record's title, empty if it has none."""
    title = record.get("title")
    return title if isinstance(title, str) else ""


def year_of(record: Record) -> int | None:
    """Return the year of a record, None if it says none."""
    year = record.get("year")
    return year if type(year) is int else None


def count_of(record: Record) -> int | None:
    """Return a record's citation count, None for whatever is no count."""
    count = record.get("citationCount")
    return count if type(count) is int and 0 <= count <= _MOST_CITATIONS else None


def surnames(record: Record) -> list[str]:
    """Return the last names of a record's authors, as far as it names them."""
    authors = record.get("authors")
    names = [author.get("name") for author in authors if isinstance(author, dict)] if isinstance(authors, list) else []
    return [name.split()[-1] for name in names if isinstance(name, str) and name.split()]
