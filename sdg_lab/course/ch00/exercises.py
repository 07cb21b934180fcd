"""Chapter 00: what its notebook's header says, and its exercises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper, Wrong

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

# Mean and standard error.


def accuracy_with_error(accuracies: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and its standard error s / √n; s² = Σ (x - mean)² / (n - 1)."""
    n = len(accuracies)
    mean = sum(accuracies) / n
    variance = sum((accuracy - mean) ** 2 for accuracy in accuracies) / (n - 1)
    return mean, (variance / n) ** 0.5


def _accuracy_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case([0.81, 0.85, 0.83, 0.79, 0.92])
    yield Case([0.90, 0.94], name="two accuracies")
    yield Case([0.5, 0.5, 0.5], name="three equal accuracies")
    for n in (4, 9, 25):
        yield Case(rng.uniform(0.6, 1.0, n).round(3).tolist())
    yield Case(rng.uniform(0.6, 1.0, 7), name="an array of seven")


def _with_error(values: Sequence[float], error: Any) -> tuple[float, float]:
    return float(np.mean(values)), float(error)


# Shift without wrapping around.


def shift(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Move an image by whole pixels; what leaves is lost, what comes in is 0."""
    height, width = image.shape
    margin = max(abs(down), abs(right))
    framed = np.pad(image, margin)  # zeros all around, as many as the move is far
    top, left = margin - down, margin - right
    return framed[top : top + height, left : left + width]


def _shift_cases(rng: np.random.Generator) -> Iterator[Case]:
    image = np.arange(1.0, 21.0).reshape(4, 5)
    for down, right in ((0, 0), (1, 0), (0, 2), (-1, 0), (0, -1), (2, -3), (-2, 1)):
        yield Case(image.copy(), down, right, name=f"down = {down}, right = {right}")
    yield Case(rng.random((3, 7)), 0, 6, name="a move that leaves one column")
    yield Case(rng.random((5, 3)).astype(np.float32), -2, -1)
    for down, right in ((0, 8), (-9, 0), (7, 7)):
        yield Case(rng.random((6, 6)), down, right, name=f"a 6×6 image moved out of sight by {down} and {right}")


def _repeated_edge(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return np.asarray(image[rows][:, columns])


def _cropped(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    height, width = image.shape
    return image[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]


def _only_forwards(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return shift(image, max(down, 0), max(right, 0))


def _whole_numbers(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    return shift(image, down, right).astype(int)


# Distance to the closest training record.


def nearest(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return each sample's distance to the closest training record, and its index."""
    differences = samples[:, None, :] - train[None, :, :]  # (n, m, d)
    table = np.sqrt((differences**2).sum(axis=2))  # (n, m)
    return table.min(axis=1), table.argmin(axis=1)


def _nearest_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, m, d in ((5, 3, 2), (4, 7, 64), (1, 4, 3), (6, 1, 5), (30, 20, 1)):
        samples, train = rng.random((n, d)), rng.random((m, d))
        train[-1] = samples[0]  # a copy
        yield Case(samples, train)
    train = rng.random((40, 17))
    yield Case(train[rng.permutation(40)[:30]], train, name="samples that are all copies")  # |a|² + |b|² - 2ab is ±0
    yield Case(40 * rng.normal(size=(4, 3)), 40 * rng.normal(size=(5, 3)), name="records far outside [0, 1]")
    yield Case(rng.random((3, 9)).astype(np.float32), rng.random((8, 9)).astype(np.float32), name="float32 records")


def _any_of_the_closest(value: Any, case: Case) -> Any:
    """Where several records are equally close, each of their indices is right: take the first."""
    if not (hasattr(value, "shape") or isinstance(value, (tuple, list))) or len(value) != 2:
        raise Wrong("Two things come back, as a pair: the distances and the indices.")
    samples, train = (np.asarray(argument, dtype=float) for argument in case.args)
    indices = np.asarray(value[1])
    if indices.shape != (len(samples),) or indices.dtype.kind not in "iuf":
        return value
    if ((indices < 0) | (indices >= len(train)) | (indices != indices.round())).any():
        raise Wrong(f"An index is a place in train, a whole number from 0 to {len(train) - 1}; got {indices}.")
    table = np.sqrt(((samples[:, None] - train) ** 2).sum(axis=2))
    found = table[np.arange(len(samples)), indices.astype(int)]
    first = np.where(found <= table.min(axis=1) + 1e-6, table.argmin(axis=1), indices)
    return value[0], first


def _distances(samples: Floats, train: Floats) -> Floats:
    return np.asarray(np.sqrt(((samples[:, None] - train) ** 2).sum(axis=2)))


def _of_table(table: Floats, axis: int = 1) -> tuple[Floats, NDArray[np.int64]]:
    return table.min(axis=axis), table.argmin(axis=axis)


def _same_row(samples: Floats, train: Floats) -> tuple[Floats, NDArray[np.int64]]:
    rows = np.arange(len(samples)) % len(train)
    return np.linalg.norm(samples - train[rows], axis=1), rows


# De-duplicate, then split.


def deduplicate_then_split(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    """Keep each item once, shuffle with the seed, and cut off the test part."""
    kept = list(dict.fromkeys(items))  # keeps the first of each, in order
    order = np.random.default_rng(seed).permutation(len(kept))
    shuffled = [kept[index] for index in order]
    n_test = round(test_share * len(kept))
    return shuffled[n_test:], shuffled[:n_test]


def _split_cases(rng: np.random.Generator) -> Iterator[Case]:
    different = [f"{first}{rest}" for first in "abcdefghij" for rest in ("da", "ne", "rik", "ulla")]
    for share in (0.25, 0.5, 0.1):
        items = [*different, *different[::3]]  # every third name stands in it twice
        shuffled = [items[i] for i in rng.permutation(len(items))]
        yield Case(shuffled, share, int(rng.integers(1000)), name=f"40 different names, test_share = {share}")
    for n in (7, 23):
        for share in (0.1, 0.3, 0.37, 0.6):  # of 7: 0.7, 2.1, 2.59 and 4.2, to be rounded up and down
            items = [different[i] for i in rng.permutation(len(different))[:n]]
            yield Case([*items, items[0]], share, int(rng.integers(1000)), name=f"{n} names, test_share = {share}")
    yield Case(["b", "a", "b", "b", "c", "d", "b"], 0.5, 3, name="one name four times")
    yield Case(["a", "b", "c"], 0.0, 1, name="test_share = 0")
    yield Case(list("abcdeb"), 0.5, 4, name="5 names, test_share = 0.5: 2.5, of which round makes 2")


def _split_as_declared(value: Any, case: Case) -> Any:
    """Check what the task promises, whichever way of shuffling with the seed was taken; return what no way changes."""
    items, share, seed = case.args
    different = set(items)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Wrong("Two things come back, as a pair: train and test.")
    train, test = map(list, value)
    if both := sorted(set(train) & set(test)):
        raise Wrong(f"{len(both)} items are in train and in test, {both[0]!r} for one; that is the leak.")
    if lost := sorted(different - set(train) - set(test)):
        raise Wrong(f"{len(lost)} items are in neither part, {lost[0]!r} for one; keep one of each.")
    if len(test) != (want := round(share * len(different))):
        raise Wrong(f"Test has {len(test)} items, expected {want} = round({share} · {len(different)} different ones).")
    if len(different) > 20 and train == sorted(train) and test == sorted(test):
        raise Wrong("Both parts come back sorted: leave them shuffled.")
    honest = (part for order in _shuffles(items, seed, want) for part in (order[:want], order[::-1][:want]))
    if set(test) not in map(set, honest):
        kept = list(dict.fromkeys(items))
        if set(test) in (set(kept[:want]), set(kept[-want:])):
            raise Wrong("Test is one end of the list: shuffle before you cut.")
        raise Wrong("These items were not chosen by np.random.default_rng(seed).")
    return sorted(train + test), len(test)


def _shuffles(items: list[str], seed: int, n_test: int) -> Iterator[list[str]]:
    """Yield the orders into which people bring the different items with a generator of this seed."""
    for kept in (list(dict.fromkeys(items)), sorted(set(items)), list(dict.fromkeys(items[::-1]))[::-1]):
        n = len(kept)
        yield [kept[i] for i in np.random.default_rng(seed).permutation(n)]
        yield [kept[i] for i in np.random.default_rng(seed).choice(n, n, replace=False)]
        yield [kept[i] for i in np.random.default_rng(seed).choice(n, n_test, replace=False)]
        yield [kept[i] for i in np.random.default_rng(seed).random(n).argsort()]
        shuffled = kept.copy()
        np.random.default_rng(seed).shuffle(shuffled)
        yield shuffled
        array = np.array(kept)
        np.random.default_rng(seed).shuffle(array)
        yield array.tolist()


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


def _sorted_parts(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    train, test = deduplicate_then_split(items, test_share, seed)
    return sorted(train), sorted(test)


def _seed_ignored(items: list[str], test_share: float, seed: int) -> tuple[list[str], list[str]]:
    return deduplicate_then_split(items, test_share, 12345)


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
        reference=accuracy_with_error,
        cases=_accuracy_cases,
        returns=("the mean", "the standard error"),
        mistakes=(
            Mistake(
                "That is the standard deviation of one run; divide it by √n.",
                lambda values: _with_error(values, np.std(values, ddof=1)),
            ),
            Mistake(
                "That is the standard deviation, with n in place of n - 1; the error is smaller.",
                lambda values: _with_error(values, np.std(values)),
            ),
            Mistake(
                "Divide the squares by n - 1, not by n: one number went into the mean (ddof=1).",
                lambda values: _with_error(values, np.std(values) / np.sqrt(len(values))),
            ),
            Mistake(
                "That is the error squared; take its root.",
                lambda values: _with_error(values, np.var(values, ddof=1) / len(values)),
            ),
            Mistake(
                "Divide the standard deviation by √n, not by n.",
                lambda values: _with_error(values, np.std(values, ddof=1) / len(values)),
            ),
            Mistake(
                "That is the median; the mean was asked for.",
                lambda values: (float(np.median(values)), accuracy_with_error(values)[1]),
            ),
        ),
    ),
    Exercise(
        key="00.augment",
        title="Shift an image",
        task="Move an image (height, width) down and right by whole pixels, negative numbers the other way; what "
        "leaves is lost, and what comes in is 0.",
        points=2,
        minutes=10,
        hints=(
            "Put a frame of zeros around the image (np.pad), and cut a window of the old size out of it.",
            "Moved down by 1, row 0 of the old image becomes row 1 of the new one, and the last row is lost.",
            "With a frame of m zeros on each side, the image begins at row m and column m; the window of an image that "
            "moved down by 1 begins one row higher, at m - 1.",
        ),
        reference=shift,
        cases=_shift_cases,
        returns="the shifted image",
        mistakes=(
            Mistake(
                "Pixels that leave on one side come back on the other; fill with 0.",
                lambda image, down, right: np.roll(image, (down, right), axis=(0, 1)),
            ),
            Mistake("The edge is repeated; fill with 0.", _repeated_edge),
            Mistake(
                "It moves the opposite way: down = 1 moves row 0 to row 1.",
                lambda image, down, right: shift(image, -down, -right),
            ),
            Mistake(
                "Down and right are swapped: rows are the first axis.",
                lambda image, down, right: shift(image, right, down),
            ),
            Mistake("The image has shrunk: what comes in is 0, and the size stays.", _cropped),
            Mistake("Negative numbers move up and left; here they do nothing.", _only_forwards),
            Mistake(
                "The grey levels were cut to whole numbers: make the new image of the old one's dtype.", _whole_numbers
            ),
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
        cases=_nearest_cases,
        returns=("the distances", "the indices into train"),
        form=_any_of_the_closest,
        mistakes=(
            Mistake(
                "These are squared distances; take the root.",
                lambda samples, train: _of_table(_distances(samples, train) ** 2),
            ),
            Mistake(
                "These are sums of |difference|, not Euclidean distances.",
                lambda samples, train: _of_table(np.abs(samples[:, None] - train).sum(axis=2)),
            ),
            Mistake(
                "You averaged over the d numbers; sum the squares instead.",
                lambda samples, train: _of_table(_distances(samples, train) / np.sqrt(train.shape[1])),
            ),
            Mistake(
                "That is the closest sample to each training record; turn it round.",
                lambda samples, train: _of_table(_distances(samples, train), axis=0),
            ),
            Mistake(
                "That is the record farthest away; take the smallest distance.",
                lambda samples, train: (_distances(samples, train).max(1), _distances(samples, train).argmax(1)),
            ),
            Mistake(
                "The distances are cut off at 1; records need not lie in [0, 1].",
                lambda samples, train: (_distances(samples, train).min(1).clip(max=1), nearest(samples, train)[1]),
            ),
            Mistake("Each sample has to be compared with every record, not with the one in its own row.", _same_row),
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
        cases=_split_cases,
        returns=("all items, sorted", "the size of test"),
        form=_split_as_declared,
        mistakes=(
            Mistake("Items are in both parts: you split first and de-duplicated each part after it.", _split_first),
            Mistake("Of two equal items one must stay; you threw both away.", _both_thrown_away),
            Mistake("The parts were sorted after the split, and nothing is shuffled any more.", _sorted_parts),
            Mistake("The list was cut as it stood: shuffle with the seed before you cut.", _not_shuffled),
            Mistake("The share is of the different items, not of the list with its duplicates.", _share_of_all),
            Mistake("Train comes first, then test.", _swapped_parts),
            Mistake(
                "The seed does not decide what is in test: keep one of each in the list's order (a set forgets it), "
                "shuffle with np.random.default_rng(seed), then cut.",
                _seed_ignored,
            ),
        ),
    ),
)
