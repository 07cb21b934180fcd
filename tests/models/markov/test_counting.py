"""The plain counting chain by hand, and the fast chain against it: the same probabilities, the same samples."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.markov import CountingChain, MarkovChain
from sdg_lab.models.sequences.alphabet import Sequences

TINY = ["ab", "abba", "b", "aab", "ab", "bb"]
TOKENS = [("the", "cat", "sat"), ("the", "dog", "sat", "down"), ("a", "cat", "ran"), ("·", "cat", "")]


def fast(order: int, alpha: float, data: Sequences) -> MarkovChain:
    return (MarkovChain(order, "add", alpha=alpha) if alpha else MarkovChain(order)).fit(data)


def test_counts_and_probabilities_by_hand():
    chain = CountingChain(order=1).fit(["ab", "b", "ab"])
    assert chain.counts == {(None,): {"a": 2, "b": 1}, ("a",): {"b": 2}, ("b",): {None: 3}}
    assert chain.probability("a", (None,)) == 2 / 3
    assert chain.probability("a", ("b",)) == 0
    np.testing.assert_allclose(chain.log_prob(["ab", "ba"]), [math.log(2 / 3), -math.inf], rtol=1e-15)


def test_add_alpha_by_hand():
    chain = CountingChain(order=2, alpha=0.5).fit(["ab", "b", "ab"])
    assert chain.probability("b", (None, "a")) == (2 + 0.5) / (2 + 0.5 * 3)
    assert chain.probability("b", ("b", "b")) == pytest.approx(1 / 3)  # never seen: all symbols alike


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=12),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.data(),
)
def test_the_fast_chain_has_the_same_probabilities(words, order, alpha, data):
    letters = "".join(sorted(set("".join(words))))
    asked = data.draw(st.lists(st.text(letters, max_size=7), min_size=1, max_size=8))
    plain, quick = CountingChain(order, alpha).fit(words), fast(order, alpha, words)
    np.testing.assert_allclose(quick.log_prob(asked), plain.log_prob(asked), rtol=1e-12)
    for context, seen in plain.counts.items():
        before = "".join(symbol for symbol in context if symbol is not None)
        want = [plain.probability(symbol, context) for symbol in plain.symbols]
        np.testing.assert_allclose(quick.next_distribution(before), want, rtol=1e-12)
        assert seen.total() > 0


@pytest.mark.parametrize("order", [0, 1, 3])
def test_tokens_are_symbols_and_none_is_taken_for_the_edge(order):
    np.testing.assert_allclose(
        fast(order, 0.5, TOKENS).log_prob(TOKENS), CountingChain(order, 0.5).fit(TOKENS).log_prob(TOKENS), rtol=1e-12
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("order", [0, 2])
def test_the_fast_chain_draws_the_same_samples_in_distribution(order, alpha):
    n = 6000
    ours = Counter(fast(order, alpha, TINY).sample(n, seed=0))
    theirs = Counter(CountingChain(order, alpha).fit(TINY).sample(n, seed=1))
    common = [word for word in ours | theirs if ours[word] + theirs[word] >= 20]
    rows = [[counts[word] for word in common] for counts in (ours, theirs)]
    rest = [n - sum(row) for row in rows]
    if min(rest):
        rows = [[*row, left] for row, left in zip(rows, rest, strict=True)]
    assert chi2_contingency(rows).pvalue > 1e-3


@pytest.mark.parametrize("data", [TINY, TOKENS])
def test_samples_have_the_type_of_the_data_and_follow_the_seed(data):
    chain = CountingChain(2).fit(data)
    samples = chain.sample(20, seed=3)
    assert {type(sample) for sample in samples} == {type(data[0])}
    assert samples == chain.sample(20, seed=3) != chain.sample(20, seed=4)


def test_without_smoothing_a_long_memory_repeats_its_training_data():
    assert set(CountingChain(4).fit(TINY).sample(300, seed=0)) == set(TINY)


def test_bad_data_and_unseen_symbols_are_refused():
    with pytest.raises(TypeError, match="data must be a list of strings"):
        CountingChain().fit("abc")
    with pytest.raises(ValueError, match="sequence 1 is empty"):
        CountingChain().fit(["a", ""])
    with pytest.raises(ValueError, match="symbol 'c' was never seen in training"):
        CountingChain(1, 0.5).fit(TINY).log_prob(["abc"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"order": -1}, "order must be a whole number >= 0, got -1"),
        ({"order": "a"}, "order must be a whole number >= 0, got 'a'"),
        ({"alpha": -1}, "alpha must be >= 0, got -1"),
        ({"alpha": math.nan}, "alpha must be >= 0, got nan"),
    ],
    ids=str,
)
def test_arguments_out_of_range_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        CountingChain(**arguments)


def test_questions_that_cannot_be_answered_are_refused():
    chain = CountingChain(1).fit(TINY)
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1, got -3"):
        chain.sample(-3)
    with pytest.raises(ValueError, match=r"seed must be a whole number >= 0 and .*, got 1\.5"):
        chain.sample(1, seed=1.5)
    new = CountingChain()
    for ask in (lambda: new.sample(1), lambda: new.log_prob(TINY), lambda: new.probability("a", ())):
        with pytest.raises(NotFittedError, match=r"this CountingChain has not been fitted: call fit\(data\) first"):
            ask()


def test_an_interrupted_fit_leaves_the_chain_as_it_was():
    class Interrupted(list):
        def __iter__(self):
            yield from self[:1]
            raise KeyboardInterrupt

    chain = CountingChain(1).fit(TINY)
    before = chain.log_prob(TINY)
    with pytest.raises(KeyboardInterrupt):
        chain.fit(Interrupted(["xy", "yx"]))
    assert chain.log_prob(TINY) == before
