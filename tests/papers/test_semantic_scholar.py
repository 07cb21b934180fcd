"""The client against a real server: what it sends, and what each fault comes to."""

from __future__ import annotations

import logging
import sqlite3
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semantic_scholar_server import Library, serving, sha

from papers import SemanticScholar
from papers.transport import ForbiddenError, ServiceError, _retry_after


def test_one_request_asks_for_many_papers_and_answers_stay_with_their_ids(
    library: Library, client: SemanticScholar
) -> None:
    library.add(1, 10, "One")
    library.add(2, 0, "Two", externalIds={"ArXiv": "1409.3215"})
    library.aliases[sha(9)] = sha(1)  # merged
    ids = ["arXiv:1409.3215v2", sha(7), sha(9), sha(1), sha(1), "nonsense"]
    answers = client.papers(ids)
    assert client.requests == 2  # what is known under another id now is asked for once more, on its own
    assert library.log[1].path.endswith(f"/paper/{sha(9)}")
    assert library.log[0].body == {"ids": ["ARXIV:1409.3215", sha(7), sha(9), sha(1)]}
    assert library.log[0].query["fields"] == ["title,year,publicationDate,externalIds,citationCount"]
    counts = {paper: answer.record and answer.record["citationCount"] for paper, answer in answers.items()}
    assert counts == {"arXiv:1409.3215v2": 0, sha(7): None, sha(9): 10, sha(1): 10, "nonsense": None}
    assert answers[sha(7)].failure is None
    assert answers["nonsense"].failure == "this is no id that the service could know"


def test_ten_thousand_papers_take_twenty_requests(library: Library, client: SemanticScholar) -> None:
    for number in range(10_000):
        library.add(number, number)
    seen: list[tuple[int, int]] = []
    answers = client.papers(map(sha, range(10_000)), progress=lambda done, total: seen.append((done, total)))
    assert client.requests == len(seen) == 20
    assert seen[-1] == (10_000, 10_000)
    assert all(answers[sha(number)].record["citationCount"] == number for number in range(10_000))


def test_a_refused_batch_is_split_until_the_bad_id_is_found(library: Library, client: SemanticScholar) -> None:
    for number in range(1, 65):
        library.add(number, number)
    library.poison.add(sha(40))
    answers = client.papers([sha(number) for number in range(1, 65)])
    assert [paper for paper, answer in answers.items() if answer.record is None] == [sha(40)]
    assert answers[sha(40)].failure is None
    assert client.requests == 2 + 2 * 6  # 64 = 2**6; the second asks whether all of them are unknown


@pytest.mark.parametrize("status", [500, 502])
def test_an_id_that_makes_a_batch_fail_costs_only_itself(
    status: int, library: Library, client: SemanticScholar
) -> None:
    for number in range(1, 501):
        library.add(number, number)
    library.poison, library.poison_status = {sha(77)}, status
    answers = client.papers([sha(number) for number in range(1, 501)])
    assert [paper for paper, answer in answers.items() if answer.record is None] == [sha(77)]
    assert answers[sha(77)].failure == f"the service answered {status} (No valid paper ids given)"
    assert client.requests <= 3 + 2 * 9 + 2  # 500 < 2**9; the first is tried three times, the last one twice


def test_a_batch_that_is_too_large_for_the_service_costs_few_requests(
    library: Library, client: SemanticScholar
) -> None:
    for number in range(500):
        library.add(number, number)
    library.largest, library.largest_status = 60, 500
    answers = client.papers(map(sha, range(500)))
    assert all(answer.record for answer in answers.values())
    assert client.requests <= 3 + 3 + 20  # four sizes are too large, the fifth (31) is not


@pytest.mark.parametrize("status", [500, 504])
def test_an_outage_costs_few_requests_however_long_the_list(status: int, library: Library) -> None:
    library.largest, library.largest_status = 0, status
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0)
    answers = client.papers(map(sha, range(1, 601)))
    assert all(answer.failure for answer in answers.values())
    assert client.requests <= 20


@pytest.mark.parametrize("fault", ["429", "503", "html", "short", "cut"])
def test_three_questions_without_an_answer_are_enough(fault: str, library: Library) -> None:
    for number in range(5000):
        library.add(number, number)
    library.always = fault
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0, retries=1)
    answers = client.papers(map(sha, range(5000)))
    assert all(answer.failure for answer in answers.values())
    assert client.requests == 6
    library.always = ""
    assert client.papers(map(sha, range(5000)))[sha(4999)].record  # it was an outage, and is over


def test_that_all_papers_are_unknown_is_known_after_few_requests(library: Library, client: SemanticScholar) -> None:
    library.add(1, 1, "Attention is all you need", externalIds={"ArXiv": "1706.03762"})
    answers = client.papers(map(sha, range(100, 900)))
    assert {(answer.record, answer.failure) for answer in answers.values()} == {(None, None)}
    assert client.requests <= 8


def test_refusals_of_everything_end_before_every_id_has_been_asked_for(
    library: Library, client: SemanticScholar
) -> None:
    library.poison = set(map(sha, range(1, 201)))
    answers = client.papers(map(sha, range(1, 201)))
    assert client.requests == 61
    assert all(answer.record is None for answer in answers.values())
    assert (answers[sha(200)].failure or "").endswith("too many such answers to go on")


def test_a_gateway_timeout_halves_the_batch(library: Library, client: SemanticScholar) -> None:
    for number in range(100):
        library.add(number, number)
    library.largest = 30
    answers = client.papers(map(sha, range(100)))
    assert all(answer.record for answer in answers.values())
    assert client.requests == 6  # 100, 50, 25, 25; then it is known what the service can take: 25, 25


@pytest.mark.parametrize(
    "fault", ["429", "500", "502", "503", "504", "html", "cut", "drop", "short", "429 Retry-After=0"]
)
def test_faults_that_pass_are_waited_out(fault: str, library: Library, client: SemanticScholar) -> None:
    library.add(1, 5)
    library.faults = [fault] * 3
    assert client.papers([sha(1)])[sha(1)].record == library.papers[sha(1)]
    assert client.requests == 4


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            "429",
            "the service answered 429 (Too Many Requests.); without a key all share one pool: wait a while, or set "
            "SEMANTIC_SCHOLAR_API_KEY",
        ),
        ("503", "the service answered 503"),
        ("504", "the service answered 504"),
        ("html", "the answer was cut off, or is not what was asked for (JSONDecodeError)"),
        ("short", "the answer was cut off, or is not what was asked for (TypeError)"),
        ("drop", "no connection from 127.0.0.1"),
    ],
)
def test_faults_that_stay_are_named(fault: str, sentence: str, library: Library, client: SemanticScholar) -> None:
    library.add(1, 5)
    library.always = fault
    failure = client.papers([sha(1)])[sha(1)].failure
    assert failure
    assert failure.startswith(sentence)
    assert client.requests == 6


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 300, 302, 304, 402, 405, 406, 410, 418, 422, 423, 451])
def test_what_is_no_answer_is_a_failure_after_few_requests(status: int, library: Library) -> None:
    for number in range(1, 1200):
        library.add(number, number)
    library.always = str(status)
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0)
    answers = client.papers(map(sha, range(1, 1200)))
    assert {answer.record for answer in answers.values()} == {None} or status == 0
    failure = answers[sha(1199)].failure
    assert failure
    assert failure.startswith(f"the service answered {status} (")
    assert client.requests == 2
    assert client.match("Any title at all").failure
    assert client.paper(sha(1)).failure


@pytest.mark.parametrize("status", [400, 404])
def test_a_page_of_something_else_says_of_no_paper_that_it_is_unknown(status: int, library: Library) -> None:
    """A proxy's 404, or that of a wrong address, is not the service's."""
    client = SemanticScholar(base_url=library.url.replace("/graph/v1", "/wrong"), pace=0, max_wait=0)
    library.always = f"{status} html"
    for answer in (client.paper(sha(1)), client.match("A title"), client.papers([sha(1), sha(2)])[sha(2)]):
        assert answer.record is None
        assert (answer.failure or "").startswith(f"the service answered {status} (")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("bomb", "the service sent more than 16 MB; nothing of it was used"),
        ("flood", "the service sent more than 16 MB; nothing of it was used"),
        ("deep", "the answer was cut off, or is not what was asked for (ValueError)"),
    ],
)
def test_no_answer_is_larger_or_deeper_than_it_may_be(fault: str, said: str, library: Library) -> None:
    library.always = fault
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0, retries=1)
    tracemalloc.start()
    try:
        assert client.papers([sha(1)])[sha(1)].failure == said
        assert tracemalloc.get_traced_memory()[1] < 120e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("packed", "requests"), [("gzip", 1), ("deflate", 1), ("gzip-cut", 2), ("br", 2)])
def test_packed_answers_are_unpacked_if_they_are_whole_and_packed_as_asked(
    packed: str, requests: int, library: Library, client: SemanticScholar
) -> None:
    for number in range(1, 500):
        library.add(number, number, f"Paper {number}")
    library.faults = [packed]
    answers = client.papers(map(sha, range(1, 500)))
    assert [answer.record and answer.record["citationCount"] for answer in answers.values()] == [*range(1, 500)]
    assert client.requests == requests


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_byte_now_and_then_is_no_answer_in_time(where: str, library: Library) -> None:
    library.add(1, 5)
    library.faults = [f"drip {where}"]
    client = SemanticScholar(base_url=library.url, pace=0, timeout=0.1, max_wait=0)
    assert client.papers([sha(1)])[sha(1)].record
    assert (client.requests, library.outlasted) == (2, 0)


def test_the_time_for_all_questions_together_is_limited(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("papers.transport.time.monotonic", lambda: now[0])
    monkeypatch.setattr("papers.transport.time.sleep", lambda wait: now.__setitem__(0, now[0] + wait))
    for number in range(1, 2001):
        library.add(number, number)
    client = SemanticScholar(base_url=library.url, pace=1.0, max_time=2.5)
    answers = client.papers(map(sha, range(1, 2001)))
    assert client.requests == 3
    assert sum(answer.record is not None for answer in answers.values()) == 1500
    assert answers[sha(2000)].failure == "the time limit of 2.5 seconds is used up (--max-time)"
    assert answers[sha(2000)].final
    assert client.papers([sha(2000)])[sha(2000)].record  # each question of its own has its own time
    with client.transport.limited():
        assert client.papers([sha(1)])[sha(1)].record
        now[0] += 3
        assert client.papers([sha(1)])[sha(1)].failure


def test_a_slow_service_is_not_waited_for_for_ever(library: Library) -> None:
    library.add(1, 5)
    library.faults = ["slow 0.4"]
    client = SemanticScholar(base_url=library.url, pace=0, timeout=0.1, max_wait=0)
    assert client.papers([sha(1)])[sha(1)].record
    assert client.requests == 2


def test_403_is_final_and_says_what_to_do(library: Library) -> None:
    library.always = "403"
    client = SemanticScholar("s3cret", library.url, pace=0)
    answers = client.papers(map(sha, range(1, 1200)))
    assert client.requests == 1
    failure = answers[sha(1199)].failure
    assert (
        failure == "the service refuses access (403: Too Many Requests. …); check SEMANTIC_SCHOLAR_API_KEY, or unset it"
    )
    with pytest.raises(ForbiddenError, match="get a key, or try from elsewhere"):
        SemanticScholar(base_url=library.url, pace=0).recommended([sha(1)])


def test_without_a_network_one_batch_is_enough_to_know() -> None:
    client = SemanticScholar(base_url="http://127.0.0.1:9", pace=0, max_wait=0, retries=1)
    answers = client.papers(map(sha, range(1, 1200)))
    assert client.requests == 2
    assert all(answer.final for answer in answers.values())
    assert answers[sha(1)].failure == "no connection from 127.0.0.1:9; check the network"


def test_retry_after_is_honoured_up_to_a_cap(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("papers.transport.time.sleep", waits.append)
    library.add(1, 5)
    library.faults = ["429 Retry-After=7", "503 Retry-After=86400"]
    SemanticScholar(base_url=library.url, pace=0, max_wait=20).papers([sha(1)])
    assert [wait for wait in waits if wait] == [7, 20]
    library.always = "429 Retry-After=86400"
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=20)
    assert client.papers([sha(1)])[sha(1)].failure
    assert client.requests == 2
    assert _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _retry_after("soon") is None


def test_backing_off_doubles_and_jitters(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    ranges: list[tuple[float, float]] = []
    monkeypatch.setattr("papers.transport.random.uniform", lambda a, b: ranges.append((a, b)) or 0.0)
    library.always = "503"
    SemanticScholar(base_url=library.url, pace=0, max_wait=1).papers([sha(1)])
    assert ranges == [(0, 0.1), (0, 0.2), (0, 0.4), (0, 0.8), (0, 1)]


def test_requests_keep_the_pace(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("papers.transport.time.monotonic", lambda: now[0])
    monkeypatch.setattr("papers.transport.time.sleep", lambda wait: now.__setitem__(0, now[0] + wait))
    client = SemanticScholar(base_url=library.url, pace=1.0)
    for title in ("a", "b", "c"):
        client.match(title)
    assert now[0] == 102.0


def test_the_key_goes_to_its_host_and_nowhere_else(
    library: Library, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "k3y-of-somebody"
    with serving(Library()) as other:
        other.add(1, 5)
        library.add(1, 5)
        library.faults = [f"redirect 307 {other.url}/paper/batch?fields=title", "503", "429"]
        client = SemanticScholar(key, library.url, cache=tmp_path / "cache.sqlite", pace=0, max_wait=0)
        assert client.papers([sha(1)])[sha(1)].record
        assert client.papers([sha(1)])[sha(1)].record
        assert "x-api-key" not in other.log[0].headers
        assert other.log[0].body == {"ids": [sha(1)]}
    assert all(request.headers["x-api-key"] == key for request in library.log)
    library.always = "429"
    failure = client.papers([sha(2)])[sha(2)].failure
    assert failure == "the service answered 429 (Too Many Requests. …); wait a while, or ask with a longer --pace"
    assert key not in repr(client) + str(client) + caplog.text
    assert key.encode() not in (tmp_path / "cache.sqlite").read_bytes()
    assert "api_key=set" in repr(client)


def test_a_redirect_on_the_same_host_keeps_the_key_and_the_question(library: Library) -> None:
    library.add(1, 5)
    library.faults = [f"redirect 301 {library.url}/paper/batch?fields=title"]
    client = SemanticScholar("key", library.url, pace=0)
    assert client.papers([sha(1)])[sha(1)].record
    assert [request.method for request in library.log] == ["POST", "POST"]
    assert library.log[1].headers["x-api-key"] == "key"
    library.always = f"redirect 302 {library.url}/paper/batch"
    client = SemanticScholar(base_url=library.url, pace=0, retries=0)
    assert client.papers([sha(1)])[sha(1)].failure == (
        "the answer was cut off, or is not what was asked for (TooManyRedirects)"
    )
    assert client.requests == 5


def test_the_key_comes_from_the_environment(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2_API_KEY", "second")
    monkeypatch.setenv("SEMANTIC_SCHOLAR_URL", library.url)
    SemanticScholar(pace=0).match("x")
    monkeypatch.setenv("SEMANTIC_SCHOLAR_API_KEY", "first")
    SemanticScholar(pace=0).match("x")
    assert [request.headers["x-api-key"] for request in library.log] == ["second", "first"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"pace": -1}, "pace must be >= 0, got -1"),
        ({"timeout": 0}, "timeout must be > 0 seconds, got 0"),
        ({"timeout": float("inf")}, "timeout must be at most a day, 86400 seconds, got inf"),
        ({"pace": 1e300}, "pace must be at most a day, 86400 seconds, got 1e\\+300"),
        ({"max_wait": float("inf")}, "max_wait must be at most a day, 86400 seconds, got inf"),
        ({"retries": -1}, "retries must be >= 0, got -1"),
        ({"retries": float("inf")}, "retries must be a whole number, got inf"),
        ({"base_url": "ftp://x"}, "base_url must begin with http:// or https://, got 'ftp://x'"),
        ({"api_key": "a\nb"}, "the API key holds white space or other characters that no key has; copy it again"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SemanticScholar(**arguments)


def test_a_paper_and_a_title_are_asked_for_one_by_one(library: Library, client: SemanticScholar) -> None:
    record = library.add(1, 5, "One", externalIds={"DOI": "10.1162/neco.1997.9.8.1735"})
    library.matches["Long Short-Term Memory"] = record
    assert client.paper("https://doi.org/10.1162/NECO.1997.9.8.1735").record == record
    assert client.paper(sha(2)).record is None
    assert (client.match("Long  Short-Term\nMemory").record or {})["paperId"] == sha(1)
    assert client.match("Something else").record is None
    with pytest.raises(ValueError, match="'x' is no paper id; give 40 hex digits"):
        client.paper("x")


def test_recommendations_lie_beside_the_graph(library: Library, client: SemanticScholar) -> None:
    library.recommended = [library.add(number, 1) for number in range(5)]
    assert client.recommended([sha(9)], limit=3) == library.recommended[:3]
    assert library.log[0].path == "/recommendations/v1/papers"
    assert library.log[0].body == {"positivePaperIds": [sha(9)]}
    library.always = "503"
    with pytest.raises(ServiceError, match="the service answered 503"):
        client.recommended([sha(9)])


SCRAMBLES: dict[str, Callable[[list[Any], Random], list[Any]]] = {
    "permuted": lambda found, random: random.sample(found, len(found)),
    "doubled": lambda found, random: [random.choice(found) for _ in found],
    "with gaps": lambda found, random: [random.choice([record, None]) for record in found],
    "with aliens": lambda found, random: [random.choice([record, ALIEN]) for record in found],
    "short": lambda found, random: found[: random.randrange(len(found))],
    "long": lambda found, random: [*found, ALIEN],
    "moved up": lambda found, random: [*found[1:], None],
}
ALIEN = {"paperId": sha(999), "title": "Another paper altogether", "citationCount": 999_999, "externalIds": {}}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(), st.sampled_from(sorted(SCRAMBLES)), st.integers(1, 9))
def test_whatever_a_batch_is_answered_with_no_record_is_taken_for_anothers(
    library: Library, seed: int, scramble: str, size: int
) -> None:
    """Half of the ids are the service's own, half an arXiv number; one of them has been merged into another paper."""
    library.papers.clear()
    library.aliases.clear()
    for number in range(1, size + 1):
        library.add(number, number, externalIds={"ArXiv": f"2001.{number:05}"})
    library.aliases[sha(500)] = sha(1)
    ids = [f"ARXIV:2001.{number:05}" if number % 2 else sha(number) for number in range(1, size + 1)] + [sha(500)]
    library.scramble = lambda found: SCRAMBLES[scramble](found, Random(seed))
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0, retries=0)
    for paper, answer in client.papers(ids).items():
        true = library.find(paper)
        assert true
        if answer.record is not None and answer.sure:
            assert answer.record["citationCount"] == true["citationCount"]
    assert client.requests <= 1 + 20


def test_a_service_that_tells_no_other_ids_is_believed_where_the_titles_agree(
    library: Library, client: SemanticScholar
) -> None:
    for number in range(50):
        record = library.add(number, number, f"Paper {number}")
        library.aliases[f"arxiv:2001.{number:05}"] = record["paperId"]
    titles = {f"ARXIV:2001.{number:05}": f"Paper {number}" for number in range(50)}
    answers = client.papers(titles, titles=titles)
    assert client.requests == 1
    assert [answer.record and answer.record["citationCount"] for answer in answers.values()] == [*range(50)]


def test_an_answer_in_another_order_is_found_out_and_no_paper_called_unknown(
    library: Library, client: SemanticScholar
) -> None:
    for number in range(1, 101):
        library.add(number, number)
    library.scramble = lambda found: [*found[1:], None]
    answers = client.papers(map(sha, range(1, 101)))
    assert client.requests == 1 + 20
    assert answers[sha(100)].failure == "the service answered in another order than it was asked"
    for number in range(1, 100):
        answer = answers[sha(number)]
        assert answer.record
        assert answer.sure == (answer.record["citationCount"] == number)


def test_the_cache_answers_when_the_service_fails_and_says_from_when(library: Library, tmp_path: Path) -> None:
    library.add(1, 5)
    client = SemanticScholar(base_url=library.url, cache=tmp_path / "a" / "c.sqlite", pace=0, max_wait=0, retries=1)
    fresh = client.papers([sha(1), sha(2)])
    assert not fresh[sha(1)].stale
    library.always = "503"
    library.papers[sha(1)] = {"paperId": sha(1), "citationCount": 6}
    answers = client.papers([sha(1), sha(2)])
    assert answers[sha(1)].stale
    assert answers[sha(1)].record["citationCount"] == 5
    assert answers[sha(1)].at == pytest.approx(fresh[sha(1)].at, abs=5)
    assert answers[sha(2)].failure
    other = SemanticScholar(base_url=library.url + "/mirror", cache=tmp_path / "a" / "c.sqlite", pace=0, retries=0)
    assert other.papers([sha(1)])[sha(1)].record is None


def test_max_age_spares_requests(library: Library, tmp_path: Path) -> None:
    library.add(1, 5)
    library.matches["One"] = library.papers[sha(1)]
    for asked in (2, 0):
        client = SemanticScholar(base_url=library.url, cache=tmp_path / "c.sqlite", pace=0, max_age=3600)
        assert client.papers([sha(1)])[sha(1)].record
        assert client.match("One").record
        assert client.requests == asked
    with sqlite3.connect(tmp_path / "c.sqlite") as database:
        database.execute("UPDATE answers SET at = at - 3601")
    assert client.papers([sha(1)])[sha(1)].record
    assert client.requests == 1


def test_a_damaged_cache_is_no_obstacle(library: Library, tmp_path: Path) -> None:
    library.add(1, 5)
    (tmp_path / "c.sqlite").write_bytes(b"not a database" * 100)
    client = SemanticScholar(base_url=library.url, cache=tmp_path / "c.sqlite", pace=0, max_age=3600)
    assert client.papers([sha(1)])[sha(1)].record
    client = SemanticScholar(base_url=library.url, cache=tmp_path / "c.sqlite" / "below", pace=0)
    assert client.papers([sha(1)])[sha(1)].record
