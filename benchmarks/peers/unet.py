"""Other people's U-Nets of about as many parameters, made to be called like ours."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from torch import Tensor, nn

from sdg_lab.models.diffusion import Diffusion
from sdg_lab.training import n_parameters

WIDTHS, UNSHUFFLE, TIMESTEPS = (48, 96), 2, 200
"""Of the U-Net and the process that chapter 05 trains on MNIST."""


class Adapter(nn.Module):
    """A peer's network, called with time in [0, 1] as ours is, and given t in 0…1000 as it expects."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, time: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the network's answer, like x."""
        out = self.network(x, 1000 * time)
        return cast(Tensor, out if isinstance(out, Tensor) else out.sample)


def models() -> dict[str, Diffusion]:
    """Return the same diffusion process and loss around each network, by a name that says its size; ours is first."""
    named = {"ours": _diffusion()}
    for name, network in (
        ("denoising-diffusion-pytorch Unet", _denoising_diffusion_pytorch()),
        ("diffusers UNet2DModel", _diffusers()),
    ):
        model = _diffusion()
        model.network = Adapter(network)
        named[f"{name}, {n_parameters(network):,} parameters"] = model
    return named


def _diffusion() -> Diffusion:
    """28×28 is a multiple of what each network divides it by, so that no image has to be padded."""
    return Diffusion((1, 28, 28), architecture="unet", widths=WIDTHS, unshuffle=UNSHUFFLE, timesteps=TIMESTEPS)


def _diffusers() -> nn.Module:
    """Two resolutions as ours, widths that are kind to this processor, attention in the middle as it comes."""
    from diffusers.models.unets.unet_2d import UNet2DModel

    return UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
    )


def _denoising_diffusion_pytorch() -> nn.Module:
    """Its smallest usual shape: the widths 16, 32 and 64, linear attention at each resolution as it comes."""
    with _stand_ins("torchvision", "accelerate", "ema_pytorch", "pytorch_fid.inception", "pytorch_fid.fid_score"):
        from denoising_diffusion_pytorch.denoising_diffusion_pytorch import Unet
    return cast(nn.Module, Unet(dim=16, dim_mults=(1, 2, 4), channels=1))


@contextmanager
def _stand_ins(*names: str) -> Iterator[None]:
    """Let a package be imported whose trainer asks for packages that its network never touches and that are not here.

    The stand-ins are taken away again, so that nobody else believes the packages to be installed.
    """
    made = [part for name in names for part in ([name.split(".")[0], name] if "." in name else [name])]
    made = [name for name in dict.fromkeys(made) if name not in sys.modules]
    for name in made:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__getattr__ = lambda _: object  # type: ignore[method-assign]
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]
