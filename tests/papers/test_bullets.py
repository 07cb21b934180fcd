"""Bullets, numbered entries and paragraphs that are papers are read, refreshed and otherwise left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_scholar_server import Library, sha
from test_refresh import LIVE, PAGE, TODAY, load, save
from typer.testing import CliRunner

from papers import SemanticScholar, audit_text, read_rows, read_tables, refresh
from papers.cli import app

ARXIV = "https://arxiv.org/abs/"
BADGE = f"[![citation]({LIVE}{sha(1)}%3Ffields%3DcitationCount)]({PAGE}{sha(1)})"
ATTENTION = ("Attention Is All You Need", "ARXIV:1706.03762")


def read(text: str) -> list[tuple[str | None, str | None]]:
    return [(row.title, row.paper_id) for row in read_rows(text)]


@pytest.mark.parametrize(
    "entry",
    [
        "- [Attention Is All You Need](A)",
        "* [**Attention Is All You Need**](A) - *NeurIPS 2017*",
        "+ **[Attention Is All You Need](A)**",
        "1. **Attention Is All You Need.** NeurIPS 2017. [paper](A)\n\n    *Ashish Vaswani, Noam Shazeer*",
        "7) Attention Is All You Need [[NeurIPS2017]](A) [[Code]](https://github.com/a/b)",
        "- **Attention Is All You Need** (2017), A. Vaswani et al. [[pdf]](A)",
        "- **Attention Is All You Need**, *A. Vaswani*, NeurIPS 2017. [[paper](A)] [[code](https://github.com/a/b)]",
        '- Ashish Vaswani, Noam Shazeer, "Attention Is All You Need", NeurIPS 2017. [[Paper](A)]',
        "- Ashish Vaswani, Noam Shazeer, Niki Parmar, Attention Is All You Need, NIPS, 2017. [[Paper]](A)",
        '- (NeurIPS \'17) Attention Is All You Need, *Vaswani et al.*\n    - <a href="A"><img src="https://x.y/p.svg"></a>',
        "- [2017/06] 🔥 [Attention Is All You Need](A)",
        "- [x] [Attention Is All You Need](A)",
        "- [1] : [Attention Is All You Need](A) - NeurIPS 2017",
        "- Attention Is All You Need: A",
        "- **Attention Is\n  All You Need** [[pdf](A)]",
        "- Group of papers\n  - [Attention Is All You Need](A)\n    - Code: [official](https://github.com/a/b)",
        "- [Attention Is All You Need](A)\n  - Ashish Vaswani, Noam Shazeer\n  - Data: [WMT](https://statmt.org)",
        "> - [Attention Is All You Need](A)",
        "**Attention Is All You Need** \\\n*Ashish Vaswani* \\\nNeurIPS 2017. [[Paper](A)] \\\n12 Jun 2017",
        "⭐**Attention Is All You Need** \\\n[[NeurIPS]](A) \n[[Code]](https://github.com/a/b)",
        "**Attention Is All You Need**  \n> *Ashish Vaswani* \\\n> NeurIPS 2017. [[Paper](A)]",
        '**[3]** Vaswani, Ashish, et al. "**Attention Is All You Need**." NIPS (2017). [[pdf]](A) :star:',
        "Attention Is All You Need (NeurIPS 2017) [[paper]](A)",
        '<ul>\n<li><a href="A">Attention Is All You Need</a>, 2017</li>\n</ul>',
        '<ol><li><b>Attention Is All You Need</b> <a href="A">pdf</a></ol>',
        '1. Vaswani, A. "Attention Is All You Need." arXiv preprint arXiv:1706.03762 (2017).',
        "- [Attention Is All You Need][vaswani]\n\n[vaswani]: A",
        '1. <u>Transformer</u>: **"Attention Is All You Need"**. *Vaswani et al.* NIPS 2017. [[Paper](A)]',
        "[Attention Is All You Need](A)\nVaswani et al. 2017. Introduces the transformer, in which nothing recurs.",
        ":white_check_mark: [Attention Is All You Need] [[Paper]](A)[[Code]](https://github.com/a/b)",
        "- **(NIPS'17)**: Attention Is All You Need [`PDF`](A) [`Github`](https://github.com/a/b)",
        "1. Vaswani, A., & Shazeer, N. (2017, June). Attention Is All You Need. In Advances (pp. 13-21). [Link](A)",
        "2. Güçlü, A., & van Bee, B. (2017). Attention Is All You Need. *A Journal*, *35*(27), 1-14. A",
        "- Attention Is All You Need (cited 13 times) [pdf](A)",
        "- Attention Is All You Need, Vaswani et al. 2017 <A>",
        "- Attention Is All You Need, Vaswani et al. 2017 A",
        "- Attention Is All You Need, Vaswani et al., NeurIPS 2017, A",
        "- Vaswani et al. 2017, Attention Is All You Need <A>",
        "- Attention Is All You Need, Vaswani and Shazeer 2017 [arXiv](A)",
        "- Attention Is All You Need, Ashish Vaswani, Noam Shazeer, Niki Parmar, NIPS 2017, A",
        "- `NIPS 2017` Attention Is All You Need [[paper]](A)",
        "- <kbd>NIPS'17</kbd> Attention Is All You Need [[paper]](A)",
        "- **NIPS 2017**: Attention Is All You Need [[paper]](A)",
        "- *NIPS 2017*, Attention Is All You Need [[paper]](A)",
        "- NIPS 2017: Attention Is All You Need [[paper]](A)",
        "- 2017 NIPS Attention Is All You Need [[paper]](A)",
        "- 12 Jun 2017 - Attention Is All You Need [[paper]](A)",
        "- 📄 **Paper:** Attention Is All You Need [[paper]](A)",
        "- ![](https://img.shields.io/badge/NIPS-2017-blue) [Attention Is All You Need](A)",
        "- [[NIPS 2017] Attention Is All You Need](A)",
        "- [[Attention] Attention Is All You Need](A)",
        "- Attention Is All You Need, NIPS, 2017 [[paper]](A)",
        "- Attention Is All You Need, 2017 ([arXiv](A))",
        '<p>1. <a href="A">Attention Is All You Need</a> (2017)</p>',
        '<dl><dt>Attention Is All You Need</dt><dd>2017, <a href="A">paper</a></dd></dl>',
        "**Attention Is All You Need**<br>Ashish Vaswani, Noam Shazeer<br>NIPS 2017<br>[[paper]](A) [[code]](https://a.b)",
        "- Attention Is\n  All You Need.\n  Ashish Vaswani, Noam Shazeer.\n  NIPS 2017. [pdf](A)",
        "### [Attention Is All You Need](A)\n\n*Ashish Vaswani*, NIPS 2017\n\nWe propose a new network.",
        "### 3. [Attention Is All You Need](A) (NIPS 2017)\n- Ashish Vaswani\n- [code](https://github.com/a/b)",
        "Vaswani, A., & Shazeer, N. (2017). Attention Is All You Need. *Advances in Neural Networks*, *30*, 1-9. A",
        "- Ashish Vaswani, Noam Shazeer. 2017. Attention Is All You Need. In *NIPS*. [Link](A)",
        "* Vaswani A, Shazeer N, et al. Attention Is All You Need[C]//Advances in Networks. 2017: 59-68. [[paper](A)]",
        '[1] A. Vaswani, N. Shazeer, and N. Parmar, "Attention Is All You Need," in *Proc. NIPS*, 2017. Available: A',
        "Ashish Vaswani, **Noam Shazeer**. [Attention Is All You Need](A). In *NIPS* 2017. [[bib](x.bib)]",
        "- Ashish Vaswani, **N. Shazeer**.  \n  **Attention Is All You Need**.  \n  *Proc. NIPS*, 2017. [PDF](A)",
        "- Vaswani, 2017. _Attention Is All You Need_. [arXiv:1706.03762](A)",
        "- Ashish Vaswani, *Attention Is All You Need*, NIPS, 2017. [[link]](A)",
        "- Vaswani, A.; Shazeer, N. (2017): Attention Is All You Need. NIPS. A",
        "- NIPS 2017\n  - [Attention Is All You Need](A)",
        "- [[NIPS](A)] Attention Is All You Need. [[code](https://github.com/a/b)] [__`seq.`__] :fire:",
        "* [:scroll:](https://x.org/x.pdf) [Attention Is All You Need](A) by A. Vaswani (2017)",
        "- [ ] Attention Is All You Need :star::star: [pdf](A) 2017",
        "- Attention Is All You Need, NIPS 2017 \\[[pdf](A)\\] \\[[code](https://github.com/a/b)\\]",
        "- 《Attention Is All You Need》，Ashish Vaswani 等，2017，[论文](A)",
        '<b>Attention Is All You Need</b><br>\nA. Vaswani<br>\n<i>NIPS 2017</i><br>\n<a href="A">Paper</a>',
        '<div>\n<a href="A">Attention Is All You Need</a>, NIPS 2017\n</div>',
        "**6. Attention Is All You Need** (NIPS 2017) | [Paper](A) | [Code](https://github.com/a/b)",
        "- **Attention Is All You Need**\n  - Venue: NIPS 2017\n  - Paper: A",
        "- Attention Is All You Need  \n  Ashish Vaswani, Noam Shazeer  \n  NIPS 2017  \n  [pdf](A)",
        '* **Attention Is All**: "Attention Is All You Need", NIPS, 2017. [[Paper](A)]',
        "[3] Vaswani et al. **Attention Is All You Need**. NIPS'17. [[PDF](A)]",
        "- [x] 【Attention Is All You Need】（NIPS，2017）[pdf](A)",
        "- Attention Is All You Need // NIPS 2017 // [pdf](A) // [code](https://github.com/a/b)",
        "- **NIPS 2017**｜Attention Is All You Need｜[PDF](A)",
        '* <a name="V2017"></a>**[Vaswani2017]** A. Vaswani, N. Shazeer. *Attention Is All You Need*. pp. 1-12. A',
        '<ul>\n<li><span>Attention Is All You Need</span>, <i>NIPS</i> 2017 <a href="A">[paper]</a></li>\n</ul>',
        '<ul>\n<li>A. Vaswani, &ldquo;Attention Is All You Need&rdquo;, 2017. <a href="A">PDF</a></li>\n</ul>',
        "### 🔥 Attention Is All You Need [[paper]](A)\nAshish Vaswani, 2017",
    ],
)
def test_an_entry_is_read_however_it_is_laid_out(entry: str) -> None:
    text = "# Papers on sequences\n\n## Transformers\n\n" + entry.replace("(A)", f"({ARXIV}1706.03762)")
    text = re.sub(r"\bA(?=\"|>|$)", ARXIV + "1706.03762", text) + "\n"
    assert read(text) == [ATTENTION]
    (row,) = read_rows(text)
    assert row.category == ("Group of papers" if "Group" in text else "Transformers")
    assert row.year == (2017 if re.search(r"2017|'17", entry) else None)
    assert row.title_span
    assert " ".join(text[slice(*row.title_span)].split()) == row.title
    assert row.url is None or row.url == ARXIV + "1706.03762"


HEADED = """# Papers on sequences

## Transformers

### Attention Is All You Need

- **Authors**: Ashish Vaswani, Noam Shazeer
- **Paper**: [link]({0}1706.03762)
- **Citations**: 12

### BERT: Pre-training of Deep Bidirectional Transformers (2019)
**Authors:** Jacob Devlin, Ming-Wei Chang\\
**Link:** {0}1810.04805\\
**Abstract:** Models of 2018 read in one direction. Ours reads in both, and that is better.

### World Models
- Link: {0}1803.10122

**Learning Transferable Visual Models From Natural Language Supervision**

- intro: ICML 2021
- arxiv: <{0}2103.00020>

**The Auto-Encoding Variational Bayes**

- arxiv: <{0}1312.6114>

## Surveys in general

### Transformers for long sequences and more
- [Efficient Transformers: A Survey]({0}2009.06732)
### Another group of some papers
See [the page of it]({0}2009.06732).
### [A Survey of Transformers]({0}2106.04554)
- [Efficient Transformers: A Survey]({0}2009.06732)
"""


def test_a_heading_with_its_links_below_is_a_paper_and_one_above_papers_is_not() -> None:
    rows = read_rows(HEADED.format(ARXIV))
    assert [(row.title, row.paper_id, row.year, row.count, row.category) for row in rows] == [
        ("Attention Is All You Need", "ARXIV:1706.03762", None, 12, "Transformers"),
        ("BERT: Pre-training of Deep Bidirectional Transformers", "ARXIV:1810.04805", 2019, None, "Transformers"),
        ("World Models", "ARXIV:1803.10122", None, None, "Transformers"),
        (
            "Learning Transferable Visual Models From Natural Language Supervision",
            "ARXIV:2103.00020",
            2021,
            None,
            "Transformers",
        ),
        ("The Auto-Encoding Variational Bayes", "ARXIV:1312.6114", None, None, "Transformers"),
        (
            "Efficient Transformers: A Survey",
            "ARXIV:2009.06732",
            None,
            None,
            "Transformers for long sequences and more",
        ),
        ("A Survey of Transformers", "ARXIV:2106.04554", None, None, "Surveys in general"),
        ("Efficient Transformers: A Survey", "ARXIV:2009.06732", None, None, "Surveys in general"),
    ]
    for text in (
        f"### A Title in Full Length\n- Paper: {ARXIV}1706.03762\n",
        f"# [A Title of Ours]({ARXIV}1)\n## News\n",
    ):
        assert read_rows(text) == []  # one heading alone may be the page of a project


@pytest.mark.parametrize(
    "below", ["", "\n*Ada Bee*, 2017\n", "\n\n*Ada Bee*, 2017\n", "\n- [code](https://github.com/a/b)\n"]
)
def test_a_paper_whose_title_is_a_heading_is_refreshed_audited_and_given_a_count(
    below: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 1234, "A Paper of Some Note", externalIds={"ArXiv": "1706.03762"}, year=2017)
    text = f"## Papers\n\n### [A Paper of Some Note]({ARXIV}1706.03762)" + below
    path = save(tmp_path, text)
    assert [row.state for row in refresh(path, client, add_column=True).rows] == ["ok"]
    after = load(path)
    assert re.sub(r"\s+", " ", after.replace("Cited by `1234`", "")).strip() == re.sub(r"\s+", " ", text).strip()
    assert "### [A Paper of Some Note](https://arxiv.org/abs/1706.03762)\n\nCited by `1234`\n" in after + "\n"
    save(tmp_path, after.replace("1234", "12"))
    assert [(row.state, row.old, row.new) for row in refresh(path, client).rows] == [("ok", 12, 1234)]
    assert load(path) == after
    twice = f"{after}\n{after.partition('Papers')[2]}"
    assert [(finding.kind, finding.certainty) for finding in audit_text(twice).findings] == [("duplicate", "certain")]


def test_names_and_a_year_behind_commas_are_no_title_and_parts_of_a_title_are() -> None:
    titles = [
        "Attention, Learn to Solve Routing Problems",
        "Sequential Recommender Systems: Challenges, Progress and Prospects",
        "Vision, Language, Action",
    ]
    for title in titles:
        (row,) = read_rows(f"- {title}, Kool et al. 2018 <{ARXIV}1803.08475>\n")
        assert (row.title, row.year, row.date) == (title, 2018, "2018")


@pytest.mark.parametrize(
    "text",
    [
        "- [Papers](#papers)\n  - [Vision](#vision)\n",
        "- [A list of other lists](https://github.com/a/awesome)\n",
        "- [What are diffusion models?](https://lilianweng.github.io/posts/2021)\n",
        "- [A video](https://www.youtube.com/watch?v=1) of a talk\n",
        "- From outline to detail\n- **2016**: +60 citations or more\n",
        f"```\n- [Title of a paper]({ARXIV}1706.03762)\n```\n",
        f"<!-- - [Title of a paper]({ARXIV}1706.03762) -->\n",
        f"    - [Title of a paper]({ARXIV}1706.03762)\n",
        f"This builds on [Attention Is All You Need]({ARXIV}1706.03762) and on much more that came after it.\n",
        f"## News\n\n- [2023/05] Our paper [Something New of Ours]({ARXIV}2305.00001) is out\n",
        "[![Citation](https://img.shields.io/badge/citation-651-green)](https://scholar.google.com/x)\n",
        "- **Bold words** and more\n- `code` [link](https://example.org)\n",
    ],
)
def test_what_is_no_paper_is_no_row(text: str) -> None:
    assert read_rows(text) == []


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("Cited by `12`", "Cited by `1234`"),
        ("Cited by 12", "Cited by 1234"),
        ("cited by: **12**", "cited by: **1234**"),
        ("Citations: 1,012", "Citations: 1,234"),
        ("**Citations:** 12", "**Citations:** 1234"),
        ("(cited 12 times)", "(cited 1234 times)"),
        ("12 citations", "1234 citations"),
        ("(~900 citations)", "(~1200 citations)"),
        ("Citations: ?", "Citations: 1234"),
        ("被引 12 次", "被引 1234 次"),
        ("引用数：12", "引用数：1234"),
        ("（引用 12）", "（引用 1234）"),
        ("引用12次", "引用1234次"),
        (f"[Cited by 12]({PAGE}{sha(1)})", f"[Cited by 1234]({PAGE}{sha(1)})"),
        (f"Cited by [12]({PAGE}{sha(1)})", f"Cited by [1234]({PAGE}{sha(1)})"),
        (
            "![c](https://img.shields.io/badge/citations-12-blue)",
            "![c](https://img.shields.io/badge/citations-1234-blue)",
        ),
        (BADGE, BADGE.replace("![citation]", f"![citation 1234 ({TODAY})]")),
    ],
)
def test_a_refresh_changes_the_count_and_nothing_else(
    words: str, after: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 1234, "A Paper of Some Note", externalIds={"ArXiv": "1706.03762"})
    entry = f"- **A Paper of Some Note** (2017) [[pdf]({ARXIV}1706.03762)] {words}\n  - Key: 12 citations\n"
    path = save(tmp_path, entry)
    outcome = refresh(path, client)
    assert [(row.state, row.new) for row in outcome.rows] == [("ok", 1234)]
    assert load(path) == entry.replace(words, after, 1)
    assert not refresh(path, client).written
    for style in ("live", "text", "static", "text", "live"):
        refresh(path, client, style=style)
        (row,) = read_rows(load(path))
        assert (row.style, row.title, row.url_id) == (style, "A Paper of Some Note", "ARXIV:1706.03762")
        assert row.count == 1234 or "~" in words


def test_every_command_takes_bullets(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A Paper of Some Note", externalIds={"ArXiv": "1706.03762"}, year=2017)
    text = f"## Vision\n\n- [A Paper of Some Note]({ARXIV}1706.03762), 2017. Cited by `4`\n- **B** [pdf](x.pdf)\n"
    path = save(tmp_path, text)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--base-url", library.url] if words[0] == "refresh" else list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    listed = json.loads(run("list", str(path), "--json"))
    assert [(r["line"], r["title"], r["category"], r["count"]) for r in listed] == [
        (3, "A Paper of Some Note", "Vision", 4),
    ]
    assert json.loads(run("audit", str(path), "--offline", "--json")) == []
    assert "eprint = {1706.03762}" in run("export", str(path))
    assert json.loads(run("refresh", str(path), "--json"))["written"] is True
    assert load(path) == text.replace("`4`", "`5`")
    for form in ("csv", "json", "markdown", "ris"):
        assert "A Paper of Some Note" in run("export", str(path), "--format", form)


def test_headings_name_the_sections() -> None:
    entry = f"- [A paper of {{}}]({ARXIV}1706.0376{{}})\n"
    text = "# Awesome list\n\n" + entry.format("none", 0)
    text += "## Vision\n\n" + entry.format("vision", 1) + "### ICML 2023\n\n" + entry.format("a venue", 2)
    text += "## Language 🔝\n\n" + entry.format("language", 3) + "### 2024 NAACL\n\n" + entry.format("language", 4)
    rows = read_rows(text)
    assert [row.category for row in rows] == [None, "Vision", "Vision", "Language", "Language"]
    assert [row.year for row in rows] == [None, None, 2023, None, 2024]
    assert [table.heading for table in read_tables(text)] == [None, "Vision", "Vision", "Language", "Language"]


MARKS = [
    "- ",
    "* ",
    "1. ",
    "  - ",
    "> ",
    "# H\n",
    "\n",
    "\n\n",
    "  ",
    "**",
    "*",
    "_",
    "`",
    "[",
    "](",
    ")",
    "[[",
    "]]",
    '"',
]
LINKS = [f"[A title of three]({ARXIV}1706.03762)", "[pdf](https://a.b/c.pdf)", BADGE, "Cited by `12`", "12 citations"]
TAGS = ["<li>", "</li>", "<ul>\n", "<a href='https://doi.org/10.1/x'>", "</a>", "<!--", "-->", "2017", "(ICML 2019)"]
WORDS = ["A. Author, B. Author", "Words of a title", ": ", ", ", ". ", " | ", "http://x.y", "\\", "\r\n", "```\n", "\0"]
PIECES = st.sampled_from([*MARKS, *LINKS, *TAGS, *WORDS])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_text_raises_and_every_span_lies_in_its_row(text: str) -> None:
    for table in read_tables(text):
        for row in table.rows:
            assert table.start <= row.start <= row.end <= table.end <= len(text)
            for span in (row.title_span, row.citation.count_span, row.citation.shown_span):
                assert span is None or row.start <= span[0] <= span[1] <= row.end
    audit_text(text)


@pytest.mark.parametrize(
    "piece", ["- ", "**", "* a", "[x](", '"a', "cited by ", "12 ", "A B, ", "- [", "<li>", "(", "1. a\n", "- a\n  "]
)
def test_hostile_text_is_read_in_time(piece: str) -> None:
    for start in ("", f"- [A title of a paper]({ARXIV}1706.03762) "):
        read_tables(start + piece * 4_000)  # far too long for a test, if the time grew with the square


def test_a_venue_in_tags_is_read_without_them() -> None:
    (row,) = read_rows("- [MonoDIS: Disentangling Detection](https://arxiv.org/abs/1905.12365) <kbd>ICCV 2019</kbd>\n")
    assert (row.date, row.year) == ("ICCV 2019", 2019)


def test_a_count_in_a_link_is_neither_the_title_nor_the_papers_link() -> None:
    text = f"- A Paper of Some Note [[ICML2023]](https://a.org/x.pdf) [Cited by `7`]({PAGE}{sha(1)})\n"
    (row,) = read_rows(text)
    assert (row.title, row.url, row.paper_id, row.count) == ("A Paper of Some Note", "https://a.org/x.pdf", sha(1), 7)
    (row,) = read_rows(f"- **A Paper of Some Note**, *A. Bee, C. Dee* [Cited by `7`]({PAGE}{sha(1)})\n")
    assert (row.url, row.paper_id, row.count) == (None, sha(1), 7)


def test_a_line_in_bold_above_a_list_is_its_heading() -> None:
    entry = f"\n\n- [A paper of its own]({ARXIV}1706.03762)\n\n"
    text = (
        f"## Attacks\n\n**Speech:**{entry}**Vision**{entry}**A bold word** begins a sentence.{entry}## Defences{entry}"
    )
    assert [row.category for row in read_rows(text)] == ["Speech", "Vision", "Vision", "Defences"]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (". Cited by `12`", 12),
        (", cited by 1,234", 1234),
        (" (cited 12 times)", 12),
        (" (2017): 12 citations", 12),
        (" | 2017 · 12025회 인용", 12025),
        ("", None),
        (" was cited by 12 papers", None),
    ],
)
def test_a_bullet_with_a_count_needs_no_link(words: str, count: int | None) -> None:
    rows = read_rows(f"- Attention Is All You Need{words}\n")
    assert [(row.title, row.count) for row in rows] == ([("Attention Is All You Need", count)] if count else [])


def test_a_paragraph_that_speaks_of_counts_is_no_paper() -> None:
    assert read('"Attention Is All You Need" was cited by 12 papers.\n\nThe library has 12 citations.\n') == []


@pytest.mark.parametrize("names", ["Bee, A.", "Bee, A., & Dee, C. D.", "Bee, A., Dee, C., & Eff, E.", "Bee, A. et al."])
@pytest.mark.parametrize("title", ["*{}*", "{}", "[{}](https://arxiv.org/abs/1312.6114)"])
def test_a_reference_as_psychologists_write_it_names_its_title(names: str, title: str) -> None:
    words = "Auto-Encoding Variational Bayes"
    (row,) = read_rows(f"- {names} (2013). {title.format(words)}. arXiv:1312.6114. Cited by 12\n")
    assert (row.title or "").startswith(words)
    assert (row.year, row.count, row.paper_id) == (2013, 12, "ARXIV:1312.6114")


@pytest.mark.parametrize("words", ["TL;DR: 109 citations, better than", "we compare it with the older", "builds on"])
def test_a_remark_below_a_paper_that_speaks_of_another_is_no_paper_and_counts_nothing(words: str) -> None:
    other = "[A Paper With Another Title](https://arxiv.org/abs/2006.11239)"
    text = f"- [Attention Is All You Need](https://arxiv.org/abs/1706.03762)\n  - {words} {other}, cited by 5\n"
    (row,) = read_rows(text)
    assert row.count is None
    (row,) = read_rows(f"{text}  - citations: 12\n")
    assert row.count == 12


@pytest.mark.parametrize("lead", ["`ICLR`", "`ICLR 2020`", "`oral`", "[ICLR]", "**[ICLR]**"])
@pytest.mark.parametrize("rest", ["{}. [[PDF](A)]", "*{}* ([arXiv](A))", "[[paper](A)] {}"])
def test_a_venue_before_a_title_is_none_of_its_words_however_it_is_set(lead: str, rest: str) -> None:
    words = "Language Models are Few-Shot Learners"
    text = f"- {lead} {rest.format(words)}\n".replace("(A)", "(https://arxiv.org/abs/2005.14165)")
    assert [row.title for row in read_rows(text)] == [words]
