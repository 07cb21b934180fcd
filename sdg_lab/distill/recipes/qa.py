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

With ``order="answer first"``, as in that paper and in Puri et al., *Training Question Answering Models From Synthetic
Data* (2020), the answer is a span of the passage, and the teacher writes a question that it answers. There a model is
trained to choose spans; here :func:`spans` does so by a plain rule, which knows the question's first words, too. The
round trip then is a choice: of all spans of the passage, the one that is to be the answer must gain most by the
question. That is better than a plain choice, where a span that is likely whatever is asked wins too often. What is left
to the teacher can still be too much: SmolLM2's questions are often about another sentence than their answer's, see
``notebooks/results/14-knowledge-asked.csv``.

Records are of the kinds ``passage``, ``question``, ``informed``, ``blind``, ``again``, ``grade`` and, in the end,
``pair``; answer first, ``prior`` too. A kind whose step is left out does not come up.
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
from sdg_lab.distill.filters import STOP_WORDS, Novel
from sdg_lab.distill.pipeline import Proposal, Request, Score, Stage
from sdg_lab.distill.records import Pool, Record
from sdg_lab.distill.rouge import rouge_l, words
from sdg_lab.distill.teacher import Message, Options
from sdg_lab.models.completion import Completion

Style = Literal["continue", "chat"]
"""Whether the teacher continues texts, one pair at a time, or answers chats, several pairs at a time."""

Order = Literal["question first", "answer first"]
"""Whether the teacher writes question and answer, or a question for an answer that was chosen before."""

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

ANSWERED = (
    (
        "The Danube rises in the Black Forest and flows through ten countries, more than any other river. It ends in "
        "the Black Sea.",
        "The Danube rises in the Black Forest and flows through ten countries, more than any other river.",
        "ten countries",
        "How many countries does the Danube flow through?",
    ),
    (
        "Bread rises because yeast turns sugar into carbon dioxide. Bakers let the dough rest for about an hour before "
        "they bake it.",
        "Bread rises because yeast turns sugar into carbon dioxide.",
        "because yeast turns sugar into carbon dioxide",
        "Why does bread rise?",
    ),
    (
        "The telephone exchange of Turin was planned by Maria Conti. It opened in 1931 and stood near the station.",
        "It opened in 1931 and stood near the station.",
        "in 1931",
        "When did the telephone exchange of Turin open?",
    ),
    (
        "The telephone exchange of Turin was planned by Maria Conti. It opened in 1931 and stood near the station.",
        "The telephone exchange of Turin was planned by Maria Conti.",
        "Maria Conti",
        "Who planned the telephone exchange of Turin?",
    ),
    (
        "Swifts sleep in the air. They build their nests under roofs and feed their young with insects.",
        "They build their nests under roofs and feed their young with insects.",
        "under roofs",
        "Where do swifts build their nests?",
    ),
)
"""Passages, a sentence of each, a span of it, and a question that the span answers."""

CHUNK, OVERLAP, PAIRS, LEAST_GRADE = 4_000, 200, 25, 7
"""As published; the first two in characters."""

CONTINUE = Options(max_tokens=60, temperature=0.3, stop=("\n\n", "\nPassage:", "\nQuestion:"))
CHAT = Options(max_tokens=2_000, temperature=0.7)
QUESTION = Options(max_tokens=40, temperature=0.0, stop=("\n",))
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
        order: what is written first. "answer first" asks once about each span of a passage, the surest kinds first,
            until there are enough pairs or no more spans. For "continue".
        style: how the teacher is asked.
        openings: first words of questions, one of which is drawn for each pair, such as :data:`OPENINGS`; by default
            none is given. For "continue", and questions that are written first.
        most: words of an answer; a span is short.
        threshold: of ROUGE-L F, from which a question is too much like one that was kept.
        margin: nats by which the passage must make the answer likelier; None leaves the step out, as it must for a
            teacher that cannot score.
        agreement: least F, by words in any order, of the answer with what the teacher answers when asked again; 0
            leaves the step out.
        lead: of an answer that was chosen first, in place of the agreement: nats by which the question must make it
            likelier, log p(span | passage, question) - log p(span | passage), than each other span of the passage.
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
    order: Order = "question first"
    style: Style = "continue"
    openings: tuple[str, ...] = ("",)
    most: int = 12
    threshold: float = 0.7
    margin: float | None = 1.0
    agreement: float = 0.5
    lead: float = 0.5
    grade: int = 0
    options: Options | None = None

    def __post_init__(self) -> None:
        whole("chunk", self.chunk, least=1)
        whole("overlap", self.overlap, least=0, most=self.chunk // 2)
        for name in ("least", "pairs", "most"):
            whole(name, getattr(self, name), least=1)
        if self.passages is not None:
            whole("passages", self.passages, least=1)
        one_of("order", self.order, get_args(Order))
        one_of("style", self.style, get_args(Style))
        number("threshold", self.threshold, above=0)
        if self.margin is not None:
            number("margin", self.margin)
        number("agreement", self.agreement, least=0, most=1)
        number("lead", self.lead)
        whole("grade", self.grade, least=0, most=10)
        object.__setattr__(self, "openings", several("openings", self.openings) or ("",))
        if self.order == "answer first" and (self.style != "continue" or any(self.openings)):
            raise ValueError("order='answer first' is for style='continue' without openings: the span decides them")
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
        return self.margin is not None or (self.order == "answer first" and self.agreement > 0)

    @property
    def stages(self) -> Mapping[str, Sequence[Stage]]:
        """What judges each kind."""
        span = functools.partial(filters.word_count, field="answer", least=1, most=self.most)
        new = Novel(("question",), field="question", threshold=self.threshold)
        asked: tuple[Stage, ...] = (question_form, span, grounded, given_away, copied, new)
        if self.order == "answer first":
            asked = (question_form, span, grounded, given_away, clear, copied, new)
        judges: dict[str, Sequence[Stage]] = {"question": asked}
        if self.margin is not None:
            judges["blind"] = (functools.partial(answerable, margin=self.margin),)
        if self.agreement:
            agrees = functools.partial(round_trip, agreement=self.agreement)
            leads = functools.partial(chosen, lead=self.lead)
            judges["again"] = (leads if self.order == "answer first" else agrees,)
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
        if self.order == "answer first":
            answers = [(passage, _drawn(passage, random)[: self.pairs]) for passage in passages]
            for turn in range(max(len(found) for _, found in answers)):
                yield [self.ask_for(found[turn], passage) for passage, found in answers if turn < len(found)]
        else:
            for _ in range(self.pairs if self.style == "continue" else 1):
                yield [self.ask(passage, random) for passage in passages]
        kept = list(pool.of("question"))
        if self.margin is not None:
            yield [self.informed(question, pool) for question in kept]
            yield [self.blind(score) for score in list(pool.of("informed"))]
            kept = _survivors(pool, "blind")
        if self.agreement and self.order == "answer first":
            yield [self.prior(pool.get(id)) for id in dict.fromkeys(question.parents[0] for question in kept)]
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

    def ask_for(self, span: Span, passage: Record) -> Request:
        """Ask for the question that a span answers."""
        known = {"document": passage["document"], "answer": span.text}
        shown = "".join(f"{_before(*one)} {question}\n\n" for *one, question in ANSWERED)
        prompt = f"{shown}{_before(_line(passage['passage']), span.sentence, span.text)} {span.opening}"
        read = functools.partial(_read_question, opening=span.opening)
        return Request(prompt, "question", known, [passage.id], self.options or QUESTION, read)

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

    def prior(self, passage: Record) -> Score:
        """Ask how likely each span of a passage is for who has read it and is asked nothing in particular."""
        prompt = f"{_few(with_passage=True)}Passage: {_line(passage['passage'])}\nQuestion: {_NOTHING}\nAnswer:"
        answers = [f" {span.text}" for span in spans(passage["passage"])]
        return Score(prompt, answers, "prior", parents=[passage.id], read=_prior)

    def again(self, question: Record, pool: Pool) -> Request | Score:
        """Ask the question, with the passage: for an answer, or which span is the answer."""
        passage = _passage(question, pool)["passage"]
        prompt: str | list[Message] = f"{_few(with_passage=True)}Passage: {_line(passage)}\n{_asked(question)}"
        if self.order == "answer first":
            texts = [span.text for span in spans(passage)]
            prior = pool.children(question.parents[0], "prior")[0]["prior"]
            read = functools.partial(_chosen, texts=texts, prior=prior, answer=question["answer"])
            return Score(prompt, [f" {text}" for text in texts], "again", _known(question), [question.id], read)
        if self.style == "chat":
            prompt = [{"role": "user", "content": _AGAIN.format(passage=passage, question=question["question"])}]
        return Request(prompt, "again", _known(question), [question.id], AGAIN, _read_again, whole=False)

    def judge(self, question: Record, pool: Pool) -> Request:
        """Ask for a grade."""
        text = _GRADE.format(passage=_passage(question, pool)["passage"], **_known(question))
        chat: list[Message] = [{"role": "user", "content": text}]
        return Request(chat, "grade", _known(question), [question.id], GRADE, read_grade, whole=False)


_NOTHING = "What does the passage say?"
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


def _before(passage: str, sentence: str, answer: str) -> str:
    """Return what stands before a question that an answer is given for."""
    return f"Passage: {passage}\nSentence: {sentence}\nAnswer: {answer}\nQuestion:"


def _drawn(passage: Record, random: np.random.Generator) -> list[Span]:
    """Return the spans of a passage in an order that is drawn, numbers and times first.

    SmolLM2 wrote a right question for 14 of 28 of those, and for 11 of 46 others, about the passages of
    ``benchmarks/distill_knowledge.py`` that are there to develop with; about other passages it wrote 2 of 16.
    """
    found = spans(passage["passage"])
    drawn = [found[int(place)] for place in random.permutation(len(found))]
    return sorted(drawn, key=lambda span: not span.opening.startswith(("How", "When")))


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


def _read_question(completion: Completion, *, opening: str) -> dict[str, str]:
    return {"question": _line(f"{opening}{completion.text}")}


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


def _prior(log_probs: tuple[float, ...]) -> dict[str, list[float]]:
    return {"prior": list(log_probs)}


def _chosen(
    log_probs: tuple[float, ...], *, texts: Sequence[str], prior: Sequence[float], answer: str
) -> dict[str, str | float]:
    gains = {text: after - before for text, after, before in zip(texts, log_probs, prior, strict=True)}
    others = [gain for text, gain in gains.items() if text != answer]
    return {"again": max(gains, key=gains.__getitem__), "lead": gains[answer] - max(others, default=0.0)}


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


def clear(record: Record, pool: Pool) -> str | None:
    """Refuse a question that only somebody understands who reads the passage, or that tells what does not stand there.

    Those are questions with a pronoun for who or what they are about, with a name that the passage does not have, and
    without a word of the answer's sentence; words are compared by their first four letters, a plain way to stems.
    """
    question, passage = record["question"], _line(_passage(record, pool)["passage"])
    if found := re.search(r"\b(?:he|she|it|they|him|them|this|these|those)\b(?! takes?\b)", question):
        return f"the question does not say who or what {found[0]!r} is"
    for name in re.findall(r"(?<=\s)[A-Z][\w'’-]*\w", question):
        if name.removesuffix("'s").removesuffix("’s") not in passage:
            return f"the question names {name!r}, and the passage does not"
    sentence = next((span.sentence for span in spans(passage) if span.text == record["answer"]), passage)
    return None if _stems(question) & _stems(sentence) else "the question has no word of the answer's sentence"


def _stems(text: str) -> set[str]:
    return {word[:4] for word in words(text) if word not in STOP_WORDS | {"did", "does"}}


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


def chosen(record: Record, pool: Pool, *, lead: float) -> str | None:
    """Refuse an answer whose lead over the other spans of the passage, when the teacher is asked again, is smaller."""
    if record["lead"] >= lead:
        return None
    return f"asked again, the teacher gives it a lead of {record['lead']:.1f} nats, fewer than {lead:g}"


def word_f(first: str, second: str) -> float:
    """Return F of the words that two texts share, in any order, in [0, 1]; articles do not count.

    Rajpurkar et al., *SQuAD: 100,000+ Questions for Machine Comprehension of Text* (2016), section 6.1.
    """
    a, b = ([word for word in words(text) if word not in ("a", "an", "the")] for text in (first, second))
    if not a or not b:
        return float(a == b)
    shared = sum(min(a.count(word), b.count(word)) for word in set(a))
    return 2 * shared / (len(a) + len(b))


# Spans.


@dataclass(frozen=True)
class Span:
    """A part of a passage that may be an answer.

    Attributes:
        text: word for word.
        opening: how a question begins that it answers.
        sentence: that it stands in.
    """

    text: str
    opening: str
    sentence: str


_OPENING_OF_UNIT = {
    unit: opening
    for opening, units in {
        "How long": "second minute hour day night week month year century",
        "How": "metre meter kilometre kilometer centimetre mile inch kilogram kilo gram tonne ton litre degree",
        "How much": "euro dollar pound crown cent percent",
    }.items()
    for one in units.split()
    for unit in (one, f"{one}s", f"{one[:-1]}ies")
}
_DETERMINERS = frozenset(words("the a an his her its their our my your"))
_NO_NOUNS = STOP_WORDS | _DETERMINERS
_WORD = r"[a-z][a-z'’-]*"
_NAME = r"[A-Z][\w'’-]*(?: (?:of |the )?[A-Z][\w'’-]*)*"
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Dr|Professor|Captain|Queen|King|Sir|Lady|Saint|President)\.?"
_PLACE = r"(?:in|at|on|near|from|into|to|through|between|behind|under|over|beside|across|along|around)"
_NUMBER = (
    r"(?:\d+(?:[.,]\d+)*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|(?:a )?hundred|(?:a )?thousand)"
)
_PART_OF_TIME = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|spring|summer|autumn|winter|noon|midnight|dawn|dusk|"
    r"morning|afternoon|evening|night)"
)
_TIME = "|".join(
    (
        rf"\b(?:in|on|at|since|until|before|after|every|by) (?:the )?(?:(?:early|late) )?(?:\d\d?(?:st|nd|rd|th)? )?"
        rf"{_PART_OF_TIME}(?: (?:of )?\d{{4}})?\b",
        r"\b(?:in|since|until|before|after|by|from) (?:the year )?(?:1\d|20)\d\d\b(?! [a-z]+s\b)",  # no 1,500 sheep
        rf"\bat {_NUMBER}(?: o'clock| in the (?:morning|afternoon|evening)|(?=[.,;]))",
    )
)


def spans(passage: str) -> list[Span]:
    """Return what may be an answer to a question about a passage, by a plain rule for English, sentence by sentence.

    Reasons, quoted titles, times, numbers with what they count, names, and nouns after "by", a preposition of place,
    or "a": each with the first words of its question. Where two overlap, the one of the earlier kind is taken.
    """
    found: dict[str, Span] = {}
    for sentence in _sentences(_line(passage)):
        taken: list[tuple[int, int]] = []
        for opening, start, end in _parts(sentence):
            if all(end <= other or start >= last for other, last in taken):
                taken.append((start, end))
                text = sentence[start:end]
                found.setdefault(text.casefold(), Span(text, opening, sentence))
    return list(found.values())


def _parts(sentence: str) -> Iterator[tuple[str, int, int]]:
    """Yield the opening of a question, and where its answer begins and ends; the surest first."""
    for found in re.finditer(r"\bbecause\b[^.;!?]*", sentence):
        yield "Why", *found.span()
    for found in re.finditer(r"[\"“]([^\"”]{2,60})[\"”]", sentence):
        yield "What", *found.span(1)
    for found in re.finditer(_TIME, sentence):
        yield "When", *found.span()
    for found in re.finditer(rf"\b{_NUMBER}\b(?= ({_WORD})(?: ({_WORD}))?)", sentence, re.IGNORECASE):
        yield from _counted(found)
    for found in re.finditer(rf"\b(?:{_TITLE} )?{_NAME}", sentence):
        yield from _named(sentence, found)
    for mark, opening, most in ((r"\bby ()", "Who", 3), (rf"\b({_PLACE}) ", "Where", 4), (r"\b(an?) ", "What", 3)):
        for found in re.finditer(mark, sentence):
            end = found.end() + _noun(sentence[found.end() :], most)
            if end > found.end() and not re.match(" [A-Z]", sentence[end:]):  # no "by the smith" of "by the smith Jon"
                yield opening, found.start(1), end


def _counted(number: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield a number with what it counts: one noun in the plural, or another word and one."""
    first, second = number[1], number[2] or ""
    if first in _NO_NOUNS:
        return
    noun = first
    if first not in _OPENING_OF_UNIT and second.endswith("s") and second not in _NO_NOUNS:
        noun = f"{first} {second}"
    if noun.endswith("s") or first in _OPENING_OF_UNIT or first in ("children", "people", "men", "women", "sheep"):
        yield _OPENING_OF_UNIT.get(first, f"How many {noun}"), number.start(), number.end() + 1 + len(noun)


def _named(sentence: str, name: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield a name: of somebody, of a place with its preposition, or of something."""
    start, end = name.span()
    before = sentence[:start].split()
    alone = " " not in name[0]
    if not before and (alone or name[0].split()[0].lower() in _NO_NOUNS):
        return  # the capital is that of the sentence
    last = before[-1] if before else ""
    if re.fullmatch(_PLACE, last) and not re.match(rf"{_TITLE} ", name[0]):
        yield "Where", start - len(last) - 1, end
    elif re.match(rf"{_TITLE} ", name[0]) or last in ("", "by", "after") or (last.islower() and last not in _NO_NOUNS):
        yield "Who", start, end
    else:
        yield "What", start, end


def _noun(text: str, most: int) -> int:
    """Return the length of the noun, with what belongs to it, at the beginning of a text; 0 if there is none."""
    found = re.match(rf"{_WORD}(?: {_WORD})*", text)
    taken: list[str] = []
    for word in found[0].split()[:most] if found else []:
        if word in _NO_NOUNS and (taken or word not in _DETERMINERS):
            break
        taken.append(word)
    return len(" ".join(taken)) if set(taken) - _DETERMINERS else 0


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<!\bMr\.)(?<!\bDr\.)(?<!\bMrs\.)(?<=[.!?])\s+", text) if part]


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
