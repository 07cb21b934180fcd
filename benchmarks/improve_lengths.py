"""What a student of chapter 15 teaches itself about sums that are longer than those it was taught: rounds, by seeds.

It was taught 800 sums of numbers of two and three digits. The first round asks for sums of up to four digits, and the
others for sums of up to five, equally many of each length. The problem is a form to fill in, a row for each digit, the
units first, its unused rows blank:

    7+5+_=__;4+8+_=__;3+2+_=__;_+_+_=__;_+_+_=__;

So each row of a solution stands equally far from the row of the form that it copies, and rotary positions see distances
alone. In the seed data zeros in front make numbers three, four or five digits wide, drawn at random, so that the base
has read digits other than zero everywhere in an answer, though never more than four of them in one. (In first trials of
one seed the base solved 0 to 1 % of sums of four digits where the problem was the plain prompt, or zeros always filled
five digits; three verified rounds brought the latter to 20 %.)

Every round goes on from the last weights and learns what was written in it alone, without the seed data. Conditions,
all with equally many steps a round:

- ``verified``: what is right at each step is learnt.
- ``unverified``: whatever was written is learnt.
- ``gold``: true solutions of the same questions, two of most.

All figures are in ``notebooks/results/15-lengths.csv``: of each round the accuracy on new sums by the digits of the
larger number (``n``), greedily and by one sample at temperature 1. ``python -m benchmarks.improve_lengths`` measures
those that are missing there (delete the file for all of them), in about four CPU minutes a seed.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from statistics import mean
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np

from benchmarks.improve_sums import FIELDS, append, interval, read, table, values
from benchmarks.timing import Row
from sdg_lab.distill.improvement import Round, improve
from sdg_lab.distill.recipes.star import Star, anything
from sdg_lab.distill.recipes.verified import SOLUTION, Verify, fair, pairs
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.student import Pairs, Student
from sdg_lab.distill.teacher import Options
from sdg_lab.distill.world import sums
from sdg_lab.distill.world.sums import Sum
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "15-lengths.csv"
SEEDS = (0, 1, 2, 3)

WIDTH, TAUGHT, BEYOND = 5, (2, 3), (4, 5)
"""Rows of the form; and digits of the larger number, in the seed data and in what is asked."""

SEED_DATA, QUESTIONS, TEST, ROUNDS = 400, 80, 100, 5
"""Of each length: solutions of the seed data, questions a round, problems of a test."""

SAMPLES, LEARNT = 4, 600
"""Solutions that are asked for, a question; and how many are learnt in a round at most, equally many a question."""

LONGEST = 54
"""Tokens of a solution at most; five steps and the answer have 53, the end included."""

STUDENT = {"d_model": 56, "n_layers": 2, "n_heads": 4, "context": 102, "positions": "rotary", "rope_base": 100.0}
SCHEDULE = partial(warm_up_then_linear, warm_up=0.05)
BATCH = 32
BASE_STEPS, STEPS = 900, 60
BASE_RATE, RATE = 1e-2, 5e-3
WRITING = Options(max_tokens=LONGEST, temperature=1.0)

BASE, GOLD = "base", "gold"
CONDITIONS: dict[str, Verify] = {"verified": sums.refuse, "unverified": anything}


def steps(examples: int, steps: int = STEPS, lr: float = RATE) -> dict[str, Any]:
    """Return the recipe of a training: equally many steps, however many examples there are."""
    epochs = -(-steps // -(-examples // BATCH))
    return {"epochs": epochs, "batch_size": BATCH, "lr": lr, "schedule": SCHEDULE, "progress": False}


def length(problem: Sum) -> int:
    """Return the digits of the larger number, zeros in front left out."""
    return len(str(max(problem.a, problem.b)))


def form(question: str) -> str:
    """Write a question as a form: a row for each digit, the units first, and blank ones up to :data:`WIDTH`."""
    rows = [f"{step.first}+{step.second}+_=__;" for step in Sum.read(question).steps()]
    return "".join(rows) + "_+_+_=__;" * (WIDTH - len(rows))


def learn(pool: Pool) -> Pairs:
    """Choose what is learnt of a round, as answers to forms: different solutions, equally many of each question."""
    different: dict[tuple[str, str], Record] = {}
    for one in pool.of(SOLUTION):
        different.setdefault((one["question"], one["solution"]), one)
    return in_forms(pairs(fair(different.values(), LEARNT, seed=0)))


def in_forms(solved: Pairs) -> Pairs:
    """Write the questions of pairs as forms."""
    return [(form(question), solution) for question, solution in solved]


Measured = Iterator[tuple[int, str, int, float]]
"""Round, measure, its n (0 where it has none), value."""


class World:
    """One seed: its problems, its base, and what becomes of it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder / f"seed-{seed}"
        self.train: dict[int, list[Sum]] = {}
        self.test: dict[int, list[Sum]] = {}
        for digits in TAUGHT + BEYOND:
            drawn = sums.split(digits, (1_000, 0, 200), seed=10 * seed + digits)
            self.train[digits], test = ([_wide(p) for p in part if length(p) == digits] for part in drawn[::2])
            self.test[digits] = test[:TEST]
        some = [problem for digits in TAUGHT for problem in self.train[digits][:SEED_DATA]]
        widths = np.random.default_rng(seed).integers(max(TAUGHT), WIDTH + 1, size=len(some)).tolist()
        some = [_wide(problem, width) for problem, width in zip(some, widths, strict=True)]
        self.seed_data = in_forms(sums.write(some, seed=seed))

    @cached_property
    def base(self) -> Student:
        """Train it on the seed data; or read it."""
        file = self.folder / "base.safetensors"
        if not file.exists():
            recipe = steps(len(self.seed_data), BASE_STEPS, BASE_RATE)
            Student(**STUDENT).fit(self.seed_data, symbols=sums.SYMBOLS, seed=self.seed, **recipe).save(file)
        return Student.load(file)

    def asked(self, number: int) -> list[Sum]:
        """Return the problems of a round: of all lengths, up to one digit more each time, and others each time."""
        found = []
        for digits in range(min(TAUGHT), min(max(TAUGHT) + number, WIDTH) + 1):
            first = SEED_DATA * (digits in TAUGHT) + QUESTIONS * (number - 1)
            found += self.train[digits][first:][:QUESTIONS]
        return found

    def recipe(self, number: int, verify: Verify) -> Star:
        """Return the recipe of a round."""
        return Star(
            [problem.prompt for problem in self.asked(number)],
            verify,
            samples=SAMPLES,
            forms=(form,),
            test=[problem.prompt for test in self.test.values() for problem in test],
            distinct=False,
            options=WRITING,
        )

    def rounds(self, name: str) -> Iterator[Round]:
        """Yield the rounds of a condition; what an earlier start has done is read."""
        if name == BASE:
            yield Round(0, self.base, Pool(), None, self.seed_data)
        elif name == GOLD:
            student = self.base
            for number in range(1, ROUNDS + 1):
                data = in_forms(sums.write(self.asked(number) * 2, seed=10 * self.seed + number)[:LEARNT])
                student = copy.deepcopy(student).fit(data, warm_start=True, seed=self.seed, **steps(len(data)))
                yield Round(number, student, Pool(), None, data)
        else:
            going = improve(
                self.base,
                [],
                partial(self.recipe, verify=CONDITIONS[name]),
                learn,
                training=steps,
                rounds=ROUNDS,
                start="last",
                seed=self.seed,
                folder=self.folder / name,
                progress=False,
            )
            next(going)  # the base is the same in all of them
            yield from going

    def measure(self, name: str) -> Measured:
        """Yield all figures of a condition."""
        for one in self.rounds(name):
            for digits, problems in self.test.items():
                prompts = [form(problem.prompt) for problem in problems]
                greedy = one.student.generate(prompts, max_tokens=LONGEST)
                sampled = one.student.generate(prompts, seeds=range(TEST), temperature=1.0, max_tokens=LONGEST)
                for what, written in (("right", greedy), ("right, sampled", sampled)):
                    shares = sums.shares(problems, [text.text for text in written])
                    yield one.number, what, digits, shares["right"]
            yield one.number, "learnt", 0, len(one.data)
            if kept := one.pool.of(SOLUTION):
                right = [sums.refuse(record["question"], record["solution"]) is None for record in kept]
                yield one.number, "kept, right", 0, mean(right)


def _wide(problem: Sum, digits: int = WIDTH) -> Sum:
    """Write a problem with as many digits, zeros in front."""
    return Sum(digits, problem.a, problem.b)


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; those of a condition and a seed are written together."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "sdg-lab-improve-lengths"
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
    for seed in SEEDS:
        world = World(seed, folder)
        for name in (BASE, *CONDITIONS, GOLD):
            if not any(row["seed"] == str(seed) and row["condition"] == name for row in read(RESULTS)):
                append(((seed, name, *row) for row in world.measure(name)), RESULTS)
    return read(RESULTS)


def mean_right(
    rows: Sequence[dict[str, str]], condition: str, number: int, lengths: Sequence[int], measure: str = "right"
) -> list[float]:
    """Return the accuracy, the mean over lengths, one a seed; round 0 is the base."""
    found = [values(rows, condition if number else BASE, number, measure, digits) for digits in lengths]
    return [mean(seed) for seed in zip(*found, strict=True)]


def gains(
    rows: Sequence[dict[str, str]],
    condition: str,
    lengths: Sequence[int],
    measure: str = "right",
    rounds: int = ROUNDS,
) -> list[float]:
    """Return what rounds of a condition bring, in points, one a seed."""
    after, before = (mean_right(rows, condition, number, lengths, measure) for number in (rounds, 0))
    return [100 * (one - other) for one, other in zip(after, before, strict=True)]


def run() -> list[Row]:
    rows = measured()
    found = []
    for what, lengths, measure in (
        ("longer than was taught, greedily", BEYOND, "right"),
        ("of the taught lengths, at temperature 1", TAUGHT, "right, sampled"),
    ):
        good, bare = (mean_right(rows, name, ROUNDS, lengths, measure) for name in CONDITIONS)
        gain, loss = (interval(gains(rows, name, lengths, measure)) for name in CONDITIONS)
        found.append(
            Row(
                f"sums {what}: {ROUNDS} rounds, chains checked; change {gain} points",
                100 * (1 - mean(good)),
                f"unverified; change {loss} points",
                100 * (1 - mean(bare)),
                goal=1.0,
                unit=f"points wrong, mean of {len(good)} seeds",
            )
        )
    return found


if __name__ == "__main__":
    from benchmarks import improve_lengths  # a run knows its functions by name, as in improve_sums

    print(table(improve_lengths.measured()))
