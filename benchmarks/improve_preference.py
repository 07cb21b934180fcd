"""What preferences teach a student of sums, chapter 15: DPO against rejection fine-tuning, and SPIN against its gold.

A student that was taught 200 solutions answers 600 new problems, 8 times each; a program says which answers are right.
From one right and one wrong answer to the same problem DPO makes a triple, and rejection fine-tuning learns the right
ones by plain likelihood: from the same weights, with equally many texts read, the same optimiser and learning rate.
SPIN prefers gold solutions to its own answers to the same problems, and is compared with learning the same gold on:
its student has read 600 solutions 18 times, since one that knows its gold by heart has no other answers to reject.

All figures are in ``notebooks/results/15-preference.csv``; ``python -m benchmarks.improve_preference`` measures those
that are missing there (delete the file for all of them), in about three CPU minutes a seed. A row is a student after an
epoch, or a round of SPIN; ``right`` and what follows it is measured after the last one.
"""

from __future__ import annotations

import copy
import csv
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from statistics import mean

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
from scipy import stats

from benchmarks.timing import Row
from sdg_lab.distill.preference import Triples, contrasts, prefer, shift
from sdg_lab.distill.recipes.logits import carried
from sdg_lab.distill.recipes.spin import spin
from sdg_lab.distill.recipes.verified import pass_at_k
from sdg_lab.distill.student import Pairs, Student, accuracy
from sdg_lab.distill.world import sums
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.training.schedules import linear, warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "15-preference.csv"
SEEDS = (0, 1, 2)

DIGITS, GOLD, QUESTIONS, VALIDATION, TEST = 3, 200, 600, 200, 400
EPOCHS_TAUGHT, SPIN_GOLD, SPIN_EPOCHS_TAUGHT = 80, 600, 18
SAMPLES, A_PROMPT, DRAWN = 8, 2, 100
"""Answers to a problem; triples that one gives at most; problems of the test that are answered by sampling."""

EPOCHS, BATCH, CONTEXT = 4, 32, 48
BETAS = (0.01, 0.1, 1.0, 3.0, 10.0)
STUDENT = {"d_model": 56, "n_layers": 2, "n_heads": 4, "context": CONTEXT}
FURTHER = {"lr": 1e-3, "schedule": linear, "optimizer": "muon", "progress": False}
ROUNDS, ROUND_EPOCHS, ROUND_LR = 3, 2, 3e-4

FIELDS = ("seed", "run", "epoch", "examples", "validation", "chosen", "rejected", "won")
FIELDS += ("held_out_chosen", "held_out_rejected", "held_out_won", "gold", "held_out_gold")
FIELDS += ("right", "pass_1", "pass_8", "different", "kl", "ended")
"""``chosen`` and ``rejected`` are means of log π - log π_ref over triples, ``gold`` and ``held_out_gold`` of log π over
gold solutions that the student was taught, and of the validation problems, in nats an answer; ``different`` counts the
right solutions of 8 draws that are not equal; ``kl`` is KL(π ‖ π_ref) in nats an answer, π_ref being the student as it
was taught."""

TAUGHT, SAME = "taught", "rejection: right answers of the triples"
BY_BETA = [f"dpo: beta {beta:g}" for beta in BETAS]

Path_ = list[dict[str, object]]


class World:
    """One seed: its problems, the student that was taught, and what it answered."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.problems = sums.split(DIGITS, (GOLD + QUESTIONS, VALIDATION, TEST), seed=seed)
        self.gold = sums.write(self.problems.train, seed=seed)
        self.validation = sums.write(self.problems.validation, seed=seed)

    @cached_property
    def taught(self) -> Student:
        """The student that DPO starts from."""
        return self.kept("taught", GOLD, EPOCHS_TAUGHT)

    @cached_property
    def early(self) -> Student:
        """The one that SPIN starts from."""
        return self.kept("early", SPIN_GOLD, SPIN_EPOCHS_TAUGHT)

    def kept(self, name: str, gold: int, epochs: int) -> Student:
        """Train a student on gold solutions, or read it."""
        if (file := self.folder / f"{name}-{self.seed}.safetensors").exists():
            return Student.load(file)
        recipe = {"batch_size": 64, "lr": 1e-2, "schedule": partial(warm_up_then_linear, warm_up=0.05)}
        data, about = self.gold[:gold], {"epochs": epochs, "symbols": sums.SYMBOLS, "seed": self.seed}
        student = Student(**STUDENT).fit(data, progress=False, **about, **recipe)
        student.save(file)
        return student

    def drawn(self, student: Student, problems: Sequence[sums.Sum], seed: int) -> tuple[list[str], list[str], float]:
        """Draw several answers to each problem; return prompts, answers, and the share of those that end."""
        prompts = [problem.prompt for problem in problems for _ in range(SAMPLES)]
        seeds = np.random.SeedSequence([self.seed, seed]).generate_state(len(prompts), np.uint32).tolist()
        found = student.generate(prompts, seeds=seeds, temperature=1.0)
        return prompts, [one.text for one in found], float(np.mean([one.reason == "end" for one in found]))

    def answered(self, problems: Sequence[sums.Sum], seed: int) -> Pairs:
        """Return the taught student's answers as pairs, without those that are empty or fill the context."""
        prompts, texts, _ = self.drawn(self.taught, problems, seed)
        return [(p, text) for p, text in zip(prompts, texts, strict=True) if 0 < len(text) < CONTEXT - len(p)]

    @cached_property
    def answers(self) -> Pairs:
        """The student's own, to problems that it was not taught."""
        return self.answered(self.problems.train[GOLD:], 1)

    @cached_property
    def triples(self) -> Triples:
        """A right and a wrong answer to the same problem."""
        return contrasts(self.answers, sums.refuse, most=A_PROMPT, seed=self.seed)

    @cached_property
    def held_out(self) -> Triples:
        """The same of problems that nobody learns from."""
        return contrasts(self.answered(self.problems.validation, 2), sums.refuse, most=A_PROMPT, seed=self.seed)

    def known(self, student: Student, gold: int) -> dict[str, object]:
        """Measure what is cheap to measure, without the test."""
        return {
            "validation": accuracy(student, self.validation, sums.refuse),
            "gold": float(student.log_prob(self.gold[:gold]).mean()),
            "held_out_gold": float(student.log_prob(self.validation).mean()),
        }

    def moved(self, student: Student) -> dict[str, object]:
        """Measure it, and how far a student has gone from the taught one along triples: after each epoch."""
        own, others = (shift(student, self.taught, triples) for triples in (self.triples, self.held_out))
        return {
            **self.known(student, GOLD),
            **{name: getattr(own, name) for name in ("chosen", "rejected", "won")},
            **{f"held_out_{name}": getattr(others, name) for name in ("chosen", "rejected", "won")},
        }

    def judged(self, student: Student, reference: Student) -> dict[str, object]:
        """Measure a student by problems of the test: its likeliest answers, and what it draws at temperature 1."""
        test = self.problems.test
        prompts, texts, ended = self.drawn(student, test[:DRAWN], 3)
        right = [sums.refuse(*pair) is None for pair in zip(prompts, texts, strict=True)]
        counts = np.reshape(right, (-1, SAMPLES)).sum(axis=1)
        different = {pair for pair, good in zip(zip(prompts, texts, strict=True), right, strict=True) if good}
        # The divergence place by place, along what the student draws; where the context cuts a text, it is of so many.
        cut = [(p, text[: CONTEXT - 1 - len(p)]) for p, text in zip(prompts, texts, strict=True) if text][::2]
        tokens = np.mean([len(text) + 1 for _, text in cut])
        return {
            "right": accuracy(student, [(problem.prompt, problem.solution()) for problem in test], sums.refuse),
            "pass_1": float(pass_at_k(SAMPLES, counts, 1).mean()),
            "pass_8": float(pass_at_k(SAMPLES, counts, SAMPLES).mean()),
            "different": len(different) / DRAWN,
            "kl": float(carried(student, reference, cut).missing * tokens),
            "ended": ended,
        }

    # What is trained: each returns the student, and how it went.

    def dpo(self, beta: float, likelihood: float = 0.0) -> tuple[Student, Path_]:
        """Prefer right answers to wrong ones."""
        student, path = copy.deepcopy(self.taught), Path_()

        def after(epoch: int, model: Student) -> None:
            path.append({"epoch": epoch + 1, "examples": len(self.triples), **self.moved(model)})

        options = {"epochs": EPOCHS, "batch_size": BATCH, "seed": self.seed, **FURTHER}
        prefer(student, self.triples, beta=beta, likelihood=likelihood, on_epoch=after, **options)
        return student, path

    def rejection(self, every: bool) -> tuple[Student, Path_]:
        """Learn right answers by likelihood: those of the triples, or all that were found; as many texts as DPO."""
        found = self.answers if every else [(prompt, preferred) for prompt, preferred, _ in self.triples]
        data = [pair for pair in dict.fromkeys(found) if sums.refuse(*pair) is None]
        student = copy.deepcopy(self.taught)
        epochs = max(1, round(2 * EPOCHS * len(self.triples) / len(data)))
        self.on(student, data, epochs)
        return student, [{"epoch": epochs, "examples": len(data), **self.moved(student)}]

    def on(self, student: Student, data: Pairs, epochs: int) -> None:
        """Train a student on by likelihood; a batch holds as many texts as one of triples does."""
        options = {"epochs": epochs, "batch_size": 2 * BATCH, "seed": self.seed, **FURTHER}
        student.fit(data, warm_start=True, **options)

    def self_play(self, beta: float) -> tuple[Student, Path_]:
        """Prefer gold to one's own answers, round after round."""
        student, path = copy.deepcopy(self.early), Path_()

        def after(place: int, model: Student) -> None:
            path.append({"epoch": place, "examples": SPIN_GOLD, **self.known(model, SPIN_GOLD)})

        recipe = {**FURTHER, "epochs": ROUND_EPOCHS, "batch_size": BATCH, "lr": ROUND_LR, "seed": self.seed}
        spin(student, self.gold[:SPIN_GOLD], rounds=ROUNDS, beta=beta, on_round=after, **recipe)
        return student, path

    def gold_on(self) -> tuple[Student, Path_]:
        """Learn the same gold on, as many texts as SPIN reads."""
        student, epochs = copy.deepcopy(self.early), 2 * ROUNDS * ROUND_EPOCHS
        self.on(student, self.gold[:SPIN_GOLD], epochs)
        return student, [{"epoch": epochs, "examples": SPIN_GOLD, **self.known(student, SPIN_GOLD)}]

    def runs(self) -> dict[str, Callable[[], tuple[Student, Path_]]]:
        """Return what trains each of them."""
        found: dict[str, Callable[[], tuple[Student, Path_]]] = {
            TAUGHT: lambda: (self.taught, [{"epoch": 0, "examples": GOLD, **self.moved(self.taught)}]),
            SAME: partial(self.rejection, False),
            "rejection: all right answers": partial(self.rejection, True),
        }
        found |= {name: partial(self.dpo, beta) for name, beta in zip(BY_BETA, BETAS, strict=True)}
        found |= {f"dpo: beta {beta:g}, with likelihood": partial(self.dpo, beta, 1.0) for beta in (0.1, 3.0)}
        about_early = {"epoch": 0, "examples": SPIN_GOLD}
        return found | {
            "spin: before": lambda: (self.early, [about_early | self.known(self.early, SPIN_GOLD)]),
            "spin: gold by likelihood": self.gold_on,
            "spin: beta 0.1": partial(self.self_play, 0.1),
            "spin: beta 1": partial(self.self_play, 1.0),
        }

    def measure(self, name: str) -> Path_:
        """Train a student, and return a row for each epoch."""
        student, path = self.runs()[name]()
        reference = self.early if name.startswith("spin") else self.taught
        path[-1] |= self.judged(student, reference)
        return [{"seed": self.seed, "run": name, **row} for row in path]


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; a run's are written when they are there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "sdg-lab-improve-preference"
    folder.mkdir(exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
        for old in folder.glob("*.safetensors"):
            old.unlink()
    for seed in SEEDS:
        world = World(seed, folder)
        there = {row["run"] for row in read() if row["seed"] == str(seed)}
        for name in world.runs():
            if name not in there:
                append(world.measure(name))
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(rows: Path_) -> None:
    """Write rows at the end of the file, all of a run at once."""
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writerows({name: f"{x:.5g}" if isinstance(x, float) else x for name, x in row.items()} for row in rows)
    print(rows[-1], flush=True)


def last(rows: Sequence[dict[str, str]], run: str, field: str, factor: float = 1.0) -> list[float]:
    """Return a figure of a run after its last epoch, one a seed."""
    return [factor * float(row[field]) for row in rows if row["run"] == run and row["right"] and row[field]]


def chosen(rows: Sequence[dict[str, str]], field: str, factor: float = 1.0) -> list[float]:
    """Return a figure of DPO with the β that is best on each seed's validation problems."""
    found = []
    for seed in dict.fromkeys(row["seed"] for row in rows):
        own = [row for row in rows if row["seed"] == seed and row["right"] and row["run"] in BY_BETA]
        found.append(factor * float(max(own, key=lambda row: float(row["validation"]))[field]))
    return found


def interval(values: Sequence[float], digits: int = 1) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t)."""
    middle, error = mean_and_error(np.array(values))
    return f"{middle:.{digits}f} ± {error * stats.t.ppf(0.975, len(values) - 1):.{digits}f}"


def run() -> list[Row]:
    rows = measured()
    before, same = (last(rows, name, "right", 100) for name in (TAUGHT, SAME))
    after = chosen(rows, "right", 100)
    return [
        Row(
            f"sums, held out: after a round of DPO, β chosen on validation problems; right {interval(after)} %",
            100 - mean(after),
            f"before it ({interval(before)} %); rejection fine-tuning on the same right answers {interval(same)} %",
            100 - mean(before),
            goal=1.0,
            unit=f"points wrong, mean of {len(after)} seeds",
        )
    ]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return all runs after their last epoch, means over seeds with 95 % intervals."""
    figures = (("right", 100.0, 1), ("pass_1", 100.0, 1), ("pass_8", 100.0, 1), ("different", 1.0, 2), ("kl", 1.0, 2))
    figures += (("chosen", 1.0, 2), ("rejected", 1.0, 2), ("won", 100.0, 0), ("gold", 1.0, 2))
    lines = []
    for name in dict.fromkeys(row["run"] for row in rows):
        found = {field: last(rows, name, field, factor) for field, factor, _ in figures}
        if len(found["right"]) > 1:
            said = (
                f"{field} {interval(found[field], digits)}" for field, _, digits in figures if len(found[field]) > 1
            )
            lines.append(f"{name:40} " + ", ".join(said))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measured()))
