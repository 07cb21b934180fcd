"""``sdg-lab distill``: carry out a recipe, and say what became of what was asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

BEGUN, WRONG = 1, 2
"""Exit status: the same command goes on, or begins again; the command must be another one."""


def _describe(name: str | None) -> None:
    if name is None:
        return
    from sdg_lab.distill import registry

    try:
        print(registry.described(name))
    except ValueError as error:
        _stop(str(error), WRONG)
    raise typer.Exit


def distill(
    recipe: Annotated[Path, typer.Argument(help="A YAML file: which recipe, its parameters, seed, shards, teacher.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the data set, its card and its journal.")],
    teacher: Annotated[
        str | None, typer.Option(help="[cyan]local[/], or the address of a server that speaks OpenAI's protocol.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at the server, or a GGUF file here.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the file's.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the shards.")] = 1,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler that has them made.")] = None,
    shard: Annotated[str | None, typer.Option(help="Make a share of the shards, such as [cyan]0/4[/].")] = None,
    budget_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="The most tokens, read and written; scores count, too. Shards share it."),
    ] = None,
    budget_requests: Annotated[int | None, typer.Option(min=1, help="The most requests, shared so, too.")] = None,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show a bar.")] = True,
    describe: Annotated[
        str | None,
        typer.Option(callback=_describe, is_eager=True, help="Print the parameters of a recipe and leave."),
    ] = None,
) -> None:
    """Have a teacher write a data set by a recipe.

    Started again with the same words it goes on where it was: after a kill, an outage, or a budget that was spent. A
    server's key is read from the environment variable OPENAI_API_KEY, or the one that the recipe names as key_variable.

    Exit status: 0 if there are data, also those that a spent budget cut short; 1 if it was begun and there are none:
    interrupted, an outage, nothing kept, or a budget spent before the first finished record; 2 if the command, the
    recipe or the folder cannot be used as it is.
    """
    from sdg_lab import shards
    from sdg_lab.distill import pipeline
    from sdg_lab.distill.budget import counted
    from sdg_lab.distill.plan import Plan
    from sdg_lab.distill.sharding import SHARDS, carry_out, spent
    from sdg_lab.shards.division import in_words
    from sdg_lab.shards.tasks import system_error

    instead: dict[str, Any] = {"seed": seed} if seed is not None else {}
    if said := _given(address=teacher, model=model):
        instead["teacher"] = said
    if said := _given(tokens=budget_tokens, requests=budget_requests):
        instead["budget"] = said
    try:
        share = None if shard is None else shards.parse_shard(shard)
        plan = Plan.read(recipe, **instead)
        made = carry_out(plan, out, workers=workers, dask=dask, only=share, progress=progress)
    except pipeline.EmptyError as error:
        print(_shown(str(error.funnel)))
        more = ". The same command with a larger budget goes on" if pipeline.SPENT in error.stopped else ""
        _stop(f"{error}{more}", BEGUN)
    except KeyboardInterrupt:
        _stop("stopped; what was answered is kept, and the same command goes on", BEGUN)
    except (RuntimeError, ConnectionError) as error:
        _stop(str(error), BEGUN)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and error.filename
        _stop(f"there is no file {missing}; see how it is spelt" if missing else system_error(error), WRONG)
    except (LookupError, ImportError, ValueError) as error:
        _stop(str(error), WRONG)
    if isinstance(made, shards.Status):
        place = out / SHARDS
        print(f"{made}. When all are there in {place}, the same command without --shard puts them together.")
        if stopped := spent(place):
            print(
                f"In {len(stopped)} of these ({in_words(stopped)}) {pipeline.SPENT}. The same command with a larger "
                "budget goes on with them."
            )
        return
    print(_shown(str(made.funnel)))
    for kind, count in sorted(made.failures.items()):
        print(_shown(f"the server failed {counted(count, 'time')}: {kind}"))
    print(_shown(f"{made.spent}"))
    if made.stopped:
        more = ". The same command with a larger budget goes on" if pipeline.SPENT in made.stopped else ""
        print(_shown(f"stopped: {made.stopped}{more}."))
    records = counted(sum(len(made.pool.of(kind)) for kind in made.result), "record")
    print(_shown(f"{records} in {out}; see {out / pipeline.CARD}"))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _shown(text: str) -> str:
    """Return text from elsewhere that a terminal shows and does not obey."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def _stop(sentence: str, status: int) -> NoReturn:
    print(_shown(f"✗ {sentence}"), file=sys.stderr)
    raise typer.Exit(status)
