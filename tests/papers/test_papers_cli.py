"""The commands as scripts see them: standard output, standard error, exit status."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from other_servers import OpenAlexLibrary
from semantic_scholar_server import Library, serving, sha
from test_refresh import TODAY, live, load, page, save, static
from typer.testing import CliRunner, Result

from papers import __version__ as version
from papers import read_rows
from papers.cli import CATALOG, app
from papers.history import history_path


def papers(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def asking(library: Library, *arguments: object) -> Result:
    return papers(*arguments, "--base-url", library.url, "--pace", 0)


def real_files() -> list[Path]:
    """Tables from other people's pages, where the folder that holds them is there."""
    places = (folder / "shared" / "real_tables" for folder in Path(__file__).resolve().parents)
    return sorted(file for folder in places if folder.is_dir() for file in folder.glob("*.md"))


def test_list_prints_the_rows_that_scripts_rely_on() -> None:
    result = papers("list", "--json")
    rows = json.loads(result.stdout)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert list(rows[0]) == [
        *("line", "date", "year", "month", "category", "title", "url", "description"),
        *("link_id", "badge_id", "paper_id", "style", "count"),
    ]
    assert rows == [row.as_json() for row in read_rows(load(CATALOG))]


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["papers", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("papers", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"papers {version}\n"


def test_list_sorts_and_makes_text_harmless(tmp_path: Path) -> None:
    path = save(tmp_path, page(("2015", "B \x1b[31m[red]", "3"), ("2014", "A", "x"), ("2016", "C", "1,000")))
    result = papers("list", path)
    assert "\x1b" not in result.stdout
    assert "[red]" in result.stdout
    assert "3 papers, 2 with a count." in result.stderr
    for order, titles in (("citations", "CBA"), ("date", "ABC"), ("title", "ABC"), ("line", "BAC")):
        rows = json.loads(papers("list", path, "--sort", order, "--json").stdout)
        assert "".join(row["title"][0] for row in rows) == titles


def test_sorting_by_counts_that_are_not_there_says_how_they_come(tmp_path: Path) -> None:
    path = save(tmp_path, page(("2015", "A", ""), ("2014", "B", live(1))))
    said = papers("list", path.rename(tmp_path / "my list.md"), "--sort", "citations").stderr
    assert f"2 papers, 0 with a count. To sort by citations, first run: papers refresh '{tmp_path}/my list.md'" in said
    assert "To sort" not in papers("list", tmp_path / "my list.md").stderr
    bullets = save(tmp_path, "- [A Paper of Some Length](https://arxiv.org/abs/1706.03762)\n")
    said = papers("list", bullets, "--sort", "citations").stderr
    assert said.endswith(f"first run: papers refresh {bullets} --add-column citation\n")


def test_bullets_that_are_not_read_are_said(tmp_path: Path) -> None:
    path = save(
        tmp_path, "- [A Paper of Some Length](https://arxiv.org/abs/1706.03762)\n- https://arxiv.org/abs/2006.11239\n"
    )
    for command in (("list",), ("audit", "--offline")):
        result = papers(*command, path)
        assert "1 bullet with a link to a paper and no title is not read: on line 2." in result.stderr
    assert result.stdout == ""
    assert papers("list", path, "--json").stderr == ""


@pytest.mark.parametrize("command", ["plot", "report", "add"])
def test_commands_that_write_say_what_was_seen_and_write_nothing(
    command: str, library: Library, tmp_path: Path
) -> None:
    path = save(tmp_path, NOTHING)
    result = asking(library, command, path, "1706.03762") if command == "add" else papers(command, path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "1 table (line 3: Tool | 大小)" in result.stderr
    assert list(tmp_path.iterdir()) == [path]
    assert library.log == []


NOTHING = "# Tools\n\n| Tool | 大小 |\n|--|--|\n| a | 1 |\n\n- [x](http://a.b)\n- y\n"


@pytest.mark.parametrize("command", [("list",), ("audit", "--offline"), ("export",), ("refresh",)])
def test_where_nothing_is_understood_it_is_said_what_was_seen(command: tuple[str, ...], tmp_path: Path) -> None:
    path = save(tmp_path, NOTHING)
    result = papers(*command, path)
    assert (result.exit_code, result.stdout) == (2, "")
    for said in ("1 table (line 3: Tool | 大小)", "2 bullets, 1 of them with links", "--columns title=2,citation=5"):
        assert said in result.stderr
    assert "neither a table nor bullets" in papers(*command, save(tmp_path, "prose")).stderr
    if command != ("export",):
        assert json.loads(papers(*command, path, "--json").stdout) in (
            [],
            {"rows": [], "requests": 0, "written": False},
        )


def test_somebody_can_say_which_columns_hold_what(library: Library, tmp_path: Path) -> None:
    library.add(1, 7, "A")
    path = save(
        tmp_path, f"| 甲 | 乙 | 丙 |\n|--|--|--|\n| 3 | x | [A](https://www.semanticscholar.org/paper/{sha(1)}) |\n"
    )
    said = ("--columns", "title=3,citation=1")
    assert papers("list", path, *said).exit_code == 0
    (row,) = json.loads(papers("list", path, *said, "--json").stdout)
    assert (row["title"], row["count"], row["paper_id"]) == ("A", 3, sha(1))
    assert papers("list", path, "--columns", "title=丙,citation=甲", "--json").stdout.count('"count": 3') == 1
    assert papers("export", path, *said).stdout.startswith("@misc")
    assert asking(library, "refresh", path, *said).exit_code == 0
    assert "| 7 | x |" in load(path)
    for wrong in ("titel=3", "title", "title=", ""):
        assert "columns must be like title=2,citation=5" in papers("list", path, "--columns", wrong).stderr


def test_help_has_a_short_name() -> None:
    assert papers("-h").stdout == papers("--help").stdout
    assert papers("list", "-h").exit_code == 0


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    path = save(tmp_path, page(("2015", "A", "3")))
    (tmp_path / "link.md").symlink_to(path)
    history_path(path).write_text("date,id,count\n")
    before = {file: load(file) for file in tmp_path.iterdir()}
    for command in (("export", "--format", "csv"), ("plot",), ("report",)):
        for output in before:
            result = papers(*command, path, "--output", output)
            assert result.exit_code == 2
            assert f"--output {output} would replace" in result.stderr
    assert {file: load(file) for file in tmp_path.iterdir()} == before


def test_a_picture_has_the_name_that_was_given(tmp_path: Path) -> None:
    path = save(tmp_path, page(("2015", "A", "3")))
    assert papers("plot", path, "--output", tmp_path / "picture").exit_code == 0
    assert (tmp_path / "picture").read_bytes()[:4] == b"\x89PNG"


def test_one_is_not_said_as_many(tmp_path: Path) -> None:
    assert "1 finding, 0 can be mended" in papers("audit", save(tmp_path, page(("", "A", ""))), "--offline").stderr


def test_version() -> None:
    assert papers("--version").stdout == f"papers {version}\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(encoding: str, tmp_path: Path) -> None:
    """What people read gets question marks; what programs read is whole or refused."""
    path = save(tmp_path, page(("2015", "β-VAE by Łukasz 中", live(1))))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from papers.cli import app; app()", *words, str(path)]
        environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "200"}
        return subprocess.run(
            command, env=environment, capture_output=True, encoding=encoding, errors="strict", check=False
        )

    listed = run("list")
    assert (listed.returncode, "-VAE by" in listed.stdout, "Traceback" in listed.stderr) == (0, True, False)
    exported = run("export")
    if encoding == "utf-8":
        assert "β-VAE by Łukasz 中" in exported.stdout
    else:
        assert (exported.returncode, exported.stdout) == (2, "")
        assert f"standard output is {encoding}, which lacks '\\u03b2'" in exported.stderr


def test_refresh_says_how_each_row_ended(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A")
    library.add(2, 0, "B")
    path = save(tmp_path, page(("", "A", static(1, "4")), ("", "B", static(2, "0")), ("", "C", static(3, "9"))))
    result = asking(library, "refresh", path, "--json")
    outcome = json.loads(result.stdout)
    names = ["line", "title", "paper_id", "state", "old", "new", "as_of", "note", "source", "wrong_link"]
    service = ("semantic-scholar", None)
    assert [list(row) for row in outcome["rows"]] == [names] * 3
    assert [list(row.values()) for row in outcome["rows"]] == [
        [4, "A", sha(1), "ok", 4, 5, TODAY, None, *service],
        [8, "B", sha(2), "unchanged", 0, 0, TODAY, None, *service],
        [12, "C", sha(3), "not_found", 9, None, None, "the service knows no paper with this id", *service],
    ]
    assert (outcome["requests"], outcome["written"]) == (1, True)
    assert result.exit_code == 0
    assert result.stderr == "1 ok, 1 unchanged, 1 not_found; 1 request. The file was written.\n"
    result = asking(library, "refresh", path)
    assert "0 → 0" not in result.stdout
    assert "→" not in result.stdout  # a count that got no answer stays as it is
    assert "The file was left as it is." in result.stderr


def test_check_and_dry_run_change_nothing(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A")
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    before = load(path)
    dry = asking(library, "refresh", path, "--dry-run")
    assert dry.stdout.startswith(f"--- {path}\n+++ {path}\n@@")
    assert "4 → 5" in dry.stderr
    assert dry.exit_code == 0
    check = asking(library, "refresh", path, "--check")
    assert check.exit_code == 1
    assert "The file would change." in check.stderr
    assert load(path) == before
    assert not history_path(path).exists()
    assert asking(library, "refresh", path).exit_code == 0
    assert asking(library, "refresh", path, "--check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("refresh",), 2, "Missing argument"),
        (("refresh", "none.md"), 2, "papers: cannot read none.md: No such file or directory"),
        (("list", "none.md"), 2, "papers: cannot read none.md"),
        (("audit", "none.md", "--offline"), 2, "papers: cannot read none.md"),
        (("refresh", CATALOG, "--style", "loud"), 2, "'loud' is not one of"),
        (("refresh", CATALOG, "--pace", "-1"), 2, "papers: pace must be >= 0, got -1.0"),
        (("refresh", CATALOG, "--timeout", "0"), 2, "papers: timeout must be > 0 seconds, got 0.0"),
        (("refresh", CATALOG, "--base-url", "x"), 2, "papers: base_url must begin with http:// or https://, got 'x'"),
        (("refresh", CATALOG, "--source", "scopus"), 2, "papers: 'scopus' is no source; there are semantic-scholar,"),
        (("refresh", CATALOG, "--max-time", "0"), 2, "papers: max_time must be > 0 seconds, got 0.0"),
        (("refresh", CATALOG, "--cache", CATALOG), 2, "is no cache of answers; name another file"),
        (("refresh", CATALOG, "--timeout", "inf"), 2, "papers: timeout must be at most a day, 86400 seconds, got inf"),
        (("export", "--output", "no/x.bib"), 1, "papers: cannot write no/x.bib: there is no folder"),
        (("export", "--output", "."), 1, "papers: cannot write .: it is a folder or a device; name a file"),
        (("add", CATALOG, "nonsense", "--category", "x"), 2, "'nonsense' is no paper id"),
        (("plot", CATALOG), 2, "no count is known for"),
        (("plot", "--output", "no/x.png"), 1, "papers: cannot write no/x.png: there is no folder"),
    ],
)
def test_bad_usage_ends_with_a_sentence(arguments: tuple[object, ...], status: int, sentence: str) -> None:
    result = papers(*arguments)
    assert result.exit_code == status
    assert sentence in " ".join(result.stderr.replace("│", "").split())
    assert result.stdout == ""


def test_rows_that_fail_make_the_status_1(library: Library, tmp_path: Path) -> None:
    library.always = "403"
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    result = asking(library, "refresh", path)
    assert result.exit_code == 1
    assert "1 failed" in result.stderr
    assert asking(library, "audit", path).exit_code == 1
    assert asking(library, "add", path, sha(1), "--category", "x").exit_code == 1
    assert asking(library, "suggest", path).exit_code == 1


def test_the_cache_serves_the_next_command(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A")
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    cache = ("--cache", tmp_path / "c.sqlite")
    assert asking(library, "refresh", path, *cache).exit_code == 0
    outcome = json.loads(asking(library, "refresh", path, *cache, "--max-age", 60, "--json").stdout)
    assert outcome["requests"] == 0
    library.always = "403"
    outcome = json.loads(asking(library, "refresh", path, *cache, "--json").stdout)
    assert outcome["rows"][0]["state"] == "unchanged"
    assert outcome["rows"][0]["note"].startswith(f"stale: from {TODAY} (the service refuses access")


def test_audit_prints_findings_and_mends(library: Library, tmp_path: Path, as_found: str) -> None:
    path = save(tmp_path, as_found)
    result = papers("audit", path, "--offline", "--json")
    findings = json.loads(result.stdout)
    assert list(findings[0]) == ["line", "kind", "found", "expected", "certainty", "note"]
    assert {"link-badge-mismatch", "date", "truncated"} <= {finding["kind"] for finding in findings}
    assert result.exit_code == 0
    assert "1 can be mended with --fix" in papers("audit", path, "--offline").stderr
    assert "1 mended" in papers("audit", path, "--offline", "--fix").stderr
    assert load(path).endswith("</table>\n")
    assert "truncated" not in papers("audit", path, "--offline").stdout


def test_add_suggest_export_and_plot(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A")
    library.recommended = [library.add(9, 8, "Something new", year=2020, externalIds={"ArXiv": "2001.00001"})]
    path = save(tmp_path, page(("2014.9", "A", live(1))))
    suggested = json.loads(asking(library, "suggest", path, "--json").stdout)
    link = "https://arxiv.org/abs/2001.00001"
    assert suggested == [{"paper_id": sha(9), "title": "Something new", "year": 2020, "count": 8, "url": link}]
    assert "Something new" in asking(library, "suggest", path).stdout
    dry = asking(library, "add", path, sha(9), "--category", "x", "--dry-run")
    no_place = "papers: the list has neither a column nor a heading for the category 'x'\n"
    assert dry.stderr == "Would add: Something new\n" + no_place
    added = asking(library, "add", path, sha(9), "--category", "x")
    assert added.stdout == dry.stdout
    assert read_rows(load(path))[-1].title == "Something new"
    assert papers("export", path, "--format", "ris").stdout.count("TY  - ") == 2
    assert papers("export", path, "--output", tmp_path / "x.bib").stdout == ""
    assert load(tmp_path / "x.bib").count("@misc") == 2
    assert papers("plot", path).exit_code == 0
    assert (tmp_path / "list.citations.png").read_bytes()[:4] == b"\x89PNG"


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", refuse)
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    result = papers("plot", path)
    assert result.exit_code == 1
    assert result.stderr == f"papers: cannot write {path.with_suffix('.citations.png')}: Permission denied\n"


def test_reading_commands_open_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for arguments in (("list",), ("audit", "--offline"), ("export", "--format", "csv")):
        assert papers(*arguments).exit_code == 0


def test_importing_needs_neither_a_network_nor_a_drawing_library() -> None:
    program = "import sys, papers; print(sorted({'matplotlib', 'pandas', 'torch', 'sdg_lab'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(not real_files(), reason="the folder of real tables is not here")
@pytest.mark.parametrize("file", real_files(), ids=lambda file: file.name)
def test_real_lists_are_read_refreshed_and_otherwise_left_alone(file: Path, library: Library, tmp_path: Path) -> None:
    text = load(file)
    path = save(tmp_path, text)
    rows = read_rows(text)
    assert rows
    assert all(row.title for row in rows)
    for number, row in enumerate(rows):
        if row.paper_id:
            record = library.add(number, number, row.title or "")
            library.aliases[row.paper_id.lower()] = record["paperId"]
    outcome = json.loads(asking(library, "refresh", path, "--json").stdout)
    assert [row["line"] for row in outcome["rows"]] == [row.line for row in rows]
    assert {row["state"] for row in outcome["rows"]} <= {"ok", "unchanged", "no_id", "no_place"}
    after = load(path)
    assert len(after.splitlines()) == len(text.splitlines())
    changed = [i for i, (a, b) in enumerate(zip(text.splitlines(), after.splitlines(), strict=True), 1) if a != b]
    assert len(changed) == sum(row.style == "live" for row in rows)
    assert [row.count for row in read_rows(after) if row.style] == [
        number for number, row in enumerate(rows) if row.style
    ]
    assert not json.loads(asking(library, "refresh", path, "--json").stdout)["written"]
    assert papers("audit", path, "--offline").exit_code == 0


def test_the_workflow_for_other_peoples_lists_is_whole() -> None:
    source = (CATALOG.parent / "examples" / "refresh-citations.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(source)
    told = source.partition("\nname:")[0]
    assert all(setting in told for setting in workflow["jobs"]["refresh"]["env"] if setting != "BRANCH")
    assert workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as true
    steps = workflow["jobs"]["refresh"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert any('papers refresh "$LIST"' in command for command in commands)
    for command in commands:
        subprocess.run(["sh", "-n"], input=command, text=True, check=True)


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 0), (2, 2), (130, 130)])
def test_the_workflow_fails_where_nothing_was_refreshed(status: int, ends: int, tmp_path: Path) -> None:
    workflow = yaml.safe_load((CATALOG.parent / "examples" / "refresh-citations.yml").read_text(encoding="utf-8"))
    command = next(step["run"] for step in workflow["jobs"]["refresh"]["steps"] if step.get("name") == "Refresh")
    stub = tmp_path / "papers"
    stub.write_text(f"#!/bin/sh\nexit {status}\n")
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "LIST": "list.md"}
    done = subprocess.run(["sh", "-e"], input=command, text=True, env=environment, capture_output=True, check=False)
    assert done.returncode == ends
    assert ("::warning::" in done.stdout) == (status == 1)


def test_audit_check_is_for_ci(tmp_path: Path) -> None:
    link = '<a href="https://arxiv.org/abs/1312.6114">Auto-Encoding Variational Bayes</a>'
    wrong, right = page(("2011", link, "7")), page(("2013", link, "7"))
    twice = f"# One\n{right}\n# Two\n{right}"
    ignored = wrong.replace("2011", "2011 <!-- papers: ignore date -->")
    for text, status in ((wrong, 1), (right, 0), (twice, 0), (ignored, 0), ("no table", 2)):
        assert papers("audit", save(tmp_path, text), "--offline", "--check").exit_code == status
        assert papers("audit", tmp_path / "list.md", "--offline").exit_code == status * (status > 1)
    assert "1 finding ignored, as the list asks." in papers("audit", save(tmp_path, ignored), "--offline").stderr


def test_audit_check_with_fix_passes_once_all_is_mended(tmp_path: Path) -> None:
    path = save(tmp_path, "| Title | Citation |\n|--|--|\n| [A](https://arxiv.org/abs/1409.3215) | 1 |\n\n| B | 2 |\n")
    path.write_text(load(path).replace("| B |", "| [B](https://arxiv.org/abs/1409.3216) |"))
    assert papers("audit", path, "--offline", "--check").exit_code == 1
    assert papers("audit", path, "--offline", "--check", "--fix").exit_code == 0
    assert papers("audit", path, "--offline", "--check").exit_code == 0


def test_report_writes_one_page(tmp_path: Path) -> None:
    path = save(tmp_path, page(("2015", "A", live(1))))
    result = papers("report", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Written: {tmp_path / 'list.report.html'}\n")
    assert load(tmp_path / "list.report.html").startswith("<!doctype html>")
    assert papers("report", path, "-o", tmp_path / "no" / "x.html").exit_code == 1
    assert papers("report", save(tmp_path, "no table")).exit_code == 2


def test_ctrl_c_says_that_the_same_command_goes_on(library: Library, tmp_path: Path) -> None:
    for number in range(1, 601):
        library.add(number, number)
    path = save(tmp_path, page(*(("", f"P{number}", static(number, "1")) for number in range(1, 601))))
    before = load(path)
    library.faults = ["", "slow 9"]
    words = ["refresh", path, "--base-url", library.url, "--pace", 0, "--cache", tmp_path / "c.sqlite"]
    command = [sys.executable, "-c", "from papers.cli import app; app()", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(library.log) < 2 and process.poll() is None:
        threading.Event().wait(0.01)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert said == "papers: stopped; nothing was written. What was answered is kept: run the same again\n"
    assert load(path) == before
    again = papers(*words)
    assert again.exit_code == 0
    assert "papers: went on with the run of" in again.stderr
    assert "1 request. The file was written." in again.stderr


def test_what_the_user_should_hear_is_said(library: Library, tmp_path: Path) -> None:
    library.add(1, 5, "A")
    path = save(tmp_path, page(("", "A", static(1, "400"))))
    (tmp_path / "c.sqlite").write_bytes(b"damaged")
    result = asking(library, "refresh", path, "--cache", tmp_path / "c.sqlite", "--json")
    assert json.loads(result.stdout)["rows"][0]["state"] == "fall"
    assert "it is now c.sqlite.damaged" in json.loads(result.stdout)["notes"][0]
    assert "it is now c.sqlite.damaged" in result.stderr
    assert "1 fall; 1 request." in result.stderr
    assert "Counts that fell by more than half were kept; --accept-falls writes them." in result.stderr
    assert asking(library, "refresh", path, "--accept-falls").exit_code == 0
    assert [row.count for row in read_rows(load(path))] == [5]
    result = asking(library, "refresh", path, "--max-time", 1e-6, "--cache", tmp_path / "new.sqlite", "--json")
    assert result.exit_code == 1
    assert "the time limit" in json.loads(result.stdout)["rows"][0]["note"]


def test_another_source_can_be_named(tmp_path: Path) -> None:
    link = '<a href="https://doi.org/10.1000/1">One paper of many words</a>'
    path = save(tmp_path, page(("2020", link, "4"), ("2020", link.replace("/1", "/2"), "6")))
    with serving(OpenAlexLibrary()) as openalex:
        openalex.work(1, 5, "One paper of many words", doi="10.1000/1")  # type: ignore[attr-defined]
        words = ("--source", "openalex", "--mailto", "me@example.org", "--json")
        outcome = json.loads(papers("refresh", path, "--base-url", openalex.url, "--pace", 0, *words).stdout)
    assert [(row["state"], row["new"], row["source"]) for row in outcome["rows"]] == [
        ("ok", 5, "openalex"),
        ("ok", 5, "openalex"),  # by its title and year
    ]
    assert openalex.log[0].query["mailto"] == ["me@example.org"]
