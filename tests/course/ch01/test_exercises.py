"""Chapter 01: its references against the library, nltk and linear algebra; and right answers of another making."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import null_space

from sdg_lab.course.ch01.exercises import (
    add_alpha,
    count_transitions,
    nats_per_character,
    stationary,
    witten_bell_step,
)
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import WHEN_GRADING, verdict
from sdg_lab.metrics.likelihood import nats_per_symbol
from sdg_lab.models.markov import MarkovChain

NAMES = ["anna", "hannah", "nan", "ana", "han", "hana", "aaan"]
SYMBOLS = "·ahn"
EVENTS = [[(symbol,) for symbol in f"{name}·"] + list(pairwise(f"·{name}·")) for name in NAMES]


def _matrix(chain):
    contexts = ("", *chain.symbols[1:])  # the boundary, then the letters
    return np.stack([chain.next_distribution(context) for context in contexts])


@given(st.lists(st.text("ahn", min_size=1), min_size=1))
def test_counts_are_the_chain_s(names):
    counts = count_transitions(names, SYMBOLS)
    assert counts.sum() == sum(len(name) + 1 for name in names)
    chain = MarkovChain(1).fit(names)
    codes = [SYMBOLS.index(symbol) for symbol in chain.symbols]
    seen = counts[np.ix_(codes, codes)]
    np.testing.assert_allclose(seen / seen.sum(axis=1, keepdims=True), _matrix(chain))


def test_nats_are_the_library_s():
    chain = MarkovChain(1, "add", alpha=0.5).fit(NAMES)
    want = nats_per_symbol(chain.log_prob(NAMES[:4]), [len(name) + 1 for name in NAMES[:4]])
    assert nats_per_character(_matrix(chain), "".join(chain.symbols), NAMES[:4]) == pytest.approx(want)


def test_smoothing_is_the_chain_s():
    chain = MarkovChain(1, "add", alpha=0.3).fit(NAMES)
    counts = count_transitions(NAMES, "".join(chain.symbols))
    np.testing.assert_allclose(add_alpha(counts, 0.3), _matrix(chain))


def test_witten_bell_is_that_of_nltk():
    from nltk.lm import WittenBellInterpolated

    model = WittenBellInterpolated(2)
    model.fit(EVENTS, vocabulary_text=SYMBOLS)
    unigram = np.array([model.unmasked_score(symbol) for symbol in SYMBOLS])
    theirs = [[model.unmasked_score(after, (now,)) for after in SYMBOLS] for now in SYMBOLS]
    counts = count_transitions(NAMES, SYMBOLS)
    np.testing.assert_allclose([witten_bell_step(row, unigram) for row in counts], theirs)


@given(st.integers(2, 9), st.integers(0, 9))
def test_the_stationary_distribution_spans_the_kernel(n, seed):
    matrix = np.random.default_rng(seed).dirichlet(np.ones(n), size=n)
    kernel = null_space(matrix.T - np.eye(n))[:, 0]
    np.testing.assert_allclose(stationary(matrix), kernel / kernel.sum(), atol=1e-9)


def by_counter(names, symbols):
    pairs = Counter(pair for name in names for pair in pairwise(f"·{name}·"))
    return [[pairs[now, after] for after in symbols] for now in symbols]


def by_add_at(names, symbols):
    codes = {symbol: code for code, symbol in enumerate(symbols)}
    pairs = [(codes[a], codes[b]) for name in names for a, b in pairwise(f"·{name}·")]
    counts = np.zeros((len(symbols),) * 2, dtype=np.float32)
    if pairs:
        np.add.at(counts, tuple(np.array(pairs).T), 1)
    return counts


def nats_in_torch(matrix, symbols, names):
    logs = -torch.as_tensor(matrix).log()
    counts = torch.as_tensor(count_transitions(names, symbols))
    return (logs * counts)[counts > 0].sum() / counts.sum()


def smoothed_exactly(counts, alpha):
    alpha = Fraction(alpha)
    rows = [[Fraction(float(c)) + alpha for c in row] for row in counts]
    return [[c / sum(row) for c in row] for row in rows]


def smoothed_by_rows(counts, alpha):
    for row in counts:
        yield (row + alpha) / (row + alpha).sum()


def interpolated(counts, shorter):
    types = sum(c > 0 for c in counts)
    total = sum(counts)
    share = types / (types + total) if total else 1.0
    return [(1 - share) * c / max(total, 1) + share * p for c, p in zip(counts, shorter, strict=True)]


def by_least_squares(matrix):
    n = len(matrix)
    equations = np.vstack([matrix.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(equations, np.append(np.zeros(n), 1), rcond=None)[0]


def by_lazy_powers(matrix):
    """A chain that stays where it is half of the time has no rhythm, and ends up in the same place."""
    return np.linalg.matrix_power((matrix.astype(float) + np.eye(len(matrix))) / 2, 10**6)[:1].mean(axis=0)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("01.counts", by_counter),
        ("01.counts", by_add_at),
        ("01.nats", nats_in_torch),
        ("01.smoothing", smoothed_exactly),
        ("01.smoothing", smoothed_by_rows),
        ("01.witten_bell", interpolated),
        ("01.stationary", by_least_squares),
        ("01.stationary", by_lazy_powers),
    ],
)
def test_right_answers_of_another_making_pass(key, answer):
    result = verdict(registry.find(key), answer, seed=WHEN_GRADING)
    assert result.status == "passed", result


@pytest.mark.slow
@pytest.mark.parametrize("choose", [lambda values: 0, lambda values: np.argmax(np.abs(values))])
def test_an_eigenvector_that_is_right_by_luck_is_refused_whatever_the_seed(choose) -> None:
    def answer(matrix):
        values, vectors = np.linalg.eig(matrix.T)
        vector = vectors[:, choose(values)].real
        return vector / vector.sum()

    exercise = registry.find("01.stationary")
    assert {verdict(exercise, answer, seed=seed).status for seed in range(6)} == {"failed"}
