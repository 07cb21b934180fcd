from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab import data
from sdg_lab.data import download, packages

ONE, TWO = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
THREE, FOUR = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(length.to_bytes(4, "big") for length in values.shape)
    return gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def published() -> dict[str, bytes]:
    """A small MNIST: 40 training images, one of them twice, and 10 to test, one of them a training image as well."""
    pictures = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    pictures[1] = pictures[0]
    pictures[40] = pictures[2]
    labels = np.arange(50) % 10
    return {ONE: idx(pictures[:40]), TWO: idx(labels[:40]), THREE: idx(pictures[40:]), FOUR: idx(labels[40:])}


class Server:
    """A loopback web server over a dictionary; counts what is asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler) -> None:
                name = handler.path.removeprefix("/mnist/")
                self.asked.append(name)
                handler.send_response(200 if name in files else 404)
                handler.send_header("Content-Length", str(len(files.get(name, b""))))
                handler.end_headers()
                handler.wfile.write(files.get(name, b""))

            def log_message(handler, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/mnist/"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(published: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    found = Server(published)
    monkeypatch.setenv("SDG_LAB_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "MNIST_MIRRORS", (found.url,))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in published.items()}
    monkeypatch.setattr(download, "MNIST_SHA256", sums)
    yield found
    found.http.shutdown()
    found.http.server_close()


def test_full_mnist_keeps_the_official_test_part_and_removes_duplicates(server: Server) -> None:
    dataset = data.mnist(full=True, progress=False)
    # 40 less one duplicate and one that is in the test part: 38, of which a tenth validates.
    assert [len(part) for part in dataset.parts.values()] == [34, 4, 10]
    assert dataset.test.labels is not None
    assert dataset.test.labels.tolist() == list(range(10))
    seen = {image.tobytes() for part in dataset.parts.values() for image in part.pixels}
    assert len(seen) == 48
    assert dataset.train.shape == (1, 28, 28)


def test_what_was_downloaded_is_not_downloaded_again(server: Server) -> None:
    data.mnist(full=True, progress=False)
    data.mnist(full=True, progress=False)
    assert sorted(server.asked) == sorted([ONE, TWO, THREE, FOUR])


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server) -> None:
    data.mnist(full=True, progress=False)
    (packages.cache() / "mnist" / TWO).write_bytes(b"half of it")
    data.mnist(full=True, progress=False)
    assert server.asked.count(TWO) == 2


def test_a_file_with_another_sum_is_refused_and_not_kept(server: Server, published: dict[str, bytes]) -> None:
    right = hashlib.sha256(published[ONE]).hexdigest()
    published[ONE] += b"tampered"
    wrong = hashlib.sha256(published[ONE]).hexdigest()
    with pytest.raises(ConnectionError) as refusal:
        data.mnist(full=True, progress=False)
    assert f"could not download {ONE} ({server.url}: its SHA-256 is {wrong}, not {right})" in str(refusal.value)
    assert list(packages.cache().rglob("*")) == []


def test_the_next_mirror_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MNIST_MIRRORS", (server.url + "gone/", server.url))
    assert len(data.mnist(full=True, progress=False).test) == 10


def test_without_a_network_the_error_says_what_to_do(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ConnectionError) as refusal:
        data.mnist(full=True, progress=False)
    folder = packages.cache() / "mnist"
    assert str(refusal.value).startswith(f"could not download {ONE} ({server.url}: ")
    assert str(refusal.value).endswith(
        f"; connect to the network and try again, put the file into {folder} yourself, "
        "or work with the 5,000 digits that need no network: data.mnist()"
    )


def test_idx_files_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^x is not an IDX file of unsigned bytes: it starts with b'.x00.x00.r'$"):
        download.read_idx(gzip.compress(b"\0\0\x0d\x01"), "x")
    with pytest.raises(ValueError, match=r"^x should hold \(3,\) values, got 1; download it again$"):
        download.read_idx(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7])), "x")


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_idx_files_come_back(shape: list[int]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(download.read_idx(idx(values), "x"), values)


def test_without_a_place_for_the_cache_the_download_serves_all_the_same(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("where a folder should be")
    monkeypatch.setenv("SDG_LAB_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"cannot be written \(.*\), so the next run makes it anew; set SDG_LAB_CACHE"):
        assert len(data.mnist(full=True, progress=False).test) == 10
