"""Checks of arguments: what passes is returned as it is meant, and a refusal names the argument and the value."""

from __future__ import annotations

import numpy as np
import pytest

from sdg_lab.checks import several, truth


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
