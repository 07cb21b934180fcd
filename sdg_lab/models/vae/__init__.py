"""Variational autoencoders."""

from sdg_lab.models.vae.model import VAE

__all__ = [
    "VAE",
]
