"""What a WaveNet on a CPU costs and what it learns: steps, samples, and bits per sample beside other models.

Three questions:

- A training step, against the same layers written plainly (two dilated and two 1×1 convolutions each), first with our
  input and output, then as published, with 256 vectors in and 256 logits out (:mod:`benchmarks.peers.wavenet`). The
  same batch, loss and optimiser; no dropout; the plain layers get our weights and are checked to be the same function.
- A second of sound at 8 kHz from queues, against two naive ways: computing for each sample all that there is of the
  sound so far, as a loop around the network does that one has trained, and computing its receptive field alone. Of
  these some samples are measured and scaled; the outputs are compared. Then the latter for 32 notes side by side.
- Bits per sample on the test part of ``data.sounds()``: notes of recordings that no model has heard. All models give
  μ-law codes an exact probability:

  - ``uniform``: 8 bits, and nothing known.
  - ``unigram``, ``n-gram``: Markov chains over the codes of one note, its end included; order and smoothing of the
    latter, and the order of ``linear prediction`` and what it has coefficients for, are those that give the validation
    part the fewest bits. Their CPU seconds are those of trying all.
  - ``GRU``, ``GPT``: the course's language models, in windows of 500 and 256 codes; told neither instrument nor pitch.
  - ``WaveNet``: conditioned on both, and with the linear prediction of each note inside.

  The networks have about as many parameters and at most 150 CPU seconds each, one thread; their learning rates and
  numbers of epochs were chosen by the validation part. The table that is kept was measured while other programs ran on
  both of two cores, which takes caches away and makes CPU seconds longer than they would be.

All bits are in ``notebooks/results/09-waveforms.csv``, a row for each model, seed and recording;
``python -m benchmarks.waveforms`` measures what is missing there and prints a summary.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from benchmarks.peers.wavenet import PlainLayers, PublishedNetwork
from benchmarks.timing import Row
from sdg_lab import data
from sdg_lab.data import packages
from sdg_lab.data.soundfont import Bank
from sdg_lab.data.sounds import INSTRUMENTS
from sdg_lab.data.types import Sounds
from sdg_lab.metrics import mean_and_error
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.markov.smoothing import Smoothing
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.transformer import GPT
from sdg_lab.models.waveforms import LinearPredictor, WaveNet, mixture
from sdg_lab.models.waveforms.generation import Queues
from sdg_lab.models.waveforms.linear import By
from sdg_lab.models.waveforms.mu_law import Codes, encode
from sdg_lab.models.waveforms.network import Network, Note
from sdg_lab.training import n_parameters
from sdg_lab.training.schedules import warm_up_then_linear

RESULTS = Path(__file__).parent.parent / "notebooks" / "results" / "09-waveforms.csv"
FIELDS = ("model", "seed", "recording", "notes", "bits", "cpu_seconds", "parameters")
"""``bits`` per sample, the mean over the notes of a recording; ``cpu_seconds`` of training."""

RATE, BATCH, REPEATS, NAIVE = 8_000, 4, 9, 200
STEP_GOAL, QUEUE_GOAL, SECONDS_GOAL = 1.5, 50.0, 4.0

# A training step.


def conditioned(**options: Any) -> WaveNet:
    """Return a WaveNet of the instruments and pitches of :func:`sdg_lab.data.sounds`."""
    return WaveNet(classes=len(INSTRUMENTS), pitches=(48, 83), **options)


def networks(ours: WaveNet) -> dict[str, WaveNet]:
    """Return the model, and copies of it around each plain network."""
    sizes: dict[str, Any] = {
        "channels": ours.channels,
        "dilations": ours.dilations,
        "skip": ours.skip,
        "condition": ours.channels,
    }
    told: dict[str, Any] = {
        "clocks": ours.network.clocks.tolist(),
        "grain": ours.network.grain,
        "pull": ours.pull,
    }
    found = {"ours": ours}
    for name, network in (
        ("the same, of plain layers",
         PlainLayers(ours.network, taps=ours.taps, components=ours.components, **told, **sizes)),
        ("a WaveNet as published, of plain layers, with 256 logits", PublishedNetwork(**sizes)),
    ):  # fmt: skip
        found[name] = type(ours)(**ours.config())
        found[name].load_state_dict(ours.state_dict())
        found[name].network = network  # type: ignore[assignment] # it is asked for its field and its log_prob
    return found


def batch(model: WaveNet) -> tuple[Tensor, ...]:
    """Return some windows of the training sounds, as the model's loss takes them."""
    train = sounds().train
    windows = model._windows(train[:: len(train) // BATCH])
    return tuple(column[:: len(column) // BATCH][:BATCH] for column in windows)


def training_step(model: WaveNet, rows: tuple[Tensor, ...]) -> Callable[[], None]:
    """Return a function that trains the model for one step on the same windows."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)
    model.train()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        model.loss(*rows).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def steps() -> list[Row]:
    """Compare training steps."""
    ours, *peers = named = networks(conditioned(dropout=0.0))
    rows = {name: batch(model) for name, model in named.items()}
    with torch.no_grad():
        plain, mine = (named[name].sample_log_probs(*rows[name][:-1]) for name in (peers[0], ours))
    torch.testing.assert_close(plain, mine, rtol=1e-3, atol=1e-3)
    seconds = in_turns({name: training_step(model, rows[name]) for name, model in named.items()}, repeats=REPEATS)
    what = f"WaveNet of {n_parameters(named[ours]):,} parameters, a training step on {BATCH} windows of 1,000 samples"
    goals = (1.0, STEP_GOAL)
    return [
        Row(what, seconds[ours], f"{peer}, {n_parameters(named[peer]):,} parameters", seconds[peer], goal, "CPU s")
        for peer, goal in zip(peers, goals, strict=True)
    ]


def in_turns(work: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Return the median CPU seconds of each function; they take turns, after one call of each that warms up."""
    for function in work.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, function in work.items():
            start = time.process_time()
            function()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


# A second of sound.


@torch.no_grad()
def naive(network: Network, note: Note, length: int, temperature: float) -> tuple[Codes, NDArray[Any]]:
    """Draw codes, (n, length), and compute the whole receptive field for each; return all outputs, too, (T, n, 3 K)."""
    field, rng, n = network.receptive_field, np.random.default_rng(0), len(note.h)
    codes, outputs = encode(np.zeros((n, field + length)), network.levels), []
    for t in range(length):
        here = replace(note, starts=torch.full((n,), t - field))
        heard = network.hear(torch.from_numpy(codes[:, t : t + field]), here)
        found = network.outputs(heard, here)[:, -1].numpy()
        centre, step = (each[:, -1].numpy() for each in (heard.predicted, heard.step))
        codes[:, field + t] = mixture.draw(found, centre, step, temperature, rng, network.levels)
        outputs.append(found)
    return codes[:, field:], np.stack(outputs)


def difference(network: Network, note: Note, length: int = NAIVE) -> float:
    """Return the largest difference of the outputs of queues and those of the whole field, over drawn notes."""
    codes, expected = naive(network, note, length, 1.0)
    queues, found = Queues(network, note), []
    for code in codes.T:
        found.append(queues.next()[0])
        queues.hear(code)
    return float(np.abs(np.stack(found) - expected).max())


@torch.no_grad()
def from_the_start(network: Network, note: Note, lengths: Iterable[int]) -> None:
    """Compute the sample after so many others from all of them, for each of some lengths."""
    codes = torch.from_numpy(encode(np.zeros((len(note.h), network.receptive_field + RATE)), network.levels))
    for length in lengths:
        network(codes[:, : network.receptive_field + length], note)


def generation() -> list[Row]:
    """Compare the ways to generate notes; a model that has learnt a little, so that they are no silence."""
    model = conditioned().fit(sounds().train[::8], epochs=1, progress=False)
    field, rng, out = model.network.receptive_field, np.random.default_rng(0), []
    for n, measured in ((1, NAIVE), (32, NAIVE // 10)):
        with torch.no_grad():
            note = model.note(torch.full((n,), 2), torch.arange(n) % 24 + 60, torch.zeros(n))
        apart = difference(model.network, note)
        if apart > 1e-2:
            raise AssertionError(f"outputs of queues and of the whole field differ by {apart}")
        work: dict[str, Callable[[], object]] = {
            "queues": partial(Queues(model.network, note).generate, RATE, temperature=1.0, rng=rng),
            "naive": partial(naive, model.network, note, measured, 1.0),
        }
        seconds = in_turns(work, repeats=3)
        what = f"{n} note{'s side by side' if n > 1 else ''} of 1 s, 8,000 samples, by queues"
        peer = f"a receptive field of {field} for each sample, {measured} measured; outputs differ by {apart:.0e}"
        out.append(Row(what, seconds["queues"], peer, seconds["naive"] * RATE / measured, QUEUE_GOAL, "CPU s"))
        if n == 1:
            out.append(Row(what, seconds["queues"], "the aim", SECONDS_GOAL, 1.0, "CPU s"))
            lengths = range(RATE // 40, RATE, RATE // 20)  # 20, whose mean is half a second
            work = {
                "all": partial(from_the_start, model.network, replace(note, starts=torch.tensor([-field])), lengths)
            }
            whole = in_turns(work, repeats=3)["all"] * RATE / len(lengths)
            peer = f"all of the sound so far for each sample, {len(lengths)} measured"
            out.append(Row(what, seconds["queues"], peer, whole, QUEUE_GOAL, "CPU s"))
    return out


# Bits per sample.

UNIFORM, UNIGRAM, NGRAM, LINEAR = "uniform", "unigram", "n-gram", "linear prediction"
GRU, TRANSFORMER, WAVENET = "GRU", "GPT", "WaveNet"
SEEDS, NETWORKS = range(3), (GRU, TRANSFORMER, WAVENET)
ORDERS = {NGRAM: (1, 2, 3, 4), LINEAR: (32, 64, 128)}
SMOOTHINGS: tuple[Smoothing, ...] = ("witten-bell", "kneser-ney")
SCHEDULE = warm_up_then_linear


@dataclass(frozen=True)
class Judged:
    """What is known of a model: bits per sample of each test note, (n,), CPU seconds of training and parameters."""

    bits: NDArray[np.float64]
    cpu_seconds: float
    parameters: int


@cache
def sounds() -> data.Dataset[Sounds]:
    """Return the sounds; they are made once."""
    return data.sounds()


def texts(sounds: Sounds) -> list[str]:
    """Return each sound's codes as characters."""
    return ["".join(map(chr, 0x100 + row.astype(int))) for row in encode(sounds.waves)]


def per_sample(log_probs: NDArray[np.float64], sounds: Sounds) -> NDArray[np.float64]:
    """Return nats as bits per sample, (n,)."""
    bits: NDArray[np.float64] = -log_probs / (math.log(2) * sounds.waves.shape[1])
    return bits


def fitted(model: str, seed: int) -> Judged:
    """Train a model and judge it on the test notes."""
    parts = sounds()
    match model:
        case "uniform":
            return Judged(np.full(len(parts.test), 8.0), 0.0, 0)
        case "unigram" | "n-gram":
            return by_counting([0] if model == UNIGRAM else ORDERS[NGRAM], parts)
        case "linear prediction":
            return by_prediction(parts)
        case "GRU" | "GPT":
            language = language_model(model, parts, seed)
            nats = np.array([language.text_log_prob(text).sum() for text in texts(parts.test)])
            return Judged(per_sample(nats, parts.test), language.trained["cpu_seconds"], language.n_parameters)
        case _:
            wavenet = conditioned().fit(parts.train, seed=seed, progress=False, **RECIPES[model])
            return Judged(wavenet.bits_per_sample(parts.test), wavenet.trained["cpu_seconds"], wavenet.n_parameters)


RECIPES: dict[str, dict[str, Any]] = {
    GRU: {"epochs": 2, "batch_size": 8, "lr": 5e-3, "weight_decay": 0.1, "schedule": SCHEDULE},
    TRANSFORMER: {"epochs": 1, "batch_size": 8, "lr": 6e-3, "weight_decay": 0.1, "schedule": SCHEDULE},
    WAVENET: {"epochs": 3, "batch_size": 4, "lr": 5e-3, "weight_decay": 0.3, "schedule": SCHEDULE},
}


def by_counting(orders: Iterable[int], parts: data.Dataset[Sounds]) -> Judged:
    """Try Markov chains, and judge the one that the validation part likes best."""
    train, validation, test = (texts(part) for part in parts.parts.values())
    start = time.process_time()
    chains = [MarkovChain(order, smoothing).fit(train) for order in orders for smoothing in SMOOTHINGS]
    best = max(chains, key=lambda chain: chain.log_prob(validation).sum())
    seconds = time.process_time() - start
    print(f"{best!r} of {len(chains)}", flush=True)
    return Judged(per_sample(best.log_prob(test), parts.test), seconds, best.n_parameters)


def by_prediction(parts: data.Dataset[Sounds]) -> Judged:
    """Try linear predictions, and judge the one that the validation part likes best."""
    start = time.process_time()
    settings = itertools.product(ORDERS[LINEAR], get_args(By))
    predictors = [LinearPredictor(order=order, by=by).fit(parts.train) for order, by in settings]
    best = max(predictors, key=lambda predictor: predictor.log_prob(parts.validation).sum())
    seconds = time.process_time() - start
    print(f"linear prediction by {best.by}, order {best.order}, scale {best.scale:.2f}", flush=True)
    return Judged(best.bits_per_sample(parts.test), seconds, best.n_parameters)


def language_model(name: str, parts: data.Dataset[Sounds], seed: int) -> SequenceModel:
    """Train a language model on the codes as running text; a window does not straddle notes."""
    model: SequenceModel
    if name == GRU:
        model, context = Recurrent("gru", width=112, embedding=48), 500
    else:
        model, context = GPT(d_model=48, n_layers=3, n_heads=4, context=256, positions="rotary"), 250
    text = "".join(texts(parts.train))
    return model.fit_text(text, context=context, seed=seed, progress=False, **RECIPES[name])


@cache
def recordings() -> dict[tuple[int, int], str]:
    """Return which recording a note is made of, by label and pitch."""
    bank = Bank(packages.file("pretty_midi", "TimGM6mb.sf2"))
    return {
        (label, pitch): f"{instrument}/{zone.recording}"
        for label, (instrument, (stored, _, _)) in enumerate(INSTRUMENTS.items())
        for zone in bank.zones(stored)
        for pitch in zone.keys
    }


def rows_of(model: str, seed: int, judged: Judged, notes: Sounds) -> list[dict[str, Any]]:
    """Return a row for each recording of the test part."""
    assert notes.labels is not None
    assert notes.pitches is not None
    names = np.array([recordings()[key] for key in zip(notes.labels.tolist(), notes.pitches.tolist(), strict=True)])
    return [
        {
            "model": model,
            "seed": seed,
            "recording": name,
            "notes": int((names == name).sum()),
            "bits": float(judged.bits[names == name].mean()),
            "cpu_seconds": judged.cpu_seconds,
            "parameters": judged.parameters,
        }
        for name in sorted(set(names.tolist()))
    ]


def measured() -> list[dict[str, str]]:
    """Return all figures, and measure those that are missing; a model's rows are written when it is judged."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    there = {(row["model"], row["seed"]) for row in read()}
    wanted = [(model, 0) for model in (UNIFORM, UNIGRAM, NGRAM, LINEAR)]
    wanted += [(model, seed) for seed in SEEDS for model in NETWORKS]
    for model, seed in wanted:
        if (model, str(seed)) not in there:
            append(rows_of(model, seed, fitted(model, seed), sounds().test))
    return read()


def append(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a model's rows at the end of the file, all at once: half of them would be taken for all."""
    lines = [[_text(row[name]) for name in FIELDS] for row in rows]
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        file.write("".join(",".join(line) + "\n" for line in lines))
    bits = sum(row["notes"] * row["bits"] for row in rows) / sum(row["notes"] for row in rows)
    print(f"{rows[0]['model']}, seed {rows[0]['seed']}: {bits:.3f} bits, {rows[0]['cpu_seconds']:.0f} s", flush=True)


def _text(value: Any) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if "," in text else text


def read() -> list[dict[str, str]]:
    """Return the rows of the file, as texts."""
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What is read off them.


def by_recording(rows: Iterable[Mapping[str, str]], model: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bits per sample, (seeds, recordings), and the notes of each recording, (recordings,)."""
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for row in rows:
        if row["model"] == model:
            found.setdefault(row["seed"], {})[row["recording"]] = float(row["bits"]), int(row["notes"])
    bits = [[seed[name][0] for name in sorted(seed)] for seed in found.values()]
    first = next(iter(found.values()))
    return np.array(bits), np.array([float(first[name][1]) for name in sorted(first)])


def over_recordings(bits: NDArray[np.float64], notes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean over notes and its 95 % interval, were others recorded: recordings are drawn with replacement.

    Args:
        bits: of each recording, (recordings,), or differences of them.
        notes: of each recording, (recordings,).
    """
    drawn = np.random.default_rng(0).integers(len(bits), size=(10_000, len(bits)))
    means = (bits * notes)[drawn].sum(axis=1) / notes[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float((bits * notes).sum() / notes.sum()), float(low), float(high)


def over_seeds(bits: NDArray[np.float64], notes: NDArray[np.float64]) -> float:
    """Return half of the 95 % interval over seeds (Student's t) of the mean over notes; 0 where there is one."""
    if len(bits) < 2:
        return 0.0
    _, error = mean_and_error((bits * notes).sum(axis=1) / notes.sum())
    return float(error * stats.t.ppf(0.975, len(bits) - 1))


def summary(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a line for each model: bits, both intervals, the difference to the WaveNet, seconds and parameters."""
    lines = []
    ours, notes = by_recording(rows, WAVENET)
    for model in dict.fromkeys(row["model"] for row in rows):
        bits, _ = by_recording(rows, model)
        middle, low, high = over_recordings(bits.mean(axis=0), notes)
        more, least, most = over_recordings(bits.mean(axis=0) - ours.mean(axis=0), notes)
        own = [row for row in rows if row["model"] == model]
        lines.append(
            f"{model:>24} {middle:.3f} bits ({low:.3f} to {high:.3f} over recordings, ± {over_seeds(bits, notes):.3f} "
            f"over {len(bits)} seeds), WaveNet + {more:.3f} ({least:.3f} to {most:.3f}); "
            f"{statistics.mean(float(row['cpu_seconds']) for row in own):.0f} CPU s, {own[0]['parameters']} parameters"
        )
    return "\n".join(lines)


def quality() -> list[Row]:
    """Set the WaveNet beside each other model."""
    rows = measured()
    ours, notes = by_recording(rows, WAVENET)
    mean, _, _ = over_recordings(ours.mean(axis=0), notes)
    out = []
    for model in (UNIFORM, UNIGRAM, NGRAM, LINEAR, GRU, TRANSFORMER):
        theirs, _ = by_recording(rows, model)
        more, low, high = over_recordings(theirs.mean(axis=0) - ours.mean(axis=0), notes)
        peer = f"{model}; {more:+.2f}, {low:+.2f} to {high:+.2f} over recordings"
        what = f"notes of unheard recordings: WaveNet, mean of {len(ours)} seeds ± {over_seeds(ours, notes):.3f}"
        out.append(Row(what, mean, peer, mean + more, goal=1.0, unit="bits/sample"))
    return out


def run() -> list[Row]:
    return [*steps(), *generation(), *quality()]


if __name__ == "__main__":
    print(summary(measured()))
