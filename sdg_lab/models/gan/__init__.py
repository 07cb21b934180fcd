"""Generative adversarial networks: a generator and a discriminator."""

from sdg_lab.models.gan.model import GAN

__all__ = [
    "GAN",
]
