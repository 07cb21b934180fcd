"""The thread policy, in processes of its own because it acts at import."""

import os
import subprocess
import sys

import pytest

from sdg_lab import threads


def in_a_fresh_process(code: str, **environment: str) -> str:
    drop = ("OMP_", "GOMP_", "SDG_LAB_", "PYTEST_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout.strip() + done.stderr.strip()


def test_importing_the_package_sets_the_policy():
    code = (
        "import sdg_lab, os;"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['GOMP_SPINCOUNT'], os.environ['OMP_NUM_THREADS'])"
    )
    assert in_a_fresh_process(code) == "passive 0 1"


@pytest.mark.parametrize(
    "module",
    ["sdg_lab", "sdg_lab.files", "sdg_lab.checks", "sdg_lab.data", "sdg_lab.tables.codec", "sdg_lab.tables.columns"],
)
def test_what_stands_at_the_foot_of_the_street_loads_nothing_heavy(module: str):
    heavy = {
        "torch",
        "pandas",
        "scipy",
        "sklearn",
        "matplotlib",
        "tqdm",
        "requests",
        "IPython",
        "pyarrow",
        "safetensors",
    }
    assert in_a_fresh_process(f"import {module}, sys; print(sorted({heavy!r} & set(sys.modules)))") == "[]"


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        ({}, 1),
        ({"SDG_LAB_THREADS": "2"}, min(2, threads.available_cores())),
        ({"OMP_NUM_THREADS": "2"}, min(2, threads.available_cores())),
        ({"SDG_LAB_THREADS": "1", "OMP_NUM_THREADS": "2"}, 1),
    ],
)
def test_torch_takes_the_number(environment: dict[str, str], number: int):
    assert in_a_fresh_process("import sdg_lab, torch; print(torch.get_num_threads())", **environment) == str(number)


def test_what_the_user_set_is_kept():
    code = "import sdg_lab, os; print(os.environ['OMP_WAIT_POLICY'])"
    assert in_a_fresh_process(code, OMP_WAIT_POLICY="active") == "active"


@pytest.mark.parametrize("wrong", ["0", "two", "-1", ""])
def test_a_number_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str):
    monkeypatch.setenv("SDG_LAB_THREADS", wrong)
    with pytest.raises(ValueError, match=r"SDG_LAB_THREADS must be a whole number >= 1, got"):
        threads.choose()


def test_torch_imported_first_is_warned_about():
    said = in_a_fresh_process("import torch, sdg_lab")
    assert "torch was imported before sdg_lab" in said
