"""A sample chapter: its module beside the real ones, and its notebook in a folder of its own."""

import sys
from pathlib import Path

import nbformat
import pytest
from sample_chapter import sample_notebook

from sdg_lab import course
from sdg_lab.course.engine.session import Session


@pytest.fixture
def sample(monkeypatch):
    """Put the sample chapter beside the real ones, in a session without a past."""
    monkeypatch.setattr(course, "__path__", [*course.__path__, str(Path(__file__).parent / "sample")])
    session = Session()
    for name in ("check", "header", "hint", "progress", "solution", "use"):
        monkeypatch.setattr(course, name, getattr(session, name))
    yield "98"
    for name in ("sdg_lab.course.ch98.exercises", "sdg_lab.course.ch98"):
        sys.modules.pop(name, None)
    vars(course).pop("ch98", None)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with notebooks/98_sample.ipynb in it, and the working directory there; yields the notebook's path."""
    path = tmp_path / "notebooks" / "98_sample.ipynb"
    path.parent.mkdir()
    nbformat.write(sample_notebook(), path)
    monkeypatch.chdir(tmp_path)
    return path
