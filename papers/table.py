"""Tables of papers in Markdown or HTML text: read as typed rows, changed in single places without touching the rest."""

from __future__ import annotations

import gc
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from papers.badges import Citation, Style, read_citation
from papers.blocks import Blocks, Span, find_blocks
from papers.bullets import EntryList, find_entries
from papers.dates import read_date
from papers.headers import Columns, check_columns, find_columns, named_columns
from papers.headings import Sections
from papers.html_tables import Cell, RawRow, RawTable, find_html_tables
from papers.identifiers import arxiv_month, from_text, from_url, is_code
from papers.markup import Link, References, find_markup, find_references, plain_text, sole_label
from papers.pipe_tables import find_pipe_tables
from papers.title_cells import TitleCell, is_credit, is_generic, read_title

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
_HEARSAY = frozenset(["citation", "category", "description", "author", "code"])
"""Kinds of column in which other papers are named too."""
_REMARKS = frozenset(["category", "description", "author"])
"""Those of them in which a cell that holds nothing but links with such words as "pdf" speaks of the row's paper."""
_PAPER = re.compile(r"\b(?:paper|preprint|manuscript)s?\b|论文|文献|論文|文獻|논문|makalah|शोध", re.I)
_BADGE = re.compile(r"shields\.io/(?:badge/|static/v1)|citationCount", re.I)
_ID_IN_TEXT = re.compile(r"\d\.\d|id\W*\d|arxiv", re.I)
_IN_BOLD = re.compile(r"\s*(\*\*|__)(?:(?!\1).)+\1\s*")
_SAMPLE = 30
"""Rows from which the columns of a table without telling headers are guessed."""
_YEARS = 2
"""Numbers that are their papers' own years, by which a column is one of years: two are no accident."""
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
    """Where the address stands; for a link by reference, in its definition."""
    title_span: Span | None
    description: str | None
    description_source: str | None
    citation: Citation
    named: tuple[str, ...] = ()
    """The ids that the row names outside its citation cell, that of the paper's own link first."""

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
        """The id that the paper's own link names, else one that the row names beside it, in a link or as text."""
        return self.named[0] if self.named else None

    @property
    def paper_id(self) -> str | None:
        """The badge's id, else the citation link's, else the one in the paper's own link."""
        return self.badge_id or self.link_id or self.url_id

    def cell(self, kind: str) -> Cell | None:
        """Return the row's own cell of a kind of column (``date``, ``title``, ``citation`` …), None if it has none."""
        index = self.columns.get(kind)
        cell = self.cells[index] if index is not None and index < len(self.cells) else None
        return cell if cell and not cell.shared else None

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
    bullets: bool = False
    """No table: bullets or paragraphs under one heading, which have no cells."""
    heading: str | None = None
    """The heading above."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put ``new`` in place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    new: str


def read_tables(text: str, columns: Columns | None = None) -> list[Table]:
    """Return every table and every list of papers in a Markdown text, HTML or Markdown, in order.

    A table is one of papers if it has a column of titles and there is one of citations, a badge of citations, or an id
    of a paper in a row. Where no header says "title" in a language that :mod:`papers.headers` knows, most rows must
    name a paper. Comments and code fences hold no tables. No text raises.

    Args:
        text: the file as it stands, with its own line ends.
        columns: what somebody says of the columns, from 1: ``{"title": 2, "citation": 5}``.

    Raises:
        ValueError: if no table has a column that somebody has named by its number.
    """
    with _collector_paused():
        return _read_tables(_SURROGATES.sub("\ufffd", text), columns or {})


def find_tables(text: str, blocks: Blocks) -> list[tuple[RawTable, bool]]:
    """Return every table of a text, of papers or not, in order, and whether it is a pipe table."""
    raw = [(table, False) for table in find_html_tables(text, blocks)]
    raw += [(table, True) for table in find_pipe_tables(text, blocks)]
    return sorted(raw, key=lambda pair: pair[0].start)


def _read_tables(text: str, said: Columns) -> list[Table]:
    blocks = find_blocks(text)
    references = find_references(text, blocks)
    sources = (_Source(text, markdown, references, blocks.line_starts) for markdown in (False, True))
    of_kind = dict(zip((False, True), sources, strict=True))
    raw = find_tables(text, blocks)
    check_columns(said, [len(row.cells) for table, _ in raw for row in table.rows])
    tables = (_paper_table(of_kind[markdown], table, said) for table, markdown in raw)
    sections = Sections(text, blocks)
    found = [replace(table, heading=sections.above(table.start).name) for table in tables if table]
    taken: list[Span] = []
    for table in sorted(found, key=lambda table: table.start):
        if not taken or table.end > taken[-1][1]:  # no table in another's cell
            taken.append((table.start, table.end))
    entries = find_entries(text, blocks, references, sections)
    lists = (_listed(one, taken, blocks.line_starts) for one in entries)
    whole = sorted([*found, *(table for table in lists if table)], key=lambda table: table.start)
    return _without_shared_badges(text, whole) if references else whole


def _without_shared_badges(text: str, tables: list[Table]) -> list[Table]:
    """Take static badges whose address stands in a reference that is used twice for no row's own count."""
    changed: list[Table] = []
    for table in tables:
        rows = list(table.rows)
        for index, row in enumerate(rows):
            image, place = row.citation.image, row.citation.count_span
            if row.style != "static" or not image or not place or image.span[0] <= place[0] < image.span[1]:
                continue
            if sole_label(text, text[slice(*image.span)]) is None:
                doubt = "its badge stands in a reference that others use, too; give it an address of its own"
                rows[index] = replace(row, citation=Citation(None, doubt=doubt))
        changed.append(replace(table, rows=tuple(rows)) if rows != list(table.rows) else table)
    return changed


def _listed(found: EntryList, taken: list[Span], line_starts: Sequence[int]) -> Table | None:
    """Return entries as the rows of a table without cells, without those that stand in a cell of another."""
    entries = found.entries
    if taken:
        places = [bisect_right(taken, (entry.start, sys.maxsize)) - 1 for entry in entries]
        entries = [
            entry for entry, place in zip(entries, places, strict=True) if place < 0 or entry.start >= taken[place][1]
        ]
    if not entries:
        return None
    rows = tuple(
        Row(
            line=bisect_right(line_starts, entry.start),
            start=entry.start,
            end=entry.end,
            cells=(),
            columns={},
            date=entry.date,
            year=entry.year,
            month=entry.month,
            category=entry.category,
            title=entry.title,
            url=entry.url,
            url_span=entry.url_span,
            title_span=entry.title_span,
            description=None,
            description_source=None,
            citation=entry.citation,
            named=entry.named,
        )
        for entry in entries
    )
    return Table(
        markdown=found.markdown,
        line=rows[0].line,
        start=rows[0].start,
        end=max(row.end for row in rows),
        columns={},
        header=(),
        rows=rows,
        closed=True,
        cut=False,
        blank_lines=(),
        delimiter=None,
        bullets=True,
        heading=found.heading,
    )


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


def read_rows(text: str, columns: Columns | None = None) -> list[Row]:
    """Return the rows of all tables of papers in a text, in order; see :func:`read_tables`."""
    return [row for table in read_tables(text, columns) for row in table.rows]


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


@dataclass(frozen=True, slots=True)
class _Source:
    """A text, and how to read cells of it."""

    text: str
    markdown: bool
    references: References | None
    line_starts: Sequence[int]

    def shown(self, start: int, end: int) -> str:
        """Return what a reader sees of a stretch of text."""
        return plain_text(self.text[start:end], markdown=self.markdown, references=self.references)

    def links(self, cell: Cell) -> list[Link]:
        """Return the links in a cell."""
        if self.text.find("http", cell.start, cell.end) < 0 and self.text.find("[", cell.start, cell.end) < 0:
            return []
        markup = find_markup(self.text, cell.start, cell.end, markdown=self.markdown, references=self.references)
        return [link for link in markup.links if link.url and not link.url.startswith("#")]

    def citation(self, cell: Cell, *, known: bool) -> Citation:
        """Read a cell as one of citations."""
        return read_citation(
            self.text, cell.start, cell.end, markdown=self.markdown, known=known, references=self.references
        )


def header_names(source: _Source, header: RawRow | None) -> list[str]:
    """Return what a reader sees of each header; nothing for a place that another one reaches into."""
    cells = header.cells if header else []
    return ["" if cell.shared else source.shown(cell.start, cell.end) for cell in cells]


def _paper_table(source: _Source, raw: RawTable, said: Columns) -> Table | None:
    header, body = _split_header(source, raw.rows)
    names = header_names(source, header)
    width = max((len(row.cells) for row in raw.rows), default=0)
    body = [row for row in body if not _is_separator(row, width)]
    columns = find_columns(names)
    told = named_columns(said, names, width)
    columns = {kind: index for kind, index in columns.items() if kind not in said and index not in told.values()} | told
    if raw.delimiter and "title" not in columns:
        return None  # some text with bars in it
    sure = "title" in columns
    if not sure:
        guessed = _guess_columns(source, body, columns)
        if "title" not in guessed and "name" in columns:
            columns["title"] = columns.pop("name")
        columns |= {kind: index for kind, index in guessed.items() if kind not in said}
    reader = _RowReader(source, columns, names, spans=raw.spans)
    rows = [row for row in map(reader.read, body) if row]
    if not _holds_papers(source, rows, columns, names, sure=sure, said=said):
        return None
    return Table(
        markdown=source.markdown,
        line=bisect_right(source.line_starts, raw.start),
        start=raw.start,
        end=raw.end,
        columns=columns,
        header=tuple(header.cells) if header else (),
        rows=tuple(_without_years(list(_without_headings(source, rows, width)))),
        closed=raw.closed,
        cut=raw.cut,
        blank_lines=tuple(raw.blank_lines),
        delimiter=raw.delimiter,
    )


def _holds_papers(
    source: _Source, rows: list[Row], columns: dict[str, int], names: list[str], *, sure: bool, said: Columns
) -> bool:
    """Whether a table is one of papers. Others have titles and years too: films, expenses, the chapters of a book."""
    if any(row.badge_id for row in rows):
        return True
    if rows and not any(row.title or row.paper_id for row in rows):
        return False
    named = sum(bool(row.paper_id) for row in rows)
    counted = sum(row.style is not None for row in rows)
    if columns.keys() & said.keys():
        by_name = any(isinstance(said.get(kind), str) for kind in columns)
        return bool(named or counted) or by_name
    if not sure:
        shown = sum(row.style in ("live", "static") for row in rows)  # plain numbers may count anything
        return "title" in columns and 2 * max(named, shown) >= len(rows) > 0
    if named or counted:
        return True
    about = {"date", "author", "source", "category"} & columns.keys()
    if "citation" in columns:
        empty = (row.cell("citation") for row in rows)
        waiting = any(cell and not source.text[cell.start : cell.end].strip() for cell in empty)
        return bool(about) or waiting or not rows
    full = 2 * sum(len((row.title or "").split()) > 3 for row in rows) >= len(rows) > 0
    says_paper = bool(_PAPER.search(names[columns["title"]])) and bool(about - {"category"})
    return full and (says_paper or {"author", "source"} <= about)


def _without_headings(source: _Source, rows: list[Row], width: int) -> Iterator[Row]:
    """Leave out rows that only say what those below them are about, where the others have links."""
    text = source.text
    linked = 2 * sum(bool(row.url or row.named) for row in rows) >= len(rows)
    for row in rows:
        if linked and not (row.url or row.paper_id or row.style) and len((row.title or "").split()) < 5:
            filled = [text[cell.start : cell.end] for cell in row.cells if not cell.shared]
            filled = [content for content in filled if content.strip()]
            alone = len(filled) < 2 and (len(row.cells) != 2 or all(map(_IN_BOLD.fullmatch, filled)))
            if (alone and max(len(row.cells), width) > 1) or re.fullmatch(r"[(\[（].*[)\]）]", row.title or ""):
                continue
        yield row


def _without_years(rows: list[Row]) -> list[Row]:
    """Take the numbers of a column for no counts where most are the years of their own papers."""
    plain = [row.style == "text" and bool(row.count) and not row.citation.kept for row in rows]
    years = [(row.count or 0, _published(row)) for row, is_plain in zip(rows, plain, strict=True) if is_plain]
    own = sum(year is not None and abs(count - year) < 2 for count, year in years)
    if own < _YEARS or 2 * own <= len(years):
        return rows
    none = Citation(
        None, doubt="the numbers of its column are years, not counts; put counts into a column of their own"
    )
    return [replace(row, citation=none) if is_plain else row for row, is_plain in zip(rows, plain, strict=True)]


def _published(row: Row) -> int | None:
    """Return the year that a row says its paper is of, or that its arXiv number begins with."""
    return row.year or next((month[0] for month in map(arxiv_month, row.named) if month), None)


def _split_header(source: _Source, rows: list[RawRow]) -> tuple[RawRow | None, list[RawRow]]:
    if not rows:
        return None, []
    width = max(len(row.cells) for row in rows)
    for number, row in enumerate(rows[:3]):  # a heading may stretch over the whole table above its header
        if row.cells and all(cell.header or cell.shared for cell in row.cells) and not _stretches(row, width):
            return row, rows[number + 1 :]
        if not _stretches(row, width):
            break
    names = header_names(source, rows[0])
    return (rows[0], rows[1:]) if len(find_columns(names)) >= 2 else (None, rows)


def _guess_columns(source: _Source, rows: list[RawRow], known: dict[str, int]) -> dict[str, int]:
    """Tell columns from what they hold: linked titles, badges of citations, dates.

    A title that no header names must be a link to a known paper in half the rows, or stand beside a badge.
    """
    papers: dict[int, int] = {}
    linked: dict[int, int] = {}
    dated: dict[int, int] = {}
    cited: dict[int, int] = {}
    sample = rows[:_SAMPLE]
    for row in sample:
        for index, cell in enumerate(row.cells):
            if cell.shared or index in known.values() or cell.start == cell.end:
                continue
            if source.citation(cell, known=False).style:
                cited[index] = cited.get(index, 0) + 1
            elif titles := [k for k in source.links(cell) if not is_generic(source.shown(*k.inside))]:
                linked[index] = linked.get(index, 0) + 1
                papers[index] = papers.get(index, 0) + any(from_url(link.url) for link in titles)
            elif cell.end - cell.start < 20 and read_date(source.text[cell.start : cell.end])[0]:
                dated[index] = dated.get(index, 0) + 1
    found = {}
    if cited and "citation" not in known:
        found["citation"] = max(cited, key=lambda index: cited[index])
    if papers and 2 * max(papers.values()) >= len(sample):
        found["title"] = max(papers, key=lambda index: papers[index])
    elif linked and cited:
        found["title"] = max(linked, key=lambda index: linked[index])
    elif cited and (words := _wordy_column(source, sample, {*known.values(), *found.values()})) is not None:
        found["title"] = words
    dates = {index: count for index, count in dated.items() if 2 * count >= len(sample)}
    if dates and found and "date" not in known:
        found["date"] = max(dates, key=lambda index: dates[index])
    return found


def _wordy_column(source: _Source, rows: list[RawRow], taken: set[int]) -> int | None:
    """Return the first column whose cells have three words or more, most of them."""
    for index in range(max((len(row.cells) for row in rows), default=0)):
        cells = [row.cells[index] for row in rows if index < len(row.cells)]
        if index not in taken and 2 * sum(len(source.shown(c.start, c.end).split()) > 2 for c in cells) > len(rows):
            return index
    return None


def _stretches(row: RawRow, width: int) -> bool:
    own = [cell for cell in row.cells if not cell.shared]
    return len(own) == 1 and width > 1 and own[0].columns > 1


def _is_separator(row: RawRow, width: int) -> bool:
    """Whether a row is a heading across the table or a repeated header, not a paper."""
    return all(cell.header or cell.shared for cell in row.cells) or _stretches(row, width)


class _RowReader:
    """Reads the rows of one table."""

    def __init__(self, source: _Source, columns: dict[str, int], names: list[str], *, spans: bool) -> None:
        self.source, self.columns = source, columns
        self.names, self.spans = names, spans
        kinds = {index: kind for kind, index in columns.items()}
        self.title_header = names[columns["title"]] if columns.get("title", len(names)) < len(names) else None
        width = max([*columns.values(), len(names) - 1], default=-1) + 1
        self.hearsay = frozenset(index for index in range(width) if kinds.get(index) in (*_HEARSAY, "title", "link"))
        self.remarks = frozenset(index for index, kind in kinds.items() if kind in _REMARKS)
        self.bare = frozenset(
            index
            for index in range(width)
            if kinds.get(index) == "link" or (index < len(names) and "arxiv" in names[index].lower())
        )

    def read(self, raw: RawRow) -> Row | None:
        """Return the paper of a row, or None if it goes on about the one above it."""
        source, text = self.source, self.source.text
        cell = self._cell(raw, "title")
        found = _NO_TITLE
        if cell:
            found = read_title(text, cell.start, cell.end, markdown=source.markdown, references=source.references)
        citation = self._citation(raw)
        url, named = self._own(raw, found, cell)
        title, title_span = found.title, found.span
        if self.spans and self._goes_on(raw, found, named):
            return None
        if title is None and (name := self._cell(raw, "name")):
            named_cell = read_title(text, name.start, name.end, markdown=source.markdown, references=source.references)
            title, title_span = named_cell.title, named_cell.span
        if not named and title and title == self.title_header and not citation.style:
            return None  # the header once more
        date = self._plain(raw, "date") or None
        year, month = read_date(date) if date else (None, None)
        if date is None and (venue := self._plain(raw, "source")):
            year, month = read_date(venue)  # "arxiv 202311", "TOIS 2023"
            date = venue if year else None
        description = self._cell(raw, "description")
        described = text[description.start : description.end] if description else None
        return Row(
            line=bisect_right(source.line_starts, raw.start),
            start=raw.start,
            end=raw.end,
            cells=tuple(raw.cells),
            columns=self.columns,
            date=date,
            year=year,
            month=month,
            category=self._plain(raw, "category") or None,
            title=title,
            url=url.url if url else None,
            url_span=url.url_span if url else None,
            title_span=title_span if title else None,
            description=(source.shown(description.start, description.end) or None) if description else None,
            description_source=described,
            citation=citation,
            named=named,
        )

    def _cell(self, raw: RawRow, kind: str) -> Cell | None:
        """Return what a reader sees in a column: the cell, or the one that reaches into its place."""
        index = self.columns.get(kind)
        if index is None or index >= len(raw.cells):
            return None
        cell = raw.cells[index]
        if not cell.shared:
            return cell
        above = cell.shared.start < raw.start
        return None if above and kind in ("title", "citation", "link", "name") else cell.shared

    def _plain(self, raw: RawRow, kind: str) -> str:
        cell = self._cell(raw, kind)
        return self.source.shown(cell.start, cell.end) if cell else ""

    def _goes_on(self, raw: RawRow, found: TitleCell, named: tuple[str, ...]) -> bool:
        """Whether a row, under cells that reach into it, says more of the paper above: its authors, another link."""
        above = [index for index, cell in enumerate(raw.cells) if cell.shared and cell.shared.start < raw.start]
        if not above:
            return False
        if self.columns.get("title") in above or (self.columns.get("citation") in above and not named):
            return True
        return not found.links and found.title is not None and is_credit(found.title)

    def _own(self, raw: RawRow, found: TitleCell, cell: Cell | None) -> tuple[Link | None, tuple[str, ...]]:
        """Return the paper's own link, and the ids that the row names, from the first cell that names any."""
        own = found.link
        links = [own, *(link for link in found.links if link is not own)] if own else []
        ids = [paper for link in links if (paper := from_url(link.url))]
        if not ids and cell:
            ids = self._in_text(cell, bare=found.title is None)
        if ids and own:
            return own, tuple(dict.fromkeys(ids))
        if link := self._cell(raw, "link"):
            own, ids = self._in_cell(link, own, ids, bare=True)
        for index, other in enumerate(raw.cells):
            if ids:
                break
            if (index not in self.hearsay or self._only_links(index, other)) and other.start < other.end:
                before = own
                own, ids = self._in_cell(other, own, ids, bare=index in self.bare)
                own = own if ids else before
        return own, tuple(dict.fromkeys(ids))

    def _only_links(self, index: int, cell: Cell) -> bool:
        """Whether a remark holds no words but those of links that say "pdf", and so on."""
        links = index in self.remarks and self.source.text.find("http", cell.start, cell.end) >= 0
        return links and is_generic(self.source.shown(cell.start, cell.end))

    def _in_cell(self, cell: Cell, own: Link | None, ids: list[str], *, bare: bool) -> tuple[Link | None, list[str]]:
        links = [link for link in self.source.links(cell) if not is_code(link.url)]
        found = [(link, paper) for link in links if (paper := from_url(link.url))]
        if links and (own is None or (is_code(own.url) and found)):
            own = found[0][0] if found else links[0]
        return own, ids or [paper for _, paper in found] or self._in_text(cell, bare=bare)

    def _in_text(self, cell: Cell, *, bare: bool) -> list[str]:
        text = self.source.text[cell.start : cell.end]
        if not _ID_IN_TEXT.search(text):
            return []
        found = from_text(text, bare=bare)
        return [found] if found else []

    def _citation(self, raw: RawRow) -> Citation:
        index = self.columns.get("citation")
        cell = raw.cells[index] if index is not None and index < len(raw.cells) else None
        found = Citation(None)
        if cell and not cell.shared:
            found = self.source.citation(cell, known=True)
            if found.style:
                return found
        text = self.source.text
        if not _BADGE.search(text, raw.start, raw.end):
            return found
        for other in raw.cells:
            if other is not cell and not other.shared and _BADGE.search(text, other.start, other.end):
                elsewhere = self.source.citation(other, known=False)
                if elsewhere.style:
                    return elsewhere
                found = found if found.doubt else replace(found, doubt=elsewhere.doubt)
        return found


_NO_TITLE = TitleCell(None, None, None, ())
