"""What the neural families of images share: a shape, classes, one way in for data and one way out for samples.

Tensors are named as in the papers: x images (n, channels, height, width), y labels (n,), z latents (n, latent).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor

from sdg_lab import training
from sdg_lab.checks import whole
from sdg_lab.data.types import Images
from sdg_lab.models.contract import check_count
from sdg_lab.models.labels import check_labels, labelled
from sdg_lab.models.neural import NeuralModel, naming, new_generator
from sdg_lab.training.recipe import Recipe

MAX_IMAGES = 500
"""Images that a network is given at a time outside training: enough to be quick, few enough for a small memory."""

ImageData = Images | ArrayLike | Tensor | tuple[Any, Any]
"""Images; or an array or tensor (n, [channels,] height, width); or such an array and its labels."""


class ImageModel(NeuralModel[Images]):
    """A neural model of images, with or without a class label as a condition.

    A subclass has ``loss`` (or ``players`` and ``loss_of``), its own ``fit`` around :meth:`fit_images`, and ``sample``.

    Args:
        shape: of an image: (channels, height, width).
        classes: number of classes if the model is conditioned on the label y in 0..classes-1; None if not.

    Attributes:
        class_probs: shares of the classes in the training data, (classes,); empty without classes.
        class_names: what the labels of the training data mean, if they were named; images that come later with names
            of their own are matched by them, and samples bear them.

    Raises:
        ValueError: for arguments out of range.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Arguments by the names that they have in files of version 0.1.0."""

    REMOVED: ClassVar[Mapping[str, Any]] = {}
    """Arguments of version 0.1.0 that are gone, and what the model now does always."""

    class_probs: Tensor

    def __init__(self, shape: Sequence[int], classes: int | None) -> None:
        super().__init__()
        self.shape = wholes("shape", shape)
        if len(self.shape) != 3:
            raise ValueError(f"shape must be (channels, height, width), got {self.shape}")
        self.classes = None if classes is None else whole("classes", classes, least=2)
        self.class_names: tuple[str, ...] = ()
        self.register_buffer("class_probs", torch.full((classes or 0,), 1 / (classes or 1)))

    @classmethod
    def from_header(cls, header: Mapping[str, Any], state: dict[str, Tensor]) -> Self:
        """Make the model that a file describes; one of version 0.1.0 may name arguments that are renamed or gone."""
        if "facts" in header:
            return super().from_header(header, state)
        config = dict(header["config"])
        arguments = config.get("arguments", config)
        for name, kept in cls.REMOVED.items():
            if arguments.get(name, kept) != kept:
                raise ValueError(f"it was made with {name}={arguments[name]!r}; this version knows {kept!r} only")
        current = {cls.RENAMED.get(name, name): v for name, v in arguments.items() if name not in cls.REMOVED}
        config = {**config, "arguments": current} if "arguments" in config else current
        return super().from_header({**header, "config": config}, state)

    def fit_images(
        self,
        data: ImageData,
        labels: ArrayLike | None,
        *,
        validation: ImageData | None,
        recipe: Recipe,
        seed: int,
        progress: bool,
    ) -> Self:
        """Train from new weights; every image family's ``fit`` is this, with its own defaults.

        Raises:
            TypeError, ValueError: as :meth:`batch` for the data, and as :func:`sdg_lab.training.train`.
            DivergedError: if the loss becomes NaN or infinite; names the step and the last good checkpoint.
        """
        with self.as_before_on_failure():
            self.class_names = () if self.classes is None else labelled(data, labels).classes
            batch = self.batch(data, labels)
            with naming("validation"):
                held_out = None if validation is None else self.batch(validation)
            self.draw_weights(seed)
            if self.classes is not None:
                self.class_probs = torch.bincount(batch[1], minlength=self.classes) / len(batch[1])
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    def facts(self) -> dict[str, Any]:
        """Return the names of the classes, where there are any."""
        return {"class_names": list(self.class_names)} if self.class_names else {}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over the names of the classes."""
        self.class_names = tuple(str(name) for name in facts.get("class_names", ()))

    def draw_weights(self, seed: int) -> None:
        """Draw all weights anew."""
        training.reinitialise(self, seed)

    def batch(self, data: ImageData, labels: ArrayLike | None = None) -> tuple[Tensor, ...]:
        """Return pixels in [0, 1], (n, channels, height, width), and the labels (n,) if the model has classes.

        Args:
            data: images, or an array or tensor of them, or a pair of such an array and its labels.
            labels: of an array; images bring their own.

        Raises:
            TypeError: if the data are no images.
            ValueError: for images of another shape, none at all, missing labels, or labels out of range.
        """
        images, name = labelled(data, labels), type(self).__name__
        if len(images) == 0:
            raise ValueError("data is empty: give at least one image")
        if images.shape != self.shape:
            raise ValueError(
                f"the images have shape {images.shape}, this {name} was made for {self.shape}: "
                f"bring them to it, or make it with {name}(shape={images.shape})"
            )
        x = torch.from_numpy(np.ascontiguousarray(images.pixels)).to(self.device, self.dtype)
        if self.classes is not None:
            images = images.numbered_as(self.class_names)
        # Without classes the labels that Images bring are of no concern; those that were passed are a mistake.
        y = self.labels(labels if self.classes is None else images.labels, len(images))
        return (x,) if y is None else (x, y)

    def labels(self, labels: ArrayLike | None, n: int, generator: Generator | None = None) -> Tensor | None:
        """Return labels as a tensor (n,) on the model's device; None for a model without classes.

        Args:
            labels: one for all, or (n,) of them.
            n: number of images.
            generator: samples them with the training set's frequencies if none are given; without it they must be.

        Raises:
            ValueError: if they do not fit.
        """
        if labels is None and self.classes is not None and generator is not None:
            sampled = torch.multinomial(self.class_probs.cpu(), n, replacement=True, generator=generator)
            return sampled.to(self.device)
        checked = check_labels(labels, n, self.classes, type(self).__name__)
        return None if checked is None else torch.from_numpy(checked).to(self.device)

    def to_images(self, pixels: Tensor, y: Tensor | None) -> Images:
        """Return pixels in [0, 1], and their labels, as images."""
        labels = None if y is None else y.cpu().numpy()
        named = labels is not None and len(self.class_names) >= (self.classes or 0)
        return Images(pixels.float().cpu().numpy(), labels, self.class_names if named else ())

    @torch.no_grad()
    def in_parts(self, function: Callable[..., Tensor], *tensors: Tensor | None, size: int | None = None) -> Tensor:
        """Return a function's rows for the rows of some tensors, in evaluation mode, so many at a time."""
        n, size = max(len(t) for t in tensors if t is not None), size or MAX_IMAGES
        was_training = self.training
        self.eval()
        try:
            return torch.cat(
                [
                    function(*(None if t is None else t[first : first + size] for t in tensors))
                    for first in range(0, n, size)
                ]
            )
        finally:
            self.train(was_training)


class LatentImageModel(ImageModel):
    """A model that decodes latents z ~ N(0, I) to images: a VAE, a GAN.

    A subclass has ``pixels``.
    """

    latent: int

    @abstractmethod
    def pixels(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return pixels in [0, 1], (n, channels, height, width), for latents (n, latent) and labels (n,)."""

    def sample(self, n: int, *, seed: int | None = None, labels: ArrayLike | None = None) -> Images:
        """Sample z from N(0, I) and decode it.

        Args:
            n: number of images.
            seed: the same seed gives the same images.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are sampled with the
                training set's frequencies.

        Raises:
            ValueError: for n < 1, labels of a model without classes, and labels of another number or out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, generator = check_count(n), new_generator(seed)
        y = self.labels(labels, n, generator)
        z = torch.randn(n, self.latent, generator=generator).to(self.device, self.dtype)
        return self.to_images(self.in_parts(self.pixels, z, y), y)

    def decode(self, z: ArrayLike | Tensor, labels: ArrayLike | None = None) -> Images:
        """Return the images of latents of shape (n, latent), one for each row.

        Raises:
            ValueError: if ``z`` has another shape, is not finite, or the labels do not fit.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        points = torch.as_tensor(np.asarray(z) if not isinstance(z, Tensor) else z).to(self.device, self.dtype)
        if points.ndim != 2 or points.shape[1] != self.latent or len(points) == 0:
            raise ValueError(f"z must have shape (n, {self.latent}) with n >= 1, got {tuple(points.shape)}")
        if not (finite := torch.isfinite(points).all(dim=1)).all():
            raise ValueError(f"z is not finite at point {int(finite.int().argmin())}")
        y = self.labels(labels, len(points))
        return self.to_images(self.in_parts(self.pixels, points, y), y)


def wholes(name: str, values: Any, *, least: int = 1) -> tuple[int, ...]:
    """Return several whole numbers as a tuple, or refuse them.

    Raises:
        ValueError: if they are not several, not whole, or below ``least``.
    """
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise ValueError(f"{name} must be several whole numbers, such as ({values}, {values}), got {values!r}")
    return tuple(whole(f"each of {name}", value, least=least) for value in values)


def check_divisible(shape: Sequence[int], factor: int, reason: str, less: str) -> None:
    """Refuse heights and widths that cannot be divided by a network's strides.

    Raises:
        ValueError: with the reason, and the remedies: to give less, unless that is empty, or to pad the images.
    """
    if any(side % factor for side in shape[1:]):
        raise ValueError(
            f"height and width must be multiples of {factor}, got {shape[1]}×{shape[2]}: {reason}; "
            f"{f'{less}, or ' if less else ''}pad the images"
        )
