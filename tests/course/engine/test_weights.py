"""Weights that ship: each is declared, small, there, and can be read; what is asked for wrongly is refused."""

from pathlib import Path

import pytest

from sdg_lab.course.engine import notebooks, registry
from sdg_lab.course.engine import weights as trained

MOST_BYTES = 5_000_000
SHIPPED = notebooks.SOURCES / "notebooks" / notebooks.WEIGHTS


class Stub:
    """A model of one word."""

    def __init__(self, word: str = "trained") -> None:
        self.word = word

    def save(self, path: str | Path) -> None:
        Path(path).write_text(self.word, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "Stub":
        return cls(Path(path).read_text(encoding="utf-8"))


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One name in a folder of its own."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(notebooks, "folder", lambda: folder)
    monkeypatch.setattr(registry, "weights", lambda number: {"00-stub": Stub} if number == "00" else {})
    return folder


def test_every_file_is_declared_and_every_declared_one_is_there_and_small():
    there = {path.stem: path.stat().st_size for path in SHIPPED.glob("*.safetensors")}
    assert set(there) == set(trained.names())
    assert all(size <= MOST_BYTES for size in there.values()), there


def test_what_was_trained_is_what_is_loaded(declared: Path):
    assert trained.train("00-stub") == declared / "weights" / "00-stub.safetensors"
    assert trained.load("00-stub", Stub).word == "trained"


def test_weights_that_were_not_trained_say_how(declared: Path):
    with pytest.raises(
        FileNotFoundError, match=r"weights/00-stub.safetensors is not there; train it: sdg-lab train 00"
    ):
        trained.load("00-stub", Stub)


@pytest.mark.parametrize("name", ["00-stud", "99-x", ""])
def test_a_name_that_nobody_declares_is_refused(declared: Path, name: str):
    with pytest.raises(KeyError, match=f"no weights {name!r}; there are 00-stub"):
        trained.train(name)
