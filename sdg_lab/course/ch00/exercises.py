"""Chapter 00: what its notebook's header says, and its exercises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift as scipy_shift
from scipy.spatial.distance import cdist

from sdg_lab.course import Chapter, Exercise, Paper, Wrong, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, expect_equal, expect_type, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.metrics.uncertainty import mean_and_error

Floats = NDArray[np.float64]

CHAPTER = Chapter(
    number="00",
    title="Start here",
    builds="A generator in ten lines, an experiment that tells synthetic data from augmented data, a leak, its cure, "
    "and three questions to judge any synthetic data by.",
    read_first="Nothing. Some Python and what a mean and a covariance are will do.",
    papers=(
        Paper(
            "A survey on Image Data Augmentation for Deep Learning",
            "Shorten and Khoshgoftaar",
            2019,
            "https://doi.org/10.1186/s40537-019-0197-0",
        ),
        Paper(
            "Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs",
            "Esteban, Hyland and Rätsch",
            2017,
            "https://arxiv.org/abs/1706.02633",
        ),
        Paper(
            "Revisiting Classifier Two-Sample Tests",
            "Lopez-Paz and Oquab",
            2017,
            "https://arxiv.org/abs/1610.06545",
        ),
        Paper("Auto-Encoding Variational Bayes", "Kingma and Welling", 2014, "https://arxiv.org/abs/1312.6114"),
    ),
)

# Exercise: mean and standard error.


def _check_accuracy_with_error(answer: Answer) -> None:
    for accuracies in ([0.90, 0.94], [0.81, 0.85, 0.83, 0.79, 0.92], [0.5, 0.5, 0.5]):
        got = _two(answer(list(accuracies)), "the mean and the standard error")
        n, case = len(accuracies), f"the accuracies {accuracies}"
        mean = math.fsum(accuracies) / n
        squares = math.fsum((value - mean) ** 2 for value in accuracies)
        expect_close(got[0], mean, what="the mean", case=case)
        error = math.sqrt(squares / (n - 1) / n)
        mistakes = {
            "that is the standard deviation of one run; divide it by √n": math.sqrt(squares / (n - 1)),
            "that is the standard deviation, with n in place of n - 1; the error is smaller": math.sqrt(squares / n),
            "divide the squares by n - 1, not by n: one number went into the mean (ddof=1)": math.sqrt(squares / n / n),
            "that is the error squared; take its root": squares / (n - 1) / n,
        }
        name_the_mistake(got[1], error, mistakes, what=f"the standard error for {case}")
        expect_close(got[1], error, what="the standard error", case=case, atol=1e-12)


def _deviation(accuracies: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))


def _numpy_default(accuracies: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(accuracies)), float(np.std(accuracies) / np.sqrt(len(accuracies)))


def _variance(accuracies: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(accuracies)), float(np.var(accuracies, ddof=1) / len(accuracies))


def _median(accuracies: Sequence[float]) -> tuple[float, float]:
    return float(np.median(accuracies)), mean_and_error(accuracies)[1]


# Exercise: shift without wrapping around.


def shift(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Move a picture (height, width) by whole pixels; what leaves is lost, what comes in is paper (0)."""
    height, width = image.shape
    moved = np.zeros_like(image)
    to_rows, from_rows = slice(max(down, 0), height + min(down, 0)), slice(max(-down, 0), height - max(down, 0))
    to_columns, from_columns = slice(max(right, 0), width + min(right, 0)), slice(max(-right, 0), width - max(right, 0))
    moved[to_rows, to_columns] = image[from_rows, from_columns]
    return moved


def _check_augment(answer: Answer) -> None:
    image = np.arange(1.0, 21.0).reshape(4, 5)
    for down, right in ((0, 0), (1, 0), (0, 2), (-1, 0), (0, -1), (2, -3), (-2, 1)):
        case = f"down = {down}, right = {right}"
        got = answer(image, down, right)
        expect_type(got, np.ndarray, what="the shifted image", case=case)
        want = scipy_shift(image, (down, right), order=0, mode="constant", cval=0.0)
        mistakes = {
            "pixels that leave on one side come back on the other": np.roll(image, (down, right), (0, 1)),
            "the edge is repeated; fill with 0": scipy_shift(image, (down, right), order=0, mode="nearest"),
            "it moves the opposite way: down = 1 moves row 0 to row 1": _moved(image, -down, -right),
            "down and right are swapped: rows are the first axis": _moved(image, right, down),
        }
        name_the_mistake(got, want, mistakes, what=f"the shifted image for {case}")
        expect_close(got, want, what="the shifted image", case=case)


def _moved(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return np.asarray(scipy_shift(image, (down, right), order=0, mode="constant", cval=0.0))


def _rolled(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return np.roll(image, (down, right), axis=(0, 1))


def _swapped(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return shift(image, right, down)


def _opposite(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return shift(image, -down, -right)


def _cropped(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return image[max(-down, 0) : image.shape[0] - max(down, 0), max(-right, 0) : image.shape[1] - max(right, 0)]


def _only_forwards(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    moved = np.zeros_like(image)
    moved[max(down, 0) :, max(right, 0) :] = image[: image.shape[0] - max(down, 0), : image.shape[1] - max(right, 0)]
    return moved


# Exercise: distance to the closest training record.


def nearest(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the Euclidean distance from each sample (n, d) to the closest training record (m, d), and its index."""
    table = np.sqrt(((samples[:, None, :] - train[None, :, :]) ** 2).sum(axis=2))  # (n, m)
    return table.min(axis=1), table.argmin(axis=1)


def _check_nearest(answer: Answer) -> None:
    rng = np.random.default_rng(0)
    for n, m, d in ((1, 4, 3), (5, 3, 2), (4, 7, 64)):
        samples, train = rng.random((n, d)), rng.random((m, d))
        train[-1] = samples[0]  # a copy
        case = f"{n} samples and {m} training records of {d} numbers"
        distances, indices = _two(answer(samples, train), "the distances and the indices")
        table = cdist(samples, train)
        mistakes = {
            "these are squared distances; take the root": table.min(axis=1) ** 2,
            "these are sums of |difference|, not Euclidean": cdist(samples, train, "cityblock").min(axis=1),
            "you averaged over the d numbers; sum the squares instead": table.min(axis=1) / math.sqrt(d),
            "that is the closest sample to each training record; turn it round": table.min(axis=0),
        }
        name_the_mistake(distances, table.min(axis=1), mistakes, what=f"the distances for {case}")
        expect_close(distances, table.min(axis=1), what="the distances", case=case, atol=1e-6)
        expect_close(indices, table.argmin(axis=1), what="the indices into train", case=case)


def _squared(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    squares = ((samples[:, None] - train) ** 2).sum(axis=2)
    return squares.min(axis=1), squares.argmin(axis=1)


def _root_of_mean(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    table = np.sqrt(((samples[:, None] - train) ** 2).mean(axis=2))
    return table.min(axis=1), table.argmin(axis=1)


def _backwards(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    table = np.asarray(cdist(samples, train))
    return table.min(axis=0), table.argmin(axis=0)


def _same_row(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    rows = np.arange(len(samples)) % len(train)
    return np.linalg.norm(samples - train[rows], axis=1), rows


# Exercise: de-duplicate, then split.


def deduplicate_then_split(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    """Keep each item once, shuffle with the seed, and cut off round(test_share · n) of the n that are left as test."""
    kept = list(dict.fromkeys(items))  # keeps the first of each, in order
    order = np.random.default_rng(seed).permutation(len(kept))
    shuffled = [kept[index] for index in order]
    n_test = round(test_share * len(kept))
    return shuffled[n_test:], shuffled[:n_test]


def _check_deduplicate(answer: Answer) -> None:
    alphabetical = sorted(f"{first}{rest}" for first in "abcdefghij" for rest in ("da", "ne", "rik", "ulla"))
    items = alphabetical + alphabetical[::3]  # every third name stands in it twice
    different = set(alphabetical)
    splits = []
    for share, seed in ((0.25, 0), (0.25, 1), (0.5, 0)):
        case = f"test_share = {share}, seed = {seed}"
        train, test = _two(answer(list(items), share, seed), "train and test")
        for name, part in (("train", train), ("test", test)):
            expect_type(part, list, what=name, case=case)
        both = sorted(set(train) & set(test))
        if both:
            raise Wrong(f"{case}: {len(both)} items are in train and in test, {both[0]!r} for one; a leak")
        lost = sorted(different - set(train) - set(test))
        if lost:
            raise Wrong(f"{case}: {len(lost)} items are in neither part, {lost[0]!r} for one; keep one of each")
        expect_equal(sorted(train + test), sorted(different), what="train and test together, sorted", case=case)
        want = round(share * len(different))
        if len(test) != want:
            raise Wrong(
                f"{case}: test has {len(test)} items, expected {want}: {share} of the {len(different)} different ones"
            )
        splits.append((train, test))
    if sorted(splits[0][1]) == sorted(splits[1][1]):
        raise Wrong("seeds 0 and 1 put the same items into test: shuffle with the seed before you cut")
    again = _two(answer(list(items), 0.25, 0), "train and test")
    expect_equal(sorted(again[1]), sorted(splits[0][1]), what="test, called a second time with seed 0")


def _split_first(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    order = np.random.default_rng(seed).permutation(len(items))
    n_test = round(test_share * len(items))
    train, test = ([items[index] for index in part] for part in (order[n_test:], order[:n_test]))
    return list(dict.fromkeys(train)), list(dict.fromkeys(test))


def _both_thrown_away(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    return deduplicate_then_split([item for item in items if items.count(item) == 1], test_share, seed)


def _not_shuffled(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    kept = list(dict.fromkeys(items))
    n_test = round(test_share * len(kept))
    return kept[n_test:], kept[:n_test]


def _share_of_all(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    return deduplicate_then_split(items, test_share * len(items) / len(set(items)), seed)


def _swapped_parts(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    train, test = deduplicate_then_split(items, test_share, seed)
    return test, train


# What the checks share.


def _two(got: Any, what: str) -> tuple[Any, Any]:
    """Take an answer's pair apart, or refuse it."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise Wrong(f"expected a pair, {what}; got {type(got).__name__}: {got!r:.60}")
    return got[0], got[1]


EXERCISES = (
    Exercise(
        key="00.accuracy_with_error",
        title="Mean and standard error",
        task="Return the mean of some accuracies and its standard error s/√n, where s² divides by n - 1.",
        points=1,
        minutes=5,
        hints=(
            "Two numbers come back, as a tuple: return mean, error.",
            "The standard deviation says how far apart single runs are; the mean of n runs is √n times steadier.",
            "np.std divides by n unless you say ddof=1.",
        ),
        reference=mean_and_error,
        check=_check_accuracy_with_error,
        wrong=(
            WrongAnswer("gives the standard deviation of one run", _deviation, says="divide it by √n"),
            WrongAnswer("takes numpy's default of dividing by n", _numpy_default, says="n - 1"),
            WrongAnswer("forgets the root", _variance, says="take its root"),
            WrongAnswer("gives the median", _median, says="the mean"),
        ),
    ),
    Exercise(
        key="00.augment",
        title="Shift a picture",
        task="Move a picture (height, width) down and right by whole pixels, negative numbers the other way; what "
        "leaves is lost, and what comes in is 0.",
        points=2,
        minutes=10,
        hints=(
            "Start with a picture of zeros, and copy into it the part that stays in sight.",
            "Moved down by 1, row 0 of the old picture becomes row 1 of the new one, and the last row is lost.",
            "new[1:, :] = old[:-1, :] moves down by 1; up by 1 is new[:-1, :] = old[1:, :]. Work out where both slices "
            "start and end from max(down, 0) and max(-down, 0).",
        ),
        reference=shift,
        check=_check_augment,
        wrong=(
            WrongAnswer("uses np.roll", _rolled, says="come back on the other"),
            WrongAnswer("takes columns for rows", _swapped, says="swapped"),
            WrongAnswer("moves the opposite way", _opposite, says="opposite way"),
            WrongAnswer("only cuts", _cropped, says="shape"),
            WrongAnswer("ignores negative numbers", _only_forwards, says="down = -1, right = 0"),
        ),
    ),
    Exercise(
        key="00.nearest",
        title="The closest training record",
        task="For each of n samples (n, d), return the Euclidean distance to the closest of m training records (m, d), "
        "and its index.",
        points=2,
        minutes=10,
        hints=(
            "Make a table of all n × m distances, then look along one of its axes.",
            "samples[:, None, :] - train[None, :, :] has shape (n, m, d).",
            "√ of the sum over the last axis; then min and argmin over axis 1, the training records.",
        ),
        reference=nearest,
        check=_check_nearest,
        wrong=(
            WrongAnswer("forgets the root", _squared, says="take the root"),
            WrongAnswer("averages over the pixels", _root_of_mean, says="averaged"),
            WrongAnswer("looks along the wrong axis", _backwards, says="turn it round|shape"),
            WrongAnswer("compares row i with row i only", _same_row, says="the distances"),
        ),
    ),
    Exercise(
        key="00.deduplicate_then_split",
        title="A split that does not leak",
        task="Return (train, test): every different item once, shuffled with np.random.default_rng(seed), with "
        "round(test_share · number of different items) items in test.",
        points=2,
        minutes=10,
        hints=(
            "The order of the two steps is the whole exercise: first de-duplicate, then shuffle and cut.",
            "list(dict.fromkeys(items)) keeps the first of each; set(items) forgets the order, and with it the seed.",
            "np.random.default_rng(seed).permutation(n) is 0 … n - 1, shuffled; the first n_test numbers are the test.",
        ),
        reference=deduplicate_then_split,
        check=_check_deduplicate,
        wrong=(
            WrongAnswer("splits, then de-duplicates each part", _split_first, says="in train and in test"),
            WrongAnswer("throws both twins away", _both_thrown_away, says="in neither part"),
            WrongAnswer("does not shuffle", _not_shuffled, says="shuffle with the seed"),
            WrongAnswer("takes the share of the list with its duplicates", _share_of_all, says="different ones"),
            WrongAnswer("returns test first", _swapped_parts, says="test has"),
        ),
    ),
)
