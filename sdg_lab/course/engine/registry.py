"""Find what the chapters declare: ``ch00/exercises.py``, ``ch01/exercises.py``, ..., each loaded when first asked.

It defines ``CHAPTER`` (a :class:`Chapter`) and ``EXERCISES`` (a tuple of exercises).
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

from sdg_lab.course.engine.exercise import KEY, Exercise

COURSE = "sdg_lab.course"
"""The package whose folders ``chNN`` are the chapters' rooms."""


class Savable(Protocol):
    """A model that can be written to a file."""

    def save(self, path: str | Path) -> None: ...  # noqa: D102 - said by the class


Train = Callable[[], Savable]
"""Trains a model from nothing, the same on each call."""


@dataclass(frozen=True)
class Paper:
    """A paper that a chapter stands on, as the catalog has it."""

    title: str
    authors: str
    year: int
    url: str


@dataclass(frozen=True)
class Chapter:
    """What a chapter's first cell says of it; seconds are not declared, they are measured.

    Attributes:
        number: two digits.
        title: a few words.
        builds: one or two sentences: what the reader will have built at the end.
        read_first: chapters (or books) to read before, in words; empty if none.
        papers: where it comes from.
    """

    number: str
    title: str
    builds: str
    read_first: str = ""
    papers: tuple[Paper, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d", self.number):
            raise ValueError(f"chapter number must be two digits, got {self.number!r}")
        if not self.title or not self.builds:
            raise ValueError(f"chapter {self.number} needs a title and a sentence on what it builds")


def numbers() -> tuple[str, ...]:
    """Return the numbers of the chapters that have a module, sorted; loads none of them."""
    rooms = sys.modules[COURSE].__path__  # loaded, since this module is a part of it
    found = (re.fullmatch(r"ch(\d\d)", module.name) for module in pkgutil.iter_modules(rooms))
    return tuple(sorted(match[1] for match in found if match))


def chapter(number: str) -> Chapter:
    """Return what a chapter says of itself.

    Raises:
        KeyError: if there is no such chapter.
        TypeError, ValueError: if its module does not declare it.
    """
    declared = getattr(_module(number), "CHAPTER", None)
    if not isinstance(declared, Chapter):
        raise TypeError(f"sdg_lab/course/ch{number}/exercises.py must define CHAPTER, a Chapter; got {declared!r}")
    if declared.number != number:
        raise ValueError(
            f"sdg_lab/course/ch{number}/exercises.py declares chapter {declared.number!r}; its number is {number}"
        )
    return declared


def exercises(number: str) -> tuple[Exercise, ...]:
    """Return a chapter's exercises in their order.

    Raises:
        KeyError: if there is no such chapter.
        TypeError, ValueError: if its module does not declare them well.
    """
    declared = getattr(_module(number), "EXERCISES", None)
    if not isinstance(declared, tuple) or not all(isinstance(exercise, Exercise) for exercise in declared):
        raise TypeError(f"sdg_lab/course/ch{number}/exercises.py must define EXERCISES, a tuple of Exercise")
    keys = [exercise.key for exercise in declared]
    for key in keys:
        if key[:2] != number or keys.count(key) > 1:
            raise ValueError(
                f"sdg_lab/course/ch{number}/exercises.py: key {key!r} must begin with {number}. and occur once"
            )
    return declared


def weights(number: str) -> Mapping[str, Train]:
    """Return the trained weights that ship with a chapter: for each name what trains them, and may be saved.

    Raises:
        KeyError: if there is no such chapter.
        ValueError: if a name does not begin with the chapter's number.
    """
    declared: Mapping[str, Train] = getattr(_module(number), "WEIGHTS", {})
    for name in declared:
        if not name.startswith(f"{number}-"):
            raise ValueError(f"sdg_lab/course/ch{number}/exercises.py: weights {name!r} must begin with {number}-")
    return declared


def find(key: str) -> Exercise:
    """Return the exercise with this key; only its own chapter's module is loaded.

    Raises:
        KeyError: if there is none; the message names the nearest keys.
    """
    matched = KEY.fullmatch(key)
    if not matched or matched["chapter"] not in numbers():
        raise UnknownError(
            f"no exercise {key!r}; a key is a chapter ({', '.join(numbers()) or 'none yet'}) and a name, "
            "such as '01.smoothing'"
        )
    there = {exercise.key: exercise for exercise in exercises(matched["chapter"])}
    if key not in there:
        near = difflib.get_close_matches(key, there, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownError(f"no exercise {key!r}; {meant}chapter {matched['chapter']} has {', '.join(there)}")
    return there[key]


class UnknownError(KeyError):
    """A KeyError whose message is printed as the sentence it is, not as a quoted key."""

    def __str__(self) -> str:
        return str(self.args[0])


def _module(number: str) -> ModuleType:
    if number not in numbers():
        raise UnknownError(f"no chapter {number!r}; there are {', '.join(numbers()) or 'none yet'}")
    return importlib.import_module(f"{COURSE}.ch{number}.exercises")
