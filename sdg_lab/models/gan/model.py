"""The generative adversarial network: a generator that makes images, a discriminator that tells them from real ones.

Goodfellow et al., *Generative Adversarial Nets* (2014). There is no likelihood and no bound on one: the generator's
gradient says only how its images could look more real to the present discriminator, so quality is judged on samples.
Tensors are named as in the papers: x images (n, channels, height, width), y labels (n,), z noise (n, latent). Inside,
images lie in [-1, 1], the range of the generator's tanh; outside they are :class:`Images` in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NoReturn, Self, Unpack, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sdg_lab.checks import number, one_of, truth, whole
from sdg_lab.models.gan.augment import augment
from sdg_lab.models.gan.losses import (
    OBJECTIVES,
    Objective,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)
from sdg_lab.models.gan.networks import Architecture, DiscriminatorNetwork, GeneratorNetwork
from sdg_lab.models.images import ImageData, LatentImageModel, check_divisible
from sdg_lab.training import recipe as recipes
from sdg_lab.training.randomness import seeded
from sdg_lab.training.recipe import Recipe

PENALTY = 10.0
"""λ, the factor on the gradient penalty of "wgan-gp" (Gulrajani et al. 2017, section 4)."""

CRITIC_STEPS = 5
"""Steps of the Wasserstein critic for each of the generator's (Gulrajani et al. 2017, algorithm 1)."""


class GAN(LatentImageModel):
    """A generative adversarial network of images, dense or convolutional, with or without classes.

    Args:
        shape: of an image: (channels, height, width).
        latent: dimensions of the noise z.
        width: dense: units of a hidden layer. Convolutional: channels after the discriminator's first halving of height
            and width; they double with each further one, and the generator mirrors them.
        depth: dense: hidden layers of each network. Convolutional: halvings.
        architecture: "dense" or "convolutional" (DCGAN).
        classes: number of classes if both networks are conditioned on the label y in 0..classes-1; None if not.
        objective: "non-saturating", "hinge" or "wgan-gp"; see :mod:`sdg_lab.models.gan.losses`.
        spectral_norm: divide each of the discriminator's weights by its largest singular value (Miyato et al. 2018).
        r1: γ of the R1 penalty on the discriminator's gradient at real images; 0 for none.
        augment: show the discriminator augmented images only (:mod:`sdg_lab.models.gan.augment`): for few images.

    Attributes:
        generator: ``generator(z[, y])`` gives images in [-1, 1].
        discriminator: ``discriminator(x[, y])`` gives logits (n,), above 0 for "real".
        history: how the last ``fit`` went, ``history.players`` by network; None for a model that was loaded.

    Raises:
        ValueError: for arguments out of range, and for sizes that cannot be halved ``depth`` times.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"loss": "objective"}
    REMOVED: ClassVar[Mapping[str, Any]] = {"gradient_penalty": PENALTY}

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        latent: int = 32,
        width: int = 32,
        depth: int = 2,
        architecture: Architecture = "convolutional",
        classes: int | None = None,
        objective: Objective = "non-saturating",
        spectral_norm: bool = False,
        r1: float = 0.0,
        augment: bool = False,
    ) -> None:
        super().__init__(shape, classes)
        self.latent, self.width = whole("latent", latent, least=1), whole("width", width, least=1)
        self.depth = whole("depth", depth, least=1)
        self.architecture: Architecture = one_of("architecture", architecture, get_args(Architecture))
        self.objective: Objective = one_of("objective", objective, OBJECTIVES)
        self.spectral_norm, self.augment = truth("spectral_norm", spectral_norm), truth("augment", augment)
        self.r1 = number("r1", r1, least=0)
        if architecture == "convolutional":
            less = "give a smaller one" if self.depth > 1 else ""
            check_divisible(self.shape, 2**self.depth, f"depth={depth} halves them so often", less)
        self._build()

    def _build(self) -> None:
        """Make both networks with new weights."""
        size = (self.width, self.depth, self.architecture, self.classes or 0)
        self.generator = GeneratorNetwork(self.shape, self.latent, *size)
        self.discriminator = DiscriminatorNetwork(self.shape, *size, spectral=self.spectral_norm)

    # Stage 1: the two objectives, on tensors.

    def players(self) -> dict[str, nn.Module]:
        """Return the two networks, in the order of their steps on a batch."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def rounds(self) -> dict[str, int]:
        """Return on every how-many-th batch each network makes a step."""
        return {"discriminator": 1, "generator": CRITIC_STEPS if self.objective == "wgan-gp" else 1}

    def loss_of(self, player: str, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return what a network minimises on a batch of real images in [0, 1], (n, channels, height, width)."""
        return self._discriminator_loss(2 * x - 1, y) if player == "discriminator" else self._generator_loss(x, y)

    def loss(self, *batch: Tensor) -> NoReturn:
        """Refuse: each network has a loss of its own (:meth:`loss_of`), and neither says how good the model is."""
        raise TypeError("a GAN has no loss that says how good it is; judge its samples")

    def _discriminator_loss(self, x: Tensor, y: Tensor | None) -> Tensor:
        with torch.no_grad():
            fake = self.generator(self._noise(x), y)
        x, fake = self._augmented(x), self._augmented(fake)
        # One pass for both: no layer of the discriminator mixes images.
        logits = self.discriminator(torch.cat([x, fake]), None if y is None else torch.cat([y, y]))
        loss = discriminator_loss(self.objective, *logits.chunk(2))
        discriminator = partial(self.discriminator, y=y)
        if self.r1 > 0:
            loss = loss + self.r1 * r1_penalty(discriminator, x)
        if self.objective == "wgan-gp":
            u = torch.rand(len(x), device=x.device, dtype=x.dtype)
            loss = loss + PENALTY * gradient_penalty(discriminator, x, fake, u)
        return loss

    def _generator_loss(self, x: Tensor, y: Tensor | None) -> Tensor:
        fake = self.generator(self._noise(x), y)
        return generator_loss(self.objective, self.discriminator(self._augmented(fake), y))

    def _noise(self, x: Tensor) -> Tensor:
        """Draw z for as many images as there are in ``x``."""
        return torch.randn(len(x), self.latent, device=x.device, dtype=x.dtype)

    def _augmented(self, x: Tensor) -> Tensor:
        """Return what the discriminator is shown of images, real or fake."""
        return augment(x) if self.augment else x

    def pixels(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return the generator's images, with pixels in [0, 1]."""
        return 0.5 + 0.5 * cast(Tensor, self.generator(z, y))

    # Stage 2: the model contract, on images.

    @recipes.defaults(epochs=100, betas=(0.5, 0.99), ema=0.99)
    def fit(
        self,
        data: ImageData,
        labels: ArrayLike | None = None,
        *,
        validation: ImageData | None = None,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights on images of ``self.shape``, labelled if the model has classes.

        The gradient's direction changes with every step of the other network, so Adam's averages of it are short
        (β = 0.5 and 0.99); samples come from a moving average of the weights.

        Args:
            data: the training images: ``Images``, or an array or tensor (n, [channels,] height, width).
            labels: (n,), of an array; ``Images`` bring their own.
            validation: refused, as is ``patience``: no loss of the game says how good the model is. Judge its samples
                in ``on_epoch``.
            seed: decides weights, order of examples and noise.
            progress: show a bar.
            recipe: how to train: see :class:`sdg_lab.training.recipe.Recipe`; ``lr`` also by network.

        Raises:
            TypeError: if ``data`` are no images, or an option does not exist.
            ValueError: for images of another shape, none at all, labels that do not fit, options out of range, and
                batches too few for a step of the generator.
            DivergedError: if a loss becomes NaN or infinite; names the network, the step and the last good checkpoint.
        """
        if validation is not None or recipe.get("patience") is not None:
            raise ValueError(
                "a GAN takes no validation and no patience: a game has no loss that says how good it is; judge its "
                "samples in on_epoch=..."
            )
        return self.fit_images(data, labels, validation=None, recipe=recipe, seed=seed, progress=progress)

    def learn(self, batch: tuple[Tensor, ...], *, recipe: Recipe, **rest: Any) -> Self:
        """Train, if there are batches enough for the generator to have its turn at all."""
        epochs, size = (whole(name, recipe[name], least=1) for name in ("epochs", "batch_size"))
        batches, turn = epochs * math.ceil(len(batch[0]) / size), self.rounds()["generator"]
        if batches < turn:
            raise ValueError(
                f"with {self.objective!r} the generator steps on every {turn}th batch, but epochs={epochs} with "
                f"{len(batch[0])} images and batch_size={size} are {batches} batches: give more epochs, or a smaller "
                "batch_size"
            )
        return super().learn(batch, recipe=recipe, **rest)

    def draw_weights(self, seed: int) -> None:
        """Make both networks anew."""
        device = self.device
        with seeded(seed):
            self._build()
        self.to(device)

    def logits(self, data: ImageData) -> NDArray[np.float64]:
        """Return the discriminator's logits, (n,): above 0 for "real".

        If they are much higher for training images than for held-out ones, it has learnt the training images by heart.

        Raises:
            TypeError, ValueError: for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        x, *y = self.batch(data)
        return self.in_parts(self.discriminator, 2 * x - 1, *y).cpu().double().numpy()  # Apple's GPUs have no float64
