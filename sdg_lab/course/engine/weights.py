"""Models that were trained longer than a chapter may take: their weights ship with the notebooks.

A chapter's module declares ``WEIGHTS``, a function for each name that trains the model from nothing. ``sdg-lab train
NAME`` calls it and writes ``notebooks/weights/NAME.safetensors``; the chapter reads the file with ``course.weights``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from sdg_lab.course.engine import notebooks, registry


class Loadable(Protocol):
    """A kind of model that can be read from a file."""

    @classmethod
    def load(cls, path: str | Path) -> Self: ...  # noqa: D102 - said by the class


M = TypeVar("M", bound=Loadable)


def names() -> tuple[str, ...]:
    """Return the names of all weights that the chapters declare."""
    return tuple(name for number in registry.numbers() for name in registry.weights(number))


def path(name: str) -> Path:
    """Return where these weights lie, or would lie."""
    return notebooks.folder() / notebooks.WEIGHTS / f"{name}.safetensors"


def load(name: str, kind: type[M]) -> M:
    """Read trained weights.

    Args:
        name: as the chapter declares it, such as ``"05-mnist"``.
        kind: the model's class.

    Raises:
        KeyError: if no chapter declares this name.
        FileNotFoundError: if they were not trained yet; the message says how.
    """
    _maker(name)
    if not path(name).is_file():
        raise FileNotFoundError(f"{notebooks.WEIGHTS}/{name}.safetensors is not there; train it: sdg-lab train {name}")
    return kind.load(path(name))


def train(name: str) -> Path:
    """Train a model from nothing and put its weights in place of those that were there; return the file.

    Raises:
        KeyError: if no chapter declares this name.
    """
    model = _maker(name)()
    path(name).parent.mkdir(exist_ok=True)
    model.save(path(name))
    return path(name)


def _maker(name: str) -> Any:
    number = name[:2]
    there = registry.weights(number) if number in registry.numbers() else {}
    if name not in there:
        raise registry.UnknownError(f"no weights {name!r}; there are {', '.join(names()) or 'none'}")
    return there[name]
