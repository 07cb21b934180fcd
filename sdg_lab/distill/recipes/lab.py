"""LAB: a taxonomy of knowledge and skills, sampled leaf by leaf, so that nothing is forgotten.

Sudalairaj et al., *LAB: Large-Scale Alignment for ChatBots* (2024). People write a few examples for each leaf of a tree
with the branches knowledge, foundational skills and compositional skills. A teacher that is shown examples from
everywhere writes what it likes to write; here it is shown those of one leaf at a time, and asked equally often for all
of them. A judge grades questions, then pairs of question and answer. The student is trained in phases: knowledge first,
then skills, with some of the earlier data replayed.

As published: 30 questions a leaf; a question is kept with a grade of 1 (of 0 and 1), a pair with at least 2 (of 1 to
3). A small model cannot grade. In the place of a pair's grade stands how much likelier the question makes each word of
its answer: log p(answer | question) - log p(answer), divided by the number of words. The prompts are ours.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from sdg_lab import yaml_files
from sdg_lab.checks import did_you_mean, number, one_of, several, whole
from sdg_lab.distill import filters
from sdg_lab.distill.pipeline import Proposal, Request, Score, Stage
from sdg_lab.distill.recipes.self_instruct import Style, numbered
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.teacher import Options
from sdg_lab.models.completion import Completion

TAXONOMY = Path(__file__).parent.parent / "seeds" / "taxonomy"

Branch = Literal["knowledge", "foundational", "compositional"]
Sampling = Literal["leaf", "pool"]
"""Which examples a prompt shows: those of one leaf, or any, and what has been written, as Self-Instruct does."""

LEAST: Mapping[Style, float] = {"chat": 2.0, "continue": 0.5}
"""The grade that a pair must have: as published, and in nats a word."""

LEAST_EXAMPLES = 3
QUESTION = Options(max_tokens=60, temperature=0.8, stop=("\n",))
ANSWER = Options(max_tokens=120, temperature=0.7, stop=("\n\n", "\nTask:"))


@dataclass(frozen=True)
class Leaf:
    """A leaf of the taxonomy.

    Attributes:
        path: where it stands, such as ``"foundational/language/grammar"``; the first part is its branch.
        description: what its questions are about.
        examples: questions with their answers, by people.
        openings: first words of its questions, one of which is given to a small model; none by default.

    Raises:
        ValueError: if the branch is unknown, or there are fewer than three different examples.
    """

    path: str
    description: str
    examples: tuple[tuple[str, str], ...]
    openings: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        one_of("the branch of a leaf", self.branch, get_args(Branch))
        if len({question for question, _ in self.examples}) < LEAST_EXAMPLES:
            raise ValueError(
                f"the leaf {self.path} has {len(self.examples)} examples; write at least {LEAST_EXAMPLES} with "
                "different questions"
            )

    @property
    def branch(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]


def read_taxonomy(folder: str | Path = TAXONOMY) -> tuple[Leaf, ...]:
    """Read a tree of YAML files, a file a leaf, in the order of their paths; by default the course's own.

    A file ``compositional/mail/decline.yaml`` holds ``description``, ``examples``, each with ``question`` and
    ``answer``, and, if you like, ``openings``.

    Raises:
        ImportError: if PyYAML is not installed.
        FileNotFoundError: if there is no folder, or no leaf in it.
        ValueError: if a file is no YAML or no leaf; the message names it.
    """
    root = Path(folder)
    paths = sorted(root.rglob("*.yaml"), key=lambda path: path.relative_to(root).parts)
    if not paths:
        raise FileNotFoundError(f"there is no .yaml file below {root}; write one for each leaf")
    return tuple(_leaf(path, path.relative_to(root).with_suffix("").as_posix()) for path in paths)


def _leaf(path: Path, name: str) -> Leaf:
    """Return the leaf that a file describes."""
    try:
        said = yaml_files.read(path)
        _known_keys(said, {"description", "examples"}, {"openings"})
        for example in several("examples", said["examples"]):
            _known_keys(example, {"question", "answer"}, set())
        examples = tuple((_text(one, "question"), _text(one, "answer")) for one in said["examples"])
        openings = several("openings", said.get("openings", [""]))
        if not all(isinstance(opening, str) for opening in openings):
            raise ValueError(f"openings must be texts, got {list(openings)!r}; put quotation marks around them")
        return Leaf(name, _text(said, "description"), examples, openings or ("",))
    except ValueError as error:
        raise ValueError(f"{path} is no leaf of a taxonomy: {' '.join(str(error).split())}") from None


def _leaves(taxonomy: str | Path | Sequence[Leaf]) -> tuple[Leaf, ...]:
    if isinstance(taxonomy, (str, Path)):
        return read_taxonomy(taxonomy)
    if not all(isinstance(leaf, Leaf) for leaf in several("taxonomy", taxonomy)):
        raise ValueError(f"taxonomy must be leaves, or the path of a folder of them, got {taxonomy!r}")
    return tuple(taxonomy)


def _known_keys(said: Any, needed: set[str], possible: set[str]) -> None:
    if not isinstance(said, Mapping):
        raise ValueError(f"expected {', '.join(sorted(needed))}, each followed by a colon, got {said!r}")
    for key in said:
        if key not in needed | possible:
            raise ValueError(f"unknown key {key!r}{did_you_mean(key, needed | possible)}")
    if missing := needed - set(said):
        raise ValueError(f"{sorted(missing)[0]!r} is missing")


def _text(said: Mapping[str, Any], key: str) -> str:
    if not isinstance(said[key], str) or not said[key].strip():
        raise ValueError(f"{key} must be a text, got {said[key]!r}; put quotation marks around it")
    return str(said[key]).strip()


@dataclass(frozen=True)
class Lab:
    """The recipe; see the module's text.

    Records are of the kinds ``seed``, ``question``, ``question_grade`` (chats only), ``answer``, ``prior`` (no chats)
    and ``pair``. Each has the fields leaf and branch; with ``sampling="pool"`` both are empty, since nobody knows where
    a question belongs.

    Attributes:
        taxonomy: its leaves, or the path of a folder of them; see :func:`read_taxonomy`.
        per_leaf: questions that are kept of each leaf; with ``sampling="pool"`` as many in all.
        sampling: whose examples a prompt shows.
        shown: examples in a prompt.
        style: how the teacher is asked.
        judge: whether pairs are graded and the lower ones dropped.
        least: grade that a pair must have, 1 to 3 in chats, else nats a word; None takes 2 and 0.5.
        threshold: of ROUGE-L F, from which a question is too much like another one.
        fewest_words: of a question.
        tries: rounds without a new question after which a leaf is left as it is.
        options: how questions are written.
        answer_options: how answers are written.

    Raises:
        ValueError: if one is out of range, a leaf stands twice, or there is none.
    """

    taxonomy: tuple[Leaf, ...] = field(default_factory=read_taxonomy)
    per_leaf: int = 30
    sampling: Sampling = "leaf"
    shown: int = 3
    style: Style = "continue"
    judge: bool = True
    least: float | None = None
    threshold: float = 0.7
    fewest_words: int = 4
    tries: int = 5
    options: Options = QUESTION
    answer_options: Options = ANSWER

    def __post_init__(self) -> None:
        object.__setattr__(self, "taxonomy", _leaves(self.taxonomy))
        for name in ("per_leaf", "shown", "fewest_words", "tries"):
            whole(name, getattr(self, name), least=1)
        one_of("sampling", self.sampling, get_args(Sampling))
        one_of("style", self.style, get_args(Style))
        if self.least is not None:
            number("least", self.least)
        number("threshold", self.threshold, above=0)
        paths = [leaf.path for leaf in self.taxonomy]
        if not paths:
            raise ValueError("the taxonomy has no leaves; give at least one")
        if twice := [path for place, path in enumerate(paths) if path in paths[:place]]:
            raise ValueError(f"the leaf {twice[0]} stands twice in the taxonomy; join its examples")

    @property
    def result(self) -> Sequence[str]:
        """Graded pairs; answers where nobody grades."""
        return ("pair",) if self.judge else ("answer",)

    @property
    def scores(self) -> bool:
        """Whether answers are scored, which a server does not do."""
        return self.style == "continue" and self.judge

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """Filters of questions and answers, and the judge's threshold."""
        bounds = functools.partial(filters.word_count, field="question", least=self.fewest_words)
        start = functools.partial(filters.first_character, field="question")
        able = functools.partial(filters.keywords, field="question")
        new = filters.Novel(("seed", "question"), field="question", threshold=self.threshold)
        least = self.least if self.least is not None else LEAST[self.style]
        return {
            "question": (bounds, start, able, new),
            "question_grade": (functools.partial(filters.at_least, least=1),),
            "answer": (
                functools.partial(filters.word_count, field="answer", least=1),
                functools.partial(filters.copied, field="answer", source="question"),
            ),
            "pair": (functools.partial(filters.at_least, least=least),),
        }

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Yield the examples, questions until each leaf has enough, grades, answers, and grades of pairs."""
        for leaf in self.taxonomy:
            yield [
                Record.new("seed", {"question": question, "answer": answer, "leaf": leaf.path, "branch": leaf.branch})
                for question, answer in leaf.examples
            ]
        yield from self._by_leaf(pool, random) if self.sampling == "leaf" else self._by_pool(pool, random)
        questions = list(pool.of("question"))
        if self.style == "chat" and self.judge:
            yield [self.grade_question(record) for record in questions]
            questions = [record for record in questions if pool.children(record, "question_grade")]
        yield [self.answer(record, pool, random) for record in questions]
        if self.judge:
            answers = list(pool.of("answer"))
            if self.style == "continue":
                yield [self.prior(record) for record in answers]
            yield [self.grade(record, pool) for record in answers]

    def part(self, index: int, of: int) -> Lab:
        """Return the recipe of every so many-th leaf.

        Raises:
            ValueError: if there are more parts than leaves, or prompts show examples of all leaves.
        """
        if self.sampling == "pool" or not self.taxonomy[index::of]:
            why = "prompts show examples of all leaves" if self.sampling == "pool" else "there are fewer leaves"
            raise ValueError(f"the work cannot be cut into {of} parts: {why}; take fewer, or sampling='leaf'")
        return dataclasses.replace(self, taxonomy=self.taxonomy[index::of])

    # Questions.

    def _by_leaf(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Ask for one question of each leaf that lacks some, again and again."""
        kept: dict[str, list[Record]] = {leaf.path: [] for leaf in self.taxonomy}
        in_vain = dict.fromkeys(kept, 0)
        while lacking := [
            leaf for leaf in self.taxonomy if len(kept[leaf.path]) < self.per_leaf and in_vain[leaf.path] < self.tries
        ]:
            seen = len(pool.of("question"))
            yield [self.ask(leaf, random) for leaf in lacking]
            for leaf in lacking:
                in_vain[leaf.path] += 1
            for record in pool.of("question")[seen:]:
                kept[record["leaf"]].append(record)
                in_vain[record["leaf"]] = 0

    def _by_pool(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Ask for as many questions in all, shown examples from everywhere, those that were written among them."""
        wanted, in_vain = self.per_leaf * len(self.taxonomy), 0
        while (lacking := wanted - len(pool.of("question"))) > 0 and in_vain < self.tries:
            before = lacking
            drawn = [self._drawn_from_all(pool, random) for _ in range(min(lacking, max(16, len(self.taxonomy))))]
            yield [self._ask("", "", records, "Come up with a series of tasks:", "") for records in drawn]
            in_vain = in_vain + 1 if wanted - len(pool.of("question")) == before else 0

    def _drawn_from_all(self, pool: Pool, random: np.random.Generator) -> list[Record]:
        """Draw one of four examples from what was written, once there is something, and the others from people's."""
        written = pool.of("question")
        machine = min(len(written), self.shown // 4)
        return _drawn(written, machine, random) + _drawn(pool.of("seed"), self.shown - machine, random)

    def ask(self, leaf: Leaf, random: np.random.Generator) -> Request:
        """Return a prompt that shows examples of a leaf and asks for the next question."""
        records = [
            Record.new("seed", {"question": question, "answer": answer, "leaf": leaf.path, "branch": leaf.branch})
            for question, answer in leaf.examples
        ]
        opening = leaf.openings[int(random.integers(len(leaf.openings)))]
        return self._ask(leaf.path, leaf.branch, _drawn(records, self.shown, random), leaf.description, opening)

    def _ask(self, path: str, branch: str, records: Sequence[Record], about: str, opening: str) -> Request:
        known, parents = {"leaf": path, "branch": branch}, [record.id for record in records]
        listed = numbered([record["question"] for record in records])
        if self.style == "chat":
            chat = [{"role": "user", "content": _ASK.format(about=about, listed=listed)}]
            options = Options(self.options.max_tokens * 4, self.options.temperature, self.options.top_p)
            return Request(chat, "question", known, parents, options, _read_question)
        begin = f" {opening}" if opening else ""
        read = functools.partial(_read_question, opening=begin)
        return Request(f"{about}\n{listed}\n{len(records) + 1}.{begin}", "question", known, parents, self.options, read)

    # Answers and grades.

    def answer(self, record: Record, pool: Pool, random: np.random.Generator) -> Request:
        """Return a prompt that shows answers of the same leaf and asks for one."""
        known = {name: record[name] for name in ("question", "leaf", "branch")}
        if self.style == "chat":
            options = Options(self.answer_options.max_tokens * 4, self.answer_options.temperature)
            return Request([_user(record["question"])], "answer", known, [record.id], options, _read_answer)
        alike = [one for one in pool.of("seed") if one["leaf"] == record["leaf"]] or list(pool.of("seed"))
        before = "".join(f"{_pair(one)}\n\n" for one in _drawn(alike, self.shown, random))
        prompt = f"{before}Task: {record['question']}\nOutput:"
        return Request(prompt, "answer", known, [record.id], self.answer_options, _read_answer, whole=False)

    def grade_question(self, record: Record) -> Request:
        """Ask whether a question is clear and can be answered: 1 or 0."""
        known = {name: record[name] for name in ("question", "leaf", "branch")}
        content = f"{_GRADE_QUESTION}\n\n{record['question']}"
        return Request([_user(content)], "question_grade", known, [record.id], _GRADE, _read_grade, whole=False)

    def prior(self, record: Record) -> Score:
        """Ask how likely an answer is without its question."""
        known = {name: record[name] for name in ("leaf", "branch")}
        return Score("Output:", (f" {record['answer']}",), "prior", known, [record.id], _read_nats)

    def grade(self, record: Record, pool: Pool) -> Proposal:
        """Ask how good an answer is: a grade from 1 to 3, or how much likelier its question makes it."""
        known = {name: record[name] for name in ("question", "answer", "leaf", "branch")}
        if self.style == "chat":
            content = f"{_GRADE_PAIR}\n\nQuestion: {record['question']}\n\nAnswer: {record['answer']}"
            return Request([_user(content)], "pair", known, [record.id], _GRADE, _read_grade, whole=False)
        prompt, said = f"Task: {record['question']}\nOutput:", f" {record['answer']}"
        (prior,) = pool.children(record, "prior")
        read = functools.partial(_read_gain, prior=prior["nats"], count=len(record["answer"].split()))
        return Score(prompt, (said,), "pair", known, [record.id], read)


_ASK = (
    "{about}\n\nHere are examples:\n{listed}\n\nWrite one new question of this kind, unlike the examples, that can be "
    "answered without anything else. Reply with the question alone."
)
_GRADE_QUESTION = (
    "Is the following question clear, and can an assistant that reads and writes text answer it? Reply with 1 for yes "
    "or 0 for no, and nothing else."
)
_GRADE_PAIR = (
    "Grade the answer. 1: wrong, off the topic or incomplete. 2: right and helpful, but it could be better. 3: right, "
    "complete and clear. Reply with the number, and nothing else."
)
_GRADE = Options(max_tokens=8, temperature=0.0)


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _pair(record: Record) -> str:
    return f"Task: {record['question']}\nOutput: {record['answer']}"


def _read_question(completion: Completion, opening: str = "") -> dict[str, str]:
    return {"question": " ".join(f"{opening}{completion.text}".split())}


def _read_answer(completion: Completion) -> dict[str, str]:
    return {"answer": completion.text.strip()}


def _read_grade(completion: Completion) -> dict[str, int]:
    if not (found := re.search(r"\b[0-3]\b", completion.text)):
        raise ValueError("no grade")
    return {"score": int(found[0])}


def _read_nats(log_probs: tuple[float, ...]) -> dict[str, float]:
    return {"nats": log_probs[0]}


def _read_gain(log_probs: tuple[float, ...], *, prior: float, count: int) -> dict[str, float]:
    """Read how much likelier an answer is than without its question, in nats a word."""
    return {"score": (log_probs[0] - prior) / count}


def _drawn(records: Sequence[Record], n: int, random: np.random.Generator) -> list[Record]:
    """Draw n of several, or all if there are fewer, without replacement."""
    return [records[int(place)] for place in random.permutation(len(records))[:n]]


# The student's phases.


def phases(records: Sequence[Record], *, replay: float = 0.25, seed: int = 0) -> list[list[Record]]:
    """Return what a student is trained on, one phase after another: knowledge, foundational and compositional skills.

    Args:
        records: with a field ``branch``; the other branches than these three come last.
        replay: of each earlier phase's own records, the share that comes again in a later one.
        seed: which of them, and the order within a phase.

    Returns:
        A list for each branch that has records, in random order.

    Raises:
        ValueError: if the share is not in [0, 1].
    """
    number("replay", replay, least=0, most=1)
    random = np.random.default_rng(seed)
    order = (*get_args(Branch), "")
    by_branch: dict[str, list[Record]] = {branch: [] for branch in order}
    for record in records:
        by_branch[record["branch"] if record["branch"] in by_branch else ""].append(record)
    before: list[Record] = []
    schedule: list[list[Record]] = []
    for own in (by_branch[branch] for branch in order if by_branch[branch]):
        again = _drawn(before, math.ceil(replay * len(before)), random)
        schedule.append(_drawn([*own, *again], len(own) + len(again), random))
        before += own
    return schedule
