"""One Gaussian for each class of images: the smallest generator that can be asked for "a 7".

The mean of a class is its average picture; the covariance says which pixels grow dark together. It is the baseline that
every neural family of the course has to beat, and it is fitted in a blink from a handful of images.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from sdg_lab.data.types import Images
from sdg_lab.models.contract import NotFittedError, SyntheticModel, check_count, check_images

Floats = NDArray[np.float64]


class ClassGaussian(SyntheticModel[Images]):
    """p(x) = Σ_y p(y) N(x | μ_y, Σ_y), a mixture with one component a class, the labels being known.

    With fewer images than pixels a class's covariance S is singular, so it is shrunk towards a sphere of the same
    total variance (Friedman 1989, "Regularized Discriminant Analysis", eq. 18; d is the number of pixels)::

        Σ = (1 - λ) S + λ (tr S / d) I

    Args:
        shrinkage: λ, in (0, 1]. Near 0 the class's own covariance, at 1 a sphere.

    Raises:
        ValueError: if the shrinkage is out of range.
    """

    def __init__(self, shrinkage: float = 0.2) -> None:
        if not 0 < shrinkage <= 1:
            raise ValueError(f"shrinkage must lie in (0, 1], got {shrinkage}; 0.2 is a good start")
        self.shrinkage = shrinkage
        self._shape: tuple[int, int, int] | None = None
        self._priors: Floats = np.empty(0)
        self._means: Floats = np.empty((0, 0))
        self._factors: Floats = np.empty((0, 0, 0))

    def fit(self, data: Images, *, seed: int = 0, progress: bool = True) -> Self:
        """Compute share, mean and covariance of each class; there is no chance in it and nothing to wait for.

        Args:
            data: labelled images, at least two different ones for each label from 0 to the largest.
            seed: unused, as the fit is exact.
            progress: unused.

        Raises:
            ValueError: if there are no images or no labels, or a class has fewer than two different images.
        """
        labels = _labels_of(data)
        x = data.pixels.reshape(len(data), -1).astype(np.float64)
        counts = np.bincount(labels)
        means, factors = [], []
        for label, count in enumerate(counts):
            members = x[labels == label]
            if count < 2 or not members.var(axis=0).any():
                raise ValueError(
                    f"class {label} has {count} image{'s' if count != 1 else ''}, none different from the rest: "
                    "a covariance needs at least two different ones"
                )
            mean = members.mean(axis=0)
            scatter = (members - mean).T @ (members - mean) / count  # S, by maximum likelihood
            sphere = np.trace(scatter) / len(scatter) * np.eye(len(scatter))
            means.append(mean)
            factors.append(np.linalg.cholesky((1 - self.shrinkage) * scatter + self.shrinkage * sphere))
        self._shape = data.shape
        self._priors, self._means, self._factors = counts / counts.sum(), np.stack(means), np.stack(factors)
        return self

    def sample(self, n: int, *, seed: int | None = None, labels: NDArray[np.int64] | None = None) -> Images:
        """Draw x = μ_y + L z with z ~ N(0, I) and L Lᵀ = Σ_y, clipped to [0, 1], which is what an image can show.

        Args:
            n: number of images.
            seed: the same seed gives the same images.
            labels: which class each image shall show, shape (n,); by default drawn in the shares of the training data.

        Raises:
            ValueError: if n < 1, or the labels are not n known ones.
            NotFittedError: before ``fit``.
        """
        shape, n = self._fitted_shape(), check_count(n)
        rng = np.random.default_rng(seed)
        wanted = rng.choice(len(self._priors), size=n, p=self._priors) if labels is None else np.asarray(labels)
        self._check_wanted(wanted, n)
        noise = rng.standard_normal((n, self._means.shape[1]))
        x = np.empty_like(noise)
        for label in np.unique(wanted):
            rows = wanted == label
            x[rows] = self._means[label] + noise[rows] @ self._factors[label].T
        return Images(x.clip(0, 1).reshape(n, *shape).astype(np.float32), wanted.astype(np.int64))

    def log_prob(self, x: Images) -> Floats:
        """Return log p(x) in nats, shape (n,): the exact density of the mixture, over all of ℝᵈ.

        It is the density before samples are clipped; a histogram of samples has extra weight at 0 and 1.

        Raises:
            ValueError: if the images have another shape.
            NotFittedError: before ``fit``.
        """
        return np.asarray(logsumexp(self.joint_log_prob(x), axis=1))

    def joint_log_prob(self, x: Images) -> Floats:
        """Return log p(y) + log p(x | y) in nats for every class, shape (n, classes); its argmax is Bayes' rule.

        Raises:
            ValueError: if the images have another shape.
            NotFittedError: before ``fit``.
        """
        if check_images(x).shape != self._fitted_shape():
            raise ValueError(f"the model was fitted on images of shape {self._shape}, got {x.shape}")
        rows = x.pixels.reshape(len(x), -1).astype(np.float64)
        columns = []
        for prior, mean, factor in zip(self._priors, self._means, self._factors, strict=True):
            z = np.linalg.solve(factor, (rows - mean).T)  # L z = x - μ, so that zᵀz is Mahalanobis' distance squared
            log_det = 2 * np.log(np.diag(factor)).sum()
            columns.append(np.log(prior) - 0.5 * ((z**2).sum(axis=0) + log_det + len(mean) * np.log(2 * np.pi)))
        return np.stack(columns, axis=1)

    @property
    def n_parameters(self) -> int:
        """Free numbers: means, symmetric covariances, and shares that sum to 1."""
        self._fitted_shape()
        classes, d = self._means.shape
        return int(classes * (d + d * (d + 1) // 2) + classes - 1)

    def config(self) -> dict[str, Any]:
        """Return the arguments of the class."""
        return {"shrinkage": self.shrinkage}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return shares, means and the Cholesky factors of the covariances."""
        shape = self._fitted_shape()
        arrays = {"priors": self._priors, "means": self._means, "factors": self._factors}
        return {**arrays, "shape": np.array(shape, np.int64)}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make the fitted model again."""
        model = cls(**config)
        channels, height, width = (int(size) for size in state["shape"])
        model._shape = (channels, height, width)
        model._priors, model._means, model._factors = (
            state[name].to(torch.float64).numpy() for name in ("priors", "means", "factors")
        )
        return model

    def _fitted_shape(self) -> tuple[int, int, int]:
        if self._shape is None:
            raise NotFittedError("this ClassGaussian has not been fitted: call fit(data) or load(path) first")
        return self._shape

    def _check_wanted(self, wanted: NDArray[Any], n: int) -> None:
        classes = len(self._priors)
        if wanted.shape != (n,) or wanted.dtype.kind not in "iu":
            raise ValueError(f"labels must be {n} whole numbers, got shape {wanted.shape} of {wanted.dtype}")
        unknown = wanted[(wanted < 0) | (wanted >= classes)]
        if len(unknown):
            raise ValueError(f"label {unknown[0]} was not in the training data, which had 0 to {classes - 1}")


def _labels_of(data: Images) -> NDArray[np.int64]:
    """Return the labels, or refuse images without any."""
    check_images(data)
    if data.labels is None:
        raise ValueError("data has no labels: a Gaussian for each class needs to know the class of every image")
    return data.labels
