"""Checks of arguments, one for each kind, so that a refusal reads the same everywhere: the name, the rule, the value.

>>> whole("n", 3, least=1)
3
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from typing import Any, ParamSpec

import numpy as np

P = ParamSpec("P")


def whole(name: str, value: Any, *, least: int | None = None, most: int | None = None) -> int:
    """Return ``value`` as an int.

    Raises:
        ValueError: if it is not a whole number (``True`` is none), or lies outside [least, most].
    """
    right = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not right or (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{name} must be a whole number{_bounds(least=least, most=most)}, got {value!r}")
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> float:
    """Return ``value`` as a float.

    Raises:
        ValueError: if it is not a finite number, or lies outside the bounds (``above`` and ``below`` are excluded).
    """
    right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))
    plain = value.item() if isinstance(value, np.number) else value  # a float32 would bring the bounds to its own range
    right = right and abs(plain) <= sys.float_info.max  # a whole number may be larger than any float; NaN fails too
    right = right and (above is None or plain > above) and (least is None or plain >= least)
    if not (right and (below is None or plain < below) and (most is None or plain <= most)):
        bounds = _bounds(above=above, least=least, below=below, most=most)
        raise ValueError(f"{name} must be {bounds.removeprefix(' ') or 'a finite number'}, got {value!r}")
    return float(plain)


def seed_or_none(value: Any) -> int | None:
    """Return a seed of random numbers, below 2⁶³, or None for others each time.

    Raises:
        ValueError: if it is neither.
    """
    return None if value is None else whole("seed", value, least=0, most=2**63 - 1)


def truth(name: str, value: Any) -> bool:
    """Return ``value`` if it is True or False, and refuse what only counts as one of them, such as ``"no"``."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def several(name: str, values: Any) -> tuple[Any, ...]:
    """Return several values as a tuple, and refuse one alone: a text would be split into its letters."""
    if isinstance(values, str) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise ValueError(f"{name} must be several values, such as [{values!r}], got {values!r}")
    return tuple(values)


def one_of(name: str, value: Any, choices: Iterable[str]) -> Any:
    """Return ``value`` if it is one of the choices.

    Raises:
        ValueError: if it is not; the message names all of them, and the nearest.
    """
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}{did_you_mean(value, choices)}")
    return value


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'epochs'?"`` for the choice nearest to a mistyped word, or nothing."""
    near = difflib.get_close_matches(str(word), list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _bounds(**bounds: float | None) -> str:
    signs = {"above": ">", "least": ">=", "below": "<", "most": "<="}
    said = [f"{signs[side]} {bound:g}" for side, bound in bounds.items() if bound is not None]
    return f" {' and '.join(said)}" if said else ""
