"""The engine that chapters used before; it goes as soon as the last chapter has left it."""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdg_lab.course.engine.exercise import Answer, Result, Status, Wrong


KEY = re.compile(r"(?P<chapter>\d\d)\.(?P<name>[a-z][a-z0-9_]*)")
"""The form of an exercise's key, such as ``01.smoothing``."""

FEWEST_WRONG_ANSWERS = 3


@dataclass(frozen=True)
class WrongAnswer:
    """A mistake that people really make, and how the check must refuse it.

    Attributes:
        name: what went wrong, in words, such as ``"forgets the start symbol"``.
        answer: the mistaken function.
        says: a regular expression; the refusal must match it, so that the message names the mistake.
    """

    name: str
    answer: Answer
    says: str

    def __post_init__(self) -> None:
        if not callable(self.answer):
            raise TypeError(f"wrong answer {self.name!r} must be a function, got {type(self.answer).__name__}")
        if not self.name or not self.says:
            raise ValueError("a wrong answer needs a name and what the refusal says; an empty one proves nothing")
        re.compile(self.says)


@dataclass(frozen=True)
class Exercise:
    """One exercise of a chapter.

    Attributes:
        key: chapter and name, such as ``"01.smoothing"``.
        title: a few words.
        task: one sentence that says what the function must do.
        points: at least 1.
        minutes: how long it takes somebody who has read the chapter; at least 1.
        hints: from the gentlest to the one that nearly gives it away.
        reference: a right answer, the library's own function where there is one; ``solution`` prints its source.
        check: takes an answer and raises :class:`Wrong` if it is wrong. It takes what it expects from an oracle (a
            closed form, an enumeration, the library), never from the answer it judges.
        wrong: at least three wrong answers that people really give.

    Raises:
        ValueError, TypeError: if one of these is missing or malformed; the message names the exercise.
    """

    key: str
    title: str
    task: str
    points: int
    minutes: int
    hints: tuple[str, ...]
    reference: Answer
    check: Callable[[Answer], None]
    wrong: tuple[WrongAnswer, ...]

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError(f"exercise key must look like '01.smoothing', got {self.key!r}")
        for name in ("title", "task"):
            if not getattr(self, name).strip():
                raise ValueError(f"exercise {self.key} needs a {name}")
        for name in ("points", "minutes"):
            if getattr(self, name) < 1:
                raise ValueError(f"exercise {self.key}: {name} must be >= 1, got {getattr(self, name)}")
        if not self.hints or type(self.hints) is not tuple:
            raise ValueError(f"exercise {self.key} needs a tuple of at least one hint, got {self.hints!r}")
        for name in ("reference", "check"):
            if not callable(getattr(self, name)):
                raise TypeError(f"exercise {self.key}: {name} must be a function, got {getattr(self, name)!r}")
        if len(self.wrong) < FEWEST_WRONG_ANSWERS:
            raise ValueError(
                f"exercise {self.key} needs at least {FEWEST_WRONG_ANSWERS} wrong answers, got {len(self.wrong)}"
            )
        names = [wrong.name for wrong in self.wrong]
        if len(set(names)) < len(names):
            raise ValueError(f"exercise {self.key}: its wrong answers need different names, got {names}")

    @property
    def chapter(self) -> str:
        """The two digits of the chapter."""
        return self.key[:2]


Array = npt.NDArray[Any]


def expect_close(got: Any, want: Any, *, what: str, case: str = "", rtol: float = 1e-6, atol: float = 1e-8) -> None:
    """Refuse numbers that differ from the expected ones.

    Args:
        got: what the answer returned: a number, nested sequences, a numpy array or a torch tensor.
        want: what is right, in any of the same forms.
        what: what is compared, such as ``"the transition matrix"``.
        case: for which input, such as ``"alpha = 0.5"``.
        rtol: relative tolerance, of the expected value.
        atol: absolute tolerance.

    Raises:
        Wrong: naming the first difference in shape, kind, finiteness or value.
    """
    name = _name(what, case)
    expected = _array(want, name)
    given = _array(got, name)
    if given.shape != expected.shape:
        raise Wrong(f"{name}: expected shape {expected.shape}, got {given.shape}")
    if np.iscomplexobj(given) and not np.iscomplexobj(expected):
        raise Wrong(f"{name}: expected real numbers, got complex ones ({given.dtype})")
    strange = np.isfinite(expected) & ~np.isfinite(given)
    if strange.any():
        at = _first(strange)
        raise Wrong(f"{name}: {_at(at)}expected {_number(expected[at])}, got {_number(given[at])}, which is not finite")
    close = np.isclose(given, expected, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return
    at = _first(~close)
    difference = np.abs(given.astype(complex) - expected)[np.isfinite(given) & np.isfinite(expected)]
    largest = f"largest difference {difference.max():.3g}" if difference.size and difference.max() > 0 else ""
    many = f"{np.count_nonzero(~close)} of {close.size} values differ" if close.size > 1 else ""
    tail = ", ".join(filter(None, (many, largest)))
    raise Wrong(
        f"{name}: {_at(at)}expected {_number(expected[at])}, got {_number(given[at])}" + (f" ({tail})" if tail else "")
    )


def name_the_mistake(got: Any, want: Any, mistakes: Mapping[str, Any], *, what: str) -> None:
    """Refuse an answer that is what a usual mistake gives, in the words that name the mistake.

    An answer that is right passes, and so does one that is wrong in another way, or no number at all: what follows
    refuses those.

    Args:
        got: what the answer returned.
        want: what is right.
        mistakes: for each sentence the value that this mistake gives.
        what: what is compared.

    Raises:
        Wrong: with the sentence of the first mistake that fits.
    """
    try:
        given = _array(got, what)
    except Wrong:
        return
    if _alike(given, want):
        return
    for sentence, value in mistakes.items():
        if _alike(given, value):
            raise Wrong(f"{what}: {sentence}")


def expect_equal(got: Any, want: Any, *, what: str, case: str = "") -> None:
    """Refuse anything that is not exactly the expected value: text, whole numbers, lists, dictionaries, arrays.

    Raises:
        Wrong: naming the first key or position that differs, or both values.
    """
    name = _name(what, case)
    if _is_array(want) or _is_array(got):
        expect_close(got, want, what=what, case=case, rtol=0, atol=0)
        return
    if isinstance(want, Mapping) and isinstance(got, Mapping):
        _expect_same_keys(got, want, name)
        for key in want:
            expect_equal(got[key], want[key], what=f"{name}: the value at {key!r}")
        return
    if isinstance(want, Sequence) and not isinstance(want, str) and type(got) is type(want):
        if len(got) != len(want):
            raise Wrong(f"{name}: expected {len(want)} items, got {len(got)}: {got!r:.80}")
        for index, (mine, theirs) in enumerate(zip(got, want, strict=True)):
            expect_equal(mine, theirs, what=f"{name}: item {index}")
        return
    if got != want:
        kinds = "" if type(got) is type(want) else f" (a {type(got).__name__}, not a {type(want).__name__})"
        raise Wrong(f"{name}: expected {want!r:.120}, got {got!r:.120}{kinds}")


def expect_type(got: Any, kind: type, *, what: str, case: str = "") -> None:
    """Refuse a value of another type.

    Raises:
        Wrong: naming both types.
    """
    if not isinstance(got, kind):
        raise Wrong(f"{_name(what, case)}: expected a {_qualified(kind)}, got a {_qualified(type(got))}")


def expect_rows_sum_to_one(got: Any, *, what: str, case: str = "", atol: float = 1e-6) -> None:
    """Refuse what is not a probability distribution along the last axis.

    Raises:
        Wrong: naming the first row with a negative or non-finite entry, or with another sum.
    """
    name = _name(what, case)
    rows = _array(got, name)
    if rows.ndim == 0:
        raise Wrong(f"{name}: expected a distribution, got the single number {_number(rows[()])}")
    bad = ~np.isfinite(rows) | (rows < 0)
    if bad.any():
        at = _first(bad)
        raise Wrong(f"{name}: {_at(at)}a probability must be >= 0 and finite, got {_number(rows[at])}")
    sums = rows.sum(axis=-1)
    off = np.abs(sums - 1) > atol
    if np.any(off):
        at = _first(np.asarray(off))
        row = f"row {', '.join(map(str, at))} sums" if at else "the probabilities sum"
        raise Wrong(f"{name}: {row} to {_number(sums[at])}, not to 1")


def expect_raises(error: type[Exception], answer: Answer, *args: Any, what: str, says: str = "", **kwargs: Any) -> None:
    """Refuse an answer that accepts bad input.

    Args:
        error: the exception that is wanted.
        answer: the function under check.
        *args: what it is called with.
        what: the bad input in words, such as ``"a temperature of 0"``.
        says: a regular expression that the exception's message must match.
        **kwargs: what it is called with, by name.

    Raises:
        Wrong: if nothing, or something else than ``error``, is raised, or the message does not match.
    """
    try:
        value = answer(*args, **kwargs)
    except error as raised:
        if not re.search(says, str(raised)):
            raise Wrong(f"{what}: the {error.__name__} must say {says!r}, yours says {str(raised)!r}") from None
        return
    raise Wrong(f"{what}: expected a {error.__name__}, but your function returned {value!r:.60}")


def _alike(given: Array, value: Any) -> bool:
    other = _array(value, "the value of a mistake")
    return given.shape == other.shape and np.allclose(given, other, rtol=1e-5, atol=1e-7, equal_nan=True)


def _name(what: str, case: str) -> str:
    return f"{what} for {case}" if case else what


def _is_array(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return isinstance(value, np.ndarray) or (torch is not None and isinstance(value, torch.Tensor))


def _array(value: Any, name: str) -> Array:
    """Read numbers out of whatever the answer returned; torch is looked at only if it is loaded already."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
    try:
        array = np.asarray(value)
    except Exception as error:
        raise Wrong(f"{name}: expected numbers, got a {type(value).__name__} ({error})") from None
    if array.dtype.kind not in "biufc":
        raise Wrong(f"{name}: expected numbers, got a {type(value).__name__}: {value!r:.60}")
    return array


def _expect_same_keys(got: Mapping[Any, Any], want: Mapping[Any, Any], name: str) -> None:
    missing = [key for key in want if key not in got]
    extra = [key for key in got if key not in want]
    if missing:
        raise Wrong(f"{name}: the key {missing[0]!r} is missing ({len(missing)} of {len(want)} are)")
    if extra:
        raise Wrong(f"{name}: the key {extra[0]!r} should not be there ({len(extra)} such)")


def _first(mask: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.argwhere(mask)[0])


def _at(index: tuple[int, ...]) -> str:
    return f"at [{', '.join(map(str, index))}] " if index else ""


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.inexact | float) else str(value)


def _qualified(kind: type) -> str:
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__name__}"


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
    return Result(exercise, status, message, points=exercise.points if status == "passed" else 0)  # type: ignore[arg-type]


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
