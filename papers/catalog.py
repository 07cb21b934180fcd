"""Refresh the citation counts of a list of papers: ask once, judge each answer, and change only the counts."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from papers.belief import contradiction
from papers.counts import Target, count_edits
from papers.files import FileChangedError, check_folder, read_text, replace_text
from papers.history import Count, append_history, check_history
from papers.records import record_ids
from papers.semantic_scholar import SemanticScholar
from papers.service import Answer, Progress
from papers.table import Edit, Row, read_tables, splice

State = Literal["ok", "unchanged", "not_found", "no_id", "mismatch", "failed"]


@dataclass(frozen=True, slots=True)
class RowResult:
    """How the refresh of one row ended.

    ``ok``: the count is new; ``unchanged``: it is still the same; ``not_found``: the service does not know the id;
    ``no_id``: the row names no id and its title finds no paper; ``mismatch``: what was found is another paper;
    ``failed``: the service gave no answer. In the last four the row stays as it was.
    """

    line: int
    title: str | None
    paper_id: str | None
    state: State
    old: int | None
    new: int | None
    as_of: str | None
    note: str | None


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
        return {"rows": [asdict(row) for row in self.rows], "requests": self.requests, "written": self.written}


def refresh(
    path: str | Path,
    client: SemanticScholar | None = None,
    *,
    style: Target = "keep",
    write: bool = True,
    progress: Progress | None = None,
) -> Refresh:
    """Refresh the counts of a list of papers from one question to the service.

    Args:
        path: a Markdown file with tables of papers.
        client: whom to ask; by default the public service.
        style: ``keep`` changes only counts; ``live``, ``static`` and ``text`` turn every count into that style.
        write: whether to write the file (only if it changes) and its history.
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
    tables = read_tables(text)
    rows = [(row, table.markdown) for table in tables for row in table.rows]
    answers = _ask(client, [row for row, _ in rows], progress)

    results: list[RowResult] = []
    edits: list[Edit] = []
    for (row, markdown), answer in zip(rows, answers, strict=True):
        result, made = _judge(text, row, answer, style, markdown=markdown)
        results.append(result)
        edits += made
    after = splice(text, edits)
    written = write and after != text
    if written:
        replace_text(path, text, after)
    failure = _keep(path, results) if write else None
    return Refresh(Path(path), results, client.requests - sent, written, text, after, failure)


def _keep(path: str | Path, results: list[RowResult]) -> str | None:
    """Append the counts to the list's history; returns why not, for the list has been written by then."""
    try:
        append_history(path, _counts(results))
    except (FileChangedError, OSError, ValueError) as error:
        return str(error)
    return None


def _ask(client: SemanticScholar, rows: list[Row], progress: Progress | None) -> list[Answer | None]:
    """Return an answer for each row: by id in batches, else by title; None if there is nothing to ask by."""
    named = dict.fromkeys(row.paper_id for row in rows if row.paper_id)
    titles = dict.fromkeys(row.title for row in rows if not row.paper_id and row.title)
    total = len(named) + len(titles)
    by_id = client.papers(named, progress=(lambda done, _: progress(done, total)) if progress else None)
    final = next((answer for answer in by_id.values() if answer.final), None)
    by_title: dict[str, Answer] = {}
    for number, title in enumerate(titles, len(named) + 1):
        answer = Answer(failure=final.failure, final=True) if final else client.match(title)
        by_title[title], final = answer, answer if answer.final else None
        if progress:
            progress(number, total)
    return [by_id[row.paper_id] if row.paper_id else by_title.get(row.title or "") for row in rows]


def _judge(
    text: str, row: Row, answer: Answer | None, style: Target, *, markdown: bool
) -> tuple[RowResult, list[Edit]]:
    """Say what an answer means for a row, and which edits follow."""

    def ends(state: State, note: str | None, new: int | None = None, as_of: str | None = None) -> RowResult:
        return RowResult(row.line, row.title, paper_id, state, row.count, new, as_of, note)

    paper_id = row.paper_id
    if answer is None:
        return ends("no_id", "the row names no id and has no title to look for"), []
    if answer.failure and answer.record is None:
        return ends("failed", answer.failure), []
    record = answer.record
    if record is None:
        if paper_id:
            return ends("not_found", "the service knows no paper with this id"), []
        return ends("no_id", "the row names no id, and no paper with this title was found"), []
    if doubt := contradiction(row, record):
        return ends("mismatch", doubt), []
    count = record.get("citationCount")
    if type(count) is not int or count < 0:
        return ends("failed", "the answer holds no citation count"), []
    as_of = answer.as_of or datetime.now(UTC).date().isoformat()
    notes = []
    if answer.stale:
        notes.append(f"stale: from {as_of} ({answer.failure})")
        if row.count not in (None, count) and not (row.citation.as_of and row.citation.as_of < as_of):
            notes.append(f"the count of then, {count}, may be older than the one shown")
            return ends("failed", "; ".join(notes), as_of=as_of), []
    notes += _remarks(row, record)
    shown_id = paper_id or str(record["paperId"])
    paper_id = shown_id
    edits = count_edits(text, row, count, as_of, style, shown_id, markdown=markdown)
    if not edits and row.style is None:
        notes.append("the row shows no count; --style live, static or text adds one to an empty citation cell")
    shown = bool(edits) or row.count == count
    state: State = "ok" if shown and row.count != count else "unchanged"
    return ends(state, "; ".join(notes) or None, count, as_of), edits


def _remarks(row: Row, record: dict[str, Any]) -> Iterator[str]:
    given = str(record.get("paperId"))
    asked = row.paper_id
    if asked and len(asked) == 40 and given != asked:
        yield f"merged: the paper's id is now {given}"
    if row.badge_id and row.link_id and row.badge_id != row.link_id and row.link_id not in record_ids(record):
        yield "the link names another paper than the badge; the badge's count is taken"


def _counts(results: list[RowResult]) -> Iterator[Count]:
    for row in results:
        if row.new is not None and row.as_of and row.paper_id:
            yield Count(row.as_of, row.paper_id, row.new)
