"""The generative adversarial network: a generator that draws, and a discriminator that tells drawn from real.

Goodfellow et al., *Generative Adversarial Nets* (2014). There is no likelihood and no bound on one: the generator is
told only how its pictures could look more real to the present discriminator, so quality is judged on samples.
Tensors are named as in the papers: x pictures (n, channels, height, width), y labels (n,), z noise (n, latent). Inside,
pictures lie in [-1, 1], the range of the generator's tanh; outside they are :class:`Images` in [0, 1].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import NeuralModel, check_count, check_images, new_generator
from sdg_lab.models.gan.augment import augment
from sdg_lab.models.gan.losses import GAMES, Game, discriminator_loss, generator_loss, gradient_penalty, r1_penalty
from sdg_lab.models.gan.networks import Architecture, DiscriminatorNetwork, GeneratorNetwork
from sdg_lab.models.images import draw_labels, label_tensor

MOST_PICTURES = 500
"""Pictures that are drawn or judged at a time: enough to be quick, few enough for a small memory."""


class GAN(NeuralModel[Images]):
    """A generative adversarial network of pictures, dense or convolutional, with or without classes.

    Args:
        shape: of a picture: (channels, height, width).
        latent: dimensions of the noise z.
        width: dense: units of a hidden layer. Convolutional: channels after the discriminator's first halving of height
            and width; they double with each further one, and the generator mirrors them.
        depth: dense: hidden layers of each player. Convolutional: halvings.
        architecture: "dense" or "convolutional" (DCGAN).
        classes: number of classes if both players are told the label y in 0..classes-1; None if not.
        loss: the game: "non-saturating", "hinge" or "wgan-gp"; see :mod:`sdg_lab.models.gan.losses`.
        spectral_norm: divide each of the discriminator's weights by its largest singular value (Miyato et al. 2018).
        r1: γ of the R1 penalty on the discriminator's gradient at real pictures; 0 for none.
        gradient_penalty: factor on the penalty of "wgan-gp" (λ of Gulrajani et al. 2017); not used by other games.
        augment: show the discriminator altered pictures only (:mod:`sdg_lab.models.gan.augment`): for few pictures.

    Attributes:
        generator: ``generator(z[, y])`` gives pictures in [-1, 1].
        discriminator: ``discriminator(x[, y])`` gives logits (n,), above 0 for "real".
        history: how the last ``fit`` went, ``history.players`` by player; None for a model that was loaded.
        trained: what of it is saved with the model: seconds by the clock and of the processor, epochs.

    Raises:
        ValueError: for arguments out of range, and for sizes that cannot be halved ``depth`` times.
    """

    class_probs: Tensor

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        latent: int = 32,
        width: int = 32,
        depth: int = 2,
        architecture: Architecture = "convolutional",
        classes: int | None = None,
        loss: Game = "non-saturating",
        spectral_norm: bool = False,
        r1: float = 0.0,
        gradient_penalty: float = 10.0,
        augment: bool = False,
    ) -> None:
        super().__init__()
        _check_arguments(shape, latent, width, depth, architecture, classes, loss, r1, gradient_penalty)
        self.shape, self.latent, self.width, self.depth = tuple(shape), latent, width, depth
        self.architecture, self.classes, self.game = architecture, classes, loss
        self.spectral_norm, self.r1, self.gradient_penalty, self.augment = spectral_norm, r1, gradient_penalty, augment
        self.register_buffer("class_probs", torch.full((classes or 0,), 1 / (classes or 1)))
        self.history: training.History | None = None
        self.trained: dict[str, float | None] = {}
        self._build()

    def config(self) -> dict[str, Any]:
        """Return the arguments, and how long the training took."""
        size = ("latent", "width", "depth", "architecture", "classes")
        smooth = ("spectral_norm", "r1", "gradient_penalty", "augment")
        arguments = {"shape": list(self.shape), "loss": self.game}
        arguments |= {name: getattr(self, name) for name in (*size, *smooth)}
        return {"arguments": arguments, "trained": self.trained}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make a fitted model from what :meth:`config` and :meth:`state` returned."""
        model = super().from_state(config["arguments"], state)
        model.trained = config["trained"]
        return model

    # Stage 1: the game, on tensors.

    def players(self) -> dict[str, nn.Module]:
        """Return who plays, in the order of their turns."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def rounds(self) -> dict[str, int]:
        """Return on every how-many-th batch each player steps.

        The Wasserstein game's generator waits for five steps of its critic (Gulrajani et al. 2017, algorithm 1).
        """
        return {"discriminator": 1, "generator": 5 if self.game == "wgan-gp" else 1}

    def loss_of(self, player: str, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return what a player minimises on a batch of real pictures in [-1, 1], (n, channels, height, width)."""
        return self._discriminator_loss(x, y) if player == "discriminator" else self._generator_loss(x, y)

    def _discriminator_loss(self, x: Tensor, y: Tensor | None) -> Tensor:
        with torch.no_grad():
            fake = self.generator(self._noise(x), y)
        x, fake = self._shown(x), self._shown(fake)
        # One pass for both: nothing in the discriminator looks across pictures.
        logits = self.discriminator(torch.cat([x, fake]), None if y is None else torch.cat([y, y]))
        loss = discriminator_loss(self.game, *logits.chunk(2))
        judge = partial(self.discriminator, y=y)
        if self.r1 > 0:
            loss = loss + self.r1 * r1_penalty(judge, x)
        if self.game == "wgan-gp":
            u = torch.rand(len(x), device=x.device, dtype=x.dtype)
            loss = loss + self.gradient_penalty * gradient_penalty(judge, x, fake, u)
        return loss

    def _generator_loss(self, x: Tensor, y: Tensor | None) -> Tensor:
        fake = self.generator(self._noise(x), y)
        return generator_loss(self.game, self.discriminator(self._shown(fake), y))

    # Stage 2: the model contract, on pictures.

    def fit(
        self,
        data: Images,
        *,
        epochs: int = 100,
        batch_size: int = 64,
        lr: float | Mapping[str, float] = 1e-3,
        ema: float | None = 0.99,
        schedule: Callable[[float], float] | None = None,
        checkpoint: str | Path | None = None,
        on_epoch: Callable[[int, GAN], None] | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> Self:
        """Train from new weights on pictures of ``self.shape``, labelled if the model has classes.

        Args:
            data: the training pictures.
            epochs: passes over the data.
            batch_size: pictures a step; the last batch of an epoch may be smaller.
            lr: learning rate of Adam with β = (0.5, 0.99): a game has no fixed slope that a long memory could learn.
            ema: decay of the average of the weights, with which samples are drawn; None for the last weights.
            schedule: factor on the learning rate as a function of the share of training done.
            checkpoint: a file, written after each epoch; if it is there, the run is resumed from it.
            on_epoch: called after each epoch with its number, from 0, and a GAN that can be sampled, for curves of
                quality; keep nothing of it but what you copy.
            seed: decides weights, order of examples and noise.
            progress: show a bar.

        Raises:
            TypeError: if ``data`` is not Images.
            ValueError: for pictures of another shape, none at all, missing labels, or labels out of range.
            DivergedError: if a player's loss is NaN or infinite; names the player, the step and the last checkpoint.
        """
        x, y = self._tensors(data)
        rates = lr if isinstance(lr, Mapping) else dict.fromkeys(self.players(), lr)
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        device = self._device
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._build()
        self.to(device)
        if y is not None:
            self.class_probs = torch.bincount(y, minlength=len(self.class_probs)) / len(data)
        begin = time.process_time()
        self.history = training.train(
            self,
            (x,) if y is None else (x, y),
            epochs=epochs,
            batch_size=batch_size,
            lr=rates,
            optimizer={name: partial(torch.optim.Adam, lr=rate, betas=(0.5, 0.99)) for name, rate in rates.items()},
            schedule=schedule,
            ema=ema,
            seed=seed,
            checkpoint=checkpoint,
            on_epoch=None if on_epoch is None else partial(_while_fitted, on_epoch),
            progress=progress,
        )
        self.trained = {
            "seconds": round(self.history.seconds, 1),
            "cpu_seconds": round(time.process_time() - begin, 1),
            "epochs": self.history.epochs,
        }
        self.discriminator.settle()
        self.fitted = True
        return self

    @torch.no_grad()
    def sample(self, n: int, *, seed: int | None = None, labels: int | ArrayLike | None = None) -> Images:
        """Draw z from N(0, I) and return the generator's pictures.

        Args:
            n: number of pictures.
            seed: the same seed gives the same pictures.
            labels: for a model with classes: one label for all, or (n,) of them; without it they are drawn with the
                training set's frequencies.

        Raises:
            ValueError: for n < 1, labels of a model without classes, and labels of another number or out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n = check_count(n)
        generator = new_generator(seed)
        if labels is None and self.classes is not None:
            labels = draw_labels(self.class_probs, n, generator)
        return self.decode(torch.randn(n, self.latent, generator=generator).numpy(), labels)

    @torch.no_grad()
    def decode(self, z: ArrayLike, labels: int | ArrayLike | None = None) -> Images:
        """Return the generator's pictures of the noise z, shape (n, latent), one for each row.

        Raises:
            ValueError: if ``z`` has another shape, is not finite, or the labels do not fit.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        points = np.asarray(z, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.latent or len(points) == 0:
            raise ValueError(f"z must have shape (n, {self.latent}) with n >= 1, got {points.shape}")
        if not np.isfinite(points).all():
            raise ValueError(f"z is not finite at point {int(np.argmin(np.isfinite(points).all(axis=1)))}")
        y = label_tensor(labels, len(points), self.classes, "GAN")
        x = self._in_parts(self.generator, torch.from_numpy(points), y)
        return Images((0.5 + 0.5 * x).numpy(), None if y is None else y.numpy())

    @torch.no_grad()
    def logits(self, data: Images) -> NDArray[np.float64]:
        """Return what the discriminator says of pictures, (n,): above 0 for "real".

        Much higher for training pictures than for held-out ones, it has learnt the training pictures by heart.

        Raises:
            TypeError, ValueError: for data as in :meth:`fit`.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        return self._in_parts(self.discriminator, *self._tensors(data)).double().numpy()

    # Stage 3: what the two stages above share.

    def _build(self) -> None:
        """Make both players with new weights."""
        classes = self.classes or 0
        size = (self.width, self.depth, self.architecture, classes)
        self.generator = GeneratorNetwork(self.shape, self.latent, *size)
        self.discriminator = DiscriminatorNetwork(self.shape, *size, spectral=self.spectral_norm)

    @property
    def _device(self) -> torch.device:
        return self.class_probs.device

    def _noise(self, x: Tensor) -> Tensor:
        """Draw z for as many pictures as there are in ``x``."""
        return torch.randn(len(x), self.latent, device=x.device, dtype=x.dtype)

    def _shown(self, x: Tensor) -> Tensor:
        """Return what the discriminator is shown of pictures, real or fake."""
        return augment(x) if self.augment else x

    def _in_parts(self, network: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
        """Return a network's answers, on the CPU, some rows at a time, in evaluation mode."""
        was_training = network.training
        network.eval()
        parts = []
        for first in range(0, len(x), MOST_PICTURES):
            label = None if y is None else y[first : first + MOST_PICTURES].to(self._device)
            parts.append(cast(Tensor, network(x[first : first + MOST_PICTURES].to(self._device), label)).cpu())
        network.train(was_training)
        return torch.cat(parts)

    def _tensors(self, data: Images) -> tuple[Tensor, Tensor | None]:
        """Return pictures in [-1, 1], and their labels if the model has classes; or refuse them."""
        check_images(data)
        if data.shape != self.shape:
            raise ValueError(
                f"the pictures have shape {data.shape}, this GAN was made for {self.shape}: "
                f"make it with GAN(shape={data.shape})"
            )
        x = 2 * torch.from_numpy(np.ascontiguousarray(data.pixels, dtype=np.float32)) - 1
        labels = None if self.classes is None else data.labels
        return x, label_tensor(labels, len(data), self.classes, "GAN")


def _while_fitted(on_epoch: Callable[[int, GAN], None], epoch: int, model: nn.Module) -> None:
    """Call a hook with a model that answers, though its training is not over, and go on as if nobody had asked."""
    gan = cast(GAN, model)
    buffers = {name: buffer.clone() for name, buffer in gan.discriminator.named_buffers()}
    gan.discriminator.settle()
    gan.fitted = True
    try:
        on_epoch(epoch, gan)
    finally:
        gan.fitted = False
        gan.discriminator.load_state_dict(buffers, strict=False)


def _check_arguments(
    shape: Sequence[int],
    latent: int,
    width: int,
    depth: int,
    architecture: str,
    classes: int | None,
    loss: str,
    r1: float,
    gradient_penalty: float,
) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be (channels, height, width), each >= 1, got {tuple(shape)}")
    wholes = (("latent", latent, 1), ("width", width, 1), ("depth", depth, 1), ("classes", classes, 2))
    for name, number, least in wholes:
        if number is not None and number < least:
            raise ValueError(f"{name} must be >= {least}, got {number}")
    for name, factor in (("r1", r1), ("gradient_penalty", gradient_penalty)):
        if not factor >= 0:
            raise ValueError(f"{name} must be >= 0, got {factor}")
    if loss not in GAMES:
        raise ValueError(f"loss must be one of {', '.join(GAMES)}, got {loss!r}")
    if architecture not in ("dense", "convolutional"):
        raise ValueError(f"architecture must be dense or convolutional, got {architecture!r}")
    if architecture == "convolutional" and (shape[1] % 2**depth or shape[2] % 2**depth):
        raise ValueError(
            f"{depth} convolutions halve the picture {depth} times: height and width must be multiples of "
            f"{2**depth}, got {shape[1]}×{shape[2]}; choose another depth, or pad the pictures"
        )
