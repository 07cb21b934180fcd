"""What the course prints: each thing is rich in a notebook and plain in a terminal."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdg_lab.course.engine.exercise import Exercise, Result
from sdg_lab.course.engine.notebooks import Stamp
from sdg_lab.course.engine.registry import Chapter
from sdg_lab.course.engine.source import runnable

NOT_MEASURED = "not measured yet"
"""What a header says before the chapter's first execution; the runner puts the measured time in its place."""


def duration(stamp: Stamp | None) -> str:
    """Return how long a chapter takes, in the words that its header uses."""
    return stamp.duration() if stamp else NOT_MEASURED


@dataclass(frozen=True, repr=False)
class Header:
    """A chapter's first output: what is built, how long it takes, what to read first, and its papers."""

    chapter: Chapter
    stamp: Stamp | None

    def __str__(self) -> str:
        lines = [f"{label}: {text}" for label, text in self._lines()]
        lines += [f"  {paper.authors} ({paper.year}), {paper.title}, {paper.url}" for paper in self.chapter.papers]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [f"**{label}** {text}" for label, text in self._lines()]
        papers = [f"- {paper.authors} ({paper.year}), [{paper.title}]({paper.url})" for paper in self.chapter.papers]
        return "\n\n".join(lines) + ("\n\n" + "\n".join(papers) if papers else "")

    def _lines(self) -> list[tuple[str, str]]:
        lines = [("You will build", self.chapter.builds), ("It takes", duration(self.stamp))]
        if self.chapter.read_first:
            lines.append(("Read first", self.chapter.read_first))
        if self.chapter.papers:
            lines.append(("Papers", ""))
        return lines


@dataclass(frozen=True, repr=False)
class Hint:
    """One hint of several."""

    exercise: Exercise
    number: int

    def __str__(self) -> str:
        return f"{self._label()}: {self.exercise.hints[self.number - 1]}"

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return f"**{self._label()}:** {self.exercise.hints[self.number - 1]}"

    def _label(self) -> str:
        return f"Hint {self.number} of {len(self.exercise.hints)}"


@dataclass(frozen=True, repr=False)
class Solution:
    """A right answer that runs where it is pasted: highlighted in a notebook, plain in a terminal."""

    exercise: Exercise

    def __str__(self) -> str:
        return runnable(self.exercise.reference)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


@dataclass(frozen=True, repr=False)
class Progress:
    """The exercises of some chapters with what was earned in this session."""

    exercises: Sequence[Exercise]
    results: Mapping[str, Result]

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(result.points for key, result in self.results.items() if key in self._keys())

    @property
    def most(self) -> int:
        """Points there are."""
        return sum(exercise.points for exercise in self.exercises)

    def __str__(self) -> str:
        if not self.exercises:
            return "No exercise checked yet in this session."
        width = max(len(exercise.key) for exercise in self.exercises)
        rows = [
            f"{exercise.key:<{width}}  {points:>2} of {exercise.points:<2}  {status}"
            for exercise, status, points in self._rows()
        ]
        return "\n".join([*rows, f"{'total':<{width}}  {self.points:>2} of {self.most:<2}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.exercises:
            return f"<p>{self}</p>"
        rows = "".join(
            f"<tr><td>{exercise.key}</td><td>{html.escape(exercise.title)}</td><td>{exercise.minutes} min</td>"
            f"<td>{points} of {exercise.points}</td><td>{status}</td></tr>"
            for exercise, status, points in self._rows()
        )
        head = "<tr><th>exercise</th><th></th><th>time</th><th>points</th><th></th></tr>"
        total = f"<tr><th>total</th><th></th><th></th><th>{self.points} of {self.most}</th><th></th></tr>"
        return f"<table>{head}{rows}{total}</table>"

    def _rows(self) -> list[tuple[Exercise, str, int]]:
        """Return exercise, status and points of each row."""
        rows: list[tuple[Exercise, str, int]] = []
        for exercise in self.exercises:
            result = self.results.get(exercise.key)
            rows.append((exercise, result.status if result else "not attempted", result.points if result else 0))
        return rows

    def _keys(self) -> set[str]:
        return {exercise.key for exercise in self.exercises}
