"""Packages that only some uses need: where one is missing, a sentence says which command brings it.

Which use needs which package is declared once, in pyproject.toml. :func:`explain_missing` has Python ask here last,
when nobody has found a module; so a plain ``import torch`` in this package is refused with the sentence, and what
other libraries look for, found or not, is none of our business.
"""

from __future__ import annotations

import os
import shlex
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "sdg-lab"


def shown(path: str, system: str = os.name) -> str:
    """Return a path as one pastes it into a shell: in quotes where it has a space, say."""
    if system == "nt":
        return f'"{path}"' if " " in path else path
    return shlex.quote(path)


PIP = f"{shown(sys.executable)} -m pip install"
"""Said in full: outside an activated environment a bare ``python`` is another one."""

_OTHER_NAMES = {"PIL": "pillow"}


def command(extra: str) -> str:
    """Return what a person types to install an extra."""
    return f'{PIP} "{DISTRIBUTION}[{extra}]"'


def names() -> list[str]:
    """Return the extras; none where the project was never installed."""
    return _declared("Provides-Extra")


def requirements(extra: str = "") -> list[Requirement]:
    """Return what an extra declares, or the base."""
    from packaging.requirements import Requirement

    lines = [Requirement(line) for line in _declared("Requires-Dist")]
    base = [line for line in lines if line.marker is None or line.marker.evaluate({"extra": ""})]
    if not extra:
        return base
    return [line for line in lines if line not in base and line.marker and line.marker.evaluate({"extra": extra})]


def wanted_by(module: str) -> str | None:
    """Return the smallest extra that brings the package of a module; None if none does."""
    package = _OTHER_NAMES.get(module, module).lower().replace("_", "-")
    wants = {extra: [requirement.name for requirement in requirements(extra)] for extra in names()}
    return min((extra for extra in wants if package in wants[extra]), key=lambda extra: len(wants[extra]), default=None)


def _declared(field: str) -> list[str]:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        return metadata(DISTRIBUTION).get_all(field) or []
    except PackageNotFoundError:
        return []


class _Explainer:
    """Finds nothing; refuses what this package imports and an extra would bring."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if path is not None or name == "packaging" or _importer(sys._getframe(1)) != "sdg_lab":
            return  # packaging reads what is wanted: without it nothing can be said
        if extra := wanted_by(name):
            raise ModuleNotFoundError(f"{name} is not installed; run: {command(extra)}", name=name)


def explain_missing() -> None:
    """Say what to install when this package imports what is missing."""
    sys.meta_path.append(_Explainer())


def _importer(frame: FrameType | None) -> str:
    """Return the package whose import statement is being carried out."""
    while frame and frame.f_code.co_filename.startswith("<frozen importlib._bootstrap"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).split(".")[0] if frame else ""
