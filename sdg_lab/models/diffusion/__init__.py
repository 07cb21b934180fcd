"""Diffusion: from noise to images, step by step."""

from sdg_lab.models.diffusion.ddpm import Diffusion

__all__ = [
    "Diffusion",
]
