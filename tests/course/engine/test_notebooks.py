"""The chapters are found, and a stamp is fresh exactly as long as the code and what it imports stay the same."""

from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.course.engine import notebooks
from sdg_lab.course.engine.notebooks import METADATA, Stamp, fingerprint, imported, is_stale, match

SOURCES = {
    "sdg_lab/__init__.py": "",
    "sdg_lab/data/__init__.py": "from .images import digits\n",
    "sdg_lab/data/images.py": "import numpy\nfrom sdg_lab import files\n",
    "sdg_lab/data/text.py": "",
    "sdg_lab/files.py": "def write():\n    import sdg_lab.late.deep\n",
    "sdg_lab/late/__init__.py": "",
    "sdg_lab/late/deep.py": "from ..data import *\nfrom . import sibling\n",
    "sdg_lab/late/sibling.py": "",
    "sdg_lab/course/__init__.py": "",
    "sdg_lab/course/ch01/__init__.py": "",
    "sdg_lab/course/ch01/exercises.py": "import papers\n",
    "sdg_lab/course/ch02/exercises.py": "",
    "papers/__init__.py": "",
    "elsewhere.py": "",
}
CHAPTER = Path("notebooks/01_x.ipynb")
DATA = ["__init__", "data/__init__", "data/images", "files", "late/__init__", "late/deep", "late/sibling"]


@pytest.fixture
def sources(tmp_path):
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def followed(sources, *cells, name="01_x"):
    return [path.relative_to(sources).as_posix() for path in imported(cells, name, sources)]


class TestImports:
    @pytest.mark.parametrize(
        "cell",
        [
            "from sdg_lab.data import digits",
            "import sdg_lab.data",
            "from sdg_lab import data",
            "def load():\n    from sdg_lab import data",
            "%matplotlib inline\nif 3 > 2:\n    import sdg_lab.data as d\n!ls",
        ],
    )
    def test_they_are_followed_through_packages_functions_and_dots(self, sources, cell):
        assert followed(sources, cell) == [f"sdg_lab/{name}.py" for name in DATA]

    def test_the_module_of_the_chapter_counts_as_soon_as_the_course_is_used(self, sources):
        names = [
            "papers/__init__",
            "sdg_lab/__init__",
            "sdg_lab/course/__init__",
            "sdg_lab/course/ch01/__init__",
            "sdg_lab/course/ch01/exercises",
        ]
        assert followed(sources, "from sdg_lab import course") == [f"{name}.py" for name in names]
        assert "sdg_lab/course/ch02/exercises.py" in followed(sources, "from sdg_lab.course import check", name="02_y")

    def test_others_are_not_followed(self, sources):
        assert followed(sources, "import elsewhere, numpy", "x = 'import papers'") == []

    def test_a_cell_that_is_not_python_is_named(self, sources):
        with pytest.raises(ValueError, match=r"01_x, cell \[2\] is not Python: invalid syntax"):
            followed(sources, "x = 1", "x = = 1")


def notebook(*cells, text="words"):
    v4 = nbformat.v4
    return v4.new_notebook(cells=[v4.new_markdown_cell(text), *map(v4.new_code_cell, cells)])


class TestFingerprint:
    def test_it_changes_with_any_code_cell_and_any_source(self, sources):
        before = fingerprint(notebook("import sdg_lab.data", "x = 1"), CHAPTER, sources)
        assert fingerprint(notebook("import sdg_lab.data", "x = 2"), CHAPTER, sources) != before
        assert fingerprint(notebook("import sdg_lab.data\nx = 1"), CHAPTER, sources) != before
        for name in DATA:
            path = sources / f"sdg_lab/{name}.py"
            original = path.read_text()
            path.write_text(original + "# changed\n")
            assert fingerprint(notebook("import sdg_lab.data", "x = 1"), CHAPTER, sources) != before, name
            path.write_text(original)
        assert fingerprint(notebook("import sdg_lab.data", "x = 1"), CHAPTER, sources) == before

    def test_it_stays_with_text_outputs_and_unrelated_sources(self, sources):
        first = notebook("import sdg_lab.data", text="words")
        before = fingerprint(first, CHAPTER, sources)
        (sources / "sdg_lab/data/text.py").write_text("changed = True\n")
        first.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
        first.cells[1].execution_count = 3
        assert fingerprint(first, CHAPTER, sources) == before
        assert fingerprint(notebook("import sdg_lab.data", text="other words"), CHAPTER, sources) == before

    @given(st.lists(st.sampled_from(["x = 1", "", "y = 'é'", "import sdg_lab"]), min_size=1))
    def test_the_ends_of_lines_and_the_form_on_the_disk_do_not_matter(self, lines):
        as_text = notebook("\n".join(lines))
        as_list = notebook("\r\n".join(lines))
        as_list.cells[1].source = as_list.cells[1].source.splitlines(keepends=True)
        assert fingerprint(as_text, CHAPTER) == fingerprint(as_list, CHAPTER)

    def test_a_source_with_windows_line_ends_is_the_same_source(self, sources):
        before = fingerprint(notebook("import sdg_lab.data"), CHAPTER, sources)
        path = sources / "sdg_lab/data/images.py"
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert fingerprint(notebook("import sdg_lab.data"), CHAPTER, sources) == before


def test_a_chapter_is_stale_until_it_is_stamped_and_after_every_change(sources):
    path = sources / "01_x.ipynb"
    chapter = notebook("import sdg_lab.data")
    nbformat.write(chapter, path)
    assert is_stale(path, sources)
    chapter.metadata[METADATA] = {"seconds": 1.5}
    nbformat.write(chapter, path)
    assert is_stale(path, sources)
    stamp = Stamp(fingerprint(chapter, CHAPTER, sources), 1.5, {"python": "3.11", "threads": 2})
    chapter.metadata[METADATA] = stamp.to_metadata()
    nbformat.write(chapter, path)
    assert not is_stale(path, sources)
    assert notebooks.stamp(notebooks.read(path)) == stamp
    (sources / "sdg_lab/files.py").write_text("")
    assert is_stale(path, sources)


def test_weights_that_a_cell_loads_belong_to_the_stamp_and_others_do_not(sources):
    path = sources / "01_x.ipynb"
    chapter = notebook("from sdg_lab import course\nmodel = course.weights('01-names', Model)", "y = 'weights'")
    before = fingerprint(chapter, path, sources)
    (sources / "weights").mkdir()
    mine, other = (sources / "weights" / f"{name}.safetensors" for name in ("01-names", "01-other"))
    mine.write_bytes(b"trained")
    trained = fingerprint(chapter, path, sources)
    other.write_bytes(b"trained")
    assert before != trained == fingerprint(chapter, path, sources)
    mine.write_bytes(b"trained again")
    assert fingerprint(chapter, path, sources) not in (before, trained)


def test_results_that_a_cell_loads_belong_to_the_stamp_whatever_the_ends_of_their_lines(sources):
    path = sources / "14_x.ipynb"
    chapter = notebook("from sdg_lab import course\ntable = course.results('14-sums')")
    (sources / "results").mkdir()
    table = sources / "results" / "14-sums.csv"
    table.write_bytes(b"a,b\n1,2\n")
    measured = fingerprint(chapter, path, sources)
    table.write_bytes(b"a,b\r\n1,2\r\n")
    assert fingerprint(chapter, path, sources) == measured
    table.write_bytes(b"a,b\n1,3\n")
    assert fingerprint(chapter, path, sources) != measured


def test_a_stamp_says_its_cores():
    assert Stamp("", 89.5, {"threads": 1}).duration() == "90 s, measured on 1 core"
    assert Stamp("", 0.4, {"threads": 4}).duration() == "0 s, measured on 4 cores"


class TestFinding:
    def test_from_anywhere_in_the_checkout(self, checkout, monkeypatch):
        for place in (checkout.parent.parent, checkout.parent):
            monkeypatch.chdir(place)
            assert notebooks.chapters() == [checkout]

    def test_nothing_is_said_with_a_remedy(self, tmp_path, monkeypatch):
        monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
        with pytest.raises(FileNotFoundError, match=r"no notebooks/ with chapters .* run this inside a clone"):
            notebooks.chapters(tmp_path)

    def test_what_is_not_a_notebook_is_named(self, tmp_path):
        path = tmp_path / "01_x.ipynb"
        for text in ("{", "{}", "[]", "3", '{"cells": 3, "metadata": {}}', '{"cells": [{}], "metadata": {}}', "\xff"):
            path.write_text(text, encoding="latin-1")
            with pytest.raises(ValueError, match=r"01_x\.ipynb is not a notebook"):
                notebooks.read(path)


class TestMatch:
    PATHS = tuple(
        notebooks.Path(f"{name}.ipynb")
        for name in ("00_start_here", "01_markov_chains", "02_bayesian_networks", "07_recurrent_networks")
    )

    @pytest.mark.parametrize("word", ["01", "01_markov_chains", "01_markov_chains.ipynb", "markov", "Markov", "chains"])
    def test_by_number_name_or_part(self, word):
        assert match(word, self.PATHS).stem == "01_markov_chains"

    @pytest.mark.parametrize(
        ("word", "says"),
        [
            ("networks", "'networks' means several chapters: 02_bayesian_networks, 07_recurrent_networks"),
            ("05", "no chapter '05'; there are 00_start_here, 01_markov"),
            ("", "no chapter ''; there are"),
            ("1", "no chapter '1'"),
        ],
    )
    def test_what_is_ambiguous_or_unknown_is_refused(self, word, says):
        with pytest.raises(LookupError, match=says):
            match(word, self.PATHS)
