"""Files are replaced whole or not at all; tensors and configuration come back exactly."""

import json
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save

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


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("folder", "'.*folder' is a folder and cannot be written over; name a file"),
        ("link", "'.*link' is a folder and cannot be written over; name a file"),
        ("", "'.*' is a folder and cannot be written over; name a file"),
        ("file/m", "'.*m' lies below a file; name a file in a folder"),
        ("file/new/m", "'.*m' lies below a file; name a file in a folder"),
        ("pipe", "'.*pipe' is no regular file and cannot be written over; name a file"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="pipes and links are those of POSIX")
def test_only_a_file_is_written_over(tmp_path: Path, name: str, sentence: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "file").write_text("old")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=f"^{sentence}$"):
        write_tensors(tmp_path / name, {"a": np.ones(3)}, {})
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_is_closed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(PermissionError, match=r"^nothing can be written into .*; choose another folder for .*m$"):
        write_tensors(tmp_path / "m", {"a": np.ones(3)}, {})


def test_what_a_killed_process_left_goes_a_day_later(tmp_path: Path):
    path = tmp_path / "note[1].txt"
    left, fresh, other = (
        tmp_path / name for name in (".note[1].txt.aa.tmp", ".note[1].txt.bb.tmp", ".note1.txt.cc.tmp")
    )
    for temporary in (left, fresh, other):
        temporary.write_text("half")
    for temporary in (left, other):
        os.utime(temporary, (time.time() - 100_000,) * 2)
    with replace_atomically(path) as temporary:
        temporary.write_text("new")
    assert sorted(tmp_path.iterdir()) == sorted([path, fresh, other])


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


@given(shape=st.lists(st.integers(0, 4), max_size=3), dtype=st.sampled_from(["f4", "f8", "i8", "u1", "?"]))
def test_arrays_come_back_as_numpy_has_them(tmp_path_factory: pytest.TempPathFactory, shape: list[int], dtype: str):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    write_tensors(path, {"a": array, "turned": array.T}, {})
    back, _ = read_tensors(path, framework="numpy")
    for name, value in {"a": array, "turned": array.T}.items():
        np.testing.assert_array_equal(back[name], value)
        assert (back[name].dtype, back[name].shape) == (value.dtype, value.shape)
        back[name][...] = 0  # it can be written to


def test_numpy_needs_no_torch(tmp_path: Path):
    code = (
        "import sys, numpy as np; from sdg_lab.files import *;"
        f"write_tensors({str(tmp_path / 'm')!r}, {{'a': np.ones(3)}}, {{}});"
        f"read_tensors({str(tmp_path / 'm')!r}, framework='numpy'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "False"


def test_the_library_itself_reads_the_file(tmp_path: Path):
    path = tmp_path / "m.safetensors"
    write_tensors(path, {"a": torch.arange(5), "b": torch.ones(2, 3)}, {"odd": "ä"})
    with safe_open(str(path), framework="pt") as handle:
        assert json.loads(handle.metadata()["config"]) == {"odd": "ä"}
        assert handle.get_tensor("a").tolist() == [0, 1, 2, 3, 4]
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert length % 8 == 0  # the tensors are aligned


SMALL = {"weight": torch.tensor([[1.0, -2.0]]), "count": torch.tensor(3)}


def whole_file(path: Path) -> bytes:
    write_tensors(path, SMALL, {"model": "M", "order": 2})
    return path.read_bytes()


def without_checksum() -> bytes:
    """Return a file as version 0.1.0 wrote it."""
    return save(SMALL, {"sdg_lab": "1", "config": json.dumps({"model": "M", "order": 2})})


def test_files_of_before_still_load(tmp_path: Path):
    path = tmp_path / "old"
    path.write_bytes(without_checksum())
    tensors, config = read_tensors(path)
    assert config == {"model": "M", "order": 2}
    assert all(torch.equal(tensors[name], SMALL[name]) for name in SMALL)


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path):
    path = tmp_path / "m"
    content = whole_file(path)
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                tensors, config = read_tensors(path)
            except ValueError:
                continue
            # Only the name under which the checksum stands can be spoilt without harm.
            assert config == {"model": "M", "order": 2}
            assert all(torch.equal(tensors[name], SMALL[name]) for name in SMALL)


@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_damage_without_a_checksum_is_a_value_error_too(tmp_path: Path, framework: Literal["torch", "numpy"]):
    path = tmp_path / "old"
    content = without_checksum()
    header = 8 + int.from_bytes(content[:8], "little")
    for place in range(header):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with suppress(ValueError):  # any other exception fails the test
                read_tensors(path, framework=framework)


def test_a_cut_or_lengthened_file_is_refused(tmp_path: Path):
    path = tmp_path / "m"
    for content in (whole_file(path), without_checksum()):
        for damaged in (*(content[:length] for length in range(len(content))), content + b"\0"):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="is damaged, or no safetensors file; save the model again"):
                read_tensors(path)


@pytest.mark.parametrize("length", [2**24, 2**35, 2**62, -1])
def test_no_memory_is_taken_for_what_the_file_does_not_hold(tmp_path: Path, length: int):
    path = tmp_path / "m"
    metadata = {"sdg_lab": "1", "config": "{}"}
    entry = {"dtype": "F32", "shape": [length], "data_offsets": [0, 4 * length]}
    header = json.dumps({"__metadata__": metadata, "a": entry}).encode()
    for claimed in (len(header), 2**40):
        path.write_bytes(claimed.to_bytes(8, "little") + header + bytes(64))
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="is damaged"):
                read_tensors(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"sdg_lab": "1"}, r"is damaged, .* \('config'\)$"),
        ({"sdg_lab": "1", "config": "[1]"}, r"is damaged, .* \(its configuration is \[1\]\)$"),
        ({"sdg_lab": "1", "config": "{"}, "is damaged, "),
        ({"sdg_lab": "9", "config": "{}"}, r"was not written by sdg_lab \(format '9', wanted '1'\)"),
        (None, r"was not written by sdg_lab \(format None, wanted '1'\)"),
    ],
)
def test_what_is_foreign_is_refused(tmp_path: Path, metadata: dict[str, str] | None, says: str):
    path = tmp_path / "m"
    path.write_bytes(save(SMALL, metadata))
    with pytest.raises(ValueError, match=says):
        read_tensors(path)


def test_what_is_missing_or_a_pickle_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        read_tensors(tmp_path / "none")
    with pytest.raises(ValueError, match=r"^'.*' is a folder; name the file of a model$"):
        read_tensors(tmp_path)
    (tmp_path / "pickled").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
        read_tensors(tmp_path / "pickled")
