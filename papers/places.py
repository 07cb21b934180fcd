"""Where a list that shows no counts can show them, in the list's own layout.

A table gets a column more. A bullet gets a badge, or ``Cited by `12` ``, behind the link to its paper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from papers.badges import Style
from papers.counts import badge_source, page_url
from papers.escape import for_html
from papers.headers import find_columns
from papers.html_tables import Cell
from papers.markup import plain_text
from papers.table import Edit, Row, Table

_END_TAG = re.compile(r"[ \t\r\n]*</t[dh]\s*>", re.I)
_CELL_TAG = re.compile(r"<t[dh]\b[^<>]*>\Z", re.I)
_SPANS = re.compile(r"\s(?:col|row)span\s*=", re.I)
_BREAK = re.compile(r"(?:[ \t]|\\|<br\s*/?>)*\Z", re.I)
_LINK_END = re.compile(r"""\s*(?:"[^"\r\n]*"|'[^'\r\n]*')?\s*>?\)\]?\)?(?:\*\*|__)?""")
_ANCHOR_END = re.compile(r"""[^<>]*>(?:(?!</a\b)[^\0]){0,500}</a\s*>""", re.I)
_HEADING = re.compile(r"#{1,6}[ \t][^\r\n]*")
_GOES_ON = re.compile(r"[ \t>]*[^\W\d_]")
_HAN, _HANGUL = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class NewCount:
    """A count that a row is to show."""

    count: int
    as_of: str
    paper_id: str


def own_style(text: str, tables: Sequence[Table]) -> Style:
    """Return the style in which a list shows its counts, or would: it has badges, or it has none."""
    shown = Counter(row.style for table in tables for row in table.rows if row.style)
    if shown:
        return shown.most_common(1)[0][0]
    badges = any("img.shields.io" in text[row.start : row.end] for table in tables for row in table.rows)
    return "live" if badges else "text"


def added_counts(text: str, table: Table, counts: Mapping[int, NewCount], style: Style) -> list[Edit]:
    """Return the edits that give a table a column of counts, or its bullets a count each.

    Args:
        text: the whole text.
        table: a table, which gets a column only if it has none of citations, or bullets without counts.
        counts: for each row that is to show one, by the row's start.
        style: how they are shown.
    """
    if table.bullets:
        rows = [row for row in table.rows if row.start in counts]
        return [_behind_link(text, row, counts[row.start], style, markdown=table.markdown) for row in rows]
    names = [plain_text(text[cell.start : cell.end], markdown=table.markdown) for cell in table.header]
    if "citation" in table.columns or "citation" in find_columns(names):
        return []
    if not any(row.start in counts for row in table.rows):
        return []
    contents = {}
    for row in table.rows:
        new = counts.get(row.start)
        shown = (
            badge_source(new.paper_id, style, new.count, new.as_of, markdown=table.markdown) if new is not None else ""
        )
        contents[row.start] = shown
    return (_pipe_column if table.markdown else _html_column)(text, table, contents)


def _name(text: str, header: Sequence[Cell]) -> str:
    names = "".join(text[cell.start : cell.end] for cell in header)
    if _HANGUL.search(names):
        return "인용"
    if _HAN.search(names):
        return "引用"
    return "citation" if names == names.lower() else "Citation"


def _html_column(text: str, table: Table, contents: dict[int, str]) -> list[Edit]:
    edits = [_html_cell(text, table.start, table.header, _name(text, table.header))] if table.header else []
    edits += [_html_cell(text, row.start, row.cells, contents[row.start]) for row in table.rows]
    return [edit for edit in edits if edit]


def _html_cell(text: str, begin: int, cells: Sequence[Cell], content: str) -> Edit | None:
    """Return the edit that puts one more cell behind a row's last, laid out as that is."""
    own = [cell for cell in cells if not cell.shared]
    if not own:
        return None
    last = own[-1]
    tag_start = text.rfind("<", begin, last.start)
    tag = text[tag_start : last.start]
    end = match.end() if (match := _END_TAG.match(text, last.end)) else last.end
    gap = text[len(text[:tag_start].rstrip()) : tag_start]
    if not _CELL_TAG.match(tag) or _SPANS.search(tag):
        tag = "<th>" if last.header else "<td>"
    close = f"</{tag[1:3].lower()}>" if match else ""
    return Edit(end, end, f"{gap}{tag}{content}{close}")


def _pipe_column(text: str, table: Table, contents: dict[int, str]) -> list[Edit]:
    header_end = _line_end(text, table.header[-1].end)
    rule_start = _next_line(text, header_end)
    rule_end = _line_end(text, rule_start)
    rule = [part.strip() for part in text[rule_start:rule_end].strip().strip("|").split("|")][-1]
    lines = [(table.start, header_end), (rule_start, rule_end)]
    lines += [(row.start, _line_end(text, row.end)) for row in table.rows]
    name = _name(text, table.header)
    new = [name, "", *(contents[row.start] for row in table.rows)]
    aligned = len({end - start for start, end in lines}) == 1
    width = max(len(content) for content in new) if aligned else 0
    dashes = max(width if aligned else len(name), 3)
    new[1] = f"{':' if rule.startswith(':') else '-'}{'-' * (dashes - 2)}{':' if rule.endswith(':') else '-'}"
    missing = [0, 0, *(len(table.header) - len(row.cells) for row in table.rows)]
    edits = []
    last = [table.header[-1].end, rule_start, *(row.cells[-1].end if row.cells else row.start for row in table.rows)]
    for (_, line_end), behind, content, lacks in zip(lines, last, new, missing, strict=True):
        if lacks < 0:
            continue  # wider than the header: what stands at its end is in no column
        end, comment = line_end, text.find("<!--", behind, line_end)
        if comment >= 0 and text[behind:comment].strip() == "|":  # a comment on the row, in no column
            end = behind + len(text[behind:comment].rstrip(" \t"))
        closed = text[:end].rstrip(" \t").endswith("|") and not text[:end].rstrip(" \t").endswith("\\|")
        place = len(text[:end].rstrip(" \t"))
        empty = "   |" * lacks if closed else " |  " * lacks
        padded = content.ljust(width)
        edits.append(Edit(place, end, f"{empty} {padded} |" if closed else f"{empty} | {padded}".rstrip()))
    return edits


def _behind_link(text: str, row: Row, new: NewCount, style: Style, *, markdown: bool) -> Edit:
    """Return the edit that shows a count in a bullet: at the end of its link's line, in a sentence behind the link."""
    if style == "text":
        shown = f"Cited by `{new.count}`" if markdown else f"Cited by {new.count}"
        url = page_url(new.paper_id)
        if new.paper_id != row.paper_id and url:  # the paper was found by its title, and nothing else would say so
            shown = f"[{shown}]({url})" if markdown else f'<a href="{for_html(url)}">{shown}</a>'
    else:
        shown = badge_source(new.paper_id, style, new.count, new.as_of, markdown=markdown)
    behind = row.title_span[1] if row.title_span else row.start
    heading = _HEADING.match(text, row.start, row.end)
    if heading and row.url_span and row.start <= row.url_span[0] < heading.end():  # whose words others link to
        gap = "\r\n" if "\r\n" in text else "\n"
        last = text.startswith(("\n", "\r"), _next_line(text, heading.end())) or heading.end() == len(text)
        return Edit(heading.end(), heading.end(), f"{gap}{gap}{shown}{'' if last else gap}")
    if row.url_span and row.start <= row.url_span[0] < row.end and row.url_span[1] >= behind - 1:
        close = (_LINK_END if markdown else _ANCHOR_END).match(text, row.url_span[1], row.end)
        anchor = _ANCHOR_END.match(text, row.url_span[1], row.end) if not close else None
        behind = close.end() if close else anchor.end() if anchor else row.url_span[1]
    line_end = min(_line_end(text, behind), row.end)
    following = _next_line(text, line_end)
    stop = line_end - len(match[0]) if (match := _BREAK.search(text[behind:line_end])) else line_end
    if stop == line_end and following < row.end and _GOES_ON.match(text, following):
        stop = behind  # the sentence goes on
    return Edit(stop, stop, f" {shown}")


def _line_end(text: str, position: int) -> int:
    match = re.compile(r"[\r\n]").search(text, position)
    return match.start() if match else len(text)


def _next_line(text: str, end: int) -> int:
    return end + 2 if text.startswith("\r\n", end) else min(end + 1, len(text))
