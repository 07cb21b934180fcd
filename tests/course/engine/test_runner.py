"""Chapters run in real kernels; a file is replaced only when all of it went well."""

import json
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from ipykernel.ipkernel import IPythonKernel

from sdg_lab.course.engine import notebooks, outputs
from sdg_lab.course.engine.runner import ChapterError, execute, execute_many

SAMPLE = str(Path(__file__).parents[1] / "sample")
HEADER = f"from sdg_lab import course\n\ncourse.__path__.append({SAMPLE!r})\ncourse.header('98')"
THREADS = "import os\n\nprint(os.environ['OMP_NUM_THREADS'], os.environ['OMP_WAIT_POLICY'])"
FIGURE = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a chapter with these code cells into notebooks/ of a fresh folder; the folder is the working directory."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)

    def writer(*cells, name="98_sample"):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        v4 = nbformat.v4
        cells = [v4.new_markdown_cell("# 98 · A sample"), *map(v4.new_code_cell, cells)]
        nbformat.write(v4.new_notebook(cells=cells), path)
        return path

    return writer


@pytest.mark.slow
def test_a_chapter_is_run_cleaned_and_stamped(write):
    path = write(HEADER, THREADS, FIGURE)
    done = []
    stamp = execute(path, threads=3, write=True, on_cell=lambda *call: done.append(call))
    assert done == [(path, number, 3) for number in range(4)]
    assert stamp.executed_with["threads"] == 3
    assert 0 < stamp.seconds < 600

    notebook = nbformat.read(path, as_version=4)
    header, printed, figure = (cell.outputs[0] for cell in notebooks.code_cells(notebook))
    assert f"It takes: {stamp.seconds:.0f} s, measured on 3 cores" in header.data["text/plain"]
    assert f"**It takes** {stamp.seconds:.0f} s, measured on 3 cores" in header.data["text/markdown"]
    assert printed.text == "3 passive\n"
    assert "image/png" in figure.data
    assert [cell.execution_count for cell in notebooks.code_cells(notebook)] == [1, 2, 3]
    assert notebooks.stamp(notebook) == stamp
    assert list(outputs.problems(notebook)) == []
    assert not notebooks.is_stale(path)
    nbformat.validate(notebook)
    # As JupyterLab writes it: the kernel's own words on its language, and the name under which ipykernel installs it.
    assert notebook.metadata.language_info == IPythonKernel.language_info
    spec = json.loads((Path(sys.prefix) / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert notebook.metadata.kernelspec == {"name": "python3", **{k: spec[k] for k in ("display_name", "language")}}

    again = execute(path, threads=1, write=True)
    text = path.read_text()
    assert f"{again.seconds:.0f} s, measured on 1 core" in text
    assert "measured on 3 cores" not in text


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (
            ("x = 1", "# why\ny = 1 / 0"),
            r"^98_sample, cell \[2\], which begins '# why': ZeroDivisionError: division by",
        ),
        (("import os; os._exit(3)",), r"cell \[1\], which begins 'import os; os\._exit\(3\)': the kernel died"),
        (("while True: pass",), r"cell \[1\], which begins 'while True: pass': took longer than 1 s"),
        (("import warnings; warnings.warn('old')",), r"^98_sample: cell \[1\] writes to stderr; .*old"),
        (("x = = 1",), r"^98_sample, cell \[1\] is not Python"),
    ],
)
def test_a_failure_names_chapter_cell_and_error_and_writes_nothing(write, cells, says):
    path = write(*cells)
    before = path.read_bytes()
    with pytest.raises(ChapterError, match=says):
        execute(path, threads=1, write=True, timeout=1)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{}", '{"cells": [], "metadata": {}}', '{"cells": [{"cell_type": "code"}]}'])
def test_what_is_not_a_notebook_is_said_in_a_sentence(write, text):
    path = write("x = 1")
    path.write_text(text)
    with pytest.raises(ChapterError, match=r"^98_sample\.ipynb is not a notebook in format 4 \("):
        execute(path)
    path.unlink()
    with pytest.raises(ChapterError, match="No such file"):
        execute(path)


def test_a_full_disk_is_said_in_a_sentence_and_leaves_the_chapter_as_it_was(write, monkeypatch):
    path = write("x = 1")
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ChapterError, match=r"98_sample ran, but cannot be written: .*No space left.*it is as it was"):
        execute(path, write=True)
    assert path.read_bytes() == before


def test_a_chapter_edited_while_it_ran_is_not_overwritten(write):
    path = write("x = 1")
    with pytest.raises(ChapterError, match="98_sample was changed on the disk while it ran; nothing was written"):
        execute(path, threads=1, write=True, on_cell=lambda *call: path.write_text("edited"))
    assert path.read_text() == "edited"


def test_a_stopped_run_ends_after_the_cell_that_runs(write):
    path, stop, done = write("x = 1", "x = 2", "x = 3"), threading.Event(), []

    def on_cell(path, number, total):
        done.append(number)
        if number == 2:
            stop.set()

    with pytest.raises(ChapterError, match="98_sample: stopped before the end"):
        execute(path, threads=1, write=True, on_cell=on_cell, stop=stop)
    assert done == [0, 1, 2]


def test_chapters_side_by_side_do_not_disturb_each_other_and_without_write_nothing_is_written(write):
    good, bad = write("x = 1\nx", name="97_good"), write("1 / 0", name="98_bad")
    before, seen = good.read_bytes(), []
    results = dict(
        execute_many([good, bad], workers=2, threads=1, write=False, on_cell=lambda path, *_: seen.append(path))
    )
    assert set(seen) == {good, bad}
    assert results[good].seconds >= 0
    assert "ZeroDivisionError" in str(results[bad])
    assert good.read_bytes() == before
