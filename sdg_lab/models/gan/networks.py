"""The two networks: the generator, from noise to an image, and the discriminator, from an image to a logit.

Radford, Metz & Chintala, *Unsupervised Representation Learning with Deep Convolutional GANs* (2016): strides instead of
pooling, batch normalisation in the generator, leaky ReLU in the discriminator, which here has no batch normalisation,
so that its logit of one image does not depend on the others (both gradient penalties need that).
Images are (n, channels, height, width) in [-1, 1].
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

Architecture = Literal["dense", "convolutional"]
SLOPE = 0.2
"""Of leaky ReLU below 0: a plain ReLU would pass no gradient to the generator from units that are off."""


class GeneratorNetwork(nn.Module):
    """Noise z (n, latent), and labels y (n,) if there are classes, to images in [-1, 1]."""

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
        """Return images (n, channels, height, width)."""
        if (y := _label(y, self.classes)) is not None:
            z = torch.cat([z, F.one_hot(y, self.classes).to(z.dtype)], dim=1)
        return torch.tanh(self.layers(z)).reshape(-1, *self.shape)


class SpectralNorm(nn.Module):
    """A weight, over its largest singular value σ.

    Training follows σ by one step of power iteration at each use of the weight (Miyato et al. 2018, algorithm 1). In
    evaluation σ is computed exactly, so it is right for weights that were averaged over steps too.
    """

    u: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", torch.linalg.svd(weight.detach().flatten(1), full_matrices=False).U[:, 0].clone())

    def forward(self, weight: Tensor) -> Tensor:
        """Return weight / σ."""
        matrix = weight.flatten(1)
        if not self.training:
            return cast(Tensor, weight / torch.linalg.matrix_norm(matrix, 2))
        with torch.no_grad():
            v = F.normalize(matrix.T @ self.u, dim=0)
            u = F.normalize(matrix @ v, dim=0)
            self.u.copy_(u)
        return weight / (u @ matrix @ v)


class DiscriminatorNetwork(nn.Module):
    """An image, and its label if there are classes, to a logit: above 0 for "real".

    With classes it is a projection discriminator (Miyato & Koyama 2018, eq. 3): with φ(x) the features,
    logit = ψ · φ(x) + b + v_y · φ(x), so each class has a vector v_y that says which features speak for it.
    With ``spectral`` each weight is divided by its largest singular value, which bounds the Lipschitz constant. That of
    a dense layer is then 1. Of a convolution it is the weight, reshaped to a matrix, that is bounded; with kernel 4 and
    stride 2 a pixel lies in four patches, so the layer's operator norm can be up to 2. With classes the two heads, ψ
    and v_y, add up to 2.
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
                    register_parametrization(layer, "weight", SpectralNorm(layer.weight))

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
