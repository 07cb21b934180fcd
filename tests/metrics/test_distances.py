"""Distances: scipy's and scikit-learn's own are the oracles; at 0 they must be 0."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from sdg_lab.metrics.distances import distances, nearest, neighbour_radii

RNG = np.random.default_rng(0)
POINTS, OTHERS = RNG.normal(size=(40, 6)), RNG.normal(size=(30, 6))


@pytest.mark.parametrize("place", [0.0, 1e6])
def test_a_point_is_at_distance_0_from_its_copy_and_nowhere_else(place):
    table = distances(POINTS + place, POINTS[:9] + place)
    assert table.shape == (40, 9)
    assert (np.argwhere(table == 0) == [[i, i] for i in range(9)]).all()


def test_a_ball_reaches_to_the_neighbour_that_is_named():
    many = RNG.normal(size=(200, 3))
    for points, k in ((POINTS, 1), (POINTS, 2), (POINTS, 39), (many, 5), (many, 20), (many, 100)):
        theirs, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()  # each point itself left out
        np.testing.assert_allclose(neighbour_radii(points, k), theirs[:, -1], rtol=1e-9)
    np.testing.assert_array_equal(neighbour_radii(np.repeat(POINTS[:3], 2, axis=0), 1), 0)


@pytest.mark.parametrize("place", [0.0, 1e6, np.array([0.0, 1e8, 0.0, -1e8, 0.0, 5e7])])
def test_the_nearest_are_those_of_the_full_table_in_rising_order(place):
    table = cdist(POINTS + place, OTHERS + place)
    found, where = nearest(POINTS + place, OTHERS + place, 3)
    np.testing.assert_array_equal(where, np.argsort(table, axis=1)[:, :3])
    np.testing.assert_allclose(found, np.sort(table, axis=1)[:, :3], rtol=1e-9)
    assert nearest(POINTS, OTHERS)[0].shape == (40, 1)


@pytest.mark.parametrize("columns", [3, 20])
@pytest.mark.parametrize("far", [1e10, 1e30])
def test_one_row_far_away_hides_no_copy(columns, far):
    among = np.random.default_rng(1).normal(size=(300, columns))
    among[0, 0] = far
    found, where = nearest(among, among)
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_array_equal(where[:, 0], np.arange(300))
