"""What is known of notes: played faster they are what a sampler makes of them, and no note is without one."""

from __future__ import annotations

import numpy as np
import pytest

from sdg_lab.models.waveforms.notes import SILENT, check_notes, every_note, expected_errors, played, require

RATE = 8_000
T = np.arange(4_000) / RATE


def tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * T)


@pytest.mark.parametrize("semitones", [-12, -5, 0, 1, 12])
def test_a_tone_that_is_played_faster_is_a_higher_tone(semitones: int):
    found = played(tone(440), semitones)
    assert found.shape == T.shape
    wanted = 440 * 2 ** (semitones / 12)
    lasts = round(len(T) * min(1, 2 ** (-semitones / 12)))
    strongest = np.abs(np.fft.rfft(found[:lasts] * np.hanning(lasts))).argmax() * RATE / lasts
    assert strongest == pytest.approx(wanted, abs=RATE / lasts)
    np.testing.assert_array_equal(found[lasts:], 0)


def test_an_octave_up_is_every_second_sample():
    smooth = tone(300) * np.hanning(len(T))
    np.testing.assert_allclose(played(smooth, 12)[: len(T) // 2], smooth[::2], atol=1e-3)


def test_each_label_gets_each_tone_its_own_where_it_has_it():
    waves = np.stack([tone(100), tone(200), tone(300), tone(400)])
    labels, tones = np.array([0, 0, 2, 2]), np.array([1, 4, 3, 3])
    found, label, where = every_note(waves, labels, tones, 6)
    of_label = {of: np.bincount(where[label == of], minlength=6).tolist() for of in np.unique(label)}
    assert of_label == {0: [1] * 6, 2: [2] * 6}
    for of, tone_of, expected in ((0, 1, waves[0]), (0, 4, waves[1]), (2, 3, waves[2])):
        np.testing.assert_array_equal(found[(label == of) & (where == tone_of)][0], expected)
    np.testing.assert_array_equal(found[(label == 0) & (where == 2)][0], played(waves[0], 1))
    np.testing.assert_array_equal(found[(label == 0) & (where == 5)][0], played(waves[1], 1))


def test_errors_are_expected_as_they_were_on_average_of_logarithms():
    errors = np.array([[1.0, -3, 0, 0, 5], [4, 4, 2, -2, 5], [1, 1, 1, 1, 1]])
    found = expected_errors(errors, np.array([0, 0, 2]), 3, grain=2, grains=4)
    logarithms = np.log(np.array([[2, 0], [4, 2], [1, 1]]) + SILENT)
    own = logarithms[:2].mean(axis=0)
    np.testing.assert_allclose(found[0], [own[0], own[1], own[1], own[1]])
    np.testing.assert_allclose(found[1, :2], logarithms.mean(axis=0))  # a class that has none
    np.testing.assert_allclose(found[2], np.full(4, np.log(1 + SILENT)))


def test_sounds_shorter_than_a_grain_have_one():
    found = expected_errors(np.full((1, 3), 0.5), np.zeros(1, np.int64), 1, grain=10, grains=2)
    np.testing.assert_allclose(found, np.full((1, 2), np.log(0.5 + SILENT)))


def test_notes_of_a_file_are_pairs_in_range():
    both = np.array([[0, 57], [1, 60]])
    np.testing.assert_array_equal(check_notes(both, labels=(0, 1), pitches=(57, 60)), both)
    np.testing.assert_array_equal(check_notes(both, labels=(0, None), pitches=(0, 127)), both)
    for wrong, message in (
        (both[:0], "it names no note of its training data"),
        (both[0], r"notes must be whole numbers of shape \(n, 2\), got int64 of shape \(2,\)"),
        (both[:, :1], r"notes must be whole numbers of shape \(n, 2\), got int64 of shape \(2, 1\)"),
        (both + 0.5, r"notes must be whole numbers of shape \(n, 2\), got float64"),
        (both + np.array([1, 0]), r"the labels of its notes must lie in 0\.\.1, got 2"),
        (both - np.array([0, 1]), r"the pitches of its notes must lie in 57\.\.60, got 56"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            check_notes(wrong, labels=(0, 1), pitches=(57, 60))


def test_what_a_file_lacks_is_named():
    require({"rate": 1, "length": 2}, "rate", "length")
    with pytest.raises(ValueError, match=r"^it lacks length, notes$"):
        require({"rate": 1}, "rate", "length", "notes")
