"""Series: each in its panel, all on the same axes, with the unit said."""

import numpy as np
import pytest

from sdg_lab import show
from sdg_lab.data.types import Series

DAYS = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")
REAL = Series(np.linspace(310.0, 320.0, 10), DAYS, "ppm")


def test_each_series_has_its_panel_its_colour_and_the_common_axes():
    figure = show.series_panels({"real": REAL, "order 1": (DAYS, REAL.values + 5)}, title="Two", xlabel="day")
    above, below = figure.axes
    np.testing.assert_array_equal(above.lines[0].get_ydata(), REAL.values)
    np.testing.assert_array_equal(below.lines[0].get_ydata(), REAL.values + 5)
    assert above.get_ylim() == below.get_ylim()
    assert (above.lines[0].get_color(), below.lines[0].get_color()) == (show.colour("real"), show.colour("synthetic"))
    assert (figure.get_supylabel(), below.get_xlabel(), figure.get_suptitle()) == ("ppm", "day", "Two")


def test_roles_can_be_given():
    figure = show.series_panels({"a": REAL}, title="One", roles={"a": "baseline"})
    assert figure.axes[0].lines[0].get_color() == show.colour("baseline")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ({}, "lines is empty: name at least one series"),
        ({"a": (DAYS, np.zeros(10))}, "unit is not known: pass unit="),
        ({"a": REAL, "b": Series(np.zeros(10), DAYS, "°C")}, "b is in °C, the axis is in ppm; convert one"),
        (
            {"a": REAL, "b": (DAYS, np.zeros(3))},
            r"b: times and values must have one shape \(n,\), got \(10,\) and \(3,\)",
        ),
        ({"a": REAL, "b": (DAYS, np.full(10, np.nan))}, r"b\[0\] is nan; every value must be finite"),
        ({"a": REAL, "b": (DAYS[:0], np.zeros(0))}, r"b must be an array of 1 axes, got shape \(0,\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(lines, sentence):
    with pytest.raises(ValueError, match=sentence):
        show.series_panels(lines, title="t")
