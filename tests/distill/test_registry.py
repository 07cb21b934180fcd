"""Recipes are found by the names of their files, and say what they want."""

import sys
import types

import pytest
from small_recipes.words import Words

from sdg_lab.distill import registry


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
