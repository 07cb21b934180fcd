"""What went wrong in a shard is said in words."""

import errno
import os

import pytest

from sdg_lab.shards.tasks import attempt, system_error


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "x.txt is not there; see how it is spelt"),
        (errno.EACCES, "x.txt may not be read or written by you; choose another place, or ask its owner"),
        (errno.ENOSPC, "x.txt cannot be written: the disk is full; make room, and the same command goes on"),
        (errno.EISDIR, "x.txt is a folder; name a file"),
        (errno.EIO, f"x.txt cannot be used ({os.strerror(errno.EIO)}); choose another place"),
    ],
)
def test_an_error_of_the_system_names_path_and_remedy(number, said):
    assert system_error(OSError(number, os.strerror(number), "x.txt")) == said


def test_our_own_sentence_is_left_as_it_is():
    assert system_error(FileNotFoundError("there is no leaf; write one")) == "there is no leaf; write one"


def test_a_shard_fails_with_it(tmp_path):
    outcome = attempt(lambda shard, seed: (tmp_path / "none").read_bytes(), 3, 0)
    assert outcome.error == f"{tmp_path / 'none'} is not there; see how it is spelt"
    assert "Errno" in outcome.details
