"""Likelihood: how surprised a model is by real data it has not seen. The lower these figures, the better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Likelihood:
    """A negative log-likelihood of the test data, the lower the better.

    Attributes:
        value: the figure.
        unit: such as "nats/char", "nats/image" or "bits/dim".
        exact: whether it is the likelihood itself; if not, ``value`` is an upper bound of it (an ELBO with its sign
            turned), printed with "≤".
    """

    value: float
    unit: str
    exact: bool

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"likelihood must be finite, got {self.value} {self.unit}; is a test row impossible?")

    def __str__(self) -> str:
        return f"{'' if self.exact else '≤ '}{self.value:.4g} {self.unit}"


def nats_per_symbol(log_prob: npt.ArrayLike, lengths: npt.ArrayLike) -> float:
    """Return -Σ log_prob / Σ lengths: the mean surprise a symbol, in nats, weighing long sequences by their length.

    Args:
        log_prob: (n,) nats, one a sequence.
        lengths: (n,) symbols that the model had to predict in each, its end symbol counted if it has one.

    Raises:
        ValueError: if the shapes differ, a log-probability is not finite, or a length is below 1.
    """
    nats, counts = _finite(log_prob, "log_prob"), np.asarray(lengths)
    if nats.shape != counts.shape:
        raise ValueError(f"log_prob and lengths must be one a sequence, got shapes {nats.shape} and {counts.shape}")
    if (counts < 1).any():
        raise ValueError(f"lengths must be >= 1, got {counts.min()}; count the end symbol")
    return float(-nats.sum() / counts.sum())


def bits_per_dim(log_prob: npt.ArrayLike, dims: int) -> float:
    """Return -mean(log_prob) / (dims ln 2): the mean surprise a dimension, in bits.

    Args:
        log_prob: (n,) nats, one an example, summed over its dimensions.
        dims: number of dimensions, for pictures channels * height * width.

    Raises:
        ValueError: if a log-probability is not finite or dims is below 1.
    """
    if dims < 1:
        raise ValueError(f"dims must be >= 1, got {dims}")
    return float(-_finite(log_prob, "log_prob").mean() / (dims * math.log(2)))


def mean_and_error(values: Sequence[float] | npt.NDArray[Any]) -> tuple[float, float]:
    """Return the mean over seeds and its standard error, s / sqrt(n) with s of n - 1 degrees of freedom.

    Raises:
        ValueError: if there are fewer than 2 values or one is not finite.
    """
    numbers = _finite(values, "values")
    if numbers.size < 2:
        raise ValueError(f"a standard error needs at least 2 values, got {numbers.size}; run more seeds")
    return float(numbers.mean()), float(numbers.std(ddof=1) / math.sqrt(numbers.size))


def _finite(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"{name} must be a list of numbers, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        index = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise ValueError(f"{name}[{index}] is {numbers[index]}; every value must be finite")
    return numbers
