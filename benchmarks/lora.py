"""What a model learns by low-rank updates and by all of its weights, and what each costs.

SmolLM2-135M shall answer with a small JSON object that holds a name, an age and a city, found in a sentence; a program
judges each answer. Names, cities and forms of sentences of the test are in none of the 48 conversations that it learns
from. Beside it stand the model as it is, with three examples in its prompt, and with a schema that forces its answer
into the form. The learning rates are usual ones, ten times as large for few numbers as for all, and were not chosen by
these figures. The second part is the course's own GPT: a student of five small tasks learns four others.

All figures are in ``notebooks/results/15-tuning.csv``; ``python -m benchmarks.lora`` measures those that are missing
there (delete the file for all of them), each language model in a process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch

from benchmarks.distill_sums import interval
from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.course.ch15 import facts
from sdg_lab.distill.student import Pairs, Student, accuracy
from sdg_lab.distill.world import tasks
from sdg_lab.models.language_model import LanguageModel
from sdg_lab.models.language_model.chat import Message
from sdg_lab.models.language_model.tuning import fine_tune
from sdg_lab.models.transformer import lora
from sdg_lab.training import n_parameters
from sdg_lab.training.schedules import warm_up_then_linear

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "notebooks" / "results" / "15-tuning.csv"
SEEDS = (0, 1, 2)
FIELDS = ("part", "method", "seed", "parameters", "steps", "cpu_seconds", "peak_mb", "form", "right", "other")
"""``cpu_seconds`` of the training; ``peak_mb`` of the process when it was trained (without training: when the model was
read); ``form`` and ``right``: shares of held-out answers; ``other``: nats a token of Shakespeare's plays, or a
student's share of right answers to its first tasks."""

SMOLLM2, GPT = "SmolLM2: JSON", "a student: four tasks"
"""The two parts."""

# A language model: a sentence in, JSON out.

TRAIN, TEST, EPOCHS, BATCH, EXAMPLES = 48, 40, 1, 4, 3
RATES = {"LoRA, rank 1": 1e-3, "LoRA, rank 8": 1e-3, "all weights": 1e-4}
CORE, OTHERS = ("as it is", "LoRA, rank 8", "all weights"), ("with a schema", "with three examples", "LoRA, rank 1")


def other_text() -> list[str]:
    """Return a text that has nothing to do with the task, in parts."""
    text = data.plays().test[:6000]
    return [text[first : first + 1500] for first in range(0, len(text), 1500)]


def language_model(method: str, seed: int) -> dict[str, Any]:
    """Train a language model in one way, and judge it by sentences that it has not seen."""
    torch.set_num_threads(1)
    lm = LanguageModel.from_gguf()
    conversations = [facts.answered(*one) for one in facts.people(TRAIN, seed, test=False)]
    history, parameters = None, 0
    if method in RATES:
        rank = None if method == "all weights" else int(method.split()[-1])
        options: dict[str, Any] = {"epochs": EPOCHS, "batch_size": BATCH, "lr": RATES[method]}
        schedule = partial(warm_up_then_linear, warm_up=0.1)
        lm, history = fine_tune(lm, conversations, rank=rank, seed=seed, schedule=schedule, progress=False, **options)
        parameters = sum(p.numel() for p in (lora.parameters(lm.network) if rank else lm.network.parameters()))
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None  # Linux
    test = facts.people(TEST, seed, test=True)
    shown = [conversations[0][0], *(message for one in conversations[:EXAMPLES] for message in one[1:])]
    asking: list[list[Message]] = [facts.asked(sentence) for sentence, _ in test]
    if method == "with three examples":
        asking = [[*shown, conversation[-1]] for conversation in asking]
    schema = facts.SCHEMA if method == "with a schema" else None
    rows = lm.complete(asking, temperature=0, max_tokens=48, schema=schema)
    form, right = zip(*(facts.judge(row[0].text, fact) for row, (_, fact) in zip(rows, test, strict=True)), strict=True)
    other = other_text()
    return {
        "part": SMOLLM2,
        "method": method,
        "seed": seed,
        "parameters": parameters,
        "steps": 0 if history is None else history.steps,
        "cpu_seconds": 0.0 if history is None else history.cpu_seconds,
        "peak_mb": int(found[1]) // 1024,
        "form": float(np.mean(form)),
        "right": float(np.mean(right)),
        "other": float(-lm.log_prob(other).sum()) / sum(len(lm.encode(text)) for text in other),
    }


def in_a_process(method: str, seed: int) -> dict[str, Any]:
    """Measure it in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.lora", method, str(seed)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


# The course's own GPT: a student of five tasks learns four others.

OLD, NEW = ("next", "code", "sort", "double", "upper"), ("reverse", "mate", "first", "last")
OLD_DATA, NEW_DATA, HELD_OUT, STEPS = 800, 100, 75, 150
"""Words of each task, and steps in which the new ones are learnt."""

STUDENT = {"d_model": 64, "n_layers": 2, "n_heads": 4, "context": 32}
RANKS: dict[str, tuple[int | None, float]] = {
    **{f"LoRA, rank {rank}": (rank, 1e-2) for rank in (1, 2, 4, 8)},
    "all weights": (None, 3e-3),
    "all weights, from new ones": (None, 3e-3),
}
"""Rank and learning rate; the rates were chosen with another seed than those of the table."""


def questions(task: str, n: int, seed: int) -> Pairs:
    """Return different questions of a task, such as ``("sort bad>", "abd")``."""
    return [(f"{task} {word}>", right) for word, right in tasks.examples(tasks.Task((task,)), n, seed)]


def student(method: str, seed: int) -> dict[str, Any]:
    """Teach a trained student new tasks in one way, and judge it by words that it was not taught."""
    torch.set_num_threads(1)
    old, new = (
        {task: questions(task, n + HELD_OUT, seed) for task in names} for names, n in ((OLD, OLD_DATA), (NEW, NEW_DATA))
    )
    to_learn = [pair for pairs in new.values() for pair in pairs[:NEW_DATA]]
    schedule = partial(warm_up_then_linear, warm_up=0.05)
    symbols = "".join(sorted({*"".join(text for pair in to_learn for text in pair)}))
    file = Path(tempfile.gettempdir()) / "sdg-lab-lora" / f"student-{seed}.safetensors"
    if not file.exists():
        taught = [pair for pairs in old.values() for pair in pairs[:OLD_DATA]]
        options: dict[str, Any] = {"epochs": 10, "schedule": schedule, "progress": False}
        Student(**STUDENT).fit(taught, symbols=symbols, seed=seed, **options).save(file)
    one = Student.load(file)
    parameters = 0
    if method in RANKS:
        rank, rate = RANKS[method]
        if "new ones" in method:
            one.prepare(one.alphabet, seed)
        if rank is not None:
            lora.add(one.network, rank, seed=seed)
        parameters = n_parameters(one)
        recipe: Any = {
            "epochs": -(-STEPS // -(-len(to_learn) // 32)),
            "batch_size": 32,
            "lr": rate,
            "schedule": schedule,
            "clip": 1.0,
        }
        batch = one.weighted(one.alphabet, to_learn)
        one.learn(batch, recipe=recipe, seed=seed, progress=False)
    return {
        "part": GPT,
        "method": method,
        "seed": seed,
        "parameters": parameters,
        "steps": one.history.steps if one.history else 0,
        "cpu_seconds": one.history.cpu_seconds if one.history else 0.0,
        "right": mean(accuracy(one, pairs[NEW_DATA:]) for pairs in new.values()),
        "other": mean(accuracy(one, pairs[OLD_DATA:]) for pairs in old.values()),
    }


# The table.


def work() -> list[tuple[str, str, int, Callable[[str, int], dict[str, Any]]]]:
    """Return what is measured, in this order: part, method, seed, and what measures it."""
    found: list[tuple[str, str, int, Callable[[str, int], dict[str, Any]]]] = []
    found += [(GPT, method, seed, student) for seed in SEEDS for method in ("as it is", *RANKS)]
    for methods in (CORE, OTHERS):  # what was promised comes first
        found += [(SMOLLM2, method, seed, in_a_process) for seed in SEEDS for method in methods]
    return found


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; each is written when it is there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
        for old in (Path(tempfile.gettempdir()) / "sdg-lab-lora").glob("student-*.safetensors"):
            old.unlink()
    there = {(row["part"], row["method"], row["seed"]) for row in read()}
    for part, method, seed, measure in work():
        if (part, method, str(seed)) not in there:
            row = measure(method, seed)
            with RESULTS.open("a", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
                writer.writerow({name: f"{x:.5g}" if isinstance(x, float) else x for name, x in row.items()})
            print(row, flush=True)
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(rows: Sequence[dict[str, str]], part: str, method: str, field: str) -> list[float]:
    """Return one figure of all seeds."""
    return [float(row[field]) for row in rows if (row["part"], row["method"]) == (part, method)]


def run() -> list[Row]:
    rows, part = measured(), SMOLLM2
    low, full = "LoRA, rank 8", "all weights"

    def wrong(method: str) -> tuple[float, str]:
        right = [100 * one for one in values(rows, part, method, "right")]
        return 100 - mean(right), interval(right)

    (ours, said), (theirs, before) = wrong(low), wrong("as it is")
    a_step = [
        mean(values(rows, part, method, "cpu_seconds")) / values(rows, part, method, "steps")[0]
        for method in (low, full)
    ]
    memory = [mean(values(rows, part, method, "peak_mb")) for method in (low, full)]
    return [
        Row(
            f"SmolLM2 answers in JSON, held out; right {said} %",
            ours,
            f"as it is; right {before} %",
            theirs,
            1.0,
            "points wrong",
        ),
        Row("a step of SmolLM2 by low-rank updates", a_step[0], "by all weights", a_step[1], 1.0, "CPU s"),
        Row("peak memory of it", memory[0], "by all weights", memory[1], 1.5, "MB"),
    ]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return the figures as means over seeds, shares in per cent with 95 % intervals."""
    lines = []
    for part, method in dict.fromkeys((row["part"], row["method"]) for row in rows):
        own = [row for row in rows if (row["part"], row["method"]) == (part, method)]
        said = [f"{part:22} {method:26} {int(own[0]['parameters']):>11,} parameters"]
        for field in ("form", "right"):
            found = [100 * float(row[field]) for row in own if row[field]]
            said += [f"{field} {interval(found) if len(found) > 1 else found[0]} %"] if found else []
        for field in ("other", "cpu_seconds", "peak_mb"):
            found = [float(row[field]) for row in own if row[field]]
            said += [f"{field} {mean(found):.4g}"] if found else []
        lines.append(", ".join(said))
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:  # one of the processes
        print(json.dumps(language_model(sys.argv[1], int(sys.argv[2]))))
    else:
        print(table(measured()))
