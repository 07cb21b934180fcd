"""The published filters: each looks at one record and says why it should go, or nothing.

A filter is a stage of a pipeline, ``(record, pool) -> reason or None``, with the published numbers as its defaults;
``functools.partial(word_count, field="question", most=40)`` is the same filter with others. Filters of instructions and
instances are those of Wang et al., *Self-Instruct* (2023), those of evolved instructions are from Xu et al., *WizardLM*
(2023), section 3.2, and overlap with test data is found as in Brown et al., *Language Models are Few-Shot Learners*
(2020), appendix C.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from weakref import WeakKeyDictionary

from sdg_lab.checks import number, several, whole
from sdg_lab.distill import scripts
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import Texts, rouge_l, words

KEYWORDS = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot"),
    "go to",
)
"""What a language model can neither see nor do: Self-Instruct's list."""

PROMPT_WORDS = ("given prompt", "rewritten prompt", "#rewritten prompt#", "created prompt", "#created prompt#")
"""Words of Evol-Instruct's own prompts; an instruction that has them has copied the prompt."""

STOP_WORDS = frozenset(
    words(
        "a about all also am an and any are as at be been but by can could do does for from had has have he her here "
        "his how i if in into is it its just me more my no not of on one or our out she so some such than that the "
        "their them then there these they this to too up us was we were what when where which who will with would you "
        "your"
    )
)
"""Words that say nothing by themselves."""

SORRY_WORDS = 80
"""An answer with "sorry" and fewer words than this is a refusal: Evol-Instruct's rule."""


# Instructions.


def word_count(
    record: Record, pool: Pool, *, field: str = "instruction", least: int = 4, most: int = 150
) -> str | None:
    """Refuse texts of fewer than 4 or more than 150 words: Self-Instruct's bounds."""
    count = len(record[field].split())
    if count < least:
        return f"{count} words, fewer than {least}"
    return f"{count} words, more than {most}" if count > most else None


def keywords(record: Record, pool: Pool, *, field: str = "instruction", of: Collection[str] = KEYWORDS) -> str | None:
    """Refuse texts with a word of the list, as a whole word in any case."""
    for word in of:
        if re.search(rf"\b{re.escape(word)}\b", record[field], re.IGNORECASE):
            return f"the word {word!r}"
    return None


def program(record: Record, pool: Pool, *, field: str = "instruction") -> str | None:
    """Refuse what begins with "Write a program": a model that sees it often writes nothing else."""
    return 'begins with "Write a program"' if record[field].lower().startswith("write a program") else None


def first_character(record: Record, pool: Pool, *, field: str = "instruction") -> str | None:
    """Refuse texts that are empty, or begin with punctuation or with a character outside ASCII."""
    text: str = record[field]
    if not text:
        return "empty"
    if text[0] in string.punctuation:
        return "begins with punctuation"
    return None if text[0].isascii() else "begins with a character outside ASCII"


@dataclass(frozen=True)
class Novel:
    """Refuse a text whose ROUGE-L F with one of the pool reaches the threshold.

    Attributes:
        kinds: of the records that it is compared with; by default those of a person and those of the teacher.
        field: of this record, and of those.
        threshold: F from which two texts are too much alike; above 1 nothing is. Texts that are equal as ROUGE reads
            them have 1.
    """

    kinds: tuple[str, ...] = ("seed", "instruction")
    field: str = "instruction"
    threshold: float = 0.7

    def __post_init__(self) -> None:
        number("threshold", self.threshold, above=0)
        object.__setattr__(self, "kinds", several("kinds", self.kinds))
        seen: WeakKeyDictionary[Pool, dict[str, Texts]] = WeakKeyDictionary()  # a pool only grows
        object.__setattr__(self, "_seen", seen)

    def __call__(self, record: Record, pool: Pool) -> str | None:
        """Say to what the record is too much alike."""
        if self.threshold > 1:
            return None
        text: str = record[self.field]
        for kind, texts in self._texts(pool).items():
            f, place = texts.nearest(text, threshold=self.threshold)
            if place >= 0:
                return f"ROUGE-L {f:.2f} with a kept {kind}"
        return None

    def _texts(self, pool: Pool) -> Mapping[str, Texts]:
        seen: WeakKeyDictionary[Pool, dict[str, Texts]] = self._seen  # type: ignore[attr-defined] # set above
        texts = seen.setdefault(pool, {kind: Texts() for kind in self.kinds})
        for kind in self.kinds:
            for record in pool.of(kind)[len(texts[kind]) :]:
                texts[kind].add(record[self.field])
        return texts


# Instances: an instruction's input and output.


def instance(record: Record, pool: Pool) -> str | None:
    """Refuse an instance without an output, whose output is its input, or of which a part ends in a colon."""
    given, output = str(record.fields.get("input", "")).strip(), str(record["output"]).strip()
    if not output:
        return "the output is empty"
    if given == output:
        return "the output is the input"
    if given.endswith(":") or output.endswith(":"):
        return "breaks off after a colon"
    return None


def consistent(instances: Sequence[Mapping[str, str]]) -> str | None:
    """Say why all instances of an instruction should go: one input has several outputs.

    Args:
        instances: each with ``input`` and ``output``.
    """
    outputs: dict[str, str] = {}
    for one in instances:
        given, output = one.get("input", "").strip(), one["output"].strip()
        if outputs.setdefault(given, output) != output:
            return "one input has several outputs"
    return None


def copied(
    record: Record, pool: Pool, *, field: str = "output", source: str = "instruction", n: int = 4, share: float = 0.5
) -> str | None:
    """Refuse an answer that repeats its question: at least half of its runs of 4 words stand there, in order."""
    whole("n", n, least=1)
    number("share", share, above=0, most=1)
    runs, there = list(_runs(words(record[field]), n)), set(_runs(words(record[source]), n))
    found = sum(run in there for run in runs)
    return (
        f"{found} of {len(runs)} runs of {n} words are the question's" if found and found >= share * len(runs) else None
    )


# Evolved instructions.


def prompt_copied(
    record: Record, pool: Pool, *, field: str = "instruction", of: Collection[str] = PROMPT_WORDS
) -> str | None:
    """Refuse an instruction that has copied words of the prompt which asked for it."""
    return next((f"the prompt's words {one!r}" for one in of if one in record[field].lower()), None)


def gain(record: Record, pool: Pool, *, field: str = "instruction", threshold: float = 0.95) -> str | None:
    """Refuse an evolved instruction that says nothing that its parent does not.

    The paper asks a language model; here an instruction gains nothing if it has no new word that says something by
    itself, or its ROUGE-L F with the parent reaches the threshold.
    """
    for parent in (pool.get(id) for id in record.parents if pool.has(id)):
        if field not in parent.fields:
            continue
        f = rouge_l(record[field], parent[field])
        if f >= threshold or not set(words(record[field])) - set(words(parent[field])) - STOP_WORDS:
            return f"says no more than its parent, ROUGE-L {f:.2f}"
    return None


def small_step(record: Record, pool: Pool, *, field: str = "instruction", most: int = 20) -> str | None:
    """Refuse an evolved instruction that is more than 20 words longer than its parent: the paper adds 10 to 20."""
    for parent in (pool.get(id) for id in record.parents if pool.has(id)):
        if field in parent.fields and (more := len(record[field].split()) - len(parent[field].split())) > most:
            return f"{more} words longer than its parent, more than {most}"
    return None


def refusal(record: Record, pool: Pool, *, field: str = "output", most: int = SORRY_WORDS) -> str | None:
    """Refuse an answer with "sorry" in fewer than 80 words: the teacher could not follow the instruction."""
    count = len(record[field].split())
    return f"says sorry in {count} words" if count < most and "sorry" in words(record[field]) else None


def says_something(record: Record, pool: Pool, *, field: str = "output") -> str | None:
    """Refuse an answer that holds only punctuation and words that say nothing by themselves."""
    if re.sub(rf"[\s{re.escape(string.punctuation)}]", "", record[field]) == "":
        return "only punctuation"
    found = words(record[field])
    return "only stop words" if found and set(found) <= STOP_WORDS else None


# Anything.


def at_least(record: Record, pool: Pool, *, field: str = "score", least: float) -> str | None:
    """Refuse a record of which a number, such as a judge's grade, lies below the least one."""
    value = number(f"the field {field!r}", record[field])
    return f"{field} {value:g}, below {least:g}" if value < least else None


@dataclass(frozen=True)
class Clean:
    """Refuse records that share a run of n words with test data: decontamination.

    A test text of fewer than n words is one run. GPT-3's authors used 13 words; fewer find more, false alarms too.
    Words are those of any script; see :mod:`sdg_lab.distill.scripts`.

    Args:
        texts: the test data: questions, and answers if they are long.

    Attributes:
        n: words of a run.
        fields: of the records that are looked at.
        digest: of the texts, for the run's description.

    Raises:
        ValueError: if n is below 1, or there are no texts.
    """

    texts: InitVar[Iterable[str]]
    n: int = 13
    fields: tuple[str, ...] = ("instruction", "input", "output")
    digest: str = field(init=False, default="")

    def __post_init__(self, texts: Iterable[str]) -> None:
        whole("n", self.n, least=1)
        object.__setattr__(self, "fields", several("fields", self.fields))
        lists = [scripts.words(text) for text in several("texts", texts)]
        if not any(lists):
            raise ValueError("the test data have no words to look for; give their texts, or leave the filter out")
        runs = {run for one in lists for run in _runs(one, min(self.n, len(one)))}
        object.__setattr__(self, "_runs", runs)
        object.__setattr__(self, "_lengths", sorted({len(run) for run in runs}))
        said = "\n".join(" ".join(one) for one in lists)
        object.__setattr__(self, "digest", hashlib.sha256(said.encode()).hexdigest()[:16])

    def __call__(self, record: Record, pool: Pool) -> str | None:
        """Say which run the record shares with the test data."""
        texts = [str(record.fields[name]) for name in self.fields if name in record.fields]
        return next((f"shares {run!r} with the test data" for text in texts if (run := self.shared(text))), None)

    def shared(self, text: str) -> str:
        """Return the first run of words that a text shares with the test data, or an empty text."""
        found, runs = scripts.words(text), self._runs  # type: ignore[attr-defined] # set above
        for length in self._lengths:  # type: ignore[attr-defined]
            for run in _runs(found, length):
                if run in runs:
                    return " ".join(run)
        return ""


def _runs(of: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Yield each run of n words."""
    return (tuple(of[place : place + n]) for place in range(len(of) - n + 1) if n)
