"""What share of SmolLM2's texts Self-Instruct, Evol-Instruct and LAB keep; three seeds, 32 texts each.

Beside each stands the yield of hand-made prompts of the same kind, measured before the recipes were written. A yield
says that a text has the form that the filters ask for; whether it makes sense only a reader can say. So every text,
kept or not, is in ``notebooks/results/14-yields.csv``; ``python -m benchmarks.distill_yields`` measures what is missing
there (delete the file for all of it), in about half a CPU minute a seed and recipe.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
from benchmarks.timing import Row
from sdg_lab.distill.budget import Budget
from sdg_lab.distill.journal import read_answered
from sdg_lab.distill.pipeline import JOURNAL, EmptyError, Recipe
from sdg_lab.distill.pipeline import run as run_recipe
from sdg_lab.distill.recipes.evol_instruct import EvolInstruct
from sdg_lab.distill.recipes.lab import Lab
from sdg_lab.distill.recipes.self_instruct import SelfInstruct
from sdg_lab.distill.records import Record
from sdg_lab.distill.teacher import LocalTeacher, Teacher
from sdg_lab.models.language_model import LanguageModel

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "14-yields.csv"
FIELDS = ("recipe", "seed", "kept", "stage", "reason", "text")
SEEDS, NUMBER = (0, 1, 2), 32


@dataclass(frozen=True)
class Asked:
    """A recipe, the field of its records that is counted, and the yield of hand-made prompts, where somebody tried."""

    recipe: Callable[[], Recipe]
    field: str
    by_hand: float | None


RECIPES = {
    "Self-Instruct, first word given": Asked(lambda: SelfInstruct(NUMBER, instances=0), "instruction", 31 / 32),
    "Evol-Instruct, next words given": Asked(
        lambda: EvolInstruct(start=NUMBER, generations=1, breadth=0.0, answers=False), "instruction", 1 / 2
    ),
    "LAB, first words given": Asked(lambda: Lab(per_leaf=2, judge=False), "question", None),
    "Self-Instruct, no word given": Asked(
        lambda: SelfInstruct(NUMBER, instances=0, openings=("",)), "instruction", 15 / 16
    ),
}


def asked(name: str, teacher: Teacher, seed: int) -> list[Record]:
    """Return what came of the first 32 requests of a run, kept or refused."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = RECIPES[name].recipe()
        with suppress(EmptyError):  # 32 questions leave no request for an answer
            run_recipe(recipe, teacher, folder=folder, seed=seed, budget=Budget(requests=NUMBER), progress=False)
        records = [record for one in read_answered(Path(folder) / JOURNAL) for record in one.records]
    return [record for record in records if record.teacher]


def measured() -> list[dict[str, str]]:
    """Return every text, and ask for those that are missing."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    teacher: Teacher | None = None
    for name, one in RECIPES.items():
        for seed in SEEDS:
            if any((row["recipe"], row["seed"]) == (name, str(seed)) for row in read()):
                continue
            teacher = teacher or LocalTeacher(LanguageModel.from_gguf())
            rows = [
                (name, seed, int(r.kept), r.stage, r.reason, r.fields.get(one.field, r.fields.get("text", "")))
                for r in asked(name, teacher, seed)
            ]
            with RESULTS.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
            print(f"{name}, seed {seed}: {sum(row[2] for row in rows)} of {len(rows)}", flush=True)
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def kept(rows: Sequence[dict[str, str]], name: str) -> tuple[int, int]:
    """Return how many texts of a recipe were kept, and how many there are."""
    own = [row for row in rows if row["recipe"] == name]
    return sum(row["kept"] == "1" for row in own), len(own)


def run() -> list[Row]:
    rows = measured()
    found = {name: kept(rows, name) for name in RECIPES}
    return [
        Row(
            f"SmolLM2, texts asked for one that is kept: {name}; {good} of {number}",
            number / good,
            f"by hand-made prompts, {one.by_hand:.0%}",
            1 / one.by_hand,
            goal=1.0,
            unit="texts",
        )
        for name, one in RECIPES.items()
        for good, number in (found[name],)
        if one.by_hand is not None
    ]


if __name__ == "__main__":
    texts = measured()
    for name in RECIPES:
        print(f"{name}: {kept(texts, name)[0]} of {kept(texts, name)[1]} kept")
