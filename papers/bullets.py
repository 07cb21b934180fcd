"""Papers in bullets, numbered entries and paragraphs: which of them are papers, and what each says.

A bullet is a paper's if it has a title and a citation badge, a count (``Cited by `12` ``), or a link that leads to a
paper: one that names an id, one to a publisher or a PDF, one that says "pdf". A paragraph is one only if it is laid out
as an entry, too: its title first, in bold, in quotes or as a link. A table of contents links to no paper.

What stands in a bullet below, without a title of its own, belongs to the bullet above: links, authors, the venue.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from papers.badges import Citation, read_citation
from papers.blocks import Blocks, Heading, Item, Span
from papers.dates import read_date
from papers.identifiers import from_text, from_url, is_code
from papers.markup import Image, Link, Markup, References, find_markup, plain_text
from papers.numbers import read_count
from papers.title_cells import is_credit, is_generic

_MARKER = re.compile(r"(?:[ \t>]*(?:[-*+•]|\d{1,9}[.)])(?=\s|\Z))*[ \t>]*(?:\[[ xX]\][ \t]+)?")
_TAKEN = "\0"
_BOLD = re.compile(
    r"(?<![*\w])\*\*\*?(?P<stars>[^\s*](?:[^*]|\*(?!\*))*?)\*?\*\*(?!\*)"
    r"|(?<![_\w])__(?P<lines>[^\s_](?:[^_]|_(?!_))*?)__(?![_\w])|<(?P<tag>b|strong)>(?P<tagged>[^<]*)</(?P=tag)>",
    re.I,
)
_QUOTED = re.compile(r"(?P<open>[\"“„«「『])(?P<inside>[^\"”“«»「」『』\0]{6,300})[\"”“»」』]")
_ITALIC = re.compile(r"(?<![*\w\\])\*(?![*\s])|(?<![_\w\\])_(?![_\s])|<(?:i|em)>", re.I)
_ITALICS = re.compile(r"(?<![*\w\\])\*(?![*\s])(?:[^*\\]|\\.)+\*|(?<![_\w\\])_(?![_\s])(?:[^_\\]|\\.)+_(?!\w)", re.S)
_SPECIAL = re.compile(r"[\\`*_~<&\[\]!|]")
_NOTHING = Markup()
_AROUND = 30
"""How far before "citations" their number may stand, in characters."""
_MARKED = re.compile(r"\*\*|__|`")
_DIGIT = re.compile(r"\d")
_PARTS = re.compile(r"https?://(?P<host>[^/?#:@\s]+)(?::\d+)?(?P<path>[^?#\s]*)", re.I)
_NO_WORDS = re.compile(r"[\W\d_]*")
_NUMBERED = re.compile(r"arXiv:? ?\d{4}\.\d{4,5}(?:v\d+)?|10\.\d{4,9}/\S+|abs/\S+", re.I)
_AND = re.compile(r"\s+(?:and|&)\s+")
_LOWER_NAME = re.compile(r"[a-zà-þ]+ [a-zà-þ]+")
_PAPER_WORDS = frozenset(["paper", "pdf", "arxiv", "论文", "openreview"])
_OFTEN = frozenset(["paper", "pdf", "code", "arxiv", "github", "project", "page", "website", "link", "project page"])
_HEAD = re.compile(
    r"[ \t>]*(?:[^\w\s\[*<]+\s*|\d{1,4}[.)]\s+|\[\d+\]\s*|[-•]\s+)?"
    r"(?:\*\*[^*\s(\[]|\[+(?!\[)[^\]\s][^\]]{12,}\]+\(|\*\*\[\d)"
)
_NO_NAMES = """
a the is are all you for of with in to on by from via as at using towards learning deep neural network networks model
"""
_TITLE_WORDS = frozenset(_NO_NAMES.split())
_HASHES = re.compile(r"^[\s>]*#*|[\s=#-]*\Z")
_ICONS = re.compile(r"^\W+(?=\w)|\s*[🔝#¶]+\Z")
_HTML_HEADING = re.compile(
    r"<(?:h(?P<level>[1-6])|summary)\b[^>]*>(?P<inside>(?:(?!</?(?:h[1-6]|summary)\b)[^\0]){0,500})</(?:h[1-6]|summary)>",
    re.I,
)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{3}")
_DIGITS = re.compile(r"\d\d")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PIECES = re.compile(r"[\0\r\n]+|[*_]{1,3}|[;|,](?=\s*[A-Z\[\0])")
_STRETCH = re.compile(r"[^\0]+")
_COLON = re.compile(r"(?:\*\*|__)?\s*[:：]\s*(?:\*\*)?(?=\w)")
_BARE_URL = re.compile(r"https?://[^\s<>|\0]*[^\s<>|\0.,;:!?)\]]")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_YEAR = re.compile(r"(?:19|20)\d\d|['’] ?\d\d(?!\d)|(?<!\d)\d\d['’]")
_SHORT_YEAR = re.compile(
    r"['’] ?(?P<after>\d\d)(?!\d)|(?<![\d'’])(?P<before>\d\d)['’]|(?<=[A-Z]{2})(?P<close>\d\d)(?!\d)"
)
_LEAD = re.compile(
    r"\s*(?:[\[(（【][^\[\]()（）【】]{0,40}[\])）】]\s*[:：.|–—-]?|[-–—|:：.,]+(?=\s)|#?\d{1,4}[.:)](?=\s)"
    r"|\*\*[\[(]?\d{1,4}[\])]?\.?\*\*|(?::[a-z_]+:)+|[^\w\s\"“”'‘’*\[(<$\0\\&`~@#+¿¡.-]+)"
)
_DATED = re.compile(r"\s*(?:\d{4}[./-]\d{1,2}(?:[./-]\d{1,2})?|\d{4})\s*[|:：,–—-]\s+")
_STOPS = re.compile(
    r"\0|\s[|–—]\s|\s-\s(?=[A-Z\0])|\\?[\r\n]+(?=\s*(?:\*|_|\0))|\\[\r\n]|<br|\s*[.,;]?\s*[\[(（](?=[^\[\]()]*(?:\d{4}|\d\d['’]|['’]\d\d))"
    r"|(?<=[\w)][\w)])\.\s+(?=[A-Z])|\s*,?\s*[\[(]\Z"
)
_MARKS = re.compile(
    r"(?:new|hot|oral|spotlight|highlight|best(?: student)? paper(?: award)?|updates?|updated|star|must[- ]read|"
    r"recommended|tl;?dr|survey|note|news|important|preprint|accepted|figure \d+|table \d+)[!.]*",
    re.I,
)
_KEYED = re.compile(r"\s*[*_]*(?P<key>[^\W\d_][\w /-]{0,24}?)[*_]*\s*[:：]")
_ENDS = " \t\r\n,;:.|/\\–—-(["
_DATE_IN_BRACKETS = re.compile(r"\s*[(（\[][^()（）\[\]]*(?:19|20)\d\d[^()（）\[\]]*[)）\]]\Z")
_LEADING_ID = re.compile(r"\[?(?:arXiv:? ?)?\d{4}\.\d{4,5}(?:v\d+)?\]?\s*[—–:|-]?\s*", re.I)
_NAME = re.compile(
    r"(?:and |& )?[A-ZÀ-Þ][\w.’'-]*(?: (?:[A-ZÀ-Þ][\w.’'-]*|van|de|der|den|von|dan|la)){0,4}(?: et al\.?)?|et al\.?"
)
_NUMBER = r"(?:[~≈>] ?)?\d[\d,.'’]{0,14}(?<=\d)(?: ?[kKmM万])?\+?|\?|N/?A"
_COUNTED = re.compile(
    r"(?:cited[- ]by|citations?|cites|citas|citado por|citações|cité par|zitate|zitiert von|"
    r"被引用?(?:次数|数|量|回数)?|引用(?:次数|数|量|回数)?|인용(?: ?수| 횟수)?|цитирований|atıf)"
    r"(?:[- ]counts?)?\s*[*_]{0,2}\s*[:：=]?\s*[*_]{0,2}\s*"
    rf"[`*_\[(（]{{0,3}}(?P<number>{_NUMBER})[`*_]{{0,3}}"
    rf"|cited\s+[`*_]{{0,3}}(?P<times>{_NUMBER})[`*_]{{0,3}}\s+times",
    re.I,
)
_COUNTS = re.compile(
    rf"(?<![\w.,])[`*_]{{0,3}}(?P<amount>{_NUMBER})[`*_]{{0,3}}\s*(?:google scholar |scholar |times |次被?|件の|회 )?"
    r"(?:citations?\b|cites\b|cited\b|引用|인용|zitate\b|citas\b)",
    re.I,
)
_CITING = re.compile(r"cit|zit|被?引|인용|цит|atıf", re.I)
_ASIDE = re.compile(
    r"news|updates?|change ?log|(?:table of )?contents?|toc|目录|licen[cs]e|contribut\w+|acknowledge?ments?|citations?|"
    r"cite(?: us| this)?|citing|bibtex|star history|contact|how to cite|maintainers?|sponsors?|更新|引用",
    re.I,
)
_IDS = re.compile(r"arxiv|10\.\d{4}|pmid|pmcid|acl:", re.I)
_VENUES = (
    "neurips|nips|icml|iclr|cvpr|iccv|eccv|wacv|bmvc|accv|3dv|acl|emnlp|naacl|eacl|coling|conll|tacl|colm|aaai|ijcai|uai|"
    "aistats|colt|kdd|www|sigir|cikm|wsdm|recsys|icdm|icde|vldb|sigmod|siggraph|eurographics|tog|cgf|icra|iros|corl|rss|"
    "interspeech|icassp|ismir|miccai|isbi|midl|osdi|sosp|nsdi|atc|eurosys|asplos|isca|micro|hpca|mlsys|ppopp|ccs|ndss|"
    "usenix|chi|uist|arxiv|preprint|corr|jmlr|tmlr|tpami|pami|ijcv|tip|tnnls|tkde|tmm|nature|science|pnas"
)
_VENUE_BEHIND = re.compile(rf"[*_\s.]*[(\[（]\s*(?:\w+ )?(?:{_VENUES})\b[^()\[\]]*\d\d", re.I)
_PUBLISHERS = """
openreview.net proceedings.mlr.press papers.nips.cc papers.neurips.cc proceedings.neurips.cc openaccess.thecvf.com
thecvf.com cv-foundation.org ieeexplore.ieee.org ieee.org dl.acm.org link.springer.com springer.com sciencedirect.com
jmlr.org usenix.org ecva.net nature.com science.org aclweb.org aclanthology.org isca-speech.org ijcai.org aaai.org
ojs.aaai.org bmva.org bmvc2022.mpi-inf.mpg.de proceedings.mlsys.org mlsys.org roboticsproceedings.org pnas.org
biorxiv.org medrxiv.org chemrxiv.org techrxiv.org authorea.com ssrn.com hal.science semanticscholar.org
eprint.iacr.org researchgate.net jstor.org mdpi.com frontiersin.org plos.org onlinelibrary.wiley.com tandfonline.com
academic.oup.com cell.com epubs.siam.org pubs.acs.org pubs.rsc.org iopscience.iop.org pubmed.ncbi.nlm.nih.gov
ncbi.nlm.nih.gov distill.pub transformer-circuits.pub arxiv.org doi.org
"""
_ELSEWHERE = """
youtube.com youtu.be twitter.com x.com medium.com reddit.com zhihu.com zhuanlan.zhihu.com bilibili.com colab.google
colab.research.google.com kaggle.com linkedin.com facebook.com discord.gg scholar.google.com wikipedia.org
img.shields.io slideslive.com
"""
_PLACES, _NO_PAPERS = frozenset(_PUBLISHERS.split()), frozenset(_ELSEWHERE.split())
_PAPER_LABEL = re.compile(
    r"\b(?:paper|pdf|arxiv|abs|doi|openreview|preprint|article|publication|proceedings|journal|论文|論文|논문|原文)\b|"
    r"^[A-Z][A-Za-z+&/ -]{1,14}[ '’]*(?:(?:19|20)?\d\d)$",
    re.I,
)


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


class _Title(NamedTuple):
    words: str
    span: Span
    kind: Literal["link", "bold", "quoted", "plain"]
    link: Link | None


@dataclass(slots=True)
class _Reading:
    """What some lines say."""

    spans: list[Span]
    masks: list[str]
    """Each of them with links, images and comments blotted out."""
    links: list[Link]
    images: list[Image]
    title: _Title | None
    own: Link | None
    """The link to the paper."""
    labelled: bool
    """Some link says that it is one to a paper."""
    citation: Citation
    named_id: str | None = None
    """The id that stands in the text, where no link names one."""
    credited: bool = False
    """A whole title in bold or quotes, with authors in italics, or with a venue and a link."""

    @property
    def is_paper(self) -> bool:
        """Whether the lines are a paper's, where it is not asked how they are laid out."""
        if not self.title:
            return False
        if self.own or self.credited or (self.named_id and len(self.title.words.split()) > 2):
            return True
        return bool(self.citation.style) and bool(self.links)


class Section(NamedTuple):
    """What stands under one heading."""

    name: str | None
    """What the heading says, or the one above it, if it names no more than a venue and a year; None at the top."""
    aside: bool
    """Where papers are spoken of, but not listed: news, contents, how to cite."""
    year: int | None
    """The year that a heading names."""
    start: int
    """Where it begins."""


class Sections:
    """The headings of a text, Markdown's and HTML's, and what stands under each."""

    def __init__(self, text: str, blocks: Blocks) -> None:
        self._headings = list(_headings(text, blocks))
        self._starts = [heading.start for heading, _ in self._headings]
        self._known: dict[int, Section] = {}

    def above(self, position: int) -> Section:
        """Return the section in which a position lies."""
        index = bisect_right(self._starts, position) - 1
        if index not in self._known:
            self._known[index] = self._section(index)
        return self._known[index]

    def _section(self, index: int) -> Section:
        start = self._starts[index] if index >= 0 else 0
        year, level = None, 7
        while index >= 0:
            heading, words = self._headings[index]
            index -= 1
            if heading.level >= level:
                continue
            level = heading.level
            if is_generic(words) and (found := _date(words)[0]):
                year = year or found
                continue
            if index < 0 and heading.level == 1 and len(self._headings) > 1:
                break  # the title of the whole page
            aside = bool(_ASIDE.fullmatch(words.strip(" :：!")))
            return Section(None if aside else words, aside and not year, year, start)
        return Section(None, False, year, start)


def find_entries(text: str, blocks: Blocks, references: References | None, sections: Sections) -> list[EntryList]:
    """Return the papers of a Markdown text that stand in no table, in the order of their places.

    Args:
        text: the whole text.
        blocks: its blocks.
        references: what its links by reference lead to.
        sections: its headings.
    """
    reader = _Reader(text, references)
    found: list[tuple[Entry, bool]] = []
    for item in blocks.items:
        found += [(entry, True) for entry in reader.items(item, None)]
    found += [(entry, True) for entry in reader.paragraphs(blocks.loose)]
    found += [(entry, False) for entry in reader.html_items(blocks.html)]
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


def _headings(text: str, blocks: Blocks) -> list[tuple[Heading, str]]:
    found = []
    for heading in blocks.sections:
        source = _HASHES.sub("", text[slice(*heading.text)])
        words = plain_text(source, markdown=True)
        found.append((heading, _ICONS.sub("", words).strip()))
    for start, end in blocks.html:
        for match in _HTML_HEADING.finditer(text, start, end):
            words = plain_text(match["inside"], markdown=False)
            found.append((Heading(match.start(), int(match["level"] or 6), match.span("inside")), words))
    return sorted(found, key=lambda pair: pair[0].start)


class _Reader:
    """Reads lines as papers."""

    def __init__(self, text: str, references: References | None) -> None:
        self.text, self.references = text, references

    def items(self, item: Item, group: str | None) -> list[Entry]:
        """Return the papers of an item of a list and of the items below it."""
        reading = self.read([self._inside(span) for span in item.paragraphs], markdown=True)
        if not item.items:
            if not reading.is_paper:
                return []
            return [self._entry(reading, item.start, item.paragraphs[-1][1], group, markdown=True)]
        inner = [self.read([self._inside(span) for span in child.paragraphs], markdown=True) for child in item.items]
        own: list[Entry] = []
        borrowed: list[_Reading] = []
        below: list[Entry] = []
        title = reading.title
        for child, read in zip(item.items, inner, strict=True):
            about = reading.own or reading.citation.style or not read.title
            bare = not reading.own and read.own and not self._has_words(read)
            if title and ((about and not self._independent(read)) or bare):
                borrowed.append(read)
            else:
                below += self.items(child, title.words if title and not reading.is_paper else group)
        whole = self._joined(reading, borrowed)
        if whole.is_paper:
            end = max(
                [item.paragraphs[-1][1] if item.paragraphs else item.start, *(s[1] for r in borrowed for s in r.spans)]
            )
            own.append(self._entry(whole, item.start, end, group, markdown=True))
            for child in item.items:
                if not any(r.spans and child.start <= r.spans[0][0] < child.end for r in borrowed):
                    continue
                below += [entry for grandchild in child.items for entry in self.items(grandchild, group)]
        elif borrowed:
            for child, read in zip(item.items, inner, strict=True):
                if read in borrowed:
                    below += self.items(child, group)
        return own + below

    def paragraphs(self, spans: Sequence[Span]) -> list[Entry]:
        """Return the papers that are paragraphs outside lists."""
        found: list[Entry] = []
        before: tuple[Span, _Reading] | None = None
        for span in spans:
            if self.text.find("http", *span) < 0 and span[1] - span[0] > 400:
                before = None
                continue
            for part in self._parts(span):
                reading = self.read([self._inside(part)], markdown=True)
                if before and self._follows(before, part) and self._belongs(before[1], reading):
                    reading = self._joined(before[1], [reading])
                    if found and found[-1].start == before[0][0]:
                        found.pop()
                    part = (before[0][0], part[1])
                if reading.is_paper and self._laid_out(reading):
                    found.append(self._entry(reading, part[0], part[1], None, markdown=True))
                before = (part, reading)
        return found

    def html_items(self, spans: Sequence[Span]) -> Iterator[Entry]:
        """Yield the papers that are items of HTML lists."""
        item = re.compile(r"<li\b[^>]*>(?P<inside>(?:(?!</?(?:li|ul|ol|table)\b)[^\0])*)", re.I)
        for start, end in spans:
            for match in item.finditer(self.text, start, end) if self.text.find("<li", start, end) >= 0 else ():
                reading = self.read([match.span("inside")], markdown=False)
                if reading.is_paper:
                    yield self._entry(reading, match.start(), match.end(), None, markdown=False)

    def read(self, spans: list[Span], *, markdown: bool) -> _Reading:
        """Return what some lines say."""
        text = self.text
        links: list[Link] = []
        images: list[Image] = []
        masks: list[str] = []
        marked: list[Markup] = []
        title: _Title | None = None
        for start, end in spans:
            markup = _NOTHING
            if self.references or any(text.find(sign, start, end) >= 0 for sign in ("http", "](", "<")):
                markup = find_markup(text, start, end, markdown=markdown, references=self.references)
            mask = self._mask(start, end, markup)
            here = [link for link in markup.links if not link.url.startswith("#")]
            if markdown and "http" in mask:
                for bare in _BARE_URL.finditer(mask):
                    span = (start + bare.start(), start + bare.end())
                    here.append(Link(bare[0], span, span, span))
                    mask = mask[: bare.start()] + _TAKEN * len(bare[0]) + mask[bare.end() :]
                here.sort(key=_place)
            title = title or self._title(start, mask, here, markdown=markdown)
            links += here
            images += markup.images
            masks.append(mask)
            marked.append(markup)
        own, labelled = self._own(links, images, title)
        citation = Citation(None)
        if links or images:
            citation = self._citation(spans, masks, marked, links, title, markdown=markdown)
        reading = _Reading(spans, masks, links, images, title, own, labelled, citation)
        self._complete(reading)
        return reading

    def _complete(self, reading: _Reading) -> None:
        """Find an id in the text where no link names one, and say whether a paper is meant where none leads to it."""
        if not reading.title or (reading.own and _named(reading.own.url)):
            return
        said = reading.masks
        reading.named_id = next((found for part in said if _IDS.search(part) and (found := from_text(part))), None)
        title = reading.title
        if title.kind == "plain" or title.kind == "link" or len(title.words.split()) < 4 or reading.own:
            return
        end = reading.spans[0][1]
        behind = title.span[1] <= end and self.text[title.span[1] : title.span[1] + 40]
        named = any(_names_in_italics(part) for part in said)
        reading.credited = named or bool(reading.links and behind and _VENUE_BEHIND.match(behind))

    # Titles

    def _title(self, start: int, mask: str, links: list[Link], *, markdown: bool) -> _Title | None:
        found: list[tuple[int, _Title, int]] = []  # where it begins, and where its marks end
        for link in links:
            if self.text[slice(*link.inside)].strip(" []()*_`").lower() in _OFTEN or (found and is_code(link.url)):
                continue
            words, span = self._cleaned(*link.inside, markdown=markdown)
            if self._may_be_title(words, words) and (self._leads_to_paper(link) or len(words.split()) > 2):
                found.append((link.span[0], _Title(words, span, "link", link), link.span[1]))
                break
        for match in _BOLD.finditer(mask) if "**" in mask or "__" in mask or "<" in mask else ():
            group = next(name for name in ("stars", "lines", "tagged") if match[name] is not None)
            inside = match[group]
            if _TAKEN in inside:
                continue
            words, span = self._cleaned(start + match.start(group), start + match.end(group), markdown=markdown)
            if self._may_be_title(words, inside):
                found.append((start + match.start(), _Title(words, span, "bold", None), start + match.end()))
                if len(words.split()) > 2:
                    break
        for match in _QUOTED.finditer(mask):
            words, span = self._cleaned(start + match.start("inside"), start + match.end("inside"), markdown=markdown)
            if words and not is_generic(words):
                found.append((start + match.start(), _Title(words, span, "quoted", None), start + match.end()))
                break
        full = [
            self._extended(mask, start, title, after, markdown=markdown)
            for _, title, after in sorted(found, key=lambda f: f[0])
        ]
        if best := next((title for title in full if len(title.words.split()) > 2), full[0] if full else None):
            plain = (
                self._plain_title(mask, start, markdown=markdown)
                if best.kind == "link" and len(best.words.split()) < 3
                else None
            )
            return plain if plain and plain.span[1] <= best.span[0] and len(plain.words.split()) > 3 else best
        return self._plain_title(mask, start, markdown=markdown)

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
                pieces += [mask[done - start : a - start], _TAKEN * (b - a)]
                done = b
        return "".join(pieces) + mask[done - start :]

    def _may_be_title(self, words: str, inside: str) -> bool:
        if not words or inside.startswith(("(", "[", "#")) or inside.rstrip().endswith((":", "：")):
            return False
        if len(words.split()) > 6:
            return True
        return not is_generic(words) and not _MARKS.fullmatch(words) and not _NO_WORDS.fullmatch(words)

    def _cleaned(self, start: int, end: int, *, markdown: bool) -> tuple[str, Span]:
        """Return a title without what is set around it, and where it stands."""
        source = self.text[start:end]
        if match := _LEADING_ID.match(source):
            start, source = start + match.end(), source[match.end() :]
        while (match := _LEAD.match(source)) and match.end() and match.end() < len(source):
            if match[0].strip().startswith(("(", "[", "（", "【")) and not _is_aside(match[0]):
                break
            start, source = start + match.end(), source[match.end() :]
        if match := _DATE_IN_BRACKETS.search(source):
            source = source[: match.start()]
        stripped = source.strip()
        start += len(source) - len(source.lstrip())
        stripped = stripped.rstrip(_ENDS)
        for mark in ("***", "**", "__", "*", "_"):
            if len(stripped) > 2 * len(mark) and stripped.startswith(mark) and stripped.endswith(mark):
                stripped, start = stripped[len(mark) : -len(mark)], start + len(mark)
        kept = stripped.rstrip(_ENDS)
        words = self._plain(kept, markdown=markdown)
        return words, (start, start + len(kept))

    def _plain(self, source: str, *, markdown: bool) -> str:
        if _SPECIAL.search(source):
            return plain_text(source, markdown=markdown, references=self.references)
        return " ".join(source.split())

    def _extended(self, mask: str, start: int, title: _Title, after: int, *, markdown: bool) -> _Title:
        """Return ``BERT: Pre-training of …`` where only BERT is a link or bold."""
        if len(title.words.split()) > 3 or title.kind == "quoted":
            return title
        rest = mask[after - start :]
        if not (match := _COLON.match(rest)):
            return title
        stop = _STOPS.search(rest, match.end())
        italic = _ITALIC.search(rest, match.end())
        stops = [found.start() for found in (stop, italic) if found]
        begin = after + match.end()
        words, span = self._cleaned(begin, after + min([*stops, len(rest)]), markdown=markdown)
        if len(words.split()) < 2 or not (words[0].isupper() or words[0].isdigit()) or len(words.split()) > 25:
            return title
        between = " : " if match[0].startswith(" ") else ": "
        return _Title(f"{title.words}{between}{words}", (title.span[0], span[1]), title.kind, title.link)

    def _plain_title(self, mask: str, start: int, *, markdown: bool) -> _Title | None:
        credit: _Title | None = None
        for match in _STRETCH.finditer(mask):
            begin, stretch = match.start(), match[0]
            while (lead := (_DATED.match(stretch) or _LEAD.match(stretch))) and lead.end():
                if lead[0].strip().startswith(("(", "[", "（", "【")) and not _is_aside(lead[0]):
                    break
                begin, stretch = begin + lead.end(), stretch[lead.end() :]
            if (italic := _ITALICS.match(stretch.lstrip())) and len(italic[0].split()) > 2 and not is_credit(italic[0]):
                gap = len(stretch) - len(stretch.lstrip())
                stretch, begin = italic[0].strip("*_"), begin + gap + 1
            for a, b in self._segments(stretch):
                words, span = self._cleaned(start + begin + a, start + begin + b, markdown=markdown)
                if (
                    len(words) < 2
                    or _COUNTED.match(words)
                    or _COUNTS.match(words)
                    or is_generic(words)
                    or not _LETTER.search(words)
                ):
                    continue
                if not is_credit(words):
                    return _Title(words, span, "plain", None)
                if not credit and words.count(",") < 3 and "et al" not in words:
                    credit = _Title(words, span, "plain", None)  # a nickname and a place look like two names
        return credit

    def _segments(self, stretch: str) -> Iterator[Span]:
        """Yield the stretches of a text that may be its title: sentences, without the authors before them."""
        begin = 0
        for stop in [*_STOPS.finditer(stretch), None]:
            end = stop.start() if stop else len(stretch)
            if italic := _ITALIC.search(stretch, begin, end):
                end = italic.start() if italic.start() > begin + 8 else end
            sentence = stretch[begin:end]
            if sentence.strip():
                yield self._without_authors(stretch, begin, end)
            begin = stop.end() if stop else end

    def _without_authors(self, stretch: str, begin: int, end: int) -> Span:
        """Return a sentence without names before its first words: ``A. Author, B. Author, Title, ICCV``."""
        parts = [(m.start(), m.end()) for m in re.compile(r"[^,]+").finditer(stretch, begin, end)]
        names = 0
        while names < len(parts) and _names(stretch[slice(*parts[names])]):
            names += 1
        if names < 2 or names == len(parts):
            return begin, end
        last = names
        while (
            last + 1 < len(parts)
            and not is_generic(stretch[slice(*parts[last + 1])])
            and not _YEAR.search(stretch, *parts[last + 1])
        ):
            if re.match(r"\s*(?:arXiv\b|[A-Z][A-Za-z]*[A-Z]+\w*\s*\Z|in\b)", stretch[slice(*parts[last + 1])]):
                break
            last += 1
        return parts[names][0], parts[last][1]

    # Links

    def _own(self, links: list[Link], images: list[Image], title: _Title | None) -> tuple[Link | None, bool]:
        """Return the paper's own link, and whether some link says that it is one to a paper."""
        badges = [image.span for image in images if "citationCount" in image.url]
        fit: list[Link] = []
        labelled = False
        for link in links:
            if any(link.span[0] <= a and b <= link.span[1] for a, b in badges):
                continue
            label = self.text[slice(*link.inside)].strip(" []()*_`") if link.inside[1] - link.inside[0] < 80 else ""
            says = label.lower() in _PAPER_WORDS or bool(_PAPER_LABEL.search(label))
            if self._leads_to_paper(link) or (says and self._may_lead_to_paper(link.url)):
                fit.append(link)
                says = says or (
                    link is not (title and title.link) and self._is_label(link) and _named(link.url) is not None
                )
                labelled = labelled or says or (title is not None and title.link is link)
        if not fit:
            return None, labelled
        own = title.link if title and title.link in fit else fit[0]
        if own and _named(own.url):
            return own, labelled
        return next((link for link in fit if _named(link.url) and self._is_label(link)), own), labelled

    def _is_label(self, link: Link) -> bool:
        inside = self.text[slice(*link.inside)]
        return len(inside) < 60 and (
            is_generic(self._plain(inside, markdown=True)) or bool(_PAPER_LABEL.search(inside))
        )

    def _leads_to_paper(self, link: Link) -> bool:
        if _named(link.url):
            return True
        host, path = _host(link.url)
        if host in _NO_PAPERS:
            return False
        if path.lower().endswith(".pdf"):
            return True
        while host and host not in _PLACES:
            host = host.partition(".")[2]
        return bool(host)

    def _may_lead_to_paper(self, url: str) -> bool:
        host, path = _host(url)
        return bool(host) and host not in _NO_PAPERS and (not is_code(url) or path.lower().endswith(".pdf"))

    # Counts

    def _citation(
        self,
        spans: list[Span],
        masks: list[str],
        marked: list[Markup],
        links: list[Link],
        title: _Title | None,
        *,
        markdown: bool,
    ) -> Citation:
        text = self.text
        for (start, end), markup in zip(spans, marked, strict=True):
            if markup.images or text.find("<!--", start, end) >= 0:
                found = read_citation(text, start, end, markdown=markdown, known=False, markup=markup)
                if found.style:
                    return found
        for (start, end), mask in zip(spans, masks, strict=True):
            for sign in _CITING.finditer(mask):
                begin = start + sign.start()
                if title and title.span[0] <= begin < title.span[1]:
                    continue
                match = _COUNTED.match(text, begin, end) or _behind(text, max(start, begin - _AROUND), begin, end)
                if match and (counted := self._counted(match, links, title)):
                    return counted
        for link in links:  # [Cited by 12](…)
            if link.inside[1] - link.inside[0] < 2 * _AROUND and _CITING.search(text, *link.inside):
                match = _COUNTED.search(text, *link.inside) or _COUNTS.search(text, *link.inside)
                if match and (counted := self._counted(match, links, title)):
                    return counted
        return Citation(None)

    def _counted(self, match: re.Match[str], links: list[Link], title: _Title | None) -> Citation | None:
        """Read ``Cited by `12` `` and its like, outside the title and addresses."""
        shown = match.span()
        group = next(name for name in match.groupdict() if match[name])
        span = match.span(group)
        hidden = [title.span] if title else []
        hidden += [link.url_span for link in links]
        if any(a < shown[1] and shown[0] < b for a, b in hidden):
            return None
        written = read_count(match[group])
        link = next((k for k in links if k.inside[0] <= span[0] and span[1] <= k.inside[1]), None)
        cut = link and not (link.span[0] <= shown[0] and shown[1] <= link.span[1])
        if cut or any(mark in match[0] for mark in "[(（") or len(_MARKED.findall(match[0])) % 2:
            shown = span
        value, as_of = (written.value, written.as_of) if written else (None, None)
        link_id = _named(link.url) if link else None
        return Citation("text", value, as_of, span, link=link, link_id=link_id, shown_span=shown)

    # What belongs together

    def _independent(self, read: _Reading) -> bool:
        """Whether a bullet below a paper is a paper of its own."""
        if not read.is_paper or not read.title:
            return False
        first = self.text[read.spans[0][0] : read.title.span[0]] if read.spans else ""
        return not _KEYED.match(first + ":" if first.strip() else "") and (
            read.title.kind != "plain" or len(read.title.words.split()) > 3
        )

    def _has_words(self, read: _Reading) -> bool:
        """Whether a bullet says anything beside its links."""
        said = (
            self._without(mask, start, read.citation.shown_span)
            for (start, _), mask in zip(read.spans, read.masks, strict=True)
        )
        return read.title is not None or any(_WORD.search(mask) for mask in said)

    def _without(self, mask: str, start: int, span: Span | None) -> str:
        """Return a mask with one more stretch blotted out, if it lies in it."""
        if not span or not (start <= span[0] and span[1] <= start + len(mask)):
            return mask
        return mask[: span[0] - start] + _TAKEN * (span[1] - span[0]) + mask[span[1] - start :]

    def _joined(self, reading: _Reading, borrowed: list[_Reading]) -> _Reading:
        if not borrowed:
            return reading
        links, images = list(reading.links), list(reading.images)
        spans, masks = list(reading.spans), list(reading.masks)
        citation, own, labelled = reading.citation, reading.own, reading.labelled
        title = reading.title
        for other in borrowed:
            spans += other.spans
            masks += other.masks
            links += other.links
            images += other.images
            own = own or other.own
            labelled = labelled or other.labelled
            citation = citation if citation.style else other.citation
            plain = title and title.kind == "plain" and len(title.words.split()) < 5 and not other.links
            full = plain and other.title and other.title.kind != "bold" and len(other.title.words.split()) > 4
            if full and other.title and _authored(self.text[other.spans[0][0] : other.title.span[0]]):
                title = other.title
        whole = _Reading(spans, masks, links, images, title, own, labelled, citation)
        self._complete(whole)
        return whole

    def _laid_out(self, reading: _Reading) -> bool:
        """Whether a paragraph is laid out as an entry of a list, and does not only speak of a paper."""
        title = reading.title
        assert title
        start = reading.spans[0][0]
        before = self.text[start : title.span[0]]
        lead = _LEAD.sub("", before).strip(' *_[("“\\<>a:：')
        if title.kind == "quoted" or (title.kind == "bold" and before.rstrip("* ").endswith(('"', "“"))):
            return reading.labelled or bool(reading.citation.style)
        if lead and not (len(before) < 40 and before.rstrip(" [*").endswith((":", "：", "|", "-"))):
            return False
        rest = reading.masks[0].replace(_TAKEN, "")
        if title.kind == "bold" and (reading.labelled or reading.citation.style):
            return True
        if title.kind != "plain":
            return len(_ITALICS.sub("", rest)) < 160 and reading.own is not None and _named(reading.own.url) is not None
        source = self.text[start : reading.spans[-1][1]]
        return len(rest) < 300 and bool(re.search(r"\[\[[^\[\]]+\](?:\([^()]*\)\]|\]\()", source))

    def _follows(self, before: tuple[Span, _Reading], part: Span) -> bool:
        return not self.text[before[0][1] : part[0]].strip(" \t\r\n>")

    def _belongs(self, before: _Reading, after: _Reading) -> bool:
        """Whether a paragraph continues the one before it, which is a title."""
        if not before.title:
            return False
        if before.title.kind == "bold" and not before.links and after.own:
            return after.title is None or after.title.kind == "plain" or is_credit(after.title.words)
        if not before.links and after.own and after.title is None:
            return self.text.count("\n", *before.spans[0]) == 0 and not before.title.words.endswith((".", ":", "："))
        if before.is_paper and not before.citation.style and after.citation.style:
            return not self._has_words(after)
        return False

    def _parts(self, span: Span) -> Iterator[Span]:
        """Yield the entries of a paragraph that has one a line."""
        lines = [match.span() for match in re.compile(r"[^\r\n]+").finditer(self.text, *span)]
        if len(lines) < 2:
            yield span
            return
        heads = [i for i, line in enumerate(lines) if _HEAD.match(self.text, *line)]
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

    # The entry

    def _entry(self, reading: _Reading, start: int, end: int, group: str | None, *, markdown: bool) -> Entry:
        assert reading.title
        date, year, month = self._dated(reading)
        url = reading.own.url if reading.own else None
        category = group if group and len(group.split()) < 9 else None
        content = self.text[start:end]
        begin = start + len(content) - len(content.lstrip())
        return Entry(
            begin,
            max(begin, start + len(content.rstrip())),
            reading.title.words,
            reading.title.span,
            url,
            reading.own.url_span if reading.own else None,
            self._ids(reading),
            date,
            year,
            month,
            category,
            reading.citation,
        )

    def _ids(self, reading: _Reading) -> tuple[str, ...]:
        own = reading.own
        others = [link for link in reading.links if link is not own and _named(link.url) and self._is_label(link)]
        ids = [_named(own.url) if own else None, *(_named(link.url) for link in others), reading.named_id]
        counted = {reading.citation.link_id} - {_named(own.url) if own else None}
        return tuple(dict.fromkeys(paper for paper in ids if paper and paper not in counted))

    def _dated(self, reading: _Reading) -> tuple[str | None, int | None, int | None]:
        """Return the date that an entry names outside its title: the first with a month, else the first year."""
        assert reading.title
        found: tuple[str, int] | None = None
        for (start, end), mask in zip(reading.spans, reading.masks, strict=True):
            said = self._without(mask, start, reading.title.span)
            said = self._without(said, start, reading.citation.shown_span)
            labels = [link.inside for link in reading.links if start <= link.span[0] < end]
            pieces = _PIECES.split(said) if _YEAR.search(said) or _SHORT_YEAR.search(said) else []
            pieces += [self.text[x:y] for x, y in labels if y - x < 40 and _DIGITS.search(self.text, x, y)]
            for piece in pieces:
                if not _DIGITS.search(piece) or not (_YEAR.search(piece) or _SHORT_YEAR.search(piece)):
                    continue
                year, month = _date(piece)
                if year and month:
                    return _short(piece, year, month), year, month
                if year and not found:
                    found = (_short(piece, year, None), year)
        return (found[0], found[1], None) if found else (None, None, None)


def _date(piece: str) -> tuple[int | None, int | None]:
    if "/" in piece or "rxiv" in piece:
        piece = _NUMBERED.sub(" ", piece)
    year, month = read_date(piece)
    if year or not (match := _SHORT_YEAR.search(piece)):
        return year, month
    short = int(match["after"] or match["before"] or match["close"])
    return (2000 + short if short < 60 else 1900 + short), None


def _short(piece: str, year: int, month: int | None) -> str:
    piece = _TAG.sub(" ", piece).strip(" ()[]（）.,:;!\\<>|-–—")
    return piece if 0 < len(piece) <= 30 else f"{year}-{month:02}" if month else str(year)


def _place(link: Link) -> Span:
    return link.span


@lru_cache(maxsize=1024)
def _named(url: str) -> str | None:
    return from_url(url)


def _behind(text: str, start: int, sign: int, end: int) -> re.Match[str] | None:
    """Return the count that stands before a word: ``12 citations``."""
    found = _COUNTS.finditer(text, start, end) if _DIGIT.search(text, start, sign) else ()
    return next((match for match in found if match.start() < sign < match.end()), None)


@lru_cache(maxsize=1024)
def _host(url: str) -> tuple[str, str]:
    address = _PARTS.match(url)
    return (address["host"].lower().removeprefix("www."), address["path"]) if address else ("", "")


def _is_aside(bracket: str) -> bool:
    """Whether a bracket before a title is none of its words: a number, a venue, a date, a tick."""
    inside = bracket.strip(" []()（）【】:：.|–—-")
    return is_generic(inside) or bool(_YEAR.search(inside)) or bool(_MARKS.fullmatch(inside)) or len(inside) < 2


def _names(part: str) -> bool:
    """Whether a part between commas is one name, or two with "and" between them."""
    pieces = [piece.strip().removeprefix("and ") for piece in _AND.split(part.strip())]
    words = part.lower().split()
    if len(words) > 2 and 2 * sum(word in _TITLE_WORDS for word in words) > len(words) - 3:
        return False
    return all(_NAME.fullmatch(piece) or _LOWER_NAME.fullmatch(piece) for piece in pieces if piece)


def _names_in_italics(said: str) -> bool:
    """Whether a text holds a list of at least two names in italics."""
    for match in _ITALICS.finditer(said):
        parts = [part for part in re.split(r",|\band\b|&", match[0].strip("*_ .")) if part.strip()]
        if len(parts) > 1 and sum(_names(part) for part in parts) >= 0.7 * len(parts):
            return True
    return False


def _authored(before: str) -> bool:
    """Whether what stands before a title is a list of names."""
    parts = [part for part in before.split(",") if part.strip()]
    return not parts or sum(_names(part) for part in parts) >= 0.7 * len(parts)
