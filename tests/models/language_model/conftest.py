"""A tiny language model in every test of this folder, and SmolLM2 itself, read once."""

from __future__ import annotations

import pytest

from sdg_lab.data import packages
from sdg_lab.models.language_model import LanguageModel
from tests.models.conftest import WriteGGUF


@pytest.fixture(scope="session")
def tiny(write_gguf: WriteGGUF) -> LanguageModel:
    return LanguageModel.from_gguf(write_gguf())


@pytest.fixture(scope="session")
def smollm2() -> LanguageModel:
    try:
        packages.language_model_file()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return LanguageModel.from_gguf()
