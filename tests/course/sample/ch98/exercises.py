"""A chapter as small as a chapter can be, on which the engine itself is tested."""

import numpy as np
import torch

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, Paper

CHAPTER = Chapter(
    number="98",
    title="A sample",
    builds="A row of probabilities, and nothing else.",
    read_first="Nothing.",
    papers=(Paper("A Mathematical Theory of Communication", "Shannon", 1948, "https://doi.org/10.1002/x"),),
)


def smoothing(counts: np.ndarray, alpha: float) -> np.ndarray:
    """Add α to every count, then divide each row by its sum."""
    smoothed: np.ndarray = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def smoothing_cases(rng):
    yield Case(np.array([[1.0, 3.0], [0.0, 2.0]]), 0.5)
    for size, dtype in ((3, float), (5, np.float32), (2, int)):
        yield Case(rng.poisson(3, size=(size, size)).astype(dtype), 1.0)
    yield Case(np.zeros((4, 4)), 0.1, name="no data at all")


def turned(word):
    """Turn a word round."""
    return word[::-1]


def words(rng):
    for n in (3, 5, 8):
        yield Case("".join(rng.choice(list("abcdefgh"), size=n, replace=False)))
    yield Case("")


def letters(word):
    """Sort the letters."""
    return sorted(word)


def softplus(logits: torch.Tensor) -> torch.Tensor:
    """The mean of log(1 + exp(x)), where exp does not overflow."""
    return torch.nn.functional.softplus(logits).mean()


def softplus_cases(rng):
    for n, dtype in ((3, torch.float64), (7, torch.float32), (20, torch.float64)):
        yield Case(torch.as_tensor(3 * rng.normal(size=n), dtype=dtype))
    yield Case(torch.tensor([800.0, -800.0], dtype=torch.float64))


EXERCISES = (
    Exercise(
        key="98.smoothing",
        title="Add-alpha smoothing",
        task="Turn counts into probabilities with add-α smoothing.",
        points=2,
        minutes=5,
        hints=("Add first.", "Each row has its own sum.", "keepdims=True keeps the shapes alike."),
        reference=smoothing,
        cases=smoothing_cases,
        returns="the matrix",
        mistakes=(
            Mistake("α is missing in the denominator.", lambda c, a: (c + a) / np.maximum(c.sum(1, keepdims=True), 1)),
            Mistake("Each row must sum to 1, not the whole.", lambda c, a: (c + a) / (c + a).sum()),
            Mistake("The columns sum to 1, not the rows.", lambda c, a: (c + a) / (c + a).sum(axis=0)),
        ),
    ),
    Exercise(
        key="98.reverse",
        title="Reverse",
        task="Turn a word round.",
        points=1,
        minutes=1,
        hints=("A slice may run backwards.",),
        reference=turned,
        cases=words,
        returns="the word",
        mistakes=(
            Mistake("The word is as it was.", lambda word: word),
            Mistake("That is a list, not a word; join it.", lambda word: list(word[::-1])),
            Mistake("The first letter is lost.", lambda word: word[:0:-1]),
        ),
    ),
    Exercise(
        key="98.letters",
        title="Letters",
        task="Sort the letters of a word.",
        points=1,
        minutes=1,
        hints=("There is a function for it.",),
        reference=letters,
        cases=words,
        returns="the letters",
        mistakes=(
            Mistake("Leave them in a list.", lambda word: "".join(sorted(word))),
            Mistake("They are sorted downwards.", lambda word: sorted(word, reverse=True)),
            Mistake("One is lost.", lambda word: sorted(word)[1:]),
        ),
    ),
    Exercise(
        key="98.softplus",
        title="Softplus",
        task="Return the mean of log(1 + exp(x)).",
        points=1,
        minutes=1,
        hints=("torch has it.",),
        reference=softplus,
        cases=softplus_cases,
        returns="the mean",
        differentiable=("logits",),
        mistakes=(
            Mistake("That is the sum.", lambda logits: torch.nn.functional.softplus(logits).sum()),
            Mistake("exp overflows.", lambda logits: logits.exp().log1p().mean()),
            Mistake("The sign is wrong.", lambda logits: torch.nn.functional.softplus(-logits).mean()),
        ),
    ),
)
