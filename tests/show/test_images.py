"""Pictures: every pixel lands where it belongs."""

import numpy as np
import pytest
import torch

from sdg_lab import show
from sdg_lab.data.types import Images
from sdg_lab.show.images import mosaic

RNG = np.random.default_rng(0)
GREY = RNG.uniform(size=(7, 1, 4, 5)).astype(np.float32)
COLOUR = RNG.uniform(size=(3, 3, 4, 4))


def drawn(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def test_each_picture_is_in_its_cell_and_the_rest_is_gutter():
    canvas = mosaic(GREY, 3)
    assert canvas.shape == (3 * 5 - 1, 3 * 6 - 1, 1)
    seen = np.zeros(canvas.shape, bool)
    for i, picture in enumerate(GREY):
        row, column = divmod(i, 3)
        cell = np.s_[row * 5 : row * 5 + 4, column * 6 : column * 6 + 5]
        np.testing.assert_allclose(canvas[cell], picture.transpose(1, 2, 0))
        seen[cell] = True
    assert np.isnan(canvas[~seen]).all()


@pytest.mark.parametrize("images", [GREY, torch.tensor(GREY), Images(GREY)], ids=["array", "tensor", "Images"])
def test_a_grid_draws_the_pictures_in_ink_on_paper(images):
    figure = show.image_grid(images, title="Seven pictures", columns=4)
    image = figure.axes[0].images[0]
    assert figure.axes[0].get_title(loc="left") == "Seven pictures"
    assert (image.get_cmap().name, image.get_clim()) == ("gray_r", (0, 1))
    np.testing.assert_array_equal(drawn(figure), mosaic(GREY, 4)[..., 0])


def test_colours_are_drawn_as_they_are_with_a_transparent_gutter():
    rgba = drawn(show.image_grid(COLOUR, title="Three", columns=3))
    np.testing.assert_allclose(rgba[:, :4, :3], COLOUR[0].transpose(1, 2, 0), atol=1e-6)
    assert (rgba[:, 4, 3] == 0).all()
    assert (rgba[:, :4, 3] == 1).all()


def test_rows_limit_what_is_drawn_and_decide_the_columns():
    np.testing.assert_array_equal(
        drawn(show.image_grid(GREY, title="t", rows=2, columns=2)), mosaic(GREY[:4], 2)[..., 0]
    )
    assert drawn(show.image_grid(GREY, title="t", rows=2)).shape == (9, 4 * 6 - 1)


def test_labels_stand_over_their_pictures_and_touch_none():
    figure = show.image_grid(GREY, title="t", columns=4, labels=range(7))
    figure.canvas.draw()
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.texts] == list("0123456")
    canvas = drawn(figure)
    for i, text in enumerate(ax.texts):
        box = text.get_window_extent().transformed(ax.transData.inverted())
        column = i % 4
        assert column * 6 - 0.5 <= box.x0 <= box.x1 <= column * 6 + 5
        rows = slice(max(0, round(min(box.y0, box.y1) + 0.5)), round(max(box.y0, box.y1) - 0.5) + 1)
        assert np.isnan(canvas[rows, column * 6 : column * 6 + 5]).all()


def test_sources_are_drawn_under_each_other_with_their_names():
    figure = show.compare_grids({"real": GREY, "VAE": 1 - GREY}, title="Two sources", columns=3, rows_each=2)
    ax = figure.axes[0]
    np.testing.assert_array_equal(drawn(figure), mosaic(np.concatenate([GREY[:6], 1 - GREY[:6]]), 3)[..., 0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["real", "VAE"]
    assert ax.get_yticks().tolist() == [4.0, 14.0]  # the middles of rows 0–8 and 10–18


def test_pairs_stand_under_each_other_over_their_distance():
    figure = show.nearest_pairs(GREY[:2], GREY[2:4], [0.5, 1.25], title="Pairs")
    ax = figure.axes[0]
    np.testing.assert_array_equal(drawn(figure), mosaic(GREY[:4], 2)[..., 0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.50", "1.25"]
    assert "distance" in ax.get_xlabel()


def test_pairs_say_which_sample_is_a_copy():
    figure = show.nearest_pairs(GREY[:2], GREY[2:4], [0.5, 1.25], title="Pairs", copies=[True, False])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.50\nin train", "1.25\nnew"]


BAD = GREY.copy()
BAD[3, 0, 1, 2] = np.nan


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: show.image_grid(GREY[:, 0], title="t"), r"images must have shape \(n, 1 or 3 channels, height"),
        (lambda: show.image_grid(GREY[:0], title="t"), "images holds no picture"),
        (lambda: show.image_grid(BAD, title="t"), r"images\[3\] has a pixel that is not a finite number"),
        (lambda: show.image_grid(GREY * 255, title="t"), r"images must lie in \[0, 1\], got .* to 25\d; scale or clip"),
        (lambda: show.image_grid(GREY, title="t", columns=0), "columns must be a whole number >= 1, got 0"),
        (lambda: show.image_grid(GREY, title="t", rows=1.5), "rows must be a whole number >= 1, got 1.5"),
        (lambda: show.image_grid(GREY, title="t", labels=["a"]), "got 1 labels for 7 pictures"),
        (lambda: show.compare_grids({}, title="t"), "grids is empty: name at least one source"),
        (
            lambda: show.compare_grids({"a": GREY, "b": COLOUR}, title="t", columns=3),
            r"b has pictures of shape \(3, 4, 4\), a of",
        ),
        (lambda: show.compare_grids({"a": GREY}, title="t"), "a has 7 pictures, 10 are wanted"),
        (lambda: show.compare_grids({"a": GREY}, title="t", columns=0), "columns must be a whole number >= 1, got 0"),
        (
            lambda: show.compare_grids({"a": GREY}, title="t", rows_each=0),
            "rows_each must be a whole number >= 1, got 0",
        ),
        (lambda: show.nearest_pairs(GREY, GREY, [1.0], title="t"), "must match, got .* and 1"),
        (
            lambda: show.nearest_pairs(GREY[:1], GREY[:1], [np.nan], title="t"),
            r"distances\[0\] is nan; every value must",
        ),
        (
            lambda: show.nearest_pairs(GREY[:2], GREY[:2], [1.0, 1.0], title="t", copies=[True]),
            "copies must say one thing a sample, got 1 for 2 samples",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
