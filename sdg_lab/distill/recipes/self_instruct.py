"""Self-Instruct: from a few tasks that people wrote to many that a language model wrote.

Wang et al., *Self-Instruct: Aligning Language Models with Self-Generated Instructions* (2023). The model sees eight
tasks and continues the list; what is new enough joins the pool, from which the next eight come. The model says of each
kept instruction whether it is a classification, and writes instances, an input and an output: of classification tasks
the output first, so that no label is forgotten, of all others the input first.

What a small model that was never taught to follow such a request can do is less: it continues a list, if the first word
of the next item is given, and writes one instance where a large model writes five. The forms of the prompts are ours.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sdg_lab.checks import number, one_of, several, whole
from sdg_lab.distill import filters
from sdg_lab.distill.filters import STOP_WORDS, Novel
from sdg_lab.distill.pipeline import Proposal, Request, Score, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import words
from sdg_lab.distill.teacher import Options, Prompt
from sdg_lab.models.completion import Completion

SEEDS = Path(__file__).parent.parent / "seeds" / "tasks.jsonl"

OPENINGS = (
    *("Write", "Explain", "Compare", "List", "Describe", "Give", "Name", "Suggest", "Define", "Create", "Plan", "Tell"),
    *("Recommend", "Invent", "Summarize", "Decide if", "Say whether", "What is", "How can", "Why do"),
)
"""First words of new instructions, one of which is given to a small model. Most begin tasks that need no input: after
"Sort" or "Correct" it names what it does not show."""

Style = Literal["continue", "chat"]
"""Whether the teacher continues texts, as a small model does, or answers chats, as a large one does better."""


ITEM = Options(max_tokens=60, temperature=0.8, stop=("\n",))
INSTANCES = Options(max_tokens=160, temperature=0.7, stop=("\n\n", "\nTask:"))


@dataclass(frozen=True)
class SeedTask:
    """A task that a person wrote, with one instance.

    Attributes:
        instruction: what is to be done.
        output: what is right.
        input: what it is to be done with; empty where nothing is needed.
        classification: whether only a few outputs are possible.
    """

    instruction: str
    output: str
    input: str = ""
    classification: bool = False


def seed_tasks(path: str | Path = SEEDS) -> tuple[SeedTask, ...]:
    """Read tasks that people wrote, one JSON object a line; by default the course's own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a line is no task.
    """
    tasks = []
    for number_, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            tasks.append(SeedTask(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"line {number_} of {path} is no task ({error}); write an object with instruction, output, input and "
                "classification"
            ) from None
    return tuple(tasks)


def read_seeds(seeds: str | Path | Sequence[SeedTask]) -> tuple[SeedTask, ...]:
    """Return tasks as they are, or those of a file."""
    return seed_tasks(seeds) if isinstance(seeds, (str, Path)) else tuple(seeds)


@dataclass(frozen=True)
class SelfInstruct:
    """The recipe; see the module's text.

    Records are of the kinds ``seed``, ``instruction``, ``classification`` and ``instance``.

    Attributes:
        target: instructions to keep.
        seeds: tasks that people wrote, or the path of a file of them; see :func:`seed_tasks`.
        human: of them in each prompt.
        generated: kept instructions in each prompt; seeds stand in for those that are not there yet.
        openings: first words of new instructions; one is drawn for each. ``("",)`` gives none.
        style: how the teacher is asked.
        round: prompts that are sent before the pool is looked at again.
        tries: rounds without a new instruction after which those that are there must do.
        threshold: of ROUGE-L F, from which an instruction is too much like another.
        least, most: words of an instruction.
        instances: the most of one instruction; with 0 there are instructions only.
        options: how instructions are written; the paper has temperature 0.7 and top-p 0.5.
        instance_options: how instances are written.

    Raises:
        ValueError: if one is out of range, or there are fewer seeds than a prompt shows.
    """

    target: int = 100
    seeds: tuple[SeedTask, ...] = field(default_factory=seed_tasks)
    human: int = 6
    generated: int = 2
    openings: tuple[str, ...] = OPENINGS
    style: Style = "continue"
    round: int = 16
    tries: int = 10
    threshold: float = 0.7
    least: int = 4
    most: int = 150
    instances: int = 5
    options: Options = ITEM
    instance_options: Options = INSTANCES

    def __post_init__(self) -> None:
        for name, least in (
            ("target", 1),
            ("human", 1),
            ("generated", 0),
            ("round", 1),
            ("instances", 0),
            ("least", 1),
        ):
            whole(name, getattr(self, name), least=least)
        whole("most", self.most, least=self.least)
        number("threshold", self.threshold, above=0)
        one_of("style", self.style, get_args(Style))
        object.__setattr__(self, "openings", several("openings", self.openings) or ("",))
        object.__setattr__(self, "seeds", read_seeds(self.seeds))
        if len(self.seeds) < self.human + self.generated:
            raise ValueError(
                f"a prompt shows {self.human + self.generated} tasks, and there are {len(self.seeds)} seeds; add some"
            )

    @property
    def result(self) -> Sequence[str]:
        """Instances, and the instructions that they are of."""
        return ("instance", "instruction") if self.instances else ("instruction",)

    @property
    def scores(self) -> bool:
        """Whether answers are scored, which a server does not do."""
        return self.style == "continue" and self.instances > 0

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """The paper's filters."""
        bounds = functools.partial(filters.word_count, least=self.least, most=self.most)
        new = Novel(("seed", "instruction"), threshold=self.threshold)
        return {
            "instruction": (bounds, filters.keywords, filters.program, filters.first_character, new),
            "instance": (filters.instance,),
        }

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Yield the seeds, then prompts until enough instructions are kept, then what gives them instances."""
        yield [Record.new("seed", vars(task)) for task in self.seeds]
        in_vain = 0
        while (there := len(pool.of("instruction"))) < self.target and in_vain < self.tries:
            yield [self.propose(pool, random) for _ in range(self.round)]
            in_vain = 0 if len(pool.of("instruction")) > there else in_vain + 1
        if self.instances:
            kept = list(pool.of("instruction"))
            yield [self.classify(record) for record in kept]
            told = {record.parents[0]: record["classification"] for record in pool.of("classification")}
            yield [self.instantiate(record, told.get(record.id, False)) for record in kept]

    def part(self, index: int, of: int) -> SelfInstruct:
        """Return the recipe of one of several parts, each with a share of the target and a pool of its own.

        Raises:
            ValueError: if there are more parts than instructions.
        """
        share = self.target // of + (index < self.target % of)
        if not share:
            raise ValueError(f"{self.target} instructions cannot be cut into {of} parts; take fewer parts")
        return dataclasses.replace(self, target=share)

    # Instructions.

    def propose(self, pool: Pool, random: np.random.Generator) -> Request:
        """Return a prompt of eight tasks that asks for the next one."""
        machine = _drawn(pool.of("instruction"), self.generated, random)
        people = _drawn(pool.of("seed"), self.human + self.generated - len(machine), random)
        shown = _drawn([*people, *machine], self.human + self.generated, random)
        opening = self.openings[int(random.integers(len(self.openings)))]
        listed = numbered([record["instruction"] for record in shown])
        if self.style == "chat":
            prompt: Prompt = [{"role": "user", "content": _ASK.format(listed=listed, begin=opening or "a verb")}]
        else:
            prompt = f"Come up with a series of tasks:\n{listed}\n{len(shown) + 1}.{f' {opening}' if opening else ''}"
        read = functools.partial(read_item, opening=opening) if self.style == "continue" else read_list
        parents = [record.id for record in shown]
        options = self.options if self.style == "continue" else _without_stop(self.options)
        return Request(prompt, "instruction", parents=parents, options=options, read=read)

    # Instances.

    def classify(self, record: Record) -> Proposal:
        """Ask whether an instruction is a classification."""
        known = {"instruction": record["instruction"]}
        question = f"Task: {record['instruction']}\nIs it a classification task?"
        if self.style == "chat":
            chat = [{"role": "user", "content": f"{question} Has it only a few possible answers? Say yes or no."}]
            return Request(chat, "classification", known, [record.id], Options(8, 0.0), _read_yes, whole=False)
        shown = [task for two in zip(*self._by_kind(), strict=False) for task in two][:8]
        before = "".join(
            f"Task: {task.instruction}\nIs it a classification task? {'Yes' if task.classification else 'No'}\n\n"
            for task in shown
        )
        read = functools.partial(_read_likelier, name="classification")
        return Score(before + question, (" Yes", " No"), "classification", known, [record.id], read)

    def instantiate(self, record: Record, classification: bool) -> Request:
        """Ask for instances of an instruction."""
        ones, others = self._by_kind()
        known = {"instruction": record["instruction"]}
        options, end = self.instance_options, "Class label:" if classification else ""
        before = "".join(
            f"{shown(task, output_first=classification)}\n\n" for task in (ones if classification else others)[:4]
        )
        prompt: Prompt = f"{before}Task: {record['instruction']}\n{end}"
        if self.style == "chat":
            prompt = [{"role": "user", "content": f"{_EXAMPLES.format(most=self.instances)}\n\n{prompt}"}]
            options, end = _without_stop(options), ""
        read = functools.partial(read_instances, before=end, most=self.instances)
        return Request(prompt, "instance", known, [record.id], options, read)

    def _by_kind(self) -> tuple[list[SeedTask], list[SeedTask]]:
        """Return the classification tasks among the seeds, and the others: first those with an input."""
        ones = [task for task in self.seeds if task.classification]
        others = [task for task in self.seeds if not task.classification]
        with_input, without = [t for t in others if t.input], [t for t in others if not t.input]
        mixed = [task for two in zip(with_input, without, strict=False) for task in two]
        return ones, mixed or others


_ASK = (
    "Here are tasks for an assistant that reads and writes text:\n{listed}\n\n"
    "Write 8 new tasks as a numbered list, one a line, unlike each other and unlike these. "
    "Begin the first one with {begin}."
)
_EXAMPLES = "Write up to {most} different examples for the last task, in the form of those before it, and nothing else."


def numbered(items: Sequence[str], first: int = 1) -> str:
    """Return texts as a numbered list, one a line."""
    return "\n".join(f"{place}. {' '.join(item.split())}" for place, item in enumerate(items, first))


def shown(task: SeedTask, *, output_first: bool = False) -> str:
    """Return a task with its instance, as prompts show it."""
    given = f"Input: {task.input}\n" if task.input else ""
    if output_first:
        return f"Task: {task.instruction}\nClass label: {task.output}\n{given}".rstrip("\n")
    return f"Task: {task.instruction}\n{given}Output: {task.output}"


# Reading.


def read_item(completion: Completion, opening: str = "") -> dict[str, str]:
    """Read the next item of a list, whose first words were given."""
    return {"instruction": " ".join(f"{opening}{completion.text}".split())}


def read_list(completion: Completion) -> list[dict[str, str]]:
    """Read the items of a numbered list; lines without a number are left out."""
    return [{"instruction": item.strip()} for item in re.findall(r"(?m)^\s*\d+[.)]\s+(.+)$", completion.text)]


def read_instances(completion: Completion, *, before: str = "", most: int = 5) -> list[dict[str, str]]:
    """Read instances: inputs with outputs, or class labels with inputs, or an output alone.

    Args:
        completion: what the teacher wrote.
        before: how the text begins that the prompt holds already, such as ``"Class label:"``.
        most: how many are read.

    Raises:
        ValueError: if there is none, or one input has several outputs, for which the paper drops the whole set.
    """
    mark = re.compile(r"(?m)^\s*(Input|Output|Class label):")
    text = completion.text if mark.match(completion.text) else before + completion.text  # a chat may say it again
    parts = mark.split(text)
    found: list[dict[str, str]] = []
    last = {"Input": "", "Class label": ""}
    for name, part in zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True):
        if name == "Output":
            found.append({"input": last["Input"], "output": part})
            last["Input"] = ""
        elif name == "Input" and last["Class label"]:
            found.append({"input": part, "output": last["Class label"]})
            last["Class label"] = ""
        else:
            last[name] = part
    unique = [one for place, one in enumerate(found) if one not in found[:place]][:most]
    if not unique:
        raise ValueError("no instance: an output, or a class label with its input, is missing")
    if reason := filters.consistent(unique):
        raise ValueError(reason)
    return unique


def _read_yes(completion: Completion) -> dict[str, bool]:
    if not (found := re.match(r"\W*(yes|no)\b", completion.text, re.IGNORECASE)):
        raise ValueError("neither yes nor no")
    return {"classification": found[1].lower() == "yes"}


def _read_likelier(log_probs: tuple[float, ...], *, name: str) -> dict[str, bool | float]:
    """Read whether the first of two answers is the likelier one, and by how many nats."""
    return {name: log_probs[0] > log_probs[1], "margin": log_probs[0] - log_probs[1]}


# Diversity.


def verb_noun(instruction: str) -> tuple[str, str]:
    """Return the verb of an instruction and its object, each empty where none is found.

    The paper parses sentences; this is a rule that needs no parser and is wrong now and then. The verb is the first
    word, if the sentence does not begin with a word such as "what". The object is the last word of the first run of
    words after it that are no stop words: in "Write a short poem about rain", "poem".
    """
    first, *others = re.findall(r"[\w'-]+|[.,:;?!]", instruction.lower()) or [""]
    verb = "" if first in STOP_WORDS else first
    run: list[str] = []
    for word in others:
        if word in STOP_WORDS or word in _PREPOSITIONS or not word[0].isalpha():
            if run:
                break
        else:
            run.append(word)
    return verb, run[-1] if run else ""


_PREPOSITIONS = frozenset(
    words("about above after before below between during over under using without within like since")
)


def pairs_seen(instructions: Sequence[str]) -> list[int]:
    """Return how many different pairs of verb and noun there are among the first 1, 2, … n instructions."""
    seen: set[tuple[str, str]] = set()
    counts = []
    for instruction in instructions:
        seen.add(verb_noun(instruction))
        counts.append(len(seen))
    return counts


def _drawn(records: Sequence[Record], n: int, random: np.random.Generator) -> list[Record]:
    """Draw n of several, or all if there are fewer, without replacement."""
    return [records[int(place)] for place in random.permutation(len(records))[:n]]


def _without_stop(options: Options) -> Options:
    """Return options for a chat: it ends by itself, and may take several lines."""
    return Options(max_tokens=8 * options.max_tokens, temperature=options.temperature, top_p=options.top_p)
