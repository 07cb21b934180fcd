"""What some lines say of a paper: title, link, ids, date, count. Whether they are a paper's is for others to judge."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from papers.badges import Citation, read_citation
from papers.blocks import Span
from papers.counts_in_words import find_count
from papers.entry_dates import date_in, may_hold_date, shown_date
from papers.entry_titles import TAKEN, Title, TitleFinder, are_names, names_in_italics
from papers.identifiers import from_text
from papers.markup import Image, Link, Markup, References, find_markup
from papers.paper_links import id_of, leads_to_paper, may_lead_to_paper, says_paper
from papers.title_cells import is_generic
from papers.titles import VENUES

_NOTHING = Markup()
_MAY_LINK = re.compile(r"<|https?:")
_BARE_URL = re.compile(r"https?://[^\s<>|\0]*[^\s<>|\0.,;:!?)\]\\]")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_IDS = re.compile(r"arxiv|10\.\d{4}|pmid|pmcid|acl:", re.I)
_WORD = re.compile(r"[^\W\d_]{3}")
_DIGITS = re.compile(r"\d\d")
_PIECES = re.compile(r"[\0\r\n]+|<[^<>]{1,200}>|[*_]{1,3}|[;|,](?=\s*[A-Z\[\0])")
_VENUE_BEHIND = re.compile(rf"[*_\s.]*[(\[（]\s*(?:\w+ )?(?:{VENUES})\b[^()\[\]]*\d\d", re.I)
_NAMED_BADGE = re.compile(r"img\.shields\.io/badge/(?P<words>(?![^?#]*cit)[^?#]+)-[^-?#]*(?:[?#]|\Z)", re.I)
_LABEL = 60
"""Characters up to which the words of a link are a label."""
_VERSION = 3
"""Words up to which a link may say which version of the paper it leads to."""
_BEHIND_ANOTHER = (
    "another paper's link stands before it, and it is not certain whose count it is; put it behind its own"
)


@dataclass(slots=True)
class Reading:
    """What some lines say."""

    spans: list[Span] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    """Each of them with links, images and comments blotted out."""
    links: list[Link] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    title: Title | None = None
    own: Link | None = None
    """The link to the paper."""
    labelled: bool = False
    """Some link says that it is one to a paper."""
    citation: Citation = field(default_factory=lambda: Citation(None))
    named_id: str | None = None
    """The id that stands in the text, where no link names one."""
    credited: bool = False
    """A whole title in bold or quotes, with authors in italics, or with a venue and a link."""

    @property
    def is_paper(self) -> bool:
        """Whether the lines are a paper's, where it is not asked how they are laid out."""
        if not self.title:
            return False
        if self.own or self.credited or (self.named_id and self.title.length > 2):
            return True
        if not self.citation.style:
            return False
        counted = self.citation.shown_span
        behind = not counted or counted[0] >= self.title.span[1]
        return bool(self.links) or (behind and self.title.length > 2)

    @property
    def has_words(self) -> bool:
        """Whether the lines say anything beside their links and their count."""
        if self.title:
            return True
        shown = self.citation.shown_span
        lines = zip(self.spans, self.masks, strict=True)
        return any(_WORD.search(_without(mask, start, shown)) for (start, _), mask in lines)

    def dated(self, text: str) -> tuple[str | None, int | None, int | None]:
        """Return the date that the lines name outside the title: the first with a month, else the first year."""
        first: tuple[str, int] | None = None
        for (start, end), mask in zip(self.spans, self.masks, strict=True):
            said = _without(mask, start, self.title.span if self.title else None)
            said = _without(said, start, self.citation.shown_span)
            titled = self.title.link if self.title else None
            labels = [link.inside for link in self.links if start <= link.span[0] < end and link is not titled]
            if titled and self.title and start <= titled.span[0] < end:  # [[ICLR 2020] Title](…)
                labels += [(titled.inside[0], self.title.span[0]), (self.title.span[1], titled.inside[1])]
            pieces = _PIECES.split(said) if _DIGITS.search(said) else []
            pieces += [text[x:y] for x, y in labels if y - x < _LABEL and _DIGITS.search(text, x, y)]
            for piece in pieces:
                if not _DIGITS.search(piece) or not may_hold_date(piece):
                    continue
                year, month = date_in(piece)
                if year and month:
                    return shown_date(piece, year, month), year, month
                if year and not first:
                    first = (shown_date(piece, year, None), year)
        if not first and self.images:
            named = (_NAMED_BADGE.search(image.url) for image in self.images if image is not self.citation.image)
            words = (unquote(badge["words"]).replace("_", " ").replace("-", " ") for badge in named if badge)
            first = next(((shown, year) for shown in words if (year := date_in(shown)[0])), None)
        return (*first, None) if first else (None, None, None)


class Reader:
    """Reads lines of one text."""

    def __init__(self, text: str, references: References | None) -> None:
        self.text, self.references = text, references
        self._titles = TitleFinder(text, references)
        self._labels: dict[str, bool] = {}

    def read(self, spans: list[Span], *, markdown: bool) -> Reading:
        """Return what some lines say.

        Args:
            spans: where they stand, without bullets.
            markdown: whether Markdown is read there, or only HTML.
        """
        text, found = self.text, Reading(spans)
        marked: list[Markup] = []
        for start, end in spans:
            markup = _NOTHING
            if self.references or text.find("](", start, end) >= 0 or _MAY_LINK.search(text, start, end):
                markup = find_markup(text, start, end, markdown=markdown, references=self.references)
            mask = self._mask(start, end, markup)
            links = [link for link in markup.links if not link.url.startswith("#")]
            if markdown and "http" in mask:
                for bare in _BARE_URL.finditer(mask):
                    span = (start + bare.start(), start + bare.end())
                    links.append(Link(bare[0], span, span, span))
                mask = _BARE_URL.sub(lambda bare: TAKEN * len(bare[0]), mask)
                links.sort(key=_place)
            found.title = found.title or self._titles.find(start, mask, links, markdown=markdown)
            found.links += links
            found.images += markup.images
            found.masks.append(mask)
            marked.append(markup)
        found.citation = self._citation(found, marked, markdown=markdown)
        self._find_own(found)
        self._complete(found)
        self._take_back_another(found)
        return found

    def joined(self, reading: Reading, others: list[Reading], *, nickname: bool = True) -> Reading:
        """Return a reading with what other lines add to it: links, a date, a count; and the title behind a nickname.

        Args:
            reading: the first lines.
            others: the lines that belong to them.
            nickname: whether the first lines may hold no more than a nickname.
        """
        if not others:
            return reading
        whole = Reading(title=reading.title)
        for one in (reading, *others):
            whole.spans = [*whole.spans, *one.spans]
            whole.masks = [*whole.masks, *one.masks]
            whole.links = [*whole.links, *one.links]
            whole.images = [*whole.images, *one.images]
            whole.own = whole.own or one.own
            whole.labelled = whole.labelled or one.labelled
            if one is reading or one.citation.style or one.citation.doubt:
                another = one is not reading and self._names_another(reading, one)
                said = Citation(None, doubt=_BEHIND_ANOTHER) if another else one.citation
                whole.citation = whole.citation if whole.citation.style else said
            title, other = whole.title, one.title
            if one is reading or not nickname or not title or not other or title.kind != "plain" or one.links:
                continue
            before = self.text[one.spans[0][0] : other.span[0]]
            if title.length < 5 <= other.length and other.kind != "bold" and are_names(before):
                whole.title = other
        self._complete(whole)
        return whole

    def ids(self, reading: Reading) -> tuple[str, ...]:
        """Return the ids that lines name outside their count: the own link's, then those of labels, then in words."""
        own = id_of(reading.own.url) if reading.own else None
        labels = (
            id_of(link.url)
            for link in reading.links
            if link is not reading.own and id_of(link.url) and self.is_label(link)
        )
        counted = {reading.citation.link_id} - {own}
        ids = [own, *(paper for paper in labels if paper not in counted), reading.named_id]
        return tuple(dict.fromkeys(paper for paper in ids if paper))

    def _mask(self, start: int, end: int, markup: Markup) -> str:
        """Return a text in which links, images and comments are blotted out, each character in its place."""
        mask = self.text[start:end]
        if "<!--" in mask:
            mask = _COMMENT.sub(lambda match: " " * len(match[0]), mask)
        taken = [link.span for link in markup.links]
        taken += [image.span for image in markup.images]
        if not taken:
            return mask
        pieces, done = [], start
        for a, b in sorted(taken):
            if done <= a and b <= end:
                pieces += [mask[done - start : a - start], TAKEN * (b - a)]
                done = b
        return "".join(pieces) + mask[done - start :]

    def _find_own(self, reading: Reading) -> None:
        """Find the paper's own link, and whether some link says that it is one to a paper."""
        counts = [image.span for image in reading.images if "citationCount" in image.url]
        counts += [reading.citation.count_span] if reading.citation.count_span else []
        titled = reading.title.link if reading.title else None
        fit: list[Link] = []
        for link in reading.links:
            if counts and any(link.span[0] <= a and b <= link.span[1] for a, b in counts):
                continue
            begin, end = link.inside
            label = self.text[begin:end].strip(" []()*_`") if end - begin < 80 else ""
            says = says_paper(label)
            if leads_to_paper(link.url) or (says and may_lead_to_paper(link.url)):
                fit.append(link)
                says = says or link is titled or (self.is_label(link) and id_of(link.url) is not None)
                reading.labelled = reading.labelled or says
        if fit:
            own = titled if titled in fit else fit[0]
            if not own or not id_of(own.url):
                own = next((link for link in fit if id_of(link.url) and self.is_label(link)), own)
            reading.own = own

    def is_label(self, link: Link) -> bool:
        """Whether the words of a link say what it leads to, and name no paper."""
        inside = self.text[slice(*link.inside)]
        if len(inside) >= _LABEL:
            return False
        if (known := self._labels.get(inside)) is None:
            known = is_generic(self._titles.plain(inside, markdown=True)) or says_paper(inside)
            self._labels[inside] = known
        return known

    def _is_title(self, link: Link) -> bool:
        """Whether a link has words of its own: a title with "paper" among its words is no label."""
        inside = self.text[slice(*link.inside)]
        return not self.is_label(link) or (
            len(inside.split()) > _VERSION and not is_generic(self._titles.plain(inside, markdown=True))
        )

    def _citation(self, reading: Reading, marked: list[Markup], *, markdown: bool) -> Citation:
        text = self.text
        for (start, end), markup in zip(reading.spans, marked, strict=True):
            if markup.images or text.find("<!--", start, end) >= 0:
                found = read_citation(
                    text, start, end, markdown=markdown, known=False, references=self.references, markup=markup
                )
                if found.style:
                    return found
        lines = zip(reading.spans, reading.masks, strict=True)
        title = reading.title.span if reading.title else None
        return find_count(text, lines, reading.links, title) or Citation(None)

    def _names_another(self, reading: Reading, below: Reading) -> bool:
        """Whether lines below a paper lead to another one, by words of its own, and speak of that one's count."""
        if not reading.own or not below.own or not self._is_title(below.own):
            return False
        paper = id_of(below.own.url)
        return paper is not None and paper not in self.ids(reading)

    def _take_back_another(self, reading: Reading) -> None:
        """Take no count that stands behind another paper's link: one with an id and words of its own."""
        citation, title = reading.citation, reading.title
        place = citation.image.span if citation.image else citation.count_span
        if not place or not title:
            return
        lines = (start for start, end in reading.spans if start <= place[0] < end)
        begin = max(title.span[1], next(lines, place[0]))
        between = [link for link in reading.links if begin <= link.span[0] and link.span[1] <= place[0]]
        ours = {*self.ids(reading), citation.badge_id} - {None} if between else set()
        kinds = {_kind(paper) for paper in ours if paper}
        for link in between:
            paper = id_of(link.url)
            if not paper or paper in ours or not self._is_title(link):
                continue
            # Two arXiv numbers are two papers; an arXiv number and a DOI may be one paper's.
            if _kind(paper) in kinds or len(self.text[slice(*link.inside)].split()) > _VERSION:
                reading.citation = Citation(None, doubt=_BEHIND_ANOTHER)
                return

    def _complete(self, reading: Reading) -> None:
        """Find an id in the text where no link names one, and say whether a paper is meant where none leads to it."""
        title, own = reading.title, reading.own
        if not title or (own and id_of(own.url)):
            return
        named = (from_text(said) for said in reading.masks if _IDS.search(said))
        reading.named_id = next((found for found in named if found), None)
        if title.kind in ("bold", "quoted") and title.length > 3 and not own:
            venue = reading.links and _VENUE_BEHIND.match(self.text, title.span[1], reading.spans[0][1])
            reading.credited = bool(venue) or any(names_in_italics(said) for said in reading.masks)


def _kind(paper: str) -> str:
    return paper.partition(":")[0] if ":" in paper else ""


def _place(link: Link) -> Span:
    return link.span


def _without(mask: str, start: int, span: Span | None) -> str:
    """Return a mask with one more stretch blotted out, if it lies in it."""
    if not span or not (start <= span[0] and span[1] <= start + len(mask)):
        return mask
    return mask[: span[0] - start] + TAKEN * (span[1] - span[0]) + mask[span[1] - start :]
