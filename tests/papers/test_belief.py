"""Whether a row and a record are the same paper: titles decide, ids and years confirm, nicknames prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_refresh import page
from title_pairs import FULL, NAMES, OTHERS, REFUSED, SHORT

import papers
from papers import Row, read_rows
from papers.belief import Relation, believe, compare, contradiction, evidence
from papers.escape import for_html

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
        # A title that is only near is not believed for an id alone.
        (row("A Survey of Models for Code"), record("A Survey of Models for Text"), "x", "open"),
        (row("A Survey of Models for Code", "2020"), record("A Survey of Models for Text", 2020), "x", "open"),
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


NUMBER = "2005.14165"
SIBLINGS = [
    ("Language Models are Unsupervised Multitask Learners", "Language Models are Few-Shot Learners"),
    ("Large Language Models are Zero-Shot Reasoners", "Large Language Models are Few-Shot Reasoners"),
    ("Denoising Diffusion Probabilistic Models", "Denoising Diffusion Implicit Models"),
    ("Denoising Diffusion Probabilistic Models", "Improved Denoising Diffusion Probabilistic Models"),
    ("DDPM", "Denoising Diffusion Implicit Models"),
    ("Attention Is All You Need", "Attention Is Not All You Need"),
    (
        "Training language models to follow instructions with human feedback",
        "Learning to summarize from human feedback",
    ),
    ("Mask R-CNN", "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks"),
    ("Wasserstein GAN", "Generative Adversarial Nets"),
    ("Wasserstein GAN", "Improved Training of Wasserstein GANs"),
    ("Improved Training of Wasserstein GANs", "Wasserstein GAN"),
    ("Deep Residual Learning", "Neural Tangent Kernel: Convergence and Generalization"),
    ("LLaMA", "Llama 2: Open Foundation and Fine-Tuned Chat Models"),
    ("GPT-3", "GPT-4 Technical Report"),
    ("A Survey of Large Language Models", "A Survey on Evaluation of Large Language Models"),
    ("Supervised Learning of Universal Sentence Vectors", "Unsupervised Learning of Universal Sentence Vectors"),
    ("An Explicit Model of Human Vision", "An Implicit Model of Human Vision"),
    ("大規模言語モデルの推論能力に関する調査研究", "画像認識のための深層残差学習"),
    ("教師あり学習による画像認識の深層モデルの研究", "教師なし学習による画像認識の深層モデルの研究"),
    ("深度学习综述", "图像分割综述"),
    ("深層残差学習による画像認識", "Language Models are Few-Shot Learners"),
]
VERSIONS = [
    ("Generative Adversarial Networks", "Generative Adversarial Nets"),
    ("β-VAE: Learning Basic Visual Concepts", "beta-VAE: Learning Basic Visual Concepts"),
    ("Problem Solving and Reasoning with LLMs", "Problem Solving and Reasoning with Large Language Models"),
    ("Chain of Thought Prompting Elicits Reasoning", "Chain-of-Thought Prompting Elicits Reasoning"),
    ("GPT-3: Language Models are Few-Shot Learners", "Language Models are Few-Shot Learners"),
    ("Language Models are Few-Shot Learners (GPT-3)", "Language Models are Few-Shot Learners"),
    ("Playing Atari with Deep RL", "Playing Atari with Deep Reinforcement Learning"),
    ("Distilling Knowledge in a Neural Network", "Distilling the Knowledge in a Neural Network"),
    ("Glow: Flows with Invertible 1×1 Convolutions", "Glow: Flows with Invertible 1x1 Convolutions"),
    ("Faster RCNN", "Faster R-CNN: Towards Real-Time Object Detection"),
    ("Switch Transformer", "Switch Transformers: Scaling to Trillion Parameter Models"),
    ("Latent Diffusion", "High-Resolution Image Synthesis with Latent Diffusion Models"),
    ("Neural ODE", "Neural Ordinary Differential Equations"),
    ("Llama 2", "Llama 2: Open Foundation and Fine-Tuned Chat Models"),
    ("DDPM", "Denoising Diffusion Probabilistic Models"),
    ("深度残差学习", "深度残差学习用于图像识别"),
    ("通义千问", "Qwen Technical Report"),
]


def by_id(ours: str, theirs: str, year: str = "", found: int | None = 2015) -> str:
    """Return what is believed of a record that a row's own link leads to."""
    linked = row(ours, year, f"https://arxiv.org/abs/{NUMBER}")
    return believe(linked, record(theirs, found, ArXiv=NUMBER), f"ARXIV:{NUMBER}").verdict


@pytest.mark.parametrize(("ours", "theirs"), SIBLINGS)
def test_a_link_to_a_paper_of_a_similar_title_is_not_believed(ours: str, theirs: str) -> None:
    assert by_id(ours, theirs) != "same"
    assert by_id(ours, theirs, "2018", 2020) != "same"


@pytest.mark.parametrize(("ours", "theirs"), VERSIONS)
def test_a_link_to_a_title_that_is_written_otherwise_is_believed(ours: str, theirs: str) -> None:
    assert by_id(ours, theirs) == "same"


def test_one_word_more_or_other_needs_a_year_and_an_author_and_another_order_a_year() -> None:
    ours = "Sequential Recommender Systems: Challenges and Prospects"
    theirs = "Sequential Recommender Systems: Challenges, Progress and Prospects"
    moved = "Neural Machine Translation by {} Learning to {}Align and Translate"
    assert by_id(ours, theirs) == by_id(ours, theirs, "2019", 2019) == "open"
    assert believed(ours, theirs) == "same"
    pair = (moved.format("Jointly", ""), moved.format("", "Jointly "))
    assert by_id(*pair) == "open"
    assert by_id(*pair, "2019", 2019) == "same"


def believed(ours: str, theirs: str, year: str = "2020", author: str = "T. Brown", citation: str = "") -> str:
    """Return what is believed of a record that a row's own link leads to, where year and author agree."""
    found = record(theirs, 2020, ArXiv=NUMBER) | {"authors": [{"name": "Tom Brown"}]}
    linked = row(ours, year, f"https://arxiv.org/abs/{NUMBER}", citation)
    return believe(linked, found, linked.paper_id, around=f"{ours}, {author}").verdict


def test_a_renamed_paper_takes_two_of_a_year_an_author_and_a_second_id() -> None:
    ours = "Deep and Hierarchical Implicit Models and Likelihood-Free Inference of Posteriors"
    theirs = "Hierarchical Implicit Models and Likelihood-Free Variational Inference of Posteriors"
    badge = f'<a href="https://www.semanticscholar.org/paper/{"0" * 40}">7</a>'
    assert believed(ours, theirs) == "same"
    assert believed(ours, theirs, author="") == believed(ours, theirs, year="") == "open"
    assert believed(ours, theirs, author="", citation=badge) == "same"
    assert believed(ours, theirs, year="", author="", citation=badge) == "open"


CATALOG = [
    row.title for row in read_rows((Path(papers.__file__).parent / "related_papers.md").read_text()) if row.title
]
FULL_TITLES = [title for title in CATALOG if len(title.split()) > 4]


@given(st.sampled_from(CATALOG), st.sampled_from(CATALOG))
def test_no_paper_of_the_catalog_is_taken_for_another(ours: str, theirs: str) -> None:
    assert (by_id(ours, theirs, "2015", 2015) == "same") == (ours == theirs)


@given(st.sampled_from(FULL_TITLES), st.randoms(use_true_random=False))
def test_a_title_that_is_typed_carelessly_is_still_the_same(title: str, random: Random) -> None:
    words = title.replace("-", random.choice(["-", " "])).split()
    at = random.randrange(len(words))
    word = words[at]
    if word.isalpha() and len(word) > 5:
        slip = random.randrange(2, len(word) - 1)
        words[at] = random.choice([word[:slip] + word[slip + 1 :], word[:slip] + word[slip] + word[slip:]])
    careless = random.choice([str, str.lower])(" ".join(words)) + random.choice(["", ".", " (2015)"])
    assert by_id(careless, title) == "same"


@given(st.sampled_from(FULL_TITLES), st.sampled_from(["Not", "Improved", "Zero-Shot", "Unsupervised"]), st.data())
def test_a_word_that_makes_another_paper_of_a_title_is_never_overlooked(
    title: str, word: str, data: st.DataObject
) -> None:
    words = title.split()
    at = data.draw(st.integers(0, len(words) - 1))
    other = " ".join([*words[:at], word, *words[at:]])
    assert "same" not in (by_id(other, title, "2015"), by_id(title, other, "2015"))


def evidences(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Yield what is believed of a record for each evidence that can agree beside the title."""
    title, link = for_html(ours), f"https://arxiv.org/abs/{NUMBER}"
    found = record(theirs, 2020, ArXiv=NUMBER) | {"authors": [{"name": "Ann Zzyzx"}]}
    badge = f'<a href="https://www.semanticscholar.org/paper/{"0" * 40}">7</a>'
    author = "A. Zzyzx"
    by_id = f"ARXIV:{NUMBER}"
    yield "id", believe(row(title, "", link), found, by_id).verdict
    yield "id, year, author", believe(row(title, "2020", link), found, by_id, around=author).verdict
    yield "two ids, year, author", believe(row(title, "2020", link, badge), found, "0" * 40, around=author).verdict
    yield "title, year", believe(row(title, "2020"), found).verdict
    yield "title, author", believe(row(title), found, around=author).verdict
    yield "title, id, year, author", believe(row(title, "2020", link), found, around=author).verdict


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_another_papers_title_is_not_believed_whatever_else_agrees(ours: str, theirs: str) -> None:
    assert [what for what, verdict in evidences(ours, theirs) if verdict == "same"] == []
    assert [what for what, verdict in evidences(theirs, ours) if verdict == "same"] == []


@pytest.mark.parametrize(("ours", "theirs"), [*FULL, *SHORT, *NAMES])
def test_a_title_as_lists_write_it_is_believed_once_an_id_a_year_or_an_author_agrees(ours: str, theirs: str) -> None:
    refused = [what for what, verdict in evidences(ours, theirs) if verdict != "same"]
    assert refused == (["title, year"] if (ours, theirs) in NAMES else [])
    assert believe(row(for_html(ours)), record(theirs, 2020)).verdict == "open"


@pytest.mark.parametrize(("ours", "theirs"), REFUSED)
def test_a_title_cut_short_without_a_mark_is_refused_as_another_papers_would_be(ours: str, theirs: str) -> None:
    assert "same" not in {verdict for _, verdict in evidences(ours, theirs)}


@given(
    st.sampled_from(FULL_TITLES),
    st.sampled_from(["[{} {}] {}", "({} {}) {}", "{} {}: {}", "{}'17: {}"]),
    st.sampled_from(["{} - {} {}", "{} ({} {})", "{} [{} {}]", "{}, {} {}", "{}. {} {}.", "{} | {} {} (Oral)"]),
    st.sampled_from(["CVPR", "NeurIPS", "ICLR", "ACL", "JMLR", "arXiv"]),
    st.integers(2015, 2026),
    st.booleans(),
)
def test_a_venue_before_or_behind_a_title_is_no_part_of_it(
    title: str, before: str, behind: str, venue: str, year: int, front: bool
) -> None:
    if front:
        words = (venue, title) if "17" in before else (venue, str(year), title)
        assert compare(before.format(*words), title) in ("same", "short")
    else:
        assert compare(behind.format(title, venue, year), title) in ("same", "short")


@given(st.sampled_from(FULL_TITLES), st.integers(14, 60), st.sampled_from(["…", "...", " …", " ..."]))
def test_a_title_cut_off_with_dots_at_any_letter_is_the_same(title: str, letters: int, dots: str) -> None:
    assert compare(title[:letters] + dots, title) in ("same", "short")


@given(
    st.sampled_from([title for title in FULL_TITLES if ":" not in title]),  # behind a colon, titles are cut
    st.sampled_from(["in Medical Images", "for Speech", "with Registers", "on Graphs"]),
)
def test_a_title_that_goes_on_is_another_papers(title: str, more: str) -> None:
    whole = title.rstrip("?.!")
    for pair in ((whole, f"{whole} {more}"), (f"{whole} {more}", whole)):
        assert "same" not in {verdict for _, verdict in evidences(*pair)}
