"""Tables of papers in Markdown or HTML text: read as typed rows, changed in single places without touching the rest."""

from __future__ import annotations

import gc
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from papers.badges import Citation, Style, read_citation
from papers.blocks import Span, find_blocks
from papers.dates import read_date
from papers.html_tables import Cell, RawRow, RawTable, find_html_tables
from papers.identifiers import from_url
from papers.markup import find_markup, plain_text
from papers.pipe_tables import find_pipe_tables

_HEADERS = {
    "title": ("paper name", "paper title", "title", "paper", "papers", "article", "publication", "name"),
    "date": ("date", "time", "year", "published", "publication date", "month", "when"),
    "category": ("category", "categories", "type", "topic", "area", "field", "task", "tag", "tags"),
    "description": ("description", "short description", "summary", "tldr", "tl dr", "abstract", "notes", "note"),
    "citation": ("citation", "citations", "cite", "cites", "cited by", "citation count", "citations count", "cited"),
    "link": ("link", "url", "pdf", "paper link", "arxiv", "doi"),
    "source": ("source", "venue", "conference", "journal", "publisher"),
}
_JSON = (
    "line",
    "date",
    "year",
    "month",
    "category",
    "title",
    "url",
    "description",
    "link_id",
    "badge_id",
    "paper_id",
    "style",
    "count",
)
_GENERIC_LINK = frozenset(["paper", "pdf", "link", "arxiv", "abs", "html", "doi", "url", "code", "here"])
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One paper of a table; None for everything that the row does not say."""

    line: int
    start: int
    end: int
    cells: tuple[Cell, ...]
    columns: dict[str, int] = field(repr=False)
    date: str | None
    year: int | None
    month: int | None
    category: str | None
    title: str | None
    url: str | None
    url_span: Span | None
    title_span: Span | None
    description: str | None
    description_source: str | None
    citation: Citation

    @property
    def link_id(self) -> str | None:
        """The id that the link in the citation cell names."""
        return self.citation.link_id

    @property
    def badge_id(self) -> str | None:
        """The id whose count the badge shows."""
        return self.citation.badge_id

    @property
    def style(self) -> Style | None:
        """How the count is shown: ``live``, ``static``, ``text``, or None."""
        return self.citation.style

    @property
    def count(self) -> int | None:
        """The count that the table shows, None if it shows none."""
        return self.citation.count

    @property
    def url_id(self) -> str | None:
        """The id that the paper's own link names."""
        return from_url(self.url) if self.url else None

    @property
    def paper_id(self) -> str | None:
        """The badge's id, else the citation link's, else the one in the paper's own link."""
        return self.badge_id or self.link_id or self.url_id

    def cell(self, kind: str) -> Cell | None:
        """Return the cell of a kind of column (``date``, ``title``, ``citation`` …), None if the row has none."""
        index = self.columns.get(kind)
        return self.cells[index] if index is not None and index < len(self.cells) else None

    def as_json(self) -> dict[str, str | int | None]:
        """Return the row as ``papers list --json`` prints it."""
        return {name: getattr(self, name) for name in _JSON}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of papers."""

    markdown: bool
    """A pipe table, not an HTML one."""
    line: int
    start: int
    end: int
    columns: dict[str, int]
    header: tuple[Cell, ...]
    rows: tuple[Row, ...]
    closed: bool
    cut: bool
    """Broken off inside a tag or a nested table."""
    blank_lines: tuple[int, ...]
    """For each blank line inside (it ends the table for a Markdown reader), a position on it."""
    delimiter: Span | None
    """Where a pipe table's delimiter row is not as wide as its header, or is missing: its place."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put ``new`` in place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    new: str


def read_tables(text: str) -> list[Table]:
    """Return every table of papers in a Markdown text, HTML or Markdown, in order.

    A table is one of papers if a header names a column of titles and there is one of citations or a link that names a
    paper, or if it holds a citation badge. Comments and code fences hold no tables. No text raises.

    Args:
        text: the file as it stands, with its own line ends.
    """
    with _collector_paused():
        return _read_tables(_SURROGATES.sub("\ufffd", text))


def _read_tables(text: str) -> list[Table]:
    blocks = find_blocks(text)
    raw = [(table, False) for table in find_html_tables(text, blocks)]
    raw += [(table, True) for table in find_pipe_tables(text, blocks)]
    raw.sort(key=lambda pair: pair[0].start)
    tables = (_paper_table(text, table, markdown, blocks.line_starts) for table, markdown in raw)
    return [table for table in tables if table]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the search for reference cycles: a long table is many small objects and no cycle, a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_rows(text: str) -> list[Row]:
    """Return the rows of all tables of papers in a text, in order."""
    return [row for table in read_tables(text) for row in table.rows]


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with each edit made and every other character as it was.

    Raises:
        ValueError: if two edits overlap.
    """
    pieces, done = [], 0
    for edit in sorted(edits):
        if edit.start < done:
            raise ValueError(f"two edits overlap at character {edit.start}; make one of them")
        pieces += [text[done : edit.start], edit.new]
        done = edit.end
    return "".join(pieces) + text[done:]


def line_of(text: str, position: int) -> int:
    """Return the number of the line, from 1, that holds a character."""
    return len(re.findall(r"\r\n?|\n", text[:position])) + 1


def _paper_table(text: str, raw: RawTable, markdown: bool, line_starts: Sequence[int]) -> Table | None:
    header, body = _split_header(text, raw.rows, markdown)
    columns = _columns([plain_text(text[c.start : c.end], markdown=markdown) for c in header.cells] if header else [])
    if raw.delimiter and "title" not in columns:
        return None  # some text with bars in it
    if not columns:
        columns = _guess_columns(text, body, markdown)
    reader = _RowReader(text, columns, markdown, line_starts)
    width = max((len(row.cells) for row in raw.rows), default=0)
    rows = tuple(reader.read(row) for row in body if not _is_separator(row, width))
    named = "citation" in columns or any(row.url_id for row in rows)
    if not ("title" in columns and named) and not any(row.badge_id for row in rows):
        return None
    return Table(
        markdown=markdown,
        line=bisect_right(line_starts, raw.start),
        start=raw.start,
        end=raw.end,
        columns=columns,
        header=tuple(header.cells) if header else (),
        rows=rows,
        closed=raw.closed,
        cut=raw.cut,
        blank_lines=tuple(raw.blank_lines),
        delimiter=raw.delimiter,
    )


def _split_header(text: str, rows: list[RawRow], markdown: bool) -> tuple[RawRow | None, list[RawRow]]:
    if not rows:
        return None, []
    first, *rest = rows
    if first.cells and all(cell.header for cell in first.cells):
        return first, rest
    names = [plain_text(text[c.start : c.end], markdown=markdown) for c in first.cells]
    return (first, rest) if len(_columns(names)) >= 2 else (None, rows)


def _columns(names: list[str]) -> dict[str, int]:
    """Map kinds of column to positions; where several names fit a kind, the more telling one wins."""
    plain = [" ".join(re.findall(r"[a-z]+", name.lower())) for name in names]
    found: dict[str, int] = {}
    for kind, known in _HEADERS.items():
        match = next((plain.index(name) for name in known if name in plain), None)
        if match is not None and match not in found.values():
            found[kind] = match
    return found


def _guess_columns(text: str, rows: list[RawRow], markdown: bool) -> dict[str, int]:
    """Without a header: the first linked cell with words is the title, a cell with a citation badge the citation."""
    found: dict[str, int] = {}
    for row in rows[:20]:
        for index, cell in enumerate(row.cells):
            citation = read_citation(text, cell.start, cell.end, markdown=markdown, known=False)
            if citation.badge_id:
                found.setdefault("citation", index)
            elif find_markup(text, cell.start, cell.end, markdown=markdown).links:
                found.setdefault("title", index)
            elif read_date(text[cell.start : cell.end])[0] and cell.end - cell.start < 20:
                found.setdefault("date", index)
    return found if "citation" in found else {}


def _is_separator(row: RawRow, width: int) -> bool:
    """Whether a row is a heading across the table or a repeated header, not a paper."""
    if not row.cells or all(cell.header for cell in row.cells):
        return True
    return len(row.cells) == 1 and width > 1 and row.cells[0].spanning


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, text: str, columns: dict[str, int], markdown: bool, line_starts: Sequence[int]) -> None:
        self.text, self.columns, self.markdown, self.line_starts = text, columns, markdown, line_starts

    def read(self, raw: RawRow) -> Row:
        text = self.text
        title, title_span, url, url_span = self._title(raw)
        date = self._plain(raw, "date") or None
        year, month = read_date(date) if date else (None, None)
        if date is None and (venue := self._plain(raw, "source")):
            year, month = read_date(venue)  # "arxiv 202311", "TOIS 2023"
            date = venue if year else None
        description = self._cell(raw, "description")
        source = text[description.start : description.end] if description else None
        return Row(
            line=bisect_right(self.line_starts, raw.start),
            start=raw.start,
            end=raw.end,
            cells=tuple(raw.cells),
            columns=self.columns,
            date=date,
            year=year,
            month=month,
            category=self._plain(raw, "category") or None,
            title=title,
            url=url,
            url_span=url_span,
            title_span=title_span,
            description=(plain_text(source, markdown=self.markdown) or None) if source else None,
            description_source=source,
            citation=self._citation(raw),
        )

    def _cell(self, raw: RawRow, kind: str) -> Cell | None:
        index = self.columns.get(kind)
        return raw.cells[index] if index is not None and index < len(raw.cells) else None

    def _plain(self, raw: RawRow, kind: str) -> str:
        cell = self._cell(raw, kind)
        return plain_text(self.text[cell.start : cell.end], markdown=self.markdown) if cell else ""

    def _title(self, raw: RawRow) -> tuple[str | None, Span | None, str | None, Span | None]:
        """Return the title, where its source stands, the paper's address, and where that stands."""
        cell = self._cell(raw, "title")
        if not cell:
            return None, None, None, None
        markup = find_markup(self.text, cell.start, cell.end, markdown=self.markdown)
        link = next((k for k in markup.links if k.url and not k.url.startswith("#")), None)
        title_span = self._trimmed(*link.inside) if link else self._trimmed(cell.start, cell.end)
        title = plain_text(self.text[slice(*title_span)], markdown=self.markdown)
        if link and (not title or title.lower() in _GENERIC_LINK or title.startswith(("http://", "https://"))):
            before = self._trimmed(cell.start, link.span[0])
            outside = plain_text(self.text[slice(*before)], markdown=self.markdown).strip(" [(:.,-–—")
            title, title_span = outside or title, before if outside else title_span
        if not link and (other := self._cell(raw, "link")):
            links = find_markup(self.text, other.start, other.end, markdown=self.markdown).links
            link = links[0] if links else None
        return title or None, title_span if title else None, link.url if link else None, link.url_span if link else None

    def _trimmed(self, start: int, end: int) -> Span:
        content = self.text[start:end]
        begin = start + len(content) - len(content.lstrip())
        return begin, begin + len(content.strip())

    def _citation(self, raw: RawRow) -> Citation:
        cell = self._cell(raw, "citation")
        if cell:
            found = read_citation(self.text, cell.start, cell.end, markdown=self.markdown, known=True)
            if found.style:
                return found
        for other in raw.cells:
            if other is not cell and "citationCount" in self.text[other.start : other.end]:
                elsewhere = read_citation(self.text, other.start, other.end, markdown=self.markdown, known=False)
                if elsewhere.style:
                    return elsewhere
        return found if cell else Citation(None)
