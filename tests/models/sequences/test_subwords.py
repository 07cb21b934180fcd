"""Tokens that are pieces of words: learnt as tokenizers learns them, cut so that nothing is lost."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from sdg_lab.models.sequences.subwords import PIECE, Subwords

TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,\n"
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light,\n\n"
    "it was the season of Darkness; in 1775, and 1775 again. We had everything before us, we had nothing before us."
)


def recounted(text: str, size: int) -> tuple[str, ...]:
    """Learn tokens by counting all pairs anew before each merge."""
    tokens = sorted(set(text))
    pieces = [list(piece) for piece in PIECE.findall(text)]
    while len(tokens) < size:
        counts = Counter(pair for piece in pieces for pair in pairwise(piece))
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        tokens += [] if "".join(best) in tokens else ["".join(best)]
        for piece in pieces:
            place = 0
            while place < len(piece) - 1:
                if (piece[place], piece[place + 1]) == best:
                    piece[place : place + 2] = ["".join(best)]
                place += 1
    return tuple(tokens)


@pytest.mark.parametrize("size", [50, 70, 200])
def test_the_running_counts_are_those_of_counting_anew(size: int) -> None:
    assert Subwords.learn(TEXT, size).tokens == recounted(TEXT, size)


def test_it_learns_as_tokenizers_does() -> None:
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE.pattern), "isolated")
    theirs.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=70, show_progress=False))
    # Equally common pairs come in another order there, so not all tokens are the same, but they cut as short.
    ours = Subwords.learn(TEXT, 70)
    assert theirs.get_vocab_size() == 70
    assert len(ours.encode(TEXT)) == pytest.approx(len(theirs.encode(TEXT).ids), rel=0.02)
    assert {" was", " the", " of"} <= set(theirs.get_vocab()) & set(ours.tokens)


def test_the_commonest_pair_is_merged_first_and_ties_in_alphabetical_order() -> None:
    assert Subwords.learn("xyxyxy ab ab cd cd", 8).tokens == (" ", "a", "b", "c", "d", "x", "y", "xy")
    assert Subwords.learn("abab ab cdcd cd", 6).tokens[-1] == "ab"
    assert Subwords.learn("aaaa", 9).tokens == ("a", "aa")  # "aaaa" occurs once


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.integers(0, 30))
def test_nothing_is_lost_by_cutting(text: str, more: int) -> None:
    subwords = Subwords.learn(text, len(set(text)) + more)
    assert "".join(subwords.encode(text)) == text
    assert set(subwords.encode(text)) <= set(subwords.tokens)


def test_the_longest_token_is_taken_and_no_token_reaches_beyond_a_word() -> None:
    subwords = Subwords(("a", "b", " ", " a", "ab", "aba", "b a"))
    assert subwords.encode("abab ab a") == ("aba", "b", " a", "b", " a")


def test_the_tokens_alone_cut_as_the_learner_does() -> None:
    learnt = Subwords.learn(TEXT, 80)
    assert Subwords(tuple(sorted(learnt.tokens))).encode(TEXT) == learnt.encode(TEXT)
    assert len(learnt.encode(TEXT)) < 0.6 * len(TEXT)


def test_refusals_say_what_and_where() -> None:
    with pytest.raises(ValueError, match="character 3, 'z', is no token"):
        Subwords.learn("ab ba", 5).encode("ab zab")
    with pytest.raises(
        ValueError, match="size, which counts the text's different characters too, must be a whole number >= 3, got 2"
    ):
        Subwords.learn("abc", 2)
    with pytest.raises(ValueError, match="the text is empty"):
        Subwords.learn("", 5)
    with pytest.raises(ValueError, match="tokens must be different and not empty"):
        Subwords(("a", "a"))
    with pytest.raises(ValueError, match=r"tokens must be several values, such as \['ab'\], got 'ab'"):
        Subwords("ab")  # type: ignore[arg-type]
