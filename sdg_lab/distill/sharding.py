"""A plan carried out: at once, or in shards by several processes, a Dask cluster, or machines that start a command.

Each shard is a run of its own, with a part of the recipe, a seed, a journal and a pool of its own; one that was killed
goes on where it was. When all are finished, their records are judged once more, in the order of the shards and before
one common pool: what two shards have made alike is kept once. So the data set depends on the number of shards, and
neither on who made them nor on when.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Iterator
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

SHARDS, WORK = "shards", "work"
"""Folders of finished shards, and of the journals of those under way."""

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
        workers: how many processes; a plan of one shard has one.
        dask: the address of a Dask scheduler.
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
        teacher = {name: plan.teacher.get(name) for name in ("model", "licence", "terms", "batch")}
        description = {"recipe": describe(recipe), "teacher": teacher}
        place = Path(folder) / SHARDS
        task = functools.partial(make_shard, plan, None if dask else str(Path(folder) / WORK), workers)
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
        result = together(recipe, list(shards.join(place)), run, Path(folder))
    result.save(against=against, n=plan.words)
    shutil.rmtree(Path(folder) / WORK, ignore_errors=True)
    return result


def make_shard(plan: Plan, work: str | None, workers: int, shard: int, seed: int) -> bytes:
    """Return the journal of one shard; one that was begun in the folder ``work`` goes on.

    Raises:
        RuntimeError: if its part of the budget is spent.
    """
    recipe = registry.make(plan.recipe, plan.parameters, plan.package)
    assert isinstance(recipe, Divisible)
    budget = Budget(**{name: max(1, most // plan.shards) for name, most in plan.budget.items()})
    with tempfile.TemporaryDirectory(prefix="sdg-lab-") as other:
        folder = Path(other if work is None else work) / f"{shard:05}"
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
            stopped = str(error)
        if SPENT in stopped:
            raise RuntimeError(f"a shard has its share of the budget, {budget}: {stopped}")
        return (folder / JOURNAL).read_bytes()


@functools.cache
def _teacher(said: str, workers: int) -> Teacher:
    """Return the teacher of this process, which makes many shards; processes share what may be sent a minute."""
    teacher = json.loads(said)
    for bound in ("requests_per_minute", "tokens_per_minute"):
        if bound in teacher:
            teacher[bound] = max(1, teacher[bound] // workers)
    return Plan.teacher_of(teacher)


def together(recipe: Recipe, parts: list[Path], run: dict[str, Any], folder: Path) -> Result:
    """Judge the records of all shards once more before one pool, and write the journal of the whole.

    Args:
        recipe: whose stages judge.
        parts: journals of the shards, in their order.
        run: the description of the whole.
        folder: for its journal.

    Raises:
        EmptyError: if nothing is kept.
    """
    stages = {kind: list(several) for kind, several in recipe.stages.items()}
    header = json.loads(parts[0].open(encoding="utf-8").readline())["run"]
    run = run | {"teacher": header["teacher"], "stages": header["stages"]}
    pool, account, funnel = Pool(), Account(Budget()), pipeline.new_funnel(stages)
    with Journal(folder / JOURNAL, run) as journal:
        for number, answered in enumerate(_judged(parts, pool, stages)):
            if answered.records[0].teacher:
                account.book(answered.tokens)
            for record in answered.records:
                funnel.add(record)
            if number >= journal.answered:  # what was written before is the same
                journal.write([Answered(number, answered.records, answered.tokens)])
    return pipeline.result(recipe, pool, funnel, account, "", run, folder)


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
