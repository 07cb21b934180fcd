"""Chapter 16: its own functions against the catalog's; what it printed against the catalog as it is."""

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import papers
from papers.identifiers import from_url
from sdg_lab.course.ch16.exercises import LINKS, NEAR_MISSES, counts_by_id, id_in_link, splice_text
from sdg_lab.course.engine import notebooks, outputs, registry
from sdg_lab.course.engine.grade import verdict

CATALOG = Path(papers.__file__).with_name("related_papers.md")
ROWS = papers.read_rows(CATALOG.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("link", "paper"), LINKS.items())
def test_a_link_names_the_paper_that_the_catalog_finds_in_it(link: str, paper: str) -> None:
    assert id_in_link(link) == (from_url(link) or "") == paper


@pytest.mark.parametrize(("link", "paper"), NEAR_MISSES.items())
def test_a_link_that_differs_in_one_part_names_what_it_names(link: str, paper: str) -> None:
    assert id_in_link(link) == paper


def test_the_links_of_the_catalog_name_the_same_papers() -> None:
    urls = [row.url for row in ROWS if row.url]
    assert len(urls) == len(ROWS)
    assert [id_in_link(url) for url in urls] == [from_url(url) or "" for url in urls]


@given(st.text(max_size=40), st.data())
def test_splice_is_that_of_the_catalog(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True).map(sorted))
    edits = [(start, end, data.draw(st.text(max_size=3))) for start, end in list(pairwise(cuts))[::2]]
    shuffled = data.draw(st.permutations(edits))
    assert splice_text(text, shuffled) == papers.splice(text, [papers.Edit(*edit) for edit in shuffled])


def test_edits_that_overlap_and_answers_that_are_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="two edits overlap at character 1"):
        splice_text("abc", [(1, 3, "x"), (0, 2, "y")])
    with pytest.raises(ValueError, match="2 ids, but 1 answers"):
        counts_by_id(["a", "b"], [None])


def test_edits_may_be_sorted_by_where_they_begin_alone() -> None:
    def answer(text, edits):
        pieces, done = [], 0
        for start, end, new in sorted(edits, key=lambda edit: edit[0]):
            if start < done:
                raise ValueError("they overlap")
            pieces += [text[done:start], new]
            done = end
        return "".join([*pieces, text[done:]])

    for seed in range(4):
        assert verdict(registry.find("16.splice"), answer, seed=seed).status == "passed"


def test_the_chapter_was_run_on_the_catalog_as_it_is() -> None:
    path = notebooks.match("16", notebooks.chapters(notebooks.SOURCES))
    printed = "".join(
        text
        for cell in notebooks.code_cells(notebooks.read(path))
        for output in cell["outputs"]
        for text in outputs.texts(output)
    )
    fingerprint = hashlib.sha256(CATALOG.read_bytes()).hexdigest()
    assert f"{len(ROWS)} papers" in printed, "the catalog has changed; run: sdg-lab run 16 --write"
    assert f"SHA-256 of the file: {fingerprint[:16]}…" in printed, (
        "the catalog has changed; run: sdg-lab run 16 --write"
    )
