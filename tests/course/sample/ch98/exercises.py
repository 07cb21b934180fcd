"""A chapter as small as a chapter can be, on which the framework itself is tested."""

import numpy as np

from sdg_lab.course import Chapter, Exercise, Paper, WrongAnswer
from sdg_lab.course.engine.compare import expect_close, expect_equal, expect_rows_sum_to_one

CHAPTER = Chapter(
    number="98",
    title="A sample",
    builds="A row of probabilities, and nothing else.",
    read_first="Nothing.",
    papers=(Paper("A Mathematical Theory of Communication", "Shannon", 1948, "https://doi.org/10.1002/x"),),
)
COUNTS = np.array([[1.0, 3.0], [0.0, 2.0]])
SMOOTHED = {0.5: np.array([[0.3, 0.7], [1 / 6, 5 / 6]]), 1.0: np.array([[1 / 3, 2 / 3], [0.25, 0.75]])}


def smooth(counts, alpha):
    """Add α to every count, then divide each row by its sum."""
    smoothed = counts + alpha
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def check_smoothing(answer):
    for alpha, wanted in SMOOTHED.items():
        got = answer(COUNTS, alpha)
        expect_rows_sum_to_one(got, what="the matrix", case=f"alpha = {alpha}")
        expect_close(got, wanted, what="the matrix", case=f"alpha = {alpha}")


def reverse(word):
    """Turn a word round."""
    return word[::-1]


def check_reverse(answer):
    for word, wanted in {"abc": "cba", "noon": "noon"}.items():
        expect_equal(answer(word), wanted, what="the word", case=repr(word))


EXERCISES = (
    Exercise(
        key="98.smoothing",
        title="Add-alpha smoothing",
        task="Turn counts into probabilities with add-α smoothing.",
        points=2,
        minutes=5,
        hints=("Add first.", "Each row has its own sum.", "keepdims=True keeps the shapes alike."),
        reference=smooth,
        check=check_smoothing,
        wrong=(
            WrongAnswer("forgets α in the denominator", lambda c, a: (c + a) / c.sum(1, keepdims=True), "sums to"),
            WrongAnswer("divides by the grand total", lambda c, a: (c + a) / (c + a).sum(), r"row 0 sums to"),
            WrongAnswer("ignores α", lambda c, a: c / c.sum(1, keepdims=True), r"\[0, 0\] expected 0\.3, got 0\.25"),
        ),
    ),
    Exercise(
        key="98.reverse",
        title="Reverse",
        task="Turn a word round.",
        points=1,
        minutes=1,
        hints=("A slice may run backwards.",),
        reference=reverse,
        check=check_reverse,
        wrong=(
            WrongAnswer("does nothing", lambda word: word, "expected 'cba', got 'abc'"),
            WrongAnswer("returns the iterator", reversed, "not a str"),
            WrongAnswer("returns a list", lambda word: list(word[::-1]), "a list, not a str"),
        ),
    ),
    Exercise(
        key="98.letters",
        title="Letters",
        task="Sort the letters of a word.",
        points=1,
        minutes=1,
        hints=("There is a function for it.",),
        reference=lambda word: sorted(word),
        check=lambda answer: expect_equal(answer("bca"), ["a", "b", "c"], what="the letters"),
        wrong=(
            WrongAnswer("joins them", lambda word: "".join(sorted(word)), "a str, not a list"),
            WrongAnswer("sorts downwards", lambda word: sorted(word, reverse=True), "item 0: expected 'a', got 'c'"),
            WrongAnswer("loses one", lambda word: sorted(word)[1:], "expected 3 items, got 2"),
        ),
    ),
)
