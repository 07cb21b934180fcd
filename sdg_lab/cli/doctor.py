"""Look at an installation: what is there, what will be used, and what to do about what is missing.

Nothing is changed, and nothing is asked of the network. The command line draws what :func:`examine` finds.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import Any

from packaging.requirements import Requirement

from sdg_lab import threads

DISTRIBUTION = "sdg-lab"
PIP = f"{sys.executable} -m pip install"
"""Said in full: outside an activated environment a bare ``python`` is another one."""


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
    return [*computing(), *packages(), *data_sets(), language_model(), *tools()]


def is_well(findings: list[Finding]) -> bool:
    """Tell whether everything needed is there."""
    return all(finding.found or not finding.needed for finding in findings)


def packages() -> Iterator[Finding]:
    """Compare what is installed with the ranges that this package declares; extras are not needed, only useful."""
    for requirement in _requirements():
        extra = "" if _is_base(requirement) else str(requirement.marker)
        wanted = f"{requirement.name}{requirement.specifier}"
        remedy = f'{PIP} "{wanted}"'
        try:
            there = version(requirement.name)
        except PackageNotFoundError:
            yield Finding("packages", requirement.name, "", needed=not extra, remedy=remedy)
            continue
        fits = requirement.specifier.contains(there, prereleases=True)
        if not fits:
            remedy = f"{there} is installed, {requirement.specifier} is wanted: {remedy}"
        yield Finding("packages", requirement.name, there if fits else "", needed=not extra, remedy=remedy)
    if not _requirements():
        yield Finding("packages", DISTRIBUTION, "", needed=True, remedy=f"make lab, or {PIP} -e .")


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
    """Say which data sets of the catalog are installed; those in optional packages are not needed."""
    if not find_spec("pandas"):
        return
    from sdg_lab import data
    from sdg_lab.data import packages as data_packages

    optional = {requirement.name for requirement in _requirements() if not _is_base(requirement)}
    for name, card in data.catalog().iterrows():
        found, remedy = f"{card['title']}; shipped by {card['package']}", ""
        try:
            data_packages.folder(card["package"])
        except ImportError as error:
            found, remedy = "", str(error)
        yield Finding("data sets", str(name), found, needed=card["package"] not in optional, remedy=remedy)


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
    from sdg_lab.course.engine import notebooks

    try:
        there, remedy = f"{len(notebooks.chapters())} in notebooks/", ""
    except FileNotFoundError as error:
        there, remedy = "", str(error)
    yield Finding("tools", "chapters", there, needed=True, remedy=remedy)
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


@cache
def _requirements() -> tuple[Requirement, ...]:
    """Return what the installed distribution declares; nothing if it was never installed."""
    try:
        return tuple(map(Requirement, requires(DISTRIBUTION) or ()))
    except PackageNotFoundError:
        return ()


def _is_base(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
