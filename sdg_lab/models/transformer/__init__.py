"""Transformers: attention, and the GPT built around it."""

from sdg_lab.models.transformer.config import TransformerConfig
from sdg_lab.models.transformer.gpt import GPT, Transformer

__all__ = [
    "GPT",
    "Transformer",
    "TransformerConfig",
]
