"""Checks of arguments: what passes is returned as it is meant, and a refusal names the argument and the value."""

from __future__ import annotations

import numpy as np
import pytest

from sdg_lab.checks import known_options, several, truth


def test_only_true_and_false_are_a_truth() -> None:
    assert [truth("bias", value) for value in (True, False, np.True_)] == [True, False, True]
    assert type(truth("bias", np.True_)) is bool  # as JSON needs it
    for wrong in ("no", 0, 1, None, []):
        with pytest.raises(ValueError, match=r"^bias must be True or False, got "):
            truth("bias", wrong)


def test_one_value_is_not_several() -> None:
    assert several("prompts", ["an", "da"]) == ("an", "da")
    assert several("prompts", (letter for letter in "ab")) == ("a", "b")
    assert several("prompts", ()) == ()
    with pytest.raises(ValueError, match=r"^prompts must be several values, such as \['ann'\], got 'ann'$"):
        several("prompts", "ann")
    with pytest.raises(ValueError, match=r"^prompts must be several values, such as \[3\], got 3$"):
        several("prompts", 3)


def test_a_mistyped_option_is_refused_with_the_class_and_the_nearest() -> None:
    class Thing:
        @known_options
        def __init__(self, size: int = 1, *, colour: str = "red") -> None:
            self.size, self.colour = size, colour

    class Special(Thing):
        pass

    assert (Thing(2, colour="blue").size, Special(size=3).size) == (2, 3)
    with pytest.raises(TypeError, match=r"^Thing has no option 'color'; did you mean 'colour'\?$"):
        Thing(color="blue")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^Special has no option 'xyz'$"):
        Special(xyz=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Thing(1, 2)  # type: ignore[misc]
