"""What diffusion and flow matching share: one network for noisy pictures, labels that may be left out, and training.

Inside, pictures are x = 2 · pixels - 1, in [-1, 1], so that they are centred like the noise.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor, nn

from sdg_lab import training
from sdg_lab.data.types import Images
from sdg_lab.models.contract import NeuralModel, check_count, check_images, new_generator
from sdg_lab.models.diffusion.mlp import DenoisingMLP
from sdg_lab.models.diffusion.noise import guided
from sdg_lab.models.diffusion.unet import UNet
from sdg_lab.models.images import draw_labels, label_tensor

Network = Literal["mlp", "unet"]
Walk = Callable[[Tensor, Tensor | None, Generator], Iterator[Tensor]]
"""(noise (n, …), labels (n,), generator) -> the states from noise to pictures in [-1, 1]."""

MOST_PICTURES = 500
"""Pictures that are drawn, or measured, at a time."""


def warm_up_then_cosine(share: float) -> float:
    """Return the factor on the learning rate: up in the first twentieth of the training, then down along a cosine."""
    return share / 0.05 if share < 0.05 else 0.5 * (1 + math.cos(math.pi * (share - 0.05) / 0.95))


class DenoisingModel(NeuralModel[Images]):
    """A model that makes pictures out of noise, step by step.

    A subclass says what the network is asked for (``loss``), and hands :meth:`draw` the way from noise to pictures.
    """

    class_probs: Tensor
    own_options: tuple[str, ...] = ()

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        *,
        network: Network = "mlp",
        widths: Sequence[int] = (256, 256, 256),
        blocks: int = 1,
        fold: int = 1,
        classes: int | None = None,
        unconditional: float = 0.1,
        levels: int = 256,
    ) -> None:
        super().__init__()
        _check_arguments(shape, network, classes, unconditional, levels)
        self.shape, self.widths = tuple(shape), tuple(widths)
        self.kind, self.blocks, self.fold = network, blocks, fold
        self.classes, self.unconditional, self.levels = classes, unconditional, levels
        self.network: nn.Module
        if network == "mlp":
            self.network = DenoisingMLP(self.shape, self.widths, classes=classes)
        else:
            self.network = UNet(self.shape, self.widths, blocks=blocks, fold=fold, classes=classes)
        self.register_buffer("class_probs", torch.full((classes or 0,), 1 / (classes or 1)))
        self.history: training.History | None = None
        self.trained: dict[str, float] = {}

    def config(self) -> dict[str, Any]:
        """Return the arguments that make an empty model of the same form, and how this one was trained."""
        names = ("blocks", "fold", "classes", "unconditional", "levels", *self.own_options)
        lists = {"shape": list(self.shape), "widths": list(self.widths), "network": self.kind}
        return lists | {name: getattr(self, name) for name in names} | {"trained": dict(self.trained)}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make the model from its arguments and give it the weights, and what is known of their training."""
        model = super().from_state({name: value for name, value in config.items() if name != "trained"}, state)
        model.trained = dict(config.get("trained", {}))  # a file may hold weights alone
        return model

    # Stage 1: the network, asked once.

    @abstractmethod
    def loss(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return what training lowers, for pictures with pixels in [0, 1]."""

    def answer(self, x: Tensor, time: Tensor, y: Tensor | None, guidance: float = 1.0) -> Tensor:
        """Return the network's output for noisy pictures x at time in [0, 1], (n, …), guided towards the label y."""
        if y is None or guidance == 1:
            return cast(Tensor, self.network(x, time, y))
        if guidance == 0:
            return cast(Tensor, self.network(x, time, None))
        both = self.network(x.repeat(2, 1, 1, 1), time.repeat(2), torch.cat([y, torch.full_like(y, self.classes or 0)]))
        conditional, unconditional = both.chunk(2)
        return guided(conditional, unconditional, guidance)

    def forget_some(self, y: Tensor | None) -> Tensor | None:
        """Return labels of which a share is replaced by "no label", while training: so the network learns both."""
        if y is None or not self.training:
            return y
        dropped = torch.rand(len(y), device=y.device) < self.unconditional
        return y.masked_fill(dropped, cast(int, self.classes))

    # Stage 2: the model contract, on pictures.

    def fit(
        self,
        data: Images,
        *,
        validation: Images | None = None,
        epochs: int = 100,
        batch_size: int = 64,
        lr: float = 1e-3,
        ema: float | None = 0.995,
        clip: float | None = 1.0,
        checkpoint: str | Path | None = None,
        on_epoch: Callable[[int, nn.Module], None] | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> Self:
        """Train from new weights on pictures of ``self.shape``, labelled if the model has classes.

        The learning rate warms up, then falls along a cosine; what is kept is a moving average of the weights, which
        draws clearer pictures than the last weights do.

        Args:
            data: the training pictures.
            validation: held-out pictures, measured after each epoch.
            epochs: passes over the data.
            batch_size: pictures a step.
            lr: highest learning rate of Adam.
            ema: decay of the average of the weights; None keeps the last weights.
            clip: largest norm of the gradient.
            checkpoint: a file from which an interrupted training goes on.
            on_epoch: called after each epoch with its number and the averaged model.
            seed: decides weights, order of examples, times and noise.
            progress: show a bar.

        Raises:
            TypeError: if ``data`` is not Images.
            ValueError: for pictures of another shape, none at all, missing labels, or labels out of range.
            DivergedError: if the loss becomes NaN or infinite; names the step and the last good checkpoint.
        """
        batch = self.batch(data)
        held_out = None if validation is None else self.batch(validation)
        self.fitted = False  # until it is: a run that diverges leaves no model behind
        training.reinitialise(self, seed)
        if self.classes is not None:
            self.class_probs = torch.bincount(batch[1], minlength=self.classes) / len(data)
        begin = time.process_time()
        self.history = training.train(
            self,
            batch,
            validation=held_out,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            schedule=warm_up_then_cosine,
            ema=ema,
            clip=clip,
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            seed=seed,
            progress=progress,
        )
        self.trained = {
            "seconds": round(self.history.seconds, 1),
            "cpu_seconds": round(time.process_time() - begin, 1),
            "epochs": self.history.epochs,
            "steps": self.history.steps,
        }
        self.fitted = True
        return self

    @torch.no_grad()
    def draw(self, n: int, seed: int | None, labels: int | ArrayLike | None, guidance: float, walk: Walk) -> Images:
        """Return the n pictures at the ends of as many walks, rounded to the grey levels."""
        states, y, generator = self._start(n, seed, labels, guidance)
        parts = []
        for first in range(0, n, MOST_PICTURES):
            part = slice(first, first + MOST_PICTURES)
            label = None if y is None else y[part]
            parts.append(deque(walk(states[part], label, generator), maxlen=1).pop())
        grey = ((torch.cat(parts).clamp(-1, 1) + 1) / 2 * (self.levels - 1)).round() / (self.levels - 1)
        return Images(grey.cpu().numpy(), None if y is None else y.cpu().numpy())

    @torch.no_grad()
    def trace(
        self, n: int, seed: int | None, labels: int | ArrayLike | None, guidance: float, walk: Walk
    ) -> NDArray[np.float32]:
        """Return every state of n walks, (steps + 1, n, channels, height, width), in the network's scale."""
        noise, y, generator = self._start(n, seed, labels, guidance)
        return torch.stack(list(walk(noise, y, generator))).cpu().numpy()

    # Stage 3: what the stages above share.

    def batch(self, data: Images) -> tuple[Tensor, ...]:
        """Return what ``training.train`` takes: pixels, and labels if the model has classes; or refuse the data.

        Raises:
            TypeError: if ``data`` is not Images.
            ValueError: for pictures of another shape, none at all, missing labels, or labels out of range.
        """
        check_images(data)
        if data.shape != self.shape:
            raise ValueError(
                f"the pictures have shape {data.shape}, this {type(self).__name__} was made for {self.shape}: "
                f"make it with {type(self).__name__}(shape={data.shape})"
            )
        x = torch.from_numpy(np.ascontiguousarray(data.pixels)).to(self._device)
        y = None if self.classes is None else self._labels(data.labels, len(data))
        return (x,) if y is None else (x, y)

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def _start(
        self, n: int, seed: int | None, labels: int | ArrayLike | None, guidance: float
    ) -> tuple[Tensor, Tensor | None, Generator]:
        """Return noise (n, …), labels, and the generator of what follows; or refuse the question."""
        self.require_fitted()
        n = check_count(n)
        name = type(self).__name__
        if not (math.isfinite(guidance) and guidance >= 0):
            raise ValueError(f"guidance must be >= 0, got {guidance}; 1 is the conditional model, 2 to 4 exaggerate it")
        if self.classes is None and guidance != 1:
            raise ValueError(f"guidance = {guidance} needs labels to guide to: make the model with {name}(classes=...)")
        if self.unconditional == 0 and guidance != 1:
            raise ValueError(
                f"guidance = {guidance} needs a model that also learnt without labels: make it with unconditional=0.1"
            )
        generator = new_generator(seed)
        if labels is None and self.classes is not None:
            labels = draw_labels(self.class_probs, n, generator)
        y = self._labels(labels, n)
        return torch.randn(n, *self.shape, generator=generator).to(self._device), y, generator

    def _labels(self, labels: ArrayLike | None, n: int) -> Tensor | None:
        """Return labels as a tensor (n,) on the model's device, or refuse them."""
        y = label_tensor(labels, n, self.classes, type(self).__name__)
        return None if y is None else y.to(self._device)


def _check_arguments(
    shape: Sequence[int], network: str, classes: int | None, unconditional: float, levels: int
) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be (channels, height, width), each >= 1, got {tuple(shape)}")
    if network not in ("mlp", "unet"):
        raise ValueError(f"network must be mlp or unet, got {network!r}")
    for name, number, least in (("classes", classes, 2), ("levels", levels, 2)):
        if number is not None and number < least:
            raise ValueError(f"{name} must be >= {least}, got {number}")
    if not 0 <= unconditional < 1:
        raise ValueError(f"unconditional, the share of labels left out, must lie in [0, 1), got {unconditional}")
