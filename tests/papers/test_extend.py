"""New rows look like the old ones, and text from the service is data wherever it goes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from semantic_scholar_server import Library, sha
from test_refresh import TODAY, live, load, page, save, static

from papers import SemanticScholar, audit_text, read_rows
from papers.escape import for_bibtex, for_csv, for_html, for_markdown, one_line, safe_url
from papers.export import FORMATS
from papers.extend import add, suggest
from papers.history import Count, append_history, history_path, read_history
from papers.transport import ServiceError


@pytest.fixture
def known(library: Library) -> Library:
    """A service that knows one paper well."""
    library.add(
        7,
        42,
        "Attention Is <All> You | Need",
        externalIds={"ArXiv": "1706.03762"},
        year=2017,
        publicationDate="2017-12-04",
        tldr={"model": "x", "text": "Recurrence & convolution\nare not needed."},
        url="https://www.semanticscholar.org/paper/x",
    )
    return library


def test_a_row_is_added_in_the_style_of_the_list_as_found(
    as_found: str, known: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    path = save(tmp_path, audit_text(as_found).after)
    add(path, "https://arxiv.org/abs/1706.03762v5", "Transformer", client)
    after = load(path)
    row = read_rows(after)[-1]
    assert (row.date, row.category, row.title) == ("2017.6", "Transformer", "Attention Is <All> You | Need")
    assert row.url == "https://arxiv.org/abs/1706.03762"
    assert row.description == "Recurrence & convolution are not needed."
    assert (row.badge_id, row.link_id, row.style, row.count) == (sha(7), sha(7), "live", 42)
    assert after[: row.start].rstrip() == load(path)[: read_rows(after)[2].end]
    assert after.endswith("\n    </tr>\n  </tbody>\n</table>\n")
    shape = [re.match(r"\s*(</?t[dr]>)?", line)[0] for line in after[row.start : row.end].splitlines()]  # type: ignore[index]
    assert shape == ["<tr>", *["      <td>"] * 5, "    </tr>"]
    with pytest.raises(ValueError, match="the paper is in the list already, on line 69"):
        add(path, "ARXIV:1706.03762", "Transformer", client)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_row_is_added_to_a_pipe_table(line_end: str, known: Library, client: SemanticScholar, tmp_path: Path) -> None:
    text = (
        "> | Source | Time | Title | Group | Citation |\n> |--|--|--|--|--|\n"
        "> | arxiv | 202309 | [A](https://arxiv.org/abs/2309.01157) |  X  | 7 |\n\nText."
    ).replace("\n", line_end)
    path = save(tmp_path, text)
    add(path, "1706.03762", "Transformer", client)
    title = r"[Attention Is &lt;All&gt; You \| Need](https://arxiv.org/abs/1706.03762)"
    link = "https://www.semanticscholar.org/paper/" + sha(7)
    new = f"> |  | 201706 | {title} |    | [42]({link}) |"
    assert load(path) == text.replace(f"{line_end}{line_end}Text", f"{line_end}{new}{line_end}{line_end}Text")
    assert read_rows(load(path))[-1].title == "Attention Is <All> You | Need"


def test_an_empty_pipe_table_gets_its_first_row(known: Library, client: SemanticScholar, tmp_path: Path) -> None:
    path = save(tmp_path, "| Date | Category | Title | Citation |\n|--|--|--|--|\n")
    added = add(path, sha(7), "A|B", client, write=False)
    assert load(path).count("\n") == 2
    add(path, sha(7), "A|B", client)
    (row,) = read_rows(load(path))
    assert (row.category, row.count, row.style) == ("A|B", 42, "live")
    assert load(path).endswith("|--|--|--|--|\n" + added.source + "\n")


def test_static_badges_beget_static_badges(known: Library, client: SemanticScholar, tmp_path: Path) -> None:
    path = save(tmp_path, page(("2014.9", "A", static(1, "7")), ("2014.10", "B", static(2, "8"))))
    add(path, sha(7), "x", client)
    row = read_rows(load(path))[-1]
    assert (row.style, row.count, row.link_id) == ("static", 42, sha(7))


def test_what_cannot_be_added_is_refused(known: Library, client: SemanticScholar, tmp_path: Path) -> None:
    path = save(tmp_path, page(("2014.9", "A", live(1))))
    with pytest.raises(ServiceError, match=r"the service knows no paper '1706\.99999'; check the id"):
        add(path, "1706.99999", "x", client)
    with pytest.raises(ValueError, match="table must be from 1 to 1, got 2"):
        add(path, sha(7), "x", client, table=2)
    with pytest.raises(ValueError, match="there is no table of papers in the file"):
        add(save(tmp_path, "text"), sha(7), "x", client)
    header = "<table><tr><th>Title</th><th>Citation</th></tr></table>"
    with pytest.raises(ValueError, match="the table has no whole row whose layout could be followed"):
        add(save(tmp_path, header), sha(7), "x", client)


def test_what_the_service_sends_never_becomes_markup(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><td>| [x](javascript:alert(1)) `\n\n# h \x1b[31m'
    library.add(7, 42, evil, tldr={"text": evil}, url="javascript:alert(1)")
    pipes = "| Date | Title | Description | Citation |\n|--|--|--|--|\n| 2014 | A | b | 7 |\n"
    for text in (page(("2014.9", "A", live(1))), pipes):
        path = save(tmp_path, text)
        add(path, sha(7), evil, client)
        after = load(path)
        rows = read_rows(after)
        assert len(rows) == 2
        assert rows[1].title == one_line(evil)
        assert rows[1].url is None
        assert "\x1b" not in after
        assert "<script" not in after
        assert not LexborHTMLParser(after).css("script, a[href^=javascript]")


def test_suggestions_are_papers_that_are_not_in_the_list(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 3, "A")
    library.recommended = [
        library.add(1, 3, "A"),
        library.add(5, 3, "A Full Title of a Known Paper"),
        library.add(6, 3, "Something new"),
    ]
    path = save(tmp_path, page(("2014", "A", live(1)), ("2015", "A full title of a known paper", "")))
    assert [record["title"] for record in suggest(path, client)] == ["Something new"]
    with pytest.raises(ValueError, match="has an id that the service knows; add badges or links first"):
        suggest(save(tmp_path, page(("2014", "A", live(9)))), client)


EVIL = st.text(st.sampled_from("ab<>&\"'|\\`*_[]()!#~$%^{}=+-@\n\r\t\x1b\u202e\u2028 ü"), max_size=20)


@given(EVIL)
def test_escaped_text_means_itself_and_nothing_more(text: str) -> None:
    plain = one_line(text)
    node = LexborHTMLParser(f'<p title="{for_html(text)}">{for_html(text)}</p>').css_first("p")
    assert node
    assert node.text() == plain
    assert (node.attributes["title"] or "") == plain
    table = f"| Title | Citation |\n|--|--|\n| x{for_markdown(text)}x | 7 |\n"
    (row,) = read_rows(table)
    assert row.title == f"x{plain}x"
    assert row.count == 7
    assert for_csv(text)[:1] not in set("=+-@")
    assert for_csv(text).endswith(plain)
    assert not re.search(r"(?<!\\)[%$&#_](?!\w*\{\})", for_bibtex(text))
    braces = re.sub(r"\\[{}]", "", for_bibtex(text))
    assert braces.count("{") == braces.count("}")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//host/x", "x", "", "http://["]
)
def test_only_web_addresses_are_links(url: str) -> None:
    assert safe_url(url) is None


def test_an_address_cannot_break_out_of_its_place() -> None:
    assert safe_url('https://a.b/x">(y) z|\n') == "https://a.b/x%22%3E%28y%29%20z%7C"
    assert safe_url("https://a.b/%20?q=1&r=ü#f") == "https://a.b/%20?q=1&r=%C3%BC#f"


def test_every_format_carries_the_list_as_found(as_found: str) -> None:
    rows = read_rows(as_found)
    made = {name: write(rows) for name, write in FORMATS.items()}
    assert json.loads(made["json"]) == [row.as_json() for row in rows]
    table = list(csv.DictReader(io.StringIO(made["csv"])))
    assert [line["title"] for line in table] == [row.title for row in rows]
    again = read_rows(made["markdown"])
    assert [(r.date, r.category, r.title, r.url) for r in again] == [(r.date, r.category, r.title, r.url) for r in rows]
    assert made["bibtex"].count("@misc{") == 3
    assert "@misc{sequencesequencelearning2014,\n  title = {{Sequence to Sequence Learning" in made["bibtex"]
    assert "  eprint = {1409.3215},\n  archiveprefix = {arXiv},\n" in made["bibtex"]
    assert made["ris"].count("TY  - GEN\n") == made["ris"].count("ER  - \n") == 3
    assert "TI  - Sequence to Sequence Learning with Neural Networks\nPY  - 2014\nDA  - 2014/09//\n" in made["ris"]
    assert all(write([]) is not None for write in FORMATS.values())


def test_bibtex_keys_are_unique() -> None:
    keys = re.findall(r"@misc\{(.*),", FORMATS["bibtex"](read_rows(page(("2014", "A b", "1"), ("2014", "A b", "2")))))
    assert keys == ["b2014", "b2014-2"]


def test_a_history_grows_and_repeats_nothing(tmp_path: Path) -> None:
    path = save(tmp_path, "")
    assert history_path(path).name == "list.history.csv"
    assert append_history(path, [Count("2026-01-31", "a", 1), Count("2026-01-31", "b", 2)]) == 2
    assert append_history(path, [Count("2026-01-31", "a", 1), Count("2026-02-01", "a", 1)]) == 1
    assert load(history_path(path)) == "date,id,count\n2026-01-31,a,1\n2026-01-31,b,2\n2026-02-01,a,1\n"
    history_path(path).write_text(load(history_path(path)) + "2026-02-02,a,x\nbroken")
    assert append_history(path, [Count("2026-02-03", "a", 4)]) == 1
    assert [count.count for count in read_history(path)] == [1, 2, 1, 4]
    os.utime(history_path(path), ns=(1, 1))
    assert append_history(path, [Count("2026-02-03", "a", 4)]) == 0
    assert history_path(path).stat().st_mtime_ns == 1


def test_the_history_is_that_of_the_refreshed_papers(library: Library, client: SemanticScholar, tmp_path: Path) -> None:
    library.add(1, 5)
    path = save(tmp_path, page(("", "A", live(1)), ("", "B", live(2))))
    from papers import refresh

    refresh(path, client)
    assert read_history(path) == [Count(TODAY, sha(1), 5)]
