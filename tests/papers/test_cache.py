"""What is kept is found again; what is damaged is moved aside and said; what is no cache is not touched."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from semantic_scholar_server import Library, sha

from papers import SemanticScholar
from papers.cache import Cache


def test_records_and_unknown_papers_are_kept_by_service(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "a" / "c.sqlite", "http://one")
    cache.put({"x": {"paperId": "x", "tldr": 1}, "y": None})
    cache.put({"x": {"paperId": "x", "n": 2}})
    assert {name: kept.record for name, kept in cache.get(["x", "y", "z"]).items()} == {
        "x": {"paperId": "x", "tldr": 1, "n": 2}
    }
    assert cache.get(["x", "y"], 60)["y"].record is None
    assert Cache(cache.path, "http://other").get(["x", "y"], 60) == {}
    cache.put({"y": {"paperId": "y"}})
    assert cache.get(["y"], 60)["y"].record == {"paperId": "y"}
    assert cache.get(["x"], 0) == {}
    assert cache.notes == []


def test_many_ids_are_found_with_few_queries(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite", "http://one")
    cache.put({str(number): {"n": number} for number in range(1700)})
    found = cache.get(map(str, range(1700)))
    assert [found[str(number)].record for number in range(1700)] == [{"n": number} for number in range(1700)]


@pytest.mark.parametrize("damage", ["text", "cut", "middle"])
def test_a_damaged_file_is_moved_aside_and_said(damage: str, library: Library, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    library.add(1, 5)
    if damage == "text":
        path.write_bytes(b"not a database" * 100)
    else:
        Cache(path, library.url).put({str(number): {"n": "x" * 200} for number in range(500)})
        whole = path.read_bytes()
        path.write_bytes(whole[:5000] if damage == "cut" else whole[:100] + b"\xff" * 9000 + whole[9100:])
    before = path.read_bytes()
    client = SemanticScholar(base_url=library.url, cache=path, pace=0, max_age=3600)
    assert client.papers([sha(1)])[sha(1)].record
    assert client.papers([sha(1)])[sha(1)].record
    assert client.requests == 1  # the new cache is in use
    assert client.notes == [f"the cache {path} was damaged; it is now c.sqlite.damaged, and a new one is begun"]
    assert (tmp_path / "c.sqlite.damaged").read_bytes() == before


def test_a_file_of_another_kind_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# My list")
    with pytest.raises(ValueError, match=r"README.md is no cache of answers; name another file"):
        SemanticScholar(cache=path)
    assert path.read_text() == "# My list"


def test_what_cannot_be_kept_is_said_once(library: Library, tmp_path: Path) -> None:
    library.add(1, 5)
    (tmp_path / "file").write_text("x")
    client = SemanticScholar(base_url=library.url, cache=tmp_path / "file" / "below.sqlite", pace=0)
    assert client.papers([sha(1)])[sha(1)].record
    assert client.papers([sha(1)])[sha(1)].record
    (note,) = client.notes
    assert "cannot be used" in note
    assert "answers are not kept" in note


def test_a_run_that_was_broken_off_lately_is_remembered(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite", "http://one")
    assert cache.begin("list") is None
    began = cache.begin("list")
    assert began is not None
    assert cache.begin("list") == began
    assert cache.begin("another list") is None
    cache.finish("list")
    assert cache.begin("list") is None
    with sqlite3.connect(cache.path) as database:
        database.execute("UPDATE runs SET began = began - 100000")
    assert cache.begin("list") is None
