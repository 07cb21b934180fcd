"""The house keeps its order: what is built on stands above, names are the field's, and nothing reads a pickle.

The order is the map in CONTRIBUTING.md. A line of it is a folder, in brackets the families that it builds on, and its
files from the first that is read to the last. An ``__init__`` that the map does not name stands after all that its
folder holds.
"""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^(?P<indent> *)(?P<folder>\w+)/ *(\[(?P<on>[\w, ]*)\])?(?P<files>[\w ]*)(#.*)?$")


@dataclass
class House:
    """The place of each module, counted from the top of the map; and which other families each family may import."""

    place: dict[str, int] = field(default_factory=dict)
    builds_on: dict[str, set[str]] = field(default_factory=dict)

    def enter(self, module: str) -> None:
        assert module not in self.place, f"{module} stands twice on the map"
        self.place[module] = len(self.place)


def read_map(block: str) -> House:
    house, around = House(), []

    def leave(indent: int) -> None:
        while around and around[-1][0] >= indent:
            _, folder, named = around.pop()
            if not named:
                house.enter(folder)

    for line in block.strip("\n").split("\n"):
        found = LINE.match(line)
        assert found, f"no line of a map: {line!r}"
        leave(len(found["indent"]))
        outer = f"{around[-1][1]}." if around else ""
        folder, files = outer + found["folder"], found["files"].split()
        around.append((len(found["indent"]), folder, "__init__" in files))
        for file in files:
            house.enter(folder if file == "__init__" else f"{folder}.{file}")
        if found["on"] is not None:
            house.builds_on[folder] = {outer + other.strip() for other in found["on"].split(",") if other.strip()}
    leave(0)
    return house


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str, modules: Collection[str]) -> Iterator[str]:
    """Yield what a source imports, anywhere in it: the module itself, not the names that are taken from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"write absolute imports, line {node.lineno}"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module


def out_of_order(module: str, source: str, house: House) -> Iterator[str]:
    """Yield what a module should not import."""
    family = next((f for f in house.builds_on if module == f or module.startswith(f"{f}.")), None)
    for name in imports(source, house.place):
        other = next((f for f in house.builds_on if name == f or name.startswith(f"{f}.")), None)
        if name in house.place and house.place[name] >= house.place[module]:
            yield f"{name} stands further down"
        elif family and other and other != family and other not in house.builds_on[family]:
            yield f"{family} does not build on {other}"
        elif name.partition(".")[0] != module.partition(".")[0] and name.partition(".")[0] in ("sdg_lab", "papers"):
            yield f"{name}: sdg_lab and papers never import each other"


SOURCES = {module_of(p): p for package in ("sdg_lab", "papers") for p in sorted((ROOT / package).rglob("*.py"))}
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOUSE = read_map(re.findall(r"```\n(sdg_lab/.*?)```", PAGE, flags=re.S)[0])


def test_every_file_has_its_place_on_the_map():
    assert set(SOURCES) - set(HOUSE.place) == set(), "these are not on the map"
    assert set(HOUSE.place) - set(SOURCES) == set(), "these are on the map only"


def test_imports_point_up_the_map():
    there = [module for module in SOURCES if module in HOUSE.place]  # of the others it has been said above
    wrong = {module: list(out_of_order(module, SOURCES[module].read_text("utf-8"), HOUSE)) for module in there}
    assert {module: said for module, said in wrong.items() if said} == {}


class TestTheCheckItself:
    HOUSE = read_map("a/ x\n  b/ [] first\n  c/ [b] one two # words\n  d/ [] three\na2/ y __init__ z\n")

    def test_the_map_is_read_in_its_order(self):
        order = ["a.x", "a.b.first", "a.b", "a.c.one", "a.c.two", "a.c", "a.d.three", "a.d", "a", "a2.y", "a2", "a2.z"]
        assert list(self.HOUSE.place) == order

    @pytest.mark.parametrize(
        ("module", "source", "said"),
        [
            ("a.c.two", "from a.c import one", []),
            ("a.c.two", "from a.c.one import name", []),
            ("a.c.two", "from a.b import Name", []),
            ("a.c.one", "def f():\n    from a.c.two import g", ["a.c.two stands further down"]),
            ("a.c.one", "if TYPE_CHECKING:\n    import a.c.two", ["a.c.two stands further down"]),
            ("a.c.two", "from a.c import public", ["a.c stands further down"]),
            ("a.d.three", "from a.c.one import name", ["a.d does not build on a.c"]),
            ("a.d.three", "import papers", ["papers: sdg_lab and papers never import each other"]),
        ],
    )
    def test_what_points_down_is_found_wherever_it_stands(self, module: str, source: str, said: list[str]):
        assert list(out_of_order(module, source, self.HOUSE)) == said


# Names

SAY_NOTHING = {
    "utils",
    "util",
    "helpers",
    "helper",
    "misc",
    "common",
    "core",
    "tools",
    "lib",
    "stuff",
    "things",
    "parts",
}
NEAR_SYNONYMS = [
    {"sampling", "sampler", "samplers", "generation", "generator", "continuation", "ancestral", "drawing"},
    {"noise", "denoising", "denoiser", "denoisers", "diffusion"},
    {"net", "nets", "network", "networks"},
    {"table", "tables", "columns", "frames"},
    {"training", "trainer", "train", "loop"},
    {"loss", "losses", "objective", "objectives"},
    {"schedule", "schedules", "scheduler"},
    {"tokeniser", "tokenizer", "subwords", "bpe"},
    {"judge", "judges", "critic", "discriminator"},
]
"""Of each of these a folder holds one: two would make a reader guess."""


def test_names_say_what_is_inside():
    stems = {module: module.rpartition(".")[2] for module in SOURCES}
    assert [m for m, stem in stems.items() if stem in SAY_NOTHING or stem.endswith(("_parts", "_utils"))] == []
    folders: dict[str, set[str]] = {}
    for module, path in SOURCES.items():
        if path.name != "__init__.py":
            folders.setdefault(module.rpartition(".")[0], set()).add(stems[module])
    twice = {f: names & group for f, names in folders.items() for group in NEAR_SYNONYMS if len(names & group) > 1}
    assert twice == {}


# What no file holds


def test_an_init_only_names_what_its_folder_offers():
    """It may look a name up when it is asked for (``__getattr__``), so that nothing heavy is loaded before."""
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    logic = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES.values()
        if path.name == "__init__.py"
        for node in ast.parse(path.read_text("utf-8")).body
        if not isinstance(node, plain)
        and not (isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__"))
        and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    assert logic == []


def test_a_file_begins_by_saying_what_it_is():
    assert [
        module for module, path in SOURCES.items() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ] == []


def test_nothing_reads_a_pickle_or_a_notebook():
    for module, path in SOURCES.items():
        source = path.read_text("utf-8")
        taken = {name.partition(".")[0] for name in imports(source, ())}
        assert not taken & {"pickle", "joblib", "dill", "cloudpickle", "shelve", "notebooks"}, module
        assert not re.findall(r"\b(torch\.load|torch\.save|read_pickle|to_pickle|allow_pickle=True)\b", source), module
