"""Compare what an answer returned with what is right, whatever style it is written in.

Lists, tuples, generators, numpy, torch, fractions and sparse matrices with the right numbers in them are right. The
tolerance is that of the coarsest arithmetic among the answer, the reference and the arguments; its absolute part is of
the scale of what was added up, for terms may cancel, and then the result says nothing of their size.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy import isclose  # at once: an answer may put something else into numpy

Array = npt.NDArray[Any]

TOLERANCES = {2: (3e-2, 3e-2), 4: (1e-4, 1e-4), 8: (1e-5, 1e-7)}
"""For numbers of so many bytes: the relative tolerance, and the absolute one as a share of the largest value."""

MOST_ITEMS = 1_000_000
"""An iterator is read no further than this."""


FAR, NEAR = 1e-6, 1e-6 / 16
"""By these shares arguments are changed to learn of what size the terms are that a result is made of."""


@dataclass(frozen=True)
class Opaque:
    """What is no number, text or container: how it writes itself, taken down while the answer was watched."""

    text: str
    kind: str = field(repr=False)

    def __repr__(self) -> str:
        return self.text


def settle(value: Any) -> Any:
    """Turn what is read only once, or lies in a container of some library, into lists, arrays, numbers and texts.

    None of an answer's own methods is called afterwards.
    """
    if is_tensor(value):
        try:
            dense = value if value.layout == sys.modules["torch"].strided else value.to_dense()
            _numpy(dense)
        except Exception:  # on the meta device, quantised, nested, or of 8 bits: numpy has no such thing
            return Opaque(_short(value), _kind(value))
        return dense
    if isinstance(value, np.ndarray):
        return np.asarray(value)  # a subclass, such as that of masked arrays, compares in its own way
    if value is None or value is ... or isinstance(value, bytes | np.generic | bool | int | float | complex):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Fraction | Decimal):
        return float(value)
    for method in ("toarray", "to_numpy"):  # scipy's sparse matrices; pandas
        if hasattr(value, method) and not isinstance(value, type):
            return getattr(value, method)()
    if isinstance(value, Mapping):
        return {key: settle(item) for key, item in value.items()}
    if isinstance(value, Set) and not isinstance(value, type({}.keys())):
        return {settle(item) for item in value}
    if isinstance(value, tuple):
        return tuple(settle(item) for item in value)
    if isinstance(value, Iterator | Sequence | type({}.keys()) | type({}.values())) or hasattr(value, "__next__"):
        return [settle(item) for item in itertools.islice(value, MOST_ITEMS)]
    if hasattr(value, "__array__") and not isinstance(value, type):
        return np.asarray(value)
    return Opaque(_short(value), _kind(value))


def difference(
    got: Any,
    want: Any,
    *,
    rtol: float = 1e-5,
    size: int = 8,
    scale: Any = None,
    parts: Sequence[str] = (),
    keeps_dtype: bool = False,
) -> str:
    """Return what is the matter with an answer, as the rest of a sentence; empty if it is right.

    Args:
        got: what the answer returned, settled.
        want: what is right.
        rtol: relative tolerance in double precision.
        size: bytes of the coarsest floating number among the arguments.
        scale: of the terms of ``want``, as :func:`scales` returns it; by default that of ``want`` itself.
        parts: names of the things in a tuple.
        keeps_dtype: a dtype other than that of ``want`` is wrong.
    """
    options: dict[str, Any] = {"rtol": rtol, "size": size, "keeps_dtype": keeps_dtype}
    if parts:
        want = tuple(want)
        if not _has_items(got) or len(got) != len(want):
            return f"expected {len(want)} things ({', '.join(parts)}), got {_short(got)}"
        return _first(
            (f"{name}: ", difference(mine, theirs, scale=_part(scale, index), **options))
            for index, (name, mine, theirs) in enumerate(zip(parts, got, want, strict=True))
        )
    if _is_numeric(want):
        return _different_numbers(got, want, scale=largest(scale), **options)
    if isinstance(want, Mapping):
        return _different_mappings(got, want, scale, options)
    if isinstance(want, str | bytes):
        if isinstance(got, type(want)):
            return "" if got == want else _different_texts(got, want)
        return f"expected {_short(want)}, got {_short(got)}, a {_kind(got)}, not a {_kind(want)}"
    if isinstance(want, Set):
        return _different_sets(got, want)
    if isinstance(want, Sequence) or (isinstance(want, np.ndarray) and want.ndim):
        if not _has_items(got):
            return f"expected a {_kind(want)} of {len(want)} items, got {_short(got)}, a {_kind(got)}"
        if len(got) != len(want):
            return f"expected {len(want)} item{'s' * (len(want) != 1)}, got {len(got)}: {_short(got)}"
        return _first(
            (f"item {index}: ", difference(mine, theirs, scale=_part(scale, index), **options))
            for index, (mine, theirs) in enumerate(zip(got, want, strict=True))
        )
    return "" if got == want else f"expected {_short(want)}, got {_short(got)}"


def scales(value: Any, moved: Sequence[tuple[Any, Any]]) -> Any:
    """Return of what size the terms of each number are: how far it moves when the arguments move by their own size.

    Rounding changes an argument or a term by a share of itself; so this, and not the size of a result in which terms
    may cancel, is what an absolute tolerance is a share of. Where a value jumps, or moves otherwise than in proportion,
    nothing is concluded from it.

    Args:
        value: what a function returned, in double precision.
        moved: what it returned for arguments that were changed by the share ``FAR`` and, the same way, by ``NEAR``.

    Returns:
        Numbers, arranged as the value is; of an array the largest.
    """
    if isinstance(value, Mapping):
        return {key: scales(part, [(far[key], near[key]) for far, near in moved]) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [scales(part, [(far[i], near[i]) for far, near in moved]) for i, part in enumerate(value)]
    most = 0.0
    for pair in moved:
        still, far, near = (np.asarray(_array(part)) for part in (value, *pair))
        if not all(array.dtype.kind == "f" and array.shape == still.shape for array in (still, far, near)):
            return 0.0
        with np.errstate(invalid="ignore"):
            distance, again = np.abs(far - still) / FAR, np.abs(near - still) / NEAR
            steady = np.abs(distance - again) <= 0.1 * distance
        most = max(most, float(distance[steady & np.isfinite(distance)].max(initial=0)))
    return most


def _part(scale: Any, key: Any) -> Any:
    return scale[key] if isinstance(scale, list | dict) else scale


def largest(scale: Any) -> float:
    """Return the largest number of what :func:`scales` returns; 0 where nothing is known."""
    if isinstance(scale, list | dict):
        return max(map(largest, scale.values() if isinstance(scale, dict) else scale), default=0.0)
    return scale or 0.0


def in_the_form_of(value: Any, like: Any) -> Any:
    """Return a right answer as the reference writes it: an array, a tensor, a number; gradients are kept.

    Args:
        value: the answer, settled.
        like: what the reference returned in some case.
    """
    if is_tensor(like):
        return _tensor(value).reshape(()) if not like.ndim else _tensor(value)
    if isinstance(like, np.ndarray):
        return _array(value)
    if isinstance(like, bool | int | float | np.generic) and not isinstance(value, str):
        number = np.asarray(_array(value)).reshape(())[()]
        return number if isinstance(like, np.generic) else type(like)(number)
    if isinstance(like, tuple) and len(value) == len(like):
        return tuple(in_the_form_of(mine, theirs) for mine, theirs in zip(value, like, strict=True))
    if isinstance(like, list) and like:  # as many as there are, all of one kind
        return [in_the_form_of(item, like[0]) for item in value]
    if isinstance(like, list | tuple | set | frozenset | dict):
        return type(like)(value)
    return value


def _tensor(value: Any) -> Any:
    torch = sys.modules["torch"]
    if isinstance(value, list | tuple) and any(is_tensor(item) or isinstance(item, list | tuple) for item in value):
        return torch.stack([_tensor(item) for item in value])
    return torch.as_tensor(value)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal to the last bit: arguments before and after a call."""
    if is_tensor(one) or isinstance(one, np.ndarray):
        if type(one) is not type(other) or one.shape != other.shape or one.dtype != other.dtype:
            return False
        mine, theirs = (_numpy(value) if is_tensor(value) else value for value in (one, other))
        return bool(np.array_equal(mine, theirs, equal_nan=mine.dtype.kind in "fc"))
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping) and list(one) == list(other) and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return (
            type(one) is type(other)
            and len(one) == len(other)
            and all(same(mine, theirs) for mine, theirs in zip(one, other, strict=True))
        )
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if getattr(type(one), "__eq__", None) is object.__eq__:  # compared by identity
        return type(one) is type(other)
    return bool(one == other)


def coarsest(value: Any) -> int:
    """Return the bytes of the coarsest floating number in a value, at most 8."""
    if is_tensor(value):
        return value.dtype.itemsize if value.dtype.is_floating_point else 8
    if isinstance(value, np.ndarray | np.generic):
        return min(value.dtype.itemsize, 8) if value.dtype.kind == "f" else 8
    if isinstance(value, Mapping):
        return min(map(coarsest, value.values()), default=8)
    if isinstance(value, list | tuple):
        return min(map(coarsest, value[:1000]), default=8)
    return 8


def is_tensor(value: Any) -> bool:
    """Tell whether this is a tensor, without loading torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _has_items(got: Any) -> bool:
    if isinstance(got, np.ndarray) or is_tensor(got):
        return bool(got.ndim)
    return isinstance(got, Sequence) and not isinstance(got, str | bytes)


def _is_numeric(want: Any) -> bool:
    if isinstance(want, bool | int | float | complex | np.number | np.bool_) or is_tensor(want):
        return True
    if isinstance(want, np.ndarray):
        return want.dtype.kind in "biufc"
    if isinstance(want, list | tuple) and want:
        array = _array(want)
        plain = all(isinstance(item, bool | int | float | np.generic | list | tuple) for item in want)
        return plain and not isinstance(array, str) and array.dtype.kind in "biufc"
    return False


def _different_numbers(got: Any, want: Any, *, scale: float, rtol: float, size: int, keeps_dtype: bool) -> str:
    expected = _array(want)
    given = _array(got)
    if isinstance(expected, str) or isinstance(given, str) or given.dtype.kind not in "biufc":
        return f"expected numbers, got {_short(got)}, a {_kind(got)}"
    if given.dtype.kind != "b" and expected.dtype.kind == "b":
        return f"expected True or False, got {_short(got)} ({given.dtype})"
    if given.dtype.kind == "b" and expected.dtype.kind != "b":
        return f"expected numbers, got {_short(got)}"
    if (
        expected.size == 1
        and given.size == 1
        and max(expected.ndim, given.ndim) <= 2
        and not all((expected.ndim, given.ndim))
    ):
        given = given.reshape(expected.shape)  # a single number, in whatever brackets
    if given.shape != expected.shape:
        return f"expected shape {expected.shape}, got {given.shape}"
    if given.dtype.kind == "c" and expected.dtype.kind != "c":
        idle = bool(np.all(np.abs(given.imag) <= 1e-9 * np.abs(given).max(initial=1)))
        return f"expected real numbers, got complex ones{'; their imaginary part is 0, take .real' if idle else ''}"
    if keeps_dtype and given.dtype != expected.dtype:
        return f"expected numbers of dtype {_dtype(want)}, got {_dtype(got)}"
    exact = expected.dtype.kind in "bui"
    relative, absolute = (0.0, 0.0) if exact else tolerance(min(size, coarsest(got), coarsest(want)), rtol)
    finite = np.isfinite(expected)
    scale = max(scale, float(np.abs(expected[finite]).max(initial=0))) if not exact else 0.0
    close = isclose(given, expected, rtol=relative, atol=absolute * scale, equal_nan=True)
    return "" if close.all() else _told(given, expected, close)


def tolerance(size: int, rtol: float = 1e-5) -> tuple[float, float]:
    """Return the relative tolerance, and the absolute one as a share of the scale, of floats of so many bytes."""
    relative, absolute = TOLERANCES[8 if size >= 8 else 4 if size >= 4 else 2]
    return (rtol, rtol / 100) if size >= 8 else (max(relative, rtol), absolute)


def _told(given: Array, expected: Array, close: Array) -> str:
    """Say where two arrays of one shape differ, and by how much."""
    at = tuple(int(index) for index in np.argwhere(~close)[0])
    where = f"at [{', '.join(map(str, at))}] " if at else ""
    mine, right = given[at], expected[at]
    digits = 6
    while _number(mine, digits) == _number(right, digits) and digits < 17:
        digits += 1
    notes = [f"{np.count_nonzero(~close)} of {close.size} values differ"] if close.size > 1 else []
    both = np.isfinite(given) & np.isfinite(expected)
    off = np.abs(given[both].astype(complex) - expected[both])
    if off.size and off.max() > 0:
        notes.append(f"largest difference {off.max():.3g}")
    if np.isfinite(right) and not np.isfinite(mine):
        notes.append("not finite")
    elif both.all() and off.max() < 1e-3 * np.abs(expected).max():
        notes.append("is something rounded, or is a small number added that should not be there?")
    tail = f" ({'; '.join(notes)})" if notes else ""
    return f"{where}expected {_number(right, digits)}, got {_number(mine, digits)}{tail}"


def _different_texts(got: Any, want: Any) -> str:
    """Say where two texts part; every space is shown, and of long texts what surrounds the place."""
    if max(len(got), len(want)) <= 60:
        return f"expected {want!r}, got {got!r}"
    pairs = enumerate(zip(got, want, strict=False))
    at = next((index for index, (mine, right) in pairs if mine != right), min(len(got), len(want)))
    begin = max(at - 20, 0)
    pieces = [f"{'...' * (begin > 0)}{text[begin : at + 20]!r}{'...' * (at + 20 < len(text))}" for text in (want, got)]
    return f"from character {at} on expected {pieces[0]}, got {pieces[1]}"


def _different_mappings(got: Any, want: Mapping[Any, Any], scale: Any, options: dict[str, Any]) -> str:
    if not isinstance(got, Mapping):
        return f"expected a dictionary, got {_short(got)}, a {_kind(got)}"
    missing = [key for key in want if key not in got]
    extra = [key for key in got if key not in want]
    if missing:
        return f"the key {missing[0]!r} is missing ({len(missing)} of {len(want)} are)"
    if extra:
        return f"the key {extra[0]!r} should not be there ({len(extra)} such)"
    return _first(
        (f"the value at {key!r}: ", difference(got[key], want[key], scale=_part(scale, key), **options)) for key in want
    )


def _different_sets(got: Any, want: Set[Any]) -> str:
    if isinstance(got, str | bytes) or not isinstance(got, Set | Sequence):
        return f"expected a set, got {_short(got)}, a {_kind(got)}"
    if missing := [item for item in want if item not in got]:
        return f"{_short(missing[0])} is missing ({len(missing)} of {len(want)} are)"
    if extra := [item for item in got if item not in want]:
        return f"{_short(extra[0])} should not be there ({len(extra)} such)"
    return "" if len(got) == len(want) else f"expected {len(want)} items, got {len(got)}; some stand there twice"


def _first(found: Iterator[tuple[str, str]]) -> str:
    return next((name + told for name, told in found if told), "")


def _array(value: Any) -> Array | str:
    """Read numbers; a text says that there are none."""
    if is_tensor(value):
        return _numpy(value)
    if isinstance(value, list | tuple):
        if any(isinstance(item, str | bytes | Mapping) for item in value):
            return "no numbers"
        parts = [_array(item) for item in value]
        if any(isinstance(part, str) for part in parts) or len({np.shape(part) for part in parts}) > 1:
            return "no numbers"
        return np.asarray(parts) if parts else np.empty(0)
    try:
        array = np.asarray(value)
        return array.astype(float) if array.dtype == object and array.size else array
    except Exception as error:
        return str(error) or "no numbers"


def _numpy(tensor: Any) -> Array:
    torch = sys.modules["torch"]
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def _number(value: Any, digits: int = 6) -> str:
    return f"{value:.{digits}g}" if isinstance(value, np.inexact | float) else str(value)


def _dtype(value: Any) -> str:
    return str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # an answer's own
        text = f"a {_kind(value)}"
    text = text if isinstance(value, str | bytes) else " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def _kind(value: Any) -> str:
    if isinstance(value, Opaque):
        return value.kind
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
