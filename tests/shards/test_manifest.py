"""A manifest says which run a folder holds: the same one is recognised, another is refused by what differs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.shards.manifest import NAME, Manifest, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30)
@given(
    description=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    seed=st.integers(0, 2**63 - 1),
    n_shards=st.integers(1, 99_999),
)
def test_a_manifest_is_read_as_it_was_written(
    description: dict[str, Any], seed: int, n_shards: int, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("run")
    manifest = Manifest(description, seed, n_shards, "jsonl")
    manifest.write(folder)
    assert read(folder) == manifest
    assert read(folder).run == manifest.run
    manifest.check(folder)


def test_a_tuple_is_the_list_that_it_will_be_read_as():
    assert Manifest({"sizes": (1, 2)}, 0, 1, "bin").run == Manifest({"sizes": [1, 2]}, 0, 1, "bin").run


def test_the_order_of_names_makes_no_other_run():
    assert Manifest({"a": 1, "b": 2}, 0, 1, "bin").run == Manifest({"b": 2, "a": 1}, 0, 1, "bin").run


BASE = ({"model": {"temperature": 0.7}, "rows": 5}, 0, 10, "jsonl")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ((BASE[0], 1, 10, "jsonl"), "its seed is 0, this one's 1; name another folder"),
        ((BASE[0], 0, 11, "jsonl"), "its shards is 10, this one's 11"),
        ((BASE[0], 0, 10, "csv"), 'its extension is "jsonl", this one\'s "csv"'),
        (
            ({"model": {"temperature": 1.0}, "rows": 5}, 0, 10, "jsonl"),
            "its description.model.temperature is 0.7, this",
        ),
        (({"model": {"temperature": 0.7}}, 0, 10, "jsonl"), "its description.rows is 5, this one's not there"),
        (({**BASE[0], "top_p": 0.9}, 0, 10, "jsonl"), "its description.top_p is not there, this one's 0.9"),
        (({"model": None, "rows": 6}, 7, 10, "csv"), "; and 2 more differ; name another folder"),
    ],
)
def test_another_run_is_refused_by_what_differs(other: tuple[Any, ...], sentence: str, tmp_path: Path):
    Manifest(*BASE).write(tmp_path)
    with pytest.raises(ValueError, match="belongs to another run: its") as refused:
        Manifest(*other).check(tmp_path)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (({"a": float("nan")}, 0, 1, "bin"), "description must be what JSON can say"),
        (({"a": object()}, 0, 1, "bin"), "description must be what JSON can say"),
        ((["a"], 0, 1, "bin"), "description must map names to what JSON can say"),
        (({}, -1, 1, "bin"), "seed must be a whole number"),
        (({}, 0, 0, "bin"), "n_shards must be a whole number >= 1 and <= 99999, got 0"),
        (({}, 0, 100_000, "bin"), "n_shards must be"),
        (({}, 0, 1, ".bin"), "extension must be lower-case letters and digits"),
        (({}, 0, 1, "../x"), "extension must be"),
        (({}, 0, 1, None), "extension must be"),
    ],
)
def test_what_is_no_run_is_refused(arguments: tuple[Any, ...], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Manifest(*arguments)


def test_a_folder_without_a_run_is_said(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "not there"):
        with pytest.raises(FileNotFoundError, match=r"holds no run: there is no manifest\.json"):
            read(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "{}",
        lambda text: text.replace('"seed": 0', '"seed": 1'),
        lambda text: text.replace('"seed"', '"seeds"'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_manifest_is_said(damage: Any, tmp_path: Path):
    Manifest(*BASE).write(tmp_path)
    path = tmp_path / NAME
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=r"manifest\.json is damaged .*; remove it and start the same run again"):
        read(tmp_path)


def test_a_manifest_that_is_no_text_is_damaged(tmp_path: Path):
    (tmp_path / NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"manifest\.json is damaged"):
        read(tmp_path)


def test_a_manifest_of_a_later_format_is_not_called_damaged(tmp_path: Path):
    Manifest(*BASE).write(tmp_path)
    path = tmp_path / NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(ValueError, match="has format 2, this version of sdg_lab reads 1"):
        read(tmp_path)
