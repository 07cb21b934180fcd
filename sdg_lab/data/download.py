"""Fetch MNIST in full: every file is checked against a published SHA-256 sum before it is read, each time."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdg_lab.data import packages

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# As published with torchvision's prototype data sets, among others.
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}

_CHUNK = 1 << 16
_SECONDS = 30
"""A mirror that is silent for so long is given up."""


def fetch_mnist(*, progress: bool = True) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of the four files by file name, downloading what is not in the cache.

    Raises:
        ConnectionError: if no mirror gave a file with the right sum.
    """
    folder = packages.cache() / "mnist"
    return {
        name: read_idx(fetch(name, folder, MNIST_MIRRORS, sha256, progress=progress), name)
        for name, sha256 in MNIST_SHA256.items()
    }


def fetch(name: str, folder: Path, mirrors: Sequence[str], sha256: str, *, progress: bool = True) -> bytes:
    """Return what a checked file of the folder holds, downloaded from the first mirror that has it.

    A file that is there already is checked too, and fetched again if it is damaged. It is written when all of it has
    come, and if it cannot be, the content serves without.

    Raises:
        ConnectionError: if no mirror gave it; the message has each mirror's reason and what to do.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() == sha256:
        return content
    reasons = []
    for mirror in mirrors:
        try:
            content = _download(mirror + name, name, progress=progress)
        except (OSError, ValueError) as error:
            reasons.append(f"{mirror}: {error}")
            continue
        found = hashlib.sha256(content).hexdigest()
        if found == sha256:
            packages.keep(path, content)
            return content
        reasons.append(f"{mirror}: its SHA-256 is {found}, not {sha256}")
    raise ConnectionError(
        f"could not download {name} ({'; '.join(reasons)}); connect to the network and try again, "
        f"put the file into {folder} yourself, or work with the 5,000 digits that need no network: data.mnist()"
    )


def read_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """Read a gzipped IDX file of unsigned bytes: two zeros, the type 8, the number of axes, their lengths, the values.

    Raises:
        ValueError: if the file is something else, or has more or fewer values than its header says.
    """
    content = gzip.decompress(content)
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{name} is not an IDX file of unsigned bytes: it starts with {content[:3]!r}")
    axes = content[3]
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", count=axes, offset=4))
    values: NDArray[np.uint8] = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != np.prod(shape):
        raise ValueError(f"{name} should hold {shape} values, got {values.size}; download it again")
    return values.reshape(shape)


def _download(url: str, name: str, *, progress: bool) -> bytes:
    """Return what the address gives."""
    from urllib.request import urlopen

    from tqdm.auto import tqdm

    content = bytearray()
    with urlopen(url, timeout=_SECONDS) as response:
        size = response.headers.get("Content-Length")
        bar: dict[str, Any] = {"unit": "B", "unit_scale": True, "leave": False, "disable": not progress}
        with tqdm(total=int(size) if size else None, desc=name, **bar) as shown:
            while chunk := response.read(_CHUNK):
                content += chunk
                shown.update(len(chunk))
    return bytes(content)
