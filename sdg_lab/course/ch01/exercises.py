"""Chapter 01: what its notebook's header says, and its exercises."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, expect_rows_sum_to_one
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.metrics.likelihood import nats_per_symbol
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.markov.stationary import stationary_distribution

Floats = NDArray[np.float64]

CHAPTER = Chapter(
    number="01",
    title="Markov chains",
    builds="A generator of names, melodies and weather that is nothing but a table of counts: its sampler, its exact "
    "likelihood, three ways to believe in what was never seen, and a measure of what it copies.",
    read_first="Chapter 00.",
    papers=(
        Paper(
            "A Mathematical Theory of Communication",
            "Shannon",
            1948,
            "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x",
        ),
        Paper(
            "The zero-frequency problem: estimating the probabilities of novel events in adaptive text compression",
            "Witten and Bell",
            1991,
            "https://doi.org/10.1109/18.87000",
        ),
        Paper(
            "Improved backing-off for M-gram language modeling",
            "Kneser and Ney",
            1995,
            "https://doi.org/10.1109/ICASSP.1995.479394",
        ),
        Paper(
            "An empirical study of smoothing techniques for language modeling",
            "Chen and Goodman",
            1999,
            "https://doi.org/10.1006/csla.1999.0128",
        ),
    ),
)


def _row_sums(matrix: Floats) -> Floats:
    sums: Floats = matrix.sum(axis=1, keepdims=True)
    return sums


def _expect_shape(got: Any, shape: tuple[int, ...], what: str, case: str) -> None:
    if np.shape(got) != shape:
        raise Wrong(f"{what} for {case}: expected shape {shape}, got {np.shape(got)}")


_NAMES = ["anna", "hannah", "nan", "ana", "han", "hana", "aaan"]
_SYMBOLS = "·ahn"

# Exercise: counts.


def count_transitions(names: list[str], symbols: str) -> NDArray[np.int64]:
    """Count how often each symbol follows each other one; the boundary, code 0, stands before and after each name."""
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    counts = np.zeros((len(symbols), len(symbols)), dtype=np.int64)
    for name in names:
        codes = [0, *(code_of[letter] for letter in name), 0]
        for now, after in pairwise(codes):
            counts[now, after] += 1
    return counts


def _check_counts(answer: Answer) -> None:
    for names, symbols in ((["ab", "b"], "·ab"), (_NAMES, _SYMBOLS)):
        case = f"the names {names}"
        pairs = Counter(pair for name in names for pair in pairwise(f"·{name}·"))
        want = np.array([[pairs[now, after] for after in symbols] for now in symbols])
        got = np.asarray(answer(list(names), symbols))
        if got.shape == want.shape:
            _name_miscounts(got, want, names)
        expect_close(got, want, what="the counts", case=case)


def _name_miscounts(got: NDArray[np.int64], want: NDArray[np.int64], names: list[str]) -> None:
    if np.array_equal(got, want):
        return
    if np.array_equal(got, want.T):
        raise Wrong("the counts are transposed: the row is the symbol now, the column the one that follows")
    if np.array_equal(got, np.minimum(want, 1)):
        raise Wrong(
            "every count is 0 or 1: a pair that occurs twice must count 2 (did you write = 1, or index with +=?)"
        )
    for place, total in (("row 0, how names begin,", got[0].sum()), ("column 0, how names end,", got[:, 0].sum())):
        if total != len(names):
            raise Wrong(
                f"{place} sums to {total}, but there are {len(names)} names: put the boundary before and after each"
            )


def _without_start(names: list[str], symbols: str) -> NDArray[np.int64]:
    counts = count_transitions(names, symbols)
    counts[0] = 0
    return counts


def _without_end(names: list[str], symbols: str) -> NDArray[np.int64]:
    counts = count_transitions(names, symbols)
    counts[:, 0] = 0
    return counts


def _fancy_index(names: list[str], symbols: str) -> NDArray[np.int64]:
    codes = [symbols.index(letter) for letter in "·" + "·".join(names) + "·"]
    counts = np.zeros((len(symbols), len(symbols)), dtype=np.int64)
    counts[codes[:-1], codes[1:]] += 1  # numpy adds once for each distinct index pair
    return counts


# Exercise: nats a character.


def nats_per_character(matrix: Floats, symbols: str, names: list[str]) -> float:
    """Return the mean of -log P over every transition of every name, its end included."""
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    surprise = [
        -math.log(matrix[code_of[now], code_of[after]]) for name in names for now, after in pairwise(f"·{name}·")
    ]
    return sum(surprise) / len(surprise)


def _check_nats(answer: Answer) -> None:
    for alpha, names in ((1.0, _NAMES), (0.1, ["a", "hannahannah"])):
        model = MarkovChain(1, "add", alpha=alpha).fit(_NAMES)
        log_prob, lengths = model.log_prob(names), np.array([len(name) for name in names])
        want = nats_per_symbol(log_prob, lengths + 1)
        got = answer(model.transition_matrix(), _SYMBOLS, list(names))
        case = f"the names {names}"
        for mistake, sentence in (
            (-want, "its sign is turned: surprise is -log P, and positive"),
            (want / math.log(2), "it is in bits: take the natural logarithm"),
            (math.exp(want), "it is the perplexity: leave out the exponential"),
            (-log_prob.mean(), "it is the mean over names: divide by the number of transitions"),
            (
                -log_prob.sum() / lengths.sum(),
                "it divides by the letters alone: the end of each name is predicted, too",
            ),
            (
                float(np.mean(-log_prob / (lengths + 1))),
                "it is a mean of means: a long name must weigh more than a short one",
            ),
        ):
            if np.shape(got) == () and np.isclose(got, mistake, rtol=1e-9) and not np.isclose(want, mistake, rtol=1e-9):
                raise Wrong(f"the nats per character for {case}: {sentence}")
        expect_close(got, want, what="the nats per character", case=case)


def _bits(matrix: Floats, symbols: str, names: list[str]) -> float:
    return nats_per_character(matrix, symbols, names) / math.log(2)


def _mean_over_names(matrix: Floats, symbols: str, names: list[str]) -> float:
    return float(np.mean([nats_per_character(matrix, symbols, [name]) for name in names]))


def _end_not_counted(matrix: Floats, symbols: str, names: list[str]) -> float:
    letters = sum(map(len, names))
    return nats_per_character(matrix, symbols, names) * (letters + len(names)) / letters


def _turned_sign(matrix: Floats, symbols: str, names: list[str]) -> float:
    return -nats_per_character(matrix, symbols, names)


# Exercise: add-alpha smoothing.


def add_alpha(counts: Floats, alpha: float) -> Floats:
    """Return (c + α) / (n + α V), with n the sum of a row and V its length."""
    totals = counts.sum(axis=1, keepdims=True)
    smoothed: Floats = (counts + alpha) / (totals + alpha * counts.shape[1])
    return smoothed


def _check_smoothing(answer: Answer) -> None:
    counts = [[0, 3, 1], [7, 0, 0], [0, 0, 0]]  # the last context was never seen
    for alpha in (Fraction(1), Fraction(1, 4)):
        want = [[float((c + alpha) / (sum(row) + alpha * len(row))) for c in row] for row in counts]
        got = answer(np.array(counts, dtype=float), float(alpha))
        case = f"alpha = {float(alpha)}"
        _expect_shape(got, (3, 3), "the smoothed matrix", case)
        expect_rows_sum_to_one(got, what="the smoothed matrix", case=case)
        if np.allclose(np.asarray(got)[:2], [[c / sum(row) for c in row] for row in counts[:2]]):
            raise Wrong(f"{case}: rows with data are not smoothed at all; α is added to every count")
        expect_close(got, want, what="the smoothed matrix (α is added to counts, not to probabilities)", case=case)


def _no_alpha_below(counts: Floats, alpha: float) -> Floats:
    return (counts + alpha) / np.maximum(_row_sums(counts), 1)


def _alpha_added_to_probabilities(counts: Floats, alpha: float) -> Floats:
    probability = counts / np.maximum(_row_sums(counts), 1) + alpha
    return probability / _row_sums(probability)


def _columns(counts: Floats, alpha: float) -> Floats:
    return (counts + alpha) / _row_sums((counts + alpha).T).T


def _only_empty_rows(counts: Floats, alpha: float) -> Floats:
    filled = np.where(_row_sums(counts) == 0, alpha, counts)
    return filled / _row_sums(filled)


# Exercise: Witten-Bell.


def witten_bell(counts: Floats, shorter: Floats) -> Floats:
    """Return (c + T P_shorter) / (n + T): n symbols were seen after the context, T of them different."""
    types = np.count_nonzero(counts)
    if types == 0:
        return shorter
    mixed: Floats = (counts + types * shorter) / (counts.sum() + types)
    return mixed


def _check_witten_bell(answer: Answer) -> None:
    chain, unigram = MarkovChain(1, "witten-bell").fit(_NAMES), MarkovChain(0).fit(_NAMES)
    shorter = unigram.next_distribution()
    for code, symbol in enumerate(_SYMBOLS[1:], start=1):
        followers = Counter(after for name in _NAMES for now, after in pairwise(f"·{name}·") if now == symbol)
        counts = np.array([followers[after] for after in _SYMBOLS], dtype=float)
        got = answer(counts, shorter)
        case = f"what follows {symbol!r}, counts {counts.astype(int).tolist()}"
        _expect_shape(got, (len(_SYMBOLS),), "the distribution", case)
        if np.allclose(got, counts / counts.sum()):
            raise Wrong(f"{case}: the shorter context has no say; give it the share T / (n + T)")
        if (np.asarray(got)[counts > 0] == (counts / (counts.sum() + np.count_nonzero(counts)))[counts > 0]).all():
            raise Wrong(
                f"{case}: symbols that were seen must get their part of the shorter distribution, too (interpolate)"
            )
        expect_rows_sum_to_one(got, what="the distribution", case=case)
        want = chain.transition_matrix()[code]
        expect_close(got, want, what="the distribution (T is the number of different symbols seen)", case=case)
    unseen = answer(np.zeros(len(_SYMBOLS)), shorter)
    expect_close(unseen, shorter, what="the distribution after a context that was never seen")


def _all_symbols_as_types(counts: Floats, shorter: Floats) -> Floats:
    mixed: Floats = (counts + len(counts) * shorter) / (counts.sum() + len(counts))
    return mixed


def _shares_swapped(counts: Floats, shorter: Floats) -> Floats:
    n, types = counts.sum(), np.count_nonzero(counts)
    mixed: Floats = (types * counts / max(n, 1) + n * shorter) / (n + types) if types else shorter
    return mixed


def _back_off(counts: Floats, shorter: Floats) -> Floats:
    types = np.count_nonzero(counts)
    filled: Floats = np.where(counts > 0, counts, types * shorter) / (counts.sum() + types)
    return filled


def _unseen_divides_by_zero(counts: Floats, shorter: Floats) -> Floats:
    types = np.count_nonzero(counts)
    with np.errstate(invalid="ignore"):
        mixed: Floats = (counts + types * shorter) / (counts.sum() + types)
    return mixed


# Exercise: the stationary distribution.


def _check_stationary(answer: Answer) -> None:
    a, b = 0.1, 0.3
    cases = (
        ("two states", np.array([[1 - a, a], [b, 1 - b]]), np.array([b, a]) / (a + b)),
        ("a chain of names", MarkovChain(1).fit(_NAMES).transition_matrix(), _shares()),
    )
    for case, matrix, want in cases:
        got = np.asarray(answer(matrix))
        _expect_shape(got, want.shape, "the stationary distribution", case)
        if np.isrealobj(got) and np.allclose(got / got.sum(), np.full(len(want), 1 / len(want))):
            raise Wrong(f"{case}: all states alike is the right eigenvector; π P = π asks for the left one (of P.T)")
        expect_rows_sum_to_one(np.real_if_close(got), what="the stationary distribution", case=case)
        expect_close(got, want, what="the stationary distribution", case=case)


def _shares() -> Floats:
    """Return the share of each symbol in all that is written, which the unsmoothed chain of order 1 keeps."""
    counts = Counter("".join(f"·{name}" for name in _NAMES))
    return np.array([counts[symbol] / counts.total() for symbol in _SYMBOLS])


def _right_eigenvector(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eig(matrix)
    vector = vectors[:, np.argmax(values.real)].real
    scaled: Floats = vector / vector.sum()
    return scaled


def _unit_length(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eig(matrix.T)
    vector: Floats = np.abs(vectors[:, np.argmax(values.real)].real)
    return vector


def _too_few_steps(matrix: Floats) -> Floats:
    row: Floats = np.linalg.matrix_power(matrix, 2)[0]
    return row


EXERCISES = (
    Exercise(
        key="01.counts",
        title="Counting transitions",
        task="Count how often each symbol follows each other one, with the boundary before and after every name.",
        points=2,
        minutes=10,
        hints=(
            "Write down on paper which pairs the name `ab` has. There are three.",
            "Put code 0 in front of the codes of a name and behind them; then every two neighbours are one transition.",
            "`for now, after in zip(codes, codes[1:]): counts[now, after] += 1`",
        ),
        reference=count_transitions,
        check=_check_counts,
        wrong=(
            WrongAnswer("forgets how names begin", _without_start, says="row 0, how names begin, sums to 0"),
            WrongAnswer("forgets how names end", _without_end, says="column 0, how names end, sums to 0"),
            WrongAnswer("swaps row and column", lambda n, s: count_transitions(n, s).T, says="transposed"),
            WrongAnswer("adds with a fancy index", _fancy_index, says="every count is 0 or 1"),
        ),
    ),
    Exercise(
        key="01.nats",
        title="Nats per character",
        task="Return the mean surprise, -log P, of all transitions of all names, their ends included.",
        points=2,
        minutes=10,
        hints=(
            "Collect one number a transition, over all names, before you average anything.",
            "A name of n letters has n + 1 transitions: the first leaves the boundary, the last returns to it.",
            "`surprise.append(-np.log(matrix[now, after]))`, then `np.mean(surprise)`.",
        ),
        reference=nats_per_character,
        check=_check_nats,
        wrong=(
            WrongAnswer("takes the logarithm to base 2", _bits, says="it is in bits"),
            WrongAnswer("averages over names", _mean_over_names, says="a mean of means"),
            WrongAnswer("divides by the letters only", _end_not_counted, says="the end of each name"),
            WrongAnswer("forgets the minus", _turned_sign, says="sign is turned"),
        ),
    ),
    Exercise(
        key="01.smoothing",
        title="Add-α smoothing",
        task="Turn counts into probabilities, with α added to every count.",
        points=1,
        minutes=5,
        hints=(
            "Every row must sum to 1, a row without any count as well.",
            "If every one of V counts grows by α, by how much does the sum of the row grow?",
            "`keepdims=True` keeps the sum of each row a column, so that the division goes along the rows.",
        ),
        reference=add_alpha,
        check=_check_smoothing,
        wrong=(
            WrongAnswer("forgets α V in the denominator", _no_alpha_below, says="row 0 sums to"),
            WrongAnswer("adds α to the probabilities", _alpha_added_to_probabilities, says="not to probabilities"),
            WrongAnswer("divides the columns", _columns, says="row 0 sums to"),
            WrongAnswer("fills only the empty rows", _only_empty_rows, says="not smoothed at all"),
        ),
    ),
    Exercise(
        key="01.witten_bell",
        title="Witten-Bell smoothing",
        task="Mix what was counted after a context with the shorter context's distribution, as Witten and Bell do.",
        points=3,
        minutes=15,
        hints=(
            "n symbols were seen after the context, T of them different. T / (n + T) goes to the shorter context.",
            "Every symbol gets a part from both: from its count, and from the shorter distribution.",
            "`(counts + T * shorter) / (n + T)`; and what if n = 0?",
        ),
        reference=witten_bell,
        check=_check_witten_bell,
        wrong=(
            WrongAnswer(
                "takes the whole alphabet for T", _all_symbols_as_types, says="number of different symbols seen"
            ),
            WrongAnswer("swaps the two shares", _shares_swapped, says="number of different symbols seen"),
            WrongAnswer("backs off only where nothing was seen", _back_off, says="interpolate"),
            WrongAnswer("divides 0 by 0", _unseen_divides_by_zero, says="never seen.*nan, which is not finite"),
        ),
    ),
    Exercise(
        key="01.stationary",
        title="The stationary distribution",
        task="Return the distribution that one more step of the chain does not change.",
        points=2,
        minutes=10,
        hints=(
            "π P = π says that π is a left eigenvector of P with eigenvalue 1.",
            "numpy knows right eigenvectors only; the left ones of P are the right ones of `P.T`.",
            "An eigenvector has any length and sign; probabilities sum to 1.",
        ),
        reference=stationary_distribution,
        check=_check_stationary,
        wrong=(
            WrongAnswer("takes the right eigenvector", _right_eigenvector, says="right eigenvector"),
            WrongAnswer("leaves the vector at length 1", _unit_length, says="sum to .*, not to 1"),
            WrongAnswer(
                "takes two steps for forever", _too_few_steps, says="the stationary distribution for .*expected"
            ),
            WrongAnswer(
                "averages the rows", lambda matrix: matrix.mean(axis=0), says="the stationary distribution for"
            ),
        ),
    ),
)
