"""Authors in the list's own column and in kept answers, and how an export writes them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_scholar_server import Library
from test_papers_cli import asking, papers
from test_refresh import live, page, save

from papers import read_rows, read_tables
from papers.authors import OTHERS, authors_of, split_names
from papers.export import bibtex, ris


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Diederik P. Kingma, Max Welling", ["Diederik P. Kingma", "Max Welling"]),
        ("I. Goodfellow, J. Pouget-Abadie and M. Mirza", ["I. Goodfellow", "J. Pouget-Abadie", "M. Mirza"]),
        ("I. Goodfellow, J. Pouget-Abadie, and M. Mirza", ["I. Goodfellow", "J. Pouget-Abadie", "M. Mirza"]),
        ("Kingma, D. P., Welling, M.", ["Kingma, D. P.", "Welling, M."]),
        ("Kingma, Diederik; Welling, Max", ["Kingma, Diederik", "Welling, Max"]),
        ("M. Zeiler & R. Fergus", ["M. Zeiler", "R. Fergus"]),
        ("A. Vaswani et al.", ["A. Vaswani", OTHERS]),
        ("A. Vaswani, et al", ["A. Vaswani", OTHERS]),
        ("王小明、李雷 等", ["王小明", "李雷", OTHERS]),
        ("OpenAI", ["OpenAI"]),
        ("Ferdinand Anders", ["Ferdinand Anders"]),
        ("–", []),
        ("", []),
    ],
)
def test_names_are_told_apart(written: str, names: list[str]) -> None:
    assert split_names(written) == names


NAMES = st.lists(st.from_regex(r"[A-Z][a-zé]{1,8} [A-Z]\. [A-Z][a-z]{2,9}", fullmatch=True), min_size=1, max_size=5)


@given(NAMES, st.sampled_from([", ", "; ", " and ", " & ", "、"]))
def test_names_between_any_separator_come_back(names: list[str], between: str) -> None:
    assert split_names(between.join(names)) == names


def test_a_lists_own_authors_are_exported(tmp_path: Path) -> None:
    text = "| Title | Authors | Citation |\n|--|--|--|\n"
    text += "| [GAN & co](https://arxiv.org/abs/1406.2661) | I. Goodfellow, *J. Doe* et al. | 3 |\n"
    text += "| [B](https://doi.org/10.1/b) | | |\n"
    path = save(tmp_path, text)
    exported = papers("export", path, "--format", "bibtex").stdout
    assert "  author = {I. Goodfellow and J. Doe and others},\n" in exported
    assert exported.count("author =") == 1
    assert "AU  - I. Goodfellow\nAU  - J. Doe\nTI  - GAN & co\n" in papers("export", path, "--format", "ris").stdout
    made = {name: papers("export", path, "--format", name).stdout for name in ("csv", "json", "markdown")}
    names = ["I. Goodfellow", "J. Doe", "et al."]
    assert [row["authors"] for row in json.loads(made["json"])] == [names, []]
    assert [row["authors"] for row in csv.DictReader(io.StringIO(made["csv"]))] == ["; ".join(names), ""]
    tables = read_tables(made["markdown"])
    assert authors_of(made["markdown"], tables) == {3: ["I. Goodfellow", "J. Doe", "others"]}
    assert [row.count for table in tables for row in table.rows] == [3, None]


def test_what_the_service_has_said_of_authors_is_kept_for_the_export(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(1, 3, "A paper of many words", authors=[{"name": "Łukasz Kaiser"}, {"name": None}, {"name": "A_B {C}"}])
    path = save(tmp_path, page(("2017", "A paper of many words", live(1))))
    monkeypatch.setenv("SEMANTIC_SCHOLAR_URL", library.url)
    assert "author" not in papers("export", path).stdout
    asking(library, "audit", path)
    assert r"  author = {Łukasz Kaiser and A\_B \{C\}}," in papers("export", path).stdout


def test_without_authors_none_are_made_up() -> None:
    rows = read_rows(page(("2017", "A paper", live(1))))
    assert "author" not in bibtex(rows, {})
    assert "AU" not in ris(rows)
