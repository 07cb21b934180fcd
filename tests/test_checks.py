"""Checks of arguments: what passes is returned as it is meant, and a refusal names the argument and the value."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sdg_lab.checks import number, several, truth


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


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.uint64, int, float])
def test_numpy_s_numbers_are_compared_as_they_are(kind: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # float32 would bring the largest float to its own range, and warn
        assert number("share", kind(1), least=1, below=1e300) == 1
        with pytest.raises(ValueError, match="share must be > 1"):
            number("share", kind(1), above=1)


def test_an_array_without_a_dimension_is_one_value() -> None:
    with pytest.raises(ValueError, match="names must be several values"):
        several("names", np.array(3))
    assert several("names", np.array([3, 4])) == (3, 4)
