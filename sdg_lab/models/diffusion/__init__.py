"""Diffusion and flow matching: from noise to images, step by step."""

from sdg_lab.models.diffusion.ddpm import Diffusion
from sdg_lab.models.diffusion.flow_matching import FlowMatching

__all__ = [
    "Diffusion",
    "FlowMatching",
]
