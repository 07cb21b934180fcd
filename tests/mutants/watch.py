"""The pytest plugins of the runner: one notes which lines each test executes, one keeps the tests that were chosen.

A test answers for the lines of the fixtures that it uses, too, whoever had them made.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import pytest

Lines = set[tuple[str, int]]


class Recorder:
    """Notes for each test that passes its seconds, and its lines in some files, which are given with short names."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.lines: Lines = set()
        self.of_fixture: dict[int, Lines] = {}
        self.kept: list[Any] = []  # an id is a name only while its object lives
        self.tests: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename not in self.files:
            return None
        self.note(frame, event, arg)
        return self.note

    def note(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.lines.add((self.files[frame.f_code.co_filename], frame.f_lineno))
        return self.note

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        around, self.lines = self.lines, set()
        try:
            return (yield)
        finally:
            self.of_fixture[id(fixturedef)] = self.lines
            self.kept.append(fixturedef)
            self.lines = around | self.lines

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.lines, begin = set(), time.process_time()
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            used = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
            for definitions in used.values():
                for definition in definitions:
                    self.lines |= self.of_fixture.get(id(definition), set())
            seconds = time.process_time() - begin
            if item.nodeid not in self.failed:
                lines: dict[str, list[int]] = {}
                for file, line in self.lines:
                    lines.setdefault(file, []).append(line)
                self.tests[item.nodeid] = {"seconds": seconds, "lines": lines}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "failed":
            self.failed.add(report.nodeid)


class Chosen:
    """Keeps the tests that were chosen, in the order given."""

    def __init__(self, tests: list[str]) -> None:
        self.place = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.place), key=lambda i: self.place[i.nodeid])
