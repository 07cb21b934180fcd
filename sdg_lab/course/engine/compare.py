"""Comparisons for checks: shape first, then whether the numbers are finite, then their values.

Each says what was compared, in which case, at which index, both values, and the largest difference. Expected values
come from an oracle; none of these functions ever computes one with the answer that is being judged, except
:func:`expect_raises`, which wants a refusal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sdg_lab.course.engine.exercise import Answer, Wrong

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
