"""What worker processes do in these tests: they find it by importing this file."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np


def draw(shard: int, seed: int) -> bytes:
    """Return some numbers, of a length that differs between shards; shard 0 is empty."""
    numbers = np.random.default_rng(seed).standard_normal(37 * shard)
    return "".join(f"{number:.17g}\n" for number in numbers).encode()


def draw_slowly(seconds: float, shard: int, seed: int) -> bytes:
    time.sleep(seconds)
    return draw(shard, seed)


def fail_at(wrong: tuple[int, ...], shard: int, seed: int) -> bytes:
    if shard in wrong:
        raise ArithmeticError(f"no numbers for {shard}")
    return draw(shard, seed)


def exit_at(wrong: int, shard: int, seed: int) -> bytes:
    if shard == wrong:
        raise SystemExit(3)
    return draw(shard, seed)


def die_at(wrong: int, times: int, notes: Path, shard: int, seed: int) -> bytes:
    """Be killed with the worker the first few times that this shard is done; note each time in a folder."""
    if shard == wrong:
        died = len(list(notes.iterdir()))
        if died < times:
            (notes / str(died)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return draw(shard, seed)


_HELD = []


def hold_a_semaphore(shard: int, seed: int) -> bytes:
    """Take a lock that other processes could share, as the bar of tqdm does, and keep it to the end."""
    _HELD.append(multiprocessing.get_context("spawn").RLock())
    return draw(shard, seed)


def say_who(notes: Path, shard: int, seed: int) -> bytes:
    """Note the worker's process and its number of threads."""
    (notes / str(os.getpid())).write_text(os.environ["OMP_NUM_THREADS"])
    time.sleep(0.05)
    return draw(shard, seed)


def wait_for_ever(notes: Path, shard: int, seed: int) -> bytes:
    (notes / str(os.getpid())).touch()
    time.sleep(600)
    return draw(shard, seed)
