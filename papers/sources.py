"""Several services in turn: the first one counts, and those behind it fill in what it does not know.

Each counts other things, so their counts differ, and a list keeps to the first source named. Only where that one knows
no such paper is the next one asked; the answer says whose count it is. A service that fails is not replaced by another:
its papers are unanswered, not unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from papers.belief import compare
from papers.crossref import Crossref
from papers.openalex import OpenAlex
from papers.records import title_of
from papers.semantic_scholar import SemanticScholar
from papers.service import FIELDS, Answer, Progress, Service

SERVICES: dict[str, type[Service]] = {service.name: service for service in (SemanticScholar, OpenAlex, Crossref)}
"""The services by the name that ``--source`` gives them."""


class Sources:
    """A client that asks several services in turn.

    Args:
        services: at least one; the first is the list's own.

    Raises:
        ValueError: if there is none, or one stands there twice.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        names = [service.name for service in services]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"name each source once, and at least one; got {', '.join(names) or 'none'}")
        self.services = list(services)

    @property
    def name(self) -> str:
        """The name of the first, which is the list's own."""
        return self.services[0].name

    @property
    def requests(self) -> int:
        """How many requests have been sent, to all of them together."""
        return sum(service.requests for service in self.services)

    @property
    def notes(self) -> list[str]:
        """What the user should hear besides the answers."""
        return list(dict.fromkeys(note for service in self.services for note in service.notes))

    def takes(self, paper: str) -> bool:
        """Whether any of the services can be asked for this id."""
        return any(service.takes(paper) for service in self.services)

    @contextmanager
    def run(self, name: str | Path) -> Iterator[float | None]:
        """Ask for all of a list within one limit of time, and go on where an earlier run was broken off."""
        with ExitStack() as stack:
            began = [stack.enter_context(service.run(name)) for service in self.services]
            yield min((since for since in began if since is not None), default=None)

    def papers(
        self,
        ids: Iterable[str],
        fields: str = FIELDS,
        progress: Progress | None = None,
        *,
        titles: Mapping[str, str] | None = None,
    ) -> dict[str, Answer]:
        """Ask for many papers; see :meth:`papers.service.Service.papers`."""
        first, *others = self.services
        answers = first.papers(ids, fields, progress, titles=titles)
        asked = [first]
        for service in others:
            unknown = [paper for paper, answer in answers.items() if answer.record is None and not answer.failure]
            for paper, answer in service.papers(unknown, fields, titles=titles).items() if unknown else ():
                answers[paper] = _second(asked, answers[paper], answer)
            asked.append(service)
        return answers

    def match(self, title: str, fields: str = FIELDS) -> Answer:
        """Ask for the one paper whose title is most like this one, in turn until one of them has it."""
        first, *others = self.services
        answer, asked = first.match(title, fields), [first]
        for service in others:
            if answer.failure or _has_title(answer, title):
                break
            other = service.match(title, fields)
            if answer.record is None or _has_title(other, title):
                answer = _second(asked, answer, other)
            asked.append(service)
        return answer


Client = Service | Sources
"""Who can be asked for the papers of a list."""


def _has_title(answer: Answer, title: str) -> bool:
    return answer.record is not None and compare(title, title_of(answer.record)) in ("same", "short")


def _second(asked: Sequence[Service], earlier: Answer, answer: Answer) -> Answer:
    """Return what two services say together of a paper that the earlier ones do not know."""
    if answer.failure and answer.record is None:
        known = " and ".join(service.title for service in asked)
        return replace(answer, failure=f"not known to {known}, and {answer.failure}")
    return answer if answer.record is not None else earlier


def make(names: Sequence[str], **settings: Any) -> Client:
    """Return a client for the sources with these names.

    Args:
        names: of :data:`SERVICES`; one string may hold several, with commas between them.
        settings: what all of them take; ``base_url`` is the first one's, ``mailto`` of those that take one.

    Raises:
        ValueError: if a name is unknown, or stands there twice.
    """
    wanted = [name.strip().lower() for several in names for name in several.split(",") if name.strip()]
    base_url, mailto = settings.pop("base_url", None), settings.pop("mailto", None)
    services = []
    for number, name in enumerate(wanted or [SemanticScholar.name]):
        if name not in SERVICES:
            raise ValueError(f"{name!r} is no source; there are {', '.join(SERVICES)}")
        own: dict[str, Any] = {"base_url": base_url if number == 0 else None}
        if name != SemanticScholar.name:
            own["mailto"] = mailto
        services.append(SERVICES[name](**settings, **own))
    sources = Sources(services)
    return services[0] if len(services) == 1 else sources
