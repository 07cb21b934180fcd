"""Whether a row and a record are the same paper: titles decide, ids and years confirm, nicknames prove nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_refresh import page

from papers import Row, read_rows
from papers.belief import Relation, believe, compare, contradiction, evidence

SCANREFER = "ScanRefer: 3D Object Localization in RGB-D Scans using Natural Language"
SCANQA = "ScanQA: 3D Question Answering for Spatial Scene Understanding"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (SCANREFER, SCANQA, "other"),
        ("Attention Is All You Need", "attention is all you need.", "same"),
        ("Auto-Encoding Variatoinal Bayes", "Auto-encoding variational Bayes", "same"),
        ("Sequence to Sequence Learning…", "Sequence to Sequence Learning with Neural Networks", "same"),
        ("Is Attention All You Need", "Is Attention All You Need? A Study", "same"),
        ("Attention Is All You Need in Speech", "Attention Is All You Need In Speech: Separation", "same"),
        ("Attention Is All You Need", "Attention Is All You Need In Speech Separation", "near"),
        ("Attention Is All You Need", "Auto-Encoding Variational Bayes", "other"),
        ("Llama 2: Open Foundation Models", "Llama 3: Open Foundation Models", "other"),
        ("A Survey of Models for Code Generation", "A Survey of Models for Text Generation", "near"),
        (
            "Recommender Systems: Challenges and Prospects",
            "Recommender Systems: Challenges, Progress and Prospects",
            "near",
        ),
        ("Attention in Deep Networks Is All You Need", "Attention in Deep Networks Is Not All You Need", "near"),
        ("Learning of Representations by Playing", "Learning of the Representations by Playing", "same"),
        ("Deep Learning", "Deep learning", "short"),
        ("BERT", "BERT: Pre-training of Deep Bidirectional Transformers", "silent"),
        ("AlexNet", "ImageNet classification with deep convolutional neural networks", "silent"),
        ("Transformer", "Attention is all you need", "silent"),
        ("LLaMA-7B", "LLaMA: Open and Efficient Foundation Language Models", "silent"),
        ("GPT-2", "BERT: Pre-training of Deep Bidirectional Transformers", "other"),
        ("AlexNet", "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", "other"),
        ("注意力就是一切", "Attention is all you need", "silent"),
        (None, "Attention is all you need", "silent"),
        ("Attention is all you need", "", "silent"),
    ],
)
def test_titles_are_compared_as_people_would(ours: str | None, theirs: str, expected: Relation) -> None:
    assert compare(ours, theirs) == expected


@given(st.text(max_size=60))
def test_a_title_is_never_another_than_itself(title: str) -> None:
    assert compare(title, title) in ("same", "short", "silent")
    assert compare(title, title.upper()) != "other" or title.upper().lower() != title.lower()


def row(title: str, date: str = "", link: str = "", citation: str = "", authors: str = "") -> Row:
    shown = f'<a href="{link}">{title}</a>{authors}' if link else title + authors
    (found,) = read_rows(page((date, shown, citation)))
    return found


def record(title: str, year: int | None = None, **ids: str) -> dict[str, Any]:
    return {"paperId": "0" * 40, "title": title, "year": year, "externalIds": ids, "citationCount": 1}


LONG = "One paper of many words"


@pytest.mark.parametrize(
    ("ours", "theirs", "asked", "verdict"),
    [
        # By an id, all but another paper is believed, whatever the year.
        (row(LONG, "2010"), record(LONG, 2020), "ARXIV:2001.00001", "same"),
        (row("BERT"), record("Attention is all you need"), "ARXIV:1706.03762", "same"),
        (
            row(SCANREFER, link="https://arxiv.org/abs/2112.10482"),
            record(SCANQA, 2021, ArXiv="2112.10482"),
            "x",
            "other",
        ),
        # A title that is only near is believed if no link says otherwise.
        (row("A Survey of Models for Code"), record("A Survey of Models for Text"), "x", "same"),
        (
            row("A Survey of Models for Code", link="https://arxiv.org/abs/2001.00001"),
            record("A Survey of Models for Text", ArXiv="2002.00002"),
            "x",
            "other",
        ),
        # By a title alone something has to confirm it.
        (row(LONG), record(LONG, 2020), None, "open"),
        (row(LONG, "2019"), record(LONG, 2020), None, "same"),
        (row(LONG, "2018"), record(LONG, 2020), None, "open"),
        (row(LONG, link="https://arxiv.org/abs/2001.00001"), record(LONG, ArXiv="2001.00001"), None, "same"),
        (row("Deep Learning", "2015"), record("Deep learning", 2016), None, "open"),
        (row("Deep Learning", "2015"), record("Deep learning", 2015), None, "same"),
        (row("BERT", "2018"), record("BERT: Pre-training of Deep Things", 2018), None, "open"),
        (row(LONG, "2020"), record("One paper of many other words", 2020), None, "open"),
    ],
)
def test_what_is_believed(ours: Row, theirs: dict[str, Any], asked: str | None, verdict: str) -> None:
    belief = believe(ours, theirs, asked)
    assert belief.verdict == verdict
    assert (belief.against is None) == (verdict == "same")


def test_an_authors_name_in_the_row_confirms_a_title_and_one_in_the_title_does_not() -> None:
    theirs = record("Deep learning", 2016) | {"authors": [{"name": "Yann LeCun"}, {"name": "Yoshua Bengio"}]}
    ours = row("Deep Learning", "2015")
    assert believe(ours, theirs, around="| Deep Learning | Y. LeCun et al. |").verdict == "same"
    assert believe(ours, theirs, around="| Deep Learning | I. Goodfellow et al. |").verdict == "open"
    named = row("LeCun", "2015")
    assert "author" not in evidence(named, theirs | {"title": "LeCun"}, around="| LeCun |")


def test_an_answer_that_does_not_carry_its_id_needs_the_title() -> None:
    assert believe(row("BERT", "2018"), record("BERT: Pre-training", 2018), "x", sure=False).verdict == "open"
    assert believe(row(LONG), record(LONG), "x", sure=False).verdict == "same"


def test_two_pieces_of_evidence_are_counted_apart() -> None:
    ours = row(LONG, "2019", "https://arxiv.org/abs/1901.00001")
    belief = believe(ours, record(LONG, 2019, ArXiv="1901.00001"), "ARXIV:1901.00001")
    assert belief.evidence == {"title", "id", "year"}
    assert belief.supported()
    assert belief.supported(without="year")
    assert not believe(row(LONG), record(LONG, 2019), "x").supported()
    assert evidence(ours, record(SCANQA, 2019, ArXiv="1901.00001")) == frozenset()
    assert "another paper" in (contradiction(ours, record(SCANQA, 2019, ArXiv="1901.00001")) or "")
