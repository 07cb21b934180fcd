"""Chapter 14: what its notebook's header says, and its exercises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

if TYPE_CHECKING:
    from sdg_lab.distill.student import Student

CHAPTER = Chapter(
    number="14",
    title="Distillation: one model teaches another",
    builds="A teacher, filters and a student: distributions and texts distilled in nats, solutions verified by a "
    "parser, Self-Instruct, Evol-Instruct, LAB, questions from documents and labels for texts, each on a small world "
    "whose truth is known and on a real language model, offline.",
    read_first="Chapter 07: a transformer, its logits, and how it is sampled.",
    papers=(
        Paper(
            "Distilling the Knowledge in a Neural Network", "Hinton et al.", 2015, "https://arxiv.org/abs/1503.02531"
        ),
        Paper(
            "Self-Instruct: Aligning Language Models with Self-Generated Instructions",
            "Wang et al.",
            2023,
            "https://arxiv.org/abs/2212.10560",
        ),
        Paper(
            "WizardLM: Empowering Large Language Models to Follow Complex Instructions",
            "Xu et al.",
            2023,
            "https://arxiv.org/abs/2304.12244",
        ),
        Paper("LAB: Large-Scale Alignment for ChatBots", "Sudalairaj et al.", 2024, "https://arxiv.org/abs/2403.01081"),
        Paper(
            "OpenMathInstruct-1: A 1.8 Million Math Instruction Tuning Dataset",
            "Toshniwal et al.",
            2024,
            "https://arxiv.org/abs/2402.10176",
        ),
        Paper(
            "Synthetic Data Generation with Large Language Models for Text Classification: Potential and Limitations",
            "Li et al.",
            2023,
            "https://arxiv.org/abs/2310.07849",
        ),
    ),
)


def train_sums() -> Student:
    """Train the teacher of sums, on 300 solutions by people: 55 CPU seconds."""
    from sdg_lab.distill.student import Student
    from sdg_lab.distill.world import sums
    from sdg_lab.training.schedules import warm_up_then_linear

    problems = sums.split(3, (1800, 0, 500), seed=0)
    return Student(d_model=128, n_layers=2, n_heads=4, context=48).fit(
        sums.write(problems.train[:300], seed=0),
        symbols=sums.SYMBOLS,
        seed=0,
        epochs=64,
        batch_size=64,
        lr=1e-2,
        schedule=warm_up_then_linear,
        progress=False,
    )


WEIGHTS = {"14-sums": train_sums}


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# What a program verifies.


def is_solved(prompt: str, text: str) -> bool:
    """Say whether a text ends in `#` and the right sum, in plain digits."""
    a, b = prompt.removesuffix("=").split("+")
    _, mark, answer = text.strip().partition("#")
    # int() would take +, _ and ٣, too
    plain = re.fullmatch("[0-9]+", answer) is not None
    total = str(int(a) + int(b))
    return mark == "#" and plain and answer.lstrip("0") == total.lstrip("0")


def _solved_cases(rng: np.random.Generator) -> Iterator[Case]:
    for digits in (1, 3, 6):
        a, b = (int(number) for number in rng.integers(10 ** (digits - 1), 10**digits, 2))
        prompt, total = f"{a:0{digits}d}+{b:0{digits}d}=", a + b
        yield Case(prompt, f"a chain;#{total:0{digits + 1}d}", name="a right answer")
        yield Case(prompt, f"#{total + 1}", name="a wrong answer")
        yield Case(prompt, f"{total};#{total + 10}", name="a right number before a wrong answer")
        yield Case(prompt, f"#{total}0", name="an answer that only begins right")
        yield Case(prompt, f" 1+2+0=03;#{total}\n", name="spaces and a line end around the text")
    prompt, total = "347+285=", 632
    yield Case(prompt, f"#1{total}", name="an answer that only ends right")
    yield Case("0+0=", "#", name="nothing behind the #, of a sum of 0")
    yield Case(prompt, f"# {total}", name="a space behind the #")
    yield Case(prompt, "#6 3 2", name="spaces between the digits")
    yield Case(prompt, f"7+5+0=12;\n#{total}", name="a line end before the #")
    yield Case(prompt, f"#{total} ", name="a space at the end")
    yield Case(prompt, f"{total}", name="no # at all")
    yield Case(prompt, f"#{total}#{total}", name="two answers")
    yield Case(prompt, f"#{total} is the answer", name="words behind the answer")
    yield Case(prompt, f"#00000{total}", name="zeros in front")
    yield Case(prompt, "#", name="nothing behind the #")
    yield Case(prompt, "", name="an empty text")
    yield Case(prompt, f"#+{total}", name="a sign")
    yield Case(prompt, "#6_32", name="an underscore between digits")
    yield Case(prompt, "#٦٣٢", name="digits of another script")
    yield Case(prompt, f"#{total}.0", name="a decimal point")
    yield Case(prompt, "#347+285", name="an expression in the place of the answer")
    yield Case("000+000=", "0+0+0=00;#0000", name="a sum of 0")
    yield Case(prompt, "#" + "9" * 6000, name="an answer of 6,000 digits")


def _solved_as(judge: Callable[[str, int], bool]) -> Callable[[str, str], bool]:
    """Return a judge of the text and the true sum."""
    return lambda prompt, text: judge(text, sum(map(int, prompt.removesuffix("=").split("+"))))


def _number_after(text: str, last: bool) -> int | None:
    found = text.strip().rpartition("#") if last else text.strip().partition("#")
    try:
        return int(found[2]) if found[1] else None
    except ValueError:
        return None


def _first_digits(text: str, total: int) -> bool:
    found = re.search(r"#0*([0-9]+)", text)
    return found is not None and found[1] == (str(total).lstrip("0") or "0")


def _by_running(text: str, total: int) -> bool:
    _, mark, answer = text.strip().partition("#")
    sound = re.fullmatch(r"[0-9+]+", answer) and not answer.startswith("+") and len(answer) < 40
    return bool(mark and sound) and sum(map(int, answer.split("+"))) == total


def _as_written(text: str, total: int) -> bool:
    return re.fullmatch(rf"[^#]*#{total}", text.strip()) is not None


# What a student learns from a distribution.


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return τ² KL(p_teacher || p_student) at temperature τ, the mean over the rows."""
    p = (teacher.detach() / temperature).log_softmax(dim=-1)
    q = (student / temperature).log_softmax(dim=-1)
    return temperature**2 * (p.exp() * (p - q)).sum(dim=-1).mean()


def _distillation_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, classes, temperature, dtype in (
        (4, 10, 2.0, torch.float64),
        (1, 3, 1.0, torch.float64),
        (7, 2, 5.0, torch.float64),
        (3, 1, 2.0, torch.float64),
        (5, 6, 0.5, torch.float64),
        (6, 12, 3.0, torch.float32),
    ):
        student, teacher = (3 * _normal(rng, n, classes, dtype=dtype) for _ in range(2))
        yield Case(student, teacher, temperature, name=f"{n} rows of {classes} logits, τ = {temperature:g}")
    same = _normal(rng, 3, 5)
    yield Case(same, same + 4.0, 2.0, name="a student that knows all that the teacher knows")
    for dtype in (torch.float64, torch.float32):
        far = torch.tensor([[900.0, 0.0, -900.0], [0.0, 250.0, 240.0]], dtype=dtype)
        yield Case(_normal(rng, 2, 3, dtype=dtype), far, 2.0, name="a teacher that is certain")
        yield Case(far[:, [2, 0, 1]] / 4, _normal(rng, 2, 3, dtype=dtype), 1.0, name="a student that is certain")


def _distillation_as(loss: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return another loss of the two log-softmaxes at temperature τ, (n, classes), and τ."""

    def answer(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        p = (teacher.detach() / temperature).log_softmax(dim=-1)
        return loss(p, (student / temperature).log_softmax(dim=-1), temperature)

    return answer


def _at_temperature_one(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    p, q = teacher.detach().log_softmax(-1), student.log_softmax(-1)
    return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()


def _only_teacher_tempered(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    p, q = (teacher.detach() / temperature).log_softmax(-1), student.log_softmax(-1)
    return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()


def _times_temperature(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    p, q = (teacher.detach() * temperature).log_softmax(-1), (student * temperature).log_softmax(-1)
    return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()


def _teacher_learns(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    p, q = (teacher / temperature).log_softmax(-1), (student / temperature).log_softmax(-1)
    return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()


def _log_of_softmax(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    p, q = (teacher.detach() / temperature).softmax(-1), (student / temperature).softmax(-1)
    return temperature**2 * (p * (p.log() - q.log())).sum(-1).mean()


def _logit_distance(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    return ((student - teacher.detach()) ** 2).mean()


# What counts in the loss of a student that answers.


def answer_loss(logits: Tensor, tokens: Tensor, prompt_lengths: Tensor, lengths: Tensor) -> Tensor:
    """Return -log p of the tokens of the answers, the mean over all of them.

    A row of ``tokens`` is a prompt of ``prompt_lengths`` tokens, its answer, and, from
    ``lengths`` on, padding.
    """
    log_p = logits[:, :-1].log_softmax(dim=-1)
    nats = -log_p.gather(2, tokens[:, 1:, None])[:, :, 0]
    place = torch.arange(1, tokens.shape[1])  # of the token that is predicted
    counts = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    return (nats * counts).sum() / counts.sum()


def _answer_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, width, symbols, dtype in (
        (4, 9, 7, torch.float64),
        (1, 4, 3, torch.float64),
        (6, 12, 20, torch.float32),
        (2, 2, 5, torch.float64),
        (3, 17, 2, torch.float64),
    ):
        lengths = torch.as_tensor(rng.integers(2, width + 1, n))
        lengths[0] = width
        prompts = torch.as_tensor([int(rng.integers(1, length)) for length in lengths.tolist()])
        tokens = torch.as_tensor(rng.integers(0, symbols, (n, width)))
        yield Case(2 * _normal(rng, n, width, symbols, dtype=dtype), tokens, prompts, lengths)
    tokens = torch.as_tensor(rng.integers(0, 6, (3, 8)))
    short = torch.tensor([7, 1, 3]), torch.tensor([8, 8, 4])
    yield Case(_normal(rng, 3, 8, 6), tokens, *short, name="answers of 1, 7 and 1 tokens")
    certain = _normal(rng, 2, 5, 4)
    certain[0] += torch.tensor([800.0, 0.0, 0.0, -800.0])
    tokens = torch.tensor([[1, 2, 3, 0, 3], [3, 1, 2, 0, 0]])  # what the network is certain of is wrong
    yield Case(certain, tokens, torch.tensor([2, 1]), torch.tensor([5, 3]), name="logits of 800 and -800")


def _answer_as(
    counts: Callable[[Tensor, Tensor, Tensor], Tensor], mean: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Callable[..., Tensor]:
    """Return the loss with other tokens that count: a function of the place that is predicted and both lengths."""

    def answer(logits: Tensor, tokens: Tensor, prompt_lengths: Tensor, lengths: Tensor) -> Tensor:
        nats = -logits[:, :-1].log_softmax(-1).gather(2, tokens[:, 1:, None])[:, :, 0]
        chosen = counts(torch.arange(1, tokens.shape[1]), prompt_lengths[:, None], lengths[:, None])
        chosen = chosen.expand(nats.shape)
        return (nats * chosen).sum() / chosen.sum() if mean is None else mean(nats, chosen)

    return answer


def _answers_only(place: Tensor, prompts: Tensor, lengths: Tensor) -> Tensor:
    return (place >= prompts) & (place < lengths)


def _not_shifted(logits: Tensor, tokens: Tensor, prompt_lengths: Tensor, lengths: Tensor) -> Tensor:
    nats = -logits.log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    chosen = _answers_only(torch.arange(tokens.shape[1]), prompt_lengths[:, None], lengths[:, None])
    return (nats * chosen).sum() / chosen.sum()


# How many problems are solved by one of k samples.


def coverage(n: Sequence[int], correct: Sequence[int], k: int) -> float:
    """Return the mean over problems of 1 - C(n - c, k) / C(n, k) (Chen et al. 2021)."""
    pairs = zip(n, correct, strict=True)
    all_wrong = [math.comb(m - c, k) / math.comb(m, k) for m, c in pairs]
    return 1 - sum(all_wrong) / len(all_wrong)


def _coverage_cases(rng: np.random.Generator) -> Iterator[Case]:
    for problems, most, k in ((5, 8, 1), (8, 16, 4), (3, 5, 5), (6, 64, 10), (4, 200, 100)):
        n = [int(x) for x in rng.integers(k, most + 1, problems)]
        yield Case(n, [int(rng.integers(0, samples + 1)) for samples in n], k)
    yield Case([10, 10, 10], [0, 10, 1], 3, name="never, always and once right")
    yield Case([6], [4], 3, name="more right than can be left out")
    yield Case([500, 400], [3, 399], 250, name="hundreds of samples")


def _coverage_as(one: Callable[[int, int, int], float]) -> Callable[..., float]:
    """Return the mean over problems of another figure of n, c and k."""
    return lambda n, correct, k: float(np.mean([one(a, b, k) for a, b in zip(n, correct, strict=True)]))


def _pooled(n: Sequence[int], correct: Sequence[int], k: int) -> float:
    return 1 - math.comb(sum(n) - sum(correct), k) / math.comb(sum(n), k)


# How like two texts are.


def rouge_l(a: Sequence[str], b: Sequence[str]) -> float:
    """Return ROUGE-L's F of two lists of words: 2 LCS / (len(a) + len(b))."""
    longest = [0] * (len(b) + 1)  # of the words of a so far and the first j words of b
    for word in a:
        before = longest.copy()
        for j, other in enumerate(b):
            skipped = max(before[j + 1], longest[j])
            longest[j + 1] = before[j] + 1 if word == other else skipped
    return 2 * longest[-1] / (len(a) + len(b)) if a and b else 0.0


SENTENCE = "write a short poem about the sea name three rivers of europe and explain why it rains"
WORDS = SENTENCE.split()


def _rouge_cases(rng: np.random.Generator) -> Iterator[Case]:
    for m, n, words in ((6, 8, 5), (12, 7, 6), (1, 9, 3), (20, 20, 4), (15, 4, 17)):
        yield Case(*([str(w) for w in rng.choice(WORDS[:words], size)] for size in (m, n)))
    text = [str(w) for w in rng.permutation(WORDS)]
    yield Case(text, list(text), name="the same text twice")
    yield Case(text, text[::-1], name="the same words from right to left")
    yield Case([], text[:3], name="an empty text")
    yield Case(text[:3], [], name="an empty second text")
    yield Case([], [], name="two empty texts")
    yield Case(["no", "no", "no"], ["no"], name="a word that is repeated")
    yield Case(text[:4], ["x", *text[:2], "y", "z", *text[2:4]], name="a text with words put in between")
    yield Case(["a", "b"] * 60, ["b", "a"] * 50, name="long texts")


def _rouge_as(figure: Callable[[int, int, int], float]) -> Callable[..., float]:
    """Return another figure of the length of the longest common subsequence and of both texts."""
    return lambda a, b: figure(round(rouge_l(a, b) * (len(a) + len(b)) / 2), len(a), len(b)) if a and b else 0.0


def _common_words(a: Sequence[str], b: Sequence[str]) -> float:
    return 2 * sum(min(a.count(w), b.count(w)) for w in set(a)) / (len(a) + len(b)) if a and b else 0.0


def _different_words(a: Sequence[str], b: Sequence[str]) -> float:
    return 2 * len(set(a) & set(b)) / (len(set(a)) + len(set(b))) if a and b else 0.0


def _run(a: Sequence[str], b: Sequence[str]) -> float:
    best = 0
    lengths = [0] * (len(b) + 1)
    for word in a:
        lengths = [0] + [lengths[j] + 1 if word == other else 0 for j, other in enumerate(b)]
        best = max(best, *lengths)
    return 2 * best / (len(a) + len(b)) if a and b else 0.0


def _greedy(a: Sequence[str], b: Sequence[str]) -> float:
    found = start = 0
    for word in a:
        if word in b[start:]:
            start += list(b[start:]).index(word) + 1
            found += 1
    return 2 * found / (len(a) + len(b)) if a and b else 0.0


# What must not be trained on.


def contaminated(train: Sequence[str], test: Sequence[str], n: int) -> list[bool]:
    """Say of each training text whether it shares n words in a row with a test text."""

    def grams(text: str) -> set[tuple[str, ...]]:
        words = text.lower().split()
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    of_test = set().union(*map(grams, test))
    return [not of_test.isdisjoint(grams(text)) for text in train]


def _contamination_cases(rng: np.random.Generator) -> Iterator[Case]:
    def text(words: int) -> str:
        return " ".join(str(w) for w in rng.choice(WORDS, words))

    for n, texts in ((3, 6), (1, 4), (2, 8), (5, 3)):
        test = [text(int(rng.integers(n, 14))) for _ in range(texts)]
        words = test[0].split()
        begin = int(rng.integers(0, len(words) - n + 1))
        copied = f"{text(3)} {' '.join(words[begin : begin + n])} {text(2)}"
        yield Case([text(int(rng.integers(1, 9))) for _ in range(texts)] + [copied], test, n)
    question = "How many legs have seven ants and two spiders"
    near = "Say how many legs have seven bees and two spiders"
    yield Case([question.upper(), near, question], [question], 5, name="the same question in capitals")
    yield Case([near, "How many legs"], [question], 6, name="texts that share less than n words in a row")
    yield Case(["seven ants", "ants and", "two"], ["seven ants", "and two"], 2, name="texts as short as n, and shorter")
    yield Case(["the sea", "a b"], [], 2, name="nothing to test on")
    yield Case(["one two  three\nfour"], ["two three four"], 3, name="spaces and line ends between words")
    yield Case(["a river", "an art"], ["ariver", "anar t"], 1, name="words that only begin alike")
    yield Case(["two three one"], ["one two three"], 3, name="the same words in another order")
    yield Case(["the night"], ["then ight"], 2, name="words that are alike when they are joined")
    yield Case(["the sea, again"], ["the sea again"], 2, name="a comma that belongs to its word")
    yield Case(["the end", "start here"], ["it is the", "end and start"], 2, name="words of two texts side by side")


def _grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def _contaminated_as(grams: Callable[[str, int], set[Any]]) -> Callable[..., list[bool]]:
    """Return an answer with another idea of what a text consists of."""
    return lambda train, test, n: [any(grams(text, n) & grams(held, n) for held in test) for text in train]


def _joined(train: Sequence[str], test: Sequence[str], n: int) -> list[bool]:
    return [bool(_grams(text, n) & _grams(" ".join(test), n)) for text in train]


def _same_text(train: Sequence[str], test: Sequence[str], n: int) -> list[bool]:
    held = {text.lower() for text in test}
    return [text.lower() in held for text in train]


def _clean(train: Sequence[str], test: Sequence[str], n: int) -> list[bool]:
    return [not found for found in contaminated(train, test, n)]


def _of_test(train: Sequence[str], test: Sequence[str], n: int) -> list[bool]:
    return contaminated(test, train, n)


EXERCISES = (
    Exercise(
        key="14.is_solved",
        title="A verifier that nothing gets past",
        task="Say whether a text ends in # and the right sum, in plain digits, whatever else a model may write.",
        points=2,
        minutes=15,
        hints=(
            "Take the prompt apart first: `prompt.removesuffix('=').split('+')`. Nothing has to be run.",
            "`text.strip().partition('#')` gives what stands behind the first #; a second # may not be in it.",
            "Is it digits from 0 to 9 and nothing else, `re.fullmatch('[0-9]+', answer)`? Compare without zeros in "
            "front: int() takes signs, underscores and other scripts, and refuses 6,000 digits with an exception.",
        ),
        reference=is_solved,
        cases=_solved_cases,
        returns="the verdict",
        without=("eval", "exec", "compile", "literal_eval"),
        mistakes=(
            Mistake(
                "The right number somewhere in the text is no answer: it must stand behind the #.",
                _solved_as(lambda text, total: str(total) in text),
            ),
            Mistake(
                "Something follows the answer: match all that stands behind the # (re.fullmatch).",
                _solved_as(_first_digits),
            ),
            Mistake(
                "int() takes more than plain digits: `+`, `_`, and digits of other scripts.",
                _solved_as(lambda text, total: _number_after(text, last=False) == total),
            ),
            Mistake(
                "A text with two answers has none: there may be one # only.",
                _solved_as(
                    lambda text, total: (
                        re.fullmatch("[0-9]+", text.strip().rpartition("#")[2]) is not None
                        and "#" in text
                        and text.strip().rpartition("#")[2].lstrip("0") == str(total).lstrip("0")
                    )
                ),
            ),
            Mistake(
                "An expression is no answer: what a model wrote is compared, not worked out.", _solved_as(_by_running)
            ),
            Mistake("Zeros in front do not change a number: 0632 is 632.", _solved_as(_as_written)),
            Mistake(
                "Spaces and line ends around a text mean nothing: strip them.",
                lambda prompt, text: text == text.strip() and is_solved(prompt, text),
            ),
        ),
    ),
    Exercise(
        key="14.distillation_loss",
        title="What a student learns from a distribution",
        task="Return τ² KL(teacher ‖ student) of two batches of logits at temperature τ, the mean over the rows.",
        points=3,
        minutes=15,
        hints=(
            "Divide both logits by τ, then take log_softmax of each; the teacher's carries no gradient.",
            "KL(p ‖ q) = Σ p (log p - log q): the teacher is p.",
            "Sum over the last axis, take the mean over the rows, and multiply by τ².",
        ),
        reference=distillation_loss,
        cases=_distillation_cases,
        returns="the loss",
        differentiable=("student", "teacher"),
        mistakes=(
            Mistake(
                "The factor τ² is missing: at a high temperature the gradient would all but vanish.",
                _distillation_as(lambda p, q, t: (p.exp() * (p - q)).sum(-1).mean()),
            ),
            Mistake("Neither distribution is tempered: divide the logits by τ.", _at_temperature_one),
            Mistake(
                "Only the teacher is tempered: both are, or the student aims at another temperature.",
                _only_teacher_tempered,
            ),
            Mistake("The logits are divided by τ, not multiplied: a high temperature evens out.", _times_temperature),
            Mistake(
                "That is KL(student ‖ teacher): the teacher's distribution is the weight.",
                _distillation_as(lambda p, q, t: t**2 * (q.exp() * (q - p)).sum(-1).mean()),
            ),
            Mistake(
                "That is the cross-entropy; the teacher's own entropy is to be taken off, so that 0 is the best.",
                _distillation_as(lambda p, q, t: -(t**2) * (p.exp() * q).sum(-1).mean()),
            ),
            Mistake(
                "Sum over the classes: a mean over them makes the loss depend on how many there are.",
                _distillation_as(lambda p, q, t: t**2 * (p.exp() * (p - q)).mean()),
            ),
            Mistake(
                "Take the mean over the rows, not their sum.",
                _distillation_as(lambda p, q, t: t**2 * (p.exp() * (p - q)).sum()),
            ),
            Mistake("The teacher would learn, too: detach its logits.", _teacher_learns),
            Mistake(
                "log(softmax) is -inf where a probability is too small for a float; take log_softmax.", _log_of_softmax
            ),
            Mistake("That is the distance of the logits, the limit for τ → ∞ only.", _logit_distance),
        ),
    ),
    Exercise(
        key="14.answer_loss",
        title="A loss on the answer alone",
        task="Return the mean of -log p over the tokens of the answers: not of the prompts, and not of the padding.",
        points=3,
        minutes=20,
        hints=(
            "logits[:, t] predict tokens[:, t + 1]: leave out the last logits and the first tokens.",
            "The token at place t counts if prompt_length <= t < length; compare torch.arange with both.",
            "Divide by the number of tokens that count in the whole batch.",
        ),
        reference=answer_loss,
        cases=_answer_cases,
        returns="the loss",
        differentiable=("logits",),
        mistakes=(
            Mistake(
                "The prompt counts, too; the student should learn to answer, not to ask.",
                _answer_as(lambda t, p, n: t < n),
            ),
            Mistake("The padding counts, too: nothing after `lengths` does.", _answer_as(lambda t, p, n: t >= p)),
            Mistake("Everything counts: prompts and padding are no answers.", _answer_as(lambda t, p, n: t < 10**9)),
            Mistake("The first token of each answer is missing.", _answer_as(lambda t, p, n: (t > p) & (t < n))),
            Mistake("The last token of each prompt counts, too.", _answer_as(lambda t, p, n: (t >= p - 1) & (t < n))),
            Mistake("One token after each answer counts, too.", _answer_as(lambda t, p, n: (t >= p) & (t <= n))),
            Mistake("logits[:, t] predict the next token, tokens[:, t + 1].", _not_shifted),
            Mistake(
                "That is the sum; take the mean over the tokens that count.",
                _answer_as(_answers_only, lambda nats, chosen: (nats * chosen).sum()),
            ),
            Mistake(
                "Divide by the tokens that count, not by all.",
                _answer_as(_answers_only, lambda nats, chosen: (nats * chosen).mean()),
            ),
            Mistake(
                "That is the mean over rows of each row's mean: a token of a short answer counts for more.",
                _answer_as(_answers_only, lambda nats, chosen: ((nats * chosen).sum(1) / chosen.sum(1)).mean()),
            ),
            Mistake(
                "That is the mean over rows of each row's sum: long answers make it large.",
                _answer_as(_answers_only, lambda nats, chosen: (nats * chosen).sum(1).mean()),
            ),
            Mistake(
                "The sign is wrong: a loss is -log p.",
                _answer_as(_answers_only, lambda nats, chosen: -(nats * chosen).sum() / chosen.sum()),
            ),
        ),
    ),
    Exercise(
        key="14.coverage",
        title="Solved by one of k",
        task="Estimate without bias, from n samples a problem of which c are right, the share of problems that k "
        "samples solve.",
        points=2,
        minutes=15,
        hints=(
            "k samples fail if all of them come from the n - c wrong ones.",
            "C(n, k) ways choose k of the n samples, and C(n - c, k) of them hold no right one: math.comb.",
            "Take 1 - C(n - c, k) / C(n, k) of each problem, then the mean.",
        ),
        reference=coverage,
        cases=_coverage_cases,
        returns="the coverage",
        mistakes=(
            Mistake(
                "1 - (1 - c/n)^k is biased: it draws the same sample more than once.",
                _coverage_as(lambda n, c, k: 1 - (1 - c / n) ** k),
            ),
            Mistake(
                "That is the accuracy, c/n, which is the coverage at k = 1 only.", _coverage_as(lambda n, c, k: c / n)
            ),
            Mistake(
                "That is the share of problems with any right sample, the coverage at k = n only.",
                _coverage_as(lambda n, c, k: float(c > 0)),
            ),
            Mistake(
                "That is the probability that all fail; take it off 1.",
                _coverage_as(lambda n, c, k: math.comb(n - c, k) / math.comb(n, k)),
            ),
            Mistake(
                "C(c, k) / C(n, k) is the probability that all k are right; one is enough.",
                _coverage_as(lambda n, c, k: math.comb(c, k) / math.comb(n, k)),
            ),
            Mistake("Each problem counts alike: take the mean of their estimates, do not pool their samples.", _pooled),
        ),
    ),
    Exercise(
        key="14.rouge_l",
        title="How like are two texts?",
        task="Return ROUGE-L's F of two lists of words, from their longest common subsequence.",
        points=3,
        minutes=25,
        hints=(
            "Let L[i][j] be the length for the first i words of a and the first j of b; what of L[i-1][j-1]?",
            "Equal words: L[i-1][j-1] + 1. Else the larger of L[i-1][j] and L[i][j-1].",
            "Precision is LCS / len(a), recall LCS / len(b); F is 2 LCS / (len(a) + len(b)), and 0 for an empty text.",
        ),
        reference=rouge_l,
        cases=_rouge_cases,
        returns="F",
        mistakes=(
            Mistake("The order of the words counts: those are the words in common.", _common_words),
            Mistake(
                "Neither order nor repetition counts there: those are the different words in common.", _different_words
            ),
            Mistake("Words may stand in between: that is the longest common run.", _run),
            Mistake("The first match is not always the best one: fill the table.", _greedy),
            Mistake("That is LCS / len(a), the precision alone.", _rouge_as(lambda lcs, m, n: lcs / m)),
            Mistake("That is LCS / len(b), the recall alone.", _rouge_as(lambda lcs, m, n: lcs / n)),
            Mistake("That is the LCS itself; divide it by the lengths.", _rouge_as(lambda lcs, m, n: float(lcs))),
            Mistake("F has a 2 on top: 2 LCS / (len(a) + len(b)).", _rouge_as(lambda lcs, m, n: lcs / (m + n))),
            Mistake(
                "F is the harmonic mean of precision and recall, not their plain mean.",
                _rouge_as(lambda lcs, m, n: (lcs / m + lcs / n) / 2),
            ),
            Mistake("That is the LCS in the longer text's words.", _rouge_as(lambda lcs, m, n: lcs / max(m, n))),
        ),
    ),
    Exercise(
        key="14.contaminated",
        title="What must not be trained on",
        task="Say of each training text whether it shares n words in a row with a test text, capitals aside.",
        points=2,
        minutes=15,
        hints=(
            "Split each text into words in small letters, and make the set of its runs of n words.",
            "A text of m words has m - n + 1 runs: range(len(words) - n + 1); a shorter one has none.",
            "Collect the runs of all test texts in one set, and ask of each training text whether its own meet it.",
        ),
        reference=contaminated,
        cases=_contamination_cases,
        returns="the list",
        mistakes=(
            Mistake(
                "Capitals hide a copy: compare in small letters.",
                _contaminated_as(
                    lambda text, n: {tuple(text.split()[i : i + n]) for i in range(len(text.split()) - n + 1)}
                ),
            ),
            Mistake("Only whole texts are compared; a copied question with a word before it passes.", _same_text),
            Mistake(
                "Those are n words anywhere; they must stand in a row.",
                lambda train, test, n: [
                    any(len(set(t.lower().split()) & set(h.lower().split())) >= n for h in test) for t in train
                ],
            ),
            Mistake(
                "The last run of a text is missing: there are len(words) - n + 1.",
                _contaminated_as(
                    lambda text, n: {tuple(text.lower().split()[i : i + n]) for i in range(len(text.split()) - n)}
                ),
            ),
            Mistake(
                "A run of fewer than n words counts at the end of a text.",
                _contaminated_as(
                    lambda text, n: {tuple(text.lower().split()[i : i + n]) for i in range(len(text.split()))}
                ),
            ),
            Mistake(
                "Those are n letters in a row, not words.",
                _contaminated_as(lambda text, n: {text.lower()[i : i + n] for i in range(len(text) - n + 1)}),
            ),
            Mistake("The test texts were joined: the end of one and the beginning of the next are no run.", _joined),
            Mistake("True means contaminated; yours says which are clean.", _clean),
            Mistake("One answer for each training text, not for each test text.", _of_test),
        ),
    ),
)
