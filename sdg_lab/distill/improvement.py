"""Self-improvement: rounds in which a student writes, a recipe keeps what passes, and the next student learns from it.

A round is a run of the :mod:`~sdg_lab.distill.pipeline` with the present student as its teacher, and a training. From
which weights a round's training starts is what methods differ in: STaR and ReST-EM start each time from the base, so
that what was learnt from wrong solutions of an early round is forgotten with it; others go on from the last student::

    for round in improve(base, gold, lambda number: Star(questions, verify), learn, training=training, folder="rounds"):
        print(round.number, accuracy(round.student, test))
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from sdg_lab import checks
from sdg_lab.checks import one_of, truth, whole
from sdg_lab.distill import pipeline
from sdg_lab.distill.description import describe
from sdg_lab.distill.funnel import Funnel
from sdg_lab.distill.generations import named_folder
from sdg_lab.distill.journal import differences
from sdg_lab.distill.preference import check_student
from sdg_lab.distill.records import Pool
from sdg_lab.distill.student import Pairs, Student, StudentTeacher, check_pairs, fingerprint
from sdg_lab.files import read_tensors, replace_atomically, write_tensors

Start = Literal["base", "last", "new"]
STARTS: tuple[Start, ...] = get_args(Start)

RUN, TRAINING, STUDENT = "improvement.json", "training.safetensors", "student.safetensors"
"""Files of a folder, and of each round in it."""

OURS = ("data", "symbols", "warm_start", "checkpoint")
"""Options of a training that :func:`improve` itself decides."""

REMEDY = "Choose another folder, or remove this file, and the round is trained again"

UNCOMPARED = ("progress", "device", "compile", "on_epoch")
"""Options that make no other run of one, as for a checkpoint."""


@dataclass(frozen=True, eq=False)
class Round:
    """One round.

    Attributes:
        number: 0 is the base.
        student: trained in this round.
        pool: what the student of the round before wrote, as far as it was kept; empty in round 0.
        funnel: what fell where, and why; None in round 0.
        data: what the student was trained on in this round, the seed data first.
    """

    number: int
    student: Student = field(repr=False)
    pool: Pool = field(repr=False)
    funnel: Funnel | None = field(repr=False)
    data: Pairs = field(repr=False)

    def __repr__(self) -> str:
        return f"<Round {self.number}: {len(self.pool):,} records kept, trained on {len(self.data):,} pairs>"


def improve(
    base: Student,
    gold: Pairs,
    recipe: Callable[[int], pipeline.Recipe],
    learn: Callable[[Pool], Pairs],
    *,
    training: Callable[[int], Mapping[str, Any]],
    rounds: int = 3,
    start: Start = "base",
    accumulate: bool = False,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Iterator[Round]:
    """Yield round 0, which is the base, and ``rounds`` more, each when it is there.

    A round that keeps nothing is no error: its student learns the seed data again. With a folder each round keeps its
    journal, its training's checkpoint and its student there. Killed at any point and called again, the run goes on to
    the same records and the same weights, to the last bit; a larger ``rounds`` makes it longer. Each student's
    file says of which weights, data and options it was made, and is taken up by a round of the same ones alone.

    Args:
        base: fitted; it stays as it is, and its characters are those of all students.
        gold: seed data that each training holds too; may be empty.
        recipe: of a round's number, from 1; its teacher is the student of the round before.
        learn: makes pairs of what a round kept.
        training: of the number of pairs; returns options of :meth:`Student.fit <sdg_lab.distill.student.Student.fit>`,
            but for ``symbols``, ``warm_start`` and ``checkpoint``.
        rounds: how many.
        start: from which weights each round's training starts: "base", "last" (those of the round before) or "new".
        accumulate: whether the pairs of earlier rounds are learnt again.
        seed: of all that is random.
        folder: of this run and no other.
        progress: show bars.

    Raises:
        NotFittedError: if the base has not been fitted.
        TypeError: if the base is no student, ``recipe`` returns none, the seed data or what ``learn`` returns are no
            list of pairs, ``training`` returns no mapping, or the folder's name is of another kind.
        ValueError: if an argument is out of range, one of the functions cannot be called, ``training`` returns what is
            not its to decide, the base has adapters that a folder cannot keep, or the folder holds another run; the
            message names the differences.
        NotADirectoryError: if the folder's name is a file's.
    """
    check_student("base", base)
    base.require_fitted()
    for name, function, of in (
        ("recipe", recipe, "a round's number"),
        ("learn", learn, "the records that a round kept"),
        ("training", training, "the number of pairs"),
    ):
        if not callable(function):
            raise ValueError(f"{name} must be a function of {of}, got {function!r}")
    one_of("start", start, STARTS)
    rounds = whole("rounds", rounds, least=1)
    seed = whole("seed", seed, least=0, most=2**63 - 1)
    accumulate = truth("accumulate", accumulate)
    if not isinstance(gold, list) or gold:
        check_pairs(gold)
    if folder is not None:
        place = named_folder(folder)
        base.require_merged()
        about = {
            "base": fingerprint(base),
            "gold": _in_words(gold),
            "learn": describe(learn),
            "training": describe(training),
            "start": start,
            "accumulate": accumulate,
            "seed": seed,
        }
        _claim(place, about)
    return _rounds(base, gold, recipe, learn, training, rounds, start, accumulate, seed, folder, progress)


def _rounds(
    base: Student,
    gold: Pairs,
    recipe: Callable[[int], pipeline.Recipe],
    learn: Callable[[Pool], Pairs],
    training: Callable[[int], Mapping[str, Any]],
    rounds: int,
    start: Start,
    accumulate: bool,
    seed: int,
    folder: str | Path | None,
    progress: bool,
) -> Iterator[Round]:
    student, learnt = base, Pairs()
    yield Round(0, base, Pool(), None, gold)
    for number in range(1, rounds + 1):
        place = None if folder is None else Path(folder) / f"round-{number}"
        pool, funnel = _written(
            _recipe(recipe(number), number), student, number, place, pipeline.seed_of(seed, number), progress
        )
        new = _learnt(learn(pool), number)
        learnt = [*learnt, *new] if accumulate else new
        data = list(dict.fromkeys([*gold, *learnt]))
        if data:
            first = {"base": base, "last": student, "new": None}[start]
            options = {"seed": seed, "progress": progress, **_options(training(len(data)))}
            made_of = {
                "teacher": fingerprint(student),
                "weights": "new" if first is None else fingerprint(first),
                "data": _in_words(data),
                "options": _in_words(_used(options)),
            }
            student = _trained(first, base, data, place, options, made_of)
        yield Round(number, student, pool, funnel, data)


def _written(
    recipe: pipeline.Recipe, student: Student, number: int, place: Path | None, seed: int, progress: bool
) -> tuple[Pool, Funnel]:
    """Ask a student; return what was kept, which may be nothing, and what fell."""
    teacher = StudentTeacher(student, name=f"the student of round {number - 1}")
    try:
        made = pipeline.run(recipe, teacher, folder=place, seed=seed, progress=progress)
    except pipeline.EmptyError as error:
        return Pool(), error.funnel
    return made.pool, made.funnel


def _learnt(pairs: Any, number: int) -> Pairs:
    """Return what was made of a round's records, or refuse what is no list of pairs; there may be none."""
    if not isinstance(pairs, list) or pairs:
        try:
            check_pairs(pairs)
        except (TypeError, ValueError) as error:
            raise type(error)(f"learn, in round {number}: {error}") from None
    return cast(Pairs, pairs)


def _recipe(recipe: Any, number: int) -> pipeline.Recipe:
    """Return a round's recipe, or refuse what is none."""
    if isinstance(recipe, type) or not callable(getattr(recipe, "rounds", None)):
        raise TypeError(f"recipe, in round {number}: it must return a recipe, such as Star(...), got {recipe!r}")
    return cast(pipeline.Recipe, recipe)


def _options(options: Any) -> Mapping[str, Any]:
    """Return the options of a training, or refuse those that are not its to decide."""
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise TypeError(f"training must return a mapping of options of fit by their names, got {options!r}")
    if taken := [name for name in OURS if name in options]:
        raise ValueError(f"training must not return {', '.join(taken)}: improve decides that itself; leave it out")
    return options


def _trained(
    first: Student | None,
    base: Student,
    data: Pairs,
    place: Path | None,
    options: Mapping[str, Any],
    made_of: Mapping[str, Any],
) -> Student:
    """Train a round's student from the weights of another one, or from new ones; or read it, if it is there."""
    file, checkpoint = (None, None) if place is None else (place / STUDENT, place / TRAINING)
    if file is None or not file.exists():
        student = Student(**base.config()) if first is None else copy.deepcopy(first)
        known = "".join(base.alphabet.letters)
        student.fit(data, symbols=known, warm_start=True, checkpoint=checkpoint, **options)
        student.trained = {name: student.trained[name] for name in ("epochs", "steps")}  # seconds are never the same
        if file is None:
            return student
        write_tensors(file, student.state(), {**student.header(), "made of": made_of})
    else:
        _check_made_of(file, made_of)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Student.load(file)


def _check_made_of(file: Path, made_of: Mapping[str, Any]) -> None:
    """Refuse a student that was made of something else."""
    said = read_tensors(file)[1].get("made of")
    if not isinstance(said, dict):
        raise ValueError(f"{file} does not say what it was made of: no round wrote it. {REMEDY}")
    if found := "; ".join(differences(said, json.loads(json.dumps(made_of)))):
        raise ValueError(f"{file} was made of something else: {found}. {REMEDY}")


@dataclass(frozen=True)
class _Said:
    what: Any


def _in_words(what: Any) -> Any:
    """Return data or options as JSON can say them; of long data, their number and a checksum."""
    return describe(_Said(what))["what"]


def _used(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a student depends on; a schedule by its values, however it is written."""
    used = {name: value for name, value in options.items() if name not in UNCOMPARED}
    if callable(schedule := used.get("schedule")):
        values = [schedule(place / 1000) for place in range(1000)]
        used["schedule"] = [checks.number("the factor that schedule gives", value, least=0) for value in values]
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in used.items()}


def _claim(folder: Path, about: Mapping[str, Any]) -> None:
    """Write down whose folder this is, or refuse one that is another run's."""
    about, file = json.loads(json.dumps(about)), folder / RUN
    if not file.exists():
        if (folder / "round-1").exists():
            raise ValueError(f"{folder} holds rounds, and no {RUN} says of which run; choose another folder")
        with replace_atomically(file) as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        return
    try:
        there = None if file.is_dir() else json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        there = None
    if not isinstance(there, dict):
        raise ValueError(f"{file} is no run of rounds; choose another folder, or move it away")
    if there != about:
        said = "; ".join(differences(there, about))
        raise ValueError(f"{folder} holds another run: {said}. Choose another folder, or run what it describes")
