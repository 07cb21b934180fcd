"""A paper that is added looks like its neighbours, stands under its heading, and is read again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from semantic_scholar_server import Library, sha
from test_refresh import TODAY, live, load, save
from typer.testing import CliRunner

from papers import SemanticScholar, read_rows
from papers.cli import app
from papers.extend import add

OLD = "https://arxiv.org/abs/2301.00001"
NEW = "https://arxiv.org/abs/1706.03762"


@pytest.fixture(autouse=True)
def _known(library: Library) -> None:
    library.add(
        7,
        42,
        "Attention Is All *You* Need",
        externalIds={"ArXiv": "1706.03762"},
        year=2017,
        publicationDate="2017-06-12",
        venue="NIPS",
        authors=[{"name": "Ashish Vaswani"}, {"name": "Noam Shazeer"}],
    )


TITLE = r"Attention Is All \*You\* Need"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- [An Old Paper](O)", "- [T](N)"),
        ("* [**An Old Paper**](O) - *A. B, C. D*", "* [**T**](N) - *Ashish Vaswani, Noam Shazeer*"),
        ("- **An Old Paper** (2023), A. Bee et al. [[pdf]](O)", "- **T** (2017) [[pdf]](N)"),
        (
            "- **An Old Paper**, *A. B et al.*, ICML 2023. [[paper](O)] [[code](https://github.com/a/b)]",
            "- **T**, *Ashish Vaswani et al.*, NIPS 2017. [[paper](N)]",
        ),
        (
            "- (ICML '23) An Old Paper, *A. B et al.*\n    - [pdf](O)",
            "- (NIPS '17) T, *Ashish Vaswani et al.*\n    - [pdf](N)",
        ),
        ("- An Old Paper About Things [[CVPR2018]](O)", "- T [[NIPS 2017]](N)"),
        ("- **Old**: An Old Paper of Sorts, *A. B et al.* [[pdf]](O)", "- **T**, *Ashish Vaswani et al.* [[pdf]](N)"),
        ("- [An Old Paper](O)\n  - Publisher: ICML 2023", "- [T](N)\n  - Publisher: NIPS 2017"),
        ("1. [An Old Paper](O)\n2. [Another Paper](O2)", "3. [T](N)"),
        ("1. [An Old Paper](O)\n1. [Another Paper](O2)", "1. [T](N)"),
        ("- [An Old Paper](O), 2023.4. Cited by `1,007`", "- [T](N), 2017.6. Cited by `42`"),
        ("- [An Old Paper](O) (12 citations)", "- [T](N) (42 citations)"),
        ("**An Old Paper** \\\n*A. B, C. D* \\\narXiv 2023. [[Paper](O)] [[Code](x)] \\\n4 Jan 2023", None),
        ('- A. Bee, C. Dee, "An Old Paper", ICML 2023. [[Paper](O)]', '- "T", NIPS 2017. [[Paper](N)]'),
        ("> - [An Old Paper](O)", "> - [T](N)"),
        ("- [**An Old Paper**](./Old/) ICML 2023 ([paper](O))([code](x))", "- **T** NIPS 2017 ([paper](N))"),
        ("- An Old Paper [[pdf](O)] | 2023 · 1,007 citations", "- T [[pdf](N)] | 2017 · 42 citations"),
        ('<ul>\n<li><a href="O">An Old Paper</a></li>\n</ul>', '<li><a href="N">Attention Is All *You* Need</a></li>'),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_bullet_is_laid_out_as_the_last(
    old: str, new: str | None, line_end: str, client: SemanticScholar, tmp_path: Path
) -> None:
    new = new or "**T** \\\n*Ashish Vaswani, Noam Shazeer* \\\nNIPS 2017. [[Paper](N)] \\\n12 Jun 2017".replace(
        "NIPS 2017. ", ""
    )
    before = f"# Papers\n\n{old}\n\nAn end.\n".replace("O2", OLD[:-1] + "2").replace("(O)", f"({OLD})")
    before = before.replace('"O"', f'"{OLD}"').replace("\n", line_end)
    path = save(tmp_path, before)
    add(path, "1706.03762", None, client)
    wanted = re.sub(r"\bT\b", lambda _: TITLE, new)
    wanted = wanted.replace("(N)", f"({NEW})").replace('"N"', f'"{NEW}"').replace("\n", line_end)
    after = load(path)
    assert wanted in after
    assert after.replace(line_end + wanted, "", 1).replace(line_end * 3, line_end * 2) == before
    row = read_rows(after)[-1]
    assert (row.title, row.paper_id) == ("Attention Is All *You* Need", "ARXIV:1706.03762")
    with pytest.raises(ValueError, match="the paper is in the list already"):
        add(path, "1706.03762", None, client)


def test_a_category_is_a_heading_and_badges_beget_badges(client: SemanticScholar, tmp_path: Path) -> None:
    badge = live(1).replace('<a href="', "").split('">')[0]
    badge = f"[![citation](https://img.shields.io/badge/citation-7-blue)]({badge})"
    text = f"# List\n\n## Vision\n\n- [An Old Paper]({OLD}) {badge}\n\n"
    text += f"## Language\n\n- [Another Paper]({OLD[:-1]}2) {badge}\n"
    path = save(tmp_path, text)
    added = add(path, "1706.03762", "vision", client)
    assert added.note is None
    first, second, third = read_rows(load(path))
    assert (second.title, second.category, second.style, second.count) == (
        *("Attention Is All *You* Need", "Vision"),
        *("static", 42),
    )
    assert second.citation.link_id == sha(7)
    assert (first.line, second.line, third.line) == (5, 6, 10)


def test_a_category_without_a_place_is_said(library: Library, tmp_path: Path) -> None:
    text = f"## Vision\n\n| Date | Title | Citation |\n|--|--|--|\n| 2023.1 | [An Old Paper]({OLD}) | 7 |\n"
    path = save(tmp_path, text)
    words = ["add", str(path), "1706.03762", "--base-url", library.url]
    done = CliRunner().invoke(app, [*words, "--category", "Speech"])
    assert done.exit_code == 0
    assert "the list has neither a column nor a heading for the category 'Speech'" in done.stderr
    save(tmp_path, text)
    assert "category" not in CliRunner().invoke(app, [*words, "--category", "vision"]).stderr
    save(tmp_path, text)
    assert CliRunner().invoke(app, words).exit_code == 0


def test_a_badge_goes_where_the_badges_are(client: SemanticScholar, tmp_path: Path) -> None:
    rows = f"| 2023.1 | [An Old Paper]({OLD}) | NeurIPS<br>{live(1, f'citation 7 ({TODAY})')} |\n"
    path = save(tmp_path, f"| Date | Paper | Publication |\n|--|--|--|\n{rows}")
    add(path, "1706.03762", None, client)
    row = read_rows(load(path))[-1]
    assert (row.style, row.count, row.badge_id, row.title) == ("live", 42, sha(7), "Attention Is All *You* Need")


def test_a_date_has_the_form_that_most_have(client: SemanticScholar, tmp_path: Path) -> None:
    dates = ("2018-09", "2019-10", "2019-11", "circa 2020")
    rows = "".join(f"| {date} | [Paper {n}]({OLD[:-1]}{n}) | 7 |\n" for n, date in enumerate(dates))
    path = save(tmp_path, f"| Date | Title | Citation |\n|--|--|--|\n{rows}")
    add(path, "1706.03762", None, client)
    assert read_rows(load(path))[-1].date == "2017-06"


BERT = {
    "externalIds": {"ArXiv": "1810.04805"},
    "year": 2019,
    "publicationDate": "2018-10-11",
    "venue": "NAACL",
    "authors": [{"name": "Jacob Devlin"}, {"name": "Ming-Wei Chang"}],
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- **An Old Paper**, ICML 2023. [[paper](O)]", "- **BERT and More Words**, NAACL 2019. [[paper](N)]"),
        ("- An Old Paper About Things [[CVPR2018]](O)", "- BERT and More Words [[NAACL 2019]](N)"),
        ("- [An Old Paper](O), 2023.4", "- [BERT and More Words](N), 2018.10"),
    ],
)
def test_a_venues_year_is_the_records_and_not_the_preprints(
    old: str, new: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(8, 42, "BERT and More Words", **BERT)
    path = save(tmp_path, old.replace("(O)", f"({OLD})") + "\n")
    add(path, "1810.04805", None, client)
    assert load(path).splitlines()[-1] == new.replace("(N)", "(https://arxiv.org/abs/1810.04805)")


@pytest.mark.parametrize(
    ("authors", "venue", "wanted"),
    [
        ("A. Bee, C. Dee", "ICML", ("Jacob Devlin, Ming-Wei Chang", "NAACL")),
        ("Bee et al.", "ICML 2023", ("Devlin et al.", "NAACL 2019")),
        ("Anna Bee et al", "ICML'23", ("Jacob Devlin et al", "NAACL '19")),
    ],
)
def test_columns_of_authors_and_venues_are_filled_as_their_neighbours_are(
    authors: str, venue: str, wanted: tuple[str, str], library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(8, 42, "BERT and More Words", **BERT)
    head = "| Title | Authors | Venue | Citations |\n|--|--|--|--|\n"
    path = save(tmp_path, f"{head}| [An Old Paper]({OLD}) | {authors} | {venue} | 7 |\n")
    added = add(path, "1810.04805", None, client)
    link = "[BERT and More Words](https://arxiv.org/abs/1810.04805)"
    assert added.source.startswith(f"| {link} | {wanted[0]} | {wanted[1]} | ")
    assert read_rows(load(path))[-1].count == 42
