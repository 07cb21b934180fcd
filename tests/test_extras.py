"""A missing extra is one sentence with the command that brings it; what others look for is left alone."""

import importlib.util
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
    sentence = f'{package} is not installed; run: {sys.executable} -m pip install "sdg-lab[{extra}]"'
    assert (str(caught.value), caught.value.name) == (sentence, package)


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
