"""Turning counts from one style into another loses nothing: not the paper, not the badge's look, not its place."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser
from semantic_scholar_server import Library

from papers import Row, SemanticScholar, audit_text, read_tables, splice
from papers.counts import Target, count_edits

DAY = "2026-11-27"
SHA = "204e3073870fae3d05bcbc2f6a8e263d9b72e776"
IDS = st.sampled_from([SHA, "ARXIV:1706.03762", "CorpusId:13756489", "DOI:10.1145/3065386"])
LABELS = st.text(st.sampled_from("abc -_:ü引用"), max_size=12).map(str.strip)


@dataclass
class Badge:
    """A live badge as somebody may have written it, and where it stands."""

    paper: str
    alt: str
    label: str
    more: list[str]
    ending: str
    linked: str | None
    header: str
    before: str
    markdown: bool
    parted: str = ""
    """What parts the address's parameters; as nearly everybody writes it, if empty."""

    def page(self) -> str:
        inner = quote(f"https://api.semanticscholar.org/graph/v1/paper/{self.paper}?fields=citationCount", safe="")
        parts = [f"label={quote(self.label, safe='')}", "query=citationCount", f"url={inner}", *self.more]
        url = f"https://img.shields.io/badge/dynamic/json{self.ending}?" + "&".join(parts)
        url = url.replace("&", self.parted or ("&" if self.markdown else "&amp;"))
        shown = f"![{self.alt}]({url})" if self.markdown else f'<img height=20 alt="{self.alt}" src="{url}">'
        if self.linked:
            shown = f"[{shown}]({self.linked})" if self.markdown else f'<a href="{self.linked}">{shown}</a>'
        cells = ["2017.6", "[A paper](https://b.org/a)", f"{self.before}{shown}"]
        if self.markdown:
            return f"| Date | Title | {self.header} |\n|---|---|---|\n| {' | '.join(cells)} |\n"
        cells[1] = '<a href="https://b.org/a">A paper</a>'
        heads = "".join(f"<th>{name}</th>" for name in ("Date", "Title", self.header))
        return f"<table><tr>{heads}</tr>\n<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr></table>\n"


BADGES = st.builds(
    Badge,
    paper=IDS,
    alt=LABELS | st.just("citation"),
    label=LABELS | st.just("citation"),
    more=st.lists(st.sampled_from(["style=flat", "color=green", "logo=x--y", "suffix=%20x"]), max_size=2, unique=True),
    ending=st.sampled_from(["", ".svg"]),
    linked=st.sampled_from([None, f"https://www.semanticscholar.org/paper/{SHA}", "https://scholar.google.com/x"]),
    header=st.sampled_from(["Citation", "Publication", "Links"]),
    before=st.sampled_from(["", "NeurIPS<br>", "12 pages ", "R&amp;D &lt; 2 "]),
    markdown=st.booleans(),
    parted=st.sampled_from(["", "&", "&amp;", "&#38;"]),
)


def turned(text: str, style: Target, count: int = 512) -> str:
    """Return a text with the count of its one row in a style."""
    (table,) = read_tables(text)
    (row,) = table.rows
    edits = count_edits(text, row, count, DAY, style, row.paper_id or "", markdown=table.markdown)
    return splice(text, edits)


def only(text: str) -> Row:
    (row,) = (row for table in read_tables(text) for row in table.rows)
    return row


PLAIN = Badge(SHA, "citation", "citation", [], "", f"https://www.semanticscholar.org/paper/{SHA}", "Citation", "", True)


@given(BADGES, st.permutations(["static", "text", "live"]))
@example(PLAIN, ["text", "static", "live"])
@example(Badge(SHA, "a", "b", ["style=flat"], "", None, "Publication", "NeurIPS<br>", True), ["static", "text", "live"])
def test_every_conversion_is_read_and_undone(badge: Badge, styles: list[Target]) -> None:
    first = turned(badge.page(), "keep")  # the known count stands in the alternative text now
    text = first
    for style in styles:
        text = turned(text, style)
        row = only(text)
        assert (row.style, row.count, row.badge_id or row.paper_id) == (style, 512, badge.paper)
        assert (row.title, row.date) == ("A paper", "2017.6")
        assert turned(text, style) == text
        newer = only(turned(text, style, 513))
        assert (newer.style, newer.count, newer.paper_id) == (style, 513, row.paper_id)
    assert turned(text, "live") == first


@pytest.mark.parametrize(
    "badge",
    [
        "https://img.shields.io/badge/citation-7-blue",
        "https://img.shields.io/badge/cited_by-1%2C234-green?style=flat-square",
        "https://img.shields.io/badge/7-green.svg",
        "https://img.shields.io/static/v1?label=cited%20by&message=7&color=red",
        "https://img.shields.io/static/v1?message=7",
    ],
)
@pytest.mark.parametrize("markdown", [True, False])
def test_a_static_badge_keeps_its_look_through_every_style(badge: str, markdown: bool) -> None:
    page = f"https://www.semanticscholar.org/paper/{SHA}"
    if markdown:
        text = f"| Title | Citation |\n|---|---|\n| A paper | [![c]({badge})]({page}) |\n"
    else:
        cell = f'<a href="{page}"><img src="{badge.replace("&", "&amp;")}" alt="c"></a>'
        text = f"<table><tr><th>Title</th><th>Citation</th></tr><tr><td>A paper</td><td>{cell}</td></tr></table>\n"
    count = only(text).count
    assert count
    assert turned(turned(text, "text", count), "static", count) == text
    live = turned(text, "live")
    image = only(live).citation.image
    assert image
    for part in ("label=cited%20by", "color=green", "style=flat-square", "color=red"):
        if part in badge.replace("cited_by-", "label=cited%20by").replace("-green", "color=green"):
            assert part in image.url
    assert (only(live).style, only(live).badge_id, only(live).link_id) == ("live", SHA, SHA)
    assert only(turned(live, "static")).count == 512


def test_the_forms_are_those_that_a_reader_sees() -> None:
    badge = f"![citation](https://img.shields.io/badge/dynamic/json?label=c--d&query=citationCount&url=https%3A%2F%2Fapi.semanticscholar.org%2Fgraph%2Fv1%2Fpaper%2F{SHA})"
    text = f"| Date | Paper | Publication |\n|---|---|---|\n| 2017 | A | NeurIPS<br>{badge} |\n"
    static, words = turned(text, "static"), turned(text, "text")
    assert "NeurIPS<br>![citation](https://img.shields.io/static/v1?message=512&color=blue&label=c--d&query=" in static
    assert "NeurIPS<br>Cited by `512`<!-- ![citation](https://img.shields.io/badge/dynamic/json?" in words
    assert "--" not in words.partition("<!--")[2].partition("-->")[0]  # GitHub would show such a comment
    shown = MarkdownIt("commonmark").enable("table").render(words)
    cells = [node.text() for node in LexborHTMLParser(shown).css("td")]
    assert cells == ["2017", "A", "NeurIPSCited by 512"]


@pytest.mark.parametrize("cell", ["`12`", "**12**", "`12` ", "[`12`](https://arxiv.org/abs/1706.03762)"])
def test_no_badge_is_written_into_marks(cell: str) -> None:
    text = f"| Title | Citation |\n|---|---|\n| [A](https://arxiv.org/abs/1706.03762) | {cell} |\n"
    styles: tuple[Target, ...] = ("live", "static", "text")
    for style, then in itertools.permutations(styles, 2):
        once = turned(text, style)
        assert (only(once).style, only(once).count) == (style, 512)
        assert only(turned(once, then)).style == then
        images = LexborHTMLParser(MarkdownIt("commonmark").enable("table").render(once)).css("img")
        assert bool(images) == (style != "text")


@pytest.mark.parametrize("end", ["", "<br>", " <br>"])
@pytest.mark.parametrize(
    "entry",
    [
        "<p><a href='{url}'>{title}</a> {badge}</p>",
        "<p align=center><b><a href='{url}'>{title}</a></b><br><i>Ada Bee, Cy Dee</i><br>{badge}</p>",
        "<ul><li><a href='{url}'>{title}</a> {badge}</li></ul>",
        "<a href='{url}'>{title}</a> {badge}",
        "[{title}]({url}) {badge}",
        "**{title}** [[pdf]({url})] {badge}",
    ],
)
@pytest.mark.parametrize("title", ["Segment Anything", "A Paper With a Title in Full"])
def test_a_paragraphs_count_is_read_again_in_every_style(entry: str, title: str, end: str) -> None:
    live = Badge(SHA, "citation", "citation", [], "", None, "", "", False).page().partition("<img")[2].partition(">")[0]
    text = entry.format(url="https://arxiv.org/abs/1706.03762", title=title, badge=f"<img{live}>{end}") + "\n"
    first = text = turned(text, "live")
    for style in ("static", "text", "live", "text", "static", "live"):
        text = turned(text, style)
        assert (only(text).title, only(text).style, only(text).count) == (title, style, 512)
    assert text == first


MARKS = st.sampled_from(["", "*", "**", "***", "__", "`", "``", "~~"])
WORDS = st.sampled_from(["Cited by {}", "Citations: {}", "{} citations", "cited {} times", "被引 {} 次", "引用数：{}"])


@given(WORDS, MARKS, MARKS, st.sampled_from(["all", "number", "none"]), st.permutations(["live", "static", "text"]))
@example("Cited by {}", "`", "", "all", ["static", "text", "live"])
@example("Cited by {}", "**", "", "none", ["live", "text", "static"])
@example("Cited by {}", "", "`", "number", ["live", "static", "text"])
@example("Citations: {}", "**", "", "all", ["text", "static", "live"])
def test_a_count_in_marks_and_links_takes_every_style(
    words: str, marks: str, inner: str, linked: str, styles: list[Target]
) -> None:
    inner = "" if "`" in marks else inner
    page = f"(https://www.semanticscholar.org/paper/{SHA})"
    number = f"[{inner}512{inner}]{page}" if linked == "number" else f"{inner}512{inner}"
    counted = marks + words.format(number if not ("`" in marks and linked == "number") else "512") + marks[::-1]
    counted = f"[{counted}]{page}" if linked == "all" else counted
    text = f"- [A paper of some note](https://arxiv.org/abs/1706.03762), 2017. {counted}\n"
    if only(text).style is None:  # 2017. ~~cited 512 times~~, which only says so
        return
    live = turned(text, "live")
    for style in styles:
        text = turned(text, style)
        row, shown = only(text), MarkdownIt("commonmark").render(text)
        assert (row.style, row.count, row.title, row.year) == (style, 512, "A paper of some note", 2017)
        assert ("<img" in shown) == (style != "text")
        body = LexborHTMLParser(shown).body
        assert body
        assert body.text().lower().count("cited by") + body.text().lower().count("citations") < 2
        assert turned(text, style) == text
        assert (only(turned(text, style, 513)).style, only(turned(text, style, 513)).count) == (style, 513)
    for style in ("live", "static", "text", "live"):
        text = turned(text, style)
        assert text == live or style != "live"


@given(
    st.sampled_from(["![{}][b]", "[![{}][b]](https://x.y)", "![b][]", "![b]"]),
    st.sampled_from(["900", "citations", "b", "900 citations", ""]),
    st.sampled_from(["{}", "<{}>", "{} 'Citations'"]),
    st.booleans(),
    st.permutations(["live", "static", "text"]),
)
def test_a_badge_by_reference_keeps_its_alternative_text_and_its_definition(
    form: str, alt: str, address: str, bullets: bool, styles: list[Target]
) -> None:
    badge = PLAIN.page().partition("![citation](")[2].partition(")")[0]
    shown = f"[A paper](https://arxiv.org/abs/1706.03762) {'' if bullets else '| '}{form.format(alt)}"
    row = f"- {shown}\n" if bullets else f"| Title | Citation |\n|---|---|\n| {shown} |\n"
    first = text = turned(f"{row}\n[b]: {address.format(badge)}\n\n[c]: https://x.y\n", "keep")
    for style in styles:
        text = turned(text, style)
        read = only(text)
        assert (read.style, read.count, read.badge_id) == (style, 512, SHA)
        assert turned(text, style) == text
        assert only(turned(text, style, 513)).count == 513
    assert turned(text, "live") == first


@pytest.mark.parametrize("style", ["live", "static", "text"])
def test_a_merged_paper_is_renamed_in_every_style(style: Target, library: Library, client: SemanticScholar) -> None:
    other = "1" * 40
    title = "A Paper With a Title in Full"
    library.papers[other] = {"paperId": other, "title": title, "citationCount": 512, "externalIds": {}, "year": 2017}
    library.aliases[SHA] = other
    badge = Badge(SHA, "a", "b", ["style=flat"], "", None, "Publication", "NeurIPS<br>", True)
    text = turned(badge.page().replace("A paper", title), style)
    (merged,) = (f for f in audit_text(text, client).findings if f.kind == "merged")
    assert merged.certainty == "certain"
    fixed = splice(text, merged.edits)
    assert fixed == text.replace(SHA, other)
    assert (only(fixed).style, only(fixed).badge_id) == (style, other)
