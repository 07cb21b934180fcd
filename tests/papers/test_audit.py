"""Each kind of fault is found, offline where it can be, and mended only where that is certain."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from semantic_scholar_server import Library, sha
from test_refresh import INNER, LIVE, PAGE, live, load, page, save

from papers import Finding, SemanticScholar, audit_text, read_rows, read_tables
from papers.audit import as_json, audit
from papers.checks import Context
from papers.service import Answer

SURVEY, TEXTS, SEQ2SEQ = (
    "d837642802ffc85e193694f94f7499276864648e",
    "29f07e73b7aaa7e9e950c59710472c62316be74a",
    "cea967b59209c6be22829699f05b8b1ac4dc092d",
)


def kinds(findings: list[Finding]) -> list[tuple[int, str, str | None, str]]:
    return [(f.line, f.kind, f.expected, f.certainty) for f in findings if f.kind != "no-description"]


def know_the_papers_as_found(library: Library) -> None:
    """The three papers, with what is publicly known of them (the counts are made up, for no test shows them)."""
    external = [{"DOI": "10.24963/ijcai.2019/883"}, {"ArXiv": "2310.07849"}, {"ArXiv": "1409.3215"}]
    titles = [
        "Sequential Recommender Systems: Challenges, Progress and Prospects",
        "Synthetic Data Generation with Large Language Models for Text Classification: Potential and Limitations",
        "Sequence to Sequence Learning with Neural Networks",
    ]
    dates = ["2019-08-01", "2023-10-11", "2014-09-10"]
    for paper, ids, title, day in zip((SURVEY, TEXTS, SEQ2SEQ), external, titles, dates, strict=True):
        record = {"paperId": paper, "title": title, "year": int(day[:4]), "publicationDate": day, "citationCount": 1}
        library.papers[paper] = record | {"externalIds": ids, "tldr": {"model": "x", "text": f"About {title[:10]}."}}
        for kind, value in ids.items():
            library.aliases[f"{kind}:{value}".lower()] = paper


def test_offline_the_list_as_found_has_four_faults_and_empty_descriptions(as_found: str) -> None:
    outcome = audit_text(as_found)
    assert kinds(outcome.findings) == [
        (45, "date", "2019", "possible"),
        (53, "date", "2023.10", "likely"),
        (53, "link-badge-mismatch", TEXTS, "likely"),
        (68, "truncated", "</tbody> </table>", "certain"),
    ]
    mismatch = next(f for f in outcome.findings if f.kind == "link-badge-mismatch")
    assert mismatch.found == SURVEY
    assert mismatch.note == "link and badge name different papers; it is the link of line 45"
    assert outcome.after == as_found.rstrip("\n") + "\n  </tbody>\n</table>\n"


def test_online_all_its_faults_are_found_and_the_certain_ones_mended(
    as_found: str, library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    know_the_papers_as_found(library)
    path = save(tmp_path, as_found)
    outcome = audit(path, client, fix=True)
    assert kinds(outcome.findings) == [
        (45, "date", "2019.8", "likely"),
        (53, "date", "2023.10", "certain"),
        (53, "link-badge-mismatch", TEXTS, "certain"),
        (
            53,
            "title",
            "Synthetic Data Generation with Large Language Models for Text Classification: Potential and Limitations",
            "certain",
        ),
        (68, "truncated", "</tbody> </table>", "certain"),
    ]
    assert next(f.expected for f in outcome.findings if f.kind == "no-description") == "About Sequential."
    after = load(path)
    (table,) = read_tables(after)
    assert table.closed
    assert (table.rows[1].date, table.rows[1].link_id, table.rows[1].badge_id) == ("2023.10", TEXTS, TEXTS)
    same = [line for line in as_found.splitlines() if line in after.splitlines()]
    assert len(same) == len(as_found.splitlines()) - 3  # date, title and link of one row
    assert kinds(audit(path, client).findings) == [(45, "date", "2019.8", "likely")]


def test_the_courses_own_catalog_has_no_fault_but_one_paper_without_an_id() -> None:
    catalog = Path(__file__).parents[2] / "papers" / "related_papers.md"
    findings = audit(catalog).findings
    assert [(f.kind, f.found) for f in findings] == [("no-id", "https://openreview.net/forum?id=Sy2fzU9gl")]
    assert len(read_rows(load(catalog))) >= 49
    assert all(row.count is None for row in read_rows(load(catalog)))


LINK = '<a href="https://arxiv.org/abs/{}">{}</a>'


def test_ids_of_another_paper_are_found_and_replaced_by_those_of_the_papers_own_link(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    library.add(1, 9, "Auto-Encoding Variational Bayes", externalIds={"ArXiv": "1312.6114"}, year=2013)
    library.add(2, 8, "Attention Is All You Need", externalIds={"ArXiv": "1706.03762"}, year=2017)
    path = save(tmp_path, page(("2013.12", LINK.format("1312.6114", "Auto-Encoding Variational Bayes"), live(2))))
    (finding,) = audit(path, client, fix=True).findings
    assert (finding.kind, finding.found, finding.expected) == ("wrong-paper", sha(2), sha(1))
    assert finding.certainty == "certain"
    assert finding.note == "badge and link name another paper: Attention Is All You Need"
    assert load(path) == page(("2013.12", LINK.format("1312.6114", "Auto-Encoding Variational Bayes"), live(1)))


def test_ids_of_another_paper_are_found_offline_by_the_words_in_the_link() -> None:
    cell = live(1).replace(PAGE, PAGE + "Sequential-Recommender-Systems-Wang-Hu/")
    text = page(("2014", "Neural Machine Translation by Jointly Learning to Align", cell))
    (finding,) = audit_text(text).findings
    assert (finding.kind, finding.certainty) == ("wrong-paper", "likely")
    assert finding.note == "the link's words are those of another title: sequential recommender systems"


def test_a_badge_may_be_the_wrong_one_of_the_two(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "Auto-Encoding Variational Bayes", externalIds={"ArXiv": "1312.6114"})
    library.add(2, 8, "Attention Is All You Need", externalIds={"ArXiv": "1706.03762"})
    cell = live(2).replace(PAGE + sha(2), PAGE + sha(1))
    outcome = audit_text(page(("2013.12", LINK.format("1312.6114", "Auto-Encoding Variational Bayes"), cell)), client)
    assert [(f.kind, f.found, f.expected, f.certainty) for f in outcome.findings] == [
        ("link-badge-mismatch", sha(2), sha(1), "certain")
    ]
    assert [(row.badge_id, row.link_id) for row in read_rows(outcome.after)] == [(sha(1), sha(1))]


def test_merged_ids_are_renamed_and_dead_ones_reported(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "One paper of many words")
    library.aliases[sha(2)] = sha(1)
    text = page(("", "One paper of many words", live(2)), ("", "Another paper of many words", live(3)))
    outcome = audit_text(text, client)
    assert kinds(outcome.findings) == [(4, "merged", sha(1), "certain"), (8, "dead", None, "certain")]
    assert [row.badge_id for row in read_rows(outcome.after)] == [sha(1), sha(3)]
    assert [row.link_id for row in read_rows(outcome.after)] == [sha(1), sha(3)]


def test_rows_without_an_id_get_a_suggestion_by_title(library: Library, client: SemanticScholar) -> None:
    record = library.add(1, 9, "Deep Nets of Old", year=2019)
    library.matches = {"Deep Nets of Old": record, "Deep Nets of New": record}
    text = page(("2019", "Deep Nets of Old", ""), ("2011", "Deep Nets of Old", ""), ("2019", "Deep Nets of New", ""))
    outcome = audit_text(text, client)
    assert [k for k in kinds(outcome.findings) if k[1] == "no-id"] == [
        (4, "no-id", sha(1), "likely"),
        (8, "no-id", sha(1), "possible"),
        (12, "no-id", None, "certain"),
    ]
    assert outcome.after == text


@pytest.mark.parametrize(
    ("date", "expected", "certainty"),
    [
        ("2013.12", None, ""),
        ("2013.11", None, ""),  # a month is lost easily
        ("2014.4", None, ""),  # the conference
        ("2013.10", "2013.12", "possible"),  # a submission that reached arXiv later
        ("2013", None, ""),
        ("2012", "2013", "likely"),
        ("2012-03", "2013-12", "likely"),
        ("201203", "201312", "likely"),
        ("2013.13", "2013.12", "likely"),
        ("ICML 2012", "2013.12", "possible"),  # the preprint may come after the conference
        ("arXiv 2012", "2013.12", "likely"),
        ("", None, ""),
    ],
)
def test_a_date_before_the_arxiv_number_is_a_fault(date: str, expected: str | None, certainty: str) -> None:
    findings = audit_text(page((date, LINK.format("1312.6114", "Auto-Encoding Variational Bayes"), "7"))).findings
    found = [(f.expected, f.certainty) for f in findings if f.kind == "date"]
    assert found == ([(expected, certainty)] if expected else [])


@pytest.mark.parametrize(
    ("written", "certainty", "note"),
    [
        ("2091.1", "certain", "that year has not come yet"),
        ("13.2019", "possible", "no date can be read in it"),
        ("someday", "possible", "no date can be read in it"),
        ("2018.13", "certain", "there is no such month"),
    ],
)
def test_what_is_no_date_is_said(written: str, certainty: str, note: str) -> None:
    findings = audit_text(page((written, "A paper", live(1)))).findings
    assert [(f.found, f.certainty, f.note) for f in findings if f.kind == "date"] == [(written, certainty, note)]


@pytest.mark.parametrize("written", ["–", "2018.12", f"{date.today().year + 1}.1"])
def test_what_may_be_a_date_is_not(written: str) -> None:
    assert not [f for f in audit_text(page((written, "A paper", live(1)))).findings if f.kind == "date"]


def test_duplicates_are_found_by_id_and_by_title() -> None:
    text = page(
        ("", "One paper of many words", live(1)),
        ("", "Another paper of many words", live(2)),
        ("", "One paper, of many words!", ""),
        ("", "Something else entirely, also long", live(1)),
        ("", "BERT", ""),
        ("", "BERT", ""),
    )
    found = [(f.line, f.note) for f in audit_text(text).findings if f.kind == "duplicate"]
    assert found == [
        (12, "the paper of line 4 again"),
        (16, "the id of line 4 under another title: one of the two is wrong"),
    ]


def test_blank_lines_between_rows_are_taken_out_and_those_in_cells_are_not() -> None:
    row = "<tr><td>2014.9</td><td>A</td><td>1</td></tr>"
    head = "<table><tr><th>Date</th><th>Paper Name</th><th>Citation</th></tr>\r\n"
    in_cell = "<tr><td>\r\n\r\n2015</td><td>B</td><td>2</td></tr>"
    text = f"{head}{row}\r\n\r\n  \r\n{row.replace('1<', '<')}\r\n{in_cell}\r\n</table>"
    outcome = audit_text(text)
    assert [(f.line, f.certainty) for f in outcome.findings if f.kind == "blank-line"] == [
        (3, "certain"),
        (4, "certain"),
        (7, "possible"),
    ]
    assert outcome.after == text.replace("\r\n\r\n  \r\n", "\r\n")
    pipes = "| Title | Citation |\n|--|--|\n| A | 1 |\n\n\n| B | 2 |\n"
    outcome = audit_text(pipes)
    assert outcome.after == pipes.replace("\n\n\n", "\n")
    assert [f.line for f in outcome.findings if f.kind == "blank-line"] == [4, 5]


ROW = "| 2014 | [A](https://arxiv.org/abs/1409.3215) | 1 |\n"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "found", "mended"),
    [
        (f"| Date | Title | Citation |\n|--|--|\n{ROW}", (2, "|--|--|"), "| --- | --- | --- |"),
        (f"Prose\n| Date | Title | Citation |\n|--|--|--|:-:|\n{ROW}", (3, "|--|--|--|:-:|"), "| --- | --- | --- |"),
        ("Date | Title | Citation\n--|--\n2014 | A | 1", (2, "--|--"), "--- | --- | ---"),
        (f"Prose\n\n  | Date | Title | Citation |\n{ROW}", (3, ""), "\n  | --- | --- | --- |"),
    ],
)
def test_a_table_without_a_right_delimiter_row_is_read_and_gets_one(
    line_end: str, text: str, found: tuple[int, str], mended: str
) -> None:
    text = text.replace("\n", line_end)
    assert [row.count for row in read_rows(text)] == [1]
    (finding,) = [finding for finding in audit_text(text).findings if finding.kind == "delimiter"]
    assert (finding.line, finding.found, finding.expected) == (*found, mended.strip())
    after = audit_text(text).after
    place = text.index("Citation |") + len("Citation |") if not found[1] else text.index(found[1])
    assert after == text[:place] + mended.replace("\n", line_end) + text[place + len(found[1]) :]
    assert [row.count for row in read_rows(after)] == [1]
    assert audit_text(after).after == after
    assert MarkdownIt().enable("table").parse(after)[-1].type == "table_close"


@pytest.mark.parametrize("text", ["| a | b |\n| c | d |\n", "| Title |\n|--|--|\n| [x] |\n", "a | b\n|--|\n", "|\n|\n"])
def test_bars_alone_make_no_table_of_papers(text: str) -> None:
    assert read_tables(text) == []


def test_cells_that_a_reader_leaves_out_are_found() -> None:
    row = ROW.replace("[A]", "[A | B]")
    found = audit_text(f"| Date | Title | Citation |\n|--|--|--|\n{ROW}{row}").findings
    (finding,) = [finding for finding in found if finding.kind == "cells"]
    assert (finding.line, finding.kind, finding.found, finding.expected) == (4, "cells", "4 cells", "3 cells")
    text = f"| Date | Title | Citation |\n|--|--|\n{ROW}{row}"
    outcome = audit_text(text)
    assert [f.certainty for f in outcome.findings if f.kind == "delimiter"] == ["likely"]
    assert outcome.after == text


@pytest.mark.parametrize(
    ("end", "mended"),
    [
        ("<tr><td>1</td><td>A</td><td>7</td></tr>\n", "\n</table>\n"),
        ("<tr><td>1</td><td>A</td><td>7</td>", "\n</tr>\n</table>"),
        ("<tr><td>1</td><td>A</td><td>7", "\n</td></tr>\n</table>"),
        ("<tr><td>1</td><td>A</td><td>7</td></tr>\n\n# Next\n", "\n</table>\n\n# Next\n"),
        ('<tr><td>1</td><td>A</td><td><a href="http', ""),
    ],
)
def test_a_cut_off_table_is_closed_if_no_tag_is_broken(end: str, mended: str) -> None:
    head = "<table><tr><th>Date</th><th>Paper Name</th><th>Citation</th></tr>\n"
    outcome = audit_text(head + end)
    assert [f.certainty for f in outcome.findings if f.kind == "truncated"] == ["certain" if mended else "likely"]
    expected = head + end
    if mended:
        whole = end.partition("\n")[0]
        expected = head + whole + mended
        (table,) = read_tables(outcome.after)
        assert table.closed
    assert outcome.after == expected


def test_a_typing_error_is_mended_without_touching_the_rest_of_the_title(
    library: Library, client: SemanticScholar
) -> None:
    library.add(1, 9, "Auto-encoding variational bayes", externalIds={"ArXiv": "1312.6114"})
    text = page(("2013.12", LINK.format("1312.6114", "Auto-Encoding Variatoinal Bayes"), live(1)))
    outcome = audit_text(text, client)
    assert outcome.after == text.replace("Variatoinal", "variational")
    (finding,) = outcome.findings
    assert finding.note == "the record's title is: Auto-encoding variational bayes"


def test_an_audit_that_was_broken_off_goes_on_where_it_was(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(1, 9, "One paper of many words", externalIds={"ArXiv": "1312.6114"}, year=2013)
    path = save(tmp_path, page(("2013", "One paper of many words", live(1)), ("2013", "A paper without an id", "3")))

    def client() -> SemanticScholar:
        return SemanticScholar(base_url=library.url, pace=0, cache=tmp_path / "c.sqlite")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SemanticScholar, "_ask_title", stop)
        with pytest.raises(KeyboardInterrupt):
            audit(path, client())
    asked = len(library.log)
    again = client()
    audit(path, again)
    assert (asked, again.requests) == (1, 1)
    assert library.log[-1].path.endswith("/search/match")


def test_markdown_rows_are_mended_too(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "Auto-Encoding Variational Bayes", externalIds={"ArXiv": "1312.6114"}, year=2013)
    library.aliases[sha(2)] = sha(1)
    badge = f"[![citation]({LIVE}{sha(2)}%3Ffields%3DcitationCount)]({PAGE}{sha(2)})"
    row = f"| 2011-02 | [Auto-Encoding Variational Bayes](https://arxiv.org/abs/1312.6114) | {badge} |"
    text = f"| Date | Title | Citation |\n|--|--|--|\n{row}\n"
    after = audit_text(text, client).after
    assert after == text.replace("2011-02", "2013-12").replace(sha(2), sha(1))
    assert INNER in after


def test_without_an_answer_the_audit_says_so_and_mends_nothing_online(as_found: str) -> None:
    client = SemanticScholar(base_url="http://127.0.0.1:9", pace=0, max_wait=0, retries=0)
    outcome = audit_text(as_found, client)
    assert outcome.failure == "no connection from 127.0.0.1:9; check the network"
    assert outcome.findings == audit_text(as_found).findings
    assert client.requests == 1
    assert set(as_json(outcome.findings)[0]) == {"line", "kind", "found", "expected", "certainty", "note"}


def title_row(date: str, title: str, url: str, end: str = "") -> str:
    return f"| {date} | [{title}]({url}) | 1 |{end}\n"


HEAD = "| Date | Title | Citation |\n|--|--|--|\n"
ARXIV = "https://arxiv.org/abs/"
SCANS = "3D Object Localization in RGB-D Scans using Natural Language"


def test_a_link_to_another_paper_is_found_and_says_nothing_about_the_date(
    library: Library, client: SemanticScholar, tmp_path: Path
) -> None:
    """The link is mended once a second witness, here the search by title, names the right paper."""
    library.add(
        1,
        900,
        "ScanQA: 3D Question Answering for Spatial Scene Understanding",
        externalIds={"ArXiv": "2112.10482"},
        year=2021,
        publicationDate="2021-12-20",
    )
    text = HEAD + title_row("2019-12", f"ScanRefer: {SCANS}", ARXIV + "2112.10482v2")
    path = save(tmp_path, text)
    outcome = audit(path, client, fix=True)
    assert kinds(outcome.findings) == [(3, "wrong-link", None, "likely")]
    assert outcome.findings[0].note.startswith("the link leads to another paper: ScanQA: ")
    assert load(path) == text
    library.matches[f"ScanRefer: {SCANS}"] = library.add(
        2, 700, f"ScanRefer: {SCANS}", externalIds={"ArXiv": "1912.08830"}, year=2019
    )
    outcome = audit(path, client, fix=True)
    assert kinds(outcome.findings) == [(3, "wrong-link", "ARXIV:1912.08830", "certain")]
    assert load(path) == text.replace("2112.10482v2", "1912.08830")


def test_a_paper_that_was_renamed_is_not_called_wrong(library: Library, client: SemanticScholar) -> None:
    new = "Hierarchical Implicit Models and Likelihood-Free Variational Inference"
    library.add(1, 9, new, externalIds={"ArXiv": "1702.08896"}, year=2017)
    text = HEAD + title_row("2017", "Deep and Hierarchical Implicit Models", ARXIV + "1702.08896")
    outcome = audit_text(text, client)
    assert kinds(outcome.findings) == [(3, "wrong-link", None, "possible")]
    assert outcome.findings[0].note.endswith("; or it had the title of the list once")
    twice = text + title_row("2017", "A Survey of Quite Another Matter", ARXIV + "1702.08896")
    assert [(f.line, f.certainty) for f in audit_text(twice, client).findings] == [(3, "likely"), (4, "likely")]


def test_a_name_with_a_digit_before_the_title_makes_no_other_paper(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "Cross-Domain Face Manipulation With 3D Guidance", externalIds={"ArXiv": "2104.11228"}, year=2021)
    text = HEAD + title_row("2021", "CD3D: Cross-Domain Face Manipulation with 3D Guidance", ARXIV + "2104.11228")
    assert audit_text(text, client).findings == []


def test_one_link_under_two_titles_is_wrong_in_one_of_the_rows() -> None:
    text = HEAD + title_row("2023", "Causal Discovery from Temporal Data", ARXIV + "2303.10112")
    text += title_row("2023", "A Survey of Pattern Mining in Dynamic Graphs", ARXIV + "2303.10112")
    (finding,) = audit_text(text).findings
    assert (finding.line, finding.kind, finding.certainty) == (4, "wrong-link", "likely")
    assert finding.note == "the link of line 3 under another title: one of the two is wrong"


def test_a_translated_title_is_no_other_paper(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "Attention Is All You Need", externalIds={"ArXiv": "1706.03762"}, year=2017)
    outcome = audit_text(HEAD + title_row("2017.6", "注意力 就是 你 所需 的 全部", ARXIV + "1706.03762"), client)
    assert outcome.findings == []


@pytest.mark.parametrize("title", ["AlexNet", "AlexNet (NIPS 2012)", "The AlexNet"])
def test_the_words_of_a_link_contradict_no_nickname(title: str) -> None:
    link = f"{PAGE}ImageNet-classification-with-deep-convolutional-Krizhevsky-Sutskever/{sha(1)}"
    assert audit_text(f"{HEAD}| 2012 | {title} | [7]({link}) |\n").findings == []


def test_the_conferences_link_leaves_the_preprints_date_right(library: Library, client: SemanticScholar) -> None:
    library.add(
        1,
        9,
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        externalIds={"ACL": "N19-1423", "ArXiv": "1810.04805"},
        year=2019,
        publicationDate="2019-06-01",
    )
    row = "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"
    text = HEAD + title_row("2018.10", row, "https://aclanthology.org/N19-1423")
    assert audit_text(text, client).findings == []


@pytest.mark.parametrize("number", ["1206.5264", "1301.3781"])
def test_proceedings_that_were_put_on_arxiv_years_later_prove_no_date_wrong(number: str) -> None:
    found = audit_text(HEAD + title_row("2007", "Apprenticeship Learning using Gradients", ARXIV + number)).findings
    assert [f.certainty for f in found] == ["possible"]


def test_a_paper_in_two_sections_is_cross_listed_and_twice_in_one_is_a_fault() -> None:
    row = title_row("2017", "Attention Is All You Need", ARXIV + "1706.03762")
    once = f"## Models\n\n{HEAD}{row}\n## Surveys\n\n{HEAD}{row}"
    assert [(f.kind, f.certainty) for f in audit_text(once).findings] == [("duplicate", "possible")]
    found = audit_text(once + row).findings
    assert [(f.line, f.certainty) for f in found] == [(11, "possible"), (12, "certain")]
    assert found[1].note == "the paper of line 11 again"


def test_a_paper_under_two_categories_of_a_table_is_cross_listed() -> None:
    head = "| Title | Category | Citation |\n|--|--|--|\n"
    rows = [f"| [Attention Is All You Need]({ARXIV}1706.03762) | {name} | 1 |\n" for name in ("A", "B", "B")]
    assert [f.certainty for f in audit_text(head + "".join(rows)).findings] == ["possible", "certain"]


def test_two_ids_of_one_kind_are_two_papers_whatever_their_titles() -> None:
    title = "A Survey on Knowledge Graphs"
    text = HEAD + title_row("2021", title, ARXIV + "2101.00001") + title_row("2021", title, ARXIV + "2101.00002")
    assert [(f.kind, f.certainty) for f in audit_text(text).findings] == [("duplicate", "possible")]


@pytest.mark.parametrize(
    ("title", "record", "certainty"),
    [
        ("Generative Adverserial Networks for Speech", "Generative Adversarial Networks for Speech", "certain"),
        ("Generative Adversarial Network for Speech", "Generative Adversarial Networks for Speech", "possible"),
        ("Modelling Colour & Generalisation in Vision", "Modeling Color and Generalization in Vision", ""),
        ("Pretraining of Data Efficient Transformers", "Pre-training of Data-Efficient Transformers", ""),
        ("CD3D: Cross-Domain Face Manipulation", "Cross-Domain Face Manipulation", ""),
        ("WAVE: Watermarking Audio with Keys", "WAKE: Watermarking Audio with Keys", "certain"),
        ("Long Short-Term Memory Networks", "LSTMN: Long Short-Term Memory Networks", ""),
        ("Distilling Knowledge in a Neural Network", "Distilling the Knowledge in a Neural Network", "possible"),
    ],
)
def test_a_slip_in_a_title_is_told_from_another_spelling(
    title: str, record: str, certainty: str, library: Library, client: SemanticScholar
) -> None:
    library.add(1, 9, record, externalIds={"ArXiv": "2001.00001"}, year=2020)
    found = audit_text(HEAD + title_row("2020.1", title, ARXIV + "2001.00001"), client).findings
    assert [(f.kind, f.certainty) for f in found] == ([("title", certainty)] if certainty else [])


def test_answers_in_another_order_rename_nothing_where_titles_are_nicknames(
    library: Library, client: SemanticScholar
) -> None:
    library.add(1, 9, "Attention Is All You Need")
    library.add(2, 8, "ImageNet Classification with Deep Convolutional Neural Networks")
    library.aliases = {sha(1): sha(2), sha(2): sha(1)}
    text = page(("", "Transformer", live(1)), ("", "AlexNet", live(2)))
    assert audit_text(text, client).after == text


def test_ids_that_others_gave_out_may_be_unknown_to_the_service(library: Library, client: SemanticScholar) -> None:
    library.add(1, 9, "Attention Is All You Need")
    text = HEAD + f"| 2020 | A paper | [7](https://arxiv.org/abs/2001.00001) |\n| 2017 | Attention | {live(1)} |\n"
    assert [f.certainty for f in audit_text(text, client).findings if f.kind == "dead"] == ["possible"]


DATE_AND_TITLE = title_row("2011", "Auto-Encoding Variational Bayes", ARXIV + "1312.6114")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + DATE_AND_TITLE.replace(" 1 |", " 1 <!-- papers: ignore date --> |"),
        HEAD + DATE_AND_TITLE.replace(" 1 |", " 1 <!--papers:ignore title,date--> |"),
        HEAD + DATE_AND_TITLE + "\nProse.\n\n<!-- PAPERS: ignore-all date -->\n",
        page(("2011", "<!-- papers: ignore date -->" + LINK.format("1312.6114", "Auto-Encoding"), "7")),
        page(("2011", LINK.format("1312.6114", "Auto-Encoding"), "7")).replace(
            "<tr>\n  <td>2011", "<!-- papers: ignore date -->\n<tr>\n  <td>2011"
        ),
    ],
)
def test_a_comment_in_the_list_keeps_a_finding_out(text: str) -> None:
    outcome = audit_text(text)
    assert "ignore" in text
    assert (outcome.findings, outcome.ignored) == ([], 1)
    assert [f.kind for f in audit_text(text.replace("papers:", "").replace("PAPERS:", "")).findings] == ["date"]


def test_a_comment_is_about_its_own_row_and_a_fence_holds_none() -> None:
    text = HEAD + DATE_AND_TITLE.replace(" 1 |", " 1 <!-- papers: ignore date --> |") + DATE_AND_TITLE
    assert [(f.line, f.kind) for f in audit_text(text).findings] == [(4, "date"), (4, "duplicate")]
    fenced = "```\n<!-- papers: ignore-all date -->\n```\n\n" + HEAD + DATE_AND_TITLE
    assert [f.kind for f in audit_text(fenced).findings] == ["date"]


@pytest.mark.parametrize(("words", "found"), [("dates", "dates"), ("", None)])
def test_a_comment_that_ignores_no_known_kind_is_a_finding(words: str, found: str | None) -> None:
    (finding,) = audit_text(f"<!-- papers: ignore-all {words} -->\n").findings
    assert (finding.line, finding.kind, finding.found, finding.certainty) == (1, "ignore", found, "certain")
    assert "link-badge-mismatch, wrong-paper, wrong-link" in finding.note


def test_dates_of_a_form_that_is_not_known_are_said_once() -> None:
    rows = "".join(title_row(f"week {n}", f"Paper number {n} of several", f"https://example.org/{n}") for n in range(9))
    found = [f for f in audit_text(HEAD + rows).findings if f.kind == "date"]
    assert [(f.line, f.note) for f in found] == [(3, "no date can be read in it, nor in 8 more of this table")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://proceedings.mlr.press/v97/du19c/du19c.pdf", "https://www.proceedings.mlr.press/v97/du19c/du19c.pdf"),
        ("https://openreview.net/pdf?id=ffy-h0GKZbK", "https://openreview.net/forum?id=ffy-h0GKZbK"),
        ("https://ieeexplore.ieee.org/document/9141291/", "https://ieeexplore.ieee.org/document/9141291"),
    ],
)
def test_one_page_under_two_titles_is_a_wrong_link_even_where_it_names_no_id(one: str, other: str) -> None:
    text = HEAD + title_row("2019", "Gradient Descent Provably Optimizes Networks", one)
    text += title_row("2019", "A Survey of Pattern Mining in Dynamic Graphs", other)
    assert [(f.line, f.certainty) for f in audit_text(text).findings if f.kind == "wrong-link"] == [(4, "likely")]


@pytest.mark.parametrize(
    ("remark", "found"),
    [
        ("[pdf](https://arxiv.org/abs/1706.03762)", []),
        ("[[arXiv](https://arxiv.org/abs/1706.03762)] [code](https://github.com/a/b)", []),
        ("extends [another](https://arxiv.org/abs/1706.03762)", [("no-id", "possible")]),
        ("see arXiv:1706.03762", [("no-id", "possible")]),
        ("a good read", [("no-id", "certain")]),
    ],
)
def test_a_row_whose_remark_names_an_id_is_not_certain_to_name_none(remark: str, found: list[tuple[str, str]]) -> None:
    text = f"| Title | Notes | Citations |\n|---|---|---|\n| Attention Is All You Need | {remark} | 12 |\n"
    assert [(f.kind, f.certainty) for f in audit_text(text).findings] == found


def test_the_page_of_a_project_may_stand_for_several_papers() -> None:
    text = HEAD + title_row("2019", "Gradient Descent Provably Optimizes Networks", "https://github.com/a/b")
    text += title_row("2019", "A Survey of Pattern Mining in Dynamic Graphs", "https://github.com/a/b")
    assert [f.kind for f in audit_text(text).findings] == ["no-id", "no-id"]


def test_a_service_that_knows_nothing_at_all_makes_no_paper_dead(library: Library, client: SemanticScholar) -> None:
    library.add(99, 1)
    library.papers.clear()
    outcome = audit_text(page(*(("", f"Paper number {n} of several", live(n)) for n in range(6))), client)
    assert (outcome.findings, outcome.failure) == ([], "the service knows none of the 6 ids; is it the right address?")


def test_an_answer_that_may_be_another_ids_says_nothing() -> None:
    row = read_rows(page(("2017", "One paper of many words", live(1))))[0]
    record = {"paperId": sha(2), "title": "Something else altogether, and long"}
    for sure, found in ((True, record), (False, None)):
        context = Context("", [row], {sha(1): Answer(record, sure=sure)})
        assert context.record(sha(1)) == found
        assert not context.dead(sha(1))


def test_words_that_stand_before_several_ids_were_copied_with_the_link_and_prove_little() -> None:
    words = PAGE + "A-Gentle-Introduction-to-Graph-Neural-Networks-S-Reif/"
    titles = ("A deep-learning algorithm for detecting infarction", "Detecting digoxin toxicity by electrocardiography")
    rows = [("2021", title, live(n).replace(PAGE, words)) for n, title in enumerate(titles, 1)]
    assert [f.certainty for f in audit_text(page(*rows)).findings] == ["possible", "possible"]
    assert [f.certainty for f in audit_text(page(rows[0])).findings] == ["likely"]


SIBLING, FEW = "Language Models are Unsupervised Multitask Learners", "Language Models are Few-Shot Learners"


def two_models(library: Library) -> None:
    """Two papers of similar titles, each found by its own."""
    library.matches[SIBLING] = library.add(1, 9, SIBLING, externalIds={"ArXiv": "1902.00001"}, year=2019)
    library.matches[FEW] = library.add(
        2, 9, FEW, externalIds={"ArXiv": "2005.14165", "DOI": "10.1000/few"}, year=2020, publicationDate="2020-05-28"
    )


def test_a_link_to_a_paper_of_a_similar_title_is_found_and_mended_once_its_own_is_known(
    library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    text = HEAD + title_row("2019.2", SIBLING, ARXIV + "2005.14165")
    outcome = audit_text(text, client)
    assert kinds(outcome.findings) == [(3, "wrong-link", "ARXIV:1902.00001", "certain")]
    assert outcome.findings[0].note == f"the link leads to a paper of another title: {FEW}"
    assert outcome.after == text.replace("2005.14165", "1902.00001")
    del library.matches[SIBLING]
    assert kinds(audit_text(text, client).findings) == [(3, "wrong-link", None, "possible")]


def test_a_short_title_on_the_link_of_a_similar_one_is_likely_wrong_once_its_own_paper_is_known(
    library: Library, client: SemanticScholar
) -> None:
    library.add(2, 9, "Faster R-CNN: Towards Real-Time Detection", externalIds={"ArXiv": "1506.01497"}, year=2015)
    text = HEAD + title_row("2017", "Mask R-CNN", ARXIV + "1506.01497")
    assert kinds(audit_text(text, client).findings) == [(3, "wrong-link", None, "possible")]
    library.matches["Mask R-CNN"] = library.add(1, 9, "Mask R-CNN", externalIds={"ArXiv": "1703.06870"}, year=2017)
    assert kinds(audit_text(text, client).findings) == [(3, "wrong-link", None, "likely")]


def test_a_definition_that_rows_of_two_titles_use_is_reported_and_left_alone(
    library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    rows = f"| 2019.2 | [{SIBLING}][x] | 1 |\n| 2020.5 | [{FEW}][x] | 1 |\n"
    for number in ("2005.14165", "1902.00001"):
        text = f"{HEAD}{rows}\n[x]: {ARXIV}{number}\n"
        outcome = audit_text(text, client)
        assert outcome.after == text
        (finding,) = (f for f in outcome.findings if f.kind == "wrong-link")
        assert finding in outcome.left(fixed=True)
        assert "a definition that others use" in finding.note
    alone = f"{HEAD}| 2019.2 | [{SIBLING}][x] | 1 |\n\n[x]: {ARXIV}2005.14165\n"
    assert audit_text(alone, client).after == alone.replace("2005.14165", "1902.00001")
    spaced = f"{HEAD}| 2019.2 | [{SIBLING}][A x] | 1 |\n\n[a X]:\n  <{ARXIV}2005.14165>\n"
    assert audit_text(spaced, client).after == spaced.replace("2005.14165", "1902.00001")


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("As [they say][x], models grow.\n\n", ""),
        ("", "\nSee [x] for more.\n"),
        ("", "\nSee [x][].\n"),
        ("", "\n![a picture][x]\n"),
        ("", "\n[![a badge](https://x.y/z.svg)][X]\n"),
        ("", "\n- [Few of them][x], 2020\n"),
    ],
)
def test_a_definition_that_prose_or_an_image_uses_is_reported_as_not_fixed(
    before: str, behind: str, library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    text = f"{before}{HEAD}| 2019.2 | [{SIBLING}][x] | 1 |\n{behind}\n[x]: {ARXIV}2005.14165\n"
    outcome = audit_text(text, client)
    assert outcome.after == text
    (finding,) = (f for f in outcome.left(fixed=True) if f.kind == "wrong-link")
    assert "mended by hand" in finding.note


def test_a_definition_that_the_rows_own_description_uses_is_left_alone(
    library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    header = "| Date | Title | Description |\n|--|--|--|\n"
    text = f"{header}| 2019.2 | [{SIBLING}][x] | what [they][x] say |\n\n[x]: {ARXIV}2005.14165\n"
    outcome = audit_text(text, client)
    assert outcome.after == text
    assert [f.kind for f in outcome.left(fixed=True)] == ["wrong-link"]


def test_a_second_wrong_link_is_mended_if_it_has_the_same_number_and_else_reported(
    library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    pdf = " [[pdf](https://arxiv.org/pdf/2005.14165v4.pdf)]"
    text = f"{HEAD}| 2019.2 | [{SIBLING}]({ARXIV}2005.14165){pdf} | 1 |\n"
    mended = text.replace("2005.14165v4", "1902.00001").replace("2005.14165", "1902.00001")
    assert audit_text(text, client).after == mended
    other = "Attention Is All You Need"
    library.matches[other] = library.add(3, 9, other, externalIds={"ArXiv": "1706.03762"}, year=2017)
    doi = text.replace(pdf, " [[doi](https://doi.org/10.1000/few)]").replace(SIBLING, other).replace("2019.2", "2017")
    found = audit_text(doi, client).findings
    assert [(f.kind, f.found, f.expected) for f in found] == [
        ("wrong-link", ARXIV + "2005.14165", "ARXIV:1706.03762"),
        ("wrong-link", "DOI:10.1000/few", None),
    ]


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("Dec 2017 (v2)", "May 2020 (v2)"),
        ("2017-12-05 (v2)", "2020-05 (v2)"),
        ("2017-12-05", "2020-05"),
        ("Dec. 5, 2017", "May 2020"),
        ("2017.12<br>arXiv", "2017.12<br>arXiv"),
        ("2017", "2020"),
    ],
)
def test_a_date_is_mended_and_what_else_its_cell_says_is_kept(
    written: str, mended: str, library: Library, client: SemanticScholar
) -> None:
    two_models(library)
    text = HEAD + title_row("{}", FEW, ARXIV + "2005.14165")
    assert audit_text(text.format(written), client).after == text.format(mended)


def test_of_many_certain_findings_each_is_mended_once() -> None:
    blanks = HEAD + "".join(
        title_row("2020", f"Paper {n} of many words", f"{ARXIV}2001.{n:05}") + "\n" for n in range(50)
    )
    outcome = audit_text(blanks)
    assert audit_text(outcome.after).after == outcome.after
    assert len(read_rows(outcome.after)) == 50
    assert "\n\n" not in outcome.after.rstrip("\n")


LISTED = "| Year | Title | Venue | Citations |\n|--|--|--|--|\n"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        # A paper may be put on arXiv long after it appeared, and be shown at a conference before.
        (f"| 1999 | [Popular Ensemble Methods]({ARXIV}1106.0257) | - | 9 |", ("date", "possible")),
        (f"| 2001 | [A Paper of the Proceedings]({ARXIV}1602.00001) | UAI | 9 |", ("date", "possible")),
        (f"| 2019-09 | [A Paper Submitted Openly]({ARXIV}2003.10555) | - | 9 |", ("date", "possible")),
        (f"| 2019-02 | [A Paper of Next Year]({ARXIV}2003.10555) | ICLR | 9 |", ("date", "likely")),
        (f"| 2017 | [A Paper of Two Years Later]({ARXIV}1912.00001) | - | 9 |", ("date", "likely")),
        # One link under two names is no second entry of one paper, unless one name is the other's.
        (
            f"| 2023 | [LLaMA]({ARXIV}2302.13971) | - | 9 |\n| 2023 | [Llama 2]({ARXIV}2302.13971) | - | 9 |",
            ("wrong-link", "possible"),
        ),
        (
            f"| 2017 | [Learning with Physics (Part I)]({ARXIV}1711.10561) | - | 9 |\n"
            f"| 2017 | [Learning with Physics (Part II)]({ARXIV}1711.10561) | - | 9 |",
            ("wrong-link", "possible"),
        ),
        (
            f"| 2017 | [Ключ к физике]({ARXIV}1711.10561) | - | 9 |\n"
            f"| 2017 | [Learning with Physics]({ARXIV}1711.10561) | - | 9 |",
            ("wrong-link", "possible"),
        ),
        (
            f"| 2023 | [LLaMA]({ARXIV}2302.13971) | - | 9 |\n"
            f"| 2023 | [LLaMA: Open and Efficient Models]({ARXIV}2302.13971) | - | 9 |",
            ("duplicate", "certain"),
        ),
        # A row that names two papers' ids may cite two versions of one.
        (
            f"| 2017 | [Solving Nonlinear Equations from Data]({ARXIV}1711.10561) | - | 9 |\n"
            f"| 2019 | [Neural Networks Informed by Physics]({ARXIV}1711.10561) "
            "[doi](https://doi.org/10.1016/j.x) | - | 9 |",
            ("wrong-link", "possible"),
        ),
    ],
)
def test_what_may_be_right_is_not_called_likely_wrong(rows: str, found: tuple[str, str]) -> None:
    assert [(f.kind, f.certainty) for f in audit_text(LISTED + rows + "\n").findings] == [found]


def test_a_row_without_an_id_is_no_fault_where_the_list_shows_no_counts(
    library: Library, client: SemanticScholar
) -> None:
    title = "A Paper of Some Note at a Conference"
    library.matches[title] = library.add(1, 9, title, year=2017)
    link = "https://papers.nips.cc/paper/2017/file/x-Paper.pdf"
    for header, cell, certainty in (("Notes", "-", "possible"), ("Citations", "9", "likely")):
        other = f"| 2017 | [Another of Some Note]({ARXIV}1711.10561) | {cell} |\n"
        text = f"| Year | Title | {header} |\n|--|--|--|\n{other}| 2017 | [{title}]({link}) | {cell} |\n"
        (finding,) = audit_text(text, client).findings
        assert (finding.kind, finding.certainty) == ("no-id", certainty)


@pytest.mark.parametrize(
    ("title", "year", "certainty"),
    [
        ("Learning Deep Residuals", "2018", "possible"),
        ("Deep Residuals for Vision", "2018", "possible"),
        ("Learning Wide Residuals for Vision", "2015", "possible"),
        ("Learning Wide Residuals for Vision", "2018", "likely"),
    ],
)
def test_a_link_that_the_papers_own_row_has_is_likely_wrong_in_another_unless_that_is_cut_or_of_its_year(
    title: str, year: str, certainty: str, library: Library, client: SemanticScholar
) -> None:
    library.add(1, 9, "Learning Deep Residuals for Vision", externalIds={"ArXiv": "1512.03385"}, year=2015)
    own = f"| 2015 | [Learning Deep Residuals for Vision]({ARXIV}1512.03385) | - | 9 |\n"
    text = f"{LISTED}{own}| {year} | [{title}]({ARXIV}1512.03385) | - | 9 |\n"
    (finding,) = (f for f in audit_text(text, client).findings if f.found == f"{ARXIV}1512.03385")
    assert (finding.line, finding.kind, finding.certainty) == (4, "wrong-link", certainty)
