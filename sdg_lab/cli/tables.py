"""What ``synth`` and ``judge`` share at the terminal: sentences, refusals, the table of what each column holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import typer

if TYPE_CHECKING:
    from sdg_lab.data.csv_files import Sign
    from sdg_lab.synth import Sheet, Types

TEXTS = ("category", "code", "key", "text")
"""Kinds that are text where a file is one of text."""

BEGUN, WRONG = 1, 2
"""Exit status: the same command with --resume goes on; the command or the table must be another one."""


def say(text: str) -> None:
    """Print text, some of it from tables and file names: as it is, without control characters."""
    print(shown(text), flush=True)


def shown(text: str) -> str:
    """Return text from elsewhere that a terminal shows and does not obey, in letters that it has."""
    plain = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)
    encoding = sys.stdout.encoding or "ascii"
    return plain.encode(encoding, "replace").decode(encoding)


def stop(sentence: str, status: int) -> NoReturn:
    """Print what is wrong, and leave."""
    print(shown(f"✗ {sentence}"), file=sys.stderr)
    raise typer.Exit(status)


@contextmanager
def refusing(begun: Path | None = None) -> Iterator[None]:
    """Turn what is refused inside into a sentence and an exit status.

    Args:
        begun: the folder of a run that a later call can take up, once there is one.
    """
    from sdg_lab.shards.tasks import system_error

    more = "; the same command with --resume goes on" if begun is not None else ""

    def said(sentence: str) -> str:  # of a shard that failed it says so itself
        return sentence.replace(", and the same command goes on", "") + more

    status = WRONG if begun is None else BEGUN
    try:
        yield
    except KeyboardInterrupt:
        stop(f"stopped{more}", BEGUN)
    except MemoryError:
        stop(f"the memory does not suffice{more}", status)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and error.filename
        stop(f"there is no file {missing}; see how it is spelt" if missing else said(system_error(error)), status)
    except RuntimeError as error:
        stop(said(str(error)), status)
    except (LookupError, ImportError, TypeError, ValueError) as error:
        stop(str(error), WRONG)


def show_types(types: Types, notes: Sequence[str]) -> None:
    """Print what each column holds and what becomes of it, and what had to be decided when the file was read."""
    for line in (*types.lines(), *(f"note: {note}" for note in notes)):
        say(line)


def decimal_sign(said: str | None) -> Sign | None:
    """Return a decimal sign that was said, or refuse it."""
    from sdg_lab.checks import one_of

    return None if said is None else cast("Sign", one_of("--decimal", said, (".", ",")))


def read_typed(
    path: Path,
    types: Path | None,
    *,
    decimal: Sign | None,
    encoding: str | None = None,
    like: Types | None = None,
    group: str = "",
) -> tuple[Sheet, Types]:
    """Return a table and what its columns hold; what is text by edited types, or in another table, is read as text.

    Args:
        path: of the table.
        types: a YAML file of edited types.
        decimal: the decimal sign of a file that does not say.
        encoding: of a file of text; None finds it out.
        like: what the columns of the table hold that this one is to be compared with.
        group: a column whose values are somebody's, unless edited types say another thing.
    """
    from sdg_lab.synth import find_types, read_sheet

    sheet = read_sheet(path, decimal=decimal, encoding=encoding)
    found = find_types(sheet.table).with_group(group)
    edited = types if types is not None and types.exists() else None
    if like is not None:
        texts = {of.name for of in like if of.kind in TEXTS}
    else:
        texts = _called_text(edited) if edited else set()
    as_text = [of.name for of in found if of.name in texts and of.kind not in TEXTS]
    if as_text:
        sheet = read_sheet(path, decimal=decimal, encoding=encoding, as_text=as_text)
        found = find_types(sheet.table).with_group(group)
    if like is None:
        like = found.with_yaml(edited) if edited else found
    return sheet, like


def _called_text(types: Path) -> set[str]:
    """Return the columns that a file of types calls text, whatever they look like: a number that is a code, a date."""
    from sdg_lab import yaml_files

    said = yaml_files.read(types)
    said = said if isinstance(said, dict) else {}
    return {name for name, of in said.items() if isinstance(of, dict) and of.get("kind") in TEXTS}


def refuse_overwriting(given: Mapping[str, Path | None], **made: Path | None) -> None:
    """Refuse to write what is made over what was given, or two things into one file.

    Raises:
        ValueError: naming both.
    """
    places: dict[str, str] = {}
    for name, path in [*given.items(), *made.items()]:
        if path is None:
            continue
        place = os.path.realpath(path)
        if place in places and name in made:
            raise ValueError(f"the {name} would be written over the {places[place]} table ({path}); name another file")
        if name in made and path.is_dir():
            raise ValueError(f"the {name} cannot be written over the folder {path}; name a file")
        places[place] = name
