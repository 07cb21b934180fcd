"""What ``pip install .`` gives: the wheel with its base alone, in an environment that has nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
BIN = "Scripts" if os.name == "nt" else "bin"

pytestmark = [
    pytest.mark.install,
    pytest.mark.skipif(UV is None, reason="uv is not there; make puts it into .venv"),
]


def uv(*words: str) -> None:
    """Call uv; skip where the packages lie neither in its cache nor on an index that can be reached."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment["UV_FIND_LINKS"] = environment.get("UV_FIND_LINKS", environment.get("PIP_FIND_LINKS", ""))
    done = subprocess.run([UV, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and re.search("error sending request|dns error|client error|network", done.stderr, re.I):
        pytest.skip(f"no index can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The ``bin`` of an environment with the wheel and its base."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    uv("venv", "--quiet", "--python", sys.executable, str(folder / "base"))
    python = folder / "base" / BIN / "python"
    # Not all of the lock: what is pinned there is taken in that version, and nothing else comes along.
    uv("pip", "install", "--quiet", "--python", str(python), "-c", str(ROOT / "requirements.lock"), str(wheel))
    return python.parent


@pytest.fixture
def run(base, tmp_path):
    """Run a program of the environment far from the source; return what it says and how it ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_", "VIRTUAL_"))}

    def run(program: str, *words: str) -> tuple[str, int]:
        done = subprocess.run(
            [base / program, *words],
            cwd=tmp_path,
            env=kept | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr, done.returncode

    return run


def python(run, code: str) -> str:
    said, status = run("python", "-c", code)
    assert status == 0, said
    return said.strip()


def test_torch_does_not_come_along(run):
    heavy = ["torch", "matplotlib", "pyarrow", "numba", "IPython", "pytest", "lightning_fabric"]
    assert python(run, f"import importlib.util as u; print([n for n in {heavy} if u.find_spec(n)])") == "[]"


@pytest.mark.parametrize("words", [("list",), ("audit", "--offline"), ("export", "--format", "ris"), ("--version",)])
def test_papers_works(run, words: tuple[str, ...]):
    said, status = run("papers", *words)
    assert status == 0, said


def test_sequences_are_learned_sampled_and_judged(run):
    code = """
from sdg_lab.metrics import nats_per_symbol
from sdg_lab.models.markov import MarkovChain

names = ["anna", "hanna", "johanna", "ann", "hannes"] * 20
chain = MarkovChain(order=2).fit(names, progress=False)
chain.save("chain.safetensors")
new = MarkovChain.load("chain.safetensors").sample(50, seed=0)
print(len(new), 0 < nats_per_symbol(chain.log_prob(new), [len(name) + 1 for name in new]) < 3)
"""
    assert python(run, code) == "50 True"


@pytest.mark.slow
def test_tables_are_learned_sampled_and_judged(run):
    code = """
from sdg_lab import data
from sdg_lab.metrics import closest_record, score
from sdg_lab.models.bayes_net import BayesNet

wine = data.wine()
net = BayesNet().fit(wine.train, progress=False)
new = net.sample(100, seed=0)
net.save("net.safetensors")
again = BayesNet.load("net.safetensors").sample(100, seed=0)
print(list(new.columns) == list(wine.train.columns), len(new), new.equals(again))
score("net", data=wine, samples=new, parameters=net.n_parameters, seconds=1.0)
"""
    assert python(run, code) == "True 100 True"


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [
        ("sdg_lab.models.gan", "torch", "neural"),
        ("sdg_lab.training", "torch", "neural"),
        ("sdg_lab.models.language_model", "torch", "neural"),
        ("sdg_lab.data; sdg_lab.data.read_table('people.csv')", "pyarrow", "tables"),
    ],
)
def test_a_missing_extra_is_one_sentence_with_the_command_that_brings_it(run, base, tmp_path, module, missing, extra):
    (tmp_path / "people.csv").write_text("age,smokes\n31,no\n47,yes\n")
    said, status = run("python", "-c", f"import {module}")
    assert status == 1
    command = f'{base / "python"} -m pip install "sdg-lab[{extra}]"'
    assert said.splitlines()[-1] == f"ModuleNotFoundError: {missing} is not installed; run: {command}"


def test_what_others_look_for_is_not_ours_to_explain(run):
    assert python(run, "import sdg_lab, importlib.util as u; print(u.find_spec('torch'))") == "None"
    said, _ = run("python", "-c", "import sdg_lab, torch")
    assert said.splitlines()[-1] == "ModuleNotFoundError: No module named 'torch'"


def test_a_plot_of_papers_says_what_it_needs(run, tmp_path):
    (tmp_path / "list.md").write_text("| Title | Citation |\n|--|--|\n| A | 7 |\n")
    said, status = run("papers", "plot")
    assert (status, "no count is known" in said) == (2, True)
    said, status = run("papers", "plot", "list.md")
    assert (status, "Traceback" in said) == (1, False)
    assert "matplotlib is not installed; run:" in said
    assert 'pip install "sdg-lab[papers]"' in " ".join(said.split())


@pytest.mark.parametrize("words", [("doctor",), ("data",), ("data", "wine"), ("--version",), ("train", "--help")])
def test_the_command_line_works(run, words: tuple[str, ...]):
    said, status = run("sdg-lab", *words)
    assert status == 0, said


@pytest.mark.parametrize("words", [("lab",), ("run", "01")])
def test_beside_the_chapters_the_course_s_packages_are_asked_for(run, tmp_path, words: tuple[str, ...]):
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here", "01_markov_chains"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(
            '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
        )
    said, status = run("sdg-lab", *words)
    assert (status, "Traceback" in said) == (1, False)
    assert 'pip install "sdg-lab[course]"' in said


@pytest.mark.parametrize("words", [("train", "04-mnist"), ("lab",), ("run", "01"), ("data", "mnist")])
def test_what_cannot_be_done_here_is_said_in_a_sentence(run, words: tuple[str, ...]):
    said, status = run("sdg-lab", *words)
    assert status == 1
    assert said.startswith("✗ ")
    assert "Traceback" not in said
