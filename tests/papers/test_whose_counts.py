"""Whose citations a number in prose counts: what a column's header may not say, no label, bracket or logo says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_scholar_server import Library
from test_counts import PAPER, STATIC, URL, ask, counts
from test_refresh import load

from papers import SemanticScholar, read_rows
from papers.headers import find_columns

OTHERS = [
    *("Avg.", "Average", "Mean", "Median", "Max.", "Annual", "Monthly", "Yearly", "Recent", "New", "Expected"),
    *("Author", "First author", "Patent", "Journal", "Venue", "Dataset", "h5", "Influential", "Self"),
    *("Google Scholar", "GS", "Scopus", "OpenAlex", "Crossref", "Web of Science", "Dimensions", "谷歌学术", "年均"),
]
"""Words before "citations" that make another number of it, in a header as in prose."""
LABELS = [
    *("Last year", "per year", "Table 3", "Fig. 2", "Section 4", "Author", "Patents", "Google Scholar", "On Scopus"),
    *("Average", "2 years", "First author", "Journal", "Each month"),
]
"""What stands before a colon and says that the number behind it is another one."""
ASIDES = [
    "patents",
    "author",
    "all authors",
    "the author's total",
    "per year",
    "last year",
    "Scopus",
    "GS",
    "by patents",
]
PLACES = [" ", ", ", " - ", " | ", ". ", "\n  - ", "\n  - **Note** | "]


@given(st.sampled_from(OTHERS), st.sampled_from(["{} citations: {}", "{} citations {}", "{} Citations: `{}`"]))
def test_what_is_no_column_of_counts_is_no_label_of_one(word: str, form: str) -> None:
    assert "citation" not in find_columns(["Title", f"{word} citations"])
    for place in PLACES:
        assert counts(f"- {PAPER}{place}{form.format(word, 900)}\n")[0] is None


@given(
    st.sampled_from(LABELS),
    st.sampled_from(["900 citations", "Citations: 900", "citations: 900", "Cited by 900", "cited 900 times"]),
    st.sampled_from(PLACES),
)
def test_what_a_label_before_a_colon_says_is_believed(label: str, said: str, place: str) -> None:
    assert counts(f"- {PAPER}{place}{label}: {said}\n")[0] is None


@given(
    st.sampled_from(ASIDES),
    st.sampled_from(["900 citations", "Citations: 900", "Cited by `900`", "Cited by: 900", "cited 900 times"]),
    st.sampled_from(PLACES),
    st.sampled_from(["({})", "[{}]"]),
)
def test_what_brackets_behind_a_count_say_is_believed(aside: str, said: str, place: str, brackets: str) -> None:
    assert counts(f"- {PAPER}{place}{said} {brackets.format(aside)}\n")[0] is None


@pytest.mark.parametrize(
    "words",
    [
        " h-index 12, citations: 900 (author)",
        "\n  - Author: h-index 12, citations: 900",
        "\n  - h-index 12; 900 citations",
        " | h5-index 20, 900 citations",
        " | i10-index: 3 | Citations: 900",
        " [Cited by 900](https://scholar.google.com/scholar?cites=1)",
        " Cited by [900](https://www.scopus.com/x)",
        " Citations (Google Scholar): 900",
        " Citations on Scopus: 900",
        " Cited by 900 patents",
    ],
)
def test_measures_of_people_and_counts_of_others_are_left_as_they_are(
    words: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    text = f"# A list\n\n- {PAPER}{words}\n"
    outcome = ask(text, library, client, tmp_path)
    assert [(row.state, row.old) for row in outcome.rows] == [("no_place", None)]
    assert load(outcome.path) == text


@pytest.mark.parametrize(
    "words",
    [
        " # of citations: 900",
        "\n  - # of citations: 900",
        "\n  - **Cited by** 900",
        "\n  - __Cited by__ `900`",
        "\n  - **Cited by** [900](https://www.semanticscholar.org/paper/0000000000000000000000000000000000000001)",
        "\n  - <b>Cited by</b> 900",
        " Citations (Semantic Scholar): 900",
        "\n  - Citations (S2): 900",
        " Citations on Semantic Scholar: 900",
        "\n  - Number of citations (Semantic Scholar): 900",
        "\n  - Num. citations: 900",
        "\n  - Times cited: 900",
        "\n  - Citations – 900",
        " Citations (total): 900",
        " Total citations so far: 900",
        " | 900 citations on Semantic Scholar",
        " Cited by 900 papers",
        " (NeurIPS 2018, 900 citations)",
        " | Google Research | 900 citations",
        ". Google Research, 2018. Cited by `900` (best paper)",
    ],
)
def test_a_count_is_seen_however_it_is_labelled(words: str) -> None:
    (row,) = read_rows(f"- {PAPER}{words}\n")
    assert (row.title, row.count) == ("A Paper of Some Note", 900)


@pytest.mark.parametrize(
    "title", ["Datasheets for Datasets", "Self-Attention", "Mean Teacher", "The H-Index Revisited"]
)
def test_words_of_the_title_say_nothing_of_the_count(title: str) -> None:
    for text in (f"- **{title}**: 900 citations [pdf]({URL})\n", f"- [{title}]({URL}): 900 citations\n"):
        assert counts(text) == [900]


@pytest.mark.parametrize(
    "badge",
    [
        f"![citations]({STATIC}citations-900-blue?logo=googlescholar)",
        f"![citations]({STATIC}citations-900-blue?style=flat&logo=Google%20Scholar)",
        f"[![citations]({STATIC}citations-900-blue)](https://scholar.google.com/citations?user=x)",
        f"![Google Scholar citations]({STATIC}citations-900-blue)",
        "[900](https://scholar.google.com/scholar?cites=1)",
    ],
)
def test_a_number_under_the_mark_of_another_source_is_that_sources(
    badge: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    for text in (f"- {PAPER} {badge}\n", f"| Title | Citations |\n|--|--|\n| {PAPER} | {badge} |\n"):
        outcome = ask(text, library, client, tmp_path)
        assert [row.state for row in outcome.rows] == ["no_place"]
        assert load(outcome.path) == text
    assert "another source" in (outcome.rows[0].note or "")


def test_a_badge_beside_that_of_another_source_is_refreshed() -> None:
    elsewhere = f"![citations]({STATIC}citations-900-blue?logo=googlescholar)"
    for logo in ("", "?logo=semanticscholar", "?logo=github"):
        assert counts(f"- {PAPER} {elsewhere} ![citations]({STATIC}citations-800-blue{logo})\n") == [800]


@pytest.mark.parametrize("before", ["; see also ", ", then ", " and ", " vs. ", "\n  - follow-up: "])
@pytest.mark.parametrize(
    "count", ["Cited by `5`", "(cited by 5)", ": 5 citations", "![](https://img.shields.io/badge/citations-5-blue)"]
)
def test_a_count_behind_another_papers_link_is_not_the_first_ones(before: str, count: str) -> None:
    first, other = "[A first paper of ours](https://arxiv.org/abs/2001.00001)", "https://arxiv.org/abs/2001.00002"
    rows = read_rows(f"- {first}{before}[Its sequel, in full]({other}) {count}\n")
    assert rows[0].title == "A first paper of ours"
    assert (rows[0].style, rows[0].count) == (None, None)
    assert rows[0].citation.doubt
    assert "another paper's link" in rows[0].citation.doubt
    assert [row.count for row in read_rows(f"- {first} [[pdf]({other})] [arXiv]({other}) {count}\n")] == [5]


@given(
    st.lists(st.tuples(st.integers(1995, 2024), st.integers(-1, 1)), min_size=2, max_size=5),
    st.sampled_from(["Citation", "Citations", "引用"]),
)
def test_a_column_of_the_papers_own_years_is_none_of_counts(papers: list[tuple[int, int]], header: str) -> None:
    def page(apart: int) -> str:
        rows = (
            f"| {year} | [The paper number {place}](https://doi.org/10.1000/{place}) | {year + off + apart} |\n"
            for place, (year, off) in enumerate(papers)
        )
        return f"| Year | Title | {header} |\n|---|---|---|\n{''.join(rows)}"

    assert {row.style for row in read_rows(page(0))} == {None}
    assert {row.style for row in read_rows(page(3))} == {"text"}  # no paper's own year
