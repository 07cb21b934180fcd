"""Refresh the citation counts of a list of papers: ask in batches, judge each answer, and change only the counts."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from papers.badges import Style
from papers.belief import believe, compare
from papers.counts import Target, count_edits, why_no_place
from papers.files import FileChangedError, check_folder, read_text, replace_text
from papers.headers import Columns
from papers.history import Count, append_history, check_history
from papers.identifiers import from_url
from papers.lookup import Found, look_up
from papers.places import NewCount, added_counts, own_style
from papers.records import Record, count_of, record_ids, title_of
from papers.semantic_scholar import SemanticScholar
from papers.service import Progress
from papers.sources import SERVICES, Client
from papers.table import Edit, Row, Table, read_rows, read_tables, splice

_SOME = 10
"""A count from which on a leap is remarked on; a new paper's few citations may well become many."""
_LEAP = 20
"""So many times as many citations are seldom the same paper's."""
State = Literal["ok", "unchanged", "not_found", "no_id", "mismatch", "fall", "no_place", "failed"]


@dataclass(frozen=True, slots=True)
class RowResult:
    """How the refresh of one row ended.

    ``ok``: the count is new; ``unchanged``: it is still the same; ``not_found``: the service does not know the id;
    ``no_id``: the row names no id and its title finds no paper; ``mismatch``: what was found is another paper;
    ``fall``: the count is less than half of the one shown, and falls are not accepted; ``no_place``: the row has no
    place where the count could stand; ``failed``: the service gave no answer. In the last six the row stays as it was.
    """

    line: int
    title: str | None
    paper_id: str | None
    state: State
    old: int | None
    new: int | None
    as_of: str | None
    note: str | None
    source: str | None = None
    """Who counted: the name of the service."""
    wrong_link: str | None = None
    """The row's own link, if it leads to another paper."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """The outcome of a refresh."""

    path: Path
    rows: list[RowResult]
    requests: int
    written: bool
    before: str
    after: str
    history_failure: str | None = None
    """Why the counts are not in the list's history, if so; the list itself has been written."""
    notes: tuple[str, ...] = ()
    """What else the user should hear: of a cache, of an earlier run that was gone on with."""

    @property
    def changed(self) -> bool:
        """Whether the refreshed text differs from the file's."""
        return self.before != self.after

    @property
    def complete(self) -> bool:
        """Whether every row was answered."""
        return all(row.state != "failed" for row in self.rows)

    def diff(self) -> str:
        """Return the change as a unified diff."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as ``papers refresh --json`` prints it."""
        names = [one.name for one in fields(RowResult)]
        rows = [{name: getattr(row, name) for name in names} for row in self.rows]
        return {"rows": rows, "requests": self.requests, "written": self.written, "notes": list(self.notes)}


def refresh(
    path: str | Path,
    client: Client | None = None,
    *,
    style: Target = "keep",
    write: bool = True,
    accept_falls: bool = False,
    add_column: bool = False,
    columns: Columns | None = None,
    progress: Progress | None = None,
) -> Refresh:
    """Refresh the counts of a list of papers from one question to the service.

    A run that was broken off (Ctrl-C, a kill, the limit of time) is gone on with: what it was answered is not asked
    again.

    Args:
        path: a Markdown file with tables of papers.
        client: whom to ask; by default the public service.
        style: ``keep`` changes only counts; ``live``, ``static`` and ``text`` turn every count into that style.
        write: whether to write the file (only if it changes) and its history.
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.
        add_column: give rows that have no place for a count one: a column more, or a count behind a bullet's link.
        accept_falls: whether a count may fall by more than half; otherwise such a row is reported and stays.
        progress: called with the number of papers answered and the number of all.

    Raises:
        UnreadableFileError: if the file or its history cannot be read.
        OSError: if one of them is not to be replaced; nobody has been asked then.
        FileChangedError: if the file changed on disk meanwhile; it is left as it is.
        ValueError: if the style is unknown.
    """
    if style not in ("keep", "live", "static", "text"):
        raise ValueError(f"style must be keep, live, static or text, got {style!r}")
    client = client or SemanticScholar()
    sent = client.requests
    text = read_text(path)
    if write:
        check_folder(path)
        check_history(path)
    tables = read_tables(text, columns)
    rows = [(row, table.markdown) for table in tables for row in table.rows]
    with client.run(path) as since:
        answers = look_up(client, [row for row, _ in rows], progress, text)

    judged = [
        _judge(text, row, found, style, client.name, markdown=markdown, accept_falls=accept_falls)
        for (row, markdown), found in zip(rows, answers, strict=True)
    ]
    if style != "keep":
        judged = _read_again(text, [row for row, _ in rows], judged, columns)
    results = [result for result, _ in judged]
    edits = [edit for _, made in judged for edit in made]
    if add_column:
        shown: Style = own_style(text, tables) if style == "keep" else style
        results, more = _with_places(text, tables, results, shown, columns, keep=style == "keep")
        edits += more
    after = splice(text, edits)
    written = write and after != text
    if written:
        replace_text(path, text, after)
    failure = _keep(path, results) if write else None
    notes = tuple(client.notes)
    if since is not None:
        when = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M UTC")
        notes += (f"went on with the run of {when}, which was broken off: what it was answered was not asked again",)
    return Refresh(Path(path), results, client.requests - sent, written, text, after, failure, notes)


def _with_places(
    text: str, tables: list[Table], results: list[RowResult], style: Style, columns: Columns | None, *, keep: bool
) -> tuple[list[RowResult], list[Edit]]:
    """Make places for the counts that have none; what could not be read again is not written.

    An empty cell is filled as its neighbours are, if their style is to be kept, and with a link if they have any.
    """
    rows = [(row, table) for table in tables for row in table.rows]
    new: dict[int, NewCount] = {}
    edits: list[Edit] = []
    for (row, table), result in zip(rows, results, strict=True):
        if result.state == "no_place" and row.style is None and result.new is not None and result.as_of:
            ours = result.source in (None, SemanticScholar.name)
            shown = [other.citation for other in table.rows if other.style]
            own = own_style(text, [table]) if keep and shown else style
            if own == "live" and not (ours and result.paper_id):
                continue  # such a badge shows what Semantic Scholar counts
            found = NewCount(result.new, result.as_of, result.paper_id or "")
            filled = count_edits(
                text,
                row,
                found.count,
                found.as_of,
                own,
                found.paper_id,
                markdown=table.markdown,
                linked=not shown or any(citation.link for citation in shown),
            )
            edits += filled
            if not filled:
                new[row.start] = found
    whole = edits
    for _ in range(2):
        made = [edit for table in tables for edit in added_counts(text, table, new, style)]
        after = [row for table in read_tables(splice(text, [*edits, *made]), columns) for row in table.rows]
        same = [(row.title, row.date) for row, _ in rows] == [(row.title, row.date) for row in after]
        unread = {row.start for (row, _), other in zip(rows, after, strict=False) if other.count is None} & new.keys()
        if same and not unread:
            whole = [*edits, *made]
            break
        new = {start: count for start, count in new.items() if same and start not in unread}
    after = [row for table in read_tables(splice(text, whole), columns) for row in table.rows]
    written = [
        replace(result, state="ok", note=None) if result.state == "no_place" and row.count == result.new else result
        for row, result in zip(after, results, strict=True)
    ]
    return written, whole


def _read_again(
    text: str, rows: list[Row], judged: list[tuple[RowResult, list[Edit]]], columns: Columns | None
) -> list[tuple[RowResult, list[Edit]]]:
    """Take back what turns a count into another style where the row would not be read again, or with another count."""
    while edits := sorted(edit for _, made in judged for edit in made):
        grown = list(accumulate((len(edit.new) - edit.end + edit.start for edit in edits), initial=0))
        ends = [edit.end for edit in edits]
        after = {row.start: row for row in read_rows(splice(text, edits), columns)}
        lost = set[int]()
        for row, (result, made) in zip(rows, judged, strict=True):
            read = after.get(row.start + grown[bisect_right(ends, row.start)])
            same = read is not None and read.title == row.title and (not made or read.count == result.new)
            if not same:
                lost.add(row.start)
        if not lost:
            break
        # Where a row without a change is lost, it is another's that takes it along: then none is made.
        alone = any(made and row.start in lost for row, (_, made) in zip(rows, judged, strict=True))
        note = "in the other style the row would not be read again; it stays as it was"
        judged = [
            (replace(result, state="no_place", note=note), [])
            if made and (row.start in lost or not alone)
            else (result, made)
            for row, (result, made) in zip(rows, judged, strict=True)
        ]
    return judged


def _keep(path: str | Path, results: list[RowResult]) -> str | None:
    """Append the counts to the list's history; returns why not, for the list has been written by then."""
    try:
        append_history(path, _counts(results))
    except (FileChangedError, OSError, ValueError) as error:
        return str(error)
    return None


def _judge(
    text: str, row: Row, found: Found, style: Target, first: str, *, markdown: bool, accept_falls: bool
) -> tuple[RowResult, list[Edit]]:
    """Say what was found means for a row, and which edits follow."""
    answer, record = found.answer, found.answer.record if found.answer else None
    source = answer.source or None if answer else None
    wrong = (row.url if row.url and from_url(row.url) == row.url_id else row.url_id) if found.elsewhere else None
    paper_id = found.asked or (row.paper_id if record is None or found.elsewhere is None else None)
    notes = []
    if found.elsewhere:
        surely = compare(row.title, found.elsewhere) == "other"
        what = "another paper" if surely else "a paper of another title"
        notes.append(f"wrong-link: the link leads to {what}: {found.elsewhere}")

    def ends(state: State, *more: str, new: int | None = None, as_of: str | None = None) -> RowResult:
        note = "; ".join([*notes, *more]) or None
        return RowResult(row.line, row.title, paper_id, state, row.count, new, as_of, note, source, wrong)

    if answer is None:
        return ends("no_id", "the row names no id and has no title to look for"), []
    if record is None and answer.failure:
        return ends("failed", answer.failure), []
    if record is None:
        if paper_id:
            return ends("not_found", "the service knows no paper with this id"), []
        return ends("no_id", "the row names no id, and no paper with this title was found"), []
    belief = believe(row, record, found.asked, around=text[row.start : row.end], sure=answer.sure)
    if belief.against:
        if found.unknown and not found.asked:
            paper_id = found.unknown
            return ends("not_found", "the service knows no paper with this id", belief.against), []
        same = found.asked is not None and found.elsewhere == title_of(record)
        return ends("mismatch", *([] if same else [belief.against])), []
    count = count_of(record)
    if count is None:
        return ends("failed", "the answer holds no citation count"), []
    if found.unknown:
        way = f"found as {found.asked}" if found.asked else "found by its title"
        notes.append(f"the service does not know {found.unknown}; {way}")
    as_of = answer.as_of or datetime.now(UTC).date().isoformat()
    if answer.stale:
        notes.append(f"stale: from {as_of} ({answer.failure})")
        if row.count not in (None, count) and not (row.citation.as_of and row.citation.as_of < as_of):
            return ends("failed", f"the count of then, {count}, may be older than the one shown", as_of=as_of), []
    notes += _remarks(row, record, found)
    if source not in (None, first):
        notes.append(f"the count is {SERVICES[source].title}'s")
    paper_id = found.asked or _own_id(record)
    if row.count is not None and 2 * count < row.count and not accept_falls:
        return ends("fall", f"from {row.count} to {count}; --accept-falls writes it", new=count, as_of=as_of), []
    if source not in (None, SemanticScholar.name) and (row.style if style == "keep" else style) == "live":
        there = "a live badge shows Semantic Scholar's count, and no other has a place beside it; try --style static"
        return ends("no_place", there, new=count, as_of=as_of), []
    if row.count is not None and row.count >= _SOME and count > _LEAP * row.count:
        notes.append(f"from {row.count} to {count}, more than {_LEAP} times as many: is it this paper?")
    edits = count_edits(text, row, count, as_of, style, paper_id, markdown=markdown)
    if not edits and row.style is None:
        return ends("no_place", why_no_place(text, row), new=count, as_of=as_of), []
    return ends("ok" if edits and row.count != count else "unchanged", new=count, as_of=as_of), edits


def _own_id(record: Record) -> str:
    """Return the id by which a record that was found by a title is named: Semantic Scholar's own, else arXiv or DOI."""
    ids = record_ids(record)
    mine = str(record.get("paperId"))
    return mine if mine in ids else next((i for i in sorted(ids) if i.startswith(("ARXIV:", "DOI:"))), "")


def _remarks(row: Row, record: Record, found: Found) -> Iterator[str]:
    given, asked = str(record.get("paperId")), found.asked
    if asked and len(asked) == 40 and given != asked:
        yield f"merged: the paper's id is now {given}"
    if row.badge_id and row.link_id and row.badge_id != row.link_id and row.link_id not in record_ids(record):
        yield "the link names another paper than the badge; the badge's count is taken"


def _counts(results: list[RowResult]) -> Iterator[Count]:
    for row in results:
        if row.new is not None and row.as_of and row.paper_id and row.state != "fall":
            yield Count(row.as_of, row.paper_id, row.new, row.source or SemanticScholar.name)
