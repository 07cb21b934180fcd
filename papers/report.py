"""One HTML page for a list: a table to search and to sort, what an audit finds, and plots. It asks for nothing.

Everything is in the file: no script, style, font or image comes from elsewhere, and the page's own policy forbids it.
Text from the list is data; the only script is the one below, named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from statistics import median

from papers.audit import audit_text
from papers.checks import Finding
from papers.counted import papers_of
from papers.escape import for_html, safe_url
from papers.files import read_text
from papers.headers import Columns
from papers.history import read_history
from papers.plot import plot_counts
from papers.table import Row, read_rows

_SCRIPT = """
"use strict";
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const value = (row, at) => row.cells[at].dataset.v ?? row.cells[at].textContent;
  table.querySelectorAll("th button").forEach((button, at) => button.addEventListener("click", () => {
    const head = button.parentElement, first = head.dataset.first ?? "ascending";
    const other = {ascending: "descending", descending: "ascending"};
    const order = other[head.getAttribute("aria-sort")] ?? first;
    table.querySelectorAll("th").forEach(th => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1, numbers = head.classList.contains("n");
    const rows = [...body.rows];
    rows.sort((one, two) => {
      const a = value(one, at), b = value(two, at);
      if (!a || !b) return !a - !b;  // what is not known stands last, whatever the order
      return sign * (numbers ? a - b : a.localeCompare(b));
    });
    body.append(...rows);
  }));
}
const search = document.getElementById("search"), rows = [...document.querySelectorAll("#papers tbody tr")];
const texts = rows.map(row => row.textContent.toLowerCase());
search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, at) => {
    row.hidden = !words.every(word => texts[at].includes(word));
    shown += !row.hidden;
  });
  document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
});
document.getElementById("find").hidden = false;
"""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: light-dark(#005a9c, #7cc0f5); }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 { margin-bottom: 0; font-size: 1.7rem; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
a { color: var(--accent); } .soft { opacity: .75; font-size: .875rem; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none; }
.facts li { background: var(--soft); border-radius: .5rem; padding: .5rem 1rem; } .facts b { font-size: 1.3rem; }
#find { display: flex; gap: 1rem; align-items: baseline; margin: 1rem 0; } #find[hidden] { display: none; }
#search { font: inherit; flex: 1; max-width: 30rem; padding: .4rem .7rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; } td.d, td.n { white-space: nowrap; overflow-wrap: normal; } .n { text-align: right; }
tr:target { background: var(--soft); } th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.certain { color: light-dark(#a40000, #ff8a80); font-weight: 600; } .likely { color: light-dark(#8a5a00, #f0c060); }
figure { margin: 1rem 0; overflow-x: auto; } img { max-width: 100%; min-width: 40rem; background: #fff; }
"""

_ORDER = ("certain", "likely", "possible")


def report(path: str | Path, columns: Columns | None = None) -> str:
    """Return one self-contained HTML page about a list: its papers, its faults as far as it shows them, its counts.

    Args:
        path: a Markdown file; its history is read from the file beside it. Nobody is asked.
        columns: which columns hold what, where the headers do not tell; see :func:`papers.table.read_tables`.

    Raises:
        UnreadableFileError: if the file cannot be read.
        ValueError: if no paper is found in it.
    """
    text = read_text(path)
    rows = read_rows(text, columns)
    if not rows:
        raise ValueError(f"there is no table of papers in {path}; name a file that holds one")
    findings = sorted(audit_text(text, columns=columns).findings, key=lambda f: (_ORDER.index(f.certainty), f.line))
    papers = papers_of(rows, read_history(path))
    shown = sorted(
        ((row, paper.count, paper.day) for paper in papers for row in paper.rows), key=lambda one: one[0].start
    )
    known = [paper.count for paper in papers if paper.count is not None]
    name = for_html(Path(path).name)
    hashed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    facts = [(f"{len(papers):,}", "paper" if len(papers) == 1 else "papers")]
    facts += [(f"{len(rows):,}", "rows")] if len(rows) > len(papers) else []
    facts += [(f"{len(known):,}", "with a count")]
    facts += [(f"{sum(known):,}", "citations"), (f"{median(known):,.0f}", "the median")] if known else []
    sure = [(kind, sum(finding.certainty == kind for finding in findings)) for kind in _ORDER[:2]]
    facts += [(f"{number:,}", f"{kind} finding{'' if number == 1 else 's'}") for kind, number in sure]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<title>{name}: papers</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{name}</h1>
<p class="soft">As of {date.today().isoformat()}; made offline.</p>
<ul class="facts">{"".join(f"<li><b>{number}</b> {what}</li>" for number, what in facts)}</ul>
<h2>Papers</h2>
<p id="find" hidden><input id="search" type="search" placeholder="Search titles, categories, years, ids"
 aria-label="Search the papers"> <span id="shown" class="soft" aria-live="polite">{len(rows)} of {len(rows)}</span></p>
{_papers(shown, findings)}
<h2>Findings</h2>
{_findings(findings)}
<h2>Citations</h2>
{_figure(path, known, columns)}
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _papers(shown: Sequence[tuple[Row, int | None, str | None]], findings: Iterable[Finding]) -> str:
    faults: dict[int, list[Finding]] = {}
    for finding in findings:
        faults.setdefault(finding.line, []).append(finding)
    body = []
    for row, count, day in shown:
        url, title = safe_url(row.url or ""), for_html(row.title or row.paper_id or "no title")
        linked = f'<a href="{for_html(url)}" rel="noreferrer">{title}</a>' if url else title
        said = f'<br><span class="soft">{for_html(row.description)}</span>' if row.description else ""
        when = f"{row.year}-{row.month or 0:02}" if row.year else ""
        wrong = faults.pop(row.line, [])  # of several rows on one line, the first tells what is wrong in it
        kinds = ", ".join(f'<a class="{f.certainty}" href="#f{row.line}">{f.kind}</a>' for f in wrong)
        body.append(
            f'<tr id="l{row.line}"><td class="d" data-v="{when}">{for_html(row.date or "")}</td>'
            f"<td>{linked}{said}</td><td>{for_html(row.category or '')}</td>"
            f'<td class="n" data-v="{"" if count is None else count}">{"" if count is None else f"{count:,}"}</td>'
            f'<td class="d">{day or ""}</td>{_id(row.paper_id or "")}'
            f'<td data-v="{len(wrong) or ""}">{kinds}</td></tr>\n'
        )
    heads = ("Date", "Paper", "Category", "n Citations", "Counted", "Id", "n Findings")
    return _table("papers", heads, body)


def _id(paper_id: str) -> str:
    """Return the cell of an id; of forty digits nobody reads more than the first few."""
    if len(paper_id) == 40:
        return f'<td class="d" title="{for_html(paper_id)}">{for_html(paper_id[:10])}…</td>'
    return f"<td>{for_html(paper_id)}</td>"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return "<p>Nothing to find fault with, as far as the list alone can show it.</p>"
    body, lines = [], set()
    for f in findings:
        anchor = "" if f.line in lines else f' id="f{f.line}"'
        lines.add(f.line)
        body.append(
            f'<tr{anchor}><td class="n" data-v="{f.line}"><a href="#l{f.line}">{f.line}</a></td><td>{f.kind}</td>'
            f'<td class="{f.certainty}" data-v="{_ORDER.index(f.certainty)}">{f.certainty}</td>'
            f"<td>{for_html(f.found or '')}</td><td>{for_html(f.expected or '')}</td><td>{for_html(f.note)}</td></tr>\n"
        )
    return _table("findings", ("n Line", "Kind", "Certainty", "Found", "Expected", "What is wrong"), body)


def _table(name: str, heads: Sequence[str], body: Sequence[str]) -> str:
    """Return a table whose columns can be sorted by; a head that begins with "n " is one of numbers."""
    row = ""
    for head in heads:
        words = head.removeprefix("n ")
        attributes = ' class="n" data-first="descending"' if words in ("Citations", "Findings") else ""
        attributes = attributes or (' class="n"' if words != head else "")
        row += f'<th scope="col"{attributes}><button>{words}</button></th>'
    head_and_body = f"<thead><tr>{row}</tr></thead>\n<tbody>\n{''.join(body)}</tbody>"
    return f'<div class="wide"><table id="{name}">{head_and_body}</table></div>'


def _figure(path: str | Path, known: Sequence[int], columns: Columns | None) -> str:
    """Return the plots as an image in the page itself, or a sentence that says why there are none."""
    if not known:
        return "<p>The list shows no counts yet, and there is no history beside it: refresh it once.</p>"
    try:
        figure = plot_counts(path, columns=columns)
    except ModuleNotFoundError as error:
        return f"<p>{for_html(str(error.name))} is not installed, so there are no plots here.</p>"
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    said = "; ".join(axes.get_title() for axes in figure.axes)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f'<figure><img alt="{for_html(said)}" src="data:image/png;base64,{encoded}"></figure>'
