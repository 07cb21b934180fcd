"""What a student of chapter 15 teaches itself about sums that are harder than those it was taught: rounds, three seeds.

It was taught sums of three digits with one carry at most. The questions of the rounds, and of the test, have two or
three: whoever carries twice in a row meets steps such as 8+9+1=18, which stand in no seed solution. Conditions:

- ``verified``: what is right is learnt, from the base's weights each round, as in ReST-EM.
- ``hint``: a question that no sample solved is asked again with its answer in the prompt, as in STaR.
- ``hint, answer checked``: the program looks at the answer alone, as published. With the answer in the prompt a wrong
  chain can end in it, too. ``answer checked`` is the same without hints.
- ``unverified``: whatever was written is learnt. Every question has a solution then, and hints are never asked for.
- ``last`` and ``unverified, last`` go on from the last round's weights: as ``verified`` and ``unverified`` otherwise.
- ``gold``: true solutions, of as many questions as there are.

Of the base and of the last round's student sixteen answers are drawn, too: pass@k, different right solutions, entropy,
and best-of-n by the verifier, by log-probability and by majority.
All figures are in ``notebooks/results/15-rounds.csv``; ``python -m benchmarks.improve_sums`` measures those that are
missing there (delete the file for all of them), in about four CPU minutes a seed.
"""

from __future__ import annotations

import copy
import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import mean
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
from scipy import stats

from benchmarks.timing import Row
from sdg_lab.distill.improvement import Round, Start, improve
from sdg_lab.distill.recipes import best_of_n
from sdg_lab.distill.recipes.star import Star, anything
from sdg_lab.distill.recipes.verified import SOLUTION, Verify, fair, pairs
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.student import Pairs, Student
from sdg_lab.distill.teacher import Options
from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "15-rounds.csv"
SEEDS = (0, 1, 2)
FIELDS = ("seed", "condition", "round", "measure", "n", "value")

DIGITS, TAUGHT, SEED_DATA, QUESTIONS, TEST, ROUNDS = 3, 1, 300, 250, 200, 3
SAMPLES, LEARNT = 4, 500
"""Solutions that are asked for, a question; and how many are learnt in a round at most, equally many a question."""

DRAWN, ASKED = 16, 100
"""Answers that are drawn to measure diversity and best-of-n, and problems at which they are."""

STUDENT = {"d_model": 56, "n_layers": 2, "n_heads": 4, "context": 56}
SCHEDULE = partial(warm_up_then_linear, warm_up=0.05)
BATCH, BASE_STEPS, STEPS = 64, 320, 80
BASE_RATE, RATE = 1e-2, 5e-3
WRITING = Options(max_tokens=40, temperature=1.0)

BASE, GOLD = "base", "gold"


def steps(examples: int, steps: int = STEPS, lr: float = RATE) -> dict[str, Any]:
    """Return the recipe of a training: equally many steps, however many examples there are."""
    epochs = -(-steps // -(-examples // BATCH))
    return {"epochs": epochs, "batch_size": BATCH, "lr": lr, "schedule": SCHEDULE, "progress": False}


def carries(problem: Sum) -> int:
    """Return how many of a problem's steps carry."""
    return sum(step.total > 9 for step in problem.steps())


def with_answer(question: str) -> str:
    """Return a question with its answer as a hint before it, ``{#0632}347+285=``."""
    problem = Sum.read(question)
    return sums.hinted(problem, f"#{problem.answer:0{DIGITS + 1}d}")


def learn(pool: Pool) -> Pairs:
    """Choose what is learnt of a round: different solutions, equally many of each question as far as they go."""
    different: dict[tuple[str, str], Record] = {}
    for one in pool.of(SOLUTION):
        different.setdefault((one["question"], one["solution"]), one)
    return pairs(fair(different.values(), LEARNT, seed=0))


@dataclass(frozen=True)
class Condition:
    """How the rounds of a condition go."""

    verify: Verify = sums.refuse
    hint: bool = False
    start: Start = "base"


CONDITIONS = {
    "verified": Condition(),
    "unverified": Condition(anything),
    "hint": Condition(hint=True),
    "hint, answer checked": Condition(sums.refuse_answer, hint=True),
    "last": Condition(start="last"),
    "answer checked": Condition(sums.refuse_answer),
    "unverified, last": Condition(anything, start="last"),
}
"""In the order in which they are measured, each with all seeds, after the base and the true solutions."""

Measured = Iterator[tuple[int, str, int, float]]
"""Round, measure, its n (0 where it has none), value."""


class World:
    """One seed: its problems, its base, and what becomes of it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder / f"seed-{seed}"
        drawn = sums.split(DIGITS, (6_000, 0, 2_000), seed=seed)
        easy, self.taught = ([p for p in part if carries(p) <= TAUGHT] for part in (drawn.train, drawn.test))
        hard, beyond = ([p for p in part if carries(p) > TAUGHT] for part in (drawn.train, drawn.test))
        self.taught, self.beyond, self.new = self.taught[:TEST], beyond[:TEST], hard[:QUESTIONS]
        plain, again = (sums.write(easy[:SEED_DATA], seed=seed + offset) for offset in (0, 1_000))
        self.gold = plain + [(with_answer(question), solution) for question, solution in again]

    @cached_property
    def base(self) -> Student:
        """Train it on the seed data, with and without hints; or read it."""
        file = self.folder / "base.safetensors"
        if not file.exists():
            recipe = steps(len(self.gold), BASE_STEPS, BASE_RATE)
            Student(**STUDENT).fit(self.gold, symbols=sums.SYMBOLS, seed=self.seed, **recipe).save(file)
        return Student.load(file)

    def recipe(self, number: int, condition: Condition) -> Star:
        """Return the recipe of a round, the same in each."""
        return Star(
            [problem.prompt for problem in self.new],
            condition.verify,
            samples=SAMPLES,
            test=[problem.prompt for problem in self.beyond],
            distinct=False,
            options=WRITING,
            hint=with_answer if condition.hint else None,
            hinted_samples=SAMPLES,
        )

    def rounds(self, name: str) -> Iterator[Round]:
        """Yield the rounds of a condition; what an earlier start has done is read."""
        if name == BASE:
            yield Round(0, self.base, Pool(), None, self.gold)
            return
        if name == GOLD:
            data = self.gold + sums.write(self.new, seed=self.seed + 2_000)
            student = copy.deepcopy(self.base).fit(data, warm_start=True, seed=self.seed, **steps(len(data)))
            yield Round(1, student, Pool(), None, data)
            return
        condition = CONDITIONS[name]
        going = improve(
            self.base,
            self.gold,
            partial(self.recipe, condition=condition),
            learn,
            training=steps,
            rounds=ROUNDS,
            start=condition.start,
            seed=self.seed,
            folder=self.folder / name.replace(", ", "-").replace(" ", "-"),
            progress=False,
        )
        next(going)  # the base is the same in all of them
        yield from going

    def measure(self, name: str) -> Measured:
        """Yield all figures of a condition; those of several samples for the last student only."""
        for one in self.rounds(name):
            yield from self.round(one)
            if one.number == ROUNDS or name in (BASE, GOLD):
                yield from self.samples(one)

    def round(self, one: Round) -> Measured:
        """Yield how a student does on problems that nobody has learnt from, and what it was trained on."""
        for what, problems in (("", self.beyond), (", taught", self.taught)):
            texts = [text.text for text in one.student.generate([p.prompt for p in problems], max_tokens=40)]
            shares = sums.shares(problems, texts)
            yield one.number, f"right{what}", 0, shares["right"]
            yield one.number, f"wrong chain{what}", 0, shares["right answer by a wrong chain"]
            for count in range(DIGITS + 1):
                own = [(p, text) for p, text in zip(problems, texts, strict=True) if carries(p) == count]
                if own:
                    yield one.number, "right, carries", count, sums.shares(*zip(*own, strict=True))["right"]
        yield one.number, "learnt", 0, len(one.data)
        if kept := one.pool.of(SOLUTION):
            yield one.number, "kept", 0, len(kept)
            right = [sums.refuse(record["question"], record["solution"]) is None for record in kept]
            yield one.number, "kept, right", 0, mean(right)
            yield one.number, "kept, with a hint", 0, mean(record["sample"] >= SAMPLES for record in kept)
            yield one.number, "solved questions", 0, len({record["question"] for record in kept}) / QUESTIONS

    def samples(self, one: Round) -> Measured:
        """Yield what several answers of a student hold."""
        asked = [problem.prompt for problem in self.beyond[:ASKED]]
        drawn = best_of_n.draw(one.student, asked, sums.refuse, DRAWN, seed=self.seed)
        yield one.number, "entropy", 0, drawn.entropy()
        yield one.number, "different right solutions", DRAWN, drawn.distinct()
        yield one.number, "two right solutions are the same", 2, drawn.repeated()
        choices = {
            "verifier": best_of_n.verified(sums.refuse),
            "log-probability": best_of_n.likeliest,
            "majority": best_of_n.majority(conclusion),
        }
        for k in (1, 2, 4, 8, 16):
            yield one.number, "pass@k", k, drawn.pass_at(k)
            for name, choose in choices.items():
                yield one.number, f"best of n, {name}", k, drawn.best_of(k, choose)


def conclusion(text: str) -> int | None:
    """Return the answer of a solution, what it votes for."""
    solution = sums.read_solution(text)
    return None if solution is None else solution.answer


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; those of a condition and a seed are written together."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "sdg-lab-improve-sums"
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
    worlds = {seed: World(seed, folder) for seed in SEEDS}
    for name in (BASE, GOLD, *CONDITIONS):
        for seed, world in worlds.items():
            if not any(row["seed"] == str(seed) and row["condition"] == name for row in read()):
                append((seed, name, *row) for row in world.measure(name))
    return read()


def read(results: Path = RESULTS) -> list[dict[str, str]]:
    """Return the rows of a file, as texts."""
    with results.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(rows: Iterator[tuple[Any, ...]], results: Path = RESULTS) -> None:
    """Write rows at the end of a file, all of them or none."""
    done = [(*row[:-1], f"{row[-1]:.5g}") for row in rows]
    with results.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(done)
    print(*done, sep="\n", flush=True)


def values(rows: Sequence[dict[str, str]], condition: str, number: int, measure: str, n: int = 0) -> list[float]:
    """Return a figure, one a seed."""
    wanted = {"condition": condition, "round": str(number), "measure": measure, "n": str(n)}
    return [float(row["value"]) for row in rows if all(row[name] == value for name, value in wanted.items())]


def interval(found: Sequence[float]) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t)."""
    middle, error = mean_and_error(np.array(found))
    return f"{middle:.4g} ± {error * stats.t.ppf(0.975, len(found) - 1):.2g}"


def run() -> list[Row]:
    rows = measured()
    base, good, bare, weak, gold = (
        [100 * x for x in values(rows, name, number, "right")]
        for name, number in (
            (BASE, 0),
            ("hint", ROUNDS),
            ("unverified", ROUNDS),
            ("hint, answer checked", ROUNDS),
            (GOLD, 1),
        )
    )
    what = f"sums with more carries than were taught: {ROUNDS} rounds, chains checked; right {interval(good)} %"
    others = {
        f"the base; right {interval(base)} %, with true solutions {interval(gold)} %": base,
        f"unverified; right {interval(bare)} %": bare,
        f"answers checked; right {interval(weak)} %": weak,
    }
    return [
        Row(what, 100 - mean(good), name, 100 - mean(other), goal=1.0, unit=f"points wrong, mean of {len(good)} seeds")
        for name, other in others.items()
    ]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return all figures, means over seeds with 95 % intervals, and the single seeds."""
    keys = dict.fromkeys((row["condition"], row["round"], row["measure"], row["n"]) for row in rows)
    lines = []
    for condition, number, measure, n in keys:
        found = values(rows, condition, int(number), measure, int(n))
        if len(found) > 1:
            single = " ".join(f"{value:.3g}" for value in found)
            lines.append(f"{condition:22} round {number} {measure:28} {n:>3} {interval(found):>18}   ({single})")
    return "\n".join(lines)


if __name__ == "__main__":
    from benchmarks import improve_sums  # a run knows its functions by name, and those of a script by their code, too

    print(improve_sums.table(improve_sums.measured()))
