"""Generations: what each is trained on, the same samples by seed, and the same end for a run that was killed."""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from sdg_lab import data
from sdg_lab.data import Images
from sdg_lab.distill.drift import Frequencies
from sdg_lab.distill.generations import generations, joined, named_folder, real_rows
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.markov import MarkovChain

NAMES = data.names().train[:60]


def same(a, b):
    """Say whether two sets of rows are equal, types and dtypes included."""
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b)
        return True
    if isinstance(a, Images):
        labels = (a.labels is None and b.labels is None) or np.array_equal(a.labels, b.labels)
        return np.array_equal(a.pixels, b.pixels) and labels and a.classes == b.classes
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


class Rows(Frequencies):
    """Draws rows of any type as often as they were seen."""

    def fit(self, data, *, seed):
        self.data = data

    def sample(self, n, *, seed):
        chosen = np.random.default_rng(seed).integers(len(self.data), size=n)
        if isinstance(self.data, pd.DataFrame):
            return self.data.iloc[chosen].reset_index(drop=True)
        return [self.data[i] for i in chosen] if isinstance(self.data, list) else self.data[chosen]


MIXED = pd.DataFrame(
    {
        "grade": pd.Categorical(["low", "high", None, "low"], ["low", "middle", "high"], ordered=True),
        "count": [3, 1, 4, 1],
        "size": [0.1, np.nan, 0.3, 1e-300],
        "name": ["a", "b", "c", "d"],
        "yes": [True, False, True, True],
    }
)
PIXELS = np.random.default_rng(0).random((4, 1, 2, 2)).astype(np.float32)
OF_EACH_TYPE = {
    "text": ["anna", "bob", "zoë", "eve"],
    "tokens": [("a", "b"), ("c",), ("d", "e"), ("f",)],
    "array": np.random.default_rng(0).random((4, 2)).astype(np.float32),
    "images": Images(PIXELS),
    "labelled images": Images(PIXELS, np.array([0, 1, 1, 0]), ("cat", "dog")),
    "table": MIXED,
}


@pytest.mark.parametrize("regime", ["replace", "accumulate", "mix"])
@pytest.mark.parametrize("rows", OF_EACH_TYPE.values(), ids=OF_EACH_TYPE)
def test_samples_of_every_type_come_back_from_disk_as_they_were(rows, regime, tmp_path):
    options = {"regime": regime, "share": 0.5 * (regime == "mix"), "seed": 1}
    plain = list(generations(Rows(), rows, 3, **options))
    for _ in range(2):  # written, then read
        again = list(generations(Rows(), rows, 3, folder=tmp_path, **options))
        assert all(same(a.samples, b.samples) and same(a.data, b.data) for a, b in zip(plain, again, strict=True))


# What a generation is trained on


def test_replaced_it_learns_from_the_last_samples_alone():
    first, second, third = generations(MarkovChain(2), NAMES, 2)
    assert (first.number, first.real, first.data) == (0, 60, NAMES)
    assert (second.real, second.data) == (0, first.samples)
    assert (third.real, third.data) == (0, second.samples)


def test_accumulated_it_learns_from_everything_so_far():
    runs = list(generations(MarkovChain(2), NAMES, 2, regime="accumulate"))
    assert runs[2].data == NAMES + runs[0].samples + runs[1].samples
    assert [one.real for one in runs] == [60, 60, 60]


@pytest.mark.parametrize("real", ["kept", "redrawn"])
def test_mixed_it_learns_from_real_rows_and_from_others_of_the_last(real):
    runs = list(generations(Frequencies(), NAMES, 2, regime="mix", share=0.25, real=real))
    parts = [(one.data[:15], one.data[15:]) for one in runs[1:]]
    for last, (rows, others) in zip(runs, parts, strict=False):
        assert len(set(rows)) == 15
        assert set(rows) <= set(NAMES)
        assert len(others) == 45
        assert Counter(others) <= Counter(last.samples)
    assert (parts[0][0] == parts[1][0]) == (real == "kept")


def test_fresh_rows_come_from_the_world():
    asked = []

    def source(n, seed):
        asked.append((n, seed))
        return [f"new {len(asked)} {i}" for i in range(n)]

    runs = list(generations(Frequencies(), NAMES, 2, regime="mix", share=0.1, real="fresh", source=source))
    assert [n for n, _ in asked] == [6, 6]
    assert asked[0][1] != asked[1][1]
    assert runs[2].data[:6] == [f"new 2 {i}" for i in range(6)]


def test_a_share_of_none_is_replacing_and_of_all_is_the_real_data():
    none, replaced = (list(generations(MarkovChain(2), NAMES, 3, **o)) for o in ({"regime": "mix"}, {}))
    assert [one.samples for one in none] == [one.samples for one in replaced]
    every = list(generations(MarkovChain(2), NAMES, 3, regime="mix", share=1.0))
    assert all(sorted(one.data) == sorted(NAMES) for one in every)


def test_a_sorted_sample_is_not_cut_at_its_end():
    class Sorted(Frequencies):
        def sample(self, n, *, seed):
            return sorted(super().sample(n, seed=seed))

    second = list(generations(Sorted(), NAMES, 1, regime="mix", share=0.5))[1]
    assert max(second.data[30:]) > sorted(NAMES)[45]


def test_one_seed_has_one_beginning_in_all_regimes_and_another_seed_another():
    regimes = [{}, {"regime": "accumulate"}, {"regime": "mix", "share": 0.5}]
    starts = [next(generations(MarkovChain(2), NAMES, 1, seed=3, **one)).samples for one in regimes]
    assert starts[0] == starts[1] == starts[2]
    assert next(generations(MarkovChain(2), NAMES, 1, seed=4)).samples != starts[0]


def test_options_reach_the_model_which_stays_as_it_is():
    model = MarkovChain(2)
    first, second = generations(model, NAMES, 1, sampling={"temperature": 0})
    assert len(set(first.samples)) == len(set(second.samples)) == 1
    assert not model.fitted
    with pytest.raises(TypeError, match="epochs"):
        next(generations(model, NAMES, 1, fitting={"epochs": 3}))


def test_a_table_keeps_its_dtypes_through_a_model():
    table = data.fair().train.iloc[:300][["educ", "occupation", "age"]].reset_index(drop=True)
    runs = list(generations(BayesNet("tree"), table, 2, regime="mix", share=0.2))
    assert all(one.samples.dtypes.equals(table.dtypes) for one in runs)


# Going on


class Killed(Exception):
    pass


class Mortal(MarkovChain):
    """Dies in its third training."""

    fits = 0

    def fit(self, data, *, seed=0, progress=True):
        type(self).fits += 1
        if type(self).fits == 3:
            raise Killed
        return super().fit(data, seed=seed)


OPTIONS = [
    {},
    {"regime": "accumulate"},
    {"regime": "mix", "share": 0.2},
    {"regime": "mix", "share": 0.2, "real": "kept"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_goes_on_after_its_last_whole_generation(options, tmp_path):
    whole = [one.samples for one in generations(Mortal.__base__(2), NAMES, 5, **options)]
    Mortal.fits = 0
    with pytest.raises(Killed):
        list(generations(Mortal(2), NAMES, 5, folder=tmp_path, **options))
    assert len(list(tmp_path.iterdir())) == 2
    assert [one.samples for one in generations(Mortal(2), NAMES, 5, folder=tmp_path, **options)] == whole
    assert Mortal.fits == 3 + 4


def test_more_generations_begin_where_fewer_ended(tmp_path):
    list(generations(MarkovChain(2), NAMES, 2, folder=tmp_path))
    longer = [one.samples for one in generations(MarkovChain(2), NAMES, 4, folder=tmp_path)]
    assert longer == [one.samples for one in generations(MarkovChain(2), NAMES, 4)]


def test_a_generation_that_was_read_trains_its_model_when_it_is_asked_for(tmp_path):
    first = [one.model.log_prob(NAMES[:5]) for one in generations(MarkovChain(2, "witten-bell"), NAMES, 2)]
    list(generations(MarkovChain(2, "witten-bell"), NAMES, 2, folder=tmp_path))
    read = list(generations(MarkovChain(2, "witten-bell"), NAMES, 2, folder=tmp_path))
    assert np.array_equal(first, [one.model.log_prob(NAMES[:5]) for one in read])
    assert read[1].model is read[1].model


def slowly(folder):
    class Slow(Frequencies):
        def fit(self, data, *, seed):
            time.sleep(0.02)
            return super().fit(data, seed=seed)

    list(generations(Slow(), NAMES, 40, regime="accumulate", folder=folder))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Unix does")
def test_killed_at_any_point_it_ends_in_the_same_files(tmp_path):
    slowly(tmp_path / "whole")
    context, draws = multiprocessing.get_context("fork"), random.Random(0)
    for _ in range(8):
        process = context.Process(target=slowly, args=(tmp_path / "killed",))
        process.start()
        time.sleep(draws.uniform(0.05, 0.4))
        process.kill()
        process.join()
    slowly(tmp_path / "killed")
    whole, killed = (contents(tmp_path / name) for name in ("whole", "killed"))
    assert len(whole) == 41
    assert killed == whole


def contents(folder):
    """Return what a run leaves behind; the header's entries may stand in any order."""
    there = {path.name: read_tensors(path, framework="numpy") for path in folder.glob("generation-*")}
    return {name: (tensors["rows"].tobytes(), config) for name, (tensors, config) in there.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "seed"),
        ({"data": NAMES[1:]}, "data"),
        ({"model": MarkovChain(3)}, "config"),
        ({"model": Frequencies()}, "model, config"),
        ({"sampling": {"temperature": 0.5}}, "sampling"),
        ({"regime": "accumulate", "share": 0.0}, "regime, share"),
        ({"real": "kept"}, "real"),
    ],
)
def test_a_folder_of_another_run_is_refused(change, said, tmp_path):
    options = {"model": MarkovChain(2), "data": NAMES, "count": 1, "regime": "mix", "share": 0.5, "folder": tmp_path}
    list(generations(**options))
    with pytest.raises(ValueError, match=rf"another run \({said} differ\)"):
        list(generations(**{**options, **change}))


class Named(Rows):
    """A reader's own model, without a config()."""

    def __init__(self, what="x"):
        self.what = what

    def fit(self, data, *, seed, epochs=1):
        super().fit(data, seed=seed)


def world(offset):
    return lambda n, seed: [f"{offset} {i}" for i in range(n)]


def other_world(n, seed):
    return [f"other {i}" for i in range(n)]


class World:
    def __init__(self, offset):
        self.offset = offset

    def draw(self, n, seed):
        return world(self.offset)(n, seed)


FRESH = {"regime": "mix", "share": 0.5, "real": "fresh"}
LABELS = np.array([0, 1, 1, 0])
GRID = np.arange(24.0).reshape(4, 2, 3)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"seed": np.int64(0)}, {"seed": np.int64(1)}, "seed"),
        ({"regime": "mix", "share": np.float32(0.25)}, {"regime": "mix", "share": np.float32(0.75)}, "share"),
        ({"fitting": {"epochs": np.int64(5)}}, {"fitting": {"epochs": np.int64(7)}}, "fitting"),
        ({"fitting": {"epochs": np.arange(2)}}, {"fitting": {"epochs": np.arange(3)}}, "fitting"),
        ({"fitting": {"epochs": torch.ones(2)}}, {"fitting": {"epochs": torch.zeros(2)}}, "fitting"),
        ({"model": Named("x")}, {"model": Named("y")}, "config"),
        ({"model": Named(np.zeros(2))}, {"model": Named(np.ones(2))}, "config"),
        ({"model": Named(Named("x"))}, {"model": Named(Named("y"))}, "config"),
        ({**FRESH, "source": world(1)}, {**FRESH, "source": world(2)}, "source"),
        ({**FRESH, "source": world(1)}, {**FRESH, "source": other_world}, "source"),
        ({**FRESH, "source": World(1).draw}, {**FRESH, "source": World(2).draw}, "source"),
        ({**FRESH, "source": lambda n, seed: ["a"] * n}, {**FRESH, "source": lambda n, seed: ["b"] * n}, "source"),
        ({"data": MIXED}, {"data": MIXED.rename(columns={"count": "number"})}, "data"),
        ({"data": MIXED[["count"]]}, {"data": MIXED[["count"]].astype("int32")}, "data"),
        ({"data": MIXED[["grade"]]}, {"data": MIXED[["grade"]].astype(str).astype("category")}, "data"),
        ({"data": Images(PIXELS, LABELS)}, {"data": Images(PIXELS, 1 - LABELS)}, "data"),
        ({"data": Images(PIXELS, LABELS, ("a", "b"))}, {"data": Images(PIXELS, LABELS, ("b", "a"))}, "data"),
        ({"data": GRID}, {"data": GRID.reshape(4, 6)}, "data"),
        ({"data": GRID}, {"data": GRID.astype(np.float32)}, "data"),
    ],
)
def test_a_folder_knows_its_run(one, other, said, tmp_path):
    run = {"model": Named(), "data": NAMES, "count": 1, "folder": tmp_path}
    first, again = (list(generations(**{**run, **one})) for _ in range(2))
    assert all(same(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    with pytest.raises(ValueError, match=rf"another run \({said} differ\)"):
        list(generations(**{**run, **other}))


def test_numpys_numbers_are_pythons(tmp_path):
    plain = {"seed": 3, "regime": "mix", "share": 0.25, "fitting": {"epochs": 5}}
    numpys = {**plain, "seed": np.int64(3), "share": np.float32(0.25), "fitting": {"epochs": np.int16(5)}}
    first, again = (list(generations(Named(), NAMES, 1, folder=tmp_path, **o)) for o in (plain, numpys))
    assert [one.samples for one in first] == [one.samples for one in again]


def test_a_generation_in_the_place_of_another_is_refused(tmp_path):
    list(generations(MarkovChain(2), NAMES, 2, folder=tmp_path))
    first, last = (tmp_path / f"generation-000{i}.safetensors" for i in (0, 2))
    last.write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match="holds generation 0 of this run, not 2"):
        list(generations(MarkovChain(2), NAMES, 2, folder=tmp_path))


CHANGED = {
    "a number as a name": (pd.DataFrame({0: ["a", "b"]}), "column 0 of data .* its name is of the type int"),
    "whole numbers as objects": (pd.DataFrame({"x": pd.Series([1, 2], dtype=object)}), "column 'x' .*object becomes"),
    "categories of numbers": (pd.DataFrame({"x": pd.Series([1, 2], dtype=object).astype("category")}), "column 'x'"),
    "text with None": (pd.DataFrame({"x": pd.Series(["a", None], dtype=object)}), "column 'x' .*object becomes str"),
    "text and numbers": (pd.DataFrame({"x": pd.Series(["a", 1], dtype=object)}), "column 'x' .*cannot be written"),
    "lists": (pd.DataFrame({"x": pd.Series([("a",), ("b",)], dtype=object)}), "column 'x' "),
    "objects": (np.array([[1], [2]], dtype=object), "data must be of a plain dtype"),
    "the other order of bytes": (np.ones((2, 1), ">f4"), "data must be of a plain dtype"),
    "tokens within tokens": ([(("a",), "b")], "data\\[0\\] has \\('a',\\)"),
    "text and tuples": (["a", ("b",)], "data must be all text or all tuples"),
}


@pytest.mark.parametrize(("rows", "said"), CHANGED.values(), ids=CHANGED)
def test_what_would_come_back_as_something_else_is_refused_before_training(rows, said, tmp_path):
    with pytest.raises(TypeError, match=said):
        generations(Rows(), rows, 1, folder=tmp_path)
    assert len(list(generations(Rows(), rows, 1))) == 2  # in memory nothing is lost
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_refused(tmp_path):
    list(generations(MarkovChain(2), NAMES, 1, folder=tmp_path))
    path = tmp_path / "generation-0001.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="damaged"):
        list(generations(MarkovChain(2), NAMES, 1, folder=tmp_path))


# Refusals


def two(*args):
    return ["a", "b"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": -1}, "count must be a whole number >= 0"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"regime": "mixed"}, "did you mean 'mix'"),
        ({"regime": "mix", "real": "new"}, "real must be one of redrawn, kept, fresh"),
        ({"regime": "mix", "share": 1.5}, "share must be >= 0 and <= 1"),
        ({"share": 0.1}, "'replace' has neither"),
        ({"regime": "accumulate", "real": "kept"}, "'accumulate' has neither"),
        ({"regime": "mix", "share": 0.001}, "0.001 of 60 rows is none"),
        ({"regime": "mix", "real": "fresh", "share": 0.5}, "real='fresh' give one"),
        ({"source": two}, "real='redrawn' leave it out"),
        ({"data": []}, "data is empty"),
        ({"regime": "mix", "real": "fresh", "share": 0.5, "source": two}, "as many rows as it is asked for, 30, got 2"),
        ({"regime": "mix", "real": "fresh", "share": 0.5, "source": 3}, "source must be a function of .*, got 3"),
        ({"fitting": {"seed": 3}}, "fitting must not hold seed: generations decides that itself"),
        ({"sampling": {"n": 3, "seed": 1}}, "sampling must not hold n, seed"),
        ({"folder": ""}, "folder is empty; name one, or leave it out"),
    ],
)
def test_refusals(change, said):
    with pytest.raises(ValueError, match=said):
        list(generations(**{"model": Frequencies(), "data": NAMES, "count": 1, **change}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": Frequencies}, r"model must be a model, got its class; make one, such as Frequencies\(\)"),
        ({"model": 3}, "model must have fit.* and sample.*, got int"),
        ({"fitting": "fast"}, "fitting must be a mapping of options by their names, got 'fast'"),
        ({"fitting": [1]}, "fitting must be a mapping"),
        ({"sampling": 3}, "sampling must be a mapping"),
        ({"sampling": {1: 2}}, "sampling must be a mapping"),
        ({"folder": 3}, "folder must be a text or a Path, got 3"),
        ({"folder": b"runs"}, "folder must be a text or a Path, got b'runs'"),
    ],
)
def test_what_is_of_another_type_is_refused_at_once(change, said):
    with pytest.raises(TypeError, match=said):
        generations(**{"model": Frequencies(), "data": NAMES, "count": 1, **change})


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file; choose another name"):
        generations(Frequencies(), NAMES, 1, folder=tmp_path / "runs")


def test_a_folder_is_for_reading_and_writing(tmp_path, monkeypatch):
    list(generations(Frequencies(), NAMES, 1, folder=tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(PermissionError, match=r"nothing can be written into .*; choose another folder"):
        named_folder(tmp_path)
    assert len(list(generations(Frequencies(), NAMES, 1, folder=tmp_path))) == 2
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"nothing can be read in .*; choose another folder"):
        generations(Frequencies(), NAMES, 1, folder=tmp_path)


@pytest.mark.parametrize("n", [0, 1.5, "a", None, 10**400])
def test_rows_are_a_whole_number(n):
    with pytest.raises(ValueError, match="n must be a whole number >= 1"):
        real_rows(n, "mix", 0.5)


@pytest.mark.parametrize("change", [{"kind": "table"}, {"kind": "images"}, {}])
def test_a_file_without_samples_is_refused(tmp_path, change):
    list(generations(Frequencies(), NAMES, 1, folder=tmp_path))
    path = tmp_path / "generation-0001.safetensors"
    tensors, config = read_tensors(path, framework="numpy")
    del config["kind"]
    write_tensors(path, tensors, {**config, **change})
    with pytest.raises(ValueError, match=r"generation-0001\.safetensors holds no samples .* delete it"):
        list(generations(Frequencies(), NAMES, 1, folder=tmp_path))


ONE, TWO = (Images(np.zeros((2, 1, 2, 2), np.float32), np.zeros(2, int), classes) for classes in (("a",), ("b", "c")))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "parts is empty"),
        (None, "parts must be several values"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"one shape .* got arrays of the shapes \[\(2, 2\), \(2, 3\)\]"),
        ([np.array(1), np.array(2)], "of one shape"),
        ([ONE, Images(np.zeros((2, 1, 3, 3), np.float32))], "of one shape"),
        ([ONE, TWO], "labels must be of the same classes"),
    ],
)
def test_what_does_not_follow_on_each_other_is_not_joined(parts, said):
    with pytest.raises(ValueError, match=said):
        joined(parts)


def test_what_is_no_rows_is_refused():
    with pytest.raises(TypeError, match="data must be"):
        generations(Frequencies(), "anna", 1)


POINTS, TEXTS, TOKENS = np.ones((4, 2)), ["a", "b", "c", "d"], [("a",)] * 4
TABLE = pd.DataFrame({"x": pd.Series(["a", "b", "c", "d"], dtype=object)})
UNLIKE = [
    (POINTS, np.zeros((3, 2)), ValueError, "as many rows as it is asked for, 4, got 3"),
    (POINTS, np.full((4, 2), np.nan), ValueError, "samples has nan"),
    (POINTS, TOKENS, TypeError, "list do not follow on ndarray"),
    (POINTS, None, TypeError, "NoneType do not follow on ndarray"),
    (POINTS, torch.ones(4, 2), TypeError, "Tensor do not follow on ndarray"),
    (POINTS, np.ones((4, 3)), ValueError, r"rows of shape \(2,\), as the real ones, got \(3,\)"),
    (POINTS, np.array(3.0), ValueError, r"rows of shape \(2,\), as the real ones, got \(\)"),
    (POINTS, POINTS.astype(object), TypeError, "must hold numbers, .* got object"),
    (Images(PIXELS), Images(PIXELS[..., :1]), ValueError, r"rows of shape \(1, 2, 2\)"),
    (TEXTS, [1] * 4, TypeError, r"samples\[0\] must be a string or a tuple"),
    (TEXTS, [None] * 4, TypeError, r"samples\[0\] must be a string or a tuple"),
    (TEXTS, [["a"]] * 4, TypeError, r"samples\[0\] must be a string or a tuple"),
    (TEXTS, TOKENS, ValueError, "samples holds tuple"),
    (TEXTS, ["a", "", "b", "c"], ValueError, r"samples\[1\] is empty, and no real row is"),
    (TOKENS, [("a",), (), ("a",), ("a",)], ValueError, r"samples\[1\] is empty, and no real row is"),
    (TOKENS, [(1,)] * 4, ValueError, "a token of samples holds numbers"),
    (TABLE, TABLE.rename(columns={"x": "y"}), TypeError, "same columns and dtypes"),
    (TABLE, TABLE.replace("b", 1), ValueError, "column 'x' of samples holds numbers and text"),
]


@pytest.mark.parametrize(("rows", "drawn", "error", "said"), UNLIKE)
def test_a_model_that_draws_something_else_is_refused(rows, drawn, error, said, tmp_path):
    class Wrong(Rows):
        def sample(self, n, *, seed):
            return drawn

    with pytest.raises(error, match=f"(?s)generation 0, drawn by Wrong: .*{said}"):
        list(generations(Wrong(), rows, 1))
    if rows is not TABLE:  # which is refused by itself
        with pytest.raises(error, match=said):
            list(generations(Wrong(), rows, 1, folder=tmp_path))
        assert not list(tmp_path.iterdir())


def test_a_source_that_draws_something_else_is_refused():
    with pytest.raises(ValueError, match="generation 1, drawn by source: samples holds tuple"):
        list(generations(Frequencies(), NAMES, 1, source=lambda n, seed: [("a",)] * n, **FRESH))


def test_rows_may_be_empty_where_real_ones_are():
    assert len(list(generations(Rows(), ["", "a"], 3))) == 4


def test_tables_of_other_dtypes_do_not_follow_on_each_other():
    with pytest.raises(TypeError, match="same columns and dtypes"):
        joined([MIXED, MIXED.astype({"count": float})])


def test_images_lose_their_labels_where_some_have_none():
    assert joined([Images(PIXELS, np.array([0, 1, 1, 0])), Images(PIXELS)]).labels is None


def test_real_rows_are_rounded():
    assert [real_rows(60, "mix", share) for share in (0.0, 0.02, 0.5, 1.0)] == [0, 1, 30, 60]
    assert real_rows(60, "accumulate", 0.0) == 0
