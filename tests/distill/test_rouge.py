"""ROUGE-L: the package that everybody quotes, a plain LCS, and texts of any kind."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from sdg_lab.distill.rouge import FIRST_LOOK, Texts, lcs_length, rouge_l, similar_pairs, words

SCORER = RougeScorer(["rougeL"])

few_words = st.lists(st.sampled_from(["a", "b", "c", "dog", "ß", "7", "don't", "-"]), max_size=12).map(" ".join)
any_text = few_words | st.text(max_size=40)


def theirs(first: str, second: str) -> float:
    return float(SCORER.score(first, second)["rougeL"].fmeasure)


def long_text(rng: random.Random, length: int) -> str:
    return " ".join(rng.choices("abcdefghij", k=length))


class TestOnePair:
    @given(any_text, any_text)
    def test_as_rouge_score_has_it(self, first: str, second: str):
        assert rouge_l(first, second) == pytest.approx(theirs(first, second), abs=1e-12)

    def test_by_hand(self):
        assert words("Don't say 'Ärger', 2 times!") == ["don", "t", "say", "rger", "2", "times"]
        assert lcs_length("abcbdab", "bdcaba") == 4  # the textbook's: bcba
        assert rouge_l("write a poem about rain", "Write a song about rain.") == 2 * 4 / 10

    @given(st.lists(st.integers(0, 3), max_size=9), st.lists(st.integers(0, 3), max_size=9))
    def test_a_subsequence_is_no_longer_than_either_and_reads_the_same_backwards(self, a: list[int], b: list[int]):
        assert 0 <= lcs_length(a, b) <= min(len(a), len(b))
        assert lcs_length(a, b) == lcs_length(b, a) == lcs_length(a[::-1], b[::-1])
        assert lcs_length(a, a) == len(a)


class TestManyAtOnce:
    @given(any_text, st.lists(any_text, max_size=8))
    def test_the_fast_one_equals_the_plain_one(self, text: str, others: list[str]):
        pool = Texts(others)
        plain = np.array([rouge_l(text, other) for other in others])
        assert pool.scores(text).tolist() == plain.tolist()
        best, place = pool.nearest(text)
        assert best == plain.max(initial=0)
        assert place == (int(plain.argmax()) if best > 0 else -1)
        found, f = pool.similar(text, 0.7)
        assert found.tolist() == np.flatnonzero(plain >= 0.7).tolist()
        assert f.tolist() == plain[plain >= 0.7].tolist()

    @pytest.mark.parametrize("length", [63, 64, 65, 127, 128, 129, 200])
    def test_long_texts_carry_from_one_number_to_the_next(self, length: int):
        rng = random.Random(length)
        text, others = long_text(rng, length), [long_text(rng, n) for n in (1, 30, 63, 64, 65, 150, 300)]
        others += [text, text[: len(text) // 2], "a " * 200]
        assert Texts(others).scores(text).tolist() == [rouge_l(text, other) for other in others]

    def test_a_carry_passes_through_a_number_without_a_match(self):
        text = f"a {'x ' * 150}a"  # both a's are in one run of ones, 150 words long: one a matches one of them
        others = ["a", "a a", "a a a", "a x a", "x a x"]
        assert (Texts(others).scores(text) * [153, 154, 155, 155, 155] / 2).round(9).tolist() == [1, 2, 2, 3, 2]

    def test_the_bound_loses_nothing_where_there_are_many(self):
        rng = random.Random(0)
        others = [long_text(rng, rng.randint(1, 20)) for _ in range(10 * FIRST_LOOK)]
        pool = Texts(others)
        for _ in range(20):
            text = long_text(rng, rng.randint(1, 20))
            plain = [rouge_l(text, other) for other in others]
            assert pool.nearest(text) == (max(plain), plain.index(max(plain)))
            high, place = pool.nearest(text, threshold=0.95)
            assert (high, place) == ((max(plain), plain.index(max(plain))) if max(plain) >= 0.95 else (0.0, -1))

    def test_texts_that_come_later_count_too(self):
        pool = Texts()
        assert len(pool) == 0
        assert pool.nearest("one two") == (0.0, -1)
        assert pool.scores("one two").shape == (0,)
        for number in range(300):  # past every first size
            pool.add(f"number {number} of these")
        pool.add("")
        pool.add("one two three")
        assert len(pool) == 302
        assert pool.nearest("one two") == (0.8, 301)
        assert pool.nearest("number 7 of these") == (1.0, 7)
        assert pool.nearest("") == (0.0, -1)

    def test_seven_of_ten_reach_a_threshold_of_0_7(self):
        first, second = "a b c d e f g x y z", "a b c d e f g p q r"
        assert Texts([first]).similar(second, 0.7)[1].tolist() == [0.7]
        assert Texts([first]).nearest(second, threshold=0.7) == (0.7, 0)

    def test_all_pairs_of_two_lists(self):
        rng = random.Random(1)
        first, second = ([long_text(rng, 6) for _ in range(30)] for _ in range(2))
        places, f = similar_pairs(first, second, 0.5)
        wanted = [(i, j) for i in range(30) for j in range(30) if rouge_l(first[i], second[j]) >= 0.5]
        assert [tuple(pair) for pair in places.tolist()] == wanted
        assert f.tolist() == [rouge_l(first[i], second[j]) for i, j in wanted]
        assert len(wanted) > 10
        assert similar_pairs([], second, 0.5)[0].shape == (0, 2)

    @pytest.mark.parametrize("threshold", [0, -0.1, 1.5, float("nan"), "0.7"])
    def test_a_threshold_out_of_range_is_refused(self, threshold: float):
        with pytest.raises(ValueError, match="threshold must be > 0 and <= 1, got"):
            similar_pairs([], [], threshold)
        with pytest.raises(ValueError, match="threshold must be > 0 and <= 1, got"):
            Texts().similar("a", threshold)
        if threshold != 0:
            with pytest.raises(ValueError, match="threshold must be >= 0 and <= 1, got"):
                Texts().nearest("a", threshold=threshold)
