"""Papers in bullets, numbered entries and paragraphs: which of them are papers, and what belongs to each.

A bullet is a paper's if it has a title and a citation badge, a count (``Cited by `12` ``), or a link that leads to a
paper: one that names an id, one to a publisher or a PDF, one that says "pdf". A paragraph is one only if it is laid out
as an entry, too: its title first, in bold, in quotes or as a link. A table of contents links to no paper.

What stands in a bullet below, without a title of its own, belongs to the bullet above: links, authors, the venue. So
does what stands below a heading that is a paper's: one that links to it, or several that have their links below.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from papers.badges import Citation
from papers.blocks import Blocks, Item, Span
from papers.entries import Reader, Reading
from papers.entry_titles import ITALICS, TAKEN, are_names, end_of_lead
from papers.headings import Sections
from papers.markup import Link, References
from papers.paper_links import id_of
from papers.title_cells import is_credit

_MARKER = re.compile(r"(?:[ \t>]*(?:[-*+•]|\d{1,9}[.)])(?=\s|\Z))*[ \t>]*(?:\[[ xX]\][ \t]+)?")
_LIST_ITEM = re.compile(r"<li\b[^>]*>(?P<inside>(?:(?!</?(?:li|ul|ol|table)\b)[^\0])*)", re.I)
_PARAGRAPH = re.compile(
    r"<(?:dt\b[^>]*>(?P<inside>(?:(?!<dt\b|</?(?:dl|ul|ol|table)\b)[^\0])*)"
    r"|(?:p|div)\b[^>]*>(?P<paragraph>(?:(?!</?(?:p|div|dl|ul|ol|table|h\d)\b)[^\0])*))",
    re.I,
)
_SET = re.compile(r"[*_]|</?[A-Za-z][^<>]*>")
_CREDITED = re.compile(r"(?P<names>[^\0]{3,200}?)[.,]?(?P<year>\s*\((?:19|20)\d\d[^()]{0,12}\)[.:,]?)?\s*")
_LINE = re.compile(r"[^\r\n]+")
_HEAD = re.compile(
    r"[ \t>]*(?:[^\w\s\[*<]+\s*|\d{1,4}[.)]\s+|\[\d+\]\s*|[-•]\s+)?"
    r"(?:\*\*[^*\s(\[]|\[+(?!\[)[^\]\s][^\]]{12,}\]+\(|\*\*\[\d)"
)
_HASHES = re.compile(r"[ \t>]*#{1,6}[ \t]+")
_KEY = re.compile(r"\s*[*_]*[^\W\d_][\w /-]{0,24}[*_]*\s*[:：]?\s*\[?\Z")
_BRACKETED = re.compile(r"\[\[[^\[\]]+\](?:\([^()]*\)\]|\]\()")
_REMARK = 160
"""Characters that a paragraph may say beside title, links and authors; one that says more speaks of a paper."""
_NO_CATEGORY = 4
"""Words from which on a heading without a link is more than the name of a group."""
_MOST_BELOW = 20
"""Paragraphs and items below a heading that say something of one paper; more are a section."""
_FEW = 2
"""Words up to which what stands before a title may be a venue, a name, a label."""
_GROUP = 8
"""Words up to which a bullet above others names their group."""


_Block = TypeVar("_Block", Span, Item)


@dataclass(slots=True)
class Entry:
    """One paper of a list or a paragraph."""

    start: int
    end: int
    """Where it ends, with all that belongs to it, in bullets below too."""
    title: str
    title_span: Span
    url: str | None
    url_span: Span | None
    named: tuple[str, ...]
    """The ids that it names outside its count: that of its own link first, then of other links, then in words."""
    date: str | None
    year: int | None
    month: int | None
    category: str | None
    citation: Citation


@dataclass(slots=True)
class EntryList:
    """Entries under one heading, all Markdown or all HTML."""

    markdown: bool
    heading: str | None
    entries: list[Entry] = field(default_factory=list)


def find_entries(text: str, blocks: Blocks, references: References | None, sections: Sections) -> list[EntryList]:
    """Return the papers of a Markdown text that stand in no table, in the order of their places.

    Args:
        text: the whole text.
        blocks: its blocks.
        references: what its links by reference lead to.
        sections: its headings.
    """
    finder = _Finder(text, references)
    found = [(entry, True) for entry in finder.headed(blocks, sections)]
    sections.are_titles({entry.start for entry, _ in found})
    taken = [(entry.start, entry.end) for entry, _ in found]
    found += [(entry, True) for item in _outside(blocks.items, taken) for entry in finder.items(item, None)]
    found += [(entry, True) for entry in finder.paragraphs(list(_outside(blocks.loose, taken)))]
    found += [(entry, False) for entry in finder.html_items(list(_outside(blocks.html, taken)))]
    found.sort(key=lambda pair: pair[0].start)
    lists: list[EntryList] = []
    last = None
    for entry, markdown in found:
        section = sections.above(entry.start)
        if section.aside and not entry.citation.style:
            continue
        if last != (section, markdown):
            last = (section, markdown)
            lists.append(EntryList(markdown, section.name))
        entry.category = entry.category or section.name
        entry.year = entry.year or section.year
        lists[-1].entries.append(entry)
    return lists


def _outside(blocks: Sequence[_Block], taken: Sequence[Span]) -> Iterator[_Block]:
    """Yield the blocks that lie in none of some stretches of the text, which are in order."""
    for block in blocks:
        start = block.start if isinstance(block, Item) else block[0]
        index = bisect_right(taken, (start, sys.maxsize)) - 1
        if index < 0 or start >= taken[index][1]:
            yield block


def _flat(item: Item) -> Iterator[Item]:
    """Yield an item and those inside it."""
    yield item
    for one in item.items:
        yield from _flat(one)


def _said(mask: str) -> int:
    """Return how many characters a text says beside its links; a comment, which is blotted out by blanks, says none."""
    return len(" ".join(mask.replace(TAKEN, "").split()))


def _is_prose(before: str) -> bool:
    """Whether words before a link speak of what it leads to: neither a lead nor names."""
    while end := end_of_lead(before):
        before = before[end:]
    words = before.strip(" \t\r\n[(*_.:,")
    return len(words.split()) > _FEW and not are_names(words)


class _Bodies:
    """What stands below headings: paragraphs and the outermost items of lists."""

    def __init__(self, blocks: Blocks) -> None:
        pairs: list[tuple[int, Span | Item]] = [(item.start, item) for item in blocks.items]
        pairs += [(span[0], span) for span in blocks.loose]
        pairs.sort(key=lambda pair: pair[0])
        self._starts, self._blocks = [start for start, _ in pairs], [block for _, block in pairs]

    def between(self, start: int, end: int) -> list[Span | Item]:
        """Return those that begin between two places; none if they are too many to say something of one paper."""
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return self._blocks[first:last] if last - first <= _MOST_BELOW else self._blocks[first : first + 1]


class _Finder:
    """Finds the papers among the bullets and paragraphs of one text."""

    def __init__(self, text: str, references: References | None) -> None:
        self.text = text
        self.reader = Reader(text, references)

    def items(self, item: Item, group: str | None, reading: Reading | None = None) -> list[Entry]:
        """Return the papers of an item of a list and of the items below it."""
        reading = reading or self._read(item)
        if not item.items:
            return [self._entry(reading, item.start, item.paragraphs[-1][1], group)] if reading.is_paper else []
        inner = [(child, self._read(child)) for child in item.items]
        lent = any(read.own and not read.title for _, read in inner)
        borrowed = [(child, read) for child, read in inner if self._belongs_above(reading, read, lent=lent)]
        whole = self.reader.joined(reading, [read for _, read in borrowed])
        heads = group if whole.is_paper or not reading.title else reading.title.words
        below = [
            entry
            for child, read in inner
            if not (whole.is_paper and any(read is other for _, other in borrowed))
            for entry in self.items(child, heads if not reading.is_paper else group, read)
        ]
        if not whole.is_paper:
            if not reading.title and (year := reading.dated(self.text)[1]):  # "ICLR 2020", above its papers
                for entry in below:
                    entry.year = entry.year or year
            return below
        ends = [*(span[1] for span in item.paragraphs), *(span[1] for _, read in borrowed for span in read.spans)]
        deeper = [entry for child, _ in borrowed for one in child.items for entry in self.items(one, group)]
        return [self._entry(whole, item.start, max(ends), group), *below, *deeper]

    def headed(self, blocks: Blocks, sections: Sections) -> list[Entry]:
        """Return the papers whose titles are headings, each with what stands below it."""
        bodies = _Bodies(blocks)
        heads = sections.headings
        found: list[tuple[Entry, int, bool]] = []
        full: Counter[int] = Counter()
        for heading, stop in zip(heads, [*(other.start for other in heads[1:]), len(self.text)], strict=False):
            begin, end = heading.text
            match = _HASHES.match(self.text, begin, end)
            begin = match.end() if match else begin
            inside = self.text[begin:end].rstrip(" \t\r\n#")
            title = self.reader.read([(begin, begin + len(inside))], markdown=True)
            words = title.title
            if not words or (heading is heads[0] and heading.level == 1 and len(heads) > 1):
                continue
            linked = title.own is not None and (words.link is title.own or title.labelled) and words.length > 1
            if not linked and title.own:
                continue
            below = self._below(bodies.between(end, stop), every=not linked)
            if below is None:
                continue
            last = max([end, *(span[1] for one in below for span in one.spans)])
            whole = self.reader.joined(title, below, nickname=False)
            found.append((self._entry(whole, heading.start, last, None), heading.level, linked))
            full[heading.level] += not linked and words.length >= _NO_CATEGORY
        return [entry for entry, level, linked in found if linked or full[level] > 1]

    def _below(self, spans: Sequence[Span | Item], *, every: bool) -> list[Reading] | None:
        """Return what belongs to the heading above: all before the first paper that stands for itself.

        Args:
            spans: the paragraphs and items below it.
            every: whether none of them may be a paper of its own, and one has to lead to the heading's; else None.
        """
        below: list[Reading] = []
        for one in spans:
            if isinstance(one, Item):
                parts = [self._read(item) for item in _flat(one)]
                alone = any(self._independent(part) for part in parts)
            else:
                parts = [self.reader.read([self._inside(one)], markdown=True)]
                alone = parts[0].is_paper and self._laid_out(parts[0])
            if alone and every:
                return None
            if alone:
                break
            below += [part for part in parts if sum(map(_said, part.masks)) < 2 * _REMARK]
        own = ((part, part.own) for part in below if part.own and not (part.title and part.title.link is part.own))
        return below if not every or any(part.labelled or self.reader.is_label(link) for part, link in own) else None

    def paragraphs(self, spans: Sequence[Span]) -> list[Entry]:
        """Return the papers that are paragraphs outside lists."""
        found: list[Entry] = []
        before: tuple[Span, Reading] | None = None
        for span in spans:
            if self.text.find("http", *span) < 0 and span[1] - span[0] > 400:
                before = None
                continue
            for part in self._parts(span):
                reading, start = self.reader.read([self._inside(part)], markdown=True), part[0]
                if before and self._goes_on(before[0], start) and self._belongs(before[1], reading):
                    reading, start = self.reader.joined(before[1], [reading]), before[0][0]
                    if found and found[-1].start >= start:
                        found.pop()
                if reading.is_paper and self._laid_out(reading):
                    found.append(self._entry(reading, start, part[1], None))
                before = ((start, part[1]), reading)
        return found

    def html_items(self, spans: Sequence[Span]) -> Iterator[Entry]:
        """Yield the papers that are items, terms or paragraphs of raw HTML."""
        for start, end in spans:
            items = self.text.find("<li", start, end) >= 0
            for match in (_LIST_ITEM if items else _PARAGRAPH).finditer(self.text, start, end):
                reading = self.reader.read([match.span(match.lastgroup or 0)], markdown=False)
                if reading.is_paper and (match.lastgroup == "inside" or self._laid_out(reading)):
                    yield self._entry(reading, match.start(), match.end(), None)

    def _read(self, item: Item) -> Reading:
        return self.reader.read([self._inside(span) for span in item.paragraphs], markdown=True)

    def _belongs_above(self, above: Reading, below: Reading, *, lent: bool) -> bool:
        """Whether a bullet adds to the one above it, rather than standing for itself.

        With ``lent`` a bullet beside it says where that paper is: ``Paper: https://…``.
        """
        if not above.title:
            return False
        if not above.own and below.own and not below.has_words:
            return True  # a title, and below it the links
        about = lent or above.own or above.citation.style or not below.title
        return bool(about) and not self._independent(below)

    def _independent(self, reading: Reading) -> bool:
        """Whether a bullet below a paper is a paper of its own, and not ``Code: [official](…)``."""
        title = reading.title
        if not reading.is_paper or not title:
            return False
        before = self.text[reading.spans[0][0] : title.span[0]]
        if before.strip() and (_KEY.match(before) or (title.kind == "link" and _is_prose(before))):
            return False
        return title.kind != "plain" or title.length > 3

    def _laid_out(self, reading: Reading) -> bool:
        """Whether a paragraph is laid out as an entry of a list, and does not only speak of a paper."""
        title = reading.title
        assert title
        start = reading.spans[0][0]
        before = self.text[start : title.link.span[0] if title.link else title.span[0]]
        sure = reading.labelled or bool(reading.citation.style)
        if not reading.links and not reading.images and not reading.named_id:
            return title.kind == "bold" and sure
        lead = _SET.sub("", before) + TAKEN
        while end := end_of_lead(lead):
            lead = lead[end:]
        quoted = title.kind == "quoted" or (title.kind == "bold" and before.rstrip("* ").endswith(('"', "“")))
        dated = title.kind == "plain" and not quoted
        whole = title.length > 2 if title.kind == "link" else sure or title.kind != "bold"
        if reading.own and whole and self._is_reference(reading, lead, dated=dated):
            return True
        if quoted:
            return sure
        lead = lead.strip(TAKEN + ' \t\r\n*_[("“\\<>a:：')
        if lead and not (len(before) < 40 and before.rstrip(" [*").endswith((":", "：", "|", "-"))):
            return False
        if title.kind == "bold" and sure:
            return True
        rest = reading.masks[0]
        if (
            title.link
            and title.length > 2
            and reading.own is title.link
            and self._ends_line(title.link, reading.citation)
        ):
            return True
        if title.kind != "plain":
            return _said(ITALICS.sub("", rest)) < _REMARK and reading.own is not None and bool(id_of(reading.own.url))
        source = self.text[start : reading.spans[-1][1]]
        return _said(rest) < 2 * _REMARK and bool(_BRACKETED.search(source))

    def _is_reference(self, reading: Reading, lead: str, *, dated: bool) -> bool:
        """Whether names, and with ``dated`` a year in brackets, stand before a title, and little more behind it."""
        match = _CREDITED.fullmatch(lead.strip(TAKEN + '["“'))
        if not match or (dated and not match["year"]) or _said(reading.masks[0]) > 2 * _REMARK:
            return False
        names = match["names"].strip()
        return bool(names) and are_names(names) and ("," in names or "et al" in names)

    def _ends_line(self, link: Link, citation: Citation) -> bool:
        """Whether nothing but a count stands behind a link on its line."""
        line = _LINE.match(self.text, link.span[1])
        rest = line[0] if line else ""
        shown = citation.image.span if citation.image else citation.shown_span
        if shown and citation.link:
            shown = citation.link.span
        if line and shown and line.start() <= shown[0] and shown[1] <= line.end():
            rest = self.text[line.start() : shown[0]] + self.text[shown[1] : line.end()]
        return not rest.strip(" \t\\*")

    def _goes_on(self, before: Span, start: int) -> bool:
        return not self.text[before[1] : start].strip(" \t\r\n>")

    def _belongs(self, before: Reading, after: Reading) -> bool:
        """Whether a paragraph continues the one before it, which is a title."""
        title = before.title
        if not title:
            return False
        if title.kind == "bold" and not before.links and after.own:
            return after.title is None or after.title.kind == "plain" or is_credit(after.title.words)
        if not before.links and after.own and after.title is None:
            return self.text.count("\n", *before.spans[0]) == 0 and not title.words.endswith((".", ":", "："))
        return before.is_paper and not before.citation.style and bool(after.citation.style) and not after.has_words

    def _parts(self, span: Span) -> Iterator[Span]:
        """Yield the entries of a paragraph that has one a line, else the paragraph."""
        lines = [match.span() for match in _LINE.finditer(self.text, *span)]
        heads = [i for i, line in enumerate(lines) if _HEAD.match(self.text, *line)] if len(lines) > 1 else []
        if len(heads) < 2 or heads[0] != 0:
            yield span
            return
        for head, following in zip(heads, [*heads[1:], len(lines)], strict=True):
            yield lines[head][0], lines[following - 1][1]

    def _inside(self, span: Span) -> Span:
        """Return a paragraph without its bullet."""
        match = _MARKER.match(self.text, *span)
        start = match.end() if match else span[0]
        return start, max(start, span[0] + len(self.text[slice(*span)].rstrip()))

    def _entry(self, reading: Reading, start: int, end: int, group: str | None) -> Entry:
        assert reading.title
        date, year, month = reading.dated(self.text)
        content = self.text[start:end]
        return Entry(
            start=start + len(content) - len(content.lstrip()),
            end=start + len(content.rstrip()),
            title=reading.title.words,
            title_span=reading.title.span,
            url=reading.own.url if reading.own else None,
            url_span=reading.own.url_span if reading.own else None,
            named=self.reader.ids(reading),
            date=date,
            year=year,
            month=month,
            category=group if group and len(group.split()) <= _GROUP else None,
            citation=reading.citation,
        )
