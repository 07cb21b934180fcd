"""Likelihood: how surprised a model is by real data it has not seen. The lower these figures, the better.

A likelihood catches what is real and yet improbable to the model. It misses what the model makes besides: if half of
the samples are nonsense and the others perfect, that costs ln 2 nats a row at most, and the same holds for copies.
Source: Theis et al. (2016), A Note on the Evaluation of Generative Models, section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from sdg_lab.checks import truth, whole
from sdg_lab.metrics.rows import finite, whole_numbers


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
        truth("exact", self.exact)  # a word would print a bound as the likelihood itself
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
        ValueError: if the shapes differ, a log-probability is not finite, or a length is no whole number >= 1.
    """
    nats, counts = finite(log_prob, "log_prob"), whole_numbers(lengths, "lengths", least=1)
    if nats.shape != counts.shape:
        raise ValueError(f"log_prob and lengths must be one a sequence, got shapes {nats.shape} and {counts.shape}")
    return float(-nats.sum() / counts.sum())


def bits_per_dim(log_prob: npt.ArrayLike, dims: int) -> float:
    """Return -mean(log_prob) / (dims ln 2): the mean surprise a dimension, in bits.

    Args:
        log_prob: (n,) nats, one an example, summed over its dimensions.
        dims: number of dimensions, for images channels * height * width.

    Raises:
        ValueError: if a log-probability is not finite or dims is below 1.
    """
    return float(-finite(log_prob, "log_prob").mean() / (whole("dims", dims, least=1) * math.log(2)))
