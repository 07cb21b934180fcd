"""One model teaches another: a teacher writes, a pipeline keeps what is good, a student learns from it."""

from sdg_lab.distill.budget import Budget
from sdg_lab.distill.pipeline import EmptyError, Recipe, Request, Result, Score, SilentError, run
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import FunctionTeacher, LocalTeacher, Options, Teacher

__all__ = [
    "Budget",
    "EmptyError",
    "FunctionTeacher",
    "LocalTeacher",
    "Options",
    "Pool",
    "Recipe",
    "Record",
    "Request",
    "Result",
    "Score",
    "SilentError",
    "Teacher",
    "run",
]
