"""Find the record of each row of a list: by its ids in batches, else by its title; and notice links to other papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from papers.belief import believe
from papers.records import Record, carries, count_of, differs, title_of
from papers.service import Answer, Progress
from papers.sources import Client
from papers.table import Row

MANY = 20
"""So many papers are not all unknown, or all without a citation: then something is wrong with the service."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a row, and how."""

    answer: Answer | None
    """None if the row says nothing that could be asked."""
    asked: str | None = None
    """The id that was asked for; None if the title was looked for."""
    elsewhere: str | None = None
    """The title to which the row's own link leads, if that is not believed to be the row's paper."""
    unknown: str | None = None
    """An id of the row that the service does not know."""


def look_up(client: Client, rows: Sequence[Row], progress: Progress | None = None, text: str = "") -> list[Found]:
    """Return what is found for each row.

    A row is asked for by its badge's id, else its citation link's, else its own link's. Where that is unknown, or is an
    own link to another paper, the other ids of the row are asked for; and its title where these say no more. What is
    found by a title is not believed yet: see :func:`papers.belief.believe`.

    Args:
        client: whom to ask.
        rows: the rows of a list.
        progress: called with the number of papers answered and the number of all.
        text: the text in which the rows stand, which may name authors.
    """
    first = [_first_id(client, row) for row in rows]
    ids = list(dict.fromkeys(paper for paper in first if paper))
    titles = dict.fromkeys(row.title for row, paper in zip(rows, first, strict=True) if not paper and row.title)
    total = len(ids) + len(titles)
    called = {paper: row.title for row, paper in zip(rows, first, strict=True) if paper and row.title}
    tell = (lambda done, _: progress(done, total)) if progress else None
    answers = client.papers(ids, progress=tell, titles=called)
    answers |= _in_doubt({paper: answer for paper, answer in answers.items() if client.takes(paper)})
    stopped = _final(answers) is not None
    further = {
        other: row.title or ""
        for row, paper in zip(rows, first, strict=True)
        if paper and not stopped
        for other in _further_ids(row, paper, answers[paper], text)
        if other not in answers and client.takes(other)
    }
    if further:
        answers |= client.papers(further, titles=further)
    found = [_by_id(row, paper, answers, text) for row, paper in zip(rows, first, strict=True)]

    titles |= dict.fromkeys(
        row.title for row, one in zip(rows, found, strict=True) if row.title and _needs_title(row, one)
    )
    by_title: dict[str, Answer] = {}
    final = _final(answers)
    for number, title in enumerate(titles, len(ids) + 1):
        answer = Answer(failure=final.failure, final=True) if final else client.match(title)
        by_title[title], final = answer, answer if answer.final else None
        if progress:
            progress(number, max(number, total))
    return [_with_title(row, one, by_title) for row, one in zip(rows, found, strict=True)]


def _in_doubt(answers: dict[str, Answer]) -> dict[str, Answer]:
    """Turn answers into failures where all say the same that cannot be: no paper known, or no citation of any."""
    given = [answer for answer in answers.values() if not answer.failure]
    if len(given) < MANY or len(given) < len(answers):
        return answers
    counts = [count_of(answer.record) for answer in given if answer.record]
    if not counts:
        said = f"the service knows none of the {len(given)} ids; is it the right address?"
        return dict.fromkeys(answers, Answer(failure=said, final=True))
    if len(counts) == len(given) and not any(counts):
        said = f"the service counts no citation of any of the {len(given)} papers, which is no answer"
        return dict.fromkeys(answers, Answer(failure=said))
    return answers


def _first_id(client: Client, row: Row) -> str | None:
    """Return the id to ask for first: one that the service can be asked for. None if only the title can help."""
    own = [row.badge_id, row.link_id, *row.named]
    without = None if row.title and row.style != "live" else row.paper_id
    return next((paper for paper in own if paper and client.takes(paper)), without)


def _further_ids(row: Row, paper: str, answer: Answer, text: str) -> Iterator[str]:
    """Yield ids to ask for as well: the others if the first is no help; the own link's if it seems another paper's."""
    if answer.record is None:
        # A live badge shows what its own id has, whatever is known of the others.
        if not answer.failure and row.style != "live":
            yield from row.named
    elif not _counted(row) and _elsewhere(row, answer.record, text):
        yield from row.named
    elif row.url_id and row.url_id != paper and differs(answer.record, row.url_id):
        yield row.url_id


def _by_id(row: Row, paper: str | None, answers: dict[str, Answer], text: str) -> Found:
    if not paper:
        return Found(None)
    answer = answers[paper]
    if answer.record is None and not answer.failure:
        better = _among_others(row, paper, answers, text) if row.style != "live" else None
        return Found(answers[better], better, unknown=paper) if better else Found(answer, paper, unknown=paper)
    own = answers.get(row.url_id or "", answer)
    elsewhere = _elsewhere(row, own.record, text)
    better = _among_others(row, paper, answers, text) if elsewhere and not _counted(row) else None
    return Found(answers[better], better, elsewhere) if better else Found(answer, paper, elsewhere)


def _counted(row: Row) -> bool:
    """Whether a badge or the link of the count names a paper."""
    return bool(row.badge_id or row.link_id)


def _among_others(row: Row, paper: str, answers: dict[str, Answer], text: str) -> str | None:
    """Return another id that a row names, if it is known and can be this paper's."""
    for other in row.named:
        record = answers[other].record if other != paper and other in answers else None
        if record and believe(row, record, other, around=text[row.start : row.end]).verdict == "same":
            return other
    return None


def _elsewhere(row: Row, record: Record | None, text: str) -> str | None:
    """Return the title of the record that a row's own link leads to, if it is not believed to be this paper's."""
    if record is None or not row.url_id or not carries(record, row.url_id):
        return None
    belief = believe(row, record, row.url_id, around=text[row.start : row.end])
    return title_of(record) if belief.against else None


def _needs_title(row: Row, found: Found) -> bool:
    """Whether only the row's own link named a paper, and not this one."""
    if _counted(row) or found.asked is None or found.asked != row.url_id:
        return False
    return bool(found.elsewhere or found.unknown == found.asked)


def _with_title(row: Row, found: Found, by_title: dict[str, Answer]) -> Found:
    answer = by_title.get(row.title or "")
    if answer is None or (found.asked and not _needs_title(row, found)):
        return found
    if found.asked and answer.record is None:  # nothing better: say what was found by the id
        return found if not answer.failure or found.elsewhere else replace(found, answer=answer)
    return replace(found, answer=answer, asked=None)


def _final(answers: dict[str, Answer]) -> Answer | None:
    return next((answer for answer in answers.values() if answer.final), None)
