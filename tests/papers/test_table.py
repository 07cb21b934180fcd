"""What is read from tables, and that a splice touches nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers import Edit, Table, read_rows, read_tables, splice

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
    + [f'<img src="{BADGE}">']
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
            for span in (row.citation.count_span, row.url_span, row.title_span):
                assert span is None or row.start <= span[0] <= span[1] <= row.end


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
