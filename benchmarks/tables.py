"""Synthetic tables: ours, references and peers, told apart, put to use, attacked and timed.

``python -m benchmarks tables`` runs all parts, ``python -m benchmarks tables/fair tables/wine`` some of them.

Each table is cut by a seeded permutation: four fifths to learn from, one fifth held out, on which nothing is chosen.
Figures are means of three seeds (ten for tables of 1,000 rows and less, of which too few are held out for one cut to
say much), each of its own cut, fit, draw and judges; ± is their deviation. Beside ``auto`` (a
:class:`~sdg_lab.synth.Synthesizer` as a person would call it, on the table as it was read) stand the families with
their defaults, peers, and four references: the real rows that were learnt from, themselves; independent columns (each
shuffled); a bootstrap of the rows; and a leak, the rows with four fifths of their values drawn anew from the column,
which passes every test of distances and, in tables of many columns, gives away who was in. Equal rows are different
people and stay.

Not run: mostlyai-engine (it brings transformers and peft) and SDV (Business Source Licence): figures recorded earlier
stand in their place, and say so. PyPI's ``synthpop`` 0.1.1 is UrbanSim's, which draws households to fit the margins of
a census; it does not learn a table, so there is nothing to compare.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import arf
from benchmarks.table_figures import Figures, figures, plain
from benchmarks.timing import Row, Rows
from benchmarks.trees import SEEDS, shuffled
from sdg_lab import data
from sdg_lab.synth.families import FAMILIES, model_of

if TYPE_CHECKING:
    import pandas as pd

TARGETS = {
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "german_credit": "credit_risk",
    "fair": "affairs",
    "diamonds": "price",
    "census": "income",
    "flights": "arr_delay",
}
LENGTH = "length"
PARTS = (*TARGETS, LENGTH)
"""What can be run by itself: a table, and how long one may become."""

SMALL = 1_000
"""Tables of at most so many rows have wider goals, and more seeds."""

MORE_SEEDS = tuple(range(10))

PATIENCE = 300
"""CPU seconds after which a peer is stopped."""

HELD_OUT = 0.2
CENSUS_ROWS = 200_000
CHANGED = 0.8

Draw = Callable[[int, int], "pd.DataFrame"]
"""Draws n rows with a seed."""


@dataclass(frozen=True)
class Cut:
    """A table as it was read, and its rows to learn from and those held out, as numbers and categories that vary."""

    table: pd.DataFrame
    train: pd.DataFrame
    held_out: pd.DataFrame
    learnt: NDArray[np.int64]
    """Where the rows to learn from stand in the table, rising."""


@dataclass(frozen=True)
class Learnt:
    """What draws rows, and what there is to say of it."""

    draw: Draw
    about: str = ""


Contestant = Callable[[Cut, int], Learnt]


def cut(table: pd.DataFrame, *, seed: int) -> Cut:
    """Hold out one row of five, by a permutation; what is the same in all rows is nothing to learn or to judge."""
    varied = plain(table[[name for name, column in table.items() if len(column.unique()) > 1]])
    is_held = np.zeros(len(table), dtype=bool)
    is_held[np.random.default_rng(seed).permutation(len(table))[: round(HELD_OUT * len(table))]] = True
    parts = (varied.iloc[np.flatnonzero(of)].reset_index(drop=True) for of in (~is_held, is_held))
    return Cut(table, *parts, np.flatnonzero(~is_held))


def reference(make: Callable[[pd.DataFrame, int], pd.DataFrame]) -> Contestant:
    """Return a contestant that learns nothing; it always makes as many rows as there are to learn from."""
    return lambda cut, _: Learnt(lambda n, seed: make(cut.train, seed))


def changed(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the rows, in which four values of five are those of another row, each of another one."""
    rng = np.random.default_rng(seed)
    n = len(train)

    def some(column: pd.Series[Any]) -> Any:
        return column.array.take(np.where(rng.random(n) < CHANGED, rng.integers(n, size=n), np.arange(n)))

    return train.apply(some)


def automatic(cut: Cut, seed: int) -> Learnt:
    from sdg_lab.synth import Synthesizer

    synthesizer = Synthesizer(held_out=HELD_OUT)
    if not np.array_equal(synthesizer.rows_of(cut.table, seed=seed).train, cut.learnt):
        raise AssertionError("the synthesizer holds out other rows than those that judge it")
    synthesizer.fit(cut.table, seed=seed, progress=False)
    columns = list(cut.train)
    about = f"seed {seed}: {synthesizer.choice.why}"
    return Learnt(lambda n, seed: plain(synthesizer.sample(n, seed=seed)[columns]), about)


def family(name: str) -> Contestant:
    def learn(cut: Cut, seed: int) -> Learnt:
        model = model_of(name, {}).fit(cut.train, seed=seed, progress=False)
        return Learnt(lambda n, seed: model.sample(n, seed=seed))

    return learn


def peer(learn: Callable[[pd.DataFrame, int], Draw]) -> Contestant:
    def fit(cut: Cut, seed: int) -> Learnt:
        with patience(PATIENCE):
            draw = learn(cut.train, seed)

        def drawn(n: int, seed: int) -> pd.DataFrame:
            with patience(PATIENCE):
                return draw(n, seed)

        return Learnt(drawn)

    return fit


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Stop what takes more CPU seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds:g} CPU s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


REAL, BOOTSTRAP, AUTO, ARF = "real rows", "bootstrap", "auto", "arfpy"
CONTESTANTS: dict[str, Contestant] = {
    REAL: reference(lambda train, seed: train.sample(frac=1, random_state=seed, ignore_index=True)),
    "independent columns": reference(shuffled),
    BOOTSTRAP: reference(lambda train, seed: train.sample(frac=1, replace=True, random_state=seed, ignore_index=True)),
    f"rows with {CHANGED:.0%} of their values changed": reference(changed),
    AUTO: automatic,
    **{name: family(name) for name in FAMILIES},
    ARF: peer(arf.learnt),
}

HEADINGS = {
    "c2st": "C2ST",
    "tstr": "TSTR",
    "mia": "MIA",
    "tpr": "TPR at 1 %",
    "copies": "copies above chance",
    "nearer": "nearer",
    "quality": "quality",
    "fit": "fit, CPU s",
    "draw": "draw, CPU s",
}

RECORDED = (
    "Recorded: not run again, but measured before 2026-11-27 on Linux x86_64 with 2 cores, by one seed of the same "
    "protocol; their quality is that of a release of sdmetrics that cuts each table between its own extremes."
)
_OTHERS: dict[str, dict[str, dict[str, float]]] = {
    "fair": {
        "SDV CTGAN": {"quality": 0.899, "tstr": 0.624, "c2st": 0.98, "fit": 225},
        "SDV TVAE": {"quality": 0.839, "tstr": 0.724, "c2st": 0.94, "fit": 53},
        "SDV GaussianCopula": {"quality": 0.782, "tstr": 0.529, "c2st": 1.0, "fit": 2},
        "TabDDPM": {"quality": 0.961, "tstr": 0.719, "c2st": 0.59, "fit": 110},
    },
    "german_credit": {
        "TabularARGN 2.7 (mostlyai-engine)": {
            "quality": 0.898,
            "tstr": 0.595,
            "c2st": 0.657,
            "nearer": 0.544,
            "mia": 0.569,
            "tpr": 0.010,
            "fit": 91,
        },
    },
    "breast_cancer": {
        "TabularARGN 2.7 (mostlyai-engine)": {
            "quality": 0.830,
            "tstr": 0.673,
            "c2st": 0.974,
            "nearer": 0.670,
            "mia": 0.508,
            "tpr": 0.018,
            "fit": 54,
        },
    },
    "wine": {
        "TabularARGN 2.7 (mostlyai-engine)": {"quality": 0.807, "tstr": 0.450, "c2st": 0.535, "mia": 0.518, "fit": 40},
    },
}


def table_of(name: str) -> pd.DataFrame:
    """Return a whole table."""
    import pandas as pd

    return pd.concat(getattr(data, name)(deduplicate=False).parts.values(), ignore_index=True)


def measure(learn: Contestant, cut: Cut, target: str, seed: int) -> tuple[Figures, str]:
    """Learn, draw as many rows as were learnt from, and judge them."""
    begin = time.process_time()
    learnt = learn(cut, seed)
    fitted = time.process_time()
    synthetic = learnt.draw(len(cut.train), seed)
    drawn = time.process_time()
    found = figures(
        synthetic, cut.train, cut.held_out, target=target, seed=seed, fit=fitted - begin, draw=drawn - fitted
    )
    return found, learnt.about


@dataclass
class Outcome:
    """The figures of the seeds, what was said of each, and why there are none."""

    figures: list[Figures]
    about: list[str]
    failed: str = ""

    @property
    def mean(self) -> Figures:
        """The mean of each figure."""
        return Figures(*map(mean, zip(*map(astuple, self.figures), strict=True)))

    def cells(self) -> list[str]:
        """Return each figure and its deviation as text."""
        columns = zip(*map(astuple, self.figures), strict=True)
        return [f"{mean(of):.3f}" + (f" ± {stdev(of):.3f}" if len(of) > 1 else "") for of in columns]


def seeds_of(table: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds of a table's cuts, fits, draws and judges."""
    return MORE_SEEDS if len(table) <= SMALL else SEEDS


def compete(table: pd.DataFrame, target: str) -> dict[str, Outcome]:
    """Measure all contestants; one that fails is said and left out of the other seeds."""
    found = {who: Outcome([], []) for who in CONTESTANTS}
    for seed in seeds_of(table):
        parts = cut(table, seed=seed)
        for who, learn in CONTESTANTS.items():
            outcome = found[who]
            if outcome.failed:
                continue
            try:
                measured, about = measure(learn, parts, target, seed)
            except Exception as error:  # whatever a peer raises: it is said, and the others go on
                outcome.failed = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                print(f"seed {seed}  {who:45} {outcome.failed}", flush=True)
                continue
            outcome.figures.append(measured)
            outcome.about.append(about)
            shown = "".join(f"  {name} {value:.3f}" for name, value in zip(HEADINGS, astuple(measured), strict=True))
            print(f"seed {seed}  {who:45}{shown}", flush=True)
    return found


def details(name: str, table: pd.DataFrame, found: dict[str, Outcome]) -> str:
    """Return the whole table of figures as Markdown."""
    held = round(HELD_OUT * len(table))
    lines = [
        f"{name}: {len(table) - held:,} rows to learn from, {held:,} held out, {table.shape[1]} columns; mean ± "
        f"deviation of {len(seeds_of(table))} seeds.",
        "",
        "| who | " + " | ".join(HEADINGS.values()) + " |",
        "| --- |" + " --- |" * len(HEADINGS),
    ]
    for who, outcome in found.items():
        if outcome.figures and not outcome.failed:
            lines.append(f"| {who} | " + " | ".join(outcome.cells()) + " |")
        else:
            lines.append(f"| {who} | {outcome.failed}" + " |" * len(HEADINGS))
    for who, known in _OTHERS.get(name, {}).items():
        cells = (f"{known[of.name]:g}" if of.name in known else "" for of in fields(Figures))
        lines.append(f"| {who}, recorded | " + " | ".join(cells) + " |")
    if name in _OTHERS:
        lines += ["", RECORDED]
    lines += ["", *(f"- {who}, {about}" for who, outcome in found.items() for about in outcome.about if about)]
    return "\n".join(lines).strip()


def goals(name: str, rows: int, found: dict[str, Outcome]) -> list[Row]:
    """Return how far ``auto`` is from what was aimed at for a table of so many rows, and from what a peer does."""
    auto = found[AUTO]
    if auto.failed:
        return []
    ours, real, bootstrap = auto.mean, found[REAL].mean, found[BOOTSTRAP].mean
    small = rows <= SMALL

    def away(what: str, by: float, aim: float) -> Row:
        return Row(f"{name}: {what}", max(by, 1e-4), "the aim", aim, goal=1, unit="away")

    lines = [
        away(f"C2ST {ours.c2st:.3f}, above .5", ours.c2st - 0.5, 0.1 if small else 0.03),
        away(f"TSTR {ours.tstr:.3f}, below real rows", real.tstr - ours.tstr, 0.03 if small else 0.01),
        away(f"strongest membership attack {ours.mia:.3f}, above .5", ours.mia - 0.5, 0.03),
        away("found at 1 % false accusations", ours.tpr, 0.02),
        away("copies above chance", ours.copies, 0.01),
        away(f"nearer to train {ours.nearer:.3f}, off .5", abs(ours.nearer - 0.5), 0.03),
        away(f"quality {ours.quality:.3f}, below a bootstrap", bootstrap.quality - ours.quality, 0.01),
    ]
    if name == "fair":
        lines.append(Row("fair: fit and draw", ours.fit + ours.draw, "the aim", 3, goal=1, unit="CPU s"))
    if name == "census":
        seconds = ours.fit + ours.draw * CENSUS_ROWS / ((1 - HELD_OUT) * rows)
        lines.append(Row(f"census: fit and {CENSUS_ROWS:,} rows", seconds, "the aim", 60, goal=1, unit="CPU s"))
    if not found[ARF].failed:
        theirs = found[ARF].mean
        lines += [
            Row(f"{name}: C2ST above .5", max(ours.c2st - 0.5, 1e-4), ARF, theirs.c2st - 0.5, goal=1, unit="away"),
            Row(f"{name}: TSTR below 1", 1 - ours.tstr, ARF, 1 - theirs.tstr, goal=1, unit="away"),
            Row(f"{name}: fit and draw", ours.fit + ours.draw, ARF, theirs.fit + theirs.draw, goal=1, unit="CPU s"),
        ]
    return lines


def length() -> Rows:
    """Draw 1,000,000 and 10,000,000 rows of diamonds into a Parquet file, each in a process of its own."""
    rows = Rows()
    for n, what, aim in ((1_000_000, "seconds", 30.0), (10_000_000, "bytes", 2e9)):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.table_length", str(n), str(Path(folder, "rows.parquet"))]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            rows.details += f"- {n:,} rows: {done.stderr.strip().splitlines()[-1]}\n"
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        scale, unit = (1, "CPU s") if what == "seconds" else (1e-9, "GB at most")
        rows.append(Row(f"diamonds, {n:,} rows to Parquet", found[what] * scale, "the aim", aim * scale, 1, unit))
        rows.details += (
            f"- {n:,} rows: {found['seconds']:.0f} CPU s, {found['bytes'] / 1e9:.2f} GB at most; {found['choice']}\n"
        )
    return rows


def run(part: str) -> Rows:
    """Run one table, or the length."""
    if part == LENGTH:
        return length()
    table = table_of(part)
    found = compete(table, TARGETS[part])
    return Rows(goals(part, len(table), found), details=details(part, table, found))
