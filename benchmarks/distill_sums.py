"""What students of chapter 14 learn from an imperfect teacher of sums: held-out accuracy, of three seeds.

A teacher of 0.4 million parameters has seen 300 solutions. Its students have a fifth of its parameters and equally many
steps, and learn from the seed data alone, from what the teacher wrote (unfiltered, verified, in several amounts), or
from its distributions. The seed data are the solutions that the teacher has seen: 300, or 150 where they are scarce.
All figures are in ``notebooks/results/14-sums.csv``; ``python -m benchmarks.distill_sums`` measures those that are
missing there (delete the file for all of them), in about ten CPU minutes a seed.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from statistics import mean

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
from scipy import stats

from benchmarks.timing import Row
from sdg_lab.distill import pipeline
from sdg_lab.distill.recipes import logits, verified
from sdg_lab.distill.recipes.verified import Verified, fair, pairs, pass_at_k
from sdg_lab.distill.records import Record
from sdg_lab.distill.student import Pairs, Student, StudentTeacher
from sdg_lab.distill.world import sums
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.models.completion import Completion
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "14-sums.csv"
SEEDS = (0, 1, 2)

DIGITS, TEACHER_DATA, QUESTIONS, FEW, TEST = 3, 300, 1_500, 300, 500
SAMPLES, STEPS, BATCH, CONTEXT = 4, 320, 64, 48
FEWER = 150
TEACHER = {"d_model": 128, "n_layers": 2, "n_heads": 4, "context": CONTEXT}
STUDENT = {"d_model": 56, "n_layers": 2, "n_heads": 4, "context": CONTEXT}
FIELDS = ("seed", "student", "examples", "parameters", "cpu_seconds", "right", "wrong_chain", "wrong", "unreadable")
FIELDS += ("entropy", "missing")

CORE = 8
"""Students that are trained first, with all seeds; the others are there to compare with."""

COVERAGE = "coverage, samples: "
SCARCE = "scarce: "


def training(examples: int) -> dict[str, object]:
    """Return the recipe of all trainings: equally many steps, however many examples there are."""
    schedule = partial(warm_up_then_linear, warm_up=0.05)
    epochs = -(-STEPS // -(-examples // BATCH))
    return {"epochs": epochs, "batch_size": BATCH, "lr": 1e-2, "schedule": schedule, "progress": False}


class World:
    """One seed: its problems, its teacher, what the teacher wrote, and its students.

    Args:
        seed: of everything.
        folder: where the teacher is kept.
        solved: solutions by people that the teacher sees.
    """

    def __init__(self, seed: int, folder: Path, solved: int = TEACHER_DATA) -> None:
        self.seed, self.solved = seed, solved
        self.file = folder / f"teacher-{solved}-{seed}.safetensors"
        self.problems = sums.split(DIGITS, (TEACHER_DATA + QUESTIONS, 0, TEST), seed=seed)
        self.gold = sums.write(self.problems.train, seed=seed)
        self.questions = [problem.prompt for problem in self.problems.train[TEACHER_DATA:]]

    @cached_property
    def teacher(self) -> Student:
        """Train it, or read it."""
        if self.file.exists():
            return Student.load(self.file)
        teacher = self.fitted(self.gold[: self.solved], **TEACHER)
        teacher.save(self.file)
        return teacher

    def fitted(self, data: Pairs, **sizes: object) -> Student:
        """Train a student on texts."""
        return Student(**(sizes or STUDENT)).fit(data, symbols=sums.SYMBOLS, seed=self.seed, **training(len(data)))

    def distilled(self, data: Pairs, temperature: float, alpha: float) -> Student:
        """Train a student on the teacher's distributions along texts."""
        options = {"temperature": temperature, "alpha": alpha, "seed": self.seed, **training(len(data))}
        return logits.distil(Student(**STUDENT), self.teacher, data, **options)

    def asked(self, questions: Sequence[str], samples: int, verify: verified.Verify) -> pipeline.Result:
        """Ask the teacher, and keep what a program lets pass."""
        test = [problem.prompt for problem in self.problems.test]
        recipe = Verified(questions, verify, samples=samples, test=test, distinct=False)  # all of them are counted
        return pipeline.run(recipe, StudentTeacher(self.teacher), seed=self.seed, progress=False)

    @cached_property
    def verified(self) -> pipeline.Result:
        """All right solutions that the teacher found, copies too."""
        return self.asked(self.questions, SAMPLES, sums.refuse)

    @cached_property
    def written(self) -> Pairs:
        """One text of the teacher for each question, drawn as the verified ones are, right or wrong."""
        return pairs(self.asked(self.questions, 1, lambda question, text: None).pool.of("solution"))

    @cached_property
    def greedy(self) -> Pairs:
        """The likeliest text of the teacher for a few questions: its hard labels."""
        questions = self.questions[:FEW]
        return ended(questions, self.teacher.generate(questions))

    @cached_property
    def held_out(self) -> Pairs:
        """What the teacher writes for problems of the test, at temperature 1 and unfiltered."""
        prompts = [problem.prompt for problem in self.problems.test]
        return ended(prompts, self.teacher.generate(prompts, seeds=range(len(prompts)), temperature=1.0))

    def chosen(self, total: int) -> Pairs:
        """Choose verified solutions, equally many of each question as far as they go."""
        different: dict[tuple[str, str], Record] = {}
        for one in self.verified.pool.of("solution"):
            different.setdefault((one["question"], one["solution"]), one)
        return pairs(fair(different.values(), total, seed=self.seed))

    def students(self) -> dict[str, Callable[[], tuple[Student, int]]]:
        """Return what trains each of them, and with how many examples."""
        few = slice(FEW)

        def on(
            data: Callable[[], Pairs], learn: Callable[[Pairs], Student] = self.fitted
        ) -> Callable[[], tuple[Student, int]]:
            return lambda: (learn(data()), len(data()))

        soft = partial(self.distilled, temperature=1.0, alpha=1.0)
        tempered = partial(self.distilled, temperature=2.0, alpha=0.9)
        return {
            "teacher": lambda: (self.teacher, self.solved),
            "seed data": on(lambda: self.gold[: self.solved]),
            "verified": on(lambda: self.chosen(QUESTIONS)),
            "unverified": on(lambda: self.written),
            "distributions": on(lambda: self.written, tempered),
            "few: sampled text": on(lambda: self.written[few]),
            "few: hard labels": on(lambda: self.greedy),
            "few: distributions": on(lambda: self.written[few], soft),
            "gold": on(lambda: self.gold[TEACHER_DATA:]),
            "few: gold": on(lambda: self.gold[TEACHER_DATA:][few]),
            "few: verified": on(lambda: self.chosen(FEW)),
            "few: distributions, temperature 2": on(lambda: self.written[few], tempered),
            "all verified": on(lambda: self.chosen(QUESTIONS * SAMPLES)),
        }

    def measure(self, name: str, said: str = "") -> dict[str, object]:
        """Train a student, and judge it by problems new to it and its teacher; ``said`` begins the name of its row."""
        student, examples = self.students()[name]()
        texts = student.generate([problem.prompt for problem in self.problems.test])
        shares = sums.shares(self.problems.test, [one.text for one in texts]).values()
        nats = logits.carried(self.teacher, student, self.held_out)
        about = (self.seed, said + name, examples, student.n_parameters, student.trained["cpu_seconds"])
        return dict(zip(FIELDS, (*about, *shares, nats.entropy, nats.missing), strict=True))

    def sampled(self) -> Iterator[dict[str, object]]:
        """Yield the teacher's coverage, at temperature 1 and top-p 0.95, by the unbiased estimate."""
        pool = self.verified.pool
        right = np.array([len(pool.children(question, "solution")) for question in pool.of("problem")])
        for k in range(1, SAMPLES + 1):
            covered = float(pass_at_k(SAMPLES, right, k).mean())
            yield {"seed": self.seed, "student": f"{COVERAGE}{k}", "examples": k, "right": covered}

    def hints(self) -> Iterator[dict[str, object]]:
        """Yield how often a student that can read masked solutions is right at temperature 1, without and with them."""
        problems, few = self.problems.train, TEACHER_DATA
        reference = dict(sums.write(problems, seed=self.seed + 1_000))
        hinted = {p.prompt: sums.hinted(p, sums.masked(reference[p.prompt])) for p in problems}
        data = self.gold[:few] + [(hinted[prompt], solution) for prompt, solution in self.gold[:few]]
        student = self.fitted(data, **{**STUDENT, "context": 2 * CONTEXT})
        new = problems[few : few + TEST]
        for name, form in (("hints: plain", str), ("hints: masked", hinted.__getitem__)):
            texts = student.generate([form(p.prompt) for p in new], seeds=range(TEST), temperature=1.0, top_p=0.95)
            shares = sums.shares(new, [one.text for one in texts]).values()
            about = (self.seed, name, len(data), student.n_parameters, student.trained["cpu_seconds"])
            yield dict(zip(FIELDS, (*about, *shares), strict=False))


def ended(prompts: Sequence[str], texts: Sequence[Completion]) -> Pairs:
    """Return prompts and texts as pairs, without texts that are empty or never end."""
    return [(p, one.text) for p, one in zip(prompts, texts, strict=True) if one.text and one.reason == "end"]


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; each is written when it is there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.gettempdir()) / "sdg-lab-distill-sums"
    folder.mkdir(exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
        for old in folder.glob("teacher-*.safetensors"):
            old.unlink()
    worlds = {str(seed): World(seed, folder) for seed in SEEDS}
    names = list(worlds[str(SEEDS[0])].students())
    for some in (names[:CORE], names[CORE:]):  # what was promised comes first
        for seed, world in worlds.items():
            there = {row["student"] for row in read() if row["seed"] == seed}
            for name in some:
                if name not in there:
                    append([world.measure(name)])
            if f"{COVERAGE}{SAMPLES}" not in there:
                append(world.sampled())
    for seed in SEEDS:
        world = World(seed, folder, FEWER)
        there = {row["student"] for row in read() if row["seed"] == str(seed)}
        for name in ("teacher", "seed data", "unverified", "verified", "gold"):
            if SCARCE + name not in there:
                append([world.measure(name, SCARCE)])
    for seed, world in worlds.items():
        if "hints: masked" not in {row["student"] for row in read() if row["seed"] == seed}:
            append(world.hints())
    return read()


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(rows: Iterator[dict[str, object]] | list[dict[str, object]]) -> None:
    """Write rows at the end of the file."""
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        for row in rows:
            writer.writerow({name: f"{x:.5g}" if isinstance(x, float) else x for name, x in row.items()})
            print(row, flush=True)


def points(rows: Sequence[dict[str, str]], student: str) -> list[float]:
    """Return a student's accuracy on held-out problems, in per cent, one a seed."""
    return [100 * float(row["right"]) for row in rows if row["student"] == student]


def interval(values: Sequence[float]) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t)."""
    middle, error = mean_and_error(np.array(values))
    return f"{middle:.1f} ± {error * stats.t.ppf(0.975, len(values) - 1):.1f}"


def run() -> list[Row]:
    rows = measured()
    teacher, seed, good, student = (
        points(rows, name) for name in ("teacher", f"{SCARCE}seed data", f"{SCARCE}verified", "distributions")
    )
    seeds = f"points wrong, mean of {len(teacher)} seeds"
    return [
        Row(
            f"sums, held out: a fifth of the teacher's parameters, from its distributions; right {interval(student)} %",
            100 - mean(student),
            f"its teacher, and 5 points more wrong; right {interval(teacher)} %",
            100 - mean(teacher) + 5,
            goal=1.0,
            unit=seeds,
        ),
        Row(
            f"sums, held out: from verified synthetic solutions, and 20 points more wrong; right {interval(good)} %",
            100 - mean(good) + 20,
            f"from the {FEWER} solutions that its teacher saw; right {interval(seed)} %",
            100 - mean(seed),
            goal=1.0,
            unit=seeds,
        ),
    ]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return accuracy in per cent and missing nats of all students, means over seeds with 95 % intervals."""
    lines = []
    for name in dict.fromkeys(row["student"] for row in rows):
        own = [row for row in rows if row["student"] == name]
        if len(own) < 2:
            continue
        missing = [float(row["missing"]) for row in own if row["missing"]]
        said = f", missing {np.mean(missing):.4f} nats a token" if missing else ""
        lines.append(f"{name:36} {own[0]['examples']:>5} examples: right {interval(points(rows, name))} %{said}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measured()))
