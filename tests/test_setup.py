"""What sets the project up agrees with itself: pyproject.toml, requirements.lock, environment.yml, Makefile."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, flags=re.M)
}


def declared() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = PROJECT["project"]["dependencies"] + [line for extra in extras for line in extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", declared(), ids=lambda r: r.name)
def test_the_lock_pins_what_is_declared(requirement: Requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


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
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    assert len(targets) >= 6
    assert all(re.search(rf"make {target} +\S", said) for target in targets)


@pytest.mark.skipif(not (ROOT / ".venv" / ".ready").exists(), reason="set up by other means than make")
def test_a_second_call_installs_nothing():
    command = ["make", "--dry-run", "--no-print-directory", "lab"]
    planned = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert planned.strip() == ".venv/bin/sdg-lab lab"
