"""What sets the project up agrees with itself: pyproject.toml, requirements.lock, environment.yml, Makefile."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from PIL import Image
from scipy.io import wavfile

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, flags=re.M)
}


def declared() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = PROJECT["project"]["dependencies"] + [line for extra in extras for line in extra]
    return [Requirement(line) for line in lines if not line.startswith("sdg-lab")]  # an extra that takes in another


@pytest.mark.parametrize("requirement", declared(), ids=lambda r: r.name)
def test_the_lock_pins_what_is_declared(requirement: Requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_the_base_is_light_and_make_installs_all_the_rest():
    base = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert not base & {"torch", "matplotlib", "pyarrow", "jupyterlab", "numba", "pymc", "lightning-fabric"}
    everything = Requirement(PROJECT["project"]["optional-dependencies"]["dev"][0]).extras
    course = Requirement(PROJECT["project"]["optional-dependencies"]["course"][0]).extras
    papers = Requirement(PROJECT["project"]["optional-dependencies"]["papers"][0]).extras
    assert {"dev"} | everything | course | papers == set(PROJECT["project"]["optional-dependencies"])


def test_each_use_and_its_mb_stand_in_the_readme():
    table = re.findall(r"^\| `?([a-z]+)`? \| .+ \| (\d+) \|$", (ROOT / "README.md").read_text("utf-8"), flags=re.M)
    assert [use for use, _ in table] == ["base", *PROJECT["project"]["optional-dependencies"]]
    assert all(1 <= int(megabytes) <= 3000 for _, megabytes in table)


def test_the_version_is_said_once_in_each_package():
    import papers
    import sdg_lab

    assert sdg_lab.__version__ == papers.__version__ == PROJECT["project"]["version"]


def test_the_lock_can_be_used_elsewhere():
    lines = LOCK.splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][A-Za-z0-9.!]*( ; .+)?", line) for line in lines)
    assert not [name for name in PINS if name.startswith(("nvidia", "cuda"))]
    assert PINS["torch"] == "2.13.0"


def test_files_only_packages_are_pinned_and_bring_nothing_along():
    wanted = [Requirement(line) for line in PROJECT["dependency-groups"]["files-only"]]
    assert all(re.fullmatch(r"==[0-9.]+", str(r.specifier)) for r in wanted)
    assert not {canonicalize_name(r.name) for r in wanted} & set(PINS)


def test_conda_users_get_the_same():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    plain = dict(line.split(maxsplit=1) for line in dependencies if isinstance(line, str))
    (pip,) = (entry["pip"] for entry in dependencies if isinstance(entry, dict))
    assert SpecifierSet(plain.pop("python")) == SpecifierSet(PROJECT["project"]["requires-python"])
    assert list(plain) == ["pip"]  # every other version comes from the lock, so the two cannot drift apart
    assert pip == ["-r requirements.lock", "-e ."]


def test_nothing_in_the_lock_is_for_one_system_only():
    unix_only = {"uvloop", "jeepney", "secretstorage", "appnope", "pywin32", "pywinpty", "triton"}
    assert not unix_only & set(PINS)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_lists_every_target():
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    targets.remove("moved")  # no one types it
    assert len(targets) >= 6
    assert all(re.search(rf"make {target} +\S", said) for target in targets)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("was_at", "anew"), [("/where/it/was", True), ("{here}", False), ("", False)])
def test_in_a_clone_that_was_moved_the_environment_is_made_anew(tmp_path: Path, was_at: str, anew: bool):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").write_text(was_at.format(here=tmp_path.resolve()))
    command = ["make", "--dry-run", "--no-print-directory", "lab"]
    planned = subprocess.run(command, cwd=tmp_path.resolve(), capture_output=True, text=True, check=True).stdout
    assert ("rm -rf .venv" in planned) == anew
    assert ("-r requirements.lock" in planned) == anew


def test_the_readme_s_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(
        "age,smokes\n" + "".join(f"{20 + i},{'yes' if i % 3 else 'no'}\n" for i in range(40))
    )
    (tmp_path / "lines.txt").write_text("".join(f"On day {day} it rained.\n" for day in range(400)))
    (tmp_path / "photos").mkdir()
    for shade in range(20):
        Image.new("L", (8, 8), 10 * shade).save(tmp_path / "photos" / f"{shade}.png")
    (tmp_path / "recordings").mkdir()
    for pitch in range(20):
        wave = np.sin(np.arange(8_000) * (0.1 + 0.01 * pitch)) * 30_000
        wavfile.write(tmp_path / "recordings" / f"{pitch}.wav", 8_000, wave.astype(np.int16))
    blocks = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.S)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, {})


@pytest.mark.skipif(not (ROOT / ".venv" / ".ready").exists(), reason="set up by other means than make")
def test_a_second_call_installs_nothing():
    command = ["make", "--dry-run", "--no-print-directory", "lab"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert planned.strip() == ".venv/bin/sdg-lab lab"
