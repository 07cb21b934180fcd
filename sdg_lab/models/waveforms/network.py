"""The network of a WaveNet: causal dilated convolutions with gates, read by skip connections.

Van den Oord et al., *WaveNet: A Generative Model for Raw Audio* (2016), section 2. A layer of dilation d sees the
stream now and d samples ago; with dilations 1, 2, 4, …, 2^(L-1) the last layer sees 2^L samples with only L layers:

    z = tanh(W_f * x + V_f h) ⊙ σ(W_g * x + V_g h)        (eq. 3)
    next x = x + W_o z

Every z is kept for the output, which reads all of them at once, and says where the next sample lies from where a linear
prediction puts it, in units of the wave's recent steps: the network learns what linear prediction does not know. Two
choices make it quick on a CPU and change nothing else: each layer computes filter and gate in one product, and the skip
connections' products are one, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.waveforms import mixture
from sdg_lab.models.waveforms.mu_law import LEVELS, decode

STILL = 3e-4
"""Added to the mean size of the recent steps: in silence there are none."""


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
        """Map (n, channels, T) to the stream and the gated values, both (n, channels, T - dilation).

        Args:
            x: the residual stream.
            h: what each row is conditioned on, (n, condition).
        """
        now = x[:, :, self.dilation :]
        both = self.now @ now + self.before @ x[:, :, : -self.dilation] + self.condition(h)[:, :, None]
        filtered, gate = both.chunk(2, dim=1)
        z = torch.tanh(filtered) * torch.sigmoid(gate)
        return now + self.out(z), z


class Network(nn.Module):
    """Codes in, what the next sample may be out.

    Args:
        taps: samples that the first convolution and the linear prediction see.
        channels: width of the residual stream.
        dilations: of the layers, in order.
        skip: width of the two layers that read them.
        components: of the mixture of logistics.
        condition: width of what each row is conditioned on.
        dropout: share of the gated values that the output does not see in training.

    Attributes:
        prediction: coefficients of the linear prediction, the oldest sample's first, (taps,).
    """

    waves: Tensor
    edges: Tensor

    def __init__(
        self,
        taps: int,
        channels: int,
        dilations: Sequence[int],
        skip: int,
        components: int,
        condition: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.taps = taps
        self.prediction = nn.Parameter(torch.empty(taps))
        self.entry = nn.Conv1d(2, channels, kernel_size=taps)
        self.layers = nn.ModuleList(GatedLayer(channels, dilation, condition) for dilation in dilations)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Linear(channels * len(self.layers), skip)
        self.hidden = nn.Linear(skip, skip)
        self.output = nn.Linear(skip, 3 * components)
        codes = torch.arange(LEVELS)
        self.register_buffer("waves", torch.from_numpy(decode(codes.numpy())), persistent=False)
        self.register_buffer("edges", mixture.edges(), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Let the prediction be the last sample, until it is told better."""
        with torch.no_grad():
            self.prediction.zero_()
            self.prediction[-1] = 1

    @property
    def receptive_field(self) -> int:
        """Samples that the next one depends on: taps + Σ dilations."""
        return self.taps + sum(layer.dilation for layer in cast(list[GatedLayer], self.layers))

    def forward(self, codes: Tensor, h: Tensor) -> Tensor:
        """Return the outputs for the sample after each that sees a whole field, (n, T) -> (n, T - field + 1, 3 K).

        Args:
            codes: whole numbers 0 … 255.
            h: what each row is conditioned on, (n, condition).
        """
        x = self.entry(torch.stack([self.waves[codes.long()], 2 / (LEVELS - 1) * codes - 1], dim=1))
        length = codes.shape[1] - self.receptive_field + 1
        gated = []
        for layer in self.layers:
            x, z = layer(x, h)
            gated.append(z[:, :, -length:])
        read = F.relu(self.skip(self.dropout(torch.cat(gated, dim=1).transpose(1, 2))))
        return cast(Tensor, self.output(F.relu(self.hidden(read))))

    def log_prob(self, codes: Tensor, h: Tensor) -> Tensor:
        """Return the log-probability of each code that comes after a whole field, nats, (n, T) -> (n, T - field)."""
        outputs = self(codes[:, :-1], h)
        length = outputs.shape[1]
        past = self.waves[codes[:, -length - self.taps : -1].long()].unfold(1, self.taps, 1)
        step = past.diff(dim=-1).abs().mean(dim=-1) + STILL
        return mixture.log_prob(codes[:, -length:], outputs, past @ self.prediction, step, self.edges)
