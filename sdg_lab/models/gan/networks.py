"""The two players' networks: from noise to a picture, and from a picture to a logit.

Radford, Metz & Chintala, *Unsupervised Representation Learning with Deep Convolutional GANs* (2016): strides instead of
pooling, batch normalisation in the generator, leaky ReLU in the discriminator, which here has no batch normalisation,
so that its answer about one picture does not depend on the others (both gradient penalties need that).
Pictures are (n, channels, height, width) in [-1, 1].
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

Architecture = Literal["dense", "convolutional"]
SLOPE = 0.2
"""Of leaky ReLU below 0: a plain ReLU would pass no gradient to the generator from units that are off."""

POWER_STEPS = 30
"""Steps of power iteration after which the largest singular values of weights that changed little are known again."""


class GeneratorNetwork(nn.Module):
    """Noise z (n, latent), and labels y (n,) if there are classes, to pictures in [-1, 1]."""

    def __init__(
        self, shape: tuple[int, ...], latent: int, width: int, depth: int, architecture: Architecture, classes: int
    ) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        n_inputs = latent + classes
        if architecture == "dense":
            hidden = [width] * depth
            self.layers = mlp(n_inputs, *hidden, math.prod(shape))
        else:
            self.layers = _upwards(shape, n_inputs, [width << i for i in reversed(range(depth))])

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return pictures (n, channels, height, width)."""
        if (y := _label(y, self.classes)) is not None:
            z = torch.cat([z, F.one_hot(y, self.classes).to(z.dtype)], dim=1)
        return torch.tanh(self.layers(z)).reshape(-1, *self.shape)


class DiscriminatorNetwork(nn.Module):
    """A picture, and its label if there are classes, to a logit: above 0 for "real".

    With classes it is a projection discriminator (Miyato & Koyama 2018, eq. 3): with φ(x) the features,
    logit = ψ · φ(x) + b + v_y · φ(x), so a row of numbers v_y a class says what of φ speaks for that class.
    With ``spectral`` each weight is divided by its largest singular value, which one step of power iteration a pass
    follows (Miyato et al. 2018, algorithm 1), so the logit cannot rise steeply. A dense layer then stretches by 1 at
    most. Of a convolution it is the weight, reshaped to a matrix, that is bounded; with kernel 4 and stride 2 a pixel
    lies in four patches, and the layer can stretch by up to 2. With classes the two heads, ψ and v_y, add up to 2.
    """

    def __init__(
        self, shape: tuple[int, ...], width: int, depth: int, architecture: Architecture, classes: int, spectral: bool
    ) -> None:
        super().__init__()
        self.classes = classes
        if architecture == "dense":
            n_features = width
            self.features = nn.Sequential(nn.Flatten(), *mlp(math.prod(shape), *[width] * depth), nn.LeakyReLU(SLOPE))
        else:
            widths = [width << i for i in range(depth)]
            self.features = _downwards(shape[0], widths)
            n_features = widths[-1] * (shape[1] >> depth) * (shape[2] >> depth)
        self.head = nn.Linear(n_features, 1)
        self.of_class = nn.Embedding(classes, n_features) if classes else None
        if self.of_class is not None:
            nn.init.normal_(self.of_class.weight, std=n_features**-0.5)  # as large as the head's weights
        if spectral:
            for layer in list(self.modules()):
                if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
                    spectral_norm(layer)

    @torch.no_grad()
    def settle(self) -> None:
        """Find the largest singular values of the present weights anew, if they are normalised.

        Power iteration carries a pair of unit vectors from pass to pass. Where weights were averaged over steps, so
        were these, and an average of unit vectors is shorter: it would make every singular value look smaller.
        """
        was_training = self.training
        self.train()
        for layer in self.modules():
            if is_parametrized(layer, "weight"):
                for _ in range(POWER_STEPS):
                    _ = layer.weight  # each reading in training mode is one step
        self.train(was_training)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (n,)."""
        features = self.features(x)
        logits = cast(Tensor, self.head(features)).squeeze(1)
        if (y := _label(y, self.classes)) is not None and self.of_class is not None:
            logits = logits + (self.of_class(y) * features).sum(1)
        return logits


def mlp(*widths: int) -> nn.Sequential:
    """Return linear layers from the first width to the last, with leaky ReLU between them."""
    layers = [layer for n_in, n_out in pairwise(widths) for layer in (nn.LeakyReLU(SLOPE), nn.Linear(n_in, n_out))]
    return nn.Sequential(*layers[1:])


def _label(y: Tensor | None, classes: int) -> Tensor | None:
    """Return the labels, or refuse them where there are no classes, and their absence where there are."""
    if y is None and classes:
        raise ValueError(f"this GAN is conditional on {classes} classes: pass the labels y too")
    if y is not None and not classes:
        raise ValueError("labels y were given to a GAN without classes: make it with GAN(classes=...)")
    return y


def _upwards(shape: tuple[int, ...], n_inputs: int, widths: list[int]) -> nn.Sequential:
    """Double height and width with each layer: a transposed convolution is a convolution with stride ½."""
    channels, height, width = shape
    small = (widths[0], height >> len(widths), width >> len(widths))
    layers = nn.Sequential(nn.Linear(n_inputs, math.prod(small)), nn.Unflatten(1, small))
    for many, few in pairwise((*widths, channels)):
        up = nn.ConvTranspose2d(many, few, kernel_size=4, stride=2, padding=1)
        layers.extend([nn.BatchNorm2d(many), nn.ReLU(), up])
    return layers


def _downwards(channels: int, widths: list[int]) -> nn.Sequential:
    """Halve height and width with each layer."""
    layers = nn.Sequential()
    for few, many in pairwise((channels, *widths)):
        layers.extend([nn.Conv2d(few, many, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(SLOPE)])
    return layers.append(nn.Flatten())
