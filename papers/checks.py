"""The checks of one row: does it say one thing, and the truth? Each returns findings with the edits that mend them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from papers.badges import live_url
from papers.belief import believe, compare, contradiction, evidence
from papers.counts import page_url
from papers.dates import MONTHS, date_span, read_date, write_date
from papers.escape import for_html, for_markdown
from papers.identifiers import arxiv_month, from_text, from_url, slug_words
from papers.records import Record, carries, record_ids, title_of, year_of
from papers.service import Answer
from papers.slips import difference
from papers.table import Edit, Row
from papers.titles import FULL, length, likeness, same_script, same_title, simplify
from papers.wording import DULL

Kind = Literal[
    "link-badge-mismatch",
    "wrong-paper",
    "wrong-link",
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
    "ignore",
]
KINDS: tuple[str, ...] = get_args(Kind)
Certainty = Literal["certain", "likely", "possible"]
_URL = re.compile(r"https?://[^\s<>()\[\]\"'|]+")
_URL_YEAR = re.compile(r"/((?:19|20)\d\d)/")
UNREAD = "no date can be read in it"
_TYPO = 0.85
"""Titles at least this alike, of one paper, are one title and a slip in it."""
_MONTH_OR_PREPRINT = rf"(?:arxiv|preprint|corr|abs)\b|(?:{'|'.join(MONTHS)})[a-z]*\b"
_VENUE = re.compile(rf"\b(?!{_MONTH_OR_PREPRINT})[^\W\d_]{{2,}}", re.I)
_UPLOADED_LATER = ((2012, 6), (2013, 4))
"""In these months the proceedings of twenty years of UAI, and some of ICML, were put on arXiv."""
_OFTEN = 9
"""Months by which a preprint often comes after the conference or the open submission that a date is of."""
_OLD = 60
"""Months from which on it is as likely that an old paper was uploaded as that a date was mistyped."""


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
    rows_of: dict[str, list[Row]] = field(default_factory=dict)
    """The rows whose badge shows an id, or whose own link leads to it."""
    words: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    """The words in links to the service, with the ids behind them; filled when it is first asked for."""

    def __post_init__(self) -> None:
        """Note which rows name an id: a list of thousands is not gone through for each of its rows."""
        for row in self.rows:
            for paper in {row.badge_id, row.url_id} - {None}:
                self.rows_of.setdefault(paper or "", []).append(row)

    def record(self, paper_id: str | None) -> Record | None:
        """Return the record of an id, None if it is unknown, nobody was asked, or the answer may be another id's."""
        answer = self.records.get(paper_id or "")
        return answer.record if answer and answer.sure else None

    def words_of_several(self, url: str) -> bool:
        """Whether the words in a link to the service stand before several ids: somebody has changed the ids alone."""
        if not self.words:
            for row in self.rows:
                if row.link_id and row.citation.link:
                    self.words.setdefault(tuple(slug_words(row.citation.link.url)), set()).add(row.link_id)
        return len(self.words.get(tuple(slug_words(url)), ())) > 1

    def dead(self, paper_id: str) -> bool:
        """Whether the service was asked and knows no such paper."""
        answer = self.records.get(paper_id)
        return answer is not None and answer.record is None and not answer.failure

    def needs_match(self, row: Row) -> bool:
        """Whether a row has no id that leads to its own paper, so that its title has to be looked for."""
        record = self.record(row.paper_id) or self.record(row.url_id)
        if record is None or (row.paper_id and contradiction(row, record, self.around(row)) is not None):
            return True
        own = self.record(row.url_id)
        return own is not None and self.doubtful(row, own, row.url_id)

    def around(self, row: Row) -> str:
        """Return a row's source, in which authors may be named."""
        return self.text[row.start : row.end]

    def doubtful(self, row: Row, record: Record, asked: str | None) -> bool:
        """Whether a record to which an id leads is not believed to be the row's paper."""
        return believe(row, record, asked, around=self.around(row)).against is not None

    def suggestion(self, row: Row) -> tuple[Record | None, Certainty]:
        """Return the record that a row should have named, and how sure that is: two pieces of evidence are certain."""
        own = self.record(row.url_id)
        if own and not self.doubtful(row, own, row.url_id):
            return own, "certain" if len(evidence(row, own)) >= 2 else "likely"
        answer = self.matches.get(row.title or "")
        found = answer.record if answer else None
        if found and same_title(row.title or "", title_of(found)):
            return found, "likely" if "year" in evidence(row, found) else "possible"
        return None, "possible"


def _another(row: Row, record: Record) -> bool:
    """Whether a record's title is certainly that of another paper than the row's."""
    return compare(row.title, title_of(record)) == "other"


def row_findings(context: Context, row: Row, *, markdown: bool) -> Iterator[Finding]:
    """Yield the faults of one row."""
    yield from _no_id(context, row)
    yield from _dead_or_merged(context, row)
    mismatch = list(_link_and_badge(context, row))
    yield from mismatch
    if not mismatch:
        yield from _wrong_paper(context, row)
    yield from _wrong_link(context, row)
    yield from _date(context, row)
    yield from _title(context, row, markdown=markdown)
    yield from _description(context, row)


def _no_id(context: Context, row: Row) -> Iterator[Finding]:
    """Find rows whose count nobody can refresh; where the list shows no counts, that is no fault."""
    if row.paper_id:
        return
    record, certainty = context.suggestion(row)
    counted = row.style is not None or row.cell("citation") is not None
    if record:
        expected = str(record["paperId"])
        note = f"the title is that of {expected}"
        yield Finding(row.line, "no-id", row.url, expected, certainty if counted else "possible", note)
        return
    around = context.around(row)
    elsewhere = from_text(around) or any(map(from_url, _URL.findall(around)))  # whose it is, nobody says
    note = "neither badge nor link names a paper"
    yield Finding(row.line, "no-id", row.url, None, "certain" if counted and not elsewhere else "possible", note)


def _dead_or_merged(context: Context, row: Row) -> Iterator[Finding]:
    for paper in dict.fromkeys(filter(None, (row.badge_id, row.link_id))):
        record = context.record(paper)
        if record and len(paper) == 40 and record["paperId"] != paper:
            new = str(record["paperId"])
            # The answer alone may be another question's, so the row itself has to agree with it.
            sure = bool(evidence(row, record) & {"title", "id"})
            edits = _rename(context.text, row, paper, new) if sure else ()
            note = "the service has merged this paper"
            note += "" if sure else "; nothing else in the row says that it is this one"
            yield Finding(row.line, "merged", paper, new, "certain" if sure else "likely", note, edits)
        elif context.dead(paper):
            yield _dead(context, row, paper)


def _dead(context: Context, row: Row, paper: str) -> Finding:
    """Report an id that the service does not know. It gives out its own ids; of those of others it may lack some."""
    own, certainty = context.suggestion(row)
    new = str(own["paperId"]) if own else ""
    edits = _rename(context.text, row, paper, new) if new and certainty == "certain" else ()
    sure: Certainty = "certain" if len(paper) == 40 else "likely" if paper == row.badge_id else "possible"
    note = "the service knows no such id"
    return Finding(row.line, "dead", paper, new or None, certainty if own else sure, note, edits)


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
    owners = (other for other in context.rows_of.get(link, []) if other is not row and other.badge_id == link)
    owner = next(owners, None)
    copied = f"; it is the link of line {owner.line}" if owner else ""
    if of_badge and _fits(context, row, of_badge) and not (of_link and _fits(context, row, of_link)):
        sure = _two(row, of_badge, of_link)
        edit = Edit(*row.citation.link.url_span, page_url(str(of_badge["paperId"])) or "")
        note = f"the link leads to another paper than the badge counts{copied}"
        certainty: Certainty = "certain" if sure else "likely"
        yield Finding(row.line, "link-badge-mismatch", link, badge, certainty, note, (edit,) if sure else ())
    elif of_link and _fits(context, row, of_link) and not (of_badge and _fits(context, row, of_badge)):
        sure = _two(row, of_link, of_badge)
        edits = _rename(context.text, row, badge, str(of_link["paperId"]))
        note = "the badge counts the citations of another paper than the link leads to"
        certainty = "certain" if sure else "likely"
        yield Finding(row.line, "link-badge-mismatch", badge, link, certainty, note, edits if sure else ())
    else:
        words = slug_words(row.citation.link.url)
        badge_is_wrong = bool(row.title) and _slug_agrees(words, row.title or "") is True
        found, expected = (badge, link) if badge_is_wrong else (link, badge)
        note = f"link and badge name different papers{copied}"
        yield Finding(row.line, "link-badge-mismatch", found, expected, "likely", note)


def _two(row: Row, right: Record, wrong: Record | None) -> bool:
    """Whether two pieces of evidence say that one record is the row's paper: a record of another title is one."""
    return len(evidence(row, right)) + (wrong is not None and _another(row, wrong)) >= 2


def _wrong_paper(context: Context, row: Row) -> Iterator[Finding]:
    """Find ids that agree with each other but not with the title."""
    if not row.title or not (row.badge_id or row.link_id) or not row.paper_id:
        return
    record = context.record(row.paper_id)
    if record is None:
        words = slug_words(row.citation.link.url) if row.citation.link else []
        if row.paper_id == row.link_id and _slug_agrees(words, row.title) is False:
            note = f"the link's words are those of another title: {' '.join(words)}"
            copied = context.words_of_several(row.citation.link.url) if row.citation.link else False
            note += "; they stand before other ids, too, and only the id leads anywhere" if copied else ""
            certainty: Certainty = "possible" if copied else "likely"
            yield Finding(row.line, "wrong-paper", row.paper_id, row.url_id, certainty, note)
    elif _another(row, record) or (
        contradiction(row, record, context.around(row)) and "title" not in evidence(row, record)
    ):
        own, certainty = context.suggestion(row)
        new = str(own["paperId"]) if own else ""
        edits: list[Edit] = []
        if own and certainty == "certain":
            for old in filter(None, {row.badge_id, row.link_id}):
                edits += _rename(context.text, row, old, new)
        surely = _another(row, record)
        note = f"badge and link name {'another paper' if surely else 'a paper of another title'}: {record.get('title')}"
        sure = certainty if own else "likely" if surely else "possible"
        yield Finding(row.line, "wrong-paper", row.paper_id, new or row.url_id, sure, note, tuple(edits))


def _wrong_link(context: Context, row: Row) -> Iterator[Finding]:
    """Find a paper's own link that leads to a paper of another title.

    Papers are renamed from one version to the next, so the title alone is weak: it takes a date before that paper, the
    same link in another row, or another record of the row's own title to make it likely; the year, too, to be certain.
    """
    record = context.record(row.url_id)
    if not record or not row.url_id or not row.url_span or not context.doubtful(row, record, row.url_id):
        return
    if not same_script(row.title or "", title_of(record)):
        return  # a translated title names the same paper, as far as this can tell
    surely = _another(row, record)
    note = f"the link leads to {'another paper' if surely else 'a paper of another title'}: {title_of(record)}"
    answer = context.matches.get(row.title or "")
    others = [context.record(row.badge_id), context.record(row.link_id), answer.record if answer else None]
    named = [other for other in others if other and "title" in evidence(row, other)]
    namesake = any(
        other and row.year and row.year == year_of(other) and compare(row.title, title_of(other)) == "short"
        for other in others
    )
    right = next((other for other in named if "year" in evidence(row, other)), None)
    kind = row.url_id.partition(":")[0] + ":"
    expected = next((i for i in sorted(record_ids(right)) if i.startswith(kind)), None) if right else None
    edits: tuple[Edit, ...] = ()
    if right and expected:
        old, new = re.compile(re.escape(row.url_id.removeprefix(kind)) + r"(?:v\d+)?(?!\d)", re.I), expected
        places = [old.search(context.text, *row.url_span)]
        if places[0]:  # another link of the row may lead there, too: to the PDF
            places += [m for m in old.finditer(context.text, row.start, row.end) if context.text[m.start() - 1] == "/"]
        new = new.removeprefix(kind)
        edits = tuple(dict.fromkeys(Edit(place.start(), place.end(), new) for place in places if place))
    certainty: Certainty = "certain" if right else "possible"
    if not right and (named or namesake or (surely and _too_early(row)) or _shared(context, row, record)):
        several = any(paper != row.url_id and not carries(record, paper) for paper in row.named)
        certainty = "possible" if several else "likely"  # two ids may be of two versions of one paper
    elif not right:
        note += "; or it had the title of the list once" if length(row.title or "") >= FULL else ""
    yield Finding(row.line, "wrong-link", row.url, expected, certainty, note, edits)
    for other in row.named[1:]:
        if carries(record, other):
            yield Finding(
                row.line, "wrong-link", other, None, certainty, f"a second link leads there, too: {title_of(record)}"
            )


def _too_early(row: Row) -> bool:
    """Whether a row is dated long before its link's arXiv number."""
    month = arxiv_month(row.url_id)
    if not month or not row.year:
        return False
    return 12 * (month[0] - row.year) + month[1] - (row.month or 12) >= _OFTEN


def _shared(context: Context, row: Row, record: Record) -> bool:
    """Whether another row has the same link and another title, or the title of the paper that it leads to.

    The latter says little of a row of that paper's year, or with words of its title: papers are renamed, and cut.
    """
    others = context.rows_of.get(row.url_id or "", [])
    titles = {other.title for other in others if other.title and other.url_id == row.url_id} - {row.title}
    ours, theirs = (f"{simplify(title)} " for title in (row.title or "", title_of(record)))
    if theirs.startswith(ours):
        return False
    may_be = f" {ours}" in theirs or row.year is None or "year" in evidence(row, record)
    return any(
        compare(row.title, title) == "other" or (not may_be and compare(title, title_of(record)) in ("same", "short"))
        for title in titles
    )


def _date(context: Context, row: Row) -> Iterator[Finding]:
    """Find dates that are none, and dates before the paper was there.

    A later date may be that of a conference, and contradicts nothing, unless it is still to come. An earlier one may be
    a conference's, too, if the preprint came after it: so months say little, and the year of a named venue nothing.
    """
    if not row.date:
        return
    if row.year is None:
        if re.search(r"\w", row.date):
            yield Finding(row.line, "date", row.date, None, "possible", UNREAD)
        return
    if row.year > date.today().year + 1:
        yield Finding(row.line, "date", row.date, None, "certain", "that year has not come yet")
        return
    link = context.record(row.url_id)
    record = _own_record(context, row)
    if link and context.doubtful(row, link, row.url_id):
        return  # what the link says of the date is another paper's
    ids = {row.url_id, row.paper_id} | (record_ids(record) if record else set())
    arxiv = min(filter(None, map(arxiv_month, ids)), default=None)
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
    late = 12 * (first[0] - row.year) + first[1] - (row.month or (1 if mistyped else 12))
    if late < 2 and not mistyped:  # a month may be lost between time zones and first versions
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
    certainty: Certainty = "likely"
    if in_link or (late < _OFTEN and not mistyped):
        certainty = "possible"
    elif _VENUE.search(row.date) or (arxiv and _UPLOADED_LATER[0] <= arxiv <= _UPLOADED_LATER[1]):
        certainty, note = "possible", note + "; the conference may have come before the preprint"
    elif not (agreed or mistyped or row.month) and (late >= _OLD or _names_venue(context, row)):
        certainty, note = "possible", note + "; it may have been put there long after it appeared"
    elif agreed and record and "title" in evidence(row, record):
        certainty = "certain"
    yield Finding(row.line, "date", row.date, expected, certainty, note, _date_edits(context, row, year, month))


def _names_venue(context: Context, row: Row) -> bool:
    """Whether a column of venues names one that is not arXiv: the date may well be that of the venue."""
    cell = row.cell("source")
    return bool(cell and _VENUE.search(context.text[cell.start : cell.end]))


def _date_edits(context: Context, row: Row, year: int, month: int | None) -> tuple[Edit, ...]:
    """Return the edit of a date, where a cell holds it; what else stands there, such as "(v2)", is kept."""
    cell = row.cell("date")
    source = context.text[cell.start : cell.end] if cell else ""
    if not cell or not row.date or source.strip() != row.date:
        return ()
    begin = cell.start + len(source) - len(source.lstrip())
    start, end = date_span(row.date) or (0, len(row.date))
    if not re.search(r"[^\W\d_]", row.date[:start] + row.date[end:]):
        start, end = 0, len(row.date)  # digits and marks are a part of what was mistyped
    return (Edit(begin + start, begin + end, write_date(year, month, row.date[start:end])),)


def _title(context: Context, row: Row, *, markdown: bool) -> Iterator[Finding]:
    """Find slips in a title that is otherwise the record's.

    Another spelling is no slip, and words more or fewer may be those of another version of the paper.
    """
    record = _own_record(context, row)
    theirs = record.get("title") if record else None
    if not row.title or not row.title_span or not isinstance(theirs, str) or likeness(row.title, theirs) < _TYPO:
        return
    differs = difference(row.title, theirs)
    if not differs:
        return
    ours, words = row.title.split(), theirs.split()
    if len(ours) == len(words):  # keep the author's own capitals and commas where the words agree
        words = [mine if simplify(mine) == simplify(other) else other for mine, other in zip(ours, words, strict=True)]
    expected = " ".join(words)
    escape = for_markdown if markdown else for_html
    plain = context.text[slice(*row.title_span)] == escape(row.title)
    certainty: Certainty = "possible"
    if differs == "slip":
        certainty = "certain" if row.url_id in record_ids(record or {}) else "likely"
    edits = (Edit(*row.title_span, escape(expected)),) if plain else ()
    yield Finding(row.line, "title", row.title, expected, certainty, f"the record's title is: {theirs}", edits)


def _description(context: Context, row: Row) -> Iterator[Finding]:
    if row.description or row.cell("description") is None:
        return
    record = _own_record(context, row)
    summary = record.get("tldr") if record else None
    text = summary.get("text") if isinstance(summary, dict) else None
    note = "the record has a summary that could stand here" if text else "the description is empty"
    yield Finding(row.line, "no-description", None, text or None, "possible" if text else "certain", note)


def _own_record(context: Context, row: Row) -> Record | None:
    """Return the first record among a row's ids that is not another paper's."""
    records = (context.record(paper) for paper in (row.url_id, row.badge_id, row.link_id))
    return next((record for record in records if record and _fits(context, row, record)), None)


def _fits(context: Context, row: Row, record: Record) -> bool:
    if context.doubtful(row, record, row.url_id or row.paper_id):
        return False
    if row.url_id and row.url_id in record_ids(record):
        return True
    title = record.get("title")
    return bool(row.title and isinstance(title, str)) and likeness(row.title or "", str(title)) >= _TYPO


def _slug_agrees(words: list[str], title: str) -> bool | None:
    """Whether the words in a link are those of a title; None if too few are known to tell, or it is a nickname."""
    known = set(simplify(title).split()) - DULL
    words = [word for word in words if word not in DULL]
    if len(words) < 3 or len(known) < FULL or not title.isascii():
        return None
    share = sum(word in known for word in words) / len(words)
    return True if share >= 0.75 else False if share <= 0.25 else None


def _rename(text: str, row: Row, old: str, new: str) -> tuple[Edit, ...]:
    """Return the edits that put another id into a row's badge and link, where the old one stands."""
    edits = []
    link, image = row.citation.link, row.citation.image
    if link and row.link_id == old:
        edits.append(Edit(*link.url_span, page_url(new) or ""))
    shown = image.url_span if image else row.citation.kept_url or row.citation.kept
    if shown and row.badge_id == old:
        start, end = shown
        place = text.lower().find(old.lower(), start, end)
        edits.append(Edit(place, place + len(old), new) if place >= 0 else Edit(start, end, live_url(new)))
    return tuple(edits)


def _kind(paper_id: str) -> str:
    return paper_id.partition(":")[0] if ":" in paper_id else "sha"
