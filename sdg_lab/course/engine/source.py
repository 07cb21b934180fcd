"""The source of a function as it can be pasted into a notebook: with the imports and the helpers that it needs."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any


def runnable(function: Callable[..., Any]) -> str:
    """Return source that defines this function in an empty namespace.

    It holds the function and every import, constant and helper of its module that it uses, in the module's order,
    without annotations: they are the library's custom, and would need imports of their own.

    Raises:
        ValueError: if the function does not stand in a module by its name.
    """
    module = sys.modules[function.__module__]
    text = inspect.getsource(module)
    tree = ast.parse(text)
    defined = {name: node for node in tree.body for name in _names(node)}
    if function.__name__ not in defined:
        raise ValueError(f"{function.__name__!r} must be a function of its module, for its source to be shown")
    wanted: dict[int, set[str]] = {}
    pending = [function.__name__]
    done: set[str] = set()
    while pending:
        name = pending.pop()
        if name in done or name not in defined:
            continue
        done.add(name)
        node = defined[name]
        wanted.setdefault(tree.body.index(node), set()).add(name)
        if not isinstance(node, ast.Import | ast.ImportFrom):
            pending += _used(node)
    imports, rest = [], []
    for index in sorted(wanted):
        node = tree.body[index]
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(_import(node, wanted[index]))
        else:
            rest.append(_plain(node, text))
    gap = "\n\n\n"
    return gap.join(filter(None, ["\n".join(imports), *rest]))


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _used(node: ast.AST) -> Iterator[str]:
    """Yield every name that is read, those in annotations left out."""
    for inner in _without_annotations(node):
        if isinstance(inner, ast.Name):
            yield inner.id


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _without_annotations(child)


def _import(node: ast.Import | ast.ImportFrom, wanted: set[str]) -> str:
    names = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in wanted]
    kind = ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)
    return ast.unparse(kind)


def _plain(node: ast.stmt, text: str) -> str:
    """Return a statement's own text, comments and all, with its annotations cut out."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = text.encode()

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    cuts: list[tuple[int, int]] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg) and inner.annotation is not None:
            begin = at(inner.lineno, inner.col_offset) + len(inner.arg.encode())
            cuts.append((begin, at(inner.annotation.end_lineno or 0, inner.annotation.end_col_offset or 0)))
        elif isinstance(inner, ast.FunctionDef) and inner.returns is not None:
            end = at(inner.returns.end_lineno or 0, inner.returns.end_col_offset or 0)
            cuts.append((data.rindex(b"->", 0, at(inner.returns.lineno, inner.returns.col_offset)) - 1, end))
        elif isinstance(inner, ast.AnnAssign):
            begin = at(inner.target.end_lineno or 0, inner.target.end_col_offset or 0)
            cuts.append((begin, at(inner.annotation.end_lineno or 0, inner.annotation.end_col_offset or 0)))
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    begin, end = at(first, 0), at(node.end_lineno or 0, node.end_col_offset or 0)
    pieces = []
    for cut_begin, cut_end in sorted(cuts):
        pieces.append(data[begin:cut_begin])
        begin = cut_end
    pieces.append(data[begin:end])
    return textwrap.dedent(b"".join(pieces).decode()).rstrip()
