"""The course as a reader meets it in a notebook: ``header``, ``check``, ``hint``, ``solution``, ``use``, ``progress``.

>>> from sdg_lab import course
>>> course.check("01.smoothing", my_smoothing)  # doctest: +SKIP
✓ 01.smoothing passed: 2 of 2 points
"""

from __future__ import annotations

from sdg_lab.course.engine.results import load as results
from sdg_lab.course.engine.session import Session
from sdg_lab.course.engine.weights import load as weights

__all__ = [
    "check",
    "header",
    "hint",
    "progress",
    "results",
    "solution",
    "use",
    "weights",
]

session = Session()
"""This kernel's."""

check, header, hint, progress = session.check, session.header, session.hint, session.progress
solution, use = session.solution, session.use
