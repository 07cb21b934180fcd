"""The engine behind the chapters; from here an author takes what a chapter's ``exercises.py`` declares."""

from sdg_lab.course.engine.exercise import Case, Exercise, Mistake, Wrong
from sdg_lab.course.engine.registry import Chapter, Paper

__all__ = ["Case", "Chapter", "Exercise", "Mistake", "Paper", "Wrong"]
