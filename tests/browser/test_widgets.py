"""In JupyterLab in a real browser, every chapter's widget redraws its figure when its slider is moved."""

import lab
import pytest

from sdg_lab.course.engine import notebooks

pytestmark = pytest.mark.browser

CHAPTERS = [path.name for path in notebooks.chapters(notebooks.SOURCES)]


@pytest.mark.parametrize("notebook", ["tiny.ipynb", *CHAPTERS])
def test_moving_the_slider_redraws_the_figure(page, served, notebook):
    lab.open_and_run(page, served, notebook)
    before = lab.figure_hash(page)
    back = lab.move_slider(page)
    after = lab.wait_for_another_figure(page, before)
    lab.press_slider(page, back)
    assert lab.wait_for_another_figure(page, after) == before, "the same setting must draw the same figure"


def test_a_cell_that_fails_is_told(page, served):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.open_and_run(page, served, "failing.ipynb")
