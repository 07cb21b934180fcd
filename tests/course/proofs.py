"""The proofs of an exercise, each of which says what fails; tried on the sample, then on every chapter.

Beside the mistakes that an exercise declares, wrong answers are made from its reference: answers that are right at
first sight, and that no check may let through.
"""

import ast
import copy
import functools
import random
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
from scipy.sparse import csr_matrix

from sdg_lab.course.engine import Wrong, notebooks
from sdg_lab.course.engine.compare import is_tensor, same
from sdg_lab.course.engine.grade import IN_THE_NOTEBOOK, WHEN_GRADING, expected, make_cases, verdict
from sdg_lab.course.engine.source import runnable

SEEDS = (IN_THE_NOTEBOOK, WHEN_GRADING)
WIDEST = 88
"""Characters of a line that fit a notebook's cell on a laptop."""

JUNK = ("text", 3 + 4j, object(), {}, [], float("nan"), float("inf"), True)
"""What an answer may return when it is none of what the check reads."""


def check_calls(notebook):
    """Return for each key the index of its check cell and the name of the function that is checked."""
    calls = []
    for index, cell in enumerate(notebooks.code_cells(notebook)):
        for node in ast.walk(ast.parse(notebooks.source(cell))):
            if isinstance(node, ast.Call) and _called(node) in ("course.check", "check") and len(node.args) == 2:
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
    for seed in SEEDS:
        assert not any(isinstance(outcome.error, Wrong) for outcome in expected(exercise, seed)), exercise.key
        result = verdict(exercise, exercise.reference, seed=seed)
        assert result.status == "passed", f"the reference of {exercise.key} is refused: {result}"
        assert not result.printed


def prove_cases(exercise):
    """The same seed makes the same cases, another seed makes others, and no answer is the answer to all."""
    for seed in SEEDS:
        one, other = (exercise.cases(np.random.default_rng(seed)) for _ in range(2))
        for mine, theirs in zip(one, other, strict=True):
            assert same(_plain(mine), _plain(theirs)), f"{exercise.key}: a seed makes two sets of cases"
    assert len(expected(exercise, 0)) >= 3, f"{exercise.key} asks for fewer than three cases"


def prove_solution(exercise, name):
    """The printed solution runs on its own, defines the stub's function, and passes; nothing of the project is used."""
    source = runnable(exercise.reference)
    namespace = {}
    exec(compile(source, f"<solution of {exercise.key}>", "exec"), namespace)
    assert name in namespace, f"the solution of {exercise.key} defines {exercise.reference.__name__}, the stub {name}"
    longest = max(source.splitlines(), key=len)
    assert len(longest) <= WIDEST, f"the solution of {exercise.key} runs past the cell: {longest}"
    for word in ("sdg_lab", "papers"):
        assert word not in source, f"the solution of {exercise.key} leans on {word}"
    result = verdict(exercise, namespace[name])
    assert result.status == "passed", f"the pasted solution of {exercise.key} is refused: {result}"


def prove_mistake(exercise, mistake):
    for seed in SEEDS:
        result = verdict(exercise, mistake.answer, seed=seed)
        assert result.status in ("failed", "error"), f"{exercise.key} accepts it: {mistake.sentence}"
        assert result.message.startswith(mistake.sentence), f"{exercise.key}: {result.message!r} !~ {mistake.sentence}"


def prove_junk(exercise):
    for value in JUNK:
        result = verdict(exercise, lambda *args, _value=value, **kwargs: _value)
        assert result.status == "failed", f"{exercise.key}: an answer that returns {value!r} is reported as {result}"
        assert result.message


def prove_generic(exercise):
    """Each wrong answer that can be made of any reference is refused, in words that name what it does."""
    for name, (answer, says) in wrong_answers(exercise).items():
        result = verdict(exercise, answer)
        assert result.status in ("failed", "error"), f"{exercise.key} accepts an answer that {name}: {result}"
        assert says in result.message, f"{exercise.key}, an answer that {name}: {result.message!r}"


def prove_styles(exercise):
    """A right answer passes in whatever style it is written."""
    for name, answer in styles(exercise).items():
        result = verdict(exercise, answer)
        assert result.status == "passed", f"{exercise.key} refuses an answer that returns {name}: {result}"


def wrong_answers(exercise):
    """Return for each name a wrong answer made from the reference, and a word that its refusal must hold."""
    right, outcomes = exercise.reference, expected(exercise, IN_THE_NOTEBOOK)
    values = [outcome.value for outcome in outcomes if outcome.error is None]
    first = make_cases(exercise, IN_THE_NOTEBOOK)[0]
    answers = {
        "returns nothing but once": (_only_first(right, None), "a return missing"),
        "gives the first answer always": (_only_first(right, "first"), ""),
        "draws from numpy's global generator": (_after(right, np.random.random), "numpy's global random state"),
        "draws from Python's global generator": (_after(right, random.random), "Python's global random state"),
        "changes numpy's settings": (_after(right, lambda: np.seterr(over="raise")), "numpy's settings"),
    }
    if any(map(_has_numbers, values)):
        answers["adds a little noise"] = (_then(right, functools.partial(_each_number, change=_noisy)), "")
    if any(_has_truths(value) for value in values):
        answers["returns 0 and 1 for False and True"] = (_then(right, _truths_as_numbers), "True or False")
    if any(getattr(value, "ndim", 0) for value in values) and exercise.form is None:
        answers["adds an axis"] = (
            _then(right, lambda value: value[None] if hasattr(value, "ndim") else value),
            "shape",
        )
    sizes = {repr(_size(case.args)) for case in make_cases(exercise, IN_THE_NOTEBOOK)}
    assert len(sizes) > 1 or not _size(first.args), f"all cases of {exercise.key} have one size"
    if len(sizes) > 1:
        answers["knows the first size only"] = (_one_size(right, first), "")
    if any(_spoil(copy.copy(value)) for case in make_cases(exercise, 0) for value in exercise.arguments(case).values()):
        answers["changes its arguments"] = (_in_place(right), "in place")
    if any(any(gradient is not None for gradient in outcome.gradients.values()) for outcome in outcomes):
        answers |= {
            "is detached": (_then(right, _each_tensor(lambda out: out.detach())), "no gradient reaches"),
            "has a reversed gradient": (_then(right, _each_tensor(lambda out: 2 * out.detach() - out)), "wrong sign"),
            "has half of the gradient": (_then(right, _each_tensor(lambda out: (out + out.detach()) / 2)), "0.5 times"),
            "has a gradient of 0": (_then(right, _each_tensor(lambda out: out.detach() + 0 * out)), "is 0"),
            "leaves gradients behind": (_then(right, _each_tensor(_backward)), ".grad"),
        }
    if exercise.keeps_dtype:
        answers["returns another dtype"] = (_then(right, _each_tensor(_other_dtype)), "dtype")
    return answers


def styles(exercise):
    """Return right answers made from the reference, as others would write them."""
    right = exercise.reference
    written = {"numpy's numbers": _then(right, functools.partial(_each_number, change=lambda value: value))}
    if not exercise.keeps_dtype:
        written["single precision"] = _then(right, _single)
        written["what single precision gives"] = _before(right, _single)
    if not any(outcome.gradients for outcome in expected(exercise, IN_THE_NOTEBOOK)) and not exercise.keeps_dtype:
        written |= {
            "lists": _then(right, _listed),
            "generators": _then(right, lambda value: iter(value) if isinstance(value, list) else value),
            "a number in brackets": _then(right, _bracketed),
            "tensors": _then(right, _as_tensor),
            "fractions": _then(right, _fractions),
            "sparse matrices": _then(right, _sparse),
        }
    return written


def _then(right, change):
    @functools.wraps(right)
    def answer(*args, **kwargs):
        return change(right(*args, **kwargs))

    return answer


def _before(right, change):
    @functools.wraps(right)
    def answer(*args, **kwargs):
        return right(*map(change, args), **{name: change(value) for name, value in kwargs.items()})

    return answer


def _after(right, before):
    @functools.wraps(right)
    def answer(*args, **kwargs):
        before()
        return right(*args, **kwargs)

    return answer


def _only_first(right, always):
    said = []

    @functools.wraps(right)
    def answer(*args, **kwargs):
        if not said:
            said.append(right(*args, **kwargs))
            return said[0]
        return None if always is None else said[0]

    return answer


def _one_size(right, first):
    size, said = repr(_size(first.args)), []

    @functools.wraps(right)
    def answer(*args, **kwargs):
        value = right(*args, **kwargs)
        said.append(value)
        return value if repr(_size(args)) == size else said[0]

    return answer


def _in_place(right):
    @functools.wraps(right)
    def answer(*args, **kwargs):
        value = right(*args, **kwargs)
        value = value + 0 if hasattr(value, "shape") else copy.copy(value)  # a tensor keeps its graph
        for argument in (*args, *kwargs.values()):
            _spoil(argument)
        return value

    return answer


def _spoil(value):
    """Change an argument in place; tell whether that was possible."""
    if is_tensor(value):
        value.data += 1 if value.dtype.is_floating_point else 0
        return value.dtype.is_floating_point and value.numel() > 0
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size:
        value += 1
    elif isinstance(value, list) and value:
        value.append(value[0])
    elif isinstance(value, dict) and value:
        value.pop(next(iter(value)))
    elif isinstance(value, set):
        value.add("something else")
    else:
        return False
    return True


def _size(value):
    """Return the shapes and lengths in some arguments; empty if they are plain numbers."""
    if hasattr(value, "shape"):
        return [tuple(value.shape)] if value.shape else []
    if isinstance(value, str):
        return [len(value)]
    if isinstance(value, Mapping):
        return [len(value), *(size for part in value.values() for size in _size(part))]
    if isinstance(value, list | tuple):
        inner = [size for part in value for size in _size(part)]
        return [len(value), *inner] if isinstance(value, list) else inner
    return []


def _has_numbers(value):
    found = []
    _each_number(value, change=lambda number: found.append(number) or number)
    arrays = [number.detach().numpy() if is_tensor(number) else np.asarray(number) for number in found]
    return any(np.any(np.isfinite(array) & (array != 0)) for array in arrays)


def _has_truths(value):
    if is_tensor(value) or isinstance(value, np.ndarray):
        return "bool" in str(value.dtype)
    return isinstance(value, bool | np.bool_)


def _truths_as_numbers(value):
    return (value * 1) if _has_truths(value) else value


def _each_number(value, *, change):
    """Change every floating number of a value, arrays and tensors whole."""
    if is_tensor(value):
        return change(value) if value.dtype.is_floating_point else value
    if isinstance(value, np.ndarray | np.floating):
        return change(value) if value.dtype.kind == "f" else value
    if isinstance(value, float):
        return change(np.float64(value))
    if isinstance(value, Mapping):
        return {key: _each_number(part, change=change) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each_number(part, change=change) for part in value)
    return value


def _noisy(value):
    return value * 1.01 if is_tensor(value) else np.asarray(value * 1.01, dtype=value.dtype)[()]


def _each_tensor(change):
    return functools.partial(_each_number, change=lambda value: change(value) if is_tensor(value) else value)


def _backward(out):
    if out.requires_grad:
        out.sum().backward(retain_graph=True)
    return out


def _other_dtype(value):
    return value.float() if value.dtype.itemsize == 8 else value.double()


def _single(value):
    def single(number):
        return number.float() if is_tensor(number) else np.float32(number)

    return _each_number(value, change=single)


def _listed(value):
    if isinstance(value, np.ndarray) or is_tensor(value):
        return value.tolist()
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value


def _fractions(value):
    if isinstance(value, float) and np.isfinite(value):
        return Fraction(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isfinite(value).all():
        return _fractions(value.tolist())
    return [_fractions(part) for part in value] if isinstance(value, list) else value


def _sparse(value):
    return (
        csr_matrix(value) if isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind in "fi" else value
    )


def _bracketed(value):
    return np.array([value]) if isinstance(value, bool | int | float | np.generic) else value


def _as_tensor(value):
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return torch.from_numpy(value.copy())
    return tuple(_as_tensor(part) for part in value) if isinstance(value, tuple) else value


def _plain(case):
    return [list(case.args), dict(case.kwargs), case.name]


def _called(call):
    return ast.unparse(call.func)


def _defined(source):
    return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
