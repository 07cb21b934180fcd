"""Chapter 15: what its notebook's header says, and its exercises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

Pair = tuple[str, str]
Verify = Callable[[str, str], bool]

CHAPTER = Chapter(
    number="15",
    title="Self-improvement, and collapse",
    builds="A model that teaches itself: it solves, verifies, rationalises, votes and prefers, learns by low-rank "
    "updates, and gets better; and the same loop without a verifier, in which it collapses, until enough real data "
    "stops that. First on small worlds whose truth is known, then on a real language model, offline.",
    read_first="Chapter 14: a teacher, a verifier and a student.",
    papers=(
        Paper(
            "STaR: Bootstrapping Reasoning With Reasoning", "Zelikman et al.", 2022, "https://arxiv.org/abs/2203.14465"
        ),
        Paper(
            "Beyond Human Data: Scaling Self-Training for Problem-Solving with Language Models",
            "Singh et al.",
            2023,
            "https://arxiv.org/abs/2312.06585",
        ),
        Paper(
            "Self-Play Fine-Tuning Converts Weak Language Models to Strong Language Models",
            "Chen et al.",
            2024,
            "https://arxiv.org/abs/2401.01335",
        ),
        Paper(
            "The Curse of Recursion: Training on Generated Data Makes Models Forget",
            "Shumailov et al.",
            2023,
            "https://arxiv.org/abs/2305.17493",
        ),
    ),
)


def _normal(rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(rng.normal(size=shape), dtype=dtype)


# Verifiers of the cases. None of them takes a text for a prompt, or a prompt with a hint for one without.


def sum_is_right(prompt: str, text: str) -> bool:
    """Say whether a text ends in # and the sum of a prompt such as ``347+285=``."""
    numbers = re.fullmatch(r"(\d+)\+(\d+)=", prompt)
    return numbers is not None and text.rpartition("#")[2] == str(int(numbers[1]) + int(numbers[2]))


def begins_so(prompt: str, text: str) -> bool:
    """Say whether a text goes on after its prompt's letters."""
    return text.startswith(prompt) and len(text) > len(prompt)


def _looked_up(answers: dict[str, str]) -> Verify:
    """Return a verifier that knows the answers, and raises a KeyError for a prompt that it has never seen."""

    def is_known_answer(prompt: str, text: str) -> bool:
        return text.endswith(f"#{answers[prompt]}")

    return is_known_answer


def _anything(prompt: str, text: str) -> bool:
    return True


def _problems(rng: np.random.Generator, n: int) -> list[tuple[str, int, int]]:
    """Return n different prompts, each with its numbers."""
    numbers = rng.choice(90 * 90, size=n, replace=False)
    pairs = [(10 + int(number) // 90, 10 + int(number) % 90) for number in numbers]
    return [(f"{a}+{b}=", a, b) for a, b in pairs]


def _solution(rng: np.random.Generator, a: int, b: int, right: bool) -> str:
    chains = [
        "",
        f"{a}+{b};",
        f"{b}+{a};",
        f"{a}+{b // 10 * 10}={a + b // 10 * 10};",
        f"{a}+{b}={a + b};",
        "so ",
        "ah ",
    ]
    chain = str(rng.choice(chains))
    return f"{chain}#{a + b + (0 if right else int(rng.choice([-10, -1, 1, 10])))}"


# Only what is right is learnt.


def keep_right(prompts: Sequence[str], samples: Sequence[Sequence[str]], verify: Verify, most: int) -> list[Pair]:
    """Return (prompt, text) of right texts, each once, at most ``most`` a prompt."""
    pairs: list[Pair] = []
    for prompt, texts in zip(prompts, samples, strict=True):
        different = dict.fromkeys(texts)  # in their order
        right = [text for text in different if verify(prompt, text)]
        pairs += [(prompt, text) for text in right[:most]]
    return pairs


def _keep_cases(rng: np.random.Generator) -> Iterator[Case]:
    for n, k, most, share in ((5, 8, 2, 0.6), (3, 4, 1, 0.5), (1, 12, 3, 0.7), (8, 3, 10, 0.5), (4, 16, 3, 0.4)):
        problems = _problems(rng, n)
        samples = [[_solution(rng, a, b, bool(rng.random() < share)) for _ in range(k)] for _, a, b in problems]
        prompts = [prompt for prompt, _, _ in problems]
        yield Case(prompts, samples, sum_is_right, most, name=f"{n} prompts with {k} samples each, most = {most}")
    prompt, a, b = _problems(rng, 1)[0]
    one, two, three = f"#{a + b}", f"{a}+{b};#{a + b}", f"{b}+{a};#{a + b}"
    wrong = [f"#{a + b + i}" for i in (1, 10, 2)]
    yield Case([prompt], [[*wrong, two, one, three]], sum_is_right, 2, name="right texts behind three wrong ones")
    yield Case([prompt], [[two, two, two, one, three]], sum_is_right, 2, name="copies before another right text")
    yield Case([prompt], [[three, one, three, one, two]], sum_is_right, 3, name="copies that do not stand side by side")
    yield Case([prompt], [[wrong[0], three, wrong[0], one]], sum_is_right, 1, name="a wrong text that comes twice")
    yield Case([prompt, "1+2="], [wrong, [two, "#3"]], sum_is_right, 4, name="a prompt without a right text")
    yield Case([prompt, "1+2="], [wrong, [two]], sum_is_right, 4, name="no right text at all")
    yield Case(["1+2=", prompt], [[], [one]], sum_is_right, 4, name="a prompt that nothing was sampled for")
    names = ["anna", "anton", "an", "bea", "anna", "ali"]
    yield Case(["a", "an", "be"], [names] * 3, begins_so, 3, name="texts that are right for two prompts")
    near = [["ada ", "ada", "adA", "ada"], ["b\n", " b", "b"]]
    yield Case(["a", "b"], near, begins_so, 5, name="texts that differ by a space or a capital")
    yield Case(["p", "q"], [["y", "x", "y"], ["x"]], _anything, 2, name="a verifier that accepts everything")
    yield Case(["p", "q"], [list("fgahbcfde"), list("ba")], _anything, 6, name="eight right texts, and most = 6")
    many = [f"#{a + b + i}" for i in range(1, 12)]
    yield Case([prompt], [[*many, three, one]], sum_is_right, 1, name="right texts behind eleven wrong ones, most = 1")


def _kept_as(of_prompt: Callable[[str, list[str], Verify, int], list[str]]) -> Callable[..., list[Pair]]:
    """Return an answer that keeps other texts of each prompt."""
    return lambda prompts, samples, verify, most: [
        (prompt, text)
        for prompt, texts in zip(prompts, samples, strict=True)
        for text in of_prompt(prompt, list(texts), verify, most)
    ]


def _right(prompt: str, texts: Sequence[str], verify: Verify) -> list[str]:
    return [text for text in texts if verify(prompt, text)]


def _different(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _once_in_all(prompts: Sequence[str], samples: Sequence[Sequence[str]], verify: Verify, most: int) -> list[Pair]:
    seen: set[str] = set()
    pairs: list[Pair] = []
    for prompt, texts in zip(prompts, samples, strict=True):
        right = [text for text in _different(_right(prompt, texts, verify)) if text not in seen][:most]
        seen.update(right)
        pairs += [(prompt, text) for text in right]
    return pairs


# A hint for what was not solved.


def rationalised(prompts: Sequence[str], samples: Sequence[str], hinted: Sequence[Pair], verify: Verify) -> list[Pair]:
    """Return (prompt, text): the sample where it is right, else what a hint led to."""
    pairs: list[Pair] = []
    for prompt, sample, (_, after_hint) in zip(prompts, samples, hinted, strict=True):
        if verify(prompt, sample):
            pairs.append((prompt, sample))
        elif verify(prompt, after_hint):
            pairs.append((prompt, after_hint))  # as if there had been no hint
    return pairs


def _hinted_cases(rng: np.random.Generator) -> Iterator[Case]:
    def hint(prompt: str, total: int) -> str:
        return f"{prompt} (it is {total})"

    for n in (7, 1, 12, 4, 9):
        problems = _problems(rng, n)
        hinted = [(hint(prompt, a + b), _solution(rng, a, b, bool(rng.random() < 0.7))) for prompt, a, b in problems]
        samples = [_solution(rng, a, b, bool(rng.random() < 0.4)) for _, a, b in problems]
        known = {prompt: str(a + b) for prompt, a, b in problems}
        verify = _looked_up(known) if n % 2 == 0 else sum_is_right
        yield Case(list(known), samples, hinted, verify, name=f"{n} problems" if n > 1 else "a single problem")
    prompt, a, b = _problems(rng, 1)[0]
    right, also, wrong = f"#{a + b}", f"{a}+{b};#{a + b}", f"{b};#{a + b + 1}"
    told = hint(prompt, a + b)
    for sample, after_hint, name in (
        (right, also, "a problem that was solved both times"),
        (wrong, also, "a problem that was solved with the hint alone"),
        (right, wrong, "a problem that was solved without the hint alone"),
        (wrong, wrong, "a problem that was never solved"),
        (wrong, "", "a problem with no text after the hint"),
    ):
        yield Case([prompt], [sample], [(told, after_hint)], sum_is_right, name=name)
    yield Case(
        [prompt, "1+2=", "2+2="],
        [wrong, "#3", "#5"],
        [(told, also), (hint("1+2=", 3), "1+2;#3"), (hint("2+2=", 4), "2+2;#4")],
        _looked_up({prompt: str(a + b), "1+2=": "3", "2+2=": "4"}),
        name="a solution between two that a hint led to",
    )
    yield Case(
        ["a", "be"], ["bob", "ada"], [("a, as in anna", "anna"), ("be, as in bea", "bob")], begins_so, name="names"
    )


def _rationalised_as(
    of_problem: Callable[[str, str, Pair, Verify], list[Pair]],
) -> Callable[..., list[Pair]]:
    """Return an answer that makes other pairs of each problem."""
    return lambda prompts, samples, hinted, verify: [
        pair
        for prompt, sample, second in zip(prompts, samples, hinted, strict=True)
        for pair in of_problem(prompt, sample, second, verify)
    ]


def _either(first: Pair, second: Pair, verified: bool, otherwise: bool) -> list[Pair]:
    return [first] if verified else [second] if otherwise else []


def _hints_at_the_end(
    prompts: Sequence[str], samples: Sequence[str], hinted: Sequence[Pair], verify: Verify
) -> list[Pair]:
    solved = [(p, s) for p, s in zip(prompts, samples, strict=True) if verify(p, s)]
    rest = [(p, h) for p, s, (_, h) in zip(prompts, samples, hinted, strict=True) if not verify(p, s) and verify(p, h)]
    return solved + rest


# A vote, where nothing verifies.


def majority(answers: Sequence[Sequence[int | None]]) -> list[int | None]:
    """Return the most frequent answer to each problem, of equals the first."""
    chosen: list[int | None] = []
    for given in answers:
        votes = Counter(answer for answer in given if answer is not None)
        # most_common keeps the order in which they came
        chosen.append(votes.most_common(1)[0][0] if votes else None)
    return chosen


def _majority_cases(rng: np.random.Generator) -> Iterator[Case]:
    def some(k: int, kinds: int, unreadable: float) -> list[int | None]:
        numbers = [int(x) for x in rng.choice(200, size=kinds, replace=False) - 60]
        return [None if rng.random() < unreadable else numbers[int(i)] for i in rng.integers(0, kinds, k)]

    for n, k, kinds, unreadable in ((4, 9, 4, 0.2), (1, 16, 6, 0.4), (7, 5, 3, 0.5), (10, 8, 5, 0.1), (3, 40, 12, 0.3)):
        problems = [some(int(rng.integers(1, k + 1)), kinds, unreadable) for _ in range(n)]
        yield Case(problems, name=f"{n} problems with up to {k} answers each")
    few, many = sorted(int(x) for x in rng.choice(np.arange(10, 99), size=2, replace=False))
    yield Case([[None, None, few, None]], name="more unreadable answers than others")
    yield Case([[few, 0, 0], [0, None], [None, 0, many, 0]], name="answers of 0")
    yield Case([[0], [None, 0, 0]], name="problems with no other answer than 0")
    yield Case([[many, few], [few, many], [few, few, many, many]], name="ties between two answers")
    yield Case([[many, few, few, many], [few, many, many, few, None]], name="ties in which the first comes last, too")
    yield Case([[many, few, few], [few, few, many], [few, many, many]], name="two against one")
    yield Case([[1, 2, 3, 4, 4, 5, 6], [9, 8, 7, 7]], name="an answer with less than half of the votes")
    yield Case([[None], [few, few], [None, None], []], name="problems without a readable answer")
    yield Case([[few, many, few, many, few, many, many], [-few, -many, -few]], name="answers that take turns")
    yield Case([[few, many, many], [few], [few, None]], name="an answer that other problems have, too")


def _voted_as(
    of_problem: Callable[[list[int]], float | None], none: int | None = None
) -> Callable[..., list[float | None]]:
    """Return an answer made of the readable answers to each problem."""
    return lambda answers: [
        of_problem(read) if (read := [a for a in given if a is not None]) else none for given in answers
    ]


def _most_frequent(given: Sequence[int]) -> int:
    return Counter(given).most_common(1)[0][0]


def _first_to_lead(given: Sequence[int]) -> int:
    votes: Counter[int] = Counter()
    best = given[0]
    for answer in given:
        votes[answer] += 1
        best = answer if votes[answer] > votes[best] else best
    return best


def _longest_run(given: Sequence[int]) -> int:
    runs = [(answer, len(list(run))) for answer, run in groupby(given)]
    return max(runs, key=lambda run: run[1])[0]


def _none_votes(answers: Sequence[Sequence[int | None]]) -> list[int | None]:
    return [Counter(given).most_common(1)[0][0] if given else None for given in answers]


def _zero_is_nothing(answers: Sequence[Sequence[int | None]]) -> list[int | None]:
    return [_most_frequent(read) if (read := [a for a in given if a]) else None for given in answers]


def _pooled(answers: Sequence[Sequence[int | None]]) -> list[int | None]:
    votes = Counter(a for given in answers for a in given if a is not None)
    return [
        max(read, key=lambda a: votes[a]) if (read := [a for a in given if a is not None]) else None
        for given in answers
    ]


# A loss that knows which of two is better.


def dpo_loss(
    chosen: Tensor, rejected: Tensor, chosen_reference: Tensor, rejected_reference: Tensor, beta: float
) -> Tensor:
    """Return the mean of -log σ(β (log-ratio of the chosen - of the rejected))."""
    log_ratio = chosen - chosen_reference.detach()  # log π(y) / π_ref(y)
    other_log_ratio = rejected - rejected_reference.detach()
    return -F.logsigmoid(beta * (log_ratio - other_log_ratio)).mean()


def _dpo_cases(rng: np.random.Generator) -> Iterator[Case]:
    def log_probs(n: int, dtype: torch.dtype) -> list[Tensor]:
        reference = [-(3 * _normal(rng, n, dtype=dtype).abs() + 8) for _ in range(2)]
        policy = [each + 2 * _normal(rng, n, dtype=dtype) for each in reference]
        return [*policy, *reference]

    for n, beta, dtype in (
        (5, 0.5, torch.float64),
        (1, 0.1, torch.float64),
        (8, 2.0, torch.float64),
        (3, 1.0, torch.float64),
        (16, 0.3, torch.float32),
        (4, 0.02, torch.float64),
    ):
        yield Case(*log_probs(n, dtype), beta, name=f"{n} pairs and β = {beta:g}")
    same = log_probs(4, torch.float64)[2:]
    yield Case(*(part.clone() for part in same), *same, 0.7, name="a policy that is its reference")
    both = log_probs(3, torch.float64)
    lower = [part - 5 for part in both[:2]]
    yield Case(*lower, *both[2:], 0.7, name="answers that both became unlikely")
    for dtype in (torch.float64, torch.float32):
        old = -(torch.tensor([30, 120, 700, 900], dtype=dtype) + _normal(rng, 4, dtype=dtype).abs())
        other = -(torch.tensor([45, 800, 110, 950], dtype=dtype) + _normal(rng, 4, dtype=dtype).abs())
        steps = torch.tensor([-20, -300, 600, 1.5], dtype=dtype)
        yield Case(old + steps, other - steps, old, other, 0.5, name="long answers, far from the reference")
        old, new = (torch.tensor(row, dtype=dtype) for row in ([-950, -30, -420, -60], [-50, -29.5, -20, -960]))
        other = -(torch.tensor([40, 500, 90, 300], dtype=dtype) + _normal(rng, 4, dtype=dtype).abs())
        yield Case(new, other.clone(), old, other, 1.0, name="margins of 900 on the right side and on the wrong one")


def _dpo_as(loss: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return another loss of both log-ratios over the reference, (n,), and β."""

    def answer(
        chosen: Tensor, rejected: Tensor, chosen_reference: Tensor, rejected_reference: Tensor, beta: float
    ) -> Tensor:
        return loss(chosen - chosen_reference.detach(), rejected - rejected_reference.detach(), beta)

    return answer


def _kinked(below: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return the loss as max(-z, 0) + log(1 + exp(-|z|)): right but for torch's gradient at z = 0."""

    def loss(log_ratio: Tensor, other: Tensor, beta: float) -> Tensor:
        z = beta * (log_ratio - other)
        return (below(z) + torch.log1p(torch.exp(-z.abs()))).mean()

    return _dpo_as(loss)


def _reference_learns(
    chosen: Tensor, rejected: Tensor, chosen_reference: Tensor, rejected_reference: Tensor, beta: float
) -> Tensor:
    return -F.logsigmoid(beta * (chosen - rejected - chosen_reference + rejected_reference)).mean()


def _no_reference(chosen: Tensor, rejected: Tensor, *reference: object) -> Tensor:
    beta = reference[-1]
    assert isinstance(beta, float)
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


def _reference_added(
    chosen: Tensor, rejected: Tensor, chosen_reference: Tensor, rejected_reference: Tensor, beta: float
) -> Tensor:
    return -F.logsigmoid(beta * (chosen - rejected + chosen_reference.detach() - rejected_reference.detach())).mean()


# A layer with a low-rank update.


def lora(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Return x Wᵀ + α/r · x Aᵀ Bᵀ, (..., out), by two thin products."""
    rank = a.shape[0]
    return x @ weight.T + alpha / rank * (x @ a.T @ b.T)


def _lora_cases(rng: np.random.Generator) -> Iterator[Case]:
    def case(
        shape: tuple[int, ...], out: int, rank: int, alpha: float, dtype: torch.dtype = torch.float64, name: str = ""
    ) -> Case:
        width = shape[-1]
        x, weight = _normal(rng, *shape, dtype=dtype), _normal(rng, out, width, dtype=dtype)
        a, b = _normal(rng, rank, width, dtype=dtype), _normal(rng, out, rank, dtype=dtype)
        name = name or f"x of shape {shape}, {out} outputs, r = {rank}, α = {alpha:g}"
        return Case(x, weight, a, b, alpha, name=name)

    yield case((6, 5), 4, 2, 8.0)
    yield case((3, 7, 4), 9, 3, 1.0)
    yield case((8,), 3, 2, 16.0, name="a single x, of shape (8,)")
    yield case((2, 3, 2, 6), 5, 4, 12.0)
    yield case((5, 16), 12, 1, 0.5)
    yield case((4, 32), 24, 8, 16.0, torch.float32)
    yield case((5, 6), 6, 3, 3.0, name="as many outputs as inputs, and α = r")
    yield case((3, 4), 4, 4, 2.0, name="a square layer of full rank")
    yield case((4, 3), 5, 3, 7.0, name="a rank that is as large as the input")
    yield case((4, 5), 3, 3, 7.0, name="a rank that is as large as the output")
    begin = case((4, 6), 5, 2, 8.0, name="a layer that has not learnt yet: B is 0")
    begin.args[3].zero_()
    yield begin
    large = case((3, 5), 4, 2, 64.0, torch.float32, name="a large update in single precision")
    large.args[2].mul_(50)
    yield large
    yield case((1, 5), 4, 2, 8.0, name="a batch of one, of shape (1, 5)")
    yield case((1, 1, 6), 3, 2, 8.0, name="a batch of one sequence of one, of shape (1, 1, 6)")


def _lora_as(scale: Callable[[Tensor, Tensor, float], float]) -> Callable[..., Tensor]:
    """Return the layer with another factor before the update, a function of A, B and α."""
    return lambda x, weight, a, b, alpha: x @ weight.T + scale(a, b, alpha) * (x @ a.T @ b.T)


# How much of the diversity the next model keeps.


def next_diversity(now: float, real: float, n: int, fresh: int) -> float:
    """Return the probability that two draws of the next model differ.

    It draws from its n training data, with replacement: ``fresh`` of them are real, the
    others come from the model before, whose diversity is ``now``.
    """
    synthetic = n - fresh
    pairs = n * (n - 1)  # of n² draws of two data; in the others one is drawn twice
    both_synthetic = synthetic * (synthetic - 1)
    # A synthetic datum and a real one differ as two real ones do, on average
    return (both_synthetic * now + (pairs - both_synthetic) * real) / n**2


def _diversity_cases(rng: np.random.Generator) -> Iterator[Case]:
    def some() -> tuple[float, float]:
        real = float(rng.uniform(0.4, 0.98))
        return real * float(rng.uniform(0.1, 0.9)), real

    for n, fresh in ((10, 2), (4, 1), (50, 5), (3, 2), (200, 20), (25, 24), (1000, 1), (7, 5)):
        yield Case(*some(), n, fresh)
    yield Case(*some(), 12, 0, name="no real data, n = 12")
    yield Case(*some(), 9, 9, name="real data only, n = 9")
    yield Case(0.0, some()[1], 20, 3, name="a model that has collapsed to one item, n = 20, fresh = 3")
    yield Case(*2 * (some()[1],), 15, 4, name="a model as diverse as the world, n = 15, fresh = 4")
    yield Case(*some(), 2, 1, name="two training data, one of them real")
    yield Case(*some(), 10**6, 10**5, name="a million training data, a tenth of them real")


def _diversity_as(model: Callable[[float, float, float, int], float]) -> Callable[..., float]:
    """Return an answer made of both diversities, the share of real data, and n."""
    return lambda now, real, n, fresh: model(now, real, fresh / n, n)


def _mixed_are_equal(now: float, real: float, n: int, fresh: int) -> float:
    m = n - fresh
    return (m * (m - 1) * now + fresh * (fresh - 1) * real) / n**2


def _no_loss_among_real(now: float, real: float, n: int, fresh: int) -> float:
    m = n - fresh
    return (m * (m - 1) * now + (n**2 - m**2) * real) / n**2


def _never_twice(now: float, real: float, n: int, fresh: int) -> float:
    return next_diversity(now, real, n, fresh) * n / (n - 1)


EXERCISES = (
    Exercise(
        key="15.keep_right",
        title="Learn from what is right alone",
        task="Return a pair (prompt, text) for each right text: each text once and at most `most` of them a prompt.",
        points=2,
        minutes=15,
        hints=(
            "Walk through prompts and their samples together, and ask `verify(prompt, text)` of each text.",
            "`dict.fromkeys(texts)` leaves out copies and keeps the order; a set does not keep it.",
            "Verify first, then leave out copies, then take the first `most`: what is wrong must not use up places.",
        ),
        reference=keep_right,
        cases=_keep_cases,
        returns="the pairs",
        mistakes=(
            Mistake(
                "Nothing is verified: a model that learns from all that it wrote learns its errors, too.",
                _kept_as(lambda p, texts, verify, most: _different(texts)[:most]),
            ),
            Mistake(
                "Copies are kept: what a model writes often would be taught often, and it would write little else.",
                _kept_as(lambda p, texts, verify, most: _right(p, texts, verify)[:most]),
            ),
            Mistake(
                "Wrong texts use up places: `most` counts the texts that are kept, not those that are looked at.",
                _kept_as(lambda p, texts, verify, most: _right(p, _different(texts)[:most], verify)),
            ),
            Mistake(
                "Only the first samples are looked at: verify all, leave out copies, then keep the first `most`.",
                _kept_as(lambda p, texts, verify, most: _different(_right(p, texts[:most], verify))),
            ),
            Mistake(
                "Copies use up places: leave them out before you count to `most`.",
                _kept_as(lambda p, texts, verify, most: _different(_right(p, texts, verify)[:most])),
            ),
            Mistake(
                "There is no limit: easy prompts, of which many samples are right, would crowd out hard ones.",
                _kept_as(lambda p, texts, verify, most: _different(_right(p, texts, verify))),
            ),
            Mistake(
                "There is one pair too many of a prompt: stop as soon as `most` are kept.",
                _kept_as(lambda p, texts, verify, most: _different(_right(p, texts, verify))[: most + 1]),
            ),
            Mistake(
                "`most` is for each prompt, not for all of them together.",
                lambda prompts, samples, verify, most: keep_right(prompts, samples, verify, 10**6)[:most],
            ),
            Mistake(
                "A text may be right for two prompts, and then it belongs to both: look for copies within a prompt.",
                _once_in_all,
            ),
            Mistake(
                "Those are the wrong ones: keep a text if `verify` says True.",
                _kept_as(lambda p, texts, verify, most: [t for t in _different(texts) if not verify(p, t)][:most]),
            ),
            Mistake(
                "The order is not that of the samples: sorting, or a set, loses it; `dict.fromkeys` keeps it.",
                _kept_as(lambda p, texts, verify, most: sorted(set(_right(p, texts, verify)))[:most]),
            ),
            Mistake(
                "Keep the first right ones, not the last.",
                _kept_as(lambda p, texts, verify, most: _different(_right(p, texts, verify))[-most:]),
            ),
            Mistake(
                "Only copies that stand side by side are left out.",
                _kept_as(lambda p, texts, verify, most: [t for t, _ in groupby(_right(p, texts, verify))][:most]),
            ),
            Mistake(
                "`verify` takes the prompt first, then the text.",
                _kept_as(lambda p, texts, verify, most: [t for t in _different(texts) if verify(t, p)][:most]),
            ),
            Mistake(
                "A pair is (prompt, text): the student must see what was asked.",
                lambda *case: [(text, prompt) for prompt, text in keep_right(*case)],
            ),
            Mistake(
                "Those are the texts alone; each one needs the prompt that it answers.",
                lambda *case: [text for _, text in keep_right(*case)],
            ),
            Mistake(
                "One flat list of pairs is asked for, not a list for each prompt.",
                lambda prompts, samples, verify, most: [
                    keep_right([prompt], [texts], verify, most) for prompt, texts in zip(prompts, samples, strict=True)
                ],
            ),
            Mistake(
                "Spaces belong to a text: pairs hold it as it was sampled.",
                lambda *case: [(prompt, text.strip()) for prompt, text in keep_right(*case)],
            ),
        ),
    ),
    Exercise(
        key="15.rationalised",
        title="Solved with a hint, taught without it",
        task="Return a pair (prompt, text) for each problem that was solved without a hint or, failing that, with one.",
        points=2,
        minutes=15,
        hints=(
            "Of each problem there are two texts. Verify the one without a hint first.",
            "If that one is wrong, verify what was written after the hint; if both are, the problem gives no pair.",
            "Pair either text with the plain prompt: `for prompt, sample, (_, text) in zip(...)` drops the hint.",
        ),
        reference=rationalised,
        cases=_hinted_cases,
        returns="the pairs",
        mistakes=(
            Mistake(
                "The hint is in the prompt: a student that is taught with the answer in view learns to read it off.",
                _rationalised_as(
                    lambda p, s, h, verify: _either((p, s), h, verify(p, s), verify(p, h[1])),
                ),
            ),
            Mistake(
                "What was solved without a hint needs none: prefer the model's own solution where both are right.",
                _rationalised_as(
                    lambda p, s, h, verify: _either((p, h[1]), (p, s), verify(p, h[1]), verify(p, s)),
                ),
            ),
            Mistake(
                "A problem gives one pair at most: where both texts are right, the one without a hint.",
                _rationalised_as(lambda p, s, h, verify: [(p, text) for text in (s, h[1]) if verify(p, text)]),
            ),
            Mistake(
                "The hints are not used: a problem that is solved with one alone counts, too.",
                _rationalised_as(lambda p, s, h, verify: [(p, s)] if verify(p, s) else []),
            ),
            Mistake(
                "What was solved without a hint is missing.",
                _rationalised_as(
                    lambda p, s, h, verify: [(p, h[1])] if not verify(p, s) and verify(p, h[1]) else [],
                ),
            ),
            Mistake(
                "A hint does not make a text right: verify what was written after it, too.",
                _rationalised_as(lambda p, s, h, verify: [(p, s) if verify(p, s) else (p, h[1])]),
            ),
            Mistake(
                "Only texts after hints are used; where the model solved a problem alone, its own text counts.",
                _rationalised_as(lambda p, s, h, verify: [(p, h[1])] if verify(p, h[1]) else []),
            ),
            Mistake(
                "Nothing is verified: what is wrong must not be taught.",
                _rationalised_as(lambda p, s, h, verify: [(p, s)]),
            ),
            Mistake(
                "A problem that was not solved at all gives no pair; leave it out, and teach nothing wrong.",
                _rationalised_as(
                    lambda p, s, h, verify: [(p, h[1]) if verify(p, h[1]) and not verify(p, s) else (p, s)]
                ),
            ),
            Mistake(
                "`verify` knows the plain prompts only: give it the prompt without the hint.",
                _rationalised_as(
                    lambda p, s, h, verify: _either((p, s), (p, h[1]), verify(p, s), verify(*h)),
                ),
            ),
            Mistake(
                "The pairs stand in the order of the problems, with a hint or without.",
                _hints_at_the_end,
            ),
            Mistake(
                "A pair is (prompt, text): the student must see what was asked.",
                lambda *case: [(text, prompt) for prompt, text in rationalised(*case)],
            ),
            Mistake(
                "Those are the texts alone; each one needs the prompt that it answers.",
                lambda *case: [text for _, text in rationalised(*case)],
            ),
            Mistake(
                "A problem that gives no pair leaves no gap: the list has no None in it.",
                lambda prompts, samples, hinted, verify: [
                    next(iter(rationalised([p], [s], [h], verify)), None)
                    for p, s, h in zip(prompts, samples, hinted, strict=True)
                ],
            ),
        ),
    ),
    Exercise(
        key="15.majority",
        title="A vote in place of a verifier",
        task="Return for each problem the answer that most samples agree on, of equals the one that came first.",
        points=1,
        minutes=10,
        hints=(
            "Each problem has votes of its own. None is no vote, but 0 is one: ask `is not None`.",
            "`collections.Counter` counts, and its `most_common` keeps the order in which equals came.",
            "A problem with no vote at all has the answer None.",
        ),
        reference=majority,
        cases=_majority_cases,
        returns="the list",
        mistakes=(
            Mistake("None is no answer: what cannot be read has no vote.", _none_votes),
            Mistake("0 is an answer, and false in Python all the same: ask `is not None`.", _zero_is_nothing),
            Mistake(
                "Of equally frequent answers the one that came first wins, not the smallest.",
                _voted_as(lambda given: _most_frequent(sorted(given))),
            ),
            Mistake(
                "Of equally frequent answers the one that came first wins, not the largest.",
                _voted_as(lambda given: _most_frequent(sorted(given, reverse=True))),
            ),
            Mistake(
                "Of equally frequent answers the one that came first wins, not the one that came last.",
                _voted_as(lambda given: _most_frequent(given[::-1])),
            ),
            Mistake(
                "Of equals the one that came first wins, not the one that got its votes first: count them all, then "
                "choose.",
                _voted_as(_first_to_lead),
            ),
            Mistake(
                "That is the first answer of each problem; let all of them vote.", _voted_as(lambda given: given[0])
            ),
            Mistake(
                "More than half is not needed: the most frequent answer wins with few votes, too.",
                _voted_as(lambda given: a if 2 * given.count(a := _most_frequent(given)) > len(given) else None),
            ),
            Mistake(
                "A tie has a winner: of equally frequent answers the one that came first.",
                _voted_as(
                    lambda given: (
                        None
                        if sum(given.count(a) == given.count(_most_frequent(given)) for a in set(given)) > 1
                        else _most_frequent(given)
                    )
                ),
            ),
            Mistake(
                "That is the mean, which may be nobody's answer: answers vote, they are not averaged.",
                _voted_as(lambda given: float(np.mean(given))),
            ),
            Mistake(
                "That is the median, the answer in the middle: answers vote, and their size means nothing.",
                _voted_as(lambda given: sorted(given)[len(given) // 2]),
            ),
            Mistake(
                "That is how many votes the answer has; return the answer.",
                _voted_as(lambda g: g.count(_most_frequent(g))),
            ),
            Mistake("The votes of all problems were pooled; each problem has its own.", _pooled),
            Mistake(
                "A problem without a readable answer keeps its place, with None.",
                lambda answers: [answer for answer in majority(answers) if answer is not None],
            ),
            Mistake("Where nothing can be read the answer is None, not 0.", _voted_as(_most_frequent, none=0)),
            Mistake("Equal answers need not stand side by side: count them all.", _voted_as(_longest_run)),
        ),
    ),
    Exercise(
        key="15.dpo_loss",
        title="Learn which of two is better",
        task="Return DPO's loss, the mean of -log σ(β (log-ratio of the chosen - that of the rejected text)).",
        points=3,
        minutes=20,
        hints=(
            "The log-ratio of a text is log π - log π_ref: two log-probabilities, so a difference and no quotient.",
            "Take the rejected text's log-ratio off the chosen one's, multiply by β, and take -log σ of that.",
            "log(sigmoid(z)) is -inf where z is far below 0; torch.nn.functional.logsigmoid is not. Detach π_ref.",
        ),
        reference=dpo_loss,
        cases=_dpo_cases,
        returns="the loss",
        differentiable=("chosen", "rejected", "chosen_reference", "rejected_reference"),
        mistakes=(
            Mistake(
                "log(sigmoid(z)) and log(1 + exp(-z)) are infinite for pairs far on the wrong side; take logsigmoid.",
                _dpo_as(lambda g, other, beta: -torch.log(torch.sigmoid(beta * (g - other))).mean()),
            ),
            Mistake(
                "A small number inside of the logarithm caps the loss of pairs far on the wrong side; take logsigmoid.",
                _dpo_as(lambda g, other, beta: -torch.log(torch.sigmoid(beta * (g - other)) + 1e-8).mean()),
            ),
            Mistake("The reference is missing: a log-ratio is log π - log π_ref.", _no_reference),
            Mistake(
                "The reference has the wrong sign: its log-probabilities are taken off, log π - log π_ref.",
                _reference_added,
            ),
            Mistake("The reference would learn, too: detach it.", _reference_learns),
            Mistake(
                "The chosen text is the better one: its log-ratio comes first, with a plus.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid(beta * (other - g)).mean()),
            ),
            Mistake(
                "The sign is wrong: the loss is -log σ, and is never below 0.",
                _dpo_as(lambda g, other, beta: F.logsigmoid(beta * (g - other)).mean()),
            ),
            Mistake("β is missing.", _dpo_as(lambda g, other, beta: -F.logsigmoid(g - other).mean())),
            Mistake(
                "β stands inside of σ: outside it only scales the loss.",
                _dpo_as(lambda g, other, beta: -beta * F.logsigmoid(g - other).mean()),
            ),
            Mistake(
                "The margin is multiplied by β, not divided.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid((g - other) / beta).mean()),
            ),
            Mistake(
                "Take the mean over the pairs, not their sum.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid(beta * (g - other)).sum()),
            ),
            Mistake(
                "One loss for each pair first, then their mean: the mean margin lets good pairs hide bad ones.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid(beta * (g - other).mean())),
            ),
            Mistake(
                "That is a loss for each pair; return their mean.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid(beta * (g - other))),
            ),
            Mistake(
                "That is 1 - σ: the logarithm is missing.",
                _dpo_as(lambda g, other, beta: torch.sigmoid(-beta * (g - other)).mean()),
            ),
            Mistake(
                "Both texts are judged alone there; only the difference of their log-ratios counts.",
                _dpo_as(lambda g, other, beta: -(F.logsigmoid(beta * g) + F.logsigmoid(-beta * other)).mean()),
            ),
            Mistake(
                "exp turns log-ratios into quotients, which overflow; σ takes their logarithms as they are.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid(beta * (g.exp() - other.exp())).mean()),
            ),
            Mistake(
                "The margin was clamped: a pair that is far on the wrong side would no longer be learnt.",
                _dpo_as(lambda g, other, beta: -F.logsigmoid((beta * (g - other)).clamp(-20, 20)).mean()),
            ),
            Mistake(
                "That is a hinge: -log σ is smooth, and never quite 0.",
                _dpo_as(lambda g, other, beta: F.relu(1 - beta * (g - other)).mean()),
            ),
            Mistake(
                "relu and |z| have a kink at z = 0, where training starts: by z torch's gradient is 0 there, that of "
                "-log σ is -1/2, and the policy would never leave its reference. Take logsigmoid.",
                _kinked(lambda z: F.relu(-z)),
            ),
            Mistake(
                "clamp and where have a kink at z = 0, where training starts: by z torch's gradient is -1 there, that "
                "of -log σ is -1/2, and the first step would be twice as long. Take logsigmoid.",
                _kinked(lambda z: -z.clamp(max=0)),
            ),
            Mistake(
                "That is IPO's squared loss, which wants a margin of 1/(2β); DPO's is -log σ.",
                _dpo_as(lambda g, other, beta: ((g - other - 1 / (2 * beta)) ** 2).mean()),
            ),
        ),
    ),
    Exercise(
        key="15.lora",
        title="A layer with a low-rank update",
        task="Return x Wᵀ + α/r · x Aᵀ Bᵀ, the output of a linear layer W with its low-rank update B A.",
        points=2,
        minutes=15,
        hints=(
            "A has a row for each of the r ranks, B a column: r is `a.shape[0]`.",
            "From right to left: x Aᵀ has r numbers a row, and times Bᵀ it has as many as x Wᵀ.",
            "Multiply the update alone by alpha / r, and add it to `x @ weight.T`.",
        ),
        reference=lora,
        cases=_lora_cases,
        returns="the output",
        differentiable=("x", "a", "b"),
        mistakes=(
            Mistake(
                "α is divided by the rank: so α need not be sought anew for another r.",
                _lora_as(lambda a, b, alpha: alpha),
            ),
            Mistake("The factor α/r is missing.", _lora_as(lambda a, b, alpha: 1.0)),
            Mistake("The factor is α/r, not its inverse.", _lora_as(lambda a, b, alpha: a.shape[0] / alpha)),
            Mistake(
                "α/√r is the factor of rsLoRA; here it is α/r.", _lora_as(lambda a, b, alpha: alpha / a.shape[0] ** 0.5)
            ),
            Mistake(
                "That divides by the number of inputs: r is the number of rows of A, `a.shape[0]`.",
                _lora_as(lambda a, b, alpha: alpha / a.shape[1]),
            ),
            Mistake(
                "That divides by the number of outputs: r is the number of columns of B, `b.shape[1]`.",
                _lora_as(lambda a, b, alpha: alpha / b.shape[0]),
            ),
            Mistake(
                "W is missing: the update is added to what the layer computed before.",
                lambda x, weight, a, b, alpha: alpha / len(a) * (x @ a.T @ b.T),
            ),
            Mistake(
                "The update is missing: that is the layer as it was.",
                lambda x, weight, a, b, alpha: x @ weight.T,
            ),
            Mistake(
                "α/r multiplies the update alone, not W's part.",
                lambda x, weight, a, b, alpha: alpha / len(a) * (x @ weight.T + x @ a.T @ b.T),
            ),
            Mistake(
                "W has the shape (out, in): rows of x are multiplied by its transpose.",
                lambda x, weight, a, b, alpha: x @ weight + alpha / len(a) * (x @ a.T @ b.T),
            ),
            Mistake(
                "The matrices of the update are not transposed: x Aᵀ Bᵀ, so that B A has W's shape.",
                lambda x, weight, a, b, alpha: x @ weight.T + alpha / len(a) * (x @ b @ a),
            ),
            Mistake(
                "A comes first: it takes x down to r numbers, and B takes those up again, x Aᵀ Bᵀ.",
                lambda x, weight, a, b, alpha: x @ weight.T + alpha / len(a) * (x @ b.T @ a.T),
            ),
            Mistake(
                "The update is taken off; add it.",
                _lora_as(lambda a, b, alpha: -alpha / a.shape[0]),
            ),
            Mistake(
                "A is constant there: both matrices of the update are learnt.",
                lambda x, weight, a, b, alpha: lora(x, weight, a.detach(), b, alpha),
            ),
            Mistake(
                "B is constant there: both matrices of the update are learnt.",
                lambda x, weight, a, b, alpha: lora(x, weight, a, b.detach(), alpha),
            ),
            Mistake(
                "The gradient must reach x through W as well: its entries are constants, the product is not.",
                lambda x, weight, a, b, alpha: (x @ weight.T).detach() + alpha / len(a) * (x @ a.T @ b.T),
            ),
            Mistake(
                "A batch of one is a batch: squeeze() takes its dimension away; only x's last one changes its size.",
                lambda *case: lora(*case).squeeze(),
            ),
        ),
    ),
    Exercise(
        key="15.next_diversity",
        title="The share that stops the collapse",
        task="Return the expected diversity of the next model, of whose n training data some are real.",
        points=3,
        minutes=20,
        hints=(
            "Two draws of the new model are two of its n training data, with replacement: n² equally likely cases.",
            "In n of them the same datum is drawn twice, and nothing differs. In m (m - 1), with m = n - fresh, two "
            "different synthetic ones are drawn.",
            "In all others a real datum is among the two, and on average they differ as two real ones do. Add up "
            "m (m - 1) now + (n (n - 1) - m (m - 1)) real, and divide by n².",
        ),
        reference=next_diversity,
        cases=_diversity_cases,
        returns="the diversity",
        rtol=1e-9,  # a few sums of products in double precision
        mistakes=(
            Mistake(
                "The real data are forgotten: (1 - 1/n) now is what is left without any.",
                _diversity_as(lambda now, real, share, n: (1 - 1 / n) * now),
            ),
            Mistake(
                "Two data meet, not one: the old diversity counts only where both of them are synthetic.",
                _diversity_as(lambda now, real, share, n: (1 - 1 / n) * (share * real + (1 - share) * now)),
            ),
            Mistake(
                "One datum may be drawn twice, in n of n² cases, and then nothing differs: that is the loss.",
                _never_twice,
            ),
            Mistake(
                "A real and a synthetic datum can differ, too: on average they do so as often as two real ones.",
                _mixed_are_equal,
            ),
            Mistake(
                "A real datum may be drawn twice, too: of fresh² cases fresh are such.",
                _no_loss_among_real,
            ),
            Mistake(
                "A second, different synthetic datum is one of n - fresh - 1 among n - 1: exactly `fresh` are real.",
                _diversity_as(lambda now, real, share, n: (1 - 1 / n) * (real - (1 - share) ** 2 * (real - now))),
            ),
            Mistake(
                "That ends with the old diversity and the real one mixed by the share, and loses nothing: every fit "
                "to n data loses.",
                _diversity_as(lambda now, real, share, n: share * real + (1 - share) * now),
            ),
            Mistake(
                "`fresh` data are real, and n - fresh are synthetic, not the other way round.",
                lambda now, real, n, fresh: next_diversity(now, real, n, n - fresh),
            ),
            Mistake(
                "1/(2n) is for genes, of which everybody has two; here the same datum is drawn with probability 1/n.",
                lambda now, real, n, fresh: next_diversity(now, real, n, fresh) * (1 - 1 / (2 * n)) / (1 - 1 / n),
            ),
            Mistake(
                "That is the probability that both are equal; take it off 1.",
                lambda now, real, n, fresh: 1 - next_diversity(now, real, n, fresh),
            ),
            Mistake(
                "That is the share of the real diversity that is left; return the probability itself.",
                lambda now, real, n, fresh: next_diversity(now, real, n, fresh) / real,
            ),
            Mistake(
                "That is rounded to 6 digits: the next generation starts from it, so return it as it is.",
                lambda *case: round(next_diversity(*case), 6),
            ),
        ),
    ),
)
