"""A missing extra is one sentence with the command that brings it; what others look for is left alone."""

import importlib.util
import shlex
import subprocess
import sys

import pytest

import sdg_lab  # noqa: F401 - has Python ask for what is missing
from sdg_lab import extras


@pytest.fixture
def without(monkeypatch):
    """Make a package unknown to everybody."""

    class Nowhere:
        def __init__(self, inner, package):
            self.inner, self.package = inner, package

        def find_spec(self, name, path=None, target=None):
            return None if name.split(".")[0] == self.package else self.inner.find_spec(name, path, target)

        def __getattr__(self, name):  # what is installed is asked of the same finders
            return getattr(self.inner, name)

    def hide(package: str) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        finders = [f if isinstance(f, extras._Explainer) else Nowhere(f, package) for f in sys.meta_path]
        monkeypatch.setattr(sys, "meta_path", finders)

    return hide


def importing(code: str, module: str) -> None:
    exec(code, {"__name__": module})


@pytest.mark.parametrize(
    ("package", "extra"),
    [
        ("itables", "papers"),
        ("gguf", "distill"),
        ("PIL", "data"),
        ("pyarrow", "tables"),
        ("lightning_fabric", "devices"),
    ],
)
def test_what_this_package_imports_is_explained(without, package, extra):
    without(package)
    with pytest.raises(ModuleNotFoundError) as caught:
        importing(f"import {package}", "sdg_lab.somewhere")
    sentence = f'{package} is not installed; run: {extras.PIP} "sdg-lab[{extra}]"'
    assert (str(caught.value), caught.value.name) == (sentence, package)


@pytest.mark.parametrize(
    ("path", "system", "pasted"),
    [
        ("/usr/bin/python3", "posix", "/usr/bin/python3"),
        ("/tmp/base env/bin/python3", "posix", "'/tmp/base env/bin/python3'"),
        ("/tmp/it's/$HOME", "posix", "'/tmp/it'\"'\"'s/$HOME'"),
        (r"C:\Python\python.exe", "nt", r"C:\Python\python.exe"),
        (r"C:\My Python\python.exe", "nt", r'"C:\My Python\python.exe"'),
    ],
)
def test_a_path_can_be_pasted(path, system, pasted):
    assert extras.shown(path, system) == pasted


def test_every_remedy_can_be_pasted_where_a_folder_has_a_space(tmp_path):
    python = tmp_path / "base env" / "python3"
    code = f"""
import sys
sys.executable = {str(python)!r}
from sdg_lab import extras
from sdg_lab.data import packages
import papers.cli as cli
print(extras.command("tables"))
print(packages.INSTALL)
packages.find_spec = lambda name: None
try:
    packages.folder("names")
except ImportError as error:
    print(str(error).split("run: ")[1])
cli.terminal.say = lambda text: print(text.split("run: ")[1])
try:
    with cli._explained():
        raise ModuleNotFoundError(name="x")
except cli.typer.Exit:
    pass
"""
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert shlex.split(line)[:4] == [str(python), "-m", "pip", "install"]


def test_what_others_import_or_ask_for_is_not(without):
    without("itables")
    assert importlib.util.find_spec("itables") is None
    with pytest.raises(ModuleNotFoundError, match="No module named 'itables'"):
        importing("import itables", "elsewhere")
    # asking whether it is there is no import, whoever asks
    importing("import importlib.util; assert importlib.util.find_spec('itables') is None", "sdg_lab.somewhere")


def test_what_no_extra_brings_is_python_s_to_say(without):
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        importing("import no_such_package", "sdg_lab.somewhere")


def test_a_copy_that_was_never_installed_has_no_extras(monkeypatch):
    monkeypatch.setattr(extras, "DISTRIBUTION", "no-such-distribution")
    assert (extras.names(), extras.requirements(), extras.wanted_by("torch")) == ([], [], None)


def test_the_base_is_what_no_extra_is_named_for(monkeypatch):
    lines = ["a", 'b; python_version > "3"', 'c; python_version < "3"', 'd; extra == "x"']
    monkeypatch.setattr(extras, "_declared", lambda field: lines if field == "Requires-Dist" else ["x"])
    assert [requirement.name for requirement in extras.requirements()] == ["a", "b"]
    assert [requirement.name for requirement in extras.requirements("x")] == ["d"]
