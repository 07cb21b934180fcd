"""A journal that was torn at any byte goes on, and no other is taken for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.distill.journal import Answered, Journal, differences, read
from sdg_lab.distill.records import Record

RUN = {"recipe": "words", "seed": 0, "stages": {"task": ["short"]}}


def answered(number):
    """Return what came of a request: one to three records, some refused, with all that is odd in texts."""
    text = f"{number} é \u2028 \n \x00 \x1b[31m <b> 😀"
    records = [Record.new("task", {"n": number, "item": i, "text": text}, seed=number) for i in range(1 + number % 3)]
    return Answered(number, [records[0].refused("short", "why\n"), *records[1:]], tokens=number)


def fill(path, count=6):
    with Journal(path, RUN) as journal:
        journal.write(answered(number) for number in range(journal.answered, count))
    return path.read_bytes()


def test_what_was_written_is_read_back(tmp_path):
    path = tmp_path / "new" / "journal.jsonl"
    fill(path)
    with Journal(path, RUN) as journal:
        assert journal.answered == 6
        assert list(journal.replay()) == [answered(number) for number in range(6)]
    assert list(read(path)) == [record for number in range(6) for record in answered(number).records]


def test_every_line_is_one_object_of_json(tmp_path):
    lines = fill(tmp_path / "j").split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line).get("item") for line in lines] == [None, 0, 0, 1, 0, 1, 2, 0, 0, 1, 0, 1, 2]
    assert json.loads(lines[0])["run"] == RUN


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    return folder / "j", fill(folder / "j")


@given(st.data())
@settings(max_examples=60)
def test_cut_at_any_byte_it_goes_on_to_the_same_bytes(whole, data):
    path, content = whole
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    assert fill(path) == content


@given(st.integers(1, 10_000))
@settings(max_examples=10)
def test_zeros_that_a_power_cut_leaves_are_cut_off(whole, count):
    path, content = whole
    path.write_bytes(content + bytes(count))
    assert fill(path) == content


@given(st.data())
@settings(max_examples=60)
def test_what_is_torn_can_be_read_before_it_goes_on(whole, data):
    path, content = whole
    header = content.index(b"\n") + 1
    cut = data.draw(st.integers(header, len(content)))
    path.write_bytes(content[:cut])
    found = list(read(path))
    everything = [record for number in range(6) for record in answered(number).records]
    assert found == everything[: len(found)]
    assert len(found) in (0, 1, 3, 6, 7, 9, 12)  # never half a request


def test_another_runs_journal_is_refused_by_its_differences(tmp_path):
    fill(tmp_path / "j")
    other = {"recipe": "words", "seed": 1, "stages": {"task": ["short", "new"]}, "more": "x" * 200}
    with pytest.raises(ValueError, match="the journal of another run") as caught:
        Journal(tmp_path / "j", other)
    said = str(caught.value)
    assert "seed is 0 there and 1 here" in said
    assert "stages.task is ['short'] there and ['short', 'new'] here" in said
    assert f"more is None there and '{'x' * 79}… here" in said
    assert list(differences(RUN, RUN)) == []


@pytest.mark.parametrize(
    "content", [b"name,age\n1,2\n", b"{}\n", b"no end", b'{"format": "sdg-lab journal 9", "run": {}}\n']
)
def test_a_file_that_is_none_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "j"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no journal"):
        Journal(path, RUN)
    with pytest.raises(ValueError, match="is no journal"):
        list(read(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("harm", ["nonsense", "a line less", "a line twice", "another order", "tokens"])
def test_damage_that_no_killed_process_leaves_is_refused_and_left_alone(tmp_path, harm):
    path = tmp_path / "j"
    lines = fill(path).splitlines(keepends=True)
    harmed = {
        "nonsense": [*lines[:3], b"nonsense\n", *lines[4:]],
        "a line less": [*lines[:3], *lines[4:]],
        "a line twice": [*lines[:3], *lines[2:]],
        "another order": [*lines[:3], lines[4], lines[3], *lines[5:]],
        "tokens": [*lines[:3], lines[3].replace(b'"tokens": 1', b'"tokens": "1"'), *lines[4:]],
    }[harm]
    path.write_bytes(b"".join(harmed))
    with pytest.raises(ValueError, match="is damaged in the line of request 1"):
        Journal(path, RUN)
    assert path.read_bytes() == b"".join(harmed)


def test_the_next_request_is_written_next(tmp_path):
    with Journal(tmp_path / "j", RUN) as journal, pytest.raises(ValueError, match="the next request is 0, got 1"):
        journal.write([answered(1)])


WRITE = """
import sys
from sdg_lab.distill.journal import Journal
Journal(sys.argv[1], {"recipe": "words", "seed": 0, "stages": {"task": ["short"]}})
"""


def test_one_process_writes_at_a_time(tmp_path):
    path = tmp_path / "j"

    def other():
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(
            [sys.executable, "-c", WRITE, str(path)], env=environment, capture_output=True, text=True, check=False
        )

    with Journal(path, RUN):
        refused = other()
        assert refused.returncode == 1
        assert "another process writes" in refused.stderr
        with pytest.raises(RuntimeError, match="another process writes"):
            Journal(path, RUN)
    assert other().returncode == 0
