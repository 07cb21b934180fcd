"""The encoder's and the decoder's layers.

Images are (n, channels, height, width) and may be flattened; labels are appended as indicators (one-hot).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from torch import nn

Architecture = Literal["dense", "convolutional"]


def build_networks(
    architecture: Architecture, shape: tuple[int, ...], hidden: tuple[int, ...], latent: int, classes: int
) -> tuple[nn.Sequential, nn.Sequential, nn.Sequential]:
    """Return three stacks of layers: image to features, features to q(z|x), and latents to the parameters of p(x|z).

    The features are flat; the last two stacks expect ``classes`` indicators appended to their inputs.
    """
    if architecture == "convolutional":
        features, n_features, decoder = _convolutional(shape, hidden, latent + classes)
        head = _perceptron(n_features + classes, 2 * latent)
    else:  # every pixel is connected with every unit, so parameters grow with the number of pixels
        pixels = math.prod(shape)
        features, head = nn.Sequential(nn.Flatten()), _perceptron(pixels + classes, *hidden, 2 * latent)
        decoder = _perceptron(latent + classes, *reversed(hidden), pixels)
    return features, head, decoder


def _perceptron(*widths: int) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    layers = [layer for n_in, n_out in pairwise(widths) for layer in (nn.ReLU(), nn.Linear(n_in, n_out))]
    return nn.Sequential(*layers[1:])


def _convolutional(
    shape: tuple[int, ...], hidden: tuple[int, ...], n_inputs: int
) -> tuple[nn.Sequential, int, nn.Sequential]:
    """Each layer halves (or doubles) height and width with one small filter bank that is used at every place."""
    channels, height, width = shape
    small = (hidden[-1], height >> len(hidden), width >> len(hidden))
    encoder, decoder = nn.Sequential(), nn.Sequential()
    for few, many in pairwise((channels, *hidden)):
        encoder.extend([nn.Conv2d(few, many, kernel_size=4, stride=2, padding=1), nn.ReLU()])
    encoder.append(nn.Flatten())
    decoder.extend([nn.Linear(n_inputs, math.prod(small)), nn.Unflatten(1, small)])
    for many, few in pairwise((*reversed(hidden), channels)):
        decoder.extend([nn.ReLU(), nn.ConvTranspose2d(many, few, kernel_size=4, stride=2, padding=1)])
    return encoder, math.prod(small), decoder
