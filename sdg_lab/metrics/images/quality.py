"""How good made pictures are, in the features of a classifier trained on the real ones; each figure with its floor.

**Which comparison is honest.** The reference of every figure is the real *training* pictures. Samples are compared with
it, and so are, for the floor, as many real pictures that were *held out* (validation and test together). The classifier
has seen neither of these two, so they are treated alike, and a generator that is as good as reality gets exactly the
floor. The other way round, training pictures in place of samples against held-out ones, would flatter: features of
pictures that a classifier was trained on differ from those of others, which raises that floor.

Because the training data are the reference, copies of them look better than the floor. A figure below the floor is
therefore a warning, and the share of near copies stands in the same line.

**Equal numbers.** These figures move with the number of pictures (see ``metrics.frechet_by_size``). Samples and
held-out pictures therefore come in batches of the same ``n``, and figures are averaged over as many whole batches as
there are. The 8×8 digits have 360 held-out pictures, so that 1,080 samples are judged as 3 batches of 360; the 5,000 of
MNIST have 1,000. At these numbers much of a floor is the chance of a finite draw, which samples share on average
but not exactly: over new splits of the same pictures, each with a classifier of its own, the floor of the digits was
0.56 with a standard deviation of 0.18 (6 splits), that of MNIST 0.23 with 0.06 (5 splits). Read a ratio to the floor
with this error of a quarter to a third in mind. The kernel distance has no such share: its floor is 0 but for noise.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sdg_lab.data.types import Dataset, Images
from sdg_lab.metrics.diversity import prdc
from sdg_lab.metrics.fidelity import frechet_distance, kernel_distance, total_variation
from sdg_lab.metrics.images.classifier import ImageClassifier
from sdg_lab.metrics.privacy import near_copies
from sdg_lab.metrics.rows import Array, subsample

MOST_PICTURES = 1000
"""Pictures a batch at most."""

NEIGHBOUR = 5
"""k of precision, recall, density and coverage."""


@dataclass(frozen=True)
class ImageFigures:
    """What was measured of one set of pictures against the real training pictures.

    Attributes:
        frechet: squared Fréchet distance of the features (average variance of train: 1); lower is better.
        kernel: kernel distance of the features (KID); lower is better, and it may be a little below 0.
        precision: share of the pictures within reach of a real one.
        recall: share of real pictures within reach of one of these.
        density: how many real neighbourhoods a picture lies in, over k; may exceed 1.
        coverage: share of real neighbourhoods that hold one of the pictures.
        imbalance: total variation of the shares of predicted classes from the true shares in train, 0 to 1.
        smallest: share of the rarest predicted class; a class that is never drawn makes it 0.
        copies: share of near copies of a training picture, in pixels (``metrics.near_copies``).
        obeys: share whose predicted class is the label that it bears; None where there are no labels. For real
            pictures this is the classifier's accuracy.
    """

    frechet: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    imbalance: float
    smallest: float
    copies: float
    obeys: float | None


@dataclass(frozen=True)
class ImageQuality:
    """Samples and, as the floor, real held-out pictures, judged alike.

    Attributes:
        data: name of the data set.
        n: pictures a batch, of samples and of the floor.
        batches: of samples, over which the figures are averaged.
        samples: the figures of the samples.
        floor: the same of real held-out pictures.
        classes: what the classes are.
        shares: of each class among the predictions for all samples.
        real_shares: of each class in train.
    """

    data: str
    n: int
    batches: int
    samples: ImageFigures
    floor: ImageFigures
    classes: tuple[str, ...]
    shares: tuple[float, ...]
    real_shares: tuple[float, ...]

    @property
    def times_floor(self) -> float:
        """The Fréchet distance of the samples as a multiple of the floor's; 1 is as good as real."""
        return self.samples.frechet / self.floor.frechet


def judge_images(
    samples: Images, *, data: Dataset[Images], classifier: ImageClassifier, seed: int = 0, n: int | None = None
) -> ImageQuality:
    """Judge made pictures, and real held-out ones in their place, against the real training pictures.

    What is compared with what, and why, is said at the head of this module.

    Args:
        samples: what the model made: at least 1,000 for figures that one may quote. Labels are what was asked for.
        data: what the model was trained on, labelled.
        classifier: fitted on ``data.train`` only.
        seed: of the batches, and of the training pictures that precision, recall, density and coverage compare with
            (n of them; the two distances take all).
        n: pictures a batch; by default as many as are held out, at most 1,000 and at most the number of samples.

    Raises:
        ValueError: if there are fewer than n samples, held-out or training pictures, n is not above 5, the training
            pictures have no labels, or the pictures have another shape than the classifier's.
        NotFittedError: if the classifier is not fitted.
    """
    held_out = _together(data.validation, data.test)
    if n is None:
        n = min(len(samples), len(held_out), MOST_PICTURES)
    for name, pictures in (("samples", samples), ("validation and test", held_out), ("train", data.train)):
        if not NEIGHBOUR < n <= len(pictures):
            raise ValueError(f"n must lie from {NEIGHBOUR + 1} to {len(pictures)}, the number of {name}, got {n}")
    if data.train.labels is None:
        raise ValueError(f"the training pictures of {data.card.name} have no labels; classes cannot be judged")
    real_shares = _shares(data.train.labels, classifier.classes)
    real = classifier.features(data.train)
    around = subsample(real, n, seed=seed)

    def figures(pictures: Images) -> ImageFigures:
        found, predicted = classifier.features(pictures), classifier.predict(pictures)
        copies = near_copies(pictures, data.train)
        right = None if pictures.labels is None else predicted == pictures.labels
        order = np.random.default_rng(seed).permutation(len(pictures))
        batches = [np.sort(order[first : first + n]) for first in range(0, len(order) - n + 1, n)]
        return _mean([_figures(i, real, around, found, predicted, real_shares, copies, right) for i in batches])

    return ImageQuality(
        data=data.card.name,
        n=n,
        batches=len(samples) // n,
        samples=figures(samples),
        floor=figures(held_out),
        classes=data.train.classes or tuple(str(label) for label in range(classifier.classes)),
        shares=tuple(_shares(classifier.predict(samples), classifier.classes).tolist()),
        real_shares=tuple(real_shares.tolist()),
    )


def _figures(
    batch: npt.NDArray[np.int64],
    real: Array,
    around: Array,
    found: Array,
    predicted: npt.NDArray[np.int64],
    real_shares: Array,
    copies: npt.NDArray[np.bool_],
    right: npt.NDArray[np.bool_] | None,
) -> ImageFigures:
    """Measure one batch, given as positions in the arrays that follow."""
    cover, shares = prdc(around, found[batch], NEIGHBOUR), _shares(predicted[batch], len(real_shares))
    return ImageFigures(
        frechet=frechet_distance(real, found[batch]),
        kernel=kernel_distance(real, found[batch]),
        precision=cover.precision,
        recall=cover.recall,
        density=cover.density,
        coverage=cover.coverage,
        imbalance=total_variation(shares, real_shares),
        smallest=float(shares.min()),
        copies=float(copies[batch].mean()),
        obeys=None if right is None else float(right[batch].mean()),
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
