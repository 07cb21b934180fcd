"""Transformers: attention, and the GPT built around it."""

from sdg_lab.models.transformer.network import GPT, Transformer

__all__ = [
    "GPT",
    "Transformer",
]
