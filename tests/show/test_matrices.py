"""Matrices: colours, names and numbers are those of the table, and text reads on its cell."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sdg_lab import show
from sdg_lab.show.style import contrast

P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.02, 0.0, 0.98]])
NAMES = {"rows": "ab", "columns": "xyz", "xlabel": "to", "ylabel": "from", "unit": "nats"}


def test_a_transition_matrix_reads_from_row_to_column():
    figure = show.transition_matrix(P, ["a", " ", "\n"], title="What follows what")
    ax, bar = figure.axes
    np.testing.assert_array_equal(ax.images[0].get_array(), P)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "␣", "↵"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "␣", "↵"]
    assert ax.get_ylabel().startswith("from")
    assert ax.get_xlabel().startswith("to")
    assert bar.get_ylabel() == "probability (√ scale)"
    assert ax.get_title(loc="left") == "What follows what"


def test_rare_transitions_can_be_told_from_none():
    image = show.transition_matrix(P, "abc", title="t").axes[0].images[0]
    rare, none = (to_hex(image.to_rgba(np.array([p]))[0]) for p in (0.02, 0.0))
    assert contrast(rare, none) > 1.1


def test_a_row_can_be_framed_and_contexts_may_be_longer_than_symbols():
    ax = show.transition_matrix(P[:2], "abc", title="t", contexts=["qu", "th"], highlight="th").axes[0]
    frame = ax.patches[-1]
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, 0.5), 3, 1)
    assert ax.get_ylabel() == "from: the context"


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
        (lambda: show.transition_matrix(P * 2, "abc", title="t"), "row 'a' of P is no distribution: it sums to 2"),
        (lambda: show.transition_matrix([[1.5, -0.5]], "ab", title="t", contexts="q"), "row 'q' .* its least is -0.5"),
        (
            lambda: show.transition_matrix(P, "abc", title="t", highlight="q"),
            "highlight must be one of the contexts, got",
        ),
        (lambda: show.transition_matrix(P[:2], "abc", title="t"), r"shape \(3 rows, 3 columns\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
