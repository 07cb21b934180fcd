"""The three proofs of an exercise, each of which says what fails; tried on the sample, then on every chapter."""

import ast
import re

from sdg_lab.course.engine import notebooks
from sdg_lab.course.engine.grade import verdict

JUNK = ("text", 3 + 4j, object(), {}, [], float("nan"), float("inf"), True)
"""What an answer may return when it is none of what the check reads."""


def check_calls(notebook):
    """Return for each key the index of its check cell and the name of the function that is checked."""
    calls = []
    for index, cell in enumerate(notebooks.code_cells(notebook)):
        for node in ast.walk(ast.parse(notebooks.source(cell))):
            if isinstance(node, ast.Call) and _called(node) == "check" and len(node.args) == 2:
                key, answer = node.args
                assert isinstance(key, ast.Constant), f"cell [{index + 1}]: the key of a check must be written out"
                assert isinstance(answer, ast.Name), f"cell [{index + 1}]: check takes the name of a function"
                calls.append((key.value, (index, answer.id)))
    keys = [key for key, _ in calls]
    assert len(set(keys)) == len(keys), f"checked twice: {keys}"
    return dict(calls)


def stub(notebook, key):
    """Execute the stub cell of an exercise with nothing but the imports above it, and return the function."""
    cells = [notebooks.source(cell) for cell in notebooks.code_cells(notebook)]
    index, name = check_calls(notebook)[key]
    holders = [number for number in range(index) if name in _defined(cells[number])]
    assert holders, f"no cell above the check of {key} defines {name}"
    namespace = {}
    for source in cells[: holders[-1]]:
        imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), "<imports>", "exec"), namespace)
    exec(compile(cells[holders[-1]], f"<stub of {key}>", "exec"), namespace)
    return namespace[name]


def prove_stub(exercise, answer):
    result = verdict(exercise, answer)
    assert result.status == "not attempted", f"the stub of {exercise.key} is reported as {result}"


def prove_reference(exercise):
    result = verdict(exercise, exercise.reference)
    assert result.status == "passed", f"the reference of {exercise.key} is refused: {result}"


def prove_wrong(exercise, wrong):
    result = verdict(exercise, wrong.answer)
    assert result.status in ("failed", "error"), f"{exercise.key} accepts an answer that {wrong.name}: {result}"
    assert re.search(wrong.says, result.message), f"{exercise.key}, {wrong.name}: {result.message!r} !~ {wrong.says!r}"


def prove_junk(exercise):
    for value in JUNK:
        result = verdict(exercise, lambda *args, _value=value, **kwargs: _value)
        assert result.status == "failed", f"{exercise.key}: an answer that returns {value!r} is reported as {result}"
        assert result.message


def _called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _defined(source):
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
