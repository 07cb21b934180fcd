"""Recipes by name: a file in ``recipes/`` is a recipe, and bears its name. Nobody registers anything."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from sdg_lab.checks import did_you_mean, one_of
from sdg_lab.distill.pipeline import Recipe
from sdg_lab.distill.teacher import Options

PACKAGE = "sdg_lab.distill.recipes"


def names(package: str | None = None) -> list[str]:
    """Return the names of all recipes; none of them is loaded."""
    there = importlib.import_module(package or PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(there.__path__))


def make(name: str, parameters: Mapping[str, Any], package: str | None = None) -> Recipe:
    """Return the recipe of this name with these parameters.

    A file makes its recipe by its function ``recipe``; without one, by the one class in it that has ``rounds``. A
    parameter that is a mapping where :class:`~sdg_lab.distill.teacher.Options` are wanted is taken for them.

    Raises:
        ValueError: if there is no such recipe, it has no such parameter (the nearest is named), or it refuses a value.
    """
    name = one_of("recipe", name, names(package))
    maker = _maker(f"{package or PACKAGE}.{name}")
    if maker is None:
        raise ValueError(f"the recipe {name} is made in Python only: it needs more than names and numbers")
    wanted = inspect.signature(maker).parameters
    _known(f"the recipe {name}", parameters, wanted)
    given = {key: _options(key, value, wanted[key]) for key, value in parameters.items()}
    missing = [key for key, p in wanted.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if missing := [key for key in missing if key not in given]:
        raise ValueError(f"the recipe {name} wants {', '.join(missing)}; give it below 'parameters:'")
    try:
        made = maker(**given)
    except ValueError:
        raise  # its own sentence
    except Exception as error:  # a value of another type, which its own checks have stumbled over
        raise ValueError(f"the recipe {name} cannot be made of these parameters: {error}") from None
    if not isinstance(made, Recipe):
        raise ValueError(f"the recipe {name} is a {type(made).__name__}, which proposes no rounds")
    return made


def _maker(module: str) -> Callable[..., Any] | None:
    there = importlib.import_module(module)
    if function := getattr(there, "recipe", None):
        return function  # type: ignore[no-any-return]
    classes = [
        thing
        for thing in vars(there).values()
        if inspect.isclass(thing) and thing.__module__ == module and hasattr(thing, "rounds")
    ]
    return classes[0] if len(classes) == 1 else None


def _options(name: str, value: Any, parameter: inspect.Parameter) -> Any:
    wants = isinstance(parameter.default, Options) or "Options" in str(parameter.annotation)
    if not wants or value is None:
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be names with values, such as {{temperature: 0.7}}, got {value!r}")
    _known(name, value, inspect.signature(Options).parameters)
    lists: dict[str, Any] = {key: tuple(inner) if isinstance(inner, list) else inner for key, inner in value.items()}
    return Options(**lists)


def _known(what: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"{what} has no parameter {key!r}{did_you_mean(key, known)}; it has {', '.join(known)}")
