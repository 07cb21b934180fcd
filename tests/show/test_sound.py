"""Sounds: what is drawn is where it sounds, and what is played is what was given."""

import base64
import re
import struct

import numpy as np
import pytest
import torch

from sdg_lab import show
from sdg_lab.data.types import Sounds

RATE = 8_000
TIMES = np.arange(RATE) / RATE
LOW_THEN_HIGH = 0.5 * np.sin(2 * np.pi * np.where(TIMES < 0.5, 500, 2_500) * TIMES)
WAVES = (np.random.default_rng(0).uniform(-1, 1, (6, 1_000)) * np.linspace(0.1, 1, 6)[:, None]).astype(np.float32)
SOUNDS = Sounds(WAVES, RATE, np.array([0, 1, 0, 1, 0, 1]), ("oboe", "horn"), np.arange(60, 66))


def drawn(axes):
    """Return the decibels of an image, and the time (s) and frequency (kHz) of a place in it."""
    (image,) = axes.images
    decibels = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    times = left + (np.arange(decibels.shape[1]) + 0.5) * (right - left) / decibels.shape[1]
    frequencies = bottom + (np.arange(decibels.shape[0]) + 0.5) * (top - bottom) / decibels.shape[0]
    return decibels, times, frequencies


@pytest.mark.parametrize(("pitch", "name"), [(69, "A4"), (60, "C4"), (61, "C♯4"), (59, "B3"), (0, "C-1"), (127, "G9")])
def test_notes_have_their_names(pitch, name):
    assert show.note_name(pitch) == name


@pytest.mark.parametrize("wave", [LOW_THEN_HIGH, torch.tensor(LOW_THEN_HIGH), LOW_THEN_HIGH.tolist()])
def test_a_tone_is_drawn_at_its_time_and_frequency(wave):
    figure = show.spectrogram(wave, RATE, title="Low, then high")
    axes, bar = figure.axes
    decibels, times, frequencies = drawn(axes)
    loudest = frequencies[decibels.argmax(axis=0)]
    resolution = 1 / 0.032 / 1000
    np.testing.assert_allclose(loudest[times < 0.48], 0.5, atol=resolution / 2)
    np.testing.assert_allclose(loudest[times > 0.52], 2.5, atol=resolution / 2)
    assert (decibels.max(), axes.get_ylim()) == (0, (0, 4))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "frequency (kHz)")
    assert bar.get_ylabel() == "dB below the loudest"
    assert figure.alternative() == "Low, then high"


def test_ten_times_less_amplitude_is_20_decibels_less():
    wave = np.sin(2 * np.pi * 1_000 * TIMES) + 0.1 * np.sin(2 * np.pi * 3_000 * TIMES)
    decibels, _, frequencies = drawn(show.spectrogram(wave, RATE, title="t").axes[0])
    middle = decibels[:, decibels.shape[1] // 2]
    assert middle[np.abs(frequencies - 1).argmin()] == pytest.approx(0, abs=0.1)
    assert middle[np.abs(frequencies - 3).argmin()] == pytest.approx(-20, abs=0.1)
    assert middle.min() == -60


def test_silence_is_drawn_as_silence():
    decibels, _, _ = drawn(show.spectrogram(np.zeros(RATE), RATE, title="t").axes[0])
    assert (decibels == -60).all()


def test_the_axis_may_end_earlier():
    assert show.spectrogram(LOW_THEN_HIGH, RATE, title="t", highest=2_000).axes[0].get_ylim() == (0, 2)


def test_several_are_drawn_row_by_row_with_their_class_and_note():
    figure = show.spectrograms(SOUNDS, title="Six", columns=4)
    *axes, bar = figure.axes
    titles = [ax.get_title(loc="left") for ax in axes if ax.get_visible()]
    assert titles == ["oboe C4", "horn C♯4", "oboe D4", "horn D♯4", "oboe E4", "horn F4"]
    assert len(axes) == 8
    for ax, wave in zip(axes, WAVES, strict=False):
        alone, _, _ = drawn(show.spectrogram(wave, RATE, title="t").axes[0])
        np.testing.assert_allclose(drawn(ax)[0], alone, atol=1e-4)  # each in decibels below its own loudest
    assert bar.get_ylabel() == "dB below each one's loudest"
    assert figure.get_suptitle() == "Six"


def test_rows_limit_what_is_drawn_and_labels_may_be_others():
    figure = show.spectrograms(SOUNDS, title="t", columns=2, rows=2, labels="abcdef")
    assert [ax.get_title(loc="left") for ax in figure.axes[:-1]] == ["a", "b", "c", "d"]
    bare = show.spectrograms(Sounds(WAVES[:1], RATE), title="t")
    assert [ax.get_title(loc="left") for ax in bare.axes[:-1]] == [""]


def test_sources_have_a_row_each_with_their_names():
    other = Sounds(WAVES[::-1].copy(), RATE, SOUNDS.labels)
    figure = show.spectrograms({"real": SOUNDS, "WaveNet": other}, title="t", columns=3)
    axes = figure.axes[:-1]
    assert [ax.get_ylabel() for ax in axes] == ["real", "", "", "WaveNet", "", ""]
    assert [ax.get_title(loc="left") for ax in axes] == ["oboe C4", "horn C♯4", "oboe D4", "0", "1", "0"]
    np.testing.assert_array_equal(drawn(axes[3])[0], drawn(show.spectrogram(WAVES[5], RATE, title="t").axes[0])[0])


def test_a_wave_is_drawn_over_time_or_a_piece_of_it():
    (axes,) = show.waveform(LOW_THEN_HIGH, RATE, title="All").axes
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), TIMES)
    np.testing.assert_array_equal(line.get_ydata(), LOW_THEN_HIGH)
    assert (axes.get_xlabel(), line.get_color()) == ("time (s)", show.colour("real"))
    (line,) = show.waveform(LOW_THEN_HIGH, RATE, title="t", start=0.5, seconds=0.01, role="synthetic").axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), TIMES[4_000:4_080])
    np.testing.assert_array_equal(line.get_ydata(), LOW_THEN_HIGH[4_000:4_080])
    assert line.get_color() == show.colour("synthetic")


def test_they_are_drawn_on_axes_that_are_given():
    figure, axes = show.panels(2)
    assert show.waveform(LOW_THEN_HIGH, RATE, title="t", ax=axes[0, 0]) is figure
    assert show.spectrogram(LOW_THEN_HIGH, RATE, title="t", ax=axes[1, 0]) is figure


def test_a_player_plays_what_was_given_as_loud_as_it_is():
    pytest.importorskip("IPython")
    player = show.player(LOW_THEN_HIGH.astype(np.float32), RATE, text='oboe & "horn"')
    page = player._repr_html_()
    assert 'aria-label="oboe &amp; &quot;horn&quot;"' in page
    assert repr(player) == 'Sound: oboe & "horn"'
    content = base64.b64decode(re.findall(r"base64,([^\"]+)", page)[0])
    assert content[:4] == b"RIFF"
    assert struct.unpack("<HHI", content[20:28]) == (1, 1, RATE)
    played = np.frombuffer(content[44:], "<i2") / 32_767
    np.testing.assert_allclose(played, LOW_THEN_HIGH, atol=1.1 / 32_767)
    assert len(page) < 22_000
    assert repr(show.player(WAVES[0], RATE)) == "Sound: 0.125 s at 8,000 Hz"


BAD = LOW_THEN_HIGH.copy()
BAD[7] = np.nan


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: show.note_name(128), ValueError, "pitch must be a whole number >= 0 and <= 127, got 128"),
        (lambda: show.waveform(BAD, RATE, title="t"), ValueError, r"wave\[7\] is nan"),
        (lambda: show.waveform(WAVES, RATE, title="t"), ValueError, "wave must"),
        (lambda: show.waveform(LOW_THEN_HIGH, 0, title="t"), ValueError, "rate must be a whole number >= 1, got 0"),
        (
            lambda: show.waveform(LOW_THEN_HIGH, RATE, title="t", start=1),
            ValueError,
            "start=1 and seconds=None leave 0",
        ),
        (lambda: show.waveform(LOW_THEN_HIGH, RATE, title="t", start=-1), ValueError, "start must be >= 0, got -1"),
        (
            lambda: show.spectrogram(WAVES[0, :200], RATE, title="t"),
            ValueError,
            r"wave has 200 samples; .* 256 or more",
        ),
        (
            lambda: show.spectrogram(LOW_THEN_HIGH, RATE, title="t", highest=5_000),
            ValueError,
            "highest must be > 0 and <= 4000, got 5000",
        ),
        (
            lambda: show.spectrograms(WAVES, title="t"),
            TypeError,
            "sounds must be Sounds, or Sounds by name, got ndarray",
        ),
        (lambda: show.spectrograms({"a": WAVES}, title="t"), TypeError, "Sounds by name, got ndarray a"),
        (lambda: show.spectrograms({}, title="t"), ValueError, "there is no sound to draw"),
        (lambda: show.spectrograms(SOUNDS[:0], title="t"), ValueError, "there is no sound to draw"),
        (
            lambda: show.spectrograms(SOUNDS, title="t", columns=0),
            ValueError,
            "columns must be a whole number >= 1, got",
        ),
        (lambda: show.spectrograms(SOUNDS, title="t", rows=0), ValueError, "rows must be a whole number >= 1, got 0"),
        (lambda: show.spectrograms(SOUNDS, title="t", labels="a"), ValueError, "got 1 labels for 6 sounds"),
        (lambda: show.spectrograms({"a": SOUNDS}, title="t", rows=1), ValueError, "leave rows and labels out"),
        (lambda: show.spectrograms({"a": SOUNDS}, title="t", columns=7), ValueError, "a has 6 sounds, 7 are wanted"),
        (
            lambda: show.spectrograms({"a": SOUNDS, "b": Sounds(WAVES, 9_000)}, title="t"),
            ValueError,
            r"several rates, \[8000, 9000\] Hz",
        ),
        (lambda: show.player(3 * LOW_THEN_HIGH, RATE), ValueError, r"wave reaches 1\.5, beyond full scale \(1\), and"),
        (lambda: show.player(BAD, RATE), ValueError, r"wave\[7\] is nan"),
        (
            lambda: show.player(SOUNDS, RATE),
            TypeError,
            r"wave must be one wave, got <Sounds: 6 of .*>; take one: sounds\.waves\[0\], sounds\.rate",
        ),
        (lambda: show.waveform(SOUNDS, RATE, title="t"), TypeError, "wave must be one wave, got <Sounds"),
        (lambda: show.player(np.zeros(0), RATE), ValueError, "wave has no samples; give at least one"),
        (lambda: show.spectrogram([], RATE, title="t"), ValueError, "wave has no samples"),
    ],
)
def test_what_cannot_be_drawn_or_played_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
