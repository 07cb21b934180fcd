"""Options that are declared once and taken by several functions: shown by ``help``, refused by name when mistyped."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from sdg_lab.checks import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")


def takes(kind: type, defaults: Mapping[str, Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a method's ``**options`` be the fields of ``kind``: its signature and its docstring show each of them.

    The method itself is called with every option, those that its caller left out at their default.

    Args:
        kind: a TypedDict or dataclass whose annotations are the options' names and types; its docstring explains them
            under "Attributes:".
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
        keyword = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
        shown = [keyword(n, default=_shown(defaults[n]), annotation=fields[n]) for n in fields]
        known = {p.name for p in own} | set(fields)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            _refuse_unknown(function, args, kwargs, known)
            return function(*args, **{**defaults, **kwargs})

        checked.__signature__ = signature.replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
        checked.__doc__ = _explained(inspect.cleandoc(function.__doc__ or "Choose the options."), kind)
        return checked

    return decorate


def known(function: Callable[P, R]) -> Callable[P, R]:
    """Let a method whose options are all in its signature refuse others as :func:`takes` does."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return function  # it hands options on, and whoever takes them knows them
    names = set(parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        _refuse_unknown(function, args, kwargs, names)
        return function(*args, **kwargs)

    return checked


def _refuse_unknown(function: Any, args: Any, kwargs: Mapping[str, Any], known: set[str]) -> None:
    for name in kwargs.keys() - known:
        owner = type(args[0]).__name__
        where = owner if function.__name__ == "__init__" else f"{owner}.{function.__name__}"
        fit = getattr(args[0], "fit", None)
        if where == owner and fit is not None and name in inspect.signature(fit).parameters:
            raise TypeError(f"{where} has no option {name!r}; its fit has one of this name")
        raise TypeError(f"{where} has no option {name!r}{did_you_mean(name, known - {'self'})}")


class _Name(str):
    """A text that is shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _shown(default: Any) -> Any:
    """Return a default as a signature shall show it: a function by its name and not by its address."""
    return _Name(getattr(default, "__qualname__", default)) if callable(default) else default


def _explained(doc: str, kind: type) -> str:
    """Return a docstring that explains the options in the place of its ``recipe:`` or ``options:``, or at its end."""
    _, _, about = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    listed = about.partition("\n\n")[0].rstrip()
    said, found = re.subn(r"^ {4}(recipe|options): .*(\n {5,}.*)*", lambda _: listed, doc, count=1, flags=re.MULTILINE)
    return said if found else f"{doc}\n\nArgs:\n{listed}\n"
