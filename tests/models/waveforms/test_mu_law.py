"""μ-law: the published formula, round trips, and edges that lie where the code changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.models.waveforms.mu_law import LEVELS, MOST_LEVELS, audible, decode, edges, encode, silence

waves = st.floats(-1, 1)
each = pytest.mark.parametrize("levels", [LEVELS, 2, 1024, MOST_LEVELS])


def companded(x: float) -> float:
    """Equation of van den Oord et al. (2016), section 2.2: with logarithms to another base, which must not matter."""
    return float(np.sign(x) * np.log2(1 + 255 * abs(x)) / 8)  # log2(1 + 255) = 8


@each
@given(x=waves)
def test_a_code_is_the_nearest_level_of_the_companded_wave(levels: int, x: float):
    place = (levels - 1) * (companded(x) + 1) / 2
    assert abs(float(encode(np.array(x), levels)) - place) <= 0.5 + 1e-9


@each
@given(x=waves)
def test_rounding_loses_at_most_half_a_level_of_the_companded_wave(levels: int, x: float):
    again = float(decode(encode(np.array(x), levels), levels))
    assert abs(companded(again) - companded(x)) <= 1 / (levels - 1) + 1e-6


@each
@given(a=waves, b=waves)
def test_a_higher_wave_has_no_lower_code(levels: int, a: float, b: float):
    low, high = encode(np.sort(np.array([a, b])), levels)
    assert low <= high


@each
def test_every_code_survives_the_way_there_and_back(levels: int):
    codes = np.arange(levels)
    np.testing.assert_array_equal(encode(decode(codes, levels), levels), codes)
    assert (np.diff(decode(codes, levels)) > 0).all()
    np.testing.assert_allclose(decode(codes, levels), -decode(codes, levels)[::-1], rtol=1e-6)


@each
def test_full_scale_and_silence(levels: int):
    found = encode(np.array([-1.0, 0.0, 1.0]), levels)
    np.testing.assert_array_equal(found, [0, silence(levels), levels - 1])
    np.testing.assert_allclose(decode(np.array([0, levels - 1]), levels), [-1, 1], rtol=1e-6)
    if levels > 2:
        assert abs(float(decode(np.array(silence(levels)), levels))) < 1e-4


def test_with_256_levels_it_is_the_published_formula():
    assert silence() == 128
    np.testing.assert_array_equal(encode(np.array([0.5, -0.01, 0.001])), [239, 98, 133])  # by hand


@each
def test_edges_are_where_the_code_changes(levels: int):
    found = edges(levels)
    assert found.shape == (levels + 1,)
    assert (found[0], found[-1]) == (-np.inf, np.inf)
    inner = found[1:-1]
    assert (np.diff(inner) > 0).all()
    np.testing.assert_array_equal(encode(inner - 1e-9, levels), np.arange(levels - 1))
    np.testing.assert_array_equal(encode(inner + 1e-9, levels), np.arange(1, levels))


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_stay_and_numbers_get_small(shape: tuple[int, ...], dtype: type):
    codes = encode(np.zeros(shape, dtype))
    assert codes.shape == shape
    assert codes.dtype == np.uint8
    assert encode(np.ones(shape, dtype), MOST_LEVELS).dtype == np.int16
    assert (encode(np.ones(shape, dtype), MOST_LEVELS) == MOST_LEVELS - 1).all(), "16 bits are enough for all codes"
    assert decode(codes).shape == shape
    assert decode(codes).dtype == np.float32


@pytest.mark.parametrize("levels", [255, LEVELS, MOST_LEVELS])
def test_what_is_quieter_than_the_first_step_is_silence(levels: int):
    step = edges(levels)[silence(levels) + 1]  # from here on the code is another
    given = np.array([[0, 0], [0, 0.9 * step], [0, 1.1 * step], [-0.5, 0]])
    assert audible(given, levels).tolist() == [False, False, True, True]
