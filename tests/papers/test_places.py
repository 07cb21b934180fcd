"""A list without counts gets them in its own layout, and nothing else in it changes."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser
from semantic_scholar_server import Library, sha
from test_refresh import TODAY, load, save
from typer.testing import CliRunner

from papers import SemanticScholar, read_rows, refresh
from papers.cli import app

ARXIV = "https://arxiv.org/abs/2301.0000"


def known(library: Library, papers: int = 2) -> None:
    for number in range(1, papers + 1):
        library.add(number, 100 * number, f"A Paper of Note {number}", externalIds={"ArXiv": f"2301.0000{number}"})


def after_adding(text: str, client: SemanticScholar, folder: Path, style: str = "keep") -> str:
    path = save(folder, text)
    refresh(path, client, style=style, add_column=True)  # type: ignore[arg-type]
    after = load(path)
    assert not refresh(path, client, add_column=True).written
    return after


def test_a_pipe_table_gets_a_column_as_wide_as_its_others(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    known(library)
    text = (
        f"| Year | Title                              |\n|-----:|:----------------------------------:|\n"
        f"| 2023 | [A Paper of Note 1]({ARXIV}1) |\n| 2023 | [A Paper of Note 2]({ARXIV}2) |\n"
        "| 2024 | Nobody knows this |\n"
    )
    after = after_adding(text, client, tmp_path)
    link = "https://api.semanticscholar.org/arXiv:2301.0000"
    assert after.splitlines() == [
        "| Year | Title                              | Citation |",
        "|-----:|:----------------------------------:| :------: |",
        f"| 2023 | [A Paper of Note 1]({ARXIV}1) | [100]({link}1) |",
        f"| 2023 | [A Paper of Note 2]({ARXIV}2) | [200]({link}2) |",
        "| 2024 | Nobody knows this |  |",
    ]
    shown = LexborHTMLParser(MarkdownIt("commonmark").enable("table").render(after))
    assert [[node.text() for node in row.css("th, td")][-1] for row in shown.css("tr")] == [
        "Citation",
        "100",
        "200",
        "",
    ]
    cell = f"[A Paper of Note 1]({ARXIV}1)"
    size = len(cell)
    aligned = f"| {'Title':{size}} | Year |\n|{'-' * (size + 2)}|------|\n| {cell} | 2023 |\n"
    lines = after_adding(aligned, client, tmp_path).splitlines()
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("neighbour", "filled"),
    [
        ("90", "200"),
        ("[90](https://example.org/x)", "[200](https://api.semanticscholar.org/arXiv:2301.00002)"),
        (
            "![citation](https://img.shields.io/badge/citation-90-blue)",
            "![citation](https://img.shields.io/badge/citation-200-blue)",
        ),
    ],
)
@pytest.mark.parametrize("empty", ["|", " |", "   |"])
def test_an_empty_cell_is_filled_as_its_neighbours_are(
    neighbour: str, filled: str, empty: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    known(library)
    plain = "\n\n| Title | Citations |\n|--|--|\n" + f"| [Other]({ARXIV}9) | ? |\n" * 3
    text = f"| Title | Citations |\n|--|--|\n| [A Paper of Note 1]({ARXIV}1) | {neighbour} |\n"
    text += f"| [A Paper of Note 2]({ARXIV}2) |{empty}{plain}"
    lines = after_adding(text, client, tmp_path).splitlines()
    assert lines[3].partition("2) |")[2].strip(" |") == filled
    assert lines[2].partition("1) |")[2].strip(" |") == neighbour.replace("90", "100")


@pytest.mark.parametrize("comment", ["<!-- papers: ignore date -->", "<!-- a --> <!-- | b -->  "])
def test_a_comment_behind_a_row_stays_there(
    comment: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    known(library)
    text = (
        f"| Title | Note |\n|--|--|\n| [A Paper of Note 1]({ARXIV}1) | a | {comment}\n"
        f"| [A Paper of Note 2]({ARXIV}2) | <!-- c --> |   \n"
    )
    for style in ("keep", "live", "static"):
        after = after_adding(text, client, tmp_path, style)
        assert [row.count for row in read_rows(after)] == [100, 200]
        row = after.splitlines()[2]
        assert row.startswith(f"| [A Paper of Note 1]({ARXIV}1) | a | [")
        assert row.endswith(f" | {comment}")
        assert after.count("itation |") == 1


def test_no_second_column_is_added(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    known(library)
    rows = f"| [A Paper of Note 1]({ARXIV}1) | {{}} |\n| [A Paper of Note 2]({ARXIV}2) |\n"
    for header, cell, states in [
        ("Citation", "900[^1]", ["no_place", "no_place"]),
        ("Citations (Google Scholar)", "900", ["ok", "ok"]),
        ("Citations/yr", "9", ["ok", "ok"]),
    ]:
        path = save(tmp_path, f"| Title | {header} |\n|--|--|\n" + rows.format(cell))
        assert [row.state for row in refresh(path, client, add_column=True).rows] == states
        after = load(path)
        assert after.count("Citation") == 1 + ("ok" in states)
        assert cell in after
        refresh(path, client, add_column=True)
        assert load(path) == after
    said = {"citation": 0}
    path = save(tmp_path, "| Title | Citation |\n|--|--|\n" + rows.format("9"))
    before = load(path)
    assert not refresh(path, client, add_column=True, columns=said).written
    assert load(path) == before


def test_an_html_table_gets_a_cell_a_row_laid_out_as_the_last(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    known(library)
    head = '<table>\n  <tr>\n    <th>title</th>\n    <th align="center">year</th>\n  </tr>\n'
    row = '  <tr>\n    <td><a href="{0}{1}">A Paper of Note {1}</a></td>\n    <td align="center">2023</td>\n  </tr>\n'
    badge = '<img src="https://img.shields.io/badge/a-b-c">'
    text = head + row.format(ARXIV, 1) + row.format(ARXIV, 2).replace("2023", f"2023 {badge}") + "</table>\n"
    after = after_adding(text, client, tmp_path)
    cells = re.findall(r'\n    <t[hd] align="center">(.*)</t[hd]>\n  </tr>', after)
    assert cells[0] == "citation"
    assert f'alt="citation 100 ({TODAY})"' in cells[1]
    assert [row.style for row in read_rows(after)] == ["live", "live"]
    assert re.sub(r'\n    <t[hd] align="center">(?:citation|<a.*)</t[hd]>(?=\n  </tr>)', "", after) == text
    spans = after_adding(text.replace(' align="center"', ' colspan="1"'), client, tmp_path)
    assert [row.count for row in read_rows(spans)] == [100, 200]


@pytest.mark.parametrize(
    "bullet",
    [
        "- [A Paper of Note 1](L)#\n",
        '- [A Paper of Note 1](L "t"), 2023.#  \n  More.\n',
        "- **A Paper of Note 1** (2023) [[pdf]](L)#\r\n",
        "- **A Paper of Note 1** [[pdf](L)]# is a\n  paper.\n",
        "**A Paper of Note 1** \\\n*A. B* \\\narXiv 2023. [[Paper](L)]# \\\n1 Jan 2023\n",
        "- [A Paper of Note 1](L)#\n  - A. B, C. D\n",
        "- A Paper of Note 1, *A. B*\n  - [pdf](L)#\n",
        "- [A Paper of Note 1][x]#\n\n[x]: L\n",
        '<ul><li><a href="L">A Paper of Note 1</a>#</li></ul>\n',
    ],
)
def test_a_bullet_gets_its_count_behind_the_link(
    bullet: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    known(library)
    bullet = bullet.replace("L", ARXIV + "1")
    before, shown = bullet.replace("#", ""), " Cited by 100" if "<li>" in bullet else " Cited by `100`"
    made = after_adding(before, client, tmp_path)
    assert made == bullet.replace("#", shown)
    (row,) = read_rows(made)
    assert (row.title, row.count, row.style) == ("A Paper of Note 1", 100, "text")
    live = after_adding(before, client, tmp_path, "live")
    (row,) = read_rows(live)
    assert (row.title, row.count, row.style) == ("A Paper of Note 1", 100, "live")


def test_a_paper_that_was_found_by_its_title_is_named(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    record = library.add(7, 42, "A Paper of Some Note That Has No Link", year=2019)
    library.matches["A Paper of Some Note That Has No Link"] = record
    text = "- **A Paper of Some Note That Has No Link** (2019) [[pdf]](https://a.org/x.pdf)\n"
    after = after_adding(text, client, tmp_path)
    assert after == text[:-1] + f" [Cited by `42`](https://www.semanticscholar.org/paper/{sha(7)})\n"
    assert [row.paper_id for row in read_rows(after)] == [sha(7)]


def test_the_command_takes_the_option(library: Library, tmp_path: Path) -> None:
    known(library)
    path = save(tmp_path, f"| Titel | Jahr |\n|--|--|\n| [A Paper of Note 1]({ARXIV}1) | 2023 |\n")
    words = ["refresh", str(path), "--base-url", library.url]
    runner = CliRunner()
    told = runner.invoke(app, words)
    assert "--add-column citation" in " ".join(told.stdout.split())
    assert "1 no_place" in told.stderr
    assert "The file would change." in runner.invoke(app, [*words, "--add-column", "citation", "--dry-run"]).stderr
    assert runner.invoke(app, [*words, "--add-column", "citation"]).exit_code == 0
    assert [row.count for row in read_rows(load(path))] == [100]
    assert runner.invoke(app, [*words, "--add-column", "stars"]).exit_code == 2


FORMS = st.sampled_from(
    [
        "- [{t}]({u})",
        "1. **{t}** [[pdf]({u})]",
        "- {t} [[ICML2023]]({u})",
        "- **{t}**, *A. B*, 2023. [[p]({u})]",
        "* {t} {u}",
    ]
)
ENDS = st.sampled_from(
    ["\n", "  \n", "\n\n", " \\\n", "\n  - Key: value\n", "\n  and more words\n", "\r\n", ", ICML 2023\n"]
)
STYLES = st.sampled_from(["keep", "live", "static", "text"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FORMS, ENDS), min_size=1, max_size=4), STYLES)
def test_any_list_gets_counts_that_are_read_again(
    library: Library, client: SemanticScholar, entries: list[tuple[str, str]], style: str
) -> None:
    known(library, 4)
    text = ""
    for number, (form, end) in enumerate(entries, 1):
        text += form.format(t=f"A Paper of Note {number}", u=f"{ARXIV}{number}") + end
    before = read_rows(text)
    with tempfile.TemporaryDirectory() as folder:
        after = after_adding(text, client, Path(folder), style)
    rows = read_rows(after)
    assert [(row.title, row.url_id) for row in rows] == [(row.title, row.url_id) for row in before]
    assert [row.count for row in rows] == [int(row.url_id[-1]) * 100 if row.url_id else None for row in before]
    pieces = iter(after)
    assert all(char in pieces for char in text)  # nothing is lost: the old text is a part of the new, in its order
