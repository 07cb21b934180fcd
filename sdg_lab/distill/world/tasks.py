"""A small world of instructions whose truth is known: words are reversed, sorted, looked up, and any of it in a row.

An instruction is ``"reverse then upper"``; with the input ``"bad"`` its only right output is ``"DAB"``. So each task
has a known answer, a known place in a taxonomy of 100 leaves, and a known difficulty, the number of its operations.
The teacher of this world has known faults: it prefers some operations to others by Zipf's law, imitates the examples
that it is shown, errs the more the harder a task is, and now and then breaks the form. So what a recipe or a filter is
worth can be counted.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from sdg_lab.checks import number, whole
from sdg_lab.distill.teacher import FunctionTeacher, Prompt, as_text

LETTERS = "abcdefgh"
LENGTHS = (2, 3, 4)
"""How long an input may be."""


def _table(lower: str) -> Callable[[str], str]:
    """Return the function that looks letters up, each case in its own; other characters stay."""
    return lambda text: text.translate(str.maketrans(LETTERS + LETTERS.upper(), lower + lower.upper()))


KNOWLEDGE: dict[str, Callable[[str], str]] = {
    "next": _table("bcdefgha"),
    "mate": _table("fdgbhace"),
    "code": _table("12345678"),
    "kind": lambda text: "vowel" if text[0] in "aeAE" else "other",
}
"""Facts about letters, which must be known: none follows from the word itself."""

SKILLS: dict[str, Callable[[str], str]] = {
    "reverse": lambda text: text[::-1],
    "sort": lambda text: "".join(sorted(text)),
    "upper": str.upper,
    "double": lambda text: "".join(letter * 2 for letter in text),
    "first": lambda text: text[0],
    "last": lambda text: text[-1],
}
"""What is done with a word, whatever its letters are."""

OPERATIONS = KNOWLEDGE | SKILLS
THEN = " then "
MAX_OPERATIONS = 6


@dataclass(frozen=True)
class Task:
    """Operations that are done one after another.

    Attributes:
        operations: their names, 1 to 6.

    Raises:
        ValueError: for an unknown operation, or too many or too few of them.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if unknown := [name for name in self.operations if name not in OPERATIONS]:
            raise ValueError(f"there is no operation {unknown[0]!r}; there are {', '.join(OPERATIONS)}")
        whole("the number of operations", len(self.operations), least=1, most=MAX_OPERATIONS)

    @classmethod
    def parse(cls, instruction: str) -> Self | None:
        """Return the task that an instruction says, or None if it says none."""
        try:
            return cls(tuple(instruction.strip().split(THEN)))
        except ValueError:
            return None

    @property
    def instruction(self) -> str:
        """How a task is said."""
        return THEN.join(self.operations)

    @property
    def difficulty(self) -> int:
        """Number of operations."""
        return len(self.operations)

    @property
    def leaf(self) -> str:
        """Where it stands in the taxonomy, such as ``"compositional/reverse/upper"``; longer ones stand nowhere."""
        if self.difficulty == 1:
            branch = "knowledge" if self.operations[0] in KNOWLEDGE else "foundational"
            return f"{branch}/{self.operations[0]}"
        whole_leaf = self.difficulty == 2 and self.operations[0] != self.operations[1]
        return "compositional/" + "/".join(self.operations) if whole_leaf else ""

    def is_classification(self) -> bool:
        """Say whether there are only two outputs: the last operation names a kind."""
        return self.operations[-1] == "kind"

    def output(self, text: str) -> str:
        """Return the right output for an input.

        Raises:
            ValueError: if the input is empty.
        """
        if not text:
            raise ValueError("the input is empty; give it at least one letter")
        for name in self.operations:
            text = OPERATIONS[name](text)
        return text


def is_right(instruction: str, given: str, output: str) -> bool:
    """Say whether an instruction is one of this world's, its input a word of these letters, and the output right."""
    task = Task.parse(instruction)
    return task is not None and is_word(given) and task.output(given) == output


def is_word(text: str) -> bool:
    """Say whether a text is an input of this world."""
    return len(text) in LENGTHS and set(text) <= set(LETTERS)


def random_word(rng: random.Random) -> str:
    """Draw an input."""
    return "".join(rng.choices(LETTERS, k=rng.choice(LENGTHS)))


def leaves() -> list[Task]:
    """Return a task for each leaf of the taxonomy: 4 of knowledge, 6 foundational skills, 90 compositions of two."""
    single = [Task((name,)) for name in OPERATIONS]
    return single + [Task((a, b)) for a in OPERATIONS for b in OPERATIONS if a != b]


def examples(task: Task, n: int, seed: int) -> list[tuple[str, str]]:
    """Draw n different inputs of a task with their right outputs.

    Raises:
        ValueError: if there are not that many inputs.
    """
    whole("n", n, least=0, most=sum(len(LETTERS) ** length for length in LENGTHS))
    rng = random.Random(f"{seed} {task.instruction}")
    found: dict[str, str] = {}
    while len(found) < n:
        word = random_word(rng)
        found.setdefault(word, task.output(word))
    return list(found.items())


def as_they_come(n: int, seed: int, zipf: float = 1.0) -> list[Task]:
    """Draw n tasks as they come to a mind without a plan: this teacher's, and that of people who are like it.

    Some come several times, and rare operations hardly ever.
    """
    mind, rng = _Writer(Faults(zipf=zipf)), random.Random(seed)
    return [mind.task(rng) for _ in range(whole("n", n, least=0))]


@dataclass(frozen=True)
class Faults:
    """What the teacher does wrong, and how often.

    Attributes:
        zipf: it thinks of the r-th operation of its own order with a probability in proportion to 1 / r^zipf.
        imitation: probability that a new task has the operations of one that it was just shown.
        repeat: probability that it writes one that it was shown once more, word for word.
        error: probability that it errs at one operation; a task of d operations is wrong with 1 - (1 - error)^d.
        malformed: probability that an instruction begins with a dash.
        keyword: probability that an instruction asks for what no language model can do.
        echo: probability that an output repeats its input.
        colon: probability that an output breaks off after a colon.
        conflict: probability that one of several instances has the input of another and a different output.
        misjudged: probability that it takes a right answer for a wrong one, or a wrong one for right.

    Raises:
        ValueError: if one is out of range.
    """

    zipf: float = 1.0
    imitation: float = 0.7
    repeat: float = 0.05
    error: float = 0.1
    malformed: float = 0.05
    keyword: float = 0.05
    echo: float = 0.05
    colon: float = 0.05
    conflict: float = 0.05
    misjudged: float = 0.1

    def __post_init__(self) -> None:
        number("zipf", self.zipf, least=0)
        for name, value in asdict(self).items():
            if name != "zipf":
                number(name, value, least=0, most=1)


PERFECT = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
ORDER = ("reverse", "upper", "sort", "next", "first", "code", "double", "kind", "last", "mate")
"""The operations as the teacher thinks of them, the likeliest first."""

DIFFICULTIES = {1: 0.25, 2: 0.65, 3: 0.1}
"""How many operations the teacher's own tasks have, and how often."""

INSTANCES = 3
"""How many instances it writes of a task, at most."""


def teacher(faults: Faults = Faults()) -> FunctionTeacher:
    """Return the teacher of this world, with these faults.

    It continues the texts that the recipes write: a numbered list of instructions; ``Task:`` with ``Input:``,
    ``Output:`` or ``Class label:`` to be filled in; an instruction that ends in "then". It scores an answer to
    ``Task: … Input: … Output:``, and whether a task is a classification.
    """
    said = ", ".join(f"{name} {value:g}" for name, value in asdict(faults).items())
    return FunctionTeacher(_Writer(faults), score=_Scorer(faults), name=f"teacher of small tasks ({said})")


@dataclass(frozen=True)
class _Writer:
    """Writes what continues a prompt."""

    faults: Faults

    def __call__(self, prompt: Prompt, seed: int) -> str:
        rng, text = random.Random(seed), as_text(prompt)
        last = text[text.rfind("\n") + 1 :]
        if listed := re.fullmatch(r"\d+\.(.*)", last):
            return self.listed(text, listed[1], rng)
        if last.endswith("then"):
            return f" {self.operation(rng)}"
        instruction, given = _asked(text)
        task = Task.parse(instruction) or self.task(rng)  # asked for what is no task, it does something else
        if last == "Output:":
            return f" {self.output(task, given, rng)}"
        if last == "Class label:":
            return self.labelled(task, rng)
        return self.instances(task, rng).removeprefix("Input:" if last == "Input:" else "")

    # Instructions.

    def listed(self, text: str, opening: str, rng: random.Random) -> str:
        """Return the next of a numbered list: an instruction, and an input if the others have one."""
        shown = [
            line[1] for line in re.finditer(r"(?m)^\d+\. *(\S.*)$", text) if line[0] != text[text.rfind("\n") + 1 :]
        ]
        if shown and not opening.strip() and rng.random() < self.faults.repeat:
            return f" {rng.choice(shown)}\n"
        items = [item.partition(": ") for item in shown]
        known = [task for task in (Task.parse(item[0]) for item in items) if task]
        task = rng.choice(known) if known and rng.random() < self.faults.imitation else self.task(rng)
        if forced := opening.strip():
            task = Task((forced, *task.operations[1:])) if forced in OPERATIONS else task
        said = task.instruction
        if rng.random() < self.faults.keyword:
            said = f"draw {said}"
        if rng.random() < self.faults.malformed:
            said = f"- {said}"
        given = f": {random_word(rng)}" if items and items[0][1] else ""
        return f" {said.removeprefix(forced).strip()}{given}\n"

    def task(self, rng: random.Random) -> Task:
        """Return a task that comes to its mind."""
        count = rng.choices(list(DIFFICULTIES), list(DIFFICULTIES.values()))[0]
        names: list[str] = []
        while len(names) < count:
            name = self.operation(rng)
            if not names or names[-1] != name:
                names.append(name)
        return Task(tuple(names))

    def operation(self, rng: random.Random) -> str:
        """Return an operation by Zipf's law."""
        return rng.choices(ORDER, [rank**-self.faults.zipf for rank in range(1, len(ORDER) + 1)])[0]

    # Instances.

    def output(self, task: Task, given: str, rng: random.Random) -> str:
        """Return an answer: the right one, unless a fault is drawn."""
        if not given:
            return random_word(rng)
        if rng.random() < self.faults.echo:
            return given
        if rng.random() < self.faults.colon:
            return "the output is:"
        return self.wrong(task, given, rng) if self.errs(task, rng) else task.output(given)

    def errs(self, task: Task, rng: random.Random) -> bool:
        """Draw whether it errs at one of the operations."""
        return rng.random() >= (1 - self.faults.error) ** task.difficulty

    def wrong(self, task: Task, given: str, rng: random.Random) -> str:
        """Return a wrong output such as one makes: that of another operation in the place of one of them."""
        right = task.output(given)
        places = [(place, name) for place in range(task.difficulty) for name in OPERATIONS]
        rng.shuffle(places)
        for place, name in places:
            names = (*task.operations[:place], name, *task.operations[place + 1 :])
            if (found := Task(names).output(given)) != right:
                return found
        return right + rng.choice(LETTERS)

    def instances(self, task: Task, rng: random.Random) -> str:
        """Return a few instances, input first."""
        pairs = [(word, self.output(task, word, rng)) for word in (random_word(rng) for _ in range(self.count(rng)))]
        if rng.random() < self.faults.conflict:
            pairs.append((pairs[0][0], self.wrong(task, pairs[0][0], rng)))
        return "\n".join(f"Input: {given}\nOutput: {output}" for given, output in pairs)

    def labelled(self, task: Task, rng: random.Random) -> str:
        """Return a few instances, label first: each label in its turn, and an input that has it unless it errs."""
        said = []
        for turn in range(2 * -(-self.count(rng) // 2)):
            label = ("vowel", "other")[turn % 2]
            wanted = self.errs(task, rng)
            for _ in range(1000):  # some tasks give one label to every word
                word = random_word(rng)
                if (task.output(word) != label) is wanted:
                    break
            said.append(f"Class label: {label}\nInput: {word}")
        return "\n".join(said).removeprefix("Class label:")

    def count(self, rng: random.Random) -> int:
        """Return how many instances it writes."""
        return rng.randint(1, INSTANCES)


@dataclass(frozen=True)
class _Scorer:
    """Says how likely an answer is, in nats: near 0 for one that it takes for right."""

    faults: Faults

    def __call__(self, prompt: Prompt, answer: str) -> float:
        text = as_text(prompt)
        if "Task: " not in text:  # without a question no answer is likely
            return float(np.log(0.1))
        digest = hashlib.sha256(f"{text}\0{answer}".encode()).digest()  # it judges the same the same way each time
        mistaken = int.from_bytes(digest[:4]) / 2**32 < self.faults.misjudged
        return float(np.log(0.9 if self.right(text, answer.strip()) is not mistaken else 0.1))

    def right(self, text: str, answer: str) -> bool:
        instruction, given = _asked(text)
        if "classification" in text[text.rfind("\n") + 1 :]:
            task = Task.parse(instruction)
            return (task is not None and task.is_classification()) == (answer.lower() == "yes")
        return is_right(instruction, given, answer)


def _asked(text: str) -> tuple[str, str]:
    """Return the instruction and the input of a prompt's last task; the input has its own line or follows a colon."""
    first, *others = text[text.rfind("Task: ") :].split("\n")
    instruction, _, given = first.removeprefix("Task: ").partition(": ")
    return instruction, next((line.removeprefix("Input: ") for line in others if line.startswith("Input: ")), given)


# What came of it, against the truth.


def coverage(instructions: Sequence[str]) -> float:
    """Return the share of the taxonomy's leaves to which at least one of the instructions belongs."""
    wanted = {task.leaf for task in leaves()}
    found = {task.leaf for task in map(Task.parse, instructions) if task}
    return len(found & wanted) / len(wanted)


def share_right(pairs: Sequence[Mapping[str, str]]) -> float:
    """Return the share of instances, each with ``instruction``, ``input`` and ``output``, whose output is right."""
    if not pairs:
        raise ValueError("there are no instances; give at least one")
    return float(np.mean([is_right(one["instruction"], one["input"], one["output"]) for one in pairs]))
