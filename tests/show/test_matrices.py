"""Matrices: colours, names and numbers are those of the table, and text reads on its cell."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sdg_lab import show
from sdg_lab.show.style import contrast

P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.02, 0.0, 0.98]])
NAMES = {"rows": "ab", "columns": "xyz", "xlabel": "to", "ylabel": "from", "unit": "nats"}


def test_a_matrix_reads_from_row_to_column():
    figure = show.matrix(P, title="What follows what", **(NAMES | {"rows": ["a", " ", "\n"]}))
    ax, bar = figure.axes
    np.testing.assert_array_equal(ax.images[0].get_array(), P)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "␣", "↵"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "y", "z"]
    assert (ax.get_xlabel(), ax.get_ylabel(), bar.get_ylabel()) == ("to", "from", "nats")
    assert ax.get_title(loc="left") == "What follows what"


def test_rare_transitions_can_be_told_from_none():
    ax, bar = show.matrix(P, title="t", root=True, **(NAMES | {"rows": "abc"})).axes
    rare, none = (to_hex(ax.images[0].to_rgba(np.array([p]))[0]) for p in (0.02, 0.0))
    assert contrast(rare, none) > 1.1
    assert bar.get_ylabel() == "nats (√ scale)"


def test_small_tables_carry_their_numbers_legibly():
    ax = show.matrix([[0.25, -2.0, 1.0], [3.0, 0.0, -1.5]], title="t", diverging=True, **NAMES).axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.25", "-2.00", "1.00", "3.00", "0.00", "-1.50"]
    image = ax.images[0]
    assert image.get_clim() == (-3, 3)
    for text, value in zip(ax.texts, np.asarray(image.get_array()).ravel(), strict=True):
        fill = to_hex(image.to_rgba(np.array([value]))[0])
        assert contrast(text.get_color(), fill) >= 4


def test_large_tables_carry_none():
    ax = show.matrix(np.zeros((2, 13)), title="t", **(NAMES | {"columns": range(13)})).axes[0]
    assert len(ax.texts) == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: show.matrix(np.zeros((3, 3)), title="t", **NAMES), r"shape \(2 rows, 3 columns\).*got \(3, 3\)"),
        (lambda: show.matrix([[0, 1, 2], [0, np.inf, 2]], title="t", **NAMES), r"values\[1, 1\] is inf"),
        (lambda: show.matrix([[0, 1, 2], [0, -1, 2]], title="t", root=True, **NAMES), "root=True needs values >= 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
