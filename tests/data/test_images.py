from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from sdg_lab import data
from sdg_lab.data import Dataset, Images


def whole(dataset: Dataset[Images]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = [part.labels for part in dataset.parts.values() if part.labels is not None]
    return np.concatenate([part.pixels for part in dataset.parts.values()]), np.concatenate(labels)


def ordered(pixels: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return one row for each image and its label, sorted."""
    rows = np.column_stack([pixels.reshape(len(pixels), -1), labels])
    found: NDArray[np.float64] = rows[np.lexsort(rows.T)]
    return found


def test_digits_are_those_of_scikit_learn() -> None:
    theirs = load_digits()
    pixels, labels = whole(data.digits())
    assert pixels.shape == (1797, 1, 8, 8)
    assert np.array_equal(ordered(pixels * 16.0, labels), ordered(theirs.images, theirs.target))


def test_mnist_has_500_of_each_digit_in_256_grey_levels() -> None:
    pixels, labels = whole(data.mnist())
    assert pixels.shape == (5000, 1, 28, 28)
    assert np.bincount(labels).tolist() == [500] * 10
    grey = pixels * 255
    assert np.abs(grey - grey.round()).max() < 1e-4
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_mnist_has_the_brightness_that_everybody_normalises_with() -> None:
    # 0.1307 and 0.3081 are those of all 60,000 training images, as in PyTorch's own example.
    pixels, _ = whole(data.mnist())
    assert pixels.mean() == pytest.approx(0.1307, abs=2e-3)
    assert pixels.std() == pytest.approx(0.3081, abs=2e-3)


def test_every_class_is_in_every_part() -> None:
    for part in (*data.digits().parts.values(), *data.mnist().parts.values()):
        assert part.labels is not None
        assert set(part.labels.tolist()) == set(range(10))
        assert part.classes == tuple("0123456789")


def test_a_word_is_not_taken_for_all_of_mnist() -> None:
    with pytest.raises(ValueError, match=r"^full must be True or False, got 'no'$"):
        data.mnist(full="no")  # type: ignore[arg-type]
