"""Find what is wrong in a list of papers, say how sure that is, and mend what is certain.

Without the service, a row is held against itself: its link, its badge, its arXiv number, the words in its link. With
the service, against the record of its paper.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from papers.belief import compare, is_cut
from papers.blocks import Span, line_start
from papers.checks import KINDS, UNREAD, Certainty, Context, Finding, Kind, row_findings
from papers.files import read_text, replace_text
from papers.headers import Columns
from papers.ignores import read_ignores, unknown_kinds
from papers.markup import sole_label
from papers.sections import sections
from papers.semantic_scholar import SemanticScholar
from papers.service import FIELDS
from papers.table import Edit, Row, Table, line_of, read_tables, splice
from papers.titles import FULL, other_title, simplify

__all__ = ["Audit", "Certainty", "Finding", "Kind", "audit", "audit_text"]
_PUBLISHERS = frozenset(
    (
        "ieeexplore.ieee.org",
        "openaccess.thecvf.com",
        "proceedings.mlr.press",
        "proceedings.neurips.cc",
        "papers.nips.cc",
        "sciencedirect.com",
        "usenix.org",
    )
)
_MANY = 5
"""Ids from which on it is no accident that a service knows none of them."""
_LONGEST_LABEL = 1100
_LABEL_BEFORE = re.compile(r"(\[(?:[^\[\]\\]|\\.){1,999}\]):\s*<?\Z")
"""The label of a definition, before its address."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)?")


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found, and the text with the certain faults mended."""

    findings: list[Finding]
    before: str
    after: str
    failure: str | None = field(default=None)
    """Why the service gave no answer for some papers, if so."""
    ignored: int = 0
    """How many findings a comment in the list keeps out."""

    def left(self, *, fixed: bool = False) -> list[Finding]:
        """Return the findings that ``--check`` fails for: certain and likely ones, without those that were mended."""
        sure = [finding for finding in self.findings if finding.certainty != "possible"]
        return [f for f in sure if not (fixed and f.certainty == "certain" and f.edits)]


def audit(
    path: str | Path, client: SemanticScholar | None = None, *, fix: bool = False, columns: Columns | None = None
) -> Audit:
    """Audit the tables of papers in a file; an audit that was broken off lately is gone on with.

    Args:
        path: a Markdown file.
        client: whom to ask; None audits offline.
        fix: write the file with the faults mended that are certain and have one remedy.
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.

    Raises:
        UnreadableFileError: if the file cannot be read.
        FileChangedError: if the file changed on disk meanwhile; it is left as it is.
    """
    with client.run(Path(path) / "audit") if client else nullcontext():
        outcome = audit_text(read_text(path), client, columns)
    if fix and outcome.after != outcome.before:
        replace_text(path, outcome.before, outcome.after)
    return outcome


def audit_text(text: str, client: SemanticScholar | None = None, columns: Columns | None = None) -> Audit:
    """Audit the tables of papers in a text; see :func:`audit`."""
    tables = read_tables(text, columns)
    rows = [row for table in tables for row in table.rows]
    context = Context(text, rows)
    failure = _ask(context, client) if client else None
    findings: list[Finding] = []
    shared = _of_several(text, rows)
    for table in tables:
        of_rows = [
            _without_others(finding, shared)
            for row in table.rows
            for finding in row_findings(context, row, markdown=table.markdown)
        ]
        findings += _once(of_rows, len(table.rows))
        findings += _form(text, table)
    twice = list(_duplicates(text, rows, findings))
    in_doubt = {finding.line for finding in twice if finding.kind == "wrong-link"}
    # What a link says of the date is another paper's where the link itself is in doubt.
    findings = [f for f in findings if not (f.kind == "date" and f.line in in_doubt)] + twice
    ignores = read_ignores(text, rows)
    wanted = [f for f in findings if not any(ignore.covers(f.line, f.kind) for ignore in ignores)]
    ignored = len(findings) - len(wanted)
    for line, word in unknown_kinds(ignores, KINDS):
        note = f"a comment that ignores findings names no kind of finding; kinds are: {', '.join(KINDS)}"
        wanted.append(Finding(line, "ignore", word or None, None, "certain", note))
    wanted.sort(key=lambda finding: (finding.line, finding.kind))
    return Audit(wanted, text, splice(text, _certain(wanted)), failure, ignored)


def _ask(context: Context, client: SemanticScholar) -> str | None:
    """Fetch the records of all ids in the table, and look up rows that have none or a wrong one; returns a failure."""
    rows = context.rows
    ids = {paper for row in rows for paper in (row.badge_id, row.link_id, row.url_id) if paper}
    context.records = client.papers(sorted(ids), FIELDS + ",tldr,authors")
    failures = [answer for answer in context.records.values() if answer.failure and not answer.stale]
    if len(ids) >= _MANY and not any(answer.record or answer.failure for answer in context.records.values()):
        context.records = {}  # a service that knows nothing at all is out of order, and no paper is dead for that
        return f"the service knows none of the {len(ids)} ids; is it the right address?"
    for row in rows:
        if any(answer.final for answer in failures):
            break
        if row.title and context.needs_match(row):
            match = context.matches[row.title] = client.match(row.title)
            failures += [match] if match.failure and not match.stale else []
    return failures[0].failure if failures else None


def _of_several(text: str, rows: list[Row]) -> set[Span]:
    """Return where definitions of links stand that are not one title's alone: an edit there would be of all its uses.

    Rows of other titles use them, or prose, images and descriptions.
    """
    titles: dict[Span, list[str]] = {}
    for row in rows:
        spans = (row.url_span, *(part.url_span for part in (row.citation.link, row.citation.image) if part))
        for span in {*spans, row.citation.kept_url} - {None}:
            if span and not row.start <= span[0] < row.end:
                titles.setdefault(span, []).append(simplify(row.title or ""))
    return {
        span
        for span, names in titles.items()
        if len(set(names)) > 1
        or not (label := _LABEL_BEFORE.search(text, max(0, span[0] - _LONGEST_LABEL), span[0]))
        or sole_label(text, label[1] * len(names)) is None
    }


def _without_others(finding: Finding, shared: set[Span]) -> Finding:
    """Take the edits away that would change what stands elsewhere."""
    if not any(start <= edit.start and edit.end <= end for edit in finding.edits for start, end in shared):
        return finding
    note = f"{finding.note}; its address stands in a definition that others use, so it is mended by hand"
    return replace(finding, edits=(), note=note)


def _once(findings: list[Finding], rows: int) -> Iterator[Finding]:
    """Say once what nearly all rows have: dates of a form that is not known are no fault of each row."""
    unread = [finding for finding in findings if finding.kind == "date" and finding.note == UNREAD]
    several = len(unread) > 2 and 2 * len(unread) > rows
    for finding in findings:
        if several and finding is unread[0]:
            yield replace(finding, note=f"{UNREAD}, nor in {len(unread) - 1} more of this table")
        elif not (several and finding in unread):
            yield finding


def _form(text: str, table: Table) -> Iterator[Finding]:
    """Find what is wrong with a table's own markup."""
    cells = [cell for row in table.rows for cell in row.cells]
    for position in table.blank_lines:
        line = line_of(text, position)
        if any(cell.start < position < cell.end for cell in cells):
            note = "a blank line in a cell: Markdown is read up to the next tag, and some readers end the table here"
            yield Finding(line, "blank-line", "", "no blank line", "possible", note)
            continue
        start = line_start(text, position)
        match = _LINE.match(text, start)
        end = match.end() if match else start
        note = "a blank line between rows ends the table for a Markdown reader"
        yield Finding(line, "blank-line", "", "no blank line", "certain", note, (Edit(start, end, ""),))
    yield from _widths(text, table)
    if not table.closed:
        found = text[max(table.start, table.end - 40) : table.end].strip()
        missing = _end_tags(text, table)
        expected = " ".join(missing.split())
        if table.cut:
            note = "the table is cut off inside a tag: its last row has to be completed by hand"
            yield Finding(line_of(text, table.end), "truncated", found, expected, "likely", note)
        else:
            note = "the table is never closed"
            edit = Edit(table.end, table.end, missing)
            yield Finding(line_of(text, table.end), "truncated", found, expected, "certain", note, (edit,))


def _widths(text: str, table: Table) -> Iterator[Finding]:
    """Find a pipe table's rows that are not as wide as its header: the delimiter, or any row that is wider."""
    width = len(table.header)
    wide = [row for row in table.rows if table.markdown and len(row.cells) > width]
    if table.delimiter:
        start, end = table.delimiter
        rule = " | ".join(["---"] * width)
        rule = f"| {rule} |" if text[table.start] == "|" else rule
        note = "the row under the header has to be as wide as it is: a Markdown reader shows no table"
        line_end = "\r\n" if "\r\n" in text else "\n"
        begin = line_start(text, table.start)
        new = rule if start < end else line_end + text[begin : table.start] + rule
        # Where rows are wider than the header, it may be the header that lacks a cell.
        edits = () if wide else (Edit(start, end, new),)
        certainty: Certainty = "likely" if wide else "certain"
        yield Finding(line_of(text, start), "delimiter", text[start:end], rule, certainty, note, edits)
    for row in wide:
        note = "a Markdown reader leaves out the cells that the header lacks; write a bar inside a cell as \\|"
        yield Finding(row.line, "cells", f"{len(row.cells)} cells", f"{width} cells", "certain", note)


def _end_tags(text: str, table: Table) -> str:
    """Return the end tags that a table lacks, each on a line of its own, indented as its start tag is."""
    source = text[table.start : table.end].lower()
    line_end = "\r\n" if "\r\n" in text else "\n"
    tags = []
    if table.rows and not source.rstrip().endswith(("</tr>", "</tbody>")):
        tags.append("</tr>" if source.rstrip().endswith(("</td>", "</th>")) else "</td></tr>")
    for name in ("tbody", "table"):
        if source.count(f"<{name}") > source.count(f"</{name}"):
            opened = table.start + source.find(f"<{name}")
            line = text[line_start(text, opened) : opened]
            tags.append((line if not line.strip() else "") + f"</{name}>")
    return "".join(line_end + tag for tag in tags)


def _duplicates(text: str, rows: list[Row], known: list[Finding]) -> Iterator[Finding]:
    """Find papers that stand in the list twice: the same id, or the same full title.

    In two sections that is a cross-listing, and only said. Two ids of one kind are two papers, whatever their titles.
    """
    wrong = {f.line for f in known if f.kind in ("wrong-paper", "wrong-link", "link-badge-mismatch")}
    first: dict[str, int] = {}
    places = sections(text, rows)
    for number, row in enumerate(rows):
        title = simplify(row.title or "")
        page = paper_page(row.url) if row.url and not row.url_id else None
        keys = [key for key in (row.paper_id, row.url_id, page, title if len(title.split()) >= FULL else None) if key]
        seen = [first[key] for key in keys if key in first]
        for key in keys:
            first[key] = number  # the last one: in a section of its own, the next may be in that section, too
        if not seen:
            continue
        place = next((n for n in seen if places[n] == places[number]), seen[0])
        earlier = rows[place]
        found = row.paper_id or row.title
        certainty: Certainty
        by_id = {row.paper_id, row.url_id} & {earlier.paper_id, earlier.url_id} - {None}
        by_id |= {page} & {paper_page(earlier.url or "")} - {None}
        if by_id and row.title and earlier.title and not _one_title(row.title, earlier.title):
            if not {row.line, earlier.line} & wrong:  # otherwise it has been said which of the two is wrong
                yield _one_link(row, earlier, found)
        elif places[place] != places[number]:
            note = f"the paper of line {earlier.line} in another section: cross-listed?"
            yield Finding(row.line, "duplicate", found, None, "possible", note)
        elif by_id:
            yield Finding(row.line, "duplicate", found, None, "certain", f"the paper of line {earlier.line} again")
        else:
            one_has_none = not (_kind(row) and _kind(earlier))
            certainty = "certain" if one_has_none else "possible" if _kind(row) == _kind(earlier) else "likely"
            note = f"the paper of line {earlier.line} again{'' if one_has_none else ', by its title'}"
            yield Finding(row.line, "duplicate", found, None, certainty, note)


def _one_link(row: Row, earlier: Row, found: str | None) -> Finding:
    """Report one id under two titles: one of the two rows is wrong, unless a title is a nickname.

    A row that names another id besides may well cite two versions of its paper.
    """
    two_papers = other_title(row.title or "", earlier.title or "")
    link = row.url_id == earlier.url_id and row.paper_id in (row.url_id, None)
    note = f"the {'link' if link else 'id'} of line {earlier.line} under another "
    note += "title: one of the two is wrong" if two_papers else "name"
    kind: Kind = "wrong-link" if link else "duplicate"
    certainty: Certainty = "likely" if two_papers and len(row.named) < 2 > len(earlier.named) else "possible"
    return Finding(row.line, kind, row.url if link else found, None, certainty, note)


def _one_title(one: str, other: str) -> bool:
    """Whether two titles are one paper's: the same, or one the name or a cut of the other; not LLaMA and "Llama 2"."""
    return compare(one, other) in ("same", "short") or is_cut(one, other) or is_cut(other, one)


def paper_page(url: str) -> str | None:
    """Return what tells a paper's page from those of others where its address names no id; None for other pages.

    One page of a project, a course or a repository may well stand for several papers.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    path = parts.path.rstrip("/").lower()
    host = (parts.hostname or "").removeprefix("www.")
    if host == "openreview.net":
        return f"{host}?{''.join(parse_qs(parts.query).get('id', []))}" if "id=" in parts.query else None
    if path.endswith(".pdf") or (host in _PUBLISHERS and path):
        return f"{host}{path.removesuffix('.pdf')}?{parts.query}"
    return None


def _kind(row: Row) -> str:
    return (row.url_id or row.paper_id or "").partition(":")[0]


def _certain(findings: Iterable[Finding]) -> list[Edit]:
    """Return the edits of certain findings; of two that overlap the first, the other is found again next time."""
    edits: list[Edit] = []
    for finding in findings:
        mine = finding.edits if finding.certainty == "certain" else ()
        if all(_is_free(edits, edit) for edit in mine):
            for edit in mine:
                at = bisect_left(edits, edit.start, key=_start)
                if edit not in edits[at : at + 2]:
                    edits.insert(at, edit)
    return edits


def _is_free(edits: list[Edit], edit: Edit) -> bool:
    """Whether none of some edits, which are in order and do not overlap, overlaps another."""
    at = bisect_left(edits, edit.start, key=_start)
    return not any(edit.start < other.end and other.start < edit.end for other in edits[max(at - 1, 0) : at + 2])


def _start(edit: Edit) -> int:
    return edit.start


def as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as ``papers audit --json`` prints them."""
    names = ("line", "kind", "found", "expected", "certainty", "note")
    return [{name: getattr(finding, name) for name in names} for finding in findings]
