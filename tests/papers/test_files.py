"""What stands on the disk is replaced whole or left alone, and whatever was written is reported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from semantic_scholar_server import Library, sha
from test_refresh import load, page, save, static
from typer.testing import CliRunner

from papers import SemanticScholar, refresh
from papers.cli import CATALOG, app
from papers.files import UnreadableFileError, replace_text
from papers.history import Count, append_history, history_path, impossible_days, read_history

HEADER = "date,id,count\n"


def run(library: Library, *words: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from papers.cli import app; app()", *map(str, words)]
    settings = {"SEMANTIC_SCHOLAR_URL": library.url, **environment}
    return subprocess.run(command, env=os.environ | settings, capture_output=True, check=False)


def test_a_file_with_two_names_is_refused_and_nobody_is_asked(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    os.link(path, tmp_path / "backup.md")
    with pytest.raises(
        OSError, match=r"cannot write .*list.md: the file has 2 names \(hard links\); copy it to a name"
    ):
        refresh(path, client)
    assert library.log == []
    assert path.samefile(tmp_path / "backup.md")
    assert refresh(path, client, write=False).changed


def test_a_read_only_file_is_refused(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    path.chmod(0o444)
    with pytest.raises(
        OSError, match=r"cannot write .*list.md: it is read-only; make it writable first \(chmod u\+w\)"
    ):
        refresh(path, client)
    assert load(path) == page(("", "A", static(1, "9")))
    assert library.log == []


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    path = save(tmp_path, "old")
    mine, other = tmp_path / f".list.md.{os.getpid()}-0123abcd.tmp", tmp_path / ".list.md.notes.tmp"
    left = [tmp_path / f".list.md.{int(ended.stdout)}-0123abcd.tmp", tmp_path / ".list.md.0123abcd.tmp"]
    for file in (mine, other, *left):
        file.write_text("half")
    long_ago = time.time() - 4000
    os.utime(left[1], (long_ago, long_ago))
    replace_text(path, "old", "new")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([mine.name, other.name, "list.md"])


@pytest.mark.parametrize("broken", [b"date,id,count\n\xff,x,1\n", None])
def test_a_history_that_cannot_be_read_stops_a_refresh_before_it_begins(
    broken: bytes | None, library: Library, tmp_path: Path
) -> None:
    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    history = history_path(path)
    history.mkdir() if broken is None else history.write_bytes(broken)
    done = run(library, "refresh", path, "--json")
    assert (done.returncode, done.stdout, library.log) == (2, b"", [])
    assert re.search(rb"cannot read .*list.history.csv|list.history.csv is not UTF-8", done.stderr)
    assert load(path) == page(("", "A", static(1, "9")))
    with pytest.raises(UnreadableFileError):
        read_history(path)


def test_a_history_that_cannot_be_written_is_said_after_the_rows(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError("cannot write list.history.csv: No space left on device")

    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    monkeypatch.setattr("papers.catalog.append_history", full)
    result = CliRunner().invoke(app, ["refresh", str(path), "--json", "--base-url", library.url])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["written"] is True
    assert "not in its history: cannot write list.history.csv: No space left on device" in result.stderr


def test_damaged_lines_of_a_history_are_left_out(tmp_path: Path) -> None:
    path = save(tmp_path, "")
    good = f"2026-01-31,{sha(1)},7\n"
    bad = [f"2024-02-30,{sha(1)},7", "0000-01-01,x,1", "2026-01-01,x,-1", "2026-01-01,x,²", "2026-01-01,x,1" + "0" * 99]
    history_path(path).write_text(HEADER + "\n".join([*bad, '"2026-01-01,x', "x\0,1", "y" * 200_000]) + "\n" + good)
    assert read_history(path) == [Count("2026-01-31", sha(1), 7)]
    assert append_history(path, [Count("2026-02-28", 'DOI:10.1/"a",b', 8)]) == 1
    assert read_history(path)[-1] == Count("2026-02-28", 'DOI:10.1/"a",b', 8)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_what_was_written_is_said_when_standard_output_takes_nothing(library: Library, tmp_path: Path) -> None:
    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    program = [sys.executable, "-c", "from papers.cli import app; app()", "refresh", str(path)]
    with Path("/dev/full").open("wb") as full:
        environment = os.environ | {"SEMANTIC_SCHOLAR_URL": library.url}
        done = subprocess.run(program, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "1 ok; 1 request. The file was written.",
        "papers: cannot write to standard output: No space left on device",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["list", "--help"], []])
def test_a_version_or_a_help_that_nobody_takes_is_one_sentence(arguments: list[str]) -> None:
    program = [sys.executable, "-c", "from papers.cli import app; app()", *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "papers: cannot write to standard output: No space left on device\n",
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_change_is_written_and_shown_in_any_encoding(encoding: str, library: Library, tmp_path: Path) -> None:
    library.add(1, 10, "注意 β")
    path = save(tmp_path, page(("", "注意 β", static(1, "9"))))
    dry = run(library, "refresh", path, "--dry-run", PYTHONIOENCODING=encoding)
    if encoding == "utf-8":
        assert dry.returncode == 0
    else:
        assert (dry.returncode, dry.stdout) == (2, b"")
        assert b"1 ok; 1 request. The file would change.\n" in dry.stderr
        assert f"papers: standard output is {encoding}, which lacks '\\u6ce8'".encode() in dry.stderr
    done = run(library, "refresh", path, PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert ("注意 β" if encoding == "utf-8" else "?? ?").encode() in done.stdout
    assert load(path) == page(("", "注意 β", static(1, "10")))


def test_a_pipe_gets_whole_titles(tmp_path: Path) -> None:
    title = "An Extraordinarily Long Title: " + " ".join(["on and on"] * 40)
    listed = CliRunner().invoke(app, ["list", str(save(tmp_path, page(("2017", title, "7"), ("2018", "短い", "8"))))])
    lines = listed.stdout.splitlines()
    assert len(lines) == 3
    assert title in lines[1]
    assert lines[1].index("7", 20) == lines[2].index("8", 20) + len("短い")  # such characters are two columns wide
    assert not any(line.endswith(" ") for line in lines)


def test_a_user_without_a_home_is_served(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    library.add(1, 10)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    assert CliRunner().invoke(app, ["refresh", str(path), "--base-url", library.url]).exit_code == 0
    assert load(path) == page(("", "A", static(1, "10")))


def test_a_picture_of_the_courses_own_catalog_goes_where_the_reader_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Figure:
        def savefig(self, output: Path, **_: object) -> None:
            output.write_bytes(b"drawn")

    monkeypatch.setattr("papers.plot.plot_counts", lambda *_, **__: Figure())
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["plot"])
    assert result.stderr == "Drawn: related_papers.citations.png\n"
    assert (tmp_path / "related_papers.citations.png").read_bytes() == b"drawn"
    assert not CATALOG.with_suffix(".citations.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the stream")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&-"])
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_stream_that_is_closed_leaves_no_traceback(
    closed: str, words: tuple[str, ...], library: Library, tmp_path: Path
) -> None:
    library.add(1, 5)
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    asked = ("refresh", str(path), "--base-url", library.url, "--pace", "0", *words)
    command = [sys.executable, "-c", "from papers.cli import app; app()", *asked]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment, check=False)
    assert load(path) == page(("", "A", static(1, "5")))
    assert done.returncode == (0 if closed == "2>&-" else 1)
    assert "Traceback" not in done.stderr
    if closed == ">&-":
        assert done.stderr.splitlines()[0].endswith("The file was written.")
        assert "cannot write to standard output: " in done.stderr.splitlines()[1]


def test_a_file_that_is_not_to_be_written_says_why_in_json_too(library: Library, tmp_path: Path) -> None:
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    (path.parent / "other.md").hardlink_to(path)
    command = [sys.executable, "-c", "from papers.cli import app; app()", "refresh", str(path), "--json"]
    done = subprocess.run(
        [*command, "--base-url", library.url], capture_output=True, text=True, env={**os.environ}, check=False
    )
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["rows"], outcome["requests"], outcome["written"]) == (1, [], 0, False)
    assert done.stderr == f"papers: {outcome['notes'][0]}\n"


@pytest.mark.parametrize("day", ["0001-01-01", "1969-07-20", "9998-01-01", "2204-01-01", "2024-02-30"])
def test_a_day_on_which_nobody_counted_is_left_out(day: str, tmp_path: Path) -> None:
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    history_path(path).write_text(f"date,id,count\n2024-01-01,x,3\n{day},x,5\n", encoding="utf-8")
    assert [count.date for count in read_history(path)] == ["2024-01-01"]
    assert impossible_days(path) == [day]
