"""A solution holds all that it needs, and nothing else."""

import importlib.util
import textwrap

import pytest

from sdg_lab.course.engine.source import runnable

MODULE = '''
"""A module."""

from __future__ import annotations

import functools
import math
import os.path
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise as neighbours
from typing import Any

import numpy as np

Floats = Any
HALF = 0.5  # of one
UNUSED: int = 3
TWICE: float = 2 * HALF


def helper(values: Sequence[float]) -> Iterator[float]:
    for one, other in neighbours(values):
        yield (one + other) * HALF


# What is above.


def mean_step(values: Floats, *more: float, base: float = TWICE, **rest: Any) -> dict[str, Floats]:
    """Say é: ½."""
    total: float = 0.0
    unset: Floats

    def scaled(number: float) -> float:
        return number * base  # of a base

    for value in helper(values):
        total += scaled(value)
    return {"total": math.sqrt(np.sum(total))}


def alone(x: int) -> int:
    return x + 1


def decorated_by(f: Any) -> Any:
    return functools.wraps(f)(lambda *path: f(*path).upper())


@decorated_by
def decorated(path: str = os.path.join("a", "b"), *, flag: bool = True) -> str:
    return path


def shadows(x: int) -> int:
    alone = x + 1  # a local name that a helper of the module has, too
    return alone


lambda_ = lambda x: x
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "a_module.py"
    path.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("a_module", path)
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "a_module", loaded)
    spec.loader.exec_module(loaded)
    return loaded


def test_imports_constants_and_helpers_come_along_and_annotations_do_not(module):
    assert (
        runnable(module.mean_step)
        == textwrap.dedent('''
        import math
        from itertools import pairwise as neighbours
        import numpy as np


        HALF = 0.5
        TWICE = 2 * HALF


        def helper(values):
            for one, other in neighbours(values):
                yield (one + other) * HALF


        def mean_step(values, *more, base=TWICE, **rest):
            """Say é: ½."""
            total = 0.0

            def scaled(number):
                return number * base  # of a base

            for value in helper(values):
                total += scaled(value)
            return {"total": math.sqrt(np.sum(total))}
        ''').strip()
    )


def test_it_runs_in_an_empty_namespace_and_gives_the_same(module):
    for name, arguments in (("mean_step", [[1.0, 4.0, 2.0]]), ("alone", [1]), ("decorated", [])):
        namespace = {}
        exec(runnable(getattr(module, name)), namespace)
        assert namespace[name](*arguments) == getattr(module, name)(*arguments)


def test_what_has_no_name_in_its_module_is_refused(module):
    with pytest.raises(ValueError, match=r"'<lambda>' must be a function of its module"):
        runnable(module.lambda_)


def test_a_local_name_brings_no_helper_of_that_name(module):
    assert runnable(module.shadows).startswith("def shadows(x):")
