"""What a run is: its description, seed and number of shards, in ``manifest.json`` beside the parts.

Two runs are the same if their manifests are, to the letter. Everything that changes the bytes belongs in the
description: the recipe, the model, how many rows. How many workers there are does not.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdg_lab import checks
from sdg_lab.files import replace_atomically

NAME = "manifest.json"
FORMAT = 1
"""Version of the manifest, of the parts' names and of their checksums."""

MAX_SHARDS = 99_999
"""So that names of files have five digits and sort as numbers do."""

_SAID = 3
"""Differences that a refusal names."""


@dataclass(frozen=True)
class Manifest:
    """What makes a run this one.

    Attributes:
        description: anything that JSON can say; no keys and no secrets, for it is written down.
        seed: the run's, at least 0 and below 2⁶³.
        shards: how many, from 1 to 99,999.
        extension: of the parts, without a dot: ``"jsonl"``.

    Raises:
        ValueError: if one of them is no such thing.
    """

    description: Mapping[str, Any]
    seed: int
    shards: int
    extension: str

    def __post_init__(self) -> None:
        checks.whole("n_shards", self.shards, least=1, most=MAX_SHARDS)
        checks.whole("seed", self.seed, least=0, most=2**63 - 1)
        if not isinstance(self.extension, str) or not re.fullmatch(r"[a-z0-9]+", self.extension, flags=re.ASCII):
            raise ValueError(
                f"extension must be lower-case letters and digits, such as 'jsonl', got {self.extension!r}"
            )
        if not isinstance(self.description, Mapping):
            raise ValueError(f"description must map names to what JSON can say, got {self.description!r}")
        try:
            plain = json.loads(json.dumps(dict(self.description), allow_nan=False, sort_keys=True))
        except (TypeError, ValueError) as error:
            raise ValueError(f"description must be what JSON can say: {error}") from None
        object.__setattr__(self, "description", plain)  # as it will be read: a tuple is a list there

    def facts(self) -> dict[str, Any]:
        """Return all that must be the same for a run to be the same."""
        facts = {"format": FORMAT, "seed": int(self.seed), "shards": int(self.shards), "extension": self.extension}
        return {**facts, "description": dict(self.description)}

    @property
    def run(self) -> str:
        """The run's name: the SHA-256 of its facts, 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into a folder, atomically."""
        text = json.dumps({**self.facts(), "run": self.run}, indent=2, sort_keys=True) + "\n"
        with replace_atomically(folder / NAME) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def check(self, folder: Path) -> None:
        """Refuse a folder that holds another run.

        Raises:
            FileNotFoundError: if it holds none.
            ValueError: if its manifest is damaged, or another run's; the sentence names what differs.
        """
        theirs, mine = (dict(_flat(manifest.facts())) for manifest in (read(folder), self))
        names = [name for name in {**mine, **theirs} if theirs.get(name, "not there") != mine.get(name, "not there")]
        if names:
            said = [f"{name} is {_short(theirs, name)}, this one's {_short(mine, name)}" for name in names[:_SAID]]
            more = f"; and {len(names) - _SAID} more differ" if len(names) > _SAID else ""
            raise ValueError(f"{folder} belongs to another run: its {'; its '.join(said)}{more}; name another folder")


def read(folder: str | Path) -> Manifest:
    """Read a folder's manifest.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of a format that this version does not know.
    """
    path = Path(folder) / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format")
        if isinstance(version, int) and version != FORMAT:
            raise ValueError(
                f"{path} has format {version}, this version of sdg_lab reads {FORMAT}; use the one that wrote it"
            )
        name = content.pop("run")
        manifest = Manifest(**content)
        if name != manifest.run:
            raise TypeError("its checksum is another")
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{folder} holds no run: there is no {NAME} in it") from None
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); remove it and start the same run again: finished parts are recognised"
        ) from None
    return manifest


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value by the names that lead to it: ``description.model.temperature``."""
    for name, value in facts.items():
        if isinstance(value, Mapping) and (value or not before):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _short(facts: Mapping[str, Any], name: str) -> str:
    return textwrap.shorten(json.dumps(facts[name]), 200) if name in facts else "not there"
