"""Where Markdown's blocks are: which lines are code, raw HTML, headings, pipe tables or prose.

markdown-it-py decides; positions are kept in characters of the text as it stands, whatever its line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table as starts_table
from markdown_it.token import Token

_LINE_END = re.compile(r"\r\n?|\n")
_NUMBER_OF = re.compile(r"[-*+\s]*# of\b")
"""``- # of citations: 12`` is no heading to its author."""
_LONG = re.compile(r'"[^"\n`|<>\\]{24,}"|\[[^][\n`|<>\\"\']{24,}\](?=\()')
_SIGNS = {
    "fence": re.compile("```|~~~"),
    "blockquote": re.compile(">"),
    "hr": re.compile(r"[-*_][ \t]*[-*_][ \t]*[-*_][ \t]*$", re.M),
    "reference": re.compile(r"\]:"),
    "html_block": re.compile("<"),
    "heading": re.compile("#"),
    "lheading": re.compile(r"^[ \t>]*(?:=+|-+)[ \t]*$", re.M),
    "pipe_table": re.compile(r"\|"),
}
"""What a text holds that has such a block: where it is missing, markdown-it need not look for one on every line."""
Span = tuple[int, int]


@dataclass(slots=True)
class Item:
    """One item of a list: its own paragraphs, and the items of the lists inside it."""

    start: int
    end: int
    paragraphs: list[Span] = field(default_factory=list)
    """Whole lines, the first with its bullet or number."""
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Heading:
    """A heading: where it stands, its level from 1, and the lines of its text."""

    start: int
    level: int
    text: Span


@dataclass(slots=True)
class Blocks:
    """The blocks of one text, as half-open character ranges in reading order."""

    line_starts: list[int]
    """Where each line begins, and a last entry: the length of the text."""
    fences: list[Span] = field(default_factory=list)
    indented: list[Span] = field(default_factory=list)
    """Indented code. Inside an HTML table that a blank line has broken, it is still the table's rows to its author."""
    html: list[Span] = field(default_factory=list)
    prose: list[Span] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    sections: list[Heading] = field(default_factory=list)
    """The same headings with their texts."""
    items: list[Item] = field(default_factory=list)
    """The items of lists that lie in no other list."""
    loose: list[Span] = field(default_factory=list)
    """The prose that is neither a heading's nor in a list."""
    pipe_tables: list[list[Span]] = field(default_factory=list)
    """For each pipe table its lines: header, delimiter, rows, without line ends or quote marks."""


def find_blocks(text: str) -> Blocks:
    """Return where the blocks of a Markdown text are."""
    blocks = Blocks([0, *(match.end() for match in _LINE_END.finditer(text))])
    if blocks.line_starts[-1] != len(text):
        blocks.line_starts.append(len(text))
    starts = blocks.line_starts
    # A byte order mark is no part of the first line's syntax; the length of a line end is no part of any.
    source = _LINE_END.sub("\n", text.replace("\0", "\ufffd")).removeprefix("\ufeff")
    around: list[Item] = []
    heading: Heading | None = None
    for token in _tokens(_LONG.sub(_shortened, source)):
        if token.map is None:
            if token.type == "list_item_close":
                around.pop()
            elif token.type == "heading_close":
                heading = None
            continue
        first, last = token.map
        last = min(last, len(starts) - 1)
        span = (starts[first], starts[last])
        if token.type == "fence":
            blocks.fences.append(span)
        elif token.type == "code_block":
            blocks.indented.append(span)
        elif token.type == "html_block":
            blocks.html.append(span)
        elif token.type == "heading_open" and not (around and _NUMBER_OF.match(text, *span)):
            blocks.headings.append(span[0])
            heading = Heading(span[0], int(token.tag[1:]), span)
            blocks.sections.append(heading)
        elif token.type == "list_item_open":
            item = Item(*span)
            (around[-1].items if around else blocks.items).append(item)
            around.append(item)
        elif token.type == "inline":
            blocks.prose.append(span)
            if heading:
                heading.text = span
            else:
                (around[-1].paragraphs if around else blocks.loose).append(span)
        elif token.type == "pipe_table":
            lines = []
            for line, offset in enumerate(token.meta["offsets"], first):
                begin = starts[line] + offset + (text.startswith("\ufeff") and line == 0)
                lines.append((begin, begin + len(text[begin : starts[line + 1]].rstrip(" \t\r\n"))))
            blocks.pipe_tables.append(lines)
    return blocks


def line_start(text: str, position: int) -> int:
    """Return where the line begins that a place lies on."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _tokens(source: str) -> list[Token]:
    parser = MarkdownIt("commonmark")
    parser.block.ruler.before("code", "pipe_table", _pipe_table, {"alt": ["paragraph", "reference"]})
    parser.disable([rule for rule, sign in _SIGNS.items() if not sign.search(source)])
    tokens: list[Token] = []
    if source:
        parser.block.parse(source, parser, {}, tokens)
    return tokens


def _shortened(match: re.Match[str]) -> str:
    """Shorten a long quoted value, or a link's words. No block ends in one, and markdown-it looks at each character."""
    if match[0][0] == '"':
        return '""'
    return "[ ]" if " " in match[0] else "[]"  # in a tag, words with a space are no value without quotes


def _pipe_table(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """Say which lines belong to a table, as markdown-it's own rule does, but without a token for each cell.

    The tokens of a list of 10,000 papers are 170,000 objects that nobody needs; the cells are cut with their positions
    elsewhere.
    """
    if not starts_table(state, first, end, True):
        return False
    if silent:
        return True
    before, state.parentType = state.parentType, "table"
    offsets = [_offset(state, first), _offset(state, first + 1), *_body(state, first + 2, end)]
    state.parentType = before
    state.line = first + len(offsets)
    token = state.push("pipe_table", "", 0)
    token.map = [first, state.line]
    token.meta = {"offsets": offsets}
    return True


def _body(state: StateBlock, first: int, end: int) -> Iterator[int]:
    terminators = state.md.block.ruler.getRules("blockquote")  # what markdown-it's table rule asks too
    for line in range(first, end):
        if state.sCount[line] < state.blkIndent or any(rule(state, line, end, True) for rule in terminators):
            return
        if state.isEmpty(line) or state.is_code_block(line):
            return
        yield _offset(state, line)


def _offset(state: StateBlock, line: int) -> int:
    """Return how far into its line the content begins, after quote marks and indentation."""
    begin = state.bMarks[line] + state.tShift[line]
    return begin - (state.src.rfind("\n", 0, begin) + 1)
