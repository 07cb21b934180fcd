"""Chapter 01: what its notebook's header says, and its exercises."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

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

SYMBOLS = "·ahn"
NAMES = ["anna", "hannah", "nan", "ana", "han", "hana", "aaan"]


def _random_names(rng: np.random.Generator, letters: str, number: int) -> list[str]:
    return ["".join(rng.choice(list(letters), size=rng.integers(1, 9))) for _ in range(number)]


def _shuffled(rng: np.random.Generator, letters: str) -> str:
    """Return the boundary, and the letters in an order that is not the alphabet's."""
    return "·" + "".join(rng.permutation(list(letters)))


# Counting transitions.


def count_transitions(names: list[str], symbols: str) -> NDArray[np.int64]:
    """Count each pair of neighbours; the boundary, code 0, is around every name."""
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    counts = np.zeros((len(symbols), len(symbols)), dtype=int)
    for name in names:
        codes = [0, *(code_of[letter] for letter in name), 0]
        for now, after in pairwise(codes):
            counts[now, after] += 1
    return counts


def _count_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(["ab", "b"], "·ab")
    yield Case(["anna", "anna", "ann"], "·na", name="a list with the name anna in it twice")
    yield Case(["a"], "·abc", name="symbols of which the names use only some")
    yield Case([], "·ab", name="no names at all")
    yield Case(["ab", "", "b", ""], "·ab", name="a list with empty names in it (the boundary follows the boundary)")
    for letters, number in (("abc", 5), ("elmnorst", 40), ("xyz", 12)):
        yield Case(_random_names(rng, letters, number), _shuffled(rng, letters))
    yield Case(["a" * 400, "b"], "·ab", name="a name of 400 letters")


def _one_transition_less(names: list[str], symbols: str, *, start: int = 0, stop: int | None = None) -> Any:
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    counts = np.zeros((len(symbols), len(symbols)))
    for name in names:
        for now, after in pairwise([0, *(code_of[letter] for letter in name), 0][start:stop]):
            counts[now, after] += 1
    return counts


def _fancy_index(names: list[str], symbols: str) -> Any:
    codes = [symbols.index(letter) for letter in "·" + "".join(f"{name}·" for name in names)]
    counts = np.zeros((len(symbols), len(symbols)))
    counts[codes[:-1], codes[1:]] += 1  # numpy adds once for each different pair
    return counts


def _across_names(names: list[str], symbols: str) -> Any:
    return _one_transition_less(["".join(names)], symbols)


def _own_alphabet(names: list[str], symbols: str) -> Any:
    return count_transitions(names, "·" + "".join(sorted(set("".join(names)))))


# Nats per character.


def nats_per_character(matrix: Floats, symbols: str, names: list[str]) -> float:
    """Return the mean of -log P(after | now) over every transition of every name."""
    code_of = {symbol: code for code, symbol in enumerate(symbols)}
    surprise = []
    for name in names:
        codes = [0, *(code_of[letter] for letter in name), 0]
        with np.errstate(divide="ignore"):  # the impossible surprises infinitely
            surprise += [-np.log(matrix[now, after]) for now, after in pairwise(codes)]
    return float(np.mean(surprise))


def _nats_cases(rng: np.random.Generator) -> Iterator[Case]:
    for letters, number, dtype in (("ab", 3, float), ("ahn", 7, np.float32), ("delmnorst", 30, float)):
        matrix = rng.dirichlet(np.ones(len(letters) + 1), size=len(letters) + 1).astype(dtype)
        yield Case(matrix, _shuffled(rng, letters), _random_names(rng, letters, number))
    matrix = rng.dirichlet(np.ones(4), size=4)
    yield Case(matrix, SYMBOLS, ["a", "a", "hannah", "a"], name="a list with the name a in it three times")
    yield Case(matrix, SYMBOLS, ["an" * 1000, "h"], name="a name of 2,000 letters (its probability is 0 in a computer)")
    impossible = matrix.copy()
    impossible[3, 1] = 0.0  # n → a
    yield Case(
        impossible,
        SYMBOLS,
        NAMES[:5],
        name="a transition of probability 0, whose surprise is infinite (np.log says so, math.log raises)",
    )


def _surprises(matrix: Any, symbols: str, names: list[str], tiny: float = 0.0) -> list[Any]:
    """Return the surprises of each name."""
    codes = [[0, *(symbols.index(letter) for letter in name), 0] for name in names]
    with np.errstate(divide="ignore"):
        return [-np.log(np.asarray(matrix, dtype=float)[row[:-1], row[1:]] + tiny) for row in codes]


def _all_surprises(matrix: Any, symbols: str, names: list[str]) -> Any:
    return np.concatenate(_surprises(matrix, symbols, names))


# Add-α smoothing.


def add_alpha(counts: Floats, alpha: float) -> Floats:
    """Return (c + α) / (n + α V), with n the sum of a row and V its length."""
    totals = counts.sum(axis=1, keepdims=True)
    smoothed: Floats = (counts + alpha) / (totals + alpha * counts.shape[1])
    return smoothed


def _smoothing_cases(rng: np.random.Generator) -> Iterator[Case]:
    unseen = np.array([[0.0, 3.0, 1.0], [7.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    yield Case(unseen, 1.0)
    yield Case(unseen, 0.25)
    yield Case(np.zeros((2, 2)), 0.5)
    for size, alpha, dtype in ((5, 3.0, float), (27, 0.01, np.float32), (2, 0.1, int), (40, 0.7, float)):
        yield Case(rng.poisson(2, size=(size, size)).astype(dtype), alpha)
    yield Case(1e6 * rng.random((4, 4)), 1e-3, name="counts near a million and a small α")
    for rows, length in ((1, 5), (7, 3)):
        name = f"some rows of a matrix, {rows}×{length} (V is the length of a row)"
        yield Case(rng.poisson(2, size=(rows, length)).astype(float), 0.5, name=name)


def _sums(matrix: Any, axis: int = 1) -> Any:
    return matrix.sum(axis=axis, keepdims=True)


def _smooth_probabilities(counts: Any, alpha: float) -> Any:
    probability = counts / np.maximum(_sums(counts), 1) + alpha
    return probability / _sums(probability)


def _smooth_empty_rows(counts: Any, alpha: float) -> Any:
    filled = np.where(_sums(counts) == 0, alpha, counts)
    return filled / _sums(filled)


# Witten-Bell smoothing.


def witten_bell_step(counts: Floats, shorter: Floats) -> Floats:
    """Return (c + T P_shorter) / (n + T): n symbols were seen, T of them different."""
    n, T = counts.sum(), np.count_nonzero(counts)
    if n == 0:
        return shorter
    mixed: Floats = (counts + T * shorter) / (n + T)
    return mixed


def _witten_bell_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(np.array([3.0, 1.0, 0.0]), np.array([0.2, 0.3, 0.5]))
    yield Case(np.array([2.0, 2.0, 2.0, 0.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    yield Case(np.array([0.0, 9.0]), np.array([0.5, 0.5]))
    for size, dtype in ((5, float), (27, np.float32), (12, float), (60, float)):
        yield Case(rng.poisson(1, size=size).astype(dtype), rng.dirichlet(np.ones(size)).astype(dtype))
    yield Case(np.array([4, 0, 1, 0]), rng.dirichlet(np.ones(4)), name="counts that are whole numbers, [4, 0, 1, 0]")
    for size in (3, 8):
        yield Case(np.zeros(size), rng.dirichlet(np.ones(size)), name="a context that was never seen")


def _mix(counts: Any, shorter: Any, types: Any) -> Any:
    return (counts + types * shorter) / max(counts.sum() + types, 1e-9)


def _back_off(counts: Any, shorter: Any) -> Any:
    types = np.count_nonzero(counts)
    return np.where(counts > 0, counts, types * shorter) / max(counts.sum() + types, 1)


def _shares_swapped(counts: Any, shorter: Any) -> Any:
    n, types = counts.sum(), np.count_nonzero(counts)
    return (types * counts / n + n * shorter) / (n + types) if n else shorter


def _unseen_divides_by_zero(counts: Any, shorter: Any) -> Any:
    types = np.count_nonzero(counts)
    return (counts + types * shorter) / (counts.sum() + types)


# The stationary distribution.


def stationary(matrix: Floats) -> Floats:
    """Return the left eigenvector for the eigenvalue 1, scaled to sum to 1."""
    values, vectors = np.linalg.eig(matrix.T)
    vector = vectors[:, np.argmin(np.abs(values - 1))].real
    scaled: Floats = vector / vector.sum()
    return scaled


def _stationary_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(np.array([[0.9, 0.1], [0.3, 0.7]]))
    for size, dtype in ((3, float), (6, np.float32), (27, float)):
        shares = rng.dirichlet(np.ones(size), size=size)
        rows = [(rng.multinomial(1024 - size, share) + 1) / 1024 for share in shares]  # 1 in sum, also at 32 bits
        yield Case(np.array(rows, dtype=dtype), name=f"a chain of {size} states")
    counts = count_transitions(NAMES, SYMBOLS)
    yield Case(counts / counts.sum(axis=1, keepdims=True), name="a chain of names")
    yield Case(
        np.array([[0.9999, 0.0001], [0.0004, 0.9996]]),
        name="a chain that mixes slowly (the powers of its matrix settle late)",
    )
    # Eigenvalues come in no order, and which of 1 and -1 is the larger is decided by rounding: many chains, so that
    # neither the first nor the largest is the right one in all of them.
    for _ in range(8):
        share = rng.uniform(0.2, 0.8)
        turning = np.array([[0.0, share, 1 - share], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        order = rng.permutation(3)
        name = "a chain with a period of 2 (the powers of its matrix never settle)"
        yield Case(turning[order][:, order], name=name)
    for matrix in ([[0.0, 1.0], [1.0, 0.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]):
        yield Case(np.array(matrix), name=f"a chain with a period of {len(matrix)}")
    for states in ([0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]):
        leaving = np.array([[0.5, 0.25, 0.25], [0.0, 0.75, 0.25], [0.0, 0.0, 1.0]])
        yield Case(leaving[states][:, states], name="a chain with a state that it never leaves")


def _eigenvector(matrix: Any) -> Any:
    values, vectors = np.linalg.eig(matrix.astype(float))
    return vectors[:, np.argmin(np.abs(values - 1))].real


def _of_largest_modulus(matrix: Any) -> Any:
    values, vectors = np.linalg.eig(matrix.T.astype(float))
    largest = np.flatnonzero(np.abs(values) > np.abs(values).max() - 1e-6)
    vector = vectors[:, largest[np.argmin(values[largest].real)]].real
    return vector / vector.sum()


def _row_of_power(matrix: Any, power: int) -> Any:
    return np.linalg.matrix_power(matrix.astype(float), power)[0]


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
        cases=_count_cases,
        returns="the counts",
        mistakes=(
            Mistake(
                "How names begin is not counted: the boundary stands before each name, too.",
                lambda names, symbols: _one_transition_less(names, symbols, start=1),
            ),
            Mistake(
                "How names end is not counted: the boundary stands behind each name, too.",
                lambda names, symbols: _one_transition_less(names, symbols, stop=-1),
            ),
            Mistake(
                "Neither how names begin nor how they end is counted: the boundary stands on both sides of each name.",
                lambda names, symbols: _one_transition_less(names, symbols, start=1, stop=-1),
            ),
            Mistake(
                "The matrix is transposed: the row is the symbol now, the column the one that follows.",
                lambda names, symbols: count_transitions(names, symbols).T,
            ),
            Mistake(
                "A pair that occurs twice must count 2. Did you write = 1, or += with an array as the index?",
                _fancy_index,
            ),
            Mistake(
                "A name that stands in the list twice counts twice: leave the list as it is, without set().",
                lambda names, symbols: count_transitions(sorted(set(names)), symbols),
            ),
            Mistake(
                "The end of one name and the beginning of the next are no pair: the boundary stands between them.",
                _across_names,
            ),
            Mistake(
                "Rows and columns follow `symbols`, in its order and with all of its letters, not the names' alphabet.",
                _own_alphabet,
            ),
            Mistake(
                "The counts overflow: a byte holds no more than 255. Use int.",
                lambda names, symbols: count_transitions(names, symbols).astype(np.uint8),
            ),
        ),
    ),
    Exercise(
        key="01.nats",
        title="Nats per character",
        task="Return the mean surprise, -log P, of all transitions of all names, their ends included.",
        points=2,
        minutes=10,
        hints=(
            "Collect the surprise of each transition, over all names, before you average anything.",
            "A name of n letters has n + 1 transitions: the first leaves the boundary, the last returns to it.",
            "`surprise.append(-np.log(matrix[now, after]))`, then `np.mean(surprise)`.",
        ),
        reference=nats_per_character,
        cases=_nats_cases,
        returns="the nats per character",
        mistakes=(
            Mistake("The sign is wrong: surprise is -log P, and positive.", lambda *a: -_all_surprises(*a).mean()),
            Mistake("That is in bits: take the natural logarithm.", lambda *a: _all_surprises(*a).mean() / np.log(2)),
            Mistake("That is the perplexity: leave out the exponential.", lambda *a: np.exp(_all_surprises(*a).mean())),
            Mistake("That is a sum; take the mean over all transitions.", lambda *a: _all_surprises(*a).sum()),
            Mistake(
                "That is the mean over names: divide by the number of transitions.",
                lambda *a: np.mean([one.sum() for one in _surprises(*a)]),
            ),
            Mistake(
                "That is a mean of means: a long name must weigh more than a short one.",
                lambda *a: np.mean([one.mean() for one in _surprises(*a)]),
            ),
            Mistake(
                "You divide by the number of letters: the end of each name is predicted, too, and counts.",
                lambda *a: _all_surprises(*a).sum() / sum(map(len, a[2])),
            ),
            Mistake(
                "The end of each name is left out: it is predicted, too.",
                lambda *a: np.concatenate([one[:-1] for one in _surprises(*a)]).mean(),
            ),
            Mistake(
                "The first letter of each name is left out: it is predicted from the boundary.",
                lambda *a: np.concatenate([one[1:] for one in _surprises(*a)]).mean(),
            ),
            Mistake(
                "A small number inside the logarithm hides that a name is impossible: -log 0 is infinite, and so is "
                "the mean.",
                lambda matrix, symbols, names: np.concatenate(_surprises(matrix, symbols, names, 1e-12)).mean(),
            ),
            Mistake(
                "The product of many probabilities is 0 in a computer: sum logarithms instead.",
                lambda *a: -np.log(np.prod(np.exp(-_all_surprises(*a)))) / len(_all_surprises(*a)),
            ),
            Mistake(
                "A name that stands in the list twice counts twice: leave the list as it is, without set().",
                lambda matrix, symbols, names: _all_surprises(matrix, symbols, sorted(set(names))).mean(),
            ),
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
        cases=_smoothing_cases,
        returns="the smoothed matrix",
        mistakes=(
            Mistake(
                "The rows do not sum to 1: V counts grew by α each, so the sum of the row grows by α V.",
                lambda counts, alpha: (counts + alpha) / np.maximum(_sums(counts), 1),
            ),
            Mistake(
                "The sum of a row grows by α V, not by α: V counts grew.",
                lambda counts, alpha: (counts + alpha) / (_sums(counts) + alpha),
            ),
            Mistake(
                "V is the length of a row, not the number of rows.",
                lambda counts, alpha: (counts + alpha) / (_sums(counts) + alpha * len(counts)),
            ),
            Mistake("α is added to the counts, not to the probabilities.", _smooth_probabilities),
            Mistake(
                "The columns sum to 1; a row is what follows one symbol, so each row must.",
                lambda counts, alpha: (counts + alpha) / _sums(counts + alpha, axis=0),
            ),
            Mistake(
                "The sums of the rows went along the columns: keepdims=True keeps them a column.",
                lambda counts, alpha: (counts + alpha) / (counts + alpha).sum(axis=1),
            ),
            Mistake(
                "The whole matrix sums to 1; each row must.",
                lambda counts, alpha: (counts + alpha) / (counts + alpha).sum(),
            ),
            Mistake("Rows with data are not smoothed at all: α is added to every count.", _smooth_empty_rows),
            Mistake(
                "Only the zeros got α: it is added to every count.",
                lambda counts, alpha: (
                    np.where(counts == 0, alpha, counts) / _sums(np.where(counts == 0, alpha, counts))
                ),
            ),
        ),
    ),
    Exercise(
        key="01.witten_bell",
        title="Witten–Bell smoothing",
        task="Interpolate what was counted after a context with the lower-order distribution, as Witten and Bell do.",
        points=3,
        minutes=15,
        hints=(
            "n symbols were seen after the context, T of them different. T / (n + T) goes to the shorter context.",
            "Every symbol gets a part from both: from its count, and from the shorter distribution.",
            "`(counts + T * shorter) / (n + T)`; and what if n = 0?",
        ),
        reference=witten_bell_step,
        cases=_witten_bell_cases,
        returns="the distribution",
        mistakes=(
            Mistake(
                "T is the number of different symbols that were seen after the context, not the whole alphabet.",
                lambda counts, shorter: _mix(counts, shorter, len(counts)),
            ),
            Mistake(
                "T is the number of different symbols, not of different counts: two symbols may be seen equally often.",
                lambda counts, shorter: _mix(counts, shorter, len(set(counts[counts > 0].tolist()))),
            ),
            Mistake(
                "T is the number of different symbols that were seen, not of those that were not.",
                lambda counts, shorter: _mix(counts, shorter, np.count_nonzero(counts == 0)),
            ),
            Mistake(
                "T is the number of different symbols, not the sum of the counts.",
                lambda counts, shorter: _mix(counts, shorter, counts.sum()) if counts.sum() else shorter,
            ),
            Mistake(
                "The two shares are swapped: T / (n + T) goes to the shorter context.",
                _shares_swapped,
            ),
            Mistake(
                "Symbols that were seen must get their part of the shorter distribution, too: interpolate.",
                _back_off,
            ),
            Mistake(
                "The shorter context has no say; give it the share T / (n + T).",
                lambda counts, shorter: counts / counts.sum() if counts.sum() else shorter,
            ),
            Mistake(
                "A context that was never seen divides 0 by 0; leave the answer to the shorter one.",
                _unseen_divides_by_zero,
            ),
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
        reference=stationary,
        cases=_stationary_cases,
        returns="the stationary distribution",
        mistakes=(
            Mistake(
                "All states alike is the right eigenvector; π P = π asks for the left one, an eigenvector of P.T.",
                lambda matrix: _eigenvector(matrix) / _eigenvector(matrix).sum(),
            ),
            Mistake(
                "The eigenvector has length 1; divide it by its sum, so that it is a distribution.",
                lambda matrix: np.abs(_eigenvector(matrix.T)),
            ),
            Mistake(
                "The powers of the matrix have not settled: some chains mix slowly, and one with a period never "
                "settles. Solve π P = π.",
                lambda matrix: _row_of_power(matrix, 50),
            ),
            Mistake("Two steps are not forever.", lambda matrix: _row_of_power(matrix, 2)),
            Mistake(
                "The mean of the rows is one step from a uniform start, not where the chain ends up.",
                lambda matrix: matrix.mean(axis=0),
            ),
            Mistake(
                "A chain with a period has several eigenvalues of modulus 1; take the one that is 1.",
                _of_largest_modulus,
            ),
        ),
    ),
)
