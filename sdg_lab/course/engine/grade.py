"""Run a student's answer through a check, and tell the student what happened.

The check calls the answer through :class:`_Attempt`, which hands out copies of the arguments: an answer that changes
its inputs cannot change what the check compares with. Whatever the answer does, the student gets a sentence, not a
traceback.
"""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
import sys
import types
from collections.abc import Iterator
from typing import Any

from sdg_lab.course.engine.exercise import Answer, Exercise, Result, Status, Wrong


class _NotAttemptedError(Exception):
    """The answer returned nothing at all."""


class _Attempt:
    """A student's function as the check sees it: each call gets its own copies, and must return a value."""

    def __init__(self, answer: Answer) -> None:
        functools.update_wrapper(self, answer, updated=())
        self._answer = answer
        self._returned = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._answer(*map(_copied, args), **{name: _copied(value) for name, value in kwargs.items()})
        if value is None or value is Ellipsis:
            if self._returned:
                raise Wrong(f"Your function returned {value} for one of the cases; is a return missing in a branch?")
            raise _NotAttemptedError(f"Your function returned {value}; end it with a return.")
        self._returned = True
        return value


def verdict(exercise: Exercise, answer: Answer) -> Result:
    """Check an answer; never raises for what the answer does, short of an interrupt.

    Raises:
        TypeError: if the answer cannot be called.
    """
    if not callable(answer):
        raise TypeError(
            f"check('{exercise.key}', ...) takes the function itself, got a {type(answer).__name__}; "
            "pass its name, without brackets"
        )
    # A class stays a class: the check makes objects of it and calls their methods.
    handed: Answer = answer if isinstance(answer, type) else _Attempt(answer)
    try:
        exercise.check(handed)
    except _NotAttemptedError as nothing:
        return _result(exercise, "not attempted", str(nothing))
    except Wrong as wrong:
        return _result(exercise, "failed", str(wrong))
    except Exception as error:
        return _explain(exercise, answer, error)
    return _result(exercise, "passed", "")


def _result(exercise: Exercise, status: Status, message: str) -> Result:
    return Result(exercise, status, message, points=exercise.points if status == "passed" else 0)


def _explain(exercise: Exercise, answer: Answer, error: Exception) -> Result:
    """Say whose line raised: the student's, or the check's when it met a value that it cannot read."""
    frames = list(_frames(error))
    codes = set(_codes(answer))
    own = [(code, line) for code, line in frames if code in codes]
    if isinstance(error, NotImplementedError) and frames[-1][0] in codes:
        return _result(exercise, "not attempted", "Replace the raise NotImplementedError with your own lines.")
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if own:
        code, line = own[-1]
        source = linecache.getline(code.co_filename, line).strip()
        where = f"\nline {line - code.co_firstlineno + 1} of {code.co_name}: {source}" if source else ""
        return _result(exercise, "error", f"Your code raised {what}{where}")
    if any(code is _Attempt.__call__.__code__ for code, _ in frames):
        return _result(exercise, "error", f"Calling your function raised {what}")
    return _result(
        exercise, "failed", f"The check could not read what your function returned ({what}); is it the right type?"
    )


def _frames(error: BaseException) -> Iterator[tuple[types.CodeType, int]]:
    """Yield code and line of each frame that the error went through, the outermost first."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame.f_code, step.tb_lineno
        step = step.tb_next


def _codes(answer: Any) -> Iterator[types.CodeType]:
    """Yield the code objects of a function, or of a class's methods, with those nested in them."""
    if isinstance(answer, type):
        for member in vars(answer).values():
            if callable(member) and not isinstance(member, type):
                yield from _codes(member)
        return
    code = getattr(inspect.unwrap(answer), "__code__", None)
    pending = [code] if isinstance(code, types.CodeType) else []
    while pending:
        code = pending.pop()
        yield code
        pending.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _copied(value: Any) -> Any:
    """Copy an argument; a tensor in the middle of a graph, which cannot be deep-copied, is cut from the graph."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)
