"""The family tree: every family is there, and no text touches another."""

import itertools

import pytest

from sdg_lab.course.ch00 import FAMILIES, family_tree


@pytest.fixture(scope="module")
def figure():
    figure = family_tree()
    figure.canvas.draw()
    return figure


def test_every_family_is_there_with_its_idea_and_chapter(figure):
    texts = [text.get_text() for text in figure.axes[0].texts]
    for family in FAMILIES:
        assert family.name in texts
        assert family.idea in texts
        assert f"chapter {family.chapter}" in texts


def test_nothing_overlaps_and_all_is_on_the_page(figure):
    texts = [*figure.axes[0].texts, figure._suptitle]
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0
        assert box.y1 <= figure.bbox.y1
    for one, other in itertools.combinations(texts, 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent()), (one.get_text(), other.get_text())


def test_text_stays_in_its_card(figure):
    cards = [patch.get_window_extent() for patch in figure.axes[0].patches if patch.get_gid()]
    lines = {family.name for family in FAMILIES} | {family.idea for family in FAMILIES}
    for text in figure.axes[0].texts:
        if text.get_text() in lines or text.get_text().startswith("chapter"):
            box = text.get_window_extent()
            assert any(c.x0 < box.x0 and box.x1 < c.x1 and c.y0 < box.y0 and box.y1 < c.y1 for c in cards)


def test_families_are_told_apart_by_key_chapter_and_colour():
    for of in ("key", "chapter", "colour", "name", "idea"):
        values = [getattr(family, of) for family in FAMILIES]
        assert len(set(values)) == len(values)
