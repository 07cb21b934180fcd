"""The gallery: every family on the same digits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab import data
from sdg_lab.course.ch00 import FAMILIES, gallery
from sdg_lab.data.types import Images
from sdg_lab.metrics.privacy import near_copies


def test_every_family_has_an_entry() -> None:
    assert list(gallery.GALLERY) == [family.key for family in FAMILIES]


@pytest.mark.slow
@pytest.mark.parametrize("family", [gallery.BASELINE, *gallery.GALLERY])
def test_samples_are_new_digits_and_follow_the_seed(family: str) -> None:
    drawn = gallery.samples(family, 40, seed=3)
    train = data.digits().train
    assert drawn.pixels.shape == (40, 1, 8, 8)
    np.testing.assert_array_equal(drawn.pixels, gallery.samples(family, 40, seed=3).pixels)
    assert not np.array_equal(drawn.pixels, gallery.samples(family, 40, seed=4).pixels)
    assert near_copies(drawn, train).mean() < 0.1
    # Digits, not noise: the mean ink of each pixel is nearly that of real ones.
    ink = np.corrcoef(drawn.pixels.mean(axis=0).ravel(), train.pixels.mean(axis=0).ravel())[0, 1]
    assert ink > 0.9


def test_the_widget_draws_another_picture_for_another_seed() -> None:
    pictures = [gallery.draw("markov", seed).axes[0].images[0].get_array() for seed in (0, 0, 1)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="no family 'flow'; there are markov, "):
        gallery.draw("flow")


@pytest.mark.slow
def test_the_picture_of_the_readme_is_a_png(tmp_path) -> None:
    path = gallery.picture(tmp_path / "assets" / "families.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.read_bytes() == gallery.picture(path).read_bytes()
    assert path.stat().st_size < 100_000


@given(st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5))
def test_symbols_say_an_image_of_five_shades_exactly(levels: list[list[int]]) -> None:
    images = Images(np.array(levels, np.float32).reshape(-1, 1, 2, 3) / 4)
    symbols = gallery.to_symbols(images)
    assert symbols[0] == tuple(f"{place}:{shade}" for place, shade in enumerate(levels[0]))
    np.testing.assert_array_equal(gallery.from_symbols(symbols, (1, 2, 3)).pixels, images.pixels)


def test_symbols_that_are_no_image_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        gallery.to_symbols(Images(np.zeros((1, 3, 2, 2), np.float32)))
    with pytest.raises(ValueError, match="shades must be >= 2, got 1"):
        gallery.to_symbols(Images(np.zeros((1, 1, 2, 2), np.float32)), shades=1)
    for wrong in (("0:1",), ("1:0", "0:1")):
        with pytest.raises(ValueError, match="sequence 0 does not name the pixels 0 to 1 in order"):
            gallery.from_symbols([wrong], (1, 1, 2))
