"""What a layer costs as its input grows: parameters, peak memory and seconds of dense, convolution, GRU and attention.

Each layer reads (1, channels, n) and returns (1, 16, n): 16 channels of n = 64 to 65,536 samples, or the three colours
of an image of 8×8 to 256×256 pixels, taken as n positions. A pass is forward and backward, to weights and input, on one
thread and without an optimiser:

- ``dense``: a weight from every number to every number.
- ``dense, shared``: a weight from every position to every position, the same for all channels.
- ``convolution``: 3 samples wide, or 3×3 pixels.
- ``dilated stack``: such convolutions with dilations 1, 2, 4, …, as many as are needed to see all n samples.
- ``GRU``: 16 cells, for samples only.
- ``attention``: one head, softmax(QKᵀ/√d)V as it is written; ``attention, fused``: the same by torch's own kernel,
  which never holds the n×n matrix.

Seconds are those of the processor, the median of at least 5 passes after one that warms up (of 2 where a pass takes
more than 5 s), in each of three rounds through all layers. What other programs do then counts only in as far as they
take caches and memory away; the table that is kept was measured while others ran on both of two cores. Memory is the
peak of a fresh process above what it had before the layer was made. A layer that would need more than 4 GB, or 20 s a
pass, is not run: its row has ``measured`` 0, the memory that its weights and n×n matrices take, and seconds that grow
with n² from the largest that was measured. That is the least: where matrices outgrow the caches, seconds grow faster.

The last part is small images, where a dense network can be the better one: digits of 8×8 pixels, classified by a dense
and by a convolutional network of about as many parameters, as the CPU seconds of training go by, eight seeds; and once
more with the pixels in another order, the same for all images, which takes the neighbourhoods away. Their intervals are
over seeds; that there are only 180 test digits, one error of each 0.6 %, is not in them.

All figures are in ``notebooks/results/09-layers.csv``; ``python -m benchmarks.layers`` measures what is missing there
(delete the file for all of them), in about half an hour, and prints a summary.
"""

from __future__ import annotations

import csv
import ctypes
import gc
import math
import multiprocessing
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.metrics import mean_and_error
from sdg_lab.training import n_parameters

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "09-layers.csv"
FIELDS = ("part", "layer", "size", "repeat", "parameters", "megabytes", "seconds", "accuracy", "measured")
"""``size``: samples, or pixels of a side; ``repeat``: the round, or the seed of a training; ``seconds`` of a pass, or
of the training so far; ``accuracy`` on the test digits."""

SAMPLES, PIXELS, DIGITS, PERMUTED = "samples", "pixels", "digits", "digits, pixels permuted"
SIZES = {SAMPLES: (64, 256, 1024, 4096, 16384, 65536), PIXELS: (8, 16, 32, 64, 128, 256)}
REPEATS, PASSES, LONG, WIDTH = 3, 5, 5.0, 16
MOST_MEGABYTES, MOST_SECONDS = 4_000.0, 20.0

# The layers: (1, channels, n) -> (1, WIDTH, n).


class Dense(nn.Module):
    """A weight from every number of the input to every number of the output."""

    def __init__(self, channels: int, n: int) -> None:
        super().__init__()
        self.n, self.linear = n, nn.Linear(channels * n, WIDTH * n)

    def forward(self, x: Tensor) -> Tensor:
        """Mix all."""
        mixed: Tensor = self.linear(x.flatten(1))
        return mixed.view(-1, WIDTH, self.n)


class SharedDense(nn.Module):
    """A weight from every position to every position, after the channels of each position were mixed."""

    def __init__(self, channels: int, n: int) -> None:
        super().__init__()
        self.channels, self.positions = nn.Linear(channels, WIDTH), nn.Linear(n, n)

    def forward(self, x: Tensor) -> Tensor:
        """Mix channels, then positions."""
        mixed: Tensor = self.positions(self.channels(x.mT).mT)
        return mixed


class Convolutions(nn.Module):
    """Convolutions of width 3, one for each dilation, with a ReLU between them."""

    def __init__(self, channels: int, shape: tuple[int, ...], dilations: Sequence[int]) -> None:
        super().__init__()
        kind = nn.Conv1d if len(shape) == 1 else nn.Conv2d
        self.shape = shape
        self.layers = nn.ModuleList(
            kind(WIDTH if number else channels, WIDTH, 3, padding=dilation, dilation=dilation)
            for number, dilation in enumerate(dilations)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Mix neighbours."""
        x = x.view(*x.shape[:2], *self.shape)
        for number, layer in enumerate(self.layers):
            x = layer(F.relu(x) if number else x)
        return x.flatten(2)


class Recurrent(nn.Module):
    """A GRU along the samples."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Go from sample to sample."""
        states: Tensor = self.gru(x.mT)[0]
        return states.mT


class Attention(nn.Module):
    """Self-attention with one head, written out or by torch's fused kernel."""

    def __init__(self, channels: int, *, fused: bool) -> None:
        super().__init__()
        self.fused, self.qkv, self.out = fused, nn.Linear(channels, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Let every position look at all."""
        q, k, v = self.qkv(x.mT)[:, None].chunk(3, dim=-1)  # (1, 1, n, WIDTH) each
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax((q / math.sqrt(WIDTH)) @ k.mT, dim=-1) @ v
        y: Tensor = self.out(mixed[:, 0])
        return y.mT


def shape_of(part: str, size: int) -> tuple[int, ...]:
    """Return the shape of the positions."""
    return (size,) if part == SAMPLES else (size, size)


def positions(part: str, size: int) -> int:
    """Return the number of positions, n."""
    return math.prod(shape_of(part, size))


def channels_of(part: str) -> int:
    """Return the channels of the input."""
    return WIDTH if part == SAMPLES else 3


def dilations(size: int) -> list[int]:
    """Return 1, 2, 4, … until convolutions of width 3 see a whole row of the input: 1 + 2 Σ d >= size."""
    found = [1]
    while 1 + 2 * sum(found) < size:
        found.append(2 * found[-1])
    return found


def make(part: str, layer: str, size: int) -> nn.Module:
    """Make a layer."""
    channels, n = channels_of(part), positions(part, size)
    makers: dict[str, Callable[[], nn.Module]] = {
        "dense": lambda: Dense(channels, n),
        "dense, shared": lambda: SharedDense(channels, n),
        "convolution": lambda: Convolutions(channels, shape_of(part, size), [1]),
        "dilated stack": lambda: Convolutions(channels, shape_of(part, size), dilations(size)),
        "GRU": lambda: Recurrent(channels),
        "attention": lambda: Attention(channels, fused=False),
        "attention, fused": lambda: Attention(channels, fused=True),
    }
    return makers[layer]()


LAYERS = {
    SAMPLES: ("dense", "dense, shared", "convolution", "dilated stack", "GRU", "attention", "attention, fused"),
    PIXELS: ("dense", "dense, shared", "convolution", "dilated stack", "attention", "attention, fused"),
}
QUADRATIC = ("dense", "dense, shared", "attention", "attention, fused")
"""Their seconds grow with n²."""


# What is measured, and what would be needed.


def pass_of(layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Go forward and backward once."""
    layer.zero_grad(set_to_none=True)
    x.grad = None
    layer(x).backward(gradient)


def forget_the_peak() -> None:
    """Let the peak of this process's memory begin anew with what it has now: loading torch may have taken more.

    What was freed is given back first, where the C library can do that: else what comes next may be laid into it.
    """
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_megabytes() -> float:
    """Return the most memory that this process has had since ``forget_the_peak``.

    Not ``resource.getrusage``: there a process may begin with the peak of the one that started it.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None  # Linux
    return int(found[1]) * 1024 / 1e6


def cost(part: str, layer: str, size: int) -> dict[str, float]:
    """Return parameters, megabytes and seconds of one layer; for a process of its own."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for each in (4, size):  # the first is so small that it takes nothing but loads what has to be loaded
        forget_the_peak()
        before, n = peak_megabytes(), positions(part, each)
        module = make(part, layer, each)
        x, gradient = torch.randn(1, channels_of(part), n, requires_grad=True), torch.randn(1, WIDTH, n)
        start = time.process_time()
        pass_of(module, x, gradient)
        warm_up = time.process_time() - start
    megabytes = peak_megabytes() - before
    seconds: list[float] = []
    while len(seconds) < (PASSES if warm_up < LONG else 2) or (sum(seconds) < 0.3 and len(seconds) < 500):
        start = time.process_time()
        pass_of(module, x, gradient)
        seconds.append(time.process_time() - start)
    return {"parameters": n_parameters(module), "megabytes": megabytes, "seconds": statistics.median(seconds)}


def parameters_of(part: str, layer: str, size: int) -> int:
    """Return the number of parameters; nothing of that size is made."""
    with torch.device("meta"):
        return n_parameters(make(part, layer, size))


def megabytes_needed(part: str, layer: str, size: int) -> float:
    """Return what of a layer's own surely lies in memory at once, in megabytes of 32-bit numbers.

    Weights and their gradients; of attention that is written out the n×n weights, their gradients, and those of the
    logits.
    """
    n = positions(part, size)
    numbers = 2 * parameters_of(part, layer, size) + (3 * n**2 if layer == "attention" else 0)
    return 4 * numbers / 1e6


def in_a_process(part: str, layer: str, size: int) -> dict[str, float]:
    """Measure a layer in a process of its own, a copy of this one: nothing has to be imported again."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return pool.submit(cost, part, layer, size).result()


# Small images: which of two networks of equally many parameters learns more in so many seconds?

SEEDS, BATCH, HIDDEN = range(8), 64, 81
BUDGETS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
RATES = {"dense": 1e-2, "convolution": 1e-2}
"""CPU seconds; and learning rates, chosen by the validation digits with other seeds (``python -m benchmarks.layers
rates``)."""

NEAREST = "nearest neighbour"


def network(layer: str) -> nn.Module:
    """Make a network for (n, 1, 8, 8): 6,085 parameters if dense, 6,090 if convolutional."""
    if layer == "dense":
        return nn.Sequential(nn.Flatten(), nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, 10),
    )


def digits(part: str, held_out: str = "test") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images and labels to learn from, and others to judge by."""
    found: list[Tensor] = []
    order = np.random.default_rng(0).permutation(64) if part == PERMUTED else np.arange(64)
    whole = data.digits()
    for images in (whole.train, getattr(whole, held_out)):
        pixels = images.pixels.reshape(-1, 64)[:, order].reshape(-1, 1, 8, 8)
        found += [torch.from_numpy(pixels.copy()), torch.from_numpy(images.labels)]
    x, labels, others, their_labels = found
    return x, labels, others, their_labels


def learn(
    part: str, layer: str, seed: int, *, rate: float, budgets: Sequence[float], held_out: str = "test"
) -> tuple[int, list[float]]:
    """Train a network and return its parameters, and its accuracy when each budget of CPU seconds was spent.

    Only training is counted, judging is not.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, labels, others, their_labels = digits(part, held_out)
    model = network(layer)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    rng, spent = torch.Generator().manual_seed(seed), 0.0
    batches: list[Tensor] = []
    reached: list[float] = []
    while len(reached) < len(budgets):
        start = time.process_time()
        if not batches:
            batches = list(torch.split(torch.randperm(len(x), generator=rng), BATCH))
        chosen = batches.pop()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(x[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        spent += time.process_time() - start
        while len(reached) < len(budgets) and spent >= budgets[len(reached)]:
            with torch.no_grad():
                reached.append(float((model(others).argmax(1) == their_labels).double().mean()))
    return n_parameters(model), reached


def nearest() -> tuple[float, float]:
    """Return the accuracy of the nearest training digit's label, and the CPU seconds that it takes."""
    x, labels, others, their_labels = digits(DIGITS)
    start = time.process_time()
    answers = labels[torch.cdist(others.flatten(1), x.flatten(1)).argmin(1)]
    return float((answers == their_labels).double().mean()), time.process_time() - start


def rates() -> None:
    """Print the accuracy on the validation digits after 1 CPU second for some learning rates."""
    for layer in RATES:
        for rate in (1e-3, 3e-3, 1e-2, 3e-2):
            found = [learn(DIGITS, layer, seed, rate=rate, held_out="validation", budgets=(1.0,))[1][0]
                     for seed in range(100, 104)]  # fmt: skip
            print(layer, rate, np.mean(found))


# The table.


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; each is written when it is there."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    there = {(row["part"], row["layer"], row["size"], row["repeat"]) for row in read()}
    for repeat in range(REPEATS):  # a round takes all layers in turn: a slow moment hits all of them
        for part, sizes in SIZES.items():
            for size in sizes:
                for layer in LAYERS[part]:
                    if (part, layer, str(size), str(repeat)) not in there:
                        about = {"part": part, "layer": layer, "size": size, "repeat": repeat}
                        append([about | measure(part, layer, size, repeat)])
    for part in (DIGITS, PERMUTED):
        for seed in SEEDS:
            for layer in RATES:
                if (part, layer, "8", str(seed)) not in there:
                    about = {"part": part, "layer": layer, "size": 8, "repeat": seed, "measured": 1}
                    parameters, found = learn(part, layer, seed, rate=RATES[layer], budgets=BUDGETS)
                    about["parameters"] = parameters
                    append([about | {"seconds": s, "accuracy": a} for s, a in zip(BUDGETS, found, strict=True)])
    if (DIGITS, NEAREST, "8", "0") not in there:
        accuracy, seconds = nearest()
        about = {"part": DIGITS, "layer": NEAREST, "size": 8, "repeat": 0, "parameters": 0, "measured": 1}
        append([about | {"seconds": seconds, "accuracy": accuracy}])
    return read()


def measure(part: str, layer: str, size: int, repeat: int) -> dict[str, float]:
    """Return what a layer costs, or what it would cost where that is too much."""
    megabytes, seconds = megabytes_needed(part, layer, size), math.nan
    rows = [row for row in read() if (row["part"], row["layer"]) == (part, layer)]
    done = [row for row in rows if row["repeat"] == str(repeat) and row["measured"] == "1"]
    if done:
        last = max(done, key=lambda row: int(row["size"]))
        times = positions(part, size) / positions(part, int(last["size"]))
        seconds = float(last["seconds"]) * times ** (2 if layer in QUADRATIC else 1)
        megabytes = max(megabytes, float(last["megabytes"]) * times)  # inputs and outputs grow with n
    too_much = megabytes > MOST_MEGABYTES or seconds > MOST_SECONDS
    if too_much or (str(size), "0") in {(row["size"], row["measured"]) for row in rows}:  # all rounds do alike
        parameters = parameters_of(part, layer, size)
        return {"parameters": parameters, "megabytes": megabytes, "seconds": seconds, "measured": 0}
    return in_a_process(part, layer, size) | {"measured": 1}


def append(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows at the end of the file, all at once: half a run would be taken for a whole one."""
    lines = [[_text(row.get(name, "")) for name in FIELDS] for row in rows]
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        file.write("".join(",".join(line) + "\n" for line in lines))
    print("\n".join(", ".join(line) for line in lines), flush=True)


def _text(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if "," in text else text


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What is read off it.


def figures(rows: Iterable[dict[str, str]], part: str, layer: str, field: str, measured: str = "1") -> dict[int, Any]:
    """Return the figures of all rounds by size, those that were measured or the others: {size: (rounds,)}."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if (row["part"], row["layer"], row["measured"]) == (part, layer, measured):
            found.setdefault(int(row["size"]), []).append(float(row[field]))
    return {size: np.array(found[size]) for size in sorted(found)}


def slope(
    rows: Iterable[dict[str, str]], part: str, layer: str, field: str = "seconds", *, largest: int = 3, least: float = 0
) -> tuple[float, float, float, list[int]]:
    """Return the exponent p of a cost that grows as n^p, the ends of its 95 % interval, and the sizes that it is from.

    Least squares of the logarithms over the largest sizes that were measured, where a call itself costs nothing any
    more, every round a point; the interval is the regression's (Student's t).

    Args:
        rows: the table.
        part: samples or pixels; n is the number of positions in both.
        layer: one of the layers.
        field: ``seconds`` or ``megabytes``.
        largest: so many of the largest sizes.
        least: of figures above this, as a median: libraries take a dozen ``megabytes`` of their own.

    Raises:
        ValueError: if fewer than two sizes are left.
    """
    found = figures(rows, part, layer, field)
    sizes = [size for size, values in found.items() if np.median(values) > least][-largest:]
    if len(sizes) < 2:
        raise ValueError(f"a slope needs two sizes, got {len(sizes)} of {layer} with more than {least:g} {field}")
    x = np.concatenate([np.full(len(found[size]), math.log(positions(part, size))) for size in sizes])
    fit = stats.linregress(x, np.log(np.concatenate([found[size] for size in sizes])))
    half = stats.t.ppf(0.975, len(x) - 2) * fit.stderr
    return float(fit.slope), float(fit.slope - half), float(fit.slope + half), sizes


def accuracies(rows: Iterable[dict[str, str]], part: str, layer: str) -> dict[float, list[float]]:
    """Return the accuracies of all seeds by CPU seconds of training."""
    found: dict[float, list[float]] = {}
    for row in rows:
        if (row["part"], row["layer"]) == (part, layer):
            found.setdefault(float(row["seconds"]), []).append(float(row["accuracy"]))
    return found


def interval(values: Sequence[float]) -> str:
    """Return a mean of shares over seeds in per cent, with its 95 % interval (Student's t)."""
    middle, error = mean_and_error([100 * value for value in values])
    return f"{middle:.1f} ± {error * stats.t.ppf(0.975, len(values) - 1):.1f}"


def run() -> list[Row]:
    rows = measured()
    out = []
    for size in (1024, 16384):
        ours, *others = (
            float(np.median(figures(rows, SAMPLES, layer, "seconds")[size]))
            for layer in ("dilated stack", "dense, shared", "GRU", "attention, fused")
        )
        what = f"{size:,} samples, a pass of a dilated stack that sees all"
        names = ("a dense layer, shared by the channels", "a GRU", "self-attention, fused")
        out += [Row(what, ours, peer, theirs, goal=1.0) for peer, theirs in zip(names, others, strict=True)]
    for part in (DIGITS, PERMUTED):
        dense, convolution = (accuracies(rows, part, layer) for layer in ("dense", "convolution"))
        for seconds in (BUDGETS[0], BUDGETS[-1]):
            out.append(
                Row(
                    f"{part}, {seconds:g} CPU s of training a dense network; right {interval(dense[seconds])} %",
                    max(100 * (1 - statistics.mean(dense[seconds])), 1e-3),
                    f"a convolutional one of as many parameters; right {interval(convolution[seconds])} %",
                    100 * (1 - statistics.mean(convolution[seconds])),
                    goal=1.0,
                    unit="% wrong",
                )
            )
    return out


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return what was measured as medians of the rounds, what was computed in brackets, slopes, and the digits."""
    lines = []
    for part, sizes in SIZES.items():
        for layer in LAYERS[part]:
            lines.append(f"\n{part}: {layer}")
            for size in sizes:
                for mark, brackets in (("1", "  "), ("0", "()")):
                    found = [figures(rows, part, layer, name, mark).get(size, np.array([])) for name in FIELDS[4:7]]
                    if len(found[0]):
                        parameters, megabytes, seconds = (float(np.median(values)) for values in found)
                        spread = f"{found[2].min():.3g} to {found[2].max():.3g}"
                        lines.append(
                            f"  {size:>6} {brackets[0]}{parameters:>15,.0f} parameters {megabytes:>10.1f} MB "
                            f"{seconds:>9.3g} s{brackets[1]}  {spread}"
                        )
            for name, least in (("seconds", 0.0), ("megabytes", 100.0)):
                try:
                    middle, low, high, used = slope(rows, part, layer, name, least=least)
                except ValueError:
                    continue
                lines.append(f"  {name} grow as n^{middle:.2f} ({low:.2f} to {high:.2f}), from {used}")
    for part in (DIGITS, PERMUTED):
        for layer in RATES:
            said = (f"{seconds:g} s {interval(found)}" for seconds, found in accuracies(rows, part, layer).items())
            lines.append(f"\n{part}, {layer}: right, %: " + "   ".join(said))
    lines.append(f"\nnearest neighbour: {accuracies(rows, DIGITS, NEAREST)}")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["rates"]:
        rates()
    else:
        print(table(measured()))
