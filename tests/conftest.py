"""Shared by all tests: the thread policy first, figures without a screen, the same examples every time."""

import sdg_lab  # noqa: F401, I001 - before anything that loads torch

import os

from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.load_profile("same-every-time")
