"""A paper's title is found among icons, links to code, numbers and authors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.escape import for_html, for_markdown
from papers.title_cells import is_generic, read_title

ARXIV = "https://arxiv.org/abs/2301.00775"
CODE = "https://github.com/a/b"


@pytest.mark.parametrize(
    ("source", "title", "url"),
    [
        (f"[A Title]({ARXIV})", "A Title", ARXIV),
        (f"[![Star](https://a.b/x.svg)]({CODE}) <br> [A Long Title]({ARXIV})", "A Long Title", ARXIV),
        (f"[[code]({CODE})] A Title [[pdf]({ARXIV})]", "A Title", ARXIV),
        (f"*A Title* ([arXiv:2301.00775]({ARXIV}))", "A Title", ARXIV),
        (f"A Title [[2301.00775]]({ARXIV})", "A Title", ARXIV),
        (f"**Seq2seq** [[pdf]({ARXIV})]", "Seq2seq", ARXIV),
        (f"**[A Title in Bold]({ARXIV})** <br> A. Bee, C. Dee", "A Title in Bold", ARXIV),
        (f"[**A Title in Bold**]({ARXIV})<br>`NeurIPS 2023`", "A Title in Bold", ARXIV),
        (f"**BLOOM: A Title of Words** \\[<{ARXIV}>\\]", "BLOOM: A Title of Words", ARXIV),
        (f"[BERT]({ARXIV}): Pre-training of Deep Transformers", "BERT: Pre-training of Deep Transformers", ARXIV),
        (f"Image Classification with Deep Nets [AlexNet]({ARXIV})", "Image Classification with Deep Nets", ARXIV),
        (f"[A Title of Code]({CODE}) [pdf]({ARXIV})", "A Title of Code", ARXIV),
        (f"A Title[^1] [CVPR 2023]({ARXIV})", "A Title", ARXIV),
        (f"[Paper]({ARXIV})", None, ARXIV),
        (f"![]({ARXIV}.png)", None, None),
        ("⭐ **A Title of Four Words** — Bee, A., Dee, C.", "A Title of Four Words", None),
        ("**A Title of Four Words** (Bee & Dee)", "A Title of Four Words", None),
        ("**A Title of Four Words**<br>*(Bee et al. - Stanford)*", "A Title of Four Words", None),
        ("A Title of Words<br>Ann Bee, Carl Dee", "A Title of Words", None),
        ("A Title of Words<br>that goes on", "A Title of Words that goes on", None),
        ("2504.19413 — A Title of Words (Bee et al., 2025)", "A Title of Words", None),
        ('"A Title of Words," *NAACL* 2019', "A Title of Words", None),
        ("Bee et al., Survey", "Bee et al., Survey", None),
        ("A Title (Bee & Dee)", "A Title", None),
        ("Bee et al. — *A Title of Words* (ACMG)", "A Title of Words", None),
        ("A Title of Words — Bee et al.", "A Title of Words", None),
        ("(Almost) Free Lunch", "(Almost) Free Lunch", None),
        ("A Title (oral)", "A Title (oral)", None),
        (ARXIV, None, ARXIV),
    ],
)
def test_titles_are_found(source: str, title: str | None, url: str | None) -> None:
    text = f"| {source} |"
    found = read_title(text, 2, len(text) - 2, markdown=True)
    assert (found.title, found.link.url if found.link else None) == (title, url)
    assert (found.span is None) == (title is None)


@pytest.mark.parametrize("words", ["pdf", "[Paper]", "Official Code", "2301.00775", "arXiv:2301.00775v2", "CVPR 2023"])
def test_some_words_of_a_link_name_no_paper(words: str) -> None:
    assert is_generic(words)
    assert not is_generic(words + " and a title of more words")


TITLES = st.text(st.sampled_from("ABcdef 123:-&<>*_[]|?é文"), min_size=4, max_size=30).map(
    lambda words: f"A {' '.join(words.split())} of it"
)


@given(TITLES, st.booleans(), st.sampled_from(["{}", "{} [pdf](https://a.b/c.pdf)", "[{}](https://a.b/c)"]))
def test_a_title_that_is_escaped_is_read_as_it_was(title: str, markdown: bool, around: str) -> None:
    if not markdown:
        around = around.replace("[{}](https://a.b/c)", '<a href="https://a.b/c">{}</a>').partition(" [pdf]")[0]
    source = around.replace("{}", for_markdown(title) if markdown else for_html(title))
    found = read_title(source, 0, len(source), markdown=markdown)
    assert found.title == title
    assert found.span
    assert 0 <= found.span[0] < found.span[1] <= len(source)
