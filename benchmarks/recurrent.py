"""Recurrent networks: our cells beside torch's layer, names beside the best counts, and spelling to pronunciation.

The first rows are seconds of a training step: the same LSTM, with equal weights, loss and gradients, run by torch's
kernel, by our loop over steps, and as ``torch.nn.LSTM``. The others are errors on test data, of which less is better.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from statistics import mean

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import Row, interleaved
from sdg_lab import data, metrics
from sdg_lab.course.engine import weights as trained
from sdg_lab.metrics.sequences.edit_distance import error_rate
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.recurrent.seq2seq import Seq2Seq
from sdg_lab.models.sequences import padding
from sdg_lab.training.schedules import cosine

BATCH, WIDTH, EMBEDDING, REPEATS, SEEDS = 64, 192, 32, 15, 3


def run() -> list[Row]:
    return [*training_steps(), names(), pronunciations()]


def training_steps() -> list[Row]:
    """Time one step of training on a batch of names."""
    words = data.names().train
    ours = Recurrent("lstm", width=WIDTH, embedding=EMBEDDING).fit(words[:BATCH], epochs=1, progress=False)
    loop, theirs = copy.deepcopy(ours), TorchLSTM(len(ours.symbols))
    for cell in loop.cells:
        cell.fused = cell.along  # our loop over steps in the place of torch's kernel
    theirs.take(ours)
    tokens, lengths = ours.pad(words[:BATCH])
    weights = padding.weights(lengths)
    losses: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: ours.loss(tokens, lengths, weights),
        "torch.nn.LSTM": lambda: theirs.loss(tokens, lengths),
        "our cells, step by step": lambda: loop.loss(tokens, lengths, weights),
    }
    values = [loss().item() for loss in losses.values()]
    if max(values) - min(values) > 1e-5:
        raise AssertionError(f"the networks do not compute the same loss: {values}")
    steps = {name: training_step(model, losses[name]) for name, model in zip(losses, (ours, theirs, loop), strict=True)}
    seconds = interleaved(steps, repeats=REPEATS)
    what = f"LSTM of width {WIDTH}, a training step on {BATCH} names"
    return [
        Row(what, seconds["ours"], name, seconds[name], goal=goal)
        for name, goal in (("torch.nn.LSTM", 0.95), ("our cells, step by step", 1.5))
    ]


def training_step(network: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    """Return a function that makes one step: loss, gradients, AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


class TorchLSTM(nn.Module):
    """The same network as one would write it with torch's layers."""

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols, EMBEDDING)
        self.layer = nn.LSTM(EMBEDDING, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, n_symbols)

    def take(self, ours: Recurrent) -> None:
        """Take over the weights of our network."""
        self.embed.load_state_dict(ours.embed.state_dict())
        self.head.load_state_dict(ours.head.state_dict())
        self.layer.load_state_dict({f"{name}_l0": value for name, value in ours.cells[0].state_dict().items()})

    def loss(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean nats of a token that counts."""
        logits = self.head(self.layer(self.embed(tokens[:, :-1]))[0])
        there = padding.mask_of(lengths, logits.shape[1])
        return F.cross_entropy(logits[there], tokens[:, 1:][there])


def names() -> Row:
    """Compare held-out nats a character, the end of a name being one, with the best counts of chapter 01."""
    names = data.names()

    def nats(model: Recurrent | MarkovChain, part: list[str]) -> float:
        return metrics.nats_per_symbol(model.log_prob(part), [len(name) + 1 for name in part])

    chains = [
        MarkovChain(order, "kneser-ney", discount=discount).fit(names.train)
        for order in (3, 4, 5, 6)
        for discount in (0.7, 0.8, 0.9, 1.0)
    ]
    counts = min(chains, key=lambda chain: nats(chain, names.validation))
    networks = [
        Recurrent("lstm", width=WIDTH, embedding=EMBEDDING, dropout=0.3).fit(
            names.train, epochs=20, lr=3e-3, schedule=cosine, seed=seed, progress=False
        )
        for seed in range(SEEDS)
    ]
    seconds = mean(network.trained["cpu_seconds"] for network in networks)
    return Row(
        f"names, test: LSTM of width {WIDTH} after {seconds:.0f} CPU s, mean of {SEEDS} seeds",
        mean(nats(network, names.test) for network in networks),
        f"Kneser–Ney counts of order {counts.order}, chosen on validation",
        nats(counts, names.test),
        goal=1.0,
        unit="nats/char",
    )


def pronunciations() -> Row:
    """Measure the phoneme errors of the weights that ship with chapter 06; stress counts as part of a vowel."""
    model = trained.load("06-seq2seq", Seq2Seq)
    test = data.pronunciations().test
    written = model.translate([spelling for spelling, _ in test])
    return Row(
        f"spelling → pronunciation, {len(test):,} test words, after {model.trained['cpu_seconds']:.0f} CPU s",
        error_rate(written, [phonemes for _, phonemes in test]),
        "what was to be reached in 240 s",
        0.15,
        goal=1.0,
        unit="errors/phoneme",
    )
