"""What the transformers of chapter 07 have learnt, on held-out data: beside the best counts, beside LSTMs, and sums.

The networks are those of the weights that ship with the chapter (``sdg-lab train 07-names`` and so on make them anew);
the sums are learnt here. All settings, also orders and discounts of the counts, were chosen on validation data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import mean, stdev

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.timing import Row
from sdg_lab import data, metrics, training
from sdg_lab.course.ch07.shelf import MAX_SYMBOLS, Shelf, in_common_key
from sdg_lab.course.engine import weights as trained
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.sequences.subwords import Subwords
from sdg_lab.models.transformer import GPT, Transformer
from sdg_lab.training.muon import Muon
from sdg_lab.training.randomness import seeded
from sdg_lab.training.schedules import warm_up_then_linear

HELD_OUT, TRAINED_ON = 5_000, 128_000
SCHEDULE = partial(warm_up_then_linear, warm_up=0.03)

MELODIES_ORDER, MELODIES_DISCOUNT = 2, 0.7


def run() -> list[Row]:
    return [*names(), *melodies(), *molecules(), *plays(), sums()]


def names() -> list[Row]:
    """Compare nats a character, the end of a name being one."""
    names = data.names()
    kinds = Shelf.load(trained.path("07-names")).by_kind()
    counts = MarkovChain(5, "kneser-ney", discount=0.9).fit(names.train)
    return _rows("names", names.test, kinds["transformer"], counts, kinds["LSTM"], "nats/char")


def melodies() -> list[Row]:
    """Compare nats a note, in semitones above the last one; melodies with a note that training lacks are left out."""
    chorales = data.chorales()
    train, test = ([in_common_key(melody) for melody in part] for part in (chorales.train, chorales.test))
    known = {note for tune in train for note in tune}
    kinds = Shelf.load(trained.path("07-melodies")).by_kind()
    counts = MarkovChain(MELODIES_ORDER, "kneser-ney", discount=MELODIES_DISCOUNT).fit(train)
    fair = [tune for tune in test if known.issuperset(tune)]
    return _rows("melodies", fair, kinds["transformer"], counts, kinds["LSTM"], "nats/note")


def molecules() -> list[Row]:
    """Compare nats a symbol of SMILES."""
    molecules = data.molecules()
    train, test = ([s for s in part if len(s) <= MAX_SYMBOLS] for part in (molecules.train, molecules.test))
    counts = MarkovChain(9, "kneser-ney", discount=0.9).fit(train)
    kinds = Shelf.load(trained.path("07-molecules")).by_kind()
    return _rows("molecules", test, kinds["transformer"], counts, kinds["LSTM"], "nats/symbol")


def _rows(
    what: str,
    test: Sequences,
    transformers: Sequence[SequenceModel],
    counts: MarkovChain,
    lstms: Sequence[SequenceModel],
    unit: str,
) -> list[Row]:
    """Set the transformers beside both rivals."""
    symbols = [len(item) + 1 for item in test]

    def nats(models: Sequence[SequenceModel | MarkovChain]) -> list[float]:
        return [metrics.nats_per_symbol(model.log_prob(test), symbols) for model in models]

    ours, theirs = nats(transformers), nats(lstms)
    title = f"{what}, test: GPT after {_seconds(transformers)} CPU s{_spread(ours)}"
    lstm = f"LSTM after {_seconds(lstms)} CPU s{_spread(theirs)}"
    return [
        Row(title, mean(ours), f"Kneser–Ney counts of order {counts.order}", nats([counts])[0], goal=1.0, unit=unit),
        Row(title, mean(ours), lstm, mean(theirs), goal=1.0, unit=unit),
    ]


def _seconds(models: Sequence[SequenceModel]) -> str:
    return f"{mean(model.trained['cpu_seconds'] for model in models):.0f}"


def _spread(values: list[float]) -> str:
    return f", mean of {len(values)} seeds (± {stdev(values):.3f})" if len(values) > 1 else ""


def plays() -> list[Row]:
    """Compare nats a character; those of both networks are upper bounds, as they score one way to cut the text."""
    plays = data.plays()
    known = set(plays.train)
    test = "".join(character for character in plays.test if character in known)
    gpt, lstm = GPT.load(trained.path("07-plays")), Recurrent.load(trained.path("07-plays-lstm"))
    tokens = Subwords(gpt.symbols[1:]).encode(test)
    ours, theirs = (float(-model.text_log_prob(tokens).sum()) / len(test) for model in (gpt, lstm))
    counts = MarkovChain(7, "kneser-ney", discount=0.95).fit([plays.train])
    by_counts = float(-counts.log_prob([test])[0]) / len(test)
    title = f"plays, test: GPT on subwords after {_seconds([gpt])} CPU s"
    lstm_title = f"LSTM on the same subwords after {_seconds([lstm])} CPU s"
    return [
        Row(title, ours, f"Kneser–Ney counts of order {counts.order}", by_counts, goal=1.0, unit="nats/char"),
        Row(title, ours, lstm_title, theirs, goal=1.0, unit="nats/char"),
    ]


def sums() -> Row:
    """Measure the CPU seconds of a training after which 99 % of the held-out sums are right."""
    pairs = torch.randperm(1_000_000, generator=torch.Generator().manual_seed(0))[: HELD_OUT + TRAINED_ON]
    tokens = write_sums(pairs // 1000, pairs % 1000)
    start = time.process_time()
    adder = Adder()
    with seeded(0):
        adder.network.reset_parameters()
    training.train(
        adder,
        tokens[HELD_OUT:],
        epochs=1,
        batch_size=256,
        optimizer=adder.muon,
        schedule=SCHEDULE,
        clip=1.0,
        progress=False,
    )
    seconds = time.process_time() - start
    test, prompt = tokens[:HELD_OUT], tokens[:HELD_OUT, :8]
    cache = adder.network.cache(HELD_OUT)
    with torch.no_grad():
        for _ in range(4):  # digits of the answer, the likeliest one at each step
            read = prompt if cache.length == 0 else prompt[:, -1:]
            prompt = torch.cat([prompt, adder.network(read, cache)[:, -1:].argmax(-1)], dim=1)
    exact = float((prompt == test).all(dim=1).float().mean())
    if exact < 0.99:
        raise AssertionError(f"only {exact:.2%} of the held-out sums are right")
    return Row(f"three-digit sums, {exact:.2%} of {HELD_OUT:,} held out", seconds, "the aim for 99 %", 100.0, goal=1.0)


def write_sums(a: Tensor, b: Tensor) -> Tensor:
    """Write sums as codes, (n, 12): three digits, plus (10), three digits, equals (11), and the sum's, reversed."""
    first, second, total = (x[:, None] // 10 ** torch.arange(width) % 10 for x, width in ((a, 3), (b, 3), (a + b, 4)))
    plus, equals = (torch.full((len(a), 1), code) for code in (10, 11))
    return torch.cat([first.flip(1), plus, second.flip(1), equals, total], dim=1)


class Adder(nn.Module):
    """A transformer that continues ``123+456=`` with the digits of the sum, the last one first."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Transformer(12, d_model=64, n_layers=3, n_heads=4, context=12)

    def loss(self, tokens: Tensor) -> Tensor:
        """Return the mean nats of the answer's digits: the question is anything at all, and not learnt."""
        logits = self.network.unembed(self.network.hidden(tokens[:, :-1])[:, -4:])
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, -4:].flatten())

    def muon(self, parameters: Iterator[nn.Parameter]) -> Muon:
        """Step the matrices inside the blocks with Muon, and all others with AdamW."""
        matrices = [p for p in self.network.blocks.parameters() if p.ndim == 2]
        inside = {id(p) for p in matrices}
        return Muon(matrices, [p for p in parameters if id(p) not in inside], lr=1e-2)
