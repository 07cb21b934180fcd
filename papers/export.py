"""A list of papers in other formats: BibTeX, CSV, JSON, Markdown, RIS. Needs no network."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence

from papers.authors import OTHERS
from papers.escape import for_bibtex, for_csv, for_markdown, one_line, safe_url
from papers.table import Row
from papers.titles import simplify
from papers.wording import DULL

Authors = Mapping[int, Sequence[str]]
"""The authors of each row by its line, first name first."""


def bibtex(rows: Sequence[Row], authors: Authors | None = None) -> str:
    """Return BibTeX entries. Where no authors are known none are given: complete them before you cite."""
    entries, used = [], set()
    for row in rows:
        key = base = _key(row)
        suffix = 1
        while key in used:
            suffix += 1
            key = f"{base}-{suffix}"
        used.add(key)
        names = (authors or {}).get(row.line, ())
        fields = [
            ("author", " and ".join(map(for_bibtex, names)) or None),
            ("title", "{" + for_bibtex(row.title) + "}" if row.title else None),
            ("year", row.year),
            ("month", row.month),
            ("eprint", _value(row, "ARXIV")),
            ("archiveprefix", "arXiv" if _value(row, "ARXIV") else None),
            ("doi", for_bibtex(_value(row, "DOI") or "") or None),
            ("url", safe_url(row.url) if row.url else None),
            ("keywords", for_bibtex(row.category) if row.category else None),
        ]
        body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields if value is not None)
        entries.append(f"@misc{{{key},\n{body}}}\n")
    return "\n".join(entries)


def csv_text(rows: Sequence[Row], authors: Authors | None = None) -> str:
    """Return CSV with the columns of ``papers list --json``, and authors; no cell is a formula to a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for number, row in enumerate(rows):
        values = row.as_json()
        if authors is not None:
            values["authors"] = "; ".join(_shown(authors, row)) or None
        if not number:
            writer.writerow(values)
        writer.writerow("" if v is None else for_csv(v) if isinstance(v, str) else v for v in values.values())
    return buffer.getvalue()


def json_text(rows: Sequence[Row], authors: Authors | None = None) -> str:
    """Return the rows as ``papers list --json`` prints them, each with a list of its authors."""
    more = [{} if authors is None else {"authors": _shown(authors, row)} for row in rows]
    values = [row.as_json() | names for row, names in zip(rows, more, strict=True)]
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"


def markdown(rows: Sequence[Row], authors: Authors | None = None) -> str:
    """Return one pipe table of all rows, with counts as text, and a column of authors if any are known."""
    heads = ["Date", "Category", "Paper Name", *(["Authors"] if authors else []), "Description", "Citation"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in rows:
        url = safe_url(row.url) if row.url else None
        title = for_markdown(row.title or "")
        count = "" if row.count is None else str(row.count)
        cells = [for_markdown(row.date or ""), for_markdown(row.category or ""), f"[{title}]({url})" if url else title]
        cells += [for_markdown(", ".join(_shown(authors, row)))] if authors else []
        cells += [for_markdown(row.description or ""), count]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def ris(rows: Sequence[Row], authors: Authors | None = None) -> str:
    """Return RIS records."""
    records = []
    for row in rows:
        date = None if row.year is None else f"{row.year}/{row.month:02}//" if row.month else f"{row.year}///"
        fields = [
            ("TY", "GEN"),
            *(("AU", name) for name in (authors or {}).get(row.line, ()) if name != OTHERS),
            ("TI", row.title),
            ("PY", row.year),
            ("DA", date),
            ("DO", _value(row, "DOI")),
            ("UR", safe_url(row.url) if row.url else None),
            ("KW", row.category),
            ("N2", row.description),
        ]
        lines = [f"{tag}  - {one_line(str(value))}\n" for tag, value in fields if value is not None]
        records.append("".join(lines) + "ER  - \n")
    return "\n".join(records)


FORMATS: dict[str, Callable[[Sequence[Row], Authors], str]] = {
    "bibtex": bibtex,
    "csv": csv_text,
    "json": json_text,
    "markdown": markdown,
    "ris": ris,
}


def _shown(authors: Authors, row: Row) -> list[str]:
    """Return a row's authors, with "et al." for those who are left out."""
    return ["et al." if name == OTHERS else name for name in authors.get(row.line, ())]


def _key(row: Row) -> str:
    words = [word for word in re.findall(r"[a-z0-9]+", simplify(row.title or "paper")) if word not in DULL]
    return f"{''.join(words[:3]) or 'paper'}{row.year or ''}"


def _value(row: Row, kind: str) -> str | None:
    """Return the row's arXiv number or DOI, wherever in the row it is named."""
    ids = (row.url_id, row.badge_id, row.link_id)
    return next((i.partition(":")[2] for i in ids if i and i.startswith(kind + ":")), None)
