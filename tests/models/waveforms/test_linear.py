"""Linear prediction: coefficients that are the least squares of others, and an exact likelihood that it draws from."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sdg_lab import data
from sdg_lab.data.types import Sounds
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.waveforms import LinearPredictor
from sdg_lab.models.waveforms.linear import DEGREES, FLOOR, FORGET, GROUPED, NOTES, SCALES, SHARED, By, by_class
from sdg_lab.models.waveforms.mu_law import LEVELS, decode, edges, encode

RATE, EDGES = 8_000, edges()
T = np.arange(400) / RATE


def waves(n: int = 6, seed: int = 0) -> np.ndarray:
    """Sines of several pitches with some noise, (n, samples)."""
    rng = np.random.default_rng(seed)
    hertz, loud = rng.uniform(200, 900, (n, 1)), rng.uniform(0.1, 0.7, (n, 1))
    return (loud * np.sin(2 * np.pi * hertz * T) + 0.01 * rng.normal(size=(n, len(T)))).astype(np.float32)


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    """Notes of two classes and two pitches; a quarter is of class 1 and pitch 62."""
    two = np.concatenate([waves(6, 0), waves(2, 1)[:, ::-1].copy()])
    return Sounds(two, RATE, np.array([0] * 6 + [1] * 2), ("low", "high"), np.array([60] * 6 + [62] * 2))


@pytest.fixture(scope="module")
def predictor(sounds: Sounds) -> LinearPredictor:
    return LinearPredictor(order=8, by="instrument").fit(sounds)


def of_all(given: np.ndarray, order: int) -> np.ndarray:
    """Return the coefficients of one class alone."""
    return by_class(given, np.zeros(len(given), np.int64), 1, order)[0]


# The coefficients.


def test_a_note_has_its_own_coefficients_and_one_that_training_lacks_those_of_the_nearest_played_faster():
    hertz = {(0, 60): 261.6, (1, 60): 261.6, (0, 64): 329.6}
    waves = [(np.sin(2 * np.pi * h * T) + (0.3 if label else 0) * np.sin(6 * np.pi * h * T)) / 2
             for (label, _), h in hertz.items()]  # fmt: skip
    labels, pitches = np.array(list(hertz)).T
    given = Sounds(np.array(waves, np.float32), RATE, labels, ("pure", "rich"), pitches)
    by_note = LinearPredictor(order=12, by="note", levels=4096).fit(given)
    other = np.sin(2 * np.pi * 329.6 * T) + 0.3 * np.sin(6 * np.pi * 329.6 * T)
    rich = Sounds(np.float32(other[None] / 2), RATE, np.array([1]), ("pure", "rich"), np.array([64]))
    pure = Sounds(rich.waves, RATE, np.array([0]), ("pure", "rich"), np.array([64]))
    assert by_note.log_prob(rich)[0] > by_note.log_prob(pure)[0] + 100
    assert (
        by_note.log_prob(rich)[0] > LinearPredictor(order=12, by="instrument", levels=4096).fit(given).log_prob(rich)[0]
    )
    drawn = by_note.sample(5, seed=0)
    assert set(zip(drawn.labels.tolist(), drawn.pitches.tolist(), strict=True)) <= set(hertz)


def test_a_group_s_mean_is_added_to_its_classes():
    given, order = waves(5), 4
    x, y = equations(given, order)
    gram = np.stack([part.T @ part for part in np.split(x, 5)])
    against = np.stack([part.T @ target for part, target in zip(np.split(x, 5), np.split(y, 5), strict=True)])
    classes, groups = np.array([0, 0, 1, 2, 2]), np.array([0, 0, 1, 1])
    found = by_class(given, classes, 4, order, groups=groups)
    for label, (own, group) in enumerate([([0, 1], [0, 1, 2]), ([2], [0, 1, 2]), ([3, 4], [3, 4]), ([], [3, 4])]):
        a, b = (
            each[own].sum(axis=0) + GROUPED * each[group].mean(axis=0) + SHARED * each.mean(axis=0)
            for each in (gram, against)
        )
        np.testing.assert_allclose(found[label], np.linalg.solve(a, b), rtol=1e-2, atol=1e-3)


def equations(given: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what stands before each sample, the last first, and the samples; all sounds made equally loud."""
    rows, wanted = [], []
    for wave in given.astype(np.float64):
        alike = np.concatenate([np.zeros(order), wave / np.sqrt((wave**2).mean())])
        for t in range(order, len(alike)):
            rows.append(alike[t - order : t][::-1])
            wanted.append(alike[t])
    return np.array(rows), np.array(wanted)


def test_coefficients_are_numpy_s_least_squares():
    expected = np.linalg.lstsq(*equations(waves(), 6), rcond=None)[0]
    np.testing.assert_allclose(of_all(waves(), 6), expected, rtol=1e-2, atol=1e-3)  # a small ridge keeps loops solvable


def test_each_class_counts_for_itself_and_all_together_a_little():
    """Weighted least squares: a class's own equations, and those of all waves, of which each counts a hundredth / n."""
    classes = np.array([0, 0, 2, 2, 2, 0])
    found = by_class(waves(), classes, 4, 5)
    assert found.shape == (4, 5)
    shared_rows, shared = equations(waves(), 5)
    little = np.sqrt(SHARED / 6)
    for label in range(4):
        rows, wanted = shared_rows * little, shared * little
        if (classes == label).any():
            own_rows, own = equations(waves()[classes == label], 5)
            rows, wanted = np.concatenate([rows, own_rows]), np.concatenate([wanted, own])
        expected = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        np.testing.assert_allclose(found[label], expected, rtol=1e-2, atol=2e-3)
    np.testing.assert_allclose(found[1], of_all(waves(), 5), rtol=1e-6)  # a class without waves has those of all


def test_a_silent_sound_changes_nothing_though_its_code_is_not_quite_0(predictor: LinearPredictor, sounds: Sounds):
    silent = np.concatenate([sounds.waves, np.zeros((1, len(T)), np.float32)])
    more = Sounds(silent, RATE, np.append(sounds.labels, 1), sounds.classes)
    again = LinearPredictor(order=8, by="instrument").fit(more)
    np.testing.assert_array_equal(again.coefficients, predictor.coefficients)


@pytest.mark.parametrize("levels", [255, 256])
def test_a_sound_that_is_quieter_than_a_step_is_a_silent_one(levels: int, sounds: Sounds):
    """Its codes are silence, which 255 levels decode to 0: it cannot be brought to the loudness of the others."""
    quiet, silent = (np.concatenate([sounds.waves, np.full_like(sounds.waves[:1], size)]) for size in (1e-6, 0))
    fits = [LinearPredictor(order=8, by="all", levels=levels).fit(Sounds(waves, RATE)) for waves in (quiet, silent)]
    assert np.isfinite(fits[0].log_prob(sounds)).all()
    np.testing.assert_array_equal(fits[0].coefficients, fits[1].coefficients)
    with pytest.raises(ValueError, match="all sounds are silent"):
        LinearPredictor(levels=levels, by="all").fit(Sounds(quiet[-1:], RATE))


def test_the_last_instrument_may_be_silent(sounds: Sounds):
    """It has the coefficients that all have at its pitch, as one has that is silent in the middle."""
    waves = np.where(sounds.labels[:, None] == 1, np.float32(0), sounds.waves)
    last = Sounds(waves, RATE, sounds.labels, ("low", "high"), sounds.pitches)
    first = Sounds(waves, RATE, 1 - sounds.labels, ("high", "low"), sounds.pitches)
    fits = [LinearPredictor(order=8, by="note").fit(given) for given in (last, first)]
    assert fits[0].coefficients.shape == (2 * NOTES, 8)
    np.testing.assert_allclose(fits[0].log_prob(last), fits[1].log_prob(first))


def test_loud_and_soft_sounds_count_alike():
    other = waves() * np.array([[1], [0.01], [100], [3], [0.5], [1]])
    np.testing.assert_allclose(of_all(other, 5), of_all(waves(), 5), rtol=1e-6)


def test_a_sine_is_predicted_but_for_what_the_codes_round():
    """x_t = 2 cos(w) x_{t-1} - x_{t-2}: two coefficients know a sine, and the rounding of μ-law is all that is left."""
    sine = (0.7 * np.sin(2 * np.pi * 440 * T)).astype(np.float32)[None]
    np.testing.assert_allclose(of_all(sine, 2), [2 * np.cos(2 * np.pi * 440 / RATE), -1], rtol=1e-2)
    model = LinearPredictor(order=16, by="all").fit(Sounds(sine, RATE))
    heard = decode(encode(sine)).astype(np.float64)
    errors = (heard - model.predict(heard, np.zeros(1, np.int64)))[0, 50:]
    step = np.diff(decode(np.arange(LEVELS)))[encode(sine)[0, 50:].clip(0, 254)]
    assert np.sqrt((errors**2).mean()) < step.max()
    assert np.sqrt((errors**2).mean()) < 0.03 * np.sqrt((heard**2).mean())


def test_a_prediction_is_the_weighted_sum_of_what_came_before(predictor: LinearPredictor):
    given, labels = waves(2).astype(np.float64), np.array([1, 0])
    found = predictor.predict(given, labels)
    for row, t in itertools.product(range(2), (0, 1, 5, 8, 100)):
        past = np.concatenate([np.zeros(8), given[row]])[t : t + 8][::-1]
        assert found[row, t] == pytest.approx(float(past @ predictor.coefficients[labels[row]]), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("by", "sets"), [("pitch", NOTES), ("instrument", 2), ("all", 1)])
def test_there_is_a_set_of_coefficients_for_each_pitch_or_instrument_or_one(by: By, sets: int, sounds: Sounds):
    model = LinearPredictor(order=4, by=by).fit(sounds)
    assert model.coefficients.shape == (sets, 4)
    assert model.n_parameters == 4 * sets + 1
    quantised = decode(encode(sounds.waves))
    keys = {"pitch": sounds.pitches, "instrument": sounds.labels, "all": np.zeros(8, np.int64)}[by]
    np.testing.assert_allclose(model.coefficients, by_class(quantised, keys, sets, 4), rtol=1e-6, atol=1e-9)
    drawn = model.sample(100, seed=0)
    for found, known in ((drawn.labels, sounds.labels), (drawn.pitches, sounds.pitches)):
        assert set(found.tolist()) == set(known.tolist())
    assert set(zip(drawn.labels.tolist(), drawn.pitches.tolist(), strict=True)) == {(0, 60), (1, 62)}


@pytest.mark.parametrize("levels", [64, LEVELS, 4096])
def test_finer_codes_cost_more_bits_and_are_drawn(levels: int, sounds: Sounds):
    model = LinearPredictor(order=8, by="all", levels=levels).fit(sounds)
    drawn = model.sample(3, seed=0).waves
    np.testing.assert_array_equal(decode(encode(drawn, levels), levels), drawn)
    more = (
        model.bits_per_sample(sounds).mean()
        - LinearPredictor(order=8, by="all").fit(sounds).bits_per_sample(sounds).mean()
    )
    assert more == pytest.approx(np.log2(levels / LEVELS), abs=0.5)  # each halving of the intervals costs a bit


# The likelihood.


def by_hand(model: LinearPredictor, codes: np.ndarray, label: int) -> float:
    """Return the log-probability of a sound's codes, sample by sample, with scipy's distribution of Student's t."""
    heard, square, total = [0.0] * model.order, FLOOR**2, 0.0
    for code in codes:
        predicted = float(np.dot(model.coefficients[label], heard[::-1][: model.order]))
        law = stats.t(DEGREES, loc=predicted, scale=model.scale * np.sqrt(square))
        low, high = EDGES[code], EDGES[code + 1]
        upper = low > predicted  # the tail that keeps its digits
        total += float(np.log(law.sf(low) - law.sf(high) if upper else law.cdf(high) - law.cdf(low)))
        wave = float(decode(np.array(code)))
        square = FORGET * square + (1 - FORGET) * ((wave - predicted) ** 2 + FLOOR**2)
        heard.append(wave)
    return total


@pytest.mark.parametrize("row", [0, 7])
def test_log_prob_is_the_sum_over_samples(predictor: LinearPredictor, sounds: Sounds, row: int):
    short = Sounds(sounds.waves[row : row + 1, :60], RATE, sounds.labels[row : row + 1], sounds.classes)
    expected = by_hand(predictor, encode(short.waves)[0], int(short.labels[0]))
    assert float(predictor.log_prob(short)[0]) == pytest.approx(expected, rel=1e-6)
    assert float(predictor.bits_per_sample(short)[0]) == pytest.approx(-expected / 60 / np.log(2), rel=1e-6)


@pytest.mark.parametrize("before", [0, 1, 50])
def test_what_it_says_of_the_next_sample_sums_to_1(predictor: LinearPredictor, before: int):
    """Every code that may come next, after the same sound: P(k | past) = P(past, k) / P(past)."""
    past = waves(1)[:, :before].repeat(LEVELS, axis=0)
    after = np.concatenate([past, decode(np.arange(LEVELS))[:, None]], axis=1)
    labels = np.zeros(LEVELS, np.int64)
    whole = predictor.log_prob(Sounds(after, RATE, labels))
    known = predictor.log_prob(Sounds(past[:1], RATE, labels[:1]))[0] if before else 0.0
    assert float(np.exp(whole - known).sum()) == pytest.approx(1, abs=1e-9)


def test_a_click_in_silence_has_a_finite_log_probability(predictor: LinearPredictor):
    click = np.zeros((1, 200), np.float32)
    click[0, 100] = 1
    assert np.isfinite(predictor.log_prob(Sounds(click, RATE, np.zeros(1, np.int64)))).all()


def test_the_scale_is_the_one_that_the_training_data_like_best(predictor: LinearPredictor, sounds: Sounds):
    assert predictor.scale in SCALES
    other = LinearPredictor(order=8, by="instrument").fit(sounds)
    likely = []
    for scale in SCALES:
        other.scale = float(scale)
        likely.append(other.log_prob(sounds).sum())
    assert predictor.scale == SCALES[int(np.argmax(likely))]


def test_a_sound_is_likelier_by_the_coefficients_of_its_own_class(predictor: LinearPredictor, sounds: Sounds):
    swapped = Sounds(sounds.waves, RATE, 1 - sounds.labels, sounds.classes)
    assert predictor.log_prob(swapped).sum() < predictor.log_prob(sounds).sum()


@pytest.mark.slow
def test_on_real_notes_it_beats_the_frequencies_of_the_codes():
    notes = data.sounds()
    train, test = (Sounds(part.waves, part.rate) for part in (notes.train[::20], notes.test[::10]))
    by_frequency = MarkovChain(0, "add").fit(["".join(chr(0x100 + k) for k in range(LEVELS)), *texts(train)])
    unigram = -by_frequency.log_prob(texts(test)) / np.log(2) / test.waves.shape[1]
    bits = LinearPredictor(order=32, by="all").fit(train).bits_per_sample(test)
    assert (bits < unigram).all()
    assert bits.mean() < unigram.mean() - 1


def texts(sounds: Sounds) -> list[str]:
    return ["".join(chr(0x100 + k) for k in row) for row in encode(sounds.waves).tolist()]


# Sampling.


def test_samples_are_sounds_like_those_that_it_knows(predictor: LinearPredictor, sounds: Sounds):
    drawn = predictor.sample(200, seed=0)
    assert drawn.waves.shape == (200, len(T))
    assert drawn.rate == RATE
    assert drawn.classes == sounds.classes
    assert drawn.labels is not None
    assert 0.15 < drawn.labels.mean() < 0.35, "a quarter of the training sounds is of class 1"
    np.testing.assert_array_equal(decode(encode(drawn.waves)), drawn.waves)


def test_a_sample_is_drawn_from_the_probabilities_that_log_prob_gives():
    """Of the first sample: frequencies of 4,000 draws against the probabilities of all codes."""
    model = LinearPredictor(order=4, by="all").fit(Sounds(waves(), RATE))
    model.length = 1
    counts = np.bincount(encode(model.sample(4_000, seed=0).waves)[:, 0], minlength=LEVELS)
    expected = 4_000 * np.exp(model.log_prob(Sounds(decode(np.arange(LEVELS))[:, None], RATE)))
    often = expected > 5
    found, wanted = (np.append(x[often], x[~often].sum()) for x in (counts, expected))
    assert ((found - wanted) ** 2 / np.maximum(wanted, 1)).sum() < stats.chi2(len(found)).ppf(1 - 1e-4)


def test_without_labels_samples_have_none():
    model = LinearPredictor(order=4, by="all").fit(Sounds(waves(), RATE))
    assert model.coefficients.shape == (1, 4)
    assert model.n_parameters == 5
    assert model.sample(2, seed=0).labels is None
    labelled = Sounds(waves(), RATE, np.arange(6))
    assert model.log_prob(labelled).shape == (6,), "labels that it never learnt are not asked for"


# Files and refusals.


def test_a_saved_predictor_is_the_same(predictor: LinearPredictor, sounds: Sounds, tmp_path: Path):
    predictor.save(tmp_path / "p.safetensors")
    again = LinearPredictor.load(tmp_path / "p.safetensors")
    np.testing.assert_array_equal(again.log_prob(sounds), predictor.log_prob(sounds))
    np.testing.assert_array_equal(again.sample(3, seed=0).waves, predictor.sample(3, seed=0).waves)
    assert again.class_names == ("low", "high")
    header, state = predictor.header(), dict(predictor.state())
    taps, notes = state["coefficients"], state["notes"]
    for wrong, message in (
        ({"coefficients": taps[:, :5]}, r"coefficients must have shape \(sets, 8\), got \(2, 5\)"),
        ({"coefficients": taps * np.nan}, "some coefficients are not finite"),
        ({"notes": notes + np.array([2, 0])}, r"the labels of its notes must lie in 0\.\.1, got 2"),
        ({"notes": notes + np.array([0, 99])}, r"the pitches of its notes must lie in -1\.\.127, got 159"),
        ({"notes": notes[:0]}, "it names no note of its training data"),
    ):
        with pytest.raises(ValueError, match=message):
            LinearPredictor.from_header(header, state | wrong)
    del state["notes"]
    with pytest.raises(ValueError, match="this is no LinearPredictor: it lacks notes"):
        LinearPredictor.from_header(header, state)
    header["facts"] = header["facts"] | {"scale": float("nan")}
    with pytest.raises(ValueError, match="scale must be > 0, got nan"):
        LinearPredictor.from_header(header, dict(predictor.state()))


def test_it_refuses_what_it_cannot_learn_from_or_judge(predictor: LinearPredictor, sounds: Sounds):
    for order in (0, 1.5, True):
        with pytest.raises(ValueError, match="order must be a whole number >= 1"):
            LinearPredictor(order=order)
    with pytest.raises(ValueError, match="by must be one of pitch, instrument, note, all, got 'pitches'; did you mean"):
        LinearPredictor(by="pitches")
    with pytest.raises(ValueError, match="levels must be a whole number >= 2 and <= 32768, got 1"):
        LinearPredictor(levels=1)
    empty = LinearPredictor(order=4, by="all")
    with pytest.raises(NotFittedError):
        empty.log_prob(sounds)
    with pytest.raises(NotFittedError):
        empty.sample(1)
    with pytest.raises(ValueError, match="there are no sounds"):
        empty.fit(sounds[:0])
    with pytest.raises(ValueError, match="all sounds are silent; give some that are heard"):
        empty.fit(Sounds(np.zeros((2, 9), np.float32), RATE))
    assert not empty.fitted
    bare = Sounds(sounds.waves, RATE)
    with pytest.raises(ValueError, match="a predictor by pitch needs sounds with pitches; give them, or take by='all'"):
        LinearPredictor().fit(bare)
    with pytest.raises(ValueError, match="a predictor by instrument needs sounds with labels"):
        LinearPredictor(by="instrument").fit(bare)
    with pytest.raises(ValueError, match="16,000 samples a second, not 8,000; resample them first"):
        predictor.log_prob(Sounds(sounds.waves, 16_000, sounds.labels))
    with pytest.raises(ValueError, match="a predictor by instrument needs sounds with labels"):
        predictor.log_prob(Sounds(sounds.waves, RATE))
    with pytest.raises(ValueError, match=r"labels must lie in 0..1, got 2"):
        predictor.log_prob(Sounds(sounds.waves, RATE, np.full(8, 2)))
    with pytest.raises(ValueError, match="the sounds' classes are high, low, those of the training data low, high"):
        predictor.log_prob(Sounds(sounds.waves, RATE, sounds.labels, ("high", "low")))
