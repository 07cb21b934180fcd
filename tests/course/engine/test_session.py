"""What a reader types in a notebook: header, check, hint, solution, progress."""

import subprocess
import sys

import nbformat
import numpy as np
import pytest

from sdg_lab import course
from sdg_lab.course.engine import notebooks, registry
from sdg_lab.course.engine.notebooks import METADATA, Stamp


def smooth(counts, alpha):
    smoothed = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def grudging(counts, alpha):
    if alpha > 9:
        return counts[len(counts)]
    return smooth(counts, alpha)


def test_points_once_earned_stay_earned(sample):
    assert str(course.progress()) == "No exercise checked yet in this session."
    assert course.check("98.smoothing", smooth).status == "passed"
    assert course.check("98.smoothing", lambda counts, alpha: counts).status == "failed"
    course.check("98.reverse", lambda word: word)
    progress = course.progress()
    assert (progress.points, progress.most) == (2, 5)
    assert str(progress).splitlines() == [
        "98.smoothing   2 of 2   passed",
        "98.reverse     0 of 1   failed",
        "98.letters     0 of 1   not attempted",
        "98.softplus    0 of 1   not attempted",
        "total          2 of 5 ",
    ]
    assert "<td>2 of 2</td><td>passed</td>" in progress._repr_html_()


def test_what_passed_is_used_from_then_on_and_the_course_s_before(sample):
    reference = course.use("98.smoothing")
    assert reference is registry.find("98.smoothing").reference
    course.check("98.smoothing", lambda counts, alpha: counts)
    assert course.use("98.smoothing") is reference
    course.check("98.smoothing", smooth)
    assert course.use("98.smoothing").__wrapped__ is smooth
    course.check("98.smoothing", lambda counts, alpha: counts)
    assert course.use("98.smoothing").__wrapped__ is smooth
    course.check("98.smoothing", grudging)
    with pytest.raises(IndexError) as raised:  # the reader's own error, with the reader's own traceback
        course.use("98.smoothing")(np.eye(2), 10.0)
    assert raised.traceback[-1].name == "grudging"
    course.check("98.smoothing", lambda counts, alpha: (list(row) for row in smooth(counts, alpha)))
    np.testing.assert_array_equal(course.use("98.smoothing")(np.eye(2), 1.0), smooth(np.eye(2), 1.0))
    with pytest.raises(KeyError, match=r"did you mean '98\.smoothing'"):
        course.use("98.smothing")


def test_what_passed_is_called_by_the_names_of_the_course_and_hands_on_what_the_course_would(sample):
    course.check("98.smoothing", lambda c, a: smooth(c, a))
    np.testing.assert_array_equal(course.use("98.smoothing")(np.eye(2), alpha=1.0), smooth(np.eye(2), 1.0))

    def split(names, share, number):
        kept = list(dict.fromkeys(names))
        order = np.random.default_rng(number).permutation(len(kept))
        n = round(share * len(kept))
        return map(kept.__getitem__, order[n:]), map(kept.__getitem__, order[:n])

    course.check("00.deduplicate_then_split", split)
    train, test = course.use("00.deduplicate_then_split")(["a", "b", "a", "c"], test_share=0.34, seed=0)
    assert sorted(train + test) == ["a", "b", "c"]


def test_hints_come_one_after_the_other_and_the_last_stays(sample):
    said = [str(course.hint("98.smoothing")) for _ in range(4)]
    last = "Hint 3 of 3: keepdims=True keeps the shapes alike."
    assert said == ["Hint 1 of 3: Add first.", "Hint 2 of 3: Each row has its own sum.", last, last]
    assert str(course.hint("98.smoothing", 1)) == said[0]
    assert str(course.hint("98.smoothing")) == said[1]
    assert course.hint("98.smoothing", 1)._repr_markdown_() == "**Hint 1 of 3:** Add first."


@pytest.mark.parametrize("n", [0, 4, -1])
def test_a_hint_that_is_not_there_is_refused(sample, n):
    with pytest.raises(ValueError, match=f"98.smoothing has hints 1 to 3, got {n}"):
        course.hint("98.smoothing", n)


def test_the_solution_is_the_source_of_the_reference(sample):
    solution = course.solution("98.reverse")
    assert str(solution) == 'def turned(word):\n    """Turn a word round."""\n    return word[::-1]'
    assert solution._repr_markdown_() == f"```python\n{solution}\n```"


def test_the_header_says_the_stamped_seconds(sample, checkout):
    assert "It takes: not measured yet" in str(course.header("98"))
    notebook = nbformat.read(checkout, as_version=4)
    notebook.metadata[METADATA] = Stamp("f" * 64, 33.6, {"threads": 2}).to_metadata()
    nbformat.write(notebook, checkout)
    header = course.header("98")
    assert "It takes: 34 s, measured on 2 cores" in str(header)
    markdown = header._repr_markdown_()
    assert "**You will build** A row of probabilities, and nothing else." in markdown
    assert "- Shannon (1948), [A Mathematical Theory of Communication](https://doi.org/10.1002/x)" in markdown


def test_a_copy_of_a_notebook_elsewhere_still_has_a_header(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "not measured yet" in str(course.header("98"))


def test_the_course_loads_nothing_heavy():
    heavy = {"torch", "pandas", "matplotlib", "nbclient", "nbformat", "IPython", "scipy"}
    code = f"import sys, sdg_lab.course; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
