"""What sampling, filters, steps and phases are worth in the small world of tasks, whose truth is known; three seeds.

- ``coverage``: leaves of the taxonomy that are reached by equally many questions, leaf by leaf as LAB samples, from a
  pool of the same examples, and from a pool of as many examples as they come to people's minds.
- ``filters``: a student trained on equally many pairs, with all filters of a pipeline, without one of them, without
  any, and on right answers alone: held-out accuracy, and how many of the pairs are right.
- ``evolution``: operations of an instruction, and the teacher's wrong answers, by generation of Evol-Instruct.
- ``labels``: the share of the rarer label, output first and input first.
- ``phases``: a student trained on all at once, and in LAB's phases with and without replay: accuracy by branch.

All figures are in ``notebooks/results/14-tasks.csv``; ``python -m benchmarks.distill_tasks`` measures those that are
missing there (delete the file for all of them), in about three CPU minutes a seed, nearly all of it the students'.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
from scipy import stats

from benchmarks.timing import Row
from sdg_lab.distill import filters
from sdg_lab.distill.pipeline import Result, Stage
from sdg_lab.distill.pipeline import run as run_recipe
from sdg_lab.distill.recipes.evol_instruct import EvolInstruct
from sdg_lab.distill.recipes.lab import Lab, Leaf, phases
from sdg_lab.distill.recipes.self_instruct import SeedTask, SelfInstruct
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.student import Pairs, Student, accuracy
from sdg_lab.distill.world import tasks
from sdg_lab.distill.world.tasks import Faults, Task
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "14-tasks.csv"
SEEDS = (0, 1, 2)
FIELDS = ("experiment", "seed", "condition", "size", "measure", "value")

EXAMPLES, PER_LEAF = 3, (1, 2, 3, 5, 10)
NUMBER = 3
"""Questions a leaf at which the coverage of LAB is compared with that of Self-Instruct."""

FAULTS = Faults(imitation=0.9, repeat=0.1, error=0.3, malformed=0.1, keyword=0.1, echo=0.1, colon=0.1)
"""A teacher with much to filter: of its answers about half are right."""

PAIRS, TEST = 1_200, 40
STUDENT = {"d_model": 48, "n_layers": 2, "n_heads": 4, "context": 64, "positions": "rotary"}
EPOCHS = 12
TRAINING = {"epochs": EPOCHS, "lr": 1e-2, "schedule": partial(warm_up_then_linear, warm_up=0.05), "progress": False}
SYMBOLS = "".join(
    sorted({*"draw the output is: -=", *tasks.LETTERS, *tasks.LETTERS.upper(), *"0123456789", *"vowelther"})
)
SINGLE = [task for task in tasks.leaves() if task.difficulty == 1]


def leaves(of: Sequence[Task]) -> tuple[Leaf, ...]:
    """Return leaves with examples: a few inputs with their right outputs."""
    return tuple(
        Leaf(t.leaf, "Tasks:", tuple((f"{t.instruction}: {a}", b) for a, b in tasks.examples(t, EXAMPLES, 0)))
        for t in of
    )


def lab(taxonomy: Sequence[Leaf], per_leaf: int, **options: object) -> Lab:
    """Return the recipe for this world, whose questions are short and alike."""
    small = {"taxonomy": taxonomy, "per_leaf": per_leaf, "least": 1.0, "threshold": 1.0, "fewest_words": 1}
    return Lab(**{**small, **options})  # type: ignore[arg-type]


# Coverage.


def coverage(seed: int) -> Iterator[tuple[str, int, str, float]]:
    """Yield the share of leaves that are reached, by sampling and number."""
    own = leaves(tasks.leaves())
    come = tasks.as_they_come(EXAMPLES * len(own), seed)
    unplanned = [(f"{t.instruction}: {a}", b) for i, t in enumerate(come) for a, b in tasks.examples(t, 1, i)]
    one = (Leaf("compositional/any", "Tasks:", tuple(unplanned)),)
    pool = {"sampling": "pool", "shown": 8, "judge": False}
    for per_leaf in PER_LEAF:
        made = {
            "leaf by leaf": lab(own, per_leaf, judge=False),
            "pool, the same examples": lab(own, per_leaf, **pool),
            "pool, examples as they come": lab(one, per_leaf * len(own), **pool),
        }
        for condition, recipe in made.items():
            result = run_recipe(recipe, tasks.teacher(), seed=seed, progress=False)
            found = [record["question"].partition(": ")[0] for record in result.pool.of("question")]
            yield condition, per_leaf, "questions", len(found)
            yield condition, per_leaf, "covered", tasks.coverage(found)


# Filters.


def instance(record: Record, pool: Pool) -> str | None:
    """Judge a question's input and its answer as Self-Instruct does an instance."""
    given = record["question"].partition(": ")[2]
    return filters.instance(Record.new("instance", {"input": given, "output": record["answer"]}), pool)


def form(record: Record, pool: Pool) -> str | None:
    """Judge how a question begins, and its words."""
    return filters.first_character(record, pool, field="question") or filters.keywords(record, pool, field="question")


def stages(without: str = "") -> dict[str, tuple[Stage, ...]]:
    """Return the filters of a pipeline by kind, one of them left out, or all."""
    named: dict[str, dict[str, Stage]] = {
        "question": {
            "form": form,
            "duplicates": filters.Novel(("seed", "question"), field="question", threshold=1.0),
        },
        "answer": {"instance": instance},
        "pair": {"judge": partial(filters.at_least, least=1.0)},
    }
    return {
        kind: tuple(stage for name, stage in some.items() if without not in (name, "any"))
        for kind, some in named.items()
    }


def filtered(without: str, seed: int) -> Result:
    """Return what the pipeline keeps: more than is needed, so that students get equally many pairs."""
    recipe = lab(leaves(SINGLE), 3 * PAIRS // len(SINGLE), tries=100)
    return run_recipe(recipe, tasks.teacher(FAULTS), stages=stages(without), seed=seed, progress=False)


def pair(question: str, answer: str) -> tuple[str, str]:
    """Return a prompt of a student and its answer."""
    return f"{question}=", answer


def right(record: Record) -> bool:
    """Say whether the answer to a question is right."""
    instruction, _, given = record["question"].partition(": ")
    return tasks.is_right(instruction, given, record["answer"])


def test_pairs(of: Sequence[Task]) -> Pairs:
    """Return held-out pairs: equally many of each task."""
    return [pair(f"{task.instruction}: {a}", b) for task in of for a, b in tasks.examples(task, TEST, 999)]


def fitted(data: Pairs, seed: int) -> Student:
    """Train a student; all have equally many steps."""
    return Student(**STUDENT).fit(data, symbols=SYMBOLS, seed=seed, **TRAINING)  # type: ignore[arg-type]


WITHOUT = {
    "all filters": "",
    "no filter": "any",
    "right answers": "",
    **{f"without {name}": name for name in ("judge", "instance", "duplicates", "form")},
}
"""The filter that each condition leaves out; right answers are chosen from what all filters kept."""


def worth(seed: int, condition: str) -> Iterator[tuple[str, int, str, float]]:
    """Yield how many pairs are right, the yield, and a student's held-out accuracy."""
    held_out = test_pairs(SINGLE)
    asked = {prompt for prompt, _ in held_out}
    result = filtered(WITHOUT[condition], seed)
    drawn = np.random.default_rng(seed).permutation(len(result.pool.of("pair")))
    kept = [
        record for record in map(result.pool.of("pair").__getitem__, drawn) if f"{record['question']}=" not in asked
    ]
    if condition == "right answers":
        kept = [record for record in kept if right(record)]
    proposed, passed = result.funnel.kinds["question"].proposed, len(result.pool.of("pair"))
    yield condition, PAIRS, "yield", passed / proposed
    chosen = kept[:PAIRS]
    if len(chosen) < PAIRS:
        raise AssertionError(f"{condition}: {len(chosen)} pairs are too few")
    yield condition, PAIRS, "right pairs", mean(map(right, chosen))
    student = fitted([pair(record["question"], record["answer"]) for record in chosen], seed)
    yield condition, PAIRS, "accuracy", accuracy(student, held_out)


# Steps and labels.


def evolution(seed: int) -> Iterator[tuple[str, int, str, float]]:
    """Yield operations, and the teacher's wrong answers, by generation."""
    seeds = tuple(SeedTask(task.instruction, task.output("abc")) for task in tasks.leaves())
    recipe = EvolInstruct(seeds, depth={"deepen": (" then",)}, openings=("",), least=1, answers=False)
    teacher = tasks.teacher()
    result = run_recipe(recipe, teacher, seed=seed, progress=False)
    by_generation: dict[int, list[Task]] = {0: tasks.leaves()}
    for record in result.pool.of("evolved"):
        if task := Task.parse(record["instruction"]):
            by_generation.setdefault(record["generation"], []).append(task)
    for generation, found in sorted(by_generation.items()):
        given = [(task, a, b) for task in found for a, b in tasks.examples(task, 5, seed)]
        prompts = [f"Task: {task.instruction}\nInput: {a}\nOutput:" for task, a, _ in given]
        texts = teacher.generate(prompts, seeds=range(len(prompts)), options=recipe.answer_options)
        wrong = mean(one.text.strip() != b for one, (_, _, b) in zip(texts, given, strict=True))
        yield "", generation, "instructions", len(found)
        yield "", generation, "operations", mean(task.difficulty for task in found)
        yield "", generation, "wrong answers", wrong


def labels(seed: int) -> Iterator[tuple[str, int, str, float]]:
    """Yield the share of the rarer label among instances of classification tasks."""
    kinds = [Task((name, "kind")) for name in ("next", "double", "last")]
    others = [task for task in tasks.leaves() if not task.is_classification()][::5]
    seeds = tuple(
        SeedTask(t.instruction, b, a, t.is_classification()) for t in kinds + others for a, b in tasks.examples(t, 1, 0)
    )
    recipe = SelfInstruct(150, seeds, openings=("",), least=1, threshold=1.0)
    unknown: Stage = lambda record, pool: "not asked"  # noqa: E731 - without a verdict all tasks get the input first
    input_first: Mapping[str, Sequence[Stage]] = {**recipe.stages, "classification": (unknown,)}
    for condition, some in (("output first", recipe.stages), ("input first", input_first)):
        result = run_recipe(recipe, tasks.teacher(), stages=some, seed=seed, progress=False)
        found = [
            dict(record.fields)
            for record in result.pool.of("instance")
            if (task := Task.parse(record["instruction"])) and task.operations[-1:] == ("kind",)
        ]
        yield condition, len(found), "vowel", mean(one["output"] == "vowel" for one in found)


# Phases.


REPLAY = {"all at once": None, "phases": 0.0, "phases, replay 0.25": 0.25}
"""The share of knowledge that comes again in the phase of skills."""


def in_phases(seed: int, condition: str) -> Iterator[tuple[str, int, str, float]]:
    """Yield a student's accuracy by branch, trained on right answers in an order."""
    records = [
        Record.new("pair", {"question": f"{t.instruction}: {a}", "answer": b, "branch": t.leaf.partition("/")[0]})
        for t in SINGLE
        for a, b in tasks.examples(t, PAIRS // len(SINGLE), seed)
    ]
    tested = {branch: test_pairs([t for t in SINGLE if t.leaf.startswith(branch)]) for branch in ("knowledge", "found")}
    asked = {prompt for some in tested.values() for prompt, _ in some}
    records = [record for record in records if f"{record['question']}=" not in asked]
    replay = REPLAY[condition]
    schedule = [records] if replay is None else phases(records, replay=replay, seed=seed)
    data = [[pair(record["question"], record["answer"]) for record in phase] for phase in schedule]
    student = fitted(data[0], seed)
    for phase in data[1:]:
        student.fit(phase, warm_start=True, seed=seed, **TRAINING)  # type: ignore[arg-type]
    for branch, held_out in tested.items():
        name = "knowledge" if branch == "knowledge" else "foundational"
        yield condition, sum(map(len, data)), name, accuracy(student, held_out)


# The table.

Measured = Iterator[tuple[str, int, str, float]]


def experiments() -> dict[tuple[str, str], Callable[[int], Measured]]:
    """Return what is measured, by experiment and, where each is long, condition; the quick ones first."""
    quick = {"coverage": coverage, "evolution": evolution, "labels": labels}
    found: dict[tuple[str, str], Callable[[int], Measured]] = {(name, ""): function for name, function in quick.items()}
    for condition in WITHOUT:
        found["filters", condition] = partial(worth, condition=condition)
    for condition in REPLAY:
        found["phases", condition] = partial(in_phases, condition=condition)
    return found


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; each experiment is written when it is there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    for (name, condition), function in experiments().items():
        for seed in SEEDS:
            there = {(row["experiment"], row["seed"], row["condition"] if condition else "") for row in read()}
            if (name, str(seed), condition) in there:
                continue
            with RESULTS.open("a", encoding="utf-8", newline="") as file:
                rows = [(name, seed, *row[:-1], f"{row[-1]:.4g}") for row in function(seed)]
                csv.writer(file, lineterminator="\n").writerows(rows)
            print(*rows, sep="\n", flush=True)
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(rows: Sequence[dict[str, str]], experiment: str, **wanted: str) -> list[float]:
    """Return the values of the rows that have these entries, one a seed."""
    own = [row for row in rows if row["experiment"] == experiment]
    return [float(row["value"]) for row in own if all(row[name] == value for name, value in wanted.items())]


def interval(found: Sequence[float]) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t)."""
    middle, error = mean_and_error(np.array(found))
    return f"{middle:.3f} ± {error * stats.t.ppf(0.975, len(found) - 1):.3f}"


def run() -> list[Row]:
    rows = measured()
    covered = partial(values, rows, "coverage", size=str(NUMBER), measure="covered")
    ours, plain, same = (
        covered(condition=name) for name in ("leaf by leaf", "pool, examples as they come", "pool, the same examples")
    )
    accurate = partial(values, rows, "filters", measure="accuracy")
    good, bare = accurate(condition="all filters"), accurate(condition="no filter")
    what = f"small tasks: questions for each leaf that is covered, {NUMBER} a leaf asked for, leaf by leaf"
    seeds = f"mean of {len(ours)} seeds"
    return [
        Row(
            f"{what}; covered {interval(ours)}",
            NUMBER / mean(ours),
            f"from a pool, examples as they come; covered {interval(plain)}",
            NUMBER / mean(plain),
            goal=1.3,
            unit=seeds,
        ),
        Row(
            f"{what}; covered {interval(ours)}",
            NUMBER / mean(ours),
            f"from a pool, the same examples; covered {interval(same)}",
            NUMBER / mean(same),
            goal=1.0,
            unit=seeds,
        ),
        Row(
            f"small tasks, held out: a student's wrong answers, all filters; right {interval(good)}",
            1 - mean(good),
            f"no filter; right {interval(bare)}",
            1 - mean(bare),
            goal=1.0,
            unit=seeds,
        ),
    ]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return all figures, means over seeds with 95 % intervals."""
    lines = []
    for row in rows:
        key = {name: row[name] for name in ("condition", "size", "measure")}
        if row["experiment"] in ("labels", "phases"):  # of other size with each seed
            del key["size"]
        line = f"{row['experiment']:10} {row['condition']:28} {key.get('size', ''):>5} {row['measure']:14} "
        line += interval(values(rows, row["experiment"], **key))
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measured()))
