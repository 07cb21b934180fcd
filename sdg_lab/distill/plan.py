"""A plan: what a ``recipe.yaml`` says.

::

    recipe: self_instruct       # a file of sdg_lab/distill/recipes
    parameters: {target: 1000}  # its own
    seed: 0
    shards: 16                  # into how many parts the work is cut; with them, --workers, --dask and --shard work
    teacher: {address: local}   # or the address of a server, with model: NAME
    budget: {tokens: 1000000}   # of all shards together, each of which has an equal part
    against: test.txt           # test texts, one a line: the card says what of them is in the data

A plan holds data only: reading it carries nothing out, and no key may stand in it. How YAML is read is said in
:mod:`sdg_lab.yaml_files`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sdg_lab import yaml_files
from sdg_lab.checks import did_you_mean, whole
from sdg_lab.distill import registry
from sdg_lab.distill.budget import Budget
from sdg_lab.distill.pipeline import Recipe
from sdg_lab.distill.scripts import words
from sdg_lab.distill.server import ServerTeacher
from sdg_lab.distill.teacher import LocalTeacher, Teacher

LOCAL = "local"
"""The address of a model in this process."""


@runtime_checkable
class Divisible(Protocol):
    """A recipe whose work can be cut into shards."""

    def part(self, index: int, of: int) -> Recipe:
        """Return the recipe of one of several parts, counted from 0; all parts together are the whole work."""


@dataclass(frozen=True)
class Plan:
    """What is to be made, and by whom.

    Attributes:
        recipe: its name; see :mod:`sdg_lab.distill.registry`.
        parameters: of the recipe.
        seed: of the run.
        shards: into how many parts the work is cut.
        teacher: ``address``, which is ``"local"`` or a server's; ``model``, its name there or a GGUF file here, by
            default SmolLM2; and the options of
            :class:`~sdg_lab.distill.teacher.LocalTeacher` or :class:`~sdg_lab.distill.server.ServerTeacher`.
        budget: ``tokens`` and ``requests``, of all shards together; see :meth:`budget_of`.
        against: a file of test texts, one a line, that the data set is compared with.
        words: in a row, that count as shared with one of them.
        package: where recipes are.

    Raises:
        OSError: if a file or folder that the recipe names cannot be read.
        ValueError: for what does not exist, the nearest named, or is out of range.
    """

    recipe: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    shards: int = 1
    teacher: Mapping[str, Any] = field(default_factory=lambda: {"address": LOCAL})
    budget: Mapping[str, int] = field(default_factory=dict)
    against: str | None = None
    words: int = 13
    package: str = field(default_factory=lambda: registry.PACKAGE)

    def __post_init__(self) -> None:
        for name in ("parameters", "teacher", "budget"):
            _mapping(name, getattr(self, name))
        for name in ("address", "model", "key_variable", "name", "licence", "terms"):
            if not isinstance(self.teacher.get(name, ""), str):
                raise ValueError(f"{name} of the teacher must be a text, got {self.teacher[name]!r}")
        whole("seed", self.seed, least=0, most=2**63 - 1)
        whole("shards", self.shards, least=1, most=99_999)
        whole("words", self.words, least=1)
        _known("budget", self.budget, [f.name for f in dataclasses.fields(Budget)])
        Budget(**self.budget)
        for name, most in self.budget.items():
            if most is not None and most < self.shards:
                raise ValueError(
                    f"a budget of {most} {name} cannot be divided among {self.shards} shards; give at least one each, "
                    "or write fewer shards into the recipe's file"
                )
        _known("teacher", self.teacher, ["address", "model", *_teacher_options(self.teacher.get("address", LOCAL))])
        recipe = registry.make(self.recipe, self.parameters, self.package)
        if self.shards > 1:
            if not isinstance(recipe, Divisible):
                raise ValueError(f"the recipe {self.recipe} cannot be cut into shards; leave 'shards' out")
            recipe.part(self.shards - 1, self.shards)  # the smallest one: what cannot be cut so far says so here

    @classmethod
    def read(cls, path: str | Path, **instead: Any) -> Plan:
        """Read a YAML file; it holds data only, and nothing in it is carried out.

        Args:
            path: the file. ``against`` in it counts from its folder.
            instead: entries that count instead of the file's; those of ``teacher`` and ``budget`` one by one.

        Raises:
            OSError: if it cannot be read.
            ValueError: if it is no YAML, or says what does not exist.
        """
        path, said = Path(path), yaml_files.read(path)
        if not isinstance(said, dict) or "recipe" not in said:
            raise ValueError(f"{path} must name a recipe, such as 'recipe: {registry.names()[0]}'")
        _known(str(path), said, [f.name for f in dataclasses.fields(cls) if f.name != "package"])
        if isinstance(said.get("teacher"), str):
            said["teacher"] = {"address": said["teacher"]}
        if said.get("against") is not None:
            if not isinstance(said["against"], str):
                raise ValueError(f"against must be the path of a file, got {said['against']!r}")
            said["against"] = str(path.parent / said["against"])
        for name, value in instead.items():
            if isinstance(value, Mapping):
                said[name] = {**_mapping(name, said.get(name, {})), **value}
            else:
                said[name] = value
        return cls(**said)

    def make_teacher(self) -> Teacher:
        """Return the teacher; see :meth:`teacher_of`."""
        return self.teacher_of(self.teacher)

    @staticmethod
    def teacher_of(said: Mapping[str, Any]) -> Teacher:
        """Return the teacher that an entry ``teacher`` describes.

        Raises:
            ValueError: if a server has no model's name, or an option is out of range.
        """
        options = {name: value for name, value in said.items() if name not in ("address", "model")}
        address, model = said.get("address", LOCAL), said.get("model")
        if address != LOCAL:
            if not isinstance(model, str):
                raise ValueError(f"the server at {address} may offer several models; name one: --model NAME")
            return ServerTeacher(address, model, **options)
        from sdg_lab.models.language_model import LanguageModel

        return LocalTeacher(LanguageModel.from_gguf(model), **options)

    def budget_of(self, shard: int) -> Budget:
        """Return a shard's part of the budget: all parts are the whole, and differ by one token or request at most.

        What one shard leaves does not go to another one: who gets it would depend on who is ready first.
        """
        bounds = {name: most for name, most in self.budget.items() if most is not None}
        return Budget(**{name: most // self.shards + (shard < most % self.shards) for name, most in bounds.items()})

    def test_texts(self) -> list[str]:
        """Return the test texts that the data set is compared with.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if there is nothing in it to compare with.
        """
        if self.against is None:
            return []
        try:
            lines = Path(self.against).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"{self.against} is no text in UTF-8; write the test texts into one, one a line") from None
        if not any(map(words, lines)):
            raise ValueError(
                f"there is nothing in {self.against} to compare with: no line has a word in it; write the test texts "
                "into it, one a line, or leave 'against' out"
            )
        return [line for line in lines if line.strip()]


def _teacher_options(address: Any) -> list[str]:
    """Return what can be said of a teacher besides its address and model."""
    kind, not_said = (LocalTeacher, {"self", "model"}) if address == LOCAL else (ServerTeacher, {"clock", "sleep"})
    return [name for name in inspect.signature(kind).parameters if name not in not_said | {"base_url", "model"}]


def _mapping(name: str, said: Any) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise ValueError(f"{name} must be names with values, got {said!r}")
    return said


def _known(what: str, said: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in said:
        if name not in known:
            near = did_you_mean(name, known)
            raise ValueError(f"{what} says {name!r}, which means nothing here{near}; it may say {', '.join(known)}")
