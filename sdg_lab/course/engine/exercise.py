"""What an exercise is: declared once, in its chapter's room, and refused at once if it is declared badly.

An exercise says what it asks for: a right function, the cases on which an answer is compared with it, and the mistakes
that people really make. Everything else is the business of :mod:`~sdg_lab.course.engine.grade`.
"""

from __future__ import annotations

import html
import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

Answer = Callable[..., Any]
"""What a student hands in: a function."""

Status = Literal["passed", "failed", "not attempted", "error"]

KEY = re.compile(r"(?P<chapter>\d\d)\.(?P<name>[a-z][a-z0-9_]*)")
"""The form of an exercise's key, such as ``01.smoothing``."""

FEWEST_MISTAKES = 3


class Wrong(AssertionError):
    """An answer is wrong; the message is the sentence that the student reads."""


class Case:
    """What an answer is called with, once.

    Args:
        *args: the arguments.
        name: the case in words, such as ``"a context that was never seen"``; by default the arguments are described.
        **kwargs: arguments by name.
    """

    def __init__(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        self.args, self.kwargs, self.name = args, kwargs, name


@dataclass(frozen=True)
class Mistake:
    """A mistake that people really make.

    Attributes:
        sentence: what the student reads who made it: what is wrong and what is right.
        answer: a function that makes it, with the parameters of the reference.
    """

    sentence: str
    answer: Answer

    def __post_init__(self) -> None:
        if not self.sentence.strip():
            raise ValueError("a mistake needs the sentence that its author will read")
        if not callable(self.answer):
            raise TypeError(f"the mistake {self.sentence!r} needs a function, got {type(self.answer).__name__}")


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
        reference: a right answer that shows the formula and calls nothing of this project, under the name that the
            stub has; ``solution`` prints it with all it needs.
        cases: takes a random generator and yields a :class:`Case` for each call: several sizes and odd shapes, the
            extremes, both precisions. It draws from this generator alone, so that the same seed makes the same cases.
        mistakes: at least three that people really make.
        returns: what is returned, in words; a tuple of words if it is a tuple of things.
        differentiable: the parameters with respect to which the answer will be differentiated. Tensors that already
            require a gradient, such as a network's weights, are always looked at.
        keeps_dtype: the dtype of the answer matters: it must be that of the reference.
        rtol: the relative tolerance of answers in double precision.
        form: for answers with some freedom (an order, a choice of names): brings an answer to a case into the one form
            that is compared. It may raise :class:`Wrong`.
        without: names that a solution must not use, such as ``backward`` where a closed form is asked for.
        seconds: how long all cases together may take.

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
    cases: Callable[[np.random.Generator], Iterable[Case]]
    mistakes: tuple[Mistake, ...]
    returns: str | tuple[str, ...] = "the answer"
    differentiable: tuple[str, ...] = ()
    keeps_dtype: bool = False
    rtol: float = 1e-5
    form: Callable[[Any, Case], Any] | None = None
    without: tuple[str, ...] = ()
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError(f"exercise key must look like '01.smoothing', got {self.key!r}")
        for name in ("title", "task"):
            if not getattr(self, name).strip():
                raise ValueError(f"exercise {self.key} needs a {name}")
        for name in ("points", "minutes"):
            if getattr(self, name) < 1:
                raise ValueError(f"exercise {self.key}: {name} must be >= 1, got {getattr(self, name)}")
        for name in ("reference", "cases"):
            if not callable(getattr(self, name)):
                raise TypeError(f"exercise {self.key}: {name} must be a function, got {getattr(self, name)!r}")
        for name in ("hints", "differentiable", "without"):
            if type(getattr(self, name)) is not tuple:
                raise TypeError(f"exercise {self.key}: {name} must be a tuple, got {getattr(self, name)!r}")
        if not self.hints:
            raise ValueError(f"exercise {self.key} needs at least one hint")
        if len(self.mistakes) < FEWEST_MISTAKES:
            raise ValueError(f"exercise {self.key} needs at least {FEWEST_MISTAKES} mistakes, got {len(self.mistakes)}")
        sentences = [mistake.sentence for mistake in self.mistakes]
        if len(set(sentences)) < len(sentences):
            raise ValueError(f"exercise {self.key}: each mistake needs a sentence of its own")
        if unknown := set(self.differentiable) - set(self.parameters):
            raise ValueError(f"exercise {self.key}: the reference has no parameter {', '.join(sorted(unknown))}")

    @property
    def chapter(self) -> str:
        """The two digits of the chapter."""
        return self.key[:2]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the reference's parameters."""
        return tuple(inspect.signature(self.reference).parameters)

    def arguments(self, case: Case) -> Mapping[str, Any]:
        """Return the arguments of a case by the names of the reference's parameters."""
        return inspect.signature(self.reference).bind(*case.args, **case.kwargs).arguments


def _as_it_stands(text: str) -> str:
    """Return text as HTML that shows each of its characters, line ends and runs of spaces too."""
    return html.escape(text).replace("  ", "&nbsp; ").replace("  ", "&nbsp; ").replace("\n", "<br>")


def _marked_up(sentence: str) -> str:
    """Return an author's sentence as HTML, with its `code` and its *emphasis*."""
    pieces = html.escape(sentence).split("`")
    emphasised = (re.sub(r"(?<![*\w])\*(\w[^*]*)\*(?![*\w])", r"<em>\1</em>", piece) for piece in pieces[::2])
    code = (f"<code>{piece}</code>" for piece in pieces[1::2])
    return "".join(itertools.chain(*itertools.zip_longest(emphasised, code, fillvalue="")))


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
        printed: what the answer printed while it was checked, cut where it is long.
    """

    exercise: Exercise
    status: Status
    message: str
    points: int
    printed: str = ""

    def __str__(self) -> str:
        lines = [f"{_MARKS[self.status][0]} {self._verdict()}", self.message]
        lines += ["Your function printed:", self.printed] if self.printed else []
        return "\n".join(filter(None, lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mark, colour = _MARKS[self.status]
        sentences = (mistake.sentence for mistake in self.exercise.mistakes)
        sentence = next((said for said in sentences if self.message.startswith(said)), "")  # an author's, the rest not
        told = _marked_up(sentence) + _as_it_stands(self.message.removeprefix(sentence))
        message = f"<br>{told}" if self.message else ""
        printed = f"<br>Your function printed:<pre>{html.escape(self.printed)}</pre>" if self.printed else ""
        return (
            f'<div style="border-left: 4px solid {colour}; padding: 0.3em 0.8em">'
            f'<b style="color: {colour}">{mark}</b> <b>{html.escape(self._verdict())}</b>{message}{printed}</div>'
        )

    def _verdict(self) -> str:
        points = f"{self.points} of {self.exercise.points} point{'s' if self.exercise.points > 1 else ''}"
        return f"{self.exercise.key} {self.status}: {points}"
