"""YAML as people write it by hand, read strictly: what it says is what is meant, or it is refused with its line.

Values are read by the core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema: numbers, ``true``,
``false`` and ``null`` are what they look like, and all else is a text. (By YAML 1.1, PyYAML's own, ``no`` is false,
``12:30`` is 750, ``2024-05-01`` a date, and ``1e-3`` a text.) There are no aliases, which can make a page of a
hundred letters fill the memory, no key stands twice, and keys are texts. Nothing in a file is carried out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

MOST_BYTES = 2**18
"""Of a file. Long lists of texts belong into files of their own, which an entry names."""

MOST_DEPTH = 32
"""Lists and mappings in one another."""


def read(path: str | Path, *, most: int = MOST_BYTES) -> Any:
    """Return what a file says: texts, numbers, True, False, None, lists, and dicts with texts for keys.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: if it is not there, or is no file.
        ImportError: if PyYAML is not installed.
        ValueError: if it is no such YAML, or too long; the message names the file and, where there is one, the line.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {what}; name a YAML file, such as recipe.yaml")
    with path.open("rb") as handle:
        content = handle.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} has more than {most:,} bytes; put long lists into files of their own")
    try:
        return yaml.load(content.decode("utf-8"), Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(filter(None, [error.context, error.problem]))
    except (yaml.YAMLError, ValueError) as error:
        line, problem = "", str(error)
    raise ValueError(f"{path} is no YAML that is read here{line}: {' '.join(problem.split())}")


@functools.cache
def _loader() -> Any:
    """Return the loader; PyYAML is imported where it is used."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads what JSON can say, and nothing else."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class has it
        yaml_constructors: ClassVar[dict[Any, Any]] = {}
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Compose a node of the tree, unless it is an alias, says itself of what type it is, or lies too deep."""
            event, problem = self.peek_event(), ""  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent):
                problem = f"the alias *{event.anchor} is not followed; write out what it stands for"
            elif event.tag is not None:
                problem = f"the tag {event.tag.removeprefix(_CORE)!r} means nothing here; leave it out"
            elif self.depth == MOST_DEPTH:
                problem = f"lists in lists, {MOST_DEPTH} deep; take fewer"
            if problem:
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    def sequence(loader: Any, node: Any) -> list[Any]:
        return list(loader.construct_sequence(node, deep=True))

    def mapping(loader: Any, node: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                problem = f"the key {key!r} is no text; put quotation marks around it"
            elif key in found:
                problem = f"{key!r} stands there twice; leave one of them out"
            else:
                found[key] = loader.construct_object(value_node, deep=True)
                continue
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
        return found

    def scalar(make: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
        return lambda loader, node: make(loader.construct_scalar(node))

    for name, pattern, first, make in _CORE_SCHEMA:
        Loader.add_implicit_resolver(_CORE + name, re.compile(rf"(?:{pattern})\Z"), list(first) or [""])
        Loader.add_constructor(_CORE + name, scalar(make))
    Loader.add_constructor(f"{_CORE}str", scalar(str))
    Loader.add_constructor(f"{_CORE}seq", sequence)
    Loader.add_constructor(f"{_CORE}map", mapping)
    return Loader


def _whole(text: str) -> int:
    """Return a whole number, of no more digits than Python reads: the work grows with their square."""
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _fraction(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_CORE = "tag:yaml.org,2002:"
_CORE_SCHEMA: tuple[tuple[str, str, str, Callable[[str], Any]], ...] = (
    ("null", "", "", lambda text: None),
    ("null", "~|null|Null|NULL", "~nN", lambda text: None),
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF", lambda text: text.lower() == "true"),
    ("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789", _whole),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789", _fraction),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.", _fraction),
)
"""Types with the texts that are of them, the characters that such a text begins with, and what makes the value."""
