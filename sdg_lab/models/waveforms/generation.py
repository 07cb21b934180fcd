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
from sdg_lab.models.waveforms.mu_law import Codes, silence
from sdg_lab.models.waveforms.network import ERRORS, GatedLayer, Network, Note
from sdg_lab.models.waveforms.notes import SILENT

Array = NDArray[np.float32]


class Queues:
    """A network that reads n sounds, sample by sample; before the first one it has heard silence.

    Args:
        network: it is read once: what is trained afterwards does not come through.
        note: what is known of each sound; all begin with the next sample, whatever it says of their starts.
    """

    @torch.no_grad()
    def __init__(self, network: Network, note: Note) -> None:
        self.n, self.levels = len(note.h), network.levels
        self.waves, self.coefficients = _array(network.waves), _array(note.coefficients)
        self.entry = _array(network.entry.weight.permute(2, 1, 0).flatten(0, 1)), _array(network.entry.bias)
        self.clock, self.clocks = _array(network.clock.weight.T), _array(network.clocks)
        self.step = 0
        quiet = self.waves[silence(self.levels)]
        self.past = np.full((self.n, network.taps), quiet)
        self.predicted = (self.past * self.coefficients).sum(axis=1)
        self.errors = np.tile((quiet - self.predicted)[:, None], ERRORS)
        self.expected, self.grain, self.pull = _array(note.expected.T), network.grain, np.float32(network.pull)
        self._measure()
        one = np.stack([np.full(self.n, quiet), self.errors[:, 0] / self.size, self.drift], axis=1)
        self.inputs = np.tile(one, ERRORS).astype(np.float32)  # of each of the last samples
        x = self._first()  # what each layer has seen for ever, in silence
        self.channels = x.shape[1]
        half = torch.ones(2 * self.channels, device=note.h.device)
        half[self.channels :] = 0.5  # σ(g) = (1 + tanh(g/2)) / 2: one call of tanh for filter and gate
        self.layers = []
        for layer in cast(list[GatedLayer], network.layers):
            taps = _array((torch.cat([layer.before, layer.now], dim=1) * half[:, None]).T)
            fixed = _array(layer.condition(note.h) * half)
            out = _array(layer.out.weight[:, :, 0].T / 2), _array(layer.out.bias)
            queue = np.tile(x, (layer.dilation, 1, 1))
            self.layers.append((queue, taps, fixed, out))
            x = self._through(np.concatenate([x, x], axis=1), x, taps, fixed, out)[0]
        # A gated value is twice what the network has: the products that read it are halved.
        self.skip = _array(network.skip.weight.T / 2), _array(network.skip.bias)
        self.hidden = _array(network.hidden.weight.T), _array(network.hidden.bias)
        self.output = _array(network.output.weight.T), _array(network.output.bias)
        self.gated = np.zeros((self.n, len(self.skip[0])), np.float32)
        self.pair = np.zeros((self.n, 2 * self.channels), np.float32)

    def _first(self) -> Array:
        """Return the residual stream before the first layer, (n, channels)."""
        clock = np.exp(-np.float32(self.step) / self.clocks) @ self.clock
        return cast(Array, self.inputs @ self.entry[0] + (self.entry[1] + clock))

    def _through(
        self, pair: Array, x: Array, taps: Array, fixed: Array, out: tuple[Array, Array]
    ) -> tuple[Array, Array]:
        """Return the stream after a layer, and twice its gated values, both (n, channels)."""
        both = np.tanh(pair @ taps + fixed)
        z = both[:, : self.channels] * (both[:, self.channels :] + 1)
        return x + (z @ out[0] + out[1]), z

    def hear(self, codes: NDArray[np.integer]) -> None:
        """Take in one sample of each row, (n,)."""
        wave = self.waves[codes]
        error = wave - self.predicted
        for kept, new in ((self.past, wave), (self.errors, error)):
            kept[:, :-1] = kept[:, 1:]
            kept[:, -1] = new
        self.inputs[:, :-3] = self.inputs[:, 3:]
        self.inputs[:, -3:] = np.stack([wave, error / self.size, self.drift], axis=1)
        self.predicted = (self.past * self.coefficients).sum(axis=1)
        self.step += 1
        self._measure()

    def _measure(self) -> None:
        """Note the size of the recent errors, and how far it has drifted from what is expected of the next sample."""
        recent = np.log(np.abs(self.errors).mean(axis=1) + np.float32(SILENT))
        self.drift = recent - self.expected[min(self.step // self.grain, len(self.expected) - 1)]
        self.size = np.exp(recent - self.pull * self.drift)

    def next(self) -> tuple[Array, Array, Array]:
        """Return what :func:`mixture.draw` wants to know of the next sample; to be called once between two samples.

        Returns:
            Outputs of the network, (n, 3 K), linear prediction, (n,), and the size that its error may be of, (n,).
        """
        x = self._first()
        channels = self.channels
        for number, (queue, taps, fixed, out) in enumerate(self.layers):
            place = self.step % len(queue)
            self.pair[:, :channels] = queue[place]
            self.pair[:, channels:] = x
            queue[place] = x
            x, z = self._through(self.pair, x, taps, fixed, out)
            self.gated[:, number * channels : (number + 1) * channels] = z
        read = np.maximum(self.gated @ self.skip[0] + self.skip[1], 0)
        read = np.maximum(read @ self.hidden[0] + self.hidden[1], 0)
        return read @ self.output[0] + self.output[1], self.predicted, self.size

    def generate(self, length: int, *, temperature: float, rng: Generator) -> Codes:
        """Draw codes one after the other, (n, length); the temperature as of :func:`mixture.draw`."""
        columns = []
        for _ in range(length):
            columns.append(mixture.draw(*self.next(), temperature, rng, self.levels))
            self.hear(columns[-1])
        return cast(Codes, np.stack(columns, axis=1))


def _array(tensor: Tensor | None) -> Array:
    assert tensor is not None  # the network's layers have a bias
    return np.array(tensor.detach().cpu().float().numpy(), order="C")  # a copy: what is trained later stays out
