"""A real language model, read from its file."""

from sdg_lab.models.language_model.model import LanguageModel

__all__ = [
    "LanguageModel",
]
