"""Diversity: unique rows counted by hand; precision, recall, density and coverage against plain loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.metrics import prdc, unique_fraction


@pytest.mark.parametrize(
    "samples",
    [
        ["anna", "bob", "anna", "anna"],
        [("a", "b"), ("ab",), ("a", "b"), ("a", "b")],
        np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [1.0, 2.0]]),
        pd.DataFrame({"x": [1, 1, 1, 1], "y": ["a", "b", "a", "a"]}),
    ],
    ids=["strings", "tokens", "array", "table"],
)
def test_two_different_rows_of_four_are_a_half(samples):
    assert unique_fraction(samples) == 0.5


def by_definition(real, fake, k):
    """Write the four equations of the papers as loops over every pair of points."""

    def radius(points, i):
        return sorted(np.linalg.norm(points[i] - other) for j, other in enumerate(points) if j != i)[k - 1]

    near_real = [[np.linalg.norm(r - f) <= radius(real, i) for f in fake] for i, r in enumerate(real)]
    near_fake = [[np.linalg.norm(r - f) <= radius(fake, j) for j, f in enumerate(fake)] for r in real]
    return (
        np.mean([any(row[j] for row in near_real) for j in range(len(fake))]),
        np.mean([any(row) for row in near_fake]),
        sum(sum(row) for row in near_real) / (k * len(fake)),
        np.mean([any(row) for row in near_real]),
    )


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(5, 9), st.integers(5, 9))
def test_the_four_figures_are_those_of_the_definitions(seed, k, n, m):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n, 2)), rng.normal(0.5, 1, size=(m, 2))
    ours = prdc(real, fake, k)
    assert (ours.precision, ours.recall, ours.density, ours.coverage) == pytest.approx(by_definition(real, fake, k))


@pytest.mark.parametrize("place", [0.0, 1e6])
@pytest.mark.parametrize("twins", [1, 9])
def test_equal_sets_cover_each_other_wholly_although_some_balls_have_the_radius_0(twins, place):
    points = np.repeat(np.random.default_rng(3).normal(size=(40, 60)), twins, axis=0) + place
    figures = prdc(points, points[::-1].copy())
    assert (figures.precision, figures.recall, figures.coverage) == (1, 1, 1)


def test_precision_is_of_the_fake_and_recall_of_the_real():
    """Nine real points on a line; the fake ones are four of them and one far away: 4/5 within, 4/9 and more reached."""
    real = np.arange(9.0)[:, None]
    fake = np.array([[0.0], [1.0], [2.0], [3.0], [100.0]])
    figures = prdc(real, fake, k=1)
    assert figures.precision == 4 / 5
    assert figures.recall == 1.0  # the ball of 100 reaches to 3
    assert prdc(real, fake[:4], k=1).recall == 5 / 9
    assert prdc(fake, real, k=1).precision == 1.0
    assert figures.coverage == 5 / 9


def test_the_fifth_neighbour_is_asked_unless_another_is_named():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 60, 3))
    assert prdc(real, fake) == prdc(real, fake, 5) != prdc(real, fake, 6)
    assert prdc(real[:6], fake[:6]).coverage == 1.0  # six rows have a fifth neighbour


def test_a_collapsed_model_is_precise_and_covers_nothing():
    real = np.random.default_rng(0).normal(size=(200, 2))
    fake = np.random.default_rng(1).normal(0, 1e-3, size=(200, 2))
    figures = prdc(real, fake)
    assert figures.precision == 1.0
    assert figures.coverage < 0.2
    assert figures.recall < 0.05


def test_coinciding_points_do_not_hide_a_neighbour():
    """Points 0, 0, 1, 1, 2, 2: the second neighbour of each, its twin counted, is at distance 1."""
    twins = np.array([[0.0], [0.0], [1.0], [1.0], [2.0], [2.0]])
    assert prdc(twins, twins + 0.9, k=2).coverage == 1.0
    assert prdc(twins, twins + 3.1, k=2).coverage == 0.0
    assert prdc(twins, twins + 2.9, k=2).coverage == pytest.approx(2 / 6)  # 2 and its twin reach 2.9


@pytest.mark.parametrize(
    ("k", "sentence"),
    [
        (5, "fake has 5 rows; the neighbour k = 5 needs at least 6"),
        (0, "k must be a whole number >= 1, got 0"),
        (1.5, "k must be a whole number >= 1, got 1.5"),
    ],
)
def test_a_neighbour_that_is_not_there_is_refused(k, sentence):
    with pytest.raises(ValueError, match=sentence):
        prdc(np.zeros((9, 2)), np.zeros((5, 2)), k)


def test_points_of_another_width_are_refused():
    with pytest.raises(ValueError, match="real has 2 numbers a row and fake 3; both must be features of one kind"):
        prdc(np.zeros((9, 2)), np.zeros((9, 3)))
