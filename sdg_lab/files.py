"""Write files so that a reader sees the old one or the new one, never half of one; and models that hold no code.

A model is one safetensors file: its tensors, and in the header its configuration as JSON. No pickle is read or written.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

FORMAT = "1"
"""Version of the layout that :func:`write_tensors` writes."""


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; when the block ends well, it takes the place of ``path``.

    The bytes reach the disk before the name changes. If the block raises, ``path`` stays as it was and nothing is left
    behind. Symbolic links are followed and the permissions of an existing file are kept.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
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


def write_tensors(
    path: str | Path, tensors: Mapping[str, torch.Tensor | np.ndarray[Any, Any]], config: Mapping[str, Any]
) -> None:
    """Write tensors and a JSON configuration as one safetensors file, atomically.

    Args:
        path: where to write; parents are made.
        tensors: torch tensors or numpy arrays, by name.
        config: anything JSON can say. Floats survive exactly.
    """
    import torch
    from safetensors.torch import save

    ready = {name: torch.as_tensor(value).detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with replace_atomically(path) as temporary:
        # Not save_file: what it writes nobody but its owner may read.
        temporary.write_bytes(save(ready, metadata={"sdg_lab": FORMAT, "config": json.dumps(dict(config))}))


def read_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote: the tensors by name, and the configuration.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is not safetensors, or was not written by this package.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}; save one there first")
    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = handle.metadata() or {}
            # Cloned: what the library hands out lies in the mapped file, which could then not be replaced on Windows.
            tensors = {name: handle.get_tensor(name).clone() for name in handle.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}); save the model again") from None
    if metadata.get("sdg_lab") != FORMAT:
        raise ValueError(
            f"{path} was not written by sdg_lab (format {metadata.get('sdg_lab')!r}, wanted {FORMAT!r}); "
            "save the model again with this version"
        )
    config: dict[str, Any] = json.loads(metadata["config"])
    return tensors, config
