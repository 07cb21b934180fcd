"""Several answers to each prompt: what a model can do at all, how much its answers vary, and best-of-n.

With n answers one must be chosen. A verifier finds a right one wherever there is one, so that best-of-n is pass@n; the
model's own log-probability prefers what it is sure of; and the majority vote takes the answer that most chains lead to
(Wang et al., *Self-Consistency Improves Chain of Thought Reasoning in Language Models*, 2022), whatever the chains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, several, whole
from sdg_lab.distill.preference import check_student, check_verify
from sdg_lab.distill.recipes.verified import Verify, pass_at_k
from sdg_lab.distill.student import Student, is_right

Choose = Callable[[str, Sequence[str], NDArray[np.float64]], int]
"""Takes a prompt, answers to it, and their log-probabilities, nats; returns the place of the one that it takes."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Equally many answers to each of several prompts.

    Attributes:
        prompts: what was asked.
        texts: of each prompt, n answers.
        log_probs: of the answers, their ends included, in nats, (prompts, n).
        right: which of them are, (prompts, n).

    Raises:
        ValueError: if the shapes differ, or there is no answer.
    """

    prompts: Sequence[str]
    texts: Sequence[Sequence[str]]
    log_probs: NDArray[np.float64]
    right: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shapes = {
            np.shape(self.log_probs),
            np.shape(self.right),
            *((len(self.prompts), len(one)) for one in self.texts),
        }
        if len(self.texts) != len(self.prompts) or len(shapes) > 1 or 0 in next(iter(shapes)):
            raise ValueError(
                f"texts, log_probs and right must be of one shape, (prompts, n) >= 1, got {sorted(shapes)}"
            )

    def pass_at(self, k: int) -> float:
        """Return the probability that at least one of k answers is right, without bias, averaged over prompts.

        Raises:
            ValueError: if there are fewer answers than k.
        """
        return float(pass_at_k(self.right.shape[1], self.right.sum(axis=1), k).mean())

    def distinct(self) -> float:
        """Return how many different right answers a prompt has among its n, averaged over prompts."""
        found = (
            len({text for text, good in zip(texts, right, strict=True) if good})
            for texts, right in zip(self.texts, self.right, strict=True)
        )
        return float(np.mean(list(found)))

    def repeated(self) -> float:
        """Return the probability that two right answers to a prompt are the same one, without bias.

        It is the share of pairs of them, averaged over the prompts that have two; its inverse is an effective number of
        different solutions. Unlike :meth:`distinct` it does not grow with how many are right. NaN if there is no pair.
        """
        found = []
        for texts, right in zip(self.texts, self.right, strict=True):
            counts = Counter(text for text, good in zip(texts, right, strict=True) if good)
            if (total := counts.total()) > 1:
                found.append(sum(count * (count - 1) for count in counts.values()) / (total * (total - 1)))
        return float(np.mean(found)) if found else float("nan")

    def entropy(self) -> float:
        """Return the entropy of an answer given its prompt, in nats: the mean of -log p, without bias.

        So it is of answers that were drawn at temperature 1, unfiltered; one that was cut off counts as far as it goes.
        """
        return float(-self.log_probs.mean())

    def best_of(self, n: int, choose: Choose) -> float:
        """Return the share of prompts at which the answer is right that is chosen among n.

        Each prompt's answers are divided into groups of n, and all groups count; a rest is left out.

        Raises:
            ValueError: if there are fewer answers than n, or ``choose`` cannot be called or returns none of their
                places.
        """
        if not callable(choose):
            raise ValueError(f"choose must be a function of a prompt, texts and log-probabilities, got {choose!r}")
        drawn = self.right.shape[1]
        whole("n", n, least=1, most=drawn)
        found = [
            right[first + _place(choose(prompt, texts[first : first + n], log_probs[first : first + n]), n)]
            for prompt, texts, log_probs, right in zip(
                self.prompts, self.texts, self.log_probs, self.right, strict=True
            )
            for first in range(0, drawn - n + 1, n)
        ]
        return float(np.mean(found))


def _place(chosen: int, n: int) -> int:
    return whole("what choose returns, a place among the answers,", chosen, least=0, most=n - 1)


def draw(
    student: Student, prompts: Sequence[str], verify: Verify, n: int, *, seed: int, temperature: float = 1.0
) -> Samples:
    """Draw n answers to each prompt, and say which are right.

    Args:
        student: answers.
        prompts: at least one.
        verify: a program that takes a prompt and an answer, and returns what is wrong with it, or None.
        n: answers a prompt.
        seed: the same seed draws the same answers.
        temperature: of the draws, above 0.

    Raises:
        TypeError: if the student is none, or ``verify`` returns neither a reason nor None.
        ValueError: if there are no prompts, an argument is out of range, or ``verify`` cannot be called.
    """
    check_student("student", student)
    check_verify(verify)
    if not (prompts := several("prompts", prompts)):
        raise ValueError("prompts is empty; give at least one")
    whole("n", n, least=1)
    number("temperature", temperature, above=0)
    rows = np.random.SeedSequence(whole("seed", seed, least=0)).generate_state(len(prompts) * n, np.uint32).tolist()
    asked = [prompt for prompt in prompts for _ in range(n)]
    written = student.generate(asked, seeds=rows, temperature=temperature)
    right = [is_right(verify, prompt, one.text) for prompt, one in zip(asked, written, strict=True)]
    return Samples(
        prompts,
        [[one.text for one in written[first : first + n]] for first in range(0, len(written), n)],
        np.array([one.log_prob for one in written], float).reshape(len(prompts), n),
        np.array(right).reshape(len(prompts), n),
    )


def verified(verify: Verify) -> Choose:
    """Choose the first answer that a program finds right; the first of all where there is none.

    Raises:
        ValueError: if ``verify`` cannot be called.
    """
    check_verify(verify)

    def choose(prompt: str, texts: Sequence[str], log_probs: NDArray[np.float64]) -> int:
        return next((place for place, text in enumerate(texts) if is_right(verify, prompt, text)), 0)

    return choose


def likeliest(prompt: str, texts: Sequence[str], log_probs: NDArray[np.float64]) -> int:
    """Choose the answer that the model itself finds likeliest as a whole."""
    return int(np.argmax(log_probs))


def majority(conclusion: Callable[[str], Hashable | None]) -> Choose:
    """Choose the conclusion that most answers come to, and of these answers the likeliest.

    Of conclusions with equally many votes, the one that came first wins.

    Args:
        conclusion: of an answer, such as the number behind its chain; None has no vote.

    Raises:
        ValueError: if ``conclusion`` cannot be called or, while choosing, returns NaN, which equals nothing.
        TypeError: while choosing, if it returns what cannot be counted, such as a list.
    """
    if not callable(conclusion):
        raise ValueError(f"conclusion must be a function of an answer, got {conclusion!r}")

    def choose(prompt: str, texts: Sequence[str], log_probs: NDArray[np.float64]) -> int:
        said = [conclusion(text) for text in texts]
        for one in said:
            if not isinstance(one, Hashable):
                raise TypeError(f"conclusion must return what can be counted, such as a number or a text, got {one!r}")
            if one != one:
                raise ValueError(f"conclusion must return None where there is nothing to vote for, got {one!r}")
        votes = Counter(one for one in said if one is not None)
        if not votes:
            return likeliest(prompt, texts, log_probs)
        winner = max(votes, key=votes.__getitem__)
        return max((place for place, one in enumerate(said) if one == winner), key=log_probs.__getitem__)

    return choose
