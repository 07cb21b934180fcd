"""How good made images are, in the features of a classifier trained on the real ones, each figure with its reference.

**Which comparison is fair.** Everything is compared with the real *training* images: the samples, and as many real
images that were *held out* (validation and test together), which are the reference. The classifier has seen neither of
these two, so they are treated alike, and a generator that is as good as reality gets the figures of the reference. The
other way round, training images in place of samples against held-out ones, would flatter: features of images that a
classifier was trained on differ from those of others, which raises that reference.

Because the training data are what is compared with, copies of them look better than real images do. A distance below
that of the reference is therefore a warning, and the share of near copies stands in the same line.

**Equal numbers.** These figures move with the number of images (see ``metrics.frechet_by_size``). Samples and held-out
images therefore come in batches of the same ``n``, and figures are averaged over as many whole batches as there are.
The 8×8 digits have 360 held-out images, so that 1,080 samples are judged as 3 batches of 360; the 5,000 of MNIST have
1,000. At these numbers much of the reference's Fréchet distance is the chance of a finite draw, which samples share on
average but not exactly: over new splits of the same images, each with a classifier of its own, it was 0.56 with a
standard deviation of 0.18 for the digits (6 splits), and 0.23 with 0.06 for MNIST (5 splits). Read a ratio to it with
this error of a quarter to a third in mind. The kernel distance has no such share: its reference is 0 but for noise.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.metrics.diversity import prdc
from sdg_lab.metrics.fidelity import frechet_distance, kernel_distance, total_variation
from sdg_lab.metrics.privacy import near_copies
from sdg_lab.metrics.rows import Array, subsample

if TYPE_CHECKING:
    from sdg_lab.data.types import Dataset
    from sdg_lab.metrics.images.classifier import ImageClassifier

MAX_IMAGES = 1000
"""Images a batch at most."""

NEIGHBOUR = 5
"""k of precision, recall, density and coverage."""


@dataclass(frozen=True)
class ImageFigures:
    """What was measured of one set of images against the real training images.

    Attributes:
        frechet: squared Fréchet distance of the features (FID-like; average variance of train: 1); lower is better.
        kernel: kernel distance of the features (KID-like); lower is better, and it may be a little below 0.
        precision: share of the images within reach of a real one.
        recall: share of real images within reach of one of these.
        density: how many real neighbourhoods an image lies in, over k; may exceed 1.
        coverage: share of real neighbourhoods that hold one of the images.
        imbalance: total variation of the shares of predicted classes from the true shares in train, 0 to 1.
        rarest: share of the rarest predicted class; a class that is never sampled makes it 0.
        copies: share of near copies of a training image, in pixels (``metrics.near_copies``).
        label_consistency: share whose predicted class is the label that it bears; None where there are no labels. For
            real images this is the classifier's accuracy.
    """

    frechet: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    imbalance: float
    rarest: float
    copies: float
    label_consistency: float | None


@dataclass(frozen=True)
class ImageQuality:
    """Samples and, as the reference, real held-out images, measured alike.

    Attributes:
        data: name of the data set.
        n: images a batch, of samples and of the reference.
        batches: of samples, over which the figures are averaged.
        samples: the figures of the samples.
        reference: the same of real held-out images.
        classes: what the classes are.
        shares: of each class among the predictions for all samples.
        real_shares: of each class in train.
    """

    data: str
    n: int
    batches: int
    samples: ImageFigures
    reference: ImageFigures
    classes: tuple[str, ...]
    shares: tuple[float, ...]
    real_shares: tuple[float, ...]

    @property
    def times_floor(self) -> float:
        """The Fréchet distance of the samples as a multiple of the reference's, its floor; 1 is as good as real."""
        return self.samples.frechet / self.reference.frechet


def judge_images(
    samples: Images, *, data: Dataset[Images], classifier: ImageClassifier, seed: int = 0, n: int | None = None
) -> ImageQuality:
    """Measure made images, and real held-out ones in their place, against the real training images.

    What is compared with what, and why, is said at the head of this module; what each figure catches and misses, at the
    metric that it comes from: :func:`~sdg_lab.metrics.fidelity.frechet_distance`,
    :func:`~sdg_lab.metrics.fidelity.kernel_distance`, :func:`~sdg_lab.metrics.diversity.prdc` and
    :func:`~sdg_lab.metrics.privacy.near_copies`. All miss what the classifier does not look at.

    Args:
        samples: what the model made: at least 1,000 for figures that one may quote. Labels are what was asked for.
        data: what the model was trained on, labelled.
        classifier: fitted on ``data.train`` only.
        seed: of the batches, and of the training images that precision, recall, density and coverage compare with
            (n of them; the two distances take all).
        n: images a batch; by default as many as are held out, at most 1,000 and at most the number of samples.

    Raises:
        ValueError: if there are fewer than n samples, held-out or training images, n is not above 5, the training
            images have no labels, or the images have another shape than the classifier's.
        NotFittedError: if the classifier is not fitted.
    """
    held_out = _together(data.validation, data.test)
    whole("seed", seed, least=0)
    if n is None:
        n = min(len(samples), len(held_out), MAX_IMAGES)
    for name, images in (("samples", samples), ("validation and test", held_out), ("train", data.train)):
        whole(f"n, at most the number of {name},", n, least=NEIGHBOUR + 1, most=len(images))
    if data.train.labels is None:
        raise ValueError(f"the training images of {data.card.name} have no labels; classes cannot be compared")
    train = _Real(
        features=classifier.features(data.train),
        shares=_shares(data.train.labels, classifier.classes),
        neighbours=subsample(classifier.features(data.train), n, seed=seed),
    )

    def figures(images: Images) -> ImageFigures:
        seen = _seen(images, classifier, data.train)
        order = np.random.default_rng(seed).permutation(len(images))
        batches = [np.sort(order[first : first + n]) for first in range(0, len(order) - n + 1, n)]
        return _mean([_figures(seen[batch], train) for batch in batches])

    return ImageQuality(
        data=data.card.name,
        n=n,
        batches=len(samples) // n,
        samples=figures(samples),
        reference=figures(held_out),
        classes=data.train.classes or tuple(str(label) for label in range(classifier.classes)),
        shares=tuple(_shares(classifier.predict(samples), classifier.classes).tolist()),
        real_shares=tuple(train.shares.tolist()),
    )


@dataclass(frozen=True)
class _Real:
    """What is known of the training images: features (n, d), n of them for the neighbourhoods, shares of classes."""

    features: Array
    neighbours: Array
    shares: Array


@dataclass(frozen=True)
class _Seen:
    """What the classifier sees in images, one row each: features, class, near copy or not, label met or not."""

    features: Array
    classes: npt.NDArray[np.int64]
    copies: npt.NDArray[np.bool_]
    consistent: npt.NDArray[np.bool_] | None

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> _Seen:
        consistent = None if self.consistent is None else self.consistent[rows]
        return _Seen(self.features[rows], self.classes[rows], self.copies[rows], consistent)


def _seen(images: Images, classifier: ImageClassifier, train: Images) -> _Seen:
    classes = classifier.predict(images)
    consistent = None if images.labels is None else classes == images.labels
    return _Seen(classifier.features(images), classes, near_copies(images, train), consistent)


def _figures(seen: _Seen, train: _Real) -> ImageFigures:
    cover, shares = prdc(train.neighbours, seen.features, NEIGHBOUR), _shares(seen.classes, len(train.shares))
    return ImageFigures(
        frechet=frechet_distance(train.features, seen.features),
        kernel=kernel_distance(train.features, seen.features),
        precision=cover.precision,
        recall=cover.recall,
        density=cover.density,
        coverage=cover.coverage,
        imbalance=total_variation(shares, train.shares),
        rarest=float(shares.min()),
        copies=float(seen.copies.mean()),
        label_consistency=None if seen.consistent is None else float(seen.consistent.mean()),
    )


def _mean(batches: list[ImageFigures]) -> ImageFigures:
    def mean(name: str) -> Any:
        values = [getattr(batch, name) for batch in batches]
        return None if None in values else float(np.mean(values))

    return ImageFigures(**{field.name: mean(field.name) for field in fields(ImageFigures)})


def _shares(labels: npt.NDArray[np.int64], classes: int) -> Array:
    shares: Array = np.bincount(labels, minlength=classes) / len(labels)
    return shares


def _together(first: Images, second: Images) -> Images:
    labels = None
    if first.labels is not None and second.labels is not None:
        labels = np.concatenate([first.labels, second.labels])
    return Images(np.concatenate([first.pixels, second.pixels]), labels, first.classes)
