"""Pitch: known from how the sounds were made, whatever their loudness and however weak their lowest partial."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from sdg_lab import data
from sdg_lab.data import Sounds
from sdg_lab.metrics.sounds import pitch as pitches
from sdg_lab.metrics.sounds.pitch import midi, pitch, within

RATE = 8_000
RNG = np.random.default_rng(0)


def tones(notes: NDArray[np.float64], partials: list[float], *, rate: int = RATE, samples: int = 4_000) -> Sounds:
    """Return sums of sines at multiples of the pitch, up to 95 % of half the rate, each in a phase of its own."""
    time = np.arange(samples) / rate
    hertz = 440 * 2 ** ((notes[:, None] - 69) / 12)
    waves = np.zeros((len(notes), samples))
    for multiple, amplitude in enumerate(partials, 1):
        heard = amplitude * (multiple * hertz < 0.475 * rate)
        waves += heard * np.sin(2 * np.pi * (multiple * hertz * time + RNG.uniform(size=(len(notes), 1))))
    waves /= np.abs(waves).max(axis=1, keepdims=True)
    return Sounds(waves.astype(np.float32), rate, pitches=np.round(notes).astype(np.int64))


def louder(sounds: Sounds, factor: float) -> Sounds:
    return Sounds(sounds.waves * np.float32(factor), sounds.rate, pitches=sounds.pitches)


NOTES = np.linspace(41, 89, 50)


@pytest.mark.parametrize("partials", [[1.0], [1, 0.5, 0.3, 0.2], [0.1, 1, 0.6, 0.3], [0.3, 0.2, 1, 0.1, 0.5]])
def test_sums_of_sines_have_the_pitch_that_they_were_made_with(partials: list[float]):
    weak = len(partials) > 1 and partials[0] < partials[1]
    notes = NOTES[NOTES < 72] if weak else NOTES  # so that the strong partials are within the rate
    assert np.abs(pitch(tones(notes, partials)) - notes).max() < 0.05


def test_a_missing_fundamental_is_heard():
    notes = NOTES[NOTES < 72]
    assert np.abs(pitch(tones(notes, [0, 1, 0.8, 0.5])) - notes).max() < 0.05


def test_it_does_not_depend_on_the_loudness():
    sounds = tones(NOTES, [1, 0.5, 0.3])
    np.testing.assert_allclose(pitch(louder(sounds, 1e-3)), pitch(sounds), atol=1e-3)


def test_another_rate_and_an_offset_change_nothing():
    sounds = tones(NOTES, [1, 0.5], rate=22_050, samples=8_000)
    offset = Sounds(sounds.waves * np.float32(0.5) + np.float32(0.4), sounds.rate)
    assert np.abs(pitch(sounds) - NOTES).max() < 0.05
    np.testing.assert_allclose(pitch(offset), pitch(sounds), atol=1e-2)


def test_only_the_loud_part_counts():
    low, high = tones(np.array([50.0]), [1, 0.5]), tones(np.array([61.0]), [1, 0.5])
    waves = np.concatenate([0.05 * low.waves, 0.05 * low.waves, 0.9 * high.waves], axis=1)
    assert pitch(Sounds(waves.astype(np.float32), RATE))[0] == pytest.approx(61, abs=0.05)


def test_noise_and_silence_have_none():
    noise = RNG.normal(size=(50, 8_000))
    noise /= np.abs(noise).max()
    silence = np.zeros((2, 8_000))
    assert np.isnan(pitch(Sounds(np.concatenate([noise, silence]).astype(np.float32), RATE))).all()


def test_a_pitch_beyond_the_bounds_is_none():
    sounds = tones(np.array([45.0, 60.0, 80.0]), [1, 0.3])
    found = pitch(sounds, lowest=50, highest=70)
    assert found[1] == pytest.approx(60, abs=0.05)
    assert not (found[[0, 2]] == np.array([45, 80])).any()
    assert all(np.isnan(x) or 50 <= x <= 70 for x in found)


def test_many_sounds_are_measured_as_few_are(monkeypatch: pytest.MonkeyPatch):
    sounds = tones(NOTES[:10], [1, 0.5])
    whole = pitch(sounds)
    monkeypatch.setattr(pitches, "AT_ONCE", 3)
    np.testing.assert_allclose(pitch(sounds), whole)
    assert pitch(sounds[:0]).shape == (0,)


def test_sounds_and_frames_are_held_in_memory_by_blocks(monkeypatch: pytest.MonkeyPatch):
    """All frames of these sounds have 12 MB, and their autocorrelations 100."""
    monkeypatch.setattr(pitches, "AT_ONCE", 2**16)
    sounds = tones(np.full(16, 60.0), [1, 0.5], samples=24_000)
    pitch(sounds[:1])  # what is loaded once
    tracemalloc.start()
    try:
        found = pitch(sounds)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(found, 60, atol=0.05)
    assert most < 8e6


def test_a_low_rate_lowers_the_highest_pitch_that_is_looked_for():
    low = tones(np.array([60.0, 83.0]), [1], rate=4_000, samples=2_000)
    np.testing.assert_allclose(pitch(low), [60, 83], atol=0.05)
    assert within(low) == 1
    with pytest.raises(ValueError, match=r"^highest must be > 40 and <= 83\.2131, got 90$"):
        pitch(low, highest=90)
    with pytest.raises(ValueError, match=r"^of sounds with 300 samples a second no pitch above 40 .* more than 330$"):
        within(Sounds(low.waves, 300, pitches=low.pitches))


@pytest.mark.slow
def test_real_notes_have_the_pitch_on_their_label():
    notes = data.sounds()
    assert min(within(part, 0.5) for part in (notes.train, notes.validation, notes.test)) >= 0.97


def test_within_counts_what_is_near():
    sounds = tones(np.array([60.0, 60.3, 61.0, 62.0]), [1, 0.5])
    asked = Sounds(np.concatenate([sounds.waves, 0 * sounds.waves[:1]]), RATE, pitches=np.array([60, 60, 60, 60, 60]))
    assert [within(asked, s) for s in (0.1, 0.5, 1.1, 2.1)] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_midi_numbers():
    np.testing.assert_allclose(midi([440, 880, 220, 261.6256]), [69, 81, 57, 60], atol=1e-4)


def test_refusals():
    sounds = tones(np.array([60.0]), [1])
    with pytest.raises(TypeError, match="sounds must be"):
        pitch(sounds.waves)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sounds have 100 samples; their pitch needs 512"):
        pitch(Sounds(sounds.waves[:, :100], RATE))
    with pytest.raises(ValueError, match="lowest must be >= 36"):
        pitch(sounds, lowest=30)
    with pytest.raises(ValueError, match="highest must be > 40"):
        pitch(sounds, highest=40)
    with pytest.raises(ValueError, match=r"highest must be .*<= 95"):
        pitch(sounds, highest=100)
    with pytest.raises(ValueError, match="with the pitches that they should have"):
        within(Sounds(sounds.waves, RATE))
    with pytest.raises(ValueError, match="sounds must be one or more"):
        within(sounds[:0])
    with pytest.raises(ValueError, match="semitones must be >= 0"):
        within(sounds, -1)
