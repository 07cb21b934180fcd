"""WaveNet over sounds: likelihoods that add up, windows that lose nothing, conditions, files and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdg_lab.data.types import Sounds
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.waveforms import LinearPredictor, WaveNet, wavenet
from sdg_lab.models.waveforms.mu_law import LEVELS, decode, encode, silence

RATE, LENGTH = 2_000, 130
SMALL: dict[str, Any] = {"rate": RATE, "channels": 8, "dilations": (1, 2, 4), "taps": 4, "skip": 8, "components": 2}
BOTH: dict[str, Any] = SMALL | {"classes": 2, "pitches": (57, 60), "window": 50}
QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 8, "progress": False}
NAMES = ("soft", "loud")


def sounds(n: int = 12, seed: int = 0, length: int = LENGTH) -> Sounds:
    """Sines at the pitches 57 to 59, each third of class 1 and loud; class 1 plays only note 59."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 2).astype(np.int64)
    pitches = np.where(labels == 1, 59, 57 + np.arange(n) % 3)
    hertz = 440 * 2 ** ((pitches - 69) / 12)
    waves = np.sin(2 * np.pi * hertz[:, None] * np.arange(length) / RATE + rng.uniform(0, 6, (n, 1)))
    waves = waves * np.where(labels == 1, 0.8, 0.2)[:, None] + 0.01 * rng.normal(size=waves.shape)
    return Sounds(waves.astype(np.float32), RATE, labels, NAMES, pitches)


@pytest.fixture(scope="module")
def model() -> WaveNet:
    return WaveNet(**BOTH).fit(sounds(), **QUICK)


# Likelihoods.


def test_log_prob_is_the_sum_over_samples_each_given_all_before(model: WaveNet):
    """Sample by sample, with the silence that came before: one call for each, of a whole field and one sample."""
    given = sounds(3, seed=1)
    field = model.network.receptive_field
    codes = np.pad(encode(given.waves), ((0, 0), (field, 0)), constant_values=silence())
    labels, pitches = (torch.from_numpy(column) for column in (given.labels, given.pitches))
    total = np.zeros(3)
    with torch.no_grad():
        for t in range(LENGTH):
            heard = torch.from_numpy(codes[:, t : t + field + 1])
            nats = model.sample_log_probs(heard, labels, pitches, torch.full((3,), t - field))
            assert nats.shape == (3, 1)
            total += nats[:, 0].double().numpy()
    np.testing.assert_allclose(model.log_prob(given), total, rtol=1e-4)
    np.testing.assert_allclose(model.bits_per_sample(given), -total / LENGTH / np.log(2), rtol=1e-4)


@pytest.mark.parametrize("at_once", [37, 130, 400, 1_000])
def test_how_many_samples_are_computed_at_once_changes_nothing(
    model: WaveNet, at_once: int, monkeypatch: pytest.MonkeyPatch
):
    given = sounds(5, seed=1)
    whole = model.log_prob(given)
    monkeypatch.setattr(wavenet, "SAMPLES_AT_ONCE", at_once)
    np.testing.assert_allclose(model.log_prob(given), whole, rtol=1e-5)


@pytest.mark.parametrize("before", [0, 1, 60])
def test_what_it_says_of_the_next_sample_sums_to_1(model: WaveNet, before: int):
    """P(k | past) = P(past, k) / P(past), over all 256 codes."""
    past = sounds(1).waves[:, :before].repeat(LEVELS, axis=0)
    after = np.concatenate([past, decode(np.arange(LEVELS))[:, None]], axis=1)
    labels, pitches = np.zeros(LEVELS, np.int64), np.full(LEVELS, 58)
    whole = model.log_prob(Sounds(after, RATE, labels, NAMES, pitches))
    known = model.log_prob(Sounds(past[:1], RATE, labels[:1], NAMES, pitches[:1]))[0] if before else 0.0
    assert float(np.exp(whole - known).sum()) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_a_sound_is_likelier_under_its_own_conditions():
    trained = WaveNet(**BOTH).fit(sounds(24), **QUICK | {"epochs": 15})
    given = sounds(12, seed=1)
    swapped = Sounds(given.waves, RATE, 1 - given.labels, NAMES, given.pitches)
    other_pitch = Sounds(given.waves, RATE, given.labels, NAMES, 57 + (given.pitches - 56) % 3)
    own = trained.log_prob(given).sum()
    assert own > trained.log_prob(swapped).sum()
    assert own > trained.log_prob(other_pitch).sum()


def test_it_predicts_linearly_by_least_squares_and_training_leaves_that_as_it_is():
    made = WaveNet(**BOTH).fit(sounds(), **QUICK)
    coefficients = LinearPredictor(order=4, by="note").fit(sounds()).coefficients[:, ::-1].reshape(2, 128, 4)
    of_notes = made.prediction.numpy().reshape(2, 4, 4)
    # the predictor has one note less, and so another mean over all, of which each gets a hundredth
    np.testing.assert_allclose(of_notes[0, :2], coefficients[0, 57:59], atol=1e-2)
    assert not np.allclose(of_notes[1], of_notes[0], rtol=1e-2)
    free = WaveNet(**SMALL).fit(sounds(), **QUICK)
    expected = LinearPredictor(order=4, by="all").fit(sounds()).coefficients[:, ::-1]
    np.testing.assert_allclose(free.prediction.numpy(), expected, rtol=1e-3, atol=1e-4)


def test_the_errors_that_it_expects_are_those_of_its_prediction():
    made = WaveNet(**BOTH).fit(sounds(), **QUICK)
    of = LinearPredictor(order=4, by="note").fit(sounds())
    soft = sounds()[sounds().pitches == 57]
    waves = decode(encode(soft.waves), LEVELS).astype(np.float64)
    errors = np.abs(waves - of.predict(waves, np.full(len(waves), 57)))
    grains = errors[:, :120].reshape(len(waves), 3, 40).mean(axis=2)  # of 20 ms at 2,000 Hz
    expected = np.log(grains + 1e-4).mean(axis=0)
    np.testing.assert_allclose(made.expected[0, :3], expected, rtol=1e-2, atol=1e-2)
    np.testing.assert_array_equal(made.expected[0, 3:], np.full(47, made.expected[0, 2]))


def test_a_level_that_nothing_holds_gets_lost_and_a_pull_holds_it():
    """A network that says nothing, so that each error is as large as those before it were, times chance."""
    found = {}
    for pull in (0.0, 0.2):
        quiet = WaveNet(**SMALL, levels=4096, pull=pull).fit(sounds(), **QUICK)
        with torch.no_grad():
            quiet.prediction.zero_()
            quiet.expected.fill_(np.log(0.02))
            for weight in quiet.network.output.parameters():
                weight.zero_()
            quiet.network.output.bias[2 * quiet.components :] = -np.log(2 * np.log(2))  # a mean size of one
        waves = quiet.sample(60, seed=0, seconds=1.0).waves
        found[pull] = np.log(np.abs(waves[:, -200:]).mean(axis=1) + 1e-6)
    assert np.median(np.abs(found[0.2] - np.log(0.02))) < 0.5
    assert np.median(np.abs(found[0.0] - np.log(0.02))) > 1


def test_finer_codes_are_a_likelihood_too():
    fine = WaveNet(**BOTH | {"levels": 4096}).fit(sounds(), **QUICK)
    drawn = fine.sample(3, seed=0).waves
    np.testing.assert_array_equal(decode(encode(drawn, 4096), 4096), drawn)
    assert not np.array_equal(decode(encode(drawn)), drawn)
    labels, pitches = np.zeros(4096, np.int64), np.full(4096, 58)
    one = Sounds(decode(np.arange(4096), 4096)[:, None], RATE, labels, NAMES, pitches)
    assert float(np.exp(fine.log_prob(one)).sum()) == pytest.approx(1, abs=1e-3)


# Windows.


@pytest.mark.parametrize(("window", "length"), [(50, 130), (65, 130), (1_000, 130), (7, 20), (20, 20)])
def test_all_windows_together_are_the_sound_and_their_mean_is_nats_per_sample(window: int, length: int):
    made = WaveNet(**BOTH | {"window": window}).fit(sounds(4, length=length), **QUICK)
    given = sounds(4, seed=1, length=length)
    rows = made._windows(given)
    assert len({len(column) for column in rows}) == 1
    assert len(rows[0]) == 4 * -(-length // min(window, length))
    with torch.no_grad():
        loss = float(made.loss(*rows))
    assert loss == pytest.approx(-float(made.log_prob(given).mean()) / length, rel=1e-4)


def test_training_and_validation_say_nats_per_sample():
    made = WaveNet(**BOTH | {"dropout": 0.0})
    held_out = sounds(6, seed=1, length=70)
    made.fit(sounds(), validation=held_out, **QUICK | {"lr": 1e-9})
    assert made.history is not None
    expected = -float(made.log_prob(held_out).mean()) / 70
    assert made.history.validation_loss[-1] == pytest.approx(expected, rel=1e-3)


def test_validation_is_not_trained_on():
    with_it = WaveNet(**BOTH).fit(sounds(), validation=sounds(5, seed=1), **QUICK)
    without = WaveNet(**BOTH).fit(sounds(), **QUICK)
    np.testing.assert_array_equal(with_it.log_prob(sounds(3)), without.log_prob(sounds(3)))
    np.testing.assert_array_equal(with_it.notes, without.notes)


@pytest.mark.slow
def test_training_lowers_the_loss_below_linear_prediction():
    given, held_out = sounds(30), sounds(12, seed=1)
    made = WaveNet(**BOTH | {"dropout": 0.0}).fit(given, **QUICK | {"epochs": 12})
    linear = LinearPredictor(order=4, by="all").fit(given)
    assert made.bits_per_sample(held_out).mean() < linear.bits_per_sample(held_out).mean()


# Sampling.


def test_conditions_are_drawn_together_with_the_training_sounds_frequencies(model: WaveNet):
    drawn = model.sample(600, seed=0, seconds=1 / RATE)
    pairs = set(zip(drawn.labels.tolist(), drawn.pitches.tolist(), strict=True))
    assert pairs == set(zip(sounds().labels.tolist(), sounds().pitches.tolist(), strict=True))
    assert np.mean(drawn.labels == 1) == pytest.approx(1 / 3, abs=0.08)  # 4 standard errors
    assert np.mean(drawn.pitches == 57) == pytest.approx(1 / 3, abs=0.08)


def test_what_is_not_asked_for_is_drawn_among_the_notes_that_have_what_is(model: WaveNet):
    assert set(model.sample(40, seed=0, labels=1, seconds=0.01).pitches.tolist()) == {59}
    low = model.sample(40, seed=0, labels=0, seconds=0.01).pitches
    assert set(low.tolist()) == {57, 58}
    assert set(model.sample(40, seed=0, pitches=58, seconds=0.01).labels.tolist()) == {0}
    unheard = model.sample(40, seed=0, pitches=60, seconds=0.01)  # nobody plays it: any of the two
    assert set(unheard.labels.tolist()) == {0, 1}
    assert set(unheard.pitches.tolist()) == {60}


def test_conditions_can_be_asked_for_by_number_and_by_name(model: WaveNet):
    for labels, pitches, expected in (
        (1, 57, ([1, 1, 1], [57, 57, 57])),
        ("loud", None, ([1, 1, 1], None)),
        (["soft", "loud", "soft"], [57, 58, 60], ([0, 1, 0], [57, 58, 60])),
        (np.array([0, 0, 1]), 60, ([0, 0, 1], [60, 60, 60])),
        (None, np.int64(58), (None, [58, 58, 58])),
    ):
        drawn = model.sample(3, seed=0, labels=labels, pitches=pitches, seconds=0.005)
        assert drawn.classes == NAMES
        for found, wanted in zip((drawn.labels, drawn.pitches), expected, strict=True):
            assert found.dtype == np.int64
            if wanted is not None:
                np.testing.assert_array_equal(found, wanted)
    by_name, by_number = (model.sample(3, seed=0, labels=label, pitches=57) for label in ("loud", 1))
    np.testing.assert_array_equal(by_name.waves, by_number.waves)


def test_sounds_are_as_long_as_those_it_learnt_from_or_as_asked(model: WaveNet):
    assert model.sample(2, seed=0).waves.shape == (2, LENGTH)
    assert model.sample(2, seed=0, seconds=0.2).waves.shape == (2, 400)
    assert model.sample(1, seed=0, seconds=1e-9).waves.shape == (1, 1)
    short, long = (model.sample(2, seed=0, labels=0, pitches=57, temperature=0, seconds=s) for s in (0.05, 0.1))
    np.testing.assert_array_equal(short.waves, long.waves[:, :100])


def test_more_sounds_than_are_generated_side_by_side(model: WaveNet, monkeypatch: pytest.MonkeyPatch):
    pitches = [57, 58, 59, 60, 57]
    whole = model.sample(5, labels=0, pitches=pitches, temperature=0, seconds=0.03)
    monkeypatch.setattr(wavenet, "ROWS_AT_ONCE", 2)
    parts = model.sample(5, labels=0, pitches=pitches, temperature=0, seconds=0.03)
    np.testing.assert_array_equal(parts.pitches, pitches)
    apart = np.abs(encode(parts.waves).astype(int) - encode(whole.waves))
    assert apart.max() <= 1  # the arithmetic of other shapes may round a sample to its neighbour


def test_samples_are_drawn_from_what_log_prob_says(model: WaveNet):
    """Of the first sample: frequencies of 3,000 draws against the probabilities of all codes (chi-square)."""
    n = 3_000
    drawn = model.sample(n, seed=0, labels=1, pitches=59, seconds=1 / RATE)
    counts = np.bincount(encode(drawn.waves)[:, 0], minlength=LEVELS)
    first = Sounds(decode(np.arange(LEVELS))[:, None], RATE, np.ones(LEVELS, np.int64), NAMES, np.full(LEVELS, 59))
    expected = n * np.exp(model.log_prob(first))
    often = expected > 5
    found, wanted = (np.append(x[often], x[~often].sum()) for x in (counts, expected))
    statistic = ((found - wanted) ** 2 / np.maximum(wanted, 1)).sum()
    assert statistic < 2 * len(found) + 40  # a chi-square of k degrees: mean k, and this far out less than 1 in 10,000


def test_without_conditions_it_needs_none_and_returns_none():
    free = WaveNet(**SMALL).fit(sounds(), **QUICK)
    drawn = free.sample(2, seed=0)
    assert drawn.labels is None
    assert drawn.pitches is None
    assert drawn.classes == ()
    bare = Sounds(sounds(3).waves, RATE)
    np.testing.assert_allclose(free.log_prob(bare), free.log_prob(sounds(3)))
    for name in ("labels", "pitches"):
        with pytest.raises(ValueError, match=f"this WaveNet is not conditioned on {name}: make it with WaveNet"):
            free.sample(2, **{name: 1})


def test_one_condition_without_the_other():
    by_label = WaveNet(**SMALL, classes=2).fit(sounds(), **QUICK)
    assert by_label.sample(2, seed=0, labels=1).pitches is None
    by_pitch = WaveNet(**SMALL, pitches=(57, 59)).fit(sounds(), **QUICK)
    assert by_pitch.sample(2, seed=0, pitches=58).labels is None
    assert by_pitch.class_names == ()


# Files.


def test_a_saved_model_has_the_same_bits_and_knows_its_notes(model: WaveNet, tmp_path: Path):
    model.save(tmp_path / "w.safetensors")
    again = WaveNet.load(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(again.bits_per_sample(sounds(3)), model.bits_per_sample(sounds(3)))
    np.testing.assert_array_equal(again.sample(3, seed=0).waves, model.sample(3, seed=0).waves)
    np.testing.assert_array_equal(again.notes, model.notes)
    assert (again.rate, again.length, again.class_names) == (RATE, LENGTH, NAMES)
    header = model.header()
    for facts, message in (
        ({"notes": []}, "it names no note of its training data"),
        ({"notes": [[2, 57]]}, r"the labels of its notes must lie in 0\.\.1, got 2"),
        ({"notes": [[0, 57], [1, 61]]}, r"the pitches of its notes must lie in 57\.\.60, got 61"),
        ({"notes": [[0, -1]]}, r"the pitches of its notes must lie in 57\.\.60, got -1"),
        ({"notes": [[0.5, 57]]}, "notes must be whole numbers"),
        ({"class_names": ["soft"]}, "it names 1 classes, soft, and has 2"),
        ({"class_names": "soft"}, "class_names must be several values"),
    ):
        changed_header = header | {"facts": header["facts"] | facts}
        with pytest.raises(ValueError, match=f"this is no WaveNet: {message}"):
            WaveNet.from_header(changed_header, dict(model.state()))
    del header["facts"]["notes"]
    with pytest.raises(ValueError, match="this is no WaveNet: it lacks notes"):
        WaveNet.from_header(header, dict(model.state()))


def test_in_training_mode_it_answers_as_in_evaluation_and_stays_in_it():
    """What a hook asks after each epoch, say: nothing may be left out by chance."""
    model = WaveNet(**BOTH | {"dropout": 0.5}).fit(sounds(), **QUICK)
    right = model.log_prob(sounds(3)), model.sample(3, seed=0, seconds=0.02).waves
    assert not model.training
    model.train()
    np.testing.assert_array_equal(model.log_prob(sounds(3)), right[0])
    np.testing.assert_array_equal(model.sample(3, seed=0, seconds=0.02).waves, right[1])
    assert model.training
    assert model.network.training


def test_a_sound_that_is_quieter_than_a_step_is_a_silent_one():
    """255 levels decode its codes to 0, which cannot be brought to the loudness of the others."""
    given = sounds()
    quiet, silent = (np.concatenate([0 * given.waves[:1] + np.float32(size), given.waves[1:]]) for size in (1e-6, 0))
    fits = [WaveNet(**BOTH, levels=255).fit(changed(given, waves=waves), **QUICK) for waves in (quiet, silent)]
    np.testing.assert_array_equal(fits[0].log_prob(given), fits[1].log_prob(given))
    assert np.isfinite(fits[0].log_prob(given)).all()


# Refusals.


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": 1}, "classes must be a whole number >= 2"),
        ({"pitches": (60, 57)}, r"pitches must be the lowest and the highest note, such as \(48, 83\), got \(60, 57\)"),
        ({"pitches": (57,)}, "pitches must be the lowest and the highest note"),
        ({"pitches": (57, 60, 61)}, "pitches must be the lowest and the highest note"),
        ({"pitches": (57.5, 60)}, "each of pitches must be a whole number"),
        ({"pitches": (57, 128)}, "pitches must be the lowest and the highest note"),
        ({"levels": 1}, "levels must be a whole number >= 2 and <= 32768, got 1"),
        ({"rate": 0}, "rate must be a whole number >= 1"),
        ({"channels": 0}, "channels must be a whole number >= 1"),
        ({"dilations": ()}, "dilations must name at least one layer"),
        ({"dilations": (1, 0)}, "each of dilations must be a whole number >= 1, got 0"),
        ({"taps": 1}, "taps must be a whole number >= 2, got 1"),
        ({"skip": 0}, "skip must be a whole number >= 1"),
        ({"components": 0}, "components must be a whole number >= 1"),
        ({"dropout": 1.0}, "dropout must be >= 0 and < 1, got 1.0"),
        ({"window": 0}, "window must be a whole number >= 1"),
    ],
    ids=str,
)
def test_an_argument_out_of_range_is_refused(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{message}"):
        WaveNet(**SMALL | wrong)


def changed(given: Sounds | None = None, **other: Any) -> Sounds:
    given = given or sounds(3)
    kept = {"waves": given.waves, "rate": RATE, "labels": given.labels, "classes": NAMES, "pitches": given.pitches}
    return Sounds(**kept | other)


BAD_SOUNDS = [
    (changed(rate=4_000), "the sounds have 4,000 samples a second, not 2,000; resample them first"),
    (changed(labels=None, classes=()), "this WaveNet is conditioned on labels: its sounds need labels"),
    (changed(pitches=None), "this WaveNet is conditioned on pitches: its sounds need pitches"),
    (changed(labels=np.array([0, 1, 2]), classes=()), r"labels must lie in 0\.\.1, got 2"),
    (changed(pitches=np.array([57, 61, 58])), r"pitches must lie in 57\.\.60, got 61"),
    (changed(pitches=np.array([56, 57, 58])), r"pitches must lie in 57\.\.60, got 56"),
    (sounds(3)[:0], "there are no sounds; give at least one"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD_SOUNDS, ids=[message[:30] for _, message in BAD_SOUNDS])
def test_sounds_that_do_not_fit_are_refused_and_change_nothing(model: WaveNet, wrong: Sounds, message: str):
    before, facts = model.sample(2, seed=0), model.facts()
    with pytest.raises(ValueError, match=f"^{message}"):
        model.log_prob(wrong)
    with pytest.raises(ValueError, match=f"^{message}"):
        model.fit(wrong, **QUICK)
    with pytest.raises(ValueError, match=f"^validation: {message}"):
        model.fit(sounds(), validation=wrong, **QUICK)
    assert model.facts() == facts
    np.testing.assert_array_equal(model.sample(2, seed=0).waves, before.waves)


def test_sounds_that_cannot_be_learnt_from_are_refused(model: WaveNet):
    before, facts = model.sample(2, seed=0), model.facts()
    three = changed(classes=("soft", "loud", "shrill"))
    for wrong, message in (
        (changed(waves=0 * sounds(3).waves), "all sounds are silent; give some that are heard"),
        (
            three,
            r"the sounds name 3 classes \(soft, loud, shrill\), this WaveNet has 2: make it with WaveNet\(classes=3",
        ),
        (sounds(3).waves, r"an array of sounds needs its rate, in samples per second: as_sounds\(array, rate=8_000\)"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            model.fit(wrong, **QUICK)
    assert model.facts() == facts
    np.testing.assert_array_equal(model.sample(2, seed=0).waves, before.waves)


def test_classes_in_another_order_are_refused(model: WaveNet):
    other = changed(classes=("loud", "soft"))
    message = "the sounds' classes are loud, soft, those of the training data soft, loud; number the labels as there"
    with pytest.raises(ValueError, match=f"^{message}"):
        model.log_prob(other)
    with pytest.raises(ValueError, match=f"^validation: {message}"):
        model.fit(sounds(), validation=other, **QUICK)
    assert model.log_prob(changed(classes=())).shape == (3,), "without names the numbers count"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1.0}, "temperature must be >= 0, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be >= 0"),
        ({"seconds": 0}, "seconds must be > 0 and <= 3600, got 0"),
        ({"seconds": 3_601}, "seconds must be > 0 and <= 3600, got 3601"),
        ({"seconds": float("inf")}, "seconds must be > 0"),
        ({"labels": "trumpet"}, "labels must be among soft, loud, got 'trumpet'"),
        ({"labels": ["soft", "louder"]}, "labels must be among soft, loud, got 'louder'"),
        ({"labels": 2}, r"labels must lie in 0\.\.1, got 2"),
        ({"labels": [0, 1, 0]}, "labels must be 2 whole numbers"),
        ({"labels": 0.5}, "labels must be 2 whole numbers"),
        ({"labels": [0, None]}, "labels must be 2 whole numbers"),
        ({"labels": True}, "labels must be 2 whole numbers"),
        ({"pitches": 61}, r"pitches must lie in 57\.\.60, got 61"),
        ({"pitches": [57.0, 58.0]}, "pitches must be 2 whole numbers"),
        ({"pitches": "A4"}, "pitches must be 2 whole numbers"),
    ],
    ids=str,
)
def test_an_option_of_sample_out_of_range_is_refused(model: WaveNet, wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"^{message}"):
        model.sample(2, **wrong)


def test_classes_without_names_are_not_asked_for_by_name():
    unnamed = WaveNet(**SMALL, classes=2).fit(changed(classes=()), **QUICK)
    with pytest.raises(ValueError, match=r"^labels must be among no names, got 'loud'"):
        unnamed.sample(1, labels="loud")


def test_before_fit_it_says_so():
    empty = WaveNet(**BOTH)
    for ask in (lambda: empty.sample(1), lambda: empty.log_prob(sounds(1)), lambda: empty.bits_per_sample(sounds(1))):
        with pytest.raises(NotFittedError):
            ask()


def test_a_model_without_sounds_of_its_own_rate_stays_unfitted():
    empty = WaveNet(**SMALL | {"rate": 8_000})
    with pytest.raises(ValueError, match="the sounds have 2,000 samples a second, not 8,000"):
        empty.fit(sounds(), **QUICK)
    assert not empty.fitted
