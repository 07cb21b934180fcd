"""Scores of sounds: each figure is that of its metric; copies, noise, a lost class and wrong labels look so."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sdg_lab.data import Images, Sounds
from sdg_lab.metrics import ImageClassifier, frechet_distance, near_copies, prdc
from sdg_lab.metrics.images import classifier as module
from sdg_lab.metrics.sounds import quality
from sdg_lab.metrics.sounds.quality import fit_classifier, sound_scores, thumbnails
from sdg_lab.models.waveforms.spectrograms import to_images

RATE = 8_000


def tones(n: int, seed: int) -> Sounds:
    """Return dull tones (0) and bright ones (1) at pitches of their own."""
    rng = np.random.default_rng(seed)
    labels, notes = np.arange(n) % 2, rng.integers(55, 72, n)
    turns = 440 * 2 ** ((notes[:, None] - 69) / 12) * np.arange(2_048) / RATE
    harmonics = [(0.6 + 0.4 * labels[:, None]) ** (4 * k) / k * np.sin(2 * np.pi * k * turns) for k in range(1, 5)]
    waves = rng.uniform(0.2, 0.5, (n, 1)) * sum(harmonics) + rng.normal(0, 0.003, turns.shape)
    waves /= max(1, np.abs(waves).max())
    return Sounds(waves.astype(np.float32), RATE, labels, ("dull", "bright"), notes)


def with_waves(sounds: Sounds, waves: NDArray[np.floating]) -> Sounds:
    return Sounds(waves.astype(np.float32), RATE, sounds.labels, sounds.classes, sounds.pitches)


TRAIN, TEST = tones(80, 0), tones(40, 1)


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "FORESTS", 1)
    monkeypatch.setattr(quality, "TREES", 20)


@pytest.fixture(scope="module")
def judge() -> ImageClassifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEPS", 100)
        return fit_classifier(TRAIN)


def test_thumbnails_are_means_of_the_spectrograms_pixels():
    large, small = to_images(TRAIN[:3]).pixels, thumbnails(TRAIN[:3]).pixels
    assert small.shape == (3, 1, 32, 4)
    assert small[2, 0, 30, 1] == pytest.approx(large[2, 0, 120:124, 4:8].mean(), abs=1e-5)


def test_each_figure_is_that_of_its_metric(judge: ImageClassifier):
    made = tones(40, 2)
    figures = sound_scores(TRAIN, TEST, made, classifier=judge)["synthetic"]
    real, features = judge.features(thumbnails(TRAIN)), judge.features(thumbnails(made))
    assert figures.instrument == judge.accuracy(thumbnails(made))
    assert figures.frechet == pytest.approx(frechet_distance(real, features), rel=1e-3, abs=1e-4)
    rows = np.random.default_rng(0).choice(80, size=40, replace=False)
    assert figures.coverage == pytest.approx(prdc(real[rows], features).coverage)
    assert figures.pitch == 1
    assert figures.copies == near_copies(thumbnails(made), thumbnails(TRAIN)).mean() < 0.5


def test_the_reference_is_what_held_out_sounds_score(judge: ImageClassifier):
    scores = sound_scores(TRAIN, TEST, TEST, classifier=judge)
    reference, same = scores["reference"], scores["synthetic"]
    assert (same.frechet, same.coverage, same.copies) == (reference.frechet, reference.coverage, reference.copies)
    assert reference.instrument > 0.9
    assert reference.tstr > 0.8
    assert same.tstr == 1  # trained on what it is asked about


def test_what_is_wrong_with_sounds_is_seen(judge: ImageClassifier):
    rng = np.random.default_rng(3)
    made = tones(40, 2)
    swapped = Sounds(made.waves, RATE, 1 - np.asarray(made.labels), made.classes, np.asarray(made.pitches) + 3)
    dull = tones(80, 2)[::2]
    variants = {
        "good": made,
        "copies": TRAIN[:40],
        "noise": with_waves(made, rng.uniform(-0.5, 0.5, made.waves.shape)),
        "swapped": swapped,
        "dull": Sounds(dull.waves, RATE, made.labels, made.classes, dull.pitches),
    }
    scores = {
        name: sound_scores(TRAIN, TEST, sounds, classifier=judge)["synthetic"] for name, sounds in variants.items()
    }
    assert scores["copies"].copies == 1
    assert scores["noise"].frechet > 10 * scores["good"].frechet
    assert scores["noise"].coverage < 0.5 * scores["good"].coverage
    assert scores["noise"].pitch == 0
    assert scores["swapped"].pitch == 0
    assert scores["swapped"].instrument < 0.1
    assert scores["swapped"].tstr < 0.3
    assert scores["dull"].coverage < 0.8 * scores["good"].coverage
    assert 0.4 <= scores["dull"].instrument <= 0.6


def test_sounds_without_pitches_are_not_asked_for_them(judge: ImageClassifier):
    made = tones(10, 2)
    silent_about_it = Sounds(made.waves, RATE, made.labels, made.classes)
    assert sound_scores(TRAIN, TEST, silent_about_it, classifier=judge)["synthetic"].pitch is None


def test_a_classifier_is_trained_where_none_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "STEPS", 3)
    seeds = []
    fit = ImageClassifier.fit

    def noted(self: ImageClassifier, images: Images, *, seed: int = 0, **options: object) -> ImageClassifier:
        seeds.append((len(images), seed))
        return fit(self, images, seed=seed)

    monkeypatch.setattr(ImageClassifier, "fit", noted)
    sound_scores(TRAIN, TEST, tones(10, 2), seed=4)
    assert seeds == [(80, 4)]


def test_refusals(judge: ImageClassifier):
    with pytest.raises(TypeError, match="sounds must be"):
        sound_scores(TRAIN, TEST, TEST.waves, classifier=judge)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="synthetic has no labels; give Sounds with the instrument"):
        sound_scores(TRAIN, TEST, Sounds(TEST.waves, RATE), classifier=judge)
    with pytest.raises(ValueError, match="the number of sounds in real_test must be a whole number >= 6"):
        sound_scores(TRAIN, TEST[:5], TEST, classifier=judge)
    with pytest.raises(ValueError, match=r"synthetic is .*; bring them to one rate and length"):
        sound_scores(TRAIN, TEST, Sounds(TEST.waves[:, :1000], RATE, TEST.labels, TEST.classes), classifier=judge)
    with pytest.raises(ValueError, match="seed must be"):
        sound_scores(TRAIN, TEST, TEST, classifier=judge, seed=-1)


def test_what_cannot_be_judged_is_refused_before_a_classifier_is_trained(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quality, "fit_classifier", lambda *_, **__: pytest.fail("it was trained"))
    short = [Sounds(part.waves[:, :400], RATE, part.labels, part.classes, part.pitches) for part in (TRAIN, TEST)]
    with pytest.raises(ValueError, match="sounds have 400 samples; their pitch needs 512"):
        sound_scores(*short, short[1])
    for labels, classes, message in (
        (TEST.labels + 1, (), "synthetic has the label 2, which no sound of real_train has; leave it out"),
        (TEST.labels, ("dull", "shrill"), "the class 'shrill' is none of dull, bright"),
        (0 * TEST.labels, TEST.classes, "synthetic holds the one class 0; a classifier needs at least 2"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            sound_scores(TRAIN, TEST, Sounds(TEST.waves, RATE, labels, classes, TEST.pitches))


def test_labels_are_matched_by_their_names(judge: ImageClassifier):
    other = Sounds(TEST.waves, RATE, 1 - TEST.labels, ("bright", "dull"), TEST.pitches)
    assert sound_scores(TRAIN, TEST, other, classifier=judge) == sound_scores(TRAIN, TEST, TEST, classifier=judge)
