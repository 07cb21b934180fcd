"""How good sounds are, in the features of a classifier of their spectrograms, each figure with its reference.

A classifier is trained to tell the instruments of the real training sounds apart, by small spectrograms: what is left
of one when each 4×4 pixels are one. They show the envelope of a sound and its tone colour, and the pitch but roughly.
Sounds of a model, and real held-out ones as their reference, are then compared with the training sounds, as images are
(:mod:`sdg_lab.metrics.images.quality` says why both with these).

**A reference is no optimum.** The notes of :func:`sdg_lab.data.sounds` are split by recording, so that in the test part
an instrument plays in pitches in which the training part never has it. A model that imitates the training part well is
nearer to it than the test part is, and a copy nearer still. A Fréchet distance below the reference's is therefore no
praise; read it together with the share of near copies. Nor are copies punished by TSTR, the accuracy on test sounds of
a classifier trained on the samples: they are worth what the real training sounds are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.data.types import Images, Sounds
from sdg_lab.metrics.diversity import prdc
from sdg_lab.metrics.fidelity import frechet_distance
from sdg_lab.metrics.images.classifier import ImageClassifier
from sdg_lab.metrics.privacy import near_copies
from sdg_lab.metrics.rows import subsample
from sdg_lab.metrics.sounds.pitch import within
from sdg_lab.metrics.utility import train_on_synthetic
from sdg_lab.models.waveforms.spectrograms import to_images

POOL = 4
"""Rows and columns of a spectrogram that are averaged: 125 Hz and 64 ms at 8 kHz."""

NEIGHBOUR = 5
"""k of coverage.

Precision is left out: a few of so few training sounds are far from all others, and noise lies in their reach.
"""

FORESTS = 3
"""Forests that the accuracy of TSTR is a mean of, the reference's each of other training sounds."""

TREES = 100
"""Trees a forest."""


@dataclass(frozen=True)
class SoundFigures:
    """What was measured of a set of sounds against the real training sounds.

    Attributes:
        instrument: share in which the classifier hears the instrument of the label; for real sounds, its accuracy.
        pitch: share within one semitone of the pitch that was asked for; None where there are no pitches.
        frechet: squared Fréchet distance of the features (average variance of train: 1); lower is better.
        coverage: share of the neighbourhoods of real training sounds that hold one of these.
        tstr: accuracy on the real test sounds of random forests trained on these; for the reference they are trained
            on as many real training sounds, or all if there are fewer.
        copies: share of near copies of a training sound, in small spectrograms (``metrics.near_copies``).
    """

    instrument: float
    pitch: float | None
    frechet: float
    coverage: float
    tstr: float
    copies: float


def sound_scores(
    real_train: Sounds,
    real_test: Sounds,
    synthetic: Sounds,
    *,
    classifier: ImageClassifier | None = None,
    seed: int = 0,
) -> dict[str, SoundFigures]:
    """Measure synthetic sounds, and real held-out ones in their place, against the real training sounds.

    The Fréchet distance and coverage move with the number of sounds. They are taken of n sounds of either kind, the
    smaller of the two numbers; coverage is that of n training sounds.

    Args:
        real_train: what the model was trained on, labelled.
        real_test: held-out sounds, labelled.
        synthetic: what the model made, labelled with the instruments that were asked for; with pitches, if those were.
        classifier: of :func:`fit_classifier` on ``real_train``; by default one is trained, which takes most of the
            time.
        seed: of the classifier, the forest, and the choice of sounds.

    Returns:
        ``{"reference": figures of real_test, "synthetic": figures of synthetic}``.

    Raises:
        TypeError: if one is no Sounds.
        ValueError: if one has no labels or fewer than 6 sounds, or their rates or lengths differ; if one has a label
            that ``real_train`` has not, or ``synthetic`` one class only; if a pitch cannot be measured.
    """
    from sklearn.ensemble import RandomForestClassifier

    whole("seed", seed, least=0)
    images: dict[str, Images] = {}
    labels: dict[str, set[int]] = {}
    for name, sounds in (("real_train", real_train), ("real_test", real_test), ("synthetic", synthetic)):
        images[name] = thumbnails(sounds)
        if (sounds.rate, sounds.seconds) != (real_train.rate, real_train.seconds):
            raise ValueError(f"{name} is {sounds}, real_train is {real_train}; bring them to one rate and length")
        if sounds.labels is None:
            raise ValueError(f"{name} has no labels; give Sounds with the instrument of each")
        whole(f"the number of sounds in {name}", len(sounds), least=NEIGHBOUR + 1)
        images[name] = images[name].numbered_as(real_train.classes)
        labels[name] = set(np.unique(images[name].labels).tolist())  # type: ignore[arg-type]  # there are labels
        if unknown := labels[name] - labels["real_train"]:
            raise ValueError(f"{name} has the label {min(unknown)}, which no sound of real_train has; leave it out")
    if len(labels["synthetic"]) < 2:
        raise ValueError(f"synthetic holds the one class {min(labels['synthetic'])}; a classifier needs at least 2")
    # Before the classifier, which takes long: what is too short is refused here.
    on_pitch = {
        name: None if sounds.pitches is None else within(sounds)
        for name, sounds in (("real_test", real_test), ("synthetic", synthetic))
    }
    train, test = images["real_train"], images["real_test"]
    judge = classifier or fit_classifier(real_train, seed=seed)
    n = min(len(images["synthetic"]), len(test), len(train))
    real = judge.features(train)
    neighbours = subsample(real, n, seed=seed)

    def figures(name: str, lesson: Images) -> SoundFigures:
        features = subsample(judge.features(images[name]), n, seed=seed)
        accuracies = []
        for number in range(FORESTS):
            part = subsample(lesson, min(len(synthetic), len(train)), seed=seed + number)
            forest = RandomForestClassifier(TREES, random_state=seed + number)
            accuracies.append(train_on_synthetic(part, test, classifier=forest))
        return SoundFigures(
            instrument=judge.accuracy(images[name]),
            pitch=on_pitch[name],
            frechet=frechet_distance(real, features),
            coverage=prdc(neighbours, features, NEIGHBOUR).coverage,
            tstr=float(np.mean(accuracies)),
            copies=float(near_copies(images[name], train).mean()),
        )

    return {
        "reference": figures("real_test", train),
        "synthetic": figures("synthetic", images["synthetic"]),
    }


def fit_classifier(sounds: Sounds, *, seed: int = 0) -> ImageClassifier:
    """Train a classifier of instruments on the small spectrograms of real training sounds.

    Raises:
        TypeError, ValueError: as :meth:`ImageClassifier.fit`.
    """
    return ImageClassifier().fit(thumbnails(sounds), seed=seed)


def thumbnails(sounds: Sounds) -> Images:
    """Return small spectrograms, (n, 1, 32, columns / 4): those of ``to_images``, each 4×4 pixels averaged.

    Raises:
        TypeError: if they are no Sounds.
    """
    images = to_images(sounds)
    _, rows, columns = images.shape
    pixels = images.pixels.reshape(-1, 1, rows // POOL, POOL, columns // POOL, POOL).mean(axis=(3, 5))
    return Images(np.ascontiguousarray(pixels), images.labels, images.classes)
