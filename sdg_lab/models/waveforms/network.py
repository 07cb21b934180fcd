"""The network of a WaveNet: causal dilated convolutions with gates, read by skip connections.

Van den Oord et al., *WaveNet: A Generative Model for Raw Audio* (2016), section 2. A layer of dilation d sees the
stream now and d samples ago; with dilations 1, 2, 4, …, 2^(L-1) the last layer sees 2^L samples with only L layers:

    z = tanh(W_f * x + V_f h) ⊙ σ(W_g * x + V_g h)        (eq. 3)
    next x = x + W_o z

Every z is kept for the output, which reads all of them at once, and says where the next sample lies from where a
linear prediction puts it, in units of that prediction's recent errors: the network learns what linear prediction does
not know.

What a note needs beside, it is told. Instrument and pitch decide the coefficients of the linear prediction, and the
network hears the errors of that prediction beside the wave, as in Valin & Skoglund, *LPCNet* (2019). A few clocks,
which run down from the note's start, let it begin and fade: local conditioning, in the words of the first paper.

Errors in units of the errors before them have a level that nothing holds: in generation each sample is drawn from what
the last ones were, and a trumpet fades like a piano. So the unit is pulled a little towards the size that the errors of
this note had at this moment in training, and the network hears how far from it they are.

Three choices make it quick on a CPU and change nothing else: time comes first within the layers, so that what a layer
sees d samples ago lies in one piece of memory; each layer computes filter and gate in one product; and the skip
connections' products are one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.mu_law import LEVELS, decode
from sdg_lab.models.waveforms.notes import SILENT

ERRORS = 32
"""Errors of the linear prediction that the first convolution sees, and that say how large the next may be."""


class GatedLayer(nn.Module):
    """A causal convolution of two taps, ``dilation`` samples apart, through a gate, on a residual stream."""

    def __init__(self, channels: int, dilation: int, condition: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.before = nn.Parameter(torch.empty(2 * channels, channels))
        self.now = nn.Parameter(torch.empty(2 * channels, channels))
        self.condition = nn.Linear(condition, 2 * channels)
        self.out = nn.Conv1d(channels, channels, kernel_size=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights of both taps, as ``nn.Conv1d`` would."""
        for weight in (self.before, self.now):
            bound = (2 * weight.shape[1]) ** -0.5
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Map (T, n, channels) to the stream and the gated values, both (T - dilation, n, channels).

        Args:
            x: the residual stream, time first.
            h: what each row is conditioned on, (n, condition).
        """
        now = x[self.dilation :]
        both = F.linear(now, self.now) + F.linear(x[: -self.dilation], self.before) + self.condition(h)
        filtered, gate = both.chunk(2, dim=-1)
        z = torch.tanh(filtered) * torch.sigmoid(gate)
        return now + F.linear(z, self.out.weight[:, :, 0], self.out.bias), z


@dataclass(frozen=True)
class Note:
    """What is known of n sounds before they are heard.

    Attributes:
        h: what all layers are conditioned on, (n, condition).
        coefficients: of each one's linear prediction, the oldest sample's first, (n, taps).
        starts: which sample of its sound the first code is, (n,): negative in the silence before.
        expected: logarithm of the mean size of the prediction's errors in each grain of time, (n, grains); the last
            one goes on for ever.
    """

    h: Tensor
    coefficients: Tensor
    starts: Tensor
    expected: Tensor


@dataclass(frozen=True)
class Heard:
    """What a network sees of sounds before its layers, for each next sample that has heard enough of them.

    Attributes:
        x: the residual stream before the first layer, (n, channels, T - near + 1).
        predicted: the linear prediction, (n, T - near + 1).
        step: the size that its errors may be of now, (n, T - near + 1).
    """

    x: Tensor
    predicted: Tensor
    step: Tensor


class Network(nn.Module):
    """Codes in, what the next sample may be out.

    Args:
        taps: samples that the linear prediction sees.
        channels: width of the residual stream.
        dilations: of the layers, in order.
        skip: width of the two layers that read them.
        components: of the mixture of logistics.
        condition: width of what each row is conditioned on.
        clocks: samples in which each of the clocks runs down to 1/e.
        grain: samples for which the errors are expected to have one size.
        pull: weight of that size, beside the one that they have just had: a level that drifts is led back.
        dropout: share of the gated values that the output does not see in training.
        levels: of the codes.
    """

    waves: Tensor
    edges: Tensor
    clocks: Tensor

    def __init__(
        self,
        *,
        taps: int,
        channels: int,
        dilations: Sequence[int],
        skip: int,
        components: int,
        condition: int,
        clocks: Sequence[float],
        grain: int,
        pull: float = 0.0,
        dropout: float = 0.0,
        levels: int = LEVELS,
    ) -> None:
        super().__init__()
        self.taps, self.levels, self.grain, self.pull = taps, levels, grain, pull
        self.entry = nn.Conv1d(3, channels, kernel_size=ERRORS)
        self.clock = nn.Linear(len(clocks), channels, bias=False)
        self.layers = nn.ModuleList(GatedLayer(channels, dilation, condition) for dilation in dilations)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Linear(channels * len(self.layers), skip)
        self.hidden = nn.Linear(skip, skip)
        self.output = nn.Linear(skip, 3 * components)
        self.register_buffer("waves", torch.from_numpy(decode(np.arange(levels), levels)), persistent=False)
        self.register_buffer("edges", mixture.edges(levels), persistent=False)
        self.register_buffer("clocks", torch.tensor(clocks), persistent=False)

    @property
    def near(self) -> int:
        """Samples before the next that the first layer sees: of some errors, those before them, and a prediction."""
        return self.taps + 2 * ERRORS

    @property
    def receptive_field(self) -> int:
        """Samples that the next one depends on: those that the first layer sees, and Σ dilations."""
        return self.near + sum(layer.dilation for layer in cast(list[GatedLayer], self.layers))

    def forward(self, codes: Tensor, note: Note) -> Tensor:
        """Return the outputs for the sample after each that sees a whole field, (n, T) -> (n, T - field + 1, 3 K).

        Args:
            codes: whole numbers 0 … levels - 1.
            note: what is known of each row.
        """
        return self.outputs(self.hear(codes, note), note)

    def log_prob(self, codes: Tensor, note: Note) -> Tensor:
        """Return the log-probability of each code that comes after a whole field, nats, (n, T) -> (n, T - field)."""
        heard = self.hear(codes[:, :-1], note)
        outputs = self.outputs(heard, note)
        length = outputs.shape[1]
        place = heard.predicted[:, -length:], heard.step[:, -length:]
        return mixture.log_prob(codes[:, -length:], outputs, *place, self.edges)

    def hear(self, codes: Tensor, note: Note) -> Heard:
        """Predict linearly, and bring wave and errors to the residual stream."""
        waves = self.waves[codes.long()]
        predicted = (waves.unfold(1, self.taps, 1) @ note.coefficients[:, :, None])[:, :, 0]
        errors = waves[:, self.taps :] - predicted[:, :-1]
        recent = (F.avg_pool1d(errors.abs(), ERRORS, stride=1) + SILENT).log()
        expected = self.expected(note, recent.shape[1])
        drift = recent - expected
        step = torch.exp(recent - self.pull * drift)
        heard = [waves[:, self.taps + ERRORS :], errors[:, ERRORS:] / step[:, :-1], drift[:, :-1]]
        x = self.entry(torch.stack(heard, dim=1))
        x = x + self.clock(self.times(note.starts, x.shape[2])).transpose(1, 2)
        return Heard(x, predicted[:, 2 * ERRORS :], step[:, ERRORS:])

    def outputs(self, heard: Heard, note: Note) -> Tensor:
        """Return the outputs, (n, T - field + 1, 3 K)."""
        x, gated = heard.x.permute(2, 0, 1).contiguous(), []
        for layer in self.layers:
            x, z = layer(x, note.h)
            gated.append(z)
        seen = torch.cat([z[-len(x) :] for z in gated], dim=-1)
        outputs: Tensor = self.output(F.relu(self.hidden(F.relu(self.skip(self.dropout(seen))))))
        return outputs.transpose(0, 1)

    def expected(self, note: Note, length: int) -> Tensor:
        """Return log(expected size of the error) of each next sample after the first errors, (n, length)."""
        ages = note.starts[:, None] + self.taps + ERRORS + torch.arange(length, device=note.starts.device)
        grains = (ages.long().clamp(min=0) // self.grain).clamp(max=note.expected.shape[1] - 1)
        return note.expected.expand(len(grains), -1).gather(1, grains)

    def times(self, starts: Tensor, length: int) -> Tensor:
        """Return what the clocks say of each next sample, (n, length, clocks): 1 until a sound starts, then less."""
        ages = starts[:, None] + self.near + torch.arange(length, device=starts.device)
        return torch.exp(-ages.clamp(min=0)[:, :, None] / self.clocks)
