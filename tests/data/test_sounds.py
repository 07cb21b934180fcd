"""Sounds: notes that have the pitch they should, a split by recording, and WAV files of any kind."""

from __future__ import annotations

import builtins
import logging
import struct
import wave as wav
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.io import wavfile

from sdg_lab import data
from sdg_lab.data import Dataset, Sounds, as_sounds, packages
from sdg_lab.data.soundfont import RELEASE, Bank, Zone
from sdg_lab.data.sounds import INSTRUMENTS, PEAKS

RATE = 8_000
WAVES = np.zeros((3, 4), np.float32)


@pytest.fixture(scope="module")
def notes() -> Dataset[Sounds]:
    return data.sounds()


def hertz(pitch: float) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def pitch_of(wave: NDArray[Any], rate: int) -> float:
    """Return the pitch of a note as a MIDI number, from the delay at which it is most like itself.

    The autocorrelation is taken eight times as finely as the samples lie. The first of its high peaks says the period;
    a peak some periods later says it exactly.
    """
    middle = wave[len(wave) // 4 : 7 * len(wave) // 8].astype(np.float64)
    window = np.hanning(len(middle))
    fine = 8
    spectra = [np.abs(np.fft.rfft(x, 2 * len(middle))) ** 2 for x in (middle * window, window)]
    like, fade = (np.fft.irfft(np.pad(x, (0, (fine - 1) * (len(x) - 1))))[: fine * len(middle) // 2] for x in spectra)
    like = like / fade
    first, last = fine * rate // 1500, fine * rate // 60
    peaks = first + np.flatnonzero(
        (like[first:last] > like[first - 1 : last - 1]) & (like[first:last] > like[first + 1 : last + 1])
    )
    period = float(peaks[like[peaks] > 0.96 * like[peaks].max()][0])
    periods = 1
    while 2 * periods * period < 0.02 * fine * rate:
        periods *= 2
        about = round(period * periods)
        near = np.arange(about - round(period / 4), about + round(period / 4))
        period = float(near[like[near].argmax()]) / periods
    return float(69 + 12 * np.log2(fine * rate / period / 440))


# The bank


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank(packages.file("pretty_midi", "TimGM6mb.sf2"))


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    """Return the bank as sf2utils reads it; it warns of names it cannot decode."""
    parser = pytest.importorskip("sf2utils.sf2parse", exc_type=ImportError)  # it needs audioop, gone since Python 3.13
    logging.disable(logging.WARNING)
    with packages.file("pretty_midi", "TimGM6mb.sf2").open("rb") as file:
        yield parser.Sf2File(file)
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_bank_is_read_as_sf2utils_reads_it(instrument: str, bank: Bank, theirs: Any) -> None:
    name, lowest, highest = INSTRUMENTS[instrument]
    (found,) = [one for one in theirs.instruments if one.name == name]
    expected = [bag for bag in found.bags if bag.sample is not None]
    zones = bank.zones(name)
    assert len(zones) == len(expected) >= 5
    for zone, bag in zip(zones, expected, strict=True):
        assert [zone.keys[0], zone.keys[-1]] == list(bag.key_range)
        assert zone.recording == bag.sample.name.strip()
        assert zone.rate == bag.sample.sample_rate
        # Theirs is 16-bit samples as bytes.
        stored = np.frombuffer(bag.sample.raw_sample_data, "<i2") if bag.sample.raw_sample_data else None
        assert stored is not None
        np.testing.assert_array_equal(zone.wave[: len(stored)] * 32_768, stored[: len(zone.wave)])
        recorded = bag.sample.original_pitch if bag.base_note is None else bag.base_note
        fine = (bag.fine_tuning or 0) + bag.sample.pitch_correction
        assert zone.root == pytest.approx(recorded - fine / 100 - (bag.tuning or 0))
    covered = {key for zone in zones for key in zone.keys}
    assert set(range(lowest, highest + 1)) - covered == ({64} if instrument == "alto saxophone" else set())


def test_what_is_no_soundfont_is_refused(tmp_path: Path) -> None:
    whole = packages.file("pretty_midi", "TimGM6mb.sf2").read_bytes()
    for content in (b"", b"no bank at all", b"RIFF\x04\0\0\0sfbk", whole[:50_000], whole[:-1000]):
        path = tmp_path / "a.sf2"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.sf2 is no whole SoundFont; install the package"):
            Bank(path)


def test_an_unknown_instrument_is_answered_with_the_known_ones(bank: Bank) -> None:
    with pytest.raises(ValueError, match=r"^the bank has no instrument 'Kazoo'; it has Flute TB, "):
        bank.zones("Kazoo")


# A note of a recording that is known: a sine


def sine(hertz_recorded: float, rate: int = 16_000, **changes: Any) -> Zone:
    """Return a zone whose recording is a sine of a whole number of periods in its loop."""
    times = np.arange(rate // 4) / rate
    wave = (0.5 * np.sin(2 * np.pi * hertz_recorded * times)).astype(np.float32)
    given: dict[str, Any] = {
        **{
            "recording": "sine",
            "keys": range(128),
            "wave": wave,
            "rate": rate,
            "root": 69.0,
            "loop": (rate // 8, rate // 4),
        },
        **{"attack": 1e-3, "hold": 1e-3, "decay": 1.0, "sustain": 0.0},
    }
    return Zone(**{**given, **changes})


def middle(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    return wave[len(wave) // 10 : -len(wave) // 10]


@pytest.mark.parametrize("rate", [8_000, 11_025, 48_000])
@pytest.mark.parametrize("pitch", [57, 68.5, 69, 74, 81])
def test_a_note_is_the_sine_that_was_recorded_at_another_pitch(pitch: float, rate: int) -> None:
    note = sine(440).note(pitch, rate=rate, samples=rate)
    assert (note.dtype, note.shape) == (np.dtype("float32"), (rate,))
    times = np.arange(rate) / rate
    # Length and step are rounded to whole samples: the phase drifts by less than a hundredth of a turn a second.
    ours, expected = middle(note), middle(0.5 * np.sin(2 * np.pi * hertz(pitch) * times))
    turned = middle(0.5 * np.cos(2 * np.pi * hertz(pitch) * times))
    assert np.linalg.norm(np.stack([ours @ expected, ours @ turned])) / (expected @ expected) == pytest.approx(
        1, abs=0.01
    )


def test_a_tone_above_half_the_rate_is_filtered_out_and_comes_back_as_no_other() -> None:
    # 3,000 Hz an octave up are 6,000 Hz, which 8,000 samples a second would show as 2,000 Hz.
    assert np.abs(middle(sine(3_000).note(81, rate=8_000, samples=8_000))).max() < 1e-3
    assert np.abs(middle(sine(3_000).note(81, rate=16_000, samples=16_000))).max() == pytest.approx(0.5, abs=0.01)


def test_a_loop_is_gone_round_without_a_gap_and_a_recording_without_one_ends() -> None:
    note = sine(440).note(69, rate=8_000, samples=24_000)  # three seconds of a quarter
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
    assert np.delete(spectrum, range(1320 - 3, 1320 + 4)).max() < 1e-3 * spectrum.max()
    once = sine(440, loop=None).note(69, rate=8_000, samples=8_000)
    assert np.abs(once[:1900]).max() > 0.4
    assert np.abs(once[2200:]).max() < 5e-3


def test_going_round_a_loop_begins_again_at_its_first_sample() -> None:
    zone = sine(440, wave=np.arange(6, dtype=np.float32), loop=(2, 5))
    assert zone.played(11).tolist() == [0, 1, 2, 3, 4, 2, 3, 4, 2, 3, 4]
    assert zone.played(3).tolist() == [0, 1, 2]
    assert sine(440, wave=np.arange(3, dtype=np.float32), loop=None).played(5).tolist() == [0, 1, 2, 0, 0]


def test_a_note_rises_holds_falls_in_decibels_and_ends_in_silence() -> None:
    zone = sine(440, attack=0.2, hold=0.1, decay=2.0, sustain=20.0)
    times = np.array([0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 5.0])
    decibels = [-np.inf, 20 * np.log10(0.5), 0, 0, 0, -5, -10, -20, -20]
    np.testing.assert_allclose(zone.envelope(times), 10 ** (np.array(decibels) / 20), atol=1e-12)
    note = sine(440).note(69, rate=8_000, samples=8_000)
    assert note[-1] == 0
    assert np.abs(note[-round(RELEASE * 8_000) // 4 :]).max() < 0.1


# The notes


def test_there_are_two_of_each_semitone_of_eight_instruments(notes: Dataset[Sounds]) -> None:
    found = [
        (sounds.classes[label], pitch)
        for sounds in notes.parts.values()
        for label, pitch in zip(sounds.labels, sounds.pitches, strict=True)
    ]
    expected = [
        (name, pitch)
        for name, (_, lowest, highest) in INSTRUMENTS.items()
        for pitch in range(lowest, highest + 1)
        if (name, pitch) != ("alto saxophone", 64)  # the bank has no recording for it
    ]
    assert sorted(found) == sorted(expected * 2)
    assert len(found) == 498


def test_half_are_loud_half_are_soft_and_none_clicks(notes: Dataset[Sounds]) -> None:
    waves = np.concatenate([sounds.waves for sounds in notes.parts.values()])
    assert waves.shape[1] == RATE
    peaks = np.abs(waves).max(axis=1)
    assert np.isclose(peaks[:, None], PEAKS, atol=1e-5).sum(axis=0).tolist() == [249, 249]
    assert 0.2 <= min(PEAKS) < max(PEAKS) <= 0.9
    assert np.abs(waves[:, -1]).max() == 0
    # The first sample is within 10 % of the peak, and no constant is in them, which would click at both ends.
    assert (np.abs(waves[:, 0]) / peaks).max() < 0.1
    assert (np.abs(waves.mean(axis=1)) / peaks).max() < 0.01


def test_every_instrument_is_in_every_part_and_no_recording_in_two(notes: Dataset[Sounds], bank: Bank) -> None:
    heard: dict[str, set[str]] = {}
    for part, sounds in notes.parts.items():
        assert set(sounds.labels.tolist()) == set(range(len(INSTRUMENTS)))
        for label, pitch in zip(sounds.labels, sounds.pitches, strict=True):
            (zone,) = (z for z in bank.zones(INSTRUMENTS[sounds.classes[label]][0]) if pitch in z.keys)
            heard.setdefault(f"{label} {zone.recording}", set()).add(part)
    assert {recording: parts for recording, parts in heard.items() if len(parts) > 1} == {}
    counts = {part: sum(part in parts for parts in heard.values()) for part in notes.parts}
    assert counts == {"train": 34, "validation": 9, "test": 10}


def test_what_a_held_out_instrument_plays_is_heard_from_another_but_not_from_it(notes: Dataset[Sounds]) -> None:
    train = set(zip(notes.train.labels.tolist(), notes.train.pitches.tolist(), strict=True))
    pitches = {pitch for _, pitch in train}
    for held_out in (notes.validation, notes.test):
        there = set(zip(held_out.labels.tolist(), held_out.pitches.tolist(), strict=True))
        assert not there & train
        assert np.mean([pitch in pitches for _, pitch in there]) > 0.9


def test_notes_are_in_tune(notes: Dataset[Sounds]) -> None:
    off = {}
    for sounds in notes.parts.values():
        loud = sounds[np.abs(sounds.waves).max(axis=1) > 0.5]  # the soft ones are the same
        for wave, label, pitch in zip(loud.waves, loud.labels, loud.pitches, strict=True):
            if abs(cents := 100 * (pitch_of(wave, RATE) - pitch)) > 30:
                off[loud.classes[label], int(pitch)] = round(cents)
    assert off == {}


def test_the_measure_of_pitch_is_right_itself() -> None:
    times = np.arange(RATE) / RATE
    for pitch in (48, 60.3, 71.7, 83):
        loudness = [1.0, 0.0, 2.0, 1.0]  # the second harmonic is missing, the third is the loudest
        tones = [a * np.sin(2 * np.pi * (k + 1) * hertz(pitch) * times) for k, a in enumerate(loudness)]
        assert pitch_of(sum(tones), RATE) == pytest.approx(pitch, abs=0.02)  # type: ignore[arg-type]


def test_rate_and_length_may_be_chosen(notes: Dataset[Sounds]) -> None:
    longer = data.sounds(rate=12_000, seconds=0.25)
    assert repr(longer.test) == f"<Sounds: {len(notes.test)} of 0.25 s at 12,000 Hz, 8 classes>"
    assert longer.test.pitches.tolist() == notes.test.pitches.tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rate": 3_999}, "rate must be a whole number >= 4000 and <= 48000, got 3999"),
        ({"rate": 8_000.0}, "rate must be a whole number >= 4000 and <= 48000, got 8000.0"),
        ({"seconds": 0.01}, "seconds must be >= 0.1 and <= 10, got 0.01"),
        ({"seconds": "1"}, "seconds must be >= 0.1 and <= 10, got '1'"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        data.sounds(**arguments)
    assert str(refusal.value) == sentence


def test_the_package_is_looked_into_and_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = builtins.__import__

    def refusing(name: str, *others: Any) -> Any:
        assert name.partition(".")[0] not in ("pretty_midi", "sf2utils")
        return ordinary(name, *others)

    monkeypatch.setattr(builtins, "__import__", refusing)
    assert len(data.sounds(seconds=0.1).train) == 316


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^the package pretty_midi is not installed, .* run: .* pretty_midi$"):
        data.sounds()


# The type


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (
            (WAVES.astype(np.float64), 8),
            TypeError,
            "waves must be float32, got float64; divide by the full scale first",
        ),
        ((WAVES.tolist(), 8), TypeError, "waves must be a numpy array, got list"),
        ((WAVES[0], 8), ValueError, "waves must have shape (n, samples), samples >= 1, got (4,)"),
        ((WAVES[:, :0], 8), ValueError, "waves must have shape (n, samples), samples >= 1, got (3, 0)"),
        (
            (WAVES + np.float32(1.5), 8),
            ValueError,
            "waves must be in [-1, 1], got values from 1.5 to 1.5 in sound 0; div",
        ),
        (
            (WAVES * np.float32(np.nan), 8),
            ValueError,
            "waves must be in [-1, 1], got values from nan to nan in sound 0;",
        ),
        ((WAVES, 0), ValueError, "rate must be a whole number >= 1, got 0"),
        ((WAVES, 8.5), ValueError, "rate must be a whole number >= 1, got 8.5"),
        ((WAVES, 8, np.zeros(3, np.int32)), TypeError, "labels must be int64, got int32"),
        ((WAVES, 8, np.zeros(2, np.int64)), ValueError, "labels must have shape (3,), one for each sound, got (2,)"),
        ((WAVES, 8, np.array([0, -1, 0])), ValueError, "labels must be >= 0, got -1"),
        ((WAVES, 8, np.array([0, 2, 0]), ("a", "b")), ValueError, "label 2 has no class: classes names 2"),
        ((WAVES, 8, None, (), np.zeros(3)), TypeError, "pitches must be int64, got float64"),
        (
            (WAVES, 8, None, (), np.array([1, 2])),
            ValueError,
            "pitches must have shape (3,), one for each sound, got (2,)",
        ),
        (
            (WAVES, 8, None, (), np.array([60, 128, 3])),
            ValueError,
            "pitches must be MIDI note numbers in 0..127, got 3 to 128",
        ),
    ],
)
def test_sounds_refuse(arguments: tuple[Any, ...], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        Sounds(*arguments)
    assert str(refusal.value).startswith(sentence)


def test_a_rate_of_numpy_s_becomes_a_plain_number() -> None:
    assert type(Sounds(WAVES, np.int64(8_000)).rate) is int  # type: ignore[arg-type]


def test_sounds_are_chosen_with_all_that_belongs_to_them() -> None:
    sounds = Sounds(np.eye(3, 4, dtype=np.float32), 8, np.array([0, 1, 0]), ("oboe", "horn"), np.array([60, 61, 62]))
    for chosen in (slice(1, 3), [1, 2], np.array([False, True, True])):
        part = sounds[chosen]
        assert np.array_equal(part.waves, sounds.waves[1:])
        assert (part.labels.tolist(), part.pitches.tolist()) == ([1, 0], [61, 62])
        assert (part.classes, part.rate, part.seconds) == (("oboe", "horn"), 8, 0.5)
    assert repr(sounds) == "<Sounds: 3 of 0.5 s at 8 Hz, 2 classes>"
    assert Sounds(WAVES, 8)[:2].labels is None
    with pytest.raises(TypeError, match=r"^sounds\[-1\] is one sound; take sounds\[-1:\] or sounds\.waves\[-1\]$"):
        sounds[-1]  # type: ignore[index]


def test_arrays_and_tensors_become_sounds() -> None:
    whole = np.array([[0, 16_384, -32_768], [32_767, 0, 1]], np.int16)
    floats = whole / 32_768
    for given in (whole, torch.tensor(whole), floats, torch.tensor(floats)[:, None], floats.tolist()):
        sounds = as_sounds(given, rate=8, labels=["horn", "oboe"], pitches=[60, 61])
        np.testing.assert_allclose(sounds.waves, floats, atol=1e-7)
        assert (sounds.rate, sounds.classes, sounds.labels.tolist()) == (8, ("horn", "oboe"), [0, 1])
        assert sounds.pitches.tolist() == [60, 61]
    assert as_sounds(sounds) is as_sounds(sounds, rate=8) is sounds


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: as_sounds(WAVES), ValueError, "an array of sounds needs its rate, in samples per second: as_sounds("),
        (lambda: as_sounds(Sounds(WAVES, 8), rate=16), ValueError, "the sounds have 8 samples a second, not rate=16;"),
        (lambda: as_sounds(Sounds(WAVES, 8), labels=[1, 2, 3]), ValueError, "labels were given beside Sounds, which"),
        (lambda: as_sounds(Sounds(WAVES, 8), pitches=[1, 2, 3]), ValueError, "pitches were given beside Sounds, which"),
        (lambda: as_sounds("a.wav", rate=8), TypeError, "sounds must be Sounds, or an array or tensor of floats"),
        (lambda: as_sounds(np.zeros((3, 4), np.int32), rate=8), TypeError, "sounds must be Sounds, or an array or"),
        (
            lambda: as_sounds(WAVES[0], rate=8),
            ValueError,
            "sounds must have shape (n, samples) or (n, 1, samples), got (4,)",
        ),
        (lambda: as_sounds(WAVES, rate=8, pitches=[1.5] * 3), TypeError, "pitches must be whole numbers, got float64"),
        (
            lambda: as_sounds(WAVES, rate=8, labels=[0.5] * 3),
            TypeError,
            "labels must be whole numbers or text, got float",
        ),
        (lambda: as_sounds(WAVES + 2, rate=8), ValueError, "waves must be in [-1, 1], got values from 2.0 to 2.0"),
    ],
)
def test_what_is_no_sound_is_refused(call: Callable[[], object], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value).startswith(sentence)


# WAV files of one's own


def tone(pitch: float, *, rate: int = 8_000, seconds: float = 1.0, loudness: float = 0.5) -> NDArray[np.float64]:
    found: NDArray[np.float64] = loudness * np.sin(2 * np.pi * hertz(pitch) * np.arange(round(rate * seconds)) / rate)
    return found


def write(path: Path, wave: NDArray[np.float64], *, rate: int = 8_000, bits: int = 16) -> Path:
    """Write whole samples with Python's own module; waves have shape (samples,) or (samples, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.round(wave * (2 ** (bits - 1) - 1)).astype("<i4") + (128 if bits == 8 else 0)
    with wav.open(str(path), "wb") as file:
        file.setnchannels(1 if wave.ndim == 1 else wave.shape[1])
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes())
    return path


def folder_of(folder: Path, *others: Path) -> Path:
    """Write four good files beside others."""
    for pitch in (60, 64, 67, 72):
        write(folder / f"{pitch}.wav", tone(pitch))
    return folder


def all_of(dataset: Dataset[Sounds]) -> NDArray[np.float32]:
    return np.concatenate([sounds.waves for sounds in dataset.parts.values()])


def test_a_folder_of_sub_folders_has_classes(tmp_path: Path) -> None:
    for name in ("horn", "oboe"):
        for pitch in range(60, 66):
            write(tmp_path / name / f"{pitch}.wav", tone(pitch, loudness=0.5 if name == "horn" else 0.25))
    (tmp_path / "readme.txt").write_text("not a sound")
    write(tmp_path / "__MACOSX" / "horn" / "a.wav", tone(50))
    dataset = data.sounds(tmp_path)
    assert [len(part) for part in dataset.parts.values()] == [10, 1, 1]
    assert dataset.notes == ()
    for sounds in dataset.parts.values():
        assert (sounds.classes, sounds.rate, sounds.seconds, sounds.pitches) == (("horn", "oboe"), 8_000, 1.0, None)
        expected = np.where(sounds.labels == 0, 0.5, 0.25)
        np.testing.assert_allclose(np.abs(sounds.waves).max(axis=1), expected, atol=1e-3)
    assert dataset.card.shape == "12 sounds of 1 s at 8,000 Hz"


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_samples_of_any_width_are_read(bits: int, tmp_path: Path) -> None:
    for pitch in (60, 64, 67):
        write(tmp_path / f"{pitch}.WAV", tone(pitch), bits=bits)
    dataset = data.read_sounds(tmp_path)
    ours = all_of(dataset)
    expected = np.stack([tone(pitch) for pitch in (60, 64, 67)])
    order = [int(np.argmax(wave @ expected.T)) for wave in ours]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(ours, expected[order], atol=2.1 / 2 ** (bits - 1) + 1e-6)
    assert dataset.train.labels is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_read(dtype: type, tmp_path: Path) -> None:
    for pitch in (60, 64, 67):
        wavfile.write(tmp_path / f"{pitch}.wav", 8_000, tone(pitch).astype(dtype))
    assert np.abs(all_of(data.read_sounds(tmp_path))).max(axis=1) == pytest.approx([0.5] * 3, abs=1e-3)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 44_101])
def test_other_rates_keep_the_pitch_and_lose_what_cannot_be_held(rate: int, tmp_path: Path) -> None:
    for pitch in (60, 64, 67):
        high = tone(69, rate=rate) if rate == 8_000 else 0.4 * np.sin(2 * np.pi * 5_500 * np.arange(rate) / rate)
        write(tmp_path / f"{pitch}.wav", tone(pitch, rate=rate, loudness=0.4) + (rate > 8_000) * high, rate=rate)
    dataset = data.read_sounds(tmp_path)
    assert dataset.notes == ()
    waves = all_of(dataset)
    assert sorted(round(pitch_of(wave, 8_000), 1) for wave in waves) == [60, 64, 67]
    # 5,500 Hz would come back as 2,500 Hz.
    spectrum = np.abs(np.fft.rfft(waves[:, 400:-400] * np.hanning(7_200)))
    frequencies = np.fft.rfftfreq(7_200, 1 / 8_000)
    assert spectrum[:, (frequencies > 2_000)].max() < 0.01 * spectrum.max()


NOISE = np.random.default_rng(0).uniform(-1, 1, 8_000)


@pytest.mark.parametrize(
    ("wave", "changes", "note"),
    [
        (np.stack([tone(50), tone(50)], axis=1), {}, "have several channels, of which the mean is taken"),
        (tone(50, seconds=2.5), {}, "are longer than 1 s and cut"),
        (tone(50, seconds=0.5), {}, "are shorter than 1 s and followed by silence"),
        (np.sign(NOISE), {}, "are clipped: more than 1% of their samples are at full scale"),
        (
            tone(50, rate=4_000),
            {"rate": 4_000},
            "were recorded at less than 8,000 Hz, so that the highest tones are missing",
        ),
        (
            np.sign(tone(50, rate=44_100)),
            {"rate": 44_100},
            "reach beyond full scale at the new rate and are made quieter",
        ),
    ],
)
def test_what_was_decided_is_noted(
    wave: NDArray[np.float64], changes: dict[str, Any], note: str, tmp_path: Path
) -> None:
    write(folder_of(tmp_path) / "odd.wav", wave, **changes)
    dataset = data.read_sounds(tmp_path)
    assert f"1 of 5 sounds {note}, such as odd.wav" in dataset.notes
    assert len(dataset.notes) == 1 + ("beyond" in note)
    assert np.abs(all_of(dataset)).max() <= 1


def test_of_channels_the_mean_is_taken(tmp_path: Path) -> None:
    for pitch in (60, 64, 67):
        write(tmp_path / f"{pitch}.wav", np.stack([tone(pitch), 0 * tone(pitch)], axis=1))
    assert np.abs(all_of(data.read_sounds(tmp_path))).max(axis=1) == pytest.approx([0.25] * 3, abs=1e-3)


def test_equal_sounds_are_left_out(tmp_path: Path) -> None:
    write(folder_of(tmp_path) / "again.wav", tone(60))
    dataset = data.read_sounds(tmp_path)
    assert dataset.notes == ("1 of 5 sounds equal another one and are left out",)
    assert len(all_of(dataset)) == 4


def broken(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    def make(path: Path) -> object:
        return path.write_bytes(change(write(path, tone(50)).read_bytes()))

    return make


def at_rate(rate: int) -> Callable[[bytes], bytes]:
    """Write another rate into the header of a file of 16 bits, and the bytes a second that go with it."""
    return lambda content: content[:24] + struct.pack("<II", rate, 2 * rate) + content[32:]


def with_channels(count: int) -> Callable[[bytes], bytes]:
    """Write another number of channels into the header, and leave the bytes of a sample of all as they are."""
    return lambda content: content[:22] + struct.pack("<H", count) + content[24:]


def floats(wave: NDArray[np.float64]) -> Callable[[Path], object]:
    return lambda path: wavfile.write(path, 8_000, wave.astype(np.float32))


def with_one(value: float) -> NDArray[np.float64]:
    wave = tone(50)
    wave[77] = value
    return wave


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is no whole WAV file"),
    "text": (lambda path: path.write_text("la la la, to be sung aloud"), "is no whole WAV file"),
    "mp3": (lambda path: path.write_bytes(b"ID3\x04" + bytes(400)), "is no whole WAV file"),
    "header only": (broken(lambda content: content[:44]), "is no whole WAV file"),
    "half a header": (broken(lambda content: content[:30]), "is no whole WAV file"),
    "cut off": (broken(lambda content: content[:-5_000]), "is no whole WAV file"),
    "cut off within a sample": (broken(lambda content: content[:-5_001]), "is no whole WAV file"),
    "no format": (broken(lambda content: content.replace(b"fmt ", b"fmx ")), "is no whole WAV file"),
    "compressed": (broken(lambda content: content[:20] + b"\x11\0" + content[22:]), "is no whole WAV file"),
    "rate 0": (broken(at_rate(0)), "says that it has 0 samples a second"),
    "rate 1 GHz": (broken(at_rate(10**9)), "says that it has 1,000,000,000 samples a second, which no recording has"),
    "no samples": (lambda path: write(path, tone(50, seconds=0)), "holds no samples; remove it"),
    "NaN": (floats(with_one(np.nan)), "has samples that are not finite numbers; remove it or save it again"),
    "infinite": (floats(with_one(-np.inf)), "has samples that are not finite numbers; remove it or save it again"),
    "beyond": (floats(with_one(1.5)), "has samples beyond full scale, up to 1.5; make it quieter and save it again"),
    "16-bit numbers as floats": (floats(32_767 * tone(50)), "has samples beyond full scale, up to 1.64e+04; make it"),
    "silent": (lambda path: write(path, 0 * tone(50)), "is silent in its first 1 s; remove it, or cut off the silence"),
    "constant": (
        floats(0 * tone(50) + 0.5),
        "is silent in its first 1 s; remove it, or cut off the silence at its start",
    ),
    "constant at another rate": (
        lambda path: write(path, 0 * tone(50, rate=44_100) + 0.5, rate=44_100),
        "is silent in its first 1 s",
    ),
    "constant and short": (lambda path: write(path, 0 * tone(50, seconds=0.5) + 0.5), "is silent in its first 1 s"),
    "no channels": (broken(with_channels(0)), "no whole WAV file (its channels do not fit its samples); remove it"),
    "1000 channels": (broken(with_channels(1_000)), "no whole WAV file (its channels do not fit its samples); remove"),
    "silent at first": (
        lambda path: write(path, np.pad(tone(50), (9_000, 0))),
        "is silent in its first 1 s; remove it",
    ),
    "channels that cancel": (
        lambda path: write(path, np.stack([tone(50), -tone(50)], 1)),
        "is silent in its first 1 s",
    ),
    "too deep": (
        lambda path: write(path.parent / "a" / "b" / "odd.wav", tone(50)),
        "lies too deep; put all sounds into",
    ),
    "a sub-folder": (
        lambda path: write(path.parent / "a" / "odd.wav", tone(50)),
        "lie at different depths; put all sou",
    ),
    "a folder named so": (lambda path: path.mkdir(), "is no whole WAV file"),
}


@pytest.mark.parametrize("fault", ODD)
def test_an_odd_file_is_named_with_what_to_do(fault: str, tmp_path: Path) -> None:
    make, sentence = ODD[fault]
    make(folder_of(tmp_path) / "odd.wav")
    with pytest.raises(ValueError, match=r"odd\.wav") as refusal:
        data.read_sounds(tmp_path)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_holds_nothing_of_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no .*none \(looked from "):
        data.read_sounds(tmp_path / "none")
    with pytest.raises(ValueError, match=r" has no sounds \(\.wav, \.wave\)$"):
        data.read_sounds(tmp_path)
    path = write(tmp_path / "a.wav", tone(60))
    with pytest.raises(ValueError, match=r"a\.wav is a file; read_sounds needs the folder that the sounds lie in$"):
        data.read_sounds(path)
    write(tmp_path / "b.wav", tone(61))
    with pytest.raises(ValueError, match=r"^three parts need at least 3 distinct items, got 2; add data$"):
        data.read_sounds(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rate": 999}, "rate must be a whole number >= 1000 and <= 192000, got 999"),
        ({"seconds": 0}, "seconds must be >= 0.01 and <= 60, got 0"),
        ({"seconds": float("nan")}, "seconds must be >= 0.01 and <= 60, got nan"),
    ],
)
def test_rates_and_lengths_out_of_range_are_refused(arguments: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        data.sounds(folder_of(tmp_path), **arguments) if "rate" not in arguments else data.read_sounds(
            tmp_path, **arguments
        )
    assert str(refusal.value) == sentence
