"""The source of a function as it can be pasted into a notebook: with the imports and the helpers that it needs."""

from __future__ import annotations

import ast
import inspect
import symtable
import sys
from collections.abc import Callable, Iterator
from typing import Any


def runnable(function: Callable[..., Any]) -> str:
    """Return source that defines this function in an empty namespace.

    It holds the function and every import, constant and helper of its module that it reads, in the module's order,
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
        if not isinstance(node, _IMPORT):
            pending += _read(symtable.symtable(_plain(node, text), function.__name__, "exec"))
    source = ""
    before: ast.stmt | None = None
    for index in sorted(wanted, key=lambda index: (not isinstance(tree.body[index], _IMPORT), index)):
        node = tree.body[index]
        here = _import(node, wanted[index]) if isinstance(node, _IMPORT) else _plain(node, text)
        close = not isinstance(node, _DEFINITION) and isinstance(node, _IMPORT) == isinstance(before, _IMPORT)
        source += ("" if before is None else "\n" if close else "\n\n\n") + here
        before = node
    return source


_IMPORT = ast.Import | ast.ImportFrom
_DEFINITION = ast.FunctionDef | ast.ClassDef


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement at the top of a module defines."""
    if isinstance(node, _DEFINITION):
        yield node.name
    elif isinstance(node, _IMPORT):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _read(scope: symtable.SymbolTable) -> Iterator[str]:
    """Yield every name of the module that is read in a scope or in one within it; a local one of that name is not."""
    for symbol in scope.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or scope.get_type() == "module"):
            yield symbol.get_name()
    for inner in scope.get_children():
        yield from _read(inner)


def _import(node: ast.Import | ast.ImportFrom, wanted: set[str]) -> str:
    names = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in wanted]
    kind = ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)
    return ast.unparse(kind)


def _plain(node: ast.stmt, text: str) -> str:
    """Return a statement's own text, comments and all, with its annotations cut out."""
    data = text.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def end_of(inner: Any) -> int:
        end: int = starts[inner.end_lineno - 1] + inner.end_col_offset
        return end

    cuts: list[tuple[int, int, bytes]] = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg) and inner.annotation is not None:
            begin, end = starts[inner.lineno - 1] + inner.col_offset + len(inner.arg.encode()), end_of(inner.annotation)
            default = data[end : end + 3] == b" = "
            cuts.append((begin, end + 3, b"=") if default else (begin, end, b""))
        elif isinstance(inner, ast.FunctionDef) and inner.returns is not None:
            begin = starts[inner.returns.lineno - 1] + inner.returns.col_offset
            cuts.append((data.rindex(b"->", 0, begin) - 1, end_of(inner.returns), b""))
        elif isinstance(inner, ast.AnnAssign) and inner.value is not None:
            cuts.append((end_of(inner.target), end_of(inner.annotation), b""))
        elif isinstance(inner, ast.AnnAssign):  # nothing is assigned: the whole line goes
            cuts.append((starts[inner.lineno - 1], starts[inner.end_lineno or 0], b""))
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    begin, pieces = starts[first - 1], []
    for cut, until, instead in sorted(cuts):
        pieces += [data[begin:cut], instead]
        begin = until
    pieces.append(data[begin : end_of(node)])
    return b"".join(pieces).decode()
