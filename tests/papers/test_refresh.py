"""A refresh changes counts and nothing else, whatever the service does."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semantic_scholar_server import Library, serving, sha

import papers.catalog
from papers import SemanticScholar, read_rows, refresh
from papers.counts import count_edits
from papers.files import FileChangedError, UnreadableFileError, replace_text
from papers.history import history_path, read_history
from papers.table import Edit, Row

TODAY = datetime.now(UTC).date().isoformat()
INNER = "https%3A%2F%2Fapi.semanticscholar.org%2Fgraph%2Fv1%2Fpaper%2F"
LIVE = "https://img.shields.io/badge/dynamic/json?label=citation&query=citationCount&url=" + INNER
PAGE = "https://www.semanticscholar.org/paper/"


def live(number: int, alt: str = "citation") -> str:
    return f'<a href="{PAGE}{sha(number)}"><img src="{LIVE}{sha(number)}%3Ffields%3DcitationCount" alt="{alt}"></a>'


def static(number: int, count: str) -> str:
    return f'<a href="{PAGE}{sha(number)}"><img src="https://img.shields.io/badge/citation-{count}-blue"></a>'


def text_count(number: int, count: str) -> str:
    return f'<a href="{PAGE}{sha(number)}">{count}</a>'


def page(*rows: tuple[str, str, str]) -> str:
    head = "# List\n<table>\n<tr><th>Date</th><th>Paper Name</th><th>Citation</th></tr>\n"
    return (
        head + "".join(f"<tr>\n  <td>{d}</td><td>{t}</td>\n  <td>{c}</td>\n</tr>\n" for d, t, c in rows) + "</table>\n"
    )


def save(folder: Path, text: str) -> Path:
    path = folder / "list.md"
    path.write_bytes(text.encode())
    return path


def load(path: Path) -> str:
    return path.read_bytes().decode()


def test_the_list_as_found_gets_its_counts_and_no_other_change(
    as_found: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    shas = [row.paper_id or "" for row in read_rows(as_found)]
    for paper, count in zip(shas, (410, 0, 23021), strict=True):
        library.papers[paper] = {"paperId": paper, "citationCount": count, "title": None}
    path = save(tmp_path, as_found)
    outcome = refresh(path, client)
    assert [(row.line, row.state, row.old, row.new) for row in outcome.rows] == [
        (45, "ok", None, 410),
        (53, "ok", None, 0),
        (61, "ok", None, 23021),
    ]
    assert outcome.written
    assert outcome.requests == 1
    assert "the link names another paper than the badge" in (outcome.rows[1].note or "")
    after = load(path)
    assert re.sub(rf" \d+ \({TODAY}\)", "", after) == as_found
    assert [row.style for row in read_rows(after)] == ["live"] * 3
    assert [(c.date, c.count) for c in read_history(path)] == [(TODAY, 410), (TODAY, 0), (TODAY, 23021)]
    again = refresh(path, client)
    assert [row.state for row in again.rows] == ["unchanged"] * 3
    assert not again.written
    assert len(read_history(path)) == 3


@pytest.mark.parametrize(
    ("cell", "after"),
    [
        (static(1, "7"), static(1, "1234")),
        (static(1, "1%2C007"), static(1, "1%2C234")),
        (text_count(1, "7"), text_count(1, "1234")),
        (text_count(1, "1,007"), text_count(1, "1,234")),
        (text_count(1, "N/A"), text_count(1, "1234")),
        (static(1, "N%2FA"), static(1, "1234")),
        (live(1), live(1, f"citation 1234 ({TODAY})")),
        (live(1, "citation 7 (2020-01-31)"), live(1, f"citation 1234 ({TODAY})")),
        (live(1, "Zitate: 7 (2020-01-31)"), live(1, f"Zitate: 1234 ({TODAY})")),
        (live(1, ""), live(1, f"citation 1234 ({TODAY})")),
        (live(1).replace(' alt="citation"', ""), live(1, f"citation 1234 ({TODAY})")),
        (
            live(1).replace(' alt="citation"', "/"),
            live(1).replace(' alt="citation"', f' alt="citation 1234 ({TODAY})"/'),
        ),
        (live(1).replace('"citation"', "citation"), live(1, f"citation 1234 ({TODAY})")),
        (live(1).replace('="citation"', ""), live(1, f"citation 1234 ({TODAY})")),
        (live(1, "citation 1234 (2020-01-31)"), live(1, "citation 1234 (2020-01-31)")),
        (static(1, "1234"), static(1, "1234")),
        ("", ""),
    ],
)
def test_each_style_keeps_its_form(
    cell: str, after: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 1234, "A paper of some note", externalIds={"ArXiv": "1409.3215"})
    title = '<a href="https://arxiv.org/abs/1409.3215">A paper of some note</a>'
    path = save(tmp_path, page(("2014.9", title, cell)))
    outcome = refresh(path, client)
    assert load(path) == page(("2014.9", title, after))
    assert outcome.written == (cell != after)
    assert outcome.rows[0].new == 1234


@pytest.mark.parametrize("broken", ["<!-- ", "```\n", "[Another](https://arxiv.org/abs/1409.0001) "])
def test_no_style_is_written_in_which_a_row_would_not_be_read_again(
    broken: str, library: Library, client: SemanticScholar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ""
    for number in range(1, 4):
        title, paper = f"The paper with the number {number}", f"1409.000{number}"
        library.add(number, 1233 + number, title, externalIds={"ArXiv": paper})
        text += f"- [{title}](https://arxiv.org/abs/{paper}) Cited by `7`\n\n"
    path = save(tmp_path, text)

    def breaking(source: str, row: Row, *args: Any, **more: Any) -> list[Edit]:
        edits = count_edits(source, row, *args, **more)
        if row.title and row.title.endswith("2"):
            assert row.citation.shown_span
            return [Edit(row.citation.shown_span[0], edits[0].end, broken)]
        return edits

    monkeypatch.setattr("papers.catalog.count_edits", breaking)
    outcome = refresh(path, client, style="static")
    assert [row.title for row in read_rows(load(path))] == [row.title for row in read_rows(text)]
    states = {row.title: row.state for row in outcome.rows}
    assert states["The paper with the number 2"] == "no_place"
    assert states["The paper with the number 1"] == "ok"
    for row in read_rows(load(path)):
        assert (row.style, row.count) == (
            ("text", 7) if states[row.title or ""] == "no_place" else ("static", row.count)
        )


@pytest.mark.parametrize("style", ["live", "static", "text"])
@pytest.mark.parametrize("cell", [live(1), static(1, "7"), text_count(1, "7"), ""])
@pytest.mark.parametrize("markdown", [False, True])
def test_styles_convert_into_each_other(
    style: str, cell: str, markdown: bool, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 1234, "A paper", externalIds={"ArXiv": "1409.3215"})
    if markdown:
        text = f"| Title | Citation |\n|--|--|\n| [A paper](https://arxiv.org/abs/1409.3215) | {cell} |\n"
    else:
        text = page(("2014.9", '<a href="https://arxiv.org/abs/1409.3215">A paper</a>', cell))
    path = save(tmp_path, text)
    refresh(path, client, style=style)
    (row,) = read_rows(load(path))
    assert (row.style, row.count) == (style, 1234)
    assert row.paper_id in (sha(1), "ARXIV:1409.3215")
    assert not refresh(path, client, style=style).written
    refresh(path, client, style="live")
    (row,) = read_rows(load(path))
    assert (row.style, row.count, row.title) == ("live", 1234, "A paper")


def test_rows_without_an_id_are_matched_by_title_if_the_year_agrees(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    titles = ["Deep Nets of Old", "Deep Nets of Late", "Deep Nets of None", "Wrong Nets of Sorts", "Llama 2: Open Nets"]
    for number, title in enumerate(titles):
        library.matches[title] = {"paperId": sha(number), "title": title, "year": 2019, "citationCount": number + 1}
    del library.matches["Deep Nets of None"]
    library.matches["Wrong Nets of Sorts"]["title"] = "Strong Nets of Sport"
    library.matches["Llama 2: Open Nets"]["title"] = "Llama 3: Open Nets"
    rows = [("2019", title, "0") for title in titles]
    rows[1] = ("2012", titles[1], "0")
    rows += [("", "Deep Nets of Old", "0"), ("2018.12", "Deep nets of old.", "N/A"), ("2019", "", "0")]
    library.matches["Deep nets of old."] = library.matches["Deep Nets of Old"]
    path = save(tmp_path, page(*rows))
    outcome = refresh(path, client)
    assert [row.state for row in outcome.rows] == [
        *("ok", "mismatch", "no_id", "mismatch", "mismatch"),
        *("mismatch", "ok", "no_id"),
    ]
    assert outcome.rows[0].paper_id == sha(0)
    assert outcome.rows[1].note == "a paper has this title, but it is of 2019, not 2012"
    assert outcome.rows[3].note == "the nearest title is another paper's: Strong Nets of Sport"
    assert outcome.rows[5].note == "a paper has this title, but no year or id confirms that it is this one"
    assert [row.count for row in read_rows(load(path))] == [1, 0, 0, 0, 0, 0, 1, 0]


def test_the_id_of_another_paper_is_not_believed(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 99, "Sequential Recommender Systems: Challenges and Prospects")
    library.add(2, 98, "Attention Is All You Need", externalIds={"ArXiv": "1706.03762"})
    link = '<a href="https://arxiv.org/abs/1312.6114">Auto-Encoding Variational Bayes</a>'
    rows = (
        ("2014", "Learning to Align and Translate Jointly", live(1)),
        ("2013.12", link, live(2)),
        ("2018", "BERT", live(1)),
    )
    path = save(tmp_path, page(*rows))
    outcome = refresh(path, client)
    assert [row.state for row in outcome.rows] == ["mismatch", "mismatch", "ok"]
    assert outcome.rows[1].note == "the id is that of another paper: Attention Is All You Need"


def test_merged_and_unknown_papers_are_told_apart(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 5, "One")
    library.aliases[sha(2)] = sha(1)
    path = save(tmp_path, page(("", "One", static(2, "4")), ("", "Two", static(3, "4"))))
    outcome = refresh(path, client)
    assert [(row.state, row.note) for row in outcome.rows] == [
        ("ok", f"merged: the paper's id is now {sha(1)}"),
        ("not_found", "the service knows no paper with this id"),
    ]
    assert load(path) == page(("", "One", static(2, "5")), ("", "Two", static(3, "4")))


@pytest.mark.parametrize("count", [None, -1, "7", 3.5, True, 10**30])
def test_what_is_no_count_is_never_written(
    count: object, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.papers[sha(1)] = {"paperId": sha(1), "citationCount": count}
    path = save(tmp_path, page(("", "One", static(1, "4"))))
    (row,) = refresh(path, client).rows
    assert (row.state, row.new, row.note) == ("failed", None, "the answer holds no citation count")
    assert load(path) == page(("", "One", static(1, "4")))


def test_a_stale_count_fills_a_gap_but_never_takes_the_place_of_a_count(library: Library, tmp_path: Path) -> None:
    client = SemanticScholar(base_url=library.url, cache=tmp_path / "c.sqlite", pace=0, max_wait=0, retries=0)
    for number in (1, 2, 3):
        library.add(number, 5)
    client.papers([sha(1), sha(2), sha(3)])
    library.always = "503"
    path = save(tmp_path, page(("", "A", text_count(1, "N/A")), ("", "B", static(2, "9")), ("", "C", static(3, "5"))))
    outcome = refresh(path, client)
    assert [(row.state, row.new, row.as_of) for row in outcome.rows] == [
        ("ok", 5, TODAY),
        ("failed", None, TODAY),
        ("unchanged", 5, TODAY),
    ]
    assert all((row.note or "").startswith(f"stale: from {TODAY}") for row in outcome.rows)
    assert [row.count for row in read_rows(load(path))] == [5, 9, 5]


def test_without_a_network_every_count_stays(tmp_path: Path) -> None:
    client = SemanticScholar(base_url="http://127.0.0.1:9", pace=0, max_wait=0, retries=1)
    path = save(tmp_path, page(("", "A", static(1, "9")), ("2019", "No id", "3"), ("2019", "Nor this", "4")))
    outcome = refresh(path, client)
    assert [row.state for row in outcome.rows] == ["failed"] * 3
    assert outcome.requests == 2
    assert not outcome.complete
    assert not outcome.written
    assert not history_path(path).exists()


def test_nothing_is_written_if_nothing_changed(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 9)
    path = save(tmp_path, "\ufeff" + page(("", "A", static(1, "9"))).replace("\n", "\r\n").rstrip())
    os.utime(path, ns=(1, 1))
    assert not refresh(path, client).written
    assert path.stat().st_mtime_ns == 1


def test_a_dry_run_shows_the_change_and_makes_none(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 10)
    text = page(("", "A", static(1, "9")))
    path = save(tmp_path, text)
    outcome = refresh(path, client, write=False)
    assert outcome.changed
    assert load(path) == text
    assert list(tmp_path.glob("*.csv")) == []
    changed = [line for line in outcome.diff().splitlines() if line[0] in "+-"][2:]
    assert changed == ["-  <td>" + static(1, "9") + "</td>", "+  <td>" + static(1, "10") + "</td>"]


def test_links_are_followed_and_permissions_kept(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 10)
    (tmp_path / "real").mkdir()
    path = save(tmp_path / "real", page(("", "A", static(1, "9"))))
    path.chmod(0o640)
    link = tmp_path / "link.md"
    link.symlink_to(path)
    assert refresh(link, client).written
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(file.name for file in (tmp_path / "real").iterdir()) == ["list.history.csv", "list.md"]


def test_a_file_that_changes_meanwhile_is_left_alone(
    library: Library, client: SemanticScholar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(1, 10)
    path = save(tmp_path, page(("", "A", static(1, "9"))))
    asks = papers.catalog.look_up

    def slowly(*arguments: object) -> object:
        path.write_text("saved by an editor")
        return asks(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(papers.catalog, "look_up", slowly)
    with pytest.raises(FileChangedError, match="has changed on disk meanwhile; nothing was written"):
        refresh(path, client)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["saved by an editor"]


def test_files_that_cannot_be_read_are_named(client: SemanticScholar, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot read .*none.md: No such file"):
        refresh(tmp_path / "none.md", client)
    (tmp_path / "latin.md").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match=r"latin.md is not UTF-8 \(byte 1\); convert it first"):
        refresh(tmp_path / "latin.md", client)
    with pytest.raises(ValueError, match="style must be keep, live, static or text, got 'dynamic'"):
        refresh(tmp_path / "none.md", client, style="dynamic")  # type: ignore[arg-type]


def test_what_cannot_be_written_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot write .*none.x.bib: there is no folder .*none; make it first"):
        replace_text(tmp_path / "none" / "x.bib", None, "new")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "link"):
        with pytest.raises(OSError, match=f"cannot write {path}: it is a folder or a device; name a file"):
            replace_text(path, None, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(OSError, match=r"cannot write .*/a{255}: File name too long"):
        replace_text(tmp_path / ("a" * 255), None, "new")  # the temporary file's name is longer


def test_a_killed_process_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    old, new = "old\n" * 200_000, "new\n" * 200_000
    path = save(tmp_path, old)
    program = (
        "import sys; from papers.files import replace_text\n"
        "texts = ['old\\n' * 200_000, 'new\\n' * 200_000]\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    replace_text(sys.argv[1], *texts); texts.reverse()\n"
    )
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        assert load(path) in (old, new)
        path.write_text(old)
    with pytest.raises(FileChangedError):
        replace_text(path, new, old)


ARXIV = '<a href="https://arxiv.org/abs/{}">{}</a>'
SCANREFER = "ScanRefer: 3D Object Localization in RGB-D Scans using Natural Language"
SCANQA = "ScanQA: 3D Question Answering for Spatial Scene Understanding"


def scans(library: Library, *, found: bool = True) -> None:
    """ScanRefer and ScanQA; the link of the one in the list below is the other's."""
    refer = library.add(1, 1000, SCANREFER, externalIds={"ArXiv": "1912.08830"}, year=2020)
    library.add(2, 300, SCANQA, externalIds={"ArXiv": "2112.10482"}, year=2021, publicationDate="2021-12-20")
    if found:
        library.matches[SCANREFER] = refer


def test_a_wrong_link_is_said_and_the_count_is_that_of_the_paper_in_the_title(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    scans(library)
    rows = [("2019-12", ARXIV.format("2112.10482", SCANREFER), cell) for cell in ("900", live(1), static(2, "290"))]
    path = save(tmp_path, page(*rows))
    outcome = refresh(path, client)
    wrong = f"wrong-link: the link leads to another paper: {SCANQA}"
    link = "https://arxiv.org/abs/2112.10482"
    assert [(row.state, row.new, row.paper_id, row.wrong_link) for row in outcome.rows] == [
        ("ok", 1000, sha(1), link),
        ("ok", 1000, sha(1), link),
        ("mismatch", None, sha(2), link),
    ]
    assert [row.note for row in outcome.rows] == [wrong] * 3
    assert [row.count for row in read_rows(load(path))] == [1000, 1000, 290]


@pytest.mark.parametrize("fault", ["", "404", "503"])
def test_a_wrong_link_alone_changes_no_count(
    fault: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    scans(library, found=False)
    text = page(("2019-12", ARXIV.format("2112.10482", SCANREFER), "900"))
    path = save(tmp_path, text)
    library.faults = ["", *[fault] * 9]
    (row,) = refresh(path, client).rows
    assert (row.state, row.new) == ("mismatch", None)
    assert row.note == f"wrong-link: the link leads to another paper: {SCANQA}"
    assert row.wrong_link == "https://arxiv.org/abs/2112.10482"
    assert load(path) == text


def test_another_id_of_the_row_is_believed_before_a_title(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    scans(library, found=False)
    rows = (
        f"- [{SCANREFER}](https://arxiv.org/abs/2112.10482) [[arXiv](https://arxiv.org/abs/1912.08830)] cited by `900`",
        f"- [{SCANREFER}](https://doi.org/10.1000/none) [[arXiv](https://arxiv.org/abs/1912.08830)] cited by `900`",
    )
    path = save(tmp_path, "\n".join(rows) + "\n")
    outcome = refresh(path, client)
    assert [(row.state, row.new, row.paper_id) for row in outcome.rows] == [("ok", 1000, "ARXIV:1912.08830")] * 2
    assert [row.wrong_link for row in outcome.rows] == ["https://arxiv.org/abs/2112.10482", None]
    assert (outcome.rows[1].note or "").endswith("found as ARXIV:1912.08830")


def test_an_id_that_is_unknown_is_tried_by_title_if_it_is_not_the_services_own(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    title = "One paper of many words"
    library.add(9, 9, "Attention is all you need", externalIds={"ArXiv": "1706.03762"})
    library.matches[title] = library.add(1, 8, title, year=2020)
    doi = f'<a href="https://doi.org/10.1000/1">{title}</a>'
    rows = [("2020", doi, "7"), ("2015", doi, "7"), ("2020", title, static(7, "7"))]
    path = save(tmp_path, page(*rows, ("2020", '<a href="https://doi.org/10.1000/2">Another of many words</a>', "7")))
    outcome = refresh(path, client)
    assert [(row.state, row.new, row.paper_id) for row in outcome.rows] == [
        ("ok", 8, sha(1)),
        ("not_found", None, "DOI:10.1000/1"),
        ("not_found", None, sha(7)),
        ("not_found", None, "DOI:10.1000/2"),
    ]
    assert outcome.rows[0].note == "the service does not know DOI:10.1000/1; found by its title"
    assert "it is of 2020, not 2015" in (outcome.rows[1].note or "")
    assert outcome.requests == 4  # three ids, none of them known; the same beside one that is; and two titles
    library.always = "503"
    assert {row.state for row in refresh(path, client).rows} == {"failed"}


def test_a_title_with_namesakes_needs_its_own_year_or_an_author(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    goodfellow = library.add(1, 14204, "Deep Learning", year=2016, authors=[{"name": "Ian Goodfellow"}])
    library.matches["Deep Learning"] = goodfellow
    text = page(("2015", "Deep Learning", "60000"), ("2016", "Deep Learning", "14000"))
    path = save(tmp_path, text)
    outcome = refresh(path, client)
    assert [(row.state, row.new) for row in outcome.rows] == [("mismatch", None), ("ok", 14204)]
    named = text.replace("<td>2015</td>", "<td>2015, I. Goodfellow</td>").replace("60000", "14000")
    assert refresh(save(tmp_path, named), client).rows[0].state == "ok"


def test_a_fall_of_more_than_half_is_said_and_written_only_if_asked(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    for number, count in enumerate((0, 49, 50, 51), 1):
        library.add(number, count)
    cells = [static(1, "50000"), static(2, "100"), static(3, "100"), text_count(4, "1,000")]
    path = save(tmp_path, page(*(("", f"P{number}", cell) for number, cell in enumerate(cells))))
    outcome = refresh(path, client)
    assert [(row.state, row.old, row.new) for row in outcome.rows] == [
        ("fall", 50000, 0),
        ("fall", 100, 49),
        ("ok", 100, 50),
        ("fall", 1000, 51),
    ]
    assert outcome.rows[0].note == "from 50000 to 0; --accept-falls writes it"
    assert [row.count for row in read_rows(load(path))] == [50000, 100, 50, 1000]
    assert [count.count for count in read_history(path)] == [50]
    refresh(path, client, accept_falls=True)
    assert [row.count for row in read_rows(load(path))] == [0, 49, 50, 51]


@pytest.mark.parametrize(("count", "said"), [(None, "knows none of the 20 ids"), (0, "no citation of any of the 20")])
def test_what_is_said_of_all_papers_alike_and_cannot_be_is_a_failure(
    count: int | None, said: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(99, 7, "Attention is all you need", externalIds={"ArXiv": "1706.03762"})
    for number in range(20) if count is not None else ():
        library.add(number, count)
    for cell in (live, static, text_count):
        path = save(tmp_path, page(*(("", f"P{number}", cell(number, "N/A")) for number in range(20))))
        before = load(path)
        outcome = refresh(path, client)
        assert {row.state for row in outcome.rows} == {"failed"}
        assert said in (outcome.rows[0].note or "")
        assert load(path) == before


def test_a_wrong_link_beside_a_right_badge_is_said_at_the_cost_of_one_question_more(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    scans(library)
    library.add(
        3, 7, "One paper of many words", externalIds={"ArXiv": "1801.00003", "DOI": "10.1000/preprint"}, year=2018
    )
    library.aliases["doi:10.1000/journal"] = sha(3)
    rows = [
        ("2019-12", ARXIV.format("2112.10482", SCANREFER), static(1, "900")),
        ("2018", '<a href="https://doi.org/10.1000/journal">One paper of many words</a>', static(3, "6")),
        ("2019-12", ARXIV.format("1912.08830", SCANREFER), static(1, "900")),
    ]
    outcome = refresh(save(tmp_path, page(*rows)), client)
    assert [(row.state, row.wrong_link) for row in outcome.rows] == [
        ("ok", "https://arxiv.org/abs/2112.10482"),
        ("ok", None),
        ("ok", None),
    ]
    assert outcome.requests == 2


def test_where_a_count_has_no_place_the_row_says_so(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 9000, "One paper of many words", externalIds={"ArXiv": "1409.3215"})
    path = save(tmp_path, "| Title |\n|--|\n| [One paper of many words](https://arxiv.org/abs/1409.3215) |\n")
    (row,) = refresh(path, client).rows
    assert (row.state, row.old, row.new) == ("no_place", None, 9000)


def test_a_run_that_is_broken_off_is_gone_on_with(library: Library, tmp_path: Path) -> None:
    for number in range(1, 1201):
        library.add(number, number)
    path = save(tmp_path, page(*(("", f"P{number}", static(number, "1")) for number in range(1, 1201))))
    before = load(path)

    class Stopped(BaseException):
        pass

    def stop(done: int, _: int) -> None:
        if done >= 1000:
            raise Stopped  # as Ctrl-C would

    def client(**more: float) -> SemanticScholar:
        return SemanticScholar(base_url=library.url, cache=tmp_path / "c.sqlite", pace=0, **more)  # type: ignore[arg-type]

    with pytest.raises(Stopped):
        refresh(path, client(), progress=stop)
    assert load(path) == before
    for number in range(1, 1201):
        library.papers[sha(number)]["citationCount"] = number + 1
    outcome = refresh(path, client())
    assert outcome.requests == 1
    assert [row.new for row in outcome.rows] == [*range(1, 1001), *range(1002, 1202)]
    assert "went on with the run of" in outcome.notes[0]
    outcome = refresh(path, client())  # that one came to its end
    assert (outcome.requests, outcome.notes) == (3, ())
    # The limit of time breaks a run off, too.
    outcome = refresh(path, client(max_time=1e-6))
    assert outcome.rows[0].note is not None
    assert "the time limit of 1e-06 seconds is used up (--max-time)" in outcome.rows[0].note
    assert "went on" in refresh(path, client()).notes[0]


def test_a_password_in_the_address_is_sent_and_shown_nowhere(library: Library, tmp_path: Path) -> None:
    library.add(1, 5)
    url = library.url.replace("http://", "http://me:s3cret%21@")
    client = SemanticScholar(base_url=url, cache=tmp_path / "c.sqlite", pace=0, max_wait=0, retries=0)
    path = save(tmp_path, page(("", "A", static(1, "4"))))
    said = [str(refresh(path, client).as_json()), repr(client), client.base_url]
    assert library.log[0].headers["authorization"] == "Basic bWU6czNjcmV0IQ=="
    library.always = "401"
    said.append(str(refresh(path, client).as_json()))
    library.always = "drop"
    said.append(str(refresh(path, client).as_json()))
    with pytest.raises(ValueError, match=r"got 'ftp://…@host/x'") as refused:
        SemanticScholar(base_url="ftp://me:s3cret!@host/x")
    said.append(str(refused.value))
    kept = (tmp_path / "c.sqlite").read_bytes().decode("latin-1")
    assert all("s3cret" not in text and "me:" not in text for text in (*said, kept))


SCRAMBLES: dict[str, Callable[[list[Any], Random], list[Any]]] = {
    "permuted": lambda found, random: random.sample(found, len(found)),
    "omitted": lambda found, random: [one for one in found if random.random() < 0.7],
    "with gaps": lambda found, random: [one if random.random() < 0.7 else None for one in found],
    "doubled": lambda found, random: [random.choice(found) for _ in found],
    "with aliens": lambda found, random: [one if random.random() < 0.7 else ALIEN for one in found],
    "moved": lambda found, random: [*found[1:], found[0]],
}
ALIEN = {"paperId": sha(999), "title": "Model 999: a paper from elsewhere", "citationCount": 9999, "externalIds": {}}
TITLES = ("BERT", "AlexNet", "Transformer", "Attention is all you need for number {}", "Model {}: a paper on models")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(), st.sampled_from(sorted(SCRAMBLES)), st.lists(st.sampled_from(TITLES), min_size=1, max_size=8))
def test_whatever_a_batch_is_answered_with_no_wrong_count_is_written(
    library: Library, seed: int, scramble: str, titles: list[str]
) -> None:
    """Nicknames say nothing of whose record it is, one id has been merged, and every count is the number's hundred."""
    library.papers.clear()
    library.aliases.clear()
    rows = []
    for number, title in enumerate(titles, 1):
        full = f"Model {number}: what is called {title}" if "{" not in title else title.format(number)
        library.add(number, 100 * number, full, externalIds={"ArXiv": f"2001.{number:05}"})
        cell = [static(number, str(100 * number - 1)), str(100 * number - 1)][number % 2]
        rows.append(("2020", ARXIV.format(f"2001.{number:05}", title.format(number)), cell))
    library.aliases[sha(500)] = sha(1)
    rows.append(("2020", "GAN", static(500, "99")))
    library.scramble = lambda found: SCRAMBLES[scramble](found, Random(seed))
    client = SemanticScholar(base_url=library.url, pace=0, max_wait=0, retries=0)
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder), page(*rows))
        outcome = refresh(path, client, accept_falls=True)
        true = [*(100 * number for number in range(1, len(titles) + 1)), 100]
        for shown, old, new in zip(read_rows(load(path)), outcome.rows, true, strict=True):
            assert shown.count in (old.old, new)
            assert old.new in (None, new)


AROUND = st.text(max_size=30).filter(lambda text: "\r" not in text and "<" not in text)
CELLS = st.sampled_from([live, static, text_count])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(AROUND, CELLS), max_size=5), AROUND, AROUND, st.sampled_from(["\n", "\r\n"]))
def test_with_unchanged_counts_a_refresh_is_the_identity(
    library: Library, client: SemanticScholar, rows: list[tuple[str, object]], before: str, after: str, line_end: str
) -> None:
    library.papers.clear()
    made = []
    for number, (words, make) in enumerate(rows, 1):
        alt = f"{words.replace(chr(34), '')} {number} (2020-01-31)" if make is live else str(number)
        made.append((words, f"{words}", make(number, alt)))  # type: ignore[operator]
        library.add(number, number)
    text = before + "\n\n" + page(*made).replace("\n", line_end) + after
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder), text)
        os.utime(path, ns=(1, 1))
        outcome = refresh(path, client)
        assert load(path) == text
        assert path.stat().st_mtime_ns == 1
        assert {row.state for row in outcome.rows} <= {"unchanged", "no_id"}


FAULTS = st.sampled_from(["", "429", "500", "503", "504", "403", "html", "cut", "drop", "short"])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FAULTS, max_size=12), st.lists(st.integers(0, 9) | st.none(), min_size=1, max_size=6))
def test_no_sequence_of_faults_changes_a_good_count_to_anything_but_a_newer_one(
    faults: list[str], counts: list[int | None]
) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Library()) as library:
        client = SemanticScholar(
            base_url=library.url, cache=Path(folder) / "c.sqlite", pace=0, max_wait=0, retries=1, timeout=5
        )
        cells = [("", f"Title {number}", static(number, "100")) for number in range(1, len(counts) + 1)]
        path = save(Path(folder), page(*cells))
        shown = [100] * len(counts)
        for round_ in range(3):
            library.papers.clear()
            for number, count in enumerate(counts, 1):
                if count is not None:
                    library.add(number, 200 + 10 * round_ + count)
            library.faults = faults[4 * round_ : 4 * round_ + 4]
            outcome = refresh(path, client)
            for row, known in zip(outcome.rows, counts, strict=True):
                assert known is not None or row.state in ("not_found", "failed")
            for index, row in enumerate(read_rows(load(path))):
                count = counts[index]
                newer = [200 + 10 * round_ + count] if count is not None else []
                assert row.count in [shown[index], *newer]
                shown[index] = row.count
            assert re.sub(r"citation-\d+-", "", load(path)) == re.sub(r"citation-\d+-", "", page(*cells))


@pytest.mark.parametrize("found", [True, False])
def test_a_link_to_a_paper_of_a_similar_title_gives_the_count_of_the_one_in_the_title_or_none(
    found: bool, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    ours, theirs = "Language Models are Unsupervised Multitask Learners", "Language Models are Few-Shot Learners"
    library.add(2, 6000, theirs, externalIds={"ArXiv": "2005.14165"}, year=2020)
    if found:
        library.matches[ours] = library.add(1, 5000, ours, externalIds={"ArXiv": "1902.00001"}, year=2019)
    path = save(tmp_path, page(("2019.2", ARXIV.format("2005.14165", ours), "4900")))
    (row,) = refresh(path, client).rows
    note = f"wrong-link: the link leads to a paper of another title: {theirs}"
    link = "https://arxiv.org/abs/2005.14165"
    assert (row.state, row.new, row.note, row.wrong_link) == (
        ("ok", 5000, note, link) if found else ("mismatch", None, note, link)
    )
    assert [row.count for row in read_rows(load(path))] == [5000 if found else 4900]


def test_a_similar_title_is_believed_if_year_and_author_agree(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    new = "Hierarchical Implicit Models and Likelihood-Free Variational Inference of Posteriors"
    old = "Deep and Hierarchical Implicit Models and Likelihood-Free Inference of Posteriors"
    library.add(1, 9, new, externalIds={"ArXiv": "1702.08896"}, year=2017, authors=[{"name": "Dustin Tran"}])
    shown = ARXIV.format("1702.08896", old)
    path = save(tmp_path, page(("2017", shown, "8"), ("2017", f"{shown}, D. Tran et al.", "8")))
    assert [row.state for row in refresh(path, client).rows] == ["mismatch", "ok"]


@pytest.mark.parametrize(("old", "new", "said"), [(10, 201, True), (10, 200, False), (9, 900, False)])
def test_a_leap_is_written_and_remarked_on(
    old: int, new: int, said: bool, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, new)
    (row,) = refresh(save(tmp_path, page(("", "P", static(1, str(old))))), client).rows
    assert (row.state, row.new) == ("ok", new)
    assert row.note == (f"from {old} to {new}, more than 20 times as many: is it this paper?" if said else None)
