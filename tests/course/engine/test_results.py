"""Tables that ship: each is small and named by what measures it; what is asked for wrongly is refused."""

import re

import pytest

from sdg_lab.course.engine import notebooks, results

ROOT = notebooks.SOURCES
MOST_BYTES = 100_000


def test_every_table_is_small_and_some_benchmark_says_that_it_measures_it():
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    for path in (ROOT / "notebooks" / notebooks.RESULTS).glob("*"):
        assert re.fullmatch(r"\d\d-[a-z-]+\.csv", path.name)
        assert path.stat().st_size < MOST_BYTES
        assert path.name in sources, f"no docstring in benchmarks/ names {path.name}"


def test_a_table_is_read_and_a_missing_one_is_refused_with_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"results/14-x.csv is not there \(there are: none\)"):
        results.load("14-x")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "14-sums.csv").write_text("seed,right\n0,0.5\n")
    assert results.load("14-sums").to_dict("list") == {"seed": [0], "right": [0.5]}
    with pytest.raises(FileNotFoundError, match=r"there are: 14-sums\)"):
        results.load("14-x")
