"""The title in an entry's first words, among numbers, venues, icons, authors and links that say "pdf".

A title is a link that leads to a paper, or is set in bold, or in quotes; else it is the first words that are no names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Literal, NamedTuple

from papers.blocks import Span
from papers.counts_in_words import is_count, without_count
from papers.entry_dates import YEAR
from papers.markup import Link, References, plain_text
from papers.paper_links import leads_to_paper
from papers.title_cells import is_credit, is_generic
from papers.titles import VENUES

TAKEN = "\0"
"""What stands for a character of a link or an image in a text in which they are blotted out."""
LEAD = re.compile(
    r"\s*(?:[\[(（【][^\[\]()（）【】]{0,40}[\])）】]\s*[:：.|–—-]?|`[^`\r\n]{1,40}`\s*[:：.|–—-]?"
    r"|<(?P<tag>kbd|code|su[bp]|b|i|em|strong|samp)>[^<>]{1,40}</(?P=tag)>\s*[:：.|–—-]?"
    r"|(?P<marks>\*{1,3}|_{1,3})(?![\s*_])[^*_\r\n\0]{1,40}(?P=marks)(?:\s*[:：,.|–—-]*(?=\s)|\s*[｜：])|[-–—|:：.,]+(?=\s)|#?\d{1,4}\\?[.:)](?=\s)"
    r"|<a\s[^<>]*>\s*</a>|</?(?:span|font)\b[^<>]*>"
    r"|\*\*[\[(]?\d{1,4}[\])]?\.?\*\*|\*\*[\[(][^*\[\]()]{0,40}[\])]\*\*\s*[:：.|–—-]?"
    r"|(?::[a-z_]+:)+|[^\w\s\"“”'‘’*\[(<$\0\\&`~@#+¿¡.-]+)"
)
"""What may stand before a title: a number, a venue or a date in brackets, icons, a dash."""
ITALICS = re.compile(r"(?<![*\w\\])\*(?![*\s])(?:[^*\\]|\\.)+\*|(?<![_\w\\])_(?![_\s])(?:[^_\\]|\\.)+_(?!\w)", re.S)
_MAY_BE_ITALIC = re.compile("[*_<]")
_ITALIC = re.compile(r"(?<![*\w\\])\*(?![*\s])|(?<![_\w\\])_(?![_\s])|<(?:i|em)>", re.I)
_BOLD = re.compile(  # what stands before it is asked behind its first character, which is searched for much faster
    r"\*(?<![*\w]\*)\*\*?(?P<stars>[^\s*](?:[^*]|\*(?!\*))*?)\*?\*\*(?!\*)"
    r"|_(?<![_\w]_)_(?P<lines>[^\s_](?:[^_]|_(?!_))*?)__(?![_\w])|<(?P<tag>b|strong)>(?P<tagged>[^<]*)</(?P=tag)>",
    re.I,
)
_QUOTED = re.compile(
    r"(?:[\"“„«「『《]|&(?:ldquo|quot|laquo);)(?P<inside>[^\"”“«»「」『』《》\0]{6,300}?)(?:[\"”“»」』》]|&(?:[rl]d?quo|quot|raquo);)"
)
_QUOTES = re.compile('["“„«「『《&]')
_SPECIAL = re.compile(r"[\\`*_~<&\[\]!|]")
_TAGS = re.compile(r"</?\w+>|[*_]")
_MONTH = "(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\\.?"
_DATED = re.compile(
    rf"\s*(?:(?:19|20)\d\d(?:[a-z]?[)）]\s*[:：.]\s*|\s*[|:：,–—-]\s+(?!{_MONTH})|\s+(?i:{VENUES})\b[:：,]?\s+)"
    r"|\d{4}[./-]\d{1,2}(?:[./-]\d{1,2})?(?:\s*[|:：,–—-])?\s+"
    rf"|(?:\d{{1,2}}\.? )?{_MONTH} (?:\d{{1,2}}, )?(?:19|20)\d\d\s*[|:：,–—-]\s+"
    rf"|(?i:{VENUES})(?:[ '’-]?(?:(?:19|20)\d\d|['’]\d\d)(?:\s*[|:：,–—-]+)?|\s*[|:：]+)\s+"
    rf"|(?i:{VENUES})[ '’-]?(?:19|20)\d\d\s*｜\s*"
    r"|(?:\*\*|__)?(?i:paper|title|论文|標題|标题)(?:\s*[:：](?:\*\*|__)?|(?:\*\*|__)\s*[:：])\s*)"
)
"""A date, a venue with its year, or a word that says what follows."""
_SOON, _SHORTLY = re.compile(r"[\d:：|｜]|\s\s"), 24
"""What stands in the first characters of each of them that begins with a letter: most titles are ruled out by that."""
_STOPS = re.compile(  # what any of these begins with comes first: most characters are none of it
    r"(?=[\0\s\\<\[(（.,;｜])(?:\0|\s(?:[|–—]|//)\s|｜|</?(?:span|font)\b[^<>]*>|\s-\s(?=[A-Z\0]|arXiv)|(?<=[?!])\.\s+|\.\s+(?=(?:19|20)\d\d[.,:])|(?<=(?:19|20)\d\d)\.\s+"
    r"|\[[A-Z](?:/[A-Z]{2})?\](?=//|[.,\s])|\\?[\r\n]+(?=\s*(?:\*|_|\0))|\\[\r\n]| {2}\r?\n|<(?:br|/?(?:d[dt]|p|div))\b"
    r"|\s*[.,;]?\s*[\[(（](?=[^\[\]()]*(?:\d{4}|\d\d['’]|['’]\d\d))|(?<=[\w)][\w)])\.\s+(?=[A-Z]|arXiv)|\s*,?\s*[\[(]\Z)"
)
_MARKS = re.compile(
    r"(?:new|hot|oral|spotlight|highlight|best(?: student)? paper(?: award)?|updates?|updated|star|must[- ]read|"
    r"recommended|tl;?dr|survey|note|news|important|preprint|accepted|figure \d+|table \d+)[!.]*",
    re.I,
)
_ENDS = " \t\r\n,;:.|/\\–—-(["
_NO_COLON = _ENDS.replace(":", "")
_DATE_IN_BRACKETS = re.compile(
    r"\s*[(（\[](?:[^()（）\[\]]*(?:19|20)\d\d[^()（）\[\]]*"
    rf"|(?i:{VENUES})[ '’-]?\d\d)[)）\]]\s*\Z"
)
_TAG = re.compile(r"\\?\[(?P<name>[^\[\]\\]{1,40})\\?\]\s*(?=\S)")
_LAST_PART = re.compile(r"[,;，]\s*(?P<words>[^,;，]{2,40})\Z")
_VENUE = re.compile(VENUES, re.I)
_VENUE_YEAR = re.compile(rf"(?:{VENUES})[ '’-]?(?:(?:19|20)\d\d|['’]\d\d)", re.I)
_ICONS = re.compile(r"(?::\w+:\s*)+")
_ICONS_BEHIND = re.compile(r"(?:\s*(?::[a-z_]+[a-z0-9_]*:|[\u2190-\u2bff\ufe0f\U0001f300-\U0001faff]))+[\s,;.|–—-]*\Z")
_NAME_YEAR = re.compile(r"[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w.'’-]*){0,2},? \(?(?:19|20)\d\d[a-z]?\)?")
_YEAR_BEHIND = re.compile(r"[\s,]*\(?(?:19|20)\d\d[a-z]?\)?[.,:]*\Z")
_PROCEEDINGS = re.compile(rf"(?:in |advances|proc|journal|trans|conf|inter|univ|workshop|{VENUES})", re.I)
_ASKED = re.compile(r"[?!]\s+(?=[A-Z])")
_LISTED = re.compile(r",|\bet al\b|\band\b")
_LEADING_ID = re.compile(r"\[?(?:arXiv:? ?)?\d{4}\.\d{4,5}(?:v\d+)?\]?\s*[—–:|-]?\s*", re.I)
_YEAR_FIRST = re.compile(r"\(?(?:19|20)\d\d[a-z]?,? [^()]{0,20}\)")
_COLON = re.compile(r"(?:\*\*|__)?\s*[:：]\s*(?:\*\*)?(?=\w)")
_STRETCH = re.compile(r"[^\0]+")
_BETWEEN_COMMAS = re.compile(r"[^,]+")
_NO_WORDS = re.compile(r"[\W\d_]*")
_LETTER = re.compile(r"[^\W\d_]")
_VENUE_PART = re.compile(r"\s*(?:arXiv\b|[A-Z][A-Za-z]*[A-Z]+\w*\s*\Z|in\b)")
_NAME = re.compile(
    r"(?:and |& )?(?:(?:van|de|der|den|von|di|da|la|le) ){0,2}"
    r"[A-ZÀ-Þ][\w.’'-]*(?: (?:[A-ZÀ-Þ][\w.’'-]*|van|de|der|den|von|dan|la)){0,4}(?: et al\.?)?|et al\.?"
)
_LOWER_NAME = re.compile(r"[a-zà-þ]+ [a-zà-þ]+")
_AND = re.compile(r"\s+(?:and|&)\s+")
_CITED_AS = re.compile(r"\s*(?P<names>[^\d()]+?)(?P<others>,? et al\.?)?,?(?P<year> \(?(?:19|20)\d\d[a-z]?\)?)?[.\s]*")
"""One part of a reference in words: ``Ho et al. 2020``, ``Kingma & Welling 2013``."""
_INITIALS = re.compile(r"(?:[A-Z]\.[ -]?)+")
"""What stands behind the surname in ``Ho, J. et al.``, where no title stands before them."""
_BETWEEN_NAMES = re.compile(r",|\band\b|&")
_NO_NAMES = """
a the is are all you for of with in to on by from via as at using towards learning deep neural network networks model
"""
_TITLE_WORDS = frozenset(_NO_NAMES.split())
_LABELS = frozenset(["paper", "pdf", "code", "arxiv", "github", "project", "page", "website", "link", "project page"])
_AROUND = (*((mark, mark) for mark in ("***", "**", "__", "*", "_", '"')), ("“", "”"), ("[", "]"), ("【", "】"))
_OPENINGS = tuple(before for before, _ in _AROUND)
_BRACKETS = ("(", "[", "（", "【", "`", "<", "*", "_")
_NICKNAME = 3
"""Words up to which a title may be a nickname, with the full title behind it."""


class Title(NamedTuple):
    """A title, and how it is set."""

    words: str
    span: Span
    """Where its source stands."""
    kind: Literal["link", "bold", "quoted", "plain"]
    link: Link | None

    @property
    def length(self) -> int:
        """How many words it has."""
        return len(self.words.split())


class TitleFinder:
    """Finds titles in one text."""

    def __init__(self, text: str, references: References | None) -> None:
        self.text, self.references = text, references

    def find(self, start: int, mask: str, links: Sequence[Link], *, markdown: bool) -> Title | None:
        """Return the title in some lines, None if they hold none.

        Args:
            start: where the lines begin.
            mask: the lines with links and images blotted out, by :data:`TAKEN`.
            links: the links in them.
            markdown: whether Markdown is read there, or only HTML.
        """
        found = sorted(self._set_off(start, mask, links, markdown=markdown), key=lambda pair: pair[0])
        full = [self._extended(mask, start, title, after, markdown=markdown) for _, title, after in found]
        full = [
            title for title in full if title.kind != "bold" or not _is_name(title.words)
        ] or full  # **A. Keeper**, B. Bee
        best = next((title for title in full if title.length > 2), full[0] if full else None)
        if best and best.kind == "bold":  # **Nickname of three**: "Nickname of three: The Full Title"
            begin = best.words.lower()
            best = next((one for one in full if one.kind == "quoted" and one.words.lower().startswith(begin)), best)
        if not best:
            return self._plain_title(mask, start, markdown=markdown)
        if best.kind == "link" and best.length < 3:  # a link with a nickname behind the full title
            plain = self._plain_title(mask, start, markdown=markdown)
            return plain if plain and plain.span[1] <= best.span[0] and plain.length > 3 else best
        return best

    def plain(self, source: str, *, markdown: bool) -> str:
        """Return what a reader sees of a source."""
        if _SPECIAL.search(source):
            return plain_text(source, markdown=markdown, references=self.references)
        return " ".join(source.split())

    def _set_off(
        self, start: int, mask: str, links: Sequence[Link], *, markdown: bool
    ) -> Iterator[tuple[int, Title, int]]:
        """Yield what is a link, bold or quoted and may be a title: where its marks begin, it, and where they end."""
        for link in links:
            label = self.text[slice(*link.inside)].strip(" []()*_`").lower()
            if label in _LABELS or _ICONS.fullmatch(label):
                continue
            words, span = self._cleaned(*link.inside, markdown=markdown)
            whole = len(words.split()) > 2 or leads_to_paper(link.url)
            if whole and _may_be_title(words, _TAG.sub("", words)) and not is_count(words):
                yield link.span[0], Title(words, span, "link", link), link.span[1]
                break
        for match in _BOLD.finditer(mask) if "**" in mask or "__" in mask or "<" in mask else ():
            group = next(name for name in ("stars", "lines", "tagged") if match[name] is not None)
            inside = match[group]
            if TAKEN in inside:
                continue
            words, span = self._cleaned(start + match.start(group), start + match.end(group), markdown=markdown)
            if _may_be_title(words, inside) and not is_count(words):
                yield start + match.start(), Title(words, span, "bold", None), start + match.end()
                if len(words.split()) > 2 and not _is_name(words):
                    break
        for match in _QUOTED.finditer(mask) if _QUOTES.search(mask) else ():
            words, span = self._cleaned(start + match.start("inside"), start + match.end("inside"), markdown=markdown)
            if words and not is_generic(words):
                yield start + match.start(), Title(words, span, "quoted", None), start + match.end()
                break

    def _cleaned(self, start: int, end: int, *, markdown: bool) -> tuple[str, Span]:
        """Return a title without what is set around it, and where it stands."""
        source = self.text[start:end]
        if match := _LEADING_ID.match(source):
            start, source = start + match.end(), source[match.end() :]
        while end := end_of_lead(source):
            start, source = start + end, source[end:]
        if (tag := _TAG.match(source)) and source[tag.end() :].lower().startswith(tag["name"].lower()):
            start, source = start + tag.end(), source[tag.end() :]  # [BERT] BERT: Pre-training of …
        if source.rstrip().endswith((")", "）", "]")) and (match := _DATE_IN_BRACKETS.search(source)):
            source = source[: match.start()]
        if not source.isascii() or source.rstrip(_NO_COLON).endswith(":"):
            source = _ICONS_BEHIND.sub("", source)
        source = source.rstrip(_ENDS)
        if source.endswith("】") and "【" not in source:  # which has been taken for an icon
            source = source[:-1]
        source = _without_venue(source)
        start += len(source) - len(source.lstrip())
        source = source.strip().rstrip(_ENDS)
        for before, after in _AROUND if source.startswith(_OPENINGS) else ():
            if len(source) > 2 * len(before) and source.startswith(before) and source.endswith(after):
                source, start = source[len(before) : -len(after)], start + len(before)
        source = source.rstrip(_ENDS)
        return self.plain(source, markdown=markdown).rstrip(" ,;:"), (start, start + len(source))

    def _extended(self, mask: str, start: int, title: Title, after: int, *, markdown: bool) -> Title:
        """Return ``BERT: Pre-training of …`` where only BERT is a link or bold."""
        if title.length > _NICKNAME or title.kind == "quoted":
            return title
        rest = mask[after - start :]
        if not (match := _COLON.match(rest)):
            return title
        stops = [
            found.start() for found in (_STOPS.search(rest, match.end()), _ITALIC.search(rest, match.end())) if found
        ]
        words, span = self._cleaned(after + match.end(), after + min([*stops, len(rest)]), markdown=markdown)
        if not 2 <= len(words.split()) <= 25 or not (words[0].isupper() or words[0].isdigit()) or is_count(words):
            return title
        between = " : " if match[0].startswith(" ") else ": "
        return Title(f"{title.words}{between}{words}", (title.span[0], span[1]), title.kind, title.link)

    def _plain_title(self, mask: str, start: int, *, markdown: bool) -> Title | None:
        credit: Title | None = None
        for match in _STRETCH.finditer(mask):
            begin, stretch = match.start(), match[0]
            while end := end_of_lead(stretch):
                begin, stretch = begin + end, stretch[end:]
            if behind := _italics_behind_names(stretch):
                words, span = self._cleaned(start + begin + behind[0], start + begin + behind[1], markdown=markdown)
                return Title(words, span, "plain", None)
            if (italic := ITALICS.match(stretch.lstrip())) and len(italic[0].split()) > 2 and not is_credit(italic[0]):
                gap = len(stretch) - len(stretch.lstrip())
                stretch, begin = italic[0].strip("*_"), begin + gap + 1
            for a, b in _segments(stretch):
                b = a + len(without_count(stretch[a:b]))
                a, b = _without_reference(stretch, a, b)
                words, span = self._cleaned(start + begin + a, start + begin + b, markdown=markdown)
                if _YEAR_FIRST.fullmatch(words):  # Author, A. (2015, October). The title.
                    continue
                if _NAME_YEAR.fullmatch(stretch[a:b].strip()):  # Author, 2015. The title.
                    continue
                if len(words) < 2 or is_count(words) or is_generic(words) or not _LETTER.search(words):
                    continue
                if not is_credit(words):
                    return Title(words, span, "plain", None)
                if not credit and words.count(",") < 3 and "et al" not in words:
                    credit = Title(words, span, "plain", None)  # a nickname and a place look like two names
        return credit


def _italics_behind_names(stretch: str) -> Span | None:
    """Return where a title in italics stands behind the names of its authors: ``A. Author, 2020. *Title*``."""
    match = ITALICS.search(stretch) if _MAY_BE_ITALIC.search(stretch) else None
    before = stretch[: match.start()].strip() if match else ""
    if not match or not 1 < len(before) < 200 or before[-1] not in ".,:)":
        return None
    inside, names = match[0].strip("*_ .,"), _YEAR_BEHIND.sub("", before).strip(" ,.:;()–—-")
    if len(inside.split()) < 2 or not names or not are_names(names) or is_credit(inside) or are_names(inside):
        return None
    return None if _PROCEEDINGS.match(inside) or YEAR.search(inside) else match.span()


def are_names(words: str) -> bool:
    """Whether words are a list of names, most of them at least."""
    parts = [part for part in words.split(",") if part.strip()]
    return not parts or sum(_is_name(part) for part in parts) >= 0.7 * len(parts)


def names_in_italics(words: str) -> bool:
    """Whether words hold a list of at least two names in italics."""
    for match in ITALICS.finditer(words):
        parts = [part for part in _BETWEEN_NAMES.split(match[0].strip("*_ .")) if part.strip()]
        if len(parts) > 1 and sum(_is_name(part) for part in parts) >= 0.7 * len(parts):
            return True
    return False


def _may_be_title(words: str, inside: str) -> bool:
    if not words or inside.startswith(("(", "[", "#", "`")) or inside.rstrip().endswith((":", "：")):
        return False
    if len(words.split()) > 6:
        return True
    if _VENUE.fullmatch(words) or _ICONS.fullmatch(words):
        return False
    return not is_generic(words) and not _MARKS.fullmatch(words) and not _NO_WORDS.fullmatch(words)


def end_of_lead(words: str) -> int:
    """Return where what may stand before a title ends; 0 if nothing such stands there, or nothing stands behind it."""
    if words[:1].isalpha() and not _SOON.search(words, 0, _SHORTLY):
        return 0
    match = _DATED.match(words) or LEAD.match(words)
    if not match or match.end() == len(words):
        return 0
    aside = match.re is _DATED or not match[0].strip().startswith(_BRACKETS) or _is_aside(match[0])
    return match.end() if aside else 0


def _is_aside(bracket: str) -> bool:
    """Whether a bracket before a title is none of its words: a number, a venue, a date, a tick."""
    inside = _TAGS.sub("", bracket).strip(" []()（）【】`:：.|–—-")
    if len(inside) < 2 or is_generic(inside) or YEAR.search(inside):
        return True
    return bool(_MARKS.fullmatch(inside) or _VENUE.fullmatch(inside))


def _without_venue(title: str) -> str:
    """Return a title without the venue and the year behind its last commas: ``Title, NeurIPS, 2017``."""
    dated = False
    while tail := _LAST_PART.search(title):
        words = tail["words"]
        named = (
            words.endswith(("等", "等人")) or _VENUE_YEAR.fullmatch(words) or (YEAR.search(words) and is_generic(words))
        )
        if not named and not (dated and _VENUE.fullmatch(words)):
            break
        title, dated = title[: tail.start()].rstrip(), True
    return title


def _segments(stretch: str) -> Iterator[Span]:
    """Yield the stretches of a text that may be its title: sentences, without the authors before them."""
    begin, marked, asked = 0, _MAY_BE_ITALIC.search(stretch), "?" in stretch or "!" in stretch
    for stop in chain(_STOPS.finditer(stretch), (None,)):
        end = stop.start() if stop else len(stretch)
        if marked and (italic := _ITALIC.search(stretch, begin, end)):
            end = italic.start() if italic.start() > begin + 8 else end
        for mark in _ASKED.finditer(stretch, begin, end) if asked else ():
            if _LISTED.search(stretch, mark.end(), end) and are_names(stretch[mark.end() : end]):
                end = mark.start() + 1
                break
        if stretch[begin:end].strip():
            yield _without_authors(stretch, begin, end)
        begin = stop.end() if stop else end


def _without_authors(stretch: str, begin: int, end: int) -> Span:
    """Return a sentence without names before its first words: ``A. Author, B. Author, Title, ICCV``."""
    parts = [match.span() for match in _BETWEEN_COMMAS.finditer(stretch, begin, end) if match[0].strip()]
    names = 0
    while names < len(parts) and _is_name(stretch[slice(*parts[names])]):
        names += 1
    if names < 2 or names == len(parts):
        return begin, end
    last = names
    if names == len(parts) - 1 and YEAR.search(stretch[slice(*parts[names])]):
        return begin, end  # nothing but a venue: what looks like the first name is the title
    for part in parts[names + 1 :]:
        words = stretch[slice(*part)]
        if is_generic(words) or YEAR.search(words) or _VENUE_PART.match(words):
            break
        last += 1
    return parts[names][0], parts[last][1]


def _without_reference(stretch: str, begin: int, end: int) -> Span:
    """Return a title without authors: ``Title, Ho et al. 2020``, ``Ho et al. 2020, Title``, ``Title, A, B 2020``."""
    parts = [match.span() for match in _BETWEEN_COMMAS.finditer(stretch, begin, end) if match[0].strip()]
    if len(parts) < 2:
        return begin, end
    if _cites(stretch[slice(*parts[0])]):
        return parts[1][0], end
    for number, (place, stop) in enumerate(parts[1:], 1):
        if _cites(stretch[place:stop]):
            return begin, parts[number - 1][1]
    # Names without "et al.": the title before them may look like a name itself, if not like one with initials.
    first, last = stretch[slice(*parts[0])], stretch[slice(*parts[-1])]
    names = len(parts) > 3 and all(_is_name(stretch[slice(*part)]) for part in parts[1:-1])
    if names and YEAR.search(last) and len(first.split()) > 2 and "." not in first and first[:1].isupper():
        return begin, parts[0][1]
    return begin, end


def _cites(part: str) -> bool:
    """Whether a part between commas says whose a paper is: names with "et al.", or two names with a year."""
    if len(part) > 100 or not ("et al" in part or _AND.search(part)):
        return False
    match = _CITED_AS.fullmatch(part)
    if not match or not _is_name(match["names"].strip()) or _INITIALS.fullmatch(match["names"].strip()):
        return False
    return bool(match["others"]) or bool(match["year"] and _AND.search(match["names"]))


@lru_cache(maxsize=4096)
def _is_name(part: str) -> bool:
    """Whether a part between commas is one name, or two with "and" between them."""
    words = part.lower().split()
    if len(words) > 2 and 2 * sum(word in _TITLE_WORDS for word in words) > len(words) - 3:
        return False
    pieces = [piece.strip().removeprefix("and ") for piece in _AND.split(part.strip())]
    return all(_NAME.fullmatch(piece) or _LOWER_NAME.fullmatch(piece) for piece in pieces if piece)
