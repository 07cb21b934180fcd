"""Fidelity: closed forms, scipy, and judges that must be right about what they are given."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from sdg_lab.metrics import (
    c2st,
    chance_error,
    frechet_by_size,
    frechet_distance,
    kernel_distance,
    total_variation,
)

RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(100, 3))
JUDGE = KNeighborsClassifier(5)


def test_a_judge_cannot_tell_two_draws_of_one_distribution():
    other = np.random.default_rng(1).normal(size=(100, 3))
    assert abs(c2st(CLOUD, other) - 0.5) < 3 * chance_error(100)


def test_a_judge_tells_two_far_clouds_every_time():
    assert c2st(CLOUD, CLOUD + 10) == 1.0


def test_the_judge_nears_the_best_possible_accuracy():
    """Two unit normals at distance 2 are told apart by their middle: accuracy Φ(1) = 0.8413."""
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(1000, 1)), rng.normal(2, 1, size=(1000, 1))
    assert c2st(real, fake, classifier=KNeighborsClassifier(51)) == pytest.approx(0.8413, abs=0.03)


def test_the_default_is_a_cross_validated_random_forest_of_scikit_learn():
    real, fake = CLOUD[:60], CLOUD[:60] * 1.5 + 0.2
    rows, is_fake = np.vstack([real, fake]), np.repeat([0, 1], 60)

    def theirs(folds, seed):
        forest = RandomForestClassifier(100, min_samples_leaf=2, random_state=seed)
        cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
        return cross_val_score(forest, rows, is_fake, cv=cut, scoring="accuracy").mean()

    assert c2st(real, fake) == pytest.approx(theirs(5, 0))
    assert c2st(real, fake, folds=2, seed=3) == pytest.approx(theirs(2, 3))
    assert c2st(real[:5], fake[:5], folds=5, classifier=DummyClassifier()) == 0.5  # a fold for each row


def test_a_classifier_that_is_given_is_left_as_it_was():
    judge = DummyClassifier()
    c2st(CLOUD, CLOUD + 1, classifier=judge)
    assert not hasattr(judge, "classes_")


def test_a_guesser_scores_a_half_and_the_seed_decides_the_folds():
    assert c2st(CLOUD, CLOUD + 10, classifier=DummyClassifier()) == 0.5
    near = CLOUD + 0.5
    first, again, other = (c2st(CLOUD, near, seed=seed, classifier=JUDGE) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize(
    ("real", "fake", "folds", "sentence"),
    [
        (CLOUD, CLOUD[:90], 5, "real has 100 rows and fake 90: naming the larger would already beat 0.5"),
        (CLOUD, CLOUD[:, :2], 5, "real has 3 numbers a row and fake 2"),
        (CLOUD[:4], CLOUD[:4], 5, "folds must be a whole number >= 2 and <= 4, got 5"),
        (CLOUD, CLOUD, 1, "folds must be a whole number >= 2 and <= 100, got 1"),
        (CLOUD, np.full((100, 3), np.nan), 5, "fake has nan in row 0, column 0"),
    ],
)
def test_a_comparison_that_would_mislead_is_refused(real, fake, folds, sentence):
    with pytest.raises(ValueError, match=sentence):
        c2st(real, fake, folds=folds)


def with_moments(mean, deviations, n=50):
    """Return points whose sample mean and covariance are exactly these."""
    white = np.random.default_rng(5).normal(size=(n, len(mean)))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T))).T
    return white * deviations + mean


def test_frechet_distance_of_axis_aligned_gaussians_is_the_closed_form():
    """Commuting covariances: |m - n|² + Σ (s - t)²."""
    a, b = with_moments([0.0, 1.0], [1.0, 3.0]), with_moments([2.0, 1.0], [2.0, 0.5])
    assert frechet_distance(a, b) == pytest.approx(2**2 + (1 - 2) ** 2 + (3 - 0.5) ** 2)


def test_frechet_distance_agrees_with_scipys_matrix_root():
    a, b = RNG.normal(size=(200, 4)) @ RNG.normal(size=(4, 4)), RNG.normal(size=(300, 4)) @ RNG.normal(size=(4, 4)) + 1
    cov_a, cov_b, shift = np.cov(a.T), np.cov(b.T), a.mean(axis=0) - b.mean(axis=0)
    theirs = shift @ shift + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert frechet_distance(a, b) == pytest.approx(theirs, rel=1e-8)
    assert frechet_distance(b, a) == pytest.approx(theirs, rel=1e-8)


def test_frechet_distance_stays_real_where_rows_are_fewer_than_columns():
    few = RNG.normal(size=(5, 40))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(frechet_distance(few, RNG.normal(size=(6, 40))))


def test_frechet_distance_of_two_single_numbers_is_the_closed_form():
    """Variances 8 and 2, means 2 and 5: 3² + (√8 - √2)²."""
    assert frechet_distance(np.array([[0.0], [4.0]]), np.array([[4.0], [6.0]])) == pytest.approx(9 + 2)


def test_frechet_distance_wants_two_rows():
    with pytest.raises(ValueError, match="b has 1 row; a covariance needs at least 2"):
        frechet_distance(CLOUD, CLOUD[:1])


def test_kernel_distance_is_the_double_loop_of_its_definition():
    a, b = RNG.normal(size=(7, 3)), RNG.normal(1, 2, size=(5, 3))

    def mean(first, second, *, same):
        pairs = [(x, y) for i, x in enumerate(first) for j, y in enumerate(second) if not (same and i == j)]
        return np.mean([(sum(x * y) / 3 + 1) ** 3 for x, y in pairs])

    expected = mean(a, a, same=True) + mean(b, b, same=True) - 2 * mean(a, b, same=False)
    assert kernel_distance(a, b) == pytest.approx(expected)
    assert kernel_distance(b, a) == pytest.approx(expected)


def test_kernel_distance_agrees_with_scikit_learns_kernel():
    a, b = RNG.normal(size=(60, 8)), RNG.normal(0.3, 1, size=(40, 8))
    k_aa, k_bb, k_ab = (polynomial_kernel(x, y, degree=3, coef0=1) for x, y in ((a, a), (b, b), (a, b)))
    np.fill_diagonal(k_aa, 0)
    np.fill_diagonal(k_bb, 0)
    theirs = k_aa.sum() / (60 * 59) + k_bb.sum() / (40 * 39) - 2 * k_ab.mean()
    assert kernel_distance(a, b) == pytest.approx(theirs)


def test_kernel_distance_is_without_bias_however_few_the_rows():
    """Point masses aside, two draws of one Gaussian: mean 0; the biased form would be about 0.5 here."""
    rng = np.random.default_rng(3)
    found = np.array([kernel_distance(rng.normal(size=(5, 2)), rng.normal(size=(9, 2))) for _ in range(4000)])
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found)) < 0.2
    assert (found < 0).any()


def test_kernel_distance_of_two_points_masses_is_the_closed_form():
    """k(1,1) + k(3,3) - 2 k(1,3) in one dimension: 2³ + 10³ - 2 · 4³."""
    assert kernel_distance(np.ones((4, 1)), np.full((6, 1), 3.0)) == pytest.approx(8 + 1000 - 128)
    assert kernel_distance(np.ones((2, 1)), np.full((2, 1), 3.0)) == pytest.approx(8 + 1000 - 128)


def test_kernel_distance_wants_two_rows():
    with pytest.raises(ValueError, match="b has 1 row; pairs of different rows need at least 2"):
        kernel_distance(CLOUD, CLOUD[:1])


def test_the_frechet_distance_falls_with_the_number_of_rows():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(400, 5)), rng.normal(size=(300, 5))
    found = frechet_by_size(a, b, [10, 50, 300], draws=4)
    assert found.shape == (4, 3)
    assert (np.diff(found.mean(axis=0)) < 0).all()
    every = frechet_by_size(a[:300], b, [300], draws=2)
    np.testing.assert_allclose(every, frechet_distance(a[:300], b))
    np.testing.assert_array_equal(found, frechet_by_size(a, b, [10, 50, 300], draws=4))
    assert not np.array_equal(found, frechet_by_size(a, b, [10, 50, 300], draws=4, seed=1))
    np.testing.assert_array_equal(frechet_by_size(a, b, [10]), frechet_by_size(a, b, [10], draws=5, seed=0))
    assert len(np.unique(frechet_by_size(a, b, [2]))) == 5  # each draw is another
    assert frechet_by_size(a, b, [2], draws=1).shape == (1, 1)


@pytest.mark.parametrize(
    ("sizes", "draws", "sentence"),
    [
        ([10, 101], 5, r"sizes\[1\] must be a whole number >= 2 and <= 100, got 101"),
        ([1], 5, r"sizes\[0\] must be a whole number >= 2 and <= 100, got 1"),
        ([2.5], 5, r"sizes\[0\] must be a whole number >= 2 and <= 100, got 2\.5"),
        ([], 5, r"sizes must be an array of 1 axes, got shape \(0,\)"),
        ([10], 0, "draws must be a whole number >= 1, got 0"),
    ],
)
def test_sizes_that_are_not_there_are_refused(sizes, draws, sentence):
    with pytest.raises(ValueError, match=sentence):
        frechet_by_size(CLOUD, CLOUD, sizes, draws=draws)


distributions = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda p: sum(p) > 0.01)


@given(distributions, distributions)
def test_total_variation_is_the_largest_difference_over_all_events(p, q):
    p, q = np.array(p) / sum(p), np.array(q) / sum(q)
    events = [[bool(mask >> i & 1) for i in range(4)] for mask in range(16)]
    assert total_variation(p, q) == pytest.approx(max(p[event].sum() - q[event].sum() for event in events), abs=1e-9)


def test_shares_may_be_exact_fractions():
    assert total_variation([Fraction(1, 3), Fraction(2, 3)], [Fraction(1, 2)] * 2) == pytest.approx(1 / 6)


def test_shares_may_be_rounded():
    assert total_variation([0.5, 0.5000009], [0.5, 0.5]) == pytest.approx(4.5e-7)


def test_disjoint_distributions_are_at_the_limit():
    assert total_variation([1, 0], [0, 1]) == 1.0


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        ([0.5, 0.4], "p must sum to 1, got 0.9; divide it by its sum"),
        ([0.5, 0.5000021], "p must sum to 1"),
        ([1.5, -0.5], "p must hold probabilities >= 0, got -0.5"),
        ([np.nan, 1.0], "p must hold probabilities >= 0, got nan"),
        ([1.0], r"p has shape \(1,\) and q \(2,\); they must share one set of outcomes"),
    ],
)
def test_what_is_no_distribution_is_refused(p, sentence):
    with pytest.raises(ValueError, match=sentence):
        total_variation(p, [0.5, 0.5])


@pytest.mark.parametrize("seed", [True, -1, 1.5])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=f"seed must be a whole number >= 0, got {seed}"):
        c2st(CLOUD, CLOUD, seed=seed)
    with pytest.raises(ValueError, match=f"seed must be a whole number >= 0, got {seed}"):
        frechet_by_size(CLOUD, CLOUD, [5], seed=seed)


def test_an_imaginary_part_is_not_dropped():
    with pytest.raises(TypeError, match="p must hold real numbers, got complex128"):
        total_variation(np.array([1 + 1j]), [1.0])
