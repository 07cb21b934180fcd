"""Read a GGUF file: a language model in one file, with its words, its sizes and its packed weights.

The layout (GGUF, version 3, little-endian): the letters ``GGUF``, the version, the number of tensors and of metadata
entries; then each entry as key, type and value; then each tensor's name, shape, type and place; then, from the next
multiple of the alignment on, the tensors themselves. Nothing in it is code. The file is checked while it is read: what
does not add up is refused before a single weight is unpacked.

The format's own ``gguf.GGUFReader`` takes thirty times as long for SmolLM2's file, which is why this parser is ours;
the library unpacks the weights, and its reader is what the tests compare with.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

VERSIONS = (2, 3)
_DEFAULT_ALIGNMENT = 32
_MAX_DIMENSIONS = 4

_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""How ``struct`` calls each of the format's types of numbers: 8 to 64 bits, floats, and truth."""

_STRING, _ARRAY = 8, 9
"""The other two types of a metadata entry."""


@dataclass(frozen=True)
class PackedTensor:
    """A tensor as the file stores it.

    Attributes:
        name: in the file.
        shape: rows first, as torch counts (the file counts the other way round).
        kind: how its numbers are packed, such as ``Q4_1``: 32 four-bit numbers, a scale and a minimum.
        data: its bytes, a view into the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    data: NDArray[np.uint8]

    def unpacked(self) -> Tensor:
        """Return the numbers, float32.

        Raises:
            ValueError: if the kind cannot be unpacked, or some are no finite numbers.
        """
        from gguf import GGML_QUANT_SIZES, dequantize

        block, size = GGML_QUANT_SIZES[self.kind]
        bytes_a_row = self.shape[-1] // block * size
        try:
            numbers = dequantize(self.data.reshape(-1, bytes_a_row), self.kind)
        except NotImplementedError:
            raise ValueError(
                f"tensor {self.name} is stored as {self.kind.name}, which cannot be unpacked; "
                "give a file with another kind, such as F32, F16, Q8_0 or Q4_1"
            ) from None
        # A copy where the numbers are not packed: nothing may look into the file, nor be written to it.
        tensor = torch.from_numpy(np.require(numbers, np.float32, ["C", "W"])).reshape(self.shape)
        if not bool(torch.isfinite(tensor.sum())):
            raise ValueError(f"tensor {self.name} holds numbers that are not finite; {REMEDY}")
        return tensor


@dataclass(frozen=True)
class GGUFFile:
    """What is in a file.

    Attributes:
        path: of the file.
        metadata: entries by key, such as ``general.architecture``.
        tensors: by name, packed; they are read from the disk when they are unpacked.
    """

    path: Path
    metadata: Mapping[str, Any]
    tensors: Mapping[str, PackedTensor]

    def value(self, key: str, kind: type | tuple[type, ...]) -> Any:
        """Return a metadata entry that has to be there.

        Raises:
            ValueError: if it is missing, or of another type than ``kind``.
        """
        if key not in self.metadata:
            raise ValueError(f"{self.path} has no metadata entry {key}; {REMEDY}")
        value = self.metadata[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(
                f"{self.path}: metadata entry {key} is {_short(value)}, a {type(value).__name__}; {REMEDY}"
            )
        return value

    def tensor(self, name: str, shape: tuple[int, ...]) -> PackedTensor:
        """Return a tensor that has to be there, in the shape that it has to have.

        Raises:
            ValueError: if it is missing, or of another shape.
        """
        if name not in self.tensors:
            raise ValueError(f"{self.path} has no tensor {name}; {REMEDY}")
        found = self.tensors[name]
        if found.shape != shape:
            raise ValueError(f"{self.path}: tensor {name} has shape {found.shape}, expected {shape}; {REMEDY}")
        return found

    def unpack(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return the numbers of a tensor that has to be there, float32.

        Raises:
            ValueError: as :meth:`tensor` and :meth:`PackedTensor.unpacked`.
        """
        packed = self.tensor(name, shape)
        try:
            return packed.unpacked()
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None


REMEDY = "download or install it again"


def read(path: str | Path) -> GGUFFile:
    """Read a file's metadata, and where its tensors are.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if it is not a GGUF file, is of an unknown version, or is damaged or cut off.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of a GGUF file, or none for the one installed")
    if path.stat().st_size < 4:
        raise ValueError(f"{path} is not a GGUF file: it has only {path.stat().st_size} bytes")
    with path.open("rb") as file:
        # The mapping lives as long as the arrays that look into it.
        contents = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.uint8)
    cursor = _Cursor(path, contents)
    magic = cursor.take(4, "its first letters").tobytes()
    if magic != b"GGUF":
        raise ValueError(f"{path} is not a GGUF file: it begins with {magic!r}, not b'GGUF'")
    version = cursor.number("I", "the version")
    if version not in VERSIONS:
        raise ValueError(f"{path} is of GGUF version {version}; {' and '.join(map(str, VERSIONS))} can be read")
    n_tensors, n_entries = cursor.number("Q", "the number of tensors"), cursor.number("Q", "the number of entries")
    metadata: dict[str, Any] = {}
    for index in range(n_entries):
        key = cursor.string(f"the key of metadata entry {index}")
        if key in metadata:
            raise cursor.damaged(f"metadata entry {key} is there twice")
        metadata[key] = cursor.value(f"metadata entry {key}")
    places = [cursor.place(index) for index in range(n_tensors)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise cursor.damaged(f"general.alignment is {alignment!r}")
    start = -(-cursor.position // alignment) * alignment
    tensors: dict[str, PackedTensor] = {}
    for name, shape, kind, offset in places:
        if name in tensors:
            raise cursor.damaged(f"tensor {name} is there twice")
        cursor.position = start + offset
        tensors[name] = PackedTensor(name, shape, kind, cursor.take(_bytes(shape, kind), f"tensor {name}"))
    return GGUFFile(path, metadata, tensors)


class _Cursor:
    """A place in the file that moves on with each thing read, and never past the end."""

    def __init__(self, path: Path, contents: NDArray[np.uint8]) -> None:
        self.path, self.contents, self.position = path, contents, 0
        self.view = memoryview(contents.data)

    def damaged(self, why: str) -> ValueError:
        return ValueError(f"{self.path} is damaged: {why}; {REMEDY}")

    def _advance(self, size: int, what: str) -> int:
        """Return the position of the next ``size`` bytes, and step over them."""
        start, end = self.position, self.position + size
        if end > len(self.view):
            raise ValueError(
                f"{self.path} is cut off: {what} should reach byte {end:,}, the file has {len(self.view):,}; {REMEDY}"
            )
        self.position = end
        return start

    def take(self, size: int, what: str) -> NDArray[np.uint8]:
        start = self._advance(size, what)
        return self.contents[start : start + size]

    def number(self, code: str, what: str) -> Any:
        layout = "<" + code
        return struct.unpack_from(layout, self.view, self._advance(struct.calcsize(layout), what))[0]

    def string(self, what: str) -> str:
        size = self.number("Q", what)
        start = self._advance(size, what)
        try:
            return str(self.view[start : start + size], "utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"{what} is not UTF-8") from None

    def value(self, what: str) -> Any:
        kind = self.number("I", what)
        if kind == _STRING:
            return self.string(what)
        if kind != _ARRAY:
            return self.number(self._format(kind, what), what)
        kind, count = self.number("I", what), self.number("Q", what)
        if kind == _ARRAY:
            raise self.damaged(f"{what} is an array of arrays, which no model needs")
        if kind == _STRING:
            return [self.string(what) for _ in range(count)]
        code = self._format(kind, what)
        return list(struct.unpack(f"<{count}{code}", self.take(struct.calcsize("<" + code) * count, what).data))

    def _format(self, kind: int, what: str) -> str:
        if kind not in _FORMATS:
            raise self.damaged(f"{what} has the unknown type {kind}")
        return _FORMATS[kind]

    def place(self, index: int) -> tuple[str, tuple[int, ...], GGMLQuantizationType, int]:
        """Return a tensor's name, shape, kind, and its offset from where the tensors begin."""
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        name = self.string(f"the name of tensor {index}")
        what = f"what is said of tensor {name}"
        dimensions = self.number("I", what)
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise self.damaged(f"tensor {name} has {dimensions} dimensions")
        shape = tuple(self.number("Q", what) for _ in range(dimensions))[::-1]
        number, offset = self.number("I", what), self.number("Q", what)
        try:
            kind = GGMLQuantizationType(number)
        except ValueError:
            raise self.damaged(f"tensor {name} has the unknown type {number}") from None
        if min(shape) < 1 or shape[-1] % GGML_QUANT_SIZES[kind][0]:
            raise self.damaged(f"tensor {name} has shape {shape}, which {kind.name} cannot have")
        return name, shape, kind, offset


def _bytes(shape: tuple[int, ...], kind: GGMLQuantizationType) -> int:
    from gguf import GGML_QUANT_SIZES

    numbers = 1
    for size in shape:
        numbers *= size  # Python's integers: a damaged size cannot overflow
    block, size = GGML_QUANT_SIZES[kind]
    return numbers // block * size


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
