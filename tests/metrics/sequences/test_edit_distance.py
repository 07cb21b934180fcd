"""Edit distance against nltk's, and the error rate made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.metrics.sequences.edit_distance import edit_distance, error_rate


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_it_is_nltks(a: str, b: str) -> None:
    from nltk import edit_distance as nltk_edit_distance

    assert edit_distance(a, b) == nltk_edit_distance(a, b)


def test_symbols_may_be_phonemes() -> None:
    assert edit_distance(("K", "AE1", "T"), ("K", "AH0", "T", "S")) == 2


def test_error_rate_weighs_by_the_length_of_the_references() -> None:
    assert error_rate([("A",), ("B", "C")], [("A",), ("B", "D", "E")]) == pytest.approx(2 / 4)
    assert error_rate([("A", "A", "A")], [("B",)]) == 3.0
    assert error_rate(["same"], ["same"]) == 0.0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 1 written sequences and 2 references; pair them up"):
        error_rate(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="reference must be several values"):
        error_rate(["cat"], "cat")
    with pytest.raises(ValueError, match="the references hold no symbols"):
        error_rate([("A",)], [()])
