"""A small U-Net: down to few pixels and many channels, up again, with skip connections between equal sizes.

Ronneberger, Fischer & Brox (2015); with time embedding and residual blocks as in DDPM (Ho et al. 2020), the time acting
as a scale and a shift on normalised features as in Dhariwal & Nichol (2021). Two choices make it quick on a CPU: a
pixel-unshuffle may turn 2×2 pixels into four channels first, so that all convolutions run on a quarter of the places,
and skip connections are added, not concatenated, which halves the widest convolutions. At the coarsest level the skip
connection adds the features to themselves, which carries nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import whole
from sdg_lab.models.diffusion.mlp import Condition
from sdg_lab.models.images import check_divisible, wholes

GROUP = 16
"""Channels that are normalised together."""


class ZeroConv2d(nn.Conv2d):
    """A zero-initialised convolution: a residual block is the identity at first, so that depth costs nothing."""

    def reset_parameters(self) -> None:
        """Set weights and biases to zero."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class ResidualBlock(nn.Module):
    """Two convolutions with a residual connection around them; time and label scale and shift what lies between."""

    def __init__(self, few: int, many: int, condition: int) -> None:
        super().__init__()
        self.norm_in, self.norm_out = _norm(few), _norm(many, affine=False)
        self.conv_in = nn.Conv2d(few, many, kernel_size=3, padding=1)
        self.conv_out = ZeroConv2d(many, many, kernel_size=3, padding=1)
        self.scale_shift = nn.Linear(condition, 2 * many)
        self.around = nn.Conv2d(few, many, kernel_size=1) if few != many else nn.Identity()

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Map (n, few, h, w) to (n, many, h, w)."""
        h = self.conv_in(F.silu(self.norm_in(x)))
        scale, shift = self.scale_shift(code)[:, :, None, None].chunk(2, dim=1)
        h = self.norm_out(h) * (1 + scale) + shift
        return cast(Tensor, self.around(x) + self.conv_out(F.silu(h)))


class UNet(nn.Module):
    """The network of a diffusion model of images.

    Args:
        shape: of an image: (channels, height, width).
        widths: channels at each resolution, the finest first; height and width are halved between them.
        unshuffle: side of the squares of pixels that become channels before anything else; 1 for none.
        classes: number of labels, or None.

    Raises:
        ValueError: for sizes that cannot be halved so often, and for widths that are no multiples of 16.
    """

    def __init__(
        self,
        shape: Sequence[int] = (1, 28, 28),
        widths: Sequence[int] = (32, 64),
        *,
        unshuffle: int = 1,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.unshuffle, widths = (
            wholes("shape", shape),
            whole("unshuffle", unshuffle, least=1),
            tuple(widths),
        )
        if not widths or any(width < GROUP or width % GROUP for width in widths):
            raise ValueError(f"widths must be multiples of {GROUP}, one for each resolution, got {widths}")
        factor = unshuffle * 2 ** (len(widths) - 1)
        less = " and ".join(["fewer widths"] * (len(widths) > 1) + ["a smaller unshuffle"] * (unshuffle > 1))
        many = f"{len(widths)} resolution{'s' * (len(widths) > 1)}"
        check_divisible(shape, factor, f"unshuffle={unshuffle} and {many}", f"give {less}" if less else "")
        channels, condition = shape[0] * unshuffle**2, 4 * widths[0]
        self.condition = Condition(condition, classes)
        self.entry = nn.Conv2d(channels, widths[0], kernel_size=3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(widths):
            if i:
                self.shrink.append(nn.Conv2d(widths[i - 1], width, kernel_size=3, stride=2, padding=1))
                self.grow.append(nn.Conv2d(width, widths[i - 1], kernel_size=3, padding=1))
            self.down.append(ResidualBlock(width, width, condition))
            self.up.append(ResidualBlock(width, width, condition))
        self.norm = _norm(widths[0])
        self.exit = ZeroConv2d(widths[0], channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Return one number for each pixel, (n, channels, height, width).

        Raises:
            ValueError: for images of another shape.
        """
        if x.shape[1:] != self.shape:
            raise ValueError(f"the images have shape {tuple(x.shape[1:])}, this U-Net was made for {self.shape}")
        code = self.condition(time, y)
        h = self.entry(F.pixel_unshuffle(x, self.unshuffle))
        skips = []
        for i, block in enumerate(self.down):
            if i:
                h = self.shrink[i - 1](h)
            h = block(h, code)
            skips.append(h)
        for i in reversed(range(len(self.up))):
            h = self.up[i](h + skips[i], code)
            if i:
                h = self.grow[i - 1](F.interpolate(h, scale_factor=2.0))
        return F.pixel_shuffle(self.exit(F.silu(self.norm(h))), self.unshuffle)


def _norm(channels: int, *, affine: bool = True) -> nn.GroupNorm:
    return nn.GroupNorm(channels // GROUP, channels, affine=affine)
