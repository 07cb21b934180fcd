"""A run says what it made, kept and repaired; what fails is named, and all else is finished."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sdg_lab import extras, shards
from sdg_lab.shards import ShardsFailed, Share, seed_of
from tests.shards.folders import N_SHARDS, RUN, contents, finished_run
from tests.shards.tasks import draw, exit_at, fail_at


def test_a_task_is_called_with_its_shard_and_seed(tmp_path: Path):
    def note(shard: int, seed: int) -> bytes:
        return json.dumps([shard, seed]).encode()

    shards.run(note, 3, tmp_path, description={}, seed=8, extension="json", progress=False)
    assert [json.loads(path.read_text()) for path in shards.join(tmp_path)] == [[s, seed_of(8, s)] for s in range(3)]


def test_what_is_finished_is_skipped(tmp_path: Path):
    first = shards.run(draw, N_SHARDS, tmp_path, only=[4, 1], **RUN)
    assert (first.made, first.kept, first.left) == ((1, 4), (), (0, 2, 3, 5, 6))
    assert str(first) == "2 of 7 shards made, 5 left to others"
    second = shards.run(fail_at, N_SHARDS, tmp_path, only=[1, 4], **RUN)  # it is not even called
    assert (second.made, second.kept) == ((), (1, 4))
    assert str(second) == "0 of 7 shards made, 2 were there, 5 left to others"
    third = shards.run(draw, N_SHARDS, tmp_path, **RUN)
    assert (third.made, third.kept, third.left) == ((0, 2, 3, 5, 6), (1, 4), ())


def test_a_repaired_part_is_said(tmp_path: Path):
    finished_run(tmp_path)
    next(tmp_path.glob("part-00003-*")).write_bytes(b"other")
    report = shards.run(draw, N_SHARDS, tmp_path, **RUN)
    assert str(report) == "1 of 7 shards made, 6 were there, 1 of them anew (3: damaged)"


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_task_that_raises_keeps_no_other_shard_from_being_made(workers: int, tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")
    with pytest.raises(ShardsFailed) as failed:
        shards.run(functools.partial(fail_at, (2, 5)), N_SHARDS, tmp_path / "run", workers=workers, **RUN)
    said = (
        "2 of 7 shards failed (shard 2: ArithmeticError: no numbers for 2; shard 5: ArithmeticError: no numbers for 5)"
    )
    assert str(failed.value).startswith(said)
    assert "the same call makes only what is not there" in str(failed.value)
    assert 'raise ArithmeticError(f"no numbers for {shard}")' in failed.value.__notes__[0]
    assert failed.value.report.made == (0, 1, 3, 4, 6)
    assert list(failed.value.report.failed) == [2, 5]
    assert shards.status(tmp_path / "run").missing == (2, 5)
    assert shards.run(draw, N_SHARDS, tmp_path / "run", workers=workers, **RUN).made == (2, 5)
    assert contents(tmp_path / "run") == wanted


def test_a_task_that_exits_has_failed(tmp_path: Path):
    with pytest.raises(ShardsFailed, match=r"shard 1: SystemExit: 3\)"):
        shards.run(functools.partial(exit_at, 1), N_SHARDS, tmp_path, **RUN)
    assert shards.status(tmp_path).missing == (1,)


@pytest.mark.parametrize("content", ["text", None, 3, ["a"]])
def test_what_is_not_bytes_is_no_part(content: Any, tmp_path: Path):
    with pytest.raises(ShardsFailed, match=rf"the task must return bytes, got {type(content).__name__}; encode it"):
        shards.run(lambda shard, seed: content, 1, tmp_path, **RUN)
    assert list(contents(tmp_path)) == ["manifest.json"]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_bytes(kind: Any, tmp_path: Path):
    shards.run(lambda shard, seed: kind(b"abc"), 1, tmp_path, **RUN)
    assert next(shards.join(tmp_path)).read_bytes() == b"abc"


def test_many_failures_are_not_all_said(tmp_path: Path):
    with pytest.raises(ShardsFailed, match=r"shard 4: .*; and 15 more\); the others") as failed:
        shards.run(functools.partial(fail_at, tuple(range(20))), 20, tmp_path, **RUN)
    assert len(failed.value.report.failed) == 20


def test_an_interrupted_run_keeps_what_is_finished(tmp_path: Path):
    wanted = finished_run(tmp_path / "wanted")

    def interrupted(shard: int, seed: int) -> bytes:
        if shard == 4:
            raise KeyboardInterrupt
        return draw(shard, seed)

    with pytest.raises(KeyboardInterrupt) as stopped:
        shards.run(interrupted, N_SHARDS, tmp_path / "run", **RUN)
    assert stopped.value.__notes__[0].startswith("4 shards were made and are kept in")
    shards.run(draw, N_SHARDS, tmp_path / "run", **RUN)
    assert contents(tmp_path / "run") == wanted


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"workers": 0}, "workers must be a whole number >= 1, got 0"),
        ({"workers": 2, "dask": "tcp://127.0.0.1:1"}, "workers must be 1 where dask does the work, got 2"),
        ({"only": [7]}, "only must be a whole number >= 0 and <= 6, got 7"),
        ({"only": "3"}, "only must be several values"),
        ({"progress": "no"}, "progress must be True or False"),
        ({"description": {"a": float("inf")}}, "description must be what JSON can say"),
        ({"extension": "a/b"}, "extension must be"),
    ],
)
def test_refused_arguments_change_nothing(arguments: dict[str, Any], sentence: str, tmp_path: Path):
    with pytest.raises(ValueError, match=sentence):
        shards.run(draw, N_SHARDS, tmp_path / "run", **{**RUN, **arguments})
    assert not (tmp_path / "run").exists()


def test_a_share_without_shards_makes_nothing(tmp_path: Path):
    report = shards.run(draw, 3, tmp_path, only=Share(4, 5), workers=2, **RUN)
    assert (report.made, report.kept, report.left) == ((), (), (0, 1, 2))


def test_a_bar_shows_shards_and_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shards.run(draw, N_SHARDS, tmp_path, only=[0, 1, 2], **RUN)
    assert capsys.readouterr().err == ""
    with pytest.raises(ShardsFailed):
        shards.run(functools.partial(fail_at, (6,)), N_SHARDS, tmp_path, **{**RUN, "progress": True})
    shown = capsys.readouterr().err
    assert "3/7" in shown
    assert "failed=1" in shown


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = "import sys, sdg_lab.shards; print({'distributed', 'dask', 'torch', 'pandas', 'tqdm'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_without_dask_a_sentence_says_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Nobody:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "distributed":
                raise ModuleNotFoundError(extras.command("cluster"), name=name)

    monkeypatch.delitem(sys.modules, "distributed", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Nobody, *sys.meta_path])
    assert extras.wanted_by("distributed") == "cluster"
    with pytest.raises(ModuleNotFoundError, match=r"sdg-lab\[cluster\]"):
        shards.run(draw, N_SHARDS, tmp_path, dask="tcp://127.0.0.1:9", **RUN)
