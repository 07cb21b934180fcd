"""Only what is certainly the count of a paper is taken for it: not a number in a sentence, nor another badge's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser
from semantic_scholar_server import Library, sha
from test_refresh import LIVE, load, save
from test_styles import turned

from papers import SemanticScholar, read_rows, refresh
from papers.catalog import Refresh
from papers.counts import Target

URL = "https://arxiv.org/abs/1706.03762"
PAPER = f"[A Paper of Some Note]({URL})"
STATIC = "https://img.shields.io/badge/"


def ask(text: str, library: Library, client: SemanticScholar, folder: Path, style: Target = "keep") -> Refresh:
    library.add(1, 1234, "A Paper of Some Note", externalIds={"ArXiv": "1706.03762"})
    library.add(2, 4321, "Another Paper of Some Note", externalIds={"ArXiv": "1706.03763"})
    return refresh(save(folder, text), client, style=style)


def counts(text: str) -> list[int | None]:
    return [row.count for row in read_rows(text)]


SENTENCES = [
    ": see citation [12]",
    ". In this survey of 500 citations we cite 30 papers.",
    ". Cites 40 papers",
    ". 引用 30 篇",
    '\n  > "cited by 12 of our authors"',
    " has 12 citations/year",
    " (12 citations/year)",
    " 10-20 citations; ~5 citations/year",
    " reached 500 citations!",
    ", cited 12 times in this survey",
    " [[20 citations needed](https://x.y)]",
    " and another (cited by 900 and 800)",
    "\n\n  note = {cited by 12}",
    " see example.com/12-citations and a-12 citations.",
    ", cited by [12] and [13]",
    ", 12 citations on Google Scholar",
    " Google Scholar citations: 12",
    " Scholar: 12 citations",
    " (NeurIPS 2018, 4 citations missing in the bibliography)",
    ". It has 3 tables, 12 citations.",
    " Citation: 2018",
    " Citations (2023): 12",
    " 12 citations (2023)",
    ' <span title="Cited by 12">x</span>',
    " `the text cited by 12`",
    "\n  - Data: 12 citations",
    ". In 12\n  citations of ours",
    " Influential Citations: 12",
    " self-citations: 12",
    ". Its title is Cited by 12",
    " Citations: 12 (as of 2024-01)",
    ", cited by 12 since 2020",
    " Cited by 12 (Jan 2024)",
    " Cited by `12` (Google Scholar)",
    ". Yay — 12 citations in a week",
    " from A. Bee,\n  cited by 12 of ours",
]


@pytest.mark.parametrize("words", SENTENCES)
def test_a_number_in_a_sentence_is_no_count(
    words: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    text = f"# A list\n\n- {PAPER}{words}\n"
    outcome = ask(text, library, client, tmp_path)
    assert [(row.state, row.old, row.new) for row in outcome.rows] == [("no_place", None, 1234)]
    assert load(outcome.path) == text
    if "\n  - " not in words:  # where a count is, too, that is the one
        assert counts(f"- {PAPER}{words.rstrip('.')}\n\n  Cited by `900`\n") == [900]


@pytest.mark.parametrize(
    "words",
    [
        " Cited by `12`",
        " Cited by `12`[^1]",
        ", 2017. Cited by 12",
        " by A. Bee Cited by `12`",
        "\n  - Cited by `12`\n  - Notes",
        "; cited by: 12; [code](https://x.y)",
        " | 12 citations | [code](https://x.y)",
        " (NeurIPS 2018, 12 citations)",
        " [12 citations]",
        " — 12 citations",
        " 🔥12 citations",
        " (2017), 12 citations",
        " `12 citations`",
        " <br>Total citations: 12",
        " <sub>Cited by 12</sub>",
        " Google Scholar citations: 1900, S2 citations: 12",
        ". The data has 900 citations. Cited by `12`",
        " (~12 citations)",
        " 被引：12",
    ],
)
def test_a_count_that_is_a_field_is_read(words: str) -> None:
    assert counts(f"- {PAPER}{words}\n") == [12]


WORDS = st.lists(st.sampled_from(["we", "have", "of", "in", "the", "papers", "about", "more"]), min_size=1, max_size=4)
FORMS = ["{} citations", "cited by {}", "citations: {}", "cited {} times", "Citations: **{}**", "`{}` citations"]
FIELDS = ["Cited by `{}`", "Citations: {}", "(cited {} times)", "[{} citations]", "(`{} citations`)", "`Cited by {}`"]


@given(WORDS.map(" ".join), WORDS.map(" ".join), st.sampled_from(FORMS), st.integers(0, 99_999), st.booleans())
def test_no_number_between_words_is_a_count(before: str, after: str, form: str, number: int, below: bool) -> None:
    said = f"{before} {form.format(number)} {after}"
    assert counts(f"- {PAPER}{' - Note: ' if not below else chr(10) + '  - '}{said}\n") == [None]


@given(
    st.sampled_from(FIELDS),
    st.integers(0, 99_999),
    st.sampled_from([" ", ", ", " | ", " — ", "; ", "\n  - "]),
    st.sampled_from(["", ".", " | [code](https://x.y)", " [code](https://x.y)", "\n  - Note"]),
    st.sampled_from(["live", "static", "text"]),
)
def test_a_field_takes_every_style_and_no_badge_stands_in_code(
    form: str, number: int, before: str, after: str, style: Target
) -> None:
    text = f"- {PAPER}{before}{form.format(number)}{after}\n"
    (row,) = read_rows(text)
    assert (row.count, row.style) == (number, "text")
    once = turned(text, style)
    (row,) = read_rows(once)
    assert (row.count, row.style, row.title) == (512, style, "A Paper of Some Note")
    shown = LexborHTMLParser(MarkdownIt("commonmark").render(once))
    assert len(shown.css("img")) == (style != "text")
    assert not [code for code in shown.css("code") if "shields" in code.text()]
    assert turned(once, style) == once


def test_of_several_counts_the_labelled_one_at_the_end_is_meant_or_none(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    assert counts(f"- {PAPER} | 7 citations | Cited by `12`\n") == [12]
    outcome = ask(f"- {PAPER} | 7 citations | 12 citations\n", library, client, tmp_path)
    assert [row.state for row in outcome.rows] == ["no_place"]
    assert "several counts" in (outcome.rows[0].note or "")


def test_news_are_no_papers() -> None:
    assert counts(f"## News\n\n- 2024.05: Our paper {PAPER} reached 500 citations!\n") == []


def badge(label: str, message: str) -> str:
    return f"![{label}]({STATIC}{label}-{message}-blue)"


OTHERS = st.sampled_from(
    ["year", "stars", "arXiv", "cite_us", "citation%20graph", "citations_per_year", "city", "excited", "venue"]
)
OURS = st.sampled_from(["citation", "citations", "cited_by", "Cites", "引用", "times%20cited", "Total_citations"])


@given(st.lists(OTHERS, unique=True, max_size=4), OURS, st.data(), st.sampled_from(["Citation", "Links", None]))
def test_among_badges_only_the_one_that_counts_citations_is_ours(
    others: list[str], ours: str, data: st.DataObject, header: str | None
) -> None:
    labels = data.draw(st.permutations([*others, ours]))
    shown = " ".join(badge(label, "900" if label == ours else "45") for label in labels)
    without = " ".join(badge(label, "45") for label in labels if label != ours) or "x"

    def laid_out(cell: str) -> str:
        return f"| Title | {header} |\n|--|--|\n| {PAPER} | {cell} |\n" if header else f"- {PAPER} {cell}\n"

    (row,) = read_rows(laid_out(shown))
    assert (row.style, row.count) == ("static", 900)
    assert counts(laid_out(without)) == [None]


def test_two_badges_of_citations_are_none(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    cell = f"{badge('citation', '900')} {badge('cited_by', '800')}"
    for header in ("Citation", "Links"):
        text = f"| Title | {header} |\n|--|--|\n| {PAPER} | {cell} |\n"
        outcome = ask(text, library, client, tmp_path)
        assert [row.state for row in outcome.rows] == ["no_place"]
        assert "several badges" in (outcome.rows[0].note or "")


@pytest.mark.parametrize("bullets", [True, False])
@pytest.mark.parametrize("form", ["![c][b]", "![b][]", "![b]", "[![c][b]](https://x.y)"])
def test_a_badge_by_reference_takes_every_style(
    form: str, bullets: bool, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    for url in (f"{STATIC}citation-900-blue", f"{LIVE}{sha(1)}%3Ffields%3DcitationCount"):
        row = f"- {PAPER} {form}\n" if bullets else f"| Title | Citation |\n|--|--|\n| {PAPER} | {form} |\n"
        text = f"{row}\n[b]: {url}\n"
        styles: tuple[Target, ...] = ("keep", "live", "static", "text", "live", "static")
        for style in styles:
            outcome = ask(text, library, client, tmp_path, style)
            text = load(outcome.path)
            (read,) = read_rows(text)
            assert (read.count, read.title) == (1234, "A Paper of Some Note")
            assert style in ("keep", read.style)
            assert not ask(text, library, client, tmp_path, style).written
            assert text.count("[b]:") == 1  # and the badge, or the comment that keeps it, still names it
            assert text.count("img.shields.io") == 1


@pytest.mark.parametrize("bullets", [True, False])
def test_rows_that_share_a_static_badge_have_no_place_and_the_others_are_refreshed(
    bullets: bool, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    other = f"[Another Paper of Some Note]({URL[:-1]}3)"
    rows = [f"{PAPER}{{}}![c][b]", f"{other}{{}}![c][B]", f"{other}{{}}![c][own]"]
    form = "- {}\n" if bullets else "| {} |\n"
    lines = "".join(form.format(row.format(" " if bullets else " | ")) for row in rows)
    text = lines if bullets else "| Title | Citation |\n|--|--|\n" + lines
    text += f"\n[b]: {STATIC}citation-900-blue\n[own]: {STATIC}citation-901-blue\n"
    outcome = ask(text, library, client, tmp_path)
    assert [row.state for row in outcome.rows] == ["no_place", "no_place", "ok"]
    assert "reference that others use" in (outcome.rows[0].note or "")
    assert load(outcome.path) == text.replace("citation-901", "citation-4321")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("900[^1]", "holds '900[^1]'"),
        ("８５０", "holds '８５０', which is no plain count"),
        ("850†", "holds '850†'"),
        ("9&zwnj;00", "holds '9&zwnj;00'"),
        ("\u200f900\u200f", "holds '\\u200f900\\u200f'"),
        ("", "is empty; --add-column citation fills it"),
        ("900 / 45", "holds '900 / 45'"),
        ("x" * 60, "…"),
    ],
)
def test_why_a_row_has_no_place_is_said(
    cell: str, said: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    text = f"| Title | Citation |\n|--|--|\n| {PAPER} | {cell} |\n| [Another Paper of Some Note]({URL[:-1]}3) | 7 |\n"
    outcome = ask(text, library, client, tmp_path)
    assert [row.state for row in outcome.rows] == ["no_place", "ok"]
    assert said in (outcome.rows[0].note or "")
    assert load(outcome.path) == text.replace("| 7 |", "| 4321 |")
    again = refresh(outcome.path, client, add_column=True)
    assert load(outcome.path).count("itation |") == 1  # there is a column already
    assert again.rows[0].state == ("ok" if not cell else "no_place")
