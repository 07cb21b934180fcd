"""Drift: closed forms against every possible outcome, enumerated with scipy's binomials; and the loop against them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from sdg_lab.distill import drift
from sdg_lab.distill.drift import Frequencies
from sdg_lab.distill.generations import REAL_ROWS, generations
from sdg_lab.metrics.tails import heterozygosity

N = 8
COPIES = 3
WHOLE = np.arange(N + 1)


def draws(n, p):
    """Return the distribution of n draws' copies, (n + 1,)."""
    return stats.binom.pmf(np.arange(n + 1), n, p)


def real_copies(m, real):
    """Return the distribution of an item's copies among m real rows, (m + 1,)."""
    if real == "fresh":
        return draws(m, COPIES / N)
    return stats.hypergeom.pmf(np.arange(m + 1), N, COPIES, m)


def enumerated(generations, m, real):
    """Return P(k copies in the training set) for two items and each generation, every outcome being followed."""
    start = draws(N, COPIES / N) if real == "fresh" else (COPIES == WHOLE).astype(float)
    if real == "kept":  # follow each set of rows that may be kept on its own
        each = [enumerated_with(start, generations, m, np.eye(m + 1)[k]) for k in range(m + 1)]
        return np.tensordot(real_copies(m, real), each, axes=1)
    return enumerated_with(start, generations, m, real_copies(m, real))


def enumerated_with(start, generations, m, rows):
    step = np.array([np.convolve(draws(N - m, k / N), rows) for k in WHOLE])
    found = [start]
    for _ in range(generations):
        found.append(found[-1] @ step)
    return np.array(found)


def h(k, n):
    return 2 * (k / n) * (1 - k / n)


@pytest.mark.parametrize("m", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("real", REAL_ROWS)
def test_heterozygosity_is_that_of_all_outcomes(real, m):
    every = enumerated(12, m, real)
    assert every.sum(axis=1) == pytest.approx(np.ones(13))
    expected = every @ h(WHOLE, N) / h(COPIES, N)
    regime = "mix" if m or real != "redrawn" else "replace"
    assert drift.heterozygosity_left(N, 12, regime, share=m / N, real=real) == pytest.approx(expected, abs=1e-12)


def test_replaced_it_falls_by_one_part_in_n():
    left = drift.heterozygosity_left(50, 20)
    assert left == pytest.approx((1 - 1 / 50) ** np.arange(21))
    assert drift.heterozygosity_at_last(50) == 0


def test_accumulated_it_is_that_of_all_outcomes():
    state = {COPIES: 1.0}  # copies among all rows so far; it says all that the next generation depends on
    left = drift.heterozygosity_left(N, 5, "accumulate")
    for t in range(6):
        rows = N * (t + 1)
        mean = sum(p * h(k, rows) for k, p in state.items())
        assert left[t] == pytest.approx(mean / h(COPIES, N), abs=1e-12)
        after = {}
        for k, p in state.items():
            for new, q in enumerate(draws(N, k / rows)):
                after[k + new] = after.get(k + new, 0.0) + p * q
        state = after


@pytest.mark.parametrize("n", [1, 2, 30])
def test_what_is_left_of_the_accumulated_is_eulers_product(n):
    far = drift.heterozygosity_left(n, 20_000, "accumulate")[-1]
    assert drift.heterozygosity_at_last(n, "accumulate") == pytest.approx(far, rel=2e-4)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("real", REAL_ROWS)
def test_the_last_is_where_the_steps_lead(real, share):
    far = drift.heterozygosity_left(50, 5000, "mix", share=share, real=real)[-1]
    assert drift.heterozygosity_at_last(50, "mix", share=share, real=real) == pytest.approx(far, abs=1e-12)


@pytest.mark.parametrize("m", [1, 5, 20])
def test_of_m_real_rows_about_2m_in_2m_and_1_hold_whatever_their_share(m):
    lasts = [drift.heterozygosity_at_last(n, "mix", share=m / n) for n in (5_000, 500_000)]
    assert lasts == pytest.approx([2 * m / (2 * m + 1)] * 2, abs=2e-3)


@pytest.mark.parametrize("real", REAL_ROWS)
def test_the_share_that_holds_is_the_least(real):
    share = drift.share_that_holds(200, 0.9, real=real)
    at = [drift.heterozygosity_at_last(200, "mix", share=s, real=real) for s in (share - 1 / 200, share)]
    assert at[0] < 0.9 <= at[1]


# Single items


def test_one_generation_loses_an_item_as_often_as_said():
    p = np.array([0.0, 1 / 7, 0.5, 1.0])
    assert drift.lost(p, 7) == pytest.approx(stats.binom.pmf(0, 7, p))
    town = ["rare"] + ["common"] * 49
    seeds = range(600)
    gone = [not {"rare"} <= set(next(generations(Frequencies(), town, 0, seed=seed)).samples) for seed in seeds]
    expected = drift.lost(1 / 50, 50)
    assert np.mean(gone) == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(seeds)))


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("real", REAL_ROWS)
def test_an_item_survives_as_often_as_among_very_many_rows(real, share, copies):
    """Every outcome of up to 200 copies is followed: Poisson draws, and a share of the copies among the real rows."""
    k = np.arange(200)

    def onward(rows):
        return np.array([np.convolve(stats.poisson.pmf(k, (1 - share) * parent), rows)[: len(k)] for parent in k])

    def followed(rows):
        chances, step = np.eye(len(k))[copies], onward(rows)
        for _ in range(9):
            yield 1 - chances @ np.exp(-k)
            chances = chances @ step

    among = stats.binom.pmf(k, copies, share)
    if real == "kept":
        expected = sum(among[i] * np.array(list(followed(np.eye(len(k))[i]))) for i in range(copies + 1))
    else:
        expected = list(followed(stats.poisson.pmf(k, copies * share) if real == "fresh" else among))
    assert drift.surviving(copies, 8, share=share, real=real) == pytest.approx(np.array(expected), abs=1e-9)


def test_a_very_rare_item_is_lost_as_often_as_poisson_says():
    assert drift.lost([1e-17, 0.0, 1.0], 10**18) == pytest.approx([np.exp(-10), 1, 0], rel=1e-12)


def test_of_single_copies_two_in_t_survive():
    assert drift.surviving(1, 2000)[-1] * 2001 == pytest.approx(2, rel=0.01)


# The loop


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"regime": "accumulate"},
        *({"regime": "mix", "share": 0.1, "real": real} for real in REAL_ROWS),
        {"regime": "mix", "share": 0.5},
    ],
    ids=str,
)
def test_the_loop_drifts_as_the_closed_form_says(options):
    town = [letter for letter, count in zip("abcdef", (8, 5, 3, 2, 1, 1), strict=True) for _ in range(count)]
    more = {}
    if options.get("real") == "fresh":
        more = {"source": lambda n, seed: np.random.default_rng(seed).choice(town, n).tolist()}
    runs = []
    for seed in range(100):
        start = more["source"](len(town), 10_000 + seed) if more else town
        runs.append(
            [heterozygosity(one.data) for one in generations(Frequencies(), start, 6, seed=seed, **options, **more)]
        )
    ratio = np.array(runs) / heterozygosity(town)
    error = ratio.std(axis=0, ddof=1) / np.sqrt(len(ratio))
    expected = drift.heterozygosity_left(len(town), 6, **options)
    assert (np.abs(ratio.mean(axis=0) - expected) <= 4 * error + 1e-12).all()


def test_the_loop_keeps_as_many_single_names_as_said():
    names = [f"name {i}" for i in range(3000)]
    for share in (0.0, 0.1):
        left = [len(set(one.samples)) / 3000 for one in generations(Frequencies(), names, 8, regime="mix", share=share)]
        expected = drift.surviving(1, 8, share=share)
        assert left == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(3000))
        assert all(a > b for a, b in pairwise(expected))


class Gauss:
    """A Gaussian on a line, by maximum likelihood."""

    def fit(self, data, *, seed):
        self.mean, self.scale = data.mean(), data.std()

    def sample(self, n, *, seed):
        return self.mean + self.scale * np.random.default_rng(seed).standard_normal((n, 1))


def test_a_gaussians_variance_falls_by_one_part_in_n():
    n, seeds = 20, 200
    start = np.random.default_rng(0).standard_normal((n, 1))
    runs = np.array([[g.model.scale**2 for g in generations(Gauss(), start, 8, seed=seed)] for seed in range(seeds)])
    ratio = runs / start.var()
    error = ratio.std(axis=0, ddof=1) / np.sqrt(seeds)
    assert (np.abs(ratio.mean(axis=0) - (1 - 1 / n) ** np.arange(9)) <= 4 * error + 1e-12).all()


# Refusals


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Frequencies().fit([]), "data is empty"),
        (lambda: Frequencies().sample(3), "nothing has been seen yet"),
        (lambda: Frequencies().fit(["a"]).sample(0), "n must be a whole number >= 1"),
        (lambda: drift.lost([0.5, 1.5], 3), "p must be probabilities"),
        (lambda: drift.lost(0.5, 0), "n must be a whole number >= 1"),
        (lambda: drift.lost(0.5, 10**400), "n must be a whole number >= 1 and <= 1e"),
        (lambda: drift.lost([[0.1], [0.2, 0.3]], 2), "of one shape"),
        (lambda: drift.surviving(10**400, 3), "copies must be a whole number >= 1 and <= 1e"),
        (lambda: drift.heterozygosity_left(10**400, 3), "n must be a whole number >= 1 and <= 1e"),
        (lambda: drift.heterozygosity_at_last(10**400), "n must be a whole number >= 1 and <= 1e"),
        (lambda: drift.surviving(0, 3), "copies must be a whole number >= 1"),
        (lambda: drift.surviving(1, -1), "generations must be a whole number >= 0"),
        (lambda: drift.surviving(1, 1, share=2), "share must be >= 0 and <= 1"),
        (lambda: drift.surviving(1, 1, real="keep"), "did you mean 'kept'"),
        (lambda: drift.heterozygosity_left(0, 1), "n must be a whole number >= 1"),
        (lambda: drift.heterozygosity_left(5, 1, "mixed"), "did you mean 'mix'"),
        (lambda: drift.heterozygosity_at_last(5, "replace", share=0.2), "is for the regime 'mix'"),
        (lambda: drift.share_that_holds(5, 1.0), "level must be > 0 and < 1"),
        (lambda: drift.share_that_holds(5, 0.999, real="fresh"), "level must be lower"),
    ],
)
def test_refusals(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("anna", "data must be several items, such as"),
        (pd.DataFrame({"x": [1, 2]}), "data must be items, got a table"),
        (torch.arange(3), r"data must be items, got a tensor; give data.tolist\(\)"),
        ({"a": 3}, "data must be items, as often as they occur, got a dict"),
        (np.array(3), "data must be several items"),
    ],
)
def test_what_would_be_taken_apart_is_no_data(data, said):
    with pytest.raises(TypeError, match=said):
        Frequencies().fit(data)


@pytest.mark.parametrize("p", ["a", "0.5", 1j])
def test_what_is_no_number_is_no_probability(p):
    with pytest.raises(TypeError):
        drift.lost(p, 3)
