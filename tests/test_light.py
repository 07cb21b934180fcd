"""Importing a module loads numpy at most, and torch where it is about torch; the rest is loaded where it is used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = [
    *("pandas", "sklearn", "scipy", "pyarrow", "matplotlib", "lightning_fabric", "pymc", "arviz", "nltk"),
    *("IPython", "ipywidgets", "itables", "nbformat", "nbclient", "jupyter_client", "requests", "numba", "gguf"),
    *("tokenizers", "jinja2", "rdkit", "music21", "PIL", "skimage", "pretty_midi", "torch._dynamo", "torch._inductor"),
    *("llguidance", "openai", "httpx", "yaml", "filelock", "distributed", "dask", "datasets"),
    *("lightgbm", "polars", "charset_normalizer"),
]
ABOUT_TORCH = (
    "sdg_lab.training",
    "sdg_lab.models.neural",
    "sdg_lab.models.images",
    "sdg_lab.models.vae",
    "sdg_lab.models.gan",
    "sdg_lab.models.diffusion",
    "sdg_lab.models.sequences",
    "sdg_lab.models.recurrent",
    "sdg_lab.models.transformer",
    "sdg_lab.models.language_model",
    "sdg_lab.models.policy",
    "sdg_lab.models.waveforms",
    "sdg_lab.metrics.images",
    "sdg_lab.metrics.sounds.quality",
    "sdg_lab.distill.student",
    "sdg_lab.distill.improvement",
    "sdg_lab.distill.preference",
    "sdg_lab.distill.recipes.best_of_n",
    "sdg_lab.distill.recipes.logits",
    "sdg_lab.distill.recipes.spin",
    "sdg_lab.course.ch00.gallery",
    "sdg_lab.course.ch00.writers",
    *(f"sdg_lab.course.ch{number:02}" for number in range(3, 16)),
)
WITHOUT_TORCH = ("sdg_lab.models.sequences.alphabet", "sdg_lab.models.sequences.subwords")
"""Exceptions in a room about torch: what a Markov chain needs, too."""

IS_A_FIGURE = "sdg_lab.show.drawing"
"""A class of matplotlib's, so it cannot wait for it; nobody loads the file before a figure is drawn."""

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("sdg_lab", "papers")
    for path in (ROOT / package).rglob("*.py")
)

IMPORT_ALL = """
import importlib, json, sys

class Nothing:
    # Asked first. What is heavy is not there, and was asked for by the module that is being imported.
    def find_spec(self, name, path=None, target=None):
        if name in heavy or name.split(".")[0] in heavy:
            raise ModuleNotFoundError(f"loads {name}", name=name)

modules, heavy = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Nothing())
said = {}
for module in modules:
    try:
        importlib.import_module(module)
        said[module] = ""
    except ModuleNotFoundError as error:
        said[module] = str(error)
print(json.dumps(said))
"""


def import_all(modules: list[str], heavy: list[str]) -> dict[str, str]:
    """Import modules one after another in a fresh process where what is heavy is not there; return what each lacked."""
    command = [sys.executable, "-c", IMPORT_ALL, json.dumps(modules), json.dumps(heavy)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    return import_all(MODULES, HEAVY)


@pytest.fixture(scope="module")
def said_without_torch() -> dict[str, str]:
    return import_all(MODULES, [*HEAVY, "torch"])


def is_about_torch(module: str) -> bool:
    return module not in WITHOUT_TORCH and any(module == room or module.startswith(f"{room}.") for room in ABOUT_TORCH)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_heavy_is_loaded(module: str, said: dict[str, str]):
    assert said[module] == ("loads matplotlib" if module == IS_A_FIGURE else "")


@pytest.mark.parametrize("module", [m for m in MODULES if not is_about_torch(m) and m != IS_A_FIGURE])
def test_torch_is_loaded_only_where_it_is_needed(module: str, said_without_torch: dict[str, str]):
    assert said_without_torch[module] == ""


@pytest.mark.parametrize("module", ["sdg_lab", "sdg_lab.cli.app", "papers", "papers.cli"])
def test_a_command_line_does_not_even_load_numpy(module: str):
    assert import_all([module], [*HEAVY, "torch", "numpy"]) == {module: ""}


def test_the_check_sees_what_is_loaded():
    assert import_all(["sklearn.metrics", "json"], HEAVY) == {"sklearn.metrics": "loads sklearn", "json": ""}
