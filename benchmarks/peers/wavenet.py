"""WaveNet as one writes it down from the paper: two dilated convolutions and two 1×1 convolutions a layer.

Both networks take the place of :class:`sdg_lab.models.waveforms.network.Network` in a WaveNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.models.waveforms.mu_law import LEVELS
from sdg_lab.models.waveforms.network import GatedLayer, Heard, Network, Note


class PlainLayer(nn.Module):
    """A gated layer with a convolution each for filter, gate, residual stream and skip connection (section 2.3)."""

    def __init__(self, channels: int, dilation: int, skip: int, condition: int) -> None:
        super().__init__()
        self.filter = nn.Conv1d(channels, channels, kernel_size=2, dilation=dilation, bias=False)
        self.gate = nn.Conv1d(channels, channels, kernel_size=2, dilation=dilation, bias=False)
        self.filter_condition, self.gate_condition = nn.Linear(condition, channels), nn.Linear(condition, channels)
        self.residual = nn.Conv1d(channels, channels, kernel_size=1)
        self.skip = nn.Conv1d(channels, skip, kernel_size=1, bias=False)

    def forward(self, x: Tensor, h: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return the stream, and what the last ``length`` samples add to the output."""
        filtered = self.filter(x) + self.filter_condition(h)[:, :, None]
        gate = self.gate(x) + self.gate_condition(h)[:, :, None]
        z = torch.tanh(filtered) * torch.sigmoid(gate)
        return x[:, :, -z.shape[2] :] + self.residual(z), self.skip(z[:, :, -length:])


class PlainStack(nn.Module):
    """The layers, one after the other; what they add to the output is summed."""

    def __init__(self, channels: int, dilations: Sequence[int], skip: int, condition: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(PlainLayer(channels, dilation, skip, condition) for dilation in dilations)
        self.bias = nn.Parameter(torch.zeros(skip))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """Map the stream, (n, channels, T), to the sum of the skip connections, (n, skip, T - Σ dilations)."""
        length = x.shape[2] - sum(layer.filter.dilation[0] for layer in cast(list[PlainLayer], self.layers))
        total = self.bias[None, :, None]
        for layer in self.layers:
            x, skip = layer(x, h, length)
            total = total + skip
        return total

    @torch.no_grad()
    def take_over(self, network: Network) -> None:
        """Become the same function as the layers of ours."""
        channels = network.entry.out_channels
        self.bias.copy_(network.skip.bias)
        skips = torch.split(network.skip.weight, channels, dim=1)
        for ours, layer, skip in zip(cast(list[GatedLayer], network.layers), self.layers, skips, strict=True):
            plain = cast(PlainLayer, layer)
            taps = torch.stack([ours.before, ours.now], dim=2)
            for convolution, condition, rows in (
                (plain.filter, plain.filter_condition, slice(None, channels)),
                (plain.gate, plain.gate_condition, slice(channels, None)),
            ):
                convolution.weight.copy_(taps[rows])
                condition.weight.copy_(ours.condition.weight[rows])
                condition.bias.copy_(ours.condition.bias[rows])
            plain.residual.load_state_dict(ours.out.state_dict())
            plain.skip.weight.copy_(skip[:, :, None])


class PlainLayers(Network):
    """Our input and output around plain layers: the same function as the network that it is made of."""

    def __init__(self, ours: Network, **sizes: Any) -> None:
        super().__init__(**sizes)
        self.load_state_dict(ours.state_dict())
        self.field = super().receptive_field
        self.stack = PlainStack(sizes["channels"], sizes["dilations"], sizes["skip"], sizes["condition"])
        self.stack.take_over(ours)
        del self.layers, self.skip  # the stack has them

    @property
    def receptive_field(self) -> int:
        """As before."""
        return self.field

    def outputs(self, heard: Heard, note: Note) -> Tensor:
        """Return the outputs, as :meth:`Network.outputs`."""
        read = F.relu(self.stack(heard.x, note.h)).transpose(1, 2)
        return cast(Tensor, self.output(F.relu(self.hidden(read))))


class PublishedNetwork(nn.Module):
    """The network of the paper: a vector for each of 256 codes, a causal convolution, layers, 256 logits.

    Args:
        channels: width of the residual stream.
        dilations: of the layers.
        skip: width of the two layers that read them.
        condition: width of what each row is conditioned on.
    """

    def __init__(self, *, channels: int, dilations: Sequence[int], skip: int, condition: int) -> None:
        super().__init__()
        self.receptive_field = 2 + sum(dilations)
        self.embedding = nn.Embedding(LEVELS, channels)
        self.entry = nn.Conv1d(channels, channels, kernel_size=2)
        self.stack = PlainStack(channels, dilations, skip, condition)
        self.hidden, self.output = nn.Conv1d(skip, skip, kernel_size=1), nn.Conv1d(skip, LEVELS, kernel_size=1)

    def log_prob(self, codes: Tensor, note: Note) -> Tensor:
        """Return the log-probability of each code after a whole field, nats, (n, T - field)."""
        x = self.entry(self.embedding(codes[:, :-1].long()).transpose(1, 2))
        logits = self.output(F.relu(self.hidden(F.relu(self.stack(x, note.h)))))
        return -F.cross_entropy(logits, codes[:, -logits.shape[2] :].long(), reduction="none")
