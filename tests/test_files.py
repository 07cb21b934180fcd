"""Files are replaced whole or not at all; tensors and configuration come back exactly."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.files import read_tensors, replace_atomically, write_tensors


def test_the_old_file_stays_when_the_writer_fails(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write_half() -> None:
        with replace_atomically(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="permissions and links are those of POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path):
    path, link = tmp_path / "note.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replace_atomically(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_folders_are_made(tmp_path: Path):
    with replace_atomically(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a" / "b.txt").read_text() == "new"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(config=st.dictionaries(st.text(), json_values, max_size=4), shape=st.lists(st.integers(0, 4), max_size=3))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, config: dict, shape: list[int]):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    tensors = {"a": np.random.default_rng(0).normal(size=shape), "b": torch.arange(3), "c": torch.ones(4, 4).T[1:]}
    write_tensors(path, tensors, config)
    back, said = read_tensors(path)
    assert said == config
    assert sorted(back) == sorted(tensors)
    for name, value in tensors.items():
        torch.testing.assert_close(back[name], torch.as_tensor(value), rtol=0, atol=0)


def test_what_is_missing_damaged_or_foreign_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        read_tensors(tmp_path / "none")
    whole = tmp_path / "whole"
    write_tensors(whole, {"a": torch.ones(100)}, {})
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[:-50])
    pickled = tmp_path / "pickled"
    pickled.write_bytes(pickle.dumps({"a": 1}))
    for path in (cut, pickled):
        with pytest.raises(ValueError, match="is not a whole safetensors file"):
            read_tensors(path)
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, str(tmp_path / "foreign"))
    with pytest.raises(ValueError, match="was not written by sdg_lab"):
        read_tensors(tmp_path / "foreign")
