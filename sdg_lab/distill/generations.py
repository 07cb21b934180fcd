"""A model is trained on what the model before it wrote, over generations, and the tails of the data go: model collapse.

Generation 0 is trained on n real rows; each model draws n rows, from which the next one learns. What is done with the
real data decides (the **regime**):

- ``"replace"``: the samples of the last generation alone. The tails are lost, and in the end all variance (Shumailov et
  al. 2024, *AI models collapse when trained on recursively generated data*).
- ``"accumulate"``: the real data and the samples of all generations so far, so that the training set grows and the loss
  is bounded (Gerstgrasser et al. 2024, *Is Model Collapse Inevitable?*).
- ``"mix"``: n rows as before, a share of which is real (Alemohammad et al. 2023, *Self-Consuming Generative Models Go
  MAD*, call it a synthetic augmentation loop).

Which rows are real makes a difference: the same few in all generations are ``"kept"``; from the whole real data set
others are ``"redrawn"`` each time, as Shumailov et al. do; or they come ``"fresh"`` from the world, which nobody has
seen before. For whole items drawn by their frequencies all of this has closed forms: :mod:`sdg_lab.distill.drift`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, get_args

import numpy as np

from sdg_lab.checks import number, one_of, whole
from sdg_lab.data.types import Images
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.metrics.rows import Rows, as_list, as_points, is_continuous, is_table, keys, subsample
from sdg_lab.shards.seeds import seed_of

Regime = Literal["replace", "accumulate", "mix"]
REGIMES: tuple[Regime, ...] = get_args(Regime)

Real = Literal["redrawn", "kept", "fresh"]
REAL_ROWS: tuple[Real, ...] = get_args(Real)

R = TypeVar("R", bound="Rows")

FIT, SAMPLE, SYNTHETIC, REAL = range(4)
"""What is random in a generation; each has a seed of its own, which is the same in all regimes."""


class Model(Protocol[R]):
    """What can collapse: any model of the course, and any class of a reader's own with these two methods."""

    def fit(self, data: R, *, seed: int) -> Any:
        """Learn from scratch."""

    def sample(self, n: int, *, seed: int) -> R:
        """Draw n rows of the data's own type."""


@dataclass(frozen=True, eq=False)
class Generation(Generic[R]):
    """One generation.

    Attributes:
        number: 0 is the one that is trained on real data alone.
        data: what its model was trained on, real rows first.
        real: how many of these rows are real.
        samples: n rows that its model drew.
    """

    number: int
    data: R
    real: int
    samples: R
    _train: Callable[[], Model[R]] = field(repr=False)

    @cached_property
    def model(self) -> Model[R]:
        """The fitted model, of the type that was given; where only its samples were read from a file, it is trained."""
        return self._train()

    def __repr__(self) -> str:
        trained = f"trained on {len(self.data):,} rows, {self.real:,} of them real"
        return f"<Generation {self.number}: {trained}; {len(self.samples):,} samples>"


def generations(
    model: Model[R],
    data: R,
    count: int,
    *,
    regime: Regime = "replace",
    share: float = 0.0,
    real: Real = "redrawn",
    source: Callable[[int, int], R] | None = None,
    fitting: Mapping[str, Any] | None = None,
    sampling: Mapping[str, Any] | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
) -> Iterator[Generation[R]]:
    """Yield generation 0 and ``count`` more, each when it is there.

    With one seed all regimes have the same generation 0. With a folder the samples of each generation are written
    there, atomically; killed at any point and called again, the run goes on from the last whole generation to the same
    samples, and a larger ``count`` makes it longer.

    Args:
        model: is copied, and the copies are fitted; it stays as it is.
        data: n real rows: an array (n, ...), Images, a list of strings or of tuples of tokens, or a table.
        count: generations after the first.
        regime: what the next generation is trained on.
        share: of real rows in each training set; for "mix".
        real: which rows these are.
        source: ``source(n, seed)`` draws n rows from the world; for "fresh".
        fitting: further options of ``model.fit``, such as ``{"epochs": 5, "progress": False}``.
        sampling: further options of ``model.sample``, such as ``{"temperature": 0.8}``.
        seed: the same seed gives the same samples.
        folder: of this run and no other.

    Raises:
        TypeError: if the data is no set of rows, or the model draws rows of another type.
        ValueError: if an argument is out of range or does not go with another, the model draws another number of rows,
            or the folder holds a damaged file or another run.
    """
    whole("count", count, least=0), whole("seed", seed, least=0, most=2**63 - 1)
    known = keys(data, "data")  # refuses what is no set of rows
    real_rows(len(data), regime, share, real)
    if (real == "fresh") != (source is not None):
        remedy = "leave it out" if source else "give one"
        raise ValueError(f"source(n, seed) draws the rows of real='fresh'; with real={real!r} {remedy}")
    run = _Run(model, data, regime, share, real, source, dict(fitting or {}), dict(sampling or {}), seed)
    return run.generations(count, None if folder is None else _Shelf(Path(folder), run.settings(known)))


def real_rows(n: int, regime: Regime, share: float, real: Real = "redrawn") -> int:
    """Return how many rows of a mixed training set of n are real.

    Raises:
        ValueError: if the share is not in [0, 1] or rounds to no row at all, or the regime has none of these options.
    """
    one_of("regime", regime, REGIMES), one_of("real", real, REAL_ROWS)
    m = round(number("share", share, least=0, most=1) * n)
    if regime != "mix" and (share or real != "redrawn"):
        raise ValueError(f"share={share:g} of real={real!r} rows is for the regime 'mix'; {regime!r} has neither")
    if share and not m:
        raise ValueError(f"share must be 0 or at least one row: {share:g} of {n} rows is none")
    return m


@dataclass(frozen=True)
class _Run(Generic[R]):
    model: Model[R]
    real_data: R
    regime: Regime
    share: float
    real: Real
    source: Callable[[int, int], R] | None
    fitting: dict[str, Any]
    sampling: dict[str, Any]
    seed: int

    def generations(self, count: int, shelf: _Shelf | None) -> Iterator[Generation[R]]:
        past: list[R] = []  # samples of all generations so far
        for index in range(count + 1):
            data, real = self.training_set(index, past)

            def train(index: int = index, data: R = data) -> Model[R]:
                fitted = deepcopy(self.model)
                fitted.fit(data, seed=self.seed_of(index, FIT), **self.fitting)
                return fitted

            samples = None if shelf is None else shelf.read(index)
            if samples is None:
                generation = self.drawn(index, data, real, train())
                if shelf is not None:
                    shelf.write(index, generation.samples)
            else:
                generation = Generation(index, data, real, samples, train)
            past = [*past, generation.samples] if self.regime == "accumulate" else [generation.samples]
            yield generation

    def training_set(self, index: int, past: Sequence[R]) -> tuple[R, int]:
        """Return what a generation is trained on, and how many of its rows are real."""
        n = len(self.real_data)
        if not past:
            return self.real_data, n
        if self.regime == "accumulate":
            return joined([self.real_data, *past]), n
        m = real_rows(n, self.regime, self.share)
        parts = [self.real_part(index, m)] if m else []
        if m < n:  # chosen at random, as some models draw their rows in an order
            parts.append(subsample(past[-1], n - m, seed=self.seed_of(index, SYNTHETIC)) if m else past[-1])
        return joined(parts), m

    def real_part(self, index: int, m: int) -> R:
        if self.source is not None:
            fresh = self.source(m, self.seed_of(index, REAL))
            if len(fresh) != m:
                raise ValueError(f"source must draw as many rows as it is asked for, {m}, got {len(fresh)}")
            return fresh
        return subsample(self.real_data, m, seed=self.seed_of(0 if self.real == "kept" else index, REAL))

    def drawn(self, index: int, data: R, real: int, fitted: Model[R]) -> Generation[R]:
        n = len(self.real_data)
        samples = fitted.sample(n, seed=self.seed_of(index, SAMPLE), **self.sampling)
        if len(samples) != n:
            raise ValueError(f"the model must draw as many rows as it is asked for, {n}, got {len(samples)}")
        if is_continuous(samples):
            as_points(samples, "samples")  # a model that diverged is not learnt from
        joined([self.real_data, samples])  # refuses another type
        return Generation(index, data, real, samples, lambda: fitted)

    def seed_of(self, index: int, what: int) -> int:
        return seed_of(seed_of(self.seed, index), what)

    def settings(self, known: Sequence[object]) -> dict[str, Any]:
        """Return what must be the same when the run is taken up again, as JSON says it."""
        config = getattr(self.model, "config", None)
        said = {
            "model": type(self.model).__name__,
            "config": config() if callable(config) else {},
            "data": sha256(repr(known).encode()).hexdigest(),
            **{name: getattr(self, name) for name in ("regime", "share", "real", "fitting", "sampling", "seed")},
        }
        return dict(json.loads(json.dumps(said, default=lambda x: getattr(x, "__qualname__", type(x).__name__))))


def joined(parts: Sequence[R]) -> R:
    """Return several sets of rows as one, of their common type.

    Raises:
        TypeError: if they are of different types, or tables of different columns or dtypes.
    """
    every: Sequence[Any] = parts
    first = every[0]
    if different := [part for part in every if type(part) is not type(first)]:
        raise TypeError(f"rows of the type {type(different[0]).__name__} do not follow on {type(first).__name__}")
    out: Any
    if isinstance(first, Images):
        labels = [part.labels for part in every]
        kept = None if any(one is None for one in labels) else np.concatenate(labels)
        out = Images(np.concatenate([part.pixels for part in every]), kept, first.classes)
    elif isinstance(first, np.ndarray):
        out = np.concatenate(every)
    elif is_table(first):
        import pandas as pd

        for part in every:
            if not part.dtypes.equals(first.dtypes):
                raise TypeError(
                    "tables must have the same columns and dtypes to follow on each other, got "
                    f"{dict(part.dtypes)} after {dict(first.dtypes)}"
                )
        out = pd.concat(every, ignore_index=True)
    else:
        out = [row for part in every for row in as_list(part, "rows")]
    return cast(R, out)


@dataclass(frozen=True)
class _Shelf:
    """The samples of a run on disk, one file a generation; each says which run it belongs to."""

    folder: Path
    settings: dict[str, Any]

    def path(self, index: int) -> Path:
        return self.folder / f"generation-{index:04}.safetensors"

    def write(self, index: int, samples: Rows) -> None:
        kind, tensors, about = _packed(samples)
        write_tensors(self.path(index), tensors, {"settings": self.settings, "kind": kind, **about})

    def read(self, index: int) -> Any:
        """Return samples, or None if they are not there yet."""
        path = self.path(index)
        if not path.exists():
            return None
        tensors, config = read_tensors(path, framework="numpy")
        there = config.get("settings")
        if there != self.settings:
            said = there if isinstance(there, dict) else {}
            wrong = [name for name, value in self.settings.items() if said.get(name) != value]
            raise ValueError(
                f"{path} belongs to another run ({', '.join(wrong) or 'settings'} differ); give this run a folder of "
                "its own"
            )
        return _unpacked(tensors, config)


def _packed(rows: Rows) -> tuple[str, dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Return what rows are, their arrays, and what else is to be known; text and tables become bytes."""
    if isinstance(rows, Images):
        labels = {} if rows.labels is None else {"labels": rows.labels}
        return "images", {"pixels": rows.pixels, **labels}, {"classes": rows.classes}
    if isinstance(rows, np.ndarray):
        return "array", {"rows": rows}, {}
    if is_table(rows):
        file = io.BytesIO()
        rows.to_parquet(file, index=False)
        return "table", {"rows": np.frombuffer(file.getvalue(), np.uint8)}, {}
    text = json.dumps(as_list(rows, "rows"))
    tokens = not isinstance(rows[0], str)
    return "tokens" if tokens else "text", {"rows": np.frombuffer(text.encode(), np.uint8)}, {}


def _unpacked(tensors: Mapping[str, np.ndarray[Any, Any]], config: Mapping[str, Any]) -> Any:
    kind = config["kind"]
    if kind == "images":
        return Images(tensors["pixels"], tensors.get("labels"), tuple(config["classes"]))
    if kind == "array":
        return tensors["rows"]
    content = tensors["rows"].tobytes()
    if kind == "table":
        import pandas as pd

        return pd.read_parquet(io.BytesIO(content))
    rows = json.loads(content)
    return [tuple(row) for row in rows] if kind == "tokens" else rows
