"""The page about a list, read by another parser of HTML: what is in it, and that no text of the list is markup."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from test_refresh import save

from papers.history import Count, append_history
from papers.plot import counted_papers
from papers.report import report

HEAD = "| Date | Category | Title | Citation |\n|--|--|--|--|\n"
GAN = "| 2014.6 | GAN | [Generative Adversarial Nets](https://arxiv.org/abs/1406.2661) | 900 |\n"
VAE = "| 2011 | VAE | [Auto-Encoding Variational Bayes](https://arxiv.org/abs/1312.6114) | |\n"


def cells(page: str, table: str = "papers") -> list[list[str]]:
    rows = LexborHTMLParser(page).css(f"#{table} tbody tr")
    return [[cell.text(strip=True) for cell in row.css("td")] for row in rows]


def test_it_lists_papers_counts_of_the_history_findings_and_plots(tmp_path: Path) -> None:
    path = save(tmp_path, HEAD + GAN + VAE)
    append_history(path, [Count("2026-02-01", "ARXIV:1406.2661", 1200), Count("2026-01-01", "ARXIV:1406.2661", 1000)])
    page = report(path)
    assert cells(page) == [
        ["2014.6", "Generative Adversarial Nets", "GAN", "1,200", "2026-02-01", "ARXIV:1406.2661", ""],
        ["2011", "Auto-Encoding Variational Bayes", "VAE", "", "", "ARXIV:1312.6114", "date"],
    ]
    assert cells(page, "findings") == [
        ["4", "date", "likely", "2011", "2013", "its arXiv number is of 2013.12"],
    ]
    tree = LexborHTMLParser(page)
    assert [fact.text() for fact in tree.css(".facts li")][:4] == [
        "2 papers",
        "1 with a count",
        "1,200 citations",
        "1,200 the median",
    ]
    assert len(tree.css("figure img")) == 1
    links = [node.attributes[name] or "" for name in ("src", "href") for node in tree.css(f"[{name}]")]
    assert [link for link in links if not link.startswith(("data:", "#", "https://arxiv.org/abs/"))] == []
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_and_its_plot_count_a_paper_once_by_its_latest_count(tmp_path: Path) -> None:
    older = GAN.replace("| 900 |", "| 800 (2025-01-01) |")
    newer = GAN.replace("| 900 |", "| 950 (2026-01-01) |")
    path = save(tmp_path, f"## One\n\n{HEAD}{older}{VAE}\n## Two\n\n{HEAD}{newer}")
    page = report(path)
    facts = [fact.text() for fact in LexborHTMLParser(page).css(".facts li")]
    assert facts[:5] == ["2 papers", "3 rows", "1 with a count", "950 citations", "950 the median"]
    assert [(row[3], row[4]) for row in cells(page)] == [("950", "2026-01-01"), ("", ""), ("950", "2026-01-01")]
    assert [paper.count for paper in counted_papers(path)] == [950]
    append_history(path, [Count("2026-03-01", "ARXIV:1406.2661", 990, "openalex")])
    assert [paper.count for paper in counted_papers(path)] == [990]
    assert "990 citations" in LexborHTMLParser(report(path)).text()


def test_it_needs_neither_counts_nor_a_drawing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, HEAD + VAE)
    assert "there is no history beside it: refresh it once" in report(path)
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.font_manager"):
        monkeypatch.setitem(sys.modules, module, None)
    assert "matplotlib is not installed, so there are no plots here." in report(save(tmp_path, HEAD + GAN))
    assert "Nothing to find fault with" in report(path)
    with pytest.raises(ValueError, match=r"there is no table of papers in .*list.md; name a file that holds one"):
        report(save(tmp_path, "no table"))


@given(text=st.text(st.sampled_from("<>&\"'/= sctripmg$\\`\u202e\x00é"), min_size=1, max_size=40))
def test_no_text_of_a_list_becomes_markup(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = save(tmp_path_factory.mktemp("report"), HEAD + f"| {text} | {text} | A paper {text} | |\n" + VAE)
    tree = LexborHTMLParser(report(path))
    assert len(tree.css("script")) == 1
    assert len(tree.css("#papers img, #papers table, #papers p, #papers s, #papers i")) == 0
    assert len(tree.css("#papers tbody tr")) >= 1
    assert all(len(row.css("td")) == 7 for row in tree.css("#papers tbody tr"))


def test_of_many_rows_on_one_line_the_first_tells_what_is_wrong_in_it(tmp_path: Path) -> None:
    link = "<td><a href='https://arxiv.org/abs/1806.07001'>Some Long Title of Papers</a></td><td>9</td>"
    text = f"<table><tr><th>Title</th><th>Citation</th></tr>{f'<tr>{link}</tr>' * 50}</table>\n"
    page = LexborHTMLParser(report(save(tmp_path, text)))
    assert [len(row.css("td:last-child a")) for row in page.css("#papers tbody tr")] == [49] + [0] * 49
