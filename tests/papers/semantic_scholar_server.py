"""A real HTTP server on loopback that answers as the Semantic Scholar API does, faults included."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Record = dict[str, Any]


def sha(number: int) -> str:
    return f"{number:040x}"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Library:
    """The papers that the service knows and what it does wrong.

    ``faults`` are taken one a request: a status (``"503"``, ``"429 Retry-After=0"``, ``"404 html"``), ``"html"``,
    ``"cut"``, ``"drop"``, ``"slow SECONDS"``, ``"short"`` (an answer too few), ``"redirect STATUS URL"``, ``"bomb"``
    (a small gzip that unfolds), ``"deep"`` (nested JSON), ``"flood"``, a way of packing (``"gzip"``, ``"deflate"``,
    ``"gzip-cut"``, ``"br"``), ``"drip body"`` or ``"drip head"`` (a byte now and then), or ``""`` for none. ``always``
    is used once they are used up. ``scramble`` changes the answer to a batch.
    """

    url: str = ""
    papers: dict[str, Record] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    """Ids that make a whole batch fail."""
    poison_status: int = 400
    largest: int = 500
    """Batches larger than this answer ``largest_status``."""
    largest_status: int = 504
    scramble: Callable[[list[Any]], list[Any]] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    matches: dict[str, Record] = field(default_factory=dict)
    recommended: list[Record] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    always: str = ""
    log: list[Request] = field(default_factory=list)
    outlasted: int = 0
    """How often a drip came to its end before the client gave up."""

    def add(self, number: int, count: int | None, title: str = "", **more: Any) -> Record:
        record = {"paperId": sha(number), "title": title, "citationCount": count, "externalIds": {}, **more}
        self.papers[sha(number)] = record
        for kind, value in record["externalIds"].items():
            self.aliases[f"{kind.upper()}:{value}".lower()] = sha(number)
        return record

    def find(self, paper: str) -> Record | None:
        return self.papers.get(self.aliases.get(paper.lower(), paper))

    def answer(self, request: Request) -> tuple[int, Any]:
        path = unquote(request.path)
        if path.endswith("/paper/batch"):
            ids = request.body["ids"]
            assert 0 < len(ids) <= 500
            assert "fields" in request.query
            if len(ids) > self.largest:
                return self.largest_status, {"message": "Endpoint request timed out"}
            found = [self.find(paper) for paper in ids]
            if self.poison & set(ids):
                return self.poison_status, {"error": "No valid paper ids given"}
            if not any(found):
                return 400, {"error": "No valid paper ids given"}
            return 200, self.scramble(found) if self.scramble else found
        if path.endswith("/paper/search/match"):
            hit = self.matches.get(request.query["query"][0])
            return (200, {"data": [hit | {"matchScore": 200.1}]}) if hit else (404, {"error": "Title match not found"})
        if path.endswith("/recommendations/v1/papers"):
            return 200, {"recommendedPapers": self.recommended[: int(request.query["limit"][0])]}
        record = self.find(path.partition("/paper/")[2])
        return (200, record) if record else (404, {"error": "Paper not found"})


PACKINGS = {"gzip": 31, "deflate": 15, "gzip-cut": 31, "br": 31}


@cache
def payload(kind: str) -> bytes | None:
    """Return a body that is no good answer, None for kinds that have an ordinary one."""
    if kind == "bomb":
        packer = zlib.compressobj(9, wbits=31)
        return b"".join([packer.compress(b" " * 2**20) for _ in range(64)] + [packer.flush()])
    wrong = {"html": b"<html><h1>It works</h1>", "deep": b"[" * 100_000 + b"]" * 100_000, "flood": b" " * 20_000_000}
    return wrong.get(kind)


class _Handler(BaseHTTPRequestHandler):
    library: Library
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for the client's acknowledgement of its headers

    def do_GET(self) -> None:
        self.serve(None)

    def do_POST(self) -> None:
        self.serve(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null"))

    def serve(self, body: Any) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
        self.library.log.append(request)
        fault = self.library.faults.pop(0) if self.library.faults else self.library.always
        kind, _, detail = fault.partition(" ")
        if kind == "drop":
            self.close_connection = True
            self.connection.close()
        elif kind == "redirect":
            self.send(int(detail.split()[0]), {"error": "moved"}, {"Location": detail.split()[1]})
        elif kind == "drip":
            self.drip(detail)
        elif kind in ("bomb", "deep", "flood"):
            self.send(200, None, {"Content-Encoding": "gzip"} if kind == "bomb" else {}, kind)
        elif kind.isdigit() and detail == "html":
            self.send(int(kind), None, {}, detail)
        elif kind.isdigit():
            name, _, value = detail.partition("=")
            echoed = f"Too Many Requests. {headers.get('x-api-key', '')}"  # a careless service shows the key
            self.send(int(kind), {"message": echoed, "code": kind}, {name: value} if name else {})
        else:
            if kind == "slow":
                self.a_moment(float(detail))
            status, answer = self.library.answer(request)
            if kind == "short" and isinstance(answer, list):
                answer = answer[:-1]
            self.send(status, answer, {}, kind)

    def a_moment(self, seconds: float) -> None:
        threading.Event().wait(seconds)  # no time.sleep: tests of the client's patience take that one over

    def drip(self, where: str) -> None:
        """Send a byte now and then, so that no single wait is long, until the client gives up."""
        self.close_connection = True
        try:
            head = b"Content-Length: 9999\r\n\r\n" if where == "body" else b"X-Long: "
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + head)
            for _ in range(500):
                self.wfile.write(b" ")
                self.a_moment(0.02)
            self.library.outlasted += 1
        except OSError:
            pass

    def send(self, status: int, answer: Any, headers: dict[str, str], kind: str = "") -> None:
        if status in (204, 304):  # which have no body
            answer = b""
        body = payload(kind) or (answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        if packing := PACKINGS.get(kind):
            packer = zlib.compressobj(wbits=packing)
            body = packer.compress(body) + packer.flush()
            headers = {**headers, "Content-Encoding": kind.removesuffix("-cut")}
            body = body[:-9] if kind.endswith("-cut") else body
        try:
            self.send_response(status)
            for name, value in {**self.library.headers, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html" if kind == "html" else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)
        except OSError:
            pass  # the client gave up
        if kind == "cut":
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass  # the client gave up


@contextmanager
def serving(library: Library) -> Iterator[Library]:
    """Serve a library on a free loopback port while the block runs."""
    handler = type("Handler", (_Handler,), {"library": library})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    library.url = f"http://127.0.0.1:{server.server_address[1]}/graph/v1"
    try:
        yield library
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
