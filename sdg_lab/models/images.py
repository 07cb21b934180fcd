"""What the neural families of images share: a shape, classes, one way in for data and one way out for samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor

from sdg_lab import training
from sdg_lab.checks import whole
from sdg_lab.data.types import Images, as_images
from sdg_lab.models.labels import check_labels
from sdg_lab.models.neural import NeuralModel
from sdg_lab.training.recipe import Recipe

MAX_IMAGES = 500
"""Images that a network is given at a time outside training: enough to be quick, few enough for a small memory."""


class ImageModel(NeuralModel[Images]):
    """A neural model of images, with or without a class label as a condition.

    A subclass has ``loss`` (or ``players`` and ``loss_of``) on pixels in [0, 1], its own ``fit`` around
    :meth:`fit_images`, and ``sample``.

    Args:
        shape: of an image: (channels, height, width).
        classes: number of classes if the model is conditioned on the label y in 0..classes-1; None if not.

    Attributes:
        class_probs: shares of the classes in the training data, (classes,); empty without classes.

    Raises:
        ValueError: for arguments out of range.
    """

    class_probs: Tensor

    def __init__(self, shape: Sequence[int], classes: int | None) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"shape must be (channels, height, width), each >= 1, got {tuple(shape)}")
        if classes is not None:
            whole("classes", classes, least=2)
        self.shape, self.classes = tuple(shape), classes
        self.register_buffer("class_probs", torch.full((classes or 0,), 1 / (classes or 1)))

    def fit_images(
        self,
        data: Images | ArrayLike | Tensor,
        labels: ArrayLike | None,
        *,
        validation: Images | None,
        recipe: Recipe,
        seed: int,
        progress: bool,
    ) -> Self:
        """Train from new weights; every image family's ``fit`` is this, with its own defaults."""
        batch = self.batch(data, labels)
        held_out = None if validation is None else self.batch(validation)
        with self.as_before_on_failure():
            training.reinitialise(self, seed)
            if self.classes is not None:
                self.class_probs = torch.bincount(batch[1], minlength=self.classes).to(self.device) / len(batch[0])
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    def batch(self, data: Images | ArrayLike | Tensor, labels: ArrayLike | None = None) -> tuple[Tensor, ...]:
        """Return pixels in [0, 1], (n, channels, height, width), and the labels (n,) if the model has classes.

        Args:
            data: images, or an array or tensor of them, (n, [channels,] height, width).
            labels: of an array; images bring their own.

        Raises:
            TypeError: if the data are no images.
            ValueError: for images of another shape, none at all, missing labels, or labels out of range.
        """
        images = as_images(data, labels)
        name = type(self).__name__
        if len(images) == 0:
            raise ValueError("data is empty: give at least one image")
        if images.shape != self.shape:
            raise ValueError(
                f"the images have shape {images.shape}, this {name} was made for {self.shape}: "
                f"make it with {name}(shape={images.shape})"
            )
        x = torch.from_numpy(np.ascontiguousarray(images.pixels))
        y = None if self.classes is None else self.labels(images.labels, len(images))
        return (x.to(self.device),) if y is None else (x.to(self.device), y)

    def labels(self, labels: ArrayLike | None, n: int, generator: Generator | None = None) -> Tensor | None:
        """Return labels as a tensor (n,) on the model's device; None for a model without classes.

        Args:
            labels: one for all, or (n,) of them.
            n: number of images.
            generator: draws them with the training set's frequencies if none are given; without it they must be.

        Raises:
            ValueError: if they do not fit.
        """
        if labels is None and self.classes is not None and generator is not None:
            drawn = torch.multinomial(self.class_probs.cpu(), n, replacement=True, generator=generator)
            return drawn.to(self.device)
        checked = check_labels(labels, n, self.classes, type(self).__name__)
        return None if checked is None else torch.from_numpy(checked).to(self.device)

    def images(self, pixels: Tensor, y: Tensor | None, **kwargs: Any) -> Images:
        """Return pixels in [0, 1], and their labels, as images."""
        return Images(pixels.float().cpu().numpy(), None if y is None else y.cpu().numpy(), **kwargs)
