"""Killed at any moment and started again, a run ends in the same data set."""

import hashlib
import multiprocessing
import random
import sys
import time
from collections import Counter

import pytest
from nasty_server import PASSING, VARIABLE
from small_recipes.words import Words

from sdg_lab.distill import run, server
from sdg_lab.distill.server import ServerTeacher

N = 150
QUICK = [mode for mode in PASSING if mode not in ("slow", "drip", "endless")]


class Chaos:
    """One request in four fails once, in any way."""

    def __init__(self):
        self.met = Counter()

    def __call__(self, asked, seed):
        self.met[asked] += 1
        draws = random.Random(f"{asked} {self.met[asked]}")
        return draws.choice(QUICK) if draws.random() < 0.25 else "ok"


def work(url, folder):
    """Do the whole run."""
    server.FIRST_PAUSE = 0.01
    teacher = ServerTeacher(url, "small", key_variable=VARIABLE, timeout=20, attempts=50)
    run(Words(N), teacher, folder=folder, fruitless=N, progress=False).save(against=["about 7"], n=2)


def files(folder):
    """Return the checksums of all that a run leaves behind, but for locks and what was half written: hidden files."""
    there = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in there}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Unix does")
@pytest.mark.parametrize("seed", [0])
def test_killed_twenty_times_it_ends_in_the_same_files(nasty, tmp_path, seed):
    work(nasty.url, tmp_path / "whole")
    expected = files(tmp_path / "whole")
    assert set(expected) == {"README.md", "journal.jsonl", "data/question.parquet", "data/pair.parquet"}
    total = (tmp_path / "whole/journal.jsonl").stat().st_size
    nasty.plan = Chaos()
    draws, journal = random.Random(seed), tmp_path / "killed/journal.jsonl"
    context = multiprocessing.get_context("fork")
    sizes = []
    for kill in range(20):
        process = context.Process(target=work, args=(nasty.url, tmp_path / "killed"))
        before = journal.stat().st_size if journal.exists() else 0
        process.start()
        grown = draws.uniform(0, total / 18) if kill < 16 else total  # the last four while it ends, or has ended
        end = time.monotonic() + 20
        while process.is_alive() and time.monotonic() < end:
            if journal.exists() and journal.stat().st_size >= min(before + grown, total):
                break
            time.sleep(0.001)
        time.sleep(draws.uniform(0, 0.03))
        process.kill()
        process.join()
        sizes.append(journal.stat().st_size if journal.exists() else 0)
    assert len(set(sizes)) > 12, sizes
    assert sizes[11] < total
    work(nasty.url, tmp_path / "killed")
    assert files(tmp_path / "killed") == expected
    assert sum(nasty.met[mode] for mode in QUICK) > 20
