"""What the literature catalogue costs: reading long lists, and refreshing one against a server on this machine.

``python -m benchmarks.papers_refresh`` prints the whole table, with the number of requests and the memory, which the
common table has no columns for. Each refresh runs in a process of its own; so does the server.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Row, interleaved
from papers import SemanticScholar, read_rows, refresh

LONG, REPEATS = 10_000, 5
READ_LIMIT, REFRESH_LIMIT, MEMORY_LIMIT = 1.0, 3.0, 200  # seconds, seconds, MB
BADGE = (
    "https://img.shields.io/badge/dynamic/json?label=citation&query=citationCount&url="
    "https%3A%2F%2Fapi.semanticscholar.org%2Fgraph%2Fv1%2Fpaper%2F{0:040x}%3Ffields%3DcitationCount"
)
PAGE = "https://www.semanticscholar.org/paper/A-Paper-of-Many-Words-Wang-Hu/{0:040x}"
HTML_ROW = (
    "    <tr>\n      <td>2018.9</td>\n      <td>SDG</td>\n"
    '      <td><a href="https://arxiv.org/pdf/2310.{0:05}">A Paper of Many Words on Synthetic Data, part {0}</a></td>\n'
    "      <td>\n      </td>\n"
    f'      <td><a href="{PAGE}"><img src="{BADGE}" alt="citation"></a></td>\n    </tr>\n'
)
PIPE_ROW = (
    "| 2018.9 | SDG | [A Paper of Many Words on Synthetic Data, part {0}](https://arxiv.org/pdf/2310.{0:05}) | "
    f"| [![citation]({BADGE})]({PAGE}) |\n"
)


def html_list(size: int) -> str:
    """Return an HTML list of papers, laid out as the catalogue is."""
    head = "<tr><th>Date</th><th>Category</th><th>Paper Name</th><th>Description</th><th>Citation</th></tr>\n"
    return f"# Papers\n\n<table>\n{head}{''.join(map(HTML_ROW.format, range(size)))}</table>\n"


def pipe_list(size: int) -> str:
    """Return the same list as a pipe table."""
    head = "| Date | Category | Paper Name | Description | Citation |\n| --- | --- | --- | --- | --- |\n"
    return f"# Papers\n\n{head}{''.join(map(PIPE_ROW.format, range(size)))}"


def by_beautiful_soup(text: str) -> list[list[str]]:
    """Return the cells' texts and images as a peer reads them: without positions, so that nothing can be put back."""
    rows = BeautifulSoup(text, "html.parser").find_all("tr")
    return [[cell.get_text() or str(cell.img) for cell in row.find_all("td")] for row in rows]


def run() -> list[Row]:
    pages, pipes = html_list(LONG), pipe_list(LONG)
    assert len(read_rows(pages)) == len(read_rows(pipes)) == LONG == len(by_beautiful_soup(pages)) - 1
    seconds = interleaved(
        {
            "html": partial(read_rows, pages),
            "pipes": partial(read_rows, pipes),
            "peer": partial(by_beautiful_soup, pages),
        },
        repeats=REPEATS,
    )
    longest = interleaved({"html": partial(read_rows, html_list(10 * LONG))}, repeats=1)["html"]
    _, refreshing, _, _ = min(refreshes(), key=lambda figures: figures[1])
    return [
        Row("read 10,000 papers, HTML", seconds["html"], "BeautifulSoup", seconds["peer"], 1),
        Row("read 10,000 papers, HTML", seconds["html"], "the limit", READ_LIMIT, 1),
        Row("read 10,000 papers, Markdown", seconds["pipes"], "the limit", READ_LIMIT, 1),
        Row("read 100,000 papers, HTML", longest, "ten times 10,000", 10 * seconds["html"], 0.8),
        Row("refresh 10,000 papers", refreshing, "the limit", REFRESH_LIMIT, 1),
    ]


def refreshes() -> list[tuple[str, float, int, float]]:
    """Return for some refreshes of the long list: what changed, seconds, requests, the process's peak memory in MB."""
    figures = []
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        path = Path(folder) / "list.md"
        path.write_text(html_list(LONG), encoding="utf-8")
        for what in ("every count is new", "no count has changed"):
            done = subprocess.run([*HERE, "refresh", str(path), url], capture_output=True, text=True, check=True)
            outcome = json.loads(done.stdout)
            figures.append((what, outcome["seconds"], outcome["requests"], outcome["memory"]))
    return figures


HERE = (sys.executable, "-m", "benchmarks.papers_refresh")


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve counts from another process while the block runs; yields the address."""
    process = subprocess.Popen([*HERE, "serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _Counts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        ids = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["ids"]
        title = "A Paper of Many Words on Synthetic Data, part {}"
        records = [{"paperId": i, "title": title.format(int(i, 16)), "citationCount": int(i, 16) % 997} for i in ids]
        answer = json.dumps(records).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def _serve() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counts)
    print(f"http://127.0.0.1:{server.server_address[1]}/graph/v1", flush=True)
    server.serve_forever()


def _refresh(path: str, url: str) -> dict[str, Any]:
    client = SemanticScholar(base_url=url, pace=0, cache=Path(path).with_name("cache.sqlite"))
    start = time.perf_counter()
    outcome = refresh(path, client)
    seconds = time.perf_counter() - start
    assert len(outcome.rows) == LONG
    assert outcome.complete
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    memory = int(peak[1]) / 1024 if peak else float("nan")
    return {"seconds": seconds, "requests": outcome.requests, "memory": memory}


def main() -> None:
    """Print all figures."""
    table = Table("what", "seconds", "limit", "requests", "memory, MB")
    for row in run()[:-1]:
        table.add_row(row.what, f"{row.ours:.2f}", f"{row.theirs:.2f} ({row.peer})", "", "")
    for what, seconds, requests, memory in refreshes():
        kept = f"{memory:.0f} (limit {MEMORY_LIMIT})"
        table.add_row(f"refresh 10,000 papers, {what}", f"{seconds:.2f}", f"{REFRESH_LIMIT:.2f}", f"{requests}", kept)
    Console().print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve()
    elif sys.argv[1:2] == ["refresh"]:
        print(json.dumps(_refresh(*sys.argv[2:])))
    else:
        main()
