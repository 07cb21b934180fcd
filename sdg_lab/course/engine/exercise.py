"""What an exercise is: declared once, in its chapter's module, and refused at once if it is declared badly.

An exercise carries its own proof: a reference that passes, and at least three wrong answers that people really give,
each with the sentence that must refuse it. The tests run all of them for every exercise of every chapter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Answer = Callable[..., Any]
"""What a student hands in: a function (or a class)."""

Status = Literal["passed", "failed", "not attempted", "error"]

KEY = re.compile(r"(?P<chapter>\d\d)\.(?P<name>[a-z][a-z0-9_]*)")
"""The form of an exercise's key, such as ``01.smoothing``."""

FEWEST_WRONG_ANSWERS = 3


class Wrong(AssertionError):
    """What a check raises when an answer is wrong; its message is the sentence that the student reads."""


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


_MARKS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "#007a5a"),
    "failed": ("✗", "#c04a00"),
    "error": ("✗", "#c04a00"),
    "not attempted": ("…", "#767676"),
}


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of one check: coloured in a notebook, one line in a terminal.

    Attributes:
        exercise: what was checked.
        status: ``passed``, ``failed`` (a wrong value), ``error`` (the answer raised) or ``not attempted``.
        message: what the student reads.
        points: what the answer earned: all of the exercise's points, or 0.
    """

    exercise: Exercise
    status: Status
    message: str
    points: int

    def __str__(self) -> str:
        mark, _ = _MARKS[self.status]
        return f"{mark} {self._verdict()}\n{self.message}" if self.message else f"{mark} {self._verdict()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mark, colour = _MARKS[self.status]
        message = f"<br>{html.escape(self.message).replace(chr(10), '<br>')}" if self.message else ""
        return (
            f'<div style="border-left: 4px solid {colour}; padding: 0.3em 0.8em">'
            f'<b style="color: {colour}">{mark}</b> <b>{html.escape(self._verdict())}</b>{message}</div>'
        )

    def _verdict(self) -> str:
        points = f"{self.points} of {self.exercise.points} point{'s' if self.exercise.points > 1 else ''}"
        return f"{self.exercise.key} {self.status}: {points}"
