"""How large the packages are that each use brings, by what they say of themselves: without what Python compiles."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from sdg_lab import extras


def added() -> dict[str, float | None]:
    """Return the MB that the base takes, and those that each extra adds to it; None for one that is not installed."""
    base = _closure(extras.requirements())
    sizes: dict[str, float | None] = {"base": _together(base)}
    for extra in extras.names():
        wanted = extras.requirements(extra)
        there = all(_megabytes(requirement.name) is not None for requirement in wanted)
        sizes[extra] = _together(_closure(wanted) - base) if there else None
    return sizes


def _together(names: set[str]) -> float:
    return sum(filter(None, map(_megabytes, names)))


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


def _megabytes(name: str) -> float | None:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return None
    return sum(file.size or 0 for file in files) / 1e6
