"""Parts appear whole or not at all; what is missing or damaged is found, named, and made again to the same bytes."""

import errno
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab import shards
from sdg_lab.shards import Share, join, seed_of, status
from tests.shards.folders import N_SHARDS, RUN, contents, finished_run
from tests.shards.tasks import draw

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return finished_run(tmp_path_factory.mktemp("wanted"))


def part(folder: Path, shard: int) -> Path:
    return next(folder.glob(f"part-{shard:05}-*"))


def test_parts_joined_are_what_the_task_returns(tmp_path: Path):
    finished_run(tmp_path)
    assert [path.read_bytes() for path in join(tmp_path)] == [draw(s, seed_of(3, s)) for s in range(N_SHARDS)]


def test_a_checksum_can_be_computed_by_hand(tmp_path: Path):
    finished_run(tmp_path)
    run = json.loads((tmp_path / "manifest.json").read_text())["run"]
    content = part(tmp_path, 4).read_bytes()
    digest = hashlib.sha256(f"{run} 4\n".encode() + content).hexdigest()[:16]
    assert part(tmp_path, 4).name == f"part-00004-of-00007.{digest}.jsonl"


DAMAGE = {
    "removed": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "emptied": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "one bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "renamed": lambda path: path.rename(path.with_name(path.name.replace(".jsonl", "")[:-16] + "0" * 16 + ".jsonl")),
}


@settings(max_examples=15)
@given(
    damage=st.dictionaries(st.integers(1, N_SHARDS - 1), st.sampled_from(sorted(DAMAGE))),
    shares=st.integers(1, 9).flatmap(lambda count: st.permutations([Share(index, count) for index in range(count)])),
)
def test_any_damage_and_any_order_of_shares_end_in_the_same_folder(
    damage: dict[int, str], shares: list[Share], wanted: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("run")
    for name, content in wanted.items():
        (folder / name).write_bytes(content)
    for shard, kind in damage.items():
        DAMAGE[kind](part(folder, shard))
    gone = sorted(shard for shard, kind in damage.items() if kind == "removed")
    spoilt = sorted(damage.keys() - set(gone))
    now = status(folder)
    assert (list(now.missing), list(now.damaged)) == (gone, spoilt)
    assert sorted(now.finished) == sorted(set(range(N_SHARDS)) - damage.keys())
    reports = [shards.run(draw, N_SHARDS, folder, only=share, **RUN) for share in shares]
    assert sorted(shard for report in reports for shard in report.made) == sorted(damage)
    assert sorted(shard for report in reports for shard in report.repaired) == spoilt
    assert contents(folder) == wanted


@settings(max_examples=10)
@given(order=st.permutations(range(N_SHARDS)), sizes=st.lists(st.integers(1, 3)))
def test_shards_may_be_made_one_by_one_in_any_order(
    order: list[int], sizes: list[int], wanted: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("run")
    left = list(order)
    for size in [*sizes, N_SHARDS]:
        shards.run(draw, N_SHARDS, folder, only=left[:size], **RUN)
        left = left[size:]
    assert contents(folder) == wanted


def test_parts_of_machines_without_a_common_disk_are_copied_together(wanted: dict[str, bytes], tmp_path: Path):
    together = tmp_path / "together"
    for index in range(3):
        shards.run(draw, N_SHARDS, tmp_path / str(index), only=Share(index, 3), **RUN)
        shutil.copytree(tmp_path / str(index), together, dirs_exist_ok=True)
    assert len(list(join(together))) == N_SHARDS
    assert contents(together) == wanted


def test_a_part_of_another_run_or_shard_is_not_taken_for_this_ones(wanted: dict[str, bytes], tmp_path: Path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    finished_run(ours)
    shards.run(draw, N_SHARDS, theirs, **{**RUN, "seed": 4})
    part(ours, 2).unlink()
    shutil.copy(part(theirs, 2), ours)
    moved = part(ours, 5)
    part(ours, 6).unlink()
    shutil.copy(moved, ours / moved.name.replace("00005", "00006"))
    assert status(ours).damaged == (2, 6)
    assert shards.run(draw, N_SHARDS, ours, **RUN).repaired == (2, 6)
    assert contents(ours) == wanted


def test_a_lost_manifest_is_written_again_and_parts_are_recognised(wanted: dict[str, bytes], tmp_path: Path):
    finished_run(tmp_path)
    (tmp_path / "manifest.json").unlink()
    assert len(shards.run(draw, N_SHARDS, tmp_path, **RUN).kept) == N_SHARDS
    assert contents(tmp_path) == wanted


def test_other_files_are_left_alone(tmp_path: Path):
    others = ["README.md", "part-00001-of-00009.0123456789abcdef.jsonl", "part-1.jsonl", ".hidden.tmp"]
    for name in others:
        (tmp_path / name).write_text("mine")
    finished_run(tmp_path)
    assert all((tmp_path / name).read_text() == "mine" for name in others)
    assert len(list(join(tmp_path))) == N_SHARDS


def test_parts_are_refused_while_some_are_missing(tmp_path: Path):
    shards.run(draw, N_SHARDS, tmp_path, only=[0, 2, 3], **RUN)
    part(tmp_path, 3).write_bytes(b"")
    with pytest.raises(FileNotFoundError) as refused:
        join(tmp_path)
    said = str(refused.value)
    assert "2 of 7 shards are finished, 4 missing (1, 4 to 6), 1 damaged (3)" in said
    assert "start the same command with the same folder again" in said
    assert "--shard i/n" in said


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file; name a folder"):
        shards.run(draw, 1, tmp_path / "file", **RUN)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_another_run_is_left_as_it_was(tmp_path: Path):
    before = finished_run(tmp_path)
    with pytest.raises(ValueError, match="belongs to another run: its seed is 3, this one's 4"):
        shards.run(draw, N_SHARDS, tmp_path, **{**RUN, "seed": 4})
    assert contents(tmp_path) == before


# Killed in the middle, and several at once

KILLED = """
import os, signal, sys
from pathlib import Path
from sdg_lab import shards
from tests.shards.folders import RUN, N_SHARDS
from tests.shards.tasks import draw

calls = 0
def die_at(call, function):
    def counted(*arguments):
        global calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return counted

if sys.argv[2] == "fsync":  # the bytes are written, under another name
    os.fsync = die_at(int(sys.argv[3]), os.fsync)
else:
    Path.replace = die_at(int(sys.argv[3]), Path.replace)
shards.run(draw, N_SHARDS, sys.argv[1], **RUN)
"""


@pytest.mark.parametrize(("moment", "call"), [("fsync", 1), ("fsync", 4), ("replace", 2)])
def test_nothing_is_left_of_a_writer_killed_in_the_middle(
    moment: str, call: int, wanted: dict[str, bytes], tmp_path: Path
):
    command = [sys.executable, "-c", KILLED, str(tmp_path), moment, str(call)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len([name for name in contents(tmp_path) if name.endswith(".tmp")]) == 1
    report = shards.run(draw, N_SHARDS, tmp_path, **RUN)
    assert len(report.kept) == max(0, call - 2)  # the first that is written is the manifest
    assert contents(tmp_path) == wanted


def test_a_call_clears_away_nothing_of_shards_that_are_not_its_own(tmp_path: Path):
    finished_run(tmp_path)
    left = tmp_path / ".part-00003-of-00007.0123456789abcdef.jsonl.01234567.tmp"
    left.touch()
    shards.run(draw, N_SHARDS, tmp_path, only=[1, 2, 4], **RUN)
    assert left.exists()
    shards.run(draw, N_SHARDS, tmp_path, only=[3], **RUN)
    assert not left.exists()


def test_a_manifest_that_another_call_writes_at_the_same_moment_does_no_harm(
    wanted: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls, fsync = [], os.fsync

    def meanwhile(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 1:  # the manifest is written, under another name; the other call clears it away
            shards.run(draw, N_SHARDS, tmp_path, only=[0, 1], **RUN)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert len(shards.run(draw, N_SHARDS, tmp_path, **RUN).kept) == 2
    assert contents(tmp_path) == wanted


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ESTALE])
def test_a_writer_whose_file_is_cleared_away_writes_again(
    number: int, wanted: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cleared, fsync = [], os.fsync

    def clear(handle: int) -> None:
        if len(cleared) < 3 and (left := list(tmp_path.glob(".part-*.tmp"))):
            cleared.append(left[0].unlink())
            if number == errno.ESTALE:
                raise OSError(number, "Stale file handle")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", clear)
    shards.run(draw, N_SHARDS, tmp_path, **RUN)
    assert len(cleared) == 3
    assert contents(tmp_path) == wanted


def test_a_folder_that_is_taken_away_is_said(tmp_path: Path):
    def take_away(shard: int, seed: int) -> bytes:
        shutil.rmtree(tmp_path / "run")
        (tmp_path / "run").touch()
        return b""

    with pytest.raises(NotADirectoryError, match="lies below a file"):
        shards.run(take_away, N_SHARDS, tmp_path / "run", **RUN)


def test_a_full_disk_is_said_and_what_is_finished_is_kept(
    wanted: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "part-00003" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left") as refused:
            shards.run(draw, N_SHARDS, tmp_path, **RUN)
    assert refused.value.__notes__ == [
        f"3 shards were made and are kept in {tmp_path}; the same call goes on from there"
    ]
    assert shards.run(draw, N_SHARDS, tmp_path, **RUN).kept == (0, 1, 2)
    assert contents(tmp_path) == wanted


def test_a_shard_that_another_call_makes_at_the_same_time_does_no_harm(wanted: dict[str, bytes], tmp_path: Path):
    def slowly(shard: int, seed: int) -> bytes:
        if shard == 2:  # meanwhile
            shards.run(draw, N_SHARDS, tmp_path, **RUN)
        return draw(shard, seed)

    assert len(shards.run(slowly, N_SHARDS, tmp_path, **RUN).made) == N_SHARDS
    assert contents(tmp_path) == wanted


def test_of_a_part_that_is_not_the_same_twice_one_remains(tmp_path: Path):
    def by_chance(noise: random.Random, shard: int, seed: int) -> bytes:
        if shard == 2 and noise.random() < 2:
            noise.random = lambda: 3.0  # type: ignore[method-assign]
            shards.run(functools.partial(by_chance, noise), 4, tmp_path, **RUN)
        return noise.randbytes(8)

    shards.run(functools.partial(by_chance, random.Random(1)), 4, tmp_path, **RUN)
    assert len(contents(tmp_path)) == 1 + 4
    assert [path.name[:10] for path in join(tmp_path)] == [f"part-0000{shard}" for shard in range(4)]


def test_a_run_started_in_the_same_empty_folder_at_the_same_moment_is_found(tmp_path: Path):
    other = {**RUN, "seed": 4}

    def meanwhile(shard: int, seed: int) -> bytes:
        (tmp_path / "manifest.json").unlink(missing_ok=True)
        shards.run(draw, N_SHARDS, tmp_path, **other)
        return draw(shard, seed)

    with pytest.raises(ValueError, match="belongs to another run: its seed is 4, this one's 3"):
        shards.run(meanwhile, 1, tmp_path, **RUN)
    assert [path.read_bytes() for path in join(tmp_path)] == [draw(s, seed_of(4, s)) for s in range(N_SHARDS)]
