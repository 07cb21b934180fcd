"""The faults are those that were meant, each compiles, and nothing that cannot matter is touched."""

import ast
import tomllib
from pathlib import Path

import pytest
from mutations import mutants

ROOT = Path(__file__).parents[2]


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants(source.encode(), "a.py")}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("def f(a):\n    return a < 1\n", "a < 1 → a <= 1"),
        ("def f(a):\n    return a == 1\n", "a == 1 → a != 1"),
        ("def f(a):\n    b = a + 1\n", "a + 1 → a - 1"),
        ("def f(a):\n    b = a - (3 * a)\n", "3 * a → 3 / a"),
        ("def f(a):\n    b = 7\n", "7 → 6"),
        ("def f(a=0.5):\n    pass\n", "0.5 → 1.0"),
        ("def f(a):\n    return g(a, k=1)\n", "g(a, k=1) → g(a)"),
        ("def f(a):\n    return g(a, b)\n", "g(a, b) → g(b, a)"),
        ("def f(a):\n    if not a:\n        g()\n", "not a → a"),
        ("def f(a):\n    if a.b:\n        g()\n", "a.b → not a.b"),
        ("def f(a):\n    return a and b\n", "a and b → a or b"),
        ("def f(self, a):\n    return g(self)\n", "return g(self) → return a"),
        ("def f(a):\n    a.eval()\n", "a.eval() → pass"),
        ("def f(a):\n    a.b = 1\n", "a.b = 1 → pass"),
        ("def f(a):\n    a.b += c\n", "a.b += c → a.b -= c"),
        ("X = True\n", "True → False"),
        ("def f(a):\n    with g(1):\n        pass\n", "1 → 2"),
        ("def f(a):\n    try:\n        g()\n    except E:\n        h()\n", "h() → pass"),
    ],
)
def test_each_kind_of_fault(source: str, change: str):
    assert change in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        'def f(a: "x | 1"):\n    """Say 1 + 1."""\n',
        "def f(a):\n    raise ValueError(a + 1, b=2)\n",
        "def f(a) -> A[1]:\n    b: A[2]\n",
        "def f(a):\n    warn(1 + 1)\n",
        "def f(a):\n    b = max(a, b)\n",
        "def f(a):\n    b = g(a, a)\n",
        "def f(a):\n    b = g(a, device=c)\n",
        "if TYPE_CHECKING:\n    X = 1\n",
        "from a import b\n",
    ],
)
def test_what_cannot_matter_is_left_alone(source: str):
    assert changes(source) == set()


def test_only_the_place_itself_is_replaced_also_after_letters_of_several_bytes():
    source = 'é = "ü"; x = g(é, [1, 2], k=3)  # ß\n'.encode()
    texts = {mutant.apply(source).decode() for mutant in mutants(source, "a.py")}
    assert 'é = "ü"; x = g(é, [1, 2], k=4)  # ß\n' in texts
    assert 'é = "ü"; x = g(é, [1, 2])  # ß\n' in texts


def test_every_mutant_of_a_real_source_compiles_and_differs():
    path = Path(__file__).with_name("mutations.py")
    source = path.read_bytes()
    found, meaning = mutants(source, path.name), ast.dump(ast.parse(source))
    assert len(found) > 100
    for mutant in found:
        assert ast.dump(ast.parse(mutant.apply(source))) != meaning, str(mutant)


@pytest.mark.parametrize(
    ("source", "change", "lines"),
    [
        ("def f(a):\n    b = 1\n    return b\n", "1 → 2", (2, 2)),
        ("def f(a=1):\n    b = a\n    return b\n", "1 → 2", (2, 3)),
        ("def f(a):\n    if a == 1:\n        b = a\n    return b\n", "1 → 2", (2, 2)),
        ("class A:\n    b = 1\n\n    def f(self):\n        return self.b\n", "1 → 2", (1, 6)),
    ],
)
def test_lines_that_a_test_must_reach(source: str, change: str, lines: tuple[int, int]):
    (mutant,) = (m for m in mutants(source.encode(), "a.py") if m.change == change)
    assert mutant.lines == lines


def test_equivalent_mutants_still_exist_and_say_why():
    entries = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text(encoding="utf-8")).get("mutant", [])
    for entry in entries:
        there = {(m.scope, m.change) for m in mutants((ROOT / entry["file"]).read_bytes(), entry["file"])}
        assert (entry["scope"], entry["change"]) in there, f"no such mutant: {entry}"
        assert len(entry["why"].split()) >= 5, f"say why nothing differs: {entry}"
