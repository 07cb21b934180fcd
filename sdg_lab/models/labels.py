"""Class labels on their way into a conditional model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.data.types import Images, as_images


def labelled(data: Any, labels: ArrayLike | None = None) -> Images:
    """Return images with the labels that stand beside them, or are in a pair with them; refuse what are no images.

    Raises:
        TypeError, ValueError: as :func:`~sdg_lab.data.types.as_images`.
    """
    if isinstance(data, tuple) and len(data) == 2 and labels is None:
        data, labels = data
    return as_images(data, labels)


def check_labels(labels: ArrayLike | None, n: int, classes: int | None, model: str) -> NDArray[np.int64] | None:
    """Return the labels of ``n`` images, (n,), or None for a model without classes; or refuse them.

    Args:
        labels: (n,) whole numbers in 0..classes-1, or one for all.
        n: number of images.
        classes: of the model; None if it has none.
        model: its name, for the refusals.

    Raises:
        ValueError: for labels without classes, classes without labels, and labels of another number or out of range.
    """
    if classes is None:
        if labels is not None:
            raise ValueError(f"labels were given to a {model} without classes: make it with {model}(classes=...)")
        return None
    if labels is None:
        raise ValueError(f"this {model} is conditional on {classes} classes: its images need labels")
    array = np.asarray(labels)
    if array.ndim == 0:
        array = np.full(n, array)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"labels must be {n} whole numbers, got {array.dtype} of shape {array.shape}")
    outside = array[(array < 0) | (array >= classes)]
    if len(outside):
        raise ValueError(f"labels must lie in 0..{classes - 1}, got {outside[0]}")
    return array.astype(np.int64)
