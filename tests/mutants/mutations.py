"""Small faults, one at a time: where a source could be wrong without anything looking wrong.

A mutant replaces one expression or one statement of a file; the rest of the text stays as it is. What cannot matter is
left alone: messages, annotations, docstrings, progress bars.
"""

from __future__ import annotations

import ast
import copy
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COSMETIC_CALLS = {"tqdm", "warn", "cast", "TypeVar", "isinstance", "print"}
COSMETIC_KEYWORDS = {"strict", "desc", "leave", "unit", "disable", "progress", "stacklevel", "encoding", "name"}
COSMETIC_KEYWORDS |= {"device", "memory_format", "non_blocking"}  # no difference on the CPU
SYMMETRIC_CALLS = {"min", "max", "minimum", "maximum", "logaddexp", "isclose", "allclose", "equal", "array_equal"}

LONG, CONTEXT = 70, 24
"""Characters of a change that are shown, and how many of what is the same before it."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Mutant:
    """One fault.

    Attributes:
        file: path of the source, from the root of the project.
        scope: the function or class that it lies in, such as ``VAE.sample``; empty at the top of the file.
        line: its first line.
        lines: first and last line that a test must reach to meet it: those of the statement around it, of the whole
            function for a default, of the whole file for what runs on import.
        start: where the text that is replaced begins, in bytes.
        end: where it ends.
        old: that text.
        new: what replaces it.
    """

    file: str
    scope: str
    line: int
    lines: tuple[int, int]
    start: int
    end: int
    old: str
    new: str

    def apply(self, source: bytes) -> bytes:
        """Return the source with this fault in it."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" + (f" ({self.scope})" if self.scope else "")
        return f"{where}: {self.change}"

    @property
    def change(self) -> str:
        """The fault in one line: a long text is cut to what differs."""
        old, new = _plain(self.old), _plain(self.new)
        same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        same = same - CONTEXT if len(old) > LONG and same > CONTEXT else 0
        ahead = "…" if same else ""
        return f"{ahead}{_cut(old[same:])} → {ahead}{_cut(new[same:])}"


def mutants(source: bytes, file: str) -> list[Mutant]:
    """Return every mutant of a source, in the order of the text."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, new, scope, lines in _Visitor(last=len(starts)).walk(tree):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[operator]
        found.append(Mutant(file, scope, node.lineno, lines, start, end, source[start:end].decode(), new))
    return sorted(set(found), key=lambda mutant: (mutant.start, mutant.end, mutant.new))


Lines: TypeAlias = tuple[int, int]
Fault: TypeAlias = tuple[ast.expr | ast.stmt, str, str, Lines]


class _Visitor:
    """Walks a tree and yields each fault: the node that it replaces, the new text, the scope, the lines to reach."""

    def __init__(self, last: int) -> None:
        self.whole = (1, last)
        self.scope: list[str] = []
        self.functions: list[Function] = []

    def walk(self, tree: ast.Module) -> Iterator[Fault]:
        for statement in tree.body:
            yield from self.statement(statement)

    def statement(self, node: ast.stmt) -> Iterator[Fault]:
        if isinstance(node, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom)) or _is_type_checking(node):
            return
        if isinstance(node, (ast.ClassDef, Function)):
            self.scope.append(node.name)
            yield from self.function(node) if isinstance(node, Function) else self.within(node.body, self.whole)
            self.scope.pop()
            return
        first = [node.test] if isinstance(node, (ast.If, ast.While)) else []
        lines = self.whole
        if self.functions:
            header = first[0].end_lineno if first else node.lineno if hasattr(node, "body") else node.end_lineno
            lines = (node.lineno, header or node.lineno)
        for new in _statement_faults(node, self.functions[-1] if self.functions else None):
            yield node, new, ".".join(self.scope), lines
        for test in first:
            if isinstance(test, (ast.Name, ast.Attribute, ast.Call)):
                yield test, f"not {ast.unparse(test)}", ".".join(self.scope), lines
        for name, value in ast.iter_fields(node):
            if name != "annotation":
                yield from self.within(value, lines)

    def within(self, part: object, lines: Lines) -> Iterator[Fault]:
        """Walk whatever a statement holds: statements, expressions, and the small nodes between them."""
        if isinstance(part, list):
            for one in part:
                yield from self.within(one, lines)
        elif isinstance(part, ast.stmt):
            yield from self.statement(part)
        elif isinstance(part, ast.expr):
            yield from self.expression(part, lines)
        elif isinstance(part, (ast.ExceptHandler, ast.withitem, ast.match_case)):
            for _, value in ast.iter_fields(part):
                yield from self.within(value, lines)

    def function(self, node: Function) -> Iterator[Fault]:
        if any("overload" in ast.unparse(decorator) for decorator in node.decorator_list):
            return
        self.functions.append(node)
        whole = (node.body[0].lineno, node.body[-1].end_lineno or node.lineno)
        yield from self.within([*node.args.defaults, *filter(None, node.args.kw_defaults)], whole)
        yield from self.within(node.body, whole)
        self.functions.pop()

    def expression(self, node: ast.expr, lines: Lines) -> Iterator[Fault]:
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _called(node) in COSMETIC_CALLS):
            return
        for new in _expression_faults(node):
            text = ast.unparse(new)
            brackets = isinstance(new, (ast.Compare, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.IfExp))
            yield node, f"({text})" if brackets else text, ".".join(self.scope), lines
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.keyword) and child.arg not in COSMETIC_KEYWORDS:
                yield from self.expression(child.value, lines)
            elif isinstance(child, ast.comprehension):
                yield from self.within([child.iter, *child.ifs], lines)
            elif isinstance(child, ast.expr):
                yield from self.expression(child, lines)


def _statement_faults(node: ast.stmt, function: Function | None) -> Iterator[str]:
    acts = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _called(node.value) not in COSMETIC_CALLS
    keeps = isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    if acts or keeps:
        yield "pass"
    elif isinstance(node, ast.AugAssign):
        if type(node.op) in OPERATORS:
            changed = copy.deepcopy(node)
            changed.op = OPERATORS[type(node.op)]()
            yield ast.unparse(changed)
        yield "pass"
    elif isinstance(node, ast.Return) and function is not None and isinstance(node.value, (ast.Call, ast.BinOp)):
        names = [a.arg for a in [*function.args.posonlyargs, *function.args.args] if a.arg not in ("self", "cls")]
        yield from (f"return {name}" for name in names[:1])
    elif isinstance(node, (ast.Break, ast.Continue)):
        yield "pass"


def _expression_faults(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what may stand in place of one expression, its parts left as they are."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            if type(operator) in COMPARISONS:
                changed = copy.deepcopy(node)
                changed.ops[index] = COMPARISONS[type(operator)]()
                yield changed
    elif isinstance(node, ast.BinOp):
        if type(node.op) in OPERATORS and not _is_text(node.left) and not _is_text(node.right):
            yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.Not, ast.USub)):
            yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant):
        yield from map(ast.Constant, _other_values(node.value))
    elif isinstance(node, ast.Call):
        yield from _call_faults(node)


def _call_faults(node: ast.Call) -> Iterator[ast.expr]:
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in COSMETIC_KEYWORDS:
            yield ast.Call(node.func, node.args, [*node.keywords[:index], *node.keywords[index + 1 :]])
    if _called(node) in SYMMETRIC_CALLS:
        return
    for index, (first, second) in enumerate(zip(node.args, node.args[1:], strict=False)):
        starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
        if not starred and ast.dump(first) != ast.dump(second):
            yield ast.Call(node.func, [*node.args[:index], second, first, *node.args[index + 2 :]], node.keywords)


def _other_values(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        if value > 0:
            yield value - 1
    elif isinstance(value, float):
        yield 2 * value if value else 1.0


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _plain(code: str) -> str:
    """Return code in one line and one style, so that two texts differ only where they mean something else."""
    try:
        return ast.unparse(ast.parse(textwrap.dedent(code), mode="eval"))
    except SyntaxError:  # a statement
        return " ".join(code.split())


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"
