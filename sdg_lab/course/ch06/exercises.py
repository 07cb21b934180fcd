"""Chapter 06: what its notebook's header says, its exercises, and the weights that ship with it.

What a check expects comes from ``torch.nn``'s cells, ``torch.distributions``, or a count by hand. The usual mistakes
are tried on the same numbers, so that a refusal can name the one that was made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course import Chapter, Exercise, Paper, WrongAnswer
from sdg_lab.course.ch06.pronouncer import train_pronouncer
from sdg_lab.course.ch06.reversal import try_both_orders
from sdg_lab.course.engine.compare import expect_close, name_the_mistake
from sdg_lab.course.engine.exercise import Answer
from sdg_lab.metrics.sequences.edit_distance import edit_distance, error_rate
from sdg_lab.models.sequences.padding import mask_of

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


# What the checks share.


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _cell_case(gates: int, seed: int) -> tuple[Tensor, ...]:
    """Return x, h, c of 2 examples with 3 inputs and 4 units, and the four weights of a cell with so many gates."""
    shapes = ((2, 3), (2, 4), (2, 4), (4 * gates, 3), (4 * gates, 4), (4 * gates,), (4 * gates,))
    return tuple(_normal(*shape, seed=seed + i) for i, shape in enumerate(shapes))


def _use(cell: torch.nn.RNNCellBase, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> None:
    cell.load_state_dict({"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh})


# Exercise: a step of an LSTM.


def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """Read x, (n, inputs), in the state h, c, both (n, width); return the new h and c."""
    i, f, g, o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _lstm(mistake: str, *case: Tensor) -> tuple[Tensor, Tensor]:
    """Make a step with one mistake in it."""
    x, h, c, w_ih, w_hh, b_ih, b_hh = case
    gates = x @ w_ih.T + b_ih + (0 if mistake == "state" else h @ w_hh.T + b_hh)
    i, f, g, o = gates.chunk(4, dim=1)
    if mistake == "order":
        i, f, o, g = i, f, g, o
    squash = torch.sigmoid if mistake == "candidate" else torch.tanh
    kept = c if mistake == "forget" else f.sigmoid() * c
    new = kept + (squash(g) if mistake == "input" else i.sigmoid() * squash(g))
    told = o.sigmoid() * (new if mistake == "output" else new.tanh())
    return (new, told) if mistake == "exchanged" else (told, new)


LSTM_MISTAKES = {
    "order": "the blocks come in the order i, f, g, o, as in torch; the last two are exchanged",
    "candidate": "the candidate g passes through tanh, not through a sigmoid: memory must be able to fall",
    "forget": "nothing is forgotten: c' = f c + i g needs the forget gate",
    "input": "the candidate goes in whole: the input gate i decides how much of it",
    "output": "h' = o tanh(c'): the tanh is missing",
    "state": "the step does not look at the state h: U h + b' is missing",
    "exchanged": "the two are exchanged: return h' first, then c'",
}


def _check_lstm(answer: Answer) -> None:
    for seed in (0, 10):
        case = _cell_case(4, seed)
        x, h, c, *weights = case
        oracle = torch.nn.LSTMCell(3, 4, dtype=torch.float64)
        _use(oracle, *weights)
        with torch.no_grad():
            want = torch.stack(oracle(x, (h, c)))
        got = _pair(answer(*case))
        wrong = {sentence: torch.stack(_lstm(mistake, *case)) for mistake, sentence in LSTM_MISTAKES.items()}
        name_the_mistake(got, want, wrong, what="the new h and c")
        expect_close(got, want, what="the new h and c", case="2 examples, 3 inputs, 4 units")


def _pair(value: object) -> object:
    """Return two tensors of one shape as one, and anything else as it is."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, Tensor) for part in value):
        h, c = value
        return torch.stack([h, c]) if h.shape == c.shape else h
    return value


# Exercise: a step of a GRU.


def gru_step(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """Read x, (n, inputs), in the state h, (n, width); return the new h."""
    r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    r_h, z_h, n_h = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    z = (z_x + z_h).sigmoid()
    n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
    return (1 - z) * n + z * h


def _gru(mistake: str, *case: Tensor) -> Tensor:
    """Make a step with one mistake in it."""
    x, h, w_ih, w_hh, b_ih, b_hh = case
    r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    r_h, z_h, n_h = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
    if mistake == "order":
        r, z = z, r
    told = {"both": r * (n_x + n_h), "no reset": n_x + n_h, "plain": n_x + (r * h) @ w_hh.chunk(3)[2].T}
    inside = told.get(mistake, n_x + r * n_h)
    n = inside.sigmoid() if mistake == "candidate" else inside.tanh()
    return z * n + (1 - z) * h if mistake == "update" else (1 - z) * n + z * h


GRU_MISTAKES = {
    "update": "the update gate is turned round: z keeps the old h, 1 - z takes the new n",
    "order": "the blocks come in the order r, z, n, as in torch; the first two are exchanged",
    "no reset": "the reset gate is not used: it multiplies what the state says to n",
    "both": "the reset gate silences the state's part of n only, not the input's",
    "plain": "here r multiplies U h + b', after the matrix and with its bias (torch's form), not h",
    "candidate": "the candidate n passes through tanh, not through a sigmoid",
}


def _check_gru(answer: Answer) -> None:
    for seed in (20, 30):
        x, h, _, *weights = _cell_case(3, seed)
        oracle = torch.nn.GRUCell(3, 4, dtype=torch.float64)
        _use(oracle, *weights)
        with torch.no_grad():
            want = oracle(x, h)
        got = answer(x, h, *weights)
        wrong = {sentence: _gru(mistake, x, h, *weights) for mistake, sentence in GRU_MISTAKES.items()}
        name_the_mistake(got, want, wrong, what="the new h")
        expect_close(got, want, what="the new h", case="2 examples, 3 inputs, 4 units")


# Exercise: the loss of teacher forcing.


def teacher_forcing_loss(scores: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean nats of the symbols that count.

    Args:
        scores: (n, T, symbols); scores[:, t] was computed from the true tokens up to t.
        tokens: (n, T + 1), each row a boundary, the symbols, the boundary, and padding.
        lengths: how many symbols after the first boundary count in each row, (n,).
    """
    nats = F.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(scores.shape[:2])
    return (nats * mask_of(lengths, scores.shape[1])).sum() / lengths.sum()


def _forcing(mistake: str, scores: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Compute the loss with one mistake in it."""
    target = tokens[:, :-1] if mistake == "read" else tokens[:, 1:]
    nats = -scores.log_softmax(dim=2).gather(2, target[..., None])[..., 0]
    mask = mask_of(lengths - int(mistake == "end"), scores.shape[1])
    found = {
        "mask": nats.mean(),
        "width": (nats * mask).mean(),
        "rows": ((nats * mask).sum(1) / lengths).mean(),
        "sum": (nats * mask).sum(),
        "sequence": (nats * mask).sum(1).mean(),
        "softmax": -(scores.gather(2, target[..., None])[..., 0] * mask).sum() / lengths.sum(),
    }
    return found.get(mistake, (nats * mask).sum() / mask.sum())


FORCING_MISTAKES = {
    "mask": "padding is counted: only the first lengths[i] predictions of row i count",
    "width": "the sum is right, but divided by all places, padding too; divide by the symbols that count",
    "rows": "that is the mean over rows of each row's mean: a short row weighs more; divide once, at the end",
    "read": "the target is the symbol that was just read; it is the next one, tokens[:, 1:]",
    "end": "the end of the sequence is left out: it is one of the lengths[i] symbols",
    "sum": "that is the sum of the nats; the mean of a symbol is asked for",
    "sequence": "that is nats a sequence; the mean of a symbol is asked for",
    "softmax": "scores are no log-probabilities yet: log_softmax over the symbols first",
}


def _check_forcing(answer: Answer) -> None:
    tokens = torch.tensor([[0, 3, 1, 2, 0, 0], [0, 4, 0, 0, 0, 0], [0, 2, 2, 1, 3, 0]])
    lengths, scores = torch.tensor([4, 2, 5]), 2 * _normal(3, 5, 5, seed=40)
    surprises = [-scores[i, t].log_softmax(0)[tokens[i, t + 1]] for i in range(3) for t in range(int(lengths[i]))]
    want = torch.stack(surprises).mean()
    got = answer(scores, tokens, lengths)
    wrong = {sentence: _forcing(mistake, scores, tokens, lengths) for mistake, sentence in FORCING_MISTAKES.items()}
    name_the_mistake(got, want, wrong, what="the loss")
    expect_close(got, want, what="the loss", case="3 sequences with 3, 1 and 4 symbols")


# Exercise: the density of a mixture.


def mixture_log_density(values: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Return log Σ_k w_k N(value; mean_k, scale_k²): values (n,), the others (n, components); nats, (n,)."""
    z = (values[:, None] - means) / scales
    return (log_weights - 0.5 * z**2 - scales.log() - 0.5 * math.log(2 * math.pi)).logsumexp(dim=1)


def _mixture(mistake: str, values: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Compute the density with one mistake in it."""
    spread = scales.sqrt() if mistake == "variance" else scales
    normal = -0.5 * ((values[:, None] - means) / spread) ** 2
    normal = normal - (0 if mistake == "scale" else spread.log())
    normal = normal - (0 if mistake == "constant" else 0.5 * math.log(2 * math.pi))
    joint = log_weights + normal
    found = {
        "average": (log_weights.exp() * normal).sum(1),
        "best": joint.max(dim=1).values,
        "density": joint.exp().sum(1),
        "weights": normal.logsumexp(1),
        "exponent": (log_weights.exp() + normal).logsumexp(1),
    }
    return found.get(mistake, joint.logsumexp(1))


MIXTURE_MISTAKES = {
    "average": "that averages log-densities; the logarithm of the weighted sum is asked for, and it is larger",
    "constant": "the constant is missing: each Gaussian has -½ log 2π",
    "scale": "-log scale is missing: a narrow Gaussian is also a high one",
    "variance": "scales are standard deviations; they were taken for variances",
    "best": "that is the largest component alone; all of them count: logsumexp, not max",
    "density": "that is the density; its logarithm is asked for",
    "weights": "the weights are not used: add log_weights before the sum",
    "exponent": "log_weights are logarithms already: add them, not their exponentials",
}


def _check_mixture(answer: Answer) -> None:
    values, means, scales = _normal(6, seed=50), _normal(6, 3, seed=51), 0.2 + _normal(6, 3, seed=52).abs()
    log_weights = _normal(6, 3, seed=53).log_softmax(dim=1)
    want = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=log_weights), torch.distributions.Normal(means, scales)
    ).log_prob(values)  # type: ignore[no-untyped-call]
    case = (values, log_weights, means, scales)
    got = answer(*case)
    wrong = {sentence: _mixture(mistake, *case) for mistake, sentence in MIXTURE_MISTAKES.items()}
    name_the_mistake(got, want, wrong, what="the log-density")
    expect_close(got, want, what="the log-density", case="6 values, 3 components")
    far = answer(torch.tensor([60.0]), torch.tensor([[0.0]]), torch.tensor([[0.0]]), torch.tensor([[1.0]]))
    expect_close(
        far, [-1800 - 0.5 * math.log(2 * math.pi)], what="the log-density (use logsumexp: exp underflows there)",
        case="a value 60 standard deviations away", rtol=1e-5,
    )  # fmt: skip


def _mixture_underflow(values: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    return _mixture("density", values, log_weights, means, scales).log()


# Exercise: how much of a pronunciation is wrong.

Words = Sequence[Sequence[str]]

HEARD = [("K", "AE", "T"), ("D", "AO"), ("S", "T", "R", "IY", "T", "S"), ("AE", "P", "AH", "L")]
TRUE = [("K", "AE", "T"), ("D", "AO", "G"), ("T", "R", "IY", "T"), ("EY", "P", "AH", "L")]


def _check_error_rate(answer: Answer) -> None:
    # By hand: 0 + 1 (G is missing) + 2 (S before and behind) + 1 (another vowel), of 3 + 3 + 4 + 4 phonemes.
    want = 4 / 14
    got = answer(HEARD, TRUE)
    mistakes = {
        "that is the mean of the words' rates: divide once, so that each phoneme weighs the same": _mean_of_rates,
        "divide by the length of the reference, not of what was written": _by_written,
        "phonemes are compared place by place: one that is missing shifts all the others; align them": _by_place,
        "that is the share of wrong words; count phonemes": _wrong_words,
        "a replacement is one error, not a deletion and an insertion": _replacement_as_two,
        "that is the number of errors; divide by the number of phonemes": _number_of_errors,
    }
    wrong = {sentence: mistake(HEARD, TRUE) for sentence, mistake in mistakes.items()}
    name_the_mistake(got, want, wrong, what="the phoneme error rate")
    expect_close(got, want, what="the phoneme error rate", case="four words with 0, 1, 2 and 1 errors")
    long = answer([("A", "B", "C", "D", "E")], [("X",)])
    expect_close(long, 5.0, what="the phoneme error rate", case="five phonemes written for one; it may exceed 1")


def _mean_of_rates(written: Words, reference: Words) -> float:
    rates = [edit_distance(a, b) / len(b) for a, b in zip(written, reference, strict=True)]
    return sum(rates) / len(rates)


def _by_written(written: Words, reference: Words) -> float:
    return error_rate(written, reference) * sum(map(len, reference)) / sum(map(len, written))


def _by_place(written: Words, reference: Words) -> float:
    errors = sum(
        sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))
        for a, b in zip(written, reference, strict=True)
    )
    return errors / sum(map(len, reference))


def _wrong_words(written: Words, reference: Words) -> float:
    return sum(a != b for a, b in zip(written, reference, strict=True)) / len(reference)


def _replacement_as_two(written: Words, reference: Words) -> float:
    """Count insertions and deletions only: what does not belong to the longest common subsequence."""
    errors = 0
    for a, b in zip(written, reference, strict=True):
        row = [0] * (len(b) + 1)
        for symbol in a:
            before = row
            row = [0]
            for j, other in enumerate(b):
                row.append(before[j] + 1 if symbol == other else max(before[j + 1], row[j]))
        errors += len(a) + len(b) - 2 * row[-1]
    return errors / sum(map(len, reference))


def _number_of_errors(written: Words, reference: Words) -> int:
    return sum(edit_distance(a, b) for a, b in zip(written, reference, strict=True))


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
        check=_check_lstm,
        wrong=(
            WrongAnswer("takes the gates in another order", partial(_lstm, "order"), says="order i, f, g, o"),
            WrongAnswer(
                "takes a sigmoid for the candidate", partial(_lstm, "candidate"), says="tanh, not through a sigmoid"
            ),
            WrongAnswer("forgets the forget gate", partial(_lstm, "forget"), says="nothing is forgotten"),
            WrongAnswer("shows the memory without tanh", partial(_lstm, "output"), says="tanh is missing"),
            WrongAnswer("exchanges h and c", partial(_lstm, "exchanged"), says="exchanged: return h"),
        ),
    ),
    Exercise(
        key="06.gru_step",
        title="A step of a GRU",
        task="Compute the new h from an input, the old h and the weights, in torch's form.",
        points=2,
        minutes=10,
        hints=(
            "Keep what the input says and what the state says apart: only the latter meets the reset gate.",
            "r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, dim=1), and the same from h.",
            "n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh(); then mix n with h by z.",
        ),
        reference=gru_step,
        check=_check_gru,
        wrong=(
            WrongAnswer("turns the update gate round", partial(_gru, "update"), says="turned round"),
            WrongAnswer("exchanges reset and update", partial(_gru, "order"), says="order r, z, n"),
            WrongAnswer("leaves out the reset gate", partial(_gru, "no reset"), says="reset gate is not used"),
            WrongAnswer(
                "takes a sigmoid for the candidate", partial(_gru, "candidate"), says="tanh, not through a sigmoid"
            ),
        ),
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
        check=_check_mixture,
        wrong=(
            WrongAnswer("averages the log-densities", partial(_mixture, "average"), says="averages log-densities"),
            WrongAnswer("forgets the constant", partial(_mixture, "constant"), says="constant is missing"),
            WrongAnswer("takes scales for variances", partial(_mixture, "variance"), says="taken for variances"),
            WrongAnswer("takes the best component alone", partial(_mixture, "best"), says="largest component alone"),
            WrongAnswer("lets exp underflow", _mixture_underflow, says="underflows"),
        ),
    ),
    Exercise(
        key="06.teacher_forcing",
        title="The loss of teacher forcing",
        task="Compute the mean nats of the symbols that count from the decoder's scores and the true tokens.",
        points=2,
        minutes=10,
        hints=(
            "scores[:, t] was computed from the tokens up to t. Which token is it about?",
            "The nats of every place are -log_softmax(scores) at tokens[:, 1:]; which places are padding?",
            "mask = torch.arange(T) < lengths[:, None]; the sum of nats * mask, divided by lengths.sum().",
        ),
        reference=teacher_forcing_loss,
        check=_check_forcing,
        wrong=(
            WrongAnswer("ignores the mask", partial(_forcing, "mask"), says="padding is counted"),
            WrongAnswer("takes the mean over padding", partial(_forcing, "width"), says="divided by all places"),
            WrongAnswer("takes the mean of the rows' means", partial(_forcing, "rows"), says="short row weighs more"),
            WrongAnswer("predicts what was just read", partial(_forcing, "read"), says="just read"),
            WrongAnswer("leaves out the end", partial(_forcing, "end"), says="end of the sequence is left out"),
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
        reference=error_rate,
        check=_check_error_rate,
        wrong=(
            WrongAnswer("averages the words' rates", _mean_of_rates, says="mean of the words' rates"),
            WrongAnswer("divides by what was written", _by_written, says="length of the reference"),
            WrongAnswer("compares place by place", _by_place, says="place by place"),
            WrongAnswer("counts words", _wrong_words, says="share of wrong words"),
            WrongAnswer("counts a replacement twice", _replacement_as_two, says="replacement is one error"),
        ),
    ),
)
