"""Spectrograms: those of another library, and sounds that keep their pitch there and back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT

from sdg_lab import data
from sdg_lab.data import Images, Sounds
from sdg_lab.metrics.sounds.pitch import within
from sdg_lab.models.waveforms.spectrograms import (
    FLOOR,
    _inverse,
    _stft,
    spectral_convergence,
    to_images,
    to_sounds,
)

RATE = 8_000


@pytest.fixture(scope="module")
def notes() -> Sounds:
    return data.sounds().test[:24]


@pytest.fixture(scope="module")
def images(notes: Sounds) -> Images:
    return to_images(notes)


def test_an_image_has_the_shape_and_labels_that_it_should(notes: Sounds, images: Images):
    assert images.shape == (1, 128, 64)
    assert images.labels is notes.labels
    assert images.classes == notes.classes


def test_magnitudes_are_those_of_scipy(notes: Sounds, images: Images):
    window = np.sin(np.pi * (np.arange(256) + 0.5) / 256) ** 2
    transform = ShortTimeFFT(window, hop=128, fs=RATE, fft_mode="onesided")
    theirs = np.abs(transform.stft(notes.waves.astype(np.float64), k_offset=64, p0=0, p1=64)) * 2 / window.sum()
    expected = np.log1p(theirs[:, :128][:, ::-1] / FLOOR) / np.log1p(1 / FLOOR)
    np.testing.assert_allclose(images.pixels[:, 0], expected, atol=1e-4)


def test_a_sine_is_as_bright_as_it_is_loud_and_silence_is_black():
    wave = np.sin(2 * np.pi * 1000 * np.arange(8_192) / RATE)
    full, soft, silent = to_images(Sounds((np.array([[1], [0.1], [0]]) * wave).astype(np.float32), RATE)).pixels[:, 0]
    row = 127 - 1000 // 31.25  # the highest frequency is at the top
    assert full[:, 30].argmax() == row
    assert full[int(row), 5:60] == pytest.approx(1, abs=1e-3)
    assert soft[int(row), 5:60] == pytest.approx(1 - 20 / 60, abs=2e-3)  # 20 dB of 60
    assert (silent == 0).all()


def test_there_and_back_the_sound_is_nearly_the_same(notes: Sounds, images: Images):
    back = to_sounds(images, RATE, length=8_000, pitches=notes.pitches)
    assert back.waves.shape == notes.waves.shape
    assert back.labels is images.labels
    assert within(back, 0.5) >= 0.97
    assert np.median(spectral_convergence(back, images)) < 0.1


def test_the_search_for_phases_comes_nearer_step_by_step(images: Images):
    few = images[:4]
    distances = [
        spectral_convergence(to_sounds(few, RATE, steps=steps, momentum=0), few).mean() for steps in (0, 1, 5, 20)
    ]
    assert distances == sorted(distances, reverse=True)
    fast = spectral_convergence(to_sounds(few, RATE, steps=20), few).mean()
    assert fast < distances[-1] < 0.5 * distances[0]


def test_with_the_true_phases_the_transform_is_undone(notes: Sounds):
    waves = notes.waves[:3].astype(np.float64)
    rebuilt = _inverse(_stft(waves, 64), 8_000)
    np.testing.assert_allclose(rebuilt, waves, atol=1e-9)


def test_the_seed_decides_the_phases(images: Images):
    first, again, other = (to_sounds(images[:2], RATE, steps=2, seed=seed).waves for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_what_is_louder_than_full_scale_is_made_softer():
    loud = to_sounds(Images(np.ones((1, 1, 128, 16), np.float32)), RATE, steps=1)
    assert np.abs(loud.waves).max() == 1


def test_refusals(notes: Sounds, images: Images):
    with pytest.raises(TypeError, match=r"sounds must be sdg_lab\.data\.Sounds, got ndarray"):
        to_images(notes.waves)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"images must be sdg_lab\.data\.Images, got ndarray"):
        to_sounds(images.pixels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"images must have shape \(1, 128, columns\), got \(1, 8, 8\)"):
        to_sounds(Images(np.zeros((2, 1, 8, 8), np.float32)))
    with pytest.raises(ValueError, match="length=9,000 makes 80 columns, the images have 64"):
        to_sounds(images, length=9_000)
    with pytest.raises(ValueError, match="momentum must be >= 0 and < 1"):
        to_sounds(images, momentum=1)
    with pytest.raises(ValueError, match="steps must be a whole number >= 0"):
        to_sounds(images, steps=-1)
    with pytest.raises(ValueError, match="the sounds make images"):
        spectral_convergence(notes, images[:3])


def test_of_no_images_there_are_no_sounds(images: Images):
    assert to_sounds(images[:0], RATE, length=8_000, steps=2).waves.shape == (0, 8_000)
