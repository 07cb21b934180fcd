"""What columns hold is told from their headers, in many languages and in other words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from papers import read_rows
from papers.cli import app
from papers.headers import check_columns, find_columns, named_columns, parse_columns


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ("Date|Category|Paper Name|Description|Citation", "date category title description citation"),
        ("Title & Authors|TL;DR|Links", "title description link"),
        ("Year|Venue|Title|Paper|Code|Citations", "date source title link code citation"),
        ("Model|Paper|Year", "name title date"),
        ("Rank|Number of Citations (Google Scholar)|Paper", "- - title"),
        ("Title|Citaitons|Catagory", "title citation category"),
        ("Year of Publication|Research Paper|Citations per year", "date title -"),
        ("Date|Paper|Publication", "date title source"),
        ("论文|链接|引用|年份", "title link citation date"),
        ("编号|文献|年份|出处|被引|DOI", "- title date source citation link"),
        ("論文標題|年份|引用次數", "title date citation"),
        ("タイトル|著者|年|被引用数|概要", "title author date citation description"),
        ("논문 제목|저자|연도|인용 수", "title author date citation"),
        ("Titel|Autoren|Jahr|Zitate|Beschreibung", "title author date citation description"),
        ("Titre|Auteurs|Année|Nombre de citations|Lien", "title author date citation link"),
        ("Título|Año|Citas|Enlace", "title date citation link"),
        ("Titulo|Ano|Citações", "title date citation"),
        ("Titolo|Data|Citazioni", "title date citation"),
        ("Название|Год|Цитирования|Ссылка", "title date citation link"),
        ("Makale|Yıl|Atıf sayısı", "title date citation"),
        ("Tytuł|Rok|Liczba cytowań", "title date citation"),
        ("Titel|Jaar|Citaties", "title date citation"),
        ("Tiêu đề|Năm|Trích dẫn", "title date citation"),
        ("Judul|Tahun|Sitasi", "title date citation"),
        ("العنوان|السنة|الاستشهادات", "title date citation"),
        ("عنوان مقاله|سال|تعداد استناد", "title date citation"),
        ("शीर्षक|वर्ष|उद्धरण", "title date citation"),
        ("📚 Papers|#|Cited by ↓", "title - citation"),
        ("Journal|Date|Title|Code|Data|Citation", "source date title code - citation"),
        ("Study|Training environment / data|Titolo", "- - title"),
        ("Paper|Code link|GitHub link", "title code -"),
        ("Tool|Stars|License", "- - -"),
        ("Score|Influential citations", "- -"),
        ("Title|Citations/yr|Total Citations", "title - citation"),
        ("Title|Citation no.", "title -"),
        ("Title|Citation #|# Citations", "title - citation"),
        ("Title|Author citations|Patent citations|% cited", "title - - -"),
        ("Title|h5 citations|Δ citations|How to cite|First citation", "title - - - -"),
        ("Title|引用数(知网)|引用数", "title - citation"),
        ("Title|No. of citations", "title citation"),
        ("Title|Citations per year|Citations (GS)|Cited by", "title - - citation"),
        ("Title|Citations (2023)|Citations (2024)", "title - -"),
        ("Title|Citations (Nov 2024)", "title -"),
        ("Title|Citation Year|Citation rank", "title date -"),
        ("Title|Citations (Semantic Scholar)", "title citation"),
        ("Title|Scholar citations|Scopus citations|OpenAlex citations", "title - - -"),
        ("论文|谷歌学术引用|年均引用|引用", "title - - citation"),
    ],
)
def test_headers_are_understood(headers: str, found: str) -> None:
    wanted = {kind: index for index, kind in enumerate(found.split()) if kind != "-"}
    assert find_columns(headers.split("|")) == wanted


@given(
    st.lists(
        st.sampled_from(["Title", "Paper", "Year", "Citations", "引用", "x", "", "Link", "PDF"]) | st.text(max_size=8)
    )
)
def test_no_column_holds_two_kinds(headers: list[str]) -> None:
    found = find_columns(headers)
    assert len(set(found.values())) == len(found)
    assert all(0 <= index < len(headers) for index in found.values())


def test_columns_can_be_said_by_number_or_by_header() -> None:
    said = parse_columns("title=2, citation=引用 数,description=0")
    assert said == {"title": 2, "citation": "引用 数", "description": 0}
    assert named_columns(said, ["a", "b", "引用 数"], 3) == {"title": 1, "citation": 2}
    assert named_columns({"title": 4, "date": "c"}, ["a"], 3) == {}


@pytest.mark.parametrize(
    "written",
    ["", "title", "title=", "=2", "titel=2", "title=2,,citation", "title=0", "title=1,citation=1", "title=a,date=a"],
)
def test_what_is_no_description_of_columns_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"columns must be like title=2,citation=5"):
        parse_columns(written)


def test_a_column_that_no_table_has_is_refused() -> None:
    check_columns({"title": 3, "citation": 0, "date": "x"}, [2, 3])
    check_columns({"title": 3}, [])  # bullets have none
    with pytest.raises(ValueError, match=r"title=4 is none; the widest has 3"):
        check_columns({"title": 4}, [2, 3])


def test_what_is_said_of_a_column_comes_before_its_header() -> None:
    text = "| Title | Citations (2023) |\n|--|--|\n| [A](https://arxiv.org/abs/1706.03762) | 7 |\n"
    assert [row.count for row in read_rows(text)] == [None]
    assert [row.count for row in read_rows(text, {"citation": 2})] == [7]


@pytest.mark.parametrize("said", ["title=9", "title=0", "title=1,citation=1"])
@pytest.mark.parametrize("command", [("list",), ("export",), ("audit", "--offline"), ("plot",), ("report",)])
def test_columns_that_cannot_be_are_an_error_of_usage(said: str, command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text("| Title | Citation |\n|--|--|\n| [A](https://arxiv.org/abs/1706.03762) | 7 |\n")
    result = CliRunner().invoke(app, [*command, str(path), "--columns", said])
    assert result.exit_code == 2
    assert result.stderr.startswith("papers: columns")
    assert list(tmp_path.iterdir()) == [path]
