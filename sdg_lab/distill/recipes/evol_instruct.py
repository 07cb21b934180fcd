"""Evol-Instruct: instructions that get harder, one small step at a time.

Xu et al., *WizardLM: Empowering Large Language Models to Follow Complex Instructions* (2023). A generation changes each
instruction once, **in depth** (it adds a constraint, asks for more depth, makes a notion concrete, wants more steps of
reasoning, or complicates the input) or **in breadth** (a new instruction on a rarer topic). The answer is written
later, by itself. What fails one of the elimination rules goes back to the pool as it was, and gets another chance in
the next generation.

As published there are four generations, the six operations are equally likely, and a step adds 10 to 20 words. A large
model reads what it shall do; a small one does not follow such a request, but continues an instruction whose next words
it is given, such as " in at most". The forms of the prompts are ours.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from sdg_lab.checks import number, one_of, several, whole
from sdg_lab.distill import filters
from sdg_lab.distill.pipeline import Proposal, Request, Stage
from sdg_lab.distill.recipes.self_instruct import OPENINGS, SeedTask, Style, numbered, read_seeds, seed_tasks
from sdg_lab.distill.recipes.self_instruct import shown as with_answer
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import words
from sdg_lab.distill.teacher import Options, Prompt
from sdg_lab.models.completion import Completion

BREADTH = "breadth"

DEPTH: Mapping[str, tuple[str, ...]] = {
    "constraint": (" in at most", " without", " using only"),
    "deepen": (" and explain why", " and explain how"),
    "concrete": (" that", " for a"),
    "reasoning": (" and then", " step by step, so that"),
    "input": (" given that", " in the case of"),
}
"""The operations in depth, and the words that begin each of them where the teacher continues texts."""

REQUESTS: Mapping[str, str] = {
    "constraint": "Add one more constraint or requirement.",
    "deepen": "Ask for more depth and breadth about what it asks already.",
    "concrete": "Replace a general notion in it by a more concrete one.",
    "reasoning": "Change it so that its answer needs several steps of reasoning.",
    "input": "Give it an input to work on, such as a short table, a formula or a paragraph.",
    BREADTH: "Write a new instruction of the same kind and difficulty on a rarer topic.",
}
"""What each operation asks for where the teacher answers chats."""

MARKERS = (
    *("at most", "at least", "exactly", "only", "without", "using", "except", "and", "then", "that", "which", "who"),
    *(
        "for a",
        "for the",
        "so that",
        "because",
        "why",
        "how",
        "if",
        "given that",
        "in the case of",
        "step by step",
        "must",
    ),
)
"""Words that add a demand to an instruction."""

STEP = Options(max_tokens=40, temperature=0.7, stop=("\n",))
ANSWER = Options(max_tokens=120, temperature=0.7, stop=("\n\n", "\nTask:"))


@dataclass(frozen=True)
class EvolInstruct:
    """The recipe; see the module's text.

    Records are of the kinds ``seed``, ``evolved``, with the fields instruction, generation and operation, and
    ``answer``, with the output too. An evolved instruction's first parent is what it was made from.

    Attributes:
        seeds: tasks that people wrote, or the path of a file of them.
        start: how many of them are evolved, the first ones; None takes all.
        share: which part of these, counted from 0, and of how many; all by default.
        generations: how often each is changed.
        depth: the operations in depth, and the openings of each, one of which is drawn.
        breadth: probability of a step in breadth; the rest is shared by those in depth.
        openings: first words of instructions that a step in breadth writes; ``("",)`` gives none.
        style: how the teacher is asked.
        answers: whether answers are written, and judged.
        least, most: words of an instruction.
        step: words that a step may add at most.
        options: how instructions are written.
        answer_options: how answers are written.

    Raises:
        ValueError: if one is out of range.
    """

    seeds: tuple[SeedTask, ...] = field(default_factory=seed_tasks)
    start: int | None = None
    share: tuple[int, int] = (0, 1)
    generations: int = 4
    depth: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEPTH))
    breadth: float = 1 / 6
    openings: tuple[str, ...] = OPENINGS
    style: Style = "continue"
    answers: bool = True
    least: int = 4
    most: int = 150
    step: int = 20
    options: Options = STEP
    answer_options: Options = ANSWER

    def __post_init__(self) -> None:
        for name, least in (("generations", 1), ("least", 1), ("step", 1)):
            whole(name, getattr(self, name), least=least)
        whole("most", self.most, least=self.least)
        object.__setattr__(self, "seeds", read_seeds(self.seeds))
        object.__setattr__(self, "openings", several("openings", self.openings) or ("",))
        index, of = several("share", self.share)
        whole("the first of share", index, least=0, most=whole("the second of share", of, least=1) - 1)
        if self.start is not None:
            whole("start", self.start, least=1, most=len(self.seeds))
        number("breadth", self.breadth, least=0, most=1)
        one_of("style", self.style, get_args(Style))
        for operation, openings in self.depth.items():
            if not several(f"depth[{operation!r}]", openings):
                raise ValueError(f"the operation {operation!r} has no openings; give it some, or leave it out")
        if not self.depth and self.breadth < 1:
            raise ValueError(f"without operations in depth, breadth must be 1, got {self.breadth!r}")

    @property
    def result(self) -> Sequence[str]:
        """Answers, and the instructions that they are of."""
        return ("answer", "evolved") if self.answers else ("evolved",)

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """The elimination rules, and those of Self-Instruct that hold for any instruction."""
        bounds = functools.partial(filters.word_count, least=self.least, most=self.most)
        step = functools.partial(filters.small_step, most=self.step)
        there = filters.Novel(("seed", "evolved"), threshold=1.0)
        return {
            "evolved": (bounds, filters.prompt_copied, filters.keywords, filters.gain, step, unfinished, there),
            "answer": (filters.refusal, filters.says_something, filters.copied),
        }

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Yield the seeds, and for each generation a round of instructions and a round of answers."""
        yield [Record.new("seed", vars(task)) for task in self.seeds]
        current = list(pool.of("seed")[: self.start][self.share[0] :: self.share[1]])
        for generation in range(1, self.generations + 1):
            yield [self.evolve(record, generation, pool, random) for record in current]
            children = [self._child(record, generation, pool) for record in current]
            if self.answers:
                yield [self.answer(child) for child in children if child]
                children = [child if child and pool.children(child, "answer") else None for child in children]
            # Whoever failed, as an instruction or by its answer, goes back to the pool as it was.
            current = [child or record for child, record in zip(children, current, strict=True)]

    def part(self, index: int, of: int) -> EvolInstruct:
        """Return the recipe that evolves every so many-th of the instructions."""
        return dataclasses.replace(self, share=(self.share[0] + index * self.share[1], of * self.share[1]))

    def evolve(self, record: Record, generation: int, pool: Pool, random: np.random.Generator) -> Request:
        """Return a prompt that asks for a change of an instruction by an operation that is drawn."""
        in_breadth = random.random() < self.breadth
        names = list(self.depth)
        operation = BREADTH if in_breadth else names[int(random.integers(len(names)))]
        known = {"generation": generation, "operation": operation}
        new = functools.partial(Request, kind="evolved", fields=known, options=self.options, whole=False)
        instruction = record["instruction"]
        if self.style == "chat":
            options = Options(self.options.max_tokens * 4, self.options.temperature, self.options.top_p)
            content = _ASK.format(request=REQUESTS.get(operation, operation), step=self.step, instruction=instruction)
            return new(
                [{"role": "user", "content": content}], parents=[record.id], options=options, read=read_only, whole=True
            )
        if in_breadth:
            others = [pool.of("seed")[int(i)] for i in random.permutation(len(pool.of("seed")))[:3]]
            items = [*(one["instruction"] for one in others), instruction]
            word = self.openings[int(random.integers(len(self.openings)))]
            opening = f" {word}" if word else ""
            prompt = f"Come up with a series of tasks:\n{numbered(items)}\n{len(items) + 1}.{opening}"
            read = functools.partial(read_continued, begin=opening)
            return new(prompt, parents=[record.id, *(one.id for one in others)], read=read)
        openings = self.depth[operation]
        opening = openings[int(random.integers(len(openings)))]
        begin = f"{instruction.rstrip(' .!?')}{opening}"
        return new(begin, parents=[record.id], read=functools.partial(read_continued, begin=begin))

    def answer(self, record: Record) -> Request:
        """Return a prompt that asks for the answer to an instruction."""
        instruction = record["instruction"]
        known = {"instruction": instruction, "generation": record["generation"]}
        prompt: Prompt = (
            f"{''.join(f'{with_answer(task)}{_GAP}' for task in self._shown())}Task: {instruction}\nOutput:"
        )
        options = self.answer_options
        if self.style == "chat":
            prompt = [{"role": "user", "content": instruction}]
            options = Options(options.max_tokens * 4, options.temperature, options.top_p)
        return Request(prompt, "answer", known, [record.id], options, read_output, whole=False)

    def _shown(self) -> list[SeedTask]:
        """Return the tasks that show the form of an answer: some without an input."""
        return [task for task in self.seeds if not task.input and not task.classification][:3]

    def _child(self, record: Record, generation: int, pool: Pool) -> Record | None:
        """Return what a generation made of an instruction, if it was kept."""
        made = [one for one in pool.children(record, "evolved") if one["generation"] == generation]
        return next((one for one in made if one.parents[0] == record.id), None)


_GAP = "\n\n"
_ASK = (
    "Rewrite the instruction below so that it is a little harder for an assistant, yet reasonable and clear to people. "
    "{request} Add at most {step} words. Reply with the new instruction alone, on one line.\n\n{instruction}"
)


def read_continued(completion: Completion, begin: str) -> dict[str, str]:
    """Read an instruction of which the prompt holds the beginning; it ends with its first sentence.

    Raises:
        ValueError: if nothing was added, or the text was cut off before its first sentence ended.
    """
    if not completion.text.strip():
        raise ValueError("nothing was added")
    text = " ".join(f"{begin}{completion.text}".split())
    start = len(" ".join(begin.split()))
    end = re.search(r"[.?!](?= |$)", text[start:])
    if end is None and completion.reason == "length":
        raise ValueError("cut off by max_tokens before a sentence ended")
    return {"instruction": text[: start + end.end()] if end else text}


def read_only(completion: Completion) -> dict[str, str]:
    """Read an instruction that stands alone; quotation marks around it are left out."""
    return {"instruction": " ".join(completion.text.split()).strip('"“”')}


def read_output(completion: Completion) -> dict[str, str]:
    """Read an answer."""
    return {"output": completion.text.strip()}


def unfinished(record: Record, pool: Pool, *, field: str = "instruction") -> str | None:
    """Refuse an instruction that breaks off: after a comma, a colon or a word that must have another one after it."""
    last = record[field].split()[-1].lower() if record[field].split() else ""
    broken = last[-1:] in (",", ":", ";", "(", "…") or last.endswith("..") or last in _OPEN
    return f"breaks off after {last!r}" if broken else None


_OPEN = frozenset(words("a an and or but the of to in at for with without by that which than then your my is are"))


def demands(instruction: str) -> int:
    """Return how many demands an instruction has: 1, and one more for each marker such as "at most" or "without".

    A plain measure of difficulty that needs no model. It counts words, not sense; where an instruction has been
    continued after a marker it rises by that alone, so read it beside a second one, such as the share of wrong answers.
    """
    text, count = f" {' '.join(words(instruction))} ", 1
    for marker in sorted(MARKERS, key=len, reverse=True):  # "given that" is one demand, not two
        count += text.count(f" {marker} ")
        text = text.replace(f" {marker} ", " | ")
    return count
