"""Quality of images: each figure is that of the metric it names, and good, copied and collapsed models look so."""

import dataclasses

import numpy as np
import pytest

from sdg_lab.data.types import Card, Dataset, Images
from sdg_lab.metrics import (
    ImageClassifier,
    frechet_distance,
    judge_images,
    kernel_distance,
    prdc,
)
from sdg_lab.metrics.images import classifier as module
from sdg_lab.metrics.images import quality as module_of_quality
from sdg_lab.metrics.rows import subsample

CARD = Card("bars", "two bars", "images", "here", "CC0", "400 x 1 x 8 x 8", "ink", "")


def bars(n, seed):
    """Bars of random place and ink: lying (0, a quarter of them) or standing (1)."""
    rng = np.random.default_rng(seed)
    pixels, labels = rng.uniform(0, 0.2, size=(n, 1, 8, 8)), (rng.random(n) > 0.25).astype(np.int64)
    for picture, label in zip(pixels, labels, strict=True):
        place = rng.integers(1, 6)
        index = (0, slice(place, place + 2), slice(None)) if label == 0 else (0, slice(None), slice(place, place + 2))
        picture[index] += rng.uniform(0.3, 0.8)
    return Images(pixels.astype(np.float32), labels, ("lying", "standing"))


DATA = Dataset(CARD, bars(300, 0), bars(50, 1), bars(50, 2))


@pytest.fixture(scope="module")
def judge():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEPS", 60)
        return ImageClassifier().fit(DATA.train, seed=0)


def test_each_figure_is_that_of_its_metric(judge):
    samples = bars(100, 7)
    quality = judge_images(samples, data=DATA, classifier=judge, seed=3)
    real, made = judge.features(DATA.train), judge.features(samples)
    figures = quality.samples
    assert (quality.n, quality.batches) == (100, 1)
    assert figures.frechet == pytest.approx(frechet_distance(real, made))
    assert figures.kernel == pytest.approx(kernel_distance(real, made))
    cover = prdc(subsample(real, 100, seed=3), made)
    assert (figures.precision, figures.recall, figures.density, figures.coverage) == pytest.approx(
        dataclasses.astuple(cover)
    )
    share = judge.predict(samples).mean()
    assert quality.shares == pytest.approx((1 - share, share))
    assert figures.imbalance == pytest.approx(abs(share - DATA.train.labels.mean()))
    assert figures.rarest == pytest.approx(1 - share)
    assert figures.label_consistency == pytest.approx(judge.accuracy(samples))
    assert quality.times_floor == figures.frechet / quality.reference.frechet


def test_the_reference_is_what_the_held_out_images_would_score_as_samples(judge):
    held_out = Images(
        np.concatenate([DATA.validation.pixels, DATA.test.pixels]),
        np.concatenate([DATA.validation.labels, DATA.test.labels]),
    )
    quality = judge_images(held_out, data=DATA, classifier=judge, seed=5)
    assert quality.samples == quality.reference
    assert quality.times_floor == 1.0


def test_the_reference_does_not_depend_on_the_samples(judge):
    references = {judge_images(bars(n, n), data=DATA, classifier=judge, n=40).reference for n in (40, 90, 130)}
    assert len(references) == 1


def test_the_seed_decides_batches_and_neighbours_and_is_0(judge):
    samples = bars(130, 8)
    first, again, other = (
        judge_images(samples, data=DATA, classifier=judge, n=40, **s) for s in ({}, {"seed": 0}, {"seed": 1})
    )
    assert first == again
    assert first.samples.frechet != other.samples.frechet
    whole = [judge_images(bars(100, 8), data=DATA, classifier=judge, seed=seed).samples for seed in (0, 1)]
    assert whole[0].frechet == pytest.approx(whole[1].frechet)  # one batch of all, in any order
    assert whole[0].density != whole[1].density  # other training images for the neighbourhoods


def test_every_sample_is_in_one_batch(judge):
    samples = bars(100, 8)
    mixed = Images(np.concatenate([samples.pixels[:93], DATA.train.pixels[:7]]))
    assert judge_images(mixed, data=DATA, classifier=judge, n=50).samples.copies == pytest.approx(0.07)


def test_a_batch_is_as_large_as_the_smaller_set_and_at_most_a_thousand(judge, monkeypatch):
    assert judge_images(bars(70, 8), data=DATA, classifier=judge).n == 70
    assert judge_images(bars(130, 8), data=DATA, classifier=judge).n == 100
    assert judge_images(bars(6, 8), data=DATA, classifier=judge).n == 6
    assert module_of_quality.MAX_IMAGES == 1000
    monkeypatch.setattr(module_of_quality, "MAX_IMAGES", 60)
    assert judge_images(bars(130, 8), data=DATA, classifier=judge).n == 60


def test_classes_without_a_name_are_numbers(judge):
    bare = dataclasses.replace(DATA, train=Images(DATA.train.pixels, DATA.train.labels))
    found = judge_images(bars(50, 8), data=bare, classifier=judge)
    assert found.classes == ("0", "1")
    assert found.real_shares == pytest.approx((1 - DATA.train.labels.mean(), DATA.train.labels.mean()))
    assert judge_images(bars(50, 8), data=DATA, classifier=judge).classes == ("lying", "standing")


def test_figures_are_averaged_over_whole_batches(judge):
    quality = judge_images(bars(130, 8), data=DATA, classifier=judge, n=50)
    assert (quality.n, quality.batches) == (50, 2)
    assert quality.shares != pytest.approx(quality.real_shares)
    more = judge_images(bars(50, 8), data=DATA, classifier=judge, n=50)
    assert more.batches == 1


def test_models_are_told_apart(judge):
    copies, thick = bars(100, 9), bars(100, 9)
    collapsed = copies[np.flatnonzero(copies.labels == 1)[np.arange(100) % 3]]
    found = {
        name: judge_images(samples, data=DATA, classifier=judge)
        for name, samples in {
            "good": bars(100, 9),
            "copies": DATA.train[:100],
            "collapsed": collapsed,
            "grey": Images((thick.pixels * 0.3).astype(np.float32), thick.labels),
        }.items()
    }
    assert found["good"].times_floor < 4
    assert found["good"].samples.copies == found["good"].reference.copies == 0
    assert found["copies"].samples.copies == 1
    assert found["copies"].times_floor < 2
    assert found["collapsed"].times_floor > 5
    assert found["collapsed"].samples.rarest == 0
    assert found["collapsed"].samples.recall < 0.2 < 0.6 < found["good"].samples.recall
    assert found["grey"].times_floor > 5


def test_labels_that_are_not_met_are_counted_and_none_are_no_figure(judge):
    samples = bars(100, 10)
    turned = Images(samples.pixels, np.where(np.arange(100) < 30, 1 - samples.labels, samples.labels))
    straight, crossed = (judge_images(images, data=DATA, classifier=judge).samples for images in (samples, turned))
    assert straight.label_consistency == pytest.approx(judge.accuracy(samples))
    assert crossed.label_consistency == pytest.approx((judge.predict(samples) == turned.labels).mean())
    assert crossed.label_consistency < 0.8 < 0.9 < straight.label_consistency
    assert judge_images(Images(samples.pixels), data=DATA, classifier=judge).samples.label_consistency is None


@pytest.mark.parametrize("part", ["validation", "test"])
def test_held_out_images_of_which_some_have_no_labels_have_no_label_consistency(judge, part):
    bare = dataclasses.replace(DATA, **{part: Images(getattr(DATA, part).pixels)})
    found = judge_images(bars(50, 8), data=bare, classifier=judge)
    assert found.reference.label_consistency is None
    assert found.samples.label_consistency is not None


@pytest.mark.parametrize(
    ("n", "samples", "sentence"),
    [
        (60, bars(50, 0), "n, at most the number of samples, must be a whole number >= 6 and <= 50, got 60"),
        (
            101,
            bars(200, 0),
            "n, at most the number of validation and test, must be a whole number >= 6 and <= 100, got 101",
        ),
        (None, bars(5, 0), "n, at most the number of samples, must be a whole number >= 6 and <= 5, got 5"),
    ],
)
def test_unequal_numbers_are_refused(judge, n, samples, sentence):
    with pytest.raises(ValueError, match=sentence):
        judge_images(samples, data=DATA, classifier=judge, n=n)


def test_training_images_without_labels_are_refused(judge):
    bare = dataclasses.replace(DATA, train=Images(DATA.train.pixels))
    with pytest.raises(ValueError, match="the training images of bars have no labels; classes cannot be compared"):
        judge_images(bars(50, 0), data=bare, classifier=judge)
