"""Chapter 00: its own functions against the library and others; the exercises' proofs are in test_exercises.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import shift as scipy_shift

from sdg_lab.course.ch00 import FAMILIES
from sdg_lab.course.ch00.exercises import deduplicate_then_split, nearest, shift
from sdg_lab.course.engine import notebooks, outputs, registry
from sdg_lab.course.engine.grade import verdict
from sdg_lab.metrics.privacy import nearest_training


@pytest.mark.parametrize("down", range(-4, 5))
@pytest.mark.parametrize("right", range(-3, 4))
def test_shift_is_that_of_scipy_even_off_the_paper(down: int, right: int) -> None:
    image = np.arange(1.0, 13.0).reshape(4, 3)
    np.testing.assert_array_equal(shift(image, down, right), scipy_shift(image, (down, right), order=0))


def test_nearest_is_the_library_s() -> None:
    rng = np.random.default_rng(0)
    samples, train = rng.random((20, 5)), rng.random((30, 5))
    for ours, theirs in zip(nearest(samples, train), nearest_training(samples, train), strict=True):
        np.testing.assert_allclose(ours, theirs)


@given(st.lists(st.text("ab", max_size=3)), st.floats(0, 1), st.integers(0, 9))
def test_the_split_is_a_partition_of_the_different_items(items: list[str], share: float, seed: int) -> None:
    train, test = deduplicate_then_split(items, share, seed)
    assert sorted(train + test) == sorted(set(items))
    assert len(test) == round(share * len(set(items)))


def test_half_an_item_is_rounded_as_round_does() -> None:
    def answer(items, test_share, seed):
        different = list(dict.fromkeys(items))
        half_up = int(test_share * len(different) + 0.5)
        return deduplicate_then_split(items, half_up / len(different), seed)

    assert "expected 2 = round(0.5" in verdict(registry.find("00.deduplicate_then_split"), answer).message


def test_the_map_links_every_family_s_chapter_that_is_there() -> None:
    chapters = {path.stem[:2]: path for path in notebooks.chapters(notebooks.SOURCES)}
    cells = notebooks.code_cells(notebooks.read(chapters["00"]))
    printed = [text for cell in cells for output in cell["outputs"] for text in outputs.texts(output)]
    for family in FAMILIES:
        if family.chapter in chapters:
            link = f"[{family.name}]({chapters[family.chapter].name})"
            assert any(link in text for text in printed), f"run chapter 00 again: its map does not know {link}"


@pytest.mark.parametrize(("least", "status"), [(0.0, "passed"), (-np.inf, "failed")])
def test_distances_of_copies_by_the_binomial_pass_where_they_are_no_root_of_less_than_0(least, status) -> None:
    def answer(samples, train):
        with np.errstate(invalid="ignore"):
            squares = (samples**2).sum(1)[:, None] + (train**2).sum(1) - 2 * samples @ train.T
            distances = np.sqrt(np.maximum(squares, least))
        return distances.min(1), distances.argmin(1)

    exercise = registry.find("00.nearest")
    assert {verdict(exercise, answer, seed=seed).status for seed in range(6)} == {status}


@pytest.mark.parametrize("whole", [int, math.ceil])
def test_a_test_part_that_is_not_rounded_is_refused(whole) -> None:
    def answer(items, test_share, seed):
        kept = list(dict.fromkeys(items))
        shuffled = [kept[i] for i in np.random.default_rng(seed).permutation(len(kept))]
        n = whole(test_share * len(kept))
        return shuffled[n:], shuffled[:n]

    assert verdict(registry.find("00.deduplicate_then_split"), answer).status == "failed"
