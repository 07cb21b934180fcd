"""Write files so that a reader sees the old one or the new one, never half of one; and models that hold no code.

A model is one safetensors file: its tensors, and in the header its configuration as JSON and a checksum of it all. No
pickle is read or written. Layout of the file: the header's length (8 bytes, little-endian), the header (JSON), the
tensors side by side.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

FORMAT = "1"
"""Version of the layout that :func:`write_tensors` writes."""

DAY = 24 * 3600
"""Seconds after which a temporary file has been left behind by a process that was killed."""


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; when the block ends well, it takes the place of ``path``.

    The bytes reach the disk before the name changes. If the block raises, ``path`` stays as it was and nothing is left
    behind; what a killed process left here is removed a day later. Symbolic links are followed and the permissions of
    an existing file are kept.

    Raises:
        OSError: if ``path`` is a folder, a device or anything else than a file, or lies below a file; or if nothing can
            be written into its folder.
    """
    target = _target(path)
    for left in target.parent.glob(f".{escape(target.name)}.*.tmp"):
        with suppress(OSError):  # another process may have been quicker
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _target(path: str | Path) -> Path:
    """Return where a file will stand, links followed, its folder made; or refuse what no file can take the place of."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # renamed over, a device would be a file for everybody
        kind = "a folder" if target.is_dir() else "no regular file"
        raise OSError(f"{str(path)!r} is {kind} and cannot be written over; name a file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{str(path)!r} lies below a file; name a file in a folder") from None
    except PermissionError as error:
        raise PermissionError(f"the folder {error.filename} cannot be made; choose another one for {path}") from None
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"nothing can be written into {target.parent}; choose another folder for {path}")
    return target


def write_tensors(
    path: str | Path, tensors: Mapping[str, torch.Tensor | NDArray[Any]], config: Mapping[str, Any]
) -> None:
    """Write tensors and a JSON configuration as one safetensors file with a checksum, atomically.

    Args:
        path: where to write; parents are made.
        tensors: torch tensors or numpy arrays, by name.
        config: anything JSON can say. Floats survive exactly.
    """
    metadata = {"sdg_lab": FORMAT, "config": json.dumps(dict(config))}
    header, payload = _split(_serialised(tensors, metadata))
    header["__metadata__"]["sha256"] = _checksum(header, payload)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned
    with replace_atomically(path) as temporary:
        temporary.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, payload]))


@overload
def read_tensors(
    path: str | Path, *, framework: Literal["torch"] = "torch"
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]: ...
@overload
def read_tensors(
    path: str | Path, *, framework: Literal["numpy"]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]: ...
def read_tensors(
    path: str | Path, *, framework: Literal["torch", "numpy"] = "torch"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote: the tensors by name, and the configuration.

    Every length in the file is checked against the file before memory is taken, and the checksum before anything is
    believed. (Files of version 0.1.0 have none; theirs are checked as far as the format can.)

    Args:
        path: the file.
        framework: what the tensors become; ``"numpy"`` leaves torch alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is a folder, is damaged, is not safetensors, or was not written by this package.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; name the file of a model")
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}; save one there first")
    content = path.read_bytes()
    damaged = f"{path} is damaged, or no safetensors file; save the model again, or copy the file anew"
    try:
        header, payload = _split(content)
        metadata = dict(header.get("__metadata__", {}))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{damaged} ({error})") from None
    if metadata.get("sdg_lab") != FORMAT:
        raise ValueError(
            f"{path} was not written by sdg_lab (format {metadata.get('sdg_lab')!r}, wanted {FORMAT!r}); "
            "save the model again with this version"
        )
    if "sha256" in metadata and metadata["sha256"] != _checksum(header, payload):
        raise ValueError(f"{damaged} (its checksum is another)")
    try:
        config = json.loads(metadata["config"])
        tensors = _deserialised(content, framework)
    except ImportError:  # torch is not installed; the file is not to blame
        raise
    except Exception as error:  # whatever damage makes the library stumble
        raise ValueError(f"{damaged} ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"{damaged} (its configuration is {config!r})")
    return tensors, config


def _serialised(tensors: Mapping[str, Any], metadata: dict[str, str]) -> bytes:
    """Return the bytes of a safetensors file; torch is needed only where a tensor is torch's."""
    if any(hasattr(value, "detach") for value in tensors.values()):
        import torch
        from safetensors.torch import save

        ready = {name: torch.as_tensor(value).detach().cpu().contiguous().clone() for name, value in tensors.items()}
        return save(ready, metadata)
    import numpy as np
    from safetensors.numpy import save as save_arrays

    return save_arrays({name: np.array(value, order="C") for name, value in tensors.items()}, metadata)


def _deserialised(content: bytes, framework: Literal["torch", "numpy"]) -> dict[str, Any]:
    if framework == "numpy":
        from safetensors.numpy import load as load_arrays

        return load_arrays(content)
    from safetensors.torch import load

    return load(content)


def _split(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header and the tensors' bytes."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError(f"its header should have {length:,} bytes, the file has {len(content):,}")
    header = json.loads(content[8 : 8 + length])
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, memoryview(content)[8 + length :]


def _checksum(header: Mapping[str, Any], payload: memoryview) -> str:
    """Return the SHA-256 of a file's header, without the checksum itself, and of its tensors."""
    metadata = {name: text for name, text in header["__metadata__"].items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps({**header, "__metadata__": metadata}, sort_keys=True).encode())
    digest.update(payload)
    return digest.hexdigest()
