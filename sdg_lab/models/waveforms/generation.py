"""Fast generation: each layer keeps the samples that it will need again in a queue, and computes one new column.

Paine et al., *Fast Wavenet Generation Algorithm* (2016). Computing a sample anew costs a whole receptive field; with
queues it costs one column of each layer, whatever the field is. A column is a handful of numbers, and calling torch for
each would take longer than computing it: it is done in numpy, all notes side by side.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.mu_law import LEVELS, SILENCE
from sdg_lab.models.waveforms.network import STILL, GatedLayer, Network

Array = NDArray[np.float32]


class Queues:
    """A network that reads n sounds, sample by sample; before the first one it has heard silence.

    Args:
        network: it is read once: what is trained afterwards does not come through.
        h: what each row is conditioned on, (n, condition).
    """

    @torch.no_grad()
    def __init__(self, network: Network, h: Tensor) -> None:
        n = len(h)
        waves = _array(network.waves)
        self.waves, self.inputs = (
            waves,
            np.stack([waves, 2 * np.arange(LEVELS) / (LEVELS - 1) - 1], 1, dtype=np.float32),
        )
        self.entry = _array(network.entry.weight.permute(2, 1, 0).flatten(0, 1)), _array(network.entry.bias)
        self.prediction = _array(network.prediction)
        self.heard = np.tile(self.inputs[SILENCE], (n, network.taps))
        x = self.heard @ self.entry[0] + self.entry[1]  # what each layer has seen for ever, in silence
        self.channels = x.shape[1]
        half = torch.ones(2 * self.channels)
        half[self.channels :] = 0.5  # σ(g) = (1 + tanh(g/2)) / 2: one call of tanh for filter and gate
        self.layers = []
        for layer in cast(list[GatedLayer], network.layers):
            taps = _array((torch.cat([layer.before, layer.now], dim=1) * half[:, None]).T)
            fixed = _array(layer.condition(h) * half)
            out = _array(layer.out.weight[:, :, 0].T / 2), _array(layer.out.bias)
            queue = np.tile(x, (layer.dilation, 1, 1))
            self.layers.append((queue, taps, fixed, out))
            x = self._through(np.concatenate([x, x], axis=1), x, taps, fixed, out)[0]
        # A gated value is twice what the network has: the products that read it are halved.
        self.skip = _array(network.skip.weight.T / 2), _array(network.skip.bias)
        self.hidden = _array(network.hidden.weight.T), _array(network.hidden.bias)
        self.output = _array(network.output.weight.T), _array(network.output.bias)
        self.step = 0
        self.gated = np.zeros((n, len(self.skip[0])), np.float32)
        self.pair = np.zeros((n, 2 * self.channels), np.float32)

    def _through(
        self, pair: Array, x: Array, taps: Array, fixed: Array, out: tuple[Array, Array]
    ) -> tuple[Array, Array]:
        """Return the stream after a layer, and twice its gated values, both (n, channels)."""
        both = np.tanh(pair @ taps + fixed)
        z = both[:, : self.channels] * (both[:, self.channels :] + 1)
        return x + (z @ out[0] + out[1]), z

    def read(self, codes: NDArray[np.integer]) -> tuple[Array, Array, Array]:
        """Hear one sample of each row, (n,); return what :func:`mixture.draw` wants to know of the next.

        Returns:
            Outputs of the network, (n, 3 K), linear prediction, (n,), and size of the recent steps, (n,).
        """
        self.heard[:, :-2] = self.heard[:, 2:]
        self.heard[:, -2:] = self.inputs[codes]
        x = self.heard @ self.entry[0] + self.entry[1]
        channels = self.channels
        for number, (queue, taps, fixed, out) in enumerate(self.layers):
            place = self.step % len(queue)
            self.pair[:, :channels] = queue[place]
            self.pair[:, channels:] = x
            queue[place] = x
            x, z = self._through(self.pair, x, taps, fixed, out)
            self.gated[:, number * channels : (number + 1) * channels] = z
        self.step += 1
        read = np.maximum(self.gated @ self.skip[0] + self.skip[1], 0)
        read = np.maximum(read @ self.hidden[0] + self.hidden[1], 0)
        past = self.heard[:, ::2]
        step = np.abs(past[:, 1:] - past[:, :-1]).mean(axis=1) + np.float32(STILL)
        return read @ self.output[0] + self.output[1], past @ self.prediction, step

    def generate(self, length: int, *, temperature: float, rng: Generator) -> NDArray[np.uint8]:
        """Draw codes one after the other, (n, length); the temperature as of :func:`mixture.draw`."""
        codes = np.empty((len(self.heard), length), np.uint8)
        last = np.full(len(self.heard), SILENCE, np.uint8)
        for t in range(length):
            last = codes[:, t] = mixture.draw(*self.read(last), temperature, rng)
        return codes


def _array(tensor: Tensor | None) -> Array:
    assert tensor is not None  # the network's layers have a bias
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())
