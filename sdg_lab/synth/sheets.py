"""Files and frames of people as pandas tables, and tables as files and frames like theirs.

:func:`read_sheet` takes CSV in any common dialect, Parquet and Arrow; the layout that it returns writes a table of the
same columns as that file is written: separator, quotes, line ends, encoding, digits, formats of dates, signs for a
missing value. :func:`frame_of` does so with frames of pandas, polars and pyarrow.
"""

from __future__ import annotations

import base64
import errno
import gzip
import json
import sys
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from sdg_lab.checks import one_of
from sdg_lab.data.csv_files import Sign
from sdg_lab.files import replace_atomically
from sdg_lab.synth.dialect import Dialect, names_line, read_cells
from sdg_lab.synth.spelling import Spelling, arrow_column, read_columns, usual

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CELLS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|", ".txt": ",", ".dat": ","}
"""The endings of files of cells, and what usually sets the cells apart."""

ARROW = {".parquet": "parquet", ".pq": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow"}
"""The endings of files of typed columns, and their formats."""

_PACKED = {".gz": "gzip", ".zip": "zip"}

_REMEDIES = {
    ".json": "load it with pandas.read_json and pass the frame",
    ".jsonl": "load it with pandas.read_json(..., lines=True) and pass the frame",
    ".xlsx": "save the sheet as CSV, or load it with pandas.read_excel and pass the frame",
    ".xls": "save the sheet as CSV, or load it with pandas.read_excel and pass the frame",
    ".ods": "save the sheet as CSV, or load it with pandas.read_excel and pass the frame",
    ".sav": "load it with pandas.read_spss and pass the frame",
    ".dta": "load it with pandas.read_stata and pass the frame",
    ".sas7bdat": "load it with pandas.read_sas and pass the frame",
    ".pkl": "load it yourself, since a pickle may run any code, and pass the frame",
    ".bz2": "unpack it, or pack it with gzip",
    ".xz": "unpack it, or pack it with gzip",
    ".zst": "unpack it, or pack it with gzip",
}

BLOCK = 65_536
"""Rows that are spelled at once."""


class Writer(Protocol):
    """What a layout's ``writer`` yields."""

    def add(self, table: pd.DataFrame) -> None:
        """Append the rows of a table with the columns of the first one."""
        ...


class Layout(Protocol):
    """How a table is written as a file."""

    def config(self) -> dict[str, Any]:
        """Return what :func:`layout_from_config` makes the layout of again, as JSON can say it."""
        ...

    def writer(self, path: str | Path) -> Any:
        """Return a context that yields a :class:`Writer`; the file appears whole when it ends well, or not at all."""
        ...

    def for_path(self, path: str | Path) -> Layout:
        """Return the layout that the ending of another path asks for."""
        ...


@dataclass(frozen=True)
class Sheet:
    """A file as a table.

    Attributes:
        table: typed columns with unique names; text is ``str``.
        layout: how it was written.
        notes: what had to be decided, one sentence each.
    """

    table: pd.DataFrame
    layout: Layout
    notes: tuple[str, ...] = ()


def read_sheet(
    path: str | Path,
    *,
    as_text: Collection[str] = (),
    decimal: Sign | None = None,
    header: bool | None = None,
    encoding: str | None = None,
) -> Sheet:
    """Read a file of a table and how it is written.

    Args:
        path: CSV in any common dialect (.csv, .tsv, .tab, .psv, .txt, .dat; also .gz, or .zip with one file in it),
            Parquet (.parquet, .pq) or Arrow (.feather, .arrow, .ipc).
        as_text: columns that stay text, each cell as it stands.
        decimal: the decimal sign, where "1,234" may be one number or the other.
        header: whether the first line names the columns; None finds it out. For files of cells.
        encoding: of the text; None finds it out. For files of cells.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no table, or one that cannot be read in one way only.
    """
    path = Path(path)
    ending, _ = _ending(path)
    if decimal is not None:
        one_of("decimal", decimal, (".", ","))
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; name a file")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check its name")
    if not path.is_file():
        raise ValueError(f"{path} is a pipe or a device, which can be read only once; save it as a file")
    if ending in ARROW:
        sheet = _read_arrow(path, ARROW[ending], as_text)
    else:
        grid = read_cells(path, header=header, encoding=encoding)
        _check_names(as_text, grid.names)
        columns, spellings = read_columns(grid, as_text=as_text, decimal=decimal)
        layout = CellsLayout(ending, grid.dialect, spellings, grid.numbered, grid.numbers_quoted)
        sheet = Sheet(_frame(columns), layout, tuple(grid.notes))
    if not len(sheet.table):
        raise ValueError(f"{path} holds names and no rows; there is nothing to learn from")
    return sheet


def layout_from_config(config: Mapping[str, Any]) -> Layout:
    """Return the layout that a configuration describes."""
    return (CellsLayout if config["format"] == "cells" else ArrowLayout).from_config(config)


def _ending(path: Path) -> tuple[str, str]:
    """Return the ending of a file and how it is packed; refuse what is not read."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packed = _PACKED.get(suffixes[-1], "") if suffixes else ""
    ending = suffixes[-2] if packed and len(suffixes) > 1 and suffixes[-2] in CELLS else ".csv" if packed else ""
    ending = ending or (suffixes[-1] if suffixes else "")
    if ending in CELLS or (ending in ARROW and not packed):
        return ending, packed
    known = ", ".join([*CELLS, ".csv.gz", ".csv.zip", *ARROW])
    remedy = _REMEDIES.get(ending, f"a table is a file that ends in one of {known}")
    raise ValueError(f"{path} is no file of a table that is read here; {remedy}")


def _check_names(as_text: Collection[str], names: Collection[str]) -> None:
    for name in as_text:
        if name not in names:
            raise ValueError(
                f"as_text names {name!r}, and the columns are {', '.join(map(repr, names))}; name one of them"
            )


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(columns), copy=False)


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    """Say in a sentence that a disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(
                error.errno, f"{path} is not written, since the disk is full; make room, or choose another folder"
            ) from None
        raise


# Files of cells


@dataclass(frozen=True)
class CellsLayout:
    """How a file of cells is written.

    Attributes:
        ending: of the file's name, without that of a packed file.
        dialect: how the cells are set apart.
        spellings: of the columns, by name.
        numbered: the number of the first row in a first column without a name; None if there is no such column.
        numbers_quoted: whether these numbers stand in quotes.
    """

    ending: str = ".csv"
    dialect: Dialect = field(default_factory=lambda: Dialect(header=""))
    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    numbered: int | None = None
    numbers_quoted: bool = False

    def config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the layout of again, as JSON can say it."""
        return {
            "format": "cells",
            "ending": self.ending,
            "dialect": asdict(self.dialect),
            "spellings": {name: spelling.config() for name, spelling in self.spellings.items()},
            "numbered": self.numbered,
            "numbers_quoted": self.numbers_quoted,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> CellsLayout:
        """Return the layout that a configuration describes."""
        spellings = {name: Spelling.from_config(one) for name, one in config["spellings"].items()}
        dialect = Dialect(**config["dialect"])
        return cls(config["ending"], dialect, spellings, config["numbered"], config["numbers_quoted"])

    def for_path(self, path: str | Path) -> Layout:
        """Return the layout that the ending of a path asks for: what it does not ask for stays as it is."""
        ending, packed = _ending(Path(path))
        if ending in ARROW:
            return ArrowLayout(ARROW[ending])
        name = Path(path).name
        member = name[: -len(".zip")] if packed == "zip" else ""
        dialect = replace(self.dialect, compression=packed, member=member)
        if ending != self.ending:
            dialect = replace(dialect, separator=CELLS[ending])
            if dialect.header is not None:
                names = [""] * (self.numbered is not None) + list(self.spellings)
                dialect = replace(dialect, header=names_line(dialect, names))
        return replace(self, ending=ending, dialect=dialect)

    @contextmanager
    def writer(self, path: str | Path) -> Iterator[Writer]:
        """Yield what appends blocks to a file; it appears whole when the block ends well, or not at all.

        Raises:
            OSError: if it cannot be written, or the disk is full.
            ValueError: if a block has other columns than the first, or a value that cannot be spelled.
        """
        with _explained(path), replace_atomically(path) as temporary, ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(temporary.open("wb"))
            if self.dialect.compression == "gzip":
                file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))  # type: ignore[arg-type]
            elif self.dialect.compression == "zip":
                archive = stack.enter_context(zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED))
                member = zipfile.ZipInfo(self.dialect.member or "table.csv")  # of 1980: the same bytes each time
                member.compress_type = zipfile.ZIP_DEFLATED
                file = stack.enter_context(archive.open(member, "w", force_zip64=True))
            writer = _CellsWriter(self, file)
            yield writer
            writer.close()


class _CellsWriter:
    def __init__(self, layout: CellsLayout, file: IO[bytes]):
        self.layout, self.file, self.dialect = layout, file, layout.dialect
        self.names: list[str] | None = None
        self.rows = 0
        self.begun = False

    def add(self, table: pd.DataFrame) -> None:
        names = [str(name) for name in table.columns]
        if self.names is None:
            self._begin(names)
        elif names != self.names:
            raise ValueError(f"a block has the columns {names}, and the first had {self.names}; give all the same")
        for start in range(0, len(table), BLOCK):
            block = table.iloc[start : start + BLOCK]
            self._write(self._lines(block))
            self.rows += len(block)

    def close(self) -> None:
        if self.names is None:
            self._begin(list(self.layout.spellings))
        if self.dialect.ended:
            self.file.write(self._encoded(self.dialect.end))

    def _begin(self, names: list[str]) -> None:
        self.names = names
        self.spellings = dict(self.layout.spellings)
        self.file.write(self._encoded(("\ufeff" if self.dialect.bom else "") + self.dialect.preamble))
        if self.dialect.header is not None:
            own = bool(self.dialect.header) and names == list(self.layout.spellings)
            numbers = [""] * (self.layout.numbered is not None)
            header = self.dialect.header if own else names_line(self.dialect, numbers + names)
            self._write(self._encoded(header))

    def _write(self, content: bytes | memoryview) -> None:
        """Write lines without the last line end, after that of the lines before."""
        if self.begun:
            self.file.write(self._encoded(self.dialect.end))
        self.begun = True
        self.file.write(content)

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode(self.dialect.encoding)
        except UnicodeEncodeError as error:
            sign = text[error.start]
            raise ValueError(
                f"{sign!r} cannot be written in the encoding of the file, {self.dialect.encoding}; save the file as "
                "UTF-8 first"
            ) from None

    def _lines(self, block: pd.DataFrame) -> bytes | memoryview:
        """Return the rows of a block as they stand in the file, without the last line end."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not len(block.columns):
            raise ValueError("a table without columns cannot be written")
        columns = [self._column(name, block[name]) for name in block.columns]
        if self.layout.numbered is not None:
            first = self.layout.numbered + self.rows
            numbers = pa.array(np.arange(first, first + len(block))).cast(pa.string())
            quote = self.dialect.quote
            columns.insert(
                0, pc.binary_join_element_wise(quote, numbers, quote, "") if self.layout.numbers_quoted else numbers
            )
        behind = self.dialect.separator * self.dialect.trailing + self.dialect.end
        columns[-1] = pc.binary_join_element_wise(columns[-1], behind, "")
        rows = pc.binary_join_element_wise(*columns, self.dialect.separator).cast(pa.large_string())
        offsets = np.frombuffer(rows.buffers()[1], np.int64)
        begin, end = int(offsets[rows.offset]), int(offsets[rows.offset + len(rows)]) - len(self.dialect.end)
        content = memoryview(rows.buffers()[2])[begin:end]
        return content if self.dialect.encoding == "utf-8" else self._encoded(bytes(content).decode())

    def _column(self, name: str, values: Any) -> pa.Array:
        """Return the cells of a column as they stand in the file, (rows,) text without nulls."""
        import pyarrow as pa
        import pyarrow.compute as pc

        spelling = self.spellings.setdefault(name, usual(values))
        column = arrow_column(values)
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        dialect, quote = self.dialect, self.dialect.quote
        try:
            cells = spelling.text(coded.dictionary)
        except ValueError as error:
            raise ValueError(f"column {name!r}: {error}") from None
        special = np.asarray(pc.match_substring_regex(cells, dialect.special()).fill_null(False))
        if special.any():
            marks = special | spelling.quoted
            texts = zip(cells.to_pylist(), marks, strict=True)
            cells = pa.array([dialect.quoted(cell) if mark and cell is not None else cell for cell, mark in texts])
        elif spelling.quoted:
            cells = pc.binary_join_element_wise(quote, cells, quote, "")
        blank = spelling.missing
        if spelling.blank_quoted or (not blank and len(self.names or ()) == 1 and self.layout.numbered is None):
            blank = dialect.quoted(blank)
        return pc.fill_null(cells.take(coded.indices), blank)


# Files of typed columns


@dataclass(frozen=True)
class ArrowLayout:
    """How a file of typed columns is written.

    Attributes:
        file: ``"parquet"`` or ``"arrow"``.
        schema: pyarrow's, in base64; empty if the table's types are to be taken.
        compression: of Parquet's columns or of Arrow's buffers.
    """

    file: str = "parquet"
    schema: str = ""
    compression: str = "snappy"

    def config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the layout of again, as JSON can say it."""
        return {"format": self.file, "schema": self.schema, "compression": self.compression}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ArrowLayout:
        """Return the layout that a configuration describes."""
        return cls(config["format"], config["schema"], config["compression"])

    def for_path(self, path: str | Path) -> Layout:
        """Return the layout that the ending of a path asks for."""
        ending, packed = _ending(Path(path))
        if ending in CELLS:
            dialect = Dialect(separator=CELLS[ending], header="", compression=packed)
            return CellsLayout(ending, replace(dialect, member=Path(path).name[:-4] if packed == "zip" else ""))
        compression = self.compression if ARROW[ending] == self.file else "snappy"
        return replace(self, file=ARROW[ending], compression=compression)

    @contextmanager
    def writer(self, path: str | Path) -> Iterator[Writer]:
        """Yield what appends blocks to a file; it appears whole when the block ends well, or not at all.

        Raises:
            OSError: if it cannot be written, or the disk is full.
            ValueError: if a block has other columns than the first, or a value of another type.
        """
        with _explained(path), replace_atomically(path) as temporary, temporary.open("wb") as file:
            writer = _ArrowWriter(self, file)
            try:
                yield writer
            except BaseException:
                writer.abandon()
                raise
            writer.close()


class _ArrowWriter:
    def __init__(self, layout: ArrowLayout, file: IO[bytes]):
        import pyarrow as pa

        self.layout, self.file = layout, file
        content = base64.b64decode(layout.schema)
        self.schema: pa.Schema | None = pa.ipc.read_schema(pa.BufferReader(content)) if content else None
        self.out: Any = None

    def add(self, table: pd.DataFrame) -> None:
        import pyarrow as pa

        names = [str(name) for name in table.columns]
        if self.out is None:
            if self.schema is None:
                self.schema = pa.Schema.from_pandas(table, preserve_index=False)
            elif names != self.schema.names:
                fields = {one.name: one for one in self.schema}
                known = [fields.get(name) or pa.field(name, arrow_column(table[name]).type) for name in names]
                self.schema = pa.schema(known)
            self._open()
        assert self.schema is not None
        if names != self.schema.names:
            raise ValueError(
                f"a block has the columns {names}, and the first had {self.schema.names}; give all the same"
            )
        columns = [_to_arrow(table[name], one.type) for name, one in zip(table.columns, self.schema, strict=True)]
        self.out.write_table(pa.Table.from_arrays(columns, schema=self.schema))

    def _open(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        if self.layout.file == "parquet":
            self.out = parquet.ParquetWriter(self.file, self.schema, compression=self.layout.compression)
        else:
            options = pa.ipc.IpcWriteOptions(compression="lz4" if self.layout.compression == "lz4" else None)
            self.out = pa.ipc.new_file(self.file, self.schema, options=options)

    def close(self) -> None:
        import pyarrow as pa

        if self.out is None:
            self.schema = pa.schema([]) if self.schema is None else self.schema
            self._open()
        self.out.close()

    def abandon(self) -> None:
        """Let the file go, whose bytes nobody will see."""
        if self.layout.file == "parquet" and self.out is not None:
            self.out.is_open = False  # else the file would be ended when this is forgotten, after it was closed


def _to_arrow(values: Any, kind: pa.DataType) -> pa.Array:
    """Return a column in a type of pyarrow."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = arrow_column(values)
    if column.type == kind:
        return column
    try:
        if pa.types.is_dictionary(kind):
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
            words = column.dictionary.cast(kind.value_type)
            return pa.DictionaryArray.from_arrays(column.indices.cast(kind.index_type), words, ordered=kind.ordered)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_null(kind):
            return pa.nulls(len(column))
        if pa.types.is_decimal(kind):
            return pc.round(column.cast(pa.float64()), kind.scale).cast(kind, safe=False)
        if pa.types.is_time(kind):
            fine = pa.types.is_time64(kind)
            ticks = column.cast(pa.duration(kind.unit), safe=False).cast(pa.int64())
            return ticks.cast(pa.int64() if fine else pa.int32()).cast(kind)
        if pa.types.is_integer(kind):
            return column.cast(kind)
        return column.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"column {values.name!r} cannot be written as {kind} ({error})") from None


def _from_arrow(column: pa.ChunkedArray, name: str) -> pd.Series[Any]:
    """Return a column of pyarrow in pandas' types, whole numbers with missing values exact."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    of = pa.types
    if of.is_nested(kind) or of.is_binary(kind) or of.is_large_binary(kind) or of.is_fixed_size_binary(kind):
        raise ValueError(f"column {name!r} holds {kind}, which is no single value; take it apart, or leave it out")
    if of.is_null(kind):
        return pd.Series([np.nan] * len(column), dtype="str", name=name)
    if of.is_large_string(kind) or of.is_string_view(kind) or of.is_string(kind):
        return pd.Series(column.cast(pa.string()).to_pandas(), dtype="str", name=name)
    if of.is_decimal(kind):
        column = column.cast(pa.float64())
    elif of.is_date(kind):
        column = column.cast(pa.timestamp("s"), safe=False)
    elif of.is_time(kind):
        ticks = column.cast(pa.int32() if of.is_time32(kind) else pa.int64()).cast(pa.int64())
        column = ticks.cast(pa.duration(kind.unit))
    elif of.is_dictionary(kind) and not of.is_string(kind.value_type):
        words = pa.string() if of.is_large_string(kind.value_type) or of.is_string_view(kind.value_type) else None
        if words is not None:
            column = pa.chunked_array(
                [
                    pa.DictionaryArray.from_arrays(part.indices, part.dictionary.cast(words), ordered=kind.ordered)
                    for part in column.unify_dictionaries().chunks
                ],
                pa.dictionary(kind.index_type, words, kind.ordered),
            )
    nullable = {
        **{pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype()},
        **{pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype()},
        **{pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()},
    }
    if column.null_count and column.type in nullable:
        values = column.to_pandas(types_mapper=nullable.get)
    else:
        values = column.to_pandas()
    if of.is_floating(column.type) and column.null_count:
        values = pc.fill_null(column, float("nan")).to_pandas()
    return pd.Series(values, name=name)


def _read_arrow(path: Path, file: str, as_text: Collection[str]) -> Sheet:
    import pyarrow as pa
    from pyarrow import parquet

    compression = "snappy"
    try:
        if file == "parquet":
            with parquet.ParquetFile(path) as opened:
                groups = opened.metadata
                if groups.num_row_groups and groups.num_columns:
                    compression = groups.row_group(0).column(0).compression.lower()
                table = opened.read(use_threads=False)
        else:
            with pa.OSFile(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is no {file.title()} file, or is damaged ({reason}); write it again") from None
    notes: list[str] = []
    table = _without_index(table, notes)
    _check_unique(table.column_names, str(path))
    _check_names(as_text, table.column_names)
    frame = _pandas_of(table, notes)
    for name in as_text:
        frame[name] = frame[name].astype("str")
    schema = base64.b64encode(table.schema.serialize()).decode()
    return Sheet(
        frame, ArrowLayout(file, schema, "none" if compression == "uncompressed" else compression), tuple(notes)
    )


def _pandas_of(table: pa.Table, notes: list[str]) -> pd.DataFrame:
    import pyarrow as pa

    frame = _frame({name: _from_arrow(table[name], name) for name in table.column_names})
    for one in table.schema:
        if pa.types.is_decimal(one.type) and one.type.precision > 15:
            notes.append(f"column {one.name!r}: decimals of {one.type.precision} digits are held with 15")
    return frame


def _without_index(table: pa.Table, notes: list[str]) -> pa.Table:
    """Return a table whose index, if pandas wrote one, is a column like the others, or left out if it has no name.

    Of the metadata only pandas' dtypes are kept.
    """
    import pyarrow as pa

    metadata = dict(table.schema.metadata or {})
    table = pa.Table.from_arrays(table.columns, schema=pa.schema([one.remove_metadata() for one in table.schema]))
    about = json.loads(metadata.pop(b"pandas", b"null"))
    if metadata or (about or {}).get("attributes"):  # an author, a title: whatever somebody wrote there
        notes.append("what the file says of itself beside the table (its metadata) is left out")
    if not isinstance(about, dict):
        return table
    about["attributes"] = {}
    kept = []
    for index in about.get("index_columns", []):
        if isinstance(index, dict) or index not in table.column_names:
            continue  # a range: the rows counted
        if index.startswith("__index_level_"):
            table = table.drop_columns([index])
            about["columns"] = [one for one in about["columns"] if one.get("field_name") != index]
            notes.append("the index of the frame has no name and is left out")
        else:
            kept.append(index)
            notes.append(f"the index {index!r} of the frame is a column here, and an index in what is written")
    about["index_columns"] = kept
    return table.replace_schema_metadata({b"pandas": json.dumps(about).encode()})


def _check_unique(names: list[str], where: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{where} has {names.count(twice)} columns {twice!r}; rename all but one")


# Frames


@dataclass(frozen=True)
class WayBack:
    """Turns a table with the columns of a frame into such a frame.

    Attributes:
        notes: what had to be decided, one sentence each.
    """

    make: Callable[[pd.DataFrame], Any]
    notes: tuple[str, ...] = ()

    def __call__(self, table: pd.DataFrame) -> Any:
        """Return the table as a frame of the caller's kind, with its dtypes."""
        return self.make(table)


def frame_of(data: Any) -> tuple[pd.DataFrame, WayBack]:
    """Return a frame as a pandas table with plain rows and unique names of text, and the way back.

    Args:
        data: a DataFrame of pandas or polars, or a Table of pyarrow.

    Raises:
        TypeError: if it is none.
        ValueError: if two columns have the same name, or a column holds lists, say.
    """
    import pandas as pd

    package = type(data).__module__.partition(".")[0]
    if isinstance(data, pd.DataFrame):
        return _of_pandas(data)
    if package == "polars" and hasattr(data, "to_arrow") and hasattr(data, "columns"):
        return _of_polars(data)
    if package == "pyarrow" and hasattr(data, "column_names") and hasattr(data, "to_batches"):
        return _of_arrow(data)
    lazy = "; call its collect() first" if hasattr(data, "collect") else ""
    raise TypeError(
        f"a table must be a DataFrame of pandas or polars, or a Table of pyarrow, got {type(data).__name__}{lazy}"
    )


def _of_arrow(data: Any) -> tuple[pd.DataFrame, WayBack]:
    import pyarrow as pa

    notes: list[str] = []
    table = data if isinstance(data, pa.Table) else pa.Table.from_batches([data])
    table = _without_index(table, notes)
    _check_unique(table.column_names, "the table")
    fields = {one.name: one for one in table.schema}

    def make(frame: pd.DataFrame) -> pa.Table:
        known = [fields[name] for name in frame.columns]
        columns = [_to_arrow(frame[one.name], one.type) for one in known]
        return pa.Table.from_arrays(columns, schema=pa.schema(known, metadata=table.schema.metadata))

    return _pandas_of(table, notes), WayBack(make, tuple(notes))


def _of_polars(data: Any) -> tuple[pd.DataFrame, WayBack]:
    polars: Any = sys.modules["polars"]
    schema = data.schema
    frame, way = _of_arrow(data.to_arrow())

    def make(table: pd.DataFrame) -> Any:
        return polars.from_arrow(way(table)).cast({name: schema[name] for name in table.columns})

    return frame, WayBack(make, way.notes)


def _of_pandas(data: pd.DataFrame) -> tuple[pd.DataFrame, WayBack]:
    import pandas as pd

    notes: list[str] = []
    if isinstance(data.columns, pd.MultiIndex):
        raise ValueError("the columns of the frame have several levels; join their names into one")
    table, index = data, [str(name) for name in data.index.names if name is not None]
    if index and len(index) == data.index.nlevels and not isinstance(data.index, pd.RangeIndex):
        notes.append(
            f"the index {', '.join(map(repr, index))} of the frame is a column here, and an index again in the end"
        )
        table = data.reset_index()
    elif not isinstance(data.index, pd.RangeIndex):
        index = []
        notes.append("the index of the frame has no name and is left out")
        table = data.reset_index(drop=True)
    else:
        index = []
        table = data.reset_index(drop=True)
    original = list(table.columns)
    names = [str(name) for name in original]
    _check_unique(names, "the frame")
    kinds = dict(zip(names, table.dtypes, strict=True))
    spelled = dict(zip(names, original, strict=True))
    is_object = pd.api.types.is_object_dtype
    columns = {name: _plain(table.iloc[:, place], name) for place, name in enumerate(names)}
    objects = {name: _object_kind(table.iloc[:, place]) for place, name in enumerate(names) if is_object(kinds[name])}

    def make(frame: pd.DataFrame) -> pd.DataFrame:
        made = pd.DataFrame({name: _as_before(frame[name], kinds[name], objects.get(name)) for name in frame.columns})
        back = [name for name in index if name in made.columns]
        made.columns = pd.Index([spelled[name] for name in made.columns])
        return made.set_index(back) if back else made

    return pd.DataFrame(columns), WayBack(make, tuple(notes))


def _object_kind(values: pd.Series[Any]) -> str:
    import pandas as pd

    return pd.api.types.infer_dtype(values, skipna=True)


def _plain(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return a column of pandas in the types that a sheet has."""
    import pandas as pd

    kind = values.dtype
    if isinstance(kind, pd.PeriodDtype):
        return pd.Series(values.dt.to_timestamp(), name=name)
    if isinstance(kind, pd.SparseDtype):
        return pd.Series(np.asarray(values), name=name)
    if isinstance(kind, pd.ArrowDtype):
        import pyarrow as pa

        return _from_arrow(pa.chunked_array(pa.array(values)), name)
    if isinstance(kind, pd.IntervalDtype) or pd.api.types.is_complex_dtype(kind):
        raise ValueError(f"column {name!r} holds {kind}, which is no single value; take it apart, or leave it out")
    if isinstance(kind, pd.StringDtype):
        return values.astype("str").rename(name)
    if not pd.api.types.is_object_dtype(kind):
        return values.rename(name)
    what = _object_kind(values)
    if what in ("string", "empty"):
        return values.astype("str").rename(name)
    if what == "boolean":
        return values.astype("boolean").rename(name)
    if what == "integer":
        return values.astype("Int64").rename(name)
    if what in ("floating", "mixed-integer-float", "decimal"):
        return pd.to_numeric(values.astype("float64")).rename(name)
    if what in ("date", "datetime", "datetime64"):
        return pd.to_datetime(values).rename(name)
    if what in ("time", "timedelta", "timedelta64"):
        return pd.to_timedelta(values.map(str, na_action="ignore")).rename(name)
    odd = next(value for value in values if not isinstance(value, str) and value == value and value is not None)
    raise ValueError(
        f"column {name!r} holds values of no single kind ({what}), such as {odd!r}; make them text with "
        "astype(str), or leave it out"
    )


def _as_before(values: pd.Series[Any], kind: Any, what: str | None) -> pd.Series[Any]:
    """Return a column in the dtype that it had."""
    import pandas as pd

    if values.dtype == kind:
        return values
    if isinstance(kind, pd.PeriodDtype):
        return pd.Series(values.dt.to_period(kind.freq))
    if isinstance(kind, pd.ArrowDtype):
        import pyarrow as pa

        return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([_to_arrow(values, kind.pyarrow_dtype)])))
    if what is None:
        return values.astype(kind)
    plain: pd.Series[Any] = values.astype(object)
    if what == "date":
        plain = values.dt.date.astype(object)
    elif what == "time":
        plain = (pd.Timestamp(0) + values).dt.time.astype(object)
    elif what == "decimal":
        from decimal import Decimal

        plain = values.map(lambda value: Decimal(repr(float(value))), na_action="ignore").astype(object)
    return plain.where(values.notna(), None)
