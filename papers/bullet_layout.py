"""Lay a new bullet, or paragraph, out as another is: the same marks around title, authors, date, link and count."""

from __future__ import annotations

import re
from dataclasses import dataclass

from papers.blocks import Span, line_start
from papers.dates import write_date
from papers.escape import for_html, for_markdown
from papers.numbers import write_count
from papers.table import Row, Table
from papers.title_cells import is_generic

_GLUE = re.compile(r"[ \t]*(?:\\|<br\s*/?>)?(?:[ \t>]*(?:\r\n?|\n))+[ \t>]*(?:[-*+]\s+|\d+[.)]\s+)?", re.I)
_KEY = re.compile(r"(?:[\r\n][ \t>]*[-*+][ \t]+)(?P<key>[^\W\d_][\w ]{0,20}:[ \t]*)\Z")
_NUMBER = re.compile(r"(?P<before>[ \t>]*)(?P<number>\d{1,9})(?=[.)]\s)")
_LINK = re.compile(r"\s*(?:\"[^\"\r\n]*\"|'[^'\r\n]*')?>?\)")
_ELSEWHERE = re.compile(r"\]\([^()\s]*\)")
_ITALICS = re.compile(r"(?<![*\w\\])([*_])(?![*\s])(?P<inside>(?:[^*_\\]|\\.)+)\1(?![*\w])")
_PAIRS = (("***", "***"), ("**", "**"), ("__", "__"), ("*", "*"), ('"', '"'), ("“", "”"), ("(", ")"), ("[", "]"))


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What a new entry is to say."""

    title: str
    url: str | None
    authors: list[str]
    venue: str | None
    venue_year: int | None
    """The year of the venue, which may be later than that of the preprint."""
    year: int | None
    month: int | None
    day: int | None
    count: int | None


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    source: str


def like_another(text: str, table: Table, entry: NewEntry) -> tuple[str, int]:
    """Return the source of a new entry, with the white space before it, and where it goes: behind the last.

    What only its own keeper could write (a link to code, a remark) is left out; a badge is put there by
    :func:`papers.places.added_counts`.

    Args:
        text: the whole text.
        table: the bullets or paragraphs that it is to stand behind.
        entry: what it says.
    """
    begins = {row.start: line_start(text, row.start) for row in table.rows}
    inner = min(row.start - begins[row.start] for row in table.rows)
    level = [row for row in table.rows if row.start - begins[row.start] == inner]
    model = level[-1]
    position = max(row.end for row in table.rows)
    pieces = sorted(_pieces(text, model, entry, markdown=table.markdown), key=lambda piece: piece.start)
    source, done = text[model.start : pieces[0].start], pieces[0].start
    if (first := re.search(r"[^\W\d_]", source)) and not table.markdown:
        source = source[: source.find(">") + 1]  # <li>
    elif first:  # authors before the title
        source = _marker(source)
    for piece in pieces:
        if piece.start > done or done != pieces[0].start:
            source += _between(text[done : piece.start])
        source += piece.source
        done = piece.end
    if not table.markdown and re.match(r"<li\b", text[model.start : model.end], re.I):
        source += "</li>" if text[model.end : model.end + 5].lower() == "</li>" else ""
        position += 5 if text[position : position + 5].lower() == "</li>" else 0
    return _gap(text, table, model) + _numbered(text, source, level), position


def _pieces(text: str, row: Row, entry: NewEntry, *, markdown: bool) -> list[_Piece]:
    escape = for_markdown if markdown else for_html
    assert row.title_span
    title, before, after = _marked(text, row)
    shown = before + escape(entry.title) + after
    own = row.url_span if row.url_span and row.start <= row.url_span[0] < row.end else None
    pieces = []
    link = _link(text, row, own) if own else None
    if own and link and link[0] <= row.title_span[0] and row.title_span[1] <= link[1]:  # the title is the link
        address = for_html(entry.url or "") if text[own[0] - 1] in "\"'" else entry.url or ""
        first, second = sorted([(*row.title_span, escape(entry.title)), (*own, address)])
        shown = text[link[0] : first[0]] + first[2] + text[first[1] : second[0]] + second[2] + text[second[1] : link[1]]
        title = link
    elif text[title[0] - 1 : title[0]] == "[" and (elsewhere := _ELSEWHERE.match(text, title[1], row.end)):
        title = (title[0] - 1, elsewhere.end())  # which leads to the keeper's own notes
    if link and own and entry.url and title != link:
        label = _relabelled(text[link[0] : own[0]], entry)
        pieces.append(_Piece(*link, label + entry.url + text[own[1] : link[1]]))
    pieces.append(_Piece(*title, shown))
    if own is None and entry.url:
        address = f" [[paper]({entry.url})]" if markdown else f' <a href="{for_html(entry.url)}">paper</a>'
        pieces[-1] = _Piece(*title, pieces[-1].source + address)
    taken = [(piece.start, piece.end) for piece in pieces]
    pieces += _credits(text, row, entry, taken, escape_markdown=markdown)
    pieces += _dates(text, row, entry, [(piece.start, piece.end) for piece in pieces])
    citation = row.citation
    if citation.style == "text" and not citation.kept and citation.count_span and entry.count is not None:
        span = citation.shown_span or citation.count_span
        count = write_count(entry.count, text[slice(*citation.count_span)])
        counted = text[span[0] : citation.count_span[0]] + count + text[citation.count_span[1] : span[1]]
        if citation.link is None and not any(a < span[1] and span[0] < b for a, b in taken):
            grown = _grown(text, row, span)
            pieces.append(_Piece(*grown, text[grown[0] : span[0]] + counted + text[span[1] : grown[1]]))
    return pieces


def _credits(text: str, row: Row, entry: NewEntry, taken: list[Span], *, escape_markdown: bool) -> list[_Piece]:
    """Return the authors, where the other entry has them in italics."""
    if not entry.authors or not escape_markdown:
        return []
    for match in _ITALICS.finditer(text, row.start, row.end):
        inside = match["inside"]
        if any(a < match.end() and match.start() < b for a, b in taken) or not re.search(r",|\bet al|\band\b", inside):
            continue
        names = [for_markdown(name) for name in entry.authors]
        shown = f"{names[0]} et al." if "et al" in inside and len(names) > 1 else ", ".join(names)
        return [_Piece(match.start(), match.end(), f"{match[1]}{shown}{match[1]}")]
    return []


def _dates(text: str, row: Row, entry: NewEntry, taken: list[Span]) -> list[_Piece]:
    """Return the date in the other's form; with a venue before it, the new paper's venue if one is known."""
    if not row.date or not entry.year:
        return []
    place = row.start
    while (place := text.find(row.date, place, row.end)) >= 0:
        span = (place, place + len(row.date))
        if not any(a < span[1] and span[0] < b for a, b in taken):
            break
        place += 1
    if place < 0:
        return []
    year = re.search(r"(?:19|20)\d\d|['’]?\d\d['’]?", row.date)
    named = bool(re.search(r"[^\W\d_]{2}", row.date)) and row.month is None
    if named and year:
        venue = for_markdown(entry.venue) if entry.venue else "arXiv" if "arxiv.org" in (entry.url or "") else ""
        when = (entry.venue_year if entry.venue else None) or entry.year
        shown = f"{venue} {when}".strip() if len(year[0]) == 4 else f"{venue} '{when % 100:02}".strip()
    else:
        shown = write_date(entry.year, entry.month, row.date, entry.day)
    grown = _grown(text, row, span)
    if any(a < grown[1] and grown[0] < b for a, b in taken):
        grown = span
    if key := _KEY.search(text, row.start, grown[0]):
        grown = (key.start("key"), grown[1])
    return [_Piece(*grown, text[grown[0] : span[0]] + shown + text[span[1] : grown[1]])]


def _marked(text: str, row: Row) -> tuple[Span, str, str]:
    """Return where a title stands with the marks around it, and the marks before and behind a new one."""
    assert row.title_span
    start, end = _grown(text, row, row.title_span)
    before, after = text[start : row.title_span[0]], text[row.title_span[1] : end]
    for opening, closing in _PAIRS:
        if (start, end) != row.title_span or not text[row.start : start].endswith(opening):
            continue
        line = re.match(r"[^\r\n]{0,60}", text[end : row.end])
        place = line[0].find(closing) if line else -1
        inside = text[start:end].count(closing) % 2 == 1 and opening == closing  # **BERT**: Pre-training of …
        if inside or place >= 0:
            end = end if inside else end + place + len(closing)
            return (start - len(opening), end), opening, closing
    return (start, end), before, after


def _relabelled(source: str, entry: NewEntry) -> str:
    """Return the beginning of a link, up to its address, without another paper's venue in its words."""
    match = re.fullmatch(r"(?P<before>[^\w<]*\[[^\w<]*)(?P<words>[^\[\]<>]*\w)(?P<after>[^\w]*\]\()", source)
    if not match or (is_generic(match["words"]) and not re.search(r"\d", match["words"])):
        return source
    venue = f"{entry.venue} {entry.venue_year}" if entry.venue and entry.venue_year else "paper"
    return match["before"] + for_markdown(venue) + match["after"]


def _grown(text: str, row: Row, span: Span) -> Span:
    """Return a span with the marks that stand around it on both sides."""
    start, end = span
    grew = True
    while grew:
        grew = False
        for before, after in _PAIRS:
            closing = end + (text[end : end + 1] in ".,?!" and text[end + 1 : end + 1 + len(after)] == after)
            if (
                start - len(before) >= row.start
                and text[start - len(before) : start] == before
                and text[closing : closing + len(after)] == after
                and not (after == "]" and text[closing + 1 : closing + 2] in ("(", "["))
            ):
                start, end, grew = start - len(before), closing + len(after), True
                break
    return start, end


def _link(text: str, row: Row, url: Span) -> Span:
    """Return a link with the marks around it, from its address."""
    if url[0] > 0 and text[url[0] - 1] in "\"'=":  # an HTML tag
        start = text.rfind("<a", row.start, url[0])
        end = text.lower().find("</a>", url[1], row.end)
        return (start, end + 4) if start >= 0 and end >= 0 else url
    close = _LINK.match(text, url[1], row.end)
    opened = text.rfind("](", row.start, url[0])
    if not close or opened < 0:
        return _grown(text, row, url)
    depth, start = 1, opened
    while start > row.start and depth:
        start -= 1
        depth += (text[start] == "]") - (text[start] == "[")
    return _grown(text, row, (start, close.end()))


def _between(gap: str) -> str:
    """Return what joins two pieces: the gap without its words, or the line break in it."""
    if match := _GLUE.search(gap):
        return match[0]
    return gap if not re.search(r"\w", gap) and gap else " "


def _marker(lead: str) -> str:
    match = re.match(r"(?:[ \t>]*(?:[-*+•]|\d{1,9}[.)])\s+)*", lead)
    return match[0] if match else ""


def _numbered(text: str, source: str, rows: list[Row]) -> str:
    """Return an entry with the next number, where the list counts: not all of its entries are the first."""
    match = _NUMBER.match(source)
    if not match:
        return source
    counts = (
        len(rows) > 1
        or re.search(r"^[ \t>]*2[.)]\s", text, re.M)
        or len(re.findall(r"^[ \t>]*1[.)]\s", text, re.M)) < 2
    )
    return _with_number(
        source, match, int(match["number"]) + (1 if counts and (match["number"] != "1" or len(rows) < 2) else 0)
    )


def _with_number(source: str, match: re.Match[str], number: int) -> str:
    return f"{match['before']}{number}{source[match.end() :]}"


def _gap(text: str, table: Table, model: Row) -> str:
    """Return the white space that parts two entries, with the indentation of the second."""
    begin = line_start(text, model.start)
    indent = text[begin : model.start]
    indent = indent if not indent.strip(" \t>") else ""
    line_end = "\r\n" if "\r\n" in text else "\n"
    rows = [row for row in table.rows if row.start <= model.start]
    if len(rows) > 1 and not (between := text[rows[-2].end : rows[-1].start]).strip(" \t\r\n>\\"):
        breaks = between.count("\n") or between.count("\r")
        if breaks:
            return line_end * (breaks - 1) + line_end + indent
        return ""
    loose = not re.match(r"(?:[-*+•]|\d{1,9}[.)])\s|<li", text[model.start : model.start + 12], re.I)
    return line_end * (2 if loose else 1) + indent
