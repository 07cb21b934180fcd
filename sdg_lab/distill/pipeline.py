r"""The pipeline: a recipe proposes, a teacher writes, stages refuse or let pass, and a journal remembers.

A recipe is a generator. It looks at the pool of what was kept so far and yields a round of requests; when all of them
are answered and judged it goes on, and sees what was kept. A stage is a function of a record and the pool that returns
why the record is refused, or None::

    def rounds(pool, random):
        while len(pool.of("task")) < 20:
            shown = "\n".join(record["task"] for record in pool.of("task")[-3:])
            yield [Request(f"{shown}\n", kind="task", read=lambda c: {"task": c.text}) for _ in range(8)]

    def short(record, pool):
        return "fewer than 3 words" if len(record["task"].split()) < 3 else None

    result = run(rounds, teacher, stages=[short], folder="tasks")
    print(result.funnel)

A stage remembers nothing but through the pool: what it has judged before a restart it is not shown again.

Everything that is random follows from the run's seed: a request's seed from its number, the recipe's draws from the
generator that it is given. Requests are answered side by side, and judged and written in the order in which they were
proposed. So a run that was killed and is started again proposes the same, takes what the journal holds, asks for the
rest, and ends in the same bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sdg_lab.checks import whole
from sdg_lab.distill import export
from sdg_lab.distill.budget import Account, Budget
from sdg_lab.distill.card import FIRST_LINES, card
from sdg_lab.distill.contamination import contamination
from sdg_lab.distill.description import describe, name_of
from sdg_lab.distill.funnel import Funnel
from sdg_lab.distill.journal import Answered, Journal
from sdg_lab.distill.records import Fields, Pool, Record, well_formed
from sdg_lab.distill.teacher import Counting, Options, Prompt, Teacher, UnansweredError, as_text
from sdg_lab.files import replace_atomically
from sdg_lab.models.completion import Completion

JOURNAL, CARD = "journal.jsonl", "README.md"
SPENT = "the budget holds no further request"

READ, REPEATED, TEACHER = "read", "repeated", "teacher"
"""Stages that every run has: the answer could not be read; the record was there already; nobody answered."""

Reading = Fields | Sequence[Fields] | None
Stage = Callable[[Record, Pool], str | None]
"""Says why a record is refused, or None."""

Stages = Mapping[str, Sequence[Stage]]
"""Of each kind of records, in their order; ``"*"`` are those of all other kinds."""


def as_it_is(completion: Completion) -> Reading:
    """Read an answer as one item, whose field ``text`` is what the teacher wrote."""
    return {"text": completion.text.strip()}


def as_log_probs(log_probs: tuple[float, ...]) -> Reading:
    """Read the score of answers as one item, whose field ``log_probs`` has a number for each answer, in nats."""
    return {"log_probs": list(log_probs)}


@dataclass(frozen=True)
class Request:
    """A prompt to be continued, or a chat to be answered.

    Attributes:
        prompt: see :data:`~sdg_lab.distill.teacher.Prompt`.
        kind: of the records that come of it.
        fields: what is known already; the record has them too.
        parents: ids of the records that the prompt was made from.
        options: how the teacher writes.
        read: makes the record's fields of the answer, or several records' fields; None or an empty list if it cannot
            be read, or a ValueError that says why.
        whole: whether an answer that ``max_tokens`` or the context cut off is refused.
    """

    prompt: Prompt
    kind: str = "item"
    fields: Fields = field(default_factory=dict)
    parents: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    read: Callable[[Completion], Reading] = as_it_is
    whole: bool = True


@dataclass(frozen=True)
class Score:
    """Answers whose log-probability after a prompt is asked for.

    Attributes:
        prompt, kind, fields, parents: as of :class:`Request`.
        answers: at least one.
        read: makes the record's fields of the log-probabilities, one for each answer, in nats.
    """

    prompt: Prompt
    answers: Sequence[str]
    kind: str = "score"
    fields: Fields = field(default_factory=dict)
    parents: Sequence[str] = ()
    read: Callable[[tuple[float, ...]], Reading] = as_log_probs

    def __post_init__(self) -> None:
        if not self.answers:
            raise ValueError("a Score needs at least one answer")


Proposal = Request | Score | Record
"""A record is proposed as it is, such as a task that a person wrote: nobody is asked, and the stages judge it."""

Rounds = Callable[[Pool, np.random.Generator], Iterable[Sequence[Proposal]]]


@runtime_checkable
class Recipe(Protocol):
    """A published method. Implementations are frozen dataclasses, whose fields are the method's parameters.

    Its docstring says which paper it follows, and each step where it is smaller.
    """

    @property
    def stages(self) -> Stages:
        """What judges the records of each kind, in order."""

    @property
    def result(self) -> Sequence[str]:
        """The kinds of records that the data set is made of, the most important first."""

    def rounds(self, pool: Pool, random: np.random.Generator) -> Iterable[Sequence[Proposal]]:
        """Yield rounds of proposals; see :mod:`sdg_lab.distill.pipeline`."""


@dataclass(repr=False)
class Result:
    """What a run made.

    Attributes:
        pool: the kept records, in their order.
        funnel: what fell where, and why.
        spent: requests and tokens, those of earlier starts included.
        stopped: why the run ended before its recipe did; empty if it did not.
        run: its description.
        result: the kinds of records that the data set is made of; all, unless the recipe names them.
        folder: where the journal is; None if there is none.
        failures: how often the teacher failed in which way since it was made, retried failures included.
    """

    pool: Pool
    funnel: Funnel
    spent: Account
    stopped: str
    run: Mapping[str, Any]
    result: Sequence[str]
    folder: Path | None = None
    failures: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"Result({self.funnel.kept:,} of {self.funnel.proposed:,} kept, {self.spent}{stopped})"

    def _repr_html_(self) -> str:
        return self.funnel._repr_html_()

    def save(self, folder: str | Path | None = None, *, against: Sequence[str] = (), n: int = 13) -> Path:
        """Write the data set and its card; return the folder, which ``datasets.load_dataset`` takes.

        It holds ``README.md``, the card, and ``data/KIND.parquet`` for each kind of records in the data set.

        Args:
            folder: where; by default beside the journal.
            against: test texts that the data set is compared with; see
                :func:`~sdg_lab.distill.contamination.contamination`.
            n: words in a row that count as shared with one of them.

        Raises:
            ValueError: if there is neither a folder nor a journal.
        """
        folder = folder or self.folder
        if folder is None:
            raise ValueError("this run has no folder; name one: save(folder)")
        there = {kind: self.pool.of(kind) for kind in self.result if self.pool.of(kind)}
        files = {kind: f"data/{kind}.parquet" for kind in there}
        rows = {kind: export.write(there[kind], Path(folder) / files[kind]) for kind in there}
        chosen = [record for records in there.values() for record in records]
        found = contamination(chosen, against, n=n) if against else None
        text = card(
            files, rows, run=self.run, funnel=self.funnel, spent=self.spent, stopped=self.stopped, contamination=found
        )
        with replace_atomically(Path(folder) / CARD) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
        return Path(folder)


class EmptyError(ValueError):
    """A run that kept nothing; its message says which stage took the most.

    Attributes:
        funnel: what fell where, and why.
        stopped: why the run ended before its recipe did; empty if it did not.
    """

    def __init__(self, message: str, funnel: Funnel, stopped: str = "") -> None:
        super().__init__(message)
        self.funnel, self.stopped = funnel, stopped


class SilentError(RuntimeError):
    """A teacher that answered none of several requests in a row."""


def run(
    recipe: Recipe | Rounds,
    teacher: Teacher,
    *,
    stages: Sequence[Stage] | Stages | None = None,
    folder: str | Path | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    patience: int = 10,
    fruitless: int = 20,
    progress: bool = True,
) -> Result:
    """Run a recipe to its end, or go on where a run of the same description stopped.

    Args:
        recipe: proposes rounds; see the module's text.
        teacher: is asked.
        stages: judge each record in this order; or those of each kind, ``"*"`` for all others. By default the recipe's.
        folder: keeps the journal; None keeps nothing.
        seed: of all that is random.
        budget: what may be spent; when the next request might exceed it, the run ends and says so.
        patience: the run stops when so many requests in a row got no answer, however often each was tried.
        fruitless: the run ends when so many rounds in a row kept nothing.
        progress: show a bar with the yield.

    Raises:
        EmptyError: if the run ended and nothing that was asked for was kept.
        SilentError: if ``patience`` requests in a row got no answer; they are asked again when the run goes on.
        ValueError: if the folder holds the journal of another run, or the recipe proposes something else than it did.
        RuntimeError: if another process writes into the folder.
    """
    whole("seed", seed, least=0, most=2**63 - 1)
    whole("patience", patience, least=1)
    whole("fruitless", fruitless, least=1)
    judges = _by_kind(recipe, stages)
    check_teacher(recipe, teacher)
    if folder is not None:
        check_folder(folder)
    description = {
        "recipe": describe(recipe),
        "stages": {kind: [describe(stage) for stage in several] for kind, several in judges.items()},
        "seed": seed,
        "teacher": {"name": teacher.name, "licence": teacher.licence, "terms": teacher.terms},
    }
    with ExitStack() as stack:
        journal = None if folder is None else stack.enter_context(Journal(Path(folder) / JOURNAL, description))
        bar = stack.enter_context(_bar(progress))
        work = _Work(teacher, judges, seed, journal, Account(budget or Budget()), patience, bar)
        propose = recipe.rounds if isinstance(recipe, Recipe) else recipe
        stopped = work.all(propose(work.pool, np.random.default_rng([seed, 0])), fruitless)
    place = None if folder is None else Path(folder)
    made = result(recipe, work.pool, work.funnel, work.account, stopped, description, place)
    made.failures = dict(getattr(teacher, "failures", {}))
    return made


def result(
    recipe: Recipe | Rounds,
    pool: Pool,
    funnel: Funnel,
    spent: Account,
    stopped: str,
    run: Mapping[str, Any],
    folder: Path | None,
) -> Result:
    """Return what a run made; arguments as of :class:`Result`.

    Raises:
        EmptyError: if nothing that was asked for was kept.
    """
    wanted = recipe.result if isinstance(recipe, Recipe) else ()
    if not any(record.kind in wanted if wanted else record.teacher for record in pool):
        why = f" ({stopped})" if stopped else ""
        if SPENT in stopped and not (spent.requests and (not wanted or any(kind in funnel.kinds for kind in wanted))):
            there = " and ".join(f"{kind.proposed:,} of kind {name!r}" for name, kind in funnel.kinds.items())
            when = f"after {there}" if spent.requests else "before the first request"
            fell = f": {funnel.verdict()}" if funnel.kept < funnel.proposed else ""
            raise EmptyError(f"no finished record yet: the budget was spent {when}{why}{fell}", funnel, stopped)
        raise EmptyError(f"the run kept nothing{why}: {funnel.verdict()}", funnel, stopped)
    kinds = tuple(wanted) or tuple(dict.fromkeys(record.kind for record in pool))
    return Result(pool, funnel, spent, stopped, run, kinds, folder)


_Call = list[tuple[int, Proposal]]
"""Proposals that are asked for together, with their numbers."""

_Answer = Completion | tuple[float, ...] | UnansweredError | None


class _Work:
    """A run under way."""

    def __init__(
        self,
        teacher: Teacher,
        stages: Stages,
        seed: int,
        journal: Journal | None,
        account: Account,
        patience: int,
        bar: Any,
    ) -> None:
        self.teacher, self.stages, self.seed, self.journal = teacher, stages, seed, journal
        self.account, self.patience, self.bar = account, patience, bar
        self.pool = Pool()
        self.funnel = new_funnel(stages)
        self.number = 0
        self.replayed = journal.answered if journal else 0
        self._old = journal.replay() if journal else iter(())
        self._unanswered: list[tuple[Answered, UnansweredError]] = []

    def all(self, rounds: Iterable[Sequence[Proposal]], fruitless: int) -> str:
        """Do all rounds; return why not, if the run ends before the recipe does."""
        in_vain = 0
        for proposals in rounds:
            kept = len(self.pool)
            if stopped := self.round(_round(proposals)):
                return stopped
            in_vain = in_vain + 1 if len(self.pool) == kept else 0
            if in_vain == fruitless:
                return f"{fruitless} rounds in a row kept nothing"
        self._write_unanswered()
        return ""

    def round(self, proposals: Sequence[Proposal]) -> str:
        """Have a round answered and judged, and say why if the budget ends it; what the journal holds is not asked."""
        first = self.number
        self.number += len(proposals)
        for number in range(first, min(self.replayed, self.number)):
            self._replay(number, proposals[number - first])
        # A call that was half written is made again as a whole: what a model computes for a row may depend in its last
        # digits on how many rows there are.
        waiting = deque(c for c in _calls(proposals, first, self.teacher.batch) if c[-1][0] >= self.replayed)
        parallel = self.teacher.concurrency
        under_way: deque[tuple[_Call, Callable[[], list[_Answer]]]] = deque()
        threads = ThreadPoolExecutor(parallel, thread_name_prefix="teacher") if parallel > 1 else None
        spent, wanted = False, ""
        try:
            while waiting and not spent:
                call = waiting.popleft()
                needs = [_needs(self.teacher, p) for _, p in call if not isinstance(p, Record)]
                while under_way and (
                    len(under_way) >= (2 * parallel if threads else 1) or not self.account.fits(needs)
                ):
                    self._settle(*under_way.popleft())
                affordable = self._begin(call, needs)
                if affordable:
                    ask = functools.partial(_ask, self.teacher, affordable, self.seed)
                    under_way.append((affordable, threads.submit(ask).result if threads else ask))
                if rest := call[len(affordable) :]:
                    waiting.appendleft(rest)
                    spent = not affordable
                    wanted = self.account.wants(needs[len(affordable)])
            while under_way:
                self._settle(*under_way.popleft())
        except BaseException:
            if threads and hasattr(self.teacher, "stop"):
                self.teacher.stop()
            raise
        finally:
            if threads:
                threads.shutdown(cancel_futures=True)
        return f"{SPENT}{f': {wanted}' if wanted else ''}; spent: {self.account}" if spent else ""

    def _replay(self, number: int, proposal: Proposal) -> None:
        """Take from the journal what came of a proposal."""
        answered = next(self._old)
        record = answered.records[0]
        if isinstance(proposal, Record):
            there, here = record.id, proposal.id
        else:
            there, here = f"{record.seed} {record.prompt}", f"{seed_of(self.seed, number)} {_prompt(proposal)}"
            self.account.book(answered.tokens)
        if there != here:
            raise ValueError(
                f"request {number} is {here[:200]!r}, and the journal holds {there[:200]!r}: the recipe has changed, "
                "or draws from something else than the generator that it is given; choose another folder"
            )
        for record in answered.records:
            if record.kept:
                self.pool.add(record)
        self._count(answered)

    def _begin(self, call: _Call, needs: Sequence[int]) -> _Call:
        """Set aside what a call may need; return as much of the call as there is budget for."""
        for length in range(len(call), 0, -1):
            if self.account.fits(needs[:length]):  # a call of records needs nothing
                self.account.begin(needs[:length])
                return call[:length]
        return []

    def _settle(self, call: _Call, answers: Callable[[], list[_Answer]]) -> None:
        """Judge and write what came of a call."""
        for (number, proposal), answer in zip(call, answers(), strict=True):
            tokens = answer.tokens + answer.prompt_tokens if isinstance(answer, Completion) else 0
            if isinstance(proposal, Score) and isinstance(answer, tuple):
                tokens = _needs(self.teacher, proposal)
            again = number < self.replayed
            if not isinstance(proposal, Record):
                self.account.end(tokens, again=again)
            if again:
                continue
            records = [judged(record, self.pool, self.stages) for record in self._records(number, proposal, answer)]
            answered = Answered(number, records, tokens)
            if isinstance(answer, UnansweredError) and not answer.refused:
                self._unanswered.append((answered, answer))
                if len(self._unanswered) >= self.patience:
                    raise self._silent()
            else:
                self._write_unanswered()
                self._write(answered)

    def _records(self, number: int, proposal: Proposal, answer: _Answer) -> list[Record]:
        """Return the records that came of a proposal, at least one."""
        if isinstance(proposal, Record):
            return [proposal]
        new = functools.partial(
            Record.new,
            proposal.kind,
            parents=proposal.parents,
            prompt=_prompt(proposal),
            seed=seed_of(self.seed, number),
            teacher=self.teacher.name,
        )
        known = dict(proposal.fields)
        if isinstance(answer, UnansweredError):
            return [new(known).refused(TEACHER, answer.reason)]
        if isinstance(proposal, Score):
            assert isinstance(answer, tuple)
            raw: Fields = {**known, "log_probs": list(answer)}
            read: Callable[[], Reading] = functools.partial(proposal.read, answer)
        else:
            assert isinstance(answer, Completion)
            raw = {**known, "text": answer.text}
            read = functools.partial(proposal.read, answer)
            if proposal.whole and answer.reason in _CUT:
                return [new(raw).refused(READ, _CUT[answer.reason])]
        try:
            found = read()
            items = [found] if isinstance(found, Mapping) else list(found or ())
            records = [new({**known, **fields}) for fields in items]
        except (ValueError, LookupError, RecursionError) as error:
            return [new(raw).refused(READ, str(error) or type(error).__name__)]
        return records or [new(raw).refused(READ, "nothing in it could be read")]

    def _write_unanswered(self) -> None:
        """Refuse for good what got no answer: others after it did, or nothing is left to ask."""
        for answered, _ in self._unanswered:
            self._write(answered)
        self._unanswered = []

    def _write(self, answered: Answered) -> None:
        if self.journal:
            self.journal.write([answered])
        self._count(answered)

    def _count(self, answered: Answered) -> None:
        for record in answered.records:
            self.funnel.add(record)
        if self.bar is not None:
            self.bar.set_postfix_str(f"kept {self.funnel.kept:,} of {self.funnel.proposed:,}", refresh=False)
            self.bar.update()

    def _silent(self) -> SilentError:
        reasons = Counter(error.reason for _, error in self._unanswered).most_common(3)
        said = ", ".join(f"{reason} ({count}×)" for reason, count in reasons)
        remedy = self._unanswered[-1][1].remedy
        return SilentError(
            f"{len(self._unanswered)} requests in a row got no answer from {self.teacher.name}: {said}; "
            f"{remedy + '; ' if remedy else ''}nothing is lost: the same call goes on here"
        )


def check_teacher(recipe: object, teacher: Teacher) -> None:
    """Refuse, before anything is spent, a teacher that cannot do what a recipe says that it will ask.

    Raises:
        ValueError: if the recipe has ``scores``, and the teacher cannot score answers.
    """
    if getattr(recipe, "scores", False) and not teacher.can_score:
        ways = " or ".join(f"{name}: {json.dumps(value)}" for name, value in _without_scores(recipe))
        remedy = f"the recipe's parameter {ways} leaves that step out" if ways else "it cannot leave that step out"
        raise ValueError(
            f"{name_of(recipe)} asks for log-probabilities of answers, and {teacher.name} gives none: {remedy}; a "
            "model on this computer (teacher: local) gives them"
        )


def _without_scores(recipe: object) -> Iterator[tuple[str, Any]]:
    """Yield each parameter, with a value, by which a recipe would score nothing."""
    own: Any = recipe
    names = {f.name for f in dataclasses.fields(own)} if dataclasses.is_dataclass(recipe) else set()
    for name, value in {"style": "chat", "margin": None, "judge": False, "instances": 0}.items():
        with suppress(ValueError):  # not every recipe takes it: a margin of None, say
            if name in names and not dataclasses.replace(own, **{name: value}).scores:
                yield name, value


def check_folder(folder: str | Path) -> None:
    """Refuse a folder whose README.md, where the card will stand, is somebody else's, and one without a name.

    Raises:
        ValueError: if it is.
    """
    if not str(folder):
        raise ValueError("folder is empty; name one, or give '.' for the folder that you are in")
    there = Path(folder) / CARD
    if there.exists() and not there.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINES):
        raise ValueError(f"{there} is there already, and it is no data card; choose another folder")


def judged(record: Record, pool: Pool, stages: Stages) -> Record:
    """Return a record as the stages of its kind leave it; one that is kept stands in the pool at once.

    Raises:
        TypeError: if a stage returns neither a reason nor None.
    """
    if not record.kept:
        return record
    if pool.has(record.id):
        return record.refused(REPEATED, "the same record was kept before")
    for stage in stages.get(record.kind, stages.get("*", ())):
        try:
            reason = stage(record, pool)
        except Exception as error:
            error.add_note(f"in the stage {name_of(stage)!r}, which judged {record!r}")
            raise
        if reason is not None and (not isinstance(reason, str) or not reason):
            raise TypeError(
                f"the stage {name_of(stage)!r} must return why it refuses a record, or None, got {reason!r}"
            )
        if reason is not None:
            return record.refused(name_of(stage), reason)
    pool.add(record)
    return record


def new_funnel(stages: Stages) -> Funnel:
    """Return an empty funnel with the pipeline's own stages and these."""
    return Funnel({kind: [TEACHER, READ, REPEATED, *map(name_of, stages[kind])] for kind in stages})


_CUT = {"length": "cut off by max_tokens", "context": "cut off where the context was full"}


def seed_of(seed: int, number: int) -> int:
    """Return the seed of a request of a run: below 2³¹, which every service takes."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4]) >> 1


def _by_kind(recipe: Recipe | Rounds, stages: Sequence[Stage] | Stages | None) -> Stages:
    if stages is None:
        stages = recipe.stages if isinstance(recipe, Recipe) else ()
    judges = dict(stages) if isinstance(stages, Mapping) else {"*": tuple(stages)}
    for kind, several in judges.items():
        twice = [name for name, count in Counter(map(name_of, several)).items() if count > 1]
        if twice:
            raise ValueError(f"two stages of kind {kind!r} are called {twice[0]!r}; give them names of their own")
    return judges


def _round(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return a round as a list, or refuse what is none."""
    if isinstance(proposals, (Request, Score, Record)):
        raise TypeError(f"a round is a list of proposals, got one {type(proposals).__name__}; yield [it]")
    for proposal in (proposals := list(proposals)):
        if not isinstance(proposal, (Request, Score, Record)):
            raise TypeError(f"a recipe proposes Request, Score or Record, got {proposal!r}")
    return proposals


def _calls(proposals: Sequence[Proposal], first: int, batch: int) -> Iterator[_Call]:
    """Yield the proposals of a round in calls: those of one kind of question and the same options side by side."""
    call: _Call = []
    for number, proposal in enumerate(proposals, first):
        if call and (len(call) == batch or not _together(call[0][1], proposal)):
            yield call
            call = []
        call.append((number, proposal))
    if call:
        yield call


def _together(one: Proposal, other: Proposal) -> bool:
    if isinstance(one, Request) and isinstance(other, Request):
        return one.options == other.options
    return type(one) is type(other)


def _needs(teacher: Teacher, proposal: Request | Score) -> int:
    """Return the most tokens that a request may take, and exactly those that a score takes.

    Where the teacher cannot count, no token is shorter than a byte, and a chat has its marks; a score counts nothing.
    """
    if isinstance(proposal, Score):
        if not isinstance(teacher, Counting):
            return 0
        return sum(teacher.tokens(proposal.prompt, answer) for answer in proposal.answers)
    if isinstance(teacher, Counting):
        return teacher.tokens(proposal.prompt) + proposal.options.max_tokens
    marks = 0 if isinstance(proposal.prompt, str) else 32 * (1 + len(proposal.prompt))
    return len(_prompt(proposal).encode(errors="replace")) + marks + proposal.options.max_tokens


def _prompt(proposal: Request | Score) -> str:
    return well_formed(as_text(proposal.prompt))


def _ask(teacher: Teacher, call: _Call, seed: int) -> list[_Answer]:
    """Ask for the proposals of one call; what could not be answered comes back as the error that says why."""
    first = call[0][1]
    asked = [proposal for _, proposal in call]
    try:
        if isinstance(first, Request):
            seeds = [seed_of(seed, number) for number, _ in call]
            prompts = [proposal.prompt for proposal in asked if isinstance(proposal, Request)]
            return list(teacher.generate(prompts, seeds=seeds, options=first.options))
        if isinstance(first, Score):
            return _scores(teacher, [proposal for proposal in asked if isinstance(proposal, Score)])
    except UnansweredError as error:
        if len(call) == 1:
            return [error]
        return [answer for one in call for answer in _ask(teacher, [one], seed)]  # the others shall not suffer
    return [None] * len(call)


def _scores(teacher: Teacher, proposals: Sequence[Score]) -> list[_Answer]:
    prompts = [proposal.prompt for proposal in proposals for _ in proposal.answers]
    answers = [answer for proposal in proposals for answer in proposal.answers]
    scores = iter(teacher.log_prob(prompts, answers).tolist())
    return [tuple(next(scores) for _ in proposal.answers) for proposal in proposals]


def _bar(progress: bool) -> Any:
    if not progress:  # not a bar that is switched off: it makes a semaphore, which a killed worker cannot give back
        return nullcontext()
    from tqdm.auto import tqdm

    return tqdm(leave=False, unit="request", desc="distill")
