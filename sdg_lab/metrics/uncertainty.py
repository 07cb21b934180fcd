"""Uncertainty: how far a figure would move if it were measured again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from sdg_lab.checks import whole
from sdg_lab.metrics.rows import finite


@overload
def mean_and_error(values: Sequence[float]) -> tuple[float, float]: ...
@overload
def mean_and_error(values: npt.NDArray[Any]) -> tuple[Any, Any]: ...
def mean_and_error(values: npt.ArrayLike) -> tuple[Any, Any]:
    """Return the mean over seeds and its standard error, s / sqrt(n) with s of n - 1 degrees of freedom.

    The error is that of the seeds only: what another test set would bring is not in it.

    Args:
        values: (n,), one number a seed, or (n, ...): then mean and error are arrays.

    Raises:
        ValueError: if there are fewer than 2 seeds or a value is not finite.
    """
    numbers = finite(values, "values", axes=max(1, np.ndim(values)))
    if len(numbers) < 2:
        raise ValueError(f"a standard error needs at least 2 values, got {len(numbers)}; run more seeds")
    mean, error = numbers.mean(axis=0), numbers.std(axis=0, ddof=1) / np.sqrt(len(numbers))
    return (float(mean), float(error)) if numbers.ndim == 1 else (mean, error)


def chance_error(n: int) -> float:
    """Return the standard error of the accuracy of guessing on n real and n fake rows: sqrt(0.25 / 2n).

    Raises:
        ValueError: if n is below 1.
    """
    return float(0.5 / np.sqrt(2 * whole("n", n, least=1)))
