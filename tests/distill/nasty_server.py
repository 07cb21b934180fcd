"""A server on the loopback that speaks OpenAI's protocol and does all that real ones do on bad days."""

import contextlib
import gzip
import hashlib
import json
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-1234567890abcdef"
VARIABLE = "SDG_LAB_TEST_KEY"

PASSING = [
    *("429", "429 seconds", "429 date", "429 nonsense", "408", "500", "503", "slow", "drip", "cut", "reset"),
    *("no json", "html", "empty", "list", "no finish", "unknown finish", "no choices", "null choices", "two choices"),
    *("no message", "null content", "number content", "long text", "endless", "packed", "error in 200", "deep"),
]
"""Failures after which the same request may well succeed."""


def text_of(asked, seed):
    """Return what the server writes: a function of prompt and seed."""
    return f"word{hashlib.sha256(f'{asked}{seed}'.encode()).hexdigest()[:6]} of three"


class Nasty(ThreadingHTTPServer):
    """Does what its script says, one entry a request, and afterwards what is right; or what ``plan`` says.

    What is right ``writes`` makes of a prompt, or of the JSON of a chat, and the seed.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.script, self.plan, self.writes = [], None, text_of
        self.seen, self.paths, self.met = [], [], Counter()
        self.under_way = self.most_under_way = 0
        self.lock, self.over = threading.Lock(), threading.Event()

    def handle_error(self, request, client_address):
        """Say nothing: who asks has gone away, which is part of the test."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and its body would be 40 ms apart

    def log_message(self, *args):
        """Print nothing."""

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body.get("prompt", json.dumps(body.get("messages")))
        with server.lock:
            mode = server.script.pop(0) if server.script else server.plan(asked, body["seed"]) if server.plan else "ok"
            server.seen.append(body)
            server.paths.append(self.path)
            server.met[mode] += 1
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        try:
            self.act(mode, asked, body)
        finally:
            with server.lock:
                server.under_way -= 1

    def act(self, mode, asked, body):
        text = self.server.writes(asked, body["seed"])
        if mode.startswith("429"):
            wishes = {
                "seconds": "7",
                "zero": "0",
                "date": formatdate(time.time() + 30, usegmt=True),
                "nonsense": "soon, or nan",
            }
            wish = wishes.get(mode[4:])
            return self.send(429, b'{"error": {}}', **({"Retry-After": wish} if wish else {}))
        if mode.isdecimal():
            told = {"error": {"message": f"no: {self.headers['Authorization']}"}}  # as some services do
            return self.send(int(mode), json.dumps(told).encode(), Location="http://127.0.0.1:1/elsewhere")
        if mode == "slow":
            return self.server.over.wait(5)
        if mode == "reset":
            return self.close()
        if mode in ("html", "no json", "empty", "list", "deep"):
            bodies = {"html": b"<html>502</html>", "no json": b'{"choices": [', "empty": b"", "list": b"[1]"}
            return self.send(200, bodies.get(mode, b"[" * 100_000))
        if mode == "error in 200":
            return self.send(200, b'{"error": {"message": "overloaded"}}')
        if mode == "echo":
            text += f" {self.headers['Authorization']}"
        content = json.dumps(self.answer(mode, text, body)).encode()
        if mode == "packed":
            return self.send(200, gzip.compress(bytes(10**6)), **{"Content-Encoding": "gzip"})
        if mode == "cut":
            self.begin(200, len(content))
            self.wfile.write(content[: len(content) // 2])
            return self.close()
        if mode == "endless":
            self.begin(200, 10**12)
            while not self.server.over.is_set():
                self.wfile.write(b" " * 2**20)
            return None
        if mode == "drip":
            self.begin(200, len(content))
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.over.wait(0.05):
                    break
            return None
        return self.send(200, content)

    def answer(self, mode, text, body):
        chat = "messages" in body
        content = {"null content": None, "number content": 3, "long text": "long " * 100_000, "odd": "half \ud800"}
        written = content.get(mode, text)
        choice = {"index": 0, "finish_reason": "stop"}
        choice |= {"message": {"role": "assistant", "content": written}} if chat else {"text": written}
        if mode == "no finish":
            choice["finish_reason"] = None
        if mode in ("length", "content_filter"):
            choice["finish_reason"] = mode
        if mode == "unknown finish":
            choice["finish_reason"] = {"odd": 1}
        if mode == "no message":
            choice.pop("message" if chat else "text")
        several = {"no choices": [], "null choices": None, "two choices": [choice, choice]}
        counts = {"prompt_tokens": 11, "completion_tokens": 3}
        if mode == "absurd usage":
            counts = {"prompt_tokens": -5, "completion_tokens": 10**30}
        return {"choices": several.get(mode, [choice]), "usage": None if mode == "no usage" else counts}

    def send(self, status, content, **headers):
        self.begin(status, len(content), **headers)
        self.wfile.write(content)

    def begin(self, status, length, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def close(self):
        self.wfile.flush()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now, self.slept, self.lock = 1000.0, [], threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        with self.lock:
            assert seconds > 0
            self.slept.append(seconds)
            self.now += seconds
