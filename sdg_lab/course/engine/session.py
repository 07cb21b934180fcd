"""What one reader has done since the kernel was started."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from sdg_lab.course.engine import notebooks, registry
from sdg_lab.course.engine.compare import in_the_form_of, settle
from sdg_lab.course.engine.display import Header, Hint, Progress, Solution
from sdg_lab.course.engine.exercise import Answer, Result
from sdg_lab.course.engine.grade import typical_value, verdict


class Session:
    """Remembers what was checked, which hints were given, and which functions passed."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}
        self._hints_given: dict[str, int] = {}
        self._passed: dict[str, Answer] = {}

    def header(self, number: str) -> Header:
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

    def check(self, key: str, answer: Answer) -> Result:
        """Check an answer to an exercise and say what is right or wrong with it.

        Whatever the answer does, it is told in the result. An exercise once passed stays passed in :meth:`progress`,
        and from then on :meth:`use` returns the function that passed.

        Args:
            key: the exercise, such as ``"01.smoothing"``.
            answer: your function itself, without brackets.

        Raises:
            KeyError: if there is no such exercise; the message names the nearest.
            TypeError: if the answer cannot be called.
        """
        exercise = registry.find(key)
        result = verdict(exercise, answer)
        if result.status == "passed":
            self._passed[key] = answer
        if key not in self._results or not self._results[key].points:
            self._results[key] = result
        return result

    def use(self, key: str) -> Answer:
        """Return your own function if it has passed its check, else the course's.

        Yours may have been written in any style: what it returns is handed on as an array, a tensor or a number,
        whichever the course's function returns, and what is called by name reaches your parameter in its place.

        Args:
            key: the exercise, such as ``"01.smoothing"``.

        Raises:
            KeyError: if there is no such exercise; the message names the nearest.
        """
        exercise = registry.find(key)
        if key not in self._passed:
            return exercise.reference
        answer, like = self._passed[key], typical_value(exercise)
        signature = inspect.signature(exercise.reference)

        @functools.wraps(answer)
        def yours(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            return in_the_form_of(settle(answer(*given.args, **given.kwargs)), like)

        return yours

    def hint(self, key: str, n: int | None = None) -> Hint:
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
            n = min(self._hints_given.get(key, 0) + 1, most)
        if not 1 <= n <= most:
            raise ValueError(f"{key} has hints 1 to {most}, got {n}")
        self._hints_given[key] = n
        return Hint(exercise, n)

    def solution(self, key: str) -> Solution:
        """Return a right answer, with all it needs to run where it is pasted.

        Raises:
            KeyError: if there is no such exercise.
        """
        return Solution(registry.find(key))

    def progress(self, chapter: str | None = None) -> Progress:
        """Return a table of the points earned in this session.

        Args:
            chapter: two digits; by default all chapters of which something was checked.

        Raises:
            KeyError: if there is no such chapter.
        """
        wanted = [chapter] if chapter else sorted({key[:2] for key in self._results})
        return Progress([exercise for number in wanted for exercise in registry.exercises(number)], self._results)
