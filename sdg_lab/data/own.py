"""Your own files, in the types that every model here takes, split like the rest.

Rows of your own table are different people even where they are equal: they are split at random, by a group or in time,
and left out only if you ask for it. What cannot be learned from is refused with the name of the column or file, and
what to do about it; what had to be decided stands in the notes of the data set.
"""

from __future__ import annotations

import math
import re
import struct
import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import number, one_of, truth, whole
from sdg_lab.data.csv_files import MISSING, NUMBER, OTHER_SPELLINGS, Sign, read_csv
from sdg_lab.data.split import split_images, split_in_order, split_items, split_rows, split_sounds
from sdg_lab.data.types import Card, Dataset, Images, Kind, Sounds
from sdg_lab.tables.columns import (
    FROM_THE_LEAST,
    check_column,
    check_complete,
    dates_to_numbers,
    first_large,
    kind_of,
    large_remedies,
)

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".csv", ".csv.gz", ".tsv", ".parquet")
_PICTURES = (".png", ".jpg", ".jpeg")
_SOUNDS = (".wav", ".wave")

SEVERAL = 20
"""Rows from which on it is no accident that each has another value."""

_NUMBER = f"(?:{NUMBER['.']}|{NUMBER[',']})"
_WITH_UNIT = rf"(?:([$€£¥]) ?{_NUMBER}|{_NUMBER} ?([%‰°$€£¥]|[^\W\d_]{{1,4}}))"
"""A number with a currency before it, or a unit behind it."""


def read_table(
    path: str | Path,
    *,
    target: str = "",
    categories: Collection[str] = (),
    group: str = "",
    time: str = "",
    deduplicate: bool = False,
    decimal: Sign | None = None,
    missing: Collection[str] = MISSING,
) -> Dataset[pd.DataFrame]:
    """Read a CSV or Parquet file: numbers stay numbers, dates dates; text and booleans become categories.

    Single missing values are kept. Rows in messages are counted from 1, without the header. The ``notes`` of the data
    set say what was not as plain as it looks: another separator than the comma, a decimal comma, codes with leading
    zeros, signs for a missing value, cells that hold line ends, numbers with a unit, numbers or dates in a spelling
    that is not read, whole numbers beyond 2⁵³, a column that may be an id.

    Models learn from numbers and categories. A column of dates becomes numbers in all parts alike, counted from one
    day, by the line that the notes say; for a column "day" of ``people`` it is ::

        for table in people.parts.values():
            table["day"] = (table["day"] - pd.Timestamp("1970-01-01")).dt.days

    Args:
        path: a file that ends in .csv, .csv.gz, .tsv (UTF-8, names in the first line, cells set apart by commas,
            semicolons, tabs or bars) or .parquet.
        target: the column that one usually predicts, for the card.
        categories: columns to be taken as categories although they look like numbers or dates, such as codes.
        group: a column; rows that have the same value there (visits of one patient, say) stay in one part.
        time: a column of dates or numbers; the latest rows are the test part, the earliest the training part.
        deduplicate: keep one of equal rows, of which the notes say what it changed. What is common becomes rarer by it.
        decimal: the decimal sign, where "1,234" could be one number or the other.
        missing: what a cell of a CSV file says that has no value.

    Raises:
        FileNotFoundError: if there is no such file.
        TypeError: if a column of a Parquet file holds neither numbers nor dates nor text nor booleans.
        ValueError: if the file is neither CSV nor Parquet or cannot be read as such, or a quote is never closed; if it
            has fewer than 3 rows; if two columns have one name or one has none; if a column is all missing, constant or
            infinite somewhere, mixes numbers or dates with text, or can be read in two ways; or if an argument names no
            column.
    """
    path = _file(path, "read_table")
    categories, missing = _texts("categories", categories), _texts("missing", missing)
    if decimal is not None:
        one_of("decimal", decimal, (".", ","))
    if group and time:
        raise ValueError(f"rows can be split by a group or by time, not by both; got {group!r} and {time!r}")
    if not path.name.lower().endswith(_TABLES):
        raise ValueError(f"{path} must end in {', '.join(_TABLES)}; save it as one of these")
    notes: tuple[str, ...] = ()
    if path.name.lower().endswith(".parquet"):
        table = _read_parquet(path)
    else:
        table, notes = read_csv(path, categories=categories, decimal=decimal, missing=missing)
    for name in (*categories, *filter(None, (target, group, time))):
        if name not in table.columns:
            raise ValueError(f"{path} has no column {name!r}; it has {', '.join(map(repr, table.columns))}")
    if len(table) < 3:
        raise ValueError(f"{path} has {len(table) or 'no'} row{'s' * (len(table) != 1)}; a table needs at least 3")
    for name in categories:
        if kind_of(table[name]) == "dates":
            table[name] = table[name].astype(str)
    kinds = {name: check_column(table[name], dates=True, large=True, first=1) for name in table.columns}
    for name, kind in kinds.items():
        if kind == "dates" and name not in categories:
            line = dates_to_numbers(table[name])
            notes += (f"column {name!r}: models learn from numbers; with pandas as pd, {_IN_ALL_PARTS}{line}",)
        elif name not in categories and kind == "numbers" and (first := first_large(table[name])) is not None:
            notes += (_large(table[name], first),)
        elif name not in (*categories, target, group, time) and (note := _note(table[name], kind)):
            notes += (f"column {name!r}: {note}",)
        if kind == "categories" or name in categories:
            table[name] = table[name].astype("category")
    for name in filter(None, (group, time)):
        check_complete(table[name], first=1)
    if time and (kinds[time] == "categories" or time in categories):
        raise ValueError(f"time must name a column of dates or numbers, {time!r} holds text")
    card = _card(path, "table", f"{len(table):,} rows, {table.shape[1]} columns", target=target)
    return split_rows(card, table, group=group, time=time, deduplicate=deduplicate, notes=notes)


def read_images(folder: str | Path) -> Dataset[Images]:
    """Read the PNG and JPEG pictures of a folder, all of one size.

    Grey pictures have one channel, colour pictures three. If the pictures lie in sub-folders, each sub-folder is a
    class, named after it; if they lie in the folder itself, there are no labels. Other files are left alone, and so is
    what macOS and Jupyter put there (``._cat.png``, ``__MACOSX``, ``.ipynb_checkpoints``).

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there is no picture; if some lie in the folder and some below, or deeper than one level; or if
            one is damaged, transparent, of more than 8 bits a channel, or unlike the first in size or channels.
    """
    folder, paths, labels, classes = _sorted_out(folder, _PICTURES, "pictures", "read_images")
    pictures = [_read_picture(path) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise ValueError(
                f"{path} is {_size(picture)}, but {paths[0]} is {_size(pictures[0])}; bring all to one size and mode"
            )
    images = Images(np.stack(pictures).astype(np.float32) / np.float32(255), labels, classes)
    card = _card(folder, "images", f"{len(paths):,} images, {_size(pictures[0])}")
    return _counted(split_images(card, images), len(paths), "images")


def read_sounds(folder: str | Path, *, rate: int = 8_000, seconds: float = 1.0) -> Dataset[Sounds]:
    """Read the WAV files of a folder, brought to one rate and one length.

    Samples may be whole numbers of 8, 16, 24 or 32 bits, or floats in [-1, 1]. Of several channels the mean is taken;
    what is longer is cut, what is shorter is followed by silence; and the ``notes`` of the data set say of how many
    files that is so. They also say what was clipped (recorded too loud), or recorded at a lower rate than is wanted, so
    that high tones are missing. If the files lie in sub-folders, each sub-folder is a class, named after it; if they
    lie in the folder itself, there are no labels. There are no pitches either.

    The split is by file. Cut a long recording into pieces yourself, and its pieces are in all parts.

    Args:
        folder: where the files lie.
        rate: samples per second (Hz), 1,000 to 192,000. Tones above half of it cannot be held, and are filtered out.
        seconds: length of each sound, from its start.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there is no WAV file; if some lie in the folder and some below, or deeper than one level; if one
            is damaged, cut off, compressed, silent, not finite or beyond full scale; if fewer than 3 are different; or
            for a rate or length out of range.
    """
    rate = whole("rate", rate, least=1_000, most=192_000)
    samples = round(rate * number("seconds", seconds, least=0.01, most=60))
    folder, paths, labels, classes = _sorted_out(folder, _SOUNDS, "sounds", "read_sounds")
    waves, said = [], dict[str, list[Path]]()
    for path in paths:
        wave, remarks = _read_sound(path, rate, samples)
        waves.append(wave)
        for remark in remarks:
            said.setdefault(remark, []).append(path)
    sounds = Sounds(np.stack(waves), rate, labels, classes)
    notes = tuple(f"{len(of):,} of {len(paths):,} sounds {remark}, such as {of[0].name}" for remark, of in said.items())
    card = _card(folder, "sounds", f"{len(paths):,} sounds of {sounds.seconds:g} s at {rate:,} Hz")
    dataset = _counted(split_sounds(card, sounds), len(paths), "sounds")
    return replace(dataset, notes=notes + dataset.notes)


@overload
def read_text(path: str | Path, *, lines: Literal[True] = True) -> Dataset[list[str]]: ...
@overload
def read_text(path: str | Path, *, lines: Literal[False]) -> Dataset[str]: ...
def read_text(path: str | Path, *, lines: bool = True) -> Dataset[list[str]] | Dataset[str]:
    """Read a text file in UTF-8: one item a line, or one running text.

    Args:
        path: the file.
        lines: take each line that is not empty as an item, without the spaces around it; equal ones are removed. If
            False, the text is cut in order into three, like a series, since its sentences depend on each other.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is a folder, is not UTF-8 or has no text.
    """
    path = _file(path, "read_text")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it again as UTF-8") from None
    if not text.strip():
        raise ValueError(f"{path} has no text")
    if truth("lines", lines):
        # Not splitlines, which takes U+2028, form feeds and other signs within a line for its end.
        items = [line.strip() for line in text.split("\n") if line.strip()]
        return _counted(split_items(_card(path, "sequences", f"{len(items):,} lines"), items), len(items), "lines")
    return Dataset(
        _card(path, "text", f"{len(text):,} characters"), *(text[part] for part in split_in_order(len(text)))
    )


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path} (looked from {Path.cwd()})")
    return path


def _file(path: str | Path, reader: str) -> Path:
    path = _existing(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; {reader} needs a file")
    return path


def _sorted_out(
    folder: str | Path, endings: tuple[str, ...], what: str, reader: str
) -> tuple[Path, list[Path], NDArray[np.int64] | None, tuple[str, ...]]:
    """Return a folder, the files in it, and the class of each and their names where they lie in sub-folders."""
    folder = _existing(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; {reader} needs the folder that the {what} lie in")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings and _is_ones_own(path, folder))
    if not paths:
        raise ValueError(f"{folder} has no {what} ({', '.join(endings)})")
    owners = [path.relative_to(folder).parts[:-1] for path in paths]
    for path, owner in zip(paths, owners, strict=True):
        if len(owner) > 1 or len(owner) != len(owners[0]):
            fault = "lies too deep" if len(owner) > 1 else f"and {paths[0]} lie at different depths"
            raise ValueError(
                f"{path} {fault}; put all {what} into {folder} itself, or each into the sub-folder of its class"
            )
    classes = tuple(sorted({owner[0] for owner in owners if owner}))
    labels = np.array([classes.index(owner[0]) for owner in owners], np.int64) if classes else None
    return folder, paths, labels, classes


_IN_ALL_PARTS = "the data set as dataset: for table in dataset.parts.values(): "


def _texts(name: str, values: Any) -> tuple[str, ...]:
    """Return one text or several, as they stand in a file."""
    found = (values,) if isinstance(values, str) or not isinstance(values, Collection) else tuple(values)
    for value in found:
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text, or several texts such as ['a', 'b'], got {value!r}")
    return found


def _note(column: pd.Series[Any], kind: str) -> str:
    """Return what to note about numbers or categories that may be something else."""
    if kind == "categories":
        cells = column.dropna().astype(str).str.strip()
        first = re.fullmatch(_WITH_UNIT, cells.iloc[0])
        if first:
            units = cells.str.extract(f"^{_WITH_UNIT}$").fillna("").agg("".join, axis=1)
            unit = first[1] or first[2] or ""
            if (units == unit).all():
                return f"{first[0]!r} is a category, for its unit; take {unit!r} out of the file to have numbers"
        for spelling, plain in OTHER_SPELLINGS.items():
            if re.fullmatch(spelling, cells.iloc[0]) and cells.str.fullmatch(spelling).all():
                return f"{cells.iloc[0]!r} is a category, for its spelling; {plain}"
    if len(column) >= SEVERAL and column.dtype.kind != "f" and column.is_unique:
        drop = f"{_IN_ALL_PARTS}del table[{column.name!r}]"
        return f"every row has another value; an id is to be removed, or it is learned like the rest; with {drop}"
    return ""


def _large(column: pd.Series[Any], first: int) -> str:
    """Return the note on whole numbers that models refuse, for float64 would round them."""
    note = f"column {column.name!r}: models refuse whole numbers beyond 2⁵³, such as {column.iloc[first]}; "
    note += f"categories=[{column.name!r}] takes an id as it is"
    line = large_remedies(column).get(FROM_THE_LEAST)
    return note + (f"; or {FROM_THE_LEAST}: with {_IN_ALL_PARTS}{line}" if line else "")


def _is_ones_own(path: Path, folder: Path) -> bool:
    """Say whether a file is the author's: macOS and Jupyter put others beside it, such as ``._cat.png``."""
    return not any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)


def _counted(dataset: Dataset[Any], before: int, what: str) -> Dataset[Any]:
    """Note how many items were left out because they equal another."""
    gone = before - sum(map(len, dataset.parts.values()))
    return replace(dataset, notes=(f"{gone:,} of {before:,} {what} equal another one and are left out",) * bool(gone))


def _card(path: Path, kind: Kind, shape: str, *, target: str = "") -> Card:
    return Card(
        name=path.name.split(".")[0],
        title=path.name,
        kind=kind,
        source=str(path),
        licence="not known: ask whoever made it",
        shape=shape,
        units="as in the file",
        package="",
        target=target,
    )


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file; whole numbers stay whole beside missing ones, and days become dates."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    try:
        stored = parquet.read_table(path)
        table: pd.DataFrame = stored.to_pandas(integer_object_nulls=True)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read as a table ({' '.join(str(error).split())}); save it again") from None
    for field in stored.schema:
        if field.name in table.columns and table[field.name].dtype == object:
            if pa.types.is_integer(field.type):
                table[field.name] = table[field.name].astype("UInt64" if field.type == pa.uint64() else "Int64")
            elif pa.types.is_date(field.type):
                table[field.name] = pd.to_datetime(table[field.name])
    # An index with a name is a column of the author's; one without holds old row numbers.
    table = table.reset_index(drop=set(table.index.names) == {None})
    table.columns = [str(name) for name in table.columns]
    if not table.columns.is_unique:
        raise ValueError(f"{path} has two columns {table.columns[table.columns.duplicated()][0]!r}; rename one")
    return table


def _read_picture(path: Path) -> NDArray[np.uint8]:
    """Return uint8 pixels of shape (channels, height, width), turned upright as the camera noted."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            opened.load()
            transparent = "transparency" in opened.info
            picture = ImageOps.exif_transpose(opened)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not a whole picture ({error}); remove it or save it again") from None
    if picture.mode == "1":
        picture = picture.convert("L")
    if picture.mode == "P" and not transparent:
        picture = picture.convert("RGB")
    if transparent or picture.mode not in ("L", "RGB"):
        mode = f"{picture.mode}{' and a transparent colour' * transparent}"
        raise ValueError(f"{path} has mode {mode}; save it as 8-bit grey (L) or colour (RGB)")
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _size(picture: NDArray[np.uint8]) -> str:
    return "×".join(map(str, picture.shape))


CLIPPED = 0.01
"""Share of the samples at full scale from which on a recording counts as clipped: music only touches it."""


def _read_sound(path: Path, rate: int, samples: int) -> tuple[NDArray[np.float32], list[str]]:
    """Return a wave of shape (samples,), and what had to be done to have it."""
    from scipy.signal import resample_poly

    recorded_at, wave = _read_wav(path)
    remarks = []
    if len(wave) == 0:
        raise ValueError(f"{path} holds no samples; remove it")
    if not 1_000 <= recorded_at <= 768_000:
        raise ValueError(f"{path} says that it has {recorded_at:,} samples a second, which no recording has; remove it")
    if not np.isfinite(wave).all():
        raise ValueError(f"{path} has samples that are not finite numbers; remove it or save it again")
    if (loudest := float(np.abs(wave).max())) > 1:
        raise ValueError(
            f"{path} has samples beyond full scale, up to {loudest:.3g}; make it quieter and save it again"
        )
    if np.mean(np.abs(wave) >= 0.999) > CLIPPED:
        remarks.append(f"are clipped: more than {CLIPPED:.0%} of their samples are at full scale")
    if wave.ndim == 2:
        if wave.shape[1] > 1:
            remarks.append("have several channels, of which the mean is taken")
        wave = wave.mean(axis=1)
    if recorded_at < rate:
        remarks.append(f"were recorded at less than {rate:,} Hz, so that the highest tones are missing")
    seconds, length = samples / rate, len(wave) / recorded_at
    constant = not np.ptp(wave[: math.ceil(seconds * recorded_at)])  # the filter would make a click of its ends
    # A little more than is kept: the filter looks ahead.
    wave = wave[: math.ceil((seconds + 0.1) * recorded_at)]
    if recorded_at != rate:
        common = math.gcd(recorded_at, rate)
        wave = resample_poly(wave, rate // common, recorded_at // common)
        if (loudest := float(np.abs(wave).max())) > 1:
            remarks.append("reach beyond full scale at the new rate and are made quieter")
            wave = wave / loudest
    if round(length * rate) > samples:
        remarks.append(f"are longer than {seconds:g} s and cut")
    elif round(length * rate) < samples:
        remarks.append(f"are shorter than {seconds:g} s and followed by silence")
    wave = np.pad(wave[:samples], (0, max(0, samples - len(wave)))).astype(np.float32)
    if constant or not np.ptp(wave):
        raise ValueError(f"{path} is silent in its first {seconds:g} s; remove it, or cut off the silence at its start")
    return wave.clip(-1, 1), remarks


def _read_wav(path: Path) -> tuple[int, NDArray[np.float64]]:
    """Return the rate of a WAV file, and its samples, of shape (samples,) or (samples, channels), ±1 at full scale."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # Of other chunks (titles, loops) nobody need hear; of a file that ends too early, everybody.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
            rate, stored = wavfile.read(path)
    except ZeroDivisionError:  # as of no channels, or of more than its samples have bytes
        raise ValueError(f"{path} is no whole WAV file (its channels do not fit its samples); remove it") from None
    except (ValueError, OSError, EOFError, struct.error, UnboundLocalError, wavfile.WavFileWarning) as error:
        raise ValueError(
            f"{path} is no whole WAV file ({error}); remove it, or save it again as uncompressed WAV"
        ) from None
    if stored.dtype == np.uint8:
        return rate, (stored.astype(np.float64) - 128) / 128
    return rate, stored.astype(np.float64) / (-float(np.iinfo(stored.dtype).min) if stored.dtype.kind == "i" else 1.0)
