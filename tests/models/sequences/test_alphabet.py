"""Symbols to numbers and back, and what is refused at the door."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.data import names
from sdg_lab.models.sequences.alphabet import Alphabet

ANY_TEXT = st.text(st.characters(codec=None), min_size=1)  # surrogates and NUL too


@given(st.lists(ANY_TEXT, min_size=1))
def test_characters_round_trip(words):
    alphabet = Alphabet.of(words)
    codes, lengths = alphabet.encode(words)
    assert alphabet.decode(codes, lengths) == words


@given(st.lists(st.lists(st.text(max_size=3), min_size=1).map(tuple), min_size=1))
def test_tokens_round_trip(sentences):
    alphabet = Alphabet.of(sentences)
    codes, lengths = alphabet.encode(sentences)
    assert alphabet.decode(codes, lengths) == sentences


def test_codes_follow_the_sorted_letters_after_the_boundary():
    alphabet = Alphabet.of(["cab", "a"])
    codes, lengths = alphabet.encode(["abc", "", "c"])
    np.testing.assert_array_equal(codes, [1, 2, 3, 3])
    np.testing.assert_array_equal(lengths, [3, 0, 1])
    assert alphabet.symbols == ("·", "a", "b", "c")
    assert len(alphabet) == 4


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (
            "anna",
            TypeError,
            r"data must be a list .* got str; one sequence alone is a list of length 1, running text is for fit_text",
        ),
        (names(), TypeError, r"data must be a list .* got Dataset; pass one of its parts, such as \.train$"),
        (3, TypeError, r"data must be a list of strings or a list of tuples of tokens, got int"),
        ([], ValueError, r"data holds no sequences; give at least one"),
        (["a", ""], ValueError, r"sequence 1 is empty; leave it out of the training data"),
        (["a", float("nan")], TypeError, r"sequence 1 is nan, a float, but sequence 0 is a str"),
        ([("a",), "b"], TypeError, r"sequence 1 is 'b', a str; make every sequence a str, or every one a tuple"),
        ([("a",), ("b", None)], TypeError, r"sequence 1, position 1 is None, a NoneType; a token must be a str"),
    ],
)
def test_bad_data_is_refused(data, error, sentence):
    with pytest.raises(error, match=sentence):
        Alphabet.of(data)


@pytest.mark.parametrize(
    ("fitted", "given_", "sentence"),
    [
        (["ab"], [("a",)], r"fitted on strings, got tuples of tokens"),
        ([("a",)], ["ab"], r"fitted on tuples of tokens, got strings"),
    ],
)
def test_the_other_kind_of_sequence_is_refused(fitted, given_, sentence):
    with pytest.raises(TypeError, match=sentence):
        Alphabet.of(fitted).encode(given_)


@pytest.mark.parametrize("data", [["ab", "b", "za"], [("a", "b"), ("b",), ("z", "a")]])
def test_an_unknown_symbol_is_named_with_its_place(data):
    with pytest.raises(ValueError, match=r"sequence 2, position 0: symbol 'z' was never seen in training"):
        Alphabet.of(data[:2]).encode(data)
    with pytest.raises(ValueError, match=r"sequence 2, position 1: symbol 'z' was never seen in training"):
        Alphabet.of(data[:2]).encode([*data[:2], data[2][::-1]])
