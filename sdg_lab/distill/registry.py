"""Recipes by name: a file in ``recipes/`` that proposes rounds is a recipe, and bears its name. Nobody registers.

The other files there are ways of training a student on what was made, and write no data.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdg_lab.checks import did_you_mean, number, one_of, several, truth, whole
from sdg_lab.distill.pipeline import Recipe
from sdg_lab.distill.teacher import Options

PACKAGE = "sdg_lab.distill.recipes"


def names(package: str | None = None) -> list[str]:
    """Return the names of all recipes; none of them is loaded."""
    return sorted(name for name, recipe in _files(package or PACKAGE).items() if recipe)


def _files(package: str) -> dict[str, bool]:
    """Return the name of each file, and whether it is a recipe: it has a function ``recipe``, or one ``rounds``."""
    folders = importlib.import_module(package).__path__
    files = {module.name: Path(folder, f"{module.name}.py") for folder in folders for module in _modules(folder)}
    makes = re.compile(r"^(def recipe|    def rounds)\(", flags=re.MULTILINE)
    return {name: bool(makes.search(path.read_text(encoding="utf-8"))) for name, path in files.items()}


def _modules(folder: str) -> Iterable[pkgutil.ModuleInfo]:
    return (module for module in pkgutil.iter_modules([folder]) if not module.ispkg)


def make(name: str, parameters: Mapping[str, Any], package: str | None = None) -> Recipe:
    """Return the recipe of this name with these parameters.

    A file makes its recipe by its function ``recipe``; without one, by the one class in it that has ``rounds``. A
    parameter that is a mapping where :class:`~sdg_lab.distill.teacher.Options` are wanted is taken for them. Where
    objects of Python are wanted, such as tasks, the path of their file stands for them.

    Raises:
        OSError: if a file that a parameter names cannot be read.
        ValueError: if there is no such recipe, it has no such parameter (the nearest is named), or a value is of
            another type or is refused.
    """
    there = names(package)
    if isinstance(name, str) and name not in there and name in _files(package or PACKAGE):
        raise ValueError(
            f"{name} is a way of training a student, and writes no data: see {package or PACKAGE}.{name} in Python; "
            f"recipes that write data are {', '.join(there)}"
        )
    name = one_of("recipe", name, there)
    maker = _maker_of(name, package or PACKAGE)
    wanted = inspect.signature(maker).parameters
    _known(f"the recipe {name}", parameters, wanted, f"; sdg-lab distill --describe {name} says what they are")
    kinds = _kinds(maker)
    given = {key: _options(key, value, wanted[key]) for key, value in parameters.items()}
    for key, value in given.items():
        _check(key, value, kinds.get(key, Any))
    missing = [key for key, p in wanted.items() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if missing := [key for key in missing if key not in given]:
        raise ValueError(f"the recipe {name} wants {', '.join(missing)}; give it below 'parameters:'")
    try:
        made = maker(**given)
    except (ValueError, OSError):
        raise  # its own sentence, or the system's
    except Exception as error:  # a value of another type, which its own checks have stumbled over
        raise ValueError(f"the recipe {name} cannot be made of these parameters: {error}") from None
    if not isinstance(made, Recipe):
        raise ValueError(f"the recipe {name} is a {type(made).__name__}, which proposes no rounds")
    return made


def described(name: str, package: str | None = None) -> str:
    """Return what a recipe is, and each of its parameters with its default and what its docstring says of it.

    Raises:
        ValueError: if there is no such recipe, or a file cannot make it.
    """
    package = package or PACKAGE
    name = one_of("recipe", name, names(package))
    maker = _maker_of(name, package)
    entries = dataclasses.fields(maker) if inspect.isclass(maker) and dataclasses.is_dataclass(maker) else ()
    factories = {f.name: f.default_factory for f in entries}
    said: dict[str, str] = {}
    for one in reversed(inspect.getmro(maker) if inspect.isclass(maker) else [maker]):  # fields are inherited
        said |= _said(inspect.getdoc(one) or "")
    lines = []
    for key, parameter in inspect.signature(maker).parameters.items():
        factory: Any = factories.get(key, dataclasses.MISSING)
        default = parameter.default if factory is dataclasses.MISSING else factory()
        lines.append(f"  {key}: {'to be given' if default is parameter.empty else _short(default)}")
        lines += textwrap.wrap(said.get(key, ""), 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
    title = (inspect.getdoc(importlib.import_module(f"{package}.{name}")) or name).partition("\n")[0]
    return "\n".join([title, "", "parameters:", *lines])


def _said(docstring: str) -> dict[str, str]:
    """Return what a docstring says of each parameter; several may share one entry: ``least, most: words``."""
    found: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?: .*\n?|\n)+)", docstring, flags=re.MULTILINE):
        for keys, text in re.findall(r"^ {4}(\w[\w, ]*): (.+(?:\n {5,}.+)*)", section, flags=re.MULTILINE):
            found |= dict.fromkeys(keys.split(", "), " ".join(re.sub(r":\w+:(?=`)|`", "", text).split()))
    return found


def _short(default: Any) -> str:
    """Return a default in one line, as a file would say it as far as it can."""
    if isinstance(default, Options):
        default = default.given()
    text = "null" if default is None else str(default).lower() if isinstance(default, bool) else repr(default)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


MOST_SHOWN = 88
"""Characters of a default."""


def _maker_of(name: str, package: str) -> Callable[..., Any]:
    """Return what makes a recipe of parameters, or refuse one that a file cannot make."""
    maker = _maker(f"{package}.{name}")
    if maker is None:
        raise ValueError(f"the recipe {name} is made in Python only: it needs more than names and numbers")
    return maker


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
    if not wants or (value is None and "None" in str(parameter.annotation)):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be names with values, such as {{temperature: 0.7}}, got {value!r}")
    _known(name, value, inspect.signature(Options).parameters)
    for key, inner in value.items():
        _check(f"{name}.{key}", inner, _kinds(Options)[key])
    lists: dict[str, Any] = {key: tuple(inner) if isinstance(inner, list) else inner for key, inner in value.items()}
    return Options(**lists)


def _known(what: str, given: Mapping[str, Any], known: Mapping[str, Any], more: str = "") -> None:
    for key in given:
        if key not in known:
            has = ", ".join(known)
            raise ValueError(f"{what} has no parameter {key!r}{did_you_mean(key, known)}; it has {has}{more}")


def _kinds(maker: Callable[..., Any]) -> dict[str, Any]:
    """Return the type of each parameter, where it says one."""
    try:
        return typing.get_type_hints(maker.__init__ if inspect.isclass(maker) else maker)
    except (NameError, TypeError):  # of names that its module does not know when it runs
        return {}


def _check(name: str, value: Any, kind: Any) -> None:
    """Refuse a value, or an entry of a list, that is not of the type that is wanted; of other classes, let pass.

    Raises:
        ValueError: which names the entry: ``openings[1]``.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        _check_one_of(name, value, inner)
    elif kind is str:
        if not isinstance(value, str):
            remedy = "" if isinstance(value, (list, Mapping)) else "; put quotation marks around it"
            raise ValueError(f"{name} must be a text, got {value!r}{remedy}")
    elif kind in _ATOMS:
        _ATOMS[kind](name, value)
    elif origin is tuple and inner[-1] is not ...:
        if len(entries := several(name, value)) != len(inner):
            raise ValueError(f"{name} must be {len(inner)} values, got {value!r}")
        for place, entry in enumerate(entries):
            _check(f"{name}[{place}]", entry, inner[place])
    elif origin in _SEVERAL and _is_class(inner[0]):
        if not isinstance(value, str) and not all(isinstance(entry, inner[0]) for entry in several(name, value)):
            raise ValueError(f"{name} must be the path of a file or folder, got {value!r}")
    elif origin in _SEVERAL:
        for place, entry in enumerate(several(name, value)):
            _check(f"{name}[{place}]", entry, inner[0])
    elif origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} must be names with values, got {value!r}")
        for key, entry in value.items():
            _check(f"a name in {name}", key, inner[0])
            _check(f"{name}[{key!r}]", entry, inner[1])
    elif origin is Callable and not callable(value):
        raise ValueError(f"{name} must be a function, got {value!r}; a file has none, so take the recipe in Python")
    elif _is_class(kind) and not isinstance(value, (kind, str)):
        raise ValueError(f"{name} must be the path of a file or folder, got {value!r}")


def _check_one_of(name: str, value: Any, kinds: Sequence[Any]) -> None:
    """Refuse a value that is of none of these types, in the words of the first that is not None."""
    refusals = []
    for kind in sorted(kinds, key=lambda kind: kind is type(None) or _is_class(kind)):
        try:
            return _check(name, value, kind)
        except ValueError as error:
            refusals.append(error)
    raise refusals[0]


def _nothing(name: str, value: Any) -> None:
    if value is not None:
        raise ValueError(f"{name} must be null, got {value!r}")


_SEVERAL = (tuple, list, Sequence)
_ATOMS: Mapping[Any, Callable[[str, Any], Any]] = {bool: truth, int: whole, float: number, type(None): _nothing}


def _is_class(kind: Any) -> bool:
    """Say whether a type is a class of ours, which a file has no word for."""
    return inspect.isclass(kind) and kind.__module__.startswith("sdg_lab")
