"""Tails: counted by hand, scipy's entropy, nltk's n-grams, and a perfect sampler that gets what it is promised."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nltk.util import ngrams as nltk_ngrams
from scipy import stats

from sdg_lab.metrics.tails import cells, heterozygosity, judge_modes, judge_tails, ngrams, rare_items
from sdg_lab.models.diffusion.mixture import GaussianMixture

REAL = ["a"] * 50 + ["b"] * 30 + ["c"] * 10 + ["d"] * 4 + ["e"] * 4 + ["f"] * 2
letters = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("mass", "rare"), [(0.1, "def"), (0.09, "f"), (0.02, "f"), (0.001, "f"), (0.2, "cdef"), (1.0, "abcdef")]
)
def test_rare_are_the_rarest_as_long_as_they_weigh_no_more_together(mass, rare):
    assert rare_items(REAL, mass) == set(rare)


def test_a_sample_by_hand():
    samples = ["a"] * 6 + ["d"] * 2 + ["new"] * 2
    found = judge_tails(REAL, samples)
    assert found.recall == pytest.approx(1 / 3)
    assert found.missing == pytest.approx(0.30 + 0.10 + 0.04 + 0.02)
    assert found.expected == pytest.approx(1 - (2 * 0.96**10 + 0.98**10) / 3)
    each = np.array([0.5, 0.3, 0.1, 0.04, 0.04, 0.02])
    assert found.expected_missing == pytest.approx(float((each * (1 - each) ** 10).sum()))
    assert found.distinct == 3
    assert found.entropy == pytest.approx(stats.entropy([6, 2, 2]))


def test_a_perfect_sampler_gets_what_is_expected():
    rng, n, seeds = np.random.default_rng(0), 40, 400
    found = [judge_tails(REAL, rng.choice(REAL, n).tolist()) for _ in range(seeds)]
    for name, expected in (("recall", found[0].expected), ("missing", found[0].expected_missing)):
        values = np.array([getattr(one, name) for one in found])
        assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(seeds))


@given(real=letters, samples=letters, mass=st.floats(0.01, 1))
def test_shares_are_shares_and_the_real_data_miss_nothing(real, samples, mass):
    found = judge_tails(real, samples, mass=mass)
    shares = (found.recall, found.expected, found.missing, found.expected_missing)
    assert all(-1e-12 <= share <= 1 + 1e-12 for share in shares)
    itself = judge_tails(real, real, mass=mass)
    assert (itself.recall, itself.missing, itself.distinct) == (1, 0, len(set(real)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, object])
def test_nan_is_nan(dtype):
    values = np.array([1, np.nan, np.nan, 2, 2], dtype)
    found = judge_tails(values, values.copy(), mass=1)
    assert (found.recall, found.missing, found.distinct) == (1, 0, 3)
    assert heterozygosity(values) == pytest.approx(1 - 0.2**2 - 2 * 0.4**2)
    rows = [("x", float("nan"), ("y", float("nan")))]
    assert judge_tails(rows, [("x", float("nan"), ("y", float("nan")))]).missing == 0


@pytest.mark.parametrize("make", [lambda: np.datetime64("NaT"), lambda: Decimal("nan"), lambda: complex("nan")])
def test_of_other_kinds_nan_is_nan_too(make):
    assert heterozygosity([make(), make(), ("a", make()), ("a", make())]) == 0.5


def test_beside_a_huge_scale_there_is_no_variance():
    assert judge_modes(ring(400), CENTRES, 1e300).across == 0


@given(items=letters)
def test_heterozygosity_is_the_share_of_pairs_that_differ(items):
    assert heterozygosity(items) == pytest.approx(np.mean([a != b for a in items for b in items]))


# Items


@given(words=st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=4), length=st.integers(1, 4))
def test_ngrams_are_nltks_with_one_end(words, length):
    ours = list(ngrams(words, length))
    theirs = []
    for word in words:
        ended = (*word, "·")
        theirs += nltk_ngrams(ended, length, pad_left=True, left_pad_symbol="·")
    assert ours == theirs
    assert list(ngrams([tuple(word) for word in words], length)) == ours


def test_cells_are_pandas_counts():
    table = pd.DataFrame({"x": ["p", "p", "q"], "y": pd.Categorical(["u", None, "u"]), "z": [1, 1, 2]})
    assert Counter(cells(table)) == {
        ("x", "p"): 2, ("x", "q"): 1, ("y", "u"): 2, ("y", None): 1, ("z", 1): 2, ("z", 2): 1,
    }  # fmt: skip
    pairs = Counter(cells(table, 2))
    counted = table.groupby(["x", "z"]).size()
    assert {(k[1], k[3]): n for k, n in pairs.items() if k[::2] == ("x", "z")} == counted.to_dict()
    assert pairs.total() == 9


# Modes

RING = GaussianMixture.ring(8, radius=2.0, scale=0.1)
CENTRES = RING.means.numpy()


def ring(n=4000, seed=0):
    return RING.sample(n, torch.Generator().manual_seed(seed)).numpy()


def test_a_perfect_ring_is_a_ring():
    found = [judge_modes(ring(80, seed), CENTRES, 0.1) for seed in range(200)]  # small: the bias would be seen
    for name in ("across", "along"):
        values = np.array([getattr(one, name) for one in found])
        assert values.mean() == pytest.approx(1, abs=4 * values.std() / np.sqrt(200))
    large = judge_modes(ring(), CENTRES, 0.1)
    assert large.kept == 8
    assert large.balance == pytest.approx(8, rel=0.01)
    assert large.near == pytest.approx(stats.chi2.cdf(9, 2), abs=4 * np.sqrt(0.011 / 4000))


def test_a_ring_that_narrows_in_one_direction_is_seen_in_that_one():
    points = ring()
    angle = torch.cdist(torch.tensor(points), RING.means).argmin(dim=1).numpy() * np.pi / 4
    outward, sideways = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([-np.sin(angle), np.cos(angle)], 1)
    off = points - CENTRES[(angle / (np.pi / 4)).round().astype(int)]
    a, b = (off * outward).sum(1, keepdims=True), (off * sideways).sum(1, keepdims=True)
    found = judge_modes(points - off + outward * a * 2 + sideways * b / 2, CENTRES, 0.1)
    whole = judge_modes(points, CENTRES, 0.1)
    assert found.across == pytest.approx(4 * whole.across, rel=0.02)  # a few points change their mode
    assert found.along == pytest.approx(whole.along / 4, rel=0.02)


def test_a_lost_mode_is_counted():
    points = ring()
    found = judge_modes(points[points[:, 0] < 1.7], CENTRES, 0.1)
    assert found.kept == 7
    assert found.balance == pytest.approx(7, rel=0.01)


# Refusals

TABLE = pd.DataFrame({"x": [1]})


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: judge_tails([], ["a"]), ValueError, "real is empty"),
        (lambda: judge_tails(["a"], []), ValueError, "samples is empty"),
        (lambda: judge_tails("anna", ["a"]), TypeError, "real must be"),
        (lambda: judge_tails(TABLE, TABLE), TypeError, r"real must be items, got a table; .*cells\(real\)"),
        (lambda: judge_tails(["a"], TABLE), TypeError, r"samples must be items, got a table; .*cells\(samples\)"),
        (lambda: rare_items(torch.ones(3)), TypeError, r"real must be items, got a tensor; give real.tolist\(\)"),
        (lambda: heterozygosity(iter(torch.ones(3))), TypeError, "items has tensors"),
        (lambda: heterozygosity(np.ones((3, 2))), TypeError, "items has items that cannot be counted"),
        (lambda: list(ngrams("ann", 2)), TypeError, r"sequences must be several items, such as \['ann'\]"),
        (lambda: list(ngrams(TABLE, 2)), TypeError, "sequences must be items, got a table"),
        (lambda: judge_tails(["a"], ["a"], mass=0), ValueError, "mass must be > 0 and <= 1"),
        (lambda: rare_items([]), ValueError, "real is empty"),
        (lambda: heterozygosity([]), ValueError, "items is empty"),
        (lambda: list(ngrams(["a"], 0)), ValueError, "length must be a whole number >= 1"),
        (lambda: list(cells([("a",)])), TypeError, "table must be a pandas DataFrame, got list"),
        (lambda: list(cells(TABLE, 2)), ValueError, "together must be a whole number >= 1 and <= 1"),
        (lambda: judge_modes(ring(8), CENTRES, 0.1), ValueError, "8 points say nothing about 8 modes"),
        (lambda: judge_modes(ring(9), CENTRES * 0, 0.1), ValueError, "away from the origin"),
        (lambda: judge_modes(ring(9), CENTRES, 0), ValueError, "scale must be > 0"),
        (lambda: judge_modes(np.ones((9, 3)), CENTRES, 0.1), ValueError, "points has 3 numbers a row"),
        (lambda: judge_modes([[1, 2], [3]], CENTRES, 0.1), ValueError, "must be of one shape"),
        (lambda: judge_modes(ring(9), [[1e-320, 0]], 0.1), ValueError, "away from the origin"),
        (lambda: judge_modes(ring(9), [[1, 0], [1, 0]], 0.1), ValueError, "centres must be different points"),
        (lambda: judge_tails(Counter("aab"), ["a"]), TypeError, r"got a Counter; of a Counter, real.elements\(\)"),
        (
            lambda: judge_tails(["a"], {"a": -1.5}),
            TypeError,
            "samples must be items, as often as they occur, got a dict",
        ),
        (lambda: heterozygosity(bytearray(b"aab")), TypeError, "items must be several items"),
        (lambda: heterozygosity(3), TypeError, "items must be several items, such as a list of them, got 3"),
        (lambda: rare_items(None), TypeError, "real must be several items, such as a list of them, got None"),
        (lambda: rare_items(np.array(3)), TypeError, r"real must be several items, .* got array\(3\)"),
        (lambda: rare_items([("a", (torch.tensor(1),))]), TypeError, "real has tensors, none of which equals another"),
        (lambda: list(ngrams(None)), TypeError, "sequences must be several items, such as a list of them, got None"),
        (lambda: list(ngrams(["ann", 3])), TypeError, r"sequences\[1\] must be a text or a tuple of symbols, got int"),
        (lambda: list(ngrams([torch.ones(3)])), TypeError, r"sequences\[0\] must be a text or a tuple .* got Tensor"),
        (
            lambda: list(cells(pd.DataFrame([[1, 2]], columns=["a", "a"]))),
            ValueError,
            "there are two columns 'a'; rename one",
        ),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
