"""What a chapter may print if it is to be committed: nothing that belongs to one machine or one moment."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdg_lab.course.engine.notebooks import SOURCES, Notebook, code_cells

MOST_BYTES = 3_000_000
"""A chapter with its figures must stay smaller than this."""

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
"""The kernel that ipykernel installs, as JupyterLab writes it into every notebook that it opens."""

WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_PLACEHOLDER = "Here stands a widget; it moves when the chapter is run. The figure beside it stands still."

_PROGRESS_BAR = re.compile(r"\d+%\|")
_STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}(?=_|\b)")
_ADDRESS = re.compile(r"(?<=\w) at 0x[0-9a-f]{6,}(?=>)")
_HERE = {str(place) for place in (SOURCES, Path(sys.prefix), Path.home(), Path(tempfile.gettempdir()))} - {"/"}
_ANYWHERE = (r"/(?:home|root|Users|tmp|var|opt|usr|mnt)/[\w.]", r"[A-Z]:\\\w")
_PATH = re.compile(rf"(?<![\w.~-])(?:{'|'.join([*map(re.escape, sorted(_HERE)), *_ANYWHERE])})")


def clean(notebook: dict[str, Any]) -> None:
    """Take out of a notebook, in place, what changes from run to run.

    That is: times of execution, progress bars, the state of widgets (a sentence stands for each), and the random ids of
    styled tables and the addresses behind them. What is left is what JupyterLab would write: whoever opens a chapter
    and saves it unedited has no change to commit, unless their Python is of another version.
    """
    kept = {key: notebook["metadata"][key] for key in ("language_info", "sdg_lab") if key in notebook["metadata"]}
    notebook["metadata"] = {"kernelspec": KERNEL, **kept}
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell["outputs"] = [output for output in cell["outputs"] if not _is_progress_bar(output)]
        for output in cell["outputs"]:
            data = output.get("data", {})
            if data.pop(WIDGET, None) is not None:
                data.clear()
                data["text/plain"] = WIDGET_PLACEHOLDER
            if "text/html" in data:
                data["text/html"] = _STYLER_ID.sub(f"T_cell{number}", _joined(data["text/html"]))
                data["text/plain"] = _ADDRESS.sub("", _joined(data.get("text/plain", "")))


def problems(notebook: Notebook) -> Iterator[str]:
    """Yield a sentence for each thing in a notebook's outputs that must not be committed."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"cell [{number}] ends in an error: {output['ename']}: {output['evalue']}"
            if output["output_type"] == "stream" and output["name"] == "stderr":
                yield f"cell [{number}] writes to stderr; remove the cause: {_joined(output['text']).strip()[:200]}"
                continue
            for text in texts(output):
                if found := _PATH.search(text):
                    yield f"cell [{number}] prints a path of this machine: {_around(text, found)}"
                if found := _ADDRESS.search(text):
                    yield f"cell [{number}] prints an address, {_around(text, found)}; end the line with a semicolon"
    if (size := len(json.dumps(notebook))) > MOST_BYTES:
        yield f"the notebook has {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f}; draw fewer or smaller figures"


def texts(output: Notebook) -> Iterator[str]:
    """Yield every text of an output: what a stream holds, or each representation that is not a picture's bytes."""
    if output["output_type"] == "stream":
        yield _joined(output["text"])
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/") or kind == "image/svg+xml":
            yield _joined(content)


def replace_text(notebook: Notebook, old: str, new: str, *, where: str) -> None:
    """Replace a phrase in the text outputs of those code cells whose source contains ``where``, in place."""
    for cell in code_cells(notebook):
        if where not in "".join(cell["source"]):
            continue
        for output in cell["outputs"]:
            for kind, content in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = _joined(content).replace(old, new)


def _is_progress_bar(output: Notebook) -> bool:
    return WIDGET in output.get("data", {}) and any(_PROGRESS_BAR.search(text) for text in texts(output))


def _joined(text: str | list[str]) -> str:
    """Join what the disk may hold as a list of lines."""
    return "".join(text)


def _around(text: str, found: re.Match[str]) -> str:
    return text[max(0, found.start() - 20) : found.end() + 40].replace("\n", " ")
