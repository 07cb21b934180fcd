"""Work that outgrows one process or one machine, in parts: the same bytes, whoever does them, in whatever order.

What a run makes is cut into shards. A shard's seed depends on the run's seed and the shard's number alone, and each
part is written whole or not at all. Hence a run that was killed goes on where it was, and any number of processes, a
Dask cluster, or machines that know nothing of each other make the same parts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdg_lab import checks
from sdg_lab.shards.cluster import on_dask
from sdg_lab.shards.division import Share, in_words
from sdg_lab.shards.folder import Folder
from sdg_lab.shards.manifest import Manifest
from sdg_lab.shards.processes import here, in_processes
from sdg_lab.shards.seeds import seed_of
from sdg_lab.shards.tasks import Outcome, Task

_SAID = 5
"""Failures that an error names."""


@dataclass(frozen=True)
class Report:
    """What a call of :func:`run` did. Numbers of shards, in rising order.

    Attributes:
        folder: where the parts are.
        n_shards: of the whole run.
        made: by this call.
        kept: finished before it; skipped.
        repaired: of those made, the ones whose part was there and damaged.
        failed: why a shard could not be made, by its number.
        left: for other calls, by ``only``. Whether they are finished was not looked at.
    """

    folder: Path
    n_shards: int
    made: tuple[int, ...]
    kept: tuple[int, ...]
    repaired: tuple[int, ...]
    failed: dict[int, str]
    left: tuple[int, ...]

    def __str__(self) -> str:
        said = [f"{len(self.made)} of {self.n_shards} shards made"]
        said += [f"{len(self.kept)} were there"] if self.kept else []
        said += [f"{len(self.repaired)} of them anew ({in_words(self.repaired)}: damaged)"] if self.repaired else []
        said += [f"{len(self.failed)} failed ({in_words(sorted(self.failed))})"] if self.failed else []
        said += [f"{len(self.left)} left to others"] if self.left else []
        return ", ".join(said)


class ShardsFailed(RuntimeError):
    """Some shards could not be made; all others are. Its ``report`` says which."""

    report: Report


def run(
    task: Task,
    n_shards: int,
    folder: str | Path,
    *,
    description: Mapping[str, Any],
    seed: int,
    extension: str = "jsonl",
    workers: int = 1,
    dask: str | None = None,
    only: Share | Iterable[int] | None = None,
    progress: bool = True,
) -> Report:
    """Make the parts of a run that are not there yet, and write each into the folder when it is finished.

    Call it again, with the same arguments but for ``workers``, ``dask`` and ``only``, to go on after anything: a power
    cut, Ctrl-C, a full disk, a shard that failed. Two calls at once on the same folder do no harm; at worst a shard is
    done twice.

    Args:
        task: ``task(shard, seed) -> bytes``, which depend on these two numbers alone. With ``workers`` above 1 it is
            defined at the top level of a file that can be imported (``functools.partial`` of such a function is fine);
            a function of a notebook works with ``workers=1`` or ``dask``. A script that calls this with ``workers``
            above 1 does so below ``if __name__ == "__main__":``.
        n_shards: from 1 to 99,999. It belongs to the run: choose it by the work, so that a shard takes some minutes
            and its part fits into memory, and not by the number of workers.
        folder: made if need be; other files in it are left alone.
        description: what the run is, as JSON: everything that changes the bytes. A folder of another run is refused.
        seed: of the run.
        extension: of the parts' names.
        workers: how many processes; 1 is this one.
        dask: the address of a Dask scheduler, whose workers do it instead.
        only: which shards to make: a share of them, or their numbers; all if None.
        progress: whether to show a bar.

    Raises:
        ShardsFailed: if the task raised, or workers died over it, on some shards; the others are finished.
        ValueError: if an argument is none, the folder belongs to another run, or the task cannot be sent to workers.
        ConnectionError: if the Dask cluster cannot be reached, or is lost.
        OSError: if the folder cannot be written.
    """
    from tqdm.auto import tqdm

    manifest = Manifest(description, seed, n_shards, extension)
    chosen = _chosen(only, n_shards)
    checks.whole("workers", workers, least=1)
    checks.truth("progress", progress)
    if dask is not None and workers != 1:
        raise ValueError(f"workers must be 1 where dask does the work, got {workers}; start more workers of Dask's")
    place = Folder(folder, manifest)
    place.open(chosen)
    before = place.look(chosen)
    jobs = [(shard, seed_of(seed, shard)) for shard in chosen if shard not in before.finished]
    outcomes: Generator[Outcome]
    if dask is not None and jobs:
        outcomes = on_dask(task, jobs, dask)
    elif workers > 1:
        outcomes = in_processes(task, jobs, workers)
    else:
        outcomes = here(task, jobs)

    made, failed = list[int](), dict[int, Outcome]()
    bar = tqdm(total=len(chosen), initial=len(before.finished), disable=not progress, unit="shard", leave=False)
    try:
        with bar, closing(outcomes):
            for outcome in outcomes:
                if outcome.content is None:
                    failed[outcome.shard] = outcome
                    bar.set_postfix(failed=len(failed))
                else:
                    place.write(outcome.shard, outcome.content)
                    made.append(outcome.shard)
                bar.update()
    except BaseException as error:
        if made:
            error.add_note(f"{len(made)} shards were made and are kept in {folder}; the same call goes on from there")
        raise
    place.tidy(chosen)
    manifest.check(place.path)  # another run may have been started in the same empty folder at the same moment
    report = Report(
        folder=place.path,
        n_shards=n_shards,
        made=tuple(sorted(made)),
        kept=tuple(before.finished),
        repaired=tuple(shard for shard in before.damaged if shard in set(made)),
        failed={shard: failed[shard].error for shard in sorted(failed)},
        left=tuple(sorted(set(range(n_shards)) - set(chosen))),
    )
    if failed:
        raise _failure(report, failed)
    return report


def _chosen(only: Share | Iterable[int] | None, n_shards: int) -> list[int]:
    if only is None:
        return list(range(n_shards))
    if isinstance(only, Share):
        return list(only.of(n_shards))
    return sorted({checks.whole("only", shard, least=0, most=n_shards - 1) for shard in checks.several("only", only)})


def _failure(report: Report, failed: Mapping[int, Outcome]) -> ShardsFailed:
    said = [f"shard {shard}: {error}" for shard, error in list(report.failed.items())[:_SAID]]
    more = f"; and {len(failed) - _SAID} more" if len(failed) > _SAID else ""
    error = ShardsFailed(
        f"{len(failed)} of {report.n_shards} shards failed ({'; '.join(said)}{more}); the others are kept in "
        f"{report.folder}, and the same call makes only what is not there"
    )
    error.report = report
    if details := next((outcome.details for outcome in failed.values() if outcome.details), ""):
        error.add_note(f"The first of them:\n{details}")
    return error
