"""Your own files, in the types that every model here takes, de-duplicated and split like the rest.

What cannot be learned from is refused with the name of the column or file, and what to do about it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sdg_lab.data.split import split_images, split_in_order, split_items, split_table
from sdg_lab.data.types import Card, Dataset, Images, Kind

_CSV = (".csv", ".csv.gz")
_PARQUET = (".parquet",)
_PICTURES = (".png", ".jpg", ".jpeg")


def read_table(
    path: str | Path, *, target: str = "", categories: Sequence[str] = (), deduplicate: bool = True
) -> Dataset[pd.DataFrame]:
    """Read a CSV or Parquet file: numbers stay numbers, text and booleans become categories.

    Single missing values are kept. Rows in messages are counted from 1, without the header.

    Args:
        path: a file that ends in .csv, .csv.gz (UTF-8, separated by commas, names in the first line) or .parquet.
        target: the column that one usually predicts, for the card.
        categories: columns to be taken as categories although they look like numbers, such as codes.
        deduplicate: keep one of equal rows; False keeps all, and all equal rows in one part.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is neither CSV nor Parquet or cannot be read as such; if it has no rows; if two columns
            have one name or one has none; if a column is all missing, constant, infinite somewhere, of dates, or mixes
            numbers and text; or if ``target`` or ``categories`` names no column.
    """
    path = _existing(path)
    table = _read_columns(path)
    for name in (*categories, *([target] if target else [])):
        if name not in table.columns:
            raise ValueError(f"{path} has no column {name!r}; it has {', '.join(map(repr, table.columns))}")
    if table.empty:
        raise ValueError(f"{path} has no rows; a table needs at least 3 distinct ones")
    for name in table.columns:
        table[name] = _usable(table[name], category=name in categories)
    shape = f"{len(table):,} rows, {table.shape[1]} columns"
    return split_table(_card(path, "table", shape, target=target), table, deduplicate=deduplicate)


def read_images(folder: str | Path) -> Dataset[Images]:
    """Read the PNG and JPEG pictures of a folder, all of one size.

    Grey pictures have one channel, colour pictures three. If the pictures lie in sub-folders, each sub-folder is a
    class, named after it; if they lie in the folder itself, there are no labels. Other files are left alone.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there is no picture; if some lie in the folder and some below, or deeper than one level; or if
            one is damaged, transparent, of more than 8 bits a channel, or unlike the first in size or channels.
    """
    folder = _existing(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; read_images needs the folder that the pictures lie in")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    if not paths:
        raise ValueError(f"{folder} has no pictures ({', '.join(_PICTURES)})")
    owners = [path.relative_to(folder).parts[:-1] for path in paths]
    for path, owner in zip(paths, owners, strict=True):
        if len(owner) > 1 or len(owner) != len(owners[0]):
            raise ValueError(
                f"{path} and {paths[0]} lie at different depths, or too deep; put all pictures into {folder} itself, "
                "or each into the sub-folder of its class"
            )
    pictures = [_read_picture(path) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise ValueError(
                f"{path} is {_size(picture)}, but {paths[0]} is {_size(pictures[0])}; bring all to one size and mode"
            )
    classes = tuple(sorted({owner[0] for owner in owners if owner}))
    labels = np.array([classes.index(owner[0]) for owner in owners], np.int64) if classes else None
    images = Images(np.stack(pictures).astype(np.float32) / np.float32(255), labels, classes)
    return split_images(_card(folder, "images", f"{len(paths):,} images, {_size(pictures[0])}"), images)


@overload
def read_text(path: str | Path, *, lines: Literal[True] = True) -> Dataset[list[str]]: ...
@overload
def read_text(path: str | Path, *, lines: Literal[False]) -> Dataset[str]: ...
def read_text(path: str | Path, *, lines: bool = True) -> Dataset[list[str]] | Dataset[str]:
    """Read a text file in UTF-8: one item a line, or one running text.

    Args:
        path: the file.
        lines: take each line that is not empty as an item; equal ones are removed. If False, the text is cut in order
            into three, like a series, since its sentences depend on each other.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not UTF-8 or has no text.
    """
    path = _existing(path)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    if not text.strip():
        raise ValueError(f"{path} has no text")
    if lines:
        items = [line.strip() for line in text.splitlines() if line.strip()]
        return split_items(_card(path, "sequences", f"{len(items):,} lines"), items)
    return Dataset(
        _card(path, "text", f"{len(text):,} characters"), *(text[part] for part in split_in_order(len(text)))
    )


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path} (looked from {Path.cwd()})")
    return path


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


def _read_columns(path: Path) -> pd.DataFrame:
    """Read the file and refuse columns that have no name of their own."""
    if not path.name.lower().endswith(_CSV + _PARQUET):
        raise ValueError(f"{path} must end in {', '.join(_CSV + _PARQUET)}; save it as one of these")
    try:
        names, table = _parse(path)
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty; its first line must name the columns") from None
    except pd.errors.ParserWarning:
        raise ValueError(f"{path} has rows with more cells than there are column names; name every column") from None
    except (ValueError, OSError) as error:  # what both parsers raise
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read as a table ({reason}); save it again") from None
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise ValueError(f"column {place} of {path} has no name; name it in the first line, or remove it")
        if names.index(name) != place - 1:
            raise ValueError(f"{path} has two columns {name!r}; rename one")
    return table


def _parse(path: Path) -> tuple[list[str], pd.DataFrame]:
    """Return the column names as they stand in the file, and the table."""
    if path.name.lower().endswith(_PARQUET):
        table = pd.read_parquet(path)
        # An index with a name is a column of the author's; one without holds old row numbers.
        table = table.reset_index(drop=set(table.index.names) == {None})
        return [str(name) for name in table.columns], table
    # Read apart, since pandas changes the second of two equal column names.
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # pandas would only warn that it loses cells
        return names.iloc[0].tolist(), pd.read_csv(path, index_col=False)


def _usable(column: pd.Series, *, category: bool) -> pd.Series:
    """Return numbers as numbers and all else as categories, or say why the column cannot be learned from."""
    present = column.dropna()
    if present.empty:
        raise ValueError(f"column {column.name!r} is all missing; remove it")
    if column.dtype == object:
        odd = next((value for value in present if not isinstance(value, str | bool | int | float)), None)
        if odd is not None:
            raise ValueError(f"column {column.name!r} holds {type(odd).__name__} values; save them as numbers or text")
    if (present == present.iloc[0]).all():
        raise ValueError(f"column {column.name!r} is constant, always {present.iloc[0]!r}; remove it")
    if pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(f"column {column.name!r} holds dates; turn them into numbers, such as days since the first")
    if pd.api.types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype) or category:
        return column.astype("category")
    if pd.api.types.is_numeric_dtype(column):
        infinite = np.isinf(column.to_numpy(np.float64, na_value=np.nan))
        if infinite.any():
            raise ValueError(
                f"column {column.name!r} is infinite in row {int(infinite.argmax()) + 1}; repair or remove it"
            )
        return column
    _check_one_type(column)
    return column.astype("category")


def _check_one_type(column: pd.Series) -> None:
    """Refuse text among which some values are numbers: nearly always a typing error or a sign for missing."""
    present = column.dropna()
    number = pd.to_numeric(present.astype(str), errors="coerce").notna()
    if number.any() and not number.all():
        row = int(np.flatnonzero(column.notna())[np.flatnonzero(~number)[0]]) + 1
        raise ValueError(
            f"column {column.name!r} mixes {int(number.sum())} numbers with text such as {present[~number].iloc[0]!r} "
            f"in row {row}; repair or empty those cells, or name it in categories=[{column.name!r}]"
        )


def _read_picture(path: Path) -> NDArray[np.uint8]:
    """Return uint8 pixels of shape (channels, height, width), turned upright as the camera noted."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is not a whole picture ({error}); remove it or save it again") from None
    if picture.mode == "1":
        picture = picture.convert("L")
    if picture.mode == "P" and "transparency" not in picture.info:
        picture = picture.convert("RGB")
    if picture.mode not in ("L", "RGB"):
        raise ValueError(f"{path} has mode {picture.mode}; save it as 8-bit grey (L) or colour (RGB)")
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _size(picture: NDArray[np.uint8]) -> str:
    return "×".join(map(str, picture.shape))
