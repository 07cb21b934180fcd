"""What is read from tables, and that a splice touches nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers import Edit, Table, read_rows, read_tables, splice
from papers.counts import Target, badge_source, count_edits, link_source

SHA_A, SHA_B, SHA_C = (
    "d837642802ffc85e193694f94f7499276864648e",
    "29f07e73b7aaa7e9e950c59710472c62316be74a",
    "cea967b59209c6be22829699f05b8b1ac4dc092d",
)
INNER = "https%3A%2F%2Fapi.semanticscholar.org%2Fgraph%2Fv1%2Fpaper%2F"
BADGE = f"https://img.shields.io/badge/dynamic/json?label=citation&query=citationCount&url={INNER}{SHA_C}%3Ffields"
HEAD = "<table><tr><th>Date</th><th>Paper Name</th><th>Citation</th></tr>\n"


def html(*cells: str) -> str:
    return HEAD + "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n</table>\n"


def pipes(*cells: str) -> str:
    return "| Date | Title | Citation |\n|---|---|---|\n| " + " | ".join(cells) + " |\n"


def cells_of(text: str, table: Table) -> list[list[str]]:
    return [[text[cell.start : cell.end] for cell in row.cells] for row in table.rows]


def test_the_list_as_found_is_read_though_it_is_cut_off(as_found: str) -> None:
    (table,) = read_tables(as_found)
    assert not table.closed
    assert [row.line for row in table.rows] == [45, 53, 61]
    assert [(row.year, row.month) for row in table.rows] == [(2018, 9), (2018, 8), (2014, 9)]
    assert [row.badge_id for row in table.rows] == [SHA_A, SHA_B, SHA_C]
    assert [row.link_id for row in table.rows] == [SHA_A, SHA_A, SHA_C]
    first, second, third = table.rows
    assert first.title == "Sequential Recommender Systems: Challenges, Progress and Prospects"
    assert first.paper_id == SHA_A
    assert second.url == "https://arxiv.org/pdf/2310.07849"
    assert second.url_id == "ARXIV:2310.07849"
    assert third.as_json() == {
        "line": 61,
        "date": "2014.9",
        "year": 2014,
        "month": 9,
        "category": "seq2seq",
        "title": "Sequence to Sequence Learning with Neural Networks",
        "url": "https://arxiv.org/abs/1409.3215",
        "description": None,
        "link_id": SHA_C,
        "badge_id": SHA_C,
        "paper_id": SHA_C,
        "style": "live",
        "count": None,
    }
    assert as_found[third.start : third.start + 4] == "<tr>"
    assert as_found[third.cells[0].start : third.cells[0].end] == "2014.9"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_move_cells(as_found: str, line_end: str, mark: str) -> None:
    text = mark + as_found.replace("\n", line_end)
    assert [row.line for row in read_rows(text)] == [45, 53, 61]
    assert cells_of(text, read_tables(text)[0])[2][:2] == ["2014.9", "seq2seq"]
    piped = mark + pipes("2014.9", "[A paper](https://arxiv.org/abs/1409.3215)", "7").replace("\n", line_end)
    (row,) = read_rows(piped)
    assert (row.line, row.date, row.count) == (3, "2014.9", 7)
    assert read_tables(piped)[0].start == len(mark)


@pytest.mark.parametrize(
    ("cell", "style", "count"),
    [
        ("12", "text", 12),
        ("0", "text", 0),
        ("1,234", "text", 1234),
        (f'<a href="https://www.semanticscholar.org/paper/{SHA_C}">98</a>', "text", 98),
        ("N/A", "text", None),
        ("inaccessible", "text", None),
        ("", None, None),
        ("see the page", None, None),
        ("12 of 30", None, None),
        ('<img src="https://img.shields.io/badge/citation-123-blue">', "static", 123),
        ('<img src="https://img.shields.io/badge/cited--by-1%2C234-blue.svg?style=flat">', "static", 1234),
        ('<img src="https://img.shields.io/static/v1?label=citation&message=45&color=red">', "static", 45),
        ('<img src="https://img.shields.io/badge/made_with-python-blue">', None, None),
        (f'<img src="{BADGE}" alt="citation">', "live", None),
        (f"<img alt=citation src={BADGE.replace('&', '&amp;')}>", "live", None),
        (f'<img src="{BADGE}" alt="citation 512 (2026-01-31)">', "live", 512),
        (f'<img src="{BADGE.replace("query=citationCount", "query=referenceCount")}" alt="references">', None, None),
        (f'<!-- <img src="{BADGE}"> -->', None, None),
    ],
)
def test_every_style_of_count_is_recognised(cell: str, style: str | None, count: int | None) -> None:
    (row,) = read_rows(html("2014.9", "A paper", cell))
    assert (row.style, row.count) == (style, count)
    if count is not None:
        assert row.citation.count_span
        assert str(count)[-3:] in html("2014.9", "A paper", cell)[slice(*row.citation.count_span)]


@pytest.mark.parametrize(
    ("cell", "style", "count"),
    [
        ("12", "text", 12),
        ("[12](https://arxiv.org/abs/1409.3215)", "text", 12),
        ("![citation](https://img.shields.io/badge/citation-123-blue)", "static", 123),
        (f"![citation]({BADGE})", "live", None),
        (f"[![citation 7 (2026-01-31)]({BADGE})](https://www.semanticscholar.org/paper/{SHA_B})", "live", 7),
        (f'<a href="https://www.semanticscholar.org/paper/{SHA_B}"><img src="{BADGE}"></a>', "live", None),
        (f"`![citation]({BADGE})`", None, None),
        (f"<!-- ![citation]({BADGE}) -->", None, None),
    ],
)
def test_markdown_cells_hold_the_same_styles(cell: str, style: str | None, count: int | None) -> None:
    (row,) = read_rows(pipes("2014.9", "A paper", cell))
    assert (row.style, row.count) == (style, count)


def test_a_pipe_tables_badge_and_link_are_told_apart() -> None:
    cell = f"[![citation]({BADGE})](https://www.semanticscholar.org/paper/{SHA_B})"
    (row,) = read_rows(pipes("2014.9", "[A paper](https://arxiv.org/abs/1409.3215v1)", cell))
    assert (row.badge_id, row.link_id, row.url_id) == (SHA_C, SHA_B, "ARXIV:1409.3215")


@pytest.mark.parametrize(
    "hidden",
    [
        "```\n{}\n```\n",
        "~~~html\n{}\n~~~\n",
        "<!--\n{}\n-->\n",
        "<div>\n<!-- {} --></div>\n",
        "<!-- never closed\n{}",
        "    {}\n".replace("{}", "{0}"),
        "`{}`\n",
    ],
)
def test_a_table_in_a_comment_or_in_code_is_no_table(hidden: str) -> None:
    table = html("2014.9", "A paper", f'<img src="{BADGE}">').strip().replace("\n", "")
    assert len(read_rows(table)) == 1
    assert read_rows(hidden.format(table)) == []
    if not hidden.startswith("<!-- never"):
        assert len(read_rows(hidden.format(table) + "\ntext\n\n" + table)) == 1


def test_end_tags_may_be_missing_and_tables_may_nest() -> None:
    text = "<TABLE><tr><th>Title<th>Citation\n<tr><td>One<td>1\n<tr><td><table><tr><td>inner</table>Two<td>2</table>\n"
    assert [(row.title, row.count) for row in read_rows(text)] == [("One", 1), ("inner Two", 2)]


def test_prose_after_a_table_that_was_never_closed_is_not_its_last_cell() -> None:
    text = HEAD + "<tr><td>2014.9</td><td>A paper</td><td>7\n\nSome prose.\n\n# Next\n\n" + html("2015.1", "B", "8")
    tables = read_tables(text)
    assert [[row.count for row in table.rows] for table in tables] == [[7], [8]]
    assert [table.closed for table in tables] == [False, True]


def test_a_table_cut_off_inside_a_tag_keeps_its_whole_rows() -> None:
    text = HEAD + '<tr><td>2014.9</td><td>A paper</td><td>7</td></tr>\n<tr><td>2015</td><td><a href="https://arx'
    (table,) = read_tables(text)
    assert table.cut
    assert next(row.title for row in table.rows) == "A paper"


def test_rows_after_a_blank_line_are_still_rows_and_the_line_is_noted() -> None:
    text = (
        HEAD
        + "    <tr><td>2014.9</td><td>A</td><td>1</td></tr>\n\n    <tr><td>2015</td><td>B</td><td>2</td></tr>\n</table>"
    )
    (table,) = read_tables(text)
    assert [row.count for row in table.rows] == [1, 2]
    assert [text[:position].count("\n") + 1 for position in table.blank_lines] == [3]
    piped = pipes("2014.9", "A", "1") + "\n| 2015 | B | 2 |\n"
    (table,) = read_tables(piped)
    assert [row.count for row in table.rows] == [1, 2]
    assert [piped[:position].count("\n") + 1 for position in table.blank_lines] == [4]


def test_rows_may_lack_anything() -> None:
    text = HEAD + (
        '<tr><td colspan="3">Part two</td></tr><tr><td></td><td>A &amp; B</td></tr>'
        "<tr><td>soon</td><td></td><td>3</td></tr></table>"
    )
    rows = read_rows(text)
    assert [(row.date, row.year, row.title, row.count) for row in rows] == [
        (None, None, "A & B", None),
        ("soon", None, None, 3),
    ]


def test_a_table_of_something_else_is_not_one_of_papers() -> None:
    assert read_tables("| Name | Size |\n|---|---|\n| a | 1 |\n") == []
    assert read_tables("<table><tr><td>x</td><td>y</td></tr></table>") == []


def test_the_title_is_told_from_links_that_only_say_paper() -> None:
    (row,) = read_rows(pipes("2014.9", "**Seq2seq** [[pdf](https://arxiv.org/pdf/1409.3215)]", "1"))
    assert (row.title, row.url) == ("Seq2seq", "https://arxiv.org/pdf/1409.3215")


def test_edits_are_made_and_nothing_else() -> None:
    assert splice("abcdef", [Edit(4, 5, "E!"), Edit(0, 1, ""), Edit(2, 2, "-")]) == "b-cdE!f"
    with pytest.raises(ValueError, match="two edits overlap at character 1; make one of them"):
        splice("abc", [Edit(0, 2, "x"), Edit(1, 3, "y")])


PIECES = st.sampled_from(
    [f"{piece}>" for piece in HEAD.split(">")]
    + ["<tr>", "</tr>", "<td>", "</td>", "</table>", "<table", "<!--", "-->", "<script>", '<a href="', '">', "<", ">"]
    + ["`", "[x](", ")", "![", "]", "\\", "&amp;", "7", "'", '"', "```\n", "# h\n", "> ", "- ", "    ", "\n", "\n\n"]
    + ["\r\n", "\ufeff", "\0", "\ud800", "| a | b |\n", "|-|-|\n", "| Title | Citation |\n|--|--|\n"]
    + [
        f'<img src="{BADGE}">',
        "<td rowspan=2>",
        "<td colspan='3'>",
        "[a][b]",
        "[b]",
        "\n[b]: https://arxiv.org/abs/1409.3215\n",
    ]
    + ["999+", "2.5k", "**", "_", "<br>", "arXiv:1409.3215", "10.1000/x", "et al.", "(", "| 论文 | 引用 |\n|--|--|\n"]
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text())
def test_no_text_raises_and_every_span_lies_in_its_row(text: str) -> None:
    for table in read_tables(text):
        assert 0 <= table.start <= table.end <= len(text)
        for row in table.rows:
            assert table.start <= row.start <= row.end <= len(text)
            previous = row.start
            for cell in row.cells:
                assert previous <= cell.start <= cell.end <= row.end
                previous = cell.end
            for span in (row.citation.count_span, row.title_span, row.citation.shown_span):
                assert span is None or row.start <= span[0] <= span[1] <= row.end
            assert row.url_span is None or row.url_span[0] <= row.url_span[1] <= len(text)  # by reference: elsewhere


PROSE = ["where a <b and", "an open <!-- comment", "a `<table>` in code", "\\<table> escaped", "p<script and"]


@pytest.mark.parametrize("prose", PROSE)
def test_prose_swallows_no_table(prose: str) -> None:
    text = f"{prose}\n\n" + html("2014.9", "A paper", "7")
    assert [row.count for row in read_rows(text)] == [7]
    listed = f"| a |\n|---|\n| {prose} |\n\n" + html("2014.9", "A paper", "7")
    assert [row.count for row in read_rows(listed)] == [7]


HOSTILE = ["<a ", '<a x="', "<table><td ", "[", "](", "![](", "`", "| a ", "<td>", "</td>", "<table>", "> ", "&", "*"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read_in_time(piece: str) -> None:
    table = "| Date | Title | Citation |\n|--|--|--|\n| a | "
    for start in ("", HEAD + "<tr><td>", table):
        read_tables(start + piece * 15_000)  # far too long for a test, if the time grew with the square


def test_an_address_in_a_column_of_its_own_is_the_papers() -> None:
    (row,) = read_rows("| Title | Link | Citation |\n|--|--|--|\n| Seq2seq | https://arxiv.org/abs/1409.3215 | 7 |\n")
    assert (row.title, row.url, row.paper_id) == ("Seq2seq", "https://arxiv.org/abs/1409.3215", "ARXIV:1409.3215")


# Other headers, other forms

LINK = "https://arxiv.org/abs/1409.3215"
STATIC = "https://img.shields.io/badge/citations-{}-blue"


def found(text: str, **columns: int) -> list[tuple[str | None, str | None, int | None]]:
    return [(row.title, row.paper_id, row.count) for row in read_rows(text, columns)]


def test_a_table_without_a_header_is_read_by_what_it_holds() -> None:
    page = f"https://www.semanticscholar.org/paper/{SHA_A}"
    text = f'<table><tr><td>2014.9</td><td><a href="{LINK}">A title of words</a></td>'
    text += f'<td><a href="{page}"><img src="{STATIC.format("1%2C234")}"></a></td></tr></table>'
    assert found(text) == [("A title of words", SHA_A, 1234)]
    assert read_rows(text)[0].date == "2014.9"


def test_a_header_in_another_language_and_links_below_other_words() -> None:
    text = f"| 年份 | 论文 | 引用 |\n|--|--|--|\n| 2014 | [Seq2seq]({LINK}) | 1,234 |\n"
    assert found(text) == [("Seq2seq", "ARXIV:1409.3215", 1234)]
    text = (
        f"| Resource | Why |\n|--|--|\n| [Seq2seq]({LINK}) | old |\n| [GAN](https://arxiv.org/abs/1406.2661) | old |\n"
    )
    assert [row.title for row in read_rows(text)] == ["Seq2seq", "GAN"]
    assert read_rows(text.replace("arxiv.org", "example.org")) == []


@pytest.mark.parametrize("width", ["|--|--|", "|--|--|--|--|", "--|--|--", "--|--", "--|--|--|--"])
def test_a_delimiter_row_of_any_width_makes_no_difference(width: str) -> None:
    text = f"| Title | Link | Citation |\n{width}\n| Seq2seq | {LINK} | 7 |\n"
    text += "| GAN | https://arxiv.org/abs/1406.2661 | 8 |\n"
    assert [paper for _, paper, _ in found(text)] == ["ARXIV:1409.3215", "ARXIV:1406.2661"]


@pytest.mark.parametrize(
    "cells",
    [
        f"Seq2seq | Bee | [code](https://github.com/a/b) | [pdf]({LINK})",
        "Seq2seq | Bee | NeurIPS, arXiv:1409.3215 | x",
        f"Seq2seq [[1409.3215]]({LINK}) | Bee | x | x",
        "Seq2seq | Bee | x | `10.48550/arXiv.1409.3215`",
    ],
)
def test_an_id_may_stand_in_any_cell(cells: str) -> None:
    text = f"| Title | Authors | Venue | Where |\n|--|--|--|--|\n| {cells} |\n"
    assert found(text) == [("Seq2seq", "ARXIV:1409.3215", None)]


def test_other_papers_in_a_description_are_not_the_rows() -> None:
    text = f"| Title | Notes | Citations |\n|--|--|--|\n| A | like [B]({LINK}) | 7 |\n"
    assert found(text) == [("A", None, 7)]


def test_an_address_without_an_id_stays_the_papers_own() -> None:
    forum = "https://openreview.net/forum?id=abc"
    text = f"| Title | Links |\n|--|--|\n| [A]({forum}) | [arXiv]({LINK}) |\n"
    (row,) = read_rows(text)
    assert (row.url, row.paper_id) == (forum, "ARXIV:1409.3215")


def test_links_by_reference_are_followed() -> None:
    text = f"| Title | Citation |\n|--|--|\n| [Seq2seq][s] | [![c][badge]][s] |\n\n[S]: {LINK}\n[badge]: <{BADGE}>\n"
    (row,) = read_rows(text)
    assert (row.title, row.url, row.badge_id, row.link_id) == ("Seq2seq", LINK, SHA_C, "ARXIV:1409.3215")


def test_a_cell_over_several_rows_moves_no_other() -> None:
    text = (
        "<table><tr><th>Year</th><th>Title</th><th>Authors</th><th>Citation</th></tr>"
        "<tr><td rowspan=3>2014</td><td>One</td><td>Ann Bee</td><td>1</td></tr>"
        "<tr><td>Two</td><td>Carl Dee</td><td rowspan=2></td></tr>"
        "<tr><td colspan=2>Carl Dee et al.</td></tr></table>"
    )
    assert found(text) == [("One", None, 1), ("Two", None, None)]
    assert [row.date for row in read_rows(text)] == ["2014", "2014"]
    assert read_rows(text)[1].cell("date") is None


def test_authors_below_a_title_are_no_paper() -> None:
    text = (
        "<table><tr><th>Title</th><th>Citation</th></tr>"
        f'<tr><td><a href="{LINK}">Seq2seq</a></td><td rowspan="2">7</td></tr>'
        "<tr><td>Ilya Sutskever, Oriol Vinyals</td></tr></table>"
    )
    assert found(text) == [("Seq2seq", "ARXIV:1409.3215", 7)]


def test_a_row_that_only_says_what_follows_is_no_paper() -> None:
    text = f"| Title | Notes | Links |\n|--|--|--|\n| Sequences | | |\n| [Seq2seq]({LINK}) | x | y |\n"
    assert [row.title for row in read_rows(text)] == ["Seq2seq"]


def test_titles_years_and_counts_of_other_things_are_no_papers() -> None:
    for text in (
        "| Título | Año | Rating |\n|--|--|--|\n| Una película de cuatro palabras | 2023 | 7.8 |\n",
        "| Статья | ₽/мес |\n|--|--|\n| Расходы | 5 226 000 |\n",
        "| 文件名 | 大小 | 引用数 |\n|--|--|--|\n| a.png | 12 | 3 |\n",
        "| Paper | Cited by | Cites |\n|--|--|--|\n| P1 | P2, P3 | P4 |\n",
        "| 名称 | 文件 | 引用次数 |\n|--|--|--|\n| `IUser` | `a.cs` | 6 |\n",
        "| Paper | Citations |\n|--|--|\n| 1 | 3 |\n| 2 | 0 |\n",
    ):
        assert read_tables(text) == []


def test_papers_without_ids_are_known_by_their_headers() -> None:
    text = "| Paper | Year | Dataset |\n|--|--|--|\n| **A Title of Four Words** (Bee & Dee) | 2022 | x |\n"
    assert found(text) == [("A Title of Four Words", None, None)]


def test_columns_that_somebody_has_named_come_first() -> None:
    text = "| a | b | c |\n|--|--|--|\n| 7 | 9 | A title |\n"
    assert found(text) == []
    assert found(text, title=3, citation=1) == [("A title", None, 7)]
    assert found(text, title=3, citation=2) == [("A title", None, 9)]
    text = "| Title | Citation | Year |\n|--|--|--|\n| A | 7 | 9 |\n"
    assert found(text, citation=3) == [("A", None, 9)]
    assert [row.description for row in read_rows(pipes("2014", "A", "7"), {"citation": 0})] == []


@pytest.mark.parametrize(
    "shown", ["1,234", "~6,220", "22.480", "2.5k", "1 024", "1,00,000", "500 (2024-01)", "12345678901"]
)
@pytest.mark.parametrize("around", ["{}", "`{}`", "**{}**", "[{}](https://a.b)", "<sub>{}</sub>"])
def test_a_count_is_read_in_its_own_manner_and_setting(shown: str, around: str) -> None:
    text = pipes("2014.9", f"[A]({LINK})", around.format(shown))
    (row,) = read_rows(text)
    assert row.citation.count_span
    assert text[slice(*row.citation.count_span)] == shown
    assert row.citation.shown_span
    assert shown in text[slice(*row.citation.shown_span)]


@pytest.mark.parametrize("message", ["123", "1%2C234", "4500%2B", "4500+", "2.5k", "1,234"])
def test_a_static_badge_that_says_citations_counts_in_any_column(message: str) -> None:
    text = f"| Title | Notes |\n|--|--|\n| [A]({LINK}) | x ![]({STATIC.format(message)}) |\n"
    (row,) = read_rows(text)
    assert row.style == "static"
    assert row.citation.count_span
    assert text[slice(*row.citation.count_span)] == message
    assert read_rows(text.replace("citations-", "stars-"))[0].style is None


# What we write, we read

WORDS = st.text(st.sampled_from("ABab 12:&<>*_[]|`é文-"), min_size=3, max_size=20).map(
    lambda w: "A " + " ".join(w.split()) + " b"
)
COUNTS = st.integers(0, 10**12)
KEPT: st.SearchStrategy[Target] = st.sampled_from(["live", "static", "text"])
PAPERS = st.lists(
    st.tuples(WORDS, st.integers(0, 99999), st.integers(2007, 2026), KEPT, COUNTS), min_size=1, max_size=5
)


def written(papers: list[tuple[str, int, int, Target, int]], *, markdown: bool) -> str:
    lines = []
    for title, number, year, style, count in papers:
        link = link_source(title, f"https://arxiv.org/abs/1409.{number:05}", markdown=markdown)
        badge = badge_source(f"ARXIV:1409.{number:05}", style, count, "2026-11-07", markdown=markdown)
        cells = (str(year), link, badge)
        if markdown:
            lines.append(f"| {' | '.join(cells)} |\n")
        else:
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n")
    if markdown:
        return "| Date | Title | Citation |\n|--|--|--|\n" + "".join(lines)
    return HEAD + "".join(lines) + "</table>\n"


@given(PAPERS, st.booleans())
def test_a_table_that_we_write_is_read_as_it_was_meant(
    papers: list[tuple[str, int, int, Target, int]], markdown: bool
) -> None:
    rows = read_rows(written(papers, markdown=markdown))
    read = [(row.title, row.paper_id, row.year, row.style, row.count) for row in rows]
    assert read == [(t, f"ARXIV:1409.{number:05}", year, style, count) for t, number, year, style, count in papers]


NUMBERS = ["7", "1,234", "`22.480`", "~6,220", "**2.5k**", "1 024", "1,00,000", "500 (2024-01)", "[12](https://a.b)"]
BADGES = [f"![c 5 (2024-01-02)]({BADGE})", f"x ![c]({STATIC.format('1%2C234')}) y", f"![c]({STATIC.format('2.5k')})"]
SHOWN = st.sampled_from([*NUMBERS, *BADGES])


@given(st.lists(st.tuples(SHOWN, st.integers(0, 10**10)), min_size=1, max_size=4))
def test_a_refresh_touches_the_characters_of_counts_alone(cells: list[tuple[str, int]]) -> None:
    text = "| Date | Title | Citation |\n|--|--|--|\n"
    text += "".join(
        f"| 2014 | [A {n}](https://arxiv.org/abs/1409.{n:05}) | {shown} |\n" for n, (shown, _) in enumerate(cells)
    )
    rows = read_rows(text)
    edits = [
        edit
        for row, (_, count) in zip(rows, cells, strict=True)
        for edit in count_edits(text, row, count, "2026-11-07", "keep", row.paper_id or "", markdown=True)
    ]
    spans = [span for row in rows if (span := row.citation.count_span)]
    assert all(any(start <= edit.start and edit.end <= end for start, end in spans) for edit in edits)
    after = read_rows(splice(text, edits))
    for row, (shown, count) in zip(after, cells, strict=True):
        rounded = any(mark in shown for mark in "~+k")
        assert row.count == (pytest.approx(count, rel=0.5, abs=1) if rounded else count)
    again = splice(text, edits)
    for row, (_, count) in zip(after, cells, strict=True):
        assert count_edits(again, row, count, "2026-11-07", "keep", row.paper_id or "", markdown=True) == []


@pytest.mark.parametrize("heading", ["| **Vision** |", "| **Vision** | |", "| Vision |", "| __Vision and more__ |  |"])
def test_a_row_that_names_a_section_is_no_paper(heading: str) -> None:
    rows = f"| [A paper of its own]({LINK}) | 7 |\n| [Another paper]({LINK[:-1]}1) | 8 |\n"
    assert [row.count for row in read_rows(f"| Title | Citation |\n|--|--|\n{heading}\n{rows}")] == [7, 8]
    kept = f"| Title | Citation |\n|--|--|\n{rows}| Vision |  |\n"
    assert len(read_rows(kept)) == 3  # it may be a paper whose count is to come
