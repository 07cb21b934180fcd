"""``sdg-lab judge``: a synthetic table beside the real one, whoever made it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Annotated

import typer

from sdg_lab.cli.tables import decimal_sign, read_typed, refuse_overwriting, refusing, say


def judge(
    real: Annotated[Path, typer.Argument(help="The real table that was learnt from.")],
    synthetic: Annotated[Path, typer.Argument(help="The synthetic table, of the same columns.")],
    holdout: Annotated[
        Path | None, typer.Option(help="Real rows that nothing has learnt from; without them privacy is not judged.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report, one HTML file.")] = None,
    types: Annotated[
        Path | None, typer.Option(help="What the columns hold, as [cyan]synth --types[/] wrote it.")
    ] = None,
    target: Annotated[str, typer.Option(help="The column that one usually predicts.")] = "",
    decimal: Annotated[str | None, typer.Option(help="The decimal sign of CSV files, where they do not say.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="How CSV files write their letters, such as cp1252; by default found out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same figures.")] = 0,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show a bar.")] = True,
) -> None:
    """Say whether a synthetic table is like the real one, and whether it gives away who is in that.

    Every figure stands beside what it is of real rows, of independent columns and of two kinds of copies. Keys and free
    text are left out.

    Exit status: 0 if it was judged, whatever the verdict; 2 if a table or an option cannot be used as it is.
    """
    from pandas.util import hash_pandas_object

    from sdg_lab.synth import Preparation
    from sdg_lab.synth import judge as judged_by

    with refusing():
        refuse_overwriting({"real": real, "synthetic": synthetic, "held out": holdout, "types": types}, report=report)
        if types is not None and not types.exists():
            raise FileNotFoundError(errno.ENOENT, "no types", str(types))
        if holdout is not None and any(os.path.realpath(holdout) == os.path.realpath(one) for one in (real, synthetic)):
            raise ValueError(f"--holdout {holdout} is one of the two tables; give rows that nothing has learnt from")
        sign = decimal_sign(decimal)
        sheet, found = read_typed(real, types, decimal=sign, encoding=encoding)
        others = {
            name: read_typed(path, types, decimal=sign, encoding=encoding, like=found)[0]
            for name, path in (("synthetic", synthetic), ("held out", holdout))
            if path is not None
        }
        preparation = Preparation.of(sheet.table, found)
        tables = {}
        for name, one in {"real": sheet, **others}.items():
            lacking = [column for column in preparation.columns if column not in one.table.columns]
            if lacking:
                raise ValueError(
                    f"the {name} table lacks {', '.join(map(repr, lacking))}, which {real} has; give one that has "
                    "them, or leave them out of all (use: drop in the file of --types)"
                )
            notes = list(one.notes)
            tables[name] = preparation.encode(one.table, notes=notes)
            for note in notes:
                say(f"note: {name}: {note}")
        judgement = judged_by(*tables.values(), target=target, seed=seed, progress=progress)
        for name, path in (("real", real), ("synthetic", synthetic), ("held out", holdout)):
            if path is not None:
                say(f"{name}: {len(tables[name]):,} rows of {path}")
        say(judgement.in_words())
        if holdout is None:  # what needs no rows held out to be seen, though not what of it is chance
            equal = hash_pandas_object(tables["synthetic"], index=False).isin(
                hash_pandas_object(tables["real"], index=False)
            )
            if equal.any():
                say(
                    f"note: {equal.sum():,} of {len(equal):,} synthetic rows equal a row of {real}; --holdout says how "
                    "many would by chance"
                )
        if report is not None:
            judgement.save(report)
            say(f"the report is {report}")
