"""One JupyterLab and one browser for all tests of a worker; without Chromium they are skipped, and say so."""

import shutil

import lab
import nbformat
import pytest

from sdg_lab.course.engine import notebooks

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
"""Without it, JupyterLab would open a dialog and ask which kernel is meant."""

EXPLORE = """\
import matplotlib.pyplot as plt

from sdg_lab.show.widgets import explore


def draw(power):
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([x**power for x in range(5)])
    return figure


explore(draw, power=(1, 5))"""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The chapters up to their widgets, and two tiny notebooks, served by a JupyterLab of our own; its address."""
    root, private = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("jupyter")
    for name, code in {"tiny": EXPLORE, "failing": "1 / 0"}.items():
        cell = nbformat.v4.new_code_cell(code, metadata={"tags": ["widget"]})
        nbformat.write(up_to_the_widget(nbformat.v4.new_notebook(cells=[cell])), root / f"{name}.ipynb")
    for path in notebooks.chapters(notebooks.SOURCES):
        nbformat.write(up_to_the_widget(nbformat.read(path, as_version=4)), root / path.name)
    with lab.server(root, private) as address:
        yield address


def up_to_the_widget(notebook):
    """Take the outputs out of a chapter, and what comes after its first widget."""
    for cell in notebooks.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    tagged = [number for number, cell in enumerate(notebook.cells) if "widget" in cell.metadata.get("tags", [])]
    assert tagged, "no code cell is tagged widget"
    notebook.cells = notebook.cells[: tagged[0] + 1]
    notebook.metadata["kernelspec"] = KERNEL
    return notebook


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH; install your system's package of it to test the widgets")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(lab.CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A fresh page, in a profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()
