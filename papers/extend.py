"""Add a paper to a list in the list's own style, and find papers that it lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papers.blocks import line_start
from papers.bullet_layout import NewEntry, like_another
from papers.counts import Target, badge_source, link_source
from papers.dates import read_date, write_date
from papers.escape import for_html, for_markdown, safe_url
from papers.files import check_folder, read_text, replace_text
from papers.headers import Columns
from papers.html_tables import Cell
from papers.identifiers import arxiv_month
from papers.markup import plain_text
from papers.places import NewCount, added_counts, own_style
from papers.records import count_of, record_ids, year_of
from papers.semantic_scholar import SemanticScholar
from papers.service import FIELDS
from papers.table import Edit, Row, Table, read_rows, read_tables, splice
from papers.titles import FULL, same_title, simplify
from papers.transport import ServiceError

_ET_AL = re.compile(r"et al\b\.?|and others\b|等", re.I)
_MOST = 100
"""How many papers of a list are shown to the service for recommendations; more say no more."""


@dataclass(frozen=True, slots=True)
class Added:
    """A row that was added."""

    title: str
    source: str
    after: str
    note: str | None = None
    """What was asked for and has no place in the list."""


def add(
    path: str | Path,
    paper_id: str,
    category: str | None = None,
    client: SemanticScholar | None = None,
    *,
    table: int | None = None,
    columns: Columns | None = None,
    write: bool = True,
) -> Added:
    """Append a paper to a list, laid out as its last row is: date, title, link, authors, venue, summary and badge.

    Args:
        path: a Markdown file.
        paper_id: an id in any form, or a link to the paper.
        category: what goes into the category column, or the heading under which the paper goes.
        client: whom to ask; by default the public service.
        table: which table of papers, from 1; by default the first one that has the category or stands under such a
            heading, else the first (of bullets without a category, the last).
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.
        write: whether to write the file.

    Raises:
        ServiceError: if the service knows no such paper or gives no answer.
        ValueError: if the paper is in the list already, or there is no table that a row can be added to.
    """
    text = read_text(path)
    if write:
        check_folder(path)
    tables = read_tables(text, columns)
    target = _choose(tables, category, table)
    answer = (client or SemanticScholar()).paper(paper_id, FIELDS + ",tldr,url,authors,venue")
    record = answer.record
    if record is None:
        raise ServiceError(answer.failure or f"the service knows no paper {paper_id!r}; check the id")
    if row := _already_there(read_rows(text, columns), record):
        raise ValueError(f"the paper is in the list already, on line {row.line}")
    as_of = answer.as_of or ""
    if target.bullets:
        source, edit = _new_bullet(text, tables, target, record, as_of)
    else:
        source, edit = _new_row(text, target, _contents(text, target, record, category or "", as_of))
    after = splice(text, [edit])
    if target.bullets and _already_there(read_rows(after, columns), record) is None:
        raise ValueError("a bullet like those of the list would not be read again; add this paper by hand")
    if write:
        replace_text(path, text, after)
    placed = not category or "category" in target.columns or _same_words(target.heading, category)
    note = None if placed else f"the list has neither a column nor a heading for the category {category!r}"
    return Added(str(record.get("title") or ""), source, after, note)


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


def _choose(tables: list[Table], category: str | None, number: int | None) -> Table:
    if not tables:
        raise ValueError("there is no table of papers in the file; write its header and a first row by hand")
    if number is not None:
        if not 1 <= number <= len(tables):
            raise ValueError(f"table must be from 1 to {len(tables)}, got {number}")
        return tables[number - 1]
    if category:
        with_it = (table for table in tables if any(row.category == category for row in table.rows))
        under_it = (table for table in tables if _same_words(table.heading, category))
        if found := next(with_it, None) or next(under_it, None):
            return found
    return tables[-1] if all(table.bullets for table in tables) else next(t for t in tables if not t.bullets)


def _same_words(heading: str | None, category: str) -> bool:
    return heading is not None and simplify(heading) == simplify(category)


def _already_there(rows: Iterable[Row], record: dict[str, Any]) -> Row | None:
    ids, title = record_ids(record), str(record.get("title") or "")
    full = len(simplify(title).split()) >= FULL
    for row in rows:
        if ids & {row.paper_id, row.link_id, row.url_id} or (full and row.title and same_title(row.title, title)):
            return row
    return None


def _contents(text: str, table: Table, record: dict[str, Any], category: str, as_of: str) -> dict[str | int, str]:
    """Return the source of each cell of a new row, by kind of column, or by number for a badge in another column."""
    markdown = table.markdown
    escape = for_markdown if markdown else for_html
    year, month, day = _day(record)
    style: Target = next((row.style for row in reversed(table.rows) if row.style), "live")
    summary = record.get("tldr")
    badge = badge_source(str(record["paperId"]), style, count_of(record), as_of, markdown=markdown)
    contents: dict[str | int, str] = {
        "date": write_date(year, month, _usual_date(table), day) if year else "",
        "category": escape(category),
        "title": link_source(str(record.get("title") or ""), paper_link(record), markdown=markdown),
        "description": escape(str(summary.get("text") or "")) if isinstance(summary, dict) else "",
        "author": escape(_authors_like(text, table, _authors(record))),
        "source": escape(_venue_like(text, table, record)),
        "citation": badge,
    }
    if "citation" not in table.columns and (index := _badge_column(table)) is not None:
        kind = next((kind for kind, place in table.columns.items() if place == index), "")
        contents[index] = " ".join(part for part in (contents.get(kind, ""), badge) if part)
    return contents


def _authors(record: dict[str, Any]) -> list[str]:
    named = (author.get("name") for author in record.get("authors") or () if isinstance(author, dict))
    return [name for name in named if isinstance(name, str) and name.strip()]


def _written(text: str, table: Table, kind: str) -> str:
    """Return what the last row that says anything in a kind of column says there."""
    cells = (row.cell(kind) for row in reversed(table.rows))
    shown = (plain_text(text[cell.start : cell.end], markdown=table.markdown) for cell in cells if cell)
    return next(filter(None, shown), "")


def _authors_like(text: str, table: Table, authors: list[str]) -> str:
    """Return authors as the table's other rows name theirs: all of them, or the first "et al.", by surname."""
    others = _ET_AL.search(written := _written(text, table, "author"))
    if not others or len(authors) < 2:
        return ", ".join(authors)
    first = authors[0] if len(written[: others.start()].split()) > 1 else authors[0].split()[-1]
    return f"{first} {others[0]}"


def _venue_like(text: str, table: Table, record: dict[str, Any]) -> str:
    """Return a record's venue, with its year if the table's other rows say theirs; nothing if it names none."""
    venue, year = record.get("venue"), year_of(record)
    if not isinstance(venue, str) or not venue:
        return ""
    written = re.search(r"(?:19|20)\d\d|['’]\d\d", _written(text, table, "source"))
    if not written or not year:
        return venue
    return f"{venue} {year}" if len(written[0]) == 4 else f"{venue} {written[0][0]}{year % 100:02}"


def _day(record: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Return the year, month and day of a record; the month of its arXiv number before that of a conference."""
    published = str(record.get("publicationDate") or "")
    arxiv = next((month for month in map(arxiv_month, sorted(record_ids(record))) if month), None)
    year, month = arxiv or read_date(published or str(record.get("year") or ""))
    days = re.fullmatch(r"\d{4}-\d\d-(\d\d)", published)
    return year, month, int(days[1]) if days and read_date(published) == (year, month) else None


def _usual_date(table: Table) -> str:
    """Return a date in the form that most of a table's have."""
    dates = [row.date for row in table.rows if row.date and row.year and row.cell("date")]
    forms = Counter(_form(date) for date in dates)
    return next((date for date in reversed(dates) if _form(date) == forms.most_common(1)[0][0]), "2018.9")


def _form(date: str) -> str:
    """Return a date's form: ``2018.9`` and ``2018.10`` have one, ``2018-09`` another."""
    return re.sub(r"\d+", lambda digits: "9" * (4 if len(digits[0]) == 4 else 1), re.sub(r"[^\W\d_]+", "a", date))


def _badge_column(table: Table) -> int | None:
    """Return the number of the column in which badges stand, where none is one of citations."""
    places = Counter(
        index
        for row in table.rows
        if row.citation.image
        for index, cell in enumerate(row.cells)
        if cell.start <= row.citation.image.span[0] < cell.end
    )
    return places.most_common(1)[0][0] if places else None


def _new_bullet(text: str, tables: list[Table], table: Table, record: dict[str, Any], as_of: str) -> tuple[str, Edit]:
    """Lay a bullet out as the last one is, with a count where the list has counts; returns its source and its place."""
    year, month, day = _day(record)
    venue = record.get("venue") if isinstance(record.get("venue"), str) else None
    count, title = count_of(record), str(record.get("title") or "")
    credited = (_authors(record), venue or None, year_of(record))
    entry = NewEntry(title, paper_link(record), *credited, year, month, day, count)
    source, place = like_another(text, table, entry)
    alone = source.strip(" \t\r\n>")
    lone = next(iter(read_tables(alone)), None)
    counted = any(row.style for other in tables for row in other.rows)
    if lone and counted and count is not None and not lone.rows[0].style:
        shown = own_style(text, [table] if any(row.style for row in table.rows) else tables)
        new = NewCount(count, as_of, str(record["paperId"]))
        whole = splice(alone, added_counts(alone, lone, {lone.rows[0].start: new}, shown))
        source = source[: source.index(alone)] + whole
    return source.strip("\r\n"), Edit(place, place, source)


def _new_row(text: str, table: Table, contents: dict[str | int, str]) -> tuple[str, Edit]:
    """Lay a row out as the last whole row of the table is; returns its source and where it goes."""
    if table.cut:
        raise ValueError("the table is cut off inside a row; complete that row first")
    kinds = {index: kind for kind, index in table.columns.items()}
    width = len(table.header) or max((len(row.cells) for row in table.rows), default=0)
    whole = (row for row in reversed(table.rows) if not any(cell.shared for cell in row.cells))
    model = next((row for row in whole if len(row.cells) == width), None)
    if model:
        source = _like(
            text, model, [contents.get(index, contents.get(kinds.get(index, ""), "")) for index in range(width)]
        )
        begin = line_start(text, model.start)
        indent = text[begin : model.start]
        indent = indent if table.markdown or not indent.strip() else ""
        position = table.rows[-1].end
    elif table.markdown:
        source = (
            "| "
            + " | ".join(contents.get(index, contents.get(kinds.get(index, ""), "")) for index in range(width))
            + " |"
        )
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
