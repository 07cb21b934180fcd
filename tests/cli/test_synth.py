"""``sdg-lab synth`` and ``judge``: one command from a file to a file and a report, and how each of them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sdg_lab.cli.app import app

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    return lambda *words: CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"})


def write(path: Path, n: int = 300, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    lines = ["id;age;income;town;zip"]
    for i in range(n):
        age = rng.integers(18, 90)
        income = f"{rng.lognormal(10, 0.4):.2f}".replace(".", ",")
        lines.append(f"{7000 + i};{age};{income};{['Köln', 'Bonn'][age % 2]};{['01067', '10115'][age % 2]}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


QUICK = ("--model", "copula", "--no-progress", "--no-report")


def test_a_file_comes_back_alike(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    result = invoke("synth", table, *QUICK)
    assert result.exit_code == 0, result.output
    made = (tmp_path / "people_synthetic.csv").read_text("utf-8").splitlines()
    assert made[0] == "id;age;income;town;zip"
    assert len(made) == 301
    assert {line.split(";")[4] for line in made[1:]} == {"01067", "10115"}
    assert not {line.split(";")[0] for line in made[1:]} & {str(7000 + i) for i in range(300)}
    assert all("," in line.split(";")[2] for line in made[1:])
    assert "made anew" in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv", "people_synthetic.csv"]


def test_what_is_coarsened_is_said_and_groups_are_made_anew(invoke: Invoke, tmp_path: Path) -> None:
    lines = [f"{100 + i // 5};{['Köln', 'Bonn'][i % 2] if i else 'Hintertupfing'};{i * i}" for i in range(200)]
    (tmp_path / "a.csv").write_text("\n".join(["who;town;x", *lines]) + "\n", "utf-8")
    result = invoke("synth", tmp_path / "a.csv", "--group", "who", "--min-count", 4, *QUICK)
    assert result.exit_code == 0, result.output
    assert "note: column 'x': 8 extreme values became" in result.output
    assert "holds out all of them" not in result.output
    made = [line.split(";") for line in (tmp_path / "a_synthetic.csv").read_text("utf-8").splitlines()[1:]]
    assert not {cells[0] for cells in made} & {str(100 + i // 5) for i in range(200)}
    assert "Hintertupfing" not in {cells[1] for cells in made}


def test_the_same_seed_gives_the_same_bytes(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert invoke("synth", table, "-o", tmp_path / f"{name}.csv", "--seed", seed, *QUICK).exit_code == 0
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c


def test_rows_and_another_kind_of_file(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    assert invoke("synth", table, "-o", tmp_path / "made.parquet", "--rows", 40, *QUICK).exit_code == 0
    made = pd.read_parquet(tmp_path / "made.parquet")
    assert made.shape == (40, 5)
    assert made["age"].dtype == "int64"


def test_types_are_written_edited_and_kept(invoke: Invoke, tmp_path: Path) -> None:
    table, types = write(tmp_path / "people.csv"), tmp_path / "types.yaml"
    result = invoke("synth", table, "--types", types, *QUICK)
    assert result.exit_code == 0
    assert "edit it" in result.output
    assert not (tmp_path / "people_synthetic.csv").exists()
    text = types.read_text("utf-8")
    types.write_text(
        text.replace("town:\n  kind: category\n  use: model", "town:\n  kind: category\n  use: drop"), "utf-8"
    )
    assert invoke("synth", table, "--types", types, *QUICK).exit_code == 0
    assert "town" not in (tmp_path / "people_synthetic.csv").read_text("utf-8").splitlines()[0]
    types.write_text("nowhere:\n  kind: category\n", "utf-8")
    result = invoke("synth", table, "--types", types, *QUICK)
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_a_number_that_is_a_code_and_a_date_become_text_where_the_types_say_so(invoke: Invoke, tmp_path: Path) -> None:
    table, types = tmp_path / "a.csv", tmp_path / "types.yaml"
    lines = [f"{i % 2 + 1:.2f};{i % 28 + 1:02}/{i % 12 + 1:02}/2024;{i % 7}" for i in range(200)]
    table.write_text("\n".join(["version;day;x", *lines]) + "\n", "utf-8")
    types.write_text("version:\n  kind: code\nday:\n  kind: category\n", "utf-8")
    result = invoke("synth", table, "--types", types, *QUICK)
    assert result.exit_code == 0, result.output
    made = [line.split(";") for line in (tmp_path / "a_synthetic.csv").read_text("utf-8").splitlines()[1:]]
    real = [line.split(";") for line in lines]
    assert {cells[0] for cells in made} == {"1.00", "2.00"}
    assert {cells[1] for cells in made} <= {cells[1] for cells in real}


def test_a_key_of_several_rows_is_said_to_be_one_to_group_by(invoke: Invoke, tmp_path: Path) -> None:
    lines = [f"{70_000 + i};{1000 + i // 4};{i * i % 7}" for i in range(600)]
    (tmp_path / "a.csv").write_text("\n".join(["visit_id;patient_id;x", *lines]) + "\n", "utf-8")
    result = invoke("synth", tmp_path / "a.csv", *QUICK)
    assert "--group 'patient_id' holds out all of them or none" in result.output
    assert "--group 'visit_id'" not in result.output
    assert "holds out all" not in invoke("synth", tmp_path / "a.csv", "--group", "patient_id", *QUICK).output


def test_letters_come_out_by_the_encoding_that_is_said(invoke: Invoke, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_bytes(
        ("town;x\n" + "".join(f"{['Köln', 'Bonn'][i % 2]};{i % 9}\n" for i in range(100))).encode("cp437")
    )
    result = invoke("synth", table, "--encoding", "cp437", *QUICK)
    assert result.exit_code == 0, result.output
    assert "Köln" in (tmp_path / "a_synthetic.csv").read_text("cp437")
    result = invoke("synth", table, "--encoding", "no such", *QUICK)
    assert result.exit_code == 2
    assert "cp1252" in result.stderr


@pytest.mark.slow
def test_a_report_is_written_beside_it_and_is_the_same_each_time(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv", 500)
    pages = []
    for _ in range(2):
        result = invoke("synth", table, "--model", "trees", "--no-progress")
        assert result.exit_code == 0, result.output
        pages.append((tmp_path / "people_synthetic_report.html").read_bytes())
    assert pages[0] == pages[1]
    assert "guessing" in result.output


@pytest.mark.slow
def test_judge_compares_two_files(invoke: Invoke, tmp_path: Path) -> None:
    real, other, held = (
        write(tmp_path / f"{name}.csv", 300, seed) for seed, name in enumerate(("real", "made", "held"))
    )
    result = invoke("judge", real, other, "--no-progress")
    assert result.exit_code == 0, result.output
    assert "No rows were held out" in result.output
    assert "synthetic rows equal a row" not in result.output
    assert "note: real: column 'zip': it stays text" in result.output
    assert "note: 300 of 300 synthetic rows equal a row of" in invoke("judge", real, real, "--no-progress").output
    result = invoke("judge", real, real, "--holdout", held, "--report", tmp_path / "page.html", "--no-progress")
    assert result.exit_code == 0, result.output
    assert "100.0 % of the synthetic rows equal a row of your table" in result.output
    assert (tmp_path / "page.html").stat().st_size > 1_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["synth", "nowhere.csv"], "nowhere.csv"),
        (["synth", "people.csv", "--model", "forest"], "model must be one of auto"),
        (["synth", "people.csv", "-o", "people.csv"], "would be written over the real table"),
        (["synth", "people.csv", "-o", "made.xyz"], "made.xyz"),
        (["synth", "people.csv", "--report", "."], "the report cannot be written over the folder"),
        (["synth", "people.csv", "--decimal", ";"], "--decimal must be one of"),
        (["synth", "people.csv", "--group", "patient"], "lacks the columns ['patient']"),
        (["synth", "people.csv", "--target", "wealth"], "lacks the columns ['wealth']"),
        (["judge", "people.csv", "nowhere.csv"], "nowhere.csv"),
        (["judge", "people.csv", "people.csv", "--report", "people.csv"], "would be written over"),
        (["judge", "people.csv", "people.csv", "--target", "wealth"], "wealth"),
        (["judge", "people.csv", "people.csv", "--types", "nowhere.yaml"], "there is no file nowhere.yaml"),
        (["judge", "people.csv", "people.csv", "--holdout", "people.csv"], "is one of the two tables"),
    ],
)
def test_what_cannot_be_used_is_a_sentence_and_nothing_is_written(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = write(tmp_path / "people.csv").read_bytes()
    result = invoke(*words, "--no-progress")
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert "Traceback" not in result.output + result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]
    assert (tmp_path / "people.csv").read_bytes() == before


def test_judge_names_the_table_that_lacks_a_column(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    pd.read_csv(table, sep=";", decimal=",").drop(columns="age").to_parquet(tmp_path / "made.parquet")
    result = invoke("judge", table, tmp_path / "made.parquet", "--no-progress")
    assert result.exit_code == 2
    assert "the synthetic table lacks 'age'" in result.stderr
    assert "use: drop" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("after", [0.0, 0.3, 1.0])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, after: float) -> None:
    table = write(tmp_path / "people.csv", 2_000)
    start = "from sdg_lab.cli.app import app; app()"
    command = [sys.executable, "-c", start, "synth", str(table), "--rows", "400000", *QUICK, "--resume"]
    whole = subprocess.run([*command, "-o", str(tmp_path / "whole.csv")], check=False, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen([*command, "-o", str(tmp_path / "made.csv")], stdout=subprocess.DEVNULL)
    parts = tmp_path / ".made.csv.run" / "parts"
    while process.poll() is None and not list(parts.glob("part-*")):
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = subprocess.run([*command, "-o", str(tmp_path / "made.csv")], check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "made.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not parts.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_of_two_runs_at_one_file_the_second_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    import fcntl

    table = write(tmp_path / "people.csv")
    run = tmp_path / ".people_synthetic.csv.run"
    run.mkdir()
    (run / "run.json").write_text("{}", "utf-8")
    handle = os.open(run, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    result = invoke("synth", table, *QUICK)
    assert result.exit_code == 2
    assert "another run is writing people_synthetic.csv" in result.stderr
    assert (run / "run.json").exists()
    os.close(handle)
    assert invoke("synth", table, *QUICK).exit_code == 0


def test_a_folder_of_somebody_else_is_not_emptied(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    run = tmp_path / ".people_synthetic.csv.run"
    run.mkdir()
    (run / "letters.txt").write_text("dear", "utf-8")
    result = invoke("synth", table, *QUICK)
    assert result.exit_code == 2
    assert "holds something else" in result.stderr
    assert (run / "letters.txt").exists()


def test_a_run_with_other_options_is_not_taken_up(invoke: Invoke, tmp_path: Path) -> None:
    table = write(tmp_path / "people.csv")
    run = tmp_path / ".people_synthetic.csv.run"
    run.mkdir()
    (run / "run.json").write_text("{}", "utf-8")
    result = invoke("synth", table, "--resume", *QUICK)
    assert result.exit_code == 2
    assert "leave out --resume" in result.stderr
    assert invoke("synth", table, *QUICK).exit_code == 0
    assert not run.exists()
