"""How much of the disk each use of the project takes, from what the installed packages say of themselves."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from sdg_lab import extras


def added() -> dict[str, float]:
    """Return the MB that the base takes, and those that each extra adds to it; parts that are not installed count 0."""
    base = _closure(extras.requirements())
    sizes = {"base": sum(map(_megabytes, base))}
    for extra in extras.names():
        sizes[extra] = sum(map(_megabytes, _closure(extras.requirements(extra)) - base))
    return sizes


def _closure(requirements: list[Requirement]) -> set[str]:
    """Return the names of these packages and of all that they need here."""
    found: set[tuple[str, str]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            package = requirement.name.lower().replace("_", "-"), extra
            if package not in found:
                found.add(package)
                needs = map(Requirement, _requires(package[0]))
                waiting += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def _requires(name: str) -> list[str]:
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        return []


def _megabytes(name: str) -> float:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0.0
    return sum(file.size or 0 for file in files) / 1e6
