"""A table of one's own in, a synthetic one of the same shape out: everything between is here in order.

::

    from sdg_lab.synth import Synthesizer

    synthesizer = Synthesizer().fit(people)   # pandas, polars or Arrow
    new = synthesizer.sample(10_000)          # the same kind of frame, the same columns and dtypes
    synthesizer.report().save("report.html")
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab import shards
from sdg_lab.checks import number, one_of, seed_or_none, whole
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.contract import NotFittedError
from sdg_lab.shards.seeds import seed_of
from sdg_lab.synth.choice import Choice, choose
from sdg_lab.synth.families import FAMILIES, TableModel, model_of, restored
from sdg_lab.synth.guard import Guard, learnt_by
from sdg_lab.synth.kinds import FEW, Types, find_types
from sdg_lab.synth.preparation import Preparation
from sdg_lab.synth.sheets import ArrowLayout, Layout, frame_of

if TYPE_CHECKING:
    import pandas as pd

    from sdg_lab.synth.judgement import Judgement

AUTO = "auto"

BLOCK = 50_000
"""Rows are drawn so many at a time, each block with a seed of its own: the memory does not grow with their number."""

MEASURED = 20_000
"""Rows that are drawn to see how often the model repeats training rows."""

FEWEST = 1_000
"""Fewer rows say little: the report then judges as many as were learnt from."""

TRIES = 200
"""Draws to fill a block of rows that may be handed out."""


@dataclass(frozen=True)
class Rows:
    """Which rows were learnt from, and which were held out.

    Attributes:
        train: their places, rising.
        held_out: the others.
    """

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


class Synthesizer:
    """Makes a synthetic table of a real one.

    A part of the rows is held out before anything is learnt: no model sees it and none is chosen by it, so that the
    report can set synthetic rows beside real ones that are new to the model. (What a column holds, and which keys are
    taken, is found in all rows.) What was learnt is the model of the other rows.

    A saved synthesizer holds the model, which knows values of the table, and hashes of its rare rows: share the table
    that it makes, not the file.

    Args:
        model: ``"auto"`` compares families on rows to learn from (:mod:`sdg_lab.synth.choice`); or the name of one:
            ``"trees"``, ``"boosted"``, ``"bayesnet"``, ``"copula"``.
        min_count: a category of fewer rows becomes "other", and numbers beyond the so many largest and smallest are
            brought to those; 1 leaves all as it is.
        held_out: the share of rows that is held out.
        group: a column; rows of one value there (visits of one patient) are held out together, or not at all.
        **options: of the family that is named.

    Raises:
        ImportError: if the family needs a package that is not installed.
        ValueError: if there is no such family, or an argument is out of range.
    """

    def __init__(
        self,
        model: str = AUTO,
        *,
        min_count: int = 1,
        held_out: float = 0.2,
        group: str = "",
        **options: Any,
    ) -> None:
        self.model_name = one_of("model", model, (AUTO, *FAMILIES))
        self.min_count = whole("min_count", min_count, least=1)
        self.held_out = number("held_out", held_out, least=0.05, most=0.5)
        self.group = group
        if model == AUTO and options:
            raise ValueError(f"options belong to a family: name one of {', '.join(FAMILIES)}, got {sorted(options)}")
        self.options = options
        if model != AUTO:
            model_of(model, options)
        self._fitted: _Fitted | None = None
        self._real: tuple[pd.DataFrame, pd.DataFrame] | None = None
        self._back: Callable[[pd.DataFrame], Any] = lambda table: table

    def __repr__(self) -> str:
        if self._fitted is None:
            return f"<Synthesizer: {self.model_name}, not fitted>"
        return f"<Synthesizer: {self._fitted.choice.family}, {self._fitted.n_rows:,} rows, {self.types!r}>"

    def fit(
        self,
        data: Any,
        *,
        types: Types | None = None,
        choice: Choice | None = None,
        rows: int | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> Self:
        """Learn a table.

        Args:
            data: a pandas or polars frame, or an Arrow table.
            types: what the columns hold, if it shall not be found; :func:`~sdg_lab.synth.kinds.find_types` begins one.
            choice: of an earlier call, in place of a new comparison.
            rows: how many are to be made: new keys are given room for so many. By default as many as there are.
            seed: of which rows are held out, of the comparison, and of the model.
            progress: show bars, with the column in work.

        Raises:
            TypeError: if it is no table.
            ValueError: if nothing can be learnt from it; the sentence names the column and what to do.
        """
        seed = whole("seed", seed, least=0, most=2**31 - 1)
        table, back = frame_of(data)
        types = find_types(table).with_group(self.group) if types is None else types
        parts = self.rows_of(table, seed=seed)
        train, held_out = (table.iloc[part].reset_index(drop=True) for part in (parts.train, parts.held_out))
        wanted = len(table) if rows is None else whole("rows", rows, least=1)
        preparation = Preparation.of(train, types, min_count=self.min_count, every=table, rows=max(wanted, len(table)))
        real = preparation.encode(train)
        if choice is None and self.model_name == AUTO:
            choice = choose(real, seed=seed, progress=progress)
        elif choice is None:
            choice = Choice(self.model_name, self.options, "it was asked for")
        model = learnt_by(choice.family, choice.options, real, seed=seed, progress=progress)
        drawn = model.sample(min(len(real), MEASURED), seed=seed)
        guard = Guard.of(real, drawn)
        if guard.passes(drawn, np.random.default_rng(seed)).mean() < 1 / TRIES:
            raise ValueError(
                f"nearly every row that {choice.family} draws is a row of the table that few people have, and is kept "
                "back; choose another model, or a larger min_count"
            )
        self._fitted = _Fitted(preparation, model, guard, choice, len(table), seed)
        self._real, self._back = (real, preparation.encode(held_out)), back
        return self

    def rows_of(self, table: pd.DataFrame, *, seed: int) -> Rows:
        """Return which rows of a table are learnt from; the same table and seed always give the same ones.

        Raises:
            ValueError: if there are too few rows or groups, or the group is no column.
        """
        import pandas as pd

        if self.group and self.group not in table.columns:
            raise ValueError(f"group must name a column, got {self.group!r}; there are {list(table.columns)}")
        groups = pd.factorize(table[self.group])[0] if self.group else np.arange(len(table))
        of_rows = np.where(groups < 0, groups.max(initial=0) + 1 + np.arange(len(table)), groups)
        names = np.unique(of_rows)
        held = max(round(self.held_out * len(names)), 1)
        for count, least, what in ((len(table), FEW, "rows"), (len(names), 3, f"groups of {self.group!r}")):
            if count < least:
                raise ValueError(
                    f"a table needs at least {least} {what} to learn from some and judge by others, got {count}"
                )
        chosen = np.random.default_rng(seed).permutation(names)[:held]
        is_held = np.isin(of_rows, chosen)
        return Rows(np.flatnonzero(~is_held), np.flatnonzero(is_held))

    @property
    def types(self) -> Types:
        """What the columns hold."""
        return self._require().preparation.types

    @property
    def choice(self) -> Choice:
        """Which family was chosen, and why."""
        return self._require().choice

    @property
    def notes(self) -> tuple[str, ...]:
        """What was coarsened or is not as it was, a sentence each."""
        return self._require().preparation.notes

    @property
    def n_rows(self) -> int:
        """How many rows the real table has."""
        return self._require().n_rows

    def sample(self, n: int | None = None, *, seed: int | None = None) -> Any:
        """Draw rows, in the kind of frame that was learnt.

        Args:
            n: how many; by default as many as the real table has.
            seed: without one they are different each time.

        Raises:
            NotFittedError: before ``fit``.
            ValueError: if n is below 1.
        """
        n, seed = self._count(n), _seed(seed)
        return self._back(_stacked([self.block(number, n, seed=seed) for number in range(_blocks(n))]))

    def block(self, number: int, n: int, *, seed: int) -> pd.DataFrame:
        """Draw one block of ``n`` rows in all; who draws it, and in which order, plays no part."""
        return _drawn(self._require(), number, n, seed)

    def sample_to(
        self,
        path: str | Path,
        n: int | None = None,
        *,
        seed: int | None = None,
        layout: Layout | None = None,
        folder: str | Path | None = None,
        workers: int = 1,
        dask: str | None = None,
        progress: bool = True,
    ) -> Path:
        """Draw rows into a file, a block at a time: the memory does not grow with their number.

        Args:
            path: the file; .csv, .parquet and the like.
            n: how many; by default as many as the real table has.
            seed: without one they are different each time.
            layout: how it is written; by default as the ending of its name asks for.
            folder: where blocks are kept until all are there: a call that was killed goes on with the same arguments.
                By default nothing is kept.
            workers: how many processes draw; the bytes are the same for any number. More than one needs a folder.
            dask: the address of a Dask scheduler whose workers draw instead; it needs a folder, too.
            progress: show a bar.

        Raises:
            NotFittedError: before ``fit``.
            OSError: if something cannot be written.
            ValueError: if n is below 1, the ending is not known, or the folder belongs to another run.
        """
        n, seed, path = self._count(n), _seed(seed), Path(path)
        layout = (ArrowLayout() if layout is None else layout).for_path(path)
        with layout.writer(path) as writer:
            for block in self._blocks(n, seed, folder, workers=workers, dask=dask, progress=progress):
                writer.add(block)
        return path

    def _blocks(
        self, n: int, seed: int, folder: str | Path | None, *, workers: int, dask: str | None, progress: bool
    ) -> Iterator[pd.DataFrame]:
        """Yield the blocks in order; with a folder, once all of them are there."""
        from tqdm.auto import tqdm

        numbers = range(_blocks(n))
        if folder is None:
            if workers != 1 or dask is not None:
                raise ValueError("workers and dask put blocks into a folder: give one, such as folder='blocks'")
            bar = tqdm(numbers, unit_scale=BLOCK, unit="row", leave=False, disable=not progress or len(numbers) == 1)
            yield from (self.block(number, n, seed=seed) for number in bar)
            return

        choice = self._require().choice
        task = functools.partial(_part, self._require(), n, seed)
        description = {"rows": n, "family": choice.family, "options": dict(choice.options)}
        shards.run(
            task,
            len(numbers),
            folder,
            description=description,
            seed=seed,
            extension="arrow",
            workers=workers,
            dask=dask,
            progress=progress,
        )
        parts = shards.status(folder).finished
        yield from (_from_bytes(parts[number].read_bytes()) for number in numbers)

    def report(
        self, data: Any = None, *, rows: int | None = None, target: str = "", seed: int = 0, progress: bool = True
    ) -> Judgement:
        """Judge synthetic rows beside the rows that were held out, and beside references.

        Args:
            data: the real table, which a loaded synthesizer does not have any more.
            rows: how many the call of :meth:`sample` that is to be judged drew, with this seed; the first of them are
                judged, at most as many as were learnt from. By default, or if they are fewer than 1,000 and fewer than
                were learnt from, as many others are drawn and judged as were learnt from.
            target: the column that one usually predicts; by default one is found.
            seed: of the draw and of the judges.
            progress: show a bar.

        Raises:
            NotFittedError: before ``fit``; or after ``load`` without data.
            ValueError: if the data are not those that were learnt, or the target is no column that was.
        """
        from sdg_lab.synth.judgement import judge

        fitted = self._require()
        if data is not None:
            self._real = self._parts(frame_of(data)[0])
        if self._real is None:
            raise NotFittedError("a loaded synthesizer has no real rows to judge by: call report(data) with the table")
        real, held_out = self._real
        n = len(real) if rows is None or rows < min(FEWEST, len(real)) else whole("rows", rows, least=1)
        blocks = range(min(_blocks(n), _blocks(len(real))))
        made = _stacked([self.block(number, n, seed=seed) for number in blocks]).iloc[: len(real)]
        return judge(
            real,
            fitted.preparation.encode(made),
            held_out,
            target=target,
            seed=seed,
            model=fitted.model,
            progress=progress,
        )

    def _parts(self, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the encoded rows that were learnt from, and those that were held out."""
        fitted = self._require()
        if len(table) != fitted.n_rows:
            raise ValueError(f"data must be the table that was learnt, of {fitted.n_rows:,} rows; got {len(table):,}")
        rows = self.rows_of(table, seed=fitted.seed)
        train, held_out = (table.iloc[part].reset_index(drop=True) for part in (rows.train, rows.held_out))
        return fitted.preparation.encode(train), fitted.preparation.encode(held_out)

    def save(self, path: str | Path) -> None:
        """Write the fitted synthesizer to one safetensors file, atomically; it is as confidential as the table."""
        fitted = self._require()
        arrays = {f"model.{name}": array for name, array in fitted.model.state().items()}
        arrays |= {f"guard.{name}": array for name, array in fitted.guard.arrays().items()}
        about = {
            "synthesizer": {
                "model": self.model_name,
                "options": self.options,
                "min_count": self.min_count,
                "held_out": self.held_out,
                "group": self.group,
            },
            "choice": fitted.choice.config(),
            "preparation": fitted.preparation.config(),
            "family": fitted.model.header(),
            "rows": fitted.n_rows,
            "seed": fitted.seed,
        }
        write_tensors(path, arrays, about)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: if nothing is there.
            ValueError: if the file is damaged, or holds something else.
        """
        arrays, about = read_tensors(path, framework="numpy")
        if "synthesizer" not in about:
            raise ValueError(f"{path} holds no synthesizer, but a {about.get('model')}; load it as what it is")
        try:
            settings = dict(about["synthesizer"])
            made = cls(settings.pop("model"), **settings.pop("options"), **settings)
            choice = Choice.from_config(about["choice"])
            model = restored(choice.family, about["family"], _with_prefix(arrays, "model."))
            guard = Guard.restored(_with_prefix(arrays, "guard."))
            preparation = Preparation.from_config(about["preparation"])
            made._fitted = _Fitted(preparation, model, guard, choice, int(about["rows"]), int(about["seed"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged, or was written by another version: {error}") from error
        return made

    def _require(self) -> _Fitted:
        if self._fitted is None:
            raise NotFittedError("this Synthesizer has not been fitted: call fit(data) or load(path) first")
        return self._fitted

    def _count(self, n: int | None) -> int:
        return self._require().n_rows if n is None else whole("n, the number of rows,", n, least=1)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What a fit learnt."""

    preparation: Preparation
    model: TableModel
    guard: Guard
    choice: Choice
    n_rows: int
    seed: int


def _drawn(fitted: _Fitted, number: int, n: int, seed: int) -> pd.DataFrame:
    """Draw one block, of which the guard keeps back what it must; others take the place of those."""
    first = number * BLOCK
    wanted = min(BLOCK, n - first)
    streams = np.random.SeedSequence(seed_of(seed, number)).spawn(TRIES + 1)
    kept: list[pd.DataFrame] = []
    there = 0
    for stream in streams[1:]:
        rng = np.random.default_rng(stream)
        drawn = fitted.model.sample(max(wanted - there, 64), seed=int(rng.integers(2**32)))
        drawn = drawn[fitted.guard.passes(drawn, rng)].iloc[: wanted - there]
        kept.append(drawn)
        there += len(drawn)
        if there == wanted:
            break
    else:
        raise RuntimeError(
            f"the {fitted.choice.family} drew hardly any row that is not in the table ({there:,} of {wanted:,}); "
            "choose another model, or a larger min_count"
        )
    return fitted.preparation.decode(_stacked(kept), seed=seed, first=first)


def _part(fitted: _Fitted, n: int, seed: int, number: int, _: int) -> bytes:
    """Return a block as bytes: the task of a shard, whose own seed plays no part, since a block's number says all."""
    return _to_bytes(_drawn(fitted, number, n, seed))


def _blocks(n: int) -> int:
    return -(-n // BLOCK)


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of the same columns as one, its rows numbered anew."""
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)


def _seed(seed: int | None) -> int:
    seed = seed_or_none(seed)
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed


def _with_prefix(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _to_bytes(table: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    table.to_feather(sink, compression="zstd")
    return sink.getvalue()


def _from_bytes(content: bytes) -> pd.DataFrame:
    import pandas as pd

    return pd.read_feather(io.BytesIO(content))
