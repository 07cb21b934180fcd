"""A record: one item that a pipeline made, with all that says where it comes from, and why it was kept or refused.

Records are what the stages of a pipeline read, what its journal holds, one JSON object a line, and what the data set is
made of. What a model wrote is data: it is kept as it came, and escaped wherever it is shown.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

from sdg_lab.checks import whole

Fields = Mapping[str, Any]
"""What an item says, by name: anything that JSON can say."""


@dataclass(frozen=True)
class Record:
    """One item, kept or refused.

    Attributes:
        id: 16 hexadecimal digits, made of kind, fields, parents and seed: the same work has the same id.
        kind: what it is, such as ``"instruction"`` or ``"answer"``.
        fields: what it says; ``record["question"]`` reads one of them.
        parents: ids of the records that it was made from.
        prompt: what the teacher read; a chat is written as JSON. Empty where nobody was asked.
        seed: of the teacher's draws.
        teacher: its name; empty where nobody was asked.
        kept: whether it passed every stage.
        stage: which stage refused it; empty if none did.
        reason: why, in the stage's words.
    """

    id: str
    kind: str
    fields: Fields
    parents: tuple[str, ...] = ()
    prompt: str = ""
    seed: int = 0
    teacher: str = ""
    kept: bool = True
    stage: str = ""
    reason: str = ""

    @classmethod
    def new(
        cls,
        kind: str,
        fields: Fields,
        *,
        parents: Sequence[str] = (),
        prompt: str = "",
        seed: int = 0,
        teacher: str = "",
    ) -> Self:
        """Return a record that no stage has refused yet; its id follows from the rest.

        Raises:
            TypeError: if a field is nothing that JSON can say.
            ValueError: for a number that is not finite, a seed below 0, or a kind that is no name: files bear it.
        """
        if not re.fullmatch(r"[A-Za-z]\w*", kind, flags=re.ASCII):
            raise ValueError(f"kind must be a name such as 'answer', of letters, digits and underscores, got {kind!r}")
        seed = whole("seed", seed, least=0)
        plain = {well_formed(str(name)): as_json(str(name), value) for name, value in fields.items()}
        content = json.dumps([kind, plain, list(parents), seed], sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        return cls(digest, kind, plain, tuple(parents), well_formed(prompt), seed, teacher)

    def refused(self, stage: str, reason: str) -> Self:
        """Return the record as a stage refused it."""
        return dataclasses.replace(self, kept=False, stage=stage, reason=well_formed(reason))

    def __getitem__(self, name: str) -> Any:
        """Return a field.

        Raises:
            KeyError: if there is none of this name; the message lists those that there are.
        """
        if name not in self.fields:
            raise KeyError(f"a record of kind {self.kind!r} has no field {name!r}; it has {', '.join(self.fields)}")
        return self.fields[name]

    def to_json(self) -> dict[str, Any]:
        """Return the record as what JSON can say; the inverse of :meth:`from_json`."""
        return {**vars(self), "parents": list(self.parents), "fields": dict(self.fields)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the record that :meth:`to_json` wrote; what else is there is left alone.

        Raises:
            ValueError: if a part of it is missing, or is of another type.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            wanted = _TYPES[field.name]
            value = content.get(field.name)
            if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
                raise ValueError(f"a record's {field.name} must be {wanted.__name__}, got {value!r}")
            values[field.name] = value
        values["parents"] = tuple(values["parents"])
        return cls(**values)


_TYPES: dict[str, type] = {"fields": dict, "parents": list, "seed": int, "kept": bool}
_TYPES |= {field.name: str for field in dataclasses.fields(Record) if field.name not in _TYPES}


class Pool(Sequence[Record]):
    """The records that were kept so far, in their order; what a recipe and its stages can look at."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self._records: list[Record] = []
        self._by_id: dict[str, Record] = {}
        self._by_kind: dict[str, list[Record]] = {}
        self._children: dict[str, list[Record]] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Put a record at the end, where stages of the next ones see it.

        Raises:
            ValueError: if it was refused, or one of this id is there already.
        """
        if not record.kept or record.id in self._by_id:
            why = "is there already" if record.kept else f"was refused by {record.stage}"
            raise ValueError(f"record {record.id} {why}; a pool holds each kept record once")
        self._records.append(record)
        self._by_id[record.id] = record
        self._by_kind.setdefault(record.kind, []).append(record)
        for parent in record.parents:
            self._children.setdefault(parent, []).append(record)

    def of(self, kind: str) -> Sequence[Record]:
        """Return the records of a kind, in their order. It grows with the pool; copy what shall not."""
        return self._by_kind.setdefault(kind, [])

    def children(self, parent: Record | str, kind: str | None = None) -> list[Record]:
        """Return what was made from a record, of one kind or of any."""
        made = self._children.get(parent if isinstance(parent, str) else parent.id, [])
        return [record for record in made if kind is None or record.kind == kind]

    def get(self, id: str) -> Record:
        """Return the record of an id.

        Raises:
            KeyError: if it is not here.
        """
        if id not in self._by_id:
            raise KeyError(f"no record {id!r} was kept")
        return self._by_id[id]

    def has(self, id: str) -> bool:
        """Say whether a record of this id was kept."""
        return id in self._by_id

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._records[index]


def as_json(name: str, value: Any) -> Any:
    """Return a value as JSON gives it back: tuples as lists, numbers of numpy as Python's, texts well formed.

    Raises:
        TypeError: if JSON has no word for it.
        ValueError: for a number that is not finite.
    """
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        value = value.tolist()
    if isinstance(value, str):
        return well_formed(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the field {name!r} holds {value}, which JSON cannot say; leave it out")
        return value
    if isinstance(value, Mapping):
        return {well_formed(str(key)): as_json(f"{name}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(f"{name}[{place}]", inner) for place, inner in enumerate(value)]
    raise TypeError(f"the field {name!r} holds {value!r}; a record keeps what JSON can say: texts, numbers, lists, …")


def well_formed(text: str) -> str:
    """Return a text that any file can hold: half a surrogate pair, which a broken service may send, becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
