"""What a recipe or a stage is, in words that JSON has: a run is known by them, and its data card shows them."""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MAX_SAID = 32
"""A list of more entries is described by their number, the first, and a checksum."""


def describe(thing: object) -> Any:
    """Return what a recipe or a stage is, as JSON can say it: its name, and its parameters where it has some.

    Those of a dataclass are its fields, those of a :func:`functools.partial` what it was given, those of a function
    made by another one what that one left in it. A function of a notebook or a script has a checksum of its code, too
    (without comments): there it is changed and run again, and would meet what its former self has decided.
    """
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        parameters: Mapping[str, Any] = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    elif isinstance(thing, functools.partial):
        parameters = {**{str(place): value for place, value in enumerate(thing.args)}, **thing.keywords}
    elif inspect.isfunction(thing):
        found = inspect.getclosurevars(thing).nonlocals  # but no list that it fills, or other memory
        parameters = {name: value for name, value in found.items() if isinstance(value, (bool, int, float, str, tuple))}
    else:
        parameters = {}
    said = {name: _said(value) for name, value in parameters.items()}
    if inspect.isfunction(thing) and thing.__module__ == "__main__" and (code := _checksum(thing)):
        said["code"] = code
    return {"name": name_of(thing), **said} if said else name_of(thing)


def _checksum(function: Callable[..., Any]) -> str:
    """Return a checksum of what a function says; empty where its text is not to be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ""
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:8]


def name_of(thing: object) -> str:
    """Return the name of a function, or of an object's class."""
    if isinstance(thing, functools.partial):
        return name_of(thing.func)
    return str(getattr(thing, "__name__", type(thing).__name__))


def _said(value: Any) -> Any:
    """Return a parameter as JSON can say it; of what JSON cannot say, what it is."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _said(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        said = [_said(inner) for inner in value]
        if len(said) <= MAX_SAID:
            return said
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        return {"how many": len(said), "first": said[0], "sha256": digest}
    return str(value) if isinstance(value, Path) else describe(value)
