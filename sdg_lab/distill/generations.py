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

import functools
import inspect
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import CodeType
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, get_args

import numpy as np

from sdg_lab.checks import number, one_of, several, whole
from sdg_lab.data.types import Images
from sdg_lab.distill.description import name_of
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.metrics.rows import Rows, as_list, as_points, is_continuous, is_table, keys, same_kinds, subsample
from sdg_lab.shards.seeds import seed_of

Regime = Literal["replace", "accumulate", "mix"]
REGIMES: tuple[Regime, ...] = get_args(Regime)

Real = Literal["redrawn", "kept", "fresh"]
REAL_ROWS: tuple[Real, ...] = get_args(Real)

R = TypeVar("R", bound="Rows")

MOST = 10**300
"""Rows that a formula may be asked about: a larger whole number is no float."""

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
        folder: of this run and no other; it knows a model by its ``config()``, or else by its attributes.

    Raises:
        TypeError: if the data is no set of rows, the model has no ``fit`` and ``sample``, the options are no mappings,
            or the model or the source draws rows of another type.
        ValueError: if an argument is out of range or does not go with another, the model or the source draws another
            number of rows, of another shape or kind, or an empty one, the rows would not come back from a file as they
            are, or the folder holds a damaged file or another run.
    """
    count, seed = whole("count", count, least=0), whole("seed", seed, least=0, most=2**63 - 1)
    _check_model(model)
    known = keys(data, "data")  # refuses what is no set of rows
    real_rows(len(data), regime, share, real)
    share = float(share)
    if (real == "fresh") != (source is not None):
        remedy = "leave it out" if source else "give one"
        raise ValueError(f"source(n, seed) draws the rows of real='fresh'; with real={real!r} {remedy}")
    if source is not None and not callable(source):
        raise ValueError(f"source must be a function of a number of rows and a seed, got {source!r}")
    options = _options("fitting", fitting, ("data", "seed")), _options("sampling", sampling, ("n", "seed"))
    run = _Run(model, data, regime, share, real, source, *options, seed)
    if folder is None:
        return run.generations(count, None)
    place = named_folder(folder, written=False)  # a run that is over is only read
    _check_comes_back(data, "data")
    return run.generations(count, _Shelf(place, run.settings(known)))


def real_rows(n: int, regime: Regime, share: float, real: Real = "redrawn") -> int:
    """Return how many rows of a mixed training set of n are real.

    Raises:
        ValueError: if n is below 1, the share is not in [0, 1] or rounds to no row at all, or the regime has none of
            these options.
    """
    one_of("regime", regime, REGIMES), one_of("real", real, REAL_ROWS)
    m = round(number("share", share, least=0, most=1) * whole("n", n, least=1, most=MOST))
    if regime != "mix" and (share or real != "redrawn"):
        raise ValueError(f"share={share:g} of real={real!r} rows is for the regime 'mix'; {regime!r} has neither")
    if share and not m:
        raise ValueError(f"share must be 0 or at least one row: {share:g} of {n} rows is none")
    return m


def named_folder(folder: str | os.PathLike[str], *, written: bool = True) -> Path:
    """Return where a run is kept, or refuse what is no folder; the empty text would be the one that we are in.

    Raises:
        TypeError: if it is neither a text nor a path.
        ValueError: if the text is empty.
        NotADirectoryError: if a file has this name.
        PermissionError: if it cannot be read or, where that is sure to be done, ``written`` into.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a text or a Path, got {folder!r}")
    if folder == "":
        raise ValueError("folder is empty; name one, or leave it out")
    if (there := Path(folder)).exists() and not there.is_dir():
        raise NotADirectoryError(f"{str(there)!r} is a file; choose another name for the folder")
    if there.exists() and not os.access(there, os.R_OK | os.X_OK | (os.W_OK if written else 0)):
        raise PermissionError(
            f"nothing can be {'written into' if written else 'read in'} {there}; choose another folder"
        )
    return there


def _check_model(model: object) -> None:
    """Refuse what cannot be fitted and sampled, and a class, which has to be made a model first."""
    if isinstance(model, type):
        raise TypeError(f"model must be a model, got its class; make one, such as {model.__name__}()")
    if not all(callable(getattr(model, method, None)) for method in ("fit", "sample")):
        raise TypeError(f"model must have fit(data, seed=...) and sample(n, seed=...), got {type(model).__name__}")


def _options(name: str, options: Any, decided: tuple[str, ...]) -> dict[str, Any]:
    """Return options by name, or refuse those that :func:`generations` itself decides."""
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise TypeError(f"{name} must be a mapping of options by their names, got {options!r}")
    if taken := [option for option in decided if option in options]:
        raise ValueError(f"{name} must not hold {', '.join(taken)}: generations decides that itself; leave it out")
    return dict(options)


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
            self.check(fresh, m, index, "source")
            return fresh
        return subsample(self.real_data, m, seed=self.seed_of(0 if self.real == "kept" else index, REAL))

    def drawn(self, index: int, data: R, real: int, fitted: Model[R]) -> Generation[R]:
        n = len(self.real_data)
        samples = fitted.sample(n, seed=self.seed_of(index, SAMPLE), **self.sampling)
        self.check(samples, n, index, name_of(fitted))
        return Generation(index, data, real, samples, lambda: fitted)

    def check(self, rows: R, n: int, index: int, who: str) -> None:
        """Refuse what was drawn if it is not n rows like the real ones: the next generation could not learn from it."""
        try:
            _check_types([self.real_data, rows])
            _check_kind(rows, self.real_data)
            if len(rows) != n:
                raise ValueError(f"it must draw as many rows as it is asked for, {n}, got {len(rows)}")
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"generation {index}, drawn by {who}: {error}") from error

    def seed_of(self, index: int, what: int) -> int:
        return seed_of(seed_of(self.seed, index), what)

    def settings(self, known: Sequence[object]) -> dict[str, Any]:
        """Return what must be the same when the run is taken up again, as JSON says it."""
        config = getattr(self.model, "config", None)
        said = {
            "model": name_of(self.model),
            "config": config() if callable(config) else getattr(self.model, "__dict__", {}),
            "data": _checksum(_form(self.real_data), known),
            **{name: getattr(self, name) for name in ("regime", "share", "real", "source")},
            **{name: getattr(self, name) for name in ("fitting", "sampling", "seed")},
        }
        return dict(json.loads(json.dumps(_said(said))))


def _checksum(*parts: object) -> str:
    return sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _form(rows: Rows) -> object:
    """Return what equal rows may still differ in: shape and dtype, labels, names of columns, categories."""
    if isinstance(rows, Images):
        labels = None if rows.labels is None else rows.labels.tolist()
        return "images", rows.pixels.shape, labels, rows.classes
    if isinstance(rows, np.ndarray):
        return "array", rows.shape, rows.dtype.str
    if is_table(rows):
        return "table", [(name, *_dtype(rows[name])) for name in rows.columns]
    return "list"


def _dtype(column: Any) -> tuple[str, str, list[object]]:
    """Return a column's dtype; of a category, its values and their order, too."""
    if column.dtype == "category":
        values = column.cat.categories
        return f"category, ordered={column.cat.ordered}", str(values.dtype), values.tolist()
    return str(column.dtype), "", []


LONG = 32
"""A list of more entries is said by its checksum."""


def _said(thing: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return a setting as JSON can say it, so that another value is said otherwise; ``inside`` is what it is a part of.

    Unlike :func:`sdg_lab.distill.description.describe`, which is for people, it says arrays, all of an object's own
    attributes, and a function's code with the values that it uses.
    """
    if isinstance(thing, np.generic):
        return _said(thing.item())  # np.int64(5) is 5
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else repr(thing)  # NaN would not equal itself
    if thing is None or isinstance(thing, (bool, int, str)):
        return thing
    if isinstance(thing, np.ndarray):
        return _checksum(thing.shape, thing.dtype.str, thing.tolist())
    if is_table(thing):
        return _checksum(_form(thing), thing.to_csv())
    if hasattr(thing, "detach"):  # a tensor
        return _checksum(str(thing.dtype), thing.tolist())
    if isinstance(thing, CodeType):
        return _checksum(thing.co_code, thing.co_names, _said(thing.co_consts))
    if id(thing) in inside:
        return name_of(thing)
    inside = (*inside, id(thing))
    if isinstance(thing, Mapping):
        named = {key if isinstance(key, str) else f"{type(key).__name__} {key}": value for key, value in thing.items()}
        return {name: _said(value, inside) for name, value in named.items()}
    if isinstance(thing, (set, frozenset)):
        return sorted(json.dumps(_said(value, inside)) for value in thing)
    if isinstance(thing, (list, tuple)):
        said = [_said(value, inside) for value in thing]
        return said if len(said) <= LONG else _checksum(said)
    return {"name": name_of(thing), "of": _said(_parts(thing), inside)}


def _parts(thing: Any) -> Any:
    """Return what makes a function or an object differ from others of its name."""
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if inspect.ismethod(thing):
        return [thing.__self__, thing.__func__]
    if inspect.isfunction(thing):
        found = inspect.getclosurevars(thing)
        plain = (bool, int, float, str, tuple, np.generic, np.ndarray)
        around = {name: value for name, value in found.globals.items() if isinstance(value, plain)}
        memory = (list, dict, set)  # which it may fill as it runs
        around |= {name: value for name, value in found.nonlocals.items() if not isinstance(value, memory)}
        return [thing.__code__, thing.__defaults__, thing.__kwdefaults__, around]
    if isinstance(thing, type):
        return None
    shown = repr(thing)
    return getattr(thing, "__dict__", None) or (None if " at 0x" in shown else shown)


def _check_kind(rows: Rows, real: Rows) -> None:
    """Refuse rows of another kind or shape than the real ones, and empty ones where no real row is empty."""
    if is_continuous(rows) and is_continuous(real):
        a, b = (one.pixels if isinstance(one, Images) else one for one in (rows, real))
        if a.shape[1:] != b.shape[1:]:
            raise ValueError(f"samples must be rows of shape {b.shape[1:]}, as the real ones, got {a.shape[1:]}")
        if a.dtype.hasobject and not b.dtype.hasobject:
            raise TypeError(f"samples must hold numbers, as the real rows of {b.dtype}, got {a.dtype}")
        as_points(rows, "samples")  # a model that diverged is not learnt from
        return
    keys(rows, "samples", like=real)
    if is_table(rows):
        return
    ours, theirs = as_list(real, "data"), as_list(rows, "samples")
    same_kinds(theirs, ours, "samples")
    tokens, known = (chain.from_iterable(row for row in one if isinstance(row, tuple)) for one in (theirs, ours))
    same_kinds(tokens, known, "a token of samples")
    if not all(theirs) and all(ours):
        empty = next(i for i, row in enumerate(theirs) if not row)
        raise ValueError(
            f"samples[{empty}] is empty, and no real row is: the next generation could not learn from it; give a model "
            "that draws at least one symbol a row, or leave such rows out in its sample() and draw others"
        )


def _check_comes_back(rows: Rows, name: str) -> None:
    """Refuse rows that would come back from a file as something else: a run taken up again would end otherwise."""
    if isinstance(rows, Images):
        return
    if isinstance(rows, np.ndarray):
        if rows.dtype.kind not in "buif" or rows.dtype.itemsize > 8 or not rows.dtype.isnative:
            raise TypeError(
                f"{name} must be of a plain dtype to be kept in a folder, such as float32, got {rows.dtype}"
            )
        return
    if is_table(rows):
        for column in rows.columns:
            if why := _lost_in_file(rows[[column]]):
                raise TypeError(f"column {column!r} of {name} would not come back from the folder as it is: {why}")
        return
    there = list(as_list(rows, name))
    for i, row in enumerate(there):
        parts = row if isinstance(row, tuple) else (row,)
        if wrong := [part for part in parts if not isinstance(part, (str, int, float, type(None)))]:
            raise TypeError(f"{name}[{i}] has {wrong[0]!r}; to be kept in a folder, tokens must be text or numbers")
    if len(kinds := {isinstance(row, tuple) for row in there}) > 1:
        raise TypeError(f"{name} must be all text or all tuples to be kept in a folder, got {len(kinds)} kinds")


def _lost_in_file(table: Any) -> str:
    """Return what a table of one column loses in a file, and what to do; empty if nothing."""
    name = table.columns[0]
    if not isinstance(name, str):
        return f"its name is of the type {type(name).__name__}; make it text, such as {str(name)!r}"
    try:
        again = _unpacked(_packed(table)[1], {"kind": "table"})
    except Exception as error:  # pyarrow has errors of many types
        return f"it cannot be written ({str(error).splitlines()[0]}); give it values of one type"
    (before, after) = (_dtype(one[name]) for one in (table, again))
    if before != after:
        a, b = (" of ".join(part for part in one[:2] if part) for one in (before, after))
        return f"{a} becomes {b}; give it that dtype, or text"
    if before[0] == "object":
        for i, (a, b) in enumerate(zip(table[name], again[name], strict=True)):
            if type(a) is not type(b) or repr(a) != repr(b):
                return f"{a!r} in row {i} becomes {b!r}; give the column values of one plain type"
    elif table[name].dtype != again[name].dtype or not table[name].reset_index(drop=True).equals(again[name]):
        return "some of its values become others; give it a plain dtype"
    return ""


def joined(parts: Sequence[R]) -> R:
    """Return several sets of rows as one, of their common type.

    Raises:
        TypeError: if they are of different types, or tables of different columns or dtypes.
        ValueError: if there are none, or arrays or Images of different shapes, or labels of different classes.
    """
    every: Sequence[Any] = several("parts", parts)
    if not every:
        raise ValueError("parts is empty; give at least one set of rows")
    _check_types(every)
    first = every[0]
    out: Any
    if is_continuous(first):
        shapes = [(part.pixels if isinstance(part, Images) else part).shape for part in every]
        if () in shapes or len({shape[1:] for shape in shapes}) > 1:
            raise ValueError(
                f"all rows must be of one shape to follow on each other, got arrays of the shapes {shapes}"
            )
    if isinstance(first, Images):
        labels = [part.labels for part in every]
        kept = None if any(one is None for one in labels) else np.concatenate(labels)
        if kept is not None and len(classes := {part.classes for part in every}) > 1:
            raise ValueError(f"labels must be of the same classes to follow on each other, got {sorted(classes)}")
        out = Images(np.concatenate([part.pixels for part in every]), kept, first.classes)
    elif isinstance(first, np.ndarray):
        out = np.concatenate(every)
    elif is_table(first):
        import pandas as pd

        out = pd.concat(every, ignore_index=True)
    else:
        out = [row for part in every for row in as_list(part, "rows")]
    return cast(R, out)


def _check_types(parts: Sequence[Any]) -> None:
    first = parts[0]
    for part in parts:
        if type(part) is not type(first):
            raise TypeError(f"rows of the type {type(part).__name__} do not follow on {type(first).__name__}")
        if is_table(part) and not part.dtypes.equals(first.dtypes):
            raise TypeError(
                "tables must have the same columns and dtypes to follow on each other, got "
                f"{dict(part.dtypes)} after {dict(first.dtypes)}"
            )


@dataclass(frozen=True)
class _Shelf:
    """The samples of a run on disk, one file a generation; each says which run it belongs to."""

    folder: Path
    settings: dict[str, Any]

    def path(self, index: int) -> Path:
        return self.folder / f"generation-{index:04}.safetensors"

    def write(self, index: int, samples: Rows) -> None:
        _check_comes_back(samples, f"samples of generation {index}")
        kind, tensors, about = _packed(samples)
        config = {"settings": self.settings, "generation": index, "kind": kind, **about}
        write_tensors(self.path(index), tensors, config)

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
        if (found := config.get("generation")) != index:
            raise ValueError(
                f"{path} holds generation {found} of this run, not {index}; delete it, or put it in its place"
            )
        try:
            return _unpacked(tensors, config)
        except Exception as error:  # json, pyarrow and safetensors have errors of many types
            raise ValueError(f"{path} holds no samples ({error!r}); delete it, and they are drawn again") from error


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
