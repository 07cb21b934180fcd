"""Options that are declared once and taken by several functions: shown by ``help``, refused by name when mistyped."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from sdg_lab.checks import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")


def takes(kind: type, defaults: Mapping[str, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a method's ``**options`` be the fields of ``kind``: they appear in its signature, with their defaults.

    The method itself is called with every option, those that its caller left out at their default.

    Args:
        kind: a TypedDict or dataclass whose annotations are the options' names and types.
        defaults: the value of each option that is not given.

    Raises:
        TypeError: when the method is called with an option that does not exist; the message names the class, and the
            nearest option that does.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        declared = inspect.get_annotations(kind)
        fields = {name: getattr(declared[name], "__forward_arg__", declared[name]) for name in defaults}
        shown = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation)
            for name, annotation in fields.items()
        ]
        known = {p.name for p in own} | set(fields)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs.keys() - known:
                owner = type(args[0]).__name__
                where = owner if function.__name__ == "__init__" else f"{owner}.{function.__name__}"
                raise TypeError(f"{where} has no option {name!r}{did_you_mean(name, known - {'self'})}")
            return function(*args, **{**defaults, **kwargs})

        checked.__signature__ = signature.replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
        return checked

    return decorate
