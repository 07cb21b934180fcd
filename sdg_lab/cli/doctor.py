"""Look at an installation: what is there, what will be used, and what to do about what is missing.

Nothing is changed, and nothing is asked of the network. The command line draws what :func:`examine` finds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from sdg_lab import extras, threads


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        group: under which heading it belongs.
        name: what was looked for.
        found: what is there, in words; empty if it is missing or of the wrong version.
        needed: whether the course cannot do without it.
        remedy: what to do if it is missing.
    """

    group: str
    name: str
    found: str
    needed: bool
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON can say it."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look for everything, in the order in which it is shown."""
    return [*computing(), *packages(), *uses(), *data_sets(), language_model(), *tools()]


def is_well(findings: list[Finding]) -> bool:
    """Tell whether everything needed is there."""
    return all(finding.found or not finding.needed for finding in findings)


def packages() -> Iterator[Finding]:
    """Compare what is installed with the ranges that the base declares."""
    for requirement in extras.requirements():
        there, fits = _installed(requirement)
        remedy = f'{extras.PIP} "{requirement.name}{requirement.specifier}"'
        if there and not fits:
            remedy = f"{there} is installed, {requirement.specifier} is wanted: {remedy}"
        yield Finding("packages", requirement.name, there if fits else "", needed=True, remedy=remedy)
    if not extras.requirements():
        remedy = f"make lab, or {extras.PIP} -e ."
        yield Finding("packages", extras.DISTRIBUTION, "", needed=True, remedy=remedy)


def uses() -> Iterator[Finding]:
    """Say which extras are complete. Where the chapters are, the one for the course is needed."""
    for extra in extras.names():
        wanted = {requirement.name: _installed(requirement) for requirement in extras.requirements(extra)}
        missing = [f"{name} {there and f'(not {there})'}".strip() for name, (there, fits) in wanted.items() if not fits]
        found = _few([f"{name} {there}" for name, (there, _) in wanted.items()]) if not missing else ""
        remedy = f"without {_few(missing)}; run: {extras.command(extra)}"
        yield Finding("uses", extra, found, needed=extra == "course" and bool(_chapters()), remedy=remedy)


def computing() -> Iterator[Finding]:
    """Say which device and how many threads training will use, and how they wait."""
    group = "computing"
    if find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            device = f"cuda: {torch.cuda.device_count()} × {torch.cuda.get_device_name(0)}"
        else:
            device = "mps" if torch.backends.mps.is_available() else "cpu"
        yield Finding(group, "device", device, needed=True)
        used = f"{torch.get_num_threads()} of {threads.available_cores()} cores (SDG_LAB_THREADS changes it)"
        yield Finding(group, "threads", used, needed=True)
    policy = os.environ.get("OMP_WAIT_POLICY", "").lower()
    yield Finding(
        group,
        "idle threads",
        "wait passively" if policy == "passive" else "",
        needed=False,
        remedy=f"they spin (OMP_WAIT_POLICY={policy}), which slows training beside other work: unset OMP_WAIT_POLICY",
    )


def data_sets() -> Iterator[Finding]:
    """Say which data sets of the catalog are installed."""
    if not find_spec("pandas"):
        return
    from sdg_lab import data
    from sdg_lab.data import packages as data_packages

    for name, card in data.catalog().iterrows():
        found, remedy = f"{card['title']}; shipped by {card['package']}", ""
        try:
            data_packages.folder(card["package"])
        except ImportError as error:
            found, remedy = "", str(error)
        yield Finding("data sets", str(name), found, needed=False, remedy=remedy)


def language_model() -> Finding:
    """Find the language model's file inside its package, without importing the package."""
    from sdg_lab.data import packages as data_packages

    words = ""
    with suppress(FileNotFoundError):
        file = data_packages.language_model_file(data_packages.LANGUAGE_MODEL)
        words = f"{data_packages.LANGUAGE_MODEL}/{file.name}, {file.stat().st_size / 1e6:.0f} MB"
    return Finding("language model", "SmolLM2-135M-Instruct", words, needed=False, remedy=data_packages.INSTALL)


def tools() -> Iterator[Finding]:
    """Find the programs beside Python that some commands use."""
    number = len(_chapters())
    remedy = "only in a clone of the project"
    yield Finding("tools", "chapters", f"{number} in notebooks/" if number else "", needed=False, remedy=remedy)
    wanted = {
        "git": (("git",), "to contribute: install git"),
        "make": (("make",), "for make lab and make test: install make, or use environment.yml"),
        "chromium": (
            ("chromium", "chromium-browser", "google-chrome"),
            "only the browser tests need it: apt install chromium, or your system's package of it",
        ),
    }
    for name, (commands, remedy) in wanted.items():
        command = next(filter(shutil.which, commands), "")
        yield Finding("tools", name, command and "found", needed=False, remedy=remedy)


def _installed(requirement: Requirement) -> tuple[str, bool]:
    """Return the installed version, or nothing, and whether it is in the range."""
    try:
        there = version(requirement.name)
    except PackageNotFoundError:
        return "", False
    return there, requirement.specifier.contains(there, prereleases=True)


def _few(names: list[str], few: int = 3) -> str:
    more = f" and {len(names) - few} more" if len(names) > few else ""
    return ", ".join(names[:few]) + more


def _chapters() -> list[Path]:
    from sdg_lab.course.engine import notebooks

    with suppress(FileNotFoundError):
        return notebooks.chapters()
    return []
