"""What is said of a text in which no list of papers is found."""

from __future__ import annotations

from papers import read_tables
from papers.seen import unread_bullets, what_was_seen

TABLE = "| Tool | 年份 | Homepage |\n|--|--|--|\n| a | 2014 | x |\n\n"


def test_tables_are_named_with_their_lines_and_what_their_headers_mean() -> None:
    said = what_was_seen("# Tools\n\n" + TABLE + "<table><tr><th>Size</th><td>3</td></tr></table>\n")
    assert "2 tables (line 3: Tool | 年份 = date | Homepage = code; line 7: Size | 3)" in said
    assert "--columns title=2,citation=5" in said


def test_many_tables_and_wide_ones_are_cut_short() -> None:
    wide = "| a | b | c | d | e | f | g |\n|" + "--|" * 7 + "\n\n"
    said = what_was_seen(wide + TABLE * 4)
    assert "5 tables (line 1: a | b | c | d | e | f | …; " in said
    assert "and 2 more" in said


def test_bullets_are_counted_at_any_depth() -> None:
    assert "3 bullets, 1 of them with links" in what_was_seen("- a\n  - [b](https://c.d)\n- e\n")
    assert "1 bullet, none of them with a link" in what_was_seen("* a\n")


def test_a_text_without_either_is_not_told_of_the_option() -> None:
    said = what_was_seen("prose")
    assert said.startswith("It holds neither a table nor bullets. A table is read if")
    assert "--columns" not in said


def test_bullets_that_link_to_a_paper_without_a_title_are_counted() -> None:
    text = (
        "## Papers\n\n- [Attention Is All You Need](https://arxiv.org/abs/1706.03762)\n"
        "  - https://arxiv.org/abs/2006.11239\n- Ho et al. 2020 <https://arxiv.org/abs/2006.11239>\n"
        "- https://arxiv.org/abs/1406.2661\n- [a page](https://example.org)\n\n"
        "## Citation\n\n- https://arxiv.org/abs/1406.2661\n"
    )
    assert unread_bullets(text, read_tables(text)) == [5, 6]
