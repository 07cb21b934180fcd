r"""Questions and answers about documents: what a student can learn of a text that it will not have at hand.

Documents are cut into passages; the teacher writes pairs of a question and an answer about each; what is kept must
stand in the passage, must not be a copy of it, and must be something that one knows from the passage and not without
it. As published for knowledge-specific data: chunks of 4,000 characters that overlap by 200, 25 pairs a chunk, a judge
that gives 1 to 10, pairs of 7 and more kept. A small model that was never taught to follow such a request does less:
it reads two examples and continues, it writes one pair at a time, and it cannot judge. What it can do instead is said
by log-probabilities:

- **grounded**: the answer stands in the passage, word for word;
- **answerable**: the passage makes the answer likelier, log p(answer | passage, question) - log p(answer | question)
  in nats, by a margin;
- **round trip**: asked its own question again, with the passage, the teacher gives the answer back (Alberti et al.,
  *Synthetic QA Corpora Generation with Roundtrip Consistency*, 2019).

Records are of the kinds ``passage``, ``question``, ``informed``, ``blind``, ``again``, ``grade`` and, in the end,
``pair``; a kind whose step is left out does not come up.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sdg_lab.checks import number, one_of, several, whole
from sdg_lab.distill import filters
from sdg_lab.distill.filters import Novel
from sdg_lab.distill.pipeline import Proposal, Request, Score, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import rouge_l, words
from sdg_lab.distill.teacher import Message, Options
from sdg_lab.models.completion import Completion

Style = Literal["continue", "chat"]
"""Whether the teacher continues texts, one pair at a time, or answers chats, several pairs at a time."""

OPENINGS = ("What", "Which", "How", "Who", "Where", "When", "Why")
"""First words of questions: more different ones come of them, and more that the passage does not answer."""

EXAMPLES = (
    (
        "The Danube rises in the Black Forest and flows through ten countries, more than any other river. It ends in "
        "the Black Sea.",
        "Where does the Danube end?",
        "in the Black Sea",
    ),
    (
        "Bread rises because yeast turns sugar into carbon dioxide. Bakers let the dough rest for about an hour before "
        "they bake it.",
        "How long does the dough rest?",
        "about an hour",
    ),
)
"""Passages with a question and an answer: what a small model continues."""

CHUNK, OVERLAP, PAIRS, LEAST_GRADE = 4_000, 200, 25, 7
"""As published; the first two in characters."""

CONTINUE = Options(max_tokens=60, temperature=0.3, stop=("\n\n", "\nPassage:", "\nQuestion:"))
CHAT = Options(max_tokens=2_000, temperature=0.7)
AGAIN = Options(max_tokens=24, temperature=0.0, stop=("\n",))
GRADE = Options(max_tokens=16, temperature=0.0)


@dataclass(frozen=True)
class Document:
    """A text, and where it comes from."""

    name: str
    text: str


@dataclass(frozen=True)
class KnowledgeQA:
    """The recipe; see the module's text.

    Attributes:
        documents: texts, or paths of files, in which ``*`` stands for anything; see :func:`read_documents`.
        chunk, overlap: of passages, in characters.
        least: characters of a passage; the rest of a document that is shorter is left out.
        passages: the most, drawn at random from all; None takes all.
        pairs: asked for about each passage.
        style: how the teacher is asked.
        openings: first words of questions, one of which is drawn for each pair, such as :data:`OPENINGS`; by default
            none is given. For "continue".
        most: words of an answer; a span is short.
        threshold: of ROUGE-L F, from which a question is too much like one that was kept.
        margin: nats by which the passage must make the answer likelier; None leaves the step out, as it must for a
            teacher that cannot score.
        agreement: least F, by words in any order, of the answer with what the teacher answers when asked again; 0
            leaves the step out.
        grade: least grade of a judge, from 1 to 10; 0 leaves the step out. Small models cannot judge.
        options: how pairs are written; by default those of the style.

    Raises:
        ValueError: if one is out of range, or there is no document.
        FileNotFoundError: if a path leads to no file.
    """

    documents: Sequence[Document | str]
    chunk: int = CHUNK
    overlap: int = OVERLAP
    least: int = 200
    passages: int | None = None
    pairs: int = PAIRS
    style: Style = "continue"
    openings: tuple[str, ...] = ("",)
    most: int = 12
    threshold: float = 0.7
    margin: float | None = 1.0
    agreement: float = 0.5
    grade: int = 0
    options: Options | None = None

    def __post_init__(self) -> None:
        whole("chunk", self.chunk, least=1)
        whole("overlap", self.overlap, least=0, most=self.chunk // 2)
        for name in ("least", "pairs", "most"):
            whole(name, getattr(self, name), least=1)
        if self.passages is not None:
            whole("passages", self.passages, least=1)
        one_of("style", self.style, get_args(Style))
        number("threshold", self.threshold, above=0)
        if self.margin is not None:
            number("margin", self.margin)
        number("agreement", self.agreement, least=0, most=1)
        whole("grade", self.grade, least=0, most=10)
        object.__setattr__(self, "openings", several("openings", self.openings) or ("",))
        given = several("documents", self.documents)
        if not given:
            raise ValueError("documents is empty; give texts, or paths of files")
        object.__setattr__(
            self,
            "documents",
            tuple(d for one in given for d in ([one] if isinstance(one, Document) else read_documents(one))),
        )

    @property
    def result(self) -> Sequence[str]:
        """The pairs that passed everything."""
        return ("pair",)

    @property
    def scores(self) -> bool:
        """Whether answers are scored, which a server does not do."""
        return self.margin is not None

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """What judges each kind."""
        span = functools.partial(filters.word_count, field="answer", least=1, most=self.most)
        new = Novel(("question",), field="question", threshold=self.threshold)
        asked: tuple[Stage, ...] = (question_form, span, grounded, given_away, copied, new)
        judges: dict[str, Sequence[Stage]] = {"question": asked}
        if self.margin is not None:
            judges["blind"] = (functools.partial(answerable, margin=self.margin),)
        if self.agreement:
            judges["again"] = (functools.partial(round_trip, agreement=self.agreement),)
        if self.grade:
            judges["grade"] = (functools.partial(filters.at_least, field="grade", least=self.grade),)
        return judges

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterator[Sequence[Proposal]]:
        """Yield the passages, questions about them, and what judges the questions, one judge after the other."""
        cut = [
            Record.new("passage", {"document": document.name, "start": start, "passage": text})
            for document in self.documents
            if isinstance(document, Document)
            for start, text in chunks(document.text, self.chunk, self.overlap)
            if len(text) >= self.least
        ]
        if not cut:
            raise ValueError(f"no document has a passage of {self.least} characters; lower least=, or give others")
        if self.passages is not None:
            cut = [cut[int(place)] for place in sorted(random.permutation(len(cut))[: self.passages])]
        yield cut
        # Pair by pair, so that a question is not asked again about a passage before it is seen that it was kept.
        passages = list(pool.of("passage"))
        for _ in range(self.pairs if self.style == "continue" else 1):
            yield [self.ask(passage, random) for passage in passages]
        kept = list(pool.of("question"))
        if self.margin is not None:
            yield [self.informed(question, pool) for question in kept]
            yield [self.blind(score) for score in list(pool.of("informed"))]
            kept = _survivors(pool, "blind")
        if self.agreement:
            yield [self.again(question, pool) for question in kept]
            kept = _survivors(pool, "again")
        if self.grade:
            yield [self.judge(question, pool) for question in kept]
            kept = _survivors(pool, "grade")
        yield [
            Record.new(
                "pair",
                {**_known(question), "passage": _passage(question, pool)["passage"], "document": question["document"]},
                parents=[question.id],
            )
            for question in kept
        ]

    def part(self, index: int, of: int) -> KnowledgeQA:
        """Return the recipe of one of several parts: each has a share of the documents.

        Raises:
            ValueError: if there are more parts than documents, or a number of passages that is drawn from all.
        """
        if of > len(self.documents) or self.passages is not None:
            raise ValueError(
                f"{len(self.documents)} documents cannot be cut into {of} parts; take fewer parts, and no passages="
            )
        return dataclasses.replace(self, documents=self.documents[index::of])

    # What the teacher is asked.

    def ask(self, passage: Record, random: np.random.Generator) -> Request:
        """Ask for a pair, or for several in a chat."""
        known, parents = {"document": passage["document"]}, [passage.id]
        if self.style == "chat":
            text = _ASK.format(pairs=self.pairs, most=self.most, passage=passage["passage"])
            chat: list[Message] = [{"role": "user", "content": text}]
            return Request(chat, "question", known, parents, self.options or CHAT, read_pairs, whole=False)
        opening = self.openings[int(random.integers(len(self.openings)))]
        begun = f"Question: {opening}".rstrip()
        read = functools.partial(read_pair, opening=opening)
        prompt = f"{_few(with_passage=True)}Passage: {_line(passage['passage'])}\n{begun}"
        return Request(prompt, "question", known, parents, self.options or CONTINUE, read)

    def informed(self, question: Record, pool: Pool) -> Score:
        """Ask how likely the answer is for one who has the passage."""
        passage = _line(_passage(question, pool)["passage"])
        prompt = f"{_few(with_passage=True)}Passage: {passage}\n{_asked(question)}"
        return Score(prompt, (f" {question['answer']}",), "informed", _known(question), [question.id], _informed)

    def blind(self, informed: Record) -> Score:
        """Ask how likely the answer is for one who has the question alone."""
        prompt = f"{_few(with_passage=False)}{_asked(informed)}"
        known = {**_known(informed), "informed": informed["informed"]}
        read = functools.partial(_gain, informed=informed["informed"])
        return Score(prompt, (f" {informed['answer']}",), "blind", known, informed.parents, read)

    def again(self, question: Record, pool: Pool) -> Request:
        """Ask the question, with the passage."""
        passage = _passage(question, pool)["passage"]
        prompt: str | list[Message] = f"{_few(with_passage=True)}Passage: {_line(passage)}\n{_asked(question)}"
        if self.style == "chat":
            prompt = [{"role": "user", "content": _AGAIN.format(passage=passage, question=question["question"])}]
        return Request(prompt, "again", _known(question), [question.id], AGAIN, _read_again, whole=False)

    def judge(self, question: Record, pool: Pool) -> Request:
        """Ask for a grade."""
        text = _GRADE.format(passage=_passage(question, pool)["passage"], **_known(question))
        chat: list[Message] = [{"role": "user", "content": text}]
        return Request(chat, "grade", _known(question), [question.id], GRADE, read_grade, whole=False)


_ASK = (
    "Write {pairs} pairs of a question and its answer about the text below. A question must be clear to somebody who "
    "does not see the text. An answer has at most {most} words and stands in the text word for word. Write each pair "
    "in two lines that begin with 'Question:' and 'Answer:', and nothing else.\n\n{passage}"
)
_AGAIN = "{passage}\n\nAnswer in a few words of this text, and with nothing else: {question}"
_GRADE = (
    "{passage}\n\nQuestion: {question}\nAnswer: {answer}\n\nHow good is this pair of a question and an answer: is it "
    "clear without the text, is it right by the text, is it worth knowing? Say one whole number from 1 (useless) to 10 "
    "(excellent), and nothing else."
)


def _few(*, with_passage: bool) -> str:
    """Return the examples as a small model reads them."""
    return "".join(
        (f"Passage: {passage}\n" if with_passage else "") + f"Question: {question}\nAnswer: {answer}\n\n"
        for passage, question, answer in EXAMPLES
    )


def _asked(record: Record) -> str:
    return f"Question: {record['question']}\nAnswer:"


def _known(record: Record) -> dict[str, str]:
    return {"question": record["question"], "answer": record["answer"]}


def _passage(question: Record, pool: Pool) -> Record:
    return pool.get(question.parents[0])


def _survivors(pool: Pool, kind: str) -> list[Record]:
    """Return the questions that a judge's step has left."""
    return [pool.get(record.parents[0]) for record in pool.of(kind)]


# Reading.


def read_pair(completion: Completion, opening: str = "") -> dict[str, str]:
    """Read a question, whose first word was given, and the answer in the line after it.

    Raises:
        ValueError: if there is no answer.
    """
    question, mark, answer = f"{opening}{completion.text}".partition("\nAnswer:")
    if not mark or not answer.strip():
        raise ValueError("no answer")
    return {"question": _line(question), "answer": _line(answer.strip().split("\n")[0]).rstrip(".")}


def read_pairs(completion: Completion) -> list[dict[str, str]]:
    """Read all pairs of a question and an answer, each at the beginning of a line."""
    found = re.findall(r"(?m)^[\W\d]*Question:[ *]*(.+)\n+[\W\d]*Answer:[ *]*(.+)$", completion.text)
    return [{"question": _line(question), "answer": _line(answer).rstrip(".")} for question, answer in found]


def read_grade(completion: Completion) -> dict[str, int]:
    """Read the first whole number from 1 to 10.

    Raises:
        ValueError: if there is none.
    """
    found = re.search(r"(?<![\d.,-])(10|[1-9])(?![\d]|[.,]\d)", completion.text)
    if found is None:
        raise ValueError("no grade from 1 to 10")
    return {"grade": int(found[1])}


def _read_again(completion: Completion) -> dict[str, str]:
    return {"again": _line(completion.text)}


def _informed(log_probs: tuple[float, ...]) -> dict[str, float]:
    return {"informed": log_probs[0]}


def _gain(log_probs: tuple[float, ...], *, informed: float) -> dict[str, float]:
    return {"gain": informed - log_probs[0]}


# Stages.


def question_form(record: Record, pool: Pool) -> str | None:
    """Refuse what is no single question of at least three words."""
    question: str = record["question"]
    if not question.endswith("?"):
        return "does not end in a question mark"
    return "fewer than 3 words" if len(question.split()) < 3 else None


def grounded(record: Record, pool: Pool) -> str | None:
    """Refuse an answer that does not stand in the passage as whole words, whatever the case and the white space."""
    span = rf"(?<!\w){re.escape(_line(record['answer']).casefold())}(?!\w)"
    found = re.search(span, _line(_passage(record, pool)["passage"]).casefold())
    return None if found else "the answer does not stand in the passage"


def given_away(record: Record, pool: Pool) -> str | None:
    """Refuse a question that holds its answer."""
    asked, answer = f" {' '.join(words(record['question']))} ", " ".join(words(record["answer"]))
    return "the question holds the answer" if answer and f" {answer} " in asked else None


def copied(record: Record, pool: Pool, *, threshold: float = 0.9) -> str | None:
    """Refuse a question that is a sentence of the passage, or nearly one: ROUGE-L F from the threshold on."""
    for sentence in re.split(r"(?<=[.!?:])\s+|\n+", _passage(record, pool)["passage"]):
        if (f := rouge_l(record["question"], sentence)) >= threshold:
            return f"the question is a sentence of the passage, ROUGE-L {f:.2f}"
    return None


def answerable(record: Record, pool: Pool, *, margin: float) -> str | None:
    """Refuse an answer that the passage does not make likelier by the margin, in nats."""
    gain: float = record["gain"]
    return None if gain >= margin else f"the passage adds {gain:.1f} nats, fewer than {margin:g}"


def round_trip(record: Record, pool: Pool, *, agreement: float) -> str | None:
    """Refuse an answer that the teacher, asked again, does not give back; F of their words, as SQuAD measures it."""
    f = word_f(record["answer"], record["again"])
    return None if f >= agreement else f"asked again, the teacher answers something else: F {f:.2f}"


def word_f(first: str, second: str) -> float:
    """Return F of the words that two texts share, in any order, in [0, 1]; articles do not count.

    Rajpurkar et al., *SQuAD: 100,000+ Questions for Machine Comprehension of Text* (2016), section 6.1.
    """
    a, b = ([word for word in words(text) if word not in ("a", "an", "the")] for text in (first, second))
    if not a or not b:
        return float(a == b)
    shared = sum(min(a.count(word), b.count(word)) for word in set(a))
    return 2 * shared / (len(a) + len(b))


# Documents.


def read_documents(path: str | Path) -> list[Document]:
    """Read files: the text of a notebook's Markdown cells, of Markdown what a reader sees, all others as they are.

    Args:
        path: of a file, or with ``*`` in it of several.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if a file holds no text in UTF-8, or a notebook is none.
    """
    files = sorted(glob(str(path), recursive=True)) if re.search(r"[*?[]", str(path)) else [str(path)]
    if not files:
        raise FileNotFoundError(f"no file fits {str(path)!r}; give another path")
    return [Document(file, _text(Path(file))) for file in files]


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text in UTF-8 ({error}); convert it first") from None
    if file.suffix == ".ipynb":
        try:
            cells = json.loads(text)["cells"]
            return "\n\n".join(plain("".join(c["source"])) for c in cells if c["cell_type"] == "markdown")
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{file} is no notebook ({error!r}); give another file") from None
    return plain(text) if file.suffix in (".md", ".markdown") else text


def plain(markdown: str) -> str:
    """Return Markdown without code blocks, tables, pictures, tags and marks: sentences remain."""
    text = re.sub(r"(?ms)^(```|~~~).*?^\1[^\n]*$", "", markdown)
    text = re.sub(r"(?s)<!--.*?-->|\$\$.*?\$\$", "", text)
    text = re.sub(r"(?m)^\s*\|.*$|^\s*#+.*$|^\s*[-=_*]{3,}\s*$", "", text)  # rows of tables, headings, rules
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|</?[a-zA-Z][^<>]*>", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*|__|`", "", text)
    text = re.sub(r"(?m)^\s*(?:[-*+]|\d+[.)])\s+", "", text)
    return re.sub(r"\n\s*\n\s*", "\n\n", text).strip()


def chunks(text: str, size: int = CHUNK, overlap: int = OVERLAP) -> list[tuple[int, str]]:
    """Cut a text into passages, each with the place where it begins.

    A passage ends after a paragraph, or if none ends in its second half after a sentence, or after a word, or anywhere.
    The next one begins at most ``overlap`` characters before that, with a word.

    Args:
        text: any.
        size: the most characters of a passage.
        overlap: the most that two neighbours share, at most half of the size.

    Raises:
        ValueError: if a number is out of range.
    """
    whole("overlap", overlap, least=0, most=whole("size", size, least=1) // 2)
    found: list[tuple[int, str]] = []
    start = 0
    while start < len(text):
        end = start + size
        if end < len(text):
            window, half = text[start:end], size // 2
            ends = ([m.end() for m in re.finditer(mark, window)] for mark in (r"\n\s*\n", r"[.!?]\s+", r"\s+"))
            end = start + next((last[-1] for last in ends if last and last[-1] > half), size)
        found.append((start, text[start:end]))
        if end >= len(text):
            break
        before = max(end - overlap - 1, start)
        begins = [m.end() for m in re.finditer(r"\s+", text[before:end])]
        start = before + begins[0] if begins else end
    return found


def _line(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())
