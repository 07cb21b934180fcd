"""Which faults do the tests not see? ``make mutants``, or ``python tests/mutants FILE[:FUNCTIONS] …`` for some files.

From each file a few mutants are drawn by seed. Each is tried with the tests that execute its lines, the quickest first,
in a copy of the tree. What survives is printed, with its share. Mutants that mean the same as the source are listed in
``equivalent.toml``, each with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from mutations import Mutant, mutants  # noqa: E402 - stands beside this file
from trees import Job, Trees  # noqa: E402

SAMPLING = "sample|trajectory|decode|generate|draw|choose|filter_logits|ancestral|ddim|continuations"
CHOSEN = ["sdg_lab/training/*.py", "sdg_lab/metrics/**/*.py", f"sdg_lab/models/**/*.py:{SAMPLING}"]
"""What is tried without being named: what trains, what judges, and the functions by which samples are made."""

CONTRACT = "tests/models/test_contract*.py"
ALSO = {"sdg_lab/models/sequences": ["tests/models/recurrent", "tests/models/transformer"]}
"""Tests beside those in the folder that mirrors the source's."""

WARM = "torch numpy pandas scipy.stats scipy.sparse sklearn.neighbors hypothesis hypothesis.extra.numpy"
BASELINE_SECONDS = 600.0
GOAL = 0.05


@dataclass(frozen=True)
class Test:
    """A test that passes without a fault: its seconds, and the lines that it executes, by file."""

    name: str
    seconds: float
    lines: dict[str, frozenset[int]]


def main() -> int:
    """Try mutants and print what survives; return 1 if it is more than the goal."""
    options = _options()
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0", MPLBACKEND="Agg")
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = Trees(ROOT, Path(folder), options.jobs)
        try:
            drawn = _draw(options, trees.pristine)
            tests = _baseline(trees, sorted({mutant.file for mutant in drawn}))
            print(f"{len(drawn)} mutants; {len(tests)} tests pass without a fault", flush=True)
            jobs = (_job(mutant, trees, _choose(mutant, tests, options.seconds)) for mutant in drawn)
            tried = []
            for job in trees.run(job for job in jobs if time.monotonic() < deadline):
                tried.append(job)
                if job.status == 0 or options.verbose:
                    print(f"{'survived' if job.status == 0 else f'killed {job.status:>2}'}  {job.about}", flush=True)
        except KeyboardInterrupt:
            return 130
        finally:
            trees.stop()
    return _report([(job.about, job.status == 0) for job in tried], n=len(drawn))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python tests/mutants", description="Which faults do the tests not see?")
    parser.add_argument(
        "what",
        nargs="*",
        metavar="FILE[:FUNCTIONS]",
        help="a glob, and a regular expression of names; without any, what is chosen",
    )
    parser.add_argument("--each", type=int, default=16, help="mutants of a file (16); 0: all")
    parser.add_argument("--seed", type=int, default=0, help="which are drawn (0)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of tests for one mutant, at most (20)")
    parser.add_argument("--minutes", type=float, default=30.0, help="in all; what is left then is not tried (30)")
    parser.add_argument("--jobs", type=int, default=_cores(), help="side by side (all physical cores)")
    parser.add_argument("--verbose", action="store_true", help="print what is killed, too, with its exit status")
    return parser.parse_args()


def _draw(options: argparse.Namespace, tree: Path) -> list[Mutant]:
    """Draw mutants of each file, without those that mean the same; in an order that mixes the files."""
    same = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")).get("mutant", [])
    equivalent = {(entry["file"], entry["scope"], entry["change"]) for entry in same}
    found: dict[str, set[Mutant]] = {}
    for pattern in options.what or CHOSEN:
        files, _, functions = pattern.partition(":")
        for path in sorted(tree.glob(files)):
            file = path.relative_to(tree).as_posix()
            for mutant in mutants(path.read_bytes(), file):
                if re.search(functions, mutant.scope):
                    found.setdefault(file, set()).add(mutant)
    if not found:
        raise SystemExit(f"nothing to try in {', '.join(options.what)}: name files from the project's root")
    drawn = []
    for members in found.values():
        there = sorted(m for m in members if (m.file, m.scope, m.change) not in equivalent)
        random.Random(options.seed).shuffle(there)
        drawn += there[: options.each or None]
    random.Random(options.seed).shuffle(drawn)
    return drawn


def _baseline(trees: Trees, files: list[str]) -> list[Test]:
    """Run the tests that stand nearest to the files without a fault; return those that pass."""
    paths = sorted({path for file in files for path in _near(trees.pristine, file)})
    if not paths:
        raise SystemExit(f"no tests stand near {', '.join(files)}")
    _warm(WARM.split())
    results = Path(tempfile.mkdtemp(dir=trees.pristine.parent))

    def watched(path: str, result: Path) -> int:
        import pytest
        from watch import Recorder

        recorder = Recorder({str(Path.cwd() / file): file for file in files})
        status = pytest.main([*QUIET, path], plugins=[recorder])
        result.write_text(json.dumps({"tests": recorder.tests, "modules": _foreign(Path.cwd())}), encoding="utf-8")
        return int(status)

    jobs = []
    for index, path in enumerate(paths):
        result = results / f"{index}.json"
        jobs.append(Job(lambda p=path, r=result: watched(p, r), BASELINE_SECONDS, about=(path, result)))
    tests: list[Test] = []
    modules: set[str] = set()
    for job in trees.run(jobs):
        path, result = job.about
        if job.status:
            print(f"without a fault, {path} ends with {job.status}: only what passes there is used", flush=True)
        if result.exists():
            found = json.loads(result.read_text(encoding="utf-8"))
            modules.update(found["modules"])
            for name, test in found["tests"].items():
                tests.append(Test(name, test["seconds"], {f: frozenset(lines) for f, lines in test["lines"].items()}))
    _warm(sorted(modules))
    if "sdg_lab" in sys.modules:
        raise SystemExit("the project was imported before its copies were: no fault would be seen")
    return tests


QUIET = [
    "-q",
    "--no-header",
    "--no-summary",
    "-p",
    "no:cacheprovider",
    "-m",
    "not slow and not notebook and not browser",
]
QUIET += ["-p", "no:xdist", "-p", "no:faulthandler"]


def _near(tree: Path, file: str) -> list[str]:
    """Return the test files in the folder that mirrors the source's, those of the contract, and those declared."""
    folder = Path(file).parent
    places = [Path("tests", *folder.parts[1:])]
    for source, others in ALSO.items():
        places += [Path(other) for other in others if file.startswith(source)]
    pattern = "test_*.py" if folder.parts[1:] else f"test_{Path(file).stem}.py"  # beside the street stand all tests
    found = {path for place in places for path in (tree / place).rglob(pattern)}
    if "models" in folder.parts:
        found |= set(tree.glob(CONTRACT))
    return sorted(path.relative_to(tree).as_posix() for path in found)


def _choose(mutant: Mutant, tests: list[Test], seconds: float) -> list[Test]:
    """Return the tests that execute the mutant's lines, the quickest first, a file's together, up to some seconds.

    Lines that run on import only belong to no test: then all that use the file are taken.
    """
    first, last = mutant.lines
    touching = [test for test in tests if mutant.file in test.lines]
    covering = [t for t in touching if any(first <= line <= last for line in t.lines[mutant.file])] or touching
    covering.sort(key=lambda test: test.seconds)
    place: dict[str, int] = {}
    chosen, spent = [], 0.0
    for test in covering:
        spent += test.seconds
        if chosen and spent > seconds:
            break
        place.setdefault(test.name.partition("::")[0], len(place))
        chosen.append(test)
    return sorted(chosen, key=lambda test: place[test.name.partition("::")[0]])


def _job(mutant: Mutant, trees: Trees, chosen: list[Test]) -> Job:
    def work() -> int:
        import pytest
        from watch import Chosen

        names = [test.name for test in chosen]
        files = dict.fromkeys(name.partition("::")[0] for name in names)
        return int(pytest.main([*QUIET, "-x", *files], plugins=[Chosen(names)])) if names else 0

    source = (trees.pristine / mutant.file).read_bytes()
    seconds = 20 + 3 * sum(test.seconds for test in chosen)
    return Job(work, seconds, file=mutant.file, content=mutant.apply(source), about=mutant)


def _report(results: list[tuple[Mutant, bool]], n: int) -> int:
    """Print a line a file, each survivor, and the share; return the exit status."""
    tried = Counter(mutant.file for mutant, _ in results)
    lived = Counter(mutant.file for mutant, survived in results if survived)
    print("\ntried  survived")
    for file in sorted(tried):
        print(f"{tried[file]:>5} {lived[file]:>9}  {file}")
    for mutant in sorted(mutant for mutant, survived in results if survived):
        print(f"survivor: {mutant}")
    share = lived.total() / max(1, tried.total())
    print(f"{lived.total()} of {tried.total()} mutants survived: {share:.1%}; the goal is at most {GOAL:.0%}")
    if tried.total() < n:
        print(f"the time was over before {n - tried.total()} others")
    return int(share > GOAL)


def _warm(modules: list[str]) -> None:
    """Import what the tests need from elsewhere, once for all forks."""
    for name in modules:
        try:
            import_module(name)
        except Exception:  # a part of a package that is not meant to be imported so
            continue


def _foreign(tree: Path) -> list[str]:
    """Return the modules that are loaded and belong neither to the project nor to its tests."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return sorted(name for name, file in files.items() if file and not Path(file).is_relative_to(tree))


def _cores() -> int:
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or 1, allowed)


if __name__ == "__main__":
    sys.exit(main())
