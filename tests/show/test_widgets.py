"""The widget: it draws what its controls say, keeps no figure, and shows what went wrong."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sdg_lab import show


def draw(order, smoothing="add-α"):
    if order == 4:
        raise ValueError("order <4> is too long")
    figure, axes = show.panels(size=(2, 2))
    axes[0, 0].plot([0, order], label=smoothing)
    return figure


def parts(box):
    bar, message, picture = box.children
    return bar.children, message, picture


def test_the_first_picture_is_that_of_the_first_values():
    _, message, picture = parts(show.explore(draw, order=ipywidgets.IntSlider(2, 1, 6)))
    assert bytes(picture.value) == draw(2).png()
    assert message.value == ""


def test_moving_a_control_redraws_and_moving_back_restores():
    (order,), _, picture = parts(show.explore(draw, order=ipywidgets.IntSlider(2, 1, 6)))
    first = bytes(picture.value)
    order.value = 5
    assert bytes(picture.value) == draw(5).png() != first
    order.value = 2
    assert bytes(picture.value) == first


def test_an_error_takes_the_place_of_the_picture_until_the_next_that_works():
    (order,), message, picture = parts(show.explore(draw, order=ipywidgets.IntSlider(2, 1, 6)))
    order.value = 4
    assert "ValueError: order &lt;4&gt; is too long" in message.value
    assert "in draw" in message.value
    assert picture.layout.display == "none"
    order.value = 5
    assert message.value == ""
    assert picture.layout.display is None


def test_a_draw_that_returns_no_figure_is_told_so():
    _, message, _ = parts(show.explore(lambda order: None, order=(1, 3)))
    assert "TypeError: draw must return a Figure, got NoneType; end it with `return figure`" in message.value.replace(
        "&#x27;", "'"
    )


def test_a_sound_stands_below_its_picture_and_goes_with_it():
    def draw(silent):
        figure = show.panels()[0]
        return figure if silent else (figure, show.player(np.sin(np.arange(8_000) / 3), 8_000))

    box = show.explore(draw, silent=False)
    *_, picture, sound = box.children
    assert (bytes(sound.value[:4]), sound.format, sound.autoplay) == (b"RIFF", "wav", False)
    box.children[0].children[0].value = True
    assert box.children[-1] is picture


def test_figures_made_with_pyplot_are_closed_even_after_an_error_and_others_are_left():
    mine = plt.figure()

    def leaky(order):
        figure, _ = plt.subplots(figsize=(1, 1))
        if order == 2:
            raise RuntimeError("no")
        return figure

    (order,), message, _ = parts(show.explore(leaky, order=ipywidgets.IntSlider(1, 1, 3)))
    order.value = 2
    assert "RuntimeError: no" in message.value
    order.value = 3
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


@pytest.mark.parametrize("live", [False, True])
def test_abbreviations_become_labelled_controls(live):
    seen = {}

    def look(**values):
        seen.update(values)
        return draw(1)

    controls = {"latent_size": (0, 6), "beta": (0.5, 2.0, 0.5), "smoothing": ["none", "add-α"], "grid": True}
    widgets, _, _ = parts(show.explore(look, live=live, **controls))
    kinds = [ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.Dropdown, ipywidgets.Checkbox]
    assert [type(widget) for widget in widgets] == kinds
    assert [widget.description for widget in widgets] == ["latent size", "beta", "smoothing", "grid"]
    assert [widget.continuous_update for widget in widgets[:2]] == [live, live]
    assert set(seen) == set(controls)


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ({}, r"explore needs at least one control, such as order=\(1, 6\)"),
        ({"order": object()}, "control order=<object .*> is nothing to make a widget of; give a range"),
    ],
)
def test_what_makes_no_control_is_refused(controls, sentence):
    with pytest.raises(ValueError, match=sentence):
        show.explore(draw, **controls)
