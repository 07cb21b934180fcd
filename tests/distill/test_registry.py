"""Recipes are found by the names of their files, and say what they want."""

import inspect
import re
import sys
import types
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_recipes.words import Words

from sdg_lab.distill import registry
from sdg_lab.distill.plan import Plan


@pytest.fixture
def package(monkeypatch):
    """Give files to a package that is in memory only."""

    def make(**files):
        package = types.ModuleType("in_memory")
        package.__path__ = []
        monkeypatch.setitem(sys.modules, "in_memory", package)
        for name, content in files.items():
            module = types.ModuleType(f"in_memory.{name}")
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(registry, "names", lambda package=None: sorted(files))
        return "in_memory"

    return make


def test_every_file_of_the_package_is_a_name():
    assert registry.names("small_recipes") == ["words"]
    assert registry.make("words", {"last": 3}, "small_recipes") == Words(3)


def test_a_function_makes_the_recipe_where_there_is_one(package):
    def recipe(*, size: int) -> Words:
        return Words(2 * size)

    assert registry.make("twice", {"size": 4}, package(twice={"recipe": recipe})) == Words(8)
    with pytest.raises(ValueError, match="the recipe twice wants size; give it below 'parameters:'"):
        registry.make("twice", {}, "in_memory")


def test_what_is_no_recipe_is_said(package):
    there = package(none={}, other={"recipe": lambda: 3}, strict={"recipe": lambda n=1: Words(n + 1)})
    with pytest.raises(ValueError, match="the recipe none is made in Python only"):
        registry.make("none", {}, there)
    with pytest.raises(ValueError, match="the recipe other is a int, which proposes no rounds"):
        registry.make("other", {}, there)
    with pytest.raises(ValueError, match="the recipe strict cannot be made of these parameters: can only concatenate"):
        registry.make("strict", {"n": "x"}, there)


def test_ways_of_training_are_no_recipes():
    """They are files of the same folder; a list that names one would promise data."""
    assert {"self_instruct", "evol_instruct", "lab", "qa", "labels", "verified"} <= set(registry.names())
    assert "logits" not in registry.names()
    with pytest.raises(ValueError, match=r"logits is a way of training a student, and writes no data: see sdg_lab\."):
        registry.make("logits", {})


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        (["lab"], {}, r"recipe must be one of .*, got \['lab'\]"),
        (
            "self_instruct",
            {"openings": [1, None]},
            r"openings\[0\] must be a text, got 1; put quotation marks around it",
        ),
        ("self_instruct", {"openings": ["a", None]}, r"openings\[1\] must be a text, got None"),
        ("self_instruct", {"openings": "Write"}, r"openings must be several values, such as \['Write'\]"),
        ("self_instruct", {"seeds": [1] * 9}, "seeds must be the path of a file or folder"),
        ("self_instruct", {"target": True}, "target must be a whole number, got True"),
        ("self_instruct", {"target": "10"}, "target must be a whole number, got '10'"),
        ("self_instruct", {"threshold": float("nan")}, "threshold must be a finite number, got nan"),
        ("self_instruct", {"options": None}, "options must be names with values"),
        ("self_instruct", {"options": {"stop": [1]}}, r"options.stop\[0\] must be a text, got 1"),
        ("self_instruct", {"options": {"schema": 3}}, "options.schema must be names with values, got 3"),
        ("labels", {"openings": ["a"]}, r"openings must be names with values, got \['a'\]"),
        ("labels", {"openings": {"a": ["x"], "b": [2]}}, r"openings\['b'\]\[0\] must be a text, got 2"),
        ("labels", {"examples": [["a", "b"], ["c"]]}, r"examples\[1\] must be 2 values, got \['c'\]"),
        ("labels", {"text": 3}, "text must be a text, got 3"),
        ("evol_instruct", {"share": [0, 1, 2]}, r"share must be 2 values, got \[0, 1, 2\]"),
        ("evol_instruct", {"depth": {"a": "and"}}, r"depth\['a'\] must be several values"),
        ("lab", {"taxonomy": [{"path": "a"}]}, "taxonomy must be the path of a file or folder"),
        ("lab", {"judge": "no"}, "judge must be True or False, got 'no'"),
        ("qa", {"documents": [1, None]}, r"documents\[0\] must be a text, got 1"),
        ("verified", {"questions": 3}, r"questions must be the path of a file, a list of questions, or .*, got 3"),
        ("verified", {"questions": ["1+1=", 2]}, r"questions must be the path of a file.*, got \['1\+1=', 2\]"),
        ("verified", {"test": ["1+1="]}, r"test must be a text, got \['1\+1='\]$"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_place(name, parameters, said):
    with pytest.raises(ValueError, match=said):
        registry.make(name, parameters)


def test_what_is_left_out_on_purpose_is_no_value_of_another_type():
    assert registry.make("evol_instruct", {"start": None}).start is None
    assert registry.make("lab", {"least": 1, "per_leaf": 2}).least == 1
    assert registry.make("evol_instruct", {"breadth": 0}).breadth == 0


@pytest.mark.parametrize("name", registry.names())
def test_a_recipe_is_described_with_all_its_parameters(name):
    """Each has a sentence and its default, and no mark of the documentation's own language is left."""
    said = registry.described(name)
    assert not re.search(r"factory|:\w+:|`|\bobject at\b", said)
    for key in inspect.signature(registry._maker(f"{registry.PACKAGE}.{name}")).parameters:
        assert re.search(rf"^  {key}: .+\n      \w", said, flags=re.MULTILINE), key
    assert all(len(line) <= 120 for line in said.splitlines())


def test_defaults_and_several_parameters_of_one_sentence_are_described():
    said = registry.described("labels")
    assert "  shots: 0\n      examples of the label" in said
    assert "  least: 8\n      words of a text.\n  most: 80\n      words of a text.\n" in said
    assert "  questions: to be given\n      sums such as 347+285=" in registry.described("verified")
    assert "  pause: 0.0" in registry.described("words", "small_recipes")
    with pytest.raises(ValueError, match=r"recipe must be one of .*labels.*, got 'lable'"):
        registry.described("lable")
    with pytest.raises(ValueError, match=r"it has target, .*; sdg-lab distill --describe labels says what they are"):
        registry.make("labels", {"shot": 1})


def test_a_function_is_not_taken_from_a_file(package):
    def recipe(judge: Callable[[str], str] = str) -> Words:
        return Words(3)

    there = package(judged={"recipe": recipe})
    assert registry.make("judged", {}, there) == Words(3)
    with pytest.raises(ValueError, match="judge must be a function, got 'x'; a file has none"):
        registry.make("judged", {"judge": "x"}, there)


def test_a_file_that_a_parameter_names_is_missed_by_the_system_s_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        registry.make("self_instruct", {"seeds": str(tmp_path / "none.jsonl")})


TEXTS = st.sampled_from(["", "chat", "sums", "none.txt", "\0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "digits"]), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", ["self_instruct", "evol_instruct", "lab", "labels", "verified"])
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_a_file_says_there_is_a_recipe_or_a_sentence_of_ours(name, data):
    wanted = inspect.signature(registry._maker(f"{registry.PACKAGE}.{name}")).parameters
    said = ""
    try:
        registry.make(name, data.draw(st.dictionaries(st.sampled_from(sorted(wanted)), VALUES, max_size=3)))
    except (ValueError, OSError) as error:
        said = str(error)
    assert "cannot be made of these parameters" not in said, "no check of ours has seen it"


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["parameters", "seed", "shards", "teacher", "budget", "words"]), VALUES))
def test_whatever_a_plan_says_it_is_one_or_refused(said):
    with suppress(ValueError):  # and nothing else
        Plan("words", **said, package="small_recipes")
