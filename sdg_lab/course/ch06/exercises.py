"""Chapter 06: what its notebook's header says, its exercises, and the weights that ship with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course.ch06.pronouncer import train_pronouncer
from sdg_lab.course.ch06.reversal import try_both_orders
from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

CHAPTER = Chapter(
    number="06",
    title="Recurrent networks",
    builds="Networks with a memory: RNN, LSTM and GRU from their formulas; names, melodies and temperatures that they "
    "make, scored beside counts; a pair of networks that pronounces words it has never seen, with attention; and "
    "visitors of a shop.",
    read_first="Chapters 00 and 01 (nats, held-out data, counts); what a matrix times a vector is.",
    papers=(
        Paper("Finding Structure in Time", "Elman", 1990, "https://doi.org/10.1207/s15516709cog1402_1"),
        Paper(
            "Long Short-Term Memory", "Hochreiter and Schmidhuber", 1997, "https://doi.org/10.1162/neco.1997.9.8.1735"
        ),
        Paper("Generating Sequences With Recurrent Neural Networks", "Graves", 2013, "https://arxiv.org/abs/1308.0850"),
        Paper(
            "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
            "Cho et al.",
            2014,
            "https://arxiv.org/abs/1406.1078",
        ),
        Paper(
            "Sequence to Sequence Learning with Neural Networks",
            "Sutskever, Vinyals and Le",
            2014,
            "https://arxiv.org/abs/1409.3215",
        ),
        Paper(
            "Neural Machine Translation by Jointly Learning to Align and Translate",
            "Bahdanau, Cho and Bengio",
            2015,
            "https://arxiv.org/abs/1409.0473",
        ),
    ),
)

WEIGHTS = {"06-seq2seq": train_pronouncer, "06-reversal": try_both_orders}


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


_CELLS = ((3, 2, 4, torch.float64), (1, 5, 2, torch.float64), (6, 1, 3, torch.float64), (4, 3, 8, torch.float32))
"""Examples, inputs, width, precision. Two examples first would look like the two things that a step returns."""


def _weights(rng: np.random.Generator, blocks: int, inputs: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    rows = blocks * width
    return [_normal(rng, *shape, dtype=dtype) for shape in ((rows, inputs), (rows, width), (rows,), (rows,))]


# A step of an LSTM.


def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """Read x, (n, inputs), in the state h, c, (n, width); return the new h and c."""
    i, f, g, o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _lstm_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, inputs, width, dtype in _CELLS:
        x, h, c = (_normal(rng, n, size, dtype=dtype) for size in (inputs, width, width))
        name = f"{n} examples, {inputs} inputs, {width} units"
        yield Case(x, h, c, *_weights(rng, 4, inputs, width, dtype), name=name)


def _lstm(mistake: str, *case: Tensor) -> tuple[Tensor, Tensor]:
    """Make a step with one mistake in it."""
    x, h, c, w_ih, w_hh, b_ih, b_hh = case
    gates = x @ w_ih.T + (0 if mistake == "input bias" else b_ih)
    gates = gates + (0 if mistake == "state" else h @ w_hh.T) + (0 if mistake in ("state", "state bias") else b_hh)
    i, f, g, o = gates.chunk(4, dim=1)
    i, f, g, o = {"g and o": (i, f, o, g), "i and f": (f, i, g, o)}.get(mistake, (i, f, g, o))
    squash = torch.sigmoid if mistake == "candidate" else torch.tanh
    kept = c if mistake == "forget" else f.sigmoid() * c
    new = kept + (squash(g) if mistake == "input" else i.sigmoid() * squash(g))
    out = o.sigmoid() * (c if mistake == "old" else new if mistake == "output" else new.tanh())
    return (new, out) if mistake == "exchanged" else (out, new)


_LSTM_MISTAKES = {
    "g and o": "The blocks come in the order i, f, g, o, as in torch; the last two are exchanged.",
    "i and f": "The blocks come in the order i, f, g, o, as in torch; the first two are exchanged.",
    "candidate": "The candidate g passes through tanh, not through a sigmoid: what enters the cell state has a sign.",
    "forget": "Nothing is forgotten: c' = f c + i g needs the forget gate.",
    "input": "The candidate goes in whole: the input gate i decides how much of it.",
    "output": "h' = o tanh(c'): the tanh is missing.",
    "old": "h' = o tanh(c') is made of the new cell state, not of the old one.",
    "state": "The step does not use the state h: U h + b' is missing.",
    "input bias": "The bias b_ih is missing.",
    "state bias": "The bias b_hh is missing.",
    "exchanged": "The two are exchanged: return h' first, then c'.",
}


# A step of a GRU.


def gru_step(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """Read x, (n, inputs), in the state h, (n, width); return the new h."""
    r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    r_h, z_h, n_h = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    z = (z_x + z_h).sigmoid()
    n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
    return (1 - z) * n + z * h


def _gru_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, inputs, width, dtype in _CELLS:
        x, h = (_normal(rng, n, size, dtype=dtype) for size in (inputs, width))
        name = f"{n} examples, {inputs} inputs, {width} units"
        yield Case(x, h, *_weights(rng, 3, inputs, width, dtype), name=name)


def _gru(mistake: str, *case: Tensor) -> Tensor:
    """Make a step with one mistake in it."""
    x, h, w_ih, w_hh, b_ih, b_hh = case
    r_x, z_x, n_x = (x @ w_ih.T + (0 if mistake == "input bias" else b_ih)).chunk(3, dim=1)
    r_h, z_h, n_h = (h @ w_hh.T + (0 if mistake == "state bias" else b_hh)).chunk(3, dim=1)
    r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
    if mistake == "order":
        r, z = z, r
    u, b = w_hh.chunk(3)[2], b_hh.chunk(3)[2]
    inside = {
        "both": r * (n_x + n_h),
        "no reset": n_x + n_h,
        "before": n_x + (r * h) @ u.T + b,
        "before, no bias": n_x + (r * h) @ u.T,
        "bias outside": n_x + r * (h @ u.T) + b,
    }.get(mistake, n_x + r * n_h)
    n = inside.sigmoid() if mistake == "candidate" else inside.tanh()
    return z * n + (1 - z) * h if mistake == "update" else (1 - z) * n + z * h


_GRU_MISTAKES = {
    "update": "The update gate is the wrong way round: z keeps the old h, 1 - z takes the new n.",
    "order": "The blocks come in the order r, z, n, as in torch; the first two are exchanged.",
    "no reset": "The reset gate is not used: it multiplies the state's part of n.",
    "both": "The reset gate scales the state's part of n only, not the input's.",
    "before": "That is U(r∘h) + b', the form of Cho et al.; torch multiplies after the matrix: r∘(U h + b').",
    "before, no bias": "Here r multiplies U h + b', after the matrix and with its bias (torch's form), not h.",
    "bias outside": "The reset gate multiplies the bias b' too: r∘(U h + b').",
    "candidate": "The candidate n passes through tanh, not through a sigmoid.",
    "input bias": "The bias b_ih is missing.",
    "state bias": "The bias b_hh is missing.",
}


# The loss of teacher forcing.


def teacher_forcing_loss(logits: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean nats of the tokens that count."""
    targets = tokens[:, 1:]  # logits[:, t] predict the token after place t
    nats = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")  # (n, T)
    counts = torch.arange(nats.shape[1]) < lengths[:, None]
    return (nats * counts).sum() / lengths.sum()


def _forcing_cases(rng: np.random.Generator) -> Iterator[Case]:
    for sizes, vocabulary, padding, dtype in (
        ((4, 2, 5), 5, 0, torch.float64),
        ((3,), 7, 0, torch.float64),
        ((1, 6, 2, 2), 3, 2, torch.float64),
        ((5, 3), 11, 1, torch.float32),
    ):
        lengths = torch.tensor(sizes)
        width = max(sizes) + padding
        tokens = torch.zeros(len(sizes), width + 1, dtype=torch.int64)
        for row, size in enumerate(sizes):
            tokens[row, 1:size] = torch.as_tensor(rng.integers(1, vocabulary, size - 1))
        logits = 2 * _normal(rng, len(sizes), width, vocabulary, dtype=dtype)
        yield Case(logits, tokens, lengths, name=f"{len(sizes)} sequences of {[size - 1 for size in sizes]} tokens")
    tokens, lengths = torch.tensor([[0, 1, 2, 0], [0, 3, 0, 0]]), torch.tensor([3, 2])
    yield Case(900 * _normal(rng, 2, 3, 4), tokens, lengths, name="logits of several hundred")
    for dtype in (torch.float64, torch.float32):  # whoever takes the largest of all logits out loses the low ones
        level = torch.tensor([[0, -1024, 1024], [-1024, 0, 0]], dtype=dtype)[..., None]
        logits = level + torch.as_tensor(rng.integers(-2, 3, (2, 3, 4)), dtype=dtype)
        yield Case(logits, tokens.clone(), lengths.clone(), name="logits near 0, near -1024 and near 1024")


def _nats(logits: Tensor, tokens: Tensor) -> Tensor:
    return -logits.log_softmax(dim=2).gather(2, tokens[:, 1:, None])[..., 0]


def _mask(logits: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(logits.shape[1]) < lengths[:, None]


def _forcing(slip: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a loss made of the nats (n, T), where they count, and the lengths."""
    return lambda logits, tokens, lengths: slip(_nats(logits, tokens), _mask(logits, lengths), lengths)


def _what_was_read(logits: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    return teacher_forcing_loss(logits, torch.cat([tokens[:, :1], tokens[:, :-1]], dim=1), lengths)


def _no_softmax(logits: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    chosen = logits.gather(2, tokens[:, 1:, None])[..., 0]
    return -(chosen * _mask(logits, lengths)).sum() / lengths.sum()


def _softmax_then_log(logits: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    nats = -logits.softmax(dim=2).log().gather(2, tokens[:, 1:, None])[..., 0]
    return torch.where(_mask(logits, lengths), nats, 0).sum() / lengths.sum()


# The density of a mixture.


def mixture_log_density(values: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Return log Σ_k w_k N(value; mean_k, scale_k²), (n,), in nats."""
    z = (values[:, None] - means) / scales
    log_normal = -0.5 * z**2 - scales.log() - 0.5 * math.log(2 * math.pi)
    return (log_weights + log_normal).logsumexp(dim=1)


def _log_weights(rng: np.random.Generator, n: int, components: int, dtype: torch.dtype) -> Tensor:
    """Return log-weights whose gradient comes out as that of the logits of which they are the log-softmax.

    There an answer that normalises them once more has the same gradient as one that does not.
    """
    logs = _normal(rng, n, components, dtype=dtype).log_softmax(dim=1).requires_grad_()
    weights = logs.detach().exp()

    def onto_logits(gradient: Tensor) -> Tensor:
        return gradient - weights * gradient.sum(dim=1, keepdim=True)

    logs.register_hook(onto_logits)  # type: ignore[no-untyped-call] # torch gives none
    return logs


def _mixture_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, components, dtype in (
        (6, 3, torch.float64),
        (1, 5, torch.float64),
        (4, 1, torch.float64),
        (3, 3, torch.float64),
        (20, 2, torch.float32),
    ):
        log_weights = _log_weights(rng, n, components, dtype)
        means, spread = (_normal(rng, n, components, dtype=dtype) for _ in range(2))
        name = f"{n} values, {components} components"
        yield Case(_normal(rng, n, dtype=dtype), log_weights, means, 0.2 + spread.abs(), name=name)
    for dtype in (torch.float64, torch.float32):
        for components in (1, 2):
            values = torch.tensor([0.3, 60, -60, 1], dtype=dtype)
            means, spread = (_normal(rng, 4, components, dtype=dtype) for _ in range(2))
            log_weights = _log_weights(rng, 4, components, dtype)
            name = f"values near the means and 60 away, {components} component{'s' * (components > 1)}"
            yield Case(values, log_weights, means, 0.5 + 0.1 * spread.abs(), name=name)


def _mixture(mistake: str, values: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Compute the density with one mistake in it."""
    spread = scales.sqrt() if mistake == "variance" else scales
    normal = -0.5 * ((values[:, None] - means) / spread) ** 2
    normal = normal - (0 if mistake == "scale" else spread.log())
    normal = normal - (0 if mistake == "constant" else 0.5 * math.log(2 * math.pi))
    joint = log_weights + normal
    return {
        "average": (log_weights.exp() * normal).sum(1),
        "best": joint.max(dim=1).values,
        "density": joint.exp().sum(1),
        "underflow": joint.exp().sum(1).log(),
        "weights": normal.logsumexp(1),
        "exponent": (log_weights.exp() + normal).logsumexp(1),
    }.get(mistake, joint.logsumexp(1))


_MIXTURE_MISTAKES = {
    "average": "That averages log-densities; the logarithm of the weighted sum is asked for, and it is larger.",
    "constant": "The constant is missing: each Gaussian has -½ log 2π.",
    "scale": "-log scale is missing: a narrow Gaussian is also a high one.",
    "variance": "Scales are standard deviations; they were taken for variances.",
    "best": "That is the largest component alone; all of them count: logsumexp, not max.",
    "density": "That is the density; its logarithm is asked for.",
    "underflow": "exp underflows far from all means: use logsumexp, for each value alone.",
    "weights": "The weights are not used: add log_weights before the sum.",
    "exponent": "log_weights are logarithms already: add them, not their exponentials.",
}


# How much of a pronunciation is wrong.

Words = Sequence[Sequence[str]]


def phoneme_error_rate(written: Words, reference: Words) -> float:
    """Return the least edits of all words, per phoneme of the references."""
    edits = 0
    for a, b in zip(written, reference, strict=True):
        row = list(range(len(b) + 1))  # from nothing to b[:j]: j insertions
        for i, mine in enumerate(a, start=1):
            before, row = row, [i]
            for j, theirs in enumerate(b, start=1):
                replace = before[j - 1] + (mine != theirs)
                row.append(min(before[j] + 1, row[j - 1] + 1, replace))
        edits += row[-1]
    return edits / sum(len(b) for b in reference)


_PHONEMES = ("K", "AE", "T", "D", "AO", "S", "R", "IY", "CH", "AH")


def _word(rng: np.random.Generator, longest: int = 8) -> tuple[str, ...]:
    return tuple(rng.choice(_PHONEMES[: rng.integers(2, 10)], rng.integers(1, longest)).tolist())


def _error_rate_cases(rng: np.random.Generator) -> Iterator[Case]:
    heard = [("K", "AE", "T"), ("D", "AO"), ("S", "T", "R", "IY", "T", "S"), ("AE", "P", "AH", "L")]
    true = [("K", "AE", "T"), ("D", "AO", "G"), ("T", "R", "IY", "T"), ("EY", "P", "AH", "L")]
    yield Case(heard, true, name="four words with 0, 1, 2 and 1 errors")
    yield Case([("A", "B", "C")], [("C", "B", "A")], name="phonemes in the opposite order")
    yield Case([("B", "C", "D")], [("A", "B", "C", "D")], name="a word whose first phoneme is missing")
    yield Case([("A", "B", "C", "D", "E")], [("X",)], name="five phonemes written for one; it may exceed 1")
    yield Case([(), ("A",)], [("A", "B"), ("A",)], name="a word of which nothing was written")
    yield Case([("B", "A", "C")], [("A", "B", "C")], name="two neighbours exchanged, which takes two edits")
    yield Case([("CH", "A"), ("A",)], [("C", "H", "A"), ("A",)], name="phonemes of two letters")
    for n in (1, 3, 12, 12, 12):
        yield Case([_word(rng) for _ in range(n)], [_word(rng) for _ in range(n)])
    for _ in range(6):  # words with a few edits in them, as a network makes them
        true = [_word(rng, 12) for _ in range(5)]
        yield Case([tuple(p for p in word if rng.random() > 0.3) or ("K",) for word in true], true)


def _edits(a: Sequence[str], b: Sequence[str], replace: int = 1, first: bool = True, swap: bool = False) -> int:
    d = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    d[:, 0] = np.arange(len(a) + 1)
    d[0] = np.arange(len(b) + 1) if first else 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + replace * (a[i - 1] != b[j - 1]))
            if swap and i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return int(d[-1, -1])


def _rate(edits: Callable[[Sequence[str], Sequence[str]], float]) -> Any:
    """Return the rate made of another number of edits of a word."""
    return lambda written, reference: (
        sum(edits(a, b) for a, b in zip(written, reference, strict=True)) / sum(map(len, reference))
    )


def _place_by_place(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))


def _bag(a: Sequence[str], b: Sequence[str]) -> int:
    return max(len(a), len(b)) - sum(min(list(a).count(p), list(b).count(p)) for p in set(a) | set(b))


def _by_blocks(a: Sequence[str], b: Sequence[str]) -> int:
    from difflib import SequenceMatcher

    steps = SequenceMatcher(None, list(a), list(b), autojunk=False).get_opcodes()
    return sum(max(end - start, last - first) for kind, start, end, first, last in steps if kind != "equal")


EXERCISES = (
    Exercise(
        key="06.lstm_step",
        title="A step of an LSTM",
        task="Compute the new h and c from an input, the old h and c, and the weights.",
        points=2,
        minutes=15,
        hints=(
            "All four gates in one go: x @ w_ih.T + b_ih + h @ w_hh.T + b_hh has 4 * width columns.",
            "i, f, g, o = (...).chunk(4, dim=1). Which three are squeezed between 0 and 1, and which between -1 and 1?",
            "c = f.sigmoid() * c + i.sigmoid() * g.tanh(), and h is o.sigmoid() times the tanh of the new c.",
        ),
        reference=lstm_step,
        cases=_lstm_cases,
        returns=("the new h", "the new c"),
        differentiable=("x", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh"),
        mistakes=tuple(Mistake(sentence, partial(_lstm, which)) for which, sentence in _LSTM_MISTAKES.items()),
    ),
    Exercise(
        key="06.gru_step",
        title="A step of a GRU",
        task="Compute the new h from an input, the old h and the weights, in torch's form.",
        points=2,
        minutes=10,
        hints=(
            "Keep the input's part and the state's part apart: only the latter meets the reset gate.",
            "r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, dim=1), and the same from h.",
            "n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh(); then mix n with h by z.",
        ),
        reference=gru_step,
        cases=_gru_cases,
        returns="the new h",
        differentiable=("x", "h", "w_ih", "w_hh", "b_ih", "b_hh"),
        mistakes=tuple(Mistake(sentence, partial(_gru, which)) for which, sentence in _GRU_MISTAKES.items()),
    ),
    Exercise(
        key="06.mixture",
        title="The density of a mixture",
        task="Compute the log-density of values under mixtures of Gaussians.",
        points=2,
        minutes=10,
        hints=(
            "First the log-density of each component alone, (n, components): values[:, None] against means.",
            "log N = -½ ((x - m) / s)² - log s - ½ log 2π. How do log-weights join in?",
            "Add log_weights, then .logsumexp(dim=1): exp, sum and log without underflow.",
        ),
        reference=mixture_log_density,
        cases=_mixture_cases,
        returns="the log-density",
        differentiable=("log_weights", "means", "scales"),
        mistakes=tuple(Mistake(sentence, partial(_mixture, which)) for which, sentence in _MIXTURE_MISTAKES.items()),
    ),
    Exercise(
        key="06.teacher_forcing",
        title="The loss of teacher forcing",
        task="Compute the mean nats of the tokens that count from the decoder's logits and the true tokens.",
        points=2,
        minutes=10,
        hints=(
            "logits[:, t] were computed from the tokens up to t. Which token do they predict?",
            "The nats of every place are -log_softmax(logits) at tokens[:, 1:]; which places are padding?",
            "mask = torch.arange(T) < lengths[:, None]; the sum of nats * mask, divided by lengths.sum().",
        ),
        reference=teacher_forcing_loss,
        cases=_forcing_cases,
        returns="the loss",
        differentiable=("logits",),
        mistakes=(
            Mistake(
                "Padding is counted: only the first lengths[i] predictions of row i count.",
                _forcing(lambda nats, mask, lengths: nats.mean()),
            ),
            Mistake(
                "The sum is right, but divided by all places, padding too; divide by the tokens that count.",
                _forcing(lambda nats, mask, lengths: (nats * mask).mean()),
            ),
            Mistake(
                "That is the mean over rows of each row's mean: a short row weighs more; divide once, at the end.",
                _forcing(lambda nats, mask, lengths: ((nats * mask).sum(1) / lengths).mean()),
            ),
            Mistake(
                "That is the sum of the nats; the mean of a token is asked for.",
                _forcing(lambda nats, mask, lengths: (nats * mask).sum()),
            ),
            Mistake(
                "That is nats per sequence; the mean of a token is asked for.",
                _forcing(lambda nats, mask, lengths: (nats * mask).sum(1).mean()),
            ),
            Mistake(
                "The end of the sequence is left out: it is one of the lengths[i] tokens.",
                lambda logits, tokens, lengths: (
                    (_nats(logits, tokens) * _mask(logits, lengths - 1)).sum() / (lengths - 1).sum()
                ),
            ),
            Mistake("The target is the token that was just read; it is the next one, tokens[:, 1:].", _what_was_read),
            Mistake("Logits are no log-probabilities yet: log_softmax over the tokens first.", _no_softmax),
            Mistake("log(softmax(·)) underflows where the network is sure; use log_softmax.", _softmax_then_log),
        ),
    ),
    Exercise(
        key="06.phoneme_error_rate",
        title="How much of a pronunciation is wrong",
        task="Compute the phoneme error rate: least edits, divided by the phonemes of the references.",
        points=2,
        minutes=15,
        hints=(
            "The distance of two beginnings follows from three shorter ones: one symbol less here, there, or in both.",
            "d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (a[i-1] != b[j-1])), d[i][0] = i.",
            "Sum the distances over all words, sum the lengths of the references, and divide once.",
        ),
        reference=phoneme_error_rate,
        cases=_error_rate_cases,
        returns="the phoneme error rate",
        mistakes=(
            Mistake(
                "That is the mean of the words' rates: divide once, so that each phoneme weighs the same.",
                lambda written, reference: float(
                    np.mean([_edits(a, b) / len(b) for a, b in zip(written, reference, strict=True)])
                ),
            ),
            Mistake(
                "Divide by the length of the reference, not of what was written.",
                lambda written, reference: (
                    sum(_edits(a, b) for a, b in zip(written, reference, strict=True)) / max(sum(map(len, written)), 1)
                ),
            ),
            Mistake(
                "Phonemes are compared place by place: one that is missing shifts all the others; align them.",
                _rate(_place_by_place),
            ),
            Mistake("That is a bag of phonemes: their order counts, too.", _rate(_bag)),
            Mistake(
                "A replacement is one error, not a deletion and an insertion.",
                _rate(partial(_edits, replace=2)),
            ),
            Mistake(
                "The first row of the table is 0, 1, 2, …: phonemes missing at the beginning are errors.",
                _rate(partial(_edits, first=False)),
            ),
            Mistake(
                "Two neighbours exchanged are two edits: there is no edit that exchanges.",
                _rate(partial(_edits, swap=True)),
            ),
            Mistake(
                "Blocks that match are not always the least edits (difflib's are not): fill the whole table.",
                _rate(_by_blocks),
            ),
            Mistake(
                "Compare phonemes, not letters: CH is one of them.",
                _rate(lambda a, b: _edits("".join(a), "".join(b))),
            ),
            Mistake(
                "That is the share of wrong words; count phonemes.",
                lambda written, reference: (
                    sum(a != b for a, b in zip(written, reference, strict=True)) / len(reference)
                ),
            ),
            Mistake(
                "That is the number of errors; divide by the number of phonemes.",
                lambda written, reference: sum(_edits(a, b) for a, b in zip(written, reference, strict=True)),
            ),
            Mistake(
                "It was cut at 1; who writes too much makes more errors than there are phonemes.",
                lambda written, reference: min(phoneme_error_rate(written, reference), 1.0),
            ),
        ),
    ),
)
