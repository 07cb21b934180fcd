"""Our parsers keep positions; parsers that are not ours say whether they mean the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from papers import blocks
from papers.blocks import find_blocks
from papers.html_tables import TAG, attributes, find_html_tables
from papers.markup import decode, find_markup, find_references, plain_text
from papers.pipe_tables import find_pipe_tables

WORDS = st.text(st.sampled_from("ab1 &;<>\"'=/-\tü"), max_size=12)
PLAIN = st.text(st.sampled_from("abc 12.,:&;'ü()/-"), max_size=15)


@given(
    st.lists(
        st.lists(st.sampled_from(["x", "a &amp; b", "<b>c</b>", "<!-- <td>no -->", "&lt;", ""]), min_size=1), min_size=1
    )
)
def test_cells_are_those_that_a_browser_sees(rows: list[list[str]]) -> None:
    text = "<table>\n" + "\n".join("<tr>" + "".join(f"<td>{c}" for c in row) for row in rows) + "\n</table>\n"
    (table,) = find_html_tables(text, find_blocks(text))
    ours = [[plain_text(text[c.start : c.end], markdown=False) for c in row.cells] for row in table.rows]
    parser = LexborHTMLParser(text)
    theirs = [[" ".join(td.text().split()) for td in tr.css("td")] for tr in parser.css("tr")]
    assert ours == theirs


@given(
    st.lists(
        st.tuples(st.sampled_from(["href", "SRC", "alt", "x"]), st.sampled_from(["'", '"', ""]), WORDS), max_size=4
    )
)
@example([("href", '"', "?a=1&copy=2&amp;b"), ("alt", "'", 'say "&lt;"')])
def test_attributes_are_those_that_a_browser_sees(parts: list[tuple[str, str, str]]) -> None:
    safe = [
        (name, mark, value.replace(mark, "") if mark else re.sub(r"\W", "", value) or "v")
        for name, mark, value in parts
    ]
    tag = "<a " + " ".join(f"{name}={mark}{value}{mark}" for name, mark, value in safe) + ">"
    match = re.fullmatch(TAG, tag)
    assert match
    ours = {name: decode(tag[slice(*span)]) for name, span in attributes(tag, *match.span("attributes")).items()}
    node = LexborHTMLParser(tag).css_first("a")
    assert node
    assert ours == {name: value or "" for name, value in node.attributes.items()}


@given(st.text(st.sampled_from("&;=#acopyltgnx1 /?"), max_size=20))
def test_attribute_values_mean_what_lexbor_says(value: str) -> None:
    node = LexborHTMLParser(f'<p x="{value}">').css_first("p")
    assert node
    assert decode(value) == (node.attributes["x"] or "")


@given(st.text(st.sampled_from("ab<>/!- bip&;\n"), max_size=25))
def test_text_is_what_lexbor_says(source: str) -> None:
    assume("<!" not in source)
    closed = source.rfind("<") <= source.rfind(">")  # an unfinished tag at the very end is an author's "<"
    assume(closed and "</" not in source)
    parser = LexborHTMLParser(f"<div>{source}")
    assert parser.body
    ours, theirs = plain_text(source, markdown=False), " ".join(parser.body.text().split())
    assert ours.replace(" ", "") == theirs.replace(" ", "")


ROW = st.lists(st.text(st.sampled_from("ab`\\ *[]<:-"), max_size=6), min_size=1, max_size=4)


@given(st.lists(ROW, min_size=1, max_size=5), st.booleans(), st.sampled_from(["", "> ", "- "]))
def test_pipe_tables_are_those_of_markdown_it(rows: list[list[str]], outer: bool, prefix: str) -> None:
    lines = [" | ".join(row) for row in [["h", "k"], ["--", ":-:"], *rows]]
    lines = [f"| {line} |" if outer else line for line in lines]
    later = "  " if prefix == "- " else prefix
    text = "".join(f"{later if number else prefix}{line}\n" for number, line in enumerate(lines))
    theirs: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            theirs.append([])
        elif token.type == "inline" and theirs and len(theirs[-1]) < 2:
            theirs[-1].append(token.content.strip())
    rows_found = [row for table in find_pipe_tables(text, find_blocks(text)) for row in table.rows]
    ours = [[text[c.start : c.end].replace("\\|", "|").strip() for c in row.cells][:2] for row in rows_found]
    assert [row + [""] * (2 - len(row)) for row in ours][: len(theirs)] == theirs


URL = st.sampled_from(["https://a.b/c", "https://a.b/c_(d)", "<https://a.b/c d>", "https://a.b/?x=1&y=%2F", "/rel"])


@given(
    PLAIN,
    URL,
    st.sampled_from(["", ' "t"', " 't'"]),
    st.sampled_from(["{}", "a {} b", "`{}`", "\\{}", "**{}**", "[{}](https://o.p)"]),
)
def test_markdown_links_are_those_of_markdown_it(words: str, url: str, title: str, around: str) -> None:
    for mark in ("", "!"):
        text = around.format(f"{mark}[{words}]({url}{title})")
        found = find_markup(text, 0, len(text), markdown=True)
        children = MarkdownIt("commonmark").parseInline(text)[0].children or []
        links = [token.attrGet("href") for token in children if token.type == "link_open"]
        images = [token.attrGet("src") for token in children if token.type == "image"]
        assert [link.url.replace(" ", "%20") for link in found.links] == links
        assert [image.url.replace(" ", "%20") for image in found.images] == images
        for image in found.images:
            assert text[slice(*image.span)].startswith("![")


LABELS = st.sampled_from(["ref", "Ref", "a b", "ä", "missing", ""])


@given(
    st.lists(st.tuples(st.sampled_from(["T", "a *b*", "`c`", "ref"]), LABELS, st.booleans()), min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(["ref", "REF", "a  b", "Ä", "^1"]), URL), max_size=4),
    st.sampled_from(["", "```\n[missing]: /code\n```\n", "    [missing]: /code\n"]),
)
def test_links_by_reference_are_those_of_markdown_it(
    links: list[tuple[str, str, bool]], definitions: list[tuple[str, str]], code: str
) -> None:
    line = " and ".join(f"{'!' if image else ''}[{shown}][{label}]" for shown, label, image in links)
    text = line + "\n\n" + "".join(f"[{label}]: {url} 'title'\n" for label, url in definitions) + "\n" + code
    found = find_markup(text, 0, len(line), markdown=True, references=find_references(text, find_blocks(text)))
    inline = next(token for token in MarkdownIt("commonmark").parse(text) if token.type == "inline")
    links_there = [token.attrGet("href") for token in inline.children or [] if token.type == "link_open"]
    images_there = [token.attrGet("src") for token in inline.children or [] if token.type == "image"]
    if "^1" not in [label for label, _ in definitions]:  # a footnote to GitHub
        assert [link.url.replace(" ", "%20") for link in found.links] == links_there
        assert [image.url.replace(" ", "%20") for image in found.images] == images_there
    for link in found.links:
        assert text[slice(*link.url_span)] == link.url


@given(st.text(st.sampled_from("aB1*_ .(é"), max_size=16))
@example("**a** *b* 2*3*4 a_b_c")
def test_emphasis_is_read_as_markdown_it_reads_it(source: str) -> None:
    children = MarkdownIt("commonmark").parseInline(source)[0].children or []
    theirs = "".join(token.content for token in children if token.type == "text")
    assert plain_text(source, markdown=True) == " ".join(theirs.split())


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3), min_size=1, max_size=5)
)
def test_cells_that_span_are_laid_out_as_the_specification_says(rows: list[list[tuple[int, int]]]) -> None:
    text = "<table>" + "".join(
        "<tr>" + "".join(f'<td colspan="{c}" rowspan={r}>{y}.{x}</td>' for x, (c, r) in enumerate(row)) + "</tr>"
        for y, row in enumerate(rows)
    )
    grid: dict[tuple[int, int], str] = {}  # "forming a table", section 4.9.12.1
    for y, row in enumerate(rows):
        column = 0
        for x, (columns, lines) in enumerate(row):
            while (column, y) in grid:
                column += 1
            for dx in range(max(columns, 1)):
                for dy in range(max(lines, 1)):
                    grid[column + dx, y + dy] = f"{y}.{x}"
            column += max(columns, 1)
    (table,) = find_html_tables(text + "</table>", find_blocks(text))
    for y, read in enumerate(table.rows):
        shown = [cell.shared or cell for cell in read.cells]
        ours = {(x, y): text[cell.start : cell.end] for x, cell in enumerate(shown) if cell.start < cell.end}
        assert ours == {place: name for place, name in grid.items() if place[1] == y}


_LINES = [
    *('<td class="%s">', '# h "%s"', '    "%s"', '> "%s"', '```"%s"', '- "%s', '[a]: /u "%s"', "|--|", "<!-- %s", ""),
    *("- [%s](u)", "[%s](u): v", "<a b=[%s](c)>", "> [[%s](u)", "| [%s](u) |", "[%s](", "---", "[a]: b[%s](c)"),
]
LINES = st.sampled_from(_LINES)


@given(st.lists(LINES, max_size=12))
def test_shortened_values_change_no_block(lines: list[str]) -> None:
    short, long = ("\n".join(line.replace("%s", value) for line in lines) for value in ("x y", "x y " * 12))
    assert _by_line(short) == _by_line(long)


@given(st.lists(st.tuples(st.sampled_from(["", "- ", "> ", "   ", "- > "]), LINES), max_size=8))
def test_a_rule_that_is_not_asked_would_have_found_nothing(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(before + line for before, line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_SIGNS", {})
        every_rule = find_blocks(text)
    assert find_blocks(text) == every_rule


@given(*[st.text(st.sampled_from('aB1 .,:;"(){}|#$-é\n'), min_size=size, max_size=8) for size in (0, 1, 0)])
def test_words_of_a_link_are_those_of_markdown_it(before: str, words: str, behind: str) -> None:
    source = f"{before}[{words}](https://a.b/c?d=1%20){behind}"
    children = MarkdownIt("commonmark").parseInline(source)[0].children or []
    theirs = "".join(token.content if token.type == "text" else " " * ("break" in token.type) for token in children)
    assert plain_text(source, markdown=True) == " ".join(theirs.split())


def _by_line(text: str) -> list[object]:
    found = find_blocks(text)
    line = {start: number for number, start in enumerate(found.line_starts)}
    spans = (found.fences, found.indented, found.html, found.prose)
    tables = [[sum(text[:start].count("\n") for start, _ in table)] for table in found.pipe_tables]
    return [*([(line[a], line[b]) for a, b in one] for one in spans), [line[h] for h in found.headings], tables]
