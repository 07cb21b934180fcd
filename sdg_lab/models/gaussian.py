"""One Gaussian for each class of images: the smallest generator that can be asked for "a 7".

The mean of a class is its average image; the covariance says which pixels grow dark together. It is the baseline that
every neural family of the course has to beat, and it is fitted in a blink from a handful of images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdg_lab.checks import number, seed_or_none
from sdg_lab.data.types import Images
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.models.labels import check_labels, labelled

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


class ClassGaussian(SyntheticModel[Images]):
    """p(x) = Σ_y p(y) N(x | μ_y, Σ_y), a mixture with one component a class, the labels being known.

    With fewer images than pixels a class's covariance S is singular, so it is shrunk towards an isotropic covariance of
    the same total variance (Friedman 1989, "Regularized Discriminant Analysis", eq. 18; d is the number of pixels)::

        Σ = (1 - λ) S + λ (tr S / d) I

    Args:
        shrinkage: λ, in (0, 1]. Near 0 the class's own covariance, at 1 an isotropic one.

    Raises:
        ValueError: if the shrinkage is out of range.
    """

    def __init__(self, shrinkage: float = 0.2) -> None:
        self.shrinkage = number("shrinkage", shrinkage, above=0, most=1)
        self._shape: tuple[int, int, int] | None = None
        self._shares: Floats = np.empty(0)
        self._means: Floats = np.empty((0, 0))
        self._factors: Floats = np.empty((0, 0, 0))

    def __repr__(self) -> str:
        if self._shape is None:
            return "<ClassGaussian: not fitted>"
        return f"<ClassGaussian: {len(self._shares)} classes of {'×'.join(map(str, self._shape))}>"

    def fit(
        self,
        data: Images | ArrayLike | Tensor | tuple[Any, Any],
        labels: ArrayLike | None = None,
        *,
        seed: int = 0,
        progress: bool = True,
    ) -> Self:
        """Compute share, mean and covariance of each class; there is no chance in it and nothing to wait for.

        Args:
            data: labelled images, at least two different ones for each label from 0 to the largest; or an array or
                tensor of images, (n, [channels,] height, width), alone or in a pair with its labels.
            labels: of an array, (n,); images bring their own.
            seed: unused, as the fit is exact.
            progress: unused.

        Raises:
            TypeError: if the data are no images.
            ValueError: if there are no images or no labels, or a class has fewer than two different images.
        """
        images = labelled(data, labels)
        if len(images) == 0:
            raise ValueError("data is empty: give at least one image")
        if images.labels is None:
            raise ValueError("data has no labels: a Gaussian for each class needs to know the class of every image")
        x = images.pixels.reshape(len(images), -1).astype(np.float64)
        # Labels beyond the number of images leave a gap, which is refused below; a label of 2⁴⁰ is not counted to.
        counts = np.bincount(images.labels.clip(max=len(images)))
        means, factors = [], []
        for label, count in enumerate(counts):
            members = x[images.labels == label]
            if count < 2 or not members.var(axis=0).any():
                raise ValueError(
                    f"class {label} has {count} image{'s' if count != 1 else ''}, none different from the rest: "
                    "a covariance needs at least two different ones"
                )
            mean = members.mean(axis=0)
            scatter = (members - mean).T @ (members - mean) / count  # S, by maximum likelihood
            isotropic = np.trace(scatter) / len(scatter) * np.eye(len(scatter))
            means.append(mean)
            factors.append(np.linalg.cholesky((1 - self.shrinkage) * scatter + self.shrinkage * isotropic))
        self._shape, self._shares = images.shape, counts / counts.sum()
        self._means, self._factors = np.stack(means), np.stack(factors)
        return self

    def sample(self, n: int, *, seed: int | None = None, labels: ArrayLike | None = None) -> Images:
        """Draw x = μ_y + L z with z ~ N(0, I) and L Lᵀ = Σ_y, clipped to [0, 1], which is what an image can show.

        Args:
            n: number of images.
            seed: the same seed gives the same images.
            labels: the class of each image, (n,), or one for all; without it they are sampled with the training set's
                frequencies.

        Raises:
            ValueError: if n < 1, or the labels are not n known ones.
            NotFittedError: before ``fit``.
        """
        n, shape, classes = check_count(n), self.shape, len(self._shares)
        rng = np.random.default_rng(seed_or_none(seed))
        drawn = rng.choice(classes, size=n, p=self._shares) if labels is None else labels
        wanted = check_labels(drawn, n, classes, "ClassGaussian")
        assert wanted is not None
        noise = rng.standard_normal((n, self._means.shape[1]))
        x = np.empty_like(noise)
        for label in np.unique(wanted):
            rows = wanted == label
            x[rows] = self._means[label] + noise[rows] @ self._factors[label].T
        return Images(x.clip(0, 1).reshape(n, *shape).astype(np.float32), wanted)

    def log_prob(self, x: Images | ArrayLike | Tensor | tuple[Any, Any]) -> Floats:
        """Return log p(x) in nats, shape (n,): the exact density of the mixture, over all of ℝᵈ.

        It is the density before samples are clipped; a histogram of samples has extra weight at 0 and 1.

        Raises:
            ValueError: if the images have another shape.
            NotFittedError: before ``fit``.
        """
        return np.asarray(np.logaddexp.reduce(self.joint_log_prob(x), axis=1))

    def joint_log_prob(self, x: Images | ArrayLike | Tensor | tuple[Any, Any]) -> Floats:
        """Return log p(y) + log p(x | y) in nats for every class, shape (n, classes); its argmax is Bayes' rule.

        Raises:
            ValueError: if the images have another shape.
            NotFittedError: before ``fit``.
        """
        shape, images = self.shape, labelled(x)
        if images.shape != shape:
            raise ValueError(f"the model was fitted on images of shape {shape}, got {images.shape}")
        rows = images.pixels.reshape(len(images), -1).astype(np.float64)
        columns = []
        for share, mean, factor in zip(self._shares, self._means, self._factors, strict=True):
            z = np.linalg.solve(factor, (rows - mean).T)  # L z = x - μ, so that zᵀz is Mahalanobis' distance squared
            log_det = 2 * np.log(np.diag(factor)).sum()
            columns.append(np.log(share) - 0.5 * ((z**2).sum(axis=0) + log_det + len(mean) * np.log(2 * np.pi)))
        return np.stack(columns, axis=1)

    @property
    def fitted(self) -> bool:
        """Whether there are means and covariances."""
        return self._shape is not None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: channels, height, width; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        assert self._shape is not None
        return self._shape

    @property
    def n_parameters(self) -> int:
        """Free numbers: means, symmetric covariances, and shares that sum to 1."""
        self.require_fitted()
        classes, d = self._means.shape
        return int(classes * (d + d * (d + 1) // 2) + classes - 1)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return shares, means and the Cholesky factors of the covariances."""
        shape = np.array(self.shape, np.int64)
        return {"shares": self._shares, "means": self._means, "factors": self._factors, "shape": shape}

    def restore(self, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take what a saved model had learnt."""
        shares, means, factors = (np.asarray(state[name]) for name in ("shares", "means", "factors"))
        channels, height, width = (int(size) for size in state["shape"])
        d = channels * height * width
        if means.shape != (len(shares), d) or factors.shape != (len(shares), d, d):
            raise ValueError(f"{len(shares)} classes of {d} pixels do not fit means {means.shape}")
        self._shape, self._shares, self._means, self._factors = (channels, height, width), shares, means, factors
