"""μ-law: the published formula, round trips, and edges that lie where the code changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.models.waveforms.mu_law import EDGES, LEVELS, SILENCE, decode, encode

CODES = np.arange(LEVELS)
waves = st.floats(-1, 1)


def companded(x: float) -> float:
    """Equation of van den Oord et al. (2016), section 2.2: with logarithms to another base, which must not matter."""
    return float(np.sign(x) * np.log2(1 + 255 * abs(x)) / 8)  # log2(1 + 255) = 8


@given(waves)
def test_a_code_is_the_nearest_of_256_levels_of_the_companded_wave(x: float):
    place = 255 * (companded(x) + 1) / 2
    assert abs(float(encode(np.array(x))) - place) <= 0.5 + 1e-9


@given(waves)
def test_rounding_loses_at_most_half_a_level_of_the_companded_wave(x: float):
    again = float(decode(encode(np.array(x))))
    assert abs(companded(again) - companded(x)) <= 1 / 255 + 1e-6


@given(waves, waves)
def test_a_higher_wave_has_no_lower_code(a: float, b: float):
    low, high = encode(np.sort(np.array([a, b])))
    assert low <= high


def test_every_code_survives_the_way_there_and_back():
    np.testing.assert_array_equal(encode(decode(CODES)), CODES)
    assert (np.diff(decode(CODES)) > 0).all()
    np.testing.assert_allclose(decode(CODES), -decode(CODES)[::-1], rtol=1e-6)


def test_full_scale_and_silence():
    np.testing.assert_array_equal(encode(np.array([-1.0, 0.0, 1.0])), [0, SILENCE, 255])
    np.testing.assert_allclose(decode(np.array([0, 255])), [-1, 1], rtol=1e-6)
    assert abs(float(decode(np.array(SILENCE)))) < 1e-4


def test_edges_are_where_the_code_changes():
    assert EDGES[0] == -np.inf
    assert EDGES[-1] == np.inf
    inner = EDGES[1:-1]
    assert (np.diff(inner) > 0).all()
    np.testing.assert_array_equal(encode(inner - 1e-9), CODES[:-1])
    np.testing.assert_array_equal(encode(inner + 1e-9), CODES[1:])


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_stay_and_numbers_get_small(shape: tuple[int, ...], dtype: type):
    codes = encode(np.zeros(shape, dtype))
    assert codes.shape == shape
    assert codes.dtype == np.uint8
    assert decode(codes).shape == shape
    assert decode(codes).dtype == np.float32
