"""What tests of distillation share: a server that misbehaves, and a clock that only sleepers move."""

import threading

import pytest
from nasty_server import KEY, VARIABLE, Clock, Nasty


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def _client():
    """Load the client once: it takes seconds, which belong to no test."""
    import openai  # noqa: F401


@pytest.fixture
def nasty(monkeypatch, _client):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLE, KEY)
    server = Nasty()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()
