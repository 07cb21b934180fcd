"""The course as a reader meets it in a notebook: ``header``, ``check``, ``hint``, ``solution``, ``progress``.

>>> from sdg_lab import course
>>> course.check("01.smoothing", my_smoothing)  # doctest: +SKIP
✓ 01.smoothing passed: 2 of 2 points
"""

from __future__ import annotations

from sdg_lab.course.engine import notebooks, registry
from sdg_lab.course.engine.display import Header, Hint, Progress, Solution
from sdg_lab.course.engine.exercise import Answer, Exercise, Result, Wrong, WrongAnswer
from sdg_lab.course.engine.grade import verdict
from sdg_lab.course.engine.registry import Chapter, Paper
from sdg_lab.course.engine.weights import load as weights

__all__ = [
    "Chapter",
    "Exercise",
    "Paper",
    "Result",
    "Wrong",
    "WrongAnswer",
    "check",
    "header",
    "hint",
    "progress",
    "solution",
    "weights",
]

_results: dict[str, Result] = {}
_hints_given: dict[str, int] = {}


def header(number: str) -> Header:
    """Return what a chapter builds, the seconds it takes (measured), what to read first, and its papers.

    Args:
        number: two digits, such as ``"01"``.

    Raises:
        KeyError: if there is no such chapter.
    """
    declared = registry.chapter(number)
    try:
        path = notebooks.match(number, notebooks.chapters())
    except (FileNotFoundError, LookupError):  # a copy of the notebook, read elsewhere
        return Header(declared, stamp=None)
    return Header(declared, notebooks.stamp(notebooks.read(path)))


def check(key: str, answer: Answer) -> Result:
    """Check an answer to an exercise and say what is right or wrong with it.

    The answer is called with copies of its arguments, and whatever it does is told in the result. An exercise once
    passed stays passed in :func:`progress`.

    Args:
        key: the exercise, such as ``"01.smoothing"``.
        answer: your function itself, without brackets.

    Raises:
        KeyError: if there is no such exercise; the message names the nearest.
        TypeError: if the answer cannot be called.
    """
    result = verdict(registry.find(key), answer)
    if key not in _results or not _results[key].points:
        _results[key] = result
    return result


def hint(key: str, n: int | None = None) -> Hint:
    """Return the next hint, or the n-th; after the last one, the last again.

    Args:
        key: the exercise.
        n: which hint, counted from 1; by default the one after that given last in this session.

    Raises:
        KeyError: if there is no such exercise.
        ValueError: if it has no n-th hint.
    """
    exercise = registry.find(key)
    most = len(exercise.hints)
    if n is None:
        n = min(_hints_given.get(key, 0) + 1, most)
    if not 1 <= n <= most:
        raise ValueError(f"{key} has hints 1 to {most}, got {n}")
    _hints_given[key] = n
    return Hint(exercise, n)


def solution(key: str) -> Solution:
    """Return the source of the reference.

    Raises:
        KeyError: if there is no such exercise.
    """
    return Solution(registry.find(key))


def progress(chapter: str | None = None) -> Progress:
    """Return a table of the points earned in this session.

    Args:
        chapter: two digits; by default all chapters of which something was checked.

    Raises:
        KeyError: if there is no such chapter.
    """
    wanted = [chapter] if chapter else sorted({key[:2] for key in _results})
    return Progress([exercise for number in wanted for exercise in registry.exercises(number)], _results)
