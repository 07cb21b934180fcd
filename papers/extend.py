"""Add a paper to a list in the list's own style, and find papers that it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papers.counts import Target, badge_source, link_source
from papers.dates import read_date, write_date
from papers.escape import for_html, for_markdown, safe_url
from papers.files import read_text, replace_text
from papers.headers import Columns
from papers.html_tables import Cell
from papers.identifiers import arxiv_month
from papers.records import record_ids
from papers.semantic_scholar import FIELDS, SemanticScholar, ServiceError
from papers.table import Edit, Row, Table, read_rows, read_tables, splice
from papers.titles import FULL, same_title, simplify

_MOST = 100
"""How many papers of a list are shown to the service for recommendations; more say no more."""


@dataclass(frozen=True, slots=True)
class Added:
    """A row that was added."""

    title: str
    source: str
    after: str


def add(
    path: str | Path,
    paper_id: str,
    category: str,
    client: SemanticScholar | None = None,
    *,
    table: int | None = None,
    columns: Columns | None = None,
    write: bool = True,
) -> Added:
    """Append a paper to a list: date, title, link, summary and badge, laid out as the table's last row is.

    Args:
        path: a Markdown file.
        paper_id: an id in any form, or a link to the paper.
        category: what goes into the category column.
        client: whom to ask; by default the public service.
        table: which table of papers, from 1; by default the first one that has the category, else the first.
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.
        write: whether to write the file.

    Raises:
        ServiceError: if the service knows no such paper or gives no answer.
        ValueError: if the paper is in the list already, or there is no table that a row can be added to.
    """
    text = read_text(path)
    target = _choose(read_tables(text, columns), category, table)
    answer = (client or SemanticScholar()).paper(paper_id, FIELDS + ",tldr,url")
    record = answer.record
    if record is None:
        raise ServiceError(answer.failure or f"the service knows no paper {paper_id!r}; check the id")
    if row := _already_there(read_rows(text, columns), record):
        raise ValueError(f"the paper is in the list already, on line {row.line}")
    source, edit = _new_row(text, target, _contents(target, record, category, answer.as_of or ""))
    after = splice(text, [edit])
    if write:
        replace_text(path, text, after)
    return Added(str(record.get("title") or ""), source, after)


def suggest(
    path: str | Path, client: SemanticScholar | None = None, limit: int = 10, *, columns: Columns | None = None
) -> list[dict[str, Any]]:
    """Return records of papers that the service recommends to a reader of this list and that are not in it.

    Raises:
        ServiceError: if the service gives no answer.
        ValueError: if no paper of the list is known to the service.
    """
    client = client or SemanticScholar()
    rows = read_rows(read_text(path), columns)
    answers = client.papers([row.paper_id for row in rows if row.paper_id][-_MOST:], "title")
    known = [str(answer.record["paperId"]) for answer in answers.values() if answer.record]
    if not known:
        failure = next((answer.failure for answer in answers.values() if answer.failure), None)
        if failure:
            raise ServiceError(failure)
        raise ValueError(f"no paper in {path} has an id that the service knows; add badges or links first")
    found = client.recommended(known, limit + len(rows), FIELDS + ",url")
    return [record for record in found if not _already_there(rows, record)][:limit]


def paper_link(record: dict[str, Any]) -> str | None:
    """Return where a record's paper can be read: arXiv, else the DOI, else the service's page; never another scheme."""
    ids = record_ids(record)
    for prefix, address in (("ARXIV:", "https://arxiv.org/abs/"), ("DOI:", "https://doi.org/")):
        if paper := next((i.removeprefix(prefix) for i in sorted(ids) if i.startswith(prefix)), None):
            return safe_url(address + paper)
    return safe_url(str(record.get("url") or ""))


def _choose(tables: list[Table], category: str, number: int | None) -> Table:
    if not tables:
        raise ValueError("there is no table of papers in the file; write its header and a first row by hand")
    if number is not None:
        if not 1 <= number <= len(tables):
            raise ValueError(f"table must be from 1 to {len(tables)}, got {number}")
        return tables[number - 1]
    return next((table for table in tables if any(row.category == category for row in table.rows)), tables[0])


def _already_there(rows: Iterable[Row], record: dict[str, Any]) -> Row | None:
    ids, title = record_ids(record), str(record.get("title") or "")
    full = len(simplify(title).split()) >= FULL
    for row in rows:
        if ids & {row.paper_id, row.link_id, row.url_id} or (full and row.title and same_title(row.title, title)):
            return row
    return None


def _contents(table: Table, record: dict[str, Any], category: str, as_of: str) -> dict[str, str]:
    """Return the source of each cell of a new row, by kind of column."""
    markdown = table.markdown
    escape = for_markdown if markdown else for_html
    arxiv = next((month for month in map(arxiv_month, sorted(record_ids(record))) if month), None)
    year, month = arxiv or read_date(str(record.get("publicationDate") or record.get("year") or ""))
    like = next((row.date for row in reversed(table.rows) if row.date and row.cell("date")), "2018.9")
    style: Target = next((row.style for row in reversed(table.rows) if row.style), "live")
    count = record.get("citationCount")
    count = count if type(count) is int and count >= 0 else None
    summary = record.get("tldr")
    return {
        "date": write_date(year, month, like) if year else "",
        "category": escape(category),
        "title": link_source(str(record.get("title") or ""), paper_link(record), markdown=markdown),
        "description": escape(str(summary.get("text") or "")) if isinstance(summary, dict) else "",
        "citation": badge_source(str(record["paperId"]), style, count, as_of, markdown=markdown),
    }


def _new_row(text: str, table: Table, contents: dict[str, str]) -> tuple[str, Edit]:
    """Lay a row out as the last whole row of the table is; returns its source and where it goes."""
    if table.cut:
        raise ValueError("the table is cut off inside a row; complete that row first")
    kinds = {index: kind for kind, index in table.columns.items()}
    width = len(table.header) or max((len(row.cells) for row in table.rows), default=0)
    whole = (row for row in reversed(table.rows) if not any(cell.shared for cell in row.cells))
    model = next((row for row in whole if len(row.cells) == width), None)
    if model:
        source = _like(text, model, [contents.get(kinds.get(index, ""), "") for index in range(width)])
        begin = max(text.rfind("\n", 0, model.start), text.rfind("\r", 0, model.start)) + 1
        indent = text[begin : model.start]
        indent = indent if table.markdown or not indent.strip() else ""
        position = table.rows[-1].end
    elif table.markdown:
        source = "| " + " | ".join(contents.get(kinds.get(index, ""), "") for index in range(width)) + " |"
        indent, position = "", table.end
    else:
        raise ValueError("the table has no whole row whose layout could be followed; write its first row by hand")
    line_end = "\r\n" if "\r\n" in text else "\n"
    return source, Edit(position, position, f"{line_end}{indent}{source}")


def _like(text: str, model: Row, contents: list[str]) -> str:
    """Return a row's source with other contents; the white space around them stays."""

    def padded(cell: Cell, content: str) -> str:
        old = text[cell.start : cell.end]
        if not content or not old.strip():
            return content or (old if not old.strip() else "")
        lead, trail = len(old) - len(old.lstrip()), len(old.rstrip())
        return old[:lead] + content + old[trail:]

    pairs = zip(model.cells, contents, strict=True)
    edits = [Edit(cell.start - model.start, cell.end - model.start, padded(cell, content)) for cell, content in pairs]
    return splice(text[model.start : model.end], edits)
