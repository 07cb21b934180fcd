"""Find the chapters, and tell whether their outputs still belong to their code.

A chapter's stamp lies in its own metadata under ``sdg_lab``: a fingerprint of its code cells, of every source of this
project that they import and of the weights that they load, the measured seconds, and what it ran with;
:mod:`~sdg_lab.course.engine.runner` writes it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHAPTERS = "[0-9][0-9]_*.ipynb"
WEIGHTS = "weights"
"""The folder of trained weights, beside the chapters."""

RESULTS = "results"
"""The folder of what takes longer to measure than a chapter may, small tables, beside the chapters."""

SHIPPED = {"weights": (WEIGHTS, "safetensors"), "results": (RESULTS, "csv")}
"""Where the files lie that ``course.weights`` and ``course.results`` read, and how their names end."""

METADATA = "sdg_lab"
"""Where the stamp lies in a notebook's metadata."""

PACKAGES = ("sdg_lab", "papers")
"""What the fingerprint follows; everything else is pinned by the lock."""

SOURCES = Path(__file__).resolve().parents[3]
"""The folder that holds the packages."""

Notebook = Mapping[str, Any]


@dataclass(frozen=True)
class Stamp:
    """What the runner knows of the last execution.

    Attributes:
        fingerprint: SHA-256 of the code, the sources and the weights, as :func:`fingerprint` gives it.
        seconds: wall-clock seconds from the first cell to the last.
        executed_with: versions, and ``threads``, the number of threads.
    """

    fingerprint: str
    seconds: float
    executed_with: dict[str, str | int]

    def to_metadata(self) -> dict[str, Any]:
        """Return the stamp as JSON can say it."""
        return asdict(self)

    def duration(self) -> str:
        """Return the measured time in words; this exact phrase stands in the chapter's header."""
        threads = self.executed_with["threads"]
        return f"{self.seconds:.0f} s, measured on {threads} core{'s' if threads != 1 else ''}"


def folder(start: Path | None = None) -> Path:
    """Return the folder of the chapters: the nearest ``notebooks`` upwards of here, else the one beside the package.

    Args:
        start: where to begin; the working directory by default.

    Raises:
        FileNotFoundError: if there is none.
    """
    here = (start or Path.cwd()).resolve()
    for above in (here, *here.parents, SOURCES):
        candidate = above / "notebooks"
        if any(candidate.glob(CHAPTERS)):
            return candidate
    raise FileNotFoundError(
        f"no notebooks/ with chapters (01_....ipynb) in {here} or above it; run this inside a clone of the project"
    )


def chapters(start: Path | None = None) -> list[Path]:
    """Return the chapters in their order.

    Raises:
        FileNotFoundError: if there are none.
    """
    return sorted(folder(start).glob(CHAPTERS))


def match(wanted: str, among: Sequence[Path]) -> Path:
    """Return the one chapter that ``wanted`` means: its number, its file's name, or a part of the name.

    Raises:
        LookupError: if it means none or several; the message says which there are.
    """
    word = wanted.removesuffix(".ipynb").lower()
    exact = [path for path in among if word in (path.stem.lower(), path.stem[:2])]
    found = exact or [path for path in among if word and word in path.stem[3:].lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"{wanted!r} means several chapters: {', '.join(path.stem for path in found)}")
    raise LookupError(f"no chapter {wanted!r}; there are {', '.join(path.stem for path in among) or 'none yet'}")


def read(path: Path) -> dict[str, Any]:
    """Read a notebook as plain JSON.

    Raises:
        ValueError: if it is not one.
    """
    try:
        notebook = dict(json.loads(path.read_text(encoding="utf-8")))
        notebook["metadata"].get(METADATA)
        if notebook["nbformat"] != 4:
            raise ValueError(f"format {notebook['nbformat']}")
        for cell in notebook["cells"]:
            cell["cell_type"], "".join(cell["source"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a notebook in format 4 ({error!r:.200})") from None
    return notebook


def stamp(notebook: Notebook) -> Stamp | None:
    """Return a notebook's stamp, or None if it was never stamped, or its stamp cannot be read."""
    try:
        return Stamp(**notebook["metadata"][METADATA])
    except (KeyError, TypeError):
        return None


def is_stale(path: Path, sources: Path = SOURCES) -> bool:
    """Tell whether a chapter's outputs are older than its code cells, the sources they import or the weights they load.

    Raises:
        ValueError: if it is not a notebook, or a cell is not Python.
    """
    notebook = read(path)
    written = stamp(notebook)
    return written is None or written.fingerprint != fingerprint(notebook, path, sources)


def code_cells(notebook: Notebook) -> list[dict[str, Any]]:
    """Return the code cells in their order, the n-th being the one a reader sees as ``[n]``."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: Mapping[str, Any]) -> str:
    """Return a cell's text; on the disk it may be one string or a list of lines."""
    return _normalised("".join(cell["source"]))


def fingerprint(notebook: Notebook, path: Path, sources: Path = SOURCES) -> str:
    """Hash a chapter's code cells, every project source that they import, directly or not, and the files they load.

    Args:
        notebook: the notebook's JSON.
        path: its file; the number in its name says which ``course/chNN/exercises.py`` belongs to it, and its weights
            and results lie in folders of these names beside it.
        sources: the folder that holds the packages.

    Returns:
        64 hexadecimal digits; the same whatever the ends of lines and the order of imports.

    Raises:
        ValueError: if a cell cannot be parsed; the message names it.
    """
    digest = hashlib.sha256()
    cells = [source(cell) for cell in code_cells(notebook)]
    for cell in cells:
        digest.update(cell.encode() + b"\0")
    for module in imported(cells, path.stem, sources):
        relative = module.relative_to(sources).as_posix()
        digest.update(f"{relative}\0{_normalised(module.read_text(encoding='utf-8'))}\0".encode())
    for folder, name, suffix in loaded(cells):
        digest.update(f"{name}\0".encode())
        file = path.parent / folder / f"{name}.{suffix}"
        if file.is_file():
            content = file.read_bytes() if folder == WEIGHTS else _normalised(file.read_text(encoding="utf-8")).encode()
            digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def loaded(cells: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return what these cells load with ``course.weights("NAME", ...)`` and ``course.results("NAME")``, sorted.

    Returns:
        Folder, name, and how the file's name ends, of each.
    """
    found = set()
    for cell in cells:
        for node in ast.walk(ast.parse(_without_magics(cell))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in SHIPPED:
                    folder, suffix = SHIPPED[called]
                    found.add((folder, str(node.args[0].value), suffix))
    return sorted(found)


def imported(cells: Iterable[str], name: str, sources: Path = SOURCES) -> list[Path]:
    """Return the project's files that these cells import, transitively, sorted by path.

    The imports are read, not run: those inside functions count, as do those under a condition. The exercises' module,
    which is loaded by name, is counted as soon as the chapter uses :mod:`sdg_lab.course`.

    Raises:
        ValueError: if a cell cannot be parsed; the message names it.
    """
    pending: list[str] = []
    for number, cell in enumerate(cells, start=1):
        try:
            pending += _imports(_without_magics(cell), package="")
        except SyntaxError as error:
            raise ValueError(f"{name}, cell [{number}] is not Python: {error}") from None
    found: dict[str, Path] = {}
    while pending:
        module = pending.pop()
        path = _locate(module, sources)
        if path is None or module in found:
            continue
        found[module] = path
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        pending.extend(_imports(path.read_text(encoding="utf-8"), package))
        if module == "sdg_lab.course":
            room = f"sdg_lab.course.ch{name[:2]}"
            pending += [room, f"{room}.exercises"]
    return sorted(found.values())


def _imports(code: str, package: str) -> Iterator[str]:
    """Yield every module name that some code imports, with the packages around it."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] in PACKAGES:
                parts = name.split(".")
                yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _locate(module: str, sources: Path) -> Path | None:
    stem = sources.joinpath(*module.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


def _without_magics(cell: str) -> str:
    """Blank out the lines that only a notebook understands (``%matplotlib``, ``!ls``)."""
    return re.sub(r"^[ \t]*[%!].*$", "", cell, flags=re.MULTILINE)


def _normalised(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
