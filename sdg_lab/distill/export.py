"""A data set as Parquet: one file for each kind of records, which ``datasets``, pandas and most others load."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdg_lab.distill.records import Record
from sdg_lab.files import replace_atomically

if TYPE_CHECKING:
    import pyarrow as pa

ORIGIN = ("record_id", "record_parents", "record_prompt", "record_seed", "record_teacher")
"""Columns after a record's own fields."""


def table(records: Sequence[Record]) -> pa.Table:
    """Return records as a table: a column for each field, then those of :data:`ORIGIN`.

    A field that is missing in a record is null there. Fields that hold objects, or values of different types, become
    texts in JSON.

    Raises:
        ValueError: if a field is called like a column of the origin.
    """
    import pyarrow as pa

    names = list(dict.fromkeys(name for record in records for name in record.fields))
    if clash := [name for name in names if name in ORIGIN]:
        raise ValueError(f"a field is called {clash[0]!r}, as a column of every data set is; give it another name")
    columns = {name: _column([record.fields.get(name) for record in records]) for name in names}
    columns["record_id"] = pa.array([record.id for record in records], pa.string())
    columns["record_parents"] = pa.array([list(record.parents) for record in records], pa.list_(pa.string()))
    columns["record_prompt"] = pa.array([record.prompt for record in records], pa.string())
    columns["record_seed"] = pa.array([record.seed for record in records], pa.int64())
    columns["record_teacher"] = pa.array([record.teacher for record in records], pa.string())
    return pa.table(columns)


def _column(values: Sequence[Any]) -> pa.Array:
    """Return values as a column of one type, or as JSON where they have several."""
    import pyarrow as pa

    kinds = {type(inner) for value in values for inner in (value if isinstance(value, list) else [value])}
    if not kinds & {dict, list}:
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # several types, or a number of too many digits
            pass
    as_text = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.array(as_text, pa.string())


def write(records: Iterable[Record], path: str | Path) -> int:
    """Write records as one Parquet file, atomically; return how many. The same records give the same bytes."""
    import pyarrow.parquet as pq

    rows = table(list(records))
    with replace_atomically(path) as temporary:
        pq.write_table(rows, temporary, compression="zstd")
    return int(rows.num_rows)
