"""OpenAlex and Crossref against servers that behave as theirs do, and several sources in turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_servers import CrossrefLibrary, OpenAlexLibrary
from semantic_scholar_server import Library, serving, sha
from test_refresh import live, load, page, save, static, text_count

from papers import SemanticScholar, read_rows, refresh
from papers.crossref import Crossref
from papers.history import read_history
from papers.openalex import OpenAlex
from papers.sources import SERVICES, Sources, make

QUICK = {"pace": 0, "timeout": 5, "max_wait": 0.01}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENALEX_API_KEY", "OPENALEX_URL", "CROSSREF_URL", "PAPERS_MAILTO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def openalex() -> Iterator[OpenAlexLibrary]:
    with serving(OpenAlexLibrary()) as running:
        yield running  # type: ignore[misc]


@pytest.fixture
def crossref() -> Iterator[CrossrefLibrary]:
    with serving(CrossrefLibrary()) as running:
        yield running  # type: ignore[misc]


def counts(answers: dict) -> dict[str, int | None]:
    return {paper: answer.record["citationCount"] if answer.record else None for paper, answer in answers.items()}


def test_openalex_is_asked_in_filters_of_fifty_and_answers_are_found_by_their_doi(openalex: OpenAlexLibrary) -> None:
    ids = [f"DOI:10.1000/p{number}" for number in range(60)] + ["ARXIV:1706.03762", "PMID:77", "MAG:88", sha(1)]
    for number in range(59):
        openalex.work(number, 1000 + number, f"Paper number {number} of many", doi=f"10.1000/P{number}")
    openalex.work(70, 7, "Attention Is All You Need", 2017, doi="10.48550/arXiv.1706.03762")
    openalex.work(71, 8, "In medicine", pmid="https://pubmed.ncbi.nlm.nih.gov/77")
    client = OpenAlex(base_url=openalex.url, mailto="me@example.org", **QUICK)
    answers = client.papers(ids)
    expected = {f"DOI:10.1000/p{number}": 1000 + number for number in range(59)} | {"DOI:10.1000/p59": None}
    assert counts(answers) == expected | {"ARXIV:1706.03762": 7, "PMID:77": 8, "MAG:88": None, sha(1): None}
    assert client.requests == 4  # 50, 11, and two alone; the service cannot know an id of another's
    assert not any(answer.failure for answer in answers.values())
    assert {answer.source for answer in answers.values()} == {"openalex"}
    record = answers["ARXIV:1706.03762"].record
    assert record
    assert (record["year"], record["publicationDate"], record["externalIds"]) == (
        2017,
        "2017-02-03",
        {"ArXiv": "1706.03762"},
    )
    assert openalex.log[0].query["mailto"] == ["me@example.org"]
    assert "mailto:me@example.org" in openalex.log[0].headers["user-agent"]


def test_crossref_is_asked_in_filters_and_answers_are_found_by_their_doi(crossref: CrossrefLibrary) -> None:
    for number in range(60):
        crossref.item(f"10.1000/P{number}", 1000 + number, f"Paper number {number}")
    crossref.item("10.1000/with,comma", 5, "Odd")
    client = Crossref(crossref.url, mailto="me@example.org", **QUICK)
    ids = [f"doi:10.1000/p{number}" for number in range(61)]
    answers = client.papers([*ids, "10.1000/with,comma", "10.1000/none,such", "ARXIV:1706.03762"])
    assert counts(answers) == {f"doi:10.1000/p{number}": 1000 + number for number in range(60)} | {
        "doi:10.1000/p60": None,
        "10.1000/with,comma": 5,
        "10.1000/none,such": None,
        "ARXIV:1706.03762": None,
    }
    assert client.requests == 4
    assert not any(answer.failure for answer in answers.values())
    assert (answers[ids[0]].record or {})["publicationDate"] == "2020-02"
    assert crossref.log[0].query["mailto"] == ["me@example.org"]


def test_titles_are_looked_for_and_the_most_cited_of_one_title_is_taken(
    openalex: OpenAlexLibrary, crossref: CrossrefLibrary
) -> None:
    title = "Deep Nets, of Old: a Survey"
    openalex.work(1, 5, title)
    openalex.work(2, 50, title.lower())
    openalex.work(3, 500, "Another survey: Deep Nets of Old, a")
    crossref.item("10.1000/1", 6, title)
    crossref.item("10.1000/2", 60, "Deep Nets of Old, a Survey")
    for client, expected in (
        (OpenAlex(base_url=openalex.url, **QUICK), 50),
        (Crossref(crossref.url, **QUICK), 60),
    ):
        record = client.match(title).record
        assert record
        assert record["citationCount"] == expected
        assert record["authors"][0]["name"].endswith("Lovelace")
        assert client.match("Nothing has such a title").record is None or client.title == "Crossref"


@pytest.mark.parametrize("status", [202, 301, 400, 403, 404, 418, 429, 451, 500, 503])
@pytest.mark.parametrize("which", ["openalex", "crossref"])
def test_no_status_but_200_says_that_a_paper_is_unknown(
    which: str, status: int, request: pytest.FixtureRequest
) -> None:
    library: Library = request.getfixturevalue(which)
    library.always = f"{status} html" if status in (400, 404) else str(status)
    client = make([which], base_url=library.url, retries=1, **QUICK)
    for answer in (client.papers(["DOI:10.1000/x", "DOI:10.1000/y"])["DOI:10.1000/x"], client.match("A title")):
        assert answer.record is None
        assert answer.failure
        assert answer.failure.startswith(f"{SERVICES[which].title} ")
    assert client.requests <= 10


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.sampled_from(["openalex", "crossref"]))
def test_whatever_a_list_is_answered_with_no_count_is_anothers(
    openalex: OpenAlexLibrary, crossref: CrossrefLibrary, random: Random, which: str
) -> None:
    openalex.works.clear()
    crossref.items.clear()
    for number in range(6):
        openalex.work(number, number, f"Paper {number}", doi=f"10.1000/{number}")
        crossref.item(f"10.1000/{number}", number, f"Paper {number}")
    library: Library = openalex if which == "openalex" else crossref
    aliens = [
        OpenAlexLibrary().work(99, 999, "Alien", doi="10.9000/9"),
        CrossrefLibrary().item("10.9000/9", 999, "Alien"),
    ]
    alien = aliens[which == "crossref"]
    plan = [random.choice([*range(6), alien]) for _ in range(random.randrange(9))]
    library.scramble = lambda found: [found[one] if isinstance(one, int) else one for one in plan]
    client = make([which], base_url=library.url, retries=0, **QUICK)
    for paper, count in counts(client.papers([f"DOI:10.1000/{number}" for number in range(6)])).items():
        assert count in (None, int(paper[-1]))


def test_what_openalex_gets_of_the_key_is_in_no_log(
    openalex: OpenAlexLibrary, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENALEX_API_KEY", "k3y-of-somebody")
    with serving(OpenAlexLibrary()) as other:
        openalex.faults = [f"redirect 301 {other.url}/works?filter=doi:10.1000/x&per_page=100"]
        client = OpenAlex(base_url=openalex.url, **QUICK)
        assert client.papers(["DOI:10.1000/x"])["DOI:10.1000/x"].failure is None
        assert "k3y" not in str(other.log)
    assert openalex.log[0].query["api_key"] == ["k3y-of-somebody"]
    openalex.always = "429"
    failure = client.papers(["DOI:10.1000/x"])["DOI:10.1000/x"].failure
    assert failure
    assert "k3y" not in failure + repr(client) + caplog.text
    monkeypatch.delenv("OPENALEX_API_KEY")
    failure = OpenAlex(base_url=openalex.url, retries=0, **QUICK).match("x").failure
    assert "set OPENALEX_API_KEY (it is free)" in (failure or "")


def test_crossrefs_own_rate_is_kept(crossref: CrossrefLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("papers.transport.time.monotonic", lambda: now[0])
    monkeypatch.setattr("papers.transport.time.sleep", lambda wait: now.__setitem__(0, now[0] + wait))
    crossref.headers = {"X-Rate-Limit-Limit": "2", "X-Rate-Limit-Interval": "5s"}
    client = Crossref(crossref.url, pace=1)
    for title in ("a", "b", "c"):
        client.match(title)
    assert now[0] == 105.0


# Several in turn


@pytest.fixture
def three(library: Library, openalex: OpenAlexLibrary, crossref: CrossrefLibrary) -> Sources:
    return Sources(
        [
            SemanticScholar(base_url=library.url, **QUICK),
            OpenAlex(base_url=openalex.url, **QUICK),
            Crossref(crossref.url, **QUICK),
        ]
    )


def test_the_next_source_is_asked_only_for_what_the_one_before_does_not_know(
    three: Sources, library: Library, openalex: OpenAlexLibrary, crossref: CrossrefLibrary
) -> None:
    library.add(1, 11, externalIds={"DOI": "10.1000/1"})
    for number in (1, 2):
        openalex.work(number, 20 + number, "x", doi=f"10.1000/{number}")
    for number in (1, 2, 3):
        crossref.item(f"10.1000/{number}", 30 + number, "x")
    answers = three.papers([f"DOI:10.1000/{number}" for number in (1, 2, 3, 4)])
    assert counts(answers) == {"DOI:10.1000/1": 11, "DOI:10.1000/2": 22, "DOI:10.1000/3": 33, "DOI:10.1000/4": None}
    assert [answer.source for answer in answers.values()][:3] == ["semantic-scholar", "openalex", "crossref"]
    assert [len(log) for log in (library.log, openalex.log, crossref.log)] == [1, 1, 1]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_source_that_fails_is_not_replaced_by_another(
    failing: int, three: Sources, library: Library, openalex: OpenAlexLibrary, crossref: CrossrefLibrary
) -> None:
    crossref.item("10.1000/3", 33, "x")
    (library, openalex)[failing].always = "503"
    answer = three.papers(["DOI:10.1000/4", "DOI:10.1000/5"])["DOI:10.1000/5"]
    assert answer.record is None
    assert "answered 503" in (answer.failure or "")
    assert crossref.log == []


def test_a_list_takes_the_count_of_another_source_only_where_its_own_has_none_and_says_so(
    three: Sources, library: Library, openalex: OpenAlexLibrary, tmp_path: Path
) -> None:
    library.add(1, 11, "One paper of many words", externalIds={"DOI": "10.1000/1"})
    openalex.work(1, 99, "One paper of many words", doi="10.1000/1")
    openalex.work(2, 22, "Another paper of many words", doi="10.1000/2")
    openalex.work(3, 33, "A third paper of many words", 2020)
    link = '<a href="https://doi.org/10.1000/{}">{}</a>'
    rows = [
        ("2020", link.format(1, "One paper of many words"), "10"),
        ("2020", link.format(2, "Another paper of many words"), "20"),
        ("2020", "A third paper of many words", "30"),
        ("2020", "A third paper of many words", live(7)),
    ]
    path = save(tmp_path, page(*rows))
    outcome = refresh(path, three)
    assert [(row.state, row.new, row.source) for row in outcome.rows] == [
        ("ok", 11, "semantic-scholar"),
        ("ok", 22, "openalex"),
        ("ok", 33, "openalex"),
        ("not_found", None, "semantic-scholar"),
    ]
    assert [row.count for row in read_rows(load(path))] == [11, 22, 33, None]
    assert outcome.rows[1].note == "the count is OpenAlex's"
    assert {(count.id, count.source) for count in read_history(path)} == {
        ("DOI:10.1000/1", "semantic-scholar"),
        ("DOI:10.1000/2", "openalex"),
        ("", "openalex"),
    } - {("", "openalex")}


def test_a_live_badge_shows_no_other_count_than_semantic_scholars(openalex: OpenAlexLibrary, tmp_path: Path) -> None:
    openalex.work(1, 99, "One paper of many words", doi="10.1000/1")
    link = '<a href="https://doi.org/10.1000/1">One paper of many words</a>'
    badge = live(1).replace(sha(1) + "%3F", "DOI%3A10.1000%2F1%3F")
    path = save(
        tmp_path, page(("2020", link, badge), ("2020", link, static(1, "90")), ("2020", link, text_count(2, "5")))
    )
    client = OpenAlex(base_url=openalex.url, **QUICK)
    outcome = refresh(path, client)
    assert [(row.state, row.new) for row in outcome.rows] == [("no_place", 99), ("ok", 99), ("ok", 99)]
    assert "a live badge shows Semantic Scholar's count" in (outcome.rows[0].note or "")
    assert refresh(path, client, style="static").rows[0].state == "ok"


def test_papers_whose_ids_are_anothers_own_are_looked_for_by_title(
    openalex: OpenAlexLibrary, crossref: CrossrefLibrary, tmp_path: Path
) -> None:
    rows = []
    for number in range(25):
        openalex.work(number, 50 + number, f"Paper {number} of a long list")
        crossref.item(f"10.1000/{number}", 60 + number, f"Paper {number} of a long list")
        link = f'<a href="https://arxiv.org/abs/2001.{number:05}">Paper {number} of a long list</a>'
        rows.append(("2020", link, static(number, "49") if number % 2 else "49"))
    path = save(tmp_path, page(*rows))
    outcome = refresh(path, Crossref(crossref.url, **QUICK))  # it knows neither such numbers nor such badges
    assert [(row.state, row.new) for row in outcome.rows] == [("ok", 60 + number) for number in range(25)]
    path = save(
        tmp_path, page(*(("2020", f"Paper {number} of a long list", static(number, "49")) for number in range(25)))
    )
    outcome = refresh(path, OpenAlex(base_url=openalex.url, **QUICK))
    assert [row.new for row in outcome.rows] == [50 + number for number in range(25)]


def test_sources_are_named_once_each() -> None:
    client = make(["semantic-scholar,openalex", "crossref"], **QUICK)
    assert isinstance(client, Sources)
    assert [service.name for service in client.services] == ["semantic-scholar", "openalex", "crossref"]
    assert isinstance(make([]), SemanticScholar)
    with pytest.raises(ValueError, match="'scopus' is no source; there are semantic-scholar, openalex, crossref"):
        make(["scopus"])
    with pytest.raises(ValueError, match="name each source once, and at least one; got crossref, crossref"):
        make(["crossref,crossref"])
    with pytest.raises(ValueError, match=r"mailto must be an address such as you@example.org, got 'me'"):
        make(["crossref"], mailto="me")
