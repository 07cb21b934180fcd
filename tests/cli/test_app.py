"""The command line: what it prints, what it asks the library to do, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

import sdg_lab
from sdg_lab.cli import app as cli
from sdg_lab.cli import sizes
from sdg_lab.cli.doctor import Finding
from sdg_lab.course.engine import notebooks, runner
from sdg_lab.course.engine import weights as trained
from sdg_lab.course.engine.notebooks import Stamp
from sdg_lab.course.engine.runner import ChapterError


@pytest.fixture
def invoke(monkeypatch):
    """Call ``sdg-lab`` with these words, on a terminal of 100 columns."""
    monkeypatch.setattr(cli.console, "_width", 100)
    return lambda *words: CliRunner().invoke(cli.app, words, env={"COLUMNS": "100", "NO_COLOR": "1"})


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Three chapters that were never run, and the working directory beside them."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start_here", "01_markov_chains", "02_bayesian_networks"):
        cell = nbformat.v4.new_code_cell(f"name = {name!r}\nname")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path)
    return folder


def test_help_names_every_command_and_what_it_does(invoke):
    result = invoke("--help")
    assert result.exit_code == 0
    for words in ("lab", "doctor", "run", "data", "Open the course in JupyterLab.", "Start with sdg-lab lab"):
        assert words in result.output


def test_version(invoke):
    assert invoke("--version").output == f"sdg-lab {sdg_lab.__version__}\n"


class TestLab:
    @pytest.mark.parametrize(
        ("words", "user", "options"),
        [
            ((), 1000, []),
            (("--no-browser",), 1000, ["--no-browser"]),
            (("--port", "8890"), 1000, ["--port=8890"]),
            ((), 0, ["--allow-root"]),
        ],
    )
    def test_it_becomes_jupyterlab_on_the_first_chapter(self, invoke, checkout, monkeypatch, words, user, options):
        monkeypatch.setattr(cli.os, "geteuid", lambda: user, raising=False)
        became = []
        monkeypatch.setattr(cli.os, "execv", lambda *call: became.append((Path.cwd(), *call)))
        monkeypatch.setattr(cli.sys, "platform", "linux")
        assert invoke("lab", *words).exit_code == 0
        command = [sys.executable, "-m", "jupyterlab", "notebooks/00_start_here.ipynb", *options]
        assert became == [(checkout.parent, sys.executable, command)]

    def test_a_missing_start_is_said_with_a_remedy(self, invoke, checkout):
        (checkout / "00_start_here.ipynb").unlink()
        result = invoke("lab")
        assert result.exit_code == 1
        assert "no 00_start_here.ipynb in notebooks/; bring it back with: git checkout" in result.stderr

    def test_a_missing_jupyterlab_is_said_with_a_remedy(self, invoke, checkout, monkeypatch):
        monkeypatch.setattr(cli, "find_spec", lambda name: None)
        result = invoke("lab")
        assert result.exit_code == 1
        assert "jupyterlab is not installed; run: " in result.stderr
        assert 'pip install "sdg-lab[course]"' in " ".join(result.stderr.split())

    def test_no_checkout_is_said_with_a_remedy(self, invoke, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
        result = invoke("lab")
        assert result.exit_code == 1
        assert "run this inside a clone of the project" in result.stderr


class Kernels:
    """Stand in for the kernels: chapters in ``failing`` fail, all others take 12.34 s."""

    def __init__(self):
        self.calls, self.failing = [], set()

    def execute_many(self, paths, *, workers, threads, write, on_cell):
        self.calls.append(([path.stem[:2] for path in paths], workers, threads, write))
        for path in paths:
            on_cell(path, 0, 1)
            on_cell(path, 1, 1)
            if path.stem[:2] in self.failing:
                yield path, ChapterError(f"{path.stem}, cell [1], which begins 'x': NameError: no x")
            else:
                yield path, Stamp("f" * 64, 12.34, {"threads": threads})


class TestRun:
    @pytest.fixture
    def kernels(self, checkout, monkeypatch):
        kernels = Kernels()
        monkeypatch.setattr(runner, "execute_many", kernels.execute_many)
        monkeypatch.setattr(cli.threads, "available_cores", lambda: 4)
        monkeypatch.setattr(cli.threads, "choose", lambda: 2)
        return kernels

    @pytest.mark.parametrize(
        ("words", "call"),
        [
            (("01",), (["01"], 1, 2, False)),
            (("bayesian", "00"), (["00", "02"], 2, 2, False)),
            (("all",), (["00", "01", "02"], 2, 2, False)),
            (("all", "01", "--write"), (["00", "01", "02"], 3, 1, True)),
            (("01", "--write"), (["01"], 1, 1, True)),
            (("all", "--write", "--workers", "2"), (["00", "01", "02"], 2, 1, True)),
            (("stale", "--workers", "1"), (["00", "01", "02"], 1, 2, False)),
            (("all", "--workers", "9"), (["00", "01", "02"], 3, 2, False)),
        ],
    )
    def test_chapters_and_cores_are_shared_out(self, invoke, kernels, words, call):
        result = invoke("run", *words)
        assert result.exit_code == 0, result.output
        assert kernels.calls == [call]

    def test_it_reports_seconds_and_each_failure_and_ends_with_1(self, invoke, kernels):
        kernels.failing = {"01"}
        result = invoke("run", "all")
        assert result.exit_code == 1
        rows = [[part.strip() for part in line.split("│")[1:4]] for line in result.output.splitlines() if "│" in line]
        assert rows == [
            ["00_start_here", "12.3", "ran"],
            ["01_markov_chains", "", "failed"],
            ["02_bayesian_networks", "12.3", "ran"],
        ]
        assert "✗ 01_markov_chains, cell [1], which begins 'x': NameError: no x" in result.output

    @pytest.mark.parametrize(
        ("word", "says"), [("05", "no chapter '05'; there are 00_start_here, 01_"), ("n", "'n' means several chapters")]
    )
    def test_an_unknown_or_ambiguous_chapter_runs_nothing(self, invoke, kernels, word, says):
        result = invoke("run", "01", word)
        assert result.exit_code == 1
        assert says in result.stderr
        assert kernels.calls == []

    def test_a_name_with_markup_or_control_characters_is_shown_as_it_is(self, invoke, kernels, checkout):
        (checkout / "01_markov_chains.ipynb").rename(checkout / "01_[bold red]m\x1b[31m.ipynb")
        kernels.failing = {"01"}
        said = invoke("run", "01").output
        assert "\x1b" not in said
        assert said.count("01_[bold red]m\ufffd[31m") >= 2

    def test_threads_that_are_no_number_are_refused_in_a_sentence(self, invoke, checkout, monkeypatch):
        monkeypatch.setenv("SDG_LAB_THREADS", "abc")
        result = invoke("run", "01")
        assert result.exit_code == 1
        assert "SDG_LAB_THREADS must be a whole number >= 1, got 'abc'" in result.stderr

    @pytest.mark.parametrize("writable", [True, False])
    def test_without_a_home_matplotlib_has_a_place_to_write(self, invoke, kernels, monkeypatch, writable):
        places = []

        def execute_many(paths, **options):
            places.append(os.environ.get("MPLCONFIGDIR"))
            yield from kernels.execute_many(paths, **options)

        monkeypatch.setattr(runner, "execute_many", execute_many)
        monkeypatch.delenv("MPLCONFIGDIR", raising=False)
        monkeypatch.setattr(cli.os, "access", lambda path, mode: writable)
        assert invoke("run", "01").exit_code == 0
        assert [place is None for place in places] == [writable]
        assert "MPLCONFIGDIR" not in os.environ

    def test_an_interrupt_ends_with_a_sentence(self, invoke, kernels, monkeypatch):
        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt
            yield

        monkeypatch.setattr(runner, "execute_many", interrupted)
        result = invoke("run", "all")
        assert result.exit_code == 1
        assert "stopped; chapters that had ended are kept" in result.stderr

    @pytest.mark.slow
    def test_for_real_what_was_run_is_no_longer_stale(self, invoke, checkout):
        assert invoke("run", "stale", "--write").exit_code == 0
        chapter = notebooks.read(checkout / "01_markov_chains.ipynb")
        assert notebooks.code_cells(chapter)[0]["outputs"][0]["data"]["text/plain"] == ["'01_markov_chains'"]
        assert notebooks.stamp(chapter).executed_with["threads"] == 1
        assert invoke("run", "stale", "--write").output == "Every chapter is up to date.\n"


class TestDoctor:
    WELL = Finding("packages", "numpy", "2.4.6", needed=True)
    OPTIONAL = Finding("tools", "git", "", needed=False, remedy="install git")
    MISSING = Finding("packages", "torch", "", needed=True, remedy="python -m pip install 'torch==2.13.0'")

    def test_what_is_missing_is_said_with_its_remedy(self, invoke, monkeypatch):
        monkeypatch.setattr("sdg_lab.cli.doctor.examine", lambda: [self.WELL, self.MISSING, self.OPTIONAL])
        result = invoke("doctor")
        assert result.exit_code == 1
        assert "✓ numpy 2.4.6" in result.output
        assert "✗ torch" in result.output
        assert "python -m pip install 'torch==2.13.0'" in result.output
        assert "– git" in result.output
        assert result.output.endswith("Missing: torch.\n")

    def test_what_is_only_useful_does_not_count(self, invoke, monkeypatch):
        monkeypatch.setattr("sdg_lab.cli.doctor.examine", lambda: [self.WELL, self.OPTIONAL])
        result = invoke("doctor")
        assert result.exit_code == 0
        assert result.output.endswith("All that is needed is there.\n")

    def test_as_json(self, invoke, monkeypatch):
        monkeypatch.setattr("sdg_lab.cli.doctor.examine", lambda: [self.WELL, self.MISSING])
        result = invoke("doctor", "--json")
        report = json.loads(result.output)
        assert (result.exit_code, report["well"]) == (1, False)
        assert report["findings"][0] == {
            "group": "packages",
            "name": "numpy",
            "found": "2.4.6",
            "needed": True,
            "remedy": "",
        }

    @pytest.mark.slow
    def test_sizes_are_what_the_packages_say_of_themselves(self, invoke):
        said = dict(line.split(maxsplit=1) for line in invoke("doctor", "--sizes").output.splitlines())
        assert {"base", "neural", "course", "dev"} <= set(said)
        assert 100 < int(said["base"].removesuffix(" MB")) < int(said["dev"].removesuffix(" MB"))
        as_json = json.loads(invoke("doctor", "--sizes", "--json").output)
        assert {use: f"{megabytes:.0f} MB" for use, megabytes in as_json.items()} == said

    def test_an_extra_that_is_not_installed_has_no_size(self, invoke, monkeypatch):
        monkeypatch.setattr(sizes, "_megabytes", lambda name: None if name == "matplotlib" else 1.0)
        assert "show       not installed\n" in invoke("doctor", "--sizes").output


class TestTrain:
    def test_without_a_name_it_lists_and_with_one_it_trains(self, invoke, monkeypatch, tmp_path):
        done = []
        monkeypatch.setattr(trained, "names", lambda: ("05-mnist",))
        monkeypatch.setattr(trained, "path", lambda name: tmp_path / "weights" / f"{name}.safetensors")
        monkeypatch.setattr(trained, "train", lambda name: (done.append(name), trained.path(name))[1])
        assert invoke("train").output.split() == ["05-mnist", "not", "trained", "yet"]
        said = invoke("train", "05-mnist").output
        assert "Training 05-mnist from nothing; that takes minutes." in said
        assert said.split()[-2:] == ["✓", "weights/05-mnist.safetensors"]
        assert done == ["05-mnist"]

    @pytest.mark.parametrize("words", [(), ("05-mnist",)])
    def test_without_a_clone_nothing_is_trained_and_a_sentence_says_so(self, invoke, monkeypatch, tmp_path, words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
        monkeypatch.setattr(trained, "names", lambda: ("05-mnist",))
        monkeypatch.setattr(trained, "train", lambda name: pytest.fail("trained for nothing"))
        result = invoke("train", *words)
        assert result.exit_code == 1
        assert "run this inside a clone of the project" in result.stderr

    def test_an_unknown_name_ends_with_a_sentence(self, invoke):
        result = invoke("train", "05-nothing")
        assert result.exit_code == 1
        assert "no weights '05-nothing'; there are" in result.stderr


def in_a_process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from sdg_lab.cli.app import app; app()", *words]
    environment = os.environ | environment
    return subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "encoding"), [(("doctor",), "cp1252"), (("data",), "cp1252"), (("data", "nothing"), "ascii")]
)
def test_any_encoding_of_the_terminal_will_do(words, encoding):
    done = in_a_process(*words, PYTHONIOENCODING=encoding)
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if "nothing" in words else 0)
    assert (" + " if "nothing" not in words else "x the data set must be") in done.stdout + done.stderr


def test_threads_that_are_no_number_are_no_traceback():
    done = in_a_process("data", SDG_LAB_THREADS="abc")
    assert done.returncode == 0
    assert "SDG_LAB_THREADS must be a whole number >= 1, got 'abc'" in done.stderr
    assert "Traceback" not in done.stderr


class TestData:
    def test_help_says_how_one_s_own_files_are_read(self, invoke):
        said = invoke("data", "--help").output
        assert all(f"{reader}(" in said for reader in ("read_table", "read_images", "read_sounds", "read_text"))

    def test_the_catalog_is_listed(self, invoke):
        from sdg_lab import data

        result = invoke("data")
        assert result.exit_code == 0
        for name in data.catalog().index:
            assert f"│ {name} " in result.output

    def test_a_data_set_is_shown_with_its_card_and_examples(self, invoke):
        result = invoke("data", "wine")
        assert result.exit_code == 0
        assert "licence  CC BY 4.0" in result.output
        assert "target   cultivar" in result.output
        assert "class_0" in result.output.split("alcohol")[1]

    def test_a_file_of_one_s_own_is_shown_as_it_is_read(self, invoke, tmp_path):
        path = tmp_path / "people [red].csv"
        path.write_text("age;town\n" + "".join(f"{20 + row % 7};town{row % 3}\n" for row in range(40)), "utf-8")
        result = invoke("data", str(path))
        assert result.exit_code == 0
        assert "people [red].csv" in result.output
        assert "set apart by semicolons" in result.output
        assert "town1" in result.output
        lines = tmp_path / "lines.txt"
        lines.write_text("\n".join(f"line {row}" for row in range(9)), "utf-8")
        assert "sequences" in invoke("data", str(lines)).output

    def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(self, invoke, tmp_path):
        import pandas as pd

        nested = tmp_path / "nested.parquet"
        pd.DataFrame({"a": [[1], [2], [3], [4]], "b": [1, 2, 3, 4]}).to_parquet(nested)
        for path in (nested, tmp_path):
            result = invoke("data", str(path))
            assert result.exit_code == 1
            assert result.stderr.startswith("✗ ")

    def test_an_unknown_one_is_refused_with_what_there_is(self, invoke):
        result = invoke("data", "imagenet")
        assert result.exit_code == 1
        assert "the data set must be one of " in result.stderr
        assert " digits, mnist, " in result.stderr
        assert "got 'imagenet'" in result.stderr
