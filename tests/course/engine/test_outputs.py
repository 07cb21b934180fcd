"""What belongs to one machine or one moment is taken out of a notebook, or keeps it from being written."""

import sys
from pathlib import Path

import nbformat
import pytest

from sdg_lab.course.engine import outputs
from sdg_lab.course.engine.outputs import WIDGET, WIDGET_PLACEHOLDER

v4 = nbformat.v4


def notebook(*results, source="run()"):
    cells = [v4.new_code_cell(source, outputs=[result], execution_count=1) for result in results]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# 01 · A title"), *cells])


def shown(**data):
    kinds = {"plain": "text/plain", "html": "text/html", "png": "image/png", "widget": WIDGET}
    return v4.new_output("execute_result", {kinds[name]: value for name, value in data.items()}, execution_count=1)


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (v4.new_output("error", ename="ValueError", evalue="no"), r"cell \[1\] ends in an error: ValueError: no"),
        (printed("careful!\n", "stderr"), r"cell \[1\] writes to stderr; remove the cause: careful!$"),
        (printed(f"read {Path.cwd()}/data.csv"), r"cell \[1\] prints a path of this machine: read /"),
        (printed(f"'{sys.prefix}/lib'"), "prints a path"),
        (printed("file:///home/ada/x"), "prints a path of this machine: file:///home/ada/x"),
        (shown(plain="PosixPath('/Users/ada/x')"), "prints a path"),
        (shown(plain="WindowsPath('C:\\Users')"), "prints a path"),
        (shown(plain="x", html="<b>/tmp/x</b>"), "prints a path"),
        (shown(plain="[<matplotlib.lines.Line2D at 0x7f0c2a3b4d50>]"), "prints an address, .*end the line with a semi"),
        (shown(plain="<function f at 0x7f0c2a3b4d50>"), "prints an address"),
        (shown(png="A" * 3_100_000), r"the notebook has 3\.1 MB, more than 3; draw fewer"),
    ],
)
def test_a_problem_is_found_and_named(result, says):
    with pytest.raises(AssertionError, match=says):  # raises, so that what is found is matched as one text
        raise AssertionError("\n".join(outputs.problems(notebook(result))))


@pytest.mark.parametrize(
    "result",
    [
        printed("37 of 40 names, and/or https://example.org/home/page"),
        printed("0x7f is 127; ../data/x and ~/x and a/tmp/b"),
        shown(plain="<Figure size 640x480 with 1 Axes>", png="iVBOR/tmp/x=="),
        shown(plain="array([1, 2])"),
    ],
)
def test_what_is_harmless_is_let_through(result):
    assert list(outputs.problems(notebook(result))) == []


def test_widgets_leave_a_sentence_and_progress_bars_leave_nothing():
    bar = shown(plain="epochs:  40%|████      | 8/20 [00:01<00:02]", widget={"model_id": "a1"})
    slider = shown(plain="IntSlider(value=0)", widget={"model_id": "b2"})
    dirty = notebook(bar, slider)
    dirty.metadata.widgets = {"state": {"a1": {}}}
    outputs.clean(dirty)
    assert dirty.cells[1].outputs == []
    assert dirty.cells[2].outputs[0].data == {"text/plain": WIDGET_PLACEHOLDER}
    assert "widgets" not in dirty.metadata


def test_random_ids_and_times_are_taken_out_and_the_rest_is_kept():
    plain = "<pandas.io.formats.style.Styler at 0x7effe97cec50>"
    dirty = notebook(shown(plain=plain, html='<table id="T_0a1b2"><td id="T_0a1b2_row0">T_final</td></table>'))
    dirty.cells[1].metadata = {"tags": ["widget"], "execution": {"iopub.execute_input": "2026-01-01"}}
    dirty.metadata = {"sdg_lab": {"seconds": 1}, "language_info": {"name": "python", "version": "3.11.7"}}
    outputs.clean(dirty)
    data = dirty.cells[1].outputs[0].data
    assert data["text/html"] == '<table id="T_cell1"><td id="T_cell1_row0">T_final</td></table>'
    assert data["text/plain"] == "<pandas.io.formats.style.Styler>"
    assert dirty.cells[1].metadata == {"tags": ["widget"]}
    assert dirty.metadata["sdg_lab"] == {"seconds": 1}
    assert dirty.metadata["language_info"] == {"name": "python", "version": "3.11.7"}
    assert dirty.metadata["kernelspec"]["display_name"] == "Python 3 (ipykernel)"
    assert list(outputs.problems(dirty)) == []


def test_a_phrase_is_replaced_only_where_it_was_asked_for():
    book = notebook(shown(plain="not measured yet"), source="course.header('01')")
    other = notebook(shown(plain="not measured yet"), source="print(phrase)")
    for one in (book, other):
        outputs.replace_text(one, "not measured yet", "34 s", where="header(")
    assert book.cells[1].outputs[0].data["text/plain"] == "34 s"
    assert other.cells[1].outputs[0].data["text/plain"] == "not measured yet"
