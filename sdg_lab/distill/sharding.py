"""A plan carried out: at once, or in shards by several processes, a Dask cluster, or machines that start a command.

Each shard is a run of its own, with a part of the recipe, a seed, a journal and a pool of its own; one that was killed
goes on where it was. When all are finished, their records are judged once more, in the order of the shards and before
one common pool: what two shards have made alike is kept once. So the data set depends on the number of shards, and
neither on who made them nor on when.

A budget is divided equally among the shards beforehand, to the last request. A shard that has spent its part stops and
counts as made; the card says which have stopped. With a larger budget the same command goes on with these, asks nothing
twice, and ends in the bytes of a run that had the larger budget from the start. What a shard leaves of its part is not
spent: to whom it went would depend on who is ready first. (On a Dask cluster, what a worker that dies was told for a
shard not yet made dies with it, and is paid for again. A model in this process computes several rows together; of those
that a budget cut short, the last digits may differ, and with them, once in a long while, a word.)
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdg_lab import shards
from sdg_lab.distill import pipeline, registry
from sdg_lab.distill.budget import Account, Budget
from sdg_lab.distill.description import describe
from sdg_lab.distill.journal import Answered, Journal, read_answered
from sdg_lab.distill.pipeline import JOURNAL, SPENT, EmptyError, Recipe, Result
from sdg_lab.distill.plan import LOCAL, Divisible, Plan
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import Teacher
from sdg_lab.files import replace_atomically
from sdg_lab.shards.division import in_words

SHARDS, WORK = "shards", "work"
"""Folders of finished shards, and of the journals of those under way."""

RATES = ("requests_per_minute", "tokens_per_minute")
"""Bounds of a teacher that processes share."""

PARENT = "parent"
"""The stage of records that fall because what they were made from has fallen."""


def carry_out(
    plan: Plan,
    folder: str | Path,
    *,
    workers: int = 1,
    dask: str | None = None,
    only: shards.Share | None = None,
    progress: bool = True,
) -> Result | shards.Status:
    """Carry a plan out, or go on with it; return what was made, or how far the shards are if some are not there yet.

    Args:
        plan: what is to be made.
        folder: of the data set, its card and its journal.
        workers: how many processes; a plan of one shard has one. They share what the teacher may be sent a minute.
        dask: the address of a Dask scheduler. Each of its processes sends as much a minute as the teacher's bounds say.
        only: which shards are made here; all if None.
        progress: show a bar.

    Raises:
        ValueError: if workers, a cluster or a share is given for a plan of one shard, or the folder holds another run.
        EmptyError, SilentError, ShardsFailed: as of :func:`sdg_lab.distill.pipeline.run` and
            :func:`sdg_lab.shards.run`.
    """
    against = plan.test_texts()  # before hours are spent: the file may be missing
    recipe = registry.make(plan.recipe, plan.parameters, plan.package)
    if plan.shards == 1:
        if workers != 1 or dask is not None or only is not None:
            raise ValueError(
                "how the work is cut belongs to the recipe, so that any workers make the same data: "
                "write 'shards: 16', or another number, into its file"
            )
        budget = Budget(**plan.budget)
        result = pipeline.run(
            recipe, plan.make_teacher(), folder=folder, seed=plan.seed, budget=budget, progress=progress
        )
    else:
        pipeline.check_folder(folder)
        if plan.teacher.get("address", LOCAL) != LOCAL:
            pipeline.check_teacher(recipe, plan.make_teacher())  # what is wrong with it is said once, and here
            _check_rates(plan, workers)
        teacher = {name: plan.teacher.get(name) for name in ("model", "licence", "terms", "batch")}
        description = {"recipe": describe(recipe), "teacher": teacher}
        place, work = Path(folder) / SHARDS, Path(folder) / WORK
        if place.is_dir():
            _take_back(plan, shards.Manifest(description, plan.seed, plan.shards, "jsonl"), place, work, only)
        begun = {int(path.parent.name): path.read_bytes() for path in work.glob(f"[0-9]*/{JOURNAL}")} if dask else {}
        task = functools.partial(make_shard, plan, None if dask else str(work), begun, workers)
        shards.run(
            task,
            plan.shards,
            place,
            description=description,
            seed=plan.seed,
            workers=workers,
            dask=dask,
            only=only,
            progress=progress,
        )
        if len((now := shards.status(place)).finished) < plan.shards:
            return now
        run = description | {"seed": plan.seed, "shards": plan.shards}
        result = together(recipe, list(shards.join(place)), run, Path(folder), Budget(**plan.budget))
    result.save(against=against, n=plan.words)
    shutil.rmtree(Path(folder) / WORK, ignore_errors=True)
    return result


def spent(place: str | Path) -> list[int]:
    """Return which of the shards that are made in a folder have stopped because their part of the budget was spent."""
    return [shard for shard, path in shards.status(place).finished.items() if SPENT in _stopped(path)]


def _check_rates(plan: Plan, workers: int) -> None:
    for bound in RATES:
        if (most := plan.teacher.get(bound)) is not None and workers > most:
            raise ValueError(f"workers share the teacher's {bound}, {most}, so there can be no more, got {workers}")


def _take_back(plan: Plan, run: shards.Manifest, place: Path, work: Path, only: shards.Share | None) -> None:
    """Make a shard one that is under way again, where it had spent its part of the budget and has another part now."""
    try:
        run.check(place)
    except FileNotFoundError:  # parts without a manifest, or none
        return
    for shard, path in shards.status(place).finished.items():
        mine = only is None or shard in only.of(plan.shards)
        if mine and SPENT in _stopped(path) and _header(path)["budget"] != vars(plan.budget_of(shard)):
            with replace_atomically(work / f"{shard:05}" / JOURNAL) as temporary:
                temporary.write_bytes(_with_header(path.read_bytes()))
            for part in place.glob(f"{path.name.partition('.')[0]}.*"):  # it, and any that did not get so far
                part.unlink()


def _header(part: Path) -> dict[str, Any]:
    with part.open(encoding="utf-8") as handle:
        return dict(json.loads(handle.readline()))


def _stopped(part: Path) -> str:
    """Return why a shard ended before its recipe did; empty if it did not."""
    return str(_header(part).get("stopped", ""))


def _with_header(journal: bytes, **more: Any) -> bytes:
    """Return a journal with these entries in its first line, beside its format and its run, and no others."""
    first, _, records = journal.partition(b"\n")
    header = {name: value for name, value in json.loads(first).items() if name in ("format", "run")} | more
    return json.dumps(header, ensure_ascii=False).encode() + b"\n" + records


def make_shard(plan: Plan, work: str | None, begun: Mapping[int, bytes], workers: int, shard: int, seed: int) -> bytes:
    """Return the journal of one shard; its first line says why it was stopped, if it was.

    Args:
        plan: of the whole run.
        work: folder of the shards under way, in which this one goes on; None if this machine does not see it.
        begun: journals of shards that go on, where there is no such folder.
        workers: how many processes make shards here.
        shard: which one.
        seed: of the shard.
    """
    recipe, budget = registry.make(plan.recipe, plan.parameters, plan.package), plan.budget_of(shard)
    assert isinstance(recipe, Divisible)
    with tempfile.TemporaryDirectory(prefix="sdg-lab-") as other:
        folder = Path(other if work is None else work) / f"{shard:05}"
        if shard in begun:
            folder.mkdir()
            (folder / JOURNAL).write_bytes(begun[shard])
        try:
            stopped = pipeline.run(
                recipe.part(shard, plan.shards),
                _teacher(json.dumps(dict(plan.teacher)), workers),
                folder=folder,
                seed=seed,
                budget=budget,
                progress=False,
            ).stopped
        except EmptyError as error:  # the other shards may have kept something
            stopped = error.stopped
        journal = (folder / JOURNAL).read_bytes()
        if SPENT in stopped:
            return _with_header(journal, stopped=stopped, budget=vars(budget))
        return _with_header(journal, stopped=stopped) if stopped else journal


@functools.cache
def _teacher(said: str, workers: int) -> Teacher:
    """Return the teacher of this process, which makes many shards; processes share what may be sent a minute."""
    teacher = json.loads(said)
    for bound in RATES:
        if teacher.get(bound) is not None:
            teacher[bound] //= workers
    return Plan.teacher_of(teacher)


def together(recipe: Recipe, parts: list[Path], run: dict[str, Any], folder: Path, budget: Budget) -> Result:
    """Judge the records of all shards once more before one pool, and write the journal of the whole.

    Args:
        recipe: whose stages judge.
        parts: journals of the shards, in their order.
        run: the description of the whole.
        folder: for its journal, which is written anew.
        budget: of all shards together.

    Raises:
        EmptyError: if nothing is kept.
    """
    stages = {kind: list(several) for kind, several in recipe.stages.items()}
    header = _header(parts[0])["run"]
    run = run | {"teacher": header["teacher"], "stages": header["stages"]}
    pool, account, funnel = Pool(), Account(budget), pipeline.new_funnel(stages)
    with Journal(folder / JOURNAL, run) as journal:
        journal.restart()  # with a larger budget other records stand before those that stood there
        for number, answered in enumerate(_judged(parts, pool, stages)):
            if answered.records[0].teacher:
                account.book(answered.tokens)
            for record in answered.records:
                funnel.add(record)
            journal.write([Answered(number, answered.records, answered.tokens)])
    return pipeline.result(recipe, pool, funnel, account, _why_stopped(parts, account), run, folder)


def _why_stopped(parts: list[Path], account: Account) -> str:
    """Say which shards ended before their recipe did, and why; nothing if none did."""
    shards_of: dict[str, list[int]] = {}
    for shard, why in enumerate(map(_stopped, parts)):
        shards_of.setdefault(SPENT if SPENT in why else why, []).append(shard)
    where = {why: f"{len(those)} of {len(parts)} shards ({in_words(those)})" for why, those in shards_of.items() if why}
    said = [f"{why} in {those}" for why, those in where.items() if why != SPENT]
    if SPENT in where:
        first = shards_of[SPENT][0]
        left = _stopped(parts[first]).removeprefix(SPENT).partition("; spent:")[0].removeprefix(": ")
        said.append(
            f"{SPENT} in {where[SPENT]}, each of which has an equal part of it"
            f"{f' (in shard {first}, {left})' if left else ''}; spent: {account}"
        )
    return "; ".join(said)


def _judged(parts: list[Path], pool: Pool, stages: pipeline.Stages) -> Iterator[Answered]:
    """Yield what came of each request, as it stands before the common pool."""
    given: set[str] = set()
    fallen: set[str] = set()
    for part in parts:
        for answered in read_answered(part):
            records: list[Record] = []
            for record in answered.records:
                if not record.teacher:
                    if record.id in given:  # every shard begins with it
                        continue
                    given.add(record.id)
                if record.kept and not fallen.isdisjoint(record.parents):
                    record = record.refused(PARENT, "what it was made from has fallen")
                record = pipeline.judged(record, pool, stages)
                if not record.kept and not pool.has(record.id):
                    fallen.add(record.id)
                records.append(record)
            if records:
                yield Answered(answered.request, records, answered.tokens)
