"""The checks of one row: does it say one thing, and the truth? Each returns findings with the edits that mend them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from papers.badges import live_url
from papers.catalog import contradiction, record_ids
from papers.counts import page_url
from papers.dates import read_date, write_date
from papers.escape import for_html, for_markdown
from papers.identifiers import arxiv_month, slug_words
from papers.semantic_scholar import Answer
from papers.table import Edit, Row
from papers.titles import likeness, other_title, same_title, simplify

Kind = Literal[
    "link-badge-mismatch",
    "wrong-paper",
    "date",
    "title",
    "duplicate",
    "merged",
    "dead",
    "no-id",
    "no-description",
    "truncated",
    "blank-line",
    "delimiter",
    "cells",
]
Certainty = Literal["certain", "likely", "possible"]
_URL_YEAR = re.compile(r"/((?:19|20)\d\d)/")
_TYPO = 0.85
"""Titles at least this alike, of one paper, are one title and a slip in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where, what is there, what it should be, how sure that is, and the edits that mend it."""

    line: int
    kind: Kind
    found: str | None
    expected: str | None
    certainty: Certainty
    note: str
    edits: tuple[Edit, ...] = ()


@dataclass(slots=True)
class Context:
    """The text, all rows, and what the service says of their papers (nothing, offline)."""

    text: str
    rows: list[Row]
    records: dict[str, Answer] = field(default_factory=dict)
    matches: dict[str, Answer] = field(default_factory=dict)

    def record(self, paper_id: str | None) -> dict[str, Any] | None:
        """Return the record of an id, None if it is unknown or nobody was asked."""
        answer = self.records.get(paper_id or "")
        return answer.record if answer else None

    def dead(self, paper_id: str) -> bool:
        """Whether the service was asked and knows no such paper."""
        answer = self.records.get(paper_id)
        return answer is not None and answer.record is None and not answer.failure

    def needs_match(self, row: Row) -> bool:
        """Whether a row has no id that leads to its own paper, so that its title has to be looked for."""
        record = self.record(row.paper_id) or self.record(row.url_id)
        return record is None or (bool(row.paper_id) and contradiction(row, record) is not None)

    def suggestion(self, row: Row) -> tuple[dict[str, Any] | None, Certainty]:
        """Return the record that a row should have named, and how sure that is."""
        own = self.record(row.url_id)
        if own and not (row.title and other_title(row.title, str(own.get("title") or ""))):
            return own, "certain"
        answer = self.matches.get(row.title or "")
        found = answer.record if answer else None
        if found and same_title(row.title or "", str(found.get("title") or "")):
            year = found.get("year")
            agrees = row.year is not None and isinstance(year, int) and abs(year - row.year) <= 1
            return found, "likely" if agrees else "possible"
        return None, "possible"


def row_findings(context: Context, row: Row, *, markdown: bool) -> Iterator[Finding]:
    """Yield the faults of one row."""
    yield from _no_id(context, row)
    yield from _dead_or_merged(context, row)
    mismatch = list(_link_and_badge(context, row))
    yield from mismatch
    if not mismatch:
        yield from _wrong_paper(context, row)
    yield from _date(context, row)
    yield from _title(context, row, markdown=markdown)
    yield from _description(context, row)


def _no_id(context: Context, row: Row) -> Iterator[Finding]:
    if row.paper_id:
        return
    record, certainty = context.suggestion(row)
    expected = str(record["paperId"]) if record else None
    note = f"the title is that of {expected}" if expected else "neither badge nor link names a paper"
    yield Finding(row.line, "no-id", row.url, expected, certainty if record else "certain", note)


def _dead_or_merged(context: Context, row: Row) -> Iterator[Finding]:
    for paper in dict.fromkeys(filter(None, (row.badge_id, row.link_id))):
        record = context.record(paper)
        if record and len(paper) == 40 and record["paperId"] != paper:
            new = str(record["paperId"])
            edits = _rename(context.text, row, paper, new)
            yield Finding(row.line, "merged", paper, new, "certain", "the service has merged this paper", edits)
        elif context.dead(paper):
            own, certainty = context.suggestion(row)
            new = str(own["paperId"]) if own else ""
            edits = _rename(context.text, row, paper, new) if new and certainty == "certain" else ()
            note = "the service knows no such id"
            yield Finding(row.line, "dead", paper, new or None, certainty if own else "certain", note, edits)


def _link_and_badge(context: Context, row: Row) -> Iterator[Finding]:
    """Find a link and a badge of different papers, and say which of the two is the row's."""
    link, badge = row.link_id, row.badge_id
    if not link or not badge or link == badge or not row.citation.link or not row.citation.image:
        return
    of_link, of_badge = context.record(link), context.record(badge)
    if of_link and of_badge and of_link["paperId"] == of_badge["paperId"]:
        return
    if not (of_link and of_badge) and _kind(link) != _kind(badge):
        return  # two kinds of id may well name one paper
    owner = next((other for other in context.rows if other is not row and other.badge_id == link), None)
    copied = f"; it is the link of line {owner.line}" if owner else ""
    if of_badge and _fits(row, of_badge) and not (of_link and _fits(row, of_link)):
        edit = Edit(*row.citation.link.url_span, page_url(str(of_badge["paperId"])) or "")
        note = f"the link leads to another paper than the badge counts{copied}"
        yield Finding(row.line, "link-badge-mismatch", link, badge, "certain", note, (edit,))
    elif of_link and _fits(row, of_link) and not (of_badge and _fits(row, of_badge)):
        edit = Edit(*row.citation.image.url_span, live_url(str(of_link["paperId"])))
        note = "the badge counts the citations of another paper than the link leads to"
        yield Finding(row.line, "link-badge-mismatch", badge, link, "certain", note, (edit,))
    else:
        words = slug_words(row.citation.link.url)
        badge_is_wrong = bool(row.title) and _slug_agrees(words, row.title or "") is True
        found, expected = (badge, link) if badge_is_wrong else (link, badge)
        note = f"link and badge name different papers{copied}"
        yield Finding(row.line, "link-badge-mismatch", found, expected, "likely", note)


def _wrong_paper(context: Context, row: Row) -> Iterator[Finding]:
    """Find ids that agree with each other but not with the title."""
    if not row.title or not (row.badge_id or row.link_id) or not row.paper_id:
        return
    record = context.record(row.paper_id)
    if record is None:
        words = slug_words(row.citation.link.url) if row.citation.link else []
        if row.paper_id == row.link_id and _slug_agrees(words, row.title) is False:
            note = f"the link's words are those of another title: {' '.join(words)}"
            yield Finding(row.line, "wrong-paper", row.paper_id, row.url_id, "likely", note)
    elif contradiction(row, record):
        own, certainty = context.suggestion(row)
        new = str(own["paperId"]) if own else ""
        edits: list[Edit] = []
        if own and certainty == "certain":
            for old in filter(None, {row.badge_id, row.link_id}):
                edits += _rename(context.text, row, old, new)
        note = f"badge and link name another paper: {record.get('title')}"
        sure = certainty if own else "likely"
        yield Finding(row.line, "wrong-paper", row.paper_id, new or row.url_id, sure, note, tuple(edits))


def _date(context: Context, row: Row) -> Iterator[Finding]:
    """Find dates that are none, and dates before the paper was there.

    A later date may be that of a conference, and contradicts nothing, unless it is still to come.
    """
    if not row.date:
        return
    if row.year is None:
        if re.search(r"\w", row.date):
            yield Finding(row.line, "date", row.date, None, "possible", "no date can be read in it")
        return
    if row.year > date.today().year + 1:
        yield Finding(row.line, "date", row.date, None, "certain", "that year has not come yet")
        return
    record = _own_record(context, row)
    arxiv = arxiv_month(row.url_id) or arxiv_month(row.paper_id)
    published = read_date(str(record.get("publicationDate") or record.get("year") or "")) if record else (None, None)
    in_link = _URL_YEAR.search(row.url or "") if not arxiv and not published[0] else None
    if in_link:
        published = (int(in_link[1]), None)
    known = [(year, month or 1) for year, month in (arxiv or (None, None), published) if year]
    mistyped = row.month is None and re.fullmatch(r"\d{4}\s*[./-]\s*\d+", row.date.strip())
    if not known:
        if mistyped:
            yield Finding(row.line, "date", row.date, None, "certain", "there is no such month")
        return
    first = min(known)
    late_months = 12 * (first[0] - row.year) + first[1] - (row.month or first[1])
    if late_months < 2 and not mistyped:  # a month may be lost between time zones and first versions
        return
    year, month = arxiv or published
    assert year is not None
    expected = write_date(year, month, row.date)
    agreed = bool(arxiv and published[0] and abs(arxiv[0] - published[0]) <= 1)
    if in_link:
        note = f"the year in its link is {year}"
    else:
        what = "its arXiv number is of" if arxiv else "it was published in"
        note = f"{what} {write_date(year, month)}{', and its record agrees' if agreed else ''}"
    certainty: Certainty = "certain" if agreed else "possible" if in_link else "likely"
    yield Finding(row.line, "date", row.date, expected, certainty, note, _date_edits(context, row, expected))


def _date_edits(context: Context, row: Row, expected: str) -> tuple[Edit, ...]:
    """Return the edit of a date cell that holds the date and nothing else."""
    cell = row.cell("date")
    source = context.text[cell.start : cell.end] if cell else ""
    if not cell or source.strip() != row.date:
        return ()
    begin = cell.start + len(source) - len(source.lstrip())
    return (Edit(begin, begin + len(row.date), expected),)


def _title(context: Context, row: Row, *, markdown: bool) -> Iterator[Finding]:
    """Find slips in a title that is otherwise the record's."""
    record = _own_record(context, row)
    theirs = record.get("title") if record else None
    if not row.title or not row.title_span or not isinstance(theirs, str) or simplify(theirs) == simplify(row.title):
        return
    alike = likeness(row.title, theirs)
    if alike < _TYPO:
        return
    ours, words = row.title.split(), theirs.split()
    if len(ours) == len(words):  # keep the author's own capitals and commas where the words agree
        words = [mine if simplify(mine) == simplify(other) else other for mine, other in zip(ours, words, strict=True)]
    expected = " ".join(words)
    escape = for_markdown if markdown else for_html
    plain = context.text[slice(*row.title_span)] == escape(row.title)
    sure = row.url_id in record_ids(record or {}) and same_title(row.title, theirs)
    edits = (Edit(*row.title_span, escape(expected)),) if plain else ()
    note = f"the record's title is: {theirs}"
    yield Finding(row.line, "title", row.title, expected, "certain" if sure else "likely", note, edits)


def _description(context: Context, row: Row) -> Iterator[Finding]:
    if row.description or row.cell("description") is None:
        return
    record = _own_record(context, row)
    summary = record.get("tldr") if record else None
    text = summary.get("text") if isinstance(summary, dict) else None
    note = "the record has a summary that could stand here" if text else "the description is empty"
    yield Finding(row.line, "no-description", None, text or None, "possible" if text else "certain", note)


def _own_record(context: Context, row: Row) -> dict[str, Any] | None:
    """Return the first record among a row's ids that is not another paper's."""
    records = (context.record(paper) for paper in (row.url_id, row.badge_id, row.link_id))
    return next((record for record in records if record and _fits(row, record)), None)


def _fits(row: Row, record: dict[str, Any]) -> bool:
    if row.url_id and row.url_id in record_ids(record):
        return True
    title = record.get("title")
    return bool(row.title and isinstance(title, str)) and likeness(row.title or "", str(title)) >= _TYPO


def _slug_agrees(words: list[str], title: str) -> bool | None:
    """Whether the words in a link are those of a title; None if too few are known to tell."""
    if len(words) < 3:
        return None
    known = set(simplify(title).split())
    share = sum(word in known for word in words) / len(words)
    return True if share >= 0.75 else False if share <= 0.4 else None


def _rename(text: str, row: Row, old: str, new: str) -> tuple[Edit, ...]:
    """Return the edits that put another id into a row's badge and link, where the old one stands."""
    edits = []
    link, image = row.citation.link, row.citation.image
    if link and row.link_id == old:
        edits.append(Edit(*link.url_span, page_url(new) or ""))
    if image and row.badge_id == old:
        start, end = image.url_span
        place = text.lower().find(old.lower(), start, end)
        edits.append(Edit(place, place + len(old), new) if place >= 0 else Edit(start, end, live_url(new)))
    return tuple(edits)


def _kind(paper_id: str) -> str:
    return paper_id.partition(":")[0] if ":" in paper_id else "sha"
